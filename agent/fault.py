"""Whose fault a bad result may be: facts about the agent's own host in, a cause out. Pure.

Only what a fault of ours can forge is taken back. An `up` completed, so it is proof; a status, an
acknowledgement or a refused login came from the far side, however bad our own day was.
"""

from __future__ import annotations

from dataclasses import dataclass

from probes.contract import Observation, Outcome
from probes.reasons import Reason

NETWORK = frozenset(
    {
        Reason.DICOM_CLOSED,
        Reason.DICOM_TIMEOUT,
        Reason.DNS_NOT_FOUND,
        Reason.FEED_STALE,
        Reason.HL7_CLOSED,
        Reason.HL7_NOT_UNDONE,
        Reason.HL7_NO_ACK,
        Reason.HTTP_CLOSED,
        Reason.HTTP_TIMEOUT,
        Reason.HTTP_TRUNCATED,
        Reason.TCP_DROPPED,
        Reason.TCP_REFUSED,
        Reason.TCP_RESET,
        Reason.TCP_TIMEOUT,
        Reason.TLS_HANDSHAKE,
        Reason.TLS_TIMEOUT,
    }
)
"""What a dead gateway, a cut line or a firewall before us makes of a target that is well."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of the time of one attempt. `late_ms`: how long after its deadline it ended; `lag_ms`: how
    long this process did not get to run meanwhile, at the most.
    """

    late_ms: int
    lag_ms: int
    timeout_ms: int
    network_lost: bool = False

    @property
    def bearable_ms(self) -> int:
        """What may be lost of the time to answer: a busy agent must not spend the target's."""
        return min(LATE_MS, self.timeout_ms // 10)


LATE_MS = 500
"""Held up for longer than this, a process is stalled."""


def doubts_network(observation: Observation) -> bool:
    """Would it be taken back if our own network was lost?"""
    return (observation.outcome is Outcome.DOWN and observation.reason in NETWORK) or (
        observation.outcome is Outcome.DEGRADED and observation.reason is Reason.SLOW
    )


def cause(observation: Observation, facts: Facts) -> Reason | None:
    """Why the result is `unknown`; None when it stands."""
    held_up = max(facts.lag_ms, facts.late_ms) > facts.bearable_ms
    if held_up and _about_time(observation, facts):
        return Reason.AGENT_STALLED
    if facts.network_lost and doubts_network(observation):
        return Reason.AGENT_NETWORK
    return None


def _about_time(observation: Observation, facts: Facts) -> bool:
    timed_out = observation.outcome is Outcome.DOWN and facts.late_ms >= 0
    return timed_out or observation.reason is Reason.SLOW
