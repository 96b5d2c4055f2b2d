"""What four cameras cost, and how soon each trouble is told: `python -m bench.cameras [seconds]`.

The simulated cameras run in a process of their own, at 15 pictures a second, so that both sides' CPU can be told apart.
"""

import asyncio
import os
import resource
import sys
import time
from typing import Final

from drivers.base import DeviceEvent
from drivers.camera import Camera, CameraFactory, CameraSettings
from simulator.cameras import USER, serve_cameras
from simulator.world import CameraHardware, World

_NAMES: Final = ("cam-gate", "cam-a", "cam-b", "cam-yard")
_TROUBLES: Final = (("people", 1, "motion"), ("covered", 1, "covered"), ("moved", 1, "moved"), ("lost", 1, "lost"))


def cpu_s(who: int = resource.RUSAGE_SELF) -> float:
    """CPU seconds used so far."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


async def simulate(fps: float) -> None:
    """Serve cameras; obey lines "camera attribute value" from stdin, "cpu" is answered with CPU seconds."""
    world = World(cameras={name: CameraHardware(name, people=2) for name in _NAMES},
                  now_ms=lambda: int(time.time() * 1000))
    async with serve_cameras(world, fps=fps):
        print(" ".join([world.endpoints["camera_password"], *(world.endpoints[f"rtsp_{name}"] for name in _NAMES)]),
              flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            words = line.split()
            if words == ["cpu"]:
                print(cpu_s(), flush=True)
            else:
                setattr(world.cameras[words[0]], words[1], int(words[2]))


class Simulator:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        assert process.stdout
        self._in, self._out = process.stdin, process.stdout

    async def answer(self) -> str:
        return (await self._out.readline()).decode().strip()

    def tell(self, line: str) -> None:
        self._in.write(f"{line}\n".encode())

    async def cpu_s(self) -> float:
        self.tell("cpu")
        return float(await self.answer())


async def until(camera: Camera, kind: str, value: float) -> DeviceEvent:
    """Take events until this one comes."""
    async for event in camera.events():
        if (event.kind, event.value) == (kind, value):
            return event
    raise AssertionError("closed")


async def trouble(simulator: Simulator, name: str, camera: Camera, attribute: str, kind: str) -> None:
    """Print how long it takes until a trouble and its end are told, by the picture alone."""
    took = []
    for value in (1, 0):
        simulator.tell(f"{name} {attribute} {value}")
        began_s = time.monotonic()
        await until(camera, kind, value)
        took.append(time.monotonic() - began_s)
    print(f"{kind}: told after {took[0]:.1f} s, its end after {took[1]:.1f} s")


async def measure(simulator: Simulator, seconds: float) -> None:
    """Open the cameras, look at them for a while, then at their troubles."""
    password, *urls = (await simulator.answer()).split()
    cameras = [CameraFactory().create(CameraSettings.model_validate({"rtsp": url, "username": USER,
                                                                     "password": password})) for url in urls]
    began_s = time.monotonic()
    await asyncio.gather(*(camera.open() for camera in cameras))
    print(f"opened {len(cameras)} cameras in {time.monotonic() - began_s:.1f} s")
    own_s, theirs_s, began_s = cpu_s(), await simulator.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    passed_s = time.monotonic() - began_s
    rates = [float((await camera.read()).values[1]) for camera in cameras]
    print(f"driver {(cpu_s() - own_s) / passed_s:.1%} of a core, simulator "
          f"{(await simulator.cpu_s() - theirs_s) / passed_s:.1%}, at {min(rates):.1f} pictures/s each")
    for name in _NAMES:
        simulator.tell(f"{name} people 0")
    await asyncio.gather(*(until(camera, "motion", 0) for camera in cameras))
    await asyncio.gather(*(trouble(simulator, name, camera, attribute, kind) for name, camera, (attribute, _, kind)
                           in zip(_NAMES, cameras, _TROUBLES, strict=True)))
    await asyncio.gather(*(camera.close() for camera in cameras))
    print(f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB at most")


async def main(seconds: float, fps: float) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.cameras", "simulate", str(fps), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, env=os.environ)
    try:
        await measure(Simulator(process), seconds)
    finally:
        process.terminate()
        await process.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["simulate"]:
        asyncio.run(simulate(float(sys.argv[2])))
    else:
        asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 20.0,
                         float(sys.argv[2]) if len(sys.argv) > 2 else 15.0))
