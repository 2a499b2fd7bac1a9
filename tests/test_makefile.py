"""What the Makefile does before anything is installed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def chosen(tmp_path: Path, pythons: dict[str, int], *more: str) -> str:
    """The Python that `make setup` would take where the given ones, name -> exit status, come first on the path."""
    for name, status in pythons.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\nexit {status}\n")
        program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    environment.pop("PYTHON", None)
    command = ["make", "-n", "-B", "setup", *more]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.partition(" -m venv ")[0].split()[-1]


@pytest.mark.parametrize(
    ("pythons", "expected"),
    [
        ({"python3.13": 0, "python3.12": 0, "python3": 0}, "python3.13"),
        ({"python3.13": 1, "python3.12": 0, "python3": 0}, "python3.12"),  # without venv, or a shim of nothing
        ({"python3.13": 127, "python3.12": 1, "python3.11": 0, "python3.10": 0}, "python3.11"),
        ({"python3.13": 1, "python3.12": 1, "python3.11": 1, "python3.10": 1}, "python3"),
    ],
)
def test_setup_takes_the_newest_python_that_can_make_an_environment(tmp_path, pythons, expected):
    assert chosen(tmp_path, pythons) == expected


def test_the_python_of_ones_choice_comes_first(tmp_path):
    assert chosen(tmp_path, {"python3.13": 0}, "PYTHON=python3.11") == "python3.11"
