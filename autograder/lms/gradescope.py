"""Gradescope: *Download Submissions*, assignment_<n>_export/submission_<n>/<file> and submission_metadata.yml.

Source: the metadata of real exports; its keys are those of Gradescope's own tools. A group hands in together: each of
its members gets the submission.
"""

from __future__ import annotations

import datetime
import io
import re
from typing import Any

import yaml

from ..course import Course
from ..gradebook.reader import Grades
from ..submissions.archive import Archive, Budget, Entry, Refused, sensible
from .delivery import Deliveries, Delivery
from .table import GradeFile, Titles, number_cell, scores, text_cell

ROSTER = ("gradescope", "sid", "email", "email address")
ROOT = re.compile(r"assignment_\d+_export\Z")
FOLDER = re.compile(r"submission_\d+\Z")
METADATA, MAX_METADATA, MAX_NESTING = "submission_metadata.yml", 32 * 2**20, 40


def root_of(archive: Archive) -> tuple[str, ...] | None:
    """The folder that holds the metadata and everything else, () for the top; None when there is none."""
    for entry in archive.entries:
        root = entry.parts[:-1]
        if entry.name == METADATA and len(root) <= 1 and (not root or ROOT.match(root[0])):
            return root if all(other.parts[: len(root)] == root for other in archive.entries) else None
    return None


def read(archive: Archive, sections: list[str]) -> Deliveries:
    root = root_of(archive)
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
        if len(inside) < 2 or not FOLDER.match(folder):
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
    time = sensible(time) if isinstance(time, datetime.datetime) else None
    people = facts.get(":submitters")
    deliveries = []
    for person in people[:50] if isinstance(people, list) else []:
        if isinstance(person, dict):
            ids = (person.get(":sid"), person.get(":email"))  # a name is the student's own choice
            ids = tuple(text for value in ids if (text := _id(value)))
            if ids:
                deliveries.append(Delivery(f"{folder} of {ids[0]}", ids, order=time, time=time))
    return deliveries


def _id(value: Any) -> str:
    """A SID or an address as text, "" for what is none: YAML may hold a number of a million digits."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        return str(value)
    return value.strip()[:200] if isinstance(value, str) else ""


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


def grade_file(course: Course, grades: Grades, titles: Titles) -> GradeFile:
    """A table with the columns of Gradescope's own *Export Grades*: names, SID, Email, each section and its points."""
    header = ["First Name", "Last Name", "SID", "Email"]
    for section in grades.sections:
        header += [text_cell(titles.name(section)), text_cell(f"{titles.name(section)} - Max Points")]
    rows = [header]
    for person in grades.people:
        row = [text_cell(text) for text in (person.first_name, person.last_name, person.id, person.email)]
        for section, score in zip(grades.sections, scores(grades, person), strict=True):
            row += [score, number_cell(section.points)]
        rows.append(row)
    return GradeFile(rows)
