"""Users as the console lists and edits them."""

from collections.abc import Callable

from sqlalchemy import Connection, delete, insert, select, update

from contract.messages import Text
from hub import audit
from hub.api import shapes
from hub.api.core import Refusal, not_found
from hub.auth import roles_of
from hub.tables import sessions, users

_USER = Text("user", "用户")


def listed(connection: Connection) -> list[shapes.User]:
    """Return all users by name."""
    return [_user(connection, name) for name in connection.scalars(select(users.c.name).order_by(users.c.name))]


def create(new: shapes.NewUser, password_hash: str, *, by: str, at_ms: int) -> Callable[[Connection], shapes.User]:
    """Return the change that creates a user."""

    def work(connection: Connection) -> shapes.User:
        if connection.scalar(select(users.c.name).where(users.c.name == new.username)) is not None:
            raise Refusal(409, "exists", Text(
                f"There is a user {new.username} already.", f"用户 {new.username} 已存在。"))
        connection.execute(insert(users).values(
            name=new.username, shown=new.name, password_hash=password_hash, roles=",".join(new.roles),
            language=new.language))
        audit.write(connection, at_ms=at_ms, actor=by, action="user.create", subject=new.username,
                    detail={"roles": list(new.roles)})
        return _user(connection, new.username)

    return work


def edit(
    username: str, change: shapes.UserEdit, password_hash: str, *, by: str, at_ms: int,
) -> Callable[[Connection], shapes.User]:
    """Return the change that edits a user; whoever loses roles, password or access is signed out."""

    def work(connection: Connection) -> shapes.User:
        _user(connection, username)
        values: dict[str, str | bool] = {}
        if change.name is not None:
            values["shown"] = change.name
        if change.roles is not None:
            values["roles"] = ",".join(change.roles)
        if change.disabled is not None:
            values["disabled"] = change.disabled
        detail: dict[str, object] = {**values}
        if password_hash:
            values["password_hash"] = password_hash
            detail["new_password"] = True
        if values:
            connection.execute(update(users).where(users.c.name == username).values(**values))
        if change.roles is not None or change.disabled or password_hash:
            connection.execute(delete(sessions).where(sessions.c.user == username))
        _keep_an_admin(connection)
        audit.write(connection, at_ms=at_ms, actor=by, action="user.edit", subject=username, detail=detail)
        return _user(connection, username)

    return work


def _keep_an_admin(connection: Connection) -> None:
    rows = connection.execute(select(users.c.roles).where(users.c.disabled.is_(False)))
    if not any("admin" in roles_of(row.roles) for row in rows.all()):
        raise Refusal(409, "last_admin", Text(
            "Someone must stay who may manage users.", "必须保留至少一名可管理用户的管理员。"))


def _user(connection: Connection, username: str) -> shapes.User:
    row = connection.execute(select(users).where(users.c.name == username)).first()
    if row is None:
        raise not_found(_USER, username)
    return shapes.User(username=row.name, name=row.shown, roles=list(roles_of(row.roles)), language=row.language,
                       disabled=row.disabled)
