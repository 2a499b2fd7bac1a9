"""Grade files for learning platforms, and a plain table.

`csv`    : one row a student; score, maximum, late penalty and open manual grading of each section, each check, totals
`canvas` : for Canvas, Grades → Import. Save Canvas's own export as exports/canvas-roster.csv: its rows, ids and
           assignment columns are then used again, so that Canvas fills the columns it has. Without it a student's id
           stands under "SIS User ID".
`moodle` : for Moodle, Grades → Import → CSV file. Save a file with a column "Username", "ID number" or "Email
           address" (a participants list or a grader report) as exports/moodle-roster.csv, and its rows are used.
           Without it a student's id stands under "Username".

Scores are nbgrader's: manual over automatic, extra credit added, the late penalty taken off. A section that was not
handed in, or that nobody could read, is an empty cell: platforms leave such a grade as it is. When all sections are
exported, those that nobody has handed in are left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from backprop.files import write_atomically

from ..course import Course
from ..errors import UserError
from ..gradebook.reader import GradedSubmission, Grades, Person, Section, read_grades
from .roster import Roster, Row, read_roster

# A spreadsheet takes a text that begins with one of these for a formula, and may run it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "|", "%")
CANVAS_IDENTITY = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
# Where a roster may hold the id under which a student's submissions lie, the surest first.
CANVAS_KEYS = ("sis login id", "sis user id", "id", "student")
MOODLE_KEYS = ("username", "id number", "email address", "identifier")
MOODLE_IDENTITY = ("Username", "Full name", "Email address")


def export_grades(course: Course, format: str, output: Path | None, sections: Sequence[str]) -> tuple[Path, list[str]]:
    """Write the grades of the sections; return the file's path and what a person has still to grade (student/section).

    format : one of csv, canvas, moodle
    output : exports/grades-<format>.csv when None

    Raises UserError for an unknown format, when nothing is graded, for a roster that can't be read, and, after the
    file is written, when the roster lacks students who have grades.
    """
    if format not in FORMATS:
        raise UserError(f"There is no export format {format!r}. The formats are: {', '.join(FORMATS)}.")
    path = Path(output) if output else course.exports / f"grades-{format}.csv"
    if path.is_dir():
        raise UserError(f"{path} is a folder. Name a file with -o.")
    grades = read_grades(course, list(sections))
    if not any(section.submissions for section in grades.sections):
        raise UserError("Nothing is graded yet in these sections. Run `python -m autograder grade` first.")
    if set(sections) == set(course.sections()):
        grades.sections = [section for section in grades.sections if section.submissions]
    rows, missing = FORMATS[format](course, grades)
    write_table(path, rows)
    if missing:
        roster = course.shown(course.exports / f"{format}-roster.csv")
        raise UserError(
            f"{course.shown(path)} is written, but {roster} has no row for {', '.join(missing)}: their grades are "
            "not in it. Export the roster again, or enter those grades by hand."
        )
    return path, grades.unfinished()


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write a CSV file as spreadsheets read it (UTF-8, quoted where needed), whole or not at all."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    content = text.getvalue().encode("utf-8", "replace")
    write_atomically(path, content, mode=0o640)  # grades are nobody else's business


def text_cell(text: object) -> str:
    """Text as a cell that no spreadsheet takes for a formula: an apostrophe goes before the signs that begin one."""
    line = re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", str(text)).rstrip()
    return f"'{line}" if str(text).startswith(FORMULA) or line.lstrip().startswith(FORMULA) else line


def number_cell(value: float | None) -> str:
    """A number with at most four places, never 1e-05 and never -0; empty for None."""
    return "" if value is None else f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")


# -- the plain table ------------------------------------------------------------------------------------------------


def _plain(course: Course, grades: Grades) -> tuple[list[Row], list[str]]:
    header = ["student", "last_name", "first_name", "email"]
    for section in grades.sections:
        name = section.name
        header += [f"{name} score", f"{name} max", f"{name} late penalty", f"{name} needs manual grading"]
    header += ["total", "max"]
    for section in grades.sections:
        several = len({item.notebook for item in section.items}) > 1
        header += [
            f"{section.name}/{item.notebook}/{item.name}" if several else f"{section.name}/{item.name}"
            for item in section.items
        ]
    rows = [[text_cell(name) for name in header]]
    for person in grades.people:
        row = [text_cell(text) for text in (person.id, person.last_name, person.first_name, person.email)]
        details: Row = []
        for section in grades.sections:
            submission = section.submissions.get(person.id)
            row += [_score(submission), number_cell(section.points)]
            row += [number_cell(submission and submission.penalty)]
            row += ["" if submission is None else "yes" if submission.needs_person else "no"]
            marks = [submission.mark(item) if submission else None for item in section.items]
            details += [number_cell(mark and mark.score) for mark in marks]
        row += [number_cell(_total(grades, person)), number_cell(sum(section.points for section in grades.sections))]
        rows.append(row + details)
    return rows, []


def _total(grades: Grades, person: Person) -> float:
    handed_in = [section.submissions.get(person.id) for section in grades.sections]
    return sum(submission.score for submission in handed_in if submission)


# -- Canvas ---------------------------------------------------------------------------------------------------------


def _canvas(course: Course, grades: Grades) -> tuple[list[Row], list[str]]:
    roster = read_roster(course.exports / "canvas-roster.csv", CANVAS_KEYS)
    if roster is None:
        roster = Roster(list(CANVAS_IDENTITY))
        roster.students = [[_canvas_name(person), person.lms_id, person.id, "", ""] for person in grades.people]
        matched = dict(enumerate(grades.people))
    else:
        # Canvas puts "Manual Posting" and "Points Possible" rows between the header and the students.
        special = [row for row in roster.students if row[0].strip().lower() in ("points possible", "")]
        roster.students = [row for row in roster.students if row not in special]
        matched = roster.match(grades.people, CANVAS_KEYS)
    kept = [i for name in CANVAS_IDENTITY if (i := roster.column(name)) is not None]
    header = [roster.header[i] for i in kept] + [_canvas_column(roster, section) for section in grades.sections]
    possible = ["    Points Possible"] + [""] * (len(kept) - 1) + [number_cell(s.points) for s in grades.sections]
    rows = [[text_cell(name) for name in header], possible]
    for number, row in enumerate(roster.students):
        rows.append([text_cell(row[i]) for i in kept] + _scores(grades, matched.get(number)))
    return rows, _without_row(grades, matched)


def _canvas_name(person: Person) -> str:
    return ", ".join(part for part in (person.last_name, person.first_name) if part) or person.id


def _canvas_column(roster: Roster, section: Section) -> str:
    """The roster's own column of the section, "02-sums (1234)", so that Canvas fills it and makes no new one."""
    pattern = re.compile(re.escape(section.name) + r"( \(\d+\))?\Z", re.IGNORECASE)
    return next((title for title in roster.header if pattern.match(title.strip())), section.name)


# -- Moodle ---------------------------------------------------------------------------------------------------------


def _moodle(course: Course, grades: Grades) -> tuple[list[Row], list[str]]:
    roster = read_roster(course.exports / "moodle-roster.csv", MOODLE_KEYS)
    if roster is None:
        roster = Roster(list(MOODLE_IDENTITY))
        roster.students = [[person.id, person.name, person.email] for person in grades.people]
        matched = dict(enumerate(grades.people))
    else:
        matched = roster.match(grades.people, MOODLE_KEYS)
    wanted = ("identifier", "username", "id number", "first name", "last name", "surname", "full name", "email address")
    kept = [i for i, title in enumerate(roster.header) if title.strip().lower() in wanted]
    rows = [[text_cell(roster.header[i]) for i in kept] + [text_cell(section.name) for section in grades.sections]]
    for number, row in enumerate(roster.students):
        rows.append([text_cell(row[i]) for i in kept] + _scores(grades, matched.get(number)))
    return rows, _without_row(grades, matched)


def _scores(grades: Grades, person: Person | None) -> Row:
    handed_in = [section.submissions.get(person.id) if person else None for section in grades.sections]
    return [_score(submission) for submission in handed_in]


def _score(submission: GradedSubmission | None) -> str:
    """The score of a section; empty where nothing was handed in, or nothing of it has been scored by anybody."""
    return "" if submission is None or submission.unseen else number_cell(submission.score)


def _without_row(grades: Grades, matched: dict[int, Person]) -> list[str]:
    """Students with grades whom the roster does not know."""
    known = {person.id for person in matched.values()}
    graded = {student for section in grades.sections for student in section.submissions}
    return sorted(graded - known)


FORMATS: dict[str, Callable[[Course, Grades], tuple[list[Row], list[str]]]] = {
    "csv": _plain,
    "canvas": _canvas,
    "moodle": _moodle,
}
