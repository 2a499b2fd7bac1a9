"""What decides a score, as hashes: of the code, of a section, of a submission."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import secrets
from pathlib import Path

from backprop.files import write_atomically

from ..course import Course
from ..judging.load import files_of
from ..submissions.files import MAX_FILE, open_no_link, walk
from ..submissions.find import Submission
from ..submissions.notebook import MAX_NOTEBOOK
from .workers import Options


def submission_key(submission: Submission, base: str) -> str:
    """The hash of a submission and of `base`, which stands for everything else that decides its result."""
    digest = hashlib.sha256(base.encode())
    for path, folders, names in walk(submission.folder):
        folders.sort()
        for name in sorted(names):
            file = Path(path, name)
            digest.update(
                repr((os.path.relpath(file, submission.folder), file.is_symlink())).encode("utf-8", "surrogateescape")
            )
            with contextlib.suppress(OSError), open(open_no_link(file), "rb") as content:
                # More than that is read of no file when it is graded.
                digest.update(hashlib.sha256(content.read(max(MAX_NOTEBOOK, MAX_FILE) + 1)).digest())
    return digest.hexdigest()


@functools.cache
def code_digest() -> str:
    """A hash of the code that decides scores: the grader and the comparing engine."""
    import backprop

    digest = hashlib.sha256()
    engine, library = Path(__file__).resolve().parents[1], Path(backprop.__file__).parent
    for path in sorted([*engine.rglob("*.py"), *library.rglob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def section_base(course: Course, section: str, options: Options) -> str:
    """Everything besides the submission that decides a result of a section."""
    digest = hashlib.sha256(code_digest().encode())
    for name, content in files_of(course.checks).items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    for folder in (course.release, course.source):
        for path in sorted(path for path in (folder / section).rglob("*") if path.is_file()):
            digest.update(path.name.encode() + path.read_bytes())
    digest.update(salt(course).encode() + str(options.confined).encode())
    return digest.hexdigest()


def salt(course: Course) -> str:
    """This course's own random text: it makes the judge's inputs differ from those of any other course."""
    path = course.state / "salt"
    with contextlib.suppress(FileNotFoundError):
        return path.read_text().strip()
    write_atomically(path, secrets.token_hex(16).encode(), mode=0o660)  # a secret of those who grade
    return path.read_text().strip()
