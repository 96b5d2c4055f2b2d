"""Alarms: the list, the card, and what an operator does with one."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from hub.api import shapes
from hub.api.access import Anyone, CoreOf, Operator

router = APIRouter(prefix="/alarms", tags=["alarms"])
_MINUTE_MS = 60_000


@router.get("")
async def list_alarms(
    _user: Anyone, core: CoreOf, state: Literal["open", "all"] = "open",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> list[shapes.Alarm]:
    """List alarms: open are those that need someone, all adds what is over."""
    return core.alarms.list(open_only=state == "open", limit=limit)


@router.get("/{alarm}")
async def get_alarm(alarm: int, _user: Anyone, core: CoreOf) -> shapes.Alarm:
    """Return one alarm with its timeline."""
    return core.alarms.get(alarm)


@router.post("/{alarm}/acknowledge")
async def acknowledge_alarm(alarm: int, body: shapes.Acknowledge, user: Operator, core: CoreOf) -> shapes.Alarm:
    """Say that someone has seen it and cares for it."""
    return await core.alarms.acknowledge(alarm, by=user.username, note=body.note)


@router.post("/{alarm}/shelve")
async def shelve_alarm(alarm: int, body: shapes.Shelve, user: Operator, core: CoreOf) -> shapes.Alarm:
    """Put it aside for some minutes of campus time; refused (409) for fire and duress."""
    until_ms = core.now_ms() + body.minutes * _MINUTE_MS
    return await core.alarms.shelve(alarm, until_ms=until_ms, by=user.username, reason=body.reason)


@router.post("/{alarm}/unshelve")
async def unshelve_alarm(alarm: int, user: Operator, core: CoreOf) -> shapes.Alarm:
    """Take it back from the shelf before its time."""
    return await core.alarms.unshelve(alarm, by=user.username)


@router.post("/{alarm}/comment")
async def comment_alarm(alarm: int, body: shapes.Comment, user: Operator, core: CoreOf) -> shapes.Alarm:
    """Write down what was found."""
    return await core.alarms.comment(alarm, by=user.username, note=body.note)
