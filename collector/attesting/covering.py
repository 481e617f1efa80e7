"""Before evidence is gathered: everything that is stored is in the log, a checkpoint has all of it,
and the witnesses have cosigned that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from collector import journal
from collector.attesting.refusals import Refusal, RefusedAttestationError
from collector.store import ledger, ranges
from collector.store.ledger import Chain
from collector.store.log_tables import log_cursors
from collector.store.ranges import Ranges
from collector.store.store import Store
from collector.tlog import checkpoints, epochs
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log
from probes.clock import Clock

LOOK_MS = 1_000
LOGGED_MS = 300_000
"""How long the log may be behind what is stored: it takes hundreds of batches a second."""
COSIGNED_MS = 300_000
"""How long the witnesses may take for a checkpoint."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is stored at an instant: batches by chain, and the last row of the journal."""

    batches: Mapping[Chain, Ranges]
    row: int


async def covered(
    store: Store, org: str, clock: Clock, *, every_ms: int, needs_quorum: bool
) -> Published:
    """The newest checkpoint that has all that is stored now; RefusedAttestationError with what is
    missing where there is none in time. `every_ms`: how often the log is signed.
    """
    held = await store.read(_held, org)
    began = clock.monotonic_ns()

    def waited_ms() -> int:
        return (clock.monotonic_ns() - began) // 1_000_000

    while (size := await store.read(_size_with, org, held)) is None:
        if waited_ms() >= LOGGED_MS:
            raise RefusedAttestationError(Refusal.LOG_BEHIND)
        await clock.sleep_ms(LOOK_MS)
    began = clock.monotonic_ns()
    while True:
        signed = await store.read(checkpoints.latest, org, Log.EVIDENCE)
        found = signed
        if needs_quorum:
            found = await store.read(checkpoints.latest, org, Log.EVIDENCE, cosigned=True)
        if found is not None and found.size >= size:
            return found
        if waited_ms() >= every_ms + COSIGNED_MS:
            is_signed = signed is not None and signed.size >= size
            raise RefusedAttestationError(Refusal.NO_QUORUM if is_signed else Refusal.NO_CHECKPOINT)
        await clock.sleep_ms(LOOK_MS)


def logged(conn: Connection, org: str, epoch: int) -> dict[Chain, Ranges]:
    """Which batches are leaves of the evidence log."""
    query = select(log_cursors.c.agent, log_cursors.c.chain_epoch, log_cursors.c.logged).where(
        log_cursors.c.org == org, log_cursors.c.epoch == epoch
    )
    return {(row.agent, row.chain_epoch): ranges.load(row.logged) for row in conn.execute(query)}


def _held(conn: Connection, org: str) -> Held:
    return Held(ledger.stored_ranges(conn, org), journal.last_id(conn, org))


def _size_with(conn: Connection, org: str, held: Held) -> int | None:
    """A size of the log with all of it; None while it has not."""
    log = epochs.current(conn, org, Log.EVIDENCE)
    if log is None or log.rows_to < held.row:
        return None
    done = logged(conn, org, log.epoch)
    behind = any(ranges.missing(done.get(c, ()), have) for c, have in held.batches.items())
    return None if behind else log.tree.size
