"""Commands: the only way back. Stored before they are sent; their results come back as ordinary events."""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, Literal

import msgspec
from sqlalchemy import Connection, Row, select

from contract.messages import Command, Event, Text
from hub import audit, tables
from hub.api import shapes
from hub.api.core import Action, Refusal, not_found
from hub.commit import Committer
from hub.registry import Registry
from rules.model import CommandOrder

EXPIRES_WALL_MS: Final = 15_000
"""A command not taken by its gateway within this is not done any more: a door must not open minutes later."""
GIVEN_UP: Final = 1_000
Result = Literal["sent", "done", "failed", "refused", "expired"]


class Commands:
    """Sends commands and follows them. `publish(gateway, command)` puts one on the broker, whenever it can."""

    def __init__(
        self, *, committer: Committer, registry: Registry, now_ms: Callable[[], int], speed: Callable[[], float],
        publish: Callable[[str, Command], None], show: Callable[[shapes.CommandStatus], None],
        read: Callable[[], AbstractContextManager[Connection]],
    ) -> None:
        self._commit = committer
        self._registry = registry
        self._now_ms = now_ms
        self._speed = speed
        self._publish = publish
        self._show = show
        self._read = read
        self._open: dict[str, tuple[str, Command]] = {}
        self._given_up: dict[str, tuple[str, Command]] = {}
        """Expired ones whose result may still come; the oldest are forgotten."""
        self._pictures: dict[str, int] = {}
        """Evidence that came for a command, before its result."""

    def load(self, connection: Connection) -> None:
        for row in connection.execute(select(tables.commands).where(tables.commands.c.status == "sent")):
            self._open[row.id] = (row.gateway, msgspec.json.decode(row.body, type=Command))

    async def send(
        self, *, requester: str, action: Action, device: str = "", door: str = "", point: str = "",
        value: float | None = None, text: str = "", until_ms: int = 0, reason: str = "",
    ) -> shapes.CommandStatus:
        """Store a command of a person and send it; the answer says `sent`, the stream tells how it ends."""
        gateway = self._gateway(device, door)
        command = self._make(requester, action, device, door, point, value, text, until_ms, reason)
        self._stage(gateway, command)
        await self._commit.change(lambda connection: audit.write(
            connection, at_ms=command.at_ms, actor=requester, action=f"command.{action}", subject=device or door,
            detail={"point": point, "value": value, "until_ms": until_ms, "reason": reason, "text": text}))
        return _status(command, "sent")

    def order(self, order: CommandOrder, rule: str) -> None:
        """Send what a rule orders, within the commit of what caused it."""
        doors = self._doors(order)
        until_ms = self._now_ms() + order.lasts if order.lasts else 0
        for device, door in [(order.device, "")] if order.device else [("", door) for door in doors]:
            served = self._registry.devices.get(device) or self._registry.doors.get(door)
            if served is None:
                continue
            command = self._make(f"rule:{rule}", order.action, device, door, order.point, order.value, order.text,
                                 until_ms, rule)
            self._stage(served.gateway, command)

    def still(self, camera: str, reason: str) -> None:
        """Ask a camera for a picture on the hub's own account."""
        device = self._registry.devices.get(camera)
        if device is not None:
            command = self._make("hub", "still", camera, "", "", None, reason, 0, reason)
            self._stage(device.gateway, command)

    def picture(self, command: str, evidence: int) -> None:
        """Note the picture that a command asked for; its result follows."""
        if command in self._open:
            self._pictures[command] = evidence

    def result(self, event: Event, gateway: str) -> None:
        """Take a command's result, from the gateway it was sent to; one that comes late still counts."""
        known = self._open.get(event.command) or self._given_up.get(event.command)
        if known is None or known[0] != gateway:
            return
        self._open.pop(event.command, None)
        self._given_up.pop(event.command, None)
        evidence = self._pictures.pop(event.command, None)
        status: Result = event.reason if event.reason in ("done", "failed", "refused", "expired") else "failed"  # type: ignore[assignment]
        self._finish(*known, status, event.text, event.value, evidence)

    def expire(self) -> None:
        """Give up on what no gateway answered in time."""
        now_ms = self._now_ms()
        margin_ms = EXPIRES_WALL_MS * self._speed() / 3
        for gateway, command in [known for known in self._open.values() if now_ms > known[1].expires_ms + margin_ms]:
            del self._open[command.id]
            self._given_up[command.id] = (gateway, command)
            if len(self._given_up) > GIVEN_UP:
                self._pictures.pop(next(iter(self._given_up)), None)
                del self._given_up[next(iter(self._given_up))]
            self._finish(gateway, command, "expired", "no answer from the gateway in time", None, None)

    def resend(self, gateway: str) -> None:
        """A gateway is back: what it may have missed and is still worth doing is sent again (it knows doubled ids)."""
        now_ms = self._now_ms()
        for owner, command in self._open.values():
            if owner == gateway and now_ms < command.expires_ms:
                self._publish(gateway, command)

    def get(self, command: str) -> shapes.CommandStatus:
        with self._read() as connection:
            row = connection.execute(select(tables.commands).where(tables.commands.c.id == command)).first()
        if row is None:
            raise not_found(Text("command", "指令"), command)
        return _status_of(row)

    def _make(
        self, requester: str, action: Action, device: str, door: str, point: str, value: float | None, text: str,
        until_ms: int, reason: str,
    ) -> Command:
        now_ms = self._now_ms()
        return Command(
            id=secrets.token_hex(8), at_ms=now_ms, expires_ms=now_ms + int(EXPIRES_WALL_MS * self._speed()),
            requester=requester, action=action, device=device, door=door, point=point, value=value, text=text,
            until_ms=until_ms, reason=reason)

    def _stage(self, gateway: str, command: Command) -> None:
        self._open[command.id] = (gateway, command)
        self._put(gateway, command, "sent", "", None, None)
        self._commit.stage.after["command", command.id] = lambda: self._publish(gateway, command)
        self._show(_status(command, "sent"))

    def _finish(self, gateway: str, command: Command, status: Result, detail: str, value: float | None,
                evidence: int | None) -> None:
        self._put(gateway, command, status, detail, value, evidence)
        self._show(_status(command, status, detail, value, evidence))

    def _put(self, gateway: str, command: Command, status: Result, detail: str, value: float | None,
             evidence: int | None) -> None:
        self._commit.stage.put(tables.commands, {
            "id": command.id, "gateway": gateway, "at_ms": command.at_ms, "expires_ms": command.expires_ms,
            "requester": command.requester, "body": msgspec.json.encode(command), "status": status, "detail": detail,
            "value": value, "evidence": evidence, "done_ms": None if status == "sent" else self._now_ms()})
        self._commit.wake(urgent=True)

    def _gateway(self, device: str, door: str) -> str:
        served = self._registry.doors.get(door) if door else self._registry.devices.get(device)
        if served is None:
            raise not_found(Text("door or device", "门或设备"), door or device)
        gateway = self._registry.gateways.get(served.gateway)
        if gateway is None or not gateway.online:
            raise Refusal(503, "gateway_away", Text(
                f"Gateway {served.gateway} is away, so nothing can be sent to it.",
                f"网关 {served.gateway} 离线，无法下发指令。"))
        return gateway.id

    def _doors(self, order: CommandOrder) -> list[str]:
        if order.door:
            return [order.door]
        if "all" in order.doors:
            return list(self._registry.doors)
        return [door for door in order.doors if door in self._registry.doors]


def _status(
    command: Command, status: Result, detail: str = "", value: float | None = None, evidence: int | None = None,
) -> shapes.CommandStatus:
    return shapes.CommandStatus(
        id=command.id, action=command.action, target=command.device or command.door, requester=command.requester,
        at_ms=command.at_ms, status=status, detail=detail, value=value, evidence=evidence)


def _status_of(row: Row[tuple[object, ...]]) -> shapes.CommandStatus:
    command = msgspec.json.decode(row.body, type=Command)
    return _status(command, row.status, row.detail, row.value, row.evidence)
