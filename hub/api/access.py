"""Who may call what: the session behind a request, the roles a route asks for, and proof that a change was meant."""

import secrets
from typing import Annotated, Final

from fastapi import Depends, Request

from contract.messages import Text
from hub.api.core import Core, Refusal
from hub.api.shapes import Role
from hub.auth import ROLES, Sessions, Signed

CSRF_HEADER: Final = "X-CSRF"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PLAIN_COOKIE: Final = "campus_session"


def cookie_name(*, secure: bool) -> str:
    """Return the session cookie's name; `__Host-` lets a browser take it from this host over TLS only."""
    return f"__Host-{_PLAIN_COOKIE}" if secure else _PLAIN_COOKIE


def core_of(request: Request) -> Core:
    core: Core = request.app.state.core
    return core


def sessions_of(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.sessions
    return sessions


def address_of(request: Request) -> str:
    """Return the peer's address, for limits and the audit log."""
    return request.client.host if request.client else ""


async def signed_in(request: Request) -> Signed:
    """Return who is signed in; refuse a request without a session, and a change without its CSRF header."""
    cookie = request.cookies.get(cookie_name(secure=core_of(request).settings.secure_cookie), "")
    signed = await sessions_of(request).who(cookie) if cookie else None
    if signed is None:
        raise Refusal(401, "signed_out", Text("Please sign in.", "请先登录。"))
    if request.method not in SAFE_METHODS:
        given = request.headers.get(CSRF_HEADER, "")
        if not secrets.compare_digest(given.encode(), signed.csrf.encode()):
            raise Refusal(403, "csrf", Text(
                "This change did not come from the console. Reload the page.",
                "该操作不是由控制台发出的，请刷新页面。"))
    return signed


class Allowed:
    """A dependency that lets only these roles through."""

    def __init__(self, *roles: Role) -> None:
        self.roles = frozenset(roles)

    async def __call__(self, signed: Annotated[Signed, Depends(signed_in)]) -> Signed:
        if self.roles.isdisjoint(signed.roles):
            raise forbidden()
        return signed


def forbidden() -> Refusal:
    """Describe that the user's role does not allow this."""
    return Refusal(403, "forbidden", Text("Your role does not allow this.", "您的角色无权进行此操作。"))


CoreOf = Annotated[Core, Depends(core_of)]
SessionsOf = Annotated[Sessions, Depends(sessions_of)]
Anyone = Annotated[Signed, Depends(Allowed(*ROLES))]
Operator = Annotated[Signed, Depends(Allowed("security", "gate", "facilities", "admin"))]
GateDesk = Annotated[Signed, Depends(Allowed("security", "gate", "admin"))]
Energy = Annotated[Signed, Depends(Allowed("facilities", "security", "admin"))]
Technician = Annotated[Signed, Depends(Allowed("installer", "facilities", "admin"))]
Installer = Annotated[Signed, Depends(Allowed("installer", "admin"))]
Facilities = Annotated[Signed, Depends(Allowed("facilities", "admin"))]
Security = Annotated[Signed, Depends(Allowed("security", "admin"))]
Watcher = Annotated[Signed, Depends(Allowed("security", "installer", "admin"))]
Admin = Annotated[Signed, Depends(Allowed("admin"))]
