"""The agent with another runner, to see what it can do.

`python -m tests.bench.drive FLIGHT run ...` is `wardwatch-agent run ...` whose slots are not waited
for: FLIGHT attempts at once, each check again as soon as it ended. With FLIGHT 0 it keeps its
slots, and at SIGUSR1 goes on with the first tenth of its checks alone.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from agent import service
from agent.cli import main
from probes.attempts import Attempts
from probes.contract import Slot
from probes.runner import Runner

KEPT = 10


class Headlong(Runner):
    flight = 1

    async def _look(self, attempts: asyncio.TaskGroup) -> None:
        checks = [*self._checks.values()]
        for first in range(self.flight):
            attempts.create_task(self._again(checks[first :: self.flight]))
        while True:
            self.beat_ns = self._clock.monotonic_ns()
            await self._clock.sleep_ms(1_000)

    async def _again(self, checks: list[Attempts]) -> None:
        while True:
            for check in checks:
                self._record(await check.run(Slot(check.name, self._clock.now_ms())))


class Relieved(Runner):
    async def _look(self, attempts: asyncio.TaskGroup) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, self._relieve)
        await super()._look(attempts)

    def _relieve(self) -> None:
        checks = [*self._checks.values()]
        self.change(checks[: len(checks) // KEPT], lambda: None)


if __name__ == "__main__":
    Headlong.flight = int(sys.argv[1])
    service.__dict__["Runner"] = Headlong if Headlong.flight else Relieved
    sys.exit(main(sys.argv[2:]))
