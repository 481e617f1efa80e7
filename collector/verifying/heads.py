"""Checkpoints against a trust policy: who signed, and when enough witnesses had seen them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from collector.attest import checkpoint
from collector.attest.checkpoint import Checkpoint
from collector.attest.faults import AttestError, Fault
from collector.attest.note import Note
from collector.attest.policy import Accepted, Policy, accept
from collector.attest.vkey import VerifierKey
from collector.bundle.witnessing import cosigned_ms
from collector.verifying.failures import Failure, VerifyError

LATEST_MS = 86_400_000
"""A witness whose clock is further ahead of the statement than this cannot be used for a time."""

_FAILURES = {
    Fault.POLICY_LOG: Failure.CHECKPOINT_UNSIGNED,
    Fault.NOTE_UNSIGNED: Failure.CHECKPOINT_UNSIGNED,
    Fault.NOTE_BAD_SIGNATURE: Failure.CHECKPOINT_SIGNATURE,
    Fault.POLICY_QUORUM: Failure.CHECKPOINT_QUORUM,
    Fault.NOTE_AMBIGUOUS_KEYS: Failure.POLICY_MALFORMED,
}


@dataclass(frozen=True, slots=True)
class Head:
    """`seen_ms`: UTC ms when the quorum was reached, None where the policy asks for no witness.
    `log`: the key that signed; `witnesses`: UTC ms by their names in the policy.
    """

    checkpoint: Checkpoint
    log: VerifierKey
    witnesses: Mapping[str, int]
    seen_ms: int | None


def judge(policy: Policy, signed: Note, latest_ms: int, place: str) -> Head:
    """The checkpoint as the policy accepts it; VerifyError. No cosignature may be of later than
    `latest_ms` (UTC ms): a far future would never have to be explained.
    """
    found = _accepted(policy, signed, place)
    if any(time_s * 1000 > latest_ms for time_s in found.witnessed.values()):
        raise VerifyError(Failure.CHECKPOINT_FUTURE, place)
    return Head(
        found.checkpoint,
        found.log,
        {shown(name): time_s * 1000 for name, time_s in found.witnessed.items()},
        cosigned_ms(policy, found.witnessed),
    )


def published(policy: Policy, signed: Note, place: str) -> Checkpoint:
    """A checkpoint that a log of the policy signed, whoever has cosigned it; VerifyError."""
    return _accepted(replace(policy, quorum=None), signed, place).checkpoint


def shown(name: bytes) -> str:
    """A name of a policy, for people: octets beyond ASCII are escaped."""
    return name.decode("ascii", "backslashreplace")


def _accepted(policy: Policy, signed: Note, place: str) -> Accepted:
    try:
        checkpoint.parse(signed.text)
        return accept(policy, signed)
    except AttestError as refused:
        raise VerifyError(
            _FAILURES.get(refused.code, Failure.CHECKPOINT_MALFORMED), place
        ) from None
