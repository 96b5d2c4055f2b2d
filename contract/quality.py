"""Quality of a reading: one byte, ordered so that a comparison tells good, uncertain and bad apart."""

from enum import IntEnum
from typing import Final


class Quality(IntEnum):
    """Below 16 good, below 32 uncertain, the rest bad with the reason (OPC UA's three classes)."""

    GOOD = 0
    HELD = 16
    """The last value, repeated while the device does not answer."""
    CLOCK = 17
    """The gateway's clock was more than 5 s off when the reading was taken."""
    RANGE = 18
    """Outside what the point can physically be."""
    GONE = 32
    """Nothing listens at the device's address."""
    MUTE = 33
    """Reachable, but no answer in time."""
    REFUSED = 34
    """The device answered: no (a Modbus exception, HTTP 401)."""
    WRONG_KEY = 35
    """The secure channel was refused."""
    GARBAGE = 36
    """An answer that is none: short, torn, wrong checksum."""


UNCERTAIN: Final = 16
BAD: Final = 32

WORDS: Final[dict[Quality, tuple[str, str]]] = {
    Quality.GOOD: ("good", "正常"),
    Quality.HELD: ("held: the device does not answer, last value", "保持：设备无应答，为上次的值"),
    Quality.CLOCK: ("the gateway's clock is wrong", "网关时钟不准"),
    Quality.RANGE: ("outside the possible range", "超出可能的范围"),
    Quality.GONE: ("gone: nothing answers at its address", "失联：该地址无任何响应"),
    Quality.MUTE: ("reachable but mute: no answer in time", "可达但无应答：超时未回复"),
    Quality.REFUSED: ("refused: the device says no", "被拒绝：设备返回拒绝"),
    Quality.WRONG_KEY: ("wrong key: the secure channel was refused", "密钥错误：安全通道被拒绝"),
    Quality.GARBAGE: ("garbage: the answer makes no sense", "乱码：应答无法解析"),
}
"""(en, zh-CN) of each quality."""
