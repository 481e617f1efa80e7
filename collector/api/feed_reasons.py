"""Why feeds of a system are in trouble now, from the last results of their checks."""

from __future__ import annotations

from collector import feedwords
from collector.api.parts import Parts
from collector.feeds import feed_of
from probes.contract import Outcome


def reasons_of(system: str, parts: Parts) -> list[str]:
    """`CHECK: sentence`, of each that is silent or flooded."""
    found = []
    for name in parts.config.checks_of(system):
        check = parts.config.checks[name]
        for agent in parts.config.agents_of(name) if check.is_feed else ():
            last = parts.evaluator.evidence.latest.get((name, agent))
            if last is None or last.outcome is not Outcome.DEGRADED:
                continue
            said = feedwords.of_result(last, feed_of(check.spec))
            if said is not None:
                found.append(f"{name}: {said}")
    return found
