"""The hub's connection to the broker: messages in to ingest, acks, commands and desired states out."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import aiomqtt
import structlog

from contract import topics

RECONNECT_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
KEEPALIVE_S: Final = 10
OUT: Final = 10_000
"""Messages kept for the broker while it is away; acks are made anew after a reconnect, commands are stored."""
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the broker is; the password never appears in its repr."""

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)


class Link:
    """One connection for one site."""

    def __init__(self, site: str, on_message: Callable[[str, bytes], None], on_connect: Callable[[], None]) -> None:
        self.connected = False
        self.connections = 0
        """How often the broker was reached."""
        self._site = site
        self._on_message = on_message
        self._on_connect = on_connect
        self._out: deque[tuple[str, bytes, bool]] = deque(maxlen=OUT)
        self._news = asyncio.Event()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Queue a message; it goes out in order as soon as the broker is there."""
        self._out.append((topic, payload, retain))
        self._news.set()

    async def run(self, broker: Broker) -> None:
        """Stay connected until cancelled; log once when the broker is lost and once when it is back."""
        attempt, lost = 0, False
        while True:
            try:
                async with aiomqtt.Client(
                    broker.host, broker.port, username=broker.username or None, password=broker.password or None,
                    identifier=f"hub-{self._site}", keepalive=KEEPALIVE_S, timeout=10, max_inflight_messages=500,
                ) as client:
                    if lost:
                        _log.info("broker_back")
                    attempt, lost = 0, False
                    await self._talk(client)
            except aiomqtt.MqttError as error:
                if not lost:
                    _log.warning("broker_lost", why=str(error))
                lost = True
            finally:
                self.connected = False
            await asyncio.sleep(RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)])
            attempt += 1

    async def _talk(self, client: aiomqtt.Client) -> None:
        await client.subscribe([(topic, 1) for topic in topics.hub_filters(self._site)])
        self.connected = True
        self.connections += 1
        self._on_connect()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(client), name="link.send")
                group.create_task(self._receive(client), name="link.receive")
        except* aiomqtt.MqttError as errors:
            raise aiomqtt.MqttError(str(errors.exceptions[0])) from errors

    async def _receive(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            payload = message.payload
            if isinstance(payload, bytes | bytearray):
                self._on_message(message.topic.value, bytes(payload))

    async def _send(self, client: aiomqtt.Client) -> None:
        while True:
            while self._out:
                topic, payload, retain = self._out[0]
                await client.publish(topic, payload, qos=1, retain=retain)
                if self._out and self._out[0][0] == topic and self._out[0][1] is payload:
                    self._out.popleft()
            self._news.clear()
            await self._news.wait()
