"""Maps of a picture's pixels made visible: a few bright pixels must not leave the rest of the map in the dark."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["shares", "visible"]


def visible(values: torch.Tensor, window: int = 15) -> torch.Tensor:
    """The map, averaged over a window around each pixel and scaled to [0, 1], for ``imshow``.

    0 are the lowest three tenths, 1 the highest hundredth; a map that is the same everywhere becomes 0.

    values : shape (H, W); window : odd number of pixels
    """
    mean = nn.functional.avg_pool2d(values[None, None], window, 1, window // 2, count_include_pad=False)[0, 0]
    low, high = mean.quantile(0.3), mean.quantile(0.99)
    return ((mean - low) / (high - low)).clip(0, 1) if high > low else torch.zeros_like(mean)


def shares(model: nn.Module, X: torch.Tensor) -> torch.Tensor:
    """How much of the highest score each pixel brings, to first order: |G · (X − mean colour)|, summed over colours.

    The score of a picture in one flat colour plus the sum of all these shares (with their signs) is the linear
    approximation of its score. So a share says about what is lost when the pixel takes the mean colour of the picture.

    model : nn.Module, (1, 3, H, W) -> scores of shape (1, C), in eval mode; X : tensor of shape (1, 3, H, W), unchanged
    Returns a tensor of shape (H, W).
    """
    pixels = X.clone().requires_grad_(True)
    (slopes,) = torch.autograd.grad(model(pixels).amax(), pixels)
    return ((X - X.mean(dim=(2, 3), keepdim=True)) * slopes)[0].sum(dim=0).abs()
