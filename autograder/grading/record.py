"""What grading one submission came to, as plain JSON data."""

from __future__ import annotations

from typing import Any, TypedDict

from ..submissions.find import Submission


class NotebookRecord(TypedDict):
    """What one notebook of a submission came to.

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


def empty_record(submission: Submission) -> Record:
    return Record(
        student=submission.student, section=submission.section, key=submission.key, notebooks={}, seconds={},
        problems=[], suspicions=[], faults=[], by_hand=False, unread=[], look_again=[],
    )  # fmt: skip


def without_notebooks(record: Record) -> Record:
    """The record without the notebooks themselves, so that a class of any size fits into memory."""
    return {**record, "notebooks": {name: {**v, "notebook": None} for name, v in record["notebooks"].items()}}


def name_of(record: Record) -> str:
    return f"{record['student']}/{record['section']}"


def unreadable(submission: Submission, text: str) -> Record:
    """The record of a submission on which the grader itself failed: a person has to grade it."""
    return {**empty_record(submission), "by_hand": True, "faults": [text]}
