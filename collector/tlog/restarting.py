"""Begin both logs anew under another origin: where the old ones cannot be gone on with.

The first entry of each names the last head that is known to be signed of the old one: that of this
host's guard, or of the newest checkpoint in the store, whichever has more leaves. So whoever has the
old log's checkpoint sees what was cut off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from collector import journal
from collector.access.credentials import RandomBytes
from collector.attest import checkpoint, note, spelling
from collector.attest.entries import Previous
from collector.facts import Fact, canonical
from collector.tlog import checkpoints
from collector.tlog.epochs import Epoch, Log, current, start_epoch
from collector.tlog.guard import Heads
from collector.tlog.reasons import RestartReason

KIND = "log.started"


class NotNeededError(Exception):
    """Nothing of the logs was signed, or they have this origin already."""


@dataclass(frozen=True, slots=True)
class Restarted:
    epoch: int
    previous: Mapping[Log, Previous]


def restart(
    conn: Connection,
    org: str,
    origin: str,
    guarded: Heads,
    reason: RestartReason,
    ref: str | None,
    actor: str,
    now: int,
    random_bytes: RandomBytes,
) -> Restarted:
    """NotNeededError; ValueError where an older epoch has this origin."""
    journal.hold(conn, org)  # nothing is signed of the old ones meanwhile
    found = [epoch for log in Log if (epoch := current(conn, org, log)) is not None]
    previous = {
        epoch.log: last for epoch in found if (last := _last(conn, org, epoch, guarded)) is not None
    }
    if not previous or all(epoch.origin == origin for epoch in found):
        raise NotNeededError
    number = start_epoch(conn, org, origin, previous, now, random_bytes)
    data = {
        "epoch": number,
        "origin": origin,
        "reason": reason.value,
        "ref": ref,
        "previous": {
            log.value: {
                "origin": one.origin,
                "size": one.size,
                "root": spelling.base64_of(one.root),
            }
            for log, one in previous.items()
        },
    }
    at = journal.following(journal.last_recorded(conn, org), now)
    journal.append(conn, org, [Fact(KIND, now, canonical(data), actor)], at)
    return Restarted(number, previous)


def _last(conn: Connection, org: str, epoch: Epoch, guarded: Heads) -> Previous | None:
    heads: list[Previous] = []
    if (mine := guarded.get(epoch.name)) is not None:
        heads.append(Previous(epoch.name, mine.size, mine.root))
    newest = checkpoints.latest(conn, org, epoch.log)
    if newest is not None:
        head = checkpoint.parse(note.parse(newest.note).text)
        heads.append(Previous(head.origin, head.size, head.root))
    return max(heads, key=lambda one: one.size, default=None)
