"""Results are written several at a time: each of them is there whole, or is done again."""

from __future__ import annotations

import pytest
from small_course import SECTIONS, make_course, released

from autograder.course import Course
from autograder.errors import Unusable
from autograder.gradebook.reader import read_grades
from autograder.gradebook.result import Result, SubmissionResult
from autograder.gradebook.writer import GradebookWriter
from autograder.grading.ledger import Ledger
from autograder.grading.writing import Writing, autograded
from autograder.submissions.find import Submission

SECTION = "01-first"


@pytest.fixture
def course(tmp_path) -> Course:
    return make_course(tmp_path)


def graded(course: Course, student: str) -> tuple[Submission, SubmissionResult]:
    submission = Submission(student, SECTION, course.submitted / student / SECTION, "k")
    scores = {"add_check": 5.0, "more_check": 3.0, "why": None}
    notebook = Result(SECTION, SECTIONS[SECTION], scores, notebook=released(course, SECTION))
    return submission, SubmissionResult.of(submission, notebooks={notebook.name: notebook}, files={"w.npz": b"w"})


def in_gradebook(course: Course) -> set[str]:
    (section,) = read_grades(course, [SECTION]).sections
    return set(section.submissions)


def noted(course: Course) -> set[str]:
    return {result.student for result in Ledger(course).results(SECTION)}


def test_many_results_wait_for_the_disk_once(course, monkeypatch):
    commits, finished = [], []
    commit = GradebookWriter.commit
    monkeypatch.setattr(GradebookWriter, "commit", lambda self: (commits.append(1), commit(self)))
    with GradebookWriter(course) as writer:
        writing = Writing(course, writer, Ledger(course), lambda submission, result: finished.append(result))
        for number in range(20):
            writing.add(*graded(course, f"s{number}"))
        assert not noted(course) and not finished, "nothing counts before it is in the gradebook"
        writing.settle()
        writing.settle()
    assert len(commits) == 1 and len(finished) == 20
    assert len(noted(course)) == len(in_gradebook(course)) == 20
    for submission, result in (graded(course, f"s{number}") for number in range(20)):
        assert Ledger(course).is_done(submission, autograded(course, submission))
        assert (autograded(course, submission) / "w.npz").read_bytes() == b"w"
        assert result.notebooks.keys() == {"first"}
    assert all(result.seconds["gradebook"] > 0 and result.files == {} for result in finished)
    assert not list(course.state.glob("writing-*")) and not list(course.state.glob("old-*"))


@pytest.mark.parametrize("error", [Unusable("locked"), OSError(28, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["write", "commit"])
def test_where_the_transaction_is_lost_nothing_of_it_is_noted(course, monkeypatch, where, error):
    """A note of what is not in the gradebook would be a score that nobody ever gets."""

    def lost(self, *args):
        self.gradebook.db.rollback()
        raise error

    with GradebookWriter(course) as writer:
        writing = Writing(course, writer, Ledger(course))
        for student in ("ana", "ben"):
            writing.add(*graded(course, student))
        with monkeypatch.context() as patch:
            patch.setattr(GradebookWriter, where, lost)
            with pytest.raises(type(error)):
                writing.add(*graded(course, "cem"))
                writing.settle()
        writing.settle()  # as a run does on its way out
    assert noted(course) == in_gradebook(course) == set()


@pytest.mark.parametrize("step", ["Ledger.finish", "shutil.rmtree", "os.replace", "GradebookWriter.write"])
def test_a_result_that_cannot_be_put_in_its_place_costs_none_of_those_beside_it(course, monkeypatch, step):
    finished = {}
    owner, _, name = step.partition(".")
    module = __import__("autograder.grading.writing", fromlist=["x"])
    original, left = getattr(getattr(module, owner), name), [3]

    def fails_once(*args, **kwargs):
        left[0] -= 1
        if left[0] == 1:
            raise PermissionError(13, "Permission denied")
        return original(*args, **kwargs)

    with GradebookWriter(course) as writer:
        writing = Writing(
            course, writer, Ledger(course), lambda submission, result: finished.update({result.student: result})
        )
        with monkeypatch.context() as patch:
            patch.setattr(getattr(module, owner), name, fails_once)
            for student in ("ana", "ben", "cem"):
                writing.add(*graded(course, student))
            writing.settle()
    assert set(finished) == in_gradebook(course) == noted(course) == {"ana", "ben", "cem"}
    failed = {student for student, result in finished.items() if result.by_hand}
    assert len(failed) == 1 and all(
        "Permission denied" in result.faults[0] for result in finished.values() if result.faults
    )
    for student in {"ana", "ben", "cem"}:
        submission, _ = graded(course, student)
        assert Ledger(course).is_done(submission, autograded(course, submission)) == (student not in failed)
