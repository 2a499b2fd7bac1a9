"""The visible checks accept what the judge gives full points for: our own right answers, and those of others."""

from __future__ import annotations

import contextlib
from itertools import chain

import pytest
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.judging.load import load
from autograder.mutants.exercise import UNNAMED, code_cells, exercises
from autograder.mutants.measure import judge, solutions_of
from autograder.mutants.unseen import checks_of, read_answers
from autograder.mutants.visible import HIDDEN, _look
from backprop.classifiers import WeightsError

SECTIONS = [section for section in Course(ROOT).sections() if exercises(CHECKS, section)]
EVERY = 5  # one right answer in so many; `mutants --visible` has all of them


def right_answers(section):
    """(check, name, whole, cell, source) of every right answer to the section, our own first."""
    cells = code_cells(ROOT, section)
    for exercise in exercises(CHECKS, section):
        apart = {variant.name for variant in exercise.variants if not variant.whole}
        for name, right, _, cell, source in solutions_of(cells, exercise)[0]:
            if right:
                yield exercise.check.partition("/")[2], name, name not in apart, cell, source
    decides = checks_of(cells, load(CHECKS, section))
    frozen = sorted((CHECKS / "mutants" / "unseen").glob(f"*/{section}.txt"))
    for answer in chain.from_iterable(read_answers(path, path.name) for path in frozen):
        if answer.right and answer.cell in decides and not decides[answer.cell].weights:
            yield decides[answer.cell].grade_id, answer.words, True, answer.cell, answer.source


def seen(section, answer):
    check, name, _, cell, source = answer
    cells = code_cells(ROOT, section)
    shown = next(one.source for one in cells if one.grade_id == check)
    return _look((check, cells, HIDDEN.sub("", shown), name, True, "", cell, source))


def full_points(section, answer):
    """Whether the judge gives them: one cell of an answer that its author spread over two gets none by itself."""
    check, _, _, cell, source = answer
    (verdict,) = judge(code_cells(ROOT, section), load(CHECKS, section)[check], cell, source, [0])
    return verdict.full


@pytest.mark.parametrize("section", SECTIONS)
def test_what_gets_full_points_passes_the_visible_check(section):
    answers = [answer for answer in right_answers(section) if answer[2]]
    found = [seen(section, answer) for answer in answers[::EVERY] if full_points(section, answer)]
    assert len(found) > 0.9 * len(answers[::EVERY])
    assert [f"{one.check}: {one.name}: {one.text}" for one in found if one.caught] == []


@pytest.mark.parametrize("section", SECTIONS)
def test_no_visible_check_names_another_mistake_than_was_made(section):
    """Two kinds of mistakes that lead to the same numbers would get one sentence, and one of them a false one."""
    cells = code_cells(ROOT, section)
    false = []
    for exercise in exercises(CHECKS, section):
        check = exercise.check.partition("/")[2]
        shown = HIDDEN.sub("", next(one.source for one in cells if one.grade_id == check))
        for name, right, family, cell, source in solutions_of(cells, exercise)[0]:
            if not right and family not in ("", UNNAMED):
                one = _look((check, cells, shown, name, False, family, cell, source))
                false += [f"{check}: {name} ({family}): {one.text}"] * one.misnamed
    assert false == []


def test_a_right_answer_in_a_notebook_that_does_not_work_is_refused():
    apart = [(section, answer) for section in SECTIONS for answer in right_answers(section) if not answer[2]]
    assert len(apart) >= 20
    found = [seen(*one) for one in apart]
    assert [f"{one.check}: {one.name}" for one in found if not one.caught] == []


@pytest.mark.parametrize(
    ("section", "check", "name"),
    [
        ("01-staged-backprop", "f3_check", "other names, numpy scalars"),
        ("01-staged-backprop", "f4_check", "five inputs, whole numbers in f4_at, constants drawn"),
        ("02-backprop-practice", "sigmoid_net_gradients_check", "all in a row"),
        ("02-backprop-practice", "back_through_check", "single precision"),
        ("02-backprop-practice", "count_parameters_check", "other names"),
        ("03-relu-net-by-hand", "d_W2_check", "matrix"),
        ("03-relu-net-by-hand", "gradient_step_check", "float32"),
        ("06-mlp", "affine_node_check", "float32"),
        ("06-mlp", "mlp_regression_check", "names W2 and b2"),
        ("06-mlp", "mlp_regression_check", "b2 as an array of one number"),
        ("07-softmax-nll", "nll_node_check", "float32"),
        (
            "07-softmax-nll",
            "multiclass_classifier_check",
            "one's own AffineNode with other arguments, one's own everything",
        ),
        ("08-cifar", "relu_check", "float32"),
        ("08-cifar", "l2_regularization_check", "float32"),
        ("08-cifar", "training_step_check", "other names, a loop over keys, a new dictionary"),
        ("10-imagenet", "classify_check", "argsort in numpy"),
    ],
)
def test_what_the_text_leaves_open_is_accepted(section, check, name):
    [answer] = [one for one in right_answers(section) if one[:2] == (check, name)]
    one = seen(section, answer)
    assert not one.caught, one.text


def test_each_section_has_right_answers_of_both_kinds():
    for section in SECTIONS:
        names = list(right_answers(section))
        assert len(names) >= 3 * len(exercises(CHECKS, section)), section


@pytest.mark.parametrize("section", SECTIONS)
def test_a_check_cell_leaves_no_name_behind(section):
    """Names of a check would stand in for the student's, or for those of the library, when a cell is run again."""
    scope, left, asked = {"__name__": "__main__"}, {}, 0
    for cell in code_cells(ROOT, section):
        before = dict(scope)
        if HIDDEN.search(cell.source):
            asked += 1
            with contextlib.suppress(WeightsError):  # where trained weights would be needed
                exec(compile(HIDDEN.sub("", cell.source), "<check>", "exec"), scope)
            changed = {name for name in scope if name not in before or scope[name] is not before[name]}
            left[cell.grade_id] = sorted((changed | before.keys() - scope.keys()) - {"_check"})
        elif not cell.skipped:
            exec(compile(cell.source, "<cell>", "exec"), scope)
    assert asked >= len(exercises(CHECKS, section))
    assert {check: names for check, names in left.items() if names} == {}
