"""What agents were shown of the log: a batch was sealed after the checkpoint that it names.

A checkpoint that an agent was shown and that is none of this log is the mark of a second log. One
from before the range cannot be told from that: it is taken as long as the agent may not have been
shown a newer one.
"""

from __future__ import annotations

from collector.verifyscript.chains import Header
from collector.verifyscript.failing import Failure

_WELL_INSIDE = 2
"""Two answers on their way at once may be heard in the other order, so one checkpoint back is none
of another log."""


def check_beacons(headers: dict[int, Header], published: dict[bytes, int]) -> int:
    """How many batches name a checkpoint of the range. `published`: by the SHA-256 of its text, which
    of the range's checkpoints it is. Failure `beacon.unknown`.
    """
    known = 0
    inside: dict[tuple[str, str], int] = {}
    unknown: dict[tuple[str, str], Header] = {}
    for header in headers.values():
        if header.beacon is None:
            continue
        chain, found = (header.agent, header.epoch), published.get(header.beacon)
        if found is None:
            before = unknown.get(chain)
            if before is None or header.first > before.first:
                unknown[chain] = header
            continue
        known += 1
        if found >= _WELL_INSIDE:
            inside[chain] = min(header.first, inside.get(chain, header.first))
    for chain, header in unknown.items():
        if chain in inside and header.first > inside[chain]:
            raise Failure("beacon.unknown", str(header.place))
    return known
