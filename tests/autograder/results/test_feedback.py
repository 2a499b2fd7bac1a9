"""Feedback pages: nbgrader's content, nothing secret in them, nothing in them that acts."""

import base64
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import time
import unicodedata
import urllib.parse
from pathlib import Path

import nbformat
import nbgrader.server_extensions.formgrader
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbgrader.apps import NbGraderAPI
from pygments import highlight
from small_course import cell, enter, make_course, released
from traitlets.config import Config

from autograder.course import Course
from autograder.errors import UserError
from autograder.gradebook.reader import Mark, NotebookGrade
from autograder.grading.write_up import written_cells
from autograder.judging.check import Check
from autograder.judging.verdict import PartResult, Verdict
from autograder.results import feedback_page
from autograder.results.feedback import write_feedback
from autograder.results.feedback_page import template
from autograder.results.sanitize import MAX_MARKDOWN, sanitized_html
from autograder.results.summary import Exercise, Headings, Line, Summary, exercises, read_headings
from autograder.submissions.outputs import is_image
from autograder.submissions.released import ReleasedCell
from autograder.submissions.repair import GradedCell
from autograder.submissions.svg import sanitized_svg
from autograder.text import visible
from backprop.checking.diagnosis import Mistake

TEMPLATES = Path(nbgrader.server_extensions.formgrader.__file__).parent / "templates"
PNG = base64.b64encode(
    base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
).decode()
MARK = "STOLEN"
ATTACKS = {
    "script": "<script>document.title='STOLEN'</script>",
    "handler": "<img src=x onerror=\"document.title='STOLEN'\">",
    "handler without quotes": "<img/src=x/onerror=document.title='STOLEN'>",
    "svg": '<svg onload="document.title=\'STOLEN\'"><a xlink:href="javascript:document.title=1">x</a></svg>',
    "math": "<math><mtext><table><mglyph><style><img src=x onerror=document.title='STOLEN'></style></mglyph></table>",
    "link": "[press](javascript:document.title='STOLEN')",
    "link with an entity": "[press](javascript&colon;document.title='STOLEN')",
    "link with a tab": "<a href='java\tscript:document.title=1'>press</a>",
    "link behind files/": "[press](files/javascript:document.title='STOLEN')",
    "raw link behind files/": "<a href='files/javascript:document.title=1'>press</a>",
    "data link": "[press](data:text/html;base64,PHNjcmlwdD4x)",
    "autolink": "<javascript:document.title=1>",
    "reference": "[press]\n\n[press]: javascript:document.title=1",
    "frame": "<iframe srcdoc=\"<script>parent.document.title='STOLEN'</script>\"></iframe>",
    "object": "<object data='javascript:document.title=1'></object><embed src='javascript:1'>",
    "form": "<form action='/formgrader/api/grade' method=post><button>press</button></form>",
    "refresh": "<meta http-equiv=refresh content='0;url=javascript:document.title=1'>",
    "base": "<base href='https://example.org/'>",
    "style": "<style>body{display:none}</style><p style='position:fixed;top:0;left:0;width:100%'>x</p>",
    "mermaid": "```mermaid\n<img src=x onerror=document.title='STOLEN'>\n```",
    "code": "```python\n</pre><script>document.title='STOLEN'</script>\n```",
    "code in no language": "```<script>\n<script>document.title='STOLEN'</script>\n```",
    "heading": "# </h1><script>document.title='STOLEN'</script> {#add_check}",
    "table": "|<script>1</script>|b|\n|-|-|\n|<img src=x onerror=document.title=1>|2|",
    "formula": "$</p><script>document.title='STOLEN'</script>$",
    "environment": "\\begin{align}<script>document.title='STOLEN'</script>\\end{align}",
    "comment": "<!--><script>document.title='STOLEN'</script>-->",
    "noscript": '<noscript><p title="</noscript><img src=x onerror=document.title=1>">',
    "clobbering": "<a id=add_check name=why data-link='x'>x</a><input id=why><textarea id=why-comment></textarea>",
    "picture of the server": "![x](/hub/logout) <img src='https://example.org/seen.png'> <img srcset='/hub/logout'>",
    "attachment of an odd type": "![x](attachment:evil.svg)",
    "attachment that is not there": "![x](attachment:gone.png)",
    "attachment that breaks out": "![x](attachment:break.png)",
    "file outside": "![x](../../../../secret.png)",
}
FORBIDDEN = {
    "script",
    "style",
    "svg",
    "math",
    "iframe",
    "object",
    "embed",
    "form",
    "input",
    "textarea",
    "button",
    "meta",
}
HTTP = re.compile(r"(https?:|mailto:|#)")


def acting(html: str) -> list[str]:
    """Everything in HTML written by a student that could act, be fetched, or stand in for a part of the page."""
    found = []
    for tag in BeautifulSoup(html, "html.parser").find_all(True):
        if tag.name in FORBIDDEN and not (
            tag.name == "math" and tag.attrs.keys() == {"display"}
        ):  # formulas are MathML
            found.append(tag.name)
        for name, value in tag.attrs.items():
            value = " ".join(value) if isinstance(value, list) else value
            if name.startswith(("on", "data-")) or name in ("id", "name", "srcset", "srcdoc", "action", "xlink:href"):
                found.append(f"{tag.name} {name}")
            if name == "href" and not HTTP.match(value):
                found.append(f"href {value}")
            if name == "src" and not value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,")):
                drawn = base64.b64decode(value.removeprefix("data:image/svg+xml;base64,"), validate=True).decode()
                if sanitized_svg(drawn, is_image) != drawn or "on" in drawn or "script" in drawn:
                    found.append(f"src {value[:60]}")
            if name == "style" and not value.startswith("text-align"):
                found.append(f"style {value}")
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture
def course(built, tmp_path):
    shutil.copytree(built.root, tmp_path / "c", dirs_exist_ok=True)
    return Course(tmp_path / "c")


def written(*arguments, **how):
    """The number of pages that were written."""
    return write_feedback(*arguments, **how)[0]


def page(course, student="ana", section="01-first", name="first"):
    return (course.feedback / student / section / f"{name}.html").read_text()


def hostile_notebook(course, *, valid=False):
    """A notebook with every attack in it. valid : one that nbformat accepts, as all that the grader writes are."""
    notebook = released(course, "01-first")
    attachments = {
        "evil.svg": {"image/svg+xml": base64.b64encode(b"<svg onload='document.title=1'/>").decode()},
        "break.png": {"image/png": "\"><script>document.title='STOLEN'</script>"},
        "good.png": {"image/png": PNG},
    }
    for number, text in enumerate(ATTACKS.values()):
        notebook["cells"].append(
            {"cell_type": "markdown", "id": f"m{number}", "metadata": {}, "source": text, "attachments": attachments}
        )
    shown = {
        "text/html": ATTACKS["script"],
        "image/svg+xml": ATTACKS["svg"],
        "application/javascript": "document.title='STOLEN'",
        "text/markdown": ATTACKS["handler"],
        "text/latex": ATTACKS["script"],
        "text/plain": ATTACKS["script"],
        "image/png": 'x" onerror="document.title=1',
    }
    notebook["cells"].append(
        {
            "cell_type": "code",
            "id": "\"><script>document.title='STOLEN'</script>",
            "metadata": {"tags": ["\"><script>document.title='STOLEN'</script>"], "magics_language": "html"},
            "execution_count": "<script>document.title='STOLEN'</script>",
            "source": "</pre><script>document.title='STOLEN'</script>",
            "outputs": [
                {"output_type": "display_data", "data": shown, "metadata": {"image/png": {"width": "1 onload=x"}}},
                {"output_type": "stream", "name": "stdout", "text": ATTACKS["script"] + "\x1b]0;x\x07"},
                {"output_type": "error", "ename": "<b>", "evalue": "<b>", "traceback": [ATTACKS["script"]]},
            ],
        }
    )
    odd = {"grade": True, "grade_id": "\"><script>document.title='STOLEN'</script>", "points": "<script>"}
    notebook["cells"].append(
        {"cell_type": "raw", "id": "r", "metadata": {"nbgrader": odd}, "source": ATTACKS["script"]}
    )
    notebook["metadata"]["title"] = "</title><script>document.title='STOLEN'</script>"
    notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"x": "</script><script>1"}}
    if valid:
        notebook["cells"][-2].update(id="odd", execution_count=None)
        notebook["cells"][-1]["metadata"] = {}
    cell(notebook, "why")["source"] = "Because a<b and\n\n$$c\\,&lt; d, \\quad e<f$$ ![mine](attachment:good.png)"
    cell(notebook, "why")["attachments"] = attachments
    return notebook


# -- what a page says ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [False, True], ids=["nbgrader's own settings", "the course's settings"])
def test_a_page_says_what_nbgrader_would_say(course, settings):
    notebook = released(course, "01-first")
    cell(notebook, "add")["source"] = "def add(a, b):\n    return a - b"
    cell(notebook, "add_check")["outputs"] = [
        {"output_type": "execute_result", "data": {"text/plain": "2.5"}, "metadata": {}, "execution_count": None},
        {"output_type": "stream", "name": "stdout", "text": "add_check · 2.5 of 5 points\n"},
    ]
    enter(course, "ana", scores={"add_check": 2.5, "more_check": 3.0, "why": None}, notebook=notebook)
    with course.open_gradebook() as gradebook:
        grade = gradebook.find_grade("why", "first", "01-first", "ana")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 3, 0.5, False
        gradebook.find_comment("why", "first", "01-first", "ana").manual_comment = "Good, *but* why?"
        gradebook.find_submission_notebook("first", "01-first", "ana").late_submission_penalty = 1
        gradebook.db.commit()
    assert written(course, ["01-first"]) == 1
    ours = BeautifulSoup(page(course), "html.parser")

    config = Config(course.config if settings else {})
    config.merge(Config(CourseDirectory={"root": str(course.root), "db_url": course.gradebook_url}))
    here = os.getcwd()
    os.chdir(course.root)
    try:
        outcome = NbGraderAPI(config=config).generate_feedback("01-first", "ana", force=True)
    finally:
        os.chdir(here)
    assert outcome["success"], outcome["log"]
    theirs = BeautifulSoup(page(course), "html.parser")
    assert "ana" not in ours.text and theirs.h4.text == "first (Score: 8.0 / 12.0)"
    assert words(ours.find(class_="total")) == "8 of 12 points 1 taken off for handing in late"
    assert "Late submission penalty (Score: -1.0)" in theirs.text
    index = [line for line in theirs.find(id="toc").find_all("li") if " / " in line.text]
    scores = [re.search(r"Score: (\S+) / (\S+)\)", line.text).groups() for line in index]
    assert [(f"{float(a):g}", f"{float(b):g}") for a, b in scores] == points(ours) != []
    links = [link["href"] for link in ours.select(".exercises .line a")]
    assert links == [f"#cell-{line.a['href'][1:]}" for line in index]
    ours_cells, theirs_cells = ours.select("section.own, section.graded"), theirs.find_all(class_="nbgrader_cell")
    assert len(ours_cells) == len(theirs_cells) == 4
    for mine, other in zip(ours_cells, theirs_cells, strict=True):
        body = mine.find(class_="input_area") or mine.find(class_="text_cell_render")
        assert body.text.split() == other.find(class_="panel-body").text.split() and body.text.strip()
        comment, footer = mine.find(class_="comment"), other.find(class_="panel-footer")
        assert (comment.text.split()[1:] if comment else None) == (footer.text.split()[1:] if footer else None)
    outputs = [[words(o) for o in p.find_all(class_="output_area")] for p in (ours, theirs)]
    assert outputs[1].pop(0).endswith("2.5"), "the score as nbgrader reads it"
    assert outputs[0] == outputs[1] and "2.5 of 5 points" in outputs[0][0]
    assert "but" in [em.text for em in ours.find_all("em")]


def words(tag):
    return " ".join(tag.text.split())


def points(soup):
    """(score, points) of each graded cell, as the head of a page says them."""
    lines = soup.select(".exercises .line .points")
    return [tuple(re.match(r"(\S+) of ([^\s,]+)", line.text).groups()) for line in lines]


def test_what_a_person_has_still_to_grade_is_not_shown_as_no_points(course):
    enter(course, "ana")
    enter(course, "ben")
    with course.open_gradebook() as gradebook:
        for name in ("why", "add_check"):  # given by hand, and graded again since
            grade = gradebook.find_grade(name, "first", "01-first", "ben")
            grade.manual_score, grade.needs_manual_grade = 2, True
        gradebook.db.commit()
    assert write_feedback(course, ["01-first"]) == (2, ["ana/01-first", "ben/01-first"])
    assert write_feedback(course, ["01-first"], ["ben"]) == (0, ["ben/01-first"])
    ana, ben = (BeautifulSoup(page(course, student), "html.parser") for student in ("ana", "ben"))
    assert words(ana.find(class_="total")) == "8 of 12 points answers not graded yet: 1"
    assert words(ana.find(class_="exercise")) == "Sums, where a<b 8 of 8, 4 points not graded yet"
    lines = [words(line) for line in ana.find(class_="exercises").find_all(class_="line")]
    assert lines == ["add 5 of 5", "more 3 of 3", "why not graded yet, 4 points"]
    heads = [words(head).removesuffix(" to the top") for head in ana.select("section .heading")]
    assert heads == [
        "Your answer: add",
        "Check: add_check 5 of 5",
        "Check: more_check 3 of 3",
        "Your answer: why not graded yet, 4 points",
    ]
    assert words(ben.find(class_="total")) == "7 of 12 points"
    assert "add 2 of 5, to be looked at again" in words(ben.find(class_="exercises"))


# -- what a page begins with ----------------------------------------------------------------------------------------


def judged(notebook, name, wrong):
    """Note in a check's cell what grading notes: the parts that do not hold, with sentences."""
    cell(notebook, name)["metadata"]["backprop"] = {"wrong": wrong}


def test_a_page_begins_with_the_exercises_the_mistakes_and_where_to_look(course):
    notebook = released(course, "01-first")
    judged(notebook, "add_check", [["values", ["`add` subtracts.\n| the student's own words"]], ["types", []]])
    cell(notebook, "more_check")["outputs"] = [
        {"output_type": "error", "ename": "AssertionError", "evalue": "two\nlines", "traceback": []}
    ]
    enter(course, "ana", scores={"add_check": 2.5, "more_check": 0.0, "why": None}, notebook=notebook)
    write_feedback(course, ["01-first"])
    soup = BeautifulSoup(page(course), "html.parser")
    head, body = soup.body.header, soup.body.main
    assert soup.body.find(True) == head and head.h1.text == "Sums, where a<b"
    add, more, why = head.select(".exercises ul > li")
    assert [words(p) for p in add.find_all("p")] == [
        "values: add subtracts.", "also not right: types", "Look at your answer and what the check found.",
    ]  # fmt: skip
    assert add.code and [p.text for p in more.find_all(class_="mistake")] == ["AssertionError: two lines"]
    assert not why.find_all("p") and "own words" not in head.text
    for link in head.find_all("a"):
        assert body.find(id=link["href"][1:]), link
    assert add.select(".look a")[0]["href"] == "#cell-add" and add.select(".look a")[1]["href"] == "#cell-add_check"


def test_what_was_mended_stands_before_the_exercises(course):
    notebook = released(course, "01-first")
    source = "**About this submission**\n\n* one cell was lost"
    notebook["cells"].insert(0, {"cell_type": "markdown", "id": "problems", "metadata": {}, "source": source})
    later = {"cell_type": "markdown", "id": "problems", "metadata": {}, "source": "not the grader's"}
    enter(course, "ana", notebook={**notebook, "cells": [*notebook["cells"], later]})
    write_feedback(course, ["01-first"])
    soup = BeautifulSoup(page(course), "html.parser")
    assert "one cell was lost" in soup.header.find(class_="about").text and "one cell" not in soup.main.text
    assert "not the grader's" in soup.main.text


def test_a_cell_is_under_the_last_heading_before_it_and_code_has_none(tmp_path):
    def markdown(text):
        return {"cell_type": "markdown", "metadata": {}, "source": text}

    def graded(name):
        return {"cell_type": "code", "metadata": {"nbgrader": {"grade_id": name}}, "source": "# no heading"}

    cells = [graded("a"), markdown("# T\n\n## 1 · One ##\n\n```\n# code\n```\n#no"), graded("b"), graded("c")]
    cells += [markdown(["### `Q`\n", "text"]), graded("d")]
    path = tmp_path / "n.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    found = read_headings(path)
    assert found.title == "T" and found.above == {"a": "", "b": "1 · One", "c": "1 · One", "d": "`Q`"}
    for content in ("", "[]", '{"cells": [1]}', '{"cells": [{"cell_type": "markdown"}]}'):
        path.write_text(content)
        assert read_headings(path) == Headings()
    assert read_headings(tmp_path / "gone.ipynb") == Headings()


def test_without_a_release_the_cells_stand_for_the_exercises(course):
    enter(course, "ana")
    (course.release / "01-first/first.ipynb").write_text("damaged")
    write_feedback(course, ["01-first"])
    head = BeautifulSoup(page(course), "html.parser").header
    assert head.h1.text == "first"
    assert [words(e) for e in head.select(".exercise a")] == ["add_check", "more_check", "why"]


EVIL = "<script>document.title='STOLEN'</script> & <img src=x onerror=alert(1)> {{ 7*7 }} </title></style>"


def test_hostile_titles_names_sentences_and_comments_are_text(course):
    path = course.release / "01-first/first.ipynb"
    path.write_text(path.read_text().replace("# Sums, where $a<b$", json.dumps(f"# {EVIL} $a<b$")[1:-1]))
    notebook = released(course, "01-first")
    judged(notebook, "add_check", [[EVIL, [EVIL]], [EVIL, []]])
    enter(course, "ana", scores={"add_check": 0.0, "more_check": 0.0, "why": None}, notebook=notebook)
    with course.open_gradebook() as gradebook:
        gradebook.find_comment("why", "first", "01-first", "ana").manual_comment = EVIL
        gradebook.db.commit()
    write_feedback(course, ["01-first"])
    text = page(course)
    soup = BeautifulSoup(text, "html.parser")
    assert not soup.find_all(["script", "iframe"]) and len(soup.find_all("title")) == len(soup.find_all("style")) == 1
    assert not [tag for tag in soup.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
    assert soup.header.text.count("document.title='STOLEN'") >= 4 and "49" not in soup.header.text
    assert "Sums" not in soup.header.text


def test_the_template_puts_nothing_into_a_page_unescaped():
    render, resources = template()
    line = Line(EVIL, 1, 2, EVIL, ((EVIL, EVIL),), EVIL, EVIL)
    head = Summary(EVIL, 1, 2, 1, (Exercise(EVIL, (line, line)),), EVIL)
    own = {"grade_id": EVIL, "grade": True, "solution": True, "comment": EVIL}
    cells = [{"cell_type": "code", "metadata": {"nbgrader": own}, "source": EVIL, "outputs": [
        {"output_type": "stream", "name": "stdout", "text": EVIL},
        {"output_type": "error", "traceback": [EVIL]},
        {"output_type": "display_data", "data": {"text/plain": EVIL}, "metadata": {}},
        {"output_type": "display_data", "data": {"image/png": f'"{EVIL}'}, "metadata": {}},
    ]}, {"cell_type": "markdown", "metadata": {}, "source": EVIL}]  # fmt: skip
    nb = nbformat.from_dict({"cells": cells, "metadata": {"title": EVIL}})
    text = render(nb=nb, page=head, about=EVIL, resources={**resources, "metadata": {"name": EVIL, "path": EVIL}})
    soup = BeautifulSoup(text, "html.parser")
    assert not soup.find_all(["script", "iframe"]) and len(soup.find_all("title")) == len(soup.find_all("style")) == 1
    assert not [tag for tag in soup.find_all(True) if any(name.startswith("on") for name in tag.attrs)]


def test_what_grading_notes_reaches_the_page():
    parts = (
        PartResult("values", 3, 0, False, (), (Mistake("sign", "The sign is wrong."),)),
        PartResult("types", 1, 1, True),
        PartResult("again", 1, 0, False, (), (Mistake("sign", "The sign is wrong."), Mistake("x", "a \x1b[31mb"))),
    )
    (written,) = written_cells([graded_cell()], {}, {"f_check": Verdict("s/f_check", 5, parts)})
    json.dumps(written)
    mark = Mark(1, 5, False)
    ((exercise),) = exercises([written], NotebookGrade({"f_check": mark}), Headings("T"))
    assert exercise.title == "T" and exercise.lines[0].mistakes == (
        ("values", "The sign is wrong."),
        ("again", visible("a \x1b[31mb")),
    )
    (full,) = written_cells([graded_cell()], {}, {"f_check": Verdict("s/f_check", 1, parts[1:2])})
    assert "backprop" not in full["metadata"]


def graded_cell():
    check = Check("s/f_check", 5, lambda student, draw: None)
    own = {"grade": True, "grade_id": "f_check", "points": 5}
    template = ReleasedCell("id", "code", "f()", "f()", own, {}, check)
    return GradedCell(template, None)


def test_no_hidden_test_and_no_solution_is_in_a_page(course):
    notebook = released(course, "01-first")
    # even if a notebook with the tests in it got into autograded/ some other way
    tests = json.loads((course.source / "01-first/first.ipynb").read_text())
    cell(notebook, "add_check")["source"] = cell(tests, "add_check")["source"]
    rubric = {"cell_type": "markdown", "id": "r", "metadata": {"tags": ["rubric"]}, "source": "model answer"}
    notebook["cells"].insert(2, rubric)  # what grading puts before each written answer
    enter(course, "ana", notebook=notebook)
    enter(course, "ben")
    assert written(course, ["01-first"]) == 2
    for student in ("ana", "ben"):
        text = BeautifulSoup(page(course, student), "html.parser").text
        assert "print(add(1, 2))" in text
        for secret in ("hidden line", "add(20, 22)", "secret_of_the_solution", "model answer", "BEGIN HIDDEN"):
            assert secret not in text and secret not in page(course, student)


def test_formulas_survive(course):
    enter(course, "ana", notebook=hostile_notebook(course))
    write_feedback(course, ["01-first"])
    text = BeautifulSoup(page(course), "html.parser").text
    assert "Because a<b and" in text and "e<f" in text


@pytest.mark.parametrize(
    ("formula", "letters"),
    [
        ("$a<b$", "a<b"),
        ("$$x<y>z$$", "x<y>z"),
        ("$\\{a\\}_i * b_j * c$", "{a}i*bj*c"),
        ("\\begin{align}a &< b\\\\ c &> d\\end{align}", "a<bc>d"),
        ("$a\\\\b$", "ab"),
        ("$<i>$", "<i>"),
    ],
)
def test_a_formula_reaches_the_browser_letter_by_letter(formula, letters):
    soup = BeautifulSoup(sanitized_html(formula), "html.parser")
    assert soup.math is not None and soup.text.strip() == letters


@pytest.mark.parametrize(
    "text, tag",
    [("a<br>b", "br"), ("<sub>2</sub>", "sub"), ("| a |\n|-:|\n| 1 |", "table"), ("<details>x</details>", "details"),
     ("[x](https://example.org/?a=1&b=2)", "a"), ("```python\nx = 1\n```", "span")],
)  # fmt: skip
def test_what_honest_students_write_is_shown(text, tag):
    assert BeautifulSoup(sanitized_html(text), "html.parser").find(tag)


@pytest.mark.parametrize(
    "text, words",
    [
        ("vector<int>, Map<K, V>", "vector<int>, Map<K, V>"),
        ("if x<y then z>w", "if x<y then z>w"),
        ("<T extends List<T>> x", "<T extends List<T>> x"),
        ("<loss>\n\nnext", "<loss> next"),
        ("<p < 3\n\nnext", "<p < 3 next"),
        ("<div\n\nnext", "<div next"),
        ("<!-- no end\n\nnext", "<!-- no end next"),
        ("a <!-- unseen --> b", "a b"),
        ("<?php echo 1 ?>", "<?php echo 1 ?>"),
        ("<script>let a = 1</script>", "<script>let a = 1</script>"),
        ("- [ ] open\n- [x] done", "☐ open ☑ done"),
        ("<b title='1 > 0, \"<\"'>bold</b>", "bold"),
    ],
)
def test_what_looks_like_a_tag_and_is_none_is_shown_letter_by_letter(text, words):
    assert " ".join(BeautifulSoup(sanitized_html(text), "html.parser").text.split()) == words


def test_a_link_does_not_tell_where_the_reader_came_from():
    assert "noreferrer" in sanitized_html("[x](https://example.org)")


def test_pictures_in_the_cell_and_beside_the_notebook_are_shown(course, tmp_path):
    good = {"graph.png": {"image/png": PNG}}
    assert f"data:image/png;base64,{PNG}" in sanitized_html("![my graph](attachment:graph.png)", good)
    assert f"data:image/png;base64,{PNG}" in sanitized_html('<img src="attachment:graph.png" width="300">', good)
    (tmp_path / "own").mkdir()
    (tmp_path / "own/plot.png").write_bytes(base64.b64decode(PNG))
    (tmp_path / "secret.png").write_bytes(base64.b64decode(PNG))
    (tmp_path / "own/link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "own/up").symlink_to(tmp_path)
    (tmp_path / "own/text.png").write_text("<svg onload=x>")
    folder = str(tmp_path / "own")
    assert "data:image/png" in sanitized_html("![x](plot.png)", {}, folder)
    for name in ("my plot (1).png", "größe.png", "50%.png"):
        (tmp_path / "own" / unicodedata.normalize("NFD", name)).write_bytes(base64.b64decode(PNG))
        assert "data:image/png" in sanitized_html(f"![x]({urllib.parse.quote(name)})", {}, folder), name
    for path in ("link.png", "up/secret.png", "../secret.png", "text.png", str(tmp_path / "secret.png"), "gone.png"):
        html = sanitized_html(f"![x]({path})", {}, folder)
        assert "<img" not in html and "picture not shown" in html


# -- what a page does ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_markdown_of_a_student_does_nothing(text):
    attachments = {"evil.svg": {"image/svg+xml": "eA=="}, "break.png": {"image/png": '"><script>1</script>'}}
    assert acting(sanitized_html(text, attachments)) == []


@pytest.mark.parametrize(
    "text",
    ["[" * 60000, "$a\\" * 20000, "\\begin{a}" * 6600, "\\\\[" * 20000, "<div>" * 12000, "![" * 30000, "> " * 30000,
     "`a" * 30000, "<!--" * 15000, "<!--" * 3990 + " -->", "<b a" * 3990, "<b '" * 3990, "<b \"'" * 3990,
     "<b " * 1300 + '"' * 50000, "<b " + "'x' " * 14000, "x" * (MAX_MARKDOWN + 1)],
    ids=lambda text: text[:6],
)  # fmt: skip
def test_markdown_made_to_be_slow_is_shown_in_time(text):
    start = time.process_time()
    assert acting(sanitized_html(text)) == []
    assert time.process_time() - start < 5


def test_a_hostile_notebook_gives_a_page_that_does_nothing(course):
    enter(course, "ana", notebook=hostile_notebook(course))
    assert written(course, ["01-first"]) == 1
    soup = BeautifulSoup(page(course), "html.parser")
    assert soup.find_all("script") == []
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert "default-src 'none'" in policy and "script-src" not in policy and "http" not in policy
    for block in soup.find_all(class_="text_cell_render"):
        assert acting(block.decode_contents()) == []
    assert not [tag for tag in soup.find_all(True) if any(name.startswith("on") for name in tag.attrs)]


def formgrader_page(course, path):
    """A submission as the formgrader shows it, with the course's own settings."""
    extra = Config(HTMLExporter={"template_name": "formgrade", "extra_template_basedirs": [str(TEMPLATES)]})
    config = Config(course.config)
    config.merge(extra)
    resources = {"index": 0, "total": 1, "base_url": "", "submission_id": "s", "notebook_id": "n", "assignment_id": "a"}
    return HTMLExporter(config=config).from_filename(str(path), resources=resources)[0]


def test_a_hostile_notebook_does_nothing_in_the_formgrader(course):
    enter(course, "ana", notebook=hostile_notebook(course, valid=True))
    html = formgrader_page(course, course.autograded / "ana/01-first/first.ipynb")
    soup = BeautifulSoup(html, "html.parser")
    blocks = soup.find_all(class_="text_cell_render")
    assert len(blocks) > len(ATTACKS)
    for block in blocks:
        assert acting(block.decode_contents()) == []
    assert MARK not in "".join(tag.text for tag in soup.find_all("script"))
    assert "Because a<b and" in soup.text and soup.find("input", id="why") and soup.find("input", id="add_check")
    assert len(soup.find_all(id="why")) == 1
    plain = [t for t in soup.find_all(True) if any(n.startswith("on") for n in t.attrs) and "toggle_name" not in str(t)]
    assert plain == []


@pytest.mark.browser
def test_long_sentences_stay_in_their_box_and_words_whole(course):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium here")
    from playwright.sync_api import sync_playwright

    notebook = released(course, "01-first")
    sentence = "∂f/∂w received its gradient twice as large as it should be (factor 2). " * 4
    cell(notebook, "add_check")["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": f"{sentence}\n{'x' * 400}\n"}
    ]
    enter(course, "ana", notebook=notebook)
    write_feedback(course, ["01-first"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 900, "height": 900})
        tab.route(lambda url: url.startswith("http"), lambda route: route.abort())
        tab.goto((course.feedback / "ana/01-first/first.html").as_uri())
        box = tab.locator("div.output_area pre")
        assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
        words = """box => [...box.textContent.matchAll(/gradient/g)].map(found => {
            const word = document.createRange();
            word.setStart(box.firstChild, found.index); word.setEnd(box.firstChild, found.index + found[0].length);
            return word.getClientRects().length;
        })"""
        assert box.evaluate(words) == [1, 1, 1, 1], "a word is on two lines"
        browser.close()


@pytest.mark.browser
def test_a_browser_runs_nothing_of_a_hostile_notebook(course):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium here")
    from playwright.sync_api import sync_playwright

    enter(course, "ana", notebook=hostile_notebook(course, valid=True))
    write_feedback(course, ["01-first"])
    formgrader = course.root / "formgrader.html"
    formgrader.write_text(formgrader_page(course, course.autograded / "ana/01-first/first.ipynb"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in (course.feedback / "ana/01-first/first.html", formgrader):
            tab = browser.new_page()
            fetched: list[str] = []
            tab.on("request", lambda request, seen=fetched: seen.append(request.url))
            tab.route(lambda url: url.startswith("http"), lambda route: route.abort())
            tab.goto(path.as_uri())
            for link in tab.locator(".text_cell_render a").all():
                if not HTTP.match(link.get_attribute("href") or "#"):
                    link.click(force=True, timeout=500)
            tab.wait_for_timeout(200)
            assert MARK not in tab.title() and tab.title() != "1"
            assert not [url for url in fetched if url.startswith("http")], fetched
            tab.close()
        browser.close()


# -- how pages are written -----------------------------------------------------------------------------------------


def test_a_page_that_is_up_to_date_is_not_written_again(course):
    enter(course, "ana")
    enter(course, "ben")
    assert written(course, ["01-first"], workers=2) == 2
    target = course.feedback / "ana/01-first/first.html"
    before = target.stat().st_mtime_ns
    assert written(course, ["01-first"]) == 0
    assert target.stat().st_mtime_ns == before
    with course.open_gradebook() as gradebook:
        gradebook.find_comment("why", "first", "01-first", "ana").manual_comment = "See the board."
        gradebook.db.commit()
    assert written(course, ["01-first"]) == 1
    assert "See the board." in page(course)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_pages_get_the_rights_that_new_files_get(course, umask, mode):
    enter(course, "ana", timestamp=datetime.datetime(2026, 1, 5, 10))
    before = os.umask(umask)
    try:
        write_feedback(course, ["01-first"])
    finally:
        os.umask(before)
    files = list((course.feedback / "ana/01-first").iterdir())
    assert len(files) == 2 and {path.stat().st_mode & 0o777 for path in files} == {mode}


def test_parallel_and_single_give_the_same_pages(course):
    for student in ("ana", "ben", "cem"):
        enter(course, student)
    write_feedback(course, ["01-first"])
    single = page(course, "cem")
    shutil.rmtree(course.feedback)
    seen = []
    write_feedback(course, ["01-first"], workers=2, progress=lambda done, total, what: seen.append((done, total)))
    assert page(course, "cem") == single and seen == [(1, 3), (2, 3), (3, 3)]


def test_code_that_a_class_has_in_common_is_coloured_once(course, monkeypatch):
    students = ("ana", "ben", "cem", "dov")
    for student in students:
        notebook = released(course, "01-first")
        cell(notebook, "add")["source"] = f"# {student}"
        enter(course, student, notebook=notebook)
    coloured = []

    def counted(source, *more):
        coloured.append(source)
        return highlight(source, *more)

    monkeypatch.setattr(feedback_page, "highlight", counted)
    feedback_page._cached.cache_clear()
    assert written(course, ["01-first"]) == 4
    assert len(coloured) == len(set(coloured)) == 2 + len(students)


def test_neither_pages_nor_report_load_a_plot_library_or_torch():
    code = "import autograder.results.feedback, autograder.results.report, sys\n"
    code += "print({'matplotlib', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_only_the_named_students_get_pages(course):
    enter(course, "ana")
    enter(course, "ben")
    assert written(course, ["01-first"], ["ben"]) == 1
    assert not (course.feedback / "ana").exists()
    with pytest.raises(UserError, match="autograded/ has no folder for zoe"):
        write_feedback(course, ["01-first"], ["zoe"])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 1}', '{"cells": [1]}', "[" * 100000, "\0" * 100])
def test_a_damaged_notebook_costs_its_own_page_only(course, content):
    enter(course, "ana")
    enter(course, "ben")
    (course.autograded / "ana/01-first/first.ipynb").write_text(content)
    with pytest.raises(UserError) as caught:
        write_feedback(course, ["01-first"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 and lines[0].startswith("ana/01-first/first: its autograded notebook")
    assert page(course, "ben") and not (course.feedback / "ana").exists()


def test_a_link_in_place_of_a_notebook_is_not_followed(course):
    enter(course, "ana")
    path = course.autograded / "ana/01-first/first.ipynb"
    path.unlink()
    path.symlink_to(course.source / "01-first/first.ipynb")
    with pytest.raises(UserError, match="ana/01-first/first"):
        write_feedback(course, ["01-first"])
    assert not (course.feedback / "ana").exists()


def test_nothing_graded_is_one_sentence(course):
    for _ in range(2):
        with pytest.raises(UserError, match="autograder grade"):
            write_feedback(course, ["01-first"])
        enter(course, "ana", "02-second")


def test_what_release_feedback_needs_lies_beside_the_page(course):
    enter(course, "ana", timestamp=datetime.datetime(2026, 1, 5, 10))
    write_feedback(course, ["01-first"])
    assert (course.feedback / "ana/01-first/timestamp.txt").read_text().startswith("2026-01-05 10:00")
    assert sorted(p.name for p in Path(course.feedback / "ana/01-first").iterdir()) == ["first.html", "timestamp.txt"]


def test_the_secret_of_the_exchange_lies_beside_the_page(course):
    enter(course, "ana", timestamp=datetime.datetime(2026, 1, 5, 10))
    handed_in = course.submitted / "ana" / "01-first"
    handed_in.mkdir(parents=True, exist_ok=True)
    (handed_in / "submission_secret.txt").write_text("5ec4e7")
    (handed_in / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    write_feedback(course, ["01-first"])
    beside = course.feedback / "ana" / "01-first"
    assert (beside / "submission_secret.txt").read_text() == "5ec4e7"
    assert (beside / "timestamp.txt").read_text().startswith("2026-01-05 10:00")
    # The same notebook again: the page stays as it is, the student asks under a new secret.
    (handed_in / "submission_secret.txt").write_text("0ther")
    (course.autograded / "ana" / "01-first" / "submission_secret.txt").write_text("5ec4e7")  # of `nbgrader autograde`
    assert write_feedback(course, ["01-first"])[0] == 0
    assert (beside / "submission_secret.txt").read_text() == "0ther"


def test_a_page_is_a_valid_notebook_page_for_a_cell_without_a_grade(course):
    notebook = released(course, "01-first")
    notebook["cells"] += [nbformat.v4.new_markdown_cell(""), nbformat.v4.new_code_cell("")]
    enter(course, "ana", notebook=notebook)
    assert written(course, ["01-first"]) == 1
