"""The tombstone: what stays of batches that had to go, and nothing that was not seen."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st

from collector.core.truth import fold_system
from probes import batch, envelope, tombstone
from probes.batch import Batch
from probes.contract import Outcome
from probes.envelope import BatchError, BatchFault
from probes.history import History, Version
from probes.results import Result
from probes.segments import Run
from probes.tombstone import Remains, Tombstone, Why
from tests.support.chains import ANCHORS, KEY, NOW, PUBLIC, a_chain, a_run
from tests.support.soak import longer
from tests.support.stories import OUTCOMES, T0, check, config, told

EVERY = 60_000


def words(text: str, start: int = 0, name: str = "c") -> list[Run]:
    """One letter a minute, from minute `start`."""
    return [
        a_run(T0 + (start + n) * EVERY, OUTCOMES[letter], name)
        for n, letter in enumerate(text)
        if letter != "."
    ]


def letters(runs: Sequence[Run]) -> str:
    back = {outcome: letter for letter, outcome in OUTCOMES.items()}
    return "".join(back[run.outcome] for run in runs)


def cut(runs: list[Run], size: int) -> list[Batch]:
    return a_chain([runs[n : n + size] for n in range(0, len(runs), size)])


def sealed(remains: Remains) -> Tombstone:
    opened = tombstone.open_tombstone(tombstone.seal(KEY, ANCHORS, remains))
    tombstone.verify(opened, PUBLIC)
    return opened


def kept(opened: Tombstone) -> list[Run]:
    return [run for _, run in tombstone.runs_of(opened)]


def read(data: bytes) -> list[Run]:
    opened = tombstone.open_tombstone(data)
    tombstone.verify(opened, PUBLIC)
    return kept(opened)


def fault(act: Callable[[], object]) -> BatchFault:
    with pytest.raises(BatchError) as caught:
        act()
    return caught.value.code


def some() -> list[Batch]:
    runs = words("uuuuuuuuuuuuuuuudduuuuuuuuuuuuuuuu")
    return a_chain([runs[:20], runs[20:30], runs[30:]], offsets_ms=[0, 500, -300])


def test_it_keeps_what_was_not_up_and_nine_good_ones_after_it() -> None:
    opened = sealed(tombstone.of_batches(some(), Why.FULL_BYTES))
    assert letters(kept(opened)) == "uuuuuuuuu" + "dd" + "uuuuuuuuu"
    header = opened.header
    assert (header.given_up, header.kept) == (
        {Outcome.UP: 14},
        {Outcome.UP: 18, Outcome.DOWN: 2},
    )
    assert (header.first_seq, header.last_seq, header.batches) == (1, 3, 3)
    assert (header.why, header.bare, header.epoch) == (Why.FULL_BYTES, False, "e1")
    assert (header.first_t, header.last_t) == (T0, T0 + 33 * EVERY - 300)
    assert (header.wall_ms, header.clock_source) == (NOW + 3_600_000, "host")


def test_the_chain_goes_on_through_it() -> None:
    batches = some()
    opened = sealed(tombstone.of_batches(batches[:2], Why.FULL_AGE))
    assert opened.header.prev == batch.NO_PREVIOUS
    assert opened.header.last == batches[2].header.prev
    hashes = tombstone.hashes_of(opened)
    assert len(hashes) == 64
    assert [tombstone.hash_at(hashes, n) for n in (0, 1)] == [
        batch.header_hash(one) for one in batches[:2]
    ]


def test_results_carry_the_offset_and_the_doubt_of_their_own_batch() -> None:
    batches = a_chain([words("d"), words("m", 1)], offsets_ms=[700, -2_000])
    opened = sealed(tombstone.of_batches(batches, Why.FULL_BYTES))
    assert tombstone.results_of(opened, 5) == [
        Result("c", "north-1", T0 + 700, Outcome.DOWN, "tcp.refused", 5, 5),
        Result("c", "north-1", T0 + EVERY - 2_000, Outcome.MISCONFIGURED, "tcp.refused", 5, 5),
    ]
    full = tombstone.of_batches(batches, Why.FULL_BYTES)
    doubtful = [msgspec.structs.replace(one, clock_error_ms=2_001) for one in full.entries]
    lost = sealed(dataclasses.replace(full, entries=tuple(doubtful)))
    assert {(r.outcome, r.reason) for r in tombstone.results_of(lost, 5)} == {
        (Outcome.UNKNOWN, "agent.clock")
    }


@settings(max_examples=longer(40), deadline=None)
@given(st.text("uuuudx", min_size=1, max_size=60), st.integers(1, 7), st.data())
def test_joining_keeps_what_one_for_all_would_keep(text: str, size: int, data: Any) -> None:
    batches = cut(words(text), size)
    whole = tombstone.of_batches(batches, Why.FULL_BYTES)
    at = data.draw(st.integers(0, len(batches)))
    if 0 < at < len(batches):
        older = tombstone.of_batches(batches[:at], Why.FULL_BYTES)
        newer = tombstone.of_batches(batches[at:], Why.FULL_BYTES, after=older)
        assert sealed(tombstone.joined(older, newer)).header == sealed(whole).header
    back = tombstone.remains_of(sealed(whole))
    assert sealed(back).header_bytes == sealed(whole).header_bytes


def test_only_what_follows_is_joined_and_bytes_weigh_more_than_age() -> None:
    one, two, three = (
        tombstone.of_batches([each], why)
        for each, why in zip(some(), [Why.FULL_BYTES, Why.FULL_AGE, Why.FULL_AGE], strict=True)
    )
    assert tombstone.joined(one, two).why is Why.FULL_BYTES
    assert tombstone.joined(two, three).why is Why.FULL_AGE
    for left, right in ((one, three), (two, one), (one, tombstone.bared(two))):
        with pytest.raises(ValueError, match="do not follow"):
            tombstone.joined(left, right)


def test_a_bare_one_holds_the_ends_of_the_chain_and_the_counts() -> None:
    batches = some()
    opened = sealed(tombstone.bared(tombstone.of_batches(batches, Why.FULL_BYTES)))
    assert (tombstone.hashes_of(opened), kept(opened)) == (b"", [])
    assert (opened.header.given_up, opened.header.kept) == ({Outcome.UP: 32, Outcome.DOWN: 2}, {})
    assert (opened.header.bare, opened.header.last) == (True, batch.header_hash(batches[2]))


@settings(max_examples=longer(60), deadline=None)
@example("du..uuuuuuuuu", (0, 3), 1, 9)  # what a pause let run out is counted anew behind it
@given(
    st.lists(
        st.tuples(st.sampled_from("uuuuuuudgmx."), st.integers(1, 14)), min_size=1, max_size=12
    ).map(lambda parts: "".join(letter * count for letter, count in parts)),
    st.tuples(st.integers(0, 40), st.integers(1, 60)),
    st.integers(1, 3),
    st.integers(1, 12),
)
def test_what_stays_never_says_anything_that_was_not_seen(
    text: str, hole: tuple[int, int], down: int, up: int
) -> None:
    """Wherever the kept results still say something, all results say the same."""
    begin, length = hole
    batches = cut(words(text), 4)[begin // 4 : begin // 4 + length]
    if not batches:
        return
    first = batches[0].header.seq
    remains = tombstone.of_batches(batches, Why.FULL_BYTES, lambda _: max(9, up))
    stays = tombstone.results_of(sealed(remains), 0)
    everything = cut(words(text), 4)
    gone = range(first, first + len(batches))
    after = [r for b in everything if b.header.seq not in gone for r in batch.results_of(b, 0)]
    whole = [r for b in everything for r in batch.results_of(b, 0)]
    used = config(
        agents={"north-1": {"site": "north"}},
        sites={"north": {"name": "North"}},
        checks={"c": check(confirm={"down": down, "up": up}) | {"from": ["north-1"]}},
    )
    history, until = History([Version(None, used)]), T0 + (len(text) + 5) * EVERY

    def by_minute(results: list[Result]) -> list[str]:
        truth = fold_system("ehr", history, {("c", "north-1"): results}, until, T0)
        spans = [(s, told((s,))[0]) for s in truth.states]
        return [
            next(letter for s, letter in spans if s.start <= t < s.end)
            for t in range(T0, until, 10_000)
        ]

    for seen, said in zip(by_minute(whole), by_minute(stays + after), strict=True):
        assert said in (seen, "?")


def test_every_flipped_byte_is_refused() -> None:
    data = tombstone.seal(KEY, ANCHORS, tombstone.of_batches(some(), Why.FULL_BYTES))
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        fault(lambda changed=changed: read(changed))  # type: ignore[misc]  # mypy: lambda default


def test_every_truncation_is_refused() -> None:
    data = tombstone.seal(KEY, ANCHORS, tombstone.of_batches(some(), Why.FULL_BYTES))
    for size in range(len(data)):
        code = fault(lambda size=size: read(data[:size]))  # type: ignore[misc]  # mypy: see above
        assert code in (BatchFault.MALFORMED, BatchFault.BODY_HASH)


def test_a_batch_is_no_tombstone_and_a_tombstone_no_batch() -> None:
    data = tombstone.seal(KEY, ANCHORS, tombstone.of_batches(some(), Why.FULL_BYTES))
    assert fault(lambda: batch.open_batch(data)) is BatchFault.MALFORMED
    assert fault(lambda: tombstone.open_tombstone(b"WWB1" + data[4:])) is BatchFault.MALFORMED
    assert fault(lambda: tombstone.open_tombstone(b"WWT2" + data[4:])) is BatchFault.VERSION


def forged(body: bytes | None = None, **changes: Any) -> bytes:
    """A tombstone of our own key around any body, with header fields as told."""
    opened = sealed(tombstone.of_batches(some(), Why.FULL_BYTES))
    body = opened.body if body is None else body
    header = msgspec.json.decode(opened.header_bytes)
    header |= {"body_sha256": hashlib.sha256(body).hexdigest(), "body_length": len(body)} | changes
    header_bytes = msgspec.json.encode(header)
    size = len(header_bytes).to_bytes(4, "big")
    return b"WWT1" + size + header_bytes + KEY.sign(header_bytes) + body


def packed(hashes: bytes, entries: list[Any]) -> bytes:
    return zstandard.compress(msgspec.msgpack.encode((hashes, entries)))


@settings(max_examples=longer(40), deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused_with_a_code(noise: bytes) -> None:
    fault(lambda: read(noise))
    fault(lambda: read(b"WWT1" + noise))
    fault(lambda: read(forged(noise)))
    fault(lambda: read(forged(zstandard.compress(noise))))
    hashes = b"".join(bytes.fromhex(batch.header_hash(one)) for one in some())
    entry = [1, "0123456789abcdef", 0, 0, {"ehr": noise}]
    assert fault(lambda: read(forged(packed(hashes, [entry])))) is BatchFault.MALFORMED


def test_bombs_are_refused_unopened() -> None:
    body = zstandard.compress(bytes(envelope.BODY_LIMIT + 1))
    assert len(body) < 5_000
    assert fault(lambda: read(forged(body))) is BatchFault.TOO_LARGE
    many = {"first_seq": 1, "last_seq": 70_000, "batches": 70_000}
    assert fault(lambda: read(forged(None, **many))) is BatchFault.TOO_LARGE
    assert fault(lambda: read(forged(kept={"up": 100_001}))) is BatchFault.TOO_LARGE


def test_more_runs_than_announced_are_not_unpacked() -> None:
    """A small body must not fill a memory: it stops at the first batch that goes too far."""
    full = tombstone.of_batches(some(), Why.FULL_BYTES)
    entries = [msgspec.structs.replace(one, systems={"ehr": b"noise"}) for one in full.entries[1:]]
    data = forged(packed(full.hashes, [full.entries[0], *entries]), kept={"up": 1})
    assert fault(lambda: read(data)) is BatchFault.COUNTS


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"batches": 4}, id="a number of batches that is not the range"),
        pytest.param({"last": "0" * 64}, id="an end of the chain that is not the last hash"),
        pytest.param({"kept": {"up": 18}}, id="runs that are not counted"),
        pytest.param({"kept": {"up": 18, "down": 3}}, id="runs that are not there"),
        pytest.param({"kept": {"up": 19, "down": 1}}, id="outcomes that are others"),
        pytest.param({"first_t": 2, "last_t": 1}, id="an end before the start"),
        pytest.param({"first_t": T0 + 1}, id="a run before the first"),
        pytest.param({"last_t": T0 + 20 * EVERY}, id="a run after the last"),
        pytest.param({"first_seq": 2, "batches": 2}, id="hashes of more batches"),
        pytest.param({"bare": True}, id="a bare one with runs"),
    ],
)
def test_what_the_header_says_of_the_body_must_be_so(changes: dict[str, Any]) -> None:
    assert fault(lambda: read(forged(**changes))) is BatchFault.COUNTS


def test_entries_stand_in_order_and_inside_the_range() -> None:
    full = tombstone.of_batches(some(), Why.FULL_BYTES)
    first, *rest = full.entries
    for wrong in (
        [*rest, first],
        [first, first],
        [*full.entries[:-1], msgspec.structs.replace(full.entries[-1], seq=9)],
    ):
        assert fault(lambda wrong=wrong: read(forged(packed(full.hashes, wrong)))) is (  # type: ignore[misc]  # mypy: lambda default
            BatchFault.COUNTS
        )


def test_fields_of_another_version_or_shape_are_refused_and_new_ones_passed_over() -> None:
    assert fault(lambda: read(forged(version=2))) is BatchFault.VERSION
    for wrong in ({"agent": "North 1"}, {"why": "disk was full"}, {"given_up": {"fine": 1}}):
        assert fault(lambda wrong=wrong: read(forged(**wrong))) is BatchFault.MALFORMED  # type: ignore[misc]  # mypy: lambda default
    assert fault(lambda: read(forged(more="x" * 5_000))) is BatchFault.TOO_LARGE
    assert len(read(forged(more="a field of a newer agent"))) == 20


def test_more_than_a_reader_takes_is_not_sealed() -> None:
    full = tombstone.of_batches(some(), Why.FULL_BYTES)
    for wrong in ({"last_seq": 65_537}, {"kept": {Outcome.UP: 100_001}}):
        with pytest.raises(ValueError, match="too much"):
            tombstone.seal(KEY, ANCHORS, dataclasses.replace(full, **wrong))
