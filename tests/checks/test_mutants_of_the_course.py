"""The checks are tested: every wrong solution caught, every right one accepted, the mistake named."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.judging.load import all_checks
from autograder.mutants.exercise import exercises

SECTIONS = [section for section in Course(ROOT).sections() if exercises(CHECKS, section)]
# What these judge is a file of trained weights, not a solution's text; wrong and right files are tried in
# tests/checks/test_s08_cifar.py and tests/checks/test_s09_fashion_mnist.py.
OF_WEIGHTS = {check.name for check in all_checks(CHECKS) if check.weights}
SEEDS = 1  # `make mutants` tries each solution on many more


@pytest.mark.parametrize("section", SECTIONS)
def test_every_wrong_solution_is_caught_and_every_right_one_accepted(section):
    # The command, in a process of its own: one that has used torch must not fork.
    command = [sys.executable, "-m", "autograder", "mutants", section, "--seeds", str(SEEDS), "--workers", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    named, misnamed = re.search(r"named in ([\d.]+)% of the runs, wrongly in ([\d.]+)%", done.stdout).groups()
    assert float(named) >= 90 and float(misnamed) <= 2, done.stdout[-500:]


def test_every_check_has_wrong_and_right_solutions():
    by_check = {exercise.check: exercise for section in SECTIONS for exercise in exercises(CHECKS, section)}
    assert {check.name for check in all_checks(CHECKS)} - OF_WEIGHTS == set(by_check)
    tests = "".join(path.read_text() for path in (ROOT / "tests" / "checks").glob("test_s0[89]*.py"))
    assert all(name.partition("/")[2].removesuffix("_check") in tests for name in OF_WEIGHTS)
    few = {
        name: (len(exercise.mutants), len(exercise.variants))
        for name, exercise in by_check.items()
        if len(exercise.mutants) < 8 or len(exercise.variants) < 3
    }
    assert few == {}


def test_the_series_has_four_hundred_wrong_and_a_hundred_and_fifty_right_solutions():
    all_exercises = [exercise for section in SECTIONS for exercise in exercises(CHECKS, section)]
    assert sum(len(exercise.mutants) for exercise in all_exercises) >= 400
    assert sum(len(exercise.variants) for exercise in all_exercises) >= 150


def test_equivalent_mutants_have_a_reason():
    for section in SECTIONS:
        for exercise in exercises(CHECKS, section):
            assert all(len(reason) > 10 for reason in exercise.equivalent.values()), exercise.check


def test_the_published_table_names_every_check():
    published = (ROOT / "docs" / "checks.md").read_text()
    for check in all_checks(CHECKS):
        if check.name in OF_WEIGHTS:
            continue
        assert re.search(rf"\| {re.escape(check.name)} \|", published), f"{check.name}: run `make mutants` again"
