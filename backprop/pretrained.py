"""Networks that others have trained on ImageNet, through torchvision; and a small stand-in where they can't be had.

ImageNet's task of 2012 has 1.2 million photographs of 1000 kinds of things. Every network here takes float32 tensors of
shape (N, 3, 224, 224), normalised with MEAN and STD, and gives a score for each of its classes.
"""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import nn

from .datasets import SHAPE_CLASSES, DataError, shapes_images
from .drawn_pictures import drawn_pictures
from .torch_weights import WeightsError, load_torch

__all__ = [
    "MEAN",
    "STD",
    "Pretrained",
    "load_pretrained",
    "load_pretrained_or_stand_in",
    "open_picture",
    "sample_pictures",
    "stand_in",
]

# Mean and standard deviation of red, green and blue over ImageNet's training pictures, values in [0, 1].
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Pretrained(NamedTuple):
    """A trained network in eval mode, the names of its classes by number, and what it is."""

    model: nn.Module
    idx2label: dict[int, str]
    name: str


def load_pretrained(name: str = "squeezenet1_0") -> Pretrained:
    """A network trained on ImageNet: "squeezenet1_0" (5 MB), "resnet18" (45 MB), … any classifier of torchvision.

    Its weights come from imagenet/<name>.safetensors in the folder that BACKPROP_DATA names, if they are there,
    otherwise, once, from torchvision's registry.

    Raises DataError when torchvision or the weights can't be had; its message says what to do.
    """
    try:
        from torchvision.models import get_model, get_model_weights
    except (ImportError, RuntimeError) as problem:  # RuntimeError: built for another version of torch
        reason = str(problem).strip().splitlines()[0]
        raise DataError(f"torchvision can't be loaded ({reason}): install the one for this torch with pip.") from None
    try:
        registered = get_model_weights(name).DEFAULT
        labels = registered.meta["categories"]
    except (ValueError, AttributeError, KeyError):
        raise DataError(f"torchvision has no classifier {name!r}: try 'squeezenet1_0' or 'resnet18'.") from None
    folder = os.environ.get("BACKPROP_DATA")
    local = Path(folder).expanduser() / "imagenet" / f"{name}.safetensors" if folder else None
    try:
        if local is not None and local.is_file():
            model = load_torch(get_model(name), local)
        else:
            model = get_model(name, weights=registered)
    except WeightsError as problem:
        raise DataError(str(problem)) from None
    except (OSError, RuntimeError) as problem:  # no network, no room, wrong checksum
        raise DataError(
            f"the weights of {name} could not be downloaded ({type(problem).__name__}). Without a network, put them "
            f"into imagenet/{name}.safetensors in a folder, and name that folder in BACKPROP_DATA."
        ) from None
    return Pretrained(model.eval(), dict(enumerate(labels)), f"{name}, trained on ImageNet")


def load_pretrained_or_stand_in(name: str = "squeezenet1_0") -> Pretrained:
    """:func:`load_pretrained`; where that can't be had, :func:`stand_in`, and a sentence that says so."""
    try:
        return load_pretrained(name)
    except DataError as problem:
        print(textwrap.fill(f"A network that knows ten drawn shapes stands in for {name}. ({problem})", 78))
        return stand_in()


class ShapesNet(nn.Module):
    """Tells drawn shapes apart: two layers of random filters that are never trained, then one linear layer."""

    def __init__(self, filters: tuple[int, int] = (48, 96), seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.shrink = nn.AvgPool2d(7)  # 224 → 32 pixels
        self.first = nn.Conv2d(3, filters[0], 5, padding=2)
        self.second = nn.Conv2d(filters[0], filters[1], 3, padding=1)
        self.scores = nn.Linear(16 * filters[1], len(SHAPE_CLASSES))
        for layer in (self.first, self.second):
            nn.init.normal_(layer.weight, std=layer.weight[0].numel() ** -0.5, generator=generator)
            nn.init.uniform_(layer.bias, -0.3, 0.3, generator=generator)

    def features(self, small: torch.Tensor) -> torch.Tensor:
        """What the linear layer sees of pictures of shape (N, 3, 32, 32)."""
        X = nn.functional.max_pool2d(self.first(small).relu(), 2)
        X = nn.functional.avg_pool2d(self.second(X).relu(), 4)
        return X.flatten(1)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        return self.scores(self.features(self.shrink(X)))


def stand_in(pictures: int = 2500) -> Pretrained:
    """A network for the ten shapes of `backprop.datasets.shapes_images`, made in a few seconds, without any file.

    Only its last layer is fitted: by least squares with a small penalty, which needs no training loop. Deterministic.
    """
    net = ShapesNet().eval()
    images, labels = shapes_images(pictures, seed=10)
    small = (torch.tensor(images) - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.no_grad():
        parts = [net.features(part) for part in small.movedim(-1, 1).split(250)]
        F = torch.cat(parts).double()
        F = torch.cat([F, torch.ones(len(F), 1)], dim=1)
        targets = nn.functional.one_hot(torch.tensor(labels), len(SHAPE_CLASSES)).double()
        penalty = 1e-3 * F.pow(2).mean() * len(F) * torch.eye(F.shape[1])
        # Least squares gives numbers between 0 and 1; times 12 they are good scores for a softmax.
        W = 12 * torch.linalg.solve(F.T @ F + penalty, F.T @ targets)
        net.scores.weight.copy_(W[:-1].T)
        net.scores.bias.copy_(W[-1])
    return Pretrained(net, dict(enumerate(SHAPE_CLASSES)), "a stand-in for drawn shapes")


def open_picture(path: str | Path) -> Image.Image:
    """The picture in a file (JPEG, PNG, …). Raises DataError when it is missing or is no picture."""
    try:
        with Image.open(path) as image:
            image.load()
            return image.copy()
    except FileNotFoundError:
        raise DataError(f"{path} is not here: put your picture beside the notebook, or correct its name.") from None
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as problem:
        raise DataError(f"{path} is no picture that can be read ({type(problem).__name__}): save it as JPEG.") from None


def sample_pictures(network: Pretrained, most: int = 12) -> list[tuple[str, Image.Image]]:
    """Pictures to try a network on, with the right names: up to `most`, as (name, picture).

    For a network of ImageNet those in imagenet_samples of the folder named by BACKPROP_DATA, each of a kind of its own,
    in an order that mixes them; without that folder six drawn ones. For the stand-in newly drawn shapes.
    """
    if network.name.startswith("a stand-in"):
        images, labels = shapes_images(most, seed=20)
        pixels = np.round(255 * images).astype(np.uint8).repeat(7, axis=1).repeat(7, axis=2)
        pixels = np.pad(pixels, [(0, 0), (16, 16), (16, 16), (0, 0)], mode="edge")  # 256×256, the crop is the shape
        return [(SHAPE_CLASSES[label], Image.fromarray(picture)) for label, picture in zip(labels, pixels, strict=True)]
    folder = Path(os.environ.get("BACKPROP_DATA") or "-").expanduser() / "imagenet_samples"
    try:
        listed = json.loads((folder / "labels.json").read_text(encoding="utf-8"))["images"]
    except (OSError, ValueError, KeyError):
        return drawn_pictures()[:most]
    chosen = listed[:: max(1, len(listed) // max(most, 1))][:most]
    return [(entry["class_name"], open_picture(folder / entry["file"])) for entry in chosen]
