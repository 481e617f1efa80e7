"""A thread for what may block. One, so that what is done there is done in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")


class Hand(Protocol):
    """Does something elsewhere; once begun it is done, even if nobody waits for it any more."""

    async def __call__(self, act: Callable[[], T], /) -> T: ...


class OneThread:
    """A Hand."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def __call__(self, act: Callable[[], T], /) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, act)
