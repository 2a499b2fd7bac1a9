"""The pictures of a written answer, taken out of its text and put beside it under plain names.

Colab writes a pasted picture into the Markdown itself, hundreds of thousands of letters long; Jupyter keeps it as an
attachment, under a name as the operating system gave it and an address that is encoded in one of several ways. Here
each becomes an attachment with a plain name, and the text says that name, so that limits on text count text alone and
every reader of the answer finds its pictures.
"""

from __future__ import annotations

import base64
import binascii
import html
import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, unquote

from .outputs import IMAGES, SVG, clean_bundle, is_image
from .svg import sanitized_svg

MAX_IMAGE = 16 * 2**20  # letters of base64, 12 MiB of picture
MAX_IMAGES = 50  # of one cell
MAX_JOINED = 200  # of several texts that are taken together
MAX_SEARCHED = 2**20  # letters of a text in which names of pictures are looked for
# One class of letters after the comma, and `_address` looks at each % : a choice of letter or %41, repeated, would take
# memory for each of millions of letters.
INLINE = re.compile(r"data:image/([\w.+-]{1,20})(?:;[\w=.-]{1,40}){0,3};base64,([A-Za-z0-9+/_=%-]+)", re.IGNORECASE)
# A drawing that is no base64: an address with its letters encoded or as they are, or a part of the text itself.
ENCODED = re.compile(r"data:image/svg\+xml(?:;[\w=.-]{1,40}){0,3},([^\s\"'<>()]+)", re.IGNORECASE)
NO_LETTER = re.compile(r"%(?![0-9A-Fa-f]{2})")
DRAWING = re.compile(
    r"(?P<code>^ {0,3}(?P<fence>```+|~~~+).*?(?:^ {0,3}(?P=fence)|\Z)|(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<address>data:image/svg\+xml(?:;[\w=.-]{1,40}){0,3},\s*)?<svg\b",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
MOST_TICKS = 1000  # in a text that is searched for drawings: each may be looked for to the end of the text
PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
REFERENCE = re.compile(r"attachment:([^\s\"'<>)\]]+)")
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", SVG: "svg"}
Attachments = dict[str, dict[str, str]]


def gather(source: str, attachments: Any, problems: list[str]) -> tuple[str, Attachments]:
    """The text of a Markdown cell with plain names of its pictures, and the pictures by these names.

    attachments : as they were handed in, whatever they are
    problems    : gets a sentence for each picture that is left out
    """
    kept: Attachments = {}
    given: dict[str, str] = {}  # name as handed in -> name here
    attachments = dict(itertools.islice(attachments.items(), MAX_IMAGES)) if isinstance(attachments, dict) else {}
    for name, bundle in attachments.items():
        if not isinstance(name, str) or not isinstance(bundle, dict):
            continue
        image = _image(bundle)
        if image is None:
            problems.append(f"The picture {_shown(name)} of a written answer {_why(bundle)} and is not shown.")
            continue
        given[name] = name if PLAIN.match(name) else _free(kept, attachments, image)
        kept[given[name]] = image
    source = _rename(source[:MAX_SEARCHED], given) + source[MAX_SEARCHED:]

    def taken_out(match: re.Match[str]) -> str:
        mime = "image/jpeg" if match[1].lower() in ("jpg", "jpeg", "pjpeg") else f"image/{match[1].lower()}"
        data, rest = _address(match[2])
        fits = len(kept) < MAX_IMAGES and len(data) <= 3 * MAX_IMAGE
        image = _image({mime: unquote(data)}) if fits else None
        if image is None:
            problems.append(f"A picture in the text of a written answer {_why({mime: data})} and is not shown.")
            return f"attachment:left-out-{len(problems)}{rest}"
        same = next((name for name, other in kept.items() if other == image), None)
        name = same or _free(kept, attachments, image)
        kept[name] = image
        return f"attachment:{name}{rest}"

    return INLINE.sub(taken_out, _with_drawings_as_images(ENCODED.sub(_encoded_drawing, source))), kept


def _address(text: str) -> tuple[str, str]:
    """The letters of an address up to a % that encodes none, and the rest."""
    end = NO_LETTER.search(text)
    return (text[: end.start()], text[end.start() :]) if end else (text, "")


def _encoded_drawing(match: re.Match[str]) -> str:
    address, rest = _address(match[1])
    return _as_base64(unquote(address)) + rest if "%3csvg" in address.lower() else match[0]


def _as_base64(svg: str) -> str:
    return f"data:{SVG};base64,{base64.b64encode(svg.encode('utf-8', 'replace')).decode()}"


def _with_drawings_as_images(source: str) -> str:
    """The text with each `<svg>…</svg>` that can be shown, but those in code, as an image."""
    if "<svg" not in source.lower() or source.count("`") + source.count("~~~") > MOST_TICKS:
        return source
    pieces, done = [], 0
    while (found := DRAWING.search(source, done)) is not None:
        end = source.lower().find("</svg>", found.end()) if found["code"] is None else found.end()
        if end < 0 or len(pieces) > 2 * MAX_IMAGES:
            break
        end += len("</svg>") * (found["code"] is None)
        text = source[found.start() : end]
        if found["code"] is None:
            address = found["address"] or ""
            svg = text[len(address) :]
            if sanitized_svg(svg, is_image) is not None:
                text = _as_base64(svg) if address else f"![drawing]({_as_base64(svg)})"
        pieces += [source[done : found.start()], text]
        done = end
    return "".join([*pieces, source[done:]])


def drawing(text: str) -> str | None:
    """The base64 of what may be shown of an SVG drawing, given as it is or as base64; None where nothing may."""
    if not text.lstrip().startswith("<"):
        try:
            text = base64.b64decode(text + "=" * (-len(text) % 4), validate=True).decode("utf-8-sig")
        except (binascii.Error, ValueError):
            return None
    cleaned = sanitized_svg(text, is_image)
    return None if cleaned is None else base64.b64encode(cleaned.encode()).decode()


def join(texts: list[tuple[str, Attachments]]) -> tuple[str, Attachments]:
    """Several texts as one, with up to MAX_JOINED of their pictures; of two pictures of one name one gets another."""
    sources, kept = [], {}
    for source, attachments in texts:
        for name, image in attachments.items():
            if len(kept) >= MAX_JOINED:
                break
            if kept.get(name, image) != image:
                new = _free({**kept, **attachments}, {}, image)
                source = source.replace(f"attachment:{name}", f"attachment:{new}")
                name = new
            kept[name] = image
        sources.append(source)
    return "\n\n".join(sources), kept


def _image(bundle: dict[str, Any]) -> dict[str, str] | None:
    """The picture of an attachment as one of the kinds that are shown, whatever kind it says it is."""
    for value in bundle.values():
        text = _text(value)
        if not 0 < len(text) <= MAX_IMAGE:
            continue
        drawn = drawing(text) if "svg" in "".join(bundle) else None
        if drawn is not None:
            return {SVG: drawn}
        text = text.replace("-", "+").replace("_", "/")
        found = clean_bundle(dict.fromkeys(IMAGES, text + "=" * (-len(text) % 4)))
        if found:
            return {mime: data for mime, data in found.items() if mime in IMAGES}
    return None


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _why(bundle: dict[str, Any]) -> str:
    text = next((_text(value) for value in bundle.values()), "")
    if len(text) > MAX_IMAGE:
        return f"is larger than {MAX_IMAGE * 3 // 4 >> 20} MiB"
    try:
        start = base64.b64decode(text[:400].split("%")[0] + "==", validate=False)
    except (binascii.Error, ValueError):
        start = b""
    if start.lstrip().startswith((b"<svg", b"<?xml")):
        return "is an SVG drawing that cannot be made safe to look at"
    return "is no PNG, JPEG, GIF or WebP"


def _free(kept: Attachments, attachments: Mapping[str, Any], image: dict[str, str]) -> str:
    """A plain name that no picture of the cell has."""
    ending = ENDINGS[next(iter(image))]
    names = {*kept, *attachments}
    return next(name for number in itertools.count(1) if (name := f"picture-{number}.{ending}") not in names)


def _rename(source: str, given: dict[str, str]) -> str:
    """The text with the plain names in place of every spelling of the names as handed in."""
    spelt = {spelling: new for old, new in given.items() if old != new for spelling in _spellings(old)}
    for spelling in sorted(spelt, key=len, reverse=True):
        if f"attachment:{spelling}" in source:
            source = re.sub(rf"attachment:{re.escape(spelling)}(?![\w.%-])", f"attachment:{spelt[spelling]}", source)
    unknown = [name for name in dict.fromkeys(REFERENCE.findall(source)) if name not in given.values()]
    unused = [name for name in given.values() if f"attachment:{name}" not in source]
    alike = {_folded(old): new for old, new in given.items()}
    meant = {name: alike.get(_folded(name)) for name in unknown}
    if len(unknown) == len(unused) == 1:
        meant = {unknown[0]: meant[unknown[0]] or unused[0]}
    return REFERENCE.sub(lambda found: f"attachment:{meant.get(found[1]) or found[1]}", source)  # all in one pass


def _spellings(name: str) -> Iterator[str]:
    """What an address of this name may look like: as it is, encoded wholly or in part, composed or not."""
    for form in {name, unquote(name)} | {unicodedata.normalize(form, name) for form in ("NFC", "NFD")}:
        yield form
        yield html.escape(form)
        for safe in ("", "()", "()!'*~,;:@&=+$", "/"):
            yield quote(form, safe=safe)
        yield form.replace(" ", "%20")
        yield form.replace("(", "\\(").replace(")", "\\)")


def _folded(name: str) -> str:
    """Equal for names that differ in encoding, composition, case or kinds of space alone."""
    return "".join(unicodedata.normalize("NFKC", unquote(html.unescape(name))).casefold().split())


def _shown(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:50]}…{name[-25:]}")
