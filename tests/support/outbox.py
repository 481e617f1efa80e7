"""An outbox in memory: the smallest thing that passes the contract, for tests of delivery."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from alerts.outbox import Census, Left, Message, MessageState, Settlement, left


class MemoryOutbox:
    def __init__(self) -> None:
        self.messages: dict[str, Message] = {}

    async def add(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.messages.setdefault(message.id, message)

    async def claim(
        self, receiver: str, now: int, lease_until: int, limit: int
    ) -> Sequence[Message]:
        due = sorted(
            (
                m
                for m in self._heads()
                if m.receiver == receiver and (not m.attempts or m.next_at <= now)
            ),
            key=lambda m: (m.next_at, m.id),
        )
        claimed = [replace(m, attempts=m.attempts + 1, next_at=lease_until) for m in due[:limit]]
        self.messages.update((m.id, m) for m in claimed)
        return claimed

    async def settle(self, message: Message, settlement: Settlement) -> bool:
        current = self.messages[message.id]
        if current.state is not MessageState.PENDING or current.attempts != message.attempts:
            return False
        self.messages[message.id] = replace(
            current,
            state=settlement.state,
            reason=settlement.reason,
            status=settlement.status,
            next_at=settlement.next_at,
        )
        return True

    async def next_at(self, receiver: str) -> int | None:
        heads = (m for m in self._heads() if m.receiver == receiver)
        return min((m.next_at if m.attempts else 0 for m in heads), default=None)

    async def receivers(self) -> Sequence[str]:
        return sorted({m.receiver for m in self._pending()})

    async def census(self) -> Census:
        waiting = [m.since for m in self._pending()]
        dead = sum(m.state is MessageState.DEAD for m in self.messages.values())
        return Census(len(waiting), dead, min(waiting, default=None))

    async def redrive(
        self, ids: Collection[str], now: int, *, channels: Collection[str], apart: Collection[str]
    ) -> Mapping[str, Left | None]:
        found = {}
        for message in (self.messages[name] for name in ids if name in self.messages):
            later = (
                m
                for m in self.messages.values()
                if (m.receiver, m.incident_key) == (message.receiver, message.incident_key)
                and m.seq > message.seq
            )
            found[message.id] = left(message, later, channels=channels, apart=apart)
        for name, why in found.items():
            if why is None:
                again = replace(
                    self.messages[name], state=MessageState.PENDING, next_at=now, redriven_at=now
                )
                self.messages[name] = again
        return found

    def _pending(self) -> Iterator[Message]:
        return (m for m in self.messages.values() if m.state is MessageState.PENDING)

    def _heads(self) -> list[Message]:
        heads: dict[tuple[str, str], Message] = {}
        for message in sorted(self._pending(), key=lambda m: m.seq):
            heads.setdefault((message.incident_key, message.receiver), message)
        return list(heads.values())
