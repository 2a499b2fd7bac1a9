"""Answers written by people who had the notebook alone, never the checks: what becomes of them.

`checks/mutants/unseen/first/02-sums.txt` of a course holds whole cells, each after a line

    # %% add | wrong | what is wrong about it

Each folder there is a set that was frozen before it was first judged and is never edited to fit; `first_contact.json`
in it keeps how that first judging went. `allowed.txt` beside the sets says why wrong ones keep their points today.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from backprop.files import write_atomically

from ..course import Course
from ..errors import CourseError
from ..judging.check import Check
from ..judging.load import load
from ..text import read_utf8
from .exercise import Cell, code_cells
from .measure import UNNAMED, Tried, try_all

FIRST_CONTACT = "first_contact.json"
ALLOWED = "allowed.txt"
HEADER = re.compile(r"^# %% (?P<cell>\w+) \| (?P<kind>wrong|right) \| (?P<words>.*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """A cell as somebody left it: the grade_id of the stub, whether it deserves full points, what its author says."""

    cell: str
    right: bool
    words: str
    source: str


def read_answers(path: Path, where: str) -> list[Answer]:
    """The answers of one section, in order. Raises CourseError when the file is not UTF-8."""
    text = read_utf8(path, where)
    found = list(HEADER.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [
        Answer(match["cell"], match["kind"] == "right", match["words"].strip(), text[match.end() : end].strip() + "\n")
        for match, end in zip(found, ends, strict=True)
    ]


def checks_of(cells: Sequence[Cell], checks: dict[str, Check]) -> dict[str, Check]:
    """The check that decides each stub: the next check cell below it."""
    found: dict[str, Check] = {}
    waiting: list[str] = []
    for cell in cells:
        if cell.grade_id in checks:
            found.update(dict.fromkeys(waiting, checks[cell.grade_id]))
            waiting.clear()
        elif cell.grade_id and not cell.skipped:
            waiting.append(cell.grade_id)
    return found


def sets(folder: Path) -> list[Path]:
    """The sets of answers in a course's folder of checks, in the order of their names."""
    return sorted(path for path in (folder / "mutants" / "unseen").glob("*/") if path.is_dir())


def measure_unseen(
    course: Course,
    answers: Path,
    sections: Sequence[str],
    seeds: int,
    *,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> list[Tried]:
    """Judge every answer of a set to the sections under `seeds` seeds, but for those that need a file of weights."""
    jobs = []
    for section in sections:
        path = answers / f"{section}.txt"
        if not path.is_file():
            continue
        cells = code_cells(course.root, section)
        decides = checks_of(cells, load(course.checks, section))
        for answer in read_answers(path, course.shown(path)):
            if answer.cell in decides and not decides[answer.cell].weights:
                family = "" if answer.right else UNNAMED
                job = (decides[answer.cell], cells, answer.words, answer.right, family, answer.cell, answer.source)
                jobs.append((*job, seeds))
    return list(try_all(jobs, workers=workers, progress=progress))


def totals(tried: Sequence[Tried]) -> Iterator[tuple[str, int, int, int, int]]:
    """Per check: name, wrong ones caught, wrong ones, right ones accepted, right ones; each under every seed."""
    for check in dict.fromkeys(one.check for one in tried):
        wrong = [one for one in tried if one.check == check and not one.right]
        right = [one for one in tried if one.check == check and one.right]
        yield check, sum(one.good for one in wrong), len(wrong), sum(one.good for one in right), len(right)


def survivors(tried: Sequence[Tried]) -> list[str]:
    """A line for each wrong answer that passed under some seed, and each right one that lost points."""
    return [
        f"{one.check}: {one.name!r} {'lost points' if one.right else 'passed'} in "
        f"{one.runs - one.full if one.right else one.full} of {one.runs} runs"
        for one in tried
        if not one.good
    ]


def allowed(folder: Path, where: str) -> dict[tuple[str, str], str]:
    """(check, words of the answer) -> why this wrong answer keeps its points. Raises CourseError for another form."""
    path = folder / "mutants" / "unseen" / ALLOWED
    found = {}
    for number, line in enumerate(read_utf8(path, where).splitlines() if path.is_file() else (), 1):
        if line.strip() and not line.startswith("#"):
            parts = [part.strip() for part in line.split(" | ")]
            if len(parts) != 3:
                raise CourseError(f"{where} line {number}: expected check | words of the answer | reason.")
            found[parts[0], parts[1]] = parts[2]
    return found


def kept(tried: Sequence[Tried], reasons: Mapping[tuple[str, str], str]) -> str:
    """The wrong answers that keep their points, each with its reason, as a list in Markdown; "" when there are none."""
    lines = [
        f"* {one.check}, “{one.name}”: {reasons.get((one.check, one.name), 'not caught yet')}"
        for one in tried
        if not one.right and not one.good
    ]
    return "\n".join(["Wrong answers that keep their points:", "", *lines]) if lines else ""


def sentence(rows: Sequence[tuple[str, int, int, int, int]]) -> str:
    caught, wrong, accepted, right = (sum(row[place] for row in rows) for place in (1, 2, 3, 4))
    share = f" ({caught / wrong:.1%})" if wrong else ""
    return f"{caught} of {wrong} wrong answers caught{share}, {accepted} of {right} right ones kept their points."


def note_first_contact(course: Course, answers: Path, seeds: int, tried: Sequence[Tried]) -> None:
    """Write down how a set fared when it was first judged. Raises CourseError when that has been done."""
    path = answers / FIRST_CONTACT
    if path.exists():
        raise CourseError(f"{path.name} of the set {answers.name} is there: first contact happens once.")
    command = ["git", "-C", str(course.root), "rev-parse", "--short", "HEAD"]
    revision = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    rows = ",\n".join(f"  {json.dumps(row)}" for row in totals(tried))
    text = f'{{\n "revision": {json.dumps(revision)},\n "seeds": {seeds},\n "rows": [\n{rows}\n ]\n}}\n'
    write_atomically(path, text.encode())


def table(folder: Path, answers: Path, now: Sequence[Tried]) -> str:
    """The figures of a set as Markdown: at first contact, which never change, and of the checks as they are now."""
    path = answers / FIRST_CONTACT
    noted = json.loads(path.read_text()) if path.is_file() else {"rows": [], "revision": ""}
    first = [tuple(row) for row in noted["rows"]]
    current = {row[0]: row for row in totals(now)}
    lines = ["| check | caught at first contact | accepted | caught now | accepted now |", "|---|---|---|---|---|"]
    for check, caught, wrong, accepted, right in first:
        row = current.get(check)
        said = f"{row[1]}/{row[2]} | {row[3]}/{row[4]}" if row else "– | –"
        lines.append(f"| {check} | {caught}/{wrong} | {accepted}/{right} | {said} |")
    at = f", at revision {noted['revision']}" if noted["revision"] else ""
    text = f"At first contact{at}: {sentence(first)}"
    if current:
        text += f" Now: {sentence(list(current.values()))}"
    why = kept(now, allowed(folder, ALLOWED))
    heading = f"### The {answers.name} set"
    return "\n\n".join([heading, "\n".join(lines), text, *([why] if why else [])]) + "\n"
