"""Drawings, orders of numbers and random starts: what is right passes, what is wrong is one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from backprop.gradcheck import CheckFailed, check_edges, check_inputs_matter, check_order, check_start

RIGHT = [("x", "g"), ("y", "g"), ("g", "f"), ("z", "f")]
ASKED = {"arrows": {"g": 2, "f": 2}, "inputs": "xyz", "result": "f"}


@pytest.mark.parametrize("edges", [RIGHT, [list(pair) for pair in RIGHT[::-1]], lambda: tuple(RIGHT)])
def test_a_right_drawing_passes(edges):
    check_edges(edges, **ASKED)


@pytest.mark.parametrize(
    ("edges", "said", "family"),
    [
        ([], "list of pairs", "type"),
        (5, "list of pairs", "type"),
        (["xg", ("y", "g")], "list of pairs", "type"),
        ([*RIGHT, ("x", "g")], "is there twice", "wrong_argument"),
        ([(end, start) for start, end in RIGHT], "leads to x, which is an input", "swapped_arguments"),
        (RIGHT[:3], "no arrow leaves the input z", "missing"),
        ([*RIGHT, ("z", "g")], "2 arrows should lead to g, but 3 do", "wrong_argument"),
        ([*RIGHT[:2], ("z", "f"), ("z", "g2"), ("g2", "f")], "g2 is none of the names", "wrong_argument"),
        ([*RIGHT, ("f", "g")], "an arrow leaves f", "swapped_arguments"),
    ],
)
def test_a_wrong_drawing_is_one_sentence(edges, said, family):
    with pytest.raises(CheckFailed, match=said) as failed:
        check_edges(edges, **ASKED)
    assert failed.value.families == (family,)


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ([("u", "a"), ("a", "b"), ("b", "a"), ("b", "c")], "run in a circle"),
        ([("u", "a"), ("u", "b")], "it should end in one result"),
        ([("u", "a"), ("a", "b")], "2 operators, where at least 3"),
    ],
)
def test_a_drawing_of_ones_own_has_one_result_no_circle_and_enough_operators(edges, said):
    with pytest.raises(CheckFailed, match=said):
        check_edges(edges, inputs=["u"], operators=3 if "operators" in said else 0)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda u, v: (3.0, (0, 0)), "same value whatever"),
        (lambda u, v: (u**2, (0, 0)), "the input v has no effect"),
        (lambda u, v: ((u + v) ** 2, (0, 0)), "u and v play the same part"),
        (lambda u, v: (2 * u + v, (0, 0)), "all derivatives are constants"),
    ],
)
def test_a_function_whose_inputs_do_not_matter_is_told(function, said):
    with pytest.raises(CheckFailed, match=said):
        check_inputs_matter(function, {"u": 1.5, "v": -0.5})
    check_inputs_matter(lambda u, v: (u**2 * v, (0, 0)), {"u": 1.5, "v": -0.5})


def test_numbers_in_order_are_printed(capsys):
    check_order(lambda: {"0": 0, "a": np.array([0.5]), "b": 2.0})
    assert capsys.readouterr().out == "0: 0   a: 0.5   b: 2\n"


@pytest.mark.parametrize(
    ("value", "said", "family"),
    [
        (3.0, "should be smaller than b", "wrong_argument"),
        (None, "a is None", "none"),
        (np.nan, "not a finite number", "nan"),
        ("0.5", "of type str", "type"),
        ([0.1, 0.2], "a list of length 2", "shape"),
    ],
)
def test_numbers_out_of_order_or_no_numbers_are_one_sentence(value, said, family):
    with pytest.raises(CheckFailed, match=said) as failed:
        check_order(lambda: {"a": value, "b": 2.0})
    assert failed.value.families == (family,)


def test_a_name_that_is_not_there_is_one_sentence():
    with pytest.raises(CheckFailed, match="not_there"):
        check_order(lambda: {"a": not_there})  # noqa: F821


def start(W=1.0, b=0.0, alike=False, shape=(200, 3)):
    def parameters(scale):
        rng = np.random.default_rng(5)
        drawn = rng.normal(scale=W * scale, size=shape)
        return {"W": drawn * 0 + drawn[:1] if alike else drawn, "b": np.full(200, b)}

    return parameters


def test_a_random_start_passes():
    check_start(start(), {"W": (200, 3), "b": (200,)}, zero=["b"])
    check_start(start(), {"W": (200, 3), "b": (200,)}, zero_or_random=["b"])


def test_a_start_under_other_capitals_passes():
    check_start(start(), {"w": (200, 3), "B": (200,)}, zero=["B"])
    with pytest.raises(CheckFailed, match="v has None"):
        check_start(start(), {"v": (200, 3)})


def test_whole_numbers_may_be_the_point_that_a_function_is_looked_at():
    check_inputs_matter(lambda x, y: (x * x * y, None), {"x": 2, "y": 3})


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"W": 0.0}, "W starts at zero"),
        ({"W": 3.0}, "a standard deviation of [23]"),
        ({"alike": True}, "start with the same numbers"),
        ({"shape": (3, 200)}, r"expected shape \(200, 3\)"),
        ({"b": 1.0}, "b should start at zero"),
    ],
)
def test_another_start_is_told(how, said):
    with pytest.raises(CheckFailed, match=said):
        check_start(start(**how), {"W": (200, 3), "b": (200,)}, zero=["b"])
