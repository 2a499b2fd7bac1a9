"""A class printed: each student's answers, only what is new, and one bad submission stops no other."""

from __future__ import annotations

import json
import shutil
import subprocess

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell
from places import ROOT
from small_class import SECTION

from autograder.__main__ import main
from autograder.course import Course
from autograder.demo.classroom import CLASS, copy_course, make_class
from autograder.results.answers import export_answers
from backprop.handin.answers import Options

WHO = tuple(student for student in CLASS if student.name in ("ada", "chi", "dov"))
needs_pdftotext = pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext (poppler-utils) is missing")


@pytest.fixture
def course(tmp_path, monkeypatch):
    course = copy_course(Course(ROOT), tmp_path / "course")
    make_class(course, [SECTION], WHO)
    monkeypatch.chdir(course.root)
    return course


def text_of(path):
    done = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split())


@needs_pdftotext
def test_a_class_is_printed_once_and_again_only_where_something_changed(course):
    first = export_answers(course, [SECTION], workers=2)
    folder = course.exports / "answers" / SECTION
    assert first.written == [folder / f"{name}.pdf" for name in ("ada", "chi", "dov")] and first.kept == 0
    assert "Id ada" in text_of(folder / "ada.pdf") and "added by the student" not in text_of(folder / "ada.pdf")
    again = export_answers(course, [SECTION], workers=2)
    assert again.written == [] and again.kept == 3

    path = course.submitted / "chi" / SECTION / "ridge.ipynb"
    book = nbformat.read(path, as_version=4)
    book.cells.append(new_markdown_cell("My own last words: 4711."))
    nbformat.write(book, path)
    assert export_answers(course, [SECTION], workers=2).written == [folder / "chi.pdf"]
    assert "4711" in text_of(folder / "chi.pdf") and "added by the student" in text_of(folder / "chi.pdf")
    assert len(export_answers(course, [SECTION], options=Options(paper="us-letter"), workers=2).written) == 3


@needs_pdftotext
def test_one_bad_submission_is_named_and_stops_no_other(course):
    (course.submitted / "chi" / SECTION / "ridge.ipynb").write_text("no notebook")
    (course.submitted / "eva" / SECTION).mkdir(parents=True)
    done = export_answers(course, [SECTION], workers=1)
    assert {path.stem for path in done.written} == {"ada", "dov"}
    assert any(p.startswith(f"chi/{SECTION}: ") for p in done.problems)
    assert f"eva/{SECTION}: ridge.ipynb was not handed in." in done.problems


@needs_pdftotext
def test_the_pages_of_a_class_are_the_same_also_where_the_metadata_is_lost(course):
    path = course.submitted / "dov" / SECTION / "ridge.ipynb"
    book = nbformat.read(path, as_version=4)
    book.metadata.pop("backprop", None)
    book.cells = [cell for cell in book.cells if cell.metadata.get("nbgrader", {}).get("grade_id") != "q_paths"]
    nbformat.write(book, path)
    export_answers(course, [SECTION], options=Options(template="gradescope"))
    folder = course.exports / "answers" / SECTION
    listed = json.loads((folder / "answers.json").read_text())
    for name in ("ada", "chi", "dov"):
        done = subprocess.run(["pdftotext", "-layout", folder / f"{name}.pdf", "-"], capture_output=True, text=True)
        pages = done.stdout.split("\f")
        assert all(entry["question"] in pages[entry["page"] - 1] for entry in listed), name


def test_images_beside_the_notebook_come_along_and_nothing_else(course):
    folder = course.submitted / "ada" / SECTION
    (folder / "img").mkdir()
    (folder / "img" / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><g/></svg>")
    (folder / "b.svg").symlink_to(ROOT / "README.md")
    book = nbformat.read(folder / "ridge.ipynb", as_version=4)
    book.cells.append(new_markdown_cell("![a](img/a.svg) ![b](b.svg) ![c](../../../nbgrader_config.py)"))
    nbformat.write(book, folder / "ridge.ipynb")
    done = export_answers(course, [SECTION], ["ada"])
    said = [problem for problem in done.problems if "not inside the notebook" in problem]
    assert len(done.written) == 1 and len(said) == 2 and "a.svg" not in "".join(said)


def test_the_command_prints_the_class_or_single_notebooks(course, capsys):
    assert main(["pdf", "04", "--student", "ada", "--workers", "1"]) == 0
    assert "1 PDF written to exports/answers/" in capsys.readouterr().out
    assert main(["pdf", "04", "--student", "ada"]) == 0
    assert "0 PDFs written to exports/answers/, 1 up to date" in capsys.readouterr().out
    assert main(["pdf", "-o", "x.pdf", "04"]) == 2
    assert main(["pdf", "submitted/ada/04-ridge/ridge.ipynb"]) == 2
    assert main(["pdf", "submitted/ada/04-ridge/ridge.ipynb", "-o", "x.pdf", "--name", "Ada"]) == 0
    assert (course.root / "x.pdf").read_bytes().startswith(b"%PDF")
    assert main(["pdf", "04", "--student", "ada", "--question", "nonsense"]) == 1
    assert "There is no question nonsense. There are: q_paths," in capsys.readouterr().out
