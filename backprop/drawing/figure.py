"""Put a picture of boxes and arrows on matplotlib axes. Lengths are inches, so that texts are known to fit."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from .layered import layered

VALUE_COLOUR = "#17568c"
GRADIENT_COLOUR = "#b3361b"

_FONT = 10.0
_SMALL = 8.5
_BOX_HEIGHT = 0.46
_ROW = 0.92  # from row to row, where no label has more than one line above and below its line
_MARGIN = 0.12
_LINE = 0.15  # the height of one line of small text
_MOST_HIDDEN, _WIDENING, _WIDENINGS = 0.45, 0.25, 8  # a label may hide so much of its edge; otherwise the gap grows
_PLACES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82)  # where along its curve a label may stand, best first


@dataclass
class Picture:
    """What there is to draw; keys are any hashable things.

    boxes : key -> (name, operation), in topological order; the operation may be ""
    edges : (from, to) pairs; a pair may be there twice
    values : key -> text above every arrow that leaves the box
    gradients : key or (from, to) -> text below the arrow; for a box that several arrows leave, the total stands
        under the box and each arrow has the part that arrives along it
    """

    boxes: dict
    edges: list[tuple]
    values: dict = field(default_factory=dict)
    gradients: dict = field(default_factory=dict)


class _Rectangle(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: _Rectangle) -> float:
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.top, other.top) - max(self.bottom, other.bottom)
        return max(width, 0.0) * max(height, 0.0)


class _Label(NamedTuple):
    value: str
    gradient: str

    @property
    def width(self) -> float:
        return max(_text_width(self.value, _SMALL), _text_width(self.gradient, _SMALL))

    @property
    def above(self) -> float:
        return _text_height(self.value)

    @property
    def below(self) -> float:
        return _text_height(self.gradient)

    def around(self, x: float, y: float) -> _Rectangle:
        half = self.width / 2 + 0.03
        return _Rectangle(x - half, y - self.below - 0.04, x + half, y + self.above + 0.04)


def paint(picture: Picture, ax=None):
    """Draw the picture; make a figure of its size unless axes are given. Returns the axes."""
    readable = {key: (_readable(name), _readable(operation)) for key, (name, operation) in picture.boxes.items()}
    picture = replace(picture, boxes=readable)
    places = layered(list(picture.boxes), picture.edges)
    labels, totals = _labels(picture)
    row, wider = _row_height(labels, totals), [0.0] * (max(places.column.values()) + 1)
    for _ in range(_WIDENINGS + 1):
        columns = _column_spans(picture, places, labels, totals, wider)
        boxes = {
            key: _box(texts, columns[places.column[key]], places.height[key] * row)
            for key, texts in picture.boxes.items()
        }
        curves = _curves(picture, places, columns, row, boxes, labels)
        total_places = {key: _under(boxes[key], text) for key, text in totals.items()}
        label_places = _label_places(curves, labels, [*boxes.values(), *total_places.values()])
        hidden = {
            places.column[edge[0]]
            for edge, place in label_places.items()
            if len(curves[edge]) > 2 and hidden_share(curves[edge], labels[edge], place) > _MOST_HIDDEN
        }
        if not hidden:
            break
        wider = [more + _WIDENING * (c in hidden) for c, more in enumerate(wider)]

    right = max([box.right for box in boxes.values()] + [curve[-1][0] for curve in curves.values()])
    right = max([right] + [curves[edge][0][0] + labels[edge].width + 0.1 for edge in curves if edge[1] is None])
    bottom = min(place.bottom for place in [*boxes.values(), *total_places.values()]) - 0.05
    top = max(box.top for box in boxes.values())
    for edge, curve in curves.items():
        label = labels.get(edge[:2], _Label("", ""))
        bottom = min([bottom, *(y - label.below for _, y in curve)])
        top = max([top, *(y + label.above for _, y in curve)])
    width, height = right + 2 * _MARGIN, top - bottom + 2 * _MARGIN
    if ax is None:
        figure = plt.figure(figsize=(width, height))
        ax = figure.add_axes((0, 0, 1, 1))
    ax.set_xlim(-_MARGIN, right + _MARGIN)
    ax.set_ylim(bottom - _MARGIN, top + _MARGIN)
    ax.set_aspect("equal")
    ax.axis("off")
    given = ax.get_window_extent()
    zoom = min(given.width / width, given.height / height) / ax.figure.dpi

    style = {"ha": "center", "fontsize": _SMALL * zoom, "zorder": 4}
    for curve in curves.values():
        ax.add_patch(
            FancyArrowPatch(
                path=_path(curve),
                arrowstyle="-|>",
                mutation_scale=9 * zoom,
                shrinkA=0,
                shrinkB=0,
                linewidth=1.1 * zoom,
                color="#555555",
                zorder=1,
            )
        )
    for edge, (x, y) in label_places.items():
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6 * zoom}
        text = labels[edge]
        ax.text(x, y + 0.035, text.value, va="bottom", color=VALUE_COLOUR, bbox=paper if text.value else None, **style)
        ax.text(
            x, y - 0.035, text.gradient, va="top", color=GRADIENT_COLOUR, bbox=paper if text.gradient else None, **style
        )
    inputs = set(picture.boxes) - {end for _, end in picture.edges}
    for key, box in boxes.items():
        _draw_box(ax, box, picture.boxes[key], key in inputs, zoom)
        if key in totals:
            place = total_places[key]
            middle = (place.left + place.right) / 2
            ax.text(middle, place.top, totals[key], va="top", color=GRADIENT_COLOUR, **style)
    return ax


@lru_cache(maxsize=2000)
def _text_width(text: str, size: float, weight: str = "normal") -> float:
    if not text:
        return 0.0
    if "\n" in text:
        return max(_text_width(line, size, weight) for line in text.split("\n"))
    return TextPath((0, 0), text, size=size, prop={"weight": weight}).get_extents().width / 72


def _text_height(text: str) -> float:
    """The height of a label of one or more lines; one line also where there is none, to keep rows apart."""
    return _LINE * (1 + text.count("\n"))


def _row_height(labels: dict, totals: dict) -> float:
    lines = [0.0, *(label.above + label.below - 2 * _LINE for label in labels.values())]
    return _ROW + max([*lines, *(_text_height(text) - _LINE for text in totals.values())])


def _readable(text: str) -> str:
    """The text, with its dollar signs as they are typed if what stands between them is no formula."""
    try:
        _text_width(text, _FONT)
    except ValueError:
        return text.replace("$", r"\$")
    return text


def _labels(picture: Picture) -> tuple[dict, dict]:
    """The texts of each edge, with (key, None) for the arrow that leaves a result; and the totals under boxes."""
    users = Counter(start for start, _ in set(picture.edges))
    times = Counter(picture.edges)
    labels, totals = {}, {}
    for key in picture.boxes:
        if users[key] == 0:
            labels[key, None] = _Label(picture.values.get(key, ""), picture.gradients.get(key, ""))
        elif users[key] > 1 and picture.gradients.get(key):
            totals[key] = f"total {picture.gradients[key]}"
    for start, end in times:
        gradient = picture.gradients.get((start, end), "" if users[start] > 1 else picture.gradients.get(start, ""))
        if times[start, end] > 1 and gradient:
            gradient += " (both)" if times[start, end] == 2 else f" (all {times[start, end]})"
        labels[start, end] = _Label(picture.values.get(start, ""), gradient)
    return labels, totals


def _box_width(texts: tuple[str, str]) -> float:
    return max(_text_width(texts[0], _FONT, "bold"), _text_width(texts[1], _SMALL), 0.22) + 0.2


def _column_spans(picture: Picture, places, labels, totals, wider) -> list[tuple[float, float]]:
    """The left and right end of each column: as wide as its boxes, as far from the next as the labels between ask.

    wider : what is added to the gap after each column
    """
    count = max(places.column.values()) + 1
    spans, left = [], 0.0
    for c in range(count):
        inside = [key for key in picture.boxes if places.column[key] == c]
        width = max(max(_box_width(picture.boxes[key]), _text_width(totals.get(key, ""), _SMALL)) for key in inside)
        spans.append((left, left + width))
        leaving = [
            label.width for (start, end), label in labels.items() if end is not None and places.column[start] == c
        ]
        left += width + max([0.75, *(w + 0.55 for w in leaving)]) + wider[c]
    return spans


def _box(texts: tuple[str, str], span: tuple[float, float], y: float) -> _Rectangle:
    middle, half = (span[0] + span[1]) / 2, _box_width(texts) / 2
    return _Rectangle(middle - half, y - _BOX_HEIGHT / 2, middle + half, y + _BOX_HEIGHT / 2)


def _under(box: _Rectangle, text: str) -> _Rectangle:
    """Where the text goes that stands centred under a box."""
    middle, half = (box.left + box.right) / 2, _text_width(text, _SMALL) / 2
    return _Rectangle(middle - half, box.bottom - 0.04 - _text_height(text), middle + half, box.bottom - 0.04)


def _curves(picture: Picture, places, columns, row, boxes, labels) -> dict[tuple, list[tuple[float, float]]]:
    """The corners of each edge, left to right, in pairs: from the right end of one column to the left end of the next.

    An edge that is there several times has a third entry in its key: (from, to, 1), (from, to, 2), …
    """
    curves = {}
    arriving: dict = {}
    for edge, times in Counter(picture.edges).items():
        for repeat in range(times):
            key = edge if repeat == 0 else (*edge, repeat)
            arriving.setdefault(edge[1], []).append(key)
    ports = {}
    for end, keys in arriving.items():
        keys.sort(key=lambda key: (places.bends[key[:2]] or [places.height[key[0]]])[-1], reverse=True)
        room = 0.6 * _BOX_HEIGHT
        middle = (boxes[end].bottom + boxes[end].top) / 2
        for i, key in enumerate(keys):
            ports[key] = middle + (0.0 if len(keys) == 1 else room * (0.5 - i / (len(keys) - 1)))
    for key, port in ports.items():
        start, end = key[:2]
        y = (boxes[start].bottom + boxes[start].top) / 2
        corners = [(boxes[start].right, y), (columns[places.column[start]][1], y)]
        for c, height in enumerate(places.bends[start, end], start=places.column[start] + 1):
            corners += [(columns[c][0], height * row), (columns[c][1], height * row)]
        corners += [(columns[places.column[end]][0], port), (boxes[end].left, port)]
        curves[key] = corners
    for key in picture.boxes:
        if not any(start == key for start, _ in picture.edges):
            box = boxes[key]
            y = (box.bottom + box.top) / 2
            length = max(0.4, labels[key, None].width + 0.25)
            curves[key, None] = [(box.right, y), (box.right + length, y)]
    return curves


def _path(corners: list[tuple[float, float]]) -> Path:
    points, codes = [corners[0]], [Path.MOVETO]
    for i, (a, b) in enumerate(zip(corners, corners[1:], strict=False)):
        if i % 2 == 0:  # along a column: straight
            if abs(a[0] - b[0]) > 1e-6:  # a last piece without length would lose its arrowhead
                points.append(b)
                codes.append(Path.LINETO)
        else:
            points += _bezier(a, b)[1:]
            codes += [Path.CURVE4] * 3
    return Path(points, codes)


def _bezier(a: tuple[float, float], b: tuple[float, float]) -> list[tuple[float, float]]:
    middle = (a[0] + b[0]) / 2
    return [a, (middle, a[1]), (middle, b[1]), b]


def _along(a, b, t: float) -> tuple[float, float]:
    p = np.array(_bezier(a, b))
    weights = np.array([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3])
    x, y = weights @ p
    return float(x), float(y)


def _label_places(curves, labels, occupied: list[_Rectangle]) -> dict[tuple, tuple[float, float]]:
    """A place for each label on the first curve of its edge, away from other labels, curves and what is occupied."""
    samples = {
        key: np.array([_along(corners[1], corners[2], t) for t in np.linspace(0, 1, 21)])
        for key, corners in curves.items()
        if len(corners) > 2
    }
    places, taken = {}, []
    for edge, label in labels.items():
        if not label.width:
            continue
        corners = curves[edge]
        if len(corners) == 2:
            places[edge] = ((corners[0][0] + corners[1][0] - 0.08) / 2, corners[0][1])
            taken.append(label.around(*places[edge]))
            continue
        others = [points for key, points in samples.items() if key[:2] != edge]
        best = None
        for rank, t in enumerate(_PLACES):
            x, y = _along(corners[1], corners[2], t)
            around = label.around(x, y)
            cost = 100 * sum(around.overlap(other) for other in [*taken, *occupied]) + 0.05 * rank
            cost += sum(
                0.1
                for points in others
                for px, py in points
                if around.left < px < around.right and around.bottom < py < around.top
            )
            if best is None or cost < best[0]:
                best = cost, (x, y), around
        places[edge] = best[1]
        taken.append(best[2])
    return places


def hidden_share(corners: list[tuple[float, float]], label: _Label, place: tuple[float, float]) -> float:
    """How much of the first curve of an edge lies behind its own label: 0 for none, 1 for all of it."""
    points = np.array([_along(corners[1], corners[2], t) for t in np.linspace(0, 1, 41)])
    x, y = (points - place).T
    behind = np.zeros(len(points), dtype=bool)
    for text, low, high in ((label.value, 0.02, label.above + 0.04), (label.gradient, -label.below - 0.04, -0.02)):
        if text:
            behind |= (np.abs(x) < _text_width(text, _SMALL) / 2) & (low < y) & (y < high)
    lengths = np.hypot(*np.diff(points, axis=0).T)
    return float(lengths[behind[1:] & behind[:-1]].sum() / lengths.sum())


def _draw_box(ax, box: _Rectangle, texts: tuple[str, str], is_input: bool, zoom: float) -> None:
    name, operation = texts
    ax.add_patch(
        FancyBboxPatch(
            (box.left, box.bottom),
            box.right - box.left,
            box.top - box.bottom,
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor="#eef1f4" if is_input else "#fff3cf",
            edgecolor="#444444",
            linewidth=1.0 * zoom,
            zorder=2,
        )
    )
    x, y = (box.left + box.right) / 2, (box.bottom + box.top) / 2
    shift = 0.09 if operation else 0.0
    style = {"ha": "center", "va": "center", "zorder": 3}
    ax.text(x, y + shift, name, fontsize=_FONT * zoom, fontweight="bold", **style)
    ax.text(x, y - shift, operation, fontsize=_SMALL * zoom, color="#555555", **style)
