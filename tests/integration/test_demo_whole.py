"""The whole product as a newcomer starts it: every family live over its real protocol, nothing lost, and it ends."""

import json
import subprocess
import sys

import pytest

pytest.importorskip("iotcore")


def demo(folder, *options: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "campushub", "demo", "--report", "--port", "0", "--data", str(folder), *options],
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_demonstration_shows_all_families_and_keeps_its_history(tmp_path) -> None:
    first = demo(tmp_path, "--seconds", "18")
    assert first["families_live"] == {"modbus": 24, "card_reader": 14, "camera": 4, "class_sign": 6}
    assert first["readings"] > 500
    assert (first["lost"], first["duplicated"]) == (0, 0)
    assert {child["restarts"] for child in first["by_process"].values()} == {0}
    again = demo(tmp_path, "--seconds", "10", "--speed", "30")
    assert again["readings"] > first["readings"], "history is kept"
    assert (again["lost"], again["duplicated"]) == (0, 0)
