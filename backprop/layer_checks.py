"""Check layers, losses and classifiers that are plain functions on arrays; mistakes named, one line per variable.

    check_layer(fc_forward, fc_backward, x=x, w=w, b=b)   forward returns (out, cache), backward takes (grad_out, cache)
    check_loss(softmax_loss, x, y, expected=1.0986)       a function that returns (loss, gradient of its first argument)
    check_classifier(net, X, parameters, scores)          a model with parameters(), forward(X), backward(grad, cache)

Each prints its report and returns None, or raises CheckFailed with the report as its message.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .checking.comparison import (
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
from .checking.finite_differences import jacobian, numeric_gradient
from .checking.function_checks import check_function, random_upstream, with_exchanged
from .checking.student_code import student_code

__all__ = ["check_classifier", "check_layer", "check_loss"]

# An exact binary fraction: adding it to the numbers of check_classifier rounds nothing, even in float32.
_STEP = 2.0**-6


def check_layer(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *,
    expected: Any = None,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    **inputs: np.ndarray,
) -> None:
    """Check a layer; print the report.

    forward(*inputs) returns (out, cache); backward(grad_out, cache) returns one gradient per input, or the gradient
    alone where there is one input. Arrays of whole numbers are indices and have no gradient. Checked are `out` against
    `expected` (when given), each gradient for random grad_out against finite differences, after forward ran on other
    values too and in a second call, and that inputs and grad_out are left as they were.

    mistakes : "out" -> {family: the value that mistake gives}, or an input's name -> {family: function that gives the
        gradient that mistake leads to, for a grad_out}

    Raises CheckFailed with the report when something is wrong.
    """
    kept = {name: value.copy() if value.dtype.kind in "iu" else value.astype(float) for name, value in inputs.items()}
    names = [name for name, value in kept.items() if value.dtype.kind == "f"]
    label, back = _name(forward), _name(backward)

    def run() -> tuple[np.ndarray, Any]:
        return _layer_forward(forward, kept, label)

    out, cache = run()
    shown = []
    if expected is not None:
        hints = (mistakes or {}).get("out")
        shown = [compare("out", out, expected, candidates=hints, single=True, labels=("yours", "right"))]
        stop_if_wrong([(label, shown)])
    upstream = random_upstream(np.random.default_rng(seed), out.shape)
    other = {name: _other(value) for name, value in kept.items()}
    _, latest = _layer_forward(forward, other, label)
    gradients = _layer_backward(backward, upstream, cache, names, back)
    again = _layer_backward(backward, upstream, cache, names, back)
    of_latest = _layer_backward(backward, upstream, latest, names, back)
    right, unsure, hints = {}, {}, {}
    blind = []  # gradients that were the same for another cache, and should not have been
    for name, gradient, of_another in zip(names, gradients, of_latest, strict=True):
        derivative, doubt = jacobian(lambda: run()[0], kept[name])
        right[name] = np.tensordot(upstream, derivative, axes=upstream.ndim)
        unsure[name] = np.tensordot(np.abs(upstream), doubt, axes=upstream.ndim)
        plain = derivative.sum(axis=tuple(range(upstream.ndim)))
        hints[name] = {"upstream_ignored": plain, "upstream_summed": plain * upstream.sum()}
        hints[name] |= {family: value(upstream) for family, value in (mistakes or {}).get(name, {}).items()}
        if _same_numbers(gradient, of_another):  # perhaps it does not look at its cache
            elsewhere, _ = jacobian(lambda: _layer_forward(forward, other, label)[0], other[name])
            latest_call = "stale:backward works with the latest call of forward, and should with its cache"
            hints[name][latest_call] = np.tensordot(upstream, elsewhere, axes=upstream.ndim)
            there = as_numbers(of_another)
            if there.shape == elsewhere.shape[upstream.ndim :] and not np.allclose(
                there, hints[name][latest_call], 1e-5
            ):
                blind.append(name)
    hints |= with_exchanged(dict(zip(names, gradients, strict=True)), right, {})
    lines = [
        compare(
            f"grad_{name}",
            gradient,
            right[name],
            uncertainty=unsure[name],
            candidates=hints[name],
            upstream=upstream,
            batch_size=len(upstream) if upstream.ndim > 1 else None,
            single=True,
        )
        for name, gradient in zip(names, gradients, strict=True)
    ]
    sections = [(label, shown), (f"{back}\n   (exact: yours; approx: finite differences of your forward)", lines)]
    stop_if_wrong(sections)
    if blind:
        raise CheckFailed(
            f"{back} gave the same grad_{blind[0]} for another cache: it works with that of an earlier call."
        )
    for name, first, second in zip(names, gradients, again, strict=True):
        if not _same_numbers(first, second):
            raise CheckFailed(
                f"{back} gave another grad_{name} when it was called once more with the same cache: it has to begin "
                "anew each time, and to leave the cache as it is."
            )
    given = upstream.copy()
    with student_code(back):
        found = backward(given, cache)
    for gradient in found if isinstance(found, tuple | list) else [found]:
        if isinstance(gradient, np.ndarray) and np.shares_memory(gradient, given):
            raise CheckFailed(f"{back} hands out grad_out itself as a gradient: whoever changes one changes both.")
    conclude(sections)


def _other(value: np.ndarray) -> np.ndarray:
    """Other values of the same shape; whole numbers in another order."""
    moved = np.roll(value, 1)
    return moved if value.dtype.kind in "iu" else 1.07 * moved - 0.11


def _same_numbers(a: Any, b: Any) -> bool:
    x, y = as_numbers(a), as_numbers(b)
    return x is not None and y is not None and x.shape == y.shape and np.array_equal(x, y)


def check_loss(
    loss_function: Callable[..., Any],
    x: np.ndarray,
    *others: Any,
    expected: Any = None,
    mistakes: Mapping[str, Mapping[str, Any]] | None = None,
    name: str = "x",
) -> None:
    """Check a function that returns (loss, gradient with respect to its first argument); print the report.

    others : further arguments (labels, a number), passed as they are and not differentiated
    mistakes : "value" or the name of the first argument -> {family: what that mistake gives}

    Raises CheckFailed with the report when something is wrong.
    """
    label = _name(loss_function)

    def with_tuple(values: np.ndarray) -> Any:
        given = [np.array(other) if isinstance(other, np.ndarray) else other for other in others]
        result = loss_function(values, *given)
        for before, after in zip(others, given, strict=True):
            if isinstance(before, np.ndarray) and not np.array_equal(before, after):
                raise CheckFailed(f"{label} changed its second argument in place: leave inputs as they are.")
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise CheckFailed(f"{label} returned {describe(result)}: it should return two things, loss and gradient.")
        return result[0], (result[1],)

    with_tuple.__name__ = "loss"
    check_function(with_tuple, x, names=(name,), title=label, expected=expected, mistakes=mistakes)


def check_classifier(
    model: Any,
    X: np.ndarray,
    parameters: Mapping[str, np.ndarray],
    scores: Any,
    *,
    mistakes: Mapping[str, Any] | None = None,
    gradient_mistakes: Callable[[np.ndarray], Mapping[str, Mapping[str, Any]]] | None = None,
    smooth: bool = False,
    seed: int = 0,
) -> None:
    """Check forward and backward of a model with known parameters; print the report.

    model : or a function without arguments that makes it, so that an error in your code becomes one sentence
    X : shape (N, D); parameters : name -> values to put into the model's own arrays; scores : what forward has to
        give; None where that is not in question
    mistakes : family -> the scores that mistake leads to
    gradient_mistakes : function from an upstream gradient to name -> {family: the gradient that mistake leads to}
    smooth : the scores are smooth functions of the parameters. Otherwise they are piecewise linear in each single
        one, so that their differences are exact as long as no unit is switched on or off: choose X and parameters
        such that no unit is near 0.

    Raises CheckFailed with the report when something is wrong.
    """
    if inspect.isfunction(model):
        with student_code("a new model: your code"):
            model = model()
    label = type(model).__name__
    with student_code(f"{label}.parameters"):
        live, again = model.parameters(), model.parameters()
    own = _live_arrays(live, parameters, label)
    for name, array in _live_arrays(again, parameters, label).items():
        if not np.may_share_memory(array, own[name]):
            raise CheckFailed(
                f"{label}.parameters gives another array as {name} each time, so training would change a copy and not "
                "the model: return the arrays that forward uses."
            )
    before, _ = _scores(model, X, label)
    for name, values in parameters.items():
        own[name][...] = values
    first, cache = _scores(model, X, label)
    if np.array_equal(before, first) and (scores is None or not np.allclose(first, scores)):
        raise CheckFailed(
            f"{label}.forward gives the same scores whatever stands in the arrays of {label}.parameters: are they the "
            "arrays that forward uses, or copies?"
        )
    shown = []
    if scores is not None:
        shown.append(compare("scores", first, scores, candidates=mistakes, labels=("yours", "right")))
    stop_if_wrong([(f"{label}.forward", shown)])
    upstream = random_upstream(np.random.default_rng(seed), first.shape)
    given = upstream.copy()
    with student_code(f"{label}.backward"):
        grads = model.backward(given, cache)
    if not np.array_equal(given, upstream):
        raise CheckFailed(f"{label}.backward changed its first argument in place: others still need it.")
    for name, values in parameters.items():
        if not np.array_equal(own[name], np.asarray(values, dtype=own[name].dtype)):
            raise CheckFailed(
                f"{label} changed its parameter {name}: forward and backward leave parameters as they are."
            )
    if not isinstance(grads, Mapping):
        raise CheckFailed(f"{label}.backward returned {describe(grads)}: it should be a dict from names to gradients.")
    slopes = {
        name: _slopes(lambda: np.sum(upstream * _scores(model, X, label)[0]), own[name], smooth)
        for name in parameters
        if name in grads
    }
    exact = {name: right for name, (right, _) in slopes.items()}
    hints = with_exchanged(grads, exact, gradient_mistakes(upstream) if gradient_mistakes else {})
    lines: list[Comparison] = []
    for name in parameters:
        if name not in grads:
            lines.append(failed(f"grad {name}", "missing", note="not there"))
            continue
        right, doubt = slopes[name]
        gradient = np.array(grads[name], dtype=float) if isinstance(grads[name], np.ndarray) else grads[name]
        # The step is exact, the student's arrays may be float32: their gradient is rounded once.
        loose = {"atol": 1e-5, "rtol": 1e-5} if own[name].dtype == np.float32 else {"atol": ATOL, "rtol": RTOL}
        lines.append(
            compare(
                f"grad {name}",
                gradient,
                right,
                batch_size=len(X),
                uncertainty=doubt,
                candidates=hints.get(name),
                **loose,
            )
        )
    title = f"{label}.backward\n   (exact: yours; approx: differences of your forward)"
    conclude([(f"{label}.forward", shown), (title, lines)])


def _slopes(total: Callable[[], Any], array: np.ndarray, smooth: bool) -> tuple[np.ndarray, Any]:
    """The gradient of a number by the entries of an array that it depends on, and its uncertainty."""
    return jacobian(total, array) if smooth else (numeric_gradient(lambda _: total(), array, _STEP), 0.0)


def _layer_forward(forward: Callable[..., Any], kept: Mapping[str, np.ndarray], label: str) -> tuple[np.ndarray, Any]:
    """(out, cache) for copies of the inputs. Raises CheckFailed when they are of no use, or an input was changed."""
    given = {name: value.copy() for name, value in kept.items()}
    with student_code(label):
        result = forward(*given.values())
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise CheckFailed(f"{label} returned {describe(result)}: it should return two things, out and cache.")
    _require_same(given, kept, label)
    out = result[0]
    if not isinstance(out, np.ndarray | np.generic | float) or not np.isfinite(np.asarray(out, dtype=float)).all():
        raise CheckFailed(f"{label} returned {describe(out)} as out: it should be an array of finite numbers.")
    return np.array(out, dtype=np.float32 if is_single(out) else float), result[1]


def _layer_backward(
    backward: Callable[..., Any], upstream: np.ndarray, cache: Any, names: list[str], label: str
) -> list[Any]:
    """One gradient for each name. Raises CheckFailed for another number of them, or when upstream was changed."""
    given = upstream.copy()
    with student_code(label):
        found = backward(given, cache)
    if not np.array_equal(given, upstream):
        raise CheckFailed(f"{label} changed grad_out in place: others still need it, so work on a copy.")
    if len(names) == 1 and not isinstance(found, tuple | list):
        return [found]
    if not isinstance(found, tuple | list) or len(found) != len(names):
        wanted = ", ".join(f"grad_{name}" for name in names)
        raise CheckFailed(f"{label} returned {describe(found)}: it should return {wanted}.")
    return list(found)


def _live_arrays(live: Any, parameters: Mapping[str, Any], label: str) -> dict[str, np.ndarray]:
    """The model's arrays under the expected names. Raises CheckFailed where one is missing or no array of floats."""
    if not isinstance(live, Mapping):
        raise CheckFailed(f"{label}.parameters returned {describe(live)}: it should be a dict from names to arrays.")
    for name, values in parameters.items():
        if name not in live:
            there = ", ".join(map(str, live)) or "nothing"
            raise CheckFailed(f"{label}.parameters has no {name}: there is {there}.")
        found, shape = live[name], np.shape(values)
        if not isinstance(found, np.ndarray) or found.dtype.kind != "f" or found.shape != shape:
            raise CheckFailed(f"{label}.parameters has {describe(found)} as {name}: expected floats of shape {shape}.")
    return {name: live[name] for name in parameters}


def _scores(model: Any, X: np.ndarray, label: str) -> tuple[np.ndarray, Any]:
    given = X.copy()
    with student_code(f"{label}.forward"):
        result = model.forward(given)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise CheckFailed(f"{label}.forward returned {describe(result)}: it should return scores and cache.")
    if not np.array_equal(given, X):
        raise CheckFailed(f"{label}.forward changed X in place: leave inputs as they are.")
    if not isinstance(result[0], np.ndarray) or result[0].dtype.kind not in "fiu":
        raise CheckFailed(f"{label}.forward returned {describe(result[0])} as scores: expected an array of floats.")
    return np.array(result[0], dtype=float), result[1]


def _require_same(given: Mapping[str, np.ndarray], kept: Mapping[str, np.ndarray], label: str) -> None:
    for name, value in given.items():
        if not np.array_equal(value, kept[name]):
            raise CheckFailed(f"{label} changed its input {name} in place: leave inputs as they are, work on a copy.")


def _name(function: Any) -> str:
    return getattr(function, "__name__", "the function")
