"""The feedback pages, written in parallel, with nothing in them that can act.

    autograded/<student>/<section>/<notebook>.ipynb  +  scores and comments  ──►  feedback/<student>/<section>/….html

The folders and what stands in a page are those of `nbgrader generate_feedback`; how a page looks is in templates/.
The gradebook is read once; the workers are forked when everything is imported and the template is compiled. The first
lines of a page hold a hash of everything that went into it, so that a page that is up to date is not written again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import multiprocessing
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from backprop.files import write_atomically

from ..course import Course
from ..errors import UserError
from ..gradebook.reader import NotebookGrade, Section, read_grades
from ..processor_time import TooLong, at_most
from ..submissions import images, outputs, svg
from ..submissions.files import open_no_link
from . import feedback_page, mathml, pages, sanitize, summary
from .feedback_page import page_html, template
from .pages import TEMPLATES
from .summary import Headings, Summary, exercises, read_headings

PAGE_SECONDS = 60  # of the processor
MAX_NOTEBOOK = 256 * 2**20
KEY = re.compile(r"<!-- feedback ([0-9a-f]{64}) -->")


@dataclass(frozen=True)
class Page:
    """One page to write."""

    student: str
    section: str
    notebook: str
    source: Path
    target: Path
    handed_in: Path
    grade: NotebookGrade
    points: float
    headings: Headings

    @property
    def name(self) -> str:
        return f"{self.student}/{self.section}/{self.notebook}"


class Unreadable(Exception):
    """The autograded notebook is not one; the text says why."""


def write_feedback(
    course: Course,
    sections: Sequence[str],
    students: Sequence[str] = (),
    *,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> tuple[int, list[str]]:
    """Write the feedback pages of everything that is graded; return how many were new or changed, and the submissions
    among them that a person has still to grade (student/section).

    students : only these; everybody when empty
    progress : called with (finished, of how many, the page just finished)

    Raises UserError when nothing is graded, for a student who is not, and, after all other pages are
    written, with one sentence for each notebook of which no page could be made.
    """
    pages, problems, unfinished = find_pages(course, sections, students)
    written = 0
    for done, (page, outcome) in enumerate(_write_all(pages, workers), 1):
        if isinstance(outcome, str):
            problems.append(f"{page.name}: {outcome}")
        else:
            written += outcome
        progress(done, len(pages), page.name)
    if problems:
        problems.append(f"{written} feedback pages were written; there is none for the above.")
        raise UserError("\n".join(problems))
    return written, unfinished


def find_pages(
    course: Course, sections: Sequence[str], students: Sequence[str] = ()
) -> tuple[list[Page], list[str], list[str]]:
    """The pages that there should be, a sentence for each graded notebook that the gradebook does not know, and the
    submissions that a person has still to grade.

    Raises UserError when there is nothing graded, or nothing of a named student.
    """
    folders = course.autograded.iterdir() if course.autograded.is_dir() else []
    known = sorted(folder.name for folder in folders if folder.is_dir() and not folder.name.startswith("."))
    if not known:
        raise UserError(f"{course.shown(course.autograded)}/ is empty. Run `python -m autograder grade` first.")
    unknown = [student for student in students if student not in known]
    if unknown:
        raise UserError(f"autograded/ has no folder for {', '.join(unknown)}. Check the spelling, or grade them first.")
    grades = read_grades(course, list(sections))
    pages, problems, headings = [], [], {}
    for section in grades.sections:
        for student in students or known:
            folder = course.autograded / student / section.name
            for source in sorted(folder.glob("*.ipynb")):
                grade = _grade_of(section, student, source.stem)
                if grade is None:
                    problems.append(f"{student}/{section.name}/{source.stem}: not in the gradebook. Grade it again.")
                    continue
                target = course.feedback / student / section.name / f"{source.stem}.html"
                points = section.notebook_points(source.stem)
                released = course.release / section.name / source.name
                if released not in headings:
                    headings[released] = read_headings(released)
                pages.append(
                    Page(
                        student,
                        section.name,
                        source.stem,
                        source,
                        target,
                        course.submitted / student / section.name,
                        grade,
                        points,
                        headings[released],
                    )
                )
    if not pages and not problems:
        raise UserError("Nothing is graded yet in these sections. Run `python -m autograder grade` first.")
    return pages, problems, grades.unfinished(students)


def _grade_of(section: Section, student: str, notebook: str) -> NotebookGrade | None:
    submission = section.submissions.get(student)
    return submission.notebooks.get(notebook) if submission else None


def _write_all(pages: list[Page], workers: int) -> Iterator[tuple[Page, bool | str]]:
    """Each page with whether it was written, or with the sentence why it could not be."""
    if workers <= 1 or len(pages) <= 1:
        for page in pages:
            yield page, write_page(page)
        return
    template()  # before the fork: each worker has it already
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(workers, len(pages)), mp_context=context) as pool:
        waiting = {pool.submit(write_page, page): page for page in pages}
        for future in as_completed(waiting):
            try:
                yield waiting[future], future.result()
            except BrokenProcessPool:
                yield waiting[future], "the process that wrote the page ended. Run the command again with --workers 1."


def write_page(page: Page) -> bool | str:
    """Write one page where it is new or changed; return whether it was, or why there can be none."""
    try:
        content = _read(page.source)
        key = _key(page, content)
        if _key_of(page.target) == key:
            _write_beside(page)
            return False
        with at_most(PAGE_SECONDS, f"making its page took more than {PAGE_SECONDS} s. Look at the notebook itself."):
            text = _made(page, _notebook(content)["cells"], key)
        write_atomically(page.target, text.encode("utf-8", "replace"))
        _write_beside(page)
        return True
    except (Unreadable, TooLong) as error:
        return str(error)
    except OSError as error:
        return f"{error.filename or 'a file'}: {error.strerror or error}."
    except Exception as error:  # one odd notebook must not cost the others their pages
        return f"no page could be made of it ({type(error).__name__}: {str(error)[:200]}). Grade it again."


def _write_beside(page: Page) -> None:
    """What `nbgrader release_feedback` looks for: when it was handed in, and the secret under which the student asks.

    Both change when the same notebook is handed in once more, which leaves the page as it was. The secret is that of
    the newest hand-in; `nbgrader autograde` leaves an older one beside its notebooks.
    """
    for name, folders in (
        ("timestamp.txt", (page.source.parent, page.handed_in)),
        ("submission_secret.txt", (page.handed_in, page.source.parent)),
    ):
        for folder in folders:
            with contextlib.suppress(OSError):
                content, target = _read(folder / name, 4096), page.target.parent / name
                if not target.is_file() or target.read_bytes() != content:
                    write_atomically(target, content)
                break


def _made(page: Page, cells: list[dict[str, Any]], key: str) -> str:
    head = Summary(
        page.headings.title or page.notebook,
        max(0.0, page.grade.raw - page.grade.penalty),
        page.points,
        page.grade.penalty,
        exercises(cells, page.grade, page.headings),
        key,
    )
    return page_html(head, page.grade, cells, page.notebook, page.source.parent)


def _read(path: Path, most: int = MAX_NOTEBOOK) -> bytes:
    """A file, up to a size, no link followed. Raises Unreadable for one that is larger."""
    with open(open_no_link(path), "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise Unreadable(f"{path.name} is too large. Grade it again.")
    return content


def _notebook(content: bytes) -> dict[str, Any]:
    """The JSON of an autograded notebook. Raises Unreadable."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        reason = str(error).partition(":")[0]
        raise Unreadable(f"its autograded notebook is damaged ({reason}). Grade it again with --force.") from None
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Unreadable("its autograded notebook has no cells. Grade it again with --force.")
    return notebook


def _key(page: Page, content: bytes) -> str:
    """A hash of everything that a page is made of."""
    digest = hashlib.sha256(code_version().encode())
    marks = sorted((name, repr(mark)) for name, mark in page.grade.marks.items())
    comments, headings = sorted(page.grade.comments.items()), sorted(page.headings.above.items())
    what = (page.name, marks, comments, page.grade.penalty, page.points, page.headings.title, headings)
    digest.update(repr(what).encode("utf-8", "surrogatepass"))
    digest.update(content)
    for path in sorted(page.source.parent.rglob("*")):
        if path.suffix.lower() in (".png", ".jpg", ".jpeg"):
            with contextlib.suppress(OSError, Unreadable):
                digest.update(path.name.encode("utf-8", "surrogateescape") + _read(path))
    return digest.hexdigest()


@functools.cache
def code_version() -> str:
    """Stands for the programs that a page depends on."""
    modules = (feedback_page, pages, summary, sanitize, mathml, images, outputs, svg)
    files = [Path(path) for path in (__file__, *(module.__file__ for module in modules))]
    files += sorted(path for path in TEMPLATES.rglob("*.*") if path.parent.name != "report")
    own = b"".join(path.read_bytes() for path in files)
    return hashlib.sha256(own).hexdigest() + version("nbconvert") + version("pygments")


def _key_of(path: Path) -> str:
    """The hash in a page that is there already; "" when there is none."""
    try:
        with open(path, "rb") as file:
            found = KEY.search(file.read(400).decode("utf-8", "replace"))
    except OSError:
        return ""
    return found[1] if found else ""
