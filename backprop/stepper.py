"""Step through a computation graph, forward and backward, node by node, with buttons in the notebook.

    step_through(J)                        J is the last node of a graph whose values are set
    step_through(J, backward_passes=2)     what a second backward pass does when nothing is reset in between
    step_through([("a", "p"), ("b", "p")], values={"a": 3.0, "b": 2.0}, operators={"p": "×"})      a drawn graph

Every share of a gradient is shown as what it is made of: upstream gradient times local derivative. Everything is
computed beforehand by the graph's own ``forward`` and ``backward``; the result is one HTML document that needs no
network, so it works in JupyterLab, in Colab and in an exported page. Without JavaScript it shows the last step, and
where a page removes frames (a notebook that is not trusted, GitHub) the steps stand there as folded text.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path

from .drawing.arrows import checked_edges, sorted_names
from .drawing.drawn import DrawnRecorder, WrittenRecorder, drawn_nodes
from .drawing.page import Page, Step
from .drawing.recording import Recorder
from .files import write_atomically


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
            f"{self._as_text()}"
        )

    def _as_text(self) -> str:
        """All steps, folded, in tags that every page lets through."""
        steps = "".join(
            f"<li><b>{escape(step.title)}</b><br>{'<br>'.join(map(escape, step.sentences))}</li>" for step in self.steps
        )
        return (
            f"<details><summary>The {len(self.steps)} steps as text</summary>"
            f"<p>Where no picture with buttons stands above, run this cell to get one.</p><ol>{steps}</ol></details>"
        )

    def __repr__(self) -> str:
        return "\n".join(f"{step.title}: {' '.join(step.sentences)}" for step in self.steps)

    def save(self, path: str | Path) -> Path:
        """Write the document to a file that any browser opens; return its path."""
        write_atomically(path, self.document.encode())
        return Path(path)


def step_through(
    graph,
    values: Mapping | None = None,
    gradients: Mapping | None = None,
    operators: Mapping | None = None,
    *,
    title: str = "",
    backward_passes: int = 1,
) -> StepThrough:
    """Run a graph forward and backward and return its step-through.

    **A graph of nodes.** `graph` is its last node, one number: any object with the node protocol of
    :mod:`backprop.nodes`, or a ComputationGraphFunction, which stands for its objective. The ``out`` of the value nodes
    must be set. Afterwards the nodes hold what the passes left in them. Each ``backward`` runs some more times on
    zeros, with other upstream gradients, to find the local derivatives; ``d_out`` is put back after that.

    **A drawn graph.** `graph` is a list of arrows, as for :func:`backprop.draw.draw_edges`.

    Parameters
    ----------
    graph : the last node, or (from, to) pairs of names
    values : for a drawn graph: name -> number or array; those of the inputs are enough when all operators are known
    gradients : for a drawn graph: None computes them. Otherwise what somebody wrote down, name -> number or array, and
        (from, to) -> the share of one arrow: these are shown, with the places where they break the chain rule, and
        nothing that is missing is filled in
    operators : for a drawn graph: name -> "+", "−", "×", "÷", "exp", "log", "−log", "square", "root", "copy", "tanh",
        "σ", "ReLU", "sin", "cos", "choose", one with a number such as "×2" or "−1"; or a function of the inputs in the
        order of their arrows; or a pair (text for the box, function)
    title : shown above the picture
    backward_passes : of a graph of nodes: with 2 or more, further backward passes follow with no forward pass (so no
        reset) in between

    Raises ValueError if a value is missing, a ``forward`` is unfinished, an operator is unknown or the graph does not
    end in one number; CycleError and TypeError as :func:`backprop.graph.sort_topological`.
    """
    drawn = isinstance(graph, (list, tuple))
    sink = getattr(graph, "objective", graph)
    recorder = _of_arrows(graph, values, gradients, operators) if drawn else Recorder(sink)
    recorder.forward()
    for number in range(1 if drawn else backward_passes):
        recorder.backward(number)
    fields = ("value ", "grad  ") if drawn else ("out   ", "d_out ")
    title = title or f"Forward and backward through {recorder.names[-1]}"
    page = Page(title, recorder.nodes, recorder.steps, fields)
    return StepThrough(recorder.steps, page.document(), page.height)


def _of_arrows(edges, values: Mapping | None, gradients: Mapping | None, operators: Mapping | None) -> DrawnRecorder:
    edges = checked_edges(edges)
    names = sorted_names(edges)
    ends = [name for name in names if all(start != name for start, _ in edges)]
    if len(ends) != 1:
        raise ValueError(f"A graph to step through has one result; these arrows end in {' and '.join(ends)}.")
    if gradients is None:  # everything after the inputs is computed
        values = {name: (values or {}).get(name) for name in names if all(end != name for _, end in edges)}
    sink = drawn_nodes(names, edges, values or {}, operators or {})[names.index(ends[0])]
    return DrawnRecorder(sink) if gradients is None else WrittenRecorder(sink, gradients)
