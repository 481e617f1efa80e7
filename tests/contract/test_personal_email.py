"""Contacts by a personal channel, against a mail server we did not write: a letter of each one's own."""

from __future__ import annotations

import random
from contextlib import AsyncExitStack
from typing import Any

from prometheus_client import CollectorRegistry

from alerts.channel import ChannelEnv
from alerts.channels import registry
from alerts.delivery import Delivery
from alerts.metering import DeliveryMetrics
from alerts.outbox import Message, MessageState, message_id
from alerts.receivers import everybody
from alerts.render import render_test
from probes.clock import ManualClock
from probes.config import Config
from tests.support.mailserver import mail_server
from tests.support.outbox import MemoryOutbox

START = 1_767_225_600_000
KEY = "ehr.availability.1767225600000"


def config(port: int) -> Config:
    mail = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": str(port),
        "tls": "none",
        "from": "wardwatch@st-e.example",
    }

    def contact(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "role": "engineering",
            "email": f"{name}@st-e.example",
            "reach": ["mail"],
        }

    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-e", "name": "St E", "timezone": "UTC"},
            "sites": {},
            "agents": {},
            "systems": {},
            "checks": {},
            "channels": {"mail": mail},
            "contacts": {"anna": contact("anna"), "ben": contact("ben")},
        }
    )


async def test_one_contact_whose_mailbox_is_full_keeps_no_other_from_a_letter() -> None:
    async with mail_server() as server, AsyncExitStack() as stack:
        server.mailboxes["anna@st-e.example"] = ["452"]
        used = config(server.port)
        clock, store = ManualClock(START), MemoryOutbox()
        channels = {}
        for name, one in everybody(used).items():
            kind, settings = registry.settings(used, one)
            opened = kind.open(settings, ChannelEnv(clock, lambda ref: b""))
            channels[name] = await stack.enter_async_context(opened)
        assert list(channels) == ["mail.anna", "mail.ben"]
        metrics = DeliveryMetrics(CollectorRegistry())
        delivery = Delivery(store, channels, metrics, clock=clock, rng=random.Random(1))
        ids = {name: message_id("st-e", KEY, name, 1) for name in channels}
        await store.add(
            [
                Message(
                    ids[name],
                    "st-e",
                    KEY,
                    name,
                    1,
                    render_test(used, name, name=ids[name], at=START),
                    START,
                    START,
                )
                for name in channels
            ]
        )
        for name in channels:
            await delivery.pump(name)
        assert store.messages[ids["mail.anna"]].state is MessageState.PENDING
        assert store.messages[ids["mail.ben"]].state is MessageState.SENT
        await clock.advance(2_000)
        await delivery.pump("mail.anna")
        assert store.messages[ids["mail.anna"]].state is MessageState.SENT
    assert [mail.recipients for mail in server.mails] == [
        ["ben@st-e.example"],
        ["anna@st-e.example"],
    ]
    first = b"Message-ID: <st-e_ehr_availability_1767225600000_mail_ben_1@st-e>\r\n"
    assert first in server.mails[0].raw
