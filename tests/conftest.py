"""Courses to grade in, built from the committed notebooks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from places import ROOT

from autograder.course import Course
from autograder.demo.classroom import copy_course
from autograder.sandbox.bubblewrap import ONE_THREAD

# Before torch is loaded, here or in a command: tests run side by side, and threads of one are in another's way.
os.environ.update(ONE_THREAD)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A copy of the committed course without submissions."""
    return copy_course(Course(ROOT), tmp_path / "course")


@pytest.fixture(scope="session")
def session_course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """As `course`, one for the whole session; do not change it."""
    return copy_course(Course(ROOT), tmp_path_factory.mktemp("session") / "course")
