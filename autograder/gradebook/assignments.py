"""The gradebook's assignments, kept in step with source/: what `nbgrader generate_assignment` does to its database."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence

from nbformat import NotebookNode
from nbgrader import api
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import SaveCells

from ..course import Course
from ..errors import CourseError
from ..nbgrader_steps import _names, _run, _step_name, _steps
from ..submissions.released import read_own


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
        nb = read_own(path)
        resources = {"metadata": {"name": path.stem, "path": str(path.parent)}, "nbgrader": _names(section, path.stem)}
        saver = _SaveInto(gradebook)
        saver.preprocess(_run(nb, steps[:upto], resources, course.config), resources)
        changed |= saver.changed
    return changed


class _Empty:
    """Stands for the gradebook where it does not have a notebook, so that nobody looks for each of its cells."""

    def _missing(self, *place: str) -> None:
        raise MissingEntry

    find_grade_cell = find_solution_cell = find_task_cell = find_source_cell = _missing


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
        real, saved = self.gradebook, self._saved()
        self.gradebook = real if saved is not None else _Empty()
        for number, cell in enumerate(nb.cells):
            self.preprocess_cell(cell, resources, number)
        self.gradebook = real
        if saved is None or not self._same(saved):
            self._create_notebook(nb)
            self.changed = True
        return nb, resources

    def _saved(self) -> api.Notebook | None:
        """The notebook as the gradebook has it."""
        try:
            return self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        except MissingEntry:
            return None

    def _create_notebook(self, nb: NotebookNode) -> None:
        saved = self._saved()
        if saved is None:
            self._add_all(json.dumps(nb.metadata.get("kernelspec", {})))
            return
        if saved.submissions:
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

    def _add_all(self, kernelspec: str) -> None:
        """Add a notebook with its cells, in one go: nbgrader would look for each of them first."""
        assignment = self.gradebook.find_assignment(self.assignment_id)
        notebook = api.Notebook(name=self.notebook_id, assignment=assignment, kernelspec=kernelspec)
        self.gradebook.db.add(notebook)
        for table, cells in (
            (api.GradeCell, self.new_grade_cells),
            (api.SolutionCell, self.new_solution_cells),
            (api.TaskCell, self.new_task_cells),
            (api.SourceCell, self.new_source_cells),
        ):
            self.gradebook.db.add_all(table(name=name, notebook=notebook, **info) for name, info in cells.items())
        self.gradebook.db.flush()

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

    def _same(self, saved: api.Notebook) -> bool:
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
