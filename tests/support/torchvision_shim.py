"""Makes `import torchvision` work beside a CPU build of torch that its compiled part cannot be loaded with.

torchvision declares its operators in that compiled part, and registers shapes for two of them when it is imported. Here
they are declared without an implementation: enough for its models and transforms, which use neither. Where torchvision
loads as it should, nothing is changed.
"""

from __future__ import annotations

import importlib.util

_declared: list = []  # keeps the declarations alive: they end with the object


def declare() -> bool:
    """Declare what is missing; return whether torchvision can be imported now."""
    if importlib.util.find_spec("torch") is None or importlib.util.find_spec("torchvision") is None:
        return False
    import torch

    try:
        import torchvision  # noqa: F401

        return True
    except RuntimeError:
        pass
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _declared.append(library)
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError):
        return False
    return True
