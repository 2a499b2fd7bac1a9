"""The instructor's side: releases, checks, sandboxed grading, feedback.

In a hidden test cell, `grade("02-sums/add_check", globals())` runs the same check that the
grader runs from outside the student's process.
"""

from __future__ import annotations

from typing import Any

__all__ = ["NoPoints", "grade", "grade_notebook"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: a hidden cell needs `grade` alone, not the sandbox.
    if name == "grade_notebook":
        from .grading.notebook import grade_notebook

        return grade_notebook
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class NoPoints(AssertionError):
    """The check earned nothing. Jupyter shows the verdict alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def grade(name: str, namespace: dict[str, Any]) -> float | None:
    """Judge the names of a kernel and answer the way nbgrader reads a test cell.

    name      : section/grade_id, e.g. "02-sums/add_check"
    namespace : the notebook's globals()

    Returns None for full points (nbgrader: no output, full marks) and the earned points for a part of
    them (nbgrader: partial credit). Raises NoPoints when nothing was earned, LookupError when no
    check has this name.
    """
    from .course import Course
    from .judging.load import find
    from .judging.student import Student

    check = find(Course.find().checks, name)
    if check is None:
        raise LookupError(f"No check is registered as {name!r}. Its name is the section, a slash and the grade_id.")
    verdict = check.judge(Student.here(namespace))
    if verdict.problem:
        raise RuntimeError(verdict.problem)  # nbgrader books no points for it
    if verdict.full:
        return None
    if verdict.score == 0:
        raise NoPoints(verdict.text)
    print(verdict.text)
    return float(verdict.score)
