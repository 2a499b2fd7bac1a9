"""What grading came to survives its note, and a damaged note is no result: it is never half believed."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from small_course import verdict

from autograder.gradebook.result import Result, SubmissionResult, from_json, to_json

RESULT = SubmissionResult(
    "ana",
    "01-first",
    "a key",
    {
        "first": Result(
            "01-first",
            "first",
            scores={"add_check": 2.5, "why": None, "plain": 0.0},
            points={"add_check": 5.0, "why": 4.0, "plain": 1.0},
            failed={"plain": True},
            unanswered=("why",),
            verdicts={"add_check": verdict("01-first/add_check", 2.5, 5.0, ["sign", "shape"])},
            problems=("mended", "half a character \ud800"),
            notebook={"cells": []},
            seconds={"cells": 0.25},
        )
    },
    seconds={"cells": 0.25, "gradebook": 0.5},
    problems=("mended",),
    look_again=("why",),
    files={"best.npz": b"weights"},
    timestamp="2026-03-01 12:00:00.000000 UTC",
)


def read(note: object) -> SubmissionResult:
    return from_json(SubmissionResult, json.dumps(note))


def places(value: object, so_far: tuple = ()) -> list[tuple]:
    """The way to each value inside JSON data, itself first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [so_far, *(place for key, item in inner for place in places(item, (*so_far, key)))]


def changed(value: object, place: tuple, change) -> object:
    """The JSON data with the container of one value changed: change(container, key)"""
    value = copy.deepcopy(value)
    container = value
    for key in place[:-1]:
        container = container[key]
    change(container, place[-1])
    return value


WHOLE = json.loads(to_json(RESULT.noted()))
OTHER = [None, True, 7, -1.5, "text", [], {}, [[1]], {"a": {"b": 1}}, float("nan"), float("inf"), 10**400]


def test_a_result_is_the_same_after_its_note_and_after_a_pipe_but_for_what_lies_in_autograded():
    assert read(WHOLE) == from_json(SubmissionResult, to_json(RESULT.noted())) == RESULT.noted()
    assert RESULT.noted().notebooks["first"].notebook is None and RESULT.noted().files == {}
    assert pickle.loads(pickle.dumps(RESULT)) == RESULT
    assert read(WHOLE).notebooks["first"].families == {
        "plain": ("failed_test",),
        "add_check": ("sign", "shape"),
    }


def test_a_result_cannot_be_changed_on_its_way():
    with pytest.raises(AttributeError):
        RESULT.by_hand = True
    with pytest.raises(AttributeError):
        RESULT.notebooks["first"].starved = True


@pytest.mark.parametrize("place", places(WHOLE)[1:], ids=str)
def test_a_value_of_another_kind_makes_a_note_no_result(place):
    """Wherever something else stands, the note is refused, or what is read of it is of the right kinds all the same."""
    for other in OTHER:
        note = changed(WHOLE, place, lambda container, key, other=other: container.__setitem__(key, other))
        try:
            whole = read(note).noted()
        except ValueError:
            continue
        assert from_json(SubmissionResult, to_json(whole)) == whole
        assert type(whole.student) is type(whole.key) is str and type(whole.by_hand) is bool
        for result in whole.notebooks.values():
            assert type(result) is Result and result.score >= -1.5 and result.families is not None
            assert all(isinstance(verdict.text, str) for verdict in result.verdicts.values())


@pytest.mark.parametrize(
    "place", [place for place in places(WHOLE)[1:] if isinstance(place[-1], str) and len(place) in (1, 3)], ids=str
)
def test_a_value_that_is_missing_or_unknown_makes_a_note_no_result(place):
    with pytest.raises(ValueError):
        read(changed(WHOLE, place, lambda container, key: container.pop(key)))
    with pytest.raises(ValueError):
        read(changed(WHOLE, place, lambda container, key: container.update({f"{key} ": 1})))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 10**5, "\xff", '{"student": ' + "1" * 5000 + "}"])
def test_what_is_no_json_of_a_result_is_no_result(text):
    with pytest.raises(ValueError):
        from_json(SubmissionResult, text.encode("latin-1"))
