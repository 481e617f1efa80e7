"""The kind `http` against a portal that fails on command, over real sockets."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.clock import SystemClock
from probes.contract import Fact, Outcome, Phase, StepName
from probes.httpclient import HttpAnswer
from probes.kinds.http import KIND, HttpConfig, judge
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.portal import TEXT, Portal
from probes.wire.http1 import Exchange, Request, parse_url
from tests.contract.conformance import expect, observe
from tests.support.streams import serving
from tests.support.tls import alerting_server

CANARIES = ("ZZTESTPATIENT^WILHELMINA", "MRN-00774411", "1931-04-05")
UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED, UNKNOWN = Outcome.MISCONFIGURED, Outcome.UNKNOWN

FAULTS: dict[str, tuple[Outcome, Reason]] = {
    "none": (UP, Reason.OK),
    "refuse": (DOWN, Reason.TCP_REFUSED),
    "hang": (DOWN, Reason.HTTP_TIMEOUT),
    "slow": (DEGRADED, Reason.SLOW),
    "wrong_body": (DOWN, Reason.HTTP_BODY),
    "401": (MISCONFIGURED, Reason.HTTP_STATUS),
    "403": (MISCONFIGURED, Reason.HTTP_STATUS),
    "404": (MISCONFIGURED, Reason.HTTP_STATUS),
    "429": (DEGRADED, Reason.HTTP_THROTTLED),
    "500": (DOWN, Reason.HTTP_STATUS),
    "503": (DOWN, Reason.HTTP_STATUS),
    "redirect": (MISCONFIGURED, Reason.HTTP_STATUS),
    "truncated": (DOWN, Reason.HTTP_TRUNCATED),
    "chunk_truncated": (DOWN, Reason.HTTP_TRUNCATED),
    "closed": (DOWN, Reason.HTTP_CLOSED),
    "not_http": (DOWN, Reason.HTTP_NOT_HTTP),
    "reset": (DOWN, Reason.TCP_RESET),
    "huge": (MISCONFIGURED, Reason.HTTP_TOO_LARGE),
}


@pytest.fixture
async def portal() -> AsyncIterator[Portal]:
    simulator = Portal(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


def spec(portal: Portal, **more: Any) -> dict[str, Any]:
    return {"url": portal.url, "contains": TEXT, "slow_after": "190ms", **more}


def test_every_fault_of_the_portal_has_an_expected_end() -> None:
    assert tuple(FAULTS) == Portal.FAULTS


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_way_to_fail_has_its_outcome_and_reason(portal: Portal, fault: str) -> None:
    portal.set_fault(fault)
    await expect(KIND, spec(portal), *FAULTS[fault], timeout_ms=500)
    portal.set_fault("none")
    await expect(KIND, spec(portal), UP, Reason.OK)


@pytest.mark.parametrize("fault", FAULTS)
async def test_nothing_the_portal_says_is_kept_or_logged(
    portal: Portal, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    portal.set_fault(fault)
    run = await observe(KIND, spec(portal), timeout_ms=300)
    told = repr(run.observation) + caplog.text
    assert [canary for canary in CANARIES if canary in told] == []


async def test_one_run_is_one_connection_and_one_request(portal: Portal) -> None:
    for fault in ("none", "500", "closed", "redirect", "429"):
        portal.set_fault(fault)
        before = len(portal.requests)
        run = await observe(KIND, spec(portal))
        assert (run.connections, len(portal.requests) - before) == (1, 1)


async def test_a_good_page_leaves_phases_facts_and_steps(portal: Portal) -> None:
    seen = await expect(KIND, spec(portal), UP, Reason.OK)
    assert set(seen.phases) == {
        Phase.CONNECT,
        Phase.SEND,
        Phase.FIRST_BYTE,
        Phase.BODY,
        Phase.PARSE,
    }
    page = f"<!doctype html><title>Sign in</title><p>Last visit: {' '.join(CANARIES)}</p>"
    assert seen.facts == {Fact.HTTP_STATUS: 200, Fact.BODY_BYTES: len(page)}
    connect, page_step = seen.steps
    assert (connect.name, connect.outcome, connect.reason) == (StepName.CONNECT, UP, Reason.OK)
    assert connect.duration_us == seen.phases[Phase.CONNECT]
    assert (page_step.name, page_step.outcome, page_step.reason) == (StepName.PAGE, UP, Reason.OK)
    assert page_step.duration_us == sum(
        seen.phases[p] for p in (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)
    )


async def test_a_refused_port_is_a_failed_connect_step(portal: Portal) -> None:
    portal.set_fault("refuse")
    seen = await expect(KIND, spec(portal), DOWN, Reason.TCP_REFUSED)
    (step,) = seen.steps
    assert (step.name, step.outcome, step.reason) == (StepName.CONNECT, DOWN, Reason.TCP_REFUSED)
    assert set(seen.phases) == {Phase.CONNECT}


async def test_a_hanging_page_is_a_failed_page_step_with_the_time_it_took(portal: Portal) -> None:
    portal.set_fault("hang")
    seen = await expect(KIND, spec(portal), DOWN, Reason.HTTP_TIMEOUT, timeout_ms=120)
    connect, page = seen.steps
    assert (connect.outcome, page.outcome) == (UP, DOWN)
    assert page.name is StepName.PAGE
    assert 100_000 <= seen.phases[Phase.FIRST_BYTE] <= 1_000_000


async def test_throttling_tells_how_long_to_wait(portal: Portal) -> None:
    portal.set_fault("429")
    seen = await expect(KIND, spec(portal), DEGRADED, Reason.HTTP_THROTTLED)
    assert seen.facts[Fact.RETRY_AFTER_S] == 7
    portal.retry_after = CANARIES[0]
    seen = await expect(KIND, spec(portal), DEGRADED, Reason.HTTP_THROTTLED)
    assert Fact.RETRY_AFTER_S not in seen.facts


async def test_a_status_the_operator_accepts_is_up(portal: Portal) -> None:
    portal.set_fault("redirect")
    await expect(KIND, {"url": portal.url, "status": ["200-299", "302"]}, UP, Reason.OK)
    portal.set_fault("429")
    await expect(KIND, {"url": portal.url, "status": ["400-499"]}, UP, Reason.OK)
    portal.set_fault("none")
    await expect(KIND, {"url": portal.url, "status": ["204"]}, DOWN, Reason.HTTP_STATUS)


async def test_head_needs_no_body(portal: Portal) -> None:
    seen = await expect(KIND, {"url": portal.url, "method": "HEAD"}, UP, Reason.OK)
    assert seen.facts[Fact.BODY_BYTES] == 0
    assert portal.requests[-1].startswith(b"HEAD /login HTTP/1.1\r\n")
    portal.set_fault("huge")
    await expect(KIND, {"url": portal.url, "method": "HEAD"}, UP, Reason.OK)


async def test_a_larger_cap_lets_a_large_page_through(portal: Portal) -> None:
    portal.set_fault("huge")
    seen = await expect(KIND, {"url": portal.url, "max_body": "4194304"}, UP, Reason.OK)
    assert seen.facts[Fact.BODY_BYTES] == 4_194_304
    smaller = {"url": portal.url, "max_body": "4194303"}
    await expect(KIND, smaller, MISCONFIGURED, Reason.HTTP_TOO_LARGE)


async def test_configured_headers_are_sent(portal: Portal) -> None:
    await expect(KIND, spec(portal, headers={"X-Probe": "wardwatch 1"}), UP, Reason.OK)
    assert b"\r\nX-Probe: wardwatch 1\r\n" in portal.requests[-1]


@pytest.mark.parametrize("status", [401, 403, 404, 405, 406, 407, 410, 300, 301, 304, 308])
def test_a_server_that_does_not_want_us_is_misconfigured(status: int) -> None:
    assert judged(status) == (MISCONFIGURED, Reason.HTTP_STATUS)


@pytest.mark.parametrize("status", [400, 408, 409, 418, 451, 500, 502, 503, 504, 599, 999])
def test_any_other_status_is_down(status: int) -> None:
    assert judged(status) == (DOWN, Reason.HTTP_STATUS)


@pytest.mark.parametrize("status", [425, 429])
def test_a_server_that_asks_for_patience_is_degraded(status: int) -> None:
    assert judged(status) == (DEGRADED, Reason.HTTP_THROTTLED)


def test_slow_means_longer_than_slow_after_and_not_as_long() -> None:
    assert judged(200, latency_us=2_000_000, slow_after="2s") == (UP, Reason.OK)
    assert judged(200, latency_us=2_000_001, slow_after="2s") == (DEGRADED, Reason.SLOW)


def test_a_wrong_page_is_down_however_slow() -> None:
    found = judged(200, latency_us=9_000_000, slow_after="2s", contains=TEXT)
    assert found == (DOWN, Reason.HTTP_BODY)


def judged(status: int, latency_us: int = 0, **more: Any) -> tuple[Outcome, Reason]:
    config = HttpConfig.model_validate({"url": "http://portal.example.org/", **more})
    exchange = Exchange(Request("GET", parse_url(config.url), {}), max_body=0)
    return judge(config, HttpAnswer(exchange, status, b"", {}, None), latency_us)


async def test_over_tls_the_days_left_are_a_fact(authority: Authority) -> None:
    portal = Portal(CANARIES)
    await portal.start(tls=authority.server(days_left=3).server_context())
    seen = await expect(KIND, spec(portal, ca=authority.ca), UP, Reason.OK)
    await portal.stop()
    assert seen.facts[Fact.CERT_DAYS_LEFT] == 3
    assert Phase.TLS in seen.phases
    assert seen.steps[0].duration_us == seen.phases[Phase.CONNECT] + seen.phases[Phase.TLS]


async def test_each_certificate_has_its_outcome_and_reason(
    authority: Authority, tmp_path: Path
) -> None:
    directory = tmp_path / "other"
    directory.mkdir()
    stranger = Authority(directory, SystemClock().now_ms(), "Somebody else")
    certificates = (
        (authority.server(days_left=-1), DOWN, Reason.TLS_EXPIRED),
        (stranger.server(), MISCONFIGURED, Reason.TLS_UNTRUSTED),
        (authority.server(("lab.example.org",)), MISCONFIGURED, Reason.TLS_HOSTNAME),
    )
    for pair, outcome, reason in certificates:
        portal = Portal(CANARIES)
        await portal.start(tls=pair.server_context())
        seen = await expect(KIND, spec(portal, ca=authority.ca), outcome, reason)
        await portal.stop()
        assert seen.steps[-1].name is StepName.CONNECT
        assert portal.requests == []


async def test_https_to_a_plain_port_is_misconfigured(portal: Portal, authority: Authority) -> None:
    secure = spec(portal, ca=authority.ca, url=portal.url.replace("http:", "https:"))
    await expect(KIND, secure, MISCONFIGURED, Reason.TLS_NOT_TLS)


@pytest.mark.parametrize("piece", [b"x", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000])
async def test_an_answer_that_never_ends_stops_at_the_deadline(piece: bytes) -> None:
    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if piece == b"x":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)

    async with serving(trickle) as port:
        page = {"url": f"http://127.0.0.1:{port}/"}
        await expect(KIND, page, DOWN, Reason.HTTP_TIMEOUT, timeout_ms=120)


async def test_a_demanded_client_certificate_that_is_missing_is_misconfigured(
    authority: Authority,
) -> None:
    with alerting_server(authority.server().server_context(authority.ca)) as port:
        url = f"https://127.0.0.1:{port}/login"
        without = {"url": url, "ca": authority.ca}
        await expect(KIND, without, MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)


async def test_a_demanded_client_certificate_is_shown(authority: Authority) -> None:
    portal = Portal(CANARIES)
    await portal.start(tls=authority.server().server_context(authority.ca))
    client = authority.client()
    files = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    await expect(KIND, spec(portal, **files), UP, Reason.OK)
    await portal.stop()


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"bearer": "file:/run/secret"}, "Bearer hunter2"),
        (
            {"basic": {"user": "probe", "password": "file:/run/secret"}},
            "Basic " + base64.b64encode(b"probe:hunter2").decode(),
        ),
    ],
)
async def test_a_secret_is_read_by_reference_and_shown(
    authority: Authority, auth: dict[str, Any], expected: str
) -> None:
    portal = Portal(CANARIES, authorization=expected)
    await portal.start(tls=authority.server().server_context())
    given = spec(portal, ca=authority.ca, auth=auth)
    right, wrong = {"file:/run/secret": b"hunter2\n"}, {"file:/run/secret": b"hunter3\n"}
    await expect(KIND, given, UP, Reason.OK, secrets=right)
    await expect(KIND, given, MISCONFIGURED, Reason.HTTP_STATUS, secrets=wrong)
    await portal.stop()


async def test_a_secret_may_fill_a_header_of_its_own(authority: Authority) -> None:
    portal = Portal(CANARIES)
    await portal.start(tls=authority.server().server_context())
    auth = {"header": {"name": "X-Api-Key", "value": "env:API_KEY"}}
    given = spec(portal, ca=authority.ca, auth=auth)
    await expect(KIND, given, UP, Reason.OK, secrets={"env:API_KEY": b"hunter2"})
    await portal.stop()
    assert b"\r\nX-Api-Key: hunter2\r\n" in portal.requests[-1]


@pytest.mark.parametrize("secret", [None, b"", b" \n", b"two\nlines", b"\xff\xfe", b"nul\x00"])
async def test_a_secret_that_cannot_be_used_is_our_trouble_and_nothing_is_sent(
    authority: Authority, secret: bytes | None
) -> None:
    portal = Portal(CANARIES)
    await portal.start(tls=authority.server().server_context())
    given = spec(portal, ca=authority.ca, auth={"bearer": "file:/run/secret"})
    secrets = {} if secret is None else {"file:/run/secret": secret}
    seen = await expect(KIND, given, UNKNOWN, Reason.AGENT_SECRET, connections=0, secrets=secrets)
    await portal.stop()
    assert seen.steps == ()
    assert portal.requests == []


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"url": "portal.example.org"},
        {"url": "http://portal.example.org", "surprise": "1"},
        {"url": "http://portal.example.org", "method": "POST"},
        {"url": "http://portal.example.org", "method": "HEAD", "contains": "x"},
        {"url": "http://portal.example.org", "status": []},
        {"url": "http://portal.example.org", "status": ["ok"]},
        {"url": "http://portal.example.org", "status": ["299-200"]},
        {"url": "http://portal.example.org", "status": ["100"]},
        {"url": "http://portal.example.org", "status": ["200-"]},
        {"url": "http://portal.example.org", "slow_after": "2"},
        {"url": "http://portal.example.org", "max_body": "16777217"},
        {"url": "http://portal.example.org", "ca": "/etc/ca.pem"},
        {"url": "http://portal.example.org", "auth": {"bearer": "file:/run/token"}},
        {"url": "https://portal.example.org", "ca": "ca.pem"},
        {"url": "https://portal.example.org", "client_cert": "/etc/c.pem"},
        {"url": "https://portal.example.org", "auth": {}},
        {"url": "https://portal.example.org", "auth": {"bearer": "hunter2"}},
        {
            "url": "https://portal.example.org",
            "auth": {"bearer": "env:A", "basic": {"user": "u", "password": "env:B"}},
        },
        {"url": "https://portal.example.org", "headers": {"Authorization": "Bearer x"}},
        {"url": "https://portal.example.org", "headers": {"X-A": "1", "x-a": "2"}},
        {"url": "https://portal.example.org", "headers": {"X-A": "1\r\nX-B: 2"}},
        {"url": "https://portal.example.org", "headers": {"X A": "1"}},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KIND.parse(bad)
