"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

_TEMPORARY = re.compile(r"\.tmp-[0-9a-f]{16}\Z")


def is_left_over(path: Path) -> bool:
    """Whether this is part of a file that `write_atomically` was killed in writing: nobody's, and of no use."""
    return bool(_TEMPORARY.match(path.name))


def write_atomically(path: str | Path, content: bytes, mode: int | None = None) -> None:
    """Put `content` at `path`: whoever looks, and whenever we are stopped, there is the old file or the whole new one.

    mode : the file's permissions; None for those that any new file gets. Folders that are missing are made.
    Raises OSError, with `path` as its `filename`, and then leaves no part of a file behind.
    """
    path = Path(path)
    temporary = path.with_name(f".tmp-{secrets.token_hex(8)}")
    try:
        with contextlib.suppress(FileExistsError):  # it is a file: opening says better what is wrong
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(
                temporary, "xb", opener=lambda name, flags: os.open(name, flags, 0o666 if mode is None else mode)
            ) as file:
                file.write(content)
            if mode is not None:
                os.chmod(temporary, mode)  # what the umask took away
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from None
