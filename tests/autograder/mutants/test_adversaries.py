"""Right answers made wrong in one region: what they do, and that a check which doesn't ask there lets them pass."""

from __future__ import annotations

import numpy as np
import pytest
from places import ROOT

from autograder.course import Course
from autograder.mutants.adversaries import (
    CALLS,
    INSTANCES,
    OF_UPSTREAM,
    PLACES,
    REGIONS,
    Faced,
    Spoiler,
    face_all,
    spoil,
    worse,
    wrapped_function,
    wrapped_node,
)


def test_worse_is_never_the_same():
    for value in (0.0, 1.5, 3, True, np.zeros(3), np.array([0.0, -2.0]), np.float32(2), np.arange(3)):
        assert not np.any(np.asarray(worse(value)) == np.asarray(value))
    for value in (np.array([True, False]),):
        assert not np.any(np.asarray(worse(value)) == np.asarray(value))


def test_one_result_is_spoiled_at_a_time():
    value = (1.0, (np.ones(2), 4.0))
    for which in range(3):
        changed, count = spoil(value, which)
        flat = [changed[0], *changed[1]]
        assert count == 3
        assert [bool(np.all(a == b)) for a, b in zip(flat, [1.0, np.ones(2), 4.0], strict=True)].count(False) == 1


def test_the_values_of_a_dict_are_results_and_words_are_none():
    changed, count = spoil({"loss": 1.0, "words": "of no number", "grads": {"W": np.ones(2)}}, 1)
    assert count == 2 and changed["loss"] == 1.0 and np.all(changed["grads"]["W"] == 1.25)


def test_a_domain_leaves_out_a_region_that_of_one_function_or_one_of_its_results():
    faced = Faced("02-sums/add_check", {"zeros": "…", "add, ones": "…", "sub, result 1": "…"})
    for name, result, region in (("add", 0, "zeros"), ("add", 0, "ones"), ("sub", 0, "ones"), ("sub", 1, "below 0.4")):
        faced.count(region, name, result, "passes")
    assert faced.failures == ["02-sums/add_check: sub, result 0, ones passes"]
    assert faced.row(["zeros", "ones", "below 0.4"])[1:] == ["left out", "0/1", "left out"]


@pytest.mark.parametrize(
    ("region", "inside", "outside"),
    [
        ("below 0.01", 1e-3, 0.5),
        ("zeros", 0.0, 0.5),
        ("ones", 1.0, 0.5),
        ("above 100", 500.0, 50.0),
        ("no negative number", 0.5, -0.5),
    ],
)
def test_an_adversary_is_right_outside_its_region(region, inside, outside):
    spoiler = Spoiler(region, 0)
    wrong = wrapped_function(lambda x: 2 * x, spoiler)
    assert wrong(np.array([outside])) == 2 * outside and spoiler.fits and not spoiler.met
    assert wrong(np.array([inside])) != 2 * inside and spoiler.met


def test_a_result_kept_by_shape_is_right_once_for_each_shape():
    wrong = wrapped_function(lambda x: 2 * x, Spoiler("kept by shape", 0))
    assert list(wrong(np.ones(2))) == [2, 2] and list(wrong(np.zeros(2))) == [2, 2] and list(wrong(np.zeros(1))) == [0]


@pytest.mark.parametrize(
    ("region", "inside", "outside"),
    [
        ("below 1e-8", [1e-9, 1.0], [1e-7, 1.0]),
        ("a single zero", [0.0, 1.0], [0.0, 0.0]),
        ("negative zero", [-0.0, 1.0], [0.0, 1.0]),
        ("whole numbers", [1.0, 2.0], [1.0, 2.5]),
        ("equal entries", [0.7, 0.7], [0.0, 0.0]),
        ("ties", [0.7, 0.7, 1.0], [0.7, 0.8, 1.0]),
        ("equal rows", [[1.0, 2.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]]),
        ("ascending", [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]),
        ("descending", [3.0, 2.0, 1.0], [3.0, 1.0, 2.0]),
        ("one row", [[1.0, 2.0]], [[1.0], [2.0]]),
        ("one column", [[1.0], [2.0]], [[1.0, 2.0]]),
        ("square", [[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0]]),
    ],
)
def test_a_region_of_arrays_holds_one_and_not_the_other(region, inside, outside):
    assert REGIONS[region]([np.array(inside)]) and not REGIONS[region]([np.array(outside)])


def test_the_form_of_an_array_is_seen():
    a = np.ones((2, 3))
    assert REGIONS["another memory order"]([a.T]) and not REGIONS["another memory order"]([a])
    assert REGIONS["one array twice"]([a, a]) and not REGIONS["one array twice"]([a, a.copy()])
    assert REGIONS["float32"]([a.astype(np.float32)]) and not REGIONS["float32"]([a])


def test_single_numbers_are_looked_at_together():
    spoiler = Spoiler("equal entries", 0)
    wrong = wrapped_function(lambda x, y: x * y, spoiler)
    assert wrong(2.0, 3.0) == 6.0 and wrong(2.0, 2.0) == 5.0


@pytest.mark.parametrize("place", PLACES[:-1])
def test_only_one_place_is_spoiled(place):
    wrong = worse(np.ones((2, 3)), place)
    assert 1 <= np.sum(wrong != 1) <= 3 and wrong.shape == (2, 3)


def test_effects_change_an_argument_or_an_earlier_result():
    x, y = np.ones(2), np.ones(2)
    wrapped_function(lambda x, y: x + y, Spoiler("changes one entry", 1))(x, y)
    assert list(x) == [1, 1] and list(y) == [1, 2]
    keeps = wrapped_function(lambda x: 2 * x, Spoiler("keeps its result", 0))
    first = keeps(x)
    assert list(first) == [2, 2] and keeps(np.zeros(2)) is first and list(first) == [0, 0]


def test_a_scout_is_right_and_notes_where_it_was():
    scout = Spoiler("", -1)
    right = wrapped_function(lambda x: 2 * x, scout)
    assert list(right(np.array([0.0, 3.0]))) == [0, 6] and list(right(np.array([1.0, 3.0]))) == [2, 6]
    assert scout.seen["a single zero", 0] and scout.seen["second call", 0]
    assert not scout.seen["above 10", 0] and not scout.seen["third call", 0]
    assert ("equal rows", 0) not in scout.seen  # a vector has no rows


def test_a_node_is_wrong_in_its_region_alone():
    class Leaf:
        def __init__(self, value):
            self.out, self.d_out = np.asarray(value), np.zeros(np.shape(value))

        def get_predecessors(self):
            return []

    class Double:
        def __init__(self, a, name):
            self.a = a

        def forward(self):
            self.out, self.d_out = 2 * self.a.out, np.zeros(np.shape(self.a.out))
            return self.out

        def backward(self):
            self.a.d_out = self.a.d_out + 2 * self.d_out

        def get_predecessors(self):
            return [self.a]

    def gradient(region, upstream, forwards=1):
        leaf = Leaf([1.0, 3.0])
        node = wrapped_node(Double, Spoiler(region, 1))(leaf, "double")
        for _ in range(forwards):
            node.forward()
        node.d_out = np.array(upstream)
        node.backward()
        return list(leaf.d_out)

    for region, there in zip(OF_UPSTREAM, ([1, 1], [0, 0], [-1, -2], [1, 2]), strict=True):
        assert gradient(region, [1.0, -2.0]) == [2, -4]
        assert gradient(region, np.array(there, dtype=float)) != [2 * g for g in there]
    assert gradient("forward twice", [1.0, 2.0]) == [2, 4] != gradient("forward twice", [1.0, 2.0], 2)
    assert "forward twice" in INSTANCES and set(CALLS.values()) == {2, 3, 10}


SECTIONS = [
    "01-staged-backprop",
    "02-backprop-practice",
    "03-relu-net-by-hand",
    "04-ridge",
    "05-affine-tanh",
    "06-mlp",
    "07-softmax-nll",
]


# Each section's checks ask in every region and notice what is wrong there, or say why their exercise leaves it out.
@pytest.mark.parametrize("section", SECTIONS)
def test_every_adversary_is_caught(section):
    found = face_all(Course(ROOT), [section], workers=1)
    assert found and [line for one in found for line in one.failures] == []
    assert sum(sum(one.tried.values()) for one in found) > 150


# Facing all of these takes minutes a section (`python -m autograder mutants 08 --regions` does): scouts, and a sample.
SAMPLED = {"08-cifar": 5, "10-imagenet": 3, "11-your-own-engine": 5, "12-batchnorm-and-embeddings": 3}


@pytest.mark.parametrize(("section", "most"), SAMPLED.items())
def test_a_sample_of_the_adversaries_of_larger_sections_is_caught(section, most):
    found = face_all(Course(ROOT), [section], workers=1, most=most)
    assert found and [line for one in found for line in one.failures] == []
    assert sum(sum(one.tried.values()) for one in found) >= most
