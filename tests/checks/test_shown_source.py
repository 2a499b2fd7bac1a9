"""Which right code is shown to a submission, by which check: no more than docs/security.md says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from liars import EASY, liar
from places import CHECKS, ROOT

from autograder.judging import Check, Student
from autograder.judging.load import all_checks

REVEALING = [check for check in all_checks(CHECKS) if check.reveals]
PAGE = (ROOT / "docs" / "security.md").read_text()
ROW = re.compile(r"^\| ([\w-]+/\w+) \| ((?:`\w+`(?:, )?)+) \|$", re.MULTILINE)
SHOWN = {name: set(re.findall(r"`(\w+)`", names)) for name, names in ROW.findall(PAGE)}


def defined_in(source: str) -> Iterator[str]:
    return (statement.name for statement in ast.parse(source).body if hasattr(statement, "name"))


def sent_by(check: Check) -> set[str]:
    """What a check sends to a process that gets everything wrong."""
    sent: set[str] = set()
    for say in EASY.values():
        wrong = liar(say)

        def ask(request: dict[str, Any], wrong: Student = wrong) -> Any:
            if request["op"] == "load":
                sent.update(defined_in(request["source"]))
            return wrong._send(request)

        check.judge(Student(ask), "a course")
    return sent


@pytest.mark.parametrize("check", REVEALING, ids=lambda check: check.name)
def test_a_check_shows_no_more_than_the_page_says(check):
    assert sent_by(check) <= SHOWN[check.name]


def test_the_page_names_every_check_that_shows_code_and_no_other():
    assert SHOWN.keys() == {check.name for check in REVEALING}


def folded(name: str) -> str:
    return name.lower().replace("_", "").removeprefix("dloss")


@pytest.mark.parametrize("check", REVEALING, ids=lambda check: check.name)
def test_no_check_shows_the_answer_that_it_judges(check):
    assert folded(check.grade_id.removesuffix("_check")) not in map(folded, SHOWN[check.name])
