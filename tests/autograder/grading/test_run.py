"""A run is resumable: killed anywhere, repeated, changed in between, it ends in the same gradebook."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import pkgutil
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from places import ROOT, descendants, full_disk, needs_bubblewrap
from small_class import QUICK, SECTION, rows

from autograder.course import Course
from autograder.demo.classroom import MadeUp, copy_course, hand_in, make_class, replace
from autograder.errors import CourseError, UserError
from autograder.gradebook.result import Result, SubmissionResult
from autograder.gradebook.writer import GradebookWriter
from autograder.grading.ledger import Ledger
from autograder.grading.run import apply, grade_class
from autograder.grading.workers import Options
from autograder.lock import one_run_at_a_time
from autograder.submissions.find import Submission, collected_note, find_submissions
from autograder.submissions.released import released_notebooks
from autograder.submissions.submission import TIME, read_contents, read_timestamp

pytestmark = [needs_bubblewrap, pytest.mark.sandbox]

NO_TIME = b"-99:99129999999999999999999999999999999999999999 am):122026 pm"  # stops the parser of dates


def score(course: Course, student: str, grade_id: str) -> float | None:
    (found,) = [row[4] for row in rows(course) if row[0] == student and row[3] == grade_id]
    return found


def quick(course: Course, **how) -> object:
    return grade_class(course, [SECTION], options=Options(workers=2, **how))


def test_only_what_is_new_or_changed_is_graded(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    assert len(quick(course).graded) == 1
    assert len(quick(course).graded) == 0
    hand_in(course, MadeUp("bea", ""), [SECTION])
    assert [result.student for result in quick(course).graded] == ["bea"]
    wrong = MadeUp("ana", "", {"sum_node": replace("self.a.d_out +=", "self.a.d_out =")})
    hand_in(course, wrong, [SECTION])
    assert [result.student for result in quick(course).graded] == ["ana"]
    assert score(course, "ana", "sum_node_check") == 2
    shutil.rmtree(course.autograded / "bea")
    assert [result.student for result in quick(course).graded] == ["bea"], "autograded/ was removed by hand"
    assert len(quick(course, force=True).graded) == 2


def by_hand(course: Course, student: str, **scores: float) -> None:
    """What the formgrader does when somebody gives scores."""
    with course.open_gradebook() as gradebook:
        for name, points in scores.items():
            grade = gradebook.find_grade(name, "ridge", SECTION, student)
            grade.manual_score, grade.needs_manual_grade = points, False
        gradebook.db.commit()


def waiting(course: Course, student: str) -> list[str]:
    """The cells that the formgrader lists for a person."""
    with course.open_gradebook() as gradebook:
        (notebook,) = gradebook.find_submission(SECTION, student).notebooks
        return sorted(grade.name for grade in notebook.grades if grade.needs_manual_grade)


def test_manual_scores_and_comments_survive_grading_again(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    quick(course)
    with course.open_gradebook() as gradebook:
        grade = gradebook.find_grade("q_paths", "ridge", SECTION, "ana")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.5, 0.5, False
        gradebook.find_comment("q_paths", "ridge", SECTION, "ana").manual_comment = "which path?"
        gradebook.db.commit()
    quick(course, force=True)
    with course.open_gradebook() as gradebook:
        grade = gradebook.find_grade("q_paths", "ridge", SECTION, "ana")
        assert (grade.manual_score, grade.extra_credit, grade.needs_manual_grade) == (1.5, 0.5, False)
        assert gradebook.find_comment("q_paths", "ridge", SECTION, "ana").manual_comment == "which path?"


def test_a_finished_answer_stays_finished_when_its_text_has_not_changed(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    quick(course)
    left = waiting(course, "ana")
    by_hand(course, "ana", q_paths=1.5, sum_node_check=1)
    assert [result.look_again for result in quick(course, force=True).graded] == [()]
    assert waiting(course, "ana") == [name for name in left if name != "q_paths"]
    # A changed check is a new automatic verdict at most; the answers are those that a person has read.
    path = course.source / SECTION / "ridge.ipynb"
    path.write_text(path.read_text().replace("Check your work.", "Check what you wrote."))
    assert [result.look_again for result in quick(course).graded] == [()]
    assert "q_paths" not in waiting(course, "ana")


def test_scores_by_hand_on_answers_that_changed_are_named_once(course):
    for student in ("bea", "ana"):
        hand_in(course, MadeUp(student, ""), [SECTION])
    assert [result.look_again for result in quick(course).graded] == [(), ()]
    by_hand(course, "ana", q_paths=1, sum_node_check=1)
    path = course.submitted / "ana" / SECTION / "ridge.ipynb"
    notebook = json.loads(path.read_text())
    (cell,) = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "q_paths"]
    cell["source"] = "Another answer."
    path.write_text(json.dumps(notebook))
    graded = quick(course).graded
    # The score of the test was given for the notebook's work as it was: that has changed too.
    assert [(r.student, sorted(r.look_again)) for r in graded] == [("ana", ["q_paths", "sum_node_check"])]
    assert {"q_paths", "sum_node_check"} <= set(waiting(course, "ana"))
    assert [result.look_again for result in quick(course, force=True).graded] == [(), ()], "said already"
    assert {"q_paths", "sum_node_check"} <= set(waiting(course, "ana")), "nobody has looked yet"


def test_answers_are_looked_at_again_where_nobody_knows_what_they_were(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    quick(course)
    by_hand(course, "ana", q_paths=1)
    shutil.rmtree(course.autograded / "ana")
    assert [result.look_again for result in quick(course).graded] == [("q_paths",)]


KERNEL = b'"metadata": {"kernelspec": {"name": "ir", "language": "R"}}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.mark.parametrize(
    ("content", "unread"),
    [
        (None, True),
        (b"no notebook", True),
        (b"ridge.ipynb asks for the kernel", True),
        (b'{"cells": [{"cell_type": "code", "source": "x = 1", "metadata": {}}, {"cell_type": "co', True),
        (b'{"cells": [{"cell_type": "code", "source": "x = 1", "metadata": {}}, 7], "nbformat": 4}', True),
        (b'{"cells": [{"cell_type": "code", "source": "x = 1", "metadata": {}}], ' + KERNEL, False),
        (b'{"cells": [{"cell_type": "code", "source": "x = 1"}]}', False),
    ],
)
def test_a_notebook_that_is_not_there_as_a_whole_is_unread(course, content, unread):
    folder = course.submitted / "ana" / SECTION
    folder.mkdir(parents=True)
    if content is not None:
        (folder / "ridge.ipynb").write_bytes(content)
    wanted = released_notebooks(course, SECTION)
    submission = read_contents(folder, wanted)
    assert submission.unread(wanted) == (["ridge"] if unread else [])
    assert bool(content and KERNEL in content) == any(
        "kernel" in said for s in submission.notebook_problems.values() for said in s
    )


def test_a_changed_release_grades_everything_again(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    quick(course)
    path = course.source / SECTION / "ridge.ipynb"
    path.write_text(path.read_text().replace("Check your work.", "Check what you wrote."))
    assert len(quick(course).graded) == 1


def test_a_late_submission_keeps_its_time(course):
    hand_in(course, MadeUp("ana", "", timestamp="2026-04-01 09:30:00 UTC"), [SECTION])
    quick(course)
    with course.open_gradebook() as gradebook:
        assert str(gradebook.find_submission(SECTION, "ana").timestamp) == "2026-04-01 09:30:00"
    assert (course.autograded / "ana" / SECTION / "timestamp.txt").read_text().startswith("2026-04-01 09:30:00")


def test_names_with_odd_characters_are_students_like_all_others(course):
    names = ["O'Neil, Zoë", "名前", "a b", "-x", "100%", "Ж" * 120]
    for name in names:
        hand_in(course, MadeUp(name, ""), [SECTION])
    quick(course)
    assert {row[0] for row in rows(course)} == set(names)
    assert len(quick(course).graded) == 0


def test_what_lies_in_the_wrong_place_is_named(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    folder = course.submitted / "ana"
    for wrong in ("4-ridge", "04-Ridge", "my work"):
        (folder / wrong).mkdir()
    (course.submitted / "wes").mkdir()
    (course.submitted / "wes" / "ridge.ipynb").write_text("{}")
    submissions, problems = find_submissions(course, [SECTION])
    assert [submission.name for submission in submissions] == [f"ana/{SECTION}"]
    assert problems == [
        "ana/'04-Ridge' is no section and was not graded. Rename it to 04-ridge.",
        "ana/'4-ridge' is no section and was not graded. Rename it to 04-ridge.",
        "ana/'my work' is no section and was not graded. Put notebooks into submitted/ana/<section>/.",
        "wes/'ridge.ipynb' is no section and was not graded. Put notebooks into submitted/wes/<section>/.",
    ]
    with pytest.raises(CourseError, match="no folder for nobody"):
        find_submissions(course, [SECTION], skip=["nobody"])


def test_links_in_submitted_are_named_and_not_followed(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    os.symlink(course.submitted / "ana", course.submitted / "eve")
    submissions, problems = find_submissions(course, [SECTION])
    assert [submission.student for submission in submissions] == ["ana"]
    assert problems == [f"eve/{SECTION}: the folder is a link and was not followed. Ask for a copy of it."]


def test_a_notebook_in_a_folder_of_its_own_is_found(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    folder = course.submitted / "ana" / SECTION
    (folder / "my homework").mkdir()
    (folder / "ridge.ipynb").rename(folder / "my homework" / "ridge.ipynb")
    summary = quick(course)
    assert score(course, "ana", "sum_node_check") == 5
    assert "was called 'my homework/ridge.ipynb'" in summary.problems[0]


def test_a_name_that_would_be_html_is_refused(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    hand_in(course, MadeUp("<img src=x onerror=1>", ""), [SECTION])
    submissions, problems = find_submissions(course, [SECTION])
    assert [submission.student for submission in submissions] == ["ana"]
    assert len(problems) == 1 and "Rename the folder" in problems[0]


@pytest.mark.parametrize("name", [b"\xff\xfe", b"new\nline", "right\u202eleft".encode(), b"\x1b[2J"])
def test_a_name_that_cannot_be_shown_is_refused(course, name):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    os.makedirs(os.path.join(os.fsencode(course.submitted), name, SECTION.encode()))
    submissions, problems = find_submissions(course, [SECTION])
    assert [submission.student for submission in submissions] == ["ana"]
    assert len(problems) == 1 and problems[0].isprintable() and "Rename the folder" in problems[0]


def test_files_that_are_huge_deep_or_no_files_stop_nothing(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    folder = course.submitted / "ana" / SECTION
    with open(folder / "weights.npz", "wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    os.mkfifo(folder / "pipe")
    here = os.getcwd()
    os.chdir(folder)
    for _ in range(1500):
        os.mkdir("d")
        os.chdir("d")
    os.chdir(here)
    try:
        summary = quick(course)
    finally:
        subprocess.run(["rm", "-rf", folder / "d"], check=True)  # too deep for shutil.rmtree
    assert score(course, "ana", "sum_node_check") == 5
    assert any("too large" in text for text in summary.problems)
    assert any("more than 12 folders deep" in text for text in summary.problems)


def test_wrong_use_is_one_sentence(course):
    with pytest.raises(CourseError, match="submitted/ does not exist"):
        quick(course)
    hand_in(course, MadeUp("ana", ""), [SECTION])
    with pytest.raises(CourseError, match="no folder for bob"):
        grade_class(course, [SECTION], ["bob"])
    with one_run_at_a_time(course), pytest.raises(UserError, match="Another grading run"):
        quick(course)


def test_a_notebook_under_another_name_is_found(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    folder = course.submitted / "ana" / SECTION
    (folder / "ridge.ipynb").rename(folder / "Ridge (1) final.ipynb")
    summary = quick(course)
    assert score(course, "ana", "sum_node_check") == 5
    assert "was called 'Ridge (1) final.ipynb'" in summary.problems[0]


def test_a_missing_notebook_gets_no_points_and_needs_nobody(course):
    folder = course.submitted / "ana" / SECTION
    folder.mkdir(parents=True)
    summary = quick(course)
    assert summary.problems == [f"ana/{SECTION}: ridge.ipynb was not handed in."]
    assert [result.unread for result in summary.graded] == [("ridge",)]
    assert {row[4:] for row in rows(course)} == {(0.0, None, 0)}


TIMES = [None, b"", b"yesterday", b"9999-99-99", b"\xff" * 3000, b"2026-01-01 00:00:00 UTC", NO_TIME]


@pytest.mark.parametrize("text", TIMES)
def test_any_timestamp_file_is_read_or_ignored(tmp_path, text):
    if text is not None:
        (tmp_path / "timestamp.txt").write_bytes(text)
    found = read_timestamp(tmp_path)
    assert (found is not None) == (text == b"2026-01-01 00:00:00 UTC")


def test_a_timestamp_that_is_no_ordinary_file_is_no_time(tmp_path):
    os.mkfifo(tmp_path / "timestamp.txt")
    assert read_timestamp(tmp_path) is None
    (tmp_path / "timestamp.txt").unlink()
    os.symlink("/dev/zero", tmp_path / "timestamp.txt")
    assert read_timestamp(tmp_path) is None


def test_a_unit_that_kills_its_worker_twice_is_given_up_and_nothing_else_is_lost(course, monkeypatch):
    from autograder.grading import workers as pool

    def deadly(wanted, submission, contents, grader):
        if submission.student == "eve":
            os.kill(os.getpid(), signal.SIGKILL)
        return original(wanted, submission, contents, grader)

    original = pool.grade_submission
    monkeypatch.setattr(pool, "grade_submission", deadly)
    for name in ("ana", "eve", "zoe"):
        hand_in(course, MadeUp(name, ""), [SECTION])
    summary = quick(course)
    assert summary.faults == [f"eve/{SECTION}: grading it ended the grader's own process twice; look at it by hand."]
    assert score(course, "ana", "sum_node_check") == score(course, "zoe", "sum_node_check") == 5
    assert all(row[4] is None and row[6] for row in rows(course) if row[0] == "eve")


def test_a_worker_that_died_between_two_units_is_replaced(course, monkeypatch):
    from autograder.grading import workers as pool

    given = []

    def killed_before_the_second(worker, queue):
        if len(given) == 1:
            worker.process.kill()
            worker.process.join()
        given.append(worker)
        return original(worker, queue)

    original = pool._Worker.take
    monkeypatch.setattr(pool._Worker, "take", killed_before_the_second)
    for name in ("ana", "bea", "zoe"):
        hand_in(course, MadeUp(name, ""), [SECTION])
    summary = grade_class(course, [SECTION], options=Options(workers=1))
    assert sorted(result.student for result in summary.graded) == ["ana", "bea", "zoe"]
    assert summary.faults == [] and given[1] is not given[2]


def test_a_gradebook_that_another_program_holds_stops_the_run_with_a_sentence_and_loses_nothing(course, monkeypatch):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    quick(course)
    with sqlite3.connect(course.gradebook_path, isolation_level=None) as other:
        other.execute("begin immediate")
        with pytest.raises(CourseError, match="The gradebook cannot be written .*locked.*the same command goes on"):
            quick(course, force=True)
        other.execute("rollback")
    assert len(quick(course, force=True).graded) == 1
    assert score(course, "ana", "sum_node_check") == 5


def test_files_get_the_rights_that_new_files_get(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    before = os.umask(0o027)
    try:
        quick(course)
    finally:
        os.umask(before)
    folder = course.autograded / "ana" / SECTION
    notes = list((course.state / "done").rglob("*.json"))
    modes = {path.stat().st_mode & 0o777 for path in [*folder.iterdir(), *notes]}
    assert modes == {0o640} and folder.stat().st_mode & 0o777 == 0o750
    assert (course.state / "salt").stat().st_mode & 0o007 == 0


# -- kills ----------------------------------------------------------------------------------------------------------


def start(course: Course) -> subprocess.Popen:
    code = (
        "import sys; from pathlib import Path; from autograder.course import Course;"
        "from autograder.grading.run import *; from autograder.grading.workers import *;"
        f"grade_class(Course(Path(sys.argv[1])), ['{SECTION}'], options=Options(workers=2))"
    )
    return subprocess.Popen([sys.executable, "-c", code, str(course.root)], start_new_session=True)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """A course with submissions, and the rows of a run that nothing disturbed."""
    course = copy_course(Course(ROOT), tmp_path_factory.mktemp("kills") / "course")
    make_class(course, [SECTION], QUICK)
    begin = time.monotonic()
    grade_class(course, [SECTION], options=Options(workers=2))
    seconds = time.monotonic() - begin
    expected = rows(course)
    return course, expected, seconds


def forget(course: Course) -> None:
    for folder in (course.autograded, course.state):
        shutil.rmtree(folder, ignore_errors=True)
    course.gradebook_path.unlink(missing_ok=True)


@pytest.mark.xdist_group("kills")
@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_anywhere_and_started_again_gives_the_same_gradebook(uninterrupted, seed):
    course, expected, seconds = uninterrupted
    forget(course)
    moments = random.Random(seed)
    for _ in range(2):
        process = start(course)
        time.sleep(1.0 + moments.uniform(0, seconds))
        everyone = [process.pid, *descendants(process.pid)]
        victims = everyone if moments.random() < 0.6 else [moments.choice(everyone)]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if victims == everyone:
            process.wait()
        else:
            process.wait(timeout=120)
    assert start(course).wait(timeout=120) == 0
    assert rows(course) == expected
    assert not list(course.state.glob("writing-*")) and not list(course.state.glob("old-*"))
    finished = {result.student for result in Ledger(course).results(SECTION)}
    assert finished == {student.name for student in QUICK}
    for student in QUICK:
        notebook = course.autograded / student.name / SECTION / "ridge.ipynb"
        assert json.loads(notebook.read_text())["cells"]


@pytest.mark.parametrize(
    "moment",
    [
        "run.GradebookWriter.write",
        "run.os.replace",
        "run.Ledger.finish",
        "ledger.write_atomically",
    ],
)
def test_a_power_cut_at_any_step_of_writing_changes_nothing_in_the_end(course, monkeypatch, moment):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    submission = Submission("ana", SECTION, course.submitted / "ana" / SECTION, "an old key")
    old = Result(SECTION, "ridge", {"sum_node_check": 4.0}, notebook={"cells": []})
    old = SubmissionResult.of(submission, notebooks={"ridge": old})

    def power_cut(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, GradebookWriter(course) as writer:
        writer.prepare(SECTION)
        patch.setattr(f"autograder.grading.{moment}", power_cut)
        with pytest.raises(KeyboardInterrupt):
            apply(course, writer, Ledger(course), submission, old)
    assert [result.student for result in quick(course).graded] == ["ana"]
    assert score(course, "ana", "sum_node_check") == 5
    assert quick(course).skipped == 1
    assert not list(course.state.glob("writing-*")) and not list(course.state.glob("old-*"))


def test_a_damaged_note_costs_time_and_nothing_else(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    quick(course)
    (path,) = (course.state / "done").rglob("*.json")
    for damage in ("{", "[]", '{"result": {"notebooks": {}}, "written": {}}', '{"result": {}}', "[" * 10**5):
        path.write_text(damage)
        assert list(Ledger(course).results(SECTION)) == [], damage[:80]
    assert len(quick(course).graded) == 1


def test_a_unit_is_named_by_student_and_section():
    assert Submission("ana", SECTION, Path("x")).name == "ana/04-ridge"


def test_tests_may_be_added_split_and_removed_after_release(course):
    """nbgrader refuses this once somebody has handed in."""
    hand_in(course, MadeUp("ana", ""), [SECTION])
    quick(course)

    def edit(old: str, new: str) -> None:
        for folder in (course.source, course.release):
            path = folder / SECTION / "ridge.ipynb"
            notebook = json.loads(path.read_text())
            for cell in list(notebook["cells"]):
                if cell["metadata"].get("nbgrader", {}).get("grade_id") == old:
                    copy = json.loads(json.dumps(cell))
                    copy["id"], copy["metadata"]["nbgrader"]["grade_id"] = new, new
                    notebook["cells"].insert(notebook["cells"].index(cell) + 1, copy)
            path.write_text(json.dumps(notebook))

    edit("q_paths", "q_more")
    summary = quick(course)
    assert len(summary.graded) == 1 and score(course, "ana", "q_paths") is None
    assert any(row[3] == "q_more" for row in rows(course))

    for folder in (course.source, course.release):
        path = folder / SECTION / "ridge.ipynb"
        notebook = json.loads(path.read_text())
        gone = [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == "q_paths"]
        notebook["cells"].remove(gone[0])
        path.write_text(json.dumps(notebook))
    with course.open_gradebook() as gradebook:
        gradebook.find_grade("q_paths", "ridge", SECTION, "ana").manual_score = 2
        gradebook.db.commit()
    with pytest.raises(CourseError, match="q_paths, but it has scores or comments given by hand"):
        quick(course)
    with course.open_gradebook() as gradebook:
        gradebook.find_grade("q_paths", "ridge", SECTION, "ana").manual_score = None
        gradebook.db.commit()
    quick(course)
    assert not any(row[3] == "q_paths" for row in rows(course))
    assert score(course, "ana", "sum_node_check") == 5


# -- whatever one submission makes a step raise costs that submission alone -------------------------------------------


STEPS = {
    "its key": "autograder.grading.run:submission_key",
    "whether it is done": "autograder.grading.run:Ledger.is_done",
    "reading it": "autograder.grading.workers:read_contents",
    "grading it": "autograder.grading.workers:grade_submission",
    "its time": "autograder.submissions.submission:read_timestamp",
    "its scores": "autograder.grading.run:GradebookWriter.write",
    "its files": "autograder.grading.writing:_write_beside",
    "its answers before": "autograder.grading.writing:unchanged_answers",
    "its note": "autograder.grading.run:Ledger.finish",
}


def for_eve(original, error):
    """The same function, but for what has to do with eve."""

    def step(*args, **kwargs):
        if any(re.search(r"\beve\b", str(arg)) for arg in args):
            raise error
        return original(*args, **kwargs)

    return step


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_fails_for_one_submission_costs_that_submission_alone(course, monkeypatch, step):
    for student in ("ana", "eve", "zoe"):
        hand_in(course, MadeUp(student, ""), [SECTION])
    (course.submitted / "eve" / SECTION / "of eve.txt").write_text("more")
    original = pkgutil.resolve_name(STEPS[step])
    error = RuntimeError("of eve's") if len(step) % 2 else PermissionError(13, "Permission denied")
    with monkeypatch.context() as patch:
        patch.setattr(STEPS[step].replace(":", "."), for_eve(original, error))
        summary = quick(course)
    assert [result.student for result in summary.graded] == ["ana", "eve", "zoe"]
    assert score(course, "ana", "sum_node_check") == score(course, "zoe", "sum_node_check") == 5
    assert len(summary.faults) == 1 and summary.faults[0].startswith(f"eve/{SECTION}: "), summary.faults
    assert not list(course.state.glob("writing-*"))
    summary = quick(course)
    assert [result.student for result in summary.graded] == ["eve"] and not summary.faults, "it is tried again"
    assert score(course, "eve", "sum_node_check") == 5


def test_a_full_disk_ends_the_run_and_nothing_is_booked_as_a_fault(course, monkeypatch):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    with full_disk(), pytest.raises(OSError, match="No space left"):
        quick(course)
    assert [result.faults for result in quick(course).graded] == [()]


def test_a_folder_called_like_the_notebook_stops_nobody(course):
    """Windows' "Extract all" makes it from an honest zip."""
    for student in ("ana", "eve", "zoe"):
        hand_in(course, MadeUp(student, ""), [SECTION])
    folder = course.submitted / "eve" / SECTION
    (folder / "ridge.ipynb").rename(folder / "mine")
    (folder / "ridge.ipynb").mkdir()
    (folder / "mine").rename(folder / "ridge.ipynb" / "ridge.ipynb")
    (folder / "ridge.ipynb" / "notes.txt").write_text("mine")
    summary = quick(course)
    assert len(summary.graded) == 3 and not summary.faults
    assert score(course, "ana", "sum_node_check") == score(course, "zoe", "sum_node_check") == 5
    assert score(course, "eve", "sum_node_check") == 5
    kept = course.autograded / "eve" / SECTION
    assert (kept / "ridge.ipynb").is_file() and any(path.name == "notes.txt" for path in kept.rglob("*"))
    assert quick(course).skipped == 3


@pytest.mark.parametrize("text", [b"yesterday", NO_TIME, b"9999-99-99", b"\xff" * 300])
def test_a_time_that_cannot_be_read_is_said_and_the_work_is_graded(course, text):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    (course.submitted / "ana" / SECTION / "timestamp.txt").write_bytes(text)
    summary = quick(course)
    assert score(course, "ana", "sum_node_check") == 5
    (result,) = summary.graded
    assert len(result.suspicions) == 1 and "counts as in time until somebody corrects it" in result.suspicions[0]


def test_what_lands_in_autograded_is_what_was_graded(course, monkeypatch):
    """The folder changes between reading and writing: the work graded and the work kept are the same."""
    hand_in(course, MadeUp("ana", ""), [SECTION])
    folder = course.submitted / "ana" / SECTION
    (folder / "more.txt").write_bytes(b"as read")
    write = GradebookWriter.write

    def changed_meanwhile(*args, **kwargs):
        (folder / "more.txt").write_bytes(b"later")
        (folder / "timestamp.txt").write_text("2031-01-01 00:00:00 UTC")
        (folder / "new.txt").write_bytes(b"later")
        return write(*args, **kwargs)

    monkeypatch.setattr(GradebookWriter, "write", changed_meanwhile)
    quick(course)
    kept = course.autograded / "ana" / SECTION
    assert (kept / "more.txt").read_bytes() == b"as read" and not (kept / "new.txt").exists()
    assert (kept / "timestamp.txt").read_text().startswith("2026-03-01")
    monkeypatch.undo()
    assert [result.student for result in quick(course).graded] == ["ana"], "the change is graded in the next run"
    assert (kept / "more.txt").read_bytes() == b"later"


def test_a_time_that_collecting_did_not_write_is_said(course):
    for student in ("ana", "bea"):
        hand_in(course, MadeUp(student, ""), [SECTION])
    note = collected_note(course, "bea", SECTION)
    note.parent.mkdir(parents=True)
    note.write_text("{}")
    assert quick(course).own_times == [f"ana/{SECTION}"]


def test_a_hidden_folder_and_one_that_cannot_be_opened_are_named(course, monkeypatch):
    for student in ("ana", ".bea", "eve"):
        hand_in(course, MadeUp(student, ""), [SECTION])
    (course.submitted / ".git" / "objects").mkdir(parents=True)
    listdir = os.listdir

    def closed(path):
        if Path(path).name == "eve":
            raise PermissionError(13, "Permission denied")
        return listdir(path)

    monkeypatch.setattr(os, "listdir", closed)
    submissions, problems = find_submissions(course, [SECTION])
    assert [submission.student for submission in submissions] == ["ana"]
    assert problems == [
        "submitted/.bea: a folder whose name begins with a dot is not graded. Rename it.",
        "submitted/eve: it cannot be opened (Permission denied). Make it readable.",
    ]


def test_the_courses_own_marks_in_a_submission_are_reported(course):
    marks = {
        "ana": "### BEGIN SOLUTION\nx = 1\n### END SOLUTION",
        "bea": "### BEGIN HIDDEN TESTS\nassert True\n### END HIDDEN TESTS",
        "cem": "from autograder import grade\ngrade('04-ridge/sum_node_check', globals())",
        "dan": "# begin with the solution",
    }
    for student, text in marks.items():

        def damage(notebook, section, text=text):
            by_id = {cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in notebook["cells"]}
            by_id["sum_node_check"]["source"] += f"\n{text}"

        hand_in(course, MadeUp(student, "", damage=damage), [SECTION])
    found = {result.student: result.suspicions for result in quick(course).graded}
    assert all("uses the course's own marks" in found[student] for student in ("ana", "bea", "cem"))
    assert not found["dan"]


def test_a_worker_that_would_need_gigabytes_stops_there_and_goes_on_with_the_next(course, monkeypatch):
    from autograder.grading import workers

    for student in ("ana", "eve", "zoe"):
        hand_in(course, MadeUp(student, ""), [SECTION])
    original = workers.grade_submission

    def hungry(wanted, submission, contents, grader):
        if submission.student == "eve":
            np.ones(2 * 2**30, "u1")
        return original(wanted, submission, contents, grader)

    monkeypatch.setattr(workers, "grade_submission", hungry)
    summary = grade_class(course, [SECTION], options=Options(workers=1))
    assert score(course, "ana", "sum_node_check") == score(course, "zoe", "sum_node_check") == 5
    assert len(summary.faults) == 1 and "eve" in summary.faults[0] and "MemoryError" in summary.faults[0]


def test_a_late_plugin_that_raises_is_named(course):
    hand_in(course, MadeUp("ana", ""), [SECTION])

    class Broken:
        def late_submission_penalty(self, student_id, score, late):
            return 1 / 0

    with GradebookWriter(course) as writer:
        writer.prepare(SECTION)
        writer.gradebook.update_or_create_assignment(SECTION, duedate="2026-01-01 00:00:00 UTC")
        writer._late = Broken()
        late = datetime.datetime(2026, 3, 1)
        with pytest.raises(CourseError, match="The late plugin Broken .* fails .ZeroDivisionError"):
            writer.write(SubmissionResult("ana", SECTION, "", timestamp=f"{late:{TIME}}"))
