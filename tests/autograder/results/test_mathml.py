"""Formulas in pages are MathML: shown without a network, and with nothing in them that acts."""

from __future__ import annotations

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from places import ROOT

from autograder.results.mathml import MAX_FORMULA, mathml
from autograder.results.sanitize import sanitized_html

FORMULA = re.compile(r"\$\$(.+?)\$\$|(?<![\\$])\$([^$\n]+?)\$", re.DOTALL)


def of_the_course() -> list[tuple[str, bool]]:
    texts = [
        cell.source
        for path in sorted(ROOT.glob("source/*/*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
    ]
    found = [match for text in texts for match in FORMULA.findall(re.sub(r"`[^`]*`", "", text))]
    return list(dict.fromkeys((block or line, bool(block)) for block, line in found))


def test_every_formula_of_the_course_becomes_mathml():
    formulas = of_the_course()
    assert len(formulas) > 300
    assert [tex for tex, display in formulas if not mathml(tex, display).startswith("<math")] == []


@pytest.mark.parametrize(
    ("tex", "words"),
    [
        (r"\frac{\partial J}{\partial a}", ["mfrac", "∂"]),
        (r"\begin{aligned} a &= b \\ c &= d \end{aligned}", ["mtable", "mtr"]),
        (r"\begin{align} a &= b \label{x} \\ c &= d \nonumber \end{align}", ["mtable"]),
        (r"\begin{equation} a = b \end{equation}", ["<mi>a</mi>"]),
        (r"a \\ b", ["mtable"]),
        (r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}", ["mtable", "else"]),
        (r"a < b", ["&lt;"]),
        (r"\sum_{r=1}^m x_r", ["<munderover>", 'movablelimits="true">∑']),
        (r"\lim_{n \to \infty} a_n + \max_i b_i", ["<munder>", ">lim<", ">max<"]),
        (r"\int_0^1 x^2", ["<msubsup>", "<msup>"]),
        (r"\operatorname*{arg\,max}_x f", ["<munder>", '<mi mathvariant="normal">g</mi>']),
        (r"\operatorname*{argmin} f", ['<mi mathvariant="normal">n</mi>']),
        (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}^\top", ["<msup><mrow><mo>(</mo><mtable>"]),
        (r"a \stackrel{(1)}{=} b", ["<mover>"]),
        (r"a \not= b, a \not\in B", ["≠", "∉"]),
        (r"\sum\nolimits_i x", ["∑"]),
        (r"\text{as $n$ grows}", ["<mi>n</mi>", "grows</mtext>"]),
        (r"\text{it costs 5 $}", ["5\N{NO-BREAK SPACE}$"]),
        (r"\mathbb{1}[x > 0]", ["𝟙"]),
        (r"\boldsymbol{\theta}_1 + \bm{x2} + \mathbf{\Sigma} + \mathscr{L}", ["𝜽", "𝒙", "𝟐", "𝚺", "ℒ"]),
    ],
)
def test_a_formula_is_set_as_its_kind(tex, words):
    assert all(word in mathml(tex, True) for word in words) and mathml(tex, True).startswith('<math display="block"')


def test_letters_of_an_alphabet_do_not_wait_for_a_mathvariant_that_browsers_do_not_know():
    letters = [r"\mathbf{W1}", r"\mathbb{1}", r"\boldsymbol{\theta}", r"\mathfrak{g}", r"\mathsf{T}", r"\mathscr{A}"]
    assert [tex for tex in letters if "mathvariant" in mathml(tex, False)] == []


def test_the_lines_of_a_table_are_borders_of_its_cells():
    table = r"\begin{array}{c|cc} a & b & c \\ d & e & f \\ \hline g & h & i \end{array}"
    cells = BeautifulSoup(mathml(table, True), "html.parser").find_all("mtd")
    drawn = {cell.text: cell.get("style", "") for cell in cells}
    assert {text for text, style in drawn.items() if "border-left: 1px" in style} == {"b", "e", "h"}
    assert {text for text, style in drawn.items() if "border-top: 1px" in style} == {"g", "h", "i"}


@pytest.mark.parametrize(
    "tex", [r"\frac{", r"\sum\limits x", "x^", r"\notacommand x", "a & b", "x" * (MAX_FORMULA + 1), "{" * 4000]
)
def test_what_the_converter_does_not_know_is_shown_as_it_was_written(tex):
    soup = BeautifulSoup(mathml(tex, False), "html.parser")
    assert soup.code.text == f"${tex}$" and soup.math is None


@pytest.mark.parametrize(
    "tex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\style{background:url(//x)}{z}",
        r"\class{score}{x}",
        r"\text{<script>alert(1)</script>}",
        r"</math><script>alert(1)</script>",
        r"\color{red;background:url(x)} x",
        "\x00\ud800",
    ],
)
def test_nothing_in_a_formula_acts(tex):
    soup = BeautifulSoup(sanitized_html(f"before ${tex}$ after"), "html.parser")
    assert soup.find_all(["script", "a", "style", "img", "iframe"]) == []
    allowed = {"display", "stretchy", "fence", "form", "mathvariant", "mathcolor"}
    assert all(set(tag.attrs) <= allowed for tag in soup.find_all(True)), soup
    assert "before" in soup.text and "after" in soup.text


def test_a_page_s_formulas_need_no_script_and_words_beside_them_stay():
    html = sanitized_html("The *slope* is $\\frac{a}{b}$, and\n\n$$\\sum_i x_i^2$$\n\n`$code$` costs \\$5.")
    soup = BeautifulSoup(html, "html.parser")
    assert [tag.get("display") for tag in soup.find_all("math")] == ["inline", "block"]
    assert soup.em.text == "slope" and soup.code.text == "$code$" and "$5" in soup.text
    assert "formula" not in html
