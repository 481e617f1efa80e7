"""Messages of one incident as a channel gets them, for tests of receivers that keep tickets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from alerts.channel import ChannelEnv
from alerts.deadlines import DeadlineKind
from alerts.events import Cause, Priority
from alerts.outbox import Message, message_id
from alerts.people import ActKind, IncidentState
from alerts.render import render, render_test
from alerts.telling import Step
from alerts.transitions import TransitionKind
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import load
from probes.yamlfile import read
from tests.support.outages import an_outage

NOW = 1_767_225_600_000
ROOT = Path(__file__).resolve().parents[2]
SECRET = b"R0UT1NGKEY000000000000000000TEST\n"
"""What `read_secret` of `env()` gives for every reference."""

KEY = f"ehr.availability.{NOW}"
OPENED = (TransitionKind.OPENED, IncidentState.OPEN)
ACKNOWLEDGED = (ActKind.ACKNOWLEDGED, IncidentState.ACKNOWLEDGED)
BY_SERVICE = (ActKind.ACKNOWLEDGED, IncidentState.OPEN)
RAISED = (TransitionKind.RAISED, IncidentState.OPEN)
CATEGORY_SET = (ActKind.RAISED, IncidentState.OPEN)
WARNED = (DeadlineKind.RESPONSE_WARNED, IncidentState.OPEN)
REPORT_DUE = (DeadlineKind.REPORT_DUE, IncidentState.RESOLVED)
"""Comes due after the end."""
RECOVERED = (TransitionKind.RECOVERED, IncidentState.RECOVERED)
RESOLVED = (TransitionKind.RESOLVED, IncidentState.RESOLVED)
REOPENED = (TransitionKind.REOPENED, IncidentState.OPEN)
FOUND_LATE = (TransitionKind.FOUND_LATE, IncidentState.RESOLVED)
REPORT_DUE = (DeadlineKind.REPORT_DUE, IncidentState.RESOLVED)
CLOSED = (ActKind.CLOSED, IncidentState.CLOSED)
MERGED = (ActKind.MERGED, IncidentState.MERGED)
FALSE_POSITIVE = (ActKind.FALSE_POSITIVE, IncidentState.FALSE_POSITIVE)


@cache
def config() -> Config:
    return load(str(ROOT / "wardwatch.example.yaml"))


def as_written() -> dict[str, Any]:
    """The example as it is read, every scalar a text; the caller's own."""
    return deepcopy(_example())


@cache
def _example() -> dict[str, Any]:
    return dict(read(str(ROOT / "wardwatch.example.yaml"))[0].data)


def with_channels(channels: Mapping[str, Any]) -> dict[str, Any]:
    """The example with these channels instead, and nobody who is told by them."""
    written = as_written()
    for who_writes_letters in ("evidence_log", "attestations"):
        written.pop(who_writes_letters)
    contacts = {
        name: {key: value for key, value in one.items() if key != "reach"}
        for name, one in written["contacts"].items()
    }
    nobody: dict[str, Any] = {"routes": [], "notices": {}, "escalation": {}, "contacts": contacts}
    return written | nobody | {"channels": dict(channels)}


def message(
    told: tuple[Step, IncidentState],
    sequence: int = 1,
    *,
    key: str = KEY,
    category: int = 3,
    priority: Priority = Priority.P1,
) -> Message:
    """Step and state of the outage of the example's EHR, to the receiver `desk`."""
    step, state = told
    at = NOW + sequence * 60_000
    over = state not in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)
    incident = an_outage(
        NOW,
        key=key,
        causes=(Cause.DOWN,),
        category=category,
        priority=priority,
        recovered_at=at if over else None,
    )
    name = message_id("st-elsewhere", key, "desk", sequence)
    body = render(
        config(),
        step,
        incident,
        message_id=name,
        receiver="desk",
        sequence=sequence,
        at=at,
        detected_at=NOW + 60_000,
        state=state,
    )
    return Message(name, "st-elsewhere", key, "desk", sequence, body, at, at)


def story(*told: tuple[Step, IncidentState], key: str = KEY) -> list[Message]:
    return [message(one, n, key=key) for n, one in enumerate(told, 1)]


def a_test() -> Message:
    body = render_test(config(), "desk", name="test_desk_1", at=NOW)
    return Message("test_desk_1", "st-elsewhere", "test", "desk", 1, body, NOW, NOW)


def event(told: Message) -> dict[str, Any]:
    """The body of a message."""
    found: dict[str, Any] = json.loads(told.body)
    return found


def env() -> ChannelEnv:
    return ChannelEnv(ManualClock(NOW), lambda _reference: SECRET)
