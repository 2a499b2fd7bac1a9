"""The formulas of a document: each is read once, has a number in its cell, and is written as Typst."""

from __future__ import annotations

from dataclasses import dataclass

from ..latex import FormulaError, Macros, to_typst
from .markdown import Passage
from .math_spans import Formula
from .typst import typst_string

_MOST = 1_500_000  # characters of Typst for the formulas of a document: a hundred times what a section has
_IN_LINE = 60  # characters of a formula whose source is shown in its line


@dataclass
class Entry:
    """A formula, where it stands, its number in its cell, its Typst markup, or why it is shown as its source."""

    formula: Formula
    place: str
    number: int
    typst: str = ""
    problem: str = ""


class Formulas:
    """All formulas of the passages that are printed; `markup` gives what stands in the document for one of them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._first: dict[int, int] = {}
        self._left = _MOST

    def add(self, passages: list[Passage]) -> None:
        """Take in the formulas of a notebook. Jupyter knows a macro in all cells, also above its definition."""
        macros = Macros()
        for passage in passages:
            for formula in passage.formulas:
                macros.learn(formula.tex)
        for passage in passages:
            if passage.printed:
                self._first[id(passage)] = len(self.entries)
                self.entries += [
                    self._entry(formula, passage.place, number, macros)
                    for number, formula in enumerate(passage.formulas, 1)
                ]

    def _entry(self, formula: Formula, place: str, number: int, macros: Macros) -> Entry:
        entry = Entry(formula, place, number, problem=formula.problem)
        if not entry.problem:
            try:
                entry.typst = to_typst(formula.tex, formula.display, macros)
            except FormulaError as error:
                entry.problem = str(error)
            self._left -= len(entry.typst)
            if self._left < 0:
                entry.problem = "the formulas of this document are too much to set"
        return entry

    def of(self, passage: Passage) -> list[int]:
        """The indices of the passage's formulas."""
        first = self._first[id(passage)]
        return list(range(first, first + len(passage.formulas)))

    def give_up(self, index: int) -> None:
        """Show the source of a formula that Typst cannot set."""
        self.entries[index].problem = "it could not be typeset"

    def markup(self, index: int) -> str:
        """The Typst markup of a formula: mathematics that a screen reader can read out, or its source."""
        entry = self.entries[index]
        formula = entry.formula
        if not entry.problem:
            return f"{entry.typst};" if entry.typst else ""  # nothing where it only defines macros
        code = typst_string(formula.source)
        if not formula.display and len(formula.source) <= _IN_LINE and "\n" not in formula.source:
            return f"#inline-source({code});"
        sentence = f"Formula {entry.number} of this cell is shown as its LaTeX source: {entry.problem}."
        return f"#block-source({code}, {typst_string(sentence)});"

    def problems(self) -> list[str]:
        """One sentence for each formula that is shown as its source."""
        said = []
        for entry in self.entries:
            if entry.problem:
                flat = " ".join(entry.formula.source.split())
                begin = flat if len(flat) <= 60 else flat[:57] + "…"
                said.append(
                    f"{entry.place}: formula {entry.number}, {begin}, is shown as its LaTeX source: {entry.problem}."
                )
        return said
