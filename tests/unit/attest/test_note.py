"""Signed notes: read strictly, written byte for byte, verified with the keys one has."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from collector.attest import note, vkey
from collector.attest.faults import AttestError, Fault
from collector.attest.note import Note, SignatureLine
from collector.attest.vkey import SignatureType, VerifierKey
from tests.unit.attest.refusing import fault

SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = """This is an example message.

\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()
"""The example of C2SP signed-note: a fact of the format."""
COSIGNED_TEXT = "log.example/evidence\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
COSIGNED_LINE = (
    "\u2014 witness.example/w1 CtfTXgAAAABrC8ZTmYpWZggQfuHgI/j8A5/eCnOvDQuicga8XoIp06TMec6CQdV0nKbG"
    "0302F+2PKha7YXiGTXuo7T1eKvCC4lveDA==\n"
)
"""What transparency-dev/formats v0.1.1 (Go) answered for this text and the key KEYS[1]."""
KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(3)]
TEXT = "log.example/evidence\n7\nunread here\n"
LIMIT = 1 << 63


def verifier(name: str, n: int, kind: SignatureType = SignatureType.ED25519) -> VerifierKey:
    return VerifierKey(name, kind, KEYS[n].public_key().public_bytes_raw())


LOG = verifier("log.example/evidence", 0)
WITNESS = verifier("witness.example/w1", 1, SignatureType.COSIGNATURE)
NOTE = Note(
    TEXT,
    (
        note.sign(TEXT, LOG.name, KEYS[0]),
        SignatureLine("pq.example", b"\x01\x02\x03\x04", bytes(2428)),
        note.cosign(TEXT, WITNESS.name, KEYS[1], 1_800_000_000),
    ),
)


def test_the_example_of_the_specification_verifies_and_is_written_again() -> None:
    read = note.parse(SPEC_NOTE)
    key = vkey.parse(SPEC_KEY)
    assert read.text == "This is an example message.\n"
    assert [(one.key, one.time_s) for one in note.verify(read, [key])] == [(key, None)]
    assert note.write(read) == SPEC_NOTE
    assert key.text() == SPEC_KEY


def test_a_note_has_a_text_a_blank_line_and_a_line_for_each_signature() -> None:
    data = note.write(Note("one\n\ntwo\n", (SignatureLine("a", b"\0\0\0\1", b"\xff"),)))
    assert data == "one\n\ntwo\n\n\u2014 a AAAAAf8=\n".encode()
    assert note.parse(data).text == "one\n\ntwo\n"


def test_signatures_of_others_are_kept_and_passed_over() -> None:
    assert note.parse(note.write(NOTE)) == NOTE
    assert [(one.key, one.time_s) for one in note.verify(NOTE, [WITNESS, LOG])] == [
        (LOG, None),
        (WITNESS, 1_800_000_000),
    ]
    assert [one.key for one in note.verify(NOTE, [WITNESS])] == [WITNESS]


def test_what_a_witness_signs_is_two_lines_before_the_whole_text() -> None:
    assert note.cosigned(TEXT, 1679315147) == (
        b"cosignature/v1\ntime 1679315147\nlog.example/evidence\n7\nunread here\n"
    )
    line = NOTE.signatures[2]
    assert line.signature[:8] == bytes.fromhex("000000006b49d200")
    KEYS[1].public_key().verify(line.signature[8:], note.cosigned(TEXT, 1_800_000_000))


def test_a_cosignature_made_by_others_is_read_and_made_again() -> None:
    made = f"{COSIGNED_TEXT}\n{COSIGNED_LINE}".encode()
    signed = note.verify(note.parse(made), [WITNESS])
    assert [(one.key, one.time_s) for one in signed] == [(WITNESS, 1_795_933_779)]
    again = note.cosign(COSIGNED_TEXT, WITNESS.name, KEYS[1], 1_795_933_779)
    assert note.write(Note(COSIGNED_TEXT, (again,))) == made


def test_one_key_has_another_id_for_each_type() -> None:
    cosigner = verifier(LOG.name, 0, SignatureType.COSIGNATURE)
    assert (LOG.id.hex(), cosigner.id.hex()) == ("aff48047", "ed3bf3b6")
    assert fault(note.verify, NOTE, [cosigner]) is Fault.NOTE_UNSIGNED


def test_one_text_and_key_have_one_signature() -> None:
    line = note.sign(TEXT, LOG.name, KEYS[0])
    assert (line.name, line.id.hex()) == ("log.example/evidence", "aff48047")
    KEYS[0].public_key().verify(line.signature, TEXT.encode())
    assert line == NOTE.signatures[0]


def test_a_name_or_an_id_alone_is_another_key() -> None:
    line = NOTE.signatures[0]
    for other in (
        SignatureLine(LOG.name, b"\0\0\0\0", line.signature),
        SignatureLine("another", line.id, line.signature),
    ):
        assert fault(note.verify, Note(TEXT, (other,)), [LOG]) is Fault.NOTE_UNSIGNED
        assert len(note.verify(Note(TEXT, (other, line)), [LOG])) == 1


def test_one_wrong_signature_of_a_known_key_refuses_the_whole_note() -> None:
    line = NOTE.signatures[0]
    for wrong in (line.signature[:-1], line.signature + b"\0", b"\0", bytes(64), bytes(72)):
        both = Note(TEXT, (line, SignatureLine(LOG.name, LOG.id, wrong)))
        assert fault(note.verify, both, [LOG]) is Fault.NOTE_BAD_SIGNATURE
    stamped = NOTE.signatures[2].signature
    for wrong in (stamped[:-1], stamped + b"\0", stamped[8:], b"\0", b"\x80" + stamped[1:]):
        cosigned = Note(TEXT, (line, SignatureLine(WITNESS.name, WITNESS.id, wrong)))
        assert fault(note.verify, cosigned, [LOG, WITNESS]) is Fault.NOTE_BAD_SIGNATURE


def test_two_cosignatures_of_one_witness_both_count_with_their_times() -> None:
    again = note.cosign(TEXT, WITNESS.name, KEYS[1], 1_800_000_060)
    both = note.with_signatures(NOTE, again)
    assert [one.time_s for one in note.verify(both, [WITNESS])] == [1_800_000_000, 1_800_000_060]


@pytest.mark.parametrize("time_s", [1, LIMIT - 1])
def test_a_time_of_a_cosignature_is_below_two_to_the_63(time_s: int) -> None:
    made = Note(TEXT, (note.cosign(TEXT, WITNESS.name, KEYS[1], time_s),))
    assert note.verify(made, [WITNESS])[0].time_s == time_s


@pytest.mark.parametrize("time_s", [-1, 0, LIMIT])
def test_nobody_cosigns_at_another_time(time_s: int) -> None:
    with pytest.raises(ValueError, match=r"^not a time of a cosignature$"):
        note.cosign(TEXT, WITNESS.name, KEYS[1], time_s)


@pytest.mark.parametrize("time_s", [0, LIMIT])
def test_a_cosignature_at_another_time_is_wrong_even_if_signed(time_s: int) -> None:
    signature = time_s.to_bytes(8, "big") + KEYS[1].sign(note.cosigned(TEXT, time_s))
    made = Note(TEXT, (SignatureLine(WITNESS.name, WITNESS.id, signature),))
    assert fault(note.verify, made, [WITNESS]) is Fault.NOTE_BAD_SIGNATURE


def test_two_keys_of_one_name_and_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vkey, "key_id", lambda name, kind, public: b"same")
    keys = [verifier("log", 0), verifier("log", 1)]
    assert fault(note.verify, NOTE, keys) is Fault.NOTE_AMBIGUOUS_KEYS
    assert fault(note.verify, NOTE, [keys[0], keys[0]]) is Fault.NOTE_UNSIGNED


LINE = "\u2014 a AAAAAf8=\n"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Fault.NOTE_NO_SIGNATURES),
        (b"text\n", Fault.NOTE_NO_SIGNATURES),
        (b"text\n\n", Fault.NOTE_NO_SIGNATURES),
        (f"text\n{LINE}", Fault.NOTE_NO_SIGNATURES),
        (f"\n{LINE}", Fault.NOTE_NO_SIGNATURES),
        (f"text\n\n{LINE}"[:-1], Fault.NOTE_NO_SIGNATURES),
        (f"text\n\n{LINE}\n", Fault.NOTE_NO_SIGNATURES),
        (f"text\n\n{LINE}\n{LINE}x", Fault.NOTE_NO_SIGNATURES),
        (f"text\n\n{LINE}x\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n- a AAAAAf8=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014a AAAAAf8=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014  AAAAAf8=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a \n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a  AAAAAf8=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a AAAAAf8= \n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a+b AAAAAf8=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a\u00a0b AAAAAf8=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a\u2028b AAAAAf8=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a AAAAAQ==\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a AAAAAf8\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a AAAAAf9=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a AAAAA_8=\n", Fault.NOTE_SIGNATURE_LINE),
        ("text\n\n\u2014 a AAAAAf8=\u00e9\n", Fault.NOTE_SIGNATURE_LINE),
        (f"text\r\n\n{LINE}", Fault.NOTE_NOT_TEXT),
        (f"te\0xt\n\n{LINE}", Fault.NOTE_NOT_TEXT),
        (f"te\x1fxt\n\n{LINE}", Fault.NOTE_NOT_TEXT),
        (f"te\txt\n\n{LINE}", Fault.NOTE_NOT_TEXT),
        (b"te\xffxt\n\n" + LINE.encode(), Fault.NOTE_NOT_TEXT),
        (b"te\xed\xa0\x80xt\n\n" + LINE.encode(), Fault.NOTE_NOT_TEXT),
        (f"text\n\n{LINE * 101}", Fault.NOTE_TOO_MANY_SIGNATURES),
        (b"x" * (1 << 20) + b"\n", Fault.NOTE_TOO_LARGE),
    ],
)
def test_what_is_no_note_is_refused_by_name(data: str | bytes, expected: Fault) -> None:
    read = data.encode() if isinstance(data, str) else data
    assert fault(note.parse, read) is expected


@pytest.mark.parametrize(
    "data", [f"\n\n{LINE}", f"\x7f\ufffd\n\n{LINE}", f"text\n\n\n{LINE}", f"text\n\n{LINE * 100}"]
)
def test_what_is_odd_but_a_note_is_read(data: str) -> None:
    assert note.write(note.parse(data.encode())) == data.encode()


def test_a_note_of_a_mebibyte_is_read_and_none_longer() -> None:
    full = ("x" * ((1 << 20) - len(f"\n\n{LINE}".encode())) + f"\n\n{LINE}").encode()
    assert len(full) == 1 << 20
    assert note.write(note.parse(full)) == full
    assert fault(note.parse, b"x" + full) is Fault.NOTE_TOO_LARGE


@pytest.mark.parametrize(
    "made",
    [
        Note("no newline", NOTE.signatures),
        Note("ends\n\n\u2014 a AAAAAf8=", NOTE.signatures),
        Note("", NOTE.signatures),
        Note(TEXT, ()),
        Note("a\ttab\n", NOTE.signatures),
        Note("\ud800\n", NOTE.signatures),
        Note(TEXT, (SignatureLine("a b", b"\0\0\0\0", b"x"),)),
        Note(TEXT, (SignatureLine("", b"\0\0\0\0", b"x"),)),
        Note(TEXT, (SignatureLine("a", b"\0\0\0", b"xy"),)),
        Note(TEXT, (SignatureLine("a", b"\0\0\0\0", b""),)),
        Note(TEXT, NOTE.signatures * 34),
        Note("x" * (1 << 20) + "\n", NOTE.signatures),
    ],
)
def test_nothing_is_written_that_would_not_be_read(made: Note) -> None:
    with pytest.raises(AttestError):
        note.write(made)


def test_every_flipped_bit_of_a_note_refuses_it_or_loses_the_signature() -> None:
    data = note.write(Note(TEXT, (NOTE.signatures[0], NOTE.signatures[2])))
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            found = note.verify(note.parse(bytes(changed)), [LOG, WITNESS])
        except AttestError:
            continue
        assert len(found) == 1, bit


def test_every_part_of_a_note_is_refused_or_loses_a_signature() -> None:
    data = note.write(NOTE)
    for end in range(len(data)):
        try:
            found = note.verify(note.parse(data[:end]), [LOG, WITNESS])
        except AttestError:
            continue
        assert [one.key for one in found] == [LOG]


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"\n\n\xe2\x80\x94 a AAAAAf8=\n")
def test_any_bytes_are_a_note_or_refused(data: bytes) -> None:
    try:
        read = note.parse(data)
    except AttestError:
        return
    assert note.write(read) == data


NAMES = st.text(min_size=1, max_size=12).filter(vkey.is_name)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n"), max_size=40),
    st.lists(
        st.builds(SignatureLine, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1)),
        min_size=1,
        max_size=5,
    ),
)
def test_any_text_and_signatures_are_read_as_written(
    text: str, signatures: list[SignatureLine]
) -> None:
    made = Note(text + "\n", tuple(signatures))
    assert note.parse(note.write(made)) == made


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Fault.VKEY_SHAPE),
        ("example.com/foo", Fault.VKEY_SHAPE),
        ("example.com/foo+530d903a", Fault.VKEY_SHAPE),
        ("example.com/foo+530d903a+", Fault.VKEY_SHAPE),
        (SPEC_KEY[:-1], Fault.VKEY_SHAPE),
        (SPEC_KEY + "\n", Fault.VKEY_SHAPE),
        (SPEC_KEY.replace("example", "exa mple"), Fault.VKEY_SHAPE),
        ("+" + SPEC_KEY, Fault.VKEY_SHAPE),
        ("\udcff" + SPEC_KEY, Fault.VKEY_SHAPE),
        (SPEC_KEY.partition("+")[2], Fault.VKEY_SHAPE),
        ("example.com/foo+530d903a+AQ==", Fault.VKEY_TYPE),
        (f"example.com/foo+530d903a+{'A' * 44}", Fault.VKEY_TYPE),
        (SPEC_KEY.replace("+Ae", "+Ce"), Fault.VKEY_TYPE),
        (SPEC_KEY.replace("+Ae", "+Bu"), Fault.VKEY_TYPE),
        (SPEC_KEY + "AAAA", Fault.VKEY_TYPE),
        (SPEC_KEY.replace("530d", "530D"), Fault.VKEY_ID),
        (SPEC_KEY.replace("530d", "530e"), Fault.VKEY_ID),
        (SPEC_KEY.replace("530d903a", "0530d903a"), Fault.VKEY_ID),
        (SPEC_KEY.replace("foo", "fop"), Fault.VKEY_ID),
        (SPEC_KEY.replace("+Ae", "+Af"), Fault.VKEY_ID),
    ],
)
def test_what_is_no_verifier_key_is_refused_by_name(text: str, expected: Fault) -> None:
    assert fault(vkey.parse, text) is expected


@pytest.mark.parametrize("key", [LOG, WITNESS, verifier("\u00f6rtlich.example/\u2014", 2)])
def test_a_verifier_key_is_read_as_written(key: VerifierKey) -> None:
    assert vkey.parse(key.text()) == key


def test_a_key_needs_a_name_and_32_bytes() -> None:
    public = bytes(32)
    for name in ("", "a b", "a+b", "a\u3000b", "a\nb", "a\x01b", "a\ud800", "\udfff"):
        assert fault(VerifierKey, name, SignatureType.ED25519, public) is Fault.VKEY_SHAPE
    assert fault(VerifierKey, "a", SignatureType.ED25519, public[1:]) is Fault.VKEY_TYPE
    assert fault(note.sign, TEXT, "a b", KEYS[0]) is Fault.VKEY_SHAPE


@given(st.text(max_size=120) | st.text(st.characters(), max_size=9).map(f"{{}}{SPEC_KEY}".format))
def test_any_text_is_a_key_or_refused(text: str) -> None:
    try:
        key = vkey.parse(text)
    except AttestError:
        return
    assert key.text() == text


def test_bytes_that_are_no_point_of_the_curve_have_signed_nothing() -> None:
    key = VerifierKey("log", SignatureType.ED25519, bytes([2, *bytes(31)]))  # no x has y = 2
    made = Note(TEXT, (SignatureLine("log", key.id, bytes(64)),))
    assert fault(note.verify, made, [key]) is Fault.NOTE_BAD_SIGNATURE
