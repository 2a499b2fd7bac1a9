"""Worker processes: each grades one submission at a time with zygotes of its own, forks of one.

A worker that dies is replaced and its submission tried once more; a submission that kills two workers is given
up with a sentence, and the run goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import multiprocessing
import os
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ..course import Course
from ..errors import Unusable
from ..gradebook.result import SubmissionResult
from ..judging.load import load
from ..sandbox.bubblewrap import ONE_THREAD
from ..sandbox.inside import confine
from ..submissions.find import Submission
from ..submissions.released import ReleasedNotebook
from ..submissions.submission import Contents, read_contents
from .guard import at_its_own_cost, failed, unreadable
from .notebook import Grader, Seconds


@dataclass(frozen=True)
class Options:
    """How a run grades.

    workers : worker processes
    force   : grade again what is already done
    confined: False runs submissions without the sandbox
    cluster : the address of a Dask scheduler that has the workers; None: they run on this machine
    seconds : how long a cell, a request of the judge and a notebook may take
    """

    workers: int = max(1, os.cpu_count() or 1)
    force: bool = False
    confined: bool = True
    cluster: str | None = None
    seconds: Seconds = Seconds()


def grade_submission(
    wanted: dict[str, ReleasedNotebook], submission: Submission, contents: Contents, grader: Grader
) -> SubmissionResult:
    """Grade all notebooks of a submission. Never raises for what was handed in."""
    whole = SubmissionResult.of(
        submission,
        problems=tuple(contents.problems),
        faults=tuple(contents.faults),
        suspicions=tuple(contents.doubts),
        unread=tuple(contents.unread(wanted)),
        files=contents.files,
        timestamp=contents.timestamp,
    )
    for name, cells in contents.cells.items():
        result = grader.grade(wanted[name], cells, contents.files, contents.notebook_problems[name])
        if name in contents.unreadable:  # its points are not lost: nobody has seen the work yet
            result = dataclasses.replace(result, scores=dict.fromkeys(result.scores), unanswered=())
        whole = whole.with_notebook(result)
    return whole


ATTEMPTS = 2
ALONE = ATTEMPTS + 1  # the attempt of a submission that is graded while no other is
IN_A_ROW = 3  # submissions one after the other without a sandbox: it is the computer, and the run ends

Known = dict[str, dict[str, ReleasedNotebook]]
# As they come; None where nothing comes for a while, so that what has come need not wait.
Results = Iterator[tuple[Submission, SubmissionResult] | None]
PAUSE = 0.3  # seconds


def grade_here(
    course: Course,
    known: Known,
    submissions: Sequence[Submission],
    options: Options,
    salt: str,
    before: Callable[[Callable[[Sequence[Submission]], Results]], None] = lambda grade: None,
) -> Results:
    """Grade the submissions in worker processes on this machine; yield each with its result, in the order of finishing.

    before : called first with a function that grades others; what it raises ends the run before anything is graded

    Raises UserError when the sandbox can't be started.
    """
    if not submissions:
        return
    for section in known:
        load(course.checks, section)  # before the fork, so that each worker has the checks already
    with Grader(confined=options.confined, salt=salt, seconds=options.seconds) as first:
        for torch in {template.torch for submission in submissions for template in known[submission.section].values()}:
            first.zygote(torch)  # numpy and the rest are loaded once; every worker gets a fork of that

        def in_workers(some: Sequence[Submission]) -> Results:
            return _in_workers(known, some, min(options.workers, len(some)), first)

        before(in_workers)
        yield from in_workers(submissions)


def _in_workers(known: Known, submissions: Sequence[Submission], count: int, first: Grader) -> Results:
    queue = [(submission, 1) for submission in reversed(submissions)]
    alone: list[Submission] = []  # those that got too little of the processor while others were graded
    unusable, any_graded = 0, False  # submissions in a row for which there was no sandbox; whether there ever was
    workers = [_Worker(known, first.clone()) for _ in range(count)]

    def give(worker: _Worker) -> None:
        """Give the worker the next submission; another one takes the place of a dead worker."""
        while not worker.take(queue):
            workers.remove(worker)
            worker.stop()
            worker = _Worker(known, first.clone())
            workers.append(worker)

    try:
        for worker in list(workers):
            give(worker)
        while any(worker.busy for worker in workers) or alone:
            if not any(worker.busy for worker in workers):
                queue.append((alone.pop(), ALONE))
                give(workers[0])
                continue
            ready = wait([worker.connection for worker in workers if worker.busy], PAUSE)
            if not ready:
                yield None
            for worker in [worker for worker in workers if worker.connection in ready]:
                submission, attempt = worker.busy
                try:
                    outcome, content = worker.connection.recv()
                except (EOFError, OSError):
                    if attempt < ATTEMPTS:
                        queue.append((submission, attempt + 1))
                    else:
                        text = "grading it ended the grader's own process twice; look at it by hand."
                        yield submission, unreadable(submission, text)
                    give(worker)
                    continue
                if outcome == "unusable" and attempt < ATTEMPTS:
                    queue.append((submission, attempt + 1))
                elif outcome == "unusable":
                    unusable += 1
                    if unusable >= IN_A_ROW or not any_graded:
                        raise Unusable(content)
                    content = failed(submission, Unusable(content))
                else:
                    unusable, any_graded = 0, True
                give(worker)
                if outcome == "graded" and content.starved and attempt != ALONE:
                    alone.append(submission)
                elif outcome == "graded" or attempt >= ATTEMPTS:
                    yield submission, content
    finally:
        for worker in workers:
            worker.stop()


class _Worker:
    def __init__(self, known: Known, grader: Grader):
        context = multiprocessing.get_context("fork")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, self.connection, known, grader), daemon=True)
        self.process.start()
        theirs.close()
        grader.close()  # the worker has its own copy
        self.busy: tuple[Submission, int] | None = None

    def take(self, queue: list[tuple[Submission, int]]) -> bool:
        """Take the next submission of the queue, if there is one. False when the worker is dead."""
        self.busy = None
        if queue:
            try:
                self.connection.send(queue[-1][0])
            except OSError:
                return False
            self.busy = queue.pop()
        return True

    def stop(self) -> None:
        # Said, not only closed: workers forked later hold a copy of this end.
        with contextlib.suppress(OSError):
            self.connection.send(None)
        self.connection.close()
        self.process.join(timeout=3)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


COLLECTIONS = 700, 10, 10  # as Python itself begins with: answers must not pile up
MEMORY = 2**30  # bytes that a worker may take on top of what it starts with, whatever answers make it calculate


def limit_memory(more: int = MEMORY) -> None:
    """Let this process take so many bytes more than it has; what would need more raises MemoryError (Linux)."""
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        has = int(next(line.split()[1] for line in lines if line.startswith("VmData:"))) * 1024
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        wanted = has + more if most == resource.RLIM_INFINITY else min(has + more, most)
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, most))


def _work(connection: Connection, other: Connection, known: Known, grader: Grader) -> None:
    """Runs in the worker: one submission after the other until the connection closes."""
    other.close()
    confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)  # nobody would take its results
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's business
    os.environ.update(ONE_THREAD)
    gc.freeze()  # or the first collection would copy every page of the process that this is a fork of
    gc.set_threshold(*COLLECTIONS)
    limit_memory()
    with grader:
        while True:
            try:
                submission: Submission | None = connection.recv()
            except (EOFError, OSError):
                return
            if submission is None:
                return
            try:
                result, instead = at_its_own_cost(submission, partial(_read_and_grade, known, submission, grader))
                answer: tuple[str, Any] = ("graded", instead or result)
            except Exception as error:
                answer = ("unusable", str(error))
            connection.send(answer)


def _read_and_grade(known: Known, submission: Submission, grader: Grader) -> SubmissionResult:
    wanted = known[submission.section]
    return grade_submission(wanted, submission, read_contents(submission.folder, wanted), grader)
