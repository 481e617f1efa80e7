"""From a database URL to an open, migrated store."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from collector.store.postgres import open_postgres
from collector.store.sqlite import open_sqlite
from collector.store.store import Store, StoreRefusedError

HINT = "write sqlite:///folder/file.db or postgresql://user@host/database"


def parse_database(text: str) -> URL:
    """StoreRefusedError, naming the forms that work, when `text` is none of them."""
    try:
        url = make_url(text)
    except ArgumentError:
        raise StoreRefusedError(f"--database: {HINT}") from None
    if url.drivername == "sqlite" and url.database and url.database != ":memory:":
        return url
    if url.drivername == "postgresql" and url.database:
        return url
    raise StoreRefusedError(f"--database: {HINT}")


async def open_store(text: str) -> Store:
    """StoreRefusedError or StoreUnavailableError when there is nothing to work with."""
    url = parse_database(text)
    if url.drivername == "sqlite":
        return await asyncio.to_thread(open_sqlite, Path(str(url.database)))
    return await asyncio.to_thread(open_postgres, url)
