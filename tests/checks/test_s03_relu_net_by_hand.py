"""The right values that section 03 is judged by, held against PyTorch and against finite differences."""

import numpy as np
import pytest
from places import ROOT

from autograder.judging import Draw
from autograder.judging.load import find
from autograder.judging.student import Student
from autograder.mutants.exercise import code_cells, namespace
from backprop.gradcheck import numeric_gradient
from checks.s03_relu_net_by_hand import Network, networks

SECTION = "03-relu-net-by-hand"
WEIGHTS = ("W0", "W1", "W2")


def drawn(count: int = 20) -> list[Network]:
    both = [networks(Draw(seed)) for seed in range(count)]
    return [net for alive, dead in both for net in [*alive, *dead]]


def test_every_gradient_agrees_with_pytorch():
    torch = pytest.importorskip("torch")
    for net in drawn():
        W0, W1, W2 = (torch.tensor(getattr(net, name), requires_grad=True) for name in WEIGHTS)
        r0 = W0 * net.x
        h0 = torch.relu(r0)
        r1 = W1 @ h0
        h1 = torch.relu(r1)
        y_predicted = W2 @ h1
        nodes = dict(W0=W0, W1=W1, W2=W2, r0=r0, h0=h0, r1=r1, h1=h1)
        gradients = torch.autograd.grad((y_predicted - net.y) ** 2, [*nodes.values(), y_predicted])
        for name, gradient in zip([*nodes, "y"], gradients, strict=True):
            np.testing.assert_allclose(
                getattr(net, f"d_{name}"), gradient.numpy(), rtol=1e-12, atol=1e-12, err_msg=name
            )


def test_the_gradients_of_the_weights_agree_with_finite_differences():
    for net in drawn(5):
        for name in WEIGHTS:

            def loss(value, net=net, name=name):
                weights = {w: getattr(net, w) for w in WEIGHTS} | {name: value}
                moved = Network(net.x, **weights, y=net.y)
                return (moved.y_predicted - moved.y) ** 2

            approx = numeric_gradient(loss, getattr(net, name).copy())
            np.testing.assert_allclose(getattr(net, f"d_{name}"), approx, rtol=1e-6, atol=1e-7)


def test_both_layers_have_dead_units_and_not_the_same_ones():
    for seed in range(20):
        alive, dead = networks(Draw(seed))
        assert all(net.m0.all() and net.m1.all() for net in alive)
        for net in dead:
            assert not net.m0.all() and not net.m1.all() and net.m0.any() and net.m1.any()
            assert not np.array_equal(net.m0, net.m1)


def test_inputs_stay_away_from_the_kinks():
    for net in drawn():
        assert min(abs(net.r0).min(), abs(net.r1).min()) > 0.2


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ('return 2 * (variable_dict["y"] - y_observed)', "The keys of variable_dict are"),
        ("d_loss_d_ypredicted = d_loss_d_ypredicted(variable_dict, y_observed)", "hides the function of that name"),
        ("return 1.0 if np.ones(2) > 0 else 0.0", "`if` can judge one number, not an array"),
        ('raise KeyError("The truth value of an array")', "The keys of variable_dict are"),
        ('raise ValueError("KeyError")', ""),
    ],
)
def test_a_well_known_error_is_told_with_what_helps(body, hint):
    source = f"def d_loss_d_ypredicted(variable_dict, y_observed):\n    {body}\n"
    names = namespace(code_cells(ROOT, SECTION), {"d_ypredicted": source})
    text = find(ROOT / "checks", f"{SECTION}/d_ypredicted_check").judge(Student.here(names)).text
    hints = ("The keys of", "hides the function", "`if` can judge")
    assert [word for word in hints if word in text] == [word for word in hints if hint and word in hint]


def test_torch_is_recognised_by_the_module_that_is_not_there_and_by_no_word_of_the_message():
    for body, family in (("import torch.not_there", "torch"), ("raise ImportError('torch')", "raises")):
        source = f"def d_loss_d_ypredicted(variable_dict, y_observed):\n    {body}\n"
        names = namespace(code_cells(ROOT, SECTION), {"d_ypredicted": source})
        verdict = find(ROOT / "checks", f"{SECTION}/d_ypredicted_check").judge(Student.here(names))
        assert family in verdict.families
