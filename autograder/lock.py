"""One run at a time: the lock of a course."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator

from .course import Course
from .errors import UserError


@contextlib.contextmanager
def one_run_at_a_time(course: Course) -> Iterator[None]:
    """Hold the course's lock. Raises UserError when another run holds it; a dead run holds nothing."""
    course.state.mkdir(parents=True, exist_ok=True)
    with open(course.state / "lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError("Another grading run is working in this course. Wait for it, or stop it first.") from None
        except OSError as error:
            text = f"{course.state} cannot be locked ({error.strerror}). The course needs a disk with file locks."
            raise UserError(text) from None
        yield
