"""The people of the campus, as config/people.csv lists them."""

import csv
from dataclasses import dataclass
from pathlib import Path

from simulator.site import CLASSROOMS


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a card and a day to spend."""

    id: str
    name: str
    name_en: str
    kind: str
    """student, teacher, staff, guard or canteen."""
    group: str
    """What the doors' grants go by; boarders are "dorm", whatever their class."""
    card: str
    """Number printed on the card: 10 hex digits."""

    @property
    def school_class(self) -> str:
        """Class of a student ("A1"), whose id is s-a1-07; empty for others."""
        return self.id.split("-")[1].upper() if self.kind == "student" else ""

    @property
    def number(self) -> int:
        """Running number within the class or trade."""
        return int(self.id.rsplit("-", 1)[1])

    @property
    def boarder(self) -> bool:
        return self.group == "dorm"

    @property
    def building(self) -> str:
        """Where this person works or learns."""
        match self.kind:
            case "student":
                return "building-a" if self.school_class.startswith("A") else "building-b"
            case "teacher":
                return "building-a" if self.number % 2 else "building-b"
            case "canteen":
                return "canteen"
            case "guard":
                return "gatehouse"
            case _:
                return "building-a"

    @property
    def room(self) -> str:
        """Home room of a student's class."""
        return CLASSROOMS[self.school_class]


def load(path: Path) -> list[Person]:
    """Read the people from a CSV with the columns id, name, name_en, kind, group, card, valid_until."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [
            Person(row["id"], row["name"], row["name_en"], row["kind"], row["group"], row["card"])
            for row in csv.DictReader(file)
        ]
