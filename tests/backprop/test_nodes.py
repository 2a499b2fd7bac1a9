"""The nodes that come with the course."""

import numpy as np
import pytest

import backprop.nodes
from backprop.graph import backward_graph, forward_graph
from backprop.nodes import Node, SquaredL2DistanceNode, ValueNode, VectorScalarAffineNode

rng = np.random.default_rng(7)


def value(name, array):
    node = ValueNode(name)
    node.out = np.array(array)
    node.forward()
    return node


def assert_adds_its_gradients(node, inputs, upstream=0.7, h=1e-6):
    """backward() adds ``upstream`` times the derivative to whatever is in d_out, in every pass, and spoils nothing."""
    for _ in range(2):
        node.forward()
        node.d_out = np.array(upstream)
        for i in inputs:
            i.d_out = np.full(i.out.shape, 5.0)
        before = [i.out.copy() for i in inputs]
        node.backward()
        found = [i.d_out - 5.0 for i in inputs]
        assert all(np.array_equal(i.out, old) for i, old in zip(inputs, before, strict=True))
        assert node.d_out == upstream
    for i, gradient in zip(inputs, found, strict=True):
        numeric = np.zeros(i.out.shape)
        for index in np.ndindex(i.out.shape):
            middle = i.out
            step = np.zeros(i.out.shape)
            step[index] = h
            i.out = middle + step
            above = node.forward()
            i.out = middle - step
            below = node.forward()
            i.out = middle
            numeric[index] = upstream * (above - below) / (2 * h)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-6, atol=1e-8)


def test_vector_scalar_affine():
    x, w, b = value("x", rng.normal(size=4)), value("w", rng.normal(size=4)), value("b", 0.3)
    node = VectorScalarAffineNode(x, w, b, "a")
    assert node.forward() == pytest.approx(sum(p * q for p, q in zip(x.out, w.out, strict=True)) + 0.3)
    assert node.out.shape == () and node.d_out == 0 and node.get_predecessors() == [x, w, b]
    assert_adds_its_gradients(node, [x, w, b])


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 2)])
def test_squared_distance_of_any_shape(shape):
    a, b = value("a", rng.normal(size=shape)), value("b", rng.normal(size=shape))
    node = SquaredL2DistanceNode(a, b, "d")
    assert node.forward() == pytest.approx(((a.out - b.out) ** 2).sum())
    assert node.out.shape == () and node.get_predecessors() == [a, b]
    assert_adds_its_gradients(node, [a, b])


def test_a_prediction_of_shape_1_may_be_compared_with_a_number():
    a, b = value("a", [2.0]), value("b", 5.0)
    node = SquaredL2DistanceNode(a, b, "d")
    assert forward_graph(node) == 9.0
    backward_graph(node)
    np.testing.assert_array_equal(a.d_out, [-6.0])
    assert b.d_out.shape == () and b.d_out == 6.0


def test_a_column_is_not_compared_with_a_row_by_broadcasting():
    node = SquaredL2DistanceNode(value("a", np.ones((3, 1))), value("b", np.ones(3)), "loss")
    with pytest.raises(ValueError, match=r"'loss' compares arrays of one shape, but got \(3, 1\) and \(3,\)"):
        node.forward()


def test_one_node_used_for_both_inputs_gets_both_gradients():
    a = value("a", [1.0, 2.0])
    x = VectorScalarAffineNode(a, a, value("b", 0.0), "a·a")
    forward_graph(x)
    backward_graph(x)
    np.testing.assert_allclose(a.d_out, [2.0, 4.0])


def test_an_upstream_gradient_of_shape_1_is_taken_for_the_number_it_is():
    x, w, b = value("x", [1.0, 2.0]), value("w", [3.0, 4.0]), value("b", 0.0)
    affine = VectorScalarAffineNode(x, w, b, "a")
    distance = SquaredL2DistanceNode(affine, value("y", 1.0), "d")
    forward_graph(distance)
    distance.d_out = np.array([1.0])
    distance.backward()
    assert affine.d_out == 20.0
    affine.d_out = np.array([20.0])
    affine.backward()
    assert b.d_out == 20.0
    np.testing.assert_allclose(w.d_out, [20.0, 40.0])


def test_a_value_resets_its_gradient_and_asks_for_its_value():
    node = value("w", [1.0, 2.0])
    node.d_out += 3
    node.forward()
    np.testing.assert_array_equal(node.d_out, [0, 0])
    labels = value("y", [1, 2])
    assert labels.out.dtype.kind == "i" and labels.d_out.dtype == float
    with pytest.raises(ValueError, match="ValueNode 'x' has no value"):
        ValueNode("x").forward()


def test_a_node_without_its_methods_says_which_one_is_missing():
    class Half(Node):
        pass

    for method in ("forward", "backward", "get_predecessors"):
        with pytest.raises(NotImplementedError, match=rf"Half 'h' has no {method}\(\)"):
            getattr(Half("h"), method)()


def test_the_nodes_that_students_write_are_not_here():
    given = {name for name in vars(backprop.nodes) if name.endswith("Node")}
    assert given == {"Node", "ValueNode", "VectorScalarAffineNode", "SquaredL2DistanceNode"}
