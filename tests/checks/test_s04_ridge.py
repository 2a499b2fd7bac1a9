"""Section 04: what its checks compare with is right, and honest parts earn honest points."""

import numpy as np
import pytest
from places import CHECKS, ROOT

from autograder import mutants
from autograder.judging import Draw, Student
from autograder.judging.load import find
from autograder.mutants.measure import judge
from backprop.datasets import load_problem
from backprop.gradcheck import numeric_gradient
from checks import s04_ridge

torch = pytest.importorskip("torch")


@pytest.fixture(scope="module")
def cells():
    return mutants.code_cells(ROOT, "04-ridge")


def score(cells, check, cell, old, new):
    source = next(c.source for c in cells if c.grade_id == cell)
    [verdict] = judge(cells, find(CHECKS, f"04-ridge/{check}"), cell, mutants.patched(source, old, new), [3])
    return verdict.score, {part.name: part.earned for part in verdict.parts}


@pytest.mark.parametrize("rows", [1, 5])
def test_the_ridge_gradients_agree_with_torch_and_with_finite_differences(rows):
    draw = Draw(rows)
    X, Y, w, b, l2_reg = draw.signed(rows, 4), draw.signed(rows), draw.signed(4), draw.scalar(), 0.3
    exact = s04_ridge._Cases(X, Y, w, b, l2_reg).exact()

    tensors = [torch.tensor(value, requires_grad=True) for value in (w, b)]
    objective = ((torch.tensor(X) @ tensors[0] + tensors[1] - torch.tensor(Y)) ** 2).mean()
    objective = objective + l2_reg * (tensors[0] ** 2).sum()
    objective.backward()
    assert exact["objective"] == pytest.approx(objective.item(), rel=1e-12)
    np.testing.assert_allclose(exact["∂J/∂w"], tensors[0].grad.numpy(), rtol=1e-12)
    np.testing.assert_allclose(exact["∂J/∂b"], tensors[1].grad.numpy(), rtol=1e-12)

    by_differences = numeric_gradient(lambda v: np.mean((X @ v + b - Y) ** 2) + l2_reg * v @ v, w.copy())
    np.testing.assert_allclose(exact["∂J/∂w"], by_differences, rtol=1e-6)


@pytest.mark.parametrize(
    "family, change",
    [
        ("penalty_in_prediction", lambda r, p, w, b, lam: ((r + p) ** 2).mean()),
        ("half_penalty", lambda r, p, w, b, lam: (r**2).mean() + p / 2),
        ("bias_regularised", lambda r, p, w, b, lam: (r**2).mean() + p + lam * b**2),
        ("missing_penalty", lambda r, p, w, b, lam: (r**2).mean()),
    ],
)
def test_what_a_mistake_would_give_agrees_with_torch(family, change):
    draw = Draw(family)
    X, Y, w, b, l2_reg = draw.signed(5, 4), draw.signed(5), draw.signed(4), draw.scalar(), 0.3
    cases = s04_ridge._Cases(X, Y, w, b, l2_reg)
    tw, tb = (torch.tensor(value, requires_grad=True) for value in (w, b))
    wrong = change(torch.tensor(X) @ tw + tb - torch.tensor(Y), l2_reg * (tw**2).sum(), tw, tb, l2_reg)
    wrong.backward()
    for name, value in [("objective", wrong.detach()), ("∂J/∂w", tw.grad), ("∂J/∂b", tb.grad)]:
        candidates = [value for slip in cases.mistakes(name) if slip.family == family for value in slip.values]
        if candidates:
            assert any(np.allclose(candidate, value.numpy(), rtol=1e-12) for candidate in candidates), name


def test_the_ranges_hold_what_the_settings_lead_to():
    data = load_problem()
    X, X_val = data.featurize(data.x_train), data.featurize(data.x_val)
    runs = [("mse_with_penalty", 1, 5e-5, 2000), ("mse_without_penalty", 0, 5e-4, 500)]
    for name, l2_reg, step, epochs in runs:
        w, b, rng = np.zeros(400), 0.0, np.random.default_rng(1)
        for _ in range(epochs):
            for i in rng.permutation(len(X)):
                slope = 2 * (X[i] @ w + b - data.y_train[i])
                w, b = w - step * (slope * X[i] + 2 * l2_reg * w), b - step * slope
        training = np.mean((X @ w + b - data.y_train) ** 2)
        low, high = s04_ridge.RANGES[name]
        assert low + 0.1 * (high - low) < training < high - 0.1 * (high - low)
        low, high = s04_ridge.VALIDATION[name]
        assert low < np.mean((X_val @ w + b - data.y_val) ** 2) < high
        if l2_reg:
            low, high = s04_ridge.OBJECTIVE_WITH_PENALTY
            assert low < training + w @ w < high


def test_the_exact_ridge_minimiser_is_in_the_range_too():
    data = load_problem()
    X = data.featurize(data.x_train)
    X, y = X - X.mean(axis=0), data.y_train - data.y_train.mean()
    w = np.linalg.solve(X.T @ X / len(X) + np.eye(400), X.T @ y / len(X))
    low, high = s04_ridge.RANGES["mse_with_penalty"]
    assert low < np.mean((X @ w - y) ** 2) < high


def test_a_right_forward_earns_its_points_when_backward_is_wrong(cells):
    old, new = "self.w.d_out += self.d_out", "self.w.d_out = self.d_out"
    assert score(cells, "l2_penalty_check", "l2_penalty", old, new) == (2, {"forward": 2, "backward": 0})


def test_a_ridge_without_its_penalty_keeps_the_points_of_its_prediction_only(cells):
    old = 'objective = SumNode(square_loss, penalty, "J")'
    earned, parts = score(cells, "ridge_regression_check", "ridge_regression", old, "objective = square_loss")
    assert (earned, parts["prediction"], parts["objective"], parts["gradients"]) == (2, 2, 0, 0)


@pytest.mark.parametrize(
    "cell, old, new",
    [
        ("sum_node", "self.b.d_out += self.d_out", "pass"),
        ("l2_penalty", "self.l2_reg * np.sum(self.w.out**2)", "0.5 * self.l2_reg * np.sum(self.w.out**2)"),
        ("l2_penalty", "self.out = self.l2_reg", "raise NotImplementedError()"),
    ],
)
def test_a_wrong_node_is_not_paid_for_again_in_the_model(cells, cell, old, new):
    source = next(c.source for c in cells if c.grade_id == cell)
    wrong = source.replace(old, new) if "raise" not in new else source.replace("### BEGIN SOLUTION", new, 1)
    assert wrong != source
    check = "04-ridge/ridge_regression_check"
    [verdict] = judge(cells, find(CHECKS, check), cell, wrong, [3])
    assert verdict.full, verdict.text


def test_own_nodes_with_other_arguments_do_in_ones_own_model(cells):
    by_id = {c.grade_id: c.source for c in cells if c.grade_id}
    swapped = by_id["l2_penalty"].replace("self, l2_reg, w, node_name", "self, w, l2_reg, node_name")
    model = by_id["ridge_regression"].replace("L2NormPenaltyNode(l2_reg, w,", "L2NormPenaltyNode(w, l2_reg,")
    assert swapped != by_id["l2_penalty"] and model != by_id["ridge_regression"]
    student = Student.here(mutants.namespace(cells, {"l2_penalty": swapped, "ridge_regression": model}))
    assert find(CHECKS, "04-ridge/ridge_regression_check").judge(student, 1).full
    assert not find(CHECKS, "04-ridge/l2_penalty_check").judge(student, 1).full
