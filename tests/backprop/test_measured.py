"""Nodes that measure their derivatives by the complex step."""

import numpy as np
import pytest

from backprop.gradcheck import check_node
from backprop.measured import MeasuredNode, complex_step


class Tanh(MeasuredNode):
    def value(self, a):
        return np.tanh(a)


class Affine(MeasuredNode):
    def value(self, W, x, b):
        return np.einsum("...ij,...j->...i", W, x) + b


class Product(MeasuredNode):
    def value(self, a, b):
        return a * b


def test_the_measured_slope_is_right_to_all_digits():
    x = np.array([0.3, -1.7, 2.5])
    np.testing.assert_allclose(np.diag(complex_step(np.tanh, [x], 0)), 1 / np.cosh(x) ** 2, rtol=2e-15)


def test_each_row_belongs_to_one_entry_of_the_input():
    W = np.array([[1.0, 2.0, 3.0], [5.0, 7.0, 11.0]])
    found = complex_step(lambda W, x: np.einsum("...ij,...j->...i", W, x), [W, np.array([0.5, -1.0, 2.0])], 1)
    np.testing.assert_allclose(found, W.T, rtol=1e-15)


@pytest.mark.parametrize(
    ("node", "inputs"),
    [
        (Tanh, {"a": np.array([0.3, -1.7, 2.5])}),
        (Tanh, {"a": np.array([[0.3, -1.7], [2.5, 0.1], [0.7, -0.2]])}),
        (Affine, {"W": np.arange(6.0).reshape(2, 3) - 2, "x": np.array([0.5, -1.0, 2.0]), "b": np.array([0.1, -3.0])}),
        (Product, {"a": np.array(1.5), "b": np.array(-0.7)}),
    ],
)
def test_a_measured_node_passes_the_check_of_nodes(node, inputs, capsys):
    check_node(node, **inputs)
    assert "ok" in capsys.readouterr().out


def test_a_large_input_is_moved_in_blocks_of_its_entries():
    a, largest = np.random.default_rng(3).normal(size=(90, 40)), 0

    def value(x):
        nonlocal largest
        largest = max(largest, x.size)
        return np.tanh(x).sum(axis=(-2, -1))

    np.testing.assert_allclose(complex_step(value, [a], 0), 1 / np.cosh(a.ravel()) ** 2, rtol=1e-13)
    assert a.size < largest <= 2**18
