"""Which states of a FHIR server an agent tells the collector of: numbers, no text of the server.

A state is told when it is first seen, when it changes, and once an hour, so that one that was lost
on the way is made up for.
"""

from __future__ import annotations

from probes.clock import Clock
from probes.contract import Fact
from probes.wire.fhir_statement import Statement

AGAIN_NS = 3_600_000_000_000


class Sightings:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: tuple[dict[Fact, int], int] | None = None

    def of(self, statement: Statement) -> dict[Fact, int]:
        """Facts of a run that saw this statement."""
        found = {Fact.STATEMENT_DIGEST: statement.number}
        if statement.software_number is not None:
            found[Fact.SOFTWARE_DIGEST] = statement.software_number
        now_ns = self._clock.monotonic_ns()
        before, told_ns = ({}, 0) if self._told is None else self._told
        if before == found and now_ns - told_ns < AGAIN_NS:
            return {}
        self._told = found, now_ns
        return found
