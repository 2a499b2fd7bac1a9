"""Checks of 02-backprop-practice: many paths, a sum of sigmoid units, two layers, costs, counts, a narrow layer.

Exercises: CS189 discussion on back-propagation, questions 2a to 2f with its note on costs, 3b and 3c. The right answers
are written here unit by unit or with indices (einsum), not as the matrix products that the exercises lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..judging import Array, Draw, Remote, Student, StudentError, StudentGone, check, expect, expect_true, part, values
from .own_graph import pairs

SECTION = "02-backprop-practice"


# -- asking ---------------------------------------------------------------------------------------------------------


class Asked:
    """One call of a student's function. What it raised is raised again in each part that needs the result."""

    def __init__(self, student: Student, name: str, inputs: Mapping[str, Any]):
        self.inputs = dict(inputs)
        arrays = {key: value for key, value in self.inputs.items() if isinstance(value, np.ndarray)}
        self._error: StudentError | None = None
        self._result: Remote | None = None
        self._lent: dict[str, Remote] = {}
        try:
            self._lent = {key: student.put(value) for key, value in arrays.items()}
            self._result = student.call(name, *(self._lent.get(key, value) for key, value in self.inputs.items()))
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
        for name, lent in self._lent.items():
            after = lent.fetch()
            same = isinstance(after, np.ndarray) and np.array_equal(after, self.inputs[name])
            expect_true(same, text.format(name=name), "in_place")


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
    mine, exact = _numbers(got), np.asarray(exact, dtype=float)
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


def expect_added(got: Any, terms: Any, name: str) -> bool:
    """Note in the open part that the terms have to be added up, when they came back one by one."""
    mine, terms = _numbers(got), np.asarray(terms, dtype=float)
    apart = mine is not None and mine.shape == terms.shape and np.allclose(mine, terms, rtol=1e-5)
    return expect_true(not apart, f"{name} has shape {terms.shape}: its terms still have to be added up.", "shape")


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
    df_dx, alone, jacobian = draw.signed(n), draw.signed(n), draw.signed(n, d)
    alone *= -np.sign(df_dx @ alone)  # a negative sum, so that a lost sign shows
    for title, dx_dw, points in (("w is a number", alone, 1), ("w is a vector", jacobian, 2)):
        asked = Asked(student, "total_derivative", {"df_dx": df_dx, "dx_dw": dx_dw})
        with part(title, points=points):
            paths = (df_dx * dx_dw.T).T
            mistakes = {
                "missing_term:the paths through the other x_i, only one of them is there": [paths[0], paths[-1]],
                "averaged": paths.mean(axis=0),
                "upstream_ignored": dx_dw.sum(axis=0),
                "missing_chain_factor:∂x_i/∂w": np.broadcast_to(df_dx.sum(), paths.shape[1:]),
                "upstream_summed": df_dx.sum() * dx_dw.sum(axis=0),
                "wrong_argument:the paths multiplied with each other, where they are added": paths.prod(axis=0),
                "wrong_argument:a sum of two derivatives where a path multiplies them": (df_dx + dx_dw.T).T.sum(axis=0),
                "order": (df_dx[::-1] * dx_dw.T).T.sum(axis=0),
            }
            if expect_added(asked.result, paths, "df/dw"):
                expect(asked.result, paths.sum(axis=0), name="df/dw", mistakes=mistakes, scalar_like=dx_dw.ndim == 1)
            asked.leaves_inputs()


# -- 3 · a sum of units ---------------------------------------------------------------------------------------------


@check(f"{SECTION}/unit_sum_edges_check", points=2)
def unit_sum_edges(student: Student, draw: Draw) -> None:
    """Two units from x, their own w and b; they meet in s; r = y − s; f = r²."""
    wanted = {"h1": ["z1"], "h2": ["z2"], "s": ["h1", "h2"], "r": ["s", "y"], "f": ["r"]}
    wanted |= {f"z{i}": [f"w{i}", f"b{i}", "x"] for i in (1, 2)}
    parts = {"the two units": ["z1", "z2", "h1", "h2"], "from their sum to f": ["s", "r", "f"]}
    judge_arrows(student.get("unit_sum_edges").value, "unit_sum_edges", wanted, parts)


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def unit_sum(W: Array, b: Array, x: Array, y: float) -> Truth:
    """(y − Σ σ(w_i·x + b_i))² and its gradients, from ∂f/∂w_ik = 2 (s − y) σ_i (1 − σ_i) x_k."""
    z = np.einsum("ik,k->i", W, x) + b
    h = sigmoid(z)
    s, n = h.sum(), len(b)
    error = 2 * (s - y)
    dz = error * h * (1 - h)

    def gradients(dz: Array) -> dict[str, Array]:
        return {"W": dz[:, None] * x[None, :], "b": dz}

    unbiased, tanh = sigmoid(z - b), np.tanh(z)
    slips = {
        "missing_chain_factor:1 − σ(z)": error * h,
        "missing_chain_factor:σ(z)": error * (1 - h),
        "missing_chain_factor:σ'(z), the slope of the sigmoid": np.full(n, error),
        "missing_chain_factor:∂f/∂s, what the square and the difference contribute": h * (1 - h),
        "wrong_argument:the slope is σ(z) (1 − σ(z)), with σ(z) and not with z in it": error * z * (1 - z),
        "wrong_argument:the slope is taken at h, it belongs at z": error * sigmoid(h) * (1 - sigmoid(h)),
        "wrong_argument:the slope of another function, it should be that of the sigmoid": [
            error * (1 - h**2), error * (1 - tanh**2)
        ],
        "wrong_argument:the error of one unit, where that of the sum of all units belongs": 2 * (h - y) * h * (1 - h),
        "wrong_argument:y without the sum": [-2 * y * h * (1 - h), 2 * y * h * (1 - h)],
        "wrong_argument:the slope at the sum, each unit has its own": np.full(n, error * s * (1 - s)),
        "wrong_argument:the square of the error, where its derivative belongs": [
            (s - y) ** 2 * h * (1 - h), 2 * (s - y) ** 2 * h * (1 - h)
        ],
        "averaged": dz / n,
        "missing_term:the bias in z": 2 * (unbiased.sum() - y) * unbiased * (1 - unbiased),
        "missing_activation:the sigmoid": np.full(n, 2 * (z.sum() - y)),
    }  # fmt: skip
    gradient_slips = {key: {slip: [gradients(v)[key] for v in _each(dz)] for slip, dz in slips.items()} for key in "Wb"}
    gradient_slips["W"]["missing_chain_factor:x"] = np.tile(dz[:, None], (1, len(x)))
    gradient_slips["W"]["wrong_argument:W, where x belongs"] = dz[:, None] * W
    gradient_slips["b"]["wrong_argument:b is added to z, its factor is 1"] = [dz * b, dz * np.sum(x)]
    value_slips = {
        "wrong_loss:the difference itself, not its square": [y - s, s - y, abs(y - s)],
        "wrong_loss:a square for each unit, where the units are added first": [np.sum((y - h) ** 2)],
        "averaged": [(y - h.mean()) ** 2, np.mean((y - h) ** 2)],
        "missing_term:the bias in z": (y - unbiased.sum()) ** 2,
        "missing_activation:the sigmoid": (y - z.sum()) ** 2,
        "wrong_argument:φ is the sigmoid here": [(y - tanh.sum()) ** 2, (y - np.maximum(z, 0).sum()) ** 2],
        "wrong_argument:the difference y − s, not the sum": (y + s) ** 2,
        "missing_term:y": s**2,
    }
    return Truth((s - y) ** 2, gradients(dz), value_slips, gradient_slips)


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def draw_units(draw: Draw, equal: bool = False) -> dict[str, Any]:
    n, d = draw.distinct_sizes(2, low=3, high=7)
    d = n if equal else d
    W, b, x = draw.signed(n, d, high=1.2) / np.sqrt(d), draw.signed(n, low=0.3, high=0.9), draw.signed(d, high=1.5)
    y = float(sigmoid(np.einsum("ik,k->i", W, x) + b).sum()) + draw.number(0.8, 1.3) * draw.rng.choice([-1.0, 1.0])
    return {"W": W, "b": b, "x": x, "y": y}


@check(f"{SECTION}/sigmoid_net_gradients_check", points=6)
def sigmoid_net_gradients(student: Student, draw: Draw) -> None:
    """f = (y − Σ σ(w_i·x + b_i))², and both gradients in the shapes of their variables; for two sets of inputs."""
    asked = [Asked(student, "sigmoid_net_gradients", draw_units(draw, equal)) for equal in (True, False)]
    twice = Twice(asked, [unit_sum(**a.inputs) for a in asked], gradient_pieces)
    with part("value", points=2):
        expect_value(twice, "f")
    for name in "Wb":
        with part(f"∂f/∂{name}", points=2):
            expect_gradient(twice, name, "f")


# -- gradient steps -------------------------------------------------------------------------------------------------


def expect_step(got: Any, old: Array, gradient: Array, epsilon: float, name: str, mistakes: Mapping[str, Any]) -> bool:
    """Compare old − epsilon · gradient with what came back, by way of the gradient that the step amounts to.

    mistakes : family -> wrong gradient
    """
    new = got.value if isinstance(got, Remote) else got
    taken = _numbers(new)
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


def _numbers(value: Any) -> Array | None:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None
    return array if np.isfinite(array).all() and value is not None else None


def two(result: Any, first: str, second: str) -> Sequence[Any]:
    """The two arrays a step returns."""
    if result is None or result is Ellipsis:
        raise StudentError(f"The function returned {result}: expected {first}, {second}.", "none")
    found = values(result)
    if len(found) != 2:
        raise StudentError(f"{len(found)} things came back: expected two, {first} and {second}.", "missing")
    return found


UNIT_GRADIENTS = '''
import numpy as np

def nested(W, b, x, y):
    h = 1 / (1 + np.exp(-(W @ x + b)))
    dz = 2 * (h.sum() - y) * h * (1 - h)
    return (h.sum() - y) ** 2, (np.outer(dz, x), dz)

def flat(W, b, x, y):
    value, gradients = nested(W, b, x, y)
    return (value, *gradients)
'''


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

    for index, (key, old) in enumerate({"W": inputs["W"], "b": inputs["b"]}.items()):
        with part(f"new_{key}", points=1):
            got = two(asked.result, "new_W", "new_b")[index]
            other = "b" if key == "W" else "W"
            if np.shape(got) == inputs[other].shape:
                text = f"new_{key} has the shape of {other}: are the two exchanged?"
                expect_true(False, text, "swapped_arguments")
            else:
                expect_step(got, old, truth.gradients[key], epsilon, key, truth.gradient_slips[key])
    with part("the old arrays are left alone", points=1):
        two(asked.result, "new_W", "new_b")
        asked.leaves_inputs("{name} was changed in place: {name} = {name} − … makes a new array, {name} −= … does not.")


def _is_right(asked: Asked, right: Sequence[Array]) -> bool:
    try:
        found = two(asked.result, "", "")
    except StudentGone:
        raise
    except StudentError:
        return False
    return all(
        (got := _numbers(new)) is not None and got.shape == exact.shape and np.allclose(got, exact, 1e-5, 1e-6)
        for new, exact in zip(found, right, strict=True)
    )


# -- 4 · two layers -------------------------------------------------------------------------------------------------


@check(f"{SECTION}/back_through_check", points=3)
def back_through(student: Student, draw: Draw) -> None:
    """∂ℓ/∂a_i = Σ_k u_k ∂h_k/∂a_i, for a square Jacobian and for one with more rows or columns."""
    q, m = draw.distinct_sizes(2)
    for title, shape, points in (("as many outputs as inputs", (m, m), 1), ("another number of outputs", (q, m), 2)):
        J, u = draw.signed(*shape), draw.signed(shape[0])
        asked = Asked(student, "back_through", {"jacobian": J, "upstream": u})
        with part(title, points=points):
            mistakes = {
                "upstream_ignored": J.sum(axis=0),
                "upstream_summed": u.sum() * J.sum(axis=0),
                "averaged": np.einsum("k,ki->i", u, J) / shape[0],
                "missing_chain_factor:the Jacobian": u,
            }
            wrong_index = "the sum runs over the outputs k, not over the inputs"
            mistakes[f"wrong_argument:{wrong_index}"] = np.einsum("ki,k->k", J, u)
            if shape == (m, m):
                mistakes["transposed"] = np.einsum("ki,i->k", J, u)
                paths = "the paths from a_i to the other h_k, only the diagonal is used"
                mistakes[f"missing_term:{paths}"] = np.diag(J) * u
                inverse = "the inverse, where the Jacobian itself belongs"
                mistakes[f"wrong_argument:{inverse}"] = [np.linalg.solve(J, u), np.linalg.solve(J.T, u)]
            expect(asked.result, np.einsum("k,ki->i", u, J), name="∂ℓ/∂a", mistakes=mistakes)
            asked.leaves_inputs()


# Two functions with their derivatives. Neither is tanh or relu, and no derivative can be written with the value alone.
CURVES = '''
import numpy as np

def phi_1(a):
    return {c} * np.sin(a) + 0.4 * a

def phi_1_prime(a):
    return {c} * np.cos(a) + 0.4

def phi_2(a):
    return np.arctan(a) + {c} * a * a

def phi_2_prime(a):
    return 1 / (1 + a * a) + 2 * {c} * a
'''


def curves(c: float) -> list[tuple[Callable[[Array], Array], Callable[[Array], Array]]]:
    return [
        (lambda a: c * np.sin(a) + 0.4 * a, lambda a: c * np.cos(a) + 0.4),
        (lambda a: np.arctan(a) + c * a * a, lambda a: 1 / (1 + a * a) + 2 * c * a),
    ]


def two_layers(W1: Array, W2: Array, b: Array, x: Array, y: Array, phi: Callable, slope: Callable) -> Truth:
    """½ ‖W2 φ(W1 x + b) − y‖² and its gradients, index by index."""
    a = np.einsum("ik,k->i", W1, x) + b
    h = phi(a)
    o = np.einsum("ji,i->j", W2, h)
    r = o - y
    back = np.einsum("ji,j->i", W2, r)

    def gradients(delta: Array, r: Array = r, h: Array = h) -> dict[str, Array]:
        return {
            "W1": np.einsum("i,k->ik", delta, x),
            "W2": np.einsum("j,i->ji", r, h),
            "b": delta,
            "x": np.einsum("ik,i->k", W1, delta),
        }

    unbiased = a - b
    off = "phi and phi_prime as they were passed, not functions of your own"
    slips: dict[str, list[Array]] = {
        "missing_chain_factor:phi_prime(a)": [back],
        "wrong_argument:phi_prime is taken at h, it belongs at a": [slope(h) * back],
        "wrong_argument:phi, where its derivative phi_prime belongs": [h * back],
        "missing_chain_factor:r = W2 h − y": [slope(a) * W2.sum(axis=0)],
        "missing_chain_factor:W2": [slope(a) * r.sum()],
        "wrong_argument:o, where the error r = o − y belongs": [slope(a) * np.einsum("ji,j->i", W2, o)],
        "sign": [],
        "missing_term:the bias b in a": [
            slope(unbiased) * back,
            slope(unbiased) * np.einsum("ji,j->i", W2, np.einsum("ji,i->j", W2, phi(unbiased)) - y),
        ],
        f"wrong_argument:{off}": [
            (1 - np.tanh(a) ** 2) * back, sigmoid(a) * (1 - sigmoid(a)) * back, (a > 0) * back, (1 - h**2) * back,
            h * (1 - h) * back,
        ],
    }  # fmt: skip
    slips = {key: found for key, found in slips.items() if found}
    gradient_slips = {
        key: {slip: [gradients(delta)[key] for delta in deltas] for slip, deltas in slips.items()}
        for key in ("W1", "b", "x")
    }
    gradient_slips["W1"]["wrong_argument:h, where x belongs"] = np.outer(gradients(slope(a) * back)["b"], h)
    gradient_slips["W1"]["missing_chain_factor:x"] = np.tile((slope(a) * back)[:, None], (1, len(x)))
    gradient_slips["W1"]["wrong_argument:r, where the gradient for a belongs"] = np.outer(r, x)
    gradient_slips["W2"] = {
        "wrong_argument:a, where h = phi(a) belongs": np.outer(r, a),
        "wrong_argument:phi_prime(a), where h = phi(a) belongs": np.outer(r, slope(a)),
        "wrong_argument:o, where the error r = o − y belongs": np.outer(o, h),
        "wrong_argument:x, where h belongs": np.outer(r, x),
        "missing_chain_factor:h": np.tile(r[:, None], (1, len(h))),
        "missing_chain_factor:r = W2 h − y": np.tile(h[None, :], (len(r), 1)),
        "missing_term:the bias b in a": [
            np.outer(np.einsum("ji,i->j", W2, phi(unbiased)) - y, phi(unbiased)), np.outer(r, phi(unbiased)),
        ],
        "wrong_argument:phi_prime has no place here": np.outer(r, h * slope(a)),
    }  # fmt: skip
    gradient_slips["b"]["wrong_argument:b is added to a, its factor is 1"] = slope(a) * back * b
    gradient_slips["x"]["missing_chain_factor:W1"] = np.full(len(x), (slope(a) * back).sum())
    value_slips = {
        "wrong_loss:½ of the norm, where its square belongs": [np.linalg.norm(r) / 2, np.linalg.norm(r)],
        "wrong_loss:the sum of the errors, squared, where each error is squared": [r.sum() ** 2 / 2, r.sum() ** 2],
        "wrong_loss:absolute values, where squares belong": [np.abs(r).sum() / 2, np.abs(r).sum()],
        "averaged": [np.mean(r**2) / 2, np.mean(r**2)],
        "missing_term:the bias b in a": np.sum((np.einsum("ji,i->j", W2, phi(unbiased)) - y) ** 2) / 2,
        "missing_term:y": np.sum(o**2) / 2,
        "missing_activation:phi": np.sum((np.einsum("ji,i->j", W2, a) - y) ** 2) / 2,
        "activation_on_output:phi": np.sum((phi(o) - y) ** 2) / 2,
        "wrong_argument:phi_prime, where phi belongs": np.sum((np.einsum("ji,i->j", W2, slope(a)) - y) ** 2) / 2,
        f"wrong_argument:{off}": [
            np.sum((np.einsum("ji,i->j", W2, own) - y) ** 2) / 2 for own in (np.tanh(a), sigmoid(a), np.maximum(a, 0))
        ],
        "wrong_argument:the difference of o and y, not their sum": np.sum((o + y) ** 2) / 2,
    }
    if len(r) == len(h):
        slips_of_W2 = slope(a) * np.einsum("ij,j->i", W2, r)
        for key in ("W1", "b", "x"):
            gradient_slips[key]["wrong_argument:W2, where its transpose belongs"] = gradients(slips_of_W2)[key]
    if len(x) == len(h):
        turned = np.einsum("ik,k->i", W1, slope(a) * back)
        gradient_slips["x"]["wrong_argument:W1, where its transpose belongs"] = turned
    return Truth(0.5 * np.sum(r**2), gradients(slope(a) * back), value_slips, gradient_slips, terms=r**2 / 2)


def draw_layers(draw: Draw, equal: bool = False) -> dict[str, Array]:
    d, m, p = (draw.integer(3, 6),) * 3 if equal else draw.distinct_sizes(3, low=2, high=7)
    return {
        "W1": draw.signed(m, d, high=1.5) / np.sqrt(d),
        "W2": draw.signed(p, m, high=1.5) / np.sqrt(m),
        "b": draw.signed(m, low=0.3, high=0.9),
        "x": draw.signed(d, high=1.5),
        "y": draw.signed(p),
    }


@check(f"{SECTION}/two_layer_gradients_check", points=8, reveals=True)
def two_layer_gradients(student: Student, draw: Draw) -> None:
    """½ ‖W2 φ(W1 x + b) − y‖² and four gradients in the shapes of their variables, for two different φ."""
    c = draw.number(0.6, 0.8)
    passed = student.load(CURVES.format(c=repr(c)), "phi_1", "phi_1_prime", "phi_2", "phi_2_prime")
    asked, truths = [], []
    for number, (phi, slope) in enumerate(curves(c), start=1):
        inputs = draw_layers(draw, equal=number == 1)
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
    every = [{**draw_layers(draw, equal), "epsilon": draw.number(0.15, 0.4)} for equal in (True, False)]
    asked = [Asked(student, "linear_net_step", inputs) for inputs in every]
    twice = Twice(asked, [LinearStep(**inputs) for inputs in every], _step_pieces)
    for key in ("W1", "W2"):
        with part(f"new_{key}", points=1.5):
            for got, _, truth in twice.each(key):
                if not _expect_new(got, key, truth):
                    break
    with part("the old arrays are left alone", points=1):
        for a in asked:
            two(a.result, "new_W1", "new_W2")
            a.leaves_inputs("{name} was changed in place: {name} = {name} − … makes a new array, {name} −= … does not.")


def _step_pieces(result: Any, truth: LinearStep) -> dict[str, tuple[Any, Any]]:
    found = two(result, "new_W1", "new_W2")
    return {key: (got, truth.old[key] - truth.epsilon * truth.gradients[key]) for key, got in zip(truth.old, found, strict=True)}


def _expect_new(got: Any, key: str, truth: LinearStep) -> bool:
    other = "W2" if key == "W1" else "W1"
    exchanged = agrees(got, truth.old[other] - truth.epsilon * truth.gradients[other])
    if exchanged or np.shape(got) == truth.old[other].shape != truth.old[key].shape:
        return expect_true(False, f"new_{key} is where new_{other} belongs: are the two exchanged?", "swapped_arguments")
    return expect_step(got, truth.old[key], truth.gradients[key], truth.epsilon, key, truth.slips[key])


class LinearStep:
    """The gradients of ½ ‖W2 (W1 x + b) − y‖² at the old weights, and what known slips give."""

    def __init__(self, W1: Array, W2: Array, b: Array, x: Array, y: Array, epsilon: float):
        self.old, self.epsilon = {"W1": W1, "W2": W2}, epsilon

        def hidden(W1: Array) -> Array:
            return np.einsum("ik,k->i", W1, x) + b

        def error(W2: Array, h: Array) -> Array:
            return np.einsum("ji,i->j", W2, h) - y

        def outer_1(W2: Array, r: Array) -> Array:
            return np.einsum("ji,j,k->ik", W2, r, x)

        h = hidden(W1)
        r = error(W2, h)
        self.gradients = {"W1": outer_1(W2, r), "W2": np.outer(r, h)}
        new_W1, new_W2 = (old - epsilon * self.gradients[key] for key, old in self.old.items())
        newer_h = hidden(new_W1)
        self.slips = {
            "W1": {
                "wrong_argument:the new W2, where the gradient at the old weights is needed": [
                    outer_1(new_W2, error(new_W2, h)), outer_1(new_W2, r), outer_1(W2, error(new_W2, h)),
                ],
                "missing_term:the bias b": outer_1(W2, error(W2, h - b)),
                "wrong_argument:o, where the error r = o − y belongs": outer_1(W2, r + y),
                "missing_chain_factor:W2": np.tile(r.sum() * x, (len(b), 1)),
                "missing_chain_factor:x": np.tile(np.einsum("ji,j->i", W2, r)[:, None], (1, len(x))),
                "missing_chain_factor:r = W2 h − y": np.outer(W2.sum(axis=0), x),
            },
            "W2": {
                "wrong_argument:the new W1, where the gradient at the old weights is needed": [
                    np.outer(error(W2, newer_h), newer_h), np.outer(r, newer_h), np.outer(error(W2, newer_h), h),
                ],
                "missing_term:the bias b": [np.outer(error(W2, h - b), h - b), np.outer(r, h - b)],
                "wrong_argument:o, where the error r = o − y belongs": np.outer(r + y, h),
                "wrong_argument:h = W1 x + b belongs there": [np.outer(r, np.tanh(h)), np.outer(r, b)],
                "missing_chain_factor:h = W1 x + b": np.tile(r[:, None], (1, len(h))),
                "missing_chain_factor:r = W2 h − y": np.tile(h[None, :], (len(r), 1)),
            },
        }  # fmt: skip
        if len(r) == len(h):
            self.slips["W1"]["wrong_argument:W2, where its transpose belongs"] = outer_1(W2.T, r)
            self.slips["W2"]["wrong_argument:x, where h = W1 x + b belongs"] = np.outer(r, x)


# -- 5 · costs ------------------------------------------------------------------------------------------------------

BOWL = '''
import numpy as np

A, B, C = (np.array(numbers).reshape({shape}) for numbers in {numbers})

def f(W):
    W = np.asarray(W)
    return np.sum(A * W**2) + np.sum(B * W) + np.sum(C * W) ** 2
'''


@check(f"{SECTION}/forward_difference_check", points=3, reveals=True)
def forward_difference(student: Student, draw: Draw) -> None:
    """(f(W with one entry + h) − f(W)) / h for each entry; the other one-sided and the central formula are as good.

    On a quadratic function all three can be worked out exactly, so h may be large enough to be seen.
    """
    rows, columns, length = draw.distinct_sizes(3)
    first = None
    for title, shape in (("a matrix", (rows, columns)), ("another shape", (length,))):
        A, B, C, W = (draw.signed(*shape) for _ in range(4))
        h = draw.number(0.005, 0.01)
        numbers = [array.ravel().tolist() for array in (A, B, C)]
        f = student.load(BOWL.format(shape=shape, numbers=numbers), "f")["f"]
        asked = Asked(student, "forward_difference", {"f": f, "W": W, "h": h})
        first = first or asked

        def bowl(W: Array, A: Array = A, B: Array = B, C: Array = C) -> float:
            return np.sum(A * W**2) + np.sum(B * W) + np.sum(C * W) ** 2

        with part(title, points=1):
            _judge_difference(asked, bowl, W, h)
    with part("W is as it was", points=1):
        if first.result is None or first.result is Ellipsis:
            raise StudentError(f"The function returned {first.result}: is it finished?", "none")
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
    got = _numbers(asked.result)
    right = forward
    if got is not None and got.shape == W.shape:
        right = min((forward, backward, central), key=lambda formula: float(np.abs(got - formula).max()))
    together, own = "one entry at a time is moved, not all together", "the h that was passed, not a number of your own"
    mistakes = {
        "sign": [-backward, -forward],
        "in_place:each entry has to be put back before the next is moved": moved(h, keep=True) / h,
        f"wrong_argument:{together}": np.full(W.shape, (f(W + h) - f(W)) / h),
        f"wrong_argument:{own}": [central + (forward - central) * own / h for own in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)],
        "missing_chain_factor:the division by h": [moved(h), -moved(-h)],
        "missing_term:f(W), which is to be subtracted": (moved(h) + f(W)) / h,
        "factor": [forward / 2, 2 * central],
    }
    expect(asked.result, right, name="the gradient", mistakes=mistakes, atol=1e-8, float32=False)


# -- 7 · counting ---------------------------------------------------------------------------------------------------


@check(f"{SECTION}/count_parameters_check", points=3)
def count_parameters(student: Student, draw: Draw) -> None:
    """Σ d_i d_(i+1), and with a bias for every unit that is not an input."""
    networks = [draw.rng.permutation(np.arange(3, 20))[:layers].tolist() for layers in (4, 2, draw.integer(3, 7))]
    networks.append([8, 10, 10, 3])
    for title, biases, points in (("weights", False, 2), ("weights and biases", True, 1)):
        with part(title, points=points):
            for d in networks:
                lent = student.put(d)
                got = student.call("count_parameters", lent, *([True] if biases else []))
                if not _judge_count(got.value, d, biases):
                    break
                expect_true(lent.fetch() == d, "The list d was changed: others may still need it.", "in_place")


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
