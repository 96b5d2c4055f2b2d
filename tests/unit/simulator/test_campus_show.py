"""The terminal view tells what is open, what is wrong and what it could make go wrong."""

from rich.console import Console

from simulator.control import DoorState, FaultState, LoadState, State, ZoneState
from simulator.show import picture


def test_the_picture_names_doors_loads_and_faults() -> None:
    state = State(
        now_ms=0, time="2026-11-25 12:00:00", speed=60.0, outdoor_c=8.4, people={"canteen": 181, "outside": 19},
        doors=[DoorState("door-a-plant", open=True, strike=True, rex=False, led="green", waiting=3, passages=7,
                         refused=2)],
        loads=[LoadState("meter-main", 431.25, 37_000.0, 402.0)], zones=[ZoneState("b-lab", 20.9, 421, 61.0)],
        requests={}, faults=[FaultState("demand-peak", "meter-main", 0, wanted=False)],
        known_faults={"fire": "fire-panel"})
    console = Console(width=150, force_terminal=False)
    with console.capture() as shown:
        console.print(picture(state))
    text = shown.get()
    for word in ("x60", "200 people", "door-a-plant  open  released  7 passed  2 not  3 waiting", "431.2 kW",
                 "20.9 °C", "demand-peak", "fire"):
        assert word in text
