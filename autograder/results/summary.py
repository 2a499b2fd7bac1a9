"""What a feedback page begins with: the exercises by their titles, what each came to, and what to look at.

The titles are the headings of the released notebook, not of what was handed in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.utils import compute_checksum

from ..gradebook.reader import Mark, NotebookGrade
from .pages import amount

HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.*?)[ \t#]*$")
FENCE = re.compile(r" {0,3}(```|~~~)")
MOST_LETTERS = 400  # of what a plain test said


@dataclass(frozen=True)
class Headings:
    """The headings of a released notebook. above : grade_id -> the last heading before the cell"""

    title: str = ""
    above: dict[str, str] = field(default_factory=dict)


def read_headings(path: Path) -> Headings:
    """The headings of a notebook; none where it cannot be read."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        title, last, above = "", "", {}
        for cell in cells:
            if cell["cell_type"] == "markdown":
                for text in _headings("".join(cell["source"])):
                    title, last = title or text, text
            grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id")
            if grade_id:
                above[grade_id] = last
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Headings()
    return Headings(title, above)


def _headings(source: str) -> Iterator[str]:
    fenced = False
    for line in source.splitlines():
        fenced ^= FENCE.match(line) is not None
        found = HEADING.match(line)
        if found and found[1] and not fenced:
            yield found[1]


@dataclass(frozen=True)
class Line:
    """What one graded cell came to.

    state     : full, part, none; open (a person has still to grade it); again (graded by hand, and changed since);
                optional (worth no points)
    mistakes  : (part of the check or "", sentence), in the order in which they were found
    answer    : grade_id of the cell that was graded, "" where there is none
    commented : grade_id of the cell with a person's comment, "" where there is none
    """

    name: str
    score: float
    points: float
    state: str
    mistakes: tuple[tuple[str, str], ...] = ()
    answer: str = ""
    commented: str = ""

    @property
    def label(self) -> str:
        return self.name.removesuffix("_check")

    @property
    def said(self) -> str:
        """The points in words."""
        if self.state == "open":
            return f"not graded yet, {amount(self.points)} points"
        if self.state == "optional" and not self.score:
            return "optional"
        return f"{amount(self.score)} of {amount(self.points)}" + (
            ", to be looked at again" if self.state == "again" else ""
        )

    @property
    def worth_a_look(self) -> bool:
        return bool(self.mistakes or self.commented) or self.state in ("part", "none", "again")


@dataclass(frozen=True)
class Exercise:
    """The graded cells under one heading. title : Markdown"""

    title: str
    lines: tuple[Line, ...]

    @property
    def state(self) -> str:
        """That of its cells where they agree; "part" where points were lost; otherwise "open"."""
        states = {line.state for line in self.lines} - {"optional"}
        if len(states) == 1:
            return states.pop()
        lost = states & {"part", "none", "again"}
        return "part" if lost else "open" if states else "optional"

    @property
    def said(self) -> str:
        if len(self.lines) == 1:
            return self.lines[0].said
        decided = [line for line in self.lines if line.state not in ("open", "optional")]
        waiting = sum(line.points for line in self.lines if line.state == "open")
        texts = [f"{amount(sum(d.score for d in decided))} of {amount(sum(d.points for d in decided))}"] * bool(decided)
        texts += [f"{amount(waiting)} points not graded yet"] * bool(waiting)
        return ", ".join(texts) or "optional"

    @property
    def worth_a_look(self) -> bool:
        return any(line.worth_a_look for line in self.lines)


@dataclass(frozen=True)
class Summary:
    """The head of a feedback page.

    title : of the notebook, Markdown
    key   : a digest of all that the page is made of
    """

    title: str
    score: float
    points: float
    penalty: float = 0.0
    exercises: tuple[Exercise, ...] = ()
    key: str = ""

    @property
    def lines(self) -> dict[str, Line]:
        return {line.name: line for exercise in self.exercises for line in exercise.lines}

    @property
    def waiting(self) -> int:
        return sum(line.state == "open" for line in self.lines.values())


def exercises(cells: Sequence[dict[str, Any]], grade: NotebookGrade, headings: Headings) -> tuple[Exercise, ...]:
    """The exercises of a graded notebook, in its order.

    cells : as they lie in autograded/
    """
    titled, answer = [], None
    for cell in cells:
        own = _own(cell)
        name = own.get("grade_id", "")
        if own.get("solution") or own.get("task"):
            answer = cell
        if name in grade.marks and (own.get("grade") or own.get("task")):
            mine = cell if own.get("solution") or own.get("task") else answer
            titled.append((headings.above.get(name) or headings.title or name, _line(cell, mine, grade, name)))
    return tuple(
        Exercise(title, tuple(line for _, line in group)) for title, group in groupby(titled, lambda pair: pair[0])
    )


def _line(cell: dict[str, Any], answer: dict[str, Any] | None, grade: NotebookGrade, name: str) -> Line:
    mark = grade.marks[name]
    answered = _own(answer).get("grade_id", "") if answer is not None else ""
    state = _state(mark)
    quiet = state in ("full", "open") or (state == "optional" and _as_released(answer))
    mistakes = () if quiet else tuple(_mistakes(cell))
    commented = next((key for key in (name, answered) if grade.comments.get(key)), "")
    if state == "optional" and quiet:  # nbgrader's own comment that nothing was written
        commented = ""
    return Line(name, mark.score, mark.points, state, mistakes, answered, commented)


def _state(mark: Mark) -> str:
    if mark.needs_person and mark.by_person:
        return "again"
    if mark.points <= 0:
        return "optional"
    if mark.needs_person:
        return "open"
    return "full" if mark.score >= mark.points - 1e-9 else "part" if mark.score > 0 else "none"


def _own(cell: dict[str, Any]) -> dict[str, Any]:
    metadata = cell.get("metadata")
    own = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return own if isinstance(own, dict) and isinstance(own.get("grade_id"), str) else {}


def _as_released(cell: dict[str, Any] | None) -> bool:
    """Whether nothing was written into a cell, by nbgrader's own checksum."""
    if cell is None:
        return False
    try:
        return compute_checksum(nbformat.from_dict(cell)) == _own(cell).get("checksum")
    except Exception:  # an odd cell; it is no work as released
        return False


def _mistakes(cell: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What grading wrote down about a check (`grading.write_up`), or what a plain test said."""
    noted = cell["metadata"].get("backprop")
    if isinstance(noted, dict) and isinstance(noted.get("wrong"), list):
        for part, sentences in noted["wrong"]:
            # What stands below the first line is the student's own message; the cell has it.
            yield from ((part, sentence.partition("\n")[0]) for sentence in sentences)
        others = [part for part, sentences in noted["wrong"] if not sentences]
        if others:
            yield "also not right" if len(others) < len(noted["wrong"]) else "not right", ", ".join(others)
        return
    for output in cell.get("outputs") or []:
        if isinstance(output, dict) and output.get("output_type") == "error":
            text = " ".join(f"{output.get('ename')}: {output.get('evalue')}".split())
            yield "", text if len(text) <= MOST_LETTERS else f"{text[:MOST_LETTERS]}…"
