from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.events import State
from collector.attest import strictjson
from collector.bundle.assurance import Limit
from collector.bundle.gaps import Cause
from collector.core.windows import Why
from collector.reports.facts import facts
from collector.reports.page import Block, Table
from collector.reports.predicate import PredicateError
from collector.reports.render import render_all
from collector.reports.stripsvg import BARS
from collector.reports.wording import (
    CAUSES,
    LIMITS,
    STATES,
    VERDICT_SENTENCES,
    VERDICTS,
    WHYS,
)
from tests.support.predicates import DAY, END, HOUR, START, predicate


def tables(found: Any) -> dict[str, Table]:
    page = facts(found)
    sections = (*page.answers, *page.details)
    return {one.id: one for section in sections for one in section.tables}


def words(found: Any, heading: str) -> str:
    page = facts(found)
    (section,) = [one for one in page.answers if one.heading == heading]
    return " ".join((*section.sentences, *(one.text for one in section.items))).replace(
        "\u00a0", " "
    )


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        ("met", "does not fall below it even if everything was down in the time nobody observed"),
        ("breached", "falls below it even if everything was up in the time nobody observed"),
        ("indeterminate", "It cannot be called met, nor breached."),
        ("no_data", "so nothing is claimed"),
        ("later_code", "later_code"),
    ],
)
def test_a_verdict_is_said_in_words(verdict: str, said: str) -> None:
    found: Any = predicate()
    found["results"][0]["verdict"] = verdict
    assert said in words(found, "Verdicts in words")


def test_a_number_with_corrections_stands_beside_the_other() -> None:
    told = words(predicate(), "Verdicts in words")
    assert "With corrections that two people approved: 99.8995 %, not decided." in told
    assert "Both numbers stand." in told
    assert [row[1] for row in tables(predicate())["time"].rows if row[0] == "EHR"] == [
        "the system",
        "site north",
        "with corrections power-cut",
    ]


def test_a_verdict_has_the_number_it_was_judged_by_and_the_formula() -> None:
    found: Any = predicate()
    found["method"]["formula"] = "mixed"
    ehr, lab = found["results"]
    lab["formula"] = "whole-period-v1"
    by = {"scope": "worst_site", "site": "south", "known": "99.1", "min": "98.2", "max": None}
    ehr["corrected"]["judgedBy"] = by
    told = words(found, "Verdicts in words")
    assert (
        "Target 99.95 %, judged by the whole organization: 99.8995 % of what is known, between "
        "99.7638 % and 99.8997 % whatever was in the time nobody observed. "
        "Formula contract-v1: approved maintenance is left out."
    ) in told
    assert (
        "With them it is judged by the site that fared worst (south): 99.1 % of what is known, "
        "between 98.2 % and undefined"
    ) in told
    assert "Formula whole-period-v1: approved maintenance counts as available." in told


def test_a_check_says_how_it_counts_and_a_change_which_version_it_was() -> None:
    read, write, _ = tables(predicate())["checks"].rows
    assert [one.replace("\u00a0", " ") for one in read] == [
        "EHR", "ehr-read", "fhir", "group reads", "30 s", "10 s", "north-1, north-2", "half",
        "2", "1",
    ]  # fmt: skip
    assert (write[3], write[7]) == ("critical", "1")
    assert [row[3] for row in tables(predicate())["changes"].rows] == ["c1" * 32, "c2" * 32]


def test_without_a_target_or_a_figure_none_is_claimed() -> None:
    assert "No target was in force at the end of the period" in words(
        predicate(), "Verdicts in words"
    )
    assert tables(predicate())["availability"].rows[1] == (
        "Laboratory",
        "no target",
        "no target",
        "undefined",
        "undefined",
        "0.0000\u00a0%",
        "0\u00a0s",
        "744\u00a0h",
    )


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        ("contract-v1", "without approved maintenance. This is the contract's figure."),
        ("whole-period-v1", "by the contract approved maintenance counts as available."),
        ("mixed", "left out or counts as available, as each system's contract has it."),
        ("a-later-v3", "left out or counts as available, as each system's contract has it."),
    ],
)
def test_a_figure_is_explained_by_the_formula_it_was_made_by(formula: str, said: str) -> None:
    found: Any = predicate()
    found["method"]["formula"] = formula
    assert said in words(found, "Availability")


def test_who_approved_a_window_and_whether_witnesses_had_it_before_is_told() -> None:
    first, second = tables(predicate())["exclusions"].rows
    assert first == (
        "weekday-early",
        "EHR",
        "2026-07-05 02:00:00 -05:00",
        "2026-07-05 04:00:00 -05:00",
        "2\u00a0h",
        "approved",
        "change-1",
        "approver-1",
        "2026-06-28 00:00:00 -05:00",
        "yes: witnesses had the approval before it began",
        "2026-06-28 00:05:00 -05:00",
        "9021",
    )
    assert second[4:6] == ("0\u00a0s", "approved when it had begun")
    assert second[9] == "no: witnesses had the approval only later"
    found: Any = predicate()
    for approved, said in (
        ("approver-1", "not known: no witness had it"),
        (None, "no: there is no approval"),
    ):
        found["exclusions"][0].update(approvedBy=approved, preRegistered=None, witnessedAt=None)
        assert tables(found)["exclusions"].rows[0][9] == said


@pytest.mark.parametrize(("level", "said"), [("L1", "Nobody outside"), ("L3", "two operators")])
def test_a_level_and_its_limits_are_printed(level: str, said: str) -> None:
    found: Any = predicate()
    found["assurance"].update(level=level, limits=["times_by_collector", "a_later_code"])
    told = words(found, f"Assurance level {level}")
    assert said in told
    assert "When something was recorded is by the collector's clock alone." in told
    assert "witness.example.net, run by Example Auditors" in told
    assert "a_later_code" in told


def test_a_month_is_called_by_its_name_and_any_other_span_by_its_instants() -> None:
    found: Any = predicate()
    assert facts(found).subtitle == "July 2026"
    found["period"]["start"] = START + HOUR
    assert facts(found).subtitle == "2026-07-01 01:00:00 -05:00 to 2026-08-01 00:00:00 -05:00"


def test_a_strip_shows_the_outage_on_its_day_and_in_its_place() -> None:
    ehr = facts(predicate()).strips[0]
    assert [day.label for day in ehr.days] == [f"2026-07-{n:02d}" for n in range(1, 32)]
    # 02:15:00 to 02:59:38.4 of a day of 24 h
    assert ehr.days[2].blocks == (
        Block("up", 0, 94),
        Block("up", 124, 876),
        Block("down", 93, 32),
    )
    assert ehr.days[0].blocks == (Block("up", 0, 1000),)


def test_maintenance_that_excludes_time_lies_behind_the_states() -> None:
    ehr = facts(predicate()).strips[0]
    assert ehr.days[4].blocks == (Block("excluded", 83, 84), Block("up", 0, 1000))
    assert all(block.state != "excluded" for block in ehr.days[11].blocks)  # approved too late


def test_gaps_that_are_not_listed_are_counted() -> None:
    found: Any = predicate()
    found["gapsLeftOut"] = 17
    assert "Shorter ones that are only counted: 17." in words(found, "What is unknown")
    assert tables(found)["gaps"].note == (
        "17 shorter gaps are not listed; they are counted among the results."
    )


def test_a_revision_says_that_results_count_which_came_after_the_close() -> None:
    found: Any = predicate()
    found["lateEvidence"]["afterClose"] = 3
    (known,) = [one.text for one in facts(found).document if one.term == "Known until"]
    assert "what people recorded later does not count" in known
    assert known.endswith("Results count also where they came later: 3 batches did")


def test_every_code_has_its_words() -> None:
    assert set(WHYS) == set(Why)
    assert set(CAUSES) == set(Cause)
    assert set(LIMITS) == {*Limit, "simulated"}
    assert set(STATES) == {*State, "excluded"} == set(BARS)
    assert set(VERDICTS) == set(VERDICT_SENTENCES)


def test_no_outage_is_too_short_to_be_seen() -> None:
    found: Any = predicate()
    found["states"][0]["spans"] = [
        [START, START + HOUR, "up"],
        [START + HOUR, START + HOUR + 1, "down"],
        [START + HOUR + 1, END, "up"],
    ]
    assert Block("down", 41, 2) in facts(found).strips[0].days[0].blocks


def test_a_day_of_25_hours_is_longer_and_one_of_23_shorter() -> None:
    found: Any = predicate()
    start = 1_793_422_800_000  # 2026-10-31T05:00:00Z, the day before the clocks go back
    found["period"].update(start=start, end=start + 3 * DAY + HOUR, now=start + 9 * DAY)
    found["states"] = [{"system": "ehr", "spans": [[start, start + 3 * DAY + HOUR, "up"]]}]
    strip = facts(found).strips[0]
    assert [(day.label, day.blocks[0].width) for day in strip.days] == [
        ("2026-10-31", 960),
        ("2026-11-01", 1000),
        ("2026-11-02", 960),
    ]
    assert strip.hours == ((0, "0 h"), (240, "6 h"), (480, "12 h"), (720, "18 h"), (960, "24 h"))


def test_a_table_prints_a_thousand_rows_and_says_how_many_there_are() -> None:
    found: Any = predicate()
    found["gaps"] = found["gaps"][:1] * 1_001
    table = tables(found)["gaps"]
    assert len(table.rows) == 1_000
    assert table.note == "The first 1000 of 1001: statement.json has them all."
    found["gaps"].pop()
    assert tables(found)["gaps"].note == ""


def test_a_month_without_events_says_so() -> None:
    found: Any = predicate()
    for name in ("outages", "exclusions", "gaps", "incidents", "configChanges"):
        found[name] = []
    found["scope"]["undisclosedSystems"] = False
    assert "no time was excluded" in words(found, "Approved exclusions")
    assert words(found, "What is unknown").startswith(
        "There is no gap: every scheduled result is there. "
        "All systems of the organization are in here."
    )
    none = {one.id: one.none for one in tables(found).values() if not one.rows}
    assert none["outages"] == "No outage."
    assert set(none) == {"outages", "exclusions", "gaps", "incidents", "changes"}


def test_an_outage_that_is_open_is_said_to_be() -> None:
    found: Any = predicate()
    found["outages"][0].update(end=None, minMs=None, maxMs=None)
    assert tables(found)["outages"].rows == (
        ("EHR", "2026-07-03 02:15:00 -05:00", "still open", "open", "undefined", "undefined"),
    )


def test_what_is_not_known_is_passed_over() -> None:
    found: Any = predicate()
    found["results"][0]["aLaterField"] = {"a": 1}
    assert facts(found) == facts(predicate())


def walk(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        for key, one in value.items():
            found += walk(one, (*at, key))
    elif isinstance(value, list):
        for key, one in enumerate(value[:2]):
            found += walk(one, (*at, key))
    return found


PLACES = walk(predicate())
ODD = st.sampled_from(
    [None, "", "x", -1, 0, (1 << 53) - 1, -(1 << 53) + 1, True, [], {}, ["x"], {"x": 1}]
)


@settings(max_examples=60)
@given(st.sampled_from(PLACES), ODD)
def test_whatever_a_field_holds_it_is_shown_or_named(place: tuple[Any, ...], odd: Any) -> None:
    found: Any = predicate()
    holder = found
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = odd
    strictjson.write(found)
    made: dict[str, bytes] = {}
    with suppress(PredicateError):
        made = render_all(found)
    assert set(made) in (set(), {"report.html", "report.pdf", "oscal.json"})


def test_a_name_of_which_nothing_can_be_seen_is_refused() -> None:
    for name in ("", " ", "\u00a0"):
        found: Any = predicate()
        found["scope"]["systems"][0]["name"] = name
        with pytest.raises(PredicateError, match=r"systems\[\.\.\.\]|systems\[0\]"):
            facts(found)


def test_a_field_that_is_missing_is_named() -> None:
    found: Any = predicate()
    del found["results"][1]["coverage"]
    with pytest.raises(
        PredicateError, match=r"missing required field `coverage` - at `\$.results\[1\]`"
    ):
        facts(found)


def test_a_zone_that_is_none_and_a_period_that_is_none_are_refused() -> None:
    for change in (
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"end": START},
        {"end": START + 401 * DAY},
        {"start": -(1 << 52)},
    ):
        found: Any = predicate()
        found["period"].update(change)
        with pytest.raises(PredicateError, match="period"):
            facts(found)
