"""A store in which something happens between an evaluation's plan and its commit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from collector.commit import commit
from collector.store.store import Store, StoreFault

P = ParamSpec("P")
T = TypeVar("T")


class Met:
    """`first` happens before each commit while it is set."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.first: Callable[[], Awaitable[None]] | None = None

    @property
    def single_process(self) -> bool:
        return self.inner.single_process

    @property
    def fault(self) -> StoreFault | None:
        return self.inner.fault

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if fn is commit and self.first is not None:
            await self.first()
        return await self.inner.write(fn, *args, **kwargs)

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.inner.read(fn, *args, **kwargs)

    async def close(self) -> None:
        await self.inner.close()
