"""The same work on the workers of a Dask scheduler."""

from __future__ import annotations

import contextlib
import pickle
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from ..course import Course
from ..errors import Unusable, UserError
from ..gradebook.result import SubmissionResult
from ..submissions.find import Submission
from ..submissions.submission import read_contents
from .guard import at_its_own_cost, unreadable
from .notebook import Grader
from .workers import ATTEMPTS, Known, Options, Results, grade_submission

if TYPE_CHECKING:
    from distributed import Client

SENDINGS = 5  # of a submission that the cluster loses, whatever the cause
RETURN_SECONDS = 60  # for a scheduler or a worker to come back
IN_FLIGHT = 4  # submissions under way for each thread of the cluster: enough to keep it busy, little enough to hold


def grade_on_cluster(
    course: Course, known: Known, submissions: Sequence[Submission], options: Options, salt: str
) -> Results:
    """As `grade_here`, on the workers of the Dask scheduler at `options.cluster`.

    The workers need this package and bubblewrap, but no shared file system: submissions travel with
    the work. Raises UserError when the scheduler can't be reached or has no worker.
    """
    from distributed import CancelledError, Client, KilledWorker, as_completed
    from distributed.comm import CommClosedError

    from .cluster_plugin import BringChecks

    if not submissions:
        return
    try:
        client = Client(options.cluster, timeout=10, set_as_default=False)
    except (OSError, ValueError) as error:
        text = f"The scheduler {options.cluster} cannot be reached ({error}). Is `dask scheduler` running there?"
        raise UserError(text) from None
    with client:
        client.register_plugin(BringChecks(course.checks))
        threads = sum(client.nthreads().values())
        if not threads:
            raise UserError(
                f"The scheduler {options.cluster} has no workers. Start some: dask worker {options.cluster}"
            )
        waiting = [(submission, 1) for submission in reversed(submissions)]
        under_way: dict[str, tuple[Submission, int]] = {}
        finished = as_completed(loop=client.loop)

        def send() -> Results:
            """Send the next submission out; what cannot even be read is finished at once."""
            while waiting:
                submission, attempt = waiting.pop()
                contents, instead = at_its_own_cost(
                    submission, partial(read_contents, submission.folder, known[submission.section])
                )
                if instead is not None:
                    yield submission, instead
                    continue
                # Pickled here: the scheduler unpacks what it is given, and only the workers have the course's checks.
                task = pickle.dumps((known[submission.section], submission, contents, options, salt))
                future = client.submit(_on_cluster, task, pure=False, retries=ATTEMPTS - 1)
                under_way[future.key] = submission, attempt
                finished.add(future)
                return

        for _ in range(threads * IN_FLIGHT):
            yield from send()
        while not finished.is_empty():
            if not finished.has_ready():
                yield None
            future = next(finished)
            submission, attempt = under_way.pop(future.key)
            try:
                result = future.result()
            except UserError:
                raise
            except KilledWorker:
                text = "grading it ended the cluster's workers again and again; look at it by hand."
                result = unreadable(submission, text)
            except Exception as error:
                # Cancelled, or lost with the worker that held it: no fault of the submission, whatever it is called.
                lost = isinstance(error, (CancelledError, CommClosedError, OSError, TimeoutError))
                if lost and attempt < SENDINGS:
                    _refuse_without_cluster(client, options)
                    waiting.append((submission, attempt + 1))
                    yield from send()
                    continue
                text = f"the cluster failed on it ({type(error).__name__}); look at it by hand."
                result = unreadable(submission, text)
            if result.starved and attempt < SENDINGS:
                waiting.insert(0, (submission, SENDINGS))
                yield from send()
                continue
            yield from send()
            yield submission, result


def _refuse_without_cluster(client: Client, options: Options) -> None:
    """Raise Unusable when the scheduler, or the last worker, is gone and does not come back."""
    with contextlib.suppress(Exception):
        client.wait_for_workers(1, timeout=RETURN_SECONDS)
        return
    raise Unusable(
        f"The cluster at {options.cluster} went away. What is finished is kept; start the scheduler and its workers "
        "again, and the same command goes on from here."
    )


_graders = threading.local()


def _on_cluster(task: bytes) -> SubmissionResult:
    """Runs on a Dask worker; each of its threads keeps zygotes of its own. `task` was pickled by the run itself."""
    wanted, submission, contents, options, salt = pickle.loads(task)
    grader = getattr(_graders, "grader", None)
    if grader is None or (grader.salt, grader.confined, grader.seconds) != (salt, options.confined, options.seconds):
        if grader is not None:
            grader.close()
        grader = _graders.grader = Grader(confined=options.confined, salt=salt, seconds=options.seconds)
    return grade_submission(wanted, submission, contents, grader)
