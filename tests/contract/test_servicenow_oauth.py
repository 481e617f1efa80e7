"""Both servicenow channels signed in by OAuth 2.0, against a simulated instance."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from alerts.channel import Channel, ChannelKind, Receipt, Verdict
from alerts.channels import servicenow, servicenow_em
from alerts.outbox import DeliveryReason
from probes.clock import ManualClock
from tests.support import ticket_messages as messages
from tests.support.entries import complaints
from tests.support.receiver import CANARY, Receiver, receiving
from tests.support.servicenow import FakeServiceNow
from tests.support.servicenow_events import FakeEventManagement
from tests.support.servicenow_oauth import CLIENT_ID, TOKEN, FakeSignIn

SECRET, REFRESH = "s3cret/+&= of the app", "refresh-token-1"
SECRETS = {"file:/secret": SECRET, "file:/refresh": REFRESH}
OAUTH = {"client_id": CLIENT_ID, "client_secret": "file:/secret"}
TABLE_CALLS = 2
"""Of an opening: a search and the record."""


@dataclass(frozen=True)
class Case:
    kind: ChannelKind[Any]
    service: Callable[[], Any]
    count: Callable[[Any], int]
    """How many incidents there are in it."""
    calls: int
    """What an opening takes beside signing in."""


@dataclass
class Scene:
    channel: Channel
    service: Any
    sign_in: FakeSignIn
    receiver: Receiver
    clock: ManualClock
    secrets: dict[str, str]


def _records(fake: FakeServiceNow) -> int:
    return len(fake.shelf.records)


def _alerts(fake: FakeEventManagement) -> int:
    return len(fake.alerts)


CASES = [
    Case(servicenow.KIND, lambda: FakeServiceNow(None), _records, TABLE_CALLS),
    Case(servicenow_em.KIND, lambda: FakeEventManagement(None), _alerts, 1),
]
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)


@asynccontextmanager
async def scene(
    case: Case, *, refresh: bool = False, oauth: Mapping[str, str] | None = None, **spec: Any
) -> AsyncIterator[Scene]:
    clock = ManualClock(messages.NOW)
    secrets = dict(SECRETS)
    service = case.service()
    sign_in = FakeSignIn(service.handle, SECRET, clock.now_ms, REFRESH if refresh else None)
    more = {"refresh_token": "file:/refresh"} if refresh else {}
    async with receiving(sign_in.handle) as receiver:
        entry = {"url": receiver.url, "oauth": {**OAUTH, **more, **(oauth or {})}, **spec}
        env = replace(
            messages.env(), clock=clock, read_secret=lambda ref: f"{secrets[ref]}\n".encode()
        )
        async with case.kind.open(case.kind.parse({"timeout": "5s", **entry}), env) as channel:
            yield Scene(channel, service, sign_in, receiver, clock, secrets)


async def told(scene: Scene, *said: Any, start: int = 1) -> None:
    for number, one in enumerate(said, start):
        receipt = await scene.channel.deliver(messages.message(one, number))
        assert (receipt.verdict, receipt.reason) == (Verdict.SENT, DeliveryReason.ACCEPTED)


@each
@pytest.mark.parametrize("refresh", [False, True], ids=["client_credentials", "refresh_token"])
async def test_it_signs_in_once_and_keeps_the_token(case: Case, refresh: bool) -> None:  # noqa: FBT001 - a case
    async with scene(case, refresh=refresh) as seen:
        await told(seen, messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED)
    more = {"refresh_token": REFRESH} if refresh else {}
    grant = "refresh_token" if refresh else "client_credentials"
    form = {"grant_type": grant, "client_id": CLIENT_ID, "client_secret": SECRET}
    assert seen.sign_in.forms == [form | more]
    assert case.count(seen.service) == 1
    assert seen.receiver.requests[0] == ("POST", TOKEN)


@each
async def test_a_token_is_replaced_in_its_last_minute_and_not_before(case: Case) -> None:
    async with scene(case) as seen:
        counts = []
        for number, step_ms in enumerate((0, 1_738_999, 1, 60_000), 1):
            seen.clock.step_wall(step_ms)
            await told(seen, messages.OPENED, start=number)
            counts.append(len(seen.sign_in.forms))
    # The instance gives the one it knows for another half hour, so the next is a long way off.
    assert counts == [1, 1, 2, 2]
    assert case.count(seen.service) == 1


@each
async def test_a_token_that_was_taken_back_is_replaced_once_in_the_same_attempt(case: Case) -> None:
    async with scene(case) as seen:
        await told(seen, messages.OPENED)
        seen.sign_in.token = None
        await told(seen, messages.WARNED, start=2)
        assert len(seen.sign_in.forms) == 2
        seen.receiver.script += ["401", "well", "401"]
        receipt = await seen.channel.deliver(messages.message(messages.WARNED, 3))
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)
    assert len(seen.sign_in.forms) == 3
    assert case.count(seen.service) == 1


@each
async def test_attempts_at_once_share_one_sign_in_and_one_more_when_the_token_is_taken_back(
    case: Case,
) -> None:
    opened = [
        messages.message(messages.OPENED, key=f"ehr.availability.{messages.NOW - n}")
        for n in range(10)
    ]
    async with scene(case) as seen:
        for wanted in (1, 2):
            receipts = await asyncio.gather(*map(seen.channel.deliver, opened))
            assert {one.verdict for one in receipts} == {Verdict.SENT}
            assert len(seen.sign_in.forms) == wanted
            seen.sign_in.token = None
        # The clock is set back: what the instance has forgotten is replaced all the same.
        seen.clock.step_wall(-86_400_000)
        await told(seen, messages.WARNED, start=2)
    assert len(seen.sign_in.forms) == 3
    assert case.count(seen.service) == len(opened)


@each
async def test_a_secret_that_was_rotated_is_read_anew_at_the_next_sign_in(case: Case) -> None:
    async with scene(case) as seen:
        seen.secrets["file:/secret"] = "of last year"
        wrong = await seen.channel.deliver(messages.message(messages.OPENED))
        assert wrong == Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)
        assert case.count(seen.service) == 0
        seen.secrets["file:/secret"] = SECRET
        await told(seen, messages.OPENED)
    assert case.count(seen.service) == 1


@each
@pytest.mark.parametrize("missing", ["file:/secret", "file:/refresh"])
async def test_a_secret_that_cannot_be_read_asks_nothing(case: Case, missing: str) -> None:
    async with scene(case, refresh=True) as seen:
        del seen.secrets[missing]
        receipt = await seen.channel.deliver(messages.message(messages.OPENED))
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.SECRET)
    assert seen.receiver.requests == []


@each
@pytest.mark.parametrize(
    ("script", "receipt"),
    [
        (["400"], Receipt(Verdict.RETRY, DeliveryReason.AUTH, 400)),
        (["403"], Receipt(Verdict.RETRY, DeliveryReason.AUTH, 403)),
        (["410"], Receipt(Verdict.RETRY, DeliveryReason.AUTH, 410)),
        (["429"], Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 7_000)),
        (["500"], Receipt(Verdict.RETRY, DeliveryReason.STATUS, 500, 7_000)),
        (["page"], Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
        (["nonsense"], Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
        (["lost"], Receipt(Verdict.RETRY, DeliveryReason.NETWORK)),
        (["hang"], Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)),
    ],
)
async def test_what_becomes_of_signing_in_is_no_verdict_on_the_message(
    case: Case, script: list[str], receipt: Receipt, caplog: pytest.LogCaptureFixture
) -> None:
    async with scene(case, timeout="300ms" if script == ["hang"] else "5s") as seen:
        seen.receiver.headers["retry-after"] = "7"
        seen.receiver.script += script
        got = await seen.channel.deliver(messages.message(messages.OPENED))
        assert got == receipt
        assert len(seen.receiver.requests) == 1
        await told(seen, messages.OPENED)
    assert case.count(seen.service) == 1
    assert len(seen.receiver.requests) == 2 + case.calls
    assert CANARY not in repr(got) + caplog.text
    assert SECRET not in caplog.text


@each
@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"user": "wardwatch", "password": "file:/p"}, ": Value error, write one way to sign in"),
        ({"oauth": None}, ": Value error, write one way to sign in"),
        ({"user": "wardwatch"}, ": Value error, user and password belong together"),
        ({"oauth": {"client_id": "x"}}, "oauth.client_secret: Field required"),
        ({"oauth": {**OAUTH, "client_secret": "hunter2"}}, "oauth.client_secret: String should"),
        ({"oauth": {**OAUTH, "refresh_token": "abc"}}, "oauth.refresh_token: String should match"),
        ({"oauth": {**OAUTH, "scope": "all"}}, "oauth.scope: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_entry_names_the_field(case: Case, spec: dict[str, Any], complaint: str) -> None:
    given = {"url": "https://hospital.service-now.com", "oauth": OAUTH, **spec}
    assert complaints(case.kind, given).startswith(complaint)


def test_a_key_is_a_way_to_sign_in_of_its_own() -> None:
    given = {"url": "https://hospital.service-now.com", "oauth": OAUTH, "api_key": "env:KEY"}
    assert complaints(servicenow.KIND, given) == (
        ": Value error, write one way to sign in and no other: user and password, or oauth, or api_key"
    )
