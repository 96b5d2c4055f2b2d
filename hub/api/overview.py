"""The top bar, the plan, the search over everything, and what became of a command."""

from typing import Annotated

from fastapi import APIRouter, Query

from hub.api import shapes
from hub.api.access import Anyone, CoreOf
from hub.api.search import search

router = APIRouter(tags=["overview"])


@router.get("/status")
async def get_status(_user: Anyone, core: CoreOf) -> shapes.Status:
    """Tell whether anything is wrong, as the top bar shows it."""
    return core.status()


@router.get("/totals")
async def get_totals(_user: Anyone, core: CoreOf) -> shapes.Totals:
    """Count what happened since the hub began."""
    return core.totals()


@router.get("/plan")
async def get_plan(_user: Anyone, core: CoreOf) -> shapes.Plan:
    """Return the site's plan."""
    return core.settings.site.as_plan()


@router.get("/search")
async def search_everything(
    q: Annotated[str, Query(min_length=1, max_length=100)], user: Anyone, core: CoreOf,
) -> list[shapes.Found]:
    """Find people, doors, devices, cameras, gateways, rules and alarms by name or id, as far as the role may see."""
    return await search(core, q, user.roles)


@router.get("/commands/{command}")
async def get_command(command: str, _user: Anyone, core: CoreOf) -> shapes.CommandStatus:
    """Tell what became of a command."""
    return core.command(command)
