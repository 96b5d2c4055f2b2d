"""What happened: events, refused messages and the audit log."""

from typing import Annotated

from fastapi import APIRouter, Query

from hub import records
from hub.api import shapes
from hub.api.access import Admin, CoreOf, Installer, Watcher

router = APIRouter(tags=["records"])
Limit = Annotated[int, Query(ge=1, le=1000)]
Before = Annotated[int | None, Query(ge=1, description="Only lines with a smaller id: the next page")]


@router.get("/events")
def list_events(
    _user: Watcher, core: CoreOf, *, kind: str = "", device: str = "", before: Before = None, limit: Limit = 100,
) -> list[shapes.EventLine]:
    """List events, newest first."""
    with core.store.read() as connection:
        return records.events(connection, kind=kind, device=device, before=before, limit=limit)


@router.get("/quarantine")
def list_quarantine(_user: Installer, core: CoreOf) -> list[shapes.QuarantineLine]:
    """List messages that broke the contract, newest first."""
    with core.store.read() as connection:
        return records.quarantined(connection)


@router.get("/audit")
def list_audit(
    _user: Admin, core: CoreOf, *, q: Annotated[str, Query(max_length=100)] = "", before: Before = None,
    limit: Limit = 100,
) -> list[shapes.AuditLine]:
    """List who changed what, newest first; q: part of actor, action or subject."""
    with core.store.read() as connection:
        return records.audited(connection, q=q, before=before, limit=limit)


@router.get("/audit/check")
def check_audit(_user: Admin, core: CoreOf) -> shapes.AuditCheck:
    """Go through the whole audit log and tell whether a line was changed or removed."""
    with core.store.read() as connection:
        return records.audit_check(connection)
