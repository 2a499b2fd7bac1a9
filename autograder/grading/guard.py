"""Whatever goes wrong with one submission costs that submission alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ..errors import UserError, stops_the_run
from ..gradebook.result import SubmissionResult
from ..submissions.find import Submission
from ..text import visible

T = TypeVar("T")


def unreadable(submission: Submission, text: str) -> SubmissionResult:
    """The result of a submission on which the grader itself failed: a person has to grade it."""
    return SubmissionResult.of(submission, by_hand=True, faults=(text,))


def failed(submission: Submission, error: BaseException) -> SubmissionResult:
    """The result of a submission that something raised for."""
    if isinstance(error, UserError):
        text = f"{error} It was not graded; look at it by hand."
    else:
        text = f"the grader failed on it ({type(error).__name__}: {error}); look at it by hand."
    return unreadable(submission, " ".join(visible(text).split())[:1000])


def at_its_own_cost(submission: Submission, step: Callable[[], T]) -> tuple[T | None, SubmissionResult | None]:
    """What a step of grading a submission gives, or else the result that says why it could not be done.

    The one guard of a run: whatever a step raises for one submission costs that submission and no other. Raises only
    what would stop every other submission as well (`errors.stops_the_run`).
    """
    try:
        return step(), None
    except Exception as error:
        if stops_the_run(error):
            raise
        return None, failed(submission, error)
