"""Canvas: *Download Submissions*, its list of students, and *Grades → Import*.

Download: <name>[_LATE]_<user id>_<file id>_<file>[-N].ext, all in one folder. The dates in it are those of the download
(Canvas writes every entry anew), so they order downloads and date nothing but late work, for which they are the latest
it can have been. Source: Canvas LMS, lib/content_zipper.rb (names of the entries), app/models/abstract_assignment.rb,
infer_comment_context_from_filename (feedback: the first two numbers between "_" in a file's name are the user's and the
file's), lib/gradebook_exporter.rb and lib/gradebook_importer.rb (columns of the grade file).

Only names that Canvas makes decide whose a file is; nothing that a student has named is asked.
"""

from __future__ import annotations

import re

from ..course import Course
from ..gradebook.reader import Grades, Person
from ..submissions.archive import Archive
from .delivery import ONE_NUMBER, Deliveries, Delivery
from .roster import Roster, read_roster
from .table import GradeFile, Titles, number_cell, score_cell, text_cell, without_row

# Which columns of a roster name the student as the download does: the number in the names of its files.
ROSTER = ("canvas", "id", "canvas_user_id")
NUMBERS = re.compile(r"(?=_(\d+)_(\d+)_)")
ANONYMOUS = re.compile(r"(LATE_)?anon_([A-Za-z0-9]+)_(\d+)_(.+)\Z")
LATE = re.compile(r"(\A|_)LATE(?=_)")
TEXT = re.compile(r".+_(text|link)\.html\Z")
TEST_STUDENT = re.compile(r"(studenttest|teststudent)(_LATE)?(_\d+)?\Z", re.IGNORECASE)


def _canvas_name(name: str) -> tuple[str, bool, int, str] | None:
    """(user id, late, file id, file name), None when Canvas did not make the name."""
    places = list(NUMBERS.finditer(name))
    if not places:
        anonymous = ANONYMOUS.match(name)
        return anonymous and (f"anon-{anonymous[2]}", bool(anonymous[1]), int(anonymous[3][:18]), anonymous[4])
    user, file = places[0].groups()
    head, tail = name[: places[0].start()], name[places[0].start() + len(user) + len(file) + 3 :]
    late = head == "LATE" or head.endswith("_LATE")
    return (user, late, int(file[:18]), tail) if head and tail else None


def fits(paths: list[tuple[str, ...]]) -> bool:
    """Whether all files have names that Canvas makes: one student's file can't speak for the others."""
    return bool(paths) and all(len(path) == 1 and (_canvas_name(path[0]) or TEXT.match(path[0])) for path in paths)


def some(paths: list[tuple[str, ...]]) -> bool:
    return any(len(path) == 1 and _canvas_name(path[0]) for path in paths)


def read(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused, unsure = [], []
    for entry in archive.entries:
        read = _canvas_name(entry.name) if len(entry.parts) == 1 else None
        if read is None:
            text = TEXT.match(entry.name)
            refused.append(
                ("/".join(entry.parts), "it is a text typed into Canvas" if text else "it has no Canvas name")
            )
            continue
        if len(NUMBERS.findall(entry.name)) > 1:  # names of people and of files can both hold numbers
            refused.append((entry.name, "its name could be that of two students; collect it by hand"))
            continue
        user, late, file, name = read
        label = re.sub(r"_\d+_\Z", "", entry.name.removesuffix(name))
        if TEST_STUDENT.match(label):
            refused.append((entry.name, "it is of Canvas's Test Student, who is nobody"))
            continue
        delivery = found.setdefault(user, Delivery(label, (user,)))
        if LATE.sub("", label) != LATE.sub("", delivery.label):
            unsure.append(user)
        delivery.files.append(((name,), entry))
        delivery.serial[entry.parts] = file
        if name.lower().endswith(".ipynb") or not delivery.back:
            delivery.back = entry.name.removesuffix(name)
        delivery.order = max(filter(None, (delivery.order, entry.date)), default=None)
        if late:
            delivery.time, delivery.exact = delivery.order, False
    refused += [(found.pop(user).label, ONE_NUMBER) for user in dict.fromkeys(unsure)]
    for delivery in found.values():
        delivery.files.sort(key=lambda item: -delivery.serial[item[1].parts])
    return list(found.values()), refused


# -- Grades → Import -------------------------------------------------------------------------------------------------

IDENTITY = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
# What stands before the grades in Canvas's own export, in any of its forms; kept as it is, in its order.
OWN = {
    "student",
    "student name",
    "lastname",
    "firstname",
    "last name",
    "first name",
    "id",
    "sis user id",
    "sis login id",
}
OWN |= {"integration id", "root account", "section", "anonymous id", "notes"}
KEYS = ("sis login id", "sis user id", "id", "student")  # where a roster may hold the student's id, the surest first
SPECIAL = re.compile(r"points possible|manual posting|\(read only\)|", re.IGNORECASE)


def grade_file(course: Course, grades: Grades, titles: Titles) -> GradeFile:
    """Rows for *Grades → Import*. With exports/canvas-roster.csv its rows, columns and their order are Canvas's own.

    A grade that somebody gave in Canvas, or EX, stays in its cell where nothing was handed in: an empty cell would
    take it away.
    """
    roster = read_roster(course.exports / "canvas-roster.csv", KEYS)
    if roster is None:
        roster = Roster(list(IDENTITY))
        roster.students = [[_listed(person), person.lms_id, person.id, "", ""] for person in grades.people]
        matched, possible = dict(enumerate(grades.people)), None
    else:
        # Canvas puts "Manual Posting" and "Points Possible" rows between the header and the students.
        special = [row for row in roster.students if SPECIAL.fullmatch(row[0].strip())]
        roster.students = [row for row in roster.students if row not in special]
        matched = roster.match(grades.people, KEYS)
        possible = next((row for row in special if row[0].strip().lower() == "points possible"), None)
    kept = [i for i, title in enumerate(roster.header) if title.strip().lower() in OWN]
    columns = [titles.column(roster, section) for section in grades.sections]
    names = [titles.name(s) if c is None else roster.header[c] for s, c in zip(grades.sections, columns, strict=True)]
    rows = [[text_cell(name) for name in [*(roster.header[i] for i in kept), *names]]]
    rows.append(["    Points Possible"] + [""] * (len(kept) - 1) + [number_cell(s.points) for s in grades.sections])
    for number, row in enumerate(roster.students):
        person, line = matched.get(number), [text_cell(row[i]) for i in kept]
        for section, column in zip(grades.sections, columns, strict=True):
            score = score_cell(section.submissions.get(person.id) if person else None)
            line.append(score or (text_cell(row[column].strip()) if column is not None else ""))
        rows.append(line)
    notes = _notes(grades, roster, columns, possible)
    # Canvas asks whether the first title is "LastName", and with the mark before it that is another word.
    split = bool(kept) and roster.header[kept[0]] == "LastName"
    return GradeFile(rows, without_row(grades, matched), notes, marked=not split)


def _listed(person: Person) -> str:
    return ", ".join(part for part in (person.last_name, person.first_name) if part) or person.id


def _notes(grades: Grades, roster: Roster, columns: list[int | None], possible: list[str] | None) -> list[str]:
    """What Canvas would do that nobody may expect: new columns, and points out of another sum."""
    notes = []
    for section, column in zip(grades.sections, columns, strict=True):
        if possible is None:
            continue
        if column is None:
            notes.append(
                f"Canvas has no assignment {section.name}, and offers to make one: if it is called otherwise there, "
                f'say --assignment "{section.name}=ITS NAME".'
            )
            continue
        try:
            points = float(possible[column].replace(",", "."))
        except ValueError:
            continue
        if abs(points - section.points) > 1e-9:
            notes.append(
                f"{roster.header[column]} is out of {points:g} points in Canvas and of {section.points:g} here: Canvas "
                "takes the points as they are. Change it there, or expect other percentages."
            )
    return notes
