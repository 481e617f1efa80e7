"""Versions of baselines as rows of the journal: what a feed was judged by, and what made it.

A version is learned at a local midnight from the rollups of the weeks before, and can be made anew
from the results that were there when it was recorded. The first is written once an hour is known,
then one each Monday, and on every day that makes another hour known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from collector import journal
from collector.core.feed_baseline import Baseline
from collector.journal import Fact, Row
from probes.config import Config
from probes.feeds import Feed
from probes.times import from_ms, to_ms

KIND = "feed.baseline"
_ALL = 168


@dataclass(frozen=True, slots=True)
class Subject:
    """What a baseline is of: another subject, another baseline."""

    check: str
    feed: Feed
    agent: str
    zone: str


@dataclass(frozen=True, slots=True)
class Version:
    subject: Subject
    baseline: Baseline
    recorded_at: int


def subject_of(config: Config, check: str, feed: Feed) -> Subject | None:
    """None where the check it is to watch is not there, or not one agent's."""
    if feed.of not in config.checks:
        return None
    agents = config.agents_of(feed.of)
    if len(agents) != 1:
        return None
    return Subject(check, feed, agents[0], config.organization.timezone)


def fact(subject: Subject, baseline: Baseline, now: int) -> Fact:
    data = {
        "check": subject.check,
        "of": subject.feed.of,
        "fact": subject.feed.fact,
        "since": subject.feed.since,
        "agent": subject.agent,
        "zone": subject.zone,
        "baseline": msgspec.to_builtins(baseline),
    }
    return Fact(KIND, now, journal.canonical(data))


def version(row: Row) -> Version:
    data: dict[str, Any] = json.loads(row.data)
    baseline = msgspec.convert(data["baseline"], Baseline)
    feed = Feed(data["of"], data["fact"], baseline.weeks, data["since"])
    subject = Subject(data["check"], feed, data["agent"], data["zone"])
    return Version(subject, baseline, row.recorded_at)


def newest(rows: Iterable[Row]) -> dict[Subject, Version]:
    """What is in force, by what it is of."""
    return {found.subject: found for found in map(version, rows)}


def midnight(now: int, zone: ZoneInfo) -> int:
    """When the local day of an instant began: up to then a version is learned."""
    local = from_ms(now, zone)
    return to_ms(datetime(local.year, local.month, local.day), zone)


def monday(now: int, zone: ZoneInfo) -> int:
    """When the local week began."""
    local = from_ms(now, zone)
    day = datetime(local.year, local.month, local.day)
    return to_ms(day - timedelta(days=local.weekday()), zone)


def is_due(before: Baseline | None, upto: int, week: int) -> bool:
    """Is a version up to `upto` to be learned? `week` is when the local week began."""
    if before is None or before.upto < week:
        return True
    return before.upto < upto and before.known < _ALL


def is_news(before: Baseline | None, found: Baseline, week: int) -> bool:
    """Is it to be recorded?"""
    if not found.hours:
        return False
    return before is None or before.upto < week or found.known > before.known


def record(conn: Connection, org: str, subject: Subject, baseline: Baseline, now: int) -> None:
    """Unless it is there; whoever does the same meanwhile waits."""
    journal.hold(conn, org)
    before = newest(journal.rows(conn, org, kind=KIND)).get(subject)
    if before is not None and before.baseline.upto >= baseline.upto:
        return
    recorded_at = journal.following(journal.last_recorded(conn, org), now)
    journal.append(conn, org, [fact(subject, baseline, now)], recorded_at)
