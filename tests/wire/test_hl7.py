"""The little of HL7 v2 we read and write, with hl7apy and python-hl7 as second opinions."""

from __future__ import annotations

import hl7
import pytest
from hl7apy.parser import parse_message
from hypothesis import given
from hypothesis import strategies as st

from probes.wire.hl7 import (
    ERROR_CODES,
    MAX_CONTROL_ID,
    AckCode,
    Acknowledgement,
    QueryStatus,
    control_id,
    cut,
    field,
    parse_ack,
    split,
)

MSH = "MSH|^~\\&|ENGINE|HOSP|WARDWATCH||20260101||ACK^A08^ACK|9|T|2.5.1"
A08 = (
    "MSH|^~\\&|WARDWATCH||||OLD||ADT^A08^ADT_A01|OLD|T|2.5.1\r"
    "EVN||20260101\rPID|1||ZZ0001^^^TEST^MR||ZZTEST^UPTIME\rPV1|1|N\r"
)
AT_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z

ACKS: dict[str, tuple[str, AckCode, str, int | None]] = {
    "plain": (f"{MSH}\rMSA|AA|WW1\r", AckCode.AA, "WW1", None),
    "no last line end": (f"{MSH}\rMSA|CA|WW1", AckCode.CA, "WW1", None),
    "line feeds": (f"{MSH}\nMSA|AE|WW1\nERR||PID^1^3|206^x|E\n", AckCode.AE, "WW1", 206),
    "both": (f"{MSH}\r\nMSA|CE|WW1\r\nERR|||204\r\n", AckCode.CE, "WW1", 204),
    "blanks": (f"\r\n{MSH}\r\rMSA| AR | WW1 \rERR||| 207 ^x\r", AckCode.AR, "WW1", 207),
    "other delimiters": (
        "MSH*:~\\&*E\rMSA*CR*WW1\rERR***202:Unsupported\r",
        AckCode.CR,
        "WW1",
        202,
    ),
    "bare header": ("MSH|^~\\&\rMSA|AA|WW1", AckCode.AA, "WW1", None),
    "no id": (f"{MSH}\rMSA|AA", AckCode.AA, "", None),
    "free text": (f"{MSH}\rMSA|AE|WW1|No patient 4711\r", AckCode.AE, "WW1", None),
    "a first ERR without a code": (
        f"{MSH}\rMSA|AE|WW1\rERR||PID\rERR|||101\rERR|||207\r",
        AckCode.AE,
        "WW1",
        101,
    ),
    "ERR-1 before 2.5": (f"{MSH}\rMSA|AE|WW1\rERR|PID^1^3^204&Unknown\r", AckCode.AE, "WW1", 204),
    "ERR-1 repeated": (
        f"{MSH}\rMSA|AE|WW1\rERR|PID^1^3~PV1^1^19^205~PID^1^3^204&x&HL70357\r",
        AckCode.AE,
        "WW1",
        205,
    ),
    "an own code first": (
        f"{MSH}\rMSA|AE|WW1\rERR|||E17^text^L^207^Internal^HL70357|E\r",
        AckCode.AE,
        "WW1",
        207,
    ),
    "a warning before the error": (
        f"{MSH}\rMSA|AE|WW1\rERR|||103^x|W\rERR|||100^x|I\rERR|||207^x|E\r",
        AckCode.AE,
        "WW1",
        207,
    ),
    "a warning alone": (f"{MSH}\rMSA|AA|WW1\rERR|||103^x|W\r", AckCode.AA, "WW1", 103),
    "MSA-6 before 2.5": (f"{MSH}\rMSA|AR|WW1||||203^x\r", AckCode.AR, "WW1", 203),
    "a number of no table": (f"{MSH}\rMSA|AE|WW1\rERR|||774^x\r", AckCode.AE, "WW1", None),
    "an MRN for a code": (f"{MSH}\rMSA|AE|WW1\rERR|||00774411\r", AckCode.AE, "WW1", None),
    "a Z segment first": (f"{MSH}\rZPD|1|x\rMSA|AA|WW1\r", AckCode.AA, "WW1", None),
}
NO_ACKS = {
    "nothing": "",
    "no MSH": "MSA|AA|WW1\r",
    "no MSA": f"{MSH}\rPID|1\r",
    "an unknown code": f"{MSH}\rMSA|OK|WW1\r",
    "lower case": f"{MSH}\rMSA|aa|WW1\r",
    "no code": f"{MSH}\rMSA\r",
    "only MSH": "MSH",
    "a longer name": f"{MSH}\rMSAX|AA|WW1\r",
    "a web page": "<html>MSA|AA|WW1",
}


@pytest.mark.parametrize("name", ACKS)
def test_an_acknowledgement_is_read(name: str) -> None:
    text, code, answered, error = ACKS[name]
    assert parse_ack(text.encode("latin-1")) == Acknowledgement(code, answered, error)


@pytest.mark.parametrize("name", NO_ACKS)
def test_what_is_no_acknowledgement_is_none(name: str) -> None:
    assert parse_ack(NO_ACKS[name].encode("latin-1")) is None


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("", "latin-1"),
        ("8859/1", "latin-1"),
        ("8859/15", "iso8859_15"),
        ("UNICODE UTF-8", "utf-8"),
        ("UNICODE UTF-8~ISO IR87", "utf-8"),
        ("GB 18030-2000", "gb18030"),
        ("ASCII", "utf-8"),
        ("no such set", "utf-8"),
        ("UNICODE UTF-8", "latin-1"),
    ],
)
def test_a_character_set_named_or_wrong_does_not_hide_the_answer(charset: str, codec: str) -> None:
    text = f"{MSH}||||||{charset}\rMSA|AA|WW1|grün\r"
    expected = Acknowledgement(AckCode.AA, "WW1", None)
    assert parse_ack(text.encode(codec)) == expected
    assert parse_ack(b"\xef\xbb\xbf" + text.encode(codec)) == expected


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_wide_characters_do_not_hide_the_answer(codec: str) -> None:
    text = f"{MSH}||||||UNICODE\rMSA|AE|WW1|grün\rERR|||207\r"
    expected = Acknowledgement(AckCode.AE, "WW1", 207)
    assert parse_ack(text.encode(codec)) == expected
    assert parse_ack(text.encode(codec)[:-1]) is not None  # cut inside a character


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("ISO IR14", "shift_jis"),
        ("ISO IR87", "iso2022_jp"),
        ("ISO IR159", "iso2022_jp_1"),
        ("BIG-5", "big5"),
        ("KS X 1001", "euc_kr"),
        ("CNS 11643-1992", "utf-8"),
    ],
)
def test_the_far_east_of_table_0211_is_read(charset: str, codec: str) -> None:
    text = f"{MSH}||||||{charset}\rMSA|AA|WW1|\u4e00\r"
    if codec == "euc_kr":
        text = text.replace("\u4e00", "\uac00")
    if codec == "shift_jis":
        text = text.replace("\u4e00", "\uff8a")
    assert parse_ack(text.encode(codec)) == Acknowledgement(AckCode.AA, "WW1", None)


@pytest.mark.parametrize(
    ("qak", "status"),
    [
        ("QAK|1|OK", QueryStatus.OK),
        ("QAK|1| NF ", QueryStatus.NF),
        ("QAK|1|AE", QueryStatus.AE),
        ("QAK|1|AR", QueryStatus.AR),
        ("QAK|1|ok", None),
        ("QAK|1", None),
        ("ZAK|1|OK", None),
    ],
)
def test_an_answer_to_a_query_tells_its_status(qak: str, status: QueryStatus | None) -> None:
    ack = parse_ack(f"{MSH}\rMSA|AA|WW1\r{qak}\r".encode())
    assert ack is not None
    assert ack.query is status


def test_patients_of_an_answer_are_compared_by_the_first_part_of_each_pid_3() -> None:
    pids = "PID|1||ZZ1^^^A^MR~ZZ2&x^^^B\rPID|2|| ZZ3 \r"
    ack = parse_ack(f"{MSH}\rMSA|AA|WW1\rQAK|1|OK\r{pids}".encode())
    assert ack is not None
    assert ack.patients == {"ZZ1", "ZZ2", "ZZ3"}
    assert "ZZ" not in repr(ack)


@given(st.one_of(st.binary(), st.binary().map(lambda rest: f"{MSH}\rMSA|AE|".encode() + rest)))
def test_any_bytes_give_an_answer_and_never_raise(message: bytes) -> None:
    ack = parse_ack(message)
    assert ack is None or ack.error is None or ack.error in ERROR_CODES


LINES = st.lists(st.text(alphabet="MSHAERP|^~\\&0127 \r\n\x0b", max_size=12), max_size=8)


@given(LINES)
def test_any_text_of_the_right_letters_gives_an_answer(lines: list[str]) -> None:
    parse_ack("\r".join([MSH, *lines]).encode())
    for segment in split("\r".join(lines)):
        assert segment[0] != ""
        assert field(segment, 99) == ""


WORD = st.text(alphabet="ABCxyz019 .-", max_size=20).map(str.strip)


@given(code=st.sampled_from(sorted(AckCode)), answered=WORD, text=WORD, error=WORD)
def test_python_hl7_reads_the_same(code: str, answered: str, text: str, error: str) -> None:
    message = f"{MSH}\rMSA|{code}|{answered}|{text}\rERR||PID^1^3|{error}^{text}|E\r"
    theirs = hl7.parse(message)
    ours = split(message)
    for name, numbers in (("MSH", range(1, 13)), ("MSA", range(1, 4)), ("ERR", range(1, 5))):
        segment = next(s for s in ours if s[0] == name)
        assert [field(segment, n) for n in numbers] == [
            str(theirs.segment(name)[n]).strip() for n in numbers
        ]
    ack = parse_ack(message.encode())
    assert ack is not None
    assert (ack.code, ack.control_id) == (code, answered)


@pytest.mark.parametrize("name", ["plain", "no last line end", "free text"])
def test_hl7apy_reads_the_same(name: str) -> None:
    text, code, answered, _ = ACKS[name]
    theirs = parse_message(text.strip("\r"), find_groups=False)
    assert (theirs.msa.msa_1.value, theirs.msa.msa_2.value) == (code, answered)


def test_filling_replaces_the_time_and_the_control_id_and_nothing_else() -> None:
    filled = cut(A08).fill(AT_MS + 61_000, "WW1").decode()
    assert filled == A08.replace("||||OLD|", "||||20260101000101+0000|").replace("|OLD|", "|WW1|")
    header = hl7.parse(filled).segment("MSH")
    assert (str(header[7]), str(header[10])) == ("20260101000101+0000", "WW1")
    theirs = parse_message(filled)
    assert (theirs.msh.msh_7.value, theirs.msh.msh_10.value) == ("20260101000101+0000", "WW1")
    assert theirs.validate() is True


def test_a_short_header_gets_its_fields() -> None:
    assert cut("MSH|^~\\&|A").fill(AT_MS, "WW1") == b"MSH|^~\\&|A||||20260101000000+0000|||WW1"


@given(at_ms=st.integers(0, 2**45 - 1), chance=st.integers(0, 2**45 - 1))
def test_a_control_id_is_twenty_plain_characters(at_ms: int, chance: int) -> None:
    made = control_id(at_ms, chance)
    assert len(made) == MAX_CONTROL_ID
    assert made.startswith("WW")
    assert made.isalnum()
    assert made.isascii()


def test_control_ids_differ_by_time_and_by_chance() -> None:
    made = {control_id(AT_MS + a, b) for a in range(20) for b in range(20)}
    assert len(made) == 400
    assert control_id(0, 0) == "WWAAAAAAAAAAAAAAAAAA"
    assert control_id(2**45 - 1, 1) == "WW777777777AAAAAAAAB"
