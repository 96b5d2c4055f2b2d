"""Alembic's entry: the connection comes from `hub.migrations.upgrade`, or -x url=... on the command line."""

from alembic import context
from sqlalchemy import Connection, create_engine

from hub.tables import metadata


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
    with context.begin_transaction():
        context.run_migrations()


_given: Connection | None = context.config.attributes.get("connection")
if _given is not None:
    _migrate(_given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as _own:
        _migrate(_own)
