"""A network with one hidden layer: right nodes for it, right values, wrong ones, and what is asked of the student's.

Used by the check of `MLPRegression` in section 06.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograder.judging import (
    Answer,
    Array,
    Draw,
    Remote,
    Slip,
    Student,
    StudentError,
    answers,
    expect,
    expect_true,
    source_of,
    values,
)
from backprop.checking.order_checks import share_numbers

from ..shipped import random_numbers
from .shared import SAME_NUMBERS, agrees, looks_normal, repeats, same

RANDOM_NUMBERS = source_of(random_numbers)

NAMES = ("W1", "b1", "w2", "b2")


@dataclass
class Net:
    """A network with one hidden layer and its parameters: W1 (K, d), b1 (K,), w2 (K,), b2 ()."""

    W1: Array
    b1: Array
    w2: Array
    b2: Array

    @classmethod
    def drawn(cls, draw: Draw, K: int, d: int) -> Net:
        return cls(draw.signed(K, d, low=0.3, high=0.8), draw.signed(K), draw.signed(K), draw.scalar())

    def halved(self) -> Net:
        """The network that lives beside this one."""
        return Net(**{name: 0.5 * getattr(self, name) for name in NAMES})

    def predict(self, x: Array, kind: str = "") -> Any:
        """The prediction for one example, right or with a mistake of some kind. Takes complex numbers."""
        a = self.W1 @ x + self.b1
        if kind == "missing":
            return self.w2 @ a + self.b2
        if kind == "on output":
            return np.tanh(self.w2 @ np.tanh(a) + self.b2)
        if kind == "twice":
            return self.w2 @ np.tanh(np.tanh(a)) + self.b2
        if kind == "swapped":
            return self.b1 @ np.tanh(self.W1 @ x + self.w2) + self.b2
        if kind == "on input":
            return self.w2 @ (self.W1 @ np.tanh(x) + self.b1) + self.b2
        return self.w2 @ np.tanh(a) + self.b2

    def gradients(self, x: Array, y: float) -> dict[str, Array]:
        h = np.tanh(self.W1 @ x + self.b1)
        residual = 2 * (self.w2 @ h + self.b2 - y)
        back = residual * self.w2 * (1 - h**2)
        return {"W1": np.outer(back, x), "b1": back, "w2": residual * h, "b2": np.asarray(residual)}

    def slipped_gradients(self, x: Array, y: float, kind: str) -> dict[str, Array]:
        """The gradients of (prediction − y)² with a mistake in it: by the complex step, exact to rounding."""
        found = {}
        for name in NAMES:
            gradient = np.zeros(np.shape(getattr(self, name)))
            for index in np.ndindex(gradient.shape):
                moved = Net(**{key: np.array(getattr(self, key), dtype=complex) for key in NAMES})
                getattr(moved, name)[index] += 1e-30j
                gradient[index] = np.imag((moved.predict(x, kind) - y) ** 2) / 1e-30
            found[name] = gradient
        return found

    def stepped(self, x: Array, y: float, step_size: float, steps: int) -> Net:
        """The network after so many steps of gradient descent on one example."""
        net = self
        for _ in range(steps):
            slopes = net.gradients(x, y)
            net = Net(**{name: getattr(net, name) - step_size * slopes[name] for name in NAMES})
        return net


# Mistakes of a network: which `kind` of prediction each leads to.
KINDS = [
    Slip("missing_activation", "missing", "tanh"),
    Slip("activation_on_output", "on output", "tanh"),
    Slip("wrong_argument", "twice", "tanh is applied twice"),
    Slip("wrong_argument", "on input", "tanh is applied to x, before the first layer"),
    Slip("swapped_arguments", "swapped", "w2 and b1"),
]


@dataclass
class Question:
    """What is asked of the student's class: start, a graph with given parameters, a short training."""

    student: Student
    scale: float
    step_size: float
    epochs: int
    layout: dict[str, tuple[str, int]] = field(default_factory=dict)  # parameter -> (its name there, axes it has there)

    UNITS, FEATURES = 60, 12
    LARGE = 2500  # times the small scale of a start: who cuts it, below or above, is seen

    def model(self, **settings: Any) -> Remote:
        return self.student.call("MLPRegression", **settings)

    def look(self, net: Net, x: Array, y: Array) -> dict[str, Answer]:
        """name -> what the class shows."""
        # The start comes first: it shows under which names and in which shapes this class keeps its parameters.
        seen = answers({"start": self.start})
        seen |= answers(
            {
                "prediction": lambda: self.asked(net, "get_prediction", {"x": x}),
                "objective": lambda: self.asked(net, "get_objective", {"x": x}, {"y": y}),
                "gradients": lambda: self.gradients(net, x, y),
                "fit": self.fit,
            }
        )
        gradients = seen.pop("gradients")
        for name in NAMES:
            seen[f"∂J/∂{name}"] = gradients.then(lambda found, name=name: found[name])
        return seen

    def start(self) -> dict[str, dict[str, Array]]:
        """The parameters of two models before they have moved: "small" and one with a far larger scale, "large"."""
        scales = {"small": self.scale, "large": self.LARGE * self.scale}
        still = {"num_hidden_units": self.UNITS, "step_size": 0.0, "max_num_epochs": 1}
        with self.student.chain():
            models = {size: self.model(**still, init_param_scale=scale) for size, scale in scales.items()}
            # Settings that are kept in the class are now those of this one.
            self.model(num_hidden_units=7, max_num_epochs=2)
            for model in models.values():
                model.method("fit", np.ones((2, self.FEATURES)), np.ones(2))
        return {size: self.parameters(model) for size, model in models.items()}

    def parameters(self, model: Remote) -> dict[str, Array]:
        """The values that the model's parameters have now."""
        nodes, found = model.attr("graph").attr("name_to_node"), {}
        for name in NAMES:
            # W2 for w2 is a habit of many.
            there, node = next(_nodes_called(nodes, name, name.swapcase()), (name, None))
            if node is None:
                text = f"The graph has no parameter called {name!r}: that is the node_name of its ValueNode."
                raise StudentError(text, "missing_name")
            try:
                found[name] = np.asarray(node.attr("out").value, dtype=float)
            except (TypeError, ValueError):
                raise StudentError(f"The parameter {name} is not an array of numbers.", "type") from None
            self.layout[name] = there, found[name].ndim
        return found

    def asked(self, net: Net, question: str, *given: dict[str, Array], times: int = 1) -> Any:
        """What the graph of a new model with the parameters of `net` answers, the last time that it is asked."""
        with self.student.chain():
            graph = self.graph(net)
            answer = [graph.method(question, *given) for _ in range(times)][-1]
        return answer.value

    def graph(self, net: Net) -> Remote:
        """The graph of a new model that has been given the parameters of `net`."""
        model = self.model(num_hidden_units=len(net.w2))
        other = self.model(num_hidden_units=len(net.w2)).attr("graph")  # alive beside it, with parameters of its own
        graph = model.attr("graph")
        given = {}
        for name in NAMES:
            there, axes = self.layout.get(name, (name, -1))
            value = np.asarray(getattr(net, name))
            if name in ("w2", "b2") and axes == value.ndim + 1:
                value = value[None]
            given[there] = value
        graph.method("set_parameters", given)
        other.method("set_parameters", {name: 0.5 * value for name, value in given.items()})
        return graph

    def gradients(self, net: Net, x: Array, y: Array) -> dict[str, Any]:
        """Each gradient of a second pass; a row of weights counts as a vector, an array of one as a number."""
        found = values(self.asked(net, "get_gradients", {"x": x}, {"y": y}, times=2))
        if len(found) != 2:
            text = f"get_gradients gives {len(found)} things: expected the objective and a dictionary."
            raise StudentError(text, "type")
        found = found[1]
        gradients = {}
        for name in NAMES:
            there, axes = self.layout.get(name, (name, -1))
            value = found.get(there) if isinstance(found, Mapping) else None
            row = name == "w2" and axes == 2 and isinstance(value, np.ndarray) and value.shape == (1, len(net.w2))
            gradients[name] = value[0] if row else value
        return gradients

    def fit(self) -> Fitted:
        """Train three times on one example, repeated by the epochs, and predict two others."""

        def fitted(scale: float, step_size: float, times: int = 1) -> tuple[Any, dict[str, Array]]:
            # The same random numbers each time, also where they come from numpy's one global generator.
            start_again = self.student.load(RANDOM_NUMBERS, "start_again")["start_again"]
            settings = {"num_hidden_units": 4, "init_param_scale": scale, "max_num_epochs": self.epochs}
            examples = {"X": EXAMPLE[None], "y": np.array([TARGET])}
            given = {name: self.student.put(array) for name, array in examples.items()}
            with self.student.chain():
                start_again()
                model, _ = self.model(**settings, step_size=step_size), self.model(step_size=0.5, max_num_epochs=1)
                for _ in range(times):
                    model.method("fit", *given.values())
                predicted = model.method("predict", NEW)
            got = predicted.value
            for name, there in given.items():
                if not same(there.fetch(), examples[name]):
                    raise StudentError(f"fit() changed {name} in place: work on a copy.", "in_place")
            # Where the graph's prediction is an array of one number, its rows make a column.
            column = isinstance(got, np.ndarray) and got.shape == (len(NEW), 1)
            one = any(self.layout[name][1] > axes for name, axes in (("w2", 1), ("b2", 0)) if name in self.layout)
            return got.reshape(-1) if column and one else got, self.parameters(model)

        near_zero, _ = fitted(1e-9, self.step_size, times=2)  # each fit starts afresh
        _, start = fitted(0.3, 0.0)
        away, _ = fitted(0.3, self.step_size)
        return Fitted(near_zero, start, away, *self.twice())

    def twice(self) -> list[dict[str, Any]]:
        """The parameters after one fit() and after a second one, of one step, for x = 0."""
        found: list[dict[str, Any]] = []
        with self.student.chain():
            model = self.model(num_hidden_units=4, init_param_scale=0.3, step_size=STEP, max_num_epochs=1)
            nodes = model.attr("graph").attr("name_to_node")
            for x in (np.tile(EXAMPLE, (5, 1)), np.zeros((1, len(EXAMPLE)))):
                model.method("fit", x, np.full(len(x), TARGET))
                found.append({name: nodes.item(there).attr("out") for name, (there, _) in self.layout.items()})
        return [{name: one.value for name, one in parameters.items()} for parameters in found]


def _nodes_called(nodes: Remote, *names: str) -> Iterator[tuple[str, Remote]]:
    for name in names:
        with contextlib.suppress(StudentError):
            yield name, nodes.item(name)


EXAMPLE, TARGET, STEP = np.full(3, 0.7), 1.7, 0.1
NEW = np.array([[0.3, -0.2, 0.5], [0.7, 0.7, 0.7]])


@dataclass
class Fitted:
    """Predictions of NEW after training on the one example, and what a second training starts from.

    near_zero : twice from a start of scale 1e-9, where tanh gives nothing: only b2 moves, and where it goes is known
    start     : a start of scale 0.3
    away      : predictions after training from there; for those whose start does not follow init_param_scale, who
                have lost points for that already
    first, second : parameters after one fit() and after another, see `Question.twice`
    """

    near_zero: Any
    start: dict[str, Array]
    away: Any
    first: dict[str, Any]
    second: dict[str, Any]

    def gone_on(self) -> str:
        """The parameter with which the second fit() went on where the first had ended, "" where all started afresh."""
        first = Net(**{name: np.reshape(self.first[name], shape) for name, shape in _SHAPES.items()})
        after = first.stepped(np.zeros(len(EXAMPLE)), TARGET, STEP, 1)
        kept = (n for n in _SHAPES if np.any(self.first[n]) and agrees(self.second[n], getattr(after, n)))
        return next(kept, "")


def expect_random_start(found: Mapping[str, Mapping[str, Array]], scale: float) -> None:
    """W1 and w2 start as different normal numbers around 0, as large as init_param_scale says; biases may be 0.

    With 720 entries of W1 and 60 of w2 the limits lie more than five standard errors away from right starts.
    """
    small, large = found["small"], found["large"]
    K, d = Question.UNITS, Question.FEATURES
    for name, shape in {"W1": (K, d), "b1": (K,), "w2": (K,), "b2": ()}.items():
        for start in (small, large):
            got = start[name].shape
            text = (
                f"{name} starts as an array of shape {got} for {K} hidden units and {d} inputs: it should be {shape}."
            )
            if not expect_true(got in (shape, (1, *shape)) and (name in ("w2", "b2") or got == shape), text, "shape"):
                return
            if not expect_true(bool(np.isfinite(start[name]).all()), f"{name} starts with nan or infinity.", "nan"):
                return
    if share_numbers(*small.values()):
        expect_true(False, SAME_NUMBERS, "wrong_argument")
        return
    for name in ("W1", "w2"):
        entries = small[name].ravel()
        if not entries.any():
            text = f"{name} starts at zero everywhere. Which gradients are zero then?"
            expect_true(False, text, "zero")
            return
        units = small[name].reshape(len(small[name]), -1) if name == "W1" else entries[:, None]
        if np.ptp(units, axis=0).max() < 1e-9 * np.abs(entries).max():
            text = f"All hidden units start with the same numbers in {name}, so they stay alike: draw them at random."
            expect_true(False, text, "wrong_argument")
            return
        if repeats(entries):
            text = f"{name} starts with the same few numbers again and again: draw each entry by itself."
            expect_true(False, text, "wrong_argument")
            return
        spread, spread_large = entries.std() / scale, large[name].std() / (Question.LARGE * scale)
        if not 0.5 < spread_large / spread < 2:
            text = f"{name} starts with numbers whose size does not follow init_param_scale."
            expect_true(False, text, "wrong_argument")
            return
        low, high = (0.8, 1.25) if name == "W1" else (0.5, 1.6)
        if wrong := [one for one in (spread, spread_large) if not low < one < high]:
            size = "larger" if wrong[0] > 1 else "smaller"
            text = f"{name} starts with numbers that are {size} than init_param_scale says: it is their spread."
            expect_true(False, text, "wrong_argument")
            return
        if abs(entries.mean()) > (0.3 if name == "W1" else 0.75) * scale:
            text = f"The starting values of {name} do not lie around 0: are they all of one sign?"
            expect_true(False, text, "wrong_argument")
            return
    text = "No starting value lies far from 0: the exercise asks for normally distributed numbers (rng.normal)."
    expect_true(looks_normal(small["W1"]), text, "wrong_argument")
    for start, size in ((small, scale), (large, Question.LARGE * scale)):
        for name in ("b1", "b2"):
            text = f"{name} starts with numbers that are larger than init_param_scale says."
            expect_true(bool(np.all(np.abs(start[name]) < 6 * size)), text, "wrong_argument")
        if (b1 := start["b1"]).any():
            text = "b1 starts with the same few numbers again and again: draw each entry by itself."
            if expect_true(not repeats(b1), text, "wrong_argument"):
                text = "b1 starts with numbers that are smaller than init_param_scale says: it is their spread."
                expect_true(b1.std() > 0.5 * size, text, "wrong_argument")


def expect_fit(fitted: Fitted, question: Question) -> None:
    """As many steps of gradient descent as there are epochs, each of step_size, and predictions of the result."""
    steps, step_size = question.epochs, question.step_size

    def only_b2(step_size: float, steps: int) -> Array:
        return np.full(len(NEW), TARGET * (1 - (1 - 2 * step_size) ** steps))

    right = only_b2(step_size, steps)
    gone_on = only_b2(step_size, 2 * steps)
    if (
        not agrees(fitted.near_zero, right)
        and not agrees(fitted.near_zero, gone_on)
        and all(fitted.start[name].size == np.prod(shape, dtype=int) for name, shape in _SHAPES.items())
    ):
        start = Net(**{name: fitted.start[name].reshape(shape) for name, shape in _SHAPES.items()})
        after = start.stepped(EXAMPLE, TARGET, step_size, steps)
        if agrees(fitted.away, [after.predict(row) for row in NEW]):
            return

    def slips() -> list[Slip]:
        return [
            Slip("sign", only_b2(-step_size, steps)),
            Slip("stale", gone_on, "fit() goes on where the one before it ended, and should start afresh"),
            Slip(
                "wrong_argument",
                [only_b2(step_size, other) for other in (1, 10, 1000, 5000) if other != 2 * steps],
                "max_num_epochs is not used",
            ),
            Slip("wrong_argument", [only_b2(other, steps) for other in (0.005, 0.01, 0.001)], "step_size is not used"),
        ]

    got = fitted.near_zero
    if expect(got, right, name="predict() after fit()", atol=1e-6, rtol=1e-6, mistakes=slips):
        text = f"A second fit() goes on with the {fitted.gone_on()} of the first one: each has a start of its own."
        expect_true(not fitted.gone_on(), text, "stale")


_SHAPES = {"W1": (4, 3), "b1": (4,), "w2": (4,), "b2": ()}
