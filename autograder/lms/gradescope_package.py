"""The zip that Gradescope asks for to grade by itself: setup.sh, run_autograder, this project and one section.

Layout and names are those of Gradescope's "Autograder specifications": the zip is unpacked into /autograder/source,
setup.sh runs once when the image is built, run_autograder for each submission. See `gradescope_run` for the rest.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from backprop.files import write_atomically

from ..course import CONFIG, Course
from ..errors import CourseError
from ..submissions.released import released_notebooks

HERE = Path(__file__).resolve().parent
LEFT_OUT = {"__pycache__", ".ipynb_checkpoints", ".DS_Store"}
DATE = (1980, 1, 1, 0, 0, 0)


def package(course: Course, section: str, output: Path) -> None:
    """Write the zip for one section. Raises CourseError when it is not released or this is no checkout."""
    released_notebooks(course, section)
    project = HERE.parents[1]
    if not (project / "pyproject.toml").is_file() or not (project / "backprop").is_dir():
        raise CourseError("The zip holds this project itself, so make it in a checkout of the project.")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, data: bytes, mode: int = 0o644) -> None:
            info = zipfile.ZipInfo(name, DATE)
            info.external_attr = (0o100000 | mode) << 16
            archive.writestr(info, data, zipfile.ZIP_DEFLATED)

        for name in ("setup.sh", "run_autograder"):
            put(name, (HERE / "gradescope_files" / name).read_bytes(), 0o755)
        for name in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
            if (project / name).is_file():
                put(f"project/{name}", (project / name).read_bytes())
        for folder in ("backprop", "autograder"):
            for path in _files(project / folder):
                put(f"project/{path.relative_to(project).as_posix()}", path.read_bytes())
        put(f"course/{CONFIG}", (course.root / CONFIG).read_bytes())
        put("course/section.txt", section.encode())
        folders = [course.notebooks / section, course.source / section, course.release / section, course.checks]
        for path in (path for folder in folders for path in _files(folder)):
            put(f"course/{path.relative_to(course.root).as_posix()}", path.read_bytes())
    write_atomically(output, content.getvalue(), mode=0o640)  # it holds the solutions


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not LEFT_OUT & set(path.parts) and not any(p.endswith(".egg-info") for p in path.parts):
            yield path
