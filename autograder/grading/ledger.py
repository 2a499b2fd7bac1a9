"""What is finished: a note for each submission under .autograder/done/, and the lock that keeps a second run away."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from backprop.files import write_atomically

from ..course import Course
from ..gradebook.result import SubmissionResult, from_json, to_json
from ..submissions.find import Submission


@dataclass(frozen=True)
class Note:
    """A result without its notebooks, and for each of these the digest of what was written to autograded/."""

    result: SubmissionResult
    written: dict[str, str | None]


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
        note = _read(self._file(submission))
        if note is None or note.result.key != submission.key or not written.is_dir() or note.result.by_hand:
            return False
        return all(note.written.get(name) == _digest(written / f"{name}.ipynb") for name in note.result.notebooks)

    def finish(self, submission: Submission, result: SubmissionResult, written: Path) -> None:
        """Note the submission as done; the notebooks themselves are in autograded/ now."""
        digests = {name: _digest(written / f"{name}.ipynb") for name in result.notebooks}
        write_atomically(self._file(submission), to_json(Note(result.noted(), digests)).encode())

    def results(self, section: str) -> Iterator[SubmissionResult]:
        """The results of everything done in a section, without the notebooks, ordered by student."""
        for path in sorted((self.done / section).glob("*.json")):
            note = _read(path)
            if note is not None and note.result.section == section:
                yield note.result


def _read(path: Path) -> Note | None:
    """A note; None where there is none or it is not whole."""
    try:
        return from_json(Note, path.read_bytes())
    except (OSError, ValueError):
        return None


def _digest(path: Path) -> str | None:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):  # a damaged note may name what no file can be called
        return None


def sweep(course: Course) -> None:
    """Remove what an interrupted run left half written."""
    for pattern in ("writing-*", "old-*"):
        for path in course.state.glob(pattern):
            shutil.rmtree(path, ignore_errors=True)
