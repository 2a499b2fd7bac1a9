"""What the student's code gave, or the error that came instead; and how to judge it fairly.

An `Answer` raises the error when its value is asked for, so that each part loses its own points only. `fairly` lets a
mistake cost once: what builds on the student's earlier answers is tried with right ones in their place, and where that
is not right, with the student's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ..sandbox.gone import StudentError, StudentGone
from .student import Remote

Questions = Mapping[str, Callable[[], Any]]


@dataclass(frozen=True)
class Answer:
    """A value of the student's, or the error that came instead, raised when the value is asked for.

    got : what came; a Remote stands for its plain value
    """

    got: Any = None
    error: StudentError | None = None

    @classmethod
    def to(cls, question: Callable[[], Any]) -> Answer:
        """What asking gives. A student's process that is gone raises here: there is nobody left to ask."""
        try:
            got = question()
            return got if isinstance(got, Answer) else cls(got)
        except StudentGone:
            raise
        except StudentError as error:
            return cls(error=error)

    @property
    def value(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.got.value if isinstance(self.got, Remote) else self.got

    def then(self, what: Callable[[Any], Any]) -> Answer:
        """The answer to a question about this value; its own error where there is no value."""
        return self if self.error is not None else Answer.to(lambda: what(self.value))

    def holds(self, condition: Callable[[Any], bool]) -> bool:
        """Whether there is a value and it meets the condition."""
        return Answer.to(lambda: condition(self.value)).got is True


def answers(questions: Questions) -> dict[str, Answer]:
    """name -> the answer to each question, asked in this order."""
    return {name: Answer.to(question) for name, question in questions.items()}


def fairly(
    look: Callable[[], dict[str, Answer]],
    right: Mapping[str, Callable[[Any], bool]],
    reference: Callable[[], AbstractContextManager[Any]],
) -> dict[str, Answer]:
    """The answers with right code under the names they build on, or with the student's own where only that is right.

    look      : asks everything anew
    right     : name -> whether a value is right
    reference : puts right code in the place of the student's, see `Student.shadow`

    Looking twice is no second chance. An answer is taken from the student's own code only when a third look, with the
    right code again, is as wrong as the first: code that counts its calls is right there, and keeps its first answer.
    """
    with reference():
        first = look()
    wrong = [name for name, is_right in right.items() if not first[name].holds(is_right)]
    if not wrong:
        return first
    own = look()
    better = [name for name in wrong if own[name].holds(right[name])]
    if not better:
        return first
    with reference():
        again = look()
    taken = {name: own[name] for name in better if not again[name].holds(right[name])}
    return {**first, **taken}
