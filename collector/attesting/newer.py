"""Results that came since an attestation was issued and are of its period. What people recorded after
it had closed, such as a correction, is past its edge of knowledge and changes no number of it.

The log is looked through once, from where it was looked through last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from collector.store import attestations, ledger
from collector.store.attestations import Attestation
from collector.tlog import epochs, reading
from collector.tlog.epochs import Log
from collector.tlog.leafrows import JOURNAL
from probes.history import History
from probes.spans import Interval

PAGE = 2_000
"""Leaves looked at in one transaction at most."""


@dataclass(frozen=True, slots=True)
class _News:
    """A batch in the log that is about a time, and may be about these systems."""

    index: int
    span: Interval
    systems: frozenset[str]


def look(conn: Connection, org: str, history: History) -> bool:
    """Look on, at a page; False: there is no more. What waits for a revision already is passed
    over, and so is what a later one supersedes, or is of a log that was given up.
    """
    log = epochs.current(conn, org, Log.EVIDENCE)
    if log is None:
        return False
    known = newest(attestations.every(conn, org))
    waiting = [one for one in known if not one.newer and _is_of(one, log.epoch)]
    start = min((one.looked_to for one in waiting), default=log.tree.size)
    if start >= log.tree.size:
        return False
    end = min(start + PAGE, log.tree.size)
    found = list(_news(conn, org, log.epoch, start, end, history))
    for one in waiting:
        if one.looked_to < end:
            attestations.looked(conn, org, one.number, end, newer=_concerns(one, found))
    return end < log.tree.size


def is_newer(conn: Connection, org: str, one: Attestation, history: History) -> bool:
    """Is there anything, as far as the log goes now? Another log is new as a whole."""
    log = epochs.current(conn, org, Log.EVIDENCE)
    if one.newer or log is None:
        return one.newer
    if not _is_of(one, log.epoch):
        return True
    news = _news(conn, org, log.epoch, one.looked_to, log.tree.size, history)
    return _concerns(one, list(news))


def newest(found: Sequence[Attestation]) -> list[Attestation]:
    """The issued ones that none supersedes."""
    last = {(one.start, one.end, one.systems): one for one in found if one.issued is not None}
    return list(last.values())


def _is_of(one: Attestation, epoch: int) -> bool:
    return one.issued is not None and one.issued.epoch == epoch


def _concerns(one: Attestation, found: Sequence[_News]) -> bool:
    return any(
        news.index >= one.looked_to
        and news.span.start < one.end
        and one.start < news.span.end
        and not news.systems.isdisjoint(one.systems)
        for news in found
    )


def _news(
    conn: Connection, org: str, epoch: int, start: int, end: int, history: History
) -> Iterator[_News]:
    leaves = reading.leaves(conn, org, Log.EVIDENCE, start, end, epoch=epoch)
    places = {(leaf.chain, leaf.number): leaf.index for leaf in leaves if leaf.chain > JOURNAL}
    seen_by = _systems_by_agent(history)
    for place, (agent, first, last) in ledger.spans_of(conn, org, places).items():
        yield _News(places[place], Interval(first, last), seen_by.get(agent, frozenset()))


def _systems_by_agent(history: History) -> dict[str, frozenset[str]]:
    """What an agent has ever had a check of."""
    found: dict[str, set[str]] = {}
    for version in history.versions:
        for name, check in version.config.checks.items():
            for agent in version.config.agents_of(name):
                found.setdefault(agent, set()).add(check.system)
    return {agent: frozenset(systems) for agent, systems in found.items()}
