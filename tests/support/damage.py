"""Kinds of damage to honest submissions: what students, editors and uploads do to a notebook that was right.

Each kind changes a solved notebook (a dictionary, in place; or it returns the bytes that are handed in) and says what
it destroys itself: `lost`, the points that are left of a check. Everything else must keep its points. `told` is a
piece of the sentence in which the student reads of the repair.
"""

from __future__ import annotations

import base64
import copy
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.demo.classroom import Notebook, code_cell, cut_off, find, lose_metadata, resave_in_colab

RIDGE, RELU, STAGED = "04-ridge", "03-relu-net-by-hand", "01-staged-backprop"
Cell = dict[str, Any]


@dataclass(frozen=True)
class Damage:
    """One kind of damage.

    do     : changes the notebook in place, or returns the bytes to hand in
    told   : regular expression that one sentence must match; "" when nothing has to be repaired
    lost   : grade_id -> what is left of its points; for all others nothing may change
    """

    name: str
    do: Callable[[Notebook], bytes | None]
    told: str = ""
    lost: Mapping[str, float] = field(default_factory=dict)
    section: str = RIDGE


DAMAGES: list[Damage] = []


def damage(told: str = "", section: str = RIDGE, **lost: float) -> Callable[[Callable], Callable]:
    """Add the decorated function to the table, under its own name."""

    def add(function: Callable[[Notebook], bytes | None]) -> Callable[[Notebook], bytes | None]:
        DAMAGES.append(Damage(function.__name__.replace("_", " "), function, told, lost, section))
        return function

    return add


def add(name: str, do: Callable[[Notebook], bytes | None], told: str = "", section: str = RIDGE, **lost: float) -> None:
    DAMAGES.append(Damage(name, do, told, lost, section))


# -- reading a notebook ---------------------------------------------------------------------------------------------


def nbgrader(cell: Cell) -> dict[str, Any]:
    return cell["metadata"].get("nbgrader", {})


def solutions(notebook: Notebook) -> list[Cell]:
    return [c for c in notebook["cells"] if nbgrader(c).get("solution") and c["cell_type"] == "code"]


def tests(notebook: Notebook) -> list[Cell]:
    return [c for c in notebook["cells"] if nbgrader(c).get("grade") and not nbgrader(c).get("solution")]


def imports(notebook: Notebook) -> Cell:
    return next(c for c in notebook["cells"] if re.search(r"^import ", c["source"], re.M) and not nbgrader(c))


def place(notebook: Notebook, grade_id: str) -> int:
    return notebook["cells"].index(find(notebook, grade_id))


def insert(notebook: Notebook, where: int, *sources: str) -> None:
    notebook["cells"][where:where] = [code_cell(source) for source in sources]


def prepend(grade_id: str, text: str) -> Callable[[Notebook], None]:
    """A line (or more) at the top of a solution cell."""

    def do(notebook: Notebook) -> None:
        cell = find(notebook, grade_id)
        cell["source"] = text + cell["source"]

    return do


def edit(grade_id: str, old: str, new: str) -> Callable[[Notebook], None]:
    """Replace text in a cell; the text has to be there."""

    def do(notebook: Notebook) -> None:
        cell = find(notebook, grade_id)
        assert old in cell["source"], f"the right answer no longer holds {old!r}"
        cell["source"] = cell["source"].replace(old, new)

    return do


def extra(*sources: str) -> Callable[[Notebook], None]:
    """Cells of one's own behind the imports and again behind the first solution."""

    def do(notebook: Notebook) -> None:
        where = notebook["cells"].index(imports(notebook)) + 1
        insert(notebook, where, *sources)
        insert(notebook, notebook["cells"].index(solutions(notebook)[0]) + 1, *sources)

    return do


def text_of(notebook: Notebook) -> str:
    return json.dumps(notebook, indent=1, ensure_ascii=False)


def stub_of(cell: Cell) -> Cell:
    """The solution cell with nothing but what says where to write."""
    made = copy.deepcopy(cell)
    made["source"] = "# YOUR CODE HERE\nraise NotImplementedError()"
    return made


# -- deleted --------------------------------------------------------------------------------------------------------


def remove(*grade_ids: str) -> Callable[[Notebook], None]:
    def do(notebook: Notebook) -> None:
        for grade_id in grade_ids:
            notebook["cells"].remove(find(notebook, grade_id))

    return do


add("a test cell deleted", remove("sum_node_check"), "test cell sum_node_check was missing and was put back")
add("a solution cell deleted", remove("sum_node"), "The cell sum_node is missing", sum_node_check=0)
add("a written answer deleted", remove("q_paths"), "The cell q_paths is missing", q_paths=0)
add("a middle function deleted", remove("d_r1"), "The cell d_r1 is missing", RELU, d_r1_check=0)


@damage("The cell that starts with '# On Colab.* was put back")
def the_setup_cell_deleted(notebook):
    notebook["cells"] = [c for c in notebook["cells"] if "setup" not in c["metadata"].get("tags", [])]


@damage("The cell that starts with 'import time' was missing and was put back")
def the_import_cell_deleted(notebook):
    notebook["cells"].remove(imports(notebook))


@damage("The cell that starts with 'import matplotlib.* was put back", RELU)
def the_import_cell_of_03_deleted(notebook):
    notebook["cells"].remove(imports(notebook))


@damage()
def all_explanations_deleted(notebook):
    notebook["cells"] = [c for c in notebook["cells"] if c["cell_type"] == "code" or nbgrader(c)]


@damage("test cell l2_penalty_check was missing")
def all_test_cells_deleted(notebook):
    gone = tests(notebook)
    notebook["cells"] = [c for c in notebook["cells"] if c not in gone]


@damage("was missing and was put back", RELU)
def only_answers_kept(notebook):
    notebook["cells"] = [c for c in notebook["cells"] if nbgrader(c).get("solution")]


@damage("lost its nbgrader metadata", q_paths=0, q_two_fits=0, q_speed_up=0)
def only_code_answers_kept_pasted_into_a_new_notebook(notebook):
    notebook["cells"] = [
        code_cell(c["source"]) for c in notebook["cells"] if c is imports(notebook) or c in solutions(notebook)
    ]


@damage("was missing and was put back")
def the_import_cell_emptied(notebook):
    imports(notebook)["source"] = "\n"


@damage("as released")
def a_stray_letter_in_the_import_cell(notebook):
    imports(notebook)["source"] = "ü" + imports(notebook)["source"].replace("import ", "import  ", 1) + "\nasdf)"


# -- duplicated -----------------------------------------------------------------------------------------------------


@damage("The cell sum_node is there 2 times")
def a_stub_before_the_answer(notebook):
    cell = find(notebook, "sum_node")
    notebook["cells"].insert(place(notebook, "sum_node"), stub_of(cell))


@damage("The cell sum_node is there 2 times")
def the_released_stub_behind_the_answer(notebook):
    cell = copy.deepcopy(find(notebook, "sum_node"))
    cell["source"] = RELEASED["sum_node"]
    notebook["cells"].insert(place(notebook, "sum_node") + 1, cell)


@damage("The cell sum_node is there 2 times; the last edited one counts")
def a_wrong_answer_before_the_right_one(notebook):
    cell = copy.deepcopy(find(notebook, "sum_node"))
    cell["source"] = cell["source"].replace("self.a.out + self.b.out", "self.a.out - self.b.out")
    notebook["cells"].insert(place(notebook, "sum_node"), cell)


@damage("The cell sum_node_check is there 2 times")
def a_test_cell_doubled(notebook):
    notebook["cells"].append(copy.deepcopy(find(notebook, "sum_node_check")))


@damage("The cell q_paths is there 2 times")
def a_written_answer_doubled(notebook):
    stub = copy.deepcopy(find(notebook, "q_paths"))
    stub["source"] = "YOUR ANSWER HERE"
    notebook["cells"].insert(place(notebook, "q_paths") + 1, stub)


@damage("is there 2 times")
def every_cell_doubled(notebook):
    notebook["cells"] = [copy.deepcopy(cell) for cell in notebook["cells"] for _ in range(2)]


@damage("is there 2 times", RELU)
def the_whole_notebook_twice(notebook):
    notebook["cells"] += copy.deepcopy(notebook["cells"])


@damage("is there 2 times")
def the_released_notebook_pasted_behind_the_answers(notebook):
    again = copy.deepcopy(notebook["cells"])
    for cell in again:
        cell["source"] = RELEASED.get(nbgrader(cell).get("grade_id"), cell["source"])
    notebook["cells"] += again


@damage()
def the_imports_and_explanations_doubled(notebook):
    for cell in (imports(notebook), notebook["cells"][0], notebook["cells"][3]):
        notebook["cells"].insert(0, {**copy.deepcopy(cell), "id": "copied"})


# -- reordered ------------------------------------------------------------------------------------------------------


@damage("another order")
def cells_reversed(notebook):
    notebook["cells"].reverse()


@damage("another order", RELU)
def cells_of_03_reversed(notebook):
    notebook["cells"].reverse()


def shuffle(seed: int) -> Callable[[Notebook], None]:
    return lambda notebook: random.Random(seed).shuffle(notebook["cells"])


for seed in range(3):
    add(f"cells shuffled ({seed})", shuffle(seed), "another order")
    add(f"cells of 03 shuffled ({seed})", shuffle(seed), "another order", RELU)


@damage("another order")
def an_answer_moved_to_the_end(notebook):
    notebook["cells"].append(notebook["cells"].pop(place(notebook, "l2_penalty")))


@damage()
def the_imports_moved_to_the_end(notebook):
    cell = imports(notebook)
    notebook["cells"].remove(cell)
    notebook["cells"].append(cell)


@damage("another order")
def tests_before_everything(notebook):
    first = tests(notebook)
    notebook["cells"] = first + [c for c in notebook["cells"] if c not in first]


@damage(section=RELU)
def a_helper_defined_at_the_end(notebook):
    edit("d_h1", "return ", "return scaled_by(1.0) * ")(notebook)
    notebook["cells"].append(code_cell("import numpy as np\n\ndef scaled_by(factor):\n    return np.float64(factor)"))


# -- retyped --------------------------------------------------------------------------------------------------------


def retype(grade_id: str, to: str) -> Callable[[Notebook], None]:
    def do(notebook: Notebook) -> None:
        cell = find(notebook, grade_id)
        cell["cell_type"] = to
        if to != "code":
            cell.pop("outputs", None), cell.pop("execution_count", None)

    return do


add("a solution cell turned into Markdown", retype("sum_node", "markdown"), "sum_node had become a markdown cell")
add("a solution cell turned raw", retype("sum_node", "raw"), "sum_node had become a raw cell")
add("a test cell turned into Markdown", retype("sum_node_check", "markdown"), "had become a markdown cell")
add("a written answer turned into code", retype("q_paths", "code"), "q_paths had become a code cell")


@damage("had become a markdown cell", RELU)
def every_code_cell_turned_into_Markdown(notebook):
    for cell in notebook["cells"]:
        cell["cell_type"] = "markdown"
        cell.pop("outputs", None), cell.pop("execution_count", None)


@damage()
def explanations_turned_into_code(notebook):
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and not nbgrader(cell):
            cell |= {"cell_type": "code", "outputs": [], "execution_count": None}


# -- metadata -------------------------------------------------------------------------------------------------------


def on_all(change: Callable[[Cell], Any]) -> Callable[[Notebook], None]:
    def do(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            change(cell)

    return do


def bare(cell: Cell) -> None:
    cell["metadata"] = {}
    cell.pop("id")


def flags(notebook: Notebook, of: str, **changed: Any) -> None:
    find(notebook, of)["metadata"]["nbgrader"].update(changed)


@damage()
def metadata_lost_on_one_cell(notebook):
    find(notebook, "sum_node")["metadata"] = {}


@damage("sum_node had lost its nbgrader metadata")
def metadata_and_id_lost_on_one_cell(notebook):
    bare(find(notebook, "sum_node"))


add("metadata lost on all cells", on_all(lambda cell: cell.update(metadata={})))
add("ids lost on all cells", on_all(lambda cell: cell.pop("id")))
add("metadata and ids lost on all cells", lambda n: lose_metadata(n, ""), "had lost its nbgrader metadata")
add("metadata and ids of 03 lost", lambda n: lose_metadata(n, ""), "had lost its nbgrader metadata", RELU)
add("metadata and ids of 01 lost", lambda n: lose_metadata(n, ""), "had lost its nbgrader metadata", STAGED)


@damage("had lost its nbgrader metadata", RELU)
def metadata_and_ids_lost_and_functions_shuffled(notebook):
    on_all(bare)(notebook)
    code = [c for c in notebook["cells"] if c["cell_type"] == "code"]
    random.Random(5).shuffle(code)
    places = [i for i, c in enumerate(notebook["cells"]) if c["cell_type"] == "code"]
    for i, cell in zip(places, code, strict=True):
        notebook["cells"][i] = cell


@damage()
def flags_flipped(notebook):
    for grade_id in ("sum_node", "l2_penalty"):
        flags(notebook, grade_id, solution=False, grade=True, locked=True, points=3)
    flags(notebook, "sum_node_check", solution=True, grade=False, locked=False)


@damage()
def points_changed(notebook):
    for cell in tests(notebook):
        cell["metadata"]["nbgrader"]["points"] = 1000


@damage()
def a_grade_id_changed(notebook):
    flags(notebook, "sum_node", grade_id="my_sum_node")


@damage("is there 2 times|found by its content")
def two_answers_with_the_same_grade_id(notebook):
    flags(notebook, "sum_node", grade_id="l2_penalty")


@damage("another order")
def two_answers_with_swapped_metadata(notebook):
    a, b = find(notebook, "l2_penalty"), find(notebook, "sum_node")
    a["metadata"], b["metadata"] = b["metadata"], a["metadata"]
    a["id"], b["id"] = b["id"], a["id"]


@damage("what was added was run as a cell of its own")
def answer_and_test_with_swapped_metadata(notebook):
    a, b = find(notebook, "sum_node"), find(notebook, "sum_node_check")
    a["metadata"], b["metadata"] = b["metadata"], a["metadata"]


@damage()
def metadata_of_odd_types(notebook):
    for number, cell in enumerate(notebook["cells"]):
        cell["metadata"] = ["list", 7, None, "text", {"nbgrader": 3}, {"nbgrader": {"grade_id": ["x"]}}][number % 6]


@damage()
def old_and_missing_schema_versions(notebook):
    for number, cell in enumerate(c for c in notebook["cells"] if nbgrader(c)):
        cell["metadata"]["nbgrader"]["schema_version"] = (1, 2, None, "3")[number % 4]


add("one id for all cells", on_all(lambda cell: cell.update(id="cell")))
add("ids that are numbers", on_all(lambda cell: cell.update(id=7)))


# -- the file -------------------------------------------------------------------------------------------------------


@damage()
def saved_as_nbformat_3(notebook):
    cells = []
    for cell in notebook["cells"]:
        made = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            made |= {"input": cell["source"], "language": "python", "prompt_number": 1, "collapsed": False}
            made["outputs"] = [{"output_type": "pyout", "text": ["1"]}, {"output_type": "pyerr", "ename": "E"}]
        else:
            made["source"] = cell["source"]
        cells.append(made)
    heading = {"cell_type": "heading", "level": 1, "metadata": {}, "source": "04"}
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0}
    return text_of({**old, "worksheets": [{"cells": [heading, *cells], "metadata": {}}]}).encode()


def older(minor: int) -> Callable[[Notebook], None]:
    def do(notebook: Notebook) -> None:
        notebook["nbformat_minor"] = minor
        on_all(lambda cell: cell.pop("id"))(notebook)

    return do


add("saved as nbformat 4.0", older(0))
add("saved as nbformat 4.2", older(2), section=RELU)
add("saved by Colab", lambda n: resave_in_colab(n, ""))


@damage("had lost its nbgrader metadata")
def saved_by_Colab_with_the_metadata_lost(notebook):
    resave_in_colab(notebook, "")
    on_all(lambda cell: cell.update(metadata={}))(notebook)


def encoded(encoding: str, mark: bytes = b"") -> Callable[[Notebook], bytes]:
    """Written in another encoding, with a comment in the students' own language."""

    def do(notebook: Notebook) -> bytes:
        prepend("sum_node", "# größer, naïve, Übung\n")(notebook)
        text = text_of(notebook)
        return mark + text.encode(encoding, errors="ignore")

    return do


add("UTF-8 with a byte order mark", encoded("utf-8", b"\xef\xbb\xbf"))
add("UTF-16", encoded("utf-16"))
add("UTF-16 big-endian", encoded("utf-16-be", b"\xfe\xff"))
add("UTF-16 without a mark", encoded("utf-16-le"))
add("UTF-32", encoded("utf-32"))
add("Latin-1", encoded("latin-1"), r"from the release \(edited, or handed out before")  # its letters have no λ
add("Windows-1252", encoded("cp1252"), r"from the release \(edited, or handed out before")
add("line ends of Windows in the file", lambda n: text_of(n).replace("\n", "\r\n").encode())


@damage()
def line_ends_of_Windows_in_the_cells(notebook):
    on_all(lambda cell: cell.update(source=cell["source"].replace("\n", "\r\n")))(notebook)


@damage()
def line_ends_of_old_Macs_in_the_cells(notebook):
    on_all(lambda cell: cell.update(source=cell["source"].replace("\n", "\r")))(notebook)


@damage()
def sources_as_lists_of_lines(notebook):
    on_all(lambda cell: cell.update(source=cell["source"].splitlines(keepends=True)))(notebook)


@damage()
def sources_as_lists_of_lines_without_their_ends(notebook):
    on_all(lambda cell: cell.update(source=cell["source"].split("\n")))(notebook)


@damage()
def white_space_behind_every_line(notebook):
    on_all(lambda cell: cell.update(source="\n\n" + cell["source"].replace("\n", " \t\n") + "\n\n"))(notebook)


@damage(section=RELU)
def tabs_for_indentation(notebook):
    for cell in solutions(notebook):
        cell["source"] = cell["source"].replace("    ", "\t")


add("text behind the notebook", lambda n: text_of(n).encode() + b"\n--\nsent from my phone {}")
add(
    "text before the notebook",
    lambda n: b"From: me\nSubject: homework\n\n" + text_of(n).encode(),
    "outside its cells; all ",
)
add("zeros behind the notebook", lambda n: text_of(n).encode() + b"\0" * 4096)
add("saved twice into one file", lambda n: text_of(n).encode() * 2)
add("NaN in the outputs", lambda n: text_of(n).replace('"outputs": []', '"outputs": [NaN, Infinity]').encode())


@damage("damaged outside its cells; all [0-9]+ of them could be read")
def commas_too_many(notebook):
    return re.sub(r"\n \]", ",\n ]", text_of(notebook)).encode()


def cut(share: float) -> Callable[[Notebook], bytes]:
    return lambda notebook: text_of(notebook).encode()[: int(share * len(text_of(notebook).encode()))]


BEHIND = {"training_error_check": 0, "q_two_fits": 0, "q_speed_up": 0}  # what lies behind a cut in the middle
add("cut off in the middle", lambda n: cut_off(n, ""), "is damaged", **BEHIND)
add("cut off before the end", cut(0.995), "outside its cells; all [0-9]+ ")
add("cut off in a Unicode character", lambda n: text_of(n).encode()[:-1] + "ü".encode()[:1], "is damaged")


@damage("is damaged", ridge_regression_check=0, sum_node_check=0, **BEHIND)
def cut_off_inside_an_answer(notebook):
    text = text_of(notebook)
    return text[: text.index("class SumNode") + 200].encode()


def conflict(ours: str, theirs: str) -> str:
    return f"<<<<<<< HEAD\n{ours}=======\n{theirs}>>>>>>> my-branch\n"


@damage("is damaged")
def merge_conflict_in_the_metadata(notebook):
    text = text_of(notebook)
    minor = ' "nbformat_minor": 5\n'
    assert minor in text
    return text.replace(minor, conflict(minor, ' "nbformat_minor": 4\n')).encode()


@damage("is damaged")
def merge_conflict_in_the_execution_counts(notebook):
    return (
        text_of(notebook)
        .replace('   "execution_count": null\n', conflict('   "execution_count": 3\n', '   "execution_count": 4\n'), 3)
        .encode()
    )


@damage("is damaged")
def merge_conflict_in_an_explanation(notebook):
    lines = text_of(notebook).split("\n")
    where = next(i for i, line in enumerate(lines) if line.startswith('   "source": "## 3'))
    lines[where : where + 1] = conflict(lines[where] + "\n", '   "source": "## 3 changed"\n').splitlines()
    return "\n".join(lines).encode()


# -- outputs and metadata of the notebook ---------------------------------------------------------------------------


@damage()
def huge_outputs(notebook):
    for cell in solutions(notebook):
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "x" * 3_000_000}] * 2


@damage()
def outputs_of_odd_types(notebook):
    page = {"text/html": "<script>1</script>", "application/vnd.plotly.v1+json": {"data": [1]}, "text/plain": 7}
    odd: list[Any] = [None, 7, "text", [], {}, {"output_type": "display_data", "data": page}, {"output_type": "new"}]
    odd += [{"output_type": "stream", "text": {"a": 1}}, {"output_type": "error", "traceback": "no list"}]
    odd += [{"output_type": "execute_result", "data": {"image/png": "%%%"}, "metadata": None}]
    for number, cell in enumerate(c for c in notebook["cells"] if c["cell_type"] == "code"):
        cell["outputs"] = odd if number % 2 else "none"


def kernel(**spec: Any) -> Callable[[Notebook], None]:
    return lambda notebook: notebook.update(metadata={"kernelspec": spec} if spec else {})


add("the kernel of R", kernel(name="ir", display_name="R", language="R"), "asks for the kernel 'R'")
add("the kernel of Julia", kernel(name="julia-1.9", display_name="Julia"), "asks for the kernel 'julia")
add("the kernel of a conda environment", kernel(name="conda-env-cs189-py", display_name="Python [conda env:cs189]"))
add("a kernel with a name of one's own", kernel(name="cs189", display_name="my env", language="python"))
add("a kernel with only a name", kernel(name="homework", display_name="homework"))
add("no metadata at all", lambda n: n.pop("metadata") and None)
add("metadata that is null", lambda n: n.update(metadata=None, nbformat=None))


# -- cells of one's own ---------------------------------------------------------------------------------------------


@damage()
def a_cell_that_raises_behind_each_cell(notebook):
    for where in range(len(notebook["cells"]), 0, -1):
        insert(notebook, where, "1 / 0")


@damage()
def prints_everywhere(notebook):
    for cell in solutions(notebook):
        cell["source"] = "print('here')\n" + re.sub(r"(?m)^(\s+)return ", r"\1print('now')\n\1return ", cell["source"])


WARNS = {
    "a numpy warning": "np.log(np.zeros(1)) + np.float64(1e308) * 10",
    "a deprecation warning": "import warnings; warnings.warn('old', DeprecationWarning); np.row_stack",
    "a progress bar on stderr": "import sys; print('\\r 50%|#####     | 1/2', end='', file=sys.stderr, flush=True)",
    "a log on stderr": "import logging; logging.basicConfig(level=10, force=True); logging.warning('training')",
    "a word straight to file 2": "import os; os.write(2, b'hello')",
}
for name, line in WARNS.items():
    add(f"{name} in a solution", edit("sum_node", "self.out = ", f"{line}\n        self.out = "))
    add(f"{name} in cells", extra(line))

MAGIC = {
    "%matplotlib inline": "%matplotlib inline",
    "%matplotlib widget": "%matplotlib widget",
    "%config": "%config InlineBackend.figure_format = 'retina'",
    "autoreload": "%load_ext autoreload\n%autoreload 2",
    "%pylab": "%pylab inline",
    "!pip": "!pip install numpy",
    "%pip": "%pip install numpy --quiet",
    "!ls kept": "files = !ls\nlen(files)",
    "%%time": "%%time\nsum(range(10))",
    "%timeit": "%timeit -n 1 -r 1 sum(range(10))",
    "%%bash": "%%bash\nls",
    "%%html": "%%html\n<b>hello</b>",
    "help": "np.sum?",
    "%whos": "%whos",
    "%debug": "%debug",
    "Colab's drive": "from google.colab import drive\ndrive.mount('/content/drive')",
    "a widget": "import ipywidgets\nipywidgets.interact(lambda x: x, x=3)",
}
for name, line in MAGIC.items():
    add(f"{name} in cells", extra(line))
add("%%time on a solution", prepend("sum_node", "%%time\n"))
add("%%capture on a solution", prepend("sum_node", "%%capture\n"))
add("%matplotlib in a solution", prepend("sum_node", "%matplotlib inline\n!pip install numpy\n"))
add("input() in cells", extra("name = input('your name? ')"))
add("input() in a solution", prepend("sum_node", "name = input('your name? ')\n"))
add("exit() in cells", extra("exit()"))
add("quit() and sys.exit() in cells", extra("quit()", "import sys; sys.exit(0)"))
add("a figure left open", extra("import matplotlib.pyplot as plt\nplt.plot([1, 2])", "plt.figure(); plt.show()"))
add("Python 2 in a cell", extra("print 'hello'"))
add("names in other alphabets", extra("π, größe, 数 = 3.14, 1, 2\nprint(π)"))
add("numpy set to raise", extra("np.seterr(all='raise')"))
add("warnings set to raise", extra("import warnings; warnings.simplefilter('error')"))
add("the variables reset", lambda n: insert(n, n["cells"].index(imports(n)), "%reset -f"))
add("blank cells", extra("", "\n\n", "# a note"))
add("np.float in a solution", edit("sum_node", "self.out = ", "z = np.float(1); self.out = "))


@damage()
def an_import_that_is_not_there(notebook):
    insert(notebook, 2, "import pandas_profiling\nimport tensorflow as tf\nimport torch")


@damage(section=RELU)
def helpers_of_ones_own_before_and_after(notebook):
    edit("d_h1", "return ", "return before(1.0) * after(1.0) * ")(notebook)
    insert(notebook, place(notebook, "d_h1") + 1, "def after(x):\n    return x")
    insert(notebook, place(notebook, "d_h1"), "def before(x):\n    return x")


# -- answers in unexpected places -----------------------------------------------------------------------------------


@damage("sum_node")
def two_answers_merged_into_one_cell(notebook):
    first, second = find(notebook, "l2_penalty"), find(notebook, "sum_node")
    first["source"] += "\n\n" + second["source"]
    notebook["cells"].remove(second)


@damage("by_hand", STAGED)
def two_answers_without_functions_merged(notebook):
    first, second = find(notebook, "product_edges"), find(notebook, "by_hand")
    first["source"] += "\n\n" + second["source"]
    notebook["cells"].remove(second)


@damage("sum_node")
def an_answer_in_a_cell_above_the_stub(notebook):
    cell = find(notebook, "sum_node")
    insert(notebook, place(notebook, "sum_node"), cell["source"])
    cell["source"] = RELEASED["sum_node"]


@damage("sum_node")
def an_answer_in_the_test_cell(notebook):
    cell, test = find(notebook, "sum_node"), find(notebook, "sum_node_check")
    test["source"] = cell["source"] + "\n\n" + test["source"]
    cell["source"] = RELEASED["sum_node"]


@damage("sum_node")
def an_answer_merged_with_the_test_above_it(notebook):
    cell, test = find(notebook, "sum_node"), find(notebook, "l2_penalty_check")
    test["source"] += "\n\n" + cell["source"]
    notebook["cells"].remove(cell)


@damage("test cell sum_node_check was missing")
def an_answer_merged_with_its_test(notebook):
    cell, test = find(notebook, "sum_node"), find(notebook, "sum_node_check")
    cell["source"] += "\n\n" + test["source"]
    notebook["cells"].remove(test)


@damage()
def an_answer_split_over_two_cells(notebook):
    cell = find(notebook, "sum_node")
    head, tail = cell["source"].split("    def backward", 1)
    later = "def backward" + re.sub(r"(?m)^    ", "", tail) + "\n\nSumNode.backward = backward\n"
    later += "SumNode.get_predecessors = get_predecessors"
    cell["source"] = head
    insert(notebook, place(notebook, "sum_node") + 1, later)


@damage("q_paths")
def a_written_answer_in_the_cell_of_the_question(notebook):
    answer = find(notebook, "q_paths")
    question = notebook["cells"][place(notebook, "q_paths") - 1]
    question["source"] += "\n\n" + answer["source"]
    answer["source"] = "YOUR ANSWER HERE"


@damage("q_paths")
def a_written_answer_merged_with_its_question(notebook):
    answer = find(notebook, "q_paths")
    question = notebook["cells"][place(notebook, "q_paths") - 1]
    question["source"] += "\n\n" + answer["source"]
    notebook["cells"].remove(answer)


@damage("q_paths")
def a_written_answer_in_a_cell_of_ones_own(notebook):
    answer = find(notebook, "q_paths")
    own = {"cell_type": "markdown", "id": "own", "metadata": {}, "source": answer["source"]}
    notebook["cells"].insert(place(notebook, "q_paths") + 1, own)
    answer["source"] = "YOUR ANSWER HERE"


@damage("edited")
def a_test_cell_edited(notebook):
    find(notebook, "sum_node_check")["source"] = "assert True"


@damage("cannot be read by Python 3", sum_node_check=0, ridge_regression_check=10)
def a_syntax_error_in_one_answer(notebook):
    edit("sum_node", "def forward(self):", "def forward(self)")(notebook)


@damage("cannot be read by Python 3", sum_node_check=0)
def curly_quotes_in_one_answer(notebook):
    edit("sum_node", '"""', "“““")(notebook)


@damage("cannot be read by Python 3", sum_node_check=0)
def Python_2_in_one_answer(notebook):
    edit("sum_node", "self.out = ", "print 'now'; self.out = ")(notebook)


@damage()
def pictures_pasted_into_answers(notebook):
    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(50_000)).decode()
    find(notebook, "q_paths")["attachments"] = {"a.png": {"image/png": picture}}


RELEASED: dict[str, str] = {}  # grade_id -> the text as released; filled in by whoever uses the table
