"""Checks of 02-backprop-practice: many paths, a sum of sigmoid units, two layers, costs, counts, a narrow layer.

Exercises: CS189 discussion on back-propagation, questions 2a to 2f with its note on costs, 3b and 3c. The
networks themselves, with what is right for them and what slips give, are in small_networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autograder.judging import (
    Answer,
    Array,
    Call,
    Draw,
    FunctionRule,
    FunctionTrial,
    Remote,
    Slip,
    Student,
    StudentError,
    check,
    expect,
    expect_all_left_alone,
    expect_in,
    expect_true,
    fairly,
    inputs,
    one_at_a_time,
    part,
    refused,
    regions,
    source_of,
)
from backprop.checking.mistake_kinds import explain

from .common.own_graph import pairs
from .common.several_arrays import agrees, expect_added, expect_step, finite, shape, two, value_rule
from .common.small_networks import LinearStep, curves, draw_layers, draw_units, two_layers, unit_sum
from .shipped import functions_to_pass, unit_gradients

SECTION = "02-backprop-practice"
LEFT_OUT = {"float32": "the numbers of this section are float64, as numpy makes them"}
FUNCTIONS, UNIT_GRADIENTS = source_of(functions_to_pass), source_of(unit_gradients)
Cases = list[tuple[str, dict[str, Any]]]


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


def _path_slips(df_dx: Array, dx_dw: Array) -> dict[str, list[Slip]]:
    if len(df_dx) == 1:  # one path is its own sum
        return {}
    paths = (df_dx * dx_dw.T).T
    slips = [
        Slip("missing_term", [paths[0], paths[-1]], "the paths through the other x_i, only one of them is there"),
        Slip("missing_term", [paths[1:].sum(axis=0), paths[:-1].sum(axis=0)], "the path through one of the x_i"),
        Slip("averaged", paths.mean(axis=0)),
        Slip("upstream_ignored", dx_dw.sum(axis=0)),
        Slip("missing_chain_factor", np.broadcast_to(df_dx.sum(), paths.shape[1:]), "∂x_i/∂w"),
        Slip("upstream_summed", df_dx.sum() * dx_dw.sum(axis=0)),
        Slip("wrong_argument", paths.prod(axis=0), "the paths multiplied with each other, where they are added"),
        Slip(
            "wrong_argument", (df_dx + dx_dw.T).T.sum(axis=0), "a sum of two derivatives where a path multiplies them"
        ),
        Slip("order", (df_dx[::-1] * dx_dw.T).T.sum(axis=0)),
        Slip("shape", paths),
    ]
    if dx_dw.ndim == 2 and dx_dw.shape[0] == dx_dw.shape[1]:
        wrong_index = "the sum runs over the functions x_i, not over the variables w_k"
        slips.append(Slip("wrong_argument", dx_dw @ df_dx, wrong_index))
    return {"df/dw": slips}


TOTAL = FunctionRule(
    "total_derivative",
    right=lambda df_dx, dx_dw: {"df/dw": (df_dx * dx_dw.T).T.sum(axis=0)},
    slips=_path_slips,
    shaped=True,
)


@check(f"{SECTION}/total_derivative_check", points=3)
def total_derivative(student: Student, draw: Draw) -> None:
    """The sum over i of ∂f/∂x_i times ∂x_i/∂w: for one variable w, and for each of d of them."""
    n, d = draw.distinct_sizes(2)

    def of(*of_w: int, paths: int = n) -> Callable[..., dict[str, Array]]:
        return lambda array: {"df_dx": array(paths), "dx_dw": array(paths, *of_w)}

    one = inputs(draw, of(), of(paths=1), of(paths=100))
    for sign, (_, given) in zip((1, -1), one, strict=False):  # a negative sum as well, so that a lost sign shows
        given["dx_dw"] *= sign * np.sign(given["df_dx"] @ given["dx_dw"])
    # As many variables as paths first: there a product the wrong way round runs through, so that it can be named.
    several = inputs(draw, of(n), of(d), of(1), of(d, paths=1), of(40, paths=30))
    for title, points, cases in (("w is a number", 1, one), ("w is a vector", 2, several)):
        with part(title, points=points):
            trial = FunctionTrial(student, TOTAL, cases)
            if trial.expect("df/dw"):
                trial.expect_left_alone()


# -- 3 · a sum of units ---------------------------------------------------------------------------------------------


@check(f"{SECTION}/unit_sum_edges_check", points=2)
def unit_sum_edges(student: Student, draw: Draw) -> None:
    """Two units from x, their own w and b; they meet in s; r = y − s; f = r²."""
    wanted = {"h1": ["z1"], "h2": ["z2"], "s": ["h1", "h2"], "r": ["s", "y"], "f": ["r"]}
    wanted |= {f"z{i}": [f"w{i}", f"b{i}", "x"] for i in (1, 2)}
    parts = {"the two units": ["z1", "z2", "h1", "h2"], "from their sum to f": ["s", "r", "f"]}
    judge_arrows(student.get("unit_sum_edges").value, "unit_sum_edges", wanted, parts)


UNIT_SUM = value_rule("sigmoid_net_gradients", "f", unit_sum, floats=("b",))  # z may be added up in a copy of b


def _units(n: int, d: int) -> Callable[..., dict[str, Any]]:
    return lambda array: {"W": array(n, d), "b": array(n), "x": array(d), "y": float(array())}


def _inputs(title: str, n: int, d: int) -> int:
    """As many inputs as units where all numbers are the same: b and x may be one array there."""
    return n if title == "ones" else d


def _far(given: Mapping[str, Any]) -> Cases:
    """Units that are nearly 0 or nearly 1, and not quite."""
    b = np.linspace(5.0, 12.0, len(given["b"]))
    return [("large biases", {**given, "W": given["W"] / 4, "b": sign * b}) for sign in (1, -1)]


SATURATED = {"above 1e5": "each unit gives 0 or 1 there, to rounding"}


@check(f"{SECTION}/sigmoid_net_gradients_check", points=6, domain=SATURATED)
def sigmoid_net_gradients(student: Student, draw: Draw) -> None:
    """f = (y − Σ σ(w_i·x + b_i))², and both gradients in the shapes of their variables."""
    n, d = draw.distinct_sizes(2, low=3, high=7)
    # As many inputs as units first: there a product the wrong way round runs through, so that it can be named.
    cases: Cases = [("", draw_units(draw, *size)) for size in ((n, n), (n, n), (n, d), (1, d), (n, 1))]
    cases += [(title, _units(n, _inputs(title, n, d))(array)) for title, array in regions(draw, up_to=1.0)]
    large = draw_units(draw, n, d)
    cases.append(("a large x", {**large, "W": large["W"] / 500, "x": 500 * large["x"]}))
    cases.append(("a large y", {**large, "y": 300.0}))
    cases += _far(large)
    cases.append(("many units", _units(60, 40)(lambda *shape: draw.signed(*shape, low=0.1, high=0.3))))
    trial = FunctionTrial(student, UNIT_SUM, cases)
    with part("value", points=2):
        trial.expect("f")
        trial.expect_left_alone()
    for name in "Wb":
        with part(f"∂f/∂{name}", points=2):
            trial.expect(f"∂f/∂{name}")


# -- gradient steps -------------------------------------------------------------------------------------------------


@check(f"{SECTION}/sigmoid_net_step_check", points=3, reveals=True, domain=SATURATED)
def sigmoid_net_step(student: Student, draw: Draw) -> None:
    """W − epsilon ∂f/∂W and b − epsilon ∂f/∂b, as new arrays. A wrong sigmoid_net_gradients costs nothing here."""
    n, d = draw.distinct_sizes(2, low=3, high=7)
    cases: Cases = [("", {**draw_units(draw, n, d), "epsilon": draw.number(0.15, 0.4)}) for _ in range(2)]
    cases += [
        (title, {**_units(n, _inputs(title, n, d))(array), "epsilon": draw.number(0.15, 0.4)})
        for title, array in regions(draw, up_to=1.0)
    ]
    first = cases[0][1]
    cases += [(f"epsilon = {epsilon:g}", {**first, "epsilon": epsilon}) for epsilon in (1e-4, 1.0, 30.0)]
    cases += one_at_a_time(first, cases[1][1], keys="Wb")
    cases.append(("a large y", {**first, "y": 300.0}))
    cases += _far(first)
    cases.append(("one unit", {**draw_units(draw, 1, 1), "epsilon": 0.3}))
    cases.append(("as many inputs as units", {**draw_units(draw, n, n), "epsilon": 0.3}))
    cases.append(("many units", {**draw_units(draw, 40, 3), "epsilon": 0.3}))
    truths = [unit_sum(**{key: given[key] for key in ("W", "b", "x", "y")}) for _, given in cases]
    new = [
        {key: given[key] - given["epsilon"] * truth.gradients[key] for key in "Wb"}
        for (_, given), truth in zip(cases, truths, strict=True)
    ]

    def look() -> dict[str, Answer]:
        calls = Call.all_of(student, "sigmoid_net_step", [given for _, given in cases])
        return {str(n): Answer(call) for n, call in enumerate(calls)}

    def is_right(call: Call, n: int) -> bool:
        return refused(cases[n][0], call) or all(
            agrees(*both) for both in zip(two(call.value, "", ""), new[n].values(), strict=True)
        )

    right = {str(n): lambda call, n=n: is_right(call, n) for n in range(len(cases))}
    loaded = student.load(UNIT_GRADIENTS, "nested", "flat")
    forms = [lambda form=form: student.shadow(sigmoid_net_gradients=form) for form in loaded.values()]
    calls = [answer.value for answer in fairly(look, right, *forms).values()]
    # One after the other: the second gradient is taken where the first step has led already.
    moved = {"W": "b", "b": "W"}

    def slips(key: str, number: int) -> list[Slip]:
        found = truths[number].gradient_slips()[key]
        if number == 0:
            too_late = _moved_gradient(first, new[0], moved[key], key)
            found.append(Slip("wrong_argument", too_late, TOO_LATE.format(moved[key])))
        return found

    for index, key in enumerate("Wb"):
        with part(f"new_{key}", points=1):
            for number, ((title, given), call, truth, exact) in enumerate(zip(cases, calls, truths, new, strict=True)):
                if (title and index and call.answer.error) or refused(title, call):
                    continue  # an error there has been paid for with the first array
                got = two(call.value, "new_W", "new_b")[index]
                if shape(got) == given["b" if key == "W" else "W"].shape != given[key].shape:
                    text = f"new_{key} has the shape of the other: are the two exchanged?"
                    good = expect_true(False, text, "swapped_arguments")
                elif title:
                    good = expect_in(title, got, exact[key], name=f"new_{key}")
                else:
                    good = expect_step(
                        got, given[key], truth.gradients[key], given["epsilon"], key, partial(slips, key, number)
                    )
                if not good:
                    break
    with part("the old arrays are left alone", points=1):
        _expect_moved(two(calls[0].value, "new_W", "new_b"), (first["W"], first["b"]))
        expect_all_left_alone(calls, NEW_ARRAY, new=True)


NEW_ARRAY = "{name} was changed in place: {name} = {name} − … makes a new array, {name} −= … does not."
TOO_LATE = "the new {0}, where the gradient at the old {0} is needed"


def _moved_gradient(given: Mapping[str, Any], new: Mapping[str, Array], moved: str, key: str) -> Array:
    there = {**given, moved: new[moved]}
    return unit_sum(**{name: there[name] for name in ("W", "b", "x", "y")}).gradients[key]


def _expect_moved(new: Sequence[Any], old: Sequence[Array]) -> None:
    """Who takes no step leaves the old arrays alone as well: that earns nothing."""
    shapes = {shape(array) for array in new} == {array.shape for array in old}
    moved = shapes and all(np.any(finite(array)) for array in new)
    moved = moved and any(not agrees(*both) for both in zip(new, old, strict=True))
    text = "No step was taken: two arrays of the old shapes, with new numbers in them, should come back."
    expect_true(moved, text, "zero")


# -- 4 · two layers -------------------------------------------------------------------------------------------------


def _jacobian_slips(jacobian: Array, upstream: Array) -> dict[str, list[Slip]]:
    J, u = jacobian, upstream
    if 1 in J.shape:  # with one output the sum is its only term
        return {}
    slips = [
        Slip("upstream_ignored", J.sum(axis=0)),
        Slip("upstream_summed", u.sum() * J.sum(axis=0)),
        Slip("averaged", u @ J / len(u)),
        Slip("missing_chain_factor", u, "J, the Jacobian"),
        Slip("wrong_argument", np.einsum("ki,k->k", J, u), "the sum runs over the outputs k, not over the inputs"),
        Slip("wrong_argument", [J * u[:, None], J.T * u], "one contribution for each output, before they are added up"),
    ]
    if J.shape[0] == J.shape[1]:
        slips += [
            Slip("transposed", np.einsum("ki,i->k", J, u)),
            Slip("missing_term", np.diag(J) * u, "the paths from a_i to the other h_k, only the diagonal is used"),
        ]
        inverse = "the inverse, where the Jacobian itself belongs"
        slips.append(Slip("wrong_argument", [np.linalg.solve(J, u), np.linalg.solve(J.T, u)], inverse))
    return {"∂ℓ/∂a": slips}


BACK = FunctionRule(
    "back_through",
    right=lambda jacobian, upstream: {"∂ℓ/∂a": np.einsum("k,ki->i", upstream, jacobian)},
    slips=_jacobian_slips,
)


@check(f"{SECTION}/back_through_check", points=3)
def back_through(student: Student, draw: Draw) -> None:
    """∂ℓ/∂a_i = Σ_k u_k ∂h_k/∂a_i, for a square Jacobian and for one with more rows or columns."""
    q, m = draw.distinct_sizes(2)

    def of(rows: int, columns: int) -> Callable[..., dict[str, Array]]:
        return lambda array: {"jacobian": array(rows, columns), "upstream": array(rows)}

    square = inputs(draw, of(m, m))
    oblong = [("", of(*size)(draw.both_signs)) for size in ((q, m), (m, q), (1, m), (q, 1), (1, 1), (40, 30))]
    for title, points, cases in (("as many outputs as inputs", 1, square), ("another number of outputs", 2, oblong)):
        with part(title, points=points):
            trial = FunctionTrial(student, BACK, cases)
            if trial.expect("∂ℓ/∂a"):
                trial.expect_left_alone()


def _bent(draw: Draw, *sizes: int) -> dict[str, Array]:
    """Inputs for which W1 x + b has entries of both signs, so that a ReLU where none belongs shows."""
    while True:
        given = draw_layers(draw, *sizes)
        h = given["W1"] @ given["x"] + given["b"]
        if len(h) == 1 or (h.min() < -0.1 and h.max() > 0.1):
            return given


def _layers(d: int, m: int, p: int) -> Callable[..., dict[str, Any]]:
    return lambda array: {"W1": array(m, d), "W2": array(p, m), "b": array(m), "x": array(d), "y": array(p)}


def _layer_cases(draw: Draw, **region: Any) -> Iterator[tuple[str, dict[str, Array]]]:
    """Two with all sizes equal, where every slip runs through and can be named; others; and each region."""
    equal, (d, m, p) = draw.integer(3, 6), draw.distinct_sizes(3, low=2, high=7)
    for sizes in ((equal,) * 3, (equal,) * 3, (d, m, p), (d, m, 1), (1, m, p), (1, 1, 1)):
        yield "", _bent(draw, *sizes)
    for title, array in regions(draw, **region):
        yield title, _layers(*((equal,) * 3 if title == "ones" else (d, m, p)))(array)
    yield "one hidden unit", _bent(draw, d, 1, p)
    yield "many units", _bent(draw, 30, 40, 35)


@check(
    f"{SECTION}/two_layer_gradients_check",
    points=8,
    reveals=True,
    domain={"above 1e5": "the activations that are passed keep too few digits there"},
)
def two_layer_gradients(student: Student, draw: Draw) -> None:
    """½ ‖W2 φ(W1 x + b) − y‖² and four gradients in the shapes of their variables, for two different φ."""
    c = draw.number(0.6, 0.8)
    passed = {}
    loaded = student.load(FUNCTIONS, "phi_1", "phi_2", "identity", "falling")
    with student.chain():
        for known, (name, made) in zip(curves(c), loaded.items(), strict=True):
            pair = made(c)
            passed[name] = known, {"phi": pair.item(0), "phi_prime": pair.item(1)}

    def of_inputs(given: dict[str, Any]) -> dict[str, Any]:
        phi, slope = next(known for known, functions in passed.values() if functions["phi"] is given["phi"])
        return {**given, "phi": phi, "slope": slope, "phi_prime": None}

    def truth(phi_prime: Any, **given: Any) -> Any:
        return two_layers(**given)

    cases = [
        (title, {**given, **passed["phi_2" if number in (1, 2) else "phi_1"][1]})
        for number, (title, given) in enumerate(_layer_cases(draw, up_to=60))
    ]
    title = "a phi that hands back the array it is given"
    cases.append((title, {**cases[0][1], **passed["identity"][1]}))
    cases.append(("a phi with slopes of 0 and below", {**cases[0][1], **passed["falling"][1]}))
    cases.append(
        (
            "numbers of about 1000",
            {**_layers(3, 4, 2)(lambda *shape: draw.both_signs(*shape, low=300, high=1000)), **passed["phi_1"][1]},
        )
    )
    trial = FunctionTrial(student, value_rule("two_layer_gradients", "ℓ", truth, of_inputs), cases)
    with part("value", points=1):
        trial.expect("ℓ")
        trial.expect_left_alone()
    for name, points in {"W2": 2, "b": 2, "W1": 2, "x": 1}.items():
        with part(f"∂ℓ/∂{name}", points=points):
            trial.expect(f"∂ℓ/∂{name}")


@check(f"{SECTION}/linear_net_step_check", points=4)
def linear_net_step(student: Student, draw: Draw) -> None:
    """One step for both matrices of ½ ‖W2 (W1 x + b) − y‖², both gradients at the old weights, in new arrays."""
    cases: Cases = [(title, {**given, "epsilon": draw.number(0.15, 0.4)}) for title, given in _layer_cases(draw)]
    first = cases[0][1]
    cases += [(f"epsilon = {epsilon:g}", {**first, "epsilon": epsilon}) for epsilon in (1e-4, 1.0, 30.0)]
    # The weights stay floating-point numbers: a copy of them may be moved entry by entry.
    cases += one_at_a_time(first, cases[1][1], floats=("W1", "W2"), keys=("W1", "W2"))
    truths = [LinearStep(**given) for _, given in cases]
    calls = Call.all_of(student, "linear_net_step", [given for _, given in cases])
    count = len(calls)
    for n in range(1, count):  # one that stops after something was wrong has been paid for there
        if refused(cases[n][0], calls[n]):
            continue
        if calls[n].answer.error and not all(_step_is_right(*both) for both in zip(calls[:n], truths, strict=False)):
            count = n
            break
    for index, key in enumerate(("W1", "W2")):
        with part(f"new_{key}", points=1.5):
            for (title, _), call, truth in zip(cases[:count], calls, truths, strict=False):
                if (title and index and call.answer.error) or refused(title, call):
                    continue
                got = two(call.value, "new_W1", "new_W2")[index]
                if not (expect_in(title, got, truth.new[key], name=f"new_{key}") if title
                        else _expect_new(got, key, truth)):  # fmt: skip
                    break
    with part("the old arrays are left alone", points=1):
        _expect_moved(two(calls[0].value, "new_W1", "new_W2"), (first["W1"], first["W2"]))
        expect_all_left_alone(calls, NEW_ARRAY, new=True)


def _step_is_right(call: Call, truth: LinearStep) -> bool:
    def all_agree(returned: Any) -> bool:
        return all(agrees(*both) for both in zip(two(returned, "", ""), truth.new.values(), strict=True))

    return call.answer.holds(all_agree)


def _expect_new(got: Any, key: str, truth: LinearStep) -> bool:
    other = "W2" if key == "W1" else "W1"
    if agrees(got, truth.new[other]) or shape(got) == truth.old[other].shape != truth.old[key].shape:
        text = f"new_{other} is where new_{key} belongs: are the two exchanged?"
        return expect_true(False, text, "swapped_arguments")
    return expect_step(got, truth.old[key], truth.gradients[key], truth.epsilon, key, lambda: truth.slips()[key])


# -- 5 · costs ------------------------------------------------------------------------------------------------------


LOST = dict.fromkeys(["above 100", "above 1e5"], "the difference of two large values keeps too few digits")


@check(f"{SECTION}/forward_difference_check", points=3, reveals=True, domain=LOST)
def forward_difference(student: Student, draw: Draw) -> None:
    """(f(W with one entry + h) − f(W)) / h for each entry.

    On a quadratic function it can be worked out exactly, so h may be large enough to be seen.
    """
    rows, columns, length = draw.distinct_sizes(3)
    matrices = [("", draw.signed), ("", draw.signed), *regions(draw, up_to=60)]
    asked = [(title, array(rows, columns)) for title, array in matrices]
    shapes = ((length,), (), (1, 2, 3), (1,), (40,), (1, 4), (4, 1), (3, 3))
    asked += [("", draw.signed(*size)) for size in shapes]
    bowls = [_Bowl(*(draw.signed(*W.shape) for _ in range(3))) for _, W in asked]
    made = student.load(FUNCTIONS, "bowl")["bowl"]
    with student.chain():
        lent = [made(bowl.A, bowl.B, bowl.C) for bowl in bowls]
    given = [{"f": f, "W": W, "h": draw.number(0.02, 0.05)} for f, (_, W) in zip(lent, asked, strict=True)]
    calls = Call.all_of(student, "forward_difference", given)
    cases = [(title, *rest) for (title, _), *rest in zip(asked, calls, bowls, strict=True)]
    with part("a matrix", points=1):
        all(_judge_difference(*case) for case in cases[: len(matrices)])
    with part("another shape", points=1):
        if all(_judge_difference(*case) for case in cases[len(matrices) :]):
            few = len(matrices) + shapes.index((1, 2, 3))
            _judge_again(student, lent[few], bowls[few], -asked[few][1], 2 * asked[few][1])
    with part("W is as it was", points=1):
        first = calls[0]
        if first.value is None or first.value is Ellipsis:
            raise StudentError(f"The function returned {first.value}: is it finished?", "none")
        idle = shape(first.value) != first.inputs["W"].shape or agrees(first.value, first.inputs["W"])
        idle = idle or not np.any(finite(first.value))
        expect_true(not idle, "No gradient came back, so there was no need to move W.", "shape")
        expect_all_left_alone(calls, PUT_BACK)


PUT_BACK = "{name} is another afterwards: put each entry back after moving it, or move a copy."


@dataclass(frozen=True)
class _Bowl:
    """A quadratic function of an array, with random coefficients of its shape."""

    A: Array
    B: Array
    C: Array

    def __call__(self, W: Array) -> float:
        return float(np.sum(self.A * W**2) + np.sum(self.B * W) + np.sum(self.C * W) ** 2)


def _moved(f: Callable[[Array], float], W: Array, step: float, keep: bool = False) -> Array:
    """f(W with an entry moved) − f(W) for every entry; with keep, entries moved before stay moved."""
    change, at = np.zeros(W.shape), W.copy()
    for index in np.ndindex(W.shape):
        at[index] += step
        change[index] = f(at) - f(W)
        at = at if keep else W.copy()
    return change


def _judge_again(student: Student, lent: Remote, f: Callable[[Array], float], *others: Array) -> None:
    """The very same function at another W, then the very same array with other numbers in it."""
    h = 0.03
    with student.chain():
        there = student.put(others[0])
        found = [student.call("forward_difference", lent, there, h)]
        there.method("put", list(range(others[1].size)), others[1].ravel())
        found.append(student.call("forward_difference", lent, there, h))
    for got, W in zip(found, others, strict=True):
        fresh = agrees(got.value, _moved(f, W, h) / h)
        expect_true(fresh, explain("shared_state", "The gradient").text, "shared_state")


def _judge_difference(title: str, call: Call, f: Callable[[Array], float]) -> bool:
    W, h = call.inputs["W"], call.inputs["h"]
    moved = partial(_moved, f, W)
    forward, backward = moved(h) / h, moved(-h) / -h
    central = (forward + backward) / 2
    together = "one entry at a time is moved, not all together"
    typed = "the h that was passed, not a number of your own"

    def mistakes() -> list[Slip]:
        return [
            Slip("sign", [-backward, -forward]),
            Slip("wrong_argument", central, "the central difference, where the forward difference is asked for"),
            Slip("wrong_argument", backward, "the difference with W − h, where the one with W + h is asked for"),
            Slip("in_place", moved(h, keep=True) / h, "each entry has to be put back before the next is moved"),
            Slip("wrong_argument", np.full(W.shape, (f(W + h) - f(W)) / h), together),
            Slip(
                "wrong_argument",
                [central + (forward - central) * own / h for own in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)],
                typed,
            ),
            Slip("missing_chain_factor", [moved(h), -moved(-h)], "1/h"),
            Slip("missing_term", (moved(h) + f(W)) / h, "f(W), which is to be subtracted"),
            Slip("factor", [forward / 2, 2 * central]),
        ]

    if title:
        return expect_in(title, call.value, forward, name="the gradient", atol=1e-8)
    return expect(call.value, forward, name="the gradient", mistakes=mistakes, atol=1e-8, scalar_like=W.ndim == 0)


# -- 7 · counting ---------------------------------------------------------------------------------------------------


@check(f"{SECTION}/count_parameters_check", points=3)
def count_parameters(student: Student, draw: Draw) -> None:
    """Σ d_i d_(i+1), and with a bias for every unit that is not an input."""
    networks = [draw.rng.permutation(np.arange(11, 60))[:layers].tolist() for layers in (4, 2, draw.integer(3, 7))]
    networks += [[8, 10, 10, 3], [1, 1], [5, 1, 7], [3072, 100, 10], [6, 6, 6, 6], [4, 9, 4, 9]]
    networks.append([50_000, 90_000, 3])  # 32 bits do not hold its count
    # With biases in between: who remembers them counts them in what is asked after.
    asked = [*({"d": d} for d in networks), *({"d": d, "biases": True} for d in networks)]
    asked += [{"d": networks[0]}, {"d": networks[1], "biases": False}]
    calls = Call.all_of(student, "count_parameters", asked)
    for title, biases, points in (("weights", False, 2), ("weights and biases", True, 1)):
        with part(title, points=points):
            for call in calls:
                if call.inputs.get("biases", False) != biases or _has_no_room(call):
                    continue
                if not _judge_count(call.value, call.inputs["d"], biases):
                    break
                expect_true(not call.changed, "The list d was changed: others may still need it.", "in_place")


def _has_no_room(call: Call) -> bool:
    """Whether the arrays of a large network were built, or its weights counted one by one: too much, and not wrong."""
    error = call.answer.error
    return (
        max(call.inputs["d"]) > 10_000
        and error is not None
        and (error.kind == "MemoryError" or error.mistake.family == "time")
    )


def _judge_count(got: Any, d: list[int], biases: bool) -> bool:
    weights = sum(d[i] * d[i + 1] for i in range(len(d) - 1))
    extra = sum(d[1:])
    right = weights + extra if biases else weights
    added = extra if biases else 0
    if not expect_added(got, [(d[i] + biases) * d[i + 1] for i in range(len(d) - 1)], "The number of parameters"):
        return False
    mistakes = [
        Slip(
            "missing_term",
            [right - d[-2] * d[-1], right - d[0] * d[1], right - d[-2] * d[-1] - d[-1], right - d[0] * d[1] - d[1]],
            "the weights of one of the layers",
        ),
        Slip(
            "wrong_argument",
            [d[-1] * d[0] + right, sum(d) ** 2, np.prod(d)],
            "every two layers that are neighbours are connected, no others",
        ),
        Slip(
            "wrong_argument",
            [sum(n * n for n in d) + added, sum(n * n for n in d[:-1]) + added, sum(n * n for n in d[1:]) + added],
            "a layer is connected to the next one, not to itself",
        ),
        Slip(
            "wrong_argument", [sum(d), sum(d[1:]), sum(d[:-1])], "the units are counted, where their connections count"
        ),
        Slip(
            "wrong_argument", sum(d[i] + d[i + 1] for i in range(len(d) - 1)) + added, "sizes are multiplied, not added"
        ),
        Slip("factor", [2 * right, right / 2]),
    ]
    if biases:
        mistakes += [
            Slip("missing_term", weights, "the biases, when they are asked for"),
            Slip("wrong_argument", weights + sum(d), "the inputs have no biases"),
            Slip("wrong_argument", weights + sum(d[:-1]), "a bias belongs to each unit of the layer that it feeds"),
            Slip("wrong_argument", [weights + n for n in (len(d) - 1, len(d), 1)], "each unit has a bias of its own"),
        ]
    else:
        mistakes.append(
            Slip(
                "wrong_argument", [weights + extra, weights + sum(d)], "biases are counted only when they are asked for"
            )
        )
    return expect(got, right, name="the number of parameters", scalar_like=True, mistakes=mistakes, rtol=1e-12)


MERGED = FunctionRule(
    "merge_layers",
    right=lambda W_in, b_in, W_out, b_out: {"W": W_out @ W_in, "b": np.einsum("ij,j->i", W_out, b_in) + b_out},
    slips=lambda **given: {"W": _wrong_weights(given), "b": _wrong_bias(given)},
)


@check(f"{SECTION}/merge_layers_check", points=3)
def merge_layers(student: Student, draw: Draw) -> None:
    """W = W_out W_in and b = W_out b_in + b_out; for square matrices, where all slips fit, and for a narrow layer."""
    n, k, m = draw.distinct_sizes(3)

    def of(n: int, k: int, m: int) -> Callable[..., dict[str, Array]]:
        return lambda array: {"W_in": array(k, n), "b_in": array(k), "W_out": array(m, k), "b_out": array(m)}

    trial = FunctionTrial(
        student,
        MERGED,
        inputs(draw, of(k, k, k), of(n, k, m), of(n, 1, m), of(1, k, 1), of(n, 1, 1), of(1, 1, 1), of(30, 40, 35)),
    )
    with part("W", points=1.5):
        trial.expect("W")
    with part("b", points=1.5):
        if trial.expect("b"):
            trial.expect_left_alone()


def _wrong_weights(given: Mapping[str, Array]) -> list[Slip]:
    W_in, W_out = given["W_in"], given["W_out"]
    if W_in.shape != W_out.shape or W_in.shape[0] != W_in.shape[1]:
        return []
    return [
        Slip("swapped_arguments", np.einsum("ij,jk->ik", W_in, W_out), "W_in and W_out"),
        Slip("wrong_argument", W_out * W_in, "a product of matrices, not of their entries"),
        Slip("wrong_argument", W_out + W_in, "the matrices are multiplied, not added"),
        Slip("missing_chain_factor", W_in, "W_out"),
        Slip("missing_chain_factor", W_out, "W_in"),
        Slip(
            "wrong_argument",
            [W_out.T @ W_in, W_out @ W_in.T, W_in.T @ W_out, W_in @ W_out.T],
            "no transposes are needed",
        ),
    ]


def _wrong_bias(given: Mapping[str, Array]) -> list[Slip]:
    W_in, b_in, W_out, b_out = given.values()
    through = np.einsum("ij,j->i", W_out, b_in)
    found = [
        Slip("missing_term", through, "b_out"),
        Slip("missing_term", b_out, "W_out b_in, what becomes of the first bias"),
    ]
    if len(b_in) == len(b_out) == W_in.shape[1]:
        found += [
            Slip("missing_chain_factor", b_in + b_out, "W_out, which the first bias passes through"),
            Slip("wrong_argument", [W_in @ b_in + b_out, W_in @ b_out + b_in], "W_in, where W_out belongs"),
            Slip(
                "wrong_argument",
                [W_out @ (b_in + b_out), W_out @ b_out + b_in, W_out @ b_out],
                "the first bias passes through W_out, the second through nothing",
            ),
            Slip("wrong_argument", W_out.T @ b_in + b_out, "W_out is not transposed"),
            Slip("missing_term", b_in, "W_out b_in and b_out are added"),
        ]
    return found
