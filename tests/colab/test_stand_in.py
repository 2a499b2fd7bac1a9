"""A stand-in for Colab: its Python, exactly its packages, its folder, no repository; the published course over http.

What is not here: a browser, a GPU, and PyTorch for a Python other than the one that runs the tests. So PyTorch is there
by its metadata only, as Colab has it, when pip resolves; sections 09 and 10 run with the Python of the tests and its
PyTorch, with Colab's packages around it.
"""

from __future__ import annotations

import functools
import http.server
import importlib.metadata
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import warnings
import zipfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from autograder.course import Course
from autograder.demo.classroom import MARKS, RUBRIC
from autograder.release.hosting import Hosting
from autograder.release.publish import publish

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ADDRESS = "https://github.com/ana/backprop-2031"
RAW = Hosting.parse(ADDRESS).raw("").rstrip("/")
RUNTIMES = {path.stem: path for path in sorted(HERE.glob("20*.txt"))}  # Colab's packages by date
MAIN = "2026-07"  # the one in which every notebook runs
NOTEBOOKS = sorted(path.relative_to(ROOT / "release").as_posix() for path in ROOT.glob("release/*/*.ipynb"))
WITH_TORCH = ("09-", "10-")
# Training takes minutes, so a cell of one's own saves weights that were never trained.
WEIGHTS = {
    "08-cifar/cifar.ipynb": (
        "best_check",
        'TwoLayerNet(hidden_dim=7).save("best.npz"); TwoLayerNet(hidden_dim=7).save("overfit.npz", num_train=500)',
    ),
    "09-fashion-mnist/fashion_mnist.ipynb": ("weights", 'save_torch(FashionNet(), "fashion_net.safetensors")'),
}

pytestmark = [pytest.mark.colab, pytest.mark.xdist_group("colab")]


# -- the machine ----------------------------------------------------------------------------------------------------


@dataclass
class StandIn:
    """A Python environment with Colab's packages, and the folder in which it works."""

    python: Path
    content: Path
    env: dict[str, str]

    def run(self, *command: str, rc: int | None = 0) -> str:
        """What a command printed, standard error included. "python" is that of the stand-in."""
        done = subprocess.run(
            [str(self.python) if command[0] == "python" else command[0], *command[1:]],
            env=self.env,
            cwd=self.content,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
        )
        assert rc is None or done.returncode == rc, done.stdout[-3000:]
        return done.stdout

    def packages(self) -> dict[str, str]:
        frozen = self.run("python", "-m", "pip", "freeze", "--all", "--disable-pip-version-check").splitlines()
        found = (re.match(r"([\w.-]+)(?:==| @ )(\S+)", line) for line in frozen)
        return {re.sub(r"[-_.]+", "-", match[1]).lower(): match[2] for match in found if match}


def pinned(runtime: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w-]+)==(\S+)$", RUNTIMES[runtime].read_text(), re.MULTILINE))


def python_of(runtime: str) -> str:
    return re.search(r"^# python (\S+)$", RUNTIMES[runtime].read_text(), re.MULTILINE)[1]


def interpreter(version: str) -> str | None:
    """A Python of this version on this machine that works, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = [sys.executable, shutil.which(f"python{version}")]
    candidates += sorted(map(str, pyenv.glob(f"versions/{version}*/bin/python{version}")))
    for candidate in filter(None, candidates):
        asked = [candidate, "-c", "import ssl, sqlite3, venv, sys; print('%d.%d' % sys.version_info[:2])"]
        if subprocess.run(asked, capture_output=True, text=True).stdout.strip() == version:
            return candidate
    return None


def build(python: str, runtime: str, folder: Path, content: Path) -> StandIn:
    """An environment with the packages of this runtime and no others, PyTorch left out."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    inside = folder / "bin" / "python"
    pins = [f"{name}=={version}" for name, version in pinned(runtime).items() if not name.startswith("torch")]
    pip = [sys.executable, "-m", "pip", "--python", str(inside), "install", "-q"]
    pip += ["--no-deps", "--no-compile", "--only-binary", ":all:"]  # what is used is compiled when it is first used
    done = subprocess.run([*pip, *pins], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"Colab's packages cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    outside = {"PYTHONPATH", "PYTHONHOME", "BACKPROP_DATA", "VIRTUAL_ENV"}
    env = {name: value for name, value in os.environ.items() if name not in outside and not name.startswith("JUPYTER")}
    cache = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True).stdout.strip()
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "colab.py").write_text("import google.colab\n")
    shutil.copytree(HERE / "env", folder / "env")
    env |= {
        "PATH": f"{inside.parent}{os.pathsep}{env['PATH']}",
        "PYTHONPATH": str(folder / "env"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter"),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "STAND_IN_CONTENT": str(content),
        "PIP_CACHE_DIR": cache,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return StandIn(inside, content, env)


def site_packages(stand_in: StandIn) -> Path:
    return Path(stand_in.run("python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())


@pytest.fixture(scope="session")
def content(tmp_path_factory):
    """/content where it can be made and is nobody's, as root can; else a folder of that name."""
    folder = Path("/content")
    try:
        folder.mkdir()
    except OSError:
        folder = tmp_path_factory.mktemp("colab") / "content"
        folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The students' repository as publish makes it, served on loopback; its notebooks say that address for GitHub's."""
    folder = tmp_path_factory.mktemp("published") / "students"
    publish(Course(ROOT), folder, ADDRESS)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for path in folder.glob("*/*.ipynb"):
        text = path.read_text(encoding="utf-8")
        assert RAW in text
        path.write_text(text.replace(RAW, f"http://127.0.0.1:{server.server_port}"), encoding="utf-8")
    yield folder
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session", params=RUNTIMES)
def colab(request, tmp_path_factory, content):
    """Colab at each date, with its Python; PyTorch is there by its metadata only."""
    runtime = request.param
    python = interpreter(python_of(runtime))
    if python is None:
        missing = f"There is no Python {python_of(runtime)} on this machine, which Colab's runtime {runtime} has"
        if runtime != MAIN:
            pytest.skip(missing)
        warnings.warn(f"{missing}: the stand-in runs with {sys.version.split()[0]}.", stacklevel=1)
        python = sys.executable
    stand_in = build(python, runtime, tmp_path_factory.mktemp(runtime) / "venv", content)
    for name in ("torch", "torchvision"):
        version = pinned(runtime)[name]
        folder = site_packages(stand_in) / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    return stand_in


@pytest.fixture(scope="session")
def installed(colab, published):
    """Colab after the first cell of a notebook has run there, in a kernel."""
    (wheel,) = published.glob("*.whl")
    assert "No module named 'backprop'" in colab.run("python", "-c", "import backprop", rc=1)
    run_setup_cell(colab, published, "04-ridge/ridge.ipynb")
    return colab


@pytest.fixture(scope="session")
def with_torch(tmp_path_factory, content, published):
    """Colab's packages around the PyTorch of the tests, and the library."""
    if importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed here.")
    stand_in = build(sys.executable, MAIN, tmp_path_factory.mktemp("torch") / "venv", content)
    links = tmp_path_factory.mktemp("links")
    for name in {file.parts[0] for file in importlib.metadata.files("torch")} - {"..", "bin"}:
        (links / name).symlink_to(importlib.metadata.distribution("torch").locate_file(name))
    (site_packages(stand_in) / "torch.pth").write_text(f"{links}\n")
    (wheel,) = published.glob("*.whl")
    stand_in.run("python", "-m", "pip", "install", "-q", "--no-deps", str(wheel))
    return stand_in


def run_setup_cell(stand_in: StandIn, published: Path, name: str) -> None:
    """Run the first code cell of a published notebook in the kernel, and ask what it has now."""
    notebook = nbformat.read(published / name, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert "setup" in first.metadata.tags
    ask = (
        "import IPython, ipykernel, jupyter_client, traitlets, sys, backprop, os; print(IPython.__version__, "
        "ipykernel.__version__, jupyter_client.__version__, traitlets.__version__, 'google.colab' in sys.modules, "
        "backprop.__file__, os.getcwd(), sep='|')"
    )
    notebook.cells = [first, nbformat.v4.new_code_cell(ask)]
    cells = run_cells(stand_in, notebook).cells
    setup, asked = ("".join(output.text for output in cell.outputs) for cell in cells)
    assert "ERROR" not in setup
    said = asked.strip().split("|")
    versions = stand_in.packages()
    assert said[:4] == [versions[name] for name in ("ipython", "ipykernel", "jupyter-client", "traitlets")]
    assert said[4:] == ["True", str(site_packages(stand_in) / "backprop" / "__init__.py"), str(stand_in.content)]


def run_cells(stand_in: StandIn, notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    path = stand_in.content / "cells.ipynb"
    nbformat.write(notebook, path)
    stand_in.run("python", str(HERE / "run_all.py"), str(path))
    return nbformat.read(path, as_version=4)


def solved(published: Path, name: str) -> nbformat.NotebookNode:
    """The published notebook with the right answers in it, and a cell that saves weights where some are asked for."""
    notebook = nbformat.read(published / name, as_version=4)
    source = nbformat.read(ROOT / "source" / name, as_version=4)
    answers = {c.metadata.nbgrader.grade_id: c.source for c in source.cells if grading(c).get("solution")}
    for cell in notebook.cells:
        if grading(cell).get("solution"):
            cell.source = RUBRIC.sub("", MARKS.sub("", answers[grading(cell)["grade_id"]]))
    if name in WEIGHTS:
        before, own = WEIGHTS[name]
        (place,) = [i for i, cell in enumerate(notebook.cells) if grading(cell).get("grade_id") == before]
        notebook.cells.insert(place, nbformat.v4.new_code_cell(own))
    return notebook


def grading(cell: nbformat.NotebookNode) -> dict:
    return cell.metadata.get("nbgrader", {})


# -- pip ------------------------------------------------------------------------------------------------------------


def test_the_first_cell_of_every_notebook_installs_the_library_and_moves_nothing(colab, published, request):
    before = colab.packages()
    runtime = request.node.callspec.params["colab"]
    assert before == pinned(runtime), "the stand-in has Colab's packages and no others"
    seen = {}
    for name in NOTEBOOKS:
        notebook = nbformat.read(published / name, as_version=4)
        seen.setdefault(next(cell.source for cell in notebook.cells if cell.cell_type == "code"), name)
    for source, name in seen.items():
        extras = "[torch]" if name.startswith(WITH_TORCH) else ""
        assert f'"backprop-course{extras} @ http://127.0.0.1:' in source, name
        run_setup_cell(colab, published, name)
        after = colab.packages()
        assert after.pop("backprop-course").startswith("http://127.0.0.1:")
        assert after == before
        colab.run("python", "-m", "pip", "uninstall", "-q", "-y", "backprop-course")


def test_an_address_with_extras_behind_it_would_not_be_found(colab, published):
    address = re.search(r"http://127[^\s\"\\]+whl", (published / NOTEBOOKS[0]).read_text())[0]
    dry = ["python", "-m", "pip", "install", "-q", "--dry-run"]
    assert "404" in colab.run(*dry, f"{address}[torch]", rc=1)
    for line in (f"backprop-course[torch] @ {address}", f"backprop-course[torch]@{address}", address):
        colab.run(*dry, line)


@pytest.mark.parametrize("extras", ["check,pdf", "torch", "check,pdf,torch"])
def test_no_extra_replaces_a_package_that_colab_has(colab, published, extras):
    (wheel,) = published.glob("*.whl")
    report = colab.content / "report.json"
    dry = ["python", "-m", "pip", "install", "-q", "--dry-run", "--report", str(report)]
    colab.run(*dry, f"{wheel}[{extras}]")
    names = {entry["metadata"]["name"].lower() for entry in json.loads(report.read_text())["install"]}
    new = {"backprop-course", "typst", "jedi"}
    assert names <= new


# -- notebooks ------------------------------------------------------------------------------------------------------


def check_solved(stand_in: StandIn, published: Path, name: str) -> None:
    path = stand_in.content / Path(name).name
    nbformat.write(solved(published, name), path)
    said = stand_in.run("python", "-m", "backprop", "check", path.name, rc=None)
    assert f"{path.name}: ready to hand in." in said, said
    assert "Traceback" not in said and "frozen modules" not in said, said


@pytest.mark.parametrize("colab", [MAIN], indirect=True)
@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if not name.startswith(WITH_TORCH)])
def test_a_solved_notebook_runs_to_its_end_and_is_ready(installed, published, name):
    check_solved(installed, published, name)


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name.startswith(WITH_TORCH)])
def test_a_solved_notebook_with_pytorch_runs_to_its_end_and_is_ready(with_torch, published, name):
    check_solved(with_torch, published, name)
    packages = with_torch.packages()
    assert {name: packages[name] for name in ("ipykernel", "numpy")} == {
        name: pinned(MAIN)[name] for name in ("ipykernel", "numpy")
    }


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name.startswith(WITH_TORCH)])
@pytest.mark.parametrize("colab", [MAIN], indirect=True)
def test_without_pytorch_one_sentence_says_what_to_run(installed, published, name):
    notebook = nbformat.read(published / name, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:2]
    notebook.cells[1].metadata.tags = ["raises-exception"]
    (output,) = run_cells(installed, notebook).cells[1].outputs
    shown = "\n".join(output.traceback)
    assert "This section needs PyTorch" in shown and "%pip install torch" in shown and "Traceback" not in shown


@pytest.mark.parametrize("colab", [MAIN], indirect=True)
def test_a_student_opens_solves_checks_prints_and_hands_in_from_drive(installed, published):
    """The way of tutorial 6: from its kernel, with the file in Drive."""
    before = installed.packages()
    tutorial = nbformat.read(published / "00-tutorials" / "submit_from_colab.ipynb", as_version=4)
    code = [cell.source for cell in tutorial.cells if cell.cell_type == "code"]
    (mount,) = [source for source in code if "drive" in source]
    (printing,) = [source for source in code if "typst==" in source]
    mount = mount.replace("/content", str(installed.content))
    drive = installed.content / "drive" / "MyDrive" / "Colab Notebooks"
    shutil.rmtree(drive, ignore_errors=True)  # the folder has been another stand-in's
    drive.mkdir(parents=True)
    run = solved(published, "04-ridge/ridge.ipynb")
    nbformat.write(run_cells(installed, run), drive / "ridge.ipynb")
    nbformat.write(nbformat.read(published / "01-staged-backprop/staged_backprop.ipynb", 4), drive / "open.ipynb")
    commands = [
        f'%cd "{drive}"',
        "!python -m backprop check ridge.ipynb",
        "!python -m backprop check open.ipynb",
        '!python -m backprop pdf ridge.ipynb -o answers.pdf --name "Ada Lovelace"',
        "!python -m backprop submit ridge.ipynb",
    ]
    cells = [nbformat.v4.new_code_cell(text) for text in [*code[:2], mount, printing, *commands]]
    cells = run_cells(installed, nbformat.v4.new_notebook(cells=cells)).cells
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in cells]
    assert "open.ipynb\nridge.ipynb" in said[2]
    assert "ridge.ipynb: ready to hand in." in said[5] and "Traceback" not in said[5]
    assert "not ready yet" in said[6] and "the code is not finished" in said[6] and "Traceback" not in said[6]
    assert said[7].strip().endswith("Wrote answers.pdf.") and (drive / "answers.pdf").read_bytes().startswith(b"%PDF")
    assert (drive / "answers.pdf").stat().st_size > 50_000, "text, formulas and figures"
    assert ("In Colab, download it" in said[8]) == (installed.content == Path("/content"))
    with zipfile.ZipFile(drive / "hand-in.zip") as handed_in:
        assert handed_in.namelist() == ["04-ridge/ridge.ipynb"]
        assert handed_in.read("04-ridge/ridge.ipynb") == (drive / "ridge.ipynb").read_bytes()
    after = installed.packages()
    assert {name: after.get(name) for name in before} == before
    assert set(after) - set(before) <= {"typst"}
