"""The gradients of a sum of sigmoid units, in both forms in which a right answer may return them."""

import numpy as np


def nested(W, b, x, y):
    h = 1 / (1 + np.exp(-(W @ x + b)))
    dz = 2 * (h.sum() - y) * h * (1 - h)
    return (h.sum() - y) ** 2, (np.outer(dz, x), dz)


def flat(W, b, x, y):
    value, gradients = nested(W, b, x, y)
    return (value, *gradients)
