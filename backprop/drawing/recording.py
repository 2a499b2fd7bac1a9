"""Run a graph forward and backward, and write down what happens, step by step, for :mod:`backprop.stepper`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ..graph import describe, forward_graph, predecessors, sort_topological
from .chain_rule import Share, ask, explain
from .page import Step
from .texts import and_text, full_text, short_text, sum_text


class Recorder:
    """Runs a graph of nodes and writes down what happens.

    nodes, names : in topological order, the sink last
    steps : what has been written so far
    """

    def __init__(self, sink):
        self.nodes = sort_topological(sink)
        self.place = {id(node): i for i, node in enumerate(self.nodes)}
        self.names = [str(getattr(node, "node_name", type(node).__name__)) for node in self.nodes]
        self.steps: list[Step] = []
        self.values = [""] * len(self.nodes)
        self.gradients = [""] * len(self.nodes)
        self.terms: list[list[str]] = [[] for _ in self.nodes]  # what has been added into d_out, as texts
        self.arrivals: dict[tuple[int, int], str] = {}
        self.factors: dict[tuple[int, int], str] = {}
        self.write(
            "Start", ["Nothing has been computed yet. Values will travel with the arrows, gradients against them."], ()
        )

    def forward(self) -> None:
        for i, node in enumerate(self.nodes):
            forward_graph(node, [node])
            self.values[i], self.gradients[i] = short_text(node.out), short_text(node.d_out)
            self.write(f"Forward {i + 1} of {len(self.nodes)}", self.told_of_forward(i), (i,))

    def told_of_forward(self, i: int) -> list[str]:
        out = full_text(self.nodes[i].out)
        if sources := self.sources(i):
            said = f"{self.names[i]}.forward() reads {self.read(sources)} and gives {self.names[i]} = {out}."
        else:
            said = f"{self.names[i]} = {out} is given."
        return [said, "Its d_out is reset to zero."]

    def read(self, sources: Sequence[int]) -> str:
        return and_text([f"{self.names[j]} = {full_text(self.nodes[j].out)}" for j in sources])

    def backward(self, number: int = 0) -> None:
        sink, last = self.nodes[-1], len(self.nodes) - 1
        if np.size(sink.out) != 1:
            raise ValueError(
                f"{describe(sink)} has the shape {np.shape(sink.out)}: gradients are taken of a single number, "
                "so the last node of the graph must be a scalar."
            )
        again = f", pass {number + 1}" if number else ""
        sink.d_out = np.ones(np.shape(sink.out))
        self.arrivals, self.factors = {}, {}
        self.terms[last] = ["1"]
        self.gradients[last] = "1"
        said = [f"Backward starts at the end: ∂{self.names[-1]}/∂{self.names[-1]} = 1."]
        if number:
            said.append("There was no forward pass since the last one, so every other d_out still holds what it held.")
        senders = self.senders()
        total = len(senders) + 1
        self.write(f"Backward 1 of {total}{again}", said, (last,))
        arrived: set[int] = set()
        for count, i in enumerate(senders, 2):
            self._send(i, f"Backward {count} of {total}{again}", arrived)

    def senders(self) -> list[int]:
        return [i for i in reversed(range(len(self.nodes))) if self.sources(i)]

    def _send(self, i: int, title: str, arrived: set[int]) -> None:
        """One node's ``backward``: what each of its inputs gets, and what that makes together."""
        node, sources = self.nodes[i], self.sources(i)
        inputs = [self.nodes[j] for j in sources]
        before = {j: np.array(self.nodes[j].d_out, dtype=float) for j in sources}
        upstream = np.array(node.d_out, dtype=float)
        node.backward()
        after = {j: np.array(self.nodes[j].d_out, dtype=float) for j in sources}
        sent = after
        if any(array.any() for array in before.values()):
            sent = dict(zip(sources, ask(node, inputs, upstream), strict=True))
        shares = explain(node, upstream, inputs, list(sent.values()), [self.names[j] for j in (i, *sources)])
        said = [self.told_of_sender(i, upstream)]
        for j, share in zip(sources, shares, strict=True):
            said.append(self._arrive(i, j, before[j], sent[j], after[j], share, first=j not in arrived))
            if share.remark and _same(after[j], before[j] + sent[j]):  # otherwise that is what was said
                said.append(share.remark)
            arrived.add(j)
            self.gradients[j] = self._sum(j, after[j])
            self.arrivals[i, j], self.factors[i, j] = short_text(sent[j]), share.factors
        self.write(title, said, (i, *sources), tuple((i, j) for j in sources))

    def told_of_sender(self, i: int, upstream: np.ndarray) -> str:
        return f"{self.names[i]}.backward() starts from its own d_out = {full_text(upstream)}: the upstream gradient."

    def _arrive(self, i: int, j: int, before, sent, after, share: Share, first: bool) -> str:
        name, got = self.called(i, j), f"{full_text(sent)}{share.told}"
        if _same(after, before + sent):
            self.terms[j].append(short_text(sent))
            if not before.any():
                return f"{name} receives {got}."
            which = "on top of what it had" if first else "as one more arrival"
            terms = sum_text([full_text(before), full_text(sent)])
            return f"{name} receives {got}, {which}: {terms} = {full_text(after)}."
        self.terms[j] = [short_text(after)]
        if _same(after, sent):
            return (
                f"{name} receives {full_text(sent)}, which replaces the {full_text(before)} that was there: "
                "= was written where += belongs."
            )
        return f"{name} held {full_text(before)}, was sent {full_text(sent)}, and now holds {full_text(after)}."

    def called(self, i: int, j: int) -> str:
        """The input's name, and whether the node reads it twice."""
        times = sum(other is self.nodes[j] for other in predecessors(self.nodes[i]))
        return self.names[j] + (", through both arrows," if times == 2 else "")

    def _sum(self, j: int, after: np.ndarray) -> str:
        total = short_text(after)
        if len(self.terms[j]) < 2:
            return total
        text = f"{sum_text(self.terms[j])} = {total}"
        return text if len(text) <= 26 else f"{total} ({len(self.terms[j])} arrivals)"

    def sources(self, i: int) -> list[int]:
        return list(dict.fromkeys(self.place[id(other)] for other in predecessors(self.nodes[i])))

    def users(self) -> Counter:
        """How many arrows leave each node."""
        return Counter(j for i in range(len(self.nodes)) for j in self.sources(i))

    def write(self, title: str, said: Sequence[str], active: tuple[int, ...], new=()) -> None:
        state = tuple(self.values), tuple(self.gradients), active, dict(self.arrivals), tuple(new), dict(self.factors)
        self.steps.append(Step(title, tuple(said), *state))


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
