"""A platform's own list of students, a CSV file: its columns by name, and which row is about whom."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError
from ..gradebook.reader import Person

Row = list[str]


@dataclass
class Roster:
    """The lines of a roster, each of students as long as the header."""

    header: Row
    students: list[Row] = field(default_factory=list)

    def column(self, name: str) -> int | None:
        """The place of a column, whatever the case of its letters."""
        names = [title.strip().lower() for title in self.header]
        return names.index(name.lower()) if name.lower() in names else None

    def match(self, people: Sequence[Person], keys: Sequence[str]) -> dict[int, Person]:
        """Row number -> the student it is about. The surest column decides; a row and a person match once."""
        found: dict[int, Person] = {}
        left = {person.id: person for person in people}
        for key in keys:
            column = self.column(key)
            if column is None:
                continue
            by_key: dict[str, list[Person]] = {}
            for person in left.values():
                for name in {person.id.lower(), person.email.lower(), person.lms_id.lower()} - {""}:
                    by_key.setdefault(name, []).append(person)
            for number, row in enumerate(self.students):
                value = row[column].strip().lower()
                fits = by_key.get(value) or by_key.get(value.partition("@")[0] if "@" in value else "", [])
                if number not in found and len(fits) == 1 and fits[0].id in left:
                    found[number] = left.pop(fits[0].id)
        return found


def read_roster(path: Path, keys: Sequence[str]) -> Roster | None:
    """The roster in a CSV file, None where there is no such file. Raises UserError when it can't be one."""
    if not path.exists():
        return None
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text. Export it again as CSV (UTF-8).") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(map(str.strip, row))
        ]
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error}). Export it again.") from None
    roster = Roster(rows[0] if rows else [])
    if all(roster.column(key) is None for key in keys):
        raise UserError(f"{path} has none of the columns {', '.join(keys)} in its first line. Export it again.")
    width = len(roster.header)
    roster.students = [(row + [""] * width)[:width] for row in rows[1:]]
    return roster
