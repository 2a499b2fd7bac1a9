"""Fit a damaged submission to the release again: by grade_id, by cell id, by content, by position.

Students delete, duplicate, reorder and retype cells, and tools lose metadata. Whatever happened, an
answer that is still in the notebook is found and graded; what was done is said in one sentence each.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .submission import Cell
from .template import Template, TemplateCell

DEFINES = re.compile(r"^\s*(?:class|def)\s+(\w+)", re.MULTILINE)
ALIKE = 0.6


@dataclass
class WorkCell:
    """A cell of the notebook as it is graded.

    template : the cell of the release that it answers, None for a cell that the student added
    cell     : what was handed in, None when the cell was missing and comes from the release
    """

    template: TemplateCell | None
    cell: Cell | None

    @property
    def source(self) -> str:
        """The text that counts: the release's for locked cells, the student's for all others."""
        if self.template is not None and (self.cell is None or self.template.is_test):
            return self.template.release
        if self.template is not None and _plain(self.cell.source) == _plain(self.template.release):
            return self.template.release  # white space alone does not make an answer
        return self.cell.source

    @property
    def cell_type(self) -> str:
        return self.template.cell_type if self.template is not None else self.cell.cell_type

    @property
    def answered(self) -> bool:
        return self.cell is not None and self.source != (self.template.release if self.template else None)


@dataclass
class Repaired:
    """The cells in the order of the submission, and a sentence for each repair."""

    cells: list[WorkCell]
    problems: list[str] = field(default_factory=list)


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines() if line.strip())


def repair(template: Template, cells: Sequence[Cell]) -> Repaired:
    """Match the cells of a submission with those of the release; put back what is missing."""
    match, problems = _Matcher(template, cells).run()
    owner = {submitted: wanted for wanted, submitted in match.items()}
    dropped = _worthless_copies(template, cells, owner)
    work = [
        WorkCell(template.cells[owner[i]] if i in owner else None, cell)
        for i, cell in enumerate(cells)
        if i not in dropped
    ]
    for index, wanted in enumerate(template.cells):
        if index in match or (wanted.cell_type != "code" and not wanted.grade_id):
            continue
        work.insert(_place_after(template, index, work), WorkCell(wanted, None))
        if wanted.is_solution:
            problems.append(f"The cell {wanted.grade_id} is missing; it counts as not answered.")
        elif wanted.grade_id:
            problems.append(f"The test cell {wanted.grade_id} was missing and was put back.")
        elif not wanted.trains:
            problems.append(f"A cell of the release was missing and was put back: {_start(wanted.release)}")
    matched = [item for item in work if item.template and item.cell and item.template.grade_id]
    order = [template.cells.index(item.template) for item in matched]
    if order != sorted(order):
        problems.append("Cells stand in another order than in the release; all of them were graded.")
    for item in matched:
        if item.cell.cell_type != item.template.cell_type:
            problems.append(
                f"The cell {item.template.grade_id} had become a {item.cell.cell_type} cell; "
                f"it was graded as the {item.template.cell_type} cell it was."
            )
    return Repaired(work, problems)


def _start(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return repr(lines[0][:60]) if lines else "an empty cell"


def _place_after(template: Template, index: int, work: list[WorkCell]) -> int:
    """Where a missing cell goes: behind the nearest earlier cell of the release that is there."""
    places = {id(item.template): place for place, item in enumerate(work) if item.template is not None}
    for earlier in reversed(template.cells[:index]):
        if id(earlier) in places:
            return places[id(earlier)] + 1
    return 0


def _worthless_copies(template: Template, cells: Sequence[Cell], owner: dict[int, int]) -> set[int]:
    """Unmatched copies of solution or test cells that would undo the answer if they ran: unedited stubs, old tests."""
    stubs = {_plain(cell.release) for cell in template.cells if cell.grade_id and cell.cell_type == "code"}
    tests = {cell.grade_id for cell in template.cells if cell.is_test}
    return {
        i
        for i, cell in enumerate(cells)
        if i not in owner and cell.cell_type == "code" and (_plain(cell.source) in stubs or cell.grade_id in tests)
    }


class _Matcher:
    def __init__(self, template: Template, cells: Sequence[Cell]):
        self.template, self.cells = template, cells
        self.match: dict[int, int] = {}  # index in the template -> index in the submission
        self.taken: set[int] = set()
        self.problems: list[str] = []

    def run(self) -> tuple[dict[int, int], list[str]]:
        self.by_grade_id()
        self.by_key(lambda wanted: wanted.id, lambda cell: cell.id)
        self.by_key(lambda wanted: _plain(wanted.release), lambda cell: _plain(cell.source))
        self.by_key(lambda wanted: _plain(wanted.source) if wanted.is_test else "", lambda cell: _plain(cell.source))
        lost = {i for i, wanted in enumerate(self.template.cells) if wanted.is_solution and i not in self.match}
        self.by_definitions()
        self.by_neighbours()
        self.by_likeness()
        for index in sorted(lost & self.match.keys()):
            grade_id = self.template.cells[index].grade_id
            self.problems.append(f"The cell {grade_id} had lost its nbgrader metadata; it was found by its content.")
        return self.match, self.problems

    def take(self, wanted: int, submitted: int) -> None:
        self.match[wanted] = submitted
        self.taken.add(submitted)

    def open_wanted(self):
        return [(i, cell) for i, cell in enumerate(self.template.cells) if i not in self.match]

    def open_cells(self):
        return [(i, cell) for i, cell in enumerate(self.cells) if i not in self.taken]

    def by_grade_id(self) -> None:
        known = {cell.grade_id: index for index, cell in enumerate(self.template.cells) if cell.grade_id}
        found: dict[str, list[int]] = {}
        for i, cell in enumerate(self.cells):
            if cell.grade_id in known:
                found.setdefault(cell.grade_id, []).append(i)
        for grade_id, places in found.items():
            wanted = self.template.cells[known[grade_id]]
            edited = [i for i in places if _plain(self.cells[i].source) != _plain(wanted.release)]
            # A notebook runs from top to bottom, so of several edited copies the last one counts.
            self.take(known[grade_id], edited[-1] if edited and not wanted.is_test else places[0])
            if len(places) > 1:
                which = "the last edited one counts" if wanted.is_solution else "it is graded once"
                self.problems.append(f"The cell {grade_id} is there {len(places)} times; {which}.")

    def by_key(self, key_wanted, key_cell) -> None:
        """Pairs of cells that agree on a key which both have and which is unique among the open ones or in order."""
        waiting: dict[str, list[int]] = {}
        for i, cell in self.open_cells():
            key = key_cell(cell)
            if key:
                waiting.setdefault(key, []).append(i)
        for index, wanted in self.open_wanted():
            key = key_wanted(wanted)
            if key and waiting.get(key):
                self.take(index, waiting[key].pop(0))

    def by_definitions(self) -> None:
        """Solution cells whose functions or classes are defined in a cell that belongs to nothing else."""
        for index, wanted in self.open_wanted():
            names = set(DEFINES.findall(wanted.release))
            if not (wanted.is_solution and wanted.cell_type == "code" and names):
                continue
            fits = [i for i, cell in self.open_cells() if names & set(DEFINES.findall(cell.source))]
            edited = [i for i in fits if _plain(self.cells[i].source) != _plain(wanted.release)]
            if fits:
                self.take(index, (edited or fits)[-1])

    def by_neighbours(self) -> None:
        """A cell that stands alone between the two cells it should stand between."""
        for index, wanted in self.open_wanted():
            before, after = self.match.get(index - 1, -1 if index == 0 else None), self.match.get(index + 1)
            if index + 1 == len(self.template.cells):
                after = len(self.cells)
            if before is None or after is None:
                continue
            between = [i for i in range(before + 1, after) if i not in self.taken]
            if len(between) == 1 and (wanted.is_solution or self.cells[between[0]].cell_type == wanted.cell_type):
                self.take(index, between[0])

    def by_likeness(self) -> None:
        for index, wanted in self.open_wanted():
            best, score = None, ALIKE
            for i, cell in self.open_cells():
                if cell.cell_type != wanted.cell_type or not cell.source.strip():
                    continue
                matcher = difflib.SequenceMatcher(None, wanted.release[:2000], cell.source[:2000], autojunk=False)
                if matcher.real_quick_ratio() > score and matcher.quick_ratio() > score and matcher.ratio() > score:
                    best, score = i, matcher.ratio()
            if best is not None:
                self.take(index, best)
