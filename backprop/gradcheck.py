"""Check gradients: against finite differences, against known values, one line per variable, mistakes named.

    check_node(SumNode, a=np.array(2.0), b=np.array(3.0))         one node of a computation graph
    check_function(f1, 1.0, 2.0, 3.0)                             a function that returns (value, gradients)
    check_graph(graph, {"x": x}, {"y": y}, {"w": w, "b": b})      a whole ComputationGraphFunction
    check_values("forward", {"loss": loss}, {"loss": 0.6931})     numbers that are known

Each prints its report and returns None, or raises CheckFailed with the report as its message.

How exact can it be? The right derivative is estimated with the six-point central difference, whose error is
h^6 f^(7)/140 plus rounding of about eps |f| / h (Abramowitz & Stegun, table 25.2). The four-point formula from the same
values bounds the first part; the sum of both is each entry's own uncertainty. It is added to the tolerance, and the step
is reduced where it is too large, so that right code passes whatever the scale of its inputs.
"""

from __future__ import annotations

import inspect
import linecache
import math
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from backprop.mistakes import Mistake, diagnose, explain

ATOL = 1e-9
RTOL = 1e-7
_GRADIENT_LEGEND = "(exact: your backward; approx: finite differences of your forward)"


# ---------------------------------------------------------------------------------------------------------- comparing


@dataclass(frozen=True)
class Comparison:
    """One quantity compared: one line of a report.

    exact : the student's number (the first that differs, or the largest entry when all agree); nan if there is none
    approx : the number it should be
    max_difference : largest difference over all entries; inf when the shapes differ, nan when something is not a number
    index : the first entry that differs; None for numbers and when all agree
    mistake : what kind of mistake it is, when it was recognised
    limit : the largest difference that was allowed
    labels : what the two numbers are called in the line
    note : said in the line in place of the numbers when they can't be compared
    """

    name: str
    exact: float
    approx: float
    max_difference: float
    index: tuple[int, ...] | None
    ok: bool
    mistake: Mistake | None = None
    limit: float = ATOL
    labels: tuple[str, str] = ("exact", "approx")
    note: str = ""

    def line(self, width: int = 0) -> str:
        """`   ∂J/∂a   exact 0.4421   approx 0.4421   maxdiff 3.1e-11   ok`, the name padded to `width`."""
        name = f"   {self.name:<{width}}"
        if self.note:
            return f"{name}   {self.note}   <-"
        numbers = f"{self.labels[0]} {_short(self.exact):<10} {self.labels[1]} {_short(self.approx):<10}"
        where = "" if self.index is None else f" at [{', '.join(map(str, self.index))}]"
        return f"{name}   {numbers} maxdiff {self.max_difference:.1e}   {'ok' if self.ok else '<-' + where}"


class CheckFailed(AssertionError):
    """A check found a mistake. The message is the report; Jupyter shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def compare(
    name: str,
    got: Any,
    exact: Any,
    *,
    atol: float = ATOL,
    rtol: float = RTOL,
    uncertainty: Any = 0.0,
    candidates: Mapping[str, Any] | None = None,
    upstream: Any = None,
    batch_size: int | None = None,
    scalar_like: bool = False,
    labels: tuple[str, str] = ("exact", "approx"),
) -> Comparison:
    """Comparison of what the student's code gave with the right array.

    An entry is right when |got − exact| ≤ atol + rtol·max(|got|, |exact|) + uncertainty. Not-a-number is never right
    (not even where `exact` has one), an infinity only where `exact` has the same one; a wrong shape is never right, but
    with scalar_like=True the shapes (), (1,) and (1, 1) are the same. `candidates`, `upstream` and `batch_size` help to
    name the mistake, see backprop.mistakes.diagnose. Raises nothing, whatever `got` is.
    """
    right = np.asarray(exact, dtype=float)
    mine = _numbers(got)
    if mine is not None and scalar_like and mine.size == 1 and right.size == 1:
        mine = mine.reshape(right.shape)

    def wrong(**facts: Any) -> Comparison:
        mistake = diagnose(
            got,
            right,
            name=name,
            candidates=candidates,
            upstream=upstream,
            batch_size=batch_size,
            scalar_like=scalar_like,
        )
        return Comparison(name, ok=False, mistake=mistake, labels=labels, **facts)

    if mine is None or mine.shape != right.shape:
        came = f"{_describe(got)}" if mine is None else f"shape {mine.shape}"
        note = f"{came}, expected {'a number' if not right.shape else f'shape {right.shape}'}"
        return wrong(exact=math.nan, approx=math.nan, max_difference=math.inf, index=None, note=note)
    if right.size == 0:
        return Comparison(name, 0.0, 0.0, 0.0, None, True, labels=labels)
    with np.errstate(all="ignore"):
        allowed = atol + rtol * np.maximum(np.abs(mine), np.abs(right)) + np.asarray(uncertainty, dtype=float)
        difference = np.where(np.isinf(right) & (mine == right), 0.0, np.abs(mine - right))
        good = (difference <= allowed) & (np.isfinite(mine) | (mine == right))
        good &= np.isfinite(right) | (mine == right)  # an infinite tolerance lets nothing through
    worst = float(np.nan if np.isnan(difference).any() else difference.max())
    if good.all():
        at = np.unravel_index(np.argmax(np.abs(right)), right.shape)
        limit = float(allowed[np.isfinite(right)].max(initial=atol))
        return Comparison(name, float(mine[at]), float(right[at]), worst, None, True, limit=limit, labels=labels)
    at = tuple(int(i) for i in np.argwhere(~good)[0])
    limit = float(allowed[np.isfinite(allowed)].max(initial=atol))
    index = at if right.shape else None
    return wrong(exact=float(mine[at]), approx=float(right[at]), max_difference=worst, index=index, limit=limit)


def report(title: str, comparisons: Sequence[Comparison]) -> str:
    """Title, one line per comparison, then the sentence of each recognised mistake, each once."""
    width = max((len(c.name) for c in comparisons), default=0)
    lines = [title, *(c.line(width) for c in comparisons)]
    lines += dict.fromkeys(c.mistake.text for c in comparisons if c.mistake is not None)
    return "\n".join(lines)


def check_values(
    title: str,
    got: Mapping[str, Any],
    expected: Mapping[str, Any],
    *,
    atol: float = ATOL,
    rtol: float = RTOL,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    batch_size: int | None = None,
    scalar_like: bool = True,
) -> None:
    """Compare named results with known values; print the report.

    mistakes : name -> {family: the value that mistake gives}, to recognise what backprop.mistakes can't see by itself

    Raises CheckFailed with the report when a value is wrong or missing. Names that are not expected are ignored.
    """
    if not isinstance(got, Mapping):
        raise CheckFailed(f"{title}\n   expected a dictionary with the keys {', '.join(expected)}, got {_describe(got)}.")
    found = []
    for name, right in expected.items():
        if name not in got:
            found.append(_failed(name, "missing", note="not there"))
            continue
        found.append(
            compare(
                name,
                got[name],
                right,
                atol=atol,
                rtol=rtol,
                candidates=(mistakes or {}).get(name),
                batch_size=batch_size,
                scalar_like=scalar_like,
                labels=("yours", "right"),
            )
        )
    _conclude([(title, found)])


# ------------------------------------------------------------------------------------------------- finite differences


def numeric_gradient(f: Callable[[np.ndarray], Any], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """Gradient of the number f(x) by central differences (f(x + h) − f(x − h)) / 2h, in the shape of x.

    x : array of floats of any shape, also (). It is changed entry by entry while f runs, so f may read it from anywhere,
        and restored afterwards, also when f raises.

    ValueError when x is not an array of floats or f does not return one number.
    """
    return numeric_backward(lambda values: _one_number(f(values)), x, np.array(1.0), h)


def numeric_backward(f: Callable[[np.ndarray], Any], x: np.ndarray, grad_y: Any, h: float = 1e-6) -> np.ndarray:
    """Gradient of the sum of grad_y · f(x) with respect to x by central differences, in the shape of x.

    x : array of floats, changed while f runs and restored afterwards
    grad_y : upstream gradient, in the shape of f(x)

    ValueError when x is not an array of floats or the shapes of grad_y and f(x) differ.
    """
    _require_floats(x)
    upstream = np.asarray(grad_y, dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        with _moved(x, index) as move:
            above, below = np.array(move(h), dtype=float), None
            above = np.array(f(x), dtype=float)
            move(-h)
            below = np.array(f(x), dtype=float)
        if above.shape != upstream.shape and above.size != upstream.size:
            raise ValueError(f"grad_y has shape {upstream.shape}, but f(x) has shape {above.shape}: they have to agree.")
        gradient[index] = np.sum(upstream.ravel() * (above - below).ravel()) / (2 * h)
    return gradient


@contextmanager
def _moved(x: np.ndarray, index: tuple[int, ...]) -> Iterator[Callable[[float], float]]:
    """A function that sets x[index] to its old value plus a step; the old value comes back at the end."""
    old = x[index]

    def move(step: float) -> float:
        x[index] = old + step
        return float(x[index])

    try:
        yield move
    finally:
        x[index] = old


def _require_floats(x: Any) -> None:
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        raise ValueError(f"x has to be an array of floats, such as np.array(2.0); it is {_describe(x)}.")


def _one_number(value: Any) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if array.size != 1:
        raise ValueError(f"f(x) has to be one number; it has shape {array.shape}.")
    return array.reshape(())


# The weights of f(x + kh) − f(x − kh), k = 1, 2, 3, in the four- and six-point formulas for f'(x) h.
_FOUR = np.array([8.0, -1.0, 0.0]) / 12
_SIX = np.array([45.0, -9.0, 1.0]) / 60


def jacobian(f: Callable[[], Any], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivative of every entry of f() with respect to every entry of x, and its uncertainty.

    f takes no argument: it reads x, which is changed while f runs and restored afterwards. Both results have the shape
    f().shape + x.shape. The uncertainty is inf where the output has a kink or a jump, or is not finite.
    """
    _require_floats(x)
    start = np.array(f())
    eps = np.finfo(start.dtype).eps if start.dtype.kind == "f" else np.finfo(float).eps
    steps = (4e-3, 5e-4, 6e-5, 8e-6) if eps < 1e-10 else (0.1, 0.03, 0.01)
    derivative = np.zeros(start.shape + x.shape)
    uncertainty = np.full(start.shape + x.shape, np.inf)
    for index in np.ndindex(x.shape):
        at = (..., *index)
        best, doubt = derivative[at], uncertainty[at]  # views
        for step in steps:
            h = step * max(1.0, abs(float(x[index])))
            estimate, error = _six_points(f, x, index, h, start.astype(float), eps)
            better = error < doubt
            best[better], doubt[better] = estimate[better], error[better]
            if np.all(doubt <= 1e-9 * np.maximum(1.0, np.abs(best))):
                break
    return derivative, uncertainty


def _six_points(
    f: Callable[[], Any], x: np.ndarray, index: tuple[int, ...], h: float, middle: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    sides = []
    with _moved(x, index) as move, np.errstate(all="ignore"):
        for k in (1, 2, 3):
            move(k * h)
            above = np.array(f(), dtype=float)
            move(-k * h)
            below = np.array(f(), dtype=float)
            if above.shape != middle.shape or below.shape != middle.shape:
                return np.zeros(middle.shape), np.full(middle.shape, np.inf)
            sides.append((above, below))
    with np.errstate(all="ignore"):
        apart = [above - below for above, below in sides]
        bends = [above + below - 2 * middle for above, below in sides]
        estimate = sum(weight * d for weight, d in zip(_SIX, apart, strict=True)) / h
        coarse = sum(weight * d for weight, d in zip(_FOUR, apart, strict=True)) / h
        size = np.max([np.abs(side) for pair in sides for side in pair], axis=0)
        rounding = 10 * eps * size / h
        error = np.abs(estimate - coarse) + rounding
        # A smooth function bends with h², a kink with h: at a kink the central differences agree with each other, and
        # with neither side.
        kink = np.abs(4 * bends[0] - bends[1]) / h > 10 * rounding + 1e-3 * (np.abs(estimate) + np.abs(apart[0]) / h)
        kink &= np.abs(bends[0]) / h > 1e-3 * np.abs(estimate)
        error = np.where(kink | ~np.isfinite(error), np.inf, error)
    return np.where(np.isfinite(error), estimate, 0.0), error


# ------------------------------------------------------------------------------------------------------------- checks


def check_node(
    node_class: Callable[..., Any],
    *extra: Any,
    title: str | None = None,
    expected: Any = None,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    atol: float = ATOL,
    rtol: float = RTOL,
    **inputs: Any,
) -> None:
    """Check forward and backward of one node class; print the report.

    The constructor gets `extra`, then `inputs` in the order given, then a node name, all by position: arrays become
    ValueNodes, everything else (a plain number such as l2_reg) is passed as it is. Arrays of whole numbers are labels:
    they get no gradient. Checked are: `out` (against `expected`, when given) and `d_out` after forward; the gradients
    for a random upstream gradient against finite differences; the same when the inputs feed a second node as well, and
    after a second pass with other values; and that inputs and upstream gradient are left as they were.

    mistakes : input name -> {family: gradient that mistake gives for an upstream gradient of ones}, or for "out" the value

    Raises CheckFailed with the report when something is wrong.
    """
    from backprop.nodes import ValueNode

    label = title or getattr(node_class, "__name__", "node")
    values = {name: np.array(value) for name, value in inputs.items() if isinstance(value, np.ndarray)}
    values = {name: v.astype(float) if v.dtype.kind == "f" else v for name, v in values.items()}
    nodes = {name: ValueNode(name) for name in values}
    arguments = [nodes.get(name, value) for name, value in inputs.items()]
    with _student_code(label):
        node = node_class(*extra, *arguments, "out")
    bench = _Bench(label, node, nodes, values, np.random.default_rng(seed), mistakes or {}, atol, rtol)

    out = bench.forward()
    forward = []
    if expected is not None:
        forward = [
            compare(
                "out",
                out,
                expected,
                atol=atol,
                rtol=rtol,
                candidates=bench.mistakes.get("out"),
                scalar_like=True,
                labels=("yours", "right"),
            )
        ]
    first = bench.backward(others=False)
    _stop_if_wrong([(f"{label} · forward", forward), (f"{label} · backward   {_GRADIENT_LEGEND}", first)])
    again = bench.backward(others=True)
    _stop_if_wrong([(f"{label} · backward, every input feeding a second node too   {_GRADIENT_LEGEND}", again)])
    for name, value in values.items():
        if value.dtype.kind == "f":
            values[name] = value * 1.07
    second = bench.backward(others=False, stale={c.name: c.exact for c in first if c.index is None})
    _stop_if_wrong([(f"{label} · second pass, with other values   {_GRADIENT_LEGEND}", second)])
    _conclude([(f"{label} · forward", forward), (f"{label} · backward   {_GRADIENT_LEGEND}", first)])
    print("   also right: inputs that feed a second node, a second pass, nothing changed in place")


@dataclass
class _Bench:
    """A node set up for measuring, with its inputs under our control."""

    label: str
    node: Any
    nodes: Mapping[str, Any]
    values: Mapping[str, np.ndarray]
    rng: np.random.Generator
    mistakes: Mapping[str, Mapping[str, Any]]
    atol: float
    rtol: float

    def forward(self) -> np.ndarray:
        """`out` after one forward pass with the inputs set afresh; CheckFailed when out or d_out is not usable."""
        for name, source in self.nodes.items():
            source.out = self.values[name].copy()
            source.forward()
        where = f"{self.label}.forward"
        with _student_code(where):
            returned = self.node.forward()
        out = getattr(self.node, "out", None)
        if out is None or out is Ellipsis:
            if returned is None or returned is Ellipsis:
                raise CheckFailed(f"{where} returned {returned}, and self.out is not set: is it finished?")
            raise CheckFailed(f"{where} returned a value but did not store it in self.out.")
        numbers = _numbers(out)
        if numbers is None:
            raise CheckFailed(f"{where} set self.out to {_describe(out)}: it should be an array of floats.")
        if not np.isfinite(numbers).all():
            raise CheckFailed(f"{where} set self.out to an array with nan or infinite entries.")
        self._unchanged("forward")
        self._reset(numbers)
        return numbers

    def _reset(self, out: np.ndarray) -> None:
        where = f"{self.label}.forward"
        d_out = _numbers(getattr(self.node, "d_out", None))
        if d_out is None:
            raise CheckFailed(f"{where} did not reset self.d_out: it should be np.zeros(self.out.shape) afterwards.")
        if d_out.shape != out.shape and not d_out.size == out.size == 1:
            raise CheckFailed(f"{where} set self.d_out to shape {d_out.shape}: it should have the shape of out, {out.shape}.")
        if d_out.any():
            raise CheckFailed(
                f"{where} left self.d_out as it was: reset it to np.zeros(self.out.shape), or gradients of the last pass "
                "are counted again."
            )
        if np.asarray(self.node.d_out).dtype.kind in "iub":
            raise CheckFailed(f"{where} set self.d_out to an array of integers: gradients are floats, use np.zeros.")

    def backward(self, others: bool, stale: Mapping[str, float] | None = None) -> list[Comparison]:
        """One comparison per input after a forward and a backward pass; `others`: d_out of the inputs is in use already."""
        out = self.forward()
        upstream = self.rng.uniform(0.3, 1.7, out.shape) * self.rng.choice([-1.0, 1.0], out.shape)
        before = np.array(self.node.d_out)
        self.node.d_out = upstream.reshape(before.shape).copy()
        held = {name: self.rng.uniform(0.3, 1.7, v.shape) * others for name, v in self.values.items()}
        for name, source in self.nodes.items():
            source.d_out = held[name].copy()
        with _student_code(f"{self.label}.backward"):
            self.node.backward()
        self._unchanged("backward")
        after = _numbers(self.node.d_out)
        if after is None or after.shape != before.shape or not np.array_equal(after, upstream.reshape(before.shape)):
            raise CheckFailed(
                f"{self.label}.backward changed its own upstream gradient self.d_out: leave it as it is, work on a copy."
            )
        got = {name: _kept(source.d_out) for name, source in self.nodes.items()}
        return [self._compared(name, got[name], upstream, held[name], others) for name in self._with_gradient()]

    def _with_gradient(self) -> list[str]:
        return [name for name, value in self.values.items() if value.dtype.kind == "f"]

    def _compared(self, name: str, got: Any, upstream: np.ndarray, held: np.ndarray, others: bool) -> Comparison:
        label = f"∂J/∂{name}"
        if got is None:
            return _failed(label, "none", note="None")
        derivative, doubt = self._jacobian(name)
        right = np.tensordot(upstream, derivative, axes=upstream.ndim)
        unsure = np.tensordot(np.abs(upstream), doubt, axes=upstream.ndim)
        _require_smooth(label, right, unsure)
        ones = np.ones(upstream.shape)
        candidates: dict[str, Any] = {}
        if others:
            candidates = {"assigned": [right, right + np.zeros_like(held)], "accumulated_twice": held + 2 * right}
        elif upstream.size > 1:
            plain = np.tensordot(ones, derivative, axes=upstream.ndim)
            candidates = {"upstream_ignored": plain, "upstream_summed": plain * upstream.sum()}
        for family, value in self.mistakes.get(name, {}).items():
            candidates.setdefault(family, value)
        return compare(
            label,
            got,
            held + right,
            atol=self.atol,
            rtol=self.rtol,
            uncertainty=unsure,
            candidates=candidates,
            upstream=None if others else upstream,
            scalar_like=True,
        )

    def _jacobian(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        for key, source in self.nodes.items():
            source.out = self.values[key].copy()
        x = self.nodes[name].out

        def out() -> np.ndarray:
            self.node.forward()
            return np.array(self.node.out)

        with _student_code(f"{self.label}.forward"):
            return jacobian(out, x)

    def _unchanged(self, method: str) -> None:
        for name, source in self.nodes.items():
            now = _numbers(source.out)
            if now is None or now.shape != self.values[name].shape or not np.array_equal(now, self.values[name]):
                raise CheckFailed(f"{self.label}.{method} changed its input {name}.out: leave inputs as they are.")


def check_function(
    f: Callable[..., Any],
    *inputs: Any,
    names: Sequence[str] = (),
    title: str | None = None,
    expected: Any = None,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    atol: float = ATOL,
    rtol: float = RTOL,
) -> None:
    """Check a function that returns (value, (gradient, gradient, ...)); print the report.

    inputs : numbers or arrays. One gradient is expected for each float input, in order; whole numbers (labels) have none
    names : names of the inputs, taken from the function's parameters when left out
    expected : the right value, to catch a function whose value and gradients are wrong alike
    mistakes : input name (or "value") -> {family: what that mistake gives}

    Raises CheckFailed with the report when something is wrong.
    """
    label = title or getattr(f, "__name__", "function")
    names = tuple(names) or _parameter_names(f, len(inputs))
    arrays = [np.array(value, dtype=float) if _is_float(value) else value for value in inputs]

    def run() -> tuple[Any, Any]:
        # A number goes in as a number: the student's code may use math.exp on it.
        given = [
            a.item() if isinstance(a, np.ndarray) and not isinstance(i, np.ndarray) and a.ndim == 0 else _kept(a)
            for i, a in zip(inputs, arrays, strict=True)
        ]
        with _student_code(label):
            result = f(*given)
        for name, before, after in zip(names, arrays, given, strict=True):
            if isinstance(after, np.ndarray) and not np.array_equal(after, before):
                raise CheckFailed(f"{label} changed its input {name}: leave inputs as they are, work on a copy.")
        if result is None or result is Ellipsis:
            raise CheckFailed(f"{label} returned {result}: is it finished?")
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise CheckFailed(f"{label} returned {_describe(result)}: it should return the value and the gradients.")
        return result[0], result[1]

    value, gradients = run()
    number = _numbers(value)
    if number is None or number.size != 1:
        raise CheckFailed(f"{label} returned {_describe(value)} as its value: it should be one number.")
    wanted = [i for i, array in enumerate(arrays) if _is_float(inputs[i])]
    if not isinstance(gradients, tuple | list):
        raise CheckFailed(
            f"{label} returned {_describe(gradients)} in place of the gradients: "
            f"it should be a tuple with {len(wanted)} of them ({', '.join(names[i] for i in wanted)})."
        )
    if len(gradients) != len(wanted):
        raise CheckFailed(
            f"{label} returned {len(gradients)} gradients: it should return {len(wanted)} "
            f"({', '.join(names[i] for i in wanted)})."
        )
    right, unsure = {}, {}
    for i in wanted:
        right[names[i]], unsure[names[i]] = jacobian(lambda: _value_of(run, label), arrays[i])
        _require_smooth(f"∂/∂{names[i]}", right[names[i]], unsure[names[i]])
    got = {names[i]: gradient for i, gradient in zip(wanted, gradients, strict=True)}
    hints = _with_exchanged(got, right, mistakes or {})
    shown = []
    if expected is not None:
        shown = [
            compare(
                "value", value, expected, atol=atol, rtol=rtol, candidates=hints.get("value"), scalar_like=True,
                labels=("yours", "right"),
            )
        ]  # fmt: skip
    shown += [
        compare(
            f"∂/∂{name}", got[name], right[name], atol=atol, rtol=rtol, uncertainty=unsure[name],
            candidates=hints.get(name), scalar_like=True,
        )
        for name in got
    ]  # fmt: skip
    _conclude([(f"{label}   (exact: your gradient; approx: finite differences of your value)", shown)])


def check_graph(
    graph: Any,
    input_values: Mapping[str, Any],
    outcome_values: Mapping[str, Any],
    parameter_values: Mapping[str, Any],
    *,
    title: str | None = None,
    expected: Any = None,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    atol: float = ATOL,
    rtol: float = RTOL,
) -> None:
    """Check the gradients of a whole ComputationGraphFunction, after two passes; print the report.

    expected : the right objective, to catch a graph that computes something else and differentiates it well
    mistakes : parameter name (or "objective") -> {family: what that mistake gives}

    Raises CheckFailed with the report when something is wrong.
    """
    label = title or "graph"
    if graph is None or not callable(getattr(graph, "get_gradients", None)):
        raise CheckFailed(f"{label} is {_describe(graph)}: it should be a ComputationGraphFunction. Is it finished?")
    values = {name: np.array(value, dtype=float) for name, value in parameter_values.items()}

    def objective() -> np.ndarray:
        graph.set_parameters({name: value.copy() for name, value in values.items()})
        return _one_number(graph.get_objective(input_values, outcome_values))

    with _student_code(label):
        graph.set_parameters({name: value.copy() for name, value in values.items()})
        passes = []
        for _ in range(2):
            value, gradients = graph.get_gradients(input_values, outcome_values)
            passes.append({name: _kept(gradients.get(name)) for name in values})
        right, unsure = {}, {}
        for name, array in values.items():
            right[name], unsure[name] = jacobian(objective, array)
            _require_smooth(f"∂J/∂{name}", right[name], unsure[name])
    shown = []
    if expected is not None:
        shown = [
            compare(
                "objective", value, expected, atol=atol, rtol=rtol, candidates=(mistakes or {}).get("objective"),
                scalar_like=True, labels=("yours", "right"),
            )
        ]  # fmt: skip
    legend = "(exact: your backward pass; approx: finite differences of your forward pass)"
    hints = _with_exchanged(passes[0], right, mistakes or {})
    for number, got in enumerate(passes):
        lines = [
            compare(
                f"∂J/∂{name}", got[name], right[name], atol=atol, rtol=rtol, uncertainty=unsure[name],
                candidates={"stale": 2 * right[name]} if number else hints.get(name), scalar_like=True,
            )
            for name in values
        ]  # fmt: skip
        _stop_if_wrong([(f"{label}{' · second pass' if number else ''}   {legend}", [*shown, *lines])])
        first = lines if number == 0 else first
    _conclude([(f"{label}   {legend}", [*shown, *first])])


# ---------------------------------------------------------------------------------------------------- small matters


def _conclude(sections: Sequence[tuple[str, Sequence[Comparison]]]) -> None:
    """Print the sections, or raise CheckFailed with them."""
    _stop_if_wrong(sections)
    for title, comparisons in sections:
        if comparisons:
            print(report(title, comparisons))


def _stop_if_wrong(sections: Sequence[tuple[str, Sequence[Comparison]]]) -> None:
    everything = [c for _, comparisons in sections for c in comparisons]
    if all(c.ok for c in everything):
        return
    text = [report(title, comparisons) for title, comparisons in sections if comparisons]
    limits = [c.limit for c in everything if not c.ok and not c.note]
    if limits:
        text.append(f"Right code shows max differences below {10.0 ** math.ceil(math.log10(max(limits))):.0e}.")
    raise CheckFailed("\n".join(text))


def _failed(name: str, family: str, note: str) -> Comparison:
    return Comparison(name, math.nan, math.nan, math.inf, None, False, explain(family, name), note=note)


def _require_smooth(name: str, right: np.ndarray, unsure: np.ndarray) -> None:
    rough = ~(unsure <= 1e-3 * np.maximum(1.0, np.abs(right)))
    if rough.any():
        at = "" if right.ndim == 0 else f" at [{', '.join(map(str, np.argwhere(rough)[0]))}]"
        raise CheckFailed(
            f"{name} can't be compared with finite differences{at}: the value jumps or has a kink there, "
            "or it is another one each time it is computed."
        )


def _with_exchanged(
    got: Mapping[str, Any], right: Mapping[str, np.ndarray], mistakes: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """`mistakes`, and a candidate "swapped_arguments" for each pair of variables that got each other's gradient."""
    hints: dict[str, dict[str, Any]] = {name: dict(candidates) for name, candidates in mistakes.items()}
    names = [name for name in right if _numbers(got.get(name)) is not None]

    def took(a: str, b: str) -> bool:
        mine = _numbers(got[a])
        return mine.size == right[b].size and np.allclose(mine.ravel(), right[b].ravel(), rtol=1e-6, atol=1e-9)

    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if took(a, b) and took(b, a) and not took(a, a):
                hints.setdefault(a, {}).setdefault(f"swapped_arguments:{a} and {b}", right[b])
                hints.setdefault(b, {}).setdefault(f"swapped_arguments:{a} and {b}", right[a])
    return hints


@contextmanager
def _student_code(where: str) -> Iterator[None]:
    """Turn what the student's code raises into CheckFailed that shows the line of their code."""
    try:
        yield
    except CheckFailed:
        raise
    except NotImplementedError as error:
        raise CheckFailed(f"{where} is not written yet: it raises NotImplementedError.{_their_line(error)}") from error
    except Exception as error:
        raise CheckFailed(f"{where} stopped with {type(error).__name__}: {error}{_their_line(error)}") from error


def _their_line(error: BaseException) -> str:
    """The last line of the traceback that belongs neither to this library nor to Python's own."""
    ours = (str(Path(__file__).parent), sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["purelib"])
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(ours)]
    if not frames:
        return ""
    frame = frames[-1]
    code = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return f"\n   in {frame.name}, line {frame.lineno}:  {code}"


def _numbers(value: Any) -> np.ndarray | None:
    """`value` as a float array, or None when it is not made of real numbers."""
    if value is None or isinstance(value, str | bytes | Mapping):
        return None
    try:
        array = np.asarray(value)
    except Exception:
        return None
    if array.dtype.kind == "c" and not np.any(array.imag):
        array = array.real
    return array.astype(float) if array.dtype.kind in "fiub" else None


def _kept(value: Any) -> Any:
    """A copy of an array (so that nobody changes it behind our back); anything else as it is."""
    return value.copy() if isinstance(value, np.ndarray) else value


def _is_float(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f")


def _value_of(run: Callable[[], tuple[Any, Any]], label: str) -> np.ndarray:
    value = _numbers(run()[0])
    if value is None or value.size != 1:
        raise CheckFailed(f"{label} does not always return one number as its value.")
    return value.reshape(())


def _parameter_names(f: Callable[..., Any], count: int) -> tuple[str, ...]:
    try:
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind in (0, 1)]
    except (TypeError, ValueError):
        names = []
    return tuple(names[:count]) if len(names) >= count else tuple(f"input {i + 1}" for i in range(count))


def _describe(value: Any) -> str:
    """What a value is, in a few words that do not show its contents."""
    if value is None or value is Ellipsis:
        return str(value)
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of length {len(value)}"
    return f"of type {type(value).__name__}" if not isinstance(value, int | float) else "a number"


def _short(number: float) -> str:
    if not math.isfinite(number):
        return str(number)
    return f"{number:.4f}" if number == 0 or 1e-3 <= abs(number) < 1e5 else f"{number:.3e}"
