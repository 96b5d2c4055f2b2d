"""The audit log shows every change made behind its back."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, update

from hub import audit
from hub.tables import audit as table
from hub.tables import metadata


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        for number in range(1, 6):
            audit.write(connection, at_ms=number, actor="li", action="door.open", subject=f"door-{number}",
                        detail={"reason": "送货"})
        yield connection
    engine.dispose()


def test_an_untouched_log_is_whole(connection: Connection) -> None:
    assert audit.verify(connection) is None
    assert audit.lines(connection) == 5
    audit.write(connection, at_ms=6, actor="li", action="door.open", subject="door-6")
    assert audit.verify(connection) is None


@pytest.mark.parametrize(("column", "value"), [
    ("at_ms", 99), ("actor", "wang"), ("action", "door.lock"), ("subject", "door-9"), ("detail", "{}"),
    ("seal", "0" * 64),
])
def test_a_changed_line_is_named(connection: Connection, column: str, value: object) -> None:
    connection.execute(update(table).where(table.c.id == 3).values({column: value}))
    assert audit.verify(connection) == 3


@pytest.mark.parametrize(("removed", "broken"), [(1, 2), (3, 4)])
def test_a_removed_line_shows_at_the_next_one(connection: Connection, removed: int, broken: int) -> None:
    connection.execute(delete(table).where(table.c.id == removed))
    assert audit.verify(connection) == broken


def test_cutting_off_the_end_shows_against_a_seal_kept_elsewhere(connection: Connection) -> None:
    kept = audit.newest_seal(connection)
    connection.execute(delete(table).where(table.c.id == 5))
    assert audit.verify(connection) is None
    assert audit.newest_seal(connection) != kept


@given(st.lists(st.text(max_size=8), min_size=4, max_size=4), st.lists(st.text(max_size=8), min_size=4, max_size=4))
def test_different_lines_have_different_seals(one: list[str], other: list[str]) -> None:
    same = audit._seal("s", 1, *one) == audit._seal("s", 1, *other)
    assert same == (one == other)
