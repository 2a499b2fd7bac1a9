"""The students' notebooks as they are handed out, run before anything is solved: no cell shows a traceback."""

from __future__ import annotations

import importlib.util

import matplotlib.pyplot as plt
import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from places import ROOT
from traitlets.config import Config

from backprop import datasets, unfinished
from backprop.one_sentence import COLUMNS

# The tutorials have nothing to fill in: they run from top to bottom, see test_notebooks_run.
NOTEBOOKS = [path for path in sorted(ROOT.glob("release/*/*.ipynb")) if not path.parent.name.startswith("00")]
MOST_LINES = 6  # of what an unfinished cell says


class Shell(InteractiveShell):
    """A notebook's kernel in this process; `shown` has the text of each error."""

    shown: list[str]

    def _showtraceback(self, etype, evalue, stb):
        self.shown.append("\n".join(stb))


@pytest.fixture
def shell():
    settings = Config()
    settings.HistoryManager.enabled = False
    made = Shell(config=settings)
    made.shown = []
    unfinished.watch(made)
    yield made
    plt.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.parent.name)
def test_before_anything_is_solved_no_cell_shows_a_traceback(path, shell, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BACKPROP_DATA", str(tmp_path))  # no data, and few pictures in their place
    few = datasets.load_shapes(300, 100, 100) if path.parent.name.startswith("08") else None
    monkeypatch.setattr(datasets, "load_shapes", lambda *_, **__: few)
    if path.parent.name.startswith("10") and importlib.util.find_spec("torch"):
        monkeypatch.setattr(importlib.import_module("backprop.pretrained").stand_in, "__defaults__", (300,))
    monkeypatch.chdir(tmp_path)
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code":
            shell.run_cell(cell.source, store_history=True)
    said = [text.splitlines() for text in shell.shown]
    assert len(said) >= 3, "no stub stopped a cell"
    assert [lines for lines in said if "Traceback (most recent call last)" in "\n".join(lines)] == []
    assert [lines for lines in said if len(lines) > MOST_LINES or max(map(len, lines)) > COLUMNS] == []


STUB = "class Sum:\n    def forward(self):\n        raise NotImplementedError()"


def said_by(shell, *cells):
    for text in cells:
        shell.run_cell(text, store_history=True)
    return " ".join(shell.shown[-1].split()) if shell.shown else None


def test_a_cell_that_calls_a_stub_names_it(shell):
    wanted = "Sum.forward is not written yet: it raises NotImplementedError."
    assert said_by(shell, STUB, "Sum().forward()") == f"{wanted} Finish that exercise first: this cell uses it."
    assert said_by(shell, f"{STUB}\nSum().forward()") == wanted
    assert said_by(shell, "# YOUR CODE HERE\nraise NotImplementedError()").startswith("This cell is not written yet")


def test_a_name_that_an_unfinished_cell_would_have_made_says_which_cell(shell):
    drawing = "a, b = Sum(), 3\nfor c in [1]:\n    Sum().forward()\nd = 2"
    assert said_by(shell, STUB, drawing, "print(d)") == (
        "d is not there yet: the cell that makes it stopped with an error. Run that one first. The cell begins with "
        "a, b = Sum(), 3"
    )
    asked = "# best = ...   what you like\n# YOUR CODE HERE\nraise NotImplementedError()"
    assert said_by(shell, asked, "print(best)") == (
        "best is not there yet: the cell that sets it is not finished. Do that exercise first. The cell begins with "
        "# best = ... what you like"
    )


@pytest.mark.parametrize(
    "cells",
    [
        ("print(misspelt)",),
        ("def f():\n    inner = 1\n    raise ValueError", "f()", "print(inner)"),  # made in a function, for itself
        ("x = 1 / 0", "def f():\n    del x\nf()"),  # a local name of the same spelling
        ("raise NotImplementedError('only for numbers')",),
        ("import json\njson.loads('{')",),
    ],
)
def test_any_other_error_is_shown_as_ever(shell, cells):
    assert "Traceback (most recent call last)" in said_by(shell, *cells)


def test_a_cell_that_ran_to_its_end_later_is_not_accused(shell):
    fails_first = "if count:\n    raise ValueError\nmade = 1"
    assert "Traceback" in said_by(shell, "count = 1", fails_first, "count = 0", fails_first, "del made", "print(made)")


def test_somebody_elses_way_to_show_errors_is_left_alone(shell):
    own = shell.CustomTB
    unfinished.watch(shell)
    assert shell.CustomTB == own


def test_outside_a_notebook_nothing_is_watched():
    unfinished.watch(None)
