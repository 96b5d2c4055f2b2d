"""The gateway put together: one task group, everything named, an orderly end."""

import asyncio
import secrets
import ssl
from collections.abc import Coroutine
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import structlog

from contract.clock import Clock, parse_settings
from contract.messages import Birth, Desired, DoorBirth
from drivers.base import Driver
from edge_agent.commands import Commands
from edge_agent.config import AgentSettings
from edge_agent.devices import Devices
from edge_agent.discovery import Discovery
from edge_agent.doors import Doors
from edge_agent.enrol import Enrolment
from edge_agent.identity import Identity
from edge_agent.outbox import Outbox
from edge_agent.policy import PolicyRefused, PolicyStore
from edge_agent.swipes import Swipes
from edge_agent.uplink import BrokerAddress, BrokerRefused, Uplink

OUTBOX_FILE: Final = "outbox.db"
CLOCK_EVERY_S: Final = 1.0
IDENTITIES_EVERY_S: Final = 2.0
"""What devices say they are is known only once they answer; the birth then goes out again."""
REFUSED_PAUSE_S: Final = 2.0
CLOSE_WITHIN_S: Final = 1.0
"""Devices that take longer to close are closed while the broker is told already."""
_log = structlog.get_logger()


async def run(settings: AgentSettings, folder: Path, clock: Clock, stop: asyncio.Event,
              clock_file: Path | None = None) -> None:
    """Run a gateway until `stop`; its folder keeps what must survive. A clock file is read again when it changes."""
    agent = await asyncio.to_thread(Agent, settings, folder, clock)
    await agent.run(stop, clock_file)


class Agent:
    """One gateway."""

    def __init__(self, settings: AgentSettings, folder: Path, clock: Clock) -> None:
        self.settings, self.clock = settings, clock
        gateway = settings.gateway
        self.identity = Identity(folder)
        self.outbox = Outbox(folder / OUTBOX_FILE, clock.now_ms)
        self.policy = PolicyStore(folder, gateway.id)
        drivers: dict[str, Driver] = {}
        self.doors = Doors(settings.doors, drivers=drivers, policy=self.policy, outbox=self.outbox, clock=clock,
                           card_key=self._card_key, folder=folder, fire=settings.fire)
        self.devices = Devices(outbox=self.outbox, clock=clock, doors=self.doors, drivers=drivers,
                               swipes=Swipes(self.policy, clock, self._card_key))
        self.commands = Commands(outbox=self.outbox, clock=clock, devices=self.devices, doors=self.doors)
        self._boot = secrets.token_hex(4)
        self._desired_version = 0
        self.uplink = Uplink(site=gateway.site, gateway=gateway.id, boot=self._boot, outbox=self.outbox,
                             birth=self.birth, on_command=self.commands.take, on_desired=self._on_desired)
        self.discovery = Discovery(settings.discovery, self.devices, folder, self.uplink.announce)
        self._trust()

    async def run(self, stop: asyncio.Event, clock_file: Path | None) -> None:
        """Serve until told to stop: then devices first, the broker after them, the outbox last."""
        for device in self.settings.all_devices:
            await self.devices.add(device)
        await self.discovery.restore()
        async with asyncio.TaskGroup() as group:
            def start(name: str, job: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
                return group.create_task(job, name=name)

            start("outbox", self.outbox.run())
            uplink = start("uplink", self._stay_connected())
            others = [start("doors", self.doors.run()), start("devices", self.devices.run()),
                      start("discovery", self.discovery.run()), start("identities", self._watch_identities())]
            if clock_file:
                others.append(start("clock", self._follow(clock_file)))
            await stop.wait()
            await self.commands.stop()
            await _end(others)
            await self.outbox.flush()
            await _end([uplink])
            self.outbox.stop()

    def birth(self) -> Birth:
        """Return what this gateway is and serves now."""
        gateway = self.settings.gateway
        return Birth(
            gateway=gateway.id, name=gateway.name, epoch=self.outbox.epoch, boot=self._boot,
            at_ms=self.clock.now_ms(), software=software(), policy_version=self.policy.version,
            desired_version=self._desired_version, devices=[*self.devices.births(), *self.discovery.pending()],
            doors=[DoorBirth(
                id=door.id, name=door.name, place=door.place, zone=door.zone, readers=door.readers, lane=door.lane,
                held_s=door.held / 1000, strike_s=door.strike_time / 1000, camera=door.camera)
                for door in self.settings.doors])

    async def _stay_connected(self) -> None:
        """Connect; without credentials, or when the broker no longer takes them, enrol first."""
        broker, gateway = self.settings.broker, self.settings.gateway
        password = broker.password.get_secret_value()
        enrolment = Enrolment(
            self.identity, site=gateway.site, gateway=gateway.id, name=gateway.name, software=software(),
            token=broker.token.get_secret_value(), devices=len(self.settings.devices))
        known = bool(password or self.identity.welcome)
        while True:
            if not known:
                await enrolment.run(self._address(broker.enrol_username, broker.enrol_password.get_secret_value()))
                self._trust()
            welcome = self.identity.welcome
            username, secret = (welcome.username, welcome.password) if welcome else ("", "")
            try:
                await self.uplink.run(self._address(broker.username, password) if password else
                                      self._address(username, secret))
            except BrokerRefused as error:
                _log.warning("broker_refused", gateway=gateway.id, why=str(error))
                known = bool(password)
                await asyncio.sleep(REFUSED_PAUSE_S)

    async def _on_desired(self, desired: Desired) -> None:
        if desired.policy:
            try:
                if await self.policy.take(desired.policy):
                    _log.info("policy_in_force", version=self.policy.version)
            except PolicyRefused as error:
                _log.warning("policy_refused", version=desired.policy.version, why=str(error))
        self._desired_version = desired.version
        await self.discovery.desired(desired.approved, desired.blocked)

    async def _watch_identities(self) -> None:
        told = [(birth.model, birth.identity) for birth in self.devices.births()]
        while True:
            await asyncio.sleep(IDENTITIES_EVERY_S)
            now = [(birth.model, birth.identity) for birth in self.devices.births()]
            if now != told:
                told = now
                self.uplink.announce()

    async def _follow(self, clock_file: Path) -> None:
        """Take over what somebody sets in the clock file."""
        last = b""
        while True:
            try:
                text = await asyncio.to_thread(clock_file.read_bytes)
                if text != last:
                    self.clock.settings, last = parse_settings(text), text
            except (OSError, ValueError) as error:
                if last:
                    _log.warning("clock_file_unreadable", why=str(error))
                last = b""
            await asyncio.sleep(CLOCK_EVERY_S)

    def _trust(self) -> None:
        if self.identity.welcome:
            self.policy.trust(self.identity.welcome.policy_key)

    def _card_key(self) -> bytes | None:
        return self.identity.card_key

    def _address(self, username: str, password: str) -> BrokerAddress:
        broker = self.settings.broker
        tls = ssl.create_default_context(cafile=broker.ca_file) if broker.tls else None
        return BrokerAddress(host=broker.host, port=broker.port, username=username, password=password, tls=tls)


def software() -> str:
    """Return name and version of what runs."""
    try:
        return f"campushub {version('campushub')}"
    except PackageNotFoundError:
        return "campushub"


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them, though not for long."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=CLOSE_WITHIN_S)
