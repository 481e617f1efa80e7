"""Brings a database to the schema this version knows, inside the caller's transaction."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from collector.store.store import StoreRefusedError


def migrate(connection: Connection) -> None:
    """StoreRefusedError when a newer version of Wardwatch has been here."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise StoreRefusedError(
                f"the database is at schema {revision}, which is newer than this program; "
                "install that version again"
            )
    command.upgrade(config, "head")
