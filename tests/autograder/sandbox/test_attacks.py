"""A class of attackers and one honest student, graded in one run; then each attack is looked at."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import importlib
import json
import re
from pathlib import Path

import pytest
from attacks import ATTACKS, FOUND, HONEST, SECTION, Attack, scores, submit
from places import ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import MadeUp, code_cell, copy_course, hand_in, solved
from autograder.grading.notebook import Grader, Seconds
from autograder.grading.run import grade_class
from autograder.grading.workers import Options
from autograder.submissions.notebook import parse_notebook
from autograder.submissions.released import released_notebooks

pytestmark = [needs_bubblewrap, pytest.mark.sandbox, pytest.mark.xdist_group("attacks")]


def everything(root: Path) -> dict[str, str]:
    """A hash of each file of the course that a submission must not change."""
    files = [p for p in root.rglob("*") if p.is_file() and not p.is_symlink()]
    kept = [p for p in files if p.relative_to(root).parts[0] not in ("autograded", ".autograder", "gradebook.db")]
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in kept}


@pytest.fixture(scope="module")
def graded(tmp_path_factory, monkeypatch_module):
    """(course, summary, hashes before, hashes after) of a run over all attacks."""
    course = copy_course(Course(ROOT), tmp_path_factory.mktemp("attacked") / "course")
    monkeypatch_module.setenv("COURSE_SECRET", "TOKEN-DATABASE")
    for name in HONEST:
        hand_in(course, MadeUp(name, ""), [SECTION])
    for attack in ATTACKS:
        submit(course, attack)
    before = everything(course.root)
    options = Options(workers=2, seconds=Seconds(cell=1.5, request=1.5, notebook=20))
    summary = grade_class(course, [SECTION], options=options)
    return course, summary, before, everything(course.root)


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_there_are_at_least_a_hundred_and_forty_attacks_each_with_a_name_of_its_own():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 140


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_gains_no_point_and_ends_with_a_score(graded, attack: Attack):
    course, summary, _, _ = graded
    got = scores(course, attack.name)
    assert got, "the submission has no score at all"
    assert sum(score or 0 for score in got.values()) == 0
    (result,) = [result for result in summary.graded if result.student == attack.name]
    # What cannot be read at all is not worth 0 before a person has seen it.
    decided = [score is not None for name, score in got.items() if name.endswith("_check")]
    assert all(decided) or (result.unread and not any(decided))
    assert not [text for text in summary.faults if text.startswith(f"{attack.name}/")]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_finds_nothing_and_leaves_nothing_dangerous(graded, attack: Attack):
    course, _, _, _ = graded
    for path in (course.autograded / attack.name / SECTION).glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            for output in cell.get("outputs", []):
                shown = json.dumps(output)
                assert not FOUND.search(shown) or "FOUND" in "".join(output.get("traceback", [])), shown[:500]
                assert set(output.get("data", {})) <= {"text/plain", "image/png", "image/jpeg", "image/svg+xml"}
                drawing = "".join(output.get("data", {}).get("image/svg+xml", ""))
                assert not re.search(r"(?i)<script|<foreignobject|\bon\w+\s*=|javascript:|href", drawing)
                assert "\\u001b" not in shown
                assert "onerror" not in output.get("data", {}).get("image/png", "")
            assert "BEGIN HIDDEN" not in json.dumps(cell) and "from autograder" not in json.dumps(cell)


def test_nothing_of_the_course_is_changed(graded):
    _, _, before, after = graded
    assert after == before
    assert not Path("/tmp/pwned").exists()


@pytest.mark.parametrize("name", HONEST)
def test_honest_students_graded_beside_attackers_keep_their_points(graded, name):
    course, summary, _, _ = graded
    got = scores(course, name)
    (template,) = released_notebooks(course, SECTION).values()
    for cell in template.grade_cells:
        if cell.check is not None:
            assert got[cell.grade_id] == cell.points, cell.grade_id
    assert not [text for text in summary.problems if text.startswith(name)]


def test_suspicious_submissions_are_reported(graded):
    _, summary, _, _ = graded
    reported = {result.student for result in summary.graded if result.suspicions}
    assert {"stack-frames", "fork-bomb", "subprocess", "process-memory", "open-gradebook"} <= reported
    assert not reported & set(HONEST)


def ours(code: str) -> list[tuple[str, str]]:
    """(module, dotted name in it) of each thing of ours that a piece of code imports, reads or replaces."""
    tree, names, found = ast.parse(code), {}, []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update({alias.asname: alias.name for alias in node.names if alias.asname})
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Tuple):
            modules = re.findall(r"sys\.modules\['(inside\.\w+)'\]", ast.unparse(node.value))
            names.update({ast.unparse(node.targets[0]).strip("(").split(",")[0]: module for module in modules})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            base, _, rest = ast.unparse(node).partition(".")
            if base in names:
                found.append((names[base], rest))
    return [(module, name) for module, name in found if module.split(".")[0] in ("backprop", "inside")]


# What an attack adds to the library, to find it again at the next student's.
NEW = ("backprop", "poisoned")


def test_attacks_on_our_own_code_meet_what_is_there():
    """An attack that patches a module which has moved would fail by itself, and prove nothing."""
    met = set()
    for code in [*(attack.code for attack in ATTACKS), STEAL]:
        with contextlib.suppress(SyntaxError):  # `!touch` is for IPython alone
            met |= {(module, name) for module, name in ours(code) if (module, name) != NEW}
    for module, name in met:
        there: object = importlib.import_module(re.sub("^inside", "autograder.sandbox.inside", module))
        for part in filter(None, name.split(".")):
            assert hasattr(there, part), (module, name)
            there = getattr(there, part)
    assert {("inside.probe", "Probe.answer"), ("inside.probe", "encode"), ("inside.probe", "Probe.do_load")} <= met
    assert ("backprop.gradcheck", "check_node") in met


STEAL = """
import sys
probe, stolen = sys.modules["inside.probe"], {}
load = probe.Probe.do_load
def do_load(self, request):
    exec(request["source"], stolen)
    return load(self, request)
probe.Probe.do_load = do_load
"""
STOLEN = {
    "07-softmax-nll": "class SoftmaxNode:\n    def __new__(cls, *args): return stolen['SoftmaxNode'](*args)",
    "08-cifar": """
import numpy as np
class TwoLayerNet:
    def __new__(cls, input_dim, num_classes, hidden_dim=16, weight_scale=1e-3):
        sizes = {"W1": (input_dim, hidden_dim), "b1": hidden_dim, "W2": (hidden_dim, num_classes), "b2": num_classes}
        start = {k: weight_scale * (np.random.randn(*n) if k[0] == "W" else np.zeros(n)) for k, n in sizes.items()}
        return stolen["Layers"](start)
""",
}


@pytest.mark.parametrize("section", STOLEN)
def test_reference_code_is_of_no_use_for_the_check_that_shows_it(section):
    (template,) = released_notebooks(Course(ROOT), section).values()
    notebook = solved(template, MadeUp("", "", keep=lambda template, grade_id: False))
    notebook["cells"] = [code_cell(STEAL), *notebook["cells"], code_cell(STOLEN[section])]
    cells, _ = parse_notebook(json.dumps(notebook).encode())
    with Grader() as grader:
        assert grader.grade(template, cells).score == 0
