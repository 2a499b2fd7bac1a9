"""Errors that say all there is to say: Jupyter shows their text alone, broken at spaces, and no traceback."""

from __future__ import annotations

import textwrap

COLUMNS = 78  # so many fit into a window 800 pixels wide; JupyterLab breaks longer lines in the middle of a word


class OneSentence(Exception):
    """An error whose message is written for the reader of a notebook."""

    def _render_traceback_(self) -> list[str]:
        return in_lines(str(self))


def in_lines(text: str) -> list[str]:
    """The lines of a text, long ones broken at spaces. What continues a line is indented like its beginning."""
    lines = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        lines += _broken(line, indent) if len(line) > COLUMNS else [line]
    return lines


def _broken(line: str, indent: str) -> list[str]:
    """A word that is longer than a line, such as an address, stays whole: it can be copied."""
    return textwrap.wrap(line, COLUMNS, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
