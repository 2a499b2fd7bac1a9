"""The testing of checks is itself tested: what is generated, what is counted, what is reported."""

from __future__ import annotations

import ast
import math
import textwrap
from pathlib import Path

import pytest
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.errors import CourseError
from autograder.judging import Check, Slip, Student, expect, part
from autograder.judging.check import REGISTRY
from autograder.mutants import measure as mutants
from autograder.mutants.exercise import Cell, Exercise, Mutant, Variant, code_cells, exercises, namespace, patched
from autograder.mutants.measure import Outcome, Tried, judge, measure, verdicts
from autograder.mutants.operators import RULES, generate

SOLUTION = """\
import numpy as np

KEPT = 1 - 2

def f(x, w):
    ### BEGIN SOLUTION
    y = x @ w.T - 2.0 * np.sum(x, axis=0)
    y += np.maximum(x, 0) ** 2
    if (x > 0).all():
        return -y.mean()
    return y
    ### END SOLUTION
"""


def by_rule(source: str = SOLUTION) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for mutant in generate(source):
        found.setdefault(mutant.name.rpartition(" ")[0], []).append(mutant.source)
    return found


# -- mutants made by rule -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "pieces"),
    [
        ("= for +=", ["y = np.maximum(x, 0) ** 2"]),
        ("sign", ["y -= np.maximum", "w.T + 2.0", "return y.mean()"]),
        ("factor", ["1.0 * np.sum"]),
        ("factor left out", ["w.T - 2.0\n", "w.T - np.sum(x, axis=0)"]),
        ("term left out", ["y = x @ w.T\n"]),
        ("not transposed", ["x @ w - 2.0"]),
        ("swapped", ["w.T @ x", "2.0 * np.sum(x, axis=0) - x @ w.T"]),
        ("axis", ["np.sum(x, axis=1)", "np.sum(x) "]),
        ("sum for mean", ["np.mean(x, axis=0)", "-y.sum()"]),
        ("kink", ["(x >= 0)"]),
        ("comparison reversed", ["(x < 0)"]),
        ("line left out", ["pass"]),
        ("function left out", ["y += x ** 2"]),
        ("power left out", ["y += np.maximum(x, 0)\n"]),
    ],
)
def test_each_rule_makes_its_mistake(rule, pieces):
    made = by_rule()[rule]
    for piece in pieces:
        assert any(piece.strip() in source for source in made), made


def test_every_rule_is_tested_above_and_makes_something():
    assert set(by_rule()) == set(RULES)


def test_only_the_solution_is_changed_and_every_mutant_is_another_program():
    made = generate(SOLUTION)
    reference = ast.unparse(ast.parse(SOLUTION))
    assert len({mutant.source for mutant in made} | {reference}) == len(made) + 1 > 20
    assert len({mutant.name for mutant in made}) == len(made)
    for mutant in made:
        compile(mutant.source, "mutant", "exec")
        assert "KEPT = 1 - 2" in mutant.source, "nothing outside the solution is changed"
        different = [a for a, b in zip(mutant.source.splitlines(), reference.splitlines(), strict=False) if a != b]
        assert len(different) == 1, mutant.name


def test_the_same_text_gives_the_same_mutants():
    assert generate(SOLUTION) == generate(SOLUTION)


def test_without_marks_the_whole_cell_is_the_solution():
    assert [mutant.source for mutant in generate("y = a - b")] == ["y = a + b", "y = a", "y = b - a"]


# -- measuring ------------------------------------------------------------------------------------------------------


def test_a_patch_that_no_longer_fits_is_an_error():
    assert patched("a + b", "+", "-") == "a - b" and patched("a a a", "a", "b", 1) == "b a a"
    assert patched("a", "", "all new") == "all new"
    with pytest.raises(ValueError, match="text to replace is not in the reference solution: 'x'"):
        patched("a", "x", "y")


def test_a_reference_notebook_that_fails_is_an_error_but_a_patched_cell_may():
    cells = [Cell("x = 1", "", False), Cell("y = 1 / 0", "s", False), Cell("z = x", "", False), Cell("1/0", "", True)]
    with pytest.raises(RuntimeError, match="cell 1 of the reference notebook fails"):
        namespace(cells)
    scope = namespace(cells, {"s": "w = 2\ny = 1 / 0"})
    assert (scope["w"], scope["z"]) == (2, 1) and "y" not in scope


@pytest.mark.parametrize("section", ["01-staged-backprop", "03-relu-net-by-hand", "04-ridge"])
def test_the_cells_of_a_section_are_read_with_their_roles(section):
    cells = code_cells(ROOT, section)
    solutions = {cell.grade_id for cell in cells if cell.grade_id and not cell.skipped}
    assert {exercise.cell for exercise in exercises(CHECKS, section)} <= solutions
    assert all(cell.skipped for cell in cells if cell.grade_id.endswith("_check"))
    assert not any(line.startswith(("%", "!")) for cell in cells for line in cell.source.splitlines())


def test_a_section_without_mutants_has_none():
    assert exercises(CHECKS, "00-tutorials") == []


def wants_three(student: Student, draw) -> None:
    with part("value", points=2):
        expect(student.call("f"), 3.0, mistakes=[Slip("sign", -3.0)])


@pytest.fixture
def check(monkeypatch):
    """A check of a made-up section, found by name."""
    made = Check("s/f_check", 2, wants_three)
    monkeypatch.setattr(mutants, "find", lambda folder, name: made if name == made.name else None)
    monkeypatch.setitem(REGISTRY, wants_three.__module__.partition(".")[0], {made.name: made})  # for other processes
    return made


CELLS = [Cell("def f():\n    return 3.0", "f", False)]


def test_a_solution_is_judged_once_for_each_seed(check):
    assert [v.full for v in judge(CELLS, check, "f", CELLS[0].source, range(3))] == [True] * 3
    assert [v.score for v in judge(CELLS, check, "f", "def f(): return 4.0", range(2))] == [0, 0]


def test_what_one_seed_leaves_in_a_notebook_is_not_found_by_the_next(check):
    once = "kept = []\ndef f():\n    kept.append(3.0)\n    return sum(kept)"
    assert [verdict.score for verdict in judge(CELLS, check, "f", once, range(3))] == [2, 0, 0]
    assert [verdict.score for verdict in verdicts(CELLS, check, "f", once, range(3))] == [2, 2, 2]


def test_a_solution_that_hangs_gets_no_points_and_ends(check, monkeypatch):
    monkeypatch.setattr(mutants, "SECONDS", 1)
    loop = "def f():\n    while True:\n        pass"
    assert [v.full for v in judge(CELLS, check, "f", loop, range(1))] == [False]


def test_a_fault_of_the_check_stops_the_measurement(check, monkeypatch):
    def faulty(student, draw):
        raise ZeroDivisionError

    with pytest.raises(CourseError, match=r"test_mutants.py, line \d+: s/f_check: ZeroDivisionError.*\(seed 5\)"):
        list(judge(CELLS, Check("s/f_check", 2, faulty), "f", CELLS[0].source, [5]))


@pytest.fixture
def small(tmp_path: Path, check, monkeypatch) -> Course:
    """A course of one section whose check lets one wrong solution live and turns one right one down."""
    (tmp_path / "notebooks" / "s").mkdir(parents=True)
    (tmp_path / "nbgrader_config.py").write_text("")
    (tmp_path / "notebooks" / "s" / "n.py").write_text(
        textwrap.dedent("""\
        # %% nbgrader={"grade_id": "f", "solution": true}
        def f():
            ### BEGIN SOLUTION
            return 1.0 + 2.0
            ### END SOLUTION
        """)
    )
    made = Exercise(
        "s/f_check", "f",
        [Mutant("minus", "sign", "1.0 + 2.0", "-3.0"), Mutant("named falsely", "factor", "1.0 + 2.0", "-3.0 + 0"),
         Mutant("survivor", "", "1.0 + 2.0", "3.0"), Mutant("unnamed", "", "1.0 + 2.0", "5.0")],
        [Variant("turned round", "2.0 + 1.0", "1.0 + 2.0"), Variant("false alarm", "def f():\n    return 3.01")],
        equivalent={"factor 1": "for the test"},
    )  # fmt: skip
    monkeypatch.setattr(mutants, "exercises", lambda root, section: [made])
    return Course(tmp_path)


def test_survivors_false_alarms_and_names_are_counted(small):
    seen = []
    outcome = measure(small, ["s"], 3, progress=lambda done, total, what: seen.append((done, total)))
    assert not outcome.good and outcome.equivalent == 1
    tried = {one.name: one for one in outcome.tried}
    assert {name for name, one in tried.items() if not one.good} == {"survivor", "false alarm"}
    assert all(one.runs == 3 for one in outcome.tried)
    assert (tried["minus"].named, tried["minus"].misnamed) == (3, 0)
    assert (tried["named falsely"].named, tried["named falsely"].misnamed) == (0, 3)
    assert outcome.naming(outcome.wrong) == (0.5, 0.5)
    assert seen == [(n, len(outcome.tried)) for n in range(1, len(outcome.tried) + 1)]
    survivor, alarm = outcome.failures
    assert survivor == "s/f_check: 'survivor' survived in 3 of 3 runs"
    assert alarm.startswith("s/f_check: 'false alarm' rejected in 3 of 3 runs\nf · 0 of 2 points")
    wrong, right = len(outcome.wrong), len(outcome.accepted)
    assert (
        f"{wrong - 1} of {wrong} wrong solutions caught, {right - 1} of {right} right ones accepted" in outcome.sentence
    )
    assert "(3 false alarms in 9 runs), over 3 seeds" in outcome.sentence
    assert list(outcome.rows()) == [["s/f_check", f"{wrong - 1}/{wrong}", "2/3", "50%", "50.0%"]]
    assert outcome.sentence in outcome.markdown() and outcome.table().row_count == 1


def test_the_same_measurement_in_two_processes_gives_the_same(small):
    one, two = (measure(small, ["s"], 2, workers=workers) for workers in (1, 2))
    assert one.tried == two.tried


def test_an_unknown_equivalent_is_an_error(small, monkeypatch):
    made = mutants.exercises(small, "s")[0]
    stale = Exercise(made.check, made.cell, [], [], equivalent={"sign 99": "gone"})
    monkeypatch.setattr(mutants, "exercises", lambda root, section: [stale])
    with pytest.raises(ValueError, match="s/f_check: no generated mutant is called sign 99"):
        measure(small, ["s"], 1)


def test_nothing_to_measure_is_no_failure():
    outcome = Outcome([], 5)
    assert outcome.good and outcome.failures == [] and math.isnan(outcome.naming([])[0])


def test_a_check_that_sometimes_slips_is_not_good():
    assert not Tried("c", "wrong", False, "", runs=1000, full=1).good
    assert not Tried("c", "right", True, "", runs=1000, full=999).good


@pytest.mark.parametrize("section", ["01-staged-backprop", "03-relu-net-by-hand", "04-ridge"])
def test_each_exercise_has_enough_mutants_and_variants(section):
    for exercise in exercises(CHECKS, section):
        assert len(exercise.mutants) >= 8 and len(exercise.variants) >= 3, exercise.check
        assert len({one.name for one in [*exercise.mutants, *exercise.variants]}) == len(
            [*exercise.mutants, *exercise.variants]
        )
