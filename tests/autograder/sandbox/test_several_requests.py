"""Requests that go together in one message: each has its own answer, its own error and its own time."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest
from places import needs_bubblewrap

from autograder.judging import Student, StudentError, StudentGone
from autograder.sandbox.inside.confine import Limits
from autograder.sandbox.inside.wire import Handle
from autograder.sandbox.process import Zygote

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox")]

CODE = """
import os, time
import numpy as np
asked = []

def f(x):
    asked.append(x)
    if x == 1:
        raise ValueError("one")
    if x == 2:
        while True:
            pass
    if x == 3:
        return np.zeros(20_000)
    if x == 4:
        os._exit(0)
    if x == 5:
        time.sleep(0.4)
    return x

class Adder:
    def __init__(self, start):
        self.total = start

    def add(self, other):
        self.total = self.total + (other.total if isinstance(other, Adder) else other)
        return self

def how_often():
    return len(asked)
"""


def in_a_process(seconds: float):
    zygote = Zygote(limits=Limits(memory=1500 * 2**20, cpu=20)).start()
    process = zygote.open()
    process.run_cell(textwrap.dedent(CODE), 0)
    student = Student(
        lambda request: process.send(request, seconds),
        lambda requests, linked: process.send_all(requests, linked, lambda: seconds),
    )
    return student, zygote.stop


def in_this_process(seconds: float):
    names: dict = {}
    exec(CODE, names)
    return Student.here(names), lambda: None


@pytest.fixture(params=[pytest.param(in_a_process, marks=needs_bubblewrap), in_this_process])
def student(request):
    opened, close = request.param(1.0)
    yield opened
    close()


@pytest.fixture
def alone():
    opened, close = in_a_process(1.0)
    yield opened
    close()


def came(calls) -> list:
    """Each value, or the family of the error in its place."""
    found = []
    for call in calls:
        try:
            found.append(call().value)
        except StudentError as error:
            found.append(error.mistake.family)
    return found


def test_an_error_is_the_answer_to_its_own_request_alone(student):
    assert came(student.call_all("f", [(0,), (1,), (7,), (1,), (8,)])) == [0, "raises", 7, "raises", 8]


@needs_bubblewrap
def test_a_loop_without_an_end_takes_the_time_of_its_own_request_alone(alone):
    assert came(alone.call_all("f", [(0,), (2,), (7,), (2,), (1,), (8,)])) == [0, "time", 7, "time", "raises", 8]


@needs_bubblewrap
def test_each_request_has_its_own_time(alone):
    assert came(alone.call_all("f", [(5,)] * 5)) == [5] * 5


def test_too_large_an_answer_is_the_answer_to_its_own_request_alone(student):
    first, large, last = student.call_all("f", [(0,), (3,), (7,)])
    assert (first().value, last().value) == (0, 7)
    assert isinstance(large().value, Handle)


@needs_bubblewrap
def test_a_process_that_ends_is_gone_for_all(alone):
    with pytest.raises(StudentGone):
        alone.call_all("f", [(0,), (4,), (7,)])
    with pytest.raises(StudentGone):
        alone.call("f", 0)


def test_more_requests_than_go_together_are_all_answered_in_their_order(student):
    assert came(student.call_all("f", [(n,) for n in range(10, 60)])) == list(range(10, 60))


def test_arguments_and_results_of_several_calls_stay_apart(student):
    given = [(np.full(2, float(n)),) for n in (7, 8)]
    seen = [one() for one in student.watched_all("Adder", given)]
    for number, (made, after, _) in zip((7, 8), seen, strict=True):
        np.testing.assert_array_equal(made.attr("total").value, [number] * 2)
        np.testing.assert_array_equal(after[0], [number] * 2)


def test_in_a_chain_a_result_is_given_to_the_next_request(student):
    with student.chain():
        one, two = student.call("Adder", 3), student.call("Adder", 4)
        two.set("total", 40)
        total = one.method("add", two).attr("total")
    assert total.value == 43
    assert one.attr("total").value == 43


def test_the_first_error_ends_a_chain_and_is_raised_at_its_end(student):
    with pytest.raises(StudentError, match="one"), student.chain():
        student.call("f", 0)
        student.call("f", 1)
        student.call("f", 7)
    assert student.call("how_often").value == 2


def test_there_is_no_answer_before_the_end_of_a_chain(student):
    with pytest.raises(RuntimeError), student.chain():
        _ = student.call("f", 0).value
    assert student.call("how_often").value == 0


@pytest.mark.parametrize("number", [-1, 0])
def test_a_process_cannot_name_a_result_that_it_has_not_given(number):
    student = Student(lambda request: {"handle": Handle(number, "x")})
    with pytest.raises(StudentError):
        student.call("f")
