"""Second reading of a log's range: chains, who signed, beacons, and what was given up."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from collector.bundle.evidence import Rows
from collector.bundle.members import Members
from collector.verifying import again, beacons, chains
from collector.verifying.beacons import Beacons
from collector.verifying.chains import Chain, Chains
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.keys import Keys
from collector.verifying.remains import Remains
from probes import tombstone

_EVERY = 2_000
"""Entries between two tellings."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was found. `keys`: headers judged by each key, by agent and fingerprint."""

    chains: chains.Counts
    beacons: beacons.Counts
    remains: int
    keys: Mapping[str, Mapping[str, int]]


def check(
    members: Members,
    org: str,
    first: int,
    rows: Rows,
    published: Sequence[str],
    told: Collection[Chain],
    tell: Callable[[int], None],
) -> Sealed:
    """VerifyError for the first that does not hold. `published`: the text of each checkpoint;
    `told`: chains of which a row says that a link does not hold; `tell`: entries seen so far.
    """
    keys = Keys([*rows.histories.values()], rows.keys)
    links, shown, remains = Chains(keys.judge), Beacons(published), Remains()
    for number, one in enumerate(again.signed(members, first)):
        header, sealed = one.header, one.sealed
        if header.org != org:
            raise VerifyError(Failure.CHAIN_OTHER_ORG, str(sealed.place))
        if isinstance(header, tombstone.Header):
            links.tombstone(sealed, header)
            remains.tombstone(sealed.place, header)
        else:
            links.batch(sealed, header, hashlib.sha256(sealed.header).digest())
            chain = (header.agent, header.epoch)
            shown.take(chain, header.seq, sealed.place, header.beacon)
        if number % _EVERY == 0:
            tell(sealed.place - first)
    return Sealed(
        links.end(told),
        shown.end(),
        remains.end(members),
        keys.used,
    )
