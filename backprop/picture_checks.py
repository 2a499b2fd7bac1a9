"""Checks for the way of a picture through a trained network: its preparation, its named predictions, its saliency.

    check_preprocess(preprocess)     pictures of even slopes, whose pixels are known after any resizing
    check_classify(classify)         a model whose scores are known
    check_saliency(saliency)         a model whose gradient is known

Each prints its report and returns None, or raises CheckFailed with the report as its message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from .checking.comparison import CheckFailed, compare, conclude, stop_if_wrong
from .checking.diagnosis import Mistake, explain
from .checking.student_code import student_code
from .pretrained import MEAN, STD

__all__ = [
    "SIDE",
    "Slopes",
    "check_classify",
    "check_preprocess",
    "check_saliency",
    "recognise",
]

SIDE, SHORTER = 224, 256
CLOSE = 0.05  # pixels are rounded to 256 levels twice: 2 · ½ / 255 / 0.224 = 0.018


class Slopes:
    """A picture whose colours change evenly: level = c0 + cx·x + cy·y for pixel (x, y), other numbers for each colour.

    Resizing keeps such a picture even, so what comes out of it is known without resizing anything.

    colours : (3, 3), for red, green and blue the level from 0 to 255 at the left top, and what is added up to the right
        and to the bottom edge
    step : of the 224 rows and columns that come out, only each `step`-th is worked out, from step // 2 on
    """

    def __init__(self, width: int, height: int, colours: np.ndarray, step: int = 1):
        self.width, self.height, self.colours = width, height, np.asarray(colours, dtype=float)
        self.places = np.arange(step // 2, SIDE, step)

    def pixels(self) -> np.ndarray:
        """The picture itself: uint8, shape (height, width, 3)."""
        return np.round(self._levels(np.arange(self.width), np.arange(self.height))).astype(np.uint8)

    def prepared(self) -> np.ndarray:
        """What preprocess gives: float64, shape (1, 3, 224, 224) where step is 1."""
        return self._normalised(self._middle(SHORTER))

    def misplaced(self) -> dict[str, Any]:
        """What it gives when other pixels are taken, by family and detail."""
        places = self.places
        scale = SHORTER / min(self.width, self.height)
        corner = (places + 0.5) / scale - 0.5

        def squeezed(side: int, start: int) -> np.ndarray:
            x, y = ((places + start + 0.5) * length / side - 0.5 for length in (self.width, self.height))
            return self._normalised(self._levels(x, y))

        found = {
            "wrong_argument:the left top corner, where the middle belongs": self._levels(corner, corner),
            "wrong_argument:resized until the shorter side has 224 pixels, not 256": self._middle(SIDE),
            "wrong_argument:the longer side is made 256 pixels": self._middle(SHORTER, longer=True),
            "wrong_argument:cropped without being resized": self._middle(min(self.width, self.height)),
        }
        return {
            "transposed": self.prepared().transpose(0, 1, 3, 2),
            "wrong_argument:squeezed into a square, where the proportions stay": [
                squeezed(SIDE, 0),
                squeezed(SHORTER, 16),
            ],
            **{family: self._normalised(levels) for family, levels in found.items()},
        }

    def misscaled(self) -> dict[str, Any]:
        """What it gives when the right pixels are turned into wrong numbers, by family and detail."""
        levels, (mean, std) = self._middle(SHORTER), _columns()
        first = levels.transpose(2, 0, 1)[None]
        return {
            "wrong_argument:values from 0 to 255, where they belong between 0 and 1": (first - mean) / std,
            "wrong_argument:divided by 255 twice": (first / 255**2 - mean) / std,
            "missing_term:MEAN is not taken away": first / 255 / std,
            "missing_chain_factor:1 / STD": first / 255 - mean,
            "missing_term:not normalised with MEAN and STD": [first / 255, first],
            "wrong_argument:multiplied by STD, where it divides": (first / 255 - mean) * std,
            "wrong_argument:MEAN and STD are exchanged": (first / 255 - std) / mean,
            "wrong_argument:MEAN is added, where it is taken away": (first / 255 + mean) / std,
            "wrong_argument:½ for every MEAN and STD": (first / 255 - 0.5) / 0.5,
            "wrong_argument:blue, green, red, where red comes first": self._normalised(levels[:, :, ::-1]),
        }

    def _levels(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        c0, cx, cy = (self.colours[:, i] for i in range(3))
        right, down = np.asarray(x) / (self.width - 1), np.asarray(y) / (self.height - 1)
        levels = c0 + cx * right[None, :, None] + cy * down[:, None, None]
        across = (x > -0.6) & (x < self.width - 0.4)
        along = (y > -0.6) & (y < self.height - 0.4)
        return levels * (across[None, :, None] & along[:, None, None])  # PIL crops black where there is no picture

    def _middle(self, shorter: int, longer: bool = False) -> np.ndarray:
        """Levels of the pixels in the middle after resizing, colours last."""
        scale = shorter / (max if longer else min)(self.width, self.height)
        places = self.places + 0.5
        starts = [(round(side * scale) - SIDE) // 2 for side in (self.width, self.height)]
        return self._levels(*((places + start) / scale - 0.5 for start in starts))

    def _normalised(self, levels: np.ndarray) -> np.ndarray:
        mean, std = _columns()
        return (levels.transpose(2, 0, 1)[None] / 255 - mean) / std


def _columns() -> tuple[np.ndarray, np.ndarray]:
    return np.reshape(MEAN, (1, 3, 1, 1)), np.reshape(STD, (1, 3, 1, 1))


def recognise(name: str, got: np.ndarray, mistakes: Mapping[str, Any], close: float = CLOSE) -> Mistake | None:
    """The one mistake that gives these values, up to `close` in proportion to their size; None when there is no one."""
    found = []
    for family, arrays in mistakes.items():
        for array in arrays if isinstance(arrays, list) else [arrays]:
            size = max(1.0, float(np.abs(array).max()) / 3)
            if array.shape == got.shape and np.abs(array - got).max() <= close * size:
                found.append(family)
    if len(set(found)) != 1:
        return None
    family, _, detail = found[0].partition(":")
    return explain(family, name, detail)


def check_preprocess(preprocess: Callable[[Image.Image], torch.Tensor]) -> None:
    """Check `preprocess(image)` on a wide and a high picture, a grey one and one with transparency."""
    colours = np.array([[30, 150, 40], [200, -120, -50], [60, 20, 130]])
    found = []
    for width, height in ((320, 240), (150, 200)):
        slopes = Slopes(width, height, colours)
        image = Image.fromarray(slopes.pixels())
        with student_code("preprocess"):
            got = preprocess(image)
        _require_untouched(image, Image.fromarray(slopes.pixels()), "preprocess")
        numbers = _numbers(got, f"a picture of {width} × {height} pixels")
        name = f"X of {width} × {height}"
        right = slopes.prepared()
        if np.abs(numbers - right).max() > CLOSE:
            mistake = recognise(name, numbers, slopes.misplaced() | slopes.misscaled())
            if mistake is not None:
                raise CheckFailed(f"preprocess\n   {mistake.text}")
        found.append(compare(name, numbers, right, atol=CLOSE, rtol=0.0, labels=("yours", "right")))
    dots = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 260, 3), dtype=np.uint8))
    words = {
        "RGB": "a large picture",
        "L": "a grey picture",
        "RGBA": "a picture with transparency",
        "P": "a picture with a palette",
    }
    for mode, what in words.items():
        image = dots.convert(mode) if mode != "P" else dots.quantize(16)
        if mode == "RGBA":
            image.putalpha(90)
        before = image.copy()
        with student_code("preprocess"):
            both = preprocess(image), preprocess(image.convert("RGB"))
        _require_untouched(image, before, "preprocess")
        mine, same = (_numbers(got, what) for got in both)
        if np.abs(mine - same).max() > CLOSE:
            raise CheckFailed(f"For {what} other numbers come out than for the same picture in RGB: convert it first.")
    for name, level in (("black", 0.0), ("white", 1.0)):
        with student_code("preprocess"):
            got = preprocess(Image.new("RGB", (300, 256), name))
        numbers = _numbers(got, f"an all {name} picture")
        right = np.broadcast_to((level - _columns()[0]) / _columns()[1], numbers.shape)
        found.append(compare(f"X of all {name}", numbers, right, atol=1e-3, rtol=0.0, labels=("yours", "right")))
    conclude([("preprocess   (yours and right: the entry that differs most)", found)])


def _require_untouched(image: Image.Image, before: Image.Image, who: str) -> None:
    if (image.size, image.mode, image.tobytes()) != (before.size, before.mode, before.tobytes()):
        raise CheckFailed(f"{who} changed the picture itself: work on a copy, the caller still needs it.")


def _numbers(got: Any, what: str) -> np.ndarray:
    if not isinstance(got, torch.Tensor):
        raise CheckFailed(f"For {what} preprocess gives {type(got).__name__}: it should be a tensor.")
    if tuple(got.shape) != (1, 3, SIDE, SIDE):
        raise CheckFailed(f"For {what} preprocess gives the shape {tuple(got.shape)}: expected (1, 3, 224, 224).")
    if got.dtype != torch.float32:
        raise CheckFailed(f"For {what} preprocess gives {got.dtype}: networks calculate with torch.float32.")
    return got.detach().numpy().astype(float)


class _Known(nn.Module):
    """Gives the scores it was made with; others in training mode, as a network with dropout would."""

    def __init__(self, scores: list[float]):
        super().__init__()
        self.scores, self.tracked, self.trained, self.shapes = torch.tensor([scores]), False, False, set()

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        self.tracked |= torch.is_grad_enabled()
        self.trained |= self.training
        self.shapes.add(tuple(X.shape))
        return self.scores.flip(1) if self.training else self.scores


def check_classify(classify: Callable[..., list[tuple[str, float]]]) -> None:
    """Check `classify(model, image, idx2label, k)` on a model whose scores are known."""
    scores = [0.5, 3.0, -1.0, 2.0, 1.0, -2.0]
    names = dict(enumerate(["bus", "owl", "fig", "cat", "pen", "yak"]))
    model = _Known(scores).train()
    image = Image.new("RGB", (300, 260), "gray")
    with student_code("classify"):
        got = classify(model, image, names, k=3)
    _require_untouched(image, Image.new("RGB", (300, 260), "gray"), "classify")
    if model.shapes and model.shapes != {(1, 3, SIDE, SIDE)}:
        raise CheckFailed(f"The model gets {model.shapes.pop()}: it should get what preprocess gives.")
    if model.trained:
        raise CheckFailed("The model predicts in training mode, with dropout: call model.eval() first.")
    if model.tracked:
        raise CheckFailed("PyTorch kept the graph for gradients that nobody asks for: predict in torch.no_grad().")
    try:
        pairs = [(label, float(p)) for label, p in got]
    except (TypeError, ValueError):
        raise CheckFailed(f"It gives {got!r:.100}: expected a list of pairs (name, probability).") from None
    if [label for label, _ in pairs] != ["owl", "cat", "pen"]:
        said = ", ".join(str(label) for label, _ in pairs)
        raise CheckFailed(f"The three most probable classes are owl, cat, pen, in this order; it says {said}.")
    right = np.exp(scores) / np.exp(scores).sum()
    hints = {"wrong_argument:the scores, before softmax": [3.0, 2.0, 1.0], "factor": [100 * right[[1, 3, 4]]]}
    hints = {family: np.asarray(value).reshape(3) for family, value in hints.items()}
    line = compare(
        "probabilities", np.array([p for _, p in pairs]), right[[1, 3, 4]], atol=1e-6, rtol=1e-5, candidates=hints,
        labels=("yours", "right"),
    )  # fmt: skip
    stop_if_wrong([("classify   (owl, cat, pen)", [line])])
    for k, sure in ((5, [0.0, 12.0, -1.0, 2.0, 1.0, -2.0]), (1, scores)):
        _require_names(classify, sure, names, k)
    _require_names(classify, scores, {i: f"great grey_{name}, {name.title()} borealis" for i, name in names.items()}, 1)
    conclude([("classify   (owl, cat, pen)", [line])])


def _require_names(
    classify: Callable[..., list[tuple[str, float]]], scores: list[float], names: dict[int, str], k: int
) -> None:
    """CheckFailed unless there are k pairs, the most probable first, however small a probability is."""
    with student_code("classify"):
        got = classify(_Known(scores), Image.new("RGB", (300, 260)), names, k=k)
        labels = [label for label, _ in got]
    wanted = [names[i] for i in np.argsort(scores)[::-1][:k]]
    if labels != wanted:
        said, right = (", ".join(map(str, words)) or "nothing" for words in (labels, wanted))
        raise CheckFailed(f"With k = {k} the most probable classes are {right}, in this order; it says {said}.")


class _Squares(nn.Module):
    """Scores that are weighted sums of squares: s_c = ½ Σ w_c · X²; their gradient is w_c · X."""

    def __init__(self, weights: np.ndarray):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float32))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return 0.5 * torch.einsum("nchw,kchw->nk", X**2, self.weights)


def check_saliency(saliency: Callable[..., torch.Tensor]) -> None:
    """Check `saliency(model, X)` on a model whose gradient is known."""
    rng = np.random.default_rng(0)
    weights, X = rng.uniform(0.5, 1.5, (4, 3, 5, 6)), rng.normal(size=(1, 3, 5, 6))
    weights[2] += 1
    weights[1] -= 9  # a score far below zero is not the largest one
    given = torch.tensor(X, dtype=torch.float32)
    before = given.clone()
    with student_code("saliency"):
        got = saliency(_Squares(weights), given)
    if not torch.equal(given.detach(), before):
        raise CheckFailed("X was changed: work on X.detach().clone().")
    if given.requires_grad or given.grad is not None:
        raise CheckFailed("X asks for gradients afterwards: work on X.detach().clone(), which is yours.")
    got = got.detach().numpy() if isinstance(got, torch.Tensor) else got
    gradient = weights[2] * X[0]
    hints = {
        "wrong_argument:one channel's gradient, where the largest of the three belongs": list(np.abs(gradient)),
        "wrong_argument:the sum over the channels, where the largest belongs": np.abs(gradient).sum(axis=0),
        "wrong_argument:the mean over the channels, where the largest belongs": np.abs(gradient).mean(axis=0),
        "wrong_argument:the gradient of all scores together": np.abs(weights.sum(axis=0) * X[0]).max(axis=0),
    }
    right = np.abs(gradient).max(axis=0)
    line = compare("|∂s/∂X|", got, right, atol=1e-5, rtol=1e-5, candidates=hints, labels=("yours", "right"))
    conclude([("saliency   (5 × 6 pixels)", [line])])
