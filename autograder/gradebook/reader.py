"""What the gradebook says about a class, read with a few queries: for feedback, export and report.

Scores are nbgrader's: a manual score counts in place of the automatic one, extra credit is added,
the late penalty is taken off at the end, and nothing goes below zero.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from nbgrader import api
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from ..course import Course
from ..errors import UserError, reason


@dataclass(frozen=True)
class Person:
    """A student as the gradebook knows them; every field but the id may be empty. lms_id: in the learning platform."""

    id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""
    lms_id: str = ""

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class Item:
    """A graded cell of a section. written: its answer is text, so a person gives the points."""

    notebook: str
    name: str
    points: float
    written: bool


@dataclass
class Mark:
    """What one graded cell got. by_person: a person has given or changed the score."""

    score: float
    points: float
    needs_person: bool
    by_person: bool = False


@dataclass
class NotebookGrade:
    """One submitted notebook: marks and comments by grade_id, and the late penalty."""

    marks: dict[str, Mark] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    penalty: float = 0.0

    @property
    def raw(self) -> float:
        return sum(mark.score for mark in self.marks.values())


@dataclass
class GradedSubmission:
    """One student's submission of a section. submitted: UTC, None where nothing was noted."""

    student: str
    submitted: datetime.datetime | None = None
    notebooks: dict[str, NotebookGrade] = field(default_factory=dict)

    @property
    def penalty(self) -> float:
        return sum(notebook.penalty for notebook in self.notebooks.values())

    @property
    def score(self) -> float:
        return max(0.0, sum(notebook.raw for notebook in self.notebooks.values()) - self.penalty)

    @property
    def needs_person(self) -> bool:
        return any(mark.needs_person for n in self.notebooks.values() for mark in n.marks.values())

    @property
    def unseen(self) -> bool:
        """Nothing of it has a score yet: it could not be read, or all of it is a person's to grade."""
        marks = [mark for notebook in self.notebooks.values() for mark in notebook.marks.values()]
        return bool(marks) and all(mark.needs_person and not mark.by_person for mark in marks)

    def mark(self, item: Item) -> Mark | None:
        notebook = self.notebooks.get(item.notebook)
        return notebook.marks.get(item.name) if notebook else None


@dataclass
class Section:
    """The grades of a section: its graded cells in the order of the notebook, and the submissions by student.

    due : UTC, None where there is no due date
    """

    name: str
    items: list[Item] = field(default_factory=list)
    submissions: dict[str, GradedSubmission] = field(default_factory=dict)
    due: datetime.datetime | None = None

    @property
    def points(self) -> float:
        return sum(item.points for item in self.items)

    def notebook_points(self, notebook: str) -> float:
        return sum(item.points for item in self.items if item.notebook == notebook)


@dataclass
class Grades:
    """Everybody's grades."""

    people: list[Person]
    sections: list[Section]

    def unfinished(self, students: Sequence[str] = ()) -> list[str]:
        """The submissions that a person has still to grade, as student/section, in order. students : all when empty"""
        return sorted(
            f"{submission.student}/{section.name}"
            for section in self.sections
            for submission in section.submissions.values()
            if submission.needs_person and (not students or submission.student in students)
        )


def read_grades(course: Course, sections: list[str]) -> Grades:
    """The grades of the sections. A section that was never graded has no items and no submissions.

    Raises UserError when the gradebook cannot be opened or read.
    """
    with course.open_gradebook() as gradebook:
        try:
            db = gradebook.db
            who = api.Student
            rows = db.execute(
                select(who.id, who.last_name, who.first_name, who.email, who.lms_user_id).order_by(who.id)
            )
            people = [Person(*(str(value or "") for value in row)) for row in rows]
            return Grades(people, [_section(db, name, _order(course, name)) for name in sections])
        except SQLAlchemyError as error:
            raise UserError(
                f"The gradebook cannot be read: {reason(error)}. Try `python -m autograder doctor`."
            ) from None


def _order(course: Course, section: str) -> dict[tuple[str, str], int]:
    """The place of each graded cell in the released notebooks; empty where there are none to be read."""
    places: dict[tuple[str, str], int] = {}
    for path in sorted((course.release / section).glob("*.ipynb")):
        try:
            cells = json.loads(path.read_bytes())["cells"]
            ids = [cell["metadata"].get("nbgrader", {}).get("grade_id", "") for cell in cells]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        for grade_id in ids:
            places[path.stem, grade_id] = len(places)
    return places


def _section(db, name: str, order: dict[tuple[str, str], int]) -> Section:
    section = Section(name)
    found = db.execute(
        select(api.Assignment.id, api.Assignment.duedate).where(api.Assignment.name == name)
    ).one_or_none()
    if found is None:
        return section
    assignment, section.due = found
    notebooks = dict(
        db.execute(select(api.Notebook.id, api.Notebook.name).where(api.Notebook.assignment_id == assignment)).all()
    )
    cells, last = _cells(db, notebooks), len(order)
    section.items = sorted(
        cells.values(), key=lambda item: (order.get((item.notebook, item.name), last), item.notebook, item.name)
    )
    submissions = _submissions(db, assignment)
    section.submissions = {submission.student: submission for submission in submissions.values()}
    _read_notebooks(db, notebooks, cells, submissions)
    return section


def _cells(db, notebooks: dict[str, str]) -> dict[str, Item]:
    """The graded cells of some notebooks (id -> name), by their ids in the database."""
    cells = {}
    for table, written in ((api.GradeCell, None), (api.TaskCell, True)):
        rows = db.execute(
            select(table.id, table.name, table.max_score, table.cell_type, table.notebook_id).where(
                table.notebook_id.in_(notebooks)
            )
        )
        for key, name, points, cell_type, notebook in rows:
            text = written if written is not None else cell_type == "markdown"
            cells[key] = Item(notebooks[notebook], name, float(points or 0), text)
    return cells


def _submissions(db, assignment: str) -> dict[str, GradedSubmission]:
    """The submissions of an assignment by their ids in the database, in the order of the students."""
    table = api.SubmittedAssignment
    rows = db.execute(
        select(table.id, table.student_id, table.timestamp)
        .where(table.assignment_id == assignment)
        .order_by(table.student_id)
    )
    return {key: GradedSubmission(student, timestamp) for key, student, timestamp in rows}


def _read_notebooks(
    db, notebooks: dict[str, str], cells: dict[str, Item], submissions: dict[str, GradedSubmission]
) -> None:
    """Put the penalties, marks and comments of all submitted notebooks into the submissions."""
    table = api.SubmittedNotebook
    mine = table.notebook_id.in_(notebooks)
    handed: dict[str, NotebookGrade] = {}
    for key, submission, notebook, penalty in db.execute(
        select(table.id, table.assignment_id, table.notebook_id, table.late_submission_penalty).where(mine)
    ):
        handed[key] = NotebookGrade(penalty=float(penalty or 0))
        submissions[submission].notebooks[notebooks[notebook]] = handed[key]
    keys = select(table.id).where(mine)
    grade = api.Grade
    for notebook, cell, score, needs, manual in db.execute(
        select(grade.notebook_id, grade.cell_id, grade.score, grade.needs_manual_grade, grade.manual_score).where(
            grade.notebook_id.in_(keys)
        )
    ):
        if cell in cells:
            item = cells[cell]
            handed[notebook].marks[item.name] = Mark(float(score or 0), item.points, bool(needs), manual is not None)
    comment = api.Comment
    for notebook, cell, text in db.execute(
        select(comment.notebook_id, api.BaseCell.name, comment.comment)
        .join(api.BaseCell, api.BaseCell.id == comment.cell_id)
        .where(comment.notebook_id.in_(keys), comment.comment.is_not(None))
    ):
        handed[notebook].comments[cell] = text
