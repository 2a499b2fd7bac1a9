"""Draw a computation graph: boxes from left to right, values above the arrows, gradients below them.

* :func:`draw_graph` draws nodes, with what they hold now
* :func:`draw_edges` draws a graph that is given as a list of arrows, for functions written without nodes
* :func:`layout` says where the boxes go
"""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from .drawing.arrows import checked_edges, sorted_names
from .drawing.figure import Picture, paint
from .drawing.layered import layered
from .graph import predecessors, sort_topological
from .nodes import Node


def layout(sink) -> dict[int, tuple[float, float]]:
    """``id(node)`` -> (x, y) for the sink and its ancestors.

    x is the column, counted from 0 at the left; y points upwards and is at least 1 apart within a column. The
    sink may be a :class:`~backprop.graph.ComputationGraphFunction`, which stands for its objective.
    """
    nodes = sort_topological(_sink(sink))
    edges = [(id(p), id(node)) for node in nodes for p in predecessors(node)]
    places = layered([id(node) for node in nodes], edges)
    return {id(node): (float(places.column[id(node)]), places.height[id(node)]) for node in nodes}


def draw_graph(sink, ax=None, digits: int = 4, entries: int = 4):
    """Draw the graph that ends in this node, with the values and gradients its nodes hold now.

    Before a forward pass there are boxes only; gradients show after a backward pass. Large arrays are shown by their
    shape. Where several arrows leave a node, each shows the gradient that arrives along it and
    the total stands under the node.

    Parameters
    ----------
    sink : a node, or a ComputationGraphFunction, whose objective is drawn; any class with the node protocol will do
    ax : matplotlib axes to draw in; None makes a figure of the right size
    digits : how many significant digits numbers have
    entries : arrays of up to that many entries are written out, matrices with a line for each row

    Returns the matplotlib axes. Raises CycleError or TypeError for something that is not a graph of nodes.
    """
    nodes = sort_topological(_sink(sink))
    picture = Picture({id(node): (_name(node), _operation(node)) for node in nodes}, [])
    picture.edges = [(id(p), id(node)) for node in nodes for p in predecessors(node)]
    ran_backward = _is_set(nodes[-1], "d_out") and np.any(np.asarray(nodes[-1].d_out) != 0)
    for node in nodes:
        if _is_set(node, "out"):
            picture.values[id(node)] = number_text(node.out, digits, entries)
        if ran_backward and _is_set(node, "d_out"):
            picture.gradients[id(node)] = number_text(node.d_out, digits, entries)
    if ran_backward:
        for edge, gradient in _arriving(nodes, picture.edges).items():
            picture.gradients[edge] = number_text(gradient, digits, entries)
    return paint(picture, ax)


def draw_edges(
    edges: Sequence[tuple],
    values: Mapping | None = None,
    gradients: Mapping | None = None,
    operators: Mapping | None = None,
    ax=None,
    digits: int = 4,
    entries: int = 4,
):
    """Draw a graph given by its arrows, for example ``[("a", "sum"), ("b", "sum")]``.

    Parameters
    ----------
    edges : (from, to) pairs of names
    values : name -> number or array, shown above the arrows that leave the name
    gradients : name -> number or array, shown below; where several arrows leave a name, this total stands under the
        box, and a pair (from, to) as the key gives the part of one arrow
    operators : name -> text, such as "+", shown in the box
    ax : matplotlib axes to draw in; None makes a figure of the right size
    digits : how many significant digits numbers have
    entries : arrays of up to that many entries are written out, matrices with a line for each row

    Names that no arrow mentions are left out. Returns the matplotlib axes.
    Raises ValueError if an edge is not a pair of names or there is none, CycleError if the arrows run in a circle.
    """
    edges = checked_edges(edges)
    names = sorted_names(edges)
    operators = operators or {}
    return paint(
        Picture(
            {name: (str(name), str(operators.get(name, ""))) for name in names},
            edges,
            {name: number_text(value, digits, entries) for name, value in (values or {}).items()},
            {name: number_text(value, digits, entries) for name, value in (gradients or {}).items()},
        ),
        ax,
    )


def number_text(value, digits: int = 4, entries: int = 4) -> str:
    """A number or an array in few letters, "" for None: up to so many entries, the shape of anything larger.

    A matrix has a line for each row if it has more than four entries.
    """
    if value is None:
        return ""
    try:
        array = np.asarray(value)
    except ValueError:  # a ragged list
        return str(value)[:20]
    if array.dtype.kind not in "biuf":
        return str(value)[:20]
    if array.size > entries or array.size == 0:
        return f"shape {array.shape}"
    if array.ndim == 2 and array.size > 4:
        return "\n".join(_entries(row, digits) for row in array.tolist())
    text = _entries(array.tolist(), digits)
    return text[1:-1] if array.shape == (1,) else text


def _entries(value, digits: int) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_entries(entry, digits) for entry in value) + "]"
    text = f"{float(value):.{digits}g}"
    return "0" if text == "-0" else text.replace("-", "−")


def _sink(graph):
    return getattr(graph, "objective", graph)


def _name(node) -> str:
    return str(getattr(node, "node_name", type(node).__name__))


def _operation(node) -> str:
    """The name of the class, without "Node", for nodes that compute something."""
    if not predecessors(node) or "forward" not in _methods(type(node)):
        return ""
    return type(node).__name__.removesuffix("Node") or "Node"


def _methods(cls: type) -> set[str]:
    """What a class and its ancestors define, apart from the framework's own base class and ``object``."""
    return {name for parent in cls.__mro__ if parent not in (Node, object) for name in vars(parent)}


def _is_set(node, attribute: str) -> bool:
    return getattr(node, attribute, None) is not None


def _arriving(nodes: list, edges: list[tuple]) -> dict[tuple, np.ndarray]:
    """For each node that several others use: the gradient that each of them sends, found by asking it alone.

    A user's ``backward`` is run with the ``d_out`` of its inputs at zero, then everything is put back.
    """
    users = Counter(start for start, _ in set(edges))
    found = {}
    for node in nodes:
        inputs = list({id(p): p for p in predecessors(node)}.values())
        if not any(users[id(p)] > 1 for p in inputs) or not all(_is_set(p, "d_out") for p in [node, *inputs]):
            continue
        kept, own, own_copy = [p.d_out for p in inputs], node.d_out, np.array(node.d_out)
        try:
            for p in inputs:
                p.d_out = np.zeros(np.shape(p.d_out))
            with contextlib.redirect_stdout(io.StringIO()):
                node.backward()
            found.update({(id(p), id(node)): p.d_out for p in inputs if users[id(p)] > 1})
        except Exception:  # a student's unfinished backward: the drawing shows the totals alone
            pass
        finally:
            for p, d_out in zip(inputs, kept, strict=True):
                p.d_out = d_out
            node.d_out = own
            if isinstance(own, np.ndarray):
                own[...] = own_copy
    return found
