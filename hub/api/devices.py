"""Devices, gateways, points and energy."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from contract.messages import Text
from hub.api import shapes
from hub.api.access import Anyone, CoreOf, Energy, Facilities, Installer, Technician
from hub.api.core import Refusal, not_found

router = APIRouter(tags=["devices"])
_LONGEST_MS = 400 * 86_400_000


@router.get("/devices")
async def list_devices(_user: Technician, core: CoreOf) -> list[shapes.Device]:
    """List devices, those that wait for approval included."""
    return core.devices()


@router.get("/devices/{device}")
async def get_device(device: str, _user: Technician, core: CoreOf) -> shapes.DeviceDetail:
    """Return a device with its points' values and its last events."""
    return core.device(device)


@router.post("/devices/{device}/decide")
async def decide_device(device: str, body: shapes.Decide, user: Installer, core: CoreOf) -> shapes.Device:
    """Approve a found device or refuse it."""
    return await core.decide_device(device, approve=body.approve, by=user.username, reason=body.reason)


@router.post("/devices/{device}/write")
async def write_point(device: str, body: shapes.WritePoint, user: Facilities, core: CoreOf) -> shapes.CommandStatus:
    """Write a value to a point of a device."""
    values = {point.name: point for point in core.device(device).values}
    if body.point not in values:
        raise not_found(Text("point", "测点"), f"{device}.{body.point}")
    _check_write(values[body.point], body.value)
    return await core.send_command(requester=user.username, action="write", device=device, point=body.point,
                                   value=body.value, reason=body.reason)


def _check_write(point: shapes.PointValue, value: float) -> None:
    """Refuse what the point does not take: each field's mistake in both languages."""
    low, high = point.minimum, point.maximum
    if not point.writable:
        problem = Text("can only be read", "为只读")
    elif low is not None and value < low:
        problem = Text(f"must be at least {low:g} {point.unit}".strip(), f"不得小于 {low:g} {point.unit}".strip())
    elif high is not None and value > high:
        problem = Text(f"must be at most {high:g} {point.unit}".strip(), f"不得大于 {high:g} {point.unit}".strip())
    else:
        return
    path = "value" if point.writable else "point"
    raise Refusal(422, "invalid", Text("The value can't be written.", "该值无法写入。"),
                  [shapes.FieldProblem(path=path, value=f"{value:g}", message=problem)])


@router.get("/gateways")
async def list_gateways(_user: Installer, core: CoreOf) -> list[shapes.Gateway]:
    """List gateways, those that wait for approval included."""
    return core.gateways()


@router.post("/gateways/tokens")
async def create_token(user: Installer, core: CoreOf) -> shapes.EnrolToken:
    """Make a one-time token that lets a new gateway in without a further approval; shown once."""
    return await core.new_token(by=user.username)


@router.post("/gateways/{gateway}/decide")
async def decide_gateway(gateway: str, body: shapes.Decide, user: Installer, core: CoreOf) -> shapes.Gateway:
    """Approve a gateway that asked, or refuse or revoke it."""
    return await core.decide_gateway(gateway, approve=body.approve, by=user.username, reason=body.reason)


@router.get("/points/{point}/history")
async def get_history(
    point: int, _user: Anyone, core: CoreOf, from_ms: int, to_ms: int,
    buckets: Annotated[int, Query(ge=1, le=2000)] = 300,
) -> shapes.History:
    """Return a point's past in a fixed number of buckets (campus time, UTC ms)."""
    if not 0 < to_ms - from_ms <= _LONGEST_MS:
        raise Refusal(422, "invalid", Text("The period can't be shown.", "无法显示该时段。"), [shapes.FieldProblem(
            path="to_ms", value=str(to_ms), message=Text(
                "must be after from_ms and at most 400 days later", "必须晚于 from_ms，且相隔不超过 400 天"))])
    return await asyncio.to_thread(core.history, point, from_ms=from_ms, to_ms=to_ms, buckets=buckets)


@router.get("/energy")
async def get_energy(_user: Energy, core: CoreOf) -> shapes.Energy:
    """Return demand, today's energy and the meters."""
    return await asyncio.to_thread(core.energy)
