"""The migrated schema is the one the code means."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, insert, inspect, select

from hub.migrations import upgrade
from hub.tables import metadata, users


def test_the_migrated_schema_equals_the_tables(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/hub.db")
    upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision()
    created = create_engine("sqlite://")
    with created.connect() as connection:
        metadata.create_all(connection)
        wanted, made = inspect(connection), inspect(engine)
        for table in metadata.tables:
            for part in ("get_pk_constraint", "get_unique_constraints", "get_foreign_keys", "get_indexes"):
                assert getattr(made, part)(table) == getattr(wanted, part)(table), (table, part)
    engine.dispose()
    created.dispose()


def test_upgrading_again_changes_nothing(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/hub.db")
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(insert(users).values(name="li", shown="Li", password_hash="h", roles="gate"))
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.scalar(select(users.c.name)) == "li"
    engine.dispose()
