"""Trained weights, judged by what the network says about pictures that come without their labels.

The weights file is opened in the student's process, by the student library's reader: nothing in it is ever run, and it
is never opened here. What comes over are four arrays, and the judge calculates with them what the exercise defines,
relu(X W1 + b1) W2 + b2. The student's own network is asked only whether it agrees: a network that looks its answers up
somewhere gains nothing, and a mistake in it is not paid for again.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from autograder.judging import (
    Array,
    Draw,
    Remote,
    Student,
    StudentError,
    StudentGone,
    expect_true,
    note,
    part,
    source_of,
)
from backprop import datasets

from ..shipped import layers, weights_file

READ, LAYERS = source_of(weights_file), source_of(layers)

PICTURES = 2000  # the standard deviation of an accuracy measured on so many is at most 1.1 %
CLASSES, PIXELS = 10, 3072
MOST = 4_500_000  # numbers in a weights file: of 16 MB, which is all that may be handed in
SMALL_SET = 2000  # the training pictures that the overfitted network chooses from
FEWEST = 500


@dataclass(frozen=True)
class Range:
    """Accuracy: at most `low` earns nothing, at least `full` earns everything, in between in proportion."""

    low: float
    full: float

    def share(self, accuracy: float) -> float:
        return float(np.clip((accuracy - self.low) / (self.full - self.low), 0.0, 1.0))


# What the notebook promises, 40 % and 50 %, less two standard deviations of the measurement. A linear classifier
# reaches 39 % on CIFAR-10 and 54 % on the drawn shapes; the settings of the source notebook reach 43 % and 59 %.
BEST = {"CIFAR-10": Range(0.20, 0.38), "shapes": Range(0.20, 0.48)}
OVERFIT = Range(0.50, 0.75)
REPORT = 0.05  # of the reported test accuracy: the two measurements are on different pictures


@dataclass(frozen=True)
class Weights:
    """A weights file as the student's process shows it: its arrays, of checked shapes. `values` is that file there."""

    name: str
    values: Remote
    arrays: dict[str, Array]
    notes: dict[str, str]
    hidden: int

    @property
    def trained_on(self) -> str:
        return self.notes.get("trained_on", "")


def open_weights(student: Student, name: str) -> Weights:
    """The two-layer network in a file. Raises StudentError when it is missing or is something else."""
    read = student.load(READ, "read")["read"]
    try:
        answer = read(name)
    except StudentGone:
        raise
    except StudentError as error:
        raise StudentError(f"{name} can't be used. {error.message or error}", "missing") from None
    values = answer.item(0)
    notes = answer.item(1).value
    if not isinstance(notes, dict):
        raise StudentError(f"{name} is not a weights file of this course. Save the model with model.save().", "type")
    arrays = values.fetch(MOST)
    shapes = _shapes(arrays, name)
    hidden = shapes["W1"][1] if len(shapes["W1"]) == 2 else 0
    wanted = {"W1": (PIXELS, hidden), "b1": (hidden,), "W2": (hidden, CLASSES), "b2": (CLASSES,)}
    for key, shape in wanted.items():
        if shapes[key] != shape or hidden < 1:
            words = str(wanted[key]).replace(str(hidden), "hidden_dim", 1) if key != "b2" else str(shape)
            text = f"{name} holds {key} of shape {shapes[key]}, expected {words} for pictures of {PIXELS} numbers."
            raise StudentError(text, "shape")
    arrays = {key: np.asarray(arrays[key], dtype=np.float32) for key in wanted}
    return Weights(name, values, arrays, {str(key): str(value)[:100] for key, value in notes.items()}, hidden)


def _shapes(values: Any, name: str) -> dict[str, tuple[int, ...]]:
    if not isinstance(values, dict) or not {"W1", "b1", "W2", "b2"} <= values.keys():
        raise StudentError(f"{name} does not hold W1, b1, W2 and b2: save the TwoLayerNet that you trained.", "missing")
    for key in ("W1", "b1", "W2", "b2"):
        array = values[key]
        if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or not np.isfinite(array).all():
            raise StudentError(f"{name}: {key} holds entries that are no numbers. Did the training diverge?", "nan")
    return {key: values[key].shape for key in ("W1", "b1", "W2", "b2")}


# -- pictures -----------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4)
def new_pictures(data_set: str, seed: int) -> tuple[Array, Array]:
    """Pictures that are in none of the sets of the notebook, float32 (n, 3072), and their labels.

    Raises RuntimeError when CIFAR-10 is asked for and is not on this computer.
    """
    if data_set == "CIFAR-10":
        data = _cifar10(num_train=0, num_val=0, num_test=10000)
        rows = np.random.default_rng(seed).choice(10000, PICTURES, replace=False)
        return data["X_test"][rows], data["y_test"][rows]
    images, labels = datasets.shapes_images(PICTURES, seed=10**6 + seed)
    return datasets.flatten(images), labels


@functools.lru_cache(maxsize=2)
def small_training_set(data_set: str) -> tuple[Array, Array]:
    """The pictures that the notebook's overfitted network is trained on: `load_cifar10_or_shapes(2000, 1000, 0)`."""
    sizes = {"num_train": SMALL_SET, "num_val": 1000, "num_test": 0}
    data = _cifar10(**sizes) if data_set == "CIFAR-10" else datasets.load_shapes(**sizes)
    return data["X_train"], data["y_train"]


def has_cifar10() -> bool:
    """Whether CIFAR-10 is on this computer: nothing is downloaded while grading."""
    if os.environ.get("BACKPROP_DATA"):
        return True
    import pooch

    return (Path(pooch.os_cache("backprop-course")) / "cifar-10-batches-py" / "test_batch").is_file()


def _cifar10(**sizes: int) -> dict[str, Array]:
    if not has_cifar10():
        raise RuntimeError(
            "weights that were trained on CIFAR-10 can't be judged, since CIFAR-10 is not on this computer. Set "
            "BACKPROP_DATA to the folder that holds cifar-10-batches-py, and grade again."
        )
    return datasets.load_cifar10(None, **sizes)


# -- asking the network -------------------------------------------------------------------------------------------


def accuracy(weights: Weights, X: Array, y: Array) -> float:
    """The share of right predictions of the network that the exercise defines, with these weights."""
    return float(np.mean(np.argmax(_scores(weights, X), axis=1) == y))


def _scores(weights: Weights, X: Array) -> Array:
    W1, b1, W2, b2 = (weights.arrays[key] for key in ("W1", "b1", "W2", "b2"))
    return np.maximum(X @ W1 + b1, 0) @ W2 + b2


def say_whether_they_agree(student: Student, weights: Weights, X: Array) -> None:
    """Note where the student's own network gives other scores with these weights. It costs nothing here."""
    text = f"With the weights in {weights.name} your TwoLayerNet gives other scores than relu(X W1 + b1) W2 + b2, which"
    try:
        model = student.call("TwoLayerNet", PIXELS, CLASSES, hidden_dim=weights.hidden, weight_scale=1e-3)
        put = student.load(LAYERS, "put")["put"]
        put(model.method("parameters"), weights.values)
        own, right = model.method("forward", X).item(0).value, _scores(weights, X)
        same = isinstance(own, np.ndarray) and own.shape == right.shape and own.dtype.kind == "f"
        if not same or not np.allclose(own, right, rtol=1e-3, atol=1e-3 * float(np.abs(right).max())):
            note(f"{text} was measured.")
    except StudentGone:
        raise
    except StudentError as error:
        reason = error.message or str(error)
        note(f"Your TwoLayerNet could not be used with {weights.name}, so relu(X W1 + b1) W2 + b2 was. ({reason})")


def _on_new_pictures(draw: Draw, weights: Weights) -> tuple[float, str]:
    """Accuracy on new pictures, and the data set they are of: the one noted in the file."""
    seed = draw.integer(0, 2**62)
    known = [weights.trained_on] if weights.trained_on in BEST else ["shapes", *(["CIFAR-10"] if has_cifar10() else [])]
    found = {name: accuracy(weights, *new_pictures(name, seed)) for name in known}
    best = max(found, key=lambda name: BEST[name].share(found[name]))
    return found[best], best


# -- points -------------------------------------------------------------------------------------------------------


def judge_best(student: Student, draw: Draw, points: int) -> None:
    weights = open_weights(student, "best.npz")
    reached, data_set = _on_new_pictures(draw, weights)
    say_whether_they_agree(student, weights, new_pictures(data_set, 0)[0][:20])
    what = f"accuracy on new pictures ({data_set}): {reached:.1%}"
    _in_proportion(what, points, BEST[data_set], reached, f"{BEST[data_set].full + 0.02:.0%}")


def judge_overfit(student: Student, draw: Draw, points: int) -> None:
    weights = open_weights(student, "overfit.npz")
    text = weights.notes.get("num_train", "")
    count = int(text) if text.isdecimal() and len(text) < 6 else 0
    if not FEWEST <= count <= SMALL_SET:
        raise StudentError(
            f"overfit.npz does not say that it was trained on {FEWEST} to {SMALL_SET} pictures: save it with "
            "num_train=… as the notebook does.",
            "missing",
        )
    data_set = weights.trained_on if weights.trained_on in BEST else "shapes"
    X, y = small_training_set(data_set)
    reached = accuracy(weights, X[:count], y[:count])
    say_whether_they_agree(student, weights, X[:20])
    _in_proportion(f"accuracy on its {count} training pictures: {reached:.1%}", points, OVERFIT, reached, "75%")


def judge_report(student: Student, draw: Draw, points: int) -> None:
    with part("test accuracy", points=points):
        got = student.get("test_accuracy").value
        try:
            reported = float(np.asarray(got, dtype=float).reshape(()))
        except (TypeError, ValueError):
            raise StudentError("test_accuracy should be a number between 0 and 1.", "type") from None
        if not expect_true(0 < reported <= 100, "test_accuracy should be a number between 0 and 1.", "nan"):
            return
        reported = reported / 100 if reported > 1 else reported  # given in percent
        measured, _ = _on_new_pictures(draw, open_weights(student, "best.npz"))
        text = (
            f"test_accuracy is {reported:.1%}, but the network in best.npz reaches {measured:.1%} on new pictures: is "
            "it the number of another network, or of the training pictures?"
        )
        expect_true(abs(reported - measured) <= REPORT, text, "wrong_argument")


def _in_proportion(name: str, points: int, wanted: Range, reached: float, asked: str) -> None:
    """Two parts: what was earned, rounded to tenths, and what is missing."""
    earned = round(points * wanted.share(reached), 1)
    if earned > 0:
        with part(name, points=earned):
            pass
    if earned < points:
        with part(name if earned == 0 else "the rest", points=round(points - earned, 1)):
            expect_true(False, f"For all points the accuracy should be {asked}; it is {reached:.1%}.", "accuracy")
