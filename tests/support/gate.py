"""A store whose transactions hang on request: what a lock, a dead disk or a lost server does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from collector.store.store import Store, StoreFault

P = ParamSpec("P")
T = TypeVar("T")


class Gate:
    """`hangs` are the units of work that do not begin until `open` is called."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.hangs: tuple[Callable[..., Any], ...] = ()
        self._opened = asyncio.Event()

    def shut(self, *hangs: Callable[..., Any]) -> None:
        self._opened.clear()
        self.hangs = hangs

    def open(self) -> None:
        self.hangs = ()
        self._opened.set()

    @property
    def single_process(self) -> bool:
        return self._store.single_process

    @property
    def fault(self) -> StoreFault | None:
        return self._store.fault

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if fn in self.hangs:
            await self._opened.wait()
        return await self._store.write(fn, *args, **kwargs)

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if fn in self.hangs:
            await self._opened.wait()
        return await self._store.read(fn, *args, **kwargs)

    async def close(self) -> None:
        await self._store.close()
