"""Second reading of a log's range: chains, who signed, beacons, and the evidence of each batch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from collector.bundle import evidencefile, layout
from collector.bundle.evidence import Rows
from collector.bundle.members import Members
from collector.facts import CONFIG
from collector.verifying import again, beacons, chains, evidence
from collector.verifying.beacons import Beacons
from collector.verifying.chains import Chain, Chains
from collector.verifying.evidence import Segments
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
    evidence: evidence.Counts
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
    with ExitStack() as files:
        opened = {
            system: evidencefile.read(
                files.enter_context(members.open(layout.evidence_of(system))),
                layout.evidence_of(system),
            )
            for system in rows.histories
        }
        segments = Segments(opened, _checks(rows), whole=_whole(rows))
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
                segments.take(sealed.place, header)
            if number % _EVERY == 0:
                tell(sealed.place - first)
        return Sealed(
            links.end(told),
            shown.end(),
            segments.end(),
            remains.end(members),
            keys.used,
        )


def _checks(rows: Rows) -> dict[str, frozenset[str]]:
    """All checks that each system ever had."""
    return {
        system: frozenset(name for version in history.versions for name in version.config.checks)
        for system, history in rows.histories.items()
    }


def _whole(rows: Rows) -> bool:
    """Is every system disclosed that any version has? One part of each is the whole file's."""
    versions = [one for one in rows.shown if one.entry.kind == CONFIG]
    return all(
        one.parts and all(part.of == len(one.parts) + 1 for part in one.parts.values())
        for one in versions
    )
