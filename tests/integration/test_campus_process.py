"""The campus as a process: endpoints, control, an orderly end, and counters that survive a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from simulator import show
from simulator.control import State

ROOT = Path(__file__).parents[2]


@contextmanager
def running(run_dir: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    (run_dir / "endpoints.json").unlink(missing_ok=True)
    process = subprocess.Popen([sys.executable, "-m", "simulator", "--run-dir", str(run_dir), "--no-cameras", *more],
                               cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        _until(lambda: (run_dir / "endpoints.json").exists() or process.poll() is not None)
        assert process.poll() is None
        yield process
    finally:
        process.kill()
        process.wait(10)


def _until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def _state(run_dir: Path) -> State:
    with show.Remote(run_dir) as campus:
        return campus.state()


def _energy(run_dir: Path) -> dict[str, float]:
    return {load.id: load.energy_kwh for load in _state(run_dir).loads}


def test_control_faults_and_an_orderly_end(tmp_path: Path) -> None:
    with running(tmp_path, "--late-after", "0") as process:
        endpoints = json.loads((tmp_path / "endpoints.json").read_text())
        assert {"modbus_main", "rtu_1", "osdp_line_1", "osdp_key_a101", "lane_1_qr", "sign_sign-a101",
                "sim_control", "sign_receiver_port"} <= endpoints.keys()
        assert (tmp_path / "endpoints.json").stat().st_mode & 0o077 == 0
        assert httpx.get(f"{endpoints['sim_control']}/state", trust_env=False).status_code == 401
        state = _state(tmp_path)
        assert sum(state.people.values()) == 200
        assert len(state.doors) == 12
        assert show.fault(tmp_path, "clock-skew").wanted
        assert not show.fault(tmp_path, "door-held", "door-a-main").wanted
        _until(lambda: any(door.open for door in _state(tmp_path).doors))
        with pytest.raises(show.FaultRefused, match="demand-peak"):
            show.fault(tmp_path, "earthquake")
        assert sorted(show.clear(tmp_path)) == ["clock-skew", "door-held"]
        show.main(tmp_path, once=True)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    with pytest.raises(show.CampusUnreachable):
        show.fault(tmp_path, "fire")


def test_counters_and_addresses_survive_a_kill(tmp_path: Path) -> None:
    clock = tmp_path / "clock.json"
    anchor_ms = int(time.time() * 1000)
    clock.write_text(json.dumps({"anchor_wall_ms": anchor_ms, "anchor_campus_ms": anchor_ms, "speed": 60.0}))
    with running(tmp_path, "--clock", str(clock)) as process:
        before = _energy(tmp_path)
        _until(lambda: _energy(tmp_path)["meter-main"] > before["meter-main"] + 1)
        before = _energy(tmp_path)
        address = json.loads((tmp_path / "endpoints.json").read_text())["modbus_main"]
        process.kill()
        process.wait(10)
    with running(tmp_path, "--clock", str(clock)):
        after = _energy(tmp_path)
        assert all(after[name] >= energy_kwh for name, energy_kwh in before.items()), (before, after)
        assert address.startswith("127.0.0.1:")
