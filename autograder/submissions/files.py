"""The files of a submission: opened without following links, read by checked names and within limits."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

MAX_FILES = 200
MAX_DEPTH = 12
MAX_FILE = 32 * 2**20
MAX_ALL_FILES = 48 * 2**20
SAFE_NAME = re.compile(r"[\w][\w .+=@-]*\Z")


# -- files ----------------------------------------------------------------------------------------------------------


def open_no_link(path: Path) -> int:
    """A descriptor of a regular file, opened without following a link at its end. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "it is not a regular file")
    return descriptor


def walk(folder: Path, problems: list[str] | None = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, which follows no links, but only MAX_DEPTH folders deep; what lies deeper is a problem."""
    for base, folders, names in os.walk(folder):
        if folders and len(Path(base).relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()
            if problems is not None:
                problems.append(f"what lies more than {MAX_DEPTH} folders deep was left out.")
        yield base, folders, names


def read_files(folder: Path, skip: set[str]) -> tuple[dict[str, bytes], list[str]]:
    """The other files of a submission, by relative name, and a sentence for each one left out.

    Links, devices, odd names and files over the limits are left out; nothing outside the folder is read.
    skip : names at the top that are not wanted (the notebooks themselves)
    """
    files: dict[str, bytes] = {}
    problems: list[str] = []
    total = seen = 0
    for base, folders, names in walk(folder, problems):
        kept = []
        for name in sorted(folders):
            if name == ".ipynb_checkpoints":
                continue
            seen += 1
            if seen > MAX_FILES:
                return files, [*problems, f"there are more than {MAX_FILES} files; the rest was left out."]
            if Path(base, name).is_symlink() or not SAFE_NAME.match(name):
                problems.append(f"the folder {name[:60]!r} is a link or has an odd name and was left out.")
            else:
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            relative = os.path.relpath(os.path.join(base, name), folder)
            if relative in skip or name.endswith(".ipynb") or relative == "timestamp.txt":
                continue
            seen += 1
            if seen > MAX_FILES:
                return files, [*problems, f"there are more than {MAX_FILES} files; the rest was left out."]
            if not SAFE_NAME.match(name):
                problems.append(f"the file {relative[:80]!r} has an odd name and was left out.")
                continue
            try:
                with open(open_no_link(Path(base, name)), "rb") as file:
                    content = file.read(MAX_FILE + 1)
            except OSError:
                problems.append(f"the file {relative[:80]!r} is a link or no ordinary file and was left out.")
                continue
            total += len(content)
            if len(content) > MAX_FILE or total > MAX_ALL_FILES:
                total -= len(content)
                problems.append(f"the file {relative[:80]!r} is too large and was left out.")
                continue
            files[relative] = content
    return files, problems
