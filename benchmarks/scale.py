"""Memory and time for a large class: does the cost grow in proportion, does memory stay flat?

    python benchmarks/scale.py [--students 100 1000] [--section 04]

Prints for each class size the time, the time for each submission, and the largest memory that the grader and
everything it started held together.
"""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grading import honest
from kills import family

from autograder.course import Course
from autograder.demo.classroom import copy_course, hand_in

ROOT = Path(__file__).resolve().parent.parent


def memory(pid: int) -> float:
    """MiB held by a process and its children, shared pages counted once (proportional set size)."""
    total = 0
    for one in family(pid):
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--section", default="04")
    options = parser.parse_args()
    for count in options.students:
        with tempfile.TemporaryDirectory() as folder:
            course = copy_course(Course(ROOT), Path(folder) / "course")
            (section,) = course.choose([options.section])
            for number in range(count):
                hand_in(course, honest(number), [section])
            command = [sys.executable, "-m", "autograder", "grade", section, "--workers", "2"]
            begin, most = time.monotonic(), 0.0
            process = subprocess.Popen(command, cwd=course.root, stdout=subprocess.DEVNULL)
            while process.poll() is None:
                most = max(most, memory(process.pid))
                time.sleep(0.5)
            seconds = time.monotonic() - begin
            if process.returncode:
                sys.exit("grading failed")
            each = seconds / count * 1000
            print(f"{count:5d} submissions: {seconds:7.1f} s, {each:6.0f} ms each, at most {most:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
