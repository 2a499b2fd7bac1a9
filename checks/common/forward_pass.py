"""A student's forward pass in PyTorch, written down as data, and calculated by the judge with numbers of its own.

What is written down is each call of a function of PyTorch, in order: its name, its arguments as JSON, the numbers of
the tensors that go in and come out (`shipped/fashion_bench.py`). It comes from the student's process and is data to be
checked: only functions that are listed here are called, on tensors of the judge, after the sizes of all results have
been worked out.
"""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from autograder.judging import Array, StudentError

SPACES = {"F": nn.functional, "torch": torch, "Tensor": torch.Tensor, "nn": torch._C._nn, "init": nn.init}
NAMES = """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d linear bilinear matmul mm bmm mv dot
    addmm baddbmm einsum tensordot outer max_pool1d max_pool2d avg_pool1d avg_pool2d lp_pool2d adaptive_avg_pool1d
    adaptive_avg_pool2d adaptive_max_pool1d adaptive_max_pool2d fractional_max_pool2d max_pool2d_with_indices
    batch_norm group_norm layer_norm instance_norm local_response_norm rms_norm normalize dropout dropout1d
    dropout2d dropout3d alpha_dropout feature_alpha_dropout feature_dropout relu relu6 leaky_relu prelu rrelu elu
    selu celu gelu silu mish hardtanh hardswish hardsigmoid hardshrink softshrink tanhshrink softplus softsign
    logsigmoid glu threshold sigmoid tanh softmax log_softmax softmin logsumexp exp expm1 log log1p log2 log10 sqrt
    rsqrt square pow abs neg sign sin cos atan atan2 erf reciprocal floor ceil round trunc frac clamp clamp_min
    clamp_max clip maximum minimum where add sub subtract rsub mul multiply div divide true_divide floor_divide
    remainder fmod addcmul addcdiv lerp sum mean prod std var amax amin max min argmax argmin topk sort cumsum norm
    eq ne lt le gt ge logical_and logical_or logical_not view view_as reshape reshape_as flatten unflatten squeeze
    unsqueeze permute transpose movedim moveaxis swapaxes t flip roll rot90 narrow select index_select gather
    take_along_dim masked_fill split chunk unbind unfold cat concat stack hstack vstack tile repeat
    repeat_interleave expand expand_as broadcast_to pad interpolate upsample pixel_shuffle pixel_unshuffle fold
    channel_shuffle one_hot affine_grid grid_sample scaled_dot_product_attention contiguous clone detach to float
    double half long int bool type_as cpu cuda type requires_grad_ zeros_like ones_like full_like new_zeros new_ones
    new_full tril triu diagonal T mT data copy_ zero_ fill_ positive absolute negative alias as_subclass __getitem__
    kaiming_uniform kaiming_normal xavier_uniform xavier_normal trunc_normal uniform normal bernoulli rand_like
    randn_like __setitem__ __add__ __radd__ __iadd__ __sub__ __rsub__ __isub__ __mul__ __rmul__ __imul__ __truediv__
    __rtruediv__ __itruediv__ __rdiv__ __div__ __pow__ __rpow__ __matmul__ __rmatmul__ __neg__ __abs__ __mod__
    __floordiv__ __rfloordiv__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __and__ __or__ __invert__
    """
FUNCTIONS = frozenset(NAMES.split())
CONVOLUTIONS = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
PRODUCTS = (*CONVOLUTIONS, "linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "bilinear", "tensordot")
PRODUCTS = (*PRODUCTS, "__matmul__", "__rmatmul__", "scaled_dot_product_attention")
WINDOWS = """max_pool1d max_pool2d max_pool2d_with_indices avg_pool1d avg_pool2d lp_pool1d lp_pool2d
    fractional_max_pool2d local_response_norm""".split()  # noqa: SIM905
TYPES = {
    name: getattr(torch, name)
    for name in "float32 float64 float16 int64 int32 int16 int8 uint8 bool".split()  # noqa: SIM905
}
MOST_STEPS = 3000
MOST_NESTED = 200  # lists and tensors in the arguments of one call
MOST_ENTRIES = 2**25  # in one tensor
MOST_WORK = 10**11  # multiplications in a pass
ENTRY = 20  # what a number that is read or written counts as: it may be that of a root or a logarithm
MOST_SECONDS = 240  # of the processor, for all that is calculated with one written pass
MOST = 4_500_000  # numbers that may come: those of a file of weights of 16 MB


@dataclass(frozen=True)
class Step:
    """One call: results = function(*args, **kwargs); graph says whether PyTorch kept the graph there."""

    space: str
    name: str
    args: Any
    kwargs: Any
    graph: bool
    results: list[int]


class ForwardPass:
    """A forward pass that can be calculated: tensor 0 is X, then come the parameters and buffers, then what is made.

    Raises StudentError for data that describe none, and RuntimeError where a function of PyTorch is called that is not
    known here: a person decides then.
    """

    def __init__(self, found: Any, state: int):
        steps, constants, self.out = found["steps"], found["constants"], _whole(found["out"])
        if not isinstance(steps, list) or len(steps) > MOST_STEPS or not isinstance(constants, dict):
            raise _no_pass()
        self.constants = {_whole(number): _array(array) for number, array in constants.items()}
        self.steps = [self._step(*step) for step in steps]
        made = {0, *range(1, state + 1), *self.constants}
        for step in self.steps:
            if not set(_tensors([step.args, step.kwargs])) <= made:
                raise _no_pass()
            made.update(step.results)
        if self.out not in made:
            raise _no_pass()
        self.seconds = 0.0
        self.measured: list[list[Any]] = []  # shapes and types for which its size is known
        self.last_use = {n: i for i, step in enumerate(self.steps) for n in _tensors([step.args, step.kwargs])}

    @staticmethod
    def _step(space: Any, name: Any, arguments: Any, graph: Any, results: Any) -> Step:
        if not isinstance(name, str) or not isinstance(space, str) or not isinstance(results, list):
            raise _no_pass()
        known = name in FUNCTIONS or (name.endswith("_") and name[:-1] in FUNCTIONS and not name.startswith("__"))
        if not known or arguments is None:
            if any(hasattr(place, name) for place in SPACES.values()):
                raise RuntimeError(f"forward() calls {name[:60]} of PyTorch, which the judge does not calculate with")
            raise _no_pass()
        if not isinstance(arguments, str) or arguments.count("[") + arguments.count("{") > MOST_NESTED:
            raise _no_pass()
        try:
            args, kwargs = json.loads(arguments)
        except (ValueError, TypeError, RecursionError):
            raise _no_pass() from None
        return Step(space, name, args, kwargs, graph is True, [_whole(number) for number in results])

    def convolutions(self, learned: Sequence[int]) -> int:
        """How many convolutions with parameters among those numbers lead to what comes out."""
        wanted, depends, found = {self.out}, set(learned), 0
        for step in self.steps:
            if depends & set(_tensors([step.args, step.kwargs])):
                depends.update(step.results)
        for step in reversed(self.steps):
            if wanted & set(step.results):
                inputs = list(_tensors([step.args, step.kwargs]))
                wanted.update(inputs)
                found += step.name in CONVOLUTIONS and len(inputs) > 1 and inputs[1] in depends
        return found

    def calculate(self, X: Array, state: Sequence[torch.Tensor], track: bool = False) -> torch.Tensor:
        """What comes out for X, with these parameters and buffers. Raises StudentError where that is impossible."""
        given = [torch.from_numpy(np.array(X)), *state]
        sizes = [(tensor.shape, tensor.dtype) for tensor in given]
        if sizes not in self.measured:  # without numbers, so that nothing large is made
            self._run([torch.empty_like(tensor, device="meta") for tensor in given], False, "meta")
            self.measured.append(sizes)
        start = time.process_time()
        try:
            made = self._run(given, track, "cpu")
        finally:
            self.seconds += time.process_time() - start
        if made.device.type != "cpu" or not made.is_floating_point():
            raise StudentError(f"The scores should be floating-point numbers, but they are {made.dtype}.", "type")
        return made

    def _run(self, given: Sequence[torch.Tensor], track: bool, device: str) -> torch.Tensor:
        held = dict(enumerate(given))
        held.update({number: torch.from_numpy(np.array(array)).to(device) for number, array in self.constants.items()})
        work, end = 0, time.process_time() + MOST_SECONDS - self.seconds
        for index, step in enumerate(self.steps):
            function = _function(step)
            try:
                with torch.set_grad_enabled(track and step.graph):
                    args, kwargs = (_filled(value, held, device) for value in (step.args, step.kwargs))
                    result = function(*args, **kwargs)
            except StudentError:
                raise
            except Exception as error:
                text = f"forward() cannot be calculated a second time, at {step.name}: {type(error).__name__}."
                raise StudentError(text, "type") from None
            made = [one for one in _flat(result) if isinstance(one, torch.Tensor)]
            if len(made) != len(step.results) and step.name != "__setitem__":
                raise _no_pass()
            held.update(zip(step.results, made, strict=False))
            operands = [held[number] for number in _tensors([step.args, step.kwargs])]
            work += ENTRY * sum(one.numel() for one in [*made, *operands])
            work += sum(one.numel() for one in made) * _inner(step, operands)
            too_long = work > MOST_WORK or time.process_time() > end
            if too_long or any(one.numel() > MOST_ENTRIES for one in made):
                raise StudentError("The network is too large to be looked at here.", "shape")
            for number in set(_tensors([step.args, step.kwargs])):
                if self.last_use[number] == index and number != self.out:
                    del held[number]
        return held[self.out]


def state_of(found: Any) -> tuple[list[torch.Tensor], list[str], int]:
    """Parameters and buffers, the names of the parameters, which come first, and how many of them there are."""
    names, arrays = found["names"], found["state"]
    if not isinstance(names, list) or not isinstance(arrays, list) or len(names) > len(arrays):
        raise _no_pass()
    state = [torch.from_numpy(_array(array)) for array in arrays]
    if not all(one.is_floating_point() for one in state[: len(names)]):
        raise StudentError("The parameters of the network should be floating-point numbers.", "type")
    return state, [str(name)[:40] for name in names], len(names)


def _no_pass() -> StudentError:
    return StudentError("What forward() does could not be written down.", "type")


def _whole(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 10**6:
        raise _no_pass()
    return value


def _array(value: Any) -> Array:
    if not isinstance(value, np.ndarray | np.generic) or value.dtype.name not in TYPES:
        raise _no_pass()
    return np.array(value)


def _tensors(value: Any) -> Iterator[int]:
    """The numbers of the tensors in written arguments, in order."""
    if isinstance(value, dict):
        if "tensor" in value:
            yield _whole(value["tensor"])
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _tensors(inner)


def _filled(value: Any, held: dict[int, torch.Tensor], device: str) -> Any:
    """Written arguments as arguments."""
    if isinstance(value, list):
        return [_filled(one, held, device) for one in value]
    if not isinstance(value, dict):
        if value is None or isinstance(value, bool | int | float | str):
            return value
        raise _no_pass()
    [(kind, inner)] = value.items()
    if kind == "tensor":
        return held[inner]
    if kind == "device":
        return torch.device(device)
    if kind == "dtype":
        return TYPES[inner]
    if kind == "memory_format":
        return {"contiguous_format": torch.contiguous_format, "channels_last": torch.channels_last}.get(
            inner, torch.preserve_format
        )
    if kind == "slice":
        return slice(*_filled(inner, held, device))
    if kind == "ellipsis":
        return ...
    if kind == "tuple":
        return tuple(_filled(inner, held, device))
    if kind == "names" and isinstance(inner, dict):
        return {key: _filled(one, held, device) for key, one in inner.items() if key != "out"}
    raise _no_pass()


def _function(step: Step) -> Callable[..., Any]:
    if step.name in ("T", "mT", "data"):
        return lambda tensor: getattr(tensor, step.name)
    if step.name in ("cpu", "cuda"):
        return lambda tensor, *args, **kwargs: tensor
    places = [SPACES[step.space]] if step.space in SPACES else list(SPACES.values())
    for place in places:
        if hasattr(place, step.name):
            return getattr(place, step.name)
    raise _no_pass()


def _inner(step: Step, operands: Sequence[torch.Tensor]) -> int:
    """How many products are summed, or numbers compared, for one number that comes out, at most."""
    name, sizes = step.name, [one.shape[-1] if one.ndim else 1 for one in operands]
    if name in WINDOWS:
        sides = re.search(r"\d", name)
        plane = math.prod(operands[0].shape[-int(sides[0]) :]) if sides else 0
        return plane + max((value for value in _plain([step.args, step.kwargs]) if type(value) is int), default=0)
    if name not in PRODUCTS or not operands:
        return 0
    weights = operands[min(1, len(operands) - 1)]
    if name in CONVOLUTIONS:
        return weights.numel() // max(1, min(weights.shape[:2], default=1))
    if name == "scaled_dot_product_attention":
        return (1 + max(sizes)) * (weights.shape[-2] if weights.ndim > 1 else 1)
    if name == "bilinear":
        return math.prod(sizes[:2])
    if name == "einsum":
        return _summed(next((one for one in _plain(step.args) if isinstance(one, str)), ""), operands)
    return max(one.numel() for one in operands) if name == "tensordot" else max(sizes)


def _summed(equation: str, operands: Sequence[torch.Tensor]) -> int:
    """The product of the sizes of all letters of an equation; where it has others, of all sizes there are."""
    letters = equation.replace(" ", "").partition("->")[0].split(",")
    if [len(word) for word in letters] != [one.ndim for one in operands] or "." in equation:
        return math.prod(one.numel() for one in operands)
    known: dict[str, int] = {}
    for word, one in zip(letters, operands, strict=True):
        known.update(zip(word, one.shape, strict=True))
    return math.prod(known.values())


def _plain(value: Any) -> Iterator[Any]:
    """The numbers and words in written arguments."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _plain(inner)
    else:
        yield value


def _flat(result: Any) -> list[Any]:
    return [inner for one in result for inner in _flat(one)] if isinstance(result, tuple | list) else [result]
