"""PyTorch where there is no GPU: what a student sends to one stays where it is."""

from __future__ import annotations

import functools
from typing import Any


def stay_on_the_cpu() -> None:
    """Let `.cuda()` and `.to("cuda")`, of tensors and of networks, do nothing instead of stopping the cell."""
    import torch

    def here(device: Any) -> Any:
        kind = device.partition(":")[0] if isinstance(device, str) else getattr(device, "type", None)
        return "cpu" if kind in ("cuda", "mps") else device

    def to_here(to: Any) -> Any:
        @functools.wraps(to)  # who watches a tensor hears of it under the name that it has
        def moved(self: Any, *args: Any, **kwargs: Any) -> Any:
            if "device" in kwargs:
                kwargs["device"] = here(kwargs["device"])
            return to(self, *map(here, args), **kwargs)

        return moved

    for kind in (torch.Tensor, torch.nn.Module):
        kind.to = to_here(kind.to)
        kind.cuda = lambda self, *args, **kwargs: self.to("cpu")
