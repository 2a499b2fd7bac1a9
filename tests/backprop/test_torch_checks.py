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
        return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 26 * 26, 10), *last)

    return make


def test_scores_as_they_are_pass_and_every_parameter_is_listed(capsys):
    check_network(network())
    assert capsys.readouterr().out.count("gradient up to") == 4


def test_a_softmax_at_the_end_is_named():
    with pytest.raises(CheckFailed, match="softmax"):
        check_network(network(nn.Softmax(dim=1)))


def test_a_log_softmax_at_the_end_changes_nothing_and_passes():
    check_network(network(nn.LogSoftmax(dim=1)))
