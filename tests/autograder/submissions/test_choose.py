"""Wherever the work lies in a submission, and whatever it is called, it is found, or somebody is told."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import zipfile
from pathlib import Path

import pytest
from places import ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import MadeUp, solved
from autograder.grading.notebook import Grader
from autograder.submissions.choose import answers
from autograder.submissions.released import released_notebooks
from autograder.submissions.submission import Contents, read_contents

SECTION = "04-ridge"
WANTED = released_notebooks(Course(ROOT), SECTION)
RIDGE = WANTED["ridge"]
ALL = sum(cell.is_solution for cell in RIDGE.cells)


def notebook(*kept: str) -> bytes:
    """A notebook that holds the right answers of the cells named, all of them when none is."""
    student = MadeUp("ana", "", keep=lambda template, grade_id: not kept or grade_id in kept)
    return json.dumps(solved(RIDGE, student)).encode()


RIGHT, SOME, EMPTY = notebook(), notebook("sum_node", "q_paths"), notebook("none")
BLANK = b'{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
SCRATCH = json.dumps(
    {"cells": [{"cell_type": "code", "source": "1 + 1", "metadata": {}, "outputs": []}], "nbformat": 4}
).encode()


def packed(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def submission(folder: Path, files: dict[str, bytes]) -> Contents:
    """What is read of a folder with these files; the later ones are the newer ones."""
    for age, (name, content) in enumerate(reversed(files.items())):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        os.utime(path, (1_700_000_000 - 60 * age,) * 2)
    return read_contents(folder, WANTED)


def said(contents: Contents) -> list[str]:
    return [*contents.problems, *contents.notebook_problems.get("ridge", [])]


@pytest.mark.parametrize(
    "name",
    [
        "ridge-Copy1.ipynb",
        "ridge (1).ipynb",
        "Copy of ridge.ipynb",
        "Kopie von ridge.ipynb",
        "final/ridge.ipynb",
        "hw 4/final (2)/mine.ipynb",
        "RIDGE.IPYNB",
        "Ridge.Ipynb",
        "ridge.ipynb.json",
        "ridge.ipynb.txt",
        "ridge.ipynb (1).txt",
        "ridge.json",
        "ridge.txt",
        "ridge",
        "ridge.ipynb/ridge.ipynb",
        "ridge.ipynb/04-ridge/ridge.ipynb",
        "«ridge» – Ана.ipynb",
        "-ridge.ipynb",
    ],
)
@pytest.mark.parametrize("newer", [{}, {"Untitled.ipynb": BLANK}, {"Untitled1.ipynb": SCRATCH}], ids=str)
def test_the_work_is_found_under_any_name(tmp_path, name, newer):
    contents = submission(tmp_path, {name: RIGHT, **newer})
    assert answers(RIDGE, contents.cells["ridge"]) == ALL
    (told,) = said(contents)
    assert told.endswith("it was graded as ridge.ipynb.") and name.rpartition("/")[2] in told
    assert contents.unread(WANTED) == [], "nothing is lost, so nobody has to ask for it again"


@pytest.mark.parametrize("other", ["ridge-Copy1.ipynb", "final/ridge.ipynb", "z.ipynb", "sent.zip"])
@pytest.mark.parametrize("first", [EMPTY, BLANK, b"", b"no notebook"], ids=["released", "no cells", "empty", "other"])
def test_the_notebook_with_the_work_counts_not_the_one_with_the_name(tmp_path, first, other):
    content = packed(**{"ridge.ipynb": RIGHT}) if other.endswith("zip") else RIGHT
    contents = submission(tmp_path, {other: content, "ridge.ipynb": first})
    assert answers(RIDGE, contents.cells["ridge"]) == ALL
    assert [text for text in said(contents) if other in text]


@pytest.mark.parametrize("more", ["ridge.ipynb", "ridge-Copy1.ipynb"])
def test_of_two_notebooks_that_hold_work_the_fuller_one_counts_and_both_are_named(tmp_path, more):
    less = {"ridge.ipynb": "ridge-Copy1.ipynb", "ridge-Copy1.ipynb": "ridge.ipynb"}[more]
    contents = submission(tmp_path, {more: RIGHT, less: SOME})
    assert answers(RIDGE, contents.cells["ridge"]) == ALL
    assert (
        f"Two notebooks hold work: {more!r} with {ALL} of {ALL} answers, and {less!r} with 2. {more!r} was graded."
        in said(contents)
    )


def test_of_two_equally_full_notebooks_the_one_of_the_right_name_counts_and_both_are_named(tmp_path):
    wrong = RIGHT.replace(b"class SumNode(Node):", b"class SumNode(Node):  # an old one")
    contents = submission(tmp_path, {"ridge.ipynb": RIGHT, "ridge-Copy1.ipynb": wrong})
    assert not [cell for cell in contents.cells["ridge"] if "an old one" in cell.source]
    (told,) = said(contents)
    assert "'ridge.ipynb' was graded" in told and "'ridge-Copy1.ipynb'" in told


@pytest.mark.parametrize("name", ["ridge-Copy1.ipynb", "old/ridge.ipynb", "all.zip"])
def test_a_second_copy_of_the_same_work_is_not_worth_a_word(tmp_path, name):
    content = packed(**{"ridge.ipynb": RIGHT}) if name.endswith("zip") else RIGHT
    assert said(submission(tmp_path, {"ridge.ipynb": RIGHT, name: content})) == []


def test_a_draft_beside_the_work_is_not_worth_a_word(tmp_path):
    assert said(submission(tmp_path, {"ridge.ipynb": RIGHT, "scratch.ipynb": SCRATCH, "e.ipynb": EMPTY})) == []


def test_work_without_the_cells_of_the_release_is_recognised_by_what_it_defines(tmp_path):
    cells = [{"cell_type": c["cell_type"], "source": c["source"]} for c in json.loads(RIGHT)["cells"]]
    contents = submission(
        tmp_path, {"ridge.ipynb": EMPTY, "colab.ipynb": json.dumps({"cells": cells, "nbformat": 4}).encode()}
    )
    assert [cell.source for cell in contents.cells["ridge"]] == [cell["source"] for cell in cells]


def test_what_jupyter_saved_by_itself_counts_only_where_nothing_else_holds_an_answer(tmp_path):
    saved = ".ipynb_checkpoints/ridge-checkpoint.ipynb"
    assert said(submission(tmp_path / "a", {saved: RIGHT, "ridge.ipynb": SOME})) == []
    contents = submission(tmp_path / "b", {saved: RIGHT, "ridge.ipynb": EMPTY})
    assert answers(RIDGE, contents.cells["ridge"]) == ALL and saved in said(contents)[0]


@pytest.mark.parametrize("name", ["ridge.ipynb", "ridge-Copy1.ipynb"])
def test_a_notebook_without_an_answer_is_said_to_have_none(tmp_path, name):
    contents = submission(tmp_path, {name: EMPTY})
    assert f"{name!r} is as it was released: nothing is written in it." in said(contents)
    assert contents.unread(WANTED) == []


def test_what_lies_there_instead_of_a_notebook_is_named(tmp_path):
    assert said(submission(tmp_path, {"ridge.docx": b"x", "photo 1.png": b"x"})) == [
        "ridge.ipynb was not handed in. What is there: 'photo 1.png', 'ridge.docx'."
    ]
    (tmp_path / "empty").mkdir()
    assert said(read_contents(tmp_path / "empty", WANTED)) == ["ridge.ipynb was not handed in."]


# -- zips -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["submission.zip", "ridge.ipynb.zip", "hw4/Archive.ZIP"])
@pytest.mark.parametrize("inner", ["ridge.ipynb", "04-ridge/ridge.ipynb", "Copy of ridge.ipynb"])
def test_a_notebook_inside_a_zip_is_graded_with_what_lies_beside_it(tmp_path, name, inner):
    folder = inner.rpartition("/")[0]
    beside = f"{folder}/w.npz" if folder else "w.npz"
    zipped = packed(**{inner: RIGHT, beside: b"12", "__MACOSX/._ridge.ipynb": b"x", "top.csv": b"3"})
    contents = submission(tmp_path, {name: zipped})
    assert answers(RIDGE, contents.cells["ridge"]) == ALL
    assert contents.files == {"w.npz": b"12", "top.csv": b"3"}
    assert [text for text in said(contents) if name in text]


def test_a_zip_of_data_beside_the_notebook_stays_a_file(tmp_path):
    zipped = packed(**{"data.csv": b"1"})
    contents = submission(tmp_path, {"ridge.ipynb": RIGHT, "data.zip": zipped})
    assert contents.files == {"data.zip": zipped} and said(contents) == []


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04", b"Rar!", b"", packed(**{"../../ridge.ipynb": RIGHT}), packed(**{f"{i}": b"" for i in range(300)})],
    ids=["cut off", "another packer", "empty", "leads out", "many"],
)
def test_a_zip_that_cannot_be_used_takes_nothing_else_along(tmp_path, content):
    contents = submission(tmp_path, {"ridge.ipynb": RIGHT, "z.zip": content})
    assert answers(RIDGE, contents.cells["ridge"]) == ALL
    assert submission(tmp_path / "alone", {"z.zip": content}).cells == {}


def test_a_zip_that_unpacks_to_much_is_read_no_further_than_the_limits(tmp_path):
    bomb = packed(**{f"{number}.ipynb": bytes(70 * 2**20) for number in range(3)})
    assert len(bomb) < 2**20
    contents = submission(tmp_path, {"z.zip": bomb})
    assert contents.cells.get("ridge", []) == [] and contents.files.keys() <= {"z.zip"}


# -- what lies beside it --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["final", "ridge.ipynb", "a/b c/04-ridge"])
def test_files_are_seen_from_the_folder_of_the_notebook(tmp_path, folder):
    files = {
        f"{folder}/ridge.ipynb": RIGHT,
        f"{folder}/best.npz": b"near",
        f"{folder}/img/a.png": b"a",
        "best.npz": b"far",
        "data.csv": b"1",
    }
    contents = submission(tmp_path, files)
    assert contents.files == {"best.npz": b"near", "img/a.png": b"a", "data.csv": b"1"}
    assert "the file 'best.npz' was left out: another lies where it would." in said(contents)


def test_a_folder_that_is_called_like_the_notebook_is_in_nobodys_way(tmp_path):
    contents = submission(tmp_path, {"ridge.ipynb/notes.txt": b"x", "mine.ipynb": RIGHT})
    assert answers(RIDGE, contents.cells["ridge"]) == ALL and contents.files == {}
    assert submission(tmp_path / "alone", {"ridge.ipynb/notes.txt": b"x"}).cells == {}


@pytest.mark.parametrize(
    "name", ["weights/best.npz", "best (1).npz", "BEST.NPZ", "best-Copy1.npz", "a/best copy 2.npz"]
)
def test_declared_weights_are_found_under_another_name(tmp_path, name):
    wanted = {"ridge": dataclasses.replace(RIDGE, weights=("best.npz",))}
    submission(tmp_path, {"ridge.ipynb": RIGHT, name: b"12"})
    contents = read_contents(tmp_path, wanted)
    assert contents.files == {"best.npz": b"12"} and said(contents) == [f"{name!r} was taken as best.npz."]


def test_many_files_do_not_hide_the_notebook(tmp_path):
    files = {f"a{number:03}.csv": b"" for number in range(300)}
    contents = submission(tmp_path, {**files, "ridge.ipynb": RIGHT})
    assert answers(RIDGE, contents.cells["ridge"]) == ALL
    assert said(contents) == ["there are more than 200 files; the rest was left out."]


def test_a_link_is_called_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "r.ipynb").write_bytes(RIGHT)
    folder = tmp_path / "handed"
    folder.mkdir()
    (folder / "ridge.ipynb").symlink_to(tmp_path / "real" / "r.ipynb")
    contents = read_contents(folder, WANTED)
    assert contents.cells == {} and any("is a link" in text for text in said(contents))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
@pytest.mark.parametrize("name", ["ridge.ipynb", "data.csv", "folder"])
def test_what_may_not_be_opened_is_named(tmp_path, name):
    submission(tmp_path, {"ridge.ipynb": RIGHT, "data.csv": b"1", "folder/x.csv": b"2"})
    (tmp_path / name).chmod(0)
    contents = read_contents(tmp_path, WANTED)
    (tmp_path / name).chmod(0o700)
    assert [text for text in said(contents) if name in text and "Permission denied" in text]


# -- sections with several notebooks ---------------------------------------------------------------------------------


def test_each_notebook_of_a_section_gets_the_file_that_holds_its_cells(tmp_path):
    relu = released_notebooks(Course(ROOT), "03-relu-net-by-hand")
    ((name, template),) = relu.items()
    wanted = {"ridge": RIDGE, name: template}
    files = {"one.ipynb": RIGHT, "two.ipynb": json.dumps(solved(template)).encode(), f"{name}.ipynb": BLANK}
    submission(tmp_path, files)
    (tmp_path / f"{name}.ipynb").unlink()
    contents = read_contents(tmp_path, wanted)
    assert answers(RIDGE, contents.cells["ridge"]) == ALL
    assert answers(template, contents.cells[name]) == sum(cell.is_solution for cell in template.cells)


@needs_bubblewrap
@pytest.mark.sandbox
def test_the_points_follow_the_work(tmp_path):
    contents = submission(tmp_path, {"final/ridge.ipynb": RIGHT, "ridge.ipynb": EMPTY})
    with Grader() as grader:
        result = grader.grade(RIDGE, contents.cells["ridge"], contents.files, contents.notebook_problems["ridge"])
    assert all(verdict.full for verdict in result.verdicts.values()) and result.score == 24
    assert any("final/ridge.ipynb" in text for text in result.problems)
