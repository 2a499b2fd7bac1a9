"""The gradebook on a real PostgreSQL server, started here from the system's packages: a term as the guide says it."""

from __future__ import annotations

import csv
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from commands import say
from nbgrader.api import Gradebook
from places import ROOT, needs_bubblewrap
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from autograder.course import Course
from autograder.demo.classroom import CLASS, MadeUp, copy_course, hand_in, make_class
from autograder.errors import CourseError, UserError
from autograder.gradebook import writer
from autograder.gradebook.writer import GradebookWriter
from autograder.grading.run import grade_class
from autograder.grading.workers import Options

SECTION = "04-ridge"
STUDENTS = tuple(student for student in CLASS if student.name in ("ada", "eli", "jan"))
PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))

pytestmark = [
    needs_bubblewrap,
    pytest.mark.sandbox,
    pytest.mark.skipif(not PROGRAMS, reason="PostgreSQL is not installed (Debian: apt-get install postgresql)"),
]


@pytest.fixture(scope="module")
def new_database():
    """new_database() -> the address of an empty database on a server of our own."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    run_as = {}
    if os.getuid() == 0:  # the server refuses to run as root
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        run_as = {"user": user.pw_uid, "group": user.pw_gid}
    bin_folder = PROGRAMS[-1].parent
    data = folder / "data"

    def tool(*command: object) -> None:
        subprocess.run([str(part) for part in command], check=True, capture_output=True, cwd=folder, **run_as)

    tool(bin_folder / "initdb", "-D", data, "-A", "trust", "-U", "grader", "-E", "UTF8", "--no-sync")
    settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    server = subprocess.Popen(
        [bin_folder / "postgres", "-D", data, *settings.split()], cwd=folder, stderr=subprocess.DEVNULL, **run_as
    )
    try:
        for _ in range(100):
            ready = subprocess.run([bin_folder / "pg_isready", "-h", "127.0.0.1", "-p", str(port)], capture_output=True)
            if ready.returncode == 0:
                break
            time.sleep(0.1)
        numbers = itertools.count(1)

        def new_database() -> str:
            name = f"grades{next(numbers)}"
            tool(bin_folder / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "grader", name)
            return f"postgresql+psycopg://grader@127.0.0.1:{port}/{name}"

        yield new_database
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def server(new_database) -> str:
    return new_database()


def scores(url: str) -> dict[tuple[str, str], tuple]:
    with Gradebook(url) as gradebook:
        return {
            (submission.student.id, grade.name): (grade.auto_score, grade.needs_manual_grade)
            for submission in gradebook.assignment_submissions(SECTION)
            for notebook in submission.notebooks
            for grade in notebook.grades
        }


def use(course: Course, url: str) -> Course:
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write(f"\nc.CourseDirectory.db_url = {url!r}\n")
    return Course(course.root)


def test_a_class_is_graded_into_postgresql_as_into_sqlite(course, server):
    make_class(course, [SECTION], STUDENTS)
    grade_class(course, [SECTION], options=Options(workers=2))
    ours = scores(course.gradebook_url)
    remote = use(course, server)
    summary = grade_class(remote, [SECTION], options=Options(workers=2, force=True))
    assert len(summary.graded) == len(STUDENTS) and not summary.faults
    assert scores(server) == ours
    grade_class(remote, [SECTION], options=Options(workers=2, force=True))
    assert scores(server) == ours


def by_hand(url: str, student: str, **given: float) -> None:
    """What the formgrader does when somebody gives scores and a comment."""
    with Gradebook(url) as gradebook:
        for name, points in given.items():
            grade = gradebook.find_grade(name, "ridge", SECTION, student)
            grade.manual_score, grade.needs_manual_grade = points, False
            gradebook.find_comment(name, "ridge", SECTION, student).manual_comment = f"seen: {name}"
        gradebook.db.commit()


def test_a_term_on_postgresql(course, server):
    remote = use(course, server)
    (course.root / "students.csv").write_text("id,first_name,last_name\nana,Ana,Sol\nbea,Bea,Luz\n")
    say(remote, "nbgrader", "db", "student", "import", "students.csv")
    say(remote, "nbgrader", "db", "assignment", "add", SECTION, "--duedate", "2026-03-02 12:00 UTC")
    hand_in(course, MadeUp("ana", ""), [SECTION])
    hand_in(course, MadeUp("bea", "", timestamp="2026-03-03 12:00 UTC"), [SECTION])
    assert "2 submissions of 2 students graded" in say(remote, "autograder", "grade", "--workers", "2")
    first = scores(server)

    by_hand(server, "ana", q_paths=1.5)
    assert "2 submissions of 2 students graded" in say(remote, "autograder", "grade", "--force", "--workers", "2")
    assert scores(server) == {**first, ("ana", "q_paths"): (None, False)}, "finished stays finished"
    with Gradebook(server) as gradebook:
        assert gradebook.find_grade("q_paths", "ridge", SECTION, "ana").manual_score == 1.5
        assert gradebook.find_comment("q_paths", "ridge", SECTION, "ana").manual_comment == "seen: q_paths"
        # What the formgrader's pages ask.
        rows = gradebook.submission_dicts(SECTION), gradebook.notebook_submission_dicts("ridge", SECTION)
        assert [len(row) for row in rows] == [2, 2] and len(gradebook.student_dicts()) == 2
        assert gradebook.average_assignment_score(SECTION) > 0

    say(remote, "autograder", "feedback")
    assert "seen: q_paths" in (course.feedback / "ana" / SECTION / "ridge.html").read_text()
    say(remote, "autograder", "export")
    lines = (course.exports / "grades-csv.csv").read_text().splitlines()
    (row,) = [row for row in csv.DictReader(lines) if "bea" in row.values()]
    assert "Luz" in row.values()
    say(remote, "autograder", "report")
    assert "Bea Luz" in (course.exports / "report.html").read_text()
    assert "ana" in say(remote, "autograder", "regrade", "ana", SECTION)

    # A cell that is gone, an answer that nobody has scored: the server looks at its references, SQLite does not.
    path = course.source / SECTION / "ridge.ipynb"
    path.write_text(path.read_text().replace('"sum_node_check"', '"sum_node_again"'))
    with remote.open_gradebook() as gradebook:
        gradebook.remove_submission(SECTION, "bea")
    say(remote, "nbgrader", "db", "student", "remove", "bea", "--force")
    with GradebookWriter(remote) as writer:
        writer.prepare(SECTION)
        names = {cell.name for cell in writer.gradebook.find_notebook("ridge", SECTION).grade_cells}
    assert "sum_node_again" in names and "sum_node_check" not in names


def test_two_runs_from_two_folders_do_not_write_into_one_gradebook_at_once(course, server, tmp_path):
    here = use(course, server)
    there = use(copy_course(Course(ROOT), tmp_path / "there"), server)
    for one in (here, there):
        hand_in(one, MadeUp("ana", ""), [SECTION])
    refused = pytest.raises(UserError, match="Another grading run is writing into this gradebook")
    with GradebookWriter(here), refused:
        grade_class(there, [SECTION], options=Options(workers=1))
    assert len(grade_class(there, [SECTION], options=Options(workers=1)).graded) == 1


def test_nobody_s_score_by_hand_is_overwritten_by_what_was_read_before_it(course, server, monkeypatch):
    remote = use(course, server)
    hand_in(course, MadeUp("ana", ""), [SECTION])
    grade_class(remote, [SECTION], options=Options(workers=1))
    work_out, tried = writer._grades, []

    def with_a_hand_between(*arguments):
        with Gradebook(server) as formgrader:
            formgrader.db.execute(text("SET lock_timeout = 300"))
            formgrader.find_grade("q_paths", "ridge", SECTION, "ana").manual_score = 2.0
            with pytest.raises(OperationalError, match="lock timeout"):
                formgrader.db.commit()
            formgrader.db.rollback()
            tried.append(True)
        return work_out(*arguments)

    monkeypatch.setattr(writer, "_grades", with_a_hand_between)
    grade_class(remote, [SECTION], options=Options(workers=1, force=True))
    assert tried


def test_somebody_grades_by_hand_while_a_run_is_at_work(course, server):
    remote = use(course, server)
    students = [f"s{number:02}" for number in range(6)]
    for student in students:
        hand_in(course, MadeUp(student, ""), [SECTION])
    grade_class(remote, [SECTION], options=Options(workers=2))
    with Gradebook(server) as formgrader:  # open all the time, as the formgrader's is
        ready = formgrader.find_grade("q_paths", "ridge", SECTION, "s00").id
        run = subprocess.Popen(
            [sys.executable, "-m", "autograder", "grade", "--force"],
            cwd=course.root,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        given = 0
        while run.poll() is None or given < len(students):
            if given < len(students):
                grade = formgrader.find_grade("q_paths", "ridge", SECTION, students[given])
                grade.manual_score, grade.needs_manual_grade = 1.0, False
                formgrader.db.commit()
                given += 1
            time.sleep(0.2)
        assert run.returncode == 0, run.stderr.read()
        formgrader.find_grade_by_id(ready)
    with Gradebook(server) as gradebook:
        for student in students:
            grade = gradebook.find_grade("q_paths", "ridge", SECTION, student)
            assert (grade.manual_score, grade.needs_manual_grade) == (1.0, False), student


def test_a_server_that_is_not_there_is_one_sentence_without_the_password(tmp_path):
    course = use(copy_course(Course(ROOT), tmp_path / "course"), "postgresql+psycopg://me:secret@127.0.0.1:1/grades")
    with pytest.raises(CourseError, match="cannot be opened") as error:
        course.open_gradebook()
    assert "secret" not in str(error.value) and "\n" not in str(error.value)
