"""Records of the spool's files: what was written is read, and nothing else is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent import spoolformat
from agent.spoolformat import (
    HEAD_BYTES,
    AckRecord,
    BatchRecord,
    Belief,
    ChainRecord,
    Record,
    Recorded,
    TombstoneRecord,
    decode,
    encode,
    recorded_of,
    run_record,
    scan,
)
from probes.contract import Outcome
from probes.segments import Run, RunStep
from tests.support.soak import longer

RUN = Run(
    "ehr",
    "ehr-read",
    1_000,
    1_003,
    Outcome.DOWN,
    "tcp.refused",
    900,
    {"connect": 7},
    {"http_status": 503},
    (RunStep("connect", Outcome.DOWN, "tcp.refused", 9),),
)
RECORDED = Recorded(RUN, Belief(-300, 12, "collector"))
RECORDS: list[Record] = [
    ChainRecord("org", "north-1", "e1", 7, "ab" * 32, 90, 80, 5, 6, {"e0": [(1, 9)]}),
    run_record(91, RECORDED),
    BatchRecord("e1", 8, "cd" * 32, 5, 6, [(81, 91)], b"WWB1 and so on"),
    AckRecord("e1", [(1, 3), (5, 5)]),
    TombstoneRecord("e1", 1, 4, 5, bare=False, data=b"WWT1 and so on"),
]
FILE = b"".join(map(encode, RECORDS))


def read(data: bytes) -> list[Record | None]:
    return [decode(found) for found in scan(data).records]


def test_every_record_comes_back() -> None:
    assert read(FILE) == RECORDS
    assert (scan(FILE).end, scan(FILE).torn, scan(FILE).damaged) == (len(FILE), 0, 0)
    assert recorded_of(run_record(91, RECORDED)) == RECORDED


def test_a_tail_that_was_cut_off_is_torn_and_the_rest_is_whole() -> None:
    last = len(encode(RECORDS[-1]))
    for size in range(len(FILE) - last, len(FILE)):
        found = scan(FILE[:size])
        assert (len(found.records), found.damaged) == (4, 0)
        assert (found.end, found.torn) == (len(FILE) - last, size - len(FILE) + last)


def test_a_flipped_byte_loses_one_record_and_is_counted() -> None:
    for place in range(len(FILE)):
        changed = FILE[:place] + bytes([FILE[place] ^ 0x10]) + FILE[place + 1 :]
        found = scan(changed)
        assert len(found.records) == 4
        assert found.damaged + found.torn > HEAD_BYTES
        assert [one for one in read(changed) if one not in RECORDS] == []


def test_zeros_where_a_disk_forgot_are_damage_or_a_torn_tail() -> None:
    first = len(encode(RECORDS[0]))
    assert scan(bytes(first) + FILE[first:]).damaged == first
    assert scan(FILE + bytes(4_096)).torn == 4_096


@settings(max_examples=longer(50))
@given(st.binary(max_size=400))
def test_noise_holds_nothing_and_hurts_nothing(noise: bytes) -> None:
    assert read(noise) == []
    assert RECORDS[1] in read(noise + FILE + noise)
    assert spoolformat.read(noise) is None


def test_a_record_of_a_newer_agent_is_no_record_of_ours() -> None:
    newer = bytearray(encode(RECORDS[3]))
    newer[4] = 9
    assert read(bytes(newer)) == []
