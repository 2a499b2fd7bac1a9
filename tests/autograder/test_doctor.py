"""The doctor names what is missing and what to do, and gets to the end whatever it meets."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from types import SimpleNamespace

import pytest
from nbgrader.api import Gradebook
from sqlalchemy.exc import DatabaseError

from autograder import doctor
from autograder.course import Course
from autograder.doctor import examine
from autograder.errors import CourseError, UserError, reason


@pytest.fixture
def course(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\n")
    return Course(tmp_path)


def with_url(course, url):
    (course.root / "nbgrader_config.py").write_text(f"c = get_config()\nc.CourseDirectory.db_url = {url!r}\n")
    return Course(course.root)


def only(findings):
    findings = list(findings)
    assert len(findings) == 1
    return findings[0]


@pytest.mark.sandbox
def test_a_good_machine_has_a_working_sandbox(course):
    if not shutil.which("bwrap"):
        pytest.skip("bubblewrap is not installed here")
    finding = only(doctor.sandbox(course))
    assert finding.good and "ran in the sandbox" in finding.text


def test_a_bubblewrap_that_is_there_but_does_not_work_is_found_out(course, tmp_path, monkeypatch):
    program = tmp_path / "bin/bwrap"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && echo bubblewrap 0.8.0 && exit 0\necho 'No permissions' >&2\nexit 1\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    finding = only(doctor.sandbox(course))
    assert not finding.good and not finding.optional
    assert "bubblewrap 0.8.0 is installed but" in finding.text and "namespaces" in finding.text


def test_a_missing_bubblewrap_says_how_to_get_it(course, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    finding = only(doctor.sandbox(course))
    assert not finding.good and "apt-get install bubblewrap" in finding.text


def test_switched_off_namespaces_say_which_switch(course, monkeypatch):
    monkeypatch.setattr(doctor.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(doctor, "_first_line", lambda path: "0" if "userns_clone" in path else "")
    finding = only(doctor.namespaces(course))
    assert not finding.good and not finding.optional and "sysctl kernel.unprivileged_userns_clone=1" in finding.text
    monkeypatch.setattr(doctor, "_first_line", lambda path: "")
    assert only(doctor.namespaces(course)).good


def test_torch_that_cannot_be_imported_is_named(course, monkeypatch):
    done = SimpleNamespace(returncode=1, stdout="", stderr="Traceback\nModuleNotFoundError: No module named 'torch'\n")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *a, **k: done)
    finding = only(doctor.torch(course))
    assert not finding.good and "No module named 'torch'" in finding.text and "pip install torch" in finding.text


def test_missing_and_odd_packages_are_named(course, monkeypatch):
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda name: "0.10.1" if name == "nbgrader" else "1")
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    nbgrader, markdown, typst, cluster = doctor.packages(course)
    assert not nbgrader.good and "0.10.1" in nbgrader.text
    for finding, package in ((markdown, "markdown-it-py"), (typst, "typst"), (cluster, "distributed")):
        assert not finding.good and finding.optional and f"pip install {package}" in finding.text


# -- the gradebook -------------------------------------------------------------------------------------------------


def test_no_gradebook_yet_is_fine_and_none_is_made(course):
    finding = only(doctor.gradebook(course))
    assert finding.good and not course.gradebook_path.exists()


def test_a_gradebook_is_tried_and_left_as_it_was(course):
    with course.open_gradebook() as gradebook:
        gradebook.add_student("ana")
    finding = only(doctor.gradebook(course))
    assert finding.good and "can be written" in finding.text
    with Gradebook(course.gradebook_url) as gradebook:
        assert [student.id for student in gradebook.students] == ["ana"]
    tables = sqlite3.connect(course.gradebook_path).execute("SELECT name FROM sqlite_master").fetchall()
    assert ("doctor",) not in tables

    writer = sqlite3.connect(course.gradebook_path)
    writer.execute("BEGIN IMMEDIATE")
    finding = only(doctor.gradebook(course))
    assert not finding.good and "in use by another program" in finding.text
    writer.rollback()

    with sqlite3.connect(course.gradebook_path) as old:
        old.execute("UPDATE alembic_version SET version_num = '50a4d84c131a'")
    finding = only(doctor.gradebook(course))
    assert not finding.good and "nbgrader db upgrade" in finding.text


@pytest.mark.parametrize("content", [b"", b"not a database at all" * 100])
def test_a_file_that_is_no_gradebook_is_named(course, content):
    course.gradebook_path.write_bytes(content)
    finding = only(doctor.gradebook(course))
    assert not finding.good and "cannot be read" in finding.text


@pytest.mark.parametrize(
    "url, words",
    [
        ("postgresql+psycopg://ana:secret@127.0.0.1:1/grades", "cannot be read"),
        ("postgresql+pg8000://ana:secret@127.0.0.1:1/grades", "driver pg8000 is missing"),
        ("nosuch://x/y", "no such kind of database"),
        ("what?", "no database address"),
    ],
)
def test_a_database_that_does_not_answer_is_named_without_its_password(course, url, words):
    if "psycopg" in url:
        pytest.importorskip("psycopg")
    finding = only(doctor.gradebook(with_url(course, url)))
    assert not finding.good and words in finding.text and "secret" not in finding.text


def test_an_error_without_a_word_has_a_reason_all_the_same(course, monkeypatch):
    assert reason(DatabaseError("SELECT 1", {}, ValueError("\n no such host\nHINT: look"))) == "no such host"
    assert reason(DatabaseError("SELECT 1", {}, ConnectionError(" "))) == "ConnectionError"

    def fail(*args, **kwargs):
        raise DatabaseError("SELECT 1", {}, ConnectionError())

    with course.open_gradebook():
        pass
    monkeypatch.setattr("sqlalchemy.engine.Engine.connect", fail)
    finding = only(doctor.gradebook(course))
    assert not finding.good and "cannot be read (ConnectionError)" in finding.text
    with pytest.raises(CourseError, match=r"cannot be opened \(ConnectionError\)"):
        course.open_gradebook()


# -- the rest ------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_found(course, monkeypatch):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=2**28))
    finding = only(doctor.disk(course))
    assert not finding.good and finding.text.startswith("0.2 GiB free") and "make room" in finding.text


def test_data_sets_are_listed(course, tmp_path, monkeypatch):
    monkeypatch.delenv("BACKPROP_DATA", raising=False)
    assert only(doctor.data(course)).optional
    monkeypatch.setenv("BACKPROP_DATA", str(tmp_path / "gone"))
    assert "no folder" in only(doctor.data(course)).text
    (tmp_path / "data/FashionMNIST/raw").mkdir(parents=True)
    (tmp_path / "data/FashionMNIST/raw/x.gz").write_bytes(b"")
    monkeypatch.setenv("BACKPROP_DATA", str(tmp_path / "data"))
    assert [finding.good for finding in doctor.data(course)] == [False, True, False]


def test_sections_that_are_not_released_are_named(course):
    assert not only(doctor.sections(course)).good
    (course.notebooks / "01-first").mkdir(parents=True)
    (course.notebooks / "01-first/first.py").write_text("# %%\n")
    assert "not released yet: 01-first" in only(doctor.sections(course)).text
    (course.release / "01-first").mkdir(parents=True)
    (course.release / "01-first/first.ipynb").write_text("{}")
    assert only(doctor.sections(course)).good


def test_one_look_that_fails_does_not_end_the_examination(course, monkeypatch):
    def fails(course):
        """The weather."""
        raise RuntimeError("rain")

    def refuses(course):
        raise UserError("Mend this.")

    for name in ("sandbox", "torch", "packages"):
        monkeypatch.setattr(doctor, name, refuses)
    monkeypatch.setattr(doctor, "disk", fails)
    texts = [finding.text for finding in examine(course)]
    assert texts.count("Mend this.") == 3 and "The weather could not be looked at (RuntimeError: rain)." in texts
    assert len(texts) >= 10


def test_the_command_ends_with_1_when_something_needed_is_missing(course):
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "doctor"], cwd=course.root, capture_output=True, text=True, timeout=120
    )
    assert (
        "MISSING notebooks/ has no section" in done.stdout and done.returncode == 1 and "Traceback" not in done.stderr
    )
