"""The text form of a notebook, `# %%` cells with short nbgrader metadata, and the notebook it stands for.

Each cell begins with a line like one of these:

    # %% nbgrader={"grade_id": "add", "solution": true}
    # %% nbgrader={"grade": true, "grade_id": "add_check", "points": 5}
    # %% [markdown] nbgrader={"grade": true, "grade_id": "why", "points": 4, "solution": true}
    # %% tags=["train"]
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from ..errors import CourseError, reason

METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# The same as in jupytext.toml, so that JupyterLab and we write the same text.
TEXT_FORMAT = {
    "extension": ".py",
    "format_name": "percent",
    "notebook_metadata_filter": "-all",
    "cell_metadata_filter": "nbgrader,tags,-all",
}
# How a cell's code is folded, so that it does not give the answer away: in JupyterLab and VS Code, and in Colab.
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}
# A line with one of nbgrader's marks and nothing else, however many # and spaces are before it: nbgrader asks for the
# words only, and all that comes after us for exactly three # and one space.
_MARK = re.compile(r"^([ \t]*)#+[ \t]*((?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME))[ \t]*$", re.MULTILINE)
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,60}\Z")
_FLAGS = ("grade", "solution", "task")
_KNOWN = {*_FLAGS, "grade_id", "locked", "points", "schema_version", "cell_type", "checksum"}


def complete(meta: Mapping[str, object], where: str = "a cell") -> dict[str, object]:
    """Return a cell's nbgrader metadata with everything nbgrader asks for.

    Left out in the text: `grade`, `solution`, `task` mean false; `locked` means true for a cell with tests (graded, not
    a solution). A graded cell or task must state its `points`. Raises CourseError for metadata that makes no sense.
    """
    grade_id = meta.get("grade_id")
    if not isinstance(grade_id, str) or not grade_id:
        raise CourseError(f"{where}: its nbgrader metadata has no grade_id. Give it one, unique in the notebook.")
    where = f"{where} ({grade_id})"
    if not _GRADE_ID.match(grade_id):
        raise CourseError(f"{where}: a grade_id is at most 60 letters, digits, '_' and '-'. Rename it.")
    unknown = sorted(set(meta) - _KNOWN)
    if unknown:
        known = ", ".join(sorted(_KNOWN))
        raise CourseError(f"{where}: unknown nbgrader metadata {', '.join(unknown)}. Known: {known}.")
    flags = {name: meta.get(name, False) for name in _FLAGS}
    flags["locked"] = meta.get("locked", bool(flags["grade"] and not flags["solution"]))
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise CourseError(f"{where}: {name} must be true or false, not {value!r}.")
    full: dict[str, object] = {"grade_id": grade_id, "schema_version": 3, **flags}
    points = meta.get("points")
    if flags["grade"] or flags["task"]:
        if isinstance(points, bool) or not isinstance(points, int | float) or not 0 <= points < float("inf"):
            raise CourseError(f'{where}: a graded cell needs its points, a number from 0 up, as in "points": 5.')
        full["points"] = points
    elif points:
        raise CourseError(f'{where}: points without "grade": true would never be given.')
    elif not (flags["solution"] or flags["locked"]):
        raise CourseError(f'{where}: say what the cell is: "solution", "grade", "task" or "locked": true.')
    return full


def shorten(meta: Mapping[str, object]) -> dict[str, object]:
    """Return the part of complete nbgrader metadata that `complete` cannot guess, in alphabetical order."""
    short = {"grade_id": meta["grade_id"], **{name: True for name in _FLAGS if meta.get(name)}}
    if "points" in meta and (meta.get("grade") or meta.get("task")):
        short["points"] = meta["points"]
    guessed = bool(meta.get("grade") and not meta.get("solution"))
    if meta.get("locked", guessed) != guessed:
        short["locked"] = meta["locked"]
    return dict(sorted(short.items()))


def complete_notebook(nb: NotebookNode, where: str) -> None:
    for number, cell in enumerate(nb.cells, 1):
        cell.metadata.pop("lines_to_next_cell", None)
        if "nbgrader" not in cell.metadata:
            continue
        place = f"{where}, cell {number}"
        if not isinstance(cell.metadata["nbgrader"], Mapping):
            raise CourseError(f'{place}: nbgrader metadata looks like {{"grade_id": "a_name", "solution": true}}.')
        full = complete(cell.metadata["nbgrader"], place)
        if cell.cell_type == "markdown" and not full["task"] and full["grade"] != full["solution"]:
            raise CourseError(f'{place} ({full["grade_id"]}): a written answer needs "grade" and "solution": true.')
        cell.metadata["nbgrader"] = NotebookNode(full)


def read_text(text: str, section: str, where: str, facts: Mapping[str, object] | None = None) -> NotebookNode:
    """Return the source notebook that the percent-format `text` stands for: full metadata, stable ids, no outputs.

    facts : what the student library and the grader should know about the section; goes into the notebook's metadata
    """
    if not re.search(r"^# %%", text, re.MULTILINE):
        raise CourseError(f"{where} has no cell. Start each cell with a line `# %%` or `# %% [markdown]`.")
    import jupytext  # not needed by most of what loads this module: every command that reads nbgrader_config.py

    try:
        nb = jupytext.reads(text, fmt=TEXT_FORMAT)
    except Exception as error:  # its header, mostly: YAML of any shape
        raise CourseError(
            f"{where} cannot be read as a notebook ({reason(error)}). It needs no header: drop it."
        ) from error
    for number, cell in enumerate(nb.cells, 1):
        strange = sorted(set(cell.metadata) - {"nbgrader", "tags", "lines_to_next_cell"})
        if strange:
            raise CourseError(
                f"{where}, cell {number}: cannot read {', '.join(strange)} on its `# %%` line. Only nbgrader={{...}} "
                "and tags=[...], both in JSON, may stand there."
            )
        cell.source = cell.source.rstrip()
        if "nbgrader" in cell.metadata:
            cell.source = _MARK.sub(r"\1### \2", cell.source)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            if "worked" in cell.metadata.get("tags", []):
                cell.metadata.update(FOLDED)
    complete_notebook(nb, where)
    _name_cells(nb)
    # The cells are listed so that `python -m backprop check` can tell when one was deleted.
    graded = [cell.metadata["nbgrader"]["grade_id"] for cell in nb.cells if "nbgrader" in cell.metadata]
    own = {"section": section, "notebook": Path(where).stem, "cells": graded, **(facts or {})}
    nb.metadata = nbformat.from_dict({"backprop": own, **METADATA})
    nb.nbformat, nb.nbformat_minor = 4, 5
    nbformat.validate(nb)
    return nb


def write_text(nb: NotebookNode) -> str:
    """Return the percent-format text of a source notebook: no header, metadata shortened."""
    import jupytext

    cells = []
    for cell in nb.cells:
        meta = {key: cell.metadata[key] for key in ("tags", "nbgrader") if cell.metadata.get(key)}
        if "nbgrader" in meta:
            meta["nbgrader"] = shorten(meta["nbgrader"])
        cells.append(NotebookNode(cell, metadata=nbformat.from_dict(meta)))
    bare = nbformat.v4.new_notebook(cells=cells, metadata={})
    return jupytext.writes(bare, fmt=TEXT_FORMAT)


def _name_cells(nb: NotebookNode) -> None:
    """Give each cell an id that depends on its grade_id, or on its own text, and on nothing elsewhere."""
    seen: Counter[str] = Counter()
    for cell in nb.cells:
        if "nbgrader" in cell.metadata:
            name = cell.metadata["nbgrader"]["grade_id"]
        else:
            name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]
        seen[name] += 1
        cell["id"] = name if seen[name] == 1 else f"{name[:58]}-{seen[name]}"
