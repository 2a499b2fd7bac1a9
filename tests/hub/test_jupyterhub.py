"""A real JupyterHub on this machine: two accounts fetch, submit and get feedback through nbgrader's exchange.

As root, and where another user may run this Python, they are two accounts of the computer, made for the test and
removed after it, so that the permissions of the exchange are those of a real course. Otherwise both are whoever runs
the test.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from commands import say
from places import CHECKS, ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import CLASS, MadeUp, solved
from autograder.release.build import build
from autograder.submissions.released import released_notebooks

PROXY = shutil.which("configurable-http-proxy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
pytestmark = [
    needs_bubblewrap,
    pytest.mark.sandbox,
    pytest.mark.xdist_group("hub"),
    pytest.mark.skipif(importlib.util.find_spec("jupyterhub") is None, reason="no JupyterHub: pip install jupyterhub"),
    pytest.mark.skipif(PROXY is None, reason="no proxy for the hub: npm install -g configurable-http-proxy"),
]
SECTION, NAME, TOKEN = "04-ridge", "ridge.ipynb", "only-for-this-test"
WHICH = {"course_id": "backprop", "assignment_id": SECTION}
NOBODY = 65534

HUB = """
import sys
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = {spawner!r}
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = {arguments!r}
c.Spawner.environment = {environment!r}
c.Spawner.start_timeout = c.Spawner.http_timeout = 90
c.JupyterHub.bind_url = "http://127.0.0.1:{ports[0]}"
c.JupyterHub.hub_port = {ports[1]}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{ports[2]}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.JupyterHub.services = [{{"name": "test", "api_token": {token!r}}}]
c.JupyterHub.load_roles = [
    {{"name": "test", "scopes": ["admin:users", "admin:servers", "access:servers"], "services": ["test"]}}
]
"""
EXCHANGE = """
c = get_config()
c.Exchange.root = {root!r}
c.CourseDirectory.course_id = "backprop"
"""
# Where all accounts of the hub are one of the computer, each says who it is.
ONE_ACCOUNT = """
import os
if "JUPYTERHUB_USER" in os.environ:
    c.CourseDirectory.student_id = os.environ["JUPYTERHUB_USER"]
"""


def others_can_run_this() -> bool:
    """Whether this test may make accounts, and they may run this Python with all that a student's server needs."""
    if os.geteuid() != 0 or not shutil.which("useradd") or not shutil.which("userdel"):
        return False
    try:
        tried = subprocess.run([sys.executable, "-c", "import jupyterhub, nbgrader"], user=NOBODY, cwd="/", timeout=120)
    except OSError:
        return False
    return tried.returncode == 0


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the test happens. real : the students are accounts of the computer."""

    shared: Path
    students: list[MadeUp]
    real: bool

    @property
    def exchange(self) -> Path:
        return self.shared / "exchange"

    def home(self, student: MadeUp) -> Path:
        return self.shared / "homes" / student.name


@pytest.fixture
def place():
    """A folder that everybody may look into, with the exchange and two homes; pytest's own are for its user alone."""
    shared, real = Path(tempfile.mkdtemp(prefix="hub-")), others_can_run_this()
    shared.chmod(0o755)
    (shared / "homes").mkdir()
    ending = f"-{os.getpid()}" if real else ""  # no account that may be there already
    students = [
        dataclasses.replace(student, name=student.name + ending) for student in CLASS if student.name in ("ada", "eli")
    ]
    place = Place(shared, students, real)
    place.exchange.mkdir()
    place.exchange.chmod(0o777)
    made = []
    try:
        for student in students if real else []:
            home = str(place.home(student))
            subprocess.run(["useradd", "--create-home", "--home-dir", home, student.name], check=True)
            made.append(student.name)
            place.home(student).chmod(0o700)
        yield place
    finally:
        for name in made:
            subprocess.run(["userdel", name], check=True, capture_output=True)
        shutil.rmtree(shared, ignore_errors=True)


@pytest.fixture
def course(tmp_path, place) -> Course:
    course = Course(tmp_path / "course")
    course.root.mkdir()
    text = (ROOT / "nbgrader_config.py").read_text()
    text += f"\nc.Exchange.root = {str(place.exchange)!r}\n"
    if place.real:
        text += 'c.ExchangeFactory.collect = "autograder.nbgrader_hooks.CollectFromOwners"\n'
    (course.root / "nbgrader_config.py").write_text(text)
    shutil.copytree(CHECKS, course.root / "checks")
    shutil.copytree(ROOT / "notebooks" / SECTION, course.notebooks / SECTION)
    for path, content in build(course, SECTION).files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return course


@pytest.fixture
def hub(tmp_path, place):
    """Asks the hub, or a student's server behind it: hub(path, method, form) -> what it answers."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    etc, own = place.shared / "etc", tmp_path / "hub"
    etc.mkdir()
    own.mkdir()
    settings = EXCHANGE.format(root=str(place.exchange)) + ("" if place.real else ONE_ACCOUNT)
    (etc / "nbgrader_config.py").write_text(settings)
    # The hub's settings for everybody, without the folders of whoever runs this test.
    search = f"{etc}{os.pathsep}{Path(sys.prefix) / 'etc' / 'jupyter'}"
    environment = {
        "JUPYTER_CONFIG_PATH": search,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    text = HUB.format(
        spawner="jupyterhub.spawner.LocalProcessSpawner" if place.real else "simple",
        homes=str(place.shared / "homes"),
        arguments=[] if place.real else ["--allow-root"],
        environment=environment,
        ports=ports,
        proxy=PROXY,
        token=TOKEN,
    )
    (own / "jupyterhub_config.py").write_text(text)
    log = own / "hub.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub"], cwd=own, stdout=output, stderr=output, start_new_session=True
        )

    def ask(path: str, method: str = "GET", form: dict | None = None):
        data = urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(f"http://127.0.0.1:{ports[0]}/{path}", data, method=method)
        request.add_header("Authorization", f"token {TOKEN}")
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or "null")

    def until(ready) -> None:
        end = time.monotonic() + 90
        while not ready():
            assert process.poll() is None and time.monotonic() < end, log.read_text()[-4000:]
            time.sleep(0.3)

    def up() -> bool:
        try:
            return bool(ask("hub/api/"))
        except (OSError, urllib.error.URLError):
            return False

    try:
        until(up)
        for student in place.students:
            ask(f"hub/api/users/{student.name}", "POST")
            ask(f"hub/api/users/{student.name}/server", "POST")
        for student in place.students:
            until(lambda name=student.name: ask(f"hub/api/users/{name}")["servers"].get("", {}).get("ready"))
        yield ask
    finally:
        for student in place.students:
            try:
                ask(f"hub/api/users/{student.name}/server", "DELETE")
            except OSError:
                continue
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def as_student(place: Place, student: MadeUp, *command: str, **environment: str) -> str:
    """What a command says that a student runs in a terminal."""
    user = pwd.getpwnam(student.name)
    done = subprocess.run(
        [sys.executable, *command],
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        cwd=place.home(student),
        env={"HOME": user.pw_dir, "PATH": os.environ["PATH"], "JUPYTER_CONFIG_PATH": str(place.shared / "etc")}
        | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.stdout + done.stderr


LOOK = """
import os, sys
for path in sys.argv[1:]:
    try:
        os.close(os.open(path, os.O_RDONLY))
        print("open:", path)
    except PermissionError:
        print("closed")
"""


def hand_in_all(place: Place, course: Course, hub) -> None:
    """Each student fetches the section where it is not there yet, and submits it, solved."""
    (template,) = released_notebooks(course, SECTION).values()
    for student in place.students:
        path = place.home(student) / SECTION / NAME
        if not path.exists():
            said = hub(f"user/{student.name}/assignments/fetch", "POST", WHICH)
            assert said["success"], said
            assert json.loads(path.read_text()) == json.loads((course.release / SECTION / NAME).read_text())
        path.write_text(json.dumps(solved(template, student)))
        said = hub(f"user/{student.name}/assignments/submit", "POST", WHICH)
        assert said["success"], said


def feedback_of_all(place: Place, course: Course, hub, times: int) -> None:
    """Everybody gets the page of each hand-in: `times` of them."""
    say(course, "autograder", "feedback")
    say(course, "nbgrader", "release_feedback", SECTION)
    for student in place.students:
        said = hub(f"user/{student.name}/assignments/fetch_feedback", "POST", WHICH)
        assert said["success"], said
        pages = sorted((place.home(student) / SECTION / "feedback").rglob("ridge.html"))
        assert len(pages) == times, said
        assert pages[-1].read_bytes() == (course.feedback / student.name / SECTION / "ridge.html").read_bytes()
        with course.open_gradebook() as gradebook:
            score = gradebook.find_submission(SECTION, student.name).score
        assert score > 0 and f"{score:g}" in pages[-1].read_text()


def test_two_accounts_fetch_submit_and_get_feedback_through_the_exchange(course, hub, place):
    names = {student.name for student in place.students}
    say(course, "nbgrader", "release_assignment", SECTION)
    hand_in_all(place, course, hub)
    if place.real:
        one, other = place.students
        time.sleep(1)  # submissions are told apart by the second, and this one is the newest
        cheat = as_student(place, other, "-m", "nbgrader", "submit", SECTION, f"--student={one.name}")
        assert "Submitted as" in cheat, cheat
    said = say(course, "nbgrader", "collect", SECTION)
    assert {path.name for path in course.submitted.iterdir()} == names, said
    if place.real:
        assert f"was handed in by {other.name} under another name, and is left out" in said
        own = (place.home(one) / SECTION / NAME).read_bytes()
        assert (course.submitted / one.name / SECTION / NAME).read_bytes() == own
    assert "2 submissions of 2 students graded" in say(course, "autograder", "grade", "--workers", "2")
    feedback_of_all(place, course, hub, times=1)
    if place.real:
        (page,) = (place.home(one) / SECTION / "feedback").rglob("ridge.html")
        closed = [place.exchange / "backprop" / "inbound", place.exchange / "backprop" / "feedback"]
        closed += [place.home(one), page, course.root]
        saw = as_student(place, other, "-c", LOOK, *map(str, closed))
        assert saw.split() == ["closed"] * len(closed), saw

    # The same work once more, and its feedback once more.
    time.sleep(1)  # submissions are told apart by the second
    hand_in_all(place, course, hub)
    say(course, "nbgrader", "collect", "--update", SECTION)
    say(course, "autograder", "grade", "--workers", "2")
    feedback_of_all(place, course, hub, times=2)
