"""Grade a class: find what is new, spread it over workers, write each result once, survive any crash.

    submitted/ ──► submissions ──► workers (sandbox + judge) ──► the one writer ──► gradebook.db, autograded/
                                                                     └──────► .autograder/done/

A submission is one student's submission of one section. Its key is a hash of everything that decides its
result: the submission, the release, the checks. When a result is in the gradebook and in autograded/
(`writing.py`), the key is noted as done. Whatever is killed, the next run finds the note or
does the work again; writing the same result twice changes nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ..course import Course
from ..gradebook.result import SubmissionResult
from ..gradebook.writer import GradebookWriter
from ..lock import one_run_at_a_time
from ..submissions.find import Submission, collected_note, find_submissions
from ..submissions.released import released_notebooks
from .guard import at_its_own_cost
from .keys import salt, section_base, submission_key
from .ledger import Ledger, sweep
from .trial import Trials
from .workers import Options
from .writing import Writing, apply, autograded


@dataclass
class Summary:
    """What a run did.

    graded  : the results, without their notebooks, in the order of students and sections
    skipped : how many submissions were up to date
    refused : sentences about what lies in submitted/ and cannot be graded
    seconds : where the time went
    own_times : the submissions graded whose time is from a timestamp.txt that `collect` did not write
    """

    graded: list[SubmissionResult] = field(default_factory=list)
    skipped: int = 0
    refused: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    own_times: list[str] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What was wrong with the submissions, sentences that start with student/section."""
        return [f"{result.name}: {text}" for result in self.graded for text in result.problems]

    @property
    def faults(self) -> list[str]:
        """What went wrong in the grader itself, sentences that start with student/section."""
        return [f"{result.name}: {text}" for result in self.graded for text in result.faults]


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

    Raises UserError (no submissions, no release, no sandbox, another run at work, a check that cannot be run).
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
        todo: list[Submission] = []
        lost: list[tuple[Submission, SubmissionResult]] = []  # those of which not even the key could be found

        def look(submission: Submission) -> Submission | None:
            """The submission with its key, None when it is done."""
            os.scandir(submission.folder).close()  # a folder that cannot be opened is not one with nothing in it
            key = submission_key(submission, bases[submission.section])
            keyed = dataclasses.replace(submission, key=key)
            done = not options.force and ledger.is_done(keyed, autograded(course, keyed))
            return None if done else keyed

        for submission in submissions:
            new, instead = at_its_own_cost(submission, partial(look, submission))
            if instead is not None:
                lost.append((submission, instead))
            elif new is not None:
                todo.append(new)
        total = len(todo) + len(lost)
        summary.skipped = len(submissions) - total

        def finished(submission: Submission, result: SubmissionResult) -> None:
            for what, seconds in result.seconds.items():
                summary.seconds[what] = summary.seconds.get(what, 0.0) + seconds
            summary.graded.append(result.noted())
            # `is_file` of a path raises where a name is too long; `isfile` says that there is none.
            note = collected_note(course, submission.student, submission.section)
            if result.timestamp and not os.path.isfile(note):
                summary.own_times.append(submission.name)
            progress(len(summary.graded), total, submission.name)

        writing = Writing(course, writer, ledger, finished)
        for submission, result in lost:
            writing.add(submission, result)
        writing.settle()
        trials = Trials(course, bases)

        def try_checks(grade_some: Callable) -> None:
            if todo and trials.waiting:
                trials.finish(found[1] for found in grade_some(trials.waiting) if found)

        if options.cluster:
            try_checks(lambda some: grade_on_cluster(course, known, some, options, salt(course)))
            results = grade_on_cluster(course, known, todo, options, salt(course))
        else:
            results = grade_here(course, known, todo, options, salt(course), before=try_checks)
        with contextlib.closing(results):  # workers end before the lock is free, also where an error is on its way
            try:
                for found in results:
                    if found is not None:
                        writing.add(*found)
                    if found is None or writing.due:
                        writing.settle()
            finally:
                writing.settle()
    summary.own_times.sort()
    summary.graded.sort(key=lambda result: (result.student, result.section))
    return summary


__all__ = ["Options", "Summary", "apply", "grade_class"]
