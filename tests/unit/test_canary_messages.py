"""Names planted in typed text, in what receivers answer and, past every check, in configured
names: looked for in what receivers get, in the outbox, in logs, metrics and answers.
"""

from __future__ import annotations

import email
import email.policy
import logging
import random
from contextlib import AsyncExitStack
from email.message import EmailMessage
from pathlib import Path

import pytest

from alerts.channel import ChannelEnv
from alerts.channels import registry
from alerts.delivery import Delivery
from collector.api.routes import Route
from collector.api.table import ROUTES
from collector.store.open import open_store
from probes.config import Config
from tests.e2e.test_phi_canary import blobs, forms
from tests.support.hook import SECRET, hook
from tests.support.incidents import KEY, acted, outage, recovery
from tests.support.known import VIEWER
from tests.support.mailserver import REMOTE, mail_server
from tests.support.planning import Desk, a_desk
from tests.support.rounds import config

TYPED, NAMED = "QUIBBLEWICK", "ZZTHRAVENSTONE"
TEXT, NAME = f"seen: {TYPED}, MRN-7749302186", f"{NAMED}^JANE MRN-5510293847"
PLANTED = (TYPED, "7749302186", NAMED, "5510293847", REMOTE, "4711 Jane")
RECEIVERS = ("desk", "nurses", "wards")


def hospital(hook_url: str, port: int) -> Config:
    """The system, its site and its workaround are called what no loader would let pass."""
    mail = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": str(port),
        "tls": "none",
        "from": "wardwatch@example.org",
        "to": ["ward@example.org"],
    }
    return config(
        sites={"north": {"name": NAME}, "south": {"name": "South Campus"}},
        systems={
            "ehr": {
                "name": NAME,
                "impact": {"class": "clinical", "workaround": {"name": NAME, "valid_for": "4h"}},
            }
        },
        channels={
            "desk": {"kind": "webhook", "url": hook_url, "secret": "env:HOOK"},
            "nurses": mail,
            "wards": {**mail, "audience": "customer"},
        },
        routes=[{"families": ["availability"], "to": list(RECEIVERS)}],
        access={"public_url": "https://watch.example.org"},
    )


def found(sinks: dict[str, bytes], planted: tuple[str, ...] = PLANTED) -> list[str]:
    return [
        f"{name}: {one}"
        for name, data in sinks.items()
        for one in planted
        if any(form in data for form in forms(one))
    ]


async def sent(desk: Desk, used: Config) -> None:
    """Every message, by real channels, again until each is settled."""
    parts, metrics = desk.service.parts, desk.service._delivery_metrics
    env = ChannelEnv(desk.clock, lambda _ref: SECRET, metrics.tripped)
    async with AsyncExitStack() as stack:
        channels = {}
        for name, one in used.channels.items():
            kind = registry.load(one.kind)
            opened = kind.open(kind.parse(one.model_extra or {}), env)
            channels[name] = await stack.enter_async_context(opened)
        sender = Delivery(parts.outbox, channels, metrics, clock=desk.clock, rng=random.Random(1))
        while await parts.outbox.receivers():
            for name in channels:
                await sender.pump(name)
            await desk.clock.advance(5_000)


def read(raw: bytes) -> bytes:
    """A mail's subject and both its forms, decoded."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    parts = [mail.get_body((form,)) for form in ("plain", "html")]
    return "\n".join([mail["Subject"], *(p.get_content() for p in parts if p is not None)]).encode()


@pytest.mark.timeout(120)
async def test_nothing_planted_leaves_by_a_channel_and_every_page_does(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    store = await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    async with hook("503", "422") as receiver, mail_server() as server:
        receiver.headers = {"retry-after": NAME}
        server.script["DATA"] = ["451", "451"]
        used = hospital(receiver.url, server.port)
        async with a_desk(store, used) as desk:
            await outage(desk)
            await acted(desk, "notes", {"text": TEXT})
            await recovery(desk)
            await acted(desk, "close", {"text": TEXT})
            await sent(desk, used)
            answers = {}
            for route in ROUTES:
                if isinstance(route, Route) and route.method == "GET":
                    path = route.path.replace("{id}", "ehr").replace("{key}", KEY)
                    answer = await desk.client.get(path, headers=VIEWER)
                    answers[path] = await answer.read()
            metrics = await (await desk.client.get("/metrics", headers=VIEWER)).read()
    await store.close()
    mails = [read(one.raw) for one in server.mails]
    sinks = {f"hook {n}": post.body for n, post in enumerate(receiver.posts)}
    sinks |= {f"mail {n}": one for n, one in enumerate(mails)}
    sinks |= {f"raw mail {n}": one.raw for n, one in enumerate(server.mails)}
    tables = blobs(tmp_path / "wardwatch.db")
    sinks |= {name: data for name, data in tables.items() if name.startswith("outbox.")}
    # The simulated mail server logs what it says itself.
    ours = [r.getMessage() for r in caplog.records if r.name != "mail.log"]
    sinks |= {"log": "\n".join(ours).encode(), "metrics": metrics}
    assert found(sinks) == []
    # Who may read systems reads what they are called; nobody reads the rest.
    assert found(answers, tuple(p for p in PLANTED if p not in NAME)) == []

    # Nothing was withheld: opened, recovered and resolved, at the desk and the nurses; the ward
    # gets no letter of a resolution, which would tell it nothing new.
    assert [post.id[-6:] for post in receiver.posts] == [
        "desk_1",
        "desk_1",
        "desk_2",
        "desk_3",
    ]
    assert sorted(one.splitlines()[0] for one in mails) == sorted(
        [b"[Wardwatch] ehr: availability, since 2025-12-31 18:00 CST"] * 3
        + [b"[" + b"st-elsewhere] ehr: notice of trouble since 2025-12-31 18:00 CST"] * 2
    )
    assert all(b"https://watch.example.org/" in one for one in mails if b"Wardwatch:" in one)
    assert b'wardwatch_tripwire_hits_total{boundary="outbox",pattern="hl7_name"} 9.0' in metrics
    # The search finds what is there: the text in its table, the name where it is configured.
    planted = {leak.split()[0] for leak in found(tables)}
    assert planted >= {"typed.text", "journal.data"}
