"""Topological order, forward and backward passes, and a graph used as a function."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop.graph import ComputationGraphFunction, CycleError, backward_graph, forward_graph, sort_topological
from backprop.nodes import SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode


class Duck:
    """A node that inherits nothing: the weighted sum of its inputs, with the sine of the result."""

    def __init__(self, inputs, node_name):
        self.inputs, self.node_name = inputs, node_name
        self.weights = [0.3 + 0.1 * i for i in range(len(inputs))]
        self.out = self.d_out = None

    def forward(self):
        self.total = sum(w * i.out for w, i in zip(self.weights, self.inputs, strict=True))
        self.out = np.sin(self.total)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        for w, node in zip(self.weights, self.inputs, strict=True):
            node.d_out = node.d_out + self.d_out * np.cos(self.total) * w

    def get_predecessors(self):
        return tuple(self.inputs)


def value(name, number):
    node = ValueNode(name)
    node.out = np.array(number)
    return node


def linear_model():
    x, y, w, b = (ValueNode(name) for name in "xywb")
    prediction = VectorScalarAffineNode(x, w, b, "prediction")
    return ComputationGraphFunction([x], [y], [w, b], prediction, SquaredL2DistanceNode(prediction, y, "objective"))


@st.composite
def dags(draw):
    """The nodes of a random graph in topological order; the last one need not reach all of them."""
    nodes = [value(f"v{i}", draw(st.floats(-1, 1))) for i in range(draw(st.integers(1, 4)))]
    for i in range(draw(st.integers(1, 8))):
        places = draw(st.lists(st.integers(0, len(nodes) - 1), min_size=1, max_size=3))  # repeats are welcome
        nodes.append(Duck([nodes[p] for p in places], f"n{i}"))
    return nodes


@settings(max_examples=60, deadline=None, derandomize=True)
@given(dags())
def test_every_ancestor_comes_once_and_after_what_it_reads(nodes):
    order = sort_topological(nodes[-1])
    place = {id(node): i for i, node in enumerate(order)}
    assert order[-1] is nodes[-1]
    assert len(place) == len(order)
    assert all(place[id(p)] < place[id(node)] for node in order for p in node.get_predecessors())


@settings(max_examples=60, deadline=None, derandomize=True)
@given(dags())
def test_gradients_agree_with_finite_differences_on_any_graph(nodes):
    sink = nodes[-1]
    for _ in range(2):  # the second pass would show what the first left behind
        forward_graph(sink)
        backward_graph(sink)
    order, h = sort_topological(sink), 1e-5
    found = {id(node): float(node.d_out) for node in order}
    for node in (n for n in order if isinstance(n, ValueNode)):
        middle = node.out
        node.out = middle + h
        above = forward_graph(sink)
        node.out = middle - h
        below = forward_graph(sink)
        node.out = middle
        assert found[id(node)] == pytest.approx((above - below) / (2 * h), abs=1e-8)


def test_a_chain_of_20000_nodes_is_sorted_without_recursion():
    node = value("x", 0.5)
    for i in range(20000):
        node = Duck([node], f"n{i}")
    assert len(sort_topological(node)) == 20001


def test_a_cycle_is_reported_with_the_names_on_it_in_the_direction_of_the_arrows():
    x = value("x", 1.0)
    a, outside = Duck([x], "a"), Duck([x], "outside")
    b = Duck([a, outside], "b")
    c = Duck([b], "c")
    a.inputs = [x, c]
    with pytest.raises(CycleError) as error:
        sort_topological(Duck([c], "sink"))
    message = str(error.value)
    assert "outside" not in message and "sink" not in message
    assert any(" -> ".join(cycle) in message for cycle in ("abca", "bcab", "cabc"))


def test_a_node_that_reads_itself_is_a_cycle():
    a = Duck([], "a")
    a.inputs = [a]
    with pytest.raises(CycleError, match="a -> a"):
        sort_topological(a)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [(None, "returned NoneType"), ("ab", "returned str"), ([None], "None among its predecessors"), ([3], "got int")],
)
def test_what_is_not_a_list_of_nodes_is_named(returned, sentence):
    node = Duck([], "odd")
    node.get_predecessors = lambda: returned
    with pytest.raises(TypeError, match=sentence):
        sort_topological(node)


def test_a_forward_that_forgets_out_or_d_out_is_named():
    x = value("x", 1.0)
    no_out, no_d_out = Duck([x], "no out"), Duck([x], "no d_out")
    no_out.forward = lambda: 3.0
    with pytest.raises(ValueError, match="Duck 'no out' returned a value but did not store it"):
        forward_graph(no_out)
    no_out.forward = lambda: None
    with pytest.raises(ValueError, match="did not set out"):
        forward_graph(no_out)

    def forward():
        no_d_out.out = np.array(1.0)
        return no_d_out.out

    no_d_out.forward = forward
    with pytest.raises(ValueError, match="Duck 'no d_out' did not set d_out"):
        forward_graph(no_d_out)


def test_backward_wants_a_number_a_forward_pass_and_the_right_order():
    x = ValueNode("x")
    with pytest.raises(ValueError, match="run forward_graph"):
        backward_graph(x)
    x.out = np.ones(3)
    forward_graph(x)
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        backward_graph(x)
    y = Duck([value("a", 1.0)], "y")
    forward_graph(y)
    with pytest.raises(ValueError, match="reverse topological order"):
        backward_graph(y, sort_topological(y))


def test_gradients_by_name_are_right_and_the_callers_to_change():
    graph = linear_model()
    graph.set_parameters({"w": [1.0, 2.0], "b": 3})
    x, y = np.array([0.5, -1.0]), np.array(2.0)
    objective, gradients = graph.get_gradients({"x": x}, {"y": y})
    assert objective == pytest.approx((0.5 - 2 + 3 - 2) ** 2)
    np.testing.assert_allclose(gradients["w"], 2 * -0.5 * x)
    np.testing.assert_allclose(gradients["b"], -1.0)
    gradients["w"][:] = 99
    np.testing.assert_allclose(graph.name_to_node["w"].d_out, -x)
    assert graph.get_prediction({"x": x}) == pytest.approx(1.5)
    assert graph.get_objective({"x": x}, {"y": y}) == pytest.approx(0.25)


def test_parameters_neither_share_memory_with_what_was_set_nor_change_under_a_snapshot():
    graph = linear_model()
    mine = np.array([1.0, 2.0])
    graph.set_parameters({"w": mine, "b": 0})
    snapshot = graph.name_to_node["w"].out
    graph.increment_parameters({"w": np.array([1.0, 1.0]), "b": np.array([0.5])})
    np.testing.assert_array_equal(mine, [1, 2])
    np.testing.assert_array_equal(snapshot, [1, 2])
    np.testing.assert_array_equal(graph.name_to_node["w"].out, [2, 3])
    assert graph.name_to_node["b"].out.shape == () and graph.name_to_node["b"].out == 0.5


def test_the_lists_and_names_of_the_original_are_there():
    graph = linear_model()
    assert graph.objective_node_list_forward[::-1] == graph.objective_node_list_backward
    assert graph.objective_node_list_forward[-1] is graph.objective
    assert graph.prediction_node_list_forward[-1] is graph.prediction
    assert graph.outcomes[0] not in graph.prediction_node_list_forward
    assert set(graph.name_to_node) == {"x", "y", "w", "b", "prediction", "objective"}


def test_wrong_names_are_answered_with_the_right_ones():
    graph = linear_model()
    for call in (graph.set_parameters, graph.increment_parameters):
        with pytest.raises(ValueError, match="no parameter called 'W'; there is 'w', 'b'"):
            call({"W": np.zeros(2)})
    with pytest.raises(ValueError, match="no input or outcome called 'z'; there is 'x', 'y'"):
        graph.get_prediction({"z": 1.0})
    with pytest.raises(ValueError, match="'x' has no value"):
        graph.get_prediction({})
    with pytest.raises(ValueError, match="set_parameters first"):
        graph.increment_parameters({"w": np.zeros(2)})
    graph.set_parameters({"w": np.zeros(2)})
    with pytest.raises(ValueError, match=r"shape \(3,\), expected \(2,\)"):
        graph.increment_parameters({"w": np.zeros(3)})


def test_an_unfinished_graph_is_refused_with_its_reason():
    x, y, w, b, unused = (ValueNode(name) for name in ("x", "y", "w", "b", "unused"))
    prediction = VectorScalarAffineNode(x, w, b, "prediction")
    objective = SquaredL2DistanceNode(prediction, y, "objective")
    with pytest.raises(ValueError, match="objective node is None"):
        ComputationGraphFunction([x], [y], [w, b], prediction, None)
    with pytest.raises(ValueError, match="does not depend on the parameter 'unused'"):
        ComputationGraphFunction([x], [y], [w, b, unused], prediction, objective)
    with pytest.raises(ValueError, match="Two nodes are called 'w'"):
        ComputationGraphFunction([x], [y], [w, ValueNode("w")], prediction, objective)


def test_a_forward_that_keeps_old_gradients_is_found_in_the_second_pass():
    x, y, w, b = (ValueNode(name) for name in "xywb")
    prediction = VectorScalarAffineNode(x, w, b, "prediction")
    objective = Duck([SquaredL2DistanceNode(prediction, y, "loss")], "J")
    loss = objective.inputs[0]

    def forward():
        loss.out = (prediction.out - y.out) ** 2
        loss.difference = prediction.out - y.out
        if loss.d_out is None:
            loss.d_out = np.zeros(())
        return loss.out

    loss.forward = forward
    graph = ComputationGraphFunction([x], [y], [w, b], prediction, objective)
    graph.set_parameters({"w": np.ones(2), "b": 1.0})
    graph.get_gradients({"x": np.ones(2)}, {"y": 0.0})
    with pytest.raises(ValueError, match="SquaredL2DistanceNode 'loss' left d_out"):
        graph.get_gradients({"x": np.ones(2)}, {"y": 0.0})


def test_a_scalar_gradient_of_shape_1_comes_out_with_the_parameters_shape():
    b, y = ValueNode("b"), ValueNode("y")
    square = Duck([b, y], "J")

    def backward():
        b.d_out = b.d_out + np.array([2.0])
        y.d_out = y.d_out + np.array([2.0])

    square.backward = backward
    graph = ComputationGraphFunction([], [y], [b], b, square)
    graph.set_parameters({"b": 1.0})
    _, gradients = graph.get_gradients({}, {"y": 0.0})
    assert gradients["b"].shape == () and gradients["b"] == 2.0
