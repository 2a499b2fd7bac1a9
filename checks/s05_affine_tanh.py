"""Checks of section 05: the gradients of an affine layer and of a function applied entry by entry.

Exercises: NYU homework 7, questions 4 to 8. The proofs are written answers; judged here are the functions beside them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograder.judging import Array, Draw, Student, check, expect, expect_true, part

SECTION = "05-affine-tanh"

EACH_WITH_EACH = "the product entry by entry, where each entry of one meets each entry of the other"


@check(f"{SECTION}/affine_dW_entry_check", points=2)
def affine_dW_entry(student: Student, draw: Draw) -> None:
    """∂J/∂W[i, j] = ∂J/∂y[i] · x[j], one number."""
    m, d = draw.distinct_sizes(2, low=4)
    dJ_dy, x = draw.signed(m), draw.signed(d)
    i, j = (int(k) for k in draw.rng.permutation(min(m, d))[:2])
    x[j] = -abs(x[j]) * np.sign(dJ_dy[i])  # a product below zero, so that a lost sign shows
    places = [(i, j), (j, i), (0, d - 1), (m - 1, 0), (i, i)]

    with part("∂J/∂W[i, j]", points=2):
        for i, j in places:
            mistakes = {
                "swapped_arguments:i and j": _at(dJ_dy, j) * _at(x, i),
                "upstream_ignored": x[j],
                "missing_chain_factor:x_j": dJ_dy[i],
                "upstream_summed": dJ_dy.sum() * x[j],
                "wrong_argument:the sum of x, where x_j alone is left": dJ_dy[i] * x.sum(),
                "wrong_argument:the sum over all pairs, where one product is left": dJ_dy.sum() * x.sum(),
                "wrong_argument:indices that count from 1, where Python counts from 0": dJ_dy[i - 1] * x[j - 1],
                "wrong_argument:the sum of the two factors, where their product belongs": dJ_dy[i] + x[j],
                "wrong_argument:the same index twice": [_at(dJ_dy, j) * x[j], dJ_dy[i] * _at(x, i)],
            }
            if i == j:  # an index that is exchanged makes no difference here
                mistakes = {}
            got = _result(student, "affine_dW_entry", i=i, j=j, dJ_dy=dJ_dy, x=x)
            if not expect(got, dJ_dy[i] * x[j], name="∂J/∂W[i, j]", scalar_like=True, mistakes=mistakes):
                break


def _at(array: Array, index: int) -> float:
    """The entry, or nan, which agrees with nothing, where there is none."""
    return float(array[index]) if index < len(array) else float("nan")


@check(f"{SECTION}/affine_dW_check", points=3)
def affine_dW(student: Student, draw: Draw) -> None:
    """∂J/∂W is the outer product of ∂J/∂y and x, shape (m, d)."""
    m, d = draw.distinct_sizes(2)
    with part("∂J/∂W", points=3):
        # As many outputs as inputs first: there nothing stops with an error, so that what it is can be said.
        for rows, columns in ((d, d), (m, d), (d, m), (1, d)):
            dJ_dy, x = draw.signed(rows), draw.signed(columns)
            right = np.outer(dJ_dy, x)
            mistakes = {
                "outer_swapped": right.T,
                "upstream_ignored": [np.tile(x, (rows, 1)), x],
                "missing_chain_factor:x": np.tile(dJ_dy[:, None], (1, columns)),
                "upstream_summed": [np.tile(dJ_dy.sum() * x, (rows, 1)), dJ_dy.sum() * x],
                "wrong_argument:the sums of two entries, where their products belong": np.add.outer(dJ_dy, x),
            }
            if rows == columns:
                mistakes[f"wrong_argument:{EACH_WITH_EACH}"] = [dJ_dy * x, np.diag(dJ_dy * x)]
                mistakes["wrong_argument:the inner product, one number"] = dJ_dy @ x
                mistakes["wrong_argument:x by itself, without the upstream gradient"] = np.outer(x, x)
                mistakes["wrong_argument:the upstream gradient by itself, without x"] = np.outer(dJ_dy, dJ_dy)
            if rows == 1:  # with one output its gradient is the sum of all
                mistakes = {}
            got = _result(student, "affine_dW", dJ_dy=dJ_dy, x=x)
            if not expect(got, right, name="∂J/∂W", mistakes=mistakes):
                break


@check(f"{SECTION}/affine_dx_check", points=3)
def affine_dx(student: Student, draw: Draw) -> None:
    """∂J/∂x = Wᵀ ∂J/∂y, shape (d,): every output adds its contribution."""
    m, d = draw.distinct_sizes(2)
    with part("∂J/∂x", points=3):
        for rows, columns in ((d, d), (m, d), (d, m), (1, d), (m, 1)):
            W, dJ_dy = draw.signed(rows, columns), draw.signed(rows)
            right = dJ_dy @ W
            mistakes = {
                "upstream_ignored": W.sum(axis=0),
                "upstream_summed": W.sum(axis=0) * dJ_dy.sum(),
                "averaged": right / rows,
                "wrong_argument:one contribution for each output, before they are added up": [
                    W * dJ_dy[:, None],
                    W.T * dJ_dy,
                ],
            }
            if rows == columns:
                mistakes["wrong_argument:W, where its transpose belongs"] = W @ dJ_dy
                mistakes["wrong_argument:the rows of W, where its columns belong"] = [W * dJ_dy, W.T * dJ_dy[:, None]]
                mistakes["wrong_argument:the sums of the rows, where the sums of the columns belong"] = (
                    W.sum(axis=1) * dJ_dy
                )
                mistakes["missing_term:each output sends something back"] = [
                    W[0] * dJ_dy[0],
                    right - W[0] * dJ_dy[0],
                    right - W[-1] * dJ_dy[-1],
                ]
                mistakes["wrong_argument:the inverse of W, where its transpose belongs"] = np.linalg.solve(W, dJ_dy)
            if 1 in (rows, columns):  # with one output the sum is its only term
                mistakes = {}
            got = _result(student, "affine_dx", W=W, dJ_dy=dJ_dy)
            if not expect(got, right, name="∂J/∂x", mistakes=mistakes):
                break


@check(f"{SECTION}/affine_db_check", points=2)
def affine_db(student: Student, draw: Draw) -> None:
    """∂J/∂b = ∂J/∂y, shape (m,)."""
    with part("∂J/∂b", points=2):
        for m in (*draw.distinct_sizes(2), 1):
            dJ_dy = draw.signed(m)
            dJ_dy[0] = -abs(dJ_dy[0])
            mistakes = {
                "upstream_ignored": np.ones(m),
                "upstream_summed": np.full(m, dJ_dy.sum()),
                "averaged": dJ_dy / m,
                "upstream_twice": dJ_dy**2,
                "wrong_argument:one number for all, where each entry of the bias has its own": [
                    dJ_dy.sum(),
                    dJ_dy.mean(),
                    np.array([dJ_dy.sum()]),
                ],
                "wrong_argument:a diagonal matrix, where a vector belongs": np.diag(dJ_dy),
            }
            if m == 1:
                mistakes = {}
            got = _result(student, "affine_db", dJ_dy=dJ_dy)
            if not expect(got, dJ_dy, name="∂J/∂b", mistakes=mistakes):
                break


# -- entry by entry -----------------------------------------------------------------------------------------------

# The slope of c · arctan: none that a student would have written into the function.
SLOPE = """
import numpy as np


def slope(A):
    return c / (1.0 + np.square(A))
"""


@check(f"{SECTION}/elementwise_dA_check", points=4)
def elementwise_dA(student: Student, draw: Draw) -> None:
    """∂J/∂A = ∂J/∂S ⊙ σ'(A), entry by entry, for arrays of any shape."""
    c = draw.number(1.2, 1.7)
    slope = student.load(f"c = {c!r}\n{SLOPE}", "slope")["slope"]
    a, b, e, f = draw.distinct_sizes(4, low=2, high=6)

    def judge(*shapes: tuple[int, ...]) -> None:
        for shape in shapes:
            A, dJ_dS = draw.signed(*shape), draw.signed(*shape)
            got = _result(student, "elementwise_dA", dJ_dS=dJ_dS, A=A, sigma_prime=slope)
            right = dJ_dS * c / (1 + A**2)
            mistakes = _elementwise_mistakes(dJ_dS, A, c)
            if not expect(got, right, name="∂J/∂A", scalar_like=not shape, mistakes=mistakes):
                return

    with part("vectors", points=1):
        judge((a + 2,))
    with part("matrices", points=1):
        judge((a + 1, a + 1), (a, b), (1, b))
    with part("any shape", points=2):
        judge((a, b, e), (), (b, f, a, e))


def _elementwise_mistakes(dJ_dS: Array, A: Array, c: float) -> dict[str, Any]:
    def slope(values: Array) -> Array:
        return c / (1 + values**2)

    right = dJ_dS * slope(A)
    tanh = "the slope of tanh, where the function that was passed belongs"
    mistakes = {
        "upstream_ignored": slope(A),
        "missing_chain_factor:σ'(A)": dJ_dS,
        "swapped_arguments:A and ∂J/∂S": slope(dJ_dS) * A,
        "wrong_argument:A, where its slope σ'(A) belongs": dJ_dS * A,
        "wrong_argument:σ' of the upstream gradient": [slope(dJ_dS), dJ_dS * slope(dJ_dS), slope(dJ_dS * A)],
        f"wrong_argument:{tanh}": [dJ_dS * (1 - np.tanh(A) ** 2), dJ_dS * (1 - A**2)],
        "wrong_argument:the sum of the two factors, where their product belongs": dJ_dS + slope(A),
        "wrong_argument:the quotient of the two factors, where their product belongs": dJ_dS / slope(A),
        "upstream_twice": dJ_dS**2 * slope(A),
    }
    if A.size > 1:
        mistakes["upstream_summed"] = dJ_dS.sum() * slope(A)
        mistakes["wrong_argument:the sum over all entries, where each entry has its own"] = [
            right.sum(),
            np.full(A.shape, right.sum()),
        ]
    if A.ndim == 1:
        mistakes["wrong_argument:the outer product, where entries are multiplied"] = np.outer(dJ_dS, slope(A))
    if A.ndim == 2 and A.shape[0] == A.shape[1]:
        products = [dJ_dS @ slope(A), slope(A) @ dJ_dS, dJ_dS.T @ slope(A), slope(A).T @ dJ_dS, dJ_dS @ slope(A).T]
        mistakes["wrong_argument:the matrix product, where entries are multiplied"] = products
    return mistakes


# -- asking -------------------------------------------------------------------------------------------------------


def _result(student: Student, name: str, **arguments: Any) -> Any:
    """What the function gives for these arguments, passed by position; notes when it changes one of them."""
    got, after = student.watched(name, *arguments.values())
    for (key, value), now in zip(arguments.items(), after, strict=True):
        if isinstance(value, np.ndarray):
            text = f"{key} was changed in place: work on a copy, others still need it."
            expect_true(np.array_equal(now, value), text, "in_place")
    return got
