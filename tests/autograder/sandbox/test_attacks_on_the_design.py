"""Attacks on the design itself: a class of them beside honest students, stolen reference code, downloads, printing."""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path

import pytest
from attacks import FOUND, HONEST, SECTION, Attack, scores, submit
from attacks_on_the_design import HANDED_IN, IN_A_CLASS, STEAL_NAMES, STOLEN_IN, WRITTEN
from downloads import download, hand_in, two_sections
from places import ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import MadeUp, code_cell, copy_course, solved
from autograder.demo.classroom import hand_in as hand_in_honestly
from autograder.grading.notebook import Grader, Seconds
from autograder.grading.run import grade_class
from autograder.grading.workers import Options
from autograder.lms.collect import collect
from autograder.results.answers import export_answers
from autograder.results.feedback import write_feedback
from autograder.submissions.notebook import parse_notebook
from autograder.submissions.released import released_notebooks

pytestmark = [needs_bubblewrap, pytest.mark.sandbox, pytest.mark.xdist_group("attacks-on-the-design")]

MOST_SAID = 40  # sentences about one submission


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """(course, summary, processor seconds of the workers and this process) of a run over all attacks."""
    course = copy_course(Course(ROOT), tmp_path_factory.mktemp("aimed-at") / "course")
    for name in HONEST:
        hand_in_honestly(course, MadeUp(name, ""), [SECTION])
    for attack in IN_A_CLASS:
        submit(course, attack)
    (course.state / "collected" / SECTION).mkdir(parents=True)  # as after a download: names are looked up in it
    options = Options(workers=2, seconds=Seconds(cell=1.5, request=1.5, notebook=20))
    summary = grade_class(course, [SECTION], options=options)
    return course, summary


@pytest.mark.parametrize("attack", IN_A_CLASS, ids=lambda attack: attack.name)
def test_an_attack_gains_no_point_and_ends_with_a_score(graded, attack: Attack):
    course, summary = graded
    got = scores(course, attack.name)
    assert got, "the submission has no score at all"
    assert sum(score or 0 for score in got.values()) == 0
    (result,) = [result for result in summary.graded if result.student == attack.name]
    decided = [score is not None for name, score in got.items() if name.endswith("_check")]
    assert all(decided) or (result.unread and not any(decided))
    assert not [text for text in summary.faults if text.startswith(f"{attack.name}/")]
    assert len([text for text in summary.problems if text.startswith(f"{attack.name}/")]) <= MOST_SAID


@pytest.mark.parametrize("attack", IN_A_CLASS, ids=lambda attack: attack.name)
def test_an_attack_finds_nothing(graded, attack: Attack):
    course, _ = graded
    for path in (course.autograded / attack.name / SECTION).glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            for output in cell.get("outputs", []):
                shown = json.dumps(output)
                assert not FOUND.search(shown) or "FOUND" in "".join(output.get("traceback", [])), shown[:500]
    assert not (course.autograded / attack.name / SECTION / "timestamp.txt").exists() or attack.files
    assert not (course.autograded / attack.name / SECTION / "submission_secret.txt").exists()


@pytest.mark.parametrize("name", HONEST)
def test_honest_students_graded_beside_attackers_keep_their_points(graded, name):
    course, summary = graded
    got = scores(course, name)
    (template,) = released_notebooks(course, SECTION).values()
    assert all(got[cell.grade_id] == cell.points for cell in template.grade_cells if cell.check is not None)
    assert not [text for text in summary.problems if text.startswith(name)]


def test_a_flood_is_told_in_a_few_lines(graded):
    _, summary = graded
    assert len(summary.refused) <= MOST_SAID


def test_feedback_after_it_has_a_page_for_each(graded):
    course, summary = graded
    written, _ = write_feedback(course, [SECTION], workers=2)
    assert written == sum(len(result.notebooks) for result in summary.graded)


@pytest.mark.parametrize("section", STOLEN_IN)
def test_reference_code_under_its_own_names_earns_nothing(section):
    (template,) = released_notebooks(Course(ROOT), section).values()
    notebook = solved(template, MadeUp("", "", keep=lambda template, grade_id: False))
    notebook["cells"] = [code_cell(STEAL_NAMES), *notebook["cells"]]
    cells, _ = parse_notebook(json.dumps(notebook).encode())
    with Grader() as grader:
        assert grader.grade(template, cells).score == 0


# -- downloads ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HANDED_IN)
def test_one_zip_costs_nobody_else_and_is_told_in_a_few_lines(name, tmp_path):
    course = two_sections(tmp_path)
    path = download(course, {"class/mallory.zip": HANDED_IN[name](), "class/zoe.zip": hand_in()})
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    start = time.process_time()
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    try:
        summary = collect(course, [path])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert summary.placed == [f"zoe/{SECTION}"]
    assert 1 <= len(summary.refused) <= MOST_SAID
    assert time.process_time() - start < 30


# -- printing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN)
def test_an_answer_that_is_hard_to_print_costs_nobody_else(name, tmp_path):
    course = copy_course(Course(ROOT), tmp_path / "course")
    hand_in_honestly(course, MadeUp("zoe", ""), [SECTION])
    (template,) = released_notebooks(course, SECTION).values()
    notebook = solved(template)
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id", "").startswith("q_"):
            cell["source"] = WRITTEN[name]
    folder = course.submitted / "mallory" / SECTION
    folder.mkdir(parents=True)
    Path(folder, "ridge.ipynb").write_text(json.dumps(notebook))
    made = export_answers(course, [SECTION])
    assert [path.stem for path in made.written] == ["mallory", "zoe"]


def test_the_attacks_are_counted():
    assert len({attack.name for attack in IN_A_CLASS}) == len(IN_A_CLASS) >= 45
