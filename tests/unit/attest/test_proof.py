"""Proofs as one text: read strictly, written byte for byte, verified against a policy alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import checkpoint, note, proof
from collector.attest.checkpoint import Checkpoint
from collector.attest.faults import AttestError, Fault
from collector.attest.note import Note
from collector.attest.policy import Group, Policy
from collector.attest.proof import Proof
from collector.attest.vkey import SignatureType, VerifierKey
from tests.unit.attest import naive
from tests.unit.attest.refusing import fault

KEYS = [Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(3)]
ORIGIN = "log.example/evidence"
ENTRIES = naive.entries(5)
INDEX = 3


def key(n: int, name: str, kind: SignatureType) -> VerifierKey:
    return VerifierKey(name, kind, KEYS[n].public_key().public_bytes_raw())


POLICY = Policy(
    (key(0, ORIGIN, SignatureType.ED25519),),
    {
        name: key(n, f"{name.decode()}.example", SignatureType.COSIGNATURE)
        for n, name in enumerate((b"w1", b"w2"), 1)
    },
    {b"both": Group(2, (b"w1", b"w2"))},
    b"both",
)


def cosigned(entries: list[bytes]) -> Note:
    text = checkpoint.write(Checkpoint(ORIGIN, len(entries), naive.mth(entries)))
    lines = [note.cosign(text, f"w{n}.example", KEYS[n], 1_800_000_000 + n) for n in (1, 2)]
    return Note(text, (note.sign(text, ORIGIN, KEYS[0]), *lines))


LEAF = naive.leaf(ENTRIES[INDEX])
PROOF = Proof(INDEX, tuple(naive.path(INDEX, ENTRIES)), cosigned(ENTRIES), b"salt")
DATA = proof.write(PROOF)
HEAD = DATA[: DATA.index(b"\n\n")].decode()
NOTE = note.write(PROOF.checkpoint)


def test_a_proof_is_extra_index_hashes_and_the_checkpoint_as_it_stands() -> None:
    lines = HEAD.split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra c2FsdA==", "index 3"]
    assert [len(line) for line in lines[3:]] == [44, 44, 44]
    assert HEAD.encode() + b"\n\n" + NOTE == DATA
    assert proof.parse(DATA) == PROOF


def test_a_proof_says_which_checkpoint_was_accepted_and_when_witnesses_saw_it() -> None:
    accepted = proof.verify(proof.parse(DATA), LEAF, POLICY)
    assert accepted.checkpoint == Checkpoint(ORIGIN, 5, naive.mth(ENTRIES))
    assert accepted.witnessed == {b"w1": 1_800_000_001, b"w2": 1_800_000_002}


def test_the_only_entry_of_a_log_needs_no_hashes() -> None:
    made = Proof(0, (), cosigned(ENTRIES[:1]))
    data = proof.write(made)
    assert data.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nlog.example/evidence\n1\n")
    assert proof.parse(data) == made
    proof.verify(made, naive.leaf(ENTRIES[0]), POLICY)


def test_another_leaf_place_or_tree_is_not_included() -> None:
    other = naive.leaf(b"another")
    assert fault(proof.verify, PROOF, other, POLICY) is Fault.PROOF_NOT_INCLUDED
    for changed in (
        replace(PROOF, index=2),
        replace(PROOF, index=5),
        replace(PROOF, path=PROOF.path[1:]),
        replace(PROOF, path=(*PROOF.path, other)),
        replace(PROOF, checkpoint=cosigned(naive.entries(6))),
    ):
        assert fault(proof.verify, changed, LEAF, POLICY) is Fault.PROOF_NOT_INCLUDED


def test_a_checkpoint_that_the_policy_refuses_proves_nothing() -> None:
    lines = PROOF.checkpoint.signatures
    for signatures, expected in (
        (lines[:2], Fault.POLICY_QUORUM),
        (lines[1:], Fault.POLICY_LOG),
        ((replace(lines[0], signature=bytes(64)), *lines[1:]), Fault.NOTE_BAD_SIGNATURE),
    ):
        changed = replace(PROOF, checkpoint=replace(PROOF.checkpoint, signatures=signatures))
        assert fault(proof.verify, changed, LEAF, POLICY) is expected


HASH = "A" * 43 + "="


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v2\nindex 3", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\r\nindex 3", Fault.PROOF_SHAPE),
        ("index 3", Fault.PROOF_SHAPE),
        (f"c2sp.org/tlog-proof@v1\n{HASH}", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nindex", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nindex ", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nindex  3", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nindex 03", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nindex -3", Fault.PROOF_SHAPE),
        (f"c2sp.org/tlog-proof@v1\nindex {1 << 63}", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nextra \nindex 3", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nextra AA\nindex 3", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nextra AA==", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nindex 3\nextra AA==", Fault.PROOF_HASH),
        ("c2sp.org/tlog-proof@v1\nextra AA==\nextra AA==\nindex 3", Fault.PROOF_SHAPE),
        ("c2sp.org/tlog-proof@v1\nindex 3\nAAAA", Fault.PROOF_HASH),
        (f"c2sp.org/tlog-proof@v1\nindex 3\n{HASH} ", Fault.PROOF_HASH),
        (f"c2sp.org/tlog-proof@v1\nindex 3\n{HASH[:-2]}B=", Fault.PROOF_HASH),
        ("c2sp.org/tlog-proof@v1\nindex 3" + f"\n{HASH}" * 64, Fault.PROOF_HASH),
        ("c2sp.org/tlog-proof@v1\nindex 3\n\u00e9", Fault.PROOF_SHAPE),
        ("\n\nc2sp.org/tlog-proof@v1\nindex 3", Fault.PROOF_SHAPE),
        ("x" * (1 << 20), Fault.PROOF_SHAPE),
        ("x" * ((1 << 20) + 1), Fault.PROOF_TOO_LARGE),
    ],
)
def test_what_is_no_proof_is_refused_by_name(head: str, expected: Fault) -> None:
    assert fault(proof.parse, head.encode() + b"\n\n" + NOTE) is expected


def test_63_hashes_are_read() -> None:
    head = "c2sp.org/tlog-proof@v1\nindex 3" + f"\n{HASH}" * 63
    data = head.encode() + b"\n\n" + NOTE
    assert proof.write(proof.parse(data)) == data


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        (b"", Fault.PROOF_SHAPE),
        (b"\n", Fault.PROOF_SHAPE),
        (b"\n\n", Fault.NOTE_NO_SIGNATURES),
        (b"\n\n\n" + NOTE, Fault.CHECKPOINT_SHAPE),
        (b"\n\n" + NOTE + b"\n", Fault.NOTE_NO_SIGNATURES),
        (b"\n\n" + NOTE[:-1], Fault.NOTE_NO_SIGNATURES),
        (b"\n\nhello\n\n" + NOTE.split(b"\n\n")[1], Fault.CHECKPOINT_SHAPE),
    ],
)
def test_a_proof_ends_in_a_checkpoint(rest: bytes, expected: Fault) -> None:
    assert fault(proof.parse, HEAD.encode() + rest) is expected


@pytest.mark.parametrize(
    "made",
    [
        replace(PROOF, index=-1),
        replace(PROOF, index=1 << 63),
        replace(PROOF, path=(b"short",)),
        replace(PROOF, path=(bytes(32),) * 64),
        replace(PROOF, extra=b""),
        replace(PROOF, checkpoint=Note("hello\n", PROOF.checkpoint.signatures)),
    ],
)
def test_nothing_is_written_that_would_not_be_read(made: Proof) -> None:
    with pytest.raises(AttestError):
        proof.write(made)


def test_every_flipped_bit_is_refused_but_those_of_the_unsigned_extra() -> None:
    one = replace(POLICY, quorum=b"w1")
    signatures = PROOF.checkpoint.signatures[:2]
    data = proof.write(replace(PROOF, checkpoint=replace(PROOF.checkpoint, signatures=signatures)))
    extra = range(data.index(b"extra ") + 6, data.index(b"\nindex"))
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            proof.verify(proof.parse(bytes(changed)), LEAF, one)
        except AttestError:
            continue
        assert bit // 8 in extra


def test_every_part_of_a_proof_is_refused() -> None:
    for end in range(len(DATA)):
        with pytest.raises(AttestError):
            proof.verify(proof.parse(DATA[:end]), LEAF, POLICY)
    for start in range(1, len(DATA)):
        with pytest.raises(AttestError):
            proof.parse(DATA[start:])


@given(
    st.binary(max_size=120)
    | st.lists(st.sampled_from(HEAD.split("\n") + NOTE.decode().split("\n"))).map(
        lambda lines: "\n".join(lines).encode()
    )
)
def test_any_bytes_are_a_proof_or_refused(data: bytes) -> None:
    try:
        read = proof.parse(data)
    except AttestError:
        return
    assert proof.write(read) == data
