"""The engine that names mistakes, measured: planted mistakes are named right, and never wrong."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop.checking.diagnosis import FAMILIES, diagnose, explain, variable_of
from backprop.checking.mistake_kinds import _DETAILED, _TEXTS

SEEDS = range(60)
BATCH = 7


def matrix(rng, shape=(4, 3)):
    return rng.normal(size=shape)


def with_dead_units(rng):
    exact = matrix(rng, (5, 4))
    exact[rng.permutation(20).reshape(5, 4) < 7] = 0.0
    return exact


def one_wrong(exact, rng):
    got = exact.copy()
    got[tuple(rng.integers(n) for n in exact.shape)] += 1.3
    return got


# family -> (exact, got), from a generator of random numbers. Planted without any help from the caller.
GENERIC = {
    "sign": lambda rng: (e := matrix(rng), -e),
    "factor": lambda rng: (e := matrix(rng), e * rng.choice([2, 0.5, 4, 0.25, 3])),
    "missing_mean": lambda rng: (e := matrix(rng), e * BATCH),
    "averaged": lambda rng: (e := matrix(rng), e / BATCH),
    "zero": lambda rng: (e := matrix(rng), e * 0),
    "transposed": lambda rng: (e := matrix(rng, (3, 3)) if rng.random() < 0.5 else matrix(rng), e.T),
    "offset": lambda rng: (e := matrix(rng), e + rng.uniform(0.1, 2)),
    "order": lambda rng: (e := matrix(rng), e[::-1]),
    "absolute": lambda rng: (e := matrix(rng), np.abs(e)),
    "one_entry": lambda rng: (e := matrix(rng), one_wrong(e, rng)),
    "missing_mask": lambda rng: (e := with_dead_units(rng), e + (e == 0) * matrix(rng, e.shape)),
    "masked": lambda rng: (e := matrix(rng, (5, 4)), e * (rng.permutation(20).reshape(5, 4) > 6)),
    "precision": lambda rng: (e := matrix(rng), e.astype(np.float32)),
    "numeric": lambda rng: (e := matrix(rng), e * (1 + 1e-6 * rng.normal(size=e.shape))),
    "dtype": lambda rng: (e := matrix(rng) * 3, e.astype(int)),
    "batch_axis": lambda rng: ((g := matrix(rng, (BATCH, 4, 3))).sum(axis=0), g),
    "bias_axis": lambda rng: ((g := matrix(rng, (BATCH, 4))).sum(axis=0), g.sum(axis=1)),
    "shape": lambda rng: (e := matrix(rng, (4,)), e[:, None] if rng.random() < 0.5 else e.sum()),
    "nan": lambda rng: (e := matrix(rng), e * np.nan),
    "infinite": lambda rng: (e := matrix(rng), e / 0.0),
    "none": lambda rng: (matrix(rng), None),
}


@pytest.mark.parametrize("family", GENERIC)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_planted_mistake_is_named_without_help(family):
    named = Counter()
    for seed in SEEDS:
        exact, got = GENERIC[family](np.random.default_rng(seed))
        found = diagnose(got, exact, name="∂J/∂W", batch_size=BATCH)
        named[found and found.family] += 1
    wrong = sum(n for f, n in named.items() if f not in (family, None))
    assert named[family] >= 0.95 * len(SEEDS) and wrong < 0.01 * len(SEEDS), named


# What a mistake would give, for an affine layer with a ReLU: the candidates a check hands over, all at once.
def layer_candidates(rng):
    """Right gradient of W in relu(x Wᵀ + b), and what each mistake makes of it."""
    x, W, b, up = matrix(rng, (BATCH, 4)), matrix(rng, (3, 4)), matrix(rng, (3,)), matrix(rng, (BATCH, 3))
    z = x @ W.T + b
    delta = up * (z > 0)
    exact = delta.T @ x
    return exact, {
        "missing_mask": up.T @ x,
        "upstream_ignored": (z > 0).astype(float).T @ x,
        "mask_of_wrong_layer": (up * (up > 0)).T @ x,
        "missing_mean": exact * BATCH,
        "assigned": delta[-1:].T @ x[-1:],
        "bias_regularised": exact + 0.1 * W,
        "stale": exact + up.T @ x,
        "missing_chain_factor:x": np.tile(delta.sum(axis=0)[:, None], (1, 4)),
        "wrong_argument": [delta.T @ np.tanh(x), delta.T @ x**2],
        "outer_swapped": x.T @ delta,
    }


CANDIDATES = sorted(layer_candidates(np.random.default_rng(0))[1])


@pytest.mark.parametrize("key", CANDIDATES)
def test_a_mistake_the_caller_describes_is_named(key):
    named = Counter()
    for seed in SEEDS:
        exact, candidates = layer_candidates(np.random.default_rng(seed))
        got = candidates[key][-1] if isinstance(candidates[key], list) else candidates[key]
        found = diagnose(got * (1 + 1e-12), exact, name="∂J/∂W", candidates=candidates)
        named[found and found.family] += 1
    assert named == {key.partition(":")[0]: len(SEEDS)}


def test_a_mistake_nobody_described_is_not_given_a_name():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        exact, candidates = layer_candidates(rng)
        assert (
            diagnose(matrix(rng, exact.shape), exact, name="W", candidates=candidates, batch_size=BATCH).family
            == "unrecognised"
        )


def test_a_random_wrong_number_is_not_given_a_name():
    for seed in range(300):
        rng = np.random.default_rng(seed)
        exact, got, up = rng.normal(size=3)
        assert diagnose(got, exact, name="loss", upstream=up, batch_size=BATCH).family == "unrecognised"


def test_two_candidates_that_coincide_prove_neither():
    assert diagnose(3.0, 5.0, name="a", candidates={"assigned": 3.0, "missing_term": 3.0}).family == "unrecognised"
    assert diagnose(3.0, 5.0, name="a", candidates={"assigned": 3.0, "missing_term": 2.0}).family == "assigned"


def test_a_candidate_that_coincides_with_the_right_answer_proves_nothing():
    exact = np.array([1.0, 2.0, 3.0])
    assert diagnose(exact * (1 + 1e-9), exact, name="a", candidates={"assigned": exact}).family == "numeric"


def test_a_candidate_closer_than_six_digits_needs_to_be_much_nearer_than_the_right_answer():
    exact = np.log(np.array([0.2, 0.5, 0.3]))
    with_epsilon = np.log(np.array([0.2, 0.5, 0.3]) + 1e-8)
    found = diagnose(with_epsilon, exact, name="loss", candidates={"epsilon_in_log": with_epsilon * (1 + 1e-15)})
    assert found.family == "epsilon_in_log"


def test_a_candidate_with_the_wrong_sign_too_is_named_with_both():
    exact, candidates = layer_candidates(np.random.default_rng(1))
    found = diagnose(-candidates["missing_mask"], exact, name="W", candidates=candidates)
    assert found.family == "missing_mask" and "sign" in found.text


@pytest.mark.parametrize("family", ["upstream_ignored", "upstream_twice", "upstream_summed", "missing_chain_factor"])
def test_what_became_of_the_upstream_gradient_is_named(family):
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        up, slope = matrix(rng), 1 - np.tanh(matrix(rng)) ** 2
        got = {
            "upstream_ignored": slope,
            "upstream_twice": up * up * slope,
            "upstream_summed": up.sum() * slope,
            "missing_chain_factor": up,
        }[family]
        assert diagnose(got, up * slope, name="∂J/∂a", upstream=up).family == family


def test_the_shapes_are_told():
    exact = np.arange(12.0).reshape(3, 4) + 0.5
    assert "shape (4, 3), expected (3, 4)" in diagnose(exact.T, exact, name="∂J/∂W").text
    broadcast = diagnose(np.ones((3, 3)), np.array([1.0, 2.0, 3.5]), name="∂J/∂b")
    assert broadcast.family == "shape" and "broadcast" in broadcast.text
    assert "an array of shape (2,)" in diagnose([1.0, 4.0], 3.0, name="loss").text


def test_probabilities_and_their_gradients_have_equal_totals_for_nothing():
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.2, 0.1])
    for got, exact in ((p, q), (p - [0, 0, 1], q - [0, 1, 0, 0])):
        assert diagnose(got, exact, name="out").family == "shape"


def test_rounding_to_half_precision_is_called_that():
    exact = np.random.default_rng(0).uniform(1, 2, size=(4, 5))
    assert diagnose(exact.astype(np.float16), exact, name="W").family == "precision"
    assert diagnose(-exact.astype(np.float16), exact, name="W").family == "sign"


def test_a_single_number_without_its_axis_is_a_matter_of_shape():
    candidates = {"averaged": np.array([2.5]), "sign": np.array([-2.5])}
    assert diagnose(np.array(2.5), np.array([2.5]), name="db", candidates=candidates).family == "shape"


def test_a_number_in_a_box_counts_as_a_number_where_that_is_allowed():
    assert diagnose(np.array([[-0.3]]), 0.3, name="loss", scalar_like=True).family == "sign"
    assert diagnose(np.array([[-0.3]]), 0.3, name="loss").family == "shape"


@pytest.mark.parametrize(
    "thing, family",
    [
        (None, "none"),
        (..., "none"),
        ("0.5", "type"),
        (b"", "type"),
        ({}, "type"),
        ([[1.0], [2.0, 3.0]], "type"),
        ((x for x in ()), "type"),
        (np.array([None, 1]), "dtype"),
        (np.array(["a", "b"]), "type"),
        (np.array([1j, 2.0]), "dtype"),
        (np.array([True, False]), "dtype"),
        (lambda: 0, "type"),
    ],
)
def test_what_is_not_an_array_is_said_to_be_so(thing, family):
    found = diagnose(thing, np.array([0.25, 1.5]), name="∂J/∂b")
    assert found.family == family and "∂J/∂b" in found.text


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)


@settings(max_examples=150, deadline=None)
@given(
    got=st.none() | numbers | st.text() | st.lists(numbers, max_size=4) | st.lists(st.lists(numbers, max_size=3)),
    exact=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=4),
)
def test_nothing_a_student_returns_breaks_it(got, exact):
    found = diagnose(got, exact, name="w", candidates={"assigned": [0.0, [1.0, 2.0]]}, upstream=2.5, batch_size=3)
    assert found is None or found.family in FAMILIES


def test_every_family_has_a_sentence_that_names_the_quantity():
    for family in FAMILIES:
        text = explain(family, "∂J/∂W").text
        assert "W" in text and text.endswith((".", "?")) and "{" not in text and "!" not in text
    assert set(_TEXTS) | set(_DETAILED) <= set(FAMILIES)
    assert "the factor W2" in explain("missing_chain_factor", "∂J/∂h", "W2").text
    with pytest.raises(KeyError, match="unknown family"):
        explain("bad luck", "W")


@pytest.mark.parametrize("name, variable", [("∂J/∂W", "W"), ("grad_w", "w"), ("d_loss_d_h1", "h1"), ("loss", "loss")])
def test_the_variable_is_read_from_the_name(name, variable):
    assert variable_of(name) == variable


def test_no_sentence_shows_a_value():
    for family, plant in GENERIC.items():
        if family == "infinite":
            continue
        exact, got = plant(np.random.default_rng(3))
        text = diagnose(got, exact, name="∂J/∂W", batch_size=BATCH).text
        for number in np.ravel(exact):
            assert f"{number:.3g}" not in text and f"{number:.2f}" not in text


def test_a_zero_is_no_sum_of_zeros():
    assert "single number" in diagnose(np.array(0.0), np.zeros((2, 3)), name="∂J/∂W").text
    assert "the sum of all entries" in diagnose(np.array(6.0), np.array([1.0, 2.0, 3.0]), name="∂J/∂b").text


@pytest.mark.parametrize(
    ("got", "exact", "text"),
    [
        (5.5, 3.3, "∂J/∂w is 1.667 times what it should be."),
        ([1.10033, 5.0], [1.1, 2.7], "All 2 entries of ∂J/∂w are wrong; the first is right to 3 digits only."),
        (
            [1.0, 2.0, 3.0],
            [1.1, 2.7, 3.2],
            "All 3 entries of ∂J/∂w are wrong; the first is 0.9091 times what it should be.",
        ),
        (
            [[1.0, 2.0], [3.0, 4.0]],
            [[1.0, 2.7], [3.0, 9.1]],
            "2 of the 4 entries of ∂J/∂w are wrong; the first, [0, 1], is 0.7407 times what it should be.",
        ),
        ([0.3, 2.0], [0.0, 2.7], "All 2 entries of ∂J/∂w are wrong; the first is not zero, as it should be."),
        ([0.0, 2.0], [1.3, 2.7], "All 2 entries of ∂J/∂w are wrong; the first is zero, and should not be."),
    ],
)
def test_what_no_family_explains_is_told_by_place_and_ratio(got, exact, text):
    found = diagnose(np.array(got), np.array(exact), name="∂J/∂w")
    assert (found.family, found.text) == ("unrecognised", text)


def test_an_infinite_result_is_no_tiny_mistake():
    """inf is as far from a candidate next to the right answer as from the right answer itself."""
    right = np.array([1.0, 2.0, 3.0])
    tiny, infinite = right + 1e-9, np.array([0.7, -1.3, np.inf])
    found = diagnose(infinite, right, name="out", candidates={"stale": tiny, "wrong_argument": infinite})
    assert found.family == "wrong_argument"


def test_what_rounding_leaves_of_zero_is_zero():
    assert diagnose(np.array([3e-16, -1e-15, 0.0]), np.array([1.0, 2.0, 5.0]), name="out").family == "zero"
