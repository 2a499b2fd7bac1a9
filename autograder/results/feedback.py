"""The feedback pages: nbgrader's own, written in parallel, with nothing in them that can act.

    autograded/<student>/<section>/<notebook>.ipynb  +  scores and comments  ──►  feedback/<student>/<section>/….html

The folders, the page template and what stands in a page are those of `nbgrader generate_feedback`.
The gradebook is read once; each worker keeps one template. The first lines of a page hold a hash of
everything that went into it, so that a page that is up to date is not written again.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import multiprocessing
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import HTMLExporter
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.converters import generate_feedback
from traitlets.config import Config

from backprop.files import write_atomically

from ..course import Course
from ..errors import UserError
from ..gradebook.reader import Mark, NotebookGrade, Section, read_grades
from ..submissions.files import open_no_link
from . import mathml
from . import sanitize as harmless

PAGE_SECONDS = 60
MAX_NOTEBOOK = 256 * 2**20
HIDDEN = re.compile(r"^[ \t]*###? *BEGIN HIDDEN TESTS.*?(^[ \t]*###? *END HIDDEN TESTS[^\n]*\n?|\Z)", re.M | re.S)
KEY = re.compile(r"<!-- feedback ([0-9a-f]{64}) -->")
# Files that `nbgrader release_feedback` looks for beside the pages.
BESIDE = ("timestamp.txt", "submission_secret.txt")
TEMPLATES = Path(generate_feedback.__file__).parents[1] / "server_extensions" / "formgrader" / "templates"
BOOTSTRAP = TEMPLATES.parent / "static" / "node_modules" / "bootstrap" / "dist" / "css"
# nbgrader's template loads MathJax for the formulas. Here they are MathML already, and whatever might slip through all
# the rest meets a policy: no script runs, and nothing is fetched.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
MATHJAX_BLOCK = re.compile(r"<!-- Load mathjax -->.*?<!-- End of mathjax configuration -->", re.DOTALL)
# What nbgrader's template writes of a graded cell: a line of the index, and the heading above the cell.
INDEX = re.compile(
    r'<a href="#(?P<name>[\w-]+)">(?P<kind>Test cell|Coding free-response|Written response|Task)</a>'
    r" \((?P<score>Score: \S+ / [^)]+)\)"
)
HEADING = re.compile(
    r'(?P<start><a name="(?P<name>[\w-]+)"></a>\s*<div class="panel-heading">(?:(?!</div>).)*?)'
    r"(?P<score>Score: \S+ / \S+)",
    re.DOTALL,
)
TOTAL = re.compile(r"(<h4>[^<]*)\)</h4>")
# Long sentences stay in their box, and their words whole.
STYLE = "div.output_area pre { white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere; }"
PICTURE_WITHOUT_WORDS = re.compile(r"<img\b(?![^>]*\balt=)", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """One page to write."""

    student: str
    section: str
    notebook: str
    source: Path
    target: Path
    grade: NotebookGrade
    points: float

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
    pages, problems = [], []
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
                pages.append(Page(student, section.name, source.stem, source, target, grade, points))
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
            return False
        with _at_most(PAGE_SECONDS):
            text = page_html(page, _notebook(content), key)
        write_atomically(page.target, text.encode("utf-8", "replace"))
        for name in BESIDE:
            with contextlib.suppress(OSError):
                write_atomically(page.target.parent / name, _read(page.source.parent / name, 4096))
        return True
    except Unreadable as error:
        return str(error)
    except TimeoutError:
        return f"making its page took more than {PAGE_SECONDS} s. Look at the notebook itself."
    except OSError as error:
        return f"{error.filename or 'a file'}: {error.strerror or error}."
    except Exception as error:  # one odd notebook must not cost the others their pages
        return f"no page could be made of it ({type(error).__name__}: {str(error)[:200]}). Grade it again."


def page_html(page: Page, notebook: Any, key: str) -> str:
    """The page of a graded notebook. notebook : plain JSON data, hostile."""
    cells = []
    for cell in harmless.sanitized_cells([cell for cell in notebook["cells"] if not harmless.for_graders_only(cell)]):
        own = cell.metadata.get("nbgrader", {})
        mark = page.grade.marks.get(own.get("grade_id"))
        if mark is None and (own.get("grade") or own.get("task")):
            cell.metadata = own = nbformat.from_dict({})  # not one of the cells that were graded
        if mark is not None:
            own.update(score=mark.score, points=mark.points)
        if own.get("solution") or own.get("task"):
            own["comment"] = page.grade.comments.get(own["grade_id"])
        if own.get("grade") and not own.get("solution"):
            cell.source = HIDDEN.sub("", cell.source)
        if mark is not None and not own.get("solution") and cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not _is_score(output)]
        cells.append(cell)
    own = {
        "notebook": page.notebook,
        "assignment": page.section,
        "student": page.student,
        "score": page.grade.raw - page.grade.penalty,
        "max_score": page.points,
        "late_penalty": page.grade.penalty,
    }
    render, resources = template()
    where = {"name": page.notebook, "path": str(page.source.parent)}
    text = render(nb=_as_notebook(cells), resources={**resources, "nbgrader": own, "metadata": where})
    text = _name_what_is_graded(text, page.grade.marks)
    text = MATHJAX_BLOCK.sub(lambda block: _head(), text, count=1)
    text = PICTURE_WITHOUT_WORDS.sub('<img alt="Picture made by the notebook"', text)
    return text.replace("<html>", f'<!-- feedback {key} -->\n<html lang="en">', 1)


def _is_score(output: dict[str, Any]) -> bool:
    """Whether an output of a test is its score as nbgrader reads it: the page has it in the heading."""
    try:
        float(output["data"]["text/plain"])
    except (KeyError, ValueError):
        return False
    return output["output_type"] == "execute_result"


def _name_what_is_graded(text: str, marks: dict[str, Mark]) -> str:
    """The page of nbgrader's template with the names of the cells in its index; an answer that waits for a person is
    not shown as one that got no points."""

    def said(found: re.Match[str]) -> str:
        mark = marks.get(found["name"])
        if mark is None or not mark.needs_person:
            return found["score"]
        if mark.by_person:
            return f"{found['score']}, to be looked at again"
        return f"not graded yet, {round(mark.points, 2)} points"

    def line(found: re.Match[str]) -> str:
        return f'<a href="#{found["name"]}">{found["kind"]} <code>{found["name"]}</code></a> ({said(found)})'

    text = HEADING.sub(lambda found: found["start"] + said(found), INDEX.sub(line, text))
    waiting = sum(mark.needs_person and not mark.by_person for mark in marks.values())
    return TOTAL.sub(rf"\1; answers not graded yet: {waiting})</h4>", text, count=1) if waiting else text


@functools.cache
def _head() -> str:
    """The policy of the page and its style. The policy stands before anything that a student wrote."""
    return f'<meta http-equiv="Content-Security-Policy" content="{POLICY}" />\n<style>{STYLE}</style>'


@functools.cache
def template() -> tuple[Callable[..., str], dict[str, Any]]:
    """nbgrader's feedback template, ready to render, and the resources that are the same for every page."""
    exporter = HTMLExporter(
        config=Config(
            HTMLExporter={
                "template_name": "feedback",
                "extra_template_basedirs": [str(TEMPLATES)],
                "extra_template_paths": [str(BOOTSTRAP)],
                "sanitize_html": True,
                "filters": harmless.FILTERS,
            },
            NbConvertBase={"display_data_priority": ["image/png", "image/jpeg", "image/svg+xml", "text/plain"]},
            Exporter={"default_preprocessors": []},
        )
    )
    exporter.register_preprocessor(CSSHTMLHeaderPreprocessor, enabled=True)
    nbgrader = {"notebook": "", "score": 0, "max_score": 0, "late_penalty": 0}
    _, resources = exporter.from_notebook_node(_as_notebook([]), {"nbgrader": nbgrader})
    return exporter.template.render, dict(resources)


def _as_notebook(cells: list[Any]) -> Any:
    metadata = {"language_info": {"name": "python"}}
    return nbformat.from_dict({"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


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
    digest.update(repr((page.name, marks, sorted(page.grade.comments.items()), page.grade.penalty)).encode())
    digest.update(content)
    for path in sorted(page.source.parent.rglob("*")):
        if path.suffix.lower() in (".png", ".jpg", ".jpeg"):
            with contextlib.suppress(OSError, Unreadable):
                digest.update(path.name.encode("utf-8", "surrogateescape") + _read(path))
    return digest.hexdigest()


@functools.cache
def code_version() -> str:
    """Stands for the programs that a page depends on."""
    own = b"".join(Path(path).read_bytes() for path in (__file__, harmless.__file__, mathml.__file__))
    return hashlib.sha256(own).hexdigest() + version("nbgrader") + version("nbconvert")


def _key_of(path: Path) -> str:
    """The hash in a page that is there already; "" when there is none."""
    try:
        with open(path, "rb") as file:
            found = KEY.search(file.read(400).decode("utf-8", "replace"))
    except OSError:
        return ""
    return found[1] if found else ""


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in the block after so many seconds; without effect outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
