"""Outputs of a notebook, rebuilt from the parts that are safe to show."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

from ..text import visible
from .svg import sanitized_svg

MAX_CELL_OUTPUT = 2 * 2**20
# The kinds of pictures that are shown, each with what its files begin with.
IMAGES = {
    "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "image/jpeg": re.compile(rb"\xff\xd8\xff"),
    "image/gif": re.compile(rb"GIF8[79]a"),
    "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
}
SVG = "image/svg+xml"
DATA = re.compile(r"data:image/(\w{1,20});base64,([A-Za-z0-9+/=\s]+)\Z")


def _joined(value: Any) -> str | None:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        value = "".join(value)
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


# -- outputs --------------------------------------------------------------------------------------------------------


def clean_outputs(outputs: list[Any], limit: int = MAX_CELL_OUTPUT) -> list[dict[str, Any]]:
    """nbformat outputs that are safe to show: text, images, of SVG what draws; no HTML, no script.

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
        bundle = clean_bundle(data) if isinstance(data, dict) else {}
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


def clean_bundle(data: dict[str, Any]) -> dict[str, str]:
    """Of a bundle of representations by MIME type the text and the images, each checked; an SVG where it is alone."""
    bundle = {}
    text = _joined(data.get("text/plain"))
    if text is not None:
        bundle["text/plain"] = visible(text[:200_000])
    for mime in IMAGES:
        image = _clean_image(mime, _joined(data.get(mime)))
        if image is not None:
            bundle[mime] = image
    drawn = bundle.keys() & IMAGES.keys()
    drawing = None if drawn else _joined(data.get(SVG))
    if drawing is not None:
        cleaned = sanitized_svg(drawing, is_image)
        if cleaned is not None:
            bundle[SVG] = cleaned
    if not drawn and SVG not in bundle and (drawing is not None or "application/pdf" in data):
        kind = "PDF" if drawing is None else "SVG"
        note = f"[a figure as {kind}, which cannot be shown here: save figures as PNG]"
        bundle["text/plain"] = "\n".join([*filter(None, [bundle.get("text/plain")]), note])
    return bundle


def is_image(address: str) -> bool:
    """Whether an address holds an image of one of the kinds that are shown."""
    match = DATA.match(address)
    return match is not None and _clean_image(f"image/{match[1]}", match[2]) is not None


def _clean_image(mime: str, text: str | None) -> str | None:
    try:
        content = base64.b64decode("".join(text.split()), validate=True) if text else b""
    except (binascii.Error, ValueError):
        return None
    magic = IMAGES.get(mime)
    return base64.b64encode(content).decode() if magic is not None and magic.match(content) else None
