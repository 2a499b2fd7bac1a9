"""The files of a submission: opened without following links, read by checked names and within limits."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_FILES = 200
MAX_DEPTH = 12
MAX_FILE = 32 * 2**20
MAX_ALL_FILES = 48 * 2**20
# A letter or a digit, then what people, browsers and file systems put into names; nothing that acts elsewhere.
SAFE_NAME = re.compile(r"\w[\w .+=@()\[\]{},;!&'’~#%$^\u00a0\u202f-]*\Z")
# What browsers, mail programs and file systems put behind the name is no part of it.
# A run of digits is read in one way only: of two, a long name would have more than anybody can try.
IPYNB = re.compile(r"\.ipynb(?:[ ._-]*(?:\(\d+\)|\d+(?!\d)|copy|txt|json|download|bak|old))*\Z", re.IGNORECASE)
NOISE = re.compile(
    r"__MACOSX|__pycache__|\.ipynb_checkpoints|\.DS_Store|\.git|\.github|\._.*|Thumbs\.db|desktop\.ini", re.IGNORECASE
)
CHECKPOINTS = ".ipynb_checkpoints"


# -- files ----------------------------------------------------------------------------------------------------------


def open_no_link(path: Path) -> int:
    """A descriptor of a regular file, opened without following a link at its end. Raises OSError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(None, "it is a link") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "it is not a regular file")
    return descriptor


def walk(folder: Path, problems: list[str] | None = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, which follows no links, but only MAX_DEPTH folders deep.

    What lies deeper, and a folder that cannot be opened, is a problem.
    """
    problems = [] if problems is None else problems

    def closed(error: OSError) -> None:
        name = os.path.relpath(str(error.filename), folder)[:80]
        what = "the folder" if name == "." else f"the folder {name!r} in it"
        problems.append(f"{what} cannot be opened ({error.strerror}); nothing in it was read.")

    for base, folders, names in os.walk(folder, onerror=closed):
        if folders and len(Path(base).relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()
            problems.append(f"what lies more than {MAX_DEPTH} folders deep was left out.")
        yield base, folders, names


@dataclass(frozen=True)
class Found:
    """A file that lies in a submission.

    path : relative, with "/"; a zip counts as a folder of its name
    read : read(limit) gives at most limit + 1 bytes of it; raises OSError
    time : when it was changed, in seconds, as far as the file says; no more than a hint
    """

    path: str
    read: Callable[[int], bytes]
    time: float = 0.0

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


def is_notebook(path: str) -> bool:
    """Whether a file calls itself a notebook: sums.ipynb, SUMS.IPYNB, sums.ipynb.txt, but not sums.ipynb.pdf."""
    return IPYNB.search(path) is not None


def notebook_stem(name: str) -> str:
    """The name of a notebook's file without what makes it one, "" for another file."""
    ending = IPYNB.search(name)
    return name[: ending.start()] if ending else ""


def found_files(folder: Path, problems: list[str]) -> list[Found]:
    """The ordinary files of a submission, all but its timestamp, and a sentence for each one left out.

    Links, devices and odd names are left out; notebooks may have any name. Checkpoints of notebooks are found too.
    """
    found: list[Found] = []
    seen = 0
    for base, folders, names in walk(folder, problems):
        below = os.path.relpath(base, folder)
        for name in sorted(names, key=lambda name: (not is_notebook(name), name)):
            path = name if below == "." else f"{below}/{name}"
            checkpoint = CHECKPOINTS in path.split("/")
            if NOISE.fullmatch(name) or path == "timestamp.txt" or (checkpoint and not is_notebook(name)):
                continue
            seen += 1
            if seen > MAX_FILES:
                return _too_many(found, problems)
            if not SAFE_NAME.match(name) and not is_notebook(name):
                problems.append(f"the file {path[:80]!r} has an odd name and was left out.")
                continue
            try:
                facts = Path(base, name).lstat()
            except OSError as error:
                problems.append(f"the file {path[:80]!r} cannot be read ({error.strerror}) and was left out.")
                continue
            if not stat.S_ISREG(facts.st_mode):
                problems.append(f"the file {path[:80]!r} is a link or no ordinary file and was left out.")
                continue
            found.append(Found(path, _reader(Path(base, name)), facts.st_mtime))
        kept = []
        for name in sorted(folders):
            if NOISE.fullmatch(name) and name != CHECKPOINTS:
                continue
            seen += 1
            if seen > MAX_FILES:
                return _too_many(found, problems)
            if Path(base, name).is_symlink() or not (SAFE_NAME.match(name) or name == CHECKPOINTS):
                problems.append(f"the folder {name[:60]!r} is a link or has an odd name and was left out.")
            else:
                kept.append(name)
        folders[:] = kept
    return found


def _too_many(found: list[Found], problems: list[str]) -> list[Found]:
    problems.append(f"there are more than {MAX_FILES} files; the rest was left out.")
    return found


def _reader(path: Path) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        with open(open_no_link(path), "rb") as file:
            return file.read(limit + 1)

    return read


def contents_of(found: Iterable[tuple[str, Found]], problems: list[str]) -> dict[str, bytes]:
    """The contents of files by the names that they are given, and a sentence for each one left out."""
    files: dict[str, bytes] = {}
    total = 0
    for name, file in found:
        try:
            content = file.read(MAX_FILE)
        except OSError as error:
            reason = error.strerror or str(error)
            problems.append(f"the file {file.path[:80]!r} cannot be read ({reason}) and was left out.")
            continue
        if len(content) > MAX_FILE or total + len(content) > MAX_ALL_FILES:
            problems.append(f"the file {file.path[:80]!r} is too large and was left out.")
            continue
        total += len(content)
        files[name] = content
    return files


def read_files(folder: Path) -> tuple[dict[str, bytes], list[str]]:
    """The files of a folder that are no notebooks, by relative name, and a sentence for each one left out.

    Links, devices, odd names and files over the limits are left out; nothing outside the folder is read.
    """
    problems: list[str] = []
    found = [(file.path, file) for file in found_files(folder, problems) if not is_notebook(file.path)]
    return contents_of(found, problems), problems
