"""A log's keys over time: from those that a policy names to those they vouch for, less the revoked."""

from __future__ import annotations

import io

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.attest import logkeys, note, policyfile
from collector.attest.logkeys import LogKeyReason, Revocation
from collector.attest.note import Note
from collector.attest.vkey import SignatureType, VerifierKey
from collector.facts import Row
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.telling import Doing, Told
from collector.verifying.trust import trust_of
from collector.verifying.verify import Given, verify
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import (
    LOG_KEY,
    ORIGIN,
    OTHER_KEY,
    bundle,
    policy_text,
    vkey,
    zipped,
)
from tests.unit.verifying.story import NOW, T0

THIRD = Ed25519PrivateKey.from_private_bytes(bytes([77]) * 32)
OLD, NEW, NEXT = (vkey(ORIGIN, key, SignatureType.ED25519) for key in (LOG_KEY, OTHER_KEY, THIRD))
POLICY = policyfile.parse(policy_text(LOG_KEY, witnessed=False))
SIGNERS = {OLD: LOG_KEY, NEW: OTHER_KEY, NEXT: THIRD}


def change(
    known: set[VerifierKey], wanted: set[VerifierKey], *signers: VerifierKey, number: int = 1
) -> Row:
    made = logkeys.change(known, wanted)
    assert made is not None
    text = logkeys.change_text(made)
    lines = [note.sign(text, key.name, SIGNERS[key]) for key in signers]
    data = logkeys.change_data(Note(text, tuple(lines)))
    return Row(number, "log.keys", T0, T0, "system", data)


def revoked(key: VerifierKey, last: int) -> Row:
    data = logkeys.revocation_data(Revocation(key, last, LogKeyReason.COMPROMISED))
    return Row(9, "log.key_revoked", T0, T0, "admin-1", data)


def test_a_key_that_a_trusted_one_added_is_trusted_and_so_on() -> None:
    rows = [
        change(set(), {OLD}, OLD),
        change({OLD}, {NEW}, OLD, NEW, number=2),
        change({NEW}, {NEXT}, NEW, NEXT, number=3),
    ]
    for order in (rows, rows[::-1]):
        followed = trust_of(order).followed(POLICY)
        assert set(followed.logs) == {OLD, NEW, NEXT}
        assert followed.logs[0] == OLD
    assert trust_of(rows[:2]).followed(POLICY).logs == (OLD, NEW)


def test_who_trusts_the_new_key_can_read_what_the_old_one_signed() -> None:
    policy = policyfile.parse(policy_text(OTHER_KEY, witnessed=False))
    rows = [change({OLD}, {NEW}, OLD, NEW)]
    assert trust_of(rows).followed(policy).logs == (NEW, OLD)


def test_a_change_that_no_trusted_key_signed_leads_nowhere() -> None:
    rows = [change({OLD}, {NEW}, NEW), change({NEW}, {NEXT}, NEXT, NEW, number=2)]
    assert trust_of(rows).followed(POLICY).logs == (OLD,)


def test_a_revoked_key_counts_up_to_its_last_trusted_size() -> None:
    trust = trust_of([revoked(OLD, 20)])
    assert trust.for_size(POLICY, 20) == POLICY
    assert trust.for_size(POLICY, 21).logs == ()
    assert trust_of([]).for_size(POLICY, 1 << 60) == POLICY


@pytest.mark.parametrize("kind", ["log.keys", "log.key_revoked"])
def test_a_row_about_keys_that_is_none_is_named(kind: str) -> None:
    with pytest.raises(VerifyError) as error:
        trust_of([Row(1, kind, T0, T0, "x", b"{}")])
    assert (error.value.code, error.value.place) == (Failure.ROWS_ACT, "log keys")


def test_a_bundle_signed_with_a_new_key_is_verified_by_the_policy_of_before() -> None:
    told = story.told(witnessed=False)
    row = change({OLD}, {NEW}, OLD, NEW)
    told.row(NOW + 120_000, row.kind, row.data)
    told.publish(NOW + 180_000)
    told.ledger.key = OTHER_KEY
    made = zipped(bundle(told.ledger, story.how(witnessed=False)))

    told_of: list[Told | Doing] = []

    def failure(key: Ed25519PrivateKey) -> Failure | None:
        given = Given(policyfile.parse(policy_text(key, witnessed=False)))
        found = verify(io.BytesIO(made), given, told_of.append).failure
        return None if found is None else found.code

    def vouched() -> bool:
        return any("vouched for it" in one.text for one in told_of if isinstance(one, Told))

    assert failure(OTHER_KEY) is None
    assert not vouched()
    assert failure(LOG_KEY) is None
    assert vouched()
    assert failure(THIRD) is Failure.STATEMENT_UNSIGNED
