"""Answers written without sight of the checks: read whole, judged by the check that decides them, all in the table."""

from __future__ import annotations

import json

import pytest
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.errors import CourseError
from autograder.judging.load import load
from autograder.mutants import code_cells
from autograder.mutants.measure import Tried
from autograder.mutants.unseen import (
    ALLOWED,
    FIRST_CONTACT,
    allowed,
    checks_of,
    kept,
    measure_unseen,
    note_first_contact,
    read_answers,
    sentence,
    sets,
    table,
    totals,
)

COURSE = Course(ROOT)
FOLDER = CHECKS / "mutants" / "unseen"
SETS = sets(CHECKS)
FILES = sorted(FOLDER.glob("*/*.txt"))


def test_a_file_of_answers_is_read_cell_by_cell(tmp_path):
    path = tmp_path / "a.txt"
    wrong, right = (
        "# %% f | wrong | a | b\ndef f():\n    return 1\n\n",
        "# %% g | right | as said\n# %% no header\nx = 2\n",
    )
    path.write_text(wrong + right)
    first, second = read_answers(path, "a.txt")
    assert (first.cell, first.right, first.words, first.source) == ("f", False, "a | b", "def f():\n    return 1\n")
    assert (second.cell, second.right, second.source) == ("g", True, "# %% no header\nx = 2\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_answer_is_python_and_belongs_to_a_stub_of_its_section(path):
    cells = {cell.grade_id for cell in code_cells(ROOT, path.stem) if cell.grade_id}
    answers = read_answers(path, path.name)
    assert {answer.cell for answer in answers} <= cells
    assert len({(answer.cell, answer.source) for answer in answers}) == len(answers)
    for answer in answers:
        compile(answer.source, answer.words, "exec")


def test_a_stub_is_decided_by_the_next_check_below_it():
    decides = checks_of(code_cells(ROOT, "04-ridge"), load(CHECKS, "04-ridge"))
    assert decides["sum_node"].grade_id == "sum_node_check"
    assert decides["ridge_regression"].grade_id == "ridge_regression_check"


@pytest.mark.parametrize("answers", SETS, ids=lambda path: path.name)
def test_the_first_figures_name_every_check_that_answers_were_written_for(answers):
    first = json.loads((answers / FIRST_CONTACT).read_text())["rows"]
    wanted = set()
    for path in sorted(answers.glob("*.txt")):
        decides = checks_of(code_cells(ROOT, path.stem), load(CHECKS, path.stem))
        judged = (decides.get(answer.cell) for answer in read_answers(path, path.name))
        wanted |= {check.name for check in judged if check is not None and not check.weights}
    assert {row[0] for row in first} == wanted
    assert all(caught <= wrong and accepted <= right for _, caught, wrong, accepted, right in first)


def test_a_caught_answer_is_one_that_never_got_full_points():
    tried = [
        Tried("c", "always caught", False, "*", runs=3, full=0),
        Tried("c", "sometimes passes", False, "*", runs=3, full=1),
        Tried("c", "right", True, "", runs=3, full=3),
        Tried("c", "right, once refused", True, "", runs=3, full=2),
    ]
    rows = list(totals(tried))
    assert rows == [("c", 1, 2, 1, 2)]
    assert sentence(rows) == "1 of 2 wrong answers caught (50.0%), 1 of 2 right ones kept their points."
    assert sentence([]) == "0 of 0 wrong answers caught, 0 of 0 right ones kept their points."


def test_some_answers_are_judged_as_the_command_does_it():
    for answers in SETS:
        tried = measure_unseen(COURSE, answers, ["05-affine-tanh"], 1)
        assert len(tried) == len(read_answers(answers / "05-affine-tanh.txt", ""))
        assert all(one.good for one in tried if one.right), [one.text for one in tried if one.right and not one.good]
        shown = table(CHECKS, answers, tried)
        assert shown.startswith(f"### The {answers.name} set") and " Now: " in shown
        revision = json.loads((answers / FIRST_CONTACT).read_text())["revision"]
        assert revision and f"At first contact, at revision {revision}: " in shown


def test_first_contact_is_written_down_once(tmp_path):
    tried = [Tried("c", "caught", False, "*", runs=3, full=0), Tried("c", "right", True, "", runs=3, full=3)]
    note_first_contact(COURSE, tmp_path, 3, tried)
    noted = json.loads((tmp_path / FIRST_CONTACT).read_text())
    assert noted["seeds"] == 3 and noted["rows"] == [["c", 1, 1, 1, 1]]
    with pytest.raises(CourseError, match="first contact happens once"):
        note_first_contact(COURSE, tmp_path, 3, tried[:1])
    assert json.loads((tmp_path / FIRST_CONTACT).read_text()) == noted


def test_each_wrong_answer_that_is_allowed_is_there_and_has_a_reason():
    reasons = allowed(CHECKS, ALLOWED)
    for check, words in reasons:
        section = check.partition("/")[0]
        decides = checks_of(code_cells(ROOT, section), load(CHECKS, section))
        files = [folder / f"{section}.txt" for folder in SETS if (folder / f"{section}.txt").is_file()]
        answers = [a for path in files for a in read_answers(path, section)]
        assert [a for a in answers if not a.right and a.words == words and decides[a.cell].name == check], (
            check,
            words,
        )
    tried = [
        Tried("c", "one", False, "*", 3, 3),
        Tried("c", "two", False, "*", 3, 0),
        Tried("c", "three", True, "", 3, 0),
    ]
    assert kept(tried, {("c", "one"): "because"}).endswith("\n* c, “one”: because") and kept(tried[1:], {}) == ""


def test_a_line_of_another_form_is_said_to_be_one(tmp_path):
    folder = tmp_path / "mutants" / "unseen"
    folder.mkdir(parents=True)
    (folder / ALLOWED).write_text("# words\n\na | b\n")
    with pytest.raises(CourseError, match="line 3: expected check"):
        allowed(tmp_path, ALLOWED)
