import ctypes

import osdp_sys

from drivers.osdp.frames import code_of
from drivers.osdp.panel import Panel, PanelKey
from simulator.osdp import OsdpFaults, OsdpReader, _Peripheral
from simulator.world import DoorHardware

KEY = PanelKey(0, 9600, bytes(range(16)))


def peripheral(faults=None):
    return _Peripheral(OsdpReader("a", "d", 0), DoorHardware("d"), KEY.secret, faults or OsdpFaults())


def plain(frame):
    return frame[1:] if frame[:1] == b"\xff" else frame


def converse(panel, reader, *, until_code=-1):
    """Let them talk until the panel is silent or has sent this command; return its last frame."""
    frame = b""
    while spoken := panel.speak():
        frame = spoken
        if code_of(frame) == until_code:
            break
        panel.hear(plain(reader.answer(frame)))
    return frame


async def test_challenges_cannot_be_foretold():
    challenges = set()
    for _ in range(3):
        ctypes.CDLL(None).srand(1)
        challenges.add(converse(Panel(KEY), peripheral(), until_code=0x76)[-10:-2])
    assert len(challenges) == 3


async def test_a_restarted_conversation_has_a_new_challenge():
    panel, reader = Panel(KEY), peripheral(OsdpFaults(wrong_key={"a"}))
    first = converse(panel, reader)
    assert code_of(first) == 0x76
    assert not panel.online
    again = panel.again()
    assert again is panel
    assert converse(again, reader)[-10:-2] != first[-10:-2]


async def test_after_a_wrong_key_the_same_panel_comes_online_with_the_right_one():
    faults = OsdpFaults(wrong_key={"a"})
    panel, reader = Panel(KEY), peripheral(faults)
    converse(panel, reader)
    faults.wrong_key.clear()
    panel = panel.again()
    converse(panel, reader)
    assert panel.online


async def test_unanswered_the_first_question_is_said_again():
    panel, reader = Panel(KEY), peripheral()
    first = panel.speak()
    assert panel.again() is panel
    assert panel.speak() == first
    panel.hear(plain(reader.answer(first)))
    converse(panel, reader)
    assert panel.online


async def test_commands_are_obeyed_and_their_end_is_told():
    panel, reader = Panel(KEY), peripheral()
    converse(panel, reader)
    assert panel.completion() is None
    assert panel.submit({"command": osdp_sys.CMD_STATUS, "type": osdp_sys.STATUS_REPORT_INPUT})
    events = panel.hear(plain(reader.answer(panel.speak())))
    assert panel.completion() is True
    assert [(event["type"], event["report"]) for event in events] == [(osdp_sys.STATUS_REPORT_INPUT, b"\0\0")]
