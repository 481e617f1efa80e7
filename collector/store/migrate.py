"""Brings a database to the schema this version knows, inside the caller's transaction.

Most starts find nothing to do, and Alembic takes 11 MiB (`tests/bench`): it is there only while it
is needed.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select

from collector.store.store import StoreRefusedError

MIGRATIONS = Path(__file__).with_name("migrations")
REVISION = Table("alembic_version", MetaData(), Column("version_num", String(32)))


def migrate(connection: Connection) -> None:
    """StoreRefusedError when a newer version of Wardwatch has been here."""
    if revisions(connection) != [newest()]:
        _upgrade(connection)


def newest() -> str:
    """The revision of the last file, which its name begins with: `v0010_chains.py`."""
    last = max(path.name for path in (MIGRATIONS / "versions").glob("v*.py"))
    return last.removeprefix("v").partition("_")[0]


def revisions(connection: Connection) -> list[str]:
    """What the database says of itself; nothing where none was ever made."""
    if not inspect(connection).has_table(REVISION.name):
        return []
    return list(connection.execute(select(REVISION.c.version_num)).scalars())


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in revisions(connection):
        if revision not in known:
            raise StoreRefusedError(
                f"the database is at schema {revision}, which is newer than this program; "
                "install that version again"
            )
    command.upgrade(config, "head")
