"""Every picture in a written answer is shown, or a sentence says why not; the words around it are always there."""

from __future__ import annotations

import base64
import json
import random
import re
import unicodedata
from urllib.parse import quote

import pytest
from places import ROOT

from autograder.course import Course
from autograder.results.sanitize import sanitized_cell, sanitized_html
from autograder.submissions.images import MAX_IMAGE, gather, join
from autograder.submissions.notebook import Remark, parse_notebook
from autograder.submissions.released import released_notebooks
from autograder.submissions.repair import repair


def image(start: bytes, size: int = 3000, seed: int = 0) -> str:
    return base64.b64encode(start + random.Random(seed).randbytes(size)).decode()


PNG, OTHER = image(b"\x89PNG\r\n\x1a\n"), image(b"\x89PNG\r\n\x1a\n", seed=1)
JPEG, GIF, WEBP = image(b"\xff\xd8\xff\xe0"), image(b"GIF89a"), image(b"RIFF\0\0\0\0WEBPVP8 ")
SVG = base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'><g>").decode()  # cut off


def shown(source: str, attachments: object = None) -> tuple[str, list[str]]:
    """The page's HTML of a Markdown cell as it is read, and what is said about it."""
    cell = {"cell_type": "markdown", "source": source, "attachments": attachments, "metadata": {}}
    (read,), problems = parse_notebook(json.dumps({"cells": [cell], "nbformat": 4}).encode())
    made = sanitized_cell({"cell_type": "markdown", "source": read.source, "attachments": read.attachments})
    return sanitized_html(made["source"], made.get("attachments")), problems


def images(page: str) -> list[str]:
    return re.findall(r'<img[^>]*\bsrc="data:image/\w+;base64,([^"]*)"', page)


FORMS = {
    "Markdown": "![image.png]({})",
    "Markdown with a title": '![x]({} "a title")',
    "Markdown in angle brackets": "![x](<{}>)",
    "img": '<img src="{}">',
    "img in single quotes": "<img width='400' src='{}' alt='x'/>",
    "img in a paragraph": '<p align="center"><img src="{}" width="60%"></p>',
    "reference": "![x][fig]\n\n[fig]: {}",
    "short reference": "![fig]\n\n[fig]: {}",
    "a link around it": "[![x]({})](https://example.org)",
    "a table": "| a |\n|---|\n| ![x]({}) |",
    "a list": "* one\n* ![x]({})",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [3_000, 100_000, 1_500_000])
def test_a_picture_inside_the_text_is_shown_with_every_word_around_it(form, size):
    data = image(b"\x89PNG\r\n\x1a\n", size)
    page, problems = shown("WORDSBEFORE\n\n" + FORMS[form].format(f"data:image/png;base64,{data}") + "\n\nWORDSAFTER")
    assert images(page) == [data] and problems == []
    assert "WORDSBEFORE" in page and "WORDSAFTER" in page and "[picture not shown" not in page


@pytest.mark.parametrize(
    "address",
    [
        f"data:image/png;base64,{PNG}",
        f"data:image/PNG;base64,{PNG}",
        f"data:image/png;charset=utf-8;base64,{PNG}",
        f"data:image/png;base64,{quote(PNG, safe='')}",
        f"data:image/png;base64,{PNG.rstrip('=')}",
        f"data:image/jpeg;base64,{PNG}",
        f"data:image/x-png;base64,{PNG}",
    ],
)
def test_an_address_with_its_picture_inside_may_be_written_in_several_ways(address):
    page, problems = shown(f"![x]({address})")
    assert images(page) == [PNG] and problems == []


@pytest.mark.parametrize(("kind", "data"), [("jpeg", JPEG), ("jpg", JPEG), ("gif", GIF), ("webp", WEBP)])
def test_the_usual_kinds_of_pictures_are_shown(kind, data):
    assert images(shown(f"![x](data:image/{kind};base64,{data})")[0]) == [data]
    assert images(shown("![x](attachment:a)", {"a": {f"image/{kind}": data}})[0]) == [data]


def test_several_pictures_stay_in_their_places():
    page, _ = shown(
        f"![a](data:image/png;base64,{PNG}) ![b](attachment:image.png) ![c](data:image/jpeg;base64,{JPEG})",
        {"image.png": {"image/png": OTHER}},
    )
    assert images(page) == [PNG, OTHER, JPEG]


NAMES = [
    "image.png",
    "Screenshot from 2026-10-01 12-30-00.png",
    "Screenshot 2026-10-01 at 1.02.03\u202fPM.png",
    "photo (1).png",
    "photo (1) (copy).jpg",
    "a, b; c & d.png",
    "ana's drawing.png",
    "50%.png",
    "a+b=c.png",
    "größe.png",
    unicodedata.normalize("NFD", "größe é.png"),
    "画像 1.png",
    "Снимок экрана.png",
    "😀.png",
    "[x].png",
    "#1.png",
    "a?b.png",
    "image",
    "-.png",
    "tab\tname.png",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other_form", [False, True])
def test_an_attachment_is_shown_under_any_name(name, other_form):
    key = name
    if other_form:  # what a Mac writes is composed in one place and not in the other
        key = unicodedata.normalize("NFC" if unicodedata.normalize("NFD", name) == name else "NFD", name)
    for written in {quote(name), quote(name, safe="()!'*~,;:@&=+$"), f"<{name}>" if "\t" not in name else quote(name)}:
        source = "before ![x](" + (f"<attachment:{written[1:-1]}>" if written[0] == "<" else f"attachment:{written}")
        page, problems = shown(source + ") after", {key: {"image/png": PNG}})
        assert images(page) == [PNG], (written, page)
        assert page.startswith("<p>before ") and "after" in page and problems == []


@pytest.mark.parametrize("key", [quote(NAMES[1]), quote(NAMES[2]), quote("größe.png")])
def test_a_name_that_is_kept_encoded_is_found(key):  # as the classic notebook does
    page, _ = shown(f"before ![x](attachment:{key}) after", {key: {"image/png": PNG}})
    assert images(page) == [PNG]


def test_names_that_begin_alike_are_not_mistaken():
    attachments = {"a b": {"image/png": PNG}, "a b.png": {"image/png": OTHER}, "a b.png.png": {"image/jpeg": JPEG}}
    page, _ = shown("![x](attachment:a%20b.png) ![x](attachment:a%20b.png.png) ![x](attachment:a%20b)", attachments)
    assert images(page) == [OTHER, JPEG, PNG]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (f"data:image/svg+xml;base64,{SVG}", "is an SVG drawing"),
        (f"data:image/heic;base64,{image(b'xxxxftypheic')}", "is no PNG, JPEG, GIF or WebP"),
        ("data:image/png;base64,AAAA", "is no PNG, JPEG, GIF or WebP"),
    ],
)
def test_what_is_left_out_has_a_sentence_on_the_page_and_in_the_report(data, why):
    page, problems = shown(f"WORDSBEFORE ![x]({data}) WORDSAFTER")
    (said,) = problems
    assert why in said and isinstance(said, Remark)
    assert "[picture not shown" in page and "WORDSBEFORE" in page and "WORDSAFTER" in page
    kind, _, encoded = data[5:].partition(";base64,")
    _, problems = shown("![x](attachment:y)", {"y": {kind: encoded}})
    assert why in problems[0]


def test_a_picture_beyond_the_limit_is_said_and_its_words_stay():
    page, (said,) = shown(f"A ![x](data:image/png;base64,{PNG + 'A' * MAX_IMAGE}) B")
    assert "is larger than 12 MiB" in said and "A " in page and " B" in page


def test_text_around_many_large_pictures_is_whole():
    words = [f"word{number}" for number in range(6)]
    data = [image(b"\x89PNG\r\n\x1a\n", 3_000_000, number) for number in range(6)]
    page, problems = shown(" ".join(f"{w} ![x](data:image/png;base64,{d})" for w, d in zip(words, data, strict=True)))
    assert images(page) == data and problems == [] and all(word in page for word in words)


def test_pictures_of_one_name_in_two_parts_of_an_answer_are_both_kept():
    (template,) = released_notebooks(Course(ROOT), "04-ridge").values()
    metadata = {"nbgrader": {"grade_id": "q_paths", "grade": True, "solution": True}}
    halves = [
        {"cell_type": "markdown", "metadata": metadata, "source": f"half {n} ![x](attachment:image.png)",
         "attachments": {"image.png": {"image/png": data}}}
        for n, data in ((1, PNG), (2, OTHER))
    ]  # fmt: skip
    cells, _ = parse_notebook(json.dumps({"cells": halves, "nbformat": 4}).encode())
    (item,) = [i for i in repair(template, cells).cells if i.template and i.template.grade_id == "q_paths"]
    assert images(sanitized_html(item.source, item.cell.attachments)) == [PNG, OTHER]
    assert "half 1" in item.source and "half 2" in item.source


def test_joining_keeps_one_picture_of_two_that_are_equal():
    same = {"image/png": PNG}
    assert join([("![](attachment:a.png)", {"a.png": same})] * 2)[1] == {"a.png": same}


@pytest.mark.parametrize(
    "attachments", [None, [], {"a": 3}, {3: {}}, {"a": {"image/png": 3}}, {"a": {"image/png": [3]}}]
)
def test_attachments_that_are_none_are_no_harm(attachments):
    assert gather("text", attachments, []) == ("text", {})


def test_a_picture_that_is_a_page_or_a_script_is_not_shown():
    for start in (b"<script>alert(1)</script>", b"\x89PNG<svg onload=alert(1)>"):
        data = base64.b64encode(start).decode()
        page, problems = shown(f"![x](data:image/png;base64,{data}) <img src='data:text/html;base64,{data}'>")
        assert images(page) == [] and problems


@pytest.mark.parametrize("rest", ["%", "%zz of it", "%4", "%-and more"])
def test_what_follows_a_picture_and_is_no_letter_of_its_address_stays(rest):
    problems: list[str] = []
    text, kept = gather(f"![a](data:image/png;base64,{PNG}{rest})", None, problems)
    (name,) = kept
    assert text == f"![a](attachment:{name}{rest})" and not problems
