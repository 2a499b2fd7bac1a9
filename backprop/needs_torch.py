"""Imported first where a notebook needs PyTorch: where it is missing, one sentence says what to run."""

from __future__ import annotations

import importlib.util

from .one_sentence import OneSentence

_NEEDED = {"torch": "PyTorch", "safetensors": "safetensors"}


class TorchMissing(OneSentence, ImportError):
    """What the section needs is not installed. The message says what to do; Jupyter shows it without a traceback."""


_missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
if _missing:
    raise TorchMissing(
        f"This section needs {' and '.join(_NEEDED[name] for name in _missing)}, not installed here. Run the next line "
        "in a cell of its own, then go on (the student guide says how to get the small build for the CPU):\n"
        "    %pip install torch torchvision safetensors pillow",
        name=_missing[0],
    )
