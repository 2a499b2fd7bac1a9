"""Nothing of the student's vanishes: cells that were added or changed, outputs and images of every kind."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import pytest
from hand_ins import answer, check_cell, graded, needs_pdftotext, png, text_of
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from nbgrader.utils import compute_checksum
from PIL import Image
from places import ROOT

from autograder.release.build import list_cells
from backprop.handin.answers import Options, make_pdf
from backprop.handin.blocks import read_content
from backprop.handin.notebook import read_notebook


def picture(kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), (200, 80, 40)).save(file, kind, **more)
    return file.getvalue()


def released() -> list:
    """A small release: text, a drawing, a question with its answer, a stub with its check."""
    return [
        new_markdown_cell("# 04 · A title"),
        new_code_cell("plot()", metadata={"tags": ["show"]}),
        new_markdown_cell("### Question 1\n\nWhy is the sky green?"),
        answer("YOUR ANSWER HERE"),
        new_markdown_cell("## 2 · A node"),
        new_code_cell("def node():\n    raise NotImplementedError()", metadata=graded("node", solution=True)),
        check_cell([], None),
        new_markdown_cell("## The end"),
    ]


def saved(tmp_path: Path, release: list, change) -> Path:
    """The notebook of a student who got `release` and changed it."""
    book = new_notebook(cells=release, metadata={"backprop": {"section": "04-ridge"}})
    list_cells(book)
    for cell in book.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    change(book.cells)
    path = tmp_path / "ridge.ipynb"
    path.write_text(json.dumps(book), "utf-8")
    return path


def text_after(tmp_path: Path, change, **options: object) -> tuple[str, list[str], list[str]]:
    made = make_pdf([saved(tmp_path, released(), change)], tmp_path / "o.pdf", Options(**options))
    return " ".join(text_of(tmp_path / "o.pdf").split()), made.problems, made.state


@needs_pdftotext
def test_an_untouched_release_says_so_and_shows_its_question(tmp_path: Path) -> None:
    text, problems, state = text_after(tmp_path, lambda cells: None)
    assert problems == [] and state == ["ridge.ipynb is the release as it was given out: nothing in it is answered."]
    assert "Why is the sky green?" in text and "plot()" not in text and "added by the student" not in text
    assert "Nothing in it is answered" in text


@needs_pdftotext
def test_cells_that_a_student_added_stand_where_they_were_put(tmp_path: Path) -> None:
    def change(cells: list) -> None:
        cells.insert(3, new_markdown_cell("My sketch *before* the answer"))
        cells.insert(5, new_markdown_cell("More of it"))
        cells.append(new_code_cell("my_own()", outputs=[new_output("stream", text="seventy-seven\n")]))
        cells.append(new_raw_cell("raw draft"))

    text, problems, _ = text_after(tmp_path, change)
    assert problems == []
    order = ["Why is the sky green?", "Text of cell 4, added by the student", "My sketch before the answer",
             "Answer q1", "More of it", "Code node", "Check node_check", "Code of cell 11, added by the student",
             "my_own()", "seventy-seven", "Raw cell 12, added by the student", "raw draft"]  # fmt: skip
    places = [text.index(words) for words in order]
    assert places == sorted(places)
    assert text.count("Why is the sky green?") == 1


@needs_pdftotext
def test_text_of_the_release_that_a_student_changed_is_shown(tmp_path: Path) -> None:
    def change(cells: list) -> None:
        cells[2].source += "\n\nMy answer stands in the question's cell: 4711."
        cells[1].source = "plot(color='red')"

    text, _, _ = text_after(tmp_path, change)
    assert "4711" in text and "changed by the student" in text and "plot(color='red')" in text


def test_cells_are_known_without_their_ids(tmp_path: Path) -> None:
    def change(cells: list) -> None:
        for number, cell in enumerate(cells):
            cell["id"] = f"new-{number}"
        cells[4].source += "  \n"

    content = read_content(read_notebook(saved(tmp_path, released(), change)))
    assert not [block for block in content.blocks if block.frame == "added"] and content.untouched


@needs_pdftotext
def test_a_notebook_that_no_course_made_is_shown_whole(tmp_path: Path) -> None:
    cells = [
        new_markdown_cell("# Mine"),
        new_code_cell("x = 5", outputs=[]),
        new_markdown_cell("Words."),
        new_code_cell("x", outputs=[new_output("execute_result", data={"text/plain": "'five'"})]),
    ]
    path = tmp_path / "mine.ipynb"
    path.write_text(json.dumps(new_notebook(cells=cells)), "utf-8")
    made = make_pdf([path], tmp_path / "o.pdf")
    text = text_of(tmp_path / "o.pdf")
    assert made.problems == [] and all(words in text for words in ("Mine", "x = 5", "Words.", "'five'"))
    assert "by the student" not in text


def test_a_copy_of_each_released_notebook_has_nothing_of_a_student(tmp_path: Path) -> None:
    paths = sorted((ROOT / "release").glob("*/*.ipynb"))
    assert len(paths) > 10
    for path in paths:
        content = read_content(read_notebook(path))
        assert content.untouched and not [b for b in content.blocks if "by the student" in b.text], path


def test_a_missing_answer_is_in_the_table_and_said(tmp_path: Path) -> None:
    _, _, state = text_after(tmp_path, lambda cells: (cells.pop(3), cells[1].update(source="mine")))
    assert "ridge.ipynb: q1: missing." in state


@needs_pdftotext
@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"image/gif": base64.b64encode(picture("GIF")).decode()}, "image"),
        ({"image/webp": base64.b64encode(picture("WEBP")).decode()}, "image"),
        ({"image/jpeg": base64.b64encode(picture("JPEG")).decode()}, "image"),
        ({"image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9'/></svg>"},
         "Figure of cell 9"),
        ({"application/pdf": base64.b64encode(picture("PDF")).decode()}, "Figure of cell 9"),
        ({"text/html": "<table><tr><td>seventy</td><td>7</td></tr></table>"}, "seventy 7"),
        ({"text/html": "<table><tr><td>8</td></tr></table>", "text/plain": "<pandas.Styler at 0x7f>"}, "8"),
        ({"text/html": f"<img src='data:image/png;base64,{png()}'><p>below it</p>"}, "below it"),
        ({"text/latex": "$$x_{77}$$", "text/plain": "<IPython.core.display.Latex object>"}, "77"),
        ({"text/markdown": "Some **bold** words"}, "Some bold words"),
        ({"application/vnd.plotly.v1+json": {"data": []}}, "an interactive plotly figure"),
        ({"application/vnd.jupyter.widget-view+json": {}, "text/plain": "HBox(children=())"}, "HBox(children=())"),
        ({"text/html": "<script>draw()</script>", "text/plain": "<IPython.core.display.HTML object>"},
         "an interactive web page"),
        ({"audio/wav": "UklGRg=="}, "an output of the kind audio/wav"),
    ],
)  # fmt: skip
def test_an_output_of_any_kind_is_shown_or_named(tmp_path: Path, data: dict, shown: str) -> None:
    def change(cells: list) -> None:
        cells.append(new_code_cell("show()", outputs=[new_output("display_data", data=data)] * 2))
        cells[6].outputs = [new_output("display_data", data=data)]
        cells[6].execution_count = 3

    text, problems, _ = text_after(tmp_path, change)
    assert "printed nothing" not in text and "was not run" not in text
    if shown == "image":
        assert "Figure of cell 9, number 2" in text and problems == []
        assert (tmp_path / "o.pdf").read_bytes().replace(b" ", b"").count(b"/Subtype/Image") >= 1
    else:
        assert shown in text
        named = [problem for problem in problems if "cell 9" in problem]
        assert len(named) == (1 if "paper cannot show" in text else 0), "named once"


@needs_pdftotext
def test_images_beside_the_notebook_are_shown_but_no_links_and_nothing_outside(tmp_path: Path) -> None:
    folder = tmp_path / "hand-in"
    (folder / "img").mkdir(parents=True)
    (folder / "img" / "mine 1.png").write_bytes(base64.b64decode(png()))
    (tmp_path / "secret.png").write_bytes(base64.b64decode(png(50, 50)))
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "out").symlink_to(tmp_path)
    (folder / "words.png").write_text("no image: TOPSECRET")
    text = "![a](img/mine%201.png) ![b](link.png) ![c](out/secret.png) ![d](../secret.png) ![e](words.png) ![f](img)"
    path = saved(folder, released(), lambda cells: cells.append(new_markdown_cell(text)))
    made = make_pdf([path], tmp_path / "o.pdf")
    assert (tmp_path / "o.pdf").read_bytes().replace(b" ", b"").count(b"/Subtype/Image") == 1
    assert sum("not inside the notebook" in problem for problem in made.problems) == 5
    assert "TOPSECRET" not in text_of(tmp_path / "o.pdf")


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("my picture.png", "my picture.png"),
        ("my picture.png", "my%20picture.png"),
        ("a (1), b.png", "a (1), b.png"),
        ("a (1), b.png", "a%20%281%29%2C%20b.png"),
        ("Screenshot 3.04\u202fPM.png", "Screenshot%203.04%E2%80%AFPM.png"),
        ("Screenshot 3.04\u202fPM.png", "Screenshot 3.04 PM.png"),
        ("über.png", "u\u0308ber.png"),
        ("u\u0308ber.png", "%C3%BCber.png"),
        ("lost.png", "something-else.png"),
    ],
)
def test_an_attachment_is_shown_whatever_its_name(tmp_path: Path, name: str, written: str) -> None:
    def change(cells: list) -> None:
        cells[3].source = f"See ![it](attachment:{written})"
        cells[3]["attachments"] = {name: {"image/png": png()}}

    text_after(tmp_path, change)
    assert (tmp_path / "o.pdf").read_bytes().replace(b" ", b"").count(b"/Subtype/Image") == 1


@needs_pdftotext
def test_text_and_images_are_limited_apart(tmp_path: Path) -> None:
    noise = base64.b64encode(picture("PNG") + bytes(900_000)).decode()

    def change(cells: list) -> None:
        cells[3].source = f"Before ![a](data:image/png;base64,{noise}). " + "Words, words. " * 2000 + "The end 4711."

    text, problems, _ = text_after(tmp_path, change)
    assert problems == [] and "Before" in text and "4711" in text

    def too_long(cells: list) -> None:
        cells[3].source = "Words, words. " * 10_000

    text, problems, _ = text_after(tmp_path, too_long)
    assert len(problems) == 1 and "the last 40000 characters of the text are left out" in problems[0]
    assert "The rest of this text is left out" in text and "1 thing is left out" in text


@needs_pdftotext
def test_only_the_questions_asked_for_are_shown(tmp_path: Path) -> None:
    def change(cells: list) -> None:
        cells[3].source = "Because of moss."

    text, _, _ = text_after(tmp_path, change, questions=["node_check"])
    assert "Code node" in text and "moss" not in text
    text, _, _ = text_after(tmp_path, change, new_pages=True)
    assert "Page 1 of 2" in text


@needs_pdftotext
def test_a_notebook_of_many_scripts_names_the_characters_that_no_font_has(tmp_path: Path) -> None:
    text, problems, _ = text_after(tmp_path, lambda cells: cells[3].update(source="\U00012000 \U00013000 é ü π"))
    (said,) = problems
    assert "2 characters" in said and "Cuneiform" in said and "Egyptian" in said and "é" not in said
    assert "No font on this machine has 2 characters" in text


def test_a_numbered_heading_names_its_own_question_only(tmp_path: Path) -> None:
    release = released()
    release[4] = new_markdown_cell("Now the code.")
    content = read_content(read_notebook(saved(tmp_path, release, lambda cells: None)))
    titles = {key: question.title for key, question in content.questions.items()}
    assert titles == {"q1": "Question 1", "node": "04 · A title"}


def test_a_place_to_paste_into_gives_its_heading_to_no_question() -> None:
    (path,) = (ROOT / "release" / "07-softmax-nll").glob("*.ipynb")
    titles = {key: question.title for key, question in read_content(read_notebook(path)).questions.items()}
    assert titles["multiclass_classifier"] == "6 · The network"


def test_each_title_of_a_released_notebook_stands_under_a_heading_of_its_own_part() -> None:
    (path,) = (ROOT / "release" / "03-relu-net-by-hand").glob("*.ipynb")
    titles = {key: question.title for key, question in read_content(read_notebook(path)).questions.items()}
    assert titles["q_transpose"] == "5 · The layer below: Question 1 (4 points)"
    assert {titles[key] for key in ("d_W1", "d_h0", "d_r0", "d_W0")} == {"5 · The layer below"}
    assert titles["q_dead"] == "7 · What a dead unit learns: Question 2 (6 points)"
