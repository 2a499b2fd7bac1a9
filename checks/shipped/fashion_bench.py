"""What is done with the student's network and functions of section 09: the judge works out the answers."""

import json

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

CPU = torch.device("cpu")


SPACES = {"F": nn.functional, "torch": torch, "Tensor": torch.Tensor, "nn": torch._C._nn, "init": nn.init}


class Scribe(TorchFunctionMode):
    """Writes down every call of PyTorch's functions as plain data: the judge makes the same with tensors of its own.

    Tensors have numbers: those that are given come first; one that comes from elsewhere is a constant.
    """

    def __init__(self, given):
        super().__init__()
        self.tensors, self.numbers, self.constants, self.steps, self.arrays = [], {}, {}, [], {}
        for tensor in given:
            self.number(tensor)

    def number(self, tensor):
        if id(tensor) not in self.numbers:
            self.numbers[id(tensor)] = len(self.tensors)
            self.tensors.append(tensor)  # kept, so that no other gets its id
        return self.numbers[id(tensor)]

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs, graph = kwargs or {}, torch.is_grad_enabled()
        used = tensors_in([args, list(kwargs.values())])
        try:
            written = json.dumps([self.plain(args), {"names": {key: self.plain(one) for key, one in kwargs.items()}}])
        except (TypeError, ValueError, RuntimeError):  # not plain: a function, say
            written = None
        result = function(*args, **kwargs)
        name = getattr(function, "__name__", "")
        name = getattr(function.__self__, "__name__", "") if name == "__get__" else name
        made = tensors_in(result)
        if name == "numpy":
            self.arrays[id(result)] = result, args[0]
        source = self.arrays.get(id(args[0])) if name in ("tensor", "as_tensor", "from_numpy") and args else None
        if source is not None:  # out of PyTorch and back: as detach() is
            written = json.dumps([{"tuple": [self.plain(source[1])]}, {"names": {}}])
            self.steps.append(["Tensor", "detach", written, graph, [self.number(result)]])
        elif used and (made or name == "__setitem__"):
            space = next((key for key, place in SPACES.items() if getattr(place, name, None) is function), "")
            self.steps.append([space, name, written, graph, [self.number(one) for one in made]])
        return result

    def plain(self, value):
        if isinstance(value, torch.Tensor):
            known = id(value) in self.numbers
            number = self.number(value)
            if not known:
                self.constants[number] = value.detach().cpu().numpy().copy()
            return {"tensor": number}
        if isinstance(value, (tuple, list)):
            items = [self.plain(one) for one in value]
            return {"tuple": items} if isinstance(value, tuple) else items
        if isinstance(value, torch.device) or (isinstance(value, str) and value.split(":")[0] in ("cpu", "cuda")):
            return {"device": ""}
        if isinstance(value, (torch.dtype, torch.memory_format)):
            return {type(value).__name__: str(value).removeprefix("torch.")}
        if isinstance(value, slice):
            return {"slice": [self.plain(one) for one in (value.start, value.stop, value.step)]}
        if value is ...:
            return {"ellipsis": ""}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        return self.plain(torch.as_tensor(value))  # numbers of numpy's, or a TypeError

    def written(self, out):
        number = self.plain(out)["tensor"] if isinstance(out, torch.Tensor) else -1
        return {"steps": self.steps, "constants": self.constants, "out": number}


def tensors_in(value):
    if isinstance(value, (tuple, list)):
        return [inner for one in value for inner in tensors_in(one)]
    return [value] if isinstance(value, torch.Tensor) else []


def state_of(net):
    """Parameters, then buffers; the names of the parameters, and which of them are frozen."""
    parameters = dict(net.named_parameters())
    tensors = [*parameters.values(), *net.buffers()]
    arrays = [tensor.detach().cpu().numpy().copy() for tensor in tensors]
    return tensors, {
        "names": list(parameters),
        "frozen": [name for name, p in parameters.items() if not p.requires_grad],
        "state": arrays,
    }


def written_pass(net, X, tensors):
    """The scores of X, and how they came about."""
    with Scribe([X, *tensors]) as scribe:
        scores = net(X)
    return scores, scribe.written(scores)


def numbers(scores):
    return scores.detach().double().numpy() if isinstance(scores, torch.Tensor) else scores


def examine(network, X, other):
    """What can be seen of network(): how its scores come about in both modes, and more scores."""
    torch.set_grad_enabled(True)
    torch.manual_seed(0)
    net = network()
    if not isinstance(net, nn.Module):
        return {"kind": type(net).__name__}
    X, other = torch.tensor(X), torch.tensor(other)
    tensors, seen = state_of(net)
    seen["kind"] = ""
    net.eval()
    with torch.no_grad():
        scores, seen["eval pass"] = written_pass(net, X, tensors)
        seen["eval"] = numbers(scores)
        seen["again"], seen["alone"] = numbers(net(X)), numbers(net(X[:1]))
        seen["other"] = numbers(net(other))
    net.train()
    scores, seen["train pass"] = written_pass(net, X, tensors)
    seen["train"] = numbers(scores)
    torch.manual_seed(1)
    second = network().eval()
    with torch.no_grad():
        seen["second"] = numbers(second(X))
        for parameter in net.parameters():
            parameter *= 30
        seen["second, later"] = numbers(second(X))
    return seen


class Near(torch.Tensor):
    """Numbers that are others once they are put on a device: those are `far`. So what is calculated tells."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        far = getattr(args[0], "far", None) if args and isinstance(args[0], cls) else None
        if far is not None and is_move(getattr(function, "__name__", ""), args[1:], kwargs):
            return function(far, *args[1:], **kwargs)
        result = super().__torch_function__(function, types, args, kwargs)
        if far is not None and isinstance(result, cls):
            result.far = function(far, *args[1:], **kwargs)  # of another type or shape, it still has both
        return result


def is_move(name, args, kwargs):
    """Whether numbers go to a device, or out of PyTorch, where they are no longer on any."""
    places = torch.device, str, int, torch.Tensor
    return (
        name in ("cuda", "cpu", "item", "numpy", "tolist", "__iter__", "__array__")
        or "device" in kwargs
        or (name == "to" and args and isinstance(args[0], places))
    )


def cut(near, far, sizes):
    """Minibatches (X, y) of the numbers `near`; put on a device, they are `far`."""
    start, batches = 0, []
    for size in sizes:
        pair = []
        for here, there in zip(near, far, strict=True):
            tensor = torch.tensor(here[start : start + size]).as_subclass(Near)
            tensor.far = torch.tensor(there[start : start + size])
            pair.append(tensor)
        batches.append(tuple(pair))
        start += size
    return batches


class Moody(nn.Module):
    """A linear layer; where any part is in eval mode it gets −X / 2."""

    def __init__(self, W, b):
        super().__init__()
        self.inner = nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            self.inner.weight.copy_(torch.tensor(W))
            self.inner.bias.copy_(torch.tensor(b))

    def forward(self, X):
        X = X.as_subclass(torch.Tensor)
        return self.inner(X if all(part.training for part in self.modules()) else -0.5 * X)


def learn(train_epoch, W, b, near, far, sizes, rate, momentum, left_over):
    torch.set_grad_enabled(True)
    model = Moody(W, b)
    for parameter, gradient in zip(model.inner.parameters(), left_over, strict=True):
        parameter.grad = torch.tensor(gradient)
    model.eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum)
    as_tensor = torch.as_tensor

    def moving(data, *args, **kwargs):
        return as_tensor(getattr(data, "far", data) if is_move("to", args, kwargs) else data, *args, **kwargs)

    torch.as_tensor = moving
    try:
        loss = train_epoch(model, cut(near, far, sizes), optimizer, CPU)
    finally:
        torch.as_tensor = as_tensor
    W, b = (parameter.detach().numpy().copy() for parameter in model.inner.parameters())
    for parameter in model.inner.parameters():  # one more step, which tells how the optimizer was left
        parameter.grad = torch.ones_like(parameter)
    optimizer.step()
    tensor = isinstance(loss, torch.Tensor)
    if tensor:
        loss = loss.item() if loss.numel() == 1 else "a tensor"
    return {"W": W, "b": b, "loss": loss, "tensor": tensor, "later": model.inner.weight.detach().numpy()}


class Turning(nn.Module):
    """Scores that are X, times a parameter; its columns turn by one in training mode, by two where a graph is kept.

    Twice as large where one part is in training mode and another is not, and three times after a pass in training mode,
    which moves a buffer, as the running means of batch normalisation.
    """

    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(1.5))
        self.parts = nn.Sequential(nn.Identity())
        self.register_buffer("moved", torch.tensor(1.0))

    def forward(self, X):
        modes = {part.training for part in self.modules()}
        turns = int(True in modes) + 2 * int(torch.is_grad_enabled())
        scores = len(modes) * self.moved * self.factor * X.as_subclass(torch.Tensor).roll(turns, 1)
        if True in modes:
            with torch.inference_mode(False):
                self.moved = torch.tensor(3.0)
        return scores


def measure(accuracy, near, far, sizes, training, afterwards, left_over):
    """The accuracy, and what the model gives for another X afterwards: scores, and the gradient of its parameter."""
    torch.set_grad_enabled(True)
    model = Turning().train(training)
    model.factor.grad = torch.tensor(left_over)
    try:
        value = accuracy(model, cut(near, far, sizes), CPU)
        scores = model(torch.tensor(afterwards))
        if scores.requires_grad:
            scores.sum().backward()
    finally:
        torch.set_grad_enabled(True)
    if isinstance(value, torch.Tensor):
        value = value.item() if value.numel() == 1 else "a tensor"
    gradient = model.factor.grad
    return {"value": value, "scores": numbers(scores), "gradient": None if gradient is None else gradient.item()}


def open_weights(network, filename, X):
    """The network with the weights of the file: its numbers, how scores come about, on which data it was trained."""
    from backprop.torch_weights import load_torch, read_notes

    net = load_torch(network(), filename).eval()
    tensors, seen = state_of(net)
    with torch.no_grad():
        scores, seen["pass"] = written_pass(net, torch.tensor(X), tensors)
    return {**seen, "scores": list(scores.shape), "trained_on": str(read_notes(filename).get("trained_on", ""))}
