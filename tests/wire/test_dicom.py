"""PDUs: whole, byte by byte, with garbage; the codec against PDUs written by hand; codes row by row."""

from __future__ import annotations

import logging
import logging.handlers
import random
import struct
import time
import tracemalloc
import warnings
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import dicom_codec
from probes.contract import Outcome
from probes.reasons import Reason
from probes.testing import dicom_pdus
from probes.wire import dicom, dicom_judge
from probes.wire.dicom import (
    Decoder,
    DicomError,
    MalformedError,
    NotDicomError,
    Pdu,
    PduType,
    Pdv,
    pdvs,
)
from probes.wire.dicomweb import judge
from tests.support.soak import longer

LIBRARIES = ("pydicom", "pynetdicom")
ASKED = dicom_pdus.Request("ARCHIVE", "WARDWATCH", 1, dicom_pdus.VERIFICATION)
ECHO = dicom_pdus.Command(dicom_pdus.ECHO_RQ, 1, dicom_pdus.VERIFICATION)
LONGEST = b"\x51\x00\x00\x04" + (16_384).to_bytes(4, "big")
PDUS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([1, 2, 4]), st.binary(max_size=300)),
        st.tuples(st.sampled_from([3, 5, 6, 7]), st.binary(min_size=4, max_size=4)),
    ),
    min_size=1,
    max_size=5,
)


def decoded(pieces: list[bytes]) -> tuple[list[Pdu], type[DicomError] | None]:
    """The PDUs in these pieces, and what ended them."""
    decoder, found = Decoder(), list[Pdu]()
    for piece in pieces:
        decoder.receive(piece)
        try:
            while (pdu := decoder.next_pdu()) is not None:
                found.append(pdu)
        except DicomError as error:
            return found, type(error)
    return found, None


@given(PDUS, st.data())
def test_what_was_sent_comes_out_however_it_was_cut(
    pdus: list[tuple[int, bytes]], data: st.DataObject
) -> None:
    whole = b"".join(dicom_pdus.pdu(type_, content) for type_, content in pdus)
    expected = [Pdu(PduType(type_), content) for type_, content in pdus]
    assert decoded([whole]) == (expected, None)
    assert decoded([whole[at : at + 1] for at in range(len(whole))]) == (expected, None)
    cut = data.draw(st.integers(1, len(whole)))
    assert decoded([whole[:cut], whole[cut:]]) == (expected, None)
    found, error = decoded([whole[: cut - 1]])
    assert found == expected[: len(found)]
    assert error is None


@given(st.binary(max_size=400))
def test_any_bytes_give_pdus_or_a_typed_error_and_the_cut_is_no_matter(data: bytes) -> None:
    whole = decoded([data])
    single = decoded([data[at : at + 1] for at in range(len(data))])
    assert whole == single


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"HTTP/1.1 400 Bad Request", NotDicomError),
        (b"SSH-2.0-OpenSSH", NotDicomError),
        (b"\x15\x03\x01\x00\x02\x02\x28", NotDicomError),
        (b"\x00", NotDicomError),
        (b"\x08\x00\x00\x00\x00\x04", NotDicomError),
        (b"\x02\x00\xff\xff\xff\xff", NotDicomError),
        (b"\x02\x00\x00\x02\x00\x01", NotDicomError),
        (b"\x03\x00\x00\x00\x00\x05", NotDicomError),
        (dicom.RELEASE_RP + b"\x04\x00\xff\xff\xff\xff", MalformedError),
        (dicom.RELEASE_RP + b"\x00", MalformedError),
    ],
)
def test_what_is_no_pdu_is_told_before_any_of_it_is_kept(
    data: bytes, error: type[DicomError]
) -> None:
    assert decoded([data])[1] is error


def test_the_longest_pdu_is_read_and_one_byte_more_is_not() -> None:
    content = bytes(dicom.MAX_PDU)
    assert decoded([dicom_pdus.pdu(2, content)]) == ([Pdu(PduType(2), content)], None)
    assert decoded([dicom_pdus.pdu(2, content + b"\0")[:6]])[1] is NotDicomError


def test_our_own_short_pdus_are_those_of_the_standard() -> None:
    assert dicom_pdus.short(5) == dicom.RELEASE_RQ
    assert dicom_pdus.short(6) == dicom.RELEASE_RP
    assert dicom_pdus.short(7, 0, 0, 0) == dicom.ABORT


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 3), st.binary(max_size=50))))
def test_fragments_come_out_as_they_went_in(parts: list[tuple[int, int, bytes]]) -> None:
    content = b"".join(
        (len(data) + 2).to_bytes(4, "big") + bytes((context, flags)) + data
        for context, flags, data in parts
    )
    expected = [Pdv(context, bool(f & 1), bool(f & 2), data) for context, f, data in parts]
    assert list(pdvs(content)) == expected


@pytest.mark.parametrize("content", [b"\0", b"\0\0\0\0", b"\0\0\0\1\1", b"\0\0\0\x09\1\3xx"])
def test_a_fragment_that_does_not_fit_is_malformed(content: bytes) -> None:
    with pytest.raises(MalformedError):
        list(pdvs(content))


@given(st.binary(max_size=200))
def test_any_content_gives_fragments_or_a_typed_error(content: bytes) -> None:
    try:
        found = list(pdvs(content))
    except MalformedError:
        return
    assert sum(6 + len(part.data) for part in found) == len(content)


def test_the_association_asks_for_one_service_under_both_titles() -> None:
    asking = dicom_codec.association("ARCHIVE", "WARDWATCH", dicom_pdus.VERIFICATION)
    assert asking[:6] == b"\x01\x00" + (len(asking) - 6).to_bytes(4, "big")
    assert dicom_pdus.requested(asking[6:]) == ASKED


def test_an_echo_is_the_one_of_the_standard() -> None:
    assert dicom_pdus.commanded(dicom_codec.echo(16_384)[6:]) == ECHO


@pytest.mark.parametrize("longest", [128, 130, 16_384])
def test_a_message_keeps_within_the_longest_pdu_of_the_far_side(longest: int) -> None:
    sent = dicom_codec.find("study_root", "ZZNOMATCH" + "0" * 55, date(2026, 1, 1), longest)
    found, error = decoded([sent])
    assert error is None
    assert all(len(pdu.content) <= longest for pdu in found)
    parts = [part for pdu in found for part in pdvs(pdu.content)]
    data = b"".join(part.data for part in parts if not part.is_command)
    assert b"ZZNOMATCH" + b"0" * 55 in data


@pytest.mark.parametrize("result", [0, 1, 2, 3, 4, 9])
def test_the_result_of_our_context_is_read(result: int) -> None:
    content = dicom_pdus.accept(ASKED, result, b"ZZTEST")[6:]
    assert dicom.accepted(content) == dicom.Accepted(result, 16_384)


@pytest.mark.parametrize(
    ("told", "taken"), [(0, 16_384), (4096, 4096), (128, 128), (1 << 31, 16_384)]
)
def test_the_longest_pdu_of_the_far_side_is_kept_or_ours_if_it_sets_none(
    told: int, taken: int
) -> None:
    content = dicom_pdus.accept(ASKED, 0, b"")[6:]
    content = content.replace(LONGEST, LONGEST[:4] + told.to_bytes(4, "big"))
    assert dicom.accepted(content).max_pdu == taken


def item(type_: int, data: bytes) -> bytes:
    return struct.pack(">BBH", type_, 0, len(data)) + data


OUR_CONTEXT = item(0x21, b"\1\0\0\0" + item(0x40, b"1.2.840.10008.1.2"))
APPLICATION = item(0x10, b"1.2.840.10008.3.1.1.1")
FOUR_K = item(0x51, (4096).to_bytes(4, "big"))


@pytest.mark.parametrize(
    "items",
    [
        APPLICATION + OUR_CONTEXT + item(0x50, FOUR_K),
        item(0x10, b"1.2.840.10008.3.1.1.1 ") + OUR_CONTEXT + item(0x50, FOUR_K),
        OUR_CONTEXT + item(0x60, b"new") + item(0x50, FOUR_K),
        item(0x21, b"\3\0\3\0") + OUR_CONTEXT + item(0x50, FOUR_K),
        item(0x21, b"\1\0\0\0" + item(0x40, b"1.2.840.10008.1.2 ")) + item(0x50, FOUR_K),
        *(
            OUR_CONTEXT + item(0x50, more + FOUR_K)
            for more in (
                item(0x52, b"1.2.040.0.13"),
                item(0x52, b"VENDOR\0"),
                item(0x53, b"\0\1\0\1"),
                item(0x54, b"\0\x111.2.840.10008.1.1\1\0"),
                item(0x55, b"a version of more than sixteen"),
                item(0x55, b"\xc4\xff"),
                item(0x56, b"\0\x111.2.840.10008.1.1\1\1\1"),
                item(0x57, bytes(10)),
                item(0x59, b"\0\5token"),
                item(0x5F, b"new"),
                item(0xFE, b""),
            )
        ),
    ],
)
def test_an_association_stands_whatever_else_the_far_side_says_of_itself(items: bytes) -> None:
    """PS3.8 annex D.1: items of a type that is not known are passed over; and names, versions and
    UIDs that are not quite right are of daily life.
    """
    assert dicom.accepted(b"\0\1\0\0" + b"\xff" * 64 + items) == dicom.Accepted(0, 4096)


@pytest.mark.parametrize(
    "items",
    [
        b"",
        APPLICATION + item(0x50, FOUR_K),
        OUR_CONTEXT + OUR_CONTEXT,
        item(0x21, b"\1\0\0"),
        OUR_CONTEXT + b"\0",
        OUR_CONTEXT[:-1],
        OUR_CONTEXT + item(0x50, FOUR_K[:-1]),
    ],
)
def test_an_association_that_says_nothing_sure_of_our_context_is_malformed(items: bytes) -> None:
    with pytest.raises(MalformedError):
        dicom.accepted(bytes(68) + items)


@given(st.binary(max_size=40), st.integers(0, 255))
def test_any_association_gives_an_answer_or_a_typed_error(data: bytes, result: int) -> None:
    for before in (b"", item(0x21, bytes((1, 0, result, 0)))):
        try:
            found = dicom.accepted(bytes(68) + before + data)
        except MalformedError:
            continue
        assert 128 <= found.max_pdu <= 16_384
        assert not before or found.result == result


def test_a_far_side_that_takes_next_to_nothing_is_malformed() -> None:
    content = dicom_pdus.accept(ASKED, 0, b"")[6:]
    content = content.replace(LONGEST, LONGEST[:4] + (7).to_bytes(4, "big"))
    with pytest.raises(MalformedError):
        dicom.accepted(content)


def test_a_response_is_its_status_and_whether_data_follow() -> None:
    sent = dicom_pdus.response(1, ECHO, 0xC123, b"ZZTEST^COMMENT", None)
    (part,) = pdvs(sent[6:])
    found = dicom_codec.response(part.data, dicom_codec.ECHO_RSP)
    assert found == dicom_codec.Response(0xC123, has_data_set=False)
    with pytest.raises(MalformedError):
        dicom_codec.response(part.data, dicom_codec.FIND_RSP)


def test_broken_commands_and_associations_are_malformed_silent_and_never_anything_else(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Bytes changed, cut, doubled and made up: what the library says of them goes nowhere."""
    caplog.set_level(logging.DEBUG)
    rng = random.Random(11)
    answer = next(pdvs(dicom_pdus.response(1, ECHO, 0, b"ZZTEST^COMMENT", None)[6:])).data
    accepted = dicom_pdus.accept(ASKED, 0, b"ZZTEST^COMMENT")[6:]
    kept = rejected = 0
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(longer(1500)):
            for right, read in (
                (answer, lambda data: dicom_codec.response(data, dicom_codec.ECHO_RSP)),
                (accepted, dicom.accepted),
            ):
                broken = bytearray(right)
                for _ in range(rng.randrange(1, 4)):
                    at = rng.randrange(len(broken))
                    broken[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
                if rng.random() < 0.2:
                    broken = broken[: rng.randrange(len(broken))]
                try:
                    read(bytes(broken))
                    kept += 1
                except MalformedError:
                    rejected += 1
    assert min(kept, rejected) > 100
    printed = capfd.readouterr()
    told = caplog.text + printed.out + printed.err + "".join(str(one.message) for one in warned)
    assert told == ""


def test_a_command_in_explicit_vr_is_malformed_and_no_warning() -> None:
    """PS3.7 section 6.3.1: commands are Implicit VR; the library would change over, and say so."""
    fields = ((0x0100, 0x8030), (0x0120, 1), (0x0800, 0x0101), (0x0900, 0))
    explicit = b"".join(struct.pack("<HH2sHH", 0, n, b"US", 2, value) for n, value in fields)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(MalformedError):
            dicom_codec.response(explicit, dicom_codec.ECHO_RSP)
    assert warned == []


def test_a_command_of_nested_sequences_is_malformed_and_no_crash() -> None:
    deep = b"\x00\x00\x02\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 1000
    with pytest.raises(MalformedError):
        dicom_codec.response(deep, dicom_codec.ECHO_RSP)


def test_the_librarys_loggers_say_nothing_even_to_somebody_who_listens() -> None:
    names = [n for n in logging.root.manager.loggerDict if n.split(".")[0] in LIBRARIES]
    assert {"pydicom", "pynetdicom", "pynetdicom.pdu", "pynetdicom.pdu_items"} <= set(names)
    records = logging.handlers.BufferingHandler(100)
    for name in names:
        logger = logging.getLogger(name)
        level = logger.level
        logger.addHandler(records)
        logger.setLevel(logging.DEBUG)
        logger.critical("a patient")
        logger.removeHandler(records)
        logger.setLevel(level)
    assert records.buffer == []


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_every_rejection_has_a_verdict_and_only_listed_ones_blame_a_title(
    result: int, source: int, diagnostic: int
) -> None:
    outcome, reason = dicom_judge.rejection(result, source, diagnostic)
    if reason is Reason.DICOM_CALLING_AE:
        assert (source, diagnostic) == (1, 3)
    if reason is Reason.DICOM_CALLED_AE:
        assert (source, diagnostic) == (1, 7)
    if outcome is Outcome.DEGRADED:
        assert result == 2 or (source, diagnostic) in {(3, 1), (3, 2)}
    assert (outcome is Outcome.DOWN) == (reason is Reason.DICOM_MALFORMED)


@given(st.integers(0, 0xFFFF))
def test_no_status_but_success_is_up(code: int) -> None:
    outcome, _ = dicom_judge.status(code)
    assert (outcome is Outcome.UP) == (code == 0)
    if 0xC000 <= code <= 0xCFFF:
        assert outcome is Outcome.DOWN


def test_a_search_that_finds_everybody_is_counted_in_no_time_and_little_memory() -> None:
    """A server that knows neither the key nor the limit: 350 000 studies in the default `max_body`."""
    body = b"[" + b"{}," * 349_000 + b"{}]"
    before_s = time.thread_time()
    found = judge(200, "application/dicom+json", body)
    took_s = time.thread_time() - before_s
    tracemalloc.start()
    try:
        assert found == judge(200, "application/dicom+json", body)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == ((Outcome.DEGRADED, Reason.DICOM_MATCH), 349_001)
    assert most < 15_000_000
    assert took_s < 0.2


@pytest.mark.parametrize(
    ("body", "matches"),
    [
        (b" [ ]\r\n", 0),
        (b"\xef\xbb\xbf[]", 0),
        (b' [ {"00100020": {"vr": "LO", "Value": ["ZZ"]}} , {} ] ', 2),
        (b"null", None),
        (b"[null]", None),
        (b"[[]]", None),
        (b'[{"00100020": }]', None),
        (b"[{}", None),
        (b"[] []", None),
    ],
)
def test_studies_are_the_objects_of_one_array(body: bytes, matches: int | None) -> None:
    assert judge(200, "application/dicom+json", body)[1] == matches


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((300, 304, 307, 308), Outcome.MISCONFIGURED),
        ((400, 404, 405, 406, 407, 409, 410, 411, 414, 415, 421, 422, 431), Outcome.MISCONFIGURED),
        ((408, 500, 501, 502, 503, 504), Outcome.DOWN),
        ((201, 202, 206), Outcome.DOWN),
    ],
)
def test_who_refuses_the_way_we_ask_is_alive(statuses: tuple[int, ...], outcome: Outcome) -> None:
    found = {judge(status, None, b"") for status in statuses}
    assert found == {((outcome, Reason.HTTP_STATUS), None)}


@pytest.mark.parametrize("code", [0x0001, 0x0107, 0x0116, 0xB000, 0xBFFF])
def test_what_was_done_with_a_warning_was_done(code: int) -> None:
    assert dicom_judge.status(code) == (Outcome.DEGRADED, Reason.DICOM_FAILED)


@given(st.integers(100, 599), st.sampled_from([None, "application/dicom+json"]), st.binary())
def test_any_answer_to_a_search_has_a_verdict(status: int, media: str | None, body: bytes) -> None:
    (outcome, _), matches = judge(status, media, body)
    assert (outcome is Outcome.UP) <= (matches == 0)
