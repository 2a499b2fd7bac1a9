"""Grade one notebook: repair it, run its cells in a student process, judge it from outside, write it up."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..course import Course
from ..errors import UserError
from ..judging.student import Student
from ..judging.verdict import Verdict
from ..sandbox.gone import StudentGone
from ..sandbox.inside.wire import WireError
from ..sandbox.process import StudentProcess, Zygote
from ..submissions.files import read_files
from ..submissions.notebook import SubmittedCell, read_notebook
from ..submissions.outputs import MAX_CELL_OUTPUT, clean_outputs
from ..submissions.released import ReleasedCell, ReleasedNotebook, released_notebooks
from ..submissions.repair import GradedCell, repair
from .elsewhere import differences
from .write_up import (
    UNDECIDED,
    _automatic_score,
    _error,
    _note_cell,
    _plain_test_outputs,
    _rubric_cell,
    _unchanged,
    _with_saved_figures,
    verdict_outputs,
)

SECONDS = ("start", "cells", "judge", "cells_cpu", "answers_cpu", "judge_cpu", "sandbox_cpu")  # see Result.seconds
MAX_RESTARTS = 4
MAX_ROUNDS = 20
MAX_ALL_OUTPUT = 16 * 2**20  # of all cells of a notebook together
NOT_RUN = "This cell was not run: the notebook had used up its time."
OUT_OF_TIME = "The checks of this notebook had used up their time. Does your code wait for something?"

# Things an exercise on gradients has no use for. Their presence is told to the instructor, nothing more.
SUSPICIOUS = {
    "ctypes": r"\bctypes\b",
    "stack frames": r"\b_getframe\b|\bcurrentframe\b|\bf_back\b|\bgc\.get_(objects|referrers)\b",
    "processes": r"\bos\.(fork|kill|exec\w*|system|popen|setsid)\b|\bsubprocess\b|\bmultiprocessing\b",
    "sockets": r"\bimport socket\b|\bfrom socket\b|\bsocket\.socket\b|\burllib\b|\brequests\.(get|post)\b",
    "files outside the notebook": r"/proc/|/etc/|gradebook\.db|\.\./\.\./",
    "the autograder": r"\bautograder\b|\binside\.(probe|wire|shell|zygote)\b|\bnbgrader\b",
    "the course's own marks": r"###? ?(BEGIN|END) (SOLUTION|HIDDEN TESTS)|\bfrom autograder import\b",
    "patched builtins or numpy": r"\b(builtins|__builtins__)\.\w{1,40} {0,9}=|"
    r"\bnp\.(testing|allclose|array_equal)[\w.]{0,40} {0,9}=[^=]",
}


@dataclass(frozen=True)
class Seconds:
    """How long one notebook may take: one cell, one request of the judge, all cells and then all checks together.

    Seconds in which a process waits for a processor that others have are not counted, up to `most` by the clock.
    """

    cell: float = 30.0
    request: float = 10.0
    notebook: float = 240.0

    @property
    def most(self) -> float:
        """All of it together, whatever happens: grading a second time included."""
        return 2.5 * self.notebook


@dataclass
class Result:
    """What grading one notebook gave.

    scores     : grade_id -> points by the autograder, None where a person has to grade
    points     : grade_id -> what the cell is worth
    plain      : grade_id of each plain nbgrader test -> whether it raised an error
    unanswered : grade_ids of solution cells that are as they were released
    verdicts   : grade_id -> the judge's verdict, for cells with a registered check
    problems   : sentences for the student: what was damaged and how it was mended
    suspicions : sentences for the instructor only
    faults     : sentences about checks that failed themselves, so that a person has to grade
    notebook   : the autograded notebook, nbformat 4.5
    starved    : a process got too little of the processor, so what it did not finish says nothing about the work
    seconds    : where the time went: start, cells, judge (by the clock); in processor time cells_cpu, answers_cpu (the
                 student's code called by the judge), judge_cpu, and sandbox_cpu, all processes in the sandbox
    """

    section: str
    name: str
    scores: dict[str, float | None] = field(default_factory=dict)
    points: dict[str, float] = field(default_factory=dict)
    plain: dict[str, bool] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    suspicions: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notebook: dict[str, Any] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    starved: bool = False

    @property
    def score(self) -> float:
        """The sum of the points that need no person."""
        return sum(score or 0.0 for score in self.scores.values())


class Grader:
    """Grades notebooks one after the other with zygotes of its own.

    confined : False runs submissions without bubblewrap; only for submissions that are trusted
    salt     : text that makes the random inputs this course's own
    """

    def __init__(self, *, confined: bool = True, salt: str = "", seconds: Seconds | None = None):
        self.confined, self.salt, self.seconds = confined, salt, seconds or Seconds()
        self._zygote: dict[bool, Zygote] = {}

    def zygote(self, torch: bool) -> Zygote:
        if torch not in self._zygote:
            self._zygote[torch] = Zygote(torch=torch, confined=self.confined).start()
        return self._zygote[torch]

    def clone(self) -> Grader:
        """A grader for another worker process, whose zygotes are forks of those that this one has started."""
        twin = Grader(confined=self.confined, salt=self.salt, seconds=self.seconds)
        for torch, zygote in self._zygote.items():
            with contextlib.suppress(OSError, EOFError, WireError):  # dead: the twin starts its own
                twin._zygote[torch] = zygote.clone()
        return twin

    def grade(
        self,
        template: ReleasedNotebook,
        cells: Sequence[SubmittedCell],
        files: dict[str, bytes] | None = None,
        problems: Sequence[str] = (),
    ) -> Result:
        """Grade the cells of one submitted notebook. Never raises for anything in them.

        A notebook whose process died is graded a second time, and that counts: memory may have been short, or somebody
        may have killed it from outside. One that dies by its own doing does so again.
        """
        files = {**(files or {}), **template.files}  # what the course gave out is as it was given
        until = time.monotonic() + self.seconds.most
        run = _Run(self, template, cells, files, problems)
        result = run.result()
        return _Run(self, template, cells, files, problems).result() if run.died else result

    def close(self) -> None:
        for zygote in self._zygote.values():
            zygote.stop()
        self._zygote.clear()

    def __enter__(self) -> Grader:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def grade_notebook(
    path: Path | str, section: str, *, course: Course | None = None, grader: Grader | None = None
) -> Result:
    """Grade one notebook file, with no gradebook and no course tree around it.

    path    : the submitted notebook; files beside it (trained weights, images) are seen by its cells
    section : e.g. "02-sums"; a section with several notebooks is told apart by the file's name
    course  : where release/ and source/ are; by default the course that the working folder lies in
    grader  : to grade many notebooks with the same zygotes

    Returns the Result. Raises UserError when the section does not exist or the sandbox can't be started,
    never for what is in the file.
    """
    path = Path(path)
    if not path.exists():
        raise UserError(f"{path} does not exist.")
    known = released_notebooks(course or Course.find(), section)
    template = known.get(path.stem) or (next(iter(known.values())) if len(known) == 1 else None)
    if template is None:
        raise UserError(f"{path.name}: section {section} has the notebooks {', '.join(known)}; rename the file to one.")
    cells, problems = read_notebook(path)
    files, more = read_files(path.parent)
    with contextlib.ExitStack() as stack:
        grader = grader or stack.enter_context(Grader())
        return grader.grade(template, cells, files, [*problems, *more])


class _Run:
    """One notebook on its way through a student process."""

    def __init__(
        self, grader: Grader, template: ReleasedNotebook, cells: Sequence[SubmittedCell], files, problems: Sequence[str]
    ):
        self.grader, self.template, self.files = grader, template, files
        self.written_with = getattr(cells, "python", "")
        repaired = repair(template, cells)
        self.cells = repaired.cells
        self.problems = [*problems, *repaired.problems]
        self.outputs: dict[int, list[dict[str, Any]]] = {}  # index of the cell -> outputs of this run
        self.deadly: set[int] = set()  # cells that the process did not survive
        self.mended: set[int] = set()  # cells of the release that were run as released as well
        self.shows_too = False  # whether unchanged cells that only show something run as well
        self.process: StudentProcess | None = None
        self.died = False  # whether a process of it ended by itself or by somebody else's hand
        self.restarts = 0
        self.revealed = False  # whether the process that runs now has been shown reference code
        self.missed_name = False  # whether an answer used a name that no cell has defined
        self.seconds = dict.fromkeys(SECONDS, 0.0)
        self.room = 0  # bytes of output that may still be kept
        self.deadline = time.monotonic() + grader.seconds.notebook
        self.judged_until: float | None = None  # set when the first check begins

    def result(self) -> Result:
        result = Result(self.template.section, self.template.name, problems=self.problems, seconds=self.seconds)
        try:
            self.run_cells()
            result.verdicts = self.judge()
            if not self.shows_too and self.missed_name:
                # An answer may use a name from a cell that only shows something: judge again with those.
                self.shows_too = True
                self.close()
                self.run_cells()
                result.verdicts = self.judge()
        finally:
            self.close()
        if not all(verdict.full for verdict in result.verdicts.values()):
            self.problems += differences(self.cells, self.outputs, self.written_with)
        result.suspicions = self.suspicions()
        for grade_id, verdict in result.verdicts.items():
            result.suspicions += [f"{grade_id} could not compare an answer ({doubt})" for doubt in verdict.doubts]
        result.faults = [verdict.problem for verdict in result.verdicts.values() if verdict.problem]
        cells = self.written(result.verdicts)
        self.score(cells, result)
        result.notebook = self.write_up(cells, result.problems)
        return result

    # -- running ----------------------------------------------------------------------------------------------------

    def runs(self, index: int) -> bool:
        """Whether the cell runs when grading: code that is neither a judged test nor a long training.

        A cell of the release that only shows something keeps its saved output, unless it was edited.
        """
        item = self.cells[index]
        wanted = item.template
        if item.cell_type != "code" or item.idle or index in self.deadly:
            return False
        if wanted is None:
            return True
        if wanted.only_shows and not self.shows_too and item.source == wanted.release:
            return False
        return not (wanted.trains or (wanted.is_test and wanted.check is not None))

    def run_cells(self) -> None:
        self.room = MAX_ALL_OUTPUT
        self.open()
        failed = [i for i in range(len(self.cells)) if self.runs(i) and not self.run_cell(i)]
        for index in failed:
            if not _unknown_name(self.outputs[index]):
                self.run_as_released(index)
        # A cell that stood before the definitions it needs gets another chance behind them.
        waiting = [index for index in failed if _unknown_name(self.outputs[index])]
        for _ in range(MAX_ROUNDS):
            still = [i for i in waiting if self.process is None or i in self.deadly or not self.run_cell(i)]
            if len(still) in (0, len(waiting)):
                break
            waiting = still

    def run_as_released(self, index: int) -> None:
        """Run the released text of a cell that carries no answer and fails as it was edited: others may need it."""
        item = self.cells[index]
        wanted = item.template
        if wanted is None or wanted.grade_id or wanted.trains or wanted.only_shows or item.source == wanted.release:
            return
        if self.process is None or index in self.deadly:
            return
        try:
            self.process.run_cell(wanted.release, index, self.grader.seconds.cell)
        except StudentGone:
            self.reopen(len(self.cells))
            return
        if index not in self.mended:
            self.mended.add(index)
            start = repr((wanted.release.strip().splitlines() or [""])[0][:60])
            self.problems.append(f"The cell that starts with {start} fails; it was run as released as well.")

    def run_cell(self, index: int) -> bool:
        item = self.cells[index]
        source = item.source
        if item.template is not None and item.template.is_plain_test:
            source = item.template.source
        left = self.deadline - time.monotonic()
        if self.process is None or left <= 0:
            self.outputs[index] = [_error("NotRun", NOT_RUN)]
            return False
        start = time.monotonic()
        try:
            done = self.process.run_cell(source, index, min(left, self.grader.seconds.cell))
        except StudentGone as gone:
            self.outputs[index] = [_error("Stopped", str(gone))]
            self.deadly.add(index)
            self.reopen(index)
            return False
        finally:
            self.seconds["cells"] += time.monotonic() - start
        self.seconds["cells_cpu"] += done.cpu
        self.outputs[index] = clean_outputs(done.outputs, min(MAX_CELL_OUTPUT, max(0, self.room)))
        self.room -= len(json.dumps(self.outputs[index]))
        if item.template is not None and item.template.is_plain_test:
            self.outputs[index] = _plain_test_outputs(done, self.outputs[index], item.template.points)
        return done.ok

    def open(self) -> None:
        start = time.monotonic()
        self.process, self.revealed = self.grader.zygote(self.template.torch).open(self.files), False
        self.seconds["start"] += time.monotonic() - start

    def reopen(self, upto: int) -> None:
        """A new process with the cells before `upto` run again, without those that killed an earlier one."""
        self.close()
        self.restarts += 1
        deadline = self.judged_until or self.deadline
        if self.restarts > MAX_RESTARTS or time.monotonic() > deadline:
            return
        self.open()
        for index in range(upto):
            if self.runs(index) and index in self.outputs:
                left = min(self.grader.seconds.cell, deadline - time.monotonic())
                if left <= 0:
                    self.close()
                    return
                try:
                    self.process.run_cell(self.cells[index].source, index, left)
                    if index in self.mended:
                        self.process.run_cell(self.cells[index].template.release, index, left)
                except StudentGone:
                    self.deadly.add(index)
                    self.reopen(upto)
                    return

    def close(self) -> None:
        if self.process is not None:
            self.seconds["answers_cpu"] += self.process.answers_cpu() if self.process.alive else 0.0
            self.process.end()
            self.died |= self.process.died
            cpu = self.process.usage.get("cpu")
            self.seconds["sandbox_cpu"] += cpu if isinstance(cpu, float) else 0.0
            self.process = None

    # -- judging ----------------------------------------------------------------------------------------------------

    def judge(self) -> dict[str, Verdict]:
        """The verdict of every registered check. Those that show reference code to the process come last."""
        checks = [cell.check for cell in self.template.cells if cell.check is not None]
        verdicts = {}
        self.judged_until = self.judged_until or time.monotonic() + self.grader.seconds.notebook
        for check in sorted(checks, key=lambda check: check.reveals):
            if self.process is None or not self.process.alive:
                self.reopen(len(self.cells))
            start, cpu = time.monotonic(), time.process_time()
            student = Student(self.ask, self.revealed)
            verdicts[check.grade_id] = check.judge(student, self.grader.salt)
            self.revealed, self.missed_name = student.revealed, self.missed_name or student.missed_name
            self.seconds["judge"] += time.monotonic() - start
            self.seconds["judge_cpu"] += time.process_time() - cpu
        return verdicts

    def ask(self, request: dict[str, Any]) -> Any:
        """Send one request of the judge, within the time that all checks of the notebook have together."""
        left = self.judged_until - time.monotonic()
        if self.process is None:
            raise StudentGone("The notebook's process ended too often to be started again.", "died")
        if left <= 0:
            raise StudentGone(OUT_OF_TIME, "time")
        return self.process.send(request, min(self.grader.seconds.request, left))

    def suspicions(self) -> list[str]:
        # A test is what the release says, whatever was handed in as one: that counts here and is never run.
        text = "\n".join(item.cell.source for item in self.cells if item.cell)
        return [f"uses {what}" for what, pattern in SUSPICIOUS.items() if re.search(pattern, text)]

    # -- the autograded notebook --------------------------------------------------------------------------------------

    def written(self, verdicts: dict[str, Verdict]) -> list[dict[str, Any]]:
        """The cells as they stand in the autograded notebook, each with what this run or the judge put below it."""
        cells, used = [], {"problems"}
        for index, item in enumerate(self.cells):
            cell = self._written(index, item, used)
            if item.template is not None and item.template.check is not None:
                verdict = verdicts[item.template.grade_id]
                cell["outputs"] = verdict_outputs(verdict)
                if verdict.problem:
                    cell["metadata"] |= UNDECIDED
            cells.append(cell)
        return cells

    def _written(self, index: int, item: GradedCell, used: set[str]) -> dict[str, Any]:
        wanted = item.template
        metadata = {"nbgrader": dict(wanted.nbgrader)} if wanted is not None and wanted.grade_id else {}
        if wanted is not None and wanted.metadata.get("tags"):
            metadata["tags"] = list(wanted.metadata["tags"])
        cell_id = wanted.id if wanted is not None and wanted.id not in used else f"added-{index}"
        used.add(cell_id)
        cell = {"cell_type": item.cell_type, "id": cell_id, "metadata": metadata, "source": item.source}
        if item.cell_type == "code":
            saved = item.cell.outputs if item.cell is not None else []
            fresh = self.outputs.get(index)
            cell["outputs"] = saved if fresh is None else _with_saved_figures(fresh, saved)
            cell["execution_count"] = None
        elif item.cell is not None and item.cell.attachments:
            cell["attachments"] = item.cell.attachments
        return cell

    def score(self, cells: Sequence[dict[str, Any]], result: Result) -> None:
        """Put the points of every grade cell into the result, and which solution cells are as they were released."""
        for item, cell in zip(self.cells, cells, strict=True):
            wanted = item.template
            if wanted is not None and wanted.is_grade:
                result.points[wanted.grade_id] = wanted.points
                if wanted.is_plain_test:
                    result.plain[wanted.grade_id] = any(out["output_type"] == "error" for out in cell["outputs"])
            if wanted is not None and wanted.check is not None:
                verdict = result.verdicts[wanted.grade_id]
                # After a fault of ours a person decides, whatever the parts before it came to.
                result.scores[wanted.grade_id] = None if verdict.problem else verdict.score
            elif wanted is not None and wanted.is_grade:
                result.scores[wanted.grade_id] = _automatic_score(cell)
            if wanted is not None and wanted.is_solution and _unchanged(cell, wanted):
                result.unanswered.append(wanted.grade_id)

    def write_up(self, cells: Sequence[dict[str, Any]], problems: Sequence[str]) -> dict[str, Any]:
        """The autograded notebook: the cells, what was mended in front of them, a rubric before each written answer."""
        everything = [_note_cell(problems)] if problems else []
        for item, cell in zip(self.cells, cells, strict=True):
            wanted = item.template
            if wanted is not None and wanted.is_grade and wanted.is_solution:
                everything.append(_rubric_cell(wanted))
            everything.append(cell)
        metadata = {
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "backprop": {"section": self.template.section},
        }
        return {"cells": everything, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _unknown_name(outputs: list[dict[str, Any]]) -> bool:
    return any(output.get("ename") == "NameError" for output in outputs)


__all__ = ["Grader", "Result", "Seconds", "ReleasedCell", "grade_notebook", "verdict_outputs"]
