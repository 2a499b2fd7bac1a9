"""The demo says what it lacks before it begins, and its course is one like any other."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from places import ROOT

from autograder.course import Course
from autograder.demo import demo
from autograder.demo.classroom import copy_course, run_cells
from autograder.errors import UserError
from autograder.gradebook.result import Result, SubmissionResult


def test_without_bubblewrap_the_demo_says_what_to_install_before_it_does_anything(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []
    with pytest.raises(UserError, match="apt-get install bubblewrap") as raised:
        demo.run_demo(Course(ROOT), tmp_path / "demo", workers=1, say=said.append, steps=lambda what: None)
    assert "--no-sandbox" not in str(raised.value), "the demo has no such option"
    assert said == [] and not (tmp_path / "demo").exists()


def test_a_sandbox_that_cannot_start_is_found_out_before_anything_is_made(tmp_path, monkeypatch):
    def broken(self):
        raise UserError("The sandbox cannot be started.")

    monkeypatch.setattr("autograder.sandbox.process.Zygote.start", broken)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    with pytest.raises(UserError, match="cannot be started"):
        demo.run_demo(Course(ROOT), tmp_path / "demo", workers=1, say=print, steps=lambda what: None)
    assert not (tmp_path / "demo").exists()


def test_points_are_shown_with_the_most_there_are(capsys):
    said: list[str] = []
    notebook = Result("s", "n", scores={"a_check": 4.5, "q_why": None})
    results = [SubmissionResult(name, "s", "key", notebooks={"n": notebook}) for name in ("ben", "ada", "ada")]
    demo._show_points(results, 12, said.append)
    assert "  ada 9 of 12   ben 4.5 of 12" in said


def test_a_notebook_is_run_without_a_word_of_the_kernel(tmp_path, capfd):
    path = tmp_path / "n.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("6 * 7")]), path)
    run_cells(path)
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].data["text/plain"] == "42"
    assert capfd.readouterr() == ("", "")


def test_edits_of_a_copied_course_can_be_taken_over_by_jupytext(tmp_path):
    course = copy_course(Course(ROOT), tmp_path / "course")
    command = [Path(sys.executable).parent / "jupytext", "--sync", "source/04-ridge/ridge.ipynb"]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True)
    assert done.returncode == 0 and "is not a paired notebook" not in done.stdout + done.stderr
    assert "notebooks/04-ridge/ridge.py" in done.stdout
