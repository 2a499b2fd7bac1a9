"""Checks of section 11: numbers that remember, topological order, all gradients, the operators, a small net.

The student's numbers are asked for plain ones by `shipped/engine.py`, which also holds a reference engine: what an
exercise builds on is taken from there first, so that one mistake is paid for once.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograder.judging import (
    Answer,
    Array,
    Draw,
    Remote,
    Slip,
    Student,
    StudentError,
    StudentGone,
    check,
    expect,
    expect_true,
    part,
    source_of,
)
from backprop.checking.operator_checks import SLIPS, Slips, power_slips
from backprop.checking.slips import worked_out
from backprop.checking.small_net_checks import SCORE_SLIPS

from .common.attempts import close, fair_answer
from .shipped import engine

SECTION = "11-your-own-engine"
ENGINE = source_of(engine)
ROUNDING = 1e-13
TIGHT = {"rtol": 1e-9, "atol": ROUNDING}
Pair = tuple[float, float]


def shipped(student: Student, *names: str) -> list[Remote]:
    return list(student.load(ENGINE, *names).values())


def matrix(got: Any, name: str) -> Array:
    """What came back as rows of numbers. Raises StudentError when it is something else."""
    try:
        return np.asarray(got, dtype=float)
    except (TypeError, ValueError):
        raise StudentError(f"{name}: numbers are expected here.", "type") from None


def spread(draw: Draw) -> list[list[Pair]]:
    """Two lists of pairs (a, b): of ordinary size and all four combinations of signs; then small, large, 0 and 1."""
    size = draw.positive(6, 2)
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1], [1, -1], [-1, 1]])
    ordinary = [(float(a), float(b)) for a, b in size * signs]
    small = [(1e-6, -3e-6), (-2e-4, 5e-5), (700.0, -300.0), (0.03, 40.0), (1.0, -1.0), (-1.0, 0.07)]
    return [ordinary, [*small, (0.0, 0.6), (-0.6, 0.0), (1.0, 1.0), (0.0, 0.0)]]


# -- + and ·, one step back -------------------------------------------------------------------------------------------


@check(f"{SECTION}/number_check", points=5, reveals=True)
def number(student: Student, draw: Draw) -> None:
    """a + b and a · b with a slope for each input; backward() adds d_out times the slope to d_out of each input."""
    pairs, constant = spread(draw), draw.number(2.1, 2.9)
    with part("a + b", points=1):
        wrong = Slips(
            lambda a, b: [Slip("wrong_argument", a * b, "the product"), Slip("wrong_argument", a - b, "the difference")]
        )
        _formulas(
            student,
            pairs,
            ("a + b", lambda a, b: a + b, lambda a, b: (1.0, 1.0), wrong),
            (f"a + {constant} + 0 + -3", lambda a, b: a + constant - 3, lambda a, b: (1.0, 0.0), Slips()),
            ("a + a", lambda a, b: a + a, lambda a, b: (2.0, 0.0), Slips()),
            two_arrows=True,
        )
    with part("a · b", points=2):
        wrong = Slips(
            lambda a, b: [Slip("wrong_argument", a + b, "the sum")],
            lambda a, b: [
                Slip("swapped_arguments", a, "the slopes of the two arrows"),
                Slip("missing_chain_factor", 1.0, "b"),
            ],
            lambda a, b: [
                Slip("swapped_arguments", b, "the slopes of the two arrows"),
                Slip("missing_chain_factor", 1.0, "a"),
            ],
        )
        _formulas(
            student,
            pairs,
            ("a * b", lambda a, b: a * b, lambda a, b: (b, a), wrong),
            (f"a * {constant} * -3", lambda a, b: -3 * constant * a, lambda a, b: (-3 * constant, 0.0), Slips()),
            ("a * a", lambda a, b: a * a, lambda a, b: (2 * a, 0.0), _SQUARE),
            two_arrows=True,
        )
        nothing = ("a * 0", lambda a, b: 0.0, lambda a, b: (0.0, 0.0), Slips())
        _formulas(student, pairs[:1], nothing, two_arrows=True)
    with part("backward", points=2):
        _one_step_back(student, draw)


_SQUARE = Slips(slope_a=lambda a, b: [Slip("missing_term", a, "each of the two arrows of a · a")])
Formula = tuple[str, Callable[[float, float], float], Callable[[float, float], Pair], Slips]


def _formulas(
    student: Student,
    pairs: Sequence[Sequence[Pair]],
    *formulas: Formula,
    patch: bool = False,
    two_arrows: bool = False,
    atol: float = 0.0,
) -> None:
    """Expect value and slopes of each formula at all pairs; the first that is wrong ends it.

    pairs : blocks of pairs; slips are looked for in the first, whose numbers are of ordinary size
    patch : judge with the reference's constructor, + and · first
    two_arrows : whether each operator makes two, as it is said of + and ·
    atol  : what rounding may leave where a slope is a small difference; else the smallest numbers have all digits
    """
    (operated,) = shipped(student, "operated")
    references = []
    if patch:
        (patched,) = shipped(student, "patched")
        made = Answer.to(lambda: patched(student.get("Number")))  # what is no class cannot be patched
        references = [{"Number": made.got}] if made.error is None else []
    for text, value, slopes, slips in formulas:
        for block in filter(None, pairs):
            right = np.array([[value(a, b), *slopes(a, b)] for a, b in block])

            def ask(text: str = text, block: Sequence[Pair] = block) -> Any:
                found, kept = operated(student.get("Number"), text, [list(pair) for pair in block]).value
                counts = {len(arrows) for _, _, arrows in found}
                return [[out, *_slopes(place, arrows)] for out, place, arrows in found], kept, counts

            def good(answer: Any, right: Array = right) -> bool:
                return close(answer[0], right)

            found, kept, counts = fair_answer(student, ask, good, *references)
            if not _as_it_should(text, found, kept, right, block, slips if block is pairs[0] else Slips(), atol):
                return
            said = f"Behind {_shown(text)} there are not two arrows for each operator, one from each side: a plain "
            said += "number is made a Number, and has its arrow; a number used twice has two."
            if two_arrows and not expect_true(counts == {2 * len(re.findall(r" [+*] ", text))}, said, "missing"):
                return


def _slopes(sink: int, arrows: Sequence[tuple[int, int, float]]) -> list[float]:
    """The derivatives of one number by the numbers 0 and 1, along arrows (result, source, slope) behind it."""
    received, behind, left = {sink: 1.0}, defaultdict(list), Counter(source for _, source, _ in arrows)
    for result, source, slope in arrows:
        behind[result].append((source, slope))
    waiting = [sink]
    while waiting:  # a number is passed when all that it waits for has arrived
        node = waiting.pop()
        for source, slope in behind[node]:
            received[source] = received.get(source, 0.0) + received[node] * slope
            left[source] -= 1
            if not left[source]:
                waiting.append(source)
    if any(left.values()):
        raise StudentError("The arrows behind a result lead in a circle.", "order")
    return [received.get(0, 0.0), received.get(1, 0.0)]


def _as_it_should(
    text: str, found: Any, kept: Any, right: Array, block: Sequence[Pair], slips: Slips, atol: float
) -> bool:
    got, shown = matrix(found, text), _shown(text)
    hints = [slips.value, slips.slope_a, slips.slope_b]
    names = [f"the value of {shown}", f"the slope of {shown} by a", f"the slope of {shown} by b"]
    fine = True
    for column, (name, hint) in enumerate(zip(names, hints, strict=True)):

        def mistakes(hint: Callable[..., list[Slip]] = hint, column: int = column) -> list[Slip]:
            zero = [Slip("zero", np.zeros(len(block)))] if column and right[:, column].any() else []
            return [*_candidates(hint, block, right[:, column]), *zero]

        fine &= expect(got[:, column], right[:, column], name=name, mistakes=mistakes, rtol=1e-9, atol=atol)
    before = np.array([[[x, 0.0, 0.0] for x in pair] for pair in block])
    text = f"{shown} changed its inputs: a new Number is returned, and the inputs keep value, d_out and arrows."
    return fine and expect_true(close(kept, before), text, "in_place")


def _shown(text: str) -> str:
    return text.replace("**", "^").replace("*", "·").replace("^", "**").replace("-", "−")


def _candidates(hint: Callable[[float, float], list[Slip]], block: Sequence[Pair], right: Array) -> list[Slip]:
    """What each mistake gives at all pairs."""
    found = []
    for slips in zip(*(hint(a, b) for a, b in block), strict=True):
        columns = np.array([slip.values for slip in slips], dtype=float)
        apart = [column for column in columns.T if not np.allclose(column, right, rtol=1e-6)]
        found.append(Slip(slips[0].family, apart, slips[0].words))
    return found


def _one_step_back(student: Student, draw: Draw) -> None:
    (stepped_back,) = shipped(student, "stepped_back")
    theirs = student.get("Number")
    shapes = [(0, 1), (1, 0), (0,), (1,), (0, 0), (1, 0, 1), ()]
    signs = [1.0, -1.0, 1.0, -1.0, -1.0, 1.0, 1.0]
    cases = []
    for which, sign in zip(shapes, signs, strict=True):
        slopes = [float(u) for u in draw.signed(len(which))]
        cases.append((slopes, which, sign * draw.number(0.6, 1.9), [float(u) for u in draw.signed(2)]))
    cases.append(([1e-6, -700.0], (0, 1), 3e-5, [0.0, 0.0]))
    cases.append(([0.0, 0.0], (0, 1), 1.7, [0.4, -0.9]))
    cases.append(([1.3, -0.6], (0, 1), 0.0, [0.4, -0.9]))
    cases.append(([0.8, 0.8, 0.8, 0.8, 0.8], (0, 0, 1, 0, 1), -1.1, [0.0, 0.7]))  # arrows that are equal
    received, beyond, kept = stepped_back(theirs, cases).value
    parts = [[_sent(case, k, sum) for k in (0, 1)] for case in cases]
    held = np.array([case[3] for case in cases])
    right = held + np.array(parts)
    upstream = np.array([[case[2]] for case in cases])
    local = np.array([[_sent((*case[:2], 1.0, None), k, sum) for k in (0, 1)] for case in cases])
    met = np.array([[any(k == w for w in case[1]) for k in (0, 1)] for case in cases])

    def mistakes() -> list[Slip]:
        return [
            Slip(
                "assigned", np.where(met, np.array([[_sent(case, k, _last) for k in (0, 1)] for case in cases]), held)
            ),
            Slip("upstream_ignored", held + local),
            Slip("upstream_ignored", held + np.where(upstream == 0, local, parts), "where it is 0,"),
            Slip(
                "missing_chain_factor",
                held + upstream * [[case[1].count(k) for k in (0, 1)] for case in cases],
                "∂b/∂a of the arrow",
            ),
            Slip("one_node_only", held),
            Slip("wrong_argument", held + np.array(parts) * np.sign(upstream), "the size of d_out, without its sign"),
            Slip(
                "missing_term",
                held + [[_sent(case, k, sum, 1) for k in (0, 1)] for case in cases],
                "only the first arrow delivers",
            ),
            Slip(
                "missing_term",
                held + [[_sent(_once(case), k, sum) for k in (0, 1)] for case in cases],
                "each of the arrows that are equal, such as those of a · a, delivers",
            ),
            Slip("sign", held - np.array(parts)),
            Slip("accumulated_twice", held + 2 * np.array(parts)),
        ]

    if not expect(matrix(received, "d_out"), right, name="d_out of the inputs", mistakes=mistakes, **TIGHT):
        return
    text = "backward() goes on beyond the inputs: it is one step, and the inputs run their own backward() later."
    expect_true(close(beyond, np.zeros((len(cases), 2))), text, "accumulated_twice")
    unmoved = [[2.3, case[2], *case[0], 1.5] for case in cases]
    fine = all(close(a, b) for a, b in zip(kept, unmoved, strict=False)) and len(kept) == len(unmoved)
    expect_true(fine, "backward() changed the number itself, or a value: only d_out of the inputs moves.", "in_place")


def _sent(case: Any, k: int, together: Callable[[list[float]], float], first: int | None = None) -> float:
    """What arrives at input k: the contributions of its arrows, put together; `first`: of so many arrows only."""
    slopes, which, upstream, _ = case
    return together([upstream * slope for slope, w in list(zip(slopes, which, strict=True))[:first] if w == k])


def _once(case: Any) -> Any:
    """The case without arrows that are there already."""
    arrows = dict.fromkeys(zip(*case[:2], strict=True))
    return [u for u, _ in arrows], [k for _, k in arrows], *case[2:]


def _last(values: list[float]) -> float:
    return values[-1] if values else 0.0


# -- the order --------------------------------------------------------------------------------------------------------

Edges = list[tuple[int, int]]
ALIKE = {"out": 0.7, "node_name": "p", "d_out": 0.0}  # what all nodes of a graph may have in common


@check(f"{SECTION}/topological_order_check", points=4, reveals=True)
def topological_order(student: Student, draw: Draw) -> None:
    """Every node that the sink depends on, each once, after its predecessors; asks get_predecessors() alone."""
    graphs = [_graph(draw, count) for count in (4, 9, 14)]
    graphs.append((13, [(i, i + 1) for i in range(12) for _ in range(2)], [12, 7, 12]))  # doublings
    graphs.append((120, [(i, i + 1) for i in range(119)], [119, 50]))  # a chain
    graphs.append((1, [], [0, 0]))
    graphs.append((4, [(0, 1), (1, 2), (1, 3), (0, 3), (2, 3)], [3, 2, 3]))
    graphs.append((5, [(0, 1), (0, 4), (1, 2), (2, 3), (3, 4)], [4]))  # a short way beside a long one
    wide = [edge for i in range(1, 61) for edge in ((0, i), (i, 61))]
    graphs.append((62, wide, [61]))  # one number in many sums, and a sum of many
    graphs.append((*graphs[1], ALIKE))
    (listed,) = shipped(student, "listed")
    theirs = student.get("topological_order")
    answers: list[Any] = []

    def all_answers() -> list[Any]:
        if not answers:
            answers.extend(listed(theirs, *graph).value for graph in graphs)
        return answers

    with part("each node once", points=1):
        for (_, edges, sinks, *alike), got in zip(graphs, all_answers(), strict=True):
            text = (
                "Nodes with the same value and the same name are taken for one: nodes are told apart by what they are."
            )
            asked = [(order, _ancestors(edges, sink), sink) for order, sink in zip(got, sinks, strict=True)]
            if alike and not expect_true(all(set(order) >= wanted for order, wanted, _ in asked), text, "missing"):
                break
            if not all(_complete(*one) for one in asked):
                break
        else:
            text = "The list changes the graph, or the next call: nothing may be left over from an earlier one."
            expect_true(listed(theirs, *graphs[0]).value == answers[0], text, "stale")
    with part("after its predecessors", points=3):
        for (_, edges, sinks, *_), got in zip(graphs, all_answers(), strict=True):
            if not all(_ordered(order, edges, sink) for order, sink in zip(got, sinks, strict=True)):
                break


def _graph(draw: Draw, count: int) -> tuple[int, Edges, list[int]]:
    """A random graph whose nodes are numbered at random, and three nodes to ask for, one of them twice."""
    name = [int(n) for n in draw.rng.permutation(count)]
    edges = [(name[i], name[j]) for j in range(count) for i in range(j) if draw.rng.random() < 0.35 or i == j - 1]
    edges = [edges[k] for k in draw.rng.permutation(len(edges))]
    return count, edges, [name[-1], name[count // 2], name[-1]]


def _ancestors(edges: Edges, sink: int) -> set[int]:
    found, waiting = {sink}, [sink]
    while waiting:
        node = waiting.pop()
        new = {start for start, end in edges if end == node} - found
        found |= new
        waiting += new
    return found


def _complete(order: list[int], wanted: set[int], sink: int) -> bool:
    if -1 in order or set(order) - wanted:
        return expect_true(False, "There is something in the list that J does not depend on.", "wrong_argument")
    if not order:
        return expect_true(False, "The list is empty.", "missing")
    twice = len(order) != len(set(order))
    if twice:
        return expect_true(
            False, "A node is in the list more than once: one that was visited is done.", "accumulated_twice"
        )
    text = "J itself is not in the list." if sink not in order else "Nodes are missing from the list."
    return expect_true(set(order) == wanted, text, "missing")


def _ordered(order: list[int], edges: Edges, sink: int) -> bool:
    wanted = _ancestors(edges, sink)
    if not set(order) >= wanted:
        return expect_true(False, "Nodes are missing from the list, so no order can be told.", "missing")
    if -1 in order or len(order) != len(wanted):
        place = {node: max(i for i, other in enumerate(order) if other == node) for node in wanted}
    else:
        place = {node: i for i, node in enumerate(order)}
    inside = [(start, end) for start, end in edges if end in wanted]
    if not inside:
        return True
    if all(place[start] > place[end] for start, end in inside):
        return expect_true(False, "The list is the other way round: J stands first, where it belongs last.", "order")
    text = "A node stands before one that it is computed from."
    return expect_true(all(place[start] < place[end] for start, end in inside), text, "order")


# -- all gradients ----------------------------------------------------------------------------------------------------

Program = list[tuple[str, int, int]]


@check(f"{SECTION}/backpropagate_check", points=4, reveals=True)
def backpropagate(student: Student, draw: Draw) -> None:
    """d_out of everything that J depends on is ∂J/∂it; a second call, and other formulas of the same numbers, too."""
    some, others = ([float(u * sign) for u, sign in zip(draw.positive(4), signs, strict=True)] for signs in _SIGNS)
    # v = x², u = v², w = u²; then w · v and v · w: one of the two catches an order by levels, whichever way it goes
    program: Program = [("·", 0, 0), ("·", 4, 4), ("·", 5, 5), ("·", 6, 4), ("·", 4, 6), ("+", 7, 8)]
    program += [("·", 9, 1), ("+", 10, 2), ("·", 11, 3), ("+", 12, 11), ("+", 13, 13), ("·", 14, 0)]
    last = len(some) + len(program) - 1
    with part("the gradients", points=2):
        for values in (some, others):
            got, outs = _propagated(student, values, program, [last])
            exact = [_derivatives(values, program, last)]
            early = [np.array([_backwards(values, program, last, order)]) for order in _wrong_orders(program, 4, last)]
            mistakes = [
                Slip("wrong_argument", early, "a number runs backward() before all that it waits for has arrived")
            ]
            if not expect(matrix(got, "d_out"), exact, name="d_out of all the numbers", mistakes=mistakes, **TIGHT):
                break
            text = "backpropagate changed the value of a number: it sets d_out alone."
            expect_true(close(outs, _values(values, program)), text, "in_place")
        else:
            # Two ways to J, along one of them all derivatives are 0: the other goes on, whichever comes first.
            values = [*some[:2], 0.0]
            zero: Program = [("·", 0, 0), ("·", 0, 1), ("·", 3, 2), ("·", 4, 1), ("+", 5, 6), ("+", 6, 5)]
            got, _ = _propagated(student, values, zero, [7, 8])
            rows, exact = matrix(got, "d_out"), np.array([_derivatives(values, zero, sink) for sink in (7, 8)])
            if rows.shape == exact.shape:
                rows[0, 8] = rows[1, 7] = 0.0  # neither depends on the other
            expect(rows, exact, name="d_out beside numbers whose d_out is 0", **TIGHT)
    with part("again", points=2):
        values, sinks = some, [last, 7, last, 13, 2, last]
        got, _ = _propagated(student, values, program, sinks)
        arrows = [(i, 4 + k) for k, (_, *ends) in enumerate(program) for i in ends]
        asked = np.array([[i in _ancestors(arrows, sink) for i in range(last + 1)] for sink in sinks])
        rows = matrix(got, "d_out")
        exact = np.array([_derivatives(values, program, sink) for sink in sinks])
        if rows.shape == exact.shape:
            rows = np.where(asked, rows, 0.0)  # of what J does not depend on nothing was said
        totals = [Slip("stale", _without_reset(values, program, sinks, asked))]
        expect(rows, exact, name="d_out in several calls", mistakes=totals, **TIGHT)


_SIGNS = ((1, -1, 1, 1), (-1, 1, -1, 1))


def _propagated(student: Student, values: list[float], program: Program, sinks: list[int]) -> Any:
    """d_out after each call: with the reference's numbers and order, else with what the student wrote before."""
    propagated, Number, order = shipped(student, "propagated", "Number", "topological_order")
    exact = [_derivatives(values, program, sink) for sink in sinks]

    def ask() -> Any:
        return propagated(student.get("backpropagate"), student.get("Number"), values, program, sinks).value

    references = [{"Number": Number, "topological_order": order}, {"Number": Number}]
    return fair_answer(student, ask, lambda answer: close(answer[0], exact), *references)


def _values(values: Sequence[float], program: Program) -> list[float]:
    numbers = list(values)
    for sign, i, j in program:
        numbers.append(numbers[i] + numbers[j] if sign == "+" else numbers[i] * numbers[j])
    return numbers


def _derivatives(values: Sequence[float], program: Program, sink: int) -> list[float]:
    """The derivative of a number of the program by each number, forward: a change of one is followed to the sink."""
    numbers = _values(values, program)
    found = []
    for moved in range(len(numbers)):
        change = [float(i == moved) for i in range(len(values))]
        for k, (sign, i, j) in enumerate(program, len(values)):
            change.append(change[i] + change[j] if sign == "+" else change[i] * numbers[j] + numbers[i] * change[j])
            change[k] = 1.0 if k == moved else change[k]
        found.append(change[sink])
    return found


def _backwards(values: Sequence[float], program: Program, sink: int, order: Sequence[int]) -> list[float]:
    """d_out when the numbers run backward() in this order."""
    numbers, start = _values(values, program), len(values)
    received = [float(i == sink) for i in range(len(numbers))]
    for k in order:
        if k >= start:
            sign, i, j = program[k - start]
            received[i] += received[k] * (1.0 if sign == "+" else numbers[j])
            received[j] += received[k] * (1.0 if sign == "+" else numbers[i])
    return received


def _wrong_orders(program: Program, start: int, sink: int) -> Iterator[list[int]]:
    """From the inputs to the end; by levels, breadth first, in both orders of the inputs; in order of a first visit."""
    yield list(range(sink + 1))
    for step in (1, -1):
        order, waiting = [], [sink]
        while waiting:
            node = waiting.pop(0)
            if node not in order:
                order.append(node)
                waiting += list(program[node - start][1:])[::step] if node >= start else []
        yield order
        visited: list[int] = []

        def visit(node: int, visited: list[int] = visited, step: int = step) -> None:
            if node not in visited:
                visited.append(node)
                for other in list(program[node - start][1:])[::step] if node >= start else []:
                    visit(other)

        visit(sink)
        yield visited


def _without_reset(values: list[float], program: Program, sinks: Sequence[int], asked: Array) -> list[Array]:
    """d_out after each call when nothing is set to 0, and when the inputs are left out of that."""
    numbers, start = _values(values, program), len(values)
    found = []
    for inputs_alone in (False, True):
        kept, rows = [0.0] * len(numbers), []
        for sink in sinks:
            if inputs_alone:
                kept[start:] = [0.0] * len(program)
            kept[sink] = 1.0
            for k in range(sink, start - 1, -1):
                if asked[len(rows)][k]:
                    sign, i, j = program[k - start]
                    kept[i] += kept[k] * (1.0 if sign == "+" else numbers[j])
                    kept[j] += kept[k] * (1.0 if sign == "+" else numbers[i])
            rows.append(list(kept))
        found.append(np.where(asked, rows, 0.0))
    return found


# -- the operators ----------------------------------------------------------------------------------------------------


STEP = {"shared by instances": "what d_out is good for is judged in number_check"}


@check(f"{SECTION}/operators_check", points=7, reveals=True, domain=STEP)
def operators(student: Student, draw: Draw) -> None:
    """−a, a − b, a ** k, a / b, exp, tanh and relu, with plain numbers on both sides; each with its slopes."""
    ordinary, others = spread(draw)
    whole = [ordinary, others]
    away = [ordinary, [(a, b) for a, b in others if a and b] + [(0.7, 2e-12), (-3e-9, -4e-13)]]
    c = round(draw.number(2.1, 2.9), 3)
    with part("−a", points=1):
        _formulas(student, whole, ("-a", lambda a, b: -a, lambda a, b: (-1.0, 0.0), Slips()), patch=True)
    with part("a − b", points=1):
        _formulas(
            student,
            whole,
            ("a - b", lambda a, b: a - b, lambda a, b: (1.0, -1.0), SLIPS["minus"]),
            (f"a - {c} - 0 - -3", lambda a, b: a - c + 3, lambda a, b: (1.0, 0.0), Slips()),
            (f"{c} - a", lambda a, b: c - a, lambda a, b: (-1.0, 0.0), Slips()),
            ("a - a", lambda a, b: 0.0, lambda a, b: (0.0, 0.0), Slips()),
            patch=True,
        )
    with part("a ** k", points=1):
        positive = [[(abs(a), b) for a, b in block] for block in away]
        _formulas(student, whole, _power(2), _power(3), patch=True)
        _formulas(student, away, _power(-1), _power(1), patch=True)
        _formulas(student, positive, _power(0.5), patch=True)
        _formulas(student, [ordinary], _power(0), _power(4), _power(-2), patch=True)
        _formulas(student, positive[:1], _power(-1.5), patch=True)
    with part("a / b", points=1):
        _formulas(
            student,
            away,
            ("a / b", lambda a, b: a / b, lambda a, b: (1 / b, -a / b**2), SLIPS["over"]),
            (f"a / {c} / 1 / -3", lambda a, b: -a / (3 * c), lambda a, b: (-1 / (3 * c), 0.0), Slips()),
            (f"{c} / a", lambda a, b: c / a, lambda a, b: (-c / a**2, 0.0), Slips()),
            patch=True,
        )
        itself = ("a / a", lambda a, b: 1.0, lambda a, b: (0.0, 0.0), Slips())
        _formulas(student, [ordinary], itself, patch=True, atol=ROUNDING)
    with part("exp", points=1):
        bounded = [ordinary, [(max(min(a, 20.0), -20.0), b) for a, b in others]]
        exp = math.exp
        formula = ("a.exp()", lambda a, b: exp(a), lambda a, b: (exp(a), 0.0), SLIPS["exp"])
        far = [(u, 0.6) for u in (-700.0, -200.0, -60.0, -25.0, 25.0, 60.0, 200.0, 700.0)]
        _formulas(student, [*bounded, far], formula, patch=True)
    with part("tanh", points=1):
        far = [(800.0, 0.0), (-800.0, 0.0)]
        flat = [(sign * u, 0.6) for u in (2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 10.0, 12.0, 14.0) for sign in (1, -1)]
        tanh = math.tanh
        formula = ("a.tanh()", lambda a, b: tanh(a), lambda a, b: (1 - tanh(a) ** 2, 0.0), SLIPS["tanh"])
        near = [pair for pair in others if abs(pair[0]) < 20]
        _formulas(student, [ordinary, near + flat], formula, patch=True, atol=ROUNDING)
        try:
            _formulas(student, [[], far], formula, patch=True, atol=ROUNDING)
        except StudentGone:
            raise
        except StudentError as error:
            if error.mistake.family != "raises":
                raise
            raise StudentError(
                f"tanh of ±800: {error} A large exponential overflows; there is a ready tanh.", "unstable"
            ) from None
    with part("relu", points=1):
        formula = ("a.relu()", lambda a, b: max(a, 0.0), lambda a, b: (float(a > 0), 0.0), SLIPS["relu"])
        _formulas(student, [ordinary, [pair for pair in others if pair[0]]], formula, patch=True)
        _formulas(student, [[(0.0, 0.6), (-0.0, 0.6)]], (*formula[:3], _KINK), patch=True)


_KINK = Slips(slope_a=lambda a, b: [Slip("kink", [1.0, 0.5])])


def _power(k: float) -> Formula:
    return (f"a ** {k}", lambda a, b: a**k, lambda a, b: (k * a ** (k - 1), 0.0), power_slips(k) if k > 0 else Slips())


# -- the net ----------------------------------------------------------------------------------------------------------


@check(f"{SECTION}/small_net_check", points=3, reveals=True)
def small_net(student: Student, draw: Draw) -> None:
    """score = c + Σ v_k tanh(w_k1 x_1 + w_k2 x_2 + b_k), a Number through which all gradients flow."""
    nets = [_arrays(draw, hidden) for hidden in (5, 1, 5, 7, 20)]
    for array in nets[3][:3]:
        array[-1] = array[0]  # two units that are equal
    points = [[draw.number(0.6, 1.8), -draw.number(0.6, 1.8)], [-draw.number(0.6, 1.8), draw.number(0.6, 1.8)]]
    points += [[0.0, 0.0], [1e-6, 250.0], [1.0, -1.0], [0.7, 0.7]]
    right = [_score(net, np.array(point)) for point in points for net in nets]
    scored, Number = shipped(student, "scored", "Operators")
    plain = [[w.tolist(), b.tolist(), v.tolist(), float(c)] for w, b, v, c in nets]

    def ask() -> Any:
        return scored(student.get("SmallNet"), student.get("Number"), plain, points).value

    found = Answer.to(lambda: fair_answer(student, ask, lambda got: all(map(close, got[0], right)), {"Number": Number}))
    with part("the score", points=2):
        got = [matrix(row, "score")[0] for row in found.value[0]]
        exact = np.array([row[0] for row in right])
        text = "Two nets have a Number in common: each makes its own."
        expect_true(found.value[1] == 0, text, "stale")
        mistakes = worked_out({family: _each(points, nets, f) for family, f in SCORE_SLIPS.items()})
        expect(
            np.array(got), exact, name="the scores of several nets and points", mistakes=mistakes, rtol=1e-8, atol=1e-10
        )
    with part("its gradients", points=1):
        for row, exact in zip(found.value[0], right, strict=True):
            hints = [Slip("zero", np.zeros(len(exact) - 1))]
            name = "the derivatives of the score by w, b, v and c"
            if not expect(matrix(row, "score")[1:], exact[1:], name=name, mistakes=hints, rtol=1e-8, atol=1e-10):
                break


Net = tuple[Array, Array, Array, float]


def _arrays(draw: Draw, hidden: int) -> Net:
    return draw.signed(hidden, 2), draw.signed(hidden), draw.signed(hidden), float(draw.scalar())


def _score(net: Net, x: Array) -> Array:
    """The score and its derivatives by w, b, v, c, flat."""
    w, b, v, c = net
    h = np.tanh(w @ x + b)
    back = v * (1 - h**2)
    return np.concatenate([[c + v @ h], np.outer(back, x).ravel(), back, h, [1.0]])


def _each(points: Sequence[Sequence[float]], nets: Sequence[Net], formula: Callable[..., float]) -> Array:
    return np.array([formula(np.array(point), *net) for point in points for net in nets])


PLAIN = {region: "X and t are lists of plain numbers" for region in ("one entry", "many entries")}
WEIGHTS = 9  # of the net
PLAIN["no positive number"] = "step_size is positive"


@check(f"{SECTION}/training_step_check", points=4, reveals=True, domain=PLAIN)
def training_step(student: Student, draw: Draw) -> None:
    """J = mean of (score − t)² before the step; each parameter moves by −step_size · ∂J/∂parameter."""
    cases = [_case(draw, n, size) for n, size in ((7, 0.3), (1, 0.07), (5, 0.013), (7, 0.21))]
    corners = [[0.0, 1.0], [1e-6, -1.0], [120.0, -0.003], [0.7, 0.0], [-2e-6, 0.4]]
    cases.append(([1.0, -0.5, 2e-6, *[0.25] * (WEIGHTS - 3)], corners, [0.0, 1.0, -150.0, 3e-6, -1.0], 1e-5))
    w, X, _, size = _case(draw, 4, 0.25)
    cases.append((w, X, (_features(X) @ w + 1e-4 * draw.signed(4)).tolist(), size))  # J is small already
    w = draw.signed(WEIGHTS).tolist()
    cases.append((w, draw.positive(5, 2).tolist(), draw.positive(5).tolist(), 0.1))  # nothing is negative
    cases.append((w, [[1.0, 2.0], [2.0, -1.0]], [0.0, -1.0], 1.0))  # all are whole numbers, one of them 0
    cases.append((w, [[0.3, 0.3]], [0.3], 0.3))  # all are equal
    cases.append(_case(draw, 15, 0.1))  # more points than elsewhere
    cases.append((w, [[1e-9, 0.7], [-0.0, 0.5]], [3e5, -2e5], 1e-6))
    w, X, t, size = _case(draw, 5, 0.25)
    # A point comes again: with its target, and with another.
    cases.append((w, [X[0], *X, X[1]], [*t[:1], *t, *t[:1]], size))
    rounds = 2
    losses, weights = [], [np.array(case[0]) for case in cases]
    after, hints = [], []
    for _ in range(rounds):
        for k, (_, X, t, size) in enumerate(cases):
            rest = partial(_rest, X, t)
            losses.append(np.mean(rest(weights[k]) ** 2))
            gradient = 2 / len(t) * _features(X).T @ rest(weights[k])
            hints.append((weights[k], gradient, size, len(t), rest, losses[-1]))
            weights[k] = weights[k] - size * gradient
            after.append(weights[k])
    names = ("Number", "topological_order", "backpropagate")
    trained, *sent = shipped(student, "trained", "Operators", *names[1:])

    def ask() -> Any:
        return trained(student.get("training_step"), student.get("Number"), cases, rounds).value

    reference = dict(zip(names, sent, strict=True))
    found = Answer.to(lambda: fair_answer(student, ask, lambda got: close(got[1], after), reference))
    one = len(cases)  # the first round; later ones depend on the step

    def each(wrong: Callable[..., Any]) -> Array:
        return np.array([wrong(*hint) for hint in hints[:one]])

    with part("the error", points=1):
        got = found.value[0]
        if isinstance(got, list) and any(not isinstance(u, int | float | np.ndarray | np.generic) for u in got):
            text = "training_step returns something that is no plain number: return the value of J, a float."
            raise StudentError(text, "none" if None in got else "type")

        def mistakes() -> list[Slip]:
            return [
                Slip("missing_mean", each(lambda w, g, s, n, r, loss: n * loss)),
                Slip(
                    "wrong_loss",
                    each(lambda w, g, s, n, r, loss: np.mean(r(w - s * g) ** 2)),
                    "the error after the step",
                ),
                Slip("wrong_loss", each(lambda w, g, s, n, r, loss: loss**0.5), "the root of the mean"),
                Slip("wrong_loss", each(lambda w, g, s, n, r, loss: np.mean(r(w))), "the mean of score − t"),
                Slip("wrong_loss", each(lambda w, g, s, n, r, loss: np.mean(np.abs(r(w)))), "the mean of |score − t|"),
                Slip("wrong_argument", each(lambda w, g, s, n, r, loss: r(w)[-1] ** 2), "the last point only"),
                Slip(
                    "wrong_argument",
                    each(lambda w, g, s, n, r, loss: r(w)[-1] ** 2 / n),
                    "the last point only, divided by N",
                ),
                Slip(
                    "missing_term", [each(partial(_once_each, same)) for same in (0, 1)], "each point that comes again"
                ),
            ]

        first = matrix(got, "J").reshape(len(losses), -1)
        if expect(first[:one].squeeze(-1), losses[:one], name="J", mistakes=mistakes, rtol=1e-8, atol=1e-10):
            there = Answer.to(lambda: matrix(found.value[1], "the parameters")).got  # from where the second step begins
            if isinstance(there, np.ndarray) and there.shape == (rounds * one, WEIGHTS):
                second = [np.mean(_rest(case[1], case[2], at) ** 2) for case, at in zip(cases, there, strict=False)]
                if np.isfinite(second).all():
                    expect(first[one:].squeeze(-1), second, name="J of a second step", rtol=1e-8, atol=1e-10)
            expect_true(found.value[2] is True, "training_step changed X or t: leave them as they are.", "in_place")
    with part("the step", points=3):
        moved, place = matrix(found.value[1], "the parameters"), np.arange(WEIGHTS)

        def mistakes() -> list[Slip]:
            return [
                Slip("wrong_argument", each(lambda w, g, s, *_: w + s * g), "the step goes uphill"),
                Slip("wrong_argument", each(lambda w, *_: w), "the parameters have not moved"),
                Slip(
                    "wrong_argument",
                    each(lambda w, g, s, n, *_: w - s * n * g),
                    "the gradient of the sum, where that of the mean belongs",
                ),
                Slip(
                    "wrong_argument",
                    each(lambda w, g, s, n, *_: w - s * g / n),
                    "the gradient is divided by the number of points once more",
                ),
                Slip("wrong_argument", each(lambda w, g, s, *_: w - s * g / 2), "half a step"),
                Slip("wrong_argument", each(lambda w, g, *_: w - g), "step_size is left out"),
                Slip("wrong_argument", each(lambda w, g, s, *_: -s * g), "a parameter is replaced by its step"),
                Slip("wrong_argument", each(lambda w, g, *_: g), "a parameter is replaced by its gradient"),
                Slip(
                    "missing_term",
                    each(lambda w, g, s, *_: w - s * g * (place < WEIGHTS - 1)),
                    "the last parameter stays",
                ),
                Slip(
                    "missing_term", each(lambda w, g, s, *_: w - s * g * (place < 1)), "the first parameter alone moves"
                ),
            ]

        how = {"rtol": 1e-8, "atol": 1e-10}
        if expect(moved[:one], after[:one], name="the parameters after a step", mistakes=mistakes, **how):
            expect(moved[one:], after[one:], name="the parameters after a second step", **how)


def _case(draw: Draw, count: int, size: float) -> tuple[list[float], list[list[float]], list[float], float]:
    X, t = draw.signed(count, 2), np.resize([0.8, -1.3], count) * draw.number(0.8, 1.2)
    return draw.signed(WEIGHTS).tolist(), X.tolist(), t.tolist(), size


def _once_each(by_target: int, w: Array, g: Array, size: float, n: int, rest: Any, loss: float) -> float:
    """The error when a point that comes again counts once; `by_target`: only where it has the same target."""
    points = [(*x, u * by_target) for x, u in zip(*rest.args, strict=True)]
    last = {point: i for i, point in enumerate(points)}
    return np.sum(rest(w)[list(last.values())] ** 2) / n


def _features(X: Any) -> Array:
    x = np.asarray(X)
    return np.column_stack([x, x[:, 0] * x[:, 1], np.ones((len(x), WEIGHTS - 3))])


def _rest(X: Any, t: Any, weights: Array) -> Array:
    """score − t at each point."""
    return _features(X) @ weights - t
