"""Sections 11 and 12: the solutions against PyTorch, the visible checks against every wrong and right solution."""

from __future__ import annotations

import contextlib
import io
import re
import signal

import numpy as np
import pytest
from anything import Anything
from places import CHECKS, ROOT, checks_module

from autograder.judging import Student, source_of
from autograder.judging.load import find, load
from autograder.mutants.exercise import code_cells, exercises, namespace
from autograder.mutants.measure import solutions_of
from backprop.gradcheck import CheckFailed

ENGINE, LETTERS = "11-your-own-engine", "12-batchnorm-and-embeddings"


@pytest.fixture(scope="module")
def scopes():
    with contextlib.redirect_stdout(io.StringIO()):
        return {section: namespace(code_cells(ROOT, section)) for section in (ENGINE, LETTERS)}


# -- a reference that we did not write ---------------------------------------------------------------------------


def test_the_engine_agrees_with_pytorch_on_a_formula_with_every_operator(scopes):
    import torch

    def formula(a, b):
        return (1 - a * b) ** 3 / (2 + b.exp()) + (5 * a).tanh() * (a - b).relu() - b / a + 2.5 / b**2

    for a, b in [(0.6, -1.7), (-2.3, 0.35), (1e-2, 40.0), (-0.4, -0.4)]:
        Number = scopes[ENGINE]["Number"]
        numbers = Number(a), Number(b)
        J = formula(*numbers)
        scopes[ENGINE]["backpropagate"](J)
        tensors = [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (a, b)]
        theirs = formula(*tensors)
        theirs.backward()
        assert J.out == pytest.approx(theirs.item(), rel=1e-12)
        assert [n.d_out for n in numbers] == pytest.approx([t.grad.item() for t in tensors], rel=1e-10)


def test_batch_normalisation_agrees_with_pytorch(scopes):
    import torch

    rng = np.random.default_rng(0)
    arrays = rng.normal(size=(7, 5)) * [0.01, 1, 30, 4, 2] + 3, rng.normal(size=5), rng.normal(size=5)
    upstream = rng.normal(size=(7, 5))
    x, gamma, beta = (torch.tensor(array, requires_grad=True) for array in arrays)
    theirs = torch.nn.functional.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)
    theirs.backward(torch.tensor(upstream))
    out, cache = scopes[LETTERS]["batchnorm_forward"](*arrays)
    np.testing.assert_allclose(out, theirs.detach().numpy(), rtol=1e-10, atol=1e-10)
    for name in ("batchnorm_backward", "batchnorm_backward_short"):
        for mine, tensor in zip(scopes[LETTERS][name](upstream, cache), (x, gamma, beta), strict=True):
            np.testing.assert_allclose(mine, tensor.grad.numpy(), rtol=1e-8, atol=1e-10)


def test_embeddings_agree_with_pytorch_where_rows_come_again(scopes):
    import torch

    rng = np.random.default_rng(1)
    indices, table, upstream = rng.integers(0, 6, (7, 5)), rng.normal(size=(8, 3)), rng.normal(size=(7, 5, 3))
    weight = torch.tensor(table, requires_grad=True)
    torch.nn.functional.embedding(torch.tensor(indices), weight).backward(torch.tensor(upstream))
    out, cache = scopes[LETTERS]["embedding_forward"](indices, table)
    np.testing.assert_array_equal(out, table[indices])
    np.testing.assert_allclose(scopes[LETTERS]["embedding_backward"](upstream, cache), weight.grad.numpy(), rtol=1e-12)


def test_the_whole_letter_model_agrees_with_pytorch(scopes):
    import torch

    scope = scopes[LETTERS]
    model = scope["CharModel"](9, 3, D=4, H=6, scale=0.7)
    rng = np.random.default_rng(2)
    contexts, targets = rng.integers(0, 9, (11, 3)), rng.integers(0, 9, 11)
    p = {name: torch.tensor(array, requires_grad=True) for name, array in model.parameters().items()}
    a = torch.nn.functional.embedding(torch.tensor(contexts), p["E"]).reshape(11, -1) @ p["W1"]
    z = torch.nn.functional.batch_norm(a, None, None, p["gamma"], p["beta"], training=True)
    loss = torch.nn.functional.cross_entropy(torch.tanh(z) @ p["W2"] + p["b2"], torch.tensor(targets))
    loss.backward()
    scores, cache = model.forward(contexts)
    mine, grad_scores = scope["softmax_loss"](scores, targets)
    assert mine == pytest.approx(loss.item(), rel=1e-12)
    for name, gradient in model.backward(grad_scores, cache).items():
        np.testing.assert_allclose(gradient, p[name].grad.numpy(), rtol=1e-8, atol=1e-12)


# -- what the notebooks promise ----------------------------------------------------------------------------------


def test_the_two_moons_are_learned_as_the_text_says(scopes):
    scope = dict(scopes[ENGINE])
    with contextlib.redirect_stdout(io.StringIO()):
        exec(_training_cell(ENGINE, "for _ in range(800)"), scope)
    assert scope["history"][0] == pytest.approx(0.68, abs=0.005)
    assert np.mean(scope["history"][-50:]) < 0.1 and scope["right"] > 0.95


def test_the_four_runs_of_the_letter_model_end_as_the_text_says(scopes):
    scope = dict(scopes[LETTERS])
    with contextlib.redirect_stdout(io.StringIO()):
        exec(_training_cell(LETTERS, "for scale in (0.2, 3.0)"), scope)
    ends = {run: curve[-1] for run, curve in scope["curves"].items()}
    assert scope["bigram"] == pytest.approx(2.16, abs=0.005)
    for run in ((0.2, "with batchnorm"), (0.2, "without")):
        assert ends[run] == pytest.approx(2.0, abs=0.1) and ends[run] < scope["bigram"]
    assert abs(ends[3.0, "with batchnorm"] - scope["bigram"]) < 0.12 < ends[3.0, "without"] - scope["bigram"]


def _training_cell(section: str, line: str) -> str:
    [source] = [cell.source for cell in code_cells(ROOT, section) if line in cell.source]
    return source


# -- the visible checks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("check", [*load(CHECKS, ENGINE), *load(CHECKS, LETTERS)])
def test_the_visible_check_catches_every_wrong_solution_and_accepts_every_right_one(check):
    section = ENGINE if check in load(CHECKS, ENGINE) else LETTERS
    if check == "softmax_loss_check":
        pytest.skip("the exercise of section 08, whose solutions go further than this section's text")
    cells = code_cells(ROOT, section)
    shown = next(cell.source for cell in cells if cell.grade_id == check).partition("### BEGIN HIDDEN TESTS")[0]
    [exercise] = [one for one in exercises(CHECKS, section) if one.check == f"{section}/{check}"]
    passed, refused, raw = [], [], []
    for name, right, _, cell, source in solutions_of(cells, exercise)[0]:
        said = _said(shown, cells, cell, source)
        if said is None and not right:
            passed.append(name)
        elif said is not None and right:
            refused.append((name, said))
        elif isinstance(said, Exception) and not isinstance(said, CheckFailed):
            raw.append((name, said))
    assert (passed, refused, raw) == ([], [], [])


def _said(shown, cells, cell, source):
    """What the check cell raises on this solution, None when it passes."""

    def too_long(*args):
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(60)
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            exec(shown, namespace(cells, {cell: source}))
        except Exception as error:
            return error
        finally:
            signal.alarm(0)
    return None


def test_the_check_cells_leave_no_names_behind():
    for section in (ENGINE, LETTERS):
        for cell in code_cells(ROOT, section):
            if cell.grade_id.endswith("_check"):
                shown = cell.source.partition("### BEGIN HIDDEN TESTS")[0]
                assert not re.search(r"^(?:\w+(?:, \w+)* =|def |class |for )", shown, re.MULTILINE), cell.grade_id


# -- the hidden checks -------------------------------------------------------------------------------------------


def _zeros(*args, **kwargs):
    return tuple(np.zeros(np.shape(arg)) for arg in args if isinstance(arg, np.ndarray)) or 0.0


NOTHING = {
    "None": lambda *args, **kwargs: None,
    "0": lambda *args, **kwargs: 0,
    "the first argument": lambda *args, **kwargs: args[0] if args else 0,
    "the first argument twice": lambda *args, **kwargs: (args[0], args[0]) if args else 0,
    "zeros": _zeros,
    "anything": lambda *args, **kwargs: Anything(),
}


@pytest.mark.parametrize("section", [ENGINE, LETTERS])
@pytest.mark.parametrize("kind", NOTHING)
def test_doing_nothing_earns_nothing(section, kind):
    function = NOTHING[kind]
    methods = ("__init__", "__add__", "__mul__", "__neg__", "__sub__", "__pow__", "__truediv__", "exp", "tanh", "relu")
    methods += ("backward", "score", "forward", "parameters", "get_predecessors")
    members = {name: (lambda self, *args: None) if name == "__init__" else function for name in methods}
    idle = type("Idle", (), members)
    for name, check in load(CHECKS, section).items():
        stub = next(one.cell for one in exercises(CHECKS, section) if one.check.endswith(f"/{name}"))
        defined = {
            "number": {"Number": idle}, "operators": {"Number": idle}, "small_net": {"SmallNet": idle},
            "char_model": {"CharModel": idle},
            "embedding": {"embedding_forward": function, "embedding_backward": function},
        }.get(stub, {stub: function})  # fmt: skip
        verdict = check.judge(Student.here(dict(defined)), "course")
        assert (name, verdict.score, verdict.problem) == (name, 0, None)


@pytest.mark.parametrize("section", [ENGINE, LETTERS])
def test_no_verdict_depends_on_the_secret_of_the_course(section):
    cells = code_cells(ROOT, section)
    for exercise in exercises(CHECKS, section):
        check = find(CHECKS, exercise.check)
        for mutant in exercise.mutants[::4]:
            source = next(s for n, _, _, _, s in solutions_of(cells, exercise)[0] if n == mutant.name)
            with contextlib.redirect_stdout(io.StringIO()):
                scope = namespace(cells, {exercise.cell: source})
                scores = {check.judge(Student.here(scope), f"secret {n}").score for n in range(6)}
            assert len(scores) == 1, (exercise.check, mutant.name, scores)


def test_the_reference_sent_along_agrees_with_thesolutions_of(scopes):
    engine, letters = {}, {}
    exec(source_of(checks_module("shipped.engine")), engine)
    exec(source_of(checks_module("shipped.letters")), letters)
    rng = np.random.default_rng(3)
    x, gamma, beta, upstream = rng.normal(size=(7, 5)), rng.normal(size=5), rng.normal(size=5), rng.normal(size=(7, 5))
    theirs, cache = letters["batchnorm_forward"](x, gamma, beta)
    ours, own_cache = scopes[LETTERS]["batchnorm_forward"](x, gamma, beta)
    np.testing.assert_allclose(theirs, ours, rtol=1e-12)
    pairs = zip(letters["batchnorm_backward"](upstream, cache),
                scopes[LETTERS]["batchnorm_backward"](upstream, own_cache), strict=True)  # fmt: skip
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    J = {}
    for name, scope, kind in (("sent", engine, "Operators"), ("solution", scopes[ENGINE], "Number")):
        a, b = scope[kind](0.6), scope[kind](-1.7)
        J[name] = (1 - a * b) ** 3 / (2 + b.exp()) + (5 * a).tanh() * (a - b).relu()
        scope["backpropagate"](J[name])
        J[name] = [J[name].out, a.d_out, b.d_out]
    assert J["sent"] == pytest.approx(J["solution"], rel=1e-12)
