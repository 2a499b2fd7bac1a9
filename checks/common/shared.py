"""What the checks of several sections ask of a node or a model in the same way.

Nodes: a second run with other inputs, what has to stay as it was. Models: whether what they show is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from autograder.judging import Answer, Array, NodeRun, Remote, Slip, Student, expect, expect_true, values

# -- nodes --------------------------------------------------------------------------------------------------------


def resets(run: NodeRun, shape: tuple[int, ...], upstream: Array) -> None:
    """forward() leaves d_out at zero, also in a second pass, and returns out."""
    mistakes = [Slip("stale", upstream)]
    expect(run.d_out, np.zeros(shape), name="d_out after forward()", scalar_like=True, mistakes=mistakes)
    text = "forward() returns nothing: end it with `return self.out`, as every node does."
    expect_true(run.returned is not None, text, "none")


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
        with student.chain():
            self.leaves = {key: leaf(key) for key in first}
            self.node = student.call(name, *extra, *self.leaves.values(), name.lower())
            for given in (first, second):
                for key, leaf in self.leaves.items():
                    leaf.set("out", np.array(given[key]))
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


def roles(graph: Remote) -> tuple[list[Any], list[Any]]:
    """The names of a graph's inputs and of its outcomes, by their roles. Raises StudentError where there are none."""
    found = []
    for role in ("inputs", "outcomes"):
        nodes = graph.attr(role)
        found.append([nodes.item(n).attr("node_name").value for n in range(len(values(nodes)))])
    return found[0], found[1]


def expect_roles(seen: Answer, input_name: str, outcome_name: str) -> None:
    """Note in the open part whether the graph's input and outcome are in their places; a graph without roles passes."""
    text = (
        f"The graph's inputs and outcomes are exchanged: ComputationGraphFunction([{input_name}], [{outcome_name}], …) "
        "has the inputs first."
    )
    expect_true(not seen.holds(lambda found: found == ([outcome_name], [input_name])), text, "swapped_arguments")


BOUNDED = 1.85  # standard deviations: of 400 normal numbers none lies further out once in 10¹¹ draws


def looks_normal(*starts: Array) -> bool:
    """Whether arrays of random numbers around 0, hundreds in each, may be drawn from normal distributions.

    Then some lie further out than 1.85 times their spread; uniform ones (√3 times) and those of a fixed size do not.
    """
    return all(bool(np.any(np.abs(start) > BOUNDED * np.std(start))) for start in starts)


def repeats(start: Array) -> bool:
    """Whether numbers stand in an array of random ones again and again: each entry should have been drawn by itself."""
    return len(np.unique(np.abs(start))) < 0.9 * np.size(start)


SAME_NUMBERS = (
    "Two parameters start with the same random numbers: draw each from the same generator, one after another."
)


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
