"""Keys of a log over time: a change is signed by what was trusted before, and read back as it was."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import logkeys, note
from collector.attest.logkeys import (
    KEYS,
    REVOKED,
    Change,
    KeyState,
    LogKeyError,
    LogKeyReason,
    Revocation,
)
from collector.attest.note import Note
from collector.attest.vkey import SignatureType, VerifierKey

NAME = "log.example.org/evidence"


def private(n: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)


def key(n: int, name: str = NAME) -> VerifierKey:
    return VerifierKey(name, SignatureType.ED25519, private(n).public_key().public_bytes_raw())


A, B, C = sorted((key(n) for n in (1, 2, 3)), key=VerifierKey.text)
WITNESS = VerifierKey(NAME, SignatureType.COSIGNATURE, A.public)
PRIVATE = {key(n): private(n) for n in (1, 2, 3)}


def signed(made: Change, *keys: VerifierKey) -> bytes:
    text = logkeys.change_text(made)
    lines = (note.sign(text, one.name, PRIVATE[one]) for one in keys)
    return logkeys.change_data(Note(text, tuple(lines)))


def row(n: int, made: Change, *keys: VerifierKey) -> tuple[int, str, bytes]:
    return n, KEYS, signed(made, *keys)


FIRST = row(1, Change((), (A,), ()), A)
SECOND = row(5, Change((A,), (B,), ()), A, B)
THIRD = row(9, Change((A, B), (), (A,)), A, B)


def test_the_text_that_is_signed_names_every_key() -> None:
    assert logkeys.change_text(Change((A, B), (C,), (B,))) == (
        "wardwatch/1 log keys\n"
        f"known {A.text()}\n"
        f"known {B.text()}\n"
        f"added {C.text()}\n"
        f"removed {B.text()}\n"
    )


def test_a_row_is_read_back_as_it_was_written() -> None:
    made = Change((A, B), (C,), (B,))
    data = signed(made, A, C)
    read, note_ = logkeys.read_change(data)
    assert read == made
    assert note_.text == logkeys.change_text(made)
    assert [line.name for line in note_.signatures] == [NAME, NAME]
    assert data.startswith(b'{"added":["log.example.org/evidence+')


def test_nothing_changes_where_the_same_keys_are_wanted() -> None:
    assert logkeys.change([B, A], [A, B]) is None
    assert logkeys.change([B, A], [C, A]) == Change((A, B), (C,), (B,))


def test_a_rotation_with_overlap_is_followed_from_the_first_key_to_the_last() -> None:
    assert logkeys.fold([FIRST, SECOND, (7, "evidence.away", b"{}"), THIRD]) == {
        A.text(): KeyState(A, 1, vouched=False, removed=9),
        B.text(): KeyState(B, 5, vouched=True),
    }
    assert logkeys.in_force(logkeys.fold([FIRST, SECOND])) == (A, B)
    assert logkeys.in_force(logkeys.fold([FIRST, SECOND, THIRD])) == (B,)


def test_a_key_that_no_older_one_has_signed_for_is_told_apart() -> None:
    alone = row(5, Change((A,), (B,), (A,)), B)
    assert not logkeys.fold([FIRST, alone])[B.text()].vouched


def test_a_key_that_was_removed_vouches_for_nothing_any_longer() -> None:
    late = row(12, Change((B,), (C,), ()), A, C)
    assert not logkeys.fold([FIRST, SECOND, THIRD, late])[C.text()].vouched


def test_a_change_of_other_keys_than_are_in_force_is_not_vouched_for() -> None:
    assert not logkeys.fold([FIRST, row(5, Change((A, C), (B,), ()), A)])[B.text()].vouched


def test_one_wrong_signature_of_a_known_key_vouches_for_nothing() -> None:
    text = logkeys.change_text(Change((A,), (B,), ()))
    forged = note.SignatureLine(NAME, A.id, bytes(64))
    data = logkeys.change_data(Note(text, (forged,)))
    assert not logkeys.fold([FIRST, (5, KEYS, data)])[B.text()].vouched


def revoked(n: int, one: VerifierKey, size: int) -> tuple[int, str, bytes]:
    return n, REVOKED, logkeys.revocation_data(Revocation(one, size, LogKeyReason.COMPROMISED))


def test_a_revoked_key_counts_for_what_it_signed_before() -> None:
    state = logkeys.fold([FIRST, SECOND, revoked(7, A, 100)])[A.text()]
    assert state == KeyState(A, 1, vouched=False, last_size=100, reason=LogKeyReason.COMPROMISED)
    assert not state.in_force
    assert [state.counts_for(size) for size in (0, 100, 101)] == [True, True, False]
    assert logkeys.in_force(logkeys.fold([FIRST, SECOND, revoked(7, A, 100)])) == (B,)


def test_of_two_revocations_the_smaller_size_holds() -> None:
    for sizes in ((100, 40), (40, 100)):
        rows = [FIRST, *(revoked(5 + n, A, size) for n, size in enumerate(sizes))]
        assert logkeys.fold(rows)[A.text()].last_size == 40


def test_a_revoked_key_stays_revoked_though_it_is_added_again() -> None:
    again = row(9, Change((), (A,), ()), A)
    state = logkeys.fold([FIRST, revoked(5, A, 3), again])[A.text()]
    assert (state.added, state.last_size, state.reason) == (9, 3, LogKeyReason.COMPROMISED)
    assert not state.in_force


def test_a_key_that_was_never_added_can_be_revoked_and_is_not_in_force() -> None:
    keys = logkeys.fold([revoked(2, C, 0)])
    assert keys[C.text()] == KeyState(
        C, 2, vouched=False, last_size=0, reason=LogKeyReason.COMPROMISED
    )


def test_a_key_that_comes_back_is_in_force_again() -> None:
    keys = logkeys.fold([FIRST, SECOND, THIRD, row(12, Change((B,), (A,), ()), A, B)])
    assert keys[A.text()] == KeyState(A, 12, vouched=True)


def test_the_keys_of_one_log_are_told_from_those_of_another() -> None:
    other = key(1, "log.example.org/audit")
    data = logkeys.change_text(Change((), tuple(sorted((A, other), key=VerifierKey.text)), ()))
    line = note.sign(data, NAME, PRIVATE[A])
    keys = logkeys.fold([(1, KEYS, logkeys.change_data(Note(data, (line,))))])
    assert logkeys.in_force(keys, "log.example.org/audit") == (other,)
    assert logkeys.in_force(keys, NAME) == (A,)
    assert len(logkeys.in_force(keys)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "wardwatch/1 log keys\n",
        f"wardwatch/2 log keys\nadded {A.text()}\n",
        f"wardwatch/1 log keys\nadded {A.text()}\nknown {B.text()}\n",
        f"wardwatch/1 log keys\nadded {B.text()}\nadded {A.text()}\n",
        f"wardwatch/1 log keys\nadded {A.text()}\nadded {A.text()}\n",
        f"wardwatch/1 log keys\nknown {A.text()}\nadded {A.text()}\n",
        f"wardwatch/1 log keys\nremoved {A.text()}\n",
        f"wardwatch/1 log keys\nknown {A.text()}\n",
        f"wardwatch/1 log keys\nother {A.text()}\n",
        f"wardwatch/1 log keys\nadded  {A.text()}\n",
        f"wardwatch/1 log keys\n\nadded {A.text()}\n",
        f"wardwatch/1 log keys\nadded {A.text()[:-1]}\n",
        f"wardwatch/1 log keys\nadded {WITNESS.text()}\n",
    ],
)
def test_another_text_is_no_change_of_keys(text: str) -> None:
    line = note.sign(text, NAME, PRIVATE[A])
    with pytest.raises(LogKeyError):
        logkeys.change_data(Note(text, (line,)))


DATA = signed(Change((A,), (B,), ()), A, B)
REVOCATION = logkeys.revocation_data(Revocation(A, 7, LogKeyReason.LOST))


def test_a_revocation_is_read_back_as_it_was_written() -> None:
    assert f'{{"key":"{A.text()}","last_size":7,"reason":"lost"}}'.encode() == REVOCATION
    assert logkeys.read_revocation(REVOCATION) == Revocation(A, 7, LogKeyReason.LOST)


@pytest.mark.parametrize(
    "data",
    [
        REVOCATION.replace(b"7", b"-7"),
        REVOCATION.replace(b":7", b":true"),
        REVOCATION.replace(b":7", b':"7"'),
        REVOCATION.replace(b"lost", b"bored"),
        REVOCATION.replace(b",", b", "),
        REVOCATION.replace(b"last_size", b"size"),
        REVOCATION.replace(b"}", b',"x":1}'),
        REVOCATION.replace(b"+", b" "),
        b"[]",
        b"7",
        b"",
        b"\xff",
    ],
)
def test_another_revocation_is_refused(data: bytes) -> None:
    with pytest.raises(LogKeyError):
        logkeys.read_revocation(data)


@given(st.integers(0, len(DATA) * 8 - 1))
def test_every_flipped_bit_of_a_row_is_refused_or_vouches_for_nothing(bit: int) -> None:
    changed = bytearray(DATA)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        keys = logkeys.fold([FIRST, (5, KEYS, bytes(changed))])
    except LogKeyError:
        return
    made, now = logkeys.read_change(bytes(changed))
    assert made == Change((A,), (B,), ())  # what is signed is as it was
    kept = now.signatures[0] == logkeys.read_change(DATA)[1].signatures[0]
    assert keys[B.text()].vouched is kept


@given(st.binary(max_size=60))
def test_any_bytes_are_a_row_of_ours_or_refused(data: bytes) -> None:
    for read in (logkeys.read_change, logkeys.read_revocation):
        with pytest.raises(LogKeyError):
            read(data)


@given(st.integers(0, len(DATA) - 1), st.integers(0, len(REVOCATION) - 1))
def test_a_row_that_was_cut_short_is_refused(first: int, second: int) -> None:
    with pytest.raises(LogKeyError):
        logkeys.read_change(DATA[:first])
    with pytest.raises(LogKeyError):
        logkeys.read_revocation(REVOCATION[:second])
