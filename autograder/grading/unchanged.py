"""Which answers are still those of the grading before, so that scores and comments given by hand still fit them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..submissions.files import open_no_link


def unchanged_answers(before: Path, now: dict[str, Any]) -> frozenset[str]:
    """The grade_ids of cells whose answer, points and automatic verdict are the same in two gradings of a notebook.

    An answer is the text of its own cell and the pictures in it. A test has none, so all solution cells of the
    notebook count as its answer.

    before : the notebook in autograded/; when there is none, or none that can be read, nothing is known to be the same
    now    : the autograded notebook that will take its place
    """
    try:
        with open(open_no_link(before), "rb") as file:
            old = _answers(json.load(file))
        new = _answers(now)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return frozenset()
    same_work = {name: text for name, (text, test) in old.items() if not test} == {
        name: text for name, (text, test) in new.items() if not test
    }
    return frozenset(
        name for name, (text, test) in new.items() if old.get(name) == (text, test) and (same_work or not test)
    )


def _answers(notebook: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """grade_id -> what a person has seen of the cell, and whether it is a test."""
    found = {}
    for cell in notebook["cells"]:
        own = cell["metadata"].get("nbgrader", {})
        if not own.get("grade_id"):
            continue
        test = bool(own.get("grade")) and not own.get("solution")
        seen = [own.get("points"), cell.get("attachments"), cell.get("outputs") if test else None]
        found[own["grade_id"]] = json.dumps([*seen, None if test else cell["source"]], sort_keys=True), test
    return found
