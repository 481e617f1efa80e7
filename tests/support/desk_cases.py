"""The `lookup` channels and their simulated receivers, for the tests they have in common."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from alerts.channel import Channel, Verdict
from alerts.channels import freshdesk, freshservice, jira, servicenow, zendesk
from alerts.outbox import DeliveryReason, Message
from tests.support import ticket_messages as messages
from tests.support.desks import Case
from tests.support.freshworks import FakeFresh
from tests.support.jira import FakeJira
from tests.support.receiver import Receiver, receiving
from tests.support.servicenow import FakeServiceNow
from tests.support.zendesk import FakeZendesk

WORD = messages.SECRET.decode().strip()


def basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


_FRESH = {
    "api_key": "file:/key",
    "email": "wardwatch@example.org",
    "statuses": {"acknowledged": "8"},
}
CASES = [
    Case(
        freshdesk.KIND,
        lambda: FakeFresh(basic(WORD, "X"), "cf_wardwatch_key"),
        _FRESH,
        login="authorization",
        priorities=(2, 4),
    ),
    Case(
        freshservice.KIND,
        lambda: FakeFresh(basic(WORD, "X"), "wardwatch_key", service=True),
        _FRESH,
        login="authorization",
        priorities=(2, 4),
    ),
    Case(
        servicenow.KIND,
        lambda: FakeServiceNow((("authorization", basic("wardwatch", WORD)),)),
        {"user": "wardwatch", "password": "file:/password"},
        login="authorization",
        priorities=(("3", "3"), ("1", "2")),
    ),
    Case(
        jira.KIND,
        lambda: FakeJira(basic("ward@example.org", WORD)),
        {"user": "ward@example.org", "token": "file:/token", "project": "OPS"},
        login="authorization",
        priorities=("Medium", "Highest"),
    ),
    Case(
        zendesk.KIND,
        lambda: FakeZendesk(basic("agent@example.org/token", WORD), forgets=True),
        {"user": "agent@example.org", "token": "file:/token"},
        login="authorization",
        priorities=("normal", "urgent"),
    ),
]


@asynccontextmanager
async def desk(
    case: Case, spec: Mapping[str, Any] | None = None
) -> AsyncIterator[tuple[Channel, Any, Receiver]]:
    """The channel, its simulated receiver and what that is reached by."""
    fake = case.fake()
    async with receiving(fake.handle) as receiver:
        given = {**case.spec, "url": receiver.url, "timeout": "5s", **(spec or {})}
        async with case.kind.open(case.kind.parse(given), messages.env()) as channel:
            yield channel, fake, receiver


async def tell(channel: Channel, *told: Message) -> None:
    """Each is taken."""
    for one in told:
        receipt = await channel.deliver(one)
        assert (receipt.verdict, receipt.reason) == (Verdict.SENT, DeliveryReason.ACCEPTED), one.seq
