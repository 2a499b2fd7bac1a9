from typing import Any

__all__ = ["CompleteMetadata", "LeakCheck"]


def __getattr__(name: str) -> Any:
    # What `nbgrader_config.py` names; loaded when asked for, since most of this room does without nbgrader.
    if name in __all__:
        from . import build

        return getattr(build, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
