"""What there is to grade: one student's submission of one section is a unit. Everything in it is hostile data."""

from __future__ import annotations

import contextlib
import datetime
import difflib
import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .course import Course, CourseError
from .submission import MAX_FILE, MAX_NOTEBOOK, Cell, Remark, open_no_link, read_files, read_notebook, walk
from .template import Template


@dataclass(frozen=True)
class Unit:
    """One student's submission of one section."""

    student: str
    section: str
    folder: Path
    key: str = ""

    @property
    def name(self) -> str:
        return f"{self.student}/{self.section}"


def find_units(
    course: Course, sections: Sequence[str], students: Sequence[str] = (), skip: Sequence[str] = ()
) -> tuple[list[Unit], list[str]]:
    """The submissions of the sections, and a sentence for each folder that can't be one.

    Raises CourseError when there is no submitted/ folder or a named student, or one to skip, has handed nothing in.
    """
    if not course.submitted.is_dir():
        raise CourseError(
            f"{course.shown(course.submitted)}/ does not exist. Put submissions into submitted/<student>/<section>/, "
            "or say `python -m autograder collect` and the downloaded archive."
        )
    units, problems = [], []
    names = sorted(entry.name for entry in os.scandir(course.submitted) if not entry.name.startswith("."))
    known = course.sections()
    unknown = [name for name in [*students, *skip] if name not in names]
    if unknown:
        raise CourseError(f"submitted/ has no folder for {', '.join(unknown)}. Check the spelling of the student id.")
    for student in names:
        if (students and student not in students) or student in skip:
            continue
        if set(student) & set("<>"):
            text = "a name with < or > would be HTML on nbgrader's pages. Rename the folder."
            problems.append(f"submitted/{student}: {text}")
            continue
        if not student.isprintable():
            problems.append(f"submitted/{student!r}: the name has signs that cannot be shown. Rename the folder.")
            continue
        problems += _misplaced(course.submitted / student, known)
        for section in sections:
            folder = course.submitted / student / section
            if not folder.exists() and not folder.is_symlink():
                continue
            if folder.is_symlink() or (course.submitted / student).is_symlink():
                problems.append(
                    f"{student}/{section}: the folder is a link and was not followed. Ask for a copy of it."
                )
            elif not folder.is_dir():
                problems.append(f"{student}/{section} is a file where a folder should be. Ask for it again.")
            else:
                units.append(Unit(student, section, folder))
    return units, problems


def _misplaced(folder: Path, sections: Sequence[str]) -> list[str]:
    """A sentence for each thing in a student's folder that is no section, so that nobody waits for its grade."""
    if folder.is_symlink() or not folder.is_dir():
        return []
    problems = []
    for name in sorted(os.listdir(folder)):
        if name in sections or name.startswith("."):
            continue
        alike = difflib.get_close_matches(name.lower(), sections, 1)
        what = f"Rename it to {alike[0]}." if alike else f"Put notebooks into submitted/{folder.name}/<section>/."
        problems.append(f"{folder.name}/{name[:80]!a} is no section and was not graded. {what}")
    return problems


def read_timestamp(folder: Path) -> datetime.datetime | None:
    """When a submission was handed in, from the timestamp.txt that collecting wrote; None when there is none.

    Raises CourseError where it is there for others to read: without it, the submission would count as in time.
    """
    from nbgrader.utils import parse_utc  # most of a second of imports

    try:
        with open(open_no_link(folder / "timestamp.txt"), "rb") as file:
            text = file.read(100).decode(errors="replace").strip()
        return parse_utc(text) if text else None
    except PermissionError:
        text = f"{folder / 'timestamp.txt'} cannot be read, so nobody knows whether it is late. Ask who collected it."
        raise CourseError(text) from None
    except Exception:  # the parser of dates raises more than it says
        return None


def unit_key(unit: Unit, base: str) -> str:
    """The hash of a submission and of `base`, which stands for everything else that decides its result."""
    digest = hashlib.sha256(base.encode())
    for path, folders, names in walk(unit.folder):
        folders.sort()
        for name in sorted(names):
            file = Path(path, name)
            digest.update(
                repr((os.path.relpath(file, unit.folder), file.is_symlink())).encode("utf-8", "surrogateescape")
            )
            with contextlib.suppress(OSError), open(open_no_link(file), "rb") as content:
                # More than that is read of no file when it is graded.
                digest.update(hashlib.sha256(content.read(max(MAX_NOTEBOOK, MAX_FILE) + 1)).digest())
    return digest.hexdigest()


@dataclass
class Submission:
    """What a unit's folder holds, read as hostile data: all that grading needs, so that it can travel."""

    cells: dict[str, list[Cell]]
    files: dict[str, bytes]
    problems: list[str]
    notebook_problems: dict[str, list[str]]

    def unread(self, wanted: Iterable[str]) -> list[str]:
        """The notebooks among those wanted that were not handed in or could not be read to the end."""
        return [
            name
            for name in wanted
            if name not in self.cells or not all(isinstance(said, Remark) for said in self.notebook_problems[name])
        ]


def read_submission(folder: Path, wanted: dict[str, Template]) -> Submission:
    """Read the notebooks of a section and the files beside them. Never raises for what is in the folder."""
    chosen, problems = choose_notebooks(folder, wanted)
    files, more = read_files(folder, {path.name for path in chosen.values()})
    read = {name: read_notebook(path) for name, path in chosen.items()}
    return Submission(
        {name: cells for name, (cells, _) in read.items()},
        files,
        [*problems, *more],
        {name: said for name, (_, said) in read.items()},
    )


def choose_notebooks(folder: Path, wanted: dict[str, Template]) -> tuple[dict[str, Path], list[str]]:
    """The submitted file of each notebook of a section: the one of its name, else the only one that can be meant."""
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    there = _notebooks(folder) or [path for inner in below for path in _notebooks(inner)]
    chosen = {name: folder / f"{name}.ipynb" for name in wanted if folder / f"{name}.ipynb" in there}
    problems = []
    for name in wanted:
        if name in chosen:
            continue
        others = [path for path in there if path not in chosen.values()]
        alike = [path for path in others if path.stem.lower().startswith(name.lower())] or others
        if len(alike) == 1 and (len(wanted) == 1 or _starts(alike[0], name)):
            chosen[name] = alike[0]
            called = os.path.relpath(alike[0], folder)[:80]
            problems.append(f"The notebook was called {called!r}; it was graded as {name}.ipynb.")
        elif len(alike) > 1 and len(wanted) == 1:
            chosen[name] = max(alike, key=lambda path: path.lstat().st_mtime)
            problems.append(
                f"There is no {name}.ipynb but {len(alike)} other notebooks; "
                f"the newest, {chosen[name].name[:80]!r}, was graded."
            )
        else:
            problems.append(f"{name}.ipynb was not handed in.")
    return chosen, problems


def _notebooks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".ipynb" and not path.name.startswith("."))


def _starts(path: Path, name: str) -> bool:
    return path.stem.lower().startswith(name.lower())
