"""Who is who: a roster maps a platform's names of students to the ids they have in this course.

The roster is a CSV or Excel file, one line a student. Its column `student` holds the student's id in this course (of a
Canvas grade export it is "SIS Login ID", of a Moodle grading worksheet "Username", "ID number" or "Email address", in
any language that `roster.TITLES` knows). The platform's name of the student stands in a column that is called like the
platform, or in the platform's own: `ROSTER` of each platform's module.

A column `time` or "Last modified (submission)" says when the student handed in; it goes before what the download says.
Moodle writes the local time without a zone, in the words of its language, so the zone of such times can be given. A
column `group` names the student's group: what a group hands in counts for each of its members.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
import zoneinfo
from dataclasses import dataclass, field
from pathlib import Path

import dateutil.parser
import dateutil.tz

from ..errors import UserError, WrongUsage
from ..submissions.archive import Refused, shown
from .dates import read_date_in_words
from .delivery import Delivery, words_key
from .platforms import PLATFORMS
from .roster import Roster

STUDENT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@-]{0,62}[A-Za-z0-9])?\Z")
STUDENT_COLUMNS = ("sis login id", "student", "login_id", "username", "id number", "sis user id", "email address")
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
            raise WrongUsage(f"There is no time zone {name!r}. Write it like Europe/Berlin, or UTC.") from None

    def read(self, text: str, where: str) -> datetime.datetime:
        """The time in UTC, without a zone. Raises UserError when it can't be read."""
        text = text.replace("\ufeff", "").strip()
        try:
            try:
                time = dateutil.parser.parse(text, tzinfos=_zone)
            except (ValueError, TypeError):
                time = read_date_in_words(text)
            return self.to_utc(time)
        except (ValueError, OverflowError, TypeError):
            raise UserError(f"{where}: {text[:60]!r} is no time. Write it as 2026-03-01 12:00 UTC.") from None

    def to_utc(self, time: datetime.datetime) -> datetime.datetime:
        """A time in UTC, without a zone; one that names no zone is of this clock's place."""
        if time.tzinfo is None:
            self.guessed |= self.zone is None
            time = time.replace(tzinfo=self.zone or datetime.timezone.utc)
        return time.astimezone(datetime.timezone.utc).replace(tzinfo=None)


def _zone(name: str | None, offset: int | None) -> datetime.tzinfo | None:
    """The zone that a time names, None when it names none. Raises ValueError for a name that nobody knows."""
    if offset is not None:
        return datetime.timezone(datetime.timedelta(seconds=offset))
    zone = dateutil.tz.gettz(name) if name else None
    if name and zone is None:
        raise ValueError(name)
    return zone


@dataclass
class People:
    """What a roster says.

    by_name : the platform's name of a student -> the student's id
    times   : student -> when handed in
    names   : the platform's name of a student -> the person's name, for a look whether a number is really theirs
    groups  : name of a group -> its members' ids
    """

    by_name: dict[str, str] = field(default_factory=dict)
    times: dict[str, datetime.datetime] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    groups: dict[str, list[str]] = field(default_factory=dict)

    def members(self, student: str) -> list[str]:
        """Everybody of the student's group, the student alone where there is none."""
        return next((members for members in self.groups.values() if student in members), [student])


def _name_key(text: str) -> str:
    """The platform's name of a student: of "Participant 4711", in any language, the number."""
    text = unicodedata.normalize("NFC", text).strip().casefold().lstrip("#")
    return re.sub(r"\A[^\d@]+?\s*(?=\d+\Z)", "", text)


def read_people(table: Roster | None, path: Path | None, platform: str, clock: Clock) -> People | None:
    """What the roster says about a platform's students; None without a roster. Raises UserError."""
    if table is None:
        return None
    column = next((i for name in STUDENT_COLUMNS if (i := table.column(name)) is not None), None)
    if column is None:
        raise UserError(
            f"{path} names no students: it has none of the columns {', '.join(STUDENT_COLUMNS)}. Of anonymous "
            "submissions, reveal the identities in the platform first, or write a roster of your own."
        )
    titles = PLATFORMS[platform].ROSTER
    columns = [i for name in titles if (i := table.column(name)) is not None and (i != column or len(titles) > 2)]
    timed = next((i for name in TIME_COLUMNS if (i := table.column(name)) is not None), None)
    grouped = table.column("groups")
    full, first, last = (table.column(name) for name in ("full name", "first name", "last name"))
    if platform in ("brightspace", "blackboard") and not columns and (full is not None or last is not None):
        columns = [-1]  # the person's name, put together below
    if not columns and grouped is None:
        raise UserError(f"{path} has none of the columns {', '.join(titles)}. Add one of them.")
    people = People()
    for row in table.students:
        student = row[column].strip().removeprefix("#")
        name = row[full].strip() if full is not None else ""
        if not name and last is not None:
            name = f"{row[first]} {row[last]}".strip() if first is not None else row[last].strip()
        keys = {_name_key(row[i]) if i >= 0 else _name_key(name) for i in columns} - {""}
        if platform == "brightspace" and name:
            keys.add(_name_key(name))
        if not student or (not keys and grouped is None):
            continue
        if not STUDENT.match(student):
            raise UserError(f"{path}: {shown(student)} can't be a student id; use letters, digits, '.', '-', '_', '@'.")
        time = row[timed].strip() if timed is not None else ""
        if time not in ("", "-"):
            people.times[student] = clock.read(time, f"{path}, {student}")
        for key in keys:
            if people.by_name.setdefault(key, student) != student:
                raise UserError(
                    f"{path}: {shown(key)} is the {platform} name of two students, {people.by_name[key]} and "
                    f"{student}. Correct it, so that nobody gets the other's work."
                )
            people.names[key] = name
        for group in re.split(r"[,;]\s*", row[grouped]) if grouped is not None else []:
            if group.strip():
                members = people.groups.setdefault(words_key(group), [])
                members += [student] * (student not in members)
    if platform in ("canvas", "moodle") and len(columns) == 1:
        _refuse_one_id_for_two(table, column, columns, path)
    return people


def _refuse_one_id_for_two(table: Roster, column: int, columns: list[int], path: Path | None) -> None:
    """Raise UserError when one id stands for two of a platform's numbers: one would replace the other's work."""
    numbers: dict[str, str] = {}
    for row in table.students:
        student = row[column].strip()
        for number in {_name_key(row[i]) for i in columns} - {""}:
            if student and numbers.setdefault(student, number) != number:
                raise UserError(
                    f"{path}: the id {shown(student)} stands for two students, {numbers[student]} and {number}. Give "
                    "each an id of their own."
                )


def students_of(delivery: Delivery, people: People | None, groups: bool = False) -> list[str]:
    """The ids of those whose work a delivery is: one student, or the members of a group. Raises Refused.

    groups : what one member hands in counts for the whole group
    """
    if people is not None:
        found = {people.by_name[key] for name in delivery.ids if (key := _name_key(name)) in people.by_name}
        team = people.groups.get(words_key(delivery.name)) if delivery.name else None
        if not found and delivery.group:
            team = people.groups.get(words_key(delivery.group), [])
            team = team if people.by_name.get(_name_key(delivery.member)) in team else None
        if team:
            return team
        if len(found) != 1:
            hint = "; of a group, write its name into a column `group` of the roster" if delivery.group else ""
            count = "two students" if found else "no student"
            raise Refused(f"the roster has {count} for {shown(delivery.ids[0])}{hint}")
        (student,) = found
        said = next((n for name in delivery.ids if (n := people.names.get(_name_key(name)))), "")
        if said and delivery.name and not delivery.hidden and not _same_person(said, delivery.name):
            raise Refused(
                f"the roster has {shown(said)} for {shown(delivery.ids[0])}, and it is called {shown(delivery.name)}; "
                "of a group, write its name into a column `group` of the roster"
            )
        return people.members(student) if groups else [student]
    if delivery.hidden:
        raise Refused("the platform hides whose it is; reveal the identities there, or name the student in a roster")
    student = unicodedata.normalize("NFC", delivery.ids[0]).strip()
    if not STUDENT.match(student):
        raise Refused(f"{shown(student)} can't be a student id; name the student in a roster")
    return [student]


def _same_person(one: str, other: str) -> bool:
    """Whether two spellings can be of one name: the same words in any order, but for what no file's name can hold."""
    first, second = (set(words_key(re.sub(r"[^\w\s'-]", "", name)).split()) for name in (one, other))
    return bool(first & second) or not first or not second
