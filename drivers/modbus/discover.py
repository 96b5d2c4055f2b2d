"""Look for Modbus units: ask whether anybody answers, and then who it is (function 43/14).

Gentle: while devices are polled over the same line, silence costs them at most `SHARE` of the line's time.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from drivers.base import Candidate, DeviceGarbage, DeviceSilent, DeviceUnreachable
from drivers.modbus.line import Line
from drivers.modbus.settings import Identity, ModbusDiscovery, known_profiles, load_profile, unit_numbers

SHARE: Final = 0.1
_VENDOR, _PRODUCT, _MODEL, _SERIAL = 0x00, 0x01, 0x05, 0x80
_BASIC, _EXTENDED = 1, 3
_MOST_PAGES: Final = 8
_READ_FIRST_REGISTER: Final = bytes((3, 0, 0, 0, 1))
Objects = dict[int, str]


async def scan(line: Line, suggested: Mapping[str, object], settings: ModbusDiscovery, *,
               skip: Collection[int], known: dict[int, Objects]) -> list[Candidate]:
    """Ask every unit not to be skipped; a line nobody polls is closed again.

    `known` keeps what units said of themselves: while they go on answering, they are not asked that again.
    """
    found: list[Candidate] = []
    loop = asyncio.get_running_loop()
    try:
        for number in unit_numbers(settings.units):
            if number in skip:
                continue
            started = loop.time()
            if await _is_there(line, number, settings.timeout):
                if number not in known:
                    known[number] = await _objects(line, number, settings.timeout)
                found.append(_candidate(line.name, number, known[number], suggested))
            else:
                known.pop(number, None)
            if line.is_shared:
                await asyncio.sleep((loop.time() - started) * (1 / SHARE - 1))
    except DeviceUnreachable:
        return found
    finally:
        if not line.is_shared:
            line.close()
    return found


async def _is_there(line: Line, number: int, timeout_s: float) -> bool:
    """Tell whether a unit answers a read of its first register, if only by refusing it."""
    try:
        await line.look(number, _READ_FIRST_REGISTER, timeout_s)
    except DeviceSilent:
        return False
    except DeviceGarbage:
        return True
    return True


async def _objects(line: Line, number: int, timeout_s: float) -> Objects:
    """Return what a unit says of itself; nothing when it does not know how."""
    try:
        return await _pages(line, number, _EXTENDED, timeout_s) or await _pages(line, number, _BASIC, timeout_s)
    except (DeviceSilent, DeviceGarbage):
        return {}


async def _pages(line: Line, number: int, access: int, timeout_s: float) -> Objects:
    objects: Objects = {}
    follows = 0
    for _ in range(_MOST_PAGES):
        reply = await line.look(number, bytes((0x2B, 0x0E, access, follows)), timeout_s)
        if reply[0] != 0x2B:
            break
        page, follows = _page(reply)
        objects |= page
        if not follows:
            break
    return objects


def _page(reply: bytes) -> tuple[Objects, int]:
    """Return the objects of one answer and the number of the first object that follows, 0 at the end."""
    objects: Objects = {}
    try:
        more, next_object, count = reply[4], reply[5], reply[6]
        at = 7
        for _ in range(count):
            number, length = reply[at], reply[at + 1]
            objects[number] = reply[at + 2:at + 2 + length].decode("utf-8", "replace").strip("\0 ")
            at += 2 + length
    except IndexError as error:
        raise DeviceGarbage("a device identification that is cut off") from error
    return objects, next_object if more == 0xFF else 0


def _candidate(address: str, number: int, objects: Objects, suggested: Mapping[str, object]) -> Candidate:
    vendor, product = objects.get(_VENDOR, ""), objects.get(_PRODUCT, "")
    model, serial = objects.get(_MODEL) or product, objects.get(_SERIAL, "")
    profile = matching_profile(Identity(vendor=vendor, product=product, model=objects.get(_MODEL, "")))
    named = [word for word in (vendor, model, serial) if word]
    if not serial:
        named = [*(named or ["Modbus device"]), f"at {address} unit {number}"]
    points = {"profile": profile} if profile else {"points": [{"name": "register_0", "kind": "holding", "address": 0}]}
    evidence = (f"{address} unit {number} identifies itself as {vendor} {product} {model}" if objects else
                f"{address} unit {number} answers and does not say what it is")
    return Candidate(identity=" ".join(named), address=f"{address} unit {number}", model=profile or model,
                     evidence=evidence, settings={**suggested, "unit": number, **points})


def matching_profile(answer: Identity) -> str | None:
    """Return the profile whose vendor agrees and whose model, or else product, the device names; None without one."""
    for field in ("model", "product"):
        for name in known_profiles():
            known = load_profile(name).identity
            value = getattr(answer, field)
            if value and value == getattr(known, field) and answer.vendor.startswith(known.vendor):
                return name
    return None
