"""Pictures of clothes: Fashion-MNIST, or drawings of the same ten kinds where it can't be had.

The drawings are made by code: silhouettes in 28×28 grey pixels, of random proportions, cloth and position, with noise.
As in Fashion-MNIST, shirts, T-shirts, pullovers and coats look much alike.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import numpy as np

from .datasets import DataError, check_sizes, in_three_parts, load_fashion_mnist

__all__ = ["DRAWN", "REAL", "clothes_images", "load_drawn_clothes", "load_fashion_mnist_or_drawn"]

REAL = "Fashion-MNIST"
DRAWN = "drawn clothes"

_SIZE = 28
_BLOCK = 512  # pictures drawn at a time: their arrays fit into the processor's cache


def load_fashion_mnist_or_drawn(
    num_train: int = 50000, num_val: int = 10000, num_test: int = 10000, seed: int = 442
) -> tuple[dict[str, np.ndarray], str]:
    """Fashion-MNIST and REAL; where it can't be had, a fifth as many drawn pictures and DRAWN, and a sentence.

    The dict has the entries of :func:`backprop.datasets.load_fashion_mnist`. Raises DataError for impossible numbers.
    """
    check_sizes(num_train, num_val, num_test, 60000, 10000)
    try:
        return load_fashion_mnist(None, num_train, num_val, num_test, seed), REAL
    except DataError as problem:
        said = f"{REAL} is not here, so drawn clothes stand in for it; accuracies will differ. ({problem})"
        print(textwrap.fill(said, 78))
        return load_drawn_clothes(num_train // 5, num_val // 5, num_test // 5, seed), DRAWN


def load_drawn_clothes(
    num_train: int = 10000, num_val: int = 2000, num_test: int = 2000, seed: int = 442
) -> dict[str, np.ndarray]:
    """The pictures of :func:`clothes_images` in the form of :func:`backprop.datasets.load_fashion_mnist`."""
    X, y = clothes_images(num_train + num_val + num_test, seed)
    return in_three_parts(X, y, num_train, num_val)


def clothes_images(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n drawn pictures, equally many of each kind as far as n allows, in random order.

    Returns X, float32, shape (n, 1, 28, 28), values in [0, 1], 0 for the background; and y, int64, shape (n,), an index
    of `backprop.datasets.FASHION_CLASSES`. The same seed gives the same pictures everywhere.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n) % 10).astype(np.int64)
    images = np.empty((n, 1, _SIZE, _SIZE), np.float32)
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        images[block, 0] = _draw_block(labels[block], rng)
    return images, labels


def _draw_block(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(labels)

    def between(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, size=(n, 1, 1)).astype(np.float32)

    axis = np.linspace(-1, 1, _SIZE, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    x, y = x - between(-0.15, 0.15), y - between(-0.15, 0.15)
    angle = between(-0.25, 0.25)
    u = (np.cos(angle) * x + np.sin(angle) * y) * between(1.0, 1.5) * np.sign(between(-1, 1))
    v = (np.cos(angle) * y - np.sin(angle) * x) * between(1.0, 1.4)

    inside = np.zeros((n, _SIZE, _SIZE), np.float32)
    dark = np.zeros_like(inside)
    one, two = between(0, 1), between(0, 1)
    for label, draw in enumerate(_KINDS):
        rows = np.flatnonzero(labels == label)
        edge, line = draw(u[rows], v[rows], one[rows], two[rows])
        inside[rows] = np.clip(0.5 - edge / 0.09, 0, 1)
        dark[rows] = np.clip(0.5 - line / 0.06, 0, 1)

    cloth = between(0.3, 0.95) * (1 + between(-0.3, 0.3) * u + between(-0.3, 0.3) * v)
    waves = np.sin(between(4, 22) * (u * between(-1, 1) + v) + between(0, 6))
    cloth = cloth * (1 - between(0, 0.45) * (between(0, 1) > 0.5) * (waves > 0))
    cloth = cloth * (1 - between(0.1, 0.8) * dark)
    noise = between(0.03, 0.16) * rng.standard_normal(cloth.shape, dtype=np.float32)
    images = inside * (cloth + noise) + (1 - inside) * between(0, 0.25) * (x * between(-1, 1) + y * between(-1, 1))
    for _ in range(2):  # something else lies on top, or in the way
        spot = np.hypot(x - between(-0.7, 0.7), y - between(-0.7, 0.7)) < between(0.05, 0.17)
        images = np.where(spot, between(0, 1), images)
    return np.clip(images, 0, 1)


# Each kind gets coordinates (u to the right, v down, about -1 to 1) and two random numbers in [0, 1]. It returns two
# functions that are negative inside: the silhouette, and the places that are darker. `sleeve` runs from 0 to 1.


def _box(u, v, x, y, half_width, half_height):
    return np.maximum(np.abs(u - x) - half_width, np.abs(v - y) - half_height)


def _limb(u, v, x0, y0, x1, y1, radius):
    """A thick line from (x0, y0) to (x1, y1), and its mirror image."""
    dx, dy = x1 - x0, y1 - y0
    along = np.clip(((np.abs(u) - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy), 0, 1)
    return np.hypot(np.abs(u) - x0 - along * dx, v - y0 - along * dy) - radius


def _top(u, v, sleeve, length, width):
    """A garment for the upper body with a neckline."""
    body = _box(u, v, 0, -0.75 + length, width, length)
    arm = _limb(u, v, width - 0.1, -0.6, width + 0.32 - 0.08 * sleeve, -0.35 + 0.95 * sleeve, 0.15)
    neck = 0.2 - np.hypot(u, (v + 0.82) * 1.2)
    return np.maximum(np.minimum(body, arm), neck)


def _t_shirt(u, v, one, two):
    return _top(u, v, 0.1 + 0.25 * one, 0.72, 0.42 + 0.1 * two), np.ones_like(u)


def _trouser(u, v, one, two):
    leg = _limb(u, v, 0.2, -0.7, 0.26 + 0.12 * one, 0.85, 0.14 + 0.05 * two)
    hips = _box(u, v, 0, -0.72, 0.34, 0.14)
    return np.minimum(leg, hips), _box(u, v, 0, -0.6, 0.02, 0.2)


def _pullover(u, v, one, two):
    return _top(u, v, 0.75 + 0.3 * one, 0.68 + 0.05 * two, 0.44), np.abs(v - 0.55) - 0.03 * two


def _dress(u, v, one, two):
    skirt = np.abs(u) - 0.2 - (0.08 + 0.22 * one) * np.maximum(v + 0.2, 0)
    length = np.maximum(np.maximum(skirt, np.abs(v) - 0.88), 0.13 - np.hypot(u, v + 0.92))
    arm = _limb(u, v, 0.15, -0.72, 0.34, -0.72 + 0.7 * two, 0.09)
    return np.where(two > 0.55, np.minimum(length, arm), length), np.abs(v + 0.12) - 0.03


def _coat(u, v, one, two):
    return _top(u, v, 0.85 + 0.25 * one, 0.84, 0.42 + 0.06 * two), np.maximum(np.abs(u) - 0.035, -0.6 - v)


def _sandal(u, v, one, two):
    sole = np.abs(v - 0.35 + 0.3 * one * np.clip(u, -1, 0.4)) - 0.09
    sole = np.maximum(sole, np.abs(u) - 0.85)
    front = np.abs(np.hypot(u - 0.45, v - 0.35) - 0.38) - 0.06
    back = np.abs(np.hypot(u + 0.4, v - 0.25) - 0.35 - 0.2 * two) - 0.05
    straps = np.maximum(np.minimum(front, back), v - 0.35)
    return np.minimum(sole, straps), np.ones_like(u)


def _shirt(u, v, one, two):
    buttons = np.hypot(u, (v * 5 + one) % 1 * 0.2 - 0.1) - 0.05
    collar = np.abs(np.abs(u) - 0.3 - v * 0.4) - 0.04
    lines = np.minimum(np.maximum(buttons, -0.6 - v), np.maximum(collar, v + 0.4))
    return _top(u, v, np.where(two > 0.45, 0.6 + 0.45 * one, 0.1 + 0.35 * one), 0.76, 0.4 + 0.08 * two), lines


def _sneaker(u, v, one, two):
    upper = np.maximum(-(v + 0.28 + 0.12 * one) + 0.42 * np.clip(u + 0.25, 0, 1), np.abs(u) - 0.86)
    sole = np.abs(v - 0.36) - 0.05
    return np.maximum(upper, v - 0.42), np.minimum(sole, np.hypot(u + 0.45, v + 0.3 + 0.1 * two) - 0.2)


def _bag(u, v, one, two):
    body = _box(u, v, 0, 0.25, 0.6 + 0.25 * one, 0.35 + 0.2 * two)
    handle = np.abs(np.hypot(u / (0.8 + 0.4 * one), v + 0.1) - 0.5) - 0.06
    return np.minimum(body, np.maximum(handle, v)), np.abs(v - 0.1) - 0.02


def _ankle_boot(u, v, one, two):
    shaft = _box(u, v, -0.3, -0.1 - 0.15 * one, 0.33, 0.65 + 0.1 * one)
    foot = np.maximum(_box(u, v, 0.1, 0.35, 0.75, 0.25), -(v - 0.05) + 0.3 * np.clip(u - 0.2, 0, 1))
    heel = 0.12 * two - np.hypot(u + 0.05, v - 0.62)
    return np.maximum(np.minimum(shaft, foot), heel), np.abs(v - 0.5) - 0.03


_KINDS: tuple[Callable, ...] = (
    _t_shirt,
    _trouser,
    _pullover,
    _dress,
    _coat,
    _sandal,
    _shirt,
    _sneaker,
    _bag,
    _ankle_boot,
)
