"""Whatever a student's process answers, a check comes to a verdict: no fault of ours, no gigabytes, no point for noise.

Each check judges the reference solution; then single answers are exchanged for others on their way to the judge.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
import re
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.judging import Check, Student
from autograder.judging.load import all_checks
from autograder.mutants.exercise import code_cells, namespace
from autograder.sandbox.inside.wire import Absent, Handle

ALL = all_checks(CHECKS)
TRIES = 30  # exchanged answers for each check
ROOM = 64 * 2**20  # bytes that may be asked for beside what a check has when it begins
HELD = 16 * 2**20  # bytes of them that the process may have at hand already, freed earlier: 15 are, after all checks


@pytest.fixture(scope="module")
def notebook() -> Callable[[str], dict[str, Any]]:
    @functools.cache
    def of_section(section: str) -> dict[str, Any]:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            return namespace(code_cells(Course(ROOT).root, section))

    return of_section


def judge(check: Check, scope: dict[str, Any], exchange: Callable[[int, Any], Any]):
    """The verdict when the answer to each request, counted from 0, is exchanged; and how many requests there were."""
    here, count = Student.here(dict(scope)), 0

    def send(request: dict[str, Any]) -> Any:
        nonlocal count
        count += 1
        return exchange(count - 1, here._send(request))

    with contextlib.redirect_stdout(open(os.devnull, "w")), contextlib.redirect_stderr(open(os.devnull, "w")):
        return check.judge(Student(send), 0), count


# -- an exception at every request ------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_a_part_that_did_not_run_to_its_end_is_not_earned(check, notebook):
    scope = notebook(check.section)
    whole, count = judge(check, scope, lambda number, reply: reply)
    moments = range(count) if count <= 12 else sorted({*random.Random(0).sample(range(count), 10), 0, count - 1})
    for moment in moments:

        def exchange(number: int, reply: Any, moment: int = moment) -> Any:
            if number == moment:
                raise ValueError("the judge's own")
            return reply

        verdict, _ = judge(check, scope, exchange)
        assert verdict.problem and "the judge's own" in verdict.problem and not verdict.full
        earned = [part.passed for part in verdict.parts]
        assert not all(earned) or len(earned) < len(whole.parts), f"request {moment}: every part is earned"
        assert " of " not in verdict.text.splitlines()[0]


# -- exchanged answers ------------------------------------------------------------------------------------------------


def leaf(rng: random.Random, value: Any) -> Any:
    """Something else in place of a number, a text or an array."""
    array = np.asarray(value) if isinstance(value, (int, float, np.ndarray, np.generic)) else np.array([1.0, 2.0])
    shape = array.shape
    others: list[Callable[[], Any]] = [
        lambda: None,
        lambda: ...,
        lambda: "text",
        lambda: [1.0, [2.0]],
        lambda: [],
        lambda: (1.0, 2.0, 3.0),
        lambda: {},
        lambda: {"a": [None]},
        lambda: True,
        lambda: 3.1e210,
        lambda: -1.7e308,
        lambda: float("nan"),
        lambda: float("-inf"),
        lambda: 10**300,
        lambda: 1 + 2j,
        lambda: Handle(0, "a generator"),
        lambda: Absent((60_000_000, 1, 1)),
        lambda: np.zeros((60_000_000 // 100, 1, 1), "i1"),
        lambda: np.ones((4000, 1, 1)),
        lambda: np.ones((1, 1, 4000)),
        lambda: np.ones((4000,)),
        lambda: np.zeros((0, 3)),
        lambda: np.zeros((2,) * 10),
        lambda: array.reshape(-1),
        lambda: array.reshape(*shape, 1),
        lambda: array.reshape(1, *shape),
        lambda: array.T,
        lambda: np.stack([array, array]),
        lambda: np.full(shape, np.nan),
        lambda: np.full(shape, np.inf),
        lambda: np.full(shape, 1e200),
        lambda: np.full(shape, -(2**62)),
        lambda: np.zeros(shape, complex) + 1j,
        lambda: np.ones(shape, bool),
        lambda: np.ones(shape, "f2"),
        lambda: np.ones(shape, "u1"),
        lambda: array.tolist() if array.dtype.kind in "fiub" else [],
    ]
    found = rng.choice(others)()
    return "..." if found is ... else found


def exchanged(rng: random.Random, value: Any) -> Any:
    """The value with one thing in it exchanged: a part left out, one more, another kind of thing."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        what = rng.random()
        if what < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if what < 0.15:
            return {**value, "more": 1.0}
        return {**value, key: exchanged(rng, value[key])}
    if isinstance(value, (list, tuple)) and value and rng.random() < 0.85:
        place = rng.randrange(len(value))
        what = rng.random()
        items = list(value)
        if what < 0.1:
            del items[place]
        elif what < 0.2:
            items.insert(place, items[place])
        else:
            items[place] = exchanged(rng, items[place])
        return type(value)(items) if rng.random() < 0.8 else items
    return leaf(rng, value)


def replies(check: Check, rng: random.Random, count: int) -> Iterator[Callable[[int, Any], Any]]:
    for _ in range(TRIES):
        moment, every = rng.randrange(count), rng.random() < 0.2

        def exchange(number: int, reply: Any, moment: int = moment, every: bool = every) -> Any:
            if (number < moment) or (number > moment and not every) or not isinstance(reply, dict):
                return reply
            keys = [key for key in ("value", "after") if key in reply]
            if not keys or rng.random() < 0.03:
                return exchanged(rng, reply)
            key = rng.choice(keys)
            return {**reply, key: exchanged(rng, reply[key])}

        yield exchange


@contextlib.contextmanager
def room(most: int) -> Iterator[None]:
    """In here the process gets so many bytes more, then a MemoryError. Tracing all memory takes four times as long."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    (told,) = re.findall(r"^VmData:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    resource.setrlimit(resource.RLIMIT_DATA, (int(told) * 1024 + most - HELD, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def test_a_room_has_an_end():
    with room(ROOM):
        assert np.ones(ROOM // 16).nbytes < ROOM
        with pytest.raises(MemoryError):
            np.ones(ROOM // 4)
    assert np.ones(ROOM // 4).nbytes > ROOM


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_no_answer_makes_a_check_fail_itself_or_fill_the_memory(check, notebook):
    scope, rng = notebook(check.section), random.Random(check.name)
    _, count = judge(check, scope, lambda number, reply: reply)
    with room(ROOM):
        for number, exchange in enumerate(replies(check, rng, count)):
            verdict, _ = judge(check, scope, exchange)
            assert verdict.problem is None, f"try {number}: {verdict.problem}"
            assert 0 <= verdict.score <= check.points and verdict.text
