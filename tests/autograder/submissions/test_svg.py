"""Figures saved as SVG are shown, and draw and do nothing else; what cannot be shown is said."""

from __future__ import annotations

import base64
import io
import re
import time
from urllib.parse import quote
from xml.etree import ElementTree

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from autograder.results.feedback_page import template
from autograder.results.sanitize import FILTERS, SanitizeCells, sanitized_cell, sanitized_html
from autograder.submissions.images import gather
from autograder.submissions.outputs import clean_outputs, is_image
from autograder.submissions.svg import MAX_SVG, sanitized_svg

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
RED = f'<svg {NS} width="80" height="60"><rect width="80" height="60" fill="red"/></svg>'


def output(svg: object, **more: object) -> dict:
    return {"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": svg, **more}}


def figure() -> str:
    """A plot with most of what plots have, as matplotlib writes it in a notebook."""
    with matplotlib.rc_context({"svg.hashsalt": "x"}):
        drawing, axes = plt.subplots()
        axes.plot([1, 2, 3], "o--", label="a $x^2$")
        axes.imshow(np.eye(3))
        axes.fill_between([0, 1], [1, 2], alpha=0.3, hatch="/")
        axes.annotate("größe & <x>", (1, 1), arrowprops={"arrowstyle": "->"})
        axes.legend()
        out = io.StringIO()
        drawing.savefig(out, format="svg")
        plt.close(drawing)
    return out.getvalue()


def shapes(svg: str) -> list[tuple[str, str]]:
    root = ElementTree.fromstring(re.sub(r"<!DOCTYPE[^>]*>", "", svg))
    names = ("path", "rect", "use", "image", "text", "line")
    return [(e.tag.rpartition("}")[2], e.get("d", "")) for e in root.iter() if e.tag.rpartition("}")[2] in names]


def test_a_plot_keeps_every_shape():
    plot = figure()
    kept = sanitized_svg(plot, is_image)
    assert shapes(kept) == shapes(plot) and len(shapes(kept)) > 50
    assert "data:image/png;base64," in kept and "clip-path" in kept and "stroke-linejoin" in kept


DRAWINGS = {
    "no namespace": "<svg width='9'><circle r='3'/></svg>",
    "xml head": f'<?xml version="1.0" encoding="utf-8"?>\n{RED}',
    "text": f'<svg {NS}><text x="1">a<tspan dy="2">b</tspan>c</text></svg>',
    "a link around": f'<svg {NS}><a href="https://x.org"><circle r="3"/></a></svg>',
    "gradient": f'<svg {NS}><defs><linearGradient id="g"><stop offset="0" stop-color="red"/></linearGradient></defs>'
    '<rect width="9" height="9" fill="url(#g)"/></svg>',
    "lines": [RED[:30], RED[30:]],
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_of_other_programs_are_shown(name):
    (kept,) = clean_outputs([output(DRAWINGS[name])])
    drawn = kept["data"]["image/svg+xml"]
    assert ElementTree.fromstring(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    for piece in ("circle", "tspan", "linearGradient", "url(#g)", "abc" if name == "x" else "svg"):
        assert (piece in "".join(DRAWINGS[name])) <= (piece in drawn)


ACTING = {
    "script": "<script>alert(1)</script>",
    "handler": '<rect onload="alert(1)" width="9" height="9"/>',
    "foreign": "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml' onload='alert(1)'/></foreignObject>",
    "link": '<a xlink:href="javascript:alert(1)"><text>x</text></a>',
    "animation": '<rect><set attributeName="onload" to="alert(1)"/><animate attributeName="href" values="x"/></rect>',
    "outside image": '<image href="https://evil.example/x.png"/><image xlink:href="file:///etc/passwd"/>',
    "svg in an image": f'<image href="data:image/svg+xml;base64,{base64.b64encode(RED.encode()).decode()}"/>',
    "outside use": '<use href="https://evil.example/x.svg#a"/>',
    "outside fill": '<rect fill="url(https://evil.example/x)"/><rect style="fill: url(//evil.example/x)"/>',
    "style": "<style>@import url(https://evil.example/x.css); *{background:url(//evil.example)}</style>",
    "style by letters": "<style>*{background:\\75rl(//evil.example)}</style><rect style='fill:\\75rl(x)'/>",
    "filter": '<filter id="f"><feImage href="https://evil.example"/></filter><rect filter="url(#f)"/>',
    "processing": '<?xml-stylesheet href="https://evil.example/x.css"?><rect/>',
    "other namespace": '<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>',
}
BAD = re.compile(r"alert|evil|script|onload|foreign|@import|\\|file:|svg\+xml|filter|animate|<set", re.IGNORECASE)


@pytest.mark.parametrize("name", ACTING)
def test_what_acts_or_loads_is_left_out_and_the_drawing_stays(name):
    kept = sanitized_svg(f'<svg {NS}><circle r="3"/>{ACTING[name]}</svg>', is_image)
    assert kept is not None and "circle" in kept and not BAD.search(kept), kept


LAUGHS = "".join(
    f'<g id="a{n}">' + f'<use xlink:href="#a{n - 1}"/>' * 10 + "</g>" if n else '<rect id="a0"/>' for n in range(12)
)


@pytest.mark.parametrize(
    "svg",
    [
        "no drawing", "", "<svg", "<html><body/></html>", "<svg>" * 5000,
        f"<svg {NS}>" + "<g>" * 200 + "</g>" * 200 + "</svg>",
        f"<svg {NS}>" + "<g/>" * 40_000 + "</svg>",
        '<!DOCTYPE svg [<!ENTITY a "x">]><svg>&a;</svg>', '<!DOCTYPE svg SYSTEM "file:///etc/passwd" [ ]><svg/>',
        f"<svg {NS}>" + " " * MAX_SVG + "</svg>",
    ],
)  # fmt: skip
def test_what_is_no_drawing_or_too_much_is_not_shown_and_said(svg):
    (kept,) = clean_outputs([output(svg, **{"text/plain": "<Figure>"})])
    if "image/svg+xml" in kept["data"]:
        assert len(kept["data"]["image/svg+xml"]) < 10_000
    else:
        assert kept["data"]["text/plain"].endswith("[a figure as SVG, which cannot be shown here: save figures as PNG]")


def test_uses_of_uses_do_not_multiply():
    kept = sanitized_svg(f"<svg {NS}>{LAUGHS}</svg>", is_image)
    assert kept.count("<use") <= 10


@pytest.mark.parametrize(("tag", "said"), [("pattern", "fill"), ("marker", "marker-end"), ("clipPath", "clip-path")])
def test_patterns_of_patterns_do_not_multiply(tag, said):
    chain = "".join(f'<{tag} id="p{n}"><rect {said}="url(#p{n + 1})"/></{tag}>' for n in range(12))
    kept = sanitized_svg(f'<svg {NS}>{chain}<rect {said}="url(#p0)"/></svg>', is_image)
    assert kept.count("url(") == 1 and kept.count(f"<{tag}") == 12


def test_a_figure_as_pdf_is_said():
    (kept,) = clean_outputs([{"output_type": "display_data", "data": {"application/pdf": "JVBERi0="}, "metadata": {}}])
    assert kept["data"] == {"text/plain": "[a figure as PDF, which cannot be shown here: save figures as PNG]"}


def test_a_png_beside_the_svg_is_the_one_that_is_shown():
    (kept,) = clean_outputs([output(RED, **{"image/png": PNG})])
    assert kept["data"] == {"image/png": PNG}


def pages(cell: dict) -> dict[str, str]:
    """The cell on the formgrader's page and on the feedback page."""
    notebook = nbformat.from_dict({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    exporter = HTMLExporter(config=Config(HTMLExporter={"filters": FILTERS, "preprocessors": [SanitizeCells]}))
    render, resources = template()
    shown = nbformat.from_dict({**notebook, "cells": [sanitized_cell(cell)]})
    return {"formgrader": exporter.from_notebook_node(notebook)[0], "feedback": render(nb=shown, resources=resources)}


@pytest.mark.parametrize("page", ["formgrader", "feedback"])
def test_a_figure_as_svg_is_an_image_on_the_page(page):
    cell = {"cell_type": "code", "source": "plot()", "metadata": {}, "execution_count": 1, "outputs": [output(RED)]}
    text = pages(cell)[page]
    (data,) = re.findall(r'<img[^>]* src="data:image/svg\+xml;base64,([^"]+)"', text)
    drawn = base64.b64decode(data).decode()
    assert shapes(drawn) == [("rect", "")] and 'fill="red"' in drawn
    assert "<rect" not in text, "an image, and no part of the page"


def encoded(svg: str) -> str:
    return base64.b64encode(svg.encode()).decode()


CUT = RED.replace("red", "rgb(9, 8, 7)")
WRITTEN = {
    "Markdown": f"![my graph](data:image/svg+xml;base64,{encoded(RED)})",
    "a tag": f"<img alt='mine' src='data:image/svg+xml;base64,{encoded(RED)}' width=90>",
    "a tag with a character set": f'<img src="data:image/svg+xml;charset=utf-8;base64,{encoded(RED)}">',
    "letters encoded": f"![x](data:image/svg+xml,{quote(RED)})",
    "letters encoded, with utf8": f"<img src='data:image/svg+xml;utf8,{quote(RED, safe='/:=')}'>",
    "letters as they are": f"<img src='data:image/svg+xml;utf8,{RED}'>",
    "in the text": f"see {RED} there",
    "in the text, over lines": RED.replace("><", ">\n\n<"),
    "in capitals": f"<SVG {NS} width='9'><rect fill='red'/></SVG>".replace("SVG", "svg"),
    "twice": f"{RED}\n\n![x](data:image/svg+xml;base64,{encoded(CUT)})",
}


def drawings(page: str) -> list[str]:
    found = re.findall(r'<img[^>]* src="data:image/svg\+xml;base64,([^"]+)"', page)
    return [base64.b64decode(data).decode() for data in found]


@pytest.mark.parametrize("page", ["formgrader", "feedback"])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_drawing_in_markdown_is_an_image_on_the_page_and_its_words_stay(name, page):
    text = f"WORDSBEFORE\n\n{WRITTEN[name]}\n\nWORDSAFTER"
    source, attachments = gather(text, None, problems := [])
    assert problems == [] and len(source) < 400 and len(attachments) == (2 if name == "twice" else 1)
    cell = {"cell_type": "markdown", "source": source, "metadata": {}, "attachments": attachments}
    for shown in (pages(cell)[page], pages({**cell, "source": text, "attachments": {}})[page]):
        assert len(drawings(shown)) == len(attachments) and all("<rect" in drawn for drawn in drawings(shown))
        assert "WORDSBEFORE" in shown and "WORDSAFTER" in shown and "<rect" not in shown and "&lt;rect" not in shown


def test_a_drawing_kept_as_an_attachment_or_beside_the_notebook_is_shown(tmp_path):
    for kept in (encoded(RED), RED, [RED[:20], RED[20:]]):
        assert drawings(sanitized_html("![x](attachment:a.svg)", {"a.svg": {"image/svg+xml": kept}}))
    (tmp_path / "plot.svg").write_text(RED)
    (tmp_path / "bad.svg").write_text("<svg><script>alert(1)</script>")
    assert drawings(sanitized_html("![x](plot.svg)", {}, str(tmp_path)))
    assert "picture not shown" in sanitized_html("![x](bad.svg)", {}, str(tmp_path))


@pytest.mark.parametrize("text", [f"`{RED}`", f"```xml\n{RED}\n```", f"~~~\n\n{RED}\n~~~", f"``a ` {RED}``"])
def test_a_drawing_in_code_stays_code(text):
    assert gather(text, None, []) == (text, {})
    assert "<img" not in sanitized_html(text) and "&lt;rect" in sanitized_html(text).replace('<span class="nt">', "")


@pytest.mark.parametrize("name", ACTING)
@pytest.mark.parametrize(
    "form", ["![x](data:image/svg+xml;base64,{data})", "{svg}", "<img src='data:image/svg+xml,{url}'>"]
)
def test_a_drawing_in_markdown_does_nothing(form, name):
    svg = f'<svg {NS}><circle r="3"/>{ACTING[name]}</svg>'
    page = sanitized_html(form.format(data=encoded(svg), svg=svg, url=quote(svg)))
    (drawn,) = drawings(page)
    assert "circle" in drawn and not BAD.search(drawn)
    assert not re.search(r"<(script|svg|style|rect|a)\b", page)


@pytest.mark.parametrize(
    "text",
    ["<svg" * 900, "data:image/svg+xml,<svg" * 900, "<svg>`" * 900, "```\n<svg\n" * 300, "%3Csvg" * 9000,
     "data:image/svg+xml,%3Csvg" * 2000, "<svg></svg>" * 350, "`" * 999 + "<svg></svg>"],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_drawings_made_to_be_slow_are_done_in_time(text):
    start = time.process_time()
    sanitized_html(text)
    assert time.process_time() - start < 5
