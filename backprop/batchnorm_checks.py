"""Check batch normalisation (section 12): forward, and its gradients.

    check_batchnorm_forward(batchnorm_forward)
    check_batchnorm_backward(batchnorm_forward, batchnorm_backward)

`forward_slips` and `backward_slips` say what known mistakes lead to. Each check prints its report and returns None, or
raises CheckFailed with the report as its message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .checking.comparison import CheckFailed, Comparison, compare, conclude, describe, stop_if_wrong
from .checking.student_code import student_code
from .layer_checks import check_layer

__all__ = [
    "backward_slips",
    "check_batchnorm_backward",
    "check_batchnorm_forward",
    "forward_slips",
    "of_earlier_batch",
]

Array = np.ndarray
Slips = dict[str, Any]

# 5 examples of 2 units: the means are 2 and −½, the variances 10 and 6
_X = np.array([[1.0, 2.5], [4.0, -1.5], [-2.0, -4.5], [7.0, 1.5], [0.0, -0.5]])
_GAMMA, _BETA = np.array([0.7, -1.3]), np.array([0.4, 2.9])


@np.errstate(all="ignore")
def forward_slips(x: Array, gamma: Array, beta: Array, eps: float) -> Slips:
    """family -> what `out` is after that mistake; x of shape (N, D)."""
    n = len(x)
    c = x - x.mean(axis=0)
    v = (c**2).mean(axis=0)

    def out(scaled: Array) -> Array:
        return gamma * scaled + beta

    def scaled_by_itself(centred: Array) -> Array:
        return out(centred / np.sqrt((centred**2).mean(axis=0) + eps))

    rows = x - x.mean(axis=1, keepdims=True)
    right = c / np.sqrt(v + eps)
    return {
        "missing_term:eps": out(c / np.sqrt(v)),
        "wrong_argument:eps is added after the root, where it belongs inside": out(c / (np.sqrt(v) + eps)),
        "wrong_argument:the sum of squares is divided by N − 1": out(c / np.sqrt(v * n / (n - 1) + eps)),
        "wrong_argument:the sum of the squares, where their mean belongs": out(c / np.sqrt(v * n + eps)),
        "wrong_argument:c is not divided by s": out(c),
        "wrong_argument:divided by the variance, where its root belongs": [out(c / (v + eps)), out(c / v)],
        "wrong_argument:c and s are exchanged in the quotient": out(np.sqrt(v + eps) / c),
        "missing_term:the mean of c², so that eps alone is left under the root": out(c / np.sqrt(eps)),
        "missing_term:the mean is not subtracted": [out(x / np.sqrt(v + eps)), scaled_by_itself(x)],
        "wrong_argument:the mean is added, where it is subtracted": scaled_by_itself(x + x.mean(axis=0)),
        "wrong_argument:the sum of x, where its mean belongs": scaled_by_itself(x - x.sum(axis=0)),
        "wrong_argument:the mean of x², where that of c² belongs": out(c / np.sqrt((x**2).mean(axis=0) + eps)),
        "wrong_argument:mean and variance of each example, where those of each unit belong": out(
            rows / np.sqrt((rows**2).mean(axis=1, keepdims=True) + eps)
        ),
        "wrong_argument:one mean and one variance for all units": out((x - x.mean()) / np.sqrt(x.var() + eps)),
        "wrong_argument:one mean for all units": scaled_by_itself(x - x.mean()),
        "wrong_argument:one variance for all units": out(c / np.sqrt(v.mean() + eps)),
        "wrong_argument:gamma is left out": right + beta,
        "missing_term:beta": gamma * right,
        "wrong_argument:gamma and beta are left out": right,
        "wrong_argument:beta is scaled by gamma too": gamma * (right + beta),
        "swapped_arguments:gamma and beta": beta * right + gamma,
        "wrong_argument:beta is subtracted": gamma * right - beta,
    }


def of_earlier_batch(x: Array, earlier: Array, gamma: Array, beta: Array, eps: float) -> list[Array]:
    """What `out` is with the mean of an earlier batch, and with its mean and variance."""
    c = x - earlier.mean(axis=0)
    return [gamma * c / np.sqrt(v + eps) + beta for v in ((c**2).mean(axis=0), earlier.var(axis=0))]


@np.errstate(all="ignore")
def backward_slips(x: Array, gamma: Array, upstream: Array, eps: float = 1e-5) -> dict[str, Slips]:
    """ "x", "gamma", "beta" -> family -> what that gradient is after that mistake; x and upstream of shape (N, D)."""
    n = len(x)
    s = np.sqrt(np.var(x, axis=0) + eps)
    x_hat = (x - np.mean(x, axis=0)) / s
    g = gamma * upstream
    through_mean, through_variance = g.sum(axis=0) / n, x_hat * (g * x_hat).sum(axis=0) / n
    right = _by_x(x_hat, s, g)
    of_x: Slips = {
        "missing_term:the way through the mean": (g - through_variance) / s,
        "missing_term:the way through the variance": (g - through_mean) / s,
        "missing_term:the ways through the mean and the variance": g / s,
        "missing_term:the direct way": [(-through_mean - through_variance) / s, -through_variance / s],
        "missing_chain_factor:gamma": right / gamma,
        "missing_chain_factor:1/s": right * s,
        "wrong_argument:1/s is there twice": right / s,
        "wrong_argument:1/N is left out in what comes through the mean": (g - n * through_mean - through_variance) / s,
        "wrong_argument:1/N is left out in what comes through the variance": (
            (g - through_mean - n * through_variance) / s
        ),
        "wrong_argument:1/N is left out in what comes through the mean and the variance": (
            (g - n * through_mean - n * through_variance) / s
        ),
        "averaged": right / n,
        "sign": -right,
        "wrong_argument:what comes through the mean has the opposite sign": (g + through_mean - through_variance) / s,
        "wrong_argument:what comes through the variance has the opposite sign": (g - through_mean + through_variance)
        / s,
        "wrong_argument:what comes through the variance has a factor of 2 or a power of s too much or too little": [
            (g - through_mean - k * s**power * through_variance) / s
            for k in (2.0, 1.0, 0.5)
            for power in (0, 1, -1, 2, -2)
            if k != 1.0 or power
        ],
        "wrong_argument:N − 1, where N belongs": [
            (g - through_mean - through_variance * n / (n - 1)) / s,
            (g - (through_mean + through_variance) * n / (n - 1)) / s,
        ],
        "missing_chain_factor:1/s, on the direct way,": g - through_mean - through_variance / s,
        "missing_chain_factor:that arrives at the variance": [
            (g - through_mean) / s + k * s * x_hat / n for k in (1.0, 2.0)
        ],
        "missing_chain_factor:c (or x̂), on the way through the variance": [
            (g - through_mean - s * x_hat * g.sum(axis=0) / s**2 / n) / s,
            (g - through_mean - (g * x_hat).sum(axis=0) / n) / s,
        ],
        "missing_chain_factor:(sum of the upstream gradient times x̂)": (g - through_mean - gamma * x_hat / n) / s,
        "missing_chain_factor:(upstream gradient itself), on the direct way,": (
            (gamma - through_mean - through_variance) / s
        ),
        "wrong_argument:N is left out on the direct way": (g / n - through_mean - through_variance) / s,
        "missing_chain_factor:gamma/(N s)": n * s * right / gamma,
        "missing_chain_factor:1/(N s)": n * s * right,
        "wrong_argument:gamma/(N s) is upside down": n * s * (n * s * right / gamma) / gamma,
        "wrong_argument:the sum over all units, where each unit has its own": [
            (g - through_mean - x_hat * (s * g * x_hat).sum() / s / n) / s,
            (g - through_variance) / s - ((g - through_variance) / s).sum() / n,
        ],
        "wrong_argument:what comes through the mean arrives at the first example only": (
            (g - through_variance - np.eye(n, 1) * n * through_mean) / s
        ),
        "wrong_argument:means, where sums belong": (g - through_mean / n - through_variance / n) / s,
        "wrong_argument:the size of the upstream gradient, without its sign": _by_x(x_hat, s, np.abs(upstream) * gamma),
        "upstream_ignored": (gamma - gamma * np.ones_like(x).sum(axis=0) / n - x_hat * 0) / s,
    }
    total = upstream.sum(axis=0)
    return {
        "x": {family: value for family, value in of_x.items() if not _equal(value, right)},
        "gamma": {
            "missing_chain_factor:x̂": total,
            "wrong_argument:x, where x̂ belongs": (upstream * x).sum(axis=0),
            "wrong_argument:c, where x̂ belongs": (upstream * s * x_hat).sum(axis=0),
            "wrong_argument:the scaled output, where x̂ belongs": (upstream * gamma * x_hat).sum(axis=0),
            "batch_axis": upstream * x_hat,
            "averaged": (upstream * x_hat).mean(axis=0),
        },
        "beta": {
            "batch_axis": upstream,
            "averaged": upstream.mean(axis=0),
            "wrong_argument:gamma has no part in it": gamma * total,
            "upstream_ignored": np.full_like(total, n),
        },
    }


def _by_x(x_hat: Array, s: Array, g: Array) -> Array:
    """What arrives at x when g arrives at x̂."""
    return (g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0)) / s


def _equal(value: Any, right: Array) -> bool:
    return not isinstance(value, list) and np.allclose(value, right, rtol=1e-6)


def check_batchnorm_forward(forward: Callable[..., Any]) -> None:
    """Check batchnorm_forward(x, gamma, beta, eps): out against known numbers; print the report.

    Raises CheckFailed with the report when something is wrong.
    """
    n = 0.1 * np.random.default_rng(3).normal(size=(7, 5)) + 2.0
    batches = {
        "5 examples of 2 units": (_X, _GAMMA, _BETA, 1e-5),
        "5 other examples": (0.7 * _X[::-1, ::-1] - 0.3, _GAMMA[::-1], _BETA[::-1], 1e-5),
        "7 examples of 5 units": (
            n,
            np.array([0.7, -1.3, 0.3, 1.9, -0.6]),
            np.array([0.4, 2.9, 0.0, -0.7, 1.6]),
            0.003,
        ),
        "a unit that is the same for all examples": (np.full((5, 1), 2.3), np.array([0.7]), np.array([-1.3]), 1e-5),
    }
    found = [_forward(forward, title, *batch) for title, batch in batches.items()]
    _forward(forward, "150 examples, one of them far from the others", _far(), _GAMMA, _BETA, 1e-5)
    _forward(forward, "the first batch once more", *batches["5 examples of 2 units"])
    conclude([(f"batchnorm_forward, {title}", lines) for title, lines in zip(batches, found, strict=True)])


def _far() -> Array:
    """150 examples of 2 units: one lies twelve deviations away, and one is there twice."""
    far = np.linspace(-1.0, 1.0, 150)[:, np.newaxis] * [1.0, -0.3]
    far[70], far[71] = [200.0, -90.0], far[9]
    return far


def _forward(
    forward: Callable[..., Any], title: str, x: Array, gamma: Array, beta: Array, eps: float
) -> list[Comparison]:
    given = [value.copy() for value in (x, gamma, beta)]
    with student_code("batchnorm_forward"):
        result = forward(*given) if eps == 1e-5 else forward(*given, eps)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise CheckFailed(f"batchnorm_forward returned {describe(result)}: it should return two things, out and cache.")
    for name, before, after in zip(("x", "gamma", "beta"), (x, gamma, beta), given, strict=True):
        if not np.array_equal(before, after):
            raise CheckFailed(f"batchnorm_forward changed its input {name} in place: work on a copy.")
    right = gamma * (x - x.mean(axis=0)) / (x.var(axis=0) + eps) ** 0.5 + beta
    hints = forward_slips(x, gamma, beta, eps)
    if x.shape == _X.shape and x is not _X:
        hints["stale:mean and variance are those of an earlier batch"] = of_earlier_batch(x, _X, gamma, beta, eps)
    if eps != 1e-5:
        hints["wrong_argument:eps is not the one that was given"] = (
            gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + 1e-5) + beta
        )
    lines = [compare("out", result[0], right, atol=1e-9, candidates=hints, labels=("yours", "right"))]
    stop_if_wrong([(f"batchnorm_forward, {title}", lines)])
    return lines


def check_batchnorm_backward(forward: Callable[..., Any], backward: Callable[..., Any]) -> None:
    """Check the gradients of batchnorm_forward with 7 examples of 5 units; print the report.

    Raises CheckFailed with the report when something is wrong.
    """
    rng = np.random.default_rng(8)
    x = rng.normal(size=(7, 5)) * [0.2, 0.6, 1.1, 3.0, 1.7] + [0.4, -1.3, 0.0, 2.2, -0.7]
    gamma, beta = np.array([0.7, -1.3, 0.3, 1.9, -0.6]), np.array([0.4, 2.9, 0.0, -0.7, 1.6])
    mistakes = {
        name: {family: _slip(name, family, x, gamma) for family in families}
        for name, families in backward_slips(x, gamma, rng.normal(size=x.shape)).items()
    }
    expected = gamma * (x - x.mean(axis=0)) / (x.var(axis=0) + 1e-5) ** 0.5 + beta
    check_layer(forward, backward, x=x, gamma=gamma, beta=beta, expected=expected, mistakes=mistakes)
    far = _far()
    upstream = np.resize([0.7, -1.3, 0.4, 1.6, -0.2], far.shape)
    upstream[71] = upstream[9]
    with student_code("batchnorm_backward"):
        got = backward(upstream.copy(), forward(far.copy(), _GAMMA.copy(), _BETA.copy())[1])
    s = np.sqrt(far.var(axis=0) + 1e-5)
    x_hat = (far - far.mean(axis=0)) / s
    right = (_by_x(x_hat, s, _GAMMA * upstream), (upstream * x_hat).sum(axis=0), upstream.sum(axis=0))
    hints = backward_slips(far, _GAMMA, upstream)
    lines = [
        compare(f"grad_{key}", *pair, candidates=hints[key], single=True)
        for key, *pair in zip(("x", "gamma", "beta"), got, right, strict=True)
    ]
    stop_if_wrong([("batchnorm_backward, 150 examples, one of them far from the others", lines)])


def _slip(name: str, family: str, x: Array, gamma: Array) -> Callable[[Array], Any]:
    return lambda upstream: backward_slips(x, gamma, upstream)[name].get(family)
