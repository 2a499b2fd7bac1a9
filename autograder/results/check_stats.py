"""How each check went, over many submissions: the numbers of the table after grading and of the class report."""

from __future__ import annotations

import dataclasses
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from rich import box
from rich.table import Table
from rich.text import Text

from backprop.checking.mistake_kinds import FAMILIES

from ..gradebook.reader import Section
from ..gradebook.result import SubmissionResult

# The ways of giving no result, beside the mistakes in one.
OTHER_FAMILIES = {
    "missing_name": "a name that is not defined",
    "unfinished": "not finished (NotImplementedError)",
    "raises": "an error while it ran",
    "time": "did not finish in time",
    "failed_test": "the test raised an error",
    "died": "ended the notebook's process",
    "torch": "PyTorch used where it is not to be",
    "train_mode": "the model left in the wrong mode (train or eval)",
    "graph_kept": "a graph kept where numbers are enough (item or no_grad left out)",
    "device": "tensors on two devices",
    "accuracy": "an accuracy below what was asked for",
    "missing": "something asked for is not there",
    "type": "another kind of value than was asked for",
}


def in_words(family: str) -> str:
    """What a family of mistakes is called in a report."""
    family = family.partition(":")[0]
    return FAMILIES.get(family) or OTHER_FAMILIES.get(family) or family.replace("_", " ")


@dataclass
class CheckStats:
    """How one check went for everybody who handed its notebook in.

    points   : what it is worth. A check worth nothing (an optional exercise) counts as full where no mistake was named,
               as zero where one was
    clean    : for each score, whether no mistake was named
    families : in how many submissions each mistake was named
    """

    section: str
    name: str
    points: float = 0.0
    scores: list[float] = field(default_factory=list)
    clean: list[bool] = field(default_factory=list)
    families: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        return len(self.scores)

    @property
    def full(self) -> int:
        return sum(score >= self.points - 1e-9 for score in self.scores) if self.points else sum(self.clean)

    @property
    def zero(self) -> int:
        return sum(score <= 0 for score in self.scores) if self.points else self.count - self.full

    @property
    def partial(self) -> int:
        return self.count - self.full - self.zero

    @property
    def mean(self) -> float:
        """The mean score in percent of the points; of a check worth nothing, the percentage without a mistake."""
        return 100 * (statistics.fmean(self.scores) / self.points if self.points else self.full / self.count)

    @property
    def label(self) -> str:
        return self.name.removesuffix("_check")

    def mistakes(self, most: int = 3) -> list[tuple[str, int]]:
        """The most frequent mistakes in words, each with the number of submissions it was found in."""
        named: Counter[str] = Counter()
        for family, count in self.families.items():
            named[in_words(family)] += count
        return sorted(named.items(), key=lambda item: (-item[1], item[0]))[:most]


def as_in_gradebook(results: Iterable[SubmissionResult], sections: Iterable[Section]) -> list[SubmissionResult]:
    """The results with the scores that a person has put in place of the automatic ones, as the gradebook counts."""
    graded = {section.name: section.submissions for section in sections}
    corrected = []
    for submitted in results:
        submission = graded.get(submitted.section, {}).get(submitted.student)
        notebooks = {}
        for name, result in submitted.notebooks.items():
            marks = submission.notebooks[name].marks if submission and name in submission.notebooks else {}
            given = {
                cell: marks[cell].score
                for cell, score in result.scores.items()
                if score is not None and cell in marks and marks[cell].by_person
            }
            notebooks[name] = dataclasses.replace(result, scores={**result.scores, **given})
        corrected.append(dataclasses.replace(submitted, notebooks=notebooks))
    return corrected


def check_stats(results: Iterable[SubmissionResult]) -> list[CheckStats]:
    """The statistics of every check that was scored without a person, by section and in the notebook's order."""
    found: dict[tuple[str, str, str], CheckStats] = {}
    written = set()
    for submitted in results:
        for notebook, result in submitted.notebooks.items():
            named = result.families
            for name, score in result.scores.items():
                key = (submitted.section, notebook, name)
                if score is None and name not in named:
                    written.add(key)
                if score is None or (name not in result.verdicts and name in result.unanswered):
                    continue  # a written answer (0 points where it was left so), or work that nobody could read
                stats = found.setdefault(key, CheckStats(submitted.section, name))
                families = set(named.get(name, ()))
                stats.scores.append(score)
                stats.clean.append(not families)
                stats.points = max(stats.points, result.points.get(name, 0.0), score)
                stats.families.update(families)
    checks = [stats for key, stats in found.items() if key not in written]
    return sorted(checks, key=lambda stats: stats.section)


def check_table(results: Iterable[SubmissionResult]) -> Table:
    """The table shown after grading: a row for each check."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("check", overflow="fold")
    for title in ("mean", "full", "part", "zero"):
        table.add_column(title, justify="right")
    table.add_column("most frequent mistakes", overflow="fold")
    section = None
    for stats in check_stats(results):
        if stats.section != section:
            section = stats.section
            table.add_row(Text(section, style="bold"))
        mistakes = "; ".join(f"{words} ({count})" for words, count in stats.mistakes(2))
        counts = (str(number) if number else "·" for number in (stats.full, stats.partial, stats.zero))
        table.add_row(Text(f"  {stats.label}"), f"{stats.mean:.0f} %", *counts, Text(mistakes))
    return table
