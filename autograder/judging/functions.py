"""What every function of numbers and arrays has to keep, whatever it computes: one contract for all of them.

A `FunctionRule` says what it returns. A `FunctionTrial` calls it on ordinary inputs, on others of the same shapes, in
each region of numbers, with one argument alone another one, zero, zero at one place or of whole numbers, and at the
end on the first ones again: it has to be a function of its arguments, which it leaves as they are, as it does with
what it returned earlier.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from backprop.checking.comparison import compare
from backprop.checking.slips import Slip

from ..sandbox.gone import StudentError
from .answers import Answer
from .calls import Call, expect_all_left_alone
from .regions import expect_in, near, one_at_a_time, refused
from .student import Student, values
from .verdict import expect


def _no_slips(**_: Any) -> dict[str, Iterable[Slip]]:
    return {}


@dataclass(frozen=True)
class FunctionRule:
    """What a function returns.

    name   : of the student's function
    right  : (**inputs) -> {what it is called: the right value}, in the order in which they are returned
    slips  : (**inputs) -> {what it is called: what known mistakes would give}; worked out for a wrong result only
    unpack : (what came back, the names) -> one value for each name; `separate` where nothing is said
    shaped : a number has the shape (): an array with one entry is none
    floats : inputs that never hold integers: a result may be worked out in place, in a copy of them

    Inputs come in the order of the function's arguments.
    """

    name: str
    right: Callable[..., Mapping[str, Any]]
    slips: Callable[..., Mapping[str, Iterable[Slip]]] = _no_slips
    unpack: Callable[[Any, Sequence[str]], Sequence[Any]] | None = None
    shaped: bool = False
    floats: Sequence[str] = ()


def separate(returned: Any, names: Sequence[str]) -> Sequence[Any]:
    """One value for each name: what was returned, or the entries of a tuple. Raises StudentError for another number."""
    if len(names) == 1:
        return [returned]
    if returned is None or returned is Ellipsis:
        raise StudentError(f"The function returned {returned}: expected {', '.join(names)}.", "none")
    found = values(returned)
    if len(found) != len(names):
        came = "1 thing" if len(found) == 1 else f"{len(found)} things"
        raise StudentError(f"{came} came back: expected {len(names)}, {', '.join(names)}.", "missing")
    return found


class FunctionTrial:
    """The student's function, called by a rule. Each `expect_…` notes in the open part what it finds.

    cases : (title, inputs), see `regions.inputs`. Ordinary ones have the title ""; their mistakes are named
    again : the first one is asked once more, and, where the second has its shapes, each argument is changed alone
    """

    def __init__(
        self,
        student: Student,
        rule: FunctionRule,
        cases: Iterable[tuple[str, dict[str, Any]]],
        *,
        again: bool = True,
        **tolerances: float,
    ):
        self.rule, self.tolerances = rule, tolerances
        self.cases = list(cases)
        if again:
            self.cases += self._changed_alone()
            self.cases.append(self.cases[0])
        self.student, self.calls = student, Call.all_of(student, rule.name, [inputs for _, inputs in self.cases])
        self.right = [dict(rule.right(**inputs)) for _, inputs in self.cases]
        self.names = list(self.right[0])
        self.found = [call.answer.then(self._unpacked) for call in self.calls]
        self._paid: set[int] = set()

    def _changed_alone(self) -> list[tuple[str, dict[str, Any]]]:
        if len(self.cases) < 2:
            return []
        first, second = self.cases[0][1], self.cases[1][1]
        # What belongs together, such as the values of one forward pass, is not taken apart.
        together = any(isinstance(value, Mapping) for value in first.values())
        return [] if together else list(one_at_a_time(first, second, self.rule.floats))

    def _unpacked(self, returned: Any) -> dict[str, Any]:
        unpack = self.rule.unpack or separate
        return dict(zip(self.names, unpack(returned, self.names), strict=True))

    def _is_right(self, number: int, name: str) -> bool:
        exact = self.right[number][name]

        def agrees(found: Mapping[str, Any]) -> bool:
            got = found[name]
            return compare("", got, exact, scalar_like=np.ndim(exact) == 0, **near(exact, got)).ok

        return self.found[number].holds(agrees)

    def _counted(self) -> Iterable[int]:
        """The calls that count: one that stops after something was wrong in an earlier one has been paid for there."""
        for number, answer in enumerate(self.found):
            if answer.error is not None and any(
                self.found[n].error is None and not all(self._is_right(n, name) for name in self.names)
                for n in range(number)
            ):
                return
            yield number

    def expect(self, name: str, label: str = "") -> bool:
        """One of the results in every call; the first call in which it is wrong ends it."""
        for number in self._counted():
            if number in self._paid:
                continue
            title, inputs = self.cases[number]
            if refused(title, self.calls[number]):
                continue
            if self.found[number].error is not None and number > 0:
                self._paid.add(number)  # an error there is told and paid for once
            if not self._expect(number, title, inputs, name, label or name):
                return False
        return True

    def _expect(self, number: int, title: str, inputs: Mapping[str, Any], name: str, label: str) -> bool:
        got, exact = self.found[number].value[name], np.asarray(self.right[number][name], dtype=float)
        scalar = exact.ndim == 0 and not self.rule.shaped
        before = [np.asarray(self.right[n][name], dtype=float) for n in range(number)]
        earlier = _kept([one for one in before if one.shape == exact.shape], exact)
        if title:
            return expect_in(title, got, exact, name=label, scalar_like=scalar, earlier=earlier, **self.tolerances)

        def slips() -> list[Slip]:
            return [*self.rule.slips(**inputs).get(name, ()), Slip("shared_state", earlier)]

        return expect(got, exact, name=label, scalar_like=scalar, mistakes=slips, **self.tolerances)

    def expect_left_alone(self, text: str = "") -> None:
        """No call changed its arguments, `text` says so with {name} in it, nor what an earlier one returned."""
        expect_all_left_alone(self.calls, text)

    @property
    def answers(self) -> list[Answer]:
        return self.found


def _kept(earlier: Sequence[np.ndarray], exact: np.ndarray) -> list[Any]:
    """What a function gives that keeps its results: an earlier one again, or this one with earlier ones added to it."""
    return [*earlier, exact + earlier[-1], exact + sum(earlier)] if earlier else []
