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
_SHOWN = 4  # so many entries of an array stand in the file, and one number that depends on all of them
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
    """An array as it stands in the file: its shape, its first entries and, where it has more, a number for them all."""
    return [list(array.shape), [float(f"{number:.{_DIGITS}e}") for number in _marks(array)]]


def _marks(array: np.ndarray) -> np.ndarray:
    flat = array.ravel().astype(float)
    if flat.size <= _SHOWN:
        return flat
    with np.errstate(all="ignore"):
        return np.append(flat[:_SHOWN], flat @ np.cos(np.arange(flat.size)))


def as_text(entries: Iterable[tuple[str, list[Any], list[Any], str, str]]) -> str:
    """The file's text for (name, right, got, family, text) each; what two kinds of mistakes share is left out.

    An entry without a text stands for a mistake that has no sentence: it only keeps others from claiming its numbers.
    Its family may be several, "sign|factor".
    """
    by_numbers: dict[str, list[list[Any]]] = {}
    for name, right, got, family, text in entries:
        text = _SHAPES_AT_END.sub("", text)
        if right == got:
            continue  # they differ further on
        if _names_another_shape(text, right, got) or _is_of_other_numbers(family, right, got):
            text = ""  # the sentence is about arrays of other sizes, or about what came of other inputs
        by_numbers.setdefault(json.dumps([name, right, got], ensure_ascii=False), []).append([right, got, family, text])
    names: dict[str, list[str]] = {}
    for key, found in sorted(by_numbers.items()):
        shared = set.intersection(*(set(family.split("|")) for _, _, family, _ in found))
        said = [entry for entry in found if entry[3] and entry[2] in shared]
        if said:
            names.setdefault(json.loads(key)[0], []).append(json.dumps(said[0], ensure_ascii=False))
    blocks = [
        json.dumps(name, ensure_ascii=False) + ": [\n" + ",\n".join(lines) + "\n]" for name, lines in names.items()
    ]
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def _names_another_shape(text: str, right: list[Any], got: list[Any]) -> bool:
    own = {str(tuple(entry[0])) for entry in (right, got)}
    return not set(_SHAPE.findall(text)) <= own


def _is_of_other_numbers(family: str, right: list[Any], got: list[Any]) -> bool:
    """Whether the kind of mistake is one that would show in these very numbers, and does not."""
    mine, exact = np.array(got[1]), np.array(right[1])
    if family in ("infinite", "nan"):
        return bool(np.isfinite(mine).all())
    near = mine.shape == exact.shape and np.allclose(mine, exact, rtol=0.05, atol=1e-3)
    return family == "numeric" and not near


@functools.cache
def _known() -> dict[str, list[list[Any]]]:
    return json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}


def _same(entry: list[Any], array: np.ndarray) -> bool:
    shape, numbers = entry
    if list(array.shape) != shape:
        return False
    mine = _marks(array)[: len(numbers)]  # entries of an older table lack the number for all
    with np.errstate(all="ignore"):
        sizes = np.abs(mine)
        if mine.size > _SHOWN:
            sizes[-1] = np.abs(array).sum()  # the terms of the last one may cancel
        near = np.abs(mine - numbers) <= 1e-9 + 2e-6 * np.where(np.isfinite(sizes), sizes, 0.0)
    return bool((near | (mine == numbers) | (np.isnan(mine) & np.isnan(numbers))).all())
