"""What grades a submission again: what decides its score, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from places import CHECKS, ROOT

import autograder
import backprop
from autograder.course import Course
from autograder.grading import keys
from autograder.grading.workers import Options

SECTION = "04-ridge"


@pytest.fixture
def copied(tmp_path, monkeypatch) -> Course:
    """A course, with copies of the engine and the library whose files can be changed."""
    for module in (autograder, backprop):
        folder = Path(module.__file__).resolve().parent
        shutil.copytree(folder, tmp_path / folder.name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(keys, "__file__", str(tmp_path / "autograder" / "grading" / "keys.py"))
    monkeypatch.setattr(backprop, "__file__", str(tmp_path / "backprop" / "__init__.py"))
    for name in ("release", "source"):
        shutil.copytree(ROOT / name / SECTION, tmp_path / name / SECTION)
    shutil.copytree(CHECKS, tmp_path / "checks", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return Course(tmp_path)


def base(course: Course) -> str:
    keys.code_digest.cache_clear()
    return keys.section_base(course, SECTION, Options())


@pytest.fixture(autouse=True)
def forget():
    yield
    keys.code_digest.cache_clear()


@pytest.mark.parametrize(
    "path",
    [
        "autograder/results/report_page.py",
        "autograder/results/feedback.py",
        "autograder/__main__.py",
        "autograder/lms/export.py",
        "autograder/gradebook/writer.py",
        "autograder/grading/run.py",
        "autograder/grading/keys.py",
        "autograder/release/publish.py",
        "autograder/doctor.py",
        "backprop/__main__.py",
        "backprop/handin/answers.py",
        "checks/s03_relu_net_by_hand.py",
        "checks/common/two_layer_net.py",
        "checks/mutants/s04_ridge.py",
        "checks/made_up_class.py",
        "checks/handouts.py",
    ],
)
def test_what_decides_no_score_of_the_section_grades_nothing_again(copied, path):
    before = base(copied)
    with open(copied.root / path, "a") as file:
        file.write("\n# a comma\n")
    assert base(copied) == before


@pytest.mark.parametrize(
    "path",
    [
        "autograder/judging/verdict.py",
        "autograder/judging/nodes.py",
        "autograder/sandbox/process.py",
        "autograder/sandbox/bubblewrap.py",
        "autograder/sandbox/inside/zygote.py",
        "autograder/sandbox/inside/shell.py",
        "autograder/submissions/repair.py",
        "autograder/submissions/files.py",
        "autograder/grading/notebook.py",
        "autograder/grading/execution.py",
        "autograder/grading/judgement.py",
        "autograder/grading/write_up.py",
        "backprop/checking/comparison.py",
        "backprop/nodes.py",
        "backprop/classifiers.py",
        "checks/s04_ridge.py",
        "checks/common/shared.py",
        "checks/shipped/ridge_nodes.py",
        f"release/{SECTION}/ridge.ipynb",
        f"source/{SECTION}/ridge.ipynb",
    ],
)
def test_what_decides_a_score_of_the_section_grades_it_again(copied, path):
    before = base(copied)
    with open(copied.root / path, "a") as file:
        file.write("\n# a comma\n")
    assert base(copied) != before


def test_imports_are_followed_however_they_are_written(tmp_path):
    for name, text in {
        "s01_x.py": "from .common import a\nimport os, json",
        "common/__init__.py": "",
        "common/a.py": "def f():\n    from . import b\n    from ..other.c import thing",
        "common/b.py": "",
        "common/unused.py": "",
        "other/__init__.py": "",
        "other/c.py": "from .. import top",
        "top.py": "",
        "s02_y.py": "from .common import unused",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = {str(path.relative_to(tmp_path)) for path in keys.section_checks(tmp_path, "01-x")}
    common = {f"common/{name}.py" for name in ("__init__", "a", "b")}
    assert found == common | {"s01_x.py", "other/__init__.py", "other/c.py", "top.py"}
    assert keys.section_checks(tmp_path, "03-z") == []


SENT = {
    "02-backprop-practice": {"functions_to_pass", "unit_gradients"},
    "03-relu-net-by-hand": {"relu_net"},
    "04-ridge": {"ridge_nodes"},
    "05-affine-tanh": {"functions_to_pass"},
    "06-mlp": {"network_nodes", "random_numbers"},
    "07-softmax-nll": {"network_nodes"},
    "08-cifar": {"layers", "weights_file"},
    "09-fashion-mnist": {"fashion_bench"},
    "10-imagenet": {"picture_bench"},
    "11-your-own-engine": {"engine"},
    "12-batchnorm-and-embeddings": {"letters"},
}


def test_code_that_is_sent_to_a_submission_decides_its_score():
    shipped = CHECKS.resolve() / "shipped"
    for section, names in SENT.items():
        assert {shipped / f"{name}.py" for name in names} <= set(keys.section_checks(CHECKS, section)), section
    assert set().union(*SENT.values()) == {path.stem for path in shipped.glob("*.py")} - {"__init__"}
