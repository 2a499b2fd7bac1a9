"""Regions of inputs beside the ordinary ones, where a formula with a threshold or a division in it shows.

A check that draws numbers of size 0.5 to 2 alone lets a ReLU pass that is alive above 0.4 only. So it asks for each
region that its exercise contains as well; what an exercise leaves out stands in `domain` of its check.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from backprop.checking.comparison import as_numbers, compare
from backprop.checking.mistake_kinds import explain

from .calls import Call
from .draw import Array, Draw
from .student import CASTING, Remote
from .verdict import expect, expect_true

# title, smallest and largest magnitude
SIZES = (
    ("numbers below 1e-5", 1e-6, 3e-6),
    ("numbers of about 1e-4", 5e-5, 3e-4),
    ("numbers of about 0.01", 5e-3, 0.03),
    ("numbers of about 0.1", 0.05, 0.4),
    ("numbers of about 30", 10.0, 60.0),
    ("numbers of about 1000", 300.0, 1e3),
    ("numbers of about 1e6", 3e5, 1e6),
)

MakeArray = Callable[..., Array]
Make = Callable[[MakeArray], dict[str, Any]]


SINGLE, INTEGERS = "float32 numbers", "whole numbers"
WHOLE = f"{INTEGERS}, some of them equal"


def regions(
    draw: Draw, *, up_to: float = 1e6, zeros: bool = True, ones: bool = True, single: bool = False
) -> Iterator[tuple[str, MakeArray]]:
    """(title, what makes an array of a given shape there) for each region.

    up_to : sizes of numbers above it are left out, and those of which larger ones are there
    zeros, ones : exact zeros everywhere, of both signs; exact ones everywhere
    single : ordinary numbers in single precision

    One array serves several questions where it can: the smallest numbers hold one that is smaller still, numbers of
    about 0.1 are ascending and those of about 0.01 descending, and whole numbers hold ties, equal rows and a zero.
    """
    for title, low, high in SIZES:
        if high <= up_to and not (high == 1e3 and up_to >= 1e6):
            yield title, functools.partial(_of_size, draw, low, high)
    if zeros:
        yield "zeros", _zeros
    if ones:
        yield "ones", lambda *shape: np.ones(shape)
    yield WHOLE, functools.partial(_whole, draw, zeros)
    if single:
        yield SINGLE, lambda *shape: draw.both_signs(*shape).astype(np.float32)


def _of_size(draw: Draw, low: float, high: float, *shape: int) -> Array:
    array = draw.both_signs(*shape, low=low, high=high)
    if high <= 1e-5:
        array.flat[0] *= 1e-3
    elif high in (0.03, 0.4):
        array = np.sort(array, axis=None)[:: -1 if high == 0.03 else 1].reshape(shape)
    return array


def _zeros(*shape: int) -> Array:
    array = np.zeros(shape)
    array.flat[0] = -0.0
    return array


def whole(array: Array) -> Array:
    """Each number rounded away from zero, in an array of integers: a result that takes its type is cut off."""
    return np.asarray(np.copysign(np.ceil(np.abs(array)), array)).astype(int)


def _whole(draw: Draw, zeros: bool, *shape: int) -> Array:
    """1 and 2 of both signs; the last row is the first once more, and there is a single zero."""
    array = draw.both_signs(*shape)
    array = np.asarray(np.copysign(np.ceil(np.abs(array)), array))
    if array.ndim and len(array) > (1 if array.ndim > 1 else 2):
        array[-1] = array[0]
    if zeros and array.ndim and len(array) > 2:
        array[1:2].flat[0] = 0.0
    return array


def inputs(
    draw: Draw, make: Make, *others: Make, ordinary: MakeArray | None = None, **region: Any
) -> list[tuple[str, dict[str, Any]]]:
    """(title, inputs): two ordinary ones of the same shapes, one of each other kind of shapes, one in each region.

    make, others : build the inputs from what makes an array of a given shape; `others` have other shapes
    ordinary     : makes ordinary arrays; `draw.both_signs` where nothing is said
    region       : what `regions` is told
    """
    ordinary = ordinary or draw.both_signs
    found = [("", how(ordinary)) for how in (make, make, *others)]
    return found + [(title, make(array)) for title, array in regions(draw, **region)]


def one_at_a_time(
    first: Mapping[str, Any], second: Mapping[str, Any], floats: Sequence[str] = (), keys: Sequence[str] | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """(title, inputs): the first inputs with one of them taken from the second, or zero; an array also with a single
    zero, and with whole numbers alone: as integers, but for the inputs called `floats`. At the end all others are that.

    Who remembers results by some of the arguments, or adds only what differs, is right for inputs that all change at
    once; and who asks whether any entry is zero is right where all are. Whole numbers (a label, an index) and functions
    stay as they are; a single input is never alone. Nor are others than `keys`, where some are named.
    """
    if len(first) < 2:
        return
    integers = {}
    for key, value in first.items():
        array = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        if array and value.size > 1:
            integers[key] = whole(value)
        if not (array or isinstance(value, float)) or not np.size(value) or (keys is not None and key not in keys):
            continue
        if np.shape(second[key]) == np.shape(value):
            yield "", {**first, key: second[key]}
        yield f"{key} = 0", {**first, key: 0.0 * value}
        if key in integers:
            for place in (0, -1):
                one_zero = value.copy()
                one_zero.flat[place] = 0.0
                yield f"a single 0 in {key}", {**first, key: one_zero}
            yield f"{INTEGERS} in {key}", {**first, key: integers[key] * (1.0 if key in floats else 1)}
    together = {key: array for key, array in integers.items() if key not in floats}
    if len(together) > 1:
        yield f"{INTEGERS} in {', '.join(together)}", {**first, **together}


def refused(title: str, call: Call) -> bool:
    """Whether numpy would not put fractions into an array of integers that was sent: no wrong number comes of that.

    `new = W.copy()` and then `new -= step` stops there with an error, which nobody overlooks; `new[:] = W - step` cuts
    the fractions off without a word, and is wrong.
    """
    return title.startswith(INTEGERS) and call.answer.error is not None and call.answer.error.kind == CASTING


def near(exact: Any, got: Any = None) -> dict[str, float]:
    """Tolerances in proportion to the right values, however small: wider where the result is in single precision."""
    size = float(np.max(np.abs(exact), initial=0.0))
    if getattr(got, "dtype", None) == np.float32:
        return {"rtol": 1e-4, "atol": 1e-4 * size + 5e-7}  # what is left of a difference of two ordinary numbers
    return {"rtol": 1e-7, "atol": 1e-9 * min(1.0, size) or 1e-12}


def expect_in(
    title: str,
    got: Any,
    exact: Any,
    *,
    name: str,
    scalar_like: bool = False,
    earlier: Iterable[Any] = (),
    **tolerances: float,
) -> bool:
    """Note in the open part whether `got` is right in a region, after ordinary numbers have come out right.

    earlier : the right values of earlier calls. Who gives one of them again remembers it, and no region is to blame
    """
    value = got.value if isinstance(got, Remote) else got
    exact = np.asarray(exact, dtype=float)
    how = {**near(exact, np.float32(0) if title == SINGLE else value), **tolerances}
    mine = as_numbers(value)
    fits = mine is not None and (mine.shape == exact.shape or (scalar_like and mine.size == exact.size == 1))
    if not fits:
        return expect(value, exact, name=f"{name} for {title}", scalar_like=scalar_like)
    if compare(name, value, exact, scalar_like=scalar_like, **how).ok:
        return True
    if title.startswith(INTEGERS) and np.asarray(value).dtype.kind in "iu" and not np.all(exact == np.round(exact)):
        return expect(value, exact, name=f"{name} for {title}", scalar_like=scalar_like, **how)
    if not np.isfinite(mine).all() and np.isfinite(exact).all():
        return expect_true(False, f"{name} is nan or infinite for {title}.", "nan")
    if any(_is_remembered(mine, np.asarray(one, dtype=float)) for one in earlier):
        return expect_true(False, explain("shared_state", name).text, "shared_state")
    return expect_true(False, explain("range", name, title).text, "range")


def _is_remembered(got: Array, one: Array) -> bool:
    """Whether it is an earlier value; of whole numbers, such as zeros and ones, that could be chance."""
    return got.shape == one.shape and not np.all(one == np.round(one)) and bool(np.allclose(got, one, 1e-9, 1e-15))
