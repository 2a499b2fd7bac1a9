"""The template gradescope: the same page for a question in the whole class, whatever its answer."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from hand_ins import needs_pdftotext, png, text_of
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from places import ROOT

from backprop.__main__ import main
from backprop.handin.answers import Options, make_pdf
from backprop.handin.gradescope import _cut

LONG = "\n\n".join(f"Paragraph {i}: " + "words of a long answer " * 12 for i in range(60))
CODE = "\n".join(f"line_{i} = {i}" for i in range(150))


def hand_in(folder: Path, change) -> Path:
    """The release of section 04, changed by `change`, which gets its graded cells by their ids."""
    book = nbformat.read(ROOT / "release" / "04-ridge" / "ridge.ipynb", as_version=4)
    change({cell.metadata.nbgrader.grade_id: cell for cell in book.cells if "nbgrader" in cell.metadata}, book.cells)
    folder.mkdir(exist_ok=True)
    nbformat.write(book, folder / "ridge.ipynb")
    return folder / "ridge.ipynb"


def pages_of(folder: Path, change) -> tuple[dict[str, int], list[str]]:
    path = hand_in(folder, change)
    made = make_pdf([path], folder / "o.pdf", Options(template="gradescope"))
    listed = json.loads((folder / "answers.json").read_text())
    assert {entry["question"]: entry["page"] for entry in listed} == made.pages
    return made.pages, text_of(folder / "o.pdf").split("\f")


def untouched(cells: dict, everything: list) -> None:
    pass


def long_answers(cells: dict, everything: list) -> None:
    cells["q_paths"].source = LONG + "\n\nThe end of q_paths."
    cells["sum_node"].source = CODE


def with_figures(cells: dict, everything: list) -> None:
    figure = new_output("display_data", data={"image/png": png(600, 900)})
    at = next(i for i, cell in enumerate(everything) if cell is cells["q_two_fits"]) + 1
    everything[at:at] = [new_code_cell("plot()", outputs=[figure] * 5), new_markdown_cell("about the figures")]


def without_questions(cells: dict, everything: list) -> None:
    everything[:] = [cell for cell in everything if cell.metadata.get("nbgrader", {}).get("grade_id") != "q_paths"]


@needs_pdftotext
@pytest.mark.parametrize("change", [untouched, long_answers, with_figures, without_questions])
def test_every_student_has_each_question_on_the_same_page(tmp_path: Path, change) -> None:
    expected, _ = pages_of(tmp_path / "one", untouched)
    pages, texts = pages_of(tmp_path / "other", change)
    assert pages == expected and list(pages.values()) == list(range(2, len(pages) + 2))
    for key, page in pages.items():
        assert key in texts[page - 1], key
    if change is untouched:
        assert len(texts) == len(pages) + 2  # the index, and what stands behind the last page


@needs_pdftotext
def test_what_does_not_fit_follows_at_the_end_and_nothing_is_lost(tmp_path: Path) -> None:
    pages, texts = pages_of(tmp_path / "a", long_answers)
    first = " ".join(texts[pages["q_paths"] - 1].split())
    said = int(first.split("Continued on page ")[1].split()[0])
    assert said > max(pages.values()) and "q_paths, continued" in texts[said - 1]
    everything = " ".join("".join(texts).split())
    assert all(f"Paragraph {i}:" in everything for i in range(60)) and "The end of q_paths." in everything
    assert all(f"line_{i} =" in everything for i in range(150))
    assert "Paragraph 0:" in first and "line_0 =" in texts[pages["sum_node"] - 1]
    assert b"pdfuaid" in (tmp_path / "a" / "o.pdf").read_bytes()


def figures_that_do_not_fit(cells: dict, everything: list) -> None:
    cells["ridge_regression"].source = "\n".join(f"line_{i} = {i}" for i in range(38))
    check = cells["ridge_regression_check"]
    check.outputs, check.execution_count = [new_output("stream", text="row\n" * 9 + "all is well\n")], 1
    at = next(i for i, cell in enumerate(everything) if cell is check) + 1
    figure = new_output("display_data", data={"image/png": png(900, 900)})
    everything[at:at] = [new_code_cell("plot()", outputs=[figure] * 5)]


@needs_pdftotext
def test_a_page_holds_what_fits_and_ends_with_no_label(tmp_path: Path) -> None:
    pages, texts = pages_of(tmp_path / "a", figures_that_do_not_fit)
    page = texts[pages["ridge_regression"] - 1]
    assert "line_37" in page and "all is well" in page and "Continued on page" in page
    rows = [row for row in page.split("\n") if row.strip()]
    assert not any(name in rows[-2] for name in ("Check", "Code", "Cell"))  # the last row is the foot


@needs_pdftotext
def test_the_command_writes_both_files_on_us_letter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = hand_in(tmp_path / "a", untouched)
    out = tmp_path / "x.pdf"
    more = ["--template", "gradescope", "--paper", "us-letter", "--id", "ada"]
    assert main(["pdf", str(path), "-o", str(out), *more]) == 0
    assert b"612 792" in out.read_bytes() and json.loads((tmp_path / "answers.json").read_text())[0]["page"] == 2
    assert "nothing in it is answered" in capsys.readouterr().out


def test_markup_is_cut_between_blocks_only() -> None:
    markup = '#"a \\" [ b";\n\n#list([#"c";\n\n#"d";])\n\n#"e";'
    assert _cut(markup) == ['#"a \\" [ b";', '#list([#"c";\n\n#"d";])', '#"e";']
