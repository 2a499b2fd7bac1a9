"""What the instructor sees and does in nbgrader's formgrader, on a course that `autograder` graded."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from places import CHECKS, ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import CLASS, MadeUp, code_cell, hand_in
from autograder.grading.run import grade_class
from autograder.grading.workers import Options
from autograder.release.build import build
from autograder.submissions.released import released_notebooks

pytestmark = [pytest.mark.browser, pytest.mark.sandbox, needs_bubblewrap, pytest.mark.xdist_group("formgrader")]

SECTION = "04-ridge"
ANSWER = "q_paths"  # a written answer of the section
RIGHT, WRONG = (next(student for student in CLASS if student.name == name) for name in ("ada", "eli"))

SCRIPT = (
    "My answer is two paths.\n\n<script>window.hacked = 1; document.title = 'hacked'</script>\n"
    '<img src="x" onerror="window.hacked = 2">\n<svg onload="window.hacked = 3"></svg>\n'
    '<iframe srcdoc="<script>parent.hacked = 4</script>"></iframe>\n\n[here](javascript:window.hacked=5)\n'
    f"\n$$J = {' + '.join(f'w_{{{i}}}' for i in range(200))}$$\n\n{'long' * 200}\n"
)
SHOW = "from IPython.display import HTML, display\ndisplay(HTML('<script>window.hacked = 6</script>'))"


def with_script_output(notebook, section) -> None:
    notebook["cells"].append(code_cell(SHOW))


HOSTILE = MadeUp("mal", "script in an answer and in an output", {ANSWER: SCRIPT}, damage=with_script_output)
NAMED = MadeUp("nan <img src=x onerror=hacked=7>", "script in the name", keep=lambda template, grade_id: False)
STUDENTS = (RIGHT, WRONG, HOSTILE)


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """One section, handed in by four students, three of them graded by `autograder`."""
    course = Course(tmp_path_factory.mktemp("course"))
    shutil.copy(ROOT / "nbgrader_config.py", course.root)
    shutil.copytree(CHECKS, course.root / "checks")
    shutil.copytree(ROOT / "notebooks" / SECTION, course.notebooks / SECTION)
    for path, content in build(course, SECTION).files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for student in (*STUDENTS, NAMED):
        hand_in(course, student, [SECTION])
    summary = grade_class(course, [SECTION], options=Options(workers=1))
    assert len(summary.graded) == len(STUDENTS) and not summary.faults
    return course


@pytest.fixture(scope="module")
def server(course, serve):
    """JupyterLab started in the course's folder, as an instructor starts it."""
    return serve(course.root)


@pytest.fixture(scope="module")
def notebook(course) -> str:
    (name,) = released_notebooks(course, SECTION)
    return name


def total(course, student: str) -> tuple[float, float]:
    """The points of a submission, and how many there are."""
    with course.open_gradebook() as gradebook:
        submission = gradebook.find_submission(SECTION, student)
        return submission.score, submission.max_score


def grades(course, notebook: str, student: str) -> dict[str, tuple]:
    """grade_id -> auto_score, manual_score, needs_manual_grade."""
    with course.open_gradebook() as gradebook:
        submitted = gradebook.find_submission_notebook(notebook, SECTION, student)
        rows = submitted.grades
        return {row.name: (row.auto_score, row.manual_score, row.needs_manual_grade) for row in rows}


def shown(score: float, most: float) -> str:
    return f"{score:g} / {most:g}"


def open_submission(course, server, visit, notebook: str, student: str):
    with course.open_gradebook() as gradebook:
        key = gradebook.find_submission_notebook(notebook, SECTION, student).id
    page = visit(server, f"formgrader/submissions/{key}")
    page.wait_for_function("() => window.formgrader?.grades?.loaded && window.formgrader.comments.loaded")
    return page


# -- looking -------------------------------------------------------------------------------------------------------


def test_the_formgrader_opens_from_jupyterlab_with_the_assignment(course, server, visit):
    page = visit(server, "lab/workspaces/instructor")
    page.get_by_role("menuitem", name="Nbgrader", exact=True).click()
    page.get_by_role("menuitem", name="Formgrader", exact=True).click()
    frame = page.frame_locator("iframe")
    row = frame.locator("tr").filter(has_text=SECTION)
    row.wait_for()
    assert row.locator(".num-submissions").inner_text() == str(len(STUDENTS) + 1)  # nbgrader counts the folders


def test_the_lists_show_each_submission_with_its_score(course, server, visit, notebook):
    page = visit(server, f"formgrader/manage_submissions/{SECTION}")
    for student in (RIGHT, WRONG):
        row = page.locator("tr").filter(has=page.get_by_text(student.name, exact=True))
        row.locator(".score").filter(has_text="/").wait_for()
        assert row.locator(".score").inner_text() == shown(*total(course, student.name))
        assert row.locator(".status").inner_text() == "needs manual grading"
    assert total(course, RIGHT.name)[0] > total(course, WRONG.name)[0] > 0

    page = visit(server, f"formgrader/gradebook/{SECTION}/{notebook}")
    page.locator("td.overall-score, td").filter(has_text="/").first.wait_for()
    page.get_by_text("Show All Names").click()
    text = page.locator("table").inner_text()
    for student in (RIGHT, WRONG):
        (line,) = [line for line in text.splitlines() if student.name in line]
        assert shown(*total(course, student.name)) in line


def test_the_page_of_a_submission_shows_verdicts_and_scores(course, server, visit, notebook):
    page = open_submission(course, server, visit, notebook, WRONG.name)
    kept = nbformat.read(course.autograded / WRONG.name / SECTION / f"{notebook}.ipynb", as_version=4)
    text = re.sub(r"\s+", " ", page.get_by_role("main").inner_text())
    verdicts = 0
    for cell in kept.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if not cell.metadata.get("nbgrader", {}).get("grade"):
            continue
        box = page.locator(f"input[id='{name}']")
        assert box.is_visible()
        auto = grades(course, notebook, WRONG.name)[name][0]
        assert (box.get_attribute("placeholder") or "") == ("" if auto is None else f"{auto:g}")
        for output in cell.get("outputs", []):
            said = output.get("text") or output.get("evalue") or ""
            for line in filter(None, (re.sub(r"\s+", " ", line).strip() for line in said.splitlines())):
                assert line in text
                verdicts += 1
    assert verdicts > 5
    lost = [name for name, (auto, _, _) in grades(course, notebook, WRONG.name).items() if auto == 0]
    assert lost, "this student is made up to lose points"


# -- grading by hand -----------------------------------------------------------------------------------------------


def test_a_score_given_in_the_browser_survives_grading_again(course, server, visit, notebook):
    page = open_submission(course, server, visit, notebook, WRONG.name)
    box = page.locator(f"input[id='{ANSWER}']")
    with page.expect_response(lambda reply: "/api/grade/" in reply.url and reply.request.method == "PUT") as saved:
        box.fill("1.5")
        box.press("Tab")
    assert saved.value.ok
    words = page.locator(f"textarea[id='{ANSWER}-comment']")
    with page.expect_response(lambda reply: "/api/comment/" in reply.url and reply.request.method == "PUT") as saved:
        words.fill("One path is missing: $w \\to J$ by the penalty.")
        words.press("Tab")
    assert saved.value.ok
    before = grades(course, notebook, WRONG.name)
    assert before[ANSWER] == (None, 1.5, False)
    points = total(course, WRONG.name)

    command = [sys.executable, "-m", "autograder", "grade", SECTION, "--student", WRONG.name, "--force", "--workers=1"]
    done = subprocess.run(command, cwd=course.root, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    after = grades(course, notebook, WRONG.name)
    assert {name: row[:2] for name, row in after.items()} == {name: row[:2] for name, row in before.items()}
    assert total(course, WRONG.name) == points
    with course.open_gradebook() as gradebook:
        comment = gradebook.find_comment(ANSWER, notebook, SECTION, WRONG.name)
        assert comment.manual_comment == "One path is missing: $w \\to J$ by the penalty."

    page = open_submission(course, server, visit, notebook, WRONG.name)
    assert page.locator(f"input[id='{ANSWER}']").input_value() == "1.5"
    assert "One path is missing" in page.locator(f"textarea[id='{ANSWER}-comment']").input_value()


def test_the_autograde_button_judges_in_the_same_way(course, server, visit, notebook):
    right = grades(course, notebook, RIGHT.name)
    final = course.autograded / RIGHT.name / SECTION / f"{notebook}.ipynb"
    outputs = [cell.get("outputs") for cell in nbformat.read(final, as_version=4).cells]
    with course.open_gradebook() as gradebook:  # so that the button has something to put right
        for grade in gradebook.find_submission_notebook(notebook, SECTION, RIGHT.name).grades:
            grade.auto_score = 0
        gradebook.db.commit()
    page = visit(server, f"formgrader/manage_submissions/{SECTION}")
    row = page.locator("tr").filter(has=page.get_by_text(RIGHT.name, exact=True))
    row.locator(".autograde a").click()
    page.get_by_text(f"Successfully autograded '{SECTION}' for student '{RIGHT.name}'").wait_for(timeout=120_000)
    assert grades(course, notebook, RIGHT.name) == right
    again = nbformat.read(final, as_version=4).cells
    judged = [cell for cell in again if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"]
    assert judged and all("BEGIN HIDDEN" not in cell.source for cell in again)
    assert [cell.get("outputs") for cell in again] == outputs


# -- hostile -------------------------------------------------------------------------------------------------------


def test_script_in_a_submission_does_not_run(course, server, visit, notebook):
    page = open_submission(course, server, visit, notebook, HOSTILE.name)
    text = page.get_by_role("main").inner_text()
    assert "My answer is two paths." in text, "the answer itself is to be read"
    for link in page.locator(".text_cell_render a").all():
        if (link.get_attribute("href") or "").lower().startswith("javascript"):
            link.click(force=True)
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.hacked") is None
    assert page.title() != "hacked"
    assert page.get_by_role("main").locator("script, iframe, [onerror], [onload]").count() == 0
    assert server.elsewhere == [], "the formgrader asked for pages outside this machine"


def test_without_a_network_the_first_box_is_chosen_and_keys_move_on(course, server, visit, notebook):
    """nbgrader's own page waits for MathJax, which it loads from elsewhere, before it listens to any key."""
    page = open_submission(course, server, visit, notebook, RIGHT.name)
    places = "[...document.querySelectorAll('.tabbable')].indexOf(document.activeElement)"
    page.wait_for_function(f"() => {places} === 0")
    page.keyboard.press("Tab")
    page.wait_for_function(f"() => {places} === 1")
    assert page.locator("math").count() > 20 and server.elsewhere == []


@pytest.mark.parametrize("width", [1280, 800])
def test_a_wide_formula_and_a_long_word_stay_in_their_box(course, server, visit, notebook, width):
    page = open_submission(course, server, visit, notebook, HOSTILE.name)
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("() => document.documentElement.scrollWidth") == width
    box = page.locator(".text_cell_render").filter(has_text="My answer is two paths.")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth"), "the formula can be scrolled to its end"
    assert box.locator("p").last.evaluate("word => word.scrollWidth <= word.clientWidth"), "the word is broken"


def test_a_student_id_that_would_be_html_never_reaches_the_formgrader(course):
    """nbgrader does not escape ids on two of its pages, so the grader takes no such submission."""
    assert (course.submitted / NAMED.name).is_dir()
    with course.open_gradebook() as gradebook:
        assert NAMED.name not in {student.id for student in gradebook.students}
