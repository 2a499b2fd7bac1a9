"""Every source notebook runs top to bottom with its solutions and its hidden tests, without its training cells."""

from __future__ import annotations

import contextlib
import io
import re
import time

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from places import ROOT

from backprop import datasets
from backprop.classifiers import Classifier
from backprop.training import train

NOTEBOOKS = sorted(ROOT.glob("source/*/*.ipynb"))
BUDGET = 60  # seconds for a notebook without its training cells
MOST_COLUMNS = 80  # of what a cell prints
MOST_WORDS, MOST_LINES = 80, 15  # in one cell that is not an exercise or its check: more does not fit on a screen


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_source_notebook_runs_top_to_bottom_within_a_minute(path, tmp_path, monkeypatch):
    monkeypatch.delenv("BACKPROP_DATA", raising=False)  # as on a computer without network and data
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for part in ("nbgrader_config.py", "checks"):  # the hidden tests look for the course that they run in
        (tmp_path / part).symlink_to(ROOT / part)
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    trained = [cell for cell in code if "train" in cell.metadata.get("tags", [])]
    notebook.cells = [cell for cell in code if cell not in trained]
    client = NotebookClient(
        notebook,
        timeout=BUDGET,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    begin = time.monotonic()
    client.execute()
    # A loaded test machine may be slow; a notebook that needs twice its budget is too slow anywhere.
    assert time.monotonic() - begin < 2 * BUDGET
    # A test of trained weights needs the training; without it, it has to say which file is not there.
    weights = [entry["file"] for entry in notebook.metadata["backprop"].get("weights", [])]
    errors = [output for cell in notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    errors = [error for error in errors if not any(name in error.evalue for name in weights)]
    assert errors == []
    printed = [o.text for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "stream"]
    if not path.parent.name.startswith("00"):  # the tutorials show what checks say about mistakes, in long sentences
        assert too_wide("".join(printed)) == []


def too_wide(text: str) -> list[str]:
    """Lines that a window of 800 pixels breaks, in the middle of a word."""
    return [line for line in text.splitlines() if len(line) > MOST_COLUMNS]


def test_the_valley_of_the_validation_error_is_where_section_04_says():
    wanted = ("load_problem", "mean_square_error", "exact_fit", "strengths = ")
    notebook = nbformat.read(ROOT / "source/04-ridge/ridge.ipynb", as_version=4)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" not in cell.metadata]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        scope = {}
        for source in cells:
            if any(name in source for name in wanted) and "RidgeRegression(" not in source:
                exec(source, scope)  # the notebook's own cells
    assert "validation left end 0.136   smallest 0.120 at λ = 0.0145" in said.getvalue()
    text = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "0.136 at its\nleft end, 0.120 near $\\lambda = 0.015$" in text


def test_there_is_a_notebook_for_every_section():
    sections = {path.parent.name for path in NOTEBOOKS}
    assert {path.name for path in (ROOT / "notebooks").iterdir() if path.is_dir()} == sections
    assert len(sections) == 13


def words(text: str) -> int:
    """Words of a prose cell: a formula in a line is one; displayed formulas, table rows and mere markup are none."""
    text = re.sub(r"\$\$.*?\$\$", " ", text, flags=re.DOTALL)
    text = re.sub(r"\$[^$]+\$", " formula ", text)
    text = " ".join(line for line in text.splitlines() if not line.lstrip().startswith("|"))
    return sum(any(letter.isalnum() for letter in word) for word in text.split())


def lines(source: str) -> int:
    return sum(bool(line.strip()) for line in source.splitlines())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_notebook_has_a_figure_short_cells_and_a_beginning(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata]
    assert prose[0].startswith("# ") and "**Builds on**" in "".join(prose[:2]), "no opening"
    assert "Go further" in "".join(prose[-2:]), "no ending"
    drawing = ("plt.", "draw_", "plot_", "step_through", "imshow")
    assert any(name in source for source in code for name in drawing)
    long_prose = {text[:60]: words(text) for text in prose if words(text) > MOST_WORDS}
    assert long_prose == {}, f"more than {MOST_WORDS} words"
    given = [cell.source for cell in notebook.cells if cell.cell_type == "code" and "nbgrader" not in cell.metadata]
    long_code = {source[:60]: lines(source) for source in given if lines(source) > MOST_LINES}
    assert long_code == {}, f"more than {MOST_LINES} lines"


def numbered_out_of_order(text: str) -> list[str]:
    """Lines that Markdown takes for an item of a numbered list, although no item with the number before stands there.

    A line of a paragraph that happens to begin with "0. " starts a list of its own.
    """
    found, last = [], {}
    for line in re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE).splitlines():
        item = re.match(r"( *)(\d+)[.)] ", line)
        if item:
            indent, number = len(item[1]), int(item[2])
            if number not in (1, last.get(indent, 0) + 1):
                found.append(line)
            last[indent] = number
    return found


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_line_of_a_paragraph_becomes_a_list_item(path):
    notebook = nbformat.read(path, as_version=4)
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert [line for text in prose for line in numbered_out_of_order(text)] == []
    texts = [re.sub(r"\$\$.*?\$\$", "", text, flags=re.DOTALL) for text in prose]
    assert [line for text in texts for line in re.findall(r"^ *[-+] .*", text, flags=re.MULTILINE)] == []


def test_a_line_that_begins_with_a_wrong_number_is_found():
    assert numbered_out_of_order("1. The sum is\n   0. So it is.\n2. And") == ["   0. So it is."]
    assert numbered_out_of_order("It was in\n2018. Then") == ["2018. Then"]
    assert numbered_out_of_order("It takes\n3. No more") == ["3. No more"]
    assert numbered_out_of_order("1. a\n2. b\n\nText\n\n1. c\n   1. d\n   2. e\n2. f") == []


def test_what_stands_in_and_how_training_goes_fit_a_narrow_window(capsys, monkeypatch):
    def missing(*_):
        raise datasets.DataError("the files are in no folder that is named and could not be downloaded " * 2)

    monkeypatch.setattr(datasets, "load_cifar10", missing)
    datasets.load_cifar10_or_shapes(num_train=10, num_val=10, num_test=10)
    data = datasets.load_shapes(num_train=20, num_val=10, num_test=10)
    train(Scores(), lambda model, X, y, reg: (2.3, {"W": model.W * 0}), data, num_epochs=10, batch_size=20)
    said = capsys.readouterr().out.splitlines()
    assert len(said) >= 12
    assert too_wide("\n".join(said)) == []


class Scores(Classifier):
    """Ten scores, always 0."""

    W = np.zeros((3072, 10))

    def parameters(self):
        return {"W": self.W}

    def forward(self, X):
        return X @ self.W, None


# Said in a way that no native speaker would; what stands in its place.
TRANSLATED = {
    "by heart": "memorise",
    "closes the road": "blocks the gradient",
    "minds its own": "knows its own",
    "another size": "a different size",
    "its usual name": "what is it usually called?",
    "What to take along": "What to remember",
    "Afterwards you can": "After this section you can",
}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_phrase_sounds_translated(path):
    said = " ".join(" ".join(cell.source for cell in nbformat.read(path, as_version=4).cells).split())
    assert {phrase: better for phrase, better in TRANSLATED.items() if phrase in said} == {}
