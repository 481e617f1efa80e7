"""The kind `claim_chain`: over files of a simulated SFTP server, and over pings of a real collector."""

from __future__ import annotations

import dataclasses
import json
import logging
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import asyncssh
import pytest
from pydantic import ValidationError
from yarl import URL

from collector.away import record
from collector.builtin import _checks
from collector.pings import StoredPings
from collector.store.store import Store
from probes import claim_files, registry, sftp_session
from probes.claim_spec import ClaimChainSpec
from probes.clock import Clock, ManualClock, SystemClock
from probes.configfile import load_bytes
from probes.contract import Fact, Observation, Outcome, Place, Probe, Slot
from probes.heartbeats import KEPT, Heard, Ping, PingKind, StoreAwayError
from probes.kinds.claim_chain import KIND
from probes.reasons import Reason
from probes.sftp_visit import Visit
from probes.testing.batch_job import BatchJob
from probes.testing.sftp_server import File, SftpHost
from tests.contract import conformance
from tests.contract.conformance import conforms, environment, steps
from tests.support.claim_texts import accepted_277ca, ack_999, claim, paid, ta1
from tests.support.collectors import Collector, a_collector
from tests.support.rounds import ORG, config, document

expect = partial(conformance.expect, timeout_ms=20_000)  # of a machine that is busy
CLOCK = SystemClock()
PASSWORD = {"env:P": b"secret"}
HOUR, DAY = 3600, 86_400
FOLDERS = ("/sent", "/999", "/277", "/835")


def now_s() -> int:
    return CLOCK.now_ms() // 1000


@pytest.fixture
async def host() -> AsyncIterator[SftpHost]:
    one = SftpHost(clock_s=now_s)
    one.folders = {folder: {} for folder in FOLDERS}
    await one.start()
    yield one
    await one.stop()


def put(host: SftpHost, folder: str, hours: float, data: bytes, name: str = "") -> None:
    files = host.folders[folder]
    told = name or f"f{len(files)}"
    files[told.encode()] = File(now_s() - int(hours * HOUR), data)


def spec(host: SftpHost, **more: Any) -> dict[str, Any]:
    return {
        "sftp": {
            "host": "127.0.0.1",
            "port": str(host.port),
            "host_keys": [host.fingerprint],
            "user": "wardwatch",
            "auth": {"password": "env:P"},
        },
        "sent": {"folder": "/sent"},
        "answers": {
            "999": {"folder": "/999", "within": "1d"},
            "277ca": {"folder": "/277", "within": "3d"},
            "835": {"folder": "/835", "within": "30d"},
        },
        **more,
    }


async def told(host: SftpHost, outcome: Outcome, reason: Reason, **more: Any) -> Observation:
    return await expect(KIND, spec(host, **more), outcome, reason, secrets=PASSWORD)


async def test_a_chain_that_is_whole_is_up(host: SftpHost) -> None:
    put(host, "/sent", 50, claim(1))
    put(host, "/999", 49, ta1(1, "A") + ack_999(1))
    put(host, "/277", 30, accepted_277ca(1))
    put(host, "/835", 2, paid())
    put(host, "/sent", 2, claim(2))
    seen = await told(host, Outcome.UP, Reason.OK)
    assert seen.facts == {
        Fact.CLAIMS_SENT: 2,
        Fact.CLAIMS_999: 1,
        Fact.CLAIMS_277CA: 1,
        Fact.CLAIMS_835: 2,
        Fact.CLAIMS_LATE: 0,
        Fact.CLAIMS_REJECTED: 0,
        Fact.OLDEST_S: seen.facts[Fact.OLDEST_S],
    }
    assert 2 * HOUR <= seen.facts[Fact.OLDEST_S] < 2 * HOUR + 60
    assert [step[0] for step in steps(seen)] == [
        "connect", "banner", "host_key", "login", "list", "list", "list", "list", "read",
    ]  # fmt: skip
    assert host.asked.count("read") == 4  # of an 835 it is enough that it came


LATE = [
    ({}, Reason.CLAIMS_NO_999),
    ({"/999": ack_999(2)}, Reason.CLAIMS_NO_999),
    ({"/999": ack_999(1)}, Reason.CLAIMS_NO_277CA),
    ({"/999": ack_999(1), "/277": accepted_277ca(2)}, Reason.CLAIMS_NO_277CA),
    ({"/999": ack_999(1, "E", "E"), "/277": accepted_277ca(1)}, Reason.OK),
    ({"/999": ta1(1, "A")}, Reason.CLAIMS_NO_999),
]
REJECTED = [
    ({"/999": ta1(1, "R")}, Reason.CLAIMS_TA1_REJECTED),
    ({"/999": ack_999(1, "R", "R")}, Reason.CLAIMS_999_REJECTED),
    ({"/999": ack_999(1, "P", "A")}, Reason.CLAIMS_999_REJECTED),
    ({"/999": ack_999(1), "/277": accepted_277ca(1, "A3:21")}, Reason.CLAIMS_277CA_REJECTED),
    ({"/999": ack_999(1), "/277": accepted_277ca(1, "A2:20", "A7:21")}, Reason.OK),
]


@pytest.mark.parametrize(("answers", "reason"), LATE + REJECTED)
async def test_late_and_rejected_are_told_by_stage(
    host: SftpHost, answers: Mapping[str, bytes], reason: Reason
) -> None:
    put(host, "/sent", 80, claim(1))
    for folder, data in answers.items():
        put(host, folder, 70, data)
    outcome = Outcome.UP if reason is Reason.OK else Outcome.DEGRADED
    if any(reason is one for _, one in REJECTED) and reason is not Reason.OK:
        outcome = Outcome.MISCONFIGURED
    await told(host, outcome, reason)


async def test_files_that_are_no_x12_are_counted_first_in_first_out(host: SftpHost) -> None:
    put(host, "/sent", 30, b"-----BEGIN PGP MESSAGE-----")
    put(host, "/sent", 29, b"-----BEGIN PGP MESSAGE-----")
    put(host, "/999", 28, b"-----BEGIN PGP MESSAGE-----")
    seen = await told(host, Outcome.DEGRADED, Reason.CLAIMS_NO_999)
    assert (seen.facts[Fact.CLAIMS_SENT], seen.facts[Fact.CLAIMS_999]) == (2, 1)
    put(host, "/999", 27, b"-----BEGIN PGP MESSAGE-----")
    await told(host, Outcome.UP, Reason.OK)


async def test_nothing_sent_is_told_where_it_is_expected(host: SftpHost) -> None:
    await told(host, Outcome.UNKNOWN, Reason.CLAIMS_NONE_YET)
    put(host, "/sent", 0.001, claim(1)[:150])  # it is still being written
    await told(host, Outcome.UNKNOWN, Reason.CLAIMS_NONE_YET)
    put(host, "/sent", 2, claim(2), name="out.tmp")
    only = {"sent": {"folder": "/sent", "match": ["*.837"]}}
    await told(host, Outcome.UNKNOWN, Reason.CLAIMS_NONE_YET, **only)


def chain(host: SftpHost, clock: Clock = CLOCK, **more: Any) -> AbstractAsyncContextManager[Probe]:
    env = dataclasses.replace(environment(secrets=PASSWORD, timeout_ms=20_000), clock=clock)
    return KIND.open(KIND.parse(spec(host, **more)), env)


async def look(probe: Probe) -> Observation:
    seen = await probe.run(Slot("chain", CLOCK.now_ms()))
    conforms(KIND, seen)
    return seen


async def test_a_file_is_read_once_and_remembered_when_it_has_gone(host: SftpHost) -> None:
    put(host, "/sent", 80, claim(1))
    put(host, "/999", 70, ack_999(1))
    async with chain(host) as probe:
        assert (await look(probe)).reason is Reason.CLAIMS_NO_277CA
        assert host.asked.count("read") == 2
        host.folders["/999"].clear()  # fetched by those it is for
        put(host, "/277", 60, accepted_277ca(1))
        assert (await look(probe)).reason is Reason.OK
        assert host.asked.count("read") == 3
    async with chain(host) as again:  # after a restart: what stands there, and no more
        assert (await look(again)).reason is Reason.CLAIMS_NO_999


async def test_a_file_is_read_once_it_stands_unchanged_whatever_the_servers_clock_says(
    host: SftpHost,
) -> None:
    """Ahead by a little, as any clock may be, and behind: the first piece of an upload is no 837."""
    clock = ManualClock(CLOCK.now_ms())
    only: dict[str, Any] = {"answers": {"999": {"folder": "/999", "within": "1d"}}}
    async with chain(host, clock=clock, **only) as probe:
        for ahead_s, number in ((30, 1), (-1800, 2)):
            name = f"f{number}".encode()
            host.folders["/sent"] = {name: File(clock.now_ms() // 1000 + ahead_s, b"ISA*00*")}
            for length in (150, 160, 900):
                seen = await look(probe)
                assert seen.facts.get(Fact.CLAIMS_SENT, 0) == number - 1
                await clock.advance(40_000)
                told_s = clock.now_ms() // 1000 + ahead_s
                host.folders["/sent"][name] = File(told_s, claim(number)[:length])
            for _ in range(3):
                await clock.advance(40_000)
                seen = await look(probe)
            assert seen.facts[Fact.CLAIMS_SENT] == number
        at_s = clock.now_ms() // 1000
        host.folders["/999"] = {b"a": File(at_s, ack_999(1)), b"b": File(at_s, ack_999(2)[:-9])}
        assert (await look(probe)).facts[Fact.CLAIMS_999] == 1  # a whole one needs not to wait
        host.folders["/999"][b"b"] = File(at_s + 1, ack_999(2))
        assert (await look(probe)).facts[Fact.CLAIMS_999] == 2
        await clock.advance(2 * DAY * 1000)
        assert (await look(probe)).reason is Reason.OK


async def test_a_server_that_shifts_all_times_has_sent_nothing_twice(host: SftpHost) -> None:
    """As Windows does when summer time begins; the answers were fetched meanwhile."""
    put(host, "/sent", 80, claim(1))
    put(host, "/999", 79, ack_999(1))
    only: dict[str, Any] = {"answers": {"999": {"folder": "/999", "within": "1d"}}}
    async with chain(host, **only) as probe:
        assert (await look(probe)).reason is Reason.OK
        host.folders["/999"].clear()
        for file in host.folders["/sent"].values():
            assert file.mtime_s is not None
            file.mtime_s += HOUR
        seen = await look(probe)
        assert (seen.reason, seen.facts[Fact.CLAIMS_SENT]) == (Reason.OK, 1)
        # the same name again, a day later: another 837, though it says the same
        for file in host.folders["/sent"].values():
            file.mtime_s = now_s() - 30 * HOUR
        seen = await look(probe)
        assert (seen.reason, seen.facts[Fact.CLAIMS_SENT]) == (Reason.CLAIMS_NO_999, 2)


async def test_what_else_is_sent_there_awaits_no_answer(host: SftpHost) -> None:
    put(host, "/sent", 80, claim(1).replace(b"ST*837*", b"ST*270*"))
    put(host, "/sent", 80, ack_999(7))
    put(host, "/sent", 80, ta1(7, "A"))
    await told(host, Outcome.UNKNOWN, Reason.CLAIMS_NONE_YET)


async def test_a_file_that_two_stages_match_is_read_for_both(host: SftpHost) -> None:
    put(host, "/sent", 80, claim(1))
    put(host, "/999", 79, ack_999(1), name="a.999")
    put(host, "/999", 78, accepted_277ca(1), name="a.277")
    answers = {
        "999": {"folder": "/999", "match": ["*.999"], "within": "1d"},
        "277ca": {"folder": "/999", "within": "3d"},
    }
    await told(host, Outcome.UP, Reason.OK, answers=answers)


async def test_a_long_999_is_read_to_its_verdict(host: SftpHost) -> None:
    put(host, "/sent", 80, claim(1))
    errors = b"IK3*CLM*22*2300*8~" * 10_000
    put(host, "/999", 79, ack_999(1, "R", "R").replace(b"IK5*", errors + b"IK5*"))
    await told(host, Outcome.MISCONFIGURED, Reason.CLAIMS_999_REJECTED)


async def test_a_run_that_has_little_time_left_goes_on_in_the_next(
    host: SftpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        put(host, "/sent", 40, claim(number))
        put(host, "/999", 39, ack_999(number))
    only: dict[str, Any] = {"answers": {"999": {"folder": "/999", "within": "1d"}}}
    monkeypatch.setattr(Visit, "has_time", lambda _self: False)
    async with chain(host, **only) as probe:
        said = [(await look(probe)).reason for _ in range(3)]
    # 40 files, 16 at once
    assert said == [Reason.CLAIMS_UNREAD, Reason.CLAIMS_UNREAD, Reason.OK]
    monkeypatch.undo()
    env = dataclasses.replace(environment(), clock=(clock := ManualClock()), timeout_ms=30_000)
    access = ClaimChainSpec.model_validate(spec(host)).sftp
    assert access is not None
    one = Visit(access, env)
    assert one.has_time()
    await clock.advance(19_000)
    assert one.has_time()
    await clock.advance(2_000)
    assert not one.has_time()


async def test_what_is_kept_in_memory_has_a_bound(
    host: SftpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claim_files.MOST_KEPT == 50_000
    monkeypatch.setattr(claim_files, "MOST_KEPT", 8)
    put(host, "/sent", 80, claim(1))
    for hours in range(79, 59, -1):
        put(host, "/999", hours, ack_999(1) * 3)
    async with chain(host) as probe:
        said = [(await look(probe)).reason for _ in range(3)]
        assert host.asked.count("read") == 16  # one batch
    assert said == [Reason.CLAIMS_UNREAD] * 3


async def test_more_than_a_run_reads_is_unknown_until_all_is_read(
    host: SftpHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claim_files.MOST_FILES == 5_000
    monkeypatch.setattr(claim_files, "MOST_FILES", 20)
    for number in range(25):
        put(host, "/sent", 40, claim(number))
        put(host, "/999", 39, ack_999(number))
    async with chain(host) as probe:
        said = [(await look(probe)).reason for _ in range(3)]
    # 50 files by their age, the 837s first
    assert said == [Reason.CLAIMS_UNREAD, Reason.CLAIMS_UNREAD, Reason.OK]


async def test_no_more_than_the_head_of_a_file_is_read(host: SftpHost) -> None:
    put(host, "/sent", 30, claim(1, more="NTE*ADD*" + "x" * 900_000 + "~"))
    put(host, "/999", 29, ack_999(1) + b"\r\n" * 40_000)
    seen = await told(host, Outcome.UP, Reason.OK)
    assert seen.facts[Fact.CLAIMS_999] == 1


@pytest.mark.parametrize(
    ("fault", "outcome", "reason", "last"),
    [
        ("refuse", Outcome.DOWN, Reason.TCP_REFUSED, "connect"),
        ("denied", Outcome.MISCONFIGURED, Reason.SFTP_PERMISSION, "list"),
        ("failure", Outcome.DOWN, Reason.SFTP_FAILURE, "list"),
        ("garbage", Outcome.DOWN, Reason.SFTP_PROTOCOL, "list"),
        ("endless", Outcome.UNKNOWN, Reason.SFTP_TOO_MANY, "list"),
        ("no_read", Outcome.MISCONFIGURED, Reason.SFTP_PERMISSION, "read"),
        ("read_fails", Outcome.DOWN, Reason.SFTP_FAILURE, "read"),
    ],
)
async def test_a_server_that_fails_is_told_as_such_and_the_chain_is_not_judged(
    host: SftpHost,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    outcome: Outcome,
    reason: Reason,
    last: str,
) -> None:
    monkeypatch.setattr(sftp_session, "MOST_ENTRIES", 250)
    put(host, "/sent", 80, claim(1))
    wanted = spec(host) | {"answers": {"999": {"folder": "/999", "within": "1d"}}}
    host.set_fault(fault)
    seen = await expect(KIND, wanted, outcome, reason, secrets=PASSWORD, timeout_ms=20_000)
    assert steps(seen)[-1] == (last, outcome.value, reason.value)
    assert seen.facts == {}


async def test_a_file_that_is_fetched_meanwhile_is_no_failure(host: SftpHost) -> None:
    put(host, "/sent", 80, claim(1))
    put(host, "/999", 79, ack_999(1))
    host.set_fault("fetched")
    seen = await told(host, Outcome.UNKNOWN, Reason.CLAIMS_NONE_YET)
    assert steps(seen)[-1] == ("read", "up", "ok")


async def test_no_name_and_no_word_of_a_claim_gets_out(
    host: SftpHost, caplog: pytest.LogCaptureFixture
) -> None:
    canary = f"ZZ{secrets.token_hex(10)}".upper()
    put(host, "/sent", 80, claim(1, canary), name=f"{canary}.837")
    put(host, "/999", 70, ack_999(1), name=f"{canary}.999")
    put(host, "/277", 70, accepted_277ca(1).replace(b"ZZTEST", canary.encode()), name=canary)
    put(host, "/835", 70, paid(canary), name=f"{canary}.835")
    caplog.set_level(logging.DEBUG)
    asyncssh.set_debug_level(3)
    logging.getLogger("asyncssh").setLevel(logging.DEBUG)
    try:
        async with chain(host) as probe:
            assert canary not in repr(await look(probe))
            assert canary not in repr(vars(probe))
            assert (await look(probe)).reason is Reason.OK
            assert canary not in repr(vars(probe))  # nor is it kept between runs
    finally:
        asyncssh.set_debug_level(1)
        logging.getLogger("asyncssh").setLevel(logging.NOTSET)
    assert canary not in caplog.text


SECRETS = {f"env:{name}": f"{name}-5c1d0c7e-wardwatch-Ab9".encode() for name in ("SENT", "ACKS")}
PINGS: dict[str, Any] = {
    "sent": {"check": "sent"},
    "answers": {"999": {"check": "acks", "within": "1d"}},
    "expect_every": "3d",
}


def hospital(**chain: Any) -> Any:
    known = document()
    job = {"system": "ehr", "kind": "heartbeat", "every": "1m", "timeout": "5s"}
    checks: dict[str, Any] = {
        "sent": job | {"spec": {"secret": "env:SENT", "interval": "1d", "grace": "1h"}},
        "acks": job | {"spec": {"secret": "env:ACKS", "interval": "1d", "grace": "1h"}},
        "chain": {
            "system": "ehr", "kind": "claim_chain", "every": "1m", "timeout": "5s",
            "from": ["collector"], "spec": PINGS, **chain,
        },
    }  # fmt: skip
    return {
        "agents": known["agents"] | {"collector": {"site": "south"}},
        "checks": known["checks"] | checks,
    }


@dataclass
class Ward:
    collector: Collector
    jobs: dict[str, BatchJob]

    async def says(self) -> Reason:
        parts, clock = self.collector.service.parts, self.collector.clock
        env = dataclasses.replace(
            environment(),
            clock=clock,
            pings=StoredPings(parts.store, ORG, lambda: parts.evaluator.history),
        )
        async with KIND.open(KIND.parse(PINGS), env) as probe:
            seen = await probe.run(Slot("chain", clock.now_ms()))
        conforms(KIND, seen)
        return seen.reason


@pytest.fixture
async def ward(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ward]:
    async with a_collector(store, config(**hospital())) as collector:
        monkeypatch.setattr(collector.service.parts.pings, "_read_secret", SECRETS.__getitem__)
        origin = collector.client.make_url("/heartbeat")
        jobs = {
            name.removeprefix("env:"): BatchJob(URL(f"{origin}/{secret.decode()}"))
            for name, secret in SECRETS.items()
        }
        yield Ward(collector, jobs)
        for job in jobs.values():
            await job.stop()


async def test_a_chain_of_pings_is_judged_by_deadline(ward: Ward) -> None:
    clock = ward.collector.clock
    assert await ward.says() is Reason.CLAIMS_NONE_YET
    assert await ward.jobs["SENT"].run() == [200, 200]
    assert await ward.says() is Reason.OK
    await clock.advance(DAY * 1000)
    assert await ward.says() is Reason.OK
    await clock.advance(1000)
    assert await ward.says() is Reason.CLAIMS_NO_999
    assert await ward.jobs["ACKS"].run() == [200, 200]
    assert await ward.says() is Reason.OK
    await clock.advance(2 * DAY * 1000)
    assert await ward.says() is Reason.CLAIMS_NONE_SENT


async def test_a_collector_that_was_away_blames_nobody(ward: Ward) -> None:
    clock = ward.collector.clock
    await ward.jobs["SENT"].run()
    gone_ms = clock.now_ms() + 1000
    await clock.advance(2 * DAY * 1000)
    store = ward.collector.service.parts.store
    await store.write(record, ORG, gone_ms, clock.now_ms)
    assert await ward.says() is Reason.CLAIMS_UNHEARD
    await clock.advance(1000)
    await ward.jobs["SENT"].run()
    await clock.advance(DAY * 1000 + 1000)
    assert await ward.says() is Reason.CLAIMS_NO_999  # this one was missed with everybody there


async def test_what_was_sent_before_answers_were_heard_of_is_held_against_nobody() -> None:
    now_ms = CLOCK.now_ms()
    told = [Ping(now_ms - 2 * DAY * 1000, PingKind.SUCCESS)]
    heard = {
        "sent": Heard(told, now_ms - 90 * DAY * 1000, ZoneInfo("UTC")),
        "acks": Heard([], now_ms - DAY * 1000, ZoneInfo("UTC")),
    }

    class Since:
        async def of(self, check: str) -> Heard:
            return heard[check]

    env = dataclasses.replace(environment(), pings=Since())
    async with KIND.open(KIND.parse(PINGS), env) as probe:
        assert (await probe.run(Slot("chain", 0))).reason is Reason.CLAIMS_NONE_YET
        heard["acks"] = Heard([], now_ms - 3 * DAY * 1000, ZoneInfo("UTC"))
        assert (await probe.run(Slot("chain", 0))).reason is Reason.CLAIMS_NO_999


async def test_without_the_store_or_on_another_agent_or_with_too_many_nobody_knows() -> None:
    class Away:
        async def of(self, _check: str) -> Heard:
            raise StoreAwayError

    class Many:
        async def of(self, _check: str) -> Heard:
            now_ms = CLOCK.now_ms()
            told = [Ping(now_ms - n * 60_000, PingKind.SUCCESS) for n in range(KEPT, 0, -1)]
            return Heard(told, 0, ZoneInfo("UTC"))

    for pings, reason in (
        (Away(), Reason.AGENT_STORE),
        (None, Reason.AGENT_CONFIG),
        (Many(), Reason.CLAIMS_UNREAD),
    ):
        env = dataclasses.replace(environment(), pings=pings)
        async with KIND.open(KIND.parse(PINGS), env) as probe:
            seen = await probe.run(Slot("chain", 0))
        conforms(KIND, seen)
        assert (seen.outcome, seen.reason) == (Outcome.UNKNOWN, reason)


def test_it_runs_where_its_file_says() -> None:
    assert KIND.place is Place.EITHER
    assert {n for n in registry.KINDS if registry.load(n).place is Place.EITHER} == registry.EITHER
    own = config(**hospital())
    assert own.agents_of("chain") == ("collector",)
    assert _checks(own) == ["sent", "acks", "chain"]
    elsewhere = config(**hospital(**{"from": ["north-1"]}))
    assert elsewhere.agents_of("chain") == ("north-1",)
    everywhere = config(**hospital(**{"from": None}))
    assert everywhere.agents_of("chain") == ("north-1", "south-1")


def test_a_file_is_judged_without_importing_the_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(name: str) -> None:
        raise AssertionError(name)

    monkeypatch.setattr(registry, "load", never)
    raw = json.dumps(document(**hospital())).encode()
    assert load_bytes(raw, "wardwatch.yaml").agents_of("chain") == ("collector",)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"sftp": None}, "sent is a folder"),
        ({"sent": {"check": "sent"}}, "sent is a heartbeat"),
        ({"sent": {"folder": "/sent", "check": "sent"}}, "one of both"),
        ({"answers": {}}, "at least 1"),
        ({"answers": {"997": {"folder": "/x", "within": "1d"}}}, "there are 999, 277ca, 835"),
        ({"answers": {"999": {"folder": "/x"}}}, "Field required"),
        ({"answers": {"999": {"folder": "/sent", "within": "1d"}}}, "the same place"),
        ({"expect_every": "0s"}, "greater than 0"),
    ],
)
def test_a_wrong_spec_is_refused(more: dict[str, Any], says: str) -> None:
    whole = spec(SftpHost(clock_s=now_s, port=22)) | more
    if more == {"sftp": None}:
        del whole["sftp"]
    with pytest.raises(ValidationError) as caught:
        KIND.parse(whole)
    assert says in str(caught.value)
