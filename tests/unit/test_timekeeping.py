"""The collector's time in an answer: what can be read, and what says nothing."""

from __future__ import annotations

import pytest

from agent.offset import Moment, Reading
from agent.timekeeping import reading

SENT, RECEIVED = Moment(1_767_225_600_000, 0), Moment(1_767_225_600_010, 10_000_000)


def test_an_answer_with_the_collectors_time_is_a_reading() -> None:
    body = b'{"epoch":"e1","stored":[[1,2]],"now":"2026-01-01T00:00:07.005Z"}'
    assert reading(SENT, RECEIVED, body) == Reading(7_000, 7, 10_000_000)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"epoch":"e1","stored":[]}',
        b'{"now":7}',
        b'{"now":"soon"}',
        b'{"now":"2026-01-01T00:00:07.005"}',
        b'{"now":"2026-01-01T00:00:07.0051Z"}',
        b'{"now":"0001-01-01T00:00:00+14:00"}',
        b"[" * 100_000,
    ],
)
def test_any_other_answer_says_nothing_of_the_time(body: bytes) -> None:
    assert reading(SENT, RECEIVED, body) is None
