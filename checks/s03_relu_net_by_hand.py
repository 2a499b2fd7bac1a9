"""The checks of `03-relu-net-by-hand`: nine derivatives of a 1-3-3-1 ReLU network, and one step of gradient descent.

Each function is judged on its own. It may call the functions before it, and a mistake in one of those has been paid for
already: so it is tried with right ones first and, where that does not give the right numbers, with the student's own.
The right values come from `Network`, one chain of numpy formulas; the tests hold it against PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.judging import Array, Draw, Remote, Student, StudentError, StudentGone, check, expect, expect_true, part
from backprop.checking.comparison import compare
from backprop.checking.mistake_kinds import explain

SECTION = "03-relu-net-by-hand"

# What a student's function may call, written so that numbers and arrays are both welcome. The judge loads no more than
# the functions that come before the one being judged.
REFERENCE = {
    "d_loss_d_ypredicted": """
def d_loss_d_ypredicted(variable_dict, y_observed):
    return 2 * (variable_dict["y_predicted"] - y_observed)
""",
    "d_loss_d_W2": """
def d_loss_d_W2(variable_dict, y_observed):
    return d_loss_d_ypredicted(variable_dict, y_observed) * variable_dict["h1"]
""",
    "d_loss_d_h1": """
def d_loss_d_h1(variable_dict, W2, y_observed):
    return d_loss_d_ypredicted(variable_dict, y_observed) * np.asarray(W2)
""",
    "relu_derivative": """
def relu_derivative(x):
    slope = np.where(np.asarray(x) > 0, 1.0, 0.0)
    return slope if slope.ndim else float(slope)
""",
    "d_loss_d_r1": """
def d_loss_d_r1(variable_dict, W2, y_observed):
    return d_loss_d_h1(variable_dict, W2, y_observed) * (np.asarray(variable_dict["r1"]) > 0)
""",
    "d_loss_d_W1": """
def d_loss_d_W1(variable_dict, W2, y_observed):
    return np.outer(d_loss_d_r1(variable_dict, W2, y_observed), variable_dict["h0"])
""",
    "d_loss_d_h0": """
def d_loss_d_h0(variable_dict, W1, W2, y_observed):
    return np.asarray(W1).T @ d_loss_d_r1(variable_dict, W2, y_observed)
""",
    "d_loss_d_r0": """
def d_loss_d_r0(variable_dict, W1, W2, y_observed):
    return d_loss_d_h0(variable_dict, W1, W2, y_observed) * (np.asarray(variable_dict["r0"]) > 0)
""",
    "d_loss_d_W0": """
def d_loss_d_W0(variable_dict, W1, W2, y_observed):
    return d_loss_d_r0(variable_dict, W1, W2, y_observed) * variable_dict["x"]
""",
}

# In a notebook whose relu_derivative takes numbers only, calling it with an array is a mistake of the caller.
SLOPE_OF_A_NUMBER = """
def relu_derivative(x):
    return 1.0 if x > 0 else 0.0
"""

Candidates = Mapping[str, Any]


# -- the network, and every gradient of it ----------------------------------------------------------------------------


class Network:
    """One example: its inputs, every value, every gradient, and the open gates m0, m1 of the layers (1.0 or 0.0)."""

    def __init__(self, x: float, W0: Array, W1: Array, W2: Array, y: float):
        self.x, self.W0, self.W1, self.W2, self.y = x, W0, W1, W2, y
        self.r0 = W0 * x
        self.h0 = np.maximum(self.r0, 0.0)
        self.r1 = W1 @ self.h0
        self.h1 = np.maximum(self.r1, 0.0)
        self.y_predicted = W2 @ self.h1
        self.m0, self.m1 = (self.r0 > 0).astype(float), (self.r1 > 0).astype(float)
        self.d_y = 2.0 * (self.y_predicted - y)
        self.d_h1 = self.d_y * W2
        self.d_r1 = self.d_h1 * self.m1
        self.d_h0 = W1.T @ self.d_r1
        self.d_r0 = self.d_h0 * self.m0
        self.d_W2 = self.d_y * self.h1
        self.d_W1 = np.outer(self.d_r1, self.h0)
        self.d_W0 = self.d_r0 * x

    @property
    def variable_dict(self) -> dict[str, Any]:
        """What the notebook's `mlp` returns."""
        return {name: getattr(self, name) for name in ("x", "r0", "h0", "r1", "h1", "y_predicted")}


def network(
    draw: Draw, dead0: Sequence[int] = (), dead1: Sequence[int] = (), sign: float = 1.0, x_sign: float = 1.0
) -> Network:
    """A random network in which exactly the given units are dead, with every pre-activation well away from 0.

    sign   : that of its error ŷ − y
    x_sign : that of its input x
    """
    x = x_sign * float(draw.positive())
    alive0, alive1 = np.ones(3), np.ones(3)
    alive0[list(dead0)] = alive1[list(dead1)] = -1.0
    W0 = draw.positive(3) * alive0 * np.sign(x)
    h0 = np.maximum(W0 * x, 0.0)
    while True:
        W1, W2 = draw.signed(3, 3), draw.signed(3)
        r1 = W1 @ h0
        if abs(r1).min() <= 0.3:
            continue
        W1 *= (np.sign(r1) * alive1)[:, None]
        made = Network(x, W0, W1, W2, float(W2 @ np.maximum(W1 @ h0, 0.0) - sign * draw.number(0.5, 2.0)))
        if abs(made.y_predicted) > 0.2 and _tells_mistakes_apart(made):
            return made


def _tells_mistakes_apart(net: Network) -> bool:
    """False where two different mistakes, or a mistake and the right way, would give the same numbers."""
    for gradient, mask in ((net.d_h1, net.m1), (net.d_h0, net.m0)):
        positive = gradient > 0
        if abs(gradient).min() < 0.2 or positive.all() or not positive.any():
            return False
        alike = [positive == net.m0, positive == net.m1, positive == 1 - mask, positive * mask == net.m0 * net.m1]
        if any(same.all() for same in alike):
            return False
    return abs(net.W1 - net.W1.T)[~np.eye(3, dtype=bool)].min() > 0.05


def networks(draw: Draw) -> tuple[list[Network], list[Network]]:
    """Networks with all units alive, and networks with dead units: not the same ones in both layers."""
    one, other, third = (int(i) for i in draw.rng.permutation(3))
    sign, side = (float(np.sign(draw.scalar())) for _ in range(2))
    alive = [network(draw, sign=sign, x_sign=side)]
    dead = [network(draw, [one], [other], -sign, side), network(draw, [other], [third, one], sign, -side)]
    return alive, dead


# -- asking the student's function -----------------------------------------------------------------------------------


@dataclass
class Answer:
    """What the function gave for one network: a plain value or an error, and which arguments it changed."""

    value: Any = None
    error: StudentError | None = None
    changed: list[str] = field(default_factory=list)


def _ask(student: Student, name: str, arguments: Mapping[str, Any]) -> Answer:
    """Call the function by position on copies of the arguments."""
    try:
        result, after = student.watched(name, *arguments.values())
        changed = [key for key, value in zip(arguments, after, strict=True) if not _same(value, arguments[key])]
        return Answer(_three(result.value), changed=changed)
    except StudentGone:
        raise
    except StudentError as error:
        return Answer(error=_with_hint(error))


def _three(value: Any) -> Any:
    """Three numbers in one of the accepted forms as an array of shape (3,); everything else as it is."""
    try:
        array = np.asarray(value)
    except ValueError:
        return value
    return array.reshape(3) if array.shape in ((1, 3), (3, 1)) and array.dtype.kind in "biuf" else value


def _same(value: Any, before: Any) -> bool:
    if isinstance(before, dict):
        return isinstance(value, dict) and all(key in value and _same(value[key], before[key]) for key in before)
    return isinstance(value, np.ndarray | np.generic | float | int) and np.array_equal(value, before)


def _with_hint(error: StudentError) -> StudentError:
    """The same error with one more sentence where its cause is a well-known one."""
    text, family = error.mistake.text, error.mistake.family
    if text.startswith("KeyError"):
        text += "\n   The keys of variable_dict are 'x', 'r0', 'h0', 'r1', 'h1' and 'y_predicted', in quotation marks."
    elif text.startswith("UnboundLocalError"):
        text += "\n   A name that is assigned inside a function hides the function of that name: use another one."
    elif "truth value of an array" in text:
        text += "\n   `if` can judge one number, not an array: go through the entries one by one."
    return StudentError(text, family)


def _arguments(name: str, net: Network, size: float = 0.0) -> dict[str, Any]:
    """The arguments of a function of this section, in order."""
    if name == "gradient_step":
        return {"x": net.x, "W0": net.W0, "W1": net.W1, "W2": net.W2, "y_observed": net.y, "step_size": size}
    weights = {"d_loss_d_ypredicted": [], "d_loss_d_W2": []}
    weights |= {name: ["W2"] for name in ("d_loss_d_h1", "d_loss_d_r1", "d_loss_d_W1")}
    taken = weights.get(name, ["W1", "W2"])
    return {"variable_dict": net.variable_dict, **{w: getattr(net, w) for w in taken}, "y_observed": net.y}


def _answers(student: Student, name: str, nets: Sequence[Network], right: Callable[[Network], Any]) -> list[Answer]:
    """One answer per network: with right helpers where these are right throughout, else the better of both."""

    def ask_all() -> list[Answer]:
        return [_ask(student, name, _arguments(name, net)) for net in nets]

    def number_right(answers: Sequence[Answer]) -> int:
        return sum(_is_right(a, right(net)) for a, net in zip(answers, nets, strict=True))

    helpers = _helpers(student, list(REFERENCE)[: list(REFERENCE).index(name)])
    if not helpers:
        return ask_all()
    with student.shadow(**helpers):
        first = ask_all()
    if number_right(first) == len(nets):
        return first
    own = ask_all()
    return own if number_right(own) > number_right(first) else first


def _helpers(
    student: Student, names: Sequence[str], given: str = "import numpy as np", *more: str
) -> dict[str, Remote]:
    """Right versions of the functions in the student's process, to be put in the place of the student's own."""
    if not names:
        return {}
    sources = {name: REFERENCE[name] for name in names}
    if "relu_derivative" in sources and _takes_numbers_only(student):
        sources["relu_derivative"] = SLOPE_OF_A_NUMBER
    return student.load("\n".join([given, *sources.values()]), *more, *names)


def _takes_numbers_only(student: Student) -> bool:
    """True when the student's own relu_derivative works for a number and not for an array, as the exercise allows."""

    def size(x: Any) -> int:
        answer = _ask(student, "relu_derivative", {"x": x})
        return 0 if answer.error else np.size(answer.value)

    return size(1.5) == 1 and size(np.array([1.5, -0.5, 2.5])) != 3


def _is_right(answer: Answer, exact: Any) -> bool:
    if answer.error or answer.changed:
        return False
    single = getattr(answer.value, "dtype", None) == np.float32
    rtol, atol = (2e-5, 2e-5 * float(np.max(np.abs(exact)))) if single else (1e-7, 1e-9)
    return compare("", answer.value, exact, rtol=rtol, atol=atol, scalar_like=True).ok


def _judge(answer: Answer, exact: Any, name: str, mistakes: Candidates) -> None:
    """Note the answer for one network in the open part. A mistake that leads to zeros there is not told from others."""
    mistakes = {family: _not_zero(values) for family, values in mistakes.items()}
    if answer.error:
        raise answer.error
    expect(answer.value, exact, name=name, mistakes=mistakes, scalar_like=True)
    for changed in answer.changed:
        expect_true(False, explain("in_place", changed).text, "in_place")


def _not_zero(values: Any) -> list[Any]:
    return [value for value in (values if isinstance(values, list) else [values]) if np.any(value)]


def _gradient(
    student: Student,
    draw: Draw,
    variable: str,
    points: tuple[float, float],
    exact: Callable[[Network], Any],
    mistakes: Callable[[Network], Candidates],
) -> None:
    """Judge d_loss_d_<variable> on networks with all units alive, then on networks with dead units.

    One mistake is enough for a message: after the first wrong answer a part looks at no further network.
    """
    alive, dead = networks(draw)
    answers = iter(_answers(student, f"d_loss_d_{variable}", [*alive, *dead], exact))
    for title, worth, nets in [("all units alive", points[0], alive), ("dead units", points[1], dead)]:
        mine = [next(answers) for _ in nets]
        with part(title, points=worth):
            for answer, net in zip(mine, nets, strict=True):
                _judge(answer, exact(net), f"∂ℓ/∂{variable}", mistakes(net))
                if not _is_right(answer, exact(net)):
                    break


Y = "missing_chain_factor:∂ℓ/∂y_predicted"
RELU = "wrong_argument:the value of ReLU, or of the gradient's own sign, where the slope at the pre-activation belongs"


# -- the checks -------------------------------------------------------------------------------------------------------


@check(f"{SECTION}/d_ypredicted_check", points=3)
def d_ypredicted(student: Student, draw: Draw) -> None:
    """∂ℓ/∂ŷ of the squared error: predictions above and below the observed value."""
    alive, dead = networks(draw)
    nets = [*alive, *dead, network(draw, [0], [1], -np.sign(alive[0].d_y))]
    answers = [_ask(student, "d_loss_d_ypredicted", _arguments("d_loss_d_ypredicted", net)) for net in nets]
    name = "∂ℓ/∂y_predicted"
    with part("value", points=3):
        for answer, net in zip(answers, nets, strict=True):
            if answer.error or answer.value is None or np.size(answer.value) != 1 or isinstance(answer.value, str):
                _judge(answer, net.d_y, name, {})
                return
        try:  # all four at once say more about a mistake than each alone
            got = np.array([np.asarray(answer.value, dtype=float).reshape(()) for answer in answers])
        except (TypeError, ValueError):
            _judge(answers[0], nets[0].d_y, name, {})
            return
        predicted, observed = np.array([n.y_predicted for n in nets]), np.array([n.y for n in nets])
        mistakes = {
            "wrong_argument:the loss itself, where its derivative is asked for": [
                (predicted - observed) ** 2,
                (predicted - observed) ** 2 / 2,
            ],
            "wrong_argument:check which terms the factor multiplies": [
                2 * predicted - observed,
                predicted - 2 * observed,
            ],
            "missing_term:the observed value": [2 * predicted, predicted],
            "missing_term:the prediction": [2 * observed, -2 * observed],
            "wrong_argument:a sum where the difference belongs": 2 * (predicted + observed),
        }
        single = all(getattr(answer.value, "dtype", None) == np.float32 for answer in answers)
        expect(got.astype(np.float32) if single else got, [n.d_y for n in nets], name=name, mistakes=mistakes)
        for changed in dict.fromkeys(key for answer in answers for key in answer.changed):
            expect_true(False, explain("in_place", changed).text, "in_place")


@check(f"{SECTION}/d_W2_check", points=4, reveals=True)
def d_W2(student: Student, draw: Draw) -> None:
    """∂ℓ/∂W2 is the upstream number times h1."""

    def mistakes(n: Network) -> Candidates:
        return {
            Y: [n.h1, n.r1],
            "wrong_argument:r1 where h1 belongs": n.d_y * n.r1,
            "wrong_argument:h0 where h1 belongs": n.d_y * n.h0,
            "wrong_argument:the slope of ReLU where its value belongs": n.d_y * n.m1,
            "missing_chain_factor:h1": n.d_y * np.ones(3),
            "upstream_twice": n.d_y**2 * n.h1,
        }

    _gradient(student, draw, "W2", (2, 2), lambda n: n.d_W2, mistakes)


@check(f"{SECTION}/d_h1_check", points=4, reveals=True)
def d_h1(student: Student, draw: Draw) -> None:
    """∂ℓ/∂h1 is the upstream number times W2, for dead units as well: the gate comes later."""

    def mistakes(n: Network) -> Candidates:
        return {
            Y: [n.W2, n.W2 * n.m1],
            "wrong_argument:h1 where W2 belongs": [n.d_y * n.h1, n.d_y * n.r1],
            "missing_chain_factor:W2": [n.d_y * np.ones(3), n.d_y * np.ones(1)],
            "masked": [n.d_y * n.W2 * n.m1, n.d_y * n.W2 * n.m0],
            "upstream_twice": n.d_y**2 * n.W2,
        }

    _gradient(student, draw, "h1", (2, 2), lambda n: n.d_h1, mistakes)


@check(f"{SECTION}/relu_derivative_check", points=3)
def relu_derivative(student: Student, draw: Draw) -> None:
    """The slope of ReLU is 1 above 0, 0 below, and 0 at 0 (the handout's equation 12)."""

    def slope(x: float) -> Any:
        answer = _ask(student, "relu_derivative", {"x": x})
        if answer.error:
            raise answer.error
        return answer.value

    def slope_expected(x: float, exact: float, **families: Any) -> bool:
        where = "above 0" if exact else "at 0" if x == 0 else "below 0"
        candidates = {RELU.partition(",")[0] + ", where its slope is asked for": max(x, 0.0), **families}
        return expect(slope(x), exact, name=f"the slope {where}", mistakes=candidates, scalar_like=True)

    with part("away from 0", points=2):
        above, below = draw.number(1.2, 3.0), -draw.number(1.2, 3.0)
        if slope_expected(above, 1.0):
            slope_expected(below, 0.0, missing_mask=[1.0, below])
    with part("at 0 and close to it", points=1):
        if slope_expected(0.0, 0.0, kink=[1.0, 0.5]) and slope_expected(draw.number(1e-4, 1e-3), 1.0):
            slope_expected(-draw.number(1e-4, 1e-3), 0.0)


@check(f"{SECTION}/d_r1_check", points=4, reveals=True)
def d_r1(student: Student, draw: Draw) -> None:
    """∂ℓ/∂r1 is ∂ℓ/∂h1 where the upper gates are open, and 0 elsewhere."""

    def mistakes(n: Network) -> Candidates:
        return {
            "missing_mask": n.d_h1,
            "mask_of_wrong_layer:r1": [n.d_h1 * n.m0, n.d_h1 * n.m0 * n.m1],
            Y: [n.W2 * n.m1, n.W2],
            "missing_chain_factor:W2": [n.d_y * n.m1, n.d_y * np.ones(3)],
            "missing_chain_factor:∂ℓ/∂h1": n.m1,
            RELU: [n.d_h1 * n.h1, n.d_h1 * n.r1, np.maximum(n.d_h1, 0), n.d_h1 * (n.d_h1 > 0) * n.m1],
        }

    _gradient(student, draw, "r1", (2, 2), lambda n: n.d_r1, mistakes)


@check(f"{SECTION}/d_W1_check", points=5, reveals=True)
def d_W1(student: Student, draw: Draw) -> None:
    """∂ℓ/∂W1 is the outer product of ∂ℓ/∂r1 (rows) and h0 (columns)."""

    def mistakes(n: Network) -> Candidates:
        return {
            "outer_swapped": [n.d_W1.T, np.outer(n.h0, n.d_h1)],
            "missing_mask": [np.outer(n.d_h1, n.h0), np.outer(n.d_h1, n.r0)],
            "mask_of_wrong_layer:r1": [np.outer(n.d_h1 * n.m0, n.h0), np.outer(n.d_r1 * n.m0, n.h0)],
            Y: np.outer(n.W2 * n.m1, n.h0),
            "missing_chain_factor:W2": [np.outer(n.d_y * n.m1, n.h0), n.d_y * n.h0, np.tile(n.d_y * n.h0, (3, 1))],
            "missing_chain_factor:h0": [n.d_r1, np.outer(n.d_r1, np.ones(3))],
            "wrong_argument:r0 where h0 belongs": np.outer(n.d_r1, n.r0),
            "wrong_argument:h1 where h0 belongs": np.outer(n.d_r1, n.h1),
            "wrong_argument:x where h0 belongs": [n.d_r1 * n.x, np.outer(n.d_r1, n.x * np.ones(3))],
            "shape": n.d_r1 * n.h0,
        }

    _gradient(student, draw, "W1", (2, 3), lambda n: n.d_W1, mistakes)


@check(f"{SECTION}/d_h0_check", points=5, reveals=True)
def d_h0(student: Student, draw: Draw) -> None:
    """∂ℓ/∂h0 adds up over the units of the upper layer: W1 transposed times ∂ℓ/∂r1."""

    def mistakes(n: Network) -> Candidates:
        return {
            "wrong_argument:rows and columns of W1 are exchanged": [n.W1 @ n.d_r1, n.W1 @ n.d_h1],
            "missing_mask": n.W1.T @ n.d_h1,
            "mask_of_wrong_layer:r1": n.W1.T @ (n.d_h1 * n.m0),
            "masked": n.d_h0 * n.m0,
            Y: n.W1.T @ (n.W2 * n.m1),
            "missing_chain_factor:W2": n.W1.T @ (n.d_y * n.m1),
            "missing_chain_factor:W1": [n.d_r1, n.d_h1],
            "missing_chain_factor:∂ℓ/∂r1": [n.W1.sum(axis=0), n.W1],
            "missing_term:every unit of the upper layer contributes": [
                np.diag(n.W1) * n.d_r1,
                n.W1[0] * n.d_r1[0],
                n.W1[0] * n.d_r1,
            ],
            "shape": [n.W1 * n.d_r1, n.W1.T * n.d_r1, n.W1 * n.d_r1[:, None]],
        }

    _gradient(student, draw, "h0", (2, 3), lambda n: n.d_h0, mistakes)


@check(f"{SECTION}/d_r0_check", points=4, reveals=True)
def d_r0(student: Student, draw: Draw) -> None:
    """∂ℓ/∂r0 is ∂ℓ/∂h0 where the lower gates are open, and 0 elsewhere."""

    def mistakes(n: Network) -> Candidates:
        unmasked = n.W1.T @ n.d_h1
        return {
            "missing_mask": [n.d_h0, unmasked, unmasked * n.m0],
            "mask_of_wrong_layer:r0": [n.d_h0 * n.m1, n.d_h0 * n.m1 * n.m0],
            Y: (n.W1.T @ (n.W2 * n.m1)) * n.m0,
            "missing_chain_factor:W2": (n.W1.T @ (n.d_y * n.m1)) * n.m0,
            "missing_chain_factor:W1": [n.d_r1 * n.m0, n.d_r1],
            "missing_chain_factor:∂ℓ/∂h0": n.m0,
            "wrong_argument:rows and columns of W1 are exchanged": (n.W1 @ n.d_r1) * n.m0,
            RELU: [n.d_h0 * n.h0, n.d_h0 * n.r0, np.maximum(n.d_h0, 0), n.d_h0 * (n.d_h0 > 0) * n.m0],
        }

    _gradient(student, draw, "r0", (2, 2), lambda n: n.d_r0, mistakes)


@check(f"{SECTION}/d_W0_check", points=4, reveals=True)
def d_W0(student: Student, draw: Draw) -> None:
    """∂ℓ/∂W0 is ∂ℓ/∂r0 times the input x."""

    def mistakes(n: Network) -> Candidates:
        unmasked = n.W1.T @ n.d_h1
        return {
            "missing_chain_factor:x": n.d_r0,
            "missing_mask": [n.d_h0 * n.x, unmasked * n.x, unmasked * n.m0 * n.x],
            "mask_of_wrong_layer:r0": [n.d_h0 * n.m1 * n.x, n.d_r0 * n.m1 * n.x],
            Y: (n.W1.T @ (n.W2 * n.m1)) * n.m0 * n.x,
            "missing_chain_factor:W2": (n.W1.T @ (n.d_y * n.m1)) * n.m0 * n.x,
            "missing_chain_factor:W1": [n.d_r1 * n.m0 * n.x, n.d_r1 * n.x],
            "missing_chain_factor:∂ℓ/∂r0": n.x * np.ones(3),
            "wrong_argument:rows and columns of W1 are exchanged": (n.W1 @ n.d_r1) * n.m0 * n.x,
            "wrong_argument:h0 where x belongs": n.d_r0 * n.h0,
            "wrong_argument:r0 where x belongs": n.d_r0 * n.r0,
            "shape": np.outer(n.d_r0, n.h0),
        }

    _gradient(student, draw, "W0", (2, 2), lambda n: n.d_W0, mistakes)


GIVEN = """
import numpy as np

def relu(x):
    return np.maximum(0.0, x)

def mlp(x, W0, W1, W2):
    r0 = np.ravel(W0) * x
    h0 = relu(r0)
    r1 = np.dot(W1, h0)
    h1 = relu(r1)
    return {"x": x, "r0": r0, "h0": h0, "r1": r1, "h1": h1, "y_predicted": np.dot(np.ravel(W2), h1)}

def loss(y_predicted, y_observed):
    return (y_predicted - y_observed) ** 2
"""


@check(f"{SECTION}/gradient_step_check", points=4, reveals=True)
def gradient_step(student: Student, draw: Draw) -> None:
    """One step moves all three weights against their gradients, which belong to the old weights."""
    alive, dead = networks(draw)
    nets, size = [*alive, *dead], draw.number(0.05, 0.15)
    helpers = _helpers(student, list(REFERENCE), GIVEN, "relu", "mlp", "loss")

    def ask_all() -> list[Answer]:
        return [_ask(student, "gradient_step", _arguments("gradient_step", net, size)) for net in nets]

    def number_right(answers: Sequence[Answer]) -> int:
        return sum(_step_is_right(answer, net, size) for answer, net in zip(answers, nets, strict=True))

    with student.shadow(**helpers):
        answers = ask_all()
    if number_right(answers) < len(nets):
        own = ask_all()
        answers = own if number_right(own) > number_right(answers) else answers

    with part("the new weights", points=3):
        for answer, net in zip(answers, nets, strict=True):
            if not _judge_step(answer, net, size):
                return  # leaving the old weights alone is worth nothing by itself
    with part("the old weights left alone", points=1):
        for answer in answers:
            if answer.error:
                raise answer.error
        for changed in dict.fromkeys(key for answer in answers for key in answer.changed):
            expect_true(False, explain("in_place", changed).text, "in_place")


def _judge_step(answer: Answer, net: Network, size: float) -> bool:
    if answer.error:
        raise answer.error
    good = True
    for (name, exact), got in zip(_stepped(net, size).items(), _weights(answer.value), strict=True):
        good &= expect(got, exact, name=f"{name} after the step", mistakes=_step_mistakes(net, name, size))
    return good


def _step_is_right(answer: Answer, net: Network, size: float) -> bool:
    try:
        weights = _weights(answer.value)
    except StudentError:
        return False
    exact = _stepped(net, size).values()
    return all(_is_right(Answer(got, answer.error, answer.changed), e) for got, e in zip(weights, exact, strict=True))


def _weights(value: Any) -> list[Any]:
    """The three returned weights, vectors of three in any accepted shape as (3,); StudentError when it is not three."""
    if isinstance(value, list | tuple) and len(value) == 3:
        return [_three(item) for item in value]
    came = "nothing" if value is None else f"{len(value)} values" if isinstance(value, list | tuple) else "one value"
    text = f"gradient_step should return three arrays, W0, W1 and W2, but it returned {came}."
    raise StudentError(text, "none" if value is None else "type")


def _stepped(net: Network, size: float) -> dict[str, Array]:
    return {"W0": net.W0 - size * net.d_W0, "W1": net.W1 - size * net.d_W1, "W2": net.W2 - size * net.d_W2}


def _step_mistakes(net: Network, name: str, size: float) -> Candidates:
    old, gradient, moved = getattr(net, name), getattr(net, f"d_{name}"), _stepped(net, size)
    return {
        "sign": old + size * gradient,
        "factor": [old - 2 * size * gradient, old - size / 2 * gradient],
        "missing_chain_factor:step size": old - gradient,
        "missing_term:the step (these are the old weights)": old,
        "wrong_argument:the gradient where the new weights are asked for": [
            gradient,
            size * gradient,
            -size * gradient,
        ],
        "wrong_argument:a gradient taken at weights that had moved already": _too_late(net, name, size),
        "swapped_arguments:W0 and W2": {"W0": moved["W2"], "W1": None, "W2": moved["W0"]}[name],
        "transposed": old - size * gradient.T if name == "W1" else None,
    }


def _too_late(net: Network, name: str, size: float) -> list[Array]:
    """The new weights when some of the others were moved before this gradient was taken."""
    moved = _stepped(net, size)
    found = []
    for earlier in (["W2"], ["W1"], ["W0"], ["W2", "W1"], ["W0", "W1"], ["W0", "W2"]):
        if name in earlier:
            continue
        weights = {w: moved[w] if w in earlier else getattr(net, w) for w in ("W0", "W1", "W2")}
        fresh = Network(net.x, **weights, y=net.y)
        # The values of the forward pass may be old even so.
        d_r1 = net.d_y * weights["W2"] * net.m1
        stale = {"W0": (weights["W1"].T @ d_r1) * net.m0 * net.x, "W1": np.outer(d_r1, net.h0), "W2": net.d_W2}
        found += [getattr(net, name) - size * gradient for gradient in (getattr(fresh, f"d_{name}"), stale[name])]
    return found
