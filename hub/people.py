"""People, cards and grants: their import at the first start, and the door policies compiled from them."""

from typing import Annotated

from pydantic import Field

from contract.configuration import Settings
from contract.messages import Text
from hub.api import shapes
from rules.calendar import Condition


class ScheduleEntry(Settings):
    """When a grant holds: any of these conditions of the calendar, or windows of its own."""

    title: Text
    any_of: Annotated[tuple[Condition, ...], Field(min_length=1)]


class GrantEntry(Settings):
    doors: Annotated[str, Field(pattern=r"^(all|zone:[a-z0-9_-]+|[a-z0-9_-]+)$")]
    """Door id, zone:ID or all."""
    schedule: str
    deny: bool = False


class GroupEntry(Settings):
    title: Text
    grants: tuple[GrantEntry, ...] = ()


class PeopleFile(Settings):
    """config/people.yaml: schedules, groups and what each group may enter."""

    schedules: dict[str, ScheduleEntry]
    groups: dict[str, GroupEntry]

    @property
    def group_ids(self) -> frozenset[str]:
        return frozenset(self.groups)

    @property
    def schedule_ids(self) -> frozenset[str]:
        return frozenset(self.schedules)

    @property
    def schedule_shapes(self) -> list[shapes.Schedule]:
        return [shapes.Schedule(id=name, title=entry.title) for name, entry in self.schedules.items()]
