"""Imported first where a notebook needs PyTorch: where it is missing, one sentence says what to run."""

from __future__ import annotations


class TorchMissing(ImportError):
    """PyTorch cannot be imported. The message says what to do; Jupyter shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


try:
    import torch  # noqa: F401
except ModuleNotFoundError as missing:
    if missing.name != "torch":
        raise
    raise TorchMissing(
        "This section needs PyTorch, which is not installed here. Run this in a cell of its own, then go on:\n"
        "    %pip install torch torchvision safetensors pillow",
        name="torch",
    ) from None
