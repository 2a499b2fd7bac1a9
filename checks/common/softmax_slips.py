"""What is right for softmax, the negative log-likelihood and a classifier made of them, and what the known slips give.

Used by the checks of section 07. z : scores, shape (K,); p : probabilities, shape (K,); y : the true class; g : the
upstream gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.judging import Array, Slip, StudentError


def softmax(z: Array) -> Array:
    """Probabilities of the scores z, shape (K,)."""
    powers = np.exp(z - np.max(z))
    return powers / powers.sum()


def jacobian(p: Array) -> Array:
    return np.diag(p) - np.outer(p, p)


def one_hot(y: int, classes: int) -> Array:
    return np.eye(classes)[y]


def clipped(z: Array) -> list[Array]:
    return [softmax(np.clip(z, -limit, limit)) for limit in (20, 30, 50, 100, 200, 500, 600, 700, 709, 709.78)]


def wrong_probabilities(z: Array) -> list[Slip]:
    """What softmax gives when something is left out of it."""
    powers, shifted = np.exp(z), np.exp(z - z.max())
    logs = z - z.max() - np.log(shifted.sum())
    return [
        Slip("wrong_argument", [powers, shifted], "the exponentials, still to be divided by their sum"),
        Slip(
            "wrong_argument",
            [z / z.sum(), z, np.abs(z) / np.abs(z).sum()],
            "the scores, where their exponentials belong",
        ),
        Slip("wrong_argument", softmax(-z), "e to the power −z"),
        Slip("wrong_argument", [logs, -logs], "the logarithm of the probabilities, where they themselves belong"),
        Slip("wrong_argument", shifted / shifted.mean(), "the mean of the exponentials, where their sum belongs"),
        Slip("wrong_argument", shifted, "the largest exponential, where the sum of all belongs"),
        Slip("wrong_argument", softmax(z * np.log(2)), "powers of 2, where powers of e belong"),
        Slip("wrong_argument", 1 / (1 + np.exp(-z)), "the sigmoid of each score by itself"),
        Slip("wrong_argument", one_hot(int(z.argmax()), len(z)), "a 1 for the largest score and 0 for the others"),
        Slip(
            "wrong_argument",
            (shifted / np.linalg.norm(shifted)),
            "the length of the vector of exponentials, where their sum belongs",
        ),
        Slip(
            "missing_term",
            powers / (powers.sum() - powers),
            "the sum below the line runs over all classes, its own too",
        ),
        Slip(
            "wrong_argument",
            [softmax(z / np.abs(z).max()), softmax(z / z.max()), softmax((z - z.mean()) / z.std())],
            "scores that are scaled first, which changes the probabilities",
        ),
    ]


def wrong_backward(run: Any, z: Array, g: Array) -> list[Slip]:
    p, classes = softmax(z), len(z)
    s = p @ g
    diagonal = "each probability depends on every score, not on its own alone"
    mistakes = [
        Slip("missing_term", [p * (1 - p) * g, p * g], diagonal),
        Slip("missing_term", [-p * s, p * s], "δ_ij, the path from a score to its own probability"),
        Slip("upstream_ignored", p * (1 - p)),
        Slip(
            "wrong_argument",
            [z * (g - z @ g), z, (np.diag(z) - np.outer(z, z)).sum(axis=0), z * (1 - z), z * (1 - z) * g],
            "z, where the probabilities belong",
        ),
        Slip("wrong_argument", [p * (g - g.sum()), p * (g - g.mean())], "s is the sum of p ⊙ g, not of g alone"),
        Slip("wrong_argument", p * (g + s), "s is taken off, not added"),
        Slip("missing_chain_factor", g, "∂p_i/∂z_j, by which the upstream gradient is multiplied"),
        Slip("missing_chain_factor", g - s, "p, by which the difference g − s is multiplied"),
        Slip("wrong_argument", np.exp(z) * (g - np.exp(z) @ g), "exponentials that are not divided by their sum"),
        Slip("wrong_argument", softmax(-z) * (g - softmax(-z) @ g), "e to the power −z"),
        Slip("averaged", p * (g - s) / classes),
        Slip("wrong_argument", [p - 1, p - g], "the gradient of softmax and the logarithm together, which comes later"),
        Slip("shape", jacobian(p) * g),
    ]
    # The columns of the Jacobian add up to zero: that is what leaving the upstream gradient out gives, up to rounding.
    try:
        if np.any(run.grad("z")):
            mistakes.append(Slip("upstream_ignored", np.zeros(classes)))
    except StudentError:
        pass
    return mistakes


def losses(p: Array, y: int) -> list[Slip]:
    """What other losses give for these probabilities and this label."""
    classes, q = len(p), np.maximum(p, 1e-300)
    logs, rest = np.log(q), np.log(1 - np.delete(p, y))
    target = one_hot(y, classes)
    # Label 0 counted from 1 reads the last entry; the last label has no next one.
    one_based = [-logs[y - 1]] + ([-logs[y + 1]] if y + 1 < classes else [])
    return [
        Slip(
            "wrong_loss",
            [-logs[y] - rest.sum(), -(logs[y] + rest.sum()) / classes],
            "the binary cross-entropy, which adds the logarithms of 1 − p of the other classes",
        ),
        Slip(
            "wrong_loss", [-logs.sum(), -logs.mean()], "the logarithm of one class should count, not the sum over all"
        ),
        Slip("one_hot_expected", [-y * logs.sum(), -np.sum(y * logs + (1 - y) * np.log(1 - p)), -y * logs.mean()]),
        Slip("constant_loss", [-float(y), float(y), 0.0, 1.0, -np.log(classes), np.log(classes), -1.0]),
        Slip("one_based_labels", one_based),
        Slip("averaged", -logs[y] / classes),
        Slip("epsilon_in_log", [-np.log(p[y] + 10.0**-k) for k in range(2, 8)]),
        Slip("sign", logs[y]),
        Slip("wrong_loss", [-p[y], p[y], 1 - p[y]], "the probability, where its logarithm belongs"),
        Slip("wrong_loss", [1 / q[y], -1 / q[y]], "1/p, where −log p belongs"),
        Slip(
            "wrong_loss",
            [
                np.sum((p - target) ** 2),
                np.mean((p - target) ** 2),
                (1 - p[y]) ** 2,
                np.sum((p - target) ** 2) / 2,
                np.sum((p - y) ** 2),
            ],
            "the square loss",
        ),
        Slip(
            "wrong_loss",
            [-logs[y] / np.log(2), -logs[y] / np.log(10)],
            "the logarithm to another base, where the natural one belongs",
        ),
        Slip("wrong_loss", -np.log(softmax(p)[y]), "y_hat holds probabilities, softmax has been applied already"),
        Slip("wrong_loss", -np.sum(p * logs), "the entropy of all probabilities"),
        Slip("wrong_loss", -logs.max(), "the most probable class, where the true one belongs"),
        Slip("wrong_loss", [-np.log1p(p[y]), np.log1p(p[y])], "log(1 + p), where log p belongs"),
        Slip("wrong_loss", [-np.log1p(-p[y]), np.log1p(-p[y])], "log(1 − p), where log p belongs"),
    ]


def loss_slopes(p: Array, y: int, upstream: Array) -> list[Slip]:
    classes, g = len(p), float(upstream)
    target, q = one_hot(y, classes), np.maximum(p, 1e-300)
    others = 1 - target
    bce = g * (others / np.maximum(1 - p, 1e-300) - target / q)
    one_based = [-g / q[y - 1] * one_hot(y - 1, classes)] if y else []
    return [
        Slip("wrong_loss", [bce, bce / classes], "the binary cross-entropy"),
        Slip("wrong_loss", [-g / q, -g * y / q, -g / q / classes], "the sum of the logarithms of all classes"),
        Slip("one_based_labels", one_based),
        Slip("averaged", -g / q / classes * target),
        Slip("missing_chain_factor", [-g * target, g * target], "1/p, the derivative of the logarithm"),
        Slip("wrong_argument", [-g * p * target, g * p * target, -g * p], "p, where 1/p belongs"),
        Slip("wrong_argument", [-g / q**2 * target, g / q**2 * target], "1/p², where 1/p belongs"),
        Slip(
            "wrong_argument",
            [-g * np.log(q) * target, g * np.log(q) * target],
            "log p, where its derivative 1/p belongs",
        ),
        Slip(
            "wrong_argument", g * (p - target), "the gradient for the scores, where that for the probabilities belongs"
        ),
        Slip(
            "wrong_argument",
            [np.full(classes, -g / q[y]), np.full(classes, g / q[y]), g * (others - target) / q, -g * (target - p) / q],
            "only the entry of the true class has a gradient",
        ),
        Slip(
            "wrong_argument",
            (-g / q.max() * one_hot(int(p.argmax()), classes) if p.argmax() != y else None),
            "the entry of the most probable class, where that of the true one belongs",
        ),
        Slip("epsilon_in_log", [-g / (p[y] + e) * target for e in (1e-3, 1e-4, 1e-5, 1e-6)]),
        Slip("one_node_only", np.zeros(classes)),
    ]


def both_slopes(z: Array, y: int) -> list[Slip]:
    p, classes = softmax(z), len(z)
    target = one_hot(y, classes)
    powers, below = np.exp(z), np.maximum(p[y], 1e-300)
    return [
        Slip("missing_term", p, "the one-hot vector of the true class"),
        Slip("missing_term", [target, -target], "the probabilities"),
        Slip("one_based_labels", [p - one_hot(y - 1, classes)]),
        Slip("wrong_argument", z - target, "the scores, where their probabilities belong"),
        Slip(
            "wrong_argument",
            [powers - target, np.exp(z - z.max()) - target],
            "exponentials that are not divided by their sum",
        ),
        Slip("wrong_argument", [p - 1, np.full(classes, p[y] - 1)], "1 is taken off at the true class only"),
        Slip(
            "missing_term",
            [(p[y] - 1) * target, (1 - p[y]) * target],
            "the other classes, their scores have a gradient too",
        ),
        Slip(
            "missing_chain_factor", [-target / below, -target / p], "∂p/∂z, the step from probabilities back to scores"
        ),
        Slip("wrong_argument", p + target, "the one-hot vector is subtracted, not added"),
        Slip("averaged", (p - target) / classes),
        Slip("wrong_argument", [p - y, p * y], "the number of the class, where its one-hot vector belongs"),
        Slip("wrong_argument", softmax(-z) - target, "e to the power −z"),
        Slip(
            "wrong_loss",
            [jacobian(p) @ (p - target), 2 * jacobian(p) @ (p - target), 2 * (p - target)],
            "the square loss",
        ),
        Slip("missing_term", [-p[y] * p, p[y] * p], "δ_ij, which is there for the true class"),
        Slip(
            "wrong_argument",
            [p[y] * (target - p), -p[y] * (target - p)],
            "the derivative of p_y, where that of −log p_y belongs",
        ),
        Slip(
            "wrong_argument",
            (p - one_hot(int(p.argmax()), classes) if p.argmax() != y else None),
            "the most probable class, where the true one belongs",
        ),
    ]


class Net:
    """The objective of the network at one example, its probabilities and gradients; `wrong` names another network.

    wrong : "" for the right one; "linear": no tanh; "bent": tanh of the scores; "twice": softmax twice;
            "bare": the logarithm of the scores themselves
    """

    def __init__(self, parameters: Mapping[str, Array], x: Array, y: int, wrong: str = ""):
        W1, b1, W2, b2 = (parameters[key] for key in ("W1", "b1", "W2", "b2"))
        a = W1 @ x + b1
        h = a if wrong == "linear" else np.tanh(a)
        self.scores = W2 @ h + b2
        bent = np.tanh(self.scores) if wrong == "bent" else self.scores
        p = bent if wrong == "bare" else softmax(bent)
        self.p = softmax(p) if wrong == "twice" else p
        target = one_hot(y, len(b2))
        self.objective = -np.log(self.p[y])
        if wrong == "bare":
            slope = -target / p[y]
        elif wrong == "twice":
            slope = jacobian(p) @ (self.p - target)
        else:
            slope = self.p - target
        slope = slope * (1 - bent**2) if wrong == "bent" else slope
        below = W2.T @ slope * (1 if wrong == "linear" else 1 - h**2)
        self.gradients = {"W1": np.outer(below, x), "b1": below, "W2": np.outer(slope, h), "b2": slope}


# Mistakes of a network: which `wrong` network each leads to.
WRONG_NETS = [
    Slip("missing_activation", "linear", "tanh"),
    Slip("activation_on_output", "bent", "tanh"),
    Slip("wrong_argument", "twice", "softmax twice, where once is right"),
    Slip("missing_activation", "bare", "softmax"),
]
