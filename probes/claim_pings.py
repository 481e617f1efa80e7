"""The chain as heartbeats tell it: jobs that say when they sent 837s and when they took in answers."""

from __future__ import annotations

from probes.claim_spec import ClaimChainSpec
from probes.claims import Answer, Known, Sent
from probes.heartbeats import KEPT, Heard, PingKind, Pings


async def heard(spec: ClaimChainSpec, pings: Pings, now_ms: int) -> Known | None:
    """None: more came than is kept, so that nobody can say which answers are whose. Raises
    StoreAwayError.
    """
    sent = await pings.of(spec.sent.check or "")
    by_stage = {stage: await pings.of(due.check or "") for stage, due in spec.in_order.items()}
    every = (sent, *by_stage.values())
    since_ms = max(one.since_ms for one in every)
    if any(_is_cut(one, max(now_ms - spec.terms.look_back_ms, since_ms)) for one in every):
        return None
    return Known(
        # What was sent before somebody heard of its answers is not held against them.
        [Sent(at_ms) for at_ms in _successes(sent) if at_ms >= since_ms],
        [Answer(stage, at_ms) for stage, one in by_stage.items() for at_ms in _successes(one)],
        since_ms,
        sent.away,
    )


def _successes(one: Heard) -> list[int]:
    return [ping.at_ms for ping in one.pings if ping.kind is PingKind.SUCCESS]


def _is_cut(one: Heard, from_ms: int) -> bool:
    successes = _successes(one)
    return len(successes) >= KEPT and successes[0] > from_ms
