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
import functools
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backprop.files import write_atomically

from .course import Course
from .gradebook import GradebookWriter, NotebookScores
from .grading import Grader, Result, Seconds
from .ledger import Ledger, Record, empty_record, one_run_at_a_time, sweep, without_notebooks
from .submission import read_files
from .template import Template, templates
from .units import Submission, Unit, find_units, read_timestamp, unit_key

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Options:
    """How a run grades.

    workers : worker processes
    force   : grade again what is already done
    confined: False runs submissions without the sandbox
    cluster : the address of a Dask scheduler that has the workers; None: they run on this machine
    seconds : how long a cell, a request of the judge and a notebook may take
    """

    workers: int = max(1, os.cpu_count() or 1)
    force: bool = False
    confined: bool = True
    cluster: str | None = None
    seconds: Seconds = Seconds()


@dataclass
class Summary:
    """What a run did.

    graded  : the records, without their notebooks, in the order of students and sections
    skipped : how many submissions were up to date
    refused : sentences about what lies in submitted/ and cannot be graded
    seconds : where the time went
    """

    graded: list[Record] = field(default_factory=list)
    skipped: int = 0
    refused: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """What was wrong with the submissions, sentences that start with student/section."""
        return [f"{name_of(record)}: {text}" for record in self.graded for text in record["problems"]]

    @property
    def faults(self) -> list[str]:
        """What went wrong in the grader itself, sentences that start with student/section."""
        return [f"{name_of(record)}: {text}" for record in self.graded for text in record["faults"]]


def name_of(record: Record) -> str:
    return f"{record['student']}/{record['section']}"


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
    write_atomically(path, secrets.token_hex(16).encode(), mode=0o660)  # a secret of those who grade
    return path.read_text().strip()


# -- grading one unit -----------------------------------------------------------------------------------------------


def grade_unit(wanted: dict[str, Template], unit: Unit, submission: Submission, grader: Grader) -> Record:
    """Grade all notebooks of a unit; return a record of plain JSON data. Never raises for what was handed in."""
    record = empty_record(unit)
    record["problems"] += submission.problems
    record["unread"] = submission.unread(wanted)
    for name, cells in submission.cells.items():
        result = grader.grade(wanted[name], cells, submission.files, submission.notebook_problems[name])
        add_result(record, name, result)
    return record


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


# -- writing one result down ------------------------------------------------------------------------------------------


def apply(course: Course, writer: GradebookWriter, ledger: Ledger, unit: Unit, record: Record) -> None:
    """Put a result into the gradebook and into autograded/. Doing it twice is the same as doing it once.

    Notes in the record how long that took (seconds, "gradebook") and which scores by hand to look at again.
    """
    start = time.perf_counter()
    final = _autograded(course, unit)
    final.parent.mkdir(parents=True, exist_ok=True)
    # Not beside the final folder: nbgrader takes every folder there for an assignment.
    course.state.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(8)
    temporary, old = course.state / f"writing-{token}", course.state / f"old-{token}"
    temporary.mkdir()
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
        student, section, by_hand = unit.student, unit.section, record["by_hand"]
        record["look_again"] = writer.write(student, section, scores, timestamp, by_hand=by_hand)
        if final.exists():
            os.replace(final, old)
        os.replace(temporary, final)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    record["seconds"]["gradebook"] = time.perf_counter() - start
    ledger.finish(unit, record, final)


def _autograded(course: Course, unit: Unit) -> Path:
    return course.autograded / unit.student / unit.section


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
    units, summary.refused = find_units(course, sections, students, skip)
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
            for what, seconds in record["seconds"].items():
                summary.seconds[what] = summary.seconds.get(what, 0.0) + seconds
            summary.graded.append(without_notebooks(record))
            progress(done, len(todo), unit.name)

        grade = grade_on_cluster if options.cluster else grade_here
        for unit, record in grade(course, known, todo, options, salt(course)):
            finish(unit, record)
    summary.graded.sort(key=lambda record: (record["student"], record["section"]))
    return summary


def unreadable(unit: Unit, text: str) -> Record:
    """The record of a unit on which the grader itself failed: a person has to grade it."""
    return {**empty_record(unit), "by_hand": True, "faults": [text]}


__all__ = ["Options", "Summary", "grade_class", "grade_unit", "name_of"]
