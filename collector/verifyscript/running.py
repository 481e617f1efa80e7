"""All of it, in order."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

from collector.verifyscript.archive import NOT_SUBJECTS, Archive
from collector.verifyscript.arithmetic import check_sums
from collector.verifyscript.around import around
from collector.verifyscript.chains import Header, header_in, linked
from collector.verifyscript.disclosed import complete, proved, rows_of, seen_early, told_broken
from collector.verifyscript.entries import Entry, entry_in
from collector.verifyscript.evidence import check_tombstones
from collector.verifyscript.failing import Failure
from collector.verifyscript.figures import Asked, System, asked_in, recorded_of
from collector.verifyscript.keys import AgentKeys
from collector.verifyscript.logs import Published, expected, kept, kept_root, published, walk
from collector.verifyscript.notes import VerifierKey, policy_in
from collector.verifyscript.rows import Shown
from collector.verifyscript.statement import Statement, statement_in

_WRONG_USAGE = 3
_ENTRIES = "log/entries.bin"
_NOT_MADE = (
    "gaps.cause, incidents, vantagePoints.keys, assurance, method.tzdata and what the issuer alone "
    "claims (attestationId, computedAt, software, signer, supersedes, selfMonitoring)"
)
"""Fields that are as the statement says, and no more than that."""
Say = Callable[[str], None]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(_WRONG_USAGE, f"verify.py: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code."""
    parser = _Parser(
        prog="verify.py",
        description="Verify a Wardwatch availability attestation, with Python alone.",
        epilog="Exit codes: 0 verified; 1 the evidence contradicts the statement; 2 incomplete, "
        "untrusted or malformed; 3 called wrongly.",
    )
    parser.add_argument("bundle", metavar="BUNDLE.zip")
    parser.add_argument("--policy", help="whom you trust; left out: whom the bundle names")
    parser.add_argument("--since", metavar="CHECKPOINT", help="one of this log that you kept")
    asked = parser.parse_args(arguments)
    try:
        own = None if asked.policy is None else _file(asked.policy)
        since = None if asked.since is None else _file(asked.since)
        with open(asked.bundle, "rb") as file:
            verify(Archive(file), own, since, _said)
    except OSError as error:
        sys.stderr.write(f"verify.py: {error.filename}: {error.strerror}\n")
        return _WRONG_USAGE
    except Failure as failure:
        where = f" ({failure.where})" if failure.where else ""
        _said(f"NOT VERIFIED: {failure.code}{where}: {failure.kind}")
        return failure.exit_code
    return 0


def _file(name: str) -> bytes:
    with open(name, "rb") as file:
        return file.read(2 << 20)


def _said(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


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
    policy = policy_in(bundle.whole("policy.txt") if own_policy is None else own_policy)
    statement = statement_in(bundle.whole("statement.json"), policy)
    say("statement: signed by " + ", ".join(key.name for key in statement.signers))
    _check_subjects(bundle, statement)
    say(f"files: {len(statement.subjects)}, each the one that the statement names")
    asked = asked_in(statement.predicate)
    computed = statement.predicate["computedAt"]
    log = published(bundle, policy, computed)
    if since is not None:
        kept(policy, since, log)
    rows = rows_of(bundle)
    early, roots = seen_early(bundle, rows, policy, log, computed)
    read = _Read(bundle, statement, asked, log, rows, early, _organization(bundle, rows), {}, {})
    _walk(read, expected(log, {} if since is None else kept_root(since), roots))
    head = log.final
    say(
        f"log: {log.origin}, entries {log.first} to {head.checkpoint.size} lead to each of "
        f"{len(log.roots)} checkpoints; witnesses of the last: {len(head.times)}"
    )
    older = proved(bundle, rows, log)
    say(
        f"rows: {len(rows)} shown, {older} from before the range, none missing that numbers depend "
        f"on; seen early by witnesses: {len(early)}"
    )
    _check_chains(read, say)
    _check_figures(read, say)
    for key in policy.logs:
        say("log key " + _named(key))
    for key in policy.witnesses.values():
        say("witness " + _named(key))
    if own_policy is None:
        say(
            "These keys are the bundle's own word: compare them with what you know, or use --policy"
        )
    say("VERIFIED, as far as the lines above say")


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
    offset = 0

    def look(index: int, data: bytes, entry: Entry) -> None:
        nonlocal offset
        row = shown.get(index)
        if row is not None and row.line != data:
            raise Failure("rows.differ", str(index))
        if entry.header:
            stone = entry.word == "tombstone"
            read.headers[index] = header_in(
                read.org, index, entry.time, entry.header, tombstone=stone
            )
            read.places[index] = (offset + 2, len(data))
        offset += 2 + len(data)

    complete(read.rows, walk(read.bundle, read.log, due, look))


def _check_chains(read: _Read, say: Say) -> None:
    found = linked(read.headers, told_broken(read.rows))
    recorded = [recorded_of(read.rows, system) for system in read.bundle.systems]
    keys = AgentKeys(read.org, read.rows, recorded)
    for index in found.ask:
        entry = entry_in(read.bundle.read(_ENTRIES, *read.places[index]), str(index))
        agent = read.headers[index].agent
        keys.check(agent, entry.time, entry.signature, entry.header, str(index))
    say(
        f"chains: {len(read.headers)} batches of {found.chains} epochs, {len(found.ask)} signatures "
        f"stand for all; numbers that are not there: {found.holes}; links told broken: "
        f"{found.broken}"
    )


def _check_figures(read: _Read, say: Say) -> None:
    """The statement's sums, then each system's numbers from its evidence."""
    said = read.statement.predicate
    kept_runs = check_tombstones(read.bundle, read.headers)
    systems = [_recomputed(read, name, kept_runs, say) for name in read.bundle.systems]
    done = [one for one in systems if one.unknown is None]
    try:
        check_sums(said)
        if [one["system"] for one in said["results"]] != read.bundle.systems:
            raise Failure("figures.differ", "results")
        wrong = [path for one in done for path in one.differing(said)]
        wrong += around(said, read.rows, read.headers, read.log, read.asked, done)
        whole = not said["scope"]["undisclosedSystems"]
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        raise Failure("statement.malformed", "statement.json") from None
    if wrong:
        raise Failure("figures.differ", ", ".join(wrong[:20]))
    for place, header in read.headers.items() if whole else ():
        shown = sum(one.shown.get(place, 0) for one in systems)
        if not header.is_tombstone and shown != header.results:
            raise Failure("segment.withheld", str(place))
    say("not recomputed here: " + _NOT_MADE)


def _recomputed(read: _Read, name: str, kept_runs: int, say: Say) -> System:
    if sys.stderr.isatty():
        sys.stderr.write(f"recomputing {name} ...\n")
    try:
        found = System(read.bundle, name, read.asked, read.rows, read.headers, read.early)
    except (KeyError, TypeError, IndexError, AttributeError, ValueError):
        raise Failure("rows.config", name) from None
    if kept_runs:
        found.unknown = "agents gave up batches, and what they kept is packed with zstd"
    if found.unknown is None:
        say(f"{name}: recomputed from {found.count} results")
    else:
        say(f"{name}: segments right, numbers NOT recomputed here: {found.unknown}")
    return found


def _named(key: VerifierKey) -> str:
    """Its name and SHA-256, as `openssl pkey -pubin -outform DER | sha256sum` shows it."""
    spki = bytes.fromhex("302a300506032b6570032100") + key.public
    return f"{key.name}: {hashlib.sha256(spki).hexdigest()}"


if __name__ == "__main__":
    sys.exit(main())
