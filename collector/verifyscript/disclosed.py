"""Rows against the log: each is what stands at its place, and none that numbers depend on was kept
back. When witnesses first saw an approval or a version, its early proof shows.
"""

from __future__ import annotations

from collector.verifyscript.archive import Archive
from collector.verifyscript.entries import STATE_KINDS
from collector.verifyscript.failing import Failure
from collector.verifyscript.logs import Published
from collector.verifyscript.notes import (
    Accepted,
    Note,
    Policy,
    accepted_by,
    checkpoint_in,
    proof_in,
    quorum_time,
)
from collector.verifyscript.rows import Shown, shown_in
from collector.verifyscript.spans import DAY_MS
from collector.verifyscript.tree import leaf_hash

EARLY_KINDS = ("config.version", "window.approved")
_UNSIGNED = ("checkpoint.unsigned", "checkpoint.quorum", "checkpoint.signature")


def rows_of(bundle: Archive) -> list[Shown]:
    """In the order of the log; Failure."""
    found: list[Shown] = []
    for where, line in bundle.lines("rows.jsonl"):
        row = shown_in(line, where)
        if found and row.place <= found[-1].place:
            raise Failure("rows.order", where)
        found.append(row)
    return found


def complete(rows: list[Shown], state: int) -> int:
    """How many rows numbers depend on: all that the log counts; Failure."""
    count = 0
    for row in rows:
        if row.kind in STATE_KINDS:
            count += 1
            if row.state > count:
                raise Failure("rows.withheld", f"state row {count}")
            if row.state < count:
                raise Failure("rows.order", str(row.place))
    if count != state:
        raise Failure("rows.withheld", f"state row {count + 1}")
    return count


def proved(bundle: Archive, rows: list[Shown], log: Published) -> int:
    """How many rows are from before the range: of each a proof leads to the final checkpoint."""
    older = [row for row in rows if row.place < log.first]
    head = log.final.checkpoint
    for row in older:
        name = f"proofs/{row.place}.tlog-proof"
        if name not in bundle.names:
            raise Failure("rows.proof_missing", str(row.place))
        proof = proof_in(bundle.whole(name, 2 << 20))
        if proof is None or proof.place != row.place or proof.note != log.note:
            raise Failure("rows.proof", str(row.place))
        if not proof.leads_to(head, leaf_hash(row.line)):
            raise Failure("rows.proof", str(row.place))
    return len(older)


def seen_early(
    bundle: Archive, rows: list[Shown], policy: Policy, log: Published, computed_at: int
) -> tuple[dict[int, int], dict[int, bytes]]:
    """When (UTC ms) a quorum had seen each row, by index, and the roots that it saw, by size. Nothing
    where the policy asks for no witness.
    """
    times: dict[int, int] = {}
    roots: dict[int, bytes] = {}
    if policy.quorum is None:
        return times, roots
    for row in rows:
        if row.kind not in EARLY_KINDS:
            continue
        where, name = str(row.place), f"proofs/{row.place}.early.tlog-proof"
        if name not in bundle.names:
            raise Failure("early.missing", where)
        proof = proof_in(bundle.whole(name, 2 << 20))
        if proof is None:
            raise Failure("early.proof", where)
        found = _seen(policy, proof.note, log, computed_at, where)
        head, seen = found.checkpoint, quorum_time(policy, found)
        if head.size > log.final.checkpoint.size or seen is None:
            raise Failure("early.proof", where)
        if roots.setdefault(head.size, head.root) != head.root:
            raise Failure("early.forked", where)
        times[row.place] = seen
    return times, roots


def _seen(policy: Policy, note: Note, log: Published, computed_at: int, where: str) -> Accepted:
    """A checkpoint of this log that a quorum had cosigned, by clocks that can be used."""
    try:
        found = accepted_by(policy, note, where)
    except Failure as failure:
        code = "early.untrusted" if failure.code in _UNSIGNED else "early.proof"
        raise Failure(code, where) from None
    if found.checkpoint.origin != log.origin:
        raise Failure("log.origin", where)
    if any(1000 * time > computed_at + DAY_MS for time in found.times.values()):
        raise Failure("checkpoint.future", where)
    return found


def included_early(bundle: Archive, rows: list[Shown], times: dict[int, int]) -> None:
    """Each early proof leads from its row to its checkpoint; and there is no proof of no row."""
    unread = {name for name in bundle.names if name.endswith(".tlog-proof")}
    for row in rows:
        if row.place in times:
            proof = proof_in(bundle.whole(f"proofs/{row.place}.early.tlog-proof", 2 << 20))
            head = None if proof is None else checkpoint_in(proof.note.text)
            if proof is None or head is None or proof.place != row.place:
                raise Failure("early.proof", str(row.place))
            if not proof.leads_to(head, leaf_hash(row.line)):
                raise Failure("early.proof", str(row.place))
        unread.discard(f"proofs/{row.place}.tlog-proof")
        unread.discard(f"proofs/{row.place}.early.tlog-proof")
    if unread:
        raise Failure("bundle.name", min(unread))


def told_broken(rows: list[Shown]) -> set[tuple[str, str]]:
    """(agent, epoch) of chains of which a row says that a link does not hold."""
    found: set[tuple[str, str]] = set()
    for row in rows:
        if row.kind in ("evidence.chain_broken", "agent.equivocation"):
            try:
                agent, epoch = row.data["agent"], row.data["epoch"]
                found.add((str(agent), str(epoch)))
            except (KeyError, TypeError):
                raise Failure("rows.act", f"row {row.id}") from None
    return found
