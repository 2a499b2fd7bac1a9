"""What a student's process can do to whoever asks it: raise, go away, answer nonsense."""

from __future__ import annotations

from backprop.checking.diagnosis import Mistake


class StudentError(Exception):
    """The student's code could not give an answer; the text says why, for the student to read.

    message : what the exception in the student's process said, on one line; "" where there was none, or none is shown
    kind    : the name of that exception's type, "" where there was none
    """

    def __init__(self, text: str, family: str = "raises", message: str = "", kind: str = ""):
        super().__init__(text)
        self.mistake, self.message, self.kind = Mistake(family, text), message, kind


class StudentGone(StudentError):
    """The student's process ended or hung and was killed, so nothing more can be asked of it."""


def nonsense() -> StudentGone:
    """The process does not keep to the protocol: it was tampered with, and nothing it says counts any more."""
    return StudentGone("The notebook's process sent an answer that makes no sense.", "died")
