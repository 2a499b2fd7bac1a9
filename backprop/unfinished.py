"""A cell that needs something unfinished says in one sentence what comes first, and shows no traceback.

Notebooks are read before they are solved: cells that draw or train call functions that are still empty, and others use
names that such a cell would have made. Jupyter then shows a page of Python's own words. `watch` puts the two cases into
a sentence, for every cell of a notebook; an error of any other kind is shown as ever.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
import traceback
from types import TracebackType
from typing import Any

from .one_sentence import COLUMNS, in_lines

STUB = re.compile(r"^[ \t]*raise[ \t]+NotImplementedError\b", re.MULTILINE)


def watch(shell: Any = None) -> None:
    """Let Jupyter say in a sentence that something is unfinished. Does nothing outside a notebook.

    shell : IPython's shell; the running one when left out
    """
    if shell is None:
        ipython = sys.modules.get("IPython")  # never imported for this: outside a notebook it is not there
        shell = ipython.get_ipython() if ipython is not None and hasattr(ipython, "get_ipython") else None
    if shell is None or shell.custom_exceptions:  # somebody else shows errors here
        return
    stopped: list[str] = []  # the cells that ended in an error, the latest last

    def remember(result: Any) -> None:
        text = result.info.raw_cell if result.info is not None else ""
        if text in stopped:
            stopped.remove(text)
        if not result.success:
            stopped.append(text)

    def show(shell: Any, kind: type, error: BaseException, trace: TracebackType, tb_offset: int | None = None) -> None:
        said = sentence(error, stopped)
        if said is not None:
            error._render_traceback_ = lambda: in_lines(said)  # where IPython looks for an error's own words
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    shell.events.register("post_run_cell", remember)
    shell.set_custom_exc((NotImplementedError, NameError), show)


def sentence(error: BaseException, stopped: list[str]) -> str | None:
    """What comes first, when the error shows that something in the notebook is unfinished; None otherwise.

    stopped : the text of the cells that ended in an error
    """
    steps = list(traceback.walk_tb(error.__traceback__))
    cells = [frame for frame, _ in steps if frame.f_globals.get("__name__") == "__main__"]  # the notebook's own code
    if not steps or not cells or steps[-1][0] is not cells[-1]:
        return None  # a library's own error
    if isinstance(error, NotImplementedError):
        return None if str(error) else _not_written(cells)
    return _not_made(error, stopped) if type(error) is NameError else None


def _not_written(cells: list[Any]) -> str:
    code = cells[-1].f_code
    if code.co_name == "<module>":
        return "This cell is not written yet: your answer belongs in the place of\n    raise NotImplementedError()"
    first = code.co_varnames[0] if code.co_argcount else ""
    owner = f"{type(cells[-1].f_locals.get(first)).__name__}." if first == "self" else ""
    said = f"{owner}{code.co_name} is not written yet: it raises NotImplementedError."
    elsewhere = any(frame.f_code.co_filename != code.co_filename for frame in cells)
    return f"{said} Finish that exercise first: this cell uses it." if elsewhere else said


def _not_made(error: NameError, stopped: list[str]) -> str | None:
    """The name would be there if the cell that makes it had not stopped."""
    name = error.name or ""
    for text in reversed(stopped):
        begins = next((line.strip() for line in text.splitlines() if line.strip()), "")
        where = f"The cell begins with\n    {textwrap.shorten(begins, COLUMNS - 4, placeholder=' …')}"
        if STUB.search(text) and re.search(rf"^[ \t]*(#[ \t]*)?{re.escape(name)}[ \t]*=[^=]", text, re.MULTILINE):
            return f"{name} is not there yet: the cell that sets it is not finished. Do that exercise first. {where}"
        if name in _makes(text):
            return f"{name} is not there yet: the cell that makes it stopped with an error. Run that one first. {where}"
    return None


def _makes(text: str) -> set[str]:
    """The names that a cell makes, wherever it makes them outside functions and classes."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("%", "!"))]
    try:
        rest: list[ast.AST] = [ast.parse("\n".join(lines))]
    except SyntaxError:
        return set()
    names = set()
    while rest:
        node = rest.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        if not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            rest += ast.iter_child_nodes(node)
    return names
