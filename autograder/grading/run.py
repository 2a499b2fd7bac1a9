"""Grade a class: find what is new, spread it over workers, write each result once, survive any crash.

    submitted/ ──► submissions ──► workers (sandbox + judge) ──► the one writer ──► gradebook.db, autograded/
                                                                     └──────► .autograder/done/

A submission is one student's submission of one section. Its key is a hash of everything that decides its
result: the submission, the release, the checks. When the writer has put a result into the gradebook
and into autograded/, the key is noted as done. Whatever is killed, the next run finds the note or
does the work again; writing the same result twice changes nothing.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..course import Course
from ..gradebook.writer import GradebookWriter, NotebookScores
from ..lock import one_run_at_a_time
from ..submissions.find import Submission, find_submissions
from ..submissions.released import released_notebooks
from ..submissions.submission import read_beside, read_timestamp
from .keys import salt, section_base, submission_key
from .ledger import Ledger, sweep
from .record import Record, name_of, without_notebooks
from .unchanged import unchanged_answers
from .workers import Options

HERE = Path(__file__).resolve().parent


@dataclass
class Summary:
    """What a run did.

    graded  : the records, without their notebooks, in the order of students and sections
    skipped : how many submissions were up to date
    refused : sentences about what lies in submitted/ and cannot be graded
    seconds : where the time went
    """

    graded: list[Record] = field(default_factory=list)
    skipped: int = 0
    refused: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def problems(self) -> list[str]:
        """What was wrong with the submissions, sentences that start with student/section."""
        return [f"{name_of(record)}: {text}" for record in self.graded for text in record["problems"]]

    @property
    def faults(self) -> list[str]:
        """What went wrong in the grader itself, sentences that start with student/section."""
        return [f"{name_of(record)}: {text}" for record in self.graded for text in record["faults"]]


# -- writing one result down ------------------------------------------------------------------------------------------


def apply(course: Course, writer: GradebookWriter, ledger: Ledger, submission: Submission, record: Record) -> None:
    """Put a result into the gradebook and into autograded/. Doing it twice is the same as doing it once.

    Notes in the record how long that took (seconds, "gradebook") and which scores by hand to look at again.
    """
    start = time.perf_counter()
    final = _autograded(course, submission)
    final.parent.mkdir(parents=True, exist_ok=True)
    # Not beside the final folder: nbgrader takes every folder there for an assignment.
    course.state.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(8)
    temporary, old = course.state / f"writing-{token}", course.state / f"old-{token}"
    temporary.mkdir()
    try:
        for name, notebook in record["notebooks"].items():
            text = json.dumps(notebook["notebook"], ensure_ascii=False)
            (temporary / f"{name}.ipynb").write_text(text, encoding="utf-8", errors="replace")
        beside = read_beside(submission.folder, released_notebooks(course, submission.section))
        for name, content in beside.items():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            (temporary / name).write_bytes(content)
        timestamp = read_timestamp(submission.folder)
        if timestamp is not None:
            (temporary / "timestamp.txt").write_text(f"{timestamp:%Y-%m-%d %H:%M:%S.%f} UTC")
        scores = {
            name: NotebookScores(
                notebook["scores"],
                frozenset(notebook["unanswered"]),
                unchanged_answers(final / f"{name}.ipynb", notebook["notebook"]),
            )
            for name, notebook in record["notebooks"].items()
        }
        student, section, by_hand = submission.student, submission.section, record["by_hand"]
        record["look_again"] = writer.write(student, section, scores, timestamp, by_hand=by_hand)
        if final.exists():
            os.replace(final, old)
        os.replace(temporary, final)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    record["seconds"]["gradebook"] = time.perf_counter() - start
    ledger.finish(submission, record, final)


def _autograded(course: Course, submission: Submission) -> Path:
    return course.autograded / submission.student / submission.section


# -- the run --------------------------------------------------------------------------------------------------------


def grade_class(
    course: Course,
    sections: Sequence[str],
    students: Sequence[str] = (),
    *,
    skip: Sequence[str] = (),
    options: Options | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> Summary:
    """Grade everything in submitted/ that is new or changed. See the module's text for what survives a crash.

    progress : called with (finished, of how many, the submission just finished)

    Raises UserError (no submissions, no release, no sandbox, another run at work).
    """
    from .cluster import grade_on_cluster
    from .workers import grade_here

    options = options or Options()
    summary = Summary()
    submissions, summary.refused = find_submissions(course, sections, students, skip)
    with one_run_at_a_time(course), GradebookWriter(course) as writer:
        sweep(course)
        ledger = Ledger(course)
        bases = {
            section: section_base(course, section, options)
            for section in {submission.section for submission in submissions}
        }
        known = {section: released_notebooks(course, section) for section in bases}
        for section in sorted(bases):
            writer.prepare(section)
        submissions = [
            Submission(u.student, u.section, u.folder, submission_key(u, bases[u.section])) for u in submissions
        ]
        todo = [
            submission
            for submission in submissions
            if options.force or not ledger.is_done(submission, _autograded(course, submission))
        ]
        summary.skipped = len(submissions) - len(todo)
        done = 0

        def finish(submission: Submission, record: Record) -> None:
            nonlocal done
            apply(course, writer, ledger, submission, record)
            done += 1
            for what, seconds in record["seconds"].items():
                summary.seconds[what] = summary.seconds.get(what, 0.0) + seconds
            summary.graded.append(without_notebooks(record))
            progress(done, len(todo), submission.name)

        grade = grade_on_cluster if options.cluster else grade_here
        for submission, record in grade(course, known, todo, options, salt(course)):
            finish(submission, record)
    summary.graded.sort(key=lambda record: (record["student"], record["section"]))
    return summary


__all__ = ["Options", "Summary", "grade_class", "name_of"]
