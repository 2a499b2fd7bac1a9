"""Derivatives by finite differences: the short formula of every textbook, and one that is exact enough to judge with.

How exact can it be? `jacobian` uses the six-point central difference, whose error is h⁶ f⁽⁷⁾/140 plus rounding of about
eps |f| / h (Abramowitz & Stegun, table 25.2). The four-point formula from the same values bounds the first part; the
sum of both is the uncertainty of an entry. The step is reduced where the uncertainty is too large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .comparison import describe


def numeric_gradient(f: Callable[[np.ndarray], Any], x: np.ndarray, h: float = 1e-6) -> np.ndarray:
    """Gradient of the number f(x) by central differences (f(x + h) − f(x − h)) / 2h, in the shape of x.

    x : array of floats of any shape, also (). It is changed entry by entry while f runs, so f may read it from
        anywhere, and restored afterwards, also when f raises.

    ValueError when x is not an array of floats or f does not return one number.
    """
    return numeric_backward(lambda values: one_number(f(values)), x, np.array(1.0), h)


def numeric_backward(f: Callable[[np.ndarray], Any], x: np.ndarray, grad_y: Any, h: float = 1e-6) -> np.ndarray:
    """Gradient of the sum of grad_y · f(x) with respect to x by central differences, in the shape of x.

    x : array of floats, changed while f runs and restored afterwards
    grad_y : upstream gradient, in the shape of f(x)

    ValueError when x is not an array of floats or the shapes of grad_y and f(x) differ.
    """
    _require_floats(x)
    upstream = np.asarray(grad_y, dtype=float)
    gradient = np.zeros(x.shape)
    for index in np.ndindex(x.shape):
        with _moved(x, index) as move:
            move(h)
            above = np.array(f(x), dtype=float)
            move(-h)
            below = np.array(f(x), dtype=float)
        if above.shape != upstream.shape and above.size != upstream.size:
            raise ValueError(f"grad_y has shape {upstream.shape}, f(x) has shape {above.shape}: they have to agree.")
        gradient[index] = np.sum(upstream.ravel() * (above - below).ravel()) / (2 * h)
    return gradient


@contextmanager
def _moved(x: np.ndarray, index: tuple[int, ...]) -> Iterator[Callable[[float], None]]:
    """A function that sets x[index] to its old value plus a step; the old value comes back at the end."""
    old = x[index]

    def move(step: float) -> None:
        x[index] = old + step

    try:
        yield move
    finally:
        x[index] = old


def _require_floats(x: Any) -> None:
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        raise ValueError(f"x has to be an array of floats, such as np.array(2.0); it is {describe(x)}.")


def one_number(value: Any) -> np.ndarray:
    array = np.asarray(value, dtype=float)
    if array.size != 1:
        raise ValueError(f"f(x) has to be one number; it has shape {array.shape}.")
    return array.reshape(())


# The weights of f(x + kh) − f(x − kh), k = 1, 2, 3, in the four- and six-point formulas for f'(x) h.
_FOUR = np.array([8.0, -1.0, 0.0]) / 12
_SIX = np.array([45.0, -9.0, 1.0]) / 60


def jacobian(f: Callable[[], Any], x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivative of every entry of f() with respect to every entry of x, and its uncertainty.

    f takes no argument: it reads x, which is changed while f runs and restored afterwards. Both results have the shape
    f().shape + x.shape. The uncertainty is inf where the output has a kink or a jump, or is not finite.
    """
    _require_floats(x)
    start = np.array(f())
    eps = np.finfo(start.dtype).eps if start.dtype.kind == "f" else np.finfo(float).eps
    single = eps > 1e-10
    steps = (0.1, 0.03, 0.01, 3e-3, 0.3, 1.0) if single else (4e-3, 5e-4, 6e-5, 8e-6, 1e-6)
    enough = 1e-4 if single else 1e-9
    derivative = np.zeros(start.shape + x.shape)
    uncertainty = np.full(start.shape + x.shape, np.inf)
    for index in np.ndindex(x.shape):
        at = (..., *index)
        best, doubt = derivative[at], uncertainty[at]  # views
        for step in steps:
            h = step * max(1.0, abs(float(x[index])))
            estimate, error = _six_points(f, x, index, h, start.astype(float), eps)
            better = error < doubt
            best[better], doubt[better] = estimate[better], error[better]
            if np.all(doubt <= enough * np.maximum(1.0, np.abs(best))):
                break
    return derivative, uncertainty


def _six_points(
    f: Callable[[], Any], x: np.ndarray, index: tuple[int, ...], h: float, middle: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    sides = []
    with _moved(x, index) as move, np.errstate(all="ignore"):
        for k in (1, 2, 3):
            move(k * h)
            above = np.array(f(), dtype=float)
            move(-k * h)
            below = np.array(f(), dtype=float)
            if above.shape != middle.shape or below.shape != middle.shape:
                return np.zeros(middle.shape), np.full(middle.shape, np.inf)
            sides.append((above, below))
    with np.errstate(all="ignore"):
        apart = [above - below for above, below in sides]
        bends = [above + below - 2 * middle for above, below in sides]
        estimate = sum(weight * d for weight, d in zip(_SIX, apart, strict=True)) / h
        coarse = sum(weight * d for weight, d in zip(_FOUR, apart, strict=True)) / h
        size = np.max([np.abs(side) for pair in sides for side in pair], axis=0)
        rounding = 10 * eps * size / h
        error = np.abs(estimate - coarse) + rounding
        # The second differences of a smooth function grow like 1 : 4 : 9, up to h⁴. Next to a kink they don't, not even
        # where the two formulas agree by chance, as they do exactly at the kink.
        uneven = np.maximum(np.abs(bends[1] - 4 * bends[0]), np.abs(bends[2] - 9 * bends[0])) / h
        kink = uneven > 10 * rounding + 1e-8 + 1e-5 * np.abs(estimate)
        error = np.where(kink | ~np.isfinite(error), np.inf, error)
    return np.where(np.isfinite(error), estimate, 0.0), error
