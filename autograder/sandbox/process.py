"""The trusted side of the sandbox: starts zygotes in bubblewrap and talks to student processes.

Everything that comes back over a socket is read as hostile: sizes are limited, nothing is unpickled,
and a process that hangs, lies about the format or dies ends its own notebook only.
"""

from __future__ import annotations

import array
import contextlib
import math
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import Unusable
from .bubblewrap import ENVIRONMENT, INSIDE, LIBRARY, bubblewrap, inside, library_folders
from .gone import StudentGone, nonsense
from .inside.channel import Channel
from .inside.confine import Limits
from .inside.wire import MAX_BYTES, MAX_JSON, MOST_ENTRIES, WireError, encode

START_SECONDS = 600  # torch loads slowly on a busy machine; one that ended is noticed at once
REPLY_SECONDS = 60
MAX_ANSWER = 2**20  # bytes of an answer to the judge, its arrays aside
WAITS = (0.5, 5.0, 30.0)  # between tries to fork a student process
GRACE_SECONDS = 1.0  # between asking a cell to stop and killing the process
QUICK = 1.0  # an answer that comes within these seconds, nobody looks at the processor for
ASLEEP = 0.03  # a process that takes less than this share of the processor waits for something
PATIENCE = 16  # times the limit: by the clock, a process that gets too little of the processor is waited for so long
WRITING = 30.0  # seconds for it to take in a request
TIMED_OUT = "The code did not finish in {seconds:g} s and was stopped. Is there a loop that never ends?"
ASLEEP_TEXT = "The code waited {seconds:g} s for something that does not come and was stopped. Does it sleep?"
STARVED = "The code got too little of the processor to finish: the grader's computer had too much to do."
DIED = "The notebook's process ended while it ran this. Did the code exit, or use too much memory?"


@dataclass(frozen=True)
class CellResult:
    """What one cell did. outputs are nbformat outputs as the student's process sent them: hostile until cleaned."""

    outputs: list[dict[str, Any]]
    ok: bool
    cpu: float = 0.0


class StudentProcess:
    """One untrusted process with one notebook in it.

    alive  : requests can be sent
    died   : it ended by itself, or by somebody else's hand
    waited : seconds that it waited for the processor, which others had
    until  : the end of waiting for it, by time.monotonic()
    """

    def __init__(self, zygote: Zygote, connection: socket.socket):
        self._zygote, self._channel = zygote, Channel(connection)
        self.alive, self.died, self.waited = True, False, 0.0
        self.until = math.inf
        self.usage: dict[str, float] = {}

    def send(self, request: dict[str, Any], seconds: float = 10.0) -> Any:
        """Send one request, return the reply. Raises StudentGone when none comes; the process is dead then.

        seconds : of the processor that it may use, and of the clock that it may sleep; it is waited for longer where
        others have the processor
        """
        self._ask(request)
        return self._answer(request, seconds)

    def send_all(self, requests: Sequence[dict[str, Any]], linked: bool, seconds: Callable[[], float]) -> list[Any]:
        """Send requests in one message, return the reply to each; all else as in `send`.

        linked  : see `probe.Probe.begin`
        seconds : how long the next one may take; each has its own time
        """
        self._ask({"op": "several", "requests": list(requests), "linked": linked})
        last = len(requests) - 1
        return [self._answer(one, seconds(), last=number == last) for number, one in enumerate(requests)]

    def _ask(self, request: dict[str, Any]) -> None:
        if not self.alive:
            raise StudentGone(DIED, "died")
        message = encode(request)
        try:
            self._channel.write(message, WRITING)
        except TimeoutError:
            self.end()
            raise StudentGone(TIMED_OUT.format(seconds=WRITING), "time") from None
        except OSError:
            self.died = True
            self.end()
            raise StudentGone(DIED, "died") from None

    def _answer(self, request: dict[str, Any], seconds: float, last: bool = True) -> Any:
        """The reply to a request that has been sent. last : no other one follows it."""
        most = (MAX_JSON, MAX_BYTES) if request.get("op") == "cell" else _most(request)
        over = ""
        try:
            over = self._wait(seconds)
            if over:
                self._zygote.signal("interrupt")
                if self._wait(GRACE_SECONDS):
                    raise TimeoutError
            reply = _reply(self._channel, max(seconds, GRACE_SECONDS), *most, last=last)
            if over == STARVED:
                if not last:
                    self.end()  # with it goes what it has still to answer
                raise StudentGone(STARVED, "starved")
            return reply
        except TimeoutError:
            self.end()
            text = (over or TIMED_OUT).format(seconds=seconds)
            raise StudentGone(text, "starved" if over == STARVED else "time") from None
        except (WireError, RecursionError):
            self.end()
            raise nonsense() from None
        except (OSError, EOFError):
            self.died = True
            self.end()
            raise StudentGone(DIED, "died") from None

    def _wait(self, seconds: float) -> str:
        """Wait until an answer begins to come; return "" then, or else what the student reads about its not coming."""
        start = time.monotonic()
        if self._channel.ready(min(QUICK, seconds / 2)):
            return ""
        used = before = self._zygote.used()
        window, left = time.monotonic(), seconds - min(QUICK, seconds / 2)
        first = window
        while left > 0:
            if self._channel.ready(max(left, 0.05)):
                self._count_waiting(first, self._zygote.used() - used)
                return ""
            now, clock = self._zygote.used(), time.monotonic()
            left = seconds - min(QUICK, seconds / 2) - (now - used)
            if clock - window >= max(QUICK, seconds / 2):
                if now - before < ASLEEP * (clock - window):
                    return ASLEEP_TEXT
                window, before = clock, now
            if clock - start > PATIENCE * seconds or clock > self.until:
                self._count_waiting(first, now - used)
                return STARVED
        self._count_waiting(first, self._zygote.used() - used)
        return TIMED_OUT

    def _count_waiting(self, since: float, used: float) -> None:
        self.waited += max(0.0, time.monotonic() - since - used)

    def run_cell(self, source: str, number: int, seconds: float = 30.0) -> CellResult:
        """Run one cell. Raises StudentGone when the process did not survive it."""
        reply = self.send({"op": "cell", "source": source, "number": number}, seconds)
        if isinstance(reply, dict) and isinstance(reply.get("outputs"), list):
            return CellResult(reply["outputs"], reply.get("ok") is True, self._told(reply.get("cpu")))
        self.died = True
        self.end()
        broken = str(reply.get("broken", "") if isinstance(reply, dict) else "")[:200]
        raise StudentGone(f"{DIED} {broken}".strip(), "died")

    def answers_cpu(self) -> float:
        """Processor seconds that the notebook's own code took to answer the judge, by its own account."""
        with contextlib.suppress(StudentGone):
            reply = self.send({"op": "cpu"}, GRACE_SECONDS)
            return self._told(reply.get("value") if isinstance(reply, dict) else None)
        return 0.0

    def _told(self, seconds: Any) -> float:
        """Processor seconds by the process's own account, 0 where that cannot be true."""
        return seconds if isinstance(seconds, float) and 0 <= seconds <= self._zygote.limits.cpu else 0.0

    def end(self) -> None:
        """Kill the process and everything it started."""
        if self.alive:
            self.alive = False
            self._channel.close()
            self.usage = self._zygote.end_student()


class Zygote:
    """A process in bubblewrap that has numpy, matplotlib and IPython loaded and forks students, and clones of itself.

    torch    : torch is importable (and loaded) in it
    confined : False runs without bubblewrap, name spaces and seccomp; the submissions must be trusted
    """

    def __init__(self, torch: bool = False, confined: bool = True, limits: Limits | None = None):
        self.torch, self.confined = torch, confined
        self.limits = limits or Limits(memory=(8 if torch else 3) * 2**30)
        self._process: subprocess.Popen | None = None
        self._control: Channel | None = None
        self._student: StudentProcess | None = None

    def start(self) -> Zygote:
        """Start it and wait until it is ready. Raises Unusable when it can't be started."""
        ours, theirs = socket.socketpair()
        number = theirs.fileno()
        command = bubblewrap(self.torch) if self.confined else []
        paths = ["/course"] if self.confined else [str(INSIDE.parent), str(LIBRARY.parent)]
        libraries = library_folders()
        if self.confined:
            command += [inside(sys.executable), "-I", "-S", "/course/inside/zygote.py"]
            libraries = [inside(folder) for folder in libraries]
        else:
            command += [sys.executable, "-I", "-S", INSIDE / "zygote.py"]
        command += [str(number), str(int(self.torch)), str(int(self.confined)), *paths, *libraries]
        self._process = subprocess.Popen(
            [os.fspath(part) for part in command],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            start_new_session=True,
            preexec_fn=_no_memory_limit,
        )
        theirs.close()
        self._control = Channel(ours)
        try:
            _reply(self._control, START_SECONDS)
        except (OSError, EOFError, WireError):
            self._process.kill()
            said = self._process.stderr.read(4000).decode(errors="replace").strip().splitlines()
            why = said[-1] if said else "it gave no reason"
            self.stop()
            text = f"The sandbox could not be started: {why}. `python -m autograder doctor` says what is missing."
            raise Unusable(text) from None
        return self

    def clone(self) -> Zygote:
        """Another one, forked from this: it starts in milliseconds, shares this one's memory and dies with it.

        Should that happen, it starts anew by itself. Raises OSError, EOFError or WireError where this one is dead.
        """
        if self._control is None:
            self.start()
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._send({"op": "clone"}, theirs)
            channel = Channel(ours)
            _reply(channel, REPLY_SECONDS)
        except BaseException:
            ours.close()
            raise
        twin = Zygote(self.torch, self.confined, self.limits)
        twin._control = channel
        return twin

    def open(self, files: dict[str, bytes] | None = None, given: dict[str, bytes] | None = None) -> StudentProcess:
        """Fork a student process whose working folder holds these files (relative, already checked names).

        given : files that nothing in it can change, rename or remove, if it is confined

        Waits and tries again where that fails: another student's process may have used up what the computer has.
        """
        for pause in WAITS:
            try:
                return self._open(files, given)
            except (OSError, EOFError, WireError, Unusable):
                self.stop()
                time.sleep(pause)
        return self._open(files, given)

    def _open(self, files: dict[str, bytes] | None, given: dict[str, bytes] | None) -> StudentProcess:
        if self._student is not None and self._student.alive:
            self._student.end()
        if self._control is None or (self._process is not None and self._process.poll() is not None):
            self.stop()
            self.start()
        ours, theirs = socket.socketpair()
        start = {"op": "start", "limits": self.limits.as_dict(), "files": _arrays(files), "given": _arrays(given)}
        with theirs:
            self._send(start, theirs)
        if _reply(self._control, REPLY_SECONDS) != {"started": True}:
            raise OSError("the student process could not be started")
        self._student = StudentProcess(self, ours)
        return self._student

    def _send(self, request: dict[str, Any], channel: socket.socket) -> None:
        """Send a request with one end of a socket, over which the answers will come."""
        message = encode(request)
        descriptor = array.array("i", [channel.fileno()])
        sent = self._control.socket.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor)])
        self._control.write(message[sent:])

    def signal(self, operation: str) -> None:
        self._control.write(encode({"op": operation}))

    def used(self) -> float:
        """Processor seconds of the student process that is running. Raises OSError, EOFError or WireError."""
        self.signal("used")
        reply = _reply(self._control, REPLY_SECONDS)
        if not isinstance(reply, dict) or not isinstance(reply.get("cpu"), float):
            raise WireError("no number of seconds")
        return reply["cpu"]

    def end_student(self) -> dict[str, float]:
        """Kill the running student process; return the sandbox's processor seconds since the last, and its memory."""
        try:
            self.signal("end")
            reply = _reply(self._control, REPLY_SECONDS)
            return reply if isinstance(reply, dict) else {}
        except (OSError, EOFError, WireError):
            self.stop()
            return {}

    def stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._process.kill()
            self._process.wait()
            self._process.stderr.close()
        self._process = self._control = None

    def __enter__(self) -> Zygote:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()


def _arrays(files: dict[str, bytes] | None) -> dict[str, np.ndarray]:
    return {name: np.frombuffer(content, np.uint8) for name, content in (files or {}).items()}


def _no_memory_limit() -> None:
    """In the new process: the limit of a worker's memory is not that of the sandbox, which has limits of its own."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _most(request: dict[str, Any]) -> tuple[int, int]:
    """How many bytes of JSON and of numbers the answer to a request of the judge may have."""
    entries = request.get("most", MOST_ENTRIES)
    return MAX_ANSWER + 32 * entries, 16 * (entries + 1024)


def _reply(
    channel: Channel, seconds: float, most_json: int = MAX_JSON, most_bytes: int = MAX_BYTES, last: bool = True
) -> Any:
    """The one message that answers a request. Raises TimeoutError, EOFError, or WireError when it is no such thing.

    last : there is no other request that waits for its answer
    """
    value = channel.read(seconds, most_json, most_bytes)
    if last and not channel.empty:
        raise WireError("there is more than one answer to a request")
    return value
