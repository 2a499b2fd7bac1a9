"""The visible checks of PyTorch code accept right code and name what is wrong with other code."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from backprop.gradcheck import CheckFailed  # noqa: E402
from backprop.torch_checks import check_network  # noqa: E402


def network(*last):
    """A small network for pictures of ten classes that ends in `last`."""

    def make():
        torch.manual_seed(0)
        first = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3, stride=2), nn.ReLU()
        return nn.Sequential(*first, nn.Flatten(), nn.Linear(4 * 12 * 12, 10), *last)

    return make


def test_scores_as_they_are_pass_and_every_parameter_is_listed(capsys):
    check_network(network())
    assert capsys.readouterr().out.count("gradient up to") == 6


def test_a_softmax_at_the_end_is_named():
    with pytest.raises(CheckFailed, match="softmax"):
        check_network(network(nn.Softmax(dim=1)))


def test_a_log_softmax_at_the_end_changes_nothing_and_passes():
    check_network(network(nn.LogSoftmax(dim=1)))


class Through(nn.Module):
    """A layer without parameters, made of a function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, X):
        return self.function(X)


@pytest.mark.parametrize(
    ("last", "said"),
    [
        (nn.ReLU(), "never below 0"),
        (nn.Sigmoid(), "never below 0"),
        (nn.Tanh(), "between −1 and 1"),
        (Through(lambda s: torch.log(s * 0 - 1)), "nan or infinite"),
        (Through(lambda s: nn.functional.dropout(s, 0.5, True)), "other scores each time"),
        (Through(lambda s: s - s.mean(dim=0)), "among others"),
        (Through(lambda s: s * 0 + s[:1].sum() * 0 + 0.3), "does forward use X"),
        (Through(torch.Tensor.detach), "is the graph cut"),
    ],
)
def test_what_the_hidden_check_refuses_is_refused_and_said(last, said):
    with pytest.raises(CheckFailed, match=said):
        check_network(network(last))


@pytest.mark.parametrize(
    ("layers", "count"), [([nn.Flatten(), nn.Linear(784, 10)], 0), ([nn.Conv2d(1, 10, 28), nn.Flatten()], 1)]
)
def test_fewer_than_two_convolutions_are_counted(layers, count):
    with pytest.raises(CheckFailed, match=f"two convolutions .*: here it is {count}"):
        check_network(lambda: nn.Sequential(*layers))


def test_a_misspelt_class_is_one_sentence():
    with pytest.raises(CheckFailed, match="name 'FashionNett' is not defined"):
        check_network(lambda: FashionNett())  # noqa: F821


def test_the_check_leaves_the_parameters_as_they_are():
    made = []
    check_network(lambda: made.append(network()()) or made[0])
    assert all(map(torch.equal, made[0].parameters(), network()().parameters()))
