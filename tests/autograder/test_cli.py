"""The command line: exit status 0, 1 or 2, one sentence where something is wrong, never a traceback."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT, full_disk, needs_bubblewrap

from autograder import __main__ as command_line
from autograder import doctor
from autograder.__main__ import Steps, main
from autograder.course import Course
from autograder.demo.classroom import MadeUp, hand_in
from autograder.gradebook.result import SubmissionResult
from autograder.grading.run import Summary
from autograder.mutants.measure import Outcome, Tried

SECTION = "04-ridge"
pytestmark = pytest.mark.xdist_group("cli")


@pytest.fixture
def here(course: Course, monkeypatch) -> Course:
    """A course without submissions, as the working folder."""
    monkeypatch.chdir(course.root)
    return course


@pytest.fixture
def run(capfd):
    """run("grade", ...) -> (exit status, standard output, standard error)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        assert "Traceback" not in out + err
        return status, out, err

    return run


# -- wrong usage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "piece"),
    [
        (["nonsense"], "No such command"),
        (["grade", "--nonsense"], "No such option"),
        (["grade", "--workers", "0"], "--workers"),
        (["grade", "--workers", "many"], "--workers"),
        (["publish"], "Missing argument"),
        (["pdf", "x.ipynb"], "-o OUT.pdf"),
        (["mutants", "--seeds", "0"], "--seeds"),
        (["mutants", "--write", "/"], "is a directory"),
        (["mutants", "--visible", "--regions"], "Name one"),
        (["mutants", "--unseen", "--secrets", "3"], "Name one"),
        (["collect", ".", "--from", "email"], "There is no platform 'email'"),
        (["collect", ".", "--section", "99"], "There is no section '99'"),
        (["collect", ".", "--section", ""], "'' fits several"),
        (["collect", ".", "--at", "soon"], "--at: 'soon' is no time"),
        (["collect", ".", "--at", ""], "--at: '' is no time"),
        (["collect", ".", "--timezone", "Mars/Base"], "There is no time zone 'Mars/Base'"),
        (["publish", "../out", "--section", "99"], "There is no section '99'"),
        (["publish", "../out", "--url", "https://example.org"], "is not a GitHub repository"),
        (["export", "--format", "email"], "--format"),
        (["export", "--assignment", "04"], "is not SECTION=NAME"),
        (["regrade", "ada", "99"], "There is no section '99'"),
        (["pdf", "-o", "x.pdf"], "go with notebooks"),
    ],
)
def test_wrong_usage_is_status_2_and_says_what_is_wrong(run, here, arguments, piece):
    before = sorted(here.root.rglob("*"))
    status, out, err = run(*arguments)
    assert status == 2 and piece in err and not out
    assert sorted(path for path in here.root.rglob("*") if here.state not in (path, *path.parents)) == before
    assert not (here.root.parent / "out").exists()


NAMES = ["release", "publish", "grade", "feedback", "export", "report", "pdf", "mutants", "demo", "doctor"]


@pytest.mark.parametrize("command", ["", *NAMES])
def test_each_command_explains_itself(run, command):
    status, out, _ = run(*filter(None, [command, "--help"]))
    assert status == 0 and "Usage: " in out and "--help" in out


def test_without_a_command_the_help_is_shown(run):
    status, out, err = run()
    assert status in (0, 2) and "grade" in out + err and "doctor" in out + err


# -- something in the data is wrong ---------------------------------------------------------------------------------

COMMANDS = [["release"], ["grade"], ["feedback"], ["export"], ["report"], ["publish", "out"], ["mutants"], ["doctor"]]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_outside_a_course_every_command_says_so(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(*arguments)
    assert status == 1
    assert (
        err
        == f"{tmp_path} is not inside a course: no nbgrader_config.py here or above. Change to the course's folder.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["release", "grade", "feedback", "report", "mutants"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("99", "There is no section '99'"),
        ("../04-ridge", "There is no section '../04-ridge'"),
        ("0", "'0' fits several"),
        ("", "'' fits several"),
    ],
)
def test_a_section_that_is_not_one_is_named_and_the_known_ones_listed(run, here, command, name, said):
    status, _, err = run(command, name)
    assert status == 2 and said in err and SECTION in err


def test_no_submissions_at_all(run, here):
    status, _, err = run("grade")
    assert status == 1 and err.startswith(
        "submitted/ does not exist. Put submissions into submitted/<student>/<section>/"
    )


def test_an_unknown_student(run, here):
    here.submitted.mkdir()
    status, _, err = run("grade", "--student", "nobody")
    assert (status, err) == (
        1, "submitted/ has no folder for nobody. Check the spelling of the student id.\n"
    )  # fmt: skip


def test_a_section_that_was_not_released(run, here):
    hand_in(here, MadeUp("ana", ""), [SECTION])
    shutil.rmtree(here.release / SECTION)
    status, _, err = run("grade", SECTION, "--workers", 1)
    assert status == 1 and f"release/{SECTION} has no notebook" in err and "autograder release" in err


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite:////nowhere/at/all/gradebook.db", "postgresql://u:secret@127.0.0.1:1/x", "oracle://x"]
)
@pytest.mark.parametrize("command", ["export", "report", "feedback"])
def test_a_gradebook_that_cannot_be_opened_is_one_sentence_without_the_password(run, here, command, url):
    config = here.root / "nbgrader_config.py"
    config.write_text(config.read_text() + f"\nc.CourseDirectory.db_url = {url!r}\n")
    status, _, err = run(command)
    assert status == 1 and err.strip() and "secret" not in err and len(err.strip().splitlines()) <= 2


@pytest.mark.parametrize("text", ["c = get_config(", "1 / 0", "import nothing_of_this_name"])
def test_a_configuration_that_is_broken_is_named(run, here, text):
    (here.root / "nbgrader_config.py").write_text(text)
    status, _, err = run("export")
    assert status == 1 and "nbgrader_config.py" in err and "cannot be read" in err


def test_a_gradebook_that_is_no_database(run, here):
    here.gradebook_path.write_bytes(b"this is no database" * 100)
    status, _, err = run("export")
    assert status == 1 and "gradebook" in err


def test_nothing_graded_yet(run, here):
    for command in (["export"], ["report"], ["feedback"]):
        status, out, err = run(*command)
        assert status in (0, 1) and (out + err).strip()


def test_an_unknown_format(run, here):
    status, _, err = run("export", "--format", "ilias")
    assert status == 2 and "ilias" in err and "canvas" in err


def test_a_pdf_of_something_that_is_no_notebook(run, tmp_path):
    path = tmp_path / "x.ipynb"
    for content in (None, "no notebook"):
        if content is not None:
            path.write_text(content)
        status, out, err = run("pdf", path, "-o", tmp_path / "x.pdf")
        assert status == 1 and "x.ipynb" in out + err and not (tmp_path / "x.pdf").exists()


@pytest.mark.parametrize("what", ["the file", "its folder"])
def test_a_pdf_of_what_a_link_in_a_submission_leads_to_is_refused(run, here, what):
    folder = here.submitted / "eve" / SECTION
    if what == "the file":
        folder.mkdir(parents=True)
        (folder / "ridge.ipynb").symlink_to(here.source / SECTION / "ridge.ipynb")
    else:
        folder.parent.mkdir(parents=True)
        folder.symlink_to(here.source / SECTION)
    status, out, err = run("pdf", folder / "ridge.ipynb", "-o", here.root / "x.pdf")
    assert status == 1 and "a link may lead anywhere" in err and not (here.root / "x.pdf").exists()


@pytest.mark.parametrize("command", [["gradescope", "04"], ["report"], ["export"], ["pdf", "x.ipynb"]])
def test_a_folder_where_a_file_is_to_be_written_is_said(run, here, command):
    status, _, err = run(*command, "-o", ".")
    assert status == 1 and err == ". is a folder. Name a file with -o.\n"


def test_names_are_printed_as_they_are(capsys):
    command_line.console.print(":smile: [red]x[/red]", markup=False)
    command_line.say(":bomb: a:100:b")
    assert capsys.readouterr().out == ":smile: [red]x[/red]\n:bomb: a:100:b\n"


def test_without_bubblewrap_grading_refuses_and_says_what_to_do(run, here, monkeypatch, tmp_path):
    hand_in(here, MadeUp("ana", ""), [SECTION])
    monkeypatch.setenv("PATH", str(tmp_path))
    status, _, err = run("grade", SECTION, "--workers", 1)
    assert status == 1 and "bubblewrap (the program `bwrap`) is not installed" in err and "--no-sandbox" in err
    assert not here.autograded.exists() or not list(here.autograded.rglob("*.ipynb"))


def test_a_stopped_command_says_how_to_go_on(here, run, monkeypatch):
    monkeypatch.setattr("autograder.grading.run.grade_class", lambda *args, **how: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background begin without it
    try:
        status, _, err = run("grade")
    finally:
        signal.signal(signal.SIGINT, before)
    assert (status, err) == (130, "Stopped. What is finished is kept; the same command goes on from here.\n")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(PermissionError(13, "Permission denied", "/x/y"), "/x/y: Permission denied."), (OSError("odd"), "A file: odd.")],
)
def test_a_file_that_cannot_be_written_is_named(monkeypatch, capsys, error, sentence):
    def fails(*arguments, **how):
        raise error

    monkeypatch.setattr(command_line, "app", fails)
    assert main(["export"]) == 1
    assert capsys.readouterr().err == f"{sentence}\n"


@pytest.mark.parametrize(("shared", "mode"), [(False, 0o644), (True, 0o664)])
def test_graders_of_one_group_may_change_what_another_wrote(run, here, shared, mode):
    config = here.root / "nbgrader_config.py"
    config.write_text(config.read_text() + f"\nc.CourseDirectory.groupshared = {shared}\n")
    notebook = here.release / SECTION / "ridge.ipynb"
    shutil.rmtree(notebook.parent)
    before = os.umask(0o022)
    try:
        assert run("release", SECTION)[0] == 0
    finally:
        os.umask(before)
    assert notebook.stat().st_mode & 0o777 == mode and notebook.parent.stat().st_mode & 0o777 == mode | 0o111


# -- all is well ----------------------------------------------------------------------------------------------------


@needs_bubblewrap
@pytest.mark.sandbox
def test_a_whole_round_from_the_command_line(run, here):
    hand_in(here, MadeUp("ana", ""), [SECTION])
    (here.submitted / "bob" / SECTION).mkdir(parents=True)
    (here.submitted / "bob" / SECTION / "ridge.ipynb").write_text("no notebook")
    status, out, err = run("grade", "04", "--workers", 2)
    assert status == 1
    assert err == "Not graded, or not as a whole: 1 of the above; ask for them again or put them right.\n"
    assert "2 submissions of 2 students graded, 0 up to date before." in out
    assert "bob/04-ridge: ridge.ipynb is not a notebook" in out and "sum_node" in out
    status, out, err = run("grade", "04", "--workers", 2)
    assert (status, err) == (0, "") and out == "Nothing to grade: 2 submissions up to date.\n"
    status, out, err = run("feedback", "04")
    assert (status, err) == (0, "") and "2 pages written to feedback/\n" in out
    # Nobody has seen the work of bob yet: it waits for a person, and is no 0.
    assert out.endswith("A person has still to grade answers in 2 submissions (ana/04-ridge, bob/04-ridge).\n")
    assert "\nAll pages in feedback/ are up to date.\n" in run("feedback", "04")[1]
    status, out, err = run("grade", "07")
    assert (status, out, err) == (0, "submitted/ has nothing for 07-softmax-nll.\n", "")
    status, out, err = run("export", "--format", "csv", "-o", here.root / "grades.csv")
    assert status == 0 and (here.root / "grades.csv").read_text().count("ana") >= 1
    status, out, err = run("report", "-o", here.root / "class.html")
    assert status == 0 and (here.root / "class.html").stat().st_size > 1000
    with sqlite3.connect(here.gradebook_path) as database:
        assert database.execute("select sum(auto_score) from grade").fetchone() == (24,)


def result_of(student: str, **more) -> SubmissionResult:
    return SubmissionResult(student, SECTION, "", **{name: tuple(texts) for name, texts in more.items()})


def test_what_grading_says_is_sorted_with_faults_first_and_one_line_for_each_submission(run, here, monkeypatch):
    graded = [
        result_of("ana", problems=["one", "two", "three"], unread=["ridge"], look_again=["q_paths", "q_step"]),
        result_of("bob", problems=["mended"], suspicions=["uses ctypes"]),
        result_of("cem", faults=["a check failed"]),
    ]
    summary = Summary(graded, 1, ["dov/'x' is no section and was not graded."])
    monkeypatch.setattr("autograder.grading.run.grade_class", lambda *args, **how: summary)
    status, out, err = run("grade", "04")
    assert status == 1 and out[out.index("3 submissions") :].splitlines() == [
        "3 submissions of 3 students graded, 1 up to date before.",
        "FAULT cem/04-ridge: a check failed",
        "dov/'x' is no section and was not graded.",
        "look at bob/04-ridge: uses ctypes",
        "ana/04-ridge: graded again; look at the scores given by hand: q_paths, q_step",
        "ana/04-ridge: one (and 2 more, see the report)",
        "bob/04-ridge: mended",
    ]
    assert err.splitlines() == [
        "Faults of the grader or its checks: 1; grade those submissions by hand.",
        "Not graded, or not as a whole: 2 of the above; ask for them again or put them right.",
    ]


@pytest.mark.parametrize(
    ("summary", "status"),
    [
        (Summary([result_of("ana", problems=["mended"], suspicions=["uses ctypes"], look_again=["q_paths"])]), 0),
        (Summary([result_of("ana", unread=["ridge"])]), 1),
        (Summary([result_of("ana", faults=["a check failed"])]), 1),
        (Summary(skipped=1), 0),
        (Summary(skipped=1, refused=["ana/04-ridge is a file where a folder should be."]), 1),
    ],
)
def test_grading_is_status_1_where_a_submission_was_not_graded_as_a_whole(run, here, monkeypatch, summary, status):
    monkeypatch.setattr("autograder.grading.run.grade_class", lambda *args, **how: summary)
    assert run("grade", "04")[0] == status


def test_it_runs_as_a_module_and_its_status_reaches_the_shell(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "autograder", "grade"], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 1 and "is not inside a course" in done.stderr and "Traceback" not in done.stderr


def test_progress_without_a_terminal_is_a_few_plain_lines(capsys, monkeypatch):
    lines: list[str] = []
    monkeypatch.setattr(command_line, "say", lines.append)
    with Steps("grading") as steps:
        for done in range(1, 201):
            steps(done, 200, "ana")
    assert lines[-1] == "grading: 200 of 200" and 5 <= len(lines) <= 12


def test_publish_shows_its_progress_and_doctor_says_each_thing_as_soon_as_it_knows(run, here, tmp_path, monkeypatch):
    status, out, err = run("publish", tmp_path / "students")
    assert status == 0, err
    done, of = re.findall(r"publishing: (\d+) of (\d+)\n", out)[-1]
    assert done == of and out.count("publishing: ") >= 3
    said = []

    def slow(course):
        yield doctor.Finding(True, "first")
        assert said == ["ok      first"]
        yield doctor.Finding(True, "second")

    monkeypatch.setattr(doctor, "examine", slow)
    monkeypatch.setattr(command_line, "say", said.append)
    assert main(["doctor"]) == 0 and said == ["ok      first", "ok      second"]


def test_the_command_is_installed_under_its_name():
    program = Path(sys.executable).parent / "autograder"
    if not program.exists():
        pytest.skip("the package is not installed, only importable")
    assert "main" in program.read_text()


def test_a_table_of_mutants_is_written_whole_or_the_old_one_is_kept(run, here, tmp_path, monkeypatch):
    tried = [Tried(f"{SECTION}/sum_node_check", "minus", False, "sign", runs=2, named=2)]
    monkeypatch.setattr("autograder.mutants.measure.measure", lambda *args, **options: Outcome(tried, 2))
    page = tmp_path / "checks.md"
    assert run("mutants", "04", "--write", page)[0] == 0
    before = page.read_text(encoding="utf-8")
    assert f"| {SECTION}/sum_node_check | 1/1 | 0/0 | 100% | 0.0% |" in before
    tried[0].full = 1
    with full_disk():
        status, _, err = run("mutants", "04", "--write", page)
    assert status == 1 and "No space left" in err
    assert page.read_text(encoding="utf-8") == before and list(tmp_path.glob("*.md")) == [page]
    assert not list(tmp_path.glob(".tmp-*"))
