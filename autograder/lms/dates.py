"""Dates as platforms write them, in the words of the site's language."""

from __future__ import annotations

import datetime
import functools
import re

from .delivery import words_key

MONTH_LANGUAGES = "en de fr es ca eu it pt nl sv da nb fi pl cs sl hr ru tr".split()  # noqa: SIM905


@functools.cache
def _months() -> dict[str, int]:
    """Names of months, long and short, in the languages above (Unicode's CLDR) -> 1 to 12."""
    from babel.dates import get_month_names

    months: dict[str, int] = {}
    for language in MONTH_LANGUAGES:
        for width in ("wide", "abbreviated"):
            for context in ("format", "stand-alone"):
                for number, name in get_month_names(width, context, language).items():
                    months.setdefault(words_key(name), number)
    return months


def read_date_in_words(text: str) -> datetime.datetime:
    """A date as Moodle writes it in the language of the site: Sonntag, 1. März 2026, 12:00. Raises ValueError.

    Day, year and clock are the numbers, the month is the word that is one, or 年 and 月 stand behind year and month.
    """
    clock = re.search(r"\b(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?\s*([AaPp]\.?[Mm])?\b", text)
    date = text[: clock.start()] + " " + text[clock.end() :] if clock else text
    eastern = re.search(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})", date)
    if eastern:
        year, month, day = map(int, eastern.groups())
    else:
        months = [number for word in words_key(date).split() if (number := _months().get(word))]
        years, days = re.findall(r"\b\d{4}\b", date), re.findall(r"(?<!\d)\d{1,2}(?!\d)", date)
        if not (months and len(years) == 1 and len(days) == 1):
            raise ValueError(text)
        year, month, day = int(years[0]), months[-1], int(days[0])
    hour, minute, second = (int(part or 0) for part in clock.groups()[:3]) if clock else (0, 0, 0)
    half = (clock[4] or "").replace(".", "").lower() if clock else ""
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return datetime.datetime(year, month, day, hour, minute, second)
