"""Stochastic gradient descent on a computation graph: the training loop that all the course's estimators share.

An estimator builds a graph in ``__init__``; its ``fit`` sets the first parameter values and calls :func:`sgd`, its
``predict`` calls :func:`predict_rows`. Both take the names of the input and the outcome from the graph.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .graph import ComputationGraphFunction


def sgd(
    graph: ComputationGraphFunction,
    X,
    y,
    step_size: float = 0.005,
    max_num_epochs: int = 5000,
    seed: int | np.random.Generator | None = 0,
    progress: bool | Callable[[int, float], None] = False,
) -> np.ndarray:
    """Minimise the graph's objective by stochastic gradient descent; return its mean in each epoch.

    One *step* looks at one example and moves every parameter once by ``-step_size`` times its gradient. One *epoch*
    goes once through all examples in a new random order. Set the first parameter values before you call this.

    Parameters
    ----------
    graph : one input node, one outcome node; the objective is that of a single example
    X : array, shape (n, ...): row i is the input of example i
    y : array, shape (n,) or (n, ...): entry i is the outcome of example i (whole numbers stay whole: class labels)
    step_size : positive number
    max_num_epochs : how many times to go through the data
    seed : fixes the order of the examples, so that two runs agree; None for another order each time
    progress : True prints about ten lines during the run; a function is called as progress(epoch, mean_objective)

    Returns
    -------
    array of float, shape (max_num_epochs,): the mean objective over the examples of each epoch, each taken
    before its own step

    Raises
    ------
    ValueError : X and y have different lengths, there are no examples, or the graph has several inputs or outcomes
    FloatingPointError : the objective is no longer a finite number (the step size is too large)
    """
    X, y = _examples(graph, X, y)
    input_name, outcome_name = graph.inputs[0].node_name, graph.outcomes[0].node_name
    rng = np.random.default_rng(seed)
    history = np.empty(max_num_epochs)
    for epoch in range(max_num_epochs):
        total = 0.0
        for i in rng.permutation(len(X)):
            objective, gradients = graph.get_gradients({input_name: X[i]}, {outcome_name: y[i]})
            graph.increment_parameters({name: -step_size * gradient for name, gradient in gradients.items()})
            total += float(np.asarray(objective).item())
        history[epoch] = mean = total / len(X)
        if not np.isfinite(mean):
            raise FloatingPointError(
                f"The objective became {mean} in epoch {epoch}: training diverged. "
                f"Try a step size smaller than {step_size:g}."
            )
        _report(progress, epoch, mean, max_num_epochs)
    return history


def predict_rows(graph: ComputationGraphFunction, X) -> np.ndarray:
    """The graph's prediction for each row of X, stacked: shape (n, ...).

    Raises ValueError if the graph does not have exactly one input.
    """
    name = _only("input", graph.inputs)
    return np.array([graph.get_prediction({name: row}) for row in np.asarray(X)])


def mean_square_error(predictions, y) -> float:
    """The mean of (prediction − y)² over the examples; both have n entries, in shape (n,) or (n, 1).

    Raises ValueError if the number of entries differs.
    """
    predictions, y = np.ravel(predictions), np.ravel(y)
    if predictions.shape != y.shape:
        raise ValueError(f"There are {predictions.size} predictions for {y.size} outcomes.")
    return float(np.mean((predictions - y) ** 2))


def _only(kind: str, nodes: list) -> str:
    if len(nodes) != 1:
        raise ValueError(f"This loop is for graphs with one {kind} node; this graph has {len(nodes)}.")
    return nodes[0].node_name


def _examples(graph: ComputationGraphFunction, X, y) -> tuple[np.ndarray, np.ndarray]:
    _only("input", graph.inputs)
    _only("outcome", graph.outcomes)
    X, y = np.asarray(X), np.asarray(y)
    if X.ndim == 0 or y.ndim == 0 or len(X) != len(y) or len(X) == 0:
        raise ValueError(f"X and y need the same number of rows, at least one: X has shape {X.shape}, y {y.shape}.")
    # A column of outcomes would make every difference a vector of one entry.
    return X, y.reshape(-1) if y.shape == (len(y), 1) else y


def _report(progress, epoch: int, mean: float, max_num_epochs: int) -> None:
    if callable(progress):
        progress(epoch, mean)
    elif progress and (epoch % max(1, max_num_epochs // 10) == 0 or epoch == max_num_epochs - 1):
        print(f"epoch {epoch:5d}   mean objective {mean:.5f}")
