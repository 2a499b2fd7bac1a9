"""What the checks of several sections ask of a node or a model in the same way.

Nodes: a second run with other inputs, what has to stay as it was. Models: whether what they show is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograder.judging import Array, NodeRun, Slip, Student, expect, expect_true, note

# -- nodes --------------------------------------------------------------------------------------------------------


def resets(run: NodeRun, shape: tuple[int, ...], upstream: Array) -> None:
    """forward() leaves d_out at zero, also in a second pass, and returns out."""
    mistakes = [Slip("stale", upstream)]
    expect(run.d_out, np.zeros(shape), name="d_out after forward()", scalar_like=True, mistakes=mistakes)
    if run.returned is None:
        note("forward() returns nothing here; the protocol asks it to return self.out. No points lost for that.")


class Reused:
    """A node that ran on the first values and then on the second ones; `extra` comes before the inputs.

    upstream : the gradient for backward(), in both passes; None: forward() only
    """

    def __init__(
        self,
        student: Student,
        name: str,
        first: Mapping[str, Array],
        second: Mapping[str, Array],
        *extra: Any,
        upstream: Array | None = None,
    ):
        leaf = student.load("", "Leaf")["Leaf"]  # there already: no text is sent
        self.leaves = {key: leaf(key) for key in first}
        self.node = student.call(name, *extra, *self.leaves.values(), name.lower())
        for values in (first, second):
            for key, leaf in self.leaves.items():
                leaf.set("out", np.array(values[key]))
                leaf.method("forward")
            self.node.method("forward")
            if upstream is not None:
                self.node.set("d_out", np.array(upstream))
                self.node.method("backward")

    @property
    def out(self) -> Any:
        return self.node.attr("out")

    def expect_gradients(self, right: Mapping[str, Array], first: Mapping[str, Array], **how: Any) -> None:
        """Note in the open part whether backward() gave the gradients for the second values.

        first : what it gives when it works with the first values
        """
        for key, exact in right.items():
            got, mistakes = self.leaves[key].attr("d_out"), [Slip("stale", first[key])]
            name = f"∂J/∂{key} in a second pass, with other values"
            expect(got, exact, name=name, scalar_like=np.ndim(exact) == 0, mistakes=mistakes, **how)


def leaves_alone(run: NodeRun, upstream: Array, **inputs: Array) -> None:
    """Neither the inputs nor the upstream gradient are changed, and the graph finds all inputs."""
    for name, value in inputs.items():
        text = f"{name}.out was changed in place: the nodes that use {name} as well still need it."
        expect_true(same(run.input_after(name), value), text, "in_place")
    text = "self.d_out was changed by backward(): leave it as it is, work on a copy."
    expect_true(same(run.upstream_after, upstream), text, "in_place")
    for name in inputs:
        text = f"get_predecessors() leaves out {name}: a graph finds its nodes through it."
        expect_true(name in run.predecessors, text, "missing")


def same(got: Any, value: Array) -> bool:
    """True when the entries are the same to the last digit, whatever the shape."""
    array = got if isinstance(got, np.ndarray | np.generic | float | int) else np.array([])
    return np.array_equal(np.ravel(array), np.ravel(value))


# -- models -------------------------------------------------------------------------------------------------------


def agrees(got: Any, right: Any) -> bool:
    """True when `got` is numbers and close to the right ones, whatever their shape."""
    right = np.asarray(right)
    if not isinstance(got, int | float | np.ndarray | np.generic) or np.size(got) != right.size:
        return False
    return np.asarray(got).dtype.kind in "fiu" and bool(np.allclose(np.ravel(got), right.ravel(), rtol=1e-5, atol=1e-8))


# -- reported numbers -----------------------------------------------------------------------------------------------

Bounds = tuple[float, float]


def number(got: Any) -> float:
    """The one number that was reported; nan when it is something else."""
    try:
        return float(np.asarray(got, dtype=float).reshape(()))
    except (TypeError, ValueError):
        return float("nan")


def within(value: float, bounds: Bounds) -> bool:
    return bounds[0] <= value <= bounds[1]


def misreported(
    student: Student,
    name: str,
    ranges: Mapping[str, Bounds],
    validation: Mapping[str, Bounds],
    others: Callable[[float], Iterator[tuple[str, str]]],
) -> tuple[str, str]:
    """Which other number than this training error has been reported: (family, sentence), empty when none is known.

    ranges, validation : name -> what right runs reach on the training and on the validation points, of two settings
    others             : what else the number could be in this section
    """
    return next(_misreported(student, name, ranges, validation, others), ("", ""))


def _misreported(student, name, ranges, validation, others) -> Iterator[tuple[str, str]]:
    other = next(key for key in ranges if key != name)
    got = number(student.get(name).value)
    got_other = number(student.get(other).value) if student.has(other) else float("nan")
    if within(got, ranges[name]):
        return
    if got == got_other:
        yield "wrong_argument", f"{name} is the same number as {other}: the two settings give different ones."
    if within(got, ranges[other]) and within(got_other, ranges[name]):
        yield "swapped_arguments", f"{name} has the value that belongs to the other setting: are the two exchanged?"
    if within(got, validation[name]):
        yield "wrong_argument", f"{name} is the error on the validation points: report that on the training points."
    if within(got / 100, ranges[name]):
        yield "missing_mean", f"{name} is 100 times too large: report the mean over the examples, not their sum."
    yield from others(got)
    # Both are roots, or none is: alone, a root could be the number of the other setting.
    if got > 0 and within(got**2, ranges[name]) and within(got_other**2, ranges[other]):
        yield "wrong_loss", f"{name} is the root of the mean square error: report the mean square error."
