"""Judging functions that take several arrays and return a value with its gradients, or the arrays after a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.judging import Array, Remote, Student, StudentError, StudentGone, expect, expect_true, values
from backprop.checking.comparison import as_numbers


class Truth:
    """What is right for one set of inputs, and what known slips give there ("family:detail" -> wrong value)."""

    def __init__(
        self,
        value: float,
        gradients: Mapping[str, Array],
        value_slips: Mapping[str, Any],
        gradient_slips: Mapping[str, Mapping[str, Any]],
        terms: Array | None = None,
    ):
        self.value, self.gradients, self.terms = value, gradients, terms
        self.value_slips, self.gradient_slips = value_slips, gradient_slips


class Asked:
    """One call of a student's function. What it raised is raised again in each part that needs the result."""

    def __init__(self, student: Student, name: str, inputs: Mapping[str, Any]):
        self.inputs = dict(inputs)
        self._error: StudentError | None = None
        self._result: Remote | None = None
        self._after: dict[str, Any] = {}
        try:
            self._result, after = student.watched(name, *self.inputs.values())
            self._after = dict(zip(self.inputs, after, strict=True))
        except StudentGone:
            raise
        except StudentError as error:
            self._error = error

    @property
    def raised(self) -> bool:
        return self._error is not None

    @property
    def result(self) -> Any:
        if self._error:
            raise self._error
        return self._result.value

    def leaves_inputs(self, text: str = "{name} was changed in place: leave your inputs as they are, work on a copy."):
        """Note in the open part that every array holds what it held before the call."""
        for name, after in self._after.items():
            before = self.inputs[name]
            same = isinstance(after, np.ndarray) and np.array_equal(after, before)
            expect_true(same or not isinstance(before, np.ndarray), text.format(name=name), "in_place")


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


class Twice:
    """A function of several arrays asked twice: with all sizes equal, then with all sizes different.

    With equal sizes a product in the wrong order or without its transpose still runs, so its result can be recognised
    and the results beside it can be judged; with different sizes it stops. Where the second call stops and the first
    one has something wrong in it already, each part is judged by the first alone.
    """

    def __init__(self, calls: Sequence[Asked], truths: Sequence[Any], pieces: Callable[[Any, Any], dict[str, tuple]]):
        """pieces : gives name -> (what came back, what is right) for a result and its truth"""
        self.calls, self.truths, self.pieces = list(calls), list(truths), pieces
        if self.calls[1].raised and not self.calls[0].raised and not self._right():
            self.calls, self.truths = self.calls[:1], self.truths[:1]

    def _right(self) -> bool:
        try:
            return all(agrees(*pair) for pair in self.pieces(self.calls[0].result, self.truths[0]).values())
        except StudentGone:
            raise
        except StudentError:
            return False

    def each(self, name: str) -> Iterator[tuple[Any, Any, Any]]:
        """(what came back, what is right, the truth) of each call."""
        for asked, truth in zip(self.calls, self.truths, strict=True):
            yield *self.pieces(asked.result, truth)[name], truth


def agrees(got: Any, exact: Any) -> bool:
    """Whether a result is right, roughly: the verdict itself is taken by expect."""
    mine, exact = finite(got), np.asarray(exact, dtype=float)
    if mine is None or (mine.shape != exact.shape and not mine.size == exact.size == 1):
        return False
    return np.allclose(mine, exact.reshape(mine.shape), rtol=1e-4, atol=1e-5)


def gradient_pieces(result: Any, truth: Truth) -> dict[str, tuple[Any, Any]]:
    value, gradients = value_and_gradients(result, list(truth.gradients))
    found = {"value": (value, truth.value)}
    return found | {key: (got, truth.gradients[key]) for key, got in zip(truth.gradients, gradients, strict=True)}


def expect_value(twice: Twice, symbol: str) -> None:
    """Compare the value of both calls; stop at the first that is wrong. The inputs must be as they were."""
    for got, right, truth in twice.each("value"):
        terms = truth.terms is None or expect_added(got, truth.terms, symbol)
        if not (terms and expect(got, right, name=symbol, scalar_like=True, mistakes=truth.value_slips)):
            break
    for asked in twice.calls:
        asked.leaves_inputs()


def expect_gradient(twice: Twice, name: str, symbol: str) -> None:
    """Compare one gradient of both calls; stop at the first that is wrong."""
    for got, right, truth in twice.each(name):
        mistakes = dict(truth.gradient_slips.get(name, {}))
        for other, gradient in truth.gradients.items():
            if other != name:
                mistakes[f"swapped_arguments:the gradients of {name} and {other}"] = gradient
        if not expect(got, right, name=f"∂{symbol}/∂{name}", mistakes=mistakes):
            return


def expect_added(got: Any, terms: Any, name: str) -> bool:
    """Note in the open part that the terms have to be added up, when they came back one by one."""
    mine, terms = finite(got), np.asarray(terms, dtype=float)
    apart = mine is not None and mine.shape == terms.shape and np.allclose(mine, terms, rtol=1e-5)
    return expect_true(not apart, f"{name} has shape {terms.shape}: its terms still have to be added up.", "shape")


def expect_step(got: Any, old: Array, gradient: Array, epsilon: float, name: str, mistakes: Mapping[str, Any]) -> bool:
    """Compare old − epsilon · gradient with what came back, by way of the gradient that the step amounts to.

    mistakes : family -> wrong gradient
    """
    new = got.value if isinstance(got, Remote) else got
    taken = finite(new)
    if taken is None or taken.shape != old.shape:
        return expect(new, old - epsilon * gradient, name=f"new_{name}")
    single = getattr(new, "dtype", None) == np.float32
    step = (old - taken) / epsilon
    candidates = {
        "wrong_argument:the step size epsilon is not used": gradient / epsilon,
        "wrong_argument:the step came back, not the new weights": [old / epsilon - gradient, old / epsilon + gradient],
        "wrong_argument:the gradient came back, not the new weights": (old - gradient) / epsilon,
        "wrong_argument:the step size divides the gradient": gradient / epsilon**2,
        **mistakes,
    }
    step = step.astype(np.float32) if single else step
    return expect(step, gradient, name=f"({name} − new_{name})/ε", mistakes=candidates, atol=1e-8)


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
