"""A real Jupyter server and a real Chromium, both of this machine, for the tests of what people see.

Everything here lives for one module: while Playwright's event loop is open, no other test of the same
process may open one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TOKEN = "only-for-this-test"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

# JupyterLab as it comes, without what only makes noise or waits for the internet.
SETTINGS = {
    "apputils-extension/notification": '{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}',
    "extensionmanager-extension/plugin": '{"enabled": false}',
    # All cells are drawn at once, so that a test sees those below the screen too.
    "notebook-extension/tracker": '{"windowingMode": "none"}',
}


@dataclass
class Server:
    """A running Jupyter server.

    root     : the folder it serves
    elsewhere: addresses outside this machine that its pages asked for; none of them was let through
    """

    url: str
    root: Path
    elsewhere: list[str] = field(default_factory=list)

    def address(self, path: str) -> str:
        return f"{self.url}/{path}{'&' if '?' in path else '?'}token={TOKEN}"

    def ask(self, path: str, method: str = "GET"):
        """The server's own answer to a request of its REST interface."""
        request = urllib.request.Request(
            f"{self.url}/{path}", method=method, headers={"Authorization": f"token {TOKEN}"}
        )
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.loads(reply.read() or "null")

    def end_kernels(self) -> None:
        for session in self.ask("api/sessions"):
            self.ask(f"api/sessions/{session['id']}", "DELETE")

    def fence(self, context) -> None:
        """Let the pages of a browser context fetch from this server only, and note what else they ask for."""

        def decide(route) -> None:
            if route.request.url.startswith((self.url, "data:", "blob:")):
                route.continue_()
            else:
                self.elsewhere.append(route.request.url)
                route.abort()

        context.route("**/*", decide)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def serving(root: Path, own: Path, app: str, environment: dict[str, str]) -> Iterator[Server]:
    """`app` ("lab" or "server") on the folder `root`, started in it; `own` is its home. Its children end with it."""
    for name, text in SETTINGS.items():
        path = own / "settings/@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    port = free_port()
    command = [sys.executable, "-m", "jupyter", app, "--no-browser", "--ServerApp.ip=127.0.0.1", "--allow-root"]
    command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}"]
    command += [f"--IdentityProvider.token={TOKEN}", "--LabApp.extension_manager=readonly", "--LabApp.news_url="]
    command += [f"--LabApp.user_settings_dir={own / 'settings'}", f"--LabApp.workspaces_dir={own / 'workspaces'}"]
    folders = {name: str(own / name.lower()) for name in ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    folders |= {name: str(own / name.lower()) for name in ("JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "MPLCONFIGDIR")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    everything = {**os.environ, **folders, "PATH": path, "OMP_NUM_THREADS": "1", **environment}
    for folder in folders.values():
        Path(folder).mkdir(parents=True, exist_ok=True)
    log = own / "server.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command, cwd=root, env=everything, stdout=output, stderr=output, start_new_session=True
        )
    server = Server(f"http://127.0.0.1:{port}", root)
    try:
        until = time.monotonic() + 60
        while not answers(server):
            assert process.poll() is None and time.monotonic() < until, log.read_text(errors="replace")[-3000:]
            time.sleep(0.2)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)  # ends its kernels too
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(server: Server) -> bool:
    try:
        with urllib.request.urlopen(server.address("api/status"), timeout=2) as reply:
            return reply.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """serve(root, app, environment) starts a server that ends with the module."""
    with ExitStack() as stack:

        def start(root: Path, app: str = "lab", environment: dict[str, str] | None = None) -> Server:
            own = tmp_path_factory.mktemp("home")
            return stack.enter_context(serving(root, own, app, environment or {}))

        yield start


@pytest.fixture(scope="module")
def chromium() -> Iterator:
    """Playwright's browser, driving the Chromium of this machine."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium) -> Iterator[Callable]:
    """visit(server, path) opens a page of the server in a tab of its own and returns the tab."""
    contexts = []

    def open_page(server: Server, path: str):
        context = chromium.new_context(viewport={"width": 1300, "height": 1000})
        contexts.append(context)
        server.fence(context)
        # The formgrader's own pages keep a token for themselves only, so log in elsewhere first.
        assert context.request.get(server.address("lab")).ok
        page = context.new_page()
        page.goto(f"{server.url}/{path}", wait_until="domcontentloaded")
        return page

    yield open_page
    for context in contexts:
        context.close()
