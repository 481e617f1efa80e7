"""One probe result as the truth fold reads it: when, by whom, what, why."""

from __future__ import annotations

import msgspec

from probes.contract import Outcome


class Result(msgspec.Struct, frozen=True, gc=False):
    """`t` and `received` are UTC milliseconds; `t` is the start of the attempt, offset applied.

    `reason` is any `[a-z0-9_.]+`: evidence written by a newer agent still folds. `cert_days_left`
    are whole days until the server's certificate ended, where the run saw one. `facts` are those
    of `contract.HANDED_ON`, sorted by name.
    """

    check: str
    agent: str
    t: int
    outcome: Outcome
    reason: str
    duration_ms: int
    received: int
    cert_days_left: int | None = None
    facts: tuple[tuple[str, int], ...] = ()
