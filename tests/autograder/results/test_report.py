"""The class report: right numbers, every student-supplied text as text, one file that fetches nothing."""

import base64
import datetime
import io
import re
import shutil
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup
from rich.console import Console
from small_course import SECTIONS, enter, make_course, verdict

from autograder.course import Course
from autograder.errors import UserError
from autograder.gradebook.result import Result, SubmissionResult
from autograder.grading.ledger import Ledger
from autograder.results import plots
from autograder.results.check_stats import CheckStats, check_stats, check_table, in_words
from autograder.results.report import write_report
from autograder.results.to_do import tasks
from backprop.checking.mistake_kinds import FAMILIES

EVIL = "<script>alert(1)</script> & <img src=x onerror=alert(1)> `<b>x</b>` {{ 7*7 }}"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    course = make_course(tmp_path_factory.mktemp("course"))
    enter(course, "ana")
    enter(course, "ben", scores={"add_check": 2.5, "more_check": 0.0, "why": None},
          families={"add_check": ["sign", "shape"], "more_check": ["raises"]})  # fmt: skip
    enter(course, "cem", scores={"add_check": 0.0, "more_check": 0.0, "why": 0.0},
          families={"add_check": ["sign"], "more_check": []},
          problems=[EVIL, *(f"problem {number}" for number in range(20))], suspicions=[f"uses {EVIL}"],
          faults=[EVIL], seconds={"start": 1.0, "cells": 7.0, "judge": 2.0, "cpu": 99.0})  # fmt: skip
    enter(course, "ana", "02-second")
    with course.open_gradebook() as gradebook:
        gradebook.find_student("ben").first_name = EVIL
        grade = gradebook.find_grade("why", "first", "01-first", "ana")
        grade.manual_score, grade.needs_manual_grade = 4, False
        gradebook.db.commit()
    return course


@pytest.fixture
def course(built, tmp_path):
    shutil.copytree(built.root, tmp_path / "c", dirs_exist_ok=True)
    return Course(tmp_path / "c")


@pytest.fixture(scope="module")
def page(built):
    return write_report(built, built.root / "page.html", list(SECTIONS)).read_text(encoding="utf-8")


def results(course):
    return [result for section in SECTIONS for result in Ledger(course).results(section)]


def rows(page, heading):
    """The cells of the table after a heading, row by row, without the header."""
    soup = BeautifulSoup(page, "html.parser")
    table = soup.find(lambda tag: tag.name in ("h2", "h3") and heading in tag.text).find_next("table")
    return [[" ".join(cell.text.split()) for cell in row.find_all("td")] for row in table.tbody.find_all("tr")]


# -- numbers -------------------------------------------------------------------------------------------------------


def test_a_check_is_counted_full_partial_zero_with_its_mistakes(course):
    add, more, *second = check_stats(results(course))
    assert (add.name, add.points, add.count, add.full, add.partial, add.zero) == ("add_check", 5, 3, 1, 1, 1)
    assert add.mean == pytest.approx(50)
    assert add.mistakes() == [(FAMILIES["sign"], 2), (FAMILIES["shape"], 1)]
    assert (more.full, more.partial, more.zero) == (1, 0, 2) and more.mistakes() == [("an error while it ran", 1)]
    assert [(stats.section, stats.full) for stats in second] == [("02-second", 1)] * 2


def test_a_written_answer_is_no_check_even_where_it_was_left_empty(course):
    assert "why" not in [stats.name for stats in check_stats(results(course))]
    empty = Result("s", "n", {"why": 0.0}, unanswered=("why",))
    assert check_stats([SubmissionResult("ana", "s", "k", {"n": empty})]) == []


def test_an_optional_check_without_points_is_full_where_no_mistake_was_named():
    def graded(*families):
        result = Result("s", "n", {"f": 0.0}, verdicts={"f": verdict("s/f", 0.0, 0.0, families)})
        return SubmissionResult("ana", "s", "k", {"n": result})

    (stats,) = check_stats([graded(), graded(), graded("sign"), graded()])
    assert (stats.full, stats.partial, stats.zero, stats.mean) == (3, 0, 1, 75)


def test_every_family_has_words():
    for family in [*FAMILIES, "raises", "missing_name", "time", "died", "unfinished", "torch"]:
        assert "_" not in in_words(family).replace("d_out", "") and in_words(family) != family
    assert in_words("sign:W1") == FAMILIES["sign"] and in_words("quite_new") == "quite new"


def test_the_table_after_grading_shows_each_check_in_words(course):
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(check_table(results(course)))
    text = console.export_text()
    line = next(line for line in text.splitlines() if line.strip().startswith("add "))
    assert line.split()[:6] == ["add", "50", "%", "1", "1", "1"]
    assert "the opposite sign (2); the wrong shape (1)" in line
    assert "01-first" in text and "02-second" in text


def test_the_table_of_nothing_is_empty():
    assert check_table([]).row_count == 0


def test_the_page_has_the_scores_of_the_gradebook(page):
    assert rows(page, "Scores") == [["ana", "", "12", "8 *"], ["ben", EVIL, "2.5 *", "–"], ["cem", "", "0", "–"]]


def test_the_page_says_first_what_needs_a_person(page):
    assert rows(page, "What must be done") == [
        ["Grade by hand", "cem/01-first", EVIL],
        ["Grade answers", "01-first", "1 answer waiting: why 1"],
        ["Grade answers", "02-second", "1 answer waiting: why 1"],
        ["Look at", "cem/01-first", f"uses {EVIL}"],
    ]
    main = BeautifulSoup(page, "html.parser").main
    assert main.find(True)["id"] == "to-do" and "to-do" in main.find(True)["class"]


def test_at_most_ten_lines_stand_on_the_page_and_all_of_them_in_a_file(course):
    for number in range(14):
        enter(course, f"s{number:02}", faults=[f"fault {number}\n{EVIL}"], suspicions=["uses processes"])
    path = write_report(course, None, list(SECTIONS))
    text = path.read_text(encoding="utf-8")
    shown = rows(text, "What must be done")
    assert len(shown) == 10 and [kind for kind, _, _ in shown].count("Grade by hand") >= 7
    assert {kind for kind, _, _ in shown} == {"Grade by hand", "Grade answers", "Look at"}
    rest = path.with_name("report-to-do.txt")
    lines = rest.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 15 + 2 + 15 and f"{len(lines) - 10} more" in text and rest.name in text
    assert lines[0].startswith("Grade by hand: ") and rest.stat().st_mode & 0o777 == 0o640
    shutil.rmtree(course.state)
    write_report(course, None, ["01-first"])
    assert not rest.exists(), "what is left of an earlier report is no task"


def test_what_was_not_handed_in_as_a_whole_is_asked_for_again(course):
    enter(course, "dov", unread=("first",), problems=("first.ipynb is damaged.",))
    found = rows(write_report(course, None, ["01-first"]).read_text(encoding="utf-8"), "What must be done")
    assert ["Ask again", "dov/01-first", "first: first.ipynb is damaged."] in found
    (again,) = tasks([SubmissionResult("dov", "01-first", "k", look_again=("why",))], "01-first", [])
    assert again.line == "Look at: dov/01-first: graded again since scores were given by hand: why"


def test_the_page_names_who_was_late_and_who_handed_in_nothing(course):
    due = datetime.datetime(2026, 3, 1, 12)
    late = {"dov": 59, "eli": 61 * 60, "fay": 3 * 3600 + 1, "gus": 50 * 3600, "hal": -5, "ivy": 0}
    with course.open_gradebook() as gradebook:
        gradebook.update_or_create_assignment("01-first", duedate=due)
        gradebook.add_student("zoe", first_name=EVIL)
        gradebook.add_student("<b>")
    for name, seconds in late.items():
        enter(course, name, timestamp=due + datetime.timedelta(seconds=seconds))
    with course.open_gradebook() as gradebook:
        gradebook.find_submission_notebook("first", "01-first", "fay").late_submission_penalty = 1.5
        gradebook.db.commit()
    text = write_report(course, None, list(SECTIONS)).read_text(encoding="utf-8")
    first, second = rows(text, "Late, and not handed in")
    assert first == ["01-first", "dov (59 s), eli (1 h), fay (3 h, 1.5 points off), gus (2 d)", "<b>, zoe"]
    assert second == ["02-second", "–", "<b>, ben, cem, dov, eli, fay, gus, hal, ivy, zoe"]
    figures = [" ".join(item.text.split()) for item in BeautifulSoup(text, "html.parser").select(".figures li")]
    assert figures[-2:] == ["4 handed in late", "12 not handed in"]


@pytest.mark.parametrize(
    ("scores", "counts"),
    [([0, 9.99, 10, 99.9, 100, 120, -5], {0: 3, 10: 1, 90: 3}), ([50], {50: 1})],
)
def test_every_score_has_its_bar(scores, counts):
    words = plots.histogram(scores, "s", {"mean": 50.0}).words
    assert words.endswith(", ".join(f"{low} to {low + 10} %: {n}" for low, n in counts.items()) + ".")


@pytest.mark.parametrize("seconds", [[0.0], [0.2, 0.21, 0.4], [0.01, 100.0], [3.0] * 50, [1e-9, 1e-8], [7.0, 1234.5]])
def test_every_time_has_its_bar(seconds):
    picture = plots.times(seconds, "s")
    svg = ElementTree.fromstring(base64.b64decode(picture.address.partition(",")[2]))
    drawn = [element for element in svg if element.tag.endswith(("}rect", "}text"))]
    bars = [place for place, element in enumerate(drawn) if element.tag.endswith("}rect")]
    assert sum(int(drawn[place + 1].text) for place in bars) == len(seconds), "the number over each bar"
    for place in bars:
        assert 0 <= float(drawn[place].get("x")) < picture.width and float(drawn[place].get("height")) > 0


@pytest.mark.parametrize(
    ("most", "steps", "step"), [(10, 10, 1), (11, 10, 2), (0.3, 10, 0.05), (40, 4, 10), (41, 4, 20), (1, 4, 0.5)]
)
def test_ticks_are_at_round_numbers(most, steps, step):
    assert plots.nice_step(most, steps) == pytest.approx(step)


def test_the_template_of_a_plot_escapes_names():
    stats = CheckStats("s", EVIL, 5, [5.0, 0.0], [True, False])
    svg = base64.b64decode(plots.bars([stats], EVIL).address.partition(",")[2]).decode()
    assert "<script" not in svg and ElementTree.fromstring(svg) is not None


def test_the_page_has_the_checks_with_their_mistakes(page):
    add = rows(page, "Checks and the mistakes")[0]
    assert add == ["add", "5", "50 %", "1", "1", "1", "the opposite sign (2) the wrong shape (1)"]


def test_the_slowest_submission_comes_first(page):
    soup = BeautifulSoup(page, "html.parser")
    caption = soup.find("caption", string="The slowest")
    assert [cell.text for cell in caption.find_parent("table").tbody.tr.find_all("td")] == ["cem", "10.0"]


def test_every_problem_of_a_student_is_listed(page):
    text = BeautifulSoup(page, "html.parser").text
    assert all(f"problem {number}\n" in text for number in range(20))


# -- the page ------------------------------------------------------------------------------------------------------


def test_text_of_students_is_shown_as_text(page):
    soup = BeautifulSoup(page, "html.parser")
    assert not soup.find_all(["script", "iframe", "object"]) and "49" not in soup.find(id="to-do").text
    assert not [tag for tag in soup.find_all(True) if any(name.startswith("on") for name in tag.attrs)]
    assert EVIL in " ".join(soup.text.split())


def test_the_page_fetches_nothing(page):
    soup = BeautifulSoup(page, "html.parser")
    policy = soup.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert not soup.find_all(["link", "base"]) and "@import" not in page
    assert all(image["src"].startswith("data:image/svg+xml;base64,") for image in soup.find_all("img"))
    assert all(link["href"].startswith("#") for link in soup.find_all("a"))
    assert all(soup.find(id=link["href"][1:]) for link in soup.find_all("a"))


def test_every_plot_is_a_picture_with_words(page):
    images = BeautifulSoup(page, "html.parser").find_all("img")
    assert len(images) == 6
    for image in images:
        svg = ElementTree.fromstring(base64.b64decode(image["src"].partition(",")[2]))
        assert svg.tag.endswith("svg") and len(image["alt"]) > 40
    assert "Submissions by score: 0 to 10 %: 1, 20 to 30 %: 1, 90 to 100 %: 1." in images[0]["alt"]


def test_the_colours_of_the_bars_can_be_told_apart_and_read():
    from autograder.results.plots import FULL, PARTIAL, ZERO

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True))

    def contrast(one, other):
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    assert contrast(FULL, "#FFFFFF") > 4.5 and contrast(PARTIAL, "#000000") > 4.5 and contrast(ZERO, "#000000") > 4.5


def test_headings_and_tables_are_marked_up_for_screen_readers(page):
    soup = BeautifulSoup(page, "html.parser")
    assert soup.html["lang"] == "en" and len(soup.find_all("h1")) == 1 and soup.find("main")
    assert all(cell.get("scope") == "col" for cell in soup.find_all("th"))
    assert len(set(re.findall(r'id="([^"]+)"', page))) == len(re.findall(r'id="([^"]+)"', page))


def test_the_report_lies_in_exports_and_one_section_is_enough(course):
    path = write_report(course, None, ["02-second"])
    assert path == course.exports / "report.html"
    assert "01-first" not in path.read_text(encoding="utf-8")


def test_a_report_without_notes_still_has_the_scores(course):
    shutil.rmtree(course.state)
    text = write_report(course, None, ["01-first"]).read_text(encoding="utf-8")
    assert rows(text, "Scores")[0] == ["ana", "", "12"]


def test_somebody_who_left_the_gradebook_is_not_in_the_report(course):
    assert "ben" in write_report(course, None, ["01-first"]).read_text(encoding="utf-8")
    with course.open_gradebook() as gradebook:
        gradebook.remove_student("ben")
    assert "ben" in [result.student for result in results(course)], "a note is left"
    assert "ben" not in write_report(course, None, ["01-first"]).read_text(encoding="utf-8")


def test_nothing_graded_is_one_sentence(course):
    with course.open_gradebook() as gradebook:
        gradebook.remove_submission("02-second", "ana")
    with pytest.raises(UserError, match="autograder grade"):
        write_report(course, None, ["02-second"])
    with pytest.raises(UserError, match="is a folder"):
        write_report(course, course.root, ["01-first"])


@pytest.mark.browser
def test_the_page_fits_a_telephone(page, tmp_path):
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("no Chromium here")
    from playwright.sync_api import sync_playwright

    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 400, "height": 800})
        complaints: list[str] = []
        tab.on("console", lambda message: complaints.append(message.text))
        tab.goto((tmp_path / "report.html").as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") <= 400
        assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 100)")
        assert complaints == []
        browser.close()
