"""What runs where a student works and not where it is graded: said in the feedback where it cost points."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ..submissions.repair import GradedCell

NO_MODULE = re.compile(r"No module named '(\w[\w.]{0,60})'")
MOST = 5  # sentences


def differences(
    cells: Sequence[GradedCell], outputs: Mapping[int, list[dict[str, Any]]], written_with: str
) -> list[str]:
    """A sentence for each cell that this Python cannot read, and for each module that it does not have.

    written_with : the version of Python that the notebook says it was saved with, "" when it says none
    """
    here = sys.version_info[:2]
    told: list[str] = []
    for index, item in enumerate(cells):
        errors = [output for output in outputs.get(index, []) if output.get("output_type") == "error"]
        if not errors or item.cell is None:
            continue
        kind, text = errors[0].get("ename"), str(errors[0].get("evalue"))
        if kind == "SyntaxError":
            sentence = f"{_called(item)} cannot be read by Python {here[0]}.{here[1]}, with which it was graded."
            if _version(written_with) > here:
                sentence += f" It was written with Python {written_with}, which may read more: grade it by hand."
            told.append(sentence)
        missing = NO_MODULE.search(text) if kind == "ModuleNotFoundError" else None
        if missing:
            told.append(f"{_called(item)} imports {missing[1]}, which is not there when it is graded.")
    return list(dict.fromkeys(told))[:MOST]


def _version(text: str) -> tuple[int, int]:
    numbers = re.match(r"(\d{1,2})\.(\d{1,3})", text)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def _called(item: GradedCell) -> str:
    if item.template is not None and item.template.grade_id:
        return f"The cell {item.template.grade_id}"
    start = next((line for line in item.source.splitlines() if line.strip()), "")
    return f"The cell that starts with {start[:60]!r}"
