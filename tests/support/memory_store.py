"""A store in memory for many short tests of logic above it; what a store promises is tested on
the real ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, Table, create_engine
from sqlalchemy.pool import StaticPool

from collector.store.store import StoreFault
from collector.store.tables import counters

P = ParamSpec("P")
T = TypeVar("T")


class MemoryStore:
    def __init__(self, *tables: Table) -> None:
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        tables[0].metadata.create_all(self._engine, [*tables, counters])

    @property
    def single_process(self) -> bool:
        return True

    @property
    def fault(self) -> StoreFault | None:
        return None

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self._engine.begin() as connection:
            return fn(connection, *args, **kwargs)

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self.write(fn, *args, **kwargs)

    async def close(self) -> None:
        self._engine.dispose()
