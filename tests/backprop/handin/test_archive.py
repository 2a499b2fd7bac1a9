"""The zip that is handed in: the same bytes each time, everything in its place."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from backprop.__main__ import main


def save(path: Path, weights: list[dict] | None = None, section: str | None = None) -> Path:
    course: dict[str, object] = {}
    if section:
        course["section"] = section
    if weights:
        course["weights"] = weights
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(new_notebook(cells=[new_code_cell("1")], metadata={"backprop": course})))
    return path


def names(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def test_notebooks_and_weights_lie_in_their_sections(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = save(tmp_path / "content" / "cifar.ipynb", [{"file": "tuned.npz", "max_mb": 1}], "08-cifar")
    two = save(tmp_path / "04-ridge" / "ridge.ipynb")
    (tmp_path / "content" / "tuned.npz").write_bytes(b"w" * 1000)
    out = tmp_path / "me.zip"
    assert main(["submit", str(one), str(two), "-o", str(out)]) == 0
    assert names(out) == ["04-ridge/ridge.ipynb", "08-cifar/cifar.ipynb", "08-cifar/tuned.npz"]
    with zipfile.ZipFile(out) as archive:
        assert archive.read("04-ridge/ridge.ipynb") == two.read_bytes()
    said = capsys.readouterr().out
    assert "08-cifar/tuned.npz  (1.0 kB)" in said and "Hand in this one file" in said and "Take care" not in said


def test_the_zip_depends_only_on_what_is_in_it(tmp_path: Path) -> None:
    one = save(tmp_path / "a" / "x.ipynb")
    two = save(tmp_path / "b" / "y.ipynb")
    main(["submit", str(one), str(two), "-o", str(tmp_path / "1.zip")])
    one.touch()
    one.chmod(0o600)
    main(["submit", str(two), str(one), "-o", str(tmp_path / "2.zip")])
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_missing_and_heavy_weights_are_named_and_the_zip_is_still_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declared = [{"file": "gone.pt", "max_mb": 1}, {"file": "big.pt", "max_mb": 0.001}]
    path = save(tmp_path / "s" / "n.ipynb", declared)
    (path.parent / "big.pt").write_bytes(b"x" * 5000)
    assert main(["submit", str(path), "-o", str(tmp_path / "o.zip")]) == 0
    said = capsys.readouterr().out
    assert "gone.pt is missing" in said and "big.pt has 0.0 MB" in said
    assert names(tmp_path / "o.zip") == ["s/big.pt", "s/n.ipynb"]


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a\\b", "..", ""])
def test_weights_outside_the_folder_are_refused(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(tmp_path / "s" / "n.ipynb", [{"file": name}])
    assert main(["submit", str(path), "-o", str(tmp_path / "o.zip")]) == 1
    assert "must be a plain file name" in capsys.readouterr().err
    assert not (tmp_path / "o.zip").exists()


def test_what_is_no_notebook_or_has_no_place_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.ipynb"
    bad.write_text("{")
    out = tmp_path / "o.zip"
    out.write_bytes(b"old")
    assert main(["submit", str(bad), "-o", str(out)]) == 1
    assert "bad.ipynb is not a notebook (line 1" in capsys.readouterr().err
    one, two = save(tmp_path / "a" / "n.ipynb", section="x"), save(tmp_path / "b" / "n.ipynb", section="x")
    assert main(["submit", str(one), str(two), "-o", str(out)]) == 1
    assert "would both be x/n.ipynb" in capsys.readouterr().err
    assert out.read_bytes() == b"old" and sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "bad.ipynb", "o.zip"]


def test_a_hostile_section_name_stays_inside_the_zip(tmp_path: Path) -> None:
    path = save(tmp_path / "folder" / "n b;.ipynb", section="../../etc")
    assert main(["submit", str(path), "-o", str(tmp_path / "o.zip")]) == 0
    assert names(tmp_path / "o.zip") == ["folder/n-b.ipynb"]
