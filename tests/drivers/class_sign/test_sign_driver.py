"""The driver against simulated signs over real HTTP, and the receiver against all that can be pushed at it."""

import asyncio
import contextlib
import hashlib
import hmac
import json

import aiohttp
import pytest
from pydantic import ValidationError

from drivers.base import (
    DeviceGarbage,
    DeviceRefused,
    DeviceSilent,
    DeviceUnreachable,
    Discovering,
    Driver,
    Streaming,
    Writable,
)
from drivers.class_sign import ClassSignFactory, SignDiscovery, SignSettings
from simulator.signs import serve_signs
from simulator.world import SignHardware, World

NOW_MS = 1_772_409_600_000  # Monday 2026-03-02, 08:00 in Beijing


@pytest.fixture
async def factory():
    factory = ClassSignFactory()
    yield factory
    await factory.close()


@pytest.fixture
async def world(factory):
    world = World(signs={"sign-a": SignHardware("sign-a", "A101"), "sign-b": SignHardware("sign-b", "A102")},
                  now_ms=lambda: NOW_MS)
    async with serve_signs(world, lambda: factory.receiver.address or None):
        yield world


@pytest.fixture
def make(world, factory):
    def made(name="sign-a", **settings):
        base = {"http": world.endpoints[f"sign_{name}"], "vendor": "campus-sign", "timeout_s": 0.5,
                "password": world.endpoints["sign_password"]}
        return factory.create(SignSettings(**{**base, **settings}))
    return made


@contextlib.asynccontextmanager
async def opened(sign):
    await sign.open()
    try:
        yield sign
    finally:
        await sign.close()


@contextlib.asynccontextmanager
async def peer(answer):
    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError):
            if await reader.read(65536) and answer is not None:
                writer.write(answer)
                await writer.drain()
            else:
                await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def push(address, content, *, password="", vendor="campus-sign", raw=None):
    body = raw if raw is not None else json.dumps(content).encode()
    headers = {"X-Sign-Signature": hmac.new(password.encode(), body, hashlib.sha256).hexdigest()}
    async with aiohttp.ClientSession() as session, session.post(
            f"http://{address}/push/{vendor}", data=body, headers=headers) as reply:
        return reply.status, await reply.text()


def batch(device="sign-x", sequence=1, cards=("0000000A01",)):
    return {"deviceID": device, "seq": sequence, "http": "http://127.0.0.1:9",
            "records": [{"cardID": card, "checkingTime": "2026-03-02 08:00:00"} for card in cards]}


async def take(sign, count):
    async with asyncio.timeout(5):
        events = sign.events()
        return [await anext(events) for _ in range(count)]


async def test_a_sign_tells_how_it_is_and_does_what_it_is_told(world, make):
    sign = make()
    assert all(isinstance(sign, kind) for kind in (Driver, Streaming, Writable))
    async with opened(sign):
        world.signs["sign-a"].battery = 55
        samples = await sign.read()
        assert samples.values.tolist() == [1, 55, 80, 1]
        assert not samples.quality.any()
        assert (sign.model, sign.device_id) == ("CS-10", "sign-a")
        assert await sign.write("brightness", 30) == 30
        assert await sign.write("screen_on", 0) == 0
        assert (await sign.read()).values.tolist() == [1, 55, 30, 0]
        for point, value in (("brightness", 101), ("screen_on", -1), ("battery", 5)):
            with pytest.raises(DeviceRefused):
                await sign.write(point, value)


async def test_a_notice_is_shown_until_its_end(world, make):
    async with opened(make()) as sign:
        await sign.show("停课 no lessons today", NOW_MS + 60_000)
        assert await sign.shown() == "停课 no lessons today"
        assert world.signs["sign-a"].page == "notice"
        await sign.show("already over", NOW_MS - 1)
        assert await sign.shown() == ""
        assert world.signs["sign-a"].page == "timetable"


async def test_swipes_arrive_with_the_signs_time_once(world, factory, make):
    await factory.listen("127.0.0.1:0")
    async with opened(make()) as sign:
        for card in ("00A1B2C3D4", "0000000A02"):
            world.signs["sign-a"].swipes.put(card)
        events = await take(sign, 2)
        assert [(event.kind, event.text, event.device_ms) for event in events] == [
            ("swipe", "card:A1B2C3D4", NOW_MS), ("swipe", "card:A02", NOW_MS)]


async def test_swipes_wait_in_the_sign_until_there_is_a_receiver(world, factory, make):
    world.signs["sign-a"].swipes.put("0000000A01")
    async with opened(make()) as sign:
        await asyncio.sleep(0.5)
        await factory.listen("127.0.0.1:0")
        assert [event.text for event in await take(sign, 1)] == ["card:A01"]


async def test_a_doubled_push_is_dropped_and_a_sign_that_counts_anew_is_not(factory):
    address = await factory.listen("127.0.0.1:0")
    sign = factory.create(SignSettings(http="http://127.0.0.1:9", vendor="campus-sign", password="p", device_id="s"))
    assert await push(address, batch("s"), password="p") == (200, '{"accepted": 1}')
    assert await push(address, batch("s"), password="p") == (200, '{"accepted": 0}')
    assert await push(address, batch("s", cards=("0000000A02",)), password="p") == (200, '{"accepted": 1}')
    assert [event.text for event in await take(sign, 2)] == ["card:A01", "card:A02"]
    assert (factory.receiver.counts.accepted, factory.receiver.counts.doubled) == (2, 1)


async def test_a_forged_push_is_refused(factory):
    address = await factory.listen("127.0.0.1:0")
    factory.create(SignSettings(http="http://127.0.0.1:9", vendor="campus-sign", password="p", device_id="s"))
    status, text = await push(address, batch("s"), password="guess")
    assert status == 401
    assert "signature does not fit" in text
    assert (factory.receiver.counts.forged, factory.receiver.counts.accepted) == (1, 0)


@pytest.mark.parametrize(("raw", "status", "words"), [
    (b"rubbish", 400, "not JSON"), (b"{}", 400, "records must be a list"),
    (json.dumps(batch(cards=["zz"])).encode(), 400, "record 0: cardID is no hex number"),
    (b" " * 300_000, 413, "exceed"),
])
async def test_garbage_is_refused_in_words_and_counted(factory, raw, status, words):
    address = await factory.listen("127.0.0.1:0")
    got, text = await push(address, None, raw=raw)
    assert got == status
    assert words in text
    assert factory.receiver.counts.garbage == 1


async def test_a_push_to_no_vendor_is_refused(factory):
    address = await factory.listen("127.0.0.1:0")
    for vendor in ("nobody", "fully-kiosk", "..%2f..%2fetc"):
        assert (await push(address, batch(), vendor=vendor))[0] == 404


async def test_a_new_sign_is_found_and_its_swipes_are_kept_until_it_is_approved(world, factory):
    assert isinstance(factory, Discovering)
    assert await factory.discover(SignDiscovery(receiver="127.0.0.1:0")) == []
    world.signs["sign-new"] = SignHardware("sign-new", "A103")
    world.signs["sign-new"].swipes.put("0000000A09")
    async with asyncio.timeout(5):
        while not (found := [one for one in await factory.discover(SignDiscovery(receiver="127.0.0.1:0"))
                             if one.settings["device_id"] == "sign-new"]):
            await asyncio.sleep(0.05)
    assert found[0].settings["http"] == world.endpoints["sign_sign-new"]
    settings = SignSettings(**found[0].settings, password=world.endpoints["sign_password"])
    async with opened(factory.create(settings)) as sign:
        assert [event.text for event in await take(sign, 1)] == ["card:A09"]
        left = await factory.discover(SignDiscovery(receiver="127.0.0.1:0"))
        assert "sign-new" not in [one.settings["device_id"] for one in left]


async def test_unknown_signs_do_not_fill_the_memory(factory):
    address = await factory.listen("127.0.0.1:0")
    await asyncio.gather(*(push(address, batch(f"s{number}")) for number in range(80)))
    assert len(factory.receiver.candidates()) == 64
    assert factory.receiver.counts.unknown == 80


async def test_an_address_that_is_taken_is_named(factory):
    address = await factory.listen("127.0.0.1:0")
    other = ClassSignFactory()
    with pytest.raises(DeviceUnreachable, match="can't listen"):
        await other.listen(address)
    await other.close()


async def test_a_wrong_password_is_refused_and_never_shown(make):
    sign = make(password="S3cret-guess")
    with pytest.raises(DeviceRefused, match="refuses the password") as caught:
        await sign.open()
    await sign.close()
    assert "S3cret" not in f"{caught.value!r} {sign.settings!r}"


@pytest.mark.parametrize(("answer", "error"), [
    (None, DeviceSilent), (b"", DeviceGarbage), (b"rubbish\r\n\r\n", DeviceGarbage),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nrubbish", DeviceGarbage),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", DeviceGarbage),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", DeviceGarbage),
    (b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", DeviceSilent),
    (b"HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n", DeviceRefused),
])
async def test_peers_that_misbehave(factory, answer, error):
    async with peer(answer) as url:
        sign = factory.create(SignSettings(http=url, vendor="campus-sign", timeout_s=0.3))
        with pytest.raises(error):
            await sign.open()
        await sign.close()


async def test_a_sign_that_goes_offline_and_comes_back(world, make, unused_tcp_port):
    nowhere = make(http=f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(DeviceUnreachable):
        await nowhere.open()
    await nowhere.close()
    async with opened(make()) as sign:
        world.signs["sign-a"].online = False
        with pytest.raises(DeviceSilent):
            await sign.read()
        world.signs["sign-a"].online = True
        assert (await sign.read()).values[0] == 1


async def test_a_status_that_lacks_a_value_says_which(factory):
    body = b'{"deviceID": "s", "battery": 5, "brightness": 10}'
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with peer(answer) as url, opened(factory.create(SignSettings(http=url, vendor="campus-sign"))) as sign:
        samples = await sign.read()
    assert samples.problem == "the sign does not tell screen_on"
    assert samples.quality.astype(bool).tolist() == [False, False, False, True]


async def test_fully_kiosk_mapping_asks_as_its_documentation_says(factory):
    asked = []

    async def serve(request):
        asked.append(dict(request.query))
        return aiohttp.web.json_response(
            {"deviceID": "k1", "deviceModel": "T", "batteryLevel": 90, "screenBrightness": 255, "screenOn": True})

    async with kiosk(serve) as url:
        settings = SignSettings(http=url, vendor="fully-kiosk", password="p")
        async with opened(factory.create(settings)) as sign:
            assert (await sign.read()).values.tolist() == pytest.approx([1, 90, 100, 1])
            await sign.write("brightness", 50)
            await sign.write("screen_on", 0)
            await sign.show("fire drill", 0)
            with pytest.raises(DeviceRefused, match="do not tell what they show"):
                await sign.shown()
    common = {"type": "json", "password": "p"}
    assert {"cmd": "setStringSetting", "key": "screenBrightness", "value": "128", **common} in asked
    assert {"cmd": "screenOff", **common} in asked
    assert {"cmd": "setOverlayMessage", "text": "fire drill", **common} in asked


@contextlib.asynccontextmanager
async def kiosk(handler):
    app = aiohttp.web.Application()
    app.router.add_get("/", handler)
    runner = aiohttp.web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("settings", "words"), [
    ({"http": "ftp://x", "vendor": "campus-sign"}, "must look like http"),
    ({"http": "http://a:b@x", "vendor": "campus-sign"}, "without user name"),
    ({"http": "http://x", "vendor": "acme"}, "known: campus-sign, fully-kiosk"),
])
def test_settings_are_checked(settings, words):
    with pytest.raises(ValidationError, match=words):
        SignSettings(**settings)
