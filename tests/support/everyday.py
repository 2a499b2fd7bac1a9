"""Everyday habits that do no harm on the student's machine, and so may cost nothing here: added to the damages."""

from __future__ import annotations

import copy
import re

from damage import RIDGE, STAGED, Cell, add, damage, find, insert, place, prepend, stub_of

from autograder.demo.classroom import Notebook

# -- a line that only works elsewhere -------------------------------------------------------------------------------

ELSEWHERE = {
    "google colab": "from google.colab import files\n",
    "drive": "from google.colab import drive\ndrive.mount('/content/drive')\n",
    "chdir": "import os\nos.chdir('/content/drive/MyDrive/backprop')\n",
    "pandas": "import pandas as pd\n",
    "a file of one's own": "notes = open('/Users/ana/notes.txt').read()\n",
    "an unknown magic": "%nosuchmagic on\n",
    "the stub's raise left above": "raise NotImplementedError()\n",
    "on one line with the answer's first": "import pandas; ",
    "a backend": "import matplotlib; matplotlib.use('QtAgg')\n",
}
for name, line in ELSEWHERE.items():
    add(f"{name} before typed values", prepend("training_error", line))
    if line.endswith("\n"):
        add(f"{name} before a class", prepend("sum_node", line))
    add(f"{name} before values by hand", prepend("by_hand", line), section=STAGED)


MAGICS = ("%%time", "%%capture out", "%%timeit -n1 -r1", "%%memit", "\n%%prun -q", "%%px --local")
for magic in MAGICS:
    add(f"{magic.strip()} above a class", prepend("sum_node", f"{magic}\n"))
    add(f"{magic.strip()} above values below a line that fails", prepend("training_error", f"{magic}\nimport pandas\n"))
add("sys.exit above typed values", prepend("training_error", "import sys\nsys.exit()\n"))


def in_a_block(head: str, line: str = "from google.colab import drive"):
    """The values in a block of their own, below a line that fails."""

    def do(notebook: Notebook) -> None:
        cell = find(notebook, "training_error")
        values = "".join(f"    {value}\n" for value in cell["source"].splitlines())
        cell["source"] = f"{head}\n    {line}\n{values}"

    return do


add("values in an if below a line that fails", in_a_block("if True:"))
add("values in a with below a line that fails", in_a_block("import contextlib\nwith contextlib.nullcontext():"))
add("values in a second if", in_a_block("if True:\n  if 1 > 0:", "import pandas"))


@damage()
def values_computed_below_a_line_that_fails(notebook):
    cell = find(notebook, "training_error")
    numbers = re.findall(r"= (0\.\d+)", cell["source"])
    lines = ["import pandas as pd", "errors = []", f"for e in ({', '.join(numbers)}):", "    errors.append(e)"]
    cell["source"] = "\n".join([*lines, "mse_with_penalty, mse_without_penalty = errors"])


@damage()
def await_below_a_line_that_fails(notebook):
    cell = find(notebook, "training_error")
    cell["source"] = "import asyncio\nimport pandas\nawait asyncio.sleep(0)\n" + cell["source"]


# -- values that stand elsewhere ------------------------------------------------------------------------------------

ADDED = "what was added was run as a cell of its own"


def into_the_check(grade_id: str, check: str, stub: bool = True):
    """The answer typed into the check cell, its own cell as released."""

    def do(notebook: Notebook) -> None:
        cell, checking = find(notebook, grade_id), find(notebook, check)
        checking["source"] = cell["source"] + "\n" + checking["source"]
        cell["source"] = stub_of(cell)["source"]
        if not stub:
            notebook["cells"].remove(cell)

    return do


def own_cell(grade_id: str, after: bool):
    """The answer in a cell of one's own above or below the untouched stub."""

    def do(notebook: Notebook) -> None:
        where, cell = place(notebook, grade_id), find(notebook, grade_id)
        insert(notebook, where + after, cell["source"])
        cell["source"] = stub_of(cell)["source"]

    return do


for grade_id, section in (("training_error", RIDGE), ("by_hand", STAGED), ("product_edges", STAGED)):
    check = f"{grade_id}_check"
    add(f"{grade_id} typed into its check", into_the_check(grade_id, check), ADDED, section)
    add(f"{grade_id} typed into its check, its cell gone", into_the_check(grade_id, check, False), ADDED, section)
    add(f"{grade_id} above its stub", own_cell(grade_id, False), "", section)
    add(f"{grade_id} below its stub", own_cell(grade_id, True), "", section)


@damage(ADDED)
def values_typed_as_a_pair_into_the_check(notebook):
    cell, checking = find(notebook, "training_error"), find(notebook, "training_error_check")
    numbers = ", ".join(re.findall(r"= (0\.\d+)", cell["source"]))
    checking["source"] = f"(mse_with_penalty, mse_without_penalty) = {numbers}\n" + checking["source"]
    cell["source"] = stub_of(cell)["source"]


# -- several cells of one name --------------------------------------------------------------------------------------

WRONG = "class SumNode(Node):\n    pass\n"


def twin(grade_id: str, kind: str, source: str, above: bool = False, by: str = "both") -> object:
    """Another cell of the same name, as copies and drafts have it. by: the names it carries."""

    def do(notebook: Notebook) -> None:
        cell = find(notebook, grade_id)
        made: Cell = copy.deepcopy(cell) | {"cell_type": kind, "source": source}
        if kind != "code":
            made.pop("outputs", None), made.pop("execution_count", None)
        if by == "id":
            del cell["metadata"]["nbgrader"], made["metadata"]["nbgrader"]
        notebook["cells"].insert(place_of(notebook, cell) + (not above), made)

    return do


def place_of(notebook: Notebook, cell: Cell) -> int:
    return next(i for i, other in enumerate(notebook["cells"]) if other is cell)


for kind in ("raw", "markdown"):
    for above in (False, True):
        where = "above" if above else "below"
        add(f"an old version as {kind} {where}", twin("sum_node", kind, WRONG, above), "sum_node is there 2 times")
        add(f"notes as {kind} {where}", twin("sum_node", kind, "It adds.", above), "sum_node is there 2 times")
        add(f"notes on values as {kind} {where}", twin("training_error", kind, "Low.", above), "is there 2 times")
        add(
            f"an old version as {kind} {where}, ids left",
            twin("sum_node", kind, WRONG, above, "id"),
            "is there 2 times",
        )
add("a call in a second cell of the name", twin("sum_node", "code", "SumNode"), "sum_node is there 2 times")
add(
    "a print in a second cell of the name",
    twin("training_error", "code", "print(mse_with_penalty)"),
    "is there 2 times",
)
add("an emptied second cell of the name", twin("sum_node", "code", ""), "sum_node is there 2 times")


@damage("sum_node is there 2 times")
def an_answer_split_into_two_cells(notebook):
    cell = find(notebook, "sum_node")
    below = copy.deepcopy(cell) | {"id": "half", "source": "sum_of_mine = SumNode"}
    notebook["cells"].insert(place(notebook, "sum_node") + 1, below)


# -- what the student's machine has -----------------------------------------------------------------------------------

BARS = {
    "tqdm": "from tqdm import tqdm",
    "tqdm.auto": "from tqdm.auto import tqdm",
    "tqdm.notebook": "from tqdm.notebook import tqdm",
    "tqdm.notebook under its old name": "from tqdm import tqdm_notebook as tqdm",
    "trange": "from tqdm.auto import trange\ntqdm = lambda numbers: trange(len(numbers))",
    "a bar within a bar": "from tqdm.auto import tqdm as bar\ntqdm = lambda n: bar(list(bar(n)), desc='e')",
}


def in_forward(line: str, top: str = ""):
    """A line in SumNode.forward, and one in a cell of its own in front."""

    def do(notebook: Notebook) -> None:
        cell = find(notebook, "sum_node")
        old = "        self.d_out = np.zeros(self.out.shape)"
        assert old in cell["source"]
        cell["source"] = cell["source"].replace(old, f"        {line}\n{old}")
        insert(notebook, place(notebook, "sum_node"), top or "1")

    return do


for name, line in BARS.items():
    add(f"a progress bar of {name}", in_forward("for _ in tqdm(range(2)): pass", line))
OLDER = {
    "float of one element": "self.out = np.array(float(np.reshape(self.a.out + self.b.out, (1,))))",
    "int of one element": "int(np.ones((1, 1)))",
    "np.NaN": "self.was = np.NaN if np.any(np.isnan(self.out)) else np.Inf",
    "np.float_": "self.out = np.asarray(self.out, dtype=np.float_)",
    "np.product": "assert np.product([2, 3]) == 6 and np.alltrue([True])",
    "np.float": "self.scale = np.float(1) * np.int(1)",
    "np.in1d and np.trapz": "assert np.in1d([1], [1, 2])[0] and np.trapz([1, 1]) == 1",
}
for name, line in OLDER.items():
    add(f"written with an older numpy: {name}", in_forward(line))


# -- await, progress bars, modules ----------------------------------------------------------------------------------


@damage()
def await_at_the_end_of_an_answer(notebook):
    find(notebook, "sum_node")["source"] = (
        "import asyncio\n\n" + find(notebook, "sum_node")["source"] + "\n\nawait asyncio.sleep(0)"
    )


@damage()
def await_in_cells_of_ones_own(notebook):
    gather = "import asyncio\nasync def one():\n    return 1\nassert await asyncio.gather(one(), one()) == [1, 1]"
    thread = "assert await asyncio.to_thread(lambda: 2) == 2"
    task = "t = asyncio.create_task(one())\nassert await t == 1"
    uses = "assert asyncio.new_event_loop().run_until_complete(asyncio.sleep(0.01, 3)) == 3\nasync_works = True"
    insert(notebook, place(notebook, "sum_node"), gather, thread, task, uses)
    find(notebook, "sum_node")["source"] += "\n\nassert async_works"


def written_module(path: str, line: str):
    """The answer written into a module by a cell, and imported from there."""

    def do(notebook: Notebook) -> None:
        cell = find(notebook, "sum_node")
        text = "import numpy as np\nfrom backprop.nodes import Node\n\n" + cell["source"]
        insert(notebook, place(notebook, "sum_node"), "import os\nos.makedirs('mine/inner', exist_ok=True)")
        insert(notebook, place(notebook, "sum_node"), f"%%writefile {path}\n{text}")
        cell["source"] = line

    return do


add("a module written by a cell", written_module("my_nodes.py", "from my_nodes import SumNode"))
add("a package written by cells", written_module("mine/nodes.py", "from mine.nodes import SumNode"))
add(
    "a package deep down",
    written_module("mine/inner/nodes.py", "import mine.inner.nodes\nSumNode = mine.inner.nodes.SumNode"),
)
add("a star import", written_module("my_nodes.py", "from my_nodes import *"))
