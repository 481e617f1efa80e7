"""A checkpoint against a trust policy: a log of it has signed, and enough of its witnesses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.attest import checkpoint, note
from collector.attest.checkpoint import Checkpoint
from collector.attest.faults import AttestError, Fault
from collector.attest.note import Note
from collector.attest.vkey import VerifierKey


@dataclass(frozen=True, slots=True)
class Group:
    """It witnesses what `threshold` of its members do: witnesses, or groups defined before it."""

    threshold: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """C2SP tlog-policy; names are octets without meaning outside of it. `quorum` None: no witness
    is asked for. `groups` stand in the order of their definition.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[bytes, VerifierKey]
    groups: Mapping[bytes, Group]
    quorum: bytes | None


@dataclass(frozen=True, slots=True)
class Accepted:
    """`log`: the key that signed. `witnessed`: seconds since 1970 by name of the witness, the
    earliest where one has cosigned several times.
    """

    checkpoint: Checkpoint
    log: VerifierKey
    witnessed: Mapping[bytes, int]


def accept(policy: Policy, signed: Note) -> Accepted:
    """AttestError when it is no checkpoint, when a signature of a key of the policy is wrong, when
    no log with this origin has signed, and when the quorum is not reached.
    """
    head = checkpoint.parse(signed.text)
    found = note.verify(signed, (*policy.logs, *policy.witnesses.values()))
    logs = [one.key for one in found if one.key in policy.logs and one.key.name == head.origin]
    if not logs:
        raise AttestError(Fault.POLICY_LOG)
    times: dict[VerifierKey, int] = {}
    for one in found:
        if one.time_s is not None:
            times[one.key] = min(one.time_s, times.get(one.key, one.time_s))
    witnessed = {name: times[key] for name, key in policy.witnesses.items() if key in times}
    if not reached(policy, set(witnessed)):
        raise AttestError(Fault.POLICY_QUORUM)
    return Accepted(head, logs[0], witnessed)


def reached(policy: Policy, cosigned: set[bytes]) -> bool:
    """Are the witnesses with these names a quorum?"""
    if policy.quorum is None:
        return True
    names = set(cosigned)
    for name, group in policy.groups.items():
        if sum(member in names for member in group.members) >= group.threshold:
            names.add(name)
    return policy.quorum in names
