"""What grading came to, of a notebook and of a submission: one type from the worker to the gradebook, the note of what
is done and the report.

Between processes it travels as it is: both ends are the grader's own. As JSON it lies in `.autograder/done/`, where
anything may have happened to it, so each value is looked at when it is read back.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import json
import sys
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from ..judging.verdict import Verdict
from ..submissions.find import Submission
from ..submissions.submission import TIME

T = TypeVar("T")


@dataclass(frozen=True)
class Result:
    """What grading one notebook gave.

    scores     : grade_id -> points by the autograder, None where a person has to grade
    points     : grade_id -> what the cell is worth
    failed     : grade_id of each plain nbgrader test -> whether it raised an error
    unanswered : grade_ids of solution cells that are as they were released
    verdicts   : grade_id -> the judge's verdict, for cells with a registered check
    problems   : sentences for the student: what was damaged and how it was mended
    suspicions : sentences for the instructor only
    faults     : sentences about checks that failed themselves, so that a person has to grade
    notebook   : the autograded notebook, nbformat 4.5; None where it lies in autograded/ already
    starved    : a process got too little of the processor, so what it did not finish says nothing about the work
    seconds    : where the time went: start, cells, judge (by the clock); in processor time cells_cpu, answers_cpu (the
                 student's code called by the judge), judge_cpu, and sandbox_cpu, all processes in the sandbox
    """

    section: str
    name: str
    scores: dict[str, float | None] = field(default_factory=dict)
    points: dict[str, float] = field(default_factory=dict)
    failed: dict[str, bool] = field(default_factory=dict)
    unanswered: tuple[str, ...] = ()
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    suspicions: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    notebook: dict[str, Any] | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    starved: bool = False

    @property
    def score(self) -> float:
        """The sum of the points that need no person."""
        return sum(score or 0.0 for score in self.scores.values())

    @property
    def families(self) -> dict[str, tuple[str, ...]]:
        """grade_id of each test -> the families of mistakes that the feedback names."""
        plain = {grade_id: ("failed_test",) * failed for grade_id, failed in self.failed.items()}
        return plain | {grade_id: verdict.families for grade_id, verdict in self.verdicts.items()}


@dataclass(frozen=True)
class SubmissionResult:
    """What grading one submission came to. What the notebooks' results say, it says of all of them together.

    key        : of the submission
    notebooks  : by name
    seconds    : as those of a notebook; "gradebook" is the writer's time
    by_hand    : the grader failed, so a person has to grade what is not in `notebooks`
    unread     : notebooks that were not handed in or could not be read to the end
    look_again : grade_ids of scores given by hand before this grading
    timestamp  : when it was handed in, "2026-03-01 12:00:00.000000 UTC", "" where nobody knows
    files      : what was handed in beside the notebooks, as it was read for grading, by relative name; empty where it
                 lies in autograded/ already
    """

    student: str
    section: str
    key: str
    notebooks: dict[str, Result] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    suspicions: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    by_hand: bool = False
    unread: tuple[str, ...] = ()
    look_again: tuple[str, ...] = ()
    timestamp: str = ""
    starved: bool = False
    files: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, submission: Submission, **more: Any) -> Self:
        """The result of a submission; more : the other fields by their names."""
        return cls(submission.student, submission.section, submission.key, **more)

    @property
    def name(self) -> str:
        return f"{self.student}/{self.section}"

    @property
    def handed_in(self) -> datetime.datetime | None:
        """`timestamp` as nbgrader keeps it: UTC, without a zone."""
        return datetime.datetime.strptime(self.timestamp, TIME) if self.timestamp else None

    def with_notebook(self, result: Result) -> Self:
        """This result and that of one more notebook."""
        seconds = {
            what: self.seconds.get(what, 0.0) + result.seconds.get(what, 0.0)
            for what in {**self.seconds, **result.seconds}
        }
        return dataclasses.replace(
            self,
            notebooks={**self.notebooks, result.name: result},
            seconds=seconds,
            problems=tuple(dict.fromkeys([*self.problems, *result.problems])),
            suspicions=tuple(dict.fromkeys([*self.suspicions, *result.suspicions])),
            faults=(*self.faults, *result.faults),
            starved=self.starved or result.starved,
        )

    def noted(self) -> Self:
        """The result without notebooks and files themselves, so that a class of any size fits into memory."""
        notebooks = {name: dataclasses.replace(result, notebook=None) for name, result in self.notebooks.items()}
        return dataclasses.replace(self, notebooks=notebooks, files={})


def to_json(value: Any) -> str:
    """A data class of values that JSON knows, and of such data classes, as JSON."""
    return json.dumps(value, default=vars)


def from_json(kind: type[T], text: str | bytes) -> T:
    """What `to_json` was given. Raises ValueError where a value is missing, unknown, or of another kind."""
    try:
        return _read(kind, json.loads(text))
    except RecursionError:
        raise ValueError("no JSON that anybody wrote") from None


def _read(kind: Any, value: Any) -> Any:
    """JSON data as a value of an annotated type. Raises ValueError where it is none."""
    if dataclasses.is_dataclass(kind):
        fields = _fields(kind)
        if not isinstance(value, dict) or value.keys() != fields.keys():
            raise ValueError(f"no {kind.__name__}")
        return kind(**{name: _read(wanted, value[name]) for name, wanted in fields.items()})
    outer, inner = typing.get_origin(kind), typing.get_args(kind)
    if outer is dict and isinstance(value, dict):
        return {name: _read(inner[1], item) for name, item in value.items()}
    if outer is tuple and isinstance(value, list):
        return tuple(_read(inner[0], item) for item in value)
    if outer is types.UnionType:  # of one type and None
        return None if value is None else _read(inner[0], value)
    if kind is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if kind is Any or (type(value) is kind and kind is not float):
        return value
    raise ValueError(f"no {kind}")


@functools.cache
def _fields(kind: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(kind)
    return {one.name: hints[one.name] for one in dataclasses.fields(kind)}
