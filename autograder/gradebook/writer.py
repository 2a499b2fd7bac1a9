"""The one writer of the gradebook: nbgrader's own tables, many submissions in one transaction.

What ends up in the database is what `nbgrader autograde` would have written (its SaveAutoGrades and
AssignLatePenalties), without its commit for every cell. Manual scores, comments and extra credit are
never touched.

A submission is first read and worked out and then written, so whatever goes wrong with it alone goes wrong while
nothing of it is in the transaction. What waits for a disk is the end of a transaction, so that many share it.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from nbgrader import api, plugins
from nbgrader.preprocessors import AssignLatePenalties
from sqlalchemy import Connection, Executable, Row, bindparam, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from ..course import Course
from ..errors import CourseError, Unusable, UserError, reason
from .assignments import register
from .result import Result, SubmissionResult

NO_RESPONSE = "No response."
RUNS = 0x6772616465  # the number of our lock on a PostgreSQL server: "grade"; each database has locks of its own
NOTHING: Mapping[str, Set[str]] = {}
# The tables themselves: row objects for each of a hundred thousand grades would cost more than the grading.
STUDENT, SUBMISSION = api.Student.__table__, api.SubmittedAssignment.__table__
NOTEBOOK, GRADE, COMMENT = api.SubmittedNotebook.__table__, api.Grade.__table__, api.Comment.__table__

# Made once: to make a statement takes longer than to run it. In the order in which they are run.
NEW_STUDENT, NEW_SUBMISSION, NEW_NOTEBOOK = insert(STUDENT), insert(SUBMISSION), insert(NOTEBOOK)
NEW_GRADE, NEW_COMMENT = insert(GRADE), insert(COMMENT)
TIME = update(SUBMISSION).where(SUBMISSION.c.id == bindparam("key")).values(timestamp=bindparam("new"))
PENALTY = update(NOTEBOOK).where(NOTEBOOK.c.id == bindparam("key")).values(late_submission_penalty=bindparam("new"))
SCORE = update(GRADE).where(GRADE.c.id == bindparam("key"))
SCORE = SCORE.values(auto_score=bindparam("score"), needs_manual_grade=bindparam("waits"))
REMARK = update(COMMENT).where(COMMENT.c.id == bindparam("key")).values(auto_comment=bindparam("new"))
CHANGES = (NEW_STUDENT, NEW_SUBMISSION, NEW_NOTEBOOK, NEW_GRADE, NEW_COMMENT, TIME, PENALTY, SCORE, REMARK)

KNOWN_STUDENT = select(STUDENT.c.id).where(STUDENT.c.id == bindparam("student"))
HANDED_IN = (
    select(SUBMISSION.c.id, SUBMISSION.c.timestamp, SUBMISSION.c.extension, NOTEBOOK.c.notebook_id, NOTEBOOK.c.id)
    .join_from(SUBMISSION, NOTEBOOK, NOTEBOOK.c.assignment_id == SUBMISSION.c.id, isouter=True)
    .where(SUBMISSION.c.assignment_id == bindparam("assignment"), SUBMISSION.c.student_id == bindparam("student"))
)
# Held until the transaction ends, where the database has locks for rows: who grades by hand meanwhile comes after it.
GRADES = select(
    GRADE.c.cell_id, GRADE.c.id, GRADE.c.auto_score, GRADE.c.manual_score, GRADE.c.extra_credit,
    GRADE.c.needs_manual_grade,
).where(GRADE.c.notebook_id == bindparam("notebook")).with_for_update()  # fmt: skip
COMMENTS = select(COMMENT.c.cell_id, COMMENT.c.id).where(COMMENT.c.notebook_id == bindparam("notebook"))


@dataclass(frozen=True)
class _Cells:
    """The database keys of a notebook of an assignment."""

    notebook_id: str
    grades: dict[str, str]
    comments: dict[str, str]


@dataclass(frozen=True)
class _Assignment:
    """The database key of an assignment, when it is due (UTC, without a zone), and its notebooks by name."""

    id: str
    due: datetime.datetime | None
    notebooks: dict[str, _Cells]


@dataclass
class _Changes:
    """What one submission changes: rows by statement, and the grade_ids that a person should look at again."""

    rows: dict[Executable, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    look_again: list[str] = field(default_factory=list)


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
        self._assignments: dict[str, _Assignment] = {}
        self._alone = _the_only_run(self.gradebook)
        self._late = self._late_plugin()

    def close(self) -> None:
        """End it; what was written since the last `commit` is not in the gradebook."""
        if self._alone is not None:
            self._alone.close()
        self.gradebook.close()

    def __enter__(self) -> GradebookWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def prepare(self, section: str) -> None:
        """Bring the assignment of a section in step with its source. Raises CourseError."""
        with _readable_errors():
            register(self.course, self.gradebook, section)
        self._assignments.pop(section, None)

    def write(self, result: SubmissionResult, unchanged: Mapping[str, Set[str]] = NOTHING) -> tuple[str, ...]:
        """Write one submission; return the grade_ids to look at again: scored by a person, and changed since.

        It is in the gradebook after the next `commit`.

        A notebook of the section that the result does not have gets 0 points, or waits for a person where the grader
        failed (`by_hand`). A submission of which nobody knows when it was handed in keeps the time it has.

        unchanged : notebook -> grade_ids whose answer and points are those of the grading before: a score by hand stays
                    as finished as it was

        Raises Unusable when the database cannot be written; nothing written since the last `commit` is in it then.
        Whatever else it raises is about this submission, and nothing of it has been written.
        """
        with _readable_errors():
            connection = self.gradebook.db.connection()
            changes = self._changes(connection, result, unchanged)
            try:
                for statement in CHANGES:
                    if rows := changes.rows.get(statement):
                        connection.execute(statement, rows)
            except BaseException as error:
                self.gradebook.db.rollback()
                if isinstance(error, SQLAlchemyError) or not isinstance(error, Exception):
                    raise
                raise Unusable(f"The gradebook cannot be written ({type(error).__name__}: {error}).") from error
        return tuple(changes.look_again)

    def commit(self) -> None:
        """Put all that was written into the gradebook, for good. Raises Unusable when that cannot be done."""
        with _readable_errors():
            try:
                self.gradebook.db.commit()
            except BaseException:
                self.gradebook.db.rollback()
                raise

    def _changes(self, connection: Connection, result: SubmissionResult, unchanged: Mapping[str, Set[str]]) -> _Changes:
        assignment, changes = self._known(result.section), _Changes()
        who = {"assignment": assignment.id, "student": result.student}
        found = connection.execute(HANDED_IN, who).all()
        handed_in = result.handed_in
        if found:
            key, timestamp, extension, *_ = found[0]
            if handed_in is not None:
                changes.rows[TIME].append({"key": key, "new": handed_in})
        else:
            key, timestamp, extension = api.new_uuid(), None, None
            if connection.execute(KNOWN_STUDENT, {"student": result.student}).first() is None:
                changes.rows[NEW_STUDENT].append({"id": result.student})
            changes.rows[NEW_SUBMISSION].append(
                {"id": key, "assignment_id": assignment.id, "student_id": result.student, "timestamp": handed_in}
            )
        late = _seconds_late(handed_in or timestamp, assignment.due, extension)
        present = {notebook_id: submitted for *_, notebook_id, submitted in found if submitted is not None}
        for name, cells in assignment.notebooks.items():
            submitted = present.get(cells.notebook_id)
            graded = result.notebooks.get(name, Result(result.section, name) if result.by_hand else None)
            grades = connection.execute(GRADES, {"notebook": submitted}).all() if submitted else []
            comments = connection.execute(COMMENTS, {"notebook": submitted}).all() if submitted else []
            new = submitted is None
            submitted = submitted or api.new_uuid()
            score = _grades(changes, submitted, cells.grades, grades, graded, unchanged.get(name, frozenset()))
            _comments(changes, submitted, cells.comments, comments, graded)
            penalty = self._penalty(result.student, score, late)
            if new:
                row = {"id": submitted, "assignment_id": key, "notebook_id": cells.notebook_id}
                changes.rows[NEW_NOTEBOOK].append({**row, "late_submission_penalty": penalty})
            else:
                changes.rows[PENALTY].append({"key": submitted, "new": penalty})
        return changes

    def _penalty(self, student: str, score: float, late: float) -> float | None:
        """What being late costs a notebook, by the plugin that nbgrader_config.py names. Raises CourseError."""
        if late <= 0:
            return None
        name = type(self._late).__name__
        try:
            penalty = self._late.late_submission_penalty(student, score, late)
            points = None if penalty is None else float(penalty)
        except (Exception, SystemExit) as error:  # the course's own code: whoever wrote it has to know, and nobody else
            said = f"{type(error).__name__}: {error}"
            raise CourseError(f"The late plugin {name} of nbgrader_config.py fails ({said}). Mend it.") from None
        if points is not None and math.isnan(points):
            raise CourseError(f"The late plugin {name} of nbgrader_config.py says {penalty!r}, no number. Mend it.")
        return None if points is None else min(max(points, 0.0), score)

    def _late_plugin(self) -> plugins.BasePlugin:
        """Raises CourseError where nbgrader_config.py names none, or its class cannot be made."""
        try:
            preprocessor = AssignLatePenalties(config=self.course.config)
            preprocessor.init_plugin()
        except (Exception, SystemExit) as error:
            said = re.sub(r"<(\S+) object at \w+>", r"\1", f"{type(error).__name__}: {error}")
            where = "c.AssignLatePenalties.plugin_class in nbgrader_config.py"
            raise CourseError(f"{where} is no late plugin that can be used ({said}). Mend it.") from None
        return preprocessor.plugin_inst

    def _known(self, section: str) -> _Assignment:
        if section not in self._assignments:
            assignment = self.gradebook.find_assignment(section)
            cells = {
                notebook.name: _Cells(
                    notebook.id,
                    {cell.name: cell.id for cell in [*notebook.grade_cells, *notebook.task_cells]},
                    {cell.name: cell.id for cell in [*notebook.solution_cells, *notebook.task_cells]},
                )
                for notebook in assignment.notebooks
            }
            self._assignments[section] = _Assignment(assignment.id, assignment.duedate, cells)
        return self._assignments[section]


def _the_only_run(gradebook: api.Gradebook) -> Connection | None:
    """The connection that holds a server's lock for runs, so that runs of several folders or machines don't mix.

    None for SQLite, where the lock of the course's folder is enough. The server frees it when the connection ends, so
    a dead run holds nothing. Raises UserError when another run holds it.
    """
    if gradebook.engine.dialect.name != "postgresql":
        return None
    with _readable_errors():
        connection = gradebook.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        free = connection.execute(select(func.pg_try_advisory_lock(RUNS))).scalar()
    if not free:
        connection.close()
        gradebook.close()
        raise UserError("Another grading run is writing into this gradebook. Wait for it, or stop it first.")
    return connection


def _seconds_late(
    handed_in: datetime.datetime | None, due: datetime.datetime | None, extension: datetime.timedelta | None
) -> float:
    """As nbgrader counts them: 0 where nobody knows when it was handed in or when it was due."""
    if handed_in is None or due is None:
        return 0.0
    return max(0.0, (handed_in - (due + (extension or datetime.timedelta()))).total_seconds())


def _grades(
    changes: _Changes,
    notebook_id: str,
    cells: dict[str, str],
    rows: Sequence[Row],
    result: Result | None,
    unchanged: Set[str],
) -> float:
    """Note what becomes of the grades of a notebook; return its score with them, as nbgrader adds it up."""
    present = {cell_id: rest for cell_id, *rest in rows}
    total = sum(_score(*present[cell_id][1:4]) for cell_id in present.keys() - set(cells.values()))
    for name, cell_id in cells.items():
        key, _, manual, extra, waiting = present.get(cell_id, (None, None, None, None, True))
        # A notebook that was not handed in is worth nothing and needs nobody.
        score = 0.0 if result is None else result.scores.get(name)
        by_person = result is not None and (manual is not None or score is None)
        if by_person and manual is not None:
            if name in unchanged:
                by_person = bool(waiting)
            else:
                changes.look_again.append(name)
        if key is None:
            row = {"id": api.new_uuid(), "cell_id": cell_id, "notebook_id": notebook_id}
            changes.rows[NEW_GRADE].append({**row, "auto_score": score, "needs_manual_grade": by_person})
        else:
            changes.rows[SCORE].append({"key": key, "score": score, "waits": by_person})
        total += _score(score, manual, extra)
    return total


def _score(auto: float | None, manual: float | None, extra: float | None) -> float:
    """`api.Grade.score`: a score by hand counts in place of the automatic one."""
    given = auto if manual is None else manual
    return 0.0 if given is None else given + (extra or 0.0)


def _comments(
    changes: _Changes, notebook_id: str, cells: dict[str, str], rows: Sequence[Row], result: Result | None
) -> None:
    present = {cell_id: key for cell_id, key in rows}
    for name, cell_id in cells.items():
        comment = NO_RESPONSE if result is not None and name in result.unanswered else None
        if cell_id not in present:
            row = {"id": api.new_uuid(), "cell_id": cell_id, "notebook_id": notebook_id}
            changes.rows[NEW_COMMENT].append({**row, "auto_comment": comment})
        elif result is not None:
            changes.rows[REMARK].append({"key": present[cell_id], "new": comment})
