"""A course's own checks: a folder of modules, one a section (`02-sums` is judged by `s02_sums.py`), loaded by path.

The folder is imported as a package whose name is made from its content, so several courses, or a course before and
after an edit, can be judged in one process without meeting one another.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.machinery
import importlib.util
import sys
import traceback
from pathlib import Path

from ..errors import CourseError
from .check import Check, registered


def module_name(section: str) -> str:
    """The module that holds the checks of a section, e.g. "02-sums" -> "s02_sums"."""
    return "s" + section.replace("-", "_")


def load(folder: Path, section: str) -> dict[str, Check]:
    """The checks of a section by grade_id; empty when it has none (its grade cells are plain nbgrader tests).

    folder : the course's checks, see `Course.checks`

    Raises CourseError, with file and line, when they cannot be imported.
    """
    if not (folder / f"{module_name(section)}.py").is_file():
        return {}
    package = package_of(folder)
    _import(folder, package, module_name(section))
    for check in registered(package):
        if check.function.__module__ == f"{package}.{module_name(section)}" and check.section != section:
            raise CourseError(
                f"{check.place}: {check.name!r} is no check of {section}: its name begins with {section}/."
            )
    return {check.grade_id: check for check in registered(package) if check.section == section}


def find(folder: Path, name: str) -> Check | None:
    """The check registered as section/grade_id, or None."""
    section, _, grade_id = name.partition("/")
    return load(folder, section).get(grade_id)


def all_checks(folder: Path) -> list[Check]:
    """Every check of a course, ordered by section and then as written in its module."""
    package = package_of(folder)
    for path in sorted(folder.glob("s[0-9]*.py")):
        _import(folder, package, path.stem)
    return sorted(registered(package), key=lambda check: check.section)


def _import(folder: Path, package: str, module: str) -> None:
    """Import a module of the checks. Raises CourseError, with file and line, whatever is wrong with it."""
    try:
        importlib.import_module(f"{package}.{module}")
    except Exception as error:
        places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError) and error.filename:
            places.append((error.filename, error.lineno))
        inside = [(Path(file), line) for file, line in places if Path(file).is_relative_to(folder.resolve())]
        path, line = inside[-1] if inside else (folder.resolve() / f"{module}.py", 1)
        where = f"{folder.name}/{path.relative_to(folder.resolve())}, line {line}"
        said = error.msg if isinstance(error, SyntaxError) else f"{type(error).__name__}: {error}"
        raise CourseError(f"{where}: {said}. Mend it; nothing can be judged before.") from error


def files_of(folder: Path) -> dict[str, bytes]:
    """The Python files of a course's checks by relative path, in order: what its digest and a cluster need."""
    paths = sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def package_of(folder: Path) -> str:
    """The name under which the folder is imported; it is made importable."""
    folder = folder.resolve()
    changed = tuple((path.as_posix(), path.stat().st_mtime_ns) for path in sorted(folder.rglob("*.py")))
    name = _package_name(folder, changed)
    if name not in sys.modules:
        spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
        sys.modules[name] = importlib.util.module_from_spec(spec)
    sys.modules[name].__path__ = [str(folder)]  # the same checks may lie in another folder now
    return name


@functools.lru_cache(maxsize=64)
def _package_name(folder: Path, changed: tuple) -> str:
    digest = hashlib.sha256()
    for name, content in files_of(folder).items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return f"course_checks_{digest.hexdigest()[:16]}"
