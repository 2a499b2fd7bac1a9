"""`autograder demo`: a whole course on a made-up class, from the text of the notebooks to the report."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .classroom import CLASS, copy_course, make_class, run_cells
from .course import Course, UserError
from .grading import Seconds
from .run import Options, grade_class

SECTIONS = ("01-staged-backprop", "03-relu-net-by-hand", "04-ridge")


def run_demo(
    course: Course, folder: Path | None, *, workers: int, say: Callable[[str], None], steps: Callable[[str], Any]
) -> Path:
    """Build, hand in, grade, give back and report; return the folder of the demo course.

    Raises UserError when the folder is not empty.
    """
    from rich.console import Console

    from backprop.pdf import make_pdf

    from .check_stats import check_table
    from .export import export_grades
    from .feedback import write_feedback
    from .release import release
    from .report import write_report

    start = time.monotonic()
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty. Name a new folder for the demo course.")
    demo = copy_course(course, Path(folder or tempfile.mkdtemp(prefix="backprop-demo-")).resolve())
    sections = demo.choose(list(SECTIONS))
    with steps("building the release") as progress:
        release(demo, sections, progress=progress)
    say(f"A class of {len(CLASS)} hands in {len(sections)} sections:")
    for student in CLASS:
        say(f"  {student.name}   {student.story}")
    make_class(demo, sections)
    handed_in = sorted((demo.submitted / "ada").glob("*/*.ipynb"))
    with steps("ada runs her notebooks") as progress:
        for number, path in enumerate(handed_in, 1):
            run_cells(path)
            progress(number, len(handed_in), path.stem)

    options = Options(workers=workers, seconds=Seconds(cell=4, request=2, notebook=60))
    with steps("grading") as progress:
        summary = grade_class(demo, sections, options=options, progress=progress)
    with steps("writing feedback") as progress:
        write_feedback(demo, sections, [], workers=workers, progress=progress)
    grades, _ = export_grades(demo, "csv", None, sections)
    page = write_report(demo, None, sections)
    pdf = demo.exports / "ada-answers.pdf"
    make_pdf(handed_in, pdf, name="ada")

    Console(highlight=False).print(check_table(summary.graded))
    points: dict[str, float] = {}
    for record in summary.graded:
        earned = sum(s or 0 for nb in record["notebooks"].values() for s in nb["scores"].values())
        points[record["student"]] = points.get(record["student"], 0) + earned
    say("points by the autograder, written answers still to be graded by hand:")
    say("  " + "   ".join(f"{name} {points[name]:g}" for name in sorted(points)))
    say("")
    for what, path in (
        ("the course", demo.root),
        ("the students' notebooks", demo.release),
        ("feedback pages", demo.feedback),
        ("the gradebook (nbgrader's format)", demo.gradebook_path),
        ("grades as CSV", grades),
        ("the class report", page),
        ("a student's answers as PDF", pdf),
    ):
        say(f"{what}: {path}")
    if summary.faults:
        raise UserError("\n".join(["The grader or its checks failed:", *summary.faults]))
    say(f"done in {time.monotonic() - start:.0f} s")
    return demo.root
