"""Who may use the hub: users with roles, passwords (argon2id), sign-in limits and sessions.

A session is a random 256-bit cookie of which only the SHA-256 is stored; it ends after 12 hours without use. Sign-in
limits and sessions run on wall time: an attacker does not live on campus time.
"""

import asyncio
import hashlib
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast, get_args

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, delete, insert, select, update

from hub import audit
from hub.api.core import Reader, Writer
from hub.api.shapes import Language, Role
from hub.tables import sessions, users

ROLES: Final[tuple[Role, ...]] = get_args(Role)
IDLE_S: Final = 12 * 3600
TOUCH_S: Final = 60
"""A session in use is marked as seen at most this often: each mark is a commit."""
WINDOW_S: Final = 60
WRONG_PER_PAIR: Final = 5
"""Wrong passwords of one user from one address within the window."""
WRONG_PER_SIDE: Final = 20
"""Wrong passwords from one address, or of one user from anywhere."""
_KEPT_KEYS: Final = 10_000
_HASHES_AT_ONCE: Final = 2  # 64 MiB and a core each
_hasher = PasswordHasher()
_NO_SUCH_USER: Final = _hasher.hash(secrets.token_hex())


class WrongPassword(Exception):
    """User and password do not fit, or the user is disabled: the caller can't tell which."""


class TooManyAttempts(Exception):
    """Wait before the next sign-in."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"too many wrong passwords; wait {retry_after_s} s")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed-in user."""

    username: str
    name: str
    roles: tuple[Role, ...]
    language: Language
    csrf: str
    session: str
    """SHA-256 of the cookie."""


class SignInLimit:
    """Counts wrong passwords of the last minute, by user and address."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._wrong: dict[tuple[str, ...], deque[float]] = {}

    def check(self, username: str, address: str) -> None:
        """Raise `TooManyAttempts` while user or address has too many wrong passwords behind it."""
        now = self._monotonic()
        for key, most in _limits(username, address):
            times = self._wrong.get(key)
            while times and times[0] <= now - WINDOW_S:
                times.popleft()
            if times and len(times) >= most:
                raise TooManyAttempts(max(1, round(times[-most] + WINDOW_S - now)))

    def count(self, username: str, address: str) -> None:
        """Note a wrong password."""
        now = self._monotonic()
        if len(self._wrong) > _KEPT_KEYS:
            self._wrong = {key: times for key, times in self._wrong.items() if times and times[-1] > now - WINDOW_S}
        for key, _ in _limits(username, address):
            self._wrong.setdefault(key, deque(maxlen=WRONG_PER_SIDE)).append(now)

    def uncount(self, username: str, address: str) -> None:
        """Forget the wrong passwords of this user at this address: the right one came."""
        self._wrong.pop(("pair", username, address), None)


def _limits(username: str, address: str) -> tuple[tuple[tuple[str, ...], int], ...]:
    return (("pair", username, address), WRONG_PER_PAIR), (("address", address), WRONG_PER_SIDE), \
        (("user", username), WRONG_PER_SIDE)


class Sessions:
    """Signs people in and out and tells who a cookie belongs to."""

    def __init__(
        self, store: Reader, commit: Writer, now_ms: Callable[[], int], *,
        wall_s: Callable[[], float] = time.time, limit: SignInLimit | None = None,
    ) -> None:
        self._store = store
        self._commit = commit
        self._now_ms = now_ms
        self._wall_s = wall_s
        self._limit = limit or SignInLimit()
        self._hashing = asyncio.Semaphore(_HASHES_AT_ONCE)

    async def sign_in(self, username: str, password: str, address: str) -> tuple[Signed, str]:
        """Return the user and the new session's cookie; raise `WrongPassword` or `TooManyAttempts`."""
        async with self._hashing:
            self._limit.check(username, address)
            self._limit.count(username, address)  # before the slow hash, so that attempts at once all count
            row = await asyncio.to_thread(self._user, username)
            fits = await asyncio.to_thread(password_fits, row.password_hash if row else _NO_SUCH_USER, password)
        if row is None or row.disabled or not fits:
            await self._commit.change(lambda connection: audit.write(
                connection, at_ms=self._now_ms(), actor=username[:100], action="user.sign_in_failed", subject=address))
            raise WrongPassword
        self._limit.uncount(username, address)
        cookie, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        session, wall_s = digest(cookie), int(self._wall_s())

        def work(connection: Connection) -> None:
            connection.execute(delete(sessions).where(sessions.c.seen_wall_s < wall_s - IDLE_S))
            connection.execute(insert(sessions).values(
                id=session, user=username, csrf=csrf, created_wall_s=wall_s, seen_wall_s=wall_s))
            audit.write(connection, at_ms=self._now_ms(), actor=username, action="user.sign_in", subject=address)

        await self._commit.change(work)
        return _signed(row, session, csrf), cookie

    async def who(self, cookie: str) -> Signed | None:
        """Return whose session this cookie is, None when it is nobody's or has ended."""
        session = digest(cookie)
        row = await asyncio.to_thread(self._session, session)
        if row is None or row.disabled or not await self._seen(row, session):
            return None
        return _signed(row, session, row.csrf)

    async def _seen(self, row: Row[tuple[object, ...]], session: str) -> bool:
        """Mark the session as in use; False when it has been idle for too long."""
        wall_s = int(self._wall_s())
        if row.seen_wall_s < wall_s - IDLE_S:
            return False
        if row.seen_wall_s < wall_s - TOUCH_S:
            await self._commit.change(lambda connection: connection.execute(
                update(sessions).where(sessions.c.id == session).values(seen_wall_s=wall_s)) and None)
        return True

    async def lasts(self, signed: Signed) -> bool:
        """Tell whether the session is still there, for what stays open long; using it counts as being seen."""
        row = await asyncio.to_thread(self._session, signed.session)
        if row is None or row.disabled or roles_of(row.roles) != signed.roles:
            return False
        return await self._seen(row, signed.session)

    async def sign_out(self, signed: Signed) -> None:
        """End the session; the cookie is worth nothing from now on."""

        def work(connection: Connection) -> None:
            connection.execute(delete(sessions).where(sessions.c.id == signed.session))
            audit.write(connection, at_ms=self._now_ms(), actor=signed.username, action="user.sign_out", subject="")

        await self._commit.change(work)

    async def choose_language(self, signed: Signed, language: Language) -> None:
        """Remember the user's language. No audit line: it changes nobody's rights and no device."""
        await self._commit.change(lambda connection: connection.execute(
            update(users).where(users.c.name == signed.username).values(language=language)) and None)

    async def change_password(self, signed: Signed, old: str, new: str) -> None:
        """Change one's own password and end one's other sessions; raise `WrongPassword`, `TooManyAttempts`."""
        async with self._hashing:
            self._limit.check(signed.username, "")
            row = await asyncio.to_thread(self._user, signed.username)
            if row is None or not await asyncio.to_thread(password_fits, row.password_hash, old):
                self._limit.count(signed.username, "")
                raise WrongPassword
            password_hash = await asyncio.to_thread(_hasher.hash, new)

        def work(connection: Connection) -> None:
            connection.execute(update(users).where(users.c.name == signed.username)
                               .values(password_hash=password_hash))
            connection.execute(delete(sessions).where(
                sessions.c.user == signed.username, sessions.c.id != signed.session))
            audit.write(connection, at_ms=self._now_ms(), actor=signed.username, action="user.password",
                        subject=signed.username)

        await self._commit.change(work)

    def _user(self, username: str) -> Row[tuple[object, ...]] | None:
        with self._store.read() as connection:
            return connection.execute(select(users).where(users.c.name == username)).first()

    def _session(self, session: str) -> Row[tuple[object, ...]] | None:
        with self._store.read() as connection:
            return connection.execute(
                select(sessions.c.csrf, sessions.c.seen_wall_s, users)
                .join(users, users.c.name == sessions.c.user).where(sessions.c.id == session)).first()


def digest(cookie: str) -> str:
    """Return what is stored of a session's cookie."""
    return hashlib.sha256(cookie.encode()).hexdigest()


def password_fits(password_hash: str, password: str) -> bool:
    """Compare a password with its hash; about 50 ms, by intention."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def new_password() -> str:
    """Return a generated password of 96 bits in groups a person can type."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(5)) for _ in range(4))


def hash_password(password: str) -> str:
    """Return the argon2id hash to store; about 50 ms, by intention."""
    return _hasher.hash(password)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A user to make sure of."""

    shown: str
    roles: tuple[Role, ...]
    password: str = ""
    """Empty: one is generated."""


ADMIN: Final[Mapping[str, NewAccount]] = {"admin": NewAccount("Administrator", ("admin",))}


def ensure_users(connection: Connection, accounts: Mapping[str, NewAccount], *, at_ms: int) -> dict[str, str]:
    """Create the users that are missing; return the passwords of those created now: shown once, never stored or logged.

    The hub's first start calls it with `ADMIN`; a demonstration with one account for each role (`demo_accounts`).
    """
    known = set(connection.scalars(select(users.c.name)))
    created = {}
    for username, account in accounts.items():
        if username in known:
            continue
        password = account.password or new_password()
        connection.execute(insert(users).values(
            name=username, shown=account.shown, password_hash=_hasher.hash(password), roles=",".join(account.roles)))
        audit.write(connection, at_ms=at_ms, actor="hub", action="user.create", subject=username,
                    detail={"roles": list(account.roles)})
        created[username] = password
    return created


def demo_accounts(password: str) -> dict[str, NewAccount]:
    """Return one account for each role, named like the role, with one password: for a demonstration only."""
    return {role: NewAccount(role.capitalize(), (role,), password) for role in ROLES}


def roles_of(stored: str) -> tuple[Role, ...]:
    """Split the users table's roles."""
    return tuple(cast("Iterable[Role]", (role for role in stored.split(",") if role in ROLES)))


def _signed(row: Row[tuple[object, ...]], session: str, csrf: str) -> Signed:
    return Signed(row.name, row.shown, roles_of(row.roles), row.language, csrf, session)
