"""Commands from the hub: done once, within their time; each result goes back as an event."""

import asyncio
from collections import OrderedDict
from typing import Final, Literal, NamedTuple, Protocol, runtime_checkable

import structlog

from contract import kinds
from contract.clock import Clock
from contract.messages import Command, Event
from drivers.base import DeviceError, DeviceRefused
from edge_agent.devices import Devices, Picturing, still
from edge_agent.doors import Doors
from edge_agent.outbox import Outbox
from rules.access.door import Order

REMEMBERED: Final = 1000
AT_ONCE: Final = 64
"""Commands under way at a time; more are refused."""
Reason = Literal["done", "failed", "expired", "refused"]
_ORDERS: Final[dict[str, Literal["open", "unlock", "lock", "normal"]]] = {
    "door_open": "open", "door_unlock": "unlock", "door_lock": "lock", "door_normal": "normal"}
_log = structlog.get_logger()


@runtime_checkable
class Showing(Protocol):
    """A sign."""

    async def show(self, text: str, until_ms: int) -> None: ...


class Result(NamedTuple):
    """How a command ended."""

    reason: Reason
    text: str = ""
    value: float | None = None


class Commands:
    """Executes commands, each in a task of its own: a slow device holds up no door."""

    def __init__(self, *, outbox: Outbox, clock: Clock, devices: Devices, doors: Doors) -> None:
        self._outbox, self._clock, self._devices, self._doors = outbox, clock, devices, doors
        self._results: OrderedDict[str, Event | None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, command: Command) -> None:
        """Begin a command; one that came before is not done again, its result is told again."""
        if command.id in self._results:
            if told := self._results[command.id]:
                self._outbox.add_event(told)
            return
        self._results[command.id] = None
        while len(self._results) > REMEMBERED:
            self._results.popitem(last=False)
        if len(self._tasks) >= AT_ONCE:
            self._tell(command, Result("refused", f"{AT_ONCE} commands are under way already"))
            return
        task = asyncio.create_task(self._run(command), name=f"command.{command.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """End what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, command: Command) -> None:
        try:
            result = await self._execute(command)
        except DeviceRefused as error:
            result = Result("refused", str(error))
        except DeviceError as error:
            result = Result("failed", str(error) or type(error).__name__)
        except asyncio.CancelledError:
            self._tell(command, Result("failed", "the gateway stopped"))
            raise
        self._tell(command, result)

    def _tell(self, command: Command, result: Result) -> None:
        event = Event(kind=kinds.COMMAND_RESULT, at_ms=self._clock.now_ms(), command=command.id,
                      device=command.device, door=command.door, reason=result.reason, text=result.text,
                      value=result.value)
        if command.id in self._results:
            self._results[command.id] = event
        _log.info("command", action=command.action, target=command.door or command.device, by=command.requester,
                  result=result.reason, why=result.text)
        self._outbox.add_event(event)

    async def _execute(self, command: Command) -> Result:
        if self._clock.now_ms() > command.expires_ms:
            return Result("expired", "it came after its time")
        match command.action:
            case "write":
                if command.value is None:
                    return Result("refused", "a value is wanted")
                return Result("done", value=await self._devices.write(command.device, command.point, command.value))
            case "still":
                return await self._still(command)
            case "show":
                return await self._show(command)
            case _:
                return await self._door(command)

    async def _door(self, command: Command) -> Result:
        if command.action in ("door_release", "door_restore"):
            why = await self._doors.release(command.door, on=command.action == "door_release")
        else:
            why = await self._doors.order(command.door, Order(_ORDERS[command.action], command.until_ms))
        if why is None:
            return Result("refused", f"there is no door {command.door}")
        return Result("failed", why) if why else Result("done")

    async def _still(self, command: Command) -> Result:
        served = self._devices.served.get(command.device)
        if served is None or not isinstance(served.driver, Picturing):
            return Result("refused", f"{command.device} is no camera of this gateway")
        jpeg = await served.driver.still()
        self._outbox.add_event(still(served.settings, jpeg, command.text or "command", self._clock.now_ms(),
                                     command.id))
        return Result("done")

    async def _show(self, command: Command) -> Result:
        served = self._devices.served.get(command.device)
        if served is None or not isinstance(served.driver, Showing):
            return Result("refused", f"{command.device} is no sign of this gateway")
        await served.driver.show(command.text, command.until_ms)
        return Result("done")
