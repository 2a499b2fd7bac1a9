"""A real JupyterHub on this machine: two accounts fetch, submit and get feedback through nbgrader's exchange."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from places import CHECKS, ROOT, needs_bubblewrap

from autograder.course import Course
from autograder.demo.classroom import CLASS, solved
from autograder.release.build import build
from autograder.submissions.released import released_notebooks

PROXY = shutil.which("configurable-http-proxy")
pytestmark = [
    needs_bubblewrap,
    pytest.mark.sandbox,
    pytest.mark.xdist_group("hub"),
    pytest.mark.skipif(importlib.util.find_spec("jupyterhub") is None, reason="no JupyterHub: pip install jupyterhub"),
    pytest.mark.skipif(PROXY is None, reason="no proxy for the hub: npm install -g configurable-http-proxy"),
]
SECTION, NAME, TOKEN = "04-ridge", "ridge.ipynb", "only-for-this-test"
STUDENTS = [student for student in CLASS if student.name in ("ada", "eli")]

HUB = """
import sys
c = get_config()
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r} + "/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
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
# All accounts of this hub are one of the computer, so each says who it is; with accounts of their own nobody has to.
EXCHANGE = """
import os
c = get_config()
c.Exchange.root = {root!r}
c.CourseDirectory.course_id = "backprop"
if "JUPYTERHUB_USER" in os.environ:
    c.CourseDirectory.student_id = os.environ["JUPYTERHUB_USER"]
"""


@pytest.fixture
def course(tmp_path) -> Course:
    course = Course(tmp_path / "course")
    course.root.mkdir()
    text = (ROOT / "nbgrader_config.py").read_text()
    own = f'\nc.CourseDirectory.course_id = "backprop"\nc.Exchange.root = {str(tmp_path / "exchange")!r}\n'
    (course.root / "nbgrader_config.py").write_text(text + own)
    shutil.copytree(CHECKS, course.root / "checks")
    shutil.copytree(ROOT / "notebooks" / SECTION, course.notebooks / SECTION)
    for path, content in build(course, SECTION).files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "exchange").mkdir(mode=0o777)
    (tmp_path / "exchange").chmod(0o777)
    return course


@pytest.fixture
def hub(tmp_path):
    """Asks the hub, or a student's server behind it: hub(path, method, form) -> what it answers."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    etc, own = tmp_path / "etc", tmp_path / "hub"
    etc.mkdir()
    own.mkdir()
    (etc / "nbgrader_config.py").write_text(EXCHANGE.format(root=str(tmp_path / "exchange")))
    # The hub's settings for everybody, without the folders of whoever runs this test.
    search = f"{etc}{os.pathsep}{Path(sys.prefix) / 'etc' / 'jupyter'}"
    environment = {
        "JUPYTER_CONFIG_PATH": search,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    text = HUB.format(homes=str(tmp_path / "homes"), environment=environment, ports=ports, proxy=PROXY, token=TOKEN)
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
        for student in STUDENTS:
            ask(f"hub/api/users/{student.name}", "POST")
            ask(f"hub/api/users/{student.name}/server", "POST")
        for student in STUDENTS:
            until(lambda name=student.name: ask(f"hub/api/users/{name}")["servers"].get("", {}).get("ready"))
        yield ask
    finally:
        for student in STUDENTS:
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


def say(course: Course, *command: str) -> str:
    """Run a command of the instructor in the course's folder, in an activated environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=course.root,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_two_accounts_fetch_submit_and_get_feedback_through_the_exchange(course, hub, tmp_path):
    say(course, "nbgrader", "release_assignment", SECTION)
    (template,) = released_notebooks(course, SECTION).values()
    which = {"course_id": "backprop", "assignment_id": SECTION}
    for student in STUDENTS:
        said = hub(f"user/{student.name}/assignments/fetch", "POST", which)
        assert said["success"], said
        path = tmp_path / "homes" / student.name / SECTION / NAME
        assert json.loads(path.read_text()) == json.loads((course.release / SECTION / NAME).read_text())
        path.write_text(json.dumps(solved(template, student)))
        said = hub(f"user/{student.name}/assignments/submit", "POST", which)
        assert said["success"], said

    said = say(course, "nbgrader", "collect", SECTION)
    assert {path.name for path in course.submitted.iterdir()} == {"ada", "eli"}, said
    assert "2 submissions of 2 students graded" in say(course, "autograder", "grade", "--workers", "2")
    say(course, "autograder", "feedback")
    say(course, "nbgrader", "release_feedback", SECTION)
    for student in STUDENTS:
        said = hub(f"user/{student.name}/assignments/fetch_feedback", "POST", which)
        assert said["success"], said
        (page,) = (tmp_path / "homes" / student.name / SECTION / "feedback").rglob("ridge.html")
        assert page.read_bytes() == (course.feedback / student.name / SECTION / "ridge.html").read_bytes()
        with course.open_gradebook() as gradebook:
            score = gradebook.find_submission(SECTION, student.name).score
        assert score > 0 and f"{score:g}" in page.read_text()
