"""What runs on a student's machine and not on the grader's is said; what can be brought along is."""

from __future__ import annotations

import json
import sys

import pytest
from places import ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import Notebook, find, solved
from autograder.grading.notebook import Grader, Result, grade_notebook
from autograder.submissions.notebook import Cells, parse_notebook
from autograder.submissions.released import released_notebooks

pytestmark = [needs_bubblewrap, pytest.mark.sandbox, pytest.mark.xdist_group("elsewhere")]
SECTION = "04-ridge"
RIDGE = released_notebooks(Course(ROOT), SECTION)["ridge"]
HERE = f"Python {sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def grader():
    with Grader() as grader:
        yield grader


@pytest.fixture
def grade(grader, tmp_path):
    """grade(notebook, files beside it) -> Result, as it is read from a folder."""

    def grade(notebook: Notebook, files: dict[str, str] | None = None) -> Result:
        for name, text in {"ridge.ipynb": json.dumps(notebook), **(files or {})}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return grade_notebook(tmp_path / "ridge.ipynb", SECTION, course=Course(ROOT), grader=grader)

    return grade


def right() -> Notebook:
    return solved(RIDGE)


def lost(result: Result) -> set[str]:
    return {name for name, verdict in result.verdicts.items() if not verdict.full}


NEWER = [  # what stands in an answer, and the Python that reads it
    ('        self.said = f"{"out"}"\n', (3, 12)),
    ("        self.said = f\"{'\\n'.join(['out'])}\"\n", (3, 12)),
    ("        type Number = float\n", (3, 12)),
    ("        try:\n            pass\n        except ValueError, TypeError:\n            pass\n", (3, 14)),
]


@pytest.mark.parametrize(("line", "version"), NEWER)
@pytest.mark.parametrize("said", ["", "3.99.1"])
def test_an_answer_in_a_newer_python_costs_no_other_and_the_version_is_named(grade, line, version, said):
    notebook = right()
    cell = find(notebook, "l2_penalty")
    at = "        self.d_out = np.zeros(self.out.shape)\n"
    assert at in cell["source"]
    cell["source"] = cell["source"].replace(at, line + at)
    notebook["metadata"]["language_info"]["version"] = said
    result = grade(notebook)
    if sys.version_info >= version:
        assert lost(result) == set() and result.problems == ()
        return
    assert lost(result) == {"l2_penalty_check"}
    (told,) = [text for text in result.problems if "l2_penalty" in text]
    assert f"cannot be read by {HERE}, with which it was graded." in told
    assert ("written with Python 3.99.1" in told) == bool(said)


def test_what_cost_points_stands_before_what_was_mended(grade):
    notebook = right()
    find(notebook, "l2_penalty")["source"] += "\n        if = 3"
    find(notebook, "l2_penalty_check")["source"] += "\nprint('my own line')"
    first, *more = grade(notebook).problems
    assert "cannot be read by" in first and any("from the release (edited" in text for text in more)


@pytest.mark.parametrize("line", ["import pandas as pd", "from scipy.special import expit", "import my_nodes"])
def test_a_module_that_is_not_there_is_named_where_it_costs_points(grade, line):
    notebook = right()
    find(notebook, "sum_node")["source"] = f"{line}\nSumNode = {line.split()[-1]}.SumNode"
    module = line.split()[1].partition(".")[0]
    result = grade(notebook)
    assert lost(result) == {"sum_node_check"}
    assert any(text.startswith(f"The cell sum_node imports {module}") for text in result.problems)


def test_a_module_that_is_not_there_and_costs_nothing_is_not_worth_a_word(grade):
    notebook = right()
    find(notebook, "sum_node")["source"] = "import pandas\n" + find(notebook, "sum_node")["source"]
    result = grade(notebook)
    assert lost(result) == set() and result.problems == ()


MODULES = {
    "a module": ("from my_nodes import SumNode", "my_nodes.py"),
    "a module in a package": ("from mine.nodes import SumNode", "mine/nodes.py"),
    "a module of a module": ("from first import SumNode", "second.py"),
    "a module after chdir": ("import os\nos.chdir('/')\nfrom my_nodes import SumNode", "my_nodes.py"),
}


@pytest.mark.parametrize("kind", MODULES)
def test_modules_beside_the_notebook_are_imported(grade, kind):
    line, name = MODULES[kind]
    notebook = right()
    text = "import numpy as np\nfrom backprop.nodes import Node\n\n" + find(notebook, "sum_node")["source"]
    find(notebook, "sum_node")["source"] = line
    result = grade(notebook, {name: text, "first.py": "from second import SumNode\n"})
    assert lost(result) == set(), result.problems


@pytest.mark.parametrize("name", ["numpy.py", "numpy/__init__.py", "random.py", "backprop/nodes.py", "inside/probe.py"])
def test_no_module_of_a_student_stands_in_for_a_library(grade, name):
    notebook = right()
    find(notebook, "sum_node")["source"] = (
        "import importlib, random, numpy, backprop.nodes\nassert not random.__dict__.get('MINE')\n"
        "assert not numpy.__dict__.get('MINE') and not backprop.nodes.__dict__.get('MINE')\n"
    ) + find(notebook, "sum_node")["source"]
    result = grade(notebook, {name: "MINE = True\n"})
    assert lost(result) == set(), result.problems


@pytest.mark.parametrize(
    ("metadata", "python"),
    [
        ({"language_info": {"version": "3.13.1"}}, "3.13.1"),
        ({"language_info": {"version": "3.13.0rc1+"}}, "3.13.0rc1+"),
        ({"language_info": {"version": 3.13}}, ""),
        ({"language_info": {"version": "3<script>"}}, ""),
        ({"language_info": []}, ""),
        ([], ""),
    ],
)
def test_the_version_that_a_notebook_was_saved_with_is_read(metadata, python):
    cells, _ = parse_notebook(json.dumps({"cells": [], "metadata": metadata}).encode())
    assert isinstance(cells, Cells) and cells.python == python


GPU = {
    "a tensor": "x = torch.ones(3).cuda()",
    "a network": "net = torch.nn.Linear(2, 1).cuda()\nassert net(torch.ones(1, 2).to('cuda')).shape == (1, 1)",
    "to a device": "x = torch.ones(3).to(torch.device('cuda:0'), torch.float64)\nassert x.dtype == torch.float64",
    "to by name": "x = torch.ones(3).to(device='cuda', dtype=torch.float32)\nnet = torch.nn.Linear(2, 1).to('cuda')",
    "to something else": "assert torch.ones(3).to(torch.int64).to(torch.ones(1)).dtype == torch.float32",
}


@pytest.mark.parametrize("code", GPU.values(), ids=GPU)
def test_what_is_sent_to_a_gpu_stays_where_it_is(grader, code):
    process = grader.zygote(True).open({})
    try:
        done = process.run_cell(f"import torch\n{code}", 1, 60)
    finally:
        process.end()
    assert done.ok, done.outputs
