"""Check values that are known, and functions that return (value, gradients)."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .comparison import (
    ATOL,
    RTOL,
    CheckFailed,
    Comparison,
    as_numbers,
    compare,
    conclude,
    describe,
    failed,
    is_single,
    stop_if_wrong,
)
from .diagnosis import Mistake
from .finite_differences import jacobian
from .student_code import student_code
from .watch import left_alone

__all__ = ["check_function", "check_values"]

VALUE_FIRST = "Gradients come once this is right: they are compared with differences of it."


def value_first(
    title: str, name: str, value: Any, expected: Any, mistakes: Mapping[str, Any] | None, atol: float, rtol: float
) -> list[Comparison]:
    """The comparison of a known value, none where `expected` is None. Raises CheckFailed when it is wrong."""
    if expected is None:
        return []
    hints, labels = (mistakes or {}).get(name), ("yours", "right")
    shown = [
        compare(
            name, value, expected, atol=atol, rtol=rtol, candidates=hints, scalar_like=True, single=True, labels=labels
        )
    ]  # fmt: skip
    stop_if_wrong([(title, shown)], VALUE_FIRST)
    return shown


def check_values(
    title: str,
    got: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    expected: Mapping[str, Any],
    *,
    atol: float = ATOL,
    rtol: float = RTOL,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    batch_size: int | None = None,
    scalar_like: bool = True,
    only_here: str = "",
) -> None:
    """Compare named results with known values; print the report.

    got : name -> result; or a function without arguments that returns this dictionary. What the student's code raises
        inside that function is said in one sentence with the line of their code, and so is a change of an array that it
        names
    mistakes : name -> {family: the value that mistake gives}, to recognise what `diagnose` can't see by itself
    only_here : what is new after the checks above, such as "for other weights", where a wrong value shows that it is
        wrong there only

    Raises CheckFailed with the report when a value is wrong or missing. Names that are not expected are ignored.
    """
    if callable(got):
        with left_alone(got, f"{title}: your code"), student_code(f"{title}: your code"):
            got = got()
    if not isinstance(got, Mapping):
        keys = ", ".join(expected)
        raise CheckFailed(f"{title}\n   expected a dictionary with the keys {keys}, got {describe(got)}.")
    found = []
    exact = {name: np.asarray(right, dtype=float) for name, right in expected.items()}
    hints = with_exchanged(got, exact, mistakes or {})
    for name, right in exact.items():
        if name not in got:
            found.append(failed(name, "missing", note="not there"))
            continue
        found.append(
            compare(
                name,
                got[name],
                right,
                atol=atol,
                rtol=rtol,
                candidates=hints.get(name),
                batch_size=batch_size,
                scalar_like=scalar_like,
                single=True,
                labels=("yours", "right"),
            )
        )
    if only_here:
        stop_if_wrong([(title, [right_before(line, only_here) for line in found])], fact=True)
    conclude([(title, found)])


def check_function(
    f: Callable[..., Any],
    *inputs: Any,
    names: Sequence[str] = (),
    title: str | None = None,
    expected: Any = None,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    atol: float = ATOL,
    rtol: float = RTOL,
    row_too: bool = False,
) -> None:
    """Check a function that returns (value, (gradient, gradient, ...)); print the report.

    inputs : numbers or arrays. One gradient is expected for each float input, in order; whole numbers are labels, and
        have none
    names : names of the inputs, taken from the function's parameters when left out
    expected : the right value, to catch a function whose value and gradients are wrong alike
    mistakes : input name (or "value") -> {family: what that mistake gives}
    row_too : gradients that stand in a row with the value are right too, and a remark says how they are expected

    Raises CheckFailed with the report when something is wrong.
    """
    label = title or getattr(f, "__name__", "function")
    symbol = getattr(f, "__name__", "f") if getattr(f, "__name__", "f").isidentifier() else "f"
    names = tuple(names) or _parameter_names(f, len(inputs))
    arrays = [np.array(value, dtype=float) if _is_float(value) else value for value in inputs]
    wanted = {name: array for name, array in zip(names, arrays, strict=True) if _is_float(array)}

    def run() -> tuple[Any, Any, bool]:
        given = [_as_given(value, array) for value, array in zip(inputs, arrays, strict=True)]
        with student_code(label):
            result = f(*given)
        for name, before, after in zip(names, arrays, given, strict=True):
            if isinstance(after, np.ndarray) and not np.array_equal(after, before):
                raise CheckFailed(f"{label} changed its input {name}: leave inputs as they are, work on a copy.")
        value, gradients, in_a_row = _value_and_gradients(result, label, list(wanted), row_too)
        handed_out = gradients if isinstance(gradients, tuple | list) else [gradients]
        lent = [(name, array) for name, array in zip(names, given, strict=True) if isinstance(array, np.ndarray)]
        for gradient, (name, array) in itertools.product(handed_out, lent):
            if isinstance(gradient, np.ndarray) and np.shares_memory(gradient, array):
                raise CheckFailed(f"{label} hands out {name} itself as a gradient: make a new array.")
        return value, gradients, in_a_row

    value, gradients, in_a_row = run()
    number = as_numbers(value)
    if number is None or number.size != 1:
        raise CheckFailed(f"{label} returned {describe(value)} as its value: it should be one number.")
    shown = value_first(label, "value", value, expected, mistakes, atol, rtol)
    got = _by_name(gradients, label, wanted)
    right, unsure = {}, {}
    for name, array in wanted.items():
        right[name], unsure[name] = jacobian(lambda: _value_of(run, label), array)
        require_smooth(f"∂{symbol}/∂{name}", right[name], unsure[name])
    hints = with_exchanged(got, right, mistakes or {})
    shown += [
        compare(
            f"∂{symbol}/∂{name}", got[name], right[name], atol=atol, rtol=rtol, uncertainty=unsure[name],
            candidates=hints.get(name), scalar_like=True, single=True,
        )
        for name in got
    ]  # fmt: skip
    conclude([(f"{label}\n   (exact: your gradient; approx: finite differences of your value)", shown)])
    if in_a_row:
        print(f"   Later cells expect `{_as_it_should_be(list(wanted))}`: put the gradients into a tuple of their own.")


def right_before(line: Comparison, here: str) -> Comparison:
    """A wrong line that is not recognised says what is new here: what was checked before was right."""
    if line.ok or line.note or (line.mistake is not None and line.mistake.family != "unrecognised"):
        return line
    more = f" {line.mistake.text}" if line.mistake is not None else ""
    said = f"What was asked before was right; {here} it is wrong.{more}"
    return replace(line, mistake=Mistake("unrecognised", said))


def random_upstream(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """An upstream gradient without an entry near zero; where there are two or more, about half of them are negative."""
    sizes = rng.uniform(0.3, 1.7, shape)
    signs = rng.permutation(np.resize(rng.permutation([-1.0, 1.0]), math.prod(shape)))
    return np.array(sizes * signs.reshape(shape))


def kept(value: Any) -> Any:
    """A copy of an array (so that nobody changes it behind our back); anything else as it is."""
    return value.copy() if isinstance(value, np.ndarray) else value


def require_smooth(name: str, right: np.ndarray, unsure: np.ndarray) -> None:
    """Raise CheckFailed when the uncertainty says that a derivative can't be measured here."""
    rough = ~(unsure <= 1e-3 * np.maximum(1.0, np.abs(right)))
    if rough.any():
        at = "" if right.ndim == 0 else f" at [{', '.join(map(str, np.argwhere(rough)[0]))}]"
        raise CheckFailed(
            f"{name} can't be compared with finite differences{at}: the value jumps or has a kink there, "
            "or it is another one each time it is computed."
        )


def with_exchanged(
    got: Mapping[str, Any], right: Mapping[str, np.ndarray], mistakes: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """`mistakes`, and a candidate "swapped_arguments" for each pair of variables that got each other's gradient."""
    hints: dict[str, dict[str, Any]] = {name: dict(candidates or {}) for name, candidates in mistakes.items()}
    names = [name for name in right if as_numbers(got.get(name)) is not None]

    def took(a: str, b: str) -> bool:
        mine = as_numbers(got[a])
        return mine.size == right[b].size and np.allclose(mine.ravel(), right[b].ravel(), rtol=1e-6, atol=1e-9)

    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            opposite = right[a].size == right[b].size and np.allclose(right[a].ravel(), -right[b].ravel())
            if took(a, b) and took(b, a) and not took(a, a) and not opposite:  # it may as well be the sign
                hints.setdefault(a, {}).setdefault(f"swapped_arguments:{a} and {b}", right[b])
                hints.setdefault(b, {}).setdefault(f"swapped_arguments:{a} and {b}", right[a])
    return hints


def _is_float(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f")


def _as_given(value: Any, array: Any) -> Any:
    """What the student's code gets: a number as a number, because it may use math.exp on it; a copy of an array."""
    if isinstance(array, np.ndarray) and array.ndim == 0 and not isinstance(value, np.ndarray):
        return array.item()
    return kept(array)


def _as_it_should_be(names: Sequence[str]) -> str:
    gradients = ", ".join(f"grad_{name}" for name in names) + "," * (len(names) == 1)
    return f"return value, ({gradients})"


def _value_and_gradients(result: Any, label: str, wanted: Sequence[str], row_too: bool) -> tuple[Any, Any, bool]:
    """(value, gradients, did they stand in one row?)"""
    if result is None or result is Ellipsis:
        raise CheckFailed(f"{label} returned {result}: is it finished?")
    if isinstance(result, tuple | list) and len(result) > 2:
        if row_too and len(result) == 1 + len(wanted):
            return result[0], result[1:], True
        raise CheckFailed(
            f"{label} returned {len(result)} things in a row: the gradients belong together in a tuple after the "
            f"value.\n   {_as_it_should_be(wanted)}"
        )
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise CheckFailed(f"{label} returned {describe(result)}: it should return the value and the gradients.")
    return result[0], result[1], False


def _by_name(gradients: Any, label: str, wanted: Mapping[str, np.ndarray]) -> dict[str, Any]:
    if isinstance(gradients, np.ndarray) and gradients.ndim == 1 and all(array.ndim == 0 for array in wanted.values()):
        gradients = list(gradients)  # an array with one number for each input
    if not isinstance(gradients, tuple | list):
        raise CheckFailed(
            f"{label} returned {describe(gradients)} in place of the gradients: "
            f"it should be a tuple with {len(wanted)} of them ({', '.join(wanted)})."
        )
    if len(gradients) != len(wanted):
        raise CheckFailed(
            f"{label} returned {len(gradients)} gradients: it should return {len(wanted)} ({', '.join(wanted)})."
        )
    return dict(zip(wanted, gradients, strict=True))


def _value_of(run: Callable[[], tuple[Any, Any, bool]], label: str) -> np.ndarray:
    value = run()[0]
    number = as_numbers(value)
    if number is None or number.size != 1:
        raise CheckFailed(f"{label} does not always return one number as its value.")
    return number.reshape(()).astype(np.float32 if is_single(value) else float)


def _parameter_names(f: Callable[..., Any], count: int) -> tuple[str, ...]:
    try:
        names = [p.name for p in inspect.signature(f).parameters.values() if p.kind in (0, 1)]
    except (TypeError, ValueError):
        names = []
    return tuple(names[:count]) if len(names) >= count else tuple(f"input {i + 1}" for i in range(count))
