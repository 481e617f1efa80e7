"""Ten days of a small hospital, as its log has them: the honest story, small enough to flip each byte."""

from __future__ import annotations

import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from collector import acts
from collector.bundle.evidence import CLOSED_MS, Asked
from collector.facts import CONFIG, Fact, Row, canonical
from probes import agentkeys, batch, configfile
from probes.acts import ActKind, WindowAct
from probes.batch import Anchors, Place
from probes.config import Config
from probes.config_windows import Window
from probes.contract import Outcome
from probes.schedule import offset_ms
from probes.segments import Run
from probes.windows import digest
from tests.unit.verifying.ledgers import Bundling, Ledger, Logged

HOUR, DAY = 3_600_000, 86_400_000
T0 = 1_782_864_000_000
"""2026-07-01T00:00:00Z: the first version is recorded, the agents begin."""
START, END = T0 + 2 * DAY, T0 + 4 * DAY
EVIDENCE_FROM = T0 + DAY
NOW = END + CLOSED_MS
ORG = "st-elsewhere"
EVERY = 2 * HOUR
PINNED, ENROLLED = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (11, 12))
CHECKS = {"ehr": ("ehr-read",), "lab": ("lab-read",)}
DOWN = range(START + 10 * HOUR, START + 17 * HOUR)
"""The EHR is down."""
WINDOW = (START + 26 * HOUR, START + 29 * HOUR)
MAINTAINED = range(*WINDOW)
FIRST = 6
"""Size of the log where the range begins."""


def config() -> Config:
    pinned = agentkeys.text_of(PINNED.public_key())
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": ORG, "name": "St Elsewhere", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}, "south": {"name": "South"}},
            "agents": {
                "north-1": {"site": "north", "key": pinned},
                "south-1": {"site": "south", "operator": "Somebody Else"},
            },
            "systems": {
                name: {
                    "name": name.upper(),
                    "impact": {"class": "clinical"},
                    "slo": {"target": "99"},
                }
                for name in CHECKS
            },
            "checks": {
                check: {"system": system, "kind": "any", "every": "2h", "timeout": "30s"}
                for system, checks in CHECKS.items()
                for check in checks
            },
        }
    )


def window() -> Window:
    return Window.model_validate(
        {
            "id": "patch-night",
            "systems": ["ehr"],
            "start": "2026-07-04T02:00",
            "end": "2026-07-04T05:00",
            "timezone": "UTC",
            "proposed": {"by": "change-1", "at": "2026-07-02T10:00:00Z"},
        }
    )


class Story:
    """The honest log, as it grew."""

    def __init__(self, *, witnessed: bool = True) -> None:
        self.ledger = Ledger(ORG)
        self.ledger.witness.open = witnessed
        self._rows = 0
        self._beacon: str | None = None
        self.links = {"north-1": batch.NO_PREVIOUS, "south-1": batch.NO_PREVIOUS}
        self.seqs = dict.fromkeys(self.links, 0)

    def row(self, at: int, kind: str, data: bytes, actor: str = "system") -> int:
        self._rows += 1
        return self.ledger.add(Logged(at, Row(self._rows, kind, at, at, actor, data)))

    def fact(self, fact: Fact) -> int:
        return self.row(fact.at, fact.kind, fact.data, fact.actor)

    def publish(self, at: int) -> None:
        text = self.ledger.publish(at)
        self._beacon = hashlib.sha256(text.encode()).hexdigest()

    def batch(self, agent: str, start: int, end: int, beacon: str | None = None) -> None:
        """The runs of an agent in [start, end), received a minute later."""
        data = self.sealed(agent, start, end, beacon)
        self.ledger.add(Logged(end + 60_000, envelope=data))

    def sealed(self, agent: str, start: int, end: int, beacon: str | None = None) -> bytes:
        """The next batch of its chain."""
        key = PINNED if agent == "north-1" else ENROLLED
        self.seqs[agent] += 1
        seq = self.seqs[agent]
        place = Place(ORG, agent, "e1", seq, self.links[agent], "0" * 16, beacon or self._beacon)
        runs = runs_of(agent, start, end)
        data = batch.seal(key, place, Anchors(end, end), runs, bytes([seq]) * 16)
        self.links[agent] = batch.header_hash(batch.open_batch(data))
        return data


def runs_of(agent: str, start: int, end: int) -> list[Run]:
    found: list[Run] = []
    for system, checks in CHECKS.items():
        for check in checks:
            first = start + (offset_ms(agent, check, EVERY) - start) % EVERY
            for at in range(first, end, EVERY):
                down = system == "ehr" and (at in DOWN or at in MAINTAINED)
                outcome = Outcome.DOWN if down else Outcome.UP
                reason = "tcp.refused" if down else "ok"
                found.append(Run(system, check, at, at, outcome, reason, 7_000))
    return found


def keys(story: Story, approved_at: int = T0) -> None:
    text = agentkeys.text_of(ENROLLED.public_key())
    said: dict[str, Any] = {"agent": "south-1", "fingerprint": agentkeys.fingerprint(text)}
    enrolled = {**said, "site": "south", "key": text, "invited_by": "admin-1"}
    story.row(T0, "agent.enrolled", canonical(enrolled), "agent:south-1")
    approved = {**said, "by": "admin-1", "replaces": []}
    story.row(approved_at, "agent.approved", canonical(approved), "admin-1")


def window_act(kind: ActKind, by: str, at: int) -> Fact:
    planned = window()
    if kind is ActKind.PROPOSED:
        return acts.fact_of(WindowAct(kind, planned.id, by, at, None, digest(planned), planned))
    return acts.fact_of(WindowAct(kind, planned.id, by, at, None, digest(planned)))


def told(*, witnessed: bool = True, cancelled: bool = False) -> Story:
    """A version and keys, then a week of batches, a window, checkpoints."""
    story = Story(witnessed=witnessed)
    begun(story)
    keys(story)
    return went_on(story, cancelled=cancelled)


def begun(story: Story) -> None:
    story.row(T0, CONFIG, configfile.canonical(config()))


def went_on(story: Story, *, cancelled: bool = False, beacon: str | None = None) -> Story:
    """A week of batches of half a day, a window proposed and approved, a checkpoint each half day and
    one when the period is closed. `beacon`: what the agents say they were shown last.
    """
    for half in range(14):
        start = T0 + half * DAY // 2
        end = start + DAY // 2
        if start == T0 + DAY:
            story.fact(window_act(ActKind.PROPOSED, "change-1", start + HOUR))
            story.fact(window_act(ActKind.APPROVED, "approver-1", start + 2 * HOUR))
        if cancelled and start == T0 + 2 * DAY:
            story.fact(window_act(ActKind.CANCELLED, "change-1", start + HOUR))
        for agent in ("north-1", "south-1"):
            story.batch(agent, start, end, beacon if half == _LAST_HALF else None)
        story.publish(end + 120_000)
    story.publish(NOW + 60_000)
    return story


_LAST_HALF = 13


def asked(*, witnessed: bool = True) -> Asked:
    return Asked(START, END, EVIDENCE_FROM, {"auditor": "Auditors"} if witnessed else {})


def how(systems: tuple[str, ...] = ("ehr",), *, witnessed: bool = True) -> Bundling:
    """From the newest checkpoint of a quarter of an hour before the evidence begins."""
    return Bundling(asked(witnessed=witnessed), systems, NOW + HOUR, FIRST, witnessed)
