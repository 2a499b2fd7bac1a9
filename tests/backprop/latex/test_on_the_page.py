"""Formulas in the document: never cut at an edge, never the end of the rest, each with its LaTeX to read out."""

from __future__ import annotations

import resource
from pathlib import Path

import pypdfium2
import pytest
from hand_ins import answer, needs_pdftotext, save, text_of
from pypdfium2 import raw

from backprop.handin.answers import make_pdf

SUM = " + ".join(f"f(x_{{{i}}})" for i in range(24)) + " = y"
LIST = ", ".join(f"a_{{{i}}}" for i in range(60))
FRACTION = r"\frac{" + " + ".join("abcdefghijklmnopqrstuvwxyz") + r" + \alpha + \beta + \gamma + \delta}{2}"
WORDS = r"\text{" + "this is what somebody wrote inside of a formula, and it goes on " * 3 + "}"
MATRIX = r"\begin{bmatrix}" + "&".join(map(str, range(45))) + r"\end{bmatrix}"
LINES = r"\begin{align} x &= " + SUM + r" \\ &= y \end{align}"
WIDE = {
    "a sum in a line": f"Before ${SUM}$ after.",
    "a list in a line": f"Before ${LIST}$ after.",
    "a fraction in a line": f"Before ${FRACTION}$ after.",
    "words in a line": f"Before ${WORDS}$ after.",
    "a matrix in a line": f"Before ${MATRIX}$ after.",
    "a sum": f"$$ {SUM} $$",
    "a long sum": f"$$ {SUM} + {SUM} + {SUM} $$",
    "a list": f"$$ {LIST} $$",
    "a fraction": f"$$ {FRACTION} \\cdot {FRACTION} $$",
    "words": f"$$ {WORDS} $$",
    "a matrix": f"$$ {MATRIX} $$",
    "aligned lines": LINES,
    "long aligned lines": LINES.replace(r" \\", f" + {SUM} + {SUM}" + r" \\"),
    "in a list": f"* one\n  * two\n    * three ${SUM}$ and ${FRACTION}$\n\n      $$ {MATRIX} $$\n",
    "in a quotation": f"> > ${FRACTION}$\n> >\n> > $$ {SUM} + {SUM} $$\n",
    "in a table": f"| a | b |\n|---|---|\n| ${SUM}$ | ${FRACTION}$ |\n",
    "in a heading": f"## On ${SUM}$\n",
}


def seconds() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@pytest.mark.parametrize("name", WIDE)
def test_what_is_too_wide_is_broken_or_made_smaller_and_never_cut(tmp_path: Path, name: str) -> None:
    made = make_pdf([save(tmp_path, answer(WIDE[name]))], tmp_path / "o.pdf")
    assert made.problems == []
    document = pypdfium2.PdfDocument(tmp_path / "o.pdf")
    for page in document:
        text = page.get_textpage()
        for i in range(text.count_chars()):
            left, _, right, _ = text.get_charbox(i)
            if right > left:
                assert right < page.get_width() - 40 and left > 40, (name, text.get_text_range(i, 1))
                # Scripts of scripts are half as large as their formula, which is seven tenths of 10.5 points or more.
                assert raw.FPDFText_GetFontSize(text, i) > (2.0 if "matrix" in name or "words" in name else 3.0)
    document.close()


@needs_pdftotext
def test_twenty_towers_and_a_macro_without_end_leave_the_rest_of_the_answer(tmp_path: Path) -> None:
    tower = "x" + "^{x" * 30 + "}" * 30
    towers = "\n\n".join(f"$$ {tower} + {i} $$" for i in range(20))
    text = f"Begun.\n\n{towers}\n\n$\\def\\a{{x\\a}}\\a$\n\n$$ y = {'{' * 500} $$\n\nStill here: $z = 7$."
    started = seconds()
    made = make_pdf([save(tmp_path, answer(text))], tmp_path / "o.pdf")
    assert seconds() - started < 15
    shown = text_of(tmp_path / "o.pdf")
    assert "Begun." in shown and "Still here:" in shown and "z = 7" in shown.replace("𝑧", "z")
    assert len(made.problems) == 2 and all("is shown as its LaTeX source" in problem for problem in made.problems)


@needs_pdftotext
def test_more_formulas_than_anybody_writes_are_shown_as_source_from_a_point_on(tmp_path: Path) -> None:
    row = r"\begin{bmatrix}" + r"\frac{a}{b} & " * 300 + r"1 \end{bmatrix}"
    text = "\n\n".join(f"$$ {row} = {i} $$" for i in range(8))
    cells = [answer(text, grade_id=f"q{i}") for i in range(40)]
    started = seconds()
    made = make_pdf([save(tmp_path, *cells)], tmp_path / "o.pdf")
    assert seconds() - started < 60
    assert any("too much to set" in problem for problem in made.problems)


@needs_pdftotext
def test_a_formula_that_mathjax_does_not_know_is_shown_as_typed_and_named(tmp_path: Path) -> None:
    made = make_pdf([save(tmp_path, answer(r"Before $\nonsense{q} + 1$ after $a + b$."))], tmp_path / "o.pdf")
    assert r"\nonsense{q} + 1" in text_of(tmp_path / "o.pdf")
    (problem,) = made.problems
    assert r"$\nonsense{q} + 1$" in problem and r"MathJax does not know \nonsense" in problem
