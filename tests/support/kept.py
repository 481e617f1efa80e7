"""What a collector's SQLite file holds of its agents' batches, read beside the running collector."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import create_engine, select
from sqlalchemy.pool import NullPool

from collector.store import ledger
from collector.store.ledger import Stored
from collector.store.tables import chains


def kept(database: Path) -> list[Stored]:
    """Every stored batch and tombstone, by chain and seq."""
    engine = create_engine(f"sqlite:///file:{database}?mode=ro&uri=true", poolclass=NullPool)
    try:
        with engine.connect() as conn:
            orgs = conn.execute(select(chains.c.org).distinct()).scalars()
            return [
                one
                for org in orgs.all()
                for one in ledger.read_between(conn, org, 0, 1 << 62, None, 1 << 30)
            ]
    finally:
        engine.dispose()
