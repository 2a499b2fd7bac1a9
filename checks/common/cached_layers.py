"""A layer as a pair of functions: forward gives out and a cache, backward gets an upstream gradient and that cache.

One contract for all of them, whatever they compute: all forward passes first, then all backward passes, in every region
of numbers, and the first cache once more. Nothing that is given is changed, nor what an earlier call returned.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograder.judging import (
    RESULT_CHANGED,
    Answer,
    Array,
    Call,
    Draw,
    Remote,
    Slip,
    Student,
    expect,
    expect_in,
    expect_true,
    inputs,
    one_at_a_time,
    regions,
    still_there,
)

from .two_layer_net import not_equal, require_several

# (upstream, *inputs) -> the right out, and the right gradients in the order of their names; none without an upstream
Rule = Callable[..., tuple[Array, tuple[Array, ...]]]


class Layer:
    """The student's layer, asked by its rule in every region of numbers.

    names    : of the two functions
    rule     : see `Rule`
    make     : builds the inputs by name from what makes an array of a given shape; `others` have other shapes
    of       : names of the inputs that get a gradient, all of them where nothing is said
    region   : what `regions` is told
    """

    def __init__(
        self,
        student: Student,
        names: tuple[str, str],
        draw: Draw,
        rule: Rule,
        make: Any,
        *others: Any,
        of: Sequence[str] = (),
        **region: Any,
    ):
        self.student, (self.forward, self.backward), self.rule = student, names, rule
        cases = inputs(draw, make, *others, **region)
        above = dict(regions(draw, **region))  # what arrives from above lies in the same region
        self.cases: list[tuple[str, dict[str, Any], Array]] = []
        for title, given in [*cases, *one_at_a_time(cases[0][1], cases[1][1], floats=list(cases[0][1]))]:
            shape = rule(None, *given.values())[0].shape
            self.cases.append((title, given, above.get(title, draw.both_signs)(*shape)))
        self.of = list(of or cases[0][1])

    # -- runs ---------------------------------------------------------------------------------------------------

    @functools.cached_property
    def _ran(self) -> list[Call]:
        """Each forward pass."""
        return Call.all_of(self.student, self.forward, [given for _, given, _ in self.cases])

    def _out(self, ran: Call) -> Any:
        require_several(ran.value, 2, self.forward, "out and cache")
        return ran.value[0]

    @functools.cached_property
    def _caches(self) -> list[Remote]:
        for ran in self._ran:
            self._out(ran)
        with self.student.chain():
            return [ran.there.item(1) for ran in self._ran]

    @functools.cached_property
    def _way_back(self) -> list[Call]:
        """Each backward pass, and one more with the first cache."""
        order = [*range(len(self.cases)), 0]
        given = [{"grad_out": self.cases[number][2], "cache": self._caches[number]} for number in order]
        return Call.all_of(self.student, self.backward, given)

    @functools.cached_property
    def forward_right(self) -> bool:
        """Whether out is right in every case; nothing is noted."""

        def agrees(ran: Call, right: Array) -> bool:
            out = self._out(ran)
            return isinstance(out, np.ndarray) and out.shape == right.shape and np.allclose(out, right, 1e-4, 1e-9)

        rights = (self.rule(None, *given.values())[0] for _, given, _ in self.cases)
        pairs = zip(self._ran, rights, strict=True)
        return all(Answer(ran).holds(lambda call, right=right: agrees(call, right)) for ran, right in pairs)

    # -- what is expected -----------------------------------------------------------------------------------------

    def _expect(self, number: int, got: Any, exact: Array, name: str, stale: Array) -> bool:
        title = self.cases[number][0]
        if title:
            return expect_in(title, got, exact, name=name, earlier=[stale])
        slips = [Slip("stale", stale)] if number == 1 and np.shape(stale) == exact.shape else []
        return expect(got, exact, name=name, mistakes=not_equal(slips, exact))

    def expect_forward(self) -> bool:
        """out of each case, a new array. Inputs are left as they were, and so is what an earlier call returned."""
        outs = [self.rule(None, *given.values())[0] for _, given, _ in self.cases]
        good = all(self._expect(n, self._out(ran), outs[n], "out", outs[0]) for n, ran in enumerate(self._ran))
        if not all(self._expect_left(self.forward, ran) and self._expect_new(ran) for ran in self._ran):
            return False
        return good and self._expect_kept(self._ran, lambda returned: returned[0])

    def expect_backward(self, *names: str) -> bool:
        """Gradients from each cache, also where it is used a second time: of the inputs named, or of all."""
        first: tuple[Array, ...] = ()
        for turn, ran in enumerate(self._way_back):
            number = turn % len(self.cases)
            _, given, upstream = self.cases[number]
            got = ran.value if len(self.of) > 1 else [alone(ran.value)]
            require_several(got, len(self.of), self.backward, "the gradients")
            exact = self.rule(upstream, *given.values())[1]
            first = first or exact
            found = [one for one in zip(self.of, got, exact, first, strict=True) if not names or one[0] in names]
            if not all([self._expect(number, g, e, f"grad_{name}", s) for name, g, e, s in found]):
                return False
            text = f"{self.backward} returned grad_out itself, or a part of it: return new arrays."
            if not expect_true("grad_out" not in ran.kept, text, "in_place"):
                return False
            if not self._expect_left(self.backward, ran):
                return False
        return self._expect_kept(self._way_back, lambda returned: returned)

    def _expect_left(self, function: str, ran: Call) -> bool:
        for name in ran.changed:
            text = f"{function} changed {name} in place: others still need it as it was, so work on a copy."
            expect_true(False, text, "in_place")
        return not ran.changed

    def _expect_new(self, ran: Call) -> bool:
        """out is none of the inputs, which the cache may well hold."""
        handed_back = [name for name, places in ran.kept.items() if 0 in places]
        text = f"{self.forward} returned {', '.join(handed_back)} itself as out, or a part of it: return a new array."
        return expect_true(not handed_back, text, "in_place")

    def _expect_kept(self, runs: Sequence[Call], what: Callable[[Any], Any]) -> bool:
        """No later call has written into what of an earlier result is asked for."""
        later = self.student.fetch_all([ran.there for ran in runs])
        return all(
            expect_true(still_there(what(now()), what(ran.value)), RESULT_CHANGED, "shared_state")
            for ran, now in zip(runs, later, strict=True)
        )


def alone(got: Any) -> Any:
    """What was returned, or the one thing in a list of one."""
    return got[0] if isinstance(got, list | tuple) and len(got) == 1 else got
