"""The uplink: sends the outbox's lanes in order, learns from acks what is stored, and takes what the hub wants.

PUBACK is not trusted (a broker may forget): only the hub's ack frees a batch. After a reconnect, and when the watermark
stands still, everything beyond it is sent again.
"""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import aiomqtt
import structlog

from contract import topics
from contract.messages import Ack, Birth, Command, ContractError, Death, Desired, decode, encode
from contract.topics import Lane
from edge_agent.outbox import Outbox

WINDOW: Final[dict[Lane, int]] = {Lane.EVENT: 64, Lane.LIVE: 64, Lane.BACKFILL: 16}
"""Batches under way at once without an ack."""
AT_ONCE: Final = 8
"""Publishes that wait for their PUBACK at a time."""
STILL_S: Final = 3.0
"""A watermark that stands still so long with batches under way: the link counts as down, they are sent again."""
RECONNECT_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
KEEPALIVE_S: Final = 10
NOT_AUTHORISED: Final = frozenset((4, 5, 134, 135))
"""CONNACK codes of MQTT 3.1.1 and 5 for a wrong user name or password, and for one that may not connect."""
_log = structlog.get_logger()


class BrokerRefused(Exception):
    """The broker knows us not, or not by this password."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """How to reach the broker; a password never appears in its repr."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    tls: ssl.SSLContext | None = None

    def client(self, identifier: str, will: aiomqtt.Will | None = None) -> aiomqtt.Client:
        """Make a client that is not yet connected."""
        return aiomqtt.Client(
            self.host, self.port, username=self.username or None, password=self.password or None,
            identifier=identifier, will=will, keepalive=KEEPALIVE_S, tls_context=self.tls, timeout=10,
            max_inflight_messages=200)


@dataclass(slots=True)
class _Progress:
    """How far a lane was sent on this connection, and when its watermark last moved (monotonic s)."""

    sent: int
    highest: int
    watermark: int
    moved_s: float


class Uplink:
    """One gateway's connection to the broker."""

    def __init__(
        self, *, site: str, gateway: str, boot: str, outbox: Outbox, birth: Callable[[], Birth],
        on_command: Callable[[Command], Awaitable[None]], on_desired: Callable[[Desired], Awaitable[None]],
    ) -> None:
        self._site, self._gateway, self._boot = site, gateway, boot
        self._outbox = outbox
        self._birth = birth
        self._on_command = on_command
        self._on_desired = on_desired
        self.connected = False
        self.lost = 0
        """What the hub counts as lost of this gateway, all lanes."""
        self._progress: dict[Lane, _Progress] = {}
        self._rebirth = asyncio.Event()

    def announce(self) -> None:
        """Publish the birth again: the devices or what runs changed."""
        self._rebirth.set()
        self._outbox.ready.set()

    async def run(self, address: BrokerAddress) -> None:
        """Stay connected until cancelled; log once when the broker is lost and once when it is back.

        Raise `BrokerRefused` when the broker does not take the user name and password.
        """
        attempt, lost = 0, False
        will = aiomqtt.Will(topics.state(self._site, self._gateway),
                            encode(Death(gateway=self._gateway, boot=self._boot)), qos=1, retain=True)
        while True:
            try:
                async with address.client(f"{self._site}-{self._gateway}", will) as client:
                    if lost:
                        _log.info("broker_back", gateway=self._gateway)
                    attempt, lost = 0, False
                    await self._talk(client)
            except aiomqtt.MqttError as error:
                if refused(error):
                    raise BrokerRefused(str(error)) from error
                if not lost:
                    _log.warning("broker_lost", gateway=self._gateway, why=str(error))
                lost = True
            finally:
                self.connected = self._outbox.link_up = False
            await asyncio.sleep(RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)])
            attempt += 1

    async def _talk(self, client: aiomqtt.Client) -> None:
        for topic in (topics.ack, topics.desired, topics.cmd):
            await client.subscribe(topic(self._site, self._gateway), qos=1)
        await self._publish_birth(client)
        self._rewind()
        self.connected = self._outbox.link_up = True
        try:
            await self._converse(client)
        except asyncio.CancelledError:
            await self._farewell(client)
            raise

    async def _converse(self, client: aiomqtt.Client) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(client), name="uplink.send")
                group.create_task(self._watch(), name="uplink.watch")
                group.create_task(self._receive(client), name="uplink.receive")
        except* aiomqtt.MqttError as errors:
            raise aiomqtt.MqttError(str(errors.exceptions[0])) from errors

    async def _farewell(self, client: aiomqtt.Client) -> None:
        death = Death(gateway=self._gateway, boot=self._boot, planned=True)
        try:
            await client.publish(topics.state(self._site, self._gateway), encode(death), qos=1, retain=True, timeout=1)
        except aiomqtt.MqttError:
            _log.info("farewell_not_sent", gateway=self._gateway)

    async def _publish_birth(self, client: aiomqtt.Client) -> None:
        await client.publish(topics.state(self._site, self._gateway), encode(self._birth()), qos=1, retain=True)

    async def _send(self, client: aiomqtt.Client) -> None:
        """Publish in order, some batches at a time: PUBACKs need not be waited for one by one."""
        async with asyncio.TaskGroup() as group:
            await self._send_into(client, group)

    async def _send_into(self, client: aiomqtt.Client, group: asyncio.TaskGroup) -> None:
        free = asyncio.Semaphore(AT_ONCE)

        async def publish(topic: str, payload: bytes) -> None:
            try:
                await client.publish(topic, payload, qos=1)
            finally:
                free.release()

        while True:
            if self._rebirth.is_set():
                self._rebirth.clear()
                await self._publish_birth(client)
            lane = self._next_lane()
            if lane is None:
                self._outbox.ready.clear()
                await self._outbox.ready.wait()
                continue
            progress = self._progress[lane]
            seq = progress.sent + 1
            payload = await self._outbox.payload(lane, seq, again=seq <= progress.highest or not self._outbox.link_up)
            if progress.sent + 1 != seq:
                continue  # rewound meanwhile
            progress.sent, progress.highest = seq, max(seq, progress.highest)
            if payload is not None:
                await free.acquire()
                group.create_task(publish(topics.up(self._site, self._gateway, lane), payload))

    def _next_lane(self) -> Lane | None:
        """Events first, then live, history behind."""
        for lane, progress in self._progress.items():
            state = self._outbox.lanes[lane]
            progress.sent = max(progress.sent, state.watermark)
            if progress.sent < state.last and progress.sent - state.watermark < WINDOW[lane]:
                return lane
        return None

    async def _watch(self) -> None:
        """Notice a watermark that stands still: the hub is away although the broker is there."""
        while True:
            await asyncio.sleep(STILL_S / 3)
            now_s, still = time.monotonic(), False
            for lane, progress in self._progress.items():
                state = self._outbox.lanes[lane]
                if state.watermark > progress.watermark or progress.sent <= state.watermark:
                    progress.watermark, progress.moved_s = state.watermark, now_s
                elif now_s - progress.moved_s > STILL_S:
                    still = True
                    progress.sent, progress.moved_s = state.watermark, now_s
            if still:
                self._outbox.link_up = False
                self._outbox.ready.set()

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            channel = message.topic.value.rsplit("/", 1)[-1]
            payload = message.payload
            if not isinstance(payload, bytes | bytearray):
                continue
            try:
                match channel:
                    case "ack":
                        self._acknowledged(decode(payload, Ack))
                    case "desired":
                        await self._on_desired(decode(payload, Desired))
                    case "cmd":
                        await self._on_command(decode(payload, Command))
            except ContractError as error:
                _log.warning("message_refused", topic=message.topic.value, why=str(error))

    def _acknowledged(self, ack: Ack) -> None:
        if ack.need_birth:
            self.announce()
        if ack.epoch != self._outbox.epoch or ack.lane not in Lane._value2member_map_:
            return
        lane = Lane(ack.lane)
        self._outbox.acknowledge(lane, ack.seq)
        self._outbox.link_up = True
        self.lost = max(self.lost, ack.lost)
        progress = self._progress[lane]
        if ack.resend:
            progress.sent = self._outbox.lanes[lane].watermark
            progress.moved_s = time.monotonic()
        self._outbox.ready.set()

    def _rewind(self) -> None:
        now_s = time.monotonic()
        self._progress = {
            lane: _Progress(state.watermark, state.last, state.watermark, now_s)
            for lane, state in self._outbox.lanes.items()}
        self._outbox.ready.set()


def refused(error: aiomqtt.MqttError) -> bool:
    """Tell whether the broker answered that it does not take these credentials."""
    code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else 0
    return getattr(code, "value", code) in NOT_AUTHORISED
