"""Who is who: a roster maps a platform's names of students to the ids they have in this course.

The roster is a CSV file, one line a student. Its column `student` holds the student's id in this course (of a Canvas
grade export it is "SIS Login ID", of a Moodle grading worksheet "Username", "ID number" or "Email address"). The
platform's name of the student stands in

    canvas       `canvas` or "ID"                  the number in the names of the downloaded files
    moodle       `moodle` or "Identifier"          the participant's number
    gradescope   `gradescope`, "SID" or "Email"    any of them
    folder       `folder`                          the name of the folder or zip

A column `time` or "Last modified (submission)" says when the student handed in; it goes before what the download says.
Moodle writes the local time without a zone, so the zone of such times can be given.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
import zoneinfo
from dataclasses import dataclass
from pathlib import Path

import dateutil.parser
import dateutil.tz

from ..errors import UserError
from ..submissions.archive import Refused, shown
from .platforms import Delivery
from .roster import Roster

STUDENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?\Z")
STUDENT_COLUMNS = ("sis login id", "student", "username", "id number", "sis user id", "email address")
PLATFORM_COLUMNS = {
    "canvas": ("canvas", "id"),
    "moodle": ("moodle", "identifier"),
    "gradescope": ("gradescope", "sid", "email", "email address"),
    "folder": ("folder",),
}
TIME_COLUMNS = ("time", "last modified (submission)")


@dataclass
class Clock:
    """Reads times as people write them.

    zone    : the zone of times that name none; None when nobody said, and UTC is taken
    guessed : whether UTC was taken for a time so far
    """

    zone: datetime.tzinfo | None = None
    guessed: bool = False

    @classmethod
    def of(cls, name: str | None) -> Clock:
        """The clock of a place, Europe/Berlin for example. Raises UserError when there is no such zone."""
        try:
            return cls(zoneinfo.ZoneInfo(name) if name is not None else None)
        except (KeyError, ValueError, OSError):
            raise UserError(f"There is no time zone {name!r}. Write it like Europe/Berlin, or UTC.") from None

    def read(self, text: str, where: str) -> datetime.datetime:
        """The time in UTC, without a zone. Raises UserError when it can't be read."""
        try:
            time = dateutil.parser.parse(text, tzinfos=_zone)
            if time.tzinfo is None:
                self.guessed |= self.zone is None
                time = time.replace(tzinfo=self.zone or datetime.timezone.utc)
            return time.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        except (ValueError, OverflowError, TypeError):
            raise UserError(f"{where}: {text[:60]!r} is no time. Write it as 2026-03-01 12:00 UTC.") from None


def _zone(name: str | None, offset: int | None) -> datetime.tzinfo | None:
    """The zone that a time names, None when it names none. Raises ValueError for a name that nobody knows."""
    if offset is not None:
        return datetime.timezone(datetime.timedelta(seconds=offset))
    zone = dateutil.tz.gettz(name) if name else None
    if name and zone is None:
        raise ValueError(name)
    return zone


# The platform's name of a student -> (student, when handed in, if the roster says).
People = dict[str, tuple[str, datetime.datetime | None]] | None


def _name_key(text: str) -> str:
    text = unicodedata.normalize("NFC", text).strip().casefold()
    return re.sub(r"participant\s+(?=\d+\Z)", "", text)


def read_people(table: Roster | None, path: Path | None, platform: str, clock: Clock) -> People:
    """What the roster says about a platform's students; None without a roster. Raises UserError."""
    if table is None:
        return None
    column = next(i for name in STUDENT_COLUMNS if (i := table.column(name)) is not None)
    columns = [i for name in PLATFORM_COLUMNS[platform] if (i := table.column(name)) is not None]
    timed = next((i for name in TIME_COLUMNS if (i := table.column(name)) is not None), None)
    if not columns:
        raise UserError(f"{path} has none of the columns {', '.join(PLATFORM_COLUMNS[platform])}. Add one of them.")
    people: dict[str, tuple[str, datetime.datetime | None]] = {}
    shared = set()
    for row in table.students:
        student, keys = row[column].strip(), {_name_key(row[i]) for i in columns} - {""}
        if not student or not keys:
            continue
        if not STUDENT.match(student):
            raise UserError(f"{path}: {shown(student)} can't be a student id; use letters, digits, '.', '-', '_', '@'.")
        time = row[timed].strip() if timed is not None else ""
        at = clock.read(time, f"{path}, {student}") if time not in ("", "-") else None
        for key in keys:
            if people.get(key, (student,))[0] != student:
                shared.add(key)
            people[key] = (student, at)
    for key in shared:
        del people[key]  # two people of one name: neither is meant
    return people


def student_of(delivery: Delivery, people: People) -> tuple[str, datetime.datetime | None]:
    """The student's id and, if the roster says it, when this was handed in. Raises Refused."""
    if people is not None:
        found = {people[key] for name in delivery.ids if (key := _name_key(name)) in people}
        if len(found) != 1:
            raise Refused(f"the roster has {'two students' if found else 'no student'} for {shown(delivery.ids[0])}")
        return found.pop()
    student = unicodedata.normalize("NFC", delivery.ids[0]).strip()
    if not STUDENT.match(student):
        raise Refused(f"{shown(student)} can't be a student id; name the student in a roster")
    return student, None
