"""What is finished: a note for each submission under .autograder/done/, and the lock that keeps a second run away."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from backprop.files import write_atomically

from ..course import Course
from ..submissions.find import Submission
from .record import Record, without_notebooks


class Ledger:
    """The notes of finished work, under .autograder/done/."""

    def __init__(self, course: Course):
        self.done = course.state / "done"

    def _file(self, submission: Submission) -> Path:
        # Readable where it can be; no longer than a file's name may be, however long the student's is.
        shown = urllib.parse.quote(submission.student, safe=" ")[:100]
        digest = hashlib.sha256(os.fsencode(submission.student)).hexdigest()
        return self.done / submission.section / f"{shown}-{digest[:16]}.json"

    def is_done(self, submission: Submission, written: Path) -> bool:
        """Whether the submission is noted as done and its autograded notebooks are there whole.

        One on which the grader failed is tried again: whatever was in the way may be gone.

        Looking at them stands in for waiting for the disk at every file: after a power cut, what
        was lost is done again.
        """
        record, digests = self._read(self._file(submission)) or (None, {})
        if record is None or record["key"] != submission.key or not written.is_dir() or record["by_hand"]:
            return False
        return all(digests.get(name) == _digest(written / f"{name}.ipynb") for name in record["notebooks"])

    def finish(self, submission: Submission, record: Record, written: Path) -> None:
        """Note the submission as done; the notebooks themselves are in autograded/ now."""
        digests = {name: _digest(written / f"{name}.ipynb") for name in record["notebooks"]}
        note = {"record": without_notebooks(record), "written": digests}
        write_atomically(self._file(submission), json.dumps(note).encode())

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
