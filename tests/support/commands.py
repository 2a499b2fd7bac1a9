"""What an instructor types, in an activated environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from autograder.course import Course


def say(course: Course, *command: str, status: int = 0) -> str:
    """Run `python -m ...` in the course's folder and return what it said; its exit status must be `status`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=course.root,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=600,
    )
    said = done.stdout + done.stderr
    assert done.returncode == status and "Traceback" not in said, said
    return said
