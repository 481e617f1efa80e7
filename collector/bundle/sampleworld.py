"""A simulated hospital at work: everything that happens, in the order of time, into a log."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Callable
from functools import partial

from collector.attest import commitments, note, projection
from collector.attest.entries import RowEntry
from collector.bundle import samplerows
from collector.bundle.evidence import CLOSED_MS
from collector.bundle.samplelog import SampleLog, Witness
from collector.bundle.sampleruns import Agent, arrival, runs, seals
from collector.bundle.samplestory import ORG, ORIGIN, Fault, Story
from collector.bundle.sampling import Dice
from collector.facts import CONFIG, Fact, Row
from probes import batch, configfile, tombstone
from probes.batch import Batch
from probes.config import Config
from probes.segments import Run
from probes.spans import Interval
from probes.tombstone import Tombstone

BURIED = 4
"""Batches that one tombstone replaces."""


class World:
    """`play` once. `rows` are all there are, `placed` the index of each in the log by its id;
    `batches` and `tombstones` stand by their index.
    """

    def __init__(self, story: Story) -> None:
        self.story = story
        self.dice = Dice(story.seed)
        self.secret = self.dice.data("secret of the log")
        self.log_keys = [self.dice.key(f"log {n}") for n in range(story.log_keys)]
        self.witnesses = [
            Witness(f"witness-{n}.example", self.dice.key(f"witness {n}"), "Simulated Auditors")
            for n in range(story.witnesses)
        ]
        self.log = SampleLog(ORIGIN, self.log_keys, self.witnesses)
        self.rows: dict[int, Row] = {}
        self.placed: dict[int, RowEntry] = {}
        self.indexes: dict[int, int] = {}
        self.parts: dict[int, dict[str, bytes]] = {}
        self.batches: dict[int, Batch] = {}
        self.tombstones: dict[int, Tombstone] = {}
        self._rotated = self.dice.key("rotated")
        self._agents = [
            Agent(name, n, self.dice.key(name)) for n, name in enumerate(story.agent_names)
        ]
        self._sealed_to = {agent.name: story.begin + 3_600_000 for agent in self._agents}
        self._versions: list[tuple[int, Config, str]] = []
        self._beacon: str | None = None
        self._events: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = itertools.count()

    def play(self) -> None:
        """Everything, up to a last checkpoint once the period is closed."""
        story = self.story
        self.log.start(ORG, story.begin)
        keys = {agent.name: agent.key for agent in self._agents}
        for fact in samplerows.facts(story, keys, self._rotated):
            self._plan(fact.at, partial(self._record, fact))
        for at in range(story.begin + 3_600_000, story.end + CLOSED_MS, story.checkpoint):
            self._plan(at, self._publish)
        for agent in self._agents:
            for at in seals(story, agent):
                self._plan(at, partial(self._seal, agent))
        while self._events:
            at, _, act = heapq.heappop(self._events)
            act(at)
        self.log.publish(story.end + CLOSED_MS + 60_000, cosigned=True)

    def _plan(self, at: int, act: Callable[[int], None]) -> None:
        heapq.heappush(self._events, (at, next(self._order), act))

    def _record(self, fact: Fact, at: int) -> None:
        """No two rows are recorded at one instant."""
        number = len(self.rows) + 1
        at = max(at, self.rows[number - 1].recorded_at + 1) if self.rows else at
        row = Row(number, fact.kind, at, at, fact.actor, fact.data)
        if row.kind == CONFIG:
            self.parts[number] = projection.projections(row.data)
            config = configfile.parse_canonical(row.data)
            self._versions.append((at, config, configfile.digest(config)))
        commitment = commitments.commit(self.secret, row, self.parts.get(number, {}))
        self.rows[number] = row
        self.indexes[number] = self.log.size
        self.placed[number] = self.log.row(row, commitment)
        if row.kind == "agent.rotated":
            self._agents[0].key = self._rotated

    def _publish(self, at: int) -> None:
        """Its witnesses are away for a while."""
        story = self.story
        seen = not story.at(100) <= at < story.at(130)
        self.log.publish(at, cosigned=seen)
        text = note.parse(self.log.heads[-1].note).text
        self._beacon = hashlib.sha256(text.encode()).hexdigest()

    def _seal(self, agent: Agent, at: int) -> None:
        found = self._runs(agent, at)
        if not found:
            return
        story = self.story
        if self._restarts(agent, at):
            agent.restart("e2")
            return  # what it held is lost with its state
        secret = self.dice.data("secret", agent.name, agent.epoch, agent.seq)[:16]
        digest = self._versions[-1][2]
        opened = batch.open_batch(agent.seal(found, at, digest, self._beacon, secret))
        hole = Interval(story.at(870), story.at(870) + story.batch)
        if story.has(Fault.HOLE) and agent.number == _HAS_A_HOLE and _holds(hole, at):
            return  # sealed, and never brought
        if story.has(Fault.TOMBSTONE) and agent.number == 0 and _holds(story.buried, at):
            agent.buried.append(opened)
            if len(agent.buried) == BURIED:
                stone = tombstone.open_tombstone(agent.bury(at))
                self._plan(at + 10 * 3_600_000, partial(self._bury, stone))
            return
        self._plan(arrival(story, agent, at), partial(self._arrive, opened))

    def _restarts(self, agent: Agent, at: int) -> bool:
        own = agent.number == _RESTARTS and agent.epoch == "e1"
        return own and self.story.has(Fault.RESTART) and at >= self.story.at(700)

    def _runs(self, agent: Agent, at: int) -> list[Run]:
        """Since it sealed last, each by the version that was in force."""
        since, self._sealed_to[agent.name] = self._sealed_to[agent.name], at
        ends = [*(start for start, _, _ in self._versions[1:]), at]
        return [
            run
            for (start, config, _), end in zip(self._versions, ends, strict=True)
            for run in runs(self.story, self.dice, agent, config, max(start, since), end)
        ]

    def _arrive(self, one: Batch, at: int) -> None:
        self.batches[self.log.size] = one
        self.log.batch(at, one.signature, one.header_bytes, tombstone=False)

    def _bury(self, one: Tombstone, at: int) -> None:
        self.tombstones[self.log.size] = one
        self.log.batch(at, one.signature, one.header_bytes, tombstone=True)


_RESTARTS, _HAS_A_HOLE = 2, 1
"""Agents."""


def _holds(span: Interval, at: int) -> bool:
    return span.start <= at < span.end
