"""`nbgrader collect` where students have accounts of the computer: who handed in is the owner of the files."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest
from nbgrader import api
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.course import schema_version
from autograder.nbgrader_hooks import CollectFromOwners

SECTION = "04-ridge"
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")


def hand_in(inbound: Path, student: str, minute: int, owner: str) -> None:
    time = f"2026-03-01 12:{minute:02}:00.000000 UTC"
    folder = inbound / f"{student}+{SECTION}+{time}+secret{minute}"
    folder.mkdir(parents=True)
    (folder / "timestamp.txt").write_text(time)
    (folder / "ridge.ipynb").write_text(f"by {owner}")
    account = pwd.getpwnam(owner)
    for path in (folder, *folder.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)


def test_what_somebody_handed_in_under_another_s_name_is_left_out(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(api, "get_alembic_version", schema_version)  # nbgrader starts a program of the environment
    inbound, root = tmp_path / "exchange" / "backprop" / "inbound", tmp_path / "course"
    root.mkdir()
    hand_in(inbound, "daemon", 1, owner="daemon")
    hand_in(inbound, "daemon", 2, owner="nobody")  # the newest under that name
    hand_in(inbound, "nobody", 1, owner="nobody")
    hand_in(inbound, "nobody", 2, owner="nobody")
    hand_in(inbound, "games", 1, owner="nobody")  # nothing of their own
    config = Config()
    config.Exchange.root = str(tmp_path / "exchange")
    config.CourseDirectory.course_id, config.CourseDirectory.root = "backprop", str(root)
    config.CourseDirectory.assignment_id = SECTION
    collect = CollectFromOwners(coursedir=CourseDirectory(config=config), config=config)
    collect.start()
    found = {path.parts[-3]: path.read_text() for path in root.glob(f"submitted/*/{SECTION}/ridge.ipynb")}
    assert found == {"daemon": "by daemon", "nobody": "by nobody"}
    time = root / "submitted" / "nobody" / SECTION / "timestamp.txt"
    assert "12:02" in time.read_text(), "the newest of one's own"
    said = [text for text in caplog.messages if "was handed in by nobody under another name, and is left out" in text]
    assert {text.partition("+")[0] for text in said} == {"daemon", "games"}
