"""What was told, to whom, and what still waits: the fallback's memory over restarts."""

from __future__ import annotations

import logging

import msgspec

from agent.keptfile import KeptFile
from agent.telling import Message, Told

log = logging.getLogger("wardwatch.agent")

NAME = "told.json"
"""In the state folder."""
VERSION = 1
NOTICES = 1_000
"""Kept for the collector at most; beyond it the oldest are forgotten."""


class Waiting(msgspec.Struct):
    """A message, and by carrier how many attempts failed; `taken` names those that have it."""

    message: Message
    carriers: dict[str, int]
    taken: list[str] = msgspec.field(default_factory=list)


class Memory(msgspec.Struct):
    """`notices` are through, with those who took them, and not yet known to the collector."""

    version: int = VERSION
    told: Told = msgspec.field(default_factory=Told)
    waiting: list[Waiting] = msgspec.field(default_factory=list)
    notices: list[tuple[Message, list[str]]] = msgspec.field(default_factory=list)


def load(file: KeptFile) -> Memory:
    """Whoever cannot read what was told tells it again rather than nothing."""
    try:
        data = file.read()
        if data is None:
            return Memory()
        memory = msgspec.json.decode(data, type=Memory)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        log.error("fallback.memory_unreadable")  # noqa: TRY400 - no foreign text
        return Memory()
    return memory if memory.version == VERSION else Memory()


def save(file: KeptFile, memory: Memory) -> None:
    """A disk that cannot be written holds up no message."""
    del memory.notices[:-NOTICES]
    try:
        file.write(msgspec.json.encode(memory))
    except OSError as error:
        log.error("fallback.memory_not_written errno=%d", error.errno or 0)  # noqa: TRY400 - no foreign text
