"""Tells systemd that the agent is up, what ails it, and that it still looks at its schedule.

One datagram a word to the socket the service manager names (sd_notify(3)); without one, nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence

from probes.clock import Clock

EVERY_MS = 10_000
"""Of a status line where no watchdog asks for more."""


class Notify:
    """`ready` once, `run` for ever, `stopping` at the end. `watchdog_ms`: how long silence is borne."""

    def __init__(self, address: str | None, watchdog_ms: int | None) -> None:
        self._address = address
        self._watchdog_ms = watchdog_ms

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Notify:
        """As systemd.exec(5) has it."""
        usec = environment.get("WATCHDOG_USEC", "")
        asked = int(usec) // 1000 if usec.isascii() and usec.isdigit() else 0
        return cls(environment.get("NOTIFY_SOCKET") or None, asked or None)

    def ready(self) -> None:
        self._say("READY=1")

    def stopping(self) -> None:
        self._say("STOPPING=1")

    async def run(
        self, clock: Clock, alive: Callable[[], bool], troubles: Callable[[], Sequence[str]]
    ) -> None:
        """Says nothing once the agent is stuck: the manager starts it again."""
        every_ms = EVERY_MS if self._watchdog_ms is None else self._watchdog_ms // 2
        while True:
            if alive():
                found = troubles()
                status = f"degraded: {', '.join(found)}" if found else "ok"
                self._say(f"WATCHDOG=1\nSTATUS={status}")
            await clock.sleep_ms(every_ms)

    def _say(self, text: str) -> None:
        """A manager that is not there is not our concern."""
        if self._address is None:
            return
        address = f"\0{self._address[1:]}" if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
                sock.sendto(text.encode(), address)
        except OSError:
            return
