"""The driver against simulated cameras over real RTSP and ONVIF, and against peers that misbehave."""

import asyncio
import threading
from pathlib import Path

import cv2
import numpy as np
import onvif.managers
import pytest
from pydantic import ValidationError

from contract.quality import Quality
from drivers.base import DeviceGarbage, DeviceRefused, DeviceSilent, DeviceUnreachable, Driver, Streaming, Writable
from drivers.camera import CameraFactory, CameraSettings

SOAP = b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: %d\r\n\r\n%s"


def values(camera, samples):
    return dict(zip([point.name for point in camera.points], samples.values, strict=True))


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


async def video_only(**settings):
    return CameraFactory().create(CameraSettings(timeout_s=0.5, **settings))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_healthy_camera_shows_its_picture(make, transport, opened):
    camera = make(transport=transport)
    assert all(isinstance(camera, kind) for kind in (Driver, Streaming, Writable))
    async with opened(camera):
        samples = await camera.read()
        seen = values(camera, samples)
        assert not samples.problem
        assert not samples.quality.any()
        assert (seen["online"], seen["covered"], seen["moved"]) == (1, 0, 0)
        assert 20 < seen["brightness"] < 90
        assert seen["sharpness"] > 5
        picture = cv2.imdecode(np.frombuffer(await camera.still(), np.uint8), cv2.IMREAD_COLOR)
        assert picture.shape == (360, 640, 3)
        small = cv2.imdecode(np.frombuffer(await camera.still(width=320), np.uint8), cv2.IMREAD_COLOR)
        assert small.shape == (180, 320, 3)
        assert (await camera.still_before(5)).startswith(b"\xff\xd8")
        assert camera.identity.serial == "SIM-cam-a"


class Troubles:
    """What happens to a camera, each on one of its own, so that all can happen at once."""

    def __init__(self, world, make, opened, wait_for):
        self.world, self.make, self.opened, self.wait_for = world, make, opened, wait_for

    async def by_the_picture(self, name, attribute, value, kind):
        """Without ONVIF, so that nothing the camera says helps."""
        async with self.opened(self.make(name, onvif="", rtsp=self.world.endpoints[f"rtsp_{name}"])) as camera:
            setattr(self.world.cameras[name], attribute, value)
            assert (await self.wait_for(camera, (kind, 1)))[-1].text
            assert values(camera, await camera.read())[kind] == 1
            setattr(self.world.cameras[name], attribute, type(value)(0))
            await self.wait_for(camera, (kind, 0))

    async def said_and_seen(self, name):
        """The camera says that it is covered before we believe it: one event for both."""
        async with self.opened(self.make(name)) as camera:
            await asyncio.sleep(0.3)
            self.world.cameras[name].covered = True
            assert "TamperDetector" in (await self.wait_for(camera, ("covered", 1)))[-1].text
            await asyncio.sleep(2)
            self.world.cameras[name].covered = False
            rest = await self.wait_for(camera, ("covered", 0))
            assert [event.value for event in rest if event.kind == "covered"] == [0]

    async def lost(self, name):
        """While ONVIF answers still: the points are bad and say why, and good again after."""
        async with self.opened(self.make(name, rtsp=self.world.endpoints[f"rtsp_{name}"])) as camera:
            self.world.cameras[name].lost = True
            await self.wait_for(camera, ("lost", 1))
            samples = await camera.read()
            assert values(camera, samples)["online"] == 0
            assert samples.quality[1] == Quality.MUTE
            assert "no picture" in samples.problem
            with pytest.raises(DeviceSilent, match="no picture for"):
                await camera.still()
            self.world.cameras[name].lost = False
            await self.wait_for(camera, ("lost", 0))
            assert not (await camera.read()).quality.any()


async def test_each_trouble_is_told_and_its_end(world, make, opened, wait_for):
    troubles = Troubles(world, make, opened, wait_for)
    async with asyncio.timeout(25), asyncio.TaskGroup() as tasks:
        tasks.create_task(troubles.by_the_picture("cam-a", "people", 2, "motion"))
        tasks.create_task(troubles.by_the_picture("cam-b", "covered", True, "covered"))
        tasks.create_task(troubles.by_the_picture("cam-c", "moved", True, "moved"))
        tasks.create_task(troubles.said_and_seen("cam-d"))
        tasks.create_task(troubles.lost("cam-e"))


async def test_the_subscription_is_renewed(servers, make, monkeypatch, opened):
    monkeypatch.setattr(onvif.managers, "MINIMUM_SUBSCRIPTION_SECONDS", 0.2)
    async with opened(make()) as camera, asyncio.timeout(5):
        while servers["cam-a"].renewals < 3:  # the first repeats the term as a time of day; the others are timed
            await asyncio.sleep(0.02)
        assert not (await camera.read()).problem


async def test_video_works_while_onvif_does_not(world, make, unused_tcp_port, opened):
    dead = f"http://127.0.0.1:{unused_tcp_port}/onvif/device_service"
    async with opened(make(onvif=dead, rtsp=world.endpoints["rtsp_cam-a"])) as camera:
        samples = await camera.read()
        assert not samples.quality.any()
        assert "video works, ONVIF does not" in samples.problem


async def test_onvif_works_while_video_does_not(world, make, unused_tcp_port, opened, wait_for):
    async with opened(make(rtsp=f"rtsp://127.0.0.1:{unused_tcp_port}/stream")) as camera:
        samples = await camera.read()
        assert values(camera, samples)["online"] == 0
        assert "nothing answers RTSP" in samples.problem
        world.cameras["cam-a"].people = 1
        async with asyncio.timeout(5):
            assert [event.kind for event in await wait_for(camera, ("motion", 1))] == ["lost", "motion"]


async def test_a_wrong_password_is_refused_in_words_and_never_shown(world, make, capfd, caplog):
    for address in ({}, {"onvif": "", "rtsp": world.endpoints["rtsp_cam-a"]}):
        camera = make(password="S3cret-guess", **address)
        with pytest.raises(DeviceRefused, match="refuses user name viewer or its password") as caught:
            await camera.open()
        told = f"{caught.value!r} {camera.settings!r} {caplog.text} {''.join(capfd.readouterr())}"
        assert "S3cret-guess" not in told


async def test_a_wrong_path_is_named(world, servers):
    camera = await video_only(rtsp=world.endpoints["rtsp_cam-a"].replace("/stream", "/other"), username="viewer",
                              password=world.endpoints["camera_password"])
    with pytest.raises(DeviceRefused, match="no stream /other"):
        await camera.open()


@pytest.mark.parametrize(("answer", "error"), [
    (b"\x00\xff\x13rubbish\r\n\r\n", DeviceGarbage), (b"HTTP/1.1 200 OK\r\n\r\n", DeviceGarbage),
    (b"RTSP/1.0 2\r\n\r\n", DeviceGarbage), (b"RTSP/1.0 500 Oh no\r\n\r\n", DeviceSilent),
    (b"RTSP/1.0 200 OK\r\nContent-Length: 7\r\n\r\nrubbish", DeviceSilent), (None, DeviceSilent), (b"", DeviceGarbage),
])
async def test_rtsp_peers_that_misbehave(answer, error, peer):
    async with peer(answer) as port:
        camera = await video_only(rtsp=f"rtsp://127.0.0.1:{port}/stream")
        with pytest.raises(error):
            await camera.open()
        with pytest.raises(DeviceSilent):
            await camera.still()


@pytest.mark.parametrize(("answer", "error"), [
    (b"\x00\xff\x13rubbish\r\n\r\n", (DeviceSilent, DeviceGarbage)), (SOAP % (7, b"rubbish"), DeviceGarbage),
    (SOAP % (13, b"<html></html>"), DeviceGarbage), (None, DeviceSilent), (b"", DeviceSilent),
    (b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", DeviceRefused),
])
async def test_onvif_peers_that_misbehave(answer, error, peer):
    async with peer(answer) as port:
        camera = await video_only(onvif=f"http://127.0.0.1:{port}/onvif/device_service")
        with pytest.raises(error):
            await camera.open()


async def test_nothing_there(unused_tcp_port):
    for address in ({"onvif": f"http://127.0.0.1:{unused_tcp_port}/onvif/device_service"},
                    {"rtsp": f"rtsp://127.0.0.1:{unused_tcp_port}/stream"}):
        with pytest.raises(DeviceUnreachable):
            await (await video_only(**address)).open()


async def test_opening_again_and_again_leaves_no_thread_and_no_descriptor(make, opened):
    camera = make()
    async with opened(camera):
        pass
    before = descriptors()
    for _ in range(3):
        async with opened(camera):
            await camera.read()
    await camera.close()
    async with asyncio.timeout(3):
        while descriptors() > before:  # the simulated camera lets go a little later
            await asyncio.sleep(0.01)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("camera ")]


async def test_events_end_when_the_camera_is_closed(make):
    camera = make()
    await camera.open()
    taking = asyncio.create_task(anext(aiter(camera.events()), None))
    await asyncio.sleep(0)
    await camera.close()
    async with asyncio.timeout(1):
        assert await taking is None


async def test_opening_can_be_cancelled(peer):
    async with peer(None) as port:
        camera = await video_only(rtsp=f"rtsp://127.0.0.1:{port}/stream")
        opening = asyncio.create_task(camera.open())
        await asyncio.sleep(0.1)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("camera ")]


async def test_a_view_can_be_learnt_and_nothing_else_written(make, opened):
    async with opened(make()) as camera:
        assert await camera.write("learn_view", 1) == 1
        with pytest.raises(DeviceRefused, match="learn_view"):
            await camera.write("fps", 1)


@pytest.mark.parametrize(("settings", "words"), [
    ({}, "needs onvif, rtsp or both"),
    ({"onvif": "http://10.0.0.1/onvif/services"}, "must look like"),
    ({"rtsp": "http://10.0.0.1/"}, "must look like rtsp://"),
    ({"rtsp": "rtsp://me:secret@10.0.0.1/"}, "must not hold a user name or password"),
    ({"rtsp": "rtsp://10.0.0.1/", "zones": {"door": [(0, 0), (2, 0), (1, 1)]}}, "less than or equal to 1"),
])
def test_settings_are_checked(settings, words):
    with pytest.raises(ValidationError, match=words):
        CameraSettings(**settings)
