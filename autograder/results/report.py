"""The class report: how each check went, which mistakes were made, what needs a person, as one HTML page."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from markupsafe import Markup

from backprop.files import write_atomically

from ..course import Course
from ..errors import UserError
from ..gradebook.reader import GradedSubmission, Person, Section, read_grades
from ..gradebook.result import SubmissionResult
from ..grading.ledger import Ledger
from .check_stats import as_in_gradebook, check_stats
from .pages import amount, style, template
from .plots import bars, histogram, times
from .to_do import KINDS, first, tasks

SHOWN = ("start", "cells", "judge")  # the parts of a submission's time, by the clock


def write_report(course: Course, output: Path | None, sections: Sequence[str]) -> Path:
    """Write the class report of the sections and return the file's path.

    output : exports/report.html when None

    Raises UserError when nothing is graded yet.
    """
    path = Path(output) if output else course.exports / "report.html"
    if path.is_dir():
        raise UserError(f"{path} is a folder. Name a file with -o.")
    grades = read_grades(course, list(sections))
    graded = [section for section in grades.sections if section.submissions]
    if not graded:
        raise UserError("Nothing is graded yet in these sections. Run `python -m autograder grade` first.")
    ledger = Ledger(course)
    chapters = [chapter(section, list(ledger.results(section.name)), grades.people) for section in graded]
    everything = [task for chapter in chapters for task in chapter["tasks"]]
    to_do = first(everything)
    rest = path.with_name(f"{path.stem}-to-do.txt")
    text = template("report/report.html.j2").render(
        style=Markup(style("page.css", "report/report.css")),
        title=course.root.name,
        written=datetime.now().strftime("%d %B %Y, %H:%M"),
        to_do=to_do,
        more=len(everything) - len(to_do),
        file=rest.name,
        kinds=[kind for kind in KINDS if any(task.kind == kind for task in to_do)],
        chapters=chapters,
        people=len(grades.people),
        submissions=sum(len(section.submissions) for section in graded),
        names={person.id: person.name for person in grades.people},
        late=sum(len(chapter["late"]) for chapter in chapters),
        missing=sum(len(chapter["missing"]) for chapter in chapters),
        open_answers=sum(count for chapter in chapters for _, count in chapter["by_hand"]),
    )
    if len(everything) > len(to_do):
        lines = "".join(task.line + "\n" for task in first(everything, len(everything)))
        write_atomically(rest, lines.encode("utf-8", "replace"), mode=0o640)
    else:
        rest.unlink(missing_ok=True)  # that of an earlier report
    write_atomically(path, text.encode("utf-8", "replace"), mode=0o640)  # grades are nobody else's business
    return path


def chapter(section: Section, results: list[SubmissionResult], people: Sequence[Person]) -> dict:
    """Everything that the page shows about one section."""
    # A note may be left of somebody who was taken out of the gradebook.
    results = [result for result in results if result.student in section.submissions]
    stats = check_stats(as_in_gradebook(results, [section]))
    worth = {item.name: item.points for item in section.items}
    for one in stats:
        one.points = worth.get(one.name) or one.points
    submissions = list(section.submissions.values())
    scores = [100 * submission.score / section.points if section.points else 0.0 for submission in submissions]
    by_hand = Counter(name for submission in submissions for name in _open(submission))
    seconds = [(result.student, _total(result.seconds)) for result in results]
    waiting = [(item.name, by_hand[item.name]) for item in section.items if by_hand[item.name]]
    unfinished = sum(submission.needs_person for submission in submissions)
    numbers = _summary(scores)
    return {
        "name": section.name,
        "points": section.points,
        "submissions": section.submissions,
        "numbers": numbers,
        "unfinished": unfinished,
        "histogram": histogram(scores, section.name, numbers),
        "bars": bars(stats, section.name) if stats else None,
        "stats": stats,
        "by_hand": waiting,
        "tasks": list(tasks(results, section.name, waiting)),
        "late": [_how_late(submission, section) for submission in submissions if _is_late(submission, section)],
        "missing": [person.id for person in people if person.id not in section.submissions],
        "times": times([s for _, s in seconds], section.name) if seconds else None,
        "slowest": sorted(seconds, key=lambda pair: -pair[1])[:5],
        "seconds": {what: sum(r.seconds.get(what, 0.0) for r in results) for what in (*SHOWN, "gradebook")},
        "problems": [(r.student, r.problems) for r in results if r.problems],
    }


def _open(submission: GradedSubmission) -> list[str]:
    return [name for n in submission.notebooks.values() for name, mark in n.marks.items() if mark.needs_person]


def _is_late(submission: GradedSubmission, section: Section) -> bool:
    return bool(section.due and submission.submitted and submission.submitted > section.due)


def _how_late(submission: GradedSubmission, section: Section) -> str:
    """The student with how late it was and what that cost: "ben (3 h, 1 point off)"."""
    seconds = (submission.submitted - section.due).total_seconds()
    size, unit = next((s, u) for s, u in ((86400, "d"), (3600, "h"), (60, "min"), (0, "s")) if seconds >= s)
    off = f", {amount(submission.penalty)} points off" if submission.penalty else ""
    return f"{submission.student} ({int(seconds // (size or 1))} {unit}{off})"


def _total(seconds: dict[str, float]) -> float:
    return sum(seconds.get(what, 0.0) for what in SHOWN)


def _summary(scores: list[float]) -> dict[str, float]:
    """Mean, median and quartiles of scores in percent."""
    low, middle, high = statistics.quantiles(scores, n=4, method="inclusive") if len(scores) > 1 else scores * 3
    return {"mean": statistics.fmean(scores), "low": low, "median": middle, "high": high}
