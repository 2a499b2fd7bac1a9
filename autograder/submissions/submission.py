"""One submission, read: its notebooks, the files beside them, when it was handed in."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import CourseError
from .files import open_no_link, read_files
from .notebook import Remark, SubmittedCell, read_notebook
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
    chosen, problems = choose_notebooks(folder, wanted)
    files, more = read_files(folder, {path.name for path in chosen.values()})
    read = {name: read_notebook(path) for name, path in chosen.items()}
    return Contents(
        {name: cells for name, (cells, _) in read.items()},
        files,
        [*problems, *more],
        {name: said for name, (_, said) in read.items()},
    )


def choose_notebooks(folder: Path, wanted: dict[str, ReleasedNotebook]) -> tuple[dict[str, Path], list[str]]:
    """The submitted file of each notebook of a section: the one of its name, else the only one that can be meant."""
    below = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    there = _notebooks(folder) or [path for inner in below for path in _notebooks(inner)]
    chosen = {name: folder / f"{name}.ipynb" for name in wanted if folder / f"{name}.ipynb" in there}
    problems = []
    for name in wanted:
        if name in chosen:
            continue
        others = [path for path in there if path not in chosen.values()]
        alike = [path for path in others if path.stem.lower().startswith(name.lower())] or others
        if len(alike) == 1 and (len(wanted) == 1 or _starts(alike[0], name)):
            chosen[name] = alike[0]
            called = os.path.relpath(alike[0], folder)[:80]
            problems.append(f"The notebook was called {called!r}; it was graded as {name}.ipynb.")
        elif len(alike) > 1 and len(wanted) == 1:
            chosen[name] = max(alike, key=lambda path: path.lstat().st_mtime)
            problems.append(
                f"There is no {name}.ipynb but {len(alike)} other notebooks; "
                f"the newest, {chosen[name].name[:80]!r}, was graded."
            )
        else:
            problems.append(f"{name}.ipynb was not handed in.")
    return chosen, problems


def _notebooks(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix == ".ipynb" and not path.name.startswith("."))


def _starts(path: Path, name: str) -> bool:
    return path.stem.lower().startswith(name.lower())
