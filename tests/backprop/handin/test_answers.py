"""The PDF of a hand-in: no formula lost, nothing breaks it, nothing outside the notebook gets in."""

from __future__ import annotations

import base64
import errno
import os
import re
import tempfile
import threading
import time
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hand_ins import answer, check_cell, graded, needs_pdftotext, png, save, text_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from backprop.__main__ import main
from backprop.handin import notebook as notebook_file
from backprop.handin.answers import make_pdf as make
from backprop.handin.blocks import Block, Content
from backprop.handin.document import DRESSED, Document
from backprop.handin.html_to_typst import wrapped
from backprop.handin.images import CellImages
from backprop.handin.markdown import Passage
from backprop.handin.math_spans import Formula, take_formulas
from backprop.handin.notebook import NotebookError, read_notebook
from backprop.handin.typst import Typesetter
from backprop.latex import Macros

FORMULAS = (Path(__file__).parent / "formulas.txt").read_text("utf-8").splitlines()

# Commands and the character that must be found in the PDF for each.
SYMBOLS = dict(
    partial="∂", sum="∑", odot="⊙", delta="δ", sigma="σ", Phi="Φ", theta="θ", eta="η", nabla="∇", alpha="α",
    lambda_="λ", ell="l", in_="∈", le="≤", ge="≥", ne="≠", neq="≠", approx="≈", propto="∝", equiv="≡", forall="∀", 
    exists="∃", otimes="⊗", to="→", mapsto="↦", beta="β", gamma="γ", omega="ω", mu="μ", nu="ν", prod="∏", int="∫", 
    implies="⟹", Rightarrow="⇒", leftarrow="←", top="⊤", circ="∘", infty="∞", cdot="⋅", log="log", tanh="tanh",
    exp="exp", max="max", lim="lim", lfloor="⌊", lceil="⌈", langle="⟨", argmax="argmax", vdots="⋮", ddots="⋱",
)  # fmt: skip


def printed(tmp_path: Path, *cells: object) -> tuple[str, list[str]]:
    """The text of the PDF made of these cells, spaces made single, and the problems reported."""
    out = tmp_path / "out.pdf"
    problems = make_pdf([save(tmp_path, *cells)], out)
    return " ".join(text_of(out).split()), problems


def make_pdf(paths: list[Path], out: Path) -> list[str]:
    """Make the PDF; return its problems."""
    return make(paths, out).problems


def set_formulas(sources: list[str]) -> tuple[list[str], list[str]]:
    """Each formula on a page of its own: (the text of each page, the problems)."""
    passages = [Passage.read(source, f"line {i}", CellImages({}, None)) for i, source in enumerate(sources, 1)]
    blocks = [Block("text", i, passage.place, passage=passage) for i, passage in enumerate(passages)]
    content = Content(None, "formulas", blocks, passages=passages)  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder, Typesetter(Path(folder)) as typesetter:
        document = Document([content], typesetter, Path(folder))
        start = DRESSED + '#set document(title: "formulas")\n#heading(level: 1, "-")\n'
        pdf = document.set(lambda: start + "\n#pagebreak()\n".join(map(document.include, range(len(blocks)))))
    return text_of(pdf).split("\f"), document.problems()


def must_appear(tex: str) -> Counter[str]:
    """The letters, digits and symbols that a reader of this LaTeX expects to see."""
    dropped = r"\\(?:label|require|unicode|href|hspace|phantom|color|textcolor|colorbox|style)\s*\{[^{}]*\}"
    tex = re.sub(dropped, "", tex)
    tex = re.sub(r"\\(?:begin|end)\{[^{}]*\}(\{[|lcr\d]*\})?|\[2pt\]", " ", tex)
    expected: Counter[str] = Counter()
    for command in re.findall(r"\\([A-Za-z]+)", tex):
        expected.update(SYMBOLS.get(command, SYMBOLS.get(command + "_", "")))
    rest = re.sub(r"\\[A-Za-z]+", " ", tex)
    expected.update(c for c in unicodedata.normalize("NFKC", rest) if c.isalnum())
    expected.update(c for c in tex if c in "=+⊙∂")
    return expected


@pytest.fixture(scope="module")
def formula_pages() -> tuple[list[str], list[str]]:
    return set_formulas(FORMULAS)


def test_there_are_enough_formulas() -> None:
    assert len(set(FORMULAS)) >= 100


@needs_pdftotext
def test_every_formula_is_typeset_and_none_is_shown_as_source(formula_pages: tuple[list[str], list[str]]) -> None:
    assert formula_pages[1] == []


@needs_pdftotext
@pytest.mark.parametrize("number", range(len(FORMULAS)))
def test_nothing_of_a_formula_is_lost(formula_pages: tuple[list[str], list[str]], number: int) -> None:
    page = formula_pages[0][number]
    # Accented letters count as their letters, ≠ as itself.
    missing = must_appear(FORMULAS[number]) - (Counter(unicodedata.normalize("NFKD", page)) | Counter(page))
    assert not missing, f"{FORMULAS[number]} lost {dict(missing)} in {page!r}"
    assert "\\" not in page


@needs_pdftotext
def test_the_measure_of_loss_notices_a_loss(formula_pages: tuple[list[str], list[str]]) -> None:
    assert must_appear(r"\frac{\partial J}{\partial Q} + 7") - Counter(formula_pages[0][1])


def test_formulas_are_found_where_jupyter_finds_them() -> None:
    text = (
        "`$code$` and\n```\n$code$\n```\n$a$ costs $5 and $10, \\$3, $x_1 * y_1$\n\n"
        "$$\na\n- b\n$$ \\(c\\) \\\\[d\\\\]\n\\begin{align}e\\end{align}\n<!-- $no$ -->$ f $"
    )
    found: list[Formula] = []
    left = take_formulas(text, found)
    assert [formula.tex for formula in found] == [
        "a", "x_1 * y_1", "a\n- b", "c", "d", r"\begin{align}e\end{align}", "f",
    ]  # fmt: skip
    assert "`$code$`" in left and "$5 and $10" in left and "no" not in left


@needs_pdftotext
def test_a_formula_that_cannot_be_set_is_shown_named_and_reported(tmp_path: Path) -> None:
    text, problems = printed(
        tmp_path,
        answer("Before $a+b$.\n\n$$\\nonsense{q} + \\frac{z}{$$\n\nAfter $\\wrong x$ and $\\frac{1}{2"),
    )
    assert r"\nonsense{q} + \frac{z}{" in text and r"$\wrong x$" in text and r"$\frac{1}{2" in text
    assert "Before" in text and "After" in text
    assert "Formula 2 of this cell is shown as its LaTeX source" in text
    assert len(problems) == 3 and all("ridge.ipynb, cell 1 (q1): formula" in problem for problem in problems)


@needs_pdftotext
def test_a_macro_defined_in_another_cell_works_in_an_answer(tmp_path: Path) -> None:
    text, problems = printed(tmp_path, new_markdown_cell(r"$\newcommand{\E}{\mathbb{E}}$"), answer(r"$\E[x] = 3$"))
    assert problems == [] and "E[𝑥]=3".replace("𝑥", "x") in text.replace(" ", "")


@needs_pdftotext
def test_a_formula_swallowed_by_the_markdown_is_still_shown(tmp_path: Path) -> None:
    text, _ = printed(tmp_path, answer("[link]: http://a.b '$x = 77$'\n\n<div data-x='$y = 88$'></div>\n"))
    assert "77" in text and "88" in text


@needs_pdftotext
def test_answers_code_figures_and_checks_are_there(tmp_path: Path) -> None:
    good = new_output("stream", name="stdout", text="\x1b[32mdJ/da maxdiff 3.1e-11 ok\x1b[0m\n")
    bad = new_output("error", ename="AssertionError", evalue="shapes differ", traceback=[])
    figure = new_output("display_data", data={"image/png": png(), "text/plain": "<Figure>"})
    text, problems = printed(
        tmp_path,
        new_markdown_cell("# A title"),
        new_markdown_cell("**Question.** Why is the sky green?"),
        answer("Because of *moss*:\n- one\n- two\n\n| a | b |\n|--|--|\n| $|x|$ | `d` |\n\nH<sub>2</sub>O<br>end"),
        new_code_cell("def forward(x):\n    return x\n", metadata=graded("node", solution=True)),
        check_cell([good]),
        check_cell([bad]),
        check_cell([], None),
        check_cell([], 7),
        new_code_cell("plot()", outputs=[figure]),
        answer("YOUR ANSWER HERE", "q2"),
    )
    assert problems == []
    for expected in (
        "Why is the sky green?", "moss", "def forward(x):", "maxdiff 3.1e-11 ok",
        "This check ended in an error: AssertionError: shapes differ", "This check was not run: it has no output.",
        "This check was run and printed nothing.", "Figure of cell 9", "Answer q2 · 4 points Not answered.",
        "Check node_check · 5 points", "Page 1 of 2", "• one • two",
    ):  # fmt: skip
        assert expected in text, expected
    assert "<Figure>" not in text and "\x1b" not in text


@needs_pdftotext
def test_nothing_outside_the_notebook_is_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("TOPSECRET-9137")
    (tmp_path / "secret.png").write_bytes(base64.b64decode(png()))
    attack = f"""
```{{=typst}}
#read("{secret}")
```

`#read("/etc/passwd")`{{=typst}} #read("{secret}") ] #import "@preview/x:1.0.0" [ \\#eval("1")

$\\text{{" + read("{secret}") + "}}$ $#read("{secret}")$ $\\text{{"#read("../secret.txt")"}}$

\\input{{{secret}}} $\\input{{{secret}}}$ ![a]({tmp_path}/secret.png) ![b](../secret.png) ![c](file://{secret})
![d](http://localhost:9/x.png) <img src="{tmp_path}/secret.png"> <iframe src="{secret}"></iframe> [e](#nowhere) @ref
![f](data:image/svg+xml,<svg%20xmlns="http://www.w3.org/2000/svg"><text>x</text></svg>)
"""
    out = tmp_path / "out.pdf"
    problems = make_pdf([save(tmp_path, answer(attack))], out)
    assert "TOPSECRET" not in text_of(out) and "root:" not in text_of(out)
    assert b"/Subtype/Image" not in out.read_bytes().replace(b" ", b"")
    assert sum("not inside the notebook" in problem for problem in problems) >= 4


@needs_pdftotext
def test_pictures_inside_the_notebook_are_shown_and_damaged_ones_named(tmp_path: Path) -> None:
    _, problems = printed(
        tmp_path,
        answer(
            f"![a](attachment:my%20p.png) ![b](data:image/png;base64,{png()})",
            attachments={"my p.png": {"image/png": png(30, 30)}},
        ),
    )
    assert problems == []
    assert (tmp_path / "out.pdf").read_bytes().replace(b" ", b"").count(b"/Subtype/Image") == 2
    text, problems = printed(tmp_path, answer("![c](data:image/png;base64,AAAA) still here"))
    assert len(problems) == 1 and "still here" in text


@needs_pdftotext
def test_huge_outputs_are_shortened_with_a_note(tmp_path: Path) -> None:
    output = new_output("stream", name="stdout", text="".join(f"line {i}\n" for i in range(100_000)))
    text, _ = printed(tmp_path, check_cell([output]))
    assert "line 0 " in text and "line 99999" in text and "99940 lines left out here" in text and len(text) < 5000


def test_long_lines_are_wrapped_and_lose_nothing() -> None:
    line = "x = " + "long_name + " * 20 + "漢" * 80
    pieces = wrapped(line, 90).split("\n")
    assert "".join(piece.removeprefix("↪ ") for piece in pieces) == line
    width = [sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in piece) for piece in pieces]
    assert max(width) <= 92 and len(pieces) > 4


def test_the_same_notebook_gives_the_same_pdf(tmp_path: Path) -> None:
    path = save(tmp_path, answer("$a$ and $$b$$"))
    make_pdf([path], tmp_path / "1.pdf")
    make_pdf([path], tmp_path / "2.pdf")
    assert (tmp_path / "1.pdf").read_bytes() == (tmp_path / "2.pdf").read_bytes()


def test_a_section_takes_less_than_two_seconds(tmp_path: Path) -> None:
    shown = new_output("display_data", data={"image/png": png(640, 480)})
    cells = [answer(f"Derivation {i}:\n\n" + "\n\n".join(FORMULAS[i::10]), f"q{i}") for i in range(10)]
    path = save(tmp_path, *cells, *(new_code_cell("plot()", outputs=[shown]) for _ in range(6)))
    make_pdf([path], tmp_path / "warm.pdf")
    started = os.times()
    make_pdf([path], tmp_path / "out.pdf")
    assert sum(os.times()[:4]) - sum(started[:4]) < 2.0  # processor time, that of Typst's process too


def test_a_file_that_is_no_notebook_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.ipynb"
    for content in ("", "hello", "[]", '{"cells": 3}', "[" * 100_000):
        bad.write_text(content)
        assert main(["pdf", str(bad), "-o", str(tmp_path / "o.pdf")]) == 1
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "bad.ipynb is not a notebook" in error
    assert main(["pdf", str(tmp_path / "none.ipynb"), "-o", str(tmp_path / "o.pdf")]) == 1
    assert "does not exist" in capsys.readouterr().err
    good = save(tmp_path, answer("x"))
    out = bad / "o.pdf"
    assert main(["pdf", str(good), "-o", str(out)]) == 1
    assert capsys.readouterr().err == f"{out}: Not a directory. Choose another place with -o.\n"
    assert not list(tmp_path.glob("*.pdf"))


def test_a_full_disk_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    good, out = save(tmp_path, answer("x")), tmp_path / "o.zip"
    monkeypatch.setattr(os, "replace", full)
    assert main(["submit", str(good), "-o", str(out)]) == 1
    assert capsys.readouterr().err == f"{out}: No space left on device. Choose another place with -o.\n"
    monkeypatch.setattr(tempfile, "mkdtemp", full)  # another place for the PDF would not help
    assert main(["pdf", str(good), "-o", str(out)]) == 1
    assert capsys.readouterr().err == "A file: No space left on device.\n"
    assert not out.exists()


@pytest.mark.parametrize(
    ("limit", "most", "said"),
    [
        ("MAX_NOTEBOOK", 2**20, "1 MiB"),
        ("MAX_PARTS", 25, "25 parts"),
        ("MAX_CELLS", 2, "2 cells"),
        ("MAX_TEXT", 2**20, "1 MiB of text in its cells"),
    ],
)
def test_a_notebook_that_is_too_large_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, most: int, said: str
) -> None:
    largest = {
        "MAX_NOTEBOOK": [answer("x", attachments={"x": {"image/png": "A" * 2**20}})],
        "MAX_PARTS": [answer("[" * 26)],
        "MAX_CELLS": [new_markdown_cell("x")] * 3,
        "MAX_TEXT": [new_markdown_cell("x" * (2**20 + 1))],
    }
    path = save(tmp_path, *largest[limit])
    read_notebook(path)
    monkeypatch.setattr(notebook_file, limit, most)
    with pytest.raises(NotebookError, match=f"^{re.escape(str(path))} has more than {said}. Clear its outputs"):
        read_notebook(path)


def test_a_pipe_in_the_place_of_a_notebook_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.ipynb")
    writer = os.open(tmp_path / "x.ipynb", os.O_RDWR)  # closed below, so that a reader would not wait for ever
    os.write(writer, b"{")
    monitor = threading.Timer(2, os.close, [writer])
    monitor.start()
    with pytest.raises(NotebookError, match="x.ipynb is not a file"):
        read_notebook(tmp_path / "x.ipynb")
    monitor.cancel()
    os.close(writer)


@pytest.mark.parametrize("source", ["data:image/" + "a" * 30_000, "`" * 30_000])
def test_a_text_that_never_comes_to_its_end_takes_no_time(tmp_path: Path, source: str) -> None:
    path = save(tmp_path, new_markdown_cell(source), answer(source))
    started = time.process_time()
    make_pdf([path], tmp_path / "o.pdf")
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("piece", ["${", "${$ ", r"\def\a{", r"\newcommand{\a}{", "<!--"])
def test_what_is_opened_and_never_closed_takes_no_time(piece: str) -> None:
    text = piece * (40_000 // len(piece))
    started = time.process_time()
    take_formulas(text, [])
    Macros().learn(text)
    assert time.process_time() - started < 3.0


def test_braces_as_deep_as_anybody_needs_them_are_followed() -> None:
    inside = "{" * 60 + "$" + "}" * 60
    found: list[Formula] = []
    assert take_formulas(f"a ${inside}$ b", found) == "a \ue0000\ue001 b"
    assert [formula.tex for formula in found] == [inside]


def test_a_picture_written_into_the_text_is_shown_whatever_stands_between_type_and_content() -> None:
    kinds = ["image/png;base64", "image/svg+xml;charset=utf-8;base64", "image/png;name=a-b.png;x=1;base64"]
    for kind in kinds:
        images = CellImages({}, None)
        assert images.take(f"![a](data:{kind},{png()}) b") == "![a](inline-image:0) b"
        assert images.get("inline-image:0") == base64.b64decode(png())
    images = CellImages({}, None)
    images.take("data:image/svg+xml;utf8,%3Csvg%3E")
    assert images.get("inline-image:0") == b"<svg>"


def test_wrong_usage_exits_with_2() -> None:
    for arguments in ([], ["pdf"], ["pdf", "x.ipynb"], ["fly"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2


@pytest.mark.parametrize(
    "source",
    [
        ">" * 3000 + "x",
        "- " * 2000 + "x",
        "$" + "{" * 500 + "}" * 500 + "$",
        "$" + r"\left(" * 60 + r"\right)" * 60 + "$",
        "[" * 5000,
        "*" * 5000,
        "`" * 999,
        "<div>" * 2000,
        "<!--" * 200,
        "$" * 3001,
        "\ue0001\ue001 \ue0020\ue003",
        "\x00\x1b[31m\ud800",
        "# " * 500,
        "|a|b|\n|--|--|\n" + "|$x$|" * 500,
        "<table><tr><td colspan=100000>x</td></tr></table>",
        "\\" * 999,
        r"$\newcommand{\a}{\b\b}\newcommand{\b}{\c\c}\newcommand{\c}{\a\a}\a$",
        "x" * 100_000,
    ],
    ids=range(18),
)
def test_hostile_markdown_still_yields_a_pdf(tmp_path: Path, source: str) -> None:
    make_pdf([save(tmp_path, answer(source), answer("fine $x$"))], tmp_path / "o.pdf")
    assert (tmp_path / "o.pdf").read_bytes().startswith(b"%PDF")


PIECES = r"""
$ $$ ` ``` \ \( \) \[ \] \begin{align} \end{align} & \\ { } _ ^ # * [ ] ( ) <b> </b> <!-- --> | > - 1. \frac \text{
~ % ' " @a ![ ]( data:image/png;base64,A ::: --- == x 7 é 😀 \left( \newcommand{\q} <table>
"""
FRAGMENTS = [*PIECES.split(), " ", "\n", "\n\n", "\n> ", "\n- "]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=6)), max_size=40).map("".join))
def test_any_markdown_yields_a_pdf(tmp_path: Path, source: str) -> None:
    make_pdf([save(tmp_path, answer(source))], tmp_path / "o.pdf")
    assert (tmp_path / "o.pdf").read_bytes().startswith(b"%PDF")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=6)), max_size=40).map("".join))
def test_taking_formulas_out_keeps_every_other_character(source: str) -> None:
    found: list[Formula] = []
    left = take_formulas(source, found)
    back = re.sub("\ue000(\\d+)\ue001", lambda mark: found[int(mark[1])].source, left)
    expected = re.sub(r"[\ue000\ue001]", "\ufffd", source)
    # Only comments may be gone.
    assert len(back) <= len(expected) and ("<!--" in source or back == expected)
