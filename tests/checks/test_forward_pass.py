"""A forward pass that was written down gives the same when the judge calculates it, and can hold nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from places import checks_module

from autograder.judging import StudentError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

bench, forward_pass = checks_module("shipped.fashion_bench"), checks_module("common.forward_pass")
X = np.random.default_rng(1).random((3, 1, 8, 8), dtype=np.float32)


class Odd(nn.Module):
    """Methods, slices, numpy numbers, a buffer, several results, in place."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, bias=False)
        self.register_buffer("mean", torch.full((1,), 0.3))
        self.fc = nn.Linear(4 * 9, 10)

    def forward(self, X):
        X = (X - self.mean) / np.float32(0.5)
        X = self.conv(X)
        X[:, 0] *= 2
        X = X.relu_()
        first, second = X.split([1, 3], dim=1)
        X = torch.cat([first, second.flip(-1)], dim=1)
        values, _ = nn.functional.max_pool2d(X, 2), X.max(dim=1)
        return self.fc(values.flatten(1)).to(torch.float32)


NETS = {
    "layers": lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True),
                                    nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(16, 10)),
    "odd": Odd,
    "norms": lambda: nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.GroupNorm(2, 4), nn.GELU(), nn.Flatten(1),
                                   nn.LazyLinear(10)),
}  # fmt: skip


def written(net, mode):
    net.eval()(torch.tensor(X))  # lazy layers get their sizes
    tensors, seen = bench.state_of(net.train(mode))
    scores, found = bench.written_pass(net, torch.tensor(X), tensors)
    state = forward_pass.state_of(seen)
    return scores, forward_pass.ForwardPass(found, len(state[0])), state


@pytest.mark.parametrize("name", NETS)
def test_it_gives_the_scores_of_the_network_for_any_pictures(name):
    torch.manual_seed(0)
    net = NETS[name]()
    _, one, (state, _, count) = written(net, False)
    for other in (X, 1 - X):
        with torch.no_grad():
            right = net(torch.tensor(other)).numpy()
        ours = one.calculate(other, [tensor.clone() for tensor in state]).numpy()
        np.testing.assert_allclose(ours, right, rtol=1e-5, atol=1e-6)
    assert one.convolutions(range(1, count + 1)) == 1 and one.convolutions([]) == 0


@pytest.mark.parametrize("name", ["odd", "norms"])
def test_it_gives_the_gradients_of_the_network(name):
    torch.manual_seed(0)
    net = NETS[name]()
    scores, one, (state, names, count) = written(net, True)
    net.zero_grad()
    scores.square().sum().backward()
    own = [tensor.requires_grad_(i < count) for i, tensor in enumerate(state)]
    one.calculate(X, own, track=True).square().sum().backward()
    for tensor, parameter in zip(own[:count], net.parameters(), strict=True):
        np.testing.assert_allclose(tensor.grad.numpy(), parameter.grad.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cut", [lambda h: h.detach(), lambda h: torch.tensor(h.detach().numpy())])
def test_where_the_graph_is_cut_no_gradient_passes(cut):
    class Cut(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv2d(1, 2, 8), nn.Linear(2, 10)

        def forward(self, X):
            return self.fc(cut(self.conv(X)).flatten(1))

    _, one, (state, _, count) = written(Cut(), True)
    own = [tensor.requires_grad_() for tensor in state]
    one.calculate(X, own, track=True).sum().backward()
    assert own[0].grad is None and own[2].grad is not None and one.convolutions(range(1, count + 1)) == 1


def step(name, *args, space="torch", results=(1,)):
    arguments = json.dumps([{"tuple": list(args)}, {"names": {}}])
    return {"steps": [[space, name, arguments, False, list(results)]], "constants": {}, "out": results[0]}


def calculated(found):
    return forward_pass.ForwardPass(found, 0).calculate(X, [])


def test_functions_that_are_not_known_are_left_to_a_person_and_never_called():
    for name in ("load", "save", "from_file", "set_", "resize_", "fft", "compile", "apply_", "__reduce__", "stft"):
        with pytest.raises((RuntimeError, StudentError)):
            calculated(step(name, {"tensor": 0}))
    with pytest.raises(RuntimeError, match="cumprod"):
        calculated(step("cumprod", {"tensor": 0}, 1))


@pytest.mark.parametrize(
    "found",
    [
        step("no function at all", {"tensor": 0}),
        step("relu", {"tensor": 7}),
        step("relu", {"tensor": 0}, {"file": "/etc/passwd"}),
        step("relu"),
        step("relu", {"tensor": 0}, results=(1, 2)),
        step("repeat", {"tensor": 0}, 100_000, 100, 100, 10, space="Tensor"),
        step("conv2d", {"tensor": 0}, {"tensor": 0}, None, 1, 10**9),
        {"steps": [["torch", "relu", "[" * 5000, False, [1]]], "constants": {}, "out": 1},
        {"steps": [["torch", "relu", "no JSON", False, [1]]], "constants": {}, "out": 1},
        {"steps": [], "constants": {1: np.zeros(2, complex)}, "out": 1},
        {"steps": [], "constants": {}, "out": 3},
        {"steps": "none", "constants": {}, "out": 0},
    ],
)
def test_what_describes_no_pass_is_no_fault_of_the_judge(found):
    with pytest.raises((StudentError, ValueError, TypeError, LookupError)):
        calculated(found)


def test_a_pass_that_would_take_minutes_is_not_calculated():
    big = {"constants": {1: np.zeros((1, 1, 1, 1), np.float32)}, "out": 3, "steps": [
        ["Tensor", "expand", json.dumps([{"tuple": [{"tensor": 1}, 4000, 4000, 3, 3]}, {"names": {}}]), False, [2]],
        ["torch", "conv2d", json.dumps([{"tuple": [{"tensor": 0}, {"tensor": 2}]}, {"names": {}}]), False, [3]],
    ]}  # fmt: skip
    with pytest.raises(StudentError, match="too large"):
        calculated(big)


def test_a_network_with_wide_layers_is_not_too_large_for_a_hundred_pictures():
    convolutions = [nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 128, 3, padding=1), nn.ReLU()]
    net = nn.Sequential(*convolutions, nn.MaxPool2d(4), nn.Flatten(), nn.Linear(128 * 49, 10)).eval()
    pictures = torch.zeros(100, 1, 28, 28)
    tensors, seen = bench.state_of(net)
    with torch.no_grad():
        scores, found = bench.written_pass(net, pictures, tensors)
    one = forward_pass.ForwardPass(found, len(tensors))
    ours = one.calculate(pictures.numpy(), forward_pass.state_of(seen)[0])
    np.testing.assert_allclose(ours.numpy(), scores.numpy(), rtol=1e-4, atol=1e-6)
