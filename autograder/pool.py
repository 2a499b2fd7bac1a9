"""Worker processes: each grades one unit at a time with warm processes of its own, forks of one.

A worker that dies is replaced and its unit tried once more; a unit that kills two workers is given
up with a sentence, and the run goes on.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from .checks import load
from .course import Course, UserError
from .grading import Grader
from .inside import confine
from .ledger import Record
from .run import Options, grade_unit, unreadable
from .sandbox import ONE_THREAD
from .template import Template
from .units import Submission, Unit, read_submission

ATTEMPTS = 2

Known = dict[str, dict[str, Template]]


def grade_here(
    course: Course, known: Known, units: Sequence[Unit], options: Options, salt: str
) -> Iterator[tuple[Unit, Record]]:
    """Grade the units in worker processes on this machine; yield each with its record, in the order of finishing.

    Raises UserError when the sandbox can't be started.
    """
    if not units:
        return
    for section in known:
        load(section)  # before the fork, so that each worker has the checks already
    with Grader(confined=options.confined, salt=salt, seconds=options.seconds) as first:
        for torch in {template.torch for unit in units for template in known[unit.section].values()}:
            first.warm(torch)  # numpy and the rest are loaded once; every worker gets a fork of that
        yield from _in_workers(known, units, min(options.workers, len(units)), first)


def _in_workers(known: Known, units: Sequence[Unit], count: int, first: Grader) -> Iterator[tuple[Unit, Record]]:
    queue = [(unit, 1) for unit in reversed(units)]
    workers = [_Worker(known, first.clone()) for _ in range(count)]

    def give(worker: _Worker) -> None:
        """Give the worker the next unit; another one takes the place of a dead worker."""
        while not worker.take(queue):
            workers.remove(worker)
            worker.stop()
            worker = _Worker(known, first.clone())
            workers.append(worker)

    try:
        for worker in list(workers):
            give(worker)
        while any(worker.busy for worker in workers):
            ready = wait([worker.connection for worker in workers if worker.busy])
            for worker in [worker for worker in workers if worker.connection in ready]:
                unit, attempt = worker.busy
                try:
                    outcome, content = worker.connection.recv()
                except (EOFError, OSError):
                    if attempt < ATTEMPTS:
                        queue.append((unit, attempt + 1))
                    else:
                        text = "grading it ended the grader's own process twice; look at it by hand."
                        yield unit, unreadable(unit, text)
                    give(worker)
                    continue
                if outcome == "unusable":
                    raise UserError(content)
                give(worker)
                yield unit, content
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
        self.busy: tuple[Unit, int] | None = None

    def take(self, queue: list[tuple[Unit, int]]) -> bool:
        """Take the next unit of the queue, if there is one. False when the worker is dead."""
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


def _work(connection: Connection, other: Connection, known: Known, grader: Grader) -> None:
    """Runs in the worker: one unit after the other until the connection closes."""
    other.close()
    confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)  # nobody would take its results
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the main process's business
    os.environ.update(ONE_THREAD)
    with grader:
        while True:
            try:
                unit: Unit | None = connection.recv()
            except (EOFError, OSError):
                return
            if unit is None:
                return
            try:
                wanted = known[unit.section]
                submission = read_submission(unit.folder, wanted)
                answer: tuple[str, Any] = ("graded", grade_unit(wanted, unit, submission, grader))
            except UserError as error:
                answer = ("unusable", str(error))
            except Exception as error:  # our own mistake must cost this unit only
                answer = ("graded", _failed(unit, error))
            connection.send(answer)


def _failed(unit: Unit, error: Exception) -> Record:
    return unreadable(unit, f"the grader failed on it ({type(error).__name__}: {error}); look at it by hand.")


# -- a cluster ------------------------------------------------------------------------------------------------------

IN_FLIGHT = 4  # units under way for each thread of the cluster: enough to keep it busy, little enough to hold


def grade_on_cluster(
    course: Course, known: Known, units: Sequence[Unit], options: Options, salt: str
) -> Iterator[tuple[Unit, Record]]:
    """As `grade_here`, on the workers of the Dask scheduler at `options.cluster`.

    The workers need this package and bubblewrap, but no shared file system: submissions travel with
    the work. Raises UserError when the scheduler can't be reached or has no worker.
    """
    from distributed import Client, as_completed

    if not units:
        return
    try:
        client = Client(options.cluster, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        text = f"The scheduler {options.cluster} cannot be reached ({error}). Is `dask scheduler` running there?"
        raise UserError(text) from None
    with client:
        threads = sum(client.nthreads().values())
        if not threads:
            raise UserError(
                f"The scheduler {options.cluster} has no workers. Start some: dask worker {options.cluster}"
            )
        waiting = list(reversed(units))
        under_way: dict[str, Unit] = {}
        finished = as_completed(loop=client.loop)

        def send() -> Iterator[tuple[Unit, Record]]:
            """Send the next unit out; what cannot even be read is finished at once."""
            while waiting:
                unit = waiting.pop()
                try:
                    submission = read_submission(unit.folder, known[unit.section])
                except Exception as error:
                    yield unit, _failed(unit, error)
                    continue
                task = (_on_cluster, known[unit.section], unit, submission, options, salt)
                future = client.submit(*task, pure=False, retries=ATTEMPTS - 1)
                under_way[future.key] = unit
                finished.add(future)
                return

        for _ in range(threads * IN_FLIGHT):
            yield from send()
        for future in finished:
            unit = under_way.pop(future.key)
            try:
                record = future.result()
            except UserError:
                raise
            except Exception as error:  # a worker that was killed by this unit again and again, or a fault of ours
                record = unreadable(unit, f"the cluster failed on it ({type(error).__name__}); look at it by hand.")
            yield from send()
            yield unit, record


_graders = threading.local()


def _on_cluster(wanted: dict[str, Template], unit: Unit, submission: Submission, options: Options, salt: str) -> Record:
    """Runs on a Dask worker; each of its threads keeps warm processes of its own."""
    grader = getattr(_graders, "grader", None)
    if grader is None or (grader.salt, grader.confined, grader.seconds) != (salt, options.confined, options.seconds):
        if grader is not None:
            grader.close()
        grader = _graders.grader = Grader(confined=options.confined, salt=salt, seconds=options.seconds)
    return grade_unit(wanted, unit, submission, grader)
