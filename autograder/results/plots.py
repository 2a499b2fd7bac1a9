"""The plots of the class report as SVG, drawn by the templates in templates/report/: sizes and places are found here.

They follow the colours of the screen (light or dark), which plots of a library do not, and cost next to nothing.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .check_stats import CheckStats
from .pages import template

# Told apart by everybody, also in grey: dark blue, orange, light grey (Okabe and Ito, "Color Universal Design").
FULL, PARTIAL, ZERO = "#0072B2", "#E69F00", "#D0D0D0"
LETTER = 6.6  # the mean width of a letter of the labels, in pixels


@dataclass(frozen=True)
class Picture:
    """A plot as an address that a page can hold, and what it shows in words. width : in CSS pixels"""

    address: str
    words: str
    width: int


def _drawn(name: str, plot: Any, words: str) -> Picture:
    svg = template(f"report/{name}.svg.j2").render(plot=plot, full=FULL)
    return Picture("data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode(), words, plot.width)


def nice_step(most: float, steps: int) -> float:
    """The smallest of 1, 2, 5 times a power of ten of which `steps` reach `most`."""
    power = 10.0 ** math.floor(math.log10(most / steps)) if most > 0 else 1.0
    return next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor * steps >= most - 1e-9)


@dataclass(frozen=True)
class Histogram:
    """Bins (start, end, count) from 0 to x_most. mean : where a dashed line stands, None for none"""

    bins: Sequence[tuple[float, float, int]]
    x_ticks: Sequence[float]
    x_most: float
    x_title: str
    mean: float | None = None
    width: int = 422
    height: int = 260
    left: int = 52
    top: int = 16

    @property
    def right(self) -> int:
        return self.width - 14

    @property
    def bottom(self) -> int:
        return self.height - 46

    @property
    def most(self) -> int:
        return max(1, *(count for _, _, count in self.bins))

    @property
    def y_ticks(self) -> list[int]:
        step = max(1, round(nice_step(self.most, 4)))
        return list(range(0, self.most + 1, step))

    def x(self, value: float) -> float:
        return round(self.left + (self.right - self.left) * min(value, self.x_most) / self.x_most, 1)

    def y(self, count: float) -> float:
        return round(self.bottom - (self.bottom - self.top - 12) * count / self.most, 1)


def histogram(scores: Sequence[float], section: str, numbers: dict[str, float]) -> Picture:
    """Submissions by score. scores, numbers : percent"""
    counts = [0] * 10
    for score in scores:
        counts[min(9, max(0, int(score // 10)))] += 1
    bins = [(10.0 * place, 10.0 * place + 10, count) for place, count in enumerate(counts)]
    mean = min(100.0, max(0.0, numbers["mean"]))
    listed = ", ".join(f"{low:g} to {high:g} %: {count}" for low, high, count in bins if count)
    plot = Histogram(bins, range(0, 101, 20), 100, "score in % (dashed: mean)", mean)
    return _drawn("histogram", plot, f"Histogram of the scores of {section}. Submissions by score: {listed}.")


def times(seconds: Sequence[float], section: str) -> Picture:
    """Submissions by the seconds that grading them took."""
    step = nice_step(max(*seconds, 1e-3), 10)
    counts = [0] * (math.ceil(max(seconds) / step - 1e-9) or 1)
    for value in seconds:
        counts[min(len(counts) - 1, int(value / step))] += 1
    bins = [(place * step, (place + 1) * step, count) for place, count in enumerate(counts)]
    most = len(counts) * step
    ticks = [place * step for place in range(0, len(counts) + 1, 2 if len(counts) > 5 else 1)]
    plot = Histogram(bins, ticks, most, "seconds for one submission", height=210)
    words = f"Histogram of the time to grade a submission of {section}: "
    return _drawn("histogram", plot, f"{words}from {min(seconds):.1f} to {max(seconds):.1f} s.")


class Bars:
    """For each check a bar of three pieces."""

    width = 614
    row_height = 28

    def __init__(self, stats: Sequence[CheckStats]):
        self.left = round(min(260, 20 + LETTER * max(len(one.label) for one in stats)))
        self.height = 70 + self.row_height * len(stats)
        kinds = (("full", FULL), ("partial", PARTIAL), ("zero", ZERO))
        self.rows = []
        for place, one in enumerate(stats):
            pieces, start = [], 0.0
            for name, colour in kinds:
                count = getattr(one, name)
                end = start + 100 * count / one.count
                piece = {"x": self.x(start), "width": round(self.x(end) - self.x(start), 1)}
                pieces.append({**piece, "colour": colour, "name": name, "count": count})
                start = end
            label = one.label if len(one.label) <= 36 else one.label[:35] + "…"
            self.rows.append({"label": label, "y": 28 + self.row_height * place, "pieces": pieces})
        said = (("all points", FULL), ("a part", PARTIAL), ("none", ZERO))
        self.legend = [(words, colour, self.width - 250 + 92 * n) for n, (words, colour) in enumerate(said)]

    def x(self, share: float) -> float:
        return round(self.left + (self.width - 24 - self.left) * share / 100, 1)


def bars(stats: Sequence[CheckStats], section: str) -> Picture:
    """For each check, how many got all, a part, none of its points."""
    words = f"Bars: for each check of {section}, the share of all, a part, none of its points. "
    return _drawn("bars", Bars(stats), words + "The same numbers stand in the table below.")
