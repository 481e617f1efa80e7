"""Evidence of a system as a file: whole records in bounded chunks, and nothing else is read."""

from __future__ import annotations

import io
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.bundle import evidencefile
from collector.bundle.evidencefile import CHUNK, MAGIC, MAX_UNPACKED, Segment, Writer
from collector.bundle.faults import BundleError, BundleFault
from probes import batch
from probes.wire import merkle
from tests.unit.bundle.refusing import fault

HASHES = st.binary(min_size=32, max_size=32)


def written(some: list[Segment]) -> bytes:
    out = io.BytesIO()
    writer = Writer(out)
    for one in some:
        writer.put(one)
    writer.close()
    return out.getvalue()


def read(data: bytes) -> list[Segment]:
    return list(evidencefile.read(io.BytesIO(data), "evidence/ehr.bin"))


def chunk(data: bytes) -> bytes:
    packed = zlib.compress(data)
    return len(packed).to_bytes(4, "big") + packed


ONE = Segment(7, 1, 3, b"t" * 32, (b"a" * 32, b"b" * 32), b"segment")
RECORD = (
    b"\0\0\0\0\0\0\0\x07\0\x01\0\x03\x02" + b"t" * 32 + b"a" * 32 + b"b" * 32 + b"\0\0\0\x07segment"
)


def test_a_record_is_written_as_the_format_says() -> None:
    data = written([ONE])
    assert data[:4] == b"WWE1"
    assert int.from_bytes(data[4:8], "big") == len(data) - 8
    assert zlib.decompress(data[8:]) == RECORD
    assert read(MAGIC + chunk(RECORD)) == [ONE]


def test_no_evidence_is_a_file_without_chunks() -> None:
    assert written([]) == b"WWE1"
    assert read(b"WWE1") == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(HASHES, st.lists(HASHES, max_size=3), st.binary(max_size=90)), max_size=20)
)
def test_records_are_read_as_they_were_written(
    some: list[tuple[bytes, list[bytes], bytes]],
) -> None:
    made = [
        Segment(n * 3, n % 2, 2, tag, tuple(path), data) for n, (tag, path, data) in enumerate(some)
    ]
    assert read(written(made)) == made


def test_chunks_are_full_at_one_mebibyte_and_a_record_stays_whole() -> None:
    big = [Segment(n, 0, 1, bytes(32), (), bytes([n]) * 400_000) for n in range(7)]
    data = written(big)
    chunks, at = [], 4
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        chunks.append(len(zlib.decompress(data[at + 4 : at + 4 + size])))
        at += 4 + size
    assert [size >= CHUNK for size in chunks] == [True, True, False]
    assert max(chunks) < CHUNK + 400_100
    assert read(data) == big


def test_a_record_leads_to_the_root_that_its_batch_signed() -> None:
    leaves = batch.leaves(b"s" * 16, {"ehr": b"one", "lab": b"two", "portal": b"three"})
    for place in range(3):
        one = evidencefile.segment_of(5, leaves, place)
        assert one.root == merkle.root(leaves)
        assert one._replace(data=b"another").root != merkle.root(leaves)
        assert one._replace(path=one.path[1:]).root is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", BundleFault.EVIDENCE_CHUNK),
        (b"WWE2", BundleFault.EVIDENCE_CHUNK),
        (MAGIC + b"\0", BundleFault.EVIDENCE_CHUNK),
        (MAGIC + b"\0\0\0\x01", BundleFault.EVIDENCE_CHUNK),
        (MAGIC + b"\0\0\0\x01x", BundleFault.EVIDENCE_CHUNK),
        (MAGIC + b"\xff\xff\xff\xff" + bytes(9), BundleFault.EVIDENCE_CHUNK),
        (MAGIC + chunk(b""), BundleFault.EVIDENCE_CHUNK),
        (MAGIC + chunk(RECORD) + b"\0", BundleFault.EVIDENCE_CHUNK),
        (MAGIC + chunk(RECORD[:-1]), BundleFault.EVIDENCE_RECORD),
        (MAGIC + chunk(RECORD[:40]), BundleFault.EVIDENCE_RECORD),
        (MAGIC + chunk(RECORD + b"\0"), BundleFault.EVIDENCE_RECORD),
        (MAGIC + chunk(RECORD + RECORD), BundleFault.EVIDENCE_ORDER),
        (MAGIC + chunk(RECORD) + chunk(RECORD), BundleFault.EVIDENCE_ORDER),
        (
            MAGIC + chunk(RECORD.replace(b"\0\x01\0\x03", b"\0\x03\0\x03")),
            BundleFault.EVIDENCE_RECORD,
        ),
    ],
)
def test_what_is_not_whole_records_in_order_is_refused(data: bytes, expected: BundleFault) -> None:
    assert fault(read, data) is expected


def test_what_would_unpack_to_more_than_a_chunk_is_refused_before_it_does() -> None:
    bomb = chunk(bytes(MAX_UNPACKED + 1))
    assert len(bomb) < 40_000
    assert fault(read, MAGIC + bomb) is BundleFault.EVIDENCE_CHUNK
    packed = zlib.compress(RECORD) + b"more"
    trailing = MAGIC + len(packed).to_bytes(4, "big") + packed
    assert fault(read, trailing) is BundleFault.EVIDENCE_CHUNK


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_records_or_refused(data: bytes, packed: bool) -> None:  # noqa: FBT001
    try:
        found = read(MAGIC + (chunk(data) if packed else data))
    except BundleError:
        return
    assert read(written(found)) == found


def test_records_out_of_order_are_not_written() -> None:
    writer = Writer(io.BytesIO())
    writer.put(ONE)
    with pytest.raises(ValueError, match="order"):
        writer.put(ONE)
