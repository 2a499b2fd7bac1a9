"""Wrong results that are known: what the visible checks of the course's notebooks see when a mistake is made.

A visible check uses fixed numbers, so a mistake leads to fixed wrong numbers. `known_slips.json` beside this module
lists them, with the sentence for each: found by running wrong solutions, `python -m autograder mutants --learn`. It
holds numbers and sentences, no formula and no line of a solution.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from .mistake_kinds import Mistake

FILE = Path(__file__).with_name("known_slips.json")
_SHOWN = 4  # so many entries of an array tell it from others
_DIGITS = 6
_SHAPE = re.compile(r"(?<!\w)\((?:\d+,|\d+(?:, \d+)+)?\)")
_SHAPES_AT_END = re.compile(rf" Shape {_SHAPE.pattern}, expected {_SHAPE.pattern}\.$")
# What compare() noted while this is a list: (name, right, got) of everything that was wrong.
recorded: list[tuple[str, np.ndarray, np.ndarray]] | None = None


def note(name: str, right: np.ndarray, got: np.ndarray | None) -> None:
    """Remember a wrong result while somebody records."""
    if recorded is not None and got is not None:
        recorded.append((name, right.copy(), got.copy()))


def recognise(name: str, right: np.ndarray, got: np.ndarray | None) -> Mistake | None:
    """The mistake that led to `got` where `right` belongs, when it is one that is known; None otherwise.

    right, got : arrays of floats, any shape
    """
    if got is None:
        return None
    found = {
        (family, text)
        for known_right, known_got, family, text in _known().get(name, ())
        if _same(known_got, got) and _same(known_right, right)
    }
    return Mistake(*found.pop()) if len(found) == 1 else None


def as_entry(array: np.ndarray) -> list[Any]:
    """An array as it stands in the file: its shape and its first entries."""
    return [list(array.shape), [float(f"{number:.{_DIGITS}e}") for number in array.ravel()[:_SHOWN]]]


def as_text(entries: Iterable[tuple[str, list[Any], list[Any], str, str]]) -> str:
    """The file's text for (name, right, got, family, text) each; what two kinds of mistakes share is left out."""
    by_numbers: dict[str, dict[tuple[str, str], list[Any]]] = {}
    for name, right, got, family, text in entries:
        text = _SHAPES_AT_END.sub("", text)
        if right == got or _names_another_shape(text, right, got):
            continue  # they differ further on; or the sentence is about arrays of other sizes
        key = json.dumps([name, right, got], ensure_ascii=False)
        by_numbers.setdefault(key, {})[family, text] = [right, got, family, text]
    names: dict[str, list[str]] = {}
    for key, kinds in sorted(by_numbers.items()):
        if len({family for family, _ in kinds}) == 1:
            name = json.loads(key)[0]
            names.setdefault(name, []).append(json.dumps(next(iter(kinds.values())), ensure_ascii=False))
    blocks = [
        json.dumps(name, ensure_ascii=False) + ": [\n" + ",\n".join(lines) + "\n]" for name, lines in names.items()
    ]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _names_another_shape(text: str, right: list[Any], got: list[Any]) -> bool:
    own = {str(tuple(entry[0])) for entry in (right, got)}
    return not set(_SHAPE.findall(text)) <= own


@functools.cache
def _known() -> dict[str, list[list[Any]]]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def _same(entry: list[Any], array: np.ndarray) -> bool:
    shape, numbers = entry
    if list(array.shape) != shape:
        return False
    mine = array.ravel()[: len(numbers)].astype(float)
    with np.errstate(all="ignore"):
        return bool(np.allclose(mine, numbers, rtol=2e-6, atol=1e-9, equal_nan=True))
