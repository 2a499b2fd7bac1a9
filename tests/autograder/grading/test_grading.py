"""Grading one notebook from Python: what runs, what is kept, what the autograded notebook says."""

from __future__ import annotations

import json
import os
import signal
import time

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbgrader.utils import compute_checksum, determine_grade
from places import ROOT, descendants, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import find, solved
from autograder.errors import CourseError, UserError
from autograder.grading.notebook import MAX_ALL_OUTPUT, NOT_RUN, OUT_OF_TIME, Grader, Result, Seconds, grade_notebook
from autograder.grading.write_up import _note_cell, verdict_outputs
from autograder.judging import Check, Verdict, expect, part
from autograder.judging.verdict import PartResult
from autograder.sandbox.process import StudentProcess
from autograder.submissions.notebook import SubmittedCell, parse_notebook
from autograder.submissions.released import ReleasedCell, ReleasedNotebook, released_notebooks

COURSE = Course(ROOT)
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("grading")]


@pytest.fixture(scope="module")
def grader():
    with Grader(seconds=Seconds(cell=5, request=2, notebook=60)) as grader:
        yield grader


def ridge() -> ReleasedNotebook:
    return released_notebooks(COURSE, "04-ridge")["ridge"]


def cell(grade_id: str, release: str, source: str = "", **more) -> ReleasedCell:
    """A code cell of a template; check=, tags= and nbgrader's flags as keywords."""
    check, tags = more.pop("check", None), more.pop("tags", [])
    nbgrader = {"grade_id": grade_id, "cell_type": "code", "schema_version": 3, **more} if more else {}
    if nbgrader:
        made = nbformat.v4.new_code_cell(release, metadata={"nbgrader": nbgrader})
        nbgrader["checksum"] = compute_checksum(made)
    return ReleasedCell(f"id-{grade_id}", "code", release, source or release, nbgrader, {"tags": tags}, check)


def as_released(template: ReleasedNotebook, **sources: str) -> list[SubmittedCell]:
    return [
        SubmittedCell("code", sources.get(c.grade_id, c.release), {"nbgrader": dict(c.nbgrader)}, [], c.id)
        for c in template.cells
    ]


def written(result: Result, grade_id: str) -> dict:
    return find(result.notebook, grade_id)


# -- one file, from Python ------------------------------------------------------------------------------------------


@needs_bubblewrap
def test_a_notebook_is_graded_without_a_course_around_it(tmp_path, monkeypatch, grader):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "handed in.ipynb"
    path.write_text(json.dumps(solved(ridge())))
    result = grade_notebook(path, "04-ridge", course=COURSE, grader=grader)
    assert (result.section, result.name, result.score) == ("04-ridge", "ridge", 24)
    assert result.scores["q_paths"] is None, "a person grades the written answers"
    assert result.problems == () and result.faults == () and result.suspicions == ()
    nbformat.validate(result.notebook)
    assert os.listdir(tmp_path) == ["handed in.ipynb"], "nothing is written"
    assert result.seconds["cells"] > 0 and result.seconds["judge_cpu"] > 0


@needs_bubblewrap
@pytest.mark.parametrize("request_number", [3, 20, 40])  # in a cell, in a check, in a later check
@pytest.mark.parametrize("victim", ["student", "zygote"])
def test_a_process_killed_from_outside_costs_no_points(tmp_path, monkeypatch, request_number, victim):
    path = tmp_path / "ridge.ipynb"
    path.write_text(json.dumps(solved(ridge())))
    send, count = StudentProcess.send, 0

    def killed_at_one_request(self, *args, **kwargs):
        nonlocal count
        count += 1
        if count == request_number:
            inside = descendants(self._zygote._process.pid)
            os.kill(inside[-1] if victim == "student" else inside[1], signal.SIGKILL)
            time.sleep(0.1)
        return send(self, *args, **kwargs)

    monkeypatch.setattr(StudentProcess, "send", killed_at_one_request)
    with Grader() as grader:
        result = grade_notebook(path, "04-ridge", course=COURSE, grader=grader)
    assert result.score == 24 and count > request_number


@needs_bubblewrap
def test_a_grader_of_its_own_is_made_and_closed_where_none_is_given(tmp_path):
    path = tmp_path / "ridge.ipynb"
    path.write_text("no notebook")
    result = grade_notebook(path, "04-ridge", course=COURSE)
    assert result.score == 0 and set(result.scores.values()) == {0.0}
    assert list(result.problems) == [
        "ridge.ipynb is not a notebook (line 1: expected '{', found 'n'). It has to be handed in again."
    ]
    assert set(result.unanswered) == {c.grade_id for c in ridge().cells if c.is_solution}


def test_what_the_caller_did_wrong_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "hw.ipynb"
    with pytest.raises(UserError, match=r"hw\.ipynb does not exist\."):
        grade_notebook(path, "04-ridge", course=COURSE)
    path.write_text("{}")
    with pytest.raises(CourseError, match="is not inside a course"):
        grade_notebook(path, "04-ridge")
    with pytest.raises(CourseError, match="release/99-none has no notebook"):
        grade_notebook(path, "99-none", course=COURSE)
    with pytest.raises(UserError, match=r"hw\.ipynb: section 00-tutorials has the notebooks .*; rename the file"):
        grade_notebook(path, "00-tutorials", course=COURSE)


# -- plain nbgrader tests -------------------------------------------------------------------------------------------

HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"


def plain_test(test: str) -> ReleasedNotebook:
    solution = cell("f", "def f():\n    raise NotImplementedError()", solution=True, grade=False, locked=False)
    source = f"f()\n{HIDDEN.format(test)}"
    return ReleasedNotebook(
        "s", "n", (solution, cell("f_test", "f()", source, grade=True, solution=False, locked=True, points=4))
    )


@needs_bubblewrap
@pytest.mark.parametrize(
    ("test", "answer", "score"),
    [
        ("assert f() == 3", "def f():\n    return 3", 4),
        ("assert f() == 3, 'secret'", "def f():\n    return 4", 0),
        ("assert f() == 3", "def f(:", 0),
        ("f() / 2", "def f():\n    return 3", 1.5),
        ("import numpy as np; np.float64(f() / 2)", "def f():\n    return 3", 1.5),
        ("import numpy as np; np.float64(f()) * np.nan", "def f():\n    return 3", 0),
        ("import numpy as np; np.float64(0) * f()", "def f():\n    return 3", 0),
        ("'text'", "def f():\n    return 3", 4),
        ("float('nan')", "def f():\n    return 3", 0),
        ("float('inf')", "def f():\n    return 3", 0),
        ("-1", "def f():\n    return 3", 0),
        ("1000", "def f():\n    return 3", 0),
        ("assert f() == 3", "import sys\ndef f():\n    print('warning', file=sys.stderr)\n    return 3", 4),
        ("import warnings; warnings.warn('old'); assert f() == 3", "def f():\n    return 3", 4),
        ("assert f() == 3", "import os\ndef f():\n    os._exit(0)", 0),
        ("assert f() == 3", "def f():\n    raise SystemExit", 0),
    ],
)
def test_a_test_without_a_registered_check_is_read_the_way_nbgrader_does(grader, test, answer, score):
    template = plain_test(test)
    result = grader.grade(template, as_released(template, f=answer))
    assert result.scores == {"f_test": score}
    assert determine_grade(nbformat.from_dict(written(result, "f_test"))) == (score, 4)
    shown = json.dumps(written(result, "f_test"))
    assert "HIDDEN" not in shown and "assert" not in shown, "no line of the hidden tests is shown"


# -- what runs and what is kept -------------------------------------------------------------------------------------


def with_outputs(template: ReleasedNotebook, tag: str, outputs: list) -> dict:
    notebook = solved(template)
    for made in notebook["cells"]:
        if tag in made["metadata"].get("tags", []):
            made["outputs"] = outputs
    return notebook


@needs_bubblewrap
@pytest.mark.parametrize("tag", ["train", "show"])
def test_training_and_showing_cells_do_not_run_and_keep_what_was_saved(grader, tag):
    outputs = [
        {"output_type": "stream", "name": "stdout", "text": "trained for 7 hours"},
        {"output_type": "display_data", "data": {"image/png": PICTURE, "text/html": "<script>"}, "metadata": {}},
    ]
    cells, _ = parse_notebook(json.dumps(with_outputs(ridge(), tag, outputs)).encode())
    result = grader.grade(ridge(), cells)
    tagged = [made for made in result.notebook["cells"] if tag in made["metadata"].get("tags", [])]
    assert len(tagged) >= 2 and result.score == 24
    for made in tagged:
        assert made["outputs"][0]["text"] == "trained for 7 hours"
        assert made["outputs"][1]["data"] == {"image/png": PICTURE}


@needs_bubblewrap
def test_a_figure_of_a_cell_that_runs_is_the_picture_the_student_saved(grader):
    saved = [{"output_type": "display_data", "data": {"image/png": PICTURE}, "metadata": {}}]
    own = SubmittedCell("code", "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()\nprint('drawn')", {}, saved)
    result = grader.grade(ReleasedNotebook("s", "n", ()), [own])
    figure, text = result.notebook["cells"][0]["outputs"]
    assert figure["data"] == {"image/png": PICTURE} and text["text"] == "drawn\n"


def judged(grade_id: str, value: float, reveals: bool = False) -> ReleasedCell:
    """A test cell whose check wants f() to be the value."""

    def wants(student, draw):
        with part("value", points=2):
            expect(student.call("f"), value)

    return cell(
        grade_id,
        "f()",
        grade=True,
        solution=False,
        locked=True,
        points=2,
        check=Check(f"s/{grade_id}", 2, wants, reveals),
    )


@needs_bubblewrap
def test_an_answer_may_use_a_name_from_a_cell_that_only_shows_something(grader):
    solution = cell("f", "def f():\n    raise NotImplementedError()", solution=True, grade=False, locked=False)
    shows = cell("", "seven = 7.0\nseven", tags=["show"])
    template = ReleasedNotebook("s", "n", (shows, solution, judged("f_check", 7.0)))
    result = grader.grade(template, as_released(template, f="def f():\n    return seven"))
    assert result.scores == {"f_check": 2}
    result = grader.grade(template, as_released(template, f="def f():\n    return 7.0"))
    assert result.scores == {"f_check": 2} and result.notebook["cells"][0]["outputs"] == []


@needs_bubblewrap
def test_a_cell_of_the_release_that_fails_as_edited_runs_as_released_too(grader):
    solution = cell("f", "def f():\n    raise NotImplementedError()", solution=True, grade=False, locked=False)
    given = cell("", "given = 7.0\nother = 1")
    template = ReleasedNotebook("s", "n", (given, solution, judged("f_check", 7.0)))
    cells = as_released(template, f="def f():\n    return given")
    cells[0].source = "given = 7.0 +\nother = 1"
    result = grader.grade(template, cells)
    assert result.scores == {"f_check": 2}
    assert result.problems == ("The cell that starts with 'given = 7.0' fails; it was run as released as well.",)
    assert [o for c in result.notebook["cells"] for o in c.get("outputs", []) if o.get("ename") == "SyntaxError"]
    cells[0].source = "given = 8.0\nother = 1"
    assert grader.grade(template, cells).scores == {"f_check": 0}, "what a student changed and runs is theirs"


@needs_bubblewrap
def test_a_cell_that_kills_the_process_costs_what_is_in_it_alone(grader):
    solution = cell("f", "def f():\n    raise NotImplementedError()", solution=True, grade=False, locked=False)
    template = ReleasedNotebook("s", "n", (solution, judged("f_check", 7.0)))
    cells = as_released(template, f="def f():\n    return 7.0")
    cells[1:1] = [SubmittedCell("code", "import os; os._exit(1)"), SubmittedCell("code", "after = 1\nafter")]
    result = grader.grade(template, cells)
    assert result.scores == {"f_check": 2}
    assert "process ended" in result.notebook["cells"][1]["outputs"][0]["evalue"]
    assert result.notebook["cells"][2]["outputs"][0]["data"] == {"text/plain": "1"}


@needs_bubblewrap
def test_a_notebook_that_uses_up_its_time_is_judged_as_far_as_it_came():
    solution = cell("f", "def f():\n    raise NotImplementedError()", solution=True, grade=False, locked=False)
    template = ReleasedNotebook("s", "n", (solution, judged("f_check", 7.0)))
    cells = as_released(template, f="def f():\n    return 7.0")
    cells[1:1] = [SubmittedCell("code", "import time; time.sleep(60)"), SubmittedCell("code", "late = 1")]
    with Grader(seconds=Seconds(cell=30, request=1, notebook=1.5)) as grader:
        grader.zygote(False)
        result = grader.grade(template, cells)
    assert result.scores == {"f_check": 2}
    assert result.notebook["cells"][-2]["outputs"][0]["evalue"] == NOT_RUN


@needs_bubblewrap
def test_all_checks_together_have_a_time_limit():
    solution = cell("f", "def f():\n    raise NotImplementedError()", solution=True, grade=False, locked=False)
    template = ReleasedNotebook("s", "n", (solution, *(judged(f"f{number}_check", 7.0) for number in range(12))))
    cells = as_released(template, f="import time\ndef f():\n    time.sleep(0.7)\n    return 7.0")
    with Grader(seconds=Seconds(cell=30, request=1, notebook=2)) as grader:
        result = grader.grade(template, cells)
    assert result.seconds["judge"] < 6, "twelve answers take 8.4 s"
    assert result.scores["f0_check"] == 2 and result.scores["f11_check"] == 0
    assert OUT_OF_TIME in result.verdicts["f11_check"].text


@needs_bubblewrap
def test_the_outputs_of_all_cells_together_are_limited(grader):
    lines = "for n in range(12):\n    display('x' * 99_000)"
    result = grader.grade(ReleasedNotebook("s", "n", ()), [SubmittedCell("code", lines) for _ in range(30)])
    size = len(json.dumps(result.notebook))
    assert MAX_ALL_OUTPUT / 2 < size < MAX_ALL_OUTPUT * 1.1, "thirty cells of 1.2 MB each"


@needs_bubblewrap
def test_checks_that_show_a_reference_come_after_all_others(grader):
    order = []

    def noting(name):
        def function(student, draw):
            order.append(name)
            with part("it", points=2):
                pass

        return function

    tests = [
        cell(
            name,
            "",
            grade=True,
            solution=False,
            locked=True,
            points=2,
            check=Check(f"s/{name}", 2, noting(name), shows),
        )
        for name, shows in (("a", True), ("b", False), ("c", True), ("d", False))
    ]
    grader.grade(ReleasedNotebook("s", "n", tuple(tests)), [])
    assert order == ["b", "d", "a", "c"]


@needs_bubblewrap
def test_a_fault_of_a_check_is_reported_and_the_others_count(grader):
    def broken(student, draw):
        raise ZeroDivisionError("ours")

    faulty = cell("x_check", "", grade=True, locked=True, points=2, check=Check("s/x_check", 2, broken))
    solution = cell("f", "def f(): ...", solution=True, grade=False, locked=False)
    template = ReleasedNotebook("s", "n", (solution, faulty, judged("f_check", 7.0)))
    result = grader.grade(template, as_released(template, f="def f(): return 7.0"))
    assert len(result.faults) == 1 and result.faults[0].endswith("s/x_check: ZeroDivisionError: ours")
    assert result.scores == {"x_check": None, "f_check": 2}, "a person has to look"


# -- what is written ------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.lists(st.tuples(st.sampled_from([0.5, 1, 2, 3.25]), st.booleans()), min_size=1, max_size=6))
def test_nbgrader_reads_the_score_of_a_verdict_from_its_outputs(parts):
    points = sum(worth for worth, _ in parts)
    made = tuple(PartResult(f"p{i}", worth, worth * good, good) for i, (worth, good) in enumerate(parts))
    verdict = Verdict("s/x_check", points, made)
    nbgrader = {"grade": True, "solution": False, "locked": True, "points": points, "grade_id": "x_check"}
    outputs = verdict_outputs(verdict)
    test = nbformat.v4.new_code_cell(
        "x", metadata={"nbgrader": nbgrader}, outputs=[nbformat.from_dict(o) for o in outputs]
    )
    assert determine_grade(test) == (pytest.approx(verdict.score), points)
    assert verdict.text.splitlines()[0] in json.dumps(outputs, ensure_ascii=False)


def test_sentences_about_a_submission_cannot_act():
    source = _note_cell(["a <script>alert(1)</script> [x](javascript:1) `code` $\\frac$", "twice", "twice"])["source"]
    assert "<script" not in source and "[x](" not in source and source.count("twice") == 1
