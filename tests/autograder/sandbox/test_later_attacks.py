"""The later attacks: a class of them beside an honest student, pages, printing, downloads."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import time
from pathlib import Path

import pytest
from attacks import SECTION, Attack, scores, submit
from downloads import download, hand_in, two_sections
from later_attacks import ELSEWHERE, IN_A_CLASS, NEARBY, PRINTED, PRINTED_NEARBY, YEAR_30000, many_names
from places import ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import MadeUp, copy_course, solved
from autograder.demo.classroom import hand_in as hand_in_honestly
from autograder.grading.notebook import Seconds
from autograder.grading.run import grade_class
from autograder.grading.workers import Options
from autograder.lms.collect import collect
from autograder.results.answers import export_answers
from autograder.results.feedback import write_feedback
from autograder.results.sanitize import sanitized_html
from autograder.submissions.released import released_notebooks

pytestmark = [needs_bubblewrap, pytest.mark.sandbox, pytest.mark.xdist_group("later-attacks")]

ALL = [*IN_A_CLASS, *NEARBY]
ALL_PRINTED = {**PRINTED, **PRINTED_NEARBY}
MOST_SAID = 40


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    course = copy_course(Course(ROOT), tmp_path_factory.mktemp("later") / "course")
    hand_in_honestly(course, MadeUp("honest", ""), [SECTION])
    for attack in ALL:
        submit(course, attack)
    options = Options(workers=2, seconds=Seconds(cell=1.5, request=1.5, notebook=20))
    summary = grade_class(course, [SECTION], options=options)
    write_feedback(course, [SECTION], workers=2)
    return course, summary


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_an_attack_ends_with_a_score_and_a_reason_and_costs_nobody_else(graded, attack: Attack):
    course, summary = graded
    got = scores(course, attack.name)
    assert got and sum(score or 0 for score in got.values()) == 0
    (result,) = [result for result in summary.graded if result.student == attack.name]
    decided = [score is not None for name, score in got.items() if name.endswith("_check")]
    assert all(decided) or (result.unread and not any(decided))
    assert not [text for text in summary.faults if text.startswith(f"{attack.name}/")]
    assert len([text for text in summary.problems if text.startswith(f"{attack.name}/")]) <= MOST_SAID
    assert sum(value for name, value in result.seconds.items() if name.endswith("_cpu")) < 60


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_no_line_is_said_that_a_student_has_made(graded, attack: Attack):
    course, summary = graded
    said = [*summary.problems, *summary.faults, *summary.refused]
    for text in [text for text in said if text.startswith(f"{attack.name}/")]:
        assert text.isprintable(), text
    for path in (course.autograded / attack.name / SECTION).glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            assert not re.search(r"^\W*FORGED", "".join(cell["source"]), re.MULTILINE)
    assert len(list((course.feedback / attack.name / SECTION).glob("*.html"))) == 1


def test_the_honest_student_keeps_every_point(graded):
    course, summary = graded
    (template,) = released_notebooks(course, SECTION).values()
    got = scores(course, "honest")
    assert all(got[cell.grade_id] == cell.points for cell in template.grade_cells if cell.check is not None)
    assert not [text for text in summary.problems if text.startswith("honest")]


def test_a_formula_stays_where_it_is():
    page = sanitized_html(ELSEWHERE)
    assert "FORGED" in page
    if "<math" in page:
        lengths = re.findall(r'(?:width|height|depth|lspace|rspace|voffset|size)="([^"]*)"', page)
        assert all(abs(float(re.match(r"[-+.\d]+", one)[0])) <= 4 for one in lengths if re.match(r"[-+.\d]+", one))
        assert not re.search(r'scriptlevel="-', page)


@pytest.mark.parametrize("name", ALL_PRINTED)
def test_a_notebook_that_cannot_be_printed_costs_nobody_else(name, tmp_path):
    course = copy_course(Course(ROOT), tmp_path / "course")
    hand_in_honestly(course, MadeUp("zoe", ""), [SECTION])
    (template,) = released_notebooks(course, SECTION).values()
    notebook = solved(template)
    ALL_PRINTED[name](notebook)
    folder = course.submitted / "mallory" / SECTION
    folder.mkdir(parents=True)
    Path(folder, "ridge.ipynb").write_text(json.dumps(notebook))
    made = export_answers(course, [SECTION])
    assert "zoe" in [path.stem for path in made.written]
    assert len(made.written) == 2 or any("mallory" in text for text in made.problems)
    assert all(text.isprintable() for text in made.problems)


def test_zips_of_many_names_cost_nobody_else(tmp_path):
    course = two_sections(tmp_path)
    path = download(course, {"class/mallory.zip": many_names(), "class/zoe.zip": hand_in()})
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    summary = collect(course, [path])
    assert summary.placed == [f"zoe/{SECTION}"] and 1 <= len(summary.refused) <= MOST_SAID
    assert time.process_time() - start < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300 * 1024


@pytest.mark.parametrize("seconds", [YEAR_30000, -YEAR_30000, 253_402_300_800, -62_135_596_801])
def test_a_time_that_no_calendar_has_costs_nobody_else(seconds, tmp_path):
    """Where the file system keeps such times: others cut them off."""
    course = two_sections(tmp_path)
    home = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else tmp_path
    folder = home / f"{tmp_path.parent.name}-{tmp_path.name}"
    try:
        for student in ("mallory", "zoe"):
            (folder / student / SECTION).mkdir(parents=True)
            (folder / student / SECTION / "ridge.ipynb").write_text('{"cells": []}')
        os.utime(folder / "mallory" / SECTION / "ridge.ipynb", (seconds, seconds))
        summary = collect(course, [folder])
    finally:
        shutil.rmtree(folder)
    assert f"zoe/{SECTION}" in summary.placed
