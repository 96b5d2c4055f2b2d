"""The hub: its parts put together, and what the API asks of them (`hub.api.core.Core`)."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Protocol

import structlog
from sqlalchemy import Connection, func, select

from contract import kinds, topics
from contract.clock import Clock
from contract.messages import Ack, Command, Event, Text, encode
from hub import enrolment, people, tables
from hub.alarms import AlarmBook, AlarmRecord
from hub.api import shapes
from hub.api.core import Action, ApiSettings, not_found
from hub.commands import Commands
from hub.commit import Committer
from hub.energy import EnergyView
from hub.engine import Engine, forget_empty_state
from hub.enrolment import Enrolment
from hub.historians.base import PointMeta
from hub.historians.duckdb import DuckHistorian
from hub.historians.feeder import Feeder, prune_journal
from hub.historians.influx import InfluxHistorian
from hub.history import history
from hub.ingest import Ingest
from hub.link import Broker, Link
from hub.live import Live
from hub.notify import Notices
from hub.picture import Picture
from hub.quarantine import Quarantine
from hub.registry import Door, Gateway, Registry
from hub.rulebook import Rulebook
from hub.settings import Configuration
from hub.store import Store

TICK_S: Final = 0.1
SECOND_S: Final = 1.0
PRUNE_S: Final = 5.0
HERE_S: Final = 30.0
"""Wall seconds a gateway has, after the hub reached the broker, to show that it is there."""
DOOR_MODES: Final = frozenset(("normal", "unlocked", "locked", "released"))
CLOCK_TOLD_MS: Final = 10_000
"""Campus ms between two looks at a gateway's clock."""
_DOOR_KINDS: Final = (kinds.DOOR_OPENED, kinds.DOOR_CLOSED, kinds.DOOR_MODE)
_CAMERA_KINDS: Final = (kinds.CAMERA_MOTION, kinds.CAMERA_COVERED, kinds.CAMERA_MOVED, kinds.CAMERA_LOST,
                        kinds.CAMERA_STILL)
_log = structlog.get_logger()


async def _shielded(task: asyncio.Task[None]) -> None:
    """Wait for a task that must outlive the group it is watched in."""
    await asyncio.shield(task)


class Loads(Protocol):
    """A part that takes up where it was."""

    def load(self, connection: Connection) -> None: ...


class Hub:
    """One site's hub. `load` once, then `run` until cancelled."""

    def __init__(self, configuration: Configuration, folder: Path, clock: Clock, console: Path, *,
                 gateway_credentials: tuple[str, str]) -> None:
        """folder: where the hub keeps its state; console: the built console's files."""
        self._configuration = configuration
        self._clock = clock
        self._gateway_credentials = gateway_credentials
        self._console = console
        site = configuration.site
        self.store = Store(folder / "state.db")
        self.commit = Committer(self.store, self.now_ms)
        self.registry = Registry(self.commit)
        self.live = Live(self.now_ms)
        self.quarantine = Quarantine(self.commit, self.now_ms)
        self.alarms = AlarmBook(
            committer=self.commit, registry=self.registry, site=site, now_ms=self.now_ms, read=self.store.read,
            publish=lambda alarm: self.live.publish("alarm", alarm))
        self.alarms.on_raise = self._alarm_raised
        self.historian = DuckHistorian(folder / "history.duckdb")
        self.rules = Rulebook(committer=self.commit, store=self.store, alarms=self.alarms, historian=self.historian,
                              now_ms=self.now_ms)
        self.link = Link(site.site.id, self._message, self._connected)
        self.commands = Commands(
            committer=self.commit, registry=self.registry, now_ms=self.now_ms, speed=lambda: clock.settings.speed,
            publish=self._publish_command, show=lambda status: self.live.publish("command", status),
            read=self.store.read)
        self.feeders = [Feeder(self.historian, self.store, self.commit)]
        if configuration.hub.influx is not None:
            self.feeders.append(Feeder(InfluxHistorian(configuration.hub.influx, self._meta), self.store, self.commit))
        self.notices = Notices(self.store, self.commit, configuration.hub.notify, now_ms=self.now_ms,
                               wall_ms=lambda: int(time.time() * 1000), told=self._told)
        self.rate = 0.0
        self.decisions = 0
        self.policies_again_ms = 0
        self._clock_told_ms: dict[str, int] = {}
        self._compiling = asyncio.Lock()
        self._failing = ""

    def load(self, users: Callable[[Connection], dict[str, str]]) -> dict[str, str]:
        """Take everything up where it was; return the passwords of users that were created now."""
        configuration, site = self._configuration, self._configuration.site
        with self.store.write() as connection:
            own = enrolment.keys(connection)
            created = users(connection)
            self._import_people(connection, own.card)
            self.rules.load(connection, configuration.rules, configuration.calendar)
            forget_empty_state(connection)
        self._own = own
        self.settings = ApiSettings(site=site, people=configuration.people, card_key=own.card, console=self._console)
        self.engine = Engine(
            rules=self.rules.rules, calendar=configuration.calendar, registry=self.registry, alarms=self.alarms,
            committer=self.commit, now_ms=self.now_ms, on_command=self.commands.order,
            zones=site.zone_names)
        self.rules.engine = self.engine
        self.ingest = Ingest(
            registry=self.registry, committer=self.commit, engine=self.engine, last=self.live.last,
            clock=self._clock, quarantine=self.quarantine, acknowledge=self._acknowledge, on_event=self._event,
            on_state=self._state)
        self.enrolment = Enrolment(
            site=site.site.id, committer=self.commit, registry=self.registry, quarantine=self.quarantine, own=own,
            credentials=self._gateway_credentials, now_ms=self.now_ms, publish=self.link.publish,
            on_change=lambda gateway: self.live.publish("gateway", self.picture.gateway(gateway)),
            on_device=lambda device: self.live.publish("device", self.picture.device(device)))
        self.picture = Picture(registry=self.registry, last=self.live.last, ingest=self.ingest, site=site,
                               read=self.store.read)
        self._energy = EnergyView(registry=self.registry, last=self.live.last, historian=self.historian, site=site,
                                  rules=lambda: self.rules.rules, now_ms=self.now_ms)
        with self.store.read() as connection:
            parts: list[Loads] = [self.registry, self.ingest, self.quarantine, self.alarms, self.engine,
                                  self.commands, self.enrolment, self.picture, self.commit, *self.feeders]
            for part in parts:
                part.load(connection)
        return created

    async def run(self, broker: Broker) -> None:
        """Run until cancelled; what is staged by then is committed. Raise when nothing can be committed any more."""
        commits = asyncio.create_task(self.commit.run(), name="commit")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_shielded(commits), name="commit.watch")
                group.create_task(self.link.run(broker), name="link")
                group.create_task(self._ticks(), name="ticks")
                group.create_task(self._seconds(), name="seconds")
                group.create_task(self._prunes(), name="prunes")
                group.create_task(self.live.run(), name="live")
                group.create_task(self.notices.run(), name="notices")
                for feeder in self.feeders:
                    group.create_task(feeder.run(), name=f"feeder.{feeder.historian.name}")
        finally:
            self.live.close()
            self.commit.stop()
            await asyncio.wait([commits])
            for feeder in self.feeders:
                await feeder.finish()
            self.store.close()
        await commits

    # What the API asks (hub.api.core.Core).

    def now_ms(self) -> int:
        """Return campus time, UTC ms."""
        return self._clock.now_ms()

    def status(self) -> shapes.Status:
        by_priority, unseen = self.alarms.counts()
        lost, repeated = self.ingest.totals()
        gateways = list(self.registry.gateways.values())
        approved = [gateway for gateway in gateways if gateway.state == "approved"]
        devices = self.registry.devices.values()
        return shapes.Status(
            now_ms=self.now_ms(), site=self._configuration.site.site.name.text, zone=self._configuration.site.site.zone,
            speed=self._clock.settings.speed, alarms=by_priority, unacknowledged=unseen,
            doors_open=sum(bool(door.open) for door in self.registry.doors.values()),
            gateways_online=sum(gateway.online for gateway in approved), gateways=len(approved),
            devices_lost=sum(bool(device.lost_reason) for device in devices if device.state == "live"),
            pending=sum(gateway.state == "pending" for gateway in gateways)
            + sum(device.state == "pending" for device in devices),
            readings_per_s=round(self.rate, 1), readings=self.ingest.readings, events=self.ingest.events, lost=lost,
            doubled=self._doubled(), repeated=repeated, quarantined=self.quarantine.total,
            historians=[shapes.HistorianStatus(name=feeder.historian.name, points_written=feeder.written,
                                               behind=max(0, self.journal_newest - feeder.position),
                                               problem=feeder.problem) for feeder in self.feeders],
            store_problem=Text(f"Nothing can be stored: {self.commit.problem}", f"无法存储：{self.commit.problem}")
            if self.commit.problem else None)

    def totals(self) -> shapes.Totals:
        return shapes.Totals(decisions=self.decisions, alarms_raised=self.alarms.raised,
                             alarms_cleared=self.alarms.cleared)

    def doors(self) -> list[shapes.Door]:
        return self.picture.doors()

    def cameras(self) -> list[shapes.Camera]:
        return self.picture.cameras()

    def devices(self) -> list[shapes.Device]:
        return self.picture.devices()

    def device(self, device: str) -> shapes.DeviceDetail:
        return self.picture.device_detail(device)

    def gateways(self) -> list[shapes.Gateway]:
        return self.picture.gateways()

    async def decide_device(self, device: str, *, approve: bool, by: str, reason: str) -> shapes.Device:
        return self.picture.device(await self.enrolment.decide_device(device, approve=approve, by=by, reason=reason))

    async def decide_gateway(self, gateway: str, *, approve: bool, by: str, reason: str) -> shapes.Gateway:
        decided = await self.enrolment.decide_gateway(gateway, approve=approve, by=by, reason=reason)
        return self.picture.gateway(decided)

    async def new_token(self, *, by: str) -> shapes.EnrolToken:
        return await self.enrolment.new_token(by=by)

    async def send_command(
        self, *, requester: str, action: Action, device: str = "", door: str = "", point: str = "",
        value: float | None = None, text: str = "", until_ms: int = 0, reason: str = "",
    ) -> shapes.CommandStatus:
        return await self.commands.send(requester=requester, action=action, device=device, door=door, point=point,
                                        value=value, text=text, until_ms=until_ms, reason=reason)

    def command(self, command: str) -> shapes.CommandStatus:
        return self.commands.get(command)

    def history(self, point: int, *, from_ms: int, to_ms: int, buckets: int) -> shapes.History:
        known = self.registry.points.get(point)
        if known is None:
            raise not_found(Text("point", "测点"), point)
        return history(self.historian, known, self.registry.devices[known.device], from_ms, to_ms, buckets)

    def energy(self) -> shapes.Energy:
        return self._energy.shape()

    async def people_changed(self) -> None:
        """Compile the policies anew and publish them to the gateways."""
        async with self._compiling:  # the newest goes out last
            await self._compile_policies()

    async def _compile_policies(self) -> None:
        now_ms = self.now_ms()

        def compiled() -> people.Compiled:
            with self.store.read() as connection:
                return people.compile_policies(
                    connection, self._configuration.people, self._configuration.calendar, version=now_ms,
                    now_ms=now_ms, site=self._configuration.site.site.id, signing_key=self._own.policy,
                    valid_ms=self._configuration.hub.policy_days * 86_400_000)

        result = await asyncio.to_thread(compiled)
        self.enrolment.policies = result.policies
        self.policies_again_ms = result.again_ms
        for gateway, policy in result.policies.items():
            if gateway in self.registry.gateways:
                self.registry.gateways[gateway].policy_version = policy.version
                self.enrolment.publish_desired(gateway)

    # What comes in.

    def _message(self, topic: str, payload: bytes) -> None:
        """Take one message; whatever goes wrong with it must not end the link."""
        try:
            if not self.enrolment.message(topic, payload):
                self.ingest.message(topic, payload)
        except Exception as error:  # noqa: BLE001  # the outermost loop of the link's task
            _log.exception("message_failed", topic=topic)
            self.quarantine.add(topic, f"the hub failed on it: {type(error).__name__}: {error}", payload)

    def _event(self, event: Event, gateway: Gateway, number: int) -> None:
        """Fit an event into the picture and show it."""
        if event.kind in (kinds.ACCESS_GRANTED, kinds.ACCESS_DENIED):
            self.decisions += 1
            door = self.registry.doors.get(event.door)
            self.live.publish("passage", self.picture.passage(event, number, door))
            if door:
                self.live.publish("door", self.picture.door(door))
        elif event.kind in _DOOR_KINDS:
            self._door_event(event)
        elif event.kind in (kinds.DEVICE_LOST, kinds.DEVICE_BACK):
            self._device_event(event)
        elif event.kind == kinds.COMMAND_RESULT:
            self.commands.result(event, gateway.id)
        if event.kind in _CAMERA_KINDS or "evidence" in event.data:
            self._camera_event(event)

    def _door_event(self, event: Event) -> None:
        door = self.registry.doors.get(event.door)
        if door is None:
            return
        if event.kind == kinds.DOOR_MODE:
            if event.reason not in DOOR_MODES:
                _log.warning("door_mode_unknown", door=door.id, mode=event.reason)
                return
            door.mode = event.reason
        else:
            door.open, door.since_ms = event.kind == kinds.DOOR_OPENED, event.at_ms
        self.registry.keep(door)
        self.live.publish("door", self.picture.door(door))

    def _device_event(self, event: Event) -> None:
        device = self.registry.devices.get(event.device)
        if device is None:
            return
        lost = event.kind == kinds.DEVICE_LOST
        device.lost_reason, device.lost_text = (event.reason, event.text) if lost else ("", "")
        device.since_ms = event.at_ms
        self.registry.keep(device)
        self.live.publish("device", self.picture.device(device))
        if device.birth.family == "camera":
            self.live.publish("camera", self.picture.camera(device))
        self._show_doors(lambda door: device.id in door.birth.readers)

    def _camera_event(self, event: Event) -> None:
        self.picture.camera_told(event)
        device = self.registry.devices.get(event.device)
        if device is not None:
            self.live.publish("camera", self.picture.camera(device))
        evidence = event.data.get("evidence")
        if evidence is not None and event.command:
            self.commands.picture(event.command, int(evidence))
        alarm = event.reason.removeprefix("alarm:")
        if evidence is not None and alarm != event.reason and alarm.isdecimal():
            self.alarms.illustrate(int(alarm), int(evidence))

    def _state(self, gateway: Gateway, online: bool) -> None:  # noqa: FBT001
        """Handle a gateway that came or went: rules hear of it, commands it may have missed go again."""
        now_ms = self.now_ms()
        kind = kinds.GATEWAY_BACK if online else kinds.GATEWAY_LOST
        self.engine.event(Event(kind=kind, at_ms=now_ms), gateway.id)
        if online:
            self.commands.resend(gateway.id)
            self.enrolment.publish_desired(gateway.id)
            if gateway.id not in self.enrolment.policies and gateway.birth and gateway.birth.doors:
                self.policies_again_ms = 0
        self.live.publish("gateway", self.picture.gateway(gateway))
        self._show_doors(lambda door: door.gateway == gateway.id)
        for device in self.registry.served_by(gateway.id):
            self.live.publish("device", self.picture.device(device))
            if device.birth.family == "camera":
                self.live.publish("camera", self.picture.camera(device))

    def _show_doors(self, concerned: Callable[[Door], bool]) -> None:
        for door in self.registry.doors.values():
            if concerned(door):
                self.live.publish("door", self.picture.door(door))

    def _alarm_raised(self, record: AlarmRecord) -> None:
        if record.camera:
            self.commands.still(record.camera, f"alarm:{record.id}")
        self.notices.wake()

    def _told(self, alarm: int, what: str, note: str) -> None:
        record = self.alarms.records.get(alarm)
        if record is not None:
            self.alarms.note(record, what, note=note)

    # What goes out.

    def _connected(self) -> None:
        """The broker is there (again): say where everything stands, so that gateways send what is missing."""
        self.ingest.connected()
        asyncio.get_running_loop().call_later(HERE_S, self._look_who_is_here, self.link.connections)
        for gateway in self.registry.gateways.values():
            if gateway.state == "approved":
                for ack in self.ingest.standing(gateway.id):
                    self._acknowledge(gateway.id, ack)
                self.enrolment.publish_desired(gateway.id)
                self.commands.resend(gateway.id)

    def _look_who_is_here(self, connection: int) -> None:
        """A while after a connection: who has not shown up on it is away, though no broker remembers to say so."""
        if self.link.connected and self.link.connections == connection:
            self.ingest.give_up_awaited()

    def _acknowledge(self, gateway: str, ack: Ack) -> None:
        self.link.publish(topics.ack(self._configuration.site.site.id, gateway), encode(ack))

    def _publish_command(self, gateway: str, command: Command) -> None:
        self.link.publish(topics.cmd(self._configuration.site.site.id, gateway), encode(command))

    # What happens by time.

    async def _ticks(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            with self._surviving("tick"):
                self.engine.tick()
                self.commands.expire()

    async def _seconds(self) -> None:
        before, loop = self.ingest.readings, asyncio.get_running_loop()
        since = loop.time()
        while True:
            with self._surviving("policies"):
                if self.now_ms() >= self.policies_again_ms:
                    await self.people_changed()
            await asyncio.sleep(SECOND_S)
            now = loop.time()
            self.rate = (self.ingest.readings - before) / (now - since)
            before, since = self.ingest.readings, now
            with self._surviving("status"):
                self._look_at_clocks()
                self.live.publish("status", self.status())

    @contextmanager
    def _surviving(self, task: str) -> Iterator[None]:
        """One round of a task's outermost loop: a failure is logged, once as long as it stays the same."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  # the outermost loop of a task
            failing = f"{task}: {error!r}"
            if failing != self._failing:
                _log.exception("round_failed", task=task)
            self._failing = failing

    def _look_at_clocks(self) -> None:
        now_ms = self.now_ms()
        for gateway in self.registry.gateways.values():
            told_ms = self._clock_told_ms.get(gateway.id, 0)
            if gateway.online and gateway.skew_ms is not None and now_ms - told_ms >= CLOCK_TOLD_MS:
                self._clock_told_ms[gateway.id] = now_ms
                self.engine.event(Event(kind=kinds.GATEWAY_CLOCK, at_ms=now_ms, value=gateway.skew_ms / 1000),
                                  gateway.id)

    async def _prunes(self) -> None:
        """Let the journal forget what every historian has."""
        while True:
            await asyncio.sleep(PRUNE_S)
            positions = [feeder.position for feeder in self.feeders]
            self.commit.also(partial(
                prune_journal, done=min(positions), fed=max(positions),
                limit_bytes=self._configuration.hub.journal_mb * 1_000_000), urgent=False)

    # Small things.

    @property
    def journal_newest(self) -> int:
        """The journal row committed last."""
        return self.commit.journal_newest

    def _doubled(self) -> int:
        """Readings the embedded historian holds beyond what was ever taken: 0, or something is badly wrong."""
        return max(0, self.feeders[0].written - self.ingest.readings)

    def _meta(self, point: int) -> PointMeta:
        known = self.registry.points[point]
        birth = self.registry.devices[known.device].birth
        return PointMeta(device=known.device, name=known.birth.name, unit=known.birth.unit, zone=birth.zone,
                         place=birth.place, family=birth.family)

    def _import_people(self, connection: Connection, card_key: bytes) -> None:
        configuration = self._configuration
        people.store_group_grants(connection, configuration.people, at_ms=self.now_ms())
        if connection.scalar(select(func.count()).select_from(tables.people)) == 0:
            people.store_people(connection, configuration.people_entries, card_key=card_key, at_ms=self.now_ms())
