"""Tests of the tests: do the checks catch every wrong solution and accept every right one?"""

from __future__ import annotations

import contextlib
import functools
import math
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table

from ..course import Course
from ..errors import CourseError
from ..judging.check import Check
from ..judging.load import find
from ..judging.student import Student
from ..judging.verdict import Verdict
from ..sandbox.bubblewrap import ONE_THREAD
from .exercise import UNNAMED, Cell, Exercise, code_cells, exercises, namespace, patched
from .operators import generate

SECONDS = 30
HEAD = "| check | wrong ones caught | right ones accepted | mistake named | misnamed |\n|---|---|---|---|---|\n"


# -- measuring ------------------------------------------------------------------------------------------------------


@dataclass
class Tried:
    """What one solution got over the seeds."""

    check: str
    name: str
    right: bool
    family: str
    runs: int = 0
    full: int = 0
    named: int = 0
    misnamed: int = 0
    said: set[str] = field(default_factory=set)
    text: str = ""
    points: set[float] = field(default_factory=set)  # what it got under the seeds: more than one is a matter of luck

    @property
    def good(self) -> bool:
        """A right solution always gets full points, a wrong one never."""
        return self.full == (self.runs if self.right else 0)


@dataclass
class Outcome:
    """The figures of a measurement. `failures` has a line for each survivor and each false alarm."""

    tried: list[Tried]
    seeds: int
    equivalent: int = 0

    @property
    def wrong(self) -> list[Tried]:
        return [one for one in self.tried if not one.right]

    @property
    def accepted(self) -> list[Tried]:
        return [one for one in self.tried if one.right]

    @property
    def good(self) -> bool:
        return all(one.good for one in self.tried)

    @property
    def failures(self) -> list[str]:
        lines = []
        for one in self.tried:
            if not one.good:
                what = "rejected" if one.right else "survived"
                count = one.runs - one.full if one.right else one.full
                said = f"\n{one.text}" if one.right else ""
                lines.append(f"{one.check}: {one.name!r} {what} in {count} of {one.runs} runs{said}")
        return lines

    @property
    def lucky(self) -> list[str]:
        """A line for each solution whose points depend on the seed, which is the course's secret."""
        return [
            f"{one.check}: {one.name!r} gets {', '.join(f'{p:g}' for p in sorted(one.points))} points"
            for one in self.tried
            if len(one.points) > 1
        ]

    def luck_table(self) -> str:
        """Per check: the solutions tried, and those whose points depend on the secret; as Markdown."""
        lines = ["| check | solutions | points depend on the secret |", "|---|---|---|"]
        for check in dict.fromkeys(one.check for one in self.tried):
            mine = [one for one in self.tried if one.check == check]
            lines.append(f"| {check} | {len(mine)} | {sum(len(one.points) > 1 for one in mine)} |")
        return "\n".join([*lines, "", self.luck_sentence])

    @property
    def luck_sentence(self) -> str:
        total, lucky = len(self.tried), len(self.lucky)
        return f"Of {total} solutions {lucky} get points that depend on the secret, over {self.seeds} of them."

    def naming(self, tried: Sequence[Tried]) -> tuple[float, float]:
        """Of the mutants with a family: the shares of runs in which it was named, and a false one was."""
        measured = [one for one in tried if one.family not in ("", UNNAMED)]
        runs = sum(one.runs for one in measured)
        if not runs:
            return math.nan, math.nan
        return sum(one.named for one in measured) / runs, sum(one.misnamed for one in measured) / runs

    @property
    def sentence(self) -> str:
        wrong, right = self.wrong, self.accepted
        named, misnamed = self.naming(wrong)
        killed = sum(one.good for one in wrong)
        passed = sum(one.good for one in right)
        false_alarms = sum(one.runs - one.full for one in right)
        return (
            f"{killed} of {len(wrong)} wrong solutions caught, {passed} of {len(right)} right ones accepted "
            f"({false_alarms} false alarms in {sum(one.runs for one in right)} runs), over {self.seeds} seeds. "
            f"The mistake is named in {named:.1%} of the runs, wrongly in {misnamed:.2%}. "
            f"{self.equivalent} generated mutants are equivalent to the right solution and left out."
        )

    def rows(self) -> Iterator[list[str]]:
        """Per check: name, mutants killed, variants accepted, named, misnamed."""
        for check in dict.fromkeys(one.check for one in self.tried):
            wrong = [one for one in self.wrong if one.check == check]
            right = [one for one in self.accepted if one.check == check]
            named, misnamed = self.naming(wrong)
            share = ["–", "–"] if math.isnan(named) else [f"{named:.0%}", f"{misnamed:.1%}"]
            killed = f"{sum(one.good for one in wrong)}/{len(wrong)}"
            yield [check, killed, f"{sum(one.good for one in right)}/{len(right)}", *share]

    def table(self) -> Table:
        table = Table("check", "caught", "accepted", "named", "misnamed")
        for row in self.rows():
            table.add_row(*row)
        return table

    def markdown(self) -> str:
        return HEAD + "".join(f"| {' | '.join(row)} |\n" for row in self.rows()) + f"\n{self.sentence}\n"


def measure(
    course: Course,
    sections: Sequence[str],
    seeds: int,
    *,
    workers: int = 1,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Outcome:
    """Judge every mutant and variant of the sections under `seeds` seeds, in worker processes."""
    jobs, equivalent = [], 0
    for section in sections:
        cells = code_cells(course.root, section)
        for exercise in exercises(course.checks, section):
            solutions, left_out = solutions_of(cells, exercise)
            equivalent += left_out
            check = find(course.checks, exercise.check)
            if check is None:
                raise ValueError(f"no check is registered as {exercise.check}")
            jobs += [(check, cells, *solution, seeds) for solution in solutions]
    return Outcome(list(try_all(jobs, workers=workers, progress=progress)), seeds, equivalent)


def try_all(jobs: Sequence[tuple], *, workers: int, progress: Callable[[int, int, str], None]) -> Iterator[Tried]:
    """Try each (check, cells, name, right, family, cell, source, seeds) in a worker process; in the jobs' order."""
    for done, one in enumerate(spread(_try, jobs, workers), 1):
        progress(done, len(jobs), one.check)
        yield one


def spread(function: Callable[[tuple], Any], jobs: Sequence[tuple], workers: int) -> Iterator[Any]:
    """The function's result for each job, from worker processes, in the jobs' order."""
    context = multiprocessing.get_context("fork")
    # An executor, not a Pool: when a solution takes its process down, this one says so instead of waiting for ever.
    # One thread each, or the threads of torch in several workers wait for one another most of the time.
    with ProcessPoolExecutor(
        min(workers, len(jobs)) or 1, mp_context=context, initializer=os.environ.update, initargs=(ONE_THREAD,)
    ) as pool:
        yield from pool.map(function, jobs, chunksize=min(4, len(jobs) // (4 * workers) or 1))


def solutions_of(cells: Sequence[Cell], exercise: Exercise) -> tuple[list[tuple[str, bool, str, str, str]], int]:
    """(name, is it right, expected family, cell, source) of every solution; and how many are equivalent."""
    by_id = {cell.grade_id: cell.source for cell in cells if cell.grade_id}
    solutions = [("the reference solution", True, "", exercise.cell, by_id[exercise.cell])]
    for mutant in exercise.mutants:
        cell = mutant.cell or exercise.cell
        source = patched(by_id[cell], mutant.old, mutant.new, mutant.count)
        solutions.append((mutant.name, False, mutant.family, cell, source))
    for variant in exercise.variants:
        cell = variant.cell or exercise.cell
        solutions.append((variant.name, True, "", cell, patched(by_id[cell], variant.old, variant.new, variant.count)))
    generated = generate(by_id[exercise.cell]) if exercise.generate else []
    unknown = set(exercise.equivalent) - {mutant.name for mutant in generated}
    if unknown:
        raise ValueError(f"{exercise.check}: no generated mutant is called {', '.join(sorted(unknown))}")
    kept = [mutant for mutant in generated if mutant.name not in exercise.equivalent]
    solutions += [(mutant.name, False, UNNAMED, exercise.cell, mutant.source) for mutant in kept]
    return solutions, len(exercise.equivalent)


def _try(job: tuple) -> Tried:
    check, cells, name, right, family, cell, source, seeds = job
    tried = Tried(check.name, name, right, family)
    expected = set(family.split("|"))
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
        for verdict in verdicts(cells, check, cell, source, range(seeds)):
            tried.runs += 1
            tried.full += verdict.full
            tried.points.add(round(verdict.score, 6))
            families = set(verdict.families) - {"unrecognised"}
            tried.said |= families
            tried.named += bool(families & expected)
            tried.misnamed += bool(families) and not families & expected
            if right != verdict.full or not tried.text:
                tried.text = verdict.text
    return tried


class TooLong(BaseException):
    """No Exception, so that neither a check nor a solution takes it for an error of its own."""


_TIMERS = ((signal.ITIMER_PROF, signal.SIGPROF, 1), (signal.ITIMER_REAL, signal.SIGALRM, 10))


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    """Raise TooLong in what takes longer than SECONDS of processor time, or ten times that by the clock.

    Processor time, since a machine with other work must not turn a right solution into one that hangs. In the main
    thread of a process only.
    """

    def stop(*_: Any) -> None:
        raise TooLong

    for timer, number, times in _TIMERS:
        signal.signal(number, stop)
        signal.setitimer(timer, times * SECONDS)
    try:
        yield
    finally:
        for timer, _, _ in _TIMERS:
            signal.setitimer(timer, 0)


def in_time(what: Callable[[], Any], otherwise: Any) -> Any:
    """The result; `otherwise` where it takes longer than `time_limit` allows."""
    try:
        with time_limit():
            return what()
    except TooLong:
        return otherwise


def verdicts(cells: Sequence[Cell], check: Check, cell: str, source: str, seeds: Sequence[int]) -> list[Verdict]:
    """The verdict on one solution under each seed, in this process, one after the other in one notebook.

    A notebook is judged once: where points differ, what one seed has left behind in it may be the cause, as in a class
    that keeps its first graph. So each seed then gets a notebook of its own.
    """
    found = list(judge(cells, check, cell, source, seeds))
    if len({round(verdict.score, 6) for verdict in found}) > 1:
        found = [verdict for seed in seeds for verdict in judge(cells, check, cell, source, [seed])]
    return found


def judge(cells: Sequence[Cell], check: Check, cell: str, source: str, seeds: Sequence[int]) -> Iterator[Verdict]:
    """Judge one solution under each seed, in one notebook. A solution that hangs gets no points."""
    notebook = functools.cache(lambda: namespace(cells, {cell: source}))

    def once(seed: int) -> Verdict:
        return check.judge(Student.here(notebook()), seed)

    for seed in seeds:
        verdict = in_time(lambda seed=seed: once(seed), Verdict(check.name, check.points))
        if verdict.problem:
            raise CourseError(f"{verdict.problem} (seed {seed})\n{source}")
        yield verdict
