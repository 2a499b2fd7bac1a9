"""Checks of numbers that are not known beforehand: the order they must have, and the random start of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from .comparison import CheckFailed, as_numbers, describe
from .student_code import student_code

__all__ = ["check_order", "check_start"]


def check_order(
    numbers: Callable[[], Mapping[str, Any]],
    title: str = "your numbers",
    *,
    reported: Sequence[str] = (),
    examples: int | None = None,
) -> None:
    """Print named numbers that have to grow from the first to the last; raise CheckFailed when they do not.

    numbers  : gives name -> number; called here, so that a missing name or a text is one sentence
    reported : the names of those that somebody has typed; the others are bounds. The sentence says when another reading
        of them, a single one, would be in order: two exchanged, a sum, a root, a half, per cent, the opposite sign
    examples : how many examples a reported number is the mean of
    """
    found: dict[str, float] = {}
    with student_code(title):
        given = numbers()
    for name, value in given.items():
        number = as_numbers(value)
        if isinstance(value, list | tuple) and number is not None and number.size == 1:
            raise CheckFailed(f"{title}: {name} is {describe(value)}, where one number belongs.", ("type",))
        if number is None or number.size != 1 or not np.isfinite(number).all():
            family = "none" if value is None else "type" if number is None else "shape" if number.size != 1 else "nan"
            came = "not a finite number" if family == "nan" else describe(value)
            raise CheckFailed(f"{title}: {name} is {came}, where one finite number belongs.", (family,))
        found[name] = number.item()
    names = list(found)
    for smaller, larger in zip(names, names[1:], strict=False):
        if not found[smaller] < found[larger]:
            text = f"{smaller} ({found[smaller]:.4g}) should be smaller than {larger} ({found[larger]:.4g})"
            family, question = _another_reading(found, reported, examples)
            families = (family,) if family else None if reported else ("wrong_argument",)
            raise CheckFailed(f"{title}: {text}{question or '.'}", families)
    print("   ".join(f"{name}: {number:.4g}" for name, number in found.items()))


def _another_reading(found: Mapping[str, float], reported: Sequence[str], examples: int | None) -> tuple[str, str]:
    """(family, question) of the only kind of slip without which the numbers would be in order; else two empty texts."""
    hits: dict[str, str] = {}

    def try_out(family: str, question: str, **other: float) -> None:
        values = list((dict(found) | other).values())
        if all(a < b for a, b in zip(values, values[1:], strict=False)):
            hits.setdefault(family, question)

    for a, b in combinations(reported, 2):
        try_out("swapped_arguments", f": are {a} and {b} exchanged?", **{a: found[b], b: found[a]})
    groups = [*([name] for name in reported), list(reported)]
    for group in groups:
        names = " and ".join(group)
        if examples:
            mean = {name: found[name] / examples for name in group}
            try_out("missing_mean", f": is {names} a sum over the {examples} examples? Report the mean.", **mean)
        elif all(found[name] > 1 for name in group):
            try_out("factor", f": is {names} in per cent? Report a fraction.", **{n: found[n] / 100 for n in group})
        try_out("factor", f": is {names} half of what is asked for?", **{name: 2 * found[name] for name in group})
        try_out("sign", f": is the sign of {names} wrong?", **{name: -found[name] for name in group})
    if all(found[name] > 0 for name in reported):  # a single root may as well be a number of another kind
        squares = {name: found[name] ** 2 for name in reported}
        try_out("wrong_loss", ": are they square roots? Report the numbers under the root.", **squares)
    return next(iter(hits.items())) if len(hits) == 1 else ("", "")


def check_start(
    parameters: Callable[[float], Mapping[str, Any]],
    shapes: Mapping[str, tuple[int, ...]],
    *,
    zero: Sequence[str] = (),
    zero_or_random: Sequence[str] = (),
    row_too: Sequence[str] = (),
    scale: float = 0.3,
    title: str = "the start",
) -> None:
    """Raise CheckFailed unless a network starts with random numbers of the size that was asked for.

    parameters : gives the starting values by name for a standard deviation; called with `scale`
    shapes     : name -> the shape it should have; arrays with at least 100 entries are looked at as random numbers
    zero       : names that start at zero
    zero_or_random : names that may do either
    row_too    : names that may also be rows: one axis more in front, with one entry
    """
    with student_code(title):
        found = parameters(scale)
    random: list[np.ndarray] = []
    for name, shape in shapes.items():
        given = found.get(alike(name, found))
        value = as_numbers(given)
        if value is None or value.shape not in ((shape, (1, *shape)) if name in row_too else (shape,)):
            came = f"shape {value.shape}" if value is not None else describe(given)
            family = "none" if given is None else "shape"
            raise CheckFailed(f"{title}: {name} has {came}, expected shape {shape}.", (family,))
        _require(np.isfinite(value).all(), f"{title}: {name} is not finite.", "nan")
        if name in zero:
            text = f"{title}: {name} should start at zero and stay there while nothing is trained."
            _require(not value.any(), text, "offset")
        elif value.size >= 100 and (name not in zero_or_random or value.any()):
            _look_random(name, value, scale, title)
            random.append(value)
    text = f"{title}: two parameters start with the same random numbers: draw each of them anew."
    _require(not share_numbers(*random), text, "wrong_argument")
    print(f"{title}: shapes and numbers of {', '.join(shapes)} are right")


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
    if value.size >= 400:  # so many normal numbers always have one that lies 1.85 standard deviations out
        far = float(np.max(np.abs(value))) > 1.85 * float(np.std(value))
        text = (
            f"{title}: no number of {name} lies far out: they should be normally distributed, as rng.normal gives them."
        )
        _require(far, text, "wrong_argument")


def share_numbers(*starts: np.ndarray) -> bool:
    """Whether arrays of random numbers have ten or more in common, in whatever order and of whatever sign.

    Zeros don't count. Of 1000 normal numbers two agree to six digits, as they may in single precision; ten do not.
    """
    size = max((float(np.max(np.abs(start), initial=0.0)) for start in starts), default=0.0) or 1.0
    found = [np.unique(np.abs(start[start != 0] / size).round(12)) for start in starts]
    return len(np.unique(np.concatenate([*found, []]))) <= sum(map(len, found)) - 10


def _require(condition: bool, text: str, family: str) -> None:
    if not condition:
        raise CheckFailed(text, (family,))
