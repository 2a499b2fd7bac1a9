"""Judge a graph of the student's own: its drawing, and gradients measured on the student's own value.

There is no reference here. So the function has to show that it is one worth differentiating, and the judge takes the
differences itself, of the value alone.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder.judging import Answer, Draw, Remote, Student, StudentError, StudentGone, expect_true
from autograder.sandbox.inside.wire import Handle
from backprop.checking.edge_checks import on_a_circle
from backprop.checking.finite_differences import jacobian

from .scalar_functions import alike, ask, numbers, returned

MOST_ARROWS = 200
LONGEST_NAME = 40


def pairs(value: Any, name: str) -> list[tuple[str, str]]:
    """The arrows as pairs of names. Raises StudentError when the value is not a list of pairs, or one without end."""
    if isinstance(value, (list, tuple)) and len(value) > MOST_ARROWS:
        raise StudentError(f"{name} has {len(value)} arrows: more than {MOST_ARROWS} are not looked at.", "type")
    if isinstance(value, (list, tuple)) and all(isinstance(a, (list, tuple)) and len(a) == 2 for a in value):
        arrows = [(str(start).strip()[:LONGEST_NAME], str(end).strip()[:LONGEST_NAME]) for start, end in value]
        if arrows and not any(isinstance(end, Handle) for arrow in value for end in arrow):
            return arrows
    raise StudentError(f'{name} should be a list of pairs such as ("x", "g"), one for each arrow.', "type")


def named(student: Student, name: str) -> Mapping[str, Any]:
    value = student.get(name).value
    if not isinstance(value, dict):
        raise StudentError(f'{name} should be a dictionary such as {{"x": -2.0}}.', "type")
    return value


def named_point(student: Student) -> dict[str, float]:
    """f4_at as names and floats."""
    value = named(student, "f4_at")
    point = {str(key)[:LONGEST_NAME]: numbers([number]) for key, number in value.items()}
    if not point or len(point) > 12 or any(number is None for number in point.values()):
        raise StudentError('f4_at should hold one to twelve inputs and a number for each, such as {"u": 1.5}.', "type")
    return {key: float(number[0]) for key, number in point.items()}


def judge_drawing(arrows: Sequence[tuple[str, str]], inputs: Sequence[str]) -> None:
    """At least five operators, one result, no circle, and a path from every input to the result."""
    starts, ends = {start for start, _ in arrows}, {end for _, end in arrows}
    results = ends - starts
    count = len(ends)
    expect_true(count >= 5, f"The drawing has {count} operators: at least five are asked for.", "missing")
    fed = [name for name in inputs if name in ends]
    expect_true(not fed, f"An arrow goes into {', '.join(fed)}, which is an input.", "swapped_arguments")
    missing = [name for name in inputs if name not in starts | ends]
    expect_true(not missing, f"No arrow leaves the input {', '.join(missing)}.", "missing")
    text = f"The drawing ends in {len(results)} places: it should end in one result."
    expect_true(len(results) == 1, text, "missing")
    expect_true(not on_a_circle(arrows), "The arrows of the drawing run in a circle.", "swapped_arguments")


@dataclass(frozen=True)
class Slopes:
    """The student's own value at a point near f4_at, and its derivatives measured by differences."""

    inputs: tuple[float, ...]
    value: float
    gradient: np.ndarray
    doubt: np.ndarray


def measured(function: Remote, point: Mapping[str, float], draw: Draw | None = None) -> Slopes:
    """Derivatives of the student's value at `point`, with `draw` at a random place near it.

    Raises StudentError where it has none.
    """
    names = list(point)
    at = np.array(list(point.values()))
    if draw is not None:
        at = np.array([value * (1 + 0.05 * draw.number(-1, 1)) + 0.01 * draw.number(-1, 1) for value in at])
    moving = at.copy()
    first: list[tuple[float, ...]] = [tuple(at.tolist())]  # where it will be asked in any case
    jacobian(lambda: first.append(tuple(moving.tolist())) or 0.0, moving)
    came = deque(zip(first, function.student.call_all("f4", first), strict=True))

    def value() -> np.ndarray:
        inputs = tuple(moving.tolist())
        call = came.popleft()[1] if came and came[0][0] == inputs else partial(function, *inputs)
        found = numbers([returned(call, "f4", names).value])
        if found is None:
            raise StudentError("The value of f4 is not always a finite number near f4_at.", "nan")
        return found[0]

    def value_or_nan() -> np.ndarray:
        try:
            return value()
        except StudentGone:
            raise
        except StudentError:  # a step too wide for log or sqrt; a shorter one is tried next
            return np.array(np.nan)

    here = float(value())
    gradient, doubt = jacobian(value_or_nan, moving)
    rough = doubt > 1e-4 * np.maximum(1.0, np.abs(gradient))
    if rough.any():
        where = names[int(np.argmax(rough))]
        raise StudentError(
            f"f4 is not smooth near f4_at when {where} moves: a kink or a jump there, or another value each time.",
            "kink",
        )
    return Slopes(tuple(at.tolist()), here, gradient, doubt)


def judge_function(slopes: Sequence[Slopes], names: Sequence[str]) -> None:
    """Every input has an effect, no two play the same part, and not all derivatives are constants."""
    first, second = (found.gradient for found in slopes[:2])
    idle = [name for name, a, b in zip(names, first, second, strict=True) if max(abs(a), abs(b)) < 1e-9]
    if len(idle) == len(names):
        expect_true(False, "f4 gives the same value whatever its inputs are.", "constant_loss")
        return
    expect_true(not idle, f"The input {', '.join(idle)} has no effect on the value of f4.", "missing_term")
    for i, name in enumerate(names):
        for j in range(i):
            same = names[j] not in idle and all(alike(slope[i], slope[j]) for slope in (first, second))
            text = f"{names[j]} and {name} play the same part in f4: their derivatives are always equal."
            expect_true(not same, text, "swapped_arguments")
    bends = not alike(first, second)
    text = "All derivatives of f4 are constants: use an operator that multiplies, divides or bends."
    expect_true(bends, text, "missing")


def judge_roles(function: Remote, slopes: Sequence[Slopes], names: Sequence[str]) -> None:
    """The inputs may not all be exchanged for one another without an effect on the value."""
    pairs_of_inputs = list(itertools.combinations(range(len(names)), 2))
    alike_all = all(_exchanged(function, one, i, j, names) for i, j in pairs_of_inputs for one in slopes)
    text = f"{', '.join(names)} play the same part in f4: exchanged with each other they give the same value."
    expect_true(not pairs_of_inputs or not alike_all, text, "swapped_arguments")


def _exchanged(function: Remote, at: Slopes, i: int, j: int, names: Sequence[str]) -> bool:
    """Whether the value at a place stays the same when two inputs are exchanged, which are not the same there."""
    inputs = list(at.inputs)
    inputs[i], inputs[j] = inputs[j], inputs[i]
    other = Answer.to(lambda: numbers([ask(function, "f4", inputs, names).value])).got
    return inputs[i] != inputs[j] and other is not None and alike(other[0], at.value)
