"""The cells of one notebook, run in a student process that may die and is started again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..sandbox.gone import StudentGone
from ..sandbox.process import StudentProcess
from ..submissions.outputs import MAX_CELL_OUTPUT, clean_outputs
from ..submissions.repair import GradedCell
from .write_up import _error, _plain_test_outputs

MAX_RESTARTS = 4
MAX_ROUNDS = 20
MAX_ALL_OUTPUT = 16 * 2**20  # of all cells of a notebook together
NOT_RUN = "This cell was not run: the notebook had used up its time."
# Where the time goes, see `notebook.Result.seconds`.
SECONDS = ("start", "cells", "judge", "cells_cpu", "answers_cpu", "judge_cpu", "sandbox_cpu")


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


class Execution:
    """One notebook's cells in a student process.

    outputs : index of a cell -> its outputs of this run
    deadly  : cells that the process did not survive
    mended  : cells of the release that were run as released as well
    opened  : how many processes there have been
    died    : one of them ended by itself, or by somebody else's hand
    starved : a cell got too little of the processor to finish
    """

    def __init__(
        self,
        cells: Sequence[GradedCell],
        open_process: Callable[[], StudentProcess],
        limits: Seconds,
        until: float,
        problems: list[str],
    ):
        """until : the end of everything, by time.monotonic(); problems : sentences for the student are added here"""
        self.cells, self.open_process, self.limits, self.until = cells, open_process, limits, until
        self.problems = problems
        self.outputs: dict[int, list[dict[str, Any]]] = {}
        self.deadly: set[int] = set()
        self.mended: set[int] = set()
        self.shows_too = False  # whether unchanged cells that only show something run as well
        self.process: StudentProcess | None = None
        self.opened = 0
        self.died = self.starved = False
        self.seconds = dict.fromkeys(SECONDS, 0.0)
        self._waited = 0.0  # seconds that processes which have ended waited for the processor
        self._room = 0  # bytes of output that may still be kept
        self._stage = time.monotonic(), 0.0  # when it began, and how long processes had waited then

    # -- time -------------------------------------------------------------------------------------------------------

    @property
    def waited(self) -> float:
        return self._waited + (self.process.waited if self.process is not None else 0.0)

    def begin_stage(self) -> None:
        """From now on, all that is done together may take `limits.notebook`."""
        self._stage = time.monotonic(), self.waited

    @property
    def left(self) -> float:
        """Seconds left to this stage: waiting for the processor is not counted, but there is an end to everything."""
        now, (start, waited) = time.monotonic(), self._stage
        return min(self.limits.notebook - (now - start) + (self.waited - waited), self.until - now)

    # -- cells ------------------------------------------------------------------------------------------------------

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
        self._room = MAX_ALL_OUTPUT
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
            self.process.run_cell(wanted.release, index, self.limits.cell)
        except StudentGone:
            self.reopen(len(self.cells))
            return
        if index not in self.mended:
            self.mended.add(index)
            start = repr((wanted.release.strip().splitlines() or [""])[0][:60])
            self.problems.append(f"The cell that starts with {start} fails; it was run as released as well.")

    def run_cell(self, index: int) -> bool:
        """Run a cell and keep its outputs; return whether it ran to its end without an error."""
        item = self.cells[index]
        source = item.source
        if item.template is not None and item.template.is_plain_test:
            source = item.template.source
        left = self.left
        if self.process is None or left <= 0:
            self.outputs[index] = [_error("NotRun", NOT_RUN)]
            return False
        start = time.monotonic()
        try:
            done = self.process.run_cell(source, index, min(left, self.limits.cell))
        except StudentGone as gone:
            self.outputs[index] = [_error("Stopped", str(gone))]
            self.starved |= gone.mistake.family == "starved"
            self.deadly.add(index)
            self.reopen(index)
            return False
        finally:
            self.seconds["cells"] += time.monotonic() - start
        self.seconds["cells_cpu"] += done.cpu
        self.outputs[index] = clean_outputs(done.outputs, min(MAX_CELL_OUTPUT, max(0, self._room)))
        self._room -= len(json.dumps(self.outputs[index]))
        if item.template is not None and item.template.is_plain_test:
            self.outputs[index] = _plain_test_outputs(done, self.outputs[index], item.template.points)
        return done.ok

    # -- the process ------------------------------------------------------------------------------------------------

    def open(self) -> None:
        start = time.monotonic()
        self.process = self.open_process()
        self.process.until = self.until
        self.opened += 1
        self.seconds["start"] += time.monotonic() - start

    def ready(self) -> bool:
        """Whether there is a process that can be asked; one that has ended is started again, with its cells."""
        if self.process is None or not self.process.alive:
            self.reopen(len(self.cells))
        return self.process is not None

    def reopen(self, upto: int) -> None:
        """A new process with the cells before `upto` run again, without those that killed an earlier one."""
        self.close()
        if self.opened > MAX_RESTARTS or self.left <= 0:
            return
        self.open()
        for index in range(upto):
            if self.runs(index) and index in self.outputs:
                left = min(self.limits.cell, self.left)
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
            self._waited += self.process.waited
            cpu = self.process.usage.get("cpu")
            self.seconds["sandbox_cpu"] += cpu if isinstance(cpu, float) else 0.0
            self.process = None


def _unknown_name(outputs: list[dict[str, Any]]) -> bool:
    return any(output.get("ename") == "NameError" for output in outputs)
