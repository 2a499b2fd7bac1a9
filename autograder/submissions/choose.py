"""Which of the files in a submission is the notebook that was asked for: the one that holds the most answers.

Browsers, file systems and people rename notebooks, copy them, pack them and put folders around them. Wherever the work
lies, it is found; where more than one notebook holds work, both are named.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..text import printable
from .archive import Budget, Entry, Refused, read_zip
from .files import CHECKPOINTS, MAX_ALL_FILES, MAX_FILES, SAFE_NAME, Found, is_notebook, notebook_stem
from .notebook import MAX_NOTEBOOK, SubmittedCell, parse_notebook
from .released import ReleasedNotebook
from .repair import DEFINES

MAX_READ = 12  # notebooks of one submission that are read to choose between them
MAX_ZIPS = 2 * MAX_NOTEBOOK  # bytes of all zips of a submission together
OURS = ("timestamp.txt", "submission_secret.txt")  # what nbgrader reads beside a notebook is never a student's
ENDINGS = ("", ".json", ".txt", ".download", ".html", ".py")  # what is put behind or in place of .ipynb
LIKE_NOTEBOOK = re.compile(rb'\A[\s\xef\xbb\xbf]*\{[\s\S]*"(?:cell_type|nbformat)"')


@dataclass
class Candidate:
    """A file that may be the notebook."""

    file: Found

    @functools.cached_property
    def read(self) -> tuple[list[SubmittedCell], list[str]]:
        """Its cells, and one sentence for each thing that was wrong with the file."""
        name = printable(self.file.name)
        try:
            content = self.file.read(MAX_NOTEBOOK)
        except OSError as error:
            return [], [f"{name} cannot be opened ({error.strerror or error}). It has to be handed in again."]
        if len(content) > MAX_NOTEBOOK:
            return [], [f"{name} is larger than {MAX_NOTEBOOK // 2**20} MiB. Clear its outputs and hand it in again."]
        return parse_notebook(content, name)

    def forget(self) -> None:
        """Read it again when it is asked for: a few large notebooks side by side would fill the memory."""
        self.__dict__.pop("read", None)

    @functools.cached_property
    def grade_ids(self) -> frozenset[str]:
        found = frozenset(cell.grade_id for cell in self.read[0])
        self.forget()
        return found

    @property
    def is_checkpoint(self) -> bool:
        return CHECKPOINTS in self.file.path.split("/")

    @property
    def stem(self) -> str:
        name = self.file.name.lower()
        return notebook_stem(name) or PurePosixPath(name).stem


@dataclass
class Choice:
    """The notebook that is graded under each name, the files that lie beside it, and what is to be said.

    files    : (the name that it gets, the file); names are relative to the notebook's own folder
    remarks  : by the name of the notebook, sentences about the choice, for the student as well
    problems : sentences about what is missing or was left out
    """

    notebooks: dict[str, Candidate] = field(default_factory=dict)
    files: list[tuple[str, Found]] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def choose(found: list[Found], wanted: dict[str, ReleasedNotebook]) -> Choice:
    """Choose among the files of a submission. Never raises for what is in them."""
    choice = Choice()
    packed = _packed(found, choice.problems)
    every = [Candidate(file) for file in [*found, *packed] if is_notebook(file.name) or _reads_like_one(file)]
    for name, template in wanted.items():
        taken = [candidate.file for candidate in choice.notebooks.values()]
        open_ = [candidate for candidate in every if candidate.file not in taken]
        best = _best(name, template, [c for c in open_ if len(wanted) == 1 or _belongs(c, name, wanted)], choice)
        if best is None:
            there = ", ".join(repr(file.path[:60]) for file in found[:5] if not is_notebook(file.path))
            choice.problems.append(f"{name}.ipynb was not handed in." + (f" What is there: {there}." if there else ""))
        else:
            choice.notebooks[name] = best
    choice.files = _beside(found, packed, wanted, choice)
    return choice


# -- the notebook ---------------------------------------------------------------------------------------------------


def _best(name: str, template: ReleasedNotebook, candidates: list[Candidate], choice: Choice) -> Candidate | None:
    """The candidate that holds the most answers, then the one that is called as it should be, then the newest."""
    candidates.sort(key=lambda c: (c.is_checkpoint, *_distance(c, name)))
    if len(candidates) > MAX_READ:
        choice.problems.append(f"There are {len(candidates)} notebooks; {MAX_READ} of them were looked at.")
        del candidates[MAX_READ:]
    if not candidates:
        return None
    remarks = choice.remarks.setdefault(name, [])
    best = candidates[0]
    if len(candidates) > 1:
        # What Jupyter saved by itself counts only where nothing else holds an answer.
        regular = [c for c in candidates if not c.is_checkpoint]
        texts: dict[int, list[str]] = {}
        work = {id(c): _work(template, c, texts) for c in regular}
        if not any(held for held, _ in work.values()):
            work |= {id(c): _work(template, c, texts) for c in candidates if id(c) not in work}
        rivals = [c for c in candidates if id(c) in work]
        best = max(rivals, key=lambda c: (*work[id(c)], *_closeness(c, name)))
        remarks += _rivals(best, rivals, work, texts, len(_solutions(template)))
    if best.file.path != f"{name}.ipynb":
        remarks.append(f"The notebook was called {_called(best)}; it was graded as {name}.ipynb.")
    return best


def _rivals(
    best: Candidate,
    rivals: list[Candidate],
    work: dict[int, tuple[int, bool]],
    texts: dict[int, list[str]],
    of: int,
) -> list[str]:
    """A sentence for each other notebook that holds work of its own."""
    known = [texts[id(best)]]
    remarks = []
    for other in rivals:
        text = texts[id(other)]
        held, own = work[id(other)]
        if text not in known and (held or (own and not work[id(best)][0])):
            known.append(text)
            remarks.append(
                f"Two notebooks hold work: {_called(best)} with {work[id(best)][0]} of {of} answers, and "
                f"{_called(other)} with {held}. {_called(best)} was graded."
            )
    return remarks


def _called(candidate: Candidate) -> str:
    return repr(candidate.file.path if len(candidate.file.path) <= 80 else "…" + candidate.file.path[-79:])


def _distance(candidate: Candidate, name: str) -> tuple[bool, bool, int, str]:
    """Small for a file that is called as it should be and lies where it should."""
    path = candidate.file.path
    same, alike = candidate.stem == name.lower(), name.lower() in candidate.stem
    return path != f"{name}.ipynb", not same, not alike, path.count("/"), path


def _closeness(candidate: Candidate, name: str) -> tuple[bool, bool, bool, float, int]:
    misnamed, other, unlike, depth, _ = _distance(candidate, name)
    return not misnamed, not other, not unlike, candidate.file.time, -depth


def _belongs(candidate: Candidate, name: str, wanted: dict[str, ReleasedNotebook]) -> bool:
    """Whether, of all notebooks of a section, a file can be this one: by its cells, else by its name."""
    if candidate.file.path in {f"{other}.ipynb" for other in wanted}:
        return candidate.file.path == f"{name}.ipynb"
    shared = {
        other: len({c.grade_id for c in template.cells if c.grade_id} & candidate.grade_ids)
        for other, template in wanted.items()
    }
    if any(shared.values()):
        return shared[name] == max(shared.values())
    return candidate.stem.startswith(name.lower())


def _solutions(template: ReleasedNotebook) -> list[str]:
    return [cell.grade_id for cell in template.cells if cell.is_solution]


def answers(template: ReleasedNotebook, cells: Iterable[SubmittedCell]) -> int:
    """How many of a release's answers the cells hold: by grade_id, by cell id, or by what they define."""
    solutions = [cell for cell in template.cells if cell.is_solution]
    known = {cell.id: cell for cell in solutions} | {cell.grade_id: cell for cell in solutions}
    defined = {cell.grade_id: set(DEFINES.findall(cell.release)) for cell in solutions if cell.cell_type == "code"}
    as_released = {cell.plain for cell in template.cells} | {""}
    held: set[str] = set()
    for cell in cells:
        if cell.plain in as_released:
            continue
        wanted = known.get(cell.grade_id) or known.get(cell.id)
        if wanted is not None:
            held.add(wanted.grade_id)
        elif cell.cell_type == "code":
            names = set(DEFINES.findall(cell.source))
            held |= {grade_id for grade_id, needed in defined.items() if needed and needed <= names}
    return len(held)


def untouched(template: ReleasedNotebook, cells: Iterable[SubmittedCell]) -> bool:
    """Whether nothing was written into the release."""
    as_released = {cell.plain for cell in template.cells} | {cell.plain_source for cell in template.cells} | {""}
    return all(cell.plain in as_released for cell in cells)


def _work(template: ReleasedNotebook, candidate: Candidate, texts: dict[int, list[str]]) -> tuple[int, bool]:
    """How many answers a notebook holds, and whether anything was written in it; its text goes into `texts`."""
    cells = candidate.read[0]
    candidate.forget()
    texts[id(candidate)] = [cell.source for cell in cells]
    return answers(template, cells), not untouched(template, cells)


def _reads_like_one(file: Found) -> bool:
    """Whether a file of another name is a notebook by its content: sums.json, a download without an ending."""
    if PurePosixPath(file.name.lower()).suffix not in ENDINGS:
        return False
    try:
        return LIKE_NOTEBOOK.match(file.read(2**20)) is not None
    except OSError:
        return False


# -- zips -----------------------------------------------------------------------------------------------------------


def _packed(found: list[Found], problems: list[str]) -> list[Found]:
    """The files inside the zips of a submission. A zip that is none is a problem where nothing else is a notebook."""
    inside: list[Found] = []
    budget, room = Budget(2 * MAX_ALL_FILES), MAX_ZIPS
    for file in found:
        if not file.name.lower().endswith(".zip"):
            continue
        try:
            content = file.read(min(MAX_NOTEBOOK, room))
            if len(content) > MAX_NOTEBOOK:
                raise Refused(f"it is larger than {MAX_NOTEBOOK // 2**20} MiB")
            if len(content) > room:
                raise Refused(f"the zips are together larger than {MAX_ZIPS // 2**20} MiB")
            room -= len(content)
            entries = read_zip(io.BytesIO(content), MAX_FILES).entries
        except (Refused, OSError) as reason:
            problems.append(f"{file.path[:80]!r} was not looked into: {reason}.")
            continue
        for entry in entries:
            if is_notebook(entry.name) or all(SAFE_NAME.match(part) for part in entry.parts):
                time = entry.date.timestamp() if entry.date else 0.0
                inside.append(Found(f"{file.path}/{'/'.join(entry.parts)}", _unpacker(entry, budget), time))
    return inside


def _unpacker(entry: Entry, budget: Budget) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        out = io.BytesIO()
        try:
            entry.copy(out, limit, budget)
        except Refused as reason:
            raise OSError(None, str(reason)) from None
        return out.getvalue()

    return read


# -- what lies beside it --------------------------------------------------------------------------------------------


def _beside(
    found: list[Found], packed: list[Found], wanted: dict[str, ReleasedNotebook], choice: Choice
) -> list[tuple[str, Found]]:
    """The other files, named as a notebook sees them: from its own folder first, then from the submission's."""
    homes = sorted({c.file.folder for c in choice.notebooks.values() if not c.is_checkpoint}, key=len, reverse=True)
    zips = [
        f.path
        for f in found
        if f.name.lower().endswith(".zip") and any(f"{h}/".startswith(f"{f.path}/") for h in homes)
    ]
    chosen = {candidate.file.path for candidate in choice.notebooks.values()}
    named: list[tuple[bool, str, Found]] = []
    for file, is_packed in [*((file, False) for file in found), *((file, True) for file in packed)]:
        home = next((home for home in homes if home and file.path.startswith(f"{home}/")), "")
        inside = next((path for path in zips if file.path.startswith(f"{path}/")), "")
        name = file.path[len(home or inside) :].lstrip("/")
        if is_notebook(file.name) or file.path in chosen or file.path in zips or (is_packed and not inside):
            continue
        if name.lower() not in OURS:
            named.append((not home, name, file))
    named.sort(key=lambda one: one[0])
    files = {}
    notebooks = {f"{name}.ipynb" for name in wanted}
    for _, name, file in named:
        folders = {str(parent) for parent in PurePosixPath(name).parents}
        if name in files or folders & (files.keys() | notebooks) or any(f.startswith(f"{name}/") for f in files):
            choice.problems.append(f"the file {file.path[:80]!r} was left out: another lies where it would.")
        else:
            files[name] = file
    for weights in [weights for template in wanted.values() for weights in template.weights]:
        _take_weights(weights, files, choice)
    return list(files.items())


def _take_weights(wanted: str, files: dict[str, Found], choice: Choice) -> None:
    """Put declared weights where they belong: from another folder, under a name that a browser or a person changed."""
    if wanted in files:
        return
    alike = [name for name in files if _unnumbered(name.rpartition("/")[2]).lower() == wanted.lower()]
    if alike:
        name = min(alike, key=lambda name: (name.count("/"), -files[name].time, name))
        choice.problems.append(f"{name[:80]!r} was taken as {wanted}.")
        files[wanted] = files.pop(name)


def _unnumbered(name: str) -> str:
    """The name without the number or the word that a browser or a file system put there for a copy."""
    return re.sub(r"(?:-\d+|-Copy\d+| ?\(\d+\)| copy(?: \d+)?)+(\.[^.]+)\Z", r"\1", re.sub(r"\ACopy of ", "", name))
