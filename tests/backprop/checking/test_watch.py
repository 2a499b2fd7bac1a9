"""What a check lends to the student's code comes back as it was, or the check says what was changed."""

from __future__ import annotations

import numpy as np
import pytest

from backprop.gradcheck import CheckFailed, check_node, check_values
from backprop.nodes import Node

SIZES = [8, 10, 3]


def test_a_change_of_an_array_is_named_and_taken_back():
    W, kept = np.arange(6.0).reshape(2, 3), {"h": np.ones(3), "deep": {"r": np.zeros(2)}}

    def answer():
        W[0] += 1
        kept["deep"]["r"] -= 1
        return {"v": 1.0}

    with pytest.raises(CheckFailed, match=r"v: your code changed W, kept\['deep'\]\['r'\] in place") as failed:
        check_values("v", answer, {"v": 1.0})
    assert failed.value.families == ("in_place",)
    assert W[0].tolist() == [0, 1, 2] and not kept["deep"]["r"].any()


def test_a_list_that_is_eaten_is_named():
    def answer():
        return {"v": float(SIZES.pop())}

    with pytest.raises(CheckFailed, match="changed SIZES in place"):
        check_values("v", answer, {"v": 3.0})
    assert SIZES == [8, 10, 3]


def test_what_is_left_alone_and_nan_are_no_change():
    x, number = np.array([np.nan, 1.0]), np.array(2.0)
    check_values("v", lambda: {"v": float(number) * x[1]}, {"v": 2.0})


class Twice(Node):
    """Doubles a; what it lists as predecessors is up to the test."""

    listed = ()

    def __init__(self, a, node_name):
        self.a, self.node_name = a, node_name

    def forward(self):
        self.out = 2 * self.a.out
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out += 2 * self.d_out

    def get_predecessors(self):
        return [self.a] if self.listed == "all" else self.listed


@pytest.mark.parametrize(("listed", "said"), [((), "leaves out a"), (None, "should be a list of nodes")])
def test_a_node_that_does_not_list_its_inputs_is_told(monkeypatch, listed, said):
    monkeypatch.setattr(Twice, "listed", "all")
    check_node(Twice, a=np.array([1.5, -2.0]))
    monkeypatch.setattr(Twice, "listed", listed)
    with pytest.raises(CheckFailed, match=said):
        check_node(Twice, a=np.array([1.5, -2.0]))
