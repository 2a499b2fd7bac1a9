"""What is right for the small networks of section 02, and what the known slips give: a sum of units, and two layers.

Everything is written index by index (einsum, outer), not as the matrix products that the exercises lead to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograder.judging import Array, Draw, Slip

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

    def gradient_slips() -> dict[str, list[Slip]]:
        slips = [
            Slip("missing_chain_factor", error * h, "1 − σ(z)"),
            Slip("missing_chain_factor", error * (1 - h), "σ(z)"),
            Slip("missing_chain_factor", np.full(n, error), "σ'(z), the slope of the sigmoid"),
            Slip("missing_chain_factor", h * (1 - h), "∂f/∂s, what the square and the difference contribute"),
            Slip("wrong_argument", error * z * (1 - z), "the slope is σ(z) (1 − σ(z)), with σ(z) and not with z in it"),
            Slip("wrong_argument", error * sigmoid(h) * (1 - sigmoid(h)), "the slope is taken at h, it belongs at z"),
            Slip(
                "wrong_argument",
                [error * (1 - h**2), error * (1 - tanh**2)],
                "the slope of another function, it should be that of the sigmoid",
            ),
            Slip(
                "wrong_argument",
                2 * (h - y) * h * (1 - h),
                "the error of one unit, where that of the sum of all units belongs",
            ),
            Slip("wrong_argument", [-2 * y * h * (1 - h), 2 * y * h * (1 - h)], "y without the sum"),
            Slip("wrong_argument", np.full(n, error * s * (1 - s)), "the slope at the sum, each unit has its own"),
            Slip(
                "wrong_argument",
                [(s - y) ** 2 * h * (1 - h), 2 * (s - y) ** 2 * h * (1 - h)],
                "the square of the error, where its derivative belongs",
            ),
            Slip("averaged", dz / n),
            Slip("missing_term", 2 * (unbiased.sum() - y) * unbiased * (1 - unbiased), "the bias in z"),
            Slip("missing_activation", np.full(n, 2 * (z.sum() - y)), "the sigmoid"),
        ]
        found = {key: [slip.map(lambda dz, key=key: gradients(dz)[key]) for slip in slips] for key in "Wb"}
        found["W"] += [
            Slip("missing_chain_factor", np.tile(dz[:, None], (1, len(x))), "x"),
            Slip("wrong_argument", dz[:, None] * W, "W, where x belongs"),
        ]
        found["b"].append(Slip("wrong_argument", [dz * b, dz * np.sum(x)], "b is added to z, its factor is 1"))
        return found

    def value_slips() -> list[Slip]:
        return [
            Slip("wrong_loss", [y - s, s - y, abs(y - s)], "the difference itself, not its square"),
            Slip("wrong_loss", [np.sum((y - h) ** 2)], "a square for each unit, where the units are added first"),
            Slip("averaged", [(y - h.mean()) ** 2, np.mean((y - h) ** 2)]),
            Slip("missing_term", (y - unbiased.sum()) ** 2, "the bias in z"),
            Slip("missing_activation", (y - z.sum()) ** 2, "the sigmoid"),
            Slip("wrong_argument", [(y - tanh.sum()) ** 2, (y - np.maximum(z, 0).sum()) ** 2], "φ is the sigmoid here"),
            Slip("wrong_argument", (y + s) ** 2, "the difference y − s, not the sum"),
            Slip("missing_term", s**2, "y"),
        ]

    return Truth((s - y) ** 2, gradients(dz), value_slips, gradient_slips)


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
    """Functions with their derivatives: phi_1, phi_2, identity and falling of `shipped/functions_to_pass.py`."""
    return [
        (lambda a: c * np.sin(a) + 0.4 * a, lambda a: c * np.cos(a) + 0.4),
        (lambda a: np.arctan(a) + c * a * a, lambda a: 1 / (1 + a * a) + 2 * c * a),
        (lambda a: a, np.ones_like),
        (lambda a: -c * np.maximum(a, 0.0), lambda a: np.where(a > 0, -c, 0.0)),
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

    def gradient_slips() -> dict[str, list[Slip]]:
        slips = [
            Slip("missing_chain_factor", [back], "phi_prime(a)"),
            Slip("wrong_argument", [slope(h) * back], "phi_prime is taken at h, it belongs at a"),
            Slip("wrong_argument", [h * back], "phi, where its derivative phi_prime belongs"),
            Slip("missing_chain_factor", [slope(a) * W2.sum(axis=0)], "r = W2 h − y"),
            Slip("missing_chain_factor", [slope(a) * r.sum()], "W2"),
            Slip("wrong_argument", [slope(a) * np.einsum("ji,j->i", W2, o)], "o, where the error r = o − y belongs"),
            Slip(
                "missing_term",
                [
                    slope(unbiased) * back,
                    slope(unbiased) * np.einsum("ji,j->i", W2, np.einsum("ji,i->j", W2, phi(unbiased)) - y),
                ],
                "the bias b in a",
            ),
            Slip(
                "wrong_argument",
                [
                    (1 - np.tanh(a) ** 2) * back,
                    sigmoid(a) * (1 - sigmoid(a)) * back,
                    (a > 0) * back,
                    (1 - h**2) * back,
                    h * (1 - h) * back,
                ],
                off,
            ),
        ]
        found = {
            key: [slip.map(lambda delta, key=key: gradients(delta)[key]) for slip in slips] for key in ("W1", "b", "x")
        }
        found["W1"] += [
            Slip("wrong_argument", np.outer(gradients(slope(a) * back)["b"], h), "h, where x belongs"),
            Slip("missing_chain_factor", np.tile((slope(a) * back)[:, None], (1, len(x))), "x"),
            Slip("wrong_argument", np.outer(r, x), "r, where the gradient for a belongs"),
        ]
        found["W2"] = [
            Slip("wrong_argument", np.outer(r, a), "a, where h = phi(a) belongs"),
            Slip("wrong_argument", np.outer(r, slope(a)), "phi_prime(a), where h = phi(a) belongs"),
            Slip("wrong_argument", np.outer(o, h), "o, where the error r = o − y belongs"),
            Slip("wrong_argument", np.outer(r, x), "x, where h belongs"),
            Slip("missing_chain_factor", np.tile(r[:, None], (1, len(h))), "h"),
            Slip("missing_chain_factor", np.tile(h[None, :], (len(r), 1)), "r = W2 h − y"),
            Slip(
                "missing_term",
                [np.outer(np.einsum("ji,i->j", W2, phi(unbiased)) - y, phi(unbiased)), np.outer(r, phi(unbiased))],
                "the bias b in a",
            ),
            Slip("wrong_argument", np.outer(r, h * slope(a)), "phi_prime has no place here"),
        ]
        found["b"].append(Slip("wrong_argument", slope(a) * back * b, "b is added to a, its factor is 1"))
        found["x"].append(Slip("missing_chain_factor", np.full(len(x), (slope(a) * back).sum()), "W1"))
        if len(r) == len(h):
            slips_of_W2 = slope(a) * np.einsum("ij,j->i", W2, r)
            for key in ("W1", "b", "x"):
                found[key].append(
                    Slip("wrong_argument", gradients(slips_of_W2)[key], "W2, where its transpose belongs")
                )
        if len(x) == len(h):
            turned = np.einsum("ik,k->i", W1, slope(a) * back)
            found["x"].append(Slip("wrong_argument", turned, "W1, where its transpose belongs"))
        return found

    def value_slips() -> list[Slip]:
        return [
            Slip("wrong_loss", [np.linalg.norm(r) / 2, np.linalg.norm(r)], "½ of the norm, where its square belongs"),
            Slip(
                "wrong_loss",
                [r.sum() ** 2 / 2, r.sum() ** 2],
                "the sum of the errors, squared, where each error is squared",
            ),
            Slip("wrong_loss", [np.abs(r).sum() / 2, np.abs(r).sum()], "absolute values, where squares belong"),
            Slip("averaged", [np.mean(r**2) / 2, np.mean(r**2)]),
            Slip("missing_term", np.sum((np.einsum("ji,i->j", W2, phi(unbiased)) - y) ** 2) / 2, "the bias b in a"),
            Slip("missing_term", np.sum(o**2) / 2, "y"),
            Slip("missing_activation", np.sum((np.einsum("ji,i->j", W2, a) - y) ** 2) / 2, "phi"),
            Slip("activation_on_output", np.sum((phi(o) - y) ** 2) / 2, "phi"),
            Slip(
                "wrong_argument",
                np.sum((np.einsum("ji,i->j", W2, slope(a)) - y) ** 2) / 2,
                "phi_prime, where phi belongs",
            ),
            Slip(
                "wrong_argument",
                [
                    np.sum((np.einsum("ji,i->j", W2, own) - y) ** 2) / 2
                    for own in (np.tanh(a), sigmoid(a), np.maximum(a, 0))
                ],
                off,
            ),
            Slip("wrong_argument", np.sum((o + y) ** 2) / 2, "the difference of o and y, not their sum"),
        ]

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
    """The gradients of ½ ‖W2 (W1 x + b) − y‖² at the old weights, and what known slips give.

    slips : () -> "W1", "W2" -> what they give for the gradient
    """

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

        def slips() -> dict[str, list[Slip]]:
            new_W1, new_W2 = self.new.values()
            newer_h, bent, open_gates = hidden(new_W1), np.maximum(h, 0), (h > 0)[:, None]
            after_relu = outer_1(W2, error(W2, bent)) * open_gates
            found = {
                "W1": [
                    Slip(
                        "wrong_argument",
                        [outer_1(new_W2, error(new_W2, h)), outer_1(new_W2, r), outer_1(W2, error(new_W2, h))],
                        "the new W2, where the gradient at the old weights is needed",
                    ),
                    Slip("missing_term", outer_1(W2, error(W2, h - b)), "the bias b"),
                    Slip("wrong_argument", after_relu, "there is no ReLU between these layers"),
                    Slip("wrong_argument", outer_1(W2, r + y), "o, where the error r = o − y belongs"),
                    Slip("missing_chain_factor", np.tile(r.sum() * x, (len(b), 1)), "W2"),
                    Slip("missing_chain_factor", np.tile(np.einsum("ji,j->i", W2, r)[:, None], (1, len(x))), "x"),
                    Slip("missing_chain_factor", np.outer(W2.sum(axis=0), x), "r = W2 h − y"),
                ],
                "W2": [
                    Slip(
                        "wrong_argument",
                        [np.outer(error(W2, newer_h), newer_h), np.outer(r, newer_h), np.outer(error(W2, newer_h), h)],
                        "the new W1, where the gradient at the old weights is needed",
                    ),
                    Slip("missing_term", [np.outer(error(W2, h - b), h - b), np.outer(r, h - b)], "the bias b"),
                    Slip("wrong_argument", np.outer(r + y, h), "o, where the error r = o − y belongs"),
                    Slip("wrong_argument", np.outer(error(W2, bent), bent), "there is no ReLU between these layers"),
                    Slip("wrong_argument", [np.outer(r, np.tanh(h)), np.outer(r, b)], "h = W1 x + b belongs there"),
                    Slip("missing_chain_factor", np.tile(r[:, None], (1, len(h))), "h = W1 x + b"),
                    Slip("missing_chain_factor", np.tile(h[None, :], (len(r), 1)), "r = W2 h − y"),
                ],
            }
            if len(r) == len(h):
                found["W1"].append(Slip("wrong_argument", outer_1(W2.T, r), "W2, where its transpose belongs"))
                found["W2"].append(Slip("wrong_argument", np.outer(r, x), "x, where h = W1 x + b belongs"))
            return found

        self.slips = slips
