"""Judging functions that take several arrays and return a value with its gradients, or the arrays after a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.judging import Array, FunctionRule, Remote, Slip, StudentError, expect, expect_true, values
from backprop.checking.comparison import as_numbers


class Truth:
    """What is right for one set of inputs, and what known slips give there: for the value, and for each gradient."""

    def __init__(
        self,
        value: float,
        gradients: Mapping[str, Array],
        value_slips: Callable[[], list[Slip]],
        gradient_slips: Callable[[], dict[str, list[Slip]]],
    ):
        self.value, self.gradients = value, gradients
        self.value_slips, self.gradient_slips = value_slips, gradient_slips


def value_and_gradients(result: Any, names: Sequence[str]) -> tuple[Any, list[Any]]:
    """The value and its gradients from `value, (gradients)` or, all in a row, `value, gradient, gradient`."""
    wanted = f"a value and then the gradients ({', '.join('d' + name for name in names)}) in a tuple"
    if result is None or result is Ellipsis:
        raise StudentError(f"The function returned {result}: is it finished? Expected {wanted}.", "none")
    if not isinstance(result, (list, tuple)):
        raise StudentError(f"The function returned one thing: expected {wanted}.", "missing")
    found = list(result)
    if len(found) == 2 and isinstance(found[1], (list, tuple)) and len(names) > 1:
        found = [found[0], *found[1]]
    if len(found) != len(names) + 1:
        raise StudentError(f"{max(len(found) - 1, 0)} gradients came back: expected {wanted}.", "missing")
    return found[0], found[1:]


def agrees(got: Any, exact: Any) -> bool:
    """Whether a result is right, roughly: the verdict itself is taken by expect."""
    mine, exact = finite(got), np.asarray(exact, dtype=float)
    if mine is None or (mine.shape != exact.shape and not mine.size == exact.size == 1):
        return False
    return np.allclose(mine, exact.reshape(mine.shape), rtol=1e-4, atol=1e-5)


def value_rule(
    name: str,
    symbol: str,
    truth: Callable[..., Truth],
    of_inputs: Callable[[dict[str, Any]], Mapping[str, Any]] = dict,
    floats: Sequence[str] = (),
) -> FunctionRule:
    """What a function returns that gives `symbol` and its gradients.

    of_inputs : turns what the student's function is called with into the arguments of `truth`
    floats    : as in FunctionRule
    """

    def right(**inputs: Any) -> dict[str, Any]:
        there = truth(**of_inputs(inputs))
        return {symbol: there.value, **{f"∂{symbol}/∂{key}": exact for key, exact in there.gradients.items()}}

    def slips(**inputs: Any) -> dict[str, list[Slip]]:
        there = truth(**of_inputs(inputs))
        found, of_gradients = {symbol: there.value_slips()}, there.gradient_slips()
        for key in there.gradients:
            others = [
                Slip("swapped_arguments", gradient, f"the gradients of {key} and {other}")
                for other, gradient in there.gradients.items()
                if other != key
            ]
            found[f"∂{symbol}/∂{key}"] = [*of_gradients.get(key, []), *others]
        return found

    def unpack(returned: Any, names: Sequence[str]) -> list[Any]:
        value, gradients = value_and_gradients(returned, [name.partition("/∂")[2] for name in names[1:]])
        return [value, *gradients]

    return FunctionRule(name, right, slips, unpack, floats=floats)


def expect_added(got: Any, terms: Any, name: str) -> bool:
    """Note in the open part that the terms have to be added up, when they came back one by one."""
    mine, terms = finite(got), np.asarray(terms, dtype=float)
    apart = mine is not None and mine.shape == terms.shape and np.allclose(mine, terms, rtol=1e-5)
    return expect_true(not apart, f"{name} has shape {terms.shape}: its terms still have to be added up.", "shape")


def expect_step(
    got: Any, old: Array, gradient: Array, epsilon: float, name: str, mistakes: Callable[[], list[Slip]]
) -> bool:
    """Compare old − epsilon · gradient with what came back, by way of the gradient that the step amounts to.

    mistakes : what known mistakes would give for the gradient
    """
    new = got.value if isinstance(got, Remote) else got
    taken = finite(new)
    if taken is None or taken.shape != old.shape:
        return expect(new, old - epsilon * gradient, name=f"new_{name}")
    single = getattr(new, "dtype", None) == np.float32
    step = (old - taken) / epsilon

    def slips() -> list[Slip]:
        steps = [old / epsilon - gradient, old / epsilon + gradient]
        return [
            Slip("wrong_argument", gradient / epsilon, "the step size epsilon is not used"),
            Slip("wrong_argument", steps, "the step came back, not the new weights"),
            Slip("wrong_argument", (old - gradient) / epsilon, "the gradient came back, not the new weights"),
            Slip("wrong_argument", gradient / epsilon**2, "the step size divides the gradient"),
            *mistakes(),
        ]

    step = step.astype(np.float32) if single else step
    return expect(step, gradient, name=f"({name} − new_{name})/ε", mistakes=slips, atol=1e-8)


def finite(value: Any) -> Array | None:
    """The value as an array of finite floats, or None when it is not made of them."""
    array = as_numbers(value)
    return array if array is not None and np.isfinite(array).all() else None


def shape(value: Any) -> tuple[int, ...] | None:
    """The value's shape, or None when it is not made of finite floats."""
    array = finite(value)
    return None if array is None else array.shape


def two(result: Any, first: str, second: str) -> Sequence[Any]:
    """The two arrays a step returns."""
    if result is None or result is Ellipsis:
        raise StudentError(f"The function returned {result}: expected {first}, {second}.", "none")
    found = values(result)
    if len(found) != 2:
        raise StudentError(f"{len(found)} things came back: expected two, {first} and {second}.", "missing")
    return found
