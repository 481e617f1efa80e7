"""The batch: what was sealed comes back, and nothing else is taken for a batch."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from probes import batch, columns, envelope
from probes.batch import Anchors, Place
from probes.contract import Outcome
from probes.envelope import BatchError, BatchFault
from probes.results import Result
from probes.segments import Run, RunStep
from probes.wire import merkle

KEY = Ed25519PrivateKey.from_private_bytes(b"north-1".ljust(32))
PUBLIC = "ed25519:" + base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
PLACE = Place("st-elsewhere", "north-1", "e1", 1, batch.NO_PREVIOUS, "0123456789abcdef")
SECRET = b"sixteen secrets."
NOW = 1_767_225_600_000
RUNS = [
    Run("ehr", "ehr-read", NOW, NOW + 3, Outcome.UP, "ok", 40_500, {"connect": 7, "tls": 9}),
    Run("lab", "lab-oru", NOW, NOW + 4, Outcome.DOWN, "tcp.refused", 900, {}, {"err_code": 207}),
    Run(
        "ehr",
        "ehr-read",
        NOW + 9_000,
        NOW + 9_001,
        Outcome.DEGRADED,
        "slow",
        800_000,
        {"connect": 1},
        {"http_status": 200},
        (RunStep("connect", Outcome.UP, "ok", 1), RunStep("read", Outcome.DEGRADED, "slow", 9)),
    ),
]


def sealed(runs: list[Run] = RUNS, *, offset_ms: int = 0, error_ms: int = 0) -> bytes:
    anchors = Anchors(NOW + 10_000, 77, offset_ms, error_ms)
    return batch.seal(KEY, PLACE, anchors, runs, SECRET)


def read(data: bytes) -> list[Run]:
    opened = batch.open_batch(data)
    batch.verify(opened, PUBLIC)
    return batch.runs_of(opened)


def results(opened: batch.Batch) -> list[Result]:
    """Received at 5."""
    return batch.results_of(opened, 5)


def fault(act: Callable[[], object]) -> BatchFault:
    with pytest.raises(BatchError) as caught:
        act()
    return caught.value.code


def forged(body: bytes, **changes: Any) -> bytes:
    """A batch of our own key around any body, with header fields as told."""
    header = msgspec.json.decode(batch.open_batch(sealed()).header_bytes)
    header |= {"body_sha256": hashlib.sha256(body).hexdigest(), "body_length": len(body)} | changes
    header_bytes = msgspec.json.encode(header)
    size = len(header_bytes).to_bytes(4, "big")
    return b"WWB1" + size + header_bytes + KEY.sign(header_bytes) + body


def around(packed: dict[str, bytes], secret: bytes = SECRET) -> bytes:
    body = zstandard.compress(msgspec.msgpack.encode((secret, packed)))
    return forged(body, segments_root=merkle.root(batch.leaves(secret, packed)).hex())


names = st.from_regex(r"[a-z0-9][a-z0-9-]{0,10}", fullmatch=True)
reasons = st.sampled_from(["ok", "tcp.refused", "fhir.newer_than_us"])
outcomes = st.sampled_from(Outcome)
counts = st.dictionaries(st.sampled_from(["connect", "tls", "new_one"]), st.integers(0, 2**50))
instants = st.integers(0, 2**45)
runs = st.builds(
    Run,
    names,
    names,
    instants,
    instants,
    outcomes,
    reasons,
    st.integers(0, 2**45),
    counts,
    counts,
    st.lists(
        st.builds(
            RunStep,
            st.sampled_from(["connect", "new_one"]),
            outcomes,
            reasons,
            st.integers(0, 2**45),
        ),
        max_size=3,
    ).map(tuple),
)


@given(st.lists(runs, min_size=1, max_size=20))
def test_what_was_sealed_comes_back_by_system(some: list[Run]) -> None:
    assert read(sealed(some)) == sorted(some, key=lambda run: run.system)


@given(st.lists(st.tuples(names, names, instants), min_size=1, max_size=20))
def test_missed_slots_are_sealed_as_any_runs_are(slots: list[tuple[str, str, int]]) -> None:
    missed = [
        Run(system, check, at, at, Outcome.UNKNOWN, "agent.missed_slot", 0)
        for system, check, at in slots
    ]
    anchors = Anchors(NOW + 10_000, 77)
    assert batch.seal_missed(KEY, PLACE, anchors, missed, SECRET) == sealed(missed)


def test_the_header_says_where_the_batch_stands() -> None:
    header = batch.open_batch(sealed()).header
    assert (header.org, header.agent, header.epoch, header.seq) == (
        "st-elsewhere",
        "north-1",
        "e1",
        1,
    )
    assert (header.prev, header.config) == ("0" * 64, "0123456789abcdef")
    assert (header.first_at, header.last_at) == (NOW + 3, NOW + 9_001)
    assert (header.wall_ms, header.monotonic_ns, header.clock_source) == (NOW + 10_000, 77, "host")
    assert (header.results, header.systems) == (3, 2)


def test_results_carry_the_clock_offset_and_when_they_came() -> None:
    opened = batch.open_batch(sealed(offset_ms=-1_500, error_ms=2_000))
    assert results(opened) == [
        Result("ehr-read", "north-1", NOW + 3 - 1_500, Outcome.UP, "ok", 40, 5),
        Result("ehr-read", "north-1", NOW + 9_001 - 1_500, Outcome.DEGRADED, "slow", 800, 5),
        Result("lab-oru", "north-1", NOW + 4 - 1_500, Outcome.DOWN, "tcp.refused", 0, 5),
    ]


def test_results_carry_the_days_a_certificate_had_left() -> None:
    seen = Run("ehr", "ehr-read", NOW, NOW, Outcome.UP, "ok", 40, facts={"cert_days_left": 61})
    (one,) = results(batch.open_batch(sealed([seen])))
    assert one.cert_days_left == 61
    assert results(batch.open_batch(sealed()))[0].cert_days_left is None


def test_results_carry_counts_and_nothing_else_of_the_facts() -> None:
    some = [
        Run("ehr", "adt", NOW, NOW, Outcome.UP, "ok", 1, {}, {"messages": 3, "age_s": 9}),
        Run("ehr", "adt", NOW + 9, NOW + 9, Outcome.UP, "ok", 1, {}, {"age_s": 9}),
        Run(
            "ehr", "adt", NOW + 18, NOW + 18, Outcome.UP, "ok", 1, {}, {"feed_s": 7, "messages": 0}
        ),
    ]
    found = results(batch.open_batch(sealed(some)))
    assert [r.facts for r in found] == [
        (("messages", 3),),
        (),
        (("feed_s", 7), ("messages", 0)),
    ]
    assert [batch.result_of(run, "north-1", 0, 0, 5).facts for run in some] == [
        r.facts for r in found
    ]
    # nobody knows when they were counted
    assert {r.facts for r in results(batch.open_batch(sealed(some, error_ms=2_001)))} == {()}
    assert batch.result_of(some[0], "north-1", 0, 2_001, 5).facts == ()


def test_a_clock_more_than_two_seconds_in_doubt_makes_results_unknown() -> None:
    found = results(batch.open_batch(sealed(error_ms=2_001)))
    assert {(r.outcome, r.reason) for r in found} == {(Outcome.UNKNOWN, "agent.clock")}


def test_the_header_hash_is_the_sha256_of_its_bytes() -> None:
    opened = batch.open_batch(sealed())
    assert batch.header_hash(opened) == hashlib.sha256(opened.header_bytes).hexdigest()


def test_every_flipped_byte_is_refused() -> None:
    data = sealed()
    for place in range(len(data)):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        fault(lambda changed=changed: read(changed))  # type: ignore[misc]  # mypy: lambda default


def test_every_truncation_is_refused() -> None:
    data = sealed()
    for size in range(len(data)):
        code = fault(lambda size=size: read(data[:size]))  # type: ignore[misc]  # mypy: see above
        assert code in (BatchFault.MALFORMED, BatchFault.BODY_HASH)


@given(st.binary(max_size=300))
def test_noise_is_refused_with_a_code(noise: bytes) -> None:
    fault(lambda: read(noise))
    fault(lambda: read(b"WWB1" + noise))


@given(st.binary(max_size=300))
def test_a_signed_body_of_noise_is_refused_with_a_code(noise: bytes) -> None:
    fault(lambda: read(forged(noise)))
    fault(lambda: read(forged(zstandard.compress(noise))))
    fault(lambda: read(around({"ehr": noise})))


def test_a_bomb_is_refused_unopened() -> None:
    body = zstandard.compress(bytes(envelope.BODY_LIMIT + 1))
    assert len(body) < 5_000
    assert fault(lambda: read(forged(body))) is BatchFault.TOO_LARGE


def test_a_frame_that_hides_its_size_is_refused() -> None:
    hiding = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100))
    assert fault(lambda: read(forged(hiding))) is BatchFault.MALFORMED


def test_more_rows_than_any_agent_writes_are_refused() -> None:
    many = {name: [0] * 10_001 for name in ("check", "at", "slot", "outcome", "reason")}
    data = one_system(**many, duration_us=[0] * 10_001, phases={}, facts={})
    assert fault(lambda: read(data)) is BatchFault.MALFORMED


def test_deep_nesting_is_refused() -> None:
    deep = msgspec.msgpack.encode((SECRET, {}))[:-1] + b"\x91" * 200_000 + b"\xc0"
    assert fault(lambda: read(forged(zstandard.compress(deep)))) is BatchFault.MALFORMED
    column = b"\x81\xa3new" + b"\x91" * 200_000 + b"\xc0"
    assert fault(lambda: read(around({"ehr": column}))) is BatchFault.MALFORMED


ARRAYS: dict[str, Any] = {
    "checks": ["ehr-read"],
    "outcomes": ["up", "degraded"],
    "reasons": ["ok", "slow"],
    "base": NOW + 3,
    "check": [0, 0],
    "at": [0, 8_998],
    "slot": [3, 1],
    "outcome": [0, 1],
    "reason": [0, 1],
    "duration_us": [40_500, 800_000],
    "phases": {
        "connect": {"rows": [0, 1], "values": [7, 1]},
        "tls": {"rows": [0], "values": [9]},
    },
    "facts": {"http_status": {"rows": [1], "values": [200]}},
    "steps": {
        "names": ["connect", "read"],
        "rows": [1, 1],
        "name": [0, 1],
        "outcome": [0, 1],
        "reason": [0, 1],
        "duration_us": [1, 9],
    },
}
"""The runs of `ehr` as agents wrote them first: still read."""


def dense() -> dict[str, Any]:
    """The same as agents write them now."""
    _, packed = batch.body_of(batch.open_batch(sealed()))
    columns: dict[str, Any] = msgspec.msgpack.decode(packed["ehr"])
    return columns


def one_system(**changes: Any) -> bytes:
    return of_one_system(ARRAYS | changes)


def of_one_system(columns: dict[str, Any]) -> bytes:
    packed = {"ehr": msgspec.msgpack.encode(columns)}
    body = zstandard.compress(msgspec.msgpack.encode((SECRET, packed)))
    root = merkle.root(batch.leaves(SECRET, packed)).hex()
    return forged(body, segments_root=root, systems=1, results=2)


def test_columns_of_a_newer_agent_are_passed_over() -> None:
    assert read(one_system(new=[1, 2])) == [RUNS[0], RUNS[2]]
    assert read(of_one_system(dense() | {"new": [1, 2]})) == [RUNS[0], RUNS[2]]


def test_both_forms_of_a_segment_say_the_same() -> None:
    found = dense()
    # check, at, slot, outcome, reason, duration; connect is in every run, and what is left of it
    assert (found["k"], found["n"], found["b"], found["p"]) == (
        "0211133",
        2,
        NOW + 3,
        ["connect"],
    )
    assert found["l"] == "connect"
    assert results(batch.open_batch(one_system())) == results(
        batch.open_batch(of_one_system(found))
    )


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"check": [0]}, id="a short column"),
        pytest.param({"check": [0, 1]}, id="an index outside its table"),
        pytest.param({"check": [0, -1]}, id="an index from the end"),
        pytest.param({"checks": ["Ehr Read"]}, id="no check id"),
        pytest.param({"reasons": ["ok", "said: John Doe"]}, id="a reason with free text"),
        pytest.param({"facts": {"John Doe": {"rows": [], "values": []}}}, id="a fact of free text"),
        pytest.param({"outcomes": ["up", "fine"]}, id="no outcome"),
        pytest.param({"duration_us": [1, 2**60]}, id="a number out of bounds"),
        pytest.param({"duration_us": [1, -1]}, id="a negative duration"),
        pytest.param({"slot": [0, 2**52]}, id="a slot before time began"),
        pytest.param({"base": 2**53 - 1}, id="an instant too far"),
        pytest.param({"facts": {"a": {"rows": [2], "values": [1]}}}, id="a fact of no run"),
        pytest.param({"facts": {"a": {"rows": [1, 1], "values": [1, 2]}}}, id="a fact twice"),
        pytest.param({"phases": {"a": {"rows": [0], "values": []}}}, id="a phase without time"),
    ],
)
def test_columns_that_do_not_fit_are_malformed(changes: dict[str, Any]) -> None:
    assert fault(lambda: read(one_system(**changes))) is BatchFault.MALFORMED


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"d": b""}, id="no numbers"),
        pytest.param({"n": 3}, id="more rows than numbers"),
        pytest.param({"n": 10_001}, id="more rows than any agent writes"),
        pytest.param({"k": "02111"}, id="a column that is missing"),
        pytest.param({"k": "0211139"}, id="a code that is none"),
        pytest.param({"k": "021a133"}, id="an outcome that may be negative"),
        pytest.param({"c": []}, id="an index outside its table"),
        pytest.param({"p": ["John Doe"]}, id="a phase of free text"),
        pytest.param({"l": "tls"}, id="what is left, of a phase that not every run has"),
        pytest.param({"sp": {"connect": {"rows": [0], "values": [1]}}}, id="a phase twice"),
        pytest.param({"sf": {"a": {"rows": [2], "values": [1]}}}, id="a fact of no run"),
        pytest.param({"sf": {"a": {"rows": [1, 1], "values": [1, 2]}}}, id="a fact twice"),
        pytest.param({"b": 2**53 - 1}, id="an instant too far"),
    ],
)
def test_bytes_that_do_not_fit_are_malformed(changes: dict[str, Any]) -> None:
    assert fault(lambda: read(of_one_system(dense() | changes))) is BatchFault.MALFORMED


def test_a_number_that_is_too_far_is_malformed() -> None:
    long = dense() | {"k": "0211173", "d": b"\xff" * 2 * 15}
    assert fault(lambda: read(of_one_system(long))) is BatchFault.MALFORMED


@given(st.lists(st.integers(1 - 2**53, 2**53 - 1), max_size=40), st.binary(max_size=9))
def test_numbers_come_back_from_their_columns(numbers: list[int], before: bytes) -> None:
    code, data = columns.pack(numbers)
    assert (
        list(columns.unpack(before + data + b"behind", len(before), len(numbers), code)) == numbers
    )


def test_a_column_takes_as_few_bytes_as_its_largest_number_needs() -> None:
    assert columns.pack([0, 0]) == ("0", b"")
    assert columns.pack([1, 255]) == ("1", b"\x01\xff")
    assert columns.pack([1, 256]) == ("2", b"\x01\x00\x00\x01")
    assert columns.pack([-1, 1]) == ("a", b"\x01\x02")
    with pytest.raises(ValueError, match="too far"):
        columns.pack([2**53])


def test_what_the_header_says_of_the_body_must_be_so() -> None:
    body = batch.open_batch(sealed()).body
    assert fault(lambda: read(forged(body, segments_root="0" * 64))) is BatchFault.SEGMENTS_ROOT
    for wrong in ({"results": 4}, {"systems": 1}, {"first_at": 5}, {"last_at": 5}):
        assert fault(lambda wrong=wrong: read(forged(body, **wrong))) is BatchFault.COUNTS  # type: ignore[misc]  # mypy: lambda default
    assert fault(lambda: read(forged(body, version=2))) is BatchFault.VERSION
    assert fault(lambda: read(forged(body, agent="North 1"))) is BatchFault.MALFORMED
    assert fault(lambda: read(forged(body, more="x" * 5_000))) is BatchFault.TOO_LARGE
    assert read(forged(body, more="a field of a newer agent")) == read(sealed())


def test_another_key_or_no_key_verifies_nothing() -> None:
    opened = batch.open_batch(sealed())
    for key in ("ed25519:" + "A" * 43 + "=", "ed25519:?", "rsa:" + PUBLIC[8:], ""):
        assert fault(lambda key=key: batch.verify(opened, key)) is BatchFault.SIGNATURE  # type: ignore[misc]  # mypy: lambda default


def test_a_batch_that_nobody_signed_is_refused_under_a_key_of_low_order() -> None:
    neutral = (1).to_bytes(32, "little")
    data = sealed()
    end = 8 + int.from_bytes(data[4:8], "big")
    forged = batch.open_batch(data[:end] + neutral + bytes(32) + data[end + 64 :])
    Ed25519PublicKey.from_public_bytes(neutral).verify(neutral + bytes(32), data[8:end])
    key = "ed25519:" + base64.b64encode(neutral).decode()
    assert fault(lambda: batch.verify(forged, key)) is BatchFault.SIGNATURE


def test_one_system_is_disclosed_alone() -> None:
    opened = batch.open_batch(sealed())
    secret, packed = batch.body_of(opened)
    leaves = batch.leaves(secret, packed)
    shown, path = leaves[1], merkle.audit_path(leaves, 1)
    assert merkle.root_from_path(shown, 1, 2, path) == bytes.fromhex(opened.header.segments_root)
    assert shown == batch.leaf(secret, "lab", packed["lab"])
    assert b"ehr" not in shown + b"".join(path)
