"""Images of a notebook as bytes: their kind by their content, whether they are whole, and those beside the notebook."""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
import unicodedata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from .notebook import joined

MAX_BYTES = 30_000_000
MAX_PIXELS = 60_000_000
_DEEPEST_SVG = 200  # elements inside elements
# As notebooks name them, the one that shows most first. PDF is a figure, too.
MIMES = ("image/png", "image/jpeg", "image/svg+xml", "image/gif", "image/webp", "application/pdf")
# The bounds keep a text without a comma from being read again from each of its characters.
_DATA_IMAGE = re.compile(r"data:image/[\w.+-]{1,60}(?:;(?!base64,)[\w.=-]{1,60}){0,4}(;base64)?,([^\s)\"'>]+)")


def kind_of(content: bytes) -> str:
    """png, jpg, gif, webp, svg or pdf, by what the bytes begin with; empty for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"GIF8"):
        return "gif"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content.startswith(b"%PDF-"):
        return "pdf"
    return "svg" if b"<svg" in content[:4000] else ""


def fault_of(content: bytes) -> str:
    """Why these bytes cannot be shown, in a few words; empty for what may be tried."""
    kind = kind_of(content)
    if not kind:
        return "it is damaged, or of an unknown kind"
    width, height = _size(kind, content)
    if len(content) > MAX_BYTES or width * height > MAX_PIXELS:
        return f"it has more than {MAX_BYTES // 1_000_000} MB or {MAX_PIXELS // 1_000_000} million pixels"
    if kind == "svg" and _svg_depth(content) > _DEEPEST_SVG:
        return f"its elements are nested more than {_DEEPEST_SVG} deep"
    return ""


def is_cut_off(content: bytes) -> bool:
    """True for a JPEG whose end is missing: what shows it leaves the rest grey and says nothing."""
    return kind_of(content) == "jpg" and b"\xff\xd9" not in content[_first_scan(content) :]


def _first_scan(content: bytes) -> int:
    """Where the image itself begins, behind the segments (in which a small preview may lie)."""
    position = 2
    while position + 4 <= len(content) and content[position] == 0xFF:
        if content[position + 1] == 0xDA:
            return position
        position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return min(position, len(content))


def _size(kind: str, content: bytes) -> tuple[int, int]:
    """Width and height in pixels as the file states them; (0, 0) where it does not say."""
    if kind == "png":
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if kind == "gif":
        return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    if kind == "webp" and content[12:16] == b"VP8X":
        return 1 + int.from_bytes(content[24:27], "little"), 1 + int.from_bytes(content[27:30], "little")
    if kind == "jpg":
        position = 2
        while position + 9 <= len(content) and content[position] == 0xFF:
            marker = content[position + 1]
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                height = int.from_bytes(content[position + 5 : position + 7], "big")
                return int.from_bytes(content[position + 7 : position + 9], "big"), height
            position += 2 + int.from_bytes(content[position + 2 : position + 4], "big")
    return 0, 0


def _svg_depth(content: bytes) -> int:
    depth = deepest = 0
    for found in re.finditer(rb"<(?:(/)|(?=[A-Za-z]))[^<>]*?(/?)>", content):
        depth += -1 if found[1] else 0 if found[2] else 1
        deepest = max(deepest, depth)
    return deepest


def decoded(mime: str, text: object) -> bytes:
    """The bytes of one entry of a notebook's bundle; empty where it is no base64."""
    if mime.startswith("image/svg"):
        return joined(text).encode()
    try:
        return base64.b64decode(joined(text), validate=False)
    except (binascii.Error, ValueError):
        return b""


class CellImages:
    """The images that the Markdown of one cell may show: attachments, data: addresses, files beside the notebook."""

    def __init__(self, attachments: dict[str, Any], folder: Path | None) -> None:
        self._folder = folder
        self._found: dict[str, bytes] = {}
        self._attached: dict[str, bytes] = {}
        self.shown: set[str] = set()
        for name, bundle in attachments.items():
            for mime, content in bundle.items() if isinstance(bundle, dict) else ():
                self._attached[_plain_name(name)] = decoded(str(mime), content)

    def take(self, markdown: str) -> str:
        """`markdown` with short addresses in place of data: images and of attachments, whose names may be anything."""
        markdown = _DATA_IMAGE.sub(self._take_data, markdown)
        for name in sorted(self._attached, key=len, reverse=True):
            address = f"inline-image:{len(self._found)}"
            spellings = re.compile("|".join(map(re.escape, _spellings(name))), re.IGNORECASE)
            new = spellings.sub(address, markdown)
            if new != markdown:
                self._found[address], markdown = self._attached[name], new
                self.shown.add(name)
        return markdown

    def _take_data(self, found: re.Match[str]) -> str:
        address = f"inline-image:{len(self._found)}"
        packed = unquote_to_bytes(found[2])
        try:
            self._found[address] = base64.b64decode(packed) if found[1] else packed
        except (binascii.Error, ValueError):
            self._found[address] = b""
        return address

    def get(self, address: str) -> bytes | None:
        """The image at this address, or None where the notebook has none and none lies beside it."""
        if address in self._found:
            return self._found[address]
        if address.startswith("attachment:"):
            name = _plain_name(address.removeprefix("attachment:"))
            self.shown.add(name)
            return self._attached.get(name)
        return _beside(self._folder, address) if self._folder else None

    def left_over(self) -> dict[str, bytes]:
        """The attachments that the text never showed, by name."""
        return {name: content for name, content in self._attached.items() if name not in self.shown}


def _plain_name(name: str) -> str:
    """A name as it is compared: decoded (twice, as some tools encode twice), in one Unicode form, spaces alike."""
    return re.sub(r"\s", " ", unicodedata.normalize("NFC", unquote(unquote(name))))


def _spellings(name: str) -> set[str]:
    """The ways a name of an attachment is written in Markdown."""
    spaces = {name, name.replace(" ", "\u202f"), name.replace(" ", "\u00a0")}
    forms = {unicodedata.normalize(form, way) for way in spaces for form in ("NFC", "NFD")}
    encoded = {"".join(_percent(c) for c in way) for way in forms} | {way.replace(" ", "%20") for way in forms}
    all_encoded = {"".join(_percent(c, "()',") for c in way) for way in forms}
    return {f"attachment:{way}" for way in forms | encoded | all_encoded}


def _percent(character: str, also: str = "") -> str:
    plain = character.isascii() and (character.isalnum() or character in "-_.!~*'(),;:@&=+$/?#[]")
    keep = plain and character not in also
    return character if keep else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "replace"))


def _beside(folder: Path, address: str) -> bytes | None:
    """The file at a relative address inside `folder`; no link is followed, and nothing outside is read."""
    path = unquote(address.partition("?")[0].partition("#")[0])
    parts = path.replace("\\", "/").split("/")
    if re.match(r"[A-Za-z][\w+.-]*:|/|\\", path) or "\0" in path or ".." in parts or not parts[-1]:
        return None
    here = folder
    try:
        for part in (part for part in parts if part not in ("", ".")):
            here = here / part
            if here.is_symlink():
                return None
        descriptor = os.open(here, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        return None
    return content if kind_of(content) else None
