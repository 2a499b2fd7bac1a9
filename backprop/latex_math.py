r"""One formula of LaTeX as Typst mathematics, the way MathJax sets it."""

from __future__ import annotations

from backprop import latex_commands  # noqa: F401  (its commands register themselves)
from backprop.latex_atoms import row
from backprop.latex_macros import LONGEST, FormulaError, Macros, Reader, without_comments
from backprop.latex_parser import Parser
from backprop.latex_tables import Table, has_columns

__all__ = ["FormulaError", "Macros", "to_typst"]


def to_typst(latex: str, display: bool, macros: Macros | None = None) -> str:
    """The Typst mathematics (what stands between two dollars) of one formula; empty when it only defines macros.

    `display`: set on a line of its own. `macros` are those known so far; definitions in the formula are added.
    The functions of `formula.typ` must be known where the code is used. Raises FormulaError when the LaTeX is broken,
    uses what MathJax does not know, or is absurdly long, deep or wide.
    """
    macros = Macros() if macros is None else macros
    if len(latex) > LONGEST:
        raise FormulaError(f"it is longer than {LONGEST} characters")
    tex = without_comments(latex).strip()
    parser = Parser(Reader(tex, macros), "display" if display else "inline")
    try:
        try:
            atoms, end = parser.row()
            if end in ("&", "\\\\", "\\cr", "\\newline"):
                # Rows or columns without an environment around them.
                name = "gathered" if end != "&" and not has_columns(tex) else "aligned"
                parser = Parser(Reader(rf"\begin{{{name}}}{tex}\end{{{name}}}", macros), parser.style)
                atoms, end = parser.row()
        except RecursionError:
            raise FormulaError("it is nested too deeply") from None
    except FormulaError as error:
        raise FormulaError(_shown(str(error))) from None
    if end:
        raise FormulaError({"\\end": r"it has an \end without its \begin", "&": "an & stands outside of a table"}.get(
            end, f"it has a {end} without its \\left"))  # fmt: skip
    if display and len(atoms) == 1 and isinstance(atoms[0].table, Table):
        lines = atoms[0].table.lines()
        if lines and not atoms[0].scripted:
            return lines
    return row(atoms, display)


def _shown(message: str) -> str:
    return " ".join(message.split())[:200]
