"""A witness at work: checks, keeps, then cosigns. One request of a log at a time.

A cosignature leaves only when what it is about is safe on disk. After a failed sync nothing is
cosigned any more: `lost` is set, and the process starts again from what the disk says.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Mapping

from collector.attest import note
from collector.attest.checkpoint import Checkpoint
from collector.attest.note import Note, SignatureLine
from collector.witness import messages
from collector.witness.disk import UnsyncedError
from collector.witness.judging import Held, Logs, follows, trusted
from collector.witness.kept import Kept
from collector.witness.keyfile import WitnessKey
from collector.witness.messages import AddCheckpoint, MessageError
from collector.witness.refusals import Refusal, Refused
from probes.clock import NS_PER_S, Clock

log = logging.getLogger("wardwatch.witness")

MOST_A_SECOND = 5
"""New cosignatures of one log: each is a write to disk."""
ALARM_NS = 60 * NS_PER_S
"""A log's refusal is logged once in this time: whoever has a checkpoint can send it again."""
_ALARMS = frozenset({Refusal.ROOT, Refusal.PROOF, Refusal.CLOCK, Refusal.STATE})
"""Logged; what a stranger can cause is not, for it would fill the disk."""


class Witnessing:
    """One per process and state folder. `logs` are the only ones that are cosigned."""

    def __init__(self, key: WitnessKey, logs: Logs, kept: Kept, clock: Clock) -> None:
        """StateError, OSError: what was kept cannot be used."""
        self.key = key
        self.logs = logs
        self._kept = kept
        self._clock = clock
        self._held = kept.load()
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._wrote_ns: dict[str, deque[int]] = defaultdict(lambda: deque(maxlen=MOST_A_SECOND))
        self._alarmed_ns: dict[tuple[str, Refusal], int] = {}
        self.lost = asyncio.Event()

    @property
    def held(self) -> Mapping[str, Held]:
        """By origin, of the logs that are cosigned here."""
        return {origin: one for origin, one in self._held.items() if origin in self.logs}

    async def answer(self, body: bytes) -> SignatureLine | Refused:
        """The cosignature, or why there is none; any bytes have an answer."""
        try:
            asked = messages.parse(body)
        except MessageError:
            return Refused(Refusal.REQUEST)
        signed = trusted(asked, self.logs)
        if isinstance(signed, Refused):
            return signed
        head = asked.checkpoint()
        async with self._turns[head.origin]:
            found = await self._cosigned(asked, head, signed)
        if isinstance(found, Refused):
            self._alarm(found.code, head)
        return found

    async def _cosigned(
        self, asked: AddCheckpoint, head: Checkpoint, signed: Note
    ) -> SignatureLine | Refused:
        held, now_s = self._held.get(head.origin), self._clock.now_ms() // 1000
        refused = follows(asked, held) or self._unable(held, now_s)
        if refused is not None:
            return refused
        if held is not None and (held.signed.text, held.time_s) == (signed.text, now_s):
            return held.cosignature
        if not self._may_write(head.origin):
            return Refused(Refusal.BUSY)
        line = note.cosign(signed.text, self.key.name, self.key.private, now_s)
        new = Held(head, note.with_signatures(signed, line), now_s)
        try:
            await asyncio.to_thread(self._kept.keep, new)
        except OSError as error:
            if isinstance(error, UnsyncedError):
                self.lost.set()
            return Refused(Refusal.STATE)
        self._held[head.origin] = new
        log.info("witness.cosigned log=%s size=%d", head.origin, head.size)
        return line

    def _unable(self, held: Held | None, now_s: int) -> Refused | None:
        """Its own disk or clock forbids it: the times of a log's cosignatures never go back."""
        if self.lost.is_set():
            return Refused(Refusal.STATE)
        if now_s <= 0 or (held is not None and now_s < held.time_s):
            return Refused(Refusal.CLOCK)
        return None

    def _alarm(self, code: Refusal, head: Checkpoint) -> None:
        now_ns, last_ns = self._clock.monotonic_ns(), self._alarmed_ns.get((head.origin, code))
        if code not in _ALARMS or (last_ns is not None and now_ns - last_ns < ALARM_NS):
            return
        self._alarmed_ns[head.origin, code] = now_ns
        log.error("witness.refused code=%s log=%s size=%d", code.value, head.origin, head.size)

    def _may_write(self, origin: str) -> bool:
        now_ns, wrote_ns = self._clock.monotonic_ns(), self._wrote_ns[origin]
        if len(wrote_ns) == MOST_A_SECOND and now_ns - wrote_ns[0] < NS_PER_S:
            return False
        wrote_ns.append(now_ns)
        return True
