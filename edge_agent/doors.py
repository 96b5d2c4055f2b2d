"""Doors: credentials and inputs in, strikes and events out. Decided here, with no disk and no network in between."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from contract import kinds
from contract.clock import Clock
from contract.messages import Event, encode
from contract.quality import UNCERTAIN
from contract.sealing import credential_hash
from drivers.base import Driver, Samples
from edge_agent.config import DoorSettings, PointRef
from edge_agent.files import read_json, write_private
from edge_agent.outbox import Outbox
from edge_agent.policy import PolicyStore
from edge_agent.strike import Reply, Striker
from rules.access.decide import Decision, decide
from rules.access.door import (
    Contact,
    Door,
    DoorMode,
    FireRelease,
    Granted,
    Input,
    Order,
    Output,
    Rex,
    Strike,
    Tick,
    next_deadline_ms,
    step,
)
from rules.access.door import DoorSettings as Machine

MODES_FILE: Final = "doors.json"
SLACK_WALL_MS: Final = 500
"""In a fast demonstration an input may be known so much later than it happened."""
HUB: Final = "hub"
PANEL: Final = "panel"
LOOK_S: Final = 1.0
"""A deadline is looked at again at least this often: somebody may set the clock meanwhile."""
TAIL: Final = 4
_log = structlog.get_logger()


class KeptMode(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What of a door survives a restart."""

    mode: DoorMode = DoorMode.NORMAL
    mode_until_ms: int = 0
    released: bool = False
    """Freed by the hub's fire rule."""


class KeptModes(msgspec.Struct, kw_only=True):
    """The modes file."""

    doors: dict[str, KeptMode] = {}


class DoorController:
    """One door. Everything but its striker's task happens at once, on the event loop."""

    def __init__(self, settings: DoorSettings, striker: Striker, *, clock: Clock, kept: KeptMode,
                 changed: Callable[[], None]) -> None:
        """changed: called when the door's mode has changed and should be kept."""
        self.settings = settings
        self.striker = striker
        self.door = Door(mode=kept.mode, mode_until_ms=kept.mode_until_ms)
        self._machine = Machine(id=settings.id, zone=settings.zone, strike_ms=settings.strike_time,
                                held_ms=settings.held, has_contact=settings.contact is not None,
                                slack_ms=round((clock.settings.speed - 1) * SLACK_WALL_MS) if
                                clock.settings.speed > 1 else 0)
        self._clock = clock
        self._changed = changed
        self._inputs: dict[str, float] = {}
        self.fires = {HUB} if kept.released else set[str]()
        """Who frees the door for a fire: the panel of this gateway, the hub, or both."""
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Take up the kept mode: an unlocked door frees its strike again, every other one locks it."""
        self.step(FireRelease(bool(self.fires)))
        self.striker.want(on=self.door.strike)

    def stop(self) -> None:
        if self._timer:
            self._timer.cancel()

    def attempt(self, decision: Decision, event: Event, reply: Reply | None) -> None:
        """Act on a decision: the strike first, then lights at the reader and the event."""
        if decision.granted:
            person = decision.person
            given = Granted(person.id if person else "", person.name if person else "")
            self.step(given, before=event, reply=reply)
        else:
            self.striker.tell([event], reply)

    def input(self, part: str, value: float) -> None:
        """Take what an input (contact or rex) says now; the first time it only tells where the door stands."""
        last = self._inputs.get(part)
        if value == last:
            return
        self._inputs[part] = value
        match part, value != 0:
            case "contact", is_open if last is None:
                self._found(is_open=is_open)
            case "contact", is_open:
                self.step(Contact(is_open))
            case "rex", True if last is not None:
                self.step(Rex())

    def fire(self, source: str, *, on: bool) -> asyncio.Future[str]:
        """Free the door for a fire, or end that for one of those who freed it."""
        (self.fires.add if on else self.fires.discard)(source)
        self._changed()
        return self.step(FireRelease(bool(self.fires)))

    def order(self, order: Order) -> asyncio.Future[str]:
        """Obey a command; the future holds why the strike failed, "" when all is well."""
        return self.step(order)

    def step(self, given: Input, *, before: Event | None = None, reply: Reply | None = None) -> asyncio.Future[str]:
        """Let the door take one input and carry out what follows."""
        now_ms = self._clock.now_ms()
        old, (self.door, outputs) = self.door, step(self.door, given, self._machine, now_ms)
        done = self._carry_out(outputs, before, reply)
        if (old.mode, old.mode_until_ms) != (self.door.mode, self.door.mode_until_ms):
            self._changed()
        self._arm(now_ms)
        return done

    def _carry_out(self, outputs: Sequence[Output], before: Event | None, reply: Reply | None) -> asyncio.Future[str]:
        events = [before] if before else []
        for output in outputs:
            if isinstance(output, Strike):
                self.striker.want(on=output.on)
            else:
                events.append(output)
        return self.striker.tell(events, reply)

    def _found(self, *, is_open: bool) -> None:
        """Note and tell where the door stands at the start; one that stands open then was not forced."""
        now_ms = self._clock.now_ms()
        if not is_open:
            self.striker.tell([Event(kind=kinds.DOOR_CLOSED, at_ms=now_ms, door=self.settings.id,
                                     zone=self.settings.zone)], None)
            return
        held_due_ms = 0 if self.door.free else now_ms + self._machine.held_ms
        self.door = msgspec.structs.replace(self.door, is_open=True, opened_ms=now_ms, held_due_ms=held_due_ms)
        self.striker.tell([Event(kind=kinds.DOOR_OPENED, at_ms=now_ms, door=self.settings.id, zone=self.settings.zone,
                                 reason="none")], None)
        self._arm(now_ms)

    def _arm(self, now_ms: int) -> None:
        """See to it that the next deadline is met."""
        self.stop()
        due_ms = next_deadline_ms(self.door)
        if due_ms:
            wait_s = min(max(self._clock.wall_s(due_ms - now_ms), 0.001), LOOK_S)
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._tick)

    def _tick(self) -> None:
        self.step(Tick())


class Doors:
    """All doors of a gateway, found by their readers and inputs."""

    def __init__(
        self, settings: Sequence[DoorSettings], *, drivers: Mapping[str, Driver], policy: PolicyStore, outbox: Outbox,
        clock: Clock, card_key: Callable[[], bytes | None], folder: Path, fire: PointRef | None = None,
    ) -> None:
        """fire: the point of a fire panel that frees all doors while it is not 0."""
        self._fire = fire
        self._policy, self._outbox, self._clock, self._card_key = policy, outbox, clock, card_key
        self._drivers = drivers
        self._path = folder / MODES_FILE
        self._dirty = asyncio.Event()
        kept = (read_json(self._path, KeptModes) or KeptModes()).doors
        self.controllers = {
            door.id: DoorController(
                door, Striker(door.strike.device, door.strike.point, drivers, outbox, door.id), clock=clock,
                kept=kept.get(door.id, KeptMode()), changed=self._dirty.set) for door in settings}
        self._by_reader: dict[str, list[DoorController]] = {}
        self._by_input: dict[tuple[str, str], list[tuple[DoorController, str]]] = {}
        self._strikes: dict[tuple[str, str], DoorController] = {}
        for controller in self.controllers.values():
            self._find(controller)

    def _find(self, controller: DoorController) -> None:
        door = controller.settings
        for reader in door.readers:
            self._by_reader.setdefault(reader, []).append(controller)
        for part, ref in (("contact", door.contact), ("rex", door.rex)):
            if ref:
                self._by_input.setdefault((ref.device, ref.point), []).append((controller, part))
        self._strikes[door.strike.device, door.strike.point] = controller

    async def run(self) -> None:
        """Serve the doors until cancelled."""
        for controller in self.controllers.values():
            controller.start()
        try:
            async with asyncio.TaskGroup() as group:
                for door, controller in self.controllers.items():
                    group.create_task(controller.striker.run(), name=f"strike.{door}")
                group.create_task(self._keep_modes(), name="doors.keep")
        finally:
            for controller in self.controllers.values():
                controller.stop()

    def credential(self, reader: str, canonical: str) -> None:
        """Somebody presented a credential (canonical form) at a reader. This is the hot path."""
        key = self._card_key()
        hashed = credential_hash(key, canonical) if key else ""
        now_ms = self._clock.now_ms()
        for controller in self._by_reader.get(reader, ()):
            door = controller.settings
            decision = decide(self._policy.index, door.id, hashed, now_ms, mode=controller.door.effective,
                              offline=not self._outbox.link_up)
            event = _passage(decision, door, at_ms=now_ms, device=reader, credential=hashed)
            event.data = _shown(decision, canonical)
            controller.attempt(decision, event, Reply(self._drivers.get(reader), decision.granted))

    def input(self, device: str, point: str, value: float) -> None:
        """Take what an input of a device says now."""
        for controller, part in self._by_input.get((device, point), ()):
            controller.input(part, value)

    def watching(self, device: str, points: Sequence[str]) -> Callable[[Samples], None] | None:
        """Return what is to see each of a device's samples; None when no door looks at its points."""
        inputs = [(position, point) for position, point in enumerate(points) if (device, point) in self._by_input]
        fire = self._fire if self._fire and self._fire.device == device and self._fire.point in points else None
        burning = self._watching_fire(list(points).index(fire.point)) if fire else None
        strikes = [(position, self._strikes[device, point].striker)
                   for position, point in enumerate(points) if (device, point) in self._strikes]
        if not inputs and not strikes:
            return burning

        def look(samples: Samples) -> None:
            values: NDArray[np.float64] = samples.values
            for position, point in inputs:
                if samples.quality[position] < UNCERTAIN:
                    self.input(device, point, float(values[position]))
            for position, striker in strikes:
                if samples.quality[position] < UNCERTAIN:
                    striker.seen(float(values[position]))
            if burning:
                burning(samples)

        return look

    def _watching_fire(self, position: int) -> Callable[[Samples], None]:
        """Return what frees the doors: only a good reading says that the fire alarm is over."""
        burning = False

        def look(samples: Samples) -> None:
            nonlocal burning
            on = bool(samples.values[position])
            if samples.quality[position] >= UNCERTAIN or on == burning:
                return
            burning = on
            _log.warning("fire_alarm", on=on)
            for controller in self.controllers.values():
                controller.fire(PANEL, on=on)

        return look

    async def release(self, door: str, *, on: bool) -> str | None:
        """Free a door for the hub's fire rule, or end that; answers as `order` does."""
        controller = self.controllers.get(door)
        if controller is None:
            return None
        why = await controller.fire(HUB, on=on)
        await self._save()
        return why

    async def order(self, door: str, order: Order) -> str | None:
        """Obey a command; return why it failed ("": done), None when there is no such door. The mode is then kept."""
        controller = self.controllers.get(door)
        if controller is None:
            return None
        why = await controller.order(order)
        if self._dirty.is_set():
            await self._save()
        return why

    async def _keep_modes(self) -> None:
        while True:
            await self._dirty.wait()
            await self._save()

    async def _save(self) -> None:
        self._dirty.clear()
        kept = KeptModes(doors={door: KeptMode(mode=controller.door.mode, mode_until_ms=controller.door.mode_until_ms,
                                               released=HUB in controller.fires)
                                for door, controller in self.controllers.items()})
        try:
            await asyncio.to_thread(write_private, self._path, encode(kept))
        except OSError as error:
            _log.error("door_modes_not_kept", why=str(error))


def _passage(decision: Decision, door: DoorSettings, *, at_ms: int, device: str, credential: str) -> Event:
    person = decision.person
    return Event(
        kind=kinds.ACCESS_GRANTED if decision.granted else kinds.ACCESS_DENIED, at_ms=at_ms, device=device,
        door=door.id, zone=door.zone, person=person.id if person else "", credential=credential,
        reason=decision.reason.value, text=person.name if person else "")


def _shown(decision: Decision, canonical: str) -> dict[str, str | float | bool]:
    """Return what is told beside a decision. Of the number itself only the tail, and nothing of a PIN."""
    kind, _, number = canonical.partition(":")
    shown: dict[str, str | float | bool] = {}
    if kind != "pin" and len(number) > TAIL:
        shown["tail"] = number[-TAIL:]
    if decision.person and decision.person.unit:
        shown["unit"] = decision.person.unit
    if decision.duress:
        shown["duress"] = True
    return shown
