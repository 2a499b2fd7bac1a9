"""Blackboard: *Assignment File Download*, <assignment>_<username>_attempt_<time>_<file>, and one .txt for each attempt.

Source of the names: public scripts that read them (kwurst/bb-file-cleanup). Of the grade file: Blackboard's help,
"Uploading or Downloading Grade Center Items for Working Offline" (a column without a number is a new one, of text and 0
points; every cell in quotes). The time is the local time of the site. Each attempt is a submission of its own, the
newest counts. Only what stands before the first "_attempt_" decides whose a file is: the assignment's name is the
instructor's, the username Blackboard's.
"""

from __future__ import annotations

import datetime
import os
import re

from ..course import Course
from ..gradebook.reader import Grades
from ..submissions.archive import Archive
from .delivery import Deliveries, Delivery
from .roster import Roster, read_roster
from .table import GradeFile, Titles, number_cell, scores, text_cell, without_row

ROSTER = ("blackboard", "username", "user name", "student id")
NAME = re.compile(r"(?P<head>.+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:\.txt|_(?P<file>.+))\Z", re.DOTALL)


def fits(paths: list[tuple[str, ...]]) -> bool:
    return bool(paths) and all(len(path) == 1 and NAME.match(path[0]) for path in paths)


def some(paths: list[tuple[str, ...]]) -> bool:
    return any(len(path) == 1 and NAME.match(path[0]) for path in paths)


def read(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[tuple[str, str], Delivery] = {}
    refused = []
    named = [(entry, NAME.match(entry.name) if len(entry.parts) == 1 else None) for entry in archive.entries]
    heads = sorted({read["head"] for _, read in named if read})
    # All names begin with the assignment's; "_" may stand in it and in usernames.
    shared = os.path.commonprefix(heads) if len(heads) > 1 else ""
    shared = shared[: shared.rfind("_") + 1]
    for entry, read in named:
        if read is None:
            refused.append(("/".join(entry.parts), "it has no Blackboard name"))
            continue
        if read["file"] is None:
            continue  # what Blackboard writes about the attempt
        user = read["head"][len(shared) :] if shared else read["head"].rpartition("_")[2]
        pieces = read["head"].split("_")
        others = ("_".join(pieces[start:]) for start in range(1, len(pieces)))
        ids = tuple(dict.fromkeys([user, *others]))
        key = (read["head"], read["time"])
        delivery = found.setdefault(key, Delivery(f"{read['head']}_attempt_{read['time']}", ids))
        try:
            delivery.local = datetime.datetime.strptime(read["time"], "%Y-%m-%d-%H-%M-%S")
        except ValueError:
            refused.append((entry.name, "its name holds no time that exists"))
            found.pop(key)
            continue
        delivery.files.append(((read["file"],), entry))
    return list(found.values()), refused


# -- Grade Center → Work Offline → Upload ----------------------------------------------------------------------------

KEYS = ("username", "student id", "email address")
OWN = ("last name", "first name", "username", "student id")


def grade_file(course: Course, grades: Grades, titles: Titles) -> GradeFile:
    """Rows for *Upload*. With exports/blackboard-roster.csv (*Work Offline → Download*) its rows and columns are kept.

    The username finds the student. A column that carries Blackboard's own number, such as "02-sums [Total Pts: 30
    Score] |1234", is filled; any other makes a new column, of text, without points.
    """
    roster = read_roster(course.exports / "blackboard-roster.csv", KEYS)
    notes = []
    if roster is None:
        roster = Roster(["Last Name", "First Name", "Username"])
        roster.students = [[person.last_name, person.first_name, person.id] for person in grades.people]
        matched = dict(enumerate(grades.people))
    else:
        matched = roster.match(grades.people, KEYS)
    kept = sorted(i for name in OWN if (i := roster.column(name)) is not None)
    header = [text_cell(roster.header[i]) for i in kept]
    for section in grades.sections:
        column = titles.column(roster, section, behind=r" \[Total Pts: .*\] ?\|\d+")
        header.append(text_cell(titles.name(section) if column is None else roster.header[column]))
        if column is None:
            points = number_cell(section.points)
            notes.append(f"Blackboard makes a new column {titles.name(section)}: set its type and its {points} points.")
    rows = [header]
    for number, row in enumerate(roster.students):
        rows.append([text_cell(row[i]) for i in kept] + scores(grades, matched.get(number)))
    return GradeFile(rows, without_row(grades, matched), notes, quoted=True)
