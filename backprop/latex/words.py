r"""Alphabets, text, the names of operators, and signs that are more than one character."""

from __future__ import annotations

import re
from dataclasses import replace

from .atoms import Atom, group
from .macros import FormulaError
from .parser import Parser, commands
from .symbols import class_of, struck
from .text import monospaced, text_code
from .vocabulary import DOTS

_NAMES = {
    "rm": "mathrm mathup symrm symup",
    "bf": "mathbf mathbfup bold symbf symbfup",
    "it": "mathit symit",
    "bb": "mathbb Bbb mathbbm mathds mathbbmss symbb",
    "cal": "mathcal symcal",
    "scr": "mathscr symscr",
    "frak": "mathfrak frak symfrak",
    "sf": "mathsf mathsfup symsf",
    "tt": "mathtt symtt",
    "": "mathnormal symnormal",
    "bfit": "mathbfit boldsymbol bm pmb symbfit",
    "bfcal": "mathbfcal",
    "bfscr": "mathbfscr",
    "bffrak": "mathbffrak",
    "bfsf": "mathbfsf",
    "sfit": "mathsfit",
    "bfsfit": "mathbfsfit",
}
_ALPHABETS = {name: alphabet for alphabet, names in _NAMES.items() for name in names.split()}


@commands(*_ALPHABETS)
def _alphabet(parser: Parser, name: str, atoms: list[Atom]) -> None:
    inside = parser.inner(parser.reader.argument(rf"\{name}"), alphabet=_ALPHABETS[name])
    if name in ("boldsymbol", "bm", "pmb"):
        atoms += inside  # a bold sign keeps its spaces
    elif inside:
        atoms.append(group(inside, parser.set(inside)))


@commands(
    "text",
    "textrm",
    "textnormal",
    "textup",
    "textmd",
    "mbox",
    "hbox",
    "textbf",
    "textit",
    "textsf",
    "texttt",
    "emph",
    "textsc",
)
def _text(parser: Parser, name: str, atoms: list[Atom]) -> None:
    font = {"textbf": "bold", "textit": "italic", "emph": "italic", "textsf": "sans", "texttt": "mono"}.get(name, "")
    source = parser.reader.argument(rf"\{name}")
    words = source.split()
    if len(source) > 40 and not re.search(r"[\\${}~]", source):
        # A sentence: a line may break between its words.
        for word in words:
            atoms += [Atom(text_code(parser, word, font), word=True), Atom("", space=0.25)]
    elif source:
        atoms.append(Atom(text_code(parser, source, font)))


@commands("operatorname", "operatornamewithlimits")
def _operator(parser: Parser, name: str, atoms: list[Atom]) -> None:
    over = parser.reader.take("*") or name.endswith("limits")
    source = parser.reader.argument(r"\operatorname")
    inside = [replace(atom, kind="ord") if atom.kind == "bin" else atom for atom in parser.inner(source, alphabet="rm")]
    word = len(inside) == 1 and not inside[0].scripted
    atoms.append(Atom(parser.set(inside) or '""', "op", solid=not word, limits=over, movable=True))


_KINDS = {
    "mathord": "ord", "mathop": "op", "mathbin": "bin", "mathrel": "rel", "mathopen": "open", "mathclose": "close",
    "mathpunct": "punct",
    "mathinner": "inner",
}  # fmt: skip


@commands(*_KINDS)
def _class(parser: Parser, name: str, atoms: list[Atom]) -> None:
    inside, kind = parser.inner(parser.reader.argument(rf"\{name}")), _KINDS[name]
    code = parser.set(inside) or '""'
    one = inside[0] if len(inside) == 1 else None
    solid = one is None or one.solid or not (one.kind == "op" or (one.symbol and not one.quiet))
    if kind in ("bin", "rel"):
        code = f'class("{"binary" if kind == "bin" else "relation"}", {code})'
    atoms.append(Atom(code, kind, solid=solid, limits=kind == "op", movable=True))


@commands("tag")
def _tag(parser: Parser, name: str, atoms: list[Atom]) -> None:
    bare = parser.reader.take("*")
    words = parser.reader.argument(r"\tag")
    shown = text_code(parser, words if bare else f"({words})", "")
    atoms += [Atom("", space=2), Atom(shown)]


@commands("ref", "eqref")
def _reference(parser: Parser, name: str, atoms: list[Atom]) -> None:
    words = parser.reader.argument(rf"\{name}")
    atoms.append(Atom(text_code(parser, f"({words})" if name == "eqref" else words, "")))


@commands("not", "centernot")
def _not(parser: Parser, name: str, atoms: list[Atom]) -> None:
    inside = parser.inner(parser.operand(rf"\{name}"))
    one = inside[0] if len(inside) == 1 else None
    if one is not None and one.symbol:
        joined = struck(one.symbol)
        code = "".join(f"\\{c}" for c in joined) if len(joined) == 1 else f"cancel({one.code}, length: #90%)"
        atoms.append(replace(one, code=code, kind="rel" if one.kind == "rel" else one.kind, quiet=False))
    else:
        atoms.append(Atom(f"cancel({parser.set(inside) or chr(34) * 2}, length: #90%)", "rel"))


@commands("dots", "dotso", "dotsc", "dotsb", "dotsm", "dotsi", "hdots", "dotsx")
def _dots(parser: Parser, name: str, atoms: list[Atom]) -> None:
    high = name in ("dotsb", "dotsm", "dotsi")
    if name == "dots":
        following = parser.reader.peek()
        probe = (
            [] if following in ("", "}", "&", "^", "_") or following.startswith("\\end") else parser.probe(following)
        )
        high = bool(probe) and probe[0].kind in ("bin", "rel")
    atoms.append(Atom(DOTS["⋯" if high else "…"], "inner", symbol="…"))


@commands("iff", "implies", "impliedby")
def _implication(parser: Parser, name: str, atoms: list[Atom]) -> None:
    arrow = {"iff": "⟺", "implies": "⟹", "impliedby": "⟸"}[name]
    atoms += [Atom("", space=5 / 18), Atom(arrow, "rel", symbol=arrow), Atom("", space=5 / 18)]


@commands("bmod", "pmod", "mod", "pod")
def _modulo(parser: Parser, name: str, atoms: list[Atom]) -> None:
    gap = 1.0 if parser.style == "display" else 8 / 18
    if name == "bmod":
        atoms += [Atom("", space=5 / 18), Atom('"mod"'), Atom("", space=5 / 18)]
        return
    inside = parser.inner(parser.reader.argument(rf"\{name}"))
    if name == "mod":
        atoms += [
            Atom("", space=1.0 if parser.style == "display" else 12 / 18),
            Atom('"mod"'),
            Atom("", space=6 / 18),
            *inside,
        ]
        return
    word = [Atom('"mod"'), Atom("", space=6 / 18)] if name == "pmod" else []
    atoms += [Atom("", space=gap), Atom("\\(", "open"), *word, *inside, Atom("\\)", "close")]


@commands("verb")
def _verbatim(parser: Parser, name: str, atoms: list[Atom]) -> None:
    reader = parser.reader
    reader.take("*")
    end = (
        reader.text.find(reader.text[reader.at : reader.at + 1], reader.at + 1) if reader.at < len(reader.text) else -1
    )
    if end < 0:
        raise FormulaError(r"\verb is never closed")
    words = reader.text[reader.at + 1 : end]
    reader.at = end + 1
    atoms.append(Atom(monospaced(words) or '""'))


@commands("unicode", "char")
def _code_point(parser: Parser, name: str, atoms: list[Atom]) -> None:
    reader = parser.reader
    reader.optional()
    reader.optional()
    if name == "char" and reader.peek() != "{":
        found = re.compile(r"\s*(?:\"([0-9A-Fa-f]+)|'([0-7]+)|(\d+)|`\\?(.))").match(reader.text, reader.at)
        if not found:
            raise FormulaError(r"\char needs a number")
        reader.at = found.end()
        number = (
            int(found[1], 16)
            if found[1]
            else int(found[2], 8)
            if found[2]
            else int(found[3])
            if found[3]
            else ord(found[4])
        )
    else:
        words = reader.argument(rf"\{name}").strip()
        hexadecimal = words[:1] in ("x", '"')
        digits = words.lstrip('x"')
        if not re.fullmatch(r"[0-9A-Fa-f]{1,6}" if hexadecimal else r"\d{1,7}", digits):
            raise FormulaError(rf"\{name} needs the number of a character")
        number = int(digits, 16 if hexadecimal else 10)
    if not (32 < number < 0xD800 or 0xF900 <= number < 0x110000):
        raise FormulaError(f"there is no character number {number}")
    atoms.append(parser.symbol(chr(number), class_of(chr(number))))


@commands("TeX", "LaTeX")
def _logo(parser: Parser, name: str, atoms: list[Atom]) -> None:
    atoms.append(Atom(f'"{name}"'))


@commands("mmlToken")
def _token(parser: Parser, name: str, atoms: list[Atom]) -> None:
    parser.reader.argument(name)
    parser.reader.optional()
    atoms.append(Atom(text_code(parser, parser.reader.argument(name), "")))


_RELATIONS = {
    "coloneqq": "∶=", "Coloneqq": "∶∶=", "eqqcolon": "=∶", "dblcolon": "∶∶", "coloneq": "∶−", "eqcolon": "−∶",
    "colonapprox": "∶≈",
    "colonsim": "∶∼", "vcentcolon": "∶", "ordinarycolon": "∶", "approxcolon": "≈∶", "bigtimes": "×",
}  # fmt: skip


@commands(*_RELATIONS)
def _relation(parser: Parser, name: str, atoms: list[Atom]) -> None:
    shown = _RELATIONS[name]
    atoms.append(
        Atom(
            " #h(0pt) ".join(f"\\{c}" for c in shown),
            "op" if name == "bigtimes" else "rel",
            symbol=shown if len(shown) == 1 else "",
        )
    )
