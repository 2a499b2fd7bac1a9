"""Check the numbers of a student's own engine: +, · and one step back. What the other checks of an engine share.

A number is an object with `out`, `arrows` (pairs of an input and a slope) and `d_out`; see section 11.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph import sort_topological
from .comparison import CheckFailed, Comparison, compare, conclude, describe, stop_if_wrong
from .student_code import student_code

__all__ = ["POINTS", "YOURS", "check_number", "made", "operated", "require_number", "run_back"]

# (a, b, upstream): both signs everywhere, and no number that is its own square, half or reciprocal
POINTS = ((0.6, -1.7, -2.5), (-2.3, 0.35, 0.7), (1.4, 2.9, 1.3), (-0.8, -0.25, -0.4), (0.03, -0.02, 1.9))
_HELD = {"a": 0.3, "b": -0.9}  # what another consumer has left in d_out already
YOURS = ("yours", "right")


def made(Number: Callable[..., Any], value: float) -> Any:
    with student_code("Number"):
        return Number(value)


def operated(name: str, operation: Callable[..., Any], *numbers: Any) -> Any:
    with student_code(name):
        result = operation(*numbers)
    require_number(result, name)
    return result


def require_number(result: Any, name: str) -> None:
    if not all(hasattr(result, attribute) for attribute in ("out", "arrows", "d_out")):
        what = "None: is it finished?" if result is None else f"{describe(result)}, through which no gradient flows."
        raise CheckFailed(f"{name} should be a Number, and it is {what}")


def run_back(result: Any, upstream: float) -> None:
    """d_out of everything the result depends on, by the student's one-step backward() in our order."""
    order = sort_topological(result)
    for node in order:
        node.d_out = 0.0
    result.d_out = upstream
    with student_code("Number.backward"):
        for node in order[::-1]:
            node.backward()


def check_number(Number: Callable[..., Any]) -> None:
    """Check `+`, `*` and one `backward` step of a class of numbers; print the report.

    Number : Number(out, arrows=(), node_name="") with attributes out, arrows, d_out

    Raises CheckFailed with the report when something is wrong.
    """
    values, steps = _sums_and_products(Number, *POINTS[0])
    for point in (*POINTS[1:], (0.0004, -0.0007, 1.4), (0.6, -1.7, 0.0)):
        for section in _sums_and_products(Number, *point):
            stop_if_wrong([section])
    _look_around(Number)
    conclude([values, steps])
    print("   also right: plain numbers, a number used twice, several numbers at once,")
    print("   nothing changed in place")


def _sums_and_products(Number: Callable[..., Any], a: float, b: float, upstream: float) -> list[tuple[str, list]]:
    formulas = {"a + b": lambda p, q: p + q, "a · b": lambda p, q: p * q, "a + 2.9": lambda p, _: p + 2.9}
    formulas |= {"a · a": lambda p, _: p * p, "a + a": lambda p, _: p + p, "b · −0.7": lambda _, q: q * -0.7}
    formulas["a · 0"] = lambda p, _: p * 0
    wanted = {
        "a · 0": 0.0,
        "a + b": a + b,
        "a · b": a * b,
        "a + 2.9": a + 2.9,
        "a · a": a * a,
        "a + a": 2 * a,
        "b · −0.7": -0.7 * b,
    }
    right = {"a + b": (1, 1), "a · b": (b, a), "a + 2.9": (1, 0), "a · a": (2 * a, 0), "a + a": (2, 0)}
    right |= {"b · −0.7": (0, -0.7), "a · 0": (0, 0)}
    pairs, results = {}, {}
    for name, operation in formulas.items():
        pairs[name] = {"a": made(Number, a), "b": made(Number, b)}
        results[name] = operated(name, operation, *pairs[name].values())
    wrong = {"a + b": {"wrong_argument:the product": a * b, "wrong_argument:the difference": a - b}}
    wrong["a · b"] = {"wrong_argument:the sum": a + b}
    values = [
        compare(name, results[name].out, wanted[name], candidates=wrong.get(name), labels=YOURS) for name in formulas
    ]
    stop_if_wrong([(f"values at a = {a}, b = {b}", values)])
    steps = []
    for name, result in results.items():
        if len(result.arrows) != 2:
            raise CheckFailed(f"{name} has {len(result.arrows)} arrows, where two belong: one from each side.")
        for key, number in pairs[name].items():
            number.d_out = _HELD[key]
        result.d_out = upstream
        with student_code("Number.backward"):
            result.backward()
        for key, slope in zip("ab", right[name], strict=True):
            steps.append(_one_step(name, key, pairs[name][key].d_out, slope, right[name], upstream))
        if result.d_out != upstream:
            raise CheckFailed(f"backward() of {name} changed its own d_out: only the inputs receive something.")
    shown = [line for line in steps if line.name.startswith(("a + b", "a · b", "a · a"))]
    stop_if_wrong([(f"one step back at a = {a}, b = {b}, from d_out = {upstream}", steps)])
    held = ", ".join(f"{key}.d_out was {value}" for key, value in _HELD.items())
    return [
        (f"values at a = {a}, b = {b}", values),
        (f"one step back from d_out = {upstream} ({held})", shown),
    ]


def _one_step(name: str, key: str, got: Any, slope: float, slopes: Sequence[float], upstream: float) -> Comparison:
    held, right = _HELD[key], upstream * slope
    other = slopes[1] if key == "a" else slopes[0]
    hints: dict[str, Any] = {"assigned": right, "upstream_ignored": held + slope, "accumulated_twice": held + 2 * right}
    hints["sign"] = held - right
    if name in ("a · a", "a + a"):
        hints["missing_term:each of the two arrows delivers"] = held + right / 2
        hints.pop("accumulated_twice")
    if name == "a · b":
        hints["swapped_arguments:the slopes of the two arrows"] = held + upstream * other
        hints["missing_chain_factor:(slope of the arrow)"] = held + upstream
    if slope:
        hints["one_node_only"] = held
    exact = held + right
    hints = {family: value for family, value in hints.items() if abs(value - exact) > 1e-9}
    return compare(f"{name:8} ∂J/∂{key}", got, exact, candidates=hints, labels=YOURS)


def _look_around(Number: Callable[..., Any]) -> None:
    """Nothing but the inputs of the result moves; what was computed first stays what it was."""
    a, b, c = (made(Number, value) for value in (0.6, -1.7, 2.3))
    p = operated("a · b", lambda: a * b)
    s = operated("p + c", lambda: p + c)
    operated("b · c", lambda: b * c)
    if any(number.d_out for number in (a, b, c, p, s)):
        raise CheckFailed("An operator changed d_out of a number: it stays 0.0 until gradients arrive.")
    s.d_out = -2.5
    with student_code("Number.backward"):
        s.backward()
    if [a.d_out, b.d_out] != [0.0, 0.0]:
        raise CheckFailed(
            "backward() of p + c went on to the inputs of p. It is one step: p runs its own backward() later, "
            "and what goes further now is counted twice then."
        )
    if [a.out, b.out, c.out] != [0.6, -1.7, 2.3]:
        raise CheckFailed("An operator changed the value of its inputs: make a new Number and leave the old ones.")
    for name, number in (("a", a), ("b", b), ("c", c)):
        if len(number.arrows):
            raise CheckFailed(f"{name} has arrows now, and it was made from nothing: they belong to the new Number.")
    many = operated(
        "a Number with five arrows", lambda: Number(0.9, [(a, 0.8), (c, 0.8), (a, 0.8), (b, 0.0), (c, -0.6)])
    )
    many.d_out = -2.5
    with student_code("Number.backward"):
        many.backward()
    slopes = "two arrows to a, 0.8 and 0.8; one to b, 0.0; two to c, 0.8 and −0.6"
    held, sums = (0.0, 0.0, -2.5), (1.6, 0.0, 0.2)
    pairs = zip("abc", (a, b, c), held, sums, strict=True)
    lines = [compare(f"{key}.d_out", n.d_out, left - 2.5 * u, labels=YOURS) for key, n, left, u in pairs]
    stop_if_wrong([(f"one step back of a Number with {slopes}, from d_out = −2.5", lines)])
    lines = [compare("p.d_out", p.d_out, -2.5, labels=YOURS), compare("a · b", p.out, 0.6 * -1.7, labels=YOURS)]
    stop_if_wrong([("p = a · b after p + c has been computed, too", lines)])
