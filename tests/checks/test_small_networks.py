"""The networks that section 02 is judged by agree with PyTorch in double precision and with finite differences."""

import numpy as np
import pytest

from autograder.judging import Draw
from backprop.checking.finite_differences import jacobian
from checks.common.small_networks import LinearStep, curves, draw_layers, draw_units, two_layers, unit_sum

torch = pytest.importorskip("torch")

SEEDS = range(5)
PHI = [
    (lambda a, c: c * torch.sin(a) + 0.4 * a),
    (lambda a, c: torch.arctan(a) + c * a * a),
]


def with_torch(loss, inputs, names):
    """The value of loss(**inputs) and its gradients for the named inputs, by torch in double precision."""
    tensors = {key: torch.tensor(value, dtype=torch.float64) for key, value in inputs.items()}
    for name in names:
        tensors[name].requires_grad_()
    value = loss(**tensors)
    value.backward()
    return value.item(), {name: tensors[name].grad.numpy() for name in names}


def assert_gradients(truth, value, gradients):
    np.testing.assert_allclose(truth.value, value, rtol=1e-12)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(truth.gradients[name], gradient, rtol=1e-10, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_sum_of_units_has_the_gradients_that_torch_finds(seed, equal):
    inputs = draw_units(Draw(seed), 4, 4 if equal else 6)

    def loss(W, b, x, y):
        return (y - torch.sigmoid(W @ x + b).sum()) ** 2

    assert_gradients(unit_sum(**inputs), *with_torch(loss, inputs, ("W", "b")))


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_two_layers_have_the_gradients_that_torch_finds(seed, equal, number):
    inputs, c = draw_layers(Draw(seed), 4, 4 if equal else 5, 4 if equal else 6), 0.7

    def loss(W1, W2, b, x, y):
        return 0.5 * ((W2 @ PHI[number](W1 @ x + b, c) - y) ** 2).sum()

    phi, slope = curves(c)[number]
    assert_gradients(two_layers(**inputs, phi=phi, slope=slope), *with_torch(loss, inputs, ("W1", "W2", "b", "x")))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_step_of_the_linear_net_follows_the_gradients_that_torch_finds(seed):
    inputs = draw_layers(Draw(seed), 3, 4, 5)

    def loss(W1, W2, b, x, y):
        return 0.5 * ((W2 @ (W1 @ x + b) - y) ** 2).sum()

    _, gradients = with_torch(loss, inputs, ("W1", "W2"))
    step = LinearStep(**inputs, epsilon=0.3)
    for name, gradient in gradients.items():
        np.testing.assert_allclose(step.new[name], inputs[name] - 0.3 * gradient, rtol=1e-12)


@pytest.mark.parametrize("name", ["W1", "W2", "b", "x"])
def test_the_two_layers_agree_with_finite_differences(name):
    inputs, (phi, slope) = draw_layers(Draw(0), 3, 4, 5), curves(0.7)[0]

    def value():
        return two_layers(**inputs, phi=phi, slope=slope).value

    right, doubt = jacobian(value, inputs[name])
    found = two_layers(**inputs, phi=phi, slope=slope).gradients[name]
    assert np.all(np.abs(found - right) <= 1e-9 + 1e-7 * np.abs(right) + doubt)
