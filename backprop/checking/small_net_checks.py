"""Check a small net of the student's own numbers, its score and one training step, against numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .comparison import CheckFailed, Comparison, compare, conclude, stop_if_wrong
from .finite_differences import jacobian
from .number_checks import YOURS, require_number, run_back
from .student_code import student_code

__all__ = ["SCORE_SLIPS", "check_score", "check_step"]


# What known mistakes make of the score of x: family -> function of x, w, b, v, c.
SCORE_SLIPS: dict[str, Callable[..., Any]] = {
    "missing_activation:tanh": lambda x, w, b, v, c: c + v @ (w @ x + b),
    "activation_on_output:tanh": lambda x, w, b, v, c: np.tanh(c + v @ np.tanh(w @ x + b)),
    "missing_term:c": lambda x, w, b, v, c: v @ np.tanh(w @ x + b),
    "missing_term:b": lambda x, w, b, v, c: c + v @ np.tanh(w @ x),
    "missing_term:the second input": lambda x, w, b, v, c: c + v @ np.tanh(w[:, 0] * x[0] + b),
    "missing_term:the first input": lambda x, w, b, v, c: c + v @ np.tanh(w[:, 1] * x[1] + b),
    "missing_chain_factor:v": lambda x, w, b, v, c: c + np.tanh(w @ x + b).sum(),
    "swapped_arguments:x[0] and x[1]": lambda x, w, b, v, c: c + v @ np.tanh(w @ x[::-1] + b),
    "wrong_argument:x[0] is used for both inputs": lambda x, w, b, v, c: c + v @ np.tanh(w.sum(axis=1) * x[0] + b),
    "wrong_argument:x[0] is left out beside its weight": lambda x, w, b, v, c: c + v @ np.tanh(w @ [1.0, x[1]] + b),
    "wrong_argument:x[1] is left out beside its weight": lambda x, w, b, v, c: c + v @ np.tanh(w @ [x[0], 1.0] + b),
    "wrong_argument:the weight of x[0] is left out": lambda x, w, b, v, c: c + v @ np.tanh(x[0] + w[:, 1] * x[1] + b),
    "wrong_argument:the weight of x[1] is left out": lambda x, w, b, v, c: c + v @ np.tanh(w[:, 0] * x[0] + x[1] + b),
    "wrong_argument:tanh of the units is left out, v alone counts": lambda x, w, b, v, c: c + v.sum(),
    "missing_term:w x": lambda x, w, b, v, c: c + v @ np.tanh(b),
    "wrong_argument:relu, where tanh belongs": lambda x, w, b, v, c: c + v @ np.maximum(w @ x + b, 0),
    "wrong_argument:only the last unit counts, and c does not": lambda x, w, b, v, c: (
        v[-1] * np.tanh(w[-1] @ x + b[-1])
    ),
    "wrong_argument:b is added after tanh": lambda x, w, b, v, c: c + v @ (np.tanh(w @ x) + b),
    "wrong_argument:v is inside tanh": lambda x, w, b, v, c: c + np.tanh(v * (w @ x + b)).sum(),
    "wrong_argument:c is added once for each unit": lambda x, w, b, v, c: len(v) * c + v @ np.tanh(w @ x + b),
    "wrong_argument:c is added for each unit, and once more": lambda x, w, b, v, c: (
        (len(v) + 1) * c + v @ np.tanh(w @ x + b)
    ),
    "wrong_argument:only the last unit counts": lambda x, w, b, v, c: c + v[-1] * np.tanh(w[-1] @ x + b[-1]),
    "wrong_argument:only the first unit counts": lambda x, w, b, v, c: c + v[0] * np.tanh(w[0] @ x + b[0]),
    "wrong_argument:the mean over the units, where their sum belongs": lambda x, w, b, v, c: (
        c + v @ np.tanh(w @ x + b) / len(v)
    ),
}


def check_score(SmallNet: Callable[..., Any], Number: Callable[..., Any]) -> None:
    """Check the score of a small net with 5 hidden units against numpy, its gradients against differences of that.

    Raises CheckFailed with the report when something is wrong.
    """
    rng = np.random.default_rng(7)
    nets = []
    for hidden in (5, 20):  # both alive at once
        shapes = {"w": (hidden, 2), "b": (hidden,), "v": (hidden,), "c": ()}
        arrays = {name: np.array(rng.normal(size=shape)) for name, shape in shapes.items()}
        for name in "wbv" if hidden > 5 else "":
            arrays[name][-1] = arrays[name][0]  # two units that are equal
        with student_code("SmallNet"):
            net = SmallNet(hidden)
        net.w = [[Number(u) for u in pair] for pair in arrays["w"].tolist()]
        net.b, net.v = ([Number(u) for u in arrays[key].tolist()] for key in "bv")
        net.c = Number(float(arrays["c"]))
        nets.append((net, arrays))
    found = [_score(net, arrays, x) for x in ([0.6, -1.7], [-2.3, 0.35], [0.7, 0.7]) for net, arrays in nets]
    conclude([("score of x = [0.6, −1.7] with 5 hidden units", found[0])])
    print("   also right: another net at the same time, another point")


def _score(net: Any, arrays: Mapping[str, np.ndarray], x: Sequence[float]) -> list[Comparison]:
    w, b, v, c = arrays.values()

    def right() -> np.ndarray:
        return c + v @ np.tanh(w @ x + b)

    with student_code("SmallNet.score"):
        score = net.score(list(x))
    require_number(score, "score")
    total = right()
    wrong = {family: slip(np.array(x), w, b, v, c) for family, slip in SCORE_SLIPS.items()}
    value = compare("score", score.out, total, candidates=wrong, labels=YOURS)
    stop_if_wrong([(f"score of x = {list(x)}", [value])])
    run_back(score, 1.0)
    got = {"w": [[u.d_out for u in pair] for pair in net.w], "c": net.c.d_out}
    got |= {key: [u.d_out for u in getattr(net, key)] for key in "bv"}
    lines = [value]
    for name, array in arrays.items():
        exact, doubt = jacobian(right, array)
        lines.append(compare(f"∂score/∂{name}", got[name], exact, uncertainty=doubt, labels=YOURS))
    stop_if_wrong([(f"score of x = {list(x)}", lines)])
    return lines


class _Line:
    """A net without a hidden layer: score = a x[0] + b x[1]."""

    def __init__(self, Number: Callable[..., Any], a: float, b: float):
        self.a, self.b = Number(a), Number(b)

    def score(self, x: Sequence[float]) -> Any:
        return self.a * x[0] + self.b * x[1]

    def parameters(self) -> list[Any]:
        return [self.a, self.b]


def check_step(training_step: Callable[..., Any], Number: Callable[..., Any]) -> None:
    """Check one step of gradient descent, with a straight line on 7 points, then a second step; print the report.

    Raises CheckFailed with the report when something is wrong.
    """
    rng = np.random.default_rng(11)
    lines = {}
    for count, size in ((7, 0.3), (15, 0.07)):
        X, t = rng.normal(size=(count, 2)), np.resize([0.8, -1.3], count)
        if count > 7:
            X[5], X[4] = X[0], X[2]  # points that come again, with another target and with the same
        with student_code("Number"):
            net = _Line(Number, 0.6, -1.7)
        for number in (1, 2):
            title = f"step {number} on {count} points, step size {size}"
            lines[title] = _step(training_step, net, X, t, size, title)
    first = next(iter(lines))
    conclude([(first, lines[first])])
    print("   also right: a second step, another number of points, another step size")


def _step(training_step: Callable[..., Any], net: _Line, X: np.ndarray, t: np.ndarray, size: float, title: str) -> list:
    before = np.array([float(p.out) for p in net.parameters()])
    weights = before.copy()
    slope, doubt = jacobian(lambda: np.mean((X @ weights - t) ** 2), weights)
    loss, n = np.mean((X @ before - t) ** 2), len(t)
    points, targets = X.tolist(), t.tolist()
    with student_code("training_step"):
        got = training_step(net, points, targets, size)
    if hasattr(got, "arrows"):
        raise CheckFailed("training_step returned a Number: return its value, a plain float.")
    if points != X.tolist() or targets != t.tolist():
        raise CheckFailed("training_step changed X or t: leave them as they are.")
    hints = {
        "missing_mean": n * loss,
        "wrong_loss:the error after the step": np.mean((X @ (before - size * slope) - t) ** 2),
        "wrong_loss:the mean of score − t": np.mean(X @ before - t),
        "wrong_loss:the root of the mean": loss**0.5,
        "wrong_argument:score + t, where their difference belongs": np.mean((X @ before + t) ** 2),
        "wrong_argument:one point only": [(X[i] @ before - t[i]) ** 2 / k for i in (0, -1) for k in (1, n)],
    }
    lines = [compare("J", got, loss, candidates=hints, labels=YOURS)]
    stop_if_wrong([(title, lines)])
    moved = {
        "wrong_argument:the step goes uphill": before + size * slope,
        "wrong_argument:the parameters have not moved": before,
        "wrong_argument:the gradient of the sum, where that of the mean belongs": before - size * n * slope,
        "wrong_argument:the gradient is divided by the number of points once more": before - size * slope / n,
        "wrong_argument:step_size is left out": before - slope,
        "wrong_argument:a parameter is replaced by its step": -size * slope,
        "missing_term:one of the parameters has not moved": [
            np.where(k, before, before - size * slope) for k in ([0, 1], [1, 0])
        ],
    }
    after = [p.out for p in net.parameters()]
    lines.append(
        compare("a, b", after, before - size * slope, candidates=moved, uncertainty=size * doubt, labels=YOURS)
    )
    stop_if_wrong([(title, lines)])
    return lines
