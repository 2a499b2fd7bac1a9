"""Which room may know which: the student library knows nothing of the autograder, notebooks know the library only."""

import ast
import re
import subprocess
import sys
import textwrap

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from places import ROOT

from autograder.release.leaks import read_regions

STANDARD = set(sys.stdlib_module_names)
# What each room may import besides the standard library; the same names as in its pyproject.toml.
LIBRARY = {"backprop", "numpy", "matplotlib", "pooch"}
CHECK = {"nbformat", "nbclient", "jupyter_client"}
LIBRARY_EXTRAS = {"torch", "torchvision", "safetensors", "PIL", "typst", "markdown_it"} | CHECK
NOTEBOOK = {"backprop", "numpy", "matplotlib"}
TORCH = {"torch", "torchvision"}
TORCH_SECTIONS = ("09-", "10-")
PICTURES = {"PIL"}  # section 10 reads the student's own picture


def imported(text):
    """Yield (line, top-level package) of each import in Python text, wherever it stands."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.split(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, (node.module or "").split(".")[0] if not node.level else "(own)"


def modules(room):
    return sorted(path for path in (ROOT / room).rglob("*.py") if "__pycache__" not in path.parts)


@pytest.mark.parametrize("path", modules("backprop"), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_student_library_imports_only_what_it_asks_for_and_never_the_autograder(path):
    allowed = STANDARD | LIBRARY | LIBRARY_EXTRAS | {"(own)"}
    wrong = [f"{path.name}:{line} imports {name}" for line, name in imported(path.read_text()) if name not in allowed]
    assert not wrong


def test_the_student_library_works_without_torch_and_without_the_autograder():
    done = subprocess.run(
        [sys.executable, "-c", "import backprop, sys; print(sorted({'torch', 'autograder'} & set(sys.modules)))"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.stdout.strip() == "[]", done.stderr


ONLY_NUMPY_AND_MATPLOTLIB = """
import importlib, importlib.abc, sys

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
for name in sys.argv[2:]:
    importlib.import_module(name)
from backprop.__main__ import main
sys.exit(main(["check", sys.stdin.read()]))
"""


def test_notebooks_need_no_more_than_numpy_matplotlib_and_pooch_and_check_says_what_it_needs(tmp_path):
    absent = sorted(LIBRARY_EXTRAS - {"PIL"} | {"IPython", "ipykernel", "traitlets", "zmq", "networkx"})
    torch_too = ("import torch", "needs_torch")
    paths = [path for path in modules("backprop") if not any(text in path.read_text() for text in torch_too)]
    paths = [path for path in paths if path.stem not in ("__init__", "__main__", "needs_torch")]
    names = [path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in paths]
    assert len(names) > 30 and "backprop.stepper" in names
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")]), tmp_path / "n.ipynb")
    done = subprocess.run(
        [sys.executable, "-c", ONLY_NUMPY_AND_MATPLOTLIB, ",".join(absent), *names],
        input=str(tmp_path / "n.ipynb"),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "needs nbformat, which is not installed here. Try: python -m pip install nbclient" in done.stderr


def cells(folder):
    """Yield (notebook's section, place, cell) of each code cell in source/ or release/."""
    for path in sorted((ROOT / folder).glob("*/*.ipynb")):
        for number, cell in enumerate(nbformat.read(path, as_version=4).cells, 1):
            if cell.cell_type == "code":
                yield path.parent.name, f"{path.relative_to(ROOT)}, cell {number}", cell


def foreign_imports(section, place, cell, text):
    allowed = STANDARD | NOTEBOOK
    if section.startswith(TORCH_SECTIONS) or "optional" in cell.metadata.get("tags", []):
        allowed = allowed | TORCH | PICTURES
    text = TransformerManager().transform_cell(text)
    return [f"{place} imports {name}" for _, name in imported(text) if name not in allowed]


def test_what_students_see_imports_the_library_numpy_and_matplotlib_only():
    wrong = []
    for section, place, cell in cells("release"):
        wrong += foreign_imports(section, place, cell, cell.source)
    assert not wrong, "\n".join(wrong)


def test_solutions_need_nothing_that_students_do_not_have():
    wrong = []
    for section, place, cell in cells("source"):
        regions, _, _ = read_regions(nbformat.v4.new_notebook(cells=[cell]), place)
        text = cell.source
        for region in regions:
            if region.kind == "HIDDEN TESTS":
                text = text.replace(region.text, "", 1)
        wrong += foreign_imports(section, place, cell, text)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("import autograder.judging as j", {"autograder"}),
        ("def f():\n    from autograder import grade", {"autograder"}),
        ("from . import graph\nfrom .x import y", {"(own)"}),
        ("import os, pandas", {"os", "pandas"}),
    ],
)
def test_imports_are_seen_wherever_they_stand(text, names):
    assert {name for _, name in imported(text)} == names


def test_a_foreign_import_in_a_notebook_is_seen():
    cell = nbformat.v4.new_code_cell("%matplotlib inline\nimport pandas as pd\nimport torch")
    assert foreign_imports("04-ridge", "here", cell, cell.source) == ["here imports pandas", "here imports torch"]
    assert foreign_imports("09-fashion-mnist", "here", cell, cell.source) == ["here imports pandas"]
    cell.metadata["tags"] = ["optional"]
    assert foreign_imports("04-ridge", "here", cell, cell.source) == ["here imports pandas"]


# -- the engine -------------------------------------------------------------------------------------------------------

# The rooms and single files of autograder/, each line above those that may import it. A line names rooms that do not
# import one another.
ORDER = [
    ["errors"],
    ["text"],
    ["course"],
    ["lock", "nbgrader_steps", "processor_time"],
    ["sandbox"],
    ["judging"],
    ["submissions"],
    ["gradebook"],
    ["release"],
    ["grading"],
    ["results", "lms"],
    ["harmless", "mutants", "nbgrader_hooks", "doctor"],
    ["demo"],
    ["__main__"],
]
FACADE = {"grading": {"grade_notebook"}, "judging": {"find", "Student"}, "course": {"Course"}}  # what __init__ hands on


def engine_imports():
    """Yield (place, room, room that it imports, name) of each import from one room of the engine to another."""
    for path in modules("autograder"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        room = parts[1]
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                base = list(parts[: len(parts) - node.level]) if node.level else []
                names = [[*base, *filter(None, (node.module or "").split(".")), alias.name] for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name.split(".") for alias in node.names]
            else:
                continue
            for name in names:
                if name[0] == "autograder" and len(name) > 1 and name[1] != room:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", room, name[1], name[-1]


def test_every_room_of_the_engine_has_its_place_in_the_order():
    rooms = {path.relative_to(ROOT / "autograder").with_suffix("").parts[0] for path in modules("autograder")}
    assert rooms - {"__init__"} == {room for line in ORDER for room in line}


def test_a_room_of_the_engine_imports_only_rooms_above_it():
    place = {room: number for number, line in enumerate(ORDER) for room in line}
    wrong = [
        f"{where} imports {other}"
        for where, room, other, name in engine_imports()
        if (name not in FACADE.get(other, ()) if room == "__init__" else place[other] >= place[room])
    ]
    assert not wrong, "\n".join(wrong)


def test_the_engine_knows_no_module_of_a_course():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules("autograder")
        for line, name in imported(path.read_text())
        if name in {"checks", "notebooks", "tests", "benchmarks"}
    ]
    assert not wrong, "\n".join(wrong)


def names_of_this_course():
    """The sections, the exercises and where they come from: what a course has and an engine does not."""
    sections = {path.parent.name for path in (ROOT / "release").glob("*/*.ipynb")}
    topics = {section.partition("-")[2] for section in sections} - {"tutorials"}
    exercises = {
        cell.metadata["nbgrader"]["grade_id"].removesuffix("_check")
        for _, _, cell in cells("release")
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    # The others are ordinary words, or the names of formats of numbers.
    exercises = {name for name in exercises if "_" in name and len(name) > 4} - {"by_hand"}
    handouts = {"NYU", "B189", "CS189", "EECS", "LIGN", "CIFAR", "ImageNet", "Fashion-MNIST"}
    return sections | topics | exercises | handouts


def test_the_engine_names_no_section_no_exercise_and_no_handout():
    known = names_of_this_course()
    assert len(known) > 60 and {"04-ridge", "sum_node", "NYU"} <= known
    pattern = re.compile(r"(?<![A-Za-z0-9_])(" + "|".join(map(re.escape, sorted(known))) + r")(?![A-Za-z0-9])")
    files = [path for path in (ROOT / "autograder").rglob("*") if path.suffix in (".py", ".html", ".js", ".css")]
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {found[0]}"
        for path in files
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := pattern.search(line))
    ]
    assert not wrong, "\n".join(wrong)


# -- the checks -------------------------------------------------------------------------------------------------------


def code_in_strings(text):
    """Yield (line, value) of each string in Python text, docstrings left out, that is Python of more than two lines."""
    tree = ast.parse(text)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    described = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, documented) and is_prose(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            try:
                body = ast.parse(textwrap.dedent(node.value)).body
            except SyntaxError:
                continue
            lines = {line for top in body for inner in ast.walk(top) if (line := getattr(inner, "lineno", None))}
            if len(lines) > 2:
                yield node.lineno, node.value


def is_prose(node):
    return bool(node.body) and isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)


def test_code_in_a_string_is_seen():
    three = '"""Words.\n\na\nb\nc\n"""\nCODE = """\n    import os\n    def f():\n        return 1\n"""'
    assert [line for line, _ in code_in_strings(three)] == [7]
    assert [line for line, _ in code_in_strings('def f():\n    return g("a = 1\\nb = a\\nc = b")')] == [2]
    assert not list(code_in_strings('X = "a\\nb"\nY = """No Python at all,\nbut words\non three lines."""'))


def test_no_code_of_a_check_sits_in_a_string():
    """It is in `checks/shipped/`, where a linter and an editor see it."""
    own = [path for path in modules("checks") if "mutants" not in path.parts and path.name != "handouts.py"]
    wrong = [
        f"{path.relative_to(ROOT)}:{line} holds code: put it into a module of checks/shipped"
        for path in own
        for line, _ in code_in_strings(path.read_text())
    ]
    assert len(own) > 30 and not wrong, "\n".join(wrong)


def test_code_that_is_sent_needs_nothing_that_a_submission_has_not():
    allowed = STANDARD | NOTEBOOK | {"torch", "PIL"}
    sent = modules("checks/shipped")
    wrong = [
        f"{path.name}:{line} imports {name}"
        for path in sent
        for line, name in imported(path.read_text())
        if name not in allowed
    ]
    assert len(sent) > 10 and not wrong, "\n".join(wrong)
