"""Run by Alembic: migrates on the connection the store hands over, in its transaction."""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # both engines roll DDL back
)
context.run_migrations()
