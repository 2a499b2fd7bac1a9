"""Minibatches in random order, and the step that makes the loss smaller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

__all__ = ["SGD", "DataSampler", "Optimizer"]


class Optimizer:
    """Changes parameters in place, given their gradients."""

    def __init__(self, params: Mapping[str, np.ndarray]):
        self.params = params

    def step(self, grads: Mapping[str, np.ndarray]) -> None:
        raise NotImplementedError


class SGD(Optimizer):
    """Stochastic gradient descent: each parameter moves by -learning_rate times its gradient.

    With momentum m > 0 it moves by a running sum of steps instead: v ← m·v − learning_rate·gradient, p ← p + v.

    params : the live arrays of a model by name, as `model.parameters()` gives them
    """

    def __init__(self, params: Mapping[str, np.ndarray], learning_rate: float, momentum: float = 0.0):
        super().__init__(params)
        self.learning_rate, self.momentum = learning_rate, momentum
        self._velocity: dict[str, np.ndarray] = {}

    def step(self, grads: Mapping[str, np.ndarray]) -> None:
        """Move every parameter once, in place.

        grads : a gradient for each parameter, of its shape; names that are no parameters are left out. Not changed.

        Raises ValueError where a gradient is missing or has another shape.
        """
        for name, parameter in self.params.items():
            if name not in grads:
                raise ValueError(f"There is no gradient for {name}: there are {', '.join(grads) or 'none'}.")
            gradient = np.asarray(grads[name])
            if gradient.shape != parameter.shape:
                raise ValueError(f"The gradient of {name} has shape {gradient.shape}, {name} itself {parameter.shape}.")
            if self.momentum:
                velocity = self._velocity.setdefault(name, np.zeros_like(parameter))
                velocity *= self.momentum
                velocity -= self.learning_rate * gradient
                parameter += velocity
            else:
                parameter -= self.learning_rate * gradient


class DataSampler:
    """Goes through a data set in minibatches, in a new random order each time.

    >>> for X_batch, y_batch in DataSampler(X, y, batch_size=128): ...

    X : shape (N, ...), y : shape (N,). The last minibatch holds what is left, so it may be smaller.
    """

    def __init__(self, X: np.ndarray, y: np.ndarray, batch_size: int, seed: int | np.random.Generator | None = 0):
        if len(X) != len(y):
            raise ValueError(f"There are {len(X)} rows in X and {len(y)} labels in y.")
        if batch_size < 1:
            raise ValueError(f"A minibatch holds at least one example, not {batch_size}.")
        self.X, self.y, self.batch_size = X, y, int(batch_size)
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        """How many minibatches one pass has."""
        return -(-len(self.y) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        order = self.rng.permutation(len(self.y))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.X[rows], self.y[rows]
