"""The search over everything (the / key): one list, best first, as far as the asking roles may see it."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from contract.messages import Text
from hub import people_view
from hub.api import shapes
from hub.api.core import Core

MOST: Final = 30
_MOST_OF_A_KIND: Final = 8
_ALARMS_LOOKED_AT: Final = 500
_CAMERA_FAMILY: Final = "camera"
_Source = Callable[[Core], Iterable[shapes.Found]]


async def search(core: Core, q: str, roles: Iterable[shapes.Role]) -> list[shapes.Found]:
    """Return what has q in its name, id or place; those that begin with it first, at most 30."""
    needle, may = q.strip().casefold(), set(roles)
    found: list[shapes.Found] = []
    for sees, source in _SOURCES:
        if may & sees:
            hits = [item for item in source(core) if _rank(item, needle) is not None]
            found += sorted(hits, key=lambda item: _rank(item, needle) or 0)[:_MOST_OF_A_KIND]
    found.sort(key=lambda item: _rank(item, needle) or 0)
    if may & _SEES_PEOPLE:  # found in the database, by name, latin name, id or tail of a card
        found = await asyncio.to_thread(_people, core, q.strip()) + found
    return found[:MOST]


def _rank(item: shapes.Found, needle: str) -> int | None:
    """Return 0 for the very id, 1 for a beginning, 2 for a part, None for no hit."""
    texts = [text.casefold() for text in (item.id, item.title.en, item.title.zh)]
    if needle == texts[0]:
        return 0
    if any(text.startswith(needle) for text in texts):
        return 1
    return 2 if any(needle in text for text in (*texts, item.place.casefold())) else None


def _people(core: Core, q: str) -> list[shapes.Found]:
    with core.store.read() as connection:
        page = people_view.page(connection, q=q, group="", offset=0, limit=_MOST_OF_A_KIND)
    return [shapes.Found(kind="person", id=person.id, title=Text(person.name_en or person.name, person.name),
                         place=person.group) for person in page.people]


def _doors(core: Core) -> Iterable[shapes.Found]:
    return (shapes.Found(kind="door", id=door.id, title=door.name, place=door.place) for door in core.doors())


def _cameras(core: Core) -> Iterable[shapes.Found]:
    return (shapes.Found(kind="camera", id=camera.id, title=camera.name, place=camera.place)
            for camera in core.cameras())


def _devices(core: Core) -> Iterable[shapes.Found]:
    return (shapes.Found(kind="device", id=device.id, title=device.name, place=device.place)
            for device in core.devices() if device.family != _CAMERA_FAMILY)


def _gateways(core: Core) -> Iterable[shapes.Found]:
    return (shapes.Found(kind="gateway", id=gateway.id, title=gateway.name) for gateway in core.gateways())


def _rules(core: Core) -> Iterable[shapes.Found]:
    return (shapes.Found(kind="rule", id=rule.id, title=rule.title) for rule in core.rules.list())


def _alarms(core: Core) -> Iterable[shapes.Found]:
    return (shapes.Found(kind="alarm", id=str(alarm.id), title=alarm.title, place=alarm.place)
            for alarm in core.alarms.list(open_only=False, limit=_ALARMS_LOOKED_AT))


_SEES_PEOPLE: Final[set[shapes.Role]] = {"security", "admin"}
_SOURCES: Final[tuple[tuple[set[shapes.Role], _Source], ...]] = (
    ({"security", "gate", "admin"}, _doors),
    ({"security", "gate", "admin"}, _cameras),
    ({"installer", "facilities", "admin"}, _devices),
    ({"installer", "admin"}, _gateways),
    ({"facilities", "security", "admin"}, _rules),
    ({"security", "gate", "facilities", "installer", "admin"}, _alarms),
)
