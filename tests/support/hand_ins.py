"""Notebooks as students hand them in, made by a few words, and the text of a PDF."""

from __future__ import annotations

import base64
import json
import shutil
import struct
import subprocess
import unicodedata
import zlib
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

needs_pdftotext = pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is missing")


def png(width: int = 40, height: int = 20) -> str:
    """A grey PNG picture, base64."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"".join(b"\0" + b"\x80" * width for _ in range(height)))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    return base64.b64encode(data).decode()


def graded(grade_id: str, **flags: object) -> dict[str, object]:
    base = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return {"nbgrader": {**base, "grade_id": grade_id, **flags}}


def answer(source: str, grade_id: str = "q1", **more: object):
    return new_markdown_cell(source, metadata=graded(grade_id, grade=True, solution=True, points=4), **more)


def check_cell(outputs: list, count: int | None = 1):
    meta = graded("node_check", grade=True, locked=True, points=5)
    return new_code_cell("check()", metadata=meta, outputs=outputs, execution_count=count)


def save(folder: Path, *cells: object, section: str = "04-ridge", name: str = "ridge.ipynb") -> Path:
    book = new_notebook(cells=list(cells), metadata={"backprop": {"section": section}})
    path = folder / name
    path.write_text(json.dumps(book), "utf-8")
    return path


def text_of(pdf: Path | bytes) -> str:
    content = pdf if isinstance(pdf, bytes) else pdf.read_bytes()
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=content, capture_output=True, check=True)
    return unicodedata.normalize("NFKC", done.stdout.decode())
