r"""The commands with arguments: fractions, accents, text, delimiters, fonts, boxes, arrows."""

from __future__ import annotations

import re
from dataclasses import replace

from backprop.latex_atoms import Atom, group, row, space
from backprop.latex_colours import colour, resolved
from backprop.latex_macros import FormulaError, Macro, Reader, filled
from backprop.latex_parser import DELIMITERS, DOTS, Parser, commands, fence
from backprop.latex_symbols import class_of, struck
from backprop.latex_text import monospaced, text_code


@commands("frac", "dfrac", "tfrac", "cfrac")
def _fraction(parser: Parser, name: str, atoms: list[Atom]) -> None:
    if name == "cfrac":
        parser.reader.optional()
    outer = {"dfrac": "display", "cfrac": "display", "tfrac": "inline"}.get(name, parser.style)
    inner = {"display": "inline", "inline": "script"}.get(outer, "sscript")
    if name == "cfrac":
        inner = "display"
    over, under = (parser.argument(rf"\{name}", inner) for _ in range(2))
    if name == "cfrac":
        over, under = (f"display({part})" for part in (over, under))
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


_ALPHABETS = {
    "mathrm": "rm", "mathup": "rm", "mathbf": "bf", "mathbfup": "bf", "mathit": "it", "mathbb": "bb", "Bbb": "bb", "mathcal": "cal",
    "mathscr": "scr", "mathfrak": "frak", "mathsf": "sf", "mathsfup": "sf", "mathtt": "tt", "mathnormal": "", "mathbfit": "bfit",
    "mathbfcal": "bfcal", "mathbfscr": "bfscr", "mathbffrak": "bffrak", "mathbfsf": "bfsf", "mathsfit": "sfit", "mathbfsfit": "bfsfit",
    "boldsymbol": "bfit", "bm": "bfit", "pmb": "bfit", "bold": "bf", "mathbbm": "bb", "mathds": "bb", "mathbbmss": "bb", "frak": "frak",
    **{f"sym{name}": alphabet for name, alphabet in (
        ("rm", "rm"), ("up", "rm"), ("bf", "bf"), ("bfup", "bf"), ("it", "it"), ("bfit", "bfit"), ("bb", "bb"), ("cal", "cal"),
        ("scr", "scr"), ("frak", "frak"), ("sf", "sf"), ("tt", "tt"), ("normal", ""))},
}  # fmt: skip


@commands(*_ALPHABETS)
def _alphabet(parser: Parser, name: str, atoms: list[Atom]) -> None:
    inside = parser.inner(parser.reader.argument(rf"\{name}"), alphabet=_ALPHABETS[name])
    if name in ("boldsymbol", "bm", "pmb"):
        atoms += inside  # a bold sign keeps its spaces
    elif inside:
        atoms.append(group(inside, parser.set(inside)))


@commands("text", "textrm", "textnormal", "textup", "textmd", "mbox", "hbox", "textbf", "textit", "textsf", "texttt", "emph", "textsc")
def _text(parser: Parser, name: str, atoms: list[Atom]) -> None:
    font = {"textbf": "bold", "textit": "italic", "emph": "italic", "textsf": "sans", "texttt": "mono"}.get(name, "")
    source = parser.reader.argument(rf"\{name}")
    if source:
        atoms.append(Atom(text_code(parser, source, font)))


@commands("operatorname", "operatornamewithlimits")
def _operator(parser: Parser, name: str, atoms: list[Atom]) -> None:
    over = parser.reader.take("*") or name.endswith("limits")
    source = parser.reader.argument(r"\operatorname")
    inside = [replace(atom, kind="ord") if atom.kind == "bin" else atom for atom in parser.inner(source, alphabet="rm")]
    word = len(inside) == 1 and not inside[0].scripted
    atoms.append(Atom(parser.set(inside) or '""', "op", solid=not word, limits=over, movable=True))


_KINDS = {
    "mathord": "ord", "mathop": "op", "mathbin": "bin", "mathrel": "rel", "mathopen": "open", "mathclose": "close", "mathpunct": "punct",
    "mathinner": "inner",
}  # fmt: skip


@commands(*_KINDS)
def _class(parser: Parser, name: str, atoms: list[Atom]) -> None:
    inside, kind = parser.inner(parser.reader.argument(rf"\{name}")), _KINDS[name]
    code, solid = parser.set(inside) or '""', not (len(inside) == 1 and inside[0].symbol and not inside[0].quiet)
    if kind in ("bin", "rel"):
        code = f'class("{"binary" if kind == "bin" else "relation"}", {code})'
    atoms.append(Atom(code, kind, solid=solid, limits=kind == "op", movable=True))


# Typst's name of the accent, and whether it is drawn as wide as what it stands over.
_ACCENTS = {
    "hat": "hat", "tilde": "tilde", "bar": "macron", "breve": "breve", "dot": "dot", "ddot": "dot.double", "dddot": "dot.triple",
    "ddddot": "dot.quad", "check": "caron", "acute": "acute", "grave": "grave", "mathring": "circle", "vec": "arrow",
}  # fmt: skip
_WIDE = {
    "widehat": "hat", "widetilde": "tilde", "overrightarrow": "arrow", "overleftarrow": "arrow.l", "overleftrightarrow": "arrow.l.r",
}  # fmt: skip
_LINES = {
    "overline": "overline", "underline": "underline", "overbrace": "overbrace", "underbrace": "underbrace", "overbracket": "overbracket",
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
        atoms.append(Atom(f"{_LINES[name]}({inside})", "op" if braces else "ord", solid=True, limits=braces))
    elif name in _WIDE and len(inside) < 3:  # one letter: the arrow is wider than it
        arrow = {"arrow": "→", "arrow.l": "←"}.get(_WIDE[name], "↔")
        stacked = f"#over-arrow(${inside}$, ${arrow}$)"
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
    base = parser.inner(parser.reader.argument(of))
    kind = {"stackrel": "rel", "buildrel": "rel", "stackbin": "bin"}.get(name) or (base[0].kind if len(base) == 1 else "ord")
    code = parser.set(base) or '""'
    if kind == "rel":
        strut = " #h(0pt) #equals-strut" if code == "\\=" else ""
        code = f'class("relation", {code}{strut})'
    solid = len(base) == 1 and base[0].solid
    atoms.append(Atom(code, kind, solid=solid, limits=True, sup=above, sub=below))


_ARROWS = {
    "xrightarrow": "→", "xleftarrow": "←", "xleftrightarrow": "↔", "xRightarrow": "⇒", "xLeftarrow": "⇐", "xLeftrightarrow": "⇔",
    "xmapsto": "↦", "xhookrightarrow": "↪", "xhookleftarrow": "↩", "xlongequal": "=", "xtwoheadrightarrow": "↠", "xtwoheadleftarrow": "↞",
    "xrightharpoonup": "⇀", "xleftharpoonup": "↼", "xrightharpoondown": "⇁", "xleftharpoondown": "↽", "xrightleftharpoons": "⇌",
    "xleftrightharpoons": "⇋", "xtofrom": "⇄",
}  # fmt: skip


@commands(*_ARROWS)
def _arrow(parser: Parser, name: str, atoms: list[Atom]) -> None:
    small = parser.script_style()
    below = parser.reader.optional()
    above = parser.argument(rf"\{name}", small)
    pad = "#h(0.4em)"
    atoms.append(
        Atom(
            f"stretch({_ARROWS[name]})", "rel", limits=True,
            sup=f"{pad} {above} {pad}", sub=f"{pad} {parser.code(below, small)} {pad}" if below else None,
        )
    )  # fmt: skip


@commands("left")
def _left(parser: Parser, name: str, atoms: list[Atom]) -> None:
    left = parser.delimiter()
    kept = parser.depth
    parser.depth += 1
    parser.__post_init__()
    parts: list[str] = []
    first = "open"
    while True:
        inside, end = parser.row()
        # Spaces at the edges are those of a delimiter's neighbour.
        code = row(inside, parser.style == "display", parser.script, first)
        parts.append(code.removeprefix("#h(0pt) "))
        if end == "\\middle":
            middle = parser.delimiter()
            parts.append(f'class("normal", mid({"".join(chr(92) + c for c in middle)}))' if middle else "#h(0pt)")
            continue
        if end != "\\right":
            raise FormulaError(r"a \left has no \right" + (f" before the {end}" if end else ""))
        break
    parser.depth = kept
    right = parser.delimiter()
    atoms.append(Atom(parser.fenced(left, " ".join(part for part in parts if part), right), "inner", after="close", solid=True))


# In em: of most delimiters, and of bars, which come in other sizes.
_BIG = {"big": (1.2, 1.2), "Big": (1.75, 1.45), "bigg": (2.35, 2.08), "Bigg": (2.95, 2.5)}


@commands(*(size + side for size in _BIG for side in ("", "l", "r", "m")))
def _big(parser: Parser, name: str, atoms: list[Atom]) -> None:
    size = name.rstrip("lrm") if name[-1] in "lrm" else name
    kind = {"l": "open", "r": "close", "m": "rel"}.get(name.removeprefix(size), "ord")
    character = parser.delimiter()
    side = {"open": "opening", "close": "closing"}.get(kind) or ("closing" if character in ")]}⟩⌋⌉" else "opening")
    if not character:
        return
    em = _BIG[size][character in "|‖"]
    code = "".join(f"\\{c}" for c in character)
    atoms.append(Atom(f'class("normal", lr(size: #{em}em, class("{side}", {code})))', kind))


@commands("paireddelimiter")
def _paired(parser: Parser, name: str, atoms: list[Atom]) -> None:
    left, right = parser.reader.argument(name), parser.reader.argument(name)
    if parser.reader.take("*"):
        parser.reader.insert(rf"\left{left} {parser.reader.argument(name)}\right{right} ")
        return
    size = parser.reader.optional()
    inside = parser.reader.argument(name)
    if size:
        parser.reader.insert(rf"\mathopen{{{size} {left}}} {inside}\mathclose{{{size} {right}}}")
    else:
        parser.reader.insert(rf"\mathopen{{{left}}} {inside}\mathclose{{{right}}}")


@commands("hspace", "hskip", "kern", "mkern", "mskip", "mspace", "moveright", "moveleft")
def _space(parser: Parser, name: str, atoms: list[Atom]) -> None:
    parser.reader.take("*")
    width = _in_braces(parser, name)
    atoms.append(Atom("", space=-width if name == "moveleft" else width))


def _in_braces(parser: Parser, name: str) -> float:
    parser.reader.skip()
    if not parser.reader.text.startswith("{", parser.reader.at):
        return parser.length(rf"\{name}")
    inside = Parser(Reader(parser.reader.braced(), parser.reader.macros, parser.reader.spent), parser.style)
    return inside.length(rf"\{name}")


@commands("space", "nobreakspace")
def _blank(parser: Parser, name: str, atoms: list[Atom]) -> None:
    atoms.append(Atom("#h(0.25em)"))


@commands("vspace", "vskip", "label", "require", "mathtoolsset", "thispagestyle", "bigskip", "medskip", "smallskip")
def _nothing(parser: Parser, name: str, atoms: list[Atom]) -> None:
    parser.reader.take("*")
    if name == "vskip":
        parser.length(r"\vskip")
    elif not name.endswith("skip"):
        parser.reader.argument(rf"\{name}")


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


@commands("phantom", "hphantom", "vphantom")
def _phantom(parser: Parser, name: str, atoms: list[Atom]) -> None:
    inside = parser.argument(rf"\{name}")
    wrap = {"phantom": "hide({})", "hphantom": "sideways({})", "vphantom": "upwards({})"}[name]
    atoms.append(Atom("#" + wrap.format(f"${inside}$")))


@commands("smash", "llap", "rlap", "clap", "mathllap", "mathrlap", "mathclap", "textllap", "textrlap", "textclap")
def _lap(parser: Parser, name: str, atoms: list[Atom]) -> None:
    if name == "smash":
        parser.reader.optional()
        inside = parser.inner(parser.reader.argument(r"\smash"))
        atoms.append(group(inside, parser.set(inside) or '""'))
        return
    side = {"l": "right", "r": "left", "c": "center"}[name.removeprefix("math").removeprefix("text")[0]]
    source = parser.reader.argument(rf"\{name}")
    inside = parser.code(source) if name.startswith("math") else text_code(parser, source, "")
    atoms.append(Atom(f"#lapped({side}, ${inside}$)"))


@commands("boxed", "fbox", "framebox", "Aboxed", "cancel", "bcancel", "xcancel", "cancelto")
def _crossed(parser: Parser, name: str, atoms: list[Atom]) -> None:
    of = rf"\{name}"
    if name in ("fbox", "framebox"):
        while name == "framebox" and parser.reader.optional() is not None:
            pass
        inside = text_code(parser, parser.reader.argument(of), "")
        atoms.append(Atom(f"#framed(${inside}$)"))
    elif name in ("boxed", "Aboxed"):
        source = parser.reader.argument(of).replace("&", "")
        atoms.append(Atom(f"#framed($display({parser.code(source, 'display')})$)"))
    else:
        value = parser.argument(of, parser.script_style()) if name == "cancelto" else None
        inside = parser.argument(of)
        how = {"bcancel": ", inverted: #true", "xcancel": ", cross: #true"}.get(name, "")
        atoms.append(Atom(f"#h(0.26em) cancel({inside}{how}) #h(0.26em)", sup=value))


@commands("enclose")
def _enclose(parser: Parser, name: str, atoms: list[Atom]) -> None:
    how = parser.reader.argument(r"\enclose").split()
    parser.reader.optional()
    inside = parser.argument(r"\enclose")
    for word in how:
        wrap = {
            "box": "#framed(${}$)", "circle": "#framed(${}$)", "roundedbox": "#framed(${}$)", "updiagonalstrike": "cancel({})",
            "downdiagonalstrike": "cancel({}, inverted: #true)", "horizontalstrike": "cancel({}, angle: #90deg)",
            "top": "overline({})", "bottom": "underline({})", "radical": "sqrt({})",
        }.get(word)  # fmt: skip
        inside = wrap.format(inside) if wrap else inside
    atoms.append(Atom(inside))


@commands("textcolor", "definecolor", "colorbox", "fcolorbox", "bbox")
def _coloured(parser: Parser, name: str, atoms: list[Atom]) -> None:
    reader = parser.reader
    if name == "definecolor":
        new, model, value = (reader.argument(r"\definecolor").strip() for _ in range(3))
        reader.macros.colours[new] = resolved(value, model, reader.macros.colours).removeprefix('rgb("').removesuffix('")')
        return
    if name == "textcolor":
        fill = colour(reader)
        inside = parser.inner(reader.argument(r"\textcolor"))
        if inside:
            atoms.append(parser.wrapped(inside, f"text(fill: {fill})"))
        return
    if name == "bbox":
        reader.optional()
        atoms.append(Atom(f"#framed(${parser.argument(name)}$, stroke: none)"))
        return
    edge = colour(reader) if name == "fcolorbox" else "none"
    fill = colour(reader)
    inside = text_code(parser, reader.argument(rf"\{name}"), "")
    atoms.append(Atom(f"#framed(${inside}$, fill: {fill}, stroke: {edge})"))


@commands("href", "class", "cssId", "style", "ensuremath", "vcenter", "cramped", "mathmbox", "texttip", "mathtip", "mathtexttip", "rotatebox")
def _plain(parser: Parser, name: str, atoms: list[Atom]) -> None:
    """Commands of which only the formula inside is shown."""
    if name in ("href", "class", "cssId", "style", "rotatebox"):
        parser.reader.argument(rf"\{name}")
    inside = parser.inner(parser.reader.argument(rf"\{name}"))
    if name in ("texttip", "mathtip", "mathtexttip"):
        parser.reader.argument(rf"\{name}")
    atoms.append(group(inside, parser.set(inside) or '""'))


@commands("raise", "lower", "raisebox")
def _raised(parser: Parser, name: str, atoms: list[Atom]) -> None:
    by = _in_braces(parser, name)
    inside = parser.argument(rf"\{name}")
    atoms.append(Atom(f"#box(baseline: {by if name == 'lower' else -by:.3g}em, ${inside}$)"))


@commands("rule", "Rule", "Space")
def _rule(parser: Parser, name: str, atoms: list[Atom]) -> None:
    up = parser.reader.optional()
    lift = Parser(Reader(up, parser.reader.macros), parser.style).length(r"\rule") if up else 0.0
    sizes = [_in_braces(parser, name) for _ in range(2 if name == "rule" else 3)]
    depth = -lift if name == "rule" else sizes[2]
    width, height = max(0.0, sizes[0]), max(0.0, sizes[1] + (0 if name == "rule" else depth))
    fill = "none" if name == "Space" else "black"
    atoms.append(Atom(f"#box(width: {width:.3g}em, height: {height:.3g}em, baseline: {depth:.3g}em, fill: {fill})"))


@commands("not", "centernot")
def _not(parser: Parser, name: str, atoms: list[Atom]) -> None:
    reader = parser.reader
    inside = parser.inner(reader.braced() if reader.peek() == "{" and not _unread(reader) else parser.operand(r"\not"))
    one = inside[0] if len(inside) == 1 else None
    if one is not None and one.symbol:
        joined = struck(one.symbol)
        code = "".join(f"\\{c}" for c in joined) if len(joined) == 1 else f"cancel({one.code}, length: #90%)"
        atoms.append(replace(one, code=code, kind="rel" if one.kind == "rel" else one.kind, quiet=False))
    else:
        atoms.append(Atom(f"cancel({parser.set(inside) or chr(34) * 2}, length: #90%)", "rel"))


def _unread(reader: Reader) -> bool:
    reader.skip()
    return False


@commands("dots", "dotso", "dotsc", "dotsb", "dotsm", "dotsi", "hdots", "dotsx")
def _dots(parser: Parser, name: str, atoms: list[Atom]) -> None:
    high = name in ("dotsb", "dotsm", "dotsi")
    if name == "dots":
        following = parser.reader.peek()
        probe = [] if following in ("", "}", "&", "^", "_") or following.startswith("\\end") else parser.probe(following)
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
        atoms += [Atom("", space=1.0 if parser.style == "display" else 12 / 18), Atom('"mod"'), Atom("", space=6 / 18), *inside]
        return
    word = [Atom('"mod"'), Atom("", space=6 / 18)] if name == "pmod" else []
    atoms += [Atom("", space=gap), Atom("\\(", "open"), *word, *inside, Atom("\\)", "close")]


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


@commands("verb")
def _verbatim(parser: Parser, name: str, atoms: list[Atom]) -> None:
    reader = parser.reader
    reader.take("*")
    end = reader.text.find(reader.text[reader.at : reader.at + 1], reader.at + 1) if reader.at < len(reader.text) else -1
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
        number = int(found[1], 16) if found[1] else int(found[2], 8) if found[2] else int(found[3]) if found[3] else ord(found[4])
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


@commands("begin")
def _begin(parser: Parser, name: str, atoms: list[Atom]) -> None:
    reader = parser.reader
    environment = reader.argument(r"\begin").strip()
    own = reader.macros.environments.get(environment)
    if own:
        macro, end = own
        given = reader.arguments(environment, Macro(macro.body, macro.count, macro.default))
        closing = re.compile(rf"\\end\s*\{{{re.escape(environment)}\}}").search(reader.text, reader.at)
        if not closing:
            raise FormulaError(rf"its \end{{{environment}}} is missing")
        inside = reader.text[reader.at : closing.start()]
        reader.at = closing.end()
        reader.insert(f"{filled(macro.body, given)} {inside} {filled(end, given)}")
        return
    from backprop.latex_tables import read_environment

    atoms += read_environment(parser, environment)


_RELATIONS = {
    "coloneqq": "∶=", "Coloneqq": "∶∶=", "eqqcolon": "=∶", "dblcolon": "∶∶", "coloneq": "∶−", "eqcolon": "−∶", "colonapprox": "∶≈",
    "colonsim": "∶∼", "vcentcolon": "∶", "ordinarycolon": "∶", "approxcolon": "≈∶", "bigtimes": "×",
}  # fmt: skip


@commands(*_RELATIONS)
def _relation(parser: Parser, name: str, atoms: list[Atom]) -> None:
    shown = _RELATIONS[name]
    atoms.append(Atom(" #h(0pt) ".join(f"\\{c}" for c in shown), "op" if name == "bigtimes" else "rel", symbol=shown if len(shown) == 1 else ""))


_BRAKETS = {"bra": ("⟨", "|"), "ket": ("|", "⟩"), "braket": ("⟨", "⟩"), "set": ("{", "}")}


@commands(*_BRAKETS, "Bra", "Ket", "Braket", "Set", "ketbra")
def _braket(parser: Parser, name: str, atoms: list[Atom]) -> None:
    of = rf"\{name}"
    if name == "ketbra":
        one, other = parser.argument(of), parser.argument(of)
        atoms.append(Atom(f"\\| {one} \\⟩ \\⟨ {other} \\|"))
        return
    left, right = _BRAKETS[name.lower()]
    source = parser.reader.argument(of)
    parts = [parser.code(part) for part in (source.split("|") if name.lower() in ("braket", "set") else [source])]
    if name[0].isupper():
        bar = ' class("normal", mid(\\|)) '
        atoms.append(Atom(parser.fenced(left, bar.join(parts), right), "inner", after="close", solid=True))
    else:
        bar = " #h(0pt) \\| #h(0pt) " if name != "set" else " thick \\| thick "
        atoms.append(Atom(f"\\{left} #h(0pt) {bar.join(parts)} #h(0pt) \\{right}"))


@commands("substack")
def _substack(parser: Parser, name: str, atoms: list[Atom]) -> None:
    from backprop.latex_tables import read_environment

    source = parser.reader.argument(r"\substack")
    inner = Parser(
        Reader(rf"{source}\end{{subarray}}", parser.reader.macros, parser.reader.spent), parser.style, parser.alphabet, parser.depth + 1
    )
    atoms += read_environment(inner, "subarray", columns="c")


@commands("MoveEqLeft")
def _move(parser: Parser, name: str, atoms: list[Atom]) -> None:
    parser.reader.optional()
    parser.reader.insert("& ")


@commands("hline", "hdashline", "cline", "toprule", "midrule", "bottomrule")
def _misplaced(parser: Parser, name: str, atoms: list[Atom]) -> None:
    raise FormulaError(rf"a \{name} stands outside of a table")


__all__ = ["space"]
