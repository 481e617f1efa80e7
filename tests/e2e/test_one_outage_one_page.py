"""One outage, one page: a bad night through the whole collector, counted as each receiver counts.

Ingest, folds, outbox, delivery and channels are the product's; PagerDuty is simulated, the mail server
is aiosmtpd, Alertmanager is Debian's own.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from random import Random
from typing import Any

from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from alerts.channel import ChannelEnv
from alerts.channels import registry
from alerts.delivery import Delivery
from alerts.metering import DeliveryMetrics
from collector.store.outbox import Outbox
from collector.store.store import Store
from probes.config import Config
from probes.contract import Outcome
from probes.results import Result
from tests.support import alertmanager
from tests.support.hook import SECRET as HOOK_SECRET
from tests.support.hook import Hook, hook
from tests.support.mailserver import MailServer, mail_server
from tests.support.pagerduty import FakePagerDuty
from tests.support.receiver import receiving
from tests.support.rounds import ORG, START, Round, a_round, config, document, result
from tests.support.ticket_messages import SECRET as ROUTING_KEY

MINUTE = 60_000
FAMILIES = ["availability", "access", "blind", "feed", "expiry", "budget"]
CHECKS = {
    "ehr-read": ("ehr", ["north-1", "south-1"]),
    "ehr-write": ("ehr", ["north-1", "south-1"]),
    "ehr-print": ("ehr", ["north-1"]),
    "lab-orders": ("lab", ["north-1", "south-1"]),
    "portal-login": ("portal", ["south-1"]),
}
BLIP = range(3, 4)
"""One run of a check from one site: nobody confirms it."""
OUTAGES = (range(5, 11), range(13, 17), range(28, 32))
"""It comes back for two minutes, for eleven, and at last for good."""
KILLED = 15
"""The minute in which the collector is killed; another process takes over."""
NIGHT = 42
CERTIFICATE_DAYS = 20
OUTAGE = f"ehr.availability.{START + 5 * MINUTE + 1_000}"
LADDER = {
    "rungs": [
        {"to": [{"channel": "pager"}]},
        {"after": "5m", "to": [{"channel": "pager"}, {"channel": "nurses"}]},
    ],
    "repeat": "2",
    "repeat_after": "5m",
}
"""Nobody takes the outage on, so the pager is told of it again and again."""
WINDOW = {
    "id": "upgrade",
    "systems": ["ehr", "lab", "portal"],
    "start": "2025-12-31T18:03",
    "end": "2025-12-31T18:40",
    "timezone": "America/Chicago",
    "proposed": {"by": "change-1", "at": "2025-12-30T00:00:00Z"},
    "approval": {"by": "approver-1", "at": "2025-12-31T00:00:00Z"},
}
"""From minute 3 to minute 40."""


def hospital(channels: Mapping[str, Any], **changes: Any) -> Config:
    """What hangs on the EHR has a target, too, and every receiver is told of every family."""
    slo = {"target": "99.9", "minimum": "99.5"}
    written = document()
    ehr = written["systems"]["ehr"] | {"slo": slo}
    check = written["checks"]["ehr-read"] | {"every": "60s"}
    return config(
        policy={},
        systems={
            "ehr": ehr,
            "lab": ehr | {"name": "Laboratory", "depends_on": ["ehr"]},
            "portal": {
                "name": "Portal",
                "impact": {"class": "administrative"},
                "depends_on": ["ehr"],
            },
        },
        checks={
            name: check
            | {"system": system, "from": agents}
            | ({"role": "supporting"} if name == "ehr-print" else {})
            for name, (system, agents) in CHECKS.items()
        },
        channels=dict(channels),
        routes=[{"families": FAMILIES, "to": list(channels), "escalate": "clinical"}],
        escalation={"clinical": LADDER},
        **changes,
    )


def night() -> Iterator[dict[str, list[Result]]]:
    """Of each minute the results by agent."""
    for minute in range(NIGHT):
        down = any(minute in outage for outage in OUTAGES)
        found: dict[str, list[Result]] = {}
        for name, (_, agents) in CHECKS.items():
            for agent in agents:
                blip = (name, agent) == ("ehr-read", "north-1") and minute in BLIP
                outcome = Outcome.DOWN if down or blip else Outcome.UP
                one = result(minute * MINUTE + 1_000, outcome, check=name, agent=agent)
                if name == "ehr-read" and outcome is Outcome.UP:
                    one = replace(one, cert_days_left=CERTIFICATE_DAYS)
                found.setdefault(agent, []).append(one)
        yield found


@dataclass
class Receivers:
    """What came of it where people are."""

    pagerduty: FakePagerDuty
    desk: Hook
    mail: MailServer
    channels: dict[str, Any] = field(default_factory=dict)

    @property
    def pages(self) -> list[str]:
        """Alerts that PagerDuty makes a sound for: a new one of a service with its urgency by
        severity. A trigger of one that is open makes none.
        """
        return [
            alert.key
            for alert in self.pagerduty.alerts
            if alert.payloads[0]["severity"] in ("critical", "error")
        ]

    @property
    def opened(self) -> Counter[str]:
        """Incidents by key that the webhook was told of as new."""
        events = [json.loads(post.body) for post in self.desk.posts]
        return Counter(e["subject"] for e in events if ".opened." in e["type"])

    @property
    def conversations(self) -> list[str]:
        """Subjects of letters that answer no other."""
        found = []
        for one in self.mail.mails:
            letter = email.message_from_bytes(one.raw, policy=email.policy.default)
            assert isinstance(letter, EmailMessage)
            if letter["In-Reply-To"] is None:
                found.append(str(letter["Subject"]))
        return sorted(found)


@asynccontextmanager
async def receivers() -> AsyncIterator[Receivers]:
    fake = FakePagerDuty(ROUTING_KEY.decode().strip())
    async with receiving(fake.handle) as pagerduty, hook() as desk, mail_server() as mail:
        channels = {
            "pager": {
                "kind": "pagerduty",
                "routing_key": "file:/key",
                "url": pagerduty.url,
                "changes": "true",
            },
            "desk": {"kind": "webhook", "url": desk.url, "secret": "file:/hook"},
            "nurses": {
                "kind": "email",
                "host": "127.0.0.1",
                "port": str(mail.port),
                "tls": "none",
                "from": "wardwatch@example.org",
                "to": ["ward@example.org"],
            },
        }
        yield Receivers(fake, desk, mail, channels)


async def live(store: Store, used: Config) -> None:
    """The night, minute by minute, and all that it sends."""
    minutes = list(night())
    await _process(store, used, "one", minutes[:KILLED])
    await _process(store, used, "two", minutes[KILLED:], now=START + KILLED * MINUTE)


async def _process(
    store: Store, used: Config, name: str, minutes: list[dict[str, list[Result]]], now: int = START
) -> None:
    secrets = {"file:/key": ROUTING_KEY, "file:/hook": HOOK_SECRET}
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(a_round(store, holder=name, used=used, now=now))
        env = ChannelEnv(one.clock, secrets.__getitem__)
        opened = {}
        for receiver, channel in used.channels.items():
            kind = registry.load(channel.kind)
            parsed = kind.parse(channel.model_extra or {})
            opened[receiver] = await stack.enter_async_context(kind.open(parsed, env))
        delivery = Delivery(
            Outbox(store, ORG),
            opened,
            DeliveryMetrics(CollectorRegistry()),
            clock=one.clock,
            rng=Random(1),
        )
        for results in minutes:
            await _minute(one, results, epoch=name)
            for receiver in opened:
                while await delivery.pump(receiver):
                    pass


async def _minute(one: Round, results: Mapping[str, list[Result]], epoch: str) -> None:
    last = max(r.received for some in results.values() for r in some)
    await one.clock.advance(max(last + 10 - one.clock.now_ms(), 0))
    await one.take_over()
    for some in results.values():
        await one.send(some, epoch=epoch)
    await one.evaluator.step()


async def test_a_bad_night_is_one_page_and_all_else_informs(sqlite_store: Store) -> None:
    async with receivers() as told:
        await live(sqlite_store, hospital(told.channels))
        assert told.pages == [f"{ORG}.{OUTAGE}.pager"]
        # the certificate is for information; the budget that burns is not sent to a pager at all
        rest = [(a.key, a.payloads[0]["severity"]) for a in told.pagerduty.alerts[1:]]
        expiry = f"ehr.expiry.{START + 1_000}"
        alerts = {alert.key.split(".")[2]: alert for alert in told.pagerduty.alerts}
        assert sorted(alerts) == ["availability", "expiry"], rest
        assert alerts["expiry"].payloads[0]["severity"] == "info"
        assert len(alerts["availability"].payloads) > 3  # rungs, and again: of the same alert
        # who reads everything reads of one outage, too: what hangs on the EHR speaks through it
        budgets = [key for key in told.opened if ".budget." in key]
        assert told.opened == Counter([OUTAGE, expiry, *budgets])
        assert {key.split(".")[0] for key in budgets} == {"ehr", "lab"}
        assert len([one for one in told.conversations if "availability" in one]) == 1


async def test_inside_an_approved_window_there_is_no_page_at_all(sqlite_store: Store) -> None:
    async with receivers() as told:
        await live(sqlite_store, hospital(told.channels, maintenance=[WINDOW]))
        assert told.pages == []
        assert [key.split(".")[1] for key in told.opened] == ["expiry"]
        assert [one for one in told.conversations if "availability" in one] == []
        assert [one["payload"]["summary"] for one in told.pagerduty.changes] == [
            "Maintenance begins: EHR, Laboratory, Portal",
            "Maintenance is over: EHR, Laboratory, Portal",
        ]


async def test_where_alertmanager_pages_it_notifies_once_and_the_pager_hears_nothing(
    sqlite_store: Store,
) -> None:
    notified = alertmanager.Notified()
    async with receivers() as told, receiving(notified.handle) as receiver:
        with alertmanager.an_alertmanager(receiver.url) as server:
            channels = told.channels | {"prom": {"kind": "alertmanager", "urls": [server.url]}}
            await live(sqlite_store, hospital(channels, page_owner="alertmanager"))
            await asyncio.sleep(0.5)  # what it would notify of late
            firing = Counter(
                incident
                for group in notified.groups
                for status, incident in group
                if status == "firing"
            )
        assert told.pagerduty.alerts == []
        key = f"{ORG}.{OUTAGE}.prom"
        assert firing[key] == 1
        assert {one.split(".")[2] for one in firing} == {"availability", "expiry", "budget"}
        assert [one for one in firing if ".availability." in one] == [key]
        assert told.opened[OUTAGE] == 1
