"""Checks of section 05: the gradients of an affine layer and of a function applied entry by entry.

Exercises: NYU homework 7, questions 4 to 8. The proofs are written answers; judged here are the functions beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograder.judging import (
    Array,
    Draw,
    FunctionRule,
    FunctionTrial,
    Remote,
    Slip,
    Student,
    check,
    inputs,
    part,
    regions,
    source_of,
)
from autograder.judging.regions import WHOLE

from .shipped import functions_to_pass

SECTION = "05-affine-tanh"
LEFT_OUT = {"float32": "the numbers of this section are float64, as numpy makes them"}
FUNCTIONS = source_of(functions_to_pass)

# Outputs and inputs of the notebook's own layers: whoever reads its arrays gets right shapes there, and wrong numbers.
IN_THE_NOTEBOOK = ((2, 3), (4, 5))

FROM_ABOVE = ("dJ_dy", "dJ_dS")  # gradients, which are floating-point numbers

EACH_WITH_EACH = "the product entry by entry, where each entry of one meets each entry of the other"


def _arrays(**shapes: tuple[int, ...]) -> Callable[..., dict[str, Any]]:
    """What makes the inputs of a function from what makes an array: arrays of these shapes."""
    return lambda array: {name: array(*shape) for name, shape in shapes.items()}


def _judge(title: str, points: float, trial: FunctionTrial) -> None:
    """One part: the one result of a function in every case, and its inputs left alone."""
    with part(title, points=points):
        if trial.expect(trial.names[0]):
            trial.expect_left_alone()


# -- the affine layer ---------------------------------------------------------------------------------------------


def _entry_slips(i: int, j: int, dJ_dy: Array, x: Array) -> dict[str, list[Slip]]:
    if i == j:  # an index that is exchanged makes no difference here
        return {}
    return {
        "∂J/∂W[i, j]": [
            Slip("swapped_arguments", _at(dJ_dy, j) * _at(x, i), "i and j"),
            Slip("upstream_ignored", x[j]),
            Slip("missing_chain_factor", dJ_dy[i], "x_j"),
            Slip("upstream_summed", dJ_dy.sum() * x[j]),
            Slip("wrong_argument", dJ_dy[i] * x.sum(), "the sum of x, where x_j alone is left"),
            Slip("wrong_argument", dJ_dy.sum() * x.sum(), "the sum over all pairs, where one product is left"),
            Slip("wrong_argument", dJ_dy[i - 1] * x[j - 1], "indices that count from 1, where Python counts from 0"),
            Slip("wrong_argument", dJ_dy[i] + x[j], "the sum of the two factors, where their product belongs"),
            Slip("wrong_argument", [_at(dJ_dy, j) * x[j], dJ_dy[i] * _at(x, i)], "the same index twice"),
            Slip("absolute", abs(dJ_dy[i] * x[j])),
        ]
    }


def _at(array: Array, index: int) -> float:
    """The entry, or nan, which agrees with nothing, where there is none."""
    return float(array[index]) if index < len(array) else float("nan")


DW_ENTRY = FunctionRule(
    "affine_dW_entry",
    right=lambda i, j, dJ_dy, x: {"∂J/∂W[i, j]": dJ_dy[i] * x[j]},
    slips=_entry_slips,
    floats=FROM_ABOVE,
)


@check(
    f"{SECTION}/affine_dW_entry_check",
    points=2,
    domain={"one array twice": "x and the upstream gradient are two things"},
)
def affine_dW_entry(student: Student, draw: Draw) -> None:
    """∂J/∂W[i, j] = ∂J/∂y[i] · x[j], one number."""
    m, d = draw.distinct_sizes(2, low=4)
    i, j = (int(k) for k in draw.rng.permutation(min(m, d))[:2])

    def entry(i: int, j: int, m: int = m, d: int = d) -> Callable[..., dict[str, Any]]:
        def make(array: Callable[..., Array]) -> dict[str, Any]:
            dJ_dy, x = array(m), array(d)
            x[j] = np.copysign(x[j], -dJ_dy[i])  # a product below zero, so that a lost sign shows
            return {"i": i, "j": j, "dJ_dy": dJ_dy, "x": x}

        return make

    places = [entry(j, i), entry(0, d - 1), entry(m - 1, 0), entry(i, i), entry(m - 1, d - 1), entry(i, j, m, m)]
    places += [entry(0, 0, 1, 1), entry(30, 7, 40, 50)]
    places += [entry(rows - 1, columns - 1, rows, columns) for rows, columns in IN_THE_NOTEBOOK]
    cases = inputs(draw, entry(i, j), *places)
    cases[0][1]["x"] *= -1  # one above zero first, so that a wrong sign is told from a lost one
    _judge("∂J/∂W[i, j]", 2, FunctionTrial(student, DW_ENTRY, cases))


def _dW_slips(dJ_dy: Array, x: Array) -> dict[str, list[Slip]]:
    (rows,), (columns,) = dJ_dy.shape, x.shape
    if rows == 1:  # with one output its gradient is the sum of all
        return {}
    slips = [
        Slip("outer_swapped", np.outer(x, dJ_dy)),
        Slip("upstream_ignored", [np.tile(x, (rows, 1)), x]),
        Slip("missing_chain_factor", np.tile(dJ_dy[:, None], (1, columns)), "x"),
        Slip("upstream_summed", [np.tile(dJ_dy.sum() * x, (rows, 1)), dJ_dy.sum() * x]),
        Slip("wrong_argument", np.add.outer(dJ_dy, x), "the sums of two entries, where their products belong"),
    ]
    if rows == columns:
        slips += [
            Slip("wrong_argument", [dJ_dy * x, np.diag(dJ_dy * x)], EACH_WITH_EACH),
            Slip("wrong_argument", dJ_dy @ x, "the inner product, one number"),
            Slip("wrong_argument", np.outer(x, x), "x by itself, without the upstream gradient"),
            Slip("wrong_argument", np.outer(dJ_dy, dJ_dy), "the upstream gradient by itself, without x"),
        ]
    return {"∂J/∂W": slips}


DW = FunctionRule("affine_dW", right=lambda dJ_dy, x: {"∂J/∂W": np.outer(dJ_dy, x)}, slips=_dW_slips, floats=FROM_ABOVE)


@check(f"{SECTION}/affine_dW_check", points=3)
def affine_dW(student: Student, draw: Draw) -> None:
    """∂J/∂W is the outer product of ∂J/∂y and x, shape (m, d)."""
    m, d = draw.distinct_sizes(2)
    # As many outputs as inputs first: there nothing stops with an error, so that what it is can be said.
    sizes = ((d, d), (m, d), (d, m), (1, d), (m, 1), (40, 50), *IN_THE_NOTEBOOK)
    cases = inputs(draw, *(_arrays(dJ_dy=(rows,), x=(columns,)) for rows, columns in sizes))
    _judge("∂J/∂W", 3, FunctionTrial(student, DW, cases))


def _dx_slips(W: Array, dJ_dy: Array) -> dict[str, list[Slip]]:
    rows, columns = W.shape
    if 1 in (rows, columns):  # with one output the sum is its only term
        return {}
    right = dJ_dy @ W
    slips = [
        Slip("upstream_ignored", W.sum(axis=0)),
        Slip("upstream_summed", W.sum(axis=0) * dJ_dy.sum()),
        Slip("averaged", right / rows),
        Slip(
            "wrong_argument",
            [W * dJ_dy[:, None], W.T * dJ_dy],
            "one contribution for each output, before they are added up",
        ),
    ]
    if rows == columns:
        slips += [
            Slip("wrong_argument", W @ dJ_dy, "W, where its transpose belongs"),
            Slip("wrong_argument", [W * dJ_dy, W.T * dJ_dy[:, None]], "the rows of W, where its columns belong"),
        ]
        sums = "the sums of the rows, where the sums of the columns belong"
        slips.append(Slip("wrong_argument", W.sum(axis=1) * dJ_dy, sums))
        first, last = W[0] * dJ_dy[0], W[-1] * dJ_dy[-1]
        slips += [
            Slip("missing_term", [first, right - first, right - last], "each output sends something back"),
            Slip("wrong_argument", np.linalg.solve(W, dJ_dy), "the inverse of W, where its transpose belongs"),
        ]
    return {"∂J/∂x": slips}


DX = FunctionRule("affine_dx", right=lambda W, dJ_dy: {"∂J/∂x": dJ_dy @ W}, slips=_dx_slips, floats=FROM_ABOVE)


@check(f"{SECTION}/affine_dx_check", points=3)
def affine_dx(student: Student, draw: Draw) -> None:
    """∂J/∂x = Wᵀ ∂J/∂y, shape (d,): every output adds its contribution."""
    m, d = draw.distinct_sizes(2)
    sizes = ((d, d), (m, d), (d, m), (1, d), (m, 1), (40, 50), *IN_THE_NOTEBOOK)
    cases = inputs(draw, *(_arrays(W=size, dJ_dy=size[:1]) for size in sizes))
    _judge("∂J/∂x", 3, FunctionTrial(student, DX, cases))


def _db_slips(dJ_dy: Array) -> dict[str, list[Slip]]:
    m = dJ_dy.size
    if m == 1:
        return {}
    return {
        "∂J/∂b": [
            Slip("upstream_ignored", np.ones(m)),
            Slip("upstream_summed", np.full(m, dJ_dy.sum())),
            Slip("averaged", dJ_dy / m),
            Slip("upstream_twice", dJ_dy**2),
            Slip(
                "wrong_argument",
                [dJ_dy.sum(), dJ_dy.mean(), np.array([dJ_dy.sum()])],
                "one number for all, where each entry of the bias has its own",
            ),
            Slip("wrong_argument", np.diag(dJ_dy), "a diagonal matrix, where a vector belongs"),
        ]
    }


DB = FunctionRule("affine_db", right=lambda dJ_dy: {"∂J/∂b": dJ_dy}, slips=_db_slips, floats=FROM_ABOVE)


@check(f"{SECTION}/affine_db_check", points=2)
def affine_db(student: Student, draw: Draw) -> None:
    """∂J/∂b = ∂J/∂y, shape (m,)."""
    m, other = draw.distinct_sizes(2)
    cases = inputs(draw, *(_arrays(dJ_dy=(size,)) for size in (m, other, 1, 100, *dict(IN_THE_NOTEBOOK))))
    _judge("∂J/∂b", 2, FunctionTrial(student, DB, cases))


# -- entry by entry -----------------------------------------------------------------------------------------------


@check(f"{SECTION}/elementwise_dA_check", points=4)
def elementwise_dA(student: Student, draw: Draw) -> None:
    """∂J/∂A = ∂J/∂S ⊙ σ'(A), entry by entry, for arrays of any shape."""
    made = student.load(FUNCTIONS, "arctan_slope", "log_slope", "gate_slope", "transposed")
    # Slopes above 0; slopes of the sign of A, exactly 0 where A is; slopes that are 0 or large.
    passed = [
        (lambda values: 1.3 / (1 + values**2), made["arctan_slope"](1.3)),
        (lambda values: 1.7 * values / (1 + values**2), made["log_slope"](1.7)),
        (lambda values: np.where(values > 0, 40.0, 0.0), made["gate_slope"](40.0)),
    ]

    def slope(sigma_prime: Any, values: Array) -> Array:
        return next(known for known, function in passed if function is sigma_prime)(values)

    rule = FunctionRule(
        "elementwise_dA",
        right=lambda dJ_dS, A, sigma_prime: {"∂J/∂A": _plain(dJ_dS) * slope(sigma_prime, _plain(A))},
        slips=lambda dJ_dS, A, sigma_prime: {
            "∂J/∂A": _elementwise_slips(_plain(dJ_dS), _plain(A), partial(slope, sigma_prime))
        },
        shaped=True,
        floats=FROM_ABOVE,
    )

    def arrays(*shape: int) -> Callable[..., dict[str, Any]]:
        function = passed[len(shape) % 2][1]
        return lambda array: {"dJ_dS": array(*shape), "A": array(*shape), "sigma_prime": function}

    def turned(*shape: int, names: Sequence[str]) -> tuple[str, dict[str, Any]]:
        """Ordinary inputs, those named as transposes, whose entries lie in memory in another order."""
        given = arrays(*shape)(draw.both_signs)
        return "", given | {name: made["transposed"](given[name].T) for name in names}

    a, b, e, f = draw.distinct_sizes(4, low=2, high=6)
    vectors = inputs(draw, arrays(a + 2), arrays(1), arrays(200))
    flat = {**arrays(a + 2)(draw.both_signs), "sigma_prime": passed[-1][1]}
    vectors.append(("a function that is flat below 0", flat))
    _judge("vectors", 1, FunctionTrial(student, rule, vectors))
    sizes = ((a + 1, a + 1), (a + 1, a + 1), (a, b), (1, b), (b, 1), (2, 3), (7, b), (20, a))
    matrices = [("", arrays(*shape)(draw.both_signs)) for shape in sizes]
    whole_numbers = arrays(a + 1, b)(dict(regions(draw))[WHOLE])
    matrices += [(WHOLE, whole_numbers), ("slopes of both signs", {**whole_numbers, "sigma_prime": passed[1][1]})]
    matrices += [turned(b, b, names=["A"]), turned(a, b, names=["A"]), turned(a, b, names=["dJ_dS"])]
    _judge("matrices", 1, FunctionTrial(student, rule, matrices))
    # Stacks of square matrices as well, where a product of matrices runs through.
    sizes = ((a, b, e), (), (b, f, a, e), (1, 1, 1), (a, b, b), (b, b, b), (a, b, e, e), (1, 2, 1, 2, 1))
    any_shape = [("", arrays(*shape)(draw.both_signs)) for shape in sizes]
    any_shape += [turned(a, b, e, names=["A"]), turned(a, b, e, names=["A", "dJ_dS"])]
    _judge("any shape", 2, FunctionTrial(student, rule, any_shape))


def _plain(value: Array | Remote) -> Array:
    return value.value if isinstance(value, Remote) else value


def _elementwise_slips(dJ_dS: Array, A: Array, slope: Callable[[Array], Array]) -> list[Slip]:
    right = dJ_dS * slope(A)
    tanh = "the slope of tanh, where the function that was passed belongs"
    slips = [
        Slip("upstream_ignored", slope(A)),
        Slip("missing_chain_factor", dJ_dS, "σ'(A)"),
        Slip("swapped_arguments", slope(dJ_dS) * A, "A and ∂J/∂S"),
        Slip("wrong_argument", dJ_dS * A, "A, where its slope σ'(A) belongs"),
        Slip("wrong_argument", [slope(dJ_dS), dJ_dS * slope(dJ_dS), slope(dJ_dS * A)], "σ' of the upstream gradient"),
        Slip("wrong_argument", [dJ_dS * (1 - np.tanh(A) ** 2), dJ_dS * (1 - A**2)], tanh),
        Slip("wrong_argument", dJ_dS + slope(A), "the sum of the two factors, where their product belongs"),
        Slip("wrong_argument", dJ_dS * np.abs(slope(A)), "the absolute value of the slope, which may be below 0"),
        Slip("wrong_argument", dJ_dS / slope(A), "the quotient of the two factors, where their product belongs"),
        Slip("upstream_twice", dJ_dS**2 * slope(A)),
    ]
    if A.size > 1:
        slips += [
            Slip("upstream_summed", dJ_dS.sum() * slope(A)),
            Slip(
                "wrong_argument",
                [right.sum(), np.full(A.shape, right.sum())],
                "the sum over all entries, where each entry has its own",
            ),
        ]
    if A.ndim == 1:
        slips.append(
            Slip("wrong_argument", np.outer(dJ_dS, slope(A)), "the outer product, where entries are multiplied")
        )
    if A.ndim == 2 and A.shape[0] == A.shape[1]:
        products = [dJ_dS @ slope(A), slope(A) @ dJ_dS, dJ_dS.T @ slope(A), slope(A).T @ dJ_dS, dJ_dS @ slope(A).T]
        slips.append(Slip("wrong_argument", products, "the matrix product, where entries are multiplied"))
    return slips
