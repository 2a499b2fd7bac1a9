"""An update in mid-term, as docs/instructor.md says it: a course graded by an older revision of this project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT, needs_bubblewrap

from autograder.course import Course

OLDER, SECTION = "83bf02c", "04-ridge"
HAND_IN_AND_GRADE = f"""
from autograder.classroom import MadeUp, hand_in
from autograder.course import Course
from autograder.run import Options, grade_class

course = Course.find()
hand_in(course, MadeUp("ana", ""), ["{SECTION}"])
assert len(grade_class(course, ["{SECTION}"], options=Options(workers=1)).graded) == 1
with course.open_gradebook() as gradebook:
    grade = gradebook.find_grade("q_paths", "ridge", "{SECTION}", "ana")
    grade.manual_score, grade.needs_manual_grade = 1.5, False
    gradebook.find_comment("q_paths", "ridge", "{SECTION}", "ana").manual_comment = "which path?"
    gradebook.db.commit()
"""


def archived(revision: str) -> bytes | None:
    """The files of a revision as a tar, None where this is no clone or its history does not reach so far."""
    try:
        done = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None


def python(course: Path, *arguments: str) -> str:
    """Run Python in a course's folder, with the project that lies there."""
    environment = {**os.environ, "PYTHONPATH": str(course)}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=course, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_bubblewrap
@pytest.mark.sandbox
def test_a_course_graded_by_an_older_revision_keeps_what_was_given_by_hand(tmp_path):
    older = archived(OLDER)
    if older is None:
        pytest.skip(f"the history of this clone does not hold revision {OLDER}")
    folder = tmp_path / "course"
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=older, check=True)
    python(folder, "-c", HAND_IN_AND_GRADE)

    for name in ("autograder", "backprop", "checks", "notebooks", "source", "release"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    said = python(folder, "-m", "autograder", "grade", SECTION, "--workers", "1")
    assert "1 submission of 1 student graded" in said
    # Its release was another one, which is said without blame.
    (line,) = [line for line in said.splitlines() if line.startswith(f"ana/{SECTION}")]
    assert "from the release (edited, or handed out before it changed)" in line

    course = Course(folder)
    with course.open_gradebook() as gradebook:
        grade = gradebook.find_grade("q_paths", "ridge", SECTION, "ana")
        assert (grade.manual_score, grade.needs_manual_grade) == (1.5, False)
        assert gradebook.find_comment("q_paths", "ridge", SECTION, "ana").manual_comment == "which path?"
        assert gradebook.find_submission(SECTION, "ana").score == 25.5
    assert "Nothing to grade" in python(folder, "-m", "autograder", "grade", SECTION, "--workers", "1")
