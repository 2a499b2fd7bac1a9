"""The instructors' own solutions are tried first: a faulty check costs nobody a point."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from places import needs_bubblewrap
from small_class import SECTION, rows

from autograder.__main__ import main
from autograder.course import Course
from autograder.demo.classroom import MadeUp, hand_in, replace, solved
from autograder.errors import CourseError
from autograder.grading.run import grade_class
from autograder.grading.workers import Options
from autograder.mutants.measure import measure
from autograder.release.build import release
from autograder.submissions.released import released_notebooks

pytestmark = [needs_bubblewrap, pytest.mark.sandbox]
CHECKS = "s04_ridge.py"


def command(course: Course, monkeypatch, capsys, *arguments: str) -> tuple[int, str]:
    monkeypatch.chdir(course.root)
    status = main(list(arguments))
    done = capsys.readouterr()
    assert "Traceback" not in done.out + done.err
    return status, done.out + done.err


def edit(path, old: str, new: str, count: int = 1) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, count))


def grade(course: Course, workers: int = 2):
    return grade_class(course, [SECTION], options=Options(workers=workers))


def test_release_runs_the_solutions_once_for_each_version_of_them(course, monkeypatch, capsys):
    assert command(course, monkeypatch, capsys, "release", "04")[0] == 0
    assert (course.state / "tried" / f"{SECTION}.txt").is_file()
    script = course.notebooks / SECTION / "ridge.py"
    edit(script, "self.out = self.a.out + self.b.out", "self.out = self.a.out + 2 * self.b.out")
    before = (course.release / SECTION / "ridge.ipynb").read_bytes()
    status, said = command(course, monkeypatch, capsys, "release", "04")
    assert status == 1 and "Nothing was released" in said and "--no-run" in said
    assert re.search(r"notebooks/04-ridge/ridge.py, cell \d+ \(sum_node_check\): ", said)
    assert (course.source / SECTION / "ridge.ipynb").read_text().count("2 * self.b.out") == 0
    assert (course.release / SECTION / "ridge.ipynb").read_bytes() == before
    assert command(course, monkeypatch, capsys, "release", "04", "--no-run")[0] == 0
    assert "2 * self.b.out" in (course.source / SECTION / "ridge.ipynb").read_text()


FAULTS = {
    "a line that raises": (
        'gradient to both, adding."""\n',
        'gradient to both, adding."""\n    no_such_name()\n',
        r"checks/s04_ridge.py, line \d+: 04-ridge/sum_node_check: NameError: name 'no_such_name' is not defined",
    ),
    "a syntax error": ("def sum_node(", "def sum_node(:", r"checks/s04_ridge.py, line \d+: "),
    "an import of nothing": (
        "import numpy as np",
        "import numpy_as_np",
        r"checks/s04_ridge.py, line \d+: ModuleNotFound",
    ),
    "a name nearly right": (
        '"04-ridge/sum_node_check"',
        '"04-ridge/sum_nod_check"',
        r"has no check '04-ridge/sum_node_check'. Is checks/s04_ridge.py, line \d+ meant, 04-ridge/sum_nod_check\?",
    ),
    "a section nearly right": (
        '"04-ridge/sum_node_check"',
        '"04-rigde/sum_node_check"',
        r"checks/s04_ridge.py, line \d+: '04-rigde/sum_node_check' is no check of 04-ridge",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_check_is_refused_with_file_and_line_by_release_and_by_grade(course, monkeypatch, capsys, fault):
    old, new, expected = FAULTS[fault]
    hand_in(course, MadeUp("ana", ""), [SECTION])
    edit(course.checks / CHECKS, old, new)
    for arguments in (("release", "04"), ("grade", "04")):
        status, said = command(course, monkeypatch, capsys, *arguments)
        assert status == 1 and re.search(expected, said), said
        assert "Nothing was" in said or "Mend it" in said or "checks/s04_ridge.py" in said
    assert not course.gradebook_path.exists() or rows(course) == []


def test_a_hidden_test_that_asks_for_a_check_of_another_name_is_refused(course, monkeypatch, capsys):
    edit(course.notebooks / SECTION / "ridge.py", 'grade("04-ridge/sum_node_check"', 'grade("04-ridge/sum_nod_check"')
    status, said = command(course, monkeypatch, capsys, "release", "04", "--no-run")
    assert status == 1 and "asks for the check '04-ridge/sum_nod_check': write '04-ridge/sum_node_check'" in said


def test_points_changed_in_notebook_and_check_but_not_in_its_parts_are_refused_everywhere(course, monkeypatch, capsys):
    script = course.notebooks / SECTION / "ridge.py"
    edit(script, '"grade_id": "sum_node_check", "points": 5', '"grade_id": "sum_node_check", "points": 8')
    edit(course.checks / CHECKS, '"04-ridge/sum_node_check", points=5', '"04-ridge/sum_node_check", points=8')
    said = r"checks/s04_ridge.py, line \d+: the parts of 04-ridge/sum_node_check add up to 5 points, .* worth 8"
    status, text = command(course, monkeypatch, capsys, "release", "04")
    assert status == 1 and re.search(said, text)
    release(course, [SECTION])  # as --no-run does
    hand_in(course, MadeUp("ana", ""), [SECTION])
    with pytest.raises(CourseError, match=said):
        grade(course)
    assert rows(course) == []
    with pytest.raises(CourseError, match=said):
        measure(course, [SECTION], 1, workers=2)


def test_a_check_once_tried_is_not_tried_again(course, monkeypatch):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    grade(course)
    note = course.state / "checked" / f"{SECTION}.json"
    before = note.stat().st_mtime_ns
    hand_in(course, MadeUp("bea", ""), [SECTION])
    assert [result.student for result in grade(course).graded] == ["bea"]
    assert note.stat().st_mtime_ns == before


# -- what the course gives out beside a notebook ----------------------------------------------------------------------

USES_FILES = """
# %% nbgrader={"grade_id": "from_file", "solution": true}
def from_file():
    ### BEGIN SOLUTION
    return sum(float(line) for line in open("data/some numbers.csv"))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "from_file_check", "points": 2}
assert from_file() > 0
### BEGIN HIDDEN TESTS
assert from_file() == 6
### END HIDDEN TESTS
"""


CHANGES_DATA = """
import contextlib, os, shutil
data = "data/some numbers.csv"
for change in (
    lambda: os.chmod(data, 0o777), lambda: open(data, "w").write("-100"), lambda: os.rename(data, "data/old.csv"),
    lambda: os.remove(data), lambda: os.rename("data", "old"), lambda: shutil.rmtree("data"),
):
    with contextlib.suppress(OSError):
        change()
os.makedirs("data", exist_ok=True)
with contextlib.suppress(OSError):
    open(data, "w").write("-100")
"""


def with_files(course: Course) -> None:
    folder = course.notebooks / SECTION
    (folder / "data").mkdir()
    (folder / "data" / "some numbers.csv").write_text("1\n2\n3\n")
    (folder / "nodes_of_ours.py").write_text("ONE = 1\n")
    (folder / "files.txt").write_text("data/some numbers.csv\nnodes_of_ours.py\n")
    with open(folder / "ridge.py", "a") as file:
        file.write(USES_FILES)


def test_data_files_and_modules_of_a_section_are_there_when_it_is_tried_and_graded(course, monkeypatch, capsys):
    with_files(course)
    status, said = command(course, monkeypatch, capsys, "release", "04")
    assert status == 0, said
    assert (course.release / SECTION / "data" / "some numbers.csv").is_file()
    assert sorted(path.name for path in (course.release / SECTION).iterdir()) == [
        "data",
        "nodes_of_ours.py",
        "ridge.ipynb",
    ]
    hand_in(course, MadeUp("ana", ""), [SECTION])
    hand_in(course, MadeUp("bea", "hands in other data"), [SECTION])
    (course.submitted / "bea" / SECTION / "data").mkdir()
    (course.submitted / "bea" / SECTION / "data" / "some numbers.csv").write_text("-100\n")
    hand_in(course, MadeUp("cem", "hands in a file where the folder is"), [SECTION])
    (course.submitted / "cem" / SECTION / "data").write_text("-100\n")
    hand_in(course, MadeUp("dia", "hands in a folder where the file is"), [SECTION])
    (course.submitted / "dia" / SECTION / "data" / "some numbers.csv").mkdir(parents=True)
    (course.submitted / "dia" / SECTION / "data" / "some numbers.csv" / "a.csv").write_text("-100\n")
    changes = MadeUp("abe", "changes the data", {"from_file": lambda answer: CHANGES_DATA + answer})
    hand_in(course, changes, [SECTION])
    grade(course, workers=1)  # one after the other, in forks of one process
    got = {row[0]: row[4] for row in rows(course) if row[3] == "from_file_check"}
    assert got == dict.fromkeys(["abe", "ana", "bea", "cem", "dia"], 2), "what the course gave out is as it was given"
    assert (course.release / SECTION / "data" / "some numbers.csv").read_text() == "1\n2\n3\n"
    (course.release / SECTION / "data" / "some numbers.csv").write_text("1\n2\n4\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("autograder.grading.trial.Trials.finish", lambda self, records: list(records))
        assert len(grade(course).graded) == 5, "a changed file is a changed section"


def test_a_notebook_may_have_a_name_with_spaces_all_the_way(course, monkeypatch, capsys, tmp_path):
    (course.notebooks / SECTION / "ridge.py").rename(course.notebooks / SECTION / "ridge and sums.py")
    for folder in (course.source, course.release):
        (folder / SECTION / "ridge.ipynb").unlink()
    status, said = command(course, monkeypatch, capsys, "release", "04")
    assert status == 0, said
    assert (course.release / SECTION / "ridge and sums.ipynb").is_file()
    students = tmp_path / "students"
    status, said = command(course, monkeypatch, capsys, "publish", str(students), "--url", "ana/homework")
    assert status == 0, said
    assert "04-ridge/ridge%20and%20sums.ipynb" in (students / "README.md").read_text()
    work = solved(released_notebooks(course, SECTION)["ridge and sums"])
    for student, name in (("ana", "ridge and sums.ipynb"), ("bea", "ridge_and_sums (1).ipynb")):
        folder = tmp_path / "download" / student / SECTION
        folder.mkdir(parents=True)
        (folder / name).write_text(json.dumps(work))
    status, said = command(course, monkeypatch, capsys, "collect", str(tmp_path / "download"))
    assert status == 0, said
    status, said = command(course, monkeypatch, capsys, "grade", "04", "--workers", "2")
    assert status == 0, said
    got = {row[0]: row[4] for row in rows(course) if row[3] == "sum_node_check" and row[2] == "ridge and sums"}
    assert got == {"ana": 5, "bea": 5}
    for arguments in (
        ["feedback"],
        ["export"],
        ["report"],
        ["pdf", "04"],
        ["gradescope", "04"],
        ["regrade", "ana", "04"],
    ):
        status, said = command(course, monkeypatch, capsys, *arguments)
        assert status == 0, (arguments, said)
    assert (course.feedback / "ana" / SECTION / "ridge and sums.html").is_file()
    assert len(list((course.exports / "answers").rglob("*.pdf"))) == 2


# -- one way to count -----------------------------------------------------------------------------------------------


def test_plain_tests_that_everybody_fails_count_as_failed_in_the_table(course, monkeypatch, capsys):
    with_files(course)
    release(course, [SECTION])
    hand_in(course, MadeUp("ana", "", {"from_file": replace("return sum", "return -sum")}), [SECTION])
    status, said = command(course, monkeypatch, capsys, "grade", "04")
    line = next(line for line in said.splitlines() if line.strip().startswith("from_file"))
    assert line.split()[1:6] == ["0", "%", "·", "·", "1"] and "the test raised an error (1)" in line


def test_the_table_counts_a_score_by_hand_as_the_gradebook_does(course, monkeypatch, capsys):
    hand_in(course, MadeUp("ana", "", {"sum_node": replace("self.a.d_out +=", "self.a.d_out =")}), [SECTION])
    grade(course)
    with course.open_gradebook() as gradebook:
        grade_row = gradebook.find_grade("sum_node_check", "ridge", SECTION, "ana")
        grade_row.manual_score, grade_row.needs_manual_grade = 5, False
        gradebook.db.commit()
    _, said = command(course, monkeypatch, capsys, "grade", "04", "--force")
    line = next(line for line in said.splitlines() if line.strip().startswith("sum_node"))
    assert line.split()[1:4] == ["100", "%", "1"]


# -- work that is not of this section -------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ["another section", "no notebook", "one of somebody else's course"])
def test_work_that_cannot_be_this_section_s_is_named_and_not_exported_as_0(course, monkeypatch, capsys, case):
    hand_in(course, MadeUp("ana", ""), [SECTION])
    path = course.submitted / "bea" / SECTION / "ridge.ipynb"
    path.parent.mkdir(parents=True)
    if case == "another section":
        shutil.copy(course.release / "03-relu-net-by-hand" / "relu_net.ipynb", path)
    elif case == "no notebook":
        path.write_bytes(b"%PDF-1.4")
    else:
        cells = [{"cell_type": "code", "source": "x", "metadata": {"nbgrader": {"grade_id": "q1"}}, "outputs": []}]
        path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    status, said = command(course, monkeypatch, capsys, "grade", "04")
    assert status == 1 and "bea/04-ridge: ridge.ipynb is" in said
    if case == "another section":
        assert "is the notebook of 03-relu-net-by-hand, not ridge of 04-ridge" in said
        assert "move it into the student's folder 03-relu-net-by-hand/" in said
    assert [row[4] for row in rows(course) if row[0] == "bea" and row[3] == "sum_node_check"] == [None]
    _, said = command(course, monkeypatch, capsys, "export", "04")
    table = {
        line.split(",")[0]: line.split(",")[4] for line in (course.exports / "grades-csv.csv").read_text().splitlines()
    }
    assert table["bea"] == "" and float(table["ana"]) > 20
    assert "bea/04-ridge" in said


# -- one request ----------------------------------------------------------------------------------------------------


def test_a_regrade_shows_before_and_after_and_keeps_what_was_given_by_hand(course, monkeypatch, capsys):
    hand_in(course, MadeUp("ana", "", {"sum_node": replace("self.a.d_out +=", "self.a.d_out =")}), [SECTION])
    grade(course)
    with course.open_gradebook() as gradebook:
        row = gradebook.find_grade("q_paths", "ridge", SECTION, "ana")
        row.manual_score, row.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    status, said = command(course, monkeypatch, capsys, "regrade", "ana", "04")
    assert status == 0 and "of 30 points, as before" in said and "q_paths: 1.5 of" in said and "kept" in said
    hand_in(course, MadeUp("ana", ""), [SECTION])
    status, said = command(course, monkeypatch, capsys, "regrade", "ana", "04")
    assert "sum_node_check: 2 -> 5 of 5" in said and "q_paths: 1.5 of" in said
    assert command(course, monkeypatch, capsys, "regrade", "nobody", "04")[0] == 1
    assert command(course, monkeypatch, capsys, "regrade", "ana", "99")[0] == 2
