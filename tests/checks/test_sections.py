"""Every section, as a whole: right answers get everything, no answers get nothing, in the sandbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from places import CHECKS, ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import MadeUp, solved
from autograder.grading.notebook import Grader
from autograder.judging.load import load
from autograder.lms.unpacking import wanted_of
from autograder.submissions.notebook import parse_notebook
from autograder.submissions.released import released_notebooks

COURSE = Course(ROOT)
NOTEBOOKS = [
    (section, name)
    for section in COURSE.sections()
    if (COURSE.release / section).is_dir()  # that every section is released is test_release's business
    for name, template in released_notebooks(COURSE, section).items()
    if any(template.grade_cells)
]

pytestmark = [needs_bubblewrap, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


def graded(grader: Grader, section: str, name: str, student: MadeUp | None):
    template = released_notebooks(COURSE, section)[name]
    cells, problems = parse_notebook(json.dumps(solved(template, student)).encode())
    return template, grader.grade(template, cells, {}, problems)


@pytest.fixture(scope="module")
def loaded_grader():
    """A grader with one processor, which eight loops that never rest want too. The libraries were loaded before."""
    allowed = os.sched_getaffinity(0)
    loops: list[subprocess.Popen] = []
    os.sched_setaffinity(0, {min(allowed)})
    try:
        with Grader() as grader:
            grader.zygote(False)
            grader.zygote(True)
            loops += [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8)]
            yield grader
    finally:
        os.sched_setaffinity(0, allowed)
        for loop in loops:
            loop.kill()
            loop.wait()


@pytest.mark.parametrize(("section", "name"), NOTEBOOKS)
def test_right_answers_get_full_points_everywhere(grader, section, name):
    expect_full(grader, section, name)


@pytest.mark.xdist_group("a loaded machine")  # of which one is enough
@pytest.mark.parametrize(("section", "name"), NOTEBOOKS)
def test_right_answers_get_full_points_on_a_machine_loaded_eight_times(loaded_grader, section, name):
    expect_full(loaded_grader, section, name)


def expect_full(grader, section, name):
    _, result = graded(grader, section, name, None)
    short = {grade_id: verdict.text for grade_id, verdict in result.verdicts.items() if not verdict.full}
    # Nobody trains in this test, so the checks of trained weights say which file they miss.
    weights = wanted_of(COURSE, section).weights
    short = {key: text for key, text in short.items() if not any(name in text for name in weights)}
    assert not short, "\n".join(short.values())
    assert not result.problems and not result.faults and not result.suspicions


@pytest.mark.parametrize(("section", "name"), NOTEBOOKS)
def test_a_notebook_handed_in_as_released_gets_no_points(grader, section, name):
    _, result = graded(grader, section, name, MadeUp("nobody", "", keep=lambda template, grade_id: False))
    assert {grade_id: score for grade_id, score in result.scores.items() if score} == {}
    assert not any(verdict.full for verdict in result.verdicts.values())
    assert not result.faults
    assert None not in result.scores.values(), "nothing is left to grade by hand in an empty notebook"


@pytest.mark.parametrize(("section", "name"), NOTEBOOKS)
def test_points_of_checks_cells_and_parts_agree(grader, section, name):
    template, result = graded(grader, section, name, None)
    for cell in template.grade_cells:
        if cell.check is None:
            assert not cell.is_test, f"{section}/{cell.grade_id} has no registered check"
            continue
        assert cell.check.points == cell.points
        assert sum(part.points for part in result.verdicts[cell.grade_id].parts) == pytest.approx(cell.points)


@pytest.mark.parametrize("section", sorted({section for section, _ in NOTEBOOKS}))
def test_every_check_belongs_to_a_cell(section):
    cells = {cell.grade_id for template in released_notebooks(COURSE, section).values() for cell in template.cells}
    assert set(load(CHECKS, section)) <= cells
