"""The students' repository: complete, without a secret, repeatable, and never over somebody's work."""

import json
import re
import shutil
import zipfile
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from places import ROOT, full_disk

import autograder.release.publish as publishing
from autograder.__main__ import main
from autograder.course import Course
from autograder.errors import CourseError
from autograder.release.build import LeaksFound, list_cells, release
from autograder.release.hosting import point_links, point_setup_cells
from autograder.release.leaks import find_leaks
from autograder.release.publish import Hosting, build_wheel, check_wheel, publish

ADDRESS = "https://github.com/ana/backprop-2031"

RIDGE = """\
# %% [markdown]
# # Ridge regression

# %% tags=["setup"]
try:
    import backprop
except ImportError:
    get_ipython().run_line_magic("pip", 'install -q "backprop-course[torch]"')

# %% nbgrader={"grade_id": "penalty", "solution": true}
def penalty(w, l2_reg):
    ### BEGIN SOLUTION
    return l2_reg * (w @ w)
    ### END SOLUTION
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def course(tmp_path):
    root = tmp_path / "course"
    for section in ("04-ridge", "06-mlp"):
        (root / "notebooks" / section).mkdir(parents=True)
        (root / "notebooks" / section / f"{section[3:]}.py").write_text(RIDGE)
    (root / "notebooks" / "04-ridge" / "points.csv").write_text("1,2\n")
    (root / "notebooks" / "04-ridge" / "files.txt").write_text("points.csv\n")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    course = Course(root)
    release(course)
    return course


@pytest.fixture
def dest(tmp_path):
    return tmp_path / "students"


def names(dest):
    files = [path.relative_to(dest) for path in dest.rglob("*") if path.is_file()]
    return {path.as_posix() for path in files if ".git" not in path.parts}


def test_a_published_folder_has_all_that_students_need_and_nothing_else(course, dest, wheel):
    publish(course, dest, ADDRESS, wheel=wheel)
    assert names(dest) == {
        "04-ridge/ridge.ipynb",
        "04-ridge/points.csv",
        "06-mlp/mlp.ipynb",
        wheel.name,
        "environment.yml",
        "README.md",
        "student.md",
        ".gitignore",
        ".published.json",
    }
    guide = (dest / "student.md").read_text()
    assert guide == (ROOT / "docs" / "student.md").read_text()
    assert "](student.md)" in (dest / "README.md").read_text()
    for target in re.findall(r"\]\((?!https://)([^)]+)\)", guide):
        assert target.startswith("#"), "what else the guide links to is not published"
    readme = (dest / "README.md").read_text()
    assert "[Ridge regression](04-ridge/ridge.ipynb)" in readme
    for target in re.findall(r"\]\((?!https://)([^)]+)\)", readme):
        assert (dest / target.partition("#")[0]).is_file()
    environment = yaml.safe_load((dest / "environment.yml").read_text())
    (pip,) = (entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict))
    assert pip == [f"./{wheel.name}[check,pdf]"]


def test_badges_and_setup_cells_point_to_the_published_repository(course, dest, wheel):
    publish(course, dest, ADDRESS + ".git", branch="spring", wheel=wheel)
    nb = nbformat.read(dest / "04-ridge" / "ridge.ipynb", as_version=4)
    nbformat.validate(nb)
    colab = "https://colab.research.google.com/github/ana/backprop-2031/blob/spring/04-ridge/ridge.ipynb"
    assert f"]({colab})" in nb.cells[0].source and f"]({colab})" in (dest / "README.md").read_text()
    raw = f"https://raw.githubusercontent.com/ana/backprop-2031/spring/{wheel.name}"
    setup = next(cell for cell in nb.cells if "setup" in cell.metadata.get("tags", []))
    assert f"""'install -q "backprop-course[torch] @ {raw}"')""" in setup.source
    # All else is the release, cell by cell: what students hand in still fits the gradebook.
    released = nbformat.read(course.release / "04-ridge" / "ridge.ipynb", as_version=4)
    assert [cell for cell in nb.cells[1:] if cell.id != setup.id] == [c for c in released.cells if c.id != setup.id]
    source = nbformat.read(course.source / "04-ridge" / "ridge.ipynb", as_version=4)
    assert find_leaks(source, nb) == []


def test_a_repository_on_another_branch_can_be_published(course, dest, wheel, monkeypatch):
    monkeypatch.setattr(publishing, "build_wheel", lambda folder: wheel)
    monkeypatch.chdir(course.root)
    assert main(["publish", str(dest), "--url", ADDRESS, "--branch", "master"]) == 0
    assert "/blob/master/04-ridge/ridge.ipynb" in (dest / "README.md").read_text()


def test_without_an_address_the_notebooks_are_the_release_and_install_the_wheel_beside_them(course, dest, wheel):
    publish(course, dest, wheel=wheel)
    for name in ("04-ridge/ridge.ipynb", "06-mlp/mlp.ipynb"):
        text = (dest / name).read_text()
        (path,) = re.findall(r'install -q \\"([^"\[]+)\[torch\]\\"', text)
        assert (dest / name).parent.joinpath(path).resolve() == (dest / wheel.name).resolve()
        released = nbformat.read(course.release / name, as_version=4)
        list_cells(released)
        mine = nbformat.reads(text.replace(path, "backprop-course"), as_version=4)
        # The setup cell is another one, and known as such.
        digests = mine.metadata.backprop.pop("digests"), released.metadata.backprop.pop("digests")
        assert mine == released and len(set(digests[0].values()) - set(digests[1].values())) == 1
    assert "Colab" not in (dest / "README.md").read_text()


def test_the_notebooks_of_a_section_are_listed_by_their_titles(course, dest, wheel):
    for name, title in (("alpha", "Tutorial 2"), ("beta", "Tutorial 1")):
        (course.notebooks / "04-ridge" / f"{name}.py").write_text(RIDGE.replace("Ridge regression", title))
    release(course)
    publish(course, dest, ADDRESS, wheel=wheel)
    listed = re.findall(r"^\| \S+ \| \[([^\]]+)\]", (dest / "README.md").read_text(), re.MULTILINE)
    assert listed == ["Ridge regression", "Tutorial 1", "Tutorial 2", "Ridge regression"]


def test_publishing_again_changes_nothing_and_keeps_other_peoples_files(course, dest, wheel):
    publish(course, dest, ADDRESS, wheel=wheel)
    (dest / ".git").mkdir()
    (dest / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (dest / "syllabus.md").write_text("Mondays.")
    before = {path: path.read_bytes() for path in dest.rglob("*") if path.is_file()}
    assert publish(course, dest, ADDRESS, wheel=wheel) == []
    assert {path: path.read_bytes() for path in dest.rglob("*") if path.is_file()} == before


def test_a_section_taken_back_disappears_and_an_edited_one_is_replaced(course, dest, wheel):
    publish(course, dest, ADDRESS, wheel=wheel)
    text = course.notebooks / "06-mlp" / "mlp.py"
    text.write_text(text.read_text().replace("Ridge regression", "Two layers"))
    release(course)
    changed = publish(course, dest, ADDRESS, sections=["06-mlp"], wheel=wheel)
    assert {path.relative_to(dest.resolve()).as_posix() for path in changed} == {
        "README.md",
        "06-mlp/mlp.ipynb",
        "04-ridge/ridge.ipynb",
        "04-ridge/points.csv",
    }
    assert not (dest / "04-ridge").exists() and "Two layers" in (dest / "README.md").read_text()


def test_an_empty_clone_may_be_published_into(course, dest, wheel):
    (dest / ".git").mkdir(parents=True)
    publish(course, dest, ADDRESS, wheel=wheel)
    assert (dest / "04-ridge" / "ridge.ipynb").is_file() and (dest / ".git").is_dir()


def test_a_folder_that_publish_did_not_make_is_refused(course, dest, wheel):
    dest.mkdir()
    (dest / "thesis.tex").write_text("years of work")
    with pytest.raises(CourseError, match="holds thesis.tex"):
        publish(course, dest, ADDRESS, wheel=wheel)
    assert names(dest) == {"thesis.tex"}


@pytest.mark.parametrize("name", ["README.md", "04-ridge/ridge.ipynb", "04-ridge/points.csv"])
def test_a_file_changed_by_hand_is_not_overwritten(course, dest, wheel, name):
    publish(course, dest, ADDRESS, wheel=wheel)
    (dest / name).write_text("mine")
    with pytest.raises(CourseError, match=f"{name} was changed"):
        publish(course, dest, ADDRESS, sections=["06-mlp"], wheel=wheel)
    assert (dest / name).read_text() == "mine"


def test_a_link_in_the_way_is_not_followed(course, dest, wheel, tmp_path):
    publish(course, dest, ADDRESS, wheel=wheel)
    (tmp_path / "elsewhere").write_bytes((dest / "README.md").read_bytes())
    (dest / "README.md").unlink()
    (dest / "README.md").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CourseError, match="in the way"):
        publish(course, dest, ADDRESS, wheel=wheel)


def test_an_interrupted_publish_leaves_no_folder_and_an_interrupted_update_can_be_repeated(
    course, dest, wheel, monkeypatch
):
    whole = publishing.write_atomically

    def stop_at(count):
        left = [count]

        def replace(path, content):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            whole(path, content)

        return replace

    monkeypatch.setattr(publishing, "write_atomically", stop_at(3))
    with pytest.raises(KeyboardInterrupt):
        publish(course, dest, ADDRESS, wheel=wheel)
    assert not dest.exists() and not list(dest.parent.glob(".students-*"))

    monkeypatch.setattr(publishing, "write_atomically", whole)
    publish(course, dest, ADDRESS, wheel=wheel)
    for count in range(1, 4):
        monkeypatch.setattr(publishing, "write_atomically", stop_at(count))
        with pytest.raises(KeyboardInterrupt):
            publish(course, dest, "eve/other", wheel=wheel)
    monkeypatch.setattr(publishing, "write_atomically", whole)
    publish(course, dest, "eve/other", wheel=wheel)
    assert "github/eve/other/" in (dest / "README.md").read_text()
    assert publish(course, dest, "eve/other", wheel=wheel) == []


def test_what_a_killed_run_left_is_not_published_and_goes_away(course, dest, wheel):
    (course.release / "04-ridge" / ".tmp-0123456789abcdef").write_bytes(b"half a notebook")
    publish(course, dest, ADDRESS, wheel=wheel)
    assert not list(dest.rglob(".tmp-*"))
    for folder in (dest, dest / "06-mlp"):
        (folder / ".tmp-0123456789abcdef").write_bytes(b"half a file")
    (dest / ".tmp-mine").write_text("no name of ours")
    assert publish(course, dest, ADDRESS, sections=["04-ridge"], wheel=wheel)
    assert [path.name for path in dest.rglob(".tmp-*")] == [".tmp-mine"]


def test_a_full_disk_leaves_no_part_of_a_file_to_be_pushed(course, dest, wheel):
    publish(course, dest, ADDRESS, wheel=wheel)
    before = names(dest)
    with full_disk(), pytest.raises(OSError, match="No space left"):
        publish(course, dest, "eve/other", wheel=wheel)
    assert names(dest) == before


def test_a_release_out_of_step_is_not_published(course, dest, wheel):
    text = course.notebooks / "06-mlp" / "mlp.py"
    text.write_text(text.read_text() + "\n# %%\n1 + 1\n")
    with pytest.raises(CourseError, match="not in step with notebooks/. Run `python -m autograder release`"):
        publish(course, dest, ADDRESS, wheel=wheel)
    assert not dest.exists()


def test_a_notebook_that_colab_could_not_run_is_named(course, dest, wheel):
    text = course.notebooks / "06-mlp" / "mlp.py"
    text.write_text(text.read_text().replace(' tags=["setup"]', ""))
    release(course)
    with pytest.raises(CourseError, match="release/06-mlp/mlp.ipynb has no cell tagged setup"):
        publish(course, dest, ADDRESS, wheel=wheel)
    publish(course, dest, wheel=wheel)


@pytest.mark.parametrize("address", ["github.com/ana/x", "https://github.com/ana/x.git", "ana/x", " ana/x/ "])
def test_an_address_may_be_written_in_several_ways(address):
    assert Hosting.parse(address) == Hosting("ana", "x", "main")


@pytest.mark.parametrize(
    "address",
    [
        "gitlab.com/ana/x",
        "https://example.org/ana/x",
        "ana",
        "https://github.com/ana",
        "github.com/ana",
        "example.org/x",
    ],
)
def test_an_address_colab_cannot_open_is_refused(course, dest, wheel, address):
    with pytest.raises(CourseError, match="is not a GitHub repository"):
        publish(course, dest, address, wheel=wheel)


def test_a_damaged_manifest_is_named(course, dest, wheel):
    publish(course, dest, ADDRESS, wheel=wheel)
    for damage in ("{", json.dumps({"files": 3}), json.dumps({"files": {"a": 1}})):
        (dest / ".published.json").write_text(damage)
        with pytest.raises(CourseError, match="published.json cannot be read"):
            publish(course, dest, ADDRESS, wheel=wheel)


# --- what the notebooks install, and where they lead -----------------------------------------------------------------

URL = "https://raw.githubusercontent.com/ana/x/main/w.whl"


@pytest.mark.parametrize(
    ("written", "hosted", "beside"),
    [
        ('%pip install "backprop-course"', f'%pip install "backprop-course @ {URL}"', '%pip install "../w.whl"'),
        ("pip('backprop-course[pdf]')", f"pip('backprop-course[pdf] @ {URL}')", "pip('../w.whl[pdf]')"),
        ('"install backprop-course"', f'"install backprop-course@{URL}"', '"install ../w.whl"'),
        ("!pip install backprop-course[a,b]", f"!pip install backprop-course[a,b]@{URL}", "!pip install ../w.whl[a,b]"),
        ("import my-backprop-course, x/backprop-course.py", None, None),
    ],
)
def test_a_setup_cell_installs_the_wheel_with_its_extras_however_it_is_quoted(written, hosted, beside):
    for hosting, expected in ((Hosting("ana", "x", "main"), hosted), (None, beside)):
        cell = nbformat.v4.new_code_cell(written, metadata={"tags": ["setup"]})
        nb = nbformat.v4.new_notebook(cells=[cell, nbformat.v4.new_code_cell(written)])
        assert point_setup_cells(nb, "04-ridge/ridge.ipynb", "w.whl", hosting) == bool(expected)
        assert nb.cells[0].source == (expected or written) and nb.cells[1].source == written


@pytest.mark.parametrize("branch", ["main", "spring/2031", "a#b", "50%"])
def test_an_address_keeps_a_branch_with_marks_that_mean_something_in_an_address(branch):
    address = Requirement(f"backprop-course[torch] @ {Hosting('ana', 'x', branch).raw('w.whl')}").url
    assert unquote(urlsplit(address).path) == f"/ana/x/{branch}/w.whl" and not urlsplit(address).fragment


COLAB = "https://colab.research.google.com/github/ana/x/blob/main"
LINKS = [
    ("[T5](../00-tutorials/layouts.ipynb)", f"[T5]({COLAB}/00-tutorials/layouts.ipynb)"),
    ("([a [b] c](../00-tutorials/layouts.ipynb#cells).)", f"([a [b] c]({COLAB}/00-tutorials/layouts.ipynb#cells).)"),
    ("[next](mlp.ipynb), [again](./mlp.ipynb)", f"[next]({COLAB}/06-mlp/mlp.ipynb), [again]({COLAB}/06-mlp/mlp.ipynb)"),
    ("[two words](two%20words.ipynb)", f"[two words]({COLAB}/06-mlp/two%20words.ipynb)"),
    ("[points](points.csv)", "[points](https://github.com/ana/x/blob/main/06-mlp/points.csv)"),
    ("![a plot](plot.png)", "![a plot](https://raw.githubusercontent.com/ana/x/main/06-mlp/plot.png)"),
    ("[later](../09-fashion-mnist/fashion_mnist.ipynb) and `x[0](y)`", "later and `x[0](y)`"),
    ("$f[k](x)$, $$g[k]\n(x)$$, [T](mlp.ipynb)", f"$f[k](x)$, $$g[k]\n(x)$$, [T]({COLAB}/06-mlp/mlp.ipynb)"),
    ("``` `a[0](b)` ``` [T](mlp.ipynb)", f"``` `a[0](b)` ``` [T]({COLAB}/06-mlp/mlp.ipynb)"),
    ("```python\na[0](b)\n```", None),
    ("[site](https://example.org/a.ipynb), [here](#top), ![p](attachment:p.png)", None),
]
PUBLISHED = [f"06-mlp/{name}" for name in ("mlp.ipynb", "two words.ipynb", "points.csv", "plot.png")]
PUBLISHED.append("00-tutorials/layouts.ipynb")


@pytest.mark.parametrize(("written", "hosted"), LINKS)
def test_links_lead_to_what_is_published(written, hosted):
    graded = {"nbgrader": {"grade_id": "q", "grade": True}}
    cells = [nbformat.v4.new_markdown_cell(written), nbformat.v4.new_markdown_cell(written, metadata=graded)]
    nb = nbformat.v4.new_notebook(cells=cells)
    point_links(nb, "06-mlp/mlp.ipynb", PUBLISHED, Hosting("ana", "x", "main"))
    assert [cell.source for cell in nb.cells] == [hosted or written, written]
    nb.cells[0].source = written
    point_links(nb, "06-mlp/mlp.ipynb", PUBLISHED, None)
    assert nb.cells[0].source == (hosted if "later" in written else written)


def test_no_link_of_the_course_leads_to_a_file_that_colab_does_not_have(wheel, dest):
    course = Course(ROOT)
    for sections in (None, ["02-backprop-practice", "08-cifar"]):
        publish(course, dest, ADDRESS, sections, wheel=wheel)
        count = 0
        for path in dest.glob("*/*.ipynb"):
            for cell in nbformat.read(path, as_version=4).cells:
                for target in re.findall(r"\]\(([^)\s]+)\)", cell.source if cell.cell_type == "markdown" else ""):
                    assert target.startswith(("https://", "#")), f"{path.name}: {target}"
                    if target.startswith(Hosting.parse(ADDRESS).colab("")):
                        count += 1
                        assert (dest / target.removeprefix(Hosting.parse(ADDRESS).colab(""))).is_file()
        assert count >= len(list(dest.glob("*/*.ipynb")))


# --- the wheel --------------------------------------------------------------------------------------------------------


def test_the_wheel_is_the_student_library_and_the_same_each_time(wheel, tmp_path):
    inside = zipfile.ZipFile(wheel).namelist()
    library = {name for name in inside if not name.split("/")[0].endswith(".dist-info")}
    files = [path for path in (ROOT / "backprop").rglob("*.*") if path.suffix in (".py", ".typ", ".txt", ".json")]
    assert library == {path.relative_to(ROOT).as_posix() for path in files}
    again = build_wheel(tmp_path)
    assert again.name == wheel.name and again.read_bytes() == wheel.read_bytes()


def test_a_wheel_with_the_autograder_or_a_solution_in_it_is_not_published(course, dest, tmp_path):
    lines = "".join(f"    a{k} = first_{k} @ second_{k} + third_{k}\n" for k in range(8))
    text = course.notebooks / "06-mlp" / "mlp.py"
    text.write_text(text.read_text().replace("    return l2_reg * (w @ w)\n", lines))
    release(course)
    fat = tmp_path / "backprop_course-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(fat, "w") as archive:
        archive.writestr("autograder/__init__.py", "")
        archive.writestr("backprop/answers.py", "def f():\n" + lines)
    with pytest.raises(LeaksFound) as raised:
        publish(course, dest, ADDRESS, wheel=fat)
    assert "autograder/__init__.py does not belong" in str(raised.value)
    assert "backprop/answers.py: repeats the solution of cell 3 (penalty)" in str(raised.value)
    assert not dest.exists()


def test_something_that_is_not_a_wheel_is_named(course, tmp_path):
    (tmp_path / "x.whl").write_text("hello")
    with pytest.raises(CourseError, match="x.whl is not a wheel"):
        check_wheel(course, tmp_path / "x.whl")
