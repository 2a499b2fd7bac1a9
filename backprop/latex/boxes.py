r"""Spaces, frames, strokes, colours, rules, and what is not shown."""

from __future__ import annotations

from .atoms import Atom, group
from .colours import colour, resolved
from .macros import Reader
from .parser import Parser, commands
from .text import text_code


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


@commands("phantom", "hphantom", "vphantom")
def _phantom(parser: Parser, name: str, atoms: list[Atom]) -> None:
    inside = parser.argument(rf"\{name}")
    wrap = {"phantom": "hide({})", "hphantom": "sideways({})", "vphantom": "upwards({})"}[name]
    style = "display" if parser.style == "display" else "inline"
    atoms.append(Atom("#" + wrap.format(f"${style}({inside})$")))


@commands("strut", "mathstrut")
def _strut(parser: Parser, name: str, atoms: list[Atom]) -> None:
    atoms.append(Atom("#strut(1.16em, 0.3em)" if name == "strut" else "#strut(1em, 0.25em)"))


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
        atoms.append(Atom(f"#framed($inline({inside})$)"))
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
            "box": "#framed($inline({})$)", "circle": "#framed($inline({})$)", "roundedbox": "#framed($inline({})$)",
            "updiagonalstrike": "cancel({})",
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
        reader.macros.colours[new] = (
            resolved(value, model, reader.macros.colours).removeprefix('rgb("').removesuffix('")')
        )
        return
    if name == "textcolor":
        fill = colour(reader)
        inside = parser.inner(reader.argument(r"\textcolor"))
        if inside:
            atoms.append(parser.wrapped(inside, f"text(fill: {fill})"))
        return
    if name == "bbox":
        reader.optional()
        atoms.append(Atom(f"#framed($inline({parser.argument(name)})$, stroke: none)"))
        return
    edge = colour(reader) if name == "fcolorbox" else "none"
    fill = colour(reader)
    inside = text_code(parser, reader.argument(rf"\{name}"), "")
    atoms.append(Atom(f"#framed($inline({inside})$, fill: {fill}, stroke: {edge})"))


@commands(
    "href",
    "class",
    "cssId",
    "style",
    "ensuremath",
    "vcenter",
    "cramped",
    "mathmbox",
    "texttip",
    "mathtip",
    "mathtexttip",
    "rotatebox",
)
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
