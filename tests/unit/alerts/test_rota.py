"""Who is on duty: handoffs, layers, restrictions and overrides, instants written out.

Chicago is UTC-6, UTC-5 from 2026-03-08 08:00Z to 2026-11-01 07:00Z.
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from alerts.rota import Duty, duties, on_duty
from probes import spans
from probes.config_oncall import OnCall, Override
from probes.times import from_ms, parse_datetime, rfc3339, to_ms

CHICAGO, UTC = ZoneInfo("America/Chicago"), ZoneInfo("UTC")
HOUR = 3_600_000


def schedule(*layers: dict[str, Any], **more: Any) -> OnCall:
    return OnCall.model_validate({"role": "engineering", "layers": list(layers), **more})


def layer(people: str, starts: str, turn: str, **more: Any) -> dict[str, Any]:
    return {"people": people.split(), "starts": starts, "turn": turn, **more}


def override(person: str, start: str, end: str) -> Override:
    return Override.model_validate({"person": person, "start": start, "end": end})


def ms(text: str) -> int:
    return to_ms(parse_datetime(text), UTC)


def told(found: list[Duty]) -> list[str]:
    """`2026-01-05T14:00 2026-01-12T14:00 anna`, in UTC."""
    return [f"{rfc3339(one.start)[:16]} {rfc3339(one.end)[:16]} {one.person}" for one in found]


def of(rota: OnCall, start: str, end: str, *given: Override) -> list[str]:
    return told(duties(rota, CHICAGO, ms(start), ms(end), given))


def test_people_take_turns_and_handoffs_keep_to_the_wall_clock_when_clocks_change() -> None:
    weekly = schedule(layer("anna ben", "2026-02-23T08:00", "7d"))
    assert of(weekly, "2026-02-20T00:00", "2026-03-23T00:00") == [
        "2026-02-23T14:00 2026-03-02T14:00 anna",
        "2026-03-02T14:00 2026-03-09T13:00 ben",
        "2026-03-09T13:00 2026-03-16T13:00 anna",
        "2026-03-16T13:00 2026-03-23T00:00 ben",
    ]


def test_a_night_turn_has_an_hour_less_in_spring_and_an_hour_more_in_autumn() -> None:
    halves = schedule(layer("anna ben", "2026-01-01T07:00", "12h"))
    assert of(halves, "2026-03-08T01:00", "2026-03-08T12:00") == [
        "2026-03-08T01:00 2026-03-08T12:00 ben"
    ]
    assert of(halves, "2026-11-01T00:00", "2026-11-01T13:00") == [
        "2026-11-01T00:00 2026-11-01T13:00 ben"
    ]


def test_a_turn_that_the_gap_swallows_is_nobodys_and_the_repeated_hour_is_of_the_first() -> None:
    hourly = schedule(layer("anna ben cleo", "2026-03-08T00:00", "1h"))
    assert of(hourly, "2026-03-08T06:00", "2026-03-08T10:00") == [
        "2026-03-08T06:00 2026-03-08T07:00 anna",
        "2026-03-08T07:00 2026-03-08T08:00 ben",
        # 02:00 and 03:00 are the same instant, so cleo has no turn
        "2026-03-08T08:00 2026-03-08T09:00 anna",
        "2026-03-08T09:00 2026-03-08T10:00 ben",
    ]
    hourly = schedule(layer("anna ben cleo", "2026-11-01T00:00", "1h"))
    assert of(hourly, "2026-11-01T05:00", "2026-11-01T09:00") == [
        "2026-11-01T05:00 2026-11-01T06:00 anna",
        "2026-11-01T06:00 2026-11-01T08:00 ben",
        "2026-11-01T08:00 2026-11-01T09:00 cleo",
    ]


def test_a_day_that_a_zone_left_out_is_no_turn() -> None:
    samoa = schedule(layer("anna ben", "2011-12-28T00:00", "1d"), timezone="Pacific/Apia")
    assert of(samoa, "2011-12-28T10:00", "2012-01-01T10:00") == [
        "2011-12-28T10:00 2011-12-29T10:00 anna",
        # the 29th and the 31st are ben's; the 30th, which would be anna's, never was
        "2011-12-29T10:00 2011-12-31T10:00 ben",
        "2011-12-31T10:00 2012-01-01T10:00 anna",
    ]


def test_a_later_layer_lies_over_an_earlier_one_only_when_it_counts() -> None:
    nights = {"times": [{"start_time": "18:00", "end_time": "08:00"}], "weekdays": ["friday"]}
    rota = schedule(
        layer("anna", "2026-01-05T00:00", "7d"),
        layer("ben", "2026-01-05T00:00", "7d", only=[nights]),
    )
    assert of(rota, "2026-01-09T12:00", "2026-01-11T12:00") == [
        "2026-01-09T12:00 2026-01-10T00:00 anna",
        # from Friday 18:00 to Saturday 08:00: a time over midnight is of the day it starts on
        "2026-01-10T00:00 2026-01-10T14:00 ben",
        "2026-01-10T14:00 2026-01-11T12:00 anna",
    ]


def test_a_layer_that_ends_or_has_not_begun_has_nobody() -> None:
    rota = schedule(layer("anna", "2026-01-05T08:00", "1d", ends="2026-01-06T08:00"))
    assert of(rota, "2026-01-01T00:00", "2026-02-01T00:00") == [
        "2026-01-05T14:00 2026-01-06T14:00 anna"
    ]
    assert on_duty(rota, CHICAGO, ms("2026-01-05T13:59")) is None
    assert on_duty(rota, CHICAGO, ms("2026-01-05T14:00")) == "anna"
    assert on_duty(rota, CHICAGO, ms("2026-01-06T14:00")) is None


def test_overrides_lie_over_every_layer_and_those_given_over_those_of_the_file() -> None:
    rota = schedule(
        layer("anna", "2026-01-05T00:00", "7d"),
        overrides=[
            {"start": "2026-01-06T08:00", "end": "2026-01-06T20:00", "person": "ben"},
            {"start": "2026-01-06T10:00", "end": "2026-01-06T12:00", "person": "cleo"},
        ],
    )
    given = override("dora", "2026-01-06T17:00:00Z", "2026-01-06T19:00:00Z")
    assert of(rota, "2026-01-06T12:00", "2026-01-07T06:00", given) == [
        "2026-01-06T12:00 2026-01-06T14:00 anna",
        "2026-01-06T14:00 2026-01-06T16:00 ben",
        "2026-01-06T16:00 2026-01-06T17:00 cleo",
        "2026-01-06T17:00 2026-01-06T19:00 dora",
        "2026-01-06T19:00 2026-01-07T02:00 ben",
        "2026-01-07T02:00 2026-01-07T06:00 anna",
    ]
    assert on_duty(rota, CHICAGO, ms("2026-01-06T17:30")) == "cleo"
    assert on_duty(rota, CHICAGO, ms("2026-01-06T17:30"), [given]) == "dora"


def test_hundreds_of_overrides_are_laid_over_each_other_by_halves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = spans.combine
    widths: list[int] = []

    def watched(timelines: Any, *rest: Any) -> Any:
        widths.append(len(timelines))
        return plain(timelines, *rest)

    monkeypatch.setattr(spans, "combine", watched)
    rota = schedule(layer("anna", "2026-01-05T00:00", "7d"))
    start = ms("2026-01-06T00:00")
    given = [
        Override.model_construct(
            start=from_ms(start + n * HOUR), end=from_ms(start + (n + n % 5) * HOUR), person=who
        )
        for n, who in enumerate(("ben", "cleo", "dora") * 100)
    ]
    found = duties(rota, CHICAGO, start, start + 310 * HOUR, given)
    assert max(widths) <= 2
    for t in range(start, start + 310 * HOUR, HOUR // 2):
        (person,) = [one.person for one in found if one.start <= t < one.end]
        assert person == on_duty(rota, CHICAGO, t, given)


def test_an_override_that_a_clock_change_left_nothing_of_changes_nothing() -> None:
    rota = schedule(layer("anna", "2026-01-05T00:00", "7d"))
    swallowed = override("ben", "2026-03-08T02:30", "2026-03-08T03:30")
    assert of(rota, "2026-03-08T06:00", "2026-03-08T12:00", swallowed) == [
        "2026-03-08T06:00 2026-03-08T12:00 anna"
    ]


def test_a_schedule_has_the_zone_it_names_or_that_of_the_organization() -> None:
    daily = layer("anna", "2026-01-05T08:00", "1d", ends="2026-01-06T08:00")
    berlin = schedule(daily, timezone="Europe/Berlin")
    assert of(berlin, "2026-01-01T00:00", "2026-02-01T00:00") == [
        "2026-01-05T07:00 2026-01-06T07:00 anna"
    ]


def test_an_empty_range_has_no_duties() -> None:
    rota = schedule(layer("anna", "2026-01-05T00:00", "7d"))
    assert duties(rota, CHICAGO, 5 * HOUR, 5 * HOUR) == []
    assert duties(rota, CHICAGO, 6 * HOUR, 5 * HOUR) == []


@pytest.mark.parametrize("turn", ["5h", "7h", "25h", "36h", "90m", "30m", "24h1s", "0s"])
def test_a_turn_that_would_wander_over_the_day_is_refused(turn: str) -> None:
    with pytest.raises(ValidationError):
        schedule(layer("anna", "2026-01-05T00:00", turn))


@pytest.mark.parametrize("turn", ["1h", "2h", "3h", "4h", "6h", "8h", "12h", "24h", "48h", "7d"])
def test_whole_days_and_hours_that_divide_a_day_are_turns(turn: str) -> None:
    assert schedule(layer("anna", "2026-01-05T00:00", turn)).people == {"anna"}
