"""Judge a two-layer network and its training step, and what the checks of their layers and losses use as well.

The network is asked with right layers in place of the student's, the training step with right layers and a right
network: so a mistake is paid for once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

from autograder.judging import (
    RESULT_CHANGED,
    Answer,
    Array,
    Draw,
    Remote,
    Slip,
    Student,
    StudentError,
    StudentGone,
    expect,
    expect_in,
    expect_true,
    fairly,
    part,
    regions,
    source_of,
    still_there,
    unchanged,
)
from autograder.judging.regions import MakeArray
from autograder.sandbox.inside.wire import Handle

from ..shipped import layers
from .shared import looks_normal, repeats


def require_several(value: Any, count: int, name: str, what: str) -> None:
    """Raise StudentError unless a function returned `count` values."""
    if value is None:
        raise StudentError(f"{name} returned None: it should return {what}.", "none")
    if not isinstance(value, list | tuple) or len(value) != count:
        came = f"{len(value)} values" if isinstance(value, list | tuple) else "one value"
        raise StudentError(f"{name} returned {came}: it should return {what}.", "type")


def not_equal(slips: Iterable[Slip], right: Any) -> list[Slip]:
    """The slips without the values that coincide with the right one on these inputs."""

    def apart(value: Any) -> Array | None:
        array = np.asarray(value, dtype=float)
        return array if array.shape != np.shape(right) or not np.allclose(array, right) else None

    return [slip.map(apart) for slip in slips]


def expect_close(got: Any, exact: Any, **how: Any) -> bool:
    """As `expect`, at the precision of float32: parameters and pictures may be float32, whatever the result is."""
    return expect(got, exact, rtol=2e-5, atol=2e-5 * float(np.abs(exact).max()), **how)


def log_softmax(x: Array, axis: int = 1) -> Array:
    """The logarithm of softmax along `axis`, without overflow."""
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def data_loss(x: Array, y: Array) -> tuple[float, Array]:
    """The mean softmax loss and its gradient with respect to the scores."""
    log_p, rows = log_softmax(x), np.arange(len(y))
    grad = np.exp(log_p)
    grad[rows, y] -= 1
    return float(-log_p[rows, y].mean()), grad / len(y)


REFERENCE = source_of(layers)


class Net:
    """A two-layer network on a batch, with numbers that float32 holds exactly, and no unit near its kink."""

    def __init__(self, draw: Draw, sizes: list[int]):
        n, d, h, c = sizes
        while True:
            shapes = {"W1": (d, h), "b1": (h,), "W2": (h, c), "b2": (c,)}
            self.values = {name: _round(draw.signed(*shape, low=0.3, high=1.2)) for name, shape in shapes.items()}
            self.X, self.upstream = draw.signed(n, d), draw.signed(n, c)
            W1, b1, W2, b2 = self.values.values()
            self.a = self.X @ W1 + b1
            alive = self.a > 0
            if np.abs(self.a).min() > 0.02 and alive.any(axis=0).all() and not alive.all(axis=0).any():
                break
        self.h = np.maximum(self.a, 0)
        self.scores = self.h @ W2 + b2

    def gradients(self, upstream: Array, mask: Array | None = None, X: Array | None = None) -> dict[str, Array]:
        X = self.X if X is None else X
        a = X @ self.values["W1"] + self.values["b1"]
        g = (upstream @ self.values["W2"].T) * ((a > 0) if mask is None else mask)
        return {
            "W1": X.T @ g,
            "b1": g.sum(axis=0),
            "W2": np.maximum(a, 0).T @ upstream,
            "b2": upstream.sum(axis=0),
        }

    def score_mistakes(self) -> list[Slip]:
        W1, b1, W2, b2 = self.values.values()
        e = np.exp(log_softmax(self.scores))
        return [
            Slip("missing_activation", self.a @ W2 + b2, "ReLU"),
            Slip("activation_on_output", np.maximum(self.scores, 0), "ReLU"),
            Slip("activation_on_output", e, "softmax"),
            Slip("missing_term", np.maximum(self.X @ W1, 0) @ W2 + b2, "b1 is left out"),
            Slip("missing_term", self.h @ W2, "b2 is left out"),
            Slip("missing_term", np.maximum(self.X @ W1, 0) @ W2, "both biases are left out"),
            Slip(
                "wrong_argument",
                [f(self.a) @ W2 + b2 for f in (np.tanh, np.abs, lambda a: 1 / (1 + np.exp(-a)))],
                "another function, where ReLU belongs",
            ),
            Slip("wrong_argument", (np.maximum(self.X @ W1, 0) + b1) @ W2 + b2, "ReLU before b1 is added"),
            Slip(
                "wrong_argument",
                ((np.maximum(self.X, 0) @ W1 + b1) @ W2 + b2),
                "the input goes through ReLU, where the hidden values belong",
            ),
        ]

    def gradient_mistakes(self) -> dict[str, list[Slip]]:
        W2, up, n = self.values["W2"], self.upstream, len(self.X)
        right, open_gates = self.gradients(up), self.gradients(up, np.ones(self.a.shape))
        ones = self.gradients(np.ones(up.shape))
        table = {name: [Slip("averaged", right[name] / n)] for name in right}
        for name in right:
            table[name] += [
                Slip("upstream_ignored", ones[name]),
                Slip("zero", np.zeros(right[name].shape)),
            ]
        for name in ("W1", "b1"):
            table[name] += [
                Slip("missing_mask", open_gates[name]),
                Slip("activation_on_output", self.gradients(up * (self.scores > 0))[name], "ReLU"),
            ]
            values = self.gradients(up, self.h)[name]
            table[name].append(Slip("wrong_argument", values, "the hidden values, where the slope of ReLU belongs"))
        table["W2"] += [
            Slip("wrong_argument", self.a.T @ up, "the values before ReLU, where those after it belong"),
            Slip("missing_mask", ((self.a > 0).T * 1.0) @ up),
        ]
        for name, partner in (("W1", "W2"), ("b1", "b2"), ("W2", "W1"), ("b2", "b1")):
            pair = " and ".join(sorted((name, partner)))
            table[name].append(Slip("swapped_arguments", right[partner], pair))
        table["b1"].append(Slip("wrong_argument", [W2.sum(axis=1)], "a gradient from before the way back through W2"))
        return table


def _round(values: Array) -> Array:
    """The values in steps of 1/1024: single precision holds them exactly."""
    return np.round(values * 1024) / 1024


def judge_network(student: Student, draw: Draw) -> None:
    """Fully connected → ReLU → fully connected; live parameters W1, b1, W2, b2; gradients of all four."""
    helpers = student.load(REFERENCE, "fc_forward", "fc_backward", "relu_forward", "relu_backward", "put")
    put = helpers.pop("put")
    sizes = draw.distinct_sizes(4, low=4, high=10)
    net, other = Net(draw, sizes), Net(draw, sizes)
    alike, another = (Net(draw, [sizes[0], *[sizes[1]] * 3]) for _ in range(2))

    def look() -> dict[str, Any]:
        return _look(student, put, net, other)

    def look_at_equal_sizes() -> dict[str, Any]:
        return _look(student, put, alike, another)

    batches = _batches(draw, *sizes)

    @cache
    def everywhere() -> dict[str, Answer]:
        right = {name: partial(_right_everywhere, batches, name) for name in ("scores", "kept", "gradients")}
        return fairly(lambda: _look_everywhere(student, put, batches), right, lambda: student.shadow(**helpers))

    with part("parameters", points=2):
        _expect_parameters(student, sizes)
    exact = {"scores": net.scores, **net.gradients(net.upstream)}
    with student.shadow(**helpers):
        seen, square = look(), look_at_equal_sizes()
    seen = _better(seen, look, exact)
    exact_square = {"scores": alike.scores, **alike.gradients(alike.upstream)}
    square = _better(square, look_at_equal_sizes, exact_square)
    with part("forward", points=4):
        right = net.scores
        got = _seen(seen, "scores")
        if seen.get("copies"):
            text = "parameters() returns copies, or arrays that forward does not use: training would change nothing."
            expect_true(False, text, "stale")
        elif expect_true(
            not seen["X changed"], "forward changed X in place: work on a copy.", "in_place"
        ) and expect_close(got, right, name="scores", mistakes=lambda: not_equal(net.score_mistakes(), right)):
            got = _seen(square, "scores")
            if expect_close(got, alike.scores, name="scores where all layers have one size"):
                _expect_everywhere(batches, "scores", everywhere()["scores"].value)
                expect_true(everywhere()["kept"].value, RESULT_CHANGED, "shared_state")
    with part("backward", points=4):
        if seen["X changed"]:
            raise StudentError("forward changed X in place, so no gradient can be right.", "in_place")
        latest = net.gradients(net.upstream, X=other.X)
        cached = "backward works with the latest call of forward, and should with its cache"

        def slips(name: str) -> list[Slip]:
            return not_equal([*net.gradient_mistakes()[name], Slip("stale", latest[name], cached)], exact[name])

        good = []
        for name in net.values:
            got, hints = _seen(seen, name), partial(slips, name)
            good.append(expect_close(got, exact[name], name=f"grad {name}", batch_size=len(net.X), mistakes=hints))
            if good[-1]:
                got = _seen(square, name)
                good[-1] = expect_close(got, exact_square[name], name=f"grad {name} where all layers have one size")
        if all(good):
            _expect_everywhere(batches, "gradients", everywhere()["gradients"].value)
        expect_true(not seen["upstream changed"], "backward changed grad_scores in place: work on a copy.", "in_place")
        text = "backward changed the parameters: it returns gradients, the optimiser takes the step."
        expect_true(not seen.get("parameters changed", False), text, "in_place")


def _look(student: Student, put: Remote, net: Net, other: Net) -> dict[str, Any]:
    """Scores and gradients of the student's net with the given parameters, or the error that came instead."""
    seen: dict[str, Any] = {"X changed": False, "upstream changed": False}
    (_, d), (h, c) = net.X.shape, net.values["W2"].shape
    try:
        model = student.call("TwoLayerNet", d, c, hidden_dim=h, weight_scale=0.1)
        put(model.method("parameters"), other.values)
        model.method("forward", other.X)  # a net that remembers what it saw first, or last, is found out
        put(model.method("parameters"), net.values)
        X, upstream = student.put(net.X), student.put(net.upstream)
        answer = model.method("forward", X)
        require_several(answer.value, 2, "forward", "scores and cache")
        seen["scores"] = answer.item(0).value
        seen["X changed"] = not np.array_equal(X.fetch(), net.X)
        now = model.method("parameters").value
        seen["copies"] = isinstance(now, dict) and not all(
            isinstance(now.get(name), np.ndarray) and np.array_equal(now[name], value)
            for name, value in net.values.items()
        )
    except StudentGone:
        raise
    except StudentError as error:
        return {**{name: error for name in ("W1", "b1", "W2", "b2")}, **seen, "scores": seen.get("scores", error)}
    try:
        model.method("forward", other.X)
        model.method("backward", upstream, answer.item(1))  # gradients that pile up are found out
        found = model.method("backward", upstream, answer.item(1)).value
        now = model.method("parameters").value
        seen["parameters changed"] = not seen["copies"] and not all(
            np.array_equal(now[name], value) for name, value in net.values.items()
        )
        _require_dict(found, "backward", "the gradients of W1, b1, W2 and b2")
        for name in net.values:
            seen[name] = found[name] if name in found else _missing(name)
        after = upstream.fetch()
        seen["upstream changed"] = not (isinstance(after, np.ndarray) and np.array_equal(after, net.upstream))
    except StudentGone:
        raise
    except StudentError as error:
        seen.update({name: error for name in net.values if name not in seen})
    return seen


class Batch:
    """Pictures in one region of numbers and what arrives from above, for a net with the given parameters."""

    def __init__(self, title: str, values: Mapping[str, Array], X: Array, upstream: Array):
        self.title, self.values, self.X, self.upstream = title, values, X, upstream
        W1, b1, W2, b2 = values.values()
        self.a = X.astype(float) @ W1 + b1
        h = np.maximum(self.a, 0)
        g = (upstream @ W2.T) * (self.a > 0)
        self.scores = h @ W2 + b2
        self.gradients = {"W1": X.T @ g, "b1": g.sum(axis=0), "W2": h.T @ upstream, "b2": upstream.sum(axis=0)}

    @property
    def is_clear(self) -> bool:
        """No unit is so near its kink that rounding decides, and some are alive."""
        size = np.abs(self.a)
        return bool(size.min() > 1e-3 * size.max() and (self.a > 0).any())


def _batches(draw: Draw, n: int, d: int, h: int, c: int) -> list[Batch]:
    """A net on pictures in every region; then other nets, each on one, several and many pictures of another size.

    The last one has the sizes of the one before: its parameters take the place of those.
    """

    def drawn(title: str, shape: tuple[int, int, int, int], make: MakeArray, above: MakeArray) -> Batch:
        n, d, h, c = shape
        while True:
            sizes = {"W1": (d, h), "b1": (h,), "W2": (h, c), "b2": (c,)}
            own = {name: _round(draw.signed(*size, low=0.3, high=1.2)) for name, size in sizes.items()}
            batch = Batch(title, own, make(n, d), above(n, c))
            if batch.is_clear:
                return batch

    alone = [(1, d, h, c), (n, 1, h, c), (1, 1, h, c), (d, d, h, c), (n, d, 1, c), (n, d, h, 1), (40, d, h, c)]
    alone += [(d, d, d, d), (12, 30, 25, 15)]
    found = [drawn("another size of net or batch", shape, draw.both_signs, draw.both_signs) for shape in alone]
    for title, make in regions(draw, single=True):
        found.append(drawn(title, (n, d, h, c), make, make))
        if title == "zeros":  # beside other numbers too
            found.append(drawn(title, (n, d, h, c), make, draw.both_signs))
    for sign, title in ((1, "positive numbers"), (-1, "negative numbers")):
        of_one_sign = lambda *shape, sign=sign: sign * draw.positive(*shape)  # noqa: E731
        found.append(drawn(title, (n, d, h, c), of_one_sign, of_one_sign))
    found.append(drawn("parameters that a step has moved", (n, d, h, c), draw.both_signs, draw.both_signs))
    return found


def _look_everywhere(student: Student, put: Remote, batches: Sequence[Batch]) -> dict[str, Answer]:
    """The scores of each batch, whether all of them are still there at the end, and the gradients."""

    def forward() -> list[tuple[Remote, Remote]]:
        ran = []
        with student.chain():
            for batch in batches:
                (d, h), c = batch.values["W1"].shape, len(batch.values["b2"])
                model = student.call("TwoLayerNet", d, c, hidden_dim=h, weight_scale=0.1)
                put(model.method("parameters"), batch.values)
                ran.append((model, model.method("forward", student.put(batch.X))))
        for _, answer in ran:
            require_several(answer.value, 2, "forward", "scores and cache")
        return ran

    def backward(ran: list[tuple[Remote, Remote]]) -> list[Any]:
        with student.chain():
            before, last, model = *batches[-2:], ran[-1][0]
            for batch in (before, last):  # who keeps parameters of the first step is found out
                put(model.method("parameters"), batch.values)
                answer = model.method("forward", student.put(batch.X))
                if batch is before:
                    model.method("backward", student.put(batch.upstream), answer.item(1))
            found = [
                model.method("backward", student.put(batch.upstream), answer.item(1))
                for batch, (model, answer) in zip(batches, [*ran[:-1], (model, answer)], strict=True)
            ]
        for one in found:
            _require_dict(one.value, "backward", "the gradients of W1, b1, W2 and b2")
        return [one.value for one in found]

    def kept(ran: list[tuple[Remote, Remote]]) -> bool:
        now = student.fetch_all([answer for _, answer in ran])
        pairs = ((answer.value[0], later()[0]) for (_, answer), later in zip(ran, now, strict=True))
        return all(still_there(later, came) for came, later in pairs)

    ran = Answer.to(forward)
    scores = ran.then(lambda pairs: [answer.value[0] for _, answer in pairs])
    return {"scores": scores, "kept": ran.then(kept), "gradients": ran.then(backward)}


def _right_everywhere(batches: Sequence[Batch], what: str, found: Any) -> bool:
    if what == "kept":
        return found is True
    pairs = zip(batches, found, strict=True)
    if what == "scores":
        return all(agrees(got, batch.scores) for batch, got in pairs)
    return all(agrees(got.get(name), right) for batch, got in pairs for name, right in batch.gradients.items())


def _expect_everywhere(batches: Sequence[Batch], what: str, found: Sequence[Any]) -> bool:
    """The scores or the gradients of every batch, at the precision of float32."""
    for batch, came in zip(batches, found, strict=True):
        rights = {"scores": batch.scores} if what == "scores" else batch.gradients
        for name, exact in rights.items():
            got = came if what == "scores" else came.get(name)
            label = name if what == "scores" else f"grad {name}"
            room = {"rtol": 2e-5, "atol": 2e-5 * float(np.abs(exact).max()) + 1e-12}
            if not expect_in(batch.title, got, exact, name=label, **room):
                return False
    return True


def _require_dict(found: Any, name: str, what: str) -> None:
    if found is None:
        raise StudentError(f"{name} returned None: it should return a dict with {what}.", "none")
    if not isinstance(found, Mapping):
        raise StudentError(f"{name} returned something else than a dict with {what}.", "type")


def _missing(name: str) -> StudentError:
    return StudentError(f"There is no gradient of {name} in what came back.", "missing")


def _expect_parameters(student: Student, sizes: list[int]) -> None:
    """Names, shapes, a random start with the given spread, biases at zero."""
    d, h, c = 40, 50, 20
    spreads, first = {}, None
    for scale in (0.3, 0.003):
        model = student.call("TwoLayerNet", d, c, hidden_dim=h, weight_scale=scale)
        found = model.method("parameters").value
        if first:
            now, text = first[0].method("parameters").value, "A second network changes the first: keep {} on self."
            for name, value in first[1].items():
                own = isinstance(now, dict) and name in now and np.array_equal(now[name], value)
                expect_true(own, text.format(name), "in_place")
        _require_dict(found, "parameters", "the arrays W1, b1, W2 and b2")
        for name, shape in {"W1": (d, h), "b1": (h,), "W2": (h, c), "b2": (c,)}.items():
            if not expect_true(name in found, f"parameters() has no {name}.", "missing"):
                return
            value = found[name]
            if isinstance(value, Handle):  # larger than the question allows
                expect(value, np.empty(shape), name=name)
                return
            kind = isinstance(value, np.ndarray) and value.dtype.kind == "f"
            if not expect_true(kind, f"{name} should be an array of floats.", "dtype"):
                return
            text = f"{name} has shape {value.shape}, expected {shape} for these sizes."
            if not expect_true(value.shape == shape, text, "shape"):
                return
        first = first or (model, found)
        for name in ("b1", "b2"):
            expect_true(not found[name].any(), f"{name} does not start at zero.", "offset")
        for name in ("W1", "W2"):
            spreads[name, scale] = float(np.std(found[name]))
            alike = spreads[name, scale] > 0 and bool(np.all(found[name] == found[name][:, :1]))
            expect_true(not alike, f"The columns of {name} are equal at the start: all units learn the same.", "order")
            again = spreads[name, scale] > 0 and not alike and repeats(found[name])
            text = f"{name} starts with the same few numbers again and again: draw each entry by itself."
            expect_true(not again, text, "wrong_argument")
    for name in ("W1", "W2"):
        large, small = spreads[name, 0.3], spreads[name, 0.003]
        if not expect_true(large > 0 and small > 0, f"{name} starts without any spread: draw it at random.", "zero"):
            continue
        text = f"weight_scale has no effect on {name}, or another one than it should: it is its standard deviation."
        used = 80 < large / small < 125 and 0.5 < large / 0.3 < 2
        if expect_true(used, text, "wrong_argument") and not np.all(found[name] == found[name][:, :1]):
            text = f"No number of {name} starts far from 0: the exercise asks for normally distributed ones."
            expect_true(looks_normal(found[name]), text, "wrong_argument")


def judge_training_step(student: Student, draw: Draw) -> None:
    """Softmax loss plus the penalty of every weight matrix, biases left out; for any classifier; nothing is changed."""
    loaded = student.load(REFERENCE, "softmax_loss", "l2_regularization", "Layers", "put")
    layers, put = loaded.pop("Layers"), loaded.pop("put")
    net = Net(draw, draw.distinct_sizes(4, low=4, high=10))
    y = draw.labels(len(net.X), net.scores.shape[1])
    reg = draw.number(0.3, 0.45)
    step = Step(net.values, net.X, y, reg)
    everywhere = _steps(draw, reg)

    def with_reference() -> dict[str, Any]:
        return _step(student, lambda: layers(net.values), step)

    def own_net() -> Remote:
        (_, d), (h, c) = net.X.shape, net.values["W2"].shape
        model = student.call("TwoLayerNet", d, c, hidden_dim=h)
        put(model.method("parameters"), net.values)
        return model

    with student.shadow(**loaded):
        seen = with_reference()
    seen = _better(seen, with_reference, step.exact)
    seen = _better(seen, lambda: _step(student, own_net, step), step.exact)
    with part("loss", points=2):
        slips = partial(step.mistakes, "loss")
        expect_close(_seen(seen, "loss"), step.loss, name="loss", scalar_like=True, mistakes=slips)
    with part("gradients", points=2):
        if _expect_step(seen, step):
            bare = Step(net.values, net.X, y, 0.0)

            def without_penalty() -> dict[str, Any]:
                return _step(student, lambda: layers(net.values), bare)

            with student.shadow(**loaded):
                seen = without_penalty()
            seen = _better(
                _better(seen, without_penalty, bare.exact), lambda: _step(student, own_net, bare), bare.exact
            )
            for name in net.values:
                expect_close(_seen(seen, name), bare.exact[name], name=f"grad {name} for reg = 0")
    with part("any classifier", points=1):
        values = {"W": _round(draw.signed(4, 3)), "b": _round(draw.signed(3))}
        deep = {"W1": (4, 5), "b1": (5,), "W2": (5, 6), "b2": (6,), "W3": (6, 3), "b3": (3,)}
        drawn = {name: _round(draw.signed(*shape)) for name, shape in deep.items()}
        # Names say nothing about what is penalised. And the last ones have names, shapes and reg of the first.
        odd = {"beta": (4, 5), "W_shift": (5,), "gain": (5, 3), "W0": (3,)}
        named = {name: _round(draw.signed(*shape)) for name, shape in odd.items()}
        other = {name: _round(draw.signed(*value.shape)) for name, value in values.items()}
        # Axes make a matrix, not entries: here are matrices of one column and of one row, and long and short vectors.
        thin = {"W1": (4, 1), "b1": (1,), "W2": (1, 15), "b2": (15,)}
        narrow = {name: _round(draw.signed(*shape)) for name, shape in thin.items()}
        given = [(values, 3 * reg), (drawn, reg), ({**values, "W": -2 * values["W"]}, 1e-3), (named, reg)]
        given.append((narrow, reg))
        for these, strength in [*given, (other, 3 * reg)]:
            X = draw.signed(7, 4)
            another = Step(these, X, draw.labels(7, 3), strength)

            def look(these: dict = these, another: Step = another) -> dict[str, Any]:
                return _step(student, lambda: layers(these), another)

            with student.shadow(**loaded):
                seen = look()
            seen = _better(seen, look, another.exact)
            hints = partial(another.mistakes, "loss")
            good = expect_close(_seen(seen, "loss"), another.loss, name="loss", scalar_like=True, mistakes=hints)
            if not good or not _expect_step(seen, another):
                break
        else:
            found = fairly(
                lambda: {"steps": _steps_everywhere(student, layers, everywhere)},
                {"steps": partial(_right_steps, everywhere)},
                lambda: student.shadow(**loaded),
            )["steps"]
            _expect_steps(everywhere, found.value)


def _expect_step(seen: Mapping[str, Any], step: Step) -> bool:
    good = True
    for name in step.values:
        got = _seen(seen, name)
        hints = partial(step.mistakes, name)
        good &= expect_close(got, step.exact[name], name=f"grad {name}", batch_size=len(step.X), mistakes=hints)
    text = "The parameters are changed after training_step: it returns gradients, the optimiser takes the step."
    return expect_true(not seen["changed"], text, "in_place") and good


def _steps(draw: Draw, reg: float) -> list[tuple[str, Step]]:
    """Steps of three layers on pictures in every region, and on one, many, small and square batches; of more layers."""

    def drawn(make: MakeArray, n: int, d: int, c: int, reg: float, hidden: Sequence[int] = (5, 6)) -> Step:
        widths, values = (d, *hidden, c), {}
        while True:
            for number, (before, width) in enumerate(itertools.pairwise(widths), 1):
                values[f"W{number}"] = _round(draw.signed(before, width))
                values[f"b{number}"] = _round(draw.signed(width))
            step = Step(values, make(n, d), draw.labels(n, c), reg)
            if step.is_clear:
                return step

    sizes = [(1, 4, 3), (7, 1, 3), (1, 1, 3), (4, 4, 3), (40, 2, 3), (7, 4, 12)]
    found = [("another size of net or batch", drawn(draw.both_signs, *size, reg)) for size in sizes]
    alike = drawn(draw.both_signs, 7, 4, 4, reg, (4, 4, 4))
    found.append(("weight matrices of one and the same shape", alike))
    found.append(("more layers", drawn(draw.both_signs, 7, 4, 3, reg, (5, 6, 7, 20, 6))))
    strengths = (reg, 1.0, 12.0, 150.0, 3e-6, 0.0)
    makes = [*regions(draw, single=True)]
    makes += [("positive numbers", draw.positive), ("negative numbers", lambda *shape: -draw.positive(*shape))]
    for number, (title, make) in enumerate(makes):
        found.append((title, drawn(make, 7, 4, 3, strengths[number % len(strengths)])))
    return found


def _steps_everywhere(student: Student, layers: Remote, steps: Sequence[tuple[str, Step]]) -> Answer:
    """Of each step: loss, gradients, what the pictures and the labels hold now, and loss and gradients at the end."""

    def ask() -> Any:
        with student.chain():
            models = [layers(step.values) for _, step in steps]
        given = [(model, step.X, step.y, step.reg) for model, (_, step) in zip(models, steps, strict=True)]
        ran = [one() for one in student.watched_all("training_step", given)]
        for answer, _, _ in ran:
            require_several(answer.value, 2, "training_step", "loss and gradients")
            _require_dict(answer.value[1], "training_step", "a gradient for each parameter")
        later = student.fetch_all([answer for answer, _, _ in ran])
        return [(*answer.value, after[1:3], now()) for (answer, after, _), now in zip(ran, later, strict=True)]

    return Answer.to(ask)


def _right_steps(steps: Sequence[tuple[str, Step]], found: Any) -> bool:
    pairs = zip(steps, found, strict=True)
    return all(
        agrees(loss, step.loss) and all(agrees(grads.get(name), step.exact[name]) for name in step.values)
        for (_, step), (loss, grads, *_) in pairs
    )


def _expect_steps(steps: Sequence[tuple[str, Step]], found: Sequence[Any]) -> None:
    text = "training_step changed {} in place: work on a copy."
    for (title, step), (loss, grads, after, later) in zip(steps, found, strict=True):
        good = expect_in(title, loss, step.loss, name="loss", scalar_like=True)
        good = good and all(
            expect_in(title, grads.get(name), step.exact[name], name=f"grad {name}") for name in step.values
        )
        for name, now, before in zip(("X_batch", "y_batch"), after, (step.X, step.y), strict=True):
            good = good and expect_true(unchanged(now, before), text.format(name), "in_place")
        if not good or not expect_true(still_there(list(later), [loss, grads]), RESULT_CHANGED, "shared_state"):
            return


class Step:
    """The loss of a batch for layers with the given parameters, its gradients, and what mistakes give."""

    def __init__(self, values: Mapping[str, Array], X: Array, y: Array, reg: float):
        self.values, self.X, self.y, self.reg = values, X, y, reg
        names = list(values)
        inputs, a = [], X.astype(float)
        for number in range(0, len(names), 2):
            inputs.append(a)
            a = (np.maximum(a, 0) if number else a) @ values[names[number]] + values[names[number + 1]]
        # No unit is so near its kink that rounding decides.
        self.is_clear = all(np.abs(z).min() > 1e-3 * np.abs(z).max() for z in inputs[1:])
        self.data_loss, g = data_loss(a, y)
        self.data: dict[str, Array] = {}
        for number in reversed(range(len(inputs))):
            before = np.maximum(inputs[number], 0) if number else inputs[number]
            w, b = names[2 * number], names[2 * number + 1]
            self.data[w], self.data[b] = before.T @ g, g.sum(axis=0)
            g = (g @ values[w].T) * (inputs[number] > 0)
        self.matrices = [name for name, value in values.items() if value.ndim == 2]
        self.penalties = {name: reg / 2 * float(np.sum(value**2)) for name, value in values.items()}
        self.loss = self.data_loss + sum(self.penalties[name] for name in self.matrices)
        self.exact: dict[str, Any] = {"loss": self.loss}
        for name, value in values.items():
            self.exact[name] = self.data[name] + (reg * value if name in self.matrices else 0.0)

    def mistakes(self, name: str) -> list[Slip]:
        n, data = len(self.X), self.data_loss
        everything, matrices = sum(self.penalties.values()), self.loss - self.data_loss
        if name == "loss":
            single = [data + self.penalties[matrix] for matrix in self.matrices] if len(self.matrices) > 1 else []
            return not_equal(
                [
                    Slip("missing_penalty", data),
                    Slip("half_penalty", [data + 2 * matrices, data + matrices / 2]),
                    Slip("bias_regularised", [data + everything, data + 2 * everything, data + everything - matrices]),
                    Slip("missing_term", single, "the penalty of one of the weight matrices"),
                    Slip("missing_term", matrices, "the data loss"),
                    Slip("missing_mean", n * data + matrices),
                    Slip("averaged", data + matrices / n),
                    Slip("wrong_argument", data + matrices / self.reg, "reg is not used"),
                    Slip("wrong_argument", data - matrices, "the penalty is subtracted"),
                    Slip(
                        "wrong_argument",
                        (data + matrices / max(len(self.matrices), 2)),
                        "the mean over the weight matrices, where their sum belongs",
                    ),
                ],
                self.loss,
            )
        value, from_data = self.values[name], self.data[name]
        pull = self.reg * value
        if name not in self.matrices:
            return [
                Slip("bias_regularised", [from_data + pull, from_data + 2 * pull]),
                Slip("missing_term", pull, "the data loss"),
                Slip("missing_mean", n * from_data),
                Slip("missing_term", 0 * pull, "the gradient of the data loss"),
            ]
        return [
            Slip("missing_penalty", from_data),
            Slip("half_penalty", [from_data + 2 * pull, from_data + pull / 2]),
            Slip("missing_term", pull, "the gradient of the data loss"),
            Slip("missing_mean", n * from_data + pull),
            Slip("averaged", from_data + pull / n),
            Slip("wrong_argument", from_data + value, "reg is not used"),
            Slip("wrong_argument", from_data - pull, "the penalty is subtracted"),
            Slip(
                "wrong_argument",
                from_data + self.penalties[name],
                "the value of the penalty, where its gradient belongs",
            ),
            Slip(
                "wrong_argument",
                [from_data * (1 + self.reg), from_data + self.reg / 2 * np.sum(from_data**2)],
                "the gradient is penalised, where the weights should be",
            ),
        ]


def _step(student: Student, make: Callable[[], Remote], step: Step) -> dict[str, Any]:
    """What training_step gives for a model: name -> value, or the StudentError that came instead."""
    seen: dict[str, Any] = {"changed": False}
    try:
        model = make()
        answer = student.call("training_step", model, step.X, step.y, step.reg).value
        require_several(answer, 2, "training_step", "loss and gradients")
        seen["loss"] = answer[0]
        _require_dict(answer[1], "training_step", "a gradient for each parameter")
        for name in step.values:
            seen[name] = answer[1][name] if name in answer[1] else _missing(name)
        now = model.method("parameters").value
        _require_dict(now, "parameters", "an array for each parameter")
        kept = (name in now and np.array_equal(now[name], value) for name, value in step.values.items())
        seen["changed"] = not all(kept)
    except StudentGone:
        raise
    except StudentError as error:
        seen.update({name: error for name in step.exact if name not in seen})
    return seen


def _better(seen: dict[str, Any], look_again: Callable[[], dict[str, Any]], exact: Mapping[str, Any]) -> dict[str, Any]:
    """Each quantity as it was seen, or as it is seen another way where only that gives the right value."""
    if all(agrees(seen.get(name), right) for name, right in exact.items()):
        return seen
    again = look_again()
    better = {name: again[name] for name, right in exact.items() if agrees(again.get(name), right)}
    if all(name in better for name in exact):
        return again
    better = {name: value for name, value in better.items() if not agrees(seen.get(name), exact[name])}
    # An error that comes only with the other helpers (their caches look different) tells the student nothing.
    answered = {
        name: again[name]
        for name in exact
        if isinstance(seen.get(name), StudentError) and not isinstance(again.get(name), StudentError | None)
    }
    return {**seen, **answered, **better}


def agrees(got: Any, right: Any) -> bool:
    """Whether the right numbers came back, in whatever shape."""
    right = np.asarray(right)
    if not isinstance(got, int | float | np.ndarray | np.generic) or np.size(got) != right.size:
        return False
    return np.asarray(got).dtype.kind in "fiu" and bool(np.allclose(np.ravel(got), right.ravel(), rtol=1e-5, atol=1e-8))


def _seen(seen: Mapping[str, Any], name: str) -> Any:
    if isinstance(seen[name], StudentError):
        raise seen[name]
    return seen[name]
