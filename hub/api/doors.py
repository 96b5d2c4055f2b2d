"""Doors, what passed through them, cameras and their pictures."""

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from contract.messages import Text
from hub import passages
from hub.api import shapes
from hub.api.access import CoreOf, GateDesk, forbidden
from hub.api.core import Action, not_found

router = APIRouter(tags=["doors"])
_MINUTE_MS = 60_000
_ACTIONS: Final[dict[str, Action]] = {
    "open": "door_open", "unlock": "door_unlock", "lock": "door_lock", "normal": "door_normal"}
_IMAGE: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/doors")
async def list_doors(_user: GateDesk, core: CoreOf) -> list[shapes.Door]:
    """List doors with their state."""
    return core.doors()


@router.post("/doors/{door}/act")
async def act_on_door(door: str, body: shapes.DoorAct, user: GateDesk, core: CoreOf) -> shapes.CommandStatus:
    """Open a door once, or unlock, lock or free it; the gate desk may only open."""
    if body.action != "open" and {"security", "admin"}.isdisjoint(user.roles):
        raise forbidden()
    lasts = body.minutes is not None and body.action in ("unlock", "lock")
    until_ms = core.now_ms() + body.minutes * _MINUTE_MS if lasts and body.minutes else 0
    return await core.send_command(
        requester=user.username, action=_ACTIONS[body.action], door=door, until_ms=until_ms, reason=body.reason)


@router.get("/passages")
def list_passages(
    _user: GateDesk, core: CoreOf, *, lane: bool | None = None, door: str = "", person: str = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> list[shapes.Passage]:
    """List decisions at doors, newest first; lane: only (true) or no (false) gate lanes."""
    with core.store.read() as connection:
        return passages.find(connection, lane=lane, door=door, person=person, limit=limit)


@router.get("/cameras")
async def list_cameras(_user: GateDesk, core: CoreOf) -> list[shapes.Camera]:
    """List cameras with their state."""
    return core.cameras()


@router.post("/cameras/{camera}/still")
async def take_still(camera: str, body: shapes.StillRequest, user: GateDesk, core: CoreOf) -> shapes.CommandStatus:
    """Ask a camera for a picture; the command's `evidence` names it when it is there."""
    return await core.send_command(requester=user.username, action="still", device=camera, reason=body.reason)


@router.get("/evidence/{evidence}", response_class=Response, responses=_IMAGE)
def get_evidence(evidence: int, _user: GateDesk, core: CoreOf) -> Response:
    """Return a stored picture (JPEG)."""
    with core.store.read() as connection:
        jpeg = passages.evidence_jpeg(connection, evidence)
    if jpeg is None:
        raise not_found(Text("picture", "图片"), evidence)
    return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=31536000, immutable"})
