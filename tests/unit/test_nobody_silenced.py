"""Attachment silences nobody, whatever depends on what and fails when (semantics 5)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.events import Family, Incident, State, SystemView
from alerts.outbox import Message
from alerts.policy import incidents
from alerts.transitions import TransitionKind, transitions
from collector.changes import rows
from collector.store.incidents import Recorded
from probes.config import Config
from probes.history import History, Version
from tests.support.processing import Process
from tests.support.soak import longer
from tests.unit.alerts.views import MIN, config
from tests.unit.alerts.worlds import END, moments, quiet_windows, timelines

NAMES = ("a", "b", "c", "d", "e")
CHANNELS = {name: {"kind": "webhook"} for name in ("desk", "pager")}
ROUTES = [
    {"families": ["availability"], "min_priority": "P2", "to": ["desk"]},
    {"families": ["availability"], "min_priority": "P1", "to": ["pager"]},
]


@dataclass(frozen=True)
class World:
    views: dict[str, SystemView]
    history: History


@st.composite
def graphs(draw: st.DrawFn) -> Config:
    """Each system may depend on any before it."""
    systems = {
        name: {
            "class": draw(st.sampled_from(["administrative", "clinical"])),
            "depends_on": draw(st.lists(st.sampled_from(NAMES[:n]), unique=True)) if n else [],
        }
        | draw(st.sampled_from([{}, {}, {"workaround": {}}, {"workaround": {"valid_for": "9m"}}]))
        for n, name in enumerate(NAMES)
    }
    made = config(systems, recover_for="3m", reopen_within="10m", degraded_after="5m")
    written = made.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return Config.model_validate(written | {"channels": CHANNELS, "routes": ROUTES})


@st.composite
def worlds(draw: st.DrawFn) -> World:
    states = timelines([State.UP, State.DOWN, State.DOWN, State.DEGRADED, State.UNKNOWN])
    views = {
        name: SystemView(name, draw(states), {}, (), (), draw(st.just(()) | quiet_windows()))
        for name in NAMES
    }
    versions = [Version(None, draw(graphs()))]
    if draw(st.booleans()):
        versions.append(Version(draw(st.integers(0, END)) * MIN, draw(graphs())))
    return World(views, History(versions))


def receivers_of(said: Sequence[Message], incident: Incident) -> set[str]:
    """Who got a message of or naming the incident."""
    found = set()
    for one in said:
        data = json.loads(one.body)["data"]
        named = {data["system"]["id"], *(other["id"] for other in data["attached"])}
        if one.incident_key == incident.key or incident.system in named:
            found.add(one.receiver)
    return found


@given(worlds(), moments)
@settings(max_examples=longer(40), suppress_health_check=[HealthCheck.too_slow])
def test_whoever_would_be_paged_for_an_incident_is_told_its_name_in_the_same_look(
    world: World, looks: list[int]
) -> None:
    """Of every page of category 3; and what was paged is closed by its own end alone."""
    recorded: dict[str, Recorded] = {}
    process = Process()
    urgent: set[str] = set()
    for now in looks:
        derived = incidents(world.views, world.history, now)
        before = {key: row.incident for key, row in recorded.items()}
        found = [(step, now) for step in transitions(before, derived, world.history)]
        recorded |= {row.incident.key: row for row in rows(found, recorded)[0]}
        heard_before = set(process.told)
        said = process.look(world.history.latest, found, now)
        for key, row in recorded.items():
            one = row.incident
            is_urgent = one.category == 3 and not one.quiet and one.recovered_at is None
            if is_urgent and key not in urgent and one.family is Family.AVAILABILITY:
                assert receivers_of(said, one) == {"desk", "pager"}, one
            urgent = urgent | {key} if is_urgent else urgent - {key}
        ended = {step.incident.key for step, _ in found if step.incident.recovered_at is not None}
        for message in said:
            data = json.loads(message.body)["data"]
            # a deadline after the end, such as that of the report, ends nothing
            over = data["state"] != "open" and data["step"] in set(TransitionKind)
            assert not over or message.incident_key in ended
        # Who had heard of an incident before hears of its end, attached or not.
        for step, _ in found:
            if step.kind is TransitionKind.RECOVERED:
                for receiver in ("desk", "pager"):
                    pair = (step.incident.key, receiver)
                    assert pair not in heard_before or pair in {
                        (m.incident_key, m.receiver) for m in said
                    }
