"""A term from its first to its last command: two students in JupyterLab, three platforms, a grader, one gradebook."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from downloads import packed
from lab import NO_AUTOGRADER, cell, run, save
from places import CHECKS, ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import CLASS, Notebook, solved
from autograder.release.build import build
from autograder.submissions.released import released_notebooks

pytestmark = [pytest.mark.browser, pytest.mark.sandbox, needs_bubblewrap, pytest.mark.xdist_group("term")]

SECTION, NAME = "04-ridge", "ridge.ipynb"
ANSWER = "q_paths"  # a written answer of the section
COMMENT = "One path is missing."
TITLES = {"ada": "Ada Lovelace", "eli": "Eli Park", "fay": "Fay Wu"}
ADA, ELI, FAY = (next(student for student in CLASS if student.name == name) for name in TITLES)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    course = Course(tmp_path_factory.mktemp("term") / "course")
    course.root.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", course.root)
    shutil.copytree(CHECKS, course.root / "checks")
    shutil.copytree(ROOT / "notebooks" / SECTION, course.notebooks / SECTION)
    for path, content in build(course, SECTION).files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return course


def say(course: Course, *arguments: object) -> str:
    """Run a command of the instructor in the course's folder; return what it printed."""
    command = [sys.executable, "-m", "autograder", *map(str, arguments)]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def answer_in_the_browser(page, path: Path, wanted: Notebook) -> bytes:
    """Type every answer of `wanted` into the notebook that is open in the page, run all cells; return what is saved."""
    given = json.loads(path.read_text())["cells"]
    answers = {name: one["source"] for one in wanted["cells"] if (name := solution(one))}
    places = {number: answers[name] for number, one in enumerate(given) if (name := solution(one))}
    assert len(places) == len(answers) > 5
    for number, answer in places.items():
        if given[number]["cell_type"] == "markdown":
            cell(page, number).dblclick()
        cell(page, number).locator(".cm-content").click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(answer)
        page.keyboard.press("Escape")
    run(page)
    return save(page, path, places)


def solution(one: dict) -> str:
    """The grade_id of a cell with an answer, "" for another one."""
    nbgrader = one["metadata"].get("nbgrader", {})
    return nbgrader["grade_id"] if nbgrader.get("solution") else ""


def scores(course: Course) -> dict[str, float]:
    """student -> what nbgrader says that the submission got."""
    with course.open_gradebook() as gradebook:
        return {found.student.id: found.score for found in gradebook.assignment_submissions(SECTION)}


def test_a_term_from_publish_to_the_grade_file(course, serve, visit, tmp_path):
    # The instructor publishes; two students clone and work in JupyterLab, without the instructor's package.
    students = tmp_path / "students"
    say(course, "publish", students, "--url", "https://github.com/ana/homework")
    (template,) = released_notebooks(course, SECTION).values()
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    (blocked / "sitecustomize.py").write_text(NO_AUTOGRADER)
    desks = tmp_path / "desks"
    for student in (ADA, ELI):
        shutil.copytree(students, desks / student.name)
    lab = serve(desks, "lab", {"PYTHONPATH": str(blocked)})
    work = {}
    for student in (ADA, ELI):
        path = desks / student.name / SECTION / NAME
        page = visit(lab, f"lab/workspaces/{student.name}/tree/{student.name}/{SECTION}/{NAME}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        count = len(json.loads(path.read_text())["cells"])
        page.wait_for_function("n => document.querySelectorAll('.jp-Notebook .jp-Cell').length === n", arg=count)
        work[student.name] = answer_in_the_browser(page, path, solved(template, student))
        lab.end_kernels()
        page.close()
    assert {address.rpartition("/")[2] for address in lab.elsewhere} <= {"colab-badge.svg"}

    # The work comes back by three platforms, the third student's without a browser.
    work["fay"] = json.dumps(solved(template, FAY)).encode()
    downloads = {
        "canvas.zip": {f"lovelaceada_101_9_{NAME}": work["ada"]},
        "moodle.zip": {f"Eli Park_102_assignsubmission_file/{NAME}": work["eli"]},
        "blackboard.zip": {f"Homework 4_fay_attempt_2026-03-01-12-00-00_{NAME}": work["fay"]},
    }
    rosters = {"canvas.zip": "student,canvas\nada,101\n", "moodle.zip": "student,moodle\neli,102\n"}
    for name, files in downloads.items():
        (tmp_path / name).write_bytes(packed(files))
        more = []
        if name in rosters:
            (tmp_path / f"{name}.csv").write_text(rosters[name])
            more = ["--roster", tmp_path / f"{name}.csv"]
        said = say(course, "collect", tmp_path / name, "--section", SECTION, "--timezone", "UTC", *more)
        assert f"read as: {name.removesuffix('.zip')}" in said and "nothing refused" in said
    assert {path.name for path in course.submitted.iterdir()} == set(TITLES)

    # All are graded; one answer gets points and a comment in the formgrader, and another run leaves both.
    assert "3 submissions of 3 students graded" in say(course, "grade", "--workers", 2)
    before = scores(course)
    assert before["ada"] > before["eli"] > 0 and before["ada"] > before["fay"] > 0
    desk = serve(course.root)
    with course.open_gradebook() as gradebook:
        key = gradebook.find_submission_notebook(template.name, SECTION, "eli").id
    page = visit(desk, f"formgrader/submissions/{key}")
    page.wait_for_function("() => window.formgrader?.grades?.loaded && window.formgrader.comments.loaded")
    for locator, text, api in (
        (f"input[id='{ANSWER}']", "1.5", "grade"),
        (f"textarea[id='{ANSWER}-comment']", COMMENT, "comment"),
    ):
        with page.expect_response(lambda r, api=api: f"/api/{api}/" in r.url and r.request.method == "PUT") as saved:
            page.locator(locator).fill(text)
            page.locator(locator).press("Tab")
        assert saved.value.ok
    graded = scores(course)
    assert graded == {**before, "eli": before["eli"] + 1.5}
    assert "3 submissions of 3 students graded" in say(course, "grade", "--force", "--workers", 2)
    assert scores(course) == graded
    with course.open_gradebook() as gradebook:
        assert gradebook.find_comment(ANSWER, template.name, SECTION, "eli").comment == COMMENT
        grade = gradebook.find_grade(ANSWER, template.name, SECTION, "eli")
        assert (grade.manual_score, grade.needs_manual_grade) == (1.5, False)

    # Feedback goes back to the platforms that take it, and the grades into their files.
    said = say(course, "feedback", "--zip")
    packs = {path.name: zipfile.ZipFile(path).namelist() for path in course.exports.glob("feedback-*.zip")}
    assert packs == {
        f"feedback-{SECTION}-canvas.zip": ["lovelaceada_101_9_ridge.html"],
        f"feedback-{SECTION}-moodle.zip": ["Eli Park_102_assignsubmission_file_/ridge.html"],
    }
    assert "fay" in said, "a platform that takes no feedback by name is said"
    assert COMMENT in (course.feedback / "eli" / SECTION / "ridge.html").read_text()
    for form in ("csv", "canvas", "moodle", "blackboard"):
        say(course, "export", "--format", form)
    with open(course.exports / "grades-csv.csv", newline="") as file:
        table = {row["student"]: row for row in csv.DictReader(file)}
    assert {student: float(row[f"{SECTION} score"]) for student, row in table.items()} == graded
    for form, column in (("canvas", "SIS User ID"), ("moodle", "Username"), ("blackboard", "Username")):
        text = (course.exports / f"grades-{form}.csv").read_text()
        assert column in text and f"{graded['eli']:g}" in text, text
