"""Checks: what decides the points of a grade cell, and the register of those that are loaded."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..sandbox.gone import StudentError
from ..text import visible
from .draw import Draw
from .student import JudgeError, Student
from .verdict import ODD, Verdict, _current, _Grading, _Part


@dataclass(frozen=True)
class Check:
    """A registered check.

    name    : section/grade_id of the grade cell it decides
    points  : must equal the points of that cell
    reveals : it loads reference code into the student's process, so it runs after all others
    domain  : what its exercise does not contain: region of inputs, of one function alone, or a result of one (see
              `autograder.mutants.adversaries.keys`) -> the reason
    weights : what it judges is a file of trained weights, so the text of a solution alone decides nothing
    """

    name: str
    points: float
    function: Callable[[Student, Draw], None]
    reveals: bool = False
    weights: bool = False
    domain: Mapping[str, str] = field(default_factory=dict)

    def __reduce__(self) -> tuple:
        return _registered, (self.function.__module__.partition(".")[0], self.name)

    @property
    def section(self) -> str:
        return self.name.partition("/")[0]

    @property
    def grade_id(self) -> str:
        return self.name.partition("/")[2]

    @property
    def place(self) -> str:
        """Where it is written: checks/s04_ridge.py, line 12."""
        code = self.function.__code__
        return _place(code.co_filename, code.co_firstlineno)

    def judge(self, student: Student, seed: str | int = "") -> Verdict:
        """Run the check. Never raises for anything the student's process does."""
        grading = _Grading(student)
        student.reveals = self.reveals
        token = _current.set(grading)
        problem = mistake = None
        try:
            with np.errstate(all="ignore"):
                self.function(student, Draw(f"{self.name}:{seed}"))
        except StudentError as error:
            mistake = error.mistake
        except JudgeError as error:
            problem = visible(f"{self.name}: {str(error)[:500]}")
        except Exception as error:
            if grading.is_about_an_answer(error):
                mistake = ODD
            else:  # a fault of the check; it must not stop the run
                problem = visible(f"{_line_of(error, self)}: {self.name}: {type(error).__name__}: {str(error)[:500]}")
        finally:
            _current.reset(token)
        if mistake is not None:
            done = sum(p.points for p in grading.parts)
            rest = _Part("the whole check" if not done else "the rest", self.points - done, failed=True)
            rest.mistakes.append(mistake)
            grading.parts.append(rest)
        parts = tuple(p.result() for p in grading.parts)
        total = sum(one.points for one in parts)
        # A right answer goes through all parts, so this is found before anybody is graded: see `grading.trial`.
        if problem is None and all(one.passed for one in parts) and abs(total - self.points) > 1e-6:
            problem = (
                f"{self.place}: the parts of {self.name} add up to {total:g} points, and the check is worth "
                f"{self.points:g}. Change the points of its parts."
            )
        doubts = tuple(dict.fromkeys(grading.doubts))
        return Verdict(self.name, self.points, parts, problem, tuple(grading.notes), doubts)


# package that holds a course's checks, see `load` -> name -> check
REGISTRY: dict[str, dict[str, Check]] = {}


def check(
    name: str, *, points: float, reveals: bool = False, weights: bool = False, domain: Mapping[str, str] | None = None
) -> Callable[[Callable], Callable]:
    """Register the decorated function as the check of the grade cell `section/grade_id`.

    domain : see Check; what no exercise of the module contains stands in its LEFT_OUT, above the checks
    """

    def register(function: Callable[[Student, Draw], None]) -> Callable:
        known = REGISTRY.setdefault(function.__module__.partition(".")[0], {})
        if name in known and known[name].function.__code__ is not function.__code__:
            raise ValueError(f"two checks are registered for {name}")
        left_out = {**function.__globals__.get("LEFT_OUT", {}), **(domain or {})}
        known[name] = Check(name, points, function, reveals, weights, left_out)
        return function

    return register


def registered(package: str) -> list[Check]:
    """The checks that the modules of a package have registered so far, in the order of their definition."""
    return list(REGISTRY.get(package, {}).values())


def _place(file: str, line: int | None) -> str:
    path = Path(file)
    return f"{path.parent.name}/{path.name}, line {line or 1}"


def _line_of(error: BaseException, check: Check) -> str:
    """The line of the course's checks at which an error came up."""
    folder = Path(check.function.__code__.co_filename).parent
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).is_relative_to(folder)
    ]
    return _place(frames[-1].filename, frames[-1].lineno) if frames else check.place


def _registered(package: str, name: str) -> Check:
    """Finds a check that came from another process, whose course's checks are loaded here as well."""
    if name not in REGISTRY.get(package, {}):
        section = name.partition("/")[0]
        importlib.import_module(f"{package}.s{section.replace('-', '_')}")
    return REGISTRY[package][name]
