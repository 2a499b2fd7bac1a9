r"""Delimiters: as high as what they enclose, made larger by hand, in pairs."""

from __future__ import annotations

from .atoms import Atom, row
from .macros import FormulaError
from .parser import Parser, commands


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
    atoms.append(
        Atom(parser.fenced(left, " ".join(part for part in parts if part), right), "inner", after="close", solid=True)
    )


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
