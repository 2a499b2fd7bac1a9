"""The hand-in of a student as one PDF: written answers, graded code, figures and what the checks said.

No TeX and no browser: pandoc (`pypandoc_binary`) and Typst (`typst`) are ordinary wheels.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from ..files import write_atomically
from ..latex import Macros
from .math_spans import Formula, take_formulas
from .notebook import Cell, Notebook, NotebookError, clean, joined, read_notebook
from .pandoc import ConversionError, typst_string, wrapped
from .typst import Passage, Press, scratch_folder

_NEW_PAGE = "#pagebreak(weak: true)"
_LONGEST_MARKDOWN = 40_000
_LINES_SHOWN = (45, 15)
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+\S.*$", re.MULTILINE)
# The bounds keep a text without a comma from being read again from each of its characters.
_DATA_PICTURE = re.compile(r"data:image/[\w.+-]{1,60}(?:;(?!base64,)[\w.=-]{1,60}){0,4}(;base64)?,([^\s)\"'>]+)")


@dataclass
class _Sheet:
    """The document while it is put together: Typst markup, and the passages of Markdown that are still to be set.

    A piece is its Typst text, or the number of its passage; the passage's frame is `question` or `answer`.
    """

    pieces: list[str | int] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)

    def markup(self, text: str) -> None:
        self.pieces.append(text)

    def passage(self, passage: Passage, frame: str) -> None:
        self.pieces.append(len(self.passages))
        self.passages.append(passage)
        self.frames.append(frame)

    def include(self, number: int) -> str:
        """The call that shows the piece, which lies in a file of its own."""
        piece = self.pieces[number]
        inside = f'include "piece{number}.typ"'
        if piece == _NEW_PAGE:
            return piece
        return f"#{inside}" if isinstance(piece, str) else f"#{self.frames[piece]}({inside})"


def make_pdf(paths: Sequence[str | Path], out: str | Path, name: str = "") -> list[str]:
    """Write the PDF of these notebooks to `out`; returns one sentence for each thing that could not be shown as meant.

    `name` is the student's, printed on the title and in the footer. Raises NotebookError when a notebook cannot be
    read or the two wheels are missing, OSError when `out` cannot be written.
    """
    notebooks = [read_notebook(path) for path in paths]
    try:
        import pypandoc  # noqa: F401
        import typst  # noqa: F401
    except ImportError:
        raise NotebookError(
            "The PDF needs two more packages. Install them with: pip install pypandoc_binary typst==0.14.9"
        ) from None
    everything = "".join(cell.source + str(cell.outputs) for book in notebooks for cell in book.cells)
    with scratch_folder() as folder:
        press = Press(Path(folder), system_fonts=_needs_system_fonts(everything + name))
        sheet = _Sheet()
        for notebook in notebooks:
            _add_notebook(sheet, press, notebook)
        set_passages = press.set_passages(sheet.passages)
        title = _title([book.section for book in notebooks], clean(name))
        body = [set_passages[piece] if isinstance(piece, int) else piece for piece in sheet.pieces]
        for number, text in enumerate(body):
            # Files of their own: whatever a piece holds, it ends where it ends.
            Path(folder, f"piece{number}.typ").write_text('#import "style.typ": *\n' + text, "utf-8")
        try:
            pdf = press.print(title + "\n".join(sheet.include(number) for number in range(len(body))))
        except ConversionError as error:
            raise NotebookError(f"The PDF could not be made ({error}). Please report this.") from None
    write_atomically(out, pdf)
    return press.problems


def _title(sections: list[str], name: str) -> str:
    names = list(dict.fromkeys(sections))
    shown = typst_string(", ".join(names))
    author = typst_string(name)
    footer = typst_string(" · ".join(part for part in (name, ", ".join(names)) if part)[:90])
    return f"""#import "style.typ": *
#set document(title: {typst_string("Answers: " + ", ".join(names))}, author: {author}, date: none)
#set page(paper: "a4", margin: (x: 2.2cm, top: 2.2cm, bottom: 2.4cm), footer: context {{
  set text(size: 8.5pt, fill: faint, font: ("Libertinus Serif", "DejaVu Sans"))
  grid(columns: (1fr, auto), {footer},
    [Page #counter(page).display() of #counter(page).final().first()])
}})
#show: dressed
#block(below: 1em, text(size: 22pt, weight: "bold", fill: ink, [Answers]))
#block(above: 1em, below: 0.7em, text(size: 12pt, {shown}))
{f"#block(above: 0.7em, text(size: 12pt, fill: faint, {author}))" if name else ""}
#rule
"""


def _add_notebook(sheet: _Sheet, press: Press, notebook: Notebook) -> None:
    macros = Macros()
    for cell in notebook.cells:
        if cell.kind == "markdown" and len(cell.source) <= _LONGEST_MARKDOWN:
            found: list[Formula] = []
            take_formulas(clean(cell.source), found)
            for formula in found:
                macros.learn(formula.tex)
    if sheet.pieces:
        sheet.markup(_NEW_PAGE)
    sheet.markup(f"= #{typst_string(f'{notebook.section} · {notebook.path.stem}')}\n")
    question: Cell | None = None
    heading = ""
    empty = True
    for cell in notebook.cells:
        if cell.kind == "markdown" and not cell.is_answer:
            question, heading = cell, _last_heading(cell.source) or heading
            continue
        for piece in _cell(press, notebook, cell):
            empty = False
            if cell.is_answer and question:
                sheet.passage(_passage(press, notebook, question, macros), "question")
            elif heading:
                title = Cell(cell.number, "markdown", heading)
                sheet.passage(_passage(press, notebook, title, macros), "question")
            question, heading = None, ""
            if isinstance(piece, Cell):
                sheet.passage(_passage(press, notebook, piece, macros), "answer")
            else:
                sheet.markup(piece)
    if empty:
        sheet.markup("#note[This notebook holds no graded cell and no figure.]\n")


def _last_heading(source: str) -> str:
    text = clean(source[:_LONGEST_MARKDOWN])
    found = _HEADING.findall(re.sub(r"^(`{3,})(?!`).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL))
    return found[-1] if found else ""


def _cell(press: Press, notebook: Notebook, cell: Cell) -> Iterator[str | Cell]:
    """What one cell contributes: Typst markup, or the cell itself where its Markdown is to be set."""
    label = _label(cell)
    if cell.is_answer:
        if cell.is_unanswered:
            yield _tagged(f"Answer {label}") + "#note[Not answered.]\n"
        if cell.source.strip() and cell.source.strip() != "YOUR ANSWER HERE":
            if not cell.is_unanswered:
                yield _tagged(f"Answer {label}")
            yield cell
        return
    if cell.kind != "code":
        return
    if cell.is_graded_code:
        unfinished = "#note[Still unfinished: the stub raises NotImplementedError.]\n" if cell.is_unfinished else ""
        code = typst_string(wrapped(_shortened(clean(cell.source).rstrip(), 2000, 0)))
        yield _tagged(f"Code {label}") + f'{unfinished}#listing("python", {code})\n'
    if cell.is_check:
        yield _tagged(f"Check {label}") + _report(cell)
    elif cell.is_graded_code or "train" in cell.tags or _has_picture(cell):
        text = _text_outputs(cell)
        if text:
            what = "ended in an error" if _error(cell) else "printed"
            shown = typst_string(wrapped(_shortened(text)))
            yield _tagged(f"Cell {cell.number} {what}") + f"#report({_boolean(not _error(cell))}, {shown})\n"
    yield from _figures(press, notebook, cell)


def _label(cell: Cell) -> str:
    points = cell.grading.get("points")
    worth = ""
    if isinstance(points, (int, float)) and cell.grading.get("grade"):
        worth = f" · {points:g} point{'' if points == 1 else 's'}"
    return f"{cell.grade_id or f'in cell {cell.number}'}{worth}"


def _tagged(text: str) -> str:
    return f"#label-line({typst_string(text)})\n"


def _report(cell: Cell) -> str:
    """What a check said, in a tinted box; plainly said when it said nothing."""
    text = _text_outputs(cell)
    error = _error(cell)
    sentence = ""
    if error:
        sentence = f"This check ended in an error: {error}"
    elif not text:
        was_run = cell.execution_count is not None
        sentence = "This check was run and printed nothing." if was_run else "This check was not run: it has no output."
    if error:
        printed = _text_outputs(cell, with_error=False)
        text = f"{printed}\n{sentence}" if printed else sentence
    good = _boolean(not error and bool(text))
    return f"#report({good}, {typst_string(wrapped(_shortened(text or sentence)))})\n"


def _text_outputs(cell: Cell, with_error: bool = True) -> str:
    texts = []
    for output in cell.outputs:
        kind = output.get("output_type")
        if kind == "stream":
            texts.append(_terminal(joined(output.get("text"))))
        elif kind == "error" and with_error:
            texts.append(f"{clean(joined(output.get('ename')))}: {clean(joined(output.get('evalue')))}\n")
        elif kind in ("display_data", "execute_result"):
            data = _data(output)
            if not any(mime.startswith("image/") for mime in data):
                texts.append(_terminal(joined(data.get("text/plain"))) + "\n")
    return "".join(texts).strip("\n")


def _error(cell: Cell) -> str:
    """The exception in the cell's outputs, such as `ValueError: shapes differ`, or an empty string."""
    for output in cell.outputs:
        if output.get("output_type") == "error":
            value = clean(joined(output.get("evalue"))).strip()
            name = clean(joined(output.get("ename"))) or "error"
            return f"{name}: {value}" if value else name
    return ""


def _terminal(text: str) -> str:
    """What a terminal would show: no colours, and only the last state of a progress bar."""
    lines = _ANSI.sub("", text.replace("\r\n", "\n")).split("\n")
    return clean("\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines))


def _shortened(text: str, first: int = _LINES_SHOWN[0], last: int = _LINES_SHOWN[1]) -> str:
    lines = [
        line if len(line) <= 2000 else f"{line[:2000]}… ({len(line) - 2000} more characters)"
        for line in text.split("\n")
    ]
    if len(lines) <= first + last + 5:
        return "\n".join(lines)
    left_out = f"… {len(lines) - first - last} lines left out here …"
    return "\n".join([*lines[:first], left_out, *lines[len(lines) - last :]])


def _has_picture(cell: Cell) -> bool:
    return any(mime in _data(output) for output in cell.outputs for mime in _PICTURES)


def _figures(press: Press, notebook: Notebook, cell: Cell) -> Iterator[str]:
    number = 0
    for output in cell.outputs:
        data = _data(output)
        for mime in _PICTURES:
            if mime in data:
                number += 1
                words = f"Figure of cell {cell.number}" + (f", number {number}" if number > 1 else "")
                call = press.add_picture(_bytes(mime, joined(data[mime])), _name(notebook, cell))
                yield f"#block(breakable: false, width: 100%)[{call}\n#note[{words}]]\n"
                break


def _data(output: dict[str, Any]) -> dict[str, Any]:
    data = output.get("data")
    return {str(mime): content for mime, content in data.items()} if isinstance(data, dict) else {}


def _bytes(mime: str, text: str) -> bytes:
    if mime.startswith("image/svg"):
        return text.encode()
    try:
        return base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError):
        return b""


def _passage(press: Press, notebook: Notebook, cell: Cell, macros: Macros) -> Passage:
    text = clean(cell.source)
    place = _name(notebook, cell)
    if len(text) > _LONGEST_MARKDOWN:
        press.problems.append(f"{place}: only the first {_LONGEST_MARKDOWN} characters of the text are shown.")
        text = text[:_LONGEST_MARKDOWN] + "\n\n(The rest of this text is left out: it is too long.)"
    text = re.sub("[\ue002\ue003]", "\ufffd", text)
    formulas: list[Formula] = []
    pictures: dict[str, bytes] = {}
    for name, data in cell.attachments.items():
        for mime, content in data.items() if isinstance(data, dict) else ():
            pictures[f"attachment:{name}"] = _bytes(str(mime), joined(content))
    marked, pictures_inside = _without_data_pictures(text)
    pictures.update(pictures_inside)
    marked = take_formulas(marked, formulas)
    for source in re.findall(r"attachment:[^\s)\"'>]+", marked):
        if unquote(source) in pictures:
            pictures[source] = pictures[unquote(source)]
    return Passage(marked, place, formulas, macros, pictures)


def _without_data_pictures(text: str) -> tuple[str, dict[str, bytes]]:
    """Pictures written into the Markdown as data: URIs, taken out so that a megabyte need not go through pandoc."""
    pictures: dict[str, bytes] = {}

    def take(found: re.Match[str]) -> str:
        name = f"attachment:inline-{len(pictures)}"
        packed = unquote_to_bytes(found[2])
        try:
            pictures[name] = base64.b64decode(packed) if found[1] else packed
        except (binascii.Error, ValueError):
            pictures[name] = b""
        return name

    return _DATA_PICTURE.sub(take, text), pictures


def _name(notebook: Notebook, cell: Cell) -> str:
    return f"{notebook.path.name}, cell {cell.number}" + (f" ({cell.grade_id})" if cell.grade_id else "")


def _boolean(value: bool) -> str:
    return "true" if value else "false"


def _needs_system_fonts(text: str) -> bool:
    # Scripts that the fonts of Typst and matplotlib do not have; looking for fonts on the machine takes time.
    return any(unicodedata.category(c)[0] != "C" and (c > "\u2e80" or "\u0900" <= c < "\u1e00") for c in set(text))
