"""What every node of a computation graph has to keep, whatever it computes: one contract for all of them.

A `NodeRule` says what a node computes. A `NodeTrial` runs the student's node by that rule: several instances at once,
whose passes are interleaved; later passes with other values, of the same shapes, of others, and written into the
arrays that are there; upstream gradients of both signs; small, large and zero inputs; another consumer's gradient that
is there already; one input used twice. Afterwards the inputs, the upstream gradient and the node's own `out` have to
be as they were, nothing of the inputs but d_out may have been touched, and no two gradients may be one array.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from backprop.checking.comparison import compare
from backprop.checking.slips import Slip, Slips

from .answers import Answer
from .draw import Array, Draw
from .regions import Make, expect_in, inputs, near
from .student import NodeRun, Student
from .verdict import expect, expect_true

Step = tuple[int, str, dict[str, Any]]


def _no_slips(*_: Any, **__: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class NodeRule:
    """What a node computes.

    name           : of the student's class
    out            : (**inputs) -> the right out
    gradients      : (upstream, **inputs) -> {input: the right gradient}; inputs that are not in it have none
    out_slips      : (**inputs) -> what known mistakes would give for out
    gradient_slips : (upstream, **inputs) -> {input: what known mistakes would give for its gradient}

    Inputs come in the order of the constructor's arguments: arrays become nodes, plain numbers are passed as they are.
    Slips are worked out for a wrong result only.
    """

    name: str
    out: Callable[..., Any]
    gradients: Callable[..., Mapping[str, Any]]
    out_slips: Callable[..., Iterable[Slip]] = _no_slips
    gradient_slips: Callable[..., Mapping[str, Iterable[Slip]]] = _no_slips


@dataclass(frozen=True)
class Case:
    """Inputs of a node and an upstream gradient; `title` says which region they lie in, "" for ordinary numbers."""

    inputs: dict[str, Any]
    upstream: Array
    title: str = ""
    share: dict[str, str] = field(default_factory=dict)

    @property
    def arrays(self) -> dict[str, Array]:
        return {key: value for key, value in self.inputs.items() if isinstance(value, np.ndarray)}


# region -> what arrives from above there, in words and made from an ordinary one
UPSTREAM: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "numbers below 1e-5": ("an upstream gradient of 1", np.ones_like),
    "numbers of about 1e-4": ("an upstream gradient of 0", np.zeros_like),
    "numbers of about 0.01": ("a negative upstream gradient", lambda g: -np.abs(g)),
    "numbers of about 0.1": ("a positive upstream gradient", np.abs),
}


def cases(draw: Draw, rule: NodeRule, make: Make, *others: Make, **how: Any) -> list[Case]:
    """The inputs of `regions.inputs`, each with an upstream gradient, and one with a small upstream gradient."""
    found = []
    for number, (title, given) in enumerate(inputs(draw, make, *others, **how)):
        upstream = draw.both_signs(*np.shape(rule.out(**given)), low=0.6, high=1.8)
        if upstream.size == 1:  # positive and negative in turn: a lost sign shows, and is told from a wrong one
            upstream = np.abs(upstream) * (-1) ** number
        if title in UPSTREAM:
            words, other = UPSTREAM[title]
            title, upstream = f"{title} and {words}", other(upstream)
        found.append(Case(given, np.asarray(upstream), title))
    first = found[0]
    found.append(Case(first.inputs, -1e-5 * first.upstream, "an upstream gradient of about 1e-5"))
    return found


@dataclass(frozen=True)
class _Forward:
    """One run per case; a look at the second instance; a second pass of the first; the second once more; the first with
    its first values written into its arrays; the later passes of the first."""

    runs: list[NodeRun]
    looked: NodeRun
    again: NodeRun
    beside: NodeRun
    in_place: NodeRun
    later: list[NodeRun]


@dataclass(frozen=True)
class _BothWays:
    """The backward runs: one per case, one per shared case, one with gradients there before, a second pass, later."""

    runs: list[NodeRun]
    shared: list[NodeRun]
    fed: NodeRun
    again: NodeRun
    later: list[NodeRun]


class NodeTrial:
    """The student's node, run by a rule. Each `expect_…` notes in the open part what it finds.

    all_cases : see `cases`; the first two have the same shapes
    shared    : cases whose `share` names inputs that are one and the same node
    uses_out  : backward() may be written with self.out, so that a wrong out is not paid for in the gradient as well
    """

    def __init__(
        self,
        student: Student,
        rule: NodeRule,
        draw: Draw,
        all_cases: Sequence[Case],
        shared: Iterable[Case] = (),
        uses_out: bool = False,
    ):
        self.student, self.rule, self.cases, self.shared = student, rule, list(all_cases), list(shared)
        first, second = self.cases[:2]
        self.held = {key: draw.signed(*value.shape) for key, value in first.arrays.items()}
        # The first instance a second time, with the values of the second: plain arguments stay those of the first.
        self.second_pass = Case({**first.inputs, **second.arrays}, second.upstream)
        self.uses_out = uses_out

    # -- runs ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _later(self) -> list[Case]:
        """Passes of the first instance after its second one: the values of every other case, whatever their shapes."""
        first = self.cases[0]
        return [Case({**first.inputs, **case.arrays}, case.upstream, case.title) for case in self.cases[2:]]

    @functools.cached_property
    def _forward_only(self) -> _Forward:
        instances = [(case.inputs, {}) for case in self.cases]
        again = {"values": self.second_pass.arrays, "left_over": self.cases[0].upstream}
        in_place = {"values": self.cases[0].arrays, "in_place": True}
        steps: list[Step] = [(n, "forward", {"before": {} if n else self.held}) for n in range(len(instances))]
        steps += [(1, "look", {}), (0, "forward", again), (1, "forward", {}), (0, "forward", in_place)]
        steps += [(0, "forward", {"values": case.arrays}) for case in self._later]
        found = self.student.run_steps(self.rule.name, instances, steps)
        count = len(instances)
        return _Forward(found[:count], *found[count : count + 4], found[count + 4 :])

    @functools.cached_property
    def _both_ways(self) -> _BothWays:
        ran = [*self.cases, *self.shared, self.cases[0]]
        instances = [(case.inputs, case.share) for case in ran]
        steps: list[Step] = [(n, "forward", {}) for n in range(len(ran))]
        steps.append((len(ran) - 1, "forward", {}))  # once more, as where a prediction came before the gradients
        # As in a graph: every node has its upstream gradient before the next one runs backward.
        steps += [(n, "feed", {"upstream": case.upstream}) for n, case in enumerate(ran)]
        steps += [(n, "backward", self._backward(case)) for n, case in enumerate(ran[:-1])]
        steps.append((len(ran) - 1, "backward", {**self._backward(ran[-1]), "before": self.held}))
        for case in (self.second_pass, *self._later):
            steps.append((0, "forward", {"values": case.arrays}))
            steps.append((0, "backward", {**self._backward(case), "upstream": case.upstream}))
        found = self.student.run_steps(self.rule.name, instances, steps)
        start = 2 * len(ran) + 1
        first = found[start : start + len(ran)]
        count, again = len(self.cases), found[start + len(ran) + 1 :: 2]
        return _BothWays(first[:count], first[count:-1], first[-1], again[0], again[1:])

    def _backward(self, case: Case) -> dict[str, Any]:
        how: dict[str, Any] = {}
        if self.uses_out and not self.forward_right:
            how["replace_out"] = np.asarray(self.rule.out(**case.inputs), dtype=float)
        return how

    @functools.cached_property
    def forward_right(self) -> bool:
        """Whether out is right in every case."""
        runs = zip(self.cases, self._forward_only.runs, strict=True)
        return all(Answer.to(lambda run=run: run.out).holds(_agrees(self.rule.out(**c.inputs))) for c, run in runs)

    # -- forward ------------------------------------------------------------------------------------------------

    def expect_forward(self) -> bool:
        """out in every case, in a second pass and beside other instances; d_out is reset; inputs are left alone."""
        ran = self._forward_only
        runs, looked, again, beside = ran.runs, ran.looked, ran.again, ran.beside
        first, second = self.cases[:2]
        outs = [self.rule.out(**case.inputs) for case in self.cases]
        good = True
        for number, (case, run, exact) in enumerate(zip(self.cases, runs, outs, strict=True)):
            slips = functools.partial(self._out_slips, number, runs, outs)
            if not (good := _expect(case.title, run.out, exact, "out", slips, outs[:number])):
                break
        if good:
            name = "out, after other nodes of the same class have run,"
            good = _expect("", looked.out, outs[1], name, [Slip("shared_state", [outs[0], *outs[2:]])])
        if good:
            exact = self.rule.out(**self.second_pass.inputs)
            good = _expect("", again.out, exact, "out in a second pass, with other values", [Slip("stale", outs[0])])
            good = good and _expect("", beside.out, outs[1], "out", [Slip("shared_state", [outs[0], exact])])
            if good:
                name = "out, with other values written into the same arrays,"
                good = _expect("", ran.in_place.out, outs[0], name, [Slip("stale", exact)])
        for case, run in zip(self._later, ran.later, strict=True) if good else ():
            title = f"{case.title or 'other inputs'} in a later pass"
            if not (good := _expect(title, run.out, self.rule.out(**case.inputs), "out", ())):
                break
        if good:
            stale = [Slip("stale", first.upstream)]
            zeros = np.zeros(np.shape(exact))
            expect(again.d_out, zeros, name="d_out after forward()", scalar_like=True, mistakes=stale)
            self._expect_protocol(outs)
        else:
            _expect_inputs_left(first, runs[0])
        return good

    def _expect_protocol(self, outs: Sequence[Any]) -> None:
        """In every case: d_out is zero, out is returned, and the inputs are left to the graph."""
        for case, run, exact in zip(self.cases, self._forward_only.runs, outs, strict=True):
            where = f" for {case.title}" if case.title else ""
            zeros = np.zeros(np.shape(exact))
            good = expect(run.d_out, zeros, name=f"d_out after forward(){where}", scalar_like=True)
            text = f"forward() returns nothing{where}: end it with `return self.out`, as every node does."
            good = expect_true(run.returned is not None, text, "none") and good
            if good:
                slips = [] if case.title else [Slip("wrong_argument", zeros, "d_out")]
                good = _expect(case.title, run.returned, exact, "what forward() returns", slips)
            text = "forward() runs forward() or backward() of an input: that is the graph's work, once for each node."
            if not (expect_true(not run.ran_inputs, text, "accumulated_twice") and good):
                break
        for key, held in self.held.items():
            text = f"forward() changed d_out of {key}: each node resets its own d_out, nobody else's."
            _expect_left(self._forward_only.runs[0].grad_kept(key), held, text)
        for case, run in zip(self.cases, self._forward_only.runs, strict=True):
            if not _expect_inputs_left(case, run):
                break

    def _out_slips(self, number: int, runs: Sequence[NodeRun], outs: Sequence[Any]) -> list[Slip]:
        """The slips of the rule for a case, and that its out is another's."""
        slips = [*self.rule.out_slips(**self.cases[number].inputs)]
        if number < 2:
            slips.append(Slip("shared_state", [outs[1 - number], outs[-1]]))
            slips += _offset(runs[1 - number], outs[1 - number], outs[number])
        return slips

    # -- backward -----------------------------------------------------------------------------------------------

    def expect_backward(self, *keys: str) -> bool:
        """The gradients of the inputs named, or of all, in every case; and what backward() has to leave alone."""
        good = all([self.expect_gradient(key) for key in keys or self._gradients(self.cases[0])])
        self.expect_left_alone()
        return good

    def _gradients(self, case: Case) -> dict[str, Any]:
        found = dict(self.rule.gradients(case.upstream, **case.inputs))
        for key, other in case.share.items():
            found[other] = found[other] + found.pop(key)
        return found

    def expect_gradient(self, key: str) -> bool:
        """The gradient of one input in every case, added to what is there already, and in a second pass."""
        ran, label = self._both_ways, f"∂J/∂{key}"
        right = [np.asarray(self._gradients(case)[key], dtype=float) for case in self.cases]
        for number, (case, run, exact) in enumerate(zip(self.cases, ran.runs, right, strict=True)):
            slips = functools.partial(self._gradient_slips, number, key, right)
            room = {**_cancelled(case.upstream, exact), **_single(run)}
            if not _expect(case.title, run.grad(key), exact, label, slips, right[:number], **room):
                return False
        assigned = [Slip("assigned", right[0])]
        if not _expect("", ran.fed.grad(key), self.held[key] + right[0], label, assigned, **_single(ran.fed)):
            return False
        for case, run in zip(self.shared, ran.shared, strict=True):
            if key in case.share.values():
                one = dict(self.rule.gradients(case.upstream, **case.inputs))
                alone = [one[key], *(one[k] for k, other in case.share.items() if other == key)]
                if not _expect("", run.grad(key), self._gradients(case)[key], label, [Slip("assigned", alone)]):
                    return False
        exact = np.asarray(self._gradients(self.second_pass)[key], dtype=float)
        mixed = self.rule.gradients(self.second_pass.upstream, **self.cases[0].inputs)[key]
        stale = [Slip("stale", [right[0], right[0] + exact, mixed])]
        name = f"{label} in a second pass, with other values"
        if not _expect("", ran.again.grad(key), exact, name, stale, **_single(ran.again)):
            return False
        for case, run in zip(self._later, ran.later, strict=True):
            title = f"{case.title or 'other inputs'} in a later pass"
            exact = np.asarray(self._gradients(case)[key], dtype=float)
            room = {**_cancelled(case.upstream, exact), **_single(run)}
            if not _expect(title, run.grad(key), exact, label, (), **room):
                return False
        return True

    def _gradient_slips(self, number: int, key: str, right: Sequence[Array]) -> list[Slip]:
        """The slips of the rule for a case, and those that every gradient has."""
        case = self.cases[number]
        g = case.upstream

        def with_upstream(other: Array) -> Any:
            return self.rule.gradients(np.asarray(other), **case.inputs)[key]

        slips = [
            Slip("one_node_only", np.zeros(np.shape(case.inputs[key]))),
            Slip("upstream_ignored", with_upstream(np.ones(g.shape))),
            Slip("upstream_twice", with_upstream(g * g)),
            Slip("wrong_argument", with_upstream(np.abs(g)), "the absolute value of the upstream gradient"),
        ]
        if g.size > 1:
            slips.append(Slip("upstream_summed", with_upstream(np.full(g.shape, g.sum()))))
        if number < 2:
            slips.append(Slip("shared_state", [right[1 - number], right[-1]]))
        return [*slips, *self.rule.gradient_slips(g, **case.inputs).get(key, ())]

    def expect_left_alone(self) -> None:
        """backward() changes neither inputs nor the upstream gradient nor out, and the graph finds all inputs."""
        case, run, fed = self.cases[0], self._both_ways.runs[0], self._both_ways.fed
        if all(_same(self._forward_only.runs[0].input_after(key), value) for key, value in case.arrays.items()):
            _expect_inputs_left(case, run)
        text = "self.d_out was changed by backward(): leave it as it is, work on a copy."
        _expect_left(run.upstream_after, case.upstream, text)
        _expect_left(fed.upstream_after, case.upstream, text)
        if self.forward_right:
            out = self._forward_only.runs[0].out
            _expect_left(run.out_after, out, "self.out was changed by backward(): the nodes that follow still need it.")
        gradients = self._gradients(case)
        for key, held in self.held.items():
            if key not in gradients:
                text = f"backward() changed d_out of {key}, which gets no gradient: leave it alone."
                _expect_left(fed.grad(key), held, text)
        text = "backward() runs forward() or backward() of an input: that is the graph's work, once for each node."
        expect_true(not run.ran_inputs_back, text, "accumulated_twice")
        for run in self._both_ways.runs:
            if not expect_true(not run.one_array, _one_array(run.one_array), "assigned"):
                break
        for key in gradients:
            text = f"get_predecessors() leaves out {key}: a graph finds its nodes through it."
            expect_true(key in run.predecessors, text, "missing")


def _one_array(keys: Sequence[str]) -> str:
    return (
        f"{' and '.join(f'{key}.d_out' for key in keys)} became one array with another one: what is added to either "
        "later shows in both. Add with +=, which keeps each its own."
    )


def _cancelled(upstream: Array, exact: Array) -> dict[str, float]:
    """Room for rounding where the terms of a gradient cancel, as those of a softmax do when all upstream is 1."""
    size = 1e-14 * float(np.max(np.abs(upstream), initial=0.0))
    return {"atol": size} if np.max(np.abs(exact), initial=0.0) < size else {}


def _expect(
    title: str, got: Any, exact: Any, name: str, slips: Slips, earlier: Sequence[Any] = (), **tolerances: float
) -> bool:
    scalar = np.ndim(exact) == 0
    if title:
        return expect_in(title, got, exact, name=name, scalar_like=scalar, earlier=earlier, **tolerances)
    return expect(got, exact, name=name, scalar_like=scalar, mistakes=slips, **tolerances)


def _single(run: NodeRun) -> dict[str, float]:
    """A gradient that is made of single-precision values, because out is in it, is right to single precision only."""
    single = getattr(Answer.to(lambda: run.out_after).got, "dtype", None) == np.float32
    return {"rtol": 1e-5, "atol": 1e-6} if single else {}


def _offset(run: NodeRun, right: Any, here: Any) -> list[Slip]:
    """The slip of a constant that is added everywhere: what one number is off, another is off as well."""
    got = Answer.to(lambda: run.out).got
    if np.ndim(right) or not isinstance(got, float | np.ndarray | np.generic) or np.size(got) != 1:
        return []
    off = float(np.reshape(got, ())) - float(right)
    return [Slip("offset", here + off)] if abs(off) > 1e-9 else []


def _expect_inputs_left(case: Case, run: NodeRun) -> bool:
    good = True
    for key, value in case.arrays.items():
        text = f"{key}.out was changed in place: the nodes that use {key} as well still need it."
        good &= _expect_left(run.input_after(key), value, text)
    return good


def _expect_left(got: Any, value: Any, text: str) -> bool:
    return expect_true(_same(got, value), text, "in_place")


def _same(got: Any, value: Any) -> bool:
    """True when the entries are the same to the last digit, whatever the shape, and a label is still an integer."""
    array = got if isinstance(got, np.ndarray | np.generic | float | int) else np.array([])
    alike = np.asarray(value).dtype.kind == "f" or np.asarray(array).dtype.kind in "iu"
    return alike and np.array_equal(np.ravel(array), np.ravel(value))


def _agrees(exact: Any) -> Callable[[Any], bool]:
    def right(got: Any) -> bool:
        return compare("", got, exact, scalar_like=np.ndim(exact) == 0, **near(exact, got)).ok

    return right
