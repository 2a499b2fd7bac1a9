"""Section 09: the trained network earns points in proportion, on pictures that it has not seen."""

import numpy as np
import pytest
from places import CHECKS, ROOT, checks_module

from autograder import mutants
from autograder.judging import Student
from autograder.judging.load import find
from autograder.mutants.measure import judge
from backprop.clothes import DRAWN, REAL
from backprop.torch_checks import softmax_regression_epoch

torch = pytest.importorskip("torch")
from backprop.torch_weights import save_torch  # noqa: E402


class Reader(torch.nn.Module):
    """Knows the label of each picture from one pixel, but for a share of them."""

    def __init__(self):
        super().__init__()
        self.wrong = torch.nn.Parameter(torch.tensor(0.0))

    def forward(self, X):
        labels = (X[:, 0, 0, 0] * 100).round().long()
        missed = X[:, 0, 0, 1] < self.wrong
        return torch.nn.functional.one_hot((labels + missed) % 10, 10).float()


s09_fashion_mnist = checks_module("s09_fashion_mnist")


@pytest.fixture
def marked(monkeypatch, tmp_path):
    """Pictures that tell their labels; the working folder is an empty one."""
    monkeypatch.chdir(tmp_path)
    X, y = np.zeros((2000, 1, 28, 28), np.float32), np.arange(2000) % 10
    X[:, 0, 0, 0], X[:, 0, 0, 1] = y / 100, (np.arange(2000) + 0.5) / 2000
    monkeypatch.setattr(s09_fashion_mnist, "new_pictures", lambda data_set, seed: (X, y))


def verdict(namespace=None):
    return find(CHECKS, "09-fashion-mnist/weights").judge(Student.here(namespace or {"FashionNet": Reader}), 1)


@pytest.mark.parametrize(("wrong", "score"), [(0.0, 5), (0.15, 5), (0.233, 2.5), (0.30, 0), (0.9, 0)])
def test_points_grow_in_proportion_from_70_to_85_percent(marked, wrong, score):
    net = Reader()
    net.wrong.data.fill_(wrong)
    save_torch(net, "fashion_net.safetensors", trained_on=DRAWN)
    found = verdict()
    assert found.score == pytest.approx(score, abs=0.11), found.text
    assert sum(part.points for part in found.parts) == pytest.approx(5) and found.problem is None


def test_no_weights_and_weights_of_another_network_get_a_sentence(marked):
    assert "is not here" in verdict().text and verdict().score == 0 and verdict().families == ("missing",)
    save_torch(torch.nn.Linear(2, 2), "fashion_net.safetensors")
    assert "other layers" in verdict().text and verdict().families == ("missing",)
    assert verdict({"nothing": 0}).families == ("missing_name",)


def test_a_network_of_real_clothes_is_left_to_a_person_where_they_are_missing(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(s09_fashion_mnist, "has_fashion_mnist", lambda: False)
    save_torch(Reader(), "fashion_net.safetensors", trained_on=REAL)
    assert "BACKPROP_DATA" in verdict().problem


def test_one_epoch_agrees_with_torch():
    rng = np.random.default_rng(5)
    X, y, W, b = rng.normal(size=(9, 4)), rng.integers(0, 3, 9), rng.normal(size=(3, 4)), rng.normal(size=3)
    layer = torch.nn.Linear(4, 3).double()
    layer.weight.data, layer.bias.data = torch.tensor(W), torch.tensor(b)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.3, momentum=0.5)
    losses = []
    for rows in (slice(0, 4), slice(4, 7), slice(7, 9)):
        loss = torch.nn.functional.cross_entropy(layer(torch.tensor(X[rows])), torch.tensor(y[rows]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    exact = softmax_regression_epoch(W, b, X, y, [4, 3, 2], 0.3, momentum=0.5)
    np.testing.assert_allclose(exact[0], layer.weight.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(exact[1], layer.bias.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(exact[2], losses, rtol=1e-12)


def test_honest_parts_earn_honest_points():
    cells = mutants.code_cells(ROOT, "09-fashion-mnist")
    source = next(cell.source for cell in cells if cell.grade_id == "train_epoch")
    wrong = mutants.patched(source, "        optimizer.zero_grad()\n", "")
    [found] = judge(cells, find(CHECKS, "09-fashion-mnist/train_epoch_check"), "train_epoch", wrong, [3])
    assert {part.name: part.earned for part in found.parts}["steps"] == 0
    assert {part.name: part.earned for part in found.parts} | {"steps": 0, "mean loss": 0} == {
        "steps": 0,
        "training mode": 1,
        "device": 1,
        "mean loss": 0,
    }
