"""The answers of a class as PDFs: how long does it take, and how long a second time?

    python benchmarks/pdf.py [--students 200] [--section 04] [--workers 2]

Every student hands in the solved section with its outputs and figures, and with an answer of their own. Prints the time
on the clock and the processor time of all processes, for all PDFs, for one, and for a second run that finds all up to
date. The budget: 200 in 60 seconds on 2 cores.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from grading import honest

from autograder.course import Course
from autograder.demo.classroom import copy_course, hand_in, run_cells

ROOT = Path(__file__).resolve().parent.parent


def export(course: Course, section: str, workers: int) -> tuple[float, float]:
    """(seconds on the clock, seconds of processor time) that the command takes."""
    command = [sys.executable, "-m", "autograder", "pdf", section, "--workers", str(workers)]
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"printing failed: {done.stdout[-500:]}{done.stderr[-500:]}")
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - begin, used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--section", default="04")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        course = copy_course(Course(ROOT), Path(folder) / "course")
        (section,) = course.choose([options.section])
        hand_in(course, honest(0), [section])
        (first,) = (course.submitted / honest(0).name / section).glob("*.ipynb")
        run_cells(first)
        book = nbformat.read(first, as_version=4)
        for number in range(1, options.students):
            own = course.submitted / honest(number).name / section / first.name
            own.parent.mkdir(parents=True)
            written = next(c for c in book.cells if c.cell_type == "markdown" and c.metadata.get("nbgrader"))
            written.source = f"An answer of student {number}: $x_{{{number}}} = \\frac{{{number}}}{{2}}$."
            nbformat.write(book, own)
        for what in ("new", "up to date"):
            seconds, used = export(course, section, options.workers)
            each = 1000 * used / options.students
            print(
                f"{options.students} submissions of {section}, {what}: {seconds:.1f} s, "
                f"{used:.1f} s of processor time, {each:.0f} ms each",
                flush=True,
            )
        pages = sum(path.stat().st_size for path in course.exports.rglob("*.pdf")) / options.students
        print(f"{pages / 1000:.0f} kB each")


if __name__ == "__main__":
    main()
