"""What a notebook needs besides itself goes along, and what the grader lacks is said before handing in."""

from __future__ import annotations

import importlib.util
import json
import sys
import zipfile
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook
from places import ROOT

from backprop.__main__ import main
from backprop.handin.imports import GRADER_HAS, GRADER_HAS_FOR_TORCH, imports_of, newer_syntax, own_modules, surprises
from backprop.handin.notebook import read_notebook


def save(folder: Path, *sources: str, answer: str = "", files: dict[str, str] | None = None, **course: object) -> Path:
    """A notebook with these cells, the answer last."""
    cells = [new_code_cell(source) for source in sources]
    grading = {"grade": False, "solution": True, "locked": False, "grade_id": "f", "schema_version": 3, "task": False}
    cells.append(new_code_cell(answer, metadata={"nbgrader": grading}))
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    path = folder / "n.ipynb"
    path.write_text(json.dumps(new_notebook(cells=cells, metadata={"backprop": {"section": "04-ridge", **course}})))
    return path


def packed(path: Path) -> list[str]:
    out = path.parent.parent / "out.zip"
    assert main(["submit", str(path), "-o", str(out)]) == 0
    with zipfile.ZipFile(out) as archive:
        return archive.namelist()


@pytest.mark.parametrize(
    ("line", "files", "expected"),
    [
        ("from my_nodes import SumNode", {"my_nodes.py": "", "other.py": ""}, ["my_nodes.py"]),
        ("import my_nodes as m", {"my_nodes.py": "import deeper", "deeper.py": "x = 1"}, ["deeper.py", "my_nodes.py"]),
        (
            "def f():\n    from mine.nodes import A",
            {"mine/nodes.py": "", "mine/b.py": ""},
            ["mine/b.py", "mine/nodes.py"],
        ),
        ("%load_ext autoreload\n!pip install x\nfrom mine import *", {"mine.py": ""}, ["mine.py"]),
        ("import a, b.c", {"a.py": "import a", "b/d/c.py": "import a"}, ["a.py", "b/d/c.py"]),
        ("x = = 1\nimport a", {"a.py": ""}, ["a.py"]),
        ("import numpy, random, tqdm", {"numpy.py": "", "random.py": "", "tqdm/__init__.py": ""}, []),
        ("import nothing_there", {"data.csv": ""}, []),
        ("from . import a\nimport a_folder", {"a.py": "", "a_folder/data.csv": ""}, []),
    ],
)
def test_modules_of_ones_own_are_found_and_packed(tmp_path, line, files, expected):
    (tmp_path / "n").mkdir()
    path = save(tmp_path / "n", line, files=files)
    assert list(own_modules(read_notebook(path))) == expected
    assert packed(path) == sorted([*(f"04-ridge/{name}" for name in expected), "04-ridge/n.ipynb"])


def test_a_zip_with_modules_is_the_same_each_time_and_lists_them(tmp_path, capsys):
    (tmp_path / "n").mkdir()
    path = save(tmp_path / "n", "import mine", files={"mine.py": "x = 1\n"})
    packed(path)
    first = (tmp_path / "out.zip").read_bytes()
    packed(path)
    assert (tmp_path / "out.zip").read_bytes() == first
    assert "04-ridge/mine.py" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cells", "answer", "fault"),
    [
        (["import pandas as pd"], "def f(x):\n    return pd.Series(x)", "Cell 2 (f) needs pandas, but the grader"),
        ([], "from scipy.special import expit\ny = expit(1)", "Cell 1 (f) needs scipy, but the grader"),
        (["from sklearn import metrics"], "y = metrics.f()", "Cell 2 (f) needs sklearn, but the grader"),
        ([], "def f(x):\n    import my_lib\n    return my_lib.f(x)", "Cell 1 (f) needs my_lib, but the grader"),
        (["import torch"], "y = torch.ones(1)", "Cell 2 (f) needs torch, but torch cannot be imported when"),
    ],
)
def test_an_answer_that_needs_what_the_grader_lacks_is_a_fault(tmp_path, cells, answer, fault):
    faults, remarks = surprises(read_notebook(save(tmp_path, *cells, answer=answer)))
    (said,) = faults
    assert said.startswith(fault) and remarks == []


@pytest.mark.parametrize("line", ["import pandas as pd", "from google.colab import drive", "import seaborn"])
def test_what_no_answer_needs_is_a_remark(tmp_path, line):
    faults, remarks = surprises(read_notebook(save(tmp_path, line, answer="y = 1")))
    assert faults == [] and len(remarks) == 1 and "No answer may need it" in remarks[0]
    faults, remarks = surprises(read_notebook(save(tmp_path, "x = 1", answer=f"{line}\ny = x")))
    assert faults == [] and len(remarks) == 1 and "No answer may need it" in remarks[0]


@pytest.mark.parametrize(
    "line", ["import numpy as np, os", "from tqdm.auto import tqdm", "import matplotlib.pyplot as plt"]
)
def test_what_the_grader_has_is_no_surprise(tmp_path, line):
    assert surprises(read_notebook(save(tmp_path, line, answer=line))) == ([], [])


def test_an_optional_cell_may_need_more_than_the_grader_has_but_no_answer_may_use_its_import(tmp_path):
    path = save(tmp_path, "import torch", "import seaborn", answer="y = 1")
    book = json.loads(path.read_text())
    book["cells"][0]["metadata"] = book["cells"][1]["metadata"] = {"tags": ["optional"]}
    path.write_text(json.dumps(book))
    assert surprises(read_notebook(path)) == ([], [])
    book["cells"][2]["source"] = "y = torch.ones(1)"
    path.write_text(json.dumps(book))
    (fault,), remarks = surprises(read_notebook(path))
    assert fault.startswith("Cell 3 (f) needs torch") and remarks == []
    book["cells"][2]["metadata"]["tags"] = ["optional"]
    path.write_text(json.dumps(book))
    assert surprises(read_notebook(path)) == ([], [])


@pytest.mark.parametrize("folder", ["release", "source"])
def test_no_notebook_of_the_course_surprises_its_student(folder):
    for path in sorted(ROOT.glob(f"{folder}/*/*.ipynb")):
        faults, remarks = surprises(read_notebook(path))
        assert [line for line in [*faults, *remarks] if "autograder" not in line] == [], path.name


def test_torch_is_no_surprise_where_the_section_is_about_it(tmp_path):
    line = "import torch, torchvision"
    assert surprises(read_notebook(save(tmp_path, line, answer="torch", torch=True))) == ([], [])


@pytest.mark.parametrize("name", ["random.py", "test/__init__.py", "numpy.py", "queue.py"])
def test_a_module_that_is_called_like_a_library_is_a_fault(tmp_path, name):
    module = name.partition("/")[0].removesuffix(".py")
    faults, _ = surprises(read_notebook(save(tmp_path, f"import {module}", files={name: ""})))
    assert faults == [
        f"{name.partition('/')[0]} has the name of a library, which the grader imports instead. Rename it."
    ]


def test_check_says_it_and_is_not_ready(tmp_path, capsys):
    path = save(tmp_path, "import random", answer="x = 1", files={"random.py": "x = 1\n"})
    assert main(["check", str(path)]) == 1
    assert "random.py has the name of a library" in capsys.readouterr().out
    (tmp_path / "n").mkdir()
    path = save(tmp_path / "n", "from mine import x", answer="y = x", files={"mine.py": "x = 1\n"})
    assert main(["check", str(path)]) == 0


def test_the_grader_has_what_check_believes_it_has():
    assert [name for name in GRADER_HAS | GRADER_HAS_FOR_TORCH if importlib.util.find_spec(name) is None] == []


def test_imports_are_read_wherever_they_stand():
    source = "%matplotlib inline\nif 1:\n    import a.b as c\ntry:\n    from d import e, f as g\nexcept E:\n    !ls\n"
    assert [(one.module, one.names) for one in imports_of(source)] == [("a", ("c",)), ("d", ("e", "g"))]


OLD = [
    "f'{x}' f\"{y!r:>{width}}\"",
    "f\"{d['a']}\" + f'''{d['a']}\n{d[\"b\"]}'''",
    "f'a\\n{x}'",
    "f'{{\\'}}'",
    "def f(a: int = 1, *, b: list[int]) -> int: ...",
    "try:\n    pass\nexcept (A, B):\n    pass",
    "match x:\n    case 1: pass",
    "%timeit f'{x}'",
    "type = 1",
]


@pytest.mark.parametrize("source", OLD)
def test_what_every_grader_reads_is_not_called_new(source):
    assert newer_syntax(source)[0] <= (3, 10)


NEW = [
    ("f'{d['a']}'", (3, 12)),
    ('f"{"a"}"', (3, 12)),
    ('f"{f"{1}"}"', (3, 12)),
    ("f'{'\\n'.join(x)}'", (3, 12)),
    ("f\"{'\\n'.join(x)}\"", (3, 12)),
    ("f'{x +\n1}'", (3, 12)),
    ("type Vector = list[float]", (3, 12)),
    ("def first[T](xs: list[T]) -> T: ...", (3, 12)),
    ("class A[T]: ...", (3, 12)),
    ("try:\n    pass\nexcept A, B:\n    pass", (3, 14)),
    ("t'{x}'", (3, 14)),
]


@pytest.mark.parametrize(("source", "version"), NEW)
def test_newer_syntax_is_named_with_its_version(source, version):
    if sys.version_info < version:
        pytest.skip(f"needs Python {version[0]}.{version[1]}")
    found, why = newer_syntax(source)
    assert found == version and why


def test_except_star_is_newer_than_the_oldest_python():
    if sys.version_info >= (3, 11):
        assert newer_syntax("try:\n    pass\nexcept* A:\n    pass")[0] == (3, 11)
