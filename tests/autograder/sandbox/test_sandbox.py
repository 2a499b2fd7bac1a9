"""What a student process can do and what it cannot; and that the grader survives whatever becomes of it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from places import ROOT, descendants, needs_bubblewrap

from autograder.errors import UserError
from autograder.judging import Student, StudentError, StudentGone
from autograder.sandbox.bubblewrap import NO_BUBBLEWRAP, _interpreter_folders, bubblewrap, library_folders
from autograder.sandbox.inside import confine
from autograder.sandbox.inside.confine import Limits
from autograder.sandbox.process import StudentProcess, Zygote

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox")]

MEBI = 2**20
LIMITS = Limits(memory=1500 * MEBI, file=4 * MEBI, tmp=8 * MEBI, cpu=20, files=64)


@pytest.fixture(scope="module")
def zygote():
    with Zygote(limits=LIMITS) as process:
        yield process


@pytest.fixture
def process(zygote):
    opened = zygote.open({"weights.bin": b"123", "data/x.txt": b"x"})
    yield opened
    opened.end()


def said(process: StudentProcess, source: str, seconds: float = 20) -> str:
    """What a cell printed and raised, as one text."""
    result = process.run_cell(textwrap.dedent(source), 1, seconds)
    pieces = []
    for output in result.outputs:
        pieces += [output.get("text", ""), output.get("ename", ""), output.get("evalue", "")]
        pieces.append(output.get("data", {}).get("text/plain", ""))
    return "\n".join(piece for piece in pieces if piece)


def student_in(process, seconds: float = 10.0) -> Student:
    return Student(lambda request: process.send(request, seconds))


# -- an ordinary notebook -------------------------------------------------------------------------------------------


@needs_bubblewrap
def test_cells_share_their_names_and_the_judge_can_call_them(process):
    assert said(process, "import numpy as np\nx = np.arange(3.0)\nfloat(x.sum())") == "3.0"
    assert said(process, "def f(a):\n    return a + x") == ""
    got = student_in(process).call("f", np.ones(3))
    np.testing.assert_array_equal(got.value, [1, 2, 3])


@needs_bubblewrap
def test_each_notebook_starts_afresh(zygote):
    first = zygote.open()
    said(first, "x = 1; open('/tmp/left', 'w').write('x'); import numpy; numpy.left = 1")
    first.end()
    second = zygote.open()
    assert "NameError" in said(second, "x")
    assert said(second, "import os, numpy; os.listdir('/tmp'), hasattr(numpy, 'left')") == "([], False)"


@needs_bubblewrap
def test_the_submissions_files_are_there(process):
    assert said(process, "open('weights.bin').read(), open('data/x.txt').read()") == "('123', 'x')"


CHANGES = {
    "another mode": "import os; os.chmod('data/x.txt', 0o777)",
    "another mode of a module": "import os; os.chmod('ours.py', 0o777)",
    "writing": "open('data/x.txt', 'w')",
    "adding": "open('ours.py', 'a')",
    "cutting": "import os; os.truncate('data/x.txt', 0)",
    "another time": "import os; os.utime('data/x.txt', (0, 0))",
    "replacing": "import os; open('new', 'w').close(); os.replace('new', 'data/x.txt')",
    "renaming": "import os; os.rename('data/x.txt', 'data/y.txt')",
    "renaming a module": "import os; os.rename('ours.py', 'theirs.py')",
    "removing": "import os; os.remove('data/x.txt')",
    "renaming the folder": "import os; os.rename('data', 'date')",
    "renaming a folder in it": "import os; os.rename('data/deep', 'data/flat')",
    "removing the folder": "import shutil; shutil.rmtree('data')",
    "a folder in its place": "import os; os.mkdir('new'); os.replace('new', 'data')",
    "taking the mount away": "import ctypes; assert ctypes.CDLL(None).umount2(b'data/x.txt', 2) == 0",
    "mounting anew": "import ctypes; assert ctypes.CDLL(None).mount(None, b'ours.py', None, 4128, None) == 0",
}
LOOK = "open('data/x.txt').read(), open('data/deep/y.txt').read(), open('ours.py').read()"


@needs_bubblewrap
def test_no_cell_changes_what_the_course_gave_out_and_the_next_one_has_it_as_it_was(zygote):
    given = {"data/x.txt": b"x", "data/deep/y.txt": b"y", "ours.py": b"ONE = 1"}
    for _ in range(2):
        process = zygote.open({"own.txt": b"mine", "data/own.txt": b"mine"}, given)
        assert said(process, "import ours; ours.ONE") == "1"
        for what, source in CHANGES.items():
            assert re.search("Error|Exception", said(process, source)), what
            assert said(process, LOOK) == "('x', 'y', 'ONE = 1')", what
        assert said(process, "open('own.txt', 'w').write('!'); open('data/own.txt', 'w').write('!')") == "1"
        assert said(process, "open('data/deep/new.txt', 'w').write('!'); open('data/deep/new.txt').read()") == "'!'"
        process.end()


@needs_bubblewrap
def test_the_judge_finds_the_submissions_files_wherever_a_cell_has_gone(process):
    said(process, "import os, numpy as np\nos.makedirs('/tmp/deep/er')\nos.chdir('/tmp/deep/er')")
    said(process, "def f(): return open('data/x.txt').read() + os.getcwd()")
    assert student_in(process).call("f").value == "x/tmp"
    assert "/tmp/deep/er" in said(process, "os.chdir('deep/er'); print(os.getcwd())")


@needs_bubblewrap
def test_a_figure_is_noted_without_being_drawn(process):
    result = process.run_cell("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()", 1)
    assert [output["metadata"] for output in result.outputs if output["output_type"] == "display_data"] == [
        {"figure": True}
    ]


@needs_bubblewrap
def test_what_stands_below_the_line_at_which_a_cell_stops_is_run_as_well(process):
    source = """
        def before(): return 1
        x = input("your name? ")
        y = 3
        z = x + 1
        def after(): return 2
        class Later: pass
    """
    assert "EOFError" in said(process, source) or "StdinNotImplementedError" in said(process, source)
    assert said(process, "before(), after(), Later.__name__") == "(1, 2, 'Later')"
    assert said(process, "y") == "3" and "NameError" in said(process, "z"), "what fails as well is left out"
    assert "SyntaxError" in said(process, "def (\ndef fine(): return 1")


@needs_bubblewrap
def test_the_time_and_memory_used_are_known(zygote):
    process = zygote.open()
    said(process, "import numpy as np\nx = np.ones(40_000_000)\nfor i in range(30): x.sum()")
    process.end()
    assert process.usage["cpu"] > 0.05 and process.usage["memory"] > 300 * MEBI


# -- walls ----------------------------------------------------------------------------------------------------------

HOME = os.path.expanduser("~")
# An interpreter that lives in the home folder has to be seen; nothing beside it is.
INTERPRETER = {os.path.relpath(folder, HOME).split("/")[0] for folder in _interpreter_folders()}

REFUSED = {
    "a socket": "import socket; socket.create_connection(('127.0.0.1', 22), 2)",
    "a socket of any kind": "import socket; socket.socket(socket.AF_UNIX)",
    "a fork": "import os; os.fork()",
    "another program": "import os; os.execv('/bin/true', ['true'])",
    "a subprocess": "import subprocess; subprocess.run(['/bin/true'], check=True)",
    "a signal to all": "import os, signal; os.kill(-1, signal.SIGTERM)",
    "a change of /usr": "open('/usr/pwned', 'w')",
    "a change of a library": "import numpy; open(numpy.__file__, 'a')",
    "a change of /dev": "open('/dev/pwned', 'w')",
    "a change of /proc": "open('/proc/self/mem', 'wb')",
    "a file in /": "open('/pwned', 'w')",
    "a mount": "import ctypes; assert ctypes.CDLL(None).mount(b'x', b'/tmp', b'tmpfs', 0, b'') == 0",
    "a name space": "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
    "a trace": "import ctypes; assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0",
    "the home folder": f"import os; assert set(os.listdir({HOME!r})) - {INTERPRETER!r}",
    "the repository": f"import os; os.listdir({str(ROOT / 'notebooks')!r})",
    "the course": "import os; os.listdir('/course/release')",
    "the judge": "import autograder.judging",
    "nbgrader": "import nbgrader.api",
    "torch": "import torch",
    "a limit raised": "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**62, 2**62))",
    "the host's name": "import os; assert os.uname().nodename != 'notebook'",
    "the environment": "import os; assert {'COURSE_SECRET', 'USER', 'LOGNAME'} & set(os.environ)",
    "the list of processes": "import os; assert [name for name in os.listdir('/proc') if name.isdigit()]",
}


@needs_bubblewrap
@pytest.mark.parametrize("name", REFUSED)
def test_a_student_process_is_refused(process, name, monkeypatch):
    result = process.run_cell(REFUSED[name], 1)
    assert not result.ok, f"{name} was allowed"
    assert said(process, "1 + 1") == "2", "and the notebook goes on"


@needs_bubblewrap
def test_torch_is_refused_with_the_reason(process):
    assert "torch is not available in this section" in said(process, "import torch.nn")
    assert "torchvision is not available" in said(process, "from torchvision import models")


@needs_bubblewrap
def test_memory_is_limited_and_the_notebook_goes_on(process):
    assert "MemoryError" in said(process, "x = bytearray(2 * 2**30)")
    assert said(process, "1 + 1") == "2"


@needs_bubblewrap
def test_files_are_limited_one_by_one_and_together(process):
    assert "OSError" in said(process, "f = open('/tmp/a', 'wb'); f.write(bytes(5 * 2**20)); f.flush()")
    assert "No space left" in said(process, "for i in range(20): open(f'/tmp/{i}', 'wb').write(bytes(2**20))")
    assert said(process, "1 + 1") == "2"


@needs_bubblewrap
def test_open_files_are_limited(process):
    assert "Too many open files" in said(process, "kept = [open('/dev/null') for i in range(100)]")


@needs_bubblewrap
@pytest.mark.skipif(os.getuid() == 0, reason="the kernel does not count the threads of root")
def test_threads_are_limited(process):
    code = """
    import threading, time
    threading.stack_size(2**16)
    while True:
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
    """
    assert not process.run_cell(textwrap.dedent(code), 0).ok
    assert process.run_cell("assert threading.active_count() <= 256", 1).ok


def test_processor_time_is_limited(zygote):
    limits, zygote.limits = zygote.limits, Limits(memory=1500 * MEBI, cpu=1)
    try:
        process = zygote.open()
    finally:
        zygote.limits = limits
    with pytest.raises(StudentGone):
        process.run_cell("while True:\n    pass", 1, 15)
    assert not process.alive


@needs_bubblewrap
def test_printing_without_end_is_cut(process):
    result = process.run_cell("for i in range(10**5): print('x' * 100)", 1)
    assert sum(len(output["text"]) for output in result.outputs) < 110_000
    assert "cut off" in result.outputs[-1]["text"]


# -- what becomes of a process --------------------------------------------------------------------------------------


@needs_bubblewrap
def test_an_interrupted_cell_keeps_what_was_there(process):
    said(process, "kept = 42")
    result = process.run_cell("during = 1\nwhile True:\n    pass", 2, 0.5)
    assert not result.ok and process._zygote.used() < 3
    assert result.outputs[-1]["ename"] == "KeyboardInterrupt"
    assert said(process, "kept, during") == "(42, 1)"


@needs_bubblewrap
def test_an_interrupted_request_keeps_what_was_there(process):
    said(process, "def f():\n    while True:\n        pass\ndef g():\n    return 7.0")
    student = student_in(process, 0.5)
    with pytest.raises(StudentError, match="did not finish in time"):
        student.call("f")
    assert student.call("g").value == 7.0


BUSY = """
import time
def f(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return 7.0
def g():
    time.sleep(60)
"""


@needs_bubblewrap
def test_a_limit_is_of_the_processor_and_not_of_the_clock(process, monkeypatch):
    """Others have the processor most of the time: what counts is what the student's process had of it."""
    said(process, BUSY)
    student, used = student_in(process, 0.5), Zygote.used
    monkeypatch.setattr(Zygote, "used", lambda self: used(self) / 4)
    monkeypatch.setattr("autograder.sandbox.process.PATIENCE", 100)
    monkeypatch.setattr("autograder.sandbox.process.ASLEEP", 0.001)
    assert student.call("f", 0.8).value == 7.0 and process.waited > 0.1
    with pytest.raises(StudentError, match="did not finish in time"):
        student.call("f", 30.0)
    assert student.call("f", 0.0).value == 7.0


@needs_bubblewrap
def test_who_gets_nearly_nothing_of_the_processor_is_not_told_of_a_loop(process, monkeypatch):
    said(process, BUSY)
    student, used = student_in(process, 0.5), Zygote.used
    monkeypatch.setattr(Zygote, "used", lambda self: used(self) / 4)
    monkeypatch.setattr("autograder.sandbox.process.PATIENCE", 2)
    monkeypatch.setattr("autograder.sandbox.process.ASLEEP", 0.001)
    with pytest.raises(StudentGone, match="too little of the processor") as raised:
        student.call("f", 60.0)
    assert raised.value.mistake.family == "starved"


@needs_bubblewrap
def test_code_that_sleeps_is_stopped_by_the_clock(process):
    said(process, BUSY)
    with pytest.raises(StudentError):
        student_in(process, 1.0).call("g")
    assert process.waited < 0.5 and process._zygote.used() < 3


@needs_bubblewrap
def test_a_right_answer_gets_its_time_on_a_machine_loaded_eight_times(process):
    said(process, BUSY)
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(8 * (os.cpu_count() or 1))]
    try:
        assert student_in(process, 1.0).call("f", 0.3).value == 7.0
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


SWALLOW = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"


@needs_bubblewrap
def test_a_cell_that_swallows_interrupts_is_killed(zygote):
    process = zygote.open()
    with pytest.raises(StudentGone, match="did not finish in 1.5 s and was stopped"):
        process.run_cell(SWALLOW, 1, 1.5)
    assert not process.alive
    with pytest.raises(StudentGone):
        process.run_cell("1", 2)
    assert said(zygote.open(), "1 + 1") == "2"


@needs_bubblewrap
@pytest.mark.parametrize("end", ["os._exit(0)", "os.abort()", "import ctypes; ctypes.string_at(0)"])
def test_a_process_that_dies_is_reported_and_the_next_one_works(zygote, end):
    process = zygote.open()
    with pytest.raises(StudentGone, match="process ended while it ran this"):
        process.run_cell(f"import os\n{end}", 1, 10)
    with pytest.raises(StudentGone):
        student_in(process).get("x")
    assert said(zygote.open(), "1 + 1") == "2"


@needs_bubblewrap
def test_a_warm_process_that_is_gone_is_started_again(zygote):
    zygote.open()
    zygote._process.kill()
    zygote._process.wait()
    assert said(zygote.open(), "1 + 1") == "2"


@needs_bubblewrap
def test_opening_another_notebook_ends_the_one_before(zygote):
    first = zygote.open()
    second = zygote.open()
    assert not first.alive and second.alive


# -- clones ---------------------------------------------------------------------------------------------------------


def test_clones_run_students_side_by_side_that_see_nothing_of_each_other(zygote, process):
    with contextlib.ExitStack() as stack:
        twins = [zygote.clone() for _ in range(3)]
        for twin in twins:
            stack.callback(twin.stop)
        others = [twin.open({"own.txt": str(number).encode()}) for number, twin in enumerate(twins)]
        for number, other in enumerate(others):
            source = f"mark = {number}; open('left{number}', 'w').close(); import os; print(os.getpid())"
            assert said(other, source) == "1\n"
        assert [said(p, "sorted(os.listdir('.'))", 5) for p in others] == [
            f"['left{number}', 'own.txt']" for number in range(3)
        ]
        assert "NameError" in said(process, "mark")
        assert all(p.alive for p in [process, *others])
        assert all(usage["memory"] > 0 for usage in map(ended, others))
    assert said(process, "1 + 1") == "2"


TALK = {
    "a terminal": "os.openpty()",
    "a terminal's folder": "open('/dev/pts/x', 'w')",
    "a lock": "fcntl.flock(open('/course/inside/wire.py'), fcntl.LOCK_EX)",
    "a lock of its bytes": "fcntl.lockf(open('/course/inside/wire.py'), fcntl.LOCK_SH)",
    "a lease": "fcntl.fcntl(open('/course/inside/wire.py'), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
    "news of a file": "assert (n := ctypes.CDLL(None, use_errno=True).inotify_init1(0)) < 0, n; raise OSError",
}


@pytest.mark.parametrize("way", TALK.values(), ids=TALK.keys())
def test_submissions_that_are_graded_at_the_same_moment_cannot_talk(process, way):
    assert re.search(r"OSError|PermissionError|FileNotFoundError", said(process, f"import ctypes, fcntl, os\n{way}"))
    assert said(process, "import os; os.listdir('/dev/pts')") == "[]"


def test_a_student_changes_nothing_about_the_processes_of_others(zygote, process):
    twin = zygote.clone()
    other = twin.open()
    before = said(other, "import os; os.getpriority(os.PRIO_PROCESS, 0)")
    said(process, "import os; os.setpriority(os.PRIO_PGRP, 0, 19); os.setpriority(os.PRIO_USER, 0, 19)")
    assert said(process, "os.getpriority(os.PRIO_PROCESS, 0)") == "19"
    assert said(other, "os.getpriority(os.PRIO_PROCESS, 0)") == before != "19"
    twin.stop()


def test_a_clone_that_stops_leaves_the_students_of_the_original_alone(zygote, process):
    zygote.clone().stop()
    time.sleep(0.2)
    assert said(process, "1 + 1") == "2"


def test_a_clone_outlives_its_students_and_not_the_original():
    with Zygote(limits=LIMITS) as original:
        twin = original.clone()
        first = twin.open()
        first.end()
        second = twin.open()
        assert said(second, "1 + 1") == "2"
        original._process.kill()
        original._process.wait()
        with pytest.raises(StudentGone):
            second.run_cell("import time; time.sleep(60)", 30)
        assert second.died
        assert said(twin.open(), "2 + 2") == "4", "it has started anew by itself"
        twin.stop()
        with pytest.raises((OSError, EOFError)):
            original.clone()


def test_a_student_dies_with_its_warm_process():
    with Zygote(limits=LIMITS) as original:
        twin = original.clone()
        process = twin.open()
        student = descendants(original._process.pid)[-1]
        parent = int(Path(f"/proc/{student}/stat").read_text().rsplit(")", 1)[1].split()[1])
        os.kill(parent, signal.SIGKILL)
        with pytest.raises(StudentGone):
            process.run_cell("import time; time.sleep(60)", 1)
        assert said(original.open(), "1 + 1") == "2", "the original is another process"
        twin.stop()


def test_what_starting_cost_is_in_the_account_of_the_first_clone():
    with Zygote(limits=LIMITS) as original:
        first, second = original.clone(), original.clone()
        costs = [ended(twin.open())["cpu"] for twin in (first, second)]
        first.stop()
        second.stop()
    assert costs[0] > 5 * costs[1] > 0


def ended(process: StudentProcess) -> dict[str, float]:
    process.end()
    return process.usage


# -- without bubblewrap ---------------------------------------------------------------------------------------------


def test_without_bubblewrap_it_refuses_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError) as refused:
        Zygote().start()
    assert str(refused.value) == NO_BUBBLEWRAP
    assert "apt-get install bubblewrap" in NO_BUBBLEWRAP and "--no-sandbox" in NO_BUBBLEWRAP


def test_a_bubblewrap_that_may_not_work_says_why(monkeypatch, tmp_path):
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="could not be started: bwrap: No permissions.*`python -m autograder doctor`"):
        Zygote().start()


def test_unconfined_notebooks_run_in_a_folder_of_their_own_without_protection():
    with Zygote(confined=False) as zygote:
        process = zygote.open({"w.bin": b"1"})
        assert said(process, "open('w.bin').read()") == "'1'"
        folder = said(process, "import os; print(os.getcwd())").strip()
        assert os.path.basename(folder).startswith("student-") and os.path.isdir(folder)
        assert "torch is not available" in said(process, "import torch")
        process.end()
        assert not os.path.exists(folder)


def test_the_sandbox_shows_no_folder_of_the_course():
    if shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    command = bubblewrap(torch=False)
    shown = {command[i + 2] for i, word in enumerate(command) if word == "--ro-bind"}
    for path in (ROOT, ROOT / "release", ROOT / "source", ROOT / "autograder", ROOT / "tests"):
        assert str(path) not in shown
    hidden = {command[i + 1] for i, word in enumerate(command) if word == "--tmpfs"}
    assert any(path.endswith("/torch") for path in hidden)
    assert "--unshare-all" in command and "--clearenv" in command


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_seccomp_program_is_well_formed(machine):
    program = confine.filter_program(machine)
    steps = [program[i : i + 8] for i in range(0, len(program), 8)]
    assert len(program) % 8 == 0 and 30 < len(steps) < 4096
    for number, step in enumerate(steps):
        code, if_true, if_false = step[0], step[2], step[3]
        assert code != confine.RETURN or number + 1 <= len(steps)
        assert number + 1 + max(if_true, if_false) < len(steps) or code == confine.RETURN


def test_other_machines_are_refused():
    with pytest.raises(OSError, match="no seccomp filter is known for riscv64 machines"):
        confine.filter_program("riscv64")


# -- as an ordinary user --------------------------------------------------------------------------------------------

AS_NOBODY = """
import sys
sys.path.insert(0, {root!r})
from autograder.sandbox.process import Zygote
with Zygote() as zygote:
    process = zygote.open({{"w.bin": b"1"}})
    result = process.run_cell("import os; open('w.bin').read(), os.getuid(), os.listdir('/proc')", 1)
    print(result.outputs[0]["data"]["text/plain"])
    print(process.run_cell("open('/usr/pwned', 'w')", 2).outputs[0]["ename"])
"""


BECOME = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]


def complaint(*command: str) -> str:
    """What a command says as an ordinary user when it fails, "" when it works."""
    done = subprocess.run([*BECOME, *command], capture_output=True, text=True, cwd="/", timeout=120)
    return (done.stderr.strip()[-300:] or "it fails") if done.returncode else ""


@pytest.fixture
def ordinary_python():
    """An interpreter with our libraries that an ordinary user may run: this one, or the system's where it fits."""
    if os.geteuid() != 0:
        pytest.skip("the tests run as an ordinary user already: all others here show it")
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed, so the tests cannot become an ordinary user")
    if why := complaint("bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"):
        pytest.skip(f"this machine gives ordinary users no name spaces: {why}")
    if why := complaint("ls", *library_folders(), str(ROOT / "autograder" / "sandbox" / "inside")):
        pytest.skip(f"an ordinary user cannot read the libraries or the repository: {why}")
    if not complaint("ls", *_interpreter_folders()):
        yield sys.executable
        return
    system = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if not os.path.exists(system):
        pytest.skip(f"an ordinary user cannot read {sys.executable}, and there is no {system}")
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))  # the sandbox has a /tmp of its own
    folder.chmod(0o755)
    try:
        subprocess.run([system, "-m", "venv", "--without-pip", folder / "venv"], check=True, capture_output=True)
        (packages,) = (folder / "venv").glob("lib/python3.*/site-packages")
        packages.rmdir()
        packages.symlink_to(library_folders()[0])
        yield str(folder / "venv" / "bin" / "python")
    finally:
        shutil.rmtree(folder)


@needs_bubblewrap
def test_the_sandbox_works_for_an_ordinary_user(ordinary_python):
    command = [*BECOME, ordinary_python, "-c", AS_NOBODY.format(root=str(ROOT))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/")
    assert done.returncode == 0, done.stderr[-1500:]
    assert done.stdout.splitlines() == ["('1', 65534, [])", "OSError"]


def test_a_process_that_cannot_be_forked_now_is_forked_a_moment_later(monkeypatch):
    monkeypatch.setattr("autograder.sandbox.process.WAITS", (0.1, 0.1))
    with Zygote() as zygote:
        right, failures = zygote._open, [OSError("no more processes"), EOFError()]

        def now_and_then(*files):
            if failures:
                raise failures.pop()
            return right(*files)

        monkeypatch.setattr(zygote, "_open", now_and_then)
        assert zygote.open().run_cell("1 + 1", 0).ok
        failures += [OSError("no more processes")] * 3
        with pytest.raises(OSError, match="no more processes"):
            zygote.open()
