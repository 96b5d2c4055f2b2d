"""Reading what was recorded: events, quarantined messages, audit lines."""

from sqlalchemy import Connection, or_, select

from hub import audit
from hub.api import shapes
from hub.tables import audit as audit_table
from hub.tables import events as events_table
from hub.tables import quarantine

_QUARANTINE_SHOWN = 500


def events(
    connection: Connection, *, kind: str = "", device: str = "", before: int | None = None, limit: int = 100,
) -> list[shapes.EventLine]:
    """Return the newest events, newest first; kind: one, or a family such as "camera."."""
    table = events_table
    statement = select(
        table.c.id, table.c.at_ms, table.c.kind, table.c.gateway, table.c.device, table.c.door, table.c.zone,
        table.c.person, table.c.reason, table.c.value, table.c.text, table.c.evidence,
    ).order_by(table.c.id.desc()).limit(limit)
    if kind:
        statement = statement.where(table.c.kind.startswith(kind, autoescape=True) if kind.endswith(".")
                                    else table.c.kind == kind)
    if device:
        statement = statement.where(table.c.device == device)
    if before is not None:
        statement = statement.where(table.c.id < before)
    return [shapes.EventLine.model_validate(row) for row in connection.execute(statement).mappings()]


def quarantined(connection: Connection) -> list[shapes.QuarantineLine]:
    """Return refused messages, newest first, without their content."""
    table = quarantine
    return [shapes.QuarantineLine.model_validate(row) for row in connection.execute(
        select(table.c.id, table.c.at_ms, table.c.topic, table.c.reason, table.c.size, table.c.count)
        .order_by(table.c.id.desc()).limit(_QUARANTINE_SHOWN)).mappings()]


def audited(
    connection: Connection, *, q: str = "", before: int | None = None, limit: int = 100,
) -> list[shapes.AuditLine]:
    """Return audit lines, newest first; q: part of actor, action or subject."""
    table = audit_table
    statement = select(
        table.c.id, table.c.at_ms, table.c.actor, table.c.action, table.c.subject, table.c.detail,
    ).order_by(table.c.id.desc()).limit(limit)
    if q:
        statement = statement.where(or_(*(
            column.icontains(q, autoescape=True) for column in (table.c.actor, table.c.action, table.c.subject))))
    if before is not None:
        statement = statement.where(table.c.id < before)
    return [shapes.AuditLine.model_validate(row) for row in connection.execute(statement).mappings()]


def audit_check(connection: Connection) -> shapes.AuditCheck:
    """Go through the whole audit log."""
    return shapes.AuditCheck(lines=audit.lines(connection), broken=audit.verify(connection))
