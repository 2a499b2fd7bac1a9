"""What a known mistake would give: the wrong value, with the kind of mistake and the words that say which one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Slip:
    """The value that a known mistake would give where another one is right.

    family : key of mistake_kinds.FAMILIES
    value  : array or number; a list or tuple of them where the mistake has several forms, None for none of them
    words  : which factor, term, argument, ... it is, where the sentence for the family has room for it
    """

    family: str
    value: Any
    words: str = ""

    @property
    def values(self) -> list[Any]:
        """The forms that the mistake has, without those that are None."""
        several = self.value if isinstance(self.value, list | tuple) else [self.value]
        return [value for value in several if value is not None]

    def map(self, what: Callable[[Any], Any]) -> Slip:
        """The same mistake, seen in what becomes of each of its values."""
        return Slip(self.family, [what(value) for value in self.values], self.words)


# Slips, or what works them out: it is called for a result that is wrong, and never for a right one.
Slips = Iterable[Slip] | Callable[[], Iterable[Slip]]


def worked_out(slips: Slips | Mapping[str, Any] | None) -> Sequence[Slip]:
    """The slips themselves. A mapping says in short what notebooks write: "family" or "family:words" -> value."""
    if callable(slips):
        slips = slips()
    if isinstance(slips, Mapping):
        return [Slip(family, value, words) for (family, _, words), value in
                ((key.partition(":"), value) for key, value in slips.items())]  # fmt: skip
    return list(slips or ())
