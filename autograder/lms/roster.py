"""A platform's own list of students, a CSV or Excel file: its columns by name, and which row is about whom."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UserError
from ..gradebook.reader import Person
from .titles import TITLES

Row = list[str]


def title_key(title: str) -> str:
    """Equal for titles that differ in case, spaces and apostrophes only."""
    return " ".join(title.replace("’", "'").split()).lower()


@dataclass
class Roster:
    """The lines of a roster, each of students as long as the header."""

    header: Row
    students: list[Row] = field(default_factory=list)

    def column(self, name: str) -> int | None:
        """The place of a column, whatever the case of its letters, and in whatever language its title is known."""
        names = [title_key(title) for title in self.header]
        for title in (name, *TITLES.get(name.lower(), ())):
            if title_key(title) in names:
                return names.index(title_key(title))
        return None

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
    rows = _excel_rows(path) if path.suffix.lower() in (".xlsx", ".xlsm") else _csv_rows(path)
    roster = Roster(rows[0] if rows else [])
    if all(roster.column(key) is None for key in keys):
        raise UserError(f"{path} has none of the columns {', '.join(keys)} in its first line. Export it again.")
    width = len(roster.header)
    roster.students = [(row + [""] * width)[:width] for row in rows[1:]]
    return roster


def _csv_rows(path: Path) -> list[Row]:
    data = path.read_bytes()
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UserError(f"{path} is an Excel file. Name it .xlsx, or save it as CSV (UTF-8).")
    try:
        text = data.decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text. Export it again as CSV (UTF-8).") from None
    first, _, rest = text.partition("\n")
    said = re.fullmatch(r'"?sep=(.)"?', first.strip())  # a line that Excel writes and reads
    if said:
        text, first = rest, rest.partition("\n")[0]
    separator = said[1] if said else max(",;\t", key=first.count)
    try:
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        return [row for row in lines if any(map(str.strip, row))]
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error}). Export it again.") from None


def _excel_rows(path: Path) -> list[Row]:
    """The rows of the first sheet, as text."""
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        sheet = load_workbook(path, read_only=True, data_only=True).worksheets[0]
        rows = [[_cell_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
    except (InvalidFileException, zipfile.BadZipFile, KeyError, IndexError, ValueError, OSError) as error:
        raise UserError(f"{path} is not an Excel file ({error}). Export it again, or save it as CSV (UTF-8).") from None
    return [row for row in rows if any(map(str.strip, row))]


def _cell_text(value: object) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
