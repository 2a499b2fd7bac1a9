"""Fit a damaged submission to the release again: by grade_id, by cell id, by content, by position.

Students delete, duplicate, reorder and retype cells, and tools lose metadata. Whatever happened, an
answer that is still in the notebook is found and graded; what was done is said in one sentence each.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .images import join
from .notebook import SubmittedCell
from .released import ReleasedCell, ReleasedNotebook

DEFINES = re.compile(r"^[^\S\n]*(?:class|def)\s+(\w+)", re.MULTILINE)
# A definition, or one name or several in front of an equals sign: a = 1, a: int = 1, (a, b) = 1, 2.
TOP_LEVEL = re.compile(
    r"^(?:(?:class|def)\s+(\w+)|[(\[]?(\w+(?:[ \t]*,[ \t]*\w+)*)[)\]]?[ \t]*(?::[^=\n]{1,100})?=(?!=))", re.MULTILINE
)
ASKED_FOR = re.compile(r"^# ?(\w+) = ", re.MULTILINE)  # a stub names the values that it wants
ALIKE = 0.6
EDITED = 2  # see _Matcher.worth
MOST_ALIKE = 500  # pairs of texts compared letter by letter: no honest notebook needs as many


@dataclass
class GradedCell:
    """A cell of the notebook as it is graded.

    template : the cell of the release that it answers, None for a cell that the student added
    cell     : what was handed in, None when the cell was missing and comes from the release
    idle     : it does not run: a stub that would undo the answer that stands in another cell, a copy of a training
    """

    template: ReleasedCell | None
    cell: SubmittedCell | None
    idle: bool = False

    @property
    def source(self) -> str:
        """The text that counts: the release's for locked cells, the student's for all others."""
        if self.template is not None and (self.cell is None or _locked(self.template)):
            return self.template.release
        if self.template is not None and self.cell.plain == self.template.plain:
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

    cells: list[GradedCell]
    problems: list[str] = field(default_factory=list)


def _locked(wanted: ReleasedCell) -> bool:
    """A cell whose text always comes from the release: a test, or a read-only cell."""
    return wanted.is_test or (bool(wanted.nbgrader.get("locked")) and not wanted.is_solution)


def repair(template: ReleasedNotebook, cells: Sequence[SubmittedCell]) -> Repaired:
    """Match the cells of a submission with those of the release; put back what is missing."""
    matcher = _Matcher(template, cells)
    match, problems = matcher.run()
    written = _written_elsewhere(template, cells, match, matcher.taken)
    answers = written | matcher.together
    joined = matcher.taken - set(match.values())
    owner = {submitted: wanted for wanted, submitted in match.items()}
    dropped = _worthless_copies(template, cells, owner)
    trainings = {cell.plain for cell in template.cells if cell.trains}
    work: list[GradedCell] = []
    differing: list[str] = []
    with_more: list[str] = []
    for i, cell in enumerate(cells):
        if i in dropped or i in joined:
            continue
        wanted = template.cells[owner[i]] if i in owner else None
        if wanted is not None and _locked(wanted) and cell.plain not in (wanted.plain, wanted.plain_source):
            added = _added_to_locked(wanted, cell)
            (with_more if added else differing).append(wanted.grade_id)
            work += added
        training_again = wanted is None and cell.plain in trainings
        work.append(GradedCell(wanted, answers.get(owner.get(i), cell), idle=training_again))
    # After a change of the release these may be many, of everybody: a sentence for all of them, which blames nobody.
    added_ran = "what was added was run as a cell of its own"
    for names, what in ((differing, "what is released counts"), (with_more, added_ran)):
        if names:
            cells_differ = f"The cell{'s' * (len(names) > 1)} {', '.join(names)} differ{'s' * (len(names) == 1)}"
            problems.append(f"{cells_differ} from the release (edited, or handed out before it changed); {what}.")
    elsewhere = _defined_by_students(work)
    for index, wanted in enumerate(template.cells):
        if index in match or (wanted.cell_type != "code" and not wanted.grade_id):
            continue
        work.insert(_place_after(template, index, work), GradedCell(wanted, written.get(index)))
        if wanted.is_solution and not (index in written or _all_defined(wanted, elsewhere)):
            problems.append(f"The cell {wanted.grade_id} is missing; it counts as not answered.")
        elif wanted.grade_id and not wanted.is_solution:
            problems.append(f"The test cell {wanted.grade_id} was missing and was put back.")
        elif not wanted.grade_id and not (wanted.trains or wanted.only_shows):
            problems.append(f"The cell that starts with {_start(wanted.release)} was missing and was put back.")
    for item in work:
        if item.template and item.template.is_solution and not item.answered and _all_defined(item.template, elsewhere):
            item.idle = True
            what = "is missing" if item.cell is None else "is as released"
            problems.append(f"The cell {item.template.grade_id} {what}; its answer stands in another cell and counts.")
    for index in written:
        problems.append(f"The cell {template.cells[index].grade_id} holds no answer; the text next to it was taken.")
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
    return Repaired(work, problems if cells else [])


def _start(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return repr(lines[0][:60]) if lines else "an empty line"


def _place_after(template: ReleasedNotebook, index: int, work: list[GradedCell]) -> int:
    """Where a missing cell goes: behind the nearest earlier cell of the release that is there."""
    places = {id(item.template): place for place, item in enumerate(work) if item.template is not None}
    for earlier in reversed(template.cells[:index]):
        if id(earlier) in places:
            return places[id(earlier)] + 1
    return 0


def _worthless_copies(template: ReleasedNotebook, cells: Sequence[SubmittedCell], owner: dict[int, int]) -> set[int]:
    """Unmatched copies of solution or test cells that would undo the answer if they ran: unedited stubs, old tests."""
    stubs = {cell.plain for cell in template.cells if cell.grade_id and cell.cell_type == "code"}
    tests = {cell.grade_id for cell in template.cells if cell.is_test}
    return {
        i
        for i, cell in enumerate(cells)
        if i not in owner
        and cell.cell_type == "code"
        and (cell.plain in stubs or (cell.grade_id in tests and not DEFINES.search(cell.source)))
    }


# -- answers in unexpected places -----------------------------------------------------------------------------------


def _added_to_locked(wanted: ReleasedCell, cell: SubmittedCell) -> list[GradedCell]:
    """What a student wrote into a locked cell, as a cell of its own, where it defines something."""
    known = _names(wanted.release) | set(DEFINES.findall(wanted.release))
    if _names(cell.source) | set(DEFINES.findall(cell.source)) <= known:
        return []
    return [GradedCell(None, SubmittedCell("code", cell.source))]


def _names(source: str) -> set[str]:
    """The names that a cell defines at its top level."""
    return {
        name.strip() for found in TOP_LEVEL.findall(source) for names in found if names for name in names.split(",")
    }


def _asked_for(wanted: ReleasedCell) -> set[str]:
    """The names that the answer in a solution cell has to define."""
    return _names(wanted.release) | set(ASKED_FOR.findall(wanted.release))


def _defined_by_students(work: Sequence[GradedCell]) -> set[str]:
    own = [item for item in work if item.cell_type == "code" and (item.template is None or item.answered)]
    return set().union(*(_names(item.source) for item in own))


def _all_defined(wanted: ReleasedCell, names: set[str]) -> bool:
    """Whether everything that the stub of a solution cell defines is among the names."""
    return wanted.cell_type == "code" and bool(_names(wanted.release)) and _names(wanted.release) <= names


def _written_elsewhere(
    template: ReleasedNotebook, cells: Sequence[SubmittedCell], match: dict[int, int], taken: set[int]
) -> dict[int, SubmittedCell]:
    """Written answers that stand beside their empty cell: in a cell of their own, or below the question.

    Where an answer's cell is gone, whatever text of the student's own is left over is shown in its place.
    """
    found: dict[int, SubmittedCell] = {}
    gone: list[int] = []
    used: set[int] = set()
    empty = {wanted.plain for wanted in template.cells if wanted.is_solution} | {""}
    for index, wanted in enumerate(template.cells):
        if not wanted.is_solution or wanted.cell_type != "markdown":
            continue
        if index in match and cells[match[index]].plain not in empty:
            continue
        before = next((match[i] for i in range(index - 1, -1, -1) if i in match), -1)
        after = next((match[i] for i in range(index + 1, len(template.cells)) if i in match), len(cells))
        beside = [i for i in range(before + 1, after) if i not in taken and _is_text(cells[i], empty)]
        used |= set(beside)
        question = template.cells[index - 1] if index else None
        if beside:
            found[index] = _joined_text([cells[i] for i in beside])
        elif index - 1 in match and question.cell_type == "markdown" and not question.grade_id:
            asked, handed = question.release.strip(), cells[match[index - 1]]
            text = "\n".join(handed.source.splitlines())
            added = text.replace(asked, "", 1).replace(wanted.release, "").strip()
            if asked in text and added:
                found[index] = SubmittedCell("markdown", added, attachments=handed.attachments)
        if index not in found and index not in match:
            gone.append(index)
    left_over = [c for i, c in enumerate(cells) if i not in taken and i not in used and _is_text(c, empty)]
    if left_over:
        found |= dict.fromkeys(gone, _joined_text(left_over))
    return found


def _is_text(cell: SubmittedCell, empty: set[str]) -> bool:
    return cell.cell_type != "code" and cell.plain not in empty


def _joined_text(cells: Sequence[SubmittedCell]) -> SubmittedCell:
    source, attachments = join([(cell.source, cell.attachments) for cell in cells])
    return SubmittedCell("markdown", source, attachments=attachments)


# -- matching -------------------------------------------------------------------------------------------------------


class _Matcher:
    def __init__(self, template: ReleasedNotebook, cells: Sequence[SubmittedCell]):
        self.template, self.cells = template, cells
        self.match: dict[int, int] = {}  # index in the template -> index in the submission
        self.taken: set[int] = set()
        self.together: dict[int, SubmittedCell] = {}  # written answers that stand in several cells
        self.problems: list[str] = []

    def run(self) -> tuple[dict[int, int], list[str]]:
        self.by_name(lambda wanted: wanted.grade_id, lambda cell: cell.grade_id)
        self.by_name(lambda wanted: wanted.id, lambda cell: cell.id)
        self.by_key(lambda wanted: wanted.plain, lambda cell: cell.plain)
        self.by_key(lambda wanted: wanted.plain_source if wanted.is_test else "", lambda cell: cell.plain)
        lost = {i for i, wanted in enumerate(self.template.cells) if wanted.is_solution and i not in self.match}
        self.by_definitions()
        self.by_neighbours()
        self.by_likeness()
        self.answers_beside_stubs()
        self.without_emptied()
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

    def by_name(self, key_wanted: Callable, key_cell: Callable) -> None:
        """Cells that carry the name of a cell of the release; of several with one name, the one that counts."""
        known = {key_wanted(cell): index for index, cell in self.open_wanted() if key_wanted(cell)}
        found: dict[str, list[int]] = {}
        for i, cell in self.open_cells():
            if key_cell(cell) in known:
                found.setdefault(key_cell(cell), []).append(i)
        for key, places in found.items():
            wanted = self.template.cells[known[key]]
            # A notebook runs from top to bottom, so of several edited copies the last one counts.
            best = max(self.worth(wanted, i) for i in places)
            fits = [i for i in places if self.worth(wanted, i) == best]
            at = fits[-1] if wanted.is_solution and best >= EDITED else fits[0]
            self.take(known[key], at)
            which = "the last edited one counts"
            if wanted.is_solution and wanted.cell_type == "markdown" and best > EDITED:
                texts = {self.cells[i].plain: self.cells[i] for i in fits}
                if len(texts) > 1:
                    self.together[known[key]] = _joined_text(list(texts.values()))
                    self.taken |= set(fits)
                    which = "what is written in them was taken together"
            elif any(i > at and self.cells[i].plain not in (wanted.plain, "") for i in places):
                which = "the one that holds the answer counts"
            if len(places) > 1 and wanted.grade_id:
                which = which if wanted.is_solution else "it is graded once"
                self.problems.append(f"The cell {wanted.grade_id} is there {len(places)} times; {which}.")

    def worth(self, wanted: ReleasedCell, place: int) -> int:
        """How much a cell looks like the answer: code before raw and Markdown, what was written before what was not."""
        cell = self.cells[place]
        right_type = cell.cell_type == wanted.cell_type
        if not wanted.is_solution or cell.plain in (wanted.plain, ""):
            return int(right_type)
        names = _asked_for(wanted)
        answers = wanted.cell_type == "markdown" or (bool(names) and names <= _names(cell.source))
        return EDITED + 1 + answers if right_type else EDITED if answers else 0

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
            edited = [i for i in fits if self.cells[i].plain != wanted.plain]
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
        pairs = 0
        for index, wanted in self.open_wanted():
            best, score = None, ALIKE
            for i, cell in self.open_cells():
                if cell.cell_type != wanted.cell_type or not cell.source.strip() or pairs >= MOST_ALIKE:
                    continue
                matcher = difflib.SequenceMatcher(None, wanted.release[:1000], cell.source[:1000], autojunk=False)
                if matcher.real_quick_ratio() > score:
                    pairs += 1
                    if matcher.quick_ratio() > score and matcher.ratio() > score:
                        best, score = i, matcher.ratio()
            if best is not None:
                self.take(index, best)

    def answers_beside_stubs(self) -> None:
        """Solution cells that are as released while a cell of the student's own defines what they should."""
        for index, wanted in enumerate(self.template.cells):
            names = set(DEFINES.findall(wanted.release))
            stub = self.match.get(index)
            if stub is None or not names or not wanted.is_solution or wanted.cell_type != "code":
                continue
            if self.cells[stub].plain != wanted.plain:
                continue
            fits = [
                i
                for i, cell in self.open_cells()
                if cell.cell_type == "code"
                and names <= set(DEFINES.findall(cell.source))
                and cell.plain != wanted.plain
            ]
            if fits:
                self.taken.discard(stub)
                self.take(index, fits[-1])
                self.problems.append(f"The cell {wanted.grade_id} is as released; its answer stands in another cell.")

    def without_emptied(self) -> None:
        """Cells of the release that carry no answer and were emptied count as missing."""
        for index, wanted in enumerate(self.template.cells):
            emptied = index in self.match and not self.cells[self.match[index]].source.strip()
            if emptied and wanted.cell_type == "code" and not wanted.grade_id and wanted.release.strip():
                self.taken.discard(self.match.pop(index))
