"""nbgrader's own commands, with the course's nbgrader_config.py, give what `autograder` gives."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from places import CHECKS, ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import CLASS, MadeUp, make_class
from autograder.grading.keys import salt
from autograder.grading.run import grade_class
from autograder.grading.trial import Trials
from autograder.grading.workers import Options
from autograder.release.build import build

pytestmark = [needs_bubblewrap, pytest.mark.sandbox, pytest.mark.xdist_group("stock")]

# Small sections with written answers, tests with parts, and every kind of damage the class does.
SECTIONS = ["01-staged-backprop", "04-ridge"]
# hal's loops would cost both ways a cell's whole time limit several times over; nbgrader's command can't shorten it.
STUDENTS = [student for student in CLASS if student.name != "hal"]


def new_course(
    folder: Path, students: Sequence[MadeUp] = STUDENTS, sections: Sequence[str] = SECTIONS, edit=None
) -> Course:
    course = Course(folder)
    folder.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(CHECKS, folder / "checks")
    if edit is not None:
        edit(course)
    for section in sections:
        shutil.copytree(ROOT / "notebooks" / section, course.notebooks / section)
        for path, content in build(course, section).files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    make_class(course, sections, students)
    return course


def nbgrader(course: Course, *command: str) -> str:
    """Run an nbgrader command in the course's folder; return what it printed. Fails when it fails."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command],
        cwd=course.root,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def ours(tmp_path_factory) -> Course:
    """Graded by `autograder`."""
    course = new_course(tmp_path_factory.mktemp("ours") / "course")
    summary = grade_class(course, SECTIONS, options=Options(workers=1))
    assert len(summary.graded) == len(STUDENTS) * len(SECTIONS) and not summary.faults
    return course


@pytest.fixture(scope="module")
def theirs(ours, tmp_path_factory) -> Course:
    """Graded by `nbgrader autograde` alone."""
    course = new_course(tmp_path_factory.mktemp("theirs") / "course")
    course.state.mkdir()
    (course.state / "salt").write_text(salt(ours))  # the same random inputs
    for section in SECTIONS:  # a fresh clone: nothing has brought the assignments into the database yet
        nbgrader(course, "autograde", section, "--create")
    return course


def rows(course: Course, section: str) -> dict[tuple, tuple]:
    """(student, notebook, cell) -> everything that grading wrote about it."""
    found = {}
    with course.open_gradebook() as gradebook:
        for submission in gradebook.assignment_submissions(section):
            for notebook in submission.notebooks:
                for grade in notebook.grades:
                    key = (submission.student.id, notebook.name, grade.name)
                    found[key] = (grade.auto_score, grade.manual_score, grade.needs_manual_grade, grade.max_score)
                for comment in notebook.comments:
                    key = (submission.student.id, notebook.name, f"{comment.name} (comment)")
                    found[key] = (comment.auto_comment, comment.manual_comment)
                key = (submission.student.id, notebook.name)
                found[key] = (
                    notebook.score,
                    notebook.max_score,
                    notebook.late_submission_penalty,
                    submission.timestamp,
                )
    return found


@pytest.mark.parametrize("section", SECTIONS)
def test_both_gradebooks_say_the_same(ours, theirs, section):
    mine, stock = rows(ours, section), rows(theirs, section)
    assert {key[0] for key in mine} == {student.name for student in STUDENTS}
    both = {key: (mine.get(key), stock.get(key)) for key in mine.keys() | stock.keys()}
    assert {key: pair for key, pair in both.items() if pair[0] != pair[1]} == {}
    assert len({value[0] for key, value in mine.items() if len(key) == 2}) > 2, "the class is made up to differ"


def test_the_released_notebooks_are_the_same(ours, theirs):
    for section in SECTIONS:
        for path in sorted((ours.release / section).iterdir()):
            assert (theirs.release / section / path.name).read_bytes() == path.read_bytes()


def test_nbgrader_writes_feedback_for_what_autograder_graded(ours):
    section = SECTIONS[-1]
    nbgrader(ours, "generate_feedback", section)
    for student in STUDENTS:
        pages = list((ours.feedback / student.name / section).glob("*.html"))
        assert pages, f"{student.name} got no page"
        text = pages[0].read_text()
        with ours.open_gradebook() as gradebook:
            score = gradebook.find_submission(section, student.name).score
        assert f"(Score: {score:g} /" in text or f"Score: {score:.1f} /" in text
        for secret in ("BEGIN HIDDEN TESTS", "BEGIN SOLUTION", "Rubric", "grade(&quot;"):
            assert secret not in text, f"{student.name}'s feedback shows {secret}"


def break_sum_node(course: Course) -> None:
    """Its check raises as soon as it has judged forward."""
    module = course.checks / "s04_ridge.py"
    text, place = module.read_text(), '@check("04-ridge/sum_node_check", points=5)\n'
    before, after = text.split(place)
    own, found, rest = after.partition("\n\n\n")
    module.write_text(before + place + own + "\n    raise RuntimeError('ours')" + found + rest)


def test_a_check_that_fails_itself_is_left_to_a_person_both_ways(tmp_path, monkeypatch):
    """The same score, flag and words: whoever grades by `nbgrader autograde` books no points for a fault of ours."""
    # `grade` refuses a check that fails on our own solution; what fails on a student's answer alone gets past that.
    monkeypatch.setattr(Trials, "_noted", lambda trials, section: True)
    section, seen = SECTIONS[-1], {}
    for way in ("ours", "theirs"):
        course = new_course(tmp_path / way, [MadeUp("ana", "")], [section], break_sum_node)
        course.state.mkdir()
        (course.state / "salt").write_text("the same random inputs")
        if way == "ours":
            (result,) = grade_class(course, [section], options=Options(workers=1)).graded
            assert len(result.faults) == 1 and "RuntimeError: ours" in result.faults[0]
        else:
            said = nbgrader(course, "autograde", section, "--create")
            assert "RuntimeError: ours" in said
        notebook = json.loads((course.autograded / "ana" / section / "ridge.ipynb").read_text())
        by_id = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]}
        seen[way] = rows(course, section)["ana", "ridge", "sum_node_check"], by_id["sum_node_check"]["outputs"]
    assert seen["ours"] == seen["theirs"]
    (score, _, by_person, _), (output,) = seen["ours"]
    assert score is None and by_person and "your instructor" in output["evalue"].lower()
    assert not re.search(r"\d of \d", output["evalue"])
