"""What the checks of nodes share: `d_out` reset, nothing changed in place, a node that runs on other values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..judging import Array, NodeRun, Student, expect, expect_true, note


def expect_reset(run: NodeRun, shape: tuple[int, ...], upstream: Array) -> None:
    """forward() leaves `d_out` at zero, also in the second of two passes; that it returns `out` is only noted."""
    mistakes = {"stale": upstream}
    expect(run.d_out, np.zeros(shape), name="d_out after forward()", scalar_like=True, mistakes=mistakes)
    if run.returned is None:
        note("forward() returns nothing here; the protocol asks it to return self.out. No points lost for that.")


def reused(student: Student, name: str, first: Mapping[str, Array], second: Mapping[str, Array]) -> Any:
    """`out` of a node that ran on the first values and then on the second ones (arguments by position)."""
    leaves = student.load("\n".join(f"{key} = Leaf({key!r})" for key in first), *first)

    def give(values: Mapping[str, Array]) -> None:
        for key, leaf in leaves.items():
            leaf.set("out", np.array(values[key]))
            leaf.method("forward")

    give(first)
    node = student.call(name, *leaves.values(), name.lower())
    node.method("forward")
    give(second)
    node.method("forward")
    return node.attr("out")


def expect_untouched(run: NodeRun, upstream: Array, **inputs: Array) -> None:
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
    """Exactly the same numbers, in whatever shape."""
    array = got if isinstance(got, np.ndarray | np.generic | float) else np.array([])
    return np.array_equal(np.ravel(array), value.ravel())
