"""Time that passes when there is nothing else to do: a day takes as long as what happens in it.

No threads and no sockets: what would go to a thread is done at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import async_solipsism
import pytest

P = ParamSpec("P")
T = TypeVar("T")
NS_PER_US = 1_000


class VirtualLoop(async_solipsism.EventLoop):  # type: ignore[misc]  # the library has no types
    """An event loop whose time is a number."""

    async def run_in_executor(
        self, _executor: Executor | None, func: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return func(*args, **kwargs)


class LoopClock:
    """The clock of everybody in a virtual loop."""

    def __init__(self, start_ms: int) -> None:
        self._start_ms = start_ms

    def now_ms(self) -> int:
        return self._start_ms + self._us() // 1_000

    def monotonic_ns(self) -> int:
        return self._us() * NS_PER_US

    async def sleep_ms(self, duration_ms: int) -> None:
        await asyncio.sleep(max(duration_ms, 0) / 1_000)

    def _us(self) -> int:
        return round(asyncio.get_running_loop().time() * 1_000_000)


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Exceptions of `main` come out; nothing of it is left behind."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


@contextmanager
def on_a_virtual_network() -> Iterator[None]:
    """HTTP of aiohttp on the loop's own sockets, which are in memory."""
    with pytest.MonkeyPatch.context() as patch:
        made = async_solipsism.aiohappyeyeballs_start_connection
        patch.setattr("aiohttp.connector.aiohappyeyeballs.start_connection", made)
        yield
