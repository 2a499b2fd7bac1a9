r"""Words inside a formula: \text{…} with the commands and the mathematics that may stand in it."""

from __future__ import annotations

import re
import unicodedata

from .macros import FormulaError, Reader, filled
from .parser import Parser
from .symbols import in_alphabet, symbols

_TOKEN = re.compile(r"\\(?:[A-Za-z]+ ?|.)|\$|[{}~]|\s+|[^\\${}~\s]+", re.DOTALL)
_FONTS = {
    "textbf": "bold", "textit": "italic", "emph": "italic", "texttt": "mono", "textsf": "sans", "textrm": "",
    "textup": "", "textnormal": "", "textmd": "", "textsc": "", "text": "", "mbox": "", "bf": "bold",
    "it": "italic", "tt": "mono", "sf": "sans", "rm": "", "em": "italic", "bfseries": "bold", "itshape": "italic",
    "mathrm": "", "mathbf": "bold",
}  # fmt: skip
_SPACES = {
    ",": 3 / 18,
    ":": 4 / 18,
    ">": 4 / 18,
    ";": 5 / 18,
    "!": -3 / 18,
    "enspace": 0.5,
    "quad": 1.0,
    "qquad": 2.0,
    "thinspace": 3 / 18,
}
_ACCENTS = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304", ".": "\u0307",
    "u": "\u0306",
    "v": "\u030c", "c": "\u0327", "H": "\u030b", "r": "\u030a",
}  # fmt: skip
_CHARACTERS = {
    "ldots": "…", "dots": "…", "textellipsis": "…", "textbackslash": "\\", "textasciicircum": "^",
    "textasciitilde": "~", "textbar": "|", "textless": "<", "textgreater": ">", "textunderscore": "_",
    "textendash": "–", "textemdash": "—", "textbullet": "•", "textquoteleft": "‘", "textquoteright": "’",
    "textquotedblleft": "“", "textquotedblright": "”", "S": "§", "P": "¶", "ss": "ß", "ae": "æ", "AE": "Æ",
    "o": "ø", "O": "Ø", "aa": "å", "AA": "Å", "l": "ł", "L": "Ł", "oe": "œ", "dag": "†", "ddag": "‡",
    "copyright": "©", "pounds": "£", "textdegree": "°", "texteuro": "€", "textregistered": "®",
    "texttrademark": "™", "textmu": "µ", "texttimes": "×", "textpm": "±", "textdiv": "÷", "textohm": "Ω",
    "textcelsius": "℃", "textbraceleft": "{", "textbraceright": "}", "textdollar": "$", "textpercent": "%",
    "lbrace": "{", "rbrace": "}", "textvisiblespace": "␣", "textsection": "§", "textparagraph": "¶",
    "textonehalf": "½", "textperiodcentered": "·", "i": "ı", "backslash": "\\", "space": " ", "nobreakspace": " ",
    "TeX": "TeX", "LaTeX": "LaTeX",
}  # fmt: skip


def text_code(parser: Parser, source: str, font: str) -> str:
    """The Typst code of `source` read as text, in a font: bold, italic, sans, mono or upright when empty."""
    pieces: list[str] = []
    _read(parser, source, font, pieces, 0)
    return " #h(0pt) ".join(pieces).replace("#h(0pt) #h(", "#h(").replace("em) #h(0pt)", "em)") or '""'


def _read(parser: Parser, source: str, font: str, pieces: list[str], depth: int) -> None:
    if depth > 20:
        raise FormulaError("its text is nested too deeply")
    reader = Reader(source, parser.reader.macros, parser.reader.spent)
    words = ""

    def flush() -> None:
        nonlocal words
        if words:
            shown = unicodedata.normalize("NFC", words)
            pieces.append(
                monospaced(shown) if font == "mono" else f"{font}({quoted(shown)})" if font else quoted(shown)
            )
            words = ""

    def gap(em: float) -> None:
        flush()
        pieces.append(f"#h({em:.4g}em)")

    while found := _TOKEN.match(reader.text, reader.at):
        reader.count()
        token, start = found[0], reader.at
        reader.at = found.end()
        name = token[1:].strip() if token[0] == "\\" else ""
        if token.isspace() or token == "~" or token == "\\ ":
            gap(0.525 if font == "mono" else 0.25)
        elif token == "$" or token == "\\(":
            closing = "$" if token == "$" else "\\)"
            end = reader.text.find(closing, reader.at)
            if end < 0:
                words += "$" if token == "$" else "("
                continue
            flush()
            inside = reader.text[reader.at : end]
            reader.at = end + len(closing)
            if inside.strip():
                pieces.append(parser.code(inside, "inline" if parser.style == "display" else parser.style, ""))
        elif token in "{}":
            if token == "{":
                reader.at = start
                flush()
                _read(parser, reader.braced(), font, pieces, depth + 1)
        elif not name:
            words += token
        elif name in "\\%$&#_{}":
            words += " " if name == "\\" else name
        elif name in _SPACES:
            gap(_SPACES[name])
        elif name in _ACCENTS and not (name.isalpha() and not reader.text.startswith("{", reader.at)):
            words += reader.argument(token).replace("\\i", "ı") + _ACCENTS[name]
        elif name in _CHARACTERS:
            words += _CHARACTERS[name]
        elif name in _FONTS:
            flush()
            if reader.text.startswith("{", reader.at):
                _read(parser, reader.braced(), _FONTS[name], pieces, depth + 1)
            else:
                font = _FONTS[name]
        elif name in parser.reader.macros.commands:
            macro = parser.reader.macros.commands[name]
            reader.insert(filled(macro.body, reader.arguments(token, macro)) if not macro.meaning else macro.body)
        elif (
            name
            in ("textcolor", "color", "hspace", "label", "ref", "eqref", "unicode", "boxed", "phantom", "frac", "sqrt")
            or name in symbols()
        ):
            # A command of mathematics without its dollars: MathJax shows it all the same, or its name.
            flush()
            reader.at = start
            pieces.append(_mathematics(parser, reader))
        else:
            raise FormulaError(f"MathJax does not know \\{name} inside of text")
    flush()


def monospaced(words: str) -> str:
    """Text in letters of one width, exactly as typed."""
    cells = []
    for character in words:
        letter = in_alphabet(character, "tt")
        cells.append(letter or ("#h(0.525em)" if character.isspace() else f"#cell({quoted(character)})"))
    return " #h(0pt) ".join(cells)


def quoted(words: str) -> str:
    """`words` as a string of Typst."""
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mathematics(parser: Parser, reader: Reader) -> str:
    inner = Parser(reader, parser.style, "rm", parser.depth + 1)
    atoms: list = []
    token = reader.token()
    if token == "\\color":
        raise FormulaError(r"\color stands inside of text")
    inner.step(token, atoms)
    return inner.set(atoms) or '""'
