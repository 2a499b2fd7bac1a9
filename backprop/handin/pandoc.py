"""Markdown and LaTeX turned into Typst by pandoc, with nothing of the student's reaching Typst as code.

pandoc reads the Markdown into its document tree. There raw markup is dropped, code and pictures become
calls that we write ourselves, and formulas are marks (see `formulas`). Then pandoc writes Typst. One
pandoc process does all cells of a document in each direction: starting it costs more than its work.
"""

from __future__ import annotations

import json
import logging
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from .math_spans import MARK, Formula, put_back

_READER = "gfm-emoji-tex_math_dollars-tex_math_gfm"
_API = [1, 23, 1]
_NOTHING = object()
_NO_ATTRIBUTES = ["", [], []]
_BREAK = re.compile("\\s*\ue002(\\d+)\ue003\\s*")
_DEEPEST = 60

Item = TypeVar("Item")
Result = TypeVar("Result")
Blocks = list[Any]


class ConversionError(Exception):
    """pandoc could not do its part."""


def typst_string(text: str) -> str:
    """`text` as a Typst string literal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "    ")
    return f'"{escaped}"'


def read_markdown(texts: list[str]) -> list[Blocks | None]:
    """Each text as a list of pandoc blocks; None where pandoc cannot read it. HTML in it becomes ordinary markup."""
    documents = _each(texts, lambda some: _read(some, _READER))
    with_html = [i for i, blocks in enumerate(documents) if blocks is not None and _has_html(blocks)]
    if with_html:
        as_html = _each([documents[i] or [] for i in with_html], lambda some: _write(some, "html"))
        readable = [i for i, html in zip(with_html, as_html, strict=True) if html is not None]
        again = _each([html for html in as_html if html is not None], lambda some: _read(some, "html"))
        for i, blocks in zip(readable, again, strict=True):
            documents[i] = blocks
    return documents


def write_typst(documents: list[Blocks]) -> list[str | None]:
    """Each list of clean blocks as Typst markup; None where pandoc fails."""
    return _each(documents, lambda some: _write(some, "typst"))


def text_blocks(text: str) -> Blocks:
    """One paragraph with this text."""
    return [{"t": "Para", "c": [{"t": "Str", "c": text}]}]


class Cleaner:
    """Makes one cell's blocks safe to write as Typst.

    `picture(source, words)` gives the Typst call that shows a picture, for a source as written in the Markdown.
    Raises ConversionError when the cell is nested too deeply to be set.
    """

    def __init__(self, formulas: list[Formula], picture: Callable[[str, str], str]) -> None:
        self._formulas = formulas
        self._picture = picture
        self.seen: set[int] = set()

    def clean(self, node: Any, depth: int = 0) -> Any:
        if depth > 3 * _DEEPEST:
            raise ConversionError("nested too deeply")
        if isinstance(node, dict):
            return self._node(node.get("t"), node.get("c"), node, depth)
        if isinstance(node, list):
            if len(node) == 3 and isinstance(node[0], str) and isinstance(node[1], list) and isinstance(node[2], list):
                return _NO_ATTRIBUTES
            cleaned = (self.clean(child, depth + 1) for child in node)
            return [child for child in cleaned if child is not _NOTHING]
        return node

    def _node(self, kind: Any, content: Any, node: dict[str, Any], depth: int) -> Any:
        if kind == "Str":
            self.seen.update(int(mark) for mark in MARK.findall(content))
            # A line may break inside a word that is longer than half a line, at a zero-width space.
            long = len(content) > 50 and "\ue000" not in content
            return {"t": kind, "c": _breakable(content)} if long else node
        if kind == "Code":
            return _raw("Inline", f"#raw({typst_string(re.sub(r'[^ ]{50,}', _breakable, self._source(content[1])))})")
        if kind == "CodeBlock":
            language = next((name for name in content[0][1] if name != "sourceCode"), "")
            code = typst_string(wrapped(self._source(content[1]).rstrip("\n")))
            return _raw("Block", f"#listing({typst_string(language)}, {code})")
        if kind in ("RawInline", "RawBlock"):
            return _NOTHING
        if kind == "Image":
            words = self._source(_plain(content[1]))
            return _raw("Inline", self._picture(self._source(content[2][0]), words))
        if kind == "Link" and not re.match(r"(?:https?://|mailto:)[^\s]", content[2][0]):
            return {"t": "Span", "c": [_NO_ATTRIBUTES, self.clean(content[1], depth + 1)]}
        if kind == "Link":
            url = self._source(content[2][0])
            return {"t": "Link", "c": [_NO_ATTRIBUTES, self.clean(content[1], depth + 1), [url, ""]]}
        if kind == "Header":
            return {"t": kind, "c": [min(6, content[0] + 2), _NO_ATTRIBUTES, self.clean(content[2], depth + 1)]}
        if kind == "HorizontalRule":
            return _raw("Block", "#rule")
        return {"t": kind, "c": self.clean(content, depth + 1)} if "c" in node else node

    def _source(self, text: str) -> str:
        self.seen.update(int(mark) for mark in MARK.findall(text))
        return put_back(text, self._formulas)


def wrapped(text: str, width: int = 90) -> str:
    """`text` with lines longer than `width` columns broken; a continued line starts with an arrow."""
    return "\n".join(piece for line in text.expandtabs(4).split("\n") for piece in _pieces(line, width))


def _pieces(line: str, width: int) -> list[str]:
    pieces, start, columns, last_space = [], 0, 0, 0
    for position, character in enumerate(line):
        columns += _columns(character)
        if columns > width:
            cut = last_space if last_space > start + width // 2 else position
            pieces.append(line[start:cut])
            start, columns = cut, 2 + sum(map(_columns, line[cut : position + 1]))
        if character == " ":
            last_space = position + 1
    pieces.append(line[start:])
    return [pieces[0], *("↪ " + piece for piece in pieces[1:])]


def _breakable(word: str | re.Match[str]) -> str:
    return re.sub("(.{25})", "\\1\u200b", word if isinstance(word, str) else word[0])


def _columns(character: str) -> int:
    # Characters of East Asian scripts and emoji are about two columns wide.
    return 2 if character >= "\u2e80" else 1


def _raw(where: str, typst: str) -> dict[str, Any]:
    # The semicolon ends the call: text that follows and starts with "(" or "." is no part of it.
    return {"t": f"Raw{where}", "c": ["typst", f"{typst};"]}


def _plain(inlines: Any) -> str:
    if isinstance(inlines, dict):
        if inlines.get("t") in ("Space", "SoftBreak", "LineBreak"):
            return " "
        content = inlines.get("c", "")
        return content if isinstance(content, str) else _plain(content)
    return "".join(map(_plain, inlines)) if isinstance(inlines, list) else ""


def _has_html(node: Any) -> bool:
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if node.get("t") in ("RawInline", "RawBlock"):
                return True
            stack.append(node.get("c"))
        elif isinstance(node, list):
            stack.extend(node)
    return False


def _each(items: list[Item], convert: Callable[[list[Item]], list[Result]]) -> list[Result | None]:
    """`convert` for all items at once; when that fails for halves of them, so that one bad item costs only itself."""
    if not items:
        return []
    try:
        return list(convert(items))
    except (ConversionError, RecursionError, ValueError):
        if len(items) == 1:
            return [None]
        half = len(items) // 2
        return _each(items[:half], convert) + _each(items[half:], convert)


def _read(texts: list[str], reader: str) -> list[Blocks]:
    with tempfile.TemporaryDirectory() as folder:
        names = []
        for number, text in enumerate(texts):
            # Read as files of their own, cells cannot spill into each other: an open fence ends with its cell.
            for name, content in ((f"{number}.txt", text), (f"{number}.break", f"\n\ue002{number}\ue003\n")):
                Path(folder, name).write_text(content, "utf-8")
                names.append(name)
        tree = json.loads(_pandoc(["--file-scope", "-f", reader, "-t", "json", *names], "", folder, len(texts)))
    documents: list[Blocks] = [[]]
    for block in tree["blocks"]:
        if _BREAK.fullmatch(_plain(block)):
            documents.append([])
        else:
            documents[-1].append(block)
    if len(documents) != len(texts) + 1:
        raise ConversionError("the cells could not be told apart")
    return documents[:-1]


def _write(documents: list[Blocks], writer: str) -> list[str]:
    blocks: Blocks = []
    for number, document in enumerate(documents):
        blocks += [*document, *text_blocks(f"\ue002{number}\ue003")]
    tree = json.dumps({"pandoc-api-version": _API, "meta": {}, "blocks": blocks})
    text = _pandoc(["-f", "json", "-t", writer, "--wrap=none"], tree, None, len(documents))
    pieces = _BREAK.split(text.replace("<p>\ue002", "\ue002").replace("\ue003</p>", "\ue003"))
    if len(pieces) != 2 * len(documents) + 1:
        raise ConversionError("the cells could not be told apart")
    return pieces[:-1:2]


def _pandoc(arguments: list[str], text: str, folder: str | None, size: int) -> str:
    try:
        done = subprocess.run(
            [_pandoc_path(), "--sandbox", *arguments, "+RTS", "-M1G", "-RTS"],
            input=text.encode(),
            capture_output=True,
            cwd=folder,
            timeout=10 + 0.05 * size,
        )
    except subprocess.TimeoutExpired:
        raise ConversionError("pandoc took too long") from None
    if done.returncode:
        raise ConversionError(done.stderr.decode("utf-8", "replace").strip()[:200])
    return done.stdout.decode("utf-8", "replace")


def _pandoc_path() -> str:
    import pypandoc

    logging.getLogger("pypandoc").setLevel(logging.ERROR)
    return pypandoc.get_pandoc_path()
