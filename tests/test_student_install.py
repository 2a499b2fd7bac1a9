"""What students are told to type on their own machine, typed: with real pip, up to where it would download much."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from autograder.course import Course
from autograder.release.publish import publish

ROOT = Path(__file__).resolve().parents[1]
CPU = "https://download.pytorch.org/whl/cpu"
TORCH = {"torch": "2.11.0+cpu", "torchvision": "0.26.0+cpu"}

pytestmark = [pytest.mark.colab, pytest.mark.xdist_group("colab")]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The folder that students get, with one section in it."""
    dest = tmp_path_factory.mktemp("own") / "course folder"
    publish(Course(ROOT), dest, sections=["04-ridge"])
    return dest


@pytest.fixture(scope="session")
def lines(folder):
    """The lines of the guide's blocks, in order; those of the README are the same as far as they go."""
    guide, readme = (blocks((folder / name).read_text(encoding="utf-8")) for name in ("student.md", "README.md"))
    opening = guide[: next(i for i, block in enumerate(guide) if "torch" in block[0]) + 1]
    assert [block for block in readme if block in opening] == [block for block in opening if "torch" not in block[0]]
    return opening


def blocks(text: str) -> list[list[str]]:
    return [body.strip().splitlines() for body in re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


def block(lines: list[list[str]], word: str) -> list[str]:
    (found,) = [block for block in lines if any(word in line for line in block)]
    return found


def type_in(folder: Path, commands: list[str], **env: str) -> str:
    """What a shell says to these lines; a wrong one ends it."""
    clean = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    clean["PATH"] = f"{Path(sys.executable).resolve().parent}{os.pathsep}{clean['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        cwd=folder,
        env={**clean, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def chosen(folder: Path) -> set[str]:
    """What pip would have installed, by the report it wrote."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return {entry["metadata"]["name"].lower().replace("_", "-") for entry in report["install"]}


@pytest.fixture(scope="session")
def environment(folder, lines):
    """The lines that activate the environment which the lines of the guide have made."""
    make, activate = block(lines, "source")
    said = type_in(folder, [make, activate, "command -v python", "command -v pip"])
    assert said.splitlines() == [str(folder / ".venv" / "bin" / name) for name in ("python", "pip")]
    return [activate]


def test_an_environment_of_its_own_gets_the_library_what_check_and_pdf_need_and_jupyterlab(folder, lines, environment):
    install, start = block(lines, "jupyterlab")
    assert start == "jupyter lab"
    type_in(
        folder,
        [*environment, f"{install} -q --dry-run --report report.json"],
        PIP_CONSTRAINT=str(ROOT / "constraints.txt"),
    )
    names = chosen(folder)
    wanted = {"backprop-course", "numpy", "matplotlib", "pooch", "nbclient", "nbformat", "ipykernel", "jupyter-client"}
    assert wanted | {"jupyterlab", "markdown-it-py", "typst"} <= names
    assert not {"torch", "torchvision", "networkx"} & names


def test_pytorch_for_the_cpu_is_kept_when_the_library_asks_for_pytorch(folder, lines, environment, tmp_path):
    """The two lines about PyTorch, with packages of these names that hold nothing in place of the index."""
    first, second = block(lines, CPU)
    assert first.endswith(f" --index-url {CPU}")
    for name, version in TORCH.items():
        with zipfile.ZipFile(tmp_path / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
            info = f"{name}-{version}.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    type_in(folder, [*environment, f"{first} -q"], PIP_NO_INDEX="1", PIP_FIND_LINKS=str(tmp_path))
    frozen = type_in(folder, [*environment, "python -m pip freeze"]).split()
    assert set(frozen) == {f"{name}=={version}" for name, version in TORCH.items()}
    constraints = tmp_path / "constraints.txt"
    pins = (ROOT / "constraints.txt").read_text().splitlines()
    constraints.write_text("\n".join(pin for pin in pins if not pin.startswith("torch")))
    type_in(folder, [*environment, f"{second} -q --dry-run --report report.json"], PIP_CONSTRAINT=str(constraints))
    names = chosen(folder)
    assert {"backprop-course", "safetensors", "pillow"} <= names and not set(TORCH) & names


def test_the_lines_for_windows_name_what_venv_makes_there(lines):
    make, activate = block(lines, ".venv\\")
    assert make == "py -m venv .venv" and activate == r".venv\Scripts\activate"
    scripts = Path(importlib.util.find_spec("venv").origin).parent / "scripts"
    assert (scripts / "common" / "Activate.ps1").is_file()


def test_conda_gets_the_same_as_pip_without_pytorch(folder, lines):
    assert block(lines, "conda")[0] == "conda env create -f environment.yml"
    environment = (folder / "environment.yml").read_text()
    assert "[check,pdf]" in environment and "torch" not in environment
