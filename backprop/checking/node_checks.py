"""Check one node of a computation graph, and the gradients of a whole graph."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..nodes import ValueNode
from .comparison import (
    ATOL,
    RTOL,
    CheckFailed,
    Comparison,
    as_numbers,
    compare,
    conclude,
    describe,
    failed,
    is_single,
    stop_if_wrong,
)
from .finite_differences import jacobian, one_number
from .function_checks import (
    VALUE_FIRST,
    kept,
    random_upstream,
    require_smooth,
    right_before,
    value_first,
    with_exchanged,
)
from .order_checks import alike
from .student_code import student_code

__all__ = ["check_graph", "check_node"]

_LEGEND = "\n   (exact: your backward; approx: finite differences of your forward)"  # under the title


def check_node(
    node_class: Callable[..., Any],
    *extra: Any,
    title: str | None = None,
    expected: Any = None,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    also: Sequence[Mapping[str, Any]] = (),
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

    also : other arrays for the same node, in other sizes or regions: name -> array, and "expected" -> the right out.
        They are tried without a line in the report
    mistakes : input name -> {family: function that gives the gradient that mistake leads to, for an upstream gradient},
        or "out" -> {family: the value that mistake leads to}

    Raises CheckFailed with the report when something is wrong.
    """
    label = title or getattr(node_class, "__name__", "node")
    values = {name: np.array(value) for name, value in inputs.items() if isinstance(value, np.ndarray)}
    values = {name: v.astype(float) if v.dtype.kind == "f" else v for name, v in values.items()}
    nodes = {name: _Input(name) for name in values}
    arguments = [nodes.get(name, value) for name, value in inputs.items()]
    with student_code(label):
        node = node_class(*extra, *arguments, "out")
    bench = _Bench(label, node, nodes, values, np.random.default_rng(seed), mistakes or {}, atol, rtol)

    out = bench.forward()
    bench.require_predecessors()
    forward = value_first(f"{label} · forward", "out", out, expected, mistakes, atol, rtol)
    first = bench.backward(others=False)
    stop_if_wrong([(f"{label} · forward", forward), (f"{label} · backward{_LEGEND}", first)])
    again = bench.backward(others=True)
    stop_if_wrong([(f"{label} · backward, every input feeding a second node too{_LEGEND}", again)])
    for name, value in values.items():
        if value.dtype.kind == "f":
            values[name] = np.array(value * 1.07)  # not a kink nearer to zero, and every label stays what it was
    second = bench.backward(others=False)
    stop_if_wrong([(f"{label} · second pass, with other values{_LEGEND}", second)])
    bench.mistakes = {}  # they are about the first values
    for case in also:
        values |= {name: np.array(case[name]) for name in nodes if name in case}
        here = f"for {_in_short({name: values[name] for name in nodes if name in case})}"
        title = f"{label} {here}"
        out, wanted = bench.forward(), case.get("expected")
        right = []
        if wanted is not None:
            line = compare("out", out, wanted, atol=atol, rtol=rtol, scalar_like=True, single=True)
            right = [right_before(line, here)]
            stop_if_wrong([(title, right)], VALUE_FIRST, fact=True)
        lines = [right_before(line, here) for line in bench.backward(others=False)]
        stop_if_wrong([(f"{title}{_LEGEND}", [*right, *lines])], fact=True)
    if bench.shared:
        raise CheckFailed(bench.shared, ("assigned",))
    conclude([(f"{label} · forward", forward), (f"{label} · backward{_LEGEND}", first)])
    print("   also right: inputs of two nodes, a second pass, nothing changed in place")


def _in_short(values: Mapping[str, np.ndarray]) -> str:
    """`a = 3.0, w of shape (5,)`"""
    return ", ".join(f"{name} of shape {v.shape}" if v.ndim else f"{name} = {v}" for name, v in values.items())


class _Input(ValueNode):
    """A value that notices when its own methods are called."""

    called = ""

    def forward(self) -> np.ndarray:
        self.called = "forward"
        return super().forward()

    def backward(self) -> np.ndarray:
        self.called = "backward"
        return super().backward()


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
    shared: str = ""  # what to say of an array that two nodes hold

    def forward(self) -> np.ndarray:
        """`out` after one forward pass with the inputs set afresh; CheckFailed when out or d_out is not usable."""
        for name, source in self.nodes.items():
            source.out = self.values[name].copy()
            source.d_out, source.called = np.full(source.out.shape, 0.7), ""
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
        self._reset(numbers)
        if returned is None:
            raise CheckFailed(f"{where} returns nothing: end it with `return self.out`, as every node does.")
        same = as_numbers(returned)
        if same is None or not np.array_equal(same.ravel(), numbers.ravel()):
            raise CheckFailed(f"{where} returns something else than self.out: end it with `return self.out`.")
        for name, source in self.nodes.items():
            if not np.array_equal(source.d_out, np.full(self.values[name].shape, 0.7)):
                raise CheckFailed(
                    f"{where} changed {name}.d_out: a node resets its own d_out only, its inputs have done so before."
                )
        return numbers.astype(np.float32) if is_single(out) else numbers

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
        upstream = random_upstream(self.rng, out.shape)
        before = np.array(self.node.d_out)
        self.node.d_out = upstream.reshape(before.shape).copy()
        held = {name: np.array(self.rng.uniform(0.3, 1.7, v.shape)) for name, v in self.values.items()}
        if not others:  # zeros with a minus, which they lose when anything is added, zeros too
            held = {name: np.full(v.shape, -0.0) for name, v in self.values.items()}
        for name, source in self.nodes.items():
            source.d_out = held[name].copy()
        with student_code(f"{self.label}.backward"):
            self.node.backward()
        self._unchanged("backward")
        self.shared = self.shared or self._in_one_array()
        after = as_numbers(self.node.d_out)
        if after is None or after.shape != before.shape or not np.array_equal(after, upstream.reshape(before.shape)):
            raise CheckFailed(
                f"{self.label}.backward changed its own upstream gradient self.d_out: leave it, work on a copy."
            )
        got = {name: kept(source.d_out) for name, source in self.nodes.items()}
        for name in self.nodes.keys() - self._with_gradient():
            now = as_numbers(got[name])
            if now is None or not np.array_equal(now, held[name]):
                raise CheckFailed(f"{self.label}.backward changed {name}.d_out: {name} is a label, it has no gradient.")
        return [self._compared(name, got[name], upstream, held[name], others) for name in self._with_gradient()]

    def _in_one_array(self) -> str:
        """What to say when two nodes hold one and the same array: what one receives later reaches both."""
        arrays = {f"{name}.d_out": source.d_out for name, source in self.nodes.items()}
        arrays["self.d_out"] = self.node.d_out
        arrays = {name: array for name, array in arrays.items() if isinstance(array, np.ndarray)}
        for one, other in itertools.combinations(arrays, 2):
            if np.shares_memory(arrays[one], arrays[other]):
                return (
                    f"{self.label}.backward leaves one array in {one} and {other}: what is added to one of them later "
                    "is added to both. Add into the array that is there."
                )
        return ""

    def require_predecessors(self) -> None:
        """CheckFailed when a node that needs a gradient is not among the predecessors: nothing would ever reach it."""
        try:
            listed = self.node.get_predecessors()
        except (AttributeError, NotImplementedError):
            return  # not written: a node can be tried without a graph around it
        if not isinstance(listed, list | tuple):
            raise CheckFailed(
                f"{self.label}.get_predecessors returned {describe(listed)}: it should be a list of nodes."
            )
        missing = [name for name in self._with_gradient() if not any(node is self.nodes[name] for node in listed)]
        if missing:
            raise CheckFailed(
                f"{self.label}.get_predecessors leaves out {', '.join(missing)}: in a graph it would get no gradient."
            )

    def _with_gradient(self) -> list[str]:
        return [name for name, value in self.values.items() if value.dtype.kind == "f"]

    def _compared(self, name: str, got: Any, upstream: np.ndarray, held: np.ndarray, others: bool) -> Comparison:
        label = f"∂J/∂{name}"
        if got is None:
            return failed(label, "none", note="None")
        derivative, doubt = self._jacobian(name)
        right = np.tensordot(upstream, derivative, axes=upstream.ndim)
        unsure = np.tensordot(np.abs(upstream), doubt, axes=upstream.ndim)
        require_smooth(label, right, unsure)
        plain = derivative.sum(axis=tuple(range(upstream.ndim)))
        told = others or upstream.size == 1 or not np.allclose(plain, 0.0)
        # Where a forgotten upstream gradient leaves zeros, only the minus tells whether anything was added.
        numbers = as_numbers(got)
        told_by_minus = numbers is not None and bool(np.signbit(numbers).all())
        candidates: dict[str, Any] = {"one_node_only": held} if told or told_by_minus else {}
        if others:
            assigned = [right, np.where(right != 0, right, held)]  # all of it, or the entries that count
            candidates |= {"assigned": assigned, "accumulated_twice": held + 2 * right}
        elif upstream.size > 1 and told:
            candidates |= {"upstream_ignored": plain, "upstream_summed": plain * upstream.sum()}
        if name in self.earlier and self.earlier[name].shape == derivative.shape and not others:
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
            single=True,
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
            if source.called:
                raise CheckFailed(
                    f"{self.label}.{method} runs {source.called}() of its input {name}: the graph does that, once for "
                    "each node and in the right order."
                )
            now = as_numbers(source.out)
            if now is None or now.shape != self.values[name].shape or not np.array_equal(now, self.values[name]):
                raise CheckFailed(f"{self.label}.{method} changed its input {name}.out: leave inputs as they are.")


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

    graph    : the graph, or a function without arguments that makes it. What the student's code raises inside that
        function is said in one sentence with the line of their code
    expected : the right objective, to catch a graph that computes something else and differentiates it well
    mistakes : parameter name (or "objective") -> {family: what that mistake gives}

    Raises CheckFailed with the report when something is wrong.
    """
    label = title or "graph"
    if inspect.isfunction(graph):
        with student_code(f"{label}: your code"):
            graph = graph()
    if graph is None or not callable(getattr(graph, "get_gradients", None)):
        raise CheckFailed(f"{label} is {describe(graph)}: it should be a ComputationGraphFunction. Is it finished?")
    called = _names_in(graph, parameter_values)
    values = {called[name]: np.array(value, dtype=float) for name, value in parameter_values.items()}

    def objective() -> np.ndarray:
        graph.set_parameters({name: value.copy() for name, value in values.items()})
        return one_number(graph.get_objective(input_values, outcome_values))

    with student_code(label):
        graph.set_parameters({name: value.copy() for name, value in values.items()})
        passes = []
        for _ in range(2):
            value, gradients = graph.get_gradients(input_values, outcome_values)
            passes.append({name: kept(gradients.get(name)) for name in values})
        shown = value_first(label, "objective", value, expected, mistakes, atol, rtol)
        right, unsure = {}, {}
        for name, array in values.items():
            right[name], unsure[name] = jacobian(objective, array)
            require_smooth(f"∂J/∂{name}", right[name], unsure[name])
        # Leave the graph as it was asked for: at the given parameters, with their gradients in it.
        graph.set_parameters({name: value.copy() for name, value in values.items()})
        graph.get_gradients(input_values, outcome_values)
    hints = with_exchanged(passes[0], right, {called.get(key, key): slip for key, slip in (mistakes or {}).items()})
    for number, got in enumerate(passes):
        lines = [
            compare(
                f"∂J/∂{name}", got[name], right[name], atol=atol, rtol=rtol, uncertainty=unsure[name],
                candidates={"stale": 2 * right[name]} if number else hints.get(name), scalar_like=True, single=True,
            )
            for name in values
        ]  # fmt: skip
        stop_if_wrong([(f"{label}{' · second pass' if number else ''}{_LEGEND}", [*shown, *lines])])
        if number == 0:
            first = lines
    conclude([(f"{label}{_LEGEND}", [*shown, *first])])
    for name, own in called.items():
        if name != own:
            print(f"   Your parameter {own} is called {name} in later cells: rename its node, and they will find it.")


def _names_in(graph: Any, wanted: Iterable[str]) -> dict[str, str]:
    """Wanted name -> the parameter's name in the graph, which may be w2 for W2."""
    own = [str(getattr(node, "node_name", "")) for node in getattr(graph, "parameters", ())]
    return {name: alike(name, own) for name in wanted}
