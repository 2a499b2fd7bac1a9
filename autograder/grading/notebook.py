"""Grade one notebook: repair it, run its cells in a student process, judge it from outside, write it up."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..course import Course
from ..errors import UserError
from ..gradebook.result import Result
from ..judging.verdict import Verdict
from ..sandbox.inside.wire import WireError
from ..sandbox.process import StudentProcess, Zygote
from ..submissions.files import read_files
from ..submissions.notebook import SubmittedCell, read_notebook
from ..submissions.released import ReleasedCell, ReleasedNotebook, released_notebooks
from ..submissions.repair import GradedCell, repair
from .elsewhere import differences
from .execution import MAX_ALL_OUTPUT, NOT_RUN, Execution, Seconds
from .judgement import OUT_OF_TIME, Judgement
from .write_up import _automatic_score, _unchanged, verdict_outputs, write_up, written_cells

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


def _scores(
    cells: Sequence[GradedCell], written: Sequence[dict[str, Any]], verdicts: dict[str, Verdict]
) -> dict[str, Any]:
    """What the grade cells of a notebook came to: `scores`, `points`, `failed` and `unanswered` of a Result."""
    scores, points, failed, unanswered = {}, {}, {}, []
    for item, cell in zip(cells, written, strict=True):
        wanted = item.template
        if wanted is None:
            continue
        if wanted.is_grade:
            points[wanted.grade_id] = wanted.points
            if wanted.is_plain_test:
                failed[wanted.grade_id] = any(out["output_type"] == "error" for out in cell["outputs"])
        if wanted.check is not None:
            verdict = verdicts[wanted.grade_id]
            # After a fault of ours a person decides, whatever the parts before it came to.
            scores[wanted.grade_id] = None if verdict.problem else verdict.score
        elif wanted.is_grade:
            scores[wanted.grade_id] = _automatic_score(cell)
        if wanted.is_solution and _unchanged(cell, wanted):
            unanswered.append(wanted.grade_id)
    return {"scores": scores, "points": points, "failed": failed, "unanswered": tuple(unanswered)}


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
        files = _beside(files or {}, template.files)
        self.zygote(template.torch)  # loading the libraries is not this notebook's time
        until = time.monotonic() + self.seconds.most
        result, died = self._grade(template, cells, files, problems, until)
        return self._grade(template, cells, files, problems, until)[0] if died else result

    def _grade(
        self,
        template: ReleasedNotebook,
        submitted: Sequence[SubmittedCell],
        files: dict[str, bytes],
        problems: Sequence[str],
        until: float,
    ) -> tuple[Result, bool]:
        """The result, and whether a process died. until : the end of everything, by time.monotonic()"""
        repaired = repair(template, submitted)
        cells, said = repaired.cells, [*problems, *repaired.problems]

        def start() -> StudentProcess:
            return self.zygote(template.torch).open(files, template.files)

        execution = Execution(cells, start, self.seconds, until, said)
        judgement = Judgement(template, execution, self.salt)
        try:
            execution.run_cells()
            execution.begin_stage()
            verdicts = judgement.verdicts()
            if judgement.missed_name:
                # An answer may use a name from a cell that only shows something: judge again with those.
                execution.shows_too = True
                execution.close()
                execution.run_cells()
                verdicts = judgement.verdicts()
        finally:
            execution.close()
        if not all(verdict.full for verdict in verdicts.values()):
            # What may have cost points stands before what was mended.
            said = [*differences(cells, execution.outputs, getattr(submitted, "python", "")), *said]
        written = written_cells(cells, execution.outputs, verdicts)
        result = Result(
            template.section,
            template.name,
            **_scores(cells, written, verdicts),
            verdicts=verdicts,
            problems=tuple(said),
            suspicions=_suspicions(cells, verdicts),
            faults=tuple(verdict.problem for verdict in verdicts.values() if verdict.problem),
            notebook=write_up(template.section, cells, written, said),
            seconds=execution.seconds,
            starved=execution.starved or bool(judgement.starved),
        )
        return result, execution.died

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


def _beside(files: dict[str, bytes], given: dict[str, bytes]) -> dict[str, bytes]:
    """The files of a submission for which there is room beside what the course gave out, which is as it was given."""

    def in_the_way(name: str) -> bool:
        return any(name == other or name.startswith(f"{other}/") or other.startswith(f"{name}/") for other in given)

    return {name: content for name, content in files.items() if not in_the_way(name)}


def _suspicions(cells: Sequence[GradedCell], verdicts: dict[str, Verdict]) -> tuple[str, ...]:
    """What a person should look at. Nothing is taken off for it."""
    # A test is what the release says, whatever was handed in as one: that counts here and is never run.
    texts = [
        item.cell.source
        for item in cells
        if item.cell and (item.template is None or item.cell.source != item.template.release)
    ]
    text = "\n".join(texts)
    found = [f"uses {what}" for what, pattern in SUSPICIOUS.items() if re.search(pattern, text)]
    for grade_id, verdict in verdicts.items():
        found += [f"{grade_id} could not compare an answer ({doubt})" for doubt in verdict.doubts]
    return tuple(found)


__all__ = [
    "MAX_ALL_OUTPUT", "NOT_RUN", "OUT_OF_TIME", "Grader", "ReleasedCell", "Result", "Seconds", "grade_notebook",
    "verdict_outputs",
]  # fmt: skip
