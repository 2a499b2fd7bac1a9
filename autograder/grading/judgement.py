"""The checks of one notebook, asked of its process."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

from ..judging.check import Check
from ..judging.student import Student
from ..judging.verdict import Verdict
from ..sandbox.gone import StudentGone
from ..sandbox.process import StudentProcess
from ..submissions.released import ReleasedNotebook
from .execution import Execution

OUT_OF_TIME = "The checks of this notebook had used up their time. Does your code wait for something?"
ENDED = "The notebook's process ended too often to be started again."
TOO_BUSY = "the answer got too little of the processor to finish; the computer had too much to do. Grade it again"


class Judgement:
    """What the judge asks of one notebook and finds.

    missed_name : an answer used a name that no cell has defined
    starved     : the checks that a process got too little of the processor to answer
    """

    def __init__(self, template: ReleasedNotebook, execution: Execution, salt: str):
        self.template, self.execution, self.salt = template, execution, salt
        self.missed_name = False
        self.starved: set[str] = set()
        self._check: Check | None = None
        self._revealed_to = 0  # the process, counted from 1, that has been shown reference code

    def verdicts(self) -> dict[str, Verdict]:
        """The verdict of every registered check. Those that show reference code to the process come last."""
        checks = [cell.check for cell in self.template.cells if cell.check is not None]
        verdicts, seconds = {}, self.execution.seconds
        self.starved.clear()
        for check in sorted(checks, key=lambda check: check.reveals):
            self._check = check
            self.execution.ready()
            start, cpu = time.monotonic(), time.process_time()
            student = Student(self.ask, self.ask_all, revealed=self._revealed_to == self.execution.opened)
            verdict = check.judge(student, self.salt)
            if student.revealed:
                self._revealed_to = self.execution.opened
            self.missed_name |= student.missed_name
            if check.name in self.starved:
                verdict = dataclasses.replace(verdict, problem=f"{check.name}: {TOO_BUSY}")
            verdicts[check.grade_id] = verdict
            seconds["judge"] += time.monotonic() - start
            seconds["judge_cpu"] += time.process_time() - cpu
        return verdicts

    def ask(self, request: dict[str, Any]) -> Any:
        """Send one request of the judge, within the time that all checks of the notebook have together."""
        return self._within_time(lambda process: process.send(request, self._seconds()))

    def ask_all(self, requests: Sequence[dict[str, Any]], linked: bool) -> list[Any]:
        """Send requests in one message; each has the time that it would have by itself."""
        replies = self._within_time(lambda process: process.send_all(requests, linked, self._seconds))
        if self.execution.left <= 0:
            raise StudentGone(OUT_OF_TIME, "time")
        return replies

    def _seconds(self) -> float:
        """How long the next request may take; what stands behind one that used up all the time is interrupted."""
        return max(min(self.execution.limits.request, self.execution.left), 0.01)

    def _within_time(self, what: Callable[[StudentProcess], Any]) -> Any:
        if self.execution.process is None:
            raise StudentGone(ENDED, "died")
        if self.execution.left <= 0:
            raise StudentGone(OUT_OF_TIME, "time")
        try:
            return what(self.execution.process)
        except StudentGone as gone:
            if gone.mistake.family == "starved":
                self.starved.add(self._check.name)
            raise
