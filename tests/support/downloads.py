"""Downloads of learning platforms, made up, and a small course to collect them into."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from autograder.course import Course

SECTION, NAME = "04-ridge", "ridge.ipynb"
NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
OTHER = NOTEBOOK.replace(b"5", b"4")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
DATE = (2026, 3, 1, 12, 0, 0)


def two_sections(folder: Path) -> Course:
    """A course with two released sections, the names of real ones, one with declared weights; nothing else in it."""
    root = folder / "course"
    for section, name, weights in ((SECTION, "ridge", []), ("08-cifar", "cifar", [{"file": "best.npz", "max_mb": 1}])):
        (root / "notebooks" / section).mkdir(parents=True)
        (root / "notebooks" / section / f"{name}.py").write_text("# %%\n")
        (root / "release" / section).mkdir(parents=True)
        facts = {"cells": [], "metadata": {"backprop": {"section": section, "weights": weights}}}
        (root / "release" / section / f"{name}.ipynb").write_text(json.dumps(facts))
    (root / "nbgrader_config.py").write_text("c = get_config()\n")
    return Course(root)


def entry(name: str, mode: int = 0o100644, date: tuple = DATE, system: int = 3, **more) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("x", date_time=date)
    info.filename = info.orig_filename = name  # the constructor would mend it
    info.create_system, info.compress_type = system, zipfile.ZIP_DEFLATED
    info.external_attr = mode << 16
    for key, value in more.items():
        setattr(info, key, value)
    return info


def packed(files, **more) -> bytes:
    """A zip of (name or ZipInfo, content)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        for name, content in files.items() if isinstance(files, dict) else files:
            made.writestr(name if isinstance(name, zipfile.ZipInfo) else entry(name, **more), content)
    return buffer.getvalue()


def download(course: Course, files, name: str = "download.zip", **more) -> Path:
    path = course.root.parent / name
    path.write_bytes(files if isinstance(files, bytes) else packed(files, **more))
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def hand_in(notebook: bytes = NOTEBOOK, **more: bytes) -> bytes:
    return packed({f"{SECTION}/{NAME}": notebook, **more})
