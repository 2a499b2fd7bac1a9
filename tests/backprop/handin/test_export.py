"""`export_pdf` in a notebook: on a file, on the only notebook here, on what is open in Colab."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest
from hand_ins import answer, save
from nbformat.v4 import new_notebook

from backprop import export_pdf


def test_the_only_notebook_of_the_folder_is_printed(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert export_pdf() is None and "Say which notebook" in capsys.readouterr().out
    save(tmp_path, answer("My answer."))
    assert export_pdf(name="Ada", paper="us-letter") == Path("ridge.pdf")
    assert "Wrote ridge.pdf." in capsys.readouterr().out and b"612 792" in Path("ridge.pdf").read_bytes()
    save(tmp_path, answer("Another."), name="other.ipynb")
    assert export_pdf() is None and "other.ipynb, ridge.ipynb" in capsys.readouterr().out
    assert export_pdf("other.ipynb", "mine.pdf") == Path("mine.pdf")


def test_what_is_wrong_is_one_sentence(tmp_path: Path, capsys) -> None:
    (tmp_path / "bad.ipynb").write_text("nothing")
    assert export_pdf(tmp_path / "bad.ipynb") is None
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and "is not a notebook" in said
    good = save(tmp_path, answer("x"))
    assert export_pdf(good, good / "o.pdf") is None
    assert "Not a directory" in capsys.readouterr().out


@pytest.mark.parametrize("reply", [None, {"ipynb": new_notebook(cells=[answer("On the screen.")])}])
def test_in_colab_the_open_notebook_is_printed_and_downloaded(tmp_path: Path, monkeypatch, capsys, reply) -> None:
    monkeypatch.chdir(tmp_path)
    downloaded: list[str] = []
    colab = types.ModuleType("google.colab")
    colab.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    colab.files = types.SimpleNamespace(download=downloaded.append)  # type: ignore[attr-defined]
    asked = json.loads(json.dumps(reply))
    colab._message = types.SimpleNamespace(blocking_request=lambda what, timeout_sec: asked)  # type: ignore[attr-defined]
    google = types.ModuleType("google")
    google.__path__ = []  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google.colab.files", colab.files)
    monkeypatch.setitem(sys.modules, "google.colab._message", colab._message)
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    path = export_pdf()
    if reply is None:
        assert path is None and "Colab did not hand over the notebook" in capsys.readouterr().out and downloaded == []
    else:
        assert downloaded == ["answers.pdf"] and Path("answers.pdf").read_bytes().startswith(b"%PDF")
