"""The checks of `03-relu-net-by-hand`: nine derivatives of a 1-3-3-1 ReLU network, and one step of gradient descent.

Each function is judged on its own. It may call the functions before it, and a mistake in one of those has been paid for
already: so it is tried with right ones first and, where that does not give the right numbers, with the student's own.
The right values come from `Network`, one chain of numpy formulas; the tests hold it against PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from autograder.judging import (
    Answer,
    Array,
    Call,
    Draw,
    Slip,
    Student,
    StudentError,
    check,
    expect,
    expect_in,
    expect_true,
    fairly,
    near,
    part,
    refused,
    source_of,
)
from autograder.judging.regions import SIZES, WHOLE
from autograder.judging.regions import whole as integers
from backprop.checking.comparison import compare

from .shipped import relu_net

SECTION = "03-relu-net-by-hand"
LEFT_OUT = {"float32": "the numbers of this section are float64, as numpy makes them"}

RELU_NET = source_of(relu_net)

# In the order of the exercises. The judge loads no more than the functions that come before the one being judged.
FUNCTIONS = (
    "d_loss_d_ypredicted", "d_loss_d_W2", "d_loss_d_h1", "relu_derivative", "d_loss_d_r1", "d_loss_d_W1", "d_loss_d_h0",
    "d_loss_d_r0", "d_loss_d_W0",
)  # fmt: skip

Mistakes = Callable[["Network"], list[Slip]]


# -- the network, and every gradient of it ----------------------------------------------------------------------------


class Network:
    """One example: its inputs, every value, every gradient, and the open gates m0, m1 of the layers (1.0 or 0.0).

    title   : the region its numbers lie in, see `regions.inputs`
    at_zero : the slope of ReLU at 0. We choose 0
    """

    def __init__(self, x: float, W0: Array, W1: Array, W2: Array, y: float, title: str = "", at_zero: float = 0.0):
        self.title = title
        self.x, self.W0, self.W1, self.W2, self.y = x, W0, W1, W2, y
        self.r0 = W0 * x
        self.h0 = np.maximum(self.r0, 0)
        self.r1 = W1 @ self.h0
        self.h1 = np.maximum(self.r1, 0)
        self.y_predicted = W2 @ self.h1
        self.m0, self.m1 = (np.where(r == 0, at_zero, r > 0).astype(float) for r in (self.r0, self.r1))
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
    alive = [network(draw, sign=sign, x_sign=side), network(draw, sign=-sign, x_sign=-side)]
    dead = [network(draw, [one], [other], -sign, side), network(draw, [other], [third, one], sign, -side)]
    return alive, dead


def everywhere(draw: Draw) -> tuple[list[Network], list[Network], list[Network], list[Network]]:
    """`networks`, and those with small and with large numbers: all units alive, dead units."""
    alive, dead = networks(draw)
    return alive, dead, elsewhere(draw, alive[0]), elsewhere(draw, dead[0])


KINK = "a pre-activation of exactly 0"


def elsewhere(draw: Draw, net: Network) -> list[Network]:
    """The network with small and with large numbers, with the same gates open."""
    found = []
    for number, (title, low, high) in enumerate(size for size in SIZES if size[2] <= 1e3):
        size = draw.number(low, high) / (400 if high <= 1e-5 else 2)  # the smallest numbers are of about 1e-9
        weights = {name: size * getattr(net, name) for name in ("W0", "W1", "W2")}
        predicted = Network(size * net.x, **weights, y=0.0).y_predicted
        error = max(size, abs(predicted)) * (1 - 2 * (number % 2))
        found.append(Network(size * net.x, **weights, y=float(predicted - error), title=title))
    return [*found, whole(draw, alive=bool((net.r0 > 0).all() and (net.r1 > 0).all()))]


def whole(draw: Draw, *, alive: bool) -> Network:
    """A network of whole numbers: W0 rises, W2 falls, two units of the upper layer are alike; all are alive, or not.

    Where not, they are integers, and no gradient is: a result in the type of the weights is cut off.
    """
    while True:
        W1 = integers(np.abs(draw.both_signs(3, 3)) if alive else draw.both_signs(3, 3))
        W1[2] = W1[0]
        W0, W2, x = np.array([1 if alive else -1, 2, 3]), np.array([3, 1, -2]), 2
        made = (
            Network(2.0, *(1.0 * W for W in (W0, W1, W2)), 0.0, WHOLE)
            if alive
            else Network(x, W0, W1, W2, 0.3217, WHOLE)
        )
        if made.r1.all() and made.h1.any() and made.y_predicted:
            return made


def flat(value: float) -> Network:
    """The network in which every number is the same."""
    title = {0.0: "zeros", 1.0: "ones"}[value]
    x = value or -0.0  # both zeros are there
    return Network(x, *(np.full(shape, value) for shape in (3, (3, 3), 3)), y=value, title=title)


def at_the_kink(net: Network, at_zero: float = 0.0) -> Network:
    """The network with a pre-activation of exactly 0 in each layer: its first unit in each."""
    W0, W1 = net.W0.copy(), net.W1.copy()
    W0[0] = 0.0  # so h0[0] is 0, and a first unit of the upper layer that is fed by it alone is at 0 as well
    W1[0, 1:] = 0.0
    return Network(net.x, W0, W1, net.W2, net.y, title=KINK, at_zero=at_zero)


# -- asking the student's function -----------------------------------------------------------------------------------


def _ask(student: Student, name: str, arguments: Mapping[str, Any]) -> Call:
    return _ask_all(student, name, [arguments])[0]


def _ask_all(student: Student, name: str, several: Sequence[Mapping[str, Any]]) -> list[Call]:
    """Calls of the function, each with three numbers in one of the accepted forms as an array of shape (3,)."""
    found = []
    for call in Call.all_of(student, name, several):
        answer = call.answer.then(_three)
        found.append(replace(call, answer=Answer(error=_with_hint(answer.error)) if answer.error else answer))
    return found


def _three(value: Any) -> Any:
    try:
        array = np.asarray(value)
    except ValueError:
        return value
    return array.reshape(3) if array.shape in ((1, 3), (3, 1)) and array.dtype.kind in "biuf" else value


def _with_hint(error: StudentError) -> StudentError:
    """The same error with one more sentence where its cause is a well-known one."""
    text, family = error.mistake.text, error.mistake.family
    if error.kind == "KeyError":
        text += "\n   The keys of variable_dict are 'x', 'r0', 'h0', 'r1', 'h1' and 'y_predicted', in quotation marks."
    elif error.kind == "UnboundLocalError":
        text += "\n   A name that is assigned inside a function hides the function of that name: use another one."
    elif error.kind == "ValueError" and "truth value of an array" in error.message:  # numpy's own words
        text += "\n   `if` can judge one number, not an array: go through the entries one by one."
    return StudentError(text, family, error.message, error.kind)


def _arguments(name: str, net: Network, size: float = 0.0) -> dict[str, Any]:
    """The arguments of a function of this section, in order."""
    if name == "gradient_step":
        return {"x": net.x, "W0": net.W0, "W1": net.W1, "W2": net.W2, "y_observed": net.y, "step_size": size}
    weights = {"d_loss_d_ypredicted": [], "d_loss_d_W2": []}
    weights |= {name: ["W2"] for name in ("d_loss_d_h1", "d_loss_d_r1", "d_loss_d_W1")}
    taken = weights.get(name, ["W1", "W2"])
    return {"variable_dict": net.variable_dict, **{w: getattr(net, w) for w in taken}, "y_observed": net.y}


def _answers(student: Student, name: str, nets: Sequence[Network], right: Callable[[Network], Any]) -> list[Call]:
    """One call per network: with right helpers, or with the student's own where only that is right."""

    def look() -> dict[str, Answer]:
        calls = _ask_all(student, name, [_arguments(name, net) for net in nets])
        return {str(n): Answer(call) for n, call in enumerate(calls)}

    holds = {
        str(n): lambda call, net=net: refused(net.title, call) or _is_right(call, right(net))
        for n, net in enumerate(nets)
    }
    before = FUNCTIONS[: FUNCTIONS.index(name)]
    helpers = [lambda: student.shadow(**_helpers(student, before))] if before else []
    return [answer.value for answer in fairly(look, holds, *helpers).values()]


def _helpers(student: Student, names: Sequence[str], *given: str) -> dict[str, Any]:
    """Right versions of the functions in the student's process, to be put in the place of the student's own."""
    loaded = student.load(RELU_NET, *given, *names, "slope_of_a_number")
    slope_of_a_number = loaded.pop("slope_of_a_number")
    if "relu_derivative" in names and _takes_numbers_only(student):
        loaded["relu_derivative"] = slope_of_a_number
    return loaded


def _takes_numbers_only(student: Student) -> bool:
    """True when the student's own relu_derivative works for a number and not for an array, as the exercise allows."""

    def size(x: Any) -> int:
        answer = _ask(student, "relu_derivative", {"x": x}).answer
        return 0 if answer.error else np.size(answer.value)

    return size(1.5) == 1 and size(np.array([1.5, -0.5, 2.5])) != 3


def _own_slope_at_zero(student: Student) -> bool:
    """True when the student's relu_derivative has another slope at 0 than 0: that has been paid for there."""
    slope = _ask(student, "relu_derivative", {"x": 0.0}).answer
    return slope.holds(lambda value: compare("", value, 0.5, atol=0.5, scalar_like=True).ok and np.any(value))


def _is_right(call: Call, exact: Any) -> bool:
    return not call.changed and call.answer.holds(
        lambda value: compare("", value, exact, scalar_like=True, **near(exact, value)).ok
    )


def _judge(call: Call, exact: Any, name: str, mistakes: Callable[[], list[Slip]] = list, title: str = "") -> bool:
    """Note the answer for one network in the open part. A mistake that leads to zeros there is not told from others."""
    if title and title != KINK:
        return expect_in(title, call.value, exact, name=name, scalar_like=True)

    def slips() -> list[Slip]:
        return [slip.map(lambda value: value if np.any(value) else None) for slip in mistakes()]

    return expect(call.value, exact, name=name, mistakes=slips, scalar_like=True)


def _gradient(
    student: Student,
    draw: Draw,
    variable: str,
    points: tuple[float, float],
    exact: Callable[[Network], Any],
    mistakes: Mistakes,
) -> None:
    """Judge d_loss_d_<variable> on networks with all units alive, then on networks with dead units.

    One mistake is enough for a message: after the first wrong answer a part looks at no further network.
    """
    alive, dead, small_and_large, dead_too = draw.once(everywhere)
    alive = [*alive, *small_and_large, flat(1.0), flat(0.0), alive[0]]
    dead = [*dead, *dead_too]
    if not _own_slope_at_zero(student):
        dead += [at_the_kink(alive[0]), at_the_kink(dead[0])]
    calls = _answers(student, f"d_loss_d_{variable}", [*alive, *dead], exact)
    name, paid = f"∂ℓ/∂{variable}", False
    first, second = calls[: len(alive)], calls[len(alive) :]
    for title, worth, nets, mine in [
        ("all units alive", points[0], alive, first),
        ("dead units", points[1], dead, second),
    ]:
        with part(title, points=worth):
            for net, call in zip(nets, mine, strict=True):
                if refused(net.title, call):
                    continue
                if net.title and call.answer.error:
                    if paid:
                        continue  # an error in a region is told and paid for once
                    paid = True
                if not _judge(call, exact(net), name, partial(_slips, net, exact, mistakes), net.title):
                    break
            else:
                if title == "dead units":  # what is changed in place is paid for once, beside right values
                    next((call for call in calls if call.changed), calls[0]).expect_left_alone()


def _slips(net: Network, exact: Callable[[Network], Any], mistakes: Mistakes) -> list[Slip]:
    if net.title != KINK:
        return mistakes(net)
    return [Slip("kink", [exact(other) for other in _other_slopes(net)])]


def _other_slopes(net: Network) -> list[Network]:
    return [Network(net.x, net.W0, net.W1, net.W2, net.y, at_zero=slope) for slope in (1.0, 0.5)]


THREE = {
    **dict.fromkeys(
        ["one entry", "many entries", "one row", "one column"], "every layer of the network has three units"
    ),
    "one array twice": "each value of a forward pass is an array of its own",
}
Y = "∂ℓ/∂y_predicted"
RELU = "the value of ReLU, or of the gradient's own sign, where the slope at the pre-activation belongs"


# -- the checks -------------------------------------------------------------------------------------------------------


@check(f"{SECTION}/d_ypredicted_check", points=3, domain=THREE)
def d_ypredicted(student: Student, draw: Draw) -> None:
    """∂ℓ/∂ŷ of the squared error: predictions above and below the observed value."""
    alive, dead = networks(draw)
    nets = [*alive, *dead, network(draw, [0], [1], -np.sign(alive[0].d_y))]
    others = [*elsewhere(draw, alive[0]), flat(1.0), flat(0.0), alive[0]]
    function = "d_loss_d_ypredicted"
    calls = _ask_all(student, function, [_arguments(function, net) for net in [*nets, *others]])
    name = "∂ℓ/∂y_predicted"
    with part("value", points=3):
        if _judge_slopes(calls[: len(nets)], nets, name):
            rest = zip(calls[len(nets) :], others, strict=True)
            all(_judge(call, net.d_y, name, title=net.title) for call, net in rest)
        next((call for call in calls if call.changed), calls[0]).expect_left_alone()


def _judge_slopes(calls: Sequence[Call], nets: Sequence[Network], name: str) -> bool:
    for call, net in zip(calls, nets, strict=True):
        if call.answer.error or call.value is None or np.size(call.value) != 1 or isinstance(call.value, str):
            return _judge(call, net.d_y, name)
    try:  # all at once say more about a mistake than each alone
        got = np.array([np.asarray(call.value, dtype=float).reshape(()) for call in calls])
    except (TypeError, ValueError):
        return _judge(calls[0], nets[0].d_y, name)
    predicted, observed = np.array([n.y_predicted for n in nets]), np.array([n.y for n in nets])
    loss, terms = (predicted - observed) ** 2, [2 * predicted - observed, predicted - 2 * observed]

    def mistakes() -> list[Slip]:
        return [
            Slip("wrong_argument", [loss, loss / 2], "the loss itself, where its derivative is asked for"),
            Slip("wrong_argument", terms, "check which terms the factor multiplies"),
            Slip("missing_term", [2 * predicted, predicted], "the observed value"),
            Slip("missing_term", [2 * observed, -2 * observed], "the prediction"),
            Slip("wrong_argument", 2 * (predicted + observed), "a sum where the difference belongs"),
        ]

    single = all(getattr(call.value, "dtype", None) == np.float32 for call in calls)
    return expect(got.astype(np.float32) if single else got, [n.d_y for n in nets], name=name, mistakes=mistakes)


@check(f"{SECTION}/d_W2_check", points=4, reveals=True, domain=THREE)
def d_W2(student: Student, draw: Draw) -> None:
    """∂ℓ/∂W2 is the upstream number times h1."""

    def mistakes(n: Network) -> list[Slip]:
        return [
            Slip("missing_chain_factor", [n.h1, n.r1], Y),
            Slip("wrong_argument", n.d_y * n.r1, "r1 where h1 belongs"),
            Slip("wrong_argument", n.d_y * n.h0, "h0 where h1 belongs"),
            Slip("wrong_argument", n.d_y * n.m1, "the slope of ReLU where its value belongs"),
            Slip("missing_chain_factor", n.d_y * np.ones(3), "h1"),
            Slip("upstream_twice", n.d_y**2 * n.h1),
        ]

    _gradient(student, draw, "W2", (2, 2), lambda n: n.d_W2, mistakes)


@check(f"{SECTION}/d_h1_check", points=4, reveals=True, domain=THREE)
def d_h1(student: Student, draw: Draw) -> None:
    """∂ℓ/∂h1 is the upstream number times W2, for dead units as well: the gate comes later."""

    def mistakes(n: Network) -> list[Slip]:
        return [
            Slip("missing_chain_factor", [n.W2, n.W2 * n.m1], Y),
            Slip("wrong_argument", [n.d_y * n.h1, n.d_y * n.r1], "h1 where W2 belongs"),
            Slip("missing_chain_factor", [n.d_y * np.ones(3), n.d_y * np.ones(1)], "W2"),
            Slip("masked", [n.d_y * n.W2 * n.m1, n.d_y * n.W2 * n.m0]),
            Slip("upstream_twice", n.d_y**2 * n.W2),
        ]

    _gradient(student, draw, "h1", (2, 2), lambda n: n.d_h1, mistakes)


@check(f"{SECTION}/relu_derivative_check", points=3)
def relu_derivative(student: Student, draw: Draw) -> None:
    """The slope of ReLU is 1 above 0, 0 below, and 0 at 0 (the handout's equation 12)."""

    def slope_expected(x: float, exact: float, *others: Slip) -> bool:
        where = "above 0" if exact else "at 0" if x == 0 else "below 0"
        where = f"just {where}" if 0 < abs(x) < 0.1 else where

        def slips() -> list[Slip]:
            return [Slip("wrong_argument", max(x, 0.0), "the value of ReLU, where its slope is asked for"), *others]

        got = _ask(student, "relu_derivative", {"x": x}).value
        return expect(got, exact, name=f"the slope {where}", mistakes=slips, scalar_like=True)

    kink = Slip("kink", [1.0, 0.5])

    with part("away from 0", points=2):
        above, below = draw.number(1.2, 3.0), -draw.number(1.2, 3.0)
        if slope_expected(above, 1.0) and slope_expected(below, 0.0, Slip("missing_mask", [1.0, below])):
            sizes = [*draw.rng.permutation([0.06, 0.15, 0.35, 0.7, 30.0, 1e6]), draw.number(0.05, 0.5)]
            all(slope_expected(x, float(x > 0)) for size in sizes for x in (float(size), -float(size)))
            slope_expected(1.0, 1.0) and slope_expected(-1.0, 0.0)
    with part("at 0 and close to it", points=1):
        if slope_expected(0.0, 0.0, kink):
            sizes = [draw.number(1e-4, 1e-3), draw.number(1e-9, 2e-9), draw.number(0.01, 0.03)]
            all(slope_expected(x, float(x > 0)) for size in sizes for x in (size, -size))
            slope_expected(-0.0, 0.0, kink)


@check(f"{SECTION}/d_r1_check", points=4, reveals=True, domain=THREE)
def d_r1(student: Student, draw: Draw) -> None:
    """∂ℓ/∂r1 is ∂ℓ/∂h1 where the upper gates are open, and 0 elsewhere."""

    def mistakes(n: Network) -> list[Slip]:
        return [
            Slip("missing_mask", n.d_h1),
            Slip("mask_of_wrong_layer", [n.d_h1 * n.m0, n.d_h1 * n.m0 * n.m1], "r1"),
            Slip("missing_chain_factor", [n.W2 * n.m1, n.W2], Y),
            Slip("missing_chain_factor", [n.d_y * n.m1, n.d_y * np.ones(3)], "W2"),
            Slip("missing_chain_factor", n.m1, "∂ℓ/∂h1"),
            Slip(
                "wrong_argument",
                [n.d_h1 * n.h1, n.d_h1 * n.r1, np.maximum(n.d_h1, 0), n.d_h1 * (n.d_h1 > 0) * n.m1],
                RELU,
            ),
        ]

    _gradient(student, draw, "r1", (2, 2), lambda n: n.d_r1, mistakes)


@check(f"{SECTION}/d_W1_check", points=5, reveals=True, domain=THREE)
def d_W1(student: Student, draw: Draw) -> None:
    """∂ℓ/∂W1 is the outer product of ∂ℓ/∂r1 (rows) and h0 (columns)."""

    def mistakes(n: Network) -> list[Slip]:
        return [
            Slip("outer_swapped", [n.d_W1.T, np.outer(n.h0, n.d_h1)]),
            Slip("missing_mask", [np.outer(n.d_h1, n.h0), np.outer(n.d_h1, n.r0)]),
            Slip("mask_of_wrong_layer", [np.outer(n.d_h1 * n.m0, n.h0), np.outer(n.d_r1 * n.m0, n.h0)], "r1"),
            Slip("missing_chain_factor", np.outer(n.W2 * n.m1, n.h0), Y),
            Slip(
                "missing_chain_factor",
                [np.outer(n.d_y * n.m1, n.h0), n.d_y * n.h0, np.tile(n.d_y * n.h0, (3, 1))],
                "W2",
            ),
            Slip("missing_chain_factor", [n.d_r1, np.outer(n.d_r1, np.ones(3))], "h0"),
            Slip("wrong_argument", np.outer(n.d_r1, n.r0), "r0 where h0 belongs"),
            Slip("wrong_argument", np.outer(n.d_r1, n.h1), "h1 where h0 belongs"),
            Slip("wrong_argument", [n.d_r1 * n.x, np.outer(n.d_r1, n.x * np.ones(3))], "x where h0 belongs"),
            Slip("shape", n.d_r1 * n.h0),
        ]

    _gradient(student, draw, "W1", (2, 3), lambda n: n.d_W1, mistakes)


@check(f"{SECTION}/d_h0_check", points=5, reveals=True, domain=THREE)
def d_h0(student: Student, draw: Draw) -> None:
    """∂ℓ/∂h0 adds up over the units of the upper layer: W1 transposed times ∂ℓ/∂r1."""

    def mistakes(n: Network) -> list[Slip]:
        return [
            Slip("wrong_argument", [n.W1 @ n.d_r1, n.W1 @ n.d_h1], "rows and columns of W1 are exchanged"),
            Slip("missing_mask", n.W1.T @ n.d_h1),
            Slip("mask_of_wrong_layer", n.W1.T @ (n.d_h1 * n.m0), "r1"),
            Slip("masked", n.d_h0 * n.m0),
            Slip("missing_chain_factor", n.W1.T @ (n.W2 * n.m1), Y),
            Slip("missing_chain_factor", n.W1.T @ (n.d_y * n.m1), "W2"),
            Slip("missing_chain_factor", [n.d_r1, n.d_h1], "W1"),
            Slip("missing_chain_factor", [n.W1.sum(axis=0), n.W1], "∂ℓ/∂r1"),
            Slip(
                "missing_term",
                [np.diag(n.W1) * n.d_r1, n.W1[0] * n.d_r1[0], n.W1[0] * n.d_r1],
                "every unit of the upper layer contributes",
            ),
            Slip("shape", [n.W1 * n.d_r1, n.W1.T * n.d_r1, n.W1 * n.d_r1[:, None]]),
        ]

    _gradient(student, draw, "h0", (2, 3), lambda n: n.d_h0, mistakes)


@check(f"{SECTION}/d_r0_check", points=4, reveals=True, domain=THREE)
def d_r0(student: Student, draw: Draw) -> None:
    """∂ℓ/∂r0 is ∂ℓ/∂h0 where the lower gates are open, and 0 elsewhere."""

    def mistakes(n: Network) -> list[Slip]:
        unmasked = n.W1.T @ n.d_h1
        return [
            Slip("missing_mask", [n.d_h0, unmasked, unmasked * n.m0]),
            Slip("mask_of_wrong_layer", [n.d_h0 * n.m1, n.d_h0 * n.m1 * n.m0], "r0"),
            Slip("missing_chain_factor", (n.W1.T @ (n.W2 * n.m1)) * n.m0, Y),
            Slip("missing_chain_factor", (n.W1.T @ (n.d_y * n.m1)) * n.m0, "W2"),
            Slip("missing_chain_factor", [n.d_r1 * n.m0, n.d_r1], "W1"),
            Slip("missing_chain_factor", n.m0, "∂ℓ/∂h0"),
            Slip("wrong_argument", (n.W1 @ n.d_r1) * n.m0, "rows and columns of W1 are exchanged"),
            Slip(
                "wrong_argument",
                [n.d_h0 * n.h0, n.d_h0 * n.r0, np.maximum(n.d_h0, 0), n.d_h0 * (n.d_h0 > 0) * n.m0],
                RELU,
            ),
        ]

    _gradient(student, draw, "r0", (2, 2), lambda n: n.d_r0, mistakes)


@check(f"{SECTION}/d_W0_check", points=4, reveals=True, domain=THREE)
def d_W0(student: Student, draw: Draw) -> None:
    """∂ℓ/∂W0 is ∂ℓ/∂r0 times the input x."""

    def mistakes(n: Network) -> list[Slip]:
        unmasked = n.W1.T @ n.d_h1
        return [
            Slip("missing_chain_factor", n.d_r0, "x"),
            Slip("missing_mask", [n.d_h0 * n.x, unmasked * n.x, unmasked * n.m0 * n.x]),
            Slip("mask_of_wrong_layer", [n.d_h0 * n.m1 * n.x, n.d_r0 * n.m1 * n.x], "r0"),
            Slip("missing_chain_factor", (n.W1.T @ (n.W2 * n.m1)) * n.m0 * n.x, Y),
            Slip("missing_chain_factor", (n.W1.T @ (n.d_y * n.m1)) * n.m0 * n.x, "W2"),
            Slip("missing_chain_factor", [n.d_r1 * n.m0 * n.x, n.d_r1 * n.x], "W1"),
            Slip("missing_chain_factor", n.x * np.ones(3), "∂ℓ/∂r0"),
            Slip("wrong_argument", (n.W1 @ n.d_r1) * n.m0 * n.x, "rows and columns of W1 are exchanged"),
            Slip("wrong_argument", n.d_r0 * n.h0, "h0 where x belongs"),
            Slip("wrong_argument", n.d_r0 * n.r0, "r0 where x belongs"),
            Slip("shape", np.outer(n.d_r0, n.h0)),
        ]

    _gradient(student, draw, "W0", (2, 2), lambda n: n.d_W0, mistakes)


@check(f"{SECTION}/gradient_step_check", points=4, reveals=True, domain=THREE)
def gradient_step(student: Student, draw: Draw) -> None:
    """One step moves all three weights against their gradients, which belong to the old weights."""
    alive, dead, small_and_large, dead_too = draw.once(everywhere)
    nets = [*alive, *dead, *small_and_large, *dead_too, flat(1.0), flat(0.0), alive[0]]
    if not _own_slope_at_zero(student):
        nets += [at_the_kink(alive[0]), at_the_kink(dead[0])]
    sizes = [draw.number(0.05, 0.15) for _ in nets]

    def look() -> dict[str, Answer]:
        asked = [_arguments("gradient_step", *both) for both in zip(nets, sizes, strict=True)]
        calls = _ask_all(student, "gradient_step", asked)
        return {str(n): Answer(call) for n, call in enumerate(calls)}

    def right(n: int) -> Callable[[Call], bool]:
        return lambda call: _step_is_right(call, nets[n], sizes[n])

    given = ("relu", "mlp", "loss")
    seen = fairly(
        look,
        {str(n): right(n) for n in range(len(nets))},
        lambda: student.shadow(**_helpers(student, FUNCTIONS, *given)),
    )
    calls = [answer.value for answer in seen.values()]
    good = False
    with part("the new weights", points=3):
        good = all(_judge_step(*each) for each in zip(calls, nets, sizes, strict=True))
    with part("the old weights left alone", points=1):
        text = "No step was taken: three new arrays, with the weights after the step, should come back."
        _weights(calls[0].value)
        if expect_true(good or _moved(calls[0], nets[0]), text, "zero"):
            next((call for call in calls if call.changed), calls[0]).expect_left_alone()
            next((call for call in calls if call.kept), calls[0]).expect_new_arrays()


def _moved(call: Call, net: Network) -> bool:
    """Whether new numbers came back in the shapes of the weights: who takes no step leaves the old alone as well."""
    old = [net.W0, net.W1, net.W2]
    new = [np.asarray(value) if isinstance(value, np.ndarray) else np.array(None) for value in _weights(call.value)]
    shapes = [array.shape for array in new] == [array.shape for array in old]
    return shapes and all(
        array.dtype.kind == "f" and np.isfinite(array).all() and np.any(array) and not np.allclose(array, before)
        for array, before in zip(new, old, strict=True)
    )


def _judge_step(call: Call, net: Network, size: float) -> bool:
    good = True
    if refused(net.title, call):
        return good
    for (name, exact), got in zip(_stepped(net, size).items(), _weights(call.value), strict=True):
        label = f"{name} after the step"
        if net.title and net.title != KINK:
            good &= expect_in(net.title, got, exact, name=label)
        else:
            good &= expect(got, exact, name=label, mistakes=partial(_step_mistakes, net, name, size))
    return good


def _step_is_right(call: Call, net: Network, size: float) -> bool:
    def all_right(value: Any) -> bool:
        stepped = _stepped(net, size).values()
        return all(compare("", got, e, **near(e, got)).ok for got, e in zip(_weights(value), stepped, strict=True))

    return refused(net.title, call) or (not call.changed and call.answer.holds(all_right))


def _weights(value: Any) -> list[Any]:
    """The three returned weights, vectors of three in any accepted shape as (3,); StudentError when it is not three."""
    if isinstance(value, list | tuple) and len(value) == 3:
        return [_three(item) for item in value]
    came = "nothing" if value is None else f"{len(value)} values" if isinstance(value, list | tuple) else "one value"
    text = f"gradient_step should return three arrays, W0, W1 and W2, but it returned {came}."
    raise StudentError(text, "none" if value is None else "type")


def _stepped(net: Network, size: float) -> dict[str, Array]:
    return {"W0": net.W0 - size * net.d_W0, "W1": net.W1 - size * net.d_W1, "W2": net.W2 - size * net.d_W2}


def _step_mistakes(net: Network, name: str, size: float) -> list[Slip]:
    if net.title == KINK:
        return [Slip("kink", [_stepped(other, size)[name] for other in _other_slopes(net)])]
    old, gradient, moved = getattr(net, name), getattr(net, f"d_{name}"), _stepped(net, size)
    gradients = [gradient, size * gradient, -size * gradient]
    return [
        Slip("sign", old + size * gradient),
        Slip("factor", [old - 2 * size * gradient, old - size / 2 * gradient]),
        Slip("missing_chain_factor", old - gradient, "step_size"),
        Slip("missing_term", old, "the step (these are the old weights)"),
        Slip("wrong_argument", gradients, "the gradient where the new weights are asked for"),
        Slip("wrong_argument", _too_late(net, name, size), "a gradient taken at weights that had moved already"),
        Slip("swapped_arguments", {"W0": moved["W2"], "W1": None, "W2": moved["W0"]}[name], "W0 and W2"),
        Slip("transposed", old - size * gradient.T if name == "W1" else None),
    ]


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
