"""Text that is written for people: counted nouns, files of text, text that strangers have made."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import CourseError


def count(number: int, noun: str) -> str:
    """The number with its noun: 1 page, 2 pages."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def read_utf8(path: Path, where: str) -> str:
    """Return the text of a file; `where` is what people call it. Raises CourseError when it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise CourseError(f"{where} is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error


CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def visible(text: str) -> str:
    """The text as it can be written and shown: no halves of characters, no control characters (terminal escapes
    included) except newline and tab."""
    text = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def printable(name: str) -> str:
    """A stranger's name for a file as a part of a sentence: as it is, in quotes where something in it acts."""
    short = name if len(name) <= 80 else f"{name[:50]}…{name[-25:]}"
    return short if short.isprintable() else repr(short)
