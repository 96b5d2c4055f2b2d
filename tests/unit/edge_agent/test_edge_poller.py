"""The poller: what counts as changed, and how a device is lost and comes back."""

import asyncio

import numpy as np
import pytest

from contract import kinds
from drivers.base import DeviceGarbage, DeviceUnreachable, PointSpec, Samples
from edge_agent.poller import Changes, DevicePoller

NAN = float("nan")


def samples(*values: float, bad: tuple[int, ...] = ()) -> Samples:
    quality = np.zeros(len(values), np.uint8)
    quality[list(bad)] = 33
    return Samples(np.array(values), quality)


@pytest.mark.parametrize(("deadbands", "looks", "sent"), [
    ((0, 0), [samples(1, 2), samples(1, 2)], [None, []]),
    ((0, 0), [samples(1, 2), samples(1, 3)], [None, [1]]),
    ((0, 0), [samples(1, 2), samples(5, 6)], [None, None]),
    ((0, 0), [samples(1, 2), samples(1, 2, bad=(0,))], [None, [0]]),
    ((0, 0), [samples(1, 2, bad=(0,)), samples(1, 2)], [None, [0]]),
    ((1, 0), [samples(1, 2), samples(1.9, 2)], [None, []]),
    ((1, 0), [samples(1, 2), samples(1.6, 2), samples(2.1, 2)], [None, [], [0]]),
    ((1, 1), [samples(NAN, 2), samples(7, 2)], [None, [0]]),
], ids=["same", "one", "all", "spoilt", "mended", "within", "creeping", "first-value"])
def test_what_is_worth_sending(deadbands, looks, sent) -> None:
    changes = Changes([PointSpec(name=f"p{n}", deadband=band) for n, band in enumerate(deadbands)], 10_000)
    picked = [changes.pick(look, 100 * number) for number, look in enumerate(looks)]
    assert [None if positions is None else list(positions) for positions in picked] == sent


def test_everything_is_sent_once_a_refresh() -> None:
    changes = Changes([PointSpec(name="p")], 10_000)
    picked = [changes.pick(samples(1), now_ms) for now_ms in (0, 9_999, 10_000, 10_001)]
    assert [positions is None for positions in picked] == [True, False, True, False]


async def test_a_device_is_lost_once_and_back_once(gateway, monkeypatch) -> None:
    monkeypatch.setattr("edge_agent.poller.RETRY_S", (0.0,))
    gateway.reader.broken = DeviceUnreachable("nothing at the address")
    poller = DevicePoller("reader-1", gateway.reader, numbers=await gateway.outbox.numbers("reader-1", ["a", "b", "c"]),
                          every_ms=1, refresh_ms=1000, outbox=gateway.outbox, clock=gateway.clock)
    async with gateway.running(poller.run):
        await asyncio.sleep(0.01)
        [lost] = await gateway.events()
        assert (lost.kind, lost.reason, lost.text) == (kinds.DEVICE_LOST, "gone", "nothing at the address")
        gateway.reader.broken = None
        await asyncio.sleep(0.01)
        assert await gateway.kinds() == [kinds.DEVICE_BACK]
        gateway.reader.broken = DeviceGarbage("torn")
        await asyncio.sleep(0.01)
        [lost] = await gateway.events()
        assert lost.reason == "garbage"


async def test_one_late_answer_is_no_news(gateway) -> None:
    poller = DevicePoller("reader-1", gateway.reader, numbers=await gateway.outbox.numbers("reader-1", ["a", "b", "c"]),
                          every_ms=1, refresh_ms=1000, outbox=gateway.outbox, clock=gateway.clock)
    poller._read(samples(0, 0, 0))
    poller._failed(DeviceGarbage("torn"))
    poller._read(samples(0, 0, 0))
    async with gateway.running():
        assert await gateway.kinds() == [kinds.DEVICE_BACK]
