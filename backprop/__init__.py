"""Learn back-propagation by doing it: the student library."""

from typing import Any

from .unfinished import watch

__version__ = "0.1.0"

__all__ = ["export_pdf"]

watch()  # in a notebook, what is unfinished is said in a sentence


def __getattr__(name: str) -> Any:
    # Only on demand: `import backprop` stays fast, and needs none of the packages of the PDF.
    if name == "export_pdf":
        from .handin.export import export_pdf

        return export_pdf
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
