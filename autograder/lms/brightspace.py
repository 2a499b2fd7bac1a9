"""Brightspace (D2L): *Download* of a folder of assignments, one folder for each hand-in, and index.html.

<user>-<folder> - <full name> - <Mon d, yyyy hmm AM>/<file>, in newer versions also without the folder. Source of the
names: public scripts that read them. Of the grade file: D2L's page "Importing grades" (OrgDefinedId, Username, "<item>
Points Grade"), and public scripts for what it does not say ("<Numeric MaxPoints:...>", "#" before ids, the end of the
line). The time is the local time of the site. Each hand-in is a submission of its own, the newest counts.
"""

from __future__ import annotations

import datetime
import re

from ..course import Course
from ..gradebook.reader import Grades
from ..submissions.archive import Archive
from .delivery import Deliveries, Delivery
from .roster import Roster, read_roster
from .table import GradeFile, Titles, number_cell, scores, text_cell, without_row

ROSTER = ("brightspace", "name")
NAME = re.compile(
    r"(?P<id>\d+-\d+) ?- (?P<name>.+?) ?- (?P<time>[^\W\d_]{3,9}\.? \d{1,2}, \d{4} \d{3,4} ?[AP]M)"
    r"(?: - (?P<file>.+))?\Z",
    re.DOTALL,
)


def fits(paths: list[tuple[str, ...]]) -> bool:
    found = [path for path in paths if path != ("index.html",)]
    return bool(found) and all(NAME.match(path[0]) for path in found)


def some(paths: list[tuple[str, ...]]) -> bool:
    return any(NAME.match(path[0]) for path in paths)


def read(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused = []
    for entry in archive.entries:
        if entry.parts == ("index.html",):
            continue
        read = NAME.match(entry.parts[0])
        if read is None or not (read["file"] or entry.parts[1:]):
            refused.append(("/".join(entry.parts), "it has no Brightspace name"))
            continue
        key = entry.parts[0].removesuffix(f" - {read['file']}") if read["file"] else entry.parts[0]
        delivery = found.setdefault(key, Delivery(key, (read["name"], read["id"]), name=read["name"], back=f"{key}/"))
        delivery.local = _time(read["time"])
        delivery.files.append((((read["file"],) if read["file"] else ()) + entry.parts[1:], entry))
    return list(found.values()), refused


def _time(text: str) -> datetime.datetime | None:
    """Sep 24, 2024 926 PM; None for a month in another language."""
    month, day, year, clock, half = re.split(r"[ ,.]+", re.sub(r"(\d)([AP]M)\Z", r"\1 \2", text))
    for form in ("%b", "%B"):
        try:
            return datetime.datetime.strptime(f"{month} {day} {year} {clock:0>4} {half}", f"{form} %d %Y %I%M %p")
        except ValueError:
            continue
    return None


# -- Grades → Enter Grades → Import ----------------------------------------------------------------------------------

KEYS = ("username", "orgdefinedid", "email")
END = "End-of-Line Indicator"  # a column that Brightspace asks for, with "#" in each row


def grade_file(course: Course, grades: Grades, titles: Titles) -> GradeFile:
    """Rows for *Import*: OrgDefinedId, Username, "<item> Points Grade" and the end of the line.

    With exports/brightspace-roster.csv (*Grades → Export*, key field *Both*) its rows and ids are used; without it the
    student's id is the Username.
    """
    roster = read_roster(course.exports / "brightspace-roster.csv", KEYS)
    if roster is None:
        roster = Roster(["Username"])
        roster.students = [[person.id] for person in grades.people]
        matched = dict(enumerate(grades.people))
    else:
        # Brightspace writes "#" before ids, so that no spreadsheet makes numbers of them.
        ids = [i for name in KEYS if (i := roster.column(name)) is not None]
        for row in roster.students:
            for i in ids:
                row[i] = row[i].strip().removeprefix("#")
        matched = roster.match(grades.people, KEYS)
    kept = sorted(i for name in KEYS[:2] if (i := roster.column(name)) is not None)
    header = [text_cell(roster.header[i]) for i in kept]
    for section in grades.sections:
        column = titles.column(roster, section, behind=r" Points Grade( <.*>)?")
        points = number_cell(section.points)
        name = f"{titles.name(section)} Points Grade <Numeric MaxPoints:{points}>"
        header.append(text_cell(name if column is None else roster.header[column]))
    rows = [[*header, END]]
    for number, row in enumerate(roster.students):
        rows.append([*(text_cell(row[i]) for i in kept), *scores(grades, matched.get(number)), "#"])
    return GradeFile(rows, without_row(grades, matched))
