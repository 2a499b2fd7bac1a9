"""The instructors' own solutions, tried before anybody else's: do they pass, and can each check be run at all?

A check that raises, whose parts do not add up, or that cannot be passed costs a whole class its points. Both are found
by what is there anyway, the source notebook with its solutions.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import nbformat

from backprop.files import write_atomically

from ..course import Course
from ..errors import CourseError
from ..gradebook.result import Result, SubmissionResult
from ..judging.load import files_of
from ..sandbox.gone import StudentGone
from ..submissions.find import Submission
from ..submissions.notebook import SubmittedCell
from ..submissions.released import ReleasedCell, ReleasedNotebook, template_of
from .keys import code_digest
from .notebook import Grader

MOST_FAULTS = 10
KERNEL_SECONDS = 300
_SHELL = re.compile(r"^\s*(!|%%(bash|sh|script|writefile)\b|%(pip|conda|cd|run)\b)", re.MULTILINE)


def can_run() -> bool:
    """Whether notebooks can be run on this machine: the processes that run them need Linux."""
    return sys.platform.startswith("linux")


# -- before a release -----------------------------------------------------------------------------------------------


def try_solutions(
    course: Course,
    files: Mapping[Path, bytes],
    progress: Callable[[int, int, str], None] = lambda done, total, name: None,
) -> list[str]:
    """Run the source notebooks among `files`, which need not be written yet; return a sentence for each thing wrong.

    Every cell runs but those tagged `train`, also the visible checks; then the hidden ones judge. Checks of weights,
    which only training makes, are left out. What passed is noted, and not run again before something of it changes.

    files    : path -> content, as `release.build` makes them
    progress : called with (done, total, section) after each section
    """
    by_section: dict[str, dict[Path, bytes]] = {}
    for path, content in files.items():
        if path.is_relative_to(course.source) or path.is_relative_to(course.release):
            by_section.setdefault(path.parts[len(course.source.parts)], {})[path] = content
    wrong = []
    # The instructors' own code runs as it would in their own kernel, and is judged as a submission will be.
    with Grader(confined=False) as free, Grader(confined=shutil.which("bwrap") is not None) as walled:
        for done, (section, content) in enumerate(sorted(by_section.items()), 1):
            note, digest = course.state / "tried" / f"{section}.txt", _digest(course, content)
            if not (note.is_file() and note.read_text(encoding="utf-8", errors="replace") == digest):
                found = [text for one in _notebooks(course, section, content) for text in _try(one, free, walled)]
                wrong += found
                if not found:
                    write_atomically(note, digest.encode())
            progress(done, len(by_section), section)
    return wrong


def _digest(course: Course, content: Mapping[Path, bytes]) -> str:
    digest = hashlib.sha256(code_digest().encode())
    for name, data in files_of(course.checks).items():
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    for path, data in sorted(content.items()):
        digest.update(f"{course.shown(path)}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def _notebooks(course: Course, section: str, content: Mapping[Path, bytes]) -> Iterable[ReleasedNotebook]:
    released = course.release / section
    others = {
        path.relative_to(released).as_posix(): data for path, data in content.items() if path.is_relative_to(released)
    }
    for path, data in content.items():
        if path.parent == released and path.suffix == ".ipynb":
            source = nbformat.reads(content[course.source / section / path.name].decode(), as_version=4)
            one = template_of(course.checks, section, path.stem, nbformat.reads(data.decode(), as_version=4), source)
            one.files.update({name: data for name, data in others.items() if not name.endswith(".ipynb")})
            yield one


def _try(notebook: ReleasedNotebook, free: Grader, walled: Grader) -> list[str]:
    """Sentences about the cells that fail and the hidden tests that are not passed, in the order of the notebook."""
    needs_kernel = any(_SHELL.search(cell.source) for cell in notebook.cells if cell.cell_type == "code")
    failed = _run_in_kernel(notebook) if needs_kernel else _run(notebook, free)
    result = _judged(notebook, walled)
    for number, cell in enumerate(notebook.cells, 1):
        said = _not_passed(cell, result)
        if said and number not in failed:
            failed[number] = said
    where = f"notebooks/{notebook.section}/{notebook.name}.py"
    return [
        f"{where}, cell {number}{_named(notebook.cells[number - 1])}: {text}" for number, text in sorted(failed.items())
    ]


def _run(notebook: ReleasedNotebook, grader: Grader) -> dict[int, str]:
    """Run the cells in a fork of a warm process; return number of the cell, from 1 -> how it failed."""
    failed: dict[int, str] = {}
    process = grader.zygote(notebook.torch).open(given=notebook.files)
    try:
        for number, cell in enumerate(notebook.cells, 1):
            if _runs(cell):
                done = process.run_cell(_visible(cell), number, grader.seconds.notebook)
                if not done.ok and "raises-exception" not in cell.metadata.get("tags", []):
                    failed[number] = _error_of(done.outputs)
    except StudentGone as gone:
        failed[number] = str(gone)
    finally:
        process.end()
    return failed


def _run_in_kernel(notebook: ReleasedNotebook) -> dict[int, str]:
    """As `_run`, for a notebook with shell commands, which a real kernel has to run."""
    from nbclient import NotebookClient

    numbers = [number for number, cell in enumerate(notebook.cells, 1) if _runs(cell)]
    cells = [nbformat.v4.new_code_cell(_visible(notebook.cells[number - 1])) for number in numbers]
    quiet = ["--log-level=ERROR"]
    with tempfile.TemporaryDirectory() as folder:
        for name, content in notebook.files.items():
            Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
            Path(folder, name).write_bytes(content)
        ran = nbformat.v4.new_notebook(cells=cells)
        NotebookClient(
            ran,
            timeout=KERNEL_SECONDS,
            kernel_name="python3",
            extra_arguments=quiet,
            allow_errors=True,
            resources={"metadata": {"path": folder}},
        ).execute()
    failed = {}
    for number, cell in zip(numbers, ran.cells, strict=True):
        wrong = any(output.output_type == "error" for output in cell.outputs)
        if wrong and "raises-exception" not in notebook.cells[number - 1].metadata.get("tags", []):
            failed[number] = _error_of(cell.outputs)
    return failed


def _runs(cell: ReleasedCell) -> bool:
    return cell.cell_type == "code" and not cell.trains and not (cell.check is not None and cell.check.weights)


def _visible(cell: ReleasedCell) -> str:
    """What runs of a cell: its solution, and of a test that has a check what students see of it."""
    return cell.release if cell.check is not None else cell.source


def _judged(notebook: ReleasedNotebook, grader: Grader) -> Result:
    cells = [
        SubmittedCell(cell.cell_type, cell.source, {"nbgrader": dict(cell.nbgrader), **cell.metadata}, [], cell.id)
        for cell in notebook.cells
    ]
    return grader.grade(notebook, cells)


def _not_passed(cell: ReleasedCell, result: Result) -> str:
    """Why the solution did not get all points of a test, "" where it did."""
    if not cell.is_test or cell.cell_type != "code" or (cell.check is not None and cell.check.weights):
        return ""
    verdict = result.verdicts.get(cell.grade_id)
    if verdict is not None and verdict.problem:
        return f"the check cannot be run. {verdict.problem}"
    if verdict is not None:
        return "" if verdict.full else f"the solution does not pass its hidden test: {_one_line(verdict.text)}"
    score = result.scores.get(cell.grade_id)
    if score is None or score >= cell.points - 1e-9:
        return ""
    return f"the solution gets {score:g} of {cell.points:g} points of its hidden test."


def _error_of(outputs: Sequence[dict]) -> str:
    for output in outputs:
        if output.get("output_type") == "error":
            return _one_line(f"it fails: {output.get('ename')}: {output.get('evalue')}")
    return "it fails."


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:300]}…"


def _named(cell: ReleasedCell) -> str:
    return f" ({cell.grade_id})" if cell.grade_id else ""


# -- before a class is graded ---------------------------------------------------------------------------------------


class Trials:
    """The solutions of sections, to be graded like submissions before those of a class."""

    def __init__(self, course: Course, bases: Mapping[str, str]):
        """bases : section -> the hash of what decides a result of it, see `keys.section_base`"""
        self.folder, self.bases = course.state / "checked", bases
        self.waiting = [
            Submission("the solution", section, course.source / section, base)
            for section, base in sorted(bases.items())
            if not self._noted(section)
        ]

    def _noted(self, section: str) -> bool:
        try:
            return json.loads((self.folder / f"{section}.json").read_bytes()) == self.bases[section]
        except (OSError, ValueError):
            return False

    def finish(self, results: Iterable[SubmissionResult]) -> None:
        """Note the sections whose checks could all be run. Raises CourseError, naming file and line, for the others."""
        faults = []
        for result in results:
            faults += result.faults
            if not result.faults:
                base = self.bases[result.section]
                write_atomically(self.folder / f"{result.section}.json", json.dumps(base).encode())
        if faults:
            more = [f"… and {len(faults) - MOST_FAULTS} more."] if len(faults) > MOST_FAULTS else []
            text = "Nothing was graded: a check cannot be run even on the solution."
            raise CourseError("\n".join([text, *(f"  {fault}" for fault in faults[:MOST_FAULTS]), *more]))
