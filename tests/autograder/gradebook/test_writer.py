"""The gradebook's writer: what nbgrader itself would have written, many submissions in one transaction."""

from __future__ import annotations

import datetime
import sqlite3

import nbformat
import pytest
from nbgrader.preprocessors import AssignLatePenalties
from small_course import SECTIONS, make_course
from traitlets.config import Config

from autograder.course import Course
from autograder.errors import CourseError, Unusable
from autograder.gradebook.result import Result, SubmissionResult
from autograder.gradebook.writer import GradebookWriter
from autograder.submissions.submission import TIME

SECTION = "01-first"
DUE = datetime.datetime(2026, 3, 1, 12)


@pytest.fixture
def course(tmp_path) -> Course:
    return make_course(tmp_path)


def result(student: str, handed_in: datetime.datetime | None = None, **scores: float | None) -> SubmissionResult:
    graded = Result(SECTION, SECTIONS[SECTION], {"add_check": 5.0, "more_check": 1.5, "why": None, **scores})
    time = f"{handed_in:{TIME}}" if handed_in else ""
    return SubmissionResult(student, SECTION, "k", {graded.name: graded}, timestamp=time)


def penalties(course: Course) -> dict[str, float | None]:
    with course.open_gradebook() as gradebook:
        return {
            submission.student.id: submission.notebooks[0].late_submission_penalty
            for submission in gradebook.assignment_submissions(SECTION)
        }


def zero_when_late(course: Course) -> Course:
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write("\nc.LateSubmissionPlugin.penalty_method = 'zero'\n")
    return Course(course.root)


def test_being_late_costs_what_nbgrader_itself_would_take(course):
    course = zero_when_late(course)
    hour = datetime.timedelta(hours=1)
    times = {"early": DUE - hour, "late": DUE + hour, "on the dot": DUE, "extended": DUE + hour, "nobody knows": None}
    with course.open_gradebook() as gradebook:
        gradebook.update_or_create_assignment(SECTION, duedate=DUE)
    for again in (False, True):
        with GradebookWriter(course) as writer:
            for student, time in times.items():
                writer.write(result(student, time))
            writer.commit()
        if not again:
            with course.open_gradebook() as gradebook:
                gradebook.grant_extension(SECTION, "extended", hours=2)
                grade = gradebook.find_grade("why", SECTIONS[SECTION], SECTION, "late")
                grade.manual_score, grade.extra_credit = 2.0, 0.5
                gradebook.db.commit()
    ours = penalties(course)
    assert ours == {"early": None, "late": 9.0, "on the dot": None, "extended": None, "nobody knows": None}
    for student in times:
        names = {
            "student": student,
            "assignment": SECTION,
            "notebook": SECTIONS[SECTION],
            "db_url": course.gradebook_url,
        }
        theirs = AssignLatePenalties(config=Config(course.config))
        theirs.preprocess(nbformat.v4.new_notebook(), {"nbgrader": names})
    assert penalties(course) == ours


def test_nothing_is_in_the_gradebook_before_the_transaction_ends_and_then_all_of_it(course):
    with GradebookWriter(course) as writer:
        for student in ("ana", "ben", "cem"):
            writer.write(result(student))
        assert sqlite3.connect(course.gradebook_path).execute("select count(*) from student").fetchone() == (0,)
        writer.commit()
        assert sqlite3.connect(course.gradebook_path).execute("select count(*) from student").fetchone() == (3,)
        writer.write(result("dov"))
    assert set(penalties(course)) == {"ana", "ben", "cem"}, "what was not ended is not there"


def test_a_submission_that_cannot_be_worked_out_leaves_the_others_alone(course):
    with course.open_gradebook() as gradebook:
        gradebook.update_or_create_assignment(SECTION, duedate=DUE)
    with GradebookWriter(course) as writer:
        writer.write(result("ana"))
        writer._late = None  # whatever the plugin does
        with pytest.raises(CourseError, match="late plugin"):
            writer.write(result("eve", DUE + datetime.timedelta(days=1)))
        writer.write(result("zoe"))
        writer.commit()
    assert set(penalties(course)) == {"ana", "zoe"}


PLUGIN = """
from nbgrader.plugins import LateSubmissionPlugin


class Ours(LateSubmissionPlugin):
    {}


c.AssignLatePenalties.plugin_class = {}
"""


def plugged(course: Course, body: str = "pass", name: str = "Ours") -> Course:
    with open(course.root / "nbgrader_config.py", "a") as config:
        config.write(PLUGIN.format(body, name))
    return Course(course.root)


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(student)",
        "raise SystemExit(0)",
        "return '3 points'",
        "return [1.0]",
        "return float('nan')",
    ],
)
def test_whatever_a_late_plugin_says_that_is_no_number_of_points_is_named_and_costs_nobody_else(course, body):
    course = plugged(course, f"def late_submission_penalty(self, student, score, late): {body}")
    with course.open_gradebook() as gradebook:
        gradebook.update_or_create_assignment(SECTION, duedate=DUE)
    with GradebookWriter(course) as writer:
        with pytest.raises(CourseError, match="The late plugin Ours of nbgrader_config.py .*Mend it"):
            writer.write(result("eve", DUE + datetime.timedelta(days=1)))
        writer.write(result("zoe", DUE))
        writer.commit()
    assert set(penalties(course)) == {"zoe"}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("pass", "'no.such.Plugin'"),
        ("pass", "'pathlib.Path'"),
        ("pass", "7"),
        ("def __init__(self, parent=None): raise KeyError('x')", "Ours"),
        ("def __init__(self, parent=None): raise SystemExit(0)", "Ours"),
    ],
)
def test_a_late_plugin_that_cannot_be_made_is_named_before_anything_is_graded(course, body, name):
    course = plugged(course, body, name)
    with pytest.raises(CourseError, match=r"c.AssignLatePenalties.plugin_class in nbgrader_config.py .*Mend it"):
        GradebookWriter(course).__enter__()


@pytest.mark.parametrize(
    ("said", "penalty"), [("None", None), ("-1", 0.0), ("1e9", 6.5), ("__import__('numpy').float32(2)", 2)]
)
def test_a_penalty_is_between_nothing_and_the_score(course, said, penalty):
    course = plugged(course, f"def late_submission_penalty(self, student, score, late): return {said}")
    with course.open_gradebook() as gradebook:
        gradebook.update_or_create_assignment(SECTION, duedate=DUE)
    with GradebookWriter(course) as writer:
        writer.write(result("eve", DUE + datetime.timedelta(days=1)))
        writer.commit()
    assert penalties(course) == {"eve": penalty}


def test_a_database_that_cannot_be_written_keeps_nothing_of_the_transaction(course):
    with GradebookWriter(course) as writer:
        writer.write(result("ana"))
        writer.commit()
        with sqlite3.connect(course.gradebook_path) as other:
            other.execute("alter table comment rename to lost")
        with pytest.raises(Unusable, match="cannot be written .*no such table"):
            writer.write(result("eve"))
        writer.commit()
    assert set(penalties(course)) == {"ana"}


def test_a_gradebook_that_somebody_else_writes_to_is_one_sentence(course, monkeypatch):
    with GradebookWriter(course) as writer:
        writer.gradebook.db.connection().exec_driver_sql("pragma busy_timeout = 10")
        other = sqlite3.connect(course.gradebook_path, isolation_level=None)
        other.execute("begin immediate")
        with pytest.raises(Unusable, match="locked.*the same command goes on from here"):
            writer.write(result("ana"))
        other.execute("rollback")
        writer.write(result("ana"))
        writer.commit()
    assert set(penalties(course)) == {"ana"}
