"""The statement: who signed it, and are the bundle's members those that it names?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.attest import dsse, statement
from collector.attest.dsse import Envelope
from collector.attest.faults import AttestError, Fault
from collector.attest.policy import Policy
from collector.attest.statement import PAYLOAD_TYPE, Statement
from collector.bundle import layout
from collector.bundle.zipread import Zip
from collector.verifying.failures import Failure, VerifyError


@dataclass(frozen=True, slots=True)
class Claimed:
    """A signed statement. `signers`: texts of the policy's log keys that signed it."""

    statement: Statement
    envelope: Envelope
    signers: frozenset[str]


def opened(data: bytes, policy: Policy, kind: str) -> Claimed:
    """VerifyError unless a log key of the policy has signed a statement of this predicate type, in an
    envelope of the one spelling that we write.
    """
    try:
        envelope = dsse.parse(data)
        signers = _signers(envelope, policy)
        if envelope.payload_type != PAYLOAD_TYPE or dsse.write(envelope) != data:
            raise VerifyError(Failure.STATEMENT_MALFORMED, layout.STATEMENT)
        found = statement.parse(envelope.payload)
    except AttestError as refused:
        unsigned = refused.code is Fault.DSSE_UNSIGNED
        failure = Failure.STATEMENT_UNSIGNED if unsigned else Failure.STATEMENT_MALFORMED
        raise VerifyError(failure, layout.STATEMENT) from None
    if found.predicate_type != kind:
        raise VerifyError(Failure.STATEMENT_MALFORMED, layout.STATEMENT)
    return Claimed(found, envelope, signers)


def _signers(envelope: Envelope, policy: Policy) -> frozenset[str]:
    """AttestError DSSE_UNSIGNED when no log key has signed."""
    keys = {key.text(): Ed25519PublicKey.from_public_bytes(key.public) for key in policy.logs}
    return dsse.verify(envelope, keys)


def still_trusted(claimed: Claimed, policy: Policy) -> None:
    """VerifyError when all who signed are log keys that the policy no longer names."""
    try:
        _signers(claimed.envelope, policy)
    except AttestError:
        raise VerifyError(Failure.STATEMENT_UNSIGNED, layout.STATEMENT) from None


def check_members(found: Zip, claimed: Statement, tell: Callable[[int, int], None]) -> int:
    """How many members there are. VerifyError for one that the statement does not name, or names
    otherwise, and for one that it names and that is not there. `tell`: bytes done and in all.
    """
    named = {one.name: one.sha256 for one in claimed.subjects}
    sizes = {name: found.size(name) for name in found.names}
    done, whole = 0, sum(sizes.values())
    if len(named) != len(claimed.subjects):
        raise VerifyError(Failure.STATEMENT_MALFORMED, layout.STATEMENT)
    for name in named:
        if name not in sizes or name in layout.NOT_SUBJECTS:
            raise VerifyError(Failure.SUBJECT_MISSING, _shown(name))
    for name, size in sizes.items():
        digest = found.digest(name)
        if name not in layout.NOT_SUBJECTS:
            _check_member(name, digest, named)
        done += size
        tell(done, whole)
    return len(sizes)


def _check_member(name: str, digest: str, named: Mapping[str, str]) -> None:
    if name not in named:
        raise VerifyError(Failure.SUBJECT_UNLISTED, name)
    if digest != named[name]:
        raise VerifyError(Failure.SUBJECT_DIFFERS, name)


def _shown(name: str) -> str:
    """A name that a statement gives; one that no member has is not repeated."""
    return name if layout.place_of(name) is not None else layout.STATEMENT
