"""The notebook a submission should look like: the release, joined with what the source knows about each cell."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat

from ..course import Course
from ..errors import CourseError
from ..judging.check import Check
from ..judging.load import load, module_name, package_of
from .files import read_files
from .notebook import plain

RUBRIC_TAG = "rubric"  # cells that graders see and students never do


@dataclass(frozen=True, eq=False)  # the same cell, not one that looks the same
class ReleasedCell:
    """One cell of the release.

    release  : its text as students get it
    source   : its text as instructors have it, with solution and hidden tests
    nbgrader : its nbgrader metadata (with the checksum of the release), empty for other cells
    metadata : of its other metadata, its tags
    check    : the registered check that decides it, None for every other cell
    """

    id: str
    cell_type: str
    release: str
    source: str
    nbgrader: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    check: Check | None = None

    @functools.cached_property
    def plain(self) -> str:
        """The released text without white space that does not count; `plain_source` is the instructors' text so."""
        return plain(self.release)

    @functools.cached_property
    def plain_source(self) -> str:
        return plain(self.source)

    @property
    def grade_id(self) -> str:
        return self.nbgrader.get("grade_id", "")

    @property
    def is_grade(self) -> bool:
        return bool(self.nbgrader.get("grade"))

    @property
    def is_solution(self) -> bool:
        return bool(self.nbgrader.get("solution"))

    @property
    def is_test(self) -> bool:
        """A locked grade cell: its text always comes from the release."""
        return self.is_grade and not self.is_solution

    @property
    def is_plain_test(self) -> bool:
        """A test without a registered check: an ordinary nbgrader test, run in the student's process."""
        return self.is_test and self.cell_type == "code" and self.check is None

    @property
    def points(self) -> float:
        return float(self.nbgrader.get("points", 0))

    @property
    def trains(self) -> bool:
        """A long training cell: never run when grading, its saved output is kept."""
        return "train" in self.metadata.get("tags", [])

    @property
    def only_shows(self) -> bool:
        """A cell that draws or prints and defines nothing that a later cell of the release needs."""
        return "show" in self.metadata.get("tags", [])


@dataclass(frozen=True)
class ReleasedNotebook:
    """One notebook of a section as released.

    torch   : its exercises are about torch, so torch is importable when it is graded
    weights : names of the files of trained weights that are handed in beside it
    files   : the data files and modules that students got beside it, by relative name
    metadata: the metadata of the notebook that students got
    """

    section: str
    name: str
    cells: tuple[ReleasedCell, ...]
    torch: bool = False
    weights: tuple[str, ...] = ()
    files: dict[str, bytes] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)

    @property
    def grade_cells(self) -> Iterator[ReleasedCell]:
        return (cell for cell in self.cells if cell.is_grade)

    @property
    def points(self) -> float:
        return sum(cell.points for cell in self.grade_cells)


def released_notebooks(course: Course, section: str) -> dict[str, ReleasedNotebook]:
    """The templates of a section by notebook name. Raises CourseError when it has not been released."""
    folder = course.release / section
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise CourseError(
            f"release/{section} has no notebook. Run `python -m autograder release {section}` first, or check the name."
        )
    files, left_out = read_files(folder)
    if left_out:
        raise CourseError(f"release/{section}: {left_out[0]} Change notebooks/{section}/files.txt.")
    root, folder = course.root, course.checks
    checks = package_of(folder) if folder.is_dir() else ""
    templates = {
        path.stem: _template(root, folder, section, path.stem, (path.stat().st_mtime_ns, checks)) for path in paths
    }
    return {name: dataclasses.replace(template, files=files) for name, template in templates.items()}


@functools.lru_cache(maxsize=64)
def _template(root: Path, folder: Path, section: str, name: str, changed: tuple) -> ReleasedNotebook:
    course = Course(root)
    release = read_own(course.release / section / f"{name}.ipynb")
    source = read_own(course.source / section / f"{name}.ipynb")
    return template_of(folder, section, name, release, source)


def template_of(
    folder: Path, section: str, name: str, release: nbformat.NotebookNode, source: nbformat.NotebookNode
) -> ReleasedNotebook:
    """The template made of both versions of a notebook. folder : the course's checks, see `Course.checks`

    Raises CourseError where notebook and checks do not fit.
    """
    texts, checks = {cell["id"]: cell for cell in source.cells}, load(folder, section)
    hidden = [texts.get(cell["id"], cell) for cell in release.cells]
    faults = [
        *(text for _, text in unequal_points(folder, section, release.cells)),
        *(text for _, text in misnamed_checks(folder, section, hidden)),
    ]
    if faults:
        raise CourseError("\n".join(f"release/{section}/{name}.ipynb: {text}" for text in faults))
    cells = []
    for cell in release.cells:
        nbgrader = dict(cell.metadata.get("nbgrader", {}))
        cells.append(
            ReleasedCell(
                id=cell["id"],
                cell_type=cell.cell_type,
                release=cell.source,
                source=texts[cell["id"]].source if cell["id"] in texts else cell.source,
                nbgrader=nbgrader,
                metadata={"tags": list(cell.metadata.get("tags", []))},
                check=checks.get(nbgrader.get("grade_id")) if _is_test(cell) else None,
            )
        )
    own = release.metadata.get("backprop", {})
    weights = tuple(entry["file"] for entry in own.get("weights", []))
    metadata = json.loads(json.dumps(release.metadata))
    return ReleasedNotebook(section, name, tuple(cells), bool(own.get("torch")), weights, metadata=metadata)


def unequal_points(folder: Path, section: str, cells: Sequence[nbformat.NotebookNode]) -> Iterator[tuple[int, str]]:
    """Each test cell, counted from 1, that is worth more or less than its check, and a sentence about it."""
    checks = load(folder, section)
    for number, cell in enumerate(cells, 1):
        nbgrader = cell.metadata.get("nbgrader", {})
        check = checks.get(nbgrader.get("grade_id")) if _is_test(cell) else None
        points = float(nbgrader.get("points", 0))
        if check is not None and abs(check.points - points) > 1e-9:
            text = f"{check.grade_id} is worth {points:g} in the notebook and {check.points:g} in its check: change "
            yield number, f"{text}{folder.name}/{module_name(section)}.py too."


def misnamed_checks(folder: Path, section: str, cells: Sequence[nbformat.NotebookNode]) -> Iterator[tuple[int, str]]:
    """Each test cell of the instructors' notebook, counted from 1, whose check nobody finds, and a sentence about it.

    Such a cell would run as a plain test and fail for everybody, or leave its check unused.
    """
    checks = load(folder, section)
    tests = {cell.metadata["nbgrader"].get("grade_id"): cell for cell in cells if _is_test(cell)}
    unused = {name: check for name, check in checks.items() if name not in tests}
    for number, cell in enumerate(cells, 1):
        grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
        if not _is_test(cell):
            continue
        wanted, asked = f"{section}/{grade_id}", _ASKS.search(cell.source)
        alike = difflib.get_close_matches(grade_id, unused, 1, 0.85)
        meant = f" Is {unused[alike[0]].place} meant, {section}/{alike[0]}?" if alike else ""
        if asked and asked[1] != wanted:
            yield number, f"the hidden test of {grade_id} asks for the check {asked[1]!r}: write {wanted!r}.{meant}"
        elif grade_id not in checks and (asked or alike):
            yield number, f"{folder.name}/{module_name(section)}.py has no check {wanted!r}.{meant}"


# What a hidden test says to have its cell judged: grade("SECTION/GRADE_ID", globals())
_ASKS = re.compile(r"\bgrade\(\s*[\"']([^\"'\n]*)[\"']\s*,\s*globals\(")


def _is_test(cell: nbformat.NotebookNode) -> bool:
    nbgrader = cell.metadata.get("nbgrader", {})
    return bool(nbgrader.get("grade")) and not nbgrader.get("solution") and cell.cell_type == "code"


def read_own(path: Path) -> nbformat.NotebookNode:
    """A notebook that the course's own people wrote, without a look at its every cell. Raises CourseError."""
    try:
        text = path.read_text(encoding="utf-8")
        nb = nbformat.v4.reads(text)
        return nb if nb.get("nbformat") == 4 and "cells" in nb else nbformat.reads(text, as_version=4)
    except FileNotFoundError:
        raise CourseError(f"{path} is missing. Run `python -m autograder release` to build it.") from None
    except Exception as error:
        raise CourseError(f"{path} cannot be read ({error}). Run `python -m autograder release` again.") from error
