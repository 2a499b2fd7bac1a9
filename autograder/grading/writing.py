"""Results go into the gradebook and into autograded/, several at a time, each of them whole or not at all.

As it comes, a result is written into the gradebook's open transaction, and its notebooks into a folder aside. When the
transaction has ended, for which the disk is waited for once, the folders take their places and the notes are written.
"""

from __future__ import annotations

import dataclasses
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..course import Course
from ..gradebook.result import SubmissionResult
from ..gradebook.writer import GradebookWriter
from ..submissions.find import Submission
from .guard import at_its_own_cost
from .ledger import Ledger
from .unchanged import unchanged_answers

TOGETHER_SECONDS = 0.5  # so much of a run is done again where it is killed
MOST_TOGETHER = 50


@dataclass(frozen=True)
class _Staged:
    """A result in the open transaction, whose notebooks and files wait in `folder` for their place in autograded/."""

    submission: Submission
    result: SubmissionResult
    folder: Path


class Writing:
    """Writes the results of a run. `course` is locked by whoever has one.

    finished : called with each submission and its result when it is in the gradebook, in autograded/ and noted
    """

    def __init__(
        self,
        course: Course,
        writer: GradebookWriter,
        ledger: Ledger,
        finished: Callable[[Submission, SubmissionResult], None] = lambda submission, result: None,
    ):
        self.course, self.writer, self.ledger, self.finished = course, writer, ledger, finished
        self._staged: list[_Staged] = []
        self._since = 0.0

    @property
    def due(self) -> bool:
        """Whether what has come should not wait any longer for more."""
        waited = time.monotonic() - self._since
        return bool(self._staged) and (waited >= TOGETHER_SECONDS or len(self._staged) >= MOST_TOGETHER)

    def add(self, submission: Submission, result: SubmissionResult) -> None:
        """Write a result, which counts after the next `settle`. Where that fails, the result that says so instead."""
        try:
            staged, instead = at_its_own_cost(submission, partial(self._stage, submission, result))
            if instead is not None:  # said in the gradebook too, where that can be done
                staged, again = at_its_own_cost(submission, partial(self._stage, submission, instead))
        except BaseException:
            self._staged = []  # their transaction is gone, or ends like this run: the next one does them again
            raise
        if instead is not None and again is not None:
            self.finished(submission, instead)
            return
        if not self._staged:
            self._since = time.monotonic()
        self._staged.append(staged)

    def settle(self) -> None:
        """Put all that was added where it belongs, for good. Raises what would stop every other submission as well."""
        if not self._staged:
            return
        start, together = time.perf_counter(), self._staged
        try:
            self.writer.commit()
        except BaseException:
            self._staged = []  # nothing of them is in the gradebook: the next run does them again
            raise
        share = (time.perf_counter() - start) / len(together)
        while self._staged:
            staged = self._staged.pop(0)
            step = partial(self._put, staged, share)
            result, instead = at_its_own_cost(staged.submission, step)
            if instead is not None:
                step = partial(apply, self.course, self.writer, self.ledger, staged.submission, instead)
                result = at_its_own_cost(staged.submission, step)[0] or instead
            self.finished(staged.submission, result)

    def _stage(self, submission: Submission, result: SubmissionResult) -> _Staged:
        """Write the result into the gradebook's open transaction, and what autograded/ will hold beside it."""
        start = time.perf_counter()
        before = self._autograded(submission)
        # Not beside the final folder: nbgrader takes every folder there for an assignment.
        self.course.state.mkdir(parents=True, exist_ok=True)
        folder = self.course.state / f"writing-{secrets.token_hex(8)}"
        folder.mkdir()
        try:
            for name, graded in result.notebooks.items():
                text = json.dumps(graded.notebook, ensure_ascii=False)
                (folder / f"{name}.ipynb").write_text(text, encoding="utf-8", errors="replace")
            for name, content in result.files.items():
                _write_beside(folder, name, content)
            if result.timestamp:
                (folder / "timestamp.txt").write_text(result.timestamp)
            unchanged = {
                name: unchanged_answers(before / f"{name}.ipynb", graded.notebook)
                for name, graded in result.notebooks.items()
            }
            look_again = self.writer.write(result, unchanged)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        seconds = {**result.seconds, "gradebook": time.perf_counter() - start}
        return _Staged(submission, dataclasses.replace(result.noted(), seconds=seconds, look_again=look_again), folder)

    def _put(self, staged: _Staged, share: float) -> SubmissionResult:
        """Move the folder of a result that is in the gradebook to its place, and note the submission as done.

        share : seconds of the gradebook's that are this one's
        """
        start, final = time.perf_counter(), self._autograded(staged.submission)
        old = staged.folder.with_name(staged.folder.name.replace("writing-", "old-"))
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.exists():
                os.replace(final, old)
            os.replace(staged.folder, final)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(staged.folder, ignore_errors=True)
        seconds = dict(staged.result.seconds)
        seconds["gradebook"] += share + time.perf_counter() - start
        result = dataclasses.replace(staged.result, seconds=seconds)
        self.ledger.finish(staged.submission, result, final)
        return result

    def _autograded(self, submission: Submission) -> Path:
        return autograded(self.course, submission)


def apply(
    course: Course, writer: GradebookWriter, ledger: Ledger, submission: Submission, result: SubmissionResult
) -> SubmissionResult:
    """Put one result into the gradebook and into autograded/. Doing it twice is the same as doing it once.

    Returns the result with how long that took (seconds, "gradebook") and the scores by hand to look at again.
    """
    writing = Writing(course, writer, ledger)
    staged = writing._stage(submission, result)
    try:
        writer.commit()
    except BaseException:
        shutil.rmtree(staged.folder, ignore_errors=True)
        raise
    return writing._put(staged, 0.0)


def autograded(course: Course, submission: Submission) -> Path:
    """Where the graded notebooks of a submission lie."""
    return course.autograded / submission.student / submission.section


def _write_beside(folder: Path, name: str, content: bytes) -> None:
    """Write a file of the submission beside the graded notebooks; a folder called like one of them gets another name.

    A folder `sums.ipynb` comes out of an honest zip, and the graded notebook has to stand there.
    """
    *folders, last = name.split("/")
    for part in folders:
        folder = folder / part
        if folder.is_file():
            folder = folder.with_name(f"{part}.folder")
        folder.mkdir(exist_ok=True)
    if not (folder / last).exists():
        (folder / last).write_bytes(content)
