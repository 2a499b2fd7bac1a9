"""`python -m backprop check`: what is still to do, in sentences, and nothing invented."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.utils import compute_checksum

from backprop.__main__ import main
from backprop.handin.notebook import read_notebook
from backprop.handin.ready import find_gaps

STUB = "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


def graded(grade_id: str, **flags: object) -> dict[str, object]:
    base = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
    return {"nbgrader": {**base, "grade_id": grade_id, **flags}}


def answer(source: str, **more: object):
    return new_markdown_cell(source, metadata={**graded("q1", grade=True, solution=True, points=4), **more})


def stub(source: str, **more: object):
    return new_code_cell(source, metadata={**graded("f", solution=True), **more})


def check_cell(source: str = "assert f(1) == 1"):
    cell = new_code_cell(source, metadata=graded("f_check", grade=True, locked=True, points=5))
    cell.metadata.nbgrader["checksum"] = compute_checksum(cell)
    return cell


def save(folder: Path, *cells: object, **course: object) -> Path:
    path = folder / "n.ipynb"
    path.write_text(json.dumps(new_notebook(cells=list(cells), metadata={"backprop": course})))
    return path


def gaps(folder: Path, *cells: object, **course: object) -> tuple[list[str], list[str]]:
    return find_gaps(read_notebook(save(folder, *cells, **course)))


def test_a_finished_notebook_is_ready_and_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(
        tmp_path,
        new_markdown_cell("# Title"),
        stub("def f(x):\n    # YOUR CODE HERE\n    return x"),
        check_cell(),
        answer("Because."),
        new_code_cell("raise RuntimeError('a long training')", metadata={"tags": ["train"]}),
        cells=["f", "f_check", "q1"],
    )
    before = path.read_bytes()
    assert main(["check", str(path)]) == 0
    captured = capsys.readouterr()
    assert captured.out == "n.ipynb: ready to hand in.\n"
    assert captured.err == "Running 2 code cells in a fresh kernel …\n"
    assert path.read_bytes() == before


def test_the_first_failing_cell_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(
        tmp_path,
        new_code_cell("x = 1"),
        new_markdown_cell("text"),
        new_code_cell("y = 2\nz = y / (x - 1)\nprint(z)"),
        new_code_cell("never_reached"),
    )
    assert main(["check", str(path)]) == 1
    out = capsys.readouterr().out
    assert "Cell 3 stops with ZeroDivisionError: division by zero, at its line 2: z = y / (x - 1)" in out
    assert "never_reached" not in out and "not ready yet, 1 thing to do" in out


def test_a_cell_that_ends_the_kernel_or_never_ends_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(save(tmp_path, new_code_cell("import os; os._exit(3)")))]) == 1
    assert "Cell 1 ended the kernel" in capsys.readouterr().out
    assert main(["check", "--timeout", "1", str(save(tmp_path, new_code_cell("while True: pass")))]) == 1
    assert "Cell 1 ran longer than 1 seconds" in capsys.readouterr().out


def test_open_answers_and_stubs_are_faults_and_optional_ones_remarks(tmp_path: Path) -> None:
    faults, remarks = gaps(tmp_path, answer("YOUR ANSWER HERE"), stub(STUB), answer(" "), stub(""))
    assert [fault.split(":")[0] for fault in faults[:4]] == ["Cell 1 (q1)", "Cell 2 (f)", "Cell 3 (q1)", "Cell 4 (f)"]
    assert "still says YOUR ANSWER HERE" in faults[0] and "still raises NotImplementedError" in faults[1]
    open_answer = answer("YOUR ANSWER HERE", backprop={"optional": True})
    faults, remarks = gaps(tmp_path, stub(STUB, tags=["optional"]), open_answer)
    assert faults == [] and len(remarks) == 2 and all(remark.endswith("It is optional.") for remark in remarks)


def test_an_optional_check_may_fail_and_the_cells_below_it_are_still_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    optional = new_code_cell("raise ValueError('not written')", metadata={"tags": ["optional"]})
    assert main(["check", str(save(tmp_path, optional, new_code_cell("x = 1")))]) == 0
    assert main(["check", str(save(tmp_path, optional, new_code_cell("1 / 0")))]) == 1
    said = capsys.readouterr().out
    assert "Cell 2 stops with ZeroDivisionError" in said and "ValueError" not in said


def test_a_comment_about_the_stub_does_not_make_code_unfinished(tmp_path: Path) -> None:
    assert gaps(tmp_path, stub("# raise NotImplementedError()\nx = 'raise NotImplementedError'"))[0] == []


def test_changed_deleted_and_doubled_cells_are_named(tmp_path: Path) -> None:
    changed = check_cell()
    assert gaps(tmp_path, changed)[0] == []
    changed.source = "pass"
    faults, _ = gaps(tmp_path, changed, cells=["f_check", "gone_check"])
    assert "Cell 1 (f_check) was changed" in faults[0]
    assert "The cell gone_check was deleted" in faults[1]
    assert "f_check is there 2 times" in gaps(tmp_path, check_cell(), check_cell())[0][0]


def test_weights_must_be_there_and_small_enough(tmp_path: Path) -> None:
    declared = [{"file": "a.npz", "max_mb": 1}, {"file": "b.npz", "max_mb": 0.5}, {"file": "c.npz", "max_mb": 1}]
    (tmp_path / "b.npz").write_bytes(b"x" * 600_000)
    (tmp_path / "c.npz").write_bytes(b"x" * 600_000)
    faults, _ = gaps(tmp_path, weights=declared)
    assert len(faults) == 2
    assert faults[0].startswith("a.npz is missing") and faults[1] == "b.npz has 0.6 MB; at most 0.5 MB are accepted."


def test_a_file_that_is_no_notebook_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text("<html>")
    assert main(["check", str(path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("arguments", [["check"], ["check", "n.ipynb", "--timeout", "0"], ["check", "a", "b"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_weights_that_the_notebook_saves_itself_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saving = new_code_cell("open('own.npz', 'wb').write(b'numbers')")
    path = save(tmp_path, saving, weights=[{"file": "own.npz", "max_mb": 1}, {"file": "other.npz", "max_mb": 1}])
    assert main(["check", str(path)]) == 1
    said = capsys.readouterr().out
    assert "other.npz is missing" in said and "own.npz" not in said
