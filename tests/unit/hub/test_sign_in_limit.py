"""How many wrong passwords are too many."""

import pytest
from sqlalchemy import create_engine, select

from hub import auth
from hub.auth import SignInLimit, TooManyAttempts
from hub.tables import audit, metadata, users


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def refused(limit: SignInLimit, user: str, address: str) -> bool:
    try:
        limit.check(user, address)
    except TooManyAttempts:
        return True
    return False


def test_five_wrong_then_wait_until_the_first_is_a_minute_old() -> None:
    clock = Clock()
    limit = SignInLimit(clock)
    for _ in range(5):
        assert not refused(limit, "li", "a")
        limit.count("li", "a")
        clock.now += 2
    with pytest.raises(TooManyAttempts) as error:
        limit.check("li", "a")
    assert error.value.retry_after_s == 50
    clock.now += 51
    assert not refused(limit, "li", "a")


def test_the_right_password_forgets_the_wrong_ones() -> None:
    limit = SignInLimit(Clock())
    for _ in range(4):
        limit.count("li", "a")
    limit.uncount("li", "a")
    limit.count("li", "a")
    assert not refused(limit, "li", "a")


@pytest.mark.parametrize("spread", ["over users", "over addresses"])
def test_guessing_spread_over_users_or_addresses_is_slowed_too(spread: str) -> None:
    limit = SignInLimit(Clock())
    for number in range(20):
        limit.count(*((f"user{number}", "a") if spread == "over users" else ("li", f"a{number}")))
    assert refused(limit, "new", "a") == (spread == "over users")
    assert refused(limit, "li", "new") == (spread == "over addresses")


def test_what_it_keeps_is_bounded() -> None:
    clock = Clock()
    limit = SignInLimit(clock)
    for number in range(auth._KEPT_KEYS):
        limit.count(f"user{number}", f"a{number}")
        clock.now += 0.1
    assert len(limit._wrong) < auth._KEPT_KEYS + 4


def test_the_first_start_makes_an_admin_whose_password_is_told_once() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        metadata.create_all(connection)
        created = auth.ensure_users(connection, auth.ADMIN, at_ms=1)
        assert auth.ensure_users(connection, auth.ADMIN, at_ms=2) == {}
        row = connection.execute(select(users)).one()
        everything = str(row) + str(connection.execute(select(audit)).all())
    engine.dispose()
    assert list(created) == ["admin"]
    assert created["admin"] not in everything
    assert row.password_hash.startswith("$argon2id$")
    assert auth.password_fits(row.password_hash, created["admin"])
    assert not auth.password_fits(row.password_hash, created["admin"] + "x")
    assert not auth.password_fits("no hash", "x")


def test_generated_passwords_differ_and_can_be_typed() -> None:
    passwords = {auth.new_password() for _ in range(100)}
    assert len(passwords) == 100
    assert all(len(password) == 23 and not set(password) & set("01liO") for password in passwords)
