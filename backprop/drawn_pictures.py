"""Six small pictures of things that ImageNet has classes for, drawn by code: no file, no network, no photographer.

The pictures and this module are for everybody and any purpose: CC0 1.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
from PIL import Image, ImageDraw

__all__ = ["drawn_pictures"]

_SIDE, _FINE = 256, 4  # pixels; drawn that many times as large, then reduced, so that edges are smooth

Colour = tuple[int, int, int]
Point = tuple[float, float]


def drawn_pictures() -> list[tuple[str, Image.Image]]:
    """The pictures as (name of the class in ImageNet, RGB image of 256×256), the same ones every time."""
    return [(name, draw()) for name, draw in _PICTURES.items()]


class _Paper:
    """A sheet that is coloured from top to bottom, and a pen that counts in pixels of the finished picture."""

    def __init__(self, top: Colour, bottom: Colour):
        down = np.linspace(0, 1, _SIDE * _FINE)[:, None, None]
        rows = (1 - down) * np.array(top) + down * np.array(bottom)
        self.image = Image.fromarray(np.repeat(rows, _SIDE * _FINE, axis=1).astype(np.uint8))
        self.pen = ImageDraw.Draw(self.image)

    def oval(self, x: float, y: float, across: float, up: float, colour: Colour) -> None:
        self.pen.ellipse([v * _FINE for v in (x - across, y - up, x + across, y + up)], fill=colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        self.oval(x, y, radius, radius, colour)

    def half_disc(self, x: float, y: float, across: float, up: float, colour: Colour) -> None:
        self.pen.pieslice([v * _FINE for v in (x - across, y - up, x + across, y + up)], 180, 360, fill=colour)

    def arc(self, x: float, y: float, radius: float, start: float, end: float, colour: Colour, width: int) -> None:
        box = [v * _FINE for v in (x - radius, y - radius, x + radius, y + radius)]
        self.pen.arc(box, start, end, fill=colour, width=width * _FINE)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, corner: float = 0) -> None:
        self.pen.rounded_rectangle([v * _FINE for v in (left, top, right, bottom)], corner * _FINE, fill=colour)

    def shape(self, points: Iterable[Point], colour: Colour) -> None:
        self.pen.polygon([(x * _FINE, y * _FINE) for x, y in points], fill=colour)

    def line(self, start: Point, end: Point, colour: Colour, width: float) -> None:
        self.pen.line([(x * _FINE, y * _FINE) for x, y in (start, end)], fill=colour, width=round(width * _FINE))

    def finished(self) -> Image.Image:
        return self.image.resize((_SIDE, _SIDE), Image.LANCZOS)


def _around(x: float, y: float, radius: float, angle: float) -> Point:
    return x + radius * math.cos(angle), y + radius * math.sin(angle)


def _traffic_light() -> Image.Image:
    paper = _Paper((120, 170, 225), (205, 225, 240))
    paper.box(122, 190, 134, 256, (70, 70, 70))
    paper.box(88, 22, 168, 204, (35, 38, 36), corner=14)
    for y, colour in ((56, (225, 40, 35)), (112, (80, 65, 20)), (168, (20, 60, 35))):
        paper.disc(128, y, 25, (15, 15, 15))
        paper.disc(128, y, 22, colour)
    paper.disc(121, 48, 7, (250, 140, 130))
    return paper.finished()


def _daisy() -> Image.Image:
    paper = _Paper((40, 90, 40), (25, 65, 25))
    rng = np.random.default_rng(1)
    for _ in range(60):  # grass
        start, green = rng.uniform(0, 256, 2), tuple(int(v) for v in rng.uniform([20, 70, 20], [60, 140, 60]))
        paper.line(tuple(start), _around(*start, rng.uniform(20, 60), rng.uniform(0, math.pi)), green, 4)
    for k in range(21):
        angle = 2 * math.pi * k / 21
        x, y = _around(128, 128, 58, angle)
        petal = [(44 * math.cos(t), 11 * math.sin(t)) for t in np.linspace(0, 2 * math.pi, 40)]
        turned = [
            (x + u * math.cos(angle) - v * math.sin(angle), y + u * math.sin(angle) + v * math.cos(angle))
            for u, v in petal
        ]
        paper.shape(turned, (250, 250, 248) if k % 2 else (228, 230, 238))
    paper.disc(128, 128, 30, (235, 180, 20))
    for k in range(160):
        x, y = _around(128, 128, 28 * math.sqrt(rng.uniform()), rng.uniform(0, 2 * math.pi))
        paper.disc(x, y, 2, (200, 140, 10) if k % 2 else (255, 215, 70))
    return paper.finished()


def _soccer_ball() -> Image.Image:
    paper, black = _Paper((90, 150, 70), (50, 110, 45)), (25, 25, 25)
    paper.disc(128, 128, 90, (245, 245, 245))
    ball = paper.image.copy()

    def patch(x: float, y: float, radius: float, turn: float) -> None:
        paper.shape([_around(x, y, radius, turn + 2 * math.pi * k / 5) for k in range(5)], black)

    patch(128, 128, 30, -math.pi / 2)
    for k in range(5):
        angle = 2 * math.pi * k / 5 - math.pi / 2
        paper.line(_around(128, 128, 30, angle), _around(128, 128, 64, angle), black, 3)
        patch(*_around(128, 128, 85, angle), 24, angle + math.pi)
    inside = Image.new("L", ball.size)
    ImageDraw.Draw(inside).ellipse([38 * _FINE, 38 * _FINE, 218 * _FINE, 218 * _FINE], fill=255)
    ball.paste(paper.image, mask=inside)
    paper.image = ball
    return paper.finished()


def _umbrella() -> Image.Image:
    paper, red, wood = _Paper((200, 215, 225), (160, 180, 190)), (200, 35, 50), (60, 50, 40)
    paper.half_disc(128, 150, 100, 100, red)
    for k in range(4):
        paper.half_disc(53 + 50 * k, 150, 25, 18, (200, 215, 225))
    for x in (78, 178):
        paper.line((128, 54), (x, 150), (150, 20, 35), 2)
    paper.line((128, 40), (128, 225), wood, 5)
    paper.arc(116, 224, 16, 0, 180, wood, 5)
    return paper.finished()


def _ladybug() -> Image.Image:
    paper, black = _Paper((70, 140, 50), (45, 105, 35)), (20, 20, 20)
    paper.disc(128, 72, 30, black)
    paper.oval(128, 144, 70, 78, (205, 30, 25))
    paper.line((128, 66), (128, 222), black, 5)
    for side in (-1, 1):
        for away, y, radius in ((32, 110, 14), (42, 156, 13), (20, 194, 11)):
            paper.disc(128 + side * away, y, radius, black)
        for y in (104, 144, 184):
            paper.line((128 + side * 66, y), (128 + side * 92, y + 10), black, 5)
        paper.disc(128 + side * 16, 62, 7, (240, 240, 235))
        paper.line((128 + side * 12, 46), (128 + side * 30, 24), black, 3)
    return paper.finished()


def _strawberry() -> Image.Image:
    paper, outline = _Paper((240, 240, 238), (220, 218, 215)), []
    for t in np.linspace(0, 2 * math.pi, 120):
        narrow = 1 + 0.55 * min(0.0, math.cos(t))  # towards the tip
        outline.append((128 + 80 * narrow * math.sin(t) * (1 - 0.12 * math.cos(t)), 132 - 80 * math.cos(t)))
    paper.shape(outline, (210, 25, 35))
    for row in range(9):
        for column in range(9):
            x, y = 128 + (column - 4 + 0.5 * (row % 2)) * 18, 72 + row * 18
            if ((x - 128) / 72) ** 2 + ((y - 125) / 88) ** 2 < 0.8:
                paper.oval(x, y, 2, 3, (245, 205, 90))
    for k in range(7):
        angle = math.pi * (1 + k / 6)
        leaf = [(128, 64), (128 + 52 * math.cos(angle - 0.12), 66 + 26 * math.sin(angle))]
        paper.shape([*leaf, (128 + 44 * math.cos(angle + 0.2), 78)], (60, 140, 45))
    paper.line((128, 62), (136, 34), (70, 130, 50), 6)
    return paper.finished()


_PICTURES: dict[str, Callable[[], Image.Image]] = {
    "traffic light": _traffic_light,
    "ladybug": _ladybug,
    "daisy": _daisy,
    "soccer ball": _soccer_ball,
    "strawberry": _strawberry,
    "umbrella": _umbrella,
}
