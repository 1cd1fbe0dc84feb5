"""Brings the tables to the newest form, within the transaction of `database.open_database`.

Alembic loads it by path.
"""

from __future__ import annotations

from alembic import context

from api.database import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
