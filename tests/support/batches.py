"""Sealed batches for tests that care for results, not for chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from probes import batch
from probes.batch import Anchors, Place
from probes.results import Result
from probes.segments import Run


def seal(
    key: Ed25519PrivateKey,
    org: str,
    agent: str,
    epoch: str,
    seq: int,
    results: Sequence[Result],
    prev: str = batch.NO_PREVIOUS,
    facts: Mapping[str, int] | None = None,
) -> bytes:
    """The bytes an agent would send, with a clock that is right; all checks are of system `ehr`.
    `facts` are of the last run.
    """
    place = Place(org, agent, epoch, seq, prev, "0" * 16)
    runs = [
        Run(
            "ehr",
            r.check,
            r.t,
            r.t,
            r.outcome,
            r.reason,
            r.duration_ms * 1000,
            facts={} if r.cert_days_left is None else {"cert_days_left": r.cert_days_left},
        )
        for r in results
    ]
    if facts:
        runs[-1] = replace(runs[-1], facts={**runs[-1].facts, **facts})
    return batch.seal(key, place, Anchors(runs[-1].at_ms, 0), runs, b"sixteen secrets.")
