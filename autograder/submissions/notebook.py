"""A submitted notebook, read as hostile data, cell by cell.

A damaged notebook is read as far as it goes; every damage becomes one sentence for the student and
the instructor.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backprop.handin.notebook import MAX_CELLS, MAX_NOTEBOOK, MAX_PARTS

from ..text import printable
from .files import open_no_link
from .images import gather
from .outputs import _joined, clean_outputs

MAX_BROKEN = 200
MAX_SOURCE = 2**20
MAX_SAID = 5  # sentences about the pictures of one cell
MAX_ALL_SOURCE = 8 * 2**20
CELL_TYPES = ("code", "markdown", "raw")
END_OF_CELLS = re.compile(r"\s*,?\s*\]")
CELL_START = re.compile(r'\{\s*"(?:cell_type|attachments|execution_count|id)"')


@dataclass
class SubmittedCell:
    """One cell as handed in. outputs are already cleaned."""

    cell_type: str
    source: str
    metadata: dict[str, Any] = field(default_factory=dict)
    outputs: list[dict[str, Any]] = field(default_factory=list)
    id: str = ""
    attachments: dict[str, dict[str, str]] = field(default_factory=dict)

    @functools.cached_property
    def plain(self) -> str:
        return plain(self.source)

    @property
    def grade_id(self) -> str:
        nbgrader = self.metadata.get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        return grade_id if isinstance(grade_id, str) else ""


def plain(text: str) -> str:
    """The text without empty lines and without white space at the ends of lines, which no answer lies in."""
    return "\n".join(line.rstrip() for line in text.strip().splitlines() if line.strip())


class Cells(list[SubmittedCell]):
    """The cells of a notebook. python: the version that it says it was saved with, such as "3.12.4"; "" for none."""

    python: str = ""


class Remark(str):
    """A sentence about a file of which nothing was lost."""


def read_notebook(path: Path) -> tuple[list[SubmittedCell], list[str]]:
    """The cells of a submitted notebook and one sentence for each thing that was wrong with the file.

    A sentence that is a Remark says that all of it was read all the same.

    Never raises for the file's content: what can't be read is left out and said.
    """
    name = printable(path.name)
    try:
        with open(open_no_link(path), "rb") as file:
            data = file.read(MAX_NOTEBOOK + 1)
    except OSError as error:
        return [], [f"{name} cannot be opened ({error.strerror or error}). It has to be handed in again."]
    if len(data) > MAX_NOTEBOOK:
        return [], [f"{name} is larger than {MAX_NOTEBOOK // 2**20} MiB. Clear its outputs and hand it in again."]
    return parse_notebook(data, path.name)


def parse_notebook(data: bytes, name: str = "the notebook") -> tuple[list[SubmittedCell], list[str]]:
    """As `read_notebook`, for bytes."""
    problems: list[str] = []
    name, text = printable(name), _text(data)
    if sum(map(text.count, "[{,")) > MAX_PARTS:
        return [], [f"{name} has more than {MAX_PARTS:,} parts. Clear its outputs and hand it in again."]
    document = _json(text)
    if not isinstance(document, dict):
        cells, lost = _rescue(text)
        if not cells:
            place = _first_line(text)
            return [], [f"{name} is not a notebook ({place}). It has to be handed in again."]
        if lost:
            problems.append(f"{name} is damaged; {len(cells)} of its cells could be read, the rest is lost.")
        else:
            text = f"{name} is damaged outside its cells; all {len(cells)} of them could be read."
            problems.append(Remark(text))
        document = {"cells": cells}
    raw = document.get("cells")
    if raw is None and isinstance(document.get("worksheets"), list):  # nbformat 3
        sheets = [sheet.get("cells") for sheet in document["worksheets"] if isinstance(sheet, dict)]
        raw = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(raw, list):
        return [], [f"{name} has no cells. It has to be handed in again."]
    if len(raw) > MAX_CELLS:
        problems.append(f"{name} has {len(raw)} cells; only the first {MAX_CELLS} are looked at.")
    cells = [_cell(cell, problems) for cell in raw[:MAX_CELLS]]
    _cut_text(cells, name, problems)
    unreadable = sum(cell is None for cell in cells)
    if unreadable:
        problems.append(f"{unreadable} cells of {name} have no readable text and are left out.")
    language = _language(document.get("metadata"))
    if language and not language.lower().startswith(("python", "ipython")):
        problems.append(Remark(f"{name} asks for the kernel {language[:40]!r}; it was graded with Python 3."))
    read = Cells(cell for cell in cells if cell is not None)
    read.python = _python(document.get("metadata"))
    return read, problems


def _cut_text(cells: list[SubmittedCell | None], name: str, problems: list[str]) -> None:
    """Empty the cells beyond MAX_ALL_SOURCE characters of source in all."""
    size = 0
    for cell in cells:
        size += len(cell.source) if cell else 0
        if cell and size > MAX_ALL_SOURCE:
            cell.source = ""
    if size > MAX_ALL_SOURCE:
        problems.append(f"{name} has more than {MAX_ALL_SOURCE // 2**20} MiB of text; the rest was left out.")


def _python(metadata: Any) -> str:
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    version = info.get("version") if isinstance(info, dict) else None
    return version if isinstance(version, str) and re.fullmatch(r"\d[\w.+]{0,19}", version) else ""


def _language(metadata: Any) -> str:
    """The language that the notebook says it is written in, "" when it does not say.

    The name of a kernel alone says nothing (conda environments give it names of their own), except for some.
    """
    spec, info = (metadata.get(key) if isinstance(metadata, dict) else None for key in ("kernelspec", "language_info"))
    spec, info = (part if isinstance(part, dict) else {} for part in (spec, info))
    for said in (spec.get("language"), info.get("name")):
        if isinstance(said, str) and said:
            return said
    name = spec.get("name")
    return name if isinstance(name, str) and re.match(r"(?i)(ir|julia|octave|sas|scala|xcpp)\b", name) else ""


ENCODINGS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"{\0", "utf-16-le"),
    (b"\0{", "utf-16-be"),
)
# Bytes that are not UTF-8 are read as what an old Windows editor means by them.
WINDOWS = {0xDC00 + byte: bytes([byte]).decode("cp1252", "replace") for byte in range(128, 256)}


# One half of a letter, written as JSON writes letters, which no file can hold; a backslash that stands for itself and
# a whole letter are passed over.
HALF = re.compile(r"(\\\\|\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2})|\\u[dD][89a-fA-F][\da-fA-F]{2}")


def _text(data: bytes) -> str:
    """The text of a notebook's file, each half of a letter replaced."""
    text = _decoded(data)
    if not re.search(r"\\u[dD][89a-fA-F]", text):
        return text
    return HALF.sub(lambda found: found[1] or "\\ufffd", text)


def _decoded(data: bytes) -> str:
    for mark, encoding in ENCODINGS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", errors="surrogateescape").translate(WINDOWS)


def _json(text: str) -> Any:
    """The first JSON value in the text (anything after it is ignored), None when there is none."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _rescue(text: str) -> tuple[list[Any], bool]:
    """The cells of a notebook whose JSON is cut off or broken somewhere, read one by one, and whether some are lost."""
    start = re.search(r'"cells"\s*:\s*\[', text)
    if not start:
        return [], True
    decoder, cells, position = json.JSONDecoder(strict=False), [], start.end()
    broken, left = 0, 4 * len(text)  # each try may read all that is left of the text
    while len(cells) < MAX_CELLS and broken < MAX_BROKEN and left > 0:
        brace = text.find("{", position)
        if brace < 0:
            break
        try:
            cell, position = decoder.raw_decode(text, brace)
        except (ValueError, RecursionError) as error:
            # Broken inside this cell (an editing accident, a merge conflict): go on with the next one.
            broken += 1
            left -= getattr(error, "pos", len(text)) - brace
            following = CELL_START.search(text, brace + 1)
            if not following:
                break
            position = following.start()
            continue
        if isinstance(cell, dict) and "cell_type" in cell:
            cells.append(cell)
            if not broken and END_OF_CELLS.match(text, position):
                return cells, False
    return cells, True


def _first_line(text: str) -> str:
    if not text.strip():
        return "the file is empty"
    first = text.lstrip()[:1]
    return f"line 1: expected '{{', found {first!r}" if first != "{" else "its JSON is broken before the first cell"


def _cell(raw: Any, problems: list[str]) -> SubmittedCell | None:
    if not isinstance(raw, dict):
        return None
    source = _joined(_with_line_ends(raw.get("source", raw.get("input"))))
    if source is None:
        return None
    cell_type = raw.get("cell_type")
    metadata = raw.get("metadata")
    outputs = raw.get("outputs")
    attachments: dict[str, dict[str, str]] = {}
    if cell_type != "code":
        left_out: list[str] = []
        source, attachments = gather(source, raw.get("attachments"), left_out)
        problems += map(Remark, left_out[:MAX_SAID])
    if len(source) > MAX_SOURCE:
        problems.append(f"A cell has more than {MAX_SOURCE // 2**20} MiB of text; the rest of it was left out.")
    return SubmittedCell(
        cell_type if cell_type in CELL_TYPES else "raw",
        source[:MAX_SOURCE],
        metadata if isinstance(metadata, dict) else {},
        clean_outputs(outputs) if isinstance(outputs, list) else [],
        raw["id"] if isinstance(raw.get("id"), str) else "",
        attachments,
    )


def _with_line_ends(value: Any) -> Any:
    """The lines of a source, each with its end: some tools leave it out."""
    if isinstance(value, list) and len(value) > 1 and all(isinstance(line, str) for line in value):
        return value if any(len(f"{line}.".splitlines()) > 1 for line in value) else "\n".join(value)
    return value
