"""What would take a PDF down takes down itself only: one sentence in its place, and the rest is there."""

from __future__ import annotations

import base64
import io
import json
import random
import resource
import zlib
from pathlib import Path

import pytest
from hand_ins import answer, needs_pdftotext, png, save, text_of
from nbformat.v4 import new_code_cell, new_output
from PIL import Image

from backprop.handin import document as document_module
from backprop.handin import typst as typst_module
from backprop.handin.answers import make_pdf
from backprop.handin.html_to_typst import Writer, parse
from backprop.handin.images import fault_of, is_cut_off
from backprop.handin.typst import Typesetter

SVG = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'>{}</svg>"


def seconds() -> float:
    """Processor time of this process and of those that it waited for."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def jpeg() -> bytes:
    file = io.BytesIO()
    image = Image.effect_noise((200, 200), 80)
    image.save(file, "JPEG")
    return file.getvalue()


def bomb() -> str:
    """An SVG of a few lines that asks for 10^10 rectangles."""
    levels = ["<g id='a0'><rect width='1' height='1'/></g>"]
    levels += [f"<g id='a{i}'>" + f"<use href='#a{i - 1}'/>" * 10 + "</g>" for i in range(1, 11)]
    return SVG.format(f"<defs>{''.join(levels)}</defs><use href='#a10'/>")


def huge_png() -> bytes:
    """Five thousand times five thousand points in a few kilobytes, below the limit: a hundred megabytes once read."""
    content = bytearray(base64.b64decode(png(5000, 5000)))
    return bytes(content)


IMAGES = {
    "nested groups": SVG.format("<g>" * 50_000 + "<rect width='3' height='3'/>" + "</g>" * 50_000).encode(),
    "uses of uses": bomb().encode(),
    "truncated PNG": base64.b64decode(png(300, 300))[:-30],
    "PNG of lies": base64.b64decode(png(30, 30))[:16] + b"\x7f\xff\xff\xff" * 2 + base64.b64decode(png(30, 30))[24:],
    "no image": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "PDF without an end": b"%PDF-1.7\n1 0 obj <<",
    "GIF of nothing": b"GIF89a" + b"\xff" * 20,
    "WebP of nothing": b"RIFF\0\0\0\0WEBPVP8 " + bytes(20),
    "depth behind a file": SVG.format("<image href='/etc/passwd'/>" + "<g>" * 300 + "</g>" * 300).encode(),
}  # fmt: skip


@needs_pdftotext
@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_that_cannot_be_shown_costs_itself_only(tmp_path: Path, kind: str) -> None:
    data = "svg+xml" if b"<svg" in IMAGES[kind] else "png"
    bad = f"![bad](data:image/{data};base64,{base64.b64encode(IMAGES[kind]).decode()})"
    good = f"![good](data:image/png;base64,{png()})"
    path = save(tmp_path, answer(f"Before {bad} behind $x_7$ {good}", "q1"), answer("All of this is here: 4711.", "q2"))
    before = seconds()
    made = make_pdf([path], tmp_path / "o.pdf")
    assert seconds() - before < 60
    text = " ".join(text_of(tmp_path / "o.pdf").split())
    assert len(made.problems) == 1 and "cell 1 (q1): a picture could not be shown" in made.problems[0]
    assert text.count("A picture here could not be shown") == 1
    assert "Before" in text and "behind" in text and "4711" in text
    assert (tmp_path / "o.pdf").read_bytes().replace(b" ", b"").count(b"/Subtype/Image") == 1


@needs_pdftotext
def test_a_jpeg_without_its_end_is_shown_and_said(tmp_path: Path) -> None:
    whole = jpeg()
    assert not is_cut_off(whole) and is_cut_off(whole[: len(whole) // 2])
    cut = base64.b64encode(whole[: len(whole) // 2]).decode()
    output = new_output("display_data", data={"image/jpeg": cut})
    path = save(tmp_path, answer(f"![a](data:image/jpeg;base64,{cut}) and text"), new_code_cell("x", outputs=[output]))
    made = make_pdf([path], tmp_path / "o.pdf")
    text = " ".join(text_of(tmp_path / "o.pdf").split())
    assert [problem.split(": ")[1] for problem in made.problems] == ["a picture is cut off"] * 2
    assert text.count("The end of this picture's file is missing") == 2 and "and text" in text


@needs_pdftotext
@pytest.mark.parametrize(
    "table",
    [
        "<table><tr><td colspan=1000000 rowspan=1000000>wide</td></tr><tr><td>a</td><td>b</td></tr></table>",
        "<table><tr>" + "<td>x</td>" * 20_000 + "</tr></table>",
        "<table>" + "<tr><td>x</td><td rowspan=99999>y</td></tr>" * 4_000 + "</table>",
        "<table>" * 400 + "<tr><td>deep</td></tr>" + "</table>" * 400,
        "<table><tr><th rowspan=2>h</th><th>i</th></tr><tr><td>j</td></tr><tr><td colspan=0>k</td></tr></table>",
        "<table><tr><td>no end",
    ],
    ids=range(6),
)
def test_a_table_of_any_size_is_bounded(tmp_path: Path, table: str) -> None:
    before = seconds()
    out = new_output("display_data", data={"text/html": table, "text/plain": "<x>"})
    path = save(tmp_path, answer(f"Before\n\n{table}\n\n"), answer("4711", "q2"), new_code_cell("t", outputs=[out]))
    make_pdf([path], tmp_path / "o.pdf")
    text = text_of(tmp_path / "o.pdf")
    assert "Before" in text and "4711" in text and seconds() - before < 60


@needs_pdftotext
def test_many_deep_formulas_take_no_time(tmp_path: Path) -> None:
    deep = "$" + "x^{" * 30 + "y" + "}" * 30 + "$\n\n"
    path = save(tmp_path, answer(deep * 20 + "The end 4711."))
    before = seconds()
    make_pdf([path], tmp_path / "o.pdf")
    assert seconds() - before < 20 and "4711" in text_of(tmp_path / "o.pdf")


@needs_pdftotext
def test_more_text_than_a_document_can_hold_is_left_out_and_said(tmp_path: Path) -> None:
    cells = [answer("word " * 15_000 + f"end-{number}", f"q{number}") for number in range(22)]
    made = make_pdf([save(tmp_path, *cells, answer("short 4711", "last"))], tmp_path / "o.pdf")
    text = text_of(tmp_path / "o.pdf")
    assert "4711" in text and "end-18" in text and "end-19" not in text
    assert [problem.split(": ")[0] for problem in made.problems] == [
        f"ridge.ipynb, cell {number + 1} (q{number})" for number in (19, 20, 21)
    ]


@needs_pdftotext
def test_what_takes_too_long_together_is_left_out_until_the_rest_fits(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(typst_module, "SECONDS", 1.0)
    monkeypatch.setattr(document_module, "_WHOLE", 0.4)
    table = "<table>" + ("<tr>" + "<td>x</td>" * 40 + "</tr>") * 95 + "</table>"
    cells = [answer(f"before-{number}\n\n{table}", f"q{number}") for number in range(6)]
    made = make_pdf([save(tmp_path, *cells, answer("short 4711", "last"))], tmp_path / "o.pdf")
    text = text_of(tmp_path / "o.pdf")
    said = [problem for problem in made.problems if problem.endswith("it takes too long to set.")]
    assert said and len(said) == text.count("it takes too long to set")
    assert "4711" in text and all(f"before-{number}" in text for number in range(6))


def test_the_process_that_sets_has_limits_and_another_takes_its_place(tmp_path: Path) -> None:
    with Typesetter(tmp_path) as typesetter:
        assert typesetter.compile("Hello").good
        endless = typesetter.compile("#let f(n) = { let i = 0\n while true { i += 1 } }\n#f(1)", seconds=1)
        assert endless.gone or endless.errors
        large = typesetter.compile('#let a = "x" * 100000000\n#let b = a * 100\n#b.len()', seconds=20)
        assert large.gone and "time or memory" in large.errors[0]
        assert typesetter.compile("Hello").pdf.startswith(b"%PDF")


def test_any_html_becomes_typst_that_holds_nothing_of_the_authors_as_code() -> None:
    pieces = ["<b>", "</b>", "<p>", "<li>", "<ul>", "<table>", "<td colspan=3>", "<tr>", "</table>", "#read(", '"',
              "]", "[", "\\", "$", "<img src='", "'>", "&amp;", "<!--", "-->", "<script>", "</script>"]  # fmt: skip
    draw = random.Random(4)
    for _ in range(2000):
        html = "".join(draw.choices(pieces, k=draw.randrange(25)))
        markup = Writer(lambda address, words: "").write(parse(html))
        outside = "".join(markup.replace("\\\\", "").replace('\\"', "").split('"')[::2])
        assert "read(" not in outside and "$" not in outside and "\\" not in outside, html


def test_limits_of_images_are_told_before_anything_is_read() -> None:
    assert "nested" in fault_of(IMAGES["nested groups"]) and "pixels" in fault_of(IMAGES["PNG of lies"])
    assert fault_of(huge_png()) == "" and zlib.crc32(huge_png())
    assert "more than 30 MB" in fault_of(b"GIF89a" + bytes(30_000_001))
    assert json.dumps(fault_of(b"BM")) == '"it is damaged, or of an unknown kind"'
