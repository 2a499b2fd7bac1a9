"""Reference code that is sent to a submission: ordinary modules, which travel as text."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def source(name: str) -> str:
    """The text of a module of this folder, without its docstring's import of annotations."""
    text = Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")
    return text.replace("from __future__ import annotations\n", "")
