"""Judge functions of numbers that return (value, gradients): the right answer, the known slips, what came back.

Ordinary inputs are plain floats of size 0.5 to 2, where rounding is below 1e-14: there answers are compared at 1e-11,
which a gradient obtained by finite differences misses. Small, large and zero inputs come after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from autograder.judging import Answer, Draw, Remote, Slip, Student, StudentError, expect, expect_in, expect_true
from autograder.sandbox.inside.wire import Handle

ROUNDING = {"rtol": 1e-11, "atol": 1e-12}


@dataclass(frozen=True)
class Truth:
    """What is right at one point, and what the known slips give there.

    gradients       : input name -> derivative, in the order of the arguments
    value_slips     : () -> what they give for the value
    gradient_slips  : () -> what they give for all gradients in order; None where that slip leaves the right one
    """

    value: float
    gradients: Mapping[str, float]
    value_slips: Callable[[], Sequence[Slip]] = list
    gradient_slips: Callable[[], Sequence[Slip]] = list


@dataclass(frozen=True)
class Returned:
    """What the student's function returned at one point.

    gradients : whatever stood second
    lacking   : why nothing can be said about gradients; None when something stood second
    """

    value: Any
    gradients: Any = None
    lacking: StudentError | None = None


def ask(function: Callable[..., Remote], name: str, inputs: Sequence[Any], names: Sequence[str]) -> Returned:
    """The student's value and gradients. Raises StudentError when there is not even a value."""
    return returned(partial(function, *inputs), name, names)


def returned(call: Callable[[], Remote], name: str, names: Sequence[str]) -> Returned:
    """What came of a call, see `ask`."""
    got = call().value
    if got is None or got is Ellipsis:
        raise StudentError(f"{name} returned {got}: does it end with `return value, (gradients)`?", "none")
    if not isinstance(got, (list, tuple)):
        if isinstance(got, (int, float, np.ndarray, np.generic)):
            text = f"{name} returned no gradients. Expected: a tuple with those of {', '.join(names)}, after the value."
            return Returned(got, lacking=StudentError(text, "missing"))
        kind = got.kind if isinstance(got, Handle) else f"of type {type(got).__name__}"
        raise StudentError(f"{name} returned something {kind}: expected a value and a tuple of gradients.", "type")
    if len(got) == 2:
        return Returned(*got)
    if not got:
        raise StudentError(f"{name} returned an empty {type(got).__name__}: no value, no gradients.", "missing")
    text = f"{name} returned {len(got)} things in a row: the gradients belong together in a tuple after the value."
    return Returned(got[0], lacking=StudentError(text, "type"))


def listed(answer: Returned, names: Sequence[str]) -> list[Any]:
    """The student's gradients, one for each name. Raises StudentError when there are too few, too many or none."""
    if answer.lacking:
        raise answer.lacking
    got = answer.gradients
    wanted = f"a tuple with {len(names)} in it: ({', '.join(names)}{',' if len(names) == 1 else ''})"
    if isinstance(got, np.ndarray) and got.ndim == 1:
        got = list(got)
    if got is None:
        raise StudentError(f"The gradients are None: expected {wanted}.", "none")
    if not isinstance(got, (list, tuple)):
        what = got.kind if isinstance(got, Handle) else f"of type {type(got).__name__}"
        raise StudentError(f"The gradients came as something {what}: expected {wanted}.", "type")
    if len(got) != len(names):
        raise StudentError(f"{len(got)} gradients came back: expected {wanted}.", "missing")
    return list(got)


def expect_gradients(
    got: Sequence[Any],
    right: Mapping[str, float],
    slips: Callable[[], Sequence[Slip]] = list,
    of: str = "f",
    rtol: float = ROUNDING["rtol"],
    atol: Sequence[float] | float = ROUNDING["atol"],
) -> bool:
    """Compare all gradients of a point. A slip is named only when it explains *every* gradient that came back.

    slips : as in Truth
    """
    names, exact = list(right), np.array(list(right.values()))
    mine = numbers(got)
    atols = np.broadcast_to(atol, exact.shape)
    rearranged = mine is not None and not alike(mine, exact) and alike(np.sort(mine), np.sort(exact))
    if rearranged and not alike(mine, -exact):
        text = f"The right gradients in the wrong places: they belong to {', '.join(names)}, in this order."
        return expect_true(False, text, "swapped_arguments")

    @cache
    def all_slips() -> list[list[Slip]]:
        """For each gradient, what the slips give that explain all of them."""
        if mine is None:
            return [[] for _ in names]
        if np.abs(mine - exact).max() <= 1e-5 * np.abs(exact).max():
            return [[Slip("numeric", value)] for value in mine]
        found = []
        for slip in slips():
            filled = np.array([e if s is None else s for s, e in zip(slip.value, exact, strict=True)])
            if alike(mine, filled) and not alike(filled, exact):
                found.append([Slip(slip.family, value, slip.words) for value in filled])
        return [list(one) for one in zip(*found, strict=True)] or [[] for _ in names]

    return all([
        expect(g, e, name=f"∂{of}/∂{name}", mistakes=lambda n=n: all_slips()[n], scalar_like=True, rtol=rtol,
               atol=float(a))
        for n, (g, (name, e), a) in enumerate(zip(got, right.items(), atols, strict=True))
    ])  # fmt: skip


def numbers(got: Sequence[Any]) -> np.ndarray | None:
    """Finite numbers as a float array, or None when something else is among them."""
    try:
        array = np.array([float(np.asarray(g).reshape(())) for g in got])
    except (TypeError, ValueError, OverflowError):
        return None
    return array if np.isfinite(array).all() else None


def alike(a: Any, b: Any) -> bool:
    """True when two arrays agree to six digits: the same formula, whatever the order of its steps."""
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-9))


@dataclass(frozen=True)
class Point:
    """The student's answer at one point, a `Returned`, with the truth there; `title` as in `regions.inputs`."""

    title: str
    answer: Answer
    truth: Truth

    @property
    def counts_again(self) -> bool:
        """An error in a region is paid for with the value; the gradients there are left out."""
        return not (self.title and self.answer.error)


def at_points(
    student: Student, name: str, points: Sequence[tuple[str, Sequence[Any]]], truth: Callable[..., Truth]
) -> list[Point]:
    """The student's answer at each point (title, inputs), and at the first one again."""
    found, asked = [], [*points, points[0]]
    calls = student.call_all(name, [inputs for _, inputs in asked])
    for (title, inputs), call in zip(asked, calls, strict=True):
        # numpy's numbers divide by zero without an error: what a slip would give there may be infinite
        right = truth(*(np.float64(given) if isinstance(given, float) else given for given in inputs))
        question = partial(returned, call, name, list(right.gradients))
        found.append(Point(title, Answer.to(question), right))
    return found


def judge_value(points: Sequence[Point], name: str) -> None:
    """Expect the right value at every point; the first wrong one ends it, so that nothing is said twice."""
    ordinary = [point.answer.got.value for point in points[:-1] if not point.title and point.answer.got]
    seen = numbers(ordinary)
    constant = seen is not None and len(seen) > 1 and seen.any() and np.ptp(seen) == 0

    def slips(right: Truth) -> list[Slip]:
        if constant:
            return [Slip("constant_loss", seen[0])]
        return [*right.value_slips(), Slip("shared_state", points[0].truth.value)]

    for point in points:
        right, got = point.truth, point.answer.value.value
        if point.title:
            good = expect_in(point.title, got, right.value, name=name, scalar_like=True)
        else:
            good = expect(got, right.value, name=name, mistakes=partial(slips, right), scalar_like=True, **ROUNDING)
        if not good:
            return


def judge_gradients(points: Sequence[Point], of: str) -> None:
    """Expect the right gradients at every point; the first point with a wrong one ends it."""
    for point in points:
        if not point.counts_again:
            continue
        right = point.truth
        got = listed(point.answer.value, list(right.gradients))
        if point.title:
            good = all([
                expect_in(point.title, mine, exact, name=f"∂{of}/∂{name}", scalar_like=True)
                for mine, (name, exact) in zip(got, right.gradients.items(), strict=True)
            ])  # fmt: skip
        else:
            good = expect_gradients(got, right.gradients, right.gradient_slips, of)
        if not good:
            return


def floats(draw: Draw, count: int) -> tuple[float, ...]:
    """Plain Python floats of size 0.5 to 2 with random signs."""
    return tuple(float(number) for number in draw.signed(count))
