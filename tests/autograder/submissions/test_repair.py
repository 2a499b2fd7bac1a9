"""A damaged submission is fitted to the release again; an undamaged one is left as it is."""

from __future__ import annotations

import copy
import json
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import ROOT

from autograder.course import Course
from autograder.demo.classroom import solved
from autograder.submissions.notebook import SubmittedCell, parse_notebook
from autograder.submissions.released import ReleasedCell, ReleasedNotebook, released_notebooks
from autograder.submissions.repair import repair

COURSE = Course(ROOT)
RELEASED = [
    (section, name)
    for section in COURSE.sections()
    if (COURSE.release / section).is_dir()
    for name in released_notebooks(COURSE, section)
]
quiet = settings(deadline=None, max_examples=200, derandomize=True, suppress_health_check=list(HealthCheck))


def ridge() -> ReleasedNotebook:
    return released_notebooks(COURSE, "04-ridge")["ridge"]


def handed_in(template: ReleasedNotebook) -> list[SubmittedCell]:
    return parse_notebook(json.dumps(solved(template)).encode())[0]


def released(template: ReleasedNotebook) -> list[SubmittedCell]:
    return [SubmittedCell(c.cell_type, c.release, {"nbgrader": dict(c.nbgrader)}, [], c.id) for c in template.cells]


def place(cells: list[SubmittedCell], grade_id: str) -> int:
    return next(i for i, cell in enumerate(cells) if cell.grade_id == grade_id)


@pytest.mark.parametrize(("section", "name"), RELEASED)
@pytest.mark.parametrize("made", [handed_in, released])
def test_an_undamaged_notebook_is_left_as_it_is(section, name, made):
    template = released_notebooks(COURSE, section)[name]
    cells = made(template)
    repaired = repair(template, cells)
    assert repaired.problems == []
    assert [item.template for item in repaired.cells] == list(template.cells)
    assert [item.source for item in repaired.cells] == [cell.source for cell in cells]
    assert not any(item.idle for item in repaired.cells)


@pytest.mark.parametrize(("section", "name"), RELEASED)
def test_an_empty_notebook_becomes_the_release_without_a_list_of_what_is_missing(section, name):
    template = released_notebooks(COURSE, section)[name]
    repaired = repair(template, [])
    wanted = [cell for cell in template.cells if cell.cell_type == "code" or cell.grade_id]
    assert [item.template for item in repaired.cells] == wanted
    assert [item.source for item in repaired.cells] == [cell.release for cell in wanted]
    assert repaired.problems == []


ANYTHING = st.builds(
    SubmittedCell,
    st.sampled_from(["code", "markdown", "raw"]),
    st.sampled_from(["", " ", "x = 1", "class SumNode:\n    pass", "def (", "YOUR ANSWER HERE", "'''", "\\", "é" * 50]),
    st.sampled_from([{}, {"nbgrader": {"grade_id": "sum_node"}}, {"nbgrader": {"grade_id": "sum_node_check"}}]),
    st.just([]),
    st.sampled_from(["", "own", "sum_node", "sum_node_check", "e73b71d3e226"]),
)


@quiet
@given(st.permutations(range(len(ridge().cells))), st.integers(0, 60), st.lists(ANYTHING, max_size=6), st.randoms())
def test_whatever_is_kept_dropped_or_added_each_graded_cell_is_there_once(order, kept, added, random):
    template = ridge()
    right = handed_in(template)
    cells = [right[i] for i in order[:kept]]
    for cell in added:
        cells.insert(random.randint(0, len(cells)), cell)
    repaired = repair(template, cells)
    found = [item.template for item in repaired.cells if item.template is not None]
    for wanted in template.cells:
        must = 1 if wanted.cell_type == "code" or wanted.grade_id else 0
        assert must <= found.count(wanted) <= 1
    for item in repaired.cells:
        assert item.template is not None or item.cell is not None
        if item.template is not None and item.template.is_test:
            assert item.source == item.template.release, "the text of a test is never the student's"
    assert all(text.endswith(".") and "\n" not in text for text in repaired.problems)
    assert len(repaired.cells) <= len(cells) + len(template.cells) + len(added)


def test_white_space_alone_is_no_answer():
    template = ridge()
    cells = released(template)
    stub = cells[place(cells, "sum_node")]
    stub.source = "\n\n" + stub.source.replace("\n", "  \n") + "\n"
    repaired = repair(template, cells)
    (item,) = [item for item in repaired.cells if item.template and item.template.grade_id == "sum_node"]
    assert not item.answered and item.source == item.template.release and repaired.problems == []


def test_of_several_answers_the_last_edited_one_counts():
    template = ridge()
    cells = handed_in(template)
    at = place(cells, "sum_node")
    first, stub = copy.deepcopy(cells[at]), copy.deepcopy(cells[at])
    first.source = first.source.replace("+", "-")
    stub.source = template.cells[at].release
    cells[at : at + 1] = [first, cells[at], stub]
    repaired = repair(template, cells)
    (item,) = [item for item in repaired.cells if item.template and item.template.grade_id == "sum_node"]
    assert item.cell is cells[at + 1]
    assert repaired.problems == ["The cell sum_node is there 3 times; the last edited one counts."]
    assert stub not in [item.cell for item in repaired.cells], "an unedited stub would undo the answer"


def test_a_cell_is_put_back_behind_the_one_it_followed():
    template = ridge()
    cells = handed_in(template)
    del cells[place(cells, "sum_node_check")]
    repaired = repair(template, cells)
    assert [item.template for item in repaired.cells] == list(template.cells)


def test_a_written_answer_below_its_question_is_found():
    template = ridge()
    cells = released(template)
    at = place(cells, "q_paths")
    cells[at - 1].source += "\n\nThe first path goes through the prediction."
    repaired = repair(template, cells)
    (item,) = [item for item in repaired.cells if item.template and item.template.grade_id == "q_paths"]
    assert item.source == "The first path goes through the prediction."
    assert repaired.problems == ["The cell q_paths holds no answer; the text next to it was taken."]


def test_a_question_reworded_is_no_answer():
    template = ridge()
    cells = released(template)
    at = place(cells, "q_paths")
    cells[at - 1].source = "### Question 1 (2 pts)"
    repaired = repair(template, cells)
    (item,) = [item for item in repaired.cells if item.template and item.template.grade_id == "q_paths"]
    assert not item.answered and repaired.problems == []


def test_a_stub_that_defines_more_than_the_other_cell_still_runs():
    """Left out, it would take names away that the released text gives to everybody."""
    stub = ReleasedCell("a", "code", "given = 1\nwanted = 0\n", "", {"grade_id": "a", "solution": True})
    template = ReleasedNotebook("s", "n", (stub,))
    own = SubmittedCell("code", "wanted = 2")
    released = SubmittedCell("code", stub.release, {"nbgrader": {"grade_id": "a"}})
    assert not any(item.idle for item in repair(template, [own, released]).cells)
    own.source = "given, x = 1, 2\ngiven = 1\nwanted = 2"
    assert [item.idle for item in repair(template, [own, released]).cells] == [False, True]


def test_locked_text_comes_from_the_release():
    helper = ReleasedCell("a", "code", "half = 0.5", "half = 0.5", {"grade_id": "h", "locked": True})
    template = ReleasedNotebook("s", "n", (helper,))
    repaired = repair(template, [SubmittedCell("code", "half = 2", {"nbgrader": {"grade_id": "h"}})])
    assert [item.source for item in repaired.cells] == ["half = 0.5"]
    why = "from the release (edited, or handed out before it changed); what is released counts."
    assert repaired.problems == [f"The cell h differs {why}"]
    # After a change of the release all cells of everybody may differ: one sentence, which blames nobody.
    other = ReleasedCell("b", "code", "third = 1 / 3", "third = 1 / 3", {"grade_id": "t", "locked": True})
    cells = [
        SubmittedCell("code", text, {"nbgrader": {"grade_id": name}})
        for name, text in (("h", "half = 2"), ("t", "third = 3"))
    ]
    repaired = repair(ReleasedNotebook("s", "n", (helper, other)), cells)
    assert repaired.problems == [f"The cells h, t differ {why}"]


def test_hidden_tests_in_a_handed_in_test_cell_are_no_edit():
    """An instructor hands in the source notebook to try the grader."""
    template = ridge()
    cells = [SubmittedCell(c.cell_type, c.source, {"nbgrader": dict(c.nbgrader)}, [], c.id) for c in template.cells]
    repaired = repair(template, cells)
    assert repaired.problems == []
    assert not any("HIDDEN" in item.source for item in repaired.cells)


def test_a_copy_of_a_training_cell_does_not_run():
    template = ridge()
    cells = handed_in(template)
    (training, *_) = [cell for cell in template.cells if cell.trains]
    cells.append(SubmittedCell("code", training.release))
    repaired = repair(template, cells)
    assert [item.idle for item in repaired.cells] == [False] * len(template.cells) + [True]


def shuffled_letters(count: int) -> list[SubmittedCell]:
    letters = list("".join(cell.release for cell in ridge().cells)[:1000].replace("\n", " "))
    shuffle = random.Random(0).shuffle
    return [SubmittedCell("code", "".join(letters)) for _ in range(count) if shuffle(letters) is None]


@pytest.mark.parametrize(
    "cells",
    [[SubmittedCell("code", text * 80_000)] for text in ("\n", "class\n", "a ")] + [shuffled_letters(2000)],
    ids=["empty lines", "no class", "words", "alike"],
)
def test_no_text_makes_repairing_slow(cells):
    start = time.process_time()
    repair(ridge(), cells)
    assert time.process_time() - start < 25
