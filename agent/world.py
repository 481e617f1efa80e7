"""What an agent uses of the world: clock, chance, network, secrets, a thread for the disk."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from agent.attempts import Attempts
from agent.canaries import Canaries
from agent.onethread import Hand, OneThread
from agent.pulse import Pulse
from probes import registry
from probes.clock import Clock, SystemClock
from probes.config_checks import Check
from probes.configfile import read_secret
from probes.contract import Env
from probes.net import Network


@dataclass(frozen=True, slots=True)
class World:
    """`random_bytes` are for secrets."""

    clock: Clock
    rng: Random
    network: Network
    read_secret: Callable[[str], bytes]
    random_bytes: Callable[[int], bytes]
    hand: Hand


def host_world() -> World:
    """The host as it is."""
    clock = SystemClock()
    return World(
        clock,
        random.SystemRandom(),
        Network(clock),
        read_secret,
        secrets.token_bytes,
        OneThread("spool"),
    )


def open_check(
    name: str, check: Check, world: World, pulse: Pulse, canaries: Canaries | None = None
) -> Attempts:
    env = Env(world.clock, world.rng, world.network, check.timeout, world.read_secret)
    return Attempts(name, check, registry.load(check.kind), env, pulse, canaries=canaries)
