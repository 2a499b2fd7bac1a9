"""Checks of 01-staged-backprop: (x + y) z in steps, the copy, f1 to f3, and a graph of the student's own.

The right gradients are written here in closed form, not step by step as in the exercises. f1, f2 and f4 are optional:
their parts carry no points, and their verdict is told all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.judging import (
    Draw,
    Slip,
    Student,
    StudentError,
    check,
    expect,
    expect_true,
    one_at_a_time,
    part,
    regions,
)

from .common.own_graph import Slopes, judge_drawing, judge_function, judge_roles, measured, named, named_point, pairs
from .common.scalar_functions import (
    Truth,
    ask,
    at_points,
    expect_gradients,
    floats,
    judge_gradients,
    judge_value,
    listed,
)

SECTION = "01-staged-backprop"
LEFT_OUT = {"float32": "the numbers of this section are float64, as numpy makes them"}


# -- f = (x + y) z ---------------------------------------------------------------------------------------------------


@check(f"{SECTION}/product_edges_check", points=2)
def product_edges(student: Student, draw: Draw) -> None:
    """The graph of (x + y) z: x and y go into g, g and z go into f."""
    arrows = pairs(student.get("product_edges").value, "product_edges")
    for target, sources in (("g", {"x", "y"}), ("f", {"g", "z"})):
        with part(f"the arrows into {target}", points=1):
            got = [start for start, end in arrows if end == target]
            back = {end for start, end in arrows if start == target}
            if sources <= back and not sources & set(got):
                text = f"The arrows at {target} point the wrong way: they go from a value to the step that uses it."
                expect_true(False, text, "swapped_arguments")
            elif set(got) > sources or len(got) > len(set(got)):
                expect_true(False, f"There is an arrow too many into {target}: it has two inputs.", "wrong_argument")
            elif set(got) < sources:
                expect_true(False, f"An arrow into {target} is missing: it has two inputs.", "missing")
            else:
                text = f"The arrows into {target} start at the wrong values: which two does it combine?"
                expect_true(set(got) == sources, text, "wrong_argument")
            loose = sorted({name for arrow in arrows for name in arrow} - set("xyzgf"))
            expect_true(not loose, f"There is no {', '.join(loose[:3])} in this graph.", "wrong_argument")


def product_truth(x: float, y: float, z: float) -> Truth:
    g = x + y
    sums = "a sum hands its upstream gradient on as it is"
    other = "the derivative of a product is the other factor"
    brackets = "x + y comes first, then the product"
    return Truth(
        value=g * z,
        gradients={"x": z, "y": z, "z": g},
        value_slips=lambda: [
            Slip("wrong_argument", [x + y * z, x * y * z, x * y + z, g + z], brackets),
            Slip("missing_term", [x * z, y * z], "x + y has two terms"),
        ],
        gradient_slips=lambda: [
            Slip("swapped_arguments", (g, g, z), "the two factors g and z"),
            Slip("upstream_ignored", (1.0, 1.0, None)),
            Slip("upstream_ignored", (1.0, 1.0, 1.0)),
            Slip("upstream_twice", (z * z, z * z, None)),
            Slip("wrong_argument", (z * x, z * y, None), sums),
            Slip("wrong_argument", (z * y, z * x, None), sums),
            Slip("wrong_argument", (z * g, z * g, None), sums),
            Slip("wrong_argument", (z / 2, z / 2, None), sums),
            Slip("wrong_argument", (None, None, z), other),
            Slip("wrong_argument", (None, None, g * z), other),
            Slip("wrong_argument", (g, g, None), other),
            Slip("wrong_argument", (g * z, g * z, None), other),
            Slip("missing_term", (None, None, x), "g is the sum of x and y"),
            Slip("missing_term", (None, None, y), "g is the sum of x and y"),
            Slip("wrong_argument", (1.0, z, y), brackets),
            Slip("wrong_argument", (y * z, x * z, x * y), brackets),
        ],
    )


@check(f"{SECTION}/staged_product_check", points=5)
def staged_product(student: Student, draw: Draw) -> None:
    """staged_product returns (x + y) z and its three derivatives z, z, x + y."""
    points = _points(draw, "xyz", lambda x, y, z: (x, y), lambda x, y, z: (x + y) * z)
    answers = at_points(student, "staged_product", points, product_truth)
    with part("forward", points=1):
        judge_value(answers, "f")
    with part("backward", points=4):
        judge_gradients(answers, "f")


def _points(
    draw: Draw, names: str, terms: Callable[..., Sequence[float]], value: Callable[..., float], **region: Any
) -> list[tuple[str, tuple[Any, ...]]]:
    """Points for a function of numbers: (title, inputs), see `regions.inputs`.

    names : the inputs, one letter each
    terms : what is added up on the way; sums stay well away from 0, where they keep their digits in single precision
    value : the value. It is positive at the first point and negative at the second, so that a lost sign shows
    """

    def well_apart(point: Sequence[float]) -> bool:
        added = list(terms(*point))
        return abs(sum(added)) > 0.15 * max(map(abs, added))

    def apart(array: Callable[..., Any], sign: float = 0.0) -> tuple[float, ...]:
        for _ in range(1000):
            point = tuple(float(array()) for _ in names)
            if len(set(map(abs, point))) == 1:  # zeros or ones
                break
            if well_apart(point) and value(*point) * sign >= 0:
                break
        return point

    for _ in range(1000):  # each number alone may be exchanged for the other point's
        first, second = apart(draw.scalar, 1.0), apart(draw.scalar, -1.0)
        alone = list(one_at_a_time(dict(zip(names, first, strict=True)), dict(zip(names, second, strict=True))))
        if all(well_apart(list(given.values())) for title, given in alone if not title):
            break
    ordinary = [("", first), ("", second)]
    elsewhere = [(title, apart(lambda array=array: array())) for title, array in regions(draw, **region)]
    whole = [int(n) for n in draw.rng.permutation(np.arange(2, 12))[: len(names)]]
    changed_alone = [(title, tuple(given.values())) for title, given in alone]
    return [*ordinary, *elsewhere, *changed_alone, ("whole numbers", tuple(whole))]


@check(f"{SECTION}/by_hand_check", points=3)
def by_hand(student: Student, draw: Draw) -> None:
    """The drawing's numbers at x = -2, y = 5, z = -4: g = 3, f = -12, and the derivatives -4, -4, 3, -4."""
    x, y, z = -2.0, 5.0, -4.0
    right = product_truth(x, y, z)
    with part("values", points=1):
        got = named(student, "hand_values")
        for name, given in zip("xyz", (x, y, z), strict=True):
            expect(got.get(name, given), given, name=name, scalar_like=True)
        slips = [Slip("wrong_argument", abs(x) + y, "x is negative")]
        if expect(got.get("g"), x + y, name="g", mistakes=slips, scalar_like=True):
            expect(got.get("f"), right.value, name="f", scalar_like=True)
    with part("gradients", points=2):
        got = named(student, "hand_gradients")
        # x and y get what arrives at g, so a wrong ∂f/∂g shows up in all three

        def slips() -> list[Slip]:
            found = ((slip, slip.value[0] if slip.value[0] == x + y else None) for slip in right.gradient_slips())
            return [Slip(slip.family, (*slip.value, of_g), slip.words) for slip, of_g in found]

        expect(got.get("f", 1.0), 1.0, name="∂f/∂f", scalar_like=True)
        expect_gradients([got.get(name) for name in "xyzg"], {**right.gradients, "g": z}, slips)


# -- a value used twice ----------------------------------------------------------------------------------------------


def shared_truth(a: float, b: float) -> Truth:
    d = a - b
    minus = "d falls when b1 rises, so the gradient changes its sign there"
    return Truth(
        value=d * b,
        gradients={"a": b, "b": d - b},
        value_slips=lambda: [
            Slip("wrong_argument", [(a + b) * b, (b - a) * b, a - b * b, a * b], "d is the difference a − b1"),
            Slip("missing_chain_factor", d, "b2"),
            Slip("missing_term", [a * b, -b * b], "d is a − b1"),
        ],
        gradient_slips=lambda: [
            Slip("missing_term", (None, d), "the gradient that comes back through the copy b1 is not added"),
            Slip("missing_term", (None, -b), "the gradient that comes back through the copy b2 is not added"),
            Slip("wrong_argument", (None, d + b), minus),
            Slip("wrong_argument", (-b, None), minus),
            Slip("wrong_argument", (None, b), minus),
            Slip("wrong_argument", (None, -b * d), "the gradients of the two copies add, they are not multiplied"),
            Slip(
                "wrong_argument", (None, -b - d), "the gradients of the two copies add, one is not taken from the other"
            ),
            Slip("wrong_argument", (d, b - d), "the derivative of a product is the other factor"),
            Slip("wrong_argument", (d, None), "the derivative of a product is the other factor"),
            Slip("upstream_ignored", (1.0, -1.0 + d)),
            Slip("upstream_ignored", (None, -1.0 + d)),
            Slip("upstream_ignored", (1.0, None)),
            Slip("upstream_ignored", (1.0, 0.0)),
        ],
    )


@check(f"{SECTION}/shared_input_check", points=5)
def shared_input(student: Student, draw: Draw) -> None:
    """shared_input returns (a - b) b; two gradients arrive at b and add up to a - 2b."""
    points = _points(draw, "ab", lambda a, b: (a, -b) if abs(a - 2 * b) > 0.3 * abs(b) else (1, -1),
                     lambda a, b: (a - b) * b)  # fmt: skip
    answers = at_points(student, "shared_input", points, shared_truth)
    with part("forward", points=1):
        judge_value(answers, "f")
    with part("backward", points=4):
        judge_gradients(answers, "f")


# -- f1, f2 (optional: no points, but a verdict) and f3 --------------------------------------------------------------


def f1_truth(x1: float, w1: float, x2: float, w2: float, b: float, y: float) -> Truth:
    def linear(r: float) -> tuple[float, ...]:
        return r * w1, r * x1, r * w2, r * x2, r, -r

    d = x1 * w1 + x2 * w2 + b - y
    bias, square = "the bias is added as it is, so its local derivative is 1", "its slope is 2d"
    own = "each product has two factors of its own"
    without_b, sums = d - b, x1 + w1 + x2 + w2 + b - y
    once, plus = x1 * w1 + x2 * w1 + b - y, d + 2 * y
    return Truth(
        value=d**2,
        gradients=dict(zip(("x1", "w1", "x2", "w2", "b", "y"), linear(2 * d), strict=True)),
        value_slips=lambda: [
            Slip("missing_term", [without_b**2, (d - x1 * w1) ** 2, (d - x2 * w2) ** 2], "ŷ is a1 + a2 + b"),
            Slip("wrong_loss", [d, abs(d), np.sqrt(abs(d)), d**3], "the last node is a square"),
            Slip("wrong_argument", sums**2, "a1 and a2 are products"),
            Slip("wrong_argument", [once**2, (x1 * w1 + x1 * w2 + b - y) ** 2], "a2 = x2 w2"),
            Slip("wrong_argument", plus**2, "d = ŷ − y"),
        ],
        gradient_slips=lambda: [
            Slip("missing_chain_factor", linear(d), "2 of the square"),
            Slip("upstream_ignored", linear(1.0)),
            Slip("upstream_twice", linear(4 * d * d)),
            Slip("wrong_argument", linear(2 * d * d), f"the local derivative of the square, {square}"),
            Slip("wrong_argument", linear(d * d), f"the local derivative of the square, {square}"),
            Slip("missing_term", linear(2 * without_b), "ŷ is a1 + a2 + b"),
            Slip("wrong_argument", (2 * sums,) * 5 + (-2 * sums,), "a1 and a2 are products"),
            Slip("wrong_argument", (*linear(2 * plus)[:5], 2 * plus), "d = ŷ − y"),
            Slip(
                "wrong_argument",
                (2 * d * x1, 2 * d * w1, 2 * d * x2, 2 * d * w2, None, None),
                "the derivative of a product is the other factor",
            ),
            Slip("wrong_argument", (None, None, 2 * d * w1, 2 * d * x1, None, None), own),
            Slip("wrong_argument", (None, None, None, 2 * d * x1, None, None), own),
            Slip("wrong_argument", (None, None, 2 * d * w1, None, None, None), own),
            Slip("wrong_argument", (None, None, None, None, 2 * d * b, None), bias),
            Slip("upstream_ignored", (None, None, None, None, 1.0, None)),
            Slip("upstream_ignored", (None, None, None, None, 1.0, -1.0)),
            Slip("upstream_ignored", (None, None, None, None, None, -1.0)),
            Slip(
                "wrong_argument",
                (*linear(-2 * d)[:5], None),
                "d = ŷ − y, so the gradients of ŷ and y have opposite signs",
            ),
        ],
    )


@check(f"{SECTION}/f1_check", points=0)
def f1(student: Student, draw: Draw) -> None:
    """f1 returns (x1 w1 + x2 w2 + b - y)² and six derivatives: 2d times the other factor, ± 2d for b and y."""

    def terms(x1: float, w1: float, x2: float, w2: float, b: float, y: float) -> list[float]:
        return [x1 * w1, x2 * w2, b, -y]

    # What is squared is positive once and negative once.
    points = _points(draw, "xwXWby", terms, lambda *point: sum(terms(*point)))
    answers = at_points(student, "f1", points, f1_truth)
    with part("forward", points=0):
        judge_value(answers, "L")
    with part("backward", points=0):
        judge_gradients(answers, "L")


def f2_truth(x: float) -> Truth:
    e, log = np.exp(2 * x), np.log(abs(2 * x))
    t, b, half = e - 1, e + 1, np.exp(x)
    y = t / b
    slope, small = 1 - y * y, (half - 1) / (half + 1)
    through_t, through_b = 2 * e / b, -2 * e * t / b**2
    fork = "e is used twice, and the path through {} is missing"
    double, quotient = "the exponential is taken of d = 2x", "t stands above the line, b below it"
    return Truth(
        value=y,
        gradients={"x": slope},
        value_slips=lambda: [
            Slip(
                "wrong_argument",
                [
                    small,
                    (half**0.5 - 1) / (half**0.5 + 1),
                    (e * e - 1) / (e * e + 1),
                    (half**2 * x - 1) / (half**2 * x + 1),
                    (2 * half - 1) / (2 * half + 1),
                ],
                double,
            ),
            Slip("swapped_arguments", 1 / y, quotient),
            Slip("missing_term", t / e, "b is e + 1"),
            Slip("missing_term", e / b, "t is e − 1"),
            Slip("wrong_argument", [(2 * x - 1) / (2 * x + 1), (log - 1) / (log + 1)], "e is exp(d)"),
        ],
        gradient_slips=lambda: [
            Slip("missing_term", (through_t,), fork.format("b")),
            Slip("missing_term", (through_b,), fork.format("t")),
            Slip("wrong_argument", (through_t - through_b,), "the sign of the path through b (y falls when b rises)"),
            Slip(
                "wrong_argument",
                (through_t * through_b,),
                "the gradients of the two paths add, they are not multiplied",
            ),
            Slip("missing_chain_factor", (slope / 2,), "2 of d = 2x"),
            Slip("missing_chain_factor", (slope / e,), "e of the exponential"),
            Slip("missing_chain_factor", (slope / e / 2,), "e of the exponential"),
            Slip("wrong_argument", (slope / e * 2 * x,), "the slope of the exponential is e itself"),
            Slip("wrong_argument", (slope / e * half,), "the slope of the exponential is e itself"),
            Slip("missing_chain_factor", (through_t + through_b * b,), "1/b on the path through b"),
            Slip("missing_chain_factor", (through_t + through_b / t,), "t on the path through b"),
            Slip("wrong_argument", (2 * e * b + through_b,), "b in place of 1/b"),
            Slip("wrong_argument", (1 - y,), "the slope of tanh is 1 − y²"),
            Slip("wrong_argument", (1 + y * y,), "the slope of tanh is 1 − y²"),
            Slip("wrong_argument", (1 - x * x,), "the slope of tanh is 1 − y²"),
            Slip("wrong_argument", (y * (1 - y),), "the slope of tanh is 1 − y²"),
            Slip("wrong_argument", (1 - small**2,), double),
            Slip("wrong_argument", ((1 - small**2) / 2,), double),
            Slip("swapped_arguments", (1 - 1 / y**2,), quotient),
        ],
    )


STEEP = {
    "above 10": "1 − y², written with exp(2x), is lost in rounding there",
    **dict.fromkeys(["above 100", "above 1e5"], "exp(2x) overflows, and the exercise does not ask for more"),
}


@check(f"{SECTION}/f2_check", points=0, domain=STEEP)
def f2(student: Student, draw: Draw) -> None:
    """f2 returns tanh x, written with exp(2x), and its derivative 1 - y²."""
    points = [("", (float(sign * draw.positive(low=0.4, high=1.5)),)) for sign in (1, -1)]
    points += [(title, (float(array()),)) for title, array in regions(draw, up_to=1.0)]
    points.append(("zeros", (-0.0,)))
    points += [("numbers of about 4", (sign * draw.number(3, 5),)) for sign in (1, -1)] + [("whole numbers", (2,))]
    points += [("numbers of about 8", (sign * draw.number(7.5, 8.5),)) for sign in (1, -1)]
    answers = at_points(student, "f2", points, f2_truth)
    with part("forward", points=0):
        judge_value(answers, "y")
    with part("backward", points=0):
        judge_gradients(answers, "y")


def f3_truth(s1: float, s2: float, y: int) -> Truth:
    s, chosen = np.array([s1, s2]), np.array([y == 1, y == 2], dtype=float)
    e = np.exp(s)
    d, p = e.sum(), e / e.sum()
    q = float(p @ chosen)
    right = p - chosen
    other, base = "the probability that y does not choose (y is 1 or 2)", "a logarithm to another base"
    fork = "each e is used twice, and the path through {} is missing"
    loss = -np.log(q)
    as_number = -y * np.log(p[0]) - (1 - y) * np.log(p[1])
    with np.errstate(all="ignore"):
        plain = float(-np.log(s @ chosen / s.sum()))
    return Truth(
        value=loss,
        gradients={"s1": float(right[0]), "s2": float(right[1])},
        value_slips=lambda: [
            Slip("wrong_argument", -np.log(1 - q), other),
            Slip("wrong_loss", [loss / np.log(2), loss / np.log(10)], f"{base}, where the natural one is asked for"),
            Slip("wrong_loss", [q, -q, 1 - q], "the probability without its logarithm"),
            Slip("wrong_loss", [loss - np.log(1 - q), loss + np.log(1 - q)], "only the probability chosen by y counts"),
            Slip("wrong_loss", as_number if y == 2 else [], "y only chooses, it is not a number to calculate with"),
            Slip("epsilon_in_log", [-np.log(q + 10.0**-k) for k in range(3, 12)]),
            Slip("wrong_argument", plain if np.isfinite(plain) else [], "the exponential of each score"),
            Slip("wrong_argument", [float(-s @ chosen), np.log(d)], "e is divided by the sum d"),
        ],
        gradient_slips=lambda: [
            Slip("missing_term", tuple(p), fork.format("the numerator")),
            Slip("missing_term", tuple(-chosen), fork.format("the sum d")),
            Slip(
                "missing_term",
                (None, right[1] - p[1]) if y == 2 else (right[0] - p[0], None),
                f"{fork.format('the sum d')} for the e that y chooses",
            ),
            Slip(
                "missing_term",
                (None, 0.0) if y == 1 else (0.0, None),
                f"{fork.format('the sum d')} for the e that y does not choose",
            ),
            Slip("wrong_argument", tuple(p - (1 - chosen)), other),
            Slip("wrong_argument", tuple(-p - chosen), "the sign of the path through d (p falls when d rises)"),
            Slip("missing_chain_factor", tuple(p * d - chosen), "1/d on the path through d"),
            Slip("missing_chain_factor", tuple(right / e), "e of the exponentials"),
            Slip("wrong_argument", tuple(right / e * s), "the slope of exp(s) is e itself"),
            Slip("missing_chain_factor", tuple(right * q), "1/p of the logarithm"),
            Slip("missing_chain_factor", tuple(-right * q), "1/p of the logarithm"),
            Slip("wrong_loss", tuple(right / np.log(2)), base),
            Slip("wrong_loss", tuple(right / np.log(10)), base),
            Slip("wrong_argument", tuple(right * q * q), "p in place of 1/p in the slope of the logarithm"),
            Slip("wrong_argument", tuple(-right * q * q), "p in place of 1/p in the slope of the logarithm"),
        ],
    )


@check(
    f"{SECTION}/f3_check",
    points=10,
    domain={
        **dict.fromkeys(
            ["above 100", "above 1e5"], "exp(s) overflows; large scores are the business of sections 07 and 08"
        ),
        "negative zero": "there is one zero only for who calculates with scores",
    },
)
def f3(student: Student, draw: Draw) -> None:
    """f3 returns -log of the softmax probability that y (1 or 2) chooses, and p, minus 1 at the chosen."""
    scores = [("", point) for point in (floats(draw, 2) for _ in range(40)) if abs(point[0] - point[1]) > 0.3][:4]
    for title, array in regions(draw, up_to=60):
        near = float(array())  # where scores are large their difference is not, or one probability is 1 to rounding
        scores.append((title, (near, float(array()) if abs(near) < 1 else near + float(draw.scalar()))))
    scores += [
        ("ones", (1.0, 1.0)),
        ("whole numbers", (2.0, 1.0)),
        ("whole numbers", (1, 2)),
        ("s1 = 0", (0.0, 0.7)),
        ("s2 = 0", (-0.7, 0.0)),
    ]
    scores += [("scores far apart", point) for point in ((3.2, -4.1), (-3.2, 4.1), (6.5, -6.0), (-6.0, 6.5))]
    large = [draw.number(*bounds) for bounds in ((24, 28), (42, 46), (56, 60))]
    scores += [("scores above 20", (sign * s, sign * (s + gap))) for s, gap in zip(large, (1, -1.3, 0.6), strict=True)
               for sign in (1, -1)]  # fmt: skip
    scores += [("another s1 alone", (0.9, 0.7)), ("another s2 alone", (0.9, 0.2))]
    for y in (1, 2):
        answers = at_points(student, "f3", [(title, (*point, y)) for title, point in scores], f3_truth)
        with part(f"L for y = {y}", points=2):
            judge_value(answers, "L")
        with part(f"gradients for y = {y}", points=3):
            judge_gradients(answers, "L")


# -- a graph of the student's own ------------------------------------------------------------------------------------


OWN = "the function is the student's own, and is looked at near f4_at only"


@check(
    f"{SECTION}/f4_check",
    points=0,
    domain=dict.fromkeys(
        ["below 1e-8", "below 1e-5", "below 0.01", "below 0.4", "zeros", "a single zero", "negative zero", "ones",
         "above 10", "above 100", "above 1e5", "no positive number", "no negative number", "both signs",
         "whole numbers", "equal entries", "ties"], OWN
    ),
)  # fmt: skip
def f4(student: Student, draw: Draw) -> None:
    """Any smooth function with five operators; its gradients agree with differences of its own value, taken here."""
    with part("drawing", points=0):
        names = list(named_point(student))
        judge_drawing(pairs(student.get("f4_edges").value, "f4_edges"), names)
    slopes: list[Slopes] = []
    with part("function", points=0):
        point = named_point(student)
        function = student.get("f4")
        slopes = [*(measured(function, point, draw) for _ in range(2)), measured(function, point)]
        judge_function(slopes, list(point))
        judge_roles(function, slopes, list(point))
    with part("gradients", points=0):
        if not slopes:
            raise StudentError("There is no function yet whose gradients could be checked.", "missing")
        varies = np.abs(slopes[0].gradient).max() > 1e-9
        expect_true(varies, "A value that depends on no input has no gradients to check.", "constant_loss")
        for found in slopes:
            right = dict(zip(point, found.gradient.tolist(), strict=True))
            got = listed(ask(function, "f4", found.inputs, list(right)), list(right))
            atol = 1e-8 * max(1.0, abs(found.value)) + found.doubt
            if not expect_gradients(got, right, of="f4", rtol=1e-7, atol=atol):
                break
