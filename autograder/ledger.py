"""What is finished: a note for each unit under .autograder/done/, and the lock that keeps a second run away."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypedDict

from backprop.files import write_atomically

from .course import Course, UserError
from .units import Unit


class NotebookRecord(TypedDict):
    """What one notebook of a unit came to.

    scores     : grade_id -> points, None where a person has to grade
    unanswered : grade_ids of solution cells that are as they were released
    families   : grade_id -> the families of mistakes that the feedback names
    parts      : grade_id -> [name, points earned, points] of each part of a check
    notebook   : the autograded notebook, None where it lies in autograded/ already
    """

    scores: dict[str, float | None]
    unanswered: list[str]
    families: dict[str, list[str]]
    parts: dict[str, list[list[Any]]]
    notebook: dict[str, Any] | None


class Record(TypedDict):
    """What grading one unit came to, as plain JSON data.

    key        : of the unit
    notebooks  : by name
    seconds    : where the time went, see `grading.Result`; "gradebook" is the writer's time
    problems   : sentences for the student
    suspicions : sentences for the instructor only
    faults     : sentences about what went wrong in the grader itself
    by_hand    : the grader failed, so a person has to grade what is not in `notebooks`
    unread     : notebooks that were not handed in or could not be read to the end
    look_again : grade_ids of scores given by hand before this grading
    """

    student: str
    section: str
    key: str
    notebooks: dict[str, NotebookRecord]
    seconds: dict[str, float]
    problems: list[str]
    suspicions: list[str]
    faults: list[str]
    by_hand: bool
    unread: list[str]
    look_again: list[str]


def empty_record(unit: Unit) -> Record:
    return Record(
        student=unit.student, section=unit.section, key=unit.key, notebooks={}, seconds={},
        problems=[], suspicions=[], faults=[], by_hand=False, unread=[], look_again=[],
    )  # fmt: skip


def without_notebooks(record: Record) -> Record:
    """The record without the notebooks themselves, so that a class of any size fits into memory."""
    return {**record, "notebooks": {name: {**v, "notebook": None} for name, v in record["notebooks"].items()}}


class Ledger:
    """The notes of finished work, under .autograder/done/."""

    def __init__(self, course: Course):
        self.done = course.state / "done"

    def _file(self, unit: Unit) -> Path:
        # Readable where it can be; no longer than a file's name may be, however long the student's is.
        shown = urllib.parse.quote(unit.student, safe=" ")[:100]
        digest = hashlib.sha256(os.fsencode(unit.student)).hexdigest()
        return self.done / unit.section / f"{shown}-{digest[:16]}.json"

    def is_done(self, unit: Unit, written: Path) -> bool:
        """Whether the unit is noted as done and its autograded notebooks are there whole.

        Looking at them stands in for waiting for the disk at every file: after a power cut, what
        was lost is done again.
        """
        record, digests = self._read(self._file(unit)) or (None, {})
        if record is None or record["key"] != unit.key or not written.is_dir():
            return False
        return all(digests.get(name) == _digest(written / f"{name}.ipynb") for name in record["notebooks"])

    def finish(self, unit: Unit, record: Record, written: Path) -> None:
        """Note the unit as done; the notebooks themselves are in autograded/ now."""
        digests = {name: _digest(written / f"{name}.ipynb") for name in record["notebooks"]}
        note = {"record": without_notebooks(record), "written": digests}
        write_atomically(self._file(unit), json.dumps(note).encode())

    def records(self, section: str) -> Iterator[Record]:
        """The records of everything done in a section, without the notebooks, ordered by student."""
        for path in sorted((self.done / section).glob("*.json")):
            found = self._read(path)
            if found is not None:
                yield found[0]

    @staticmethod
    def _read(path: Path) -> tuple[Record, dict[str, str]] | None:
        """The record and the digests of a note; None where there is none or it is not whole."""
        try:
            note = json.loads(path.read_bytes())
            record, digests = note["record"], dict(note["written"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        whole = isinstance(record, dict) and record.keys() == Record.__annotations__.keys()
        return (record, digests) if whole else None


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


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
        except BlockingIOError:
            raise UserError("Another grading run is working in this course. Wait for it, or stop it first.") from None
        except OSError as error:
            text = f"{course.state} cannot be locked ({error.strerror}). The course needs a disk with file locks."
            raise UserError(text) from None
        yield
