"""How fast limits are checked and doors decided. Run: python -m bench.rules [seconds]."""

import hashlib
import sys
from time import perf_counter

import numpy as np

from contract.configuration import parse
from contract.messages import Text
from rules.access.decide import decide
from rules.access.policy import (
    CredentialRow,
    DoorRow,
    GrantRow,
    PersonRow,
    PolicyIndex,
    Site,
    compile_policy,
    decode,
    encode,
)
from rules.calendar import Calendar, CalendarSettings, Window
from rules.engine import RuleEngine
from rules.model import Level, Rule, Scope
from rules.points import Point, PointTable

CALENDAR = Calendar(parse('school_hours: {from: "07:00", to: "18:30"}\nwork_hours: {from: "08:00", to: "17:30"}\n'
                          "terms: [{name: {en: t, zh: t}, from: 2026-09-01, to: 2027-01-22}]\n",
                          "bench", CalendarSettings))
NOW_MS = 1_795_500_000_000
POINTS, RULES, BATCH = 20_000, 1_000, 5_000


def engine(layers: int) -> RuleEngine:
    """Build 20,000 points under 1,000 rules, each point under so many of them."""
    devices = RULES // layers
    table = PointTable([Point(device=f"d{n % devices}", name="power_kw") for n in range(POINTS)])
    text = Text("{device} {value}", "{device} {value}")
    rules = [Rule(id=f"energy/r{n}", title=text, priority=3,
                  scope=Scope(name=("power_kw",), device=(f"d{n % devices}",)),
                  when=Level(above=400.0 + n / devices, hysteresis=5.0), message=text) for n in range(RULES)]
    return RuleEngine(rules, CALENDAR, table)


def checks(seconds: float, layers: int, crossings: float) -> float:
    """Return checks a second: batches of 5,000 readings, this share of which cross a limit."""
    under_test = engine(layers)
    random = np.random.default_rng(1)
    batches = []
    for start in range(0, 4 * POINTS, BATCH):
        points = ((np.arange(BATCH) + start) % POINTS).astype(np.uint32)
        values = np.where(random.random(BATCH) < crossings, 500.0, random.uniform(100, 350, BATCH))
        batches.append((points, np.full(BATCH, NOW_MS + start), values, np.zeros(BATCH, np.uint8)))
    done, begun = 0, perf_counter()
    while perf_counter() - begun < seconds:
        for points, times, values, quality in batches:
            under_test.readings(points, times, values, quality, NOW_MS)
            done += BATCH * layers
        under_test.dirty_state()
    return done / (perf_counter() - begun)


def card(number: int) -> str:
    """Return a hash that compresses as badly as a real one."""
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


def decisions(seconds: float) -> tuple[float, int, float]:
    """Return decisions a second, the policy's bytes and the seconds to read it: 10,000 people, 200 grants, 32 doors."""
    groups = [f"g{n}" for n in range(40)]
    people = [PersonRow(id=f"p{n}", name=f"Person {n}", unit="A1", groups=(groups[n % 40], groups[(n * 7 + 1) % 40]))
              for n in range(10_000)]
    doors = [DoorRow(id=f"door-{n}") for n in range(32)]
    hours = (Window.model_validate({"days": "school_day", "from": "06:00", "to": "22:00"}),)
    grants = [GrantRow(group=groups[n % 40], doors=tuple(f"door-{(n * 3 + k) % 32}" for k in range(6)),
                       schedule="hours") for n in range(200)]
    site = Site(people=people, grants=grants, schedules={"hours": hours},
                credentials=[CredentialRow(hash=card(n), person=f"p{n}") for n in range(10_000)])
    body = encode(compile_policy(site, doors, CALENDAR, version=1, issued_ms=NOW_MS,
                                 valid_until_ms=NOW_MS + 864_000_000,
                                 name="school", gateway="gw"))
    begun = perf_counter()
    index = PolicyIndex(decode(body))
    read_s = perf_counter() - begun
    attempts = [(f"door-{n % 32}", card(n * 13 % 10_100)) for n in range(10_000)]
    done, begun = 0, perf_counter()
    while perf_counter() - begun < seconds:
        for door, credential in attempts:
            decide(index, door, credential, NOW_MS)
        done += len(attempts)
    return done / (perf_counter() - begun), len(body), read_s


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    for layers, crossings in ((1, 0.0), (4, 0.0), (1, 0.0001), (1, 0.001)):
        rate = checks(seconds, layers, crossings)
        print(f"{layers} rules a point, {crossings:.2%} of the readings cross: {rate / 1e6:.1f} M checks/s")
    rate, size, read_s = decisions(seconds)
    print(f"access: {rate:,.0f} decisions/s; policy of 10,000 people {size:,} bytes, read in {read_s * 1000:.0f} ms")


if __name__ == "__main__":
    main()
