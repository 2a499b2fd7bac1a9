"""Is a notebook ready to hand in? Every cell runs in order in a fresh kernel, and what is still missing is named."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import TextIO

from .imports import surprises
from .notebook import ANSWER_PLACEHOLDER, Cell, Notebook, NotebookError, clean, read_notebook

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_ARROW = re.compile(r"^\s*-+>\s*(\d+)\s?(.*)$", re.MULTILINE)


def check(path: str | Path, timeout: int = 300, out: TextIO | None = None, progress: TextIO | None = None) -> bool:
    """Print whether the notebook is ready to hand in, and what is not; True when it is.

    Cells tagged `train` are not run. `timeout` is the longest time for one cell, in seconds. The notebook's file is
    not changed. Raises NotebookError when the file cannot be read or no Python kernel can be started.
    """
    out = out or sys.stdout
    notebook = read_notebook(path)
    failure = run_cells(notebook, timeout, progress or sys.stderr)
    faults, remarks = find_gaps(notebook)  # afterwards: the notebook may save its weights itself
    more_faults, more_remarks = surprises(notebook)  # and write its modules
    faults, remarks = [*faults, *more_faults], [*remarks, *more_remarks]
    if failure:
        faults.insert(0, failure)
    for line in [*faults, *remarks]:
        print(f"- {line}", file=out)
    if faults:
        one = len(faults) == 1
        print(f"\n{notebook.path.name}: not ready yet, {len(faults)} thing{'' if one else 's'} to do.", file=out)
    else:
        print(f"{notebook.path.name}: ready to hand in.", file=out)
    return not faults


def find_gaps(notebook: Notebook) -> tuple[list[str], list[str]]:
    """What is missing without running anything: (faults, remarks), one sentence each.

    Looks for written answers and code stubs as they were released, check cells that were changed, deleted or
    duplicated, and declared weights that are absent or too large. An optional cell left open is a remark.
    """
    faults, remarks = [], []
    for cell in notebook.cells:
        gap = ""
        if cell.is_unanswered:
            rest = f"it still says {ANSWER_PLACEHOLDER}" if cell.source.strip() else "it is empty"
            gap = f"{_where(cell)}: the written answer is missing ({rest})."
        elif cell.is_unfinished:
            rest = "it still raises NotImplementedError" if cell.source.strip() else "it is empty"
            gap = f"{_where(cell)}: the code is not finished ({rest})."
        if gap:
            (remarks if cell.is_optional else faults).append(gap + (" It is optional." if cell.is_optional else ""))
        if cell.was_changed:
            faults.append(
                f"{_where(cell)} was changed, but it belongs to the course. "
                "Copy it again from the notebook that you were given."
            )
    faults += _missing_or_double(notebook)
    for weights in notebook.weights():
        name = weights.path.name
        if not weights.path.is_file():
            faults.append(f"{name} is missing. Train, save the weights beside the notebook, and keep that name.")
        elif weights.path.stat().st_size > weights.max_mb * 1e6:
            size = weights.path.stat().st_size / 1e6
            faults.append(f"{name} has {size:.1f} MB; at most {weights.max_mb:g} MB are accepted.")
        elif weights.path.stat().st_size == 0:
            faults.append(f"{name} is empty. Save the weights again.")
    return faults, remarks


def run_cells(notebook: Notebook, timeout: int, progress: TextIO) -> str:
    """Run the code cells in order, in a fresh kernel and the notebook's folder, up to the first that fails.

    An optional cell may fail: the check of an optional exercise does, as long as that is open. Returns one sentence
    about the cell that failed, or an empty string. Raises NotebookError without a kernel.
    """
    # Here and in the kernel debugpy would warn of Python's frozen modules: four lines that mean nothing to a student.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        import nbformat
        from jupyter_client.kernelspec import NoSuchKernel
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    except ModuleNotFoundError as error:
        raise NotebookError(
            f"check runs the notebook and needs {error.name}, which is not installed here. "
            "Try: python -m pip install nbclient ipykernel"
        ) from None

    code = [cell for cell in notebook.cells if cell.kind == "code" and cell.source.strip()]
    to_run = [cell for cell in code if "train" not in cell.tags]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.source) for cell in to_run])
    client = NotebookClient(
        book,
        timeout=timeout,
        kernel_name="python3",
        allow_errors=False,
        extra_arguments=["--Application.log_level=40"],
        resources={"metadata": {"path": str(notebook.path.resolve().parent)}},
    )
    try:
        with client.setup_kernel():
            for index, cell in enumerate(to_run):
                _show_progress(progress, index + 1, len(to_run), cell)
                try:
                    client.execute_cell(book.cells[index], index)
                except CellExecutionError as error:
                    if cell.is_optional:
                        continue
                    return _failure(cell, error)
                except CellTimeoutError:
                    return f"{_where(cell)} ran longer than {timeout} seconds and was stopped."
                except DeadKernelError:
                    return f"{_where(cell)} ended the kernel (out of memory, or a call such as exit())."
    except (NoSuchKernel, ImportError, RuntimeError, OSError, asyncio.TimeoutError) as error:
        reason = clean(str(error)).split("\n")[0] or type(error).__name__
        raise NotebookError(f"No Python kernel could be started ({reason}). Try: pip install ipykernel") from None
    finally:
        _end_progress(progress)
    return ""


def _failure(cell: Cell, error: Exception) -> str:
    name = clean(str(getattr(error, "ename", "error")))
    value = clean(_ANSI.sub("", str(getattr(error, "evalue", "")))).strip()
    summary = f"{name}: {value.splitlines()[0][:200]}" if value else name
    arrow = _ARROW.search(_ANSI.sub("", str(getattr(error, "traceback", ""))))
    at = f", at its line {arrow[1]}: {arrow[2].strip()[:120]}" if arrow else ""
    return f"{_where(cell)} stops with {summary}{at}"


def _missing_or_double(notebook: Notebook) -> list[str]:
    faults = []
    present = [cell.grade_id for cell in notebook.cells if cell.grade_id]
    for name in sorted({name for name in present if present.count(name) > 1}):
        faults.append(f"The cell {name} is there {present.count(name)} times. Keep the one with your work.")
    released = notebook.course.get("cells")
    for name in released if isinstance(released, list) else []:
        if isinstance(name, str) and name not in present:
            faults.append(f"The cell {clean(name)} was deleted. Copy it again from the notebook that you were given.")
    return faults


def _where(cell: Cell) -> str:
    return f"Cell {cell.number}" + (f" ({cell.grade_id})" if cell.grade_id else "")


def _show_progress(progress: TextIO, number: int, total: int, cell: Cell) -> None:
    if progress.isatty():
        print(f"\r\x1b[KRunning code cell {number} of {total} …", end="", file=progress, flush=True)
    elif number == 1:
        print(f"Running {total} code cells in a fresh kernel …", file=progress, flush=True)


def _end_progress(progress: TextIO) -> None:
    if progress.isatty():
        print("\r\x1b[K", end="", file=progress, flush=True)
