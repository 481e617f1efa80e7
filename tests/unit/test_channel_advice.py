"""`wardwatch channel test` of every kind against a receiver that fails: the outcome, and what to do next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from alerts.channel import Receipt, Verdict
from alerts.channels import registry
from alerts.outbox import DeliveryReason
from collector.advice import ADVICE, ELSEWHERE, FORBIDDEN, IN_TROUBLE, NOTHING_THERE, advice
from collector.commands.channel import attempt, probe
from probes.config import Config
from tests.support import ticket_messages as messages
from tests.support.every_kind import EVERY_KIND, Place, Settling, at_work

R = DeliveryReason
HTTP = [name for name in EVERY_KIND if name != "email"]
SAID = {
    "401": (R.AUTH, ADVICE[R.AUTH]),
    "403": (R.AUTH, FORBIDDEN),
    "404": (R.STATUS, NOTHING_THERE),
    "410": (R.GONE, ADVICE[R.GONE]),
    "429": (R.THROTTLED, ADVICE[R.THROTTLED]),
    "500": (R.STATUS, IN_TROUBLE),
    "redirect": (R.STATUS, ELSEWHERE),
    "page": (R.PROTOCOL, ADVICE[R.PROTOCOL]),
    "lost": (R.NETWORK, ADVICE[R.NETWORK]),
}
LOOKUP = {"freshdesk", "freshservice", "jira", "servicenow", "zendesk"}
OTHERWISE = {
    # Slack says so of a webhook that was taken away; a search that is gone is no verdict.
    ("slack", "404"): (R.SECRET, ADVICE[R.SECRET]),
    **{(kind, "410"): (R.STATUS, ADVICE[R.STATUS]) for kind in LOOKUP},
    ("salesforce", "410"): (R.AUTH, ADVICE[R.AUTH]),
}


def configured(kind: str, entry: dict[str, Any]) -> Config:
    channels = {"desk": {"kind": kind, **entry}}
    written = messages.with_channels(channels)
    return Config.model_validate(written)


@asynccontextmanager
async def trying(
    kind: str, *, read: Callable[[str], bytes] | None = None, **more: Any
) -> AsyncIterator[tuple[Place, Callable[[], Any]]]:
    """A place, and what `channel test` does there."""
    clock = Settling(messages.NOW)
    async with at_work(kind, clock) as place:
        clock.settle = place.simulated.settle
        config = configured(kind, {**place.entry, **more})
        told = probe(config, "desk", messages.NOW)

        async def test() -> Receipt:
            return await attempt(config, told, clock, read or place.read_secret)

        yield place, test


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_one_that_is_well_is_delivered(kind: str) -> None:
    async with trying(kind) as (_, test):
        receipt = await test()
    assert receipt.verdict is Verdict.SENT
    assert advice(kind, receipt).startswith("Look whether it arrived.")


@pytest.mark.parametrize("step", SAID)
async def test_every_kind_says_what_an_answer_means_and_what_to_do(step: str) -> None:
    for kind in HTTP:
        async with trying(kind) as (place, test):
            place.script(step)
            receipt = await test()
        reason, said = OTHERWISE.get((kind, step), SAID[step])
        assert (kind, receipt.reason) == (kind, reason)
        assert advice(kind, receipt).startswith(said), kind


@pytest.mark.parametrize("kind", ["pagerduty", "servicenow", "webhook"])
async def test_one_that_hangs_is_a_timeout(kind: str) -> None:
    async with trying(kind, timeout="200ms") as (place, test):
        place.script("hang")
        receipt = await test()
    assert (receipt.reason, advice(kind, receipt)) == (R.TIMEOUT, ADVICE[R.TIMEOUT])


@pytest.mark.parametrize(
    "kind", [name for name in EVERY_KIND if name not in ("email", "alertmanager")]
)
async def test_a_secret_that_is_not_there_asks_nobody(kind: str) -> None:
    def missing(reference: str) -> bytes:
        raise FileNotFoundError(reference)

    async with trying(kind, read=missing) as (place, test):
        receipt = await test()
        assert place.heard() == []
    assert receipt.reason is R.SECRET
    assert advice(kind, receipt).startswith(ADVICE[R.SECRET])


@pytest.mark.parametrize("kind", [name for name in HTTP if name not in ("slack", "teams")])
async def test_a_receiver_without_trusted_encryption_is_told_apart(kind: str) -> None:
    async def hello(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        places: dict[str, Any] = {"urls": [url]} if kind == "alertmanager" else {"url": url}
        if kind == "salesforce":
            places["login"] = url
        async with trying(kind, **places) as (_, test):
            receipt = await test()
    assert (receipt.reason, advice(kind, receipt)) == (R.TLS, ADVICE[R.TLS])


def test_of_what_depends_on_the_kind_the_kind_speaks() -> None:
    def of(kind: str, reason: DeliveryReason, status: int) -> str:
        return advice(kind, Receipt(Verdict.RETRY, reason, status))

    assert of("servicenow_em", R.AUTH, 403) == f"{FORBIDDEN} Its role is evt_mgmt_integration."
    assert of("servicenow", R.AUTH, 401).endswith("are client credentials switched on?")
    assert of("jira", R.STATUS, 404).startswith(NOTHING_THERE)
    assert "create issues in it" in of("jira", R.STATUS, 404)
    assert "create issues in it" not in of("jira", R.STATUS, 500)
    assert "events.eu.pagerduty.com" in of("pagerduty", R.SECRET, 400)
    assert of("email", R.STATUS, 451) == ADVICE[R.STATUS]
    assert of("kind-of-tomorrow", R.AUTH, 401) == ADVICE[R.AUTH]


def test_every_kind_that_signs_in_says_what_a_refused_login_may_be() -> None:
    own = {
        name
        for name in registry.CHANNELS
        if advice(name, Receipt(Verdict.RETRY, R.AUTH, 401)) != ADVICE[R.AUTH]
    }
    assert own == set(registry.CHANNELS) - {"alertmanager", "pagerduty"}
