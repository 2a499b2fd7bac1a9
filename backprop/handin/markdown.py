"""The Markdown of one cell as Typst, read the way Jupyter reads it: formulas first, then Markdown, then HTML."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .html_to_typst import Element, Writer, parse
from .images import CellImages
from .math_spans import MARK, Formula, put_back, take_formulas
from .notebook import clean
from .typst import typst_string

LONGEST = 100_000  # characters of one cell, images apart
_LINK_TARGET = re.compile(r"[\ue002\ue003]")


@dataclass
class Passage:
    """The Markdown of one cell, read once: its formulas stand apart, numbered, and so do its images.

    place : where it stands, for messages
    cut   : characters left out at the end
    printed : False for text of the release that only defines macros for the cells below it
    """

    markdown: str
    place: str
    formulas: list[Formula]
    images: CellImages
    cut: int = 0
    printed: bool = True
    _tree: list[Element] = field(default_factory=list)

    @classmethod
    def read(cls, source: str, place: str, images: CellImages) -> Passage:
        """Read the source of a cell. What is longer than LONGEST, images apart, is cut."""
        text = images.take(_LINK_TARGET.sub("\ufffd", clean(source)))
        cut = max(0, len(text) - LONGEST)
        formulas: list[Formula] = []
        marked = take_formulas(text[:LONGEST], formulas)
        return cls(marked, place, formulas, images, cut)

    @classmethod
    def of_html(cls, html: str, place: str, images: CellImages) -> Passage:
        """HTML that a cell printed: its words, tables and images, without formulas."""
        text = images.take(_LINK_TARGET.sub("\ufffd", clean(html)))
        return cls(text, place, [], images, _tree=[parse(text)])

    @property
    def typed(self) -> str:
        """The text as it was typed, without the content of its images."""
        return put_back(self.markdown, self.formulas)

    def write(
        self,
        formula: Callable[[int], str],
        image: Callable[[str, str], str],
        heading: Callable[[int], int],
        problem: Callable[[str], None],
    ) -> str:
        """The Typst markup. `formula` gives that of the formula of a number, `image` that of an address and words."""
        seen: set[int] = set()

        def text(words: str) -> str:
            pieces = MARK.split(words)
            for index in range(1, len(pieces), 2):
                number = int(pieces[index])
                seen.add(number)
                pieces[index] = formula(number) if number < len(self.formulas) else ""
            pieces[::2] = [f"#{typst_string(piece)};" if piece else "" for piece in pieces[::2]]
            return "".join(pieces)

        def source(words: str) -> str:
            seen.update(int(mark) for mark in MARK.findall(words))
            return put_back(words, self.formulas)

        if not self._tree:
            self._tree.append(parse(_reader().render(self.markdown)))
        markup = Writer(image, text, source, heading, problem).write(self._tree[0])
        # What the Markdown swallowed (in a link definition, say) is put at the end: no formula is lost.
        swallowed = [formula(number) for number in range(len(self.formulas)) if number not in seen]
        return "\n\n".join(filter(None, [markup, *swallowed]))


@functools.cache
def _reader() -> Any:
    from markdown_it import MarkdownIt

    reader = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    # Addresses are judged where they are used; here they must only come through.
    reader.validateLink = lambda url: True
    reader.normalizeLink = lambda url: url
    return reader
