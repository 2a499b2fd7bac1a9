"""What is done with the student's network and functions of section 09: the judge works out the answers."""

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

CPU = torch.device("cpu")


class Convolutions(TorchFunctionMode):
    """Counts the convolutions of a forward pass."""

    def __init__(self):
        super().__init__()
        self.count = 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.count += getattr(function, "__name__", "").startswith("conv")
        return function(*args, **(kwargs or {}))


def numbers(scores):
    return scores.detach().double().numpy() if isinstance(scores, torch.Tensor) else scores


def examine(network, X, y, other):
    """What can be seen of network(): scores in both modes, gradients, convolutions."""
    torch.set_grad_enabled(True)
    torch.manual_seed(0)
    net = network()
    if not isinstance(net, nn.Module):
        return {"kind": type(net).__name__}
    X, y, other = torch.tensor(X), torch.tensor(y), torch.tensor(other)
    seen = {"kind": "", "parameters": sum(p.numel() for p in net.parameters())}
    net.eval()
    with torch.no_grad(), Convolutions() as convolutions:
        seen["eval"] = numbers(net(X))
    seen["convolutions"] = convolutions.count
    with torch.no_grad():
        seen["again"], seen["alone"] = numbers(net(X)), numbers(net(X[:1]))
        seen["other"] = numbers(net(other))
    net.train()
    scores = net(X)
    seen["train"] = numbers(scores)
    if isinstance(scores, torch.Tensor) and scores.shape == (len(X), 10):
        net.zero_grad()
        seen["tracked"] = scores.requires_grad
        if scores.requires_grad:
            nn.functional.cross_entropy(scores, y).backward()
        seen["none"] = [name for name, p in net.named_parameters() if p.requires_grad and p.grad is None]
        seen["frozen"] = [name for name, p in net.named_parameters() if not p.requires_grad]
        seen["zero"] = [
            name for name, p in net.named_parameters() if p.ndim > 1 and p.grad is not None and not p.grad.any()
        ]
    net.eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter *= 30
        seen["large"] = numbers(net(X))
    return seen


class Watched(torch.Tensor):
    """A tensor that notes when it is put on a device."""

    moves = []

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        name = getattr(function, "__name__", "")
        if name in ("to", "cuda", "cpu") or "device" in (kwargs or {}):
            cls.moves.append(getattr(args[0], "role", ""))
        return super().__torch_function__(function, types, args, kwargs or {})


class Notes(list):
    """One list for a model and its copies."""

    def __deepcopy__(self, memo):
        return self


class Spy(nn.Module):
    """Passes its input on, and notes in which mode it was asked."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.modes, self.tracked = inner, Notes(), Notes()

    def forward(self, X):
        self.modes.append(self.training)
        self.tracked.append(torch.is_grad_enabled())
        return self.inner(X.as_subclass(torch.Tensor))


def cut(X, y, sizes, watch):
    start, batches = 0, []
    for size in sizes:
        pair = [torch.tensor(a[start : start + size]) for a in (X, y)]
        if watch:
            pair = [a.as_subclass(Watched) for a in pair]
            pair[0].role, pair[1].role = "X", "y"
        batches.append(tuple(pair))
        start += size
    return batches


def learn(train_epoch, W, b, X, y, sizes, rate, momentum, left_over):
    torch.set_grad_enabled(True)
    model = Spy(nn.Linear(W.shape[1], W.shape[0]))
    Watched.moves.clear()
    with torch.no_grad():
        model.inner.weight.copy_(torch.tensor(W))
        model.inner.bias.copy_(torch.tensor(b))
    for parameter, gradient in zip(model.inner.parameters(), left_over, strict=True):
        parameter.grad = torch.tensor(gradient)
    model.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    as_tensor = torch.as_tensor

    def noted(data, *args, **kwargs):
        Watched.moves.append(getattr(data, "role", ""))
        return as_tensor(data, *args, **kwargs)

    torch.as_tensor = noted
    try:
        loss = train_epoch(model, cut(X, y, sizes, True), optimizer, CPU)
    finally:
        torch.as_tensor = as_tensor
    W, b = (parameter.detach().numpy() for parameter in model.inner.parameters())
    moves = [role for role in ("X", "y") if role in Watched.moves]
    if isinstance(loss, torch.Tensor):
        loss = "a tensor"
    return {"W": W, "b": b, "loss": loss, "modes": list(model.modes), "moves": moves}


def measure(accuracy, X, y, sizes, training):
    torch.set_grad_enabled(True)
    model = Spy(nn.Identity()).train(training)
    value = accuracy(model, cut(X, y, sizes, False), CPU)
    enabled = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    if isinstance(value, torch.Tensor):
        value = value.item() if value.numel() == 1 else "a tensor"
    seen = {"value": value, "modes": list(model.modes), "tracked": list(model.tracked), "after": model.training}
    return {**seen, "enabled": enabled}


def open_weights(network, filename):
    """The network with the weights of the file, and on which data it says that it was trained."""
    from backprop.torch_weights import load_torch, read_notes

    net = load_torch(network(), filename)
    return net.eval(), str(read_notes(filename).get("trained_on", ""))


def predict(net, X):
    with torch.no_grad():
        return net.eval()(torch.tensor(X)).argmax(dim=1).numpy()
