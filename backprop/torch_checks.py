"""Checks for PyTorch code: a network for pictures, one epoch of training, an accuracy. One line per variable.

    check_network(FashionNet)            shapes, eval mode, a gradient for every parameter
    check_train_epoch(train_epoch)       the weights after one epoch of a small known problem
    check_accuracy(accuracy)             the share of right predictions, and the traces it leaves

Each prints its report and returns None, or raises CheckFailed with the report as its message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from .checking.comparison import CheckFailed, compare, conclude
from .checking.slips import Slip
from .checking.student_code import student_code

__all__ = ["check_accuracy", "check_network", "check_train_epoch", "softmax_regression_epoch"]

STALE = "the gradients of the minibatch before; call zero_grad() before every backward()"


def check_network(
    network: Callable[[], nn.Module], image: tuple[int, int, int] = (1, 28, 28), classes: int = 10
) -> None:
    """Check that network() makes a module for pictures whose every parameter gets a gradient; print them.

    image : channels, height and width of a picture; classes : how many scores it should give
    """
    with student_code("the network"):
        net = network()
        if not isinstance(net, nn.Module):
            raise CheckFailed(f"It made {type(net).__name__}: it should be an nn.Module.")
        generator = torch.Generator().manual_seed(0)
        X, y = torch.rand(5, *image, generator=generator), torch.arange(5) % classes
        scores = net.train()(X)
        if not isinstance(scores, torch.Tensor) or tuple(scores.shape) != (5, classes):
            what = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
            raise CheckFailed(f"For 5 pictures it gives {what}: it should be a tensor of shape (5, {classes}).")
        if not scores.isfinite().all():
            raise CheckFailed("The scores have nan or infinite entries.")
        if not scores.requires_grad:
            raise CheckFailed("No gradient reaches the parameters: is the graph cut by detach(), no_grad() or numpy?")
        convolutions = _convolutions(scores)
        nn.functional.cross_entropy(scores, y).backward()
        with torch.no_grad():
            together, again, alone = net.eval()(X), net(X), net(X[:1])
            even = net(torch.stack([torch.zeros(image), torch.ones(image)]))
    print(f"{type(net).__name__}: pictures {tuple(X.shape)} → scores {tuple(scores.shape)}")
    total, missing = 0, []
    for name, parameter in net.named_parameters():
        total += parameter.numel()
        gradient = "none   <-" if parameter.grad is None else f"up to {parameter.grad.abs().max():.1e}"
        missing += [name] * (parameter.grad is None)
        print(f"   {name:24} {str(tuple(parameter.shape)):18} gradient {gradient}")
    print(f"   together {total:,} numbers to learn")
    if not total:
        raise CheckFailed("It has no parameters: assign each layer to an attribute in __init__, as in self.conv1 = …")
    if missing:
        raise CheckFailed(f"No gradient reaches {', '.join(missing)}: is it used in forward?")
    if convolutions < 2:
        raise CheckFailed(f"At least two convolutions should take part in forward: here it is {convolutions}.")
    _look_at_scores(net, X, together, again, alone)
    if not even.isfinite().all():
        raise CheckFailed(
            "An even picture, all black or all white, gets scores that are nan or infinite: is it divided by 0?"
        )


def _convolutions(scores: torch.Tensor) -> int:
    """How many convolutions lead to the scores, counted in the graph that PyTorch keeps for gradients."""
    found, waiting = set(), [scores.grad_fn]
    while waiting:
        step = waiting.pop()
        if step is not None and step not in found:
            found.add(step)
            waiting += [before for before, _ in step.next_functions]
    return sum(step.name().startswith(("Convolution", "MkldnnConvolution", "CudnnConvolution")) for step in found)


def _look_at_scores(
    net: nn.Module, X: torch.Tensor, together: torch.Tensor, again: torch.Tensor, alone: torch.Tensor
) -> None:
    """The scores of a picture are its own, the same each time, and not bounded by an activation at the end."""

    def alike(a: torch.Tensor, b: torch.Tensor) -> bool:
        return a.shape == b.shape and torch.allclose(a, b, atol=1e-4, rtol=1e-3)

    if not alike(together, again):
        raise CheckFailed(
            "In eval mode the same pictures get other scores each time: make layers in __init__, and use nn.Dropout."
        )
    if not alike(together[:1], alone):
        raise CheckFailed("In eval mode a picture alone gets other scores than the same picture among others.")
    if (together - together[:1]).abs().max() < 1e-7:
        raise CheckFailed("All pictures get the same scores: does forward use X?")
    if together.min() >= 0 and (together.sum(dim=1) - 1).abs().max() < 1e-4:
        raise CheckFailed(
            "The scores of each picture are positive and add up to 1, as after a softmax. cross_entropy takes scores "
            "as they are and contains the softmax: leave it out of forward."
        )
    large = torch.cat([_with_parameters_times(factor, net, X) for factor in (30.0, -30.0)])
    if large.isfinite().all() and (large.min() >= 0 or large.abs().max() <= 1):
        where = "never below 0, as after a ReLU or sigmoid" if large.min() >= 0 else "between −1 and 1, as after a tanh"
        raise CheckFailed(f"The scores are {where}. cross_entropy takes scores as they are: end with a linear layer.")


@torch.no_grad()
def _with_parameters_times(factor: float, net: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """The scores when every parameter is so many times as large, which they are not afterwards."""
    kept = [parameter.clone() for parameter in net.parameters()]
    for parameter in net.parameters():
        parameter.mul_(factor)
    with student_code("the network"):
        scores = net(X)
    for parameter, before in zip(net.parameters(), kept, strict=True):
        parameter.copy_(before)
    return scores


def _settings(optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    return [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]


def check_train_epoch(train_epoch: Callable[..., float]) -> None:
    """Check one epoch of `train_epoch(model, batches, optimizer, device)` on a problem whose result is known."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(7, 3)), np.array([0, 1, 0, 1, 1, 0, 1])
    W, b = np.array([[3.0, 4.0, 5.0], [-5.0, 4.0, 3.0]]) / 10, np.array([0.1, -0.2])
    sizes, rate = (3, 3, 1), 0.5
    model = _Spy(nn.Linear(3, 2))
    with torch.no_grad():
        model.inner.weight.copy_(torch.tensor(W))
        model.inner.bias.copy_(torch.tensor(b))
    model.eval()
    batches = [(torch.tensor(a, dtype=torch.float32), torch.tensor(c)) for a, c in _cut(X, y, sizes)]
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    settings = _settings(optimizer)
    with student_code("train_epoch"):
        got = train_epoch(model, batches, optimizer, torch.device("cpu"))
    if not all(map(all, model.seen)):
        raise CheckFailed("The model is not in training mode while it learns: call model.train() first.")
    right = softmax_regression_epoch(W, b, X, y, sizes, rate)
    wrong = softmax_regression_epoch(W, b, X, y, sizes, rate, accumulate=True)
    weight, bias = (parameter.detach().numpy() for parameter in (model.inner.weight, model.inner.bias))
    if np.allclose(weight, W, atol=1e-7):
        raise CheckFailed("The weights are as before: backward() first, then optimizer.step(), for every minibatch.")
    found = [
        _against("W after the epoch", weight, right[0], [Slip("stale", wrong[0], STALE)]),
        _against("b after the epoch", bias, right[1], [Slip("stale", wrong[1], STALE)]),
    ]
    if _settings(optimizer) != settings:
        raise CheckFailed("The learning rate, or another setting of the optimizer, is changed: leave them as they are.")
    if isinstance(got, torch.Tensor):
        raise CheckFailed("The mean loss comes back as a tensor, with its whole graph: return a number, loss.item().")
    each = right[2]
    mean = np.average(each, weights=sizes)
    of_batches = compare("mean loss", got, np.mean(each), atol=1e-5, rtol=1e-5, scalar_like=True)
    last = _against("mean loss", got, np.mean(each) if of_batches.ok else mean, {"missing_mean": sum(each)})
    conclude([("train_epoch\n   (yours: after one epoch of three minibatches; right: worked out)", [*found, last])])


def check_accuracy(accuracy: Callable[..., float]) -> None:
    """Check `accuracy(model, batches, device)` on scores that are known, and that the model is left as it was."""
    X = np.array([[9.0, 1, 2], [3, 7, 1], [1, 2, 8], [5, 4, 1], [1, 6, 2], [2, 1, 3]])
    y, sizes = np.array([0, 1, 2, 0, 0, 0]), (4, 2)
    batches = [(torch.tensor(a, dtype=torch.float32), torch.tensor(c)) for a, c in _cut(X, y, sizes)]
    model = _Spy(nn.BatchNorm1d(3)).train()  # it keeps running means, which a pass in training mode moves
    with student_code("accuracy"):
        got = accuracy(model, batches, torch.device("cpu"))
    if any(map(any, model.seen)):
        raise CheckFailed("The model is in training mode while it is measured: call model.eval() first.")
    if any(model.tracked):
        raise CheckFailed("PyTorch kept the graph for gradients that nobody asks for: measure inside torch.no_grad().")
    got = got.item() if isinstance(got, torch.Tensor) and got.numel() == 1 else got
    mistakes = {
        "factor": 100 * 4 / 6,
        "missing_mean": 4.0,
        "wrong_argument:the mean over the minibatches, where every picture counts the same": 0.5,
        "wrong_argument:the share of wrong predictions": 2 / 6,
    }
    found = _against("share of right ones", got, 4 / 6, mistakes)
    conclude([("accuracy   (4 of 6 predictions are right)", [found])])
    if not all(part.training for part in model.modules()):
        raise CheckFailed("The model was in training mode before, and is in eval mode now: leave it as it was.")
    if model.inner.num_batches_tracked:
        raise CheckFailed("A pass in training mode has moved the running means of batch normalisation.")


def softmax_regression_epoch(
    W: np.ndarray,
    b: np.ndarray,
    X: np.ndarray,
    y: np.ndarray,
    sizes: Sequence[int],
    rate: float,
    *,
    momentum: float = 0.0,
    accumulate: bool = False,
    before: tuple[np.ndarray, np.ndarray] | None = None,
    summed: bool = False,
    twice: bool = False,
    steps: str = "each",
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """One epoch of SGD on the mean cross-entropy of scores X Wᵀ + b: (W, b, loss of each minibatch).

    W : (C, D), b : (C,), X : (N, D), y : (N,); minibatch k holds the next sizes[k] rows; v ← momentum·v + gradient

    The other arguments make mistakes: `accumulate` never sets gradients to zero (nor `before`, what was there at the
    start); `summed` leaves out the mean; `twice` takes the softmax of the softmax; `steps` is "each" minibatch, only
    the "first" or "last" one, or "once" with all gradients added.
    """
    W, b, losses = np.array(W, dtype=float), np.array(b, dtype=float), []
    zero = np.zeros_like(W), np.zeros_like(b)
    held, velocity = (before or zero) if accumulate else zero, zero
    for number, (rows, labels) in enumerate(_cut(X, y, sizes)):
        scores = rows @ W.T + b
        p = _softmax(scores)
        q = _softmax(p) if twice else p
        target = np.eye(len(b))[labels]
        losses.append(float(-np.log(q[np.arange(len(labels)), labels]).mean()))
        slope = q - target
        if twice:
            slope = p * (slope - (slope * p).sum(axis=1, keepdims=True))
        slope = slope if summed else slope / len(labels)
        gradient = slope.T @ rows, slope.sum(axis=0)
        if accumulate or steps == "once":
            gradient = held = held[0] + gradient[0], held[1] + gradient[1]
        last = number == len(sizes) - 1
        if steps == "each" or (steps == "first" and number == 0) or (steps in ("last", "once") and last):
            velocity = momentum * velocity[0] + gradient[0], momentum * velocity[1] + gradient[1]
            W, b = W - rate * velocity[0], b - rate * velocity[1]
    return W, b, losses


def _softmax(scores: np.ndarray) -> np.ndarray:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _cut(X: np.ndarray, y: np.ndarray, sizes: Sequence[int]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    ends = np.cumsum(sizes)
    for stop, size in zip(ends, sizes, strict=True):
        yield X[stop - size : stop], y[stop - size : stop]


def _against(name: str, got: Any, right: Any, mistakes: Any):
    return compare(
        name, got, right, atol=1e-5, rtol=1e-5, candidates=mistakes, scalar_like=True, labels=("yours", "right")
    )


class _Spy(nn.Module):
    """Passes pictures on to another module, and notes in which modes it and its parts were asked."""

    def __init__(self, inner: nn.Module):
        super().__init__()
        self.inner = inner
        self.seen: list[list[bool]] = []
        self.tracked: list[bool] = []

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        self.seen.append([part.training for part in self.modules()])
        self.tracked.append(torch.is_grad_enabled())
        return self.inner(X)
