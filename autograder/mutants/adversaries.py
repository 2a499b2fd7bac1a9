"""Wrong answers made from right ones without looking at their text: wrong in one region only, or in a side effect only.

Each adversary wraps the right function or node. It gives the right answer, unless a number among its inputs lies in
its region, it is called a second time, another instance is there, ...: then one of its results is off by a quarter. A
check has to notice every one, or say in its `domain` why its exercise does not contain that region.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..course import Course
from ..judging.check import Check
from ..judging.load import find
from ..judging.student import Student
from ..judging.verdict import Verdict
from .exercise import Cell, code_cells, exercises, namespace
from .measure import in_time, spread

RESULTS = 6  # so many results of one function are spoiled one by one

Numbers = list[np.ndarray]

# Where the inputs have to lie for an adversary to be wrong.
REGIONS: dict[str, Callable[[Numbers], bool]] = {
    "below 1e-5": lambda numbers: any(np.any((np.abs(n) < 1e-5) & (n != 0)) for n in numbers),
    "below 0.01": lambda numbers: any(np.any((np.abs(n) < 0.01) & (n != 0)) for n in numbers),
    "below 0.4": lambda numbers: any(np.any((np.abs(n) < 0.4) & (n != 0)) for n in numbers),
    "zeros": lambda numbers: any(np.any(n == 0) for n in numbers),
    "ones": lambda numbers: any(np.any(n == 1) for n in numbers),
    "above 10": lambda numbers: any(np.any(np.abs(n) > 10) for n in numbers),
    "above 100": lambda numbers: any(np.any(np.abs(n) > 100) for n in numbers),
    "one entry": lambda numbers: any(n.size == 1 and n.ndim > 0 for n in numbers),
    "many entries": lambda numbers: any(n.size > 30 for n in numbers),
    "no negative number": lambda numbers: any(n.size > 0 and bool(np.all(n >= 0)) for n in numbers),
    "no positive number": lambda numbers: any(n.size > 0 and bool(np.all(n <= 0)) for n in numbers),
}
OF_SIZES = ("one entry", "many entries")
CALLS = ("second call", "kept by shape")
EFFECTS = ("changes an argument",)
OF_NODES = (
    "second instance",
    "second pass",
    "shared by instances",
    "changes inputs",
    "changes out",
    "changes upstream",
)
OF_MODELS = ("shared by instances",)
COLUMNS = (*REGIONS, *CALLS, *EFFECTS, *dict.fromkeys((*OF_NODES, *OF_MODELS)))


@dataclass
class Spoiler:
    """What one adversary does, and whether it came to that."""

    region: str
    result: int
    met: bool = False  # the region was met
    fits: bool = False  # there were such inputs, and such a result
    idle: bool = False  # the result is the gradient of an input that never gets one, such as a label
    calls: int = 0
    kept: dict[Any, Any] = field(default_factory=dict)


def numbers_in(value: Any) -> Numbers:
    """Every float array and float in a value, however deep."""
    if isinstance(value, np.ndarray):
        return [value] if value.dtype.kind == "f" else []
    if isinstance(value, float | np.floating):
        return [np.asarray(value)]
    if isinstance(value, dict):
        value = list(value.values())
    return [n for item in value for n in numbers_in(item)] if isinstance(value, list | tuple) else []


def worse(value: Any) -> Any:
    """The value, off by a quarter; one half where it is zero; one more where it is a whole number."""
    if isinstance(value, bool | np.bool_):
        return not value
    if isinstance(value, int | np.integer):
        return value + 1
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return value
    off = np.where(array == 0, 0.5, 1.25 * array).astype(array.dtype)
    return float(off) if isinstance(value, float) else off


def spoil(value: Any, which: int) -> tuple[Any, int]:
    """The value with its which-th number or array made worse, and how many there are."""
    if isinstance(value, list | tuple):
        found, count = [], 0
        for item in value:
            changed, inside = spoil(item, which - count)
            found.append(changed)
            count += inside
        return type(value)(found), count
    if isinstance(value, np.ndarray | np.generic | float | int):
        return (worse(value) if which == 0 else value), 1
    return value, 0


# -- wrapping -------------------------------------------------------------------------------------------------------


def wrapped_function(function: Callable[..., Any], spoiler: Spoiler) -> Callable[..., Any]:
    def adversary(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        met = _met(spoiler, [n for value in given for n in numbers_in(value)], given)
        if spoiler.region == "kept by shape":
            key = tuple(np.shape(n) for value in given for n in numbers_in(value))
            if key in spoiler.kept:
                spoiler.met = True
                return copy.deepcopy(spoiler.kept[key])
        result = function(*args, **kwargs)
        if spoiler.region == "kept by shape":
            spoiler.fits = True
            spoiler.kept[key] = copy.deepcopy(result)
        if spoiler.region == "changes an argument":
            array = next((a for a in given if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.size), None)
            spoiler.fits = spoiler.fits or array is not None
            spoiler.met = spoiler.met or array is not None
            if array is not None:
                array += 1.0
            return result
        changed, count = spoil(result, spoiler.result)
        spoiler.fits = spoiler.fits or (spoiler.result < count and _fits(spoiler.region, given))
        spoiler.met = spoiler.met or (met and spoiler.result < count)
        return changed if met else result

    return adversary


def _fits(region: str, given: Sequence[Any]) -> bool:
    """Whether there are inputs that could lie in the region."""
    numbers = [n for value in given for n in numbers_in(value)]
    if region in OF_SIZES:
        return any(n.ndim for n in numbers)
    return region in CALLS or bool(numbers)


def _met(spoiler: Spoiler, numbers: Numbers, given: Sequence[Any]) -> bool:
    spoiler.calls += 1
    if spoiler.region == "second call":
        return spoiler.calls >= 2
    return spoiler.region in REGIONS and REGIONS[spoiler.region](numbers)


def wrapped_node(node_class: type, spoiler: Spoiler) -> type:
    """A node whose result 0 is `out`; result k is the gradient of its k-th input. Shared: `out` (0) or `d_out` (1)."""
    instances: list[Any] = []
    shared: dict[str, Any] = {}
    spoiler.idle = spoiler.result > 0 and spoiler.region not in OF_NODES[2:]

    def sources(node: Any) -> list[Any]:
        return [value for value in vars(node).values() if hasattr(value, "get_predecessors")]

    class Adversary(node_class):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            instances.append(self)
            self._passes = 0

        def _is_met(self, *more: Any) -> bool:
            given = [*(node.out for node in sources(self)), *more]
            spoiler.fits = spoiler.fits or spoiler.region not in REGIONS or _fits(spoiler.region, given)
            if spoiler.region == "always":
                return True
            if spoiler.region == "second instance":
                return len(instances) > 1 and self is not instances[0]
            if spoiler.region == "second pass":
                return self._passes > 1
            region = REGIONS.get(spoiler.region)
            return region is not None and region(numbers_in(given))

        def forward(self) -> Any:
            self._passes += 1
            result = super().forward()
            if spoiler.result == 0 and self._is_met():
                spoiler.met = True
                self.out = result = worse(np.asarray(self.out, dtype=float))
            return result

        def backward(self) -> Any:
            before = [np.array(node.d_out) for node in sources(self)]
            upstream = np.array(self.d_out)
            result = super().backward()
            for number, (node, held) in enumerate(zip(sources(self), before, strict=True), 1):
                if spoiler.result == number and np.any(node.d_out != held):
                    spoiler.idle = False
                if spoiler.result == number and self._is_met(upstream):
                    spoiler.met = True
                    node.d_out = held + worse(np.asarray(node.d_out - held, dtype=float))
            self._effects()
            return result

        def _effects(self) -> None:
            if spoiler.region == "changes inputs":
                node = sources(self)[0]
                node.out = worse(np.asarray(node.out, dtype=float))
            elif spoiler.region == "changes out":
                self.out = worse(np.asarray(self.out, dtype=float))
            elif spoiler.region == "changes upstream":
                self.d_out = worse(np.asarray(self.d_out, dtype=float))
            else:
                return
            spoiler.fits = spoiler.met = True

    if spoiler.region == "shared by instances" and spoiler.result < 2:
        name = ("out", "d_out")[spoiler.result]

        def put(self: Any, value: Any) -> None:
            spoiler.fits = True
            spoiler.met = spoiler.met or len(instances) > 1
            shared[name] = value

        setattr(Adversary, name, property(lambda self: shared.get(name), put))
    Adversary.__name__ = Adversary.__qualname__ = node_class.__name__
    return Adversary


def wrapped_model(model: type, spoiler: Spoiler) -> type:
    """A class whose second instance has the objects of the first."""
    first: dict[str, Any] = {}

    class Adversary(model):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            for name, value in vars(self).items():
                if hasattr(value, "__dict__") and not isinstance(value, type):
                    spoiler.fits = True
                    spoiler.met = spoiler.met or name in first
                    vars(self)[name] = first.setdefault(name, value)

    Adversary.__name__ = Adversary.__qualname__ = model.__name__
    return Adversary


def adversaries(value: Any) -> Iterator[tuple[Spoiler, Callable[[], Any]]]:
    """Every adversary of a function or class: what it does, and what makes it."""
    if isinstance(value, type):
        node = hasattr(value, "forward") and hasattr(value, "backward")
        if node:
            plan = [(region, result) for region in (*REGIONS, *OF_NODES[:2]) for result in range(4)]
            plan += [("shared by instances", 1), *((region, 0) for region in OF_NODES[2:])]
        else:
            plan = [(region, 0) for region in OF_MODELS]
        wrap: Callable[..., Any] = wrapped_node if node else wrapped_model
    else:
        plan = [(region, result) for region in (*REGIONS, CALLS[0]) for result in range(RESULTS)]
        plan += [(CALLS[1], 0), *((effect, 0) for effect in EFFECTS)]
        wrap = wrapped_function
    for region, result in plan:
        spoiler = Spoiler(region, result)
        yield spoiler, lambda spoiler=spoiler: wrap(value, spoiler)


# -- measuring ------------------------------------------------------------------------------------------------------


@dataclass
class Faced:
    """What the adversaries of one check came to: region -> how many there were, and those that got full points."""

    check: str
    domain: dict[str, str]
    tried: dict[str, int] = field(default_factory=dict)
    passed: dict[str, list[str]] = field(default_factory=dict)

    @property
    def failures(self) -> list[str]:
        return [
            f"{self.check}: {what}"
            for region, names in self.passed.items()
            if region not in self.domain
            for what in names
        ]

    def row(self, columns: Sequence[str]) -> list[str]:
        return [self.check, *(self._cell(region) for region in columns)]

    def _cell(self, region: str) -> str:
        if region not in self.tried:
            return "–"
        if region in self.domain:
            return "left out"
        return f"{self.tried[region] - len(self.passed.get(region, []))}/{self.tried[region]}"


def face(job: tuple[Check, Sequence[Cell], str, int]) -> Faced:
    """Judge every adversary of the names that a solution cell defines."""
    check, cells, cell, seed = job
    faced = Faced(check.name, dict(check.domain))
    source = next(one.source for one in cells if one.grade_id == cell)
    names = [s.name for s in ast.parse(source).body if isinstance(s, ast.FunctionDef | ast.ClassDef)]
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        scope = namespace(cells)
        for name in names:
            right = scope[name]
            for spoiler, make in adversaries(right):
                scope[name] = make()
                verdict = in_time(lambda: check.judge(Student.here(scope), f"region {seed}"), Verdict(check.name, 0))
                if verdict.problem:
                    raise RuntimeError(f"{verdict.problem} ({name}, {spoiler.region})")
                full = verdict.full
                if full and (spoiler.idle or not spoiler.fits):
                    continue
                faced.tried[spoiler.region] = faced.tried.get(spoiler.region, 0) + 1
                if full:
                    what = f"{name}, result {spoiler.result}, {spoiler.region}"
                    what += " passes" if spoiler.met else " is never asked for"
                    faced.passed.setdefault(spoiler.region, []).append(what)
            scope[name] = right
    return faced


def face_all(
    course: Course,
    sections: Sequence[str],
    *,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[Faced]:
    """Every check of the sections against the adversaries of its reference solution."""
    jobs = []
    for section in sections:
        cells = code_cells(course.root, section)
        for exercise in exercises(course.checks, section):
            check = find(course.checks, exercise.check)
            if check is not None:
                jobs.append((check, cells, exercise.cell, 0))
    found = []
    for done, faced in enumerate(spread(face, jobs, workers), 1):
        found.append(faced)
        progress(done, len(jobs), faced.check)
    return [faced for faced in found if faced.tried]


def sentence(found: Sequence[Faced]) -> str:
    tried = sum(sum(one.tried.values()) for one in found)
    left_out = sum(count for one in found for region, count in one.tried.items() if region in one.domain)
    passed = sum(len(one.failures) for one in found)
    share = (tried - left_out - passed) / (tried - left_out) if tried > left_out else math.nan
    caught = tried - left_out - passed
    text = f"{caught} of {tried - left_out} adversaries are caught ({share:.1%})"
    return f"{text}; {left_out} more lie in regions that their exercises leave out."


def markdown(found: Sequence[Faced]) -> str:
    columns = [region for region in COLUMNS if any(region in one.tried for one in found)]
    lines = ["| check | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += ["| " + " | ".join(one.row(columns)) + " |" for one in found]
    reasons = [
        f"* {one.check}, {region}: {reason}"
        for one in found
        for region, reason in one.domain.items()
        if region in one.tried
    ]
    left_out = ["", "What exercises leave out:", "", *reasons] if reasons else []
    return "\n".join([*lines, *left_out, "", sentence(found)])
