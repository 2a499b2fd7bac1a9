"""Who handed in what: the folders of submitted/. Everything below them is hostile data."""

from __future__ import annotations

import difflib
import os
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..course import Course
from ..errors import CourseError

MOST_NAMED = 5  # things in a student's folder that are no section


@dataclass(frozen=True)
class Submission:
    """One student's submission of one section."""

    student: str
    section: str
    folder: Path
    key: str = ""

    @property
    def name(self) -> str:
        return f"{self.student}/{self.section}"


def find_submissions(
    course: Course, sections: Sequence[str], students: Sequence[str] = (), skip: Sequence[str] = ()
) -> tuple[list[Submission], list[str]]:
    """The submissions of the sections, and a sentence for each folder that can't be one.

    Raises CourseError when there is no submitted/ folder or a named student, or one to skip, has handed nothing in.
    """
    if not course.submitted.is_dir():
        raise CourseError(
            f"{course.shown(course.submitted)}/ does not exist. Put submissions into submitted/<student>/<section>/, "
            "or say `python -m autograder collect` and the downloaded archive."
        )
    submissions, problems = [], []
    names = sorted(entry.name for entry in os.scandir(course.submitted))
    known = course.sections()
    hidden = [name for name in names if name.startswith(".")]
    names = [name for name in names if name not in hidden]
    for name in hidden:
        if any((course.submitted / name / section).is_dir() for section in known):
            problems.append(f"submitted/{shown(name)}: a folder whose name begins with a dot is not graded. Rename it.")
    unknown = [name for name in [*students, *skip] if name not in names]
    if unknown:
        raise CourseError(f"submitted/ has no folder for {', '.join(unknown)}. Check the spelling of the student id.")
    for student in names:
        if (students and student not in students) or student in skip:
            continue
        try:
            found, said = _of_student(course, student, sections, known)
        except OSError as error:
            problems.append(f"submitted/{shown(student)}: it cannot be opened ({error.strerror}). Make it readable.")
            continue
        submissions += found
        problems += said
    return submissions, problems


def shown(name: str) -> str:
    """A name of a file or folder as it can be printed."""
    return name if name.isprintable() else repr(name)


def _of_student(
    course: Course, student: str, sections: Sequence[str], known: Sequence[str]
) -> tuple[list[Submission], list[str]]:
    """The submissions of one student, and a sentence for each folder that can't be one. Raises OSError."""
    submissions: list[Submission] = []
    problems: list[str] = []
    if set(student) & set("<>"):
        text = "a name with < or > would be HTML on nbgrader's pages. Rename the folder."
        return [], [f"submitted/{student}: {text}"]
    if not student.isprintable():
        return [], [f"submitted/{student!r}: the name has signs that cannot be shown. Rename the folder."]
    problems += _misplaced(course.submitted / student, known)
    for section in sections:
        folder = course.submitted / student / section
        if not folder.exists() and not folder.is_symlink():
            continue
        if folder.is_symlink() or (course.submitted / student).is_symlink():
            problems.append(f"{student}/{section}: the folder is a link and was not followed. Ask for a copy of it.")
        elif not folder.is_dir():
            problems.append(f"{student}/{section} is a file where a folder should be. Ask for it again.")
        else:
            submissions.append(Submission(student, section, folder))
    return submissions, problems


def behind_a_link(path: Path) -> bool:
    """Whether a file is a link, or lies behind one inside submitted/, so that it may be anything of this computer."""
    try:
        submitted = Course.find(path.absolute().parent).submitted.absolute()
    except CourseError:
        return path.is_symlink()
    inside = [part for part in path.absolute().parents if submitted in part.parents]
    return any(part.is_symlink() for part in [path, *inside])


def collected_note(course: Course, student: str, section: str) -> Path:
    """Where `collect` notes what it put into submitted/ for a student."""
    return course.state / "collected" / section / (urllib.parse.quote(student, safe="@") + ".json")


def _misplaced(folder: Path, sections: Sequence[str]) -> list[str]:
    """A sentence for each thing in a student's folder that is no section, so that nobody waits for its grade."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    problems = []
    others = sorted(name for name in os.listdir(folder) if name not in sections and not name.startswith("."))
    for name in others[:MOST_NAMED]:
        alike = difflib.get_close_matches(name.lower(), sections, 1)
        what = f"Rename it to {alike[0]}." if alike else f"Put notebooks into submitted/{folder.name}/<section>/."
        problems.append(f"{folder.name}/{name[:80]!a} is no section and was not graded. {what}")
    if len(others) > MOST_NAMED:
        problems.append(f"{folder.name}/ holds {len(others) - MOST_NAMED} more that are no sections.")
    return problems
