"""Every source notebook runs top to bottom with its solutions and its hidden tests, without its training cells."""

from __future__ import annotations

import time
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted(ROOT.glob("source/*/*.ipynb"))
BUDGET = 60  # seconds for a notebook without its training cells


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_source_notebook_runs_top_to_bottom_within_a_minute(path, tmp_path, monkeypatch):
    monkeypatch.delenv("BACKPROP_DATA", raising=False)  # as on a computer without network and data
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
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


def test_there_is_a_notebook_for_every_section():
    sections = {path.parent.name for path in NOTEBOOKS}
    assert {path.name for path in (ROOT / "notebooks").iterdir() if path.is_dir()} == sections
    assert len(sections) == 11


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_notebook_has_a_figure_short_cells_and_a_beginning(path):
    notebook = nbformat.read(path, as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown" and "nbgrader" not in cell.metadata]
    first = prose[0]
    assert first.startswith("# ") and "Builds on" in first or "uilds on" in "".join(prose[:3]), "no opening"
    drawing = ("plt.", "draw_", "plot_", "step_through", "imshow")
    assert path.parent.name == "00-tutorials" or any(name in source for source in code for name in drawing)
    long_prose = [text[:60] for text in prose if len(text.split()) > 140]
    assert long_prose == []
