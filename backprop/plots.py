"""The plots that several sections share: a fitted curve over its data, and how training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np

from .synthetic import unflatten


def plot_prediction_functions(x, pred_fns, x_train, y_train, legend_loc: str = "best", ax=None):
    """Plot prediction functions of one variable over the training points.

    Parameters
    ----------
    x : where to evaluate, shape (n,)
    pred_fns : dict from a name to a function (array (n,) -> array (n,)) or to the predictions themselves, shape (n,);
        or a list of dicts with the keys "name" and "preds"
    x_train, y_train : the training points, shape (m,) each
    legend_loc : place of the legend, as matplotlib names it
    ax : matplotlib axes; None for the current ones

    Returns the axes. Raises ValueError if a prediction does not have one entry for each x.
    """
    ax = plt.gca() if ax is None else ax
    order = np.argsort(np.ravel(x))
    x = np.ravel(x)[order]
    ax.plot(x_train, y_train, "o", markersize=3, color="0.45", label="training data")
    for name, predictions in _named(pred_fns):
        values = np.asarray(predictions(x)) if callable(predictions) else np.asarray(predictions)
        if values.size != x.size:
            raise ValueError(f"The predictions of {name!r} have the shape {values.shape}; there are {x.size} points.")
        values = values.ravel() if callable(predictions) else values.ravel()[order]
        ax.plot(x, values, linewidth=1.5, label=name)
    ax.set_xlabel("x")
    ax.set_ylabel("y")
    ax.legend(loc=legend_loc)
    return ax


def plot_learning_curves(curves: Mapping[str, Sequence[float]], ylabel: str = "objective", log: bool = False, ax=None):
    """Plot one line for each named sequence, entry i at epoch i + 1.

    Parameters
    ----------
    curves : dict from a name to numbers, one for each epoch
    ylabel : what the numbers are
    log : whether the vertical axis is logarithmic
    ax : matplotlib axes; None for the current ones

    Returns the axes.
    """
    ax = plt.gca() if ax is None else ax
    for name, numbers in curves.items():
        numbers = np.ravel(numbers)
        # a single epoch would be an invisible line
        ax.plot(np.arange(1, numbers.size + 1), numbers, label=name, marker="o" if numbers.size < 2 else None)
    if log:
        ax.set_yscale("log")
    ax.set_xlabel("epoch")
    ax.set_ylabel(ylabel)
    ax.legend()
    return ax


def plot_weights(weights, most: int = 16, title: str = ""):
    """Show what arrives at hidden units as colour pictures: a column of ``weights`` is one unit's 3072 weights.

    Each picture has a scale of its own: grey is 0, and the largest weight in size is a full or an empty colour.

    Parameters
    ----------
    weights : array, shape (3072, units): red, green, blue of 32×32 pixels, in the order of backprop.datasets.flatten
    most : so many units are shown, spread evenly over all of them; eight in a row
    title : stands above the pictures

    Returns the figure. Raises ValueError if the weights have another shape.
    """
    weights = np.asarray(weights, dtype=float)
    if weights.ndim != 2 or weights.shape[0] != 3072 or not weights.size:
        raise ValueError(f"Weights of shape (3072, units) are needed, one row for each number of a picture; got "
                         f"{weights.shape}.")  # fmt: skip
    chosen = np.unique(np.linspace(0, weights.shape[1] - 1, min(most, weights.shape[1])).round().astype(int))
    pictures = unflatten(weights[:, chosen].T)
    across, down = min(8, len(chosen)), -(-len(chosen) // 8)
    figure, axes = plt.subplots(down, across, figsize=(across, down + 0.3), squeeze=False, layout="constrained")
    for ax in axes.ravel():
        ax.axis("off")
    for ax, picture in zip(axes.ravel(), pictures, strict=False):
        largest = np.abs(picture).max()
        ax.imshow(0.5 + picture / (2 * largest) if largest > 0 else np.full(picture.shape, 0.5))
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _named(pred_fns) -> list[tuple]:
    if isinstance(pred_fns, Mapping):
        return list(pred_fns.items())
    return [(entry["name"], entry["preds"]) for entry in pred_fns]
