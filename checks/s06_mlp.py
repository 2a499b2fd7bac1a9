"""Checks of section 06: the affine and the tanh node, a network with one hidden layer, its training errors.

Exercises: NYU homework 7, questions 9 to 11 (2021), and the optional fit from the scalar input of 2018 (4.2, 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from autograder.judging import (
    Array,
    Case,
    Draw,
    NodeRule,
    NodeRun,
    NodeTrial,
    Slip,
    Student,
    cases,
    check,
    expect,
    expect_in,
    expect_true,
    fairly,
    part,
    regions,
    source_of,
)
from autograder.judging.regions import WHOLE
from backprop.checking.comparison import as_numbers

from .common.one_hidden_layer import KINDS, NAMES, Net, Question, expect_fit, expect_random_start
from .common.shared import agrees, misreported, number, within
from .shipped import network_nodes

SECTION = "06-mlp"
LEFT_OUT = {"float32": "the numbers of this section are float64, as numpy makes them"}
NODES = source_of(network_nodes)

# -- nodes --------------------------------------------------------------------------------------------------------


def _affine_slips(W: Array, x: Array, b: Array) -> list[Slip]:
    slips = [
        Slip("missing_term", W @ x, "b is left out"),
        Slip("wrong_argument", W @ x - b, "b is subtracted where it should be added"),
        Slip("wrong_argument", W @ x / len(x) + b, "the mean over the inputs, where their sum belongs"),
        Slip("wrong_argument", W @ x + b.sum(), "the sum of b, where each output has its own"),
        Slip("wrong_argument", np.tanh(W @ x + b), "tanh has a node of its own"),
    ]
    if len(b) == len(x):
        slips += [
            Slip("wrong_argument", W.T @ x + b, "the transpose of W, where W belongs"),
            Slip("wrong_argument", W @ (x + b), "b is added to x, before the product"),
            Slip("wrong_argument", [W * x + b, W * x[:, None] + b], "products entry by entry, which are not added up"),
        ]
    return slips


def _affine_gradient_slips(g: Array, W: Array, x: Array, b: Array) -> dict[str, list[Slip]]:
    m, d = W.shape
    slips = {
        "W": [Slip("missing_chain_factor", np.tile(g[:, None], (1, d)), "x"), Slip("averaged", np.outer(g, x) / m)],
        "x": [Slip("averaged", g @ W / m)],
        "b": [Slip("averaged", [g / m, np.full(m, g.mean())])],
    }
    if m == d:
        slips["W"].append(Slip("outer_swapped", np.outer(x, g)))
        inner = "the inner product, one number: .T changes nothing on an array with one axis"
        slips["W"].append(Slip("wrong_argument", np.full((m, d), g @ x), inner))
        each = "the product entry by entry, where each entry of one meets each entry of the other"
        slips["W"] += [
            Slip("wrong_argument", [np.tile(g * x, (m, 1)), np.diag(g * x)], each),
            Slip("wrong_argument", np.outer(x, x), "x with itself, where the upstream gradient belongs"),
            Slip("wrong_argument", np.outer(g, W @ x + b), "the output, where x belongs"),
        ]
        slips["x"] += [
            Slip("wrong_argument", W @ g, "W, where its transpose belongs"),
            Slip(
                "wrong_argument",
                [W * g[:, None], W.T * g],
                "one contribution for each output, before they are added up",
            ),
        ]
        slips["b"].append(Slip("wrong_argument", [g * b, g * x], "the bias has slope 1"))
    return slips


AFFINE = NodeRule(
    "AffineNode",
    out=lambda W, x, b: W @ x + b,
    gradients=lambda g, W, x, b: {"W": np.outer(g, x), "x": g @ W, "b": g},
    out_slips=_affine_slips,
    gradient_slips=_affine_gradient_slips,
)


@check(
    f"{SECTION}/affine_node_check",
    points=8,
    domain={"one array twice": "W, x and b have arrays of their own; of one node in two places the sum is looked at"},
)
def affine_node(student: Student, draw: Draw) -> None:
    """out = W x + b; backward adds the outer product to W, Wᵀ · upstream to x, upstream to b."""
    m, d = draw.distinct_sizes(2)

    def layer(m: int, d: int) -> Callable[..., dict[str, Any]]:
        return lambda array: {"W": array(m, d), "x": array(d), "b": array(m)}

    # As many outputs as inputs first: there a product the wrong way round runs through, so that it can be named.
    found = cases(
        draw, AFFINE, layer(d, d), layer(m, d), layer(1, d), layer(d, 1), layer(1, 1), layer(40, 30), up_to=1e6
    )
    square = found[0]
    twice = Case({**square.inputs, "b": square.inputs["x"]}, square.upstream, share={"b": "x"})
    node = NodeTrial(student, AFFINE, draw, found, shared=[twice])
    with part("forward", points=2):
        node.expect_forward()
    for key in ("W", "x", "b"):
        with part(f"∂J/∂{key}", points=2):
            node.expect_gradient(key)
            if key == "b":
                node.expect_left_alone()


def _slope(a: Array) -> Array:
    return 1 / np.cosh(np.clip(a, -350, 350)) ** 2


def _tanh_slips(a: Array) -> list[Slip]:
    return [
        Slip("wrong_argument", 1 / (1 + np.exp(-a)), "the sigmoid function"),
        Slip("wrong_argument", np.sinh(a), "sinh"),
        Slip("wrong_argument", np.tan(a), "tan"),
        Slip("wrong_argument", np.arctan(a), "arctan"),
        Slip("wrong_argument", (np.exp(a) - 1) / (np.exp(a) + 1), "exponents without their factor 2"),
        Slip("wrong_argument", _slope(a), "the slope of tanh"),
        Slip("missing_activation", a, "tanh"),
    ]


def _slope_slips(upstream: Array, a: Array) -> dict[str, list[Slip]]:
    out = np.tanh(a)
    slips = [
        Slip("missing_chain_factor", upstream, "1 − out²"),
        Slip("wrong_argument", upstream * (1 - out), "1 − out, where the square of out belongs"),
        Slip("wrong_argument", upstream * (out - 1), "out − 1, where the square of out belongs"),
        Slip("wrong_argument", upstream * out**2, "out²"),
        Slip("wrong_argument", upstream * (1 + out**2), "1 + out²"),
        Slip("wrong_argument", upstream * out * (1 - out), "out (1 − out), the slope of the sigmoid function"),
        Slip("wrong_argument", upstream * (1 - a**2), "the square of a, where that of out belongs"),
        Slip("wrong_argument", upstream * (1 - np.tanh(out) ** 2), "tanh of out: out holds tanh(a) already"),
        Slip("wrong_argument", upstream * out, "tanh itself, where its slope belongs"),
        Slip("wrong_argument", upstream * (1 - out) ** 2, "(1 − out)²"),
        Slip("wrong_argument", upstream * _slope(a) ** 2, "the square of the slope"),
    ]
    product = "a matrix product, where entries are multiplied"
    if a.ndim == 1:
        slips.append(
            Slip("wrong_argument", [np.full(a.shape, upstream @ _slope(a)), upstream * (1 - out @ out)], product)
        )
    if a.ndim == 2 and a.shape[0] == a.shape[1]:
        slips.append(
            Slip(
                "wrong_argument",
                [upstream @ _slope(a), _slope(a) @ upstream, upstream * (1 - out @ out), upstream * (1 - out.T @ out)],
                product,
            )
        )
    return {"a": slips}


TANH = NodeRule(
    "TanhNode",
    out=lambda a: np.tanh(a),
    gradients=lambda g, a: {"a": g * _slope(a)},
    out_slips=_tanh_slips,
    gradient_slips=_slope_slips,
)


FLAT = dict.fromkeys(["above 10", "above 100", "above 1e5"], "out is looked at there; the slope is lost in rounding")


@check(f"{SECTION}/tanh_node_check", points=6, domain=FLAT)
def tanh_node(student: Student, draw: Draw) -> None:
    """out = tanh(a), entry by entry, any shape; backward multiplies by 1 − out², with the stored out."""
    m, d, e = draw.distinct_sizes(3, low=2, high=6)

    def array_of(*shape: int) -> Callable[..., dict[str, Any]]:
        return lambda array: {"a": array(*shape)}

    # Magnitudes at which neither tanh nor its slope is nearly 0 or nearly 1. Where 1 − out² keeps few digits or none,
    # `_saturated` asks with the tolerance that is left.
    def ordinary(*shape: int) -> Array:
        return draw.both_signs(*shape, low=0.4, high=1.4)

    shapes = [
        array_of(m + 1, m + 1),
        array_of(m, d),
        array_of(m, d, e),
        array_of(1, m),
        array_of(m, 1),
        array_of(1),
        array_of(),
    ]
    found = cases(draw, TANH, array_of(m + 2), *shapes, ordinary=ordinary, up_to=0.5)
    whole = dict(regions(draw))[WHOLE]
    for kind in (float, int):
        found.append(Case({"a": whole(m + 1, d).astype(kind)}, draw.both_signs(m + 1, d), WHOLE))
    node, flat = NodeTrial(student, TANH, draw, found, uses_out=True), _saturated(student, draw, m + 2)
    with part("forward", points=2):
        if node.expect_forward():
            for title, a, _, run in flat:
                expect_in(title, run.out, np.tanh(a), name="out")
                text = "a.out was changed in place: the nodes that use a as well still need it."
                expect_true(np.array_equal(run.input_after("a"), a), text, "in_place")
    good = False
    with part("backward", points=3):
        good = node.expect_backward()
        for title, a, upstream, run in flat if good and node.forward_right else ():
            expect_in(title, run.grad("a"), upstream * _slope(a), name="∂J/∂a", atol=1e-6)
    with part("uses self.out", points=1):
        a, upstream, replaced = found[0].inputs["a"], found[0].upstream, draw.signed(m + 2, low=0.2, high=0.8)
        run = student.run_node("TanhNode", a=a, upstream=upstream, replace_out=replaced)
        plain = student.run_node("TanhNode", a=a, upstream=upstream)
        slips = [Slip("recomputed", upstream * _slope(a), "self.out")]
        # Another mistake in the slope has been named above and is not paid for twice.
        if good or _alike(run.grad("a"), plain.grad("a")):
            expect(run.grad("a"), upstream * (1 - replaced**2), name="∂J/∂a", mistakes=slips)
        else:
            expect_true(isinstance(run.grad("a"), np.ndarray), "backward() gave no gradient.", "none")


def _saturated(student: Student, draw: Draw, count: int) -> list[tuple[str, Array, Array, NodeRun]]:
    """Where tanh is flat, out is ±1 up to the last digits, and the slope nearly 0: never nan."""
    found = []
    sizes = (
        ("numbers of about 3", 2.0, 4.0),
        ("numbers of about 5", 4.5, 6.0),
        ("numbers of about 10", 7.0, 15.0),
        ("numbers of about 1000", 720.0, 1e3),
    )
    for title, low, high in sizes:
        a, upstream = draw.both_signs(count, low=low, high=high), draw.both_signs(count)
        found.append((title, a, upstream, student.run_node("TanhNode", a=a, upstream=upstream)))
    return found


def _alike(one: Any, other: Any) -> bool:
    one, other = as_numbers(one), as_numbers(other)
    return one is not None and other is not None and one.shape == other.shape and np.allclose(one, other)


# -- the network --------------------------------------------------------------------------------------------------


@check(f"{SECTION}/mlp_regression_check", points=12, reveals=True)
def mlp_regression(student: Student, draw: Draw) -> None:
    """w2 · tanh(W1 x + b1) + b2 and its square loss; random start of scale init_param_scale; trained by SGD."""
    K, d = draw.distinct_sizes(2, low=2, high=6)
    net, x, y = Net.drawn(draw, K, d), draw.signed(d, low=0.5, high=1.5), draw.scalar(1.5, 2.5)
    right = {"prediction": net.predict(x), "objective": (net.predict(x) - y) ** 2}
    right |= {f"∂J/∂{name}": gradient for name, gradient in net.gradients(x, float(y)).items()}
    question = Question(student, draw.number(6e-4, 9e-4), draw.number(0.012, 0.02), draw.integer(4, 8))

    whether = {name: partial(agrees, right=exact) for name, exact in right.items()}
    whether["start"] = whether["fit"] = lambda got: got is not None
    seen = fairly(
        lambda: question.look(net, x, y),
        whether,
        lambda: student.shadow(**student.load(NODES, "AffineNode", "TanhNode")),
    )

    with part("prediction", points=2):

        def slips() -> list[Slip]:
            return [
                *(kind.map(partial(net.predict, x)) for kind in KINDS),
                Slip("wrong_loss", right["objective"], "the objective, where the prediction belongs"),
                Slip("missing_term", right["prediction"] - net.b2, "b2 is left out"),
                Slip("shared_state", net.halved().predict(x)),
            ]

        expect(seen["prediction"].value, right["prediction"], name="prediction", scalar_like=True, mistakes=slips)
    with part("objective", points=2):

        def slips() -> list[Slip]:
            return [
                *(kind.map(lambda kind: (net.predict(x, kind) - y) ** 2) for kind in KINDS),
                Slip("wrong_loss", abs(right["prediction"] - y), "the distance, which still has to be squared"),
                Slip("wrong_loss", right["objective"] ** 2, "the square of the square loss"),
                Slip("wrong_loss", [right["prediction"], right["prediction"] ** 2], "the prediction by itself"),
                Slip("missing_term", (right["prediction"] - net.b2 - y) ** 2, "b2 is left out"),
            ]

        expect(seen["objective"].value, right["objective"], name="objective", scalar_like=True, mistakes=slips)
    with part("gradients", points=4):
        slipped = cache(lambda: [kind.map(partial(net.slipped_gradients, x, float(y))) for kind in KINDS])
        for name in NAMES:
            label = f"∂J/∂{name}"
            slips = partial(lambda name: [kind.map(lambda found: found[name]) for kind in slipped()], name)
            expect(seen[label].value, right[label], name=label, scalar_like=name == "b2", mistakes=slips)
    with part("starting values", points=2):
        expect_random_start(seen["start"].value, question.scale)
    with part("fit and predict", points=2):
        expect_fit(seen["fit"].value, question)


# -- the reported numbers -----------------------------------------------------------------------------------------

# Training errors of the two settings on backprop.datasets.load_problem(): over 16 starts and orders of the examples
# they lie in 0.2807 … 0.2848 and in 0.0310 … 0.0480. The ranges leave room for other ways of drawing the start
# (biases at zero, uniform numbers) and for rounded reports.
RANGES = {"mse_raw": (0.26, 0.305), "mse_features": (0.024, 0.06)}
VALIDATION = {"mse_raw": (0.238, 0.2545), "mse_features": (0.115, 0.14)}  # measured in the same runs
CONSTANT = (1.07, 1.09)  # what a constant prediction has


@check(f"{SECTION}/training_error_check", points=4)
def training_error(student: Student, draw: Draw) -> None:
    """Both settings of the original main(): the mean square error on the 100 training points."""
    for name, (low, high) in RANGES.items():
        with part(name, points=2):
            got = student.get(name).value
            family, text = misreported(student, name, RANGES, VALIDATION, partial(_what_else, name))
            if expect_true(not family, text, family):
                _expect_between(name, got, low, high)


def _what_else(name: str, got: float) -> Iterator[tuple[str, str]]:
    """What a wrong number could be in this section: (family, sentence)."""
    if within(got, CONSTANT):
        text = f"{name} is what a constant prediction has: did the network learn? Look at its learning curve."
        yield "wrong_argument", text


@check(f"{SECTION}/scalar_error_check", points=0)
def scalar_error(student: Student, draw: Draw) -> None:
    """With x as the only input: a training error of at most 0.05, a validation error below that of the raw run.

    With steep units and Adam 0.041 and 0.144 are reached in a second. A training error of 0 is possible (every point
    learned by heart), but then the validation error is not small. The true function
    itself has a validation error of 0.058.
    """
    with part("training and validation error", points=0):
        for name, low, high in (("mse_scalar", 0.0, 0.055), ("mse_scalar_val", 0.05, 0.255)):
            _expect_between(name, student.get(name).value, low, high)


def _expect_between(name: str, got: Any, low: float, high: float) -> None:
    """A reported number lies in the range that right runs reach; anything else than a number is named as what it is."""
    reported = number(got)
    if isinstance(got, str) or not np.isfinite(reported):
        expect(got, (low + high) / 2, name=name, scalar_like=True)
        return
    text = f"{name} is smaller than what this training reaches. Is it the mean of the squared errors?"
    expect_true(reported >= low, text, "wrong_argument")
    text = f"{name} is larger than what this training reaches. Is it the mean of the squared errors, after all epochs?"
    expect_true(reported <= high, text, "wrong_argument")
