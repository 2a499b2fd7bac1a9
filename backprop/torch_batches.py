"""Pictures and labels for PyTorch: minibatches of tensors on the device, small random changes of pictures, and speed.

Everything lies on the device from the start, so that a GPU never waits for the loading of a minibatch. For data that do
not fit there, use `torch.utils.data.DataLoader`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch

__all__ = ["TensorBatches", "fast_arithmetic", "shifted_and_flipped"]


class TensorBatches:
    """Goes through a data set in minibatches (X, y) of tensors.

    >>> for X, y in TensorBatches(data["X_train"], data["y_train"], 128, shuffle=True): ...

    X, y : arrays or tensors with one entry a picture; X float32, shape (N, ...), y int64, shape (N,)
    shuffle : a new random order in every pass, drawn from `seed`; otherwise the given order
    augment : a function of (X, generator) that returns a changed copy of a minibatch's pictures, same shape
    device : where the tensors are put

    The last minibatch holds what is left, so it may be smaller. Raises ValueError for sizes that make no sense.
    """

    def __init__(
        self,
        X: np.ndarray | torch.Tensor,
        y: np.ndarray | torch.Tensor,
        batch_size: int,
        *,
        shuffle: bool = False,
        augment: Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None = None,
        device: torch.device | str = "cpu",
        seed: int = 0,
    ):
        if len(X) != len(y):
            raise ValueError(f"There are {len(X)} pictures in X and {len(y)} labels in y.")
        if batch_size < 1:
            raise ValueError(f"A minibatch holds at least one picture, not {batch_size}.")
        self.X, self.y = torch.as_tensor(X).to(device), torch.as_tensor(y).to(device)
        self.batch_size, self.shuffle, self.augment = int(batch_size), shuffle, augment
        self.generator = torch.Generator(device=self.X.device).manual_seed(seed)

    def __len__(self) -> int:
        """How many minibatches one pass has."""
        return -(-len(self.y) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        order = None
        if self.shuffle:
            order = torch.randperm(len(self.y), generator=self.generator, device=self.X.device)
        for start in range(0, len(self.y), self.batch_size):
            stop = start + self.batch_size
            rows = slice(start, stop) if order is None else order[start:stop]
            X = self.X[rows]
            yield (X if self.augment is None else self.augment(X, self.generator)), self.y[rows]


def shifted_and_flipped(X: torch.Tensor, generator: torch.Generator, most: int = 2) -> torch.Tensor:
    """Each picture moved by up to `most` pixels (zeros come in) and, every second one, mirrored left to right.

    X : shape (N, C, H, W); returns a new tensor of the same shape. The shift and the mirror are drawn for each picture
    on its own, from `generator`, which must live on the device of X.
    """
    N, C, H, W = X.shape

    def draw(high: int) -> torch.Tensor:
        return torch.randint(high, (N, 1), generator=generator, device=X.device)

    padded = torch.nn.functional.pad(X, (most, most, most, most))
    rows = torch.arange(H, device=X.device) + draw(2 * most + 1)
    columns = torch.arange(W, device=X.device)
    columns = torch.where(draw(2) == 1, columns.flip(0), columns) + draw(2 * most + 1)
    pictures = torch.arange(N, device=X.device)[:, None, None]
    return padded.movedim(1, -1)[pictures, rows[:, :, None], columns[:, None, :]].movedim(-1, 1).contiguous()


def fast_arithmetic(device: torch.device | str) -> AbstractContextManager:
    """Inside `with fast_arithmetic(device):` networks multiply in bfloat16, where the device does that fast.

    bfloat16 has the range of float32 and about 3 digits; parameters and their updates stay float32. Newer GPUs (from
    NVIDIA's compute capability 8.0 on: A100, L4, H100, RTX 30) and newer processors calculate two to three times as
    fast with it. Elsewhere, as on Colab's T4, nothing changes: a training loop with float16 would have to scale its
    loss, or small gradients become zero.
    """
    device = torch.device(device)
    if not _multiplies_fast_in_bfloat16(device):
        return nullcontext()
    # No cache: it would keep the parameters as they were when the block was entered, through all steps of an epoch.
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


def _multiplies_fast_in_bfloat16(device: torch.device) -> bool:
    if device.type == "cpu":
        fast = getattr(torch.cpu, "get_capabilities", dict)()  # not in older versions
        return bool(fast.get("avx512_bf16") or fast.get("amx_bf16"))
    # torch.cuda.is_bf16_supported() is also true where bfloat16 is emulated, slower than float32.
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
