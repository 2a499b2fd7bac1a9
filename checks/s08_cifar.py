"""Checks of section 08: layers on batches, a two-layer network, its training step.

Exercises: EECS 442 homework 4, tasks 2 to 4. The network and its training step are judged in `two_layer_net`, what is
decided by trained weights in `trained_weights`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from autograder.judging import (
    Array,
    Draw,
    FunctionRule,
    FunctionTrial,
    Remote,
    Slip,
    Student,
    StudentError,
    StudentGone,
    check,
    expect,
    expect_true,
    inputs,
    part,
)
from autograder.judging.regions import SINGLE

from .common import trained_weights, two_layer_net
from .common.cached_layers import Layer, alone
from .common.two_layer_net import agrees, data_loss, log_softmax, not_equal, require_several

SECTION = "08-cifar"

# -- layers -------------------------------------------------------------------------------------------------------


class Ran:
    """One call of a forward function: `out` as it came, and the cache where it is."""

    def __init__(self, student: Student, name: str, *inputs: Array):
        self.name, self.given = name, inputs
        self.inputs = [student.put(value) for value in inputs]
        answer = student.call(name, *self.inputs)
        require_several(answer.value, 2, name, "out and cache")
        self.out, self.cache = answer.item(0).value, answer.item(1)

    def unchanged(self, *names: str) -> None:
        for name, value, remote in zip(names, self.given, self.inputs, strict=True):
            _expect_unchanged(remote, value, f"{self.name} changed its input {name} in place")


def _expect_unchanged(remote: Remote, value: Array, what: str) -> None:
    now = remote.fetch()
    same = isinstance(now, np.ndarray) and now.shape == value.shape and np.array_equal(now, value)
    expect_true(same, f"{what}: others still need it as it was, so work on a copy.", "in_place")


@check(
    f"{SECTION}/fc_check",
    points=5,
    domain={"fc_backward, one array twice": "what arrives from above and what is in the cache are two things"},
)
def fully_connected(student: Student, draw: Draw) -> None:
    """out = x w + b for a batch; the gradients of x, w and b, those of w and b summed over the batch."""
    n, d, m = draw.distinct_sizes(3)
    x, w, b, upstream = draw.signed(n, d), draw.signed(d, m), draw.signed(m), draw.signed(n, m)
    other = draw.signed(n, d), draw.signed(d, m), draw.signed(m)
    right = x @ w + b
    ran = None

    def rule(g: Array | None, x: Array, w: Array, b: Array) -> tuple[Array, tuple[Array, ...]]:
        return x @ w + b, () if g is None else (g @ w.T, x.T @ g, g.sum(axis=0))

    def sized(n: int, d: int, m: int) -> Callable[..., dict[str, Array]]:
        return lambda array: {"x": array(n, d), "w": array(d, m), "b": array(m)}

    def of_one(array: Callable[..., Array]) -> dict[str, Array]:
        square = array(d, d)
        return {"x": square, "w": square, "b": array(d)}

    sizes = ((1, d, m), (n, d, 1), (n, 1, m), (n, m, m), (d, d, d), (1, 1, 1), (25, 30, 20))
    others = [*(sized(*each) for each in sizes), of_one]
    layer = Layer(student, ("fc_forward", "fc_backward"), draw, rule, sized(n, d, m), *others, single=True)
    with part("forward", points=2):
        ran = Ran(student, "fc_forward", x, w, b)

        def mistakes() -> list[Slip]:
            return [
                Slip("missing_term", x @ w, "b is left out"),
                Slip("wrong_argument", [x @ w - b, b - x @ w], "b is subtracted where it should be added"),
                Slip("wrong_argument", x @ w * b, "b multiplies where it should be added"),
                Slip("wrong_argument", [(x @ w) + b.sum()], "b is added before the product"),
                Slip("activation_on_output", np.maximum(right, 0), "ReLU"),
                Slip("averaged", x @ w / d + b),
            ]

        if expect(ran.out, right, name="out", mistakes=lambda: not_equal(mistakes(), right)):
            ran.unchanged("x", "w", "b")
            layer.expect_forward()
    with part("backward", points=3):
        ran = ran or Ran(student, "fc_forward", x, w, b)
        Ran(student, "fc_forward", *other)  # a layer that remembers the latest call only is found out
        grad_out = student.put(upstream)
        answer = student.call("fc_backward", grad_out, ran.cache).value
        require_several(answer, 3, "fc_backward", "grad_x, grad_w and grad_b")
        exact = {"x": upstream @ w.T, "w": x.T @ upstream, "b": upstream.sum(axis=0)}
        hints = {
            "x": [
                Slip("upstream_ignored", np.tile(w.sum(axis=1), (n, 1))),
                Slip("averaged", exact["x"] / m),
                Slip("stale", upstream @ other[1].T, LATEST.format("fc")),
            ],
            "w": [
                Slip("upstream_ignored", np.tile(x.sum(axis=0)[:, None], (1, m))),
                Slip("batch_axis", x[:, :, None] * upstream[:, None, :]),
                Slip("averaged", exact["w"] / n),
                Slip("stale", other[0].T @ upstream, LATEST.format("fc")),
                Slip(
                    "wrong_argument",
                    [np.outer(x[0], upstream[0]), np.outer(x[-1], upstream[-1])],
                    "only one example is used",
                ),
            ],
            "b": [
                Slip("upstream_ignored", [np.full(m, float(n)), np.ones(m)]),
                Slip("averaged", exact["b"] / n),
                Slip("batch_axis", upstream),
                Slip("wrong_argument", [upstream[0], upstream[-1]], "only one example is used"),
                Slip("bias_axis", [upstream.sum(axis=1), upstream.mean(axis=1)]),
            ],
        }
        names = list(exact)
        for i, name in enumerate(names):
            for partner in names[i + 1 :]:
                hints[name].append(Slip("swapped_arguments", exact[partner], f"grad_{name} and grad_{partner}"))
                hints[partner].append(Slip("swapped_arguments", exact[name], f"grad_{name} and grad_{partner}"))
        good = all(
            [expect(got, exact[name], name=f"grad_{name}", batch_size=n, mistakes=hints[name])
             for name, got in zip(names, answer, strict=True)]
        )  # fmt: skip
        _expect_unchanged(grad_out, upstream, "fc_backward changed grad_out in place")
        ran.unchanged("x", "w", "b")
        if good:
            layer.expect_backward()


LATEST = "{0}_backward works with the latest call of {0}_forward, and should with its cache"


AT_ZERO = dict.fromkeys(
    ["zeros", "a single zero", "negative zero"], "what happens at 0 is asked apart: any slope from 0 to 1 is accepted"
)


@check(f"{SECTION}/relu_check", points=5, domain=AT_ZERO)
def relu(student: Student, draw: Draw) -> None:
    """max(0, x) for x of any shape; the gradient passes where x > 0. At 0 any slope from 0 to 1 is accepted."""
    n, d, k = draw.distinct_sizes(3, high=7)
    flat, deep, row = draw.signed(n, d), draw.signed(2, n, d, k), draw.signed(n + d)
    for x in (flat, deep, row):
        x.flat[:2] = np.abs(x.flat[0]), -np.abs(x.flat[1])  # both signs are there
        x.flat[2] = 25.0  # nothing limits what passes
    runs: list[Ran] = []

    def rule(g: Array | None, x: Array) -> tuple[Array, tuple[Array, ...]]:
        return np.maximum(x, 0), () if g is None else (g * (x > 0),)

    def sized(*shape: int) -> Callable[..., dict[str, Array]]:
        return lambda array: {"x": array(*shape)}

    layer = Layer(
        student,
        ("relu_forward", "relu_backward"),
        draw,
        rule,
        *map(sized, (n, 1, 1, d, d), (d, d, 1, 1, d)),
        sized(1),
        sized(7),
        zeros=False,
        single=True,
    )
    with part("forward", points=2):
        for x in (flat, deep, row):
            ran = Ran(student, "relu_forward", x)
            runs.append(ran)
            mistakes = [
                Slip("missing_activation", x, "ReLU"),
                Slip("sign", [np.minimum(x, 0), -np.maximum(x, 0), np.maximum(-x, 0)]),
                Slip("absolute", np.abs(x)),
                Slip("wrong_argument", (x > 0).astype(float), "the slope of ReLU, where its value belongs"),
                Slip(
                    "wrong_argument",
                    [np.where(x > 0, x, s * x) for s in (0.1, 0.01)],
                    "a small slope is left below zero",
                ),
                Slip("wrong_argument", np.maximum(x, 1), "the maximum is taken with 1, where 0 belongs"),
            ]
            if not expect(ran.out, np.maximum(x, 0), name="out", mistakes=mistakes):
                break
            ran.unchanged("x")
        else:
            layer.expect_forward()
    with part("backward", points=3):
        for x in (flat, deep, row):
            ran = next((r for r in runs if r.given[0] is x), None) or Ran(student, "relu_forward", x)
            upstream = draw.signed(*x.shape)
            latest = draw.signed(*x.shape)
            Ran(student, "relu_forward", latest)  # a layer that remembers the latest call only is found out
            grad_out = student.put(upstream)
            got = alone(student.call("relu_backward", grad_out, ran.cache).value)
            mask = x > 0
            mistakes = [
                Slip("missing_mask", upstream),
                Slip("stale", upstream * (latest > 0), LATEST.format("relu")),
                Slip("upstream_ignored", mask.astype(float)),
                Slip("upstream_twice", upstream**2 * mask),
                Slip(
                    "wrong_argument",
                    upstream * ~mask,
                    "the gradient passes where x is below zero, where it should stop",
                ),
                Slip(
                    "wrong_argument", upstream * (upstream > 0), "the sign of grad_out decides, where that of x belongs"
                ),
                Slip(
                    "wrong_argument",
                    [upstream * np.maximum(x, 0), upstream * x, np.maximum(x, 0)],
                    "x itself comes in, where its slope belongs",
                ),
                Slip(
                    "wrong_argument",
                    [upstream * np.where(mask, 1, slope) for slope in (0.1, 0.01)],
                    "a small slope is left below zero",
                ),
            ]
            right = expect(got, upstream * mask, name="grad_x", mistakes=not_equal(mistakes, upstream * mask))
            _expect_unchanged(grad_out, upstream, "relu_backward changed grad_out in place")
            if not right:
                break
        else:
            if layer.expect_backward():
                _at_the_kink(student, draw)


def _at_the_kink(student: Student, draw: Draw) -> None:
    x, upstream = draw.signed(3, 4), draw.positive(3, 4)
    x[0], x[1, :2] = 0.0, 0.0
    ran = Ran(student, "relu_forward", x)
    expect(ran.out, np.maximum(x, 0), name="out where x is 0")
    got = alone(student.call("relu_backward", upstream, ran.cache).value)
    there = x == 0
    fine = (
        isinstance(got, np.ndarray)
        and got.shape == x.shape
        and bool(np.all(np.isfinite(got)))
        and bool(np.all((got[there] >= 0) & (got[there] <= upstream[there] * (1 + 1e-6))))
    )
    text = "grad_x where x is exactly 0 should be grad_out times a slope between 0 and 1."
    if expect_true(fine, text, "kink"):
        expect(np.where(there, 0.0, got), upstream * (x > 0), name="grad_x")


# -- losses -------------------------------------------------------------------------------------------------------

EPSILONS = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 1e-16, 1e-20, 1e-30)


CLASSES = dict.fromkeys(["one entry", "one column"], "there are at least two classes")


@check(f"{SECTION}/softmax_loss_check", points=5, domain=CLASSES)
def softmax_loss(student: Student, draw: Draw) -> None:
    """The mean over the rows of −log p of the true class, and (p − one-hot) / N; stable for any scores, row by row."""
    judge_softmax_loss(student, draw, (1, 2, 1, 1))


def judge_softmax_loss(student: Student, draw: Draw, points: tuple[float, float, float, float]) -> None:
    """Judge softmax_loss(x, y): points for the loss, the gradient, large scores, a true class far behind."""
    n, c = sorted(draw.distinct_sizes(2, low=4), reverse=True)
    x, y = draw.normal(n, c, scale=1.5), draw.labels(n, c)
    loss, grad = data_loss(x, y)
    behind = 8.0 * np.eye(c)[y]  # so far that the same small numbers added to p show, whatever is drawn
    seen: dict[str, Any] = {}
    cases = _scores(draw, n, c)
    everywhere = cache(lambda: FunctionTrial(student, SOFTMAX, cases))
    with part("loss", points=points[0]):
        try:
            seen = _both(student, x, y)
        except StudentGone:
            raise
        except StudentError:
            if _reads_one_hot(student, x, y, loss):
                text = "softmax_loss reads y as one-hot rows: it holds the number of the class of each picture."
                raise StudentError(text, "one_hot_expected") from None
            raise
        slips = partial(_loss_mistakes, x, y, loss)
        if expect(seen["loss"], loss, name="loss", batch_size=n, scalar_like=True, mistakes=slips):
            everywhere().expect("loss")
    with part("gradient", points=points[1]):
        seen = seen or _both(student, x, y)
        slips = partial(_gradient_mistakes, x, y, grad)
        good = expect(seen["grad"], grad, name="grad_x", batch_size=n, mistakes=slips)
        _expect_unchanged(seen["x"], x, "softmax_loss changed the scores x in place")
        _expect_unchanged(seen["y"], y, "softmax_loss changed the labels y in place")
        if good and everywhere().expect("grad_x"):
            everywhere().expect_left_alone()
    with part("large scores", points=points[2]):
        high = draw.normal(n, c) + 1000.0 - behind
        if _expect_both(student, high, y, "unstable", _without_maximum):
            levels = FunctionTrial(student, SOFTMAX, _levels(draw, n, c, y), again=False)
            if all(levels.expect(name) for name in ("loss", "grad_x")):
                low = draw.normal(n, c) + np.where(np.arange(n) % 2, -1000.0, 1000.0)[:, None]
                _expect_both(student, low, y, "global_max", _with_one_maximum)
    with part("a true class far behind", points=points[3]):
        far = draw.normal(n, c)
        far[np.arange(n), y] -= 1000.0
        exact, grad = data_loss(far, y)
        p = np.exp(log_softmax(far))[np.arange(n), y]
        mistakes = [Slip("epsilon_in_log", [-np.log(f(p, e)).mean() for f in (np.add, np.maximum) for e in EPSILONS])]
        seen = _both(student, far, y)
        if expect(seen["loss"], exact, name="loss", scalar_like=True, mistakes=mistakes):
            expect(seen["grad"], grad, name="grad_x")
        far[np.arange(n), y] -= 1e6
        exact, grad = data_loss(far, y)
        seen = _both(student, far, y)
        if expect(seen["loss"], exact, name="loss for a score of −1,000,000", scalar_like=True):
            expect(seen["grad"], grad, name="grad_x for a score of −1,000,000")


def _scores(draw: Draw, n: int, c: int) -> list[tuple[str, dict[str, Any]]]:
    """Scores of up to ±2 in every region, and their labels; large scores are paid for apart."""

    def sized(n: int, c: int) -> Callable[..., dict[str, Array]]:
        return lambda array: {"x": array(n, c), "y": draw.labels(n, c)}

    def behind(array: Callable[..., Array]) -> dict[str, Array]:
        y = draw.labels(n, c)
        return {"x": array(n, c) - 8.0 * np.eye(c)[y], "y": y}

    def lacking(array: Callable[..., Array]) -> dict[str, Array]:
        return {"x": array(n, c), "y": draw.labels(n, c) % (c - 1)}  # no picture is of the last class

    def below(array: Callable[..., Array]) -> dict[str, Array]:
        return {"x": -np.abs(array(n, c)), "y": draw.labels(n, c)}

    others = [sized(1, c), sized(7, 7), sized(n, 12), sized(40, 25), lacking, behind, below]
    return inputs(draw, sized(n, c), *others, ordinary=draw.normal, up_to=1.0, single=True)


def _levels(draw: Draw, n: int, c: int, y: Array) -> list[tuple[str, dict[str, Any]]]:
    """Scores around other numbers than 0: the maximum is taken away wherever it lies, not above some number alone."""
    levels = {"scores of about −1000": -1000.0, "scores of about −750": -750.0, "scores of about 720": 720.0}
    found = [(title, {"x": level + draw.normal(n, c), "y": y}) for title, level in levels.items()]
    single = {"x": (95.0 + draw.normal(n, c)).astype(np.float32), "y": y}
    return [*found, (SINGLE, single)]


def _loss_and_gradient(x: Array, y: Array) -> dict[str, Any]:
    return dict(zip(("loss", "grad_x"), data_loss(x, y), strict=True))


def _softmax_slips(x: Array, y: Array) -> dict[str, list[Slip]]:
    loss, grad = data_loss(x, y)
    return {"loss": _loss_mistakes(x, y, loss), "grad_x": _gradient_mistakes(x, y, grad)}


SOFTMAX = FunctionRule("softmax_loss", _loss_and_gradient, _softmax_slips, floats=["x"])


def _both(student: Student, x: Array, y: Array) -> dict[str, Any]:
    scores, labels = student.put(x), student.put(y)
    answer = student.call("softmax_loss", scores, labels).value
    require_several(answer, 2, "softmax_loss", "loss and grad_x")
    return {"x": scores, "y": labels, "loss": answer[0], "grad": answer[1]}


def _reads_one_hot(student: Student, x: Array, y: Array, loss: float) -> bool:
    try:
        return agrees(_both(student, x, np.eye(x.shape[1])[y])["loss"], loss)
    except StudentGone:
        raise
    except StudentError:
        return False


def _expect_both(student: Student, x: Array, y: Array, family: str, wrong: Callable[[Array], Array]) -> bool:
    """Loss and gradient of extreme scores; `wrong` gives the probabilities that the mistake would lead to."""
    loss, grad = data_loss(x, y)
    p, rows = wrong(x), np.arange(len(y))
    one_hot = np.eye(x.shape[1])[y]
    losses = [-np.log(p[rows, y]).mean(), -(np.log(p) * one_hot).sum(axis=1).mean(), np.nan, np.inf]
    seen = _both(student, x, y)
    good = expect(seen["loss"], loss, name="loss", scalar_like=True, mistakes=[Slip(family, losses)])
    return expect(seen["grad"], grad, name="grad_x", mistakes=[Slip(family, (p - one_hot) / len(y))]) and good


def _without_maximum(x: Array) -> Array:
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True)


def _with_one_maximum(x: Array) -> Array:
    return _without_maximum(x - x.max())


def _loss_mistakes(x: Array, y: Array, loss: float) -> list[Slip]:
    n, c = x.shape
    log_p, rows = log_softmax(x), np.arange(n)
    p = np.exp(log_p)
    down = log_softmax(x, axis=0)
    whole, shifted = x - np.log(np.exp(x).sum()), x - x.max(axis=1, keepdims=True)
    whole_shifted, by_column = shifted - np.log(np.exp(shifted).sum()), log_softmax(x - x.max(axis=0))
    slips = [
        Slip("missing_mean", n * loss),
        Slip("one_based_labels", [-log_p[rows, y - 1].mean(), -log_p[rows, y - 1].sum()]),
        Slip("epsilon_in_log", [-np.log(p[rows, y] + e).mean() for e in EPSILONS]),
        Slip(
            "wrong_argument", -down[rows, y].mean(), "softmax is taken down the columns, where each row is one picture"
        ),
        Slip(
            "wrong_argument",
            [-whole[rows, y].mean(), -whole_shifted[rows, y].mean()],
            "one softmax over the whole array, where each row has its own",
        ),
        Slip(
            "wrong_argument",
            -by_column[rows, y].mean(),
            "each column's maximum is subtracted, where each row's belongs",
        ),
        Slip("wrong_argument", loss / c, "the mean is taken over the classes too"),
        Slip("wrong_loss", -log_p.max(axis=1).mean(), "the most probable class, where the true one belongs"),
        Slip(
            "wrong_loss",
            [-log_p.sum(axis=1).mean(), -log_p.mean(), -log_p.sum()],
            "the logarithm of every class, where that of the true one belongs",
        ),
        Slip(
            "wrong_loss", [1 - p[rows, y].mean(), -p[rows, y].mean(), p[rows, y].mean()], "1 − p, without a logarithm"
        ),
        Slip("wrong_loss", [-x[rows, y].mean(), x[rows, y].mean()], "the score itself, without softmax"),
        Slip(
            "wrong_loss",
            [
                k * -(np.log(p[rows, y]).sum() + np.log(1 - p).sum() - np.log(1 - p[rows, y]).sum())
                for k in (1 / n, 1 / (n * c), 1.0)
            ],
            "binary cross-entropy of each class",
        ),
        Slip(
            "wrong_loss",
            [k * np.sum((p - np.eye(c)[y]) ** 2) for k in (1.0, 0.5, 1 / n, 0.5 / n, 1 / (n * c))],
            "the square error of the probabilities",
        ),
        Slip("wrong_loss", [loss / np.log(2), loss / np.log(10)], "a logarithm to another base"),
        Slip("missing_term", (x.max(axis=1) - x[rows, y]).mean(), "log Σ exp, of which the maximum alone is left"),
    ]
    return not_equal(slips, loss)


def _gradient_mistakes(x: Array, y: Array, grad: Array) -> list[Slip]:
    n, c = x.shape
    p, one_hot = np.exp(log_softmax(x)), np.eye(c)[y]
    down, shifted = np.exp(log_softmax(x, axis=0)), np.eye(c)[y - 1]
    wrong = [
        Slip("missing_term", p / n, "the 1 of the true class"),
        Slip("missing_term", -one_hot / n, "the probabilities"),
        Slip("wrong_argument", (p - 1) / n, "1 is taken from every class, where only the true one has it"),
        Slip(
            "wrong_argument", (down - one_hot) / n, "softmax is taken down the columns, where each row is one picture"
        ),
        Slip("one_based_labels", (p - shifted) / n),
        Slip("wrong_argument", grad / c, "the mean is taken over the classes too"),
        Slip("wrong_argument", grad * one_hot, "only the true class gets a gradient"),
        Slip("wrong_argument", (x - one_hot) / n, "the scores, where the probabilities belong"),
        Slip("wrong_argument", (np.log(p) - one_hot) / n, "the logarithms, where the probabilities belong"),
        Slip(
            "wrong_argument",
            [-one_hot / p / n, -one_hot / p],
            "the gradient with respect to p, where that of x belongs",
        ),
    ]
    sums = [slip.map(lambda value: n * value) for slip in wrong]  # where the mean belongs, on top of the mistake
    alone = [
        Slip("missing_mean", n * grad),
        Slip("averaged", grad / n),
        Slip("sign", [-grad, -n * grad, (p + one_hot) / n]),
    ]
    return not_equal([*wrong, *sums, *alone], grad)


@check(f"{SECTION}/l2_regularization_check", points=5)
def l2_regularization(student: Student, draw: Draw) -> None:
    """reg / 2 · Σ w², and reg · w."""
    d, m = draw.distinct_sizes(2)
    reg, w = draw.number(0.3, 0.45), draw.signed(d, m)
    squares, slope = float(np.sum(w**2)), reg * w
    right = reg / 2 * squares
    answers: list[tuple[Any, Any, Remote]] = []
    cases = _penalties(draw, d, m)
    everywhere = cache(lambda: FunctionTrial(student, PENALTY, cases))

    def ask() -> tuple[Any, Any, Remote]:
        if not answers:
            remote = student.put(w)
            answer = student.call("l2_regularization", remote, reg).value
            require_several(answer, 2, "l2_regularization", "loss and grad_w")
            answers.append((*answer, remote))
        return answers[0]

    with part("loss", points=2):

        def mistakes() -> list[Slip]:
            return [
                Slip("half_penalty", [2 * right, right / 2]),
                Slip("wrong_argument", [squares / 2, squares], "reg is left out"),
                Slip("wrong_argument", [reg**2 / 2 * squares, reg**2 * squares], "reg is squared"),
                Slip(
                    "wrong_loss",
                    [reg / 2 * squares**0.5, reg * squares**0.5],
                    "the norm, which still has to be squared",
                ),
                Slip("wrong_loss", [reg / 2 * np.abs(w).sum(), reg * np.abs(w).sum()], "the sum of absolute values"),
                Slip("wrong_loss", [reg / 2 * w.sum(), reg * w.sum()], "the sum of the weights, not of their squares"),
                Slip(
                    "wrong_argument",
                    [right / w.size, 2 * right / w.size],
                    "the mean over the weights, where their sum belongs",
                ),
                Slip("wrong_argument", [right / d, right / m], "divided by the number of rows"),
                Slip(
                    "wrong_argument",
                    reg / 2 * w.sum() ** 2,
                    "the square of the sum, where the sum of the squares belongs",
                ),
            ]

        if expect(ask()[0], right, name="loss", scalar_like=True, mistakes=lambda: not_equal(mistakes(), right)):
            everywhere().expect("loss")
    with part("gradient", points=3):

        def mistakes() -> list[Slip]:
            return [
                Slip("half_penalty", [2 * slope, slope / 2]),
                Slip("wrong_argument", [w, 2 * w], "reg is left out"),
                Slip("wrong_argument", reg * slope, "reg is squared"),
                Slip(
                    "wrong_argument",
                    [reg * w**2, reg / 2 * w**2],
                    "w², the function itself, where its derivative belongs",
                ),
                Slip(
                    "wrong_argument", [slope / w.size, slope / d], "the mean over the weights, where their sum belongs"
                ),
                Slip("missing_chain_factor", np.full(w.shape, reg), "w"),
                Slip("wrong_argument", reg * np.sign(w), "the slope of |w|, where that of w² belongs"),
                Slip("wrong_argument", [slope / squares**0.5, slope / 2 / squares**0.5], "divided by the norm"),
            ]

        _, grad, remote = ask()
        expect(grad, slope, name="grad_w", mistakes=mistakes)
        _expect_unchanged(remote, w, "l2_regularization changed w in place")
        none = student.call("l2_regularization", w, 0.0).value
        require_several(none, 2, "l2_regularization", "loss and grad_w")
        if expect(none[1], np.zeros((d, m)), name="grad_w for reg = 0") and everywhere().expect("grad_w"):
            everywhere().expect_left_alone()
            all(call.expect_new_arrays() for call in everywhere().calls)


def _penalties(draw: Draw, d: int, m: int) -> list[tuple[str, dict[str, Any]]]:
    """Other weights of the same shape, another reg, one row, one column, small and large numbers."""
    others = [lambda array, shape=shape: {"w": array(*shape)} for shape in ((1, m), (d, 1), (1, 1), (6, 6), (40, 25))]
    found = inputs(draw, lambda array: {"w": array(d, m)}, *others, single=True)
    strengths = (0.35, 1.7, 1.0, 2e-3, 5e-6, 60.0)
    return [(title, {**given, "reg": strengths[n % len(strengths)]}) for n, (title, given) in enumerate(found)]


def _penalty_and_gradient(w: Array, reg: float) -> dict[str, Any]:
    return {"loss": reg / 2 * np.sum(w**2), "grad_w": reg * w}


PENALTY = FunctionRule("l2_regularization", _penalty_and_gradient, floats=["w"])


# -- the network --------------------------------------------------------------------------------------------------


@check(
    f"{SECTION}/two_layer_net_check",
    points=10,
    reveals=True,
    domain={
        "last digits": "parameters are float32, and so are the results of some right answers",
        "TwoLayerNet.forward, result 2": "W1 in the cache serves the gradient of X, which nobody needs",
        "TwoLayerNet.backward, one array twice": "what arrives from above and what is in the cache are two things",
    },
)
def network(student: Student, draw: Draw) -> None:
    """Fully connected → ReLU → fully connected; live parameters W1, b1, W2, b2; gradients of all four."""
    two_layer_net.judge_network(student, draw)


@check(f"{SECTION}/training_step_check", points=5, reveals=True)
def training_step(student: Student, draw: Draw) -> None:
    """Softmax loss plus the penalty of every weight matrix, biases left out; for any classifier; nothing is changed."""
    two_layer_net.judge_training_step(student, draw)


# -- trained weights ----------------------------------------------------------------------------------------------


@check(f"{SECTION}/best_check", points=8, weights=True)
def best(student: Student, draw: Draw) -> None:
    """The network in best.npz on pictures it has not seen: 20 % and less earns nothing, 40 % (shapes: 50 %) all."""
    trained_weights.judge_best(student, draw, points=8)


@check(f"{SECTION}/test_accuracy_check", points=2, weights=True)
def test_accuracy(student: Student, draw: Draw) -> None:
    """The reported test accuracy is what the network in best.npz reaches on new pictures, up to chance."""
    trained_weights.judge_report(student, draw, points=2)


@check(f"{SECTION}/overfit_check", points=5, weights=True)
def overfit(student: Student, draw: Draw) -> None:
    """The network in overfit.npz on its own training pictures: 50 % and less earns nothing, 75 % all."""
    trained_weights.judge_overfit(student, draw, points=5)
