"""Right answers made wrong in one region: what they do, and that a check which doesn't ask there lets them pass."""

from __future__ import annotations

import numpy as np
import pytest
from places import ROOT

from autograder.course import Course
from autograder.mutants.adversaries import REGIONS, Spoiler, adversaries, face_all, spoil, worse, wrapped_function


def test_worse_is_never_the_same():
    for value in (0.0, 1.5, 3, True, np.zeros(3), np.array([0.0, -2.0]), np.float32(2)):
        assert not np.any(np.asarray(worse(value)) == np.asarray(value))


def test_one_result_is_spoiled_at_a_time():
    value = (1.0, (np.ones(2), 4.0))
    for which in range(3):
        changed, count = spoil(value, which)
        flat = [changed[0], *changed[1]]
        assert count == 3
        assert [bool(np.all(a == b)) for a, b in zip(flat, [1.0, np.ones(2), 4.0], strict=True)].count(False) == 1


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


def test_every_region_has_an_adversary_of_functions_and_of_nodes():
    class Node:
        def forward(self): ...
        def backward(self): ...

    for value in (lambda x: x, Node):
        assert set(REGIONS) <= {spoiler.region for spoiler, _ in adversaries(value)}


SECTIONS = [
    "01-staged-backprop",
    "02-backprop-practice",
    "03-relu-net-by-hand",
    "04-ridge",
    "05-affine-tanh",
    "06-mlp",
    "07-softmax-nll",
]


# Each section's checks notice what is wrong in one region only, or say why their exercise does not contain it.
@pytest.mark.parametrize("section", SECTIONS)
def test_every_adversary_is_caught(section):
    found = face_all(Course(ROOT), [section], workers=1)
    assert found and [line for one in found for line in one.failures] == []
    assert sum(sum(one.tried.values()) for one in found) > 50
