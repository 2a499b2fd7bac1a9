"""A small graded course for the tests of what comes after grading: two sections, results written without running."""

from __future__ import annotations

import copy
import datetime
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from places import ROOT

from autograder.course import Course
from autograder.gradebook.result import Result, SubmissionResult
from autograder.gradebook.writer import GradebookWriter
from autograder.grading.ledger import Ledger
from autograder.grading.run import apply
from autograder.judging.verdict import PartResult, Verdict
from autograder.release.build import release
from autograder.submissions.find import Submission
from autograder.submissions.submission import TIME
from backprop.checking.diagnosis import Mistake

SECTIONS = {"01-first": "first", "02-second": "second"}

TEXT = """\
# %% [markdown]
# # Sums, where $a<b$

# %% nbgrader={{"grade_id": "add", "solution": true}}
def add(a, b):
    ### BEGIN SOLUTION
    secret_of_the_solution = a + b
    return secret_of_the_solution
    ### END SOLUTION


# %% nbgrader={{"grade": true, "grade_id": "add_check", "points": 5}}
print(add(1, 2))
### BEGIN HIDDEN TESTS
assert add(20, 22) == 42, "the hidden line"
### END HIDDEN TESTS

# %% nbgrader={{"grade": true, "grade_id": "more_check", "points": 3}}
print(add(1, 2) + {number})
### BEGIN HIDDEN TESTS
assert add(2, 3) == 5
### END HIDDEN TESTS

# %% [markdown] nbgrader={{"grade": true, "grade_id": "why", "points": 4, "solution": true}}
# ### BEGIN SOLUTION
# The model answer that nobody may see.
# ### END SOLUTION
"""


def make_course(folder: Path) -> Course:
    """A released course with two sections and no submissions."""
    for number, (section, name) in enumerate(SECTIONS.items()):
        path = folder / "notebooks" / section / f"{name}.py"
        path.parent.mkdir(parents=True)
        path.write_text(TEXT.format(number=number))
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    course = Course(folder)
    release(course, list(SECTIONS))
    with GradebookWriter(course) as writer:
        for section in SECTIONS:
            writer.prepare(section)
    return course


def released(course: Course, section: str) -> dict:
    """The release notebook as plain JSON."""
    return json.loads((course.release / section / f"{SECTIONS[section]}.ipynb").read_text())


def cell(notebook: dict, grade_id: str) -> dict:
    return next(c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id)


def enter(
    course: Course,
    student: str,
    section: str = "01-first",
    scores: dict | None = None,
    *,
    notebook: dict | None = None,
    families: dict | None = None,
    timestamp: datetime.datetime | None = None,
    **more,
) -> None:
    """Put one graded submission into the gradebook, autograded/ and the ledger, as the grader would.

    more : other fields of the result (problems, suspicions, faults, seconds)
    """
    name = SECTIONS[section]
    notebook = copy.deepcopy(notebook or released(course, section))
    scores = {"add_check": 5.0, "more_check": 3.0, "why": None} if scores is None else scores
    folder = course.submitted / student / section
    folder.mkdir(parents=True, exist_ok=True)
    if timestamp:
        (folder / "timestamp.txt").write_text(f"{timestamp:%Y-%m-%d %H:%M:%S} UTC")
    full = {"add_check": 5.0, "more_check": 3.0}
    submission = Submission(student, section, folder, "k")
    verdicts = {
        g: verdict(f"{section}/{g}", scores.get(g) or 0.0, points, (families or {}).get(g, ()))
        for g, points in full.items()
    }
    graded = Result(section, name, scores, {**full, "why": 4.0}, verdicts=verdicts, notebook=notebook)
    result = SubmissionResult.of(
        submission,
        notebooks={name: graded},
        timestamp=f"{timestamp:{TIME}}" if timestamp else "",
        **{"seconds": {"start": 0.01, "cells": 0.2, "judge": 0.1}, **more},
    )
    ledger = Ledger(course)
    with GradebookWriter(course) as writer:
        writer.prepare(section)
        apply(course, writer, ledger, submission, result)


def verdict(check: str, earned: float, points: float, families: Sequence[str] = ()) -> Verdict:
    """A verdict of one part, with mistakes of these families in it."""
    mistakes = tuple(Mistake(family, f"It looks like {family}.") for family in families)
    passed = not mistakes and earned >= points
    return Verdict(check, points, (PartResult("all", points, earned, passed, (), mistakes),))
