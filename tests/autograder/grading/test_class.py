"""The made-up class, graded as the demo grades it: each student gets exactly the expected score."""

from __future__ import annotations

import json

import pytest
from places import ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import copy_course, made_up_class, make_class
from autograder.grading.notebook import Seconds
from autograder.grading.run import grade_class
from autograder.grading.workers import Options

pytestmark = [needs_bubblewrap, pytest.mark.sandbox, pytest.mark.xdist_group("class")]

CLASS, SECTIONS = made_up_class(Course(ROOT)).CLASS, made_up_class(Course(ROOT)).SECTIONS

# Points by the autograder; full marks are 25, 40 and 24 (written answers are graded by hand).
EXPECTED = {
    #       01  03  04
    "ada": (25, 40, 24),
    "ben": (25, 40, 24),
    "chi": (15, 28, 24),  # the first half of the answers of each notebook
    "dov": (0, 0, 0),
    "eli": (19, 38, 16),  # f3 4 of 10; d_r0 2 of 4; a ridge without its penalty 2 of 10
    "fay": (21, 35, 21),  # shared_input 1 of 5; d_W1 0 of 5; the penalty's backward 2 of 5
    "gus": (25, 40, 24),  # the cell that ends the process costs nothing else
    "hal": (15, 40, 24),  # f3 never ends: 0 of 10; the cell that never ends costs nothing else
    "ivy": (0, 0, 0),
    "jan": (25, 40, 24),
    "kim": (25, 40, 24),
    "lea": (15, 40, 24),  # what lies behind the cut of 01 is lost
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    course = copy_course(Course(ROOT), tmp_path_factory.mktemp("class") / "course")
    make_class(course, SECTIONS)
    options = Options(workers=2, seconds=Seconds(cell=3, request=1.5, notebook=60))
    return course, grade_class(course, SECTIONS, options=options)


def points(summary, student: str, section: str) -> float:
    (result,) = [r for r in summary.graded if (r.student, r.section) == (student, section)]
    return sum(score or 0 for notebook in result.notebooks.values() for score in notebook.scores.values())


@pytest.mark.parametrize("student", CLASS, ids=lambda student: student.name)
def test_each_student_gets_the_expected_points(run, student):
    _, summary = run
    assert tuple(points(summary, student.name, section) for section in SECTIONS) == EXPECTED[student.name]


def test_nothing_goes_wrong_on_our_side(run):
    _, summary = run
    assert summary.faults == [] and len(summary.graded) == len(CLASS) * len(SECTIONS)


def test_each_repair_is_told_once_in_one_sentence(run):
    _, summary = run
    told = [text for text in summary.problems if text.startswith("jan/04-ridge")]
    assert told == [
        "jan/04-ridge: The cell l2_penalty is there 2 times; the last edited one counts.",
        "jan/04-ridge: The test cell l2_penalty_check was missing and was put back.",
    ]
    assert not [text for text in summary.problems if text.startswith(("ada/", "ben/", "kim/"))]


def test_a_second_run_grades_nothing_again(run):
    course, summary = run
    again = grade_class(course, SECTIONS, options=Options(workers=1, seconds=Seconds(cell=3, request=1.5, notebook=60)))
    assert again.graded == [] and again.skipped == len(summary.graded)


def test_feedback_names_the_mistakes(run):
    course, _ = run
    text = (course.autograded / "eli" / "04-ridge" / "ridge.ipynb").read_text()
    cells = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in json.loads(text)["cells"]}
    shown = json.dumps(cells["ridge_regression_check"]["outputs"], ensure_ascii=False)
    assert "2 of 10 points" in shown and "penalty" in shown
    fay = (course.autograded / "fay" / "04-ridge" / "ridge.ipynb").read_text()
    assert "add" in json.dumps(json.loads(fay)) and "BEGIN HIDDEN" not in fay
