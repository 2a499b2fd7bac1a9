"""Check the operators of a student's own engine one by one, against the same operators on floats.

Slopes are compared with finite differences of the operation on floats; none is written down here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .comparison import CheckFailed, Comparison, compare, conclude, stop_if_wrong
from .finite_differences import jacobian
from .number_checks import POINTS, YOURS, made, operated, run_back
from .slips import Slip

__all__ = ["SLIPS", "Slips", "check_operators", "power_slips"]

Hints = Callable[[float, float], list[Slip]]


def _nothing(a: float, b: float) -> list[Slip]:
    return []


@dataclass(frozen=True)
class Slips:
    """What known mistakes give at (a, b), for the value and for the slopes by a and b."""

    value: Hints = _nothing
    slope_a: Hints = _nothing
    slope_b: Hints = _nothing


def power_slips(k: float) -> Slips:
    """The slips of a ** k."""
    return Slips(
        lambda a, b: [
            Slip("wrong_argument", k * a, "a times the exponent"),
            Slip("wrong_argument", a, "a itself"),
            Slip("swapped_arguments", abs(k) ** a, "a and the exponent"),
        ],
        lambda a, b: [
            Slip("missing_chain_factor", a ** (k - 1), "(the exponent)"),
            Slip("wrong_argument", k * a**k, "the exponent is not reduced by one"),
            Slip("missing_chain_factor", k, "(the power of a)"),
            Slip("wrong_argument", k * a, "a, where its power belongs"),
            Slip("wrong_argument", k * a ** (k + 1), "the exponent has one too many"),
            Slip("wrong_argument", 2 * a, "2 a, whatever the exponent is"),
        ],
    )


SLIPS = {
    "minus": Slips(
        lambda a, b: [
            Slip("wrong_argument", a + b, "a + b"),
            Slip("missing_term", a, "b"),
            Slip("missing_term", -b, "a"),
            Slip("missing_term", b, "−"),
        ]
    ),
    "over": Slips(
        lambda a, b: [
            Slip("swapped_arguments", b / a, "a and b"),
            Slip("wrong_argument", a * b, "the product"),
            Slip("wrong_argument", a, "a alone"),
            Slip("wrong_argument", 1 / b, "1 / b"),
            Slip("wrong_argument", a // b, "a whole number"),
        ],
        lambda a, b: [Slip("wrong_argument", b, "b, where 1/b belongs"), Slip("missing_chain_factor", 1.0, "1/b")],
        lambda a, b: [
            Slip("missing_chain_factor", -a / b, "1/b"),
            Slip("missing_chain_factor", -1 / b**2, "a"),
            Slip("wrong_argument", a, "a"),
        ],
    ),
    "exp": Slips(
        lambda a, b: [Slip("wrong_argument", [2**a, 10**a], "another base"), Slip("wrong_argument", a, "a itself")],
        lambda a, b: [
            Slip("missing_chain_factor", 1.0, "(e to the a)"),
            Slip("wrong_argument", a * math.exp(a - 1), "a power of e, not of a"),
            Slip("wrong_argument", math.exp(math.exp(a)), "exp is taken twice"),
        ],
    ),
    "tanh": Slips(
        lambda a, b: [
            Slip("wrong_loss", math.tan(a), "tan, without the h"),
            Slip("wrong_loss", 1 / (1 + math.exp(-a)), "the sigmoid"),
            Slip("wrong_argument", a, "a itself"),
        ],
        lambda a, b: [
            Slip("missing_chain_factor", 1.0, "(slope of tanh)"),
            Slip("wrong_argument", 1 - a * a, "a itself, where tanh(a) belongs"),
            Slip("wrong_argument", 1 - math.tanh(a), "tanh(a) is not squared"),
            Slip("wrong_argument", 1 - math.tanh(math.tanh(a)) ** 2, "tanh is taken twice"),
            Slip("wrong_argument", 1 + math.tanh(a) ** 2, "plus, where minus belongs"),
        ],
    ),
    "relu": Slips(
        lambda a, b: [
            Slip("absolute", abs(a)),
            Slip("missing_activation", a, "relu"),
            Slip("wrong_argument", min(a, 0.0), "the smaller of a and 0"),
            Slip("wrong_argument", [max(a, k * a) for k in (0.01, 0.1)], "a small slope is left below zero"),
        ],
        lambda a, b: [
            Slip("missing_mask", 1.0),
            Slip("wrong_argument", [a, max(a, 0.0)], "a, where its slope belongs"),
            Slip("wrong_argument", float(a < 0), "the slope is 1 below zero and 0 above"),
        ],
    ),
}


@dataclass(frozen=True)
class Operator:
    """An operator on Numbers, the same on floats, and its slips."""

    name: str
    of_numbers: Callable[[Any, Any], Any]
    of_floats: Callable[[float, float], float]
    slips: Slips = Slips()


OPERATORS = (
    Operator("−a", lambda a, b: -a, lambda a, b: -a),
    Operator("a − b", lambda a, b: a - b, lambda a, b: a - b, SLIPS["minus"]),
    Operator("a − 2.9", lambda a, b: a - 2.9, lambda a, b: a - 2.9),
    Operator("2.9 − a", lambda a, b: 2.9 - a, lambda a, b: 2.9 - a),
    Operator("a ** 2", lambda a, b: a**2, lambda a, b: a**2, power_slips(2)),
    Operator("a ** 3", lambda a, b: a**3, lambda a, b: a**3, power_slips(3)),
    Operator("a ** 4", lambda a, b: a**4, lambda a, b: a**4, power_slips(4)),
    Operator("a ** -2", lambda a, b: a**-2, lambda a, b: a**-2),
    Operator("a ** 0", lambda a, b: a**0, lambda a, b: a**0),
    Operator("a ** -1", lambda a, b: a**-1, lambda a, b: a**-1, power_slips(-1)),
    Operator("a / b", lambda a, b: a / b, lambda a, b: a / b, SLIPS["over"]),
    Operator("a / 2.9", lambda a, b: a / 2.9, lambda a, b: a / 2.9),
    Operator("a / 1", lambda a, b: a / 1, lambda a, b: a / 1),
    Operator("2.9 / a", lambda a, b: 2.9 / a, lambda a, b: 2.9 / a),
    Operator("a.exp()", lambda a, b: a.exp(), lambda a, b: math.exp(a), SLIPS["exp"]),
    Operator("a.tanh()", lambda a, b: a.tanh(), lambda a, b: math.tanh(a), SLIPS["tanh"]),
    Operator("a.relu()", lambda a, b: a.relu(), lambda a, b: max(a, 0.0), SLIPS["relu"]),
)


def _difference(f: Callable[[float], float]) -> Callable[[float, float], float]:
    return lambda a, h: (f(a + h) - f(a - h)) / (2 * h)


# Where a threshold or something small that is added would show: at a; tanh differs there in its last digits only.
FAR = (
    ("a.tanh()", lambda a: a.tanh(), math.tanh,
     lambda a, h: math.sinh(2 * h) / (2 * h * math.cosh(a + h) * math.cosh(a - h)), (4.0, -6.0, 10.0, -13.5)),
    ("a.exp()", lambda a: a.exp(), math.exp, _difference(math.exp), (30.0, -60.0, 150.0, -150.0, 600.0)),
    ("2.9 / a", lambda a: 2.9 / a, lambda a: 2.9 / a, _difference(lambda a: 2.9 / a), (2e-12, -3e-9)),
    ("a ** -1.5", lambda a: a**-1.5, lambda a: a**-1.5, _difference(lambda a: a**-1.5), (0.8, 2.3)),
    ("a ** 3", lambda a: a**3, lambda a: a**3, _difference(lambda a: a**3), (3.3e-6,)),
)  # fmt: skip


def check_operators(Number: Callable[..., Any]) -> None:
    """Check the operators of a class of numbers one by one; print the report.

    Checked are the value and the gradients by both inputs, at four points with upstream gradients of both signs; large
    values of tanh; relu at 0. Raises CheckFailed with the report of the first operator that is wrong.
    """
    shown: list[Comparison] = []
    for operator in OPERATORS:
        found = [_operator(Number, operator, *point) for point in POINTS]
        shown += [replace(line, name=f"{operator.name:8} {line.name}") for line in found[0][1:]]
    _extremes(Number)
    conclude([("gradients at a = {}, b = {}, from d_out = {}".format(*POINTS[0]), shown)])
    print("   also right: the values, three more points, tanh of ±800, relu at 0")


def _where(operator: Operator, a: float, b: float, upstream: float) -> str:
    return f"{operator.name} at a = {a}, b = {b}, from d_out = {upstream}"


def _operator(Number: Callable[..., Any], operator: Operator, a: float, b: float, upstream: float) -> list[Comparison]:
    where = _where(operator, a, b, upstream)
    numbers = {"a": made(Number, a), "b": made(Number, b)}
    result = operated(operator.name, operator.of_numbers, *numbers.values())
    value = compare(
        operator.name, result.out, operator.of_floats(a, b), candidates=operator.slips.value(a, b), labels=YOURS
    )
    stop_if_wrong([(where, [value])])
    run_back(result, upstream)
    x = np.array([a, b])
    slopes, doubt = jacobian(lambda: np.array(operator.of_floats(*x.tolist())), x)
    lines = [value]
    for i, (name, hints) in enumerate((("a", operator.slips.slope_a), ("b", operator.slips.slope_b))):
        if not slopes[i] and name == "b":
            continue
        candidates: list[Slip] = []
        for wrong in hints(a, b):  # where two coincide at this point, the likelier stands first
            slip = wrong.map(lambda number: upstream * number)
            others = [other.values for other in candidates if len(other.values) == len(slip.values)]
            if not any(np.allclose(slip.values, other) for other in others):
                candidates.append(slip)
        lines.append(
            compare(
                f"∂J/∂{name}", numbers[name].d_out, upstream * slopes[i], uncertainty=abs(upstream) * doubt[i],
                candidates=candidates, upstream=upstream, labels=YOURS,
            )
        )  # fmt: skip
    stop_if_wrong([(where, lines)])
    if [number.out for number in numbers.values()] != [a, b]:
        raise CheckFailed(f"{operator.name} changed the value of its inputs: make a new Number.")
    return lines


def _extremes(Number: Callable[..., Any]) -> None:
    for name, operation, of_floats, slope, places in FAR:
        for place in places:
            a = made(Number, place)
            result = operated(name, operation, a)
            run_back(result, -2.5)
            right = -2.5 * slope(place, 1e-6 * abs(place))
            how = {"rtol": 1e-6, "atol": 1e-14 if "tanh" in name else 0.0, "labels": YOURS}
            lines = [compare(name, result.out, of_floats(place), **how), compare("∂J/∂a", a.d_out, right, **how)]
            stop_if_wrong([(f"{name} at a = {place:g}, from d_out = -2.5", lines)])
    for large in (800.0, -800.0):
        a = made(Number, large)
        try:
            result = a.tanh()
            run_back(result, -2.5)
        except (OverflowError, ZeroDivisionError):
            said = f"tanh of {large:g} overflows, as exponentials of large numbers do. Is there a ready tanh?"
            raise CheckFailed(said) from None
        where, hint = f"a.tanh() at a = {large:g}", [Slip("unstable", math.nan)]
        values = [compare("a.tanh()", result.out, math.copysign(1.0, large), candidates=hint, labels=YOURS)]
        stop_if_wrong([(where, [*values, compare("∂J/∂a", a.d_out, 0.0, labels=YOURS)])])
    a = made(Number, 0.0)
    result = operated("a.relu()", lambda: a.relu())
    run_back(result, -2.5)
    lines = [compare("a.relu()", result.out, 0.0, labels=YOURS)]
    lines.append(compare("∂J/∂a", a.d_out, 0.0, candidates=[Slip("kink", [-2.5, -1.25])], labels=YOURS))
    stop_if_wrong([("a.relu() at a = 0", lines)])
