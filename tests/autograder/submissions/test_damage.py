"""Whatever happens to an honest notebook, an answer that is still in it keeps its points."""

from __future__ import annotations

import copy
import functools
import json
import re

import everyday  # noqa: F401  (it adds to the table)
import pytest
from damage import DAMAGES, RELEASED, Damage
from places import ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import Notebook, solved
from autograder.grading.notebook import Grader, Result
from autograder.submissions.notebook import parse_notebook
from autograder.submissions.released import ReleasedNotebook, released_notebooks

COURSE = Course(ROOT)
ORDER = sorted(DAMAGES, key=lambda damage: damage.section)

pytestmark = [needs_bubblewrap, pytest.mark.sandbox, pytest.mark.xdist_group("damage")]


@functools.cache
def template(section: str) -> ReleasedNotebook:
    (only,) = released_notebooks(COURSE, section).values()
    RELEASED.update({cell.grade_id: cell.release for cell in only.cells if cell.grade_id})
    return only


@functools.cache
def right(section: str) -> Notebook:
    return solved(template(section))


@pytest.fixture(scope="module")
def grade():
    """grade(section, bytes) -> Result; the same zygote for all."""
    with Grader() as grader:

        def grade(section: str, content: bytes) -> Result:
            cells, problems = parse_notebook(content, "the notebook")
            return grader.grade(template(section), cells, {}, problems)

        yield grade


@pytest.fixture(scope="module")
def undamaged(grade):
    return functools.cache(lambda section: grade(section, json.dumps(right(section)).encode()))


def damaged(damage: Damage) -> bytes:
    notebook = copy.deepcopy(right(damage.section))
    content = damage.do(notebook)
    return content if isinstance(content, bytes) else json.dumps(notebook).encode()


def test_there_are_many_kinds_each_with_a_name_of_its_own():
    assert len({damage.name for damage in DAMAGES}) == len(DAMAGES) >= 100


@pytest.mark.parametrize("damage", ORDER, ids=lambda damage: damage.name)
def test_an_untouched_answer_keeps_its_points_and_a_repair_is_told(grade, undamaged, damage):
    before = undamaged(damage.section)
    content = damaged(damage)
    result = grade(damage.section, content)
    expected = {**before.scores, **damage.lost}
    assert result.scores == expected, {k: v.text for k, v in result.verdicts.items() if not v.full}
    assert not result.faults
    if damage.told:
        assert [text for text in result.problems if re.search(damage.told, text)], result.problems
    else:
        assert result.problems == ()
    assert all(text[-1] in ".?" and "\n" not in text for text in result.problems)


def test_the_undamaged_notebooks_have_all_points(undamaged):
    for section in {damage.section for damage in DAMAGES}:
        result = undamaged(section)
        assert all(verdict.full for verdict in result.verdicts.values())
        assert result.problems == () and result.unanswered == ()
