"""What is finished: a note for each submission under .autograder/done/, and the lock that keeps a second run away."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from backprop.files import write_atomically

from ..course import Course
from ..gradebook.result import SubmissionResult
from ..submissions.find import Submission


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
        result, digests = self._read(self._file(submission)) or (None, {})
        if result is None or result.key != submission.key or not written.is_dir() or result.by_hand:
            return False
        return all(digests.get(name) == _digest(written / f"{name}.ipynb") for name in result.notebooks)

    def finish(self, submission: Submission, result: SubmissionResult, written: Path) -> None:
        """Note the submission as done; the notebooks themselves are in autograded/ now."""
        digests = {name: _digest(written / f"{name}.ipynb") for name in result.notebooks}
        note = {"result": result.to_json(), "written": digests}
        write_atomically(self._file(submission), json.dumps(note).encode())

    def results(self, section: str) -> Iterator[SubmissionResult]:
        """The results of everything done in a section, without the notebooks, ordered by student."""
        for path in sorted((self.done / section).glob("*.json")):
            found = self._read(path)
            if found is not None and found[0].section == section:
                yield found[0]

    @staticmethod
    def _read(path: Path) -> tuple[SubmissionResult, dict[str, Any]] | None:
        """The result and the digests of a note; None where there is none or it is not whole."""
        try:
            note = json.loads(path.read_bytes())
            return SubmissionResult.from_json(note["result"]), dict(note["written"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
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
