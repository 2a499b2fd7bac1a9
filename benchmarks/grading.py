"""Grade the same class with `nbgrader autograde` and with `autograder grade`: times, ratio, equal gradebooks.

    python benchmarks/grading.py [--students 40] [--sections 01 03 04] [--no-stock] [--large 200]

Both grade the same honest submissions on the same machine, one after the other. Long training cells are
empty on both sides. Stock nbgrader runs its default preprocessors: the hidden tests in the student's kernel.
At the end a larger class is graded by ours alone: there the costs of starting hardly count.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.course import Course
from autograder.demo.classroom import MadeUp, copy_course, hand_in
from autograder.grading.ledger import Ledger

ROOT = Path(__file__).resolve().parent.parent
STOCK_CONFIG = 'c = get_config()\nc.CourseDirectory.ignore = [".ipynb_checkpoints", "files.txt"]\n'
ROWS = """
    select a.student_id, asg.name, n.name, b.name, g.auto_score, g.needs_manual_grade
    from grade g join base_cell b on g.cell_id = b.id
    join submitted_notebook sn on g.notebook_id = sn.id join notebook n on sn.notebook_id = n.id
    join submitted_assignment a on sn.assignment_id = a.id join assignment asg on a.assignment_id = asg.id
    order by 1, 2, 3, 4
"""


def no_training(notebook: dict, section: str) -> None:
    """Long training cells do nothing, on both sides."""
    for cell in notebook["cells"]:
        if "train" in cell["metadata"].get("tags", []):
            cell["source"] = "pass"


def honest(number: int) -> MadeUp:
    """A student who is right; no two notebooks are the same bytes."""

    def damage(notebook: dict, section: str) -> None:
        no_training(notebook, section)
        notebook["cells"][1]["metadata"]["student"] = number

    return MadeUp(f"student-{number:04d}", "right", damage=damage)


def timed(command: list[str], folder: Path) -> tuple[float, float, float]:
    """(seconds by the clock, processor seconds of it and all its children, peak MiB of the largest process)."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, after.ru_maxrss / 1024


def rows(course: Course) -> list[tuple]:
    with sqlite3.connect(course.gradebook_path) as db:
        return db.execute(ROWS).fetchall()


def fresh(course: Course) -> None:
    """Forget all grading of a course."""
    for folder in (course.autograded, course.feedback, course.state):
        shutil.rmtree(folder, ignore_errors=True)
    course.gradebook_path.unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=40)
    parser.add_argument("--sections", nargs="+", default=["01", "03", "04"])
    parser.add_argument("--no-stock", action="store_true", help="only our side")
    parser.add_argument("--large", type=int, default=200, help="students of the larger class")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options)


def measure(folder: Path, options: argparse.Namespace) -> None:
    ours = copy_course(Course(ROOT), folder / "ours")
    sections = ours.choose(options.sections)
    for number in range(options.students):
        hand_in(ours, honest(number), sections)
    count = options.students * len(sections)
    print(f"{options.students} students × {len(sections)} sections = {count} submissions, {os.cpu_count()} processors")

    command = [sys.executable, "-m", "autograder", "grade", *sections]
    figures = {}
    for workers in (1, 2):
        fresh(ours)
        seconds, cpu, memory = timed([*command, "--workers", str(workers)], ours.root)
        figures[workers] = seconds
        each = f"{seconds / count * 1000:6.0f} ms each   largest process {memory:.0f} MiB"
        print(f"ours, {workers} workers: {seconds:7.1f} s   {each}")
    processor_time(ours, sections, count, cpu)
    print(f"2 workers against 1: {figures[1] / figures[2]:.2f} times as fast")

    seconds, _, _ = timed([sys.executable, "-m", "autograder", "feedback", *sections], ours.root)
    more, _, _ = timed([sys.executable, "-m", "autograder", "report"], ours.root)
    share = (seconds + more) / figures[2]
    print(f"feedback {seconds:.1f} s and report {more:.1f} s: {share:.2f} of the time to grade   (budget 0.5)")
    if not options.no_stock:
        against_stock(folder, ours, sections, figures)

    for number in range(options.students, options.large):
        hand_in(ours, honest(number), sections)
    count = max(options.large, options.students) * len(sections)
    fresh(ours)
    seconds, cpu, _ = timed([*command, "--workers", "2"], ours.root)
    print(f"ours, 2 workers, {count} submissions: {seconds:7.1f} s   {seconds / count * 1000:6.0f} ms each")
    processor_time(ours, sections, count, cpu)


def processor_time(course: Course, sections: list[str], count: int, cpu: float) -> None:
    """Print where the time went, and how much of the processor time is the answers' and the judge's own."""
    where: dict[str, float] = {}
    for section in sections:
        for result in Ledger(course).results(section):
            for what, value in result.seconds.items():
                where[what] = where.get(what, 0.0) + value
    print("where the time goes, ms for each submission: ", end="")
    print(", ".join(f"{what} {value / count * 1000:.1f}" for what, value in where.items()))
    # What runs in bubblewrap is not in the grader's own account: its first process ends without being waited for.
    total, needed = cpu + where["sandbox_cpu"], where["cells_cpu"] + where["answers_cpu"] + where["judge_cpu"]
    quotient = (total - 0.030 * count) / needed
    print(f"processor time {total:.1f} s; (that - 30 ms a notebook) / (cells + judge) = {quotient:.2f}   (budget 1.3)")


def against_stock(folder: Path, ours: Course, sections: list[str], figures: dict[int, float]) -> None:
    """Grade the same class with nbgrader's own command and compare times and gradebooks."""
    count = len(list(ours.submitted.iterdir())) * len(sections)
    stock = copy_course(Course(ROOT), folder / "stock")
    (stock.root / "nbgrader_config.py").write_text(STOCK_CONFIG)
    shutil.copytree(ours.submitted, stock.submitted)
    total = 0.0
    for section in sections:
        timed([sys.executable, "-m", "nbgrader", "generate_assignment", section, "--force"], stock.root)
        total += timed([sys.executable, "-m", "nbgrader", "autograde", section], stock.root)[0]
    print(f"nbgrader autograde: {total:7.1f} s   {total / count * 1000:6.0f} ms each")
    print(f"ratio, 1 worker: {total / figures[1]:.1f}   ratio, 2 workers: {total / figures[2]:.1f}   (budget 20)")
    same = rows(stock) == rows(ours)
    print(f"gradebooks equal: {same} ({len(rows(ours))} rows)")
    if not same:
        different = [(a, b) for a, b in zip(rows(stock), rows(ours), strict=False) if a != b]
        sys.exit(f"first differences (stock, ours): {different[:5]}")


if __name__ == "__main__":
    main()
