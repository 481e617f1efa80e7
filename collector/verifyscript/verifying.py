"""All checks, in order, each told in a line when it is done."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from collector.verifyscript.archive import NOT_SUBJECTS, Archive
from collector.verifyscript.arithmetic import check_sums
from collector.verifyscript.around import Seen, around
from collector.verifyscript.asked import Asked, asked_in, recorded_of
from collector.verifyscript.beacons import check_beacons
from collector.verifyscript.causes import Causes
from collector.verifyscript.chains import Header, header_in, linked
from collector.verifyscript.disclosed import (
    complete,
    included_early,
    proved,
    rows_of,
    seen_early,
    told_broken,
)
from collector.verifyscript.entries import STATE_KINDS, Entry, entry_in
from collector.verifyscript.failing import Failure
from collector.verifyscript.figures import System
from collector.verifyscript.keys import AgentKeys
from collector.verifyscript.logs import (
    Published,
    check_begin,
    expected,
    kept,
    kept_root,
    published,
    walk,
)
from collector.verifyscript.notes import (
    Accepted,
    Policy,
    VerifierKey,
    accepted_by,
    note_in,
    policy_in,
    quorum_time,
)
from collector.verifyscript.remains import Remains, remains_of
from collector.verifyscript.rows import Shown
from collector.verifyscript.spans import DAY_MS
from collector.verifyscript.statement import Statement, statement_in
from collector.verifyscript.trust import LogKeys

_ENTRIES = "log/entries.bin"
_BACKDATED_MS = 3_600_000
"""A row that was recorded so long before a batch came does not stand behind it."""
_NOT_MADE = (
    "what the issuer alone claims (attestationId, version, computedAt, software, signer, supersedes, "
    "selfMonitoring, limitations), who runs agents and witnesses, method.tzdata"
)
"""Fields that are as the statement says, and no more than that."""
_DERIVED = (
    *("scope", "period", "method", "vantagePoints", "results", "outages", "exclusions", "gaps"),
    *("gapsLeftOut", "incidents", "configChanges", "lateEvidence", "log", "assurance", "states"),
)
"""Fields that evidence makes; a statement has them all."""
Say = Callable[[str], None]


class _Read(NamedTuple):
    """What was read of a bundle once the log has been walked. `places`: where in the member of the
    entries each one with a header stands, and how long it is. `early`: when witnesses had seen rows.
    """

    bundle: Archive
    statement: Statement
    asked: Asked
    log: Published
    rows: list[Shown]
    early: dict[int, int]
    org: str
    headers: dict[int, Header]
    places: dict[int, tuple[int, int]]


def verify(bundle: Archive, own_policy: bytes | None, since: bytes | None, say: Say) -> None:
    """Failure at the first check that does not hold."""
    issuers = policy_in(bundle.whole("policy.txt"))
    policy = issuers if own_policy is None else policy_in(own_policy)
    statement = _statement(bundle, policy)
    say("statement: signed by " + ", ".join(key.name for key in statement.signers))
    _check_subjects(bundle, statement)
    say(f"files: {len(statement.subjects)}, each the one that the statement names")
    asked, computed = asked_in(statement.predicate), statement.predicate["computedAt"]
    rows = rows_of(bundle)
    keys = LogKeys(rows)
    policy, issuers = keys.followed(policy), keys.followed(issuers)
    _check_final(bundle, policy, keys, statement, asked)
    final = _check_final(bundle, issuers, keys, statement, asked)
    names = [name.decode(errors="replace") for name in final.times]
    seen = Seen(names, issuers.quorum is not None)
    log = published(bundle, policy, computed)
    check_begin(policy, log, asked.since, computed)
    early, roots = seen_early(bundle, rows, issuers, log, computed)
    own, _ = (
        (early, roots) if own_policy is None else seen_early(bundle, rows, policy, log, computed)
    )
    if since is not None:
        kept(policy, since, log)
    read = _Read(bundle, statement, asked, log, rows, early, _organization(bundle, rows), {}, {})
    _walk(read, expected(log, {} if since is None else kept_root(since), roots))
    say(
        f"log: {log.origin}, entries {log.first} to {log.final.checkpoint.size} lead to each of "
        f"{len(log.roots)} checkpoints; witnesses of the last: {len(log.final.times)}"
    )
    older = proved(bundle, rows, log)
    included_early(bundle, rows, early)
    say(
        f"rows: {len(rows)} shown, {older} from before the range, none missing that numbers depend "
        f"on; seen early by witnesses: {len(early)}"
    )
    _check_figures(read, _check_chains(read, say), seen, say)
    for exclusion in statement.predicate["exclusions"] if own_policy is not None else ():
        at = own.get(exclusion["logIndex"])
        if exclusion["preRegistered"] and at is not None and at >= exclusion["start"]:
            raise Failure("early.later", str(exclusion["logIndex"]))
    say(
        "report.html, report.pdf, oscal.json: the issuer's; that they say the same is NOT verified here"
    )
    if "timestamp.tsr" in bundle.names:
        say("time stamp: there is one, NOT verified here; openssl ts and wardwatch verify do")
    for key in policy.logs:
        say("log key " + _named(key))
    for key in policy.witnesses.values():
        say("witness " + _named(key))
    if own_policy is None:
        say(
            "These keys are the bundle's own word: compare them with what you know, or use --policy"
        )
    say("VERIFIED, as far as the lines above say")


def _statement(bundle: Archive, policy: Policy) -> Statement:
    """Signed by a key of the policy, or by one that such a key leads to."""
    data = bundle.whole("statement.json", 16 << 20)
    try:
        return statement_in(data, policy)
    except Failure as failure:
        if failure.code != "statement.unsigned":
            raise
    return statement_in(data, LogKeys(rows_of(bundle)).followed(policy))


def _check_final(
    bundle: Archive, policy: Policy, keys: LogKeys, statement: Statement, asked: Asked
) -> Accepted:
    """The last checkpoint is signed by keys that count for its size, and was seen after the period."""
    name = "checkpoint.txt"
    note = note_in(bundle.whole(name, 2 << 20))
    if note is None:
        raise Failure("checkpoint.malformed", name)
    found = accepted_by(policy, note, name)
    if any(1000 * t > statement.predicate["computedAt"] + DAY_MS for t in found.times.values()):
        raise Failure("checkpoint.future", name)
    still = keys.for_size(policy, found.checkpoint.size)
    if still != policy:
        try:
            accepted_by(still, note, name)
        except Failure:
            raise Failure("checkpoint.revoked", name) from None
        if not set(statement.signers) & set(still.logs):
            raise Failure("statement.unsigned", "statement.json")
    at = quorum_time(policy, found)
    if at is not None and at < asked.end:
        raise Failure("checkpoint.early", name)
    return found


def _check_subjects(bundle: Archive, statement: Statement) -> None:
    for name in statement.subjects:
        if name not in bundle.names:
            raise Failure("subject.missing", name)
    for name in bundle.names:
        digest = bundle.digest(name)
        if name in NOT_SUBJECTS:
            continue
        if name not in statement.subjects:
            raise Failure("subject.unlisted", name)
        if digest != statement.subjects[name]:
            raise Failure("subject.differs", name)


def _organization(bundle: Archive, rows: Sequence[Shown]) -> str:
    """Its id, as the versions of the disclosed systems have it."""
    if not bundle.systems:
        raise Failure("bundle.member", "evidence")
    try:
        return str(recorded_of(rows, bundle.systems[0])[0].config["organization"]["id"])
    except (KeyError, TypeError):
        raise Failure("rows.config", bundle.systems[0]) from None


def _walk(read: _Read, due: list[Any]) -> None:
    """Compare the rows of the range with its entries, and gather what agents signed."""
    shown = {row.place: row for row in read.rows if row.place >= read.log.first}
    if shown and max(shown) >= read.log.final.checkpoint.size:
        raise Failure("rows.differ", str(max(shown)))
    offset = received = 0

    def look(index: int, data: bytes, entry: Entry) -> None:
        nonlocal offset, received
        row = shown.get(index)
        if row is not None and row.line != data:
            raise Failure("rows.differ", str(index))
        if row is None and entry.kind.startswith("evidence."):
            raise Failure("rows.withheld", str(index))
        if entry.kind in STATE_KINDS and entry.time + _BACKDATED_MS < received:
            raise Failure("rows.backdated", str(index))
        if entry.header:
            received = max(received, entry.time)
            stone = entry.word == "tombstone"
            read.headers[index] = header_in(
                read.org, index, entry.time, entry.header, tombstone=stone
            )
            read.places[index] = (offset + 2, len(data))
        offset += 2 + len(data)

    complete(read.rows, walk(read.bundle, read.log, due, look))


def _check_chains(read: _Read, say: Say) -> AgentKeys:
    found = linked(read.headers, told_broken(read.rows))
    recorded = [recorded_of(read.rows, system) for system in read.bundle.systems]
    keys = AgentKeys(read.org, read.rows, recorded)
    for index in found.ask:
        entry = entry_in(read.bundle.read(_ENTRIES, *read.places[index]), str(index))
        agent = read.headers[index].agent
        keys.check(agent, entry.time, entry.signature, entry.header, str(index))
    named = check_beacons(read.headers, read.log.texts)
    say(
        f"chains: {len(read.headers)} batches of {found.chains} epochs, {len(found.ask)} signatures "
        f"stand for all; numbers that are not there: {found.holes}; links told broken: "
        f"{found.broken}; sealed after a checkpoint of the log: {named}"
    )
    return keys


def _check_figures(read: _Read, keys: AgentKeys, seen: Seen, say: Say) -> None:
    """The statement's sums, then each system's numbers from its evidence."""
    said = read.statement.predicate
    remains = remains_of(read.bundle, read.headers)
    causes = Causes(read.headers.values(), read.rows)
    systems = [_recomputed(read, name, remains, causes, say) for name in read.bundle.systems]
    for place, header in read.headers.items() if _is_whole(read.rows) else ():
        shown = sum(one.shown.get(place, 0) for one in systems)
        if not header.is_tombstone and shown != header.results:
            raise Failure("segment.withheld", str(place))
    done = [one for one in systems if one.unknown is None]
    missing = [field for field in _DERIVED if field not in said]
    if missing:
        raise Failure("figures.differ", missing[0])
    try:
        if [one["system"] for one in said["results"]] != read.bundle.systems:
            raise Failure("figures.differ", "results")
        wrong = [path for one in done for path in one.differing(said)]
        wrong += around(said, read.rows, read.headers, read.log, read.asked, done, keys, seen)
        if wrong:
            raise Failure("figures.differ", ", ".join(wrong[:20]))
        check_sums(said)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        raise Failure("statement.malformed", "statement.json") from None
    say("not recomputed here: " + _NOT_MADE)


def _is_whole(rows: Sequence[Shown]) -> bool:
    """Is every system shown that any version has?"""
    versions = [row for row in rows if row.kind == "config.version"]
    return all(row.parts and row.of == {len(row.parts) + 1} for row in versions)


def _recomputed(read: _Read, name: str, remains: list[Remains], causes: Causes, say: Say) -> System:
    if sys.stderr.isatty():
        sys.stderr.write(f"recomputing {name} ...\n")
    try:
        own = [one for one in remains if one.system == name]
        found = System(
            read.bundle, name, read.asked, read.rows, read.headers, own, causes, read.early
        )
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        raise Failure("rows.config", name) from None
    if found.unknown is None:
        say(f"{name}: recomputed from {found.count} results")
    else:
        say(f"{name}: segments right, numbers NOT recomputed here: {found.unknown}")
    return found


def _named(key: VerifierKey) -> str:
    """Its name and SHA-256, as `openssl pkey -pubin -outform DER | sha256sum` shows it."""
    spki = bytes.fromhex("302a300506032b6570032100") + key.public
    return f"{key.name}: {hashlib.sha256(spki).hexdigest()}"
