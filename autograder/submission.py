"""Reading what a student handed in, as hostile data: files by checked names, a notebook cell by cell.

A damaged notebook is read as far as it goes; every damage becomes one sentence for the student and
the instructor.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backprop.notebook_file import MAX_CELLS, MAX_NOTEBOOK, MAX_PARTS

MAX_FILES = 200
MAX_DEPTH = 12
MAX_FILE = 32 * 2**20
MAX_ALL_FILES = 48 * 2**20
MAX_BROKEN = 200
MAX_SOURCE = 2**20
MAX_ALL_SOURCE = 8 * 2**20
MAX_CELL_OUTPUT = 2 * 2**20
CELL_TYPES = ("code", "markdown", "raw")
SAFE_NAME = re.compile(r"[\w][\w .+=@-]*\Z")
CELL_START = re.compile(r'\{\s*"(?:cell_type|attachments|execution_count|id)"')
CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


@dataclass
class Cell:
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


class Remark(str):
    """A sentence about a file of which nothing was lost."""


def read_notebook(path: Path) -> tuple[list[Cell], list[str]]:
    """The cells of a submitted notebook and one sentence for each thing that was wrong with the file.

    A sentence that is a Remark says that all of it was read all the same.

    Never raises for the file's content: what can't be read is left out and said.
    """
    try:
        with open(open_no_link(path), "rb") as file:
            data = file.read(MAX_NOTEBOOK + 1)
    except OSError as error:
        return [], [f"{path.name} cannot be opened ({error.strerror or error}). Ask for it again."]
    if len(data) > MAX_NOTEBOOK:
        return [], [f"{path.name} is larger than {MAX_NOTEBOOK // 2**20} MiB. Clear its outputs and hand it in again."]
    return parse_notebook(data, path.name)


def parse_notebook(data: bytes, name: str = "the notebook") -> tuple[list[Cell], list[str]]:
    """As `read_notebook`, for bytes."""
    problems: list[str] = []
    text = _text(data)
    if sum(map(text.count, "[{,")) > MAX_PARTS:
        return [], [f"{name} has more than {MAX_PARTS:,} parts. Clear its outputs and hand it in again."]
    document = _json(text)
    if not isinstance(document, dict):
        rescued = _rescue(text)
        if not rescued:
            place = _first_line(text)
            return [], [f"{name} is not a notebook ({place}). Ask for it again."]
        problems.append(f"{name} is damaged; {len(rescued)} of its cells could be read, the rest is lost.")
        document = {"cells": rescued}
    raw = document.get("cells")
    if raw is None and isinstance(document.get("worksheets"), list):  # nbformat 3
        sheets = [sheet.get("cells") for sheet in document["worksheets"] if isinstance(sheet, dict)]
        raw = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(raw, list):
        return [], [f"{name} has no cells. Ask for it again."]
    if len(raw) > MAX_CELLS:
        problems.append(f"{name} has {len(raw)} cells; only the first {MAX_CELLS} are looked at.")
    cells = [_cell(cell) for cell in raw[:MAX_CELLS]]
    _cut_text(cells, name, problems)
    unreadable = sum(cell is None for cell in cells)
    if unreadable:
        problems.append(f"{unreadable} cells of {name} have no readable text and are left out.")
    language = _language(document.get("metadata"))
    if language and not language.lower().startswith(("python", "ipython")):
        problems.append(Remark(f"{name} asks for the kernel {language[:40]!r}; it was graded with Python 3."))
    return [cell for cell in cells if cell is not None], problems


def _cut_text(cells: list[Cell | None], name: str, problems: list[str]) -> None:
    """Empty the cells beyond MAX_ALL_SOURCE characters of source in all."""
    size = 0
    for cell in cells:
        size += len(cell.source) if cell else 0
        if cell and size > MAX_ALL_SOURCE:
            cell.source = ""
    if size > MAX_ALL_SOURCE:
        problems.append(f"{name} has more than {MAX_ALL_SOURCE // 2**20} MiB of text; the rest was left out.")


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


def _text(data: bytes) -> str:
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


def _rescue(text: str) -> list[Any]:
    """The cells of a notebook whose JSON is cut off or broken somewhere, read one by one."""
    start = re.search(r'"cells"\s*:\s*\[', text)
    if not start:
        return []
    decoder, cells, position = json.JSONDecoder(strict=False), [], start.end()
    broken, left = 0, 4 * len(text)  # each try may read all that is left of the text
    while len(cells) < MAX_CELLS and broken < MAX_BROKEN and left > 0:
        brace = text.find("{", position)
        if brace < 0:
            return cells
        try:
            cell, position = decoder.raw_decode(text, brace)
        except (ValueError, RecursionError) as error:
            # Broken inside this cell (an editing accident, a merge conflict): go on with the next one.
            broken += 1
            left -= getattr(error, "pos", len(text)) - brace
            following = CELL_START.search(text, brace + 1)
            if not following:
                return cells
            position = following.start()
            continue
        if isinstance(cell, dict) and "cell_type" in cell:
            cells.append(cell)
    return cells


def _first_line(text: str) -> str:
    if not text.strip():
        return "the file is empty"
    first = text.lstrip()[:1]
    return f"line 1: expected '{{', found {first!r}" if first != "{" else "its JSON is broken before the first cell"


def _cell(raw: Any) -> Cell | None:
    if not isinstance(raw, dict):
        return None
    source = _joined(_with_line_ends(raw.get("source", raw.get("input"))))
    if source is None:
        return None
    cell_type = raw.get("cell_type")
    metadata = raw.get("metadata")
    outputs = raw.get("outputs")
    return Cell(
        cell_type if cell_type in CELL_TYPES else "raw",
        source[:MAX_SOURCE],
        metadata if isinstance(metadata, dict) else {},
        clean_outputs(outputs) if isinstance(outputs, list) else [],
        raw["id"] if isinstance(raw.get("id"), str) else "",
        _clean_attachments(raw.get("attachments")),
    )


def _with_line_ends(value: Any) -> Any:
    """The lines of a source, each with its end: some tools leave it out."""
    if isinstance(value, list) and len(value) > 1 and all(isinstance(line, str) for line in value):
        return value if any(len(f"{line}.".splitlines()) > 1 for line in value) else "\n".join(value)
    return value


def _joined(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


# -- outputs --------------------------------------------------------------------------------------------------------


def clean_outputs(outputs: list[Any], limit: int = MAX_CELL_OUTPUT) -> list[dict[str, Any]]:
    """nbformat outputs that are safe to show: text, and PNG or JPEG images; no HTML, no SVG, no script.

    Everything is rebuilt from the parts that are known, so nothing else can ride along.
    """
    cleaned, size = [], 0
    for output in outputs[:500]:
        if not isinstance(output, dict):
            continue
        result = _clean_output(output)
        if result is None:
            continue
        size += len(json.dumps(result))
        if size > limit:
            note = "[the rest of this output is too large and was left out]\n"
            cleaned.append({"output_type": "stream", "name": "stdout", "text": note})
            break
        cleaned.append(result)
    return cleaned


def _clean_output(output: dict[str, Any]) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        text = _joined(output.get("text"))
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return None if text is None else {"output_type": "stream", "name": name, "text": visible(text[:200_000])}
    if kind in ("display_data", "execute_result"):
        data = output.get("data")
        bundle = _clean_bundle(data) if isinstance(data, dict) else {}
        if not bundle:
            return None
        metadata = output.get("metadata")
        figure = isinstance(metadata, dict) and metadata.get("figure") is True
        result = {"output_type": kind, "data": bundle, "metadata": {"figure": True} if figure else {}}
        return {**result, "execution_count": None} if kind == "execute_result" else result
    if kind == "error":
        trace = output.get("traceback")
        lines = (
            [visible(line[:4000]) for line in trace[:100] if isinstance(line, str)] if isinstance(trace, list) else []
        )
        name, value = ((_joined(output.get(key)) or "")[:4000] for key in ("ename", "evalue"))
        return {"output_type": "error", "ename": visible(name), "evalue": visible(value), "traceback": lines}
    return None


def _clean_bundle(data: dict[str, Any]) -> dict[str, str]:
    bundle = {}
    text = _joined(data.get("text/plain"))
    if text is not None:
        bundle["text/plain"] = visible(text[:200_000])
    for mime, magic in (("image/png", PNG), ("image/jpeg", JPEG)):
        image = _joined(data.get(mime))
        if image is None:
            continue
        try:
            content = base64.b64decode("".join(image.split()), validate=True)
        except (binascii.Error, ValueError):
            continue
        if content.startswith(magic):
            bundle[mime] = base64.b64encode(content).decode()
    return bundle


def _clean_attachments(attachments: Any) -> dict[str, dict[str, str]]:
    """The pasted pictures of a Markdown cell: PNG and JPEG under names that are safe to show."""
    cleaned = {}
    for name, bundle in list(attachments.items())[:50] if isinstance(attachments, dict) else []:
        if isinstance(name, str) and SAFE_NAME.match(name) and len(name) <= 200 and isinstance(bundle, dict):
            pictures = {mime: data for mime, data in _clean_bundle(bundle).items() if mime.startswith("image/")}
            if pictures and sum(map(len, pictures.values())) <= MAX_CELL_OUTPUT:
                cleaned[name] = pictures
    return cleaned


def visible(text: str) -> str:
    """The text as it can be written and shown: no halves of characters, no control characters (terminal escapes
    included) except newline and tab."""
    text = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


# -- files ----------------------------------------------------------------------------------------------------------


def open_no_link(path: Path) -> int:
    """A descriptor of a regular file, opened without following a link at its end. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "it is not a regular file")
    return descriptor


def walk(folder: Path, problems: list[str] | None = None) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, which follows no links, but only MAX_DEPTH folders deep; what lies deeper is a problem."""
    for base, folders, names in os.walk(folder):
        if folders and len(Path(base).relative_to(folder).parts) >= MAX_DEPTH:
            folders.clear()
            if problems is not None:
                problems.append(f"what lies more than {MAX_DEPTH} folders deep was left out.")
        yield base, folders, names


def read_files(folder: Path, skip: set[str]) -> tuple[dict[str, bytes], list[str]]:
    """The other files of a submission, by relative name, and a sentence for each one left out.

    Links, devices, odd names and files over the limits are left out; nothing outside the folder is read.
    skip : names at the top that are not wanted (the notebooks themselves)
    """
    files: dict[str, bytes] = {}
    problems: list[str] = []
    total = seen = 0
    for base, folders, names in walk(folder, problems):
        kept = []
        for name in sorted(folders):
            if name == ".ipynb_checkpoints":
                continue
            seen += 1
            if seen > MAX_FILES:
                return files, [*problems, f"there are more than {MAX_FILES} files; the rest was left out."]
            if Path(base, name).is_symlink() or not SAFE_NAME.match(name):
                problems.append(f"the folder {name[:60]!r} is a link or has an odd name and was left out.")
            else:
                kept.append(name)
        folders[:] = kept
        for name in sorted(names):
            relative = os.path.relpath(os.path.join(base, name), folder)
            if relative in skip or name.endswith(".ipynb") or relative == "timestamp.txt":
                continue
            seen += 1
            if seen > MAX_FILES:
                return files, [*problems, f"there are more than {MAX_FILES} files; the rest was left out."]
            if not SAFE_NAME.match(name):
                problems.append(f"the file {relative[:80]!r} has an odd name and was left out.")
                continue
            try:
                with open(open_no_link(Path(base, name)), "rb") as file:
                    content = file.read(MAX_FILE + 1)
            except OSError:
                problems.append(f"the file {relative[:80]!r} is a link or no ordinary file and was left out.")
                continue
            total += len(content)
            if len(content) > MAX_FILE or total > MAX_ALL_FILES:
                total -= len(content)
                problems.append(f"the file {relative[:80]!r} is too large and was left out.")
                continue
            files[relative] = content
    return files, problems
