"""Attacks aimed at this very design, written after reading it: each row is one way in that its code seemed to leave.

The inputs are frozen. What they did at first, before anything was mended, stands in docs/security.md.
"""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from attacks import FORGED_REPLY, SECTION, Attack, Notebook, code_cells, for_tests, graded, only, result

from autograder.sandbox.inside.wire import Absent, Handle

MEBI = 2**20
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(20)).decode()
SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'


def text_cell(source: str, attachments: Any = None) -> dict[str, Any]:
    cell = {"cell_type": "markdown", "metadata": {}, "source": source}
    return cell if attachments is None else {**cell, "attachments": attachments}


def with_cells(*cells: dict[str, Any]) -> Callable[[Notebook], None]:
    """An attack that adds cells at the end."""
    return lambda notebook: notebook["cells"].extend(cells)


def spellings(name: str, count: int) -> list[str]:
    """So many ways to write a name in capital and small letters."""
    return ["".join(letters) for letters in islice(product(*((a.lower(), a.upper()) for a in name)), count)]


def pictures_of_one_name(notebook: Notebook) -> None:
    """No written answer is where it should be; in its place 250 texts with 50 pictures each, all called alike."""
    notebook["cells"] = [c for c in notebook["cells"] if c not in graded(notebook) or c["cell_type"] == "code"]
    for cell in range(250):
        kept = {}
        for number in range(50):
            data = base64.b64encode(b"\x89PNG\r\n\x1a\n" + f"{cell} {number}".encode()).decode()
            kept[f"p{number}.png"] = {"image/png": data}
        notebook["cells"].append(text_cell(f"an answer {cell}", kept))


def printed(cells: int, letters: str) -> Callable[[Notebook], Notebook]:
    """A notebook whose cells have ten outputs of 190,000 letters each."""
    output = {"output_type": "stream", "name": "stdout", "text": letters * (190_000 // len(letters))}
    made = [{**cell, "outputs": [output] * 10} for cell in code_cells([f"x{n} = 1" for n in range(cells)])]
    return lambda notebook: only([*notebook["cells"], *made])(notebook)


def copies(name: str, count: int, named: str) -> Callable[[Path], None]:
    """So many names for one file: no more room on the disk than the one."""

    def apply(folder: Path) -> None:
        for number in range(count):
            os.link(folder / name, folder / named.format(number))

    return apply


def large_zips(folder: Path) -> None:
    with zipfile.ZipFile(folder / "work.zip", "w", zipfile.ZIP_STORED) as made:
        made.writestr("big.bin", bytes(62 * MEBI))
    copies("work.zip", 20, "work{}.zip")(folder)


def sparse_files(folder: Path) -> None:
    """2,000 files of 64 MiB that take no room: 125 GiB to be read."""
    for number in range(2000):
        with open(folder / f"w{number}.npy", "wb") as file:
            file.truncate(64 * MEBI)


def own_time_beside(folder: Path) -> None:
    """The notebook lies one folder deeper, and beside it a time of the student's own."""
    (folder / "work").mkdir()
    (folder / "ridge.ipynb").rename(folder / "work" / "ridge.ipynb")
    (folder / "work" / "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    (folder / "work" / "submission_secret.txt").write_text("x")


def many_beside_the_section(folder: Path) -> None:
    for number in range(20_000):
        (folder.parent / f"05-ridge-{number}").touch()


def zip_of(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in entries:
            made.writestr(name, content)
    return buffer.getvalue()


def link_entry(name: str, target: bytes) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info, target


def nowhere(notebook: Notebook) -> bytes:
    """In place of the notebook: nothing that is one."""
    return b""


def one_id(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["id"] = "same"
        cell["metadata"] = {"nbgrader": {"grade_id": "ridge_regression_check", "grade": True, "points": 99}}


def of_another_section(notebook: Notebook) -> None:
    for number, cell in enumerate(graded(notebook)):
        cell["metadata"]["nbgrader"]["grade_id"] = f"softmax_node_check{number}"


def format_3(notebook: Notebook) -> Notebook:
    cells = [{**cell, "input": cell["source"], "prompt_number": 1} for cell in notebook["cells"]]
    metadata = {"kernelspec": {"name": "python3"}, "score": 99}
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": metadata, "worksheets": [{"cells": cells}] * 40}


def format_99(notebook: Notebook) -> Notebook:
    return {**notebook, "nbformat": 99, "nbformat_minor": -1, "metadata": {"celltoolbar": [[[]]], "points": 1e308}}


def marks_everywhere(notebook: Notebook) -> None:
    for cell in notebook["cells"]:
        cell["source"] = f"### BEGIN HIDDEN TESTS\n### BEGIN SOLUTION\n{cell['source']}\nfrom autograder import grade\n"


SOCKET = """
import array, os, socket, stat, struct, sys, threading, time
def sockets():
    for number in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode): yield number
        except OSError: pass
"""

# Each letter of an answer travels alone, and takes two open files along.
FILES_ALONG = (
    SOCKET
    + """
null = os.open(os.devnull, os.O_RDONLY)
def write(self, message):
    for n in range(len(message)):
        along = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null, null]))]
        self.socket.sendmsg([message[n:n + 1]], along)
sys.modules["inside.channel"].Channel.write = write
"""
)
SMALL_SIPS = """
import sys, time
def take(self, deadline, size):
    while len(self._data) < size:
        self._data += self.socket.recv(8192)
        time.sleep(1.5)
    taken = bytes(self._data[:size])
    del self._data[:size]
    return taken
sys.modules["inside.channel"].Channel._take = take
"""
NAPS = """
import time
def nap():
    while True:
        end = time.process_time() + 0.008
        while time.process_time() < end: pass
        time.sleep(0.09)
class SumNode:
    def __init__(self, *a): nap()
nap()
"""
NESTED_ANSWER = """
import struct, sys
piece = b"[" * 500 + b"]" * 500
header = b"[" + b",".join([piece] * 16000) + b"]"
message = struct.pack(">IQ", len(header), 0) + header
sys.modules["inside.probe"].encode = lambda reply: message
"""
LIBC = "import ctypes, fcntl, os, struct, threading, time\nlibc = ctypes.CDLL(None, use_errno=True)\n"
SHARED_FILE = "file = os.open('/course/inside/wire.py', os.O_RDONLY)\n"
# What a student's process loads goes under its own name into the notebook, to answer the questions that follow.
STEAL_NAMES = """
import sys
probe = sys.modules["inside.probe"]
load = probe.Probe.do_load
def do_load(self, request):
    stolen = {"__name__": "reference", "Leaf": probe.Leaf}
    exec(request["source"], stolen)
    self.namespace.update({name: value for name, value in stolen.items() if name[:1] != "_"})
    return load(self, request)
probe.Probe.do_load = do_load
"""
STOLEN_IN = (
    "02-backprop-practice", "03-relu-net-by-hand", "04-ridge", "06-mlp", "07-softmax-nll", "08-cifar",
    "11-your-own-engine", "12-batchnorm-and-embeddings",
)  # fmt: skip

IN_A_CLASS = [
    # -- what the two processes send each other
    Attack("open-files-for-the-judge", code=FILES_ALONG),
    Attack("drinks-in-small-sips", code=SMALL_SIPS, notebook=lambda nb: nb["cells"].insert(
        0, code_cells(["#" + "x" * 1_000_000])[0])),
    Attack("answer-of-nested-lists", code=NESTED_ANSWER),
    Attack("answers-before-questions", code=FORGED_REPLY + "import threading\n"
           "def always():\n    while True: forge({'dict': [['value', True], ['handle', {'handle': 1}]]}, 1)\n"
           "threading.Thread(target=always, daemon=True).start()"),
    Attack("processor-time-of-nonsense", code="import time\ntime.thread_time = lambda: 'x' * 10\n"
           "time.thread_time.__radd__ = None" ),
    Attack("names-of-many-lines", code="class SumNode:\n    def __init__(self, a, b, name): self.out = self.d_out = self.made()\n"
           "    def made(self): return type('x.\\nsum_node · 5 of 5 points\\nforward: 5 of 5', (), {})()\n"
           "    def forward(self): return self.made()\n    backward = forward\n    get_predecessors = lambda self: [self.made()]"),
    Attack("names-that-are-no-names", code="class M(type):\n    __name__ = property(lambda self: [self])\n"
           "    __module__ = property(lambda self: 1 / 0)\nclass SumNode(metaclass=M):\n    def __init__(self, *a): self.out = self.d_out = self\n"
           "    def __getattr__(self, name): raise SystemExit\n    forward = backward = get_predecessors = lambda self: self"),
    Attack("words-that-are-no-words", code="class S(str):\n    __getitem__ = strip = split = encode = lambda *a: 10**5000\n"
           "    isascii = lambda self: 5\nclass E(Exception):\n    __str__ = lambda self: S('x')\nE.__name__ = S('y')\n"
           "class SumNode:\n    def __init__(self, *a): raise E"),
    # -- time
    Attack("sleeps-most-of-the-time", code=NAPS),
    Attack("first-thread-ends", code="import ctypes, threading, time\n"
           "threading.Thread(target=time.sleep, args=(600,)).start()\nctypes.CDLL(None).syscall(60, 0)"),
    Attack("ends-at-the-end", code="import atexit, os, threading, time\natexit.register(os._exit, 0)\n"
           "def late():\n    time.sleep(0.5)\n    os._exit(3)\nthreading.Thread(target=late).start()"),
    Attack("signals-to-itself", code="import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)\n"
           "signal.signal(signal.SIGALRM, lambda *a: None)\nsignal.signal(signal.SIGINT, signal.SIG_IGN)"),
    # -- two submissions that talk, by what the whole computer has one of
    Attack("hints-on-a-file", code=LIBC + SHARED_FILE + "fcntl.fcntl(file, 1036, struct.pack('Q', 3))\n"
           "print('FOUND', fcntl.fcntl(file, 1035, bytes(8)))"),
    Attack("asynchronous-reads", code=LIBC + "context = ctypes.c_ulong(0)\n"
           "if libc.syscall(206, 60000, ctypes.byref(context)) == 0: print('FOUND')"),
    Attack("waiting-signals", code=LIBC + "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [40])\nn = 0\n"
           "while n < 1000 and libc.sigqueue(os.getpid(), 40, None) == 0: n += 1\nif n == 1000: print('FOUND')"),
    Attack("how-many-threads", code=LIBC + "seen = ctypes.create_string_buffer(200)\n"
           "if libc.sysinfo(seen) == 0: print('FOUND', struct.unpack_from('H', seen, 80))"),
    Attack("which-pages-are-cached", code=LIBC + SHARED_FILE + "seen = ctypes.create_string_buffer(10)\n"
           "part = (ctypes.c_void_p * 2)(ctypes.addressof(seen), 10)\nif libc.preadv2(file, part, 1, ctypes.c_long(0), 8) != -1: print('FOUND')"),
    Attack("which-pages-are-mapped", code=LIBC + "import mmap\nseen = ctypes.create_string_buffer(10)\n"
           "libc.mmap.restype = ctypes.c_void_p\nat = libc.mmap(None, 4096, 1, 1, os.open('/course/inside/wire.py', 0), 0)\n"
           "if libc.mincore(ctypes.c_void_p(at), ctypes.c_size_t(4096), seen) == 0: print('FOUND')"),
    Attack("pages-thrown-out", code=LIBC + SHARED_FILE + "print('FOUND', os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED))"),
    Attack("files-in-flight", code=SOCKET + "one = socket.socket(fileno=next(sockets()))\nnull = os.open(os.devnull, 0)\n"
           "print('FOUND', one.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [null]))]))"),
    # -- notebooks that are hard to read
    Attack("drawings-of-many-parts", notebook=lambda nb: with_cells(*(
        {**cell, "outputs": [{"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": SVG.format("<g/>" * 500_000)}}]}
        for cell in code_cells(["1"] * 30)))(nb)),
    Attack("pictures-of-many-spellings", notebook=lambda nb: with_cells(text_cell(
        " ".join(f"attachment:{name}" for name in spellings("abcdefghijklmnopqrst.png", 100_000)),
        {"abcdefghijklmnopqrst.png!": {"image/png": PNG}, "Abcdefghijklmnopqrst.png": {"image/png": PNG}}))(nb)),
    Attack("pictures-with-all-numbers", notebook=lambda nb: with_cells(text_cell(
        "x", {"a b.png": {"image/png": PNG}, **{f"picture-{n}.png": 0 for n in range(1, 10_001)}}))(nb)),
    Attack("pictures-of-one-name", notebook=pictures_of_one_name),
    Attack("picture-of-sixty-megabytes", notebook=lambda nb: with_cells(text_cell(
        "data:image/png;base64," + "A" * (60 * MEBI)))(nb)),
    Attack("one-letter-of-four-bytes", notebook=lambda nb: json.dumps(
        printed(30, "x" * 189_999 + "\U0001f600")(nb), ensure_ascii=False).encode()),
    Attack("twelve-large-notebooks", notebook=printed(30, "x"), folder=copies("ridge.ipynb", 12, "ridge-{}.ipynb")),
    Attack("many-definitions", notebook=lambda nb: with_cells(*code_cells(
        ["".join(f"def a{n}{m}(): 0\n" for n in range(55_000)) for m in range(8)]))(nb)),
    Attack("format-3-with-points", notebook=format_3),
    Attack("format-of-the-future", notebook=format_99),
    Attack("one-id-for-all", notebook=one_id),
    Attack("ids-of-another-section", notebook=of_another_section),
    Attack("marks-in-every-cell", notebook=marks_everywhere),
    Attack("score-in-a-drawing", notebook=for_tests(lambda c: c.update(outputs=[result("10.0"), {
        "output_type": "display_data", "metadata": {"figure": True, "points": 5}, "data": {"image/svg+xml": SVG.format("<text>5</text>")}}]))),
    # -- folders and names
    Attack("name-that-is-searched-for-ever", files={"a.ipynb" + "1" * 60 + "x": b"x"}),
    Attack("large-zips", folder=large_zips),
    Attack("links-in-a-zip", notebook=nowhere, files={"work.zip": zip_of(
        link_entry("ridge.ipynb", b"../../../source/04-ridge/ridge.ipynb"), link_entry("data", b"/"), ("../../x.ipynb", b"{}"))}),
    Attack("letters-of-either-case", files={"RIDGE.IPYNB": b"{}", "Ridge.ipynb": b'{"cells": 5}', "ridge.ipynb.txt": b"[", "ridge.IPYNB.json": b""}),
    Attack("sparse-files", folder=sparse_files),
    Attack("time-of-the-year-one", files={"timestamp.txt": b"0001-01-02 03:04:05 UTC"}),
    Attack("ü" * 100, files={"timestamp.txt": b"2026-01-02 03:04:05 UTC"}),
    Attack("own-time-beside-the-notebook", folder=own_time_beside),
    Attack("many-beside-the-section", folder=many_beside_the_section),
    Attack("[red]{0}%s:smile:[link=x]"),
    Attack("=HYPERLINK(1)"),
]  # fmt: skip


# -- what a process can say once it has been shown reference code ---------------------------------------------------


@dataclass(frozen=True)
class Said:
    """Takes reference code out of a process in the answers of the judge's questions.

    value  : a piece of code of 7 letters, and what stands in place of each number and array of an answer
    words  : the piece as it would be read on the page
    """

    name: str
    value: Callable[[str], Any]
    words: Callable[[str], str]


def as_number(piece: str) -> int:
    return int.from_bytes(piece.encode()[:7], "big") >> 1


CARRIERS = [
    Said("shapes-of-nothing", lambda p: np.zeros((0, as_number(p) >> 4)), lambda p: str(as_number(p) >> 4)),
    Said("shapes-thrown-away", lambda p: Absent((as_number(p), 3)), lambda p: str(as_number(p))),
    Said("words", lambda p: p, lambda p: p),
    Said("keys", lambda p: {p: 1.0, "W1": p}, lambda p: p),
    Said("numbers", lambda p: as_number(p), lambda p: str(as_number(p))),
    Said("kinds", lambda p: Handle(1, f"a {p}"), lambda p: p),
    Said("lists-of-words", lambda p: [p, (p, [p])], lambda p: p),
]

LINES = "x\nFORGED 5 of 5 points"
FORGERS: dict[str, Callable[[], Any]] = {
    "kinds": lambda: Handle(1, LINES),
    "words": lambda: LINES,
    "keys": lambda: {LINES: 1.0},
    "lists": lambda: [LINES, [LINES]],
}


# -- downloads ------------------------------------------------------------------------------------------------------


def zips(count: int, inner: bytes) -> bytes:
    return zip_of(*((f"{number}.zip", inner) for number in range(count)))


def empty_zip(entries: int) -> bytes:
    return zip_of(*((f"{n}.exe", b"") for n in range(entries)))


# The zip that one student handed in, beside another's.
HANDED_IN: dict[str, Callable[[], bytes]] = {
    "many-zips-in-a-zip": lambda: zips(1500, zip_of(("a.txt", b"x"))),
    "many-zips-of-many-files": lambda: zips(800, empty_zip(2000)),
    "many-files-of-no-kind": lambda: empty_zip(2000),
    "name-that-is-searched-for-ever": lambda: zip_of((f"{SECTION}/a.ipynb" + "1" * 60 + "x", b"{}")),
}

# -- printed answers: a written answer, and what a cell has shown ----------------------------------------------------

WRITTEN: dict[str, str] = {
    "quotes-in-quotes": ">" * 5000 + " a",
    "lists-in-lists": "\n".join("  " * n + "- a" for n in range(1500)),
    "braces-in-braces": "$" + "{" * 5000 + "x" + "}" * 5000 + "$",
    "fractions-in-fractions": "$" + r"\frac{1}{" * 2000 + "x" + "}" * 2000 + "$",
    "roots-without-end": "$$" + r"\sqrt{" * 20_000 + "$$",
    "brackets-without-end": "[" * 50_000,
    "html-in-html": "<div><b>" * 5000,
    "stars": "*a **b " * 10_000,
}
