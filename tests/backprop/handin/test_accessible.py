"""PDF/UA-1: what a screen reader needs is there. Typst refuses what it knows to be wrong; here others look."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pikepdf
import pytest
from hand_ins import answer, check_cell, graded, png, save
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from places import ROOT

from backprop.handin.answers import Options, make_pdf

FIGURE = new_output("display_data", data={"image/png": png()})
TABLE = new_output("display_data", data={"text/html": "<table><tr><td>1</td><td>2</td></tr></table>"})
EVERYTHING = [
    new_markdown_cell("# A title\n\n##### Much deeper\n\n## Back again"),
    answer(f"#### Deep\n\n$x_7$ and\n\n$$\\frac{{a}}{{b}}$$ [l](https://a.b) ![w](data:image/png;base64,{png()})\n\n"
           "| a | b |\n|--|--|\n| 1 | 2 |\n\n- one\n  - two\n\n> said\n\n# Shallow\n\n###### Deepest"),
    new_code_cell("def f(x):\n    return x", metadata=graded("f", solution=True), outputs=[FIGURE, TABLE]),
    check_cell([new_output("stream", text="fine\n")]),
    answer("$\\broken{$ and 한", "q2"),
    answer(f"# $x^2$\n\n## ![i](data:image/png;base64,{png()})\n\n### ---\n\n# <br>\n\n#\n\n# **`code`** $y$\n\n"
           "[a $$x$$ b](https://a.b) <h3>a <ul><li>b</ul></h3>\n", "q3"),
    new_markdown_cell("###### Only deep\n\n<table><tr><th rowspan=2>h</th><td>1</td></tr><tr><td>2</td></tr></table>"),
]  # fmt: skip


def structure(pdf: Path) -> list[tuple[str, bool]]:
    """Each element of the structure in reading order: its kind, and whether it has words instead of what it shows."""
    found = []

    def walk(node: object) -> None:
        if isinstance(node, pikepdf.Array):
            for child in node:
                walk(child)
        elif isinstance(node, pikepdf.Dictionary):
            if "/S" in node:
                found.append((str(node.S), "/Alt" in node or "/ActualText" in node))
            if "/K" in node:
                walk(node.K)

    with pikepdf.open(pdf) as file:
        walk(file.Root.StructTreeRoot)
    return found


@pytest.mark.parametrize("template", ["compact", "gradescope"])
@pytest.mark.parametrize("what", ["04-ridge/ridge", "02-backprop-practice/practice", "08-cifar/cifar", "everything"])
def test_a_validator_finds_nothing_and_nothing_is_without_words(tmp_path: Path, what: str, template: str) -> None:
    path = save(tmp_path, *EVERYTHING) if what == "everything" else ROOT / "release" / f"{what}.ipynb"
    out = tmp_path / "o.pdf"
    made = make_pdf([path], out, Options(name="Ada", template=template))
    assert not [problem for problem in made.problems if "screen readers" in problem]
    done = subprocess.run([sys.executable, "-m", "pdfua", "check", out], capture_output=True, text=True)
    assert done.returncode == 0 and "PASS" in done.stdout, done.stdout
    kinds: dict[str, list[bool]] = defaultdict(list)
    level = 0
    for kind, has_words in structure(out):
        kinds[kind].append(has_words)
        if kind[1] == "H" and kind[2:].isdigit():
            assert int(kind[2:]) <= level + 1, "a level of headings is left out"
            level = int(kind[2:])
    assert kinds["/H1"] and all(kinds["/Formula"]) and all(kinds["/Figure"])
    if what == "everything":
        assert len(kinds["/Figure"]) == 3 and len(kinds["/Formula"]) >= 2 and kinds["/Table"] and kinds["/L"]


def test_answers_and_checks_have_bookmarks(tmp_path: Path) -> None:
    make_pdf([save(tmp_path, *EVERYTHING)], tmp_path / "o.pdf")
    with pikepdf.open(tmp_path / "o.pdf") as file, file.open_outline() as outline:
        titles, waiting = [], list(outline.root)
        while waiting:
            item = waiting.pop()
            titles.append(item.title)
            waiting += item.children
    assert {"Answer q1 · 4 points", "Code f", "Check node_check · 5 points", "Answer q2 · 4 points"} <= set(titles)
