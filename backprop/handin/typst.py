"""Typst markup turned into a PDF, in a folder where nothing but the hand-in's own pictures can be read.

One formula or picture that Typst cannot set would fail the whole document, so each is tried alone first
(half a millisecond each) and replaced by its source, or a sentence, where it fails.
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ..latex import FormulaError, Macros, formula_style, to_typst
from .math_spans import MARK, Formula
from .pandoc import (
    Blocks,
    Cleaner,
    ConversionError,
    read_markdown,
    text_blocks,
    typst_string,
    wrapped,
    write_typst,
)

_MOST_FORMULAS = 1_500_000  # characters of Typst for the formulas of a document: a hundred times what a section has
_LARGEST_PICTURE = 60_000_000  # pixels

STYLE = r"""
#let ink = rgb("#1f3a5f")
#let faint = luma(95)
// Typst sets raw text at 0.8 of the size around it: 10pt gives 8pt.
#let long(code) = code.split("\n").len() > 40 // may break over pages: half a page and more
#let listing(lang, code) = block(
  width: 100%, fill: luma(247), stroke: 0.5pt + luma(215), radius: 2pt, inset: 7pt, breakable: long(code),
  text(size: 10pt, raw(code, lang: if lang == "" { none } else { lang }, block: true)),
)
#let rule = line(length: 100%, stroke: 0.5pt + luma(200))
#let note(body) = text(size: 9pt, fill: faint, style: "italic", body)
#let label-line(body) = block(above: 1.6em, below: 0.7em, sticky: true,
  text(size: 9pt, fill: ink, font: "DejaVu Sans Mono", body))
#let answer(body) = block(width: 100%, inset: (left: 10pt, y: 3pt), stroke: (left: 2pt + ink), breakable: true, body)
#let question(body) = block(width: 100%, breakable: true, sticky: true, text(fill: luma(70), body))
#let report(good, code) = block(
  width: 100%, inset: 7pt, radius: 2pt, breakable: long(code),
  fill: if good { rgb("#eef3f9") } else { rgb("#fbeeee") },
  stroke: 0.5pt + if good { rgb("#bccde0") } else { rgb("#dfb8b8") },
  text(size: 10pt, raw(code, block: true)),
)
#let fitted(body, most: 11cm) = layout(size => {
  let natural = measure(body)
  let factor = calc.min(1, size.width / natural.width, most / natural.height)
  if factor < 1 { scale(factor * 100%, reflow: true, body) } else { body }
})
#let picture(name) = fitted(image(name))
#let inline-source(code) = [#box(fill: rgb("#fdf3dc"), outset: 2pt, raw(code)) #note[(could not be typeset; its LaTeX)]]
#let block-source(code, why) = block(
  width: 100%, fill: rgb("#fdf3dc"), stroke: 0.5pt + rgb("#e0c98f"), radius: 2pt, inset: 7pt, breakable: true,
  [#note(why) \ #text(size: 10pt, raw(code, block: true))],
)
#let dressed(body) = {
  set par(justify: false, leading: 0.65em)
  set text(font: ("Libertinus Serif", "DejaVu Sans"), size: 10.5pt, lang: "en", region: "gb", fallback: true)
  set table(stroke: 0.5pt + luma(190), inset: 5pt)
  set math.equation(numbering: none)
  show: formulas
  show raw: set text(font: ("DejaVu Sans Mono", "DejaVu Sans"))
  show raw.where(block: false): set text(size: 9pt)
  show figure: set block(breakable: true)
  show figure.where(kind: table): set text(size: 9.5pt)
  show link: set text(fill: rgb("#1a4f8b"))
  show heading: set text(fill: ink)
  show heading: set block(above: 1.5em, below: 0.8em, sticky: true)
  show heading.where(level: 1): set text(size: 16pt)
  show heading.where(level: 2): set text(size: 12.5pt)
  show heading.where(level: 3): set text(size: 12pt)
  show heading.where(level: 4): set text(size: 11pt)
  show heading.where(level: 5): set text(size: 10.5pt)
  show heading.where(level: 6): set text(size: 10.5pt)
  body
}
"""
_PIECE = '#import "style.typ": *\n#show: dressed\n'


@dataclass(frozen=True)
class Passage:
    """The Markdown of one cell, where it stands (for messages), its pictures and the macros known there."""

    markdown: str
    place: str
    formulas: list[Formula]
    macros: Macros
    pictures: dict[str, bytes]


@dataclass
class Press:
    """Sets passages and pictures, and prints the document; `problems` collects one sentence for each failure."""

    folder: Path
    system_fonts: bool = False
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        import typst

        fonts = typst.Fonts(include_system_fonts=self.system_fonts, font_paths=_font_folders())
        self._compiler = typst.Compiler(root=self.folder, font_paths=fonts, package_path=self.folder / "packages")
        self._error = typst.TypstError
        self._pictures = self._formulas = 0
        (self.folder / "style.typ").write_text(formula_style() + STYLE, "utf-8")

    def compiles(self, markup: str) -> bool:
        """True when this markup can be set on its own."""
        try:
            self._compiler.compile((_PIECE + markup).encode())
        except (self._error, RuntimeError):
            return False
        return True

    def add_picture(self, content: bytes, place: str) -> str:
        """The Typst call that shows this picture, or a sentence where it is damaged or of an unknown kind."""
        kind = _picture_kind(content)
        if kind:
            self._pictures += 1
            name = f"{self._pictures}.{kind}"
            (self.folder / name).write_bytes(content)
            if self.compiles(call := f'#picture("{name}")'):
                return call
        self.problems.append(f"{place}: a picture could not be shown (damaged, too large or of an unknown kind).")
        return "#note[(A picture here could not be shown: damaged, too large or of an unknown kind.)]"

    def set_passages(self, passages: list[Passage]) -> list[str]:
        """The Typst markup of each passage; the source in a box where it cannot be set."""
        parsed = read_markdown([passage.markdown for passage in passages])
        documents = [self._cleaned(passage, blocks) for passage, blocks in zip(passages, parsed, strict=True)]
        markup = write_typst([document or [] for document in documents])
        pages = []
        for passage, document, body in zip(passages, documents, markup, strict=True):
            shown = [self._formula(passage, formula, number) for number, formula in enumerate(passage.formulas, 1)]
            pages.append(self._body(passage, None if document is None else body, shown))
        return pages

    def print(self, document: str) -> bytes:
        """The PDF of this document. Raises ConversionError with Typst's reason."""
        try:
            return self._compiler.compile(document.encode(), format="pdf")
        except (self._error, RuntimeError) as error:
            raise ConversionError(str(error).split("\n")[0]) from None

    def _cleaned(self, passage: Passage, blocks: Blocks | None) -> Blocks | None:
        if blocks is None:
            return None

        def picture(source: str, words: str) -> str:
            content = passage.pictures.get(source)
            if content is not None:
                return self.add_picture(content, passage.place)
            shown = source if len(source) <= 80 else source[:77] + "…"
            self.problems.append(f"{passage.place}: the picture {shown} is not inside the notebook; paste it into it.")
            return f"#note({typst_string(f'(picture {words} not inside the notebook: {shown})')})"

        cleaner = Cleaner(passage.formulas, picture)
        try:
            cleaned = cleaner.clean(blocks)
        except (ConversionError, RecursionError):
            return None
        # What the Markdown swallowed (in a link definition, say) is put at the end: no formula is lost.
        missing = [number for number in range(len(passage.formulas)) if number not in cleaner.seen]
        return cleaned + [block for number in missing for block in text_blocks(f"\ue000{number}\ue001")]

    def _formula(self, passage: Passage, formula: Formula, number: int) -> str:
        reason = formula.problem
        if not reason:
            try:
                markup = to_typst(formula.tex, formula.display, passage.macros)
            except FormulaError as error:
                reason = str(error)
            else:
                self._formulas += len(markup)
                if self._formulas > _MOST_FORMULAS:
                    reason = "the formulas of this document are too much to set"
                elif not markup or self.compiles(markup):
                    return markup
                else:
                    reason = "it could not be typeset"
        begin = formula.source if len(formula.source) <= 60 else formula.source[:57] + "…"
        flat = " ".join(begin.split())
        self.problems.append(f"{passage.place}: formula {number}, {flat}, is shown as its LaTeX source: {reason}.")
        code = typst_string(wrapped(formula.source))
        if not formula.display and len(formula.source) <= 60 and "\n" not in formula.source:
            return f"#inline-source({code})"
        sentence = f"Formula {number} of this cell is shown as its LaTeX source: {reason}."
        return f"#block-source({code}, {typst_string(sentence)})"

    def _body(self, passage: Passage, body: str | None, shown: list[str]) -> str:
        if body is not None:
            body = MARK.sub(lambda mark: _closed(shown[int(mark[1])]), body)
            if self.compiles(body):
                return body
        self.problems.append(f"{passage.place}: the text could not be typeset and is shown as typed.")
        source = MARK.sub(lambda mark: passage.formulas[int(mark[1])].source, passage.markdown)
        sentence = "This text could not be typeset; it is shown as it was typed."
        return f"#block-source({typst_string(wrapped(source))}, {typst_string(sentence)})"


def _closed(markup: str) -> str:
    return f"{markup};" if markup.startswith("#") else markup


def _picture_kind(content: bytes) -> str:
    """png, jpg, gif, webp or svg; empty for anything else and for a picture of absurd size."""
    width = height = 0
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        kind, width, height = "png", int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    elif content.startswith(b"GIF8"):
        kind, width, height = "gif", int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    elif content.startswith(b"\xff\xd8\xff"):
        kind = "jpg"
    elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        kind = "webp"
    elif b"<svg" in content[:2000]:
        kind = "svg"
    else:
        return ""
    return kind if width * height <= _LARGEST_PICTURE and len(content) <= 30_000_000 else ""


def _font_folders() -> list[str]:
    # matplotlib brings DejaVu Sans, which has the symbols and smileys that Typst's own fonts lack.
    found = importlib.util.find_spec("matplotlib")
    folder = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" if found and found.origin else None
    return [str(folder)] if folder and folder.is_dir() else []


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """An empty folder that becomes everything Typst can see."""
    return tempfile.TemporaryDirectory(prefix="backprop-pdf-")
