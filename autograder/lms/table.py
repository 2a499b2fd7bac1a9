"""Grade files: rows of text, written so that a spreadsheet and a platform read them, and nothing in them runs."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backprop.files import write_atomically

from ..gradebook.reader import GradedSubmission, Grades, Person, Section
from .roster import Roster, Row

# A spreadsheet takes a text that begins with one of these for a formula, and may run it.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "|", "%")


@dataclass
class GradeFile:
    """What a platform's file comes to.

    rows    : header and lines
    missing : students with grades whom the platform's list does not know
    notes   : sentences for whoever uploads it
    quoted  : the platform asks for quotes around every cell
    marked  : the platform reads a file that begins with Excel's mark
    """

    rows: list[Row]
    missing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    quoted: bool = False
    marked: bool = True


@dataclass(frozen=True)
class Titles:
    """What the platform calls a section's column, where it is not called like the section: section -> title."""

    given: dict[str, str] = field(default_factory=dict)

    def column(self, roster: Roster, section: Section, before: str = "", behind: str = r"( \(\d+\))?") -> int | None:
        """The roster's own column of the section, such as "02-sums (1234)", None where it has none."""
        name = self.given.get(section.name, section.name)
        pattern = re.compile(before + re.escape(name) + behind + r"\Z", re.IGNORECASE)
        return next((i for i, title in enumerate(roster.header) if title == name or pattern.match(title.strip())), None)

    def name(self, section: Section) -> str:
        return self.given.get(section.name, section.name)


def write_table(path: Path, rows: Sequence[Row], excel: bool = False, quoted: bool = False) -> None:
    """Write a CSV file as spreadsheets read it (UTF-8), whole or not at all.

    excel  : begin with the mark by which Excel knows UTF-8
    quoted : quotes around every cell, not only where they are needed
    """
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL
    csv.writer(text, lineterminator="\r\n", quoting=quoting).writerows(rows)
    content = text.getvalue().encode("utf-8-sig" if excel else "utf-8", "replace")
    write_atomically(path, content, mode=0o640)  # grades are nobody else's business


def text_cell(text: object) -> str:
    """Text as a cell that no spreadsheet takes for a formula: an apostrophe goes before the signs that begin one."""
    line = re.sub(r"[\x00-\x1f\x7f\u2028\u2029]+", " ", str(text)).rstrip()
    return f"'{line}" if str(text).startswith(FORMULA) or line.lstrip().startswith(FORMULA) else line


def number_cell(value: float | None) -> str:
    """A number with at most four places, never 1e-05 and never -0; empty for None."""
    return "" if value is None else f"{round(value, 4) + 0.0:.4f}".rstrip("0").rstrip(".")


def scores(grades: Grades, person: Person | None) -> Row:
    handed_in = [section.submissions.get(person.id) if person else None for section in grades.sections]
    return [score_cell(submission) for submission in handed_in]


def score_cell(submission: GradedSubmission | None) -> str:
    """The score of a section; empty where nothing was handed in, or nothing of it has been scored by anybody."""
    return "" if submission is None or submission.unseen else number_cell(submission.score)


def without_row(grades: Grades, matched: dict[int, Person]) -> list[str]:
    """Students with grades whom the roster does not know."""
    known = {person.id for person in matched.values()}
    graded = {student for section in grades.sections for student in section.submissions}
    return sorted(graded - known)
