"""Courses to grade in, built from the committed notebooks."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.classroom import copy_course
from autograder.course import Course

ROOT = Path(__file__).resolve().parents[2]

needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A copy of the committed course without submissions."""
    return copy_course(Course(ROOT), tmp_path / "course")


@pytest.fixture(scope="session")
def session_course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """As `course`, one for the whole session; do not change it."""
    return copy_course(Course(ROOT), tmp_path_factory.mktemp("session") / "course")


@contextlib.contextmanager
def full_disk() -> Iterator[None]:
    """No file gets to its place any more."""

    def replace(*paths: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", replace)
        yield


def descendants(pid: int) -> list[int]:
    """The processes below this one, each before its own children."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                child = int(path.parent.name)
                found += [child, *descendants(child)]
    return found
