"""When a submission was handed in is read from timestamp.txt, or nobody guesses."""

from __future__ import annotations

import datetime

import pytest

from autograder.submissions.submission import read_timestamp

NOON = datetime.datetime(2026, 3, 1, 12)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 12:00:00.000000 UTC",
        "2026-03-01 12:00:00",
        "2026-03-01T12:00:00Z",
        "2026-03-01 12:00:00 GMT\n",
        "2026-03-01 13:00:00 +0100",
        "2026-03-01T04:00:00-08:00",
        "2026-03-01 13:00:00 Europe/Berlin",
        "Sun, 01 Mar 2026 12:00:00 +0000",
        "2026-03-01 12:00 PM",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_time_is_read_in_any_usual_form_and_encoding(tmp_path, text, encoding):
    (tmp_path / "timestamp.txt").write_bytes(text.encode(encoding))
    assert read_timestamp(tmp_path) == NOON


@pytest.mark.parametrize(
    "text",
    ["2026-03-01 12:00:00 PST", "2026-03-01 12:00 CST", "2026-03-01 12:00:00 IST", "2026-03-01 12:00 EST"]
    + ["01/03/2026 12:00", "1.3.2026 12:00", "03-01-2026", "yesterday", "", " \n"],
)
def test_a_time_that_can_mean_more_than_one_is_not_guessed(tmp_path, text):
    (tmp_path / "timestamp.txt").write_text(text)
    assert read_timestamp(tmp_path) is None
