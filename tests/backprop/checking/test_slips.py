"""Slips: the value that a known mistake would give, worked out where a result is wrong and nowhere else."""

import numpy as np
import pytest

from backprop.checking.comparison import compare
from backprop.checking.diagnosis import diagnose
from backprop.checking.slips import Slip, worked_out

RIGHT = np.array([1.5, -0.7, 2.2])


def test_a_slip_has_one_value_or_several_and_none_is_no_value():
    assert Slip("sign", 2.0).values == [2.0]
    assert Slip("sign", [2.0, None, 3.0]).values == [2.0, 3.0]
    assert Slip("sign", None).values == Slip("sign", ()).values == []


def test_a_slip_is_seen_in_what_becomes_of_its_values():
    seen = Slip("wrong_argument", [2.0, 3.0], "the sum").map(lambda value: value**2 if value > 2 else None)
    assert (seen.family, seen.values, seen.words) == ("wrong_argument", [9.0], "the sum")


def test_what_notebooks_write_in_short_is_read_as_slips():
    first, second = worked_out({"kink": [0.5, 1.0], "wrong_argument:the sum: all of it": 3.0})
    assert (first.family, first.values, first.words) == ("kink", [0.5, 1.0], "")
    assert (second.family, second.values, second.words) == ("wrong_argument", [3.0], "the sum: all of it")
    assert list(worked_out(None)) == []


@pytest.mark.parametrize("slips", [[Slip("missing_term", 2 * RIGHT + 1, "b")], {"missing_term:b": 2 * RIGHT + 1}])
def test_a_slip_names_the_mistake_with_its_words(slips):
    for given in (slips, lambda: slips):
        assert "b" in diagnose(2 * RIGHT + 1, RIGHT, name="out", candidates=given).text
        assert compare("out", 2 * RIGHT + 1, RIGHT, candidates=given).mistake.family == "missing_term"


def test_two_slips_of_one_family_with_one_value_lose_their_words_and_two_families_name_nothing():
    wrong = 2 * RIGHT + 1
    both = [Slip("missing_term", wrong, "a"), Slip("missing_term", wrong, "b")]
    assert diagnose(wrong, RIGHT, name="out", candidates=both).text.startswith("out lacks a term: more than one path")
    several = [Slip("missing_term", wrong), Slip("wrong_argument", wrong)]
    assert diagnose(wrong, RIGHT, name="out", candidates=several).family == "unrecognised"


def test_slips_are_worked_out_for_a_wrong_result_only_and_once():
    asked = []

    def slips():
        asked.append(1)
        return [Slip("missing_term", 2 * RIGHT + 1)]

    assert compare("out", RIGHT.copy(), RIGHT, candidates=slips).ok and not asked
    assert not compare("out", 2 * RIGHT + 1, RIGHT, candidates=slips).ok and len(asked) == 1
