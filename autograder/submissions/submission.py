"""One submission, read: its notebooks, the files beside them, when it was handed in."""

from __future__ import annotations

import datetime
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..course import NAME
from ..errors import CourseError
from ..processor_time import at_most
from ..text import printable
from .choose import Candidate, choose, untouched
from .files import contents_of, found_files, open_no_link
from .libraries import shadowed
from .notebook import MAX_NOTEBOOK, Remark, SubmittedCell
from .released import ReleasedNotebook

# What a time may not hold: a zone by letters, of which several mean more than one (CST, IST), and days and months as
# numbers in an order that nobody can know (01/03/2026).
AMBIGUOUS = re.compile(r"\b(?!UTC\b|GMT\b|AM\b|PM\b)[A-Z]{2,5}\b|^\s*\d{1,2}[./-]\d{1,2}\b")
MOST_SAID = 30  # sentences about the files of a submission
READING = 60
EARLIEST = 1970  # a year before it is a slip, or nonsense
OFFSET = re.compile(r" *([+-]\d\d):?(\d\d)\Z")
TIME = "%Y-%m-%d %H:%M:%S.%f UTC"  # of Contents.timestamp
ENCODINGS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig"))  # as editors on Windows save


def read_timestamp(folder: Path) -> datetime.datetime | None:
    """When a submission was handed in, from the timestamp.txt that collecting wrote; None when there is none.

    A time without a zone is UTC; a zone is +01:00, UTC, GMT or Europe/Berlin. None where it can mean several.
    Raises CourseError where it is there for others to read: without it, the submission would count as in time.
    """
    from nbgrader.utils import parse_utc  # most of a second of imports

    try:
        with open(open_no_link(folder / "timestamp.txt"), "rb") as file:
            content = file.read(200)
        encoding = next(name for mark, name in ENCODINGS if content.startswith(mark))
        text = OFFSET.sub(r"\1:\2", content.decode(encoding, errors="replace").strip())
        time = parse_utc(text) if text and not AMBIGUOUS.search(text) else None
        return time if time is not None and time.year >= EARLIEST else None
    except PermissionError:
        text = "its timestamp.txt cannot be read, so nobody knows whether it is late. Ask who collected it."
        raise CourseError(text) from None
    except Exception:  # the parser of dates raises more than it says
        return None


@dataclass
class Contents:
    """What a submission's folder holds, read as hostile data: all that grading needs, so that it can travel.

    timestamp : when it was handed in, "2026-03-01 12:00:00.000000 UTC", "" where nobody knows
    faults    : what only the instructor can put right
    doubts    : what the instructor should look at
    """

    cells: dict[str, list[SubmittedCell]]
    files: dict[str, bytes]
    problems: list[str]
    notebook_problems: dict[str, list[str]]
    timestamp: str = ""
    faults: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def unreadable(self) -> list[str]:
        """The notebooks that were handed in and of which nothing could be read: a person has to look."""
        return [name for name, cells in self.cells.items() if not cells]

    def unread(self, wanted: Iterable[str]) -> list[str]:
        """The notebooks among those wanted that were not handed in or could not be read to the end."""
        return [
            name
            for name in wanted
            if name not in self.cells or not all(isinstance(said, Remark) for said in self.notebook_problems[name])
        ]


def read_contents(folder: Path, wanted: dict[str, ReleasedNotebook]) -> Contents:
    """Read the notebooks of a section and the files beside them.

    Raises TooLong where that takes READING seconds of the processor, and nothing else for what is in the folder.
    """
    with at_most(READING, f"Reading it takes more than {READING} s of the processor."):
        return _read(folder, wanted)


def _read(folder: Path, wanted: dict[str, ReleasedNotebook]) -> Contents:
    problems: list[str] = []
    choice = choose(found_files(folder, problems), wanted)
    files = contents_of(choice.files, problems)
    problems += [
        f"{path[:80]!r} has the name of a library, which is imported instead of it." for path in shadowed(files)[:5]
    ]
    cells, said = {}, {}
    for name, candidate in choice.notebooks.items():
        cells[name], wrong = _read_as(wanted[name], candidate)
        said[name] = [*map(Remark, choice.remarks[name]), *wrong]
        if cells[name] and untouched(wanted[name], cells[name]):
            said[name].append(Remark(f"{candidate.file.name[:80]!r} is as it was released: nothing is written in it."))
    problems = [*choice.problems, *problems]
    if len(problems) > MOST_SAID:
        problems[MOST_SAID:] = [f"… and {len(problems) - MOST_SAID} sentences more."]
    return Contents(cells, files, problems, said, *_handed_in(folder))


def _handed_in(folder: Path) -> tuple[str, list[str], list[str]]:
    """The time of a submission as text; a fault where nobody may read timestamp.txt, a doubt where it says no time."""
    try:
        time = read_timestamp(folder)
    except CourseError as error:
        return "", [str(error)], []
    if time is not None:
        return f"{time:{TIME}}", [], []
    path = folder / "timestamp.txt"
    if not os.path.lexists(path) or (path.is_file() and not path.is_symlink() and not path.stat().st_size):
        return "", [], []
    text = "its timestamp.txt holds no time that can be read, so it counts as in time until somebody corrects it"
    return "", [], [text]


def _read_as(wanted: ReleasedNotebook, candidate: Candidate) -> tuple[list[SubmittedCell], list[str]]:
    """As `candidate.read`; of a notebook of another section no cell is taken, and the sentence says whose it is."""
    cells, problems = candidate.read
    theirs = {cell.grade_id for cell in cells} - {""}
    if len(theirs & {cell.grade_id for cell in wanted.cells}) * 2 >= len(theirs):
        return cells, problems
    section = _section_of(candidate)
    move = f" If it was meant, move it into the student's folder {section}/." if section else ""
    whose = f"the notebook of {section}" if section else "another notebook"
    name = printable(candidate.file.name)
    return [], [f"{name} is {whose}, not {wanted.name} of {wanted.section}, and was not graded.{move}"]


def _section_of(candidate: Candidate) -> str:
    """The section that a notebook says it is of, "" where it says none that could be one."""
    try:
        section = json.loads(candidate.file.read(MAX_NOTEBOOK))["metadata"]["backprop"]["section"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return section if isinstance(section, str) and NAME.match(section) and len(section) <= 80 else ""
