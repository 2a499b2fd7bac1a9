"""The gradebook's assignments are those that nbgrader itself would have made."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import nbformat
import nbgrader
import pytest
from alembic.script import ScriptDirectory
from nbgrader.preprocessors import SaveCells
from small_course import SECTIONS, make_course

from autograder.course import Course, schema_version
from autograder.gradebook.assignments import _one_transaction
from autograder.gradebook.writer import GradebookWriter
from autograder.nbgrader_steps import _convert, _names, _step_name, _steps

TABLES = {
    "notebook": "name, kernelspec",
    "grade_cells": "max_score, cell_type",
    "base_cell": "name, type",
    "source_cell": "name, source, cell_type, locked, checksum",
}


@pytest.fixture
def course(tmp_path) -> Course:
    return make_course(tmp_path)


def rows(path: Path) -> dict[str, list[tuple]]:
    with sqlite3.connect(path) as database:
        return {name: sorted(database.execute(f"select {what} from {name}")) for name, what in TABLES.items()}


def test_a_new_gradebook_says_the_version_that_alembic_would():
    scripts = ScriptDirectory(str(Path(nbgrader.__file__).parent / "alembic"))
    assert schema_version() == scripts.get_current_head()


def test_a_section_is_entered_as_nbgrader_enters_it(course, tmp_path):
    theirs = Course(tmp_path / "theirs")
    theirs.root.mkdir()
    (theirs.root / "nbgrader_config.py").write_bytes((course.root / "nbgrader_config.py").read_bytes())
    steps = _steps(course.config)
    upto = [_step_name(step) for step in steps].index("SaveCells")
    for section, name in SECTIONS.items():
        path = course.source / section / f"{name}.ipynb"
        resources = {"metadata": {"name": name, "path": str(path.parent)}, "nbgrader": _names(section, name)}
        notebook = _convert(nbformat.read(path, as_version=4), steps[:upto], resources, course.config)
        with theirs.open_gradebook() as gradebook, _one_transaction(gradebook):
            gradebook.update_or_create_assignment(section)
        resources["nbgrader"]["db_url"] = theirs.gradebook_url
        SaveCells().preprocess(notebook, resources)
    expected = rows(theirs.gradebook_path)
    assert rows(course.gradebook_path) == expected and len(expected["source_cell"]) >= 6
    with GradebookWriter(course) as writer:
        for section in SECTIONS:
            writer.prepare(section)
    assert rows(course.gradebook_path) == expected, "a second time changes nothing"
