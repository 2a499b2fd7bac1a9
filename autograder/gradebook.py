"""The one writer of the gradebook: nbgrader's own tables, one transaction for each submission.

What ends up in the database is what `nbgrader autograde` would have written (its SaveAutoGrades and
AssignLatePenalties), without its commit for every cell. Manual scores, comments and extra credit are
never touched.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from nbgrader import api, plugins
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import select

from .course import Course
from .release import register

NO_RESPONSE = "No response."


@dataclass(frozen=True)
class NotebookScores:
    """What one graded notebook brings to the gradebook.

    scores     : grade_id -> points, None where a person has to grade
    unanswered : grade_ids of solution cells that are as they were released
    """

    scores: dict[str, float | None]
    unanswered: frozenset[str]


@dataclass(frozen=True)
class _Cells:
    """The database keys of a notebook of an assignment."""

    notebook_id: str
    grades: dict[str, str]
    comments: dict[str, str]


class GradebookWriter:
    """Writes submissions. Keep one per run: nothing else may write scores while it is open."""

    def __init__(self, course: Course):
        self.course = course
        self.gradebook = course.open_gradebook()
        self._cells: dict[str, tuple[str, dict[str, _Cells]]] = {}
        self._late = self._late_plugin()

    def close(self) -> None:
        self.gradebook.close()

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def prepare(self, section: str) -> None:
        """Bring the assignment of a section in step with its source. Raises CourseError."""
        register(self.course, self.gradebook, section)
        self._cells.pop(section, None)

    def write(
        self,
        student: str,
        section: str,
        notebooks: dict[str, NotebookScores],
        timestamp: datetime.datetime | None = None,
        by_hand: bool = False,
    ) -> None:
        """Write one submission. A notebook of the section that is not in `notebooks` gets 0 points.

        timestamp : when it was handed in, UTC without a zone; None leaves what the gradebook has
        by_hand   : the grader failed on it, so a person has to grade what is not in `notebooks`
        """
        db = self.gradebook.db
        assignment_id, cells = self._known(section)
        try:
            if db.get(api.Student, student) is None:
                db.add(api.Student(id=student))
                db.flush()
            submission = db.execute(
                select(api.SubmittedAssignment).where(
                    api.SubmittedAssignment.assignment_id == assignment_id,
                    api.SubmittedAssignment.student_id == student,
                )
            ).scalar_one_or_none()
            if submission is None:
                submission = api.SubmittedAssignment(assignment_id=assignment_id, student_id=student)
                db.add(submission)
            if timestamp is not None:
                submission.timestamp = timestamp
            db.flush()
            present = {
                notebook.notebook_id: notebook
                for notebook in db.execute(
                    select(api.SubmittedNotebook).where(api.SubmittedNotebook.assignment_id == submission.id)
                ).scalars()
            }
            for name, keys in cells.items():
                notebook = present.get(keys.notebook_id)
                if notebook is None:
                    notebook = api.SubmittedNotebook(assignment_id=submission.id, notebook_id=keys.notebook_id)
                    db.add(notebook)
                    db.flush()
                missing = NotebookScores({}, frozenset()) if by_hand else None
                self._write_notebook(notebook, keys, notebooks.get(name, missing))
            db.flush()
            self._penalise(submission, {keys.notebook_id: keys for keys in cells.values()})
            db.commit()
        except BaseException:
            db.rollback()
            raise
        finally:
            db.expunge_all()  # a class of any size in the same memory

    def _write_notebook(self, notebook: Any, keys: _Cells, result: NotebookScores | None) -> None:
        db = self.gradebook.db
        grades = _by_cell(db, api.Grade, notebook.id)
        for name, cell_id in keys.grades.items():
            grade = grades.get(cell_id)
            if grade is None:
                grade = api.Grade(cell_id=cell_id, notebook_id=notebook.id)
                db.add(grade)
            if result is None:  # the notebook was not handed in
                grade.auto_score, grade.needs_manual_grade = 0, False
                continue
            grade.auto_score = result.scores.get(name)
            # As nbgrader does: a person looks again where a person has graded before.
            grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
        comments = _by_cell(db, api.Comment, notebook.id)
        for name, cell_id in keys.comments.items():
            comment = comments.get(cell_id)
            if comment is None:
                comment = api.Comment(cell_id=cell_id, notebook_id=notebook.id)
                db.add(comment)
            if result is not None:
                comment.auto_comment = NO_RESPONSE if name in result.unanswered else None

    def _penalise(self, submission: Any, keys: dict[str, _Cells]) -> None:
        """Late penalties, by the plugin that nbgrader_config.py names."""
        db = self.gradebook.db
        notebooks = db.execute(
            select(api.SubmittedNotebook).where(api.SubmittedNotebook.assignment_id == submission.id)
        ).scalars()
        late = submission.timestamp is not None and submission.total_seconds_late or 0
        for notebook in notebooks:
            penalty = None
            if late > 0:
                db.refresh(notebook)
                penalty = self._late.late_submission_penalty(submission.student_id, notebook.score, late)
                if penalty is not None:
                    penalty = min(max(penalty, 0), notebook.score)
            notebook.late_submission_penalty = penalty

    def _late_plugin(self) -> plugins.BasePlugin:
        preprocessor = AssignLatePenalties(config=self.course.config)
        preprocessor.init_plugin()
        return preprocessor.plugin_inst

    def _known(self, section: str) -> tuple[str, dict[str, _Cells]]:
        if section not in self._cells:
            assignment = self.gradebook.find_assignment(section)
            cells = {
                notebook.name: _Cells(
                    notebook.id,
                    {cell.name: cell.id for cell in [*notebook.grade_cells, *notebook.task_cells]},
                    {cell.name: cell.id for cell in [*notebook.solution_cells, *notebook.task_cells]},
                )
                for notebook in assignment.notebooks
            }
            self._cells[section] = (assignment.id, cells)
        return self._cells[section]


def _by_cell(db: Any, table: type, notebook_id: str) -> dict[str, Any]:
    rows = db.execute(select(table).where(table.notebook_id == notebook_id)).scalars()
    return {row.cell_id: row for row in rows}
