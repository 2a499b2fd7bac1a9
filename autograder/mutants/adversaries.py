"""Wrong answers made from right ones without looking at their text: wrong in one region only, or in a side effect only.

Each adversary wraps the right function, node or class. It gives the right answer, unless an input lies in its region,
it is called a third time, another instance is there, ...: then one of its results is off by a quarter. A check has to
notice every one, or say in its `domain` why its exercise does not contain that region.

A *scout* goes first: the right answer itself, which notes the regions that the check asks for. Of a region where it
never looks nothing else has to be tried: whatever is wrong there passes.
"""

from __future__ import annotations

import ast
import contextlib
import copy
import inspect
import math
import os
import random
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


def some(condition: Callable[[np.ndarray], Any], entries: int = 1) -> Callable[[Numbers], bool]:
    """Whether a condition holds of any array with at least so many entries."""
    return lambda numbers: any(n.size >= entries and bool(np.any(condition(n))) for n in numbers)


def _equal_rows(n: np.ndarray) -> bool:
    return n.ndim == 2 and min(n.shape) > 1 and len(np.unique(n, axis=0)) < len(n) and np.ptp(n) > 0


# Where the inputs have to lie for an adversary to be wrong: what their numbers are, ...
VALUES: dict[str, Callable[[Numbers], bool]] = {
    "below 1e-8": some(lambda n: (np.abs(n) < 1e-8) & (n != 0)),
    "below 1e-5": some(lambda n: (np.abs(n) < 1e-5) & (n != 0)),
    "below 0.01": some(lambda n: (np.abs(n) < 0.01) & (n != 0)),
    "below 0.4": some(lambda n: (np.abs(n) < 0.4) & (n != 0)),
    "zeros": some(lambda n: n == 0),
    "a single zero": some(lambda n: np.sum(n == 0) == 1, 2),
    "negative zero": some(lambda n: np.signbit(n) & (n == 0)),
    "ones": some(lambda n: n == 1),
    "above 10": some(lambda n: np.abs(n) > 10),
    "above 100": some(lambda n: np.abs(n) > 100),
    "above 1e5": some(lambda n: np.abs(n) > 1e5),
    "no negative number": some(lambda n: np.all(n >= 0)),
    "no positive number": some(lambda n: np.all(n <= 0)),
    "both signs": some(lambda n: np.any(n > 0) and np.any(n < 0), 2),
    "whole numbers": some(lambda n: np.all(n == np.round(n)) and np.ptp(n) > 0, 2),
    "equal entries": some(lambda n: np.ptp(n) == 0 and np.any(n != 0), 2),
    "ties": some(lambda n: n.ndim > 0 and len(np.unique(n)) < n.size and np.ptp(n) > 0, 3),
    "equal rows": some(_equal_rows, 4),
    "ascending": some(lambda n: np.all(np.diff(n.ravel()) > 0), 3),
    "descending": some(lambda n: np.all(np.diff(n.ravel()) < 0), 3),
}
# ... how many there are, ...
SIZES: dict[str, Callable[[Numbers], bool]] = {
    "one entry": lambda numbers: any(n.size == 1 and n.ndim > 0 for n in numbers),
    "one row": lambda numbers: any(n.ndim == 2 and n.shape[0] == 1 for n in numbers),
    "one column": lambda numbers: any(n.ndim == 2 and n.shape[1] == 1 for n in numbers),
    "square": lambda numbers: any(n.ndim == 2 and n.shape[0] == n.shape[1] > 1 for n in numbers),
    "many entries": lambda numbers: any(n.size > 30 for n in numbers),
}
# ... and in what form they come.
FORMS: dict[str, Callable[[Numbers], bool]] = {
    "float32": lambda numbers: any(n.dtype == np.float32 for n in numbers),
    "another memory order": lambda numbers: any(not n.flags.c_contiguous for n in numbers),
    "one array twice": lambda numbers: len({id(n) for n in numbers if n.ndim}) < sum(n.ndim > 0 for n in numbers),
}
REGIONS = VALUES | SIZES | FORMS
OF_ROWS = ("equal rows", "one row", "one column", "square", "another memory order")
OF_ORDER = ("ascending", "descending")
OF_SEVERAL = (
    *OF_ORDER, "a single zero", "both signs", "whole numbers", "equal entries", "ties",
)  # fmt: skip
CALLS = {"second call": 2, "third call": 3, "tenth call": 10}  # wrong from this call on
PLACES = ("first entry", "last entry", "last row", "last column", "last digits")  # always wrong, but only there
EVERYWHERE = "everywhere"  # always wrong and in each entry: no adversary, for any test would see it
EFFECTS = ("changes an argument", "changes one entry", "keeps its result")
OF_FUNCTIONS = (*CALLS, "kept by shape", *PLACES, *EFFECTS)
OF_UPSTREAM: dict[str, Callable[[np.ndarray], bool]] = {
    "upstream of one": lambda g: bool(np.all(g == 1)),
    "upstream of zero": lambda g: bool(np.all(g == 0)),
    "negative upstream": lambda g: bool(np.all(g < 0)),
    "positive upstream": lambda g: bool(np.all(g > 0)),
}
INSTANCES = ("second instance", "second pass", "third pass", "another between", "forward twice")
STATE = ("shared by instances", "changes inputs", "changes inputs forward", "changes out", "changes upstream")
OF_NODES = (*OF_UPSTREAM, *INSTANCES, *STATE)
COLUMNS = tuple(dict.fromkeys((*REGIONS, *OF_FUNCTIONS, *OF_NODES)))


@dataclass
class Spoiler:
    """What one adversary does, and whether it came to that.

    region : where it is wrong; "" for a scout, which is never wrong and notes what it met
    result : number of the result that is wrong there, or of the argument that is changed
    """

    region: str
    result: int
    met: bool = False  # the region was met
    fits: bool = False  # there were such inputs, and such a result
    idle: bool = False  # the result is the gradient of an input that never gets one, such as a label
    calls: int = 0
    kept: dict[Any, Any] = field(default_factory=dict)
    seen: dict[tuple[str, int], bool] = field(default_factory=dict)  # of a scout: (region, result) -> whether met

    def note(self, region: str, result: int, fits: bool, met: bool) -> None:
        if fits or met:
            self.seen[region, result] = self.seen.get((region, result), False) or met


def numbers_in(value: Any) -> Numbers:
    """Every float array and float in a value, however deep."""
    if isinstance(value, np.ndarray):
        return [value] if value.dtype.kind == "f" else []
    if isinstance(value, float | np.floating):
        return [np.asarray(value)]
    if isinstance(value, dict):
        value = list(value.values())
    return [n for item in value for n in numbers_in(item)] if isinstance(value, list | tuple) else []


def together(numbers: Numbers) -> Numbers:
    """Where all inputs are single numbers, these in one array: two of them may be equal, or all in order."""
    alone = len(numbers) > 1 and all(n.ndim == 0 for n in numbers)
    return [np.array([float(n) for n in numbers])] if alone else numbers


def lies_in(region: str, numbers: Numbers) -> bool:
    """Whether the inputs of a function lie in a region."""
    return REGIONS[region](together(numbers) if region in VALUES and region not in OF_ORDER else numbers)


def worse(value: Any, place: str = "") -> Any:
    """The value, off by a quarter; one half where it is zero; one more where it is a whole number.

    place : where alone, see PLACES
    """
    if isinstance(value, bool | np.bool_):
        return not value
    if isinstance(value, int | np.integer):
        return value + 1
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return ~array if array.dtype.kind == "b" else array + 1
    off = np.where(array == 0, 0.5, (1 + 1e-5 if place == "last digits" else 1.25) * array).astype(array.dtype)
    if place in PLACES[:-1] and array.ndim:
        where = {"first entry": (0,) * array.ndim, "last row": (-1,), "last column": (..., -1)}
        changed = array.copy()
        changed[where.get(place, (-1,) * array.ndim)] = off[where.get(place, (-1,) * array.ndim)]
        off = changed
    return float(off) if isinstance(value, float) else off


def spoil(value: Any, which: int, place: str = "") -> tuple[Any, int]:
    """The value with its which-th number or array made worse, and how many there are."""
    if isinstance(value, list | tuple):
        found, count = [], 0
        for item in value:
            changed, inside = spoil(item, which - count, place)
            found.append(changed)
            count += inside
        return type(value)(found), count
    if isinstance(value, dict):
        found, count = spoil(list(value.values()), which, place)
        return dict(zip(value, found, strict=True)), count
    if isinstance(value, float | int) or (isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "bfiu"):
        return (worse(value, place) if which == 0 else value), 1
    return value, 0


# -- wrapping -------------------------------------------------------------------------------------------------------


def fitting(region: str, numbers: Numbers, of_node: bool = False) -> bool:
    """Whether there are inputs that could lie in the region."""
    axes = 2 if region in OF_ROWS else 1 if region in SIZES or region in FORMS or region in OF_SEVERAL else 0
    if region == "one array twice":
        shapes = [n.shape for n in numbers if n.ndim]
        return len(set(shapes)) < len(shapes)
    if region in VALUES and region not in OF_ORDER and not of_node:
        numbers = together(numbers)
    least = 3 if region == "ties" and not any(n.ndim > 1 for n in numbers) and len(numbers) == 1 else 0
    return any(n.ndim >= axes and n.size >= least for n in numbers)


def wrapped_function(function: Callable[..., Any], spoiler: Spoiler, skip: int = 0) -> Callable[..., Any]:
    """skip : so many arguments, such as self, are none of the inputs"""
    region = spoiler.region

    def adversary(*args: Any, **kwargs: Any) -> Any:
        given = [*args[skip:], *kwargs.values()]
        numbers = [n for value in given for n in numbers_in(value)]
        spoiler.calls += 1
        met = _met(spoiler, region, numbers)
        if region == "kept by shape" and any(hasattr(value, "new_zeros") for value in given):
            return function(*args, **kwargs)  # what is made of tensors belongs to a graph: it cannot be kept
        if region == "kept by shape":
            key = tuple(np.shape(n) for n in numbers)
            if key in spoiler.kept:
                spoiler.met = True
                return copy.deepcopy(spoiler.kept[key])
        result = function(*args, **kwargs)
        if not region:
            for number in range(min(spoil(result, -1)[1], RESULTS)):
                for name in REGIONS:
                    spoiler.note(name, number, fitting(name, numbers), _met(spoiler, name, numbers))
                for name in (*CALLS, *PLACES):
                    spoiler.note(name, number, True, _met(spoiler, name, numbers))
            return result
        if region == "kept by shape":
            spoiler.fits = True
            spoiler.kept[key] = copy.deepcopy(result)
            return result
        if region in EFFECTS:
            return _with_effect(spoiler, numbers, result)
        changed, count = spoil(result, spoiler.result, region)
        spoiler.fits = spoiler.fits or (spoiler.result < count and (region not in REGIONS or fitting(region, numbers)))
        spoiler.met = spoiler.met or (met and spoiler.result < count)
        return changed if met else result

    return adversary


def _with_effect(spoiler: Spoiler, numbers: Numbers, result: Any) -> Any:
    """The result, after an argument was changed; or the array of an earlier result with this one written into it."""
    if spoiler.region == "keeps its result":
        parts = result if isinstance(result, list | tuple) else [result]
        array = parts[spoiler.result] if spoiler.result < len(parts) else None
        if not isinstance(array, np.ndarray) or not array.ndim:
            return result
        spoiler.fits = True
        kept = spoiler.kept.setdefault((array.shape, array.dtype.str), array)
        if kept is not array:
            spoiler.met = True
            kept[...] = array
        changed = [kept if part is array else part for part in parts]
        return type(result)(changed) if isinstance(result, list | tuple) else kept
    arrays = [n for n in numbers if n.ndim and n.size and n.flags.writeable]
    if spoiler.result < len(arrays):
        spoiler.fits = spoiler.met = True
        array = arrays[spoiler.result]
        array[(-1,) * array.ndim if spoiler.region == "changes one entry" else ...] += 1.0
    return result


def _met(spoiler: Spoiler, region: str, numbers: Numbers) -> bool:
    if region in CALLS:
        return spoiler.calls >= CALLS[region]
    return region in PLACES or region == EVERYWHERE or (region in REGIONS and lies_in(region, numbers))


def wrapped_node(node_class: type, spoiler: Spoiler) -> type:
    """A node whose result 0 is `out`; result k is the gradient of its k-th input. Shared: `out` (0) or `d_out` (1)."""
    instances: list[Any] = []
    shared: dict[str, Any] = {}
    latest: list[Any] = []
    region = spoiler.region
    spoiler.idle = spoiler.result > 0 and region not in STATE

    def sources(node: Any) -> list[Any]:
        return [value for value in vars(node).values() if hasattr(value, "get_predecessors")]

    class Adversary(node_class):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            instances.append(self)
            self._passes = self._forwards = 0

        def _is_met(self, name: str, upstream: np.ndarray | None = None) -> bool:
            if name in STATE:
                return False
            more = [] if upstream is None else [upstream]
            given = numbers_in([*(node.out for node in sources(self)), *more])
            if name in OF_UPSTREAM:
                return upstream is not None and OF_UPSTREAM[name](upstream)
            if name in REGIONS:
                spoiler.fits = spoiler.fits or fitting(name, given, of_node=True)
                return REGIONS[name](given)
            spoiler.fits = True
            return {
                "second instance": len(instances) > 1 and self is not instances[0],
                "second pass": self._passes > 1,
                "third pass": self._passes > 2,
                "another between": upstream is not None and latest[-1] is not self,
                "forward twice": self._forwards > 1,
            }.get(name, name in PLACES or name == EVERYWHERE)

        def _note(self, result: int, upstream: np.ndarray | None = None) -> None:
            given = numbers_in([node.out for node in sources(self)])
            of_upstream = () if upstream is None else OF_UPSTREAM
            between = () if upstream is None else INSTANCES[3:4]
            for name in (*REGIONS, *of_upstream, *INSTANCES[:3], *INSTANCES[4:], *between, *PLACES):
                fits = name not in REGIONS or fitting(name, given, of_node=True)
                spoiler.note(name, result, fits, self._is_met(name, upstream))

        def forward(self) -> Any:
            self._passes += 1
            self._forwards += 1
            latest.append(self)
            result = super().forward()
            if not region:
                self._note(0)
            elif spoiler.result == 0 and self._is_met(region):
                spoiler.met = True
                self.out = result = worse(np.asarray(self.out, dtype=float), region)
            if region == "changes inputs forward" and spoiler.result < len(sources(self)):
                self._change_input()
            return result

        def backward(self) -> Any:
            before = [np.array(node.d_out) for node in sources(self)]
            upstream = np.array(self.d_out)
            result = super().backward()
            for number, (node, held) in enumerate(zip(sources(self), before, strict=True), 1):
                if not region:
                    self._note(number, upstream)
                    if np.any(node.d_out != held):
                        spoiler.kept[number] = True
                if spoiler.result == number and np.any(node.d_out != held):
                    spoiler.idle = False
                if spoiler.result == number and self._is_met(region, upstream):
                    spoiler.met = True
                    node.d_out = held + worse(np.asarray(node.d_out - held, dtype=float), region)
            self._forwards = 0
            self._effects()
            return result

        def _change_input(self) -> None:
            node = sources(self)[spoiler.result]
            if np.asarray(node.out).dtype.kind == "f":
                node.out = worse(np.asarray(node.out, dtype=float))
                spoiler.fits = spoiler.met = True

        def _effects(self) -> None:
            if region == "changes inputs" and spoiler.result < len(sources(self)):
                self._change_input()
            elif region == "changes out":
                self.out = worse(np.asarray(self.out, dtype=float))
                spoiler.fits = spoiler.met = True
            elif region == "changes upstream":
                self.d_out = worse(np.asarray(self.d_out, dtype=float))
                spoiler.fits = spoiler.met = True

    if region == "shared by instances" and spoiler.result < 2:
        name = ("out", "d_out")[spoiler.result]

        def put(self: Any, value: Any) -> None:
            spoiler.fits = True
            spoiler.met = spoiler.met or len(instances) > 1
            shared[name] = value

        setattr(Adversary, name, property(lambda self: shared.get(name), put))
    Adversary.__name__ = Adversary.__qualname__ = node_class.__name__
    return Adversary


def wrapped_model(model: type, spoiler: Spoiler, method: str = "") -> type:
    """A class with one method spoiled; without one, a class whose second instance has the objects of the first."""
    first: dict[str, Any] = {}

    class Adversary(model):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__(*args, **kwargs)
            for name, value in vars(self).items() if not method else ():
                # A name that begins with _ is that of a base class, as the hooks of a network: nothing is kept there.
                if hasattr(value, "__dict__") and not isinstance(value, type) and not name.startswith("_"):
                    spoiler.fits = True
                    spoiler.met = spoiler.met or name in first
                    vars(self)[name] = first.setdefault(name, value)

    if method:
        setattr(Adversary, method, wrapped_function(getattr(model, method), spoiler, skip=1))
    Adversary.__name__ = Adversary.__qualname__ = model.__name__
    return Adversary


def is_node(value: Any) -> bool:
    return isinstance(value, type) and all(hasattr(value, name) for name in ("forward", "backward", "get_predecessors"))


Making = Callable[[Spoiler], Any]


def wrappings(value: Any, methods: Sequence[str] = ()) -> Iterator[tuple[str, Making, list[tuple[str, int]]]]:
    """What can be spoiled of a function or class: its name, what wraps it, and what is tried without a scout.

    methods : those of a class that is no node which students write
    """
    if is_node(value):
        plan = [("shared by instances", 1), ("changes out", 0), ("changes upstream", 0)]
        plan += [(effect, number) for effect in ("changes inputs", "changes inputs forward") for number in range(4)]
        yield "", lambda spoiler: wrapped_node(value, spoiler), plan
        return
    plan = [("kept by shape", 0), *((effect, number) for effect in EFFECTS for number in range(4))]
    if not isinstance(value, type):
        yield "", lambda spoiler: wrapped_function(value, spoiler), plan
        return
    yield "", lambda spoiler: wrapped_model(value, spoiler), [("shared by instances", 0)]
    for name in methods:
        if not name.startswith("_") and inspect.isfunction(vars(value).get(name)):
            yield name, lambda spoiler, name=name: wrapped_model(value, spoiler, name), plan


# -- measuring ------------------------------------------------------------------------------------------------------


@dataclass
class Faced:
    """What the adversaries of one check came to: region -> how many there were, and those that got full points."""

    check: str
    domain: dict[str, str]
    tried: dict[str, int] = field(default_factory=dict)
    passed: dict[str, list[str]] = field(default_factory=dict)

    left_out: dict[str, int] = field(default_factory=dict)  # region -> how many of them its exercise does not contain

    @property
    def failures(self) -> list[str]:
        return [f"{self.check}: {what}" for names in self.passed.values() for what in names]

    def count(self, region: str, name: str, result: int, passed: str = "") -> None:
        """One adversary more, spoiled in one result of the function or node called name; passed says how it got full
        points, where it did."""
        self.tried[region] = self.tried.get(region, 0) + 1
        if not self.domain.keys().isdisjoint(keys(name, result, region)):
            self.left_out[region] = self.left_out.get(region, 0) + 1
        elif passed:
            self.passed.setdefault(region, []).append(f"{name}, result {result}, {region} {passed}")

    def row(self, columns: Sequence[str]) -> list[str]:
        return [self.check, *(self._cell(region) for region in columns)]

    def _cell(self, region: str) -> str:
        if region not in self.tried:
            return "–"
        tried = self.tried[region] - self.left_out.get(region, 0)
        return f"{tried - len(self.passed.get(region, []))}/{tried}" if tried else "left out"


def keys(name: str, result: int, region: str) -> tuple[str, ...]:
    """Under what a check's domain may leave it out: a region, that of one function alone, one result of a function."""
    return region, f"{name}, {region}", f"{name}, result {result}", f"{name}, result {result}, {region}"


DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def _written(source: str, defined: ast.AST) -> list[str]:
    """The methods of a class in which there is something to write."""
    inside = defined.body if isinstance(defined, ast.ClassDef) else []
    return [
        method.name
        for method in inside
        if isinstance(method, ast.FunctionDef) and "BEGIN SOLUTION" in (ast.get_source_segment(source, method) or "")
    ]


def face(job: tuple[Check, Sequence[Cell], str, int, int | None]) -> Faced:
    """Judge every adversary of the names that a solution cell defines; only so many of each where that is asked for.

    Scouts go first in any case; those that are judged are drawn with the seed.
    """
    check, cells, cell, seed, most = job
    faced = Faced(check.name, dict(check.domain))
    source = next(one.source for one in cells if one.grade_id == cell)
    names = {s.name: _written(source, s) for s in ast.parse(source).body if isinstance(s, DEFINITIONS)}
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        scope = namespace(cells)

        def judged(name: str, value: Any) -> Verdict:
            verdict = in_time(
                lambda: check.judge(Student.here({**scope, name: value}), f"region {seed}"), Verdict(check.name, 0)
            )
            if verdict.problem:
                raise RuntimeError(f"{verdict.problem} ({name})")
            return verdict

        for name, methods in names.items():
            for method, wrap, plan in wrappings(scope[name], methods):
                what = f"{name}.{method}" if method else name
                scout = Spoiler("", -1)
                judged(name, wrap(scout))
                noted = scout.seen
                if is_node(scope[name]):  # the gradient of a label is no result
                    noted = {key: met for key, met in noted.items() if key[1] == 0 or key[1] in scout.kept}
                for region, result in (key for key, met in noted.items() if not met):
                    faced.count(region, what, result, "is never asked for")
                tried = [*(key for key, met in noted.items() if met), *plan]
                if most is not None and most < len(tried):
                    tried = random.Random(f"{check.name} {what} {seed}").sample(tried, most)
                for region, result in tried:
                    spoiler = Spoiler(region, result)
                    full = judged(name, wrap(spoiler)).full
                    if not full or (spoiler.fits and not spoiler.idle):
                        faced.count(region, what, result, "passes" if full else "")
    return faced


def face_all(
    course: Course,
    sections: Sequence[str],
    *,
    workers: int = 1,
    most: int | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[Faced]:
    """Every check of the sections against the adversaries of its reference solution.

    most : so many of each function or class, drawn at random, and all that a scout finds; 0 sends scouts alone
    """
    jobs = []
    for section in sections:
        cells = code_cells(course.root, section)
        for exercise in exercises(course.checks, section):
            check = find(course.checks, exercise.check)
            if check is not None:
                jobs.append((check, cells, exercise.cell, 0, most))
    found = []
    for done, faced in enumerate(spread(face, jobs, workers), 1):
        found.append(faced)
        progress(done, len(jobs), faced.check)
    return [faced for faced in found if faced.tried]


def sentence(found: Sequence[Faced]) -> str:
    tried = sum(sum(one.tried.values()) for one in found)
    left_out = sum(sum(one.left_out.values()) for one in found)
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
        if region.rpartition(", ")[2] in one.tried or ", result " in region
    ]
    left_out = ["", "What exercises leave out:", "", *reasons] if reasons else []
    return "\n".join([*lines, *left_out, "", sentence(found)])
