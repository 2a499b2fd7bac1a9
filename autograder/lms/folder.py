"""Folders: one folder or one zip for each student, named by the student's id. Also

* what `gh classroom clone student-repos` of GitHub Classroom makes: <assignment>-submissions/<assignment>-<user>/
* a folder of such folders, as OneDrive and Google Drive pack it: <any name>/<student>/…
"""

from __future__ import annotations

import os

from ..submissions.archive import Archive, Refused
from .delivery import Deliveries, Delivery

ROSTER = ("folder", "github", "github_username")
WRAPPERS = ("submitted", "submissions")


def read(archive: Archive, sections: list[str]) -> Deliveries:
    found: dict[str, Delivery] = {}
    refused = []
    tops = {entry.parts[0] for entry in archive.entries}
    if tops & set(sections):
        raise Refused(
            "it is the hand-in of one student; rename it <student>.zip, put it into a folder and collect the folder"
        )
    wrapped = len(tops) == 1 and (next(iter(tops)).lower() in WRAPPERS or _holds_students(archive, sections))
    classroom = _classroom(archive, wrapped)
    for entry in archive.entries:
        parts = entry.parts[1:] if wrapped else entry.parts
        if len(parts) == 1 and not parts[0].lower().endswith(".zip") or not parts:
            refused.append(("/".join(entry.parts), "it lies in no student's folder"))
            continue
        student = parts[0] if len(parts) > 1 else parts[0][:-4]
        delivery = found.setdefault(
            parts[0], Delivery("/".join(entry.parts[: 1 + wrapped]), (student.removeprefix(classroom),))
        )
        delivery.files.append((parts[1:] or parts, entry))
    return list(found.values()), refused


def _holds_students(archive: Archive, sections: list[str]) -> bool:
    """Whether the one folder of an archive holds folders or zips of students, and is not itself a student's."""
    below = {entry.parts[1] for entry in archive.entries if len(entry.parts) > 1}
    inside = {entry.parts[1] for entry in archive.entries if len(entry.parts) > 2}
    students = inside | {name for name in below if name.lower().endswith(".zip")}
    loose = {name for name in below - inside if name.lower().endswith(".ipynb")}
    return len(students) > 1 and not loose and not below & set(sections)


def _classroom(archive: Archive, wrapped: bool) -> str:
    """What GitHub Classroom puts before each user's name, "" where it is not from there."""
    wrapper = archive.entries[0].parts[0] if wrapped else ""
    names = sorted({entry.parts[wrapped] for entry in archive.entries if len(entry.parts) > wrapped + 1})
    prefix = f"{wrapper.removesuffix('-submissions')}-"
    if wrapper.endswith("-submissions") and names and os.path.commonprefix(names).startswith(prefix):
        return prefix
    return ""
