"""One submission, read: its notebooks, the files beside them, when it was handed in."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import CourseError
from .choose import choose, untouched
from .files import contents_of, found_files, open_no_link
from .notebook import Remark, SubmittedCell
from .released import ReleasedNotebook


def read_timestamp(folder: Path) -> datetime.datetime | None:
    """When a submission was handed in, from the timestamp.txt that collecting wrote; None when there is none.

    Raises CourseError where it is there for others to read: without it, the submission would count as in time.
    """
    from nbgrader.utils import parse_utc  # most of a second of imports

    try:
        with open(open_no_link(folder / "timestamp.txt"), "rb") as file:
            text = file.read(100).decode(errors="replace").strip()
        return parse_utc(text) if text else None
    except PermissionError:
        text = f"{folder / 'timestamp.txt'} cannot be read, so nobody knows whether it is late. Ask who collected it."
        raise CourseError(text) from None
    except Exception:  # the parser of dates raises more than it says
        return None


@dataclass
class Contents:
    """What a submission's folder holds, read as hostile data: all that grading needs, so that it can travel."""

    cells: dict[str, list[SubmittedCell]]
    files: dict[str, bytes]
    problems: list[str]
    notebook_problems: dict[str, list[str]]

    def unread(self, wanted: Iterable[str]) -> list[str]:
        """The notebooks among those wanted that were not handed in or could not be read to the end."""
        return [
            name
            for name in wanted
            if name not in self.cells or not all(isinstance(said, Remark) for said in self.notebook_problems[name])
        ]


def read_contents(folder: Path, wanted: dict[str, ReleasedNotebook]) -> Contents:
    """Read the notebooks of a section and the files beside them. Never raises for what is in the folder."""
    problems: list[str] = []
    choice = choose(found_files(folder, problems), wanted)
    files = contents_of(choice.files, problems)
    cells, said = {}, {}
    for name, candidate in choice.notebooks.items():
        cells[name], wrong = candidate.read
        said[name] = [*map(Remark, choice.remarks[name]), *wrong]
        if cells[name] and untouched(wanted[name], cells[name]):
            said[name].append(Remark(f"{candidate.file.name[:80]!r} is as it was released: nothing is written in it."))
    return Contents(cells, files, [*choice.problems, *problems], said)


def read_beside(folder: Path, wanted: dict[str, ReleasedNotebook]) -> dict[str, bytes]:
    """The files beside the notebooks of a submission, named as the notebooks see them."""
    return contents_of(choose(found_files(folder, []), wanted).files, [])
