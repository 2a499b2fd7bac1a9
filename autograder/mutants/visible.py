"""The visible checks, measured like the hidden ones: what does a student see who runs the cell below a wrong answer?"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from rich.table import Table

from backprop.checking import known_slips
from backprop.checking.mistake_kinds import Mistake
from backprop.gradcheck import CheckFailed

from ..course import Course
from ..judging.load import find
from ..sandbox.bubblewrap import ONE_THREAD
from .exercise import UNNAMED, Cell, code_cells, exercises, namespace
from .measure import TooLong, judge, solutions_of, time_limit

HIDDEN = re.compile(r"^### BEGIN HIDDEN TESTS.*?^### END HIDDEN TESTS[^\n]*\n?", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Seen:
    """What the visible check said about one solution.

    outcome : "passed", "sentence" (a plain fact, or a named mistake), "numbers" (a table that names nothing) or
              "traceback" (an error of Python that the check did not put into words)
    said    : the families of mistakes that it named
    family  : the family that it should name, see Mutant; "" or "*" when none in particular
    whole   : the notebook around a right solution is right as well, see Variant
    """

    check: str
    name: str
    right: bool
    family: str
    outcome: str
    said: tuple[str, ...] = ()
    text: str = ""
    whole: bool = True

    @property
    def caught(self) -> bool:
        return self.outcome != "passed"

    @property
    def named(self) -> bool:
        """It says what is wrong: the family that is meant, or a plain fact."""
        wanted = set(self.family.split("|"))
        return self.outcome == "sentence" and (not self.said or bool(wanted & set(self.said)) or self.family == UNNAMED)

    @property
    def misnamed(self) -> bool:
        return bool(self.said) and self.family not in ("", UNNAMED) and not set(self.family.split("|")) & set(self.said)


@dataclass
class VisibleOutcome:
    """The figures of the visible checks. `failures` has a line for each wrong solution that passes, and so on."""

    seen: list[Seen] = field(default_factory=list)

    def rows(self) -> Iterator[list[str]]:
        """Per check: name, wrong ones caught, right ones accepted, named, misnamed, tracebacks."""
        for check in dict.fromkeys(one.check for one in self.seen):
            yield [check, *self._figures([one for one in self.seen if one.check == check])]

    @staticmethod
    def _figures(seen: Sequence[Seen]) -> list[str]:
        wrong, right = [one for one in seen if not one.right], [one for one in seen if one.right and one.whole]
        caught = [one for one in wrong if one.caught]

        def share(count: int) -> str:
            return f"{count / len(caught):.0%}" if caught else "–"

        return [
            f"{len(caught)}/{len(wrong)}",
            f"{sum(not one.caught for one in right)}/{len(right)}",
            share(sum(one.named for one in caught)),
            share(sum(one.misnamed for one in caught)),
            str(sum(one.outcome == "traceback" for one in caught)),
        ]

    @property
    def sentence(self) -> str:
        caught, accepted, named, misnamed, tracebacks = self._figures(self.seen)
        beside = [one for one in self.seen if not one.whole]
        refused = sum(one.caught for one in beside)
        return (
            f"The visible checks catch {caught} wrong solutions and accept {accepted} right ones; of those caught "
            f"{named} are put into words, {misnamed} named as something else, {tracebacks} end in a raw traceback. "
            f"Of {len(beside)} right ones beside a cell that is wrong or does not fit to them, {refused} are refused: "
            "there the notebook does not work as a whole."
        )

    @property
    def failures(self) -> list[str]:
        lines = []
        for one in self.seen:
            if not one.whole:
                if not one.caught:
                    lines.append(f"{one.check}: {one.name!r} passes in a notebook that is said not to work")
            elif one.right == one.caught:
                lines.append(f"{one.check}: {one.name!r} {'is refused' if one.right else 'passes'}")
            elif one.misnamed or one.outcome in ("numbers", "traceback"):
                what = f"named {', '.join(one.said)}" if one.misnamed else f"only {one.outcome}"
                lines.append(f"{one.check}: {one.name!r} ({one.family or 'no family'}) is {what}")
        return lines

    def table(self) -> Table:
        table = Table("visible check", "caught", "accepted", "in words", "misnamed", "tracebacks")
        for row in self.rows():
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        head = "| visible check | caught | accepted | in words | misnamed | tracebacks |\n|---|---|---|---|---|---|\n"
        return head + "".join(f"| {' | '.join(row)} |\n" for row in self.rows()) + f"\n{self.sentence}\n"


def measure_visible(
    course: Course,
    sections: Sequence[str],
    *,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> VisibleOutcome:
    """Run the visible check below every mutant and variant of the sections, in worker processes."""
    outcome = VisibleOutcome()
    jobs = _jobs(course, sections)
    beside = {
        (exercise.check, variant.name)
        for section in sections
        for exercise in exercises(course.checks, section)
        for variant in exercise.variants
        if not variant.whole
    }
    for done, one in enumerate(_in_workers(_look, jobs, workers), 1):
        outcome.seen.append(replace(one, whole=not one.right or (one.check, one.name) not in beside))
        progress(done, len(jobs), one.check)
    return outcome


def learn(
    course: Course,
    sections: Sequence[str],
    *,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> str:
    """The text of `known_slips.json`: the wrong numbers that the visible checks see for each wrong solution, with the
    sentence that the hidden check has for it."""
    jobs = [job for job in _jobs(course, sections) if not job[4]]
    checks = {name: find(course.checks, name) for name in {job[0] for job in jobs}}
    found = []
    for done, entries in enumerate(_in_workers(_learn, [(checks[job[0]], *job[1:]) for job in jobs], workers), 1):
        found += entries
        progress(done, len(jobs), jobs[done - 1][0])
    return known_slips.as_text(found)


def _jobs(course: Course, sections: Sequence[str]) -> list[tuple]:
    """(check, cells, visible check, name, is it right, family, cell, source) of every solution of the sections."""
    jobs: list[tuple] = []
    for section in sections:
        cells = code_cells(course.root, section)
        by_id = {cell.grade_id: cell for cell in cells if cell.grade_id}
        for exercise in exercises(course.checks, section):
            check = by_id[exercise.check.partition("/")[2]]
            found, _ = solutions_of(cells, exercise)
            jobs += [(exercise.check, cells, HIDDEN.sub("", check.source), *solution) for solution in found]
    return jobs


def _in_workers(what: Callable[[tuple], Any], jobs: Sequence[tuple], workers: int) -> Iterator[Any]:
    with ProcessPoolExecutor(
        min(workers, len(jobs)) or 1,
        mp_context=multiprocessing.get_context("fork"),
        initializer=os.environ.update,
        initargs=(ONE_THREAD,),
    ) as pool:
        yield from pool.map(what, jobs, chunksize=4)


def _learn(job: tuple) -> list[tuple]:
    """What the visible check sees of one wrong solution, beside what the hidden check says about it."""
    check, cells, visible, name, right, family, cell, source = job
    known_slips.recorded = []
    _look((check.name, cells, visible, name, right, family, cell, source))
    recorded, known_slips.recorded = known_slips.recorded, None
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        [verdict] = judge(cells, check, cell, source, [0])
    said: dict[str, Mistake] = {}
    for mistake in (m for part in verdict.parts for m in part.mistakes if m.family != "unrecognised"):
        said.setdefault(mistake.family, mistake)  # the first is about plain numbers, later ones are about special cases
    meant = set(family.split("|")) & set(said)
    if not meant and family in ("", UNNAMED) and len(said) == 1:
        meant = set(said)
    if len(meant) == 1:
        mistake = said[meant.pop()]
        family, text = mistake.family, mistake.text
    elif family in ("", UNNAMED):
        return []
    else:
        text = ""  # no sentence, but another kind must not claim its numbers
    as_entry = known_slips.as_entry
    return [(name, as_entry(right), as_entry(got), family, text) for name, right, got in recorded]


def _look(job: tuple[str, Sequence[Cell], str, str, bool, str, str, str]) -> Seen:
    """Run one solution and the visible check below it."""
    check, cells, visible, name, right, family, cell, source = job

    if any("import torch" in cell.source for cell in cells):
        importlib.import_module("torch")  # it takes its time, and could not be imported again if it were cut short
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        try:
            with time_limit():
                scope = namespace(cells, {cell: source})
                exec(compile(visible, "<check>", "exec"), scope)
        except CheckFailed as error:
            said = tuple(one for one in error.families or () if one != "unrecognised")
            outcome = "sentence" if said or error.families is None else "numbers"
            return Seen(check, name, right, family, outcome, said, str(error))
        except AssertionError as error:  # the notebook's own assert, with a sentence of its own
            return Seen(check, name, right, family, "sentence" if str(error) else "traceback", (), str(error))
        except (Exception, SystemExit, TooLong) as error:
            return Seen(check, name, right, family, "traceback", (), f"{type(error).__name__}: {error}")
        finally:
            if "torch" in sys.modules:  # an answer may have switched gradients off for good
                sys.modules["torch"].set_grad_enabled(True)
    return Seen(check, name, right, family, "passed")
