"""What stands in the PDF is what MathJax draws: every glyph of some 1,300 formulas in its place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from places import ROOT

from backprop.handin.math_spans import Formula, take_formulas
from backprop.latex import FormulaError, Macros, convert, formula_style
from tests.mathjax.comparison import Verdict, compare
from tests.mathjax.marks import Mark, Setting, node_modules, set_by_mathjax
from tests.mathjax.pages import set_by_typst

needs_mathjax = pytest.mark.skipif(
    node_modules() is None, reason="Node.js with mathjax-full is missing (npm fetches it)"
)
HERE = Path(__file__).parent
KINDS = [line for line in (HERE / "kinds.txt").read_text("utf-8").splitlines() if not line.startswith("# ")]


def formulas_found(lines: list[str]) -> list[tuple[str, bool]]:
    found: list[Formula] = []
    for line in lines:
        take_formulas(line.replace("⏎", "\n"), found)
    return [(formula.tex, formula.display) for formula in found if not formula.problem]


def formulas(lines: list[str]) -> list[tuple[str, bool]]:
    found: list[Formula] = []
    take_formulas("\n\n".join(lines).replace("⏎", "\n"), found)
    assert not [formula for formula in found if formula.problem]
    return formulas_found(lines)


def verdicts(asked: list[tuple[str, bool]]) -> list[Verdict]:
    set_here = [(convert(tex, display, Macros()).code, display) for tex, display in asked]
    pairs = zip(set_by_mathjax(asked), set_by_typst(set_here, formula_style()), strict=True)
    return [compare(wanted, got) for wanted, got in pairs]


@pytest.fixture(scope="module")
def kinds() -> list[tuple[str, Verdict]]:
    asked = formulas(KINDS)
    assert len(asked) >= len(KINDS) > 80
    return list(zip((tex for tex, _ in asked), verdicts(asked), strict=True))


@needs_mathjax
@pytest.mark.parametrize("number", range(len(KINDS)), ids=lambda number: KINDS[number][:60])
def test_each_kind_of_formula_stands_as_mathjax_sets_it(kinds: list[tuple[str, Verdict]], number: int) -> None:
    tex, verdict = kinds[number]
    assert verdict.kind in ("right", "off"), (tex, verdict.reason)


@needs_mathjax
def test_few_kinds_differ_in_a_space_or_a_size(kinds: list[tuple[str, Verdict]]) -> None:
    assert sum(verdict.kind == "off" for _, verdict in kinds) <= 0.06 * len(kinds)


@needs_mathjax
def test_no_answer_is_set_wrong_or_left_as_source() -> None:
    asked = formulas([line for line in (HERE / "answers.txt").read_text("utf-8").splitlines() if line[:2] != "# "])
    assert len(asked) >= 500
    judged = verdicts(asked)
    bad = [(tex, v) for (tex, _), v in zip(asked, judged, strict=True) if v.kind not in ("right", "off")]
    assert bad == []
    assert Counter(v.kind for v in judged)["off"] <= 0.02 * len(asked)


@needs_mathjax
def test_few_formulas_of_proofs_differ_in_a_space_or_a_size_and_none_is_wrong() -> None:
    lines = [line for line in (HERE / "proofs.txt").read_text("utf-8").splitlines() if line[:2] != "# "]
    asked = formulas(lines)
    assert len(asked) == 60
    kinds = Counter(v.kind for v in verdicts(asked))
    assert set(kinds) <= {"right", "off"} and kinds["off"] <= 0.02 * len(asked)


# Kinds that differed in a space or a size, each with its neighbours.
EXACT = [
    r"$$p_j\underbrace{\sum_k y_k}_{=1} = p_j$$",
    r"$$\overbrace{a+b}^{=1}+c$$",
    r"$\overbrace{a+b}+\underbrace{x}$",
    r"$$\underbrace{W_2}_{1\times 3}\; \underbrace{D_1}_{3 \times 3}\; \underbrace{x}_{3}$$",
    r"$$x^{\underbrace{a}_{b}} + \frac{\overbrace{a+b+c}^{n}}{2}$$",
    r"$$\underbrace{\underbrace{a+b}_n+c}_m$$",
    r"$\left(\sum_{i=1}^n x_i\right)^2$",
    r"$W_k\sum_{l} W_{k,l} + \prod_i a_i + x^{\sum_{i=1}^n a_i}$",
    r"$\int_0^1 x + \max_i x$",
    r"$$\cfrac{1}{2}$$",
    r"$\cfrac{1}{1+\cfrac{1}{x}}$",
    r"$$\cfrac{x}{\frac{1}{2}}$$",
    r"$a\vphantom{\int}b\phantom{\sum_i}c$",
    r"$$a\vphantom{\sum_i}b$$",
    "$δ·x − f(x+h) − 1$",
    "$x • y † z$",
    "$A⊥B△C$",
]


@needs_mathjax
def test_kinds_that_differed_are_set_exactly() -> None:
    asked = formulas(EXACT)
    judged = verdicts(asked)
    assert [(tex, v) for (tex, _), v in zip(asked, judged, strict=True) if v.kind != "right"] == []


@needs_mathjax
def test_a_sign_that_is_typed_as_itself_has_the_spaces_that_mathjax_gives_it() -> None:
    signs = "±·†‡•−∕∖∆∈∉∋∝∣∥∧∨∩∪∼≃≅≈≍≐≜≠≡≤≥≪≫≺≻⊂⊃⊆⊇⊏⊐⊓⊔⊕⊖⊗⊘⊙⊢⊣⊤⊥⋄⋅⋆←↑→↓↔↦⇐⇒⇔⇝∀∂∃∅∇∞∠■□△○✓§¬×÷"
    asked = [(f"a{sign}b", True) for sign in signs]
    set_here = [(convert(tex, True).code, True) for tex, _ in asked]
    pairs = zip(asked, set_by_mathjax(asked), set_by_typst(set_here, formula_style()), strict=True)
    apart = [
        (tex, one.width, other.width)
        for (tex, _), one, other in pairs
        if not any(mark.loose for mark in one.marks) and abs(one.width - other.width) > 0.16  # a thin space
    ]
    assert apart == []


@needs_mathjax
def test_formulas_that_were_written_without_looking_are_set_right() -> None:
    lines = (HERE / "first_contact.txt").read_text("utf-8").splitlines()
    asked = [pair for line in lines if line[:2] != "# " for pair in formulas_found([line])]
    judged = []
    for tex, display in asked:
        try:
            judged.append((convert(tex, display).code, display))
        except FormulaError as error:
            judged.append(str(error))
    wanted, got = set_by_mathjax(asked), set_by_typst(judged, formula_style())
    kinds = [(tex, compare(one, other).kind) for (tex, _), one, other in zip(asked, wanted, got, strict=True)]
    # MathJax sets a prime that is typed as U+2032 as large as a letter.
    assert [tex for tex, kind in kinds if kind in ("wrong", "source")] == ["W₁x + b₁ ≥ 0 ⇒ ReLU′ = 1"]


# The measure itself: what a reader would call wrong, it calls wrong.
SPOILT = {
    "a sign lost": (r"\frac{\partial J}{\partial Q} + 7", r"\frac{\partial J}{\partial Q} 7", "wrong"),
    "an order turned": ("a - b", "b - a", "wrong"),
    "a fraction turned": (r"\frac{a}{b}", r"\frac{b}{a}", "wrong"),
    "a script lost": ("x^2 + 1", "x2 + 1", "wrong"),
    "a script on the other side": ("x^2", "x_2", "wrong"),
    "letters on top of each other": (r"x\,y", r"x\hspace{-0.5em}y", "wrong"),
    "columns glued": (r"\begin{matrix} a & b \\ c & d \end{matrix}", r"\begin{matrix} ab \\ cd \end{matrix}", "wrong"),
    "a bold letter": (r"\mathbf{x}", "x", "wrong"),
    "a space lost": (r"\sin x", r"\sin\! x", "off"),
    "limits beside": (r"\max\limits_{w} f", r"\max\nolimits_{w} f", "wrong"),
    "rows apart": (r"\begin{matrix} a \\ c \end{matrix}", r"\begin{matrix} a \\[1em] c \end{matrix}", "wrong"),
}


@needs_mathjax
@pytest.mark.parametrize("name", SPOILT)
def test_the_measure_notices(name: str) -> None:
    meant, spoilt, kind = SPOILT[name]
    wanted = set_by_mathjax([(meant, True)])[0]
    right, wrong = set_by_typst([(convert(tex, True).code, True) for tex in (meant, spoilt)], formula_style())
    assert compare(wanted, right).kind == "right"
    assert compare(wanted, wrong).kind == kind


def test_two_equal_settings_are_right_and_a_moved_letter_is_not() -> None:
    marks = (Mark("a", 1.0, 0.0, 0.0, 0.5, 0.5), Mark("b", 1.0, 0.6, 0.0, 1.0, 0.7))
    moved = (marks[0], Mark("b", 1.0, 0.6, 1.0, 1.0, 1.7))
    assert compare(Setting(1.0, 1.0, marks), Setting(1.0, 1.0, marks)) == Verdict("right")
    assert compare(Setting(1.0, 1.0, marks), Setting(1.0, 1.0, moved)).kind == "wrong"


def test_the_command_of_the_table_says_what_it_needs() -> None:
    assert "Node.js" in (ROOT / "benchmarks" / "formulas.py").read_text("utf-8")
