"""A graph that is given by its arrows, as nodes: each operator is a name that everybody knows, or a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from ..checking.finite_differences import numeric_backward
from .chain_rule import Share, ask, explain
from .recording import Recorder
from .texts import factor_text, full_text, short_text, sum_text

OPERATORS: dict[str, Callable] = {
    "+": lambda *values: sum(values),
    "-": lambda *values: -values[0] if len(values) == 1 else values[0] - values[1],
    "×": lambda *values: np.prod(np.stack(np.broadcast_arrays(*values)), axis=0),
    "÷": lambda a, b: a / b,
    "exp": np.exp,
    "log": np.log,
    "-log": lambda a: -np.log(a),
    "square": np.square,
    "root": np.sqrt,
    "copy": lambda a: a,
    "tanh": np.tanh,
    "σ": lambda a: 1 / (1 + np.exp(-a)),
    "ReLU": lambda a: np.maximum(a, 0.0),
    "sin": np.sin,
    "cos": np.cos,
    "choose": lambda *values: values[int(np.round(values[-1])) - 1],  # the last input says which of the others, from 1
}
_OTHER_NAMES = {"*": "×", "·": "×", "/": "÷", "²": "square", "sqrt": "root", "sigmoid": "σ", "relu": "ReLU"}
_WITH_NUMBER = re.compile(r"([×*·÷/+-]) ?(-?\d+(?:\.\d+)?)\Z")
_ROUND = 1e-9  # a measured derivative is this exact, relative to the largest of its array


def operation(operator) -> tuple[str, Callable | None]:
    """The text for the box and the function of the inputs; None for a text that is no known operator."""
    if callable(operator):
        name = getattr(operator, "__name__", "")
        return "" if name == "<lambda>" else name, operator
    if isinstance(operator, tuple) and len(operator) == 2 and callable(operator[1]):
        return str(operator[0]), operator[1]
    text = str(operator)
    plain = text.replace("−", "-").strip()
    if found := _WITH_NUMBER.match(plain):
        act, number = OPERATORS[_OTHER_NAMES.get(found[1], found[1])], float(found[2])
        return text, lambda a: act(a, np.array(number))
    return text, OPERATORS.get(_OTHER_NAMES.get(plain, plain))


class DrawnNode:
    """A node whose derivatives are measured. Without a function, or without a value, it can't compute."""

    def __init__(self, node_name: str, inputs: list, operator=""):
        self.node_name, self.inputs = node_name, inputs
        self.operation, self.function = operation(operator)
        self.out = self.d_out = None

    def forward(self):
        if self.inputs:
            if self.function is None:
                what = f": {self.operation!r} is no operator known here" if self.operation else " has no operator"
                raise ValueError(
                    f"{self.node_name}{what}. Give a function of its inputs, in the order of the arrows, such as "
                    f"operators={{{self.node_name!r}: lambda a, b: a * b}}, or give the gradients."
                )
            self.out = np.asarray(self.function(*(node.out for node in self.inputs)), dtype=float)
        elif self.out is None:
            raise ValueError(f"{self.node_name} is an input without a value: give it in values={{...}}.")
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        values = [np.array(node.out, dtype=float) for node in self.inputs]
        for k, node in enumerate(self.inputs):
            step = 1e-6 * max(1.0, np.abs(values[k]).max(initial=0.0))
            share = numeric_backward(
                lambda moved, k=k: self.function(*values[:k], moved, *values[k + 1 :]), values[k], self.d_out, step
            )
            share[np.abs(share) < _ROUND * max(1.0, np.abs(self.d_out).max(initial=0.0))] = 0
            node.d_out = node.d_out + share

    def get_predecessors(self):
        return self.inputs

    def can_compute(self) -> bool:
        return self.function is not None and all(node.out is not None for node in self.inputs)


def drawn_nodes(names: list[str], edges: list[tuple], values: Mapping, operators: Mapping) -> list[DrawnNode]:
    """A node for each name, in this topological order; values are set where they are given."""
    nodes: dict[str, DrawnNode] = {}
    for name in names:
        inputs = [nodes[start] for start, end in edges if end == name]
        nodes[name] = DrawnNode(name, inputs, operators.get(name, ""))
        if values.get(name) is not None:
            nodes[name].out = numbers(name, values[name])
    return list(nodes.values())


def numbers(key, value) -> np.ndarray:
    """The value as an array of floats; ValueError with a sentence if it is none."""
    try:
        return np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"For {key!r} a number or an array of numbers is needed, not {value!r:.40}.") from None


class DrawnRecorder(Recorder):
    """Computes a drawn graph from its inputs; says no word about nodes."""

    def told_of_forward(self, i: int) -> list[str]:
        out, sources = full_text(self.nodes[i].out), self.sources(i)
        if not sources:
            return [f"{self.names[i]} = {out} is given."]
        return [f"{self.names[i]} reads {self.read(sources)} and becomes {out}."]

    def told_of_sender(self, i: int, upstream: np.ndarray) -> str:
        return f"What has arrived at {self.names[i]} is its upstream gradient: {full_text(upstream)}."


class WrittenRecorder(DrawnRecorder):
    """Shows the values and gradients that somebody wrote down, and says where they break the chain rule.

    gradients : name -> the whole gradient; (from, to) -> the share of one arrow
    """

    def __init__(self, sink, gradients: Mapping):
        super().__init__(sink)
        self.written = {key: numbers(key, g) for key, g in gradients.items() if g is not None}

    def forward(self) -> None:
        for i, node in enumerate(self.nodes):
            self.values[i] = "" if node.out is None else short_text(node.out)
            self.write(f"Forward {i + 1} of {len(self.nodes)}", [self._told(i)], (i,))

    def _told(self, i: int) -> str:
        node, sources = self.nodes[i], self.sources(i)
        if not sources:
            return super().told_of_forward(i)[0] if node.out is not None else f"{self.names[i]} has no value yet."
        known = [j for j in sources if self.nodes[j].out is not None]
        reads = f"{self.names[i]} reads {self.read(known)}" if known else f"{self.names[i]} reads its inputs"
        if node.out is None:
            return f"{reads}. Its value is not written yet."
        if node.can_compute():
            made = node.function(*(other.out for other in node.inputs))
            if np.shape(made) != np.shape(node.out) or not _near(made, node.out):
                return f"{reads}. That gives {full_text(made)}, but {full_text(node.out)} is written."
        return f"{reads} and becomes {full_text(node.out)}."

    def backward(self, number: int = 0) -> None:
        last, senders = len(self.nodes) - 1, self.senders()
        end = self._of(last)
        self.gradients[last] = "" if end is None else short_text(end)
        said = f"Backward starts at the end: ∂{self.names[-1]}/∂{self.names[-1]} = 1."
        if end is not None and not _near(end, 1.0):
            said += f" But {full_text(end)} is written."
        self.write(f"Backward 1 of {len(senders) + 1}", [said], (last,))
        waiting, parts = self.users(), {}
        for count, i in enumerate(senders, 2):
            said = self._shares(i, waiting, parts)
            sources = self.sources(i)
            new = tuple((i, j) for j in sources if (i, j) in self.arrivals)
            self.write(f"Backward {count} of {len(senders) + 1}", said, (i, *sources), new)

    def _shares(self, i: int, waiting, parts: dict[int, list]) -> list[str]:
        upstream, sources = self._of(i), self.sources(i)
        if upstream is None:
            waiting.subtract(sources)
            return [f"The gradient of {self.names[i]} is not written yet, so nothing can be handed on."]
        said, (right, shares) = [self.told_of_sender(i, upstream)], self._right(i, upstream)
        users = self.users()
        for k, j in enumerate(sources):
            whole = self._of(j)
            part = self.written.get((self.names[j], self.names[i]), whole if users[j] == 1 else right[k])
            waiting[j] -= 1
            if part is None:
                said.append(f"{self.called(i, j)}: no gradient is written here. It is upstream times local.")
                continue
            said.append(self._share(i, j, part, right[k], shares[k], upstream))
            parts.setdefault(j, []).append(part)
            self.arrivals[i, j], self.factors[i, j] = short_text(part), shares[k].factors
            if waiting[j] == 0 and whole is not None:
                said += self._whole(j, whole, parts[j], users[j])
        return said

    def _share(self, i: int, j: int, part, right, share: Share, upstream) -> str:
        name = self.called(i, j)
        if right is None:
            local = f"∂{self.names[i]}/∂{self.names[j]}"
            if np.size(upstream) == np.size(part) == 1 and upstream.item():
                told = f" = {full_text(upstream)} (upstream) · {factor_text(full_text(part / upstream))} ({local})"
                return f"{name} receives {full_text(part)}{told}."
            return f"{name} receives {full_text(part)}."
        if np.shape(part) == np.shape(right) and _near(part, right):
            return f"{name} receives {full_text(part)}{share.told}."
        return f"{name}: {full_text(right)}{share.told}, but {full_text(part)} is written."

    def _whole(self, j: int, whole, parts: list, users: int) -> list[str]:
        self.gradients[j] = short_text(whole)
        if users < 2 or len(parts) < users or any(np.shape(part) != np.shape(whole) for part in parts):
            return []
        said = f"Together {self.names[j]} receives {sum_text([full_text(part) for part in parts])}"
        if not _near(sum(parts), whole):
            return [f"{said} = {full_text(sum(parts))}, but {full_text(whole)} is written."]
        text = f"{sum_text([short_text(part) for part in parts])} = {short_text(whole)}"
        self.gradients[j] = text if len(text) <= 26 else short_text(whole)
        return [f"{said} = {full_text(whole)}: gradients that meet are added."]

    def _right(self, i: int, upstream) -> tuple[list, list[Share]]:
        """What the operator itself would hand to each input, and how; None where it can't be computed."""
        node, sources = self.nodes[i], self.sources(i)
        inputs = [self.nodes[j] for j in sources]
        nothing = [None] * len(sources), [Share()] * len(sources)
        if not node.can_compute():
            return nothing
        out = node.out
        try:
            node.forward()
            if np.shape(upstream) != np.shape(node.out):
                return nothing
            right = ask(node, inputs, upstream)
            return right, explain(node, upstream, inputs, right, [self.names[j] for j in (i, *sources)])
        except Exception:  # values that the operator can't take
            return nothing
        finally:
            node.out = out

    def _of(self, i: int):
        gradient = self.written.get(self.names[i])
        return np.ones(np.shape(self.nodes[i].out)) if gradient is None and i == len(self.nodes) - 1 else gradient


def _near(a, b) -> bool:
    return bool(np.allclose(a, b, rtol=1e-3, atol=1e-9))
