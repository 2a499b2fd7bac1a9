"""Check an engine of the student's own (section 11): numbers that remember what they were computed from.

    check_number(Number)                        + and ·, and one step back
    check_order(topological_order)              the order of a graph's nodes
    check_backpropagate(backpropagate, Number)  all gradients of a formula
    check_operators(Number)                     the rest of arithmetic, operator by operator
    check_score(SmallNet, Number)               the score of a small net
    check_step(training_step, Number)           one step of gradient descent

Each prints its report and returns None, or raises CheckFailed with the report as its message. Notebooks import all of
it from here; the code is here and in backprop.checking.number_checks, operator_checks and small_net_checks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .checking.comparison import CheckFailed, Comparison, compare, conclude, describe, stop_if_wrong
from .checking.number_checks import YOURS, check_number, made, operated
from .checking.operator_checks import check_operators
from .checking.small_net_checks import check_score, check_step
from .checking.student_code import student_code
from .graph import sort_topological

__all__ = ["check_backpropagate", "check_number", "check_operators", "check_order", "check_score", "check_step"]

# -- order ----------------------------------------------------------------------------------------------------------


class _Named:
    """A node with a name and predecessors, and nothing else; `label` is how it is called in messages."""

    def __init__(self, label: str, node_name: str):
        self.label, self.node_name = label, node_name
        self.before: list[_Named] = []

    def get_predecessors(self) -> list[_Named]:
        return list(self.before)


_LADDER = [(f"x{i}", f"x{i + 1}") for i in range(12) for _ in range(2)]
_V = "v = x · x, u = v · v, J = u · v"
_GRAPHS = {
    "a single node": ([], "J"),
    "a chain of three": ([("x", "p"), ("p", "J")], "J"),
    _V: ([("x", "v"), ("x", "v"), ("v", "u"), ("v", "u"), ("u", "J"), ("v", "J")], "J"),
    "the same, with v in front: J = v · u": ([("x", "v"), ("v", "u"), ("v", "J"), ("u", "J")], "J"),
    "one number in a long and a short path": ([("x", "J"), ("x", "p"), ("p", "q"), ("q", "r"), ("r", "J")], "J"),
    "12 doublings": (_LADDER, "x12"),
}


def check_order(topological_order: Callable[[Any], Any]) -> None:
    """Check a function that returns the nodes of a graph in topological order; print the report.

    Raises CheckFailed with the report when something is wrong.
    """
    for title, (edges, sink) in _GRAPHS.items():
        nodes = _graph(edges, sink)
        for _ in range(2):
            require_order(topological_order, nodes, sink, title)
    for _ in range(2):
        require_order(topological_order, _graph(*_GRAPHS[_V], named=False), _GRAPHS[_V][1], "nodes without names")
    alike = _graph(*_GRAPHS[_V])
    for node in alike.values():
        node.node_name, node.out = "p", 1.0
    require_order(topological_order, alike, "J", "nodes with the same name and the same value")
    nodes = _graph([("x", "p"), ("p", "J"), ("p", "K"), ("y", "K")], "J")
    for sink in ("J", "K", "J"):
        require_order(topological_order, nodes, sink, f"two graphs with p and x in common, asked for {sink}")
    wide = [edge for i in range(60) for edge in (("x", f"p{i}"), (f"p{i}", "J"))]
    require_order(topological_order, _graph(wide, "J"), "J", "a sum of 60 products")
    for title in (*_GRAPHS, "two graphs with nodes in common"):
        print(f"topological_order   ok   {title}")


def _graph(edges: Sequence[tuple[str, str]], sink: str, named: bool = True) -> dict[str, _Named]:
    labels = dict.fromkeys([*(end for edge in edges for end in edge), sink])
    nodes = {label: _Named(label, label if named else "") for label in labels}
    for start, end in edges:
        nodes[end].before.append(nodes[start])
    return nodes


def require_order(function: Callable[[Any], Any], nodes: Mapping[str, Any], sink: str, title: str) -> None:
    """Raise CheckFailed when the function's answer for the sink is no topological order of what it depends on."""
    with student_code(f"topological_order ({title})"):
        got = function(nodes[sink])
    if not isinstance(got, list | tuple):
        came = describe(got).replace("of type", "something of type")
        raise CheckFailed(f"topological_order returned {came}: it should return a list of nodes ({title}).")
    wanted = {id(node): node.label for node in sort_topological(nodes[sink])}
    places: dict[str, list[int]] = {name: [] for name in wanted.values()}
    for i, node in enumerate(got):
        if id(node) not in wanted:
            what = "a node of another graph: is it left over from an earlier call?"
            what = what if isinstance(node, _Named) else describe(node).replace("of type", "something of type")
            raise CheckFailed(f"The list has something in it that {sink} does not depend on, {what} ({title})")
        places[wanted[id(node)]].append(i)
    found = f"   The list: {', '.join(wanted[id(node)] for node in got) or 'empty'}   ({title})"
    for name, where in places.items():
        if len(where) != 1:
            times = f"stands in the list {len(where)} times" if where else "is not in the list"
            raise CheckFailed(f"{name} {times}: each node that {sink} depends on stands there once.\n{found}")
    if len(got) > 1 and got[0] is nodes[sink]:
        raise CheckFailed(f"{sink} comes first: the list is the other way round, from the inputs to {sink}.\n{found}")
    for node in got:
        late = [p.label for p in node.get_predecessors() if places[p.label] > places[node.label]]
        if late:
            raise CheckFailed(f"{node.label} stands before {late[0]}, which it is computed from.\n{found}")


# -- all gradients ----------------------------------------------------------------------------------------------------


def check_backpropagate(backpropagate: Callable[[Any], Any], Number: Callable[..., Any]) -> None:
    """Check a function that sets d_out of every number of a formula; print the report.

    Raises CheckFailed with the report when something is wrong.
    """
    w, x, b = (made(Number, value) for value in (3.0, -0.4, 1.5))
    p = operated("w · x", lambda: w * x)
    s = operated("p + b", lambda: p + b)
    J = operated("s · w", lambda: s * w)
    other = operated("x · w", lambda: x * w)
    y = made(Number, 1.1)
    v = operated("x · x", lambda: y * y)
    u = operated("v · v", lambda: v * v)
    sixth = {name: operated(name, f) for name, f in (("u · v", lambda: u * v), ("v · u", lambda: v * u))}

    def gradients(formula: Any, **numbers: Any) -> dict[str, Any]:
        with student_code("backpropagate"):
            backpropagate(formula)
        return {name: number.d_out for name, number in numbers.items()}

    order = "wrong_argument:a number ran backward() before all that it waits for had arrived"
    first = {"w": -0.9, "x": 9.0, "b": 3.0, "p": 3.0, "s": 3.0, "J": 1.0}
    hints = {"w": {order: [0.3, -1.2], "missing_term:the way through p": 0.3, "missing_term:the direct way": -1.2}}
    for name, right in first.items():
        hints.setdefault(name, {})["wrong_argument:J starts with its value, where 1 belongs"] = 0.9 * right
    lines = _lines(gradients(J, w=w, x=x, b=b, p=p, s=s, J=J), first, hints)
    title = "J = (w · x + b) · w at w = 3, x = −0.4, b = 1.5"
    stop_if_wrong([(title, lines)])
    hints = {"w": {_LEFT: [-1.3, 0.5]}, "x": {_LEFT: [12.0, 6.0]}}
    again = _lines(gradients(other, w=w, x=x), {"w": -0.4, "x": 3.0}, hints)
    stop_if_wrong([("then K = x · w, with the same w and x", again)])
    stop_if_wrong([("then J once more", _lines(gradients(J, w=w, x=x, b=b, p=p, s=s, J=J), first, {}))])
    for name, formula in sixth.items():
        late = "missing_term:what arrives at v through u, because v ran backward() before u"
        hints = {"x": {late: 2 * 1.1**5}}
        lines_of_sixth = _lines(gradients(formula, x=y, v=v), {"x": 6 * 1.1**5, "v": 3 * 1.1**4}, hints)
        stop_if_wrong([(f"v = x · x, u = v · v, J = {name} at x = 1.1", lines_of_sixth)])
    if [w.out, x.out, b.out] != [3.0, -0.4, 1.5]:
        raise CheckFailed("backpropagate changed the value of a number: it sets d_out only.")
    conclude([(title, lines)])
    print("   also right: a second formula with the same numbers, a second call, x⁶")


_LEFT = "stale:d_out was not set to 0 at the beginning"


def _lines(got: Mapping[str, Any], right: Mapping[str, float], hints: Mapping[str, Any]) -> list[Comparison]:
    return [compare(f"∂J/∂{k}", got[k], right[k], candidates=hints.get(k), atol=1e-12, labels=YOURS) for k in right]
