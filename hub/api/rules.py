"""Rules: reading, tuning, trying on history."""

import asyncio

from fastapi import APIRouter

from hub.api import shapes
from hub.api.access import CoreOf, Energy, forbidden

router = APIRouter(prefix="/rules", tags=["rules"])
_OWNER: dict[str, shapes.Role] = {"energy": "facilities", "security": "security", "access": "security"}
"""Who may change the rules of an engine, besides an admin."""


@router.get("")
async def list_rules(_user: Energy, core: CoreOf) -> list[shapes.Rule]:
    """List the rules that run."""
    return core.rules.list()


@router.get("/{rule:path}/versions")
async def list_rule_versions(rule: str, _user: Energy, core: CoreOf) -> list[shapes.RuleVersion]:
    """List every version of a rule, newest first."""
    return core.rules.versions(rule)


@router.post("/{rule:path}/trial")
async def try_rule(rule: str, body: shapes.TrialRequest, _user: Energy, core: CoreOf) -> shapes.Trial:
    """Say what the rule, changed like this, would have done in the last hours."""
    return await asyncio.to_thread(core.rules.trial, rule, body)


@router.get("/{rule:path}")
async def get_rule(rule: str, _user: Energy, core: CoreOf) -> shapes.Rule:
    """Return one rule."""
    return core.rules.get(rule)


@router.put("/{rule:path}")
async def save_rule(rule: str, body: shapes.RuleEdit, user: Energy, core: CoreOf) -> shapes.Rule:
    """Save a new version; facilities tune energy rules, security the others. 409 when someone else saved in between."""
    if {"admin", _OWNER[core.rules.get(rule).engine]}.isdisjoint(user.roles):
        raise forbidden()
    return await core.rules.save(rule, body, by=user.username)
