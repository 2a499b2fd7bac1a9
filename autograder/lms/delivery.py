"""What one student handed in, as a platform's download shows it."""

from __future__ import annotations

import datetime
import re
import unicodedata
from dataclasses import dataclass, field

from ..submissions.archive import Entry


@dataclass
class Delivery:
    """What one student, or one group, handed in.

    label  : how to name it in a sentence: by what the names of its files or its folder begin with
    ids    : what the platform calls the student; the first is the student's id where there is no roster
    files  : path as the student named it, and the entry
    order  : when it was handed in, or a date of the download that puts two of them in order; UTC, None unknown
    time   : when it was handed in; None where the platform does not say
    local  : the same in the local time of the platform, which does not say its zone
    exact  : False where `time` is only the latest that it can have been
    said   : the instructor gave the time, in a roster or with --at
    name   : the person's or the group's name, where the platform shows it
    group  : what may be the group's name, where the platform shows it beside the `member` who handed in
    hidden : the platform hides who it is, so without a roster it is nobody's
    back   : what the name of a feedback file has to begin with for the platform to take it back; "" where nobody knows
    index  : the download's own list of its contents, where the platform's tools send it back with the feedback
    """

    label: str
    ids: tuple[str, ...]
    files: list[tuple[tuple[str, ...], Entry]] = field(default_factory=list)
    order: datetime.datetime | None = None
    time: datetime.datetime | None = None
    local: datetime.datetime | None = None
    exact: bool = True
    said: bool = False
    name: str = ""
    group: str = ""
    member: str = ""
    hidden: bool = False
    back: str = ""
    index: Entry | None = None
    serial: dict[tuple[str, ...], int] = field(default_factory=dict)


ONE_NUMBER = "two names in the download have its number; collect it by hand"
Refusals = list[tuple[str, str]]  # name of an entry, and the reason
Deliveries = tuple[list[Delivery], Refusals]


def words_key(text: str) -> str:
    """Equal for names that differ in case, spaces, punctuation or Unicode form only."""
    return re.sub(r"[\W_]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()
