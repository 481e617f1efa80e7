"""A bundle judged, one thing after the other, until all is shown or something does not hold.

Nothing that stands in the bundle is believed before the check that shows it: the statement by its
signature, its members by the statement, the log by the policy, and all else by the log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from collector.attest import dsse, note
from collector.attest.faults import AttestError
from collector.attest.note import Note
from collector.attest.policy import Policy
from collector.bundle import layout, members, opening
from collector.bundle.evidence import Evidence
from collector.bundle.zipread import Zip
from collector.verifying import (
    heads,
    logcheck,
    rotations,
    rowcheck,
    rows,
    sealing,
    signing,
    since,
    words,
)
from collector.verifying.claims import Claims, claims_of
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.heads import LATEST_MS, Head
from collector.verifying.logcheck import Checked
from collector.verifying.refusals import refusals
from collector.verifying.rowcheck import Proved
from collector.verifying.sealing import Sealed
from collector.verifying.signing import Claimed
from collector.verifying.telling import Check, Doing, Tell, Told


@dataclass(frozen=True, slots=True)
class Given:
    """What the auditor has beside the bundle: a policy, and the bytes of a checkpoint kept."""

    policy: Policy | None = None
    since: bytes | None = None


@dataclass(slots=True)
class Outcome:
    """How far it came. `policy` is the one it was judged by; `failure` is None when all is shown."""

    failure: VerifyError | None = None
    policy: Policy | None = None
    claimed: Claimed | None = None
    claims: Claims | None = None
    head: Head | None = None
    sealed: Sealed | None = None


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
    tell(Told(Check.BUNDLE, words.bundle(found)))
    issuers = opening.open_policy(found)
    policy = outcome.policy = given.policy or issuers
    claimed = outcome.claimed = _statement(found, policy)
    tell(Told(Check.STATEMENT, words.statement(claimed)))
    signing.check_members(found, claimed.statement, _progress(tell, Check.MEMBERS))
    tell(Told(Check.MEMBERS, words.members(claimed.statement)))
    claims = outcome.claims = claims_of(claimed.statement.predicate)

    final, latest = _final(found), claims.computed_at + LATEST_MS
    head = outcome.head = heads.judge(policy, final, latest, layout.CHECKPOINT)
    by_issuer = heads.judge(issuers, final, latest, layout.CHECKPOINT)
    for one in (head, by_issuer):
        if one.seen_ms is not None and one.seen_ms < claims.asked.now:
            raise VerifyError(Failure.CHECKPOINT_EARLY, layout.CHECKPOINT)
    tell(Told(Check.CHECKPOINT, words.checkpoint(head)))

    start = logcheck.start_of(found, head.checkpoint)
    first = start.before.size
    shown = opening.open_rows(found)
    plain = [row for _, row in shown.plain()]
    rotations.check(claims.organization, plain, shown.keys)
    proved = rowcheck.check(found, shown.shown, first, final, head, issuers, latest)
    published = logcheck.published(found, start, head.checkpoint, policy)
    anchors = [*published.anchors, *(one.anchor for one in proved.seen)]
    if given.since is not None:
        kept, anchor = since.kept(policy, given.since)
        since.comparable(policy, kept, anchor, first, head)
        anchors.append(anchor)
    checked = logcheck.check(
        found,
        start,
        claims.organization,
        shown,
        anchors,
        _counted(tell, Check.LOG, head.checkpoint.size - first),
    )
    tell(Told(Check.LOG, words.log(checked, published)))
    tell(Told(Check.ROWS, words.rows(checked, proved)))
    tell(Told(Check.APPROVALS, words.approvals(proved)))
    if given.since is not None:
        tell(Told(Check.SINCE, words.since(anchor)))

    sealed = outcome.sealed = sealing.check(
        found,
        claims.organization,
        first,
        shown,
        published.texts,
        rows.told(plain),
        _counted(tell, Check.CHAINS, checked.entries),
    )
    for one in words.sealed(sealed):
        tell(one)
