"""A bundle judged, one thing after the other, until all is shown or something does not hold.

Nothing that stands in the bundle is believed before the check that shows it: the statement by its
signature, its members by the statement, the log by the policy, and all else by the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.x509 import Certificate

from collector.attest import dsse, note
from collector.attest.faults import AttestError
from collector.attest.note import Note
from collector.attest.policy import Policy
from collector.attest.strictjson import Value
from collector.bundle import layout, members, opening, predicate
from collector.bundle.evidence import Evidence, Rows
from collector.bundle.zipread import Zip
from collector.verifying import (
    early,
    figures,
    heads,
    logcheck,
    rendering,
    rotations,
    rowcheck,
    rows,
    sealing,
    signing,
    since,
    stamping,
    words,
)
from collector.verifying.claims import Claims, claims_of
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.heads import LATEST_MS, Head
from collector.verifying.refusals import refusals
from collector.verifying.sealing import Sealed
from collector.verifying.signing import Claimed
from collector.verifying.telling import Check, Doing, Tell, Told
from collector.verifying.trust import Trust, trust_of


@dataclass(frozen=True, slots=True)
class Given:
    """What the auditor has beside the bundle: a policy, the bytes of a checkpoint that was kept, the
    roots of time stamping authorities, and the hash of the program here (None: it is not compared).
    """

    policy: Policy | None = None
    since: bytes | None = None
    roots: Sequence[Certificate] = ()
    algorithm: str | None = None


@dataclass(slots=True)
class Outcome:
    """How far it came. `policy` is the one it was judged by; `failure` is None when all is shown."""

    failure: VerifyError | None = None
    policy: Policy | None = None
    claimed: Claimed | None = None
    claims: Claims | None = None
    head: Head | None = None
    sealed: Sealed | None = None
    derived: Mapping[str, Value] | None = None


def verify(file: BinaryIO, given: Given, tell: Tell) -> Outcome:
    """`file` can be seeked and is the caller's to close. Whatever stands in it, a failure has a name."""
    outcome = Outcome()
    try:
        with refusals():
            _verify(file, given, outcome, tell)
    except VerifyError as refused:
        outcome.failure = refused
    return outcome


def _verify(file: BinaryIO, given: Given, outcome: Outcome, tell: Tell) -> None:
    found = Zip(file)
    tell(words.bundle(found))
    issuers = opening.open_policy(found)
    policy = outcome.policy = given.policy or issuers
    claimed = outcome.claimed = _statement(found, policy)
    _each(tell, words.statement(claimed, policy))
    _each(tell, words.software(claimed.statement.predicate, given.algorithm))
    signing.check_members(found, claimed.statement, _progress(tell, Check.MEMBERS))
    tell(words.members(claimed.statement))
    claims = claims_of(claimed.statement.predicate)

    shown = opening.open_rows(found)
    plain = [row for _, row in shown.plain()]
    trust = trust_of(plain)
    final, latest = _final(found), claims.computed_at + LATEST_MS
    policy, issuers = trust.followed(policy), trust.followed(issuers)
    head = outcome.head = _judged(policy, trust, claimed, final, claims)
    _judged(issuers, trust, claimed, final, claims)
    _each(tell, words.checkpoint(head, claims))

    start = logcheck.start_of(found, head.checkpoint)
    first = start.before.size
    org = _organization(shown)
    rotations.check(org, plain, shown.keys)
    seen = rowcheck.seen(found, shown.shown, head, issuers, latest)
    own = None if given.policy is None else rowcheck.seen(found, shown.shown, head, policy, latest)
    published = logcheck.published(found, start, head.checkpoint, policy)
    logcheck.check_begin(policy, start, published.first, claims.asked.evidence_from, latest)
    kept = since.anchors(policy, given.since, first, head)
    anchors = [*published.anchors, *(one.anchor for one in seen), *kept]
    size = head.checkpoint.size - first
    checked = logcheck.check(found, start, org, shown, anchors, _counted(tell, Check.LOG, size))
    _each(tell, words.log(checked, policy))
    before = rowcheck.check(found, shown.shown, first, final, seen)
    _each(tell, words.rows(checked, before, shown.shown))
    _each(tell, words.approvals(seen if own is None else own))
    _each(tell, map(words.since, (one.size for one in kept)))

    sealed = outcome.sealed = sealing.check(
        found,
        org,
        first,
        shown,
        published.texts,
        rows.told(plain),
        _counted(tell, Check.CHAINS, size),
    )
    _each(tell, words.sealed(sealed))

    witnessed = opening.open_witnessed(found, issuers, shown, checked.log)
    evidence = Evidence(found, issuers, shown, checked.log, witnessed)
    numbers = figures.check(
        evidence, claims.asked, claimed.statement.predicate, _named(tell, shown)
    )
    outcome.derived = numbers.derived
    if own is not None:
        early.agree(outcome.derived, own)
    tell(words.evidence(numbers.evidence, sealed))
    _each(tell, words.figures(outcome.derived, claimed.statement.predicate))
    _each(tell, rendering.check(found, claimed.statement))
    _each(tell, stamping.check(found, given.roots))


def _each(tell: Tell, found: Iterable[Told]) -> None:
    for one in found:
        tell(one)


def _statement(found: Zip, policy: Policy) -> Claimed:
    """Signed by a key of the policy, or by one that such a key leads to."""
    data = members.whole(found, layout.STATEMENT, dsse.MAX_BYTES)
    try:
        return signing.opened(data, policy, predicate.TYPE)
    except VerifyError as refused:
        if refused.code is not Failure.STATEMENT_UNSIGNED:
            raise
    plain = [row for _, row in opening.open_rows(found).plain()]
    return signing.opened(data, trust_of(plain).followed(policy), predicate.TYPE)


def _final(found: Zip) -> Note:
    try:
        return note.parse(members.whole(found, layout.CHECKPOINT, note.MAX_BYTES))
    except AttestError:
        raise VerifyError(Failure.CHECKPOINT_MALFORMED, layout.CHECKPOINT) from None


def _judged(policy: Policy, trust: Trust, claimed: Claimed, final: Note, claims: Claims) -> Head:
    """The final checkpoint by keys that count for its size, seen after the period was over."""
    latest = claims.computed_at + LATEST_MS
    head = heads.judge(policy, final, latest, layout.CHECKPOINT)
    kept = trust.for_size(policy, head.checkpoint.size)
    if kept != policy:
        try:
            heads.judge(kept, final, latest, layout.CHECKPOINT)
        except VerifyError:
            raise VerifyError(Failure.CHECKPOINT_REVOKED, layout.CHECKPOINT) from None
        signing.still_trusted(claimed, kept)
    if head.seen_ms is not None and head.seen_ms < claims.asked.end:
        raise VerifyError(Failure.CHECKPOINT_EARLY, layout.CHECKPOINT)
    return head


def _organization(shown: Rows) -> str:
    """The id that every disclosed version has; VerifyError where there are several."""
    ids = {
        version.config.organization.id
        for history in shown.histories.values()
        for version in history.versions
    }
    if len(ids) != 1:
        raise VerifyError(Failure.ROWS_CONFIG, layout.ROWS)
    return ids.pop()


def _progress(tell: Tell, check: Check) -> Callable[[int, int], None]:
    return lambda done, whole: tell(Doing(check, done, whole))


def _counted(tell: Tell, check: Check, whole: int) -> Callable[[int], None]:
    return lambda done: tell(Doing(check, done, whole))


def _named(tell: Tell, shown: Rows) -> Callable[[str], None]:
    """Systems, one after the other."""
    whole = len(shown.histories)
    done = iter(range(whole))
    return lambda _system: tell(Doing(Check.FIGURES, next(done, whole), whole))
