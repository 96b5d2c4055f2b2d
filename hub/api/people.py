"""People, their cards and grants. Each change ends in new policies for the gateways."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from sqlalchemy import Connection

from contract.messages import Text
from hub import people_edits as edits
from hub import people_view as view
from hub.api import shapes
from hub.api.access import Admin, CoreOf, GateDesk, Security, forbidden
from hub.api.core import Core, not_found
from hub.auth import Signed

router = APIRouter(tags=["people"])
_IMAGE: Final[dict[int | str, dict[str, object]]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}}


@router.get("/people")
def list_people(
    _user: Security, core: CoreOf, q: Annotated[str, Query(max_length=100)] = "", group: str = "",
    offset: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> shapes.PersonPage:
    """Find people by name, id or the tail of a card."""
    with core.store.read() as connection:
        return view.page(connection, q=q, group=group, offset=offset, limit=limit)


@router.post("/people", status_code=201)
async def create_person(body: shapes.NewPerson, user: Admin, core: CoreOf) -> shapes.PersonDetail:
    """Add a person."""
    return await _changed(core, edits.create(
        body, groups=core.settings.people.group_ids, actor=_actor(user, core)))


@router.get("/people/{person}")
def get_person(person: str, _user: Security, core: CoreOf) -> shapes.PersonDetail:
    """Return a person with cards, grants and last passages."""
    with core.store.read() as connection:
        return view.detail(connection, person)


@router.put("/people/{person}")
async def edit_person(person: str, body: shapes.PersonEdit, user: Security, core: CoreOf) -> shapes.PersonDetail:
    """Block, unblock, or (admin only) change group or validity."""
    if body.model_fields_set & {"group", "valid_until_ms"} and "admin" not in user.roles:
        raise forbidden()
    return await _changed(core, edits.edit(
        person, body, groups=core.settings.people.group_ids, actor=_actor(user, core)))


@router.get("/people/{person}/photo", response_class=Response, responses=_IMAGE)
def get_photo(person: str, _user: GateDesk, core: CoreOf) -> Response:
    """Return the person's photo (JPEG); 404 when there is none: show the initials."""
    with core.store.read() as connection:
        photo = view.photo(connection, person)
    if photo is None:
        raise not_found(Text("photo of", "照片："), person)
    return Response(photo, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.post("/people/{person}/cards", status_code=201)
async def add_card(person: str, body: shapes.NewCard, user: Admin, core: CoreOf) -> shapes.PersonDetail:
    """Give a person a card; its number is stored only as a keyed hash."""
    return await _changed(core, edits.add_card(
        person, body.number, card_key=core.settings.card_key, actor=_actor(user, core)))


@router.put("/cards/{card}")
async def block_card(card: int, body: shapes.BlockCard, user: Security, core: CoreOf) -> shapes.PersonDetail:
    """Block a card or let it work again."""
    return await _changed(core, edits.block_card(card, body, actor=_actor(user, core)))


@router.post("/people/{person}/grants", status_code=201)
async def add_grant(person: str, body: shapes.NewGrant, user: Admin, core: CoreOf) -> shapes.PersonDetail:
    """Let a person through a door, the doors of a zone, or all."""
    return await _changed(core, edits.add_grant(
        person, body, schedules=core.settings.people.schedule_ids, actor=_actor(user, core)))


@router.delete("/grants/{grant}")
async def remove_grant(grant: int, user: Admin, core: CoreOf) -> shapes.PersonDetail:
    """Take back a person's own grant (those of groups are configuration)."""
    return await _changed(core, edits.remove_grant(grant, actor=_actor(user, core)))


@router.get("/schedules")
async def list_schedules(_user: Security, core: CoreOf) -> list[shapes.Schedule]:
    """List the schedules a grant can name."""
    return core.settings.people.schedule_shapes


def _actor(user: Signed, core: Core) -> edits.Actor:
    return edits.Actor(user.username, core.now_ms())


async def _changed(core: Core, work: Callable[[Connection], str]) -> shapes.PersonDetail:
    """Make a change that answers the person's id, publish the policies, return the person as it is now."""
    person = await core.commit.change(work)
    await core.people_changed()

    def read() -> shapes.PersonDetail:
        with core.store.read() as connection:
            return view.detail(connection, person)

    return await asyncio.to_thread(read)
