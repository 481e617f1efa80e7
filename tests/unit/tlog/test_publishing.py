"""Signing the logs: what is signed, by whom, how often, and what is not."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from collector.attest import note, vkey
from collector.attest.entries import Previous
from collector.attest.vkey import VerifierKey
from collector.store import leases
from collector.store.store import Store
from collector.tlog import epochs, signing
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log
from collector.tlog.guard import Guard
from collector.tlog.keyrows import OvertakenError
from collector.tlog.signer import open_file, vkey_of
from collector.tlog.troubles import Trouble
from tests.support.signing_logs import (
    EVERY_MS,
    ORG,
    ORIGIN,
    SignedLogs,
    config_of,
    head_of,
    made_key,
    unreadable,
)


def key_of(file: Path, log: Log = Log.EVIDENCE, origin: str = ORIGIN) -> VerifierKey:
    return vkey_of(open_file(file), f"{origin}/{log}")


async def signers_of(logs: SignedLogs, log: Log, *files: Path) -> list[Path]:
    signed = note.parse((await logs.latest(log)).note)
    found = {one.key for one in note.verify(signed, [key_of(file, log) for file in files])}
    return [file for file in files if key_of(file, log) in found]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return made_key(tmp_path)


@pytest.fixture
def logs(store: Store, tmp_path: Path, key: Path) -> SignedLogs:
    return SignedLogs(store, config_of([key]), tmp_path / "signed")


async def test_both_logs_are_signed_each_under_its_name(logs: SignedLogs, key: Path) -> None:
    assert await logs.sign(3) == {}
    for log in Log:
        published = await logs.latest(log)
        assert head_of(published).origin == f"{ORIGIN}/{log}"
        assert await signers_of(logs, log, key) == [key]
        assert published.signed_at == logs.clock.now_ms()
        assert published.cosigned_at is None
    assert logs.texts[-1] == note.parse((await logs.latest()).note).text


async def test_the_keys_are_a_row_before_anything_is_signed_with_them(
    logs: SignedLogs, key: Path
) -> None:
    await logs.grow()
    await logs.look()
    known = await logs.known()
    assert sorted(known.keys) == sorted(key_of(key, log).text() for log in Log)
    assert await logs.all() == []
    await logs.look()  # the row is no leaf yet
    assert await logs.all() == []
    await logs.sequence()
    await logs.look()
    (first,) = await logs.all(Log.AUDIT)
    assert first.size == known.newest + 1


async def test_what_was_signed_for_a_name_or_an_epoch_that_has_ended_is_not_published(
    logs: SignedLogs,
) -> None:
    await logs.grow(3)
    lease = logs.leader.lease
    assert lease is not None
    made = Published(Log.EVIDENCE, 1, 4, 1, b"never leaves")
    for name in (f"{ORIGIN}/audit", f"{ORIGIN}-2/evidence"):
        with pytest.raises(OvertakenError):
            await logs.store.write(signing.publish, ORG, lease, made, name)
    await logs.store.write(epochs.start_epoch, ORG, f"{ORIGIN}-2", {}, 1, os.urandom)
    with pytest.raises(OvertakenError):
        await logs.store.write(signing.publish, ORG, lease, made, f"{ORIGIN}/evidence")
    assert await logs.all() == []


async def test_a_log_that_has_not_grown_is_not_signed_again(logs: SignedLogs) -> None:
    await logs.sign()
    before = await logs.all()
    await logs.clock.advance(10 * EVERY_MS)
    assert await logs.look() == {}
    assert await logs.all() == before


async def test_a_log_is_signed_as_often_as_the_file_says(logs: SignedLogs) -> None:
    await logs.sign()
    await logs.grow()
    await logs.clock.advance(EVERY_MS - 1)
    await logs.look()
    assert len(await logs.all()) == 1
    await logs.clock.advance(1)
    await logs.look()
    assert [one.size for one in await logs.all()] == [3, 4]


async def test_a_wall_clock_that_goes_back_does_not_take_the_times_back(logs: SignedLogs) -> None:
    await logs.sign()
    first = await logs.latest()
    logs.clock.step_wall(-3_600_000)
    await logs.sign()
    assert (await logs.latest()).signed_at == first.signed_at
    assert (await logs.latest()).size > first.size


async def test_without_a_section_nothing_is_signed(logs: SignedLogs) -> None:
    await logs.grow()
    logs.config = logs.config.model_copy(update={"evidence_log": None})
    assert await logs.look() == {}
    assert await logs.all() == []
    assert not logs.guard.exists()


async def test_who_does_not_lead_signs_nothing(logs: SignedLogs) -> None:
    await logs.sign()
    await logs.grow()
    await logs.leader.release()
    await logs.clock.advance(EVERY_MS)
    assert await logs.look() == {}
    assert len(await logs.all()) == 1


async def test_a_signature_of_who_has_lost_the_lease_never_leaves(
    logs: SignedLogs, store: Store
) -> None:
    await logs.sign()
    await logs.grow()
    await logs.clock.advance(EVERY_MS)
    lease = logs.leader.lease
    assert lease is not None
    seen = await store.read(leases.look, ORG, lease.name)
    assert await store.write(leases.take, ORG, lease.name, "another", seen) is not None
    await logs.look()
    assert len(await logs.all()) == 1


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda file: file.unlink(), "log_key.missing"),
        (lambda file: file.chmod(0o640), "log_key.open_to_others"),
        (lambda file: file.write_bytes(bytes(31)), "log_key.shape"),
        (lambda file: file.write_bytes(bytes(33)), "log_key.shape"),
    ],
)
async def test_a_key_that_cannot_be_had_is_told_and_stops_signing(
    logs: SignedLogs, key: Path, harm: object, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    await logs.sign()
    assert callable(harm)
    harm(key)
    assert await logs.sign() == dict.fromkeys(Log, Trouble.KEYS)
    assert f"log.key_fault key=0 code={code}" in caplog.messages
    assert caplog.messages.count("log.not_signed log=evidence code=log.keys") == 1
    assert logs.metric("wardwatch_log_key_faults") == 1
    assert logs.metric("wardwatch_log_refusals_total", log="evidence", code="log.keys") == 1
    assert logs.metric("wardwatch_log_forked", log="evidence") == 0
    assert len(await logs.all()) == 1


async def test_it_goes_on_by_itself_once_the_key_is_back(logs: SignedLogs, key: Path) -> None:
    await logs.sign()
    with unreadable(key):
        assert await logs.sign() == dict.fromkeys(Log, Trouble.KEYS)
    assert await logs.sign() == {}
    assert len(await logs.all()) == 2


async def test_while_keys_overlap_both_sign_and_then_the_new_one_alone(
    logs: SignedLogs, key: Path, tmp_path: Path
) -> None:
    await logs.sign()
    new = made_key(tmp_path, "new.key")
    logs.config = config_of([new, key])
    await logs.sign()
    for log in Log:
        assert await signers_of(logs, log, key, new) == [key, new]
    logs.config = config_of([new])
    await logs.sign()
    assert await signers_of(logs, Log.EVIDENCE, key, new) == [new]
    keys = (await logs.known()).keys
    old, now = keys[key_of(key).text()], keys[key_of(new).text()]
    assert not old.in_force
    assert old.removed is not None
    assert old.counts_for(1 << 40)
    assert now.in_force
    assert now.vouched
    assert not old.vouched


async def test_of_two_keys_one_that_fails_does_not_stop_the_other(
    logs: SignedLogs, key: Path, tmp_path: Path
) -> None:
    new = made_key(tmp_path, "new.key")
    logs.config = config_of([key, new])
    await logs.sign()
    with unreadable(key):
        assert await logs.sign() == {}
    assert len(await logs.all()) == 2
    assert await signers_of(logs, Log.EVIDENCE, key, new) == [new]
    assert (await logs.known()).keys[key_of(key).text()].in_force


async def test_another_origin_in_the_file_is_no_new_name_for_what_was_signed(
    logs: SignedLogs, key: Path
) -> None:
    await logs.sign()
    logs.config = config_of([key], origin="elsewhere.example.org")
    assert await logs.sign() == dict.fromkeys(Log, Trouble.ORIGIN)
    logs.config = config_of([key])
    assert await logs.sign() == {}


async def test_a_guard_that_cannot_be_written_stops_signing(
    logs: SignedLogs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    logs.guard.mkdir()
    assert await logs.sign() == dict.fromkeys(Log, Trouble.GUARD)
    assert await logs.all() == []


async def test_a_key_of_another_name_is_told_apart_in_the_rows(logs: SignedLogs) -> None:
    await logs.sign()
    names = {vkey.parse(text).name for text in (await logs.known()).keys}
    assert names == {f"{ORIGIN}/evidence", f"{ORIGIN}/audit"}


async def test_an_origin_of_an_older_epoch_is_never_signed_a_second_time(
    logs: SignedLogs, key: Path
) -> None:
    await logs.sign()
    (first,) = await logs.all()
    previous = Previous(first.origin, first.size, first.root)
    begun = ("elsewhere.example.org", {Log.EVIDENCE: previous}, 1, os.urandom)
    await logs.store.write(epochs.start_epoch, ORG, *begun)
    assert await logs.sign() == dict.fromkeys(Log, Trouble.ORIGIN)  # the file has the old origin
    assert await logs.all() == []
    logs.config = config_of([key], origin="elsewhere.example.org")
    assert await logs.sign() == {}
    assert [one.origin for one in await logs.all()] == ["elsewhere.example.org/evidence"]


async def test_two_replicas_sign_one_history_each_with_its_own_guard(
    logs: SignedLogs, tmp_path: Path
) -> None:
    other = SignedLogs(logs.store, logs.config, tmp_path / "other", logs.clock)
    for one, idle in ((logs, other), (other, logs), (logs, other)):
        assert await one.sign(2) == {}
        assert await idle.look() == {}
        await one.leader.release()
        await logs.clock.advance(EVERY_MS)
    sizes = [one.size for one in await logs.all()]
    assert len(sizes) == 3
    assert sizes == sorted(sizes)
    heads = [Guard(path).heads()[f"{ORIGIN}/evidence"].size for path in (logs.guard, other.guard)]
    assert heads == [sizes[2], sizes[1]]
