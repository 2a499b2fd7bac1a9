"""Section 07: what its checks compare with is right, and honest parts earn honest points."""

import numpy as np
import pytest
from places import CHECKS, ROOT

from autograder import mutants
from autograder.judging import Draw
from autograder.judging.load import find
from autograder.mutants.measure import judge
from backprop.datasets import three_blobs
from checks import s07_softmax_nll as s07
from checks.common.softmax_slips import Net, jacobian, loss_slopes, losses, softmax

torch = pytest.importorskip("torch")

F = torch.nn.functional


@pytest.fixture(scope="module")
def cells():
    return mutants.code_cells(ROOT, "07-softmax-nll")


def verdict_of(cells, check, cell, old, new):
    source = next(c.source for c in cells if c.grade_id == cell)
    [verdict] = judge(cells, find(CHECKS, f"07-softmax-nll/{check}"), cell, mutants.patched(source, old, new), [3])
    return verdict


def score(cells, check, cell, old, new):
    verdict = verdict_of(cells, check, cell, old, new)
    return verdict.score, {part.name: part.earned for part in verdict.parts}


@pytest.mark.parametrize("size", [1.0, 1000.0])
def test_softmax_and_its_jacobian_agree_with_torch(size):
    z = Draw(size).signed(6) * size
    right = torch.autograd.functional.jacobian(lambda v: F.softmax(v, 0), torch.tensor(z))
    np.testing.assert_allclose(softmax(z), F.softmax(torch.tensor(z), 0).numpy(), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(jacobian(softmax(z)), right.numpy(), rtol=1e-12, atol=1e-15)


def torch_net(parameters, x, y, wrong):
    p = {key: torch.tensor(value, requires_grad=True) for key, value in parameters.items()}
    a = p["W1"] @ torch.tensor(x) + p["b1"]
    scores = p["W2"] @ (a if wrong == "linear" else torch.tanh(a)) + p["b2"]
    top = torch.tanh(scores) if wrong == "bent" else scores
    q = top if wrong == "bare" else F.softmax(top, 0)
    q = F.softmax(q, 0) if wrong == "twice" else q
    loss = -torch.log(q[y])
    loss.backward()
    return loss.item(), {key: value.grad.numpy() for key, value in p.items()}


@pytest.mark.parametrize("wrong", ["", "linear", "bent", "twice", "bare"])
def test_the_network_and_the_wrong_ones_agree_with_torch(wrong):
    draw = Draw(wrong)
    parameters = {"W1": draw.signed(5, 4), "b1": draw.signed(5), "W2": draw.signed(3, 5), "b2": draw.signed(3)}
    x = draw.signed(4)
    for y in range(3):
        with np.errstate(invalid="ignore"):
            net = Net(parameters, x, y, wrong)
        if net.p[y] <= 0:  # scores have no logarithm there
            continue
        objective, gradients = torch_net(parameters, x, y, wrong)
        assert net.objective == pytest.approx(objective, rel=1e-12)
        for key, right in gradients.items():
            np.testing.assert_allclose(net.gradients[key], right, rtol=1e-10, atol=1e-14)


def test_the_binary_cross_entropy_among_the_wrong_losses_is_that_of_torch():
    p, y, g = softmax(Draw(1).signed(5)), 2, np.array(1.3)
    mine = torch.tensor(p, requires_grad=True)
    loss = F.binary_cross_entropy(mine, F.one_hot(torch.tensor(y), 5).double(), reduction="sum")
    (g.item() * loss).backward()
    [value] = [slip.values for slip in losses(p, y) if "binary" in slip.words]
    [slopes] = [slip.values for slip in loss_slopes(p, y, g) if "binary" in slip.words]
    assert value[0] == pytest.approx(loss.item(), rel=1e-10)
    np.testing.assert_allclose(slopes[0], mine.grad.numpy(), rtol=1e-10)


def test_the_reported_loss_is_in_the_range_for_the_settings_of_the_notebook():
    x, y, x_test, y_test = three_blobs()
    rng = np.random.default_rng(5)
    W1, b1, W2, b2 = rng.normal(size=(10, 2)) * 0.01, np.zeros(10), rng.normal(size=(3, 10)) * 0.01, np.zeros(3)
    for _ in range(150):  # the first epochs; from here the loss falls in a way that can be seen
        for i in rng.permutation(len(x)):
            h = np.tanh(W1 @ x[i] + b1)
            slope = softmax(W2 @ h + b2)
            slope[y[i]] -= 1
            below = (W2.T @ slope) * (1 - h * h)
            W2, b2 = W2 - 0.005 * np.outer(slope, h), b2 - 0.005 * slope
            W1, b1 = W1 - 0.005 * np.outer(below, x[i]), b1 - 0.005 * below
    p = np.array([softmax(W2 @ np.tanh(W1 @ v + b1) + b2) for v in x_test])
    loss = -np.log(p[np.arange(len(p)), y_test]).mean()
    assert (p.argmax(axis=1) == y_test).all()
    # The loss of points that can be told apart falls like 1/epochs, so what 1000 epochs lead to is known from 150.
    assert s07.LOSS[0] < loss * 150 / 1000 < s07.LOSS[1]
    assert not s07.LOSS[0] < loss < s07.LOSS[1]


UNSTABLE = "np.exp(self.z.out - np.max(self.z.out))", "np.exp(self.z.out)"


def test_a_softmax_without_max_subtraction_loses_only_the_points_for_large_scores(cells):
    verdict = verdict_of(cells, "softmax_node_check", "softmax_node", *UNSTABLE)
    assert (verdict.score, verdict.families) == (6, ("unstable",))
    assert "subtract the largest score" in verdict.text


def test_a_right_and_stable_forward_earns_its_points_when_backward_is_wrong(cells):
    earned = score(cells, "softmax_node_check", "softmax_node", "self.z.d_out +=", "self.z.d_out -=")
    assert earned == (5, {"forward": 3, "backward": 0, "large scores": 2})


def test_a_one_hot_sum_loses_only_the_point_for_a_probability_of_zero(cells):
    old, new = "-np.log(self.y_hat.out[self.y_true.out])", "-np.eye(len(self.y_hat.out))[self.y_true.out]"
    new = f"np.asarray(np.sum({new} * np.log(self.y_hat.out)))"
    earned, parts = score(cells, "nll_node_check", "nll_node", old, new)
    assert (earned, parts) == (6, {"forward": 3, "backward": 3, "a probability of 0 elsewhere": 0})


@pytest.mark.parametrize(
    "old, new, said",
    [
        ("out[self.y_true.out]", "out[self.y_true.out - 1]", "counts the classes from 1"),
        ("np.log(self.y_hat.out[self.y_true.out])", "np.sum(self.y_true.out * np.log(self.y_hat.out))", "as a one-hot"),
    ],
)
def test_labels_read_in_another_way_are_wrong_and_the_message_says_so(cells, old, new, said):
    verdict = verdict_of(cells, "nll_node_check", "nll_node", old, new)
    assert verdict.parts[0].earned == 0
    assert said in verdict.text


@pytest.mark.parametrize(
    "cell, old, new",
    [
        ("softmax_node", *UNSTABLE),
        ("softmax_node", "self.out = exponentials / np.sum(exponentials)", "raise NotImplementedError()"),
        ("nll_node", "-np.log", "np.log"),
        ("nll_node", "self.d_out * (-1 /", "(1 /"),
        ("softmax_jacobian", "np.diag(p) - np.outer(p, p)", "np.diag(p)"),
    ],
)
def test_a_wrong_node_is_not_paid_for_again_in_the_classifier(cells, cell, old, new):
    for check in ("multiclass_classifier_check", "softmax_nll_gradient_check"):
        assert verdict_of(cells, check, cell, old, new).full


def test_a_classifier_without_tanh_is_told_so_and_keeps_its_start(cells):
    old, new = 'TanhNode(AffineNode(W1, x, b1, "layer 1"), "hidden")', 'AffineNode(W1, x, b1, "hidden")'
    verdict = verdict_of(cells, "multiclass_classifier_check", "multiclass_classifier", old, new)
    assert verdict.families[0] == "missing_activation"
    assert {part.name: part.earned for part in verdict.parts}["where training starts"] == 2
    assert not {part.name: part.earned for part in verdict.parts}["objective"]
