"""What the agents of a simulated hospital record, seal and bring, batch by batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector.bundle.samplestory import HOUR_MS, ORG, Fault, Story, outcome_of
from collector.bundle.sampling import Dice
from probes import batch, schedule, tombstone
from probes.batch import Anchors, Batch, Place
from probes.config import Config
from probes.contract import Outcome
from probes.segments import Run
from probes.spans import Interval
from probes.tombstone import Why

CLOCK_ERROR_MS = 7
_ARRIVES_MS = 1_500


@dataclass(slots=True)
class Agent:
    """`number` is its place among the agents; batches go on from `seq` and `prev`."""

    name: str
    number: int
    key: Ed25519PrivateKey
    epoch: str = "e1"
    seq: int = 0
    prev: str = batch.NO_PREVIOUS
    buried: list[Batch] = field(default_factory=list)

    def seal(
        self, runs: Sequence[Run], at: int, config: str, beacon: str | None, secret: bytes
    ) -> bytes:
        """The next batch of its chain."""
        self.seq += 1
        place = Place(ORG, self.name, self.epoch, self.seq, self.prev, config, beacon)
        anchors = Anchors(at, at * 1_000, _offset(self.number), CLOCK_ERROR_MS, "ntp")
        data = batch.seal(self.key, place, anchors, runs, secret)
        self.prev = batch.header_hash(batch.open_batch(data))
        return data

    def restart(self, epoch: str) -> None:
        """Its state was lost: it begins anew."""
        self.epoch, self.seq, self.prev = epoch, 0, batch.NO_PREVIOUS

    def bury(self, at: int) -> bytes:
        """A tombstone for what is buried, which is then gone."""
        remains = tombstone.of_batches(self.buried, Why.FULL_BYTES)
        self.buried = []
        return tombstone.seal(self.key, Anchors(at, at * 1_000), remains)


def runs(story: Story, dice: Dice, agent: Agent, config: Config, start: int, end: int) -> list[Run]:
    """Those of slots in `[start, end)` of its own clock, by instant."""
    found: list[Run] = []
    for n, system in enumerate(story.system_names):
        for name in config.checks_of(system):
            if agent.name not in config.agents_of(name):
                continue
            every = config.checks[name].every
            offset = schedule.offset_ms(agent.name, name, every)
            first = schedule.first_slot_ms(offset, every, start)
            found += [
                _run(story, dice, agent, system, name, n, slot)
                for slot in range(first, end, every)
                if not _silent(story, agent, slot)
            ]
    return sorted(found, key=lambda run: (run.at_ms, run.check))


def arrival(story: Story, agent: Agent, sealed: int) -> int:
    """When a batch is received."""
    at = sealed + _ARRIVES_MS + agent.number
    if story.has(Fault.LATE) and agent.number == 0 and _in(story.late, sealed):
        return at + 20 * HOUR_MS
    if story.has(Fault.AWAY) and _in(story.away, at):
        return story.away.end + _ARRIVES_MS + agent.number
    return at


def seals(story: Story, agent: Agent) -> Iterator[int]:
    """When it seals what it has, on its own clock."""
    first = story.begin + 2 * HOUR_MS + agent.number * 61_000
    yield from range(first + story.batch, story.end + 4 * HOUR_MS + story.batch, story.batch)


def _run(story: Story, dice: Dice, agent: Agent, system: str, check: str, n: int, slot: int) -> Run:
    rolled = dice.data("run", agent.name, check, slot)
    at = slot + rolled[0] * 3
    outcome, reason = outcome_of(story, n, slot), "tcp.refused"
    if outcome is Outcome.UP:
        outcome, reason = _noise(story, int.from_bytes(rolled[1:5], "big") % 1000)
    took = 1_000 + int.from_bytes(rolled[5:7], "big")
    return Run(system, check, slot, at, outcome, reason, took, {"connect": took})


def _noise(story: Story, rolled: int) -> tuple[Outcome, str]:
    if rolled >= story.noise:
        return Outcome.UP, "ok"
    return (
        (Outcome.DOWN, "tcp.refused"),
        (Outcome.DEGRADED, "slow"),
        (Outcome.UNKNOWN, "agent.missed_slot"),
        (Outcome.MISCONFIGURED, "tls.expired"),
    )[rolled % 4]


def _silent(story: Story, agent: Agent, t: int) -> bool:
    if story.has(Fault.SILENCE) and _in(story.silence, t):
        return True
    own = Interval(story.at(500), story.at(500) + 20 * HOUR_MS)
    return story.has(Fault.SILENCE) and agent.number == 1 and _in(own, t)


def _offset(number: int) -> int:
    """Milliseconds by which its clock is slow."""
    return 3 * number


def _in(span: Interval, t: int) -> bool:
    return span.start <= t < span.end
