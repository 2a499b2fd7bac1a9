"""Numbers and arrays in a few letters, for boxes, arrows and sentences of a step-through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_MOST = 9  # entries that a sentence writes out


def number_text(x) -> str:
    text = f"{float(x):.4g}"
    return "0" if text == "-0" else text.replace("-", "−")


def short_text(array) -> str:
    """A number, up to three of them, or the shape: what fits into a box."""
    array = np.asarray(array)
    if array.size == 1:
        return number_text(array.item())
    if array.ndim == 1 and array.size <= 3:
        return "[" + ", ".join(map(number_text, array)) + "]"
    return "×".join(map(str, array.shape)) + " array" if array.ndim > 1 else f"{array.size} numbers"


def full_text(array) -> str:
    """All the numbers while there are at most nine."""
    array = np.asarray(array)
    if array.size > _MOST or array.ndim == 0 or array.size == 1:
        return short_text(array)
    return "[" + ", ".join(full_text(row) if row.ndim else number_text(row) for row in array) + "]"


def sum_text(texts: Sequence[str]) -> str:
    """``6 + 8``; a negative number after the first is subtracted."""
    return texts[0] + "".join(f" − {text[1:]}" if text.startswith("−") else f" + {text}" for text in texts[1:])


def factor_text(text: str) -> str:
    """The text as it stands behind a ·, in brackets when it is negative."""
    return f"({text})" if text.startswith("−") else text


def and_text(texts: Sequence[str]) -> str:
    return texts[0] if len(texts) == 1 else ", ".join(texts[:-1]) + " and " + texts[-1]
