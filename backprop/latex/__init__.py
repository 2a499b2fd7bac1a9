r"""One formula of LaTeX as Typst mathematics, the way MathJax sets it.

`tests/mathjax` holds what is printed against MathJax itself; docs/formulas.md has the figures.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from . import boxes, delimiters, structures, words  # noqa: F401  (their commands register themselves)
from .atoms import pieces
from .macros import LONGEST, FormulaError, Macros, Reader, without_comments
from .parser import Parser
from .tables import Table, has_columns

__all__ = ["FormulaError", "Macros", "Mathematics", "convert", "formula_style", "to_typst"]

_SHORT = 40  # characters of LaTeX that fit on any line


@dataclass(frozen=True)
class Mathematics:
    """The Typst code of a formula (what stands between two dollars), and its lines cut where they may break."""

    code: str
    lines: tuple[tuple[str, ...], ...]


def formula_style() -> str:
    """The Typst functions that the formulas need."""
    return Path(__file__).with_name("formula.typ").read_text("utf-8")


def to_typst(latex: str, display: bool, macros: Macros | None = None) -> str:
    """The Typst markup that shows one formula; empty when the formula only defines macros.

    `display`: set on a line of its own. `macros` are those known so far; definitions in the formula are added.
    The functions of `formula_style` must be known where the markup is used. The LaTeX itself is its alternative text.
    Raises FormulaError when the LaTeX is broken, uses what MathJax does not know, or is absurdly long, deep or large.
    """
    done = convert(latex, display, macros)
    if not done.code:
        return ""
    alt = '"' + " ".join(latex.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'
    lines = ""
    if len(latex) > _SHORT:
        cut = ("(" + "".join(f"$ {piece} $, " for piece in line) + ")" for line in done.lines)
        lines = f", lines: ({''.join(f'{line}, ' for line in cut)})"
    return f"#{'display' if display else 'inline'}-formula({alt}, $ {done.code} ${lines})"


# White space and control characters that TeX has no use for: as an argument, one of them would be nothing at all.
_BLANK = re.compile(r"[^\S \t\n\r\xa0]|[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def convert(latex: str, display: bool, macros: Macros | None = None) -> Mathematics:
    """The formula as Typst mathematics; its code is empty when it only defines macros. Raises as `to_typst` does."""
    macros = Macros() if macros is None else macros
    if len(latex) > LONGEST:
        raise FormulaError(f"it is longer than {LONGEST} characters")
    tex = _BLANK.sub(" ", without_comments(latex)).strip()
    try:
        parser = Parser(Reader(tex, macros), "display" if display else "inline")
        atoms, end = parser.row()
        if end in ("&", "\\\\", "\\cr", "\\newline"):
            # Rows or columns without an environment around them.
            name = "aligned" if has_columns(tex) else "gathered"
            rows = tex
            while rows.endswith("\\\\"):
                rows = rows[:-2].rstrip()
            parser = Parser(Reader(rf"\begin{{{name}}}{rows}\end{{{name}}}", macros), parser.style)
            atoms, end = parser.row()
        if end:
            raise FormulaError(_ENDS.get(end, f"it has a {end} too many"))
    except RecursionError:
        raise FormulaError("it is nested too deeply") from None
    except FormulaError as error:
        raise FormulaError(" ".join(str(error).split())[:200]) from None
    table = atoms[0].table if len(atoms) == 1 and not atoms[0].scripted else None
    if display and isinstance(table, Table) and (lines := table.lines()):
        return Mathematics(lines, tuple(map(tuple, table.pieces)))
    cut = pieces(atoms, display)
    return Mathematics(" ".join(cut), (tuple(cut),))


_ENDS = {
    "\\end": r"it has an \end without its \begin",
    "\\right": r"it has a \right without its \left",
    "\\middle": r"it has a \middle without its \left",
}
