"""Run a computation graph forward and backward, and use one as a function of its inputs and parameters.

The graph is given by its last node, the *sink*: every other node is reached through ``get_predecessors``. Nodes are
whatever follows the protocol of :mod:`backprop.nodes`; they need not inherit from ``Node``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


class CycleError(ValueError):
    """The graph has a cycle, so no order exists in which every node comes after the nodes it reads from."""


def describe(node) -> str:
    """``SumNode 'J'``: how a node is called in messages."""
    return f"{type(node).__name__} {getattr(node, 'node_name', '(no name)')!r}"


def predecessors(node) -> list:
    """The predecessors of a node as a list; raises TypeError with a sentence if it is not a node or gives none."""
    if not callable(getattr(node, "get_predecessors", None)):
        raise TypeError(f"Expected a node with a method get_predecessors(), got {type(node).__name__}: {node!r:.60}.")
    found = node.get_predecessors()
    if not isinstance(found, (list, tuple)):
        raise TypeError(
            f"get_predecessors() of {describe(node)} returned {type(found).__name__}: "
            "it should return a list of nodes ([] when there are none)."
        )
    if any(other is None for other in found):
        raise TypeError(f"{describe(node)} has None among its predecessors: was one of its inputs never built?")
    return list(found)


def sort_topological(sink) -> list:
    """The sink and all its ancestors, each once, every node after the nodes it reads from; the sink is last.

    A depth-first search that finishes a node after its predecessors. Takes time linear in nodes + edges and
    uses no recursion, so a chain of any length works.

    Raises
    ------
    CycleError : the graph has a cycle; the message names the nodes on it
    TypeError  : something that is not a node was found
    """
    order: list = []
    finished: set[int] = set()
    path = [sink]  # the nodes from the sink down to where the search is now
    on_path = {id(sink)}
    waiting = [iter(predecessors(sink))]
    while path:
        node = next(waiting[-1], None)
        if node is None:
            done = path.pop()
            waiting.pop()
            on_path.discard(id(done))
            finished.add(id(done))
            order.append(done)
        elif id(node) in on_path:
            start = next(i for i, other in enumerate(path) if other is node)
            # the search walks against the arrows, so the cycle is read backwards
            cycle = [*path[start:], node][::-1]
            names = " -> ".join(str(getattr(n, "node_name", type(n).__name__)) for n in cycle)
            raise CycleError(f"The graph has a cycle: {names}. A node must not depend on its own output.")
        elif id(node) not in finished:
            path.append(node)
            on_path.add(id(node))
            waiting.append(iter(predecessors(node)))
    return order


def forward_graph(graph_output_node, node_list: Sequence | None = None):
    """Run ``forward`` of every node and return ``out`` of the sink.

    Parameters
    ----------
    graph_output_node : the sink
    node_list : the nodes in topological order, as ``sort_topological`` gives them; sorted here when left out

    Raises ValueError if a node's ``forward`` does not set ``out`` or ``d_out``.
    """
    if node_list is None:
        node_list = sort_topological(graph_output_node)
    for node in node_list:
        returned = node.forward()
        if node.out is None or node.d_out is None:
            _explain_incomplete_forward(node, returned)
    return graph_output_node.out


def backward_graph(graph_output_node, node_list: Sequence | None = None) -> None:
    """Set the sink's ``d_out`` to 1 and run ``backward`` of every node, from the sink to the inputs.

    Afterwards ``d_out`` of every node is the derivative of the sink's value with respect to that node's ``out``.
    ``forward_graph`` must have run before, once for each call: it resets ``d_out``.

    Parameters
    ----------
    graph_output_node : the sink; its ``out`` holds one number
    node_list : the nodes in *reverse* topological order, the sink first; sorted here when left out

    Raises ValueError if there was no forward pass, the sink is not one number, or the list is the wrong way round.
    """
    if node_list is None:
        node_list = sort_topological(graph_output_node)[::-1]
    if graph_output_node.out is None:
        raise ValueError(f"{describe(graph_output_node)} has no value yet: run forward_graph before backward_graph.")
    if node_list[0] is not graph_output_node:
        raise ValueError(
            f"backward_graph starts at {describe(graph_output_node)}, but the node list starts with "
            f"{describe(node_list[0])}: give the list in reverse topological order."
        )
    shape = np.shape(graph_output_node.out)
    if np.size(graph_output_node.out) != 1:
        raise ValueError(
            f"{describe(graph_output_node)} has the shape {shape}: gradients are taken of a single number, "
            "so the last node of the graph must be a scalar."
        )
    graph_output_node.d_out = np.ones(shape)
    for node in node_list:
        node.backward()


class ComputationGraphFunction:
    """A graph seen as a function: values by name go in; predictions, the objective and its gradients come out.

    Parameters
    ----------
    inputs : list of value nodes that hold the features of an example
    outcomes : list of value nodes that hold what should be predicted
    parameters : list of value nodes that hold what is learned
    prediction : node whose ``out`` is the prediction; must not depend on the outcomes
    objective : node whose ``out`` is the number to make small

    Attributes
    ----------
    name_to_node : dict from node_name to node, for all the nodes above
    objective_node_list_forward, objective_node_list_backward : the objective and its ancestors, in both orders
    prediction_node_list_forward : the prediction and its ancestors, in topological order

    Raises ValueError if names clash, the graph is unfinished, or a parameter has no influence on the objective;
    CycleError if the graph has a cycle.
    """

    def __init__(self, inputs: Sequence, outcomes: Sequence, parameters: Sequence, prediction, objective):
        self.inputs = list(inputs)
        self.outcomes = list(outcomes)
        self.parameters = list(parameters)
        self.prediction = prediction
        self.objective = objective

        for role, node in (("prediction", prediction), ("objective", objective)):
            if node is None:
                raise ValueError(f"The {role} node is None: build the graph first, then make a function of it.")
        self.name_to_node = self._names()

        self.objective_node_list_forward = sort_topological(objective)
        self.objective_node_list_backward = self.objective_node_list_forward[::-1]
        self.prediction_node_list_forward = sort_topological(prediction)

        reached = {id(node) for node in self.objective_node_list_forward}
        for node in self.parameters:
            if id(node) not in reached:
                raise ValueError(
                    f"The objective {describe(objective)} does not depend on the parameter {node.node_name!r}: "
                    "connect it, or leave it out of the parameters."
                )
        self._values = {node.node_name: node for node in self.inputs + self.outcomes}
        self._parameters = {node.node_name: node for node in self.parameters}
        self._passes = 0

    def set_parameters(self, parameter_values: Mapping[str, np.ndarray]) -> None:
        """Set parameters by name. The arrays are copied, so later changes to yours do not reach the graph.

        Raises ValueError for a name that is not a parameter.
        """
        for name, value in parameter_values.items():
            value = np.array(value)
            # whole numbers would refuse to be moved by a fraction
            self._parameter(name).out = value if value.dtype.kind in "fc" else value.astype(float)

    def increment_parameters(self, parameter_steps: Mapping[str, np.ndarray]) -> None:
        """Add a step to each named parameter.

        Raises ValueError for a name that is not a parameter, a parameter without a value, or a step of another shape.
        """
        for name, step in parameter_steps.items():
            node = self._parameter(name)
            if node.out is None:
                raise ValueError(f"The parameter {name!r} has no value yet: call set_parameters first.")
            # A new array, so that values read before (a snapshot of the best parameters, say) stay what they were.
            node.out = node.out + _in_shape(step, node.out.shape, f"The step for the parameter {name!r}")

    def get_objective(self, input_values: Mapping, outcome_values: Mapping):
        """The value of the objective for these inputs and outcomes, given by name."""
        self._set_values(input_values)
        self._set_values(outcome_values)
        return forward_graph(self.objective, self.objective_node_list_forward)

    def get_gradients(self, input_values: Mapping, outcome_values: Mapping) -> tuple:
        """``(objective, {parameter name: gradient})``.

        Each gradient has the shape of its parameter and is a copy: you may change it.
        """
        objective = self.get_objective(input_values, outcome_values)
        if self._passes < 2:  # a forward() that does not reset d_out shows in the second pass at the latest
            self._passes += 1
            _require_reset(self.objective_node_list_forward)
        backward_graph(self.objective, self.objective_node_list_backward)
        return objective, {
            node.node_name: _in_shape(node.d_out, node.out.shape, f"d_out of {node.node_name!r}").copy()
            for node in self.parameters
        }

    def get_prediction(self, input_values: Mapping) -> np.ndarray:
        """The prediction for these inputs, given by name: a copy of ``out`` of the prediction node."""
        self._set_values(input_values)
        return np.array(forward_graph(self.prediction, self.prediction_node_list_forward))

    def _names(self) -> dict:
        names = {}
        for node in [*self.inputs, *self.outcomes, *self.parameters, self.prediction, self.objective]:
            known = names.setdefault(node.node_name, node)
            if known is not node:
                raise ValueError(
                    f"Two nodes are called {node.node_name!r} ({describe(known)} and {describe(node)}): "
                    "give each node a name of its own."
                )
        return names

    def _parameter(self, name: str):
        try:
            return self._parameters[name]
        except KeyError:
            raise ValueError(_unknown("parameter", name, self._parameters)) from None

    def _set_values(self, values: Mapping) -> None:
        for name, value in values.items():
            try:
                node = self._values[name]
            except KeyError:
                raise ValueError(_unknown("input or outcome", name, self._values)) from None
            node.out = np.asarray(value)


def _in_shape(array, shape: tuple, what: str) -> np.ndarray:
    """``array`` in this shape if it has as many entries (a scalar's gradient may come as shape (1,))."""
    array = np.asarray(array)
    if array.shape == shape:
        return array
    if array.size == 1 and shape in ((), (1,)):
        return array.reshape(shape)
    raise ValueError(f"{what} has the shape {array.shape}, expected {shape}.")


def _unknown(kind: str, name: str, known: Mapping) -> str:
    return f"This graph has no {kind} called {name!r}; there is {', '.join(map(repr, known)) or 'none'}."


def _explain_incomplete_forward(node, returned) -> None:
    if node.out is None:
        what = "returned a value but did not store it" if returned is not None else "did not set out"
        raise ValueError(f"forward() of {describe(node)} {what}: it should end with self.out set, and return self.out.")
    raise ValueError(
        f"forward() of {describe(node)} did not set d_out: reset it with self.d_out = np.zeros(self.out.shape)."
    )


def _require_reset(nodes: Sequence) -> None:
    for node in nodes:
        if np.any(node.d_out):
            raise ValueError(
                f"forward() of {describe(node)} left d_out as it was after the pass before: "
                "reset it with self.d_out = np.zeros(self.out.shape), or gradients pile up from pass to pass."
            )
