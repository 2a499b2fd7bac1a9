"""notebooks/ → source/ → release/: the same every time, the same as nbgrader's, and editable from both sides."""

import asyncio
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from places import CHECKS, ROOT, full_disk
from traitlets.config import Config

from autograder.course import Course
from autograder.errors import CourseError, UserError
from autograder.gradebook.assignments import register
from autograder.lms.unpacking import wanted_of
from autograder.mutants.exercise import code_cells
from autograder.release.build import LeaksFound, out_of_step, release
from autograder.release.leaks import read_regions, repeats
from autograder.release.text_notebook import complete, read_text, shorten, write_text
from autograder.submissions.released import released_notebooks
from backprop.handin.notebook import read_notebook
from backprop.handin.ready import find_gaps
from checks.handouts import homes

RIDGE = """\
# %% [markdown]
# # Ridge
#
# $$J = a + b$$

# %% tags=["setup"]
import numpy as np
# %matplotlib inline

# %% nbgrader={"grade_id": "sum_node", "solution": true}
class SumNode:
    def forward(self):
        ### BEGIN SOLUTION
        self.out = self.a.out + self.b.out
        return self.out
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sum_node_check", "points": 5}
node = SumNode()
### BEGIN HIDDEN TESTS
from autograder import grade
grade("04-ridge/sum_node_check", globals())
### END HIDDEN TESTS

# %%
# the same twice

# %%
# the same twice

# %% tags=["train"] nbgrader={"grade_id": "run", "locked": true}
print("training")

# %% [markdown] nbgrader={"grade": true, "grade_id": "why", "points": 4, "solution": true}
# Why does it add?
#
# ### BEGIN SOLUTION
# Both inputs receive the upstream gradient unchanged.
# ### END SOLUTION
"""


@pytest.fixture(autouse=True)
def nbgrader_finds_alembic(monkeypatch):
    """nbgrader starts `alembic` by name, also where the virtual environment is not activated."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)


@pytest.fixture
def course(tmp_path):
    root = tmp_path / "course"
    (root / "notebooks" / "04-ridge").mkdir(parents=True)
    for name in ("nbgrader_config.py", "jupytext.toml"):
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(CHECKS, root / "checks")
    (root / "notebooks" / "04-ridge" / "ridge.py").write_text(RIDGE)
    return Course(root)


def text_of(course):
    return course.notebooks / "04-ridge" / "ridge.py"


def source_of(course):
    return course.source / "04-ridge" / "ridge.ipynb"


def release_of(course):
    return course.release / "04-ridge" / "ridge.ipynb"


def read(path):
    return nbformat.read(path, as_version=4)


def cell(path, grade_id):
    return next(c for c in read(path).cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


# --- the committed course ---------------------------------------------------------------------------------------------


def test_the_committed_notebooks_source_and_release_are_in_step():
    course = Course(ROOT)
    try:
        behind = [course.shown(path) for path in out_of_step(course)]
    except LeaksFound as error:
        pytest.fail(str(error), pytrace=False)
    assert not behind, f"Out of step: {', '.join(behind)}. Run `python -m autograder release` and commit the result."


def test_no_committed_solution_is_given_away_by_another_notebook_or_the_library():
    course = Course(ROOT)
    regions = [
        region
        for path in sorted(course.source.glob("*/*.ipynb"))
        for region in read_regions(read(path), course.shown(path))[0]
    ]
    shown = {path: path.read_text() for path in sorted((ROOT / "backprop").rglob("*.py"))}
    for path in sorted(course.release.glob("*/*.ipynb")):
        shown[path] = "\n".join(cell.source for cell in read(path).cells)
    leaks = [str(leak) for path, text in shown.items() for leak in repeats(regions, text, course.shown(path))]
    assert not leaks, "\n".join(leaks)


# --- what a release is ------------------------------------------------------------------------------------------------


def test_a_release_has_stubs_and_no_solutions(course):
    changed = release(course)
    assert {course.shown(path) for path in changed} == {"source/04-ridge/ridge.ipynb", "release/04-ridge/ridge.ipynb"}
    nb = read(release_of(course))
    nbformat.validate(nb)
    assert (nb.nbformat, nb.nbformat_minor) == (4, 5)
    assert nb.metadata.kernelspec.name == "python3"
    graded = [c.metadata.nbgrader.grade_id for c in nb.cells if "nbgrader" in c.metadata]
    own = dict(nb.metadata.backprop)
    assert own.pop("digests").keys() == {c.id for c in nb.cells if "nbgrader" not in c.metadata}
    assert own.pop("questions") == [{"id": "sum_node_check", "points": 5}, {"id": "why", "points": 4}]
    assert own == {"section": "04-ridge", "notebook": "ridge", "cells": graded}
    assert "raise NotImplementedError()" in cell(release_of(course), "sum_node").source
    assert cell(release_of(course), "sum_node_check").source == "node = SumNode()"
    assert cell(release_of(course), "why").source == "Why does it add?\n\nYOUR ANSWER HERE"
    assert cell(release_of(course), "run").metadata.tags == ["train"]
    assert cell(release_of(course), "run").metadata.editable is False
    text = release_of(course).read_text()
    for secret in ("self.a.out", "autograder", "unchanged", "SOLUTION", "HIDDEN"):
        assert secret in source_of(course).read_text() and secret not in text


def test_a_second_release_changes_nothing_not_even_times(course):
    release(course)
    before = {path: path.stat().st_mtime_ns for path in course.root.rglob("*") if path.is_file()}
    assert release(course) == [] and out_of_step(course) == []
    assert {path: path.stat().st_mtime_ns for path in course.root.rglob("*") if path.is_file()} == before


def test_it_is_byte_for_byte_what_nbgrader_generates_and_the_gradebook_too(course):
    release(course)
    ours = release_of(course).read_bytes()
    with Gradebook("sqlite://") as gradebook:
        assert register(course, gradebook, "04-ridge") is True
        mine = contents(gradebook)
        assert register(course, gradebook, "04-ridge") is False

    shutil.rmtree(course.release)
    result = nbgrader_api(course).generate_assignment("04-ridge")
    assert result["success"], result["log"]
    assert release_of(course).read_bytes() == ours
    with Gradebook(course.gradebook_url) as gradebook:
        assert contents(gradebook) == mine
        assert register(course, gradebook, "04-ridge") is False


def test_nbgrader_itself_refuses_to_generate_a_leak(course):
    release(course)
    nb = read(source_of(course))
    nb.cells[3].source = nb.cells[3].source.replace("BEGIN HIDDEN TESTS", "BEGIN HIDDEN TEST").replace("### END", "# ")
    nbformat.write(nb, source_of(course))
    shutil.rmtree(course.release)
    result = nbgrader_api(course).generate_assignment("04-ridge")
    assert not result["success"] and "looks like '### BEGIN HIDDEN TESTS'" in result["log"]
    assert not release_of(course).exists()


def test_ids_come_from_the_grade_id_or_the_cells_own_text(course):
    release(course)
    before = [c.id for c in read(release_of(course)).cells]
    assert before[2:4] == ["sum_node", "sum_node_check"] and len(set(before)) == len(before)
    text_of(course).write_text(
        RIDGE.replace("# # Ridge", "# # Ridge regression").replace("# %% tags=", "# %%\nextra = 1\n\n# %% tags=", 1)
    )
    release(course)
    after = [c.id for c in read(release_of(course)).cells]
    assert after[2:] == before[1:] and after[0] != before[0]
    assert [c.id for c in read(source_of(course)).cells] == after


def test_outputs_in_the_source_notebook_do_not_stay(course):
    release(course)
    nb = read(source_of(course))
    nb.cells[1].outputs = [nbformat.v4.new_output("stream", text="42")]
    nbformat.write(nb, source_of(course))
    later(source_of(course), text_of(course))
    assert release(course) == [source_of(course)]
    assert read(source_of(course)).cells[1].outputs == []


# --- the text ---------------------------------------------------------------------------------------------------------


def test_the_text_is_brought_into_its_one_form(course):
    meta = {"grade": False, "grade_id": "sum_node", "locked": False, "schema_version": 3, "solution": True}
    header = "# ---\n# jupyter:\n#   kernelspec: {display_name: Python 3, language: python, name: python3}\n# ---\n\n"
    long = RIDGE.replace('{"grade_id": "sum_node", "solution": true}', json.dumps(meta)).replace("\n\n\n# %%", "\n# %%")
    assert long != RIDGE
    text_of(course).write_text(header + long)
    assert text_of(course) in release(course)
    assert text_of(course).read_text() == RIDGE


def test_reading_and_writing_the_text_is_a_round_trip():
    assert write_text(read_text(RIDGE, "04-ridge", "ridge.py")) == RIDGE


def test_a_worked_solution_is_folded_in_the_notebook_and_a_tag_in_the_text():
    text = '# %% tags=["worked"]\nanswer = 42\n\n# %%\nprint("here")\n'
    notebook = read_text(text, "00-tutorials", "a.py")
    assert notebook.cells[0].metadata.jupyter.source_hidden and notebook.cells[0].metadata.cellView == "form"
    assert not notebook.cells[1].metadata
    assert write_text(notebook) == text


def test_every_worked_solution_that_students_get_is_folded():
    cells = [
        (cell, before.source)
        for path in sorted(ROOT.glob("release/00-tutorials/*.ipynb"))
        for before, cell in itertools.pairwise(nbformat.read(path, as_version=4).cells)
    ]
    worked = [cell for cell, before in cells if before.startswith("The worked solution")]
    assert len(worked) == 4
    assert all(cell.metadata.jupyter.source_hidden and cell.metadata.cellView == "form" for cell in worked)


@pytest.mark.parametrize(
    "short",
    [
        {"grade_id": "a", "solution": True},
        {"grade_id": "a", "grade": True, "points": 0},
        {"grade_id": "a", "grade": True, "points": 2.5, "solution": True},
        {"grade_id": "a", "locked": True},
        {"grade_id": "a", "task": True, "points": 3},
        {"grade_id": "a", "grade": True, "locked": False, "points": 1},
    ],
)
def test_short_metadata_is_completed_and_shortened_back(short):
    full = complete(short)
    assert {"grade", "grade_id", "locked", "schema_version", "solution", "task"} <= set(full)
    assert shorten(full) == short and complete(full) == full


@pytest.mark.parametrize(
    ("meta", "said"),
    [
        ({"solution": True}, "no grade_id"),
        ({"grade_id": "a b", "solution": True}, "letters, digits"),
        ({"grade_id": "a", "grade": True}, "needs its points"),
        ({"grade_id": "a", "grade": True, "points": -1}, "needs its points"),
        ({"grade_id": "a", "grade": True, "points": "5"}, "needs its points"),
        ({"grade_id": "a", "grade": True, "points": float("nan")}, "needs its points"),
        ({"grade_id": "a", "solution": True, "points": 5}, "would never be given"),
        ({"grade_id": "a", "solution": "yes"}, "true or false"),
        ({"grade_id": "a", "sollution": True}, "unknown nbgrader metadata sollution"),
        ({"grade_id": "a"}, "say what the cell is"),
    ],
)
def test_senseless_metadata_is_refused(meta, said):
    with pytest.raises(CourseError, match=said):
        complete(meta)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("# %%", "# ", "has no cell"),
        ('"points": 4, "solution": true', '"points": 4', 'a written answer needs "grade" and "solution": true'),
        ("nbgrader={", "nbgrader=[", "cell 3"),
        ('tags=["setup"]', 'tag=["setup"]', "cannot read tag"),
        ('"sum_node_check"', '"sum_node"', "grade_id 'sum_node' is already that of cell 3"),
        ('["train"]', '["trian"]', "unknown tag 'trian'"),
        ("### BEGIN HIDDEN TESTS", "### BEGIN HIDDEN TEST", "cell 4 \\(sum_node_check\\), line 2"),
        ("node = SumNode()", "from autograder import grade", "students do not have"),
    ],
)
def test_a_fault_in_the_text_is_named_and_nothing_is_written(course, old, new, said):
    text_of(course).write_text(RIDGE.replace(old, new))
    with pytest.raises(UserError, match=said) as raised:
        release(course)
    assert "notebooks/04-ridge/ridge.py" in str(raised.value)
    assert not course.source.exists() and not course.release.exists()


@pytest.mark.parametrize("mark", ["###{}", "# {}", "##  {}", "#{}  ", "    ###\t{}", "######{}"])
def test_marks_are_taken_as_nbgrader_takes_them_and_written_in_one_form(course, mark):
    release(course)
    whole = {path: path.read_bytes() for path in (text_of(course), source_of(course), release_of(course))}
    marked = re.sub(r"### ((?:BEGIN|END) [A-Z ]+)", lambda found: mark.format(found[1]), RIDGE)
    text_of(course).write_text(marked)
    assert "### BEGIN" not in marked
    release(course, force=True)
    for path, content in whole.items():
        if not mark.startswith(" "):
            assert path.read_bytes() == content
        assert b"BEGIN" not in release_of(course).read_bytes() and b"### BEGIN" in source_of(course).read_bytes()


UNEQUAL = "sum_node_check is worth 6 in the notebook and 5 in its check: change checks/s04_ridge.py too."


def test_points_that_differ_from_those_of_the_check_are_refused(course):
    text_of(course).write_text(RIDGE.replace('"points": 5', '"points": 6'))
    with pytest.raises(LeaksFound) as raised:
        release(course)
    place = "notebooks/04-ridge/ridge.py, cell 4"
    assert str(raised.value).splitlines() == ["Nothing was released: 1 fault.", f"  {place}: {UNEQUAL}"]
    assert not course.source.exists() and not course.release.exists()


def test_points_that_differ_in_a_release_of_nbgrader_are_refused_before_anything_is_graded(course):
    release(course)
    release_of(course).write_text(release_of(course).read_text().replace('"points": 5', '"points": 6'))
    with pytest.raises(CourseError) as raised:
        released_notebooks(course, "04-ridge")
    assert str(raised.value) == f"release/04-ridge/ridge.ipynb: {UNEQUAL}"


def test_a_text_that_is_not_utf8_is_named(course):
    text_of(course).write_bytes(RIDGE.encode() + b"\xff")
    with pytest.raises(CourseError, match="ridge.py is not UTF-8"):
        release(course)


@pytest.mark.parametrize(
    "read",
    [lambda course: homes(course, "04-ridge"), lambda course: code_cells(course.root, "04-ridge")],
    ids=["coverage", "mutants"],
)
def test_text_that_is_not_utf8_is_named_wherever_it_is_read(course, read):
    text_of(course).write_bytes(RIDGE.replace("Both", "Für beide").encode("latin-1"))
    with pytest.raises(CourseError, match="04-ridge/ridge.py is not UTF-8 text.*Save it as UTF-8"):
        read(course)


@pytest.mark.parametrize("name", ["files.txt", "section.json"])
def test_a_list_or_facts_that_are_not_utf8_are_named(course, name):
    (course.notebooks / "04-ridge" / name).write_bytes("größen.csv".encode("latin-1"))
    with pytest.raises(CourseError, match=f"notebooks/04-ridge/{name} is not UTF-8 text"):
        release(course)


# --- files ------------------------------------------------------------------------------------------------------------


def test_only_files_named_in_the_list_are_released(course):
    section = course.notebooks / "04-ridge"
    (section / "data").mkdir()
    (section / "data" / "x.csv").write_text("1,2\n")
    with pytest.raises(LeaksFound, match="notebooks/04-ridge/data/x.csv: a stray file"):
        release(course)
    (section / "files.txt").write_text("# what students get\ndata/x.csv\n")
    release(course)
    assert (course.release / "04-ridge" / "data" / "x.csv").read_text() == "1,2\n"
    assert not (course.release / "04-ridge" / "files.txt").exists()


@pytest.mark.parametrize("name", ["solution.txt", "old.ipynb", "sub/answers.csv"])
@pytest.mark.parametrize("folder", ["source", "release"])
def test_a_stray_file_stops_the_release(course, folder, name):
    path = course.root / folder / "04-ridge" / name
    path.parent.mkdir(parents=True)
    path.write_text("secret")
    with pytest.raises(LeaksFound, match=f"{folder}/04-ridge/{name}: a stray file"):
        release(course)
    assert not release_of(course).exists()


def test_a_full_disk_does_not_stop_the_next_release(course):
    with full_disk(), pytest.raises(OSError, match="No space left"):
        release(course)
    assert not [*course.root.rglob("*.part"), *course.root.rglob(".tmp-*")]
    assert release(course) and release_of(course).is_file()


@pytest.mark.parametrize("folder", ["notebooks", "source", "release"])
def test_what_a_killed_release_left_is_removed(course, folder):
    left = course.root / folder / "04-ridge" / ".tmp-0123456789abcdef"
    left.parent.mkdir(exist_ok=True, parents=True)
    left.write_bytes(b"half a notebook")
    release(course)
    assert not left.exists() and out_of_step(course) == []
    left.with_name(".tmp-mine").write_bytes(b"no name of ours")
    with pytest.raises(LeaksFound, match=".tmp-mine: a stray file"):
        release(course)


@pytest.mark.parametrize("listed", ["../../nbgrader_config.py", "/etc/passwd", "ridge.py", "missing.csv", "files.txt"])
def test_the_list_names_only_data_files_of_its_own_folder(course, listed):
    (course.notebooks / "04-ridge" / "files.txt").write_text(listed + "\n")
    with pytest.raises(CourseError, match="files.txt lists"):
        release(course)


# --- facts about a section -------------------------------------------------------------------------------------------


def test_a_section_says_whether_it_needs_torch_and_which_weights_are_handed_in(course):
    weights = [{"file": "best.npz", "max_mb": 10}, {"file": "overfit.npz", "max_mb": 2.5}]
    (course.notebooks / "04-ridge" / "section.json").write_text(json.dumps({"torch": True, "weights": weights}))
    release(course)
    assert out_of_step(course) == []
    assert read(release_of(course)).metadata.backprop["weights"] == weights
    assert not (course.release / "04-ridge" / "section.json").exists()

    template = released_notebooks(course, "04-ridge")["ridge"]
    assert template.torch is True
    assert list(wanted_of(course, "04-ridge").weights) == ["best.npz", "overfit.npz"]
    handed_in = read_notebook(release_of(course)).weights()
    assert [(w.path.name, w.max_mb) for w in handed_in] == [("best.npz", 10), ("overfit.npz", 2.5)]


def test_a_deleted_cell_is_missed_by_the_student_s_own_check(course):
    release(course)
    nb = read(release_of(course))
    nb.cells = [c for c in nb.cells if c.metadata.get("nbgrader", {}).get("grade_id") != "sum_node_check"]
    nbformat.write(nb, release_of(course))
    faults, _ = find_gaps(read_notebook(release_of(course)))
    assert any("sum_node_check was deleted" in fault for fault in faults)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"points": 5}',
        '{"torch": "yes"}',
        '{"weights": "best.npz"}',
        '{"weights": [{"file": "best.npz"}]}',
        '{"weights": [{"file": "../best.npz", "max_mb": 1}]}',
        '{"weights": [{"file": "best.npz", "max_mb": 0}]}',
    ],
)
def test_facts_that_make_no_sense_are_named(course, text):
    (course.notebooks / "04-ridge" / "section.json").write_text(text)
    with pytest.raises(CourseError, match="notebooks/04-ridge/section.json"):
        release(course)
    assert not release_of(course).exists()


# --- both sides -------------------------------------------------------------------------------------------------------


def test_edits_of_either_side_reach_the_other(course):
    release(course)
    nb = read(source_of(course))
    nb.cells[0].source += "\n\nWritten in the notebook."
    nbformat.write(nb, source_of(course))
    later(source_of(course), text_of(course))
    jupytext_sync(source_of(course))
    assert "# Written in the notebook." in text_of(course).read_text()
    release(course)
    assert text_of(course).read_text() == RIDGE.replace("a + b$$\n", "a + b$$\n#\n# Written in the notebook.\n")

    text_of(course).write_text(text_of(course).read_text().replace("import numpy as np", "import numpy as np  # text"))
    later(text_of(course), source_of(course))
    jupytext_sync(text_of(course))
    synced = read(source_of(course))
    assert synced.cells[1].source.startswith("import numpy as np  # text")
    assert [c.metadata.get("nbgrader", {}).get("grade_id") for c in synced.cells] == [
        c.metadata.get("nbgrader", {}).get("grade_id") for c in nb.cells
    ]
    assert cell(source_of(course), "sum_node_check").metadata["nbgrader"]["points"] == 5
    assert cell(source_of(course), "run").metadata.tags == ["train"]
    release(course)
    assert "import numpy as np  # text" in release_of(course).read_text()
    assert out_of_step(course) == []


def test_jupyterlab_saves_both_sides(course):
    release(course)
    edit_in_jupyterlab(course, "source/04-ridge/ridge.ipynb", "\n\nSaved in JupyterLab.")
    assert "# Saved in JupyterLab." in text_of(course).read_text()

    edit_in_jupyterlab(course, "notebooks/04-ridge/ridge.py", "\n\nFrom the text.")
    assert "From the text." in read(source_of(course)).cells[0].source
    assert cell(source_of(course), "sum_node_check").metadata["nbgrader"]["points"] == 5
    release(course)
    assert "Saved in JupyterLab.\n#\n# From the text." in text_of(course).read_text()
    assert text_of(course).read_text().replace("#\n# Saved in JupyterLab.\n#\n# From the text.\n", "") == RIDGE


def test_a_release_is_not_paired_with_any_text(course):
    release(course)
    edit_in_jupyterlab(course, "release/04-ridge/ridge.ipynb", "\n\nA student was here.")
    assert "A student was here." in release_of(course).read_text()
    assert sorted(path.name for path in release_of(course).parent.iterdir() if path.is_file()) == ["ridge.ipynb"]


def test_an_edit_of_the_source_notebook_that_the_text_has_not_got_is_not_lost(course):
    release(course)
    nb = read(source_of(course))
    nb.cells[0].source = "# Mine"
    nbformat.write(nb, source_of(course))
    later(source_of(course), text_of(course))
    with pytest.raises(CourseError, match="jupytext --sync source/04-ridge/ridge.ipynb"):
        release(course)
    assert read(source_of(course)).cells[0].source == "# Mine"
    release(course, force=True)
    assert read(source_of(course)).cells[0].source.startswith("# Ridge")


# --- the gradebook ----------------------------------------------------------------------------------------------------


def test_changed_points_tests_and_names_reach_the_gradebook_but_no_score_by_hand_is_lost(course):
    release(course)
    with Gradebook("sqlite://") as gradebook:
        register(course, gradebook, "04-ridge")
        gradebook.add_student("ana")
        gradebook.add_submission("04-ridge", "ana")
        text_of(course).write_text(RIDGE.replace('"points": 4', '"points": 6').replace("import grade", "import  grade"))
        release(course)
        assert register(course, gradebook, "04-ridge") is True
        assert gradebook.find_grade_cell("why", "ridge", "04-ridge").max_score == 6
        assert "import  grade" in gradebook.find_source_cell("sum_node_check", "ridge", "04-ridge").source

        plain = RIDGE.replace('grade("04-ridge/sum_node_check", globals())', "assert SumNode")
        text_of(course).write_text(plain.replace('"sum_node_check"', '"renamed_check"'))
        release(course)
        for name in ("manual_score", "extra_credit"):
            setattr(gradebook.find_grade("sum_node_check", "ridge", "04-ridge", "ana"), name, 3)
            with pytest.raises(CourseError, match="no longer has the cell sum_node_check, but it has scores") as raised:
                register(course, gradebook, "04-ridge")
            assert str(raised.value).endswith(
                "(1). Put it back, or clear those scores and comments in the formgrader first."
            )
            setattr(gradebook.find_grade("sum_node_check", "ridge", "04-ridge", "ana"), name, None)
        assert register(course, gradebook, "04-ridge") is True
        assert gradebook.find_grade_cell("renamed_check", "ridge", "04-ridge").max_score == 5


def test_a_notebook_that_is_gone_leaves_the_gradebook_unless_scores_by_hand_would_be_lost(course):
    release(course)
    with Gradebook("sqlite://") as gradebook:
        register(course, gradebook, "04-ridge")
        source_of(course).rename(source_of(course).with_name("second.ipynb"))
        assert register(course, gradebook, "04-ridge") is True
        assert [nb.name for nb in gradebook.find_assignment("04-ridge").notebooks] == ["second"]
        gradebook.add_student("ana")
        gradebook.add_submission("04-ridge", "ana")
        gradebook.find_grade("why", "second", "04-ridge", "ana").manual_score = 2
        gradebook.db.commit()
        (course.source / "04-ridge" / "second.ipynb").rename(source_of(course))
        with pytest.raises(CourseError, match="no longer has the notebook second, but it has .*the formgrader first"):
            register(course, gradebook, "04-ridge")
        assert gradebook.find_grade("why", "second", "04-ridge", "ana").manual_score == 2
        gradebook.find_grade("why", "second", "04-ridge", "ana").manual_score = None
        assert register(course, gradebook, "04-ridge") is True
        assert [nb.name for nb in gradebook.find_assignment("04-ridge").notebooks] == ["ridge"]


# --- the course -------------------------------------------------------------------------------------------------------


def test_a_course_is_found_from_any_folder_inside_it(course, tmp_path):
    assert Course.find(course.notebooks / "04-ridge").root == course.root.resolve()
    with pytest.raises(CourseError, match="is not inside a course"):
        Course.find(tmp_path)


def test_sections_are_chosen_by_name_or_unique_beginning(course):
    (course.notebooks / "05-affine").mkdir()
    (course.notebooks / "05-affine" / "a.py").write_text("# %%\n1\n")
    (course.notebooks / "empty").mkdir()
    assert course.sections() == ["04-ridge", "05-affine"] == course.choose()
    assert course.choose(["05", "notebooks/04-ridge/", "05-affine"]) == ["05-affine", "04-ridge"]
    with pytest.raises(CourseError, match="There is no section '4'. The sections are: 04-ridge, 05-affine"):
        course.choose(["4"])


@pytest.mark.parametrize("beginning", ["0", ""])
def test_a_beginning_that_fits_several_sections_names_them(course, beginning):
    (course.notebooks / "05-affine").mkdir()
    (course.notebooks / "05-affine" / "a.py").write_text("# %%\n1\n")
    with pytest.raises(CourseError, match="fits several: 04-ridge, 05-affine. Write more of it."):
        course.choose([beginning])


def test_odd_names_and_a_broken_configuration_are_named(course):
    odd_ones = ["04-ridge/my  notes", "04-ridge/ notes", "04-ridge/notes?", "05 tanh/tanh"]
    for folder, name in (odd.split("/") for odd in odd_ones):
        odd = course.notebooks / folder / f"{name}.py"
        odd.parent.mkdir(exist_ok=True)
        odd.write_text("# %%\n1\n")
        with pytest.raises(CourseError, match=re.escape(repr(name if " " not in folder else folder))):
            release(course)
        odd.unlink()
    (course.root / "nbgrader_config.py").write_text("c = (")
    with pytest.raises(CourseError, match="nbgrader_config.py cannot be read"):
        _ = Course(course.root).config


def test_a_gradebook_opens_without_an_activated_environment(course, monkeypatch):
    monkeypatch.setenv("PATH", os.defpath)
    with course.open_gradebook() as gradebook:
        assert gradebook.assignments == []
    assert course.gradebook_path.is_file()


def test_the_gradebook_is_where_the_configuration_says(course):
    assert course.gradebook_url == f"sqlite:///{course.root}/gradebook.db"
    with (course.root / "nbgrader_config.py").open("a") as config:
        config.write('\nc.CourseDirectory.db_url = "sqlite:///elsewhere.db"\n')
    assert Course(course.root).gradebook_url == "sqlite:///elsewhere.db"


# --- helpers ----------------------------------------------------------------------------------------------------------


def later(path, than):
    """Make `path` five seconds newer than `than`."""
    stamp = than.stat().st_mtime + 5
    os.utime(path, (stamp, stamp))


def jupytext_sync(path):
    done = subprocess.run([sys.executable, "-m", "jupytext", "--sync", str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def edit_in_jupyterlab(course, path, addition):
    """Open, edit and save with what JupyterLab uses for files when the jupytext extension is on."""

    async def open_edit_save():
        manager = jupytext.AsyncTextFileContentsManager(root_dir=str(course.root))
        model = await manager.get(path, type="notebook")
        model["content"]["cells"][0]["source"] += addition
        await manager.save(model, path)

    asyncio.run(open_edit_save())


def nbgrader_api(course):
    config = Config(course.config)
    config.CourseDirectory.root = str(course.root)
    return NbGraderAPI(config=config)


def contents(gradebook):
    """All that SaveCells writes, as plain values."""
    assignment = gradebook.find_assignment("04-ridge")
    return {
        notebook.name: (
            notebook.kernelspec,
            sorted((c.name, c.max_score, c.cell_type) for c in notebook.grade_cells),
            sorted((c.name, c.max_score) for c in notebook.task_cells),
            sorted(c.name for c in notebook.solution_cells),
            sorted((c.name, c.cell_type, c.locked, c.source, c.checksum) for c in notebook.source_cells),
        )
        for notebook in assignment.notebooks
    }
