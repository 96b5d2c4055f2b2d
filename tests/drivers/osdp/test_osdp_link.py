"""One reader's link, talking to a simulated reader without a line between them."""

import asyncio

import osdp_sys

from drivers.osdp.link import Link
from drivers.osdp.panel import PanelKey
from simulator.osdp import OsdpFaults, OsdpReader, _Peripheral
from simulator.world import DoorHardware

KEY = PanelKey(0, 9600, bytes(range(16)))
STRIKE = {"command": osdp_sys.CMD_OUTPUT, "output_no": 0, "control_code": 2, "timer_count": 0}


class Talk:
    def __init__(self):
        self.strikes = []
        self.door = DoorHardware("d", on_strike=self.strikes.append)
        self.reader = _Peripheral(OsdpReader("a", "d", 0), self.door, KEY.secret, OsdpFaults())
        self.link = Link("line", KEY, lambda: None, lambda: None)

    def run(self):
        """Let them talk until nothing is due."""
        now = asyncio.get_running_loop().time()
        while frame := self.link.speak(now):
            self.link.hear(self.reader.answer(frame).lstrip(b"\xff"), now)


async def test_a_strike_waits_for_a_reader_that_is_coming_back():
    talk = Talk()
    done = talk.link.order(STRIKE, urgent=True, wait=True)
    talk.run()
    await asyncio.wait_for(done, 1)
    assert talk.strikes == [True]


async def test_a_strike_nobody_waits_for_any_more_is_never_sent():
    talk = Talk()
    talk.link.order(STRIKE, urgent=True, wait=True).cancel()
    talk.run()
    assert talk.link.online
    assert talk.strikes == []


async def test_a_strike_cut_short_is_repeated_but_not_when_given_up():
    for given_up, strikes in ((False, [True]), (True, [])):
        talk = Talk()
        talk.run()
        done = talk.link.order(STRIKE, urgent=True, wait=True)
        assert talk.link.speak(0.0), "the command is on its way, and no answer comes"
        if given_up:
            done.cancel()
        talk.link.miss(0.0, garbled=False)
        talk.run()
        assert talk.strikes == strikes
        assert done.done()
