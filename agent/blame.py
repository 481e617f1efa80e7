"""What of this host a bad result may be owed to: its loop's pulse, and canaries about failures only."""

from __future__ import annotations

from dataclasses import replace

from agent import fault
from agent.canaries import Canaries
from agent.fault import Facts
from agent.pulse import Pulse
from probes.attempts import Blame, Seen
from probes.clock import NS_PER_MS
from probes.reasons import Reason


def blame(pulse: Pulse, canaries: Canaries | None = None) -> Blame:
    """Asked about each result that is no `up`."""

    async def cause(seen: Seen) -> Reason | None:
        late_ms = (seen.took_ns - seen.timeout_ms * NS_PER_MS) // NS_PER_MS
        facts = Facts(late_ms, pulse.worst_since(seen.began_ns), seen.timeout_ms)
        found = fault.cause(seen.observation, facts)
        if found is None and canaries is not None and fault.doubts_network(seen.observation):
            lost = await canaries.lost_since(seen.began_ns)
            found = fault.cause(seen.observation, replace(facts, network_lost=lost))
        return found

    return cause
