"""Wrong and right solutions of an exercise, and the notebook that they are patched into.

`checks/mutants/s02_sums.py` of a course holds `EXERCISES`, a list of `Exercise`: for a check, the mutants (small named
patches of the reference solution, each a mistake a student makes) and the variants (right solutions written
differently). The reference solution is the one in `notebooks/`.
"""

from __future__ import annotations

import functools
import importlib
import linecache
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..judging.load import module_name, package_of
from ..release.text_notebook import read_text
from ..text import read_utf8

UNNAMED = "*"  # a generated mutant: it must be caught, but no particular name is asked for


@dataclass(frozen=True)
class Mutant:
    """A wrong solution: `old` is replaced by `new` in the reference cell (old == "" replaces the whole cell).

    family : the identifier in `backprop.families.FAMILIES` of the mistake that the feedback should name
             ("a|b" when either is true of it); "" when no specific name is expected
    cell   : grade_id of the solution cell when it is not the exercise's own
    count  : how many of the places where `old` stands are changed, from the top; all of them when -1
    """

    name: str
    family: str
    old: str
    new: str
    cell: str = ""
    count: int = -1


@dataclass(frozen=True)
class Variant:
    """A right solution that looks different: a patch (`old` to `new`) or, with old == "", a whole cell.

    cell, count : as in Mutant
    whole : the notebook works as a whole. False where another cell is wrong, or does not fit to this answer: the judge
        has cells of its own for that, and a student who runs the notebook sees the visible check fail, as it should
    """

    name: str
    new: str
    old: str = ""
    cell: str = ""
    count: int = -1
    whole: bool = True


@dataclass(frozen=True)
class Exercise:
    """The mutants and variants of one check.

    check      : section/grade_id of the check
    cell       : grade_id of the solution cell that is patched
    generate   : also try the mutants that `autograder.mutate` makes of the solution cell by rule
    equivalent : names of generated mutants that are not wrong, each with the reason
    """

    check: str
    cell: str
    mutants: Sequence[Mutant]
    variants: Sequence[Variant]
    equivalent: dict[str, str] = field(default_factory=dict)
    generate: bool = True


@dataclass(frozen=True)
class Cell:
    """A code cell of a source notebook: its text, its grade_id ("" without one), whether it is a check or skipped."""

    source: str
    grade_id: str
    skipped: bool


def code_cells(root: Path, section: str) -> list[Cell]:
    """The code cells of a section's source text, in order; checks, `train` and `show` cells marked as skipped.

    Raises CourseError for a notebook that cannot be read.
    """
    cells = []
    for path in sorted((root / "notebooks" / section).glob("*.py")):
        where = f"notebooks/{section}/{path.name}"
        for cell in read_text(read_utf8(path, where), section, where).cells:
            if cell.cell_type != "code":
                continue
            nbgrader = cell.metadata.get("nbgrader", {})
            tags = set(cell.metadata.get("tags", []))
            skipped = bool(nbgrader.get("grade")) or bool(tags & {"train", "show"})
            lines = [line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!"))]
            cells.append(Cell("\n".join(lines), nbgrader.get("grade_id", ""), skipped))
    return cells


def patched(source: str, old: str, new: str, count: int = -1) -> str:
    """The source with old replaced by new. Raises ValueError when old is not in it: the patch is out of date."""
    if not old:
        return new
    if old not in source:
        raise ValueError(f"the text to replace is not in the reference solution: {old!r}")
    return source.replace(old, new, count)


def namespace(cells: Sequence[Cell], replace: dict[str, str] | None = None) -> dict[str, Any]:
    """Run the cells, some of them replaced by grade_id, as a notebook would; return their globals.

    A cell that raises is left where it stopped, as in a notebook whose other cells go on.
    """
    scope: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells):
        if cell.skipped:
            continue
        source = (replace or {}).get(cell.grade_id, cell.source) if cell.grade_id else cell.source
        filename = f"<cell {number}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
        try:
            exec(_compiled(source, filename), scope)
        except Exception as error:
            if cell.grade_id not in (replace or {}):
                raise RuntimeError(f"cell {number} of the reference notebook fails: {error!r}") from error
    return scope


# The cells that stay as they are are run once for each solution.
_compiled = functools.lru_cache(maxsize=512)(functools.partial(compile, mode="exec"))


def exercises(folder: Path, section: str) -> list[Exercise]:
    """The exercises kept in the folder mutants/ of a course's checks for a section; empty when there are none."""
    if not (folder / "mutants" / f"{module_name(section)}.py").is_file():
        return []
    return list(importlib.import_module(f"{package_of(folder)}.mutants.{module_name(section)}").EXERCISES)
