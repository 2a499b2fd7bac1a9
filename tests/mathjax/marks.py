"""Where each glyph and each rule of a set formula stands: read from MathJax's SVG boxes, and from a PDF.

Lengths are in em, y upwards. The same character has the same name on both sides, whatever font drew it.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

_LINES = r"\begin{gathered}"
HERE = Path(__file__).parent
RULE, LINE = "—", "╱"  # a thin horizontal or vertical rule; a slanted line or a frame
_SIZE = 10.0  # points: 1 em of the formulas in the PDF


@dataclass(frozen=True)
class Mark:
    """One glyph or rule: its character, its font size (1 = that of the formula) and its box."""

    character: str
    scale: float
    left: float
    bottom: float
    right: float
    top: float
    loose: bool = False  # MathJax has no glyph for it: its box is a guess


@dataclass(frozen=True)
class Setting:
    """A set formula: its box, and the marks in it. `error` says why there is none."""

    width: float = 0.0
    height: float = 0.0
    marks: tuple[Mark, ...] = ()
    error: str = ""


_PIECES = {
    "(": "⎛⎜⎝", ")": "⎞⎟⎠", "[": "⎡⎢⎣", "]": "⎤⎥⎦", "{": "⎧⎨⎩", "}": "⎫⎬⎭", "√": "⎷\ue000\ue001", "∫": "⌠⌡⎮",
    "⏟": "\ue150\ue151\ue152\ue153\ue154⏞⎵⎴⏜⏝", "|": "∣❘｜\u23d0", "‖": "∥", RULE: "―‾¯̅̄_‗\u0332\u203e",
    "⋅": "·∙", "∗": "*⁎", "−": "-‐‑–", "/": "∕", "\\": "∖", "⟨": "〈", "⟩": "〉", "^": "ˆ\u0302", "~": "˜\u0303",
    "˙": "\u0307", "¨": "\u0308", "→": "\u20d7⟶", "𝑖": "ı𝚤", "𝑗": "ȷ𝚥", "´": "\u0301ˊ", "`": "\u0300ˋ",
    "ˇ": "\u030c", "˘": "\u0306", "˚": "\u030a",
    "μ": "µ", "Ω": "Ω", "′": "'’", "←": "\u20d6⟵", "⇒": "⟹", "⇐": "⟸", "↔": "⟷", "⇔": "⟺", "↦": "⟼", "◦": "∘",
    "≡": "⩵", "⋆": "★",
    "△": "▵", "□": "◻", "⊙": "⨀", "⊕": "⨁", "⊗": "⨂", "ϕ": "ɸ", "⊥": "⟂", "∶": ":",
}  # fmt: skip
_SAME = {other: one for one, others in _PIECES.items() for other in others}
_STYLES = {
    "bold": ("𝐀", "𝐚", "𝟎"), "italic": ("𝐴", "𝑎", ""), "-tex-mathit": ("𝐴", "𝑎", ""), "bold-italic": ("𝑨", "𝒂", ""),
    "-tex-bold-mathit": ("𝑨", "𝒂", ""), "double-struck": ("𝔸", "𝕒", "𝟘"), "fraktur": ("𝔄", "𝔞", ""),
    "bold-fraktur": ("𝕬", "𝖆", ""), "script": ("𝒜", "𝒶", ""), "-tex-calligraphic": ("𝒜", "𝒶", ""),
    "-tex-bold-calligraphic": ("𝓐", "𝓪", ""), "bold-script": ("𝓐", "𝓪", ""), "sans-serif": ("𝖠", "𝖺", "𝟢"),
    "bold-sans-serif": ("𝗔", "𝗮", "𝟬"), "sans-serif-italic": ("𝘈", "𝘢", ""), "monospace": ("𝙰", "𝚊", "𝟶"),
    "sans-serif-bold-italic": ("𝘼", "𝙖", ""),
}  # fmt: skip
# Letters that had a place in Unicode before the mathematical alphabets: their places there are empty.
_OLDER = dict(zip("𝑕𝒝𝒠𝒡𝒣𝒤𝒧𝒨𝒭𝒺𝒼𝓄𝔆𝔋𝔌𝔕𝔝𝔺𝔿𝕅𝕇𝕈𝕉𝕑", "ℎℬℰℱℋℐℒℳℛℯℊℴℭℌℑℜℨℂℍℕℙℚℝℤ", strict=True))


def _styled(character: str, variant: str) -> str:
    upper, lower, digit = _STYLES.get(variant, ("", "", ""))
    for first, row in (("A", upper), ("a", lower), ("0", digit)):
        if row and 0 <= ord(character) - ord(first) < (10 if first == "0" else 26):
            return chr(ord(row) + ord(character) - ord(first))
    return character


def names(text: str) -> list[str]:
    """The characters of `text` under the names that both sides share; spaces and invisible characters left out."""
    found = []
    for character in text:
        character = _OLDER.get(character, character)
        whole = {"″": "′′", "‴": "′′′", "⁗": "′′′′", "…": "...", "⋯": "⋅⋅⋅", '"': "′′"}.get(character)
        for one in whole or unicodedata.normalize("NFD", character):
            kind = unicodedata.category(one)
            if kind in ("Zs", "Cf", "Cc", "Cn") or one in "\ufe00\ufe01\u200b":
                continue
            found.append(_SAME.get(one, one))
    return found


def _joined(marks: list[Mark]) -> tuple[Mark, ...]:
    """Pieces of one stretched character, which touch each other, as one mark."""
    done: list[Mark] = []
    for mark in sorted(
        marks, key=lambda mark: (mark.character in (RULE, "⎪"), mark.character, round(mark.left), mark.bottom)
    ):
        i = next((i for i, other in enumerate(done) if _one(mark, other)), None)
        if i is None:
            done.append(mark)
        else:
            other = done[i]
            done[i] = Mark(
                other.character, other.scale,
                min(mark.left, other.left), min(mark.bottom, other.bottom),
                max(mark.right, other.right), max(mark.top, other.top),
            )  # fmt: skip
    return tuple(done) if len(done) == len(marks) else _joined(done)


def _one(mark: Mark, other: Mark) -> bool:
    """True when the two are pieces of one character."""
    if mark.character == RULE and other.character in "→←⇒⇐↔⇔↦":  # the shaft of an arrow
        return _apart(mark, other)[0] < 0.05 and other.bottom < (mark.bottom + mark.top) / 2 < other.top
    if (
        mark.character == other.character
        and abs(mark.left - other.left) < 0.3
        and abs(mark.bottom - other.bottom) < 0.02
    ):
        return abs(mark.top - other.top) < 0.02 and mark.character in "[]|⊥∫"  # as ⟦: a PDF gives only one of them
    if mark.character == "⎪" and other.character in "{}⎪":  # the stem of a brace
        apart_x, apart_y = _apart(mark, other)
        return apart_x < 0 and apart_y < 0.1
    if mark.character != other.character or mark.character not in "()[]{}√∫⏟|‖→←⇒⇐↔⇔↦" + RULE:
        return False
    apart_x, apart_y = _apart(mark, other)
    if mark.character in "()[]{}√∫|‖":
        return max(mark.top - mark.bottom, other.top - other.bottom) > 0.6 and apart_x < 0 and apart_y < 0.1
    low = mark.character in "⏟" and abs(mark.bottom - other.bottom) < 0.4
    lying = all(m.right - m.left >= m.top - m.bottom for m in (mark, other)) or mark.character == "⏟"
    return lying and apart_x < 0.03 and (low or abs(mark.bottom - other.bottom) < 0.03)


def _apart(mark: Mark, other: Mark) -> tuple[float, float]:
    return (
        max(mark.left, other.left) - min(mark.right, other.right),
        max(mark.bottom, other.bottom) - min(mark.top, other.top),
    )


def node_modules() -> Path | None:
    """The folder with mathjax-full: beside this file, or in the cache, where it is installed when npm is there."""
    if not shutil.which("node"):
        return None
    beside = HERE / "node_modules"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "backprop" / "mathjax"
    for folder in (beside, cache / "node_modules"):
        if (folder / "mathjax-full").is_dir():
            return folder
    if not shutil.which("npm"):
        return None
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copy(HERE / "package.json", cache)
    try:
        subprocess.run(["npm", "install", "--silent"], cwd=cache, capture_output=True, timeout=300, check=True)
    except (subprocess.SubprocessError, OSError):
        return None
    return cache / "node_modules"


def set_by_mathjax(formulas: Sequence[tuple[str, bool]], before: Sequence[str] = ()) -> list[Setting]:
    """Each (LaTeX, display) as MathJax sets it; `before` are formulas whose macros are known to all of them."""
    modules = node_modules()
    if modules is None:
        raise FileNotFoundError("node with mathjax-full is missing: install Node.js and npm")
    asked = [{"tex": _asked(tex), "display": display, "before": list(before)} for tex, display in formulas]
    done = subprocess.run(
        ["node", str(HERE / "boxes.js")],
        input=json.dumps(asked).encode(), capture_output=True, check=True, timeout=600,
        env={**os.environ, "NODE_PATH": str(modules)},
    )  # fmt: skip
    answers = json.loads(done.stdout)
    broken = [i for i, answer in enumerate(answers) if 'linebreak="newline"' in answer.get("mml", "")]
    if broken and not any(formulas[i][0].startswith(_LINES) for i in broken):
        # MathJax 3 reads a bare \\\\ and breaks no line there; earlier and later versions do.
        again = set_by_mathjax([(f"{_LINES}{formulas[i][0]}\\end{{gathered}}", formulas[i][1]) for i in broken], before)
    else:
        broken, again = [], []
    settings = []
    for answer in answers:
        if "error" in answer:
            settings.append(Setting(error=answer["error"]))
            continue
        marks: list[Mark] = []
        for text, variant, scale, *box in answer["marks"]:
            styled = "".join(_styled(c, variant) for c in text)
            found = _spread(names(styled), scale, *box)
            marks += [replace(mark, loose=True) for mark in found] if variant == "unknown" else found
        settings.append(Setting(answer["width"], answer["height"] + answer["depth"], _joined(marks)))
    for i, setting in zip(broken, again, strict=True):
        settings[i] = setting
    return settings


def _asked(tex: str) -> str:
    r"""What MathJax is asked: \tag beside its formula and not at the margin, \require fulfilled already."""
    tex = tex.replace(r"\pmb", r"\boldsymbol").replace("{multline", "{gather")
    tex = re.sub(r"\\tag\s*\{([^{}]*)\}", r"\\qquad\\text{(\1)}", tex)
    tex = re.sub(r"\\tag\*\s*\{([^{}]*)\}", r"\\qquad\\text{\1}", tex)
    return re.sub(r"\\require\s*\{[^{}]*\}|\\label\s*\{[^{}]*\}", "", tex)


def _spread(characters: list[str], scale: float, left: float, bottom: float, right: float, top: float) -> list[Mark]:
    """Characters that share one box, side by side in it."""
    if characters in (["."] * 3, ["⋅"] * 3):
        places = (left, (left + right) / 2 - 0.06, right - 0.12)
        return [Mark(characters[0], scale, place, bottom, place + 0.12, top) for place in places]
    wide = (right - left) / max(1, len(characters))
    return [
        Mark(c, scale, left + i * wide, bottom, left + (i + 1) * wide, top) if c != RULE or len(characters) == 1 else
        Mark(c, 1.0, left, bottom, right, top)
        for i, c in enumerate(characters)
    ]  # fmt: skip


def set_in_pdf(pdf: bytes) -> list[Setting]:
    """Each page of `pdf`, which holds one formula in 10 point letters and no margin."""
    import pypdfium2
    from pypdfium2 import raw

    document = pypdfium2.PdfDocument(pdf)
    settings = []
    for page in document:
        marks: list[Mark] = []
        text = page.get_textpage()
        pending = 0
        for i in range(text.count_chars()):
            if raw.FPDFText_IsGenerated(text, i) == 1:
                continue
            code = raw.FPDFText_GetUnicode(text, i)
            if 0xD800 <= code < 0xDC00:
                pending = code
                continue
            if 0xDC00 <= code < 0xE000:
                code = 0x10000 + ((pending - 0xD800) << 10) + code - 0xDC00
            left, bottom, right, top = (value / _SIZE for value in text.get_charbox(i))
            x, y = ctypes.c_double(), ctypes.c_double()
            raw.FPDFText_GetCharOrigin(text, i, x, y)
            marks += _spread(names(chr(code)), raw.FPDFText_GetFontSize(text, i) / _SIZE, left, bottom, right, top)
        for shape in page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH], max_depth=8):
            left, bottom, right, top = (value / _SIZE for value in shape.get_bounds())
            if min(right - left, top - bottom) < 0.2:
                marks.append(Mark(RULE, 1.0, left, bottom, right, top))
            elif raw.FPDFPath_CountSegments(shape) > 3 and _is_stroked(shape):
                for box in (
                    (left, bottom, right, bottom),
                    (left, top, right, top),
                    (left, bottom, left, top),
                    (right, bottom, right, top),
                ):
                    marks.append(Mark(RULE, 1.0, *box))
            else:
                marks.append(Mark(LINE, 1.0, left, bottom, right, top))
        width, height = page.get_size()
        settings.append(Setting(width / _SIZE, height / _SIZE, _joined(marks)))
    document.close()
    return settings


def _is_stroked(shape: Any) -> bool:
    from pypdfium2 import raw

    filled, stroked = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(shape, filled, stroked)
    return bool(stroked.value) and not filled.value
