"""Grade a class: find what is new, spread it over workers, write each result once, survive any crash.

    submitted/ ──► units ──► workers (sandbox + judge) ──► the one writer ──► gradebook.db, autograded/
                                                                     └──────► .autograder/done/

A unit is one student's submission of one section. Its key is a hash of everything that decides its
result: the submission, the release, the checks. When the writer has put a result into the gradebook
and into autograded/, the key is noted as done. Whatever is killed, the next run finds the note or
does the work again; writing the same result twice changes nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import functools
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.utils import parse_utc

from .course import Course, CourseError, UserError
from .gradebook import GradebookWriter, NotebookScores
from .grading import Grader, Result, Seconds
from .submission import MAX_FILE, MAX_NOTEBOOK, Cell, open_no_link, read_files, read_notebook, walk
from .template import Template, templates

HERE = Path(__file__).resolve().parent
Record = dict[str, Any]


@dataclass(frozen=True)
class Unit:
    """One student's submission of one section."""

    student: str
    section: str
    folder: Path
    key: str = ""

    @property
    def name(self) -> str:
        return f"{self.student}/{self.section}"


@dataclass(frozen=True)
class Options:
    """How a run grades.

    workers : worker processes
    force   : grade again what is already done
    confined: False runs submissions without the sandbox
    seconds : how long a cell, a request of the judge and a notebook may take
    """

    workers: int = max(1, os.cpu_count() or 1)
    force: bool = False
    confined: bool = True
    cluster: str | None = None
    seconds: Seconds = Seconds()


@dataclass
class Summary:
    """What a run did. problems and faults are sentences that start with student/section."""

    graded: list[Record] = field(default_factory=list)
    skipped: int = 0
    problems: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


# -- what there is to do --------------------------------------------------------------------------------------------


def find_units(
    course: Course, sections: Sequence[str], students: Sequence[str] = (), skip: Sequence[str] = ()
) -> tuple[list[Unit], list[str]]:
    """The submissions of the sections, and a sentence for each folder that can't be one.

    Raises CourseError when there is no submitted/ folder or a named student has handed nothing in.
    """
    if not course.submitted.is_dir():
        raise CourseError(
            f"{course.shown(course.submitted)}/ does not exist. Put submissions into submitted/<student>/<section>/, "
            "or say `python -m autograder collect` and the downloaded archive."
        )
    units, problems = [], []
    names = sorted(entry.name for entry in os.scandir(course.submitted) if not entry.name.startswith("."))
    unknown = [name for name in students if name not in names]
    if unknown:
        raise CourseError(f"submitted/ has no folder for {', '.join(unknown)}. Check the spelling of the student id.")
    for student in names:
        if (students and student not in students) or student in skip:
            continue
        if set(student) & set("<>"):
            text = "a name with < or > would be HTML on nbgrader's pages. Rename the folder."
            problems.append(f"submitted/{student}: {text}")
            continue
        if not student.isprintable():
            problems.append(f"submitted/{student!r}: the name has signs that cannot be shown. Rename the folder.")
            continue
        for section in sections:
            folder = course.submitted / student / section
            if not folder.exists() and not folder.is_symlink():
                continue
            if folder.is_symlink() or (course.submitted / student).is_symlink():
                problems.append(
                    f"{student}/{section}: the folder is a link and was not followed. Ask for a copy of it."
                )
            elif not folder.is_dir():
                problems.append(f"{student}/{section} is a file where a folder should be. Ask for it again.")
            else:
                units.append(Unit(student, section, folder))
    return units, problems


def read_timestamp(folder: Path) -> datetime.datetime | None:
    """When a submission was handed in, from the timestamp.txt that collecting wrote; None when there is none."""
    try:
        with open(open_no_link(folder / "timestamp.txt"), "rb") as file:
            text = file.read(100).decode(errors="replace").strip()
        return parse_utc(text) if text else None
    except Exception:  # the parser of dates raises more than it says
        return None


def unit_key(unit: Unit, base: str) -> str:
    """The hash of a submission and of `base`, which stands for everything else that decides its result."""
    digest = hashlib.sha256(base.encode())
    for path, folders, names in walk(unit.folder):
        folders.sort()
        for name in sorted(names):
            file = Path(path, name)
            digest.update(
                repr((os.path.relpath(file, unit.folder), file.is_symlink())).encode("utf-8", "surrogateescape")
            )
            with contextlib.suppress(OSError), open(open_no_link(file), "rb") as content:
                # More than that is read of no file when it is graded.
                digest.update(hashlib.sha256(content.read(max(MAX_NOTEBOOK, MAX_FILE) + 1)).digest())
    return digest.hexdigest()


@functools.cache
def code_digest() -> str:
    """A hash of the code that decides scores: the grader, its checks, the comparing engine."""
    digest = hashlib.sha256()
    import backprop

    library = Path(backprop.__file__).parent
    for path in sorted(
        [*HERE.glob("*.py"), *HERE.glob("checks/*.py"), *HERE.glob("inside/*.py"), *library.glob("*.py")]
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def section_base(course: Course, section: str, options: Options) -> str:
    """Everything besides the submission that decides a result of a section."""
    digest = hashlib.sha256(code_digest().encode())
    for folder in (course.release, course.source):
        for path in sorted((folder / section).glob("*.ipynb")):
            digest.update(path.name.encode() + path.read_bytes())
    digest.update(salt(course).encode() + str(options.confined).encode())
    return digest.hexdigest()


def salt(course: Course) -> str:
    """This course's own random text: it makes the judge's inputs differ from those of any other course."""
    path = course.state / "salt"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    write_atomically(path, secrets.token_hex(16).encode())
    return path.read_text().strip()


# -- grading one unit -----------------------------------------------------------------------------------------------


@dataclass
class Submission:
    """What a unit's folder holds, read as hostile data: all that grading needs, so that it can travel."""

    cells: dict[str, list[Cell]]
    files: dict[str, bytes]
    problems: list[str]
    notebook_problems: dict[str, list[str]]


def read_submission(folder: Path, wanted: dict[str, Template]) -> Submission:
    """Read the notebooks of a section and the files beside them. Never raises for what is in the folder."""
    chosen, problems = choose_notebooks(folder, wanted)
    files, more = read_files(folder, {path.name for path in chosen.values()})
    read = {name: read_notebook(path) for name, path in chosen.items()}
    return Submission(
        {name: cells for name, (cells, _) in read.items()},
        files,
        [*problems, *more],
        {name: said for name, (_, said) in read.items()},
    )


def grade_unit(wanted: dict[str, Template], unit: Unit, submission: Submission, grader: Grader) -> Record:
    """Grade all notebooks of a unit; return a record of plain JSON data. Never raises for what was handed in."""
    record = empty_record(unit)
    record["problems"] += submission.problems
    for name, cells in submission.cells.items():
        result = grader.grade(wanted[name], cells, submission.files, submission.notebook_problems[name])
        add_result(record, name, result)
    return record


def empty_record(unit: Unit) -> Record:
    lists = {what: [] for what in ("problems", "suspicions", "faults")}
    return {"student": unit.student, "section": unit.section, "key": unit.key, "notebooks": {}, "seconds": {}, **lists}


def add_result(record: Record, name: str, result: Result) -> None:
    """Put a notebook's result into the record of its unit."""
    record["problems"] += [p for p in result.problems if p not in record["problems"]]
    record["suspicions"] += [s for s in result.suspicions if s not in record["suspicions"]]
    record["faults"] += result.faults
    for what, seconds in result.seconds.items():
        record["seconds"][what] = record["seconds"].get(what, 0.0) + seconds
    record["notebooks"][name] = {
        "scores": result.scores,
        "unanswered": result.unanswered,
        "families": {grade_id: list(verdict.families) for grade_id, verdict in result.verdicts.items()},
        "parts": {
            grade_id: [[part.name, part.earned, part.points] for part in verdict.parts]
            for grade_id, verdict in result.verdicts.items()
        },
        "notebook": result.notebook,
    }


def choose_notebooks(folder: Path, wanted: dict[str, Template]) -> tuple[dict[str, Path], list[str]]:
    """The submitted file of each notebook of a section: the one of its name, else the only one that can be meant."""
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    there = _notebooks(folder) or [path for inner in below for path in _notebooks(inner)]
    chosen = {name: folder / f"{name}.ipynb" for name in wanted if folder / f"{name}.ipynb" in there}
    problems = []
    for name in wanted:
        if name in chosen:
            continue
        others = [path for path in there if path not in chosen.values()]
        alike = [path for path in others if path.stem.lower().startswith(name.lower())] or others
        if len(alike) == 1 and (len(wanted) == 1 or path_starts(alike[0], name)):
            chosen[name] = alike[0]
            called = os.path.relpath(alike[0], folder)[:80]
            problems.append(f"The notebook was called {called!r}; it was graded as {name}.ipynb.")
        elif len(alike) > 1 and len(wanted) == 1:
            chosen[name] = max(alike, key=lambda path: path.lstat().st_mtime)
            problems.append(
                f"There is no {name}.ipynb but {len(alike)} other notebooks; "
                f"the newest, {chosen[name].name[:80]!r}, was graded."
            )
        else:
            problems.append(f"{name}.ipynb was not handed in.")
    return chosen, problems


def _notebooks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".ipynb" and not path.name.startswith("."))


def path_starts(path: Path, name: str) -> bool:
    return path.stem.lower().startswith(name.lower())


# -- finished work --------------------------------------------------------------------------------------------------


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that whoever opens it finds it whole or not at all, whenever we are killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


class Ledger:
    """The notes of finished work, under .autograder/done/."""

    def __init__(self, course: Course):
        self.done = course.state / "done"

    def _file(self, unit: Unit) -> Path:
        return self.done / unit.section / (urllib.parse.quote(unit.student, safe=" ") + ".json")

    def is_done(self, unit: Unit, written: Path) -> bool:
        """Whether the unit is noted as done and its autograded notebooks are there whole.

        Looking at them stands in for waiting for the disk at every file: after a power cut, what
        was lost is done again.
        """
        record = self._read(self._file(unit))
        if record is None or record.get("key") != unit.key or not written.is_dir():
            return False
        digests = record.get("written", {})
        return all(digests.get(name) == _digest(written / f"{name}.ipynb") for name in record["notebooks"])

    def finish(self, unit: Unit, record: Record, written: Path) -> None:
        """Note the unit as done; the notebooks themselves are in autograded/ now."""
        digests = {name: _digest(written / f"{name}.ipynb") for name in record["notebooks"]}
        write_atomically(self._file(unit), json.dumps({**_slim(record), "written": digests}).encode())

    def records(self, section: str) -> Iterator[Record]:
        """The records of everything done in a section, without the notebooks, ordered by student."""
        for path in sorted((self.done / section).glob("*.json")):
            record = self._read(path)
            if record is not None:
                yield record

    @staticmethod
    def _read(path: Path) -> Record | None:
        try:
            record = json.loads(path.read_bytes())
        except (OSError, ValueError):
            return None
        return record if isinstance(record, dict) and isinstance(record.get("notebooks"), dict) else None


def apply(course: Course, writer: GradebookWriter, ledger: Ledger, unit: Unit, record: Record) -> None:
    """Put a result into the gradebook and into autograded/. Doing it twice is the same as doing it once.

    Notes in the record's seconds how long that took ("gradebook").
    """
    start = time.perf_counter()
    final = _autograded(course, unit)
    final.parent.mkdir(parents=True, exist_ok=True)
    # Not beside the final folder: nbgrader takes every folder there for an assignment.
    course.state.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=course.state, prefix="writing-"))
    try:
        for name, notebook in record["notebooks"].items():
            text = json.dumps(notebook["notebook"], ensure_ascii=False)
            (temporary / f"{name}.ipynb").write_text(text, encoding="utf-8", errors="replace")
        files, _ = read_files(unit.folder, set())
        for name, content in files.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
        timestamp = read_timestamp(unit.folder)
        if timestamp is not None:
            (temporary / "timestamp.txt").write_text(f"{timestamp:%Y-%m-%d %H:%M:%S.%f} UTC")
        scores = {
            name: NotebookScores(notebook["scores"], frozenset(notebook["unanswered"]))
            for name, notebook in record["notebooks"].items()
        }
        writer.write(unit.student, unit.section, scores, timestamp, by_hand=bool(record.get("by_hand")))
        os.chmod(temporary, 0o755)
        if final.exists():
            old = Path(tempfile.mkdtemp(dir=course.state, prefix="old-"))
            os.replace(final, old / "old")
            os.replace(temporary, final)
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, final)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    record["seconds"]["gradebook"] = time.perf_counter() - start
    ledger.finish(unit, record, final)


def sweep(course: Course) -> None:
    """Remove what an interrupted run left half written."""
    for pattern in ("writing-*", "old-*"):
        for path in course.state.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def one_run_at_a_time(course: Course) -> Iterator[None]:
    """Hold the course's lock. Raises UserError when another run holds it; a dead run holds nothing."""
    course.state.mkdir(parents=True, exist_ok=True)
    with open(course.state / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError("Another grading run is working in this course. Wait for it, or stop it first.") from None
        yield


# -- the run --------------------------------------------------------------------------------------------------------


def grade_class(
    course: Course,
    sections: Sequence[str],
    students: Sequence[str] = (),
    *,
    skip: Sequence[str] = (),
    options: Options | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Summary:
    """Grade everything in submitted/ that is new or changed. See the module's text for what survives a crash.

    progress : called with (finished, of how many, the unit just finished)

    Raises UserError (no submissions, no release, no sandbox, another run at work).
    """
    from .pool import grade_here, grade_on_cluster

    options = options or Options()
    summary = Summary()
    units, summary.problems = find_units(course, sections, students, skip)
    with one_run_at_a_time(course), GradebookWriter(course) as writer:
        sweep(course)
        ledger = Ledger(course)
        bases = {section: section_base(course, section, options) for section in {unit.section for unit in units}}
        known = {section: templates(course, section) for section in bases}
        for section in sorted(bases):
            writer.prepare(section)
        units = [Unit(u.student, u.section, u.folder, unit_key(u, bases[u.section])) for u in units]
        todo = [unit for unit in units if options.force or not ledger.is_done(unit, _autograded(course, unit))]
        summary.skipped = len(units) - len(todo)
        done = 0

        def finish(unit: Unit, record: Record) -> None:
            nonlocal done
            apply(course, writer, ledger, unit, record)
            done += 1
            summary.problems += [f"{unit.name}: {text}" for text in record["problems"]]
            summary.faults += [f"{unit.name}: {text}" for text in record["faults"]]
            for what, seconds in record["seconds"].items():
                summary.seconds[what] = summary.seconds.get(what, 0.0) + seconds
            summary.graded.append(
                {**record, "notebooks": {n: {**v, "notebook": None} for n, v in record["notebooks"].items()}}
            )
            progress(done, len(todo), unit.name)

        grade = grade_on_cluster if options.cluster else grade_here
        for unit, record in grade(course, known, todo, options, salt(course)):
            finish(unit, record)
    return summary


def _slim(record: Record) -> Record:
    """The record without the notebooks themselves, so that a class of any size fits into memory."""
    return {**record, "notebooks": {name: {**v, "notebook": None} for name, v in record["notebooks"].items()}}


def _autograded(course: Course, unit: Unit) -> Path:
    return course.autograded / unit.student / unit.section


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def unreadable(unit: Unit, text: str) -> Record:
    """The record of a unit on which the grader itself failed: a person has to grade it."""
    return {**empty_record(unit), "by_hand": True, "faults": [text]}


__all__ = ["Options", "Summary", "Unit", "find_units", "grade_class", "grade_unit"]
