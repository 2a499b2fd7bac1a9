"""What decides a score, as hashes: of the code, of a section, of a submission."""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path

from backprop.files import write_atomically

from ..course import Course
from ..judging.load import module_name
from ..submissions.files import MAX_FILE, open_no_link, walk
from ..submissions.find import Submission
from ..submissions.notebook import MAX_NOTEBOOK
from .workers import Options

MAX_KEYED = 2**30  # bytes of a submission that are read for its key; what lies beyond counts by size and time
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where statements hold statements


def submission_key(submission: Submission, base: str) -> str:
    """The hash of a submission and of `base`, which stands for everything else that decides its result."""
    digest, left = hashlib.sha256(base.encode()), MAX_KEYED
    for path, folders, names in walk(submission.folder):
        folders.sort()
        for name in sorted(names):
            file = Path(path, name)
            digest.update(
                repr((os.path.relpath(file, submission.folder), file.is_symlink())).encode("utf-8", "surrogateescape")
            )
            with contextlib.suppress(OSError), open(open_no_link(file), "rb") as content:
                facts = os.fstat(content.fileno())
                if facts.st_size > left:  # far more than grading reads of all of them: not worth hours of reading
                    digest.update(repr((facts.st_size, facts.st_mtime_ns)).encode())
                    continue
                # More than that is read of no file when it is graded.
                read = content.read(max(MAX_NOTEBOOK, MAX_FILE) + 1)
                left -= len(read)
                digest.update(hashlib.sha256(read).digest())
    return digest.hexdigest()


@functools.cache
def code_digest() -> str:
    """A hash of the engine's code that decides scores: what grading a notebook imports, and nothing else of it."""
    import backprop

    engine, library = Path(__file__).resolve().parents[1], Path(backprop.__file__).resolve().parent
    roots = {engine.name: engine, library.name: library}
    # Of the engine it is what a worker needs; of the student library what submissions import as well, which is all but
    # its command and what prepares a hand-in.
    top = library / "__init__.py"  # names what prepares a hand-in, for whoever asks for it
    files = {*_reached([engine / "grading" / "workers.py"], roots, {top})}
    files |= set((engine / "sandbox" / "inside").glob("*.py"))
    files |= {path for path in library.rglob("*.py") if path.name != "__main__.py" and path.parent.name != "handin"}
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def section_base(course: Course, section: str, options: Options) -> str:
    """Everything besides the submission that decides a result of a section."""
    digest = hashlib.sha256(code_digest().encode())
    for path in section_checks(course.checks, section):
        digest.update(f"{path.relative_to(course.checks.resolve())}\0".encode() + path.read_bytes())
    for folder in (course.release, course.source):
        for path in sorted(path for path in (folder / section).rglob("*") if path.is_file()):
            digest.update(path.name.encode() + path.read_bytes())
    digest.update(salt(course).encode() + str(options.confined).encode())
    return digest.hexdigest()


def section_checks(checks: Path, section: str) -> list[Path]:
    """The files of a course's checks that decide about a section: its own module and what that imports."""
    checks = checks.resolve()
    start = checks / f"{module_name(section)}.py"
    return _reached([start], {"": checks}) if start.is_file() else []


def _reached(start: Sequence[Path], roots: Mapping[str, Path], ends: Set[Path] = frozenset()) -> list[Path]:
    """The Python files that modules import, directly or through others, from the folders of the given package names.

    A module that is imported brings the `__init__` of each package above it along. ends : files that are not followed
    """
    found: set[Path] = set()
    waiting = [path.resolve() for path in start]
    while waiting:
        path = waiting.pop()
        if path in found or not path.is_file():
            continue
        found.add(path)
        if path in ends:
            continue
        root = next(folder for folder in roots.values() if path.is_relative_to(folder))
        above = [folder for folder in path.parents if folder.is_relative_to(root)]
        waiting += [folder / "__init__.py" for folder in above]
        for module in _imported(path):
            level, names = module
            if level:
                base = path.parents[level - 1]
            elif names and names[0] in roots:
                base, names = roots[names[0]], names[1:]
            else:
                continue
            for end in range(len(names) + 1):  # `from .a import b`: b may be a module, or something in a
                inner = base.joinpath(*names[:end])
                waiting += [inner.with_suffix(".py"), inner / "__init__.py"]
    return sorted(found)


def _imported(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(level, names) of each import in a file, wherever it stands: of `from ..a import b`, (2, ["a", "b"])."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # a file that nobody can import imports nothing; loading it says what is wrong
        return
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((0, alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module.split(".") if node.module else []
            yield from ((node.level, [*base, alias.name]) for alias in node.names)
        for block in BLOCKS:  # an import is a statement: no need to look into what is none
            waiting += getattr(node, block, ())


def salt(course: Course) -> str:
    """This course's own random text: it makes the judge's inputs differ from those of any other course."""
    path = course.state / "salt"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    write_atomically(path, secrets.token_hex(16).encode(), mode=0o660)  # a secret of those who grade
    return path.read_text().strip()
