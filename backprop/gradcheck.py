"""Check gradients: against finite differences, against known values, one line per variable, mistakes named.

    check_node(SumNode, a=np.array(2.0), b=np.array(3.0))         one node of a computation graph
    check_function(f1, 1.0, 2.0, 3.0)                             a function that returns (value, gradients)
    check_graph(graph, {"x": x}, {"y": y}, {"w": w, "b": b})      a whole ComputationGraphFunction
    check_values("loss", lambda: {"at 0": loss(0.0)}, {"at 0": 0.6931})         numbers that are known

Each prints its report and returns None, or raises CheckFailed with the report as its message.

The right derivative is estimated with its own uncertainty (see backprop.differences), which is added to the tolerance,
so that right code passes whatever the scale of its inputs.
"""

from __future__ import annotations

import inspect
import linecache
import sysconfig
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from backprop.comparison import (
    ATOL,
    RTOL,
    CheckFailed,
    Comparison,
    as_numbers,
    compare,
    conclude,
    describe,
    failed,
    report,
    stop_if_wrong,
)
from backprop.differences import jacobian, numeric_backward, numeric_gradient, one_number

__all__ = [
    "CheckFailed",
    "Comparison",
    "check_function",
    "check_graph",
    "check_node",
    "check_values",
    "compare",
    "numeric_backward",
    "numeric_gradient",
    "report",
]

_VALUE_FIRST = "Gradients come once this is right: they are compared with differences of it."
_LEGEND = "\n   (exact: your backward; approx: finite differences of your forward)"  # under the title


def check_values(
    title: str,
    got: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    expected: Mapping[str, Any],
    *,
    atol: float = ATOL,
    rtol: float = RTOL,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    batch_size: int | None = None,
    scalar_like: bool = True,
) -> None:
    """Compare named results with known values; print the report.

    got : name -> result; or a function without arguments that returns this dictionary. What the student's code raises
        inside that function is said in one sentence with the line of their code
    mistakes : name -> {family: the value that mistake gives}, to recognise what backprop.mistakes can't see by itself

    Raises CheckFailed with the report when a value is wrong or missing. Names that are not expected are ignored.
    """
    if callable(got):
        with student_code(f"{title}: your code"):
            got = got()
    if not isinstance(got, Mapping):
        keys = ", ".join(expected)
        raise CheckFailed(f"{title}\n   expected a dictionary with the keys {keys}, got {describe(got)}.")
    found = []
    for name, right in expected.items():
        if name not in got:
            found.append(failed(name, "missing", note="not there"))
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
    conclude([(title, found)])


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

    mistakes : input name -> {family: function that gives the gradient that mistake leads to, for an upstream gradient},
        or "out" -> {family: the value that mistake leads to}

    Raises CheckFailed with the report when something is wrong.
    """
    from backprop.nodes import ValueNode

    label = title or getattr(node_class, "__name__", "node")
    values = {name: np.array(value) for name, value in inputs.items() if isinstance(value, np.ndarray)}
    values = {name: v.astype(float) if v.dtype.kind == "f" else v for name, v in values.items()}
    nodes = {name: ValueNode(name) for name in values}
    arguments = [nodes.get(name, value) for name, value in inputs.items()]
    with student_code(label):
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
    stop_if_wrong([(f"{label} · forward", forward)], _VALUE_FIRST)
    first = bench.backward(others=False)
    stop_if_wrong([(f"{label} · forward", forward), (f"{label} · backward{_LEGEND}", first)])
    again = bench.backward(others=True)
    stop_if_wrong([(f"{label} · backward, every input feeding a second node too{_LEGEND}", again)])
    for name, value in values.items():
        if value.dtype.kind == "f":
            values[name] = np.array(value * 1.07)  # not a kink nearer to zero, and every label stays what it was
    second = bench.backward(others=False)
    stop_if_wrong([(f"{label} · second pass, with other values{_LEGEND}", second)])
    conclude([(f"{label} · forward", forward), (f"{label} · backward{_LEGEND}", first)])
    print("   also right: inputs of two nodes, a second pass, nothing changed in place")
    if bench.returned_nothing:
        print(f"   {label}.forward returns nothing: end it with `return self.out`, as every node does.")


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
    earlier: dict[str, np.ndarray] = field(default_factory=dict)  # derivatives of the first pass
    returned_nothing: bool = False  # forward set `out` and did not return it

    def forward(self) -> np.ndarray:
        """`out` after one forward pass with the inputs set afresh; CheckFailed when out or d_out is not usable."""
        for name, source in self.nodes.items():
            source.out = self.values[name].copy()
            source.forward()
        where = f"{self.label}.forward"
        with student_code(where):
            returned = self.node.forward()
        out = getattr(self.node, "out", None)
        if out is None or out is Ellipsis:
            if returned is None or returned is Ellipsis:
                raise CheckFailed(f"{where} returned {returned}, and self.out is not set: is it finished?")
            raise CheckFailed(f"{where} returned a value but did not store it in self.out.")
        numbers = as_numbers(out)
        if numbers is None:
            raise CheckFailed(f"{where} set self.out to {describe(out)}: it should be an array of floats.")
        if not np.isfinite(numbers).all():
            raise CheckFailed(f"{where} set self.out to an array with nan or infinite entries.")
        self._unchanged("forward")
        self.returned_nothing = returned is None
        self._reset(numbers)
        return numbers

    def _reset(self, out: np.ndarray) -> None:
        where = f"{self.label}.forward"
        d_out = as_numbers(getattr(self.node, "d_out", None))
        if d_out is None:
            raise CheckFailed(f"{where} did not reset self.d_out: it should be np.zeros(self.out.shape) afterwards.")
        if d_out.shape != out.shape and not d_out.size == out.size == 1:
            raise CheckFailed(f"{where} set self.d_out to shape {d_out.shape}: it should be that of out, {out.shape}.")
        if d_out.any():
            raise CheckFailed(
                f"{where} left self.d_out as it was: reset it to np.zeros(self.out.shape), or gradients of the last "
                "pass are counted again."
            )
        if np.asarray(self.node.d_out).dtype.kind in "iub":
            raise CheckFailed(f"{where} set self.d_out to an array of integers: gradients are floats, use np.zeros.")

    def backward(self, others: bool) -> list[Comparison]:
        """One comparison per input after a forward and a backward pass.

        others : d_out of the inputs already holds what another node has put there
        """
        out = self.forward()
        upstream = np.array(self.rng.uniform(0.3, 1.7, out.shape) * self.rng.choice([-1.0, 1.0], out.shape))
        before = np.array(self.node.d_out)
        self.node.d_out = upstream.reshape(before.shape).copy()
        held = {name: np.array(self.rng.uniform(0.3, 1.7, v.shape) * others) for name, v in self.values.items()}
        for name, source in self.nodes.items():
            source.d_out = held[name].copy()
        with student_code(f"{self.label}.backward"):
            self.node.backward()
        self._unchanged("backward")
        after = as_numbers(self.node.d_out)
        if after is None or after.shape != before.shape or not np.array_equal(after, upstream.reshape(before.shape)):
            raise CheckFailed(
                f"{self.label}.backward changed its own upstream gradient self.d_out: leave it, work on a copy."
            )
        got = {name: _kept(source.d_out) for name, source in self.nodes.items()}
        return [self._compared(name, got[name], upstream, held[name], others) for name in self._with_gradient()]

    def _with_gradient(self) -> list[str]:
        return [name for name, value in self.values.items() if value.dtype.kind == "f"]

    def _compared(self, name: str, got: Any, upstream: np.ndarray, held: np.ndarray, others: bool) -> Comparison:
        label = f"∂J/∂{name}"
        if got is None:
            return failed(label, "none", note="None")
        derivative, doubt = self._jacobian(name)
        right = np.tensordot(upstream, derivative, axes=upstream.ndim)
        unsure = np.tensordot(np.abs(upstream), doubt, axes=upstream.ndim)
        _require_smooth(label, right, unsure)
        candidates: dict[str, Any] = {}
        if others:
            candidates = {"assigned": right, "accumulated_twice": held + 2 * right}
        elif upstream.size > 1:
            plain = derivative.sum(axis=tuple(range(upstream.ndim)))
            candidates = {"upstream_ignored": plain, "upstream_summed": plain * upstream.sum()}
        if name in self.earlier and not others:
            candidates["stale"] = np.tensordot(upstream, self.earlier[name], axes=upstream.ndim)
        self.earlier.setdefault(name, derivative)
        for family, value in self.mistakes.get(name, {}).items():
            candidates.setdefault(family, held + (value(upstream) if callable(value) else value))
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

        with student_code(f"{self.label}.forward"):
            return jacobian(out, x)

    def _unchanged(self, method: str) -> None:
        for name, source in self.nodes.items():
            now = as_numbers(source.out)
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

    inputs : numbers or arrays. One gradient is expected for each float input, in order; whole numbers are labels, and
        have none
    names : names of the inputs, taken from the function's parameters when left out
    expected : the right value, to catch a function whose value and gradients are wrong alike
    mistakes : input name (or "value") -> {family: what that mistake gives}

    Raises CheckFailed with the report when something is wrong.
    """
    label = title or getattr(f, "__name__", "function")
    symbol = getattr(f, "__name__", "f") if getattr(f, "__name__", "f").isidentifier() else "f"
    names = tuple(names) or _parameter_names(f, len(inputs))
    arrays = [np.array(value, dtype=float) if _is_float(value) else value for value in inputs]
    wanted = [i for i, value in enumerate(inputs) if _is_float(value)]

    def run() -> tuple[Any, Any]:
        # A number goes in as a number: the student's code may use math.exp on it.
        given = [
            a.item() if isinstance(a, np.ndarray) and not isinstance(i, np.ndarray) and a.ndim == 0 else _kept(a)
            for i, a in zip(inputs, arrays, strict=True)
        ]
        with student_code(label):
            result = f(*given)
        for name, before, after in zip(names, arrays, given, strict=True):
            if isinstance(after, np.ndarray) and not np.array_equal(after, before):
                raise CheckFailed(f"{label} changed its input {name}: leave inputs as they are, work on a copy.")
        if result is None or result is Ellipsis:
            raise CheckFailed(f"{label} returned {result}: is it finished?")
        if isinstance(result, tuple | list) and len(result) > 2:
            gradients = ", ".join(f"grad_{names[i]}" for i in wanted) + "," * (len(wanted) == 1)
            raise CheckFailed(
                f"{label} returned {len(result)} things in a row: the gradients belong together in a tuple after the "
                f"value.\n   return value, ({gradients})"
            )
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise CheckFailed(f"{label} returned {describe(result)}: it should return the value and the gradients.")
        return result[0], result[1]

    value, gradients = run()
    number = as_numbers(value)
    if number is None or number.size != 1:
        raise CheckFailed(f"{label} returned {describe(value)} as its value: it should be one number.")
    shown = []
    if expected is not None:
        shown = [
            compare(
                "value", value, expected, atol=atol, rtol=rtol, candidates=(mistakes or {}).get("value"),
                scalar_like=True, labels=("yours", "right"),
            )
        ]  # fmt: skip
    stop_if_wrong([(label, shown)], _VALUE_FIRST)
    if isinstance(gradients, np.ndarray) and gradients.ndim == 1 and all(arrays[i].ndim == 0 for i in wanted):
        gradients = list(gradients)  # an array with one number for each input
    if not isinstance(gradients, tuple | list):
        raise CheckFailed(
            f"{label} returned {describe(gradients)} in place of the gradients: "
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
        _require_smooth(f"∂{symbol}/∂{names[i]}", right[names[i]], unsure[names[i]])
    got = {names[i]: gradient for i, gradient in zip(wanted, gradients, strict=True)}
    hints = _with_exchanged(got, right, mistakes or {})
    shown += [
        compare(
            f"∂{symbol}/∂{name}", got[name], right[name], atol=atol, rtol=rtol, uncertainty=unsure[name],
            candidates=hints.get(name), scalar_like=True,
        )
        for name in got
    ]  # fmt: skip
    conclude([(f"{label}\n   (exact: your gradient; approx: finite differences of your value)", shown)])


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
        raise CheckFailed(f"{label} is {describe(graph)}: it should be a ComputationGraphFunction. Is it finished?")
    values = {name: np.array(value, dtype=float) for name, value in parameter_values.items()}

    def objective() -> np.ndarray:
        graph.set_parameters({name: value.copy() for name, value in values.items()})
        return one_number(graph.get_objective(input_values, outcome_values))

    with student_code(label):
        graph.set_parameters({name: value.copy() for name, value in values.items()})
        passes = []
        for _ in range(2):
            value, gradients = graph.get_gradients(input_values, outcome_values)
            passes.append({name: _kept(gradients.get(name)) for name in values})
        shown = []
        if expected is not None:
            shown = [
                compare(
                    "objective", value, expected, atol=atol, rtol=rtol, candidates=(mistakes or {}).get("objective"),
                    scalar_like=True, labels=("yours", "right"),
                )
            ]  # fmt: skip
        stop_if_wrong([(label, shown)], _VALUE_FIRST)
        right, unsure = {}, {}
        for name, array in values.items():
            right[name], unsure[name] = jacobian(objective, array)
            _require_smooth(f"∂J/∂{name}", right[name], unsure[name])
        # Leave the graph as it was asked for: at the given parameters, with their gradients in it.
        graph.set_parameters({name: value.copy() for name, value in values.items()})
        graph.get_gradients(input_values, outcome_values)
    hints = _with_exchanged(passes[0], right, mistakes or {})
    for number, got in enumerate(passes):
        lines = [
            compare(
                f"∂J/∂{name}", got[name], right[name], atol=atol, rtol=rtol, uncertainty=unsure[name],
                candidates={"stale": 2 * right[name]} if number else hints.get(name), scalar_like=True,
            )
            for name in values
        ]  # fmt: skip
        stop_if_wrong([(f"{label}{' · second pass' if number else ''}{_LEGEND}", [*shown, *lines])])
        if number == 0:
            first = lines
    conclude([(f"{label}{_LEGEND}", [*shown, *first])])


@contextmanager
def student_code(where: str) -> Iterator[None]:
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


def _kept(value: Any) -> Any:
    """A copy of an array (so that nobody changes it behind our back); anything else as it is."""
    return value.copy() if isinstance(value, np.ndarray) else value


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
    names = [name for name in right if as_numbers(got.get(name)) is not None]

    def took(a: str, b: str) -> bool:
        mine = as_numbers(got[a])
        return mine.size == right[b].size and np.allclose(mine.ravel(), right[b].ravel(), rtol=1e-6, atol=1e-9)

    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if took(a, b) and took(b, a) and not took(a, a):
                hints.setdefault(a, {}).setdefault(f"swapped_arguments:{a} and {b}", right[b])
                hints.setdefault(b, {}).setdefault(f"swapped_arguments:{a} and {b}", right[a])
    return hints


def _is_float(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f")


def _value_of(run: Callable[[], tuple[Any, Any]], label: str) -> np.ndarray:
    value = as_numbers(run()[0])
    if value is None or value.size != 1:
        raise CheckFailed(f"{label} does not always return one number as its value.")
    return value.reshape(())


def _parameter_names(f: Callable[..., Any], count: int) -> tuple[str, ...]:
    try:
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind in (0, 1)]
    except (TypeError, ValueError):
        names = []
    return tuple(names[:count]) if len(names) >= count else tuple(f"input {i + 1}" for i in range(count))
