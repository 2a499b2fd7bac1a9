"""Submissions that try to cheat, to spy, to break things or to stop the run. Each is handed in by a student of its own.

An attack is code for a cell at the top of an otherwise unanswered notebook, or a change of the
notebook, or files beside it. None may gain a point, change anything else or stop the run.
"""

from __future__ import annotations

import json
import os
import random
import re
import socket
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.demo.classroom import MadeUp, code_cell, solved
from autograder.submissions.released import released_notebooks

Notebook = dict[str, Any]
SECTION = "04-ridge"
HONEST = ("aaa-honest", "mmm-honest", "zzz-honest")
FOUND = re.compile(r"\b(FOUND|WROTE)\b")


@dataclass(frozen=True)
class Attack:
    """name is the student id too. files are written beside the notebook; `folder` may do what it likes there."""

    name: str
    code: str = ""
    notebook: Callable[[Notebook], Notebook | bytes | None] = lambda notebook: None
    files: dict[str, bytes] = field(default_factory=dict)
    folder: Callable[[Path], None] = lambda folder: None


def submit(course: Course, attack: Attack) -> None:
    folder = course.submitted / attack.name / SECTION
    folder.mkdir(parents=True)
    (template,) = released_notebooks(course, SECTION).values()
    notebook = solved(template, MadeUp(attack.name, "", keep=lambda template, grade_id: False))
    if attack.code:
        notebook["cells"].insert(0, code_cell(attack.code))
    changed = attack.notebook(notebook)
    content = changed if isinstance(changed, bytes) else json.dumps(notebook if changed is None else changed).encode()
    (folder / f"{template.name}.ipynb").write_bytes(content)
    for name, data in attack.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    attack.folder(folder)


def scores(course: Course, student: str) -> dict[str, float | None]:
    with sqlite3.connect(course.gradebook_path) as db:
        rows = db.execute(
            "select base_cell.name, grade.auto_score from grade join base_cell on grade.cell_id = base_cell.id "
            "join submitted_notebook n on n.id = grade.notebook_id "
            "join submitted_assignment a on a.id = n.assignment_id where a.student_id = ?",
            (student,),
        )
        return dict(rows.fetchall())


def graded(notebook: Notebook) -> list[dict[str, Any]]:
    return [c for c in notebook["cells"] if c["metadata"].get("nbgrader", {}).get("grade")]


def tests(notebook: Notebook) -> list[dict[str, Any]]:
    return [c for c in graded(notebook) if c["cell_type"] == "code"]


def for_tests(change: Callable[[dict[str, Any]], None]) -> Callable[[Notebook], None]:
    """An attack on every test cell."""

    def apply(notebook: Notebook) -> None:
        for cell in tests(notebook):
            change(cell)

    return apply


def result(text: str) -> dict[str, Any]:
    return {"output_type": "execute_result", "data": {"text/plain": text}, "metadata": {}, "execution_count": 1}


def add_cell(source: str, **nbgrader: Any) -> Callable[[Notebook], None]:
    def apply(notebook: Notebook) -> None:
        cell = {
            "cell_type": "code",
            "id": "extra",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": 1,
        }
        if nbgrader:
            cell["metadata"]["nbgrader"] = {"schema_version": 3, "locked": False, "task": False, **nbgrader}
        notebook["cells"].append(cell)

    return apply


def swap_ids(notebook: Notebook) -> None:
    """The written answers (graded by hand) take the names of the tests and the other way round."""
    cells = graded(notebook)
    names = [cell["metadata"]["nbgrader"]["grade_id"] for cell in cells]
    for cell, name in zip(cells, reversed(names), strict=True):
        cell["metadata"]["nbgrader"]["grade_id"] = name


def markdown(source: str) -> Callable[[Notebook], None]:
    def apply(notebook: Notebook) -> None:
        notebook["cells"].append({"cell_type": "markdown", "id": "text", "metadata": {}, "source": source})

    return apply


def output_everywhere(output: dict[str, Any]) -> Callable[[Notebook], None]:
    def apply(notebook: Notebook) -> None:
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell["outputs"] = [output]

    return apply


def link(name: str, target: str) -> Callable[[Path], None]:
    return lambda folder: os.symlink(target, folder / name)


def notebook_is_link(folder: Path) -> None:
    """The notebook is a link to the solution."""
    source = folder.parent.parent.parent / "source" / folder.name
    for path in folder.glob("*.ipynb"):
        path.unlink()
        os.symlink(source / path.name, path)


def device(folder: Path) -> None:
    try:
        os.mknod(folder / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    except PermissionError:
        os.mkfifo(folder / "zero")


def socket_file(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("weights.npz")
    os.chdir(here)


def odd_folders(folder: Path) -> None:
    for number in range(1000):
        (folder / f"-{number}").mkdir()


def only(cells: list[dict[str, Any]]) -> Callable[[Notebook], Notebook]:
    """The notebook with these cells in place of its own."""
    return lambda notebook: {**notebook, "cells": cells}


def code_cells(sources: list[str]) -> list[dict[str, Any]]:
    return [{"cell_type": "code", "metadata": {}, "source": source, "outputs": []} for source in sources]


def alike(notebook: Notebook) -> Notebook:
    """Cells with the letters of the released ones, shuffled: each pair looks alike until it is looked at closely."""
    letters, shuffle = list("".join(cell["source"] for cell in notebook["cells"]))[:1000], random.Random(0).shuffle
    sources = []
    for _ in range(2500):
        shuffle(letters)
        sources.append("# " + "".join(letters).replace("\n", " "))
    return only(code_cells(sources))(notebook)


CHANNEL = """
import os, struct, json
def channel():
    for number in range(3, 4096):
        try:
            os.fstat(number)
            yield number
        except OSError:
            pass
"""

FORGED_REPLY = (
    CHANNEL
    + """
def forge(value, count=200):
    header = json.dumps(value).encode()
    for number in channel():
        for _ in range(count):
            os.write(number, struct.pack(">IQ", len(header), 0) + header)
"""
)

# Every answer to the judge is the given one, or holds the given `out`; what the cells give is sent as it is.
FORGED_ANSWERS = """
import json, struct, sys
def forge_out(out, body=b""):
    node = {'dict': [['stage', 'done'], ['out', out], ['grads', {'dict': [[name, None] for name in 'abw']}]]}
    forge_answers({'dict': [['value', node], ['handle', {'handle': 1}]]}, body)
def forge_answers(answer, body=b""):
    header = json.dumps(answer).encode()
    message = struct.pack(">IQ", len(header), len(body)) + header + body
    probe = sys.modules["inside.probe"]
    honest = probe.encode
    probe.encode = lambda reply: honest(reply) if "outputs" in reply else message
"""

ANSWERS = """
import sys, numpy as np
probe = sys.modules["inside.probe"]
"""

ATTACKS = [
    # -- metadata only, forged outputs
    Attack("points-in-metadata", notebook=for_tests(lambda c: c["metadata"]["nbgrader"].update(points=1000))),
    Attack("points-not-a-number", notebook=for_tests(lambda c: c["metadata"]["nbgrader"].update(points=float("nan")))),
    Attack("forged-number", notebook=for_tests(lambda c: c.update(outputs=[result("5.0")]))),
    Attack("forged-nan", notebook=for_tests(lambda c: c.update(outputs=[result("nan")]))),
    Attack("forged-nothing", notebook=for_tests(lambda c: c.update(outputs=[], source=""))),
    Attack("own-test-text", notebook=for_tests(lambda c: c.update(source="5"))),
    Attack("test-turned-solution", notebook=for_tests(lambda c: c["metadata"]["nbgrader"].update(solution=True))),
    Attack("test-turned-markdown", notebook=for_tests(lambda c: c.update(cell_type="markdown"))),
    Attack("test-not-graded", notebook=for_tests(lambda c: c["metadata"]["nbgrader"].update(grade=False))),
    Attack("tests-deleted", notebook=lambda nb: {**nb, "cells": [c for c in nb["cells"] if c not in tests(nb)]}),
    Attack("checksum-forged", notebook=for_tests(lambda c: c["metadata"]["nbgrader"].update(checksum="0" * 32))),
    Attack("ids-swapped", notebook=swap_ids),
    Attack("train-tag-on-tests", notebook=for_tests(lambda c: c["metadata"].update(tags=["train"]))),
    Attack("unknown-graded-cell", notebook=add_cell("1000", grade=True, solution=False, points=1000, grade_id="bonus")),
    Attack("second-test-cell", notebook=add_cell("10", grade=True, solution=False, points=10, grade_id="sum_node_check")),
    Attack("metadata-of-odd-types", notebook=for_tests(lambda c: c.update(metadata={"nbgrader": ["grade"], "tags": 3}))),
    Attack("printed-verdict", code="for _ in range(9): print('sum_node · 5 of 5 points')"),
    # -- patching what tests use
    Attack("numpy-patched", code="import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
           "np.abs = np.max = np.isnan = lambda *a, **k: np.float64(0)"),
    Attack("builtins-patched", code="import builtins\nbuiltins.abs = builtins.max = lambda *a: 0\n"
           "builtins.isinstance = lambda *a: True\nbuiltins.AssertionError = Warning"),
    Attack("ast-transformer", code="import ast\nclass T(ast.NodeTransformer):\n    def visit_Assert(self, n): return ast.Pass()\n"
           "get_ipython().ast_transformers.append(T())"),
    Attack("input-transformer", code="get_ipython().input_transformers_cleanup.append(lambda lines: ['5\\n'])"),
    Attack("display-hook", code="import sys\nsys.displayhook = lambda value: print(5.0)"),
    Attack("trace-function", code="import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)"),
    Attack("shell-replaced", code="ip = get_ipython()\nip.run_cell = lambda *a, **k: None"),
    Attack("library-patched", code="import backprop.gradcheck as g, backprop.checking.diagnosis as m\n"
           "g.check_node = g.check_graph = lambda *a, **k: None\ng.compare = None\nm.diagnose = None"),
    Attack("modules-poisoned", code="import sys\nfor name in list(sys.modules):\n"
           "    if name.startswith(('inside', 'backprop', 'json')): sys.modules[name] = None"),
    Attack("probe-answers-nothing", code=ANSWERS + "probe.Probe.answer = lambda self, request: {'value': None}"),
    Attack("probe-answers-true", code=ANSWERS + "probe.Probe.answer = lambda self, request: {'value': True, 'points': 5}"),
    Attack("probe-answers-nan", code=ANSWERS + "probe.Probe.answer = lambda self, request: {'value': {'stage': 'done',"
           " 'out': np.nan, 'returned': np.nan, 'd_out': np.nan, 'grads': {}}}"),
    Attack("probe-answers-verdict", code=ANSWERS + "probe.Probe.answer = lambda self, request: {'score': 5, 'full': True}"),
    Attack("probe-echoes", code=ANSWERS + "probe.Probe.answer = lambda self, request: {'value': request}"),
    Attack("probe-raises", code=ANSWERS + "def answer(self, request): raise SystemExit\nprobe.Probe.answer = answer"),
    Attack("probe-sends-handles", code=ANSWERS + "from inside.wire import Handle\n"
           "probe.Probe.answer = lambda self, request: {'value': Handle(10**30, 'x' * 10**5), 'handle': Handle(1)}"),
    Attack("liar-array", code="import numpy as np\nclass Liar(np.ndarray):\n    __eq__ = __le__ = lambda *a: True\n"
           "    def __array__(self, *a, **k): return np.zeros(3)\n"
           "class SumNode:\n    def __init__(self, a, b, name): self.out = self.d_out = np.zeros(()).view(Liar)\n"
           "    forward = backward = lambda self: self.out\n    get_predecessors = lambda self: []"),
    Attack("equal-to-everything", code="class E(float):\n    __eq__ = __le__ = __lt__ = lambda *a: True\n"
           "    __sub__ = __rsub__ = __abs__ = lambda *a: 0.0\nclass SumNode:\n"
           "    def __init__(self, a, b, name): self.out, self.d_out = E(), E()\n"
           "    forward = backward = lambda self: self.out\n    get_predecessors = lambda self: []"),
    # -- reading what must stay hidden
    Attack("search-the-disk", code="import os\nfor base, _, names in os.walk('/'):\n    for name in names:\n"
           "        path = os.path.join(base, name)\n"
           "        if name.endswith('.ipynb') or name in ('verdict.py', 's04_ridge.py', 'gradebook.db') or 'autograder' in path:\n"
           "            if os.path.isfile(path) and os.path.getsize(path): print('FOUND', path)"),
    Attack("where-is-the-course", code="import os\nfor base, _, names in os.walk('/'):\n"
           "    if base.startswith(('/proc', '/sys', '/dev')): continue\n"
           "    for name in names:\n"
           "        path = os.path.join(base, name)\n"
           "        if 'backprop' in path and os.path.isfile(path):\n"
           "            try: text = open(path, errors='ignore').read()\n"
           "            except OSError: continue\n"
           "            if 'file://' in text or 'MAPPING' in text: print('FOUND', path)"),
    Attack("course-folder", code="import glob\nfor up in range(1, 8):\n"
           "    for path in glob.glob('../' * up + '*/*/*.ipynb') + glob.glob('../' * up + 'gradebook.db'): print('FOUND', path)"),
    Attack("import-autograder", code="import autograder\nprint('FOUND', autograder.__file__)"),
    Attack("open-gradebook", code="def look():\n    from nbgrader.api import Gradebook\n    Gradebook('sqlite:///gradebook.db')\n    print('FOUND')\nlook()"),
    Attack("stack-frames", code="import sys\nframe = sys._getframe()\nwhile frame:\n    for n, v in frame.f_locals.items():\n"
           "        if 'hidden' in repr(v).lower() or 'expected' in n: print('FOUND', n)\n    frame = frame.f_back"),
    Attack("garbage-collector", code="import gc\nfor o in gc.get_objects():\n"
           "    if type(o).__name__ in ('Check', 'Verdict', 'Draw', 'ReleasedNotebook'): print('FOUND', o)"),
    Attack("process-memory", code="for path in ('/proc/self/mem', '/proc/1/mem', '/proc/2/mem', '/proc/1/environ', '/dev/mem'):\n"
           "    try: print('FOUND', path, open(path, 'rb').read(10))\n    except OSError: pass"),
    Attack("environment", code="import os\nfor k, v in os.environ.items():\n"
           "    if any(w in (k + v).upper() for w in ('SECRET', 'TOKEN', 'DATABASE')): print('FOUND', k)"),
    Attack("home-folder", code="import os, pathlib\nfor p in ('/root', '/home'):\n    for base, _, names in os.walk(p):\n"
           "        for n in names:\n            if n in ('.netrc', 'id_rsa', '.bash_history', '.gitconfig'): print('FOUND', base, n)"),
    Attack("history", code="print(*(['FOUND'] if len(list(get_ipython().history_manager.get_range())) > 3 else []))"),
    # -- writing outside, poisoning the next student
    Attack("write-everywhere", code="import os\nfor d in ('/', '/usr/lib', '/course', '/course/inside', '/course/backprop', '/etc',\n"
           "          os.path.dirname(os.__file__), os.path.dirname(__import__('numpy').__file__), '/dev', '/dev/shm'):\n"
           "    try:\n        open(os.path.join(d, 'sitecustomize.py'), 'w').write('boom')\n        print('WROTE', d) if d != '/dev/shm' else 0\n"
           "    except OSError: pass"),
    Attack("leave-in-tmp", code="import os\nfor p in ('/tmp', '/dev/shm', '/var/tmp'):\n    try: open(p + '/left-behind', 'w').write('x')\n    except OSError: pass"),
    Attack("find-left-behind", code="import os\nfor p in ('/tmp', '/dev/shm', '/var/tmp'):\n"
           "    if os.path.exists(p + '/left-behind'): print('FOUND', p)"),
    Attack("startup-files", code="import os\nos.makedirs('/tmp/profile_default/startup', exist_ok=True)\n"
           "open('/tmp/profile_default/startup/00.py', 'w').write('print(\"FOUND\")')\nopen('/tmp/matplotlibrc', 'w').write('x')"),
    Attack("shadow-numpy", files={"numpy.py": b"print('FOUND')", "backprop/__init__.py": b"print('FOUND')",
                                  "sitecustomize.py": b"print('FOUND')", "inside/__init__.py": b"print('FOUND')"}),
    Attack("library-in-memory", code="import numpy as np\nnp.__version__ = 'poisoned'\nimport backprop\nbackprop.poisoned = True"),
    Attack("find-poison", code="import numpy as np, backprop\n"
           "print(*(['FOUND'] if np.__version__ == 'poisoned' or hasattr(backprop, 'poisoned') else []))"),
    # -- links, devices, names
    Attack("link-to-solution", folder=notebook_is_link),
    Attack("link-to-passwd", folder=link("weights.npz", "/etc/passwd"), code="print('FOUND', open('weights.npz').read(5))"),
    Attack("linked-folder", folder=link("data", "/"), code="import os\nprint('FOUND', os.listdir('data'))"),
    Attack("fifo", folder=lambda folder: os.mkfifo(folder / "pipe"), code="print('FOUND', open('pipe').read(1))"),
    Attack("device-file", folder=device, code="print('FOUND', open('zero', 'rb').read(1))"),
    Attack("odd-names", files={"a\nb.txt": b"x", "-rf": b"x", "$(reboot).py": b"x", "\u202etxt.exe": b"x"}),
    Attack("forged-time", files={"timestamp.txt": b"1970-01-01 00:00:00 UTC\n'); DROP TABLE grade; --"}),
    Attack("time-of-nonsense", files={"timestamp.txt": b"\xff\xfe" + b"9" * 5000}),
    Attack("name ünï-☃'\";--"),
    Attack("time-is-a-pipe", folder=lambda folder: os.mkfifo(folder / "timestamp.txt")),
    Attack("time-without-end", folder=link("timestamp.txt", "/dev/zero")),
    Attack("socket-file", folder=socket_file),
    Attack("many-odd-folders", folder=odd_folders),
    Attack("pickle-beside", files={"weights.pkl": b"cos\nsystem\n(S'touch /tmp/pwned'\ntR."}),
    # -- processes, signals, bombs
    Attack("kill-parents", code="import os, signal\nfor pid in (os.getppid(), 0, 1, -1, 2, 3):\n"
           "    try: os.kill(pid, signal.SIGKILL)\n    except OSError: pass"),
    Attack("fork-bomb", code="import os\nwhile True: os.fork()"),
    Attack("daemon", code="import os\nif os.fork() == 0:\n    os.setsid()\n    while True: pass"),
    Attack("subprocess", code="import subprocess\nprint('FOUND', subprocess.run(['id'], capture_output=True))"),
    Attack("shell-escape", code="!touch /tmp/pwned\n%system id\nget_ipython().system('id')"),
    Attack("thread-bomb", code="import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()"),
    Attack("memory-bomb", code="x = []\nwhile True: x.append(bytearray(10**8))"),
    Attack("disk-bomb", code="with open('/tmp/big', 'wb') as f:\n    while True: f.write(b'0' * 10**6)"),
    Attack("many-files", code="n = 0\nwhile True:\n    open(f'/tmp/{n}', 'w').close()\n    n += 1"),
    Attack("output-bomb", code="while True: print('x' * 10**6)"),
    Attack("display-bomb", code="from IPython.display import display\nfor n in range(10**5): display('x' * 10**4)"),
    Attack("endless-loop", code="while True: pass"),
    Attack("deaf-loop", code="while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
    Attack("ignore-signals", code="import signal\nfor s in range(1, 30):\n    try: signal.signal(s, signal.SIG_IGN)\n"
           "    except (OSError, ValueError): pass\nwhile True: pass"),
    Attack("stuck-in-c", code="import numpy as np\nnp.ones((3000, 3000)) @ np.ones((3000, 3000)) @ np.ones((3000, 3000))\n10 ** 10 ** 9"),
    Attack("exit", code="import os\nos._exit(0)"),
    Attack("system-exit", code="raise SystemExit(0)"),
    Attack("segfault", code="import ctypes\nctypes.string_at(1)"),
    Attack("abort", code="import os\nos.abort()"),
    Attack("deep-recursion", code="import sys\nsys.setrecursionlimit(10**9)\ndef f(n): return f(n + 1)\nf(0)"),
    Attack("network", code="import socket\ndef look():\n    socket.create_connection(('127.0.0.1', 22), 1)\n    print('FOUND')\nlook()"),
    Attack("name-spaces", code="import ctypes\nlibc = ctypes.CDLL(None)\n"
           "for r in (libc.unshare(0x10000000), libc.mount(b'none', b'/tmp', b'tmpfs', 0, None), libc.setns(0, 0), libc.ptrace(16, 1, 0, 0),\n"
           "          libc.chroot(b'/'), libc.umount2(b'/tmp', 2), libc.umount2(b'/proc', 2)):\n    if r == 0: print('FOUND')"),
    Attack("capabilities", code="import ctypes\nlibc = ctypes.CDLL(None)\nif libc.setuid(1234) == 0 or libc.sethostname(b'x', 1) == 0: print('FOUND')"),
    # -- the channel to the judge
    Attack("close-the-channel", code="import os\nos.closerange(0, 4096)"),
    Attack("garbage-in-channel", code=CHANNEL + "for n in channel(): os.write(n, b'garbage' * 1000)"),
    Attack("endless-stream", code=CHANNEL + "for n in channel():\n    os.write(n, struct.pack('>IQ', 100, 2**40))\n    while True: os.write(n, b'0' * 65536)"),
    Attack("huge-promise", code=CHANNEL + "for n in channel(): os.write(n, struct.pack('>IQ', 2**32 - 1, 2**63))"),
    Attack("forged-value", code=FORGED_REPLY + "forge({'dict': [['value', True]]})"),
    Attack("forged-array-shape", code=FORGED_REPLY + "forge({'dict': [['value', {'array': '<f8', 'shape': [2**40, 2**40]}]]})"),
    Attack("forged-negative-shape", code=FORGED_REPLY + "forge({'dict': [['value', {'array': '<f8', 'shape': [-1, -8]}]]})"),
    Attack("forged-object-array", code=FORGED_REPLY + "forge({'dict': [['value', {'array': '|O', 'shape': [1]}]]})"),
    Attack("forged-nesting", code=FORGED_REPLY + "v = None\nfor _ in range(900): v = {'list': [v]}\nforge({'dict': [['value', v]]})"),
    Attack("forged-array-type", code=FORGED_REPLY + "forge({'dict': [['value', {'array': 'f,6)O2', 'shape': [1]}]]})"),
    Attack("forged-processor-time", code=FORGED_REPLY + "forge({'dict': [['outputs', []], ['ok', True], ['cpu', {'float': 'nan'}]]})"),
    Attack("answers-of-long-doubles", code=FORGED_ANSWERS + "forge_out({'array': '<f16', 'shape': [2]}, bytes(range(1, 33)))"),
    Attack("answers-of-nothing-huge", code=FORGED_ANSWERS + "forge_out({'array': '<f8', 'shape': [0, 2**40]})"),
    Attack("answers-of-many-booleans", code=FORGED_ANSWERS + "forge_out({'array': '|b1', 'shape': [2**25]}, bytes(2**25))"),
    Attack("answers-of-huge-integers", code=FORGED_ANSWERS + "forge_out(10**4000)"),
    Attack("errors-of-arrays", code=FORGED_ANSWERS + "forge_answers({'dict': [['error', {'dict': [['type', []], ['message', 5],"
           " ['line', {'array': '<f8', 'shape': [0]}]]}]]})"),
    Attack("forged-outputs", code=FORGED_REPLY + "forge({'dict': [['outputs', {'list': [{'text': 'x'}]}], ['ok', True], ['value', {'float': '5'}]]})"),
    # -- time and memory
    Attack("slow-answers", code="import time\nclass SumNode:\n    def __init__(self, *a): time.sleep(1.3)\n"
           "L2NormPenaltyNode = BatchAffineNode = RidgeRegression = MinibatchRidge = SumNode"),
    Attack("name-error-on-purpose", code="import time\nclass SumNode:\n    def __init__(self, *a): raise NameError('NameError')"),
    Attack("many-outputs", notebook=lambda nb: {**nb, "cells": nb["cells"] + code_cells(
        ["from IPython.display import display\nfor n in range(20): display('x' * 99_000 + str(n))"] * 60)}),
    Attack("system-v-memory", code="import ctypes\nlibc = ctypes.CDLL(None)\nfor n in range(100):\n"
           "    key = libc.shmget(0, ctypes.c_size_t(2**30), 0o1666)\n    if key >= 0: print('FOUND', key)"),
    Attack("small-threads", code="import threading, time\nthreading.stack_size(32768)\n"
           "while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"),
    Attack("raise-limits", code="import resource as r\nfor kind in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_FSIZE, r.RLIMIT_NOFILE):\n"
           "    try:\n        r.setrlimit(kind, (r.RLIM_INFINITY, r.RLIM_INFINITY))\n        print('FOUND', kind)\n"
           "    except (ValueError, OSError): pass"),
    Attack("secret-memory", code="import ctypes\nlibc = ctypes.CDLL(None)\nfor call in (319, 447, 425, 323, 240, 64, 68):\n"
           "    if libc.syscall(call, 0, 0, 0, 0, 0) >= 0: print('FOUND', call)"),
    Attack("array-of-lies", files={"lies.npy": b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (10**12,)}".ljust(117) + b"\n"},
           code="import numpy as np\nnp.load('lies.npy')"),
    # -- the process that runs it
    Attack("audit-hook", code="import sys\ndef hook(*a): raise SystemExit\nsys.addaudithook(hook)"),
    Attack("open-files", code="import os\nfound = []\nfor n in range(3, 4096):\n    try: found.append(os.fstat(n))\n    except OSError: pass\n"
           "if len(found) > 1: print('FOUND', found)"),
    Attack("exit-in-destructor", code="import os\nclass SumNode:\n    def __init__(self, *a): pass\n    def __del__(self): os._exit(0)"),
    Attack("endless-generator", code="import itertools\nclass SumNode:\n    def __init__(self, *a): pass\n"
           "    forward = backward = lambda self: itertools.count()\n    out = d_out = property(lambda self: [self.out])\n"
           "    get_predecessors = lambda self: itertools.count()"),
    Attack("wandering-index", code="class I:\n    __index__ = __int__ = __float__ = __len__ = lambda self: 10**30\n"
           "    def __getattr__(self, name): return I()\n    __array__ = lambda self, *a, **k: [I()]\nclass SumNode(I):\n"
           "    def __init__(self, *a): pass"),
    # -- scripts for whoever looks at the feedback
    Attack("script-in-output", code="from IPython.display import HTML, Javascript, SVG, display\n"
           "display(HTML('<script>document.title = 1</script>'), Javascript('alert(1)'), SVG('<svg onload=\"alert(1)\"/>'))"),
    Attack("script-saved", notebook=output_everywhere({"output_type": "display_data", "metadata": {}, "data": {
        "text/html": "<script>alert(1)</script>", "application/javascript": "alert(1)", "image/svg+xml": "<svg onload='alert(1)'/>",
        "image/png": "iVBORw0KGgo\" onerror=\"alert(1)"}})),
    Attack("script-in-markdown", notebook=markdown("<script>alert(1)</script><img src=x onerror=alert(1)> [x](javascript:alert(1))")),
    Attack("terminal-escapes", code="print('\\x1b]0;owned\\x07\\x1b[2J')\nraise ValueError('\\x1b[2J')"),
    Attack("eight-bit-escapes", code="print('\\x9b2J\\x9d0;owned\\x9c')"),
    Attack("escapes-in-errors", code="class SumNode:\n    def __init__(self, *a): raise ValueError('\\x1b]0;owned\\x07\\x1b[2J')"),
    Attack("half-characters", code="raise ValueError('\\udc80\\ud800')"),
    Attack("half-characters-in-errors", code="class SumNode:\n    def __init__(self, *a): raise ValueError('\\udc80\\ud800')"),
    Attack("half-characters-in-names", code="E = type('\\udc80\\x1b[2J', (Exception,), {})\nclass SumNode:\n"
           "    def __init__(self, *a): self.out = self.d_out = E()\n    forward = backward = lambda self: E()\n"
           "    def get_predecessors(self): raise E('x')\nraise E('x')"),
    Attack("escapes-in-metadata", notebook=lambda nb: nb["metadata"].update(language_info={"name": "\x1b[2J\udc80"}, kernelspec=[1])),
    Attack("pictures-with-paths", notebook=lambda nb: nb["cells"].append({"cell_type": "markdown", "metadata": {},
        "source": "![x](attachment:../../x.png) ![y](/etc/passwd) ![z](file:///etc/passwd)",
        "attachments": {"../../x.png": {"image/png": "iVBORw0KGgo="}, "y": 3, "z.png": ["image/png"]}})),
    # -- notebooks that are hard to read
    Attack("many-empty-lines", notebook=only(code_cells(["\n" * 900_000]))),
    Attack("slow-to-search", notebook=only(code_cells(["# " + "np.allclose." * 70_000]))),
    Attack("many-alike-cells", notebook=alike),
    Attack("much-text", notebook=only(code_cells(["# " + "x" * 1_000_000] * 30))),
    Attack("many-parts", notebook=lambda nb: b'{"cells": [' + b"[]," * 4_000_000 + b"0]}"),
    Attack("many-broken-cells", notebook=lambda nb: b'{"cells": [' + b'{"cell_type": "code", "x": [' * 150 + b'"' + b"x" * 30_000_000),
    Attack("bytes-of-no-encoding", notebook=lambda nb: b'{"cells": [' + b"\xff" * 20_000_000),
    Attack("integers-without-end", notebook=lambda nb: b'{"cells": [' + b"9" * 1_000_000 + b"]}"),
    Attack("cells-twice", notebook=lambda nb: b'{"cells": [], "cells": {"a": NaN}, "cells": [Infinity, -0, 1e999], "metadata": 1}'),
    Attack("deep-json", notebook=lambda nb: b'{"cells": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
    Attack("not-a-notebook", notebook=lambda nb: b"\x00\x01\x02 not a notebook"),
    Attack("many-cells", notebook=lambda nb: {**nb, "cells": nb["cells"] + [
        {"cell_type": "raw", "metadata": {}, "source": ""}] * 20_000}),
    Attack("many-bytes", notebook=output_everywhere(result("x" * 2_000_000))),
    Attack("cells-of-odd-types", notebook=lambda nb: {**nb, "cells": [None, 3, "x", [], {}, {"cell_type": 5, "source": 5}, *nb["cells"]]}),
]  # fmt: skip
