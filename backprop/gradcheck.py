"""Check gradients: against finite differences, against known values, one line per variable, mistakes named.

    check_node(SumNode, a=np.array(2.0), b=np.array(3.0))               one node of a computation graph
    check_function(f1, 1.0, 2.0, 3.0)                                   a function that returns (value, gradients)
    check_graph(graph, {"x": x}, {"y": y}, {"w": w, "b": b})            a whole ComputationGraphFunction
    check_values("loss", lambda: {"at 0": loss(0.0)}, {"at 0": 0.7})    numbers that are known

Each prints its report and returns None, or raises CheckFailed with the report as its message. Notebooks import all of
it from here; the code is in backprop.checking.

The right derivative is estimated with its own uncertainty (see backprop.checking.finite_differences), which is added
to the tolerance, so that right code passes whatever the scale of its inputs.
"""

from __future__ import annotations

from .checking.comparison import CheckFailed, Comparison, compare, report
from .checking.edge_checks import check_edges, check_inputs_matter
from .checking.finite_differences import numeric_backward, numeric_gradient
from .checking.function_checks import check_function, check_values
from .checking.node_checks import check_graph, check_node
from .checking.order_checks import check_order, check_start

__all__ = [
    "CheckFailed",
    "Comparison",
    "check_function",
    "check_graph",
    "check_node",
    "check_order",
    "check_start",
    "check_values",
    "check_edges",
    "check_inputs_matter",
    "compare",
    "numeric_backward",
    "numeric_gradient",
    "report",
]
