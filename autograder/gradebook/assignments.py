"""The gradebook's assignments, kept in step with source/: what `nbgrader generate_assignment` does to its database."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import SaveCells

from ..course import Course
from ..errors import CourseError
from ..nbgrader_steps import _convert, _names, _step_name, _steps


def register(course: Course, gradebook: Gradebook, section: str) -> bool:
    """Bring the gradebook's assignment, notebooks and cells in step with `source/<section>`; return whether it changed.

    Does what `nbgrader generate_assignment` does to its database, in one transaction. Graded cells may also be added,
    split or removed after somebody has handed in, which nbgrader refuses. Raises CourseError for a cell or notebook
    that is gone while somebody's scores or comments by hand are still on it.
    """
    with _one_transaction(gradebook):
        return _register(course, gradebook, section)


@contextlib.contextmanager
def _one_transaction(gradebook: Gradebook) -> Iterator[None]:
    """Everything in one transaction: nbgrader's own methods commit after every cell."""
    session = gradebook.db
    session.commit = session.flush
    try:
        yield
    except BaseException:
        del session.commit
        session.rollback()
        raise
    del session.commit
    session.commit()


def _register(course: Course, gradebook: Gradebook, section: str) -> bool:
    notebooks = sorted((course.source / section).glob("*.ipynb"))
    if not notebooks:
        raise CourseError(f"source/{section} has no notebook. Run `python -m autograder release {section}` first.")
    try:
        assignment = gradebook.find_assignment(section)
        changed = False
    except MissingEntry:
        assignment, changed = gradebook.update_or_create_assignment(section), True

    wanted = {path.stem for path in notebooks}
    for notebook in [notebook for notebook in assignment.notebooks if notebook.name not in wanted]:
        cells = [*notebook.grade_cells, *notebook.task_cells, *notebook.solution_cells]
        _refuse_to_lose_scores(cells, f"source/{section} no longer has the notebook {notebook.name}")
        gradebook.remove_notebook(notebook.name, section)
        changed = True

    steps = _steps(course.config)
    upto = [_step_name(step) for step in steps].index("SaveCells")
    for path in notebooks:
        nb = nbformat.read(path, as_version=4)
        resources = {"metadata": {"name": path.stem, "path": str(path.parent)}, "nbgrader": _names(section, path.stem)}
        prepared = _convert(nb, steps[:upto], resources, course.config)
        saver = _SaveInto(gradebook)
        saver.preprocess(prepared, resources)
        changed |= saver.changed
    return changed


class _SaveInto(SaveCells):
    """nbgrader's SaveCells, writing into an open gradebook, and only when something differs."""

    def __init__(self, gradebook: Gradebook):
        super().__init__()
        self.gradebook = gradebook
        self.changed = False

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        self.notebook_id = resources["nbgrader"]["notebook"]
        self.assignment_id = resources["nbgrader"]["assignment"]
        self.new_grade_cells, self.new_solution_cells = {}, {}
        self.new_task_cells, self.new_source_cells = {}, {}
        for number, cell in enumerate(nb.cells):
            self.preprocess_cell(cell, resources, number)
        if not self._same():
            self._create_notebook(nb)
            self.changed = True
        return nb, resources

    def _create_notebook(self, nb: NotebookNode) -> None:
        try:
            saved = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        except MissingEntry:
            saved = None
        if saved is not None and saved.submissions:
            self._retire([*saved.grade_cells, *saved.task_cells], {**self.new_grade_cells, **self.new_task_cells})
            self._retire(saved.solution_cells, self.new_solution_cells)
            self._retire(saved.source_cells, self.new_source_cells)
            place = (self.notebook_id, self.assignment_id)
            for name, info in self.new_grade_cells.items():
                self.gradebook.update_or_create_grade_cell(name, *place, **info)
            for name, info in self.new_solution_cells.items():
                self.gradebook.update_or_create_solution_cell(name, *place, **info)
            for name, info in self.new_task_cells.items():
                self.gradebook.update_or_create_task_cell(name, *place, **info)
            for name, info in self.new_source_cells.items():
                self.gradebook.update_or_create_source_cell(name, *place, **info)
            return
        super()._create_notebook(nb)

    def _retire(self, cells: Sequence, wanted: dict) -> None:
        """Remove cells that are no longer in the notebook, and what the autograder wrote about them."""
        for cell in cells:
            if cell.name in wanted:
                continue
            path = f"source/{self.assignment_id}/{self.notebook_id}.ipynb"
            _refuse_to_lose_scores([cell], f"{path} no longer has the cell {cell.name}")
            for row in [*getattr(cell, "grades", []), *getattr(cell, "comments", [])]:
                self.gradebook.db.delete(row)
            self.gradebook.db.flush()
            self.gradebook.db.delete(cell)
        self.gradebook.db.flush()
        self.gradebook.db.expire_all()

    def _same(self) -> bool:
        try:
            saved = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        except MissingEntry:
            return False

        def score(cells) -> dict:
            return {cell.name: (cell.max_score, cell.cell_type) for cell in cells}

        def wanted(cells: dict) -> dict:
            return {name: (info["max_score"], info["cell_type"]) for name, info in cells.items()}

        sources = {cell.name: (cell.source, cell.cell_type, cell.locked, cell.checksum) for cell in saved.source_cells}
        return (
            score(saved.grade_cells) == wanted(self.new_grade_cells)
            and score(saved.task_cells) == wanted(self.new_task_cells)
            and {cell.name for cell in saved.solution_cells} == set(self.new_solution_cells)
            and sources
            == {
                name: (info["source"], info["cell_type"], info["locked"], info["checksum"])
                for name, info in self.new_source_cells.items()
            }
        )


def _refuse_to_lose_scores(cells: Sequence, said: str) -> None:
    """Raise CourseError if a person has given scores or comments to one of these cells of the gradebook."""
    grades = [grade for cell in cells for grade in getattr(cell, "grades", [])]
    comments = [comment for cell in cells for comment in getattr(cell, "comments", [])]
    count = sum(grade.manual_score is not None or bool(grade.extra_credit) for grade in grades)
    count += sum(bool(comment.manual_comment) for comment in comments)
    if count:
        raise CourseError(
            f"{said}, but it has scores or comments given by hand ({count}). Put it back, or clear those scores and "
            "comments in the formgrader first."
        )
