"""One call of a student's function: what came of it, and what became of the arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backprop.checking.mistake_kinds import explain

from .answers import Answer
from .student import Remote, Student, Watched
from .verdict import expect_true

RESULT_CHANGED = "What an earlier call returned was changed by a later one: make a new array in each call."


@dataclass(frozen=True)
class Call:
    """A call by position, on copies of the arguments.

    answer  : what it returned, or the error that came instead
    changed : names of the arguments that it changed in place
    kept    : names of the arguments that came back as (part of) the result, the very same arrays, and as which parts
    there   : the result in the student's process, which may be changed by a later call; None after an error
    """

    inputs: dict[str, Any]
    answer: Answer
    changed: list[str] = field(default_factory=list)
    kept: dict[str, list[int]] = field(default_factory=dict)
    there: Remote | None = None

    @classmethod
    def of(cls, student: Student, name: str, inputs: Mapping[str, Any]) -> Call:
        return cls.all_of(student, name, [inputs])[0]

    @classmethod
    def all_of(cls, student: Student, name: str, several: Sequence[Mapping[str, Any]]) -> list[Call]:
        """One call after the other, on each of the inputs."""
        found = student.watched_all(name, [tuple(inputs.values()) for inputs in several])
        return [cls._seen(inputs, one) for inputs, one in zip(several, found, strict=True)]

    @classmethod
    def _seen(cls, inputs: Mapping[str, Any], came: Callable[[], Watched]) -> Call:
        changed: list[str] = []
        kept: dict[str, list[int]] = {}

        def ask() -> Any:
            got, after, same = came()
            for n, place in same:
                kept.setdefault(list(inputs)[n], []).append(place)
            changed.extend(key for key, now in zip(inputs, after, strict=True) if not unchanged(now, inputs[key]))
            return got

        answer = Answer.to(ask)
        return cls(dict(inputs), answer, changed, kept, answer.got)

    @property
    def value(self) -> Any:
        return self.answer.value

    def expect_left_alone(self, text: str = "", now: Callable[[], Any] | None = None) -> bool:
        """Note in the open part that the arguments are as they were before, and the result as it came.

        text : what is said of an argument otherwise, with {name} in it
        now  : returns the result as it is now, where that has been asked for already
        """
        for name in self.changed:
            said = text.format(name=name) if text else explain("in_place", name).text
            expect_true(False, said, "in_place")
        return self._expect_result_kept(now) and not self.changed

    def _expect_result_kept(self, now: Callable[[], Any] | None) -> bool:
        """No call since has written into what this one returned."""
        if self.there is None:
            return True
        kept = still_there((now or self.there.fetch)(), self.there.value)
        return expect_true(kept, RESULT_CHANGED, "shared_state")

    def expect_new_arrays(self) -> bool:
        """Note in the open part that what came back is new: none of the arguments themselves."""
        for name in self.kept:
            text = f"The array {name} itself came back: return a new one, or whoever changes it changes {name} as well."
            expect_true(False, text, "in_place")
        return not self.kept


def expect_all_left_alone(calls: Sequence[Call], text: str = "", *, new: bool = False) -> bool:
    """`expect_left_alone` of one call after the other, up to the first that fails; asks all of them in one message.

    new : what came back is to be new as well, see `expect_new_arrays`
    """
    there = [call.there for call in calls if call.there is not None]
    now = iter(there[0].student.fetch_all(there) if there else [])
    return all(
        call.expect_left_alone(text, None if call.there is None else next(now))
        and (not new or call.expect_new_arrays())
        for call in calls
    )


def still_there(now: Any, came: Any) -> bool:
    """Whether a result is as it came, so that no later call has written into it. With nan in it, it counts as there."""
    return not unchanged(came, came) or unchanged(now, came)


def unchanged(now: Any, before: Any) -> bool:
    """True when an argument holds what it held before; what is neither numbers nor made of them always does."""
    if isinstance(before, np.ndarray) and isinstance(now, np.ndarray):
        return now.shape == before.shape and bool((now == before).all())
    if isinstance(before, Mapping):
        return isinstance(now, Mapping) and all(key in now and unchanged(now[key], before[key]) for key in before)
    if isinstance(before, list | tuple):
        return isinstance(now, list | tuple) and len(now) == len(before) and all(map(unchanged, now, before))
    if isinstance(before, np.ndarray | np.generic | float | int):
        return isinstance(now, np.ndarray | np.generic | float | int) and np.array_equal(now, before)
    return True
