"""Feedback pages, packed and named so that the platform that a submission came from takes them back in one upload.

    Canvas       <name>_<user>_<file>_<page>                        on the assignment: Upload Submissions (comments)
    Moodle       <full name>_<number>_assignsubmission_file_/<page> Upload multiple feedback files in a zip
    Brightspace  <folder of the hand-in>/<page>                     Add Feedback Files; with its index.html

What a page has to be called was noted when the submission was collected.
"""

from __future__ import annotations

import io
import json
import urllib.parse
import zipfile
from collections.abc import Sequence
from pathlib import Path

from backprop.files import write_atomically

from ..course import Course
from ..errors import UserError

TAKES = ("canvas", "moodle", "brightspace")
DATE = (1980, 1, 1, 0, 0, 0)  # the same bytes each time


def pack_feedback(course: Course, sections: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Write exports/feedback-<section>-<platform>.zip; return the files, and student/section of pages in none of them.

    Raises UserError when there are no feedback pages.
    """
    packed: dict[tuple[str, str], dict[str, bytes]] = {}
    left: list[str] = []
    pages = sorted(path for section in sections for path in course.feedback.glob(f"*/{section}/*.html"))
    for page in pages:
        student, section = page.parts[-3], page.parts[-2]
        platform, back = _noted(course, student, section)
        if platform in TAKES and back:
            name = f"{back}{page.name}" if platform == "canvas" else f"{back.rstrip('/')}/{page.name}"
            packed.setdefault((section, platform), {})[name] = page.read_bytes()
        elif f"{student}/{section}" not in left:
            left.append(f"{student}/{section}")
    if not pages:
        raise UserError("There are no feedback pages in these sections. Run `python -m autograder feedback` first.")
    written = []
    for (section, platform), files in sorted(packed.items()):
        index = course.state / "collected" / section / "index.html"
        if platform == "brightspace" and index.is_file():
            files["index.html"] = index.read_bytes()
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(files.items()):
                archive.writestr(zipfile.ZipInfo(name, DATE), data, zipfile.ZIP_DEFLATED)
        path = course.exports / f"feedback-{section}-{platform}.zip"
        write_atomically(path, content.getvalue(), mode=0o640)
        written.append(path)
    return written, left


def _noted(course: Course, student: str, section: str) -> tuple[str, str]:
    """The platform that a submission was collected from, and what the names of its files begin with there."""
    path = course.state / "collected" / section / (urllib.parse.quote(student, safe="@") + ".json")
    try:
        note = json.loads(path.read_bytes())
        return str(note["platform"]), str(note["back"])
    except (OSError, ValueError, KeyError, TypeError):
        return "", ""
