"""What a notebook says to expect appears: each number, how often "ok" stands there, how small the differences are."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Iterator

import nbformat
import pytest
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.mutants.exercise import exercises
from autograder.mutants.visible import HIDDEN
from backprop.classifiers import WeightsError

SECTIONS = [section for section in Course(ROOT).sections() if exercises(CHECKS, section)]
WORDS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
COUNTS = {"once": 1, "twice": 2, **{word: n for n, word in enumerate(WORDS.split(), 1)}}
NUMBER = re.compile(r"(?<![\w.])[-−]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w.]*\w)")
OKS = re.compile(r'(?:\b(\w+)(?: times)? )?"ok"')
BOUND = re.compile(r"(?:below|above|around|of) (1e-\d+)")
ACROSS = re.compile(r"the same numbers (?:twice in|across) each line")


def promises(source: str) -> list[str]:
    """Each comment that begins with "Expected:", in one line."""
    found, lines = [], [line.strip() for line in source.splitlines()]
    for n, line in enumerate(lines):
        if line.startswith("# Expected:"):
            more = itertools.takewhile(lambda line: line.startswith("#"), lines[n + 1 :])
            said = [line.removeprefix("# Expected:"), *(one.removeprefix("#") for one in more)]
            found.append(" ".join(" ".join(said).split()))
    return found


def promises_in_text(text: str) -> list[str]:
    """What stands after "**Expected**" in a Markdown cell, up to the end of the paragraph, in one line."""
    found = re.findall(r"\*\*Expected\*\*[:,] *(.*?)(?:\n\n|\Z)", text, re.DOTALL)
    found = [re.sub(r"\$10\^\{(-\d+)\}\$", r"1e\1", said).replace("`ok`", '"ok"') for said in found]
    return [" ".join(said.split()) for said in found]


def first_sentence(said: str) -> str:
    return re.split(r"(?<=[^.])\.(?: |$)", said)[0]


def how_often(said: str) -> int | None:
    """How often "ok" is promised; None where nothing is, or where all are to be ok."""
    words = [match[1] for match in OKS.finditer(said)]
    return None if not words or "all" in words else sum(COUNTS.get(word, 1) for word in words)


def numbers(text: str) -> list[str]:
    return [match[0].replace("−", "-") for match in NUMBER.finditer(text)]


def is_there(promised: str, shown: list[float]) -> bool:
    digits = len(promised.partition(".")[2])
    return any(abs(abs(number) - abs(float(promised))) <= 0.51 * 10.0**-digits for number in shown)


def kept(said: str, output: str) -> list[str]:
    """What of a promise does not appear in what the cell printed."""
    missing, sentence = [], first_sentence(said)
    lines = output.splitlines()
    oks = [line for line in lines if re.search(r"\bok\b", line)]
    wanted = how_often(said)
    if wanted is not None and len(oks) != wanted:
        missing.append(f'{wanted} times "ok", there are {len(oks)}')
    if wanted is None and OKS.search(said) and (not oks or "<-" in output):
        missing.append('all "ok"')
    bounds = [float(bound) for bound in BOUND.findall(said)]
    differences = [float(found) for found in re.findall(r"maxdiff\s+(\S+)", output) or re.findall(r"\S+e-\d+", output)]
    if bounds and (not differences or max(differences) > max(bounds)):
        missing.append(f"maxdiff below {max(bounds):g}, the largest is {max(differences, default=None)}")
    if ACROSS.search(said) and "<-" in output:
        missing.append("the same numbers: a line has <-")
    shown = [float(number) for number in numbers(output)]
    missing += [number for number in numbers(BOUND.sub("", sentence)) if not is_there(number, shown)]
    return missing


def cells(section: str) -> Iterator[tuple[str, str, list[str]]]:
    """(where, source, promises) of each code cell that runs without training or a file of weights."""
    for path in sorted((ROOT / "source" / section).glob("*.ipynb")):
        in_text: list[str] = []
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
            if cell.cell_type == "markdown":
                in_text = promises_in_text(cell.source)
            elif cell.cell_type == "code":
                if "train" not in cell.metadata.get("tags", []):
                    where = cell.metadata.get("nbgrader", {}).get("grade_id", f"cell {number}")
                    yield where, HIDDEN.sub("", cell.source), [*promises(cell.source), *in_text]
                in_text = []


@pytest.mark.parametrize("section", SECTIONS)
def test_what_is_expected_appears(section, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope, broken, looked_at = {"__name__": "__main__"}, [], 0
    for where, source, promised in cells(section):
        with contextlib.redirect_stdout(io.StringIO()) as output, contextlib.suppress(WeightsError, NameError):
            exec(compile(source, "<cell>", "exec"), scope)
        if output.getvalue():  # else it is a picture
            looked_at += len(promised)
            broken += [f"{where}: {said}: {what}" for said in promised for what in kept(said, output.getvalue())]
    assert broken == [], "\n".join(broken)
    assert looked_at >= LEAST.get(section[:2], 0), "promises are no longer found"


LEAST = {"01": 5, "02": 7, "03": 9, "04": 1, "05": 1, "11": 2, "12": 1}


@pytest.mark.parametrize(
    ("said", "output", "what"),
    [
        ('values 9.25 and -4.5, twice "ok", maxdiff below 1e-8.', "9.25 maxdiff 1e-9 ok\n-4.5 maxdiff 0 ok", []),
        ('values 9.26 and -4.5, and twice "ok".', "9.25 ok\n-4.5 ok", ["9.26"]),
        ('27 and "ok", then -15 and "ok"; maxdiff below 1e-5', "27 maxdiff 2e-5 ok\n15 maxdiff 0 ok", ["maxdiff"]),
        ('three times "ok". Of 2 units.', "ok\nok", ["3 times"]),
        ('-567, then 16, all "ok".', "567 ok\n16 <-", ["all"]),
        ("the same numbers across each line.", "1 1 ok\n1 2 <-", ["<-"]),
    ],
)
def test_a_broken_promise_is_found(said, output, what):
    found = kept(said, output)
    assert len(found) == len(what) and all(text in one for text, one in zip(what, found, strict=True)), found
