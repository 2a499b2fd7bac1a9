"""Grade files for learning platforms, and a plain table.

`csv` : one row a student; score, maximum, late penalty and open manual grading of each section, each check, totals
others: what `grade_file` of the platform's module makes. Each takes the platform's own list of students, saved as
        exports/<platform>-roster.csv, so that its rows, ids and columns are used again.

Scores are nbgrader's: manual over automatic, extra credit added, the late penalty taken off. A section that was not
handed in, or that nobody could read, is an empty cell: platforms leave such a grade as it is. When all sections are
exported, those that nobody has handed in are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..course import Course
from ..errors import UserError, WrongUsage
from ..gradebook.reader import Grades, Person, read_grades
from . import blackboard, brightspace, canvas, gradescope, moodle
from .roster import Row
from .table import GradeFile, Titles, number_cell, score_cell, text_cell, write_table


def export_grades(
    course: Course,
    format: str,
    output: Path | None,
    sections: Sequence[str],
    *,
    assignments: Mapping[str, str] | None = None,
    excel: bool = False,
    notes: list[str] | None = None,
) -> tuple[Path, list[str]]:
    """Write the grades of the sections; return the file's path and what a person has still to grade (student/section).

    format      : one of FORMATS
    output      : exports/grades-<format>.csv when None
    assignments : section -> what it is called in the platform
    excel       : begin with the mark by which Excel knows UTF-8
    notes       : gets sentences for whoever uploads the file

    Raises UserError for an unknown format, when nothing is graded, for a roster that can't be read, and, after the
    file is written, when the roster lacks students who have grades.
    """
    if format not in FORMATS:
        raise WrongUsage(f"There is no export format {format!r}. The formats are: {', '.join(FORMATS)}.")
    path = Path(output) if output else course.exports / f"grades-{format}.csv"
    if path.is_dir():
        raise UserError(f"{path} is a folder. Name a file with -o.")
    grades = read_grades(course, list(sections))
    if not any(section.submissions for section in grades.sections):
        raise UserError("Nothing is graded yet in these sections. Run `python -m autograder grade` first.")
    if set(sections) == set(course.sections()):
        grades.sections = [section for section in grades.sections if section.submissions]
    file = FORMATS[format](course, grades, Titles(dict(assignments or {})))
    write_table(path, file.rows, excel and file.marked, file.quoted)
    if excel and not file.marked:
        file.notes.append(f"Written without Excel's mark: {format} would not know the first column with it.")
    if notes is not None:
        notes += file.notes
    if file.missing:
        roster = course.shown(course.exports / f"{format}-roster.csv")
        raise UserError(
            f"{course.shown(path)} is written, but {roster} has no row for {', '.join(file.missing)}: their grades are "
            "not in it. Export the roster again, or enter those grades by hand."
        )
    return path, grades.unfinished()


def _plain(course: Course, grades: Grades, titles: Titles) -> GradeFile:
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
            row += [score_cell(submission), number_cell(section.points)]
            row += [number_cell(submission and submission.penalty)]
            row += ["" if submission is None else "yes" if submission.needs_person else "no"]
            marks = [submission.mark(item) if submission else None for item in section.items]
            details += [number_cell(mark and mark.score) for mark in marks]
        row += [number_cell(_total(grades, person)), number_cell(sum(section.points for section in grades.sections))]
        rows.append(row + details)
    return GradeFile(rows)


def _total(grades: Grades, person: Person) -> float:
    handed_in = [section.submissions.get(person.id) for section in grades.sections]
    return sum(submission.score for submission in handed_in if submission)


FORMATS: dict[str, Callable[[Course, Grades, Titles], GradeFile]] = {
    "csv": _plain,
    "canvas": canvas.grade_file,
    "moodle": moodle.grade_file,
    "gradescope": gradescope.grade_file,
    "blackboard": blackboard.grade_file,
    "brightspace": brightspace.grade_file,
}
