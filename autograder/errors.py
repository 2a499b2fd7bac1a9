"""The errors that people can put right, as one sentence each."""

from __future__ import annotations

import errno


class UserError(Exception):
    """Something the user can put right. Its text says what, where and what to do; no traceback is shown for it."""


class CourseError(UserError):
    """The course folder is not as it should be."""


class WrongUsage(CourseError):
    """A command was given what makes no sense whatever the data are: exit status 2."""


class Unusable(CourseError):
    """What every submission needs is not there: the gradebook cannot be written, the sandbox cannot be started."""


NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def stops_the_run(error: BaseException) -> bool:
    """Whether an error is about the course or the computer, so that every other submission would end alike.

    Everything else that goes wrong with one submission costs that submission alone.
    """
    return isinstance(error, Unusable) or (isinstance(error, OSError) and error.errno in NO_ROOM)


def reason(error: BaseException) -> str:
    """Return the first line of what an error says (a database error: of what the driver says), or else its kind."""
    source = getattr(error, "orig", None) or error
    return next(iter(str(source).strip().splitlines()), type(source).__name__)
