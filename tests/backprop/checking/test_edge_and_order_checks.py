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
        ([*RIGHT, ("f", "loss")], "loss is none of the names", "wrong_argument"),  # not: arrows leave the result
        ([("x", "g"), ("q", "g"), *RIGHT[2:]], "q is none of the names", "wrong_argument"),
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


def test_an_arrow_that_points_the_wrong_way_is_named():
    asked = {"arrows": {"z": 2, "h": 1, "f": 1}, "inputs": "wx", "result": "f"}
    right = [("w", "z"), ("x", "z"), ("z", "h"), ("h", "f")]
    check_edges(right, **asked)
    with pytest.raises(CheckFailed, match=r"does \('h', 'z'\) point the wrong way") as failed:
        check_edges([*right[:2], ("h", "z"), right[3]], **asked)
    assert failed.value.families == ("swapped_arguments",)
    with pytest.raises(CheckFailed, match="1 arrow should lead to h, but 0 do|2 arrows should lead to z, but 3 do"):
        check_edges([*right[:2], ("f", "z"), ("h", "f")], **asked | {"result": None})


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


@pytest.mark.parametrize(
    ("plain", "ridge", "family", "said"),
    [
        (0.189, 0.0309, "swapped_arguments", "are plain and ridge exchanged"),
        (3.09, 0.189, "missing_mean", "is plain a sum over the 100 examples"),
        (0.0309, 18.9, "missing_mean", "is ridge a sum over the 100 examples"),
        (3.09, 18.9, "missing_mean", "is plain and ridge a sum over the 100 examples"),
        (0.1758, 0.4347, "wrong_loss", "are they square roots"),
        (0.0309, 0.0945, "factor", "is ridge half of what is asked for"),
        (-0.0309, 0.189, "sign", "is the sign of plain wrong"),
        (0.1758, 0.189, None, r"plain \(0.1758\) should be smaller than 0.1 \(0.1\)\.$"),  # one root alone
        (0.189, 0.189, None, "plain .* should be smaller than 0.1"),
        (0.0309, 0.2744, None, "ridge .* should be smaller than 0.25"),
    ],
)
def test_another_reading_of_reported_numbers_is_asked_for(plain, ridge, family, said):
    numbers = {"0.02": 0.02, "plain": plain, "0.1": 0.1, "0.15": 0.15, "ridge": ridge, "0.25": 0.25}
    with pytest.raises(CheckFailed, match=said) as failed:
        check_order(lambda: numbers, reported=["plain", "ridge"], examples=100)
    assert failed.value.families == (family and (family,))


def test_one_number_in_per_cent_is_told():
    with pytest.raises(CheckFailed, match="is accuracy in per cent"):
        check_order(lambda: {"0.95": 0.95, "accuracy": 99.5, "1": 1.001}, reported=["accuracy"])


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


def test_a_row_passes_where_rows_are_taken_too():
    starts = {"w": np.random.default_rng(5).normal(scale=0.3, size=(1, 200)), "b": np.zeros(1)}
    check_start(lambda scale: starts, {"w": (200,), "b": ()}, row_too=["w", "b"])
    for row_too in (["w"], ["b"]):
        with pytest.raises(CheckFailed, match="expected shape"):
            check_start(lambda scale: starts, {"w": (200,), "b": ()}, row_too=row_too)


def test_whole_numbers_may_be_the_point_that_a_function_is_looked_at():
    check_inputs_matter(lambda x, y: (x * x * y, None), {"x": 2, "y": 3})


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"W": 0.0}, "W starts at zero"),
        ({"W": 3.0}, "a standard deviation of [23]"),
        ({"alike": True}, "start with the same numbers"),
        ({"shape": (3, 200)}, r"expected shape \(200, 3\)"),
        ({"b": 1.0}, "b should start at zero and stay there while nothing is trained"),
    ],
)
def test_another_start_is_told(how, said):
    with pytest.raises(CheckFailed, match=said):
        check_start(start(**how), {"W": (200, 3), "b": (200,)}, zero=["b"])


def test_two_parameters_with_the_same_numbers_are_told():
    W = np.random.default_rng(5).normal(scale=0.3, size=(200, 3))
    with pytest.raises(CheckFailed, match="two parameters start with the same random numbers"):
        check_start(lambda scale: {"W": W, "v": -W[::-1, 1]}, {"W": (200, 3), "v": (200,)})


def test_a_list_with_one_number_is_no_number():
    with pytest.raises(CheckFailed, match="a is a list of length 1, where one number belongs"):
        check_order(lambda: {"a": [0.5], "b": 2.0})
