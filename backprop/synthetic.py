"""The data sets that are made by code: no file, no network, the same numbers everywhere.

* :func:`load_problem`: a one-dimensional regression problem with 400 step features
* :func:`three_blobs`: three clouds of points in the plane, one per class
* :func:`two_moons`: two half circles in the plane that reach into each other, one per class
* :func:`shapes_images`: small colour pictures of ten kinds, in place of CIFAR-10 where there is no network
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

NUM_STEP_FEATURES = 400
NUM_TRUE_STEPS = 10

SHAPE_CLASSES = (
    "disc",
    "ring",
    "square",
    "frame",
    "triangle",
    "plus",
    "cross",
    "stripes",
    "checkerboard",
    "two discs",
)

_SIZE = 32
# Pictures are drawn in blocks: a block's arrays fit into the processor's cache.
_BLOCK = 256


class RegressionProblem(NamedTuple):
    """What :func:`load_problem` returns, in this order."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_val: np.ndarray
    y_val: np.ndarray
    target_fn: Callable
    coefs_true: np.ndarray
    featurize: Callable


class ClassificationProblem(NamedTuple):
    """What :func:`three_blobs` and :func:`two_moons` return, in this order."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def featurize(x) -> np.ndarray:
    """The 400 step features of each point: feature k is 1 where x ≥ k/400 and 0 elsewhere.

    x : a number or an array of any shape; returns float64 of shape ``x.shape + (400,)``
    """
    thresholds = np.arange(NUM_STEP_FEATURES) / NUM_STEP_FEATURES
    return (np.asarray(x)[..., np.newaxis] >= thresholds).astype(float)


def load_problem() -> RegressionProblem:
    """The step-feature regression problem: 100 training and 900 validation points on [0, 1).

    The target is a sum of 10 of the 400 steps of :func:`featurize`, each of height 0.5 to 1.5 up or down; the outcomes
    are the target plus Gaussian noise of standard deviation 0.25. The 100 training points separate 87 of the
    400 features, so least squares fits them nearly perfectly and a penalty has something to do.

    Some exact minimisers, with an intercept b that is not penalised (mean square errors):

    ================================  ========  ==========
    minimised                         training  validation
    ================================  ========  ==========
    mean (w·φ + b − y)² + ‖w‖²        0.1909    0.2073
    mean (w·φ + b − y)²               0.0064    0.1363
    mean (b − y)²                     1.0803    1.0269
    ================================  ========  ==========

    The objective of the first is 0.2726. Of all minimisers of the second, the numbers are for the w of least norm.

    Returns
    -------
    RegressionProblem (a tuple): x_train (100,), y_train (100,), x_val (900,), y_val (900,),
    target_fn (array of any shape -> array of that shape), coefs_true (400,) with 10 entries that are not zero,
    featurize (the function of this module)
    """
    rng = np.random.default_rng(83)
    coefs_true = np.zeros(NUM_STEP_FEATURES)
    where = rng.choice(np.arange(8, NUM_STEP_FEATURES - 8), NUM_TRUE_STEPS, replace=False)
    coefs_true[where] = rng.choice([-1, 1], NUM_TRUE_STEPS) * rng.uniform(0.5, 1.5, NUM_TRUE_STEPS)

    def target_fn(x):
        return featurize(x) @ coefs_true

    x = rng.uniform(size=1000)
    y = target_fn(x) + 0.25 * rng.normal(size=1000)
    return RegressionProblem(x[:100], y[:100], x[100:], y[100:], target_fn, coefs_true, featurize)


def three_blobs() -> ClassificationProblem:
    """Three clouds of points around (−3, 1), (0, 2) and (3, 1), standard deviation 0.25: classes 0, 1 and 2.

    The same 500 points, bit by bit, as scikit-learn's ``make_blobs(n_samples=500, cluster_std=.25, centers=[(-3, 1),
    (0, 2), (3, 1)])`` after ``np.random.seed(2)``; the first 300 are for training.

    Returns
    -------
    ClassificationProblem (a tuple): x_train (300, 2), y_train (300,) int64, x_test (200, 2), y_test (200,) int64
    """
    rng = np.random.RandomState(2)
    centers = [(-3, 1), (0, 2), (3, 1)]
    sizes = [167, 167, 166]
    points = np.concatenate(
        [rng.normal(loc=center, scale=0.25, size=(size, 2)) for center, size in zip(centers, sizes, strict=True)]
    )
    labels = np.repeat(np.arange(3, dtype=np.int64), sizes)
    order = np.arange(500)
    rng.shuffle(order)
    points, labels = points[order], labels[order]
    return ClassificationProblem(points[:300], labels[:300], points[300:], labels[300:])


def two_moons(num_train: int = 100, num_test: int = 400, noise: float = 0.15, seed: int = 4) -> ClassificationProblem:
    """Two half circles of radius 1 that reach into each other: no straight line parts them.

    Class 0 lies on the upper half circle around (0, 0), class 1 on the lower half circle around (1, ½), at angles that
    are uniform on [0, π]; normal noise is added to both coordinates. Each of the two sets has as many points of one
    class as of the other, up to one.

    Parameters
    ----------
    noise : standard deviation of the noise
    seed : the same seed gives the same points

    Returns
    -------
    ClassificationProblem (a tuple): x_train (num_train, 2), y_train (num_train,) int64, x_test (num_test, 2),
    y_test (num_test,) int64

    Raises ValueError if a number of points or the noise is negative.
    """
    if min(num_train, num_test, noise) < 0:
        raise ValueError(f"Points and noise can't be negative, got {num_train}, {num_test} and {noise}.")
    rng = np.random.default_rng(seed)

    def moons(count: int) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.permutation(np.arange(count, dtype=np.int64) % 2)
        angle = rng.uniform(0, np.pi, count)
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        points = np.where(labels[:, np.newaxis] == 0, upper, np.array([1.0, 0.5]) - upper)
        return points + noise * rng.normal(size=points.shape), labels

    return ClassificationProblem(*moons(num_train), *moons(num_test))


def shapes_images(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``n`` colour pictures of 32×32 pixels, each showing one of the ten :data:`SHAPE_CLASSES`.

    Place, size, angle and colours vary, small spots lie around, and noise covers everything. Each class has colours
    it prefers, so a linear classifier gets somewhere; shapes turn and move, so a hidden layer gets further.

    Parameters
    ----------
    n : how many pictures; the classes come in random order, equally often up to one picture
    seed : the same seed gives the same pictures; take different seeds for training and testing

    Returns
    -------
    images : float32, shape (n, 32, 32, 3), rows × columns × (red, green, blue), values in [0, 1]
    labels : int64, shape (n,), index into SHAPE_CLASSES

    Raises ValueError if n is negative.
    """
    if n < 0:
        raise ValueError(f"The number of pictures can't be negative, got {n}.")
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n, dtype=np.int64) % len(SHAPE_CLASSES))
    images = np.empty((n, _SIZE, _SIZE, 3), dtype=np.float32)
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        images[block] = _draw_block(labels[block], rng)
    return images, labels


def flatten(images: np.ndarray) -> np.ndarray:
    """Pictures of shape (n, height, width, 3) as rows: all the red, then all the green, then all the blue values.

    That is the order of the CIFAR-10 files; 32×32 pictures become rows of 3072. Returns a new array, same dtype.
    """
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)


def unflatten(rows: np.ndarray) -> np.ndarray:
    """The reverse of :func:`flatten`: rows of 3072 as pictures of shape (n, 32, 32, 3), ready for ``imshow``."""
    return np.asarray(rows).reshape(-1, 3, _SIZE, _SIZE).transpose(0, 2, 3, 1)


def _draw_block(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    n = len(labels)

    def between(low: float, high: float) -> np.ndarray:
        return rng.uniform(low, high, size=(n, 1, 1)).astype(np.float32)

    axis = np.linspace(-1, 1, _SIZE, dtype=np.float32)
    x, y = np.meshgrid(axis, axis)
    x, y = x - between(-0.3, 0.3), y - between(-0.3, 0.3)
    angle, scale = between(-0.45, 0.45), 1 / between(0.4, 0.7)
    u = (np.cos(angle) * x + np.sin(angle) * y) * scale
    v = (np.cos(angle) * y - np.sin(angle) * x) * scale

    inside = np.zeros((n, _SIZE, _SIZE), dtype=np.float32)
    for label, shape in enumerate(_SHAPES):
        rows = np.flatnonzero(labels == label)
        # A soft edge, about one pixel wide, keeps the corners of turned shapes smooth.
        inside[rows] = np.clip(0.5 - shape(u[rows], v[rows]) / (0.08 * scale[rows]), 0, 1)

    figure, ground = _colours(labels, rng)
    shade = (1 + between(-0.25, 0.25) * axis + between(-0.25, 0.25) * axis[:, np.newaxis])[..., np.newaxis]
    images = ground * shade
    images += inside[..., np.newaxis] * (figure - images)
    for _ in range(3):
        spot = (x - between(-1.2, 1.2)) ** 2 + (y - between(-1.2, 1.2)) ** 2 < between(0.08, 0.2) ** 2
        colour = rng.uniform(0, 1, size=(n, 1, 1, 3)).astype(np.float32)
        images = np.where(spot[..., np.newaxis], colour, images)
    images += np.float32(0.08) * rng.standard_normal(images.shape, dtype=np.float32)
    return np.clip(images, 0, 1)


def _colours(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The colours of shape and background, each (n, 1, 1, 3): hues scattered around those the class prefers."""
    n = len(labels)
    hue = (labels * 0.3 + rng.normal(scale=0.13, size=n)) % 1
    figure = _rgb(hue, rng.uniform(0.3, 0.9, n), rng.uniform(0.65, 1.0, n))
    ground = _rgb(rng.uniform(0, 1, n), rng.uniform(0.0, 0.5, n), rng.uniform(0.1, 0.6, n))
    return figure[:, np.newaxis, np.newaxis, :], ground[:, np.newaxis, np.newaxis, :]


def _rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Red, green and blue in [0, 1], shape (n, 3), of colours given as hue, saturation and value in [0, 1]."""
    wheel = (hue[:, np.newaxis] * 6 + np.array([5, 3, 1])) % 6
    ramp = np.clip(np.minimum(wheel, 4 - wheel), 0, 1)
    return (value[:, np.newaxis] * (1 - saturation[:, np.newaxis] * ramp)).astype(np.float32)


# Each function is negative inside its shape and grows with the distance from it; u and v are in units of the shape.


def _disc(u, v):
    return np.hypot(u, v) - 1


def _ring(u, v):
    return np.abs(np.hypot(u, v) - 0.8) - 0.22


def _square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) - 0.85


def _frame(u, v):
    return np.abs(np.maximum(np.abs(u), np.abs(v)) - 0.75) - 0.2


def _triangle(u, v):
    return np.maximum(v - 0.75, 0.87 * np.abs(u) - 0.5 * v - 0.55)


def _plus(u, v):
    across, along = np.minimum(np.abs(u), np.abs(v)), np.maximum(np.abs(u), np.abs(v))
    return np.maximum(across - 0.28, along - 1)


def _cross(u, v):
    return _plus((u + v) * np.float32(0.7071), (u - v) * np.float32(0.7071))


def _stripes(u, v):
    return np.maximum(_square(u, v), 0.25 - np.abs((v * 1.5) % 1 - 0.5) * 0.9)


def _checkerboard(u, v):
    waves = np.sin(u * np.float32(5.5)) * np.sin(v * np.float32(5.5))
    return np.maximum(_square(u, v), -waves * 0.4)


def _two_discs(u, v):
    return np.hypot(np.abs(u) - 0.6, v) - 0.45


_SHAPES = (_disc, _ring, _square, _frame, _triangle, _plus, _cross, _stripes, _checkerboard, _two_discs)
