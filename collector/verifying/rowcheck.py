"""Proofs of rows: those from before the range, and when the witnesses first saw approvals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Proved:
    """Rows from before the range that are proved, and when approvals were seen."""

    before: int
    seen: Sequence[Seen]


def check(
    found: Members,
    shown: Sequence[ShownRow],
    first: int,
    final: Note,
    head: Head,
    policy: Policy,
    latest_ms: int,
) -> Proved:
    """VerifyError for a row without a proof that it needs, for a proof that does not prove it, and for
    one of no row. `first`: where the range begins.
    """
    tree, unread = head.checkpoint, {name for name in found.names if name.endswith(_PROOF)}
    before = 0
    for one in shown:
        if one.index >= first:
            continue
        name = layout.proof_of(one.index)
        if name not in unread:
            raise VerifyError(Failure.ROWS_PROOF_MISSING, str(one.index))
        unread.remove(name)
        rows.proved(one, members.whole(found, name, _MAX_PROOF), final, tree.size, tree.root)
        before += 1
    found_early = seen(found, shown, head, policy, latest_ms)
    unread -= {layout.early_proof_of(one.index) for one in found_early}
    if unread and policy.quorum is not None:
        raise VerifyError(Failure.BUNDLE_NAME, min(unread))
    early.one_log(found_early, {tree.size: tree.root})
    return Proved(before, found_early)


def seen(
    found: Members, shown: Sequence[ShownRow], head: Head, policy: Policy, latest_ms: int
) -> list[Seen]:
    """When a quorum of the policy had seen each row that may exclude time; nothing where it asks for
    no witness. VerifyError.
    """
    seen: list[Seen] = []
    for one in early.asked_for(shown) if policy.quorum is not None else ():
        name = layout.early_proof_of(one.index)
        if name not in found.names:
            raise VerifyError(Failure.EARLY_MISSING, str(one.index))
        data = members.whole(found, name, _MAX_PROOF)
        seen.append(early.seen(policy, one, data, head.checkpoint, latest_ms))
    return seen


_PROOF = ".tlog-proof"
