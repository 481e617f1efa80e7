"""Many incidents under one parent, told to a receiver that keeps tickets: one ticket, and nothing closed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.channels import jira, servicenow
from alerts.events import Incident, Priority
from alerts.letter import LISTED
from alerts.lookup import Standing
from alerts.transitions import Transition, TransitionKind
from probes.config import Config
from tests.support.desk_cases import CASES, desk, tell
from tests.support.desks import Case
from tests.support.outages import an_outage
from tests.support.processing import Process

START = 1_767_225_600_000
CHILDREN = [f"app-{n:02}" for n in range(40)]
OPENED, ATTACHED, RAISED = TransitionKind.OPENED, TransitionKind.ATTACHED, TransitionKind.RAISED
RECOVERED, RESOLVED = TransitionKind.RECOVERED, TransitionKind.RESOLVED
CONFIG = Config.model_validate(
    {
        "version": "1",
        "organization": {"id": "st-e", "name": "St Elsewhere", "timezone": "UTC"},
        "sites": {"north": {"name": "North"}},
        "agents": {"north-1": {"site": "north"}},
        "systems": {
            name: {"name": name.upper(), "impact": {"class": "clinical"}}
            for name in ("net", *CHILDREN)
        },
        "checks": {},
        "channels": {"desk": {"kind": "servicenow"}},
        "routes": [{"families": ["availability"], "to": ["desk"]}],
    }
)
each = pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.kind in (servicenow.KIND, jira.KIND)],
    ids=lambda case: case.kind.name,
)


def incident(system: str, *, on: str | None = None, category: int = 3) -> Incident:
    return an_outage(START, system, category=category, priority=Priority.P1, attached_to=on)


class Storm:
    """Evaluations in a row, a minute apart; what each says goes to the receiver."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel
        self.process = Process()
        self.now = START

    async def look(self, *steps: tuple[TransitionKind, Incident]) -> int:
        """How many messages it took."""
        self.now += 60_000
        found = [(Transition(kind, one), self.now) for kind, one in steps]
        said = self.process.look(CONFIG, found, self.now)
        await tell(self.channel, *said)
        return len(said)


@each
async def test_forty_children_that_open_with_their_parent_are_one_ticket_that_names_them(
    case: Case,
) -> None:
    children = [incident(name, on="net") for name in CHILDREN]
    async with desk(case) as (channel, fake, _):
        storm = Storm(channel)
        first = await storm.look(
            (OPENED, incident("net")), *((OPENED, one) for one in children[:30])
        )
        later = await storm.look(*((OPENED, one) for one in children[30:]))
        assert (first, later, len(fake.shelf.records)) == (1, 1, 1)
        (record,) = fake.shelf.records
        told = str([call.body for call in fake.calls])
        for text, count in ((told, 30), (record["notes"][-1], 40)):
            assert [name for name in CHILDREN[:LISTED] if name.upper() not in text] == []
            assert f", {count - LISTED} more" in text


@each
async def test_a_child_that_was_told_first_keeps_its_ticket_which_names_the_parent(
    case: Case,
) -> None:
    alone, child = incident("app-00"), incident("app-00", on="net")
    net = incident("net")
    async with desk(case) as (channel, fake, _):
        storm = Storm(channel)
        await storm.look((OPENED, alone))
        await storm.look((OPENED, net), (ATTACHED, child))
        assert [fake.standing(one) for one in fake.shelf.records] == [Standing.NEW, Standing.NEW]
        theirs, parents = fake.shelf.records
        assert "Belongs to: net" in theirs["notes"][-1]
        assert "APP-00" in str(fake.calls)
        over = replace(net, recovered_at=storm.now)
        await storm.look((RECOVERED, over), (RESOLVED, over))
        assert fake.standing(theirs) is Standing.NEW
        assert fake.standing(parents) is Standing.RESOLVED
