"""SVG drawings, rebuilt from the shapes and attributes that draw and do nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

from defusedxml.ElementTree import fromstring

MAX_SVG = 2 * 2**20  # letters
MAX_ELEMENTS = 30_000
MAX_DEPTH = 60
SVG, XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
SHAPES = frozenset(
    ("svg", "g", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "defs", "title")
    + (
        "clipPath",
        "linearGradient",
        "radialGradient",
        "stop",
        "marker",
        "use",
        "image",
        "style",
        "symbol",
        "desc",
        "pattern",
    )
)
GEOMETRY = frozenset(
    ("id", "class", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry", "dx", "dy", "d", "points", "width")
    + ("height", "viewBox", "preserveAspectRatio", "transform", "gradientTransform", "gradientUnits", "clipPathUnits")
    + ("offset", "orient", "markerWidth", "markerHeight", "refX", "refY", "pathLength", "version", "rotate")
    + (
        "textLength",
        "lengthAdjust",
        "spreadMethod",
        "markerUnits",
        "fx",
        "fy",
        "patternUnits",
        "patternContentUnits",
        "patternTransform",
    )
)
PRESENTATION = re.compile(
    r"(?:fill|stroke|font|text|stop|marker|clip|color|opacity|visibility|display|dominant|alignment|shape|image|vector"
    r"|letter|word|baseline|paint|writing|style)(?:-[a-z]+)*\Z"
)
HARMLESS = re.compile(
    r"(?:[^\\@<>&{}/\x00-\x1f(]|[\n\t]|(?<![a-zA-Z])\(|(?:rgba?|hsla?|translate|scale|rotate|matrix|skew[XY])\(|url\(#[\w.:-]{1,200}(?=\)))*\Z"
)
RULES = re.compile(r"[\w\s*.#{}:;,%-]*\Z")
INSIDE = re.compile(r"#[\w.:-]{1,200}\Z")
DOCTYPE = re.compile(r"<!DOCTYPE\s[^\[<>]*>", re.IGNORECASE)


def sanitized_svg(text: str, image: Callable[[str], bool]) -> str | None:
    """The drawing without all that could act, load or take long; None when nothing can be shown of it.

    image : whether an address is that of a picture that may stand inside
    """
    if len(text) > MAX_SVG or text.count("<") > 2 * MAX_ELEMENTS:
        return None  # each element begins with one, and most end with another
    try:
        root = fromstring(DOCTYPE.sub("", text.strip(), count=1), forbid_dtd=True)
    except Exception:  # the parser raises more than one kind
        return None
    if root.tag not in (f"{SVG}svg", "svg"):
        return None
    left = [MAX_ELEMENTS]
    drawing = _rebuilt(root, image, left, 0, False)
    if drawing is None or left[0] < 0:
        return None
    _without_nested_uses(drawing)
    ElementTree.register_namespace("", SVG[1:-1])
    ElementTree.register_namespace("xlink", XLINK[1:-1])
    return ElementTree.tostring(drawing, encoding="unicode")


def _rebuilt(
    element: ElementTree.Element, image: Callable[[str], bool], left: list[int], depth: int, repeated: bool
) -> ElementTree.Element | None:
    tag = element.tag.removeprefix(SVG) if isinstance(element.tag, str) else ""
    tag = "g" if tag == "a" else tag  # a link's drawing stays
    left[0] -= 1
    if tag not in SHAPES or left[0] < 0 or depth > MAX_DEPTH:
        return None
    repeated = repeated or tag in ("pattern", "marker", "clipPath", "symbol")
    made = ElementTree.Element(f"{SVG}{tag}")
    for name, value in element.attrib.items():
        if name in (f"{XLINK}href", "href"):
            if (tag == "image" and image(value)) or (tag not in ("image", "g") and INSIDE.match(value)):
                made.set(f"{XLINK}href", value)
        elif (name in GEOMETRY or PRESENTATION.match(name)) and HARMLESS.match(value):
            if repeated and "url(" in value:
                continue  # patterns of patterns multiply
            made.set(name, value)
    if tag in ("text", "tspan", "title", "desc"):
        made.text, made.tail = element.text, None
    elif tag == "style":
        made.text = element.text if element.text and RULES.match(element.text) else None
    for child in element:
        kept = _rebuilt(child, image, left, depth + 1, repeated)
        if kept is not None:
            kept.tail = child.tail if tag in ("text", "tspan") else None
            made.append(kept)
    return made


def _without_nested_uses(drawing: ElementTree.Element) -> None:
    """Leave out each use of something that uses something itself: a few of those draw a billion shapes."""
    nested = {
        outer.get("id") for outer in drawing.iter() if outer.get("id") and any(True for _ in outer.iter(f"{SVG}use"))
    }
    for parent in list(drawing.iter()):
        for use in parent.findall(f"{SVG}use"):
            if (use.get(f"{XLINK}href") or "#").removeprefix("#") in nested:
                parent.remove(use)
