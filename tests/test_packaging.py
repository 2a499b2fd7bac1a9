"""What is needed is told three times, and agrees: pyproject.toml (ranges), environment.yml (conda), constraints.txt."""

import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from places import ROOT

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

PROJECTS = [ROOT / "pyproject.toml", ROOT / "autograder" / "pyproject.toml"]
OURS = {"backprop-course", "backprop-autograder"}
CONDA_NAMES = {"torch": "pytorch", "tzdata": "python-tzdata"}
# Not packaged for conda, or another program there.
PIP_ONLY = {"page-validation", "playwright", "psycopg", "typst"}


def project(path):
    return tomllib.loads(path.read_text())["project"]


def requirements():
    """Each outside requirement of both distributions, extras included, by canonical name.

    The autograder may ask for a narrower range than the students' library.
    """
    found = {}
    for path in PROJECTS:
        table = project(path)
        extras = table.get("optional-dependencies", {}).values()
        for text in [*table["dependencies"], *(text for extra in extras for text in extra)]:
            needed = Requirement(text)
            name = canonicalize_name(needed.name)
            if name not in OURS:
                found[name] = found.get(name, needed.specifier) & needed.specifier
    return found


def constraints():
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            pin = Requirement(line)
            pins[canonicalize_name(pin.name)] = pin
    return pins


def test_the_conda_environment_asks_for_what_the_projects_ask_for():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    expected_conda = {"python": project(PROJECTS[0])["requires-python"], "pip": ""}
    expected_pip = {}
    for name, specifier in requirements().items():
        if name in PIP_ONLY:
            expected_pip[name] = specifier
        else:
            expected_conda[CONDA_NAMES.get(name, name)] = specifier
    told = {canonicalize_name(needed.name): needed.specifier for needed in map(Requirement, conda)}
    assert told == expected_conda
    local = [entry for entry in pip if entry.startswith("-e ")]
    assert {
        canonicalize_name(r.name): r.specifier for r in (Requirement(e) for e in pip if e not in local)
    } == expected_pip
    assert local == ["-e .[check,pdf,torch]", "-e ./autograder[dev]"]


@pytest.mark.parametrize("name", sorted(requirements()))
def test_every_requirement_is_pinned_inside_its_range(name):
    pins = constraints()
    assert name in pins, f"constraints.txt does not pin {name}."
    (pin,) = pins[name].specifier
    assert pin.operator == "==" and requirements()[name].contains(pin.version)


@pytest.mark.xdist_group("together")
def test_tests_of_a_group_run_in_one_process(request):
    """pytest 9.2 does not see the group that pytest-xdist 3.8 writes into a test's name, and says nothing of it."""
    if not hasattr(request.config, "workerinput"):
        pytest.skip("the tests run in one process")
    assert request.node.nodeid.endswith("@together")


def test_constraints_hold_nothing_but_exact_public_versions():
    for name, pin in constraints().items():
        assert [specifier.operator for specifier in pin.specifier] == ["=="] and not pin.url, name
    assert not OURS & set(constraints())


def test_both_distributions_agree_on_version_python_and_extras():
    students, instructors = map(project, PROJECTS)
    assert students["version"] == instructors["version"]
    assert students["requires-python"] == instructors["requires-python"]
    (library,) = [r for r in map(Requirement, instructors["dependencies"]) if r.name == "backprop-course"]
    assert library.extras <= set(students["optional-dependencies"])


def test_the_wheel_of_the_autograder_holds_every_file_of_its_folder(tmp_path):
    tracked = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard", "autograder"], cwd=ROOT,
                             capture_output=True, text=True)  # fmt: skip
    if tracked.returncode:
        pytest.skip("no git, or no checkout, here")
    names = {name for name in tracked.stdout.split("\0") if name and (ROOT / name).is_file()}
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*command, "--wheel-dir", str(tmp_path / "made"), str(tmp_path / "autograder")],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "made").glob("*.whl")
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert packed == names - {"autograder/pyproject.toml"}
    assert "autograder/results/templates/feedback/index.html.j2" in packed


def test_reading_a_notebook_builds_no_parsers_first():
    done = subprocess.run(
        [sys.executable, "-c", "import sys, nbformat, nbgrader.api; print('lark' in sys.modules)"],
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "False", done.stderr
