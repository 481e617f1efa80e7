"""Why a feed is called silent or flooded, as one plain sentence made of whole numbers.

The numbers stand in the result; the words, the message type and the days are ours.
"""

from __future__ import annotations

from collections.abc import Mapping

from probes.contract import Fact
from probes.feeds import HOURS, Feed, Finding, Judged
from probes.reasons import Reason
from probes.results import Result

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FINDINGS = {
    Reason.FEED_SILENT.value: Finding.SILENT,
    Reason.FEED_FLOODED.value: Finding.FLOODED,
    Reason.FEED_LEARNING.value: Finding.LEARNING,
    Reason.FEED_UNWATCHED.value: Finding.UNWATCHED,
    Reason.OK.value: Finding.USUAL,
}
_SAID = {
    Finding.USUAL: "As usual.",
    Finding.LEARNING: "Still learning: this hour of the week was seen on fewer than three weeks.",
    Finding.UNWATCHED: "Nobody counts: the check that is watched has no counts of now.",
}


def of_result(result: Result, feed: Feed) -> str | None:
    """None for what says nothing of a feed, and where the numbers are not there."""
    finding = _FINDINGS.get(result.reason)
    if finding is None:
        return None
    facts: Mapping[str, int] = dict(result.facts)
    if finding in _SAID:
        return _SAID[finding]
    try:
        numbers = [facts[name] for name in (Fact.FEED_S, Fact.FEED_SEEN, Fact.FEED_DUE)]
        habit = [facts[name] for name in (Fact.FEED_HOUR, Fact.FEED_LOW, Fact.FEED_HIGH)]
    except KeyError:
        return None
    ms, seen, due = numbers[0] * 1000, *numbers[1:]
    return sentence(Judged(finding, ms, seen, due, *habit), feed)


def sentence(judged: Judged, feed: Feed) -> str:
    """`No ADT message for 42 min; on a Tuesday 10:00-11:00 there are usually 110 to 160 an hour.`"""
    if judged.finding in _SAID:
        return _SAID[judged.finding]
    named = type_of(feed)
    kind = "" if named is None else "other " if named == "other" else f"{named.upper()} "
    time, habit = (
        _time(judged.ms),
        f"{_when(judged.hour)} there are usually {_range(judged)} an hour",
    )
    if judged.finding is Finding.FLOODED:
        return f"{judged.seen} {kind}messages in {time}; {habit}."
    if judged.seen:
        return f"Only {judged.seen} {kind}messages in {time}, where {judged.due} were due; {habit}."
    return f"No {kind}message for {time}; {habit}."


def type_of(feed: Feed) -> str | None:
    """Of the messages that count; None: all."""
    return None if feed.fact == Fact.MESSAGES else feed.fact.removeprefix(f"{Fact.MESSAGES}_")


def _time(ms: int) -> str:
    minutes = ms // 60_000
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _when(hour: int) -> str:
    day, start = divmod(hour, 24)
    name = "holiday" if hour >= HOURS else _DAYS[day]
    return f"on a {name} {start:02}:00-{(start + 1) % 24:02}:00"


def _range(judged: Judged) -> str:
    return str(judged.low) if judged.low == judged.high else f"{judged.low} to {judged.high}"
