"""What is asked for is made once: whatever says the same already is the answer."""

from __future__ import annotations

from sqlalchemy import Connection

from collector.attesting import newer
from collector.attesting.stages import Stage
from collector.store import attestations
from collector.store.attestations import Attestation, State, Wanted
from probes.history import History


def ask(
    conn: Connection, org: str, wanted: Wanted, by: str, history: History, now: int
) -> Attestation:
    """The one that is being made, or was issued and has nothing newer, else one more. The caller
    holds the journal, so that two who ask at once get one.
    """
    known = attestations.of(conn, org, wanted)
    if known and known[-1].state is State.ASKED:
        return known[-1]
    issued = attestations.newest_issued(known)
    if issued is not None and not newer.is_newer(conn, org, issued, history):
        return issued
    return attestations.ask(conn, org, wanted, by, now, Stage.WAITING.value)
