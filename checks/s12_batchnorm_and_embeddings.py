"""Checks of section 12: batch normalisation, embeddings, and the model that writes letter by letter."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograder.judging import (
    Array,
    Draw,
    Remote,
    Slip,
    Student,
    StudentError,
    check,
    expect,
    expect_in,
    expect_true,
    part,
    regions,
    source_of,
)
from autograder.judging.regions import whole
from backprop.batchnorm_checks import backward_slips, forward_slips, of_earlier_batch
from backprop.checking.finite_differences import jacobian
from backprop.checking.slips import worked_out
from backprop.embedding_checks import embedding_slips

from .common.attempts import fair_answer
from .common.cached_layers import Layer
from .s08_cifar import CLASSES, judge_softmax_loss
from .shipped import letters

SECTION = "12-batchnorm-and-embeddings"
LETTERS = source_of(letters)
EPS = 1e-5


class Ran:
    """One call of a forward function: `out` as it came, the cache where it is, and the inputs to be looked at later."""

    def __init__(self, student: Student, name: str, *inputs: Any):
        self.name, self.given = name, inputs
        self.inputs = [student.put(value) for value in inputs]
        answer = student.call(name, *self.inputs)
        _require(answer.value, 2, name, "out and cache")
        self.out, self.cache = answer.item(0).value, answer.item(1)

    def unchanged(self, by: str = "") -> bool:
        text = f"{by or self.name} changed an input in place: others still need it as it was, so work on a copy."
        return expect_true(all(map(_same, self.inputs, self.given)), text, "in_place")


def _same(remote: Remote, value: Any) -> bool:
    now = remote.fetch()
    if not isinstance(value, np.ndarray):
        return now == value
    return isinstance(now, np.ndarray) and now.shape == value.shape and np.array_equal(now, value)


def _require(value: Any, count: int, name: str, what: str) -> None:
    if value is None:
        raise StudentError(f"{name} returned None: it should return {what}.", "none")
    if not isinstance(value, list | tuple) or len(value) != count:
        came = f"{len(value)} values" if isinstance(value, list | tuple) else "one value"
        raise StudentError(f"{name} returned {came}: it should return {what}.", "type")


def _different(slips: Iterable[Slip], right: Array) -> list[Slip]:
    """The slips without the values that coincide with the right one."""

    def apart(value: Any) -> Array | None:
        array = np.asarray(value)
        return array if array.shape != right.shape or not np.allclose(array, right, rtol=1e-6, atol=1e-12) else None

    return [slip.map(apart) for slip in slips]


# -- batch normalisation ----------------------------------------------------------------------------------------------

Batch = tuple[Array, Array, Array]


def _batch(draw: Draw, n: int, d: int, low: float = 0.05, high: float = 8.0) -> Batch:
    """x, gamma, beta; each column with a mean and a spread of its own, between `low` and `high`."""
    spread = np.exp(draw.rng.uniform(np.log(low), np.log(high), d))
    return draw.normal(n, d) * spread + draw.signed(d), draw.signed(d), draw.signed(d)


def _odd(draw: Draw) -> list[tuple[Array, Array, Array, Array]]:
    """x, gamma, beta and an upstream gradient in the corners: 0, 1, tiny, huge; one sign only; one entry; many;
    integers, and a column where nothing varies; numbers that are far from 0 and near one another, an example twice.
    Of many examples one lies ten deviations away."""
    found = []
    for n, d in ((6, 7), (5, 6), (6, 5), (1, 1), (120, 4), (11, 12)):
        found.append([draw.signed(n, d), draw.signed(d), draw.signed(d), draw.signed(n, d)])
    for array in found[0]:
        array.flat[:6] = draw.rng.permutation([0.0, 1.0, -1.0, 3e-6, -2e-6, 400.0])
    found[4][0][3], found[4][3][5] = 300 * draw.signed(4), 300 * draw.signed(4)
    found[1], found[2] = [np.abs(array) for array in found[1]], [-np.abs(array) for array in found[2]]
    x, gamma, beta, upstream = (draw.signed(*shape) for shape in ((7, 4), (4,), (4,), (7, 4)))
    x *= 4
    x[:, 1] = x[0, 1]
    found.append([whole(x), gamma, beta, upstream])
    found.append([1e6 + draw.normal(9, 4), gamma, beta, draw.signed(9, 4)])
    for array in (found[-1][0], found[-1][3]):
        array[-1] = array[0]
    return [tuple(arrays) for arrays in found]


def _layer(student: Student, draw: Draw, n: int, d: int, back: str) -> Layer:
    """The layer with one of the backward passes in every region; and with one example, one unit, as many as units."""

    def sized(n: int, d: int) -> Callable[..., dict[str, Array]]:
        return lambda array: {"x": array(n, d), "gamma": array(d), "beta": array(d)}

    def of_one(array: Callable[..., Array]) -> dict[str, Array]:
        both = array(d)
        return {"x": array(n, d), "gamma": both, "beta": both}

    def rule(g: Array | None, *inputs: Array) -> tuple[Array, tuple[Array, ...]]:
        x, gamma, beta = (array.astype(float) for array in inputs)
        gradients = () if g is None else tuple(_gradients(x, gamma, g.astype(float)).values())
        return _normalised(x, gamma, beta), gradients

    others = [*(sized(*size) for size in ((1, d), (n, 1), (d, d), (1, 1), (40, d), (30, 25))), of_one]
    return Layer(student, ("batchnorm_forward", back), draw, rule, sized(n, d), *others, single=True)


def _normalised(x: Array, gamma: Array, beta: Array, eps: float = EPS) -> Array:
    return gamma * (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + eps) + beta


@check(
    f"{SECTION}/batchnorm_forward_check",
    points=4,
    domain={
        f"batchnorm_forward, result {part_of_cache}": "the cache is judged with the backward passes that use it"
        for part_of_cache in (1, 2, 3, 4)
    },
)
def batchnorm_forward(student: Student, draw: Draw) -> None:
    """out = γ (x − mean) / √(variance + ε) + β, column by column; any ε, any size, also where nothing varies."""
    n, d = (int(size) for size in draw.rng.choice([5, 6, 7, 9, 10], 2, replace=False))  # 8 times may be said of 8
    layer = _layer(student, draw, n, d, "batchnorm_backward")
    with part("out", points=3):
        batches = [_batch(draw, n, d), _batch(draw, n, d), _batch(draw, d, n)]
        batches.append((1e3 + 200 * draw.normal(n, d), draw.signed(d), draw.signed(d)))
        batches.append(
            (1e-3 * draw.normal(n, d), draw.signed(d) * (np.arange(d) > 0), draw.signed(d) * (np.arange(d) > 1))
        )
        batches += [odd[:3] for odd in _odd(draw)]
        for x, gamma, beta in batches:
            ran = Ran(student, "batchnorm_forward", x, gamma, beta)
            right = _normalised(x, gamma, beta)
            mistakes = _different(worked_out(forward_slips(x, gamma, beta, EPS)), right)
            if x is batches[1][0]:
                stale = of_earlier_batch(x, batches[0][0], gamma, beta, EPS)
                mistakes.append(Slip("stale", stale, "mean and variance are those of an earlier batch"))
            if not expect(ran.out, right, name="out", batch_size=len(x), mistakes=mistakes) or not ran.unchanged():
                break
        else:
            layer.expect_forward()
    with part("eps", points=1):
        x, gamma, beta = _batch(draw, 120, d, high=0.3)
        x[3] = 9 * draw.signed(d)  # far away: whether a cut shows is no matter of luck
        eps = draw.number(0.01, 0.05)
        found = student.call("batchnorm_forward", x, gamma, beta, eps).value
        _require(found, 2, "batchnorm_forward", "out and cache")
        right = _normalised(x, gamma, beta, eps)
        mistakes = _different(worked_out(forward_slips(x, gamma, beta, eps)), right)
        mistakes.append(Slip("wrong_argument", _normalised(x, gamma, beta), "eps is not the one that was given"))
        # Single precision would be told by luck alone at the usual 1e-7.
        if expect(found[0], right, name="out with another eps", mistakes=mistakes, rtol=1e-9):
            x[:, 1] = x[0, 1]
            ran = Ran(student, "batchnorm_forward", x, gamma, beta)
            expect(ran.out, _normalised(x, gamma, beta), name="out where a unit is the same for all examples")
            one = Ran(student, "batchnorm_forward", x[:1], gamma, beta)
            expect(one.out, beta[np.newaxis], name="out for a batch of one")


def _gradients(x: Array, gamma: Array, upstream: Array, eps: float = EPS) -> dict[str, Array]:
    c = x - x.mean(axis=0)
    s = np.sqrt((c**2).mean(axis=0) + eps)
    x_hat, g = c / s, gamma * upstream
    through = g - g.mean(axis=0) - x_hat * (g * x_hat).mean(axis=0)
    return {"x": through / s, "gamma": (upstream * x_hat).sum(axis=0), "beta": upstream.sum(axis=0)}


# A forward pass with one of these is another layer, and its gradient is right for that layer: it was paid for there.
_PAID = (
    "missing_term:eps",
    "wrong_argument:eps is added after the root, where it belongs inside",
    "wrong_argument:the sum of squares is divided by N − 1",
)


def _layer_of(out: Any, x: Array, gamma: Array, beta: Array) -> Callable[[Array, Array, Array], Array]:
    """The layer that the student's forward pass computes: the right one, or one of those that are paid for already."""
    for family in _PAID:
        wrong = forward_slips(x, gamma, beta, EPS)[family]
        apart = not np.allclose(wrong, _normalised(x, gamma, beta), rtol=1e-9, atol=1e-12)
        if apart and isinstance(out, np.ndarray) and out.shape == wrong.shape and np.allclose(out, wrong, 1e-11, 1e-13):
            return lambda x, gamma, beta, family=family: forward_slips(x, gamma, beta, EPS)[family]
    return _normalised


def _judge_backward(student: Student, draw: Draw, name: str, of_parameters: float, of_x: float) -> None:
    n, d = (int(size) for size in draw.rng.choice([5, 6, 7, 9, 10], 2, replace=False))  # 8 times may be said of 8
    batches = [_batch(draw, n, d), _batch(draw, n, d), _batch(draw, d, n, low=0.5)]
    upstreams = [draw.signed(len(x), x.shape[1]) for x, _, _ in batches]
    for upstream in upstreams:
        upstream[0], upstream[1] = np.abs(upstream[0]), -np.abs(upstream[1])
    for x, gamma, beta, upstream in _odd(draw):
        batches.append((x, gamma, beta))
        upstreams.append(upstream)
    batches.append(_batch(draw, n, d, high=0.3))
    upstreams.append(draw.signed(n, d))
    eps = draw.number(0.01, 0.05)  # of the last batch
    layer = _layer(student, draw, n, d, name)
    order = [0, 1, 2, 0, *range(3, len(batches))]  # after all forward passes, and the first once more
    runs: list[Ran] = []
    answers: list[Sequence[Any]] = []
    given = [student.put(upstream) for upstream in upstreams]

    def ask() -> list[Sequence[Any]]:
        if not answers:
            runs.extend(Ran(student, "batchnorm_forward", *batch) for batch in batches[:-1])
            runs.append(Ran(student, "batchnorm_forward", *batches[-1], eps))
            found = [student.call(name, given[k], runs[k].cache).value for k in order]
            for value in found:
                _require(value, 3, name, "grad_x, grad_gamma and grad_beta")
            answers.extend(found)
        return answers

    def right(k: int) -> dict[str, Array]:
        if k == len(batches) - 1 and _near(runs[k].out, _normalised(*batches[k], eps)):  # else paid for in forward
            return _gradients(*batches[k][:2], upstreams[k], eps)
        layer = _layer_of(runs[k].out, *batches[k])
        if layer is _normalised:
            return _gradients(*batches[k][:2], upstreams[k])
        arrays = [array.astype(float) for array in batches[k]]
        total = lambda: np.sum(upstreams[k] * layer(*arrays))  # noqa: E731
        return {key: jacobian(total, array)[0] for key, array in zip(("x", "gamma", "beta"), arrays, strict=True)}

    def judge(places: Sequence[tuple[int, str]]) -> None:
        text = f"{name} changed grad_out in place: others still need it, so work on a copy."
        for turn, k in enumerate(order):
            got = ask()[turn]
            if turn == 3 and not expect_true(all(map(_same, given, upstreams)), text, "in_place"):
                return
            exact = right(k)
            exchanged = _near(got[1], exact["beta"]) and _near(got[2], exact["gamma"])
            slips = {key: worked_out(of) for key, of in backward_slips(*batches[k][:2], upstreams[k]).items()}
            stale = _gradients(*batches[1 - k][:2], upstreams[k]) if k < 2 else {}
            good = True
            for place, key in places:
                mistakes = _different(slips[key], exact[key])
                if exchanged and place:
                    mistakes = [Slip("swapped_arguments", [exact["beta"], exact["gamma"]], "grad_gamma and grad_beta")]
                elif stale:
                    mistakes += _different([Slip("stale", stale[key], "another call's cache is used")], exact[key])
                good &= expect(got[place], exact[key], name=f"grad_{key}", batch_size=len(batches[k][0]),
                               mistakes=mistakes, rtol=1e-7, atol=1e-9)  # fmt: skip
            if not good:
                return
        if layer.forward_right:  # else paid for in forward
            layer.expect_backward(*(key for _, key in places))

    with part("gamma and beta", points=of_parameters):
        judge([(1, "gamma"), (2, "beta")])
    with part("x", points=of_x):
        judge([(0, "x")])


APART = "what arrives from above and what is in the cache are two things"
UNUSED = "c in the cache, which the formula needs no more"


@check(f"{SECTION}/batchnorm_backward_check", points=7, domain={"one array twice": APART})
def batchnorm_backward(student: Student, draw: Draw) -> None:
    """The gradients of x, γ and β, through the mean and the variance; from the cache alone, as often as asked."""
    _judge_backward(student, draw, "batchnorm_backward", 2, 5)


@check(
    f"{SECTION}/batchnorm_backward_short_check",
    points=3,
    domain={
        "one array twice": APART,
        "batchnorm_backward_short, result 1, changes an argument": UNUSED,
        "batchnorm_backward_short, result 1, changes one entry": UNUSED,
    },
)
def batchnorm_backward_short(student: Student, draw: Draw) -> None:
    """The same gradients by the formula."""
    _judge_backward(student, draw, "batchnorm_backward_short", 1, 2)


# -- embeddings -------------------------------------------------------------------------------------------------------


@check(f"{SECTION}/embedding_check", points=5)
def embedding(student: Student, draw: Draw) -> None:
    """out = the rows of the table; its gradient adds up what arrives for each row. Indices in one axis or several."""
    v, d, n, length = draw.distinct_sizes(4, low=5, high=11)
    batches: list[tuple[Array, Array]] = []
    for shape in ((n,), (n,), (n, length), (2, length, n), (1,)):
        indices = draw.rng.integers(0, v - 2, shape)  # two rows that nobody looks up
        if indices.size > 3:
            indices.flat[:4] = [v - 3, 0, v - 3, v - 3]  # several times
        if indices.ndim > 1:
            indices[-1] = indices[0]  # a whole context comes again, and its gradient is another
        batches.append((indices, draw.signed(v, d)))
    batches.append((np.array([1, 0, 1]), np.array([[1e-6, 0.0], [-700.0, 1.0]])))
    batches.append((np.array([0]), draw.signed(1, 1)))
    batches += [(draw.rng.integers(0, 9, 12), sign * draw.positive(9, 5)) for sign in (1.0, -1.0)]
    batches.append((np.array([2, 0, 2]), whole(draw.signed(4, 3))))
    layer = _lookup(student, draw, v, d, n)
    runs: list[Ran] = []
    with part("looked up", points=1):
        for indices, table in batches:
            ran = Ran(student, "embedding_forward", indices, table)
            runs.append(ran)
            right = table[indices.ravel()].reshape(*indices.shape, table.shape[1])
            mistakes = [
                Slip("one_based_labels", table[indices.ravel() - 1].reshape(right.shape)),
                Slip(
                    "wrong_argument",
                    np.take(table.T, indices % table.shape[1], axis=0),
                    "columns of the table, where rows belong",
                ),
                Slip("order", right[::-1] if right.ndim > 1 else right),
            ]
            if not expect(ran.out, right, name="out", mistakes=_different(mistakes, right)) or not ran.unchanged():
                break
        else:
            layer.expect_forward()
    with part("added up", points=4):
        while len(runs) < len(batches):
            runs.append(Ran(student, "embedding_forward", *batches[len(runs)]))
        upstreams = [draw.signed(*indices.shape, table.shape[1]) for indices, table in batches]
        upstreams[0][2] = upstreams[0][0]  # of the same row, as is the next one
        upstreams[3][-1] = upstreams[3][0]
        upstreams[2].flat[:6] = [0.0, 1.0, 3e-6, -2e-6, 400.0, -1.0]
        upstreams[-2], upstreams[-1] = np.abs(upstreams[-2]), -np.abs(upstreams[-1])
        totals: list[Array] = []
        for k in [*range(len(batches)), 0]:
            (indices, table), upstream = batches[k], upstreams[k]
            given = student.put(upstream)
            got = student.call("embedding_backward", given, runs[k].cache).value
            got = got[0] if isinstance(got, list | tuple) and len(got) == 1 else got
            one_hot = np.eye(len(table))[indices.ravel()]
            right = one_hot.T @ upstream.reshape(indices.size, -1)
            mistakes = [*worked_out(embedding_slips(indices, len(table), upstream))]
            cut = np.zeros(right.shape)
            for row, gradient in zip(indices.ravel(), upstream.reshape(indices.size, -1), strict=True):
                cut[row] = np.trunc(cut[row] + gradient)
            mistakes.append(Slip("dtype", cut, "grad_table holds integers, which cut off fractions: make it of floats"))
            if k < 2 and n > 3:
                other = np.eye(len(table))[batches[1 - k][0]].T @ upstream
                mistakes.append(Slip("stale", other, "another call's cache is used"))
            earlier = [total for total in totals if total.shape == right.shape]
            if earlier:
                mistakes.append(Slip("stale", right + sum(earlier), "it is added to what an earlier call has left"))
            totals.append(right)
            if not expect(got, right, name="grad_table", mistakes=_different(mistakes, right)):
                break
            text = "embedding_backward changed grad_out in place: others still need it, so work on a copy."
            if not (expect_true(_same(given, upstream), text, "in_place") and runs[k].unchanged("embedding_backward")):
                break
        else:
            layer.expect_backward()


def _lookup(student: Student, draw: Draw, v: int, d: int, n: int) -> Layer:
    """Tables in every region; with one row or column; one look-up, as many as columns, many."""

    def sized(v: int, d: int, *shape: int) -> Callable[..., dict[str, Array]]:
        return lambda array: {"indices": draw.rng.integers(0, v, shape), "table": array(v, d)}

    def rule(g: Array | None, indices: Array, table: Array) -> tuple[Array, tuple[Array, ...]]:
        out = table[indices.ravel()].reshape(*indices.shape, table.shape[1])
        one_hot = np.eye(len(table))[indices.ravel()]
        return out, () if g is None else (one_hot.T @ g.reshape(indices.size, -1).astype(float),)

    others = [sized(1, d, 3), sized(v, 1, n), sized(d, d, d), sized(1, 1, 1), sized(v, d, 1), sized(v, d, 40)]
    others += [sized(30, 25, 35, 3), sized(2, d, n, 2)]  # in the second one contexts come again and again
    names = ("embedding_forward", "embedding_backward")
    return Layer(student, names, draw, rule, sized(v, d, n), *others, of=["table"], single=True)


@check(f"{SECTION}/softmax_loss_check", points=2, domain=CLASSES)
def softmax_loss(student: Student, draw: Draw) -> None:
    """As in section 08: the mean over the rows of −log p of the true class, and its gradient; stable."""
    judge_softmax_loss(student, draw, (0.5, 0.5, 0.5, 0.5))


# -- the model --------------------------------------------------------------------------------------------------------

Case = tuple[dict[str, Array], Array, Array]


SEVERAL = 4  # cases that are asked with another norm as well
MOST_NUMBERS = 20_000  # in the answers to all cases, with room for gradients of other shapes


@check(f"{SECTION}/char_model_check", points=5, reveals=True, domain={"one array twice": APART})
def char_model(student: Student, draw: Draw) -> None:
    """backward gives the gradient of each parameter, by embedding_backward and self.norm_backward; nothing moves."""
    cases = [_case(draw, *sizes) for sizes in ((7, 6, 3, 4, 5), (7, 6, 3, 4, 5), (5, 9, 2, 3, 8), (8, 5, 1, 6, 3))]
    titles = [""] * SEVERAL
    for n, v in ((1, 6), (7, 1), (1, 1), (6, 6), (40, 5)):
        cases.append(_case(draw, n, v, 3, 4, 5))
        titles.append("another number of contexts or letters")
    cases.append(_case(draw, 12, 27, 9, 11, 20))
    titles.append("a larger model")
    for title, make in regions(draw, single=True):
        arrays, contexts, upstream = _case(draw, 7, 6, 3, 4, 5)
        cases.append((arrays, contexts, make(*upstream.shape)))
        titles.append(f"grad_scores of {title}")
    answers: list[Any] = []

    def ask() -> list[Any]:
        if not answers:
            other_norm = ("shift_forward", "shift_backward")
            answers.extend([_asked(student, cases, None), _asked(student, cases[:SEVERAL], other_norm)])
        return answers

    model = functools.cache(lambda number, shifted: _model(cases[number], shifted))

    def mistakes(number: int, shifted: bool, name: str) -> list[Slip]:
        found = _different(_model_slips(cases[number], shifted)[name], model(number, shifted)[name])
        if shifted:
            batch = _model_slips(cases[number], True, batch_backward=True)[name]
            found += _different(batch, model(number, True)[name])
        return found

    def earlier(number: int, shifted: bool, name: str) -> list[Slip]:
        old, case = cases[0][0], cases[number]
        stale = {key: _model(case, shifted, back={**case[0], key: old[key]})[name] for key in ("W1", "W2")}
        return [Slip("stale", value, f"{key} as it was in an earlier step") for key, value in stale.items()]

    def judge(names: Sequence[str]) -> None:
        for shifted, (_, gradients, again, kept) in zip((False, True), ask(), strict=True):
            numbers = [*range(SEVERAL if shifted else len(cases)), 0, 0, 1]
            for turn, (number, found) in enumerate(zip(numbers, [*gradients, *again], strict=True)):
                title, upstream = titles[number], cases[number][2]
                exact, good = model(number, shifted), True
                for name in names:
                    if not isinstance(found, dict) or name not in found:
                        raise StudentError(f"There is no gradient called {name} in what backward returned.", "missing")
                    if title:
                        # Where letters are the same, what batch normalisation gives cancels, up to rounding.
                        room = {"rtol": 1e-6, "atol": 1e-9 * float(np.abs(upstream).max()) + 1e-15}
                        good &= expect_in(title, found[name], exact[name], name=f"the gradient of {name}", **room)
                        continue
                    hints = functools.partial(earlier if turn == len(numbers) - 1 else mistakes, number, shifted, name)
                    good &= expect(found[name], exact[name], name=f"the gradient of {name}", batch_size=len(upstream),
                                   mistakes=hints,
                                   rtol=1e-6, atol=1e-9)  # fmt: skip
                if not good:
                    return
            if "W2" not in names:
                expect_true(
                    kept is True, "backward changed a parameter or grad_scores: leave them as they are.", "in_place"
                )

    with part("W2 and b2", points=1):
        judge(["W2", "b2"])
    with part("W1, gamma and beta", points=2):
        judge(["W1", "gamma", "beta"])
    with part("E", points=2):
        judge(["E"])


def _case(draw: Draw, n: int, v: int, length: int, d: int, h: int) -> Case:
    arrays = {
        "E": draw.signed(v, d),
        "W1": 0.4 * draw.signed(length * d, h),
        "gamma": draw.signed(h),
        "beta": draw.signed(h),
    }
    arrays |= {"W2": draw.signed(h, v), "b2": draw.signed(v)}
    contexts = draw.rng.integers(0, v, (n, length))
    contexts[0] = contexts[-1]  # letters that come again
    return arrays, contexts, draw.signed(n, v)


def _asked(student: Student, cases: list[Case], norm: tuple[str, str] | None) -> Any:
    """What the model gives with the reference's layers in place of the student's, else with the student's own."""
    layers = ("batchnorm_forward", "batchnorm_backward", "embedding_forward", "embedding_backward")
    loaded = student.load(LETTERS, "asked", *layers, *(norm or ()))
    pair = None if norm is None else tuple(loaded[name] for name in norm)

    def ask() -> Any:
        return loaded["asked"](student.get("CharModel"), cases, pair).fetch(MOST_NUMBERS)

    def good(answer: Any) -> bool:
        shifted = norm is not None
        return all(
            isinstance(found, dict)
            and all(_near(found.get(name), exact) for name, exact in _model(case, shifted).items())
            for case, found in zip(cases, answer[1], strict=True)
        )

    right = {name: loaded[name] for name in layers} | {"batchnorm_backward_short": loaded["batchnorm_backward"]}
    return fair_answer(student, ask, good, right)


def _near(got: Any, exact: Array) -> bool:
    return isinstance(got, np.ndarray) and got.shape == exact.shape and bool(np.allclose(got, exact, 1e-6, 1e-9))


def _forward(case: Case, shifted: bool) -> tuple[Array, Array, Array]:
    """e, a and z of the model."""
    p, contexts, _ = case
    e = np.concatenate([p["E"][column] for column in contexts.T], axis=1)
    a = e @ p["W1"]
    return e, a, a + 3.0 * p["beta"] if shifted else _normalised(a, p["gamma"], p["beta"])


def _model(case: Case, shifted: bool, slope: Array | None = None, **wrong: Any) -> dict[str, Array]:
    """The gradients of the model; `slope` in place of that of tanh, other mistakes by name."""
    p, contexts, upstream = case
    e, a, z = _forward(case, shifted)
    h, back = np.tanh(z), wrong.get("back", p)
    grad_z = upstream @ back["W2"].T * (1 - h**2 if slope is None else slope)
    if shifted and not wrong.get("batch_backward"):
        norm = {"x": grad_z, "gamma": np.zeros(len(p["gamma"])), "beta": 3.0 * grad_z.sum(axis=0)}
    else:
        norm = _gradients(a, p["gamma"], grad_z)
    grad_a = grad_z if wrong.get("no_norm") else norm["x"]
    rows = grad_a @ back["W1"].T
    each = rows.reshape(contexts.size, -1)
    if wrong.get("letters_last"):
        each = rows.reshape(len(contexts), -1, contexts.shape[1]).swapaxes(1, 2).reshape(contexts.size, -1)
    table = np.eye(len(p["E"]))[contexts.ravel()].T @ each
    return {"E": table, "W1": e.T @ grad_a, "gamma": norm["gamma"], "beta": norm["beta"],
            "W2": h.T @ upstream, "b2": upstream.sum(axis=0)}  # fmt: skip


def _model_slips(case: Case, shifted: bool, batch_backward: bool = False) -> dict[str, list[Slip]]:
    """Parameter -> what known mistakes give for its gradient."""
    _, contexts, upstream = case
    _, _, z = _forward(case, shifted)
    h, p = np.tanh(z), case[0]
    called = "batchnorm's backward is called, where self.norm_backward belongs"
    if batch_backward:
        found = _model(case, shifted, batch_backward=True)
        return {name: [Slip("wrong_argument", value, called)] for name, value in found.items()}
    versions = [
        Slip("missing_chain_factor", _model(case, shifted, np.ones_like(h)), "1 − h² of the tanh layer"),
        Slip("wrong_argument", _model(case, shifted, 1 - h), "h is not squared in the slope of tanh"),
        Slip("wrong_argument", _model(case, shifted, 1 - np.tanh(h) ** 2), "tanh is taken of h once more"),
        Slip("wrong_argument", _model(case, shifted, 1 + h**2), "plus in the slope of tanh, where minus belongs"),
        Slip("wrong_argument", _model(case, shifted, (h > 0) * 1.0), "the slope of ReLU, where that of tanh belongs"),
        Slip("wrong_argument", _model(case, shifted, 1 - z**2), "z, where h belongs in the slope of tanh"),
        Slip("missing_chain_factor", _model(case, shifted, no_norm=True), "of the normalising layer"),
        Slip("wrong_argument", _model(case, shifted, letters_last=True), "reshaped with the letters last"),
    ]
    slips = {name: [Slip(slip.family, slip.value[name], slip.words) for slip in versions] for name in p}
    n = len(contexts)
    slips["W2"] = [Slip("wrong_argument", z.T @ upstream, "z, where h belongs"), Slip("averaged", h.T @ upstream / n)]
    slips["b2"] = [Slip("averaged", upstream.mean(axis=0)), Slip("batch_axis", upstream)]
    right = _model(case, shifted)
    slips["gamma"].append(Slip("swapped_arguments", right["beta"], "gamma and beta"))
    slips["beta"].append(Slip("swapped_arguments", right["gamma"], "gamma and beta"))
    slips["E"] += worked_out(embedding_slips(contexts, len(p["E"]), _rows(case, shifted)))
    return slips


def _rows(case: Case, shifted: bool) -> Array:
    """What arrives at each letter looked up, shape (N, L, D)."""
    p, contexts, upstream = case
    _, a, z = _forward(case, shifted)
    grad_z = upstream @ p["W2"].T * (1 - np.tanh(z) ** 2)
    grad_a = grad_z if shifted else _gradients(a, p["gamma"], grad_z)["x"]
    return (grad_a @ p["W1"].T).reshape(*contexts.shape, -1)
