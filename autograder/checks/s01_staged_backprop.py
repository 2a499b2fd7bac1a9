"""Checks of 01-staged-backprop: (x + y) z in steps, the copy, f1 to f3, and a graph of the student's own.

Every exercise is a function of numbers that returns (value, gradients). The right gradients are written here in closed
form, not step by step as in the exercises. Inputs are plain floats of size 0.5 to 2, where rounding is below 1e-14: so
answers are compared at 1e-11, which a gradient obtained by finite differences misses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backprop.differences import jacobian

from ..inside.wire import Handle
from ..judging import Draw, Student, StudentError, StudentGone, check, expect, expect_true, part

SECTION = "01-staged-backprop"
ROUNDING = {"rtol": 1e-11, "atol": 1e-12}


# -- functions that return (value, gradients) ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Truth:
    """What is right at one point, and what the known slips give there.

    gradients       : input name -> derivative, in the order of the arguments
    value_slips     : family or "family:detail" -> wrong value (or several)
    gradient_slips  : (family or "family:detail", wrong gradients in order; None where that slip leaves the right one)
    """

    value: float
    gradients: Mapping[str, float]
    value_slips: Mapping[str, Any] = field(default_factory=dict)
    gradient_slips: Sequence[tuple[str, Sequence[float | None]]] = ()


@dataclass(frozen=True)
class Answer:
    """What the student's function returned at one point; `gradients` is whatever stood second, `lacking` why nothing did."""

    value: Any
    gradients: Any = None
    lacking: StudentError | None = None


def ask(student: Student, name: str, inputs: Sequence[Any], names: Sequence[str]) -> Answer:
    """The student's value and gradients. Raises StudentError when there is not even a value."""
    got = student.call(name, *inputs).value
    if got is None or got is Ellipsis:
        raise StudentError(f"{name} returned {got}: does it end with `return value, (gradients)`?", "none")
    if not isinstance(got, (list, tuple)):
        if isinstance(got, (int, float, np.ndarray, np.generic)):
            text = f"{name} returned a value without gradients. Expected: {', '.join(names)}, in a tuple after the value."
            return Answer(got, lacking=StudentError(text, "missing"))
        kind = got.kind if isinstance(got, Handle) else f"of type {type(got).__name__}"
        raise StudentError(f"{name} returned something {kind}: expected a value and a tuple of gradients.", "type")
    if len(got) == 2:
        return Answer(*got)
    if not got:
        raise StudentError(f"{name} returned an empty {type(got).__name__}: expected a value and its gradients.", "missing")
    text = f"{name} returned {len(got)} things in a row: the gradients belong together in a tuple after the value."
    return Answer(got[0], lacking=StudentError(text, "type"))


def listed(answer: Answer, names: Sequence[str]) -> list[Any]:
    """The student's gradients, one for each name. Raises StudentError when there are too few, too many or none."""
    if answer.lacking:
        raise answer.lacking
    got, wanted = answer.gradients, f"a tuple with {len(names)} in it: ({', '.join(names)}{',' if len(names) == 1 else ''})"
    if isinstance(got, np.ndarray) and got.ndim == 1:
        got = list(got)
    if got is None:
        raise StudentError(f"The gradients are None: expected {wanted}.", "none")
    if not isinstance(got, (list, tuple)):
        what = got.kind if isinstance(got, Handle) else f"of type {type(got).__name__}"
        raise StudentError(f"The gradients came as something {what}: expected {wanted}.", "type")
    if len(got) != len(names):
        raise StudentError(f"{len(got)} gradients came back: expected {wanted}.", "missing")
    return list(got)


def expect_gradients(
    got: Sequence[Any],
    right: Mapping[str, float],
    slips: Sequence[tuple[str, Sequence[float | None]]] = (),
    of: str = "f",
    rtol: float = ROUNDING["rtol"],
    atol: Sequence[float] | float = ROUNDING["atol"],
) -> bool:
    """Compare all gradients of a point. A slip is named only when it explains *every* gradient that came back."""
    names, exact = list(right), np.array(list(right.values()))
    mine = _numbers(got)
    atols = np.broadcast_to(atol, exact.shape)
    if mine is not None and _alike(np.sort(mine), np.sort(exact)) and not _alike(mine, exact) and not _alike(mine, -exact):
        text = f"The right gradients in the wrong places: they belong to {', '.join(names)}, in this order."
        return expect_true(False, text, "swapped_arguments")
    hints: dict[str, dict[str, Any]] = {name: {} for name in names}
    for key, slip in slips:
        filled = np.array([e if s is None else s for s, e in zip(slip, exact, strict=True)])
        if mine is not None and _alike(mine, filled) and not _alike(filled, exact):
            for name, value in zip(names, filled, strict=True):
                hints[name].setdefault(key, value)
    return all([
        expect(g, e, name=f"∂{of}/∂{name}", mistakes=hints[name], scalar_like=True, rtol=rtol, atol=float(a))
        for g, (name, e), a in zip(got, right.items(), atols, strict=True)
    ])  # fmt: skip


def _numbers(got: Sequence[Any]) -> np.ndarray | None:
    try:
        array = np.array([float(np.asarray(g).reshape(())) for g in got])
    except (TypeError, ValueError):
        return None
    return array if np.isfinite(array).all() else None


def _alike(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.allclose(a, b, rtol=1e-6, atol=1e-9))


def at_points(
    student: Student, name: str, points: Sequence[Sequence[Any]], truth: Callable[..., Truth]
) -> list[tuple[Answer | StudentError, Truth]]:
    """The student's answer at each point, or the error it ended in, with the truth there."""
    found = []
    for inputs in points:
        right = truth(*inputs)
        try:
            found.append((ask(student, name, inputs, list(right.gradients)), right))
        except StudentGone:
            raise
        except StudentError as error:
            found.append((error, right))
    return found


def judge_value(answers: Sequence[tuple[Answer | StudentError, Truth]], name: str) -> None:
    """Expect the right value at every point; the first wrong one ends it, so that nothing is said twice."""
    for answer, right in _answered(answers):
        slips = {key: value for key, value in right.value_slips.items() if np.isfinite(value).all()}
        if not expect(answer.value, right.value, name=name, mistakes=slips, scalar_like=True, **ROUNDING):
            return


def judge_gradients(answers: Sequence[tuple[Answer | StudentError, Truth]], of: str) -> None:
    """Expect the right gradients at every point; the first point with a wrong one ends it."""
    for answer, right in _answered(answers):
        got = listed(answer, list(right.gradients))
        if not expect_gradients(got, right.gradients, right.gradient_slips, of):
            return


def _answered(answers: Sequence[tuple[Answer | StudentError, Truth]]) -> Iterator[tuple[Answer, Truth]]:
    for answer, right in answers:
        if isinstance(answer, StudentError):
            raise answer
        yield answer, right


def floats(draw: Draw, count: int) -> tuple[float, ...]:
    return tuple(float(number) for number in draw.signed(count))


# -- f = (x + y) z --------------------------------------------------------------------------------------------------------


@check(f"{SECTION}/product_edges_check", points=2)
def product_edges(student: Student, draw: Draw) -> None:
    """The graph of (x + y) z: x and y go into g, g and z go into f."""
    arrows = pairs(student.get("product_edges").value, "product_edges")
    for target, sources in (("g", {"x", "y"}), ("f", {"g", "z"})):
        with part(f"the arrows into {target}", points=1):
            got = [start for start, end in arrows if end == target]
            back = {end for start, end in arrows if start == target}
            if sources <= back and not sources & set(got):
                text = f"The arrows at {target} point the wrong way: an arrow goes from a value to the step that uses it."
                expect_true(False, text, "swapped_arguments")
            elif set(got) > sources or len(got) > len(set(got)):
                expect_true(False, f"There is an arrow too many into {target}: it has two inputs.", "wrong_argument")
            elif set(got) < sources:
                expect_true(False, f"An arrow into {target} is missing: it has two inputs.", "missing")
            else:
                text = f"The arrows into {target} start at the wrong values: which two does it combine?"
                expect_true(set(got) == sources, text, "wrong_argument")
            loose = {name for arrow in arrows for name in arrow} - set("xyzgf")
            expect_true(not loose, f"There is no {', '.join(sorted(loose))} in this graph.", "wrong_argument")


def pairs(value: Any, name: str) -> list[tuple[str, str]]:
    """The arrows as pairs of names. Raises StudentError when the value is not a list of pairs."""
    if isinstance(value, (list, tuple)) and all(isinstance(a, (list, tuple)) and len(a) == 2 for a in value):
        arrows = [(str(start).strip(), str(end).strip()) for start, end in value]
        if arrows and not any(isinstance(end, Handle) for arrow in value for end in arrow):
            return arrows
    raise StudentError(f'{name} should be a list of pairs such as ("x", "g"), one for each arrow.', "type")


def product_truth(x: float, y: float, z: float) -> Truth:
    g = x + y
    sums = "a sum hands its upstream gradient on as it is"
    other = "the derivative of a product is the other factor"
    brackets = "x + y comes first, then the product"
    return Truth(
        value=g * z,
        gradients={"x": z, "y": z, "z": g},
        value_slips={
            f"wrong_argument:{brackets}": [x + y * z, x * y * z, x * y + z, g + z],
            "missing_term:x + y has two terms": [x * z, y * z],
        },
        gradient_slips=[
            ("swapped_arguments:the two factors g and z", (g, g, z)),
            ("upstream_ignored", (1.0, 1.0, None)),
            ("upstream_ignored", (1.0, 1.0, 1.0)),
            ("upstream_twice", (z * z, z * z, None)),
            (f"wrong_argument:{sums}", (z * x, z * y, None)),
            (f"wrong_argument:{sums}", (z * y, z * x, None)),
            (f"wrong_argument:{sums}", (z * g, z * g, None)),
            (f"wrong_argument:{sums}", (z / 2, z / 2, None)),
            (f"wrong_argument:{other}", (None, None, z)),
            (f"wrong_argument:{other}", (None, None, g * z)),
            (f"wrong_argument:{other}", (g, g, None)),
            (f"wrong_argument:{other}", (g * z, g * z, None)),
            ("missing_term:g is the sum of x and y", (None, None, x)),
            ("missing_term:g is the sum of x and y", (None, None, y)),
            (f"wrong_argument:{brackets}", (1.0, z, y)),
            (f"wrong_argument:{brackets}", (y * z, x * z, x * y)),
        ],
    )


@check(f"{SECTION}/staged_product_check", points=5)
def staged_product(student: Student, draw: Draw) -> None:
    """staged_product returns (x + y) z and its three derivatives z, z, x + y."""
    answers = at_points(student, "staged_product", _apart(draw, 3), product_truth)
    with part("forward", points=1):
        judge_value(answers, "f")
    with part("backward", points=4):
        judge_gradients(answers, "f")


def _apart(draw: Draw, count: int) -> list[tuple[float, ...]]:
    """Two points with x + y well away from 0, where sums keep their digits in single precision too."""
    found: list[tuple[float, ...]] = []
    while len(found) < 2:
        point = floats(draw, count)
        if abs(point[0] + point[1]) > 0.3:
            found.append(point)
    return found


@check(f"{SECTION}/by_hand_check", points=3)
def by_hand(student: Student, draw: Draw) -> None:
    """The drawing's numbers at x = -2, y = 5, z = -4: g = 3, f = -12, and the derivatives -4, -4, 3, -4."""
    x, y, z = -2.0, 5.0, -4.0
    right = product_truth(x, y, z)
    with part("values", points=1):
        got = named(student, "hand_values")
        if expect(got.get("g"), x + y, name="g", mistakes={"wrong_argument:x is negative": abs(x) + y}, scalar_like=True):
            expect(got.get("f"), right.value, name="f", scalar_like=True)
    with part("gradients", points=2):
        got = named(student, "hand_gradients")
        slips = [(key, (*slip, slip[2] if slip[0] == x + y else None)) for key, slip in right.gradient_slips]
        expect_gradients([got.get(name) for name in "xyzg"], {**right.gradients, "g": z}, slips)


def named(student: Student, name: str) -> Mapping[str, Any]:
    value = student.get(name).value
    if not isinstance(value, dict):
        raise StudentError(f'{name} should be a dictionary such as {{"x": -2.0}}.', "type")
    return value


# -- a value used twice ---------------------------------------------------------------------------------------------------


def shared_truth(a: float, b: float) -> Truth:
    d = a - b
    minus = "d falls when b1 rises, so the gradient changes its sign there"
    return Truth(
        value=d * b,
        gradients={"a": b, "b": d - b},
        value_slips={
            "wrong_argument:d is the difference a − b1": [(a + b) * b, (b - a) * b, a - b * b, a * b],
            "missing_chain_factor:b2": d,
            "missing_term:d is a − b1": [a * b, -b * b],
        },
        gradient_slips=[
            ("missing_term:the gradient that comes back through the copy b1 is not added", (None, d)),
            ("missing_term:the gradient that comes back through the copy b2 is not added", (None, -b)),
            (f"wrong_argument:{minus}", (None, d + b)),
            (f"wrong_argument:{minus}", (-b, None)),
            (f"wrong_argument:{minus}", (None, b)),
            ("wrong_argument:the gradients of the two copies add, they are not multiplied", (None, -b * d)),
            ("wrong_argument:the gradients of the two copies add, one is not taken from the other", (None, -b - d)),
            ("wrong_argument:the derivative of a product is the other factor", (d, b - d)),
            ("wrong_argument:the derivative of a product is the other factor", (d, None)),
            ("upstream_ignored", (1.0, -1.0 + d)),
            ("upstream_ignored", (None, -1.0 + d)),
            ("upstream_ignored", (1.0, None)),
            ("upstream_ignored", (1.0, 0.0)),
        ],
    )


@check(f"{SECTION}/shared_input_check", points=5)
def shared_input(student: Student, draw: Draw) -> None:
    """shared_input returns (a - b) b; two gradients arrive at b and add up to a - 2b."""
    points = [(a, b) for a, b in (floats(draw, 2) for _ in range(40)) if min(abs(a - b), abs(a - 2 * b)) > 0.3][:2]
    answers = at_points(student, "shared_input", points, shared_truth)
    with part("forward", points=1):
        judge_value(answers, "f")
    with part("backward", points=4):
        judge_gradients(answers, "f")


# -- f1, f2 (optional: no points, but a verdict) and f3 -----------------------------------------------------------------------


def f1_truth(x1: float, w1: float, x2: float, w2: float, b: float, y: float) -> Truth:
    def linear(r: float) -> tuple[float, ...]:
        return r * w1, r * x1, r * w2, r * x2, r, -r

    d = x1 * w1 + x2 * w2 + b - y
    bias, square = "the bias is added as it is, so its local derivative is 1", "its slope is 2d"
    without_b, sums = d - b, x1 + w1 + x2 + w2 + b - y
    once, plus = x1 * w1 + x2 * w1 + b - y, d + 2 * y
    return Truth(
        value=d**2,
        gradients=dict(zip(("x1", "w1", "x2", "w2", "b", "y"), linear(2 * d), strict=True)),
        value_slips={
            "missing_term:ŷ is a1 + a2 + b": [without_b**2, (d - x1 * w1) ** 2, (d - x2 * w2) ** 2],
            "wrong_loss:the last node is a square": [d, abs(d), math.sqrt(abs(d)), d**3],
            "wrong_argument:a1 and a2 are products": sums**2,
            "wrong_argument:a2 = x2 w2": [once**2, (x1 * w1 + x1 * w2 + b - y) ** 2],
            "wrong_argument:d = ŷ − y": plus**2,
        },
        gradient_slips=[
            ("missing_chain_factor:2 of the square", linear(d)),
            ("upstream_ignored", linear(1.0)),
            ("upstream_twice", linear(4 * d * d)),
            (f"wrong_argument:the local derivative of the square, {square}", linear(2 * d * d)),
            (f"wrong_argument:the local derivative of the square, {square}", linear(d * d)),
            ("missing_term:ŷ is a1 + a2 + b", linear(2 * without_b)),
            ("wrong_argument:a1 and a2 are products", (2 * sums,) * 5 + (-2 * sums,)),
            ("wrong_argument:d = ŷ − y", (*linear(2 * plus)[:5], 2 * plus)),
            ("wrong_argument:the derivative of a product is the other factor",
             (2 * d * x1, 2 * d * w1, 2 * d * x2, 2 * d * w2, None, None)),
            ("wrong_argument:the products have two factors of their own", (None, None, 2 * d * w1, 2 * d * x1, None, None)),
            ("wrong_argument:the products have two factors of their own", (None, None, None, 2 * d * x1, None, None)),
            ("wrong_argument:the products have two factors of their own", (None, None, 2 * d * w1, None, None, None)),
            (f"wrong_argument:{bias}", (None, None, None, None, 2 * d * b, None)),
            ("upstream_ignored", (None, None, None, None, 1.0, None)),
            ("upstream_ignored", (None, None, None, None, 1.0, -1.0)),
            ("upstream_ignored", (None, None, None, None, None, -1.0)),
            ("wrong_argument:d = ŷ − y, so the gradients of ŷ and y have opposite signs", (*linear(-2 * d)[:5], None)),
        ],
    )  # fmt: skip


@check(f"{SECTION}/f1_check", points=0)
def f1(student: Student, draw: Draw) -> None:
    """f1 returns (x1 w1 + x2 w2 + b - y)² and six derivatives: 2d times the other factor, ± 2d for b and y."""
    points: list[tuple[float, ...]] = []
    while len(points) < 2:
        x1, w1, x2, w2, b, y = point = floats(draw, 6)
        if abs(x1 * w1 + x2 * w2 + b - y) > 0.5:  # single precision keeps its digits in the difference
            points.append(point)
    answers = at_points(student, "f1", points, f1_truth)
    with part("forward", points=0):
        judge_value(answers, "L")
    with part("backward", points=0):
        judge_gradients(answers, "L")


def f2_truth(x: float) -> Truth:
    e = math.exp(2 * x)
    t, b, half = e - 1, e + 1, math.exp(x)
    y = t / b
    slope, small = 1 - y * y, (half - 1) / (half + 1)
    through_t, through_b = 2 * e / b, -2 * e * t / b**2
    fork = "e is used twice, and the path through {} is missing"
    double, quotient = "the exponential is taken of d = 2x", "t stands above the line, b below it"
    return Truth(
        value=y,
        gradients={"x": slope},
        value_slips={
            f"wrong_argument:{double}": [small, (half**0.5 - 1) / (half**0.5 + 1), (e * e - 1) / (e * e + 1),
                                         (half**2 * x - 1) / (half**2 * x + 1), (2 * half - 1) / (2 * half + 1)],
            f"swapped_arguments:{quotient}": 1 / y,
            "missing_term:b is e + 1": t / e,
            "missing_term:t is e − 1": e / b,
            "wrong_argument:e is exp(d)": (2 * x - 1) / (2 * x + 1) if abs(2 * x + 1) > 1e-3 else [],
        },
        gradient_slips=[
            (f"missing_term:{fork.format('b')}", (through_t,)),
            (f"missing_term:{fork.format('t')}", (through_b,)),
            ("wrong_argument:the sign of the path through b (y falls when b rises)", (through_t - through_b,)),
            ("wrong_argument:the gradients of the two paths add, they are not multiplied", (through_t * through_b,)),
            ("missing_chain_factor:2 of d = 2x", (slope / 2,)),
            ("missing_chain_factor:e of the exponential", (slope / e,)),
            ("missing_chain_factor:e of the exponential", (slope / e / 2,)),
            ("wrong_argument:the slope of the exponential is e itself", (slope / e * 2 * x,)),
            ("wrong_argument:the slope of the exponential is e itself", (slope / e * half,)),
            ("missing_chain_factor:1/b on the path through b", (through_t + through_b * b,)),
            ("missing_chain_factor:t on the path through b", (through_t + through_b / t,)),
            ("wrong_argument:b in place of 1/b", (2 * e * b + through_b,)),
            ("wrong_argument:the slope of tanh is 1 − y²", (1 - y,)),
            ("wrong_argument:the slope of tanh is 1 − y²", (1 + y * y,)),
            ("wrong_argument:the slope of tanh is 1 − y²", (1 - x * x,)),
            ("wrong_argument:the slope of tanh is 1 − y²", (y * (1 - y),)),
            (f"wrong_argument:{double}", (1 - small**2,)),
            (f"wrong_argument:{double}", ((1 - small**2) / 2,)),
            (f"swapped_arguments:{quotient}", (1 - 1 / y**2,)),
        ],
    )  # fmt: skip


@check(f"{SECTION}/f2_check", points=0)
def f2(student: Student, draw: Draw) -> None:
    """f2 returns tanh x, written with exp(2x), and its derivative 1 - y²."""
    points = [(float(sign * draw.positive(low=0.4, high=1.5)),) for sign in (1, -1)]
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
    loss = -math.log(q)
    as_number = -y * math.log(p[0]) - (1 - y) * math.log(p[1])
    with np.errstate(all="ignore"):
        plain = float(-np.log(s @ chosen / s.sum()))
    return Truth(
        value=loss,
        gradients={"s1": float(right[0]), "s2": float(right[1])},
        value_slips={
            f"wrong_argument:{other}": -math.log(1 - q),
            f"wrong_loss:{base}, where the natural one is asked for": [loss / math.log(2), loss / math.log(10)],
            "wrong_loss:the probability without its logarithm": [q, -q, 1 - q],
            "wrong_loss:only the probability chosen by y counts": [-math.log(q) - math.log(1 - q), math.log((1 - q) / q)],
            "wrong_loss:y only chooses, it is not a number to calculate with": as_number if y == 2 else [],
            "epsilon_in_log": [-math.log(q + 10.0**-k) for k in range(3, 12)],
            "wrong_argument:the exponential of each score": plain if math.isfinite(plain) else [],
            "wrong_argument:e is divided by the sum d": [float(-s @ chosen), math.log(d)],
        },
        gradient_slips=[
            (f"missing_term:{fork.format('the numerator')}", tuple(p)),
            (f"missing_term:{fork.format('the sum d')}", tuple(-chosen)),
            (f"missing_term:{fork.format('the sum d')} for the e that y chooses",
             (None, right[1] - p[1]) if y == 2 else (right[0] - p[0], None)),
            (f"missing_term:{fork.format('the sum d')} for the e that y does not choose", (None, 0.0) if y == 1 else (0.0, None)),
            (f"wrong_argument:{other}", tuple(p - (1 - chosen))),
            ("wrong_argument:the sign of the path through d (p falls when d rises)", tuple(-p - chosen)),
            ("missing_chain_factor:1/d on the path through d", tuple(p * d - chosen)),
            ("missing_chain_factor:e of the exponentials", tuple(right / e)),
            ("wrong_argument:the slope of exp(s) is e itself", tuple(right / e * s)),
            ("missing_chain_factor:1/p of the logarithm", tuple(right * q)),
            ("missing_chain_factor:1/p of the logarithm", tuple(-right * q)),
            (f"wrong_loss:{base}", tuple(right / math.log(2))),
            (f"wrong_loss:{base}", tuple(right / math.log(10))),
            ("wrong_argument:p in place of 1/p in the slope of the logarithm", tuple(right * q * q)),
            ("wrong_argument:p in place of 1/p in the slope of the logarithm", tuple(-right * q * q)),
        ],
    )  # fmt: skip


@check(f"{SECTION}/f3_check", points=10)
def f3(student: Student, draw: Draw) -> None:
    """f3 returns -log of the softmax probability that y (1 or 2) chooses; the derivatives are p, minus 1 at the chosen."""
    scores = [(s1, s2) for s1, s2 in (floats(draw, 2) for _ in range(40)) if abs(s1 - s2) > 0.3][:2]
    for y in (1, 2):
        answers = at_points(student, "f3", [(s1, s2, y) for s1, s2 in scores], f3_truth)
        with part(f"L for y = {y}", points=2):
            judge_value(answers, "L")
        with part(f"gradients for y = {y}", points=3):
            judge_gradients(answers, "L")


# -- a graph of the student's own ------------------------------------------------------------------------------------------


@check(f"{SECTION}/f4_check", points=0)
def f4(student: Student, draw: Draw) -> None:
    """Any smooth function with five operators; its gradients agree with differences of its own value, taken here."""
    with part("drawing", points=0):
        names = list(named_point(student))
        judge_drawing(pairs(student.get("f4_edges").value, "f4_edges"), names)
    slopes: list[Slopes] = []
    with part("function", points=0):
        point = named_point(student)
        slopes = [measured(student, point, draw) for _ in range(2)]
        judge_function(slopes, list(point))
    with part("gradients", points=0):
        if not slopes:
            raise StudentError("There is no function yet whose gradients could be checked.", "missing")
        varies = np.abs(slopes[0].gradient).max() > 1e-9
        expect_true(varies, "A value that depends on no input has no gradients to check.", "constant_loss")
        for found in slopes:
            right = dict(zip(point, found.gradient.tolist(), strict=True))
            got = listed(ask(student, "f4", found.inputs, list(right)), list(right))
            atol = 1e-8 * max(1.0, abs(found.value)) + found.doubt
            if not expect_gradients(got, right, of="f4", rtol=1e-7, atol=atol):
                break


def named_point(student: Student) -> dict[str, float]:
    """f4_at as names and floats."""
    value = named(student, "f4_at")
    numbers = {str(key): _numbers([number]) for key, number in value.items()}
    if not numbers or len(numbers) > 12 or any(number is None for number in numbers.values()):
        raise StudentError('f4_at should hold one to twelve inputs and a number for each, such as {"u": 1.5}.', "type")
    return {key: float(number[0]) for key, number in numbers.items()}


def judge_drawing(arrows: Sequence[tuple[str, str]], inputs: Sequence[str]) -> None:
    """At least five operators, one result, no circle, and a path from every input to the result."""
    starts, ends = {start for start, _ in arrows}, {end for _, end in arrows}
    results = ends - starts
    count = len(ends)
    expect_true(count >= 5, f"The drawing has {count} operators: at least five are asked for.", "missing")
    missing = [name for name in inputs if name not in starts]
    expect_true(not missing, f"No arrow leaves the input {', '.join(missing)}.", "missing")
    fed = [name for name in inputs if name in ends]
    expect_true(not fed, f"An arrow goes into {', '.join(fed)}, which is an input.", "swapped_arguments")
    expect_true(len(results) == 1, f"The drawing ends in {len(results)} places: it should end in one result.", "missing")
    # Walk back from the result: what is left over after removing finished steps again and again lies on a circle.
    left = list(arrows)
    while True:
        waiting = {start for start, _ in left}
        shorter = [(start, end) for start, end in left if end in waiting]
        if len(shorter) == len(left):
            break
        left = shorter
    expect_true(not left, "The arrows of the drawing run in a circle.", "swapped_arguments")


@dataclass(frozen=True)
class Slopes:
    """The student's own value at a point near f4_at, and its derivatives measured by differences."""

    inputs: tuple[float, ...]
    value: float
    gradient: np.ndarray
    doubt: np.ndarray


def measured(student: Student, point: Mapping[str, float], draw: Draw) -> Slopes:
    """Derivatives of the student's value at a random place near `point`. Raises StudentError where it has none."""
    names = list(point)
    at = np.array([value * (1 + 0.05 * draw.number(-1, 1)) + 0.01 * draw.number(-1, 1) for value in point.values()])
    moving = at.copy()

    def value() -> np.ndarray:
        found = _numbers([ask(student, "f4", moving.tolist(), names).value])
        if found is None:
            raise StudentError("The value of f4 is not always a finite number near f4_at.", "nan")
        return found[0]

    here = float(value())
    gradient, doubt = jacobian(value, moving)
    rough = doubt > 1e-4 * np.maximum(1.0, np.abs(gradient))
    if rough.any():
        where = names[int(np.argmax(rough))]
        raise StudentError(
            f"f4 is not smooth near f4_at when {where} moves: it has a kink or a jump there, or another value each time.",
            "kink",
        )
    return Slopes(tuple(at.tolist()), here, gradient, doubt)


def judge_function(slopes: Sequence[Slopes], names: Sequence[str]) -> None:
    """Every input has an effect, no two play the same part, and not all derivatives are constants."""
    first, second = (found.gradient for found in slopes)
    idle = [name for name, a, b in zip(names, first, second, strict=True) if max(abs(a), abs(b)) < 1e-9]
    if len(idle) == len(names):
        expect_true(False, "f4 gives the same value whatever its inputs are.", "constant_loss")
        return
    expect_true(not idle, f"The input {', '.join(idle)} has no effect on the value of f4.", "missing_term")
    for i, name in enumerate(names):
        for j in range(i):
            alike = names[j] not in idle and _alike(first[[i, i]], first[[j, j]]) and _alike(second[[i, i]], second[[j, j]])
            text = f"{names[j]} and {name} play the same part in f4: their derivatives are always equal."
            expect_true(not alike, text, "swapped_arguments")
    bends = not _alike(first, second)
    expect_true(bends, "All derivatives of f4 are constants: use an operator that multiplies, divides or bends.", "missing")
