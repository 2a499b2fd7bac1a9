"""Run the student's code: what it raises becomes one sentence with the line of their code."""

from __future__ import annotations

import linecache
import re
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .comparison import CheckFailed


@contextmanager
def student_code(where: str) -> Iterator[None]:
    """Turn what the student's code raises into CheckFailed that shows the line of their code."""
    try:
        yield
    except CheckFailed:
        raise
    except NotImplementedError as error:
        raise CheckFailed(f"{where} is not written yet: it raises NotImplementedError.{_their_line(error)}") from error
    except AssertionError as error:
        raise CheckFailed(f"{where}: {str(error) or 'an assert fails' + _their_line(error)}") from error
    except Exception as error:
        said = f"{where} stopped with {type(error).__name__}: {_in_words(error)}"
        raise CheckFailed(said + _their_line(error)) from error


def _in_words(error: Exception) -> str:
    """The error's text; of two riddles, what they mean."""
    text = str(error)
    sizes = re.search(r"size (\d+) is different from (\d+)", text)
    if sizes and text.startswith("matmul"):
        return f"the two sides of @ don't fit: {sizes[2]} entries on the left meet {sizes[1]} on the right"
    if "NoneType" in text and ("unpack" in text or "not iterable" in text):
        return f"{text}. Does a function end without return?"
    return text


def _their_line(error: BaseException) -> str:
    """The last line of the traceback that belongs neither to this library nor to Python's own."""
    ours = (str(Path(__file__).parents[1]), sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["purelib"])
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(ours)]
    if not frames:
        return ""
    frame = frames[-1]
    code = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
    return f"\n   in {frame.name}, line {frame.lineno}:  {code}"
