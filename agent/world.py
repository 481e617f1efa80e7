"""What an agent uses of the world: clock, chance, network, secrets, a thread for the disk."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from agent.allowing import Address, Entry, allow, may_listen
from agent.blame import blame
from agent.canaries import Canaries
from agent.keptfile import KeptFile
from agent.ledger import NAME as LEDGER
from agent.ledger import KeptLedger
from agent.onethread import Hand, OneThread
from agent.pulse import Pulse
from probes import registry
from probes.attempts import Attempts
from probes.budgets import Budgets
from probes.clock import Clock, SystemClock
from probes.config_checks import Check
from probes.configfile import read_secret
from probes.contract import Env
from probes.leases import Leases
from probes.ledger import Ledger, NoLedger
from probes.net import Network
from probes.tokens import Tokens


@dataclass(frozen=True, slots=True)
class World:
    """`random_bytes` are for secrets."""

    clock: Clock
    rng: Random
    network: Network
    read_secret: Callable[[str], bytes]
    random_bytes: Callable[[int], bytes]
    hand: Hand
    tokens: Tokens = field(default_factory=Tokens)
    budgets: Budgets = field(default_factory=Budgets)
    leases: Leases = field(default_factory=Leases)
    ledger: Ledger = field(default_factory=NoLedger)

    def env(self, check: Check) -> Env:
        """Of one check; what checks share is the same in each."""
        return Env(
            self.clock,
            self.rng,
            self.network,
            check.timeout,
            self.read_secret,
            tokens=self.tokens,
            budgets=self.budgets,
            every_ms=check.every,
            ledger=self.ledger,
        )


def host_world(
    allowed: Iterable[Entry] | None = None,
    state: Path | None = None,
    may_listen_at: Iterable[tuple[Address, int]] = (),
) -> World:
    """The host as it is; checks reach what it allows, left out: all but what is always denied.

    They listen at `may_listen_at` alone. `state` is the agent's own folder: no check's secret is in it,
    and what runs cost is counted there; without it none that costs is made.
    """
    clock = SystemClock()
    network = Network(clock, allow(allowed), may_listen=may_listen(may_listen_at))
    hand = OneThread("spool")
    read = read_secret if state is None else outside(state)
    ledger: Ledger = NoLedger()
    if state is not None:
        ledger = KeptLedger(KeptFile(state / LEDGER), clock, hand)
    rng = random.SystemRandom()
    return World(clock, rng, network, read, secrets.token_bytes, hand, ledger=ledger)


def outside(state: Path) -> Callable[[str], bytes]:
    """Reads secrets, and never the agent's key: whoever writes checks could have it sent to them,
    and sign in the agent's name.
    """
    own = state.resolve()

    def read(ref: str) -> bytes:
        where, _, name = ref.partition(":")
        if where == "file" and Path(name).resolve().is_relative_to(own):
            raise KeyError("the agent's own")
        return read_secret(ref)

    return read


def open_check(
    name: str, check: Check, world: World, pulse: Pulse, canaries: Canaries | None = None
) -> Attempts:
    env = world.env(check)
    kind = registry.load(check.kind)
    return Attempts(name, check, kind, env, blame(pulse, canaries), leases=world.leases)
