"""The zip: one spelling, whatever a zip could say besides; read without unpacking anything."""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.bundle import layout, ziphead, zipread, zipwrite
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.members import Held
from collector.bundle.ziphead import Member
from collector.bundle.zipread import Zip
from tests.support.soak import longer
from tests.unit.bundle.refusing import fault, refused

NEEDED = {name: name.encode() for name in layout.ALWAYS}
MEMBERS = {
    **NEEDED,
    layout.proof_of(10): b"ten",
    layout.proof_of(9): b"nine",
    layout.early_proof_of(9): b"nine, early",
    layout.evidence_of("lab"): b"",
    layout.evidence_of("ehr"): b"evidence",
    layout.TOMBSTONES: b"stones",
    layout.TIMESTAMP: b"time",
}


def made(members: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    zipwrite.write(out, Held(members))
    return out.getvalue()


WHOLE = made(MEMBERS)


def opened(data: bytes) -> Zip:
    return Zip(io.BytesIO(data))


def through(data: bytes) -> None:
    """Read to the end: the directory, and each member's bytes."""
    found = opened(data)
    for name in found.names:
        found.digest(name)


def test_members_stand_in_the_order_of_the_layout_and_are_read_as_they_were_written() -> None:
    found = opened(WHOLE)
    assert list(found.names) == [
        "README.txt",
        "statement.json",
        "report.html",
        "oscal.json",
        "verify.py",
        "policy.txt",
        "checkpoint.txt",
        "log/start.json",
        "log/checkpoints.jsonl",
        "log/entries.bin",
        "rows.jsonl",
        "proofs/9.tlog-proof",
        "proofs/9.early.tlog-proof",
        "proofs/10.tlog-proof",
        "evidence/ehr.bin",
        "evidence/lab.bin",
        "evidence/tombstones.jsonl",
        "timestamp.tsr",
    ]
    for name, data in MEMBERS.items():
        with found.open(name) as file:
            assert file.read() == data
        assert found.digest(name) == hashlib.sha256(data).hexdigest()
        assert found.size(name) == len(data)


def test_any_zip_program_reads_it() -> None:
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as read:
        assert read.testzip() is None
        for info in read.infolist():
            assert read.read(info) == MEMBERS[info.filename]
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.compress_type, info.external_attr >> 16) == (zipfile.ZIP_STORED, 0o100644)
            assert (info.extra, info.comment, info.flag_bits) == (b"", b"", 0)


def test_two_members_are_read_side_by_side() -> None:
    found = opened(WHOLE)
    with found.open(layout.README) as one, found.open(layout.POLICY) as other:
        assert (one.read(3), other.read(3), one.read(), other.read()) == (
            b"REA",
            b"pol",
            b"DME.txt",
            b"icy.txt",
        )


@settings(max_examples=longer(300), deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_every_flipped_bit_is_refused(place: int, bit: int) -> None:
    changed = bytearray(WHOLE)
    changed[place] ^= 1 << bit
    with pytest.raises(BundleError):
        through(bytes(changed))


def test_a_zip_that_is_cut_short_or_goes_on_is_refused() -> None:
    for end in range(0, len(WHOLE), 7):
        assert fault(opened, WHOLE[:end]) is BundleFault.SHAPE
    for more in (b"\0", b"PK\x05\x06", WHOLE):
        assert fault(opened, WHOLE + more) is BundleFault.SHAPE
        assert fault(opened, more + WHOLE) is BundleFault.SHAPE


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_by_name(data: bytes) -> None:
    assert fault(opened, data) is BundleFault.SHAPE
    assert fault(opened, data + WHOLE[-22:]) in set(BundleFault)


def by_stdlib(members: Mapping[str, bytes], **more: int) -> bytes:
    """As Python writes zips, members in the order given."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that comes twice
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o100644 << 16
            info.create_system = more.get("system", 3)
            info.compress_type = more.get("method", zipfile.ZIP_STORED)
            file.writestr(info, data)
    return out.getvalue()


def test_the_standard_library_writes_the_same_bytes() -> None:
    ordered = {name: MEMBERS[name] for name in opened(WHOLE).names}
    assert by_stdlib(ordered) == WHOLE


def test_what_is_compressed_is_refused_unopened() -> None:
    ordered = {name: MEMBERS[name] for name in opened(WHOLE).names}
    assert fault(opened, by_stdlib(ordered, method=zipfile.ZIP_DEFLATED)) is BundleFault.SHAPE
    assert fault(opened, by_stdlib(ordered, system=0)) is BundleFault.SHAPE


def by_hand(members: list[Member], bodies: list[bytes], gap: bytes = b"") -> bytes:
    """A zip of these headers, whatever they say."""
    front = b"".join(
        ziphead.local(one) + body + gap for one, body in zip(members, bodies, strict=True)
    )
    directory = b"".join(map(ziphead.central, members))
    return front + directory + ziphead.end(len(members), len(directory), len(front))


def headed(names: list[str], body: bytes = b"x") -> list[Member]:
    found, at = [], 0
    for name in names:
        one = Member(name, zlib.crc32(body), len(body), at)
        found.append(one)
        at = one.ends
    return found


@pytest.mark.parametrize(
    "name",
    [
        "../README.txt",
        "/etc/passwd",
        "README.txt/",
        "evidence/../x.bin",
        "evidence/EHR.bin",
        "evidence/ehr.bin.exe",
        "proofs/01.tlog-proof",
        "proofs/9007199254740992.tlog-proof",
        "C:\\x",
        "",
        "x" * 200,
    ],
)
def test_a_name_that_no_bundle_has_is_refused_whatever_it_would_do_elsewhere(name: str) -> None:
    members = headed([name])
    assert fault(opened, by_hand(members, [b"x"])) is BundleFault.MEMBER
    assert fault(made, {**NEEDED, name: b""}) is BundleFault.MEMBER


def test_a_name_that_comes_twice_or_out_of_order_is_refused() -> None:
    for names in (["README.txt", "README.txt"], ["statement.json", "README.txt"]):
        members = headed(names)
        assert fault(opened, by_hand(members, [b"x", b"x"])) is BundleFault.MEMBER


def test_members_that_overlap_or_leave_room_are_refused() -> None:
    first, second = headed(["README.txt", "statement.json"])
    for moved in (first.offset, second.offset - 1, second.offset + 1):
        members = [first, Member(second.name, second.crc, second.size, moved)]
        assert fault(opened, by_hand(members, [b"x", b"x"])) is BundleFault.SHAPE
    assert fault(opened, by_hand([first], [b"x"], gap=b"hidden")) is BundleFault.SHAPE
    larger = Member(first.name, first.crc, 1_000_000, 0)
    assert fault(opened, by_hand([larger], [b"x"])) is BundleFault.SHAPE


def test_a_member_inside_of_another_is_refused() -> None:
    inner = Member("statement.json", zlib.crc32(b"x"), 1, 40)
    body = ziphead.local(inner) + b"x"
    outer = Member("README.txt", zlib.crc32(body), len(body), 0)
    inside = Member(inner.name, inner.crc, 1, outer.starts)
    assert (inside.ends, ziphead.local(inside) + b"x") == (outer.ends, body)
    directory = ziphead.central(outer) + ziphead.central(inside)
    data = ziphead.local(outer) + body
    whole = data + directory + ziphead.end(2, len(directory), len(data))
    assert fault(opened, whole) is BundleFault.SHAPE


def test_a_directory_with_more_in_it_than_its_members_is_refused() -> None:
    (one,) = headed(["README.txt"])
    directory = ziphead.central(one) + b"hidden"
    data = ziphead.local(one) + b"x"
    whole = data + directory + ziphead.end(1, len(directory), len(data))
    assert fault(opened, whole) is BundleFault.SHAPE


def test_counts_and_sizes_that_nothing_holds_are_refused_at_once() -> None:
    huge = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 65_535, 65_535, 0, 0, 0)
    assert fault(opened, huge) is BundleFault.TOO_LARGE
    lying = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFFFFFF, 0, 0)
    assert fault(opened, lying) is BundleFault.SHAPE
    commented = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 5) + b"extra"
    assert fault(opened, commented) is BundleFault.SHAPE


def test_a_member_above_its_limit_is_refused_by_its_header() -> None:
    above = layout.limit_of(layout.ROWS) + 1
    one = Member(layout.ROWS, 0, above, 0)
    assert refused(opened, by_hand([one], [b""])).place == layout.ROWS
    assert fault(opened, by_hand([one], [b""])) is BundleFault.TOO_LARGE


def test_a_member_that_every_bundle_has_is_missed() -> None:
    for name in layout.ALWAYS:
        rest = {other: data for other, data in MEMBERS.items() if other != name}
        error = refused(made, rest)
        assert (error.code, error.place) == (BundleFault.MISSING, name)
        names = [other for other in opened(WHOLE).names if other != name]
        error = refused(opened, by_hand(headed(names), [b"x"] * len(names)))
        assert (error.code, error.place) == (BundleFault.MISSING, name)


def test_more_members_than_any_bundle_has_are_not_written() -> None:
    many = {layout.proof_of(n): b"" for n in range(layout.MAX_MEMBERS)}
    assert fault(made, {**NEEDED, **many}) is BundleFault.TOO_LARGE


def test_a_member_that_changes_while_it_is_written_is_noticed() -> None:
    class Growing(Held):
        reads = 0

        def open(self, name: str) -> io.BytesIO:
            self.reads += name == layout.ROWS
            return io.BytesIO(b"x" * self.reads if name == layout.ROWS else b"")

    error = refused(zipwrite.write, io.BytesIO(), Growing(NEEDED))
    assert (error.code, error.place) == (BundleFault.SHAPE, layout.ROWS)


def test_reading_a_directory_needs_no_member() -> None:
    class Watched(io.BytesIO):
        most = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.most = max(self.most, len(data))
            return data

    file = Watched(made({**MEMBERS, layout.ENTRIES: bytes(5_000_000)}))
    assert zipread.Zip(file).size(layout.ENTRIES) == 5_000_000
    assert file.most < 3_000
