"""The zygote: loads numpy, matplotlib and IPython once, then forks a student process per notebook.

Started inside bubblewrap as `python -I -S zygote.py FD TORCH CONFINED`. Over the socket FD it takes

    {"op": "start", "limits": {...}, "files": {name: bytes as uint8 array}, "given": {the same}} and one socket
        (SCM_RIGHTS); what is given cannot be changed
    {"op": "interrupt"}, for the student process that is running
    {"op": "used"}: its processor seconds are replied
    {"op": "end"}: the student process is killed; the processor seconds of everything here since the last "end" and the
                   largest memory so far are replied
    {"op": "clone"} and one socket: a fork of the zygote takes requests over that socket, until it closes

One student process at a time. The zygote itself never runs anything of a submission.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import shutil
import signal
import socket
import sys
import tempfile
import textwrap
import time
from typing import Any

# A notebook in small: what using something for the first time costs is paid here, once, and not in every fork.
FIRST_CELLS = (
    """
    import matplotlib.pyplot as plt
    import numpy as np

    class Node:
        "A class with a method."

        def forward(self, x):
            return [np.asarray(x) @ np.zeros(2) for _ in range(2)]

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    left.plot(np.arange(3.0), "o-", label="$x$")
    left.set(title="a", xlabel="b")
    left.legend()
    plt.show()
    print(f"{Node().forward([1.0, 2.0])}")
    np.random.default_rng(0).normal(size=3).round(2)
    """,
    "raise ValueError('shown like every other')",
)


HELD_SECONDS = 0.005  # an answer to one of several requests may be held back so long, to go with the next
READY_SECONDS = 30  # until a student process stands behind its walls


def main() -> None:
    gc.disable()  # loading makes no garbage; from the first student on it is on again
    control = socket.socket(fileno=int(sys.argv[1]))
    with_torch, confined = sys.argv[2] == "1", sys.argv[3] == "1"
    sys.path[:0] = sys.argv[4:]
    from inside import confine

    spaces = confine.ProcessSpaces() if confined else contextlib.nullcontext()
    accounted = -spaces.spent if confined else 0.0
    from inside.channel import Channel
    from inside.shell import NoTorch, Shell
    from inside.wire import encode

    if not with_torch:
        sys.meta_path.insert(0, NoTorch())
    shell = Shell()
    _preload(with_torch)
    shell.use_figures()
    _use_once(shell)
    if confined:
        # Students' forks share the user id; without this they could read this process's memory.
        confine.prctl(confine.PR_SET_DUMPABLE, 0)
        confine.make_ready()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.collect()
    gc.enable()
    gc.freeze()  # or the first collection in every fork would copy all the pages that it looks at
    control.sendall(encode({"ready": True}))

    child: _Child | None = None
    clones: list[int] = []
    channel = Channel(control, with_sockets=True)
    while True:
        try:
            request = channel.read()
        except EOFError:
            break
        sockets = channel.sockets()
        operation = request["op"]
        if operation == "start":
            child = _Child(sockets[0], request, shell, confined, spaces)
            control.sendall(encode({"started": child.ready}))
        elif operation == "interrupt" and child:
            child.signal(signal.SIGINT)
        elif operation == "used":
            control.sendall(encode({"cpu": child.used() if child else 0.0}))
        elif operation == "end":
            if child:
                child.end()
            child, total = None, _processor_seconds()
            memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
            control.sendall(encode({"cpu": total - accounted, "memory": memory}))
            accounted = total
        elif operation == "clone":
            spent = _processor_seconds() - accounted
            try:
                pid = os.fork()
            except OSError:  # seen by whoever waits at the other end
                sockets[0].close()
                continue
            if pid == 0:
                if confined:  # elsewhere a student's folder has still to be removed: it ends when its socket closes
                    confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)
                control.close()
                control, child, clones = sockets[0], None, []
                channel = Channel(control, with_sockets=True)
                accounted = -spent  # for the first notebook's account, as with the original
                control.sendall(encode({"ready": True}))
            else:
                sockets[0].close()
                clones = [clone for clone in [*clones, pid] if os.waitpid(clone, os.WNOHANG)[0] == 0]
                accounted = _processor_seconds()
    if child:
        child.end()


def _processor_seconds() -> float:
    """What this process and its finished children have used so far: nobody outside bubblewrap gets to know it."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _preload(with_torch: bool) -> None:
    import matplotlib

    matplotlib.use("agg")
    import json  # noqa: F401
    import math  # noqa: F401
    import random  # noqa: F401

    import matplotlib.pyplot as plt
    import numpy as np
    from inside.old_names import keep_old_names
    from inside.progress import bars_as_text

    keep_old_names()
    bars_as_text()
    figure, axes = plt.subplots()
    axes.plot(np.arange(2.0), label="a")
    axes.legend()
    figure.canvas.draw()  # fonts are found once, here
    plt.close("all")
    import importlib
    import pkgutil

    import backprop

    for module in pkgutil.walk_packages(backprop.__path__, "backprop.", onerror=lambda name: None):
        if not module.name.endswith("__main__"):
            with contextlib.suppress(ImportError):  # what needs torch, or is for printing, can stay away
                importlib.import_module(module.name)
    if with_torch:
        import torch
        from inside.no_gpu import stay_on_the_cpu

        if not torch.cuda.is_available():
            stay_on_the_cpu()
        torch.set_num_threads(1)
        x = torch.ones(2, requires_grad=True)
        (x * x).sum().backward()
        # The first optimizer imports 800 modules and the first convolution sets up its library: seconds, in every fork.
        layer = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten())
        for optimizer in (torch.optim.SGD, torch.optim.Adam):
            step = optimizer(layer.parameters(), lr=0.1)
            step.zero_grad()
            layer(torch.zeros(2, 1, 5, 5)).sum().backward()
            step.step()


def _use_once(shell: Any) -> None:
    """Run the small notebook and ask it something; leave no name behind."""
    from inside.probe import Probe, encode_reply

    names = dict(shell.namespace)
    for source in FIRST_CELLS:
        shell.run_cell(textwrap.dedent(source), 0)
    probe = Probe(shell.namespace)
    node = probe.answer({"op": "call", "name": "Node"})["handle"]
    for argument in ([1.0, 2.0], "no number"):
        request = {"op": "call", "target": node, "method": "forward", "args": (argument,)}
        encode_reply(probe.answer(request))
    shell.namespace.clear()
    shell.namespace.update(names)


class _Child:
    """One student process, seen from the zygote.

    ready : it stands behind its walls, with its files in place
    """

    def __init__(self, channel: socket.socket, request: dict[str, Any], shell: Any, confined: bool, spaces: Any):
        reader, writer = os.pipe()
        self.folder = None if confined else tempfile.mkdtemp(prefix="student-")
        with spaces:
            self.pid = os.fork()
            if self.pid == 0:
                _become_student(channel, request, shell, self.folder, writer)
        os.close(writer)
        channel.close()
        with os.fdopen(reader, "rb") as pipe:
            told, _, _ = select.select([pipe], [], [], READY_SECONDS)
            self.ready = bool(told) and pipe.read(1) == b"1"

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def used(self) -> float:
        """Its processor seconds so far, with all its threads, by the kernel's own count."""
        try:
            return time.clock_gettime((~self.pid << 3) | 2)  # the clock of another process: clock_getcpuclockid(3)
        except OSError:
            return 0.0

    def end(self) -> None:
        """Kill everything of this student, and wait for it."""
        self.signal(signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)


def _become_student(
    channel: socket.socket, request: dict[str, Any], shell: Any, folder: str | None, writer: int
) -> None:
    """Never returns. `folder` is where an unconfined process works; a confined one gets a /tmp of its own."""
    from inside import confine

    try:
        limits = confine.Limits(**request["limits"])
        # Order matters: die with the zygote, hide files, limit, filter. Then the submission comes in.
        confine.prctl(confine.PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setpgid(0, 0)  # or whatever it may do to its process group would reach the students of other workers
        if folder is None:
            confine.own_namespaces()
            confine.own_files(limits)
        else:
            os.chdir(folder)
        _put_files(request["files"])
        _put_files(request["given"])
        if folder is None:
            confine.make_unchangeable(request["given"])
            confine.drop_capabilities()
        shell.use_own_modules()
        _close_everything_but(channel.fileno(), writer)
        confine.limit_resources(limits, confined=folder is None)
        if folder is None:
            confine.filter_system_calls()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.write(writer, b"1")
        os.close(writer)
        serve(channel, shell)
    except BaseException as error:
        with contextlib.suppress(Exception):
            from inside.wire import encode

            channel.sendall(encode({"broken": f"{type(error).__name__}: {error}"}))
    finally:
        os._exit(1)


def _close_everything_but(*keep: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    start = 3
    for number in [*sorted(keep), 4096]:
        os.closerange(start, number)
        start = number + 1


def _put_files(files: dict[str, Any]) -> None:
    for name, content in files.items():
        if os.path.dirname(name):
            os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as file:
            file.write(content.tobytes())


def serve(channel: socket.socket, shell: Any) -> None:
    """Run cells and answer the judge until the socket closes.

    Times are those of this thread: with a limit on processor time set, Linux counts a process's time in ticks of 4 ms.
    Requests may come several at once: each has an answer of its own, and answers that are ready soon go together.
    """
    from inside.channel import Channel
    from inside.probe import Probe, encode_reply, timeout

    probe = Probe(shell.namespace)
    home = os.getcwd()  # where the submission's files are: they are found there, wherever a cell may have gone
    answering = 0.0  # processor seconds of the student's code in the judge's requests

    peer = Channel(channel, interrupted=True)
    while True:
        try:
            request = peer.read()
        except EOFError:
            return
        several = request["requests"] if request["op"] == "several" else [request]
        probe.begin(linked=request.get("linked", False))
        ready, since = b"", time.monotonic()
        for one in several:
            try:
                if one["op"] == "cell":
                    start = time.thread_time()
                    reply = shell.run_cell(one["source"], one["number"])
                    reply["cpu"] = time.thread_time() - start
                    reply["value"] = None
                elif one["op"] == "cpu":
                    reply = {"value": answering}
                else:
                    start = time.thread_time()
                    with contextlib.suppress(OSError):
                        os.chdir(home)
                    reply = probe.answer_next(one)
                    answering += time.thread_time() - start
                message = encode_reply(reply)
            except KeyboardInterrupt:
                message = encode_reply({"error": timeout()})
            ready += message
            if len(several) > 1 and time.monotonic() - since > HELD_SECONDS:
                peer.write(ready)
                ready, since = b"", time.monotonic()
        peer.write(ready)


if __name__ == "__main__":
    main()
