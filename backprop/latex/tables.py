r"""What stands in rows and columns: matrices, cases, arrays, and the aligned lines of a derivation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from .atoms import Atom, pieces
from .macros import FormulaError, Macro, Reader, filled
from .parser import Parser, commands, measured
from .text import text_code
from .vocabulary import LENGTH


@dataclass(frozen=True)
class Layout:
    """How an environment sets its rows: delimiters, columns (repeated), gaps in em, the style of its cells."""

    left: str = ""
    right: str = ""
    columns: str = "c"
    gaps: tuple[float, ...] = (1.0,)
    rows: float = 0.4
    style: str = "inline"
    continued: bool = False  # a relation at the start of a cell has something on its left


_MATRIX, _LINES = Layout(), Layout(columns="rl", gaps=(0.0, 2.0), rows=0.3, style="display", continued=True)
_CASES = Layout("{", "", "l", rows=0.2)
_ENVIRONMENTS = {
    "matrix": _MATRIX, "array": _MATRIX, "tabular": _MATRIX,
    "pmatrix": Layout("(", ")"), "bmatrix": Layout("[", "]"), "Bmatrix": Layout("{", "}"), "vmatrix": Layout("|",
    "|"), "Vmatrix": Layout("‖", "‖"),
    "smallmatrix": Layout(gaps=(0.333,), rows=0.2, style="script"), "subarray": Layout(gaps=(0.0,), rows=0.1,
    style="script"),
    **{f"{letter}smallmatrix": Layout(*sides, gaps=(0.333,), rows=0.2, style="script")
       for letter, sides in (("p", "()"), ("b", "[]"), ("B", "{}"), ("v", "||"), ("V", "‖‖"))},
    "cases": _CASES, "dcases": replace(_CASES, style="display"), "rcases": Layout("", "}", "l", rows=0.2),
    "drcases": Layout("", "}", "l", rows=0.2, style="display"), "numcases": _CASES,
    **dict.fromkeys(("align", "aligned", "split", "flalign"), _LINES),
    **dict.fromkeys(("alignat", "alignedat", "xalignat", "xxalignat"), replace(_LINES, gaps=(0.0,))),
    "eqnarray": Layout(columns="rcl", gaps=(0.278, 0.278, 2.0), rows=0.3, style="display"),
    **dict.fromkeys(("gather", "gathered", "multline", "multlined", "displaylines"), Layout(rows=0.3,
    style="display")),
    "lgathered": Layout(columns="l", rows=0.3, style="display"), "rgathered": Layout(columns="r", rows=0.3,
    style="display"),
}  # fmt: skip
_ONE = frozenset(["equation", "math", "displaymath", "empheq", "spreadlines", "center", "subequations"])
_RULES = re.compile(
    r"\s*\\(hline|hdashline|toprule|midrule|bottomrule|cline|hfill|noalign|vspace|vskip|rowcolor)(?![A-Za-z])"
)


def has_columns(tex: str) -> bool:
    """True when an & stands outside of braces and environments."""
    depth = 0
    for found in re.finditer(r"\\begin\s*\{|\\end\s*\{|\\.|[&{}]", tex, re.DOTALL):
        token = found[0]
        if token == "&" and depth == 0:
            return True
        depth += {"{": 1, "}": -1}.get(token, 0) + (2 if token.startswith("\\begin") else 0)
    return False


@dataclass
class Table:
    """The cells of an environment, as Typst code, row by row."""

    layout: Layout
    columns: str
    cells: list[list[str]] = field(default_factory=list)
    pieces: list[list[str]] = field(default_factory=list)  # of each row, cut where a line may break
    extra: list[float] = field(default_factory=list)  # em below each row
    rules: list[int] = field(default_factory=list)  # rows that have a rule above
    bars: list[int] = field(default_factory=list)  # columns that have a bar on their left

    def lines(self) -> str:
        """The rows as lines of a formula that may go on over a page; empty where they are a table."""
        if self.layout.left or self.layout.right or self.layout.style != "display" or self.rules or self.bars:
            return ""
        if self.columns not in ("c", "rl"):
            return ""
        lines, widest = [], max(len(cells) for cells in self.cells)
        for cells, extra in zip(self.cells, self.extra, strict=True):
            pieces = [cells[0] + (" &" if self.columns == "rl" and widest == 1 else "")]
            for column, cell in enumerate(cells[1:], 1):
                gap = self.layout.gaps[(column - 1) % len(self.layout.gaps)]
                pieces.append(f"& {f'#h({gap}em) ' if gap else ''}{cell}")
            lines.append("#row-strut #h(0pt) " + " ".join(pieces))
            if extra:
                lines.append(f"#box(height: {max(0.0, extra - 0.3):g}em)")
        return " \\ ".join(lines)

    def code(self, outer: str) -> str:
        """The table as Typst's matrix, between its delimiters, inside of a formula in the style `outer`."""
        count = max(len(cells) for cells in self.cells)
        rows = []
        # What all rows ask for goes between them; more than that goes below the row.
        common = min(self.extra[:-1], default=0.0)
        for cells, extra in zip(self.cells, self.extra, strict=True):
            extra -= common
            padded = [*cells, *[""] * (count - len(cells))]
            set_cells = []
            for column, cell in enumerate(padded):
                gap = self.layout.gaps[(column - 1) % len(self.layout.gaps)] if column else 0.0
                side = self.columns[column % len(self.columns)]
                cell = self._styled(cell, outer)
                if column == 0 and 0 in self.bars:
                    cell = f"#h(0.5em) {cell}"
                if column == count - 1 and count in self.bars:
                    cell = f"{cell} #h(0.5em)"
                if extra > 0 and column == 0:
                    cell = f"{cell} #h(0pt) #below({extra:g}em)"
                cell = f"#h({gap:g}em) {cell}" if gap and not self._even else cell
                set_cells.append({"l": f"& {cell}", "r": f"{cell} &"}.get(side, cell))
            rows.append(", ".join(set_cells))
        gap = self.layout.gaps[0] if self._even else 0
        rules, edges = "", []
        if self.rules or self.bars:
            ends = {"top": self.rules, "left": self.bars}
            edges = [side for side, lines in ends.items() if 0 in lines]
            edges += ["bottom"] * (len(self.cells) in self.rules) + ["right"] * (count in self.bars)
            across = self._listed([i for i in self.rules if 0 < i < len(self.cells)])
            along = self._listed([i for i in self.bars if 0 < i < count])
            rules = f", augment: #(hline: ({across}), vline: ({along}), stroke: 0.05em)" if across or along else ""
        gaps = f"column-gap: #{gap:g}em, row-gap: #{self.layout.rows + common:g}em"
        code = f"mat(delim: #none, {gaps}{rules}, {' ; '.join(rows)})"
        if edges:
            code = f"#ruled(({', '.join(f'{side}: 0.05em' for side in edges)}), ${outer}({code})$)"
        return f"script({code})" if self.layout.style == "script" and outer not in ("script", "sscript") else code

    @property
    def _even(self) -> bool:
        return len(set(self.layout.gaps)) == 1

    @staticmethod
    def _listed(numbers: list[int]) -> str:
        return "".join(f"{number}, " for number in dict.fromkeys(numbers))

    def _styled(self, cell: str, outer: str) -> str:
        if not cell:
            return '""'
        style = self.layout.style
        if style == "inline":
            style = "" if outer == "display" else outer
        return f"{style}({cell})" if style else cell


def read_environment(parser: Parser, name: str, columns: str = "") -> list[Atom]:
    r"""The atoms of the environment whose \begin{name} was just read."""
    bare = name.rstrip("*")
    if bare in _ONE:
        return _single(parser, name)
    if bare not in _ENVIRONMENTS:
        raise FormulaError(f"MathJax does not know the environment {name}")
    layout = _ENVIRONMENTS[bare]
    table = Table(layout, columns or layout.columns)
    if bare in ("array", "tabular", "subarray") and not columns:
        parser.reader.optional()
        _columns(table, parser.reader.argument(rf"\begin{{{name}}}"))
    elif bare.endswith("matrix") and name.endswith("*"):
        _columns(table, parser.reader.optional() or "c")
    elif bare in ("alignat", "alignedat", "xalignat", "xxalignat"):
        if bare == "alignedat":
            parser.reader.optional()
        parser.reader.argument(rf"\begin{{{name}}}")
    elif bare in ("aligned", "gathered", "multlined", "split"):
        parser.reader.optional()
    style = layout.style if layout.style != "inline" or parser.style in ("display", "inline") else parser.style
    inner = Parser(parser.reader, style, parser.alphabet if bare == "array" else "", parser.depth + 1)
    _rows(inner, table, name)
    if not table.cells:
        return [Atom('""')]
    code = table.code(parser.style)
    delimited = bool(layout.left or layout.right)
    if delimited:
        return [Atom(parser.fenced(layout.left, code, layout.right), "inner", after="close", solid=True)]
    return [Atom(code, table=table)]


def _single(parser: Parser, name: str) -> list[Atom]:
    inner = Parser(parser.reader, "display", "", parser.depth + 1)
    if name.startswith(("empheq", "spreadlines")):
        parser.reader.optional()
        parser.reader.argument(name)
    if name.startswith("empheq"):
        raise FormulaError(f"MathJax does not know the environment {name}")
    atoms, end = inner.row()
    if end != "\\end" or parser.reader.argument(r"\end").strip() != name:
        raise FormulaError(
            rf"its \end{{{name}}} is missing" if end in ("", "\\end") else f"a {end} stands in {name}: use aligned"
        )
    return atoms


def _columns(table: Table, described: str) -> None:
    r"""Read the columns of an array: c|c, l@{}r, *{3}{c}."""
    letters = ""
    described = re.sub(r"\*\s*\{(\d{1,2})\}\s*\{([^{}]*)\}", lambda found: found[2] * int(found[1]), described)
    for found in re.finditer(r"[pmbw]\s*\{([^{}]*)\}|[@!<>]\s*\{[^{}]*\}|[lcr|:]", described):
        if found[0] in "|:":
            table.bars.append(len(letters))
        elif found[0][0] in "pmbw":
            letters += "l"
        elif found[0] in "lcr":
            letters += found[0]
    table.columns = letters or "c"


def _rows(parser: Parser, table: Table, name: str) -> None:
    """Read the cells up to the end of the environment."""
    cells: list[str] = []
    line: list[str] = []
    text = name.endswith("cases*")
    while True:
        while not cells and (found := _RULES.match(parser.reader.text, parser.reader.at)):
            parser.reader.at = found.end()
            if found[1] in ("cline", "noalign", "vspace", "rowcolor"):
                parser.reader.argument(found[1])
            elif found[1] not in ("hfill", "vskip"):
                table.rules.append(len(table.cells))
        if not cells and (
            found := re.compile(r"\s*\\(?:short)?intertext\s*(?=\{)").match(parser.reader.text, parser.reader.at)
        ):
            parser.reader.at = found.end()
            table.cells.append([text_code(parser, parser.reader.braced(), "")])
            table.pieces.append(table.cells[-1])
            table.extra.append(0.0)
            continue
        column = len(cells)
        if text and column:
            atoms, end = _words(parser)
        else:
            atoms, end = parser.row()
        begun = table.layout.continued and column % 2 == 1
        cut = pieces(atoms, parser.style == "display", parser.script, "ord" if begun and atoms else "")
        cells.append(" ".join(cut))
        if line and cut:
            line[-1] += f" {cut.pop(0)}" if begun else " #h(1em)"
        line += cut
        if end == "&":
            continue
        if end == "\\end":
            ended = parser.reader.argument(r"\end").strip()
            if ended != name:
                raise FormulaError(rf"its \begin{{{name}}} meets \end{{{ended}}}")
            if any(cells) or (not table.cells and not table.rules):
                table.cells.append(cells)
                table.extra.append(0.0)
                table.pieces.append(line)
            return
        if end in ("", "\\right", "\\middle"):
            raise FormulaError(rf"its \end{{{name}}} is missing" if not end else f"a {end} stands in {name}")
        if parser.reader.text.startswith("*", parser.reader.at):
            parser.reader.at += 1
        more = parser.reader.optional() if parser.reader.text.startswith("[", parser.reader.at) else None
        found = LENGTH.fullmatch(more) if more else None
        table.cells.append(cells)
        table.pieces.append(line)
        table.extra.append(max(0.0, measured(found)) if found and found[1].strip(" -") else 0.0)
        cells, line = [], []


def _words(parser: Parser) -> tuple[list[Atom], str]:
    """The second column of cases*, which is text."""
    depth, start = 0, parser.reader.at
    for found in re.compile(r"\\(?:\\|end(?![A-Za-z])|.)|[{}&]", re.DOTALL).finditer(parser.reader.text, start):
        token = found[0]
        depth += {"{": 1, "}": -1}.get(token, 0)
        if depth == 0 and token in ("&", "\\\\", "\\end"):
            parser.reader.at = found.end()
            return [Atom(text_code(parser, parser.reader.text[start : found.start()].strip(), ""))], token
    raise FormulaError("its cases* never end")


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
    atoms += read_environment(parser, environment)


@commands("substack")
def _substack(parser: Parser, name: str, atoms: list[Atom]) -> None:
    source = parser.reader.argument(r"\substack")
    inner = Parser(
        Reader(rf"{source}\end{{subarray}}", parser.reader.macros, parser.reader.spent),
        parser.style,
        parser.alphabet,
        parser.depth + 1,
    )
    atoms += read_environment(inner, "subarray", columns="c")


@commands("MoveEqLeft")
def _move(parser: Parser, name: str, atoms: list[Atom]) -> None:
    parser.reader.optional()
    parser.reader.insert("& ")


@commands("hline", "hdashline", "cline", "toprule", "midrule", "bottomrule")
def _misplaced(parser: Parser, name: str, atoms: list[Atom]) -> None:
    raise FormulaError(rf"a \{name} stands outside of a table")
