"""Who may sign in, with which roles."""

import asyncio

from fastapi import APIRouter

from hub import accounts
from hub.api import shapes
from hub.api.access import Admin, CoreOf
from hub.auth import hash_password, new_password

router = APIRouter(prefix="/users", tags=["users"])


@router.get("")
def list_users(_user: Admin, core: CoreOf) -> list[shapes.User]:
    """List users."""
    with core.store.read() as connection:
        return accounts.listed(connection)


@router.post("", status_code=201)
async def create_user(body: shapes.NewUser, user: Admin, core: CoreOf) -> shapes.UserCreated:
    """Create a user with a generated password, which is shown once."""
    password = new_password()
    password_hash = await asyncio.to_thread(hash_password, password)
    created = await core.commit.change(
        accounts.create(body, password_hash, by=user.username, at_ms=core.now_ms()))
    return shapes.UserCreated(user=created, password=password)


@router.put("/{username}")
async def edit_user(username: str, body: shapes.UserEdit, user: Admin, core: CoreOf) -> shapes.UserCreated:
    """Change name, roles or password, or disable; password is empty unless a new one was asked for."""
    password = new_password() if body.new_password else ""
    password_hash = await asyncio.to_thread(hash_password, password) if password else ""
    edited = await core.commit.change(
        accounts.edit(username, body, password_hash, by=user.username, at_ms=core.now_ms()))
    return shapes.UserCreated(user=edited, password=password)
