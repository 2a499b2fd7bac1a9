r"""Things put together: fractions, roots, accents, what stands above and below, long arrows."""

from __future__ import annotations

import re
from dataclasses import replace

from .atoms import Atom
from .macros import FormulaError
from .parser import Parser, commands
from .vocabulary import DELIMITERS


@commands("frac", "dfrac", "tfrac", "cfrac")
def _fraction(parser: Parser, name: str, atoms: list[Atom]) -> None:
    if name == "cfrac":
        parser.reader.optional()
    outer = {"dfrac": "display", "tfrac": "inline"}.get(name, parser.style)
    inner = {"display": "inline", "inline": "script"}.get(outer, "sscript")
    if name == "cfrac":
        inner = "inline"
    over, under = (parser.argument(rf"\{name}", inner) for _ in range(2))
    if name == "cfrac":
        over, under = (f"inline({part} #h(0pt) #row-strut)" for part in (over, under))
    code = f"over({over}, {under})"
    atoms.append(Atom(code if outer == parser.style else f"{outer}({code})", after="frac"))


@commands("binom", "dbinom", "tbinom")
def _binomial(parser: Parser, name: str, atoms: list[Atom]) -> None:
    outer = {"dbinom": "display", "tbinom": "inline"}.get(name, parser.style)
    inner = {"display": "inline", "inline": "script"}.get(outer, "sscript")
    over, under = (parser.argument(rf"\{name}", inner) for _ in range(2))
    code = parser.fenced("(", parser.atop(over, under, outer), ")")
    atoms.append(Atom(code if outer == parser.style else f"{outer}({code})", after="close"))


@commands("genfrac")
def _general_fraction(parser: Parser, name: str, atoms: list[Atom]) -> None:
    given = [parser.reader.argument(r"\genfrac").strip() for _ in range(4)]
    left, right = (DELIMITERS.get(side, "") if side else "" for side in given[:2])
    outer = dict(zip("0123", ("display", "inline", "script", "sscript"), strict=True)).get(given[3], parser.style)
    inner = {"display": "inline", "inline": "script"}.get(outer, "sscript")
    over, under = (parser.argument(r"\genfrac", inner) for _ in range(2))
    bar = not re.match(r"0+(?:\.0*)?\s*[a-z]", given[2])
    atom = parser.fraction(over, under, bar, left, right)
    atoms.append(atom if outer == parser.style else replace(atom, code=f"{outer}({atom.code})"))


@commands("sqrt", "root")
def _root(parser: Parser, name: str, atoms: list[Atom]) -> None:
    degree = parser.reader.optional() if name == "sqrt" else _until(parser, r"\of")
    inside = parser.argument(rf"\{name}")
    atoms.append(Atom(f"root({parser.code(degree, 'sscript')}, {inside})" if degree else f"sqrt({inside})"))


def _until(parser: Parser, word: str) -> str:
    end = parser.reader.text.find(word, parser.reader.at)
    if end < 0:
        raise FormulaError(f"it lacks a {word}")
    before = parser.reader.text[parser.reader.at : end]
    parser.reader.at = end + len(word)
    return before


# Typst's name of the accent, and whether it is drawn as wide as what it stands over.
_ACCENTS = {
    "hat": "hat", "tilde": "tilde", "bar": "macron", "breve": "breve", "dot": "dot", "ddot": "dot.double",
    "dddot": "dot.triple",
    "ddddot": "dot.quad", "check": "caron", "acute": "acute", "grave": "grave", "mathring": "circle", "vec": "arrow",
}  # fmt: skip
_WIDE = {
    "widehat": "hat", "widetilde": "tilde", "overrightarrow": "arrow", "overleftarrow": "arrow.l",
    "overleftrightarrow": "arrow.l.r",
}  # fmt: skip
_LINES = {
    "overline": "overline", "underline": "underline", "overbrace": "overbrace", "underbrace": "underbrace",
    "overbracket": "overbracket",
    "underbracket": "underbracket", "overparen": "overparen", "underparen": "underparen", "underbar": "underline",
}  # fmt: skip


@commands(*_ACCENTS, *_WIDE, *_LINES)
def _accent(parser: Parser, name: str, atoms: list[Atom]) -> None:
    if name in ("overbracket", "underbracket"):
        while parser.reader.optional() is not None:
            pass
    inside = parser.argument(rf"\{name}")
    if name in _LINES:
        braces = name.endswith(("brace", "bracket", "paren"))
        if name.endswith("brace") and "#brace(" not in inside:  # what is inside stands twice: one level only
            side = "b" if name == "underbrace" else "t"
            brace = f"#brace(sym.brace.{side}, math.{parser.style}, ${inside}$)"
            code = f"attach(limits({inside}), {side}: {parser.style}({brace}))"
        else:
            code = f"{_LINES[name]}({inside})"
        atoms.append(Atom(code, "op" if braces else "ord", solid=True, limits=braces))
    elif name in _WIDE and len(inside) < 3:  # one letter: the arrow is wider than it
        arrow = {"arrow": "→", "arrow.l": "←"}.get(_WIDE[name], "↔")
        smashed = ", smashed: true" if arrow == "→" else ""  # MathJax: only it raises no superscript
        stacked = f"#over-arrow(${inside}$, ${arrow}${smashed})"
        narrow = f"accent({inside}, {_WIDE[name]}, dotless: #false)"
        atoms.append(Atom(stacked if "arrow" in _WIDE[name] else narrow, upright=True))
    elif name in _WIDE:
        atoms.append(Atom(f"accent({inside}, {_WIDE[name]}, dotless: #false)", upright=True))
    else:
        atoms.append(Atom(f"accent({inside}, {_ACCENTS[name]}, size: #0%, dotless: #false)"))


@commands("underrightarrow", "underleftarrow", "underleftrightarrow")
def _under_arrow(parser: Parser, name: str, atoms: list[Atom]) -> None:
    arrow = {"underrightarrow": "→", "underleftarrow": "←"}.get(name, "↔")
    atoms.append(Atom(f"attach(limits({parser.argument(name)}), b: stretch({arrow}, size: #100%))"))


@commands("overset", "underset", "overunderset", "stackrel", "stackbin", "buildrel")
def _stack(parser: Parser, name: str, atoms: list[Atom]) -> None:
    of, small = rf"\{name}", parser.script_style()
    above = below = None
    if name in ("overset", "stackrel", "stackbin", "overunderset"):
        above = parser.argument(of, small)
    if name == "buildrel":
        above = parser.code(_until(parser, r"\over"), small)
    if name in ("underset", "overunderset"):
        below = parser.argument(of, small)
    source = parser.reader.argument(of)
    base = parser.inner(source)
    kind = {"stackrel": "rel", "buildrel": "rel", "stackbin": "bin"}.get(name) or (
        base[0].kind if len(base) == 1 else "ord"
    )
    code = parser.set(base) or '""'
    if kind == "rel":
        strut = " #h(0pt) #equals-strut" if code == "\\=" else ""
        code = f'class("relation", {code}{strut})'
    one = base[0] if len(base) == 1 else None
    # In a line MathJax moves what stands under \mathop{\lim} beside it.
    movable = one is not None and one.movable and not one.solid and source.lstrip().startswith("\\mathop")
    solid = one is not None and one.solid
    atoms.append(Atom(code, kind, solid=solid, limits=True, movable=movable, sup=above, sub=below))


_ARROWS = {
    "xrightarrow": "→", "xleftarrow": "←", "xleftrightarrow": "↔", "xRightarrow": "⇒", "xLeftarrow": "⇐",
    "xLeftrightarrow": "⇔",
    "xmapsto": "↦", "xhookrightarrow": "↪", "xhookleftarrow": "↩", "xlongequal": "=", "xtwoheadrightarrow": "↠",
    "xtwoheadleftarrow": "↞",
    "xrightharpoonup": "⇀", "xleftharpoonup": "↼", "xrightharpoondown": "⇁", "xleftharpoondown": "↽",
    "xrightleftharpoons": "⇌",
    "xleftrightharpoons": "⇋", "xtofrom": "⇄",
}  # fmt: skip


@commands(*_ARROWS)
def _arrow(parser: Parser, name: str, atoms: list[Atom]) -> None:
    small = parser.script_style()
    below = parser.reader.optional()
    above = parser.argument(rf"\{name}", small)
    pad = "#h(0.36em)"
    atoms.append(
        Atom(
            f"stretch({_ARROWS[name]})", "rel", limits=True, stretched=True,
            sup=f"{pad} {above} {pad}", sub=f"{pad} {parser.code(below, small)} {pad}" if below else None,
        )
    )  # fmt: skip


@commands("mathchoice")
def _choice(parser: Parser, name: str, atoms: list[Atom]) -> None:
    given = [parser.reader.argument(r"\mathchoice") for _ in range(4)]
    atoms += parser.inner(given[["display", "inline", "script", "sscript"].index(parser.style)])


@commands("sideset", "prescript")
def _sideset(parser: Parser, name: str, atoms: list[Atom]) -> None:
    if name == "prescript":
        up, down = (parser.argument(r"\prescript", parser.script_style()) for _ in range(2))
        atoms.append(Atom(parser.argument(r"\prescript"), corners=f", tl: {up}, bl: {down}"))
        return
    corners = ""
    for side in "lr":
        for atom in parser.inner(parser.reader.argument(r"\sideset")):
            for place, code in (("b", atom.sub), ("t", f"{'′' * atom.primes} {atom.sup or ''}".strip() or None)):
                corners += f", {place}{side}: {code}" if code else ""
    following = parser.inner(parser.operand(r"\sideset"))
    if not following:
        raise FormulaError(r"\sideset lacks its operator")
    atoms.append(replace(following[0], limits=True, corners=corners, kind="op"))
    atoms += following[1:]


@commands("varliminf", "varlimsup", "varinjlim", "varprojlim")
def _limit(parser: Parser, name: str, atoms: list[Atom]) -> None:
    drawn = {
        "varliminf": 'underline("lim")',
        "varlimsup": 'overline("lim")',
        "varinjlim": 'attach(limits("lim"), b: stretch(→, size: #150%))',
        "varprojlim": 'attach(limits("lim"), b: stretch(←, size: #150%))',
    }
    atoms.append(Atom(drawn[name], "op", solid=True, limits=True, movable=True))
