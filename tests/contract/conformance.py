"""What every probe kind must keep, run against its simulator; each `test_<kind>.py` calls it.

    from tests.contract.conformance import expect, observe
    from probes.kinds.http import KIND

    async def test_a_closed_port_is_down(portal: Portal) -> None:
        portal.set_fault("refuse")
        await expect(KIND, {"url": portal.url}, Outcome.DOWN, Reason.TCP_REFUSED)

`expect` opens the kind, runs one slot over real sockets and closes it; it asserts outcome and
reason and returns the Observation for further questions. `observe` does the same without naming
an outcome and returns a `Run`, which knows the connections made. Both hold every run to these
promises:

- the reason is in `KIND.reasons` and comes with an outcome that `reasons.MEANINGS` allows;
- the runner's own reasons (`agent.clock`, `agent.crash`, `agent.daily_cap`, `agent.missed_slot`,
  `agent.uncounted`) are never given;
- phases are non-negative integers of microseconds, facts are integers, steps likewise;
- nothing in the observation is text, bytes or anything but enumerations and integers, so
  nothing of the far side can be in it;
- a run makes at most `connections` connections (default 1) and never tries one again.

The spec is given as the operator's file gives it: every scalar is text. `secrets` maps references
such as `file:/run/key` to their bytes; one that is not in it is unreadable. `network` replaces
the default loopback network, for example with another resolver.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from probes.clock import SystemClock
from probes.contract import Env, Kind, Observation, Outcome, Phase, Scheme, Slot
from probes.net import Allow, Connection, Deadline, Network, Resolver, TlsOptions, system_resolver
from probes.reasons import MEANINGS, Reason

RUNNER_REASONS = frozenset(
    {
        Reason.AGENT_CLOCK,
        Reason.AGENT_CRASH,
        Reason.AGENT_DAILY_CAP,
        Reason.AGENT_MISSED_SLOT,
        Reason.AGENT_UNCOUNTED,
    }
)
TIMEOUT_MS = 2000


class CountingNetwork(Network):
    """A network that knows how often it was asked to connect, and where to."""

    def __init__(self, allow: Allow | None = None, resolver: Resolver = system_resolver) -> None:
        super().__init__(SystemClock(), allow, resolver)
        self.attempts: list[tuple[str, int]] = []

    async def connect(
        self, host: str, port: int, deadline: Deadline, tls: TlsOptions | None, scheme: Scheme
    ) -> Connection:
        self.attempts.append((host, port))
        return await super().connect(host, port, deadline, tls, scheme)


@dataclass(frozen=True)
class Run:
    observation: Observation
    connections: int


def environment(
    network: Network | None = None,
    secrets: Mapping[str, bytes] | None = None,
    timeout_ms: int = TIMEOUT_MS,
) -> Env:
    """An Env on the host's clock with a seeded generator."""
    known = dict(secrets or {})
    return Env(
        clock=SystemClock(),
        rng=random.Random(7),
        network=network or CountingNetwork(),
        timeout_ms=timeout_ms,
        read_secret=known.__getitem__,
    )


async def observe(
    kind: Kind[Any],
    spec: Mapping[str, Any],
    *,
    connections: int = 1,
    timeout_ms: int = TIMEOUT_MS,
    secrets: Mapping[str, bytes] | None = None,
    network: CountingNetwork | None = None,
) -> Run:
    """One run of one slot, held to every promise above."""
    net = network or CountingNetwork()
    before = len(net.attempts)
    env = environment(net, secrets, timeout_ms)
    async with kind.open(kind.parse(spec), env) as probe:
        observation = await probe.run(Slot(check="check-1", at_ms=env.clock.now_ms()))
    made = len(net.attempts) - before
    assert made <= connections, f"{made} connections in one run"
    conforms(kind, observation)
    return Run(observation, made)


async def expect(
    kind: Kind[Any],
    spec: Mapping[str, Any],
    outcome: Outcome,
    reason: Reason,
    *,
    connections: int = 1,
    timeout_ms: int = TIMEOUT_MS,
    secrets: Mapping[str, bytes] | None = None,
    network: CountingNetwork | None = None,
) -> Observation:
    """`observe`, and the outcome and reason are these."""
    run = await observe(
        kind,
        spec,
        connections=connections,
        timeout_ms=timeout_ms,
        secrets=secrets,
        network=network,
    )
    assert (run.observation.outcome, run.observation.reason) == (outcome, reason)
    return run.observation


def steps(observation: Observation) -> list[tuple[str, str, str]]:
    """(step, outcome, reason) of each, in order."""
    return [(s.name.value, s.outcome.value, s.reason.value) for s in observation.steps]


def conforms(kind: Kind[Any], observation: Observation) -> None:
    """The promises about one observation, by themselves."""
    told = [(observation.outcome, observation.reason)]
    told += [(step.outcome, step.reason) for step in observation.steps]
    for outcome, reason in told:
        assert reason in kind.reasons, f"{reason} is not in the kind's reasons"
        assert reason not in RUNNER_REASONS, f"{reason} is the runner's to give"
        assert outcome.value in MEANINGS[reason][0], f"{reason} never comes with {outcome}"
    for phase, duration_us in observation.phases.items():
        assert isinstance(phase, Phase)
        assert duration_us >= 0, f"{phase} took {duration_us} us"
    assert all(step.duration_us >= 0 for step in observation.steps)
    for leaf in leaves(observation):
        assert isinstance(leaf, Enum) or type(leaf) is int, f"{type(leaf)} in an observation"


def leaves(value: object) -> list[object]:
    """Every value inside, mapping keys too."""
    if isinstance(value, Mapping):
        return [leaf for pair in value.items() for part in pair for leaf in leaves(part)]
    if isinstance(value, tuple):
        return [leaf for part in value for leaf in leaves(part)]
    if dataclasses.is_dataclass(value):
        return [
            leaf
            for field in dataclasses.fields(value)
            for leaf in leaves(getattr(value, field.name))
        ]
    return [value]
