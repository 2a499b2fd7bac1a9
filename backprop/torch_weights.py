"""Trained PyTorch weights as files: safetensors, plain numbers by name, so that opening one never runs code."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as _bytes

from .classifiers import WeightsError
from .files import write_atomically

WRAPPERS = ("_orig_mod.", "module.")

__all__ = ["WeightsError", "load_torch", "read_notes", "save_torch"]


def save_torch(model: torch.nn.Module, filename: str | Path, **notes: str) -> None:
    """Write the model's parameters and buffers, and short texts such as trained_on="Fashion-MNIST", into one file.

    Raises WeightsError when the file can't be written.
    """
    tensors = {_plain(name): value.detach().cpu().contiguous().clone() for name, value in model.state_dict().items()}
    content = _bytes(tensors, metadata={name: str(text) for name, text in notes.items()})
    try:
        write_atomically(filename, content)
    except OSError as problem:
        raise WeightsError(f"{filename} can't be written ({problem.strerror}).") from None


def load_torch(model: torch.nn.Module, filename: str | Path) -> torch.nn.Module:
    """Put the weights of a file that :func:`save_torch` wrote into this model; return the model.

    Raises WeightsError when the file is missing, is not a safetensors file, or was saved from another architecture.
    """
    own = model.state_dict()
    plain = {_plain(name): name for name in own}
    found = {plain.get(_plain(name), name): value for name, value in _read(filename)[0].items()}
    for what, names in (("lacks", set(own) - set(found)), ("also holds", set(found) - set(own))):
        if names:
            raise WeightsError(
                f"{filename} {what} {', '.join(sorted(names)[:3])}: it was saved from a network with other layers. "
                "Train this one and save it again."
            )
    for name, value in found.items():
        if value.shape != own[name].shape:
            raise WeightsError(
                f"{filename} holds {name} of shape {tuple(value.shape)}, but this network has "
                f"{tuple(own[name].shape)}: it was saved from a network of another size. Train this one and save it."
            )
    model.load_state_dict(found)
    return model


def _plain(name: str) -> str:
    """The name of a parameter without what torch.compile and DataParallel put in front of it."""
    while name.startswith(WRAPPERS):
        name = name.partition(".")[2]
    return name


def read_notes(filename: str | Path) -> dict[str, str]:
    """The short texts that were saved with the weights. Raises WeightsError as :func:`load_torch` does."""
    return _read(filename)[1]


def _read(filename: str | Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    if not os.path.isfile(filename):
        raise WeightsError(f"{filename} is not here. Train the network and save it beside the notebook, by this name.")
    try:
        with safe_open(str(filename), framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as problem:
        raise WeightsError(
            f"{filename} is not a safetensors file ({type(problem).__name__}). Save the network again with save_torch."
        ) from None
