r"""Colours as LaTeX writes them: by name, or by numbers in a model."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from .macros import Reader


@cache
def _named() -> dict[str, str]:
    """The code of each colour with a name."""
    lines = Path(__file__).with_name("colours.txt").read_text("utf-8").splitlines()
    pairs = (pair.split() for line in lines if not line.startswith("#") for pair in line.split(", "))
    return {name: f"#{code}" for name, code in pairs}


def colour(reader: Reader) -> str:
    """The Typst code of the colour that is read next; black where it cannot be told."""
    model = reader.optional()
    return resolved(reader.argument(r"\color"), model, reader.macros.colours)


def resolved(words: str, model: str | None, known: dict[str, str]) -> str:
    """The Typst code of `words`: a name, #rrggbb, or the numbers of `model` (rgb, RGB, HTML, gray)."""
    code = known.get(words.strip()) or _code(words.strip(), (model or "").strip())
    return f'rgb("{code}")' if code else "black"


def _code(words: str, model: str) -> str:
    if model == "HTML":
        words = f"#{words.lstrip('#')}"
    if re.fullmatch(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})", words):
        return words
    numbers = [float(number) for number in re.findall(r"\d*\.?\d+", words)]
    if model in ("rgb", "RGB") and len(numbers) == 3:
        scale = 255 if model == "rgb" else 1
        return "#" + "".join(f"{min(255, round(number * scale)):02x}" for number in numbers)
    if model == "gray" and numbers:
        return "#" + f"{min(255, round(numbers[0] * 255)):02x}" * 3
    return _named().get(words) or _named().get(words.lower(), "")
