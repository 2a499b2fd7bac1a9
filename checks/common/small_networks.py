"""What is right for the small networks of section 02, and what the known slips give: a sum of units, and two layers.

Everything is written index by index (einsum, outer), not as the matrix products that the exercises lead to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.judging import Array, Draw

from .several_arrays import Truth

# -- a sum of sigmoid units -----------------------------------------------------------------------------------------


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def unit_sum(W: Array, b: Array, x: Array, y: float) -> Truth:
    """(y − Σ σ(w_i·x + b_i))² and its gradients, from ∂f/∂w_ik = 2 (s − y) σ_i (1 − σ_i) x_k."""
    z = np.einsum("ik,k->i", W, x) + b
    h = sigmoid(z)
    s, n = h.sum(), len(b)
    error = 2 * (s - y)
    dz = error * h * (1 - h)

    def gradients(dz: Array) -> dict[str, Array]:
        return {"W": dz[:, None] * x[None, :], "b": dz}

    unbiased, tanh = sigmoid(z - b), np.tanh(z)
    slips = {
        "missing_chain_factor:1 − σ(z)": error * h,
        "missing_chain_factor:σ(z)": error * (1 - h),
        "missing_chain_factor:σ'(z), the slope of the sigmoid": np.full(n, error),
        "missing_chain_factor:∂f/∂s, what the square and the difference contribute": h * (1 - h),
        "wrong_argument:the slope is σ(z) (1 − σ(z)), with σ(z) and not with z in it": error * z * (1 - z),
        "wrong_argument:the slope is taken at h, it belongs at z": error * sigmoid(h) * (1 - sigmoid(h)),
        "wrong_argument:the slope of another function, it should be that of the sigmoid": [
            error * (1 - h**2), error * (1 - tanh**2)
        ],
        "wrong_argument:the error of one unit, where that of the sum of all units belongs": 2 * (h - y) * h * (1 - h),
        "wrong_argument:y without the sum": [-2 * y * h * (1 - h), 2 * y * h * (1 - h)],
        "wrong_argument:the slope at the sum, each unit has its own": np.full(n, error * s * (1 - s)),
        "wrong_argument:the square of the error, where its derivative belongs": [
            (s - y) ** 2 * h * (1 - h), 2 * (s - y) ** 2 * h * (1 - h)
        ],
        "averaged": dz / n,
        "missing_term:the bias in z": 2 * (unbiased.sum() - y) * unbiased * (1 - unbiased),
        "missing_activation:the sigmoid": np.full(n, 2 * (z.sum() - y)),
    }  # fmt: skip
    gradient_slips = {key: {slip: [gradients(v)[key] for v in _each(dz)] for slip, dz in slips.items()} for key in "Wb"}
    gradient_slips["W"]["missing_chain_factor:x"] = np.tile(dz[:, None], (1, len(x)))
    gradient_slips["W"]["wrong_argument:W, where x belongs"] = dz[:, None] * W
    gradient_slips["b"]["wrong_argument:b is added to z, its factor is 1"] = [dz * b, dz * np.sum(x)]
    value_slips = {
        "wrong_loss:the difference itself, not its square": [y - s, s - y, abs(y - s)],
        "wrong_loss:a square for each unit, where the units are added first": [np.sum((y - h) ** 2)],
        "averaged": [(y - h.mean()) ** 2, np.mean((y - h) ** 2)],
        "missing_term:the bias in z": (y - unbiased.sum()) ** 2,
        "missing_activation:the sigmoid": (y - z.sum()) ** 2,
        "wrong_argument:φ is the sigmoid here": [(y - tanh.sum()) ** 2, (y - np.maximum(z, 0).sum()) ** 2],
        "wrong_argument:the difference y − s, not the sum": (y + s) ** 2,
        "missing_term:y": s**2,
    }
    return Truth((s - y) ** 2, gradients(dz), value_slips, gradient_slips)


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def draw_units(draw: Draw, n: int, d: int) -> dict[str, Any]:
    """n units with d inputs, well scaled: the sigmoids neither at 0 nor at 1."""
    while True:
        W, b, x = draw.signed(n, d, high=1.2) / np.sqrt(d), draw.signed(n, low=0.3, high=0.9), draw.signed(d, high=1.5)
        z = np.einsum("ik,k->i", W, x) + b
        if n == 1 or z.min() < -0.1 and z.max() > 0.1:  # both signs, or no activation looks like ReLU
            break
    y = float(sigmoid(z).sum()) + draw.number(0.8, 1.3) * draw.rng.choice([-1.0, 1.0])
    return {"W": W, "b": b, "x": x, "y": y}


# -- two layers -----------------------------------------------------------------------------------------------------


def curves(c: float) -> list[tuple[Callable[[Array], Array], Callable[[Array], Array]]]:
    """Two functions with their derivatives, as in `shipped/functions_to_pass.py`."""
    return [
        (lambda a: c * np.sin(a) + 0.4 * a, lambda a: c * np.cos(a) + 0.4),
        (lambda a: np.arctan(a) + c * a * a, lambda a: 1 / (1 + a * a) + 2 * c * a),
    ]


def two_layers(W1: Array, W2: Array, b: Array, x: Array, y: Array, phi: Callable, slope: Callable) -> Truth:
    """½ ‖W2 φ(W1 x + b) − y‖² and its gradients, index by index."""
    a = np.einsum("ik,k->i", W1, x) + b
    h = phi(a)
    o = np.einsum("ji,i->j", W2, h)
    r = o - y
    back = np.einsum("ji,j->i", W2, r)

    def gradients(delta: Array, r: Array = r, h: Array = h) -> dict[str, Array]:
        return {
            "W1": np.einsum("i,k->ik", delta, x),
            "W2": np.einsum("j,i->ji", r, h),
            "b": delta,
            "x": np.einsum("ik,i->k", W1, delta),
        }

    unbiased = a - b
    off = "phi and phi_prime as they were passed, not functions of your own"
    slips: dict[str, list[Array]] = {
        "missing_chain_factor:phi_prime(a)": [back],
        "wrong_argument:phi_prime is taken at h, it belongs at a": [slope(h) * back],
        "wrong_argument:phi, where its derivative phi_prime belongs": [h * back],
        "missing_chain_factor:r = W2 h − y": [slope(a) * W2.sum(axis=0)],
        "missing_chain_factor:W2": [slope(a) * r.sum()],
        "wrong_argument:o, where the error r = o − y belongs": [slope(a) * np.einsum("ji,j->i", W2, o)],
        "sign": [],
        "missing_term:the bias b in a": [
            slope(unbiased) * back,
            slope(unbiased) * np.einsum("ji,j->i", W2, np.einsum("ji,i->j", W2, phi(unbiased)) - y),
        ],
        f"wrong_argument:{off}": [
            (1 - np.tanh(a) ** 2) * back, sigmoid(a) * (1 - sigmoid(a)) * back, (a > 0) * back, (1 - h**2) * back,
            h * (1 - h) * back,
        ],
    }  # fmt: skip
    slips = {key: found for key, found in slips.items() if found}
    gradient_slips = {
        key: {slip: [gradients(delta)[key] for delta in deltas] for slip, deltas in slips.items()}
        for key in ("W1", "b", "x")
    }
    gradient_slips["W1"]["wrong_argument:h, where x belongs"] = np.outer(gradients(slope(a) * back)["b"], h)
    gradient_slips["W1"]["missing_chain_factor:x"] = np.tile((slope(a) * back)[:, None], (1, len(x)))
    gradient_slips["W1"]["wrong_argument:r, where the gradient for a belongs"] = np.outer(r, x)
    gradient_slips["W2"] = {
        "wrong_argument:a, where h = phi(a) belongs": np.outer(r, a),
        "wrong_argument:phi_prime(a), where h = phi(a) belongs": np.outer(r, slope(a)),
        "wrong_argument:o, where the error r = o − y belongs": np.outer(o, h),
        "wrong_argument:x, where h belongs": np.outer(r, x),
        "missing_chain_factor:h": np.tile(r[:, None], (1, len(h))),
        "missing_chain_factor:r = W2 h − y": np.tile(h[None, :], (len(r), 1)),
        "missing_term:the bias b in a": [
            np.outer(np.einsum("ji,i->j", W2, phi(unbiased)) - y, phi(unbiased)), np.outer(r, phi(unbiased)),
        ],
        "wrong_argument:phi_prime has no place here": np.outer(r, h * slope(a)),
    }  # fmt: skip
    gradient_slips["b"]["wrong_argument:b is added to a, its factor is 1"] = slope(a) * back * b
    gradient_slips["x"]["missing_chain_factor:W1"] = np.full(len(x), (slope(a) * back).sum())
    value_slips = {
        "wrong_loss:½ of the norm, where its square belongs": [np.linalg.norm(r) / 2, np.linalg.norm(r)],
        "wrong_loss:the sum of the errors, squared, where each error is squared": [r.sum() ** 2 / 2, r.sum() ** 2],
        "wrong_loss:absolute values, where squares belong": [np.abs(r).sum() / 2, np.abs(r).sum()],
        "averaged": [np.mean(r**2) / 2, np.mean(r**2)],
        "missing_term:the bias b in a": np.sum((np.einsum("ji,i->j", W2, phi(unbiased)) - y) ** 2) / 2,
        "missing_term:y": np.sum(o**2) / 2,
        "missing_activation:phi": np.sum((np.einsum("ji,i->j", W2, a) - y) ** 2) / 2,
        "activation_on_output:phi": np.sum((phi(o) - y) ** 2) / 2,
        "wrong_argument:phi_prime, where phi belongs": np.sum((np.einsum("ji,i->j", W2, slope(a)) - y) ** 2) / 2,
        f"wrong_argument:{off}": [
            np.sum((np.einsum("ji,i->j", W2, own) - y) ** 2) / 2 for own in (np.tanh(a), sigmoid(a), np.maximum(a, 0))
        ],
        "wrong_argument:the difference of o and y, not their sum": np.sum((o + y) ** 2) / 2,
    }
    if len(r) == len(h):
        slips_of_W2 = slope(a) * np.einsum("ij,j->i", W2, r)
        for key in ("W1", "b", "x"):
            gradient_slips[key]["wrong_argument:W2, where its transpose belongs"] = gradients(slips_of_W2)[key]
    if len(x) == len(h):
        turned = np.einsum("ik,k->i", W1, slope(a) * back)
        gradient_slips["x"]["wrong_argument:W1, where its transpose belongs"] = turned
    return Truth(0.5 * np.sum(r**2), gradients(slope(a) * back), value_slips, gradient_slips)


def draw_layers(draw: Draw, d: int, m: int, p: int) -> dict[str, Array]:
    """d inputs, m hidden units, p outputs, well scaled."""
    return {
        "W1": draw.signed(m, d, high=1.5) / np.sqrt(d),
        "W2": draw.signed(p, m, high=1.5) / np.sqrt(m),
        "b": draw.signed(m, low=0.3, high=0.9),
        "x": draw.signed(d, high=1.5),
        "y": draw.signed(p),
    }


class LinearStep:
    """The gradients of ½ ‖W2 (W1 x + b) − y‖² at the old weights, and what known slips give."""

    def __init__(self, W1: Array, W2: Array, b: Array, x: Array, y: Array, epsilon: float):
        self.old, self.epsilon = {"W1": W1, "W2": W2}, epsilon

        def hidden(W1: Array) -> Array:
            return np.einsum("ik,k->i", W1, x) + b

        def error(W2: Array, h: Array) -> Array:
            return np.einsum("ji,i->j", W2, h) - y

        def outer_1(W2: Array, r: Array) -> Array:
            return np.einsum("ji,j,k->ik", W2, r, x)

        h = hidden(W1)
        r = error(W2, h)
        self.gradients = {"W1": outer_1(W2, r), "W2": np.outer(r, h)}
        self.new = {key: old - epsilon * self.gradients[key] for key, old in self.old.items()}
        new_W1, new_W2 = self.new.values()
        newer_h, bent, open_gates = hidden(new_W1), np.maximum(h, 0), (h > 0)[:, None]
        after_relu = outer_1(W2, error(W2, bent)) * open_gates
        self.slips = {
            "W1": {
                "wrong_argument:the new W2, where the gradient at the old weights is needed": [
                    outer_1(new_W2, error(new_W2, h)), outer_1(new_W2, r), outer_1(W2, error(new_W2, h)),
                ],
                "missing_term:the bias b": outer_1(W2, error(W2, h - b)),
                "wrong_argument:there is no ReLU between these layers": after_relu,
                "wrong_argument:o, where the error r = o − y belongs": outer_1(W2, r + y),
                "missing_chain_factor:W2": np.tile(r.sum() * x, (len(b), 1)),
                "missing_chain_factor:x": np.tile(np.einsum("ji,j->i", W2, r)[:, None], (1, len(x))),
                "missing_chain_factor:r = W2 h − y": np.outer(W2.sum(axis=0), x),
            },
            "W2": {
                "wrong_argument:the new W1, where the gradient at the old weights is needed": [
                    np.outer(error(W2, newer_h), newer_h), np.outer(r, newer_h), np.outer(error(W2, newer_h), h),
                ],
                "missing_term:the bias b": [np.outer(error(W2, h - b), h - b), np.outer(r, h - b)],
                "wrong_argument:o, where the error r = o − y belongs": np.outer(r + y, h),
                "wrong_argument:there is no ReLU between these layers": np.outer(error(W2, bent), bent),
                "wrong_argument:h = W1 x + b belongs there": [np.outer(r, np.tanh(h)), np.outer(r, b)],
                "missing_chain_factor:h = W1 x + b": np.tile(r[:, None], (1, len(h))),
                "missing_chain_factor:r = W2 h − y": np.tile(h[None, :], (len(r), 1)),
            },
        }  # fmt: skip
        if len(r) == len(h):
            self.slips["W1"]["wrong_argument:W2, where its transpose belongs"] = outer_1(W2.T, r)
            self.slips["W2"]["wrong_argument:x, where h = W1 x + b belongs"] = np.outer(r, x)
