"""What is known of each agent's chains: what is missing, and up to when nothing is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select, tuple_

from collector.store import ledger, ranges
from collector.store.ledger import TOMBS, Chain, Head
from collector.store.ranges import Ranges
from collector.store.tables import batches

SHOWN = 5
"""Epochs of an agent, the one that spoke last first: each loss of its state begins another."""
AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class ChainState:
    """One epoch of an agent. Instants are UTC milliseconds.

    `last_seq` is the highest that is stored or that a tombstone stands for; `missing` are those
    below it that are neither. Up to `complete_until` every result is here or given up, as far as
    seqs follow each other from 1 on; None where the first is missing.
    """

    epoch: str
    spoke_at: int
    last_seq: int
    missing: Ranges
    complete_until: int | None
    tombstones: int
    given_up: int
    broken_links: int

    @property
    def missing_count(self) -> int:
        return _count(self.missing)


def read(conn: Connection, org: str) -> dict[str, list[ChainState]]:
    """The newest chains of every agent that ever spoke."""
    heads = ledger.heads(conn, org)
    by_agent: dict[str, list[Chain]] = {}
    for agent, epoch in heads:
        if not epoch.endswith(TOMBS):
            by_agent.setdefault(agent, []).append((agent, epoch))
    shown = {
        agent: sorted(of_it, key=lambda c: (-_spoke(heads, c), c[1]))[:SHOWN]
        for agent, of_it in by_agent.items()
    }
    places = {c: place for some in shown.values() for c in some if (place := _edge(heads, c))}
    ends = _ends(conn, org, list(places.values()))
    return {
        agent: [_state(heads, chain, ends.get(places.get(chain, (0, 0)))) for chain in some]
        for agent, some in shown.items()
    }


def _state(heads: Mapping[Chain, Head], chain: Chain, complete_until: int | None) -> ChainState:
    head, tomb = heads[chain], heads.get(ledger.tombs(chain))
    held = _held(heads, chain)
    last = held[-1][1] if held else 0
    return ChainState(
        epoch=chain[1],
        spoke_at=_spoke(heads, chain),
        last_seq=last,
        missing=ranges.missing(held, ((1, last),)) if last else (),
        complete_until=complete_until,
        tombstones=0 if tomb is None else _count(tomb.stored),
        given_up=0 if tomb is None else tomb.given_up,
        broken_links=head.broken,
    )


def _count(seqs: Ranges) -> int:
    return sum(last - first + 1 for first, last in seqs)


def _held(heads: Mapping[Chain, Head], chain: Chain) -> Ranges:
    tomb = heads.get(ledger.tombs(chain))
    own = heads[chain].stored
    return own if tomb is None else ranges.union(own, tomb.covered)


def _spoke(heads: Mapping[Chain, Head], chain: Chain) -> int:
    tomb = heads.get(ledger.tombs(chain))
    return max(heads[chain].spoke_at, 0 if tomb is None else tomb.spoke_at)


def _edge(heads: Mapping[Chain, Head], chain: Chain) -> tuple[int, int] | None:
    """(number of the chain, seq) of the row that ends what follows from seq 1 without a hole."""
    held = _held(heads, chain)
    if not held or held[0][0] != 1:
        return None
    edge, head = held[0][1], heads[chain]
    if ranges.contains(head.stored, edge):
        return head.number, edge
    tomb = heads[ledger.tombs(chain)]
    return tomb.number, max(min(last, edge) for first, last in tomb.stored if first <= edge)


def _ends(
    conn: Connection, org: str, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for n in range(0, len(places), AT_ONCE):
        rows = conn.execute(
            select(batches.c.chain, batches.c.seq, batches.c.last_t, batches.c.received_at).where(
                batches.c.org == org,
                tuple_(batches.c.chain, batches.c.seq).in_(places[n : n + AT_ONCE]),
            )
        )
        # An agent's clock may be anywhere: of time that had not come nobody knew anything.
        found |= {(r.chain, r.seq): max(0, min(r.last_t, r.received_at)) for r in rows}
    return found
