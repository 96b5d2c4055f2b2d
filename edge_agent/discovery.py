"""Discovery: devices nobody has configured are shown to the hub, and served once somebody approves them."""

import asyncio
import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from pydantic import SecretStr, ValidationError

from contract.messages import DeviceBirth, Text, encode
from drivers.base import Candidate, DeviceError, Discovering
from drivers.catalog import FAMILIES
from edge_agent.config import DeviceSettings, DiscoveryBase, device_model
from edge_agent.devices import Devices
from edge_agent.files import read_json, write_private

FOUND_FILE: Final = "found.json"
_NOT_NAME: Final = re.compile(r"[^a-z0-9]+")
_log = structlog.get_logger()


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A device that was found, as it is kept once approved."""

    id: str
    family: str
    identity: str
    address: str
    model: str
    settings: dict[str, Any]
    """For the family's own settings model."""


class FoundFile(msgspec.Struct, kw_only=True):
    """The approved ones on disk."""

    devices: list[Found] = []


def found_id(family: str, identity: str) -> str:
    """Return a device's name made of what it is: the same at every look, valid in topics."""
    slug = _NOT_NAME.sub("-", identity.lower()).strip("-")[:36].strip("-")
    digest = hashlib.sha256(f"{family} {identity}".encode()).hexdigest()[:6]
    return "-".join(filter(None, (family, slug, digest)))


class Discovery:
    """Looks around, remembers who was approved, and serves them."""

    def __init__(self, settings: DiscoveryBase | None, devices: Devices, folder: Path,
                 announce: Callable[[], None]) -> None:
        self._settings, self._devices, self._announce = settings, devices, announce
        self._path = folder / FOUND_FILE
        self._kept = {found.id: found for found in (read_json(self._path, FoundFile) or FoundFile()).devices}
        self._seen: dict[str, Found] = {}
        self._approved: frozenset[str] = frozenset()
        self._blocked: frozenset[str] = frozenset()
        self._told: set[str] = set()
        self._lock = asyncio.Lock()

    async def restore(self) -> None:
        """Serve again who was approved before the restart."""
        for found in self._kept.values():
            await self._serve(found)

    async def run(self) -> None:
        """Look again and again until cancelled; nothing to do without settings."""
        if self._settings is None:
            return
        parts = {family: part for family in FAMILIES if (part := getattr(self._settings, family, None)) is not None}
        async with asyncio.TaskGroup() as group:
            for family, part in parts.items():
                group.create_task(self._look_again(family, part, self._settings.every / 1000), name=f"find.{family}")

    async def _look_again(self, family: str, part: object, every_s: float) -> None:
        while True:
            await self._look(family, part)
            await asyncio.sleep(every_s)

    def pending(self) -> list[DeviceBirth]:
        """Return who was found and is neither served nor blocked."""
        return [DeviceBirth(id=found.id, family=found.family, name=Text(found.identity, found.identity),
                            model=found.model, identity=found.identity, address=found.address, state="pending")
                for found in self._seen.values()
                if found.id not in self._blocked and found.id not in self._devices.served]

    async def desired(self, approved: list[str], blocked: list[str]) -> None:
        """Take what the hub wants: serve who is approved, drop who is blocked."""
        self._approved, self._blocked = frozenset(approved), frozenset(blocked)
        async with self._lock:
            for device in self._blocked & self._kept.keys():
                del self._kept[device]
                if device in self._devices.served:
                    await self._devices.remove(device)
                await self._save()
            await self._approve()
        self._announce()

    async def _look(self, family: str, part: object) -> None:
        source = self._devices.factory(family)
        if not isinstance(source, Discovering):
            return
        try:
            candidates = await source.discover(part)
        except DeviceError as error:
            self._tell_once(f"discovery_failed {family}", family=family, why=str(error))
            return
        async with self._lock:
            if self._note(family, candidates):
                await self._approve()
                self._announce()

    def _note(self, family: str, candidates: Sequence[Candidate]) -> bool:
        """Remember who is there now; tell whether that changed."""
        now = {(one := _found(family, candidate)).id: one for candidate in candidates}
        before = {device: found for device, found in self._seen.items() if found.family == family}
        if now == before:
            return False
        for device in before:
            del self._seen[device]
        self._seen |= now
        for device in now.keys() - before.keys():
            _log.info("device_found", device=device, identity=now[device].identity, address=now[device].address)
        return True

    async def _approve(self) -> None:
        """Serve everyone who was found and is approved; one that is found at another address now is followed there."""
        for device in self._approved & self._seen.keys():
            found, served = self._seen[device], device in self._devices.served
            if served and self._kept.get(device) == found:
                continue
            if served:
                _log.info("device_moved", device=device, address=found.address)
                await self._devices.remove(device)
            if await self._serve(found):
                self._kept[device] = found
                await self._save()

    async def _serve(self, found: Found) -> bool:
        try:
            settings = device_model().model_validate(
                {"id": found.id, "name": {"en": found.identity, "zh": found.identity},
                 found.family: found.settings | self._secrets(found.family)})
            assert isinstance(settings, DeviceSettings)
            await self._devices.add(settings, found.identity)
        except (ValidationError, ValueError) as error:
            why = "; ".join(f"{entry['loc']}: {entry['msg']}" for entry in error.errors()) if isinstance(
                error, ValidationError) else str(error)
            self._tell_once(f"found_device_unusable {found.id}", device=found.id, why=why)
            return False
        _log.info("device_approved", device=found.id)
        return True

    def _secrets(self, family: str) -> dict[str, SecretStr]:
        """Return the passwords given for devices of a family that will be found; they are never kept with them."""
        part = getattr(self._settings, family, None)
        return {name: value for name, value in part or () if isinstance(value, SecretStr) and value.get_secret_value()}

    async def _save(self) -> None:
        try:
            await asyncio.to_thread(write_private, self._path, encode(FoundFile(devices=list(self._kept.values()))))
        except OSError as error:
            _log.error("found_devices_not_kept", why=str(error))

    def _tell_once(self, what: str, **fields: str) -> None:
        if what not in self._told:
            self._told.add(what)
            _log.warning(what.partition(" ")[0], **fields)


def _found(family: str, candidate: Candidate) -> Found:
    return Found(id=found_id(family, candidate.identity), family=family, identity=candidate.identity,
                 address=candidate.address, model=candidate.model, settings=dict(candidate.settings))
