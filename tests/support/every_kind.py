"""A simulated receiver of every channel kind, for what holds of all of them.

A kind that is not here fails `test_every_kind_has_a_simulated_receiver`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import encode_basic_auth, web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from alerts.channel import Channel, ChannelEnv, ChannelKind
from alerts.channels import registry
from alerts.lookup import Standing
from probes.assertion import load_key
from probes.clock import Clock, ManualClock
from tests.support.chat import Room
from tests.support.client_keys import rsa_pem
from tests.support.freshworks import FakeFresh
from tests.support.jira import FakeJira
from tests.support.jsm import FakeJsm
from tests.support.keyed import FakeAlertmanager, FakeHook
from tests.support.mailserver import MailServer, mail_server
from tests.support.pagerduty import FakePagerDuty
from tests.support.receiver import Handler, Receiver, receiving
from tests.support.salesforce import FakeSalesforce
from tests.support.servicenow import FakeServiceNow
from tests.support.servicenow_events import FakeEventManagement
from tests.support.zendesk import FakeZendesk

WORD = "R0UT1NGKEY000000000000000000TEST"
UUID = "4513b7ea-3b91-438f-b7e4-0123456789ab"
HOOK = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"
USER = "wardwatch"
MAIL = "ward@example.org"
ROOM = "/hooks/T0?sig=abc"
BASIC = encode_basic_auth(USER, WORD)
_ENDED = {Standing.RESOLVED, Standing.CLOSED}


@dataclass
class Simulated:
    """`entry` and `secrets` depend on the receiver's address; `keys` and `open` are the keys of the
    tickets that are there, and of those that are not over, in the order they were made. A receiver
    that knows no key has a ticket for each message.
    """

    fake: Any
    handle: Handler | None
    entry: Callable[[str], dict[str, Any]]
    keys: Callable[[], list[str]]
    open: Callable[[], list[str]]
    secrets: Callable[[str], dict[str, bytes]] = field(
        default_factory=lambda: lambda _url: {"file:/word": f"{WORD}\n".encode()}
    )
    login: bool = True
    """A secret of another's is refused."""
    settle: Callable[[], None] = lambda: None
    """Works off what was accepted."""


def _desk(fake: Any, key: Callable[[Any], str], **entry: Any) -> Simulated:
    """A receiver of `lookup`."""
    return Simulated(
        fake,
        fake.handle,
        lambda url: {"url": url, **entry},
        lambda: [key(one) for one in fake.shelf.records],
        lambda: [key(one) for one in fake.shelf.records if fake.standing(one) not in _ENDED],
    )


def _alertmanager(clock: Clock) -> Simulated:
    fake = FakeAlertmanager(clock.now_ms)
    return Simulated(
        fake, fake.handle, lambda url: {"urls": [url]}, fake.filed, fake.open, login=False
    )


def _email(_clock: Clock) -> Simulated:
    mail = {"host": "127.0.0.1", "tls": "none", "from": MAIL, "to": ["nurses@example.org"]}
    simulated = Simulated(None, None, lambda _: mail, list, list, lambda _: {}, login=False)
    simulated.keys = lambda: [str(n) for n, _ in enumerate(simulated.fake.mails)]
    return simulated


def _fresh(field_name: str, *, service: bool) -> Simulated:
    entry = {"api_key": "file:/word", "email": MAIL, "statuses": {"acknowledged": "8"}}
    fake = FakeFresh(encode_basic_auth(WORD, "X"), field_name, service=service)
    return _desk(fake, lambda one: str(one["custom_fields"][field_name]), **entry)


def _jira(_clock: Clock) -> Simulated:
    entry = {"user": MAIL, "token": "file:/word", "project": "OPS"}
    return _desk(
        FakeJira(encode_basic_auth(MAIL, WORD)), lambda one: str(one["labels"][1]), **entry
    )


def _jsm(_clock: Clock) -> Simulated:
    fake = FakeJsm(UUID)
    return Simulated(
        fake,
        fake.handle,
        lambda url: {"url": url, "key": "file:/key"},
        lambda: [one.alias for one in fake.alerts],
        lambda: [one.alias for one in fake.alerts if one.state != "closed"],
        lambda _: {"file:/key": UUID.encode()},
        settle=fake.settle,
    )


def _pagerduty(_clock: Clock) -> Simulated:
    fake = FakePagerDuty(WORD)
    return Simulated(
        fake,
        fake.handle,
        lambda url: {"url": url, "routing_key": "file:/word", "changes": "true"},
        lambda: [one.key for one in fake.alerts],
        lambda: [one.key for one in fake.alerts if one.state != "resolved"],
    )


def _salesforce(clock: Clock) -> Simulated:
    public = load_key(rsa_pem()).private.public_key()
    assert isinstance(public, RSAPublicKey)
    fake = FakeSalesforce(public, clock.now_ms() // 1000)

    def entry(url: str) -> dict[str, Any]:
        fake.url = url
        named = {"client_id": fake.client_id, "user": fake.user, "key": "file:/key"}
        return {"url": url, "login": url, **named}

    async def handle(request: web.Request) -> web.StreamResponse:
        fake.now_s = clock.now_ms() // 1000
        return await fake.handle(request)

    return Simulated(
        fake,
        handle,
        entry,
        lambda: [one.key.replace("_", ".") for one in fake.cases],
        lambda: [one.key.replace("_", ".") for one in fake.cases if one.status != "Closed"],
        lambda _: {"file:/key": rsa_pem()},
    )


def _servicenow(_clock: Clock) -> Simulated:
    entry = {"user": USER, "password": "file:/word"}
    fake = FakeServiceNow((("authorization", BASIC),))
    return _desk(fake, lambda one: str(one["correlation_id"]), **entry)


def _servicenow_em(_clock: Clock) -> Simulated:
    fake = FakeEventManagement(BASIC)
    return Simulated(
        fake,
        fake.handle,
        lambda url: {"url": url, "user": USER, "password": "file:/word"},
        lambda: [one.key for one in fake.alerts],
        lambda: [one.key for one in fake.alerts if one.state != "Closed"],
    )


def _room(unknown: int) -> Simulated:
    fake = Room(ROOM, unknown)
    return Simulated(
        fake,
        fake.handle,
        lambda _: {"url": "file:/address"},
        lambda: [str(n) for n, _ in enumerate(fake.shown)],
        list,
        lambda url: {"file:/address": f"{url}{ROOM}\n".encode()},
    )


def _webhook(_clock: Clock) -> Simulated:
    fake = FakeHook(HOOK)
    return Simulated(
        fake,
        fake.handle,
        lambda url: {"url": f"{url}/hook", "secret": "file:/hook"},
        lambda: list(fake.states),
        fake.open,
        lambda _: {"file:/hook": HOOK},
    )


def _zendesk(_clock: Clock) -> Simulated:
    fake = FakeZendesk(encode_basic_auth(f"{MAIL}/token", WORD), forgets=True)
    return _desk(fake, lambda one: str(one["external_id"]), user=MAIL, token="file:/word")


EVERY_KIND: Mapping[str, Callable[[Clock], Simulated]] = {
    "alertmanager": _alertmanager,
    "email": _email,
    "freshdesk": lambda _: _fresh("cf_wardwatch_key", service=False),
    "freshservice": lambda _: _fresh("wardwatch_key", service=True),
    "jira": _jira,
    "jsm": _jsm,
    "pagerduty": _pagerduty,
    "salesforce": _salesforce,
    "servicenow": _servicenow,
    "servicenow_em": _servicenow_em,
    "slack": lambda _: _room(404),
    "teams": lambda _: _room(401),
    "webhook": _webhook,
    "zendesk": _zendesk,
}


@dataclass
class Place:
    """A receiver that can be reached, and an entry of the operator's file for it, without `kind`."""

    name: str
    simulated: Simulated
    entry: dict[str, Any]
    secrets: dict[str, bytes]
    receiver: Receiver | None
    mails: MailServer | None

    @property
    def kind(self) -> ChannelKind[Any]:
        return registry.load(self.name)

    def read_secret(self, reference: str) -> bytes:
        return self.secrets[reference]

    def script(self, *steps: str) -> None:
        """How the next requests end, as `Receiver` has it: 500, `hang`, `drop`."""
        if self.receiver is not None:
            self.receiver.script += steps
        elif self.mails is not None:
            smtp = {"500": "451"}
            self.mails.script["DATA"] = [smtp.get(step, step) for step in steps]

    def silence(self, writes: int) -> None:
        """So many of the next writes are kept and never answered."""
        if self.receiver is not None:
            self.receiver.silent = writes
        else:
            self.script(*["hang"] * writes)

    def heard(self) -> list[bytes]:
        """Every byte that came: first line and headers, and the body."""
        if self.receiver is not None:
            return self.receiver.heard
        assert self.mails is not None
        return [
            " ".join([mail.sender, *mail.recipients]).encode() + mail.raw
            for mail in self.mails.mails
        ]

    @asynccontextmanager
    async def opened(self, env: ChannelEnv, **more: Any) -> AsyncIterator[Channel]:
        config = self.kind.parse({"timeout": "5s", **self.entry, **more})
        async with self.kind.open(config, env) as channel:
            yield channel


class Settling(ManualClock):
    """Who waits lets time pass and the receiver work off what it has accepted."""

    settle: Callable[[], None] = staticmethod(lambda: None)

    async def sleep_ms(self, duration_ms: int) -> None:
        self.step_wall(duration_ms)
        self.settle()


@asynccontextmanager
async def at_work(name: str, clock: Clock) -> AsyncIterator[Place]:
    """A receiver of the kind, on a port of this host until the block ends."""
    simulated = EVERY_KIND[name](clock)
    async with AsyncExitStack() as stack:
        receiver: Receiver | None = None
        mails: MailServer | None = None
        url = ""
        more: dict[str, Any] = {}
        if simulated.handle is not None:
            receiver = await stack.enter_async_context(receiving(simulated.handle))
            url = receiver.url
        else:
            mails = simulated.fake = await stack.enter_async_context(mail_server())
            more = {"port": str(mails.port)}
        entry = {**simulated.entry(url), **more}
        yield Place(name, simulated, entry, simulated.secrets(url), receiver, mails)
