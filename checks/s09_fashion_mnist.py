"""Checks of section 09: a convolutional network, its training loop, and how well the trained one works.

Exercise: EECS 442 homework 4, task 5. The student's functions run on small problems whose results are worked out here
with numpy; the trained network gets pictures without labels.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autograder.judging import (
    Array,
    Draw,
    Remote,
    Slip,
    Student,
    StudentError,
    StudentGone,
    check,
    expect,
    expect_true,
    note,
    part,
    source_of,
)
from backprop.clothes import DRAWN, REAL, clothes_images
from backprop.datasets import load_fashion_mnist
from backprop.torch_checks import STALE, softmax_regression_epoch

from .shipped import fashion_bench

BENCH = source_of(fashion_bench)


def _bench(student: Student, name: str) -> Remote:
    return student.load(BENCH, name)[name]


def _seen(run: Remote) -> dict[str, Any]:
    """The dictionary that a function of the bench returned."""
    if not isinstance(run.value, dict):
        raise StudentError("The result makes no sense.", "type")
    return run.value


def _kept(find: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """What find() gives, whenever it is asked for; an error of the student's is raised anew in every part that asks."""
    found: dict[str, Any] | StudentError
    try:
        found = find()
    except StudentError as error:
        found = error

    def look() -> dict[str, Any]:
        if isinstance(found, StudentError):
            raise found
        return found

    return look


# -- the network ----------------------------------------------------------------------------------------------------


@check("09-fashion-mnist/fashion_net_check", points=6)
def fashion_net(student: Student, draw: Draw) -> None:
    """FashionNet: (N, 1, 28, 28) to (N, 10) scores, two convolutions or more, a gradient for every parameter."""
    N = draw.integer(3, 6)
    X = draw.positive(N, 1, 28, 28, low=0.0, high=1.0).astype(np.float32)
    other = draw.positive(N, 1, 28, 28, low=0.0, high=1.0).astype(np.float32)
    other[0] = X[0]
    network = student.get("FashionNet")
    seen = _kept(lambda: _seen(_bench(student, "examine")(network, X, draw.labels(N, 10), other)))

    def look(key: str) -> Any:
        found = seen()
        if found.get("kind"):
            raise StudentError(f"FashionNet() made {found['kind']}: it should be an nn.Module.", "type")
        if key not in found:
            raise StudentError("This can be looked at only when the scores have their shape.", "shape")
        return found[key]

    with part("scores", points=2):
        for mode in ("eval", "train"):
            scores = look(mode)
            if not isinstance(scores, np.ndarray) or scores.shape != (N, 10):
                got = scores.shape if isinstance(scores, np.ndarray) else "no tensor"
                text = f"For {N} pictures the scores should have the shape ({N}, 10), but they have {got}."
                raise StudentError(text, "shape")
            expect_true(bool(np.isfinite(scores).all()), "The scores have nan or infinite entries.", "nan")
        _expect_scores(look)
    with part("convolutions", points=2):
        text = "At least two convolutions should take part in forward(); {} did."
        expect_true(look("convolutions") >= 2, text.format(look("convolutions")), "missing")
        text = "It has no parameters: assign each layer to an attribute in __init__, so that they are known."
        expect_true(look("parameters") > 0, text, "missing")
    with part("gradients", points=2):
        text = "No gradient reaches the parameters: is the graph cut by detach(), no_grad() or numpy in forward()?"
        if expect_true(look("tracked") is True and not look("frozen"), text, "zero"):
            for key, what in (("none", "no gradient"), ("zero", "only zeros as gradient")):
                names = ", ".join(str(name)[:40] for name in look(key)[:3])
                text = f"{names} gets {what}: is it used in forward()?"
                expect_true(not names, text, "missing")


def _expect_scores(look: Any) -> None:
    """The scores of a picture are its own, the same each time, and unbounded."""
    scores, large = look("eval"), look("large")
    text = (
        "In eval mode the same pictures get different scores each time: use nn.Dropout (or training=self.training), "
        "and make layers in __init__, not in forward()."
    )
    if not expect_true(np.allclose(scores, look("again"), atol=1e-5), text, "stale"):
        return
    same = np.allclose(look("alone"), scores[:1], atol=1e-4) and np.allclose(look("other")[0], scores[0], atol=1e-4)
    text = "The scores of a picture depend on the other pictures of the minibatch: do the shapes mix up N and C?"
    expect_true(same, text, "batch_axis")
    text = "All pictures get the same scores: does forward() use X?"
    expect_true(bool(np.ptp(scores, axis=0).max() > 1e-7), text, "constant_loss")
    text = "The scores look as if {} were applied to the last layer: cross_entropy takes scores as they are."
    if np.allclose(scores.sum(axis=1), 1, atol=1e-4) and scores.min() >= 0:
        expect_true(False, text.format("softmax"), "activation_on_output")
    elif np.allclose(np.exp(scores).sum(axis=1), 1, atol=1e-4):
        note("The last layer is a log-softmax; cross_entropy takes one itself, and twice is the same. No points lost.")
    elif large.min() >= 0:
        expect_true(False, text.format("ReLU or sigmoid"), "activation_on_output")
    elif np.abs(large).max() <= 1:
        expect_true(False, text.format("tanh"), "activation_on_output")


# -- one epoch ------------------------------------------------------------------------------------------------------


@check("09-fashion-mnist/train_epoch_check", points=5)
def train_epoch(student: Student, draw: Draw) -> None:
    """One step for every minibatch, with gradients of that minibatch alone, in training mode; the mean loss."""
    D, C = draw.distinct_sizes(2, 3, 7)
    sizes = [3, 4, 2]
    X, y = draw.signed(9, D).astype(np.float32), draw.labels(9, C)
    W, b = draw.signed(C, D, low=0.3, high=0.9).astype(np.float32), draw.signed(C).astype(np.float32)
    left_over = draw.signed(C, D).astype(np.float32), draw.signed(C).astype(np.float32)
    rate, momentum = draw.number(0.2, 0.4), draw.number(0.3, 0.6)
    arguments = (W, b, X, y, sizes, rate, momentum, list(left_over))
    seen = _kept(lambda: _seen(_bench(student, "learn")(student.get("train_epoch"), *arguments)))

    def look(key: str) -> Any:
        return seen().get(key)

    def epoch(**how: Any) -> tuple[Array, Array, list[float]]:
        return softmax_regression_epoch(W, b, X, y, sizes, rate, momentum=momentum, **how)

    right = epoch()
    with part("steps", points=2):
        wrong = [
            Slip("stale", [epoch(accumulate=True, before=left_over), epoch(accumulate=True)], STALE),
            Slip("missing_mean", [epoch(summed=True)]),
            Slip("wrong_loss", [epoch(twice=True)], "the softmax is taken before cross_entropy, which contains one"),
            Slip("missing_term", [epoch(steps="first")], "only the first minibatch is learned from"),
            Slip("missing_term", [epoch(steps="last")], "only the last minibatch is learned from"),
            Slip(
                "missing_term", [epoch(steps="once")], "one step for the whole epoch, where every minibatch has its own"
            ),
        ]
        got = look("W")
        same = isinstance(got, np.ndarray) and got.shape == W.shape and np.allclose(got, W, atol=1e-6)
        text = (
            "The weights are as before the epoch: for every minibatch, zero_grad(), then backward(), then "
            "optimizer.step(), in this order."
        )
        if expect_true(not same, text, "missing"):
            for name, index in (("W", 0), ("b", 1)):
                mistakes = [slip.map(lambda run, index=index: run[index]) for slip in wrong]
                expect(look(name), right[index], name=f"{name} after the epoch", mistakes=mistakes)
    with part("training mode", points=1):
        modes = look("modes")
        asked = isinstance(modes, list) and len(modes) > 0
        text = "The model was not in training mode while it learned: call model.train() at the start."
        expect_true(asked and all(mode is True for mode in modes), text, "train_mode")
    with part("device", points=1):
        moved = look("moves")
        lacking = " and ".join(role for role in ("X", "y") if not isinstance(moved, list) or role not in moved)
        text = f"{lacking} stays where it is: on a GPU, put both X and y on the device with .to(device)."
        expect_true(not lacking, text, "device")
    with part("mean loss", points=1):
        _expect_loss(look("loss"), right[2], sizes)


def _expect_loss(got: Any, losses: list[float], sizes: list[int]) -> None:
    """The mean over the pictures; that over the minibatches is as good."""
    text = "The loss comes back as a tensor, with its graph: return a number, with loss.item()."
    if not expect_true(got != "a tensor", text, "type"):
        return
    of_pictures, of_batches = float(np.average(losses, weights=sizes)), float(np.mean(losses))
    near = isinstance(got, float | np.floating) and abs(float(got) - of_batches) < 1e-4 * of_batches
    total = float(np.dot(losses, sizes))

    def mistakes() -> list[Slip]:
        return [
            Slip("missing_mean", [sum(losses), total]),
            Slip("missing_term", losses[-1], "only the last minibatch is counted"),
            Slip("missing_term", losses[0], "only the first minibatch is counted"),
            Slip(
                "wrong_argument",
                sum(losses) / sum(sizes),
                "the minibatches' losses are divided by the number of pictures",
            ),
            Slip(
                "wrong_argument",
                total / len(sizes),
                "the sum over the pictures is divided by the number of minibatches",
            ),
        ]

    right = of_batches if near else of_pictures
    expect(got, right, name="mean loss", scalar_like=True, atol=1e-5, rtol=2e-5, mistakes=mistakes)


# -- accuracy -------------------------------------------------------------------------------------------------------


@check("09-fashion-mnist/accuracy_check", points=4)
def accuracy(student: Student, draw: Draw) -> None:
    """The share of right predictions over all pictures, in eval mode, without a graph; the mode is put back."""
    sizes, C = [5, 4, 2], draw.integer(4, 7)
    X = draw.normal(11, C).astype(np.float32)
    ranked = np.argsort(X, axis=1)
    hits = np.array([1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 1], dtype=bool)  # 4 of 5, 1 of 4, 1 of 2
    y = np.where(hits, ranked[:, -1], ranked[:, -2])

    def measured(training: bool) -> dict[str, Any]:
        return _seen(_bench(student, "measure")(student.get("accuracy"), X, y, sizes, training))

    seen = _kept(lambda: {**measured(True), "other": measured(False)})

    def look(key: str) -> Any:
        return seen().get(key)

    def was_asked() -> bool:
        return isinstance(look("modes"), list) and len(look("modes")) > 0

    right = hits.mean()
    with part("share of right ones", points=2):

        def mistakes() -> list[Slip]:
            return [
                Slip("factor", 100 * right),
                Slip("missing_mean", hits.sum()),
                Slip("wrong_argument", 1.55 / 3, "the mean over the minibatches, where every picture counts the same"),
                Slip("wrong_argument", 1 - right, "the share of wrong predictions"),
                Slip("wrong_argument", hits.sum() / 3, "divided by the number of minibatches, not of pictures"),
                Slip("missing_term", 0.8, "only the first minibatch is counted"),
                Slip("missing_term", 0.5, "only the last minibatch is counted"),
            ]

        if expect(look("value"), right, name="accuracy", scalar_like=True, atol=1e-6, mistakes=mistakes):
            expect(look("other").get("value"), right, name="accuracy, asked again", scalar_like=True, atol=1e-6)
    with part("eval mode, no graph", points=1):
        modes, tracked = look("modes"), look("tracked")
        asked = was_asked() and isinstance(tracked, list)
        text = "The model was in training mode while it was measured: call model.eval() first."
        expect_true(asked and not any(modes), text, "train_mode")
        text = "PyTorch kept the graph for gradients that nobody asks for: measure inside `with torch.no_grad():`."
        expect_true(asked and not any(tracked), text, "graph_kept")
        text = "Gradients stay switched off afterwards: use `with torch.no_grad():`."
        expect_true(look("enabled") is True, text, "graph_kept")
    with part("left as it was", points=1):
        expect_true(was_asked(), "The model was never asked for anything.", "missing")
        text = "The model was in training mode before, and is in eval mode afterwards: put it back as it was."
        expect_true(look("after") is True, text, "in_place")
        text = "The model was in eval mode before, and is in training mode afterwards: put it back as it was."
        expect_true(look("other").get("after") is False, text, "in_place")


# -- the trained network --------------------------------------------------------------------------------------------

FILE = "fashion_net.safetensors"
PICTURES, AT_ONCE = 2000, 250
# What the handout promises: 70 % and 85 %, the latter less two standard deviations of this measurement.
NONE_AT, ALL_AT = 0.70, 0.834


@check("09-fashion-mnist/weights", points=5, weights=True)
def weights(student: Student, draw: Draw) -> None:
    """The share of unknown pictures that the trained network gets right: no points at 70 %, all from 85 %."""
    points, seed = 5, draw.integer(0, 2**62)
    try:
        opened = _bench(student, "open_weights")(student.get("FashionNet"), FILE)
        predict = _bench(student, "predict")
        net, trained_on = opened.item(0), str(opened.item(1).value)
        # A file without a note, written by other means: what it does best.
        known = [trained_on] if trained_on in (REAL, DRAWN) else [DRAWN, *([REAL] if has_fashion_mnist() else [])]
        reached, what = max((_right(predict, net, *new_pictures(data_set, seed)), data_set) for data_set in known)
    except StudentGone:
        raise
    except StudentError as error:
        reason = error.message or str(error)
        raise StudentError(reason, "missing" if reason.startswith(FILE) else error.mistake.family) from None
    note(f"Your trained network gets {reached:.1%} right of {PICTURES} pictures it has never seen ({what}).")
    earned = round(points * float(np.clip((reached - NONE_AT) / (ALL_AT - NONE_AT), 0, 1)), 1)
    if earned:
        with part("trained network", points=earned):
            pass
    if earned < points:
        with part("the rest" if earned else "trained network", points=round(points - earned, 1)):
            expect_true(False, f"For all points 85 % should be right; it is {reached:.1%}.", "accuracy")


def _right(predict: Remote, net: Remote, X: Array, y: Array) -> float:
    """The share of right predictions, asked for in small portions."""
    right = 0
    for i in range(0, len(y), AT_ONCE):
        guess, labels = predict(net, X[i : i + AT_ONCE]).value, y[i : i + AT_ONCE]
        if not isinstance(guess, np.ndarray) or guess.shape != labels.shape or guess.dtype.kind not in "iu":
            raise StudentError("The network should give scores of shape (N, 10) for N pictures.", "shape")
        right += int(np.sum(guess == labels))
    return right / len(y)


def has_fashion_mnist() -> bool:
    """Whether Fashion-MNIST is on this computer: nothing is downloaded while grading."""
    if os.environ.get("BACKPROP_DATA"):
        return True
    import pooch

    return (Path(pooch.os_cache("backprop-course")) / "FashionMNIST" / "raw" / "t10k-images-idx3-ubyte.gz").is_file()


@functools.lru_cache(maxsize=2)
def new_pictures(data_set: str, seed: int) -> tuple[Array, Array]:
    """Pictures and labels that no student has trained with: official test pictures or newly drawn ones.

    Raises RuntimeError where the official ones are asked for and are not on this computer.
    """
    if data_set == DRAWN:
        return clothes_images(PICTURES, seed=10**6 + seed)
    if not has_fashion_mnist():
        raise RuntimeError(
            f"weights that were trained on {REAL} can't be judged, since {REAL} is not on this computer. Set "
            "BACKPROP_DATA to the folder that holds FashionMNIST/raw, and grade again."
        )
    data = load_fashion_mnist(num_train=0, num_val=0)
    rows = np.random.default_rng(seed).choice(len(data["y_test"]), PICTURES, replace=False)
    return data["X_test"][rows], data["y_test"][rows]
