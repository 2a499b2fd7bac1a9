"""A node that needs no derivative: it measures how its output changes, to all digits, by the complex step.

Move one entry of an input by h i, with i the imaginary unit and h = 1e-20. For a function f made of smooth steps,
f(x + h i) = f(x) + f′(x) h i up to terms of order h², which no double can hold: the imaginary part over h is the
derivative, and nothing is subtracted, so nothing is lost to rounding (Squire and Trapp, SIAM Review 40, 1998). It takes
one evaluation for each entry, so it costs more than a formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .nodes import Node

__all__ = ["MeasuredNode", "complex_step"]

_STEP = 1e-20
_TOGETHER = 2**18  # complex numbers that stand beside each other, 4 MiB: a copy of the input for each of its entries


def complex_step(value: Callable[..., np.ndarray], values: Sequence[np.ndarray], k: int) -> np.ndarray:
    """How value(*values) changes with values[k]: one row for each entry of values[k], then the axes of the result.

    value : a function made of arithmetic, exp, log, tanh and the like. It takes complex arrays with one more axis in
        front, over which it works entry by entry; abs, max and comparisons would lose the imaginary part.
    values : arrays of floats

    Returns floats of shape (values[k].size, *shape of the result).
    """
    values = [np.asarray(array, dtype=float) for array in values]
    size = values[k].size
    some = max(1, _TOGETHER // max(1, size))
    changes = []
    for first in range(0, max(1, size), some):
        entries = np.arange(first, min(first + some, size))
        moved = np.tile(values[k].ravel().astype(complex), (len(entries), 1))
        moved[np.arange(len(entries)), entries] += 1j * _STEP  # one copy for each entry, moved in that entry
        moved = moved.reshape(len(entries), *values[k].shape)
        changes.append(value(*values[:k], moved, *values[k + 1 :]).imag / _STEP)
    return np.concatenate(changes)


class MeasuredNode(Node):
    """A node whose class says what it computes, ``value(self, a, b, ...)``, and leaves its derivatives to be measured.

    Built from its input nodes and its name: ``TanhNode(a, "h")``. ``value`` has to suit :func:`complex_step`.
    """

    def __init__(self, *inputs_and_name):
        *inputs, node_name = inputs_and_name
        super().__init__(node_name)
        self.inputs = inputs

    def forward(self):
        self.out = self.value(*(node.out for node in self.inputs))
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        values = [node.out for node in self.inputs]
        for k, node in enumerate(self.inputs):
            changes = complex_step(self.value, values, k).reshape(np.size(values[k]), -1)
            node.d_out += np.reshape(changes @ np.ravel(self.d_out), np.shape(values[k]))

    def get_predecessors(self):
        return self.inputs
