"""The one writer of the gradebook: nbgrader's own tables, one transaction for each submission.

What ends up in the database is what `nbgrader autograde` would have written (its SaveAutoGrades and
AssignLatePenalties), without its commit for every cell. Manual scores, comments and extra credit are
never touched.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from nbgrader import api, plugins
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from ..course import Course
from ..errors import CourseError, Unusable, reason
from .assignments import register
from .result import Result, SubmissionResult

NO_RESPONSE = "No response."
NOTHING: Mapping[str, Set[str]] = {}
# The tables themselves: row objects for each of a hundred thousand grades would cost more than the grading.
STUDENT, SUBMISSION = api.Student.__table__, api.SubmittedAssignment.__table__
NOTEBOOK, GRADE, COMMENT = api.SubmittedNotebook.__table__, api.Grade.__table__, api.Comment.__table__


@dataclass(frozen=True)
class _Cells:
    """The database keys of a notebook of an assignment."""

    notebook_id: str
    grades: dict[str, str]
    comments: dict[str, str]


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        why = reason(error)
        text = f"The gradebook cannot be written ({why}). Close what uses it; the same command goes on from here."
        raise Unusable(text) from None


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
        with _readable_errors():
            register(self.course, self.gradebook, section)
        self._cells.pop(section, None)

    def write(self, result: SubmissionResult, unchanged: Mapping[str, Set[str]] = NOTHING) -> tuple[str, ...]:
        """Write one submission; return the grade_ids to look at again: scored by a person, and changed since.

        A notebook of the section that the result does not have gets 0 points, or waits for a person where the grader
        failed (`by_hand`). A submission of which nobody knows when it was handed in keeps the time it has.

        unchanged : notebook -> grade_ids whose answer and points are those of the grading before: a score by hand stays
                    as finished as it was

        Raises CourseError when the database cannot be written; nothing of the submission is in it then.
        """
        with _readable_errors():
            return self._write(result, unchanged)

    def _write(self, result: SubmissionResult, unchanged: Mapping[str, Set[str]]) -> tuple[str, ...]:
        db = self.gradebook.db
        look_again: list[str] = []
        assignment_id, cells = self._known(result.section)
        try:
            submission_id = self._submission(result.student, assignment_id, result.handed_in)
            rows = db.execute(
                select(NOTEBOOK.c.notebook_id, NOTEBOOK.c.id).where(NOTEBOOK.c.assignment_id == submission_id)
            )
            present = dict(rows.fetchall())
            for name, keys in cells.items():
                notebook_id = present.get(keys.notebook_id)
                if notebook_id is None:
                    notebook_id = api.new_uuid()
                    db.execute(
                        insert(NOTEBOOK).values(
                            id=notebook_id, assignment_id=submission_id, notebook_id=keys.notebook_id
                        )
                    )
                missing = Result(result.section, name) if result.by_hand else None
                notebook = result.notebooks.get(name, missing)
                look_again += self._write_grades(notebook_id, keys.grades, notebook, unchanged.get(name, frozenset()))
                self._write_comments(notebook_id, keys.comments, notebook)
            self._penalise(submission_id)
            db.commit()
            return tuple(look_again)
        except BaseException:
            db.rollback()
            raise
        finally:
            db.expunge_all()  # a class of any size in the same memory

    def _submission(self, student: str, assignment_id: str, timestamp: datetime.datetime | None) -> str:
        """The key of the student's submission, made when there is none."""
        db = self.gradebook.db
        if db.execute(select(STUDENT.c.id).where(STUDENT.c.id == student)).scalar() is None:
            db.execute(insert(STUDENT).values(id=student))
        key = db.execute(
            select(SUBMISSION.c.id).where(
                SUBMISSION.c.assignment_id == assignment_id, SUBMISSION.c.student_id == student
            )
        ).scalar()
        if key is None:
            key = api.new_uuid()
            values = {"id": key, "assignment_id": assignment_id, "student_id": student, "timestamp": timestamp}
            db.execute(insert(SUBMISSION).values(**values))
        elif timestamp is not None:
            db.execute(update(SUBMISSION).where(SUBMISSION.c.id == key).values(timestamp=timestamp))
        return key

    def _write_grades(
        self, notebook_id: str, cells: dict[str, str], result: Result | None, unchanged: Set[str]
    ) -> list[str]:
        """Write the scores of a notebook; return the grade_ids that a person should look at again."""
        db = self.gradebook.db
        columns = (GRADE.c.cell_id, GRADE.c.id, GRADE.c.manual_score, GRADE.c.needs_manual_grade)
        rows = db.execute(select(*columns).where(GRADE.c.notebook_id == notebook_id))
        present = {cell_id: rest for cell_id, *rest in rows}
        new, look_again = [], []
        for name, cell_id in cells.items():
            key, manual, waiting = present.get(cell_id, (None, None, True))
            # A notebook that was not handed in is worth nothing and needs nobody.
            score = 0.0 if result is None else result.scores.get(name)
            by_person = result is not None and (manual is not None or score is None)
            if by_person and manual is not None:
                if name in unchanged:
                    by_person = bool(waiting)
                else:
                    look_again.append(name)
            values = {"auto_score": score, "needs_manual_grade": by_person}
            if key is None:
                new.append({"id": api.new_uuid(), "cell_id": cell_id, "notebook_id": notebook_id, **values})
            else:
                db.execute(update(GRADE).where(GRADE.c.id == key).values(**values))
        if new:
            db.execute(insert(GRADE), new)
        return look_again

    def _write_comments(self, notebook_id: str, cells: dict[str, str], result: Result | None) -> None:
        db = self.gradebook.db
        rows = db.execute(select(COMMENT.c.cell_id, COMMENT.c.id).where(COMMENT.c.notebook_id == notebook_id))
        present = dict(rows.fetchall())
        new = []
        for name, cell_id in cells.items():
            comment = NO_RESPONSE if result is not None and name in result.unanswered else None
            if cell_id not in present:
                new.append(
                    {"id": api.new_uuid(), "cell_id": cell_id, "notebook_id": notebook_id, "auto_comment": comment}
                )
            elif result is not None:
                db.execute(update(COMMENT).where(COMMENT.c.id == present[cell_id]).values(auto_comment=comment))
        if new:
            db.execute(insert(COMMENT), new)

    def _penalise(self, submission_id: str) -> None:
        """Late penalties, by the plugin that nbgrader_config.py names."""
        db = self.gradebook.db
        submission = db.get(api.SubmittedAssignment, submission_id)
        if submission.timestamp is None or submission.duedate is None:
            db.execute(
                update(NOTEBOOK).where(NOTEBOOK.c.assignment_id == submission_id).values(late_submission_penalty=None)
            )
            return
        late = submission.total_seconds_late
        for notebook in submission.notebooks:
            penalty = None
            if late > 0:
                try:
                    penalty = self._late.late_submission_penalty(submission.student_id, notebook.score, late)
                except Exception as error:  # the course's own code: whoever wrote it has to know, and nobody else
                    name = type(self._late).__name__
                    said = f"{type(error).__name__}: {error}"
                    raise CourseError(
                        f"The late plugin {name} of nbgrader_config.py fails ({said}). Mend it."
                    ) from None
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
