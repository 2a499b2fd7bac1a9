"""Canvas: *Download Submissions*, its list of students, and *Grades → Import*.

Download: <name>[_LATE]_<user id>_<file id>_<file>[-N].ext, all in one folder. The dates in it are those of the download
(Canvas writes every entry anew), so they order downloads and date nothing but late work, for which they are the latest
it can have been. Source: Canvas LMS, lib/content_zipper.rb (names of the entries) and app/models/assignment.rb (what a
file must be called to be taken back as feedback: the user's and the file's number in its name).

Only names that Canvas makes decide whose a file is; nothing that a student has named is asked.
"""

from __future__ import annotations

import re

from ..submissions.archive import Archive
from .delivery import Deliveries, Delivery

# Which columns of a roster name the student as the download does: the number in the names of its files.
ROSTER = ("canvas", "id", "canvas_user_id")
NUMBERS = re.compile(r"(?=_(\d+)_(\d+)_)")
ANONYMOUS = re.compile(r"(LATE_)?anon_([A-Za-z0-9]+)_(\d+)_(.+)\Z")
TEXT = re.compile(r".+_(text|link)\.html\Z")
TEST_STUDENT = re.compile(r"(studenttest|teststudent)(_LATE)?(_\d+)?\Z", re.IGNORECASE)


def _canvas_name(name: str) -> tuple[str, bool, int, str] | None:
    """(user id, late, file id, file name), None when Canvas did not make the name."""
    places = list(NUMBERS.finditer(name))
    if not places:
        anonymous = ANONYMOUS.match(name)
        return anonymous and (f"anon-{anonymous[2]}", bool(anonymous[1]), int(anonymous[3][:18]), anonymous[4])
    user, file = places[0].groups()
    head, tail = name[: places[0].start()], name[places[0].start() + len(user) + len(file) + 3 :]
    late = head == "LATE" or head.endswith("_LATE")
    return (user, late, int(file[:18]), tail) if head and tail else None


def fits(paths: list[tuple[str, ...]]) -> bool:
    """Whether all files have names that Canvas makes: one student's file can't speak for the others."""
    return bool(paths) and all(len(path) == 1 and (_canvas_name(path[0]) or TEXT.match(path[0])) for path in paths)


def some(paths: list[tuple[str, ...]]) -> bool:
    return any(len(path) == 1 and _canvas_name(path[0]) for path in paths)


def read(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused = []
    for entry in archive.entries:
        read = _canvas_name(entry.name) if len(entry.parts) == 1 else None
        if read is None:
            text = TEXT.match(entry.name)
            refused.append(
                ("/".join(entry.parts), "it is a text typed into Canvas" if text else "it has no Canvas name")
            )
            continue
        if len(NUMBERS.findall(entry.name)) > 1:  # names of people and of files can both hold numbers
            refused.append((entry.name, "its name could be that of two students; collect it by hand"))
            continue
        user, late, file, name = read
        label = re.sub(r"_\d+_\Z", "", entry.name.removesuffix(name))
        if TEST_STUDENT.match(label):
            refused.append((entry.name, "it is of Canvas's Test Student, who is nobody"))
            continue
        delivery = found.setdefault(user, Delivery(label, (user,)))
        delivery.files.append(((name,), entry))
        delivery.serial[entry.parts] = file
        if name.lower().endswith(".ipynb") or not delivery.back:
            delivery.back = entry.name.removesuffix(name)
        delivery.order = max(filter(None, (delivery.order, entry.date)), default=None)
        if late:
            delivery.time, delivery.exact = delivery.order, False
    for delivery in found.values():
        delivery.files.sort(key=lambda item: -delivery.serial[item[1].parts])
    return list(found.values()), refused
