"""Step through a computation graph, forward and backward, node by node, with buttons in the notebook.

    step_through(J)                        J is the last node of a graph whose values are set
    step_through(J, backward_passes=2)     what a second backward pass does when nothing is reset in between

Everything shown is computed beforehand by the graph's own ``forward`` and ``backward``; the result is one HTML document
that needs no network, so it works in JupyterLab, in Colab and in an exported page. Without JavaScript it shows the last
step: every value and every gradient.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from .drawing.page import Page, Step
from .files import write_atomically
from .graph import describe, forward_graph, predecessors, sort_topological


class StepThrough:
    """The step-through of one graph: the last expression of a cell shows it.

    steps : list of Step
    document : the whole HTML document, a string
    """

    def __init__(self, steps: list[Step], document: str, height: int):
        self.steps = steps
        self.document = document
        self._height = height

    def _repr_html_(self) -> str:
        # A frame of its own: scripts run in every notebook program, and styles and names can't meet those of the page.
        return (
            f'<iframe srcdoc="{escape(self.document, quote=True)}" sandbox="allow-scripts" '
            'title="Step through the computation graph" '
            f'style="width:100%;height:{self._height}px;border:1px solid #c4c9d1;border-radius:6px"></iframe>'
        )

    def __repr__(self) -> str:
        return "\n".join(f"{step.title}: {' '.join(step.sentences)}" for step in self.steps)

    def save(self, path: str | Path) -> Path:
        """Write the document to a file that any browser opens; return its path."""
        write_atomically(path, self.document.encode())
        return Path(path)


def step_through(sink, *, title: str = "", backward_passes: int = 1) -> StepThrough:
    """Run the graph that ends in ``sink`` forward and backward and return its step-through.

    Afterwards the nodes hold what these passes left in them. Where a node adds to a ``d_out`` that is not zero, its
    ``backward`` runs a second time on zeros, to see its own contribution; ``d_out`` is put back after that.

    Parameters
    ----------
    sink : the last node, one number; any object with the node protocol of :mod:`backprop.nodes`. The ``out`` of the
        value nodes must be set.
    title : shown above the picture
    backward_passes : with 2 or more, further backward passes follow with no forward pass (so no reset) in between

    Raises ValueError if a value is missing, a ``forward`` is unfinished or the sink is not one number; CycleError and
    TypeError as :func:`backprop.graph.sort_topological`.
    """
    recorder = _Recorder(sink)
    recorder.forward()
    for number in range(backward_passes):
        recorder.backward(number)
    page = Page(title or f"Forward and backward through {recorder.names[-1]}", recorder.nodes, recorder.steps)
    return StepThrough(recorder.steps, page.document(), page.height)


# -------------------------------------------------------------------------------------------------------- recording


class _Recorder:
    """Runs the graph and writes down what happens."""

    def __init__(self, sink):
        self.nodes = sort_topological(sink)
        self.place = {id(node): i for i, node in enumerate(self.nodes)}
        self.names = [str(getattr(node, "node_name", type(node).__name__)) for node in self.nodes]
        self.steps: list[Step] = []
        self.values = [""] * len(self.nodes)
        self.gradients = [""] * len(self.nodes)
        self.terms: list[list[str]] = [[] for _ in self.nodes]  # what has been added into d_out, as texts
        self.arrivals: dict[tuple[int, int], str] = {}
        self._write(
            "Start", ["Nothing has been computed yet. Values will travel with the arrows, gradients against them."], ()
        )

    def forward(self) -> None:
        for i, node in enumerate(self.nodes):
            forward_graph(node, [node])
            self.values[i], self.gradients[i] = _short(node.out), _short(node.d_out)
            sources = self._sources(node)
            if sources:
                reads = _and([f"{self.names[j]} = {_full(self.nodes[j].out)}" for j in sources])
                said = f"{self.names[i]}.forward() reads {reads} and gives {self.names[i]} = {_full(node.out)}."
            else:
                said = f"{self.names[i]} = {_full(node.out)} is given."
            self._write(f"Forward {i + 1} of {len(self.nodes)}", [said, "Its d_out is reset to zero."], (i,))

    def backward(self, number: int) -> None:
        sink, last = self.nodes[-1], len(self.nodes) - 1
        if np.size(sink.out) != 1:
            raise ValueError(
                f"{describe(sink)} has the shape {np.shape(sink.out)}: gradients are taken of a single number, "
                "so the last node of the graph must be a scalar."
            )
        again = f", pass {number + 1}" if number else ""
        sink.d_out = np.ones(np.shape(sink.out))
        self.arrivals = {}
        self.terms[last] = ["1"]
        self.gradients[last] = "1"
        said = [f"Backward starts at the end: ∂{self.names[-1]}/∂{self.names[-1]} = 1."]
        if number:
            said.append("There was no forward pass since the last one, so every other d_out still holds what it held.")
        senders = [i for i in reversed(range(len(self.nodes))) if self._sources(self.nodes[i])]
        total = len(senders) + 1
        self._write(f"Backward 1 of {total}{again}", said, (last,))
        arrived: set[int] = set()
        for count, i in enumerate(senders, 2):
            self._send(i, f"Backward {count} of {total}{again}", arrived)

    def _send(self, i: int, title: str, arrived: set[int]) -> None:
        """One node's ``backward``: what each of its inputs gets, and what that makes together."""
        node, sources = self.nodes[i], self._sources(self.nodes[i])
        before = {j: np.array(self.nodes[j].d_out, dtype=float) for j in sources}
        upstream = np.array(node.d_out, dtype=float)
        node.backward()
        after = {j: np.array(self.nodes[j].d_out, dtype=float) for j in sources}
        sent = self._contributions(node, upstream, before, after)
        said = [f"{self.names[i]}.backward() starts from its own gradient, d_out = {_full(upstream)}."]
        times = Counter(id(other) for other in predecessors(node))
        for j in sources:
            name = self.names[j] + (", through both arrows," if times[id(self.nodes[j])] == 2 else "")
            said.append(self._arrive(name, j, before[j], sent[j], after[j], first=j not in arrived))
            arrived.add(j)
            self.gradients[j] = self._sum(j, after[j])
            self.arrivals[i, j] = _short(sent[j])
        self._write(title, said, (i, *sources), tuple((i, j) for j in sources))

    def _contributions(self, node, upstream: np.ndarray, before: dict, after: dict) -> dict[int, np.ndarray]:
        """What ``backward`` hands to each input: what it leaves there when it finds zeros."""
        if not any(array.any() for array in before.values()):
            return after
        held = node.d_out
        node.d_out = upstream.copy()
        for j, array in before.items():
            self.nodes[j].d_out = np.zeros(array.shape)
        node.backward()
        sent = {j: np.array(self.nodes[j].d_out, dtype=float) for j in before}
        node.d_out = held
        for j, array in after.items():
            self.nodes[j].d_out = array.copy()
        return sent

    def _arrive(self, name: str, j: int, before: np.ndarray, sent: np.ndarray, after: np.ndarray, first: bool) -> str:
        if _same(after, before + sent):
            self.terms[j].append(_short(sent))
            if not before.any():
                return f"{name} receives {_full(sent)}."
            which = "on top of what it had" if first else "as one more arrival"
            return f"{name} receives {_full(sent)} {which}: {_plus([_full(before), _full(sent)])} = {_full(after)}."
        self.terms[j] = [_short(after)]
        if _same(after, sent):
            return (
                f"{name} receives {_full(sent)}, which replaces the {_full(before)} that was there: "
                "= was written where += belongs."
            )
        return f"{name} held {_full(before)}, was sent {_full(sent)}, and now holds {_full(after)}."

    def _sum(self, j: int, after: np.ndarray) -> str:
        total = _short(after)
        if len(self.terms[j]) < 2:
            return total
        text = f"{_plus(self.terms[j])} = {total}"
        return text if len(text) <= 26 else f"{total} ({len(self.terms[j])} arrivals)"

    def _sources(self, node) -> list[int]:
        return list(dict.fromkeys(self.place[id(other)] for other in predecessors(node)))

    def _write(self, title: str, said: Sequence[str], active: tuple[int, ...], new=()) -> None:
        step = Step(
            title, tuple(said), tuple(self.values), tuple(self.gradients), active, dict(self.arrivals), tuple(new)
        )
        self.steps.append(step)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)


def _number(x) -> str:
    text = f"{float(x):.4g}"
    return "0" if text == "-0" else text.replace("-", "−")


def _short(array) -> str:
    """A number, up to three of them, or the shape: what fits into a box."""
    array = np.asarray(array)
    if array.size == 1:
        return _number(array.item())
    if array.ndim == 1 and array.size <= 3:
        return "[" + ", ".join(map(_number, array)) + "]"
    return "×".join(map(str, array.shape)) + " array" if array.ndim > 1 else f"{array.size} numbers"


def _full(array) -> str:
    """All the numbers while there are at most nine."""
    array = np.asarray(array)
    if array.size > 9 or array.ndim == 0 or array.size == 1:
        return _short(array)
    return "[" + ", ".join(_full(row) if row.ndim else _number(row) for row in array) + "]"


def _plus(texts: Sequence[str]) -> str:
    """``6 + 8``; a negative number after the first is subtracted."""
    return texts[0] + "".join(f" − {text[1:]}" if text.startswith("−") else f" + {text}" for text in texts[1:])


def _and(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]
