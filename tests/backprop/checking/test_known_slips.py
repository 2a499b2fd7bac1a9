"""Wrong results that are known are named; what nobody described, or what two mistakes share, is not."""

from __future__ import annotations

import json

import numpy as np
import pytest
from places import ROOT

from autograder.course import Course
from autograder.mutants.visible import learn
from backprop.checking import known_slips
from backprop.checking.comparison import compare

ENTRIES = [(name, *entry) for name, entries in known_slips._known().items() for entry in entries]


@pytest.fixture
def known(monkeypatch):
    """Two slips of a made-up check."""
    slips = {"q": [[[[], [5.0]], [[], [7.0]], "missing_term", "The 2 is lost."]]}
    monkeypatch.setattr(known_slips, "_known", lambda: slips)


def test_a_known_wrong_number_has_its_sentence(known):
    assert compare("q", 7.0, 5.0).mistake.text == "The 2 is lost."
    assert compare("q", 7.0 * (1 + 1e-8), 5.0).mistake.family == "missing_term"


@pytest.mark.parametrize(
    ("name", "got", "right"), [("p", 7.0, 5.0), ("q", 7.1, 5.0), ("q", 7.0, 5.1), ("q", [7.0], 5.0)]
)
def test_another_name_number_or_shape_has_not(known, name, got, right):
    mistake = compare(name, got, right).mistake
    assert mistake is None or mistake.text != "The 2 is lost."


def test_what_two_kinds_of_mistakes_share_is_left_out():
    same = ("q", known_slips.as_entry(np.array(5.0)), known_slips.as_entry(np.array(7.0)))
    assert json.loads(known_slips.as_text([(*same, "sign", "a"), (*same, "factor", "b")])) == {}
    [[_, _, family, text]] = json.loads(known_slips.as_text([(*same, "sign", "a"), (*same, "sign", "b")]))["q"]
    assert (family, text) == ("sign", "a")


def test_a_mistake_without_a_sentence_keeps_others_from_claiming_its_numbers():
    same = ("q", known_slips.as_entry(np.array(5.0)), known_slips.as_entry(np.array(7.0)))
    assert json.loads(known_slips.as_text([(*same, "sign", "a"), (*same, "factor|stale", "")])) == {}
    assert json.loads(known_slips.as_text([(*same, "sign", "a"), (*same, "factor|sign", "")]))["q"]


def test_arrays_that_differ_behind_their_first_entries_are_told_apart(monkeypatch):
    right, got = np.arange(12.0).reshape(3, 4), np.arange(12.0).reshape(3, 4) * 1.1 + 0.3
    other = got.copy()
    other[2, 1] += 0.01
    text = known_slips.as_text([("q", known_slips.as_entry(right), known_slips.as_entry(got), "stale", "Old.")])
    monkeypatch.setattr(known_slips, "_known", lambda: json.loads(text))
    assert known_slips.recognise("q", right, got + 1e-12).text == "Old."
    assert known_slips.recognise("q", right, other) is None
    assert known_slips.recognise("q", other, got) is None


def test_a_sentence_about_arrays_of_other_sizes_is_not_learned():
    right, got = known_slips.as_entry(np.ones(3)), known_slips.as_entry(np.zeros((2, 3)))

    def learned(text):
        return [entry[3] for entry in json.loads(known_slips.as_text([("q", right, got, "shape", text)])).get("q", [])]

    assert learned("q has the shape (2, 3), expected (3,).") == ["q has the shape (2, 3), expected (3,)."]
    assert learned("q has the shape (4, 7), expected (7,).") == []
    assert learned("q lacks the factor p. Shape (4, 7), expected (7,).") == ["q lacks the factor p."]
    for name, right, got, _, text in ENTRIES:
        assert not known_slips._names_another_shape(text, right, got), (name, text)


@pytest.mark.parametrize(
    ("family", "got", "fits"),
    [("infinite", 7.0, False), ("infinite", np.inf, True), ("nan", 7.0, False), ("nan", np.nan, True),
     ("numeric", 7.0, False), ("numeric", 5.01, True), ("sign", 7.0, True)],
)  # fmt: skip
def test_a_sentence_that_these_very_numbers_deny_is_not_learned(family, got, fits):
    entry = ("q", known_slips.as_entry(np.array(5.0)), known_slips.as_entry(np.array(got)), family, "Said.")
    assert bool(json.loads(known_slips.as_text([entry]))) is fits
    assert not [one for one in ENTRIES if known_slips._is_of_other_numbers(one[3], one[1], one[2])]


def test_nothing_is_recorded_unless_somebody_asks():
    compare("q", 7.0, 5.0)
    assert known_slips.recorded is None


def test_the_file_is_well_formed():
    assert len(ENTRIES) > 1000
    for name, right, got, family, text in ENTRIES:
        assert family and family != "unrecognised" and text.strip(), name
        assert right != got and all(len(entry) == 2 for entry in (right, got)), name


def test_the_file_is_up_to_date():
    lines = set(known_slips.FILE.read_text(encoding="utf-8").replace("],\n", "]\n").splitlines())
    fresh = learn(Course(ROOT), ["05-affine-tanh"]).replace("],\n", "]\n").splitlines()
    missing = [line for line in fresh if line.startswith("[[") and line not in lines]
    assert missing == [], "run `python -m autograder mutants --learn`"
