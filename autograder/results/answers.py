"""The answers of a class as PDFs, one for each submission: in parallel, and only those that are new or changed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath

import backprop
from backprop.handin.answers import Options, write_pdf
from backprop.handin.notebook import Notebook, NotebookError, read_notebook

from ..course import Course
from ..errors import UserError, stops_the_run
from ..gradebook.reader import read_grades
from ..submissions.choose import Choice, choose
from ..submissions.files import found_files
from ..submissions.find import Submission, find_submissions
from ..submissions.notebook import MAX_NOTEBOOK
from ..submissions.released import released_notebooks
from ..text import visible

_IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".pdf")
_LARGEST_IMAGE = 30_000_000


@dataclass(frozen=True)
class Sheet:
    """One PDF to be made: whose, from which folder, what for."""

    course: Course
    submission: Submission
    target: Path
    options: Options


@dataclass
class Exported:
    """What became of a class: PDFs that were written, those up to date, and a sentence for each problem."""

    written: list[Path] = field(default_factory=list)
    kept: int = 0
    problems: list[str] = field(default_factory=list)


def export_answers(
    course: Course,
    sections: Sequence[str],
    students: Sequence[str] = (),
    options: Options | None = None,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> Exported:
    """Write exports/answers/<section>/<student>.pdf for each submission that is new or changed.

    Raises UserError when nothing was handed in. What is wrong with one submission is a sentence and stops no other.
    """
    submissions, problems = find_submissions(course, sections, students)
    if not submissions:
        raise UserError("Nothing was handed in for these sections.")
    names = _names(course)
    options = options or Options()
    course_id = str(course.config.get("CourseDirectory", {}).get("course_id", "") or "")
    options = replace(options, course=options.course or course_id)
    sheets = []
    for submission in submissions:
        target = course.exports / "answers" / submission.section / f"{submission.student}.pdf"
        who = replace(options, name=names.get(submission.student, ""), student_id=submission.student)
        sheets.append(Sheet(course, submission, target, who))
    exported = Exported(problems=problems)
    for done, (sheet, outcome) in enumerate(_make_all(sheets, workers), 1):
        if outcome.written:
            exported.written.append(sheet.target)
        exported.kept += outcome.kept
        exported.problems += [f"{sheet.submission.name}: {problem}" for problem in outcome.problems]
        progress(done, len(sheets), sheet.submission.name)
    exported.written.sort()
    return exported


def make_sheet(sheet: Sheet) -> Exported:
    """Make one PDF where it is not up to date. Never raises for what was handed in."""
    try:
        return _made(sheet)
    except NotebookError as error:
        return Exported(problems=[visible(str(error))])
    except OSError as error:
        return Exported(problems=[f"{error.filename or 'a file'}: {error.strerror or error}."])
    except Exception as error:  # whatever one notebook makes a step raise costs that notebook alone
        if stops_the_run(error):
            raise
        text = f"no PDF could be made of it ({type(error).__name__}: {str(error)[:200]}). Look at it by hand."
        return Exported(problems=[" ".join(visible(text).split())])


def _made(sheet: Sheet) -> Exported:
    submission = sheet.submission
    problems: list[str] = []
    choice = choose(found_files(submission.folder, problems), released_notebooks(sheet.course, submission.section))
    if not choice.notebooks:
        return Exported(problems=choice.problems or ["no notebook was handed in."])
    contents = {name: candidate.file.read(MAX_NOTEBOOK) for name, candidate in choice.notebooks.items()}
    images = dict(_images(choice))
    key = _key(sheet, contents, images)
    if _carries(sheet.target, key):
        return Exported(kept=1)
    with tempfile.TemporaryDirectory(prefix="answers-") as folder:
        for name, content in [*images.items(), *((f"{name}.ipynb", c) for name, c in contents.items())]:
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        notebooks = []
        for name, candidate in choice.notebooks.items():
            path = Path(folder, f"{name}.ipynb")
            os.utime(path, (candidate.file.time, candidate.file.time))
            notebooks.append(_as_released(read_notebook(path), sheet.course, submission.section, name))
        sheet.target.parent.mkdir(parents=True, exist_ok=True)
        made = write_pdf(notebooks, sheet.target, replace(sheet.options, key=key))
    return Exported([sheet.target], problems=[*choice.problems, *made.problems])


def _make_all(sheets: list[Sheet], workers: int) -> Iterator[tuple[Sheet, Exported]]:
    """Each sheet with what became of it. A process that dies costs the others nothing: they are made again."""
    died = []
    with ProcessPoolExecutor(min(workers, len(sheets)), mp_context=multiprocessing.get_context("fork")) as pool:
        waiting = {pool.submit(make_sheet, sheet): sheet for sheet in sheets}
        for future in as_completed(waiting):
            try:
                yield waiting[future], future.result()
            except BrokenProcessPool:
                died.append(waiting[future])
    for sheet in died:
        yield sheet, _alone(sheet)


def _alone(sheet: Sheet) -> Exported:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        try:
            return pool.submit(make_sheet, sheet).result()
        except BrokenProcessPool:
            return Exported(problems=["the process that made the PDF ended. Look at the submission by hand."])


def _as_released(notebook: Notebook, course: Course, section: str, name: str) -> Notebook:
    """The notebook, with what the release says about its cells and questions instead of what was handed in."""
    path = course.release / section / f"{name}.ipynb"
    released = json.loads(path.read_text("utf-8")).get("metadata", {}).get("backprop", {}) if path.is_file() else {}
    own = notebook.course
    digests = own.get("digests") if isinstance(own.get("digests"), dict) else {}
    # The published notebook has another setup cell and a badge: they are known by what it says itself.
    known = {**{f"{key} as handed out": value for key, value in digests.items()}, **released.get("digests", {})}
    metadata = {**notebook.metadata, "backprop": {**own, **released, "digests": known}}
    return replace(notebook, section=section, metadata=metadata)


def _images(choice: Choice) -> Iterator[tuple[str, bytes]]:
    for name, file in choice.files:
        parts = PurePosixPath(name).parts
        if name.lower().endswith(_IMAGES) and ".." not in parts and not name.startswith("/"):
            with contextlib.suppress(OSError):
                content = file.read(_LARGEST_IMAGE)
                if len(content) <= _LARGEST_IMAGE:
                    yield name, content


def _key(sheet: Sheet, contents: dict[str, bytes], images: dict[str, bytes]) -> str:
    """A digest of everything that decides what the PDF shows."""
    digest = hashlib.sha256(_library().encode())
    digest.update(json.dumps(asdict(sheet.options), sort_keys=True, default=list).encode())
    for name, content in sorted([*contents.items(), *images.items()]):
        digest.update(f"{name} {len(content)} ".encode() + content)
    for name in sorted(contents):
        path = sheet.course.release / sheet.submission.section / f"{name}.ipynb"
        digest.update(path.read_bytes() if path.is_file() else b"")
    return f"made-of-{digest.hexdigest()[:32]}"


def _library() -> str:
    """A digest of the code that makes the PDF."""
    digest = hashlib.sha256()
    folder = Path(backprop.__file__).parent
    for path in sorted([*folder.glob("handin/*.*"), *folder.glob("latex/*.*")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _carries(path: Path, key: str) -> bool:
    with contextlib.suppress(OSError):
        return key.encode() in path.read_bytes()
    return False


def _names(course: Course) -> dict[str, str]:
    """The names in the gradebook, where there is one."""
    if not course.gradebook_path.exists():
        return {}
    try:
        return {person.id: person.name for person in read_grades(course, []).people}
    except UserError:
        return {}
