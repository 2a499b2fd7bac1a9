"""The training loop that all classifiers share, and the picture of how it went."""

from __future__ import annotations

import io
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from .classifiers import Classifier
from .files import write_atomically
from .optim import SGD, DataSampler

__all__ = ["check_accuracy", "plot_stats", "train"]

_EVALUATION_BATCH = 1000


def check_accuracy(model: Classifier, sampler: DataSampler) -> float:
    """The share of right predictions, from 0 to 1, over one pass through the sampler; nan when it is empty."""
    right = total = 0
    for X_batch, y_batch in sampler:
        right += int(np.sum(np.asarray(model.predict(X_batch)) == y_batch))
        total += len(y_batch)
    return right / total if total else math.nan


def train(
    model: Classifier,
    training_step: Callable[..., tuple[float, Mapping[str, np.ndarray]]],
    data: Mapping[str, np.ndarray],
    *,
    num_train: int | None = None,
    batch_size: int = 128,
    num_epochs: int = 10,
    learning_rate: float = 1e-4,
    reg: float = 0.0,
    momentum: float = 0.0,
    learning_rate_decay: float = 1.0,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Train the model in place by stochastic gradient descent; return what happened.

    training_step : training_step(model, X_batch, y_batch, reg) -> (loss, gradients by parameter name)
    data : X_train, y_train, X_val, y_val, as `backprop.datasets.load_cifar10` gives them
    num_train : only the first so many training pictures; None for all
    learning_rate_decay : the learning rate is multiplied by this after each epoch
    progress : print a line after each epoch

    Returns a dict: "loss" of each step; "train_acc" and "val_acc" before training and after each epoch, as shares from
    0 to 1; "t", the number of steps done at each of these; "seconds" for all of it. A loss that is not a number ends
    the training, with a sentence that says so.
    """
    X, y = data["X_train"][:num_train], data["y_train"][:num_train]
    sampler = DataSampler(X, y, batch_size, seed=seed)
    known = DataSampler(X, y, _EVALUATION_BATCH), DataSampler(data["X_val"], data["y_val"], _EVALUATION_BATCH)
    optimizer = SGD(model.parameters(), learning_rate, momentum)
    stats: dict[str, Any] = {"t": [], "loss": [], "train_acc": [], "val_acc": [], "seconds": 0.0}
    start = time.perf_counter()
    _look(model, known, stats)
    for epoch in range(1, num_epochs + 1):
        for X_batch, y_batch in sampler:
            loss, grads = training_step(model, X_batch, y_batch, reg)
            stats["loss"].append(float(loss))
            if not math.isfinite(stats["loss"][-1]):
                break
            optimizer.step(grads)
        optimizer.learning_rate *= learning_rate_decay
        _look(model, known, stats)
        stats["seconds"] = time.perf_counter() - start
        if progress:
            _say(stats, epoch, num_epochs, len(sampler))
        if not math.isfinite(stats["loss"][-1]):
            print(f"Stopped: the loss is {stats['loss'][-1]} at step {len(stats['loss'])}. A smaller learning rate?")
            break
    return stats


def _look(model: Classifier, known: tuple[DataSampler, DataSampler], stats: dict[str, Any]) -> None:
    stats["t"].append(len(stats["loss"]))
    stats["train_acc"].append(check_accuracy(model, known[0]))
    stats["val_acc"].append(check_accuracy(model, known[1]))


def _say(stats: dict[str, Any], epoch: int, num_epochs: int, steps: int) -> None:
    loss = np.mean(stats["loss"][-steps:])
    train_acc, val_acc, seconds = stats["train_acc"][-1], stats["val_acc"][-1], stats["seconds"]
    print(
        f"epoch {epoch:>3}/{num_epochs}  loss {loss:.4f}  accuracy: training {train_acc:6.1%}  "
        f"validation {val_acc:6.1%}  {seconds:5.1f} s"
    )


def plot_stats(stats: Mapping[str, Any], filename: str | Path | None = None, title: str = ""):
    """Plot loss (left) and accuracies (right) of what `train` returned; return the figure.

    The grey line is the loss of each step, the dark one its mean over an epoch's steps. filename : also save it there
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
    losses, t = np.asarray(stats["loss"], dtype=float), np.asarray(stats["t"])
    left.plot(np.arange(1, len(losses) + 1), losses, color="0.75", lw=0.8, label="each step")
    ends = list(zip(t[:-1], t[1:], strict=True))
    means = [losses[a:b].mean() for a, b in ends if b > a]
    left.plot([(a + b) / 2 for a, b in ends if b > a], means, "C0.-", label="mean of an epoch")
    left.set_xlabel("step")
    left.set_ylabel("loss")
    left.legend()
    epochs = np.arange(len(stats["train_acc"]))
    for key, label in (("train_acc", "training"), ("val_acc", "validation")):
        right.plot(epochs, 100 * np.asarray(stats[key]), ".-", label=label)
    right.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    right.set_xlabel("epoch")
    right.set_ylabel("accuracy in %")
    right.legend()
    if title:
        figure.suptitle(title)
    figure.tight_layout()
    if filename is not None:
        content = io.BytesIO()
        figure.savefig(content, format=Path(filename).suffix[1:] or None)
        write_atomically(filename, content.getvalue())
    return figure
