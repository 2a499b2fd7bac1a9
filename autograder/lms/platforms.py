"""How the downloads of learning platforms are laid out: whose file an entry is, and when it was handed in.

canvas     : "Download Submissions": <name>[_LATE]_<user id>_<file id>_<file>[-N].ext, all in one folder. The dates in
             it are those of the download (Canvas writes every entry anew), so they order downloads and date nothing
             but late work, for which they are the latest it can have been.
moodle     : "Download all submissions": <full name>_<participant>_assignsubmission_file_/<file>, with or without the
             folder. When it was handed in stands in the grading worksheet, which may be given as the roster.
gradescope : "Download Submissions": assignment_<n>_export/submission_<n>/<file> and submission_metadata.yml.
folder     : a folder or a zip for each student, named by the student's id.

Only names that the platform makes decide whose a file is; nothing that a student has named is asked.
"""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from ..errors import UserError
from ..submissions.archive import Archive, Budget, Entry, Refused, sensible

CANVAS = re.compile(r"(?=_(\d+)_(\d+)_)")
CANVAS_ANONYMOUS = re.compile(r"(LATE_)?anon_([A-Za-z0-9]+)_(\d+)_(.+)\Z")
CANVAS_TEXT = re.compile(r".+_(text|link)\.html\Z")
MOODLE = re.compile(r"(?P<name>.*)_(?P<id>\d+)_assignsubmission_(?P<what>[a-z]+)_(?P<file>.*)\Z")
GRADESCOPE_ROOT = re.compile(r"assignment_\d+_export\Z")
GRADESCOPE_FOLDER = re.compile(r"submission_\d+\Z")
METADATA, MAX_METADATA, MAX_NESTING = "submission_metadata.yml", 32 * 2**20, 40
WRAPPERS = ("submitted", "submissions")


@dataclass
class Delivery:
    """What one student handed in.

    label : how to name it in a sentence: by what the names of its files or its folder begin with
    ids   : what the platform calls the student; the first is the student's id where there is no roster
    files : path as the student named it, and the entry
    order : when it was handed in, or a date of the download that puts two of them in order; UTC, None unknown
    time  : when it was handed in; None where the platform does not say
    exact : False where `time` is only the latest that it can have been
    said  : the instructor gave the time, in a roster or with --at
    """

    label: str
    ids: tuple[str, ...]
    files: list[tuple[tuple[str, ...], Entry]] = field(default_factory=list)
    order: datetime.datetime | None = None
    time: datetime.datetime | None = None
    exact: bool = True
    said: bool = False
    serial: dict[tuple[str, ...], int] = field(default_factory=dict)


Deliveries = tuple[list[Delivery], list[tuple[str, str]]]


def read_platform(archive: Archive, source: str, sections: list[str]) -> tuple[str, Deliveries]:
    """The platform an archive comes from, and what it holds: deliveries, and (name, reason) of what is refused.

    source : canvas, moodle, gradescope, folder or auto

    Raises Refused when the archive is of no known kind, UserError for a source that does not exist.
    """
    if source == "auto":
        source = _recognise(archive)
    if source not in PLATFORMS:
        raise UserError(f"There is no platform {source!r}. Use one of: {', '.join(PLATFORMS)}, auto.")
    return source, PLATFORMS[source](archive, sections)


def _recognise(archive: Archive) -> str:
    """The platform whose names *all* files have: one student's file can't speak for the others."""
    paths = [entry.parts for entry in archive.entries]
    if paths and all(len(path) == 1 and (_canvas_name(path[0]) or CANVAS_TEXT.match(path[0])) for path in paths):
        return "canvas"
    if paths and all(MOODLE.match(path[0]) for path in paths):
        return "moodle"
    if _gradescope_root(archive) is not None:
        return "gradescope"
    if any(MOODLE.match(path[0]) or (len(path) == 1 and _canvas_name(path[0])) for path in paths):
        raise Refused("only some of its files have the names that a platform gives; say which it is with --from")
    return "folder"


# -- Canvas ---------------------------------------------------------------------------------------------------------


def _canvas_name(name: str) -> tuple[str, bool, int, str] | None:
    """(user id, late, file id, file name), None when Canvas did not make the name."""
    places = list(CANVAS.finditer(name))
    if not places:
        anonymous = CANVAS_ANONYMOUS.match(name)
        return anonymous and (f"anon-{anonymous[2]}", bool(anonymous[1]), int(anonymous[3][:18]), anonymous[4])
    user, file = places[0].groups()
    head, tail = name[: places[0].start()], name[places[0].start() + len(user) + len(file) + 3 :]
    late = head == "LATE" or head.endswith("_LATE")
    return (user, late, int(file[:18]), tail) if head and tail else None


def _canvas(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused = []
    for entry in archive.entries:
        read = _canvas_name(entry.name) if len(entry.parts) == 1 else None
        if read is None:
            text = CANVAS_TEXT.match(entry.name)
            refused.append(
                ("/".join(entry.parts), "it is a text typed into Canvas" if text else "it has no Canvas name")
            )
            continue
        if len(CANVAS.findall(entry.name)) > 1:  # names of people and of files can both hold numbers
            refused.append((entry.name, "its name could be that of two students; collect it by hand"))
            continue
        user, late, file, name = read
        label = re.sub(r"_\d+_\Z", "", entry.name.removesuffix(name))
        delivery = found.setdefault(user, Delivery(label, (user,)))
        delivery.files.append(((name,), entry))
        delivery.serial[entry.parts] = file
        delivery.order = max(filter(None, (delivery.order, entry.date)), default=None)
        if late:
            delivery.time, delivery.exact = delivery.order, False
    for delivery in found.values():
        delivery.files.sort(key=lambda item: -delivery.serial[item[1].parts])
    return list(found.values()), refused


# -- Moodle ---------------------------------------------------------------------------------------------------------


def _moodle(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused = []
    for entry in archive.entries:
        read = MOODLE.match(entry.parts[0])
        if read is None or not (read["file"] or entry.parts[1:]):
            refused.append(("/".join(entry.parts), "it has no Moodle name"))
            continue
        if MOODLE.match(read["name"]):  # a person or a file was given a name that holds another participant's number
            refused.append(("/".join(entry.parts), "its name could be that of two students; collect it by hand"))
            continue
        if read["what"] != "file":
            refused.append(("/".join(entry.parts), f"it is no file handed in but Moodle's {read['what']}"))
            continue
        delivery = found.setdefault(read["id"], Delivery(f"{read['name']}_{read['id']}", (read["id"],)))
        delivery.files.append((((read["file"],) if read["file"] else ()) + entry.parts[1:], entry))
        delivery.order = max(filter(None, (delivery.order, entry.date)), default=None)
    return list(found.values()), refused


# -- Gradescope -----------------------------------------------------------------------------------------------------


def _gradescope_root(archive: Archive) -> tuple[str, ...] | None:
    """The folder that holds the metadata and everything else, () for the top; None when there is none."""
    for entry in archive.entries:
        root = entry.parts[:-1]
        if entry.name == METADATA and len(root) <= 1 and (not root or GRADESCOPE_ROOT.match(root[0])):
            return root if all(other.parts[: len(root)] == root for other in archive.entries) else None
    return None


def _gradescope(archive: Archive, sections: list[str]) -> Deliveries:
    root = _gradescope_root(archive)
    if root is None:
        raise Refused(f"it has no {METADATA}, so nobody knows whose the submissions are")
    found: dict[str, list[Delivery]] = {}
    refused = []
    metadata = _metadata(next(entry for entry in archive.entries if entry.parts == (*root, METADATA)))
    for entry in archive.entries:
        inside = entry.parts[len(root) :]
        if inside == (METADATA,):
            continue
        folder = inside[0]
        if len(inside) < 2 or not GRADESCOPE_FOLDER.match(folder):
            refused.append(("/".join(entry.parts), "it lies outside the submissions"))
            continue
        if folder not in found:
            found[folder] = _submitters(folder, metadata.get(folder))
            if not found[folder]:
                refused.append((folder, f"{METADATA} does not say whose it is"))
        for delivery in found[folder]:
            delivery.files.append((inside[1:], entry))
    return [delivery for several in found.values() for delivery in several], refused


def _submitters(folder: str, facts: Any) -> list[Delivery]:
    """One delivery for each person of a submission: a group hands in together."""
    facts = facts if isinstance(facts, dict) else {}
    time = facts.get(":created_at")
    if isinstance(time, datetime.datetime):
        time = sensible(time.astimezone(datetime.timezone.utc).replace(tzinfo=None) if time.tzinfo else time)
    else:
        time = None
    people = facts.get(":submitters")
    deliveries = []
    for person in people[:50] if isinstance(people, list) else []:
        if isinstance(person, dict):
            ids = (person.get(":sid"), person.get(":email"))  # a name is the student's own choice
            ids = tuple(str(text)[:200] for text in ids if isinstance(text, str | int) and str(text).strip())
            if ids:
                deliveries.append(Delivery(f"{folder} of {ids[0]}", ids, order=time, time=time))
    return deliveries


def _metadata(entry: Entry) -> dict[str, Any]:
    """The metadata file as plain data. Raises Refused when it is no YAML mapping."""
    text = io.BytesIO()
    entry.copy(text, MAX_METADATA, Budget())
    try:
        depth = 0
        # libyaml's composer recurses in C without a limit, its parser does not: so the depth is counted first.
        for event in yaml.parse(text.getvalue(), Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            merges = isinstance(event, yaml.ScalarEvent) and event.value == "<<"  # each merge may double the data
            if depth > MAX_NESTING or merges:
                raise Refused(f"{METADATA} is nested too deep or merges its parts")
        data = yaml.load(text.getvalue(), Loader=_Loader)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, RecursionError):
        raise Refused(f"{METADATA} cannot be read; download the submissions again") from None
    if not isinstance(data, dict):
        raise Refused(f"{METADATA} holds no submissions")
    return data


_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast; both make plain data only


# -- folders --------------------------------------------------------------------------------------------------------


def _folder(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused = []
    tops = {entry.parts[0] for entry in archive.entries}
    wrapped = len(tops) == 1 and next(iter(tops)).lower() in WRAPPERS
    if tops & set(sections):
        raise Refused(
            "it is the hand-in of one student; rename it <student>.zip, put it into a folder and collect the folder"
        )
    for entry in archive.entries:
        parts = entry.parts[1:] if wrapped else entry.parts
        if len(parts) == 1 and not parts[0].lower().endswith(".zip") or not parts:
            refused.append(("/".join(entry.parts), "it lies in no student's folder"))
            continue
        student = parts[0] if len(parts) > 1 else parts[0][:-4]
        delivery = found.setdefault(parts[0], Delivery("/".join(entry.parts[: 1 + wrapped]), (student,)))
        delivery.files.append((parts[1:] or parts, entry))
    return list(found.values()), refused


PLATFORMS: dict[str, Callable[[Archive, list[str]], Deliveries]] = {
    "canvas": _canvas,
    "moodle": _moodle,
    "gradescope": _gradescope,
    "folder": _folder,
}
