"""The sentence of a feed: made of numbers, days and types; nothing else can stand in it."""

from __future__ import annotations

import pytest

from collector.feedwords import of_result, sentence
from probes.contract import Outcome
from probes.feeds import Feed, Finding, Judged
from probes.results import Result

ADT = Feed("adt-listener", "messages_adt", 6)
ALL = Feed("adt-listener", "messages", 6)
OTHER = Feed("adt-listener", "messages_other", 6)
HABIT = (34, 110, 160)
"""Tuesday, 10:00."""


@pytest.mark.parametrize(
    ("judged", "feed", "said"),
    [
        (
            Judged(Finding.SILENT, 42 * 60_000, 0, 77, *HABIT),
            ADT,
            "No ADT message for 42 min; on a Tuesday 10:00-11:00 there are usually 110 to 160 an hour.",
        ),
        (
            Judged(Finding.SILENT, 25 * 3_600_000, 0, 20, 23, 1, 1),
            ALL,
            "No message for 25 h; on a Monday 23:00-00:00 there are usually 1 an hour.",
        ),
        (
            Judged(Finding.SILENT, 5_430_000, 12, 180, *HABIT),
            OTHER,
            (
                "Only 12 other messages in 1 h 30 min, where 180 were due; on a Tuesday 10:00-11:00 "
                "there are usually 110 to 160 an hour."
            ),
        ),
        (
            Judged(Finding.FLOODED, 1_800_000, 900, 80, 168 + 9, 20, 30),
            ADT,
            "900 ADT messages in 30 min; on a holiday 09:00-10:00 there are usually 20 to 30 an hour.",
        ),
        (Judged(Finding.USUAL), ADT, "As usual."),
    ],
)
def test_one_plain_sentence_says_why(judged: Judged, feed: Feed, said: str) -> None:
    assert sentence(judged, feed) == said


def test_it_is_made_of_the_facts_of_a_result() -> None:
    facts = (
        ("feed_due", 77),
        ("feed_high", 160),
        ("feed_hour", 34),
        ("feed_low", 110),
        ("feed_s", 2_520),
        ("feed_seen", 0),
    )
    one = Result("adt-silence", "collector", 0, Outcome.DEGRADED, "feed.silent", 1, 1, None, facts)
    assert of_result(one, ADT) == (
        "No ADT message for 42 min; on a Tuesday 10:00-11:00 there are usually 110 to 160 an hour."
    )
    bare = Result("adt-silence", "collector", 0, Outcome.DEGRADED, "feed.silent", 1, 1)
    assert of_result(bare, ADT) is None
    crashed = Result("adt-silence", "collector", 0, Outcome.UNKNOWN, "agent.crash", 1, 1)
    assert of_result(crashed, ADT) is None
    young = Result("adt-silence", "collector", 0, Outcome.UNKNOWN, "feed.learning", 1, 1)
    assert of_result(young, ADT) == (
        "Still learning: this hour of the week was seen on fewer than three weeks."
    )
