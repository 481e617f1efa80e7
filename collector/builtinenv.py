"""What the collector's own checks may use of the world and of the collector."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from probes.clock import Clock
from probes.config_checks import Check
from probes.contract import Env, Scheme
from probes.feeds import Counts
from probes.heartbeats import Pings
from probes.net import Address, Network


def env_of(
    clock: Clock,
    rng: Random,
    read_secret: Callable[[str], bytes],
    pings: Pings | None = None,
    counts: Counts | None = None,
) -> Callable[[Check], Env]:
    network = Network(clock, _nowhere)

    def env(check: Check) -> Env:
        return Env(
            clock,
            rng,
            network,
            check.timeout,
            read_secret,
            every_ms=check.every,
            pings=pings,
            counts=counts,
        )

    return env


def _nowhere(_address: Address, _port: int, _scheme: Scheme) -> bool:
    """It opens no connection: it judges what has come."""
    return False
