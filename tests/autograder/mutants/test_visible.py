"""The visible checks, measured: what passes, what is put into words, what is named falsely, what is a traceback."""

from __future__ import annotations

from dataclasses import replace

import pytest
from places import ROOT

from autograder.mutants.exercise import Cell
from autograder.mutants.page import SECTIONS, write_section
from autograder.mutants.visible import HIDDEN, Seen, VisibleOutcome, _look

CELLS = [Cell("from backprop.gradcheck import check_values\ndef f():\n    return 3.0", "f", False)]
RIGHT = "def f(): return 3.0"
VISIBLE = 'check_values("f", lambda: {"f": f()}, {"f": 3.0})\n'


def look(source: str, right: bool = False, family: str = "sign", visible: str = VISIBLE) -> Seen:
    head = "from backprop.gradcheck import check_values\n"
    return _look(("s/f_check", CELLS, visible, "name", right, family, "f", head + source))


@pytest.mark.parametrize(
    ("source", "outcome", "said"),
    [
        ("def f(): return 3.0", "passed", ()),
        ("def f(): return -3.0", "sentence", ("sign",)),
        ("def f(): return 3.7123", "numbers", ()),
        ("def f(): raise NotImplementedError", "sentence", ()),
    ],
)
def test_what_a_student_sees_is_told_apart(source, outcome, said):
    seen = look(source)
    assert (seen.outcome, seen.said) == (outcome, said)


def test_an_error_that_the_check_does_not_put_into_words_is_a_traceback():
    assert look("def f(): return 3.0", visible="g()").outcome == "traceback"
    assert look("def f(): return 3.0", visible="assert f() == 4, 'it should be 4'").outcome == "sentence"
    assert look("def f(): return 3.0", visible="assert f() == 4").outcome == "traceback"


def test_the_hidden_part_of_a_check_is_left_out():
    text = f"{VISIBLE}### BEGIN HIDDEN TESTS\nfrom autograder import grade\ngrade('s/f_check', globals())\n"
    assert HIDDEN.sub("", f"{text}### END HIDDEN TESTS\n") == VISIBLE


def test_the_figures_count_each_kind():
    seen = [
        look("def f(): return -3.0"),
        look("def f(): return -3.0", family="factor"),
        look("def f(): return 3.0"),
        look("def f(): return 3.0", right=True, family=""),
    ]
    outcome = VisibleOutcome(seen)
    assert list(outcome.rows()) == [["s/f_check", "2/3", "1/1", "50%", "50%", "0"]]
    assert outcome.failures == ["s/f_check: 'name' (factor) is named sign", "s/f_check: 'name' passes"]
    assert outcome.sentence in outcome.markdown() and outcome.table().row_count == 1


def test_a_right_answer_beside_a_wrong_cell_is_counted_apart():
    beside = [replace(look(source, right=True, family=""), whole=False) for source in ("def f(): return 1.0", RIGHT)]
    outcome = VisibleOutcome([look(RIGHT, right=True, family=""), *beside])
    assert list(outcome.rows()) == [["s/f_check", "0/0", "1/1", "–", "–", "0"]]
    assert "Of 2 right ones beside a cell that is wrong or does not fit to them, 1 are refused" in outcome.sentence
    assert outcome.failures == ["s/f_check: 'name' passes in a notebook that is said not to work"]


def test_each_section_of_the_page_is_written_alone(tmp_path):
    page = tmp_path / "checks.md"
    write_section(page, "visible", "| a |")
    write_section(page, "hidden", "| b |")
    write_section(page, "hidden", "| c |")
    text = page.read_text()
    assert (
        text.index(SECTIONS["hidden"][0])
        < text.index("| c |")
        < text.index(SECTIONS["visible"][0])
        < text.index("| a |")
    )
    assert "| b |" not in text


def test_the_published_page_has_all_sections():
    text = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    order = [heading for heading, _ in SECTIONS.values()]
    assert headings == [heading for heading in order if heading in headings]
    assert {SECTIONS[kind][0] for kind in ("hidden", "unseen", "visible")} <= set(headings)
