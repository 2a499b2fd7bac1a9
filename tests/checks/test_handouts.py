"""Every exercise of the five homework sheets has a home, and docs/coverage.md says where."""

import pytest
from places import ROOT

from autograder.course import Course
from autograder.errors import CourseError
from checks import handouts as coverage
from checks.handouts import PAGE, ROWS, coverage_table, find_homes, row

COURSE = Course(ROOT)

# The sheets' own numbering, kept apart from the rows that it holds to account.
EXERCISES = {
    "NYU21": "pre1 pre2 pre3 1 2 3 4 5 6 7 8 9 10 11 12 13 14",
    "NYU18": "3.1 3.2 3.3 3.4 4.1.1-1 4.1.1-2 4.1.1-3 4.1.1-4 4.1.2-1 4.2-1 4.2-2 4.2-3 4.2-4 4.3-1 4.3-2 4.3-3",
    "B189": "1a 1b 1c 1d 2a 2b 2c 2d 2e 2f 2note 3a 3b 3c",
    "U442": "1.1a 1.1b 1.1c 1.1d 1.2 2.1 2.2 2.3 2.4 3.1 4.1 4.1b 4.2 4.3 5.1 5.2 5.3 6.1",
    "L167": "0 1 2 3 4 5 6 7 8 9 opt admin 2023-10 2023-11 2023-12",
}
# Points that a sheet states for an exercise; ours give the same.
STATED = {"U442-1.1a": 0, "U442-1.1b": 0, "U442-1.1c": 10, "U442-2.1": 5, "U442-2.2": 5, "U442-2.3": 5, "U442-2.4": 5}
STATED |= {"U442-3.1": 10, "U442-5.1": 15, "U442-5.2": 10, "U442-5.3": 5, "U442-6.1": 10}
# What a sheet asks to be programmed is decided by the judge.
PROGRAMMED = [f"NYU21-{n}" for n in (1, 2, 3, 9, 10, 11, 12, 13, 14)]
PROGRAMMED += [f"L167-{n}" for n in range(1, 10)] + [f"U442-{n}" for n in ("1.1c", "2.1", "2.2", "2.3", "2.4", "3.1")]
PROGRAMMED += ["U442-4.1", "U442-5.1", "NYU18-3.4", "NYU18-4.2-4", "NYU18-4.3-3", "B189-1c", "B189-2c", "B189-2e"]
# A proof is read by a person, and its formula is checked as code.
PROVED = [f"NYU21-{n}" for n in (4, 5, 6, 7, 8)] + ["B189-2a", "B189-2c", "B189-2d", "B189-2e", "B189-2f", "B189-3b"]


@pytest.fixture(scope="module")
def found():
    return find_homes(COURSE)[0]


def test_every_exercise_has_exactly_one_row():
    wanted = [f"{sheet}-{number}" for sheet, numbers in EXERCISES.items() for number in numbers.split()]
    assert sorted(one.id for one in ROWS) == sorted(wanted)


def test_every_row_has_a_home():
    found, faults = find_homes(COURSE)
    assert faults == []
    assert {one.id: len(found[one.id]) for one in ROWS} == {one.id: len(one.where) for one in ROWS}


def test_the_page_is_up_to_date():
    text = coverage_table(COURSE)
    assert (COURSE.root / PAGE).read_text(encoding="utf-8") == text, "run python -m checks.handouts"
    assert all(f"| {one.id} | {one.title} |" in text for one in ROWS)


@pytest.mark.parametrize("id", PROGRAMMED)
def test_what_is_programmed_is_judged(found, id):
    assert any(home.graded.startswith("by the judge") for home in found[id])


@pytest.mark.parametrize("id", PROVED)
def test_what_is_proved_is_read_and_checked(found, id):
    graded = {home.graded for home in found[id]}
    assert {"by hand", "by the judge"} <= graded


@pytest.mark.parametrize(("id", "points"), STATED.items())
def test_stated_points_are_kept(found, id, points):
    assert sum({home.check: home.points for home in found[id]}.values()) == points


def test_nothing_optional_is_hidden_from_the_judge(found):
    assert not [id for id, there in found.items() if any("test in the notebook" in home.graded for home in there)]


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (row("X-1", "a cell that is gone", "04-ridge", "sum_nod"), "'sum_nod' is not in the notebooks of 04-ridge"),
        (row("X-2", "a section that is gone", "44-ridge", "sum_node"), "not in the notebooks of 44-ridge"),
        (row("X-3", "a heading that is gone", "04-ridge", "# No such heading"), "'# No such heading' is not in"),
        (row("X-4", "which one?", "00-tutorials", "# What to remember"), "is 6 times in"),
        (row("X-5", "nowhere", "04-ridge"), "X-5 (nowhere) has no home"),
    ],
)
def test_a_row_without_a_home_is_named(broken, said):
    found, faults = find_homes(COURSE, (ROWS[0], broken))
    assert len(faults) == 1 and said in faults[0]
    assert found["NYU21-pre1"] and not found[broken.id]


def test_the_page_is_not_written_while_a_row_has_no_home(monkeypatch):
    faults = ["NYU21-1 has no home.", "NYU21-2 has no home."]
    monkeypatch.setattr(coverage, "find_homes", lambda course, rows: ({}, faults))
    with pytest.raises(CourseError, match="NYU21-1 has no home.\nNYU21-2 has no home."):
        coverage_table(COURSE)


def test_a_stub_takes_the_points_of_its_check_and_no_other(found):
    ridge = {home.cell: home for home in found["NYU21-3"]}
    assert ridge["ridge_regression"].check == "ridge_regression_check"
    # Optional PyTorch cells have no check; the next graded cell is a written answer on something else.
    assert [home.check for home in found["L167-2023-10"]] == [""]
    assert found["L167-2023-10"][0].graded == "not graded"
