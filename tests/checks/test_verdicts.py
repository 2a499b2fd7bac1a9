"""What holds for every check: nothing earns nothing, parts are independent, no verdict depends on the secret."""

from __future__ import annotations

import ast
import contextlib
import io
import time

import numpy as np
import pytest
from anything import Anything
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.judging import Student
from autograder.judging.load import find
from autograder.mutants.adversaries import EVERYWHERE, Spoiler, spoil, wrapped_node
from autograder.mutants.exercise import code_cells, exercises, namespace
from autograder.mutants.measure import solutions_of, verdicts

SECTIONS = [section for section in Course(ROOT).sections() if exercises(CHECKS, section)]


class Idle:
    """A class of the right form whose methods do nothing."""

    def __init__(self, *args, **kwargs):
        self.out, self.d_out, self.graph = None, None, None

    def forward(self, *args, **kwargs):
        pass

    backward = fit = predict = forward

    def get_predecessors(self):
        return []


def zeros_of(value):
    if isinstance(value, list | tuple):
        return type(value)(zeros_of(item) for item in value)
    if isinstance(value, np.ndarray):
        return np.zeros_like(value)
    if hasattr(value, "new_zeros"):  # a torch tensor
        return value * 0
    return 0.0 if isinstance(value, float | int | np.generic) else value


def idle_answers(right):
    """name -> an answer that does nothing, in place of the right one."""
    if isinstance(right, type):
        return {"a class that does nothing": Idle, "accepts everything": Anything, "None": None}
    if callable(right):
        return {
            "None": lambda *args, **kwargs: None,
            "0": lambda *args, **kwargs: 0.0,
            "the first argument": lambda *args, **kwargs: [*args, *kwargs.values()][0] if args or kwargs else None,
            "zeros": lambda *args, **kwargs: zeros_of(right(*args, **kwargs)),
            "accepts everything": lambda *args, **kwargs: Anything(),
        }
    return {"None": None, "0": 0.0, "an empty list": [], "an empty text": "", "accepts everything": Anything()}


# What is right all the same.
RIGHT = {
    ("05-affine-tanh/affine_db_check", "the first argument"): "∂J/∂b is the upstream gradient itself",
    ("08-cifar/training_step_check", "zeros"): "the gradients are written into the network",
    ("09-fashion-mnist/train_epoch_check", "zeros"): "the epoch is trained; only the loss that is returned is wrong",
    ("09-fashion-mnist/accuracy_check", "zeros"): "the model is asked as it should be; only the number is wrong",
    ("10-imagenet/preprocess_check", "zeros"): "the picture was sized and cropped; the shape is a part of its own",
    ("10-imagenet/classify_check", "zeros"): "the model is asked and the names are right; only the numbers are wrong",
    ("11-your-own-engine/topological_order_check", "zeros"): "what is returned holds no numbers",
    ("11-your-own-engine/backpropagate_check", "zeros"): "the gradients are written into the nodes",
    ("11-your-own-engine/training_step_check", "zeros"): "the step is written into the network",
}


def defined(source):
    """The names that a solution cell defines at its top."""
    names = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            names.append(statement.name)
        elif isinstance(statement, ast.Assign):
            names += [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return list(dict.fromkeys(names))


def opened(section):
    """The section's notebook, run; and (check, names of its solution cell) for each exercise judged by code alone."""
    cells = code_cells(ROOT, section)
    with contextlib.redirect_stdout(io.StringIO()):
        scope = namespace(cells)
    found = []
    for exercise in exercises(CHECKS, section):
        check = find(CHECKS, exercise.check)
        source = next(cell.source for cell in cells if cell.grade_id == exercise.cell)
        if not check.weights:
            found.append((check, [name for name in defined(source) if name in scope]))
    return scope, found


@pytest.mark.parametrize("section", SECTIONS)
def test_nothing_earns_nothing(section):
    scope, found = opened(section)
    earned = {}
    for check, names in found:
        right = {name: scope[name] for name in names}
        kinds = [idle_answers(value) for value in right.values()]
        for kind in dict.fromkeys(kind for answers in kinds for kind in answers):
            scope.update({name: answers.get(kind) for name, answers in zip(names, kinds, strict=True)})
            with contextlib.redirect_stdout(io.StringIO()):
                verdict = check.judge(Student.here(scope), "nothing")
            assert verdict.problem is None, (check.name, kind, verdict.problem)
            if (verdict.score or verdict.full) and (check.name, kind) not in RIGHT:
                earned[check.name, kind] = verdict.text
        scope.update(right)
    assert earned == {}, "\n".join(f"{check}: {kind}\n{text}" for (check, kind), text in earned.items())


@pytest.mark.parametrize("section", SECTIONS)
def test_a_wrong_value_costs_nothing_of_the_gradients_and_the_other_way_round(section):
    """Right but for one result, which is off by a quarter always: the value, or the first gradient."""
    scope, found = opened(section)
    tried = 0
    for check, names in found:
        if len(names) != 1:
            continue
        [name] = names
        right, lost = scope[name], []
        node = isinstance(right, type) and hasattr(right, "backward") and hasattr(right, "get_predecessors")
        if not node and (isinstance(right, type) or not callable(right)):
            continue
        for which in range(2):
            if node:
                scope[name] = wrapped_node(right, Spoiler(EVERYWHERE, which))
            else:
                scope[name] = lambda *args, right=right, which=which, **kw: spoil(right(*args, **kw), which)[0]
            with contextlib.redirect_stdout(io.StringIO()):
                verdict = check.judge(Student.here(scope), "parts")
            assert verdict.problem is None, (check.name, verdict.problem)
            lost.append({part.name for part in verdict.parts if not part.passed})
        scope[name] = right
        if "forward" in [part.name for part in verdict.parts]:
            tried += 1
            assert "forward" in lost[0] and not [p for p in lost[0] if p.startswith(("backward", "∂"))], check.name
            assert "forward" not in lost[1] and lost[1], check.name
    assert tried or section[:2] not in ("01", "04", "06", "07")


SECRETS, BUDGET = 50, 25.0  # seconds of processor time


def test_no_verdict_depends_on_the_secret():
    """A sample of all solutions, as many as the budget allows; `autograder mutants --secrets 50` tries every one."""
    began, tried, fickle = time.process_time(), 0, []
    jobs = []
    for section in SECTIONS:
        cells = code_cells(ROOT, section)
        for exercise in exercises(CHECKS, section):
            check = find(CHECKS, exercise.check)
            if not check.weights:
                jobs += [(cells, check, *one) for one in solutions_of(cells, exercise)[0]]
    order = np.random.default_rng(0).permutation(len(jobs))
    for number in order:
        cells, check, name, _, _, cell, source = jobs[number]
        if time.process_time() - began > BUDGET:
            break
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            points = {round(one.score, 6) for one in verdicts(cells, check, cell, source, range(SECRETS))}
        tried += 1
        if len(points) > 1:
            fickle.append((check.name, name, points))
    assert fickle == [] and tried > 5
