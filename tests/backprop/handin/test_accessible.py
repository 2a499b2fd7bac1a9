"""PDF/UA-1: what a screen reader needs is there. Typst refuses what it knows to be wrong; here others look."""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import page
import pikepdf
import pytest
from hand_ins import answer, check_cell, graded, png, save
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from pikepdf import Dictionary, Name
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


def unconnected(file: pikepdf.Pdf) -> list[str]:
    """Pieces of content that the tree of structure does not lead to, or that do not lead back to it."""
    parents = pikepdf.NumberTree(file.Root.StructTreeRoot.ParentTree)
    lost = []
    for number, sheet in enumerate(file.pages, 1):
        found = set()
        for operands, operator in pikepdf.parse_content_stream(sheet):
            if str(operator) == "BDC" and isinstance(operands[1], Dictionary) and "/MCID" in operands[1]:
                found.add(int(operands[1].MCID))
        known = parents[int(sheet.StructParents)] if found and "/StructParents" in sheet else []
        for piece in found:
            element = known[piece] if piece < len(known) else None
            children = [] if element is None else element.get("/K", [])
            children = children if isinstance(children, pikepdf.Array) else [children]
            if not any(child == piece or (isinstance(child, Dictionary) and child.get("/MCID") == piece)
                       for child in children):  # fmt: skip
                lost.append(f"page {number}, piece {piece}")
    return lost


def elements(file: pikepdf.Pdf, kind: str) -> Iterator[Dictionary]:
    """The elements of the structure of this kind."""
    for item in file.objects:
        if isinstance(item, Dictionary) and item.get("/S") == Name(kind) and "/P" in item:
            yield item


def without_a_scope(file: pikepdf.Pdf) -> int:
    """How many headers of tables do not say whether they are those of a column or of a row."""
    described = [header.get("/A", []) for header in elements(file, "/TH")]
    lists = [one if isinstance(one, pikepdf.Array) else [one] for one in described]
    return sum(not any("/Scope" in attributes for attributes in one) for one in lists)


def programs(file: pikepdf.Pdf) -> int:
    """How many scripts, actions, films and sounds there are: none belongs into a page to read."""
    kinds = {"/JavaScript", "/Launch", "/Movie", "/Sound", "/Rendition", "/SubmitForm"}
    return sum(isinstance(item, Dictionary) and str(item.get("/S", "")) in kinds for item in file.objects)


@pytest.mark.parametrize("template", ["compact", "gradescope"])
@pytest.mark.parametrize("what", ["04-ridge/ridge", "02-backprop-practice/practice", "08-cifar/cifar", "everything"])
def test_a_validator_finds_nothing_and_nothing_is_without_words(tmp_path: Path, what: str, template: str) -> None:
    path = save(tmp_path, *EVERYTHING) if what == "everything" else ROOT / "release" / f"{what}.ipynb"
    out = tmp_path / "o.pdf"
    made = make_pdf([path], out, Options(name="Ada", template=template))
    assert not [problem for problem in made.problems if "screen readers" in problem]
    report = page.validate_pdf(out, profile="ua1")
    assert report.is_compliant, [f"{failure.rule_id}: {failure.message}" for failure in report.failures]
    assert report.rules.passed == report.rules.total >= 104
    with pikepdf.open(out) as file:
        assert unconnected(file) == [] and without_a_scope(file) == 0 and programs(file) == 0
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


def without(kind: str, key: str) -> Callable[[pikepdf.Pdf], None]:
    def spoil(file: pikepdf.Pdf) -> None:
        del next(elements(file, kind))[key]

    return spoil


def renamed(kind: str, new: str) -> Callable[[pikepdf.Pdf], None]:
    return lambda file: next(elements(file, kind)).__setitem__("/S", Name(new))


def stripped(*keys: str) -> Callable[[pikepdf.Pdf], None]:
    """Without these entries of every dictionary that has them."""

    def spoil(file: pikepdf.Pdf) -> None:
        for item in file.objects:
            for key in keys:
                if isinstance(item, Dictionary) and key in item:
                    del item[key]

    return spoil


def metadata(pattern: bytes, new: bytes) -> Callable[[pikepdf.Pdf], None]:
    def spoil(file: pikepdf.Pdf) -> None:
        said = file.Root.Metadata.read_bytes()
        assert re.search(pattern, said, re.DOTALL)
        file.Root.Metadata.write(re.sub(pattern, new, said, flags=re.DOTALL))

    return spoil


def unmarked(file: pikepdf.Pdf) -> None:
    file.pages[0].contents_add(b"BT ET 9 9 9 9 re f", prepend=True)


SPOILT = {
    "a formula without words": without("/Formula", "/Alt"),
    "a figure without words": without("/Figure", "/Alt"),
    "no language": lambda file: file.Root.__delitem__("/Lang"),
    "not marked": lambda file: file.Root.__delitem__("/MarkInfo"),
    "no structure": lambda file: file.Root.__delitem__("/StructTreeRoot"),
    "no metadata": lambda file: file.Root.__delitem__("/Metadata"),
    "no title": metadata(rb"<dc:title>.*?</dc:title>", b""),
    "not called PDF/UA": metadata(rb"pdfuaid:part", b"pdfuaid:port"),
    "the title is not displayed": lambda file: file.Root.ViewerPreferences.__delitem__("/DisplayDocTitle"),
    "a level of headings left out": renamed("/H2", "/H6"),
    "a row of a table that is none": renamed("/TR", "/P"),
    "an item of a list that is none": renamed("/LI", "/P"),
    "an unknown kind": renamed("/P", "/Paragraph"),
    "no order of tabs": stripped("/Tabs"),
    "a link without words": lambda file: [
        mark.__delitem__("/Contents") for sheet in file.pages for mark in sheet.get("/Annots", [])
    ],
    "a link without its element": stripped("/StructParent"),
    "letters without their characters": stripped("/ToUnicode"),
    "fonts that are not embedded": stripped("/FontFile2", "/FontFile3"),
    "content outside of the structure": unmarked,
    "suspects": lambda file: file.Root.MarkInfo.__setitem__("/Suspects", True),
}  # fmt: skip
OURS = {
    "pages that lead to no element": (stripped("/StructParents"), unconnected),
    "headers of nothing": (without("/TH", "/A"), without_a_scope),
    "a script": (
        lambda file: file.Root.__setitem__("/OpenAction", file.make_indirect(Dictionary(S=Name.JavaScript, JS="1"))),
        programs,
    ),
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("everything")
    make_pdf([save(folder, *EVERYTHING)], folder / "o.pdf")
    return (folder / "o.pdf").read_bytes()


@pytest.mark.parametrize("name", SPOILT)
def test_the_validator_notices(everything: bytes, name: str) -> None:
    spoilt = io.BytesIO()
    with pikepdf.open(io.BytesIO(everything)) as file:
        SPOILT[name](file)
        file.save(spoilt)
    assert page.is_pdf_compliant_bytes(everything, profile="ua1")
    assert not page.is_pdf_compliant_bytes(spoilt.getvalue(), profile="ua1")


@pytest.mark.parametrize("name", OURS)
def test_what_the_validator_does_not_look_at_is_noticed_here(everything: bytes, name: str) -> None:
    spoil, look = OURS[name]
    with pikepdf.open(io.BytesIO(everything)) as file:
        assert not look(file)
        spoil(file)
        assert look(file)
