"""The gradebook on a real PostgreSQL server, started here from the system's packages."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from places import ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import CLASS, copy_course, make_class
from autograder.errors import CourseError
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
def server():
    """The address of an empty database on a server of our own."""
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
        tool(bin_folder / "createdb", "-h", "127.0.0.1", "-p", port, "-U", "grader", "grades")
        yield f"postgresql+psycopg://grader@127.0.0.1:{port}/grades"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


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


def test_a_server_that_is_not_there_is_one_sentence_without_the_password(tmp_path):
    course = use(copy_course(Course(ROOT), tmp_path / "course"), "postgresql+psycopg://me:secret@127.0.0.1:1/grades")
    with pytest.raises(CourseError, match="cannot be opened") as error:
        course.open_gradebook()
    assert "secret" not in str(error.value) and "\n" not in str(error.value)
