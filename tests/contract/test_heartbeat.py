"""The kind `heartbeat`: a simulated job over real sockets, a real store, and each way it can go."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import ValidationError

from collector.pings import StoredPings
from collector.store.store import Store, StoreFault, StoreUnavailableError
from probes.contract import Fact, Observation, Outcome, Slot
from probes.heartbeats import Heard, StoreAwayError
from probes.kinds.heartbeat import KIND, secret_of
from probes.reasons import Reason
from probes.testing.batch_job import BatchJob, Fault
from tests.contract.conformance import conforms, environment
from tests.support.collectors import Collector, a_collector
from tests.support.rounds import ORG, config, document

MINUTE = 60_000
SECRET = "5c1d0c7e-wardwatch-nightly-Ab9"
REF = "env:NIGHTLY"
SPEC = {"secret": REF, "interval": "1h", "grace": "10m", "max_run": "30m"}
CHECK = {"system": "ehr", "kind": "heartbeat", "every": "1m", "timeout": "5s", "spec": SPEC}


def hospital(**spec: str) -> Any:
    known = document()
    return config(
        agents=known["agents"] | {"collector": {"site": "south"}},
        checks=known["checks"] | {"nightly": CHECK | {"spec": SPEC | spec}},
    )


@dataclass
class Ward:
    """A collector, a job that reports to it, and its check."""

    collector: Collector
    job: BatchJob

    async def look(self, *, secret: bytes | None = SECRET.encode()) -> Observation:
        parts, clock = self.collector.service.parts, self.collector.clock
        secrets = {} if secret is None else {REF: secret}
        env = dataclasses.replace(
            environment(secrets=secrets),
            clock=clock,
            every_ms=MINUTE,
            pings=StoredPings(parts.store, ORG, lambda: parts.evaluator.history),
        )
        async with KIND.open(KIND.parse(SPEC), env) as probe:
            seen = await probe.run(Slot("nightly", clock.now_ms()))
        conforms(KIND, seen)
        return seen

    async def says(self) -> tuple[Outcome, Reason]:
        seen = await self.look()
        return seen.outcome, seen.reason


@pytest.fixture
async def ward(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ward]:
    async with a_collector(store, hospital()) as collector:
        taking = collector.service.parts.pings
        monkeypatch.setattr(taking, "_read_secret", {REF: SECRET.encode()}.__getitem__)
        address = collector.client.make_url(f"/heartbeat/{SECRET}")
        job = BatchJob(address)
        yield Ward(collector, job)
        await job.stop()


async def test_a_day_of_a_job(ward: Ward) -> None:
    clock = ward.collector.clock
    assert await ward.says() == (Outcome.UNKNOWN, Reason.HEARTBEAT_NEVER)
    assert await ward.job.run() == [200, 200]
    assert await ward.says() == (Outcome.UP, Reason.OK)
    await clock.advance(70 * MINUTE)
    assert await ward.says() == (Outcome.UP, Reason.OK)
    ward.job.fault = Fault.SILENT
    assert await ward.job.run() == []
    await clock.advance(1)
    assert await ward.says() == (Outcome.DOWN, Reason.HEARTBEAT_MISSED)
    ward.job.fault = Fault.NONE
    await ward.job.run()
    assert await ward.says() == (Outcome.DEGRADED, Reason.HEARTBEAT_LATE)
    await clock.advance(MINUTE)
    assert await ward.says() == (Outcome.UP, Reason.OK)
    ward.job.fault = Fault.HANGS
    await ward.job.run()
    await clock.advance(30 * MINUTE)
    assert await ward.says() == (Outcome.UP, Reason.OK)
    await clock.advance(1)
    assert await ward.says() == (Outcome.DOWN, Reason.HEARTBEAT_STUCK)


@pytest.mark.parametrize("fault", [Fault.FAILS, Fault.EXITS_3])
async def test_a_job_that_says_it_failed_is_down_until_it_succeeds(
    ward: Ward, fault: Fault
) -> None:
    ward.job.fault = fault
    assert await ward.job.run() == [200, 200]
    assert await ward.says() == (Outcome.DOWN, Reason.HEARTBEAT_FAILED)
    ward.job.fault = Fault.NONE
    await ward.job.run()
    assert await ward.says() == (Outcome.UP, Reason.OK)


async def test_facts_tell_age_run_and_count(ward: Ward) -> None:
    ward.job.fault = Fault.HANGS
    await ward.job.run()
    await ward.collector.clock.advance(90_000)
    ward.job.fault = Fault.NONE
    await ward.job.run()
    await ward.collector.clock.advance(7_000)
    seen = await ward.look()
    assert seen.facts == {Fact.AGE_S: 7, Fact.RUN_S: 90, Fact.PINGS: 2}


async def test_without_its_secret_nobody_knows(ward: Ward) -> None:
    for secret in (None, b"short", b"0" * 64):
        seen = await ward.look(secret=secret)
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, Reason.AGENT_SECRET)


async def test_without_the_store_or_on_another_agent_nobody_knows() -> None:
    class Away:
        async def of(self, _check: str) -> Heard:
            raise StoreAwayError

    for pings, reason in ((Away(), Reason.AGENT_STORE), (None, Reason.AGENT_CONFIG)):
        env = dataclasses.replace(environment(secrets={REF: SECRET.encode()}), pings=pings)
        async with KIND.open(KIND.parse(SPEC), env) as probe:
            seen = await probe.run(Slot("nightly", 0))
        conforms(KIND, seen)
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, reason)


async def test_a_store_that_does_not_answer_is_told_as_such(
    ward: Ward, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object) -> None:
        raise StoreUnavailableError(StoreFault.UNREACHABLE)

    monkeypatch.setattr(ward.collector.service.parts.store, "read", away)
    assert await ward.says() == (Outcome.UNKNOWN, Reason.AGENT_STORE)


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"cron": "0 5 * * *", "interval": "1h"},
        {"cron": "5 * * *"},
        {"interval": "1h", "timezone": "America/Chicago"},
        {"cron": "0 5 * * *", "timezone": "Mars/Olympus"},
        {"interval": "0s"},
        {"interval": "1h", "colour": "red"},
        {"interval": "1h", "secret": "5c1d0c7e"},
    ],
)
def test_a_spec_that_does_not_say_when_is_refused(spec: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        KIND.parse({"secret": REF, "grace": "10m"} | spec)


@pytest.mark.parametrize(
    ("data", "taken"),
    [
        (b"5c1d0c7e0123456789abcdef01234567", True),
        (b"  5c1d0c7e0123456789abcdef01234567\n", True),
        (b"5c1d0c7e0123456789abcdef0123456", False),  # 124 bits
        (b"AbCdEfGhIjKlMnOpQrStUv", True),
        (b"AbCdEfGhIjKlMnOpQrStU", False),
        (b"123456789012345678901234567890123456789", True),
        (b"12345678901234567890123456789012345678", False),
        (b"ababababababababababababababababababab", False),
        (b"with a blank with a blank with a blank", False),
        (b"slash/slash/slash/slash/slash/slash/sl", False),
        (b"", False),
    ],
)
def test_a_secret_is_worth_128_bits_or_none(data: bytes, taken: bool) -> None:  # noqa: FBT001
    if taken:
        assert secret_of(data) == data.strip().decode()
    else:
        with pytest.raises(ValueError, match="openssl rand -hex 32"):
            secret_of(data)
