"""Check a drawing: the arrows of a graph, given as pairs of names, and whether each input of a function matters."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .comparison import CheckFailed
from .finite_differences import jacobian
from .student_code import student_code

__all__ = ["check_edges", "check_inputs_matter"]


def check_edges(
    edges: Any,
    *,
    arrows: Mapping[str, int] | None = None,
    inputs: Any = (),
    result: str | None = None,
    operators: int = 0,
    title: str = "the drawing",
) -> None:
    """Raise CheckFailed with one sentence when the arrows are no drawing, or not the one that is asked for.

    edges     : the pairs (from, to), or a function without arguments that gives them
    arrows    : name -> how many arrows lead to it; no other names but these and the inputs may occur
    inputs    : names that no arrow leads to and at least one leaves; or a function that gives them
    result    : the name that no arrow leaves; any single one when left out
    operators : the least number of names that arrows lead to
    """
    with student_code(title):
        edges = edges() if callable(edges) else edges
        inputs = list(inputs() if callable(inputs) else inputs)
    pairs = _pairs(edges, title)
    starts, ends = [start for start, _ in pairs], [end for _, end in pairs]
    for pair in pairs:
        _require(pairs.count(pair) == 1, f"{title}: the arrow {pair} is there twice.", "wrong_argument")
    if arrows is not None:
        known = [*inputs, *arrows]
        strange = [name for name in dict.fromkeys(starts + ends) if name not in known]
        text = f"{title}: {', '.join(strange)} is none of the names {', '.join(known)}."
        _require(not strange, text, "wrong_argument")
    for name in inputs:
        text = f"{title}: an arrow leads to {name}, which is an input. Arrows point from the inputs to the result."
        _require(name not in ends, text, "swapped_arguments")
        _require(name in starts, f"{title}: no arrow leaves the input {name}.", "missing")
    if result is not None:
        text = f"{title}: an arrow leaves {result}, the result. Arrows point from the inputs to the result."
        _require(result not in starts, text, "swapped_arguments")
    if arrows is not None:
        spare = {name: ends.count(name) - wanted for name, wanted in arrows.items()}
        for start, end in pairs:
            text = f"{title}: does {(start, end)} point the wrong way? One too many leads to {end}, too few to {start}."
            _require((spare.get(start), spare.get(end)) != (-1, 1), text, "swapped_arguments")
        for name, wanted in arrows.items():
            found = ends.count(name)
            text = f"{title}: {_counted(wanted)} should lead to {name}, but {found} do."
            _require(found >= wanted, text, "missing")
            _require(found <= wanted, text, "wrong_argument")
    text = f"{title}: {len(set(ends))} operators, where at least {operators} are asked for."
    _require(len(set(ends)) >= operators, text, "missing")
    _require_one_result(pairs, result, title)


def check_inputs_matter(f: Callable[..., Any], at: Mapping[str, float], title: str = "f4") -> None:
    """Raise CheckFailed when an input of `f` has no effect on its value, when two play the same part, or when all
    derivatives are constants; measured by finite differences at `at` and nearby. f returns (value, gradients)."""
    points = [
        np.array([float(number) * scale + shift for number in at.values()]) for scale, shift in ((1, 0), (1.03, 0.01))
    ]

    def slopes(point: np.ndarray) -> np.ndarray:
        with student_code(title):
            return jacobian(lambda: np.array(float(f(*point.tolist())[0])), point)[0]

    first, second = (slopes(point) for point in points)
    names = list(at)
    still = np.maximum(np.abs(first), np.abs(second)) < 1e-9
    _require(not still.all(), f"{title} gives the same value whatever its inputs are.", "constant_loss")
    idle = [name for name, none in zip(names, still, strict=True) if none]
    _require(not idle, f"{title}: the input {', '.join(idle)} has no effect on the value.", "missing_term")
    for i, name in enumerate(names):
        for j in range(i):
            same = np.allclose((first[i], second[i]), (first[j], second[j]), rtol=1e-7)
            text = f"{title}: {names[j]} and {name} play the same part, their derivatives are always equal."
            _require(not same, text, "swapped_arguments")
    text = f"{title}: {', '.join(names)} play the same part, exchanged with each other they give the same value."
    _require(not _all_alike(f, points[1], title), text, "swapped_arguments")
    text = f"{title}: all derivatives are constants. Use an operator that multiplies, divides or bends."
    _require(not np.allclose(first, second, rtol=1e-7), text, "missing")


def _all_alike(f: Callable[..., Any], point: np.ndarray, title: str) -> bool:
    """Whether any two inputs may be exchanged without an effect on the value."""

    def value(inputs: list[float]) -> float:
        with student_code(title):
            return float(f(*inputs)[0])

    exchanged = []
    for i, j in itertools.combinations(range(len(point)), 2):
        inputs = point.tolist()
        inputs[i], inputs[j] = inputs[j], inputs[i]
        try:
            exchanged.append(value(inputs))
        except CheckFailed:  # not defined there: so the two are not the same
            return False
    return bool(exchanged) and np.allclose(exchanged, value(point.tolist()), rtol=1e-7)


def on_a_circle(arrows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The arrows (from, to) that lead into a circle; none in a graph that can be computed step by step."""
    left = list(arrows)
    while True:  # take away the last steps again and again
        waiting = {start for start, _ in left}
        shorter = [(start, end) for start, end in left if end in waiting]
        if len(shorter) == len(left):
            return left
        left = shorter


def _pairs(edges: Any, title: str) -> list[tuple[str, str]]:
    plain = isinstance(edges, list | tuple) and all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in edges)
    if not plain or not edges:
        raise CheckFailed(f'{title} should be a list of pairs such as ("x", "g"), one for each arrow.', ("type",))
    return [(str(start).strip(), str(end).strip()) for start, end in edges]


def _require_one_result(pairs: Sequence[tuple[str, str]], result: str | None, title: str) -> None:
    _require(not on_a_circle(pairs), f"{title}: the arrows run in a circle.", "swapped_arguments")
    results = sorted({end for _, end in pairs} - {start for start, _ in pairs})
    text = f"{title} ends in {', '.join(results)}: it should end in {result or 'one result'}."
    _require(results == [result] if result else len(results) == 1, text, "missing")


def _require(condition: bool, text: str, family: str) -> None:
    if not condition:
        raise CheckFailed(text, (family,))


def _counted(number: int) -> str:
    return "1 arrow" if number == 1 else f"{number} arrows"
