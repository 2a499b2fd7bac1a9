"""`autograder demo`: a whole course on a made-up class, from the text of the notebooks to the report."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..course import Course
from ..errors import UserError
from ..gradebook.result import SubmissionResult
from ..grading.notebook import Seconds
from ..grading.run import grade_class
from ..grading.workers import Options
from ..sandbox.bubblewrap import INSTALL_BUBBLEWRAP
from ..sandbox.process import Zygote
from ..submissions.released import released_notebooks
from .classroom import copy_course, made_up_class, make_class, run_cells


def __getattr__(name: str) -> object:
    if name == "SECTIONS":
        return made_up_class(Course.find()).SECTIONS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def run_demo(
    course: Course, folder: Path | None, *, workers: int, say: Callable[[str], None], steps: Callable[[str], Any]
) -> Path:
    """Build, hand in, grade, give back and report; return the folder of the demo course.

    say   : shows a line; steps : makes a bar that shows how far a long step is

    Raises UserError when there is no sandbox, when the folder is not empty, or when the grader failed.
    """
    start = time.monotonic()
    _need_sandbox()
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty. Name a new folder for the demo course.")
    demo = copy_course(course, Path(folder or tempfile.mkdtemp(prefix="backprop-demo-")).resolve())
    sections = demo.choose(list(made_up_class(demo).SECTIONS))
    answers = _hand_in(demo, sections, say, steps)
    options = Options(workers=workers, seconds=Seconds(cell=4, request=2, notebook=60))
    with steps("grading") as progress:
        summary = grade_class(demo, sections, options=options, progress=progress)
    written = _give_back(demo, sections, answers, workers, steps)
    most = sum(template.points for section in sections for template in released_notebooks(demo, section).values())
    _show_points(summary.graded, most, say)
    for what, path in written.items():
        say(f"{what}: {path}")
    if summary.faults:
        raise UserError("\n".join(["The grader or its checks failed:", *summary.faults]))
    say(f"done in {time.monotonic() - start:.0f} s")
    return demo.root


def _need_sandbox() -> None:
    """Raise UserError where submissions cannot be kept in: some of the made-up class are hostile."""
    if shutil.which("bwrap") is None:
        raise UserError(
            "The demo needs bubblewrap (the program `bwrap`), which is not installed: some of its students hand in "
            f"hostile notebooks. {INSTALL_BUBBLEWRAP}."
        )
    with Zygote():  # it is there, but may not be allowed to work
        pass


def _hand_in(demo: Course, sections: list[str], say: Callable[[str], None], steps: Callable[[str], Any]) -> list[Path]:
    """Release the sections and let the class hand them in; return the notebooks of ada, who has run hers."""
    from ..release.build import release

    with steps("building the release") as progress:
        release(demo, sections, progress=progress)
    students = made_up_class(demo).CLASS
    say(f"A class of {len(students)} hands in {len(sections)} sections:")
    for student in students:
        say(f"  {student.name}   {student.story}")
    make_class(demo, sections)
    first = students[0].name
    answers = sorted((demo.submitted / first).glob("*/*.ipynb"))
    with steps(f"{first} runs the notebooks") as progress:
        for number, path in enumerate(answers, 1):
            run_cells(path)
            progress(number, len(answers), path.stem)
    return answers


def _give_back(
    demo: Course, sections: list[str], answers: list[Path], workers: int, steps: Callable[[str], Any]
) -> dict[str, Path]:
    """Write feedback, grades, the report and a PDF; return where everything is."""
    from backprop.handin.answers import Options, make_pdf

    from ..lms.export import export_grades
    from ..results.feedback import write_feedback
    from ..results.report import write_report

    with steps("writing feedback") as progress:
        write_feedback(demo, sections, [], workers=workers, progress=progress)
    grades, _ = export_grades(demo, "csv", None, sections)
    page = write_report(demo, None, sections)
    pdf = demo.exports / "ada-answers.pdf"
    make_pdf(answers, pdf, Options(name="ada"))
    return {
        "the course": demo.root,
        "the students' notebooks": demo.release,
        "feedback pages": demo.feedback,
        "the gradebook (nbgrader's format)": demo.gradebook_path,
        "grades as CSV": grades,
        "the class report": page,
        "a student's answers as PDF": pdf,
    }


def _show_points(results: list[SubmissionResult], most: float, say: Callable[[str], None]) -> None:
    """The table of the checks, and what each student got by them. most : the points of all that is graded"""
    from rich.console import Console

    from ..results.check_stats import check_table

    Console(highlight=False).print(check_table(results))
    points: dict[str, float] = {}
    for result in results:
        earned = sum(notebook.score for notebook in result.notebooks.values())
        points[result.student] = points.get(result.student, 0) + earned
    say("points by the autograder, written answers still to be graded by hand:")
    say("  " + "   ".join(f"{name} {points[name]:g} of {most:g}" for name in sorted(points)))
    say("")
