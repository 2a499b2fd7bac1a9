"""Compare what the student's code gave with what is right, and say so: one line per quantity, mistakes named."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..one_sentence import OneSentence
from . import known_slips
from .diagnosis import Mistake, diagnose, explain
from .slips import Slips

ATOL = 1e-9
RTOL = 1e-7
SINGLE = 2e-5  # relative to the largest entry, where a result is float32
NAME_WIDTH = 10  # at least so much room for a name, so that the columns of one report stand under those of the last


@dataclass(frozen=True)
class Comparison:
    """One quantity compared: one line of a report.

    exact : the student's number (the first that differs, or the largest entry when all agree); nan if there is none
    approx : the number it should be
    max_difference : largest difference over all entries; inf when the shapes differ, nan when something is not a number
    index : the first entry that differs; None for numbers and when all agree
    mistake : what kind of mistake it is, when it was recognised
    limit : the largest difference that was allowed
    labels : what the two numbers are called in the line
    note : said in the line in place of the numbers when they can't be compared
    """

    name: str
    exact: float
    approx: float
    max_difference: float
    index: tuple[int, ...] | None
    ok: bool
    mistake: Mistake | None = None
    limit: float = ATOL
    labels: tuple[str, str] = ("exact", "approx")
    note: str = ""

    def line(self, width: int = NAME_WIDTH) -> str:
        """`   ∂J/∂a        exact 0.4421     approx 0.4421     maxdiff 3.1e-11   ok`, the name padded to `width`."""
        name = f"   {self.name:<{width}}"
        if self.note:
            return f"{name}   {self.note}   <-"
        numbers = f"{self.labels[0]:<5} {_short(self.exact):<10} {self.labels[1]:<6} {_short(self.approx):<10}"
        where = "" if self.index is None else f" at [{', '.join(map(str, self.index))}]"
        return f"{name}   {numbers} maxdiff {self.max_difference:<7.1e}   {'ok' if self.ok else '<-' + where}"


class CheckFailed(OneSentence, AssertionError):
    """A check found a mistake. The message is the report; Jupyter shows it without a traceback.

    families : the kinds of mistakes that the report names; None when it is a sentence about one plain fact
    """

    def __init__(self, report: str, families: tuple[str, ...] | None = None):
        super().__init__(report)
        self.families = families


def compare(
    name: str,
    got: Any,
    exact: Any,
    *,
    atol: float = ATOL,
    rtol: float = RTOL,
    uncertainty: Any = 0.0,
    candidates: Slips | Mapping[str, Any] | None = None,
    upstream: Any = None,
    batch_size: int | None = None,
    scalar_like: bool = False,
    single: bool = False,
    labels: tuple[str, str] = ("exact", "approx"),
) -> Comparison:
    """Comparison of what the student's code gave with the right array.

    An entry is right when |got − exact| ≤ atol + rtol·max(|got|, |exact|) + uncertainty. Not-a-number is never right
    (not even where `exact` has one), an infinity only where `exact` has the same one; a wrong shape is never right, but
    with scalar_like=True the shapes (), (1,) and (1, 1) are the same. With single=True an array of type float32 need
    only be as near as float32 gets. `candidates`, `upstream` and `batch_size` help to name the mistake, see
    backprop.checking.diagnosis.diagnose; candidates that are a function are worked out for a wrong result only. Raises
    nothing, whatever `got` is.
    """
    right = np.asarray(exact, dtype=float)
    mine = as_numbers(got)
    if single and is_single(got):
        rtol, atol = max(rtol, SINGLE), max(atol, SINGLE * float(np.abs(right).max(initial=0.0)))
    if mine is not None and scalar_like and mine.size == 1 and right.size == 1:
        mine = mine.reshape(right.shape)

    def wrong(**facts: Any) -> Comparison:
        known_slips.note(name, right, mine)
        mistake = diagnose(
            got,
            right,
            name=name,
            candidates=candidates,
            upstream=upstream,
            batch_size=batch_size,
            scalar_like=scalar_like,
        )
        known = known_slips.recognise(name, right, mine)
        if known is not None and (mistake is None or mistake.family != known.family):
            mistake = known
        return Comparison(name, ok=False, mistake=mistake, labels=labels, **facts)

    if mine is None or mine.shape != right.shape:
        came = f"{describe(got)}" if mine is None else f"shape {mine.shape}"
        note = f"{came}, expected {'a number' if not right.shape else f'shape {right.shape}'}"
        return wrong(exact=math.nan, approx=math.nan, max_difference=math.inf, index=None, note=note)
    if right.size == 0:
        return Comparison(name, 0.0, 0.0, 0.0, None, True, labels=labels)
    with np.errstate(all="ignore"):
        size, difference = np.abs(right), np.abs(mine - right)
        allowed, limits = atol + rtol * np.maximum(np.abs(mine), size), atol + rtol * size
        if np.ndim(uncertainty) or uncertainty:
            allowed, limits = allowed + uncertainty, limits + uncertainty
        worst, limit = float(difference.max()), float(limits.max(initial=atol))
        if not math.isfinite(worst):
            same = mine == right
            difference = np.where(np.isinf(right) & same, 0.0, difference)
            allowed = np.where(np.isfinite(mine) & np.isfinite(right) | same, allowed, np.nan)  # allows nothing
            worst = float(difference.max())
        if not math.isfinite(limit):
            limit = float(limits[np.isfinite(limits)].max(initial=atol))
        good = difference <= allowed
    if good.all():
        at = int(size.argmax())
        return Comparison(
            name, float(mine.flat[at]), float(right.flat[at]), worst, None, True, limit=limit, labels=labels
        )
    at = tuple(int(i) for i in np.argwhere(~good)[0])
    index = at if right.shape else None
    return wrong(exact=float(mine[at]), approx=float(right[at]), max_difference=worst, index=index, limit=limit)


def report(title: str, comparisons: Sequence[Comparison], width: int = NAME_WIDTH) -> str:
    """Title, one line per comparison, then the sentence of each recognised mistake, each once.

    width : the least room for a name
    """
    width = max([width, *(len(c.name) for c in comparisons)])
    lines = [title, *(c.line(width) for c in comparisons)]
    lines += dict.fromkeys(c.mistake.text for c in comparisons if c.mistake is not None)
    return "\n".join(lines)


def failed(name: str, family: str, note: str) -> Comparison:
    return Comparison(name, math.nan, math.nan, math.inf, None, False, explain(family, name), note=note)


def conclude(sections: Sequence[tuple[str, Sequence[Comparison]]]) -> None:
    """Print the sections, or raise CheckFailed with them."""
    stop_if_wrong(sections)
    for text in _reports(sections):
        print(text)


def stop_if_wrong(sections: Sequence[tuple[str, Sequence[Comparison]]], then: str = "", fact: bool = False) -> None:
    """Raise CheckFailed with the sections when one comparison is wrong; `then` is what is still to be said after it.

    fact : the lines that are not recognised say a plain fact
    """
    everything = [c for _, comparisons in sections for c in comparisons]
    if all(c.ok for c in everything):
        return
    text = _reports(sections)
    limits = [c.limit for c in everything if not c.ok and not c.note]
    if limits:
        text.append(f"Max differences below {_rounded_up(max(limits)):.0e} are accepted.")
    families = tuple(dict.fromkeys(c.mistake.family for c in everything if c.mistake is not None))
    raise CheckFailed(
        "\n".join([*text, then] if then else text), None if fact and set(families) == {"unrecognised"} else families
    )


def _reports(sections: Sequence[tuple[str, Sequence[Comparison]]]) -> list[str]:
    """The report of each section that has comparisons, with the columns of all under each other."""
    width = max([NAME_WIDTH, *(len(c.name) for _, comparisons in sections for c in comparisons)])
    return [report(title, comparisons, width) for title, comparisons in sections if comparisons]


def as_numbers(value: Any) -> np.ndarray | None:
    """`value` as a float array, or None when it is not made of real numbers."""
    if value is None or isinstance(value, str | bytes | Mapping):
        return None
    try:
        array = np.asarray(value)
    except Exception:
        return None
    if array.dtype.kind == "c" and not np.any(array.imag):
        array = array.real
    return array.astype(float) if array.dtype.kind in "fiub" else None


def is_single(value: Any) -> bool:
    """Is it a number or an array of type float32?"""
    return getattr(value, "dtype", None) == np.float32


def describe(value: Any) -> str:
    """What a value is, in a few words that do not show its contents."""
    if value is None or value is Ellipsis:
        return str(value)
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of length {len(value)}"
    return f"of type {type(value).__name__}" if not isinstance(value, int | float) else "a number"


def _short(number: float) -> str:
    """At most ten characters, up to an exponent of two digits."""
    if not math.isfinite(number):
        return str(number)
    text = f"{number:.4f}"
    return text if len(text) <= 10 and (number == 0 or 1e-3 <= abs(number) < 1e5) else f"{number:.3e}"


def _rounded_up(limit: float) -> float:
    """The next number with one digit."""
    unit = 10.0 ** math.floor(math.log10(limit))
    return math.ceil(limit / unit) * unit
