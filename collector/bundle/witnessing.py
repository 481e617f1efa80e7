"""When enough witnesses had seen a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping

from collector.attest.policy import Policy, reached


def cosigned_ms(policy: Policy, witnessed: Mapping[bytes, int]) -> int | None:
    """UTC ms of the cosignature that completed the quorum, from seconds by witness; None where the
    policy asks for no witness, and where they are too few.
    """
    if policy.quorum is None:
        return None
    have: set[bytes] = set()
    for name in sorted(witnessed, key=lambda one: (witnessed[one], one)):
        have.add(name)
        if reached(policy, have):
            return witnessed[name] * 1_000
    return None
