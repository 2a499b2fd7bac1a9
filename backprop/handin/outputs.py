"""What a cell printed and drew: text, figures, tables, formulas; what paper cannot show is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .html_to_typst import has_text, parse
from .images import MIMES, CellImages, decoded
from .notebook import Cell, clean, joined

_LINES_SHOWN = (45, 15)
_LONGEST_LINE = 2000
_LONGEST_HTML = 200_000
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
# A repr that says nothing, such as <IPython.core.display.HTML object> or <Axes: title='x'>.
_EMPTY_REPR = re.compile(r"\s*<[\w.]+(?: [^<>]*)?>\s*")
_INTERACTIVE = {
    "application/vnd.plotly.v1+json": "an interactive plotly figure",
    "application/vnd.jupyter.widget-view+json": "an interactive widget",
    "application/vnd.bokehjs_exec.v0+json": "an interactive bokeh figure",
    "application/vnd.vegalite.v5+json": "an interactive Vega figure",
    "application/javascript": "a script",
}


@dataclass(frozen=True)
class Shown:
    """One thing that an output shows: `kind` is text, image, html, markdown, or unseen (`text` names it then)."""

    kind: str
    text: str = ""
    image: bytes = b""


def shown(cell: Cell, with_error: bool = True) -> list[Shown]:
    """What the outputs of a cell show, in order; text that follows text is one piece."""
    found: list[Shown] = []
    for piece in _pieces(cell, with_error):
        if piece.kind == "text" and found and found[-1].kind == "text":
            found[-1] = Shown("text", found[-1].text + piece.text)
        elif piece.kind == "unseen" and piece in found:
            continue  # named once
        else:
            found.append(piece)
    stripped = [Shown("text", one.text.strip("\n")) if one.kind == "text" else one for one in found]
    return [one for one in stripped if one.kind != "text" or one.text]


def _pieces(cell: Cell, with_error: bool) -> Iterator[Shown]:
    for output in cell.outputs:
        kind = output.get("output_type")
        if kind == "stream":
            yield Shown("text", _terminal(joined(output.get("text"))))
        elif kind == "error" and with_error:
            yield Shown("text", f"{clean(joined(output.get('ename')))}: {clean(joined(output.get('evalue')))}\n")
        elif kind in ("display_data", "execute_result"):
            data = output.get("data")
            yield from _bundle({str(mime): content for mime, content in data.items()} if isinstance(data, dict) else {})


def _bundle(data: dict[str, Any]) -> Iterator[Shown]:
    """The one way in which a bundle of the same thing in several formats is shown best on paper."""
    plain = _terminal(joined(data.get("text/plain")))
    for mime in MIMES:
        if mime in data:
            yield Shown("image", image=decoded(mime, data[mime]))
            return
    unseen = next((words for mime, words in _INTERACTIVE.items() if mime in data), "")
    html = joined(data.get("text/html"))
    if "text/latex" in data and not html:
        yield Shown("markdown", _as_formula(joined(data["text/latex"])))
    elif "text/markdown" in data:
        yield Shown("markdown", joined(data["text/markdown"]))
    elif html and not unseen and (not plain.strip() or _EMPTY_REPR.fullmatch(plain) or "<table" in html):
        short = CellImages({}, None).take(html)
        if len(short) <= _LONGEST_HTML and has_text(parse(short)):
            yield Shown("html", html)
        elif plain.strip() and not _EMPTY_REPR.fullmatch(plain):
            yield Shown("text", plain + "\n")
        else:
            too_long = len(short) > _LONGEST_HTML
            yield Shown("unseen", "a web page that is too long" if too_long else "an interactive web page (HTML)")
    elif plain.strip():
        yield Shown("text", plain + "\n")
        if unseen:
            yield Shown("unseen", unseen)
    elif unseen:
        yield Shown("unseen", unseen)
    elif data and "text/plain" not in data:
        yield Shown("unseen", f"an output of the kind {clean(', '.join(sorted(data)))[:100]}")


def _as_formula(latex: str) -> str:
    stripped = latex.strip()
    return latex if re.match(r"\$|\\\[|\\\(|\\begin", stripped) else f"$$\n{stripped}\n$$"


def error_of(cell: Cell) -> str:
    """The exception in the cell's outputs, such as `ValueError: shapes differ`, or an empty string."""
    for output in cell.outputs:
        if output.get("output_type") == "error":
            value = clean(joined(output.get("evalue"))).strip()
            name = clean(joined(output.get("ename"))) or "error"
            return f"{name}: {value}" if value else name
    return ""


def has_image(cell: Cell) -> bool:
    """True when the cell drew a figure."""
    return any(one.kind == "image" for one in shown(cell))


def shortened(text: str, first: int = _LINES_SHOWN[0], last: int = _LINES_SHOWN[1]) -> tuple[str, str]:
    """The text without its middle when it is long, and what was left out, in words (empty when nothing was)."""
    lines = text.split("\n")
    long = sum(len(line) > _LONGEST_LINE for line in lines)
    left_out = f"the rest of {long} very long line{'s' if long > 1 else ''}" if long else ""
    if len(lines) > first + last + 5:
        count = len(lines) - first - last
        left_out = f"{count} of {len(lines)} lines"
        lines = [*lines[:first], f"… {count} lines left out here …", *(lines[len(lines) - last :] if last else [])]
    lines = [
        line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}… ({len(line) - _LONGEST_LINE} more characters)"
        for line in lines
    ]
    return "\n".join(lines), left_out


def _terminal(text: str) -> str:
    """What a terminal would show: no colours, and only the last state of a progress bar."""
    lines = _ANSI.sub("", text.replace("\r\n", "\n")).split("\n")
    return clean("\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines))
