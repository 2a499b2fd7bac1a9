"""Submissions are read as hostile data: whatever the bytes are, nothing is raised and nothing dangerous comes out."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

import nbformat
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from autograder.submissions import files as reading
from autograder.submissions import notebook as parsing
from autograder.submissions.files import read_files
from autograder.submissions.notebook import MAX_CELLS, Remark, SubmittedCell, parse_notebook, read_notebook
from autograder.submissions.outputs import clean_outputs
from autograder.text import visible

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(64))).decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0" + bytes(range(64))).decode()
quiet = settings(deadline=None, max_examples=150, derandomize=True, suppress_health_check=list(HealthCheck))

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("<script>1</script>"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
mimes = st.sampled_from(["text/plain", "text/html", "image/png", "image/svg+xml", "application/javascript", "x"])
contents = plain | st.sampled_from([PNG, JPEG, "<script>1</script>", "\x1b[31mred", [PNG[:20], PNG[20:]]])
outputs = st.fixed_dictionaries(
    {},
    optional={
        "output_type": st.sampled_from(["stream", "display_data", "execute_result", "error", "update", 3, None]),
        "name": plain | st.sampled_from(["stdout", "stderr"]),
        "text": contents,
        "data": st.dictionaries(mimes, contents, max_size=4) | plain,
        "metadata": plain | st.just({"figure": True}),
        "execution_count": plain,
        "ename": plain,
        "evalue": plain,
        "traceback": plain | st.lists(plain, max_size=3),
    },
)
cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": plain | st.sampled_from(["code", "markdown", "raw"]),
        "source": plain,
        "input": plain,
        "metadata": plain | st.fixed_dictionaries({"nbgrader": plain}),
        "outputs": st.lists(outputs | plain, max_size=3) | plain,
        "id": plain,
        "attachments": plain,
    },
)
notebooks = st.fixed_dictionaries(
    {},
    optional={
        "cells": st.lists(cells | plain, max_size=4) | plain,
        "worksheets": st.lists(st.fixed_dictionaries({}, optional={"cells": st.lists(cells) | plain}) | plain) | plain,
        "metadata": plain
        | st.fixed_dictionaries({"kernelspec": plain | st.fixed_dictionaries({"language": plain, "name": plain})}),
        "nbformat": plain,
    },
)


def well_formed(cells: list[SubmittedCell], problems: list[str]) -> None:
    assert all(isinstance(cell, SubmittedCell) and isinstance(cell.source, str) for cell in cells)
    assert all(cell.cell_type in ("code", "markdown", "raw") and isinstance(cell.grade_id, str) for cell in cells)
    assert all(isinstance(text, str) and text.endswith(".") and "\n" not in text for text in problems)
    for cell in cells:
        cell.source.encode()  # no lone surrogates, which could not be written to a file
        json.dumps(cell.metadata)


@quiet
@given(st.binary(max_size=300))
@example(b"")
@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe\x00\x00")
@example(b"{" * 5000)
@example(b'{"cells": [' + b"[" * 5000)
@example(b'{"cells": [{"cell_type": "code", "source": "x\\ud800"}')
@example(b'{"cells": [' + b'{"cell_type":' * 5000)
@example(b'{"cells": [{"cell_type": 1, "source": ' + b"9" * 5000 + b"}]}")
def test_no_bytes_can_make_reading_raise(data):
    well_formed(*parse_notebook(data))


@quiet
@given(notebooks | plain)
@example({"worksheets": [{"cells": 7}, 7, {}]})
@example({"cells": [{"source": "x", "outputs": [{"output_type": "error", "ename": {"a": [1]}}]}]})
@example({"cells": [], "metadata": {"kernelspec": 3, "language_info": []}})
def test_no_json_can_make_reading_raise(document):
    well_formed(*parse_notebook(json.dumps(document).encode()))


@quiet
@given(notebooks, st.integers(0, 400), st.binary(max_size=4))
def test_no_cut_or_change_can_make_reading_raise(document, where, put):
    data = json.dumps(document).encode()
    well_formed(*parse_notebook(data[:where] + put + data[where + len(put) :]))
    well_formed(*parse_notebook(data[:where]))


@quiet
@given(st.lists(outputs | plain, max_size=5))
@example(
    [{"output_type": "display_data", "data": {"image/png": PNG, "text/html": "<b>"}, "metadata": {"x": "<script>"}}]
)
@example([{"output_type": "stream", "name": "<script>", "text": "\x1b]8;;http://evil\x07click"}])
def test_cleaned_outputs_are_valid_and_cannot_act(given_outputs):
    cleaned = clean_outputs(given_outputs)
    code = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": cleaned, "execution_count": None}
    nbformat.validate({"cells": [code], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    for output in cleaned:
        assert set(output.get("data", {})) <= {"text/plain", "image/png", "image/jpeg"}
        assert output.get("metadata", {}) in ({}, {"figure": True})
        for text in (output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])):
            assert "\x1b" not in text
        for mime, magic in (("image/png", b"\x89PNG"), ("image/jpeg", b"\xff\xd8\xff")):
            if mime in output.get("data", {}):
                assert base64.b64decode(output["data"][mime], validate=True).startswith(magic)
    assert clean_outputs(json.loads(json.dumps(cleaned))) == cleaned, "cleaning twice changes nothing"


def test_true_pictures_and_text_pass_unchanged():
    data = {"text/plain": "<Figure>", "image/png": PNG, "image/jpeg": JPEG}
    (cleaned,) = clean_outputs([{"output_type": "display_data", "data": data, "metadata": {}}])
    assert cleaned["data"] == data


def test_a_picture_that_is_none_is_left_out():
    page = base64.b64encode(b"<svg onload=alert(1)>").decode()
    assert clean_outputs([{"output_type": "display_data", "data": {"image/png": page}, "metadata": {}}]) == []


def test_endless_outputs_are_cut_with_a_note():
    (first, *_, last) = clean_outputs([{"output_type": "stream", "name": "stdout", "text": "x" * 10**6}] * 30)
    assert len(first["text"]) <= 200_000 and "left out" in last["text"]
    assert sum(len(json.dumps(output)) for output in clean_outputs([{"output_type": "error"}] * 10**5)) < 10**6


@pytest.mark.parametrize("times", [1, 3])
def test_pasted_pictures_are_kept_and_nothing_else(times):
    attachments = {
        "a.png": {"image/png": PNG, "text/html": "<script>"},
        "b.svg": {"image/svg+xml": "<svg onload=alert(1)>"},
        "../c.png": {"image/png": PNG},
        "d.png": "text",
        7: {},
    }
    cell = {"cell_type": "markdown", "source": "x", "attachments": attachments}
    (cell,), _ = parse_notebook(json.dumps({"cells": [cell]}).encode())
    assert cell.attachments == {"a.png": {"image/png": PNG}, "picture-1.png": {"image/png": PNG}}
    crooked = {"cell_type": "markdown", "source": "x", "attachments": ["no", "dictionary"]}
    assert parse_notebook(json.dumps({"cells": [crooked] * times}).encode())[0][0].attachments == {}


# -- what is told ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "hw.ipynb is not a notebook (the file is empty). It has to be handed in again."),
        (b"PK\x03\x04", "hw.ipynb is not a notebook (line 1: expected '{', found 'P'). It has to be handed in again."),
        (
            b'{"cells',
            "hw.ipynb is not a notebook (its JSON is broken before the first cell). It has to be handed in again.",
        ),
        (b'{"metadata": {}}', "hw.ipynb has no cells. It has to be handed in again."),
        (b'{"cells": {"a": 1}}', "hw.ipynb has no cells. It has to be handed in again."),
        (b"[1]", "hw.ipynb is not a notebook (line 1: expected '{', found '['). It has to be handed in again."),
    ],
)
def test_what_is_no_notebook_is_said_in_one_sentence(data, sentence):
    assert parse_notebook(data, "hw.ipynb") == ([], [sentence])


def test_unreadable_cells_are_counted_and_the_others_kept():
    document = {"cells": [{"cell_type": "code"}, 7, None, {"cell_type": "code", "source": "x = 1"}]}
    cells, problems = parse_notebook(json.dumps(document).encode(), "hw.ipynb")
    assert [cell.source for cell in cells] == ["x = 1"]
    assert problems == ["3 cells of hw.ipynb have no readable text and are left out."]


def test_a_notebook_of_endless_cells_is_read_up_to_a_limit():
    document = {"cells": [{"cell_type": "code", "source": "x"}] * (MAX_CELLS + 5)}
    cells, (problem,) = parse_notebook(json.dumps(document).encode(), "hw.ipynb")
    assert len(cells) == MAX_CELLS
    assert problem == f"hw.ipynb has {MAX_CELLS + 5} cells; only the first {MAX_CELLS} are looked at."


def test_a_cut_notebook_gives_each_whole_cell():
    document = {"cells": [{"cell_type": "code", "source": f"x = {i}"} for i in range(10)]}
    text = json.dumps(document)
    cells, (problem,) = parse_notebook(text[: text.index("x = 6")].encode(), "hw.ipynb")
    assert [cell.source for cell in cells] == [f"x = {i}" for i in range(6)]
    assert problem == "hw.ipynb is damaged; 6 of its cells could be read, the rest is lost."


@pytest.mark.parametrize("behind", ["]", "],", ", ], 'metadata'", "]\n<<<<<<< HEAD\n"])
@pytest.mark.parametrize("before", ["", "From: ana\n\n"])
def test_a_notebook_of_which_all_cells_are_there_is_not_said_to_have_lost_any(before, behind):
    cells = ", ".join(json.dumps({"cell_type": "code", "source": f"x = {i}"}) for i in range(10))
    read, (problem,) = parse_notebook(f'{before}{{"cells": [{cells}{behind}'.encode(), "hw.ipynb")
    assert len(read) == 10 and isinstance(problem, Remark)
    assert problem == "hw.ipynb is damaged outside its cells; all 10 of them could be read."


def test_a_file_made_to_be_slow_is_given_up_soon():
    begin = time.process_time()
    parse_notebook(b'{"cells": [' + b'{"cell_type": ["' + b'{"id": "' * 400_000)
    parse_notebook(b'{"cells": [' + b'{"cell_type":' * 200_000)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_text_in_any_usual_encoding_is_read_right(encoding):
    document = {"cells": [{"cell_type": "markdown", "source": "größer – naïve"}]}
    data = json.dumps(document, ensure_ascii=False).encode(encoding)
    (cell,), problems = parse_notebook(data)
    assert cell.source == "größer – naïve" and problems == []


# -- files ----------------------------------------------------------------------------------------------------------


def test_a_link_or_device_for_a_notebook_is_not_followed(tmp_path):
    secret = tmp_path / "secret.ipynb"
    secret.write_text('{"cells": [{"cell_type": "code", "source": "secret"}]}')
    link = tmp_path / "link.ipynb"
    link.symlink_to(secret)
    assert read_notebook(link)[0] == []
    os.mkfifo(tmp_path / "pipe.ipynb")
    cells, (problem,) = read_notebook(tmp_path / "pipe.ipynb")
    assert cells == [] and "not a regular file" in problem
    assert read_notebook(tmp_path)[0] == [] and read_notebook(tmp_path / "none.ipynb")[0] == []


def test_a_notebook_that_is_too_large_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(parsing, "MAX_NOTEBOOK", 2**20)
    (tmp_path / "hw.ipynb").write_bytes(b" " * (2**20 + 1))
    cells, (problem,) = read_notebook(tmp_path / "hw.ipynb")
    assert cells == [] and problem == "hw.ipynb is larger than 1 MiB. Clear its outputs and hand it in again."


def test_files_beside_a_notebook_are_read_by_checked_names(tmp_path):
    folder = tmp_path / "submission"
    (folder / "data").mkdir(parents=True)
    (folder / ".ipynb_checkpoints").mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "w.npz").write_bytes(b"12")
    (folder / "data" / "größe 2.txt").write_bytes(b"3")
    for left_out in ("hw.ipynb", "other.ipynb", "timestamp.txt", ".ipynb_checkpoints/x.txt"):
        (folder / left_out).write_text("x")
    (folder / "-rf").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    files, problems = read_files(folder)
    assert files == {"w.npz": b"12", "data/größe 2.txt": b"3"}
    assert [text.rpartition(" was left out")[0] or text for text in problems] == [
        "the file '-rf' has an odd name and",
        "the file 'link' is a link or no ordinary file and",
        "the file 'pipe' is a link or no ordinary file and",
        "the folder 'linked' is a link or has an odd name and",
    ]


def test_files_over_the_limits_are_left_out_and_the_others_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILE", 100)
    monkeypatch.setattr(reading, "MAX_ALL_FILES", 150)
    monkeypatch.setattr(reading, "MAX_FILES", 4)
    for number, size in enumerate((101, 100, 51, 50, 1, 1)):
        (tmp_path / f"{number}.bin").write_bytes(bytes(size))
    files, problems = read_files(tmp_path)
    assert {name: len(data) for name, data in files.items()} == {"1.bin": 100, "3.bin": 50}
    assert problems == [
        "there are more than 4 files; the rest was left out.",
        "the file '0.bin' is too large and was left out.",
        "the file '2.bin' is too large and was left out.",
    ]


def test_a_grade_id_is_text_or_nothing():
    crooked: list[Any] = [{}, {"nbgrader": 3}, {"nbgrader": {"grade_id": ["a"]}}, {"nbgrader": {}}]
    assert [SubmittedCell("code", "", metadata).grade_id for metadata in crooked] == [""] * 4
    assert SubmittedCell("code", "", {"nbgrader": {"grade_id": "a"}}).grade_id == "a"


def test_what_would_take_too_much_memory_or_time_is_left_out_and_said():
    cells, problems = parse_notebook(b'{"cells": [' + b"[]," * 2_000_000 + b"0]}", "a.ipynb")
    assert cells == []
    assert problems == ["a.ipynb has more than 3,000,000 parts. Clear its outputs and hand it in again."]
    long = {"cells": [{"cell_type": "code", "source": "x" * 10**6}] * 12}
    cells, problems = parse_notebook(json.dumps(long).encode(), "a.ipynb")
    assert [len(cell.source) for cell in cells] == [10**6] * 8 + [0] * 4
    assert problems == ["a.ipynb has more than 8 MiB of text; the rest was left out."]


@pytest.mark.parametrize(
    "content",
    [
        b'{"cells": [' + b"\xff" * 10_000_000,
        b'{"cells": [' + b'{"cell_type": "code", "x": [' * 190 + b'"' + b"x" * 20_000_000,
        b'{"cells": [' + b'{"cell_type": "code", "x": [' * 190 + b"1.5,0" * 2_000_000,
    ],
    ids=["no encoding", "broken text", "broken numbers"],
)
def test_a_broken_notebook_is_read_in_seconds(content):
    start = time.process_time()
    parse_notebook(content)
    assert time.process_time() - start < 8


def test_text_that_is_shown_holds_nothing_that_acts_or_cannot_be_written():
    assert visible("a\x1b[2Jb\x9b2J\udc80\tc\r\nd") == "ab2J?\tc\nd"
    error = {"output_type": "error", "ename": "\udc80", "evalue": "\ud800", "traceback": ["\udc80\x9bx"]}
    json.dumps(clean_outputs([error]), ensure_ascii=False).encode()
