"""The classifier of section 07: what it is asked, and whether it starts, trains and predicts as it should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from autograder.judging import Answer, Array, Draw, Remote, Student, answers, expect_true, values
from backprop.checking.order_checks import share_numbers

from .shared import SAME_NUMBERS, agrees, looks_normal, repeats
from .softmax_slips import Net, one_hot, softmax

# The mean objective with the settings of `learnable`: at most 0.007 over 300 starts, and 0.05 after one epoch.
LEARNED = 0.02
START_CLASSES = 5
STEP = 0.3


def learnable(draw: Draw) -> dict[str, Any]:
    """Three clouds far apart, in a random order of classes, and settings with which they are learned in 120 steps."""
    centres = np.array([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
    labels = np.repeat(draw.rng.permutation(3), 2)
    X = centres[np.repeat(np.arange(3), 2)] + draw.normal(6, 2, scale=0.15)
    return {"X": X, "y": labels, "step_size": 0.4, "max_num_epochs": 20, "scale": 0.4, "units": 8}


def look_at(
    student: Student,
    parameters: Mapping[str, Array],
    points: list[Array],
    labels: list[int],
    classes: int,
    start: Mapping[str, Any],
    learn: Mapping[str, Any],
) -> dict[str, Answer]:
    """What the student's MulticlassClassifier shows: its graph, where it starts, and what training makes of it."""
    make = "MulticlassClassifier"

    def graph() -> Remote:
        units = len(parameters["b1"])
        model, beside = (student.call(make, num_hidden_units=units, num_class=classes) for _ in "ab")
        made = model.attr("graph")
        made.method("set_parameters", dict(parameters))
        beside.attr("graph").method("set_parameters", of_another(parameters))
        return made

    def predictions() -> list[Any]:
        with student.chain():
            made = graph()
            found = [made.method("get_prediction", {"x": x}) for x in points]
        return [one.value for one in found]

    def gradients() -> list[tuple[Any, Any]]:
        with student.chain():
            made, asked = graph(), zip(points, labels, strict=False)
            found = [made.method("get_gradients", {"x": x}, {"y": np.array(y)}) for x, y in asked]
        return [tuple(values(one)) for one in found]

    def shown(model: Remote) -> dict[str, Remote]:
        nodes = model.attr("graph").attr("name_to_node")
        return {key: nodes.item(key).attr("out") for key in parameters}

    def plain(found: Mapping[str, Remote]) -> dict[str, Any]:
        return {key: one.value for key, one in found.items()}

    def begin() -> tuple[list[dict[str, Any]], Any]:
        """The parameters of two models before they have moved; W1 of the first, fitted to fewer features."""
        X, y = np.linspace(-1.0, 1.0, START_CLASSES * start["d"]).reshape(START_CLASSES, -1), np.arange(START_CLASSES)
        still = {"num_hidden_units": start["units"], "step_size": 0.0, "max_num_epochs": 1, "num_class": START_CLASSES}
        with student.chain():
            models = [student.call(make, **still, init_param_scale=scale) for scale in start["scales"]]
            # Settings that are kept in the class are now those of this one.
            student.call(make, num_hidden_units=7, num_class=4, max_num_epochs=2)
            for model in models:
                model.method("fit", X, y % 3)
            found = [shown(model) for model in models]
            models[0].method("fit", X[:, 1:], y % 3)
            again = shown(models[0])["W1"]
        return [plain(one) for one in found], again.value

    def twice() -> list[dict[str, Any]]:
        """The parameters after one fit(), and after a second one, of one step, for x = 0, where W1 does not move."""
        with student.chain():
            model = student.call(
                make, num_hidden_units=4, step_size=STEP, init_param_scale=0.4, max_num_epochs=1, num_class=3
            )
            found = []
            for X, y in ((learn["X"], learn["y"]), (np.zeros((1, 2)), np.array([1]))):
                model.method("fit", X, y)
                found.append(shown(model))
        return [plain(one) for one in found]

    def fit() -> tuple[float, list[int], list[int], Any, list[Any]]:
        rows = [0, 2, 4, 1]  # more than there are classes
        asked_for = [({"x": learn["X"][i]}, {"y": np.array(learn["y"][i])}) for i in rows]
        with student.chain():
            model = student.call(
                make, num_hidden_units=learn["units"], step_size=learn["step_size"], init_param_scale=learn["scale"],
                max_num_epochs=learn["max_num_epochs"], num_class=3,
            )  # fmt: skip
            student.call(make, step_size=1e-3, max_num_epochs=1, num_class=4)
            model.method("fit", learn["X"], learn["y"])
            made = model.attr("graph")
            found = [made.method("get_objective", *example) for example in asked_for]
            predicted = model.method("predict", learn["X"][rows])
            direct = [made.method("get_prediction", inputs) for inputs, _ in asked_for]
        losses, got = [number_of(one.value) for one in found], predicted.value
        chosen = _choices(list(got) if isinstance(got, np.ndarray | list | tuple) else [got], 3)
        true = [int(learn["y"][i]) for i in rows]
        return float(np.mean(losses)), chosen, true, got, [one.value for one in direct]

    seen = answers({
        "prediction": predictions, "gradients": gradients, "start": begin, "fit": fit, "twice": twice,
    })  # fmt: skip
    found = seen.pop("gradients")
    for n in range(len(labels)):
        seen[f"objective {n}"] = found.then(lambda all_, n=n: (*all_[n], None)[0])
        slopes = found.then(lambda all_, n=n: (*all_[n], None, None)[1])
        for key in parameters:
            seen[f"∂J/∂{key} {n}"] = slopes.then(lambda of, key=key: of.get(key) if isinstance(of, Mapping) else None)
    return seen


def predicts_like(got: Any, p: Array) -> bool:
    """Whether these are the probabilities, or scores or log-probabilities that softmax makes them of."""
    scores = np.asarray(got) if isinstance(got, np.ndarray | list | tuple) else np.array([])
    fits = scores.shape == p.shape and scores.dtype.kind == "f" and bool(np.isfinite(scores).all())
    return agrees(got, p) or (fits and agrees(softmax(scores.astype(float)), p))


def _choices(got: Any, classes: int) -> list[int]:
    """The class with the largest entry of each prediction; -1 where it is not an array of so many numbers."""
    chosen = []
    for one in got if isinstance(got, list) else []:
        array = np.asarray(one) if isinstance(one, np.ndarray | list | tuple) else np.array([])
        fits = array.size == classes and array.dtype.kind in "fiu" and not np.isnan(array).any()
        chosen.append(int(array.argmax()) if fits else -1)
    return chosen


def has_learned(got: tuple[float, list[int], list[int], Any, list[Any]]) -> bool:
    loss, chosen, true, *_ = got
    return loss < LEARNED and chosen == true


def of_another(parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The parameters of the model that lives beside the one that is asked."""
    return {key: -0.5 * value for key, value in parameters.items()}


def expect_as_direct(got: Any, direct: list[Any]) -> bool:
    """Note in the open part whether predict() gives in each row what the graph does: (n, num_class) in all."""
    right = np.array(direct, dtype=float)
    mine = np.asarray(got)
    text = f"predict() gives shape {mine.shape} for {len(right)} rows, expected {right.shape}."
    if not expect_true(mine.shape == right.shape, text, "shape"):
        return False
    text = "predict() gives other numbers than the graph's prediction for each row."
    return expect_true(all(map(_means_the_same, mine, right)), text, "wrong_argument")


def _means_the_same(got: Array, direct: Array) -> bool:
    """Whether these are the graph's probabilities, or the scores that they are made of, or the other way round."""
    probabilities = direct.min() >= 0 and np.isclose(direct.sum(), 1)
    return predicts_like(got, direct if probabilities else softmax(direct))


def kept_by_second_fit(first: Mapping[str, Any], second: Mapping[str, Any], from_zero: bool) -> str:
    """The parameter with which the second fit() of `twice` went on where the first had ended, "" where none did.

    from_zero : biases start at zero, so that all scores were 0 when they made their one step
    """
    if from_zero and not agrees(second["b2"], STEP * (one_hot(1, 3) - 1 / 3)):
        return "biases"
    slopes = Net(first, np.zeros(2), 1).gradients
    went_on = (key for key in first if np.any(first[key]) and agrees(second[key], first[key] - STEP * slopes[key]))
    return next(went_on, "")


def expect_start(starts: list[Mapping[str, Any]], again: Any, d: int, units: int, scales: tuple[float, float]) -> None:
    """Note in the open part what is wrong with two starts, of the scales, and with W1 for one feature less."""
    weights = [array for found, scale in zip(starts, scales, strict=True) for array in _weights(found, d, units, scale)]
    if len(weights) < 4:
        return
    text = "No starting value lies far from 0: the exercise asks for normally distributed numbers (rng.normal)."
    expect_true(looks_normal(*weights), text, "wrong_argument")
    expect_true(not share_numbers(*weights[:2]), SAME_NUMBERS, "wrong_argument")
    got = np.shape(again)
    text = f"Fitted a second time, to {d - 1} features, W1 starts with shape {got}: each fit() has a start of its own."
    expect_true(got == (units, d - 1), text, "stale")


def _weights(found: Mapping[str, Any], d: int, units: int, scale: float) -> Iterator[Array]:
    """The weights that start as they should; notes what is wrong with the others, and with the biases."""
    shapes = {"W1": (units, d), "b1": (units,), "W2": (START_CLASSES, units), "b2": (START_CLASSES,)}
    for key, shape in shapes.items():
        array = np.asarray(found[key]) if isinstance(found[key], np.ndarray | np.generic | float) else np.array(None)
        text = f"{key} starts with shape {array.shape}, expected {shape}: see num_hidden_units, num_class and the data."
        if not expect_true(array.shape == shape and array.dtype.kind == "f", text, "shape"):
            continue
        size = float(np.sqrt(np.mean(array**2)))
        if key.startswith("b"):
            expect_true(size == 0, f"{key} does not start at zero: the exercise asks for biases of zero.", "offset")
            continue
        alike = np.ptp(array, axis=0).max() == 0 or np.ptp(array, axis=1).max() == 0
        text = f"All rows or all columns of {key} start alike: units that start equal stay equal. Draw each entry."
        if expect_true(not alike, text, "constant_loss" if size == 0 else "wrong_argument"):
            text = f"{key} starts with entries of the wrong size: their standard deviation should be init_param_scale."
            if expect_true(0.75 * scale <= size <= 1.3 * scale, text, "wrong_argument"):
                text = f"{key} starts with the same few numbers again and again: draw each entry by itself."
                if not expect_true(not repeats(array), text, "wrong_argument"):
                    continue
                text = f"The starting values of {key} do not lie around 0: are they all of one sign?"
                if expect_true(abs(array.mean()) <= 0.5 * size, text, "wrong_argument"):
                    yield array


def number_of(got: Any) -> float:
    """The one number that was given; nan when it is something else."""
    try:
        return float(np.asarray(got, dtype=float).reshape(()))
    except (TypeError, ValueError):
        return float("nan")
