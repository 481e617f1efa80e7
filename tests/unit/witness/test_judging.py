"""What a witness cosigns, and with which code it refuses all else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import checkpoint, note
from collector.attest.checkpoint import Checkpoint
from collector.attest.note import Note, SignatureLine
from collector.witness.judging import Held, Logs, follows, trusted
from collector.witness.messages import AddCheckpoint
from collector.witness.refusals import MEANINGS, STATUSES, Refusal, Refused
from tests.unit.attest import naive
from tests.unit.witness.logs import NAME, NOW_S, ORIGIN, Log, private, verifier

LOG = Log()
LOGS: Logs = {ORIGIN: [LOG.key]}


def held(size: int, log: Log = LOG) -> Held:
    line = note.cosign(log.text(size), NAME, private(9), NOW_S)
    signed = note.with_signatures(log.signed(size), line)
    return Held(checkpoint.parse(signed.text), signed, NOW_S)


def forked(at: int) -> Log:
    return Log(leaves=[*LOG.leaves[:at], *(b"another %d" % n for n in range(at, 40))])


def code(found: Refused | None) -> Refusal | None:
    return None if found is None else found.code


@pytest.mark.parametrize("old", range(20))
def test_every_tree_that_continues_is_cosigned(old: int) -> None:
    kept = held(old) if old else None
    assert [follows(LOG.asks(old, size), kept) for size in range(old, 20)] == [None] * (20 - old)


def test_a_log_that_was_cosigned_empty_may_begin() -> None:
    assert follows(LOG.asks(0, 0), None) is None
    assert follows(LOG.asks(0, 7), held(0)) is None
    assert follows(LOG.asks(0, 0), held(0)) is None


@pytest.mark.parametrize("size", range(21, 40))
def test_a_fork_is_refused_wherever_it_forks(size: int) -> None:
    for at in range(20):
        log = forked(at)
        assert code(follows(log.asks(20, size), held(20))) is Refusal.PROOF
        lying = AddCheckpoint(20, LOG.proof(20, size), log.signed(size))
        assert code(follows(lying, held(20))) is Refusal.PROOF
    assert follows(forked(20).asks(20, size), held(20)) is None


def test_a_second_root_of_one_size_is_refused() -> None:
    assert follows(forked(3).asks(20, 20), held(20)) == Refused(Refusal.ROOT, 20)
    proven = AddCheckpoint(20, (bytes(32),), forked(3).signed(20))
    assert follows(proven, held(20)) == Refused(Refusal.ROOT, 20)


def test_another_old_size_is_answered_with_the_one_that_is_held() -> None:
    assert follows(LOG.asks(0, 30), held(20)) == Refused(Refusal.SIZE, 20)
    assert follows(LOG.asks(19, 30), held(20)) == Refused(Refusal.SIZE, 20)
    assert follows(LOG.asks(21, 30), held(20)) == Refused(Refusal.SIZE, 20)
    assert follows(LOG.asks(10, 15), held(20)) == Refused(Refusal.SIZE, 20)
    assert follows(LOG.asks(5, 30), None) == Refused(Refusal.SIZE, 0)


def test_an_older_checkpoint_is_never_cosigned() -> None:
    for size in range(20):
        assert follows(AddCheckpoint(20, (), LOG.signed(size)), held(20)) == Refused(
            Refusal.OLD_SIZE
        )
        assert code(follows(LOG.asks(size, size), held(20))) is Refusal.SIZE


def test_a_proof_where_none_belongs_is_refused() -> None:
    for old, kept in ((0, None), (0, held(0)), (30, held(30))):
        with_proof = AddCheckpoint(old, (bytes(32),), LOG.signed(30))
        assert code(follows(with_proof, kept)) is Refusal.PROOF
    assert code(follows(AddCheckpoint(20, (), LOG.signed(30)), held(20))) is Refusal.PROOF


@given(st.integers(1, 39), st.data())
def test_a_proof_with_one_hash_changed_left_out_or_doubled_is_refused(
    old: int, data: st.DataObject
) -> None:
    size = data.draw(st.integers(old + 1, 40))
    proof = list(LOG.proof(old, size))
    at = data.draw(st.integers(0, len(proof) - 1))
    change = data.draw(st.sampled_from(["flip", "drop", "double"]))
    if change == "flip":
        proof[at] = bytes([proof[at][0] ^ 1, *proof[at][1:]])
    elif change == "drop":
        del proof[at]
    else:
        proof.insert(at, proof[at])
    asked = AddCheckpoint(old, tuple(proof), LOG.signed(size))
    assert code(follows(asked, held(old))) is Refusal.PROOF


def test_a_log_nobody_named_is_unknown() -> None:
    asked = Log(origin="other.example").asks(0, 5)
    assert trusted(asked, LOGS) == Refused(Refusal.ORIGIN)
    assert trusted(asked, {}) == Refused(Refusal.ORIGIN)


def test_a_signature_of_the_logs_own_key_is_needed() -> None:
    text = LOG.text(5)
    for lines in (
        (note.sign(text, ORIGIN, private(2)),),
        (note.sign(text, "other.example", private(1)),),
        (note.cosign(text, ORIGIN, private(1), NOW_S),),
        (note.sign(LOG.text(6), ORIGIN, private(1)),),
        (note.sign(text, ORIGIN, private(1)), note.sign(LOG.text(6), ORIGIN, private(1))),
    ):
        asked = AddCheckpoint(0, (), Note(text, lines))
        assert trusted(asked, LOGS) == Refused(Refusal.SIGNATURE)


def test_only_signatures_that_verify_are_kept_each_once() -> None:
    text = LOG.text(5)
    own, second = (note.sign(text, ORIGIN, private(n)) for n in (1, 3))
    other = SignatureLine("pq.example", b"\x01\x02\x03\x04", bytes(2428))
    asked = AddCheckpoint(0, (), Note(text, (own, other, own, second)))
    assert trusted(asked, LOGS) == Note(text, (own,))
    both = {ORIGIN: [LOG.key, verifier(ORIGIN, 3)]}
    found = trusted(asked, both)
    assert isinstance(found, Note)
    assert set(found.signatures) == {own, second}
    assert len(found.signatures) == 2


def test_the_root_is_judged_and_not_the_text_around_it() -> None:
    more = checkpoint.write(Checkpoint(ORIGIN, 30, naive.mth(LOG.leaves[:30]), ("more",)))
    asked = AddCheckpoint(30, (), Note(more, LOG.signed(30).signatures))
    assert follows(asked, held(30)) is None
    # which is another text, and so needs a signature of its own
    assert trusted(asked, LOGS) == Refused(Refusal.SIGNATURE)


def test_every_refusal_is_told_in_words_and_those_of_a_witness_have_a_status() -> None:
    assert set(MEANINGS) == set(Refusal)
    assert {STATUSES[one] for one in STATUSES} == {400, 403, 404, 409, 413, 422, 429, 503}
    assert [one for one in Refusal if one not in STATUSES] == list(Refusal)[len(STATUSES) :]
