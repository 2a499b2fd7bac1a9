"""Kill the grader, a worker or a student process at random moments, start again, compare the gradebooks.

    python benchmarks/kills.py [--kills 200] [--seed 0]

Prints how many kills hit what, and whether each round ended in the gradebook of an undisturbed run.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from grading import fresh, rows

from autograder.course import Course
from autograder.demo.classroom import CLASS, copy_course, make_class

ROOT = Path(__file__).resolve().parent.parent
SECTION = "04-ridge"
STUDENTS = tuple(student for student in CLASS if student.name not in ("hal", "ivy"))
KILLS_A_ROUND = 5


def start(course: Course) -> subprocess.Popen:
    command = [sys.executable, "-m", "autograder", "grade", SECTION, "--workers", "2"]
    return subprocess.Popen(command, cwd=course.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def family(pid: int) -> list[int]:
    """The process and everything below it, itself first."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            parents.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        course = copy_course(Course(ROOT), Path(folder) / "course")
        make_class(course, [SECTION], STUDENTS)
        begin = time.monotonic()
        if start(course).wait():
            sys.exit("the undisturbed run failed")
        seconds, expected = time.monotonic() - begin, rows(course)
        print(f"undisturbed run: {seconds:.1f} s, {len(expected)} grades of {len(STUDENTS)} students")
        hit: collections.Counter[str] = collections.Counter()
        rounds = equal = 0
        while hit.total() < options.kills:
            fresh(course)
            for _ in range(KILLS_A_ROUND):
                process = start(course)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(chance.uniform(0.3, seconds))
                    continue  # it finished before the blow
                everyone = family(process.pid)
                what = chance.choice(["everything", "the grader", "another process"])
                victims = {"everything": everyone, "the grader": everyone[:1]}.get(what, [chance.choice(everyone)])
                for pid in victims:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                hit[what] += 1
                process.wait()
            status = start(course).wait()
            rounds += 1
            equal += status == 0 and rows(course) == expected
            print(f"round {rounds}: {hit.total()} kills so far, {equal} of {rounds} rounds ended right", flush=True)
        shutil.rmtree(course.root)
    print(f"{hit.total()} kills ({', '.join(f'{n} of {what}' for what, n in hit.items())})")
    print(f"{equal} of {rounds} rounds ended in the gradebook of an undisturbed run")
    sys.exit(equal != rounds)


if __name__ == "__main__":
    main()
