"""LaTeX as Typst: what is printed, what is refused and how, and what it may cost. (Places of glyphs: tests/mathjax.)"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backprop.latex import FormulaError, Macros, convert, formula_style, to_typst
from backprop.latex.macros import definition_end
from tests.mathjax.marks import Setting
from tests.mathjax.pages import error_of, set_by_typst


def laid_out(*formulas: str, display: bool = True) -> list[Setting]:
    """Each formula as it stands in a PDF."""
    done = set_by_typst([(convert(tex, display).code, display) for tex in formulas], formula_style())
    assert not [setting.error for setting in done if setting.error]
    return done


def read(tex: str, macros: Macros | None = None) -> str:
    """The characters of a formula from left to right."""
    done = set_by_typst([(convert(tex, True, macros).code, True)], formula_style())[0]
    assert not done.error
    return "".join(mark.character for mark in sorted(done.marks, key=lambda mark: mark.left))


def test_a_script_of_what_has_one_stands_above_it() -> None:
    (setting,) = laid_out("{W^{(2)}}^T")
    places = {mark.character: mark for mark in setting.marks}
    assert places["𝑇"].bottom > places["2"].bottom + 0.1 and places["𝑇"].left > places[")"].right


def test_cases_keep_their_columns_apart_and_their_brace_is_as_high_as_they_are() -> None:
    (setting,) = laid_out(r"\begin{cases} 1 & z > 0 \\ 0 & z \le 0 \end{cases}")
    one, z = (next(mark for mark in setting.marks if mark.character == c) for c in "1𝑧")
    assert z.left - one.right > 0.8
    assert setting.height > 2.0


def test_words_of_delimiters_are_never_printed() -> None:
    assert read(r"\Big\langle u \Big\rangle \big\lfloor v \big\rfloor \bigl\| w \bigr\|") == "⟨𝑢⟩⌊𝑣⌋‖𝑤‖"


def test_colours_reach_the_page() -> None:
    assert 'rgb("#ff0000")' in convert(r"\textcolor{red}{x}", False).code
    assert 'rgb("#00aa00")' in convert(r"{\color{#00aa00} x} + y", False).code
    assert 'rgb("#336699")' in convert(r"\definecolor{sea}{HTML}{336699}\color{sea}x", False).code
    assert "black" in convert(r"\textcolor{nonsense}{x}", False).code


@pytest.mark.parametrize(
    "defined, used, shown",
    [
        (r"\newcommand{\norm}[1]{\left\lVert#1\right\rVert}", r"\norm{x}", "‖𝑥‖"),
        (r"\def\R{\mathbb{R}}", r"x\in\R", "𝑥∈ℝ"),
        (r"\newcommand{\opt}[2][3]{#1#2}", r"\opt[4]{x}\opt y", "4𝑥3𝑦"),
        (r"\let\eps\epsilon", r"\eps", "𝜖"),
        (r"\let\oldphi\phi\renewcommand{\phi}{\varphi}", r"\phi\oldphi", "𝜑𝜙"),
        (r"\DeclareMathOperator{\relu}{ReLU}", r"\relu x", "ReLU𝑥"),
        (r"\newenvironment{both}{\left(}{\right)}", r"\begin{both}x\end{both}", "(𝑥)"),
        (r"\def\pair(#1,#2){#1+#2}", r"\pair(a,b)", "𝑎+𝑏"),
        (r"\newcommand\x{y}", r"\x z", "𝑦𝑧"),
        (r"\DeclarePairedDelimiter{\abs}{\lvert}{\rvert}", r"\abs{x}\abs*{y}", "|𝑥||𝑦|"),
    ],
)
def test_macros_of_one_formula_work_in_the_next(defined: str, used: str, shown: str) -> None:
    macros = Macros()
    assert convert(defined, False, macros).code == ""
    assert read(used, macros) == shown
    learnt = Macros()
    learnt.learn(f"text {defined} text")
    assert read(used, learnt) == shown
    assert definition_end(defined + " rest", 0) is not None


@pytest.mark.parametrize(
    "tex, reason",
    [
        (r"\nonsense{q}", r"\nonsense"),
        (r"\begin{nonsense} x \end{nonsense}", "environment nonsense"),
        (r"\frac{1", "never closed"),
        (r"\frac{1}", "lacks an argument"),
        (r"x}", "closes nothing"),
        (r"\left( x", r"no \right"),
        (r"x \right)", r"without its \left"),
        (r"\begin{align} x", r"\end{align} is missing"),
        (r"\begin{aligned} x \end{align}", r"meets \end{align}"),
        (r"x_1_2", "two subscripts"),
        (r"x^1^2", "two superscripts"),
        (r"x^", "after a ^"),
        (r"\left\alpha x \right)", "delimiter"),
        (r"\hspace{wide} x", "length"),
        (r"\limits x", "after an operator"),
        (r"\def\a{\a\a} \a", "never end"),
        (r"\hline x", "outside of a table"),
    ],
)
def test_what_cannot_be_set_is_refused_with_its_reason(tex: str, reason: str) -> None:
    with pytest.raises(
        FormulaError, match=reason.replace("\\", r"\\").replace("^", r"\^").replace("{", r"\{")
    ) as error:
        convert(tex, True)
    assert len(str(error.value)) <= 200 and "\n" not in str(error.value)


HOSTILE = {
    "braces over braces": r"\underbrace{\overbrace{" * 20 + "x" + "}}" * 20,
    "towers": "x" + "^{x" * 30 + "}" * 30,
    "a tower too high": "x" + "^{x" * 300 + "}" * 300,
    "braces": "{" * 5000 + "}" * 5000,
    "fractions in fractions": r"\frac{1}{" * 40 + "x" + "}" * 40,
    "roots in roots": r"\sqrt{" * 50 + "x" + "}" * 50,
    "delimiters in delimiters": r"\left(" * 50 + "x" + r"\right)" * 50,
    "tables in tables": r"\begin{matrix}a&" * 20 + "x" + r"\end{matrix}" * 20,
    "text in text": r"\text{a $" * 15 + "x" + "$}" * 15,
    "a macro that doubles": r"\def\a{xx}\def\b{\a\a}\def\c{\b\b}\def\d{\c\c}\def\e{\d\d}\def\f{\e\e}" + r"\f" * 4000,
    "a macro that calls itself": r"\def\a{x\a}\a",
    "a long formula": "x+" * 30_000,
    "a wide table": r"\begin{matrix}" + "1&" * 4000 + r"1\end{matrix}",
    "a long table": r"\begin{matrix}" + r"1\\" * 3000 + r"1\end{matrix}",
    "spaces beyond measure": r"a\hspace{999999999em}b\kern-99999999cm c\rule{99999999in}{9999999in}",
    "columns by the million": r"\begin{array}{*{99}{*{99}{c}}} a \end{array}",
    "unclosed": r"\left(" * 3000,
    "primes": "x" + "'" * 5000,
    "accents": r"\hat{" * 55 + "x" + "}" * 55,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_formula_costs_little_and_is_set_or_refused(name: str) -> None:
    started = time.process_time()
    try:
        markup = to_typst(HOSTILE[name], True)
    except FormulaError:
        markup = ""
    assert time.process_time() - started < 2.0
    assert len(markup) < 2_000_000
    if markup:
        assert error_of(convert(HOSTILE[name], True).code, True, formula_style()) == ""
    assert time.process_time() - started < 6.0


FRAGMENTS = [
    "x", "1", "+", "=", ",", "^", "_", "{", "}", "&", r"\\", "(", ")", "[", "]", "|", "'", " ", "$", "#", "%", "~",
    '"', "\\",
    r"\frac", r"\sqrt", r"\left(", r"\right)", r"\left.", r"\right|", r"\middle|", r"\sum", r"\text{if }",
    r"\mathbf", r"\hat",
    r"\begin{cases}", r"\end{cases}", r"\begin{matrix}", r"\end{matrix}", r"\begin{array}{c|c}", r"\end{array}",
    r"\hline",
    r"\color{red}", r"\over", r"\displaystyle", r"\big(", r"\Big|", r"\not", r"\limits", r"\hspace{1em}",
    r"\operatorname*",
    r"\overset", r"\underbrace", r"\boxed", r"\phantom", r"\substack", r"\dots", r"\newcommand", r"\def\a", r"\a",
    r"\let",
    r"\tag{1}", r"\verb|a|", r"\xrightarrow", r"\,", r"\!", r"\quad", "é", "∑", "→", "#h(1em)", "$ ", "/*", "//", "`",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=4)), max_size=25).map("".join), st.booleans())
def test_any_latex_is_set_or_refused_and_what_is_set_compiles(tex: str, display: bool) -> None:
    try:
        code = convert(tex, display).code
    except FormulaError:
        return
    if code:
        assert error_of(code, display, formula_style()) == ""


@pytest.mark.parametrize("blank", list("\x01\x0b\x0c\x1c\x1f\x7f\x85\u2003\u2028\u3000"))
def test_an_odd_blank_is_a_space_and_no_argument(blank: str) -> None:
    assert convert(rf"\frac0{blank}1", False).code == convert(r"\frac0 1", False).code


def test_nothing_of_a_formula_reaches_typst_as_code() -> None:
    tricks = [
        r'#panic("x")',
        r"$ #import $",
        r'"; #panic()',
        r"\text{#panic(1) \" $}",
        r"\verb|#panic()|",
        "a(b: c)",
        "x .. y",
        "sin(x)",
        "a;b",
    ]
    for tex in tricks:
        try:
            markup = to_typst(tex, False)
        except FormulaError:
            continue
        assert error_of(convert(tex, False).code, False, formula_style()) == "", markup


def test_formulas_of_a_section_take_far_less_than_a_second() -> None:
    lines = [
        line.strip("$")
        for line in (Path(__file__).parents[2] / "mathjax" / "answers.txt").read_text("utf-8").splitlines()
    ]
    started = time.process_time()
    random.seed(0)
    for line in lines:
        try:
            convert(line, True)
        except FormulaError:
            continue
    assert time.process_time() - started < 1.0


def test_the_latex_is_the_alternative_text() -> None:
    assert r'"x_1 = \\text{\"a\"}"' in to_typst('x_1 =\n\\text{"a"}', True)


def test_a_long_formula_knows_where_its_lines_may_break() -> None:
    long = " + ".join(f"f(x_{{{i}}})" for i in range(20)) + " = y, z"
    (line,) = convert(long, False).lines
    assert len(line) == 22 and all(piece.strip() for piece in line)
    rows = convert(r"\begin{align} a &= b + c \\ &= d \end{align}", True).lines
    assert [len(row) for row in rows] == [3, 2]
