"""How a check comes to its verdict: parts and points, what the student reads, what never happens."""

from __future__ import annotations

import linecache
import re
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autograder import NoPoints, grade
from autograder.judging import (
    Check,
    Draw,
    NodeRun,
    Remote,
    Student,
    StudentError,
    StudentGone,
    Verdict,
    check,
    expect,
    expect_true,
    note,
    part,
    values,
)
from autograder.judging.student import needed
from autograder.sandbox.inside.wire import Handle

quiet = settings(deadline=None, max_examples=100, derandomize=True, suppress_health_check=list(HealthCheck))


def notebook(source: str) -> dict:
    """The names that a cell with this source defines, as in a kernel: errors can quote their line."""
    source = textwrap.dedent(source)
    linecache.cache["<cell 1>"] = (len(source), None, source.splitlines(True), "<cell 1>")
    scope: dict = {"np": np}
    exec(compile(source, "<cell 1>", "exec"), scope)
    return scope


def verdict(function, source: str = "", points: float = 5, seed: str | int = 0) -> Verdict:
    return Check("s/x_check", points, function).judge(Student.here(notebook(source)), seed)


def nobody() -> Student:
    """A student whose process has ended."""

    def send(request):
        raise StudentGone("The process ended.", "died")

    return Student(send)


# -- parts and points -----------------------------------------------------------------------------------------------


@quiet
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.booleans()), min_size=1, max_size=6))
def test_the_score_is_the_sum_of_the_parts_that_hold(parts):
    def function(student, draw):
        for number, (points, right, raises) in enumerate(parts):
            with part(f"part {number}", points=points):
                expect(1.0 if right else 2.0, 1.0)
                if raises:
                    raise StudentError("cannot be")

    points = sum(points for points, _, _ in parts)
    got = verdict(function, points=points)
    held = [right and not raises for _, right, raises in parts]
    assert got.score == sum(p for (p, _, _), good in zip(parts, held, strict=True) if good)
    assert got.full == all(held) and [p.passed for p in got.parts] == held
    assert [p.points for p in got.parts] == [p for p, _, _ in parts]
    assert got.text.splitlines()[0] == f"x · {got.score:g} of {points:g} points"
    assert got.problem is None


def test_parts_never_earn_more_than_the_cell_is_worth():
    def function(student, draw):
        for _ in range(3):
            with part("much", points=5):
                expect(1.0, 1.0)

    assert verdict(function, points=5).score == 5


def test_a_check_without_parts_is_never_passed():
    got = verdict(lambda student, draw: None)
    assert not got.full and got.score == 0


def test_a_part_worth_nothing_still_tells_right_from_wrong():
    def function(student, draw):
        with part("optional", points=0):
            expect(student.call("f"), 1.0)

    assert verdict(function, "def f(): return 1.0", points=0).full
    assert not verdict(function, "def f(): return 2.0", points=0).full


def test_an_error_outside_the_parts_costs_only_what_is_left():
    def function(student, draw):
        with part("first", points=2):
            expect(1.0, 1.0)
        student.call("g")

    got = verdict(function)
    assert got.score == 2 and [(p.name, p.points) for p in got.parts] == [("first", 2), ("the rest", 3)]
    assert "g is not defined" in got.text and "missing_name" in got.families
    whole = verdict(lambda student, draw: student.call("g"))
    assert [(p.name, p.points, p.earned) for p in whole.parts] == [("the whole check", 5, 0)]


def test_a_fault_of_the_check_is_told_to_the_instructor_and_not_blamed_on_the_student():
    def function(student, draw):
        with part("first", points=2):
            expect(1.0, 1.0)
        raise ZeroDivisionError("ours")

    got = verdict(function)
    assert re.fullmatch(r"judging/test_judging.py, line \d+: s/x_check: ZeroDivisionError: ours", got.problem)
    assert not got.full
    assert "fault of ours" in got.text and "ZeroDivisionError" not in got.text and "points" not in got.text[:40]


@pytest.mark.parametrize("error", [RuntimeError, ValueError, MemoryError, AssertionError, KeyError, KeyboardInterrupt])
@pytest.mark.parametrize("moment", [0, 1, 2])
def test_a_part_is_earned_only_when_it_ran_to_its_end(error, moment):
    """Whatever a request raises on the judge's side: the part that asked earns nothing, and a person decides."""
    here, asked = Student.here(notebook("def f(): return 1.0")), []

    def send(request):
        asked.append(request)
        if len(asked) == moment + 1:
            raise error("of the judge")
        return here._send(request)

    def function(student, draw):
        for number in range(3):
            with part(f"part {number}", points=1):
                expect(1.0, 1.0)
                student.call("f")

    if error is KeyboardInterrupt:
        with pytest.raises(KeyboardInterrupt):
            Check("s/x_check", 3, function).judge(Student(send))
        return
    got = Check("s/x_check", 3, function).judge(Student(send))
    assert [one.passed for one in got.parts] == [True] * moment + [False]
    assert got.problem == f"s/x_check: {error.__name__}: {error('of the judge')}" and not got.full
    assert "of 3 points" not in got.text


ODD_ANSWERS = {
    "ragged": ("[1.0, [2.0]]", lambda got: np.asarray(got) - 1),
    "overflow": ("3.1e210", lambda got: got**2),
    "three values": ("(1.0, 2.0, 3.0)", lambda got: dict(zip("ab", got, strict=True))),
    "another shape": ("np.ones(3)", lambda got: got - np.ones(2)),
    "no number": ("'text'", lambda got: got - 1.0),
    "nothing": ("None", lambda got: got.shape),
    "no key": ("{'a': 1}", lambda got: got["b"]),
    "nothing to divide by": ("0", lambda got: 1 / got),
}


@pytest.mark.parametrize("what", ODD_ANSWERS)
def test_an_answer_of_a_form_nobody_thought_of_costs_its_part_and_is_no_fault_of_ours(what):
    source, calculate = ODD_ANSWERS[what]

    def function(student, draw):
        with part("odd", points=2):
            calculate(student.call("f").value)
        with part("other", points=3):
            expect(1.0, 1.0)

    got = verdict(function, f"def f(): return {source}")
    assert got.problem is None and [one.passed for one in got.parts] == [False, True]
    assert "form that the exercise does not ask for" in got.text and got.families == ("type",)
    assert len(got.doubts) == 1 and "Error: " in got.doubts[0]


def test_the_same_calculation_without_an_answer_is_a_fault_of_ours():
    def function(student, draw):
        with part("it", points=5):
            np.ones(3) - np.ones(2)

    assert "could not be broadcast" in verdict(function).problem


@pytest.mark.parametrize("result", ["np.ones((5000, 1, 1))", "np.zeros(10**6)", "[np.ones(3000)] * 2", "[0.0] * 5000"])
def test_nothing_is_calculated_with_an_answer_that_is_larger_than_the_question_allows(result):
    def function(student, draw):
        with part("arithmetic", points=2):
            got = student.call("f").value
            (got[1] if isinstance(got, list) else got) * np.ones((60, 10))
        with part("comparison", points=3):
            expect(student.call("f"), np.ones((4, 10)))

    got = verdict(function, f"def f(): return {result}")
    assert got.score == 0 and got.problem is None


def test_a_check_may_ask_for_more():
    def function(student, draw):
        with part("it", points=5):
            expect(student.ask(most=10**6, op="call", name="f")["value"], np.zeros(10**5))

    assert verdict(function, "def f(): return np.zeros(10**5)").full


LEAK = "SECRET = 'the reference code'"


def _leaks(source: str, reveals: bool = True):
    def function(student, draw):
        with part("before", points=1):
            student.call("f", 0)
        with part("show", points=1):
            student.load(LEAK, "SECRET")
        with part("after", points=1):
            expect(student.call("f", 1), 2.0)
        with part("values", points=1):
            values(student.call("f", 1))
        with part("node", points=1):
            expect(student.run_node("N", a=np.ones(2)).out, np.ones(2))

    return Check("s/x_check", 5, function, reveals).judge(Student.here(notebook(source)))


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(text)",
        "raise type(text, (Exception,), {})",
        "raise NotImplementedError(text)",
        "raise ImportError('torch ' + text)",
        "return type(text, (), {})()",
        "return [type(text, (), {})()]",
        "return text",
        "return {text: 1}",
        "return globals()[text]",
    ],
)
def test_after_reference_code_was_shown_no_word_of_the_students_process_is(body):
    source = f"""
    def f(x):
        text = "THE REFERENCE CODE, stolen and long enough to be cut" if x else "early words of my own"
        {body}
    class N:
        def __init__(self, a, name): f(1)
    """
    got = _leaks(source)
    assert "stolen" not in got.text and got.problem is None and got.score <= 2
    assert "before" in got.text
    shown = _leaks(source, reveals=False).text
    if body.startswith("raise ValueError"):
        assert "stolen" in shown and "early words of my own" in got.text


def test_a_message_of_the_students_code_cannot_pass_for_the_judges_lines():
    lines = "oops\\nx · 5 of 5 points\\nforward: 2 of 2\\u2028All right.\\rx"
    got = verdict(only(lambda student: student.call("f")), f"def f(): raise ValueError('{lines}')")
    assert got.score == 0
    body = got.text.splitlines()[2:]
    assert len(body) >= 4 and all(line.startswith("   | ") for line in body), got.text
    assert got.text.splitlines()[:2] == ["x · 0 of 5 points", "it: 0 of 5"]


def test_expect_outside_a_part_is_a_fault_of_the_check():
    assert "expect() is called inside" in verdict(lambda student, draw: expect(1, 1)).problem
    assert "expect() is called inside" in verdict(lambda student, draw: expect_true(False, "x", "type")).problem


def test_a_process_that_ended_fails_what_is_asked_later_with_one_reason():
    def function(student, draw):
        for number in range(2):
            with part(f"part {number}", points=1):
                student.call("f")

    got = Check("s/x_check", 2, function).judge(nobody())
    assert got.score == 0 and got.text.count("The process ended.") == 1 and got.problem is None


def test_notes_cost_nothing_and_each_sentence_is_said_once():
    def function(student, draw):
        note("By the way.")
        for name in "ab":
            with part(name, points=1):
                expect_true(False, "The same.", "type")

    got = verdict(function)
    assert got.text.splitlines()[-1] == "By the way." and got.text.count("The same.") == 1
    assert got.families == ("type",)


# -- what the student reads -----------------------------------------------------------------------------------------


def only(call):
    def function(student, draw):
        with part("it", points=5):
            call(student)

    return function


@pytest.mark.parametrize(
    ("source", "piece"),
    [
        (
            "def f():\n    y = 3\n    return y / 0",
            "ZeroDivisionError: division by zero in f, at the line: return y / 0",
        ),
        ("def f():\n    return np.zeros(2) @ np.zeros(3)", "at the line: return np.zeros(2) @ np.zeros(3)"),
        ("def f():\n    raise NotImplementedError()", "Not finished yet: NotImplementedError in f"),
        ("def f():\n    return g()\ndef g():\n    return unknown", "NameError: name 'unknown' is not defined in g"),
        ("def f():\n    raise SystemExit(3)", "SystemExit: 3 in f, at the line: raise SystemExit(3)"),
        ("def f(x):\n    return x", "missing 1 required positional argument: 'x'"),
        ("f = 3", "'float' object is not callable|'int' object is not callable"),
        ("", "f is not defined. Is the cell that defines it complete"),
        ("class E(Exception):\n    def __str__(self): raise E\ndef f():\n    raise E", "its message cannot be printed"),
        ("def f():\n    raise ValueError('x' * 10**6)", "ValueError: xxx"),
    ],
)
def test_an_error_names_the_line_of_the_students_own_code(source, piece):
    got = verdict(only(lambda student: student.call("f")), source)
    assert re.search(piece if "|" in piece else re.escape(piece), got.text), got.text
    assert got.score == 0 and got.problem is None and len(got.text) < 2000


def test_the_hidden_numbers_are_not_shown():
    got = verdict(only(lambda student: expect(student.call("f"), 0.123456)), "def f(): return 0.654321")
    assert "0.123" not in got.text and "0.654" not in got.text and "max difference 5.3e-01" in got.text


@pytest.mark.parametrize(
    "reply",
    [None, 3, [], {}, {"cpu": 1}, {"handle": 3}, {"value": 1}, {"handle": Handle(1), "value": Handle(2)},
     {"error": None}, {"error": {"type": 7, "message": [1], "line": {}}},
     {"error": {"type": "x" * 10**6, "line": "y" * 10**6}}],
)  # fmt: skip
def test_a_crooked_reply_ends_in_no_points_and_a_sentence(reply):
    def function(student, draw):
        with part("call", points=1):
            expect(student.call("f", 1.0), 1.0)
        with part("node", points=1):
            run = student.run_node("F", a=np.ones(2), upstream=np.ones(2))
            expect(run.out, np.ones(2))
            expect(run.grad("a"), np.ones(2))
        with part("load", points=1):
            student.load("x = 1", "x")
        with part("has", points=1):
            expect_true(student.has("f"), "No f.", "missing_name")
        with part("values", points=1):
            values(student.call("f"))

    got = Check("s/x_check", 5, function).judge(Student(lambda request: reply))
    assert got.score == 0 and got.problem is None and len(got.text) < 5000


def test_a_node_run_without_its_results_raises_for_the_part_that_asks():
    error = StudentError("forward failed")
    run = NodeRun("F", {"out": np.ones(2), "grads": {"a": 1.0}, "predecessors": "no list"}, error)
    assert run.out is not None
    with pytest.raises(StudentError, match="forward failed"):
        _ = run.d_out
    for crooked in (lambda: run.grad("b"), lambda: run.predecessors):
        with pytest.raises(StudentGone):
            crooked()


def test_a_remote_keeps_the_value_of_its_reply_and_can_look_again():
    student = Student.here(notebook("def f(a):\n    a[0] = 7\n    return a"))
    sent = student.put(np.zeros(2))
    got = student.call("f", sent)
    assert isinstance(got, Remote) and got.kind == "a numpy array of float64"
    assert list(got.value) == [7, 0] and list(sent.fetch()) == [7, 0]
    thing = Student.here(notebook("class A:\n    x = 1\n    def m(self, y=2): return self.x + y\na = A()")).get("a")
    thing.set("x", 5)
    assert thing.attr("x").value == 5 and thing.method("m", y=3).value == 8 and thing.kind == "an A"


REFERENCE = """
import numpy as np
SCALE = 2.0

def double(x):
    return SCALE * x

def quadruple(x):
    return double(double(x))

class Node:
    pass

class Secret(Node):
    answer = 42

class Doubling(Node):
    def forward(self, x):
        return double(x)
"""


def test_an_array_that_the_call_before_it_had_is_the_same_array_unless_a_zero_has_another_sign():
    given = []
    student = Student.here({"f": lambda x, g: given.append((x, g)) or 0.0})
    x, zeros = np.array([1.0, 2.0]), np.zeros(2)
    for _ in student.watched_all("f", [(x, zeros), (x, -zeros), (x + 1, x), (x, zeros)]):
        pass
    first, second, third, fourth = given
    assert first[0] is second[0] and first[1] is not second[1] and np.signbit(second[1]).all()
    assert first[0] is third[1] is fourth[0] and fourth[1] is not first[1], "the call before it had no such zeros"


def test_only_what_the_names_need_is_shown_of_a_reference():
    assert "SCALE = 2.0" in needed(REFERENCE, ("double",)) and "import numpy" in needed(REFERENCE, ("double",))
    assert "quadruple" not in needed(REFERENCE, ("double", "Doubling"))
    assert "Secret" not in needed(REFERENCE, ("quadruple", "Doubling", "Node"))
    scope: dict = {}
    exec(needed(REFERENCE, ("quadruple", "Doubling")), scope)
    assert scope["quadruple"](1) == 4 and scope["Doubling"]().forward(1) == 2
    assert needed("import math\nmath.pi\nready = True", ("ready",)) == "import math\nmath.pi\nready = True"


def test_a_huge_result_is_refused_by_its_shape():
    got = verdict(lambda student, draw: _one(np.ones(2 * 10**6, bool), np.ones((3, 4)), {}))
    assert got.score == 0 and got.families == ("shape",)
    assert "should be an array of shape (3, 4), but it is of shape (2000000,)" in got.text


@pytest.mark.parametrize(
    ("asked", "width", "arrives"),
    [
        ((np.ones((2, 3)),), 16, True),
        ((np.ones((2, 3)),), 17, False),
        ((np.ones((2, 40)),), 40, True),  # as wide as what was sent
        ((), 40, False),
        ((40,), 40, True),  # so many units were asked for
        ((40,), 41, False),
        ((2026,), 300, False),  # a seed is no size
    ],
)
def test_a_shape_says_no_more_than_was_asked_for_after_reference_code_was_shown(asked, width, arrives):
    student = Student.here({"f": lambda *_: np.zeros((2, width))})
    student.revealed = True
    got = student.call("f", *asked).value
    assert isinstance(got, np.ndarray) == arrives


def test_texts_of_the_process_cannot_act_where_they_are_shown():
    reply = {"error": {"type": "E\x1b[2J", "message": "\udc80 \x9b2J", "line": "x\x07", "function": "f\x1b"}}
    got = Check("s/x_check", 1, lambda student, draw: student.get("f")).judge(Student(lambda request: reply))
    assert "Error: ? 2J in f, at the line: x" in got.text and got.text.replace("\n", "").isprintable()


def test_shadowed_names_are_put_back_also_after_an_error():
    scope = notebook("g = 1\ndef f(): return g")
    student = Student.here(scope)
    with pytest.raises(StudentError), student.shadow(g=2):
        assert student.call("f").value == 2
        student.call("nobody")
    assert scope["g"] == 1


def test_values_wants_several():
    assert list(values((1, 2))) == [1, 2]
    with pytest.raises(StudentError, match="several values returned together.* but got float"):
        values(1.0)


# -- comparing ------------------------------------------------------------------------------------------------------


def accepted(got, exact, sent=1.0, **how) -> bool:
    """Whether `got` counts as equal where the judge has sent `sent`."""

    def function(student, draw):
        student.put(sent)
        _one(got, exact, how)

    return verdict(function).full


def _one(got, exact, how) -> None:
    with part("it", points=5):
        expect(got, exact, **how)


EXACT = np.array([1.0, -2.0, 3.0])


@pytest.mark.parametrize(
    ("got", "exact", "how", "right"),
    [
        (EXACT, EXACT, {}, True),
        (EXACT + 1e-12, EXACT, {}, True),
        (EXACT + 1e-5, EXACT, {}, False),
        (EXACT.astype(np.float32), EXACT, {}, True),
        (EXACT.astype(np.float32) + np.float32(1e-6), EXACT, {}, False),
        (EXACT.astype(np.float32) + np.float32(1e-6), EXACT, {"sent": np.float32(1)}, True),
        (EXACT.astype(np.float32) + np.float32(1e-6), EXACT, {"sent": [np.ones(2), {"x": np.ones(2, "f4")}]}, True),
        (EXACT.astype(np.float32) + np.float32(1e-6), EXACT, {"sent": np.float32(1), "float32": False}, False),
        (EXACT.astype(np.float32) + np.float32(1e-3), EXACT, {"sent": np.float32(1)}, False),
        (EXACT + 1e-6, EXACT, {"sent": np.float32(1)}, False),
        ([1.0, -2.0, 3.0], EXACT, {}, True),
        (EXACT.reshape(1, 3), EXACT, {}, False),
        (EXACT[:2], EXACT, {}, False),
        (np.full(3, np.nan), EXACT, {}, False),
        (np.full(3, np.nan), np.full(3, np.nan), {}, False),
        (np.full(3, np.inf), EXACT, {}, False),
        (None, EXACT, {}, False),
        ("1 -2 3", EXACT, {}, False),
        (Handle(1, "a generator"), EXACT, {}, False),
        ([1.0, Handle(1, "a generator"), 3.0], EXACT, {}, False),
        (2.0, 2.0, {}, True),
        (np.array([2.0]), 2.0, {}, False),
        (np.array([2.0]), 2.0, {"scalar_like": True}, True),
        (np.array([[2.0]]), 2.0, {"scalar_like": True}, True),
        (np.array([2.0, 2.0]), 2.0, {"scalar_like": True}, False),
        (2, 2.0, {}, True),
        ([[1, 2], [3]], np.ones((2, 2)), {}, False),
        (EXACT + 1e-3, EXACT, {"atol": 1e-2}, True),
        (1j * EXACT, EXACT, {}, False),
        (EXACT.astype(object), EXACT, {}, False),
    ],
)
def test_what_counts_as_equal(got, exact, how, right):
    assert accepted(got, exact, **how) == right


def test_something_that_is_no_number_is_named():
    got = verdict(lambda student, draw: _one(Handle(1, "a torch.Tensor"), EXACT, {"name": "∂J/∂w"}))
    assert "∂J/∂w should be an array of shape (3,), but it is a torch.Tensor." in got.text


def test_a_known_mistake_is_named():
    got = verdict(lambda student, draw: _one(-EXACT, EXACT, {"name": "∂J/∂w"}))
    assert got.families and "sign" in got.text


# -- random inputs --------------------------------------------------------------------------------------------------


@quiet
@given(st.integers(0, 10**9) | st.text(max_size=10))
def test_draws_are_the_same_for_a_seed_and_within_their_ranges(seed):
    a, b = Draw(seed), Draw(seed)
    signed = a.signed(3, 4)
    np.testing.assert_array_equal(signed, b.signed(3, 4))
    assert signed.shape == (3, 4) and ((abs(signed) >= 0.5) & (abs(signed) <= 2)).all()
    assert ((a.positive(5, low=1, high=3) >= 1) & (b.positive(5, low=1, high=3) <= 3)).all()
    assert a.scalar().shape == () and a.normal(2).shape == (2,) and a.signed(0).shape == (0,)
    assert 0.1 <= a.number(0.1, 0.2) <= 0.2 and 2 <= a.integer(2, 5) < 5
    labels = a.labels(7, 4)
    assert labels.shape == (7,) and labels.dtype == np.int64 and set(labels) == {0, 1, 2, 3}
    assert set(a.labels(2, 4)) <= {0, 1, 2, 3}
    sizes = a.distinct_sizes(4)
    assert len(set(sizes)) == 4 and all(3 <= size < 9 for size in sizes)


def test_other_seeds_and_other_checks_draw_other_numbers():
    drawn = []

    def function(student, draw):
        drawn.append(draw.number(0, 1))
        with part("it", points=5):
            pass

    for name in ("s/a", "s/b"):
        for seed in ("", "x", 1):
            Check(name, 5, function).judge(nobody(), seed)
    assert len(set(drawn)) == 6


def test_signs_are_both_and_magnitudes_spread():
    drawn = Draw(0).signed(4000)
    assert 0.45 < (drawn > 0).mean() < 0.55 and abs(abs(drawn).mean() - 1.25) < 0.02


# -- registering ----------------------------------------------------------------------------------------------------


def test_two_checks_of_one_name_are_refused(monkeypatch):
    monkeypatch.setattr(sys.modules["autograder.judging.check"], "REGISTRY", {})

    @check("s/once", points=1)
    def one(student, draw): ...

    with pytest.raises(ValueError, match="two checks are registered for s/once"):

        @check("s/once", points=1)
        def other(student, draw):
            pass


def test_a_check_knows_its_section_and_cell():
    one = Check("04-ridge/sum_node_check", 5, lambda student, draw: None)
    assert (one.section, one.grade_id) == ("04-ridge", "sum_node_check")


# -- in an instructor's kernel --------------------------------------------------------------------------------------


def test_in_a_kernel_the_check_answers_the_way_nbgrader_reads_it(capsys):
    right = """
        class SumNode:
            def __init__(self, a, b, name):
                self.a, self.b, self.node_name = a, b, name
            def forward(self):
                self.out = self.a.out + self.b.out
                self.d_out = np.zeros(np.shape(self.out))
                return self.out
            def backward(self):
                self.a.d_out += self.d_out
                self.b.d_out += self.d_out
                return self.d_out
            def get_predecessors(self):
                return [self.a, self.b]
    """
    assert grade("04-ridge/sum_node_check", notebook(right)) is None
    half = grade("04-ridge/sum_node_check", notebook(right.replace("self.b.d_out +=", "self.b.d_out =")))
    assert half == 2 and "2 of 5 points" in capsys.readouterr().out
    with pytest.raises(NoPoints, match="0 of 5 points") as caught:
        grade("04-ridge/sum_node_check", {})
    assert caught.value._render_traceback_() == str(caught.value).splitlines()
    for name in ("04-ridge/nobody", "99-none/x", "nothing"):
        with pytest.raises(LookupError, match="No check is registered"):
            grade(name, {})


def test_what_is_drawn_once_is_what_would_be_drawn_each_time_and_so_is_all_that_follows():
    for _ in range(2):
        kept, fresh = Draw("some check:secret"), Draw("some check:secret")
        assert kept.integer(0, 9) == fresh.integer(0, 9)  # half of a number is still waiting
        once, again = kept.once(_three_numbers), _three_numbers(fresh)
        np.testing.assert_array_equal(once, again)
        assert kept.number(0, 1) == fresh.number(0, 1) and kept.integer(0, 9) == fresh.integer(0, 9)
    assert Draw("some check:secret").once(_three_numbers) is Draw("some check:secret").once(_three_numbers)
    assert not np.array_equal(Draw("another").once(_three_numbers), again)


def _three_numbers(draw):
    return draw.signed(3)
