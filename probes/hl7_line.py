"""The connection of an HL7 check: a new one for each message, or one that is kept between runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from probes.contract import Env, Fact, Phase, Scheme
from probes.hl7_spec import Hl7Spec
from probes.net import Connection, Deadline
from probes.wire.hl7 import AckCode, Acknowledgement, parse_ack
from probes.wire.hl7_judge import COMMITS
from probes.wire.mllp import Decoder, Garbage, LimitError

_MOST_READS = 4
"""Of 64 KiB, before a run: a peer that sends without end is no better than one that ended."""


@dataclass(slots=True)
class Tally:
    """What a run saw beside its verdict; counts over all its messages."""

    stale: int = 0
    duplicates: int = 0
    garbage: int = 0
    commits: int = 0
    reconnects: int = 0
    error: int | None = None
    cert_days_left: int | None = None
    phases: dict[Phase, int] = field(default_factory=dict)

    def add(self, phases: dict[Phase, int]) -> None:
        for phase, us in phases.items():
            self.phases[phase] = self.phases.get(phase, 0) + us

    def facts(self) -> dict[Fact, int]:
        counts = {
            Fact.STALE_ACKS: self.stale,
            Fact.DUPLICATE_ACKS: self.duplicates,
            Fact.GARBAGE_BYTES: self.garbage,
            Fact.COMMITS: self.commits,
            Fact.RECONNECTS: self.reconnects,
        }
        facts = {fact: count for fact, count in counts.items() if count}
        if self.error is not None:
            facts[Fact.ERR_CODE] = self.error
        if self.cert_days_left is not None:
            facts[Fact.CERT_DAYS_LEFT] = self.cert_days_left
        return facts


@dataclass(slots=True)
class Open:
    """A connection on which one message at a time is under way; `sent` is the id of the last."""

    connection: Connection
    decoder: Decoder = field(default_factory=Decoder)
    sent: str | None = None
    is_kept: bool = False
    """It was there before: the message has no phase of connecting."""
    is_sound: bool = True
    """Nothing is under way on it, and nothing was wrong."""
    heard: bool = False
    """Any byte came after the last message."""
    levels: set[bool] = field(default_factory=set)
    """What came for the last message: a commit (True), an answer of the application."""

    def begin(self, sent: str) -> None:
        """A message is about to be sent."""
        self.sent, self.is_sound, self.heard = sent, False, False
        self.levels.clear()

    @property
    def is_dropped(self) -> bool:
        """A kept connection whose far side has not even taken the bytes."""
        return self.is_kept and not self.heard and self.connection.untaken

    def take(self, ack: Acknowledgement, tally: Tally) -> bool:
        """Count an answer; True: the first of its level to our last message."""
        if ack.control_id != self.sent:
            tally.stale += 1
            return False
        level = ack.code in COMMITS
        if level in self.levels:
            tally.duplicates += 1
            return False
        self.levels.add(level)
        tally.commits += ack.code is AckCode.CA
        return True

    def pass_over(self, tally: Tally) -> None:
        """Count what has come and nobody waits for; raises LimitError."""
        while event := self.decoder.next_event():
            if isinstance(event, Garbage):
                tally.garbage += event.count
            elif (ack := parse_ack(event.message)) is not None:
                self.take(ack, tally)


class Line:
    """Used by one run at a time."""

    def __init__(self, spec: Hl7Spec, env: Env) -> None:
        self._spec = spec
        self._env = env
        self._tls = None if spec.tls is None else spec.tls.options
        self._scheme = Scheme.MLLP if spec.tls is None else Scheme.MLLPS
        self._kept: Open | None = None

    async def open(self, deadline: Deadline, tally: Tally) -> Open:
        """The kept connection if it still stands, else a new one; raises NetFailure."""
        kept, self._kept = self._kept, None
        if kept is not None:
            if _stands(kept, tally):
                kept.connection.again(deadline)
                kept.decoder.begin()
                kept.is_kept = True
                tally.cert_days_left = kept.connection.cert_days_left
                return kept
            await kept.connection.close()
            tally.reconnects += 1
        spec = self._spec
        connection = await self._env.network.connect(
            spec.host, spec.port, deadline, self._tls, self._scheme
        )
        tally.cert_days_left = connection.cert_days_left
        if spec.connection == "keep":
            connection.keep()
        return Open(connection)

    async def done(self, used: Open) -> None:
        """Keep it for the next message, if that is wanted and it is sound."""
        if used.is_sound and self._spec.connection == "keep":
            self._kept = used
        else:
            await used.connection.close()

    async def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept.connection.close()


def _stands(kept: Open, tally: Tally) -> bool:
    """Whether a kept connection still lives; what came on it since is counted."""
    try:
        for _ in range(_MOST_READS):
            data = kept.connection.arrived()
            if data is None:
                return True
            if not data:
                return False
            kept.decoder.receive(data)
            kept.pass_over(tally)
    except LimitError:
        return False
    return False
