"""What a process says reaches a page as its own words only, and once it has seen reference code not at all."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from attacks_on_the_design import CARRIERS, FORGERS, Said
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.judging import Check, Student
from autograder.judging.load import all_checks
from autograder.mutants.exercise import code_cells, namespace
from autograder.sandbox.inside.wire import Handle

ALL = all_checks(CHECKS)
REVEALING = [check for check in ALL if check.reveals]


@pytest.fixture(scope="module")
def notebook() -> Callable[[str], dict[str, Any]]:
    @functools.cache
    def of_section(section: str) -> dict[str, Any]:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            return namespace(code_cells(Course(ROOT).root, section))

    return of_section


def replaced(value: Any, make: Callable[[], Any], keep: int = 0) -> Any:
    """The value with something else in place of each number and array; of a dictionary the names stay, `keep` deep."""
    if isinstance(value, dict) and keep:
        return {key: replaced(item, make, keep - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and keep:
        return type(value)(replaced(item, make, keep - 1) for item in value)
    return value if isinstance(value, Handle) else make()


def judged(check: Check, scope: dict[str, Any], make: Callable[[str], Callable[[], Any]], deep: int, at_once: bool):
    """The verdict when each answer is exchanged: from the first on, or once reference code has been sent."""
    here, source = Student.here(dict(scope)), "" if not at_once else "x"

    def send(request: dict[str, Any]) -> Any:
        nonlocal source
        reply = here._send(request)
        if request["op"] == "load":
            source = request["source"]
        elif source and request["op"] in ("call", "get", "attr", "item", "fetch", "node"):
            keys = [key for key in ("value", "after") if key in reply]
            return {**reply, **{key: replaced(reply[key], make(source), deep) for key in keys}}
        return reply

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        return check.judge(Student(send), 0)


@pytest.mark.parametrize("said", CARRIERS, ids=lambda said: said.name)
@pytest.mark.parametrize("check", REVEALING, ids=lambda check: check.name)
def test_no_reference_code_comes_out_in_answers(check, said: Said, notebook):
    for deep in (0, 1, 3):
        pieces: list[str] = []

        def make(source: str, pieces: list[str] = pieces) -> Callable[[], Any]:
            def one() -> Any:
                # Backwards, so that a word of the judge's own is not taken for the code's.
                pieces.append("".join(source.split())[7 * len(pieces) :][:7][::-1].swapcase())
                return said.value(pieces[-1])

            return one

        verdict = judged(check, notebook(check.section), make, deep, False)
        page = "\n".join([verdict.text, str(verdict.problem), *verdict.doubts])
        out = [piece for piece in pieces if len(piece) == 7 and said.words(piece) in page]
        assert not out, page
        assert verdict.problem is None


@pytest.mark.parametrize("forger", FORGERS, ids=str)
@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_no_line_of_a_process_looks_like_the_judges(check, forger, notebook):
    for deep in (0, 1, 3):
        verdict = judged(check, notebook(check.section), lambda source: FORGERS[forger], deep, True)
        lines = "\n".join([verdict.text, *verdict.doubts]).splitlines()
        assert not [line for line in lines if line.strip().startswith("FORGED")], verdict.text
        assert verdict.problem is None


def test_the_answers_that_are_exchanged_are_looked_at(notebook):
    """Else nothing above would prove anything: noise in place of a right answer costs points."""
    for check in ALL:
        if check.points and not check.weights:
            verdict = judged(check, notebook(check.section), lambda source: lambda: np.zeros(3), 3, True)
            assert verdict.score < check.points, check.name
