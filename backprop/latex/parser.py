r"""The parser: LaTeX mathematics read from left to right into atoms (see `atoms`).

What stands for itself is read here. The commands with arguments are in `commands` and `tables`, which
register themselves. Whatever reaches Typst is written by us: each character of the student's is escaped, stands in
a string, or is a letter or digit.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from .atoms import Atom, group, letter, row
from .colours import colour
from .macros import DEEPEST, FormulaError, Reader
from .symbols import SET_AS, class_of, in_alphabet, symbols
from .vocabulary import (
    DELIMITERS,
    DOTS,
    EM,
    ENDS,
    IGNORED,
    INFIX,
    LENGTH,
    NUMBER,
    OPERATORS,
    SIZES,
    SPACES,
    STYLES,
    SWITCHES,
)


@dataclass
class Parser:
    """Reads one row after the other. `style` is display, inline, script or sscript; `alphabet` that of \\mathbf etc."""

    reader: Reader
    style: str
    alphabet: str = ""
    depth: int = 0
    size: float = 1.0  # of the letters, by \\large and its kin

    def __post_init__(self) -> None:
        if self.depth > DEEPEST:
            raise FormulaError(f"it is nested more than {DEEPEST} deep")

    @property
    def script(self) -> bool:
        return self.style in ("script", "sscript")

    def set(self, atoms: list[Atom], first: str = "", style: str = "") -> str:
        """The code of `atoms` in this style; a space that shows nothing where there are none."""
        style = style or self.style
        return row(atoms, style == "display", style in ("script", "sscript"), first)

    def inner(self, source: str, style: str = "", alphabet: str | None = None) -> list[Atom]:
        """The atoms of an argument."""
        parser = Parser(
            Reader(source, self.reader.macros, self.reader.spent),
            style or self.style,
            self.alphabet if alphabet is None else alphabet,
            self.depth + 1,
            self.size,
        )
        atoms, end = parser.row()
        while end in ("\\\\", "\\newline"):  # MathJax breaks no line inside of a group
            more, end = parser.row()
            atoms += more
        if end:
            raise FormulaError(f"a {end} stands where it cannot")
        return atoms

    def code(self, source: str, style: str = "", alphabet: str | None = None) -> str:
        """The Typst code of an argument, never empty."""
        return self.set(self.inner(source, style, alphabet), style=style) or '""'

    def argument(self, of: str, style: str = "") -> str:
        """The Typst code of the next argument."""
        return self.code(self.reader.argument(of), style)

    def script_style(self) -> str:
        return "sscript" if self.script else "script"

    def row(self) -> tuple[list[Atom], str]:
        """The atoms up to the end of the row or cell, and the token that ended it, which is read over."""
        atoms: list[Atom] = []
        infix: Infix | None = None
        while True:
            token = self.reader.token()
            if token in ENDS:
                break
            name = token[1:]
            if token[0] == "\\" and name in INFIX:
                if infix:
                    raise FormulaError(f"it has a second {token} in one group: use braces")
                around = (self.delimiter(), self.delimiter()) if name.endswith("delims") else INFIX[name]
                if name.startswith("above"):
                    self.length(token)  # the thickness of the bar: always the usual one
                infix, atoms = (name, around, atoms), []
            elif token[0] == "\\" and name in STYLES:
                atoms += self.rest(STYLES[name])
                return self._closed(atoms, infix), self._ended
            elif token[0] == "\\" and name in SWITCHES:
                kept, self.alphabet = self.alphabet, SWITCHES[name]
                more, end = self.row()
                self.alphabet = kept
                return self._closed(atoms + more, infix), end
            elif token[0] == "\\" and name in SIZES:
                kept, self.size = self.size, SIZES[name]
                size = f"text(size: {self.size / kept:.4g}em)"
                more, end = self.row()
                self.size = kept
                return self._closed([*atoms, self.wrapped(more, size)] if more else atoms, infix), end
            elif token == "\\color":
                ink = f"text(fill: {colour(self.reader)})"
                more, end = self.row()
                return self._closed([*atoms, self.wrapped(more, ink)] if more else atoms, infix), end
            else:
                self.reader.count()
                self.step(token, atoms)
        return self._closed(atoms, infix), token

    _ended = ""

    def rest(self, style: str) -> list[Atom]:
        """What follows \\displaystyle and the like, up to the end of the group."""
        kept, self.style = self.style, style
        more, self._ended = self.row()
        self.style = kept
        if not more or style == kept:
            return more
        real = [atom for atom in more if atom.space is None]
        kind, after = (real[0].kind, real[-1].after or real[-1].kind) if real else ("ord", "")
        kind, after = ("ord" if kind == "bin" else kind), ("ord" if after == "bin" else after)
        symbol = real[0].symbol if real else ""
        return [Atom(f"{style}({self.set(more, style=style)})", kind, after=after, symbol=symbol)]

    def wrapped(self, atoms: list[Atom], call: str) -> Atom:
        """Atoms in a colour or a size."""
        real = [atom for atom in atoms if atom.space is None]
        kind = real[0].kind if real else "ord"
        after = (real[-1].after or real[-1].kind) if real else ""
        kind, after = (
            ("ord" if kind == "bin" and len(real) > 1 else kind),
            ("ord" if after == "bin" and len(real) > 1 else after),
        )
        return Atom(f"#{call}[${self.set(atoms)}$]", kind, after=after)

    def _closed(self, atoms: list[Atom], infix: Infix | None) -> list[Atom]:
        if not infix:
            return atoms
        name, (left, right), above = infix
        style = self.fraction_style()
        over, under = self.set(above, style=style) or '""', self.set(atoms, style=style) or '""'
        bar = name.startswith(("over", "above"))
        return [self.fraction(over, under, bar, left, right)]

    def fraction_style(self) -> str:
        return {"display": "inline", "inline": "script"}.get(self.style, "sscript")

    def fraction(self, over: str, under: str, bar: bool, left: str, right: str) -> Atom:
        """One above the other, with or without a bar between them and delimiters around."""
        code = f"over({over}, {under})" if bar else self.atop(over, under)
        return Atom(self.fenced(left, code, right), after="close") if left or right else Atom(code, after="frac")

    def atop(self, over: str, under: str, style: str = "") -> str:
        gap = 0.37 if (style or self.style) == "display" else 0.09
        return f"atop({over}, {under}, gap: #{gap}em)"

    def step(self, token: str, atoms: list[Atom]) -> None:
        """Read what `token` begins, and add it to the atoms."""
        reader = self.reader
        if token == "{":
            reader.at = reader.start
            inside = self.inner(reader.braced())
            atoms.append(group(inside, self.set(inside) or '""') if inside else Atom('""'))
        elif token == "}":
            raise FormulaError("a } closes nothing")
        elif token in "^_":
            self.scripts(token, atoms)
        elif token in ("'", "′", "’", "\\'"):
            count = 1
            while reader.text.startswith(("'", "′", "’"), reader.at):
                reader.at += 1
                count += 1
            base = self.base(atoms)
            if base.sup is not None:
                raise FormulaError("a prime follows a superscript: use braces")
            atoms.append(replace(base, primes=base.primes + count, table=None))
        elif token == "~":
            atoms.append(Atom("#h(0.25em)"))
        elif token == "$":
            pass  # a slip: around the condition of a case, for example
        elif token == "#":
            raise FormulaError("a # stands outside of a definition")
        elif token[0] == "\\":
            self.command(token, atoms)
        elif token.isascii() and (token.isdigit() or (token == "." and NUMBER.match(reader.text, reader.at - 1))):
            self.number(atoms)
        elif self.alphabet == "rm" and token.isascii() and token.isalpha():
            word = re.compile(r"[A-Za-z]+").match(reader.text, reader.start)
            assert word
            reader.at = word.end()
            atoms.append(Atom(f"upright({token})" if len(word[0]) == 1 else f'"{word[0]}"'))
        else:
            atoms.append(self.character(token))

    def number(self, atoms: list[Atom]) -> None:
        found = NUMBER.match(self.reader.text, self.reader.start)
        assert found
        self.reader.at = found.end()
        if self.alphabet in ("", "rm", "cal", "scr", "it", "frak"):
            shown = found[0].replace("{,}", ",")
            plain = shown.replace(".", "", 1).isdigit() and shown[0] != "."
            atoms.append(letter(shown, "0") if plain else Atom(f'"{shown}"'))
        else:
            atoms += [self.character(c) for c in found[0].replace("{,}", ",")]

    def character(self, typed: str) -> Atom:
        """A character that stands for itself."""
        if typed in "…⋯":
            return Atom(DOTS[typed], "inner", symbol=typed)
        shown = SET_AS.get(typed, typed)
        kind = class_of(typed)
        if typed == ".":
            kind = "punct" if not self.reader.text[self.reader.at : self.reader.at + 1].isdigit() else "ord"
        if "Α" <= typed <= "Ω" and not self.alphabet:
            return self.symbol(shown, kind, alphabet="it")
        return self.symbol(shown, kind)

    def symbol(self, character: str, kind: str, greek: str = "", alphabet: str | None = None) -> Atom:
        """One character in the alphabet that is in force; `greek` is upright for capitals by LaTeX's custom."""
        alphabet = self.alphabet if alphabet is None else alphabet
        if alphabet == "it" and character.isascii():
            alphabet = ""
        if greek == "italic" and alphabet not in ("bfit", "it"):
            alphabet = ""  # \mathbf leaves small Greek letters alone
        styled = in_alphabet(character, alphabet) if alphabet else None
        if styled:
            upright = alphabet in ("bf", "sf", "rm") or (alphabet == "cal" and character in "DFHKLMPVW")
            return replace(letter(styled, character), kind=kind, upright=upright)
        if greek == "upright" and not alphabet:
            return Atom(f"upright({character})", kind)
        if character.isascii() and (character.isalpha() or character.isdigit()):
            return replace(letter(character, character), kind=kind)
        if character in "∂∇" and greek != "italic":
            return Atom(f"upright({character})", kind)
        if character.isalpha() and len(character) == 1:
            shown = character if character in "αβγδϵζηθικλμνξοπρστυϕχψωεϑϖϱςφϝϰıȷℓℏℵℶℷℸ" else f'"{character}"'
            return Atom(shown, kind)
        return Atom("".join(f"\\{c}" if not c.isspace() else " " for c in character), kind, symbol=character)

    def base(self, atoms: list[Atom]) -> Atom:
        """The atom that a script belongs to, taken off the list; an empty one when a script comes first."""
        if not atoms or atoms[-1].space is not None:
            return Atom("")
        return atoms.pop()

    def scripts(self, token: str, atoms: list[Atom]) -> None:
        base = self.base(atoms)
        source = self.operand(token)
        code = self.code(source, self.script_style()) if source.strip() else ""
        if token == "_":
            if base.sub is not None:
                raise FormulaError("it has two subscripts in a row: use braces")
            atoms.append(replace(base, sub=code, quiet=base.quiet, table=None))
        else:
            if base.sup is not None:
                raise FormulaError("it has two superscripts in a row: use braces")
            atoms.append(replace(base, sup=code, table=None))

    def operand(self, of: str) -> str:
        """The source of what stands after ^ or _: a group, a character, or a command with its arguments."""
        reader = self.reader
        token = reader.token()
        if token in ("", "&", "}", "^", "_") or token in ENDS:
            raise FormulaError(f"nothing stands after a {of}")
        if token == "{":
            reader.at = reader.start
            return reader.braced()
        if token[0] != "\\":
            return token
        start = reader.start
        before = reader.text
        scratch: list[Atom] = []
        self.step(token, scratch)
        if reader.text is before or reader.text == before:
            return before[start : reader.at]
        # A macro was written out inside: the text moved, so say it by what is left.
        return before[start : len(before) - (len(reader.text) - reader.at)]

    def command(self, token: str, atoms: list[Atom]) -> None:
        name = token[1:]
        if name in SPACES:
            atoms.append(Atom("", space=SPACES[name]))
        elif name in IGNORED or self.reader.define(token):
            pass
        elif name in OPERATORS:
            words, over = OPERATORS[name]
            code = " thin ".join(f'"{word}"' for word in words.split())
            atoms.append(Atom(code, "op", limits=over, movable=True))
        elif name in symbols():
            atoms.append(self.named(*symbols()[name]))
        elif name in ("limits", "nolimits", "displaylimits"):
            if not atoms or atoms[-1].kind != "op":
                raise FormulaError(f"{token} belongs after an operator")
            atoms.append(replace(atoms.pop(), limits=name != "nolimits", movable=name == "displaylimits", table=None))
        elif name in _COMMANDS:
            _COMMANDS[name](self, name, atoms)
        elif not name:
            atoms.append(Atom("#h(0.25em)"))  # a backslash that ends the formula
        elif not name.isalnum() and len(name) == 1:
            if name in "{}%$_&# |":
                kind = {"{": "open", "}": "close"}.get(name, "ord")
                shown = "‖" if name == "|" else name
                atoms.append(Atom("#h(0.25em)") if name == " " else self.symbol(shown, kind, alphabet=""))
            else:
                raise FormulaError(f"MathJax does not know {token}")
        else:
            raise FormulaError(f"MathJax does not know {token}")

    def probe(self, token: str) -> list[Atom]:
        """The atoms that come next, which stay where they are; none where they cannot be read."""
        reader = self.reader
        kept = reader.text, reader.at
        atoms: list[Atom] = []
        try:
            self.step(reader.token() if token else token, atoms)
        except FormulaError:
            return []
        finally:
            reader.text, reader.at = kept
        return atoms

    def named(self, kind: str, character: str) -> Atom:
        """What a command of the table of symbols stands for."""
        if kind in ("limits", "integral"):
            return Atom(character, "op", limits=kind == "limits", movable=True, symbol=character)
        if kind == "roman":
            return Atom(f"upright({character})")
        if kind in ("italic", "upright"):
            return self.symbol(character, "ord", greek=kind)
        if character == "⋮":
            return Atom("⋮ #h(0pt) #dots-strut(1.3em)", symbol=character)
        if character == "⋱":
            return Atom("#h(0.33em) ⋱ #h(0.33em) #dots-strut(1.53em)", "inner", symbol=character)
        if character in "…⋯":
            return Atom(DOTS[character], "inner", symbol=character)
        return self.symbol(character, kind, alphabet=self.alphabet if character == "∇" else "")

    def delimiter(self) -> str:
        """The character of the delimiter that comes next; empty for a dot."""
        self.reader.skip()
        if self.reader.text.startswith("{", self.reader.at):
            return Parser(Reader(self.reader.braced(), self.reader.macros, self.reader.spent), self.style).delimiter()
        token = self.reader.token()
        if token in DELIMITERS:
            return DELIMITERS[token]
        raise FormulaError(f"{token or 'nothing'} stands where a delimiter belongs")

    def fenced(self, left: str, code: str, right: str) -> str:
        """Code between delimiters as high as it."""
        begin = fence(left, "opening") if left else "#h(0pt)"
        end = fence(right, "closing") if right else "#h(0pt)"
        room = "#h(0.12em)" if "‖" in (left, right) else ""  # MathJax gives double bars room
        return " ".join(f"{room} lr(size: #fit, {begin} {room} {code} {room} {end}) {room}".split())

    def length(self, of: str) -> float:
        """A length such as 3pt or 1.5em, in em."""
        found = LENGTH.match(self.reader.text, self.reader.at)
        if not found or not found[1].strip(" -"):
            raise FormulaError(f"{of} needs a length such as 1em")
        self.reader.at = found.end()
        return measured(found)


def measured(found: re.Match[str]) -> float:
    em = float(found[1].replace(" ", "").replace(",", ".")) * EM[found[2]]
    return max(-100.0, min(100.0, em))


def fence(character: str, side: str) -> str:
    """A delimiter for Typst, which stretches what it knows as opening, closing or a fence."""
    code = "".join(f"\\{c}" for c in character)
    known = "([{⟨⌊⌈" if side == "opening" else ")]}⟩⌋⌉"
    return code if character in known else f'class("{side}", {code})'


Infix = tuple[str, tuple[str, str], list[Atom]]
Command = Callable[[Parser, str, list[Atom]], None]
_COMMANDS: dict[str, Command] = {}


def commands(*names: str) -> Callable[[Command], Command]:
    """Register what reads these commands: it is given the parser, the command's name and the atoms before it."""

    def register(read: Command) -> Command:
        _COMMANDS.update(dict.fromkeys(names, read))
        return read

    return register
