"""Parts with points, comparisons inside them, and the verdict they come to."""

from __future__ import annotations

import contextlib
import contextvars
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backprop.checking.comparison import Comparison, compare
from backprop.checking.diagnosis import Mistake
from backprop.checking.slips import Slips

from ..sandbox.gone import StudentError, StudentGone
from ..sandbox.inside.wire import Handle
from ..text import visible
from .draw import Array
from .student import Oversized, Remote, Student

MOST_COMPARED = 10**6  # a result with so many entries more than the right one is not looked at any closer

# What calculating with data of an unforeseen form raises. Anything else that a check raises is a fault of the check.
ODD_DATA = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, MemoryError)
ODD = Mistake(
    "type",
    "Something here has a form that the exercise does not ask for (another kind of value, other sizes, or far too "
    "large a number), so it could not be compared with the right answer.",
)
UNDECIDED = (
    "This check could not be finished because of a fault of ours. Your instructor has been told and decides about the "
    "points."
)


# -- parts and verdicts -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PartResult:
    """One part of a verdict: earned is points or 0; lines are the table rows; mistakes name what went wrong.

    passed tells a part worth 0 points that holds from one that doesn't.
    """

    name: str
    points: float
    earned: float
    passed: bool
    lines: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The judge's answer for one check.

    score   : sum of what the parts earned, 0 <= score <= points
    problem : not None when the check itself failed (our mistake, never the student's); a person must look
    doubts  : for the instructor: what was raised when an answer of an unforeseen form was compared
    """

    check: str
    points: float
    parts: tuple[PartResult, ...] = ()
    problem: str | None = None
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return min(self.points, sum(part.earned for part in self.parts))

    @property
    def full(self) -> bool:
        """Every part holds, also those of an exercise that is worth no points."""
        return bool(self.parts) and all(part.passed for part in self.parts) and self.problem is None

    @property
    def families(self) -> tuple[str, ...]:
        """The named mistakes, each once, in the order they were found."""
        return tuple(dict.fromkeys(mistake.family for part in self.parts for mistake in part.mistakes))

    @property
    def text(self) -> str:
        """The feedback: one line per part, the table rows of what is wrong, each mistake's sentence once."""
        title = self.check.rpartition("/")[2].removesuffix("_check")
        if self.problem:
            return visible(f"{title} · not decided\n{UNDECIDED}")
        lines = [f"{title} · {self.score:g} of {self.points:g} points"]
        said: set[str] = set()
        for part in self.parts:
            lines.append(f"{part.name}: {part.earned:g} of {part.points:g}")
            lines += part.lines
            lines += [_indented(m.text) for m in part.mistakes if not (m.text in said or said.add(m.text))]
        return visible("\n".join([*lines, *map(_one_paragraph, self.notes)]))


def _lines(text: str) -> list[str]:
    """The lines of a text: those of a student's process have a bar, and a sentence of the judge's has one line."""
    lines = text.splitlines()
    return lines if all(line.startswith("|") for line in lines) else [" ".join(text.split())]


def _indented(text: str) -> str:
    """Each line of a sentence further in than the lines that say what was earned."""
    return "\n".join("   " + line for line in _lines(text))


def _one_paragraph(note: str) -> str:
    """A note's first line as it is; text in it that is not the judge's own stays indented."""
    first, *more = _lines(note) or [""]
    return "\n".join([first, *("   " + line for line in more)])


@dataclass
class _Part:
    name: str
    points: float
    comparisons: list[Comparison] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    failed: bool = False

    def result(self) -> PartResult:
        wrong = [c for c in self.comparisons if not c.ok]
        lines = tuple(_hidden_line(c) for c in wrong)
        mistakes = [c.mistake for c in wrong if c.mistake] + self.mistakes
        failed = self.failed or bool(wrong)
        return PartResult(self.name, self.points, 0.0 if failed else self.points, not failed, lines, tuple(mistakes))


def _hidden_line(comparison: Comparison) -> str:
    """A table row that says how far off the result is without showing the hidden numbers."""
    if comparison.note:
        return f"   {comparison.name}   {' '.join(comparison.note.split())}   <-"
    where = f" at {list(comparison.index)}" if comparison.index else ""
    size = "" if math.isnan(comparison.max_difference) else f"   max difference {comparison.max_difference:.1e}{where}"
    return f"   {comparison.name}{size}   <-"


_current: contextvars.ContextVar[_Grading] = contextvars.ContextVar("grading")


class _Grading:
    def __init__(self, student: Student | None = None) -> None:
        self.student = student
        self.parts: list[_Part] = []
        self.open: _Part | None = None
        self.notes: list[str] = []
        self.doubts: list[str] = []
        self.gone: StudentGone | None = None

    def is_about_an_answer(self, error: Exception) -> bool:
        """Whether an error that a check raised comes from the form of what the student's process answered."""
        if not isinstance(error, ODD_DATA) or self.student is None or not self.student.answered:
            return False
        self.doubts.append(" ".join(visible(f"{type(error).__name__}: {str(error)[:200]}").split()))
        return True


@contextlib.contextmanager
def part(name: str, points: float) -> Iterator[None]:
    """One part of the running check, worth `points` when it runs to its end and everything in it holds.

    A StudentError ends this part alone, and so does an answer of a form that nothing can be calculated with; the check
    goes on with the next one. Any other exception ends the check.
    """
    grading = _current.get()
    this = _Part(name, points)
    grading.parts.append(this)
    grading.open = this
    try:
        yield
    except StudentGone as error:
        grading.gone = grading.gone or error  # later parts say why the process ended, not that it is gone
        this.failed = True
        this.mistakes.append(grading.gone.mistake)
    except StudentError as error:
        this.failed = True
        this.mistakes.append(error.mistake)
    except BaseException as error:
        this.failed = True
        if not isinstance(error, Exception) or not grading.is_about_an_answer(error):
            raise
        this.mistakes.append(ODD)
    finally:
        grading.open = None


def expect(
    got: Any,
    exact: Any,
    *,
    name: str = "the result",
    mistakes: Slips = (),
    atol: float = 1e-9,
    rtol: float = 1e-7,
    scalar_like: bool = False,
    float32: bool = True,
    upstream: Any = None,
    batch_size: int | None = None,
) -> bool:
    """Note in the open part whether `got` is the exact value; return whether it is.

    got         : a Remote, an array, a number, a list of numbers: what the student's code gave
    exact       : the right value, computed here
    mistakes    : what known mistakes would give, or a function that works it out: it is called for a wrong result only
    scalar_like : accept a number and the shapes (), (1,) and (1, 1) for one another; a list is no number
    float32     : accept a float32 result at the precision float32 has, where the judge has sent float32 itself
    """
    open_part = _open_part()
    value = got.value if isinstance(got, Remote) else got
    exact = np.asarray(exact)
    huge = isinstance(value, np.ndarray) and value.size > exact.size + MOST_COMPARED
    if huge or isinstance(value, Handle):
        came = f"of shape {value.shape}" if huge else value.kind or "something else"
        text = f"{name} should be {_shape_words(exact)}, but it is {came}."
        open_part.failed = True
        open_part.mistakes.append(Mistake("shape" if huge or isinstance(value, Oversized) else "type", text))
        return False
    student = _current.get().student
    if float32 and getattr(value, "dtype", None) == np.float32 and student is not None and student.sent_single:
        rtol, atol = max(rtol, 2e-5), max(atol, 2e-5 * float(np.max(np.abs(exact), initial=0.0)))
    comparison = compare(
        name,
        value,
        exact,
        atol=atol,
        rtol=rtol,
        candidates=mistakes,
        upstream=upstream,
        batch_size=batch_size,
        scalar_like=scalar_like and not (exact.ndim == 0 and isinstance(value, list | tuple)),
    )
    open_part.comparisons.append(comparison)
    return comparison.ok


def expect_true(condition: bool, text: str, family: str) -> bool:
    """Note in the open part that a condition must hold; `text` is what the student reads when it doesn't."""
    if not condition:
        open_part = _open_part()
        open_part.failed = True
        open_part.mistakes.append(Mistake(family, text))
    return bool(condition)


def note(text: str) -> None:
    """Add a sentence to the feedback that costs no points."""
    _current.get().notes.append(text)


def _open_part() -> _Part:
    grading = _current.get()
    if grading.open is None:
        raise RuntimeError("expect() is called inside `with part(...)`")
    return grading.open


def _shape_words(exact: Array) -> str:
    return "a number" if exact.shape == () else f"an array of shape {exact.shape}"
