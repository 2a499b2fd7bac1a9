"""What a release must not hold: solutions, hidden tests, rubrics, outputs, stray files.

nbgrader looks for its delimiters and removes what lies between. A misspelt delimiter removes nothing and it says
nothing; a solution repeated somewhere else stays too. So the finished release is compared with what was to be removed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

KINDS = ("SOLUTION", "HIDDEN TESTS", "MARK SCHEME")
EXACT = {f"### {edge} {kind}": (edge, kind) for edge in ("BEGIN", "END") for kind in KINDS}
EDGES = ("BEGIN", "END", "START", "STOP")
# What a tag of ours means is decided while running and grading, so a misspelt one would be a silent mistake.
TAGS = {
    "setup": "prepares Colab",
    "train": "trains a model; not run again when grading",
    "show": "only shows something; defines nothing a later cell needs",
    "optional": "not needed for full marks",
    "worked": "a worked solution of an ungraded exercise; its code is folded",
    "raises-exception": "an error is expected here",
}
FRESH = 6  # this many tokens in a row from a removed region, found nowhere in the kept text, are a leak
REPEATED = 30  # this many are a leak even where the kept text has them too: the author gave the answer away

# In hidden tests: this says why they repeat, on purpose, what students see anyway.
_ON_PURPOSE = re.compile(r"^[ \t]*#[ \t]*repeats visible text[ \t]*:[ \t]*(.*?)[ \t]*$", re.MULTILINE | re.IGNORECASE)

_TOKEN = re.compile(r"\w+|[^\w\s]")
_IMPORT = re.compile(r"\b(?:from|import)\s+[\w., ]*\bautograder\b|[\"']autograder(?:\.\w+)*[\"']")
_IGNORED = {".ipynb_checkpoints", "__pycache__", ".DS_Store"}


@dataclass(frozen=True)
class Leak:
    """One thing that must not be released. `cell` and `line` count from 1; the line counts within its cell."""

    where: str
    problem: str
    cell: int | None = None
    grade_id: str = ""
    line: int | None = None

    def __str__(self) -> str:
        place = self.where
        if self.cell is not None:
            place += f", cell {self.cell}" + (f" ({self.grade_id})" if self.grade_id else "")
        if self.line is not None:
            place += f", line {self.line}"
        return f"{place}: {self.problem}"


@dataclass(frozen=True)
class Region:
    """A stretch of a cell that the students must not get. `line` is where its text begins, counted from 1."""

    kind: str
    cell: int
    grade_id: str
    line: int
    text: str

    @property
    def on_purpose(self) -> str | None:
        """Why these hidden tests repeat what students see, by their own account; None where they say nothing."""
        said = _ON_PURPOSE.search(self.text) if self.kind == "HIDDEN TESTS" else None
        return said[1] if said else None


def near_miss(line: str) -> str:
    """Return the delimiter that `line` seems to be meant as, or "" when it is none or is spelt exactly right."""
    text = line.strip()
    if text in EXACT:
        return ""
    for exact in EXACT:
        if exact.removeprefix("### ") in text:
            return exact
    words = re.findall(r"[A-Za-z]+", text)
    if not (text.startswith("#") or text.isupper()) or not 1 <= len(words) <= 4:
        return ""
    joined = "".join(words).upper()
    best = max(EXACT, key=lambda exact: _alike(joined, exact.removeprefix("### ").replace(" ", "")))
    edge, kind = EXACT[best]
    if len(words) > 1:
        first, rest = words[0].upper(), "".join(words[1:]).upper()
        if max(_alike(first, known) for known in EDGES) >= 0.65 and _alike(rest, kind.replace(" ", "")) >= 0.75:
            return best
    if text.startswith("###") and text.isupper() and _alike(joined, kind.replace(" ", "")) >= 0.85:
        return best
    return best if _alike(joined, f"{edge}{kind}".replace(" ", "")) >= 0.9 else ""


def read_regions(nb: NotebookNode, where: str) -> tuple[list[Region], list[str], list[Leak]]:
    """Take a source notebook apart. Returns its regions, the kept text of each cell, and every misused delimiter."""
    regions, kept, faults = [], [], []
    for number, cell in enumerate(nb.cells, 1):
        found, rest, wrong = _read_cell(cell, number, where)
        regions += found
        kept.append(rest)
        faults += wrong
    return regions, kept, faults


def find_leaks(
    source: NotebookNode, release: NotebookNode, where: str = "notebook", files: Mapping[str, str] | None = None
) -> list[Leak]:
    """Return everything in `release` that students must not get, and every fault of `source` that leads there.

    source : the notebook as it was written, with solutions and hidden tests
    release : what was made of it for the students
    where : what to call the notebook in the messages
    files : text of the extra files that are released with it, by name
    """
    regions, kept, leaks = read_regions(source, where)
    leaks += [leak for number, cell in enumerate(source.cells, 1) for leak in _tag_faults(cell, number, where)]
    for number, cell in enumerate(release.cells, 1):
        leaks += _visible_faults(cell, number, where)
    leaks += [*_duplicates(source, where), *_duplicates(release, where)]

    outside = dict(source, cells=[dict(cell, source="", outputs=[]) for cell in source.cells])
    kept_strings = [*kept, *_strings(outside)]
    shown = [(number, text) for number, cell in enumerate(release.cells, 1) for text in _strings(cell)]
    leaks += _overlaps(regions, kept_strings, shown, where)
    leaks += _overlaps(regions, kept_strings, [(None, text) for text in _strings(release.metadata)], where)
    for name, text in (files or {}).items():
        leaks += repeats(regions, text, name) or _overlaps(regions, kept_strings, [(None, text)], name)
    return list(dict.fromkeys(leaks))


def repeats(regions: Iterable[Region], text: str, where: str) -> list[Leak]:
    """Return the regions of which `text` repeats REPEATED tokens or more, word for word."""
    known = _grams(_tokens(text), REPEATED)
    return [
        Leak(where, f"repeats the {_called(region)} of cell {region.cell} ({region.grade_id or 'no grade_id'}).")
        for region in regions
        if _grams(_tokens(region.text), REPEATED) & known
    ]


def stray_files(folder: Path, expected: Iterable[str]) -> list[Path]:
    """Return the files in `folder`, at any depth, whose names relative to it are not among `expected`."""
    wanted = set(expected)
    return [
        path
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or path.is_symlink())
        and not _IGNORED & set(path.relative_to(folder).parts)
        and path.relative_to(folder).as_posix() not in wanted
    ]


def _read_cell(cell: NotebookNode, number: int, where: str) -> tuple[list[Region], str, list[Leak]]:
    meta = cell.metadata.get("nbgrader", {})
    grade_id = meta.get("grade_id", "")
    regions, kept, faults = [], [], []
    opened: tuple[str, int] | None = None
    inside: list[str] = []

    def fault(line: int, problem: str) -> None:
        faults.append(Leak(where, problem, number, grade_id, line))

    lines = cell.source.split("\n")
    for row, line in enumerate(lines, 1):
        meant = near_miss(line)
        if meant:
            fault(row, f"{line.strip()!r} looks like {meant!r} but is not. Write it exactly so, or reword the line.")
        if line.strip() not in EXACT:
            (inside if opened else kept).append(line)
            continue
        edge, kind = EXACT[line.strip()]
        if edge == "BEGIN":
            if opened:
                fault(row, f"BEGIN {kind} inside the {opened[0]} that began at line {opened[1]}. End that one first.")
            needed = {"SOLUTION": "solution", "HIDDEN TESTS": "grade", "MARK SCHEME": "task"}[kind]
            if not meta.get(needed):
                fault(row, f'BEGIN {kind} in a cell that is not marked "{needed}": true in its nbgrader metadata.')
            opened, inside = (kind, row), []
        elif opened is None or opened[0] != kind:
            fault(row, f"END {kind} without its BEGIN.")
        else:
            regions.append(Region(kind, number, grade_id, opened[1] + 1, "\n".join(inside)))
            if regions[-1].on_purpose == "":
                fault(opened[1], "`# repeats visible text:` without a reason. Write why behind the colon.")
            opened = None
    if opened:
        fault(opened[1], f"BEGIN {opened[0]} has no END in this cell.")
        regions.append(Region(opened[0], number, grade_id, opened[1] + 1, "\n".join(inside)))
    # Without a marked solution nbgrader replaces the whole of a solution cell.
    if meta.get("solution") and not any(region.kind == "SOLUTION" for region in regions):
        regions.append(Region("SOLUTION", number, grade_id, 1, "\n".join(kept)))
        kept = []
    return regions, "\n".join(kept), faults


def _visible_faults(cell: NotebookNode, number: int, where: str) -> Iterator[Leak]:
    grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
    if cell.get("outputs") or cell.get("execution_count"):
        yield Leak(where, "the released cell has outputs. Release it again.", number, grade_id)
    if cell.get("attachments"):
        yield Leak(where, "an attached picture does not survive the text form. Draw it by code.", number, grade_id)
    for row, line in enumerate(cell.source.split("\n"), 1):
        if line.strip() in EXACT or near_miss(line):
            yield Leak(where, f"{line.strip()!r} is still in the released cell.", number, grade_id, row)
        if cell.cell_type == "code" and not line.lstrip().startswith("#") and _IMPORT.search(line):
            yield Leak(where, f"students do not have `autograder`: {line.strip()!r}.", number, grade_id, row)


def _tag_faults(cell: NotebookNode, number: int, where: str) -> Iterator[Leak]:
    for tag in cell.metadata.get("tags", []):
        if tag not in TAGS:
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            yield Leak(where, f"unknown tag {tag!r}. The tags are {', '.join(TAGS)}.", number, grade_id)


def _duplicates(nb: NotebookNode, where: str) -> Iterator[Leak]:
    for what, read in (
        ("grade_id", lambda cell: cell.metadata.get("nbgrader", {}).get("grade_id")),
        ("cell id", lambda cell: cell.get("id")),
    ):
        first: dict[str, int] = {}
        for number, cell in enumerate(nb.cells, 1):
            name = read(cell)
            if name and first.setdefault(name, number) != number:
                yield Leak(where, f"the {what} {name!r} is already that of cell {first[name]}.", number)


def _overlaps(
    regions: Iterable[Region], kept: Iterable[str], shown: list[tuple[int | None, str]], where: str
) -> Iterator[Leak]:
    """Yield each place in `shown` (cell number, text) that holds text of a region."""
    kept_tokens = [_tokens(text) for text in kept]
    shown_tokens = [(number, _tokens(text)) for number, text in shown]
    for region in regions:
        tokens = _tokens(region.text)
        size = min(FRESH, len(tokens))
        if size < 3:  # `pass`, or `x` alone, says nothing
            continue
        known = set().union(*(_grams(other, size) for other in kept_tokens))
        fresh, long = _grams(tokens, size) - known, _grams(tokens, REPEATED)
        if region.on_purpose:  # what students get anyway is given away by nobody
            long = set()
        for number, other in shown_tokens:
            hits, excuse = fresh & _grams(other, size), ""
            if not hits:
                hits = long & _grams(other, REPEATED)
                excuse = " Is it meant to? Say why there: `# repeats visible text: REASON`."
            if hits:
                words = " ".join(min(hits)[:12])
                yield Leak(
                    where,
                    f"holds text of the {_called(region)} that starts at line {region.line} of cell {region.cell}"
                    f" ({region.grade_id or 'no grade_id'}): {words!r}."
                    f"{excuse if region.kind == 'HIDDEN TESTS' else ''}",
                    number,
                )


def _called(region: Region) -> str:
    return region.kind.lower()


def _strings(thing: object) -> Iterator[str]:
    if isinstance(thing, str):
        yield thing
    elif isinstance(thing, Mapping):
        for value in thing.values():
            yield from _strings(value)
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from _strings(value)


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(text)


def _grams(tokens: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)}


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()
