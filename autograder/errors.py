"""The errors that people can put right, as one sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


class UserError(Exception):
    """Something the user can put right. Its text says what, where and what to do; no traceback is shown for it."""


class CourseError(UserError):
    """The course folder is not as it should be."""


def reason(error: BaseException) -> str:
    """Return the first line of what an error says (a database error: of what the driver says), or else its kind."""
    source = getattr(error, "orig", None) or error
    return next(iter(str(source).strip().splitlines()), type(source).__name__)
