"""The right values that section 03 is judged by, held against PyTorch and against finite differences."""

import numpy as np
import pytest

from autograder.judging import Draw
from backprop.gradcheck import numeric_gradient
from checks.s03_relu_net_by_hand import Network, networks

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
