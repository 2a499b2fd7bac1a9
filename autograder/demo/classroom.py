"""A made-up class: students who are right, half done, wrong in the ways students are wrong, late, broken or hostile.

The demo, the end-to-end tests and the benchmark hand these in. Right answers are the solutions of the
source notebooks; wrong ones are patches of them.
"""

from __future__ import annotations

import copy
import importlib
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
from nbclient import NotebookClient

from ..course import Course
from ..errors import UserError
from ..judging.load import package_of
from ..submissions.released import ReleasedNotebook, released_notebooks

Notebook = dict[str, Any]
MARKS = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)
RUBRIC = re.compile(r"\n*\*\*Rubric\*\*.*", re.DOTALL)


@dataclass(frozen=True)
class MadeUp:
    """One student of the class.

    answers : grade_id -> replacement text of a solution cell, or a function of the right text
    damage  : changes the whole notebook (dictionary, in place or returned) or returns the bytes to hand in
    only    : the sections that this student hands in; all when empty
    """

    name: str
    story: str
    answers: Mapping[str, str | Callable[[str], str]] = field(default_factory=dict)
    keep: Callable[[ReleasedNotebook, str], bool] = lambda template, grade_id: True
    damage: Callable[[Notebook, str], Notebook | bytes | None] = lambda notebook, section: None
    only: Sequence[str] = ()
    timestamp: str = "2026-03-01 12:00:00 UTC"


def solved(template: ReleasedNotebook, student: MadeUp | None = None) -> Notebook:
    """The release notebook of a template with answers filled in: all right ones, or those of a student."""
    cells = []
    for cell in template.cells:
        source = cell.release
        if cell.is_solution and (student is None or student.keep(template, cell.grade_id)):
            source = MARKS.sub("", cell.source)
            source = RUBRIC.sub("", source) if cell.cell_type == "markdown" else source
            change = (student.answers if student else {}).get(cell.grade_id)
            source = change(source) if callable(change) else change if change is not None else source
        metadata: dict[str, Any] = {"tags": list(cell.metadata["tags"])} if cell.metadata.get("tags") else {}
        if cell.nbgrader:
            metadata["nbgrader"] = copy.deepcopy(cell.nbgrader)
        made = {"cell_type": cell.cell_type, "id": cell.id, "metadata": metadata, "source": source}
        if cell.cell_type == "code":
            made |= {"outputs": [], "execution_count": None}
        cells.append(made)
    return {"cells": cells, "metadata": copy.deepcopy(template.metadata), "nbformat": 4, "nbformat_minor": 5}


def hand_in(course: Course, student: MadeUp, sections: Sequence[str]) -> None:
    """Write a student's submission of the sections into submitted/."""
    for section in sections:
        if student.only and section not in student.only:
            continue
        folder = course.submitted / student.name / section
        folder.mkdir(parents=True, exist_ok=True)
        for name, template in released_notebooks(course, section).items():
            notebook = solved(template, student)
            content = student.damage(notebook, section)
            if not isinstance(content, bytes):
                content = json.dumps(notebook if content is None else content, indent=1).encode()
            (folder / f"{name}.ipynb").write_bytes(content)
        (folder / "timestamp.txt").write_text(student.timestamp)


def run_cells(path: Path) -> None:
    """Run a notebook's cells and save their outputs, as a student does before handing in; long training is left out."""
    notebook = nbformat.read(path, as_version=4)
    quiet = ["--log-level=ERROR"]
    client = NotebookClient(notebook, timeout=60, kernel_name="python3", allow_errors=True, extra_arguments=quiet)
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code" and "train" not in cell.metadata.get("tags", []):
                client.execute_cell(cell, index)
    nbformat.write(notebook, path)


def replace(old: str, new: str) -> Callable[[str], str]:
    """An answer that is the right one with a piece of text replaced."""

    def change(source: str) -> str:
        if old not in source:
            raise ValueError(f"the right answer no longer holds {old!r}")
        return source.replace(old, new)

    return change


# -- what happens to notebooks --------------------------------------------------------------------------------------


def find(notebook: Notebook, grade_id: str) -> dict[str, Any] | None:
    """The cell with a grade_id, or None."""
    cells = notebook["cells"]
    return next((c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == grade_id), None)


def code_cell(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "id": "own", "metadata": {}, "source": source, "outputs": [], "execution_count": None}


def duplicate_and_delete(notebook: Notebook, section: str) -> None:
    """The first solution cell is there twice (an unedited stub behind the answer); the first test cell is gone."""
    cells = notebook["cells"]
    first = next(c for c in cells if c["metadata"].get("nbgrader", {}).get("solution") and c["cell_type"] == "code")
    stub = copy.deepcopy(first)
    stub["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    cells.insert(cells.index(first), stub)
    test = next(c for c in cells if c["metadata"].get("nbgrader", {}).get("grade") and c["cell_type"] == "code")
    cells.remove(test)


def resave_in_colab(notebook: Notebook, section: str) -> None:
    """What a save in Colab does: format 4.0, no cell ids of ours, its own metadata, sources as lists of lines."""
    notebook["nbformat_minor"] = 0
    notebook["metadata"] = {
        "colab": {"provenance": [], "toc_visible": True},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python"},
    }
    for number, cell in enumerate(notebook["cells"]):
        cell.pop("id")
        cell["metadata"]["id"] = f"colab{number:06d}"
        cell["source"] = cell["source"].splitlines(keepends=True)
        if cell["cell_type"] == "code":
            cell["metadata"]["outputId"] = "0a1b2c3d-0000"
            cell["metadata"]["colab"] = {"base_uri": "https://localhost:8080/"}


def lose_metadata(notebook: Notebook, section: str) -> None:
    """A tool that knows nothing of nbgrader saved the notebook: no metadata, no ids."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("id")


def cut_off(notebook: Notebook, section: str) -> bytes:
    """An upload that broke off in the middle."""
    text = json.dumps(notebook, indent=1)
    return text[: len(text) // 2].encode()


def crash(notebook: Notebook, section: str) -> None:
    """A cell in the middle ends the process."""
    middle = len(notebook["cells"]) // 2
    notebook["cells"].insert(middle, code_cell("import os\nos._exit(1)"))


def never_end(notebook: Notebook, section: str) -> None:
    """A cell in the middle runs for ever and swallows every attempt to stop it."""
    loop = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    notebook["cells"].insert(len(notebook["cells"]) // 2, code_cell(loop))


HOSTILE = """\
import builtins, numpy as np, sys
class Everything(float):
    def __eq__(self, other): return True
    def __le__(self, other): return True
np.allclose = np.array_equal = lambda *args, **kwargs: True
np.testing.assert_allclose = lambda *args, **kwargs: None
builtins.abs = lambda x: 0.0
print("full marks")
for name in ("gradebook.db", "../../../gradebook.db", "../../../source"):
    try:
        open(name, "ab").write(b"hacked")
    except OSError:
        pass
frame = sys._getframe()
while frame:
    for value in list(frame.f_globals.values()):
        if type(value).__name__ in ("Check", "Verdict"):
            value.points = 1000
    frame = frame.f_back
"""


def attack(notebook: Notebook, section: str) -> None:
    """Patches what tests use, forges outputs, writes outside and looks for the judge; answers nothing."""
    notebook["cells"].insert(1, code_cell(HOSTILE))
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "code":
            result = {"text/plain": "1000.0", "text/html": "<script>document.title = 'hacked'</script>"}
            cell["outputs"] = [{"output_type": "execute_result", "data": result, "metadata": {}, "execution_count": 1}]
            cell["metadata"]["nbgrader"]["points"] = 1000
            cell["source"] = "1000.0"


def twisted(notebook: Notebook, section: str) -> None:
    """Right answers in a notebook whose cells stand in reverse order, one of them turned into Markdown."""
    notebook["cells"].reverse()
    solution = next(
        c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("solution") and c["cell_type"] == "code"
    )
    solution["cell_type"] = "markdown"
    for key in ("outputs", "execution_count"):
        solution.pop(key)


# -- the class ------------------------------------------------------------------------------------------------------


def made_up_class(course: Course) -> ModuleType:
    """The course's own module `made_up_class`: SECTIONS, those that the demo runs, and CLASS, its students.

    What a student answers is about exercises, so it lies with the checks. Raises UserError where a course has none.
    """
    if not (course.checks / "made_up_class.py").is_file():
        raise UserError(f"{course.shown(course.checks)}/made_up_class.py is not there: this course has no demo.")
    return importlib.import_module(f"{package_of(course.checks)}.made_up_class")


def __getattr__(name: str) -> object:
    if name == "CLASS":
        return made_up_class(Course.find()).CLASS
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def in_first_half(template: ReleasedNotebook, grade_id: str) -> bool:
    """Whether a solution cell is among the first half of its notebook's solution cells."""
    order = [cell.grade_id for cell in template.cells if cell.is_solution]
    return order.index(grade_id) < len(order) / 2


def make_class(course: Course, sections: Sequence[str], students: Sequence[MadeUp] = ()) -> None:
    """Hand in the submissions of the students; of the course's whole made-up class when none are named."""
    for student in students or made_up_class(course).CLASS:
        hand_in(course, student, sections)


def copy_course(course: Course, folder: Path) -> Course:
    """A course in a new folder with this one's notebooks and configuration, and nobody's submissions."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("nbgrader_config.py", "jupytext.toml"):
        if (course.root / name).is_file():
            shutil.copy(course.root / name, folder)
    for name in ("notebooks", "source", "release", course.checks.name):
        without = shutil.ignore_patterns("__pycache__")
        shutil.copytree(course.root / name, folder / name, dirs_exist_ok=True, ignore=without)
    return Course(folder)
