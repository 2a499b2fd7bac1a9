"""Which learning platform a download comes from. One module a platform knows how it is laid out."""

from __future__ import annotations

import dataclasses
from types import ModuleType

from ..errors import WrongUsage
from ..submissions.archive import Archive, Refused
from . import blackboard, brightspace, canvas, folder, gradescope, moodle
from .delivery import Deliveries

PLATFORMS: dict[str, ModuleType] = {
    "canvas": canvas,
    "moodle": moodle,
    "gradescope": gradescope,
    "blackboard": blackboard,
    "brightspace": brightspace,
    "folder": folder,
}
BY_NAME = ("canvas", "moodle", "blackboard", "brightspace")  # told by the names of their files


def read_platform(archive: Archive, source: str, sections: list[str]) -> tuple[str, Deliveries]:
    """The platform an archive comes from, and what it holds: deliveries, and (name, reason) of what is refused.

    source : a platform's name, or auto

    Raises Refused when the archive is of no known kind, WrongUsage for a source that does not exist.
    """
    if source not in (*PLATFORMS, "auto"):
        raise WrongUsage(f"There is no platform {source!r}. Use one of: {', '.join(PLATFORMS)}, auto.")
    if source == "auto":
        source, archive = _recognise(archive)
    elif source in BY_NAME and not PLATFORMS[source].some([entry.parts for entry in archive.entries]):
        archive = _unwrapped(archive) or archive
    return source, PLATFORMS[source].read(archive, sections)


def _recognise(archive: Archive) -> tuple[str, Archive]:
    """The platform whose names *all* files have: one student's file can't speak for the others. A folder that somebody,
    or a browser, has put around the whole download is taken off."""
    inside = _unwrapped(archive)
    for one in (archive, inside) if inside else (archive,):
        paths = [entry.parts for entry in one.entries]
        for name in BY_NAME:
            if PLATFORMS[name].fits(paths):
                return name, one
        if gradescope.root_of(one) is not None:
            return "gradescope", one
        if any(PLATFORMS[name].some(paths) for name in BY_NAME):
            raise Refused("only some of its files have the names that a platform gives; say which it is with --from")
    return "folder", archive


def _unwrapped(archive: Archive) -> Archive | None:
    """The archive without the one folder that holds all of it; None when there is no such folder."""
    if len({entry.parts[0] for entry in archive.entries}) != 1 or any(len(e.parts) < 2 for e in archive.entries):
        return None
    return Archive([dataclasses.replace(entry, parts=entry.parts[1:]) for entry in archive.entries], archive.refused)
