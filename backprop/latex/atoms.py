"""Atoms of a formula and the spaces between them, by the rules of TeX as MathJax applies them.

An atom is a piece of Typst mathematics that knows its class. Typst has rules of its own for spaces; where the two
may differ the space is written out, since a written space is the only one that Typst then sets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# The space between two neighbours in eighteenths of an em (TeXbook, chapter 18); negative: also in scripts.
_CLASSES = ("ord", "op", "bin", "rel", "open", "close", "punct", "inner")
_SPACES = {
    "ord": (0, -3, 4, 5, 0, 0, 0, 3), "op": (-3, -3, 0, 5, 0, 0, 0, 3), "bin": (4, 4, 0, 0, 4, 0, 0, 4),
    "rel": (5, 5, 0, 0, 5, 0, 0, 5), "open": (0, 0, 0, 0, 0, 0, 0, 0), "close": (0, -3, 4, 5, 0, 0, 0, 3),
    "punct": (3, 3, 0, 3, 3, 3, 3, 3), "inner": (3, -3, 4, 5, 3, 0, 3, 3),
}  # fmt: skip
_NAMED = {3: "thin", 4: "med", 5: "thick", 0: "#h(0pt)"}
# Typst puts no space of its own beside these.
_QUIET = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclass(frozen=True)
class Atom:
    """A piece of Typst mathematics: its code, its class, and the scripts that it carries.

    A `solid` one with scripts is an ordinary symbol, whatever it was without them.
    `space` (em) makes it a space and no atom. `after` is the class that its right neighbour sees, where it differs.
    `limits`: scripts stand above and below; `movable`: only in display style.
    """

    code: str
    kind: str = "ord"
    space: float | None = None
    after: str = ""
    solid: bool = False
    limits: bool = False
    movable: bool = False
    sub: str | None = None
    sup: str | None = None
    primes: int = 0
    corners: str = ""
    quiet: bool = False
    upright: bool = False
    stretched: bool = False  # an arrow as long as its scripts
    word: bool = False  # a line may break after it
    symbol: str = ""
    table: object = None

    @property
    def scripted(self) -> bool:
        return self.sub is not None or self.sup is not None or self.primes > 0 or bool(self.corners)

    @property
    def seen(self) -> str:
        """The class that its neighbours see."""
        return "ord" if self.solid and self.scripted else self.kind

    def set(self, display: bool) -> str:
        """The code of the atom with its scripts."""
        if not self.scripted:
            return self.code
        primes = {0: "", 1: "′", 2: "″", 3: "‴"}.get(self.primes, "′ " * self.primes)
        sup = " ".join(part for part in (primes, self.sup) if part)
        over = self.limits and (display or not self.movable)
        base, before = self.code or '""', ""
        if self.upright and not over:
            base = f"{base} #h(0pt)"  # Typst cuts into the corners of upright letters: an index would touch them
        if self.limits and self.kind == "op" and self.symbol and self.sub is not None and not over:
            # Beside a sum the font sets an index lower than MathJax does: it hangs on a strut that is less deep.
            before, base = f"{base} #h(0pt) ", "#sum-strut"
        parts = [f"limits({base})" if over and not self.stretched else base]
        if self.sub is not None:
            parts.append(f"{'b' if over else 'br'}: {self.sub or '#h(0pt)'}")
        if self.sup is not None or primes:
            parts.append(f"{'t' if over else 'tr'}: {sup or '#h(0pt)'}")
        return f"{before}attach({', '.join(parts)}{self.corners})"


def space(em: float) -> str:
    """The Typst code of a space of that width."""
    eighteenths = round(em * 18, 2)
    return _NAMED.get(eighteenths) or f"#h({round(em, 3):g}em)"


def row(atoms: list[Atom], display: bool = False, script: bool = False, first: str = "") -> str:
    """The Typst code of atoms side by side. `first`: the class of what stands before the first of them."""
    return " ".join(pieces(atoms, display, script, first))


def pieces(atoms: list[Atom], display: bool = False, script: bool = False, first: str = "") -> list[str]:
    """The same code, cut where a line may break: after a sign, a relation or a comma."""
    done: list[list[str]] = [[]]
    before, loud, pending, ended = first, bool(first), None, False
    for atom, kind in zip(atoms, _kinds(atoms, first), strict=True):
        if atom.space is not None:
            pending = (pending or 0.0) + atom.space
            continue
        width = (pending or 0.0) + (_between(before, kind, atom, script) if before else 0.0)
        if width or pending is not None or ((done[0] or first) and (loud or not atom.quiet)):
            done[-1].append(space(width))
        if (ended or before in ("bin", "rel", "punct")) and kind not in ("rel", "close", "punct") and any(done[-1]):
            done.append([])
        code = atom.set(display)
        done[-1].append(f'class("binary", {code})' if kind == "bin" and atom.symbol in "+−±∓" else code)
        before = (atom.after if atom.seen == atom.kind else "") or kind
        loud, pending, ended = not atom.quiet, None, atom.word
    if pending is not None:
        done[-1].append(space(pending))
    return [" ".join(piece) for piece in done if piece]


def _between(before: str, kind: str, atom: Atom, script: bool) -> float:
    """The space in em between two neighbours, by their classes."""
    if before == "frac":
        # MathJax: nothing between a fraction and a name or a group, as between two letters.
        if kind in ("op", "inner") and not atom.symbol:
            return 0.0
        before = "ord"
    width = _SPACES[before][_CLASSES.index(kind)]
    return 0.0 if script and width > 0 else abs(width) / 18


def _kinds(atoms: list[Atom], first: str) -> list[str]:
    """The class of each atom; a sign with nothing before or after it to join is an ordinary symbol."""
    kinds = [atom.seen for atom in atoms]
    before, place = first, -1
    for i, atom in enumerate(atoms):
        if atom.space is not None:
            continue
        if kinds[i] == "bin" and before in ("", "bin", "op", "rel", "open", "punct"):
            kinds[i] = "ord"
        elif kinds[i] in ("rel", "close", "punct") and place >= 0 and kinds[place] == "bin":
            kinds[place] = "ord"
        before, place = (atom.after if atom.seen == atom.kind else "") or kinds[i], i
    if place >= 0 and kinds[place] == "bin":
        kinds[place] = "ord"
    return kinds


def group(atoms: list[Atom], code: str, kind: str = "ord") -> Atom:
    """Atoms that count as one: `code` is what they look like together."""
    real = [atom for atom in atoms if atom.space is None]
    if len(real) == 1 == len(atoms) and kind == "ord" and not real[0].scripted and real[0].kind == "ord":
        return replace(real[0], code=code, table=None)
    if len(real) == 1 and real[0].scripted:
        code = f'class("normal", {code})'  # or Typst would stack the scripts of both
    return Atom(code, kind)


def letter(code: str, character: str) -> Atom:
    """A letter or a digit."""
    quiet = character in _QUIET and (character.isalpha() or code.isascii())
    return Atom(code, "ord", quiet=quiet, symbol=character)
