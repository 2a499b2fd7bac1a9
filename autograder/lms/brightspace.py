"""Brightspace (D2L): *Download* of a folder of assignments, one folder for each hand-in, and index.html.

<user>-<folder> - [<group> - ]<full name> - <time>/<file>, in older versions also <the same> - <file>, without a folder.
The time is `Sep 24, 2024 926 PM`, the local time of the site; other sites write it in the words of their language, with
a colon too. Each hand-in is a submission of its own, the newest counts. docs/platforms.md says where each form is from.
"""

from __future__ import annotations

import datetime
import re

from ..course import Course
from ..gradebook.reader import Grades
from ..submissions.archive import Archive
from .dates import read_date_in_words
from .delivery import Deliveries, Delivery
from .roster import Roster, read_roster
from .table import GradeFile, Titles, number_cell, scores, text_cell, without_row

ROSTER = ("brightspace", "name")
INDEX = ("index.html",)
CLOCK = r"\d{1,2}[:.h]?\d\d(?: ?[AP]M)?"
TIME = rf"(?:[^\W\d_]{{3,12}}\.? \d{{1,2}}, \d{{4}} |\d{{1,2}}\.? [^\W\d_]{{3,12}}\.?,? \d{{4}} ){CLOCK}"
NAME = re.compile(rf"\d+-\d+ ?- (?P<name>.+?) ?- (?P<time>{TIME})(?: - (?P<file>.+))?\Z", re.DOTALL)


def fits(paths: list[tuple[str, ...]]) -> bool:
    found = [path for path in paths if path != INDEX]
    return bool(found) and all(NAME.match(path[0]) for path in found)


def some(paths: list[tuple[str, ...]]) -> bool:
    return any(NAME.match(path[0]) for path in paths)


def read(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused = []
    index = next((entry for entry in archive.entries if entry.parts == INDEX), None)
    for entry in archive.entries:
        if entry is index:
            continue
        read = NAME.match(entry.parts[0])
        if read is None or not (read["file"] or entry.parts[1:]):
            refused.append(("/".join(entry.parts), "it has no Brightspace name"))
            continue
        key = entry.parts[0].removesuffix(f" - {read['file']}") if read["file"] else entry.parts[0]
        delivery = found.setdefault(key, Delivery(key, (read["name"],), name=read["name"], back=f"{key}/"))
        delivery.group, _, delivery.member = read["name"].rpartition(" - ")
        delivery.index = index
        delivery.local = _time(read["time"])
        delivery.files.append((((read["file"],) if read["file"] else ()) + entry.parts[1:], entry))
    return list(found.values()), refused


def _time(text: str) -> datetime.datetime | None:
    """Sep 24, 2024 926 PM; None for the words of a language that nobody here reads."""
    try:
        return read_date_in_words(re.sub(r"(\d{1,2})[:.h]?(\d\d)( ?[AP]M)?\Z", r"\1:\2\3", text))
    except ValueError:
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
