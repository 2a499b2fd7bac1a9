"""The zip for Gradescope, in the folders that Gradescope makes: /autograder/source, submission, results."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile

import pytest
from places import needs_bubblewrap

from autograder.__main__ import main
from autograder.demo.classroom import MadeUp, hand_in, replace

SECTION = "04-ridge"


@pytest.fixture
def gradescope(course, tmp_path, monkeypatch):
    """Gradescope's folders with the zip unpacked, and a function that runs a submission there."""
    monkeypatch.chdir(course.root)
    assert main(["gradescope", "04", "-o", str(tmp_path / "autograder.zip")]) == 0
    root = tmp_path / "autograder"
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(root / "source")
        modes = {name: archive.getinfo(name).external_attr >> 16 & 0o777 for name in ("setup.sh", "run_autograder")}
    assert modes == {"setup.sh": 0o755, "run_autograder": 0o755}
    (root / "submission").mkdir()

    def run(student: MadeUp | None) -> dict:
        if student:
            hand_in(course, student, [SECTION])
            source = course.submitted / student.name / SECTION / "ridge.ipynb"
            (root / "submission" / "ridge (1).ipynb").write_bytes(source.read_bytes())
        line = [sys.executable, "-m", "autograder.lms.gradescope_run", str(root)]
        done = subprocess.run(line, cwd=root / "source" / "course", capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        results = json.loads((root / "results" / "results.json").read_text())
        assert results["stdout_visibility"] == "hidden" and results["visibility"] == "visible"
        return results

    run.root = root
    return run


@needs_bubblewrap
@pytest.mark.sandbox
def test_gradescope_gets_points_and_named_mistakes_for_each_check(gradescope):
    results = gradescope(MadeUp("ana", ""))
    tests = {test["name"]: test for test in results["tests"]}
    assert tests["ridge: sum_node"]["score"] == tests["ridge: sum_node"]["max_score"] == 5
    assert sum(test["score"] for test in tests.values()) == sum(test["max_score"] for test in tests.values()) == 24
    assert all(test["visibility"] == "visible" for test in tests.values())
    results = gradescope(MadeUp("ben", "", {"sum_node": replace("self.a.d_out +=", "self.a.d_out =")}))
    (wrong,) = [test for test in results["tests"] if test["score"] < test["max_score"]]
    assert wrong["name"] == "ridge: sum_node" and wrong["score"] == 2 and "instead of adding to it" in wrong["output"]
    assert "graded as ridge.ipynb" in results["output"]


@needs_bubblewrap
@pytest.mark.sandbox
def test_gradescope_is_told_what_is_wrong_with_a_submission(gradescope):
    results = gradescope(None)
    assert {test["score"] for test in results["tests"]} == {0.0} and "was not handed in" in results["output"]
    (gradescope.root / "source" / "course" / "section.txt").write_text("99-nothing")
    results = gradescope(None)
    assert results["score"] == 0 and "Tell your instructor" in results["output"] and "tests" not in results


def test_gradescope_s_scripts_are_bash_and_hold_no_secret_of_this_machine(gradescope):
    for name in ("setup.sh", "run_autograder"):
        path = gradescope.root / "source" / name
        assert subprocess.run(["bash", "-n", str(path)]).returncode == 0
        assert path.read_text().startswith("#!/usr/bin/env bash\n")
    assert not list((gradescope.root / "source").rglob("__pycache__"))
    assert not (gradescope.root / "source" / "course" / ".autograder").exists()


def test_a_section_that_does_not_exist_is_wrong_usage(course, monkeypatch, tmp_path):
    monkeypatch.chdir(course.root)
    assert main(["gradescope", "99", "-o", str(tmp_path / "x.zip")]) == 2
    assert main(["gradescope", "04", "-o", str(tmp_path)]) == 1
