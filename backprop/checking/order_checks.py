"""Checks of numbers that are not known beforehand: the order they must have, and the random start of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .comparison import CheckFailed, as_numbers, describe
from .student_code import student_code

__all__ = ["check_order", "check_start"]


def check_order(numbers: Callable[[], Mapping[str, Any]], title: str = "your numbers") -> None:
    """Print named numbers that have to grow from the first to the last; raise CheckFailed when they do not.

    numbers : gives name -> number; called here, so that a missing name or a text is one sentence
    """
    found: dict[str, float] = {}
    with student_code(title):
        given = numbers()
    for name, value in given.items():
        number = as_numbers(value)
        if number is None or number.size != 1 or not np.isfinite(number).all():
            family = "none" if value is None else "type" if number is None else "shape" if number.size != 1 else "nan"
            came = "not a finite number" if family == "nan" else describe(value)
            raise CheckFailed(f"{title}: {name} is {came}, where one finite number belongs.", (family,))
        found[name] = number.item()
    names = list(found)
    for smaller, larger in zip(names, names[1:], strict=False):
        if not found[smaller] < found[larger]:
            text = f"{smaller} ({found[smaller]:.4g}) should be smaller than {larger} ({found[larger]:.4g})."
            raise CheckFailed(f"{title}: {text}", ("wrong_argument",))
    print("   ".join(f"{name}: {number:.4g}" for name, number in found.items()))


def check_start(
    parameters: Callable[[float], Mapping[str, Any]],
    shapes: Mapping[str, tuple[int, ...]],
    *,
    zero: Sequence[str] = (),
    zero_or_random: Sequence[str] = (),
    scale: float = 0.3,
    title: str = "the start",
) -> None:
    """Raise CheckFailed unless a network starts with random numbers of the size that was asked for.

    parameters : gives the starting values by name for a standard deviation; called with `scale`
    shapes     : name -> the shape it should have; arrays with at least 100 entries are looked at as random numbers
    zero       : names that start at zero
    zero_or_random : names that may do either
    """
    with student_code(title):
        found = parameters(scale)
    for name, shape in shapes.items():
        given = found.get(alike(name, found))
        value = as_numbers(given)
        if value is None or value.shape != shape:
            came = f"shape {value.shape}" if value is not None else describe(given)
            raise CheckFailed(f"{title}: {name} has {came}, expected shape {shape}.", ("shape",))
        _require(np.isfinite(value).all(), f"{title}: {name} is not finite.", "nan")
        if name in zero:
            _require(not value.any(), f"{title}: {name} should start at zero.", "offset")
        elif value.size >= 100 and (name not in zero_or_random or value.any()):
            _look_random(name, value, scale, title)
    print(f"{title}: {', '.join(shapes)} have the right shapes, and start as they should")


def alike(name: str, names: Iterable[str]) -> str:
    """The name, or the only one among `names` that differs from it in capitals alone."""
    same = [one for one in names if one.casefold() == name.casefold()]
    return same[0] if len(same) == 1 else name


def _look_random(name: str, value: np.ndarray, scale: float, title: str) -> None:
    _require(bool(value.any()), f"{title}: {name} starts at zero: all units would stay alike.", "zero")
    rows = value.reshape(len(value), -1)
    alike = len(np.unique(rows.round(12), axis=0)) < len(rows) or (
        rows.shape[1] > 1 and np.ptp(rows, axis=1).max() == 0
    )
    _require(
        not alike, f"{title}: units of {name} start with the same numbers, and would stay alike.", "wrong_argument"
    )
    spread = float(np.std(value)) / scale
    text = f"{title}: {name} has a standard deviation of {spread:.2g} times the one that was asked for."
    _require(0.5 < spread < 1.3, text, "wrong_argument")
    text = f"{title}: {name} has a mean of {float(np.mean(value)) / scale:.2g} standard deviations, expected about 0."
    _require(abs(float(np.mean(value))) < 0.3 * scale, text, "wrong_argument")


def _require(condition: bool, text: str, family: str) -> None:
    if not condition:
        raise CheckFailed(text, (family,))
