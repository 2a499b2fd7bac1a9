"""What is right for softmax, the negative log-likelihood and a classifier made of them, and what the known slips give.

Used by the checks of section 07. z : scores, shape (K,); p : probabilities, shape (K,); y : the true class; g : the
upstream gradient.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autograder.judging import Array, StudentError


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


def wrong_probabilities(z: Array) -> dict[str, Any]:
    """What softmax gives when something is left out of it."""
    powers, shifted = np.exp(z), np.exp(z - z.max())
    logs = z - z.max() - np.log(shifted.sum())
    return {
        "wrong_argument:the exponentials, still to be divided by their sum": [powers, shifted],
        "wrong_argument:the scores, where their exponentials belong": [z / z.sum(), z, np.abs(z) / np.abs(z).sum()],
        "wrong_argument:e to the power −z": softmax(-z),
        "wrong_argument:the logarithm of the probabilities, where they themselves belong": [logs, -logs],
        "wrong_argument:the mean of the exponentials, where their sum belongs": shifted / shifted.mean(),
        "wrong_argument:the largest exponential, where the sum of all belongs": shifted,
        "wrong_argument:powers of 2, where powers of e belong": softmax(z * np.log(2)),
        "wrong_argument:the sigmoid of each score by itself": 1 / (1 + np.exp(-z)),
        "wrong_argument:a 1 for the largest score and 0 for the others": one_hot(int(z.argmax()), len(z)),
        "wrong_argument:the length of the vector of exponentials, where their sum belongs": (
            shifted / np.linalg.norm(shifted)
        ),
        "missing_term:the sum below the line runs over all classes, its own too": powers / (powers.sum() - powers),
        "wrong_argument:scores that are scaled first, which changes the probabilities": [
            softmax(z / np.abs(z).max()), softmax(z / z.max()), softmax((z - z.mean()) / z.std()),
        ],
    }  # fmt: skip


def wrong_backward(run: Any, z: Array, g: Array) -> dict[str, Any]:
    p, classes = softmax(z), len(z)
    s = p @ g
    diagonal = "each probability depends on every score, not on its own alone"
    mistakes = {
        f"missing_term:{diagonal}": [p * (1 - p) * g, p * g],
        "missing_term:δ_ij, the path from a score to its own probability": [-p * s, p * s],
        "upstream_ignored": p * (1 - p),
        "wrong_argument:z, where the probabilities belong": [
            z * (g - z @ g), z, (np.diag(z) - np.outer(z, z)).sum(axis=0), z * (1 - z), z * (1 - z) * g,
        ],
        "wrong_argument:s is the sum of p ⊙ g, not of g alone": [p * (g - g.sum()), p * (g - g.mean())],
        "wrong_argument:s is taken off, not added": p * (g + s),
        "missing_chain_factor:the derivatives ∂p_i/∂z_j, by which the upstream gradient is multiplied": g,
        "missing_chain_factor:p, by which the difference g − s is multiplied": g - s,
        "wrong_argument:exponentials that are not divided by their sum": np.exp(z) * (g - np.exp(z) @ g),
        "wrong_argument:e to the power −z": softmax(-z) * (g - softmax(-z) @ g),
        "averaged": p * (g - s) / classes,
        "wrong_argument:the gradient of softmax and the logarithm together, which comes later": [p - 1, p - g],
        "shape": jacobian(p) * g,
    }  # fmt: skip
    # The columns of the Jacobian add up to zero: that is what leaving the upstream gradient out gives, up to rounding.
    try:
        if np.any(run.grad("z")):
            mistakes["upstream_ignored"] = [mistakes["upstream_ignored"], np.zeros(classes)]
    except StudentError:
        pass
    return mistakes


def losses(p: Array, y: int) -> dict[str, Any]:
    """What other losses give for these probabilities and this label."""
    classes, q = len(p), np.maximum(p, 1e-300)
    logs, rest = np.log(q), np.log(1 - np.delete(p, y))
    target = one_hot(y, classes)
    # Label 0 counted from 1 reads the last entry; the last label has no next one.
    one_based = [-logs[y - 1]] + ([-logs[y + 1]] if y + 1 < classes else [])
    return {
        "wrong_loss:the binary cross-entropy, which adds the logarithms of 1 − p of the other classes": [
            -logs[y] - rest.sum(), -(logs[y] + rest.sum()) / classes
        ],
        "wrong_loss:the logarithm of one class should count, not the sum over all": [-logs.sum(), -logs.mean()],
        "one_hot_expected": [-y * logs.sum(), -np.sum(y * logs + (1 - y) * np.log(1 - p)), -y * logs.mean()],
        "constant_loss": [-float(y), float(y), 0.0, 1.0, -np.log(classes), np.log(classes), -1.0],
        "one_based_labels": one_based,
        "averaged": -logs[y] / classes,
        "epsilon_in_log": [-np.log(p[y] + 10.0**-k) for k in range(2, 8)],
        "sign": logs[y],
        "wrong_loss:the probability, where its logarithm belongs": [-p[y], p[y], 1 - p[y]],
        "wrong_loss:1/p, where −log p belongs": [1 / q[y], -1 / q[y]],
        "wrong_loss:the square loss": [np.sum((p - target) ** 2), np.mean((p - target) ** 2), (1 - p[y]) ** 2,
                                       np.sum((p - target) ** 2) / 2, np.sum((p - y) ** 2)],
        "wrong_loss:the logarithm to another base, where the natural one belongs": [-logs[y] / np.log(2),
                                                                                    -logs[y] / np.log(10)],
        "wrong_loss:y_hat holds probabilities, softmax has been applied already": -np.log(softmax(p)[y]),
        "wrong_loss:the entropy of all probabilities": -np.sum(p * logs),
        "wrong_loss:the most probable class, where the true one belongs": -logs.max(),
        "wrong_loss:log(1 + p), where log p belongs": [-np.log1p(p[y]), np.log1p(p[y])],
        "wrong_loss:log(1 − p), where log p belongs": [-np.log1p(-p[y]), np.log1p(-p[y])],
    }  # fmt: skip


def loss_slopes(p: Array, y: int, upstream: Array) -> dict[str, Any]:
    classes, g = len(p), float(upstream)
    target, q = one_hot(y, classes), np.maximum(p, 1e-300)
    others = 1 - target
    bce = g * (others / np.maximum(1 - p, 1e-300) - target / q)
    one_based = [-g / q[y - 1] * one_hot(y - 1, classes)] if y else []
    return {
        "wrong_loss:the binary cross-entropy": [bce, bce / classes],
        "wrong_loss:the sum of the logarithms of all classes": [-g / q, -g * y / q, -g / q / classes],
        "one_based_labels": one_based,
        "averaged": -g / q / classes * target,
        "missing_chain_factor:1/p, the derivative of the logarithm": [-g * target, g * target],
        "wrong_argument:p, where 1/p belongs": [-g * p * target, g * p * target, -g * p],
        "wrong_argument:1/p², where 1/p belongs": [-g / q**2 * target, g / q**2 * target],
        "wrong_argument:log p, where its derivative 1/p belongs": [-g * np.log(q) * target, g * np.log(q) * target],
        "wrong_argument:the gradient for the scores, where that for the probabilities belongs": g * (p - target),
        "wrong_argument:only the entry of the true class has a gradient": [
            np.full(classes, -g / q[y]), np.full(classes, g / q[y]), g * (others - target) / q, -g * (target - p) / q
        ],
        "wrong_argument:the entry of the most probable class, where that of the true one belongs": (
            -g / q.max() * one_hot(int(p.argmax()), classes) if p.argmax() != y else None
        ),
        "epsilon_in_log": [-g / (p[y] + e) * target for e in (1e-3, 1e-4, 1e-5, 1e-6)],
        "one_node_only": np.zeros(classes),
    }  # fmt: skip


def both_slopes(z: Array, y: int) -> dict[str, Any]:
    p, classes = softmax(z), len(z)
    target = one_hot(y, classes)
    powers, below = np.exp(z), np.maximum(p[y], 1e-300)
    return {
        "missing_term:the one-hot vector of the true class": p,
        "missing_term:the probabilities": [target, -target],
        "one_based_labels": [p - one_hot(y - 1, classes)],
        "wrong_argument:the scores, where their probabilities belong": z - target,
        "wrong_argument:exponentials that are not divided by their sum": [powers - target,
                                                                         np.exp(z - z.max()) - target],
        "wrong_argument:1 is taken off at the true class only": [p - 1, np.full(classes, p[y] - 1)],
        "missing_term:the other classes, their scores have a gradient too": [(p[y] - 1) * target, (1 - p[y]) * target],
        "missing_chain_factor:∂p/∂z, the step from probabilities back to scores": [-target / below, -target / p],
        "wrong_argument:the one-hot vector is subtracted, not added": p + target,
        "averaged": (p - target) / classes,
        "wrong_argument:the number of the class, where its one-hot vector belongs": [p - y, p * y],
        "wrong_argument:e to the power −z": softmax(-z) - target,
        "wrong_loss:the square loss": [jacobian(p) @ (p - target), 2 * jacobian(p) @ (p - target), 2 * (p - target)],
        "missing_term:δ_ij, which is there for the true class": [-p[y] * p, p[y] * p],
        "wrong_argument:the derivative of p_y, where that of −log p_y belongs": [
            p[y] * (target - p), -p[y] * (target - p)
        ],
        "wrong_argument:the most probable class, where the true one belongs": (
            p - one_hot(int(p.argmax()), classes) if p.argmax() != y else None
        ),
    }  # fmt: skip


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


WRONG_NETS = {
    "linear": "missing_activation:tanh",
    "bent": "activation_on_output:tanh",
    "twice": "wrong_argument:softmax twice, where once is right",
    "bare": "missing_activation:softmax",
}
