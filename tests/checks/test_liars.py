"""What a process gains that computes nothing and answers every request with what is easy to say (docs/security.md)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from liars import EASY, liar
from places import CHECKS, ROOT

from autograder.judging import Check, Student
from autograder.judging.load import all_checks
from autograder.sandbox.inside.wire import Handle

ALL = all_checks(CHECKS)

# Points that lies alone can earn: what only the process itself can see, such as the mode that a network is in.
GAINS: dict[str, float] = {
    "02-backprop-practice/linear_net_step_check": 1.0,  # that the old arrays are as they were
    "05-affine-tanh/affine_db_check": 2.0,  # the right answer is the argument itself
    "07-softmax-nll/test_report_check": 1.0,  # a number that is reported, and is 1 where all goes well
}


def gained(check: Check) -> float:
    return max(check.judge(liar(say), "a course").score for say in EASY.values())


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_lies_that_need_no_calculation_gain_no_more_than_the_page_says(check):
    assert gained(check) <= GAINS.get(check.name, 0.0)


# -- answers in the form of a check -----------------------------------------------------------------------------------

RNG = np.random.default_rng(0)


def described(N: int) -> dict[str, Any]:
    """A network that is none: its scores come from nowhere."""
    scores = RNG.normal(size=(N, 10))
    single = np.float32(scores)
    made = {"steps": [], "constants": {2: single}, "out": 2}
    shown = {key: np.float64(single) for key in ("eval", "again", "other", "train", "second", "second, later")}
    state = {"names": ["conv.weight"], "frozen": [], "state": [np.float32(RNG.normal(size=(8, 1, 3, 3)))]}
    return {"kind": "", **state, **shown, "alone": np.float64(single[:1]), "eval pass": made, "train pass": made,
            "pass": made, "scores": [N, 10], "trained_on": "drawn clothes"}  # fmt: skip


FORGED: dict[str, Callable[..., dict[str, Any]]] = {
    "examine": lambda net, X, other: described(len(X)),
    "open_weights": lambda net, name, X: described(len(X)),
    "learn": lambda function, W, b, *rest: {"W": 0.9 * W, "b": 0.9 * b, "loss": 1.1, "tensor": False},
    "measure": lambda function, near, far, sizes, training, after, held: {
        "value": 6 / 11, "scores": 1.5 * np.roll(np.float64(after), 2 + training, axis=1),
        "gradient": held + float(after.sum()),
    },
}  # fmt: skip


def forger() -> Student:
    """A process that knows which functions are sent to it, and answers in their form, without having run anything."""
    things: list[Any] = []

    def kept(thing: Any) -> Handle:
        things.append(thing)
        return Handle(len(things) - 1, "a thing")

    def send(request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "load":
            return {"value": {name: kept(FORGED[name]) for name in request["names"]}}
        if request["op"] == "call":
            return {"handle": kept(things[request["target"].number](*request["args"]))}
        if request["op"] == "fetch":
            return {"value": things[request["target"].number]}
        return {"handle": kept(None), "value": True}

    return Student(send)


@pytest.mark.parametrize("name", ["fashion_net_check", "train_epoch_check", "accuracy_check", "weights"])
def test_who_answers_in_the_form_of_a_check_gains_nothing_without_the_right_numbers(name):
    [check] = [check for check in ALL if check.name == f"09-fashion-mnist/{name}"]
    verdict = check.judge(forger(), "a course")
    assert verdict.score == 0 and verdict.problem is None and not verdict.doubts, verdict.text


def test_the_page_on_security_names_every_check_and_what_lies_gain():
    text = (ROOT / "docs" / "security.md").read_text()
    for check in ALL:
        row = re.search(rf"^\| {re.escape(check.name)} \| ([\d.]+) \| ([\d.]+) \|", text, re.MULTILINE)
        assert row, f"{check.name} is not in docs/security.md"
        assert float(row[1]) == check.points and float(row[2]) == GAINS.get(check.name, 0.0), check.name
