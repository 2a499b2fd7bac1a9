"""Image classifiers: what every model promises, and trained weights as files.

A model is a :class:`Classifier` with `parameters`, `forward` and `backward`; training, prediction, saving and loading
are then the same for all of them. A weights file is a NumPy `.npz` archive of plain arrays and short texts. No pickle
is in it, so that opening somebody else's weights can't run their code.
"""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from .files import write_atomically
from .one_sentence import OneSentence

__all__ = ["Classifier", "WeightsError", "read_weights", "save_weights"]

_NOTE = "note:"


class WeightsError(OneSentence, RuntimeError):
    """A weights file is missing, damaged, or made for another model; the message says what to do."""


class Classifier:
    """A model that gives each picture one score per class.

    A subclass writes three methods:

    parameters()                  a dict from names to the model's arrays: the live ones, never copies
    forward(X)                    X of shape (N, D) -> (scores of shape (N, C), cache for backward)
    backward(grad_scores, cache)  the gradient of the loss with respect to the scores, shape (N, C)
                                  -> a dict with the same names as parameters(), a gradient of the same shape for each
    """

    def parameters(self) -> dict[str, np.ndarray]:
        raise NotImplementedError(f"{type(self).__name__}.parameters is not written yet")

    def forward(self, X: np.ndarray) -> tuple[np.ndarray, Any]:
        raise NotImplementedError(f"{type(self).__name__}.forward is not written yet")

    def backward(self, grad_scores: np.ndarray, cache: Any) -> dict[str, np.ndarray]:
        raise NotImplementedError(f"{type(self).__name__}.backward is not written yet")

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The class with the highest score for each row of X, shape (N, D): int64, shape (N,)."""
        scores, _ = self.forward(X)
        return np.asarray(scores).argmax(axis=1)

    def save(self, filename: str | Path, **notes: str) -> None:
        """Write the parameters, and short texts such as trained_on="CIFAR-10", into one file that `load` reads."""
        save_weights(filename, self.parameters(), **notes)

    def load(self, filename: str | Path) -> Classifier:
        """Put the parameters of a file that `save` wrote into this model; return the model.

        Raises WeightsError where the file's parameters have other names or shapes than the model's.
        """
        found, _ = read_weights(filename)
        own = self.parameters()
        if set(found) != set(own):
            raise WeightsError(
                f"{filename} holds {', '.join(sorted(found)) or 'no parameters'}, but this model has "
                f"{', '.join(sorted(own))}: load it into a model of the kind that was saved."
            )
        for name, values in found.items():
            if values.shape != own[name].shape:
                raise WeightsError(
                    f"{filename} holds {name} of shape {values.shape}, but this model has {own[name].shape}: "
                    "make the model with the sizes it was saved with, then load."
                )
        for name, values in found.items():
            own[name][...] = values
        return self


def save_weights(filename: str | Path, parameters: dict[str, np.ndarray], **notes: str) -> None:
    """Write arrays of numbers and short texts as an `.npz` archive. The same content gives the same bytes.

    Raises WeightsError for a parameter that is not an array of numbers, or when the file can't be written.
    """
    arrays = {}
    for name, value in parameters.items():
        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            raise WeightsError(f"{name} is an array of {array.dtype}, not of numbers, and was not saved.")
        arrays[name] = array
    for name, text in notes.items():
        arrays[_NOTE + name] = np.array(str(text))
    content = io.BytesIO()
    np.savez(content, **arrays)
    try:
        write_atomically(filename, content.getvalue())
    except OSError as problem:
        raise WeightsError(f"{filename} can't be written ({problem.strerror}).") from None


def read_weights(filename: str | Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a weights file by name, and its notes by name.

    Raises WeightsError when the file is missing or is not a weights file. Nothing in it is ever run.
    """
    if not os.path.isfile(filename):
        raise WeightsError(f"{filename} is not here. Train the model and save it beside the notebook, under this name.")
    parameters: dict[str, np.ndarray] = {}
    notes: dict[str, str] = {}
    try:
        with np.load(filename, allow_pickle=False) as archive:
            for key in archive.files:
                value = archive[key]
                if key.startswith(_NOTE) and value.dtype.kind == "U" and value.shape == ():
                    notes[key.removeprefix(_NOTE)] = str(value)
                elif value.dtype.kind in "fiu":
                    parameters[key] = value
                else:
                    raise ValueError(f"{key} holds {value.dtype}")
    except (ValueError, TypeError, OSError, EOFError, KeyError, zipfile.BadZipFile, MemoryError) as problem:
        raise WeightsError(
            f"{filename} is not a weights file ({type(problem).__name__}). Save the model again with model.save()."
        ) from None
    return parameters, notes
