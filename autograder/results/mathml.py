"""Formulas of a page as MathML, which browsers show by themselves: no script, no font and no network.

A formula that the converter does not know is shown as its LaTeX, never left out and never half.
"""

from __future__ import annotations

import base64
import functools
import html
import re
import secrets
import unicodedata
from xml.etree import ElementTree

MAX_FORMULA = 5000  # characters; longer ones are shown as they are written
# What MathML may hold here: nothing that links, loads or carries a style of its own.
TAGS = frozenset(
    """math mrow mi mn mo mtext mspace mfrac msqrt mroot mstyle mpadded mphantom msub msup msubsup munder mover
    munderover mmultiscripts mprescripts none mtable mtr mtd menclose merror ms""".split()  # noqa: SIM905
)
ATTRIBUTES = frozenset(
    """display mathvariant stretchy fence form separator largeop movablelimits accent accentunder minsize maxsize
    columnalign columnspacing rowspacing columnlines rowlines linethickness width height depth lspace rspace
    displaystyle scriptlevel mathcolor notation bevelled linebreak""".split()  # noqa: SIM905
)
VALUE = re.compile(r"[\w #.%+ -]{0,60}\Z")
# Environments of amsmath that set their lines under one another, by the one that the converter knows.
LINES = re.compile(
    r"\\(begin|end)\{(?:aligned|align|alignat\*?|alignedat|flalign\*?|eqnarray\*?|gather\*?|gathered|multline\*?)\}"
)
WRAPPER = re.compile(
    r"\\(?:begin|end)\{(?:equation|displaymath|math)\*?\}|\\(?:label|tag)\*?\{[^{}]*\}|\\(?:nonumber|notag)\b"
)
COLUMNS = re.compile(r"(\\begin\{(?:alignat\*?|alignedat)\})\{\d+\}")
FORMULA_IN_TEXT = re.compile(r"\\(text|mbox|textrm)\{([^{}]*\$[^{}]*)\}")
# What carries its limits below and above in a formula of its own, and beside it within a line.
MOVABLE = frozenset([*"∑∏∐⋂⋃⋀⋁⨀⨁⨂⨄⨆", *"lim max min sup inf arg det gcd Pr".split()])  # noqa: SIM905
BESIDE = {"msub": "munder", "msup": "mover", "msubsup": "munderover"}
# Of mathvariant browsers know "normal" only; the letters themselves are in Unicode.
ALPHABETS = {
    "bold": "BOLD",
    "bold-italic": "BOLD ITALIC",
    "double-struck": "DOUBLE-STRUCK",
    "fraktur": "FRAKTUR",
    "monospace": "MONOSPACE",
    "sans-serif": "SANS-SERIF",
    "script": "SCRIPT",
}
# Any other number of them, and browsers show an error.
CHILDREN = {"msubsup": 3, "munderover": 3} | dict.fromkeys(("mfrac", "mroot", "msub", "msup", "munder", "mover"), 2)
LINE_STYLES = ("solid", "dashed")
# What the converter knows under another name only.
SPELLINGS = (
    (re.compile(r"(\\[bB]igg?[lrm]?)\s*\\(?:[lr]?Vert(?![A-Za-z])|\|)"), "\\1\N{DOUBLE VERTICAL LINE}"),
    (re.compile(r"\\[lr]?Vert(?![A-Za-z])"), r"\\|"),
    (re.compile(r"\\[lr]?vert(?![A-Za-z])"), "|"),
    (re.compile(r"\\(arg|deg|dim|hom|ker|Pr|gcd)(?![A-Za-z])"), r"\\operatorname{\1}"),
    (re.compile(r"\\operatorname\*\s*\{([^{}]*)\}(?=\s*[_^])"), r"\\mathop{\\mathrm{\1}}\\limits"),
    (
        re.compile(r"\\operatorname\*?\s*\{([^{}]*[^A-Za-z{}][^{}]*)\}|\\operatorname\*\s*\{([A-Za-z]*)\}"),
        r"\\mathrm{\1\2}",
    ),
    (re.compile(r"\\nolimits(?![A-Za-z])"), ""),
    (re.compile(r"\\(?:bm|pmb)(?![A-Za-z])"), r"\\boldsymbol"),
    (re.compile(r"\\stackrel(?![A-Za-z])"), r"\\overset"),
    (re.compile(r"\\not\s*=|\\not\s*\\equal(?![A-Za-z])"), r"\\neq "),
    (re.compile(r"\\not\s*\\in(?![A-Za-z])"), r"\\notin "),
    # In braces, so that what follows as `^\top` belongs to the matrix and not to its last bracket.
    (re.compile(r"(\\begin\{[pbBvV]matrix\})"), r"{\1"),
    (re.compile(r"(\\end\{[pbBvV]matrix\})"), r"\1}"),
    (re.compile(r"'{3,9}"), lambda found: "^{" + r"\prime" * len(found[0]) + "}"),
)
# Formulas go through the cleaner of the page as plain words that nobody else can write.
SECRET = f"formula{secrets.token_hex(8)}"
MARK = re.compile(rf"{SECRET}([01])_([A-Z2-7=]*)_{SECRET}")


def marked(tex: str, display: bool) -> str:
    """A word that stands for a formula until `with_formulas` puts the formula in its place."""
    # Base 32 has no sign that Markdown or HTML acts on.
    return f"{SECRET}{int(display)}_{base64.b32encode(tex.encode('utf-8', 'replace')).decode()}_{SECRET}"


def with_formulas(page: str) -> str:
    """The page with each marked formula as MathML."""
    if SECRET not in page:
        return page
    return MARK.sub(lambda found: mathml(base64.b32decode(found[2]).decode(), found[1] == "1"), page)


@functools.lru_cache(maxsize=4096)  # most formulas of a class are those of the exercises
def mathml(tex: str, display: bool) -> str:
    """A formula as MathML; as its LaTeX in <code> where that cannot be. Never raises for what a formula holds."""
    from latex2mathml.converter import convert

    try:
        if len(tex) > MAX_FORMULA:
            raise ValueError("too long")
        plain = WRAPPER.sub("", COLUMNS.sub(r"\1", tex))
        for pattern, instead in SPELLINGS:
            plain = pattern.sub(instead, plain)
        plain = LINES.sub(r"\\\1{align*}", plain)
        if r"\\" in plain and r"\begin" not in plain:
            plain = rf"\begin{{align*}}{plain}\end{{align*}}"  # MathJax breaks the line here
        plain = FORMULA_IN_TEXT.sub(_around_formulas, plain)
        text = convert(plain, display="block" if display else "inline").replace("<mi>&</mi>", "<mi>&amp;</mi>")
        root = _known(ElementTree.fromstring(text))
        return ElementTree.tostring(root, encoding="unicode")
    except Exception:  # the converter raises a kind of error for each kind of nonsense
        return f"<code>{html.escape(_delimited(tex, display))}</code>"


def _around_formulas(found: re.Match[str]) -> str:
    r"""\text{as $n$ grows} as \text{as }n\text{ grows}."""
    pieces = found[2].split("$")
    if len(pieces) % 2 == 0:
        return found[0]  # a lone dollar sign
    return "".join(
        f"{{{piece}}}" if number % 2 else f"\\{found[1]}{{{piece}}}" for number, piece in enumerate(pieces) if piece
    )


def _delimited(tex: str, display: bool) -> str:
    return tex if tex.lstrip().startswith(r"\begin") else f"$${tex}$$" if display else f"${tex}$"


def _known(element: ElementTree.Element) -> ElementTree.Element:
    """The element with the tags and attributes that are known.

    Raises ValueError for others, for a command or an alignment mark that the converter did not understand and wrote out
    as a letter, and for an element without its parts.
    """
    name = element.tag.rpartition("}")[2]
    if name not in TAGS:
        raise ValueError(name)
    if name in ("mi", "mo", "mn") and ((element.text or "").startswith("\\") or element.text == "&"):
        raise ValueError(element.text)
    kept = ElementTree.Element(name)
    kept.text, kept.tail = element.text, element.tail
    for key, value in element.attrib.items():
        if key in ATTRIBUTES and VALUE.match(value):
            kept.set(key, value)
    kept.extend(_known(child) for child in element)
    if len(kept) != CHILDREN.get(name, len(kept)):
        raise ValueError(name)
    alphabet = ALPHABETS.get(kept.get("mathvariant", ""))
    if alphabet and name in ("mi", "mn"):
        kept.text = "".join(_letter(letter, alphabet) for letter in kept.text or "")
        del kept.attrib["mathvariant"]
    first = kept[0] if len(kept) else None
    if name in BESIDE and first.tag in ("mi", "mo") and (first.text in MOVABLE or first.get("movablelimits") == "true"):
        kept.tag, first.tag = BESIDE[name], "mo"
        first.set("movablelimits", "true")
    elif name == "mtable":
        _draw_lines(kept)
    return kept


@functools.cache
def _letter(letter: str, alphabet: str) -> str:
    """A Latin or Greek letter or a digit in one of the mathematical alphabets; anything else as it is."""
    name = unicodedata.name(letter, "").replace("LATIN ", "").replace("GREEK ", "").replace(" LETTER", "")
    # Some stand outside the alphabet's own block, and digits are never italic.
    names = (f"MATHEMATICAL {alphabet} {name}", f"{alphabet} {name}", f"MATHEMATICAL {alphabet.split()[0]} {name}")
    for one in names:
        try:
            return unicodedata.lookup(one)
        except KeyError:
            continue
    return letter


def _draw_lines(table: ElementTree.Element) -> None:
    """Lines between rows and columns as borders: browsers know no other way."""
    above = ["none", *table.attrib.pop("rowlines", "").split()]
    left = ["none", *table.attrib.pop("columnlines", "").split()]
    for row_number, row in enumerate(table):
        for number, cell in enumerate(row):
            sides = (("top", above, row_number), ("left", left, number))
            # The last word counts for all that follow.
            drawn = [side for side, lines, at in sides if at and lines[min(at, len(lines) - 1)] in LINE_STYLES]
            if drawn:
                cell.set("style", "; ".join(f"border-{side}: 1px solid" for side in drawn))
