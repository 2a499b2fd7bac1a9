"""What grading one submission came to, as plain JSON data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypedDict, TypeVar

from ..errors import UserError, stops_the_run
from ..submissions.find import Submission
from ..text import visible

T = TypeVar("T")


class NotebookRecord(TypedDict):
    """What one notebook of a submission came to.

    scores     : grade_id -> points, None where a person has to grade
    points     : grade_id -> what the cell is worth
    unanswered : grade_ids of solution cells that are as they were released
    families   : grade_id of each test -> the families of mistakes that the feedback names
    parts      : grade_id -> [name, points earned, points] of each part of a check
    notebook   : the autograded notebook, None where it lies in autograded/ already
    """

    scores: dict[str, float | None]
    points: dict[str, float]
    unanswered: list[str]
    families: dict[str, list[str]]
    parts: dict[str, list[list[Any]]]
    notebook: dict[str, Any] | None


class Record(TypedDict):
    """What grading one submission came to, as plain JSON data.

    key        : of the submission
    notebooks  : by name
    seconds    : where the time went, see `grading.Result`; "gradebook" is the writer's time
    problems   : sentences for the student
    suspicions : sentences for the instructor only
    faults     : sentences about what went wrong in the grader itself
    by_hand    : the grader failed, so a person has to grade what is not in `notebooks`
    unread     : notebooks that were not handed in or could not be read to the end
    look_again : grade_ids of scores given by hand before this grading
    files      : what was handed in beside the notebooks, as it was read for grading, by relative name; in notes of
                 what is done it is left out, as the notebooks are
    starved    : it got too little of the processor, so what it did not finish says nothing about the work
    timestamp  : when it was handed in, "2026-03-01 12:00:00.000000 UTC", "" where nobody knows
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
    files: dict[str, bytes]
    timestamp: str
    starved: bool


def empty_record(submission: Submission) -> Record:
    return Record(
        student=submission.student, section=submission.section, key=submission.key, notebooks={}, seconds={},
        problems=[], suspicions=[], faults=[], by_hand=False, unread=[], look_again=[],
        files={}, timestamp="", starved=False,
    )  # fmt: skip


def without_notebooks(record: Record) -> Record:
    """The record without the notebooks and files themselves, so that a class of any size fits into memory."""
    notebooks = {name: {**v, "notebook": None} for name, v in record["notebooks"].items()}
    return {**record, "notebooks": notebooks, "files": {}}


def name_of(record: Record) -> str:
    return f"{record['student']}/{record['section']}"


def unreadable(submission: Submission, text: str) -> Record:
    """The record of a submission on which the grader itself failed: a person has to grade it."""
    return {**empty_record(submission), "by_hand": True, "faults": [text]}


def failed(submission: Submission, error: BaseException) -> Record:
    """The record of a submission that something raised for."""
    if isinstance(error, UserError):
        text = f"{error} It was not graded; look at it by hand."
    else:
        text = f"the grader failed on it ({type(error).__name__}: {error}); look at it by hand."
    return unreadable(submission, " ".join(visible(text).split())[:1000])


def at_its_own_cost(submission: Submission, step: Callable[[], T]) -> tuple[T | None, Record | None]:
    """What a step of grading a submission gives, or else the record that says why it could not be done.

    The one guard of a run: whatever a step raises for one submission costs that submission and no other. Raises only
    what would stop every other submission as well (`errors.stops_the_run`).
    """
    try:
        return step(), None
    except Exception as error:
        if stops_the_run(error):
            raise
        return None, failed(submission, error)
