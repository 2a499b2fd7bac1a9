"""What every node and every function has to keep, tried on a node and a function of our own."""

from __future__ import annotations

import numpy as np
import pytest

from autograder.judging import (
    Answer,
    Call,
    FunctionRule,
    FunctionTrial,
    NodeRule,
    NodeTrial,
    Student,
    StudentError,
    StudentGone,
    cases,
    fairly,
    inputs,
    part,
)
from autograder.judging.check import Check
from autograder.sandbox.inside.wire import Handle


class Node:
    def __init__(self, a, node_name):
        self.a, self.node_name, self.out, self.d_out = a, node_name, None, None

    def forward(self):
        self.out = 3.0 * np.asarray(self.a.out)
        self.d_out = np.zeros(self.out.shape)
        return self.out

    def backward(self):
        self.a.d_out = self.a.d_out + 3.0 * self.d_out

    def get_predecessors(self):
        return [self.a]


def changed(**methods):
    return type("Node", (Node,), methods)


def of_class(name):
    kept = {}
    return property(lambda self: kept.get(name), lambda self, value: kept.__setitem__(name, value))


def only_large(self):
    self.out = np.where(np.abs(self.a.out) > 0.4, 3.0 * self.a.out, 0.0)
    self.d_out = np.zeros(self.out.shape)
    return self.out


def absolute(self):
    self.a.d_out = self.a.d_out + 3.0 * np.abs(self.d_out)


def assigns(self):
    self.a.d_out = 3.0 * self.d_out


def squares(self):
    Node.backward(self)
    self.out = self.out**2


def eats_upstream(self):
    Node.backward(self)
    self.d_out *= 0


def keeps_d_out(self):
    self.out = 3.0 * np.asarray(self.a.out)
    if self.d_out is None:
        self.d_out = np.zeros(self.out.shape)
    return self.out


def remembers(self):
    if self.out is None:
        Node.forward(self)
    self.d_out = np.zeros(self.out.shape)
    return self.out


def returns_nothing(self):
    Node.forward(self)


def by_the_same_array(self):
    if getattr(self, "seen", None) is not self.a.out:
        self.seen, self.kept = self.a.out, 3.0 * np.asarray(self.a.out)
    self.out = self.kept
    self.d_out = np.zeros(self.out.shape)
    return self.out


def of_the_first_size(self):
    self.size = getattr(self, "size", np.size(self.a.out))
    Node.forward(self)
    self.out = self.out[: self.size]
    return self.out


def no_reset_at_zero(self):
    Node.forward(self)
    self.d_out = self.d_out if self.out.any() else None
    return self.out


def resets_its_input(self):
    self.a.d_out = np.zeros(np.shape(self.a.out))
    return Node.forward(self)


def runs_its_input(self):
    self.a.forward()
    return Node.forward(self)


def runs_its_input_back(self):
    Node.backward(self)
    self.a.backward()


RULE = NodeRule("Node", out=lambda a: 3.0 * a, gradients=lambda g, a: {"a": 3.0 * g})


def judged(node, seed=0):
    def look(student, draw):
        trial = NodeTrial(student, RULE, draw, cases(draw, RULE, lambda array: {"a": array(5)}))
        with part("forward", points=1):
            trial.expect_forward()
        with part("backward", points=1):
            trial.expect_backward()

    verdict = Check("x/y", 2, look).judge(Student.here({"Node": node}), seed)
    assert verdict.problem is None
    return verdict


WRONG = [
    ("shares out", {"out": of_class("out")}, "shared_state"),
    ("shares d_out", {"d_out": of_class("d_out")}, "shared_state|upstream_ignored|zero"),
    ("nothing below 0.4", {"forward": only_large}, "range"),
    ("absolute upstream", {"backward": absolute}, "wrong_argument"),
    ("assigns", {"backward": assigns}, "assigned"),
    ("squares its out", {"backward": squares}, "in_place"),
    ("empties the upstream gradient", {"backward": eats_upstream}, "in_place"),
    ("never resets d_out", {"forward": keeps_d_out}, "stale"),
    ("remembers the first pass", {"forward": remembers}, "stale"),
    ("no predecessors", {"get_predecessors": lambda self: []}, "missing"),
    ("returns nothing", {"forward": returns_nothing}, "none"),
    ("remembers by the array", {"forward": by_the_same_array}, "stale"),
    ("no d_out at zero", {"forward": no_reset_at_zero}, "none"),
    ("resets its input", {"forward": resets_its_input}, "in_place"),
    ("runs forward of its input", {"forward": runs_its_input}, "accumulated_twice|in_place"),
    ("runs backward of its input", {"backward": runs_its_input_back}, "accumulated_twice"),
]


@pytest.mark.parametrize(("what", "methods", "families"), WRONG, ids=[what for what, _, _ in WRONG])
def test_each_breach_of_the_contract_of_nodes_costs_points_and_is_named(what, methods, families):
    verdicts = [judged(changed(**methods), seed) for seed in range(5)]
    assert all(verdict.score == 1 for verdict in verdicts), verdicts[0].text
    if what != "shares d_out":
        assert all(set(verdict.families) <= set(families.split("|")) for verdict in verdicts), verdicts[0].text


def test_a_later_pass_may_have_another_shape():
    def look(student, draw):
        found = cases(draw, RULE, lambda array: {"a": array(5)}, lambda array: {"a": array(8)})
        with part("forward", points=1):
            NodeTrial(student, RULE, draw, found).expect_forward()

    def score(node):
        return Check("x/y", 1, look).judge(Student.here({"Node": node}), 0).score

    assert score(Node) == 1 and score(changed(forward=of_the_first_size)) == 0


SAME = NodeRule("Node", out=lambda a: 1.0 * a, gradients=lambda g, a: {"a": 1.0 * g})


def test_a_gradient_that_is_the_very_array_of_another_is_seen():
    class Same(Node):
        def forward(self):
            self.out = 1.0 * np.asarray(self.a.out)
            self.d_out = np.zeros(self.out.shape)
            return self.out

        def backward(self):
            self.a.d_out = self.a.d_out + self.d_out if self.a.d_out.any() else self.d_out

    def look(student, draw):
        with part("backward", points=1):
            NodeTrial(student, SAME, draw, cases(draw, SAME, lambda array: {"a": array(5)})).expect_backward()

    verdict = Check("x/y", 1, look).judge(Student.here({"Node": Same}), 0)
    assert verdict.families == ("assigned",) and "one array" in verdict.text


def test_a_node_that_keeps_the_contract_gets_everything():
    assert all(judged(Node, seed).full for seed in range(20))


def test_a_backward_that_raises_costs_nothing_of_forward():
    def raises(self):
        raise ValueError("no")

    verdict = judged(changed(backward=raises))
    assert [p.earned for p in verdict.parts] == [1, 0]


# -- functions --------------------------------------------------------------------------------------------------------

SQUARE = FunctionRule("f", right=lambda x: {"value": np.sum(x**2), "slope": 2 * x})


def tried(function, seed=0):
    def look(student, draw):
        trial = FunctionTrial(student, SQUARE, inputs(draw, lambda array: {"x": array(4)}))
        with part("value", points=1):
            trial.expect("value")
        with part("slope", points=1):
            trial.expect("slope")
            trial.expect_left_alone()

    return Check("x/y", 2, look).judge(Student.here({"f": function}), seed)


def right(x):
    return np.sum(x**2), 2 * x


KEPT = {}


def by_shape(x):
    return KEPT.setdefault(x.shape, right(x))


def no_zero(x):
    return np.sum(x**2), 2 * x**2 / x


def small_is_nothing(x):
    return np.sum(x**2), np.where(np.abs(x) < 0.01, 0.0, 2 * x)


BUFFERS = np.zeros(()), np.zeros(4)


def in_one_buffer(x):
    for buffer, result in zip(BUFFERS, right(x), strict=True):
        buffer[...] = result
    return BUFFERS


def in_place(x):
    result = right(x.copy())
    x *= 2
    return result


@pytest.mark.parametrize(
    ("function", "scores", "families"),
    [
        (right, [1, 1], set()),
        (by_shape, [0, 0], {"shared_state"}),
        (no_zero, [1, 0], {"nan"}),
        (small_is_nothing, [1, 0], {"range"}),
        (in_place, [1, 0], {"in_place"}),
        (in_one_buffer, [1, 0], {"shared_state"}),
        (lambda x: None, [0, 0], {"none"}),
        (lambda x: 0.0, [0, 0], {"type"}),
        (lambda x: (np.sum(x**2),), [0, 0], {"missing"}),
    ],
)
def test_the_contract_of_functions(function, scores, families):
    for seed in range(5):
        KEPT.clear()
        verdict = tried(function, seed)
        assert [p.earned for p in verdict.parts] == scores, verdict.text
        assert set(verdict.families) == families


LATEST: list = []


def remembered_at_zero(x):
    if np.any(x):
        LATEST[:] = [right(x)]
    return LATEST[0]


def one_at_zero(x):
    return right(x) if np.any(x) else (1.0, np.ones(4))


@pytest.mark.parametrize(("function", "family"), [(remembered_at_zero, "shared_state"), (one_at_zero, "range")])
def test_a_remembered_result_is_told_from_one_that_is_wrong_in_a_region(function, family):
    verdict = tried(function)
    assert [p.earned for p in verdict.parts] == [0, 0] and set(verdict.families) == {family}, verdict.text


def test_an_error_in_one_region_costs_one_part():
    def f(x):
        if not np.any(x):
            raise ZeroDivisionError("at zero")
        return right(x)

    assert [p.earned for p in tried(f).parts] == [0, 1]


PRODUCT = FunctionRule("f", right=lambda a, b: {"value": a * b}, shaped=True)
BY_B: dict = {}


@pytest.mark.parametrize(
    ("function", "full"),
    [
        (lambda a, b: a * b, True),
        (lambda a, b: BY_B.setdefault(b, a * b), False),
        (lambda a, b: (a or 1.0) * b, False),
        (lambda a, b: a * (b or 1.0), False),
        (lambda a, b: np.array([a * b]), False),
        (lambda a, b: [a * b], False),
    ],
)
def test_each_argument_is_changed_alone_and_a_number_is_a_number(function, full):
    def look(student, draw):
        trial = FunctionTrial(student, PRODUCT, inputs(draw, lambda array: {"a": float(array()), "b": float(array())}))
        with part("value", points=1):
            trial.expect("value")

    BY_B.clear()
    assert Check("x/y", 1, look).judge(Student.here({"f": function}), 0).full == full


SCALED = FunctionRule("f", right=lambda a, b: {"value": a * b}, floats=("b",))
A_QUARTER = FunctionRule("f", right=lambda a, b: {"value": a * b / 4})


def in_a_copy(a, b):
    """Numpy refuses it with an error where a holds integers and b does not."""
    product = a.copy()
    product *= b
    return product


@pytest.mark.parametrize(
    ("function", "families"),
    [
        (lambda a, b: a * b, ()),
        (lambda a, b: a * b * np.all(a), ("range",)),
        (lambda a, b: a * b * np.all(b), ("range",)),
        (lambda a, b: np.round(a * b) if np.all(a == np.round(a)) else a * b, ("range",)),
        (lambda a, b: np.round(a * b) if np.all(b == np.round(b)) else a * b, ("range",)),
        (lambda a, b: (a * b).astype(a.dtype), ("dtype",)),
        (lambda a, b: (a * b).astype(b.dtype), ()),
        (in_a_copy, ()),
    ],
)
def test_each_array_has_a_single_zero_once_and_whole_numbers_once(function, families):
    def look(student, draw):
        trial = FunctionTrial(student, SCALED, inputs(draw, lambda array: {"a": array(4), "b": array(4)}))
        with part("value", points=1):
            trial.expect("value")

    assert Check("x/y", 1, look).judge(Student.here({"f": function}), 0).families == families


def test_all_arrays_hold_integers_at_once_as_well():
    def look(student, draw):
        trial = FunctionTrial(student, A_QUARTER, inputs(draw, lambda array: {"a": array(4), "b": array(4)}))
        with part("value", points=1):
            trial.expect("value")

    def cut(a, b):
        return (a * b / 4).astype(np.result_type(a, b))

    assert Check("x/y", 1, look).judge(Student.here({"f": cut}), 0).families == ("dtype",)


def test_a_result_that_changes_later_is_noticed():
    kept = np.zeros(2)

    def f(a, new):
        result = kept if not new else np.zeros(2)
        result[:] = a
        return result

    def look(student, draw):
        for new in (0, 1):
            first, _ = (Call.of(student, "f", {"a": np.array(a), "new": new}) for a in ([1.0, 2.0], [3.0, np.nan]))
            with part(f"{new}", points=1):
                first.expect_left_alone()

    verdict = Check("x/y", 2, look).judge(Student.here({"f": f}), 0)
    assert [p.earned for p in verdict.parts] == [0, 1] and verdict.families == ("shared_state",)


def test_a_call_tells_which_arguments_came_back():
    call = Call.of(Student.here({"f": lambda a, b: (a, b[:1], b + 1)}), "f", {"a": np.ones(2), "b": np.zeros(2)})
    assert list(call.kept) == ["a", "b"]
    assert Call.of(Student.here({"f": lambda a: a.copy()}), "f", {"a": np.ones(2)}).kept == {}


@pytest.mark.parametrize(
    "told", [3, [0], ["ab"], [[0]], [[0, 0, 0]], [[1, 0]], [[0.0, 0]], [[0, [1]]], [[0, np.ones(2)]], [[True, 0]]]
)
def test_which_arguments_came_back_is_told_in_whole_numbers_or_is_nonsense(told):
    reply = {"handle": Handle(1), "value": 1.0, "after": [np.ones(2)], "handed_back": told}
    with pytest.raises(StudentGone, match="makes no sense"):
        _ = Call.of(Student(lambda request: reply), "f", {"a": np.ones(2)}).value


# -- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_raises_when_it_is_asked_for():
    def fails():
        raise StudentError("no", "raises")

    answer = Answer.to(fails)
    assert not answer.holds(lambda value: True) and answer.then(lambda value: 1) is answer
    with pytest.raises(StudentError):
        _ = answer.value
    assert Answer.to(lambda: 2).then(lambda value: value + 1).value == 3


def test_a_call_tells_which_arguments_were_changed():
    def f(a, b):
        b["k"][0] = 7.0
        return a

    call = Call.of(Student.here({"f": f}), "f", {"a": np.ones(2), "b": {"k": np.zeros(2)}})
    assert call.changed == ["b"] and np.array_equal(call.value, np.ones(2))


def test_a_mistake_in_a_helper_costs_nothing_where_the_answer_builds_on_it():
    scope = {}
    exec("def g(x): return 5 * x\ndef f(x): return g(x) + 1", scope)  # g should double
    student = Student.here(scope)
    seen = fairly(
        lambda: {"f": Answer.to(lambda: student.call("f", 2.0).value)},
        {"f": lambda got: got == 5.0},
        lambda: student.shadow(**student.load("def g(x): return 2 * x", "g")),
    )
    assert seen["f"].value == 5.0


def test_looking_twice_is_no_second_chance():
    scope = {}
    exec("calls = []\ndef f(x):\n    calls.append(x)\n    return x if len(calls) < 2 else 2 * x", scope)
    student = Student.here(scope)
    seen = fairly(
        lambda: {"f": Answer.to(lambda: student.call("f", 2.0).value)},
        {"f": lambda got: got == 4.0},
        lambda: student.shadow(),
    )
    assert seen["f"].value == 2.0


def test_code_that_leans_on_its_own_helpers_is_right_beside_them():
    scope = {}
    exec("def g(x): return (x, x)\ndef f(x): return sum(g(x))", scope)  # another protocol between the two
    student = Student.here(scope)
    seen = fairly(
        lambda: {"f": Answer.to(lambda: student.call("f", 2.0).value)},
        {"f": lambda got: got == 4.0},
        lambda: student.shadow(**student.load("def g(x): return 2 * x", "g")),
    )
    assert seen["f"].value == 4.0


def test_an_array_as_wide_as_a_number_that_was_sent_is_looked_at_after_reference_code():
    student = Student.here({"f": lambda n: np.ones((n, 2))})
    student.revealed = True
    assert isinstance(student.call("f", 60).value, np.ndarray)
    assert not isinstance(Student.call(student, "f", 2000).value, np.ndarray)
