"""An end to work that somebody else's data may draw out: by the processor's time, whatever else the computer does."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

from .errors import UserError


class TooLong(UserError):
    """Something took more of the processor than it may. Not a TimeoutError, which is taken for an error of a file."""


@contextlib.contextmanager
def at_most(seconds: float, text: str) -> Iterator[None]:
    """Raise TooLong with the text in the block after so many seconds of the processor, and each second from then on.

    Without effect outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise TooLong(text)

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
