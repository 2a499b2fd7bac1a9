"""What Jupyter shows of an error that is written for its reader."""

from __future__ import annotations

import pytest

from backprop.checking.comparison import CheckFailed
from backprop.classifiers import WeightsError
from backprop.datasets import DataError
from backprop.one_sentence import COLUMNS, OneSentence, in_lines

LONG = "∂J/∂W is the right array times one constant and the opposite sign: a factor is missing, or one too many."


def test_a_long_sentence_breaks_at_spaces_and_loses_nothing():
    lines = in_lines(f"title\n{LONG}\n   {LONG}\n   ∂J/∂a        exact 1.1917     ok")
    assert lines[0] == "title" and lines[-1] == "   ∂J/∂a        exact 1.1917     ok"
    assert max(map(len, lines)) <= COLUMNS
    assert " ".join(" ".join(lines[1:-1]).split()) == f"{LONG} {LONG}"
    assert [line.startswith("   ") for line in lines[1:-1]] == [False, False, True, True]


def test_an_address_stays_in_one_piece():
    address = "https://example.org/" + "a-b/" * 30
    assert in_lines(f"Download it from {address} and try again.")[1] == address


@pytest.mark.parametrize("kind", [CheckFailed, DataError, WeightsError])
def test_an_error_with_a_sentence_of_its_own_is_shown_without_a_traceback(kind):
    error = kind(LONG)
    assert isinstance(error, OneSentence) and str(error) == LONG
    assert error._render_traceback_() == in_lines(LONG)
