"""What a student sees in JupyterLab: the release notebooks, their stubs, their checks, their figures."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import NO_AUTOGRADER, cell, prompts, run, save
from places import CHECKS, ROOT

from autograder.course import Course
from autograder.demo.classroom import CLASS, MadeUp, solved
from autograder.release.build import build
from autograder.submissions.released import released_notebooks

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("jupyterlab")]

COURSE = Course(ROOT)
NOTEBOOKS = [f"{section}/{script.stem}" for section in COURSE.sections() for script in COURSE.scripts(section)]
HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
FORMULA = re.compile(r"\$[^$]+\$")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
DRAWS = re.compile(r"^(\w[^#\n]*= ?)?(plt\.(show|figure|subplots)|draw_\w+)\(", re.MULTILINE)
# Whether TeX is still to be read outside of code, where it stands for itself.
UNSET = """() => [...document.querySelectorAll('.jp-RenderedMarkdown')].some(it => {
    const copy = it.cloneNode(true);
    copy.querySelectorAll('code, pre, mjx-container').forEach(part => part.remove());
    return /\\$[^$]+\\$|\\\\begin|\\\\frac/.test(copy.textContent);
})"""


@pytest.fixture(scope="module")
def course(tmp_path_factory) -> Course:
    """The text of the notebooks, released afresh into a folder of its own."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(CHECKS, folder / "checks")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    course = Course(folder)
    for section in course.sections():
        for path, content in build(course, section).files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return course


@pytest.fixture(scope="module")
def lab(course, serve, tmp_path_factory):
    """JupyterLab on a student's folder: the release, and nothing of the instructor's."""
    folder = tmp_path_factory.mktemp("student") / "homework"
    shutil.copytree(course.release, folder)
    blocked = tmp_path_factory.mktemp("blocked")
    (blocked / "sitecustomize.py").write_text(NO_AUTOGRADER)
    return serve(folder, "lab", {"PYTHONPATH": str(blocked)})


@pytest.fixture
def open_notebook(lab, visit) -> Iterator:
    """open_notebook(path) returns a tab with the notebook; its kernel ends with the test."""

    def open_it(path: str):
        workspace = re.sub("[^a-z0-9]", "-", path.lower())
        page = visit(lab, f"lab/workspaces/{workspace}/tree/{path}")
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        wanted = len(json.loads((lab.root / path).read_text())["cells"])
        page.wait_for_function("n => document.querySelectorAll('.jp-Notebook .jp-Cell').length === n", arg=wanted)
        return page

    yield open_it
    lab.end_kernels()
    assert lab.elsewhere == [], "JupyterLab asked for pages outside this machine"


def template_of(course: Course, section: str):
    (template,) = released_notebooks(course, section).values()
    return template


def write_solved(course: Course, lab, section: str, folder: str, student: MadeUp | None = None) -> str:
    """Write a section's notebook with answers into the student's folder; return its path there."""
    template = template_of(course, section)
    path = f"{folder}/{template.name}.ipynb"
    (lab.root / folder).mkdir(exist_ok=True)
    (lab.root / path).write_text(json.dumps(solved(template, student)))
    return path


# -- reading -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reading_room(lab, chromium):
    """One tab with JupyterLab in it, in which the notebooks are opened one after the other."""
    page = chromium.new_context(viewport={"width": 1300, "height": 1000}).new_page()
    lab.fence(page.context)
    page.goto(lab.address("lab/workspaces/reading"))
    page.get_by_role("menuitem", name="File", exact=True).wait_for()
    yield page
    page.context.close()
    lab.end_kernels()


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_every_release_notebook_opens_with_headings_formulas_and_pictures(lab, reading_room, notebook):
    page, path = reading_room, f"{notebook}.ipynb"
    cells = json.loads((lab.root / path).read_text())["cells"]
    page.get_by_role("menuitem", name="File", exact=True).click()
    page.get_by_role("menuitem", name="Open from Path").click()
    page.locator(".jp-Dialog input").fill(path)
    page.keyboard.press("Enter")
    front = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
    page.wait_for_function(
        """([name, n]) => document.querySelector('.lm-mod-current.jp-mod-current')?.innerText.includes(name)
                && document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell').length === n
                && !document.querySelector('.jp-MarkdownCell .jp-RenderedMarkdown:empty')""",
        arg=[Path(path).name, len(cells)],
    )
    texts = [CODE.sub("", "".join(cell["source"])) for cell in cells if cell["cell_type"] == "markdown"]
    headings = front.locator(".jp-RenderedMarkdown").locator("h1, h2, h3, h4, h5, h6")
    wanted = sum(len(HEADING.findall(text)) for text in texts)
    assert headings.count() == wanted > 0
    assert all(box["height"] > 10 for box in headings.evaluate_all("all => all.map(h => h.getBoundingClientRect())"))
    if any(FORMULA.search(text) for text in texts):
        front.locator("mjx-container").first.wait_for()
        page.wait_for_function(f"() => !({UNSET})()", timeout=20_000)
        assert front.locator("mjx-merror, [mathcolor=red]").count() == 0, "a formula that MathJax does not know"
    sizes = front.locator(".jp-RenderedMarkdown img").evaluate_all("all => all.map(image => image.naturalWidth)")
    assert 0 not in sizes, "a picture that cannot be shown"
    assert lab.elsewhere == [], "JupyterLab asked for pages outside this machine"


# -- running -------------------------------------------------------------------------------------------------------


def test_an_unanswered_stub_stops_run_all_with_one_sentence(course, lab, open_notebook):
    page = open_notebook(f"04-ridge/{template_of(course, '04-ridge').name}.ipynb")
    run(page)
    texts = prompts(page)
    ran = sum("[ ]" not in text for text in texts)
    assert 0 < ran < len(texts), "everything behind the stub ran too"
    stopped = page.locator(".jp-Notebook .jp-CodeCell").nth(ran - 1).locator(".jp-OutputArea-output")
    said = "\n".join(stopped.all_inner_texts())
    assert "NotImplementedError" in said and "not written yet" in said
    assert "Traceback" not in said and len(said.splitlines()) <= 4, said
    stopped.last.scroll_into_view_if_needed()
    assert stopped.last.is_visible()
    assert page.locator(".jp-OutputArea-output").filter(has_text="NotImplementedError").count() == 1


@pytest.mark.parametrize("section", ["03-relu-net-by-hand", "04-ridge"])
def test_a_solved_notebook_runs_top_to_bottom_and_shows_its_figures(course, lab, open_notebook, section):
    page = open_notebook(write_solved(course, lab, section, f"solved-{section}"))
    run(page)
    cells = [cell for cell in template_of(course, section).cells if cell.cell_type == "code"]
    assert [text.strip() for text in prompts(page)] == [f"[{n}]:" for n in range(1, len(cells) + 1)]
    failed = page.locator('[data-mime-type="application/vnd.jupyter.error"]')
    assert failed.all_inner_texts() == []
    noise = page.locator('[data-mime-type="application/vnd.jupyter.stderr"]')
    assert noise.all_inner_texts() == [], "a warning, or a check that failed"
    drawing = [number for number, cell in enumerate(cells) if DRAWS.search(cell.source)]
    assert len(drawing) >= 3
    for number in drawing:
        outputs = page.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(".jp-OutputArea-output")
        picture = outputs.locator("img, svg").first
        picture.scroll_into_view_if_needed()
        box = picture.bounding_box()
        assert box and box["width"] > 200 and box["height"] > 50, f"code cell {number + 1} shows no figure"
        if picture.evaluate("it => it.tagName") == "IMG":
            assert picture.evaluate("image => image.complete && image.naturalWidth") > 200


def test_a_wrong_answer_typed_in_gets_a_report_and_the_saved_notebook_keeps_its_cells(course, lab, open_notebook):
    fay = next(student for student in CLASS if "l2_penalty" in student.answers)
    template = template_of(course, "04-ridge")
    path = f"typed/{template.name}.ipynb"
    (lab.root / "typed").mkdir()
    shutil.copy(lab.root / "04-ridge" / f"{template.name}.ipynb", lab.root / path)
    before = json.loads((lab.root / path).read_text())["cells"]
    ids = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in before]
    stub, check = ids.index("l2_penalty"), ids.index("l2_penalty_check")
    wrong = solved(template, fay)["cells"][stub]["source"]

    page = open_notebook(path)
    cell(page, stub).locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(wrong)
    cell(page, check).locator(".cm-content").click()
    run(page, "Run All Above Selected Cell")
    cell(page, check).locator(".cm-content").click()
    page.keyboard.press("Control+Enter")
    outputs = cell(page, check).locator(".jp-OutputArea-output")
    outputs.filter(has_text="<-").first.wait_for()
    said = "\n".join(outputs.all_inner_texts())
    expected = report_on(template, wrong, check)
    for line in expected.splitlines():
        assert line.strip() in said
    assert "Traceback" not in said and "gradcheck.py" not in said
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0
    report = outputs.filter(has_text="<-").first
    assert report.is_visible() and report.evaluate("it => it.scrollWidth <= it.clientWidth + 1"), "lines run out"
    page.set_viewport_size({"width": 800, "height": 1000})
    page.keyboard.press("Escape")
    page.keyboard.press("Control+b")  # the file browser goes
    rows = report.locator("pre").evaluate("it => it.clientHeight / parseFloat(getComputedStyle(it).lineHeight)")
    assert round(rows) == len(expected.splitlines()), "a line is broken where the window ends"

    page.keyboard.press("Escape")
    after = json.loads(save(page, lab.root / path, {stub: wrong}))["cells"]
    assert [(c["id"], c["metadata"].get("nbgrader")) for c in after] == [
        (c["id"], c["metadata"].get("nbgrader")) for c in before
    ]


def report_on(template, answer: str, check: int) -> str:
    """What the visible check says about an answer, from the library itself."""
    import matplotlib

    from backprop.gradcheck import CheckFailed

    matplotlib.use("agg")
    names: dict = {}
    imports = next(cell.source for cell in template.cells if "from backprop.gradcheck import" in cell.source)
    exec(imports, names)
    exec(answer, names)
    with pytest.raises(CheckFailed) as caught:
        exec(template.cells[check].release, names)
    return "\n".join(caught.value._render_traceback_())


def test_a_student_cannot_import_the_autograder(lab, open_notebook):
    """Otherwise the tests above would prove little."""
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    source = "import backprop\ntry:\n    import autograder\nexcept ImportError:\n    print('not' + ' here')"
    code = {"cell_type": "code", "id": "only", "metadata": {}, "source": source, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    Path(lab.root / "probe.ipynb").write_text(json.dumps({**empty, "cells": [code], "metadata": kernel}))
    page = open_notebook("probe.ipynb")
    run(page)
    assert "not here" in "\n".join(page.locator(".jp-OutputArea-output").all_inner_texts())
