"""What a class leaves to a person: a line for each task, the most urgent first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..gradebook.result import SubmissionResult
from ..text import visible

MOST = 10  # lines on the page


@dataclass(frozen=True)
class Kind:
    """A kind of task. name : its class on the page"""

    name: str
    what: str
    meaning: str


FAULT = Kind("fault", "Grade by hand", "the grader or a check failed on it, through no fault of the student.")
AGAIN = Kind("again", "Ask again", "it was not handed in as a whole, or nobody could read it to the end.")
ANSWERS = Kind(
    "grade",
    "Grade answers",
    "in the formgrader, under Manual Grading. Until then an answer counts 0 points, or what was given by hand before "
    "it was graded again.",
)
LOOK = Kind(
    "look",
    "Look at",
    "scores given by hand for an answer that has changed, or code that uses things that these exercises have no need "
    "of. The latter costs no points and proves nothing.",
)
KINDS = (FAULT, AGAIN, ANSWERS, LOOK)


@dataclass(frozen=True)
class Task:
    """One thing that a person has to do. where : student/section, or the section"""

    kind: Kind
    where: str
    why: str

    @property
    def line(self) -> str:
        return visible(f"{self.kind.what}: {self.where}: {' '.join(self.why.split())}")


def tasks(results: Sequence[SubmissionResult], section: str, by_hand: Sequence[tuple[str, int]]) -> Iterator[Task]:
    """What is to be done in a section. by_hand : (answer, in how many submissions it waits)"""
    for result in results:
        yield from (Task(FAULT, result.name, fault) for fault in result.faults)
        if result.unread:
            yield Task(AGAIN, result.name, ": ".join([", ".join(result.unread), *result.problems[:1]]))
        if result.look_again:
            yield Task(
                LOOK, result.name, f"graded again since scores were given by hand: {', '.join(result.look_again)}"
            )
        if result.suspicions:
            yield Task(LOOK, result.name, "; ".join(result.suspicions))
    if by_hand:
        total = sum(count for _, count in by_hand)
        listed = ", ".join(f"{name} {count}" for name, count in by_hand)
        yield Task(ANSWERS, section, f"{total} answer{'s' * (total != 1)} waiting: {listed}")


def first(found: Sequence[Task], most: int = MOST) -> list[Task]:
    """The tasks that are shown, in the order of KINDS: of each kind at least one, then as they come."""
    ordered = sorted(found, key=lambda task: KINDS.index(task.kind))
    leaders = [next(task for task in ordered if task.kind == kind) for kind in KINDS if kind in {t.kind for t in found}]
    others = [task for task in ordered if not any(task is leader for leader in leaders)]
    chosen = [*leaders, *others[: most - len(leaders)]]
    return [task for task in ordered if any(task is one for one in chosen)]
