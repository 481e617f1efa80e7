"""Proofs of rows: those from before the range, and when the witnesses first saw approvals."""

from __future__ import annotations

from collections.abc import Sequence

from collector.attest import checkpoint
from collector.attest.note import Note
from collector.attest.policy import Policy
from collector.bundle import layout, members
from collector.bundle.members import Members
from collector.bundle.rowsfile import ShownRow
from collector.verifying import early, rows
from collector.verifying.early import Seen
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.heads import Head

_MAX_PROOF = 2 << 20


def check(
    found: Members, shown: Sequence[ShownRow], first: int, final: Note, early_seen: Sequence[Seen]
) -> int:
    """How many rows of before the range, which begins at `first`, are proved. VerifyError for a row
    without a proof that it needs, for a proof that does not prove it, and for one of no row.
    """
    tree = checkpoint.parse(final.text)
    unread = {name for name in found.names if name.endswith(_PROOF)}
    before = [one for one in shown if one.index < first]
    for one in before:
        name = layout.proof_of(one.index)
        if name not in unread:
            raise VerifyError(Failure.ROWS_PROOF_MISSING, str(one.index))
        unread.remove(name)
        rows.proved(one, members.whole(found, name, _MAX_PROOF), final, tree.size, tree.root)
    for known in early_seen:
        early.included(known)
        unread.remove(layout.early_proof_of(known.row.index))
    if unread:
        raise VerifyError(Failure.BUNDLE_NAME, min(unread))
    early.one_log(early_seen, {tree.size: tree.root})
    return len(before)


def seen(
    found: Members, shown: Sequence[ShownRow], head: Head, policy: Policy, latest_ms: int
) -> list[Seen]:
    """When a quorum of the policy had seen each row that may exclude time; nothing where it asks for
    no witness. VerifyError.
    """
    found_early: list[Seen] = []
    for one in early.asked_for(shown) if policy.quorum is not None else ():
        name = layout.early_proof_of(one.index)
        if name not in found.names:
            raise VerifyError(Failure.EARLY_MISSING, str(one.index))
        data = members.whole(found, name, _MAX_PROOF)
        found_early.append(early.seen(policy, one, data, head.checkpoint, latest_ms))
    return found_early


_PROOF = ".tlog-proof"
