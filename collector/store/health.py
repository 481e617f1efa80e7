"""Finding out whether a store that failed takes data again."""

from __future__ import annotations

import hashlib

from sqlalchemy import Connection, delete

from collector.store.store import Store, StoreUnavailableError
from collector.store.tables import reserve
from collector.store.upsert import insert_if_absent

BLOCK = hashlib.shake_256(b"wardwatch").digest(256 * 1024)
"""As much as a big batch, and no engine can compress it."""


async def try_again(store: Store, org: str) -> None:
    """Write a block and delete it, in two commits; `store.fault` says how that went."""
    try:
        await store.write(_fill, org)
        await store.write(_empty, org)
    except StoreUnavailableError:
        return


def prove(conn: Connection, org: str) -> None:
    """Write the block and delete it, in the caller's transaction: would a big batch fit?"""
    _fill(conn, org)
    _empty(conn, org)


def _fill(conn: Connection, org: str) -> None:
    insert_if_absent(conn, reserve, {"org": org, "data": BLOCK})


def _empty(conn: Connection, org: str) -> None:
    conn.execute(delete(reserve).where(reserve.c.org == org))
