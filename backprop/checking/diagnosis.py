"""Name the mistake behind a wrong array: what does it look like, compared with the right one?

One engine for the checks in the notebooks and for the grader. `diagnose` looks at two arrays only: it sees neither the
student's code nor the inputs, so its sentences cannot give either away. Two kinds of evidence are used:

* candidates: the caller works out what a particular mistake would give ("the transpose of W left out gives this array")
  and hands the arrays over; the one that agrees with what the student got names the mistake;
* the relation of the two arrays: opposite sign, constant ratio, transposed, zero where it should not be, ...

A wrong diagnosis costs a student more time than none. So agreement has to be tight (six digits), a candidate that
coincides with the right answer proves nothing, two candidates that coincide with each other prove neither, and arrays
with too few different numbers in them are not read like tea leaves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .mistake_kinds import FAMILIES, Mistake, explain, variable_of
from .slips import Slip, Slips, worked_out

__all__ = ["FAMILIES", "Mistake", "diagnose", "explain", "variable_of"]

# Fewer different non-zero numbers than this, and a relation between two arrays may be chance.
_INFORMATIVE = 3
_SIMPLE = {2.0: "2", 3.0: "3", 4.0: "4", 8.0: "8", 0.5: "½", 1 / 3: "⅓", 0.25: "¼", 0.125: "⅛", 1.5: "1½", 2 / 3: "⅔"}
_SIMPLE_FOR_A_NUMBER = (2.0, 4.0, 0.5, 0.25)


def diagnose(
    got: Any,
    exact: Any,
    *,
    name: str,
    candidates: Slips | Mapping[str, Any] | None = None,
    upstream: Any = None,
    batch_size: int | None = None,
    scalar_like: bool = False,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> Mistake | None:
    """Mistake that turned `exact` into `got`; None where not even the place and size of what is wrong can be said.

    A mistake of the family "unrecognised" says that much and nothing about the cause.

    got : what the student's code gave: array, number, list, None, or anything else
    exact : the right array (any shape) or number
    name : what the student calls it, e.g. "∂J/∂W"
    candidates : what known mistakes would give, or what works that out; see backprop.checking.slips
    upstream : gradient with respect to the output, where there is one
    batch_size : number of examples N, so that a factor N or 1/N is recognised
    scalar_like : shapes () and (1,) and (1, 1) count as the same
    rtol, atol : how closely `got` has to follow a pattern, relative to the largest entry

    Call it only when `got` is known to be wrong. It raises nothing, whatever `got` is.
    """
    exact = np.asarray(exact, dtype=float)
    array, odd = _as_numbers(got, exact, name)
    if odd is not None or array is None:
        return odd
    if scalar_like and array.size == 1 and exact.size == 1:
        array = array.reshape(exact.shape)
    with np.errstate(all="ignore"):
        slips = worked_out(candidates)
        named, ambiguous = _from_candidates(array, exact, name, slips, rtol, atol)
        if named is not None:
            return named
        if ambiguous:
            same = array.shape == exact.shape and np.isfinite(array).all() and np.isfinite(exact).all()
            return _where_and_how_much(array, exact, name, rtol, atol) if same else None
        if array.shape != exact.shape:
            return _about_shape(array, exact, name, rtol, atol)
        if not np.isfinite(array).all():
            return _about_non_finite(array, exact, name)
        if not np.isfinite(exact).all():
            return None
        found = _about_values(array, exact, name, upstream, batch_size, rtol, atol)
        found = found or _flipped_candidate(array, exact, name, slips, rtol, atol)
        return found or _where_and_how_much(array, exact, name, rtol, atol)


def _as_numbers(got: Any, exact: np.ndarray, name: str) -> tuple[np.ndarray | None, Mistake | None]:
    """`got` as a float array, or the mistake that makes this impossible."""
    if got is None:
        return None, explain("none", name)
    if got is Ellipsis:
        return None, Mistake("none", f"{name} is still the placeholder `...`: is that part finished?")
    want = f"expected an array of shape {exact.shape}" if exact.shape else "expected a number"
    if isinstance(got, str | bytes | Mapping | set):
        return None, Mistake("type", f"{name} is of type {type(got).__name__}: {want}.")
    try:
        array = np.asarray(got)
    except Exception:
        if isinstance(got, list | tuple):
            return None, Mistake("type", f"{name} is a list whose rows have different lengths: {want}.")
        return None, Mistake("type", f"{name} is of type {type(got).__name__}: {want}.")
    if array.dtype == object:
        kind = "an array of Python objects" if isinstance(got, np.ndarray | list | tuple) else type(got).__name__
        return None, Mistake("dtype" if "array" in kind else "type", f"{name} is {kind}: {want} of type float.")
    if array.dtype.kind == "c":
        if np.abs(array.imag).max(initial=0.0) > 0:
            return None, Mistake("dtype", f"{name} has complex numbers in it: {want} of type float.")
        return array.real.astype(float), None
    if array.dtype.kind not in "fiub":
        return None, Mistake("type", f"{name} holds {array.dtype} where numbers belong: {want}.")
    if array.dtype.kind in "iub" and array.shape == exact.shape and _is_cut(array, exact):
        kind = "booleans" if array.dtype.kind == "b" else "integers"
        return None, Mistake("dtype", f"{name} holds {kind}, which cut off the fractions: {want} of type float.")
    return array if array.dtype.kind == "f" else array.astype(float), None


def _is_cut(whole: np.ndarray, exact: np.ndarray) -> bool:
    """True when whole numbers are what is left of `exact` after its fractions were cut off or rounded."""
    if whole.size == 0 or np.array_equal(exact, np.round(exact)):
        return False
    numbers = whole.astype(float)
    return bool(np.all(np.abs(numbers - exact) <= 1.0)) or whole.dtype.kind == "b"


def _slack(got: np.ndarray, rtol: float) -> float:
    """Relative tolerance for a pattern: single and half precision cannot follow one to six digits."""
    return max(rtol, {2: 2e-3, 4: 2e-5}.get(got.dtype.itemsize, 0.0))


def _agree(got: np.ndarray, pattern: np.ndarray, rtol: float, atol: float) -> bool:
    """True when the arrays have one shape and differ by rounding only, relative to the largest entry."""
    if got.shape != pattern.shape or not pattern.size:
        return False
    worst = np.abs(got - pattern).max()
    if np.isfinite(worst):
        return bool(worst <= atol + _slack(got, rtol) * np.abs(pattern).max())
    finite = np.isfinite(pattern)
    if not np.array_equal(finite, np.isfinite(got)):
        return False
    if not finite.all() and not np.array_equal(np.isnan(got), np.isnan(pattern)):
        return False
    if not finite.any():
        return True
    scale = np.abs(pattern[finite]).max(initial=0.0)
    return bool(np.abs(got[finite] - pattern[finite]).max(initial=0.0) <= atol + _slack(got, rtol) * scale)


def _distinct(array: np.ndarray) -> int:
    """Number of clearly different non-zero magnitudes: how much a coincidence with the array proves."""
    sizes = np.abs(array[np.isfinite(array)])
    top = sizes.max(initial=0.0)
    return len(np.unique(np.round(sizes[sizes > 1e-9 * top] / top, 6))) if top > 0 else 0


def _each(slips: Sequence[Slip]) -> Iterator[tuple[str, str, np.ndarray]]:
    """(family, words, array) for every array that a slip would give."""
    for slip in slips:
        for value in slip.values:
            yield slip.family, slip.words, np.asarray(value, dtype=float)


def _tells_apart(candidate: np.ndarray, exact: np.ndarray, rtol: float, atol: float) -> bool:
    """True when a candidate is far enough from the right answer to prove anything."""
    return not _agree(candidate, exact, 10 * rtol, 10 * atol)


def _from_candidates(
    got: np.ndarray, exact: np.ndarray, name: str, slips: Sequence[Slip], rtol: float, atol: float
) -> tuple[Mistake | None, bool]:
    """(mistake, False) when exactly one family explains `got`; (None, True) when several do."""
    hits: dict[str, str] = {}
    for family, words, value in _each(slips):
        right = exact
        if value.size == got.size == 1 and exact.size == 1:
            value, right = value.reshape(got.shape), exact.reshape(got.shape)
        close = _agree(got, value, rtol, atol)
        # Tiny mistakes (a constant of 1e-8 inside a logarithm) lie below six digits: there the candidate has to be
        # a hundred times nearer than the right answer.
        if not _tells_apart(value, right, rtol, atol):
            close = _much_nearer(got, value, right)
        if close:
            hits[family] = words if hits.get(family, words) == words else ""
    if len(hits) == 1:
        [(family, words)] = hits.items()
        found = explain(family, name, words)
        if got.shape != exact.shape:
            found = Mistake(family, f"{found.text.rstrip()} Shape {got.shape}, expected {exact.shape}.")
        return found, False
    return None, bool(hits)


def _much_nearer(got: np.ndarray, candidate: np.ndarray, exact: np.ndarray) -> bool:
    if not (got.shape == candidate.shape == exact.shape) or got.dtype.itemsize < 8:
        return False
    near, far = np.abs(got - candidate).max(initial=0.0), np.abs(got - exact).max(initial=0.0)
    rounding = 64 * np.finfo(float).eps * max(1.0, np.abs(exact).max(initial=0.0))
    return bool(np.isfinite(far) and far > 100 * rounding and near <= 0.01 * far)


def _flipped_candidate(
    got: np.ndarray, exact: np.ndarray, name: str, slips: Sequence[Slip], rtol: float, atol: float
) -> Mistake | None:
    """A candidate with the opposite sign as well, when exactly one family explains `got` so."""
    hits = {}
    for family, words, value in _each(slips):
        if _distinct(value) < _INFORMATIVE or not _tells_apart(value, exact, rtol, atol):
            continue
        if _agree(got, -value, rtol, atol):
            hits[family] = words
    if len(hits) != 1:
        return None
    [(family, words)] = hits.items()
    return Mistake(family, explain(family, name, words).text + " The sign is wrong as well.")


def _about_shape(got: np.ndarray, exact: np.ndarray, name: str, rtol: float, atol: float) -> Mistake:
    shapes = f"shape {got.shape}, expected {exact.shape}"
    if got.ndim == exact.ndim >= 2 and got.shape == exact.T.shape:
        if _agree(got, exact.T, rtol, atol):
            return Mistake("transposed", f"{name} is the transpose of the right one: {shapes}.")
        return Mistake("shape", f"{name} has {shapes}: two axes are exchanged.")
    per_example = got.ndim == exact.ndim + 1 and got.shape[1:] == exact.shape and got.shape[0] > 1
    if per_example and _agree(got.sum(axis=0), exact, rtol, atol):
        if got.ndim == 1:  # nothing tells whether these are examples or entries of one vector
            return Mistake("shape", f"{name} has {shapes}: its entries should have been added up to one number.")
        return Mistake("batch_axis", f"{name} keeps one entry per example, {shapes}: sum over the batch.")
    total = exact.sum()
    telling = not _agree(total, np.array(0.0), rtol, 1e-6) and not _agree(total, np.array(1.0), rtol, atol)
    if got.ndim == exact.ndim == 1 and _distinct(got) > 1 and telling and _agree(got.sum(), total, rtol, atol):
        # Both ways of summing a matrix down to a vector have the same total. So have all probabilities.
        return Mistake("bias_axis", f"{name} is summed over the wrong axis, {shapes}: sum over the examples.")
    if got.size == 1 and exact.size > 1:
        summed = np.any(exact) and _agree(got.reshape(()), exact.sum(), rtol, atol)
        what = "the sum of all entries" if summed else "a single number"
        return Mistake("shape", f"{name} is {what} where an array of shape {exact.shape} is expected.")
    if got.size == exact.size:
        if _agree(got.reshape(exact.shape), exact, rtol, atol):
            return Mistake("shape", f"{name} has the right numbers in another shape: {shapes}.")
        return Mistake("shape", f"{name} has {shapes}: same number of entries, another layout.")
    if exact.ndim == 1 and got.shape == (exact.size, exact.size):
        return Mistake("shape", f"{name} has {shapes}: a row and a column were broadcast against each other.")
    if exact.size == 1:
        return Mistake("shape", f"{name} is an array of shape {got.shape} where a single number is expected.")
    return Mistake("shape", f"{name} has {shapes}.")


def _about_non_finite(got: np.ndarray, exact: np.ndarray, name: str) -> Mistake | None:
    bad = ~np.isfinite(got)
    if np.array_equal(bad, ~np.isfinite(exact)):
        return None
    where = "" if got.ndim == 0 or bad.all() else f" at {_index_text(_first(bad))}"
    if np.isnan(got).any():
        where = "" if got.ndim == 0 or bad.all() else f" at {_index_text(_first(np.isnan(got)))}"
        return Mistake("nan", f"{name} is not a number (nan){where}: look for 0/0, inf − inf or the log of a negative.")
    return Mistake("infinite", f"{name} is infinite{where}: look for a division by zero, log(0) or a large exp.")


def _about_values(
    got: np.ndarray, exact: np.ndarray, name: str, upstream: Any, batch_size: int | None, rtol: float, atol: float
) -> Mistake | None:
    """Relations between two finite arrays of one shape, the surest first."""
    top = np.abs(exact).max(initial=0.0)
    if got.size == 0 or top <= atol:
        return None
    if np.abs(got).max() <= 1e-12 * top:  # zero, or what rounding leaves of it
        return explain("zero", name)
    return (
        _nearly_right(got, exact, name)
        or _with_upstream(got, exact, name, upstream, batch_size, rtol, atol)
        or _constant_ratio(got, exact, name, batch_size, rtol, atol)
        or _rearranged(got, exact, name, rtol, atol)
        or _partly_right(got, exact, name, rtol, atol)
    )


def _nearly_right(got: np.ndarray, exact: np.ndarray, name: str) -> Mistake | None:
    error = np.abs(got - exact).max() / np.abs(exact).max()
    if got.dtype.itemsize == 2 and error <= _slack(got, 0.0):  # no pattern can be told from rounding here
        return Mistake("precision", f"{name} agrees to half precision only: was something turned into float16?")
    single = np.array_equal(got, got.astype(np.float32)) and not np.array_equal(got, np.round(got))
    if error <= 1e-5:
        return explain("precision" if single else "numeric", name)
    return explain("numeric", name) if error <= 1e-4 and got.size > 1 else None


def _with_upstream(
    got: np.ndarray, exact: np.ndarray, name: str, upstream: Any, batch_size: int | None, rtol: float, atol: float
) -> Mistake | None:
    """What an upstream gradient does to an elementwise function, or a scalar one to anything."""
    if upstream is None:
        return None
    upstream = np.asarray(upstream, dtype=float)
    if upstream.size == 1:
        upstream = upstream.reshape(())
        factor = abs(float(upstream))
        taken = (0.5, 1.0, 2.0, 0.25, 4.0, *((batch_size, 1 / batch_size) if batch_size else ()))
        if factor == 0 or any(abs(factor - plain) < 1e-3 for plain in taken):
            return None
    elif upstream.shape != exact.shape or _distinct(upstream) < _INFORMATIVE:
        return None
    if not (np.abs(upstream) > 1e-6).all():
        return None
    if exact.size > 1 and _distinct(exact) < 2 and upstream.ndim == 0 and _agree(got, np.ones_like(got), rtol, atol):
        return explain("upstream_ignored", name)
    if _agree(got, exact / upstream, rtol, atol):
        return explain("upstream_ignored", name)
    if _agree(got, exact * upstream, rtol, atol):
        return explain("upstream_twice", name)
    if upstream.ndim and _agree(got, exact / upstream * upstream.sum(), rtol, atol):
        return explain("upstream_summed", name)
    if upstream.ndim and _agree(got, upstream, rtol, atol):
        return Mistake(
            "missing_chain_factor", f"{name} is the upstream gradient as it arrived: the local derivative is missing."
        )
    return None


def _constant_ratio(
    got: np.ndarray, exact: np.ndarray, name: str, batch_size: int | None, rtol: float, atol: float
) -> Mistake | None:
    ratio = float((got * exact).sum() / (exact * exact).sum())
    if ratio == 0 or not _agree(got, ratio * exact, rtol, atol):
        return None

    def near(number: float) -> bool:
        return abs(abs(ratio) - number) <= 10 * _slack(got, rtol) * number

    flipped = " and the opposite sign" if ratio < 0 else ""
    if near(1.0):
        return explain("sign", name) if ratio < 0 else None
    simple = [number for number in _SIMPLE if near(number)]
    if batch_size and batch_size > 1 and not simple and (near(batch_size) or near(1 / batch_size)):
        found = explain("missing_mean" if near(batch_size) else "averaged", name)
        return Mistake(found.family, found.text + " Its sign is wrong as well.") if flipped else found
    few = _distinct(exact) < _INFORMATIVE
    if few and not any(near(number) for number in _SIMPLE_FOR_A_NUMBER):
        return None
    if simple:
        size = {2.0: "twice", 0.5: "half"}.get(simple[0], f"{_SIMPLE[simple[0]]} times")
        also, minus = (", with the opposite sign", "−") if flipped else ("", "")
        factor = minus + _SIMPLE[simple[0]]
        return Mistake("factor", f"{name} is {size} as large as it should be{also} (factor {factor}).")
    constant = f"one constant{flipped}"
    return Mistake("factor", f"{name} is the right array times {constant}: a factor is missing, or one too many.")


def _rearranged(got: np.ndarray, exact: np.ndarray, name: str, rtol: float, atol: float) -> Mistake | None:
    """The right numbers, or their absolute values, or one constant more, or in another place."""
    if _distinct(exact) < _INFORMATIVE:
        return None
    if exact.ndim == 2 and exact.shape[0] == exact.shape[1]:
        if _agree(got, exact.T, rtol, atol):
            return explain("transposed", name)
        ratio = float((got * exact.T).sum() / (exact * exact).sum())
        for number, also in ((-1.0, "with the opposite sign"), (2.0, "times 2"), (0.5, "times ½")):
            if abs(ratio - number) < 1e-5 and _agree(got, ratio * exact.T, rtol, atol):
                return Mistake("transposed", f"{name} is the transpose of the right one, {also}.")
    if _agree(got, np.abs(exact), rtol, atol):
        return explain("absolute", name)
    shift = float((got - exact).mean())
    if _agree(got - shift, exact, rtol, atol):
        return explain("offset", name)
    if _agree(np.sort(got, axis=None), np.sort(exact, axis=None), rtol, atol):
        return explain("order", name)
    return None


def _partly_right(got: np.ndarray, exact: np.ndarray, name: str, rtol: float, atol: float) -> Mistake | None:
    if exact.size < 3:
        return None
    limit = atol + _slack(got, rtol) * np.abs(exact).max()
    wrong = np.abs(got - exact) > limit
    right = ~wrong
    off, got_off = np.abs(exact) <= limit, np.abs(got) <= limit
    if _distinct(np.where(right, exact, 0.0)) >= 2:
        if not (wrong & ~off).any() and off.any():
            return explain("missing_mask", name)
        if not (wrong & ~got_off).any() and wrong.sum() >= 2:
            return explain("masked", name)
    if wrong.sum() == 1 and exact.size >= 4 and _distinct(exact) >= _INFORMATIVE:
        return Mistake("one_entry", f"{name} is right except for one entry, {_index_text(_first(wrong))}.")
    return None


def _where_and_how_much(got: np.ndarray, exact: np.ndarray, name: str, rtol: float, atol: float) -> Mistake | None:
    """The last resort: which entries are wrong, and by what ratio the first of them."""
    wrong = np.abs(got - exact) > atol + _slack(got, rtol) * np.abs(exact)
    if not wrong.any():
        return None
    at = _first(wrong)
    mine, right = float(got[at]), float(exact[at])
    if abs(right) <= atol:
        size = "is not zero, as it should be"
    elif mine == 0:
        size = "is zero, and should not be"
    elif abs(mine / right - 1) < 5e-4:  # a ratio of 1 would say that it is right
        size = f"is right to {int(-np.log10(abs(mine / right - 1)))} digits only"
    else:
        size = f"is {mine / right:.4g} times what it should be".replace("-", "−")
    if exact.size == 1:
        return Mistake("unrecognised", f"{name} {size}.")
    if wrong.all():
        return Mistake("unrecognised", f"All {exact.size} entries of {name} are wrong; the first {size}.")
    count = f"{wrong.sum()} of the {exact.size} entries of {name} {'is' if wrong.sum() == 1 else 'are'} wrong"
    return Mistake("unrecognised", f"{count}; the first, {_index_text(at)}, {size}.")


def _first(mask: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _index_text(index: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, index)) + "]"
