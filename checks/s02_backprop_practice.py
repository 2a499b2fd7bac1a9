"""Checks of 02-backprop-practice: many paths, a sum of sigmoid units, two layers, costs, counts, a narrow layer.

Exercises: CS189 discussion on back-propagation, questions 2a to 2f with its note on costs, 3b and 3c. The
networks themselves, with what is right for them and what slips give, are in small_networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from autograder.judging import Array, Draw, Student, StudentError, StudentGone, check, expect, expect_true, part

from .common.own_graph import pairs
from .common.several_arrays import (
    Asked,
    Twice,
    agrees,
    expect_added,
    expect_gradient,
    expect_step,
    expect_value,
    finite,
    gradient_pieces,
    shape,
    two,
)
from .common.small_networks import (
    CURVES,
    UNIT_GRADIENTS,
    LinearStep,
    curves,
    draw_layers,
    draw_units,
    two_layers,
    unit_sum,
)

SECTION = "02-backprop-practice"


# -- drawings ------------------------------------------------------------------------------------------------------


def judge_arrows(got: Any, name: str, wanted: Mapping[str, Iterable[str]], parts: Mapping[str, Sequence[str]]) -> None:
    """Judge a drawing given by its arrows.

    wanted : step -> the values it is computed from
    parts  : name of a part (1 point each) -> the steps it is about
    """
    arrows = pairs(got, name)
    known = set(wanted) | {source for sources in wanted.values() for source in sources}
    strange = sorted({end for arrow in arrows for end in arrow} - known)
    for title, steps in parts.items():
        with part(title, points=1):
            text = f"There is no {', '.join(strange)} in this graph: use the names of the exercise."
            expect_true(not strange, text, "wrong_argument")
            for step in steps:
                _judge_step(arrows, step, set(wanted[step]), wanted)


def _judge_step(
    arrows: Sequence[tuple[str, str]], step: str, sources: set[str], wanted: Mapping[str, Iterable[str]]
) -> None:
    starts = [start for start, end in arrows if end == step]
    turned = sorted(source for source in sources if (step, source) in arrows and source not in starts)
    turned += sorted(later for later in starts if step in wanted.get(later, ()) and (step, later) not in arrows)
    if turned:
        ends = f"{step} and {', '.join(turned)}"
        text = f"The arrows between {ends} point the wrong way: they go from a value to the step that uses it."
        expect_true(False, text, "swapped_arguments")
    elif len(starts) > len(set(starts)):
        expect_true(False, f"An arrow into {step} is there twice.", "wrong_argument")
    elif set(starts) < sources:
        expect_true(False, f"An arrow into {step} is missing: what is it computed from?", "missing")
    elif set(starts) != sources:
        text = f"An arrow into {step} starts at a value that its formula does not contain."
        expect_true(False, text, "wrong_argument")


# -- 1 · many paths -------------------------------------------------------------------------------------------------


@check(f"{SECTION}/many_paths_check", points=2)
def many_paths(student: Student, draw: Draw) -> None:
    """w feeds x1, x2 and x3, and all three feed f."""
    wanted = {"x1": ["w"], "x2": ["w"], "x3": ["w"], "f": ["x1", "x2", "x3"]}
    judge_arrows(
        student.get("many_paths").value,
        "many_paths",
        wanted,
        {"the arrows that leave w": ["x1", "x2", "x3"], "the arrows that arrive at f": ["f"]},
    )


@check(f"{SECTION}/total_derivative_check", points=3)
def total_derivative(student: Student, draw: Draw) -> None:
    """The sum over i of ∂f/∂x_i times ∂x_i/∂w: for one variable w, and for each of d of them."""
    n, d = draw.distinct_sizes(2)
    df_dx, alone = draw.signed(n), draw.signed(n)
    alone *= -np.sign(df_dx @ alone)  # a negative sum, so that a lost sign shows
    with part("w is a number", points=1):
        _judge_total(student, df_dx, alone)
    with part("w is a vector", points=2):
        # As many variables as paths first: there a product the wrong way round runs through, so that it can be named.
        for jacobian in (draw.signed(n, n), draw.signed(n, d), draw.signed(n, 1)):
            if not _judge_total(student, df_dx, jacobian):
                break


def _judge_total(student: Student, df_dx: Array, dx_dw: Array) -> bool:
    asked = Asked(student, "total_derivative", {"df_dx": df_dx, "dx_dw": dx_dw})
    paths = (df_dx * dx_dw.T).T
    mistakes = {
        "missing_term:the paths through the other x_i, only one of them is there": [paths[0], paths[-1]],
        "missing_term:the path through one of the x_i": [paths[1:].sum(axis=0), paths[:-1].sum(axis=0)],
        "averaged": paths.mean(axis=0),
        "upstream_ignored": dx_dw.sum(axis=0),
        "missing_chain_factor:∂x_i/∂w": np.broadcast_to(df_dx.sum(), paths.shape[1:]),
        "upstream_summed": df_dx.sum() * dx_dw.sum(axis=0),
        "wrong_argument:the paths multiplied with each other, where they are added": paths.prod(axis=0),
        "wrong_argument:a sum of two derivatives where a path multiplies them": (df_dx + dx_dw.T).T.sum(axis=0),
        "order": (df_dx[::-1] * dx_dw.T).T.sum(axis=0),
    }
    if dx_dw.ndim == 2 and dx_dw.shape[0] == dx_dw.shape[1]:
        wrong_index = "the sum runs over the functions x_i, not over the variables w_k"
        mistakes[f"wrong_argument:{wrong_index}"] = dx_dw @ df_dx
    right = paths.sum(axis=0)
    good = expect_added(asked.result, paths, "df/dw")
    good = good and expect(asked.result, right, name="df/dw", mistakes=mistakes, scalar_like=dx_dw.ndim == 1)
    asked.leaves_inputs()
    return good


# -- 3 · a sum of units ---------------------------------------------------------------------------------------------


@check(f"{SECTION}/unit_sum_edges_check", points=2)
def unit_sum_edges(student: Student, draw: Draw) -> None:
    """Two units from x, their own w and b; they meet in s; r = y − s; f = r²."""
    wanted = {"h1": ["z1"], "h2": ["z2"], "s": ["h1", "h2"], "r": ["s", "y"], "f": ["r"]}
    wanted |= {f"z{i}": [f"w{i}", f"b{i}", "x"] for i in (1, 2)}
    parts = {"the two units": ["z1", "z2", "h1", "h2"], "from their sum to f": ["s", "r", "f"]}
    judge_arrows(student.get("unit_sum_edges").value, "unit_sum_edges", wanted, parts)


@check(f"{SECTION}/sigmoid_net_gradients_check", points=6)
def sigmoid_net_gradients(student: Student, draw: Draw) -> None:
    """f = (y − Σ σ(w_i·x + b_i))², and both gradients in the shapes of their variables; for three sets of inputs."""
    every = [draw_units(draw, equal=True), draw_units(draw), draw_units(draw, units=1)]
    asked = [Asked(student, "sigmoid_net_gradients", inputs) for inputs in every]
    twice = Twice(asked, [unit_sum(**a.inputs) for a in asked], gradient_pieces)
    with part("value", points=2):
        expect_value(twice, "f")
    for name in "Wb":
        with part(f"∂f/∂{name}", points=2):
            expect_gradient(twice, name, "f")


# -- gradient steps -------------------------------------------------------------------------------------------------


@check(f"{SECTION}/sigmoid_net_step_check", points=3, reveals=True)
def sigmoid_net_step(student: Student, draw: Draw) -> None:
    """W − epsilon ∂f/∂W and b − epsilon ∂f/∂b, as new arrays. A wrong sigmoid_net_gradients costs nothing here."""
    inputs = {**draw_units(draw), "epsilon": draw.number(0.15, 0.4)}
    epsilon = inputs["epsilon"]
    truth = unit_sum(**{key: inputs[key] for key in ("W", "b", "x", "y")})
    right = {key: inputs[key] - epsilon * truth.gradients[key] for key in "Wb"}
    helpers = student.load(UNIT_GRADIENTS, "nested", "flat")
    answers = []
    for helper in helpers.values():
        with student.shadow(sigmoid_net_gradients=helper):
            answers.append(Asked(student, "sigmoid_net_step", inputs))
    answers.append(Asked(student, "sigmoid_net_step", inputs))
    asked = next((a for a in answers if _is_right(a, list(right.values()))), None)
    asked = asked or next((a for a in answers if not a.raised), answers[-1])
    # One after the other: the second gradient is taken where the first step has led already.
    truth.gradient_slips["b"][TOO_LATE.format("W")] = _moved_gradient(inputs, right, "W", "b")
    truth.gradient_slips["W"][TOO_LATE.format("b")] = _moved_gradient(inputs, right, "b", "W")

    for index, (key, old) in enumerate({"W": inputs["W"], "b": inputs["b"]}.items()):
        with part(f"new_{key}", points=1):
            got = two(asked.result, "new_W", "new_b")[index]
            other = "b" if key == "W" else "W"
            if shape(got) == inputs[other].shape:
                text = f"new_{key} has the shape of {other}: are the two exchanged?"
                expect_true(False, text, "swapped_arguments")
            else:
                expect_step(got, old, truth.gradients[key], epsilon, key, truth.gradient_slips[key])
    with part("the old arrays are left alone", points=1):
        _expect_moved(two(asked.result, "new_W", "new_b"), (inputs["W"], inputs["b"]))
        asked.leaves_inputs("{name} was changed in place: {name} = {name} − … makes a new array, {name} −= … does not.")


TOO_LATE = "wrong_argument:the new {0}, where the gradient at the old {0} is needed"


def _moved_gradient(inputs: Mapping[str, Any], right: Mapping[str, Array], moved: str, key: str) -> Array:
    there = {**inputs, moved: right[moved]}
    return unit_sum(**{name: there[name] for name in ("W", "b", "x", "y")}).gradients[key]


def _expect_moved(new: Sequence[Any], old: Sequence[Array]) -> None:
    """Who takes no step leaves the old arrays alone as well: that earns nothing."""
    shapes = {shape(array) for array in new} == {array.shape for array in old}
    moved = shapes and any(not agrees(*both) for both in zip(new, old, strict=True))
    text = "No step was taken: two arrays of the old shapes, with new numbers in them, should come back."
    expect_true(moved, text, "zero")


def _is_right(asked: Asked, right: Sequence[Array]) -> bool:
    try:
        return all(agrees(*both) for both in zip(two(asked.result, "", ""), right, strict=True))
    except StudentGone:
        raise
    except StudentError:
        return False


# -- 4 · two layers -------------------------------------------------------------------------------------------------


@check(f"{SECTION}/back_through_check", points=3)
def back_through(student: Student, draw: Draw) -> None:
    """∂ℓ/∂a_i = Σ_k u_k ∂h_k/∂a_i, for a square Jacobian and for one with more rows or columns."""
    q, m = draw.distinct_sizes(2)
    for title, rows, points in (("as many outputs as inputs", m, 1), ("another number of outputs", q, 2)):
        J, u = draw.signed(rows, m), draw.signed(rows)
        asked = Asked(student, "back_through", {"jacobian": J, "upstream": u})
        with part(title, points=points):
            mistakes = {
                "upstream_ignored": J.sum(axis=0),
                "upstream_summed": u.sum() * J.sum(axis=0),
                "averaged": np.einsum("k,ki->i", u, J) / rows,
                "missing_chain_factor:the Jacobian": u,
            }
            wrong_index = "the sum runs over the outputs k, not over the inputs"
            mistakes[f"wrong_argument:{wrong_index}"] = np.einsum("ki,k->k", J, u)
            each = "one contribution for each output, before they are added up"
            mistakes[f"wrong_argument:{each}"] = [J * u[:, None], J.T * u]
            if rows == m:
                mistakes["transposed"] = np.einsum("ki,i->k", J, u)
                paths = "the paths from a_i to the other h_k, only the diagonal is used"
                mistakes[f"missing_term:{paths}"] = np.diag(J) * u
                inverse = "the inverse, where the Jacobian itself belongs"
                mistakes[f"wrong_argument:{inverse}"] = [np.linalg.solve(J, u), np.linalg.solve(J.T, u)]
            expect(asked.result, np.einsum("k,ki->i", u, J), name="∂ℓ/∂a", mistakes=mistakes)
            asked.leaves_inputs()


def _bent(draw: Draw, equal: bool) -> dict[str, Array]:
    """Inputs for which W1 x + b has entries of both signs, so that a ReLU where none belongs shows."""
    while True:
        inputs = draw_layers(draw, equal)
        h = inputs["W1"] @ inputs["x"] + inputs["b"]
        if h.min() < -0.1 and h.max() > 0.1:
            return inputs


@check(f"{SECTION}/two_layer_gradients_check", points=8, reveals=True)
def two_layer_gradients(student: Student, draw: Draw) -> None:
    """½ ‖W2 φ(W1 x + b) − y‖² and four gradients in the shapes of their variables, for two different φ."""
    c = draw.number(0.6, 0.8)
    passed = student.load(CURVES.format(c=repr(c)), "phi_1", "phi_1_prime", "phi_2", "phi_2_prime")
    asked, truths = [], []
    for number, (phi, slope) in enumerate(curves(c), start=1):
        inputs = _bent(draw, equal=number == 1)
        functions = {"phi": passed[f"phi_{number}"], "phi_prime": passed[f"phi_{number}_prime"]}
        asked.append(Asked(student, "two_layer_gradients", {**inputs, **functions}))
        truths.append(two_layers(**inputs, phi=phi, slope=slope))
    twice = Twice(asked, truths, gradient_pieces)
    with part("value", points=1):
        expect_value(twice, "ℓ")
    for name, points in {"W2": 2, "b": 2, "W1": 2, "x": 1}.items():
        with part(f"∂ℓ/∂{name}", points=points):
            expect_gradient(twice, name, "ℓ")


@check(f"{SECTION}/linear_net_step_check", points=4)
def linear_net_step(student: Student, draw: Draw) -> None:
    """One step for both matrices of ½ ‖W2 (W1 x + b) − y‖², both gradients at the old weights, in new arrays."""
    every = [{**_bent(draw, equal), "epsilon": draw.number(0.15, 0.4)} for equal in (True, False)]
    asked = [Asked(student, "linear_net_step", inputs) for inputs in every]
    twice = Twice(asked, [LinearStep(**inputs) for inputs in every], _step_pieces)
    for key in ("W1", "W2"):
        with part(f"new_{key}", points=1.5):
            for got, _, truth in twice.each(key):
                if not _expect_new(got, key, truth):
                    break
    with part("the old arrays are left alone", points=1):
        for a in twice.calls:
            _expect_moved(two(a.result, "new_W1", "new_W2"), (a.inputs["W1"], a.inputs["W2"]))
            a.leaves_inputs("{name} was changed in place: {name} = {name} − … makes a new array, {name} −= … does not.")


def _step_pieces(result: Any, truth: LinearStep) -> dict[str, tuple[Any, Any]]:
    found = two(result, "new_W1", "new_W2")
    return {key: (got, truth.new[key]) for key, got in zip(truth.old, found, strict=True)}


def _expect_new(got: Any, key: str, truth: LinearStep) -> bool:
    other = "W2" if key == "W1" else "W1"
    if agrees(got, truth.new[other]) or shape(got) == truth.old[other].shape != truth.old[key].shape:
        text = f"new_{other} is where new_{key} belongs: are the two exchanged?"
        return expect_true(False, text, "swapped_arguments")
    return expect_step(got, truth.old[key], truth.gradients[key], truth.epsilon, key, truth.slips[key])


# -- 5 · costs ------------------------------------------------------------------------------------------------------

BOWL = """
import numpy as np

A, B, C = (np.array(numbers).reshape({shape}) for numbers in {numbers})

def f(W):
    W = np.asarray(W)
    return np.sum(A * W**2) + np.sum(B * W) + np.sum(C * W) ** 2
"""


@check(f"{SECTION}/forward_difference_check", points=3, reveals=True)
def forward_difference(student: Student, draw: Draw) -> None:
    """(f(W with one entry + h) − f(W)) / h for each entry; the other one-sided and the central formula are as good.

    On a quadratic function all three can be worked out exactly, so h may be large enough to be seen.
    """
    rows, columns, length = draw.distinct_sizes(3)
    first = None
    for title, sizes in (("a matrix", (rows, columns)), ("another shape", (length,))):
        A, B, C, W = (draw.signed(*sizes) for _ in range(4))
        h = draw.number(0.02, 0.05)
        numbers = [array.ravel().tolist() for array in (A, B, C)]
        f = student.load(BOWL.format(shape=sizes, numbers=numbers), "f")["f"]
        asked = Asked(student, "forward_difference", {"f": f, "W": W, "h": h})
        first = first or asked

        def bowl(W: Array, A: Array = A, B: Array = B, C: Array = C) -> float:
            return np.sum(A * W**2) + np.sum(B * W) + np.sum(C * W) ** 2

        with part(title, points=1):
            _judge_difference(asked, bowl, W, h)
    with part("W is as it was", points=1):
        if first.result is None or first.result is Ellipsis:
            raise StudentError(f"The function returned {first.result}: is it finished?", "none")
        idle = shape(first.result) != first.inputs["W"].shape or agrees(first.result, first.inputs["W"])
        expect_true(not idle, "No gradient came back, so there was no need to move W.", "shape")
        first.leaves_inputs("{name} is another afterwards: put each entry back after moving it, or move a copy.")


def _judge_difference(asked: Asked, f: Callable[[Array], float], W: Array, h: float) -> None:
    def moved(step: float, keep: bool = False) -> Array:
        """f(W with an entry moved) − f(W) for every entry; with keep, entries moved before stay moved."""
        change, at = np.zeros(W.shape), W.copy()
        for index in np.ndindex(W.shape):
            at[index] += step
            change[index] = f(at) - f(W)
            at = at if keep else W.copy()
        return change

    forward, backward = moved(h) / h, moved(-h) / -h
    central = (forward + backward) / 2
    got = finite(asked.result)
    right = forward
    for other in (backward, central):
        if got is not None and got.shape == W.shape and np.allclose(got, other, rtol=1e-7, atol=1e-8):
            right = other
    together = "one entry at a time is moved, not all together"
    typed = "the h that was passed, not a number of your own"
    mistakes = {
        "sign": [-backward, -forward],
        "in_place:each entry has to be put back before the next is moved": moved(h, keep=True) / h,
        f"wrong_argument:{together}": np.full(W.shape, (f(W + h) - f(W)) / h),
        f"wrong_argument:{typed}": [central + (forward - central) * own / h for own in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)],
        "missing_chain_factor:the division by h": [moved(h), -moved(-h)],
        "missing_term:f(W), which is to be subtracted": (moved(h) + f(W)) / h,
        "factor": [forward / 2, 2 * central],
    }
    expect(asked.result, right, name="the gradient", mistakes=mistakes, atol=1e-8)


# -- 7 · counting ---------------------------------------------------------------------------------------------------


@check(f"{SECTION}/count_parameters_check", points=3)
def count_parameters(student: Student, draw: Draw) -> None:
    """Σ d_i d_(i+1), and with a bias for every unit that is not an input."""
    networks = [draw.rng.permutation(np.arange(11, 60))[:layers].tolist() for layers in (4, 2, draw.integer(3, 7))]
    networks.append([8, 10, 10, 3])
    for title, biases, points in (("weights", False, 2), ("weights and biases", True, 1)):
        with part(title, points=points):
            for d in networks:
                lent = student.put(d)
                got = student.call("count_parameters", lent, *([True] if biases else []))
                if not _judge_count(got.value, d, biases):
                    break
                same = repr(lent.fetch()) == repr(d)
                expect_true(same, "The list d was changed: others may still need it.", "in_place")


def _judge_count(got: Any, d: list[int], biases: bool) -> bool:
    weights = sum(d[i] * d[i + 1] for i in range(len(d) - 1))
    extra = sum(d[1:])
    right = weights + extra if biases else weights
    added = extra if biases else 0
    if not expect_added(got, [(d[i] + biases) * d[i + 1] for i in range(len(d) - 1)], "The number of parameters"):
        return False
    mistakes = {
        "missing_term:the weights of one of the layers": [
            right - d[-2] * d[-1], right - d[0] * d[1], right - d[-2] * d[-1] - d[-1], right - d[0] * d[1] - d[1]
        ],
        "wrong_argument:every two layers that are neighbours are connected, no others": [
            d[-1] * d[0] + right, sum(d) ** 2, np.prod(d),
        ],
        "wrong_argument:a layer is connected to the next one, not to itself": [
            sum(n * n for n in d) + added, sum(n * n for n in d[:-1]) + added, sum(n * n for n in d[1:]) + added
        ],
        "wrong_argument:the units are counted, where their connections count": [sum(d), sum(d[1:]), sum(d[:-1])],
        "wrong_argument:sizes are multiplied, not added": sum(d[i] + d[i + 1] for i in range(len(d) - 1)) + added,
        "factor": [2 * right, right / 2],
    }  # fmt: skip
    if biases:
        mistakes["missing_term:the biases, when they are asked for"] = weights
        mistakes["wrong_argument:the inputs have no biases"] = weights + sum(d)
        mistakes["wrong_argument:a bias belongs to each unit of the layer that it feeds"] = weights + sum(d[:-1])
        mistakes["wrong_argument:each unit has a bias of its own"] = [weights + n for n in (len(d) - 1, len(d), 1)]
    else:
        mistakes["wrong_argument:biases are counted only when they are asked for"] = [weights + extra, weights + sum(d)]
    return expect(got, right, name="the number of parameters", scalar_like=True, mistakes=mistakes)


@check(f"{SECTION}/merge_layers_check", points=3)
def merge_layers(student: Student, draw: Draw) -> None:
    """W = W_out W_in and b = W_out b_in + b_out; for square matrices, where all slips fit, and for a narrow layer."""
    n, k, m = draw.distinct_sizes(3)
    asked, right = [], []
    for n_, k_, m_ in ((k, k, k), (n, k, m)):
        W_in, b_in = draw.signed(k_, n_), draw.signed(k_)
        b_in[:2] = np.abs(b_in[:2]) * (1, -1)
        W_out, b_out = draw.signed(m_, k_), draw.signed(m_)
        inputs = {"W_in": W_in, "b_in": b_in, "W_out": W_out, "b_out": b_out}
        asked.append(Asked(student, "merge_layers", inputs))
        right.append((np.einsum("ij,jk->ik", W_out, W_in), np.einsum("ij,j->i", W_out, b_in) + b_out))
    twice = Twice(asked, right, _layer_pieces)
    for key, slips in (("W", _wrong_weights), ("b", _wrong_bias)):
        with part(key, points=1.5):
            for asked_once, (got, exact, _) in zip(twice.calls, twice.each(key), strict=True):
                if not expect(got, exact, name=key, mistakes=slips(asked_once.inputs)):
                    break
            for a in twice.calls if key == "b" else []:
                a.leaves_inputs()


def _layer_pieces(result: Any, right: tuple[Array, Array]) -> dict[str, tuple[Any, Any]]:
    return dict(zip("Wb", zip(two(result, "W", "b"), right, strict=True), strict=True))


def _wrong_weights(given: Mapping[str, Array]) -> dict[str, Any]:
    W_in, W_out = given["W_in"], given["W_out"]
    if W_in.shape != W_out.shape or W_in.shape[0] != W_in.shape[1]:
        return {}
    return {
        "swapped_arguments:W_in and W_out": np.einsum("ij,jk->ik", W_in, W_out),
        "wrong_argument:a product of matrices, not of their entries": W_out * W_in,
        "wrong_argument:the matrices are multiplied, not added": W_out + W_in,
        "missing_chain_factor:W_out": W_in,
        "missing_chain_factor:W_in": W_out,
        "wrong_argument:no transposes are needed": [W_out.T @ W_in, W_out @ W_in.T, W_in.T @ W_out, W_in @ W_out.T],
    }


def _wrong_bias(given: Mapping[str, Array]) -> dict[str, Any]:
    W_in, b_in, W_out, b_out = given.values()
    through = np.einsum("ij,j->i", W_out, b_in)
    found = {"missing_term:b_out": through, "missing_term:W_out b_in, what becomes of the first bias": b_out}
    if len(b_in) == len(b_out) == W_in.shape[1]:
        found |= {
            "missing_chain_factor:W_out, which the first bias passes through": b_in + b_out,
            "wrong_argument:W_in, where W_out belongs": [W_in @ b_in + b_out, W_in @ b_out + b_in],
            "wrong_argument:the first bias passes through W_out, the second through nothing": [
                W_out @ (b_in + b_out), W_out @ b_out + b_in, W_out @ b_out,
            ],
            "wrong_argument:W_out is not transposed": W_out.T @ b_in + b_out,
            "missing_term:W_out b_in and b_out are added": b_in,
        }  # fmt: skip
    return found
