"""What the student's code gave, or the error that came instead; and how to judge it fairly.

An `Answer` raises the error when its value is asked for, so that each part loses its own points only. `fairly` lets a
mistake cost once: what builds on the student's earlier answers is tried with right ones in their place, and where that
is not right, with the student's own.
"""

from __future__ import annotations

import contextlib
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
    *references: Callable[[], AbstractContextManager[Any]],
) -> dict[str, Answer]:
    """The answers with right code under the names they build on, or with the student's own where only that is right.

    look       : asks everything anew
    right      : name -> whether a value is right
    references : each puts right code in the place of the student's, see `Student.shadow`; several where there are
                 several right forms of it

    Looking again is no second chance. An answer of a later look is taken only when one more look with the first right
    code is as wrong as the first: code that counts its calls is right there, and keeps its first answer.
    """
    seen: dict[str, Answer] = {}
    for reference in (*references, contextlib.nullcontext):
        with reference():
            found = look()
        if not seen:
            first = seen = found
        wrong = [name for name, is_right in right.items() if not seen[name].holds(is_right)]
        seen = {**seen, **{name: found[name] for name in wrong if found[name].holds(right[name])}}
        if all(seen[name].holds(right[name]) for name in wrong):
            break
    taken = [name for name in right if seen[name] is not first[name]]
    if not taken:
        return first
    with (references or [contextlib.nullcontext])[0]():
        again = look()
    return {name: first[name] if name in taken and again[name].holds(right[name]) else seen[name] for name in seen}
