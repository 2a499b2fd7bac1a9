"""What tests share: where the course is, what a machine may lack, a disk that is full, the processes below one."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from autograder.judging.load import package_of

ROOT = Path(__file__).resolve().parents[2]
CHECKS = ROOT / "checks"


def checks_module(name: str) -> ModuleType:
    """A module of the course's checks, e.g. "common.trained_weights", the same that the judge uses."""
    return importlib.import_module(f"{package_of(CHECKS)}.{name}")


needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")


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
