"""Peers for the Modbus driver: a scripted one, libmodbus, and two serial ports joined by a cable."""

import asyncio
import contextlib
import os
import shutil
import subprocess
import tty
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from drivers.modbus import ModbusFactory

SOURCE = Path(__file__).with_name("libmodbus_server.c")
Answer = Callable[[int, bytes], "bytes | None"]


def frame(tid: int, unit: int, pdu: bytes) -> bytes:
    return tid.to_bytes(2) + b"\0\0" + (len(pdu) + 1).to_bytes(2) + bytes((unit,)) + pdu


def registers(unit: int, pdu: bytes) -> bytes:
    """Answer a read of registers: register i of unit u holds 1000 u + i; echo a write."""
    if pdu[0] in (5, 6, 16):
        return pdu[:5]
    address, count = int.from_bytes(pdu[1:3]), int.from_bytes(pdu[3:5])
    if pdu[0] in (1, 2):
        return bytes((pdu[0], (count + 7) // 8)) + bytes((count + 7) // 8)
    return bytes((pdu[0], 2 * count)) + b"".join((1000 * unit + address + i).to_bytes(2) for i in range(count))


class Peer:
    """A Modbus TCP server that answers as the test says. `answer` returns a PDU, or None for silence."""

    def __init__(self) -> None:
        self.answer: Answer = registers
        self.send: Callable[[asyncio.StreamWriter, int, int, bytes], Awaitable[None]] | None = None
        self.seen: list[tuple[int, bytes]] = []
        self.connections = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._closed = asyncio.Event()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        self.hang_up()
        for _ in range(100):
            if not self._writers:
                break
            await asyncio.sleep(0.01)
        self._server = None

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readexactly(7)
                pdu = await reader.readexactly(int.from_bytes(head[4:6]) - 1)
                self.seen.append((head[6], pdu))
                await self._reply(writer, int.from_bytes(head[:2]), head[6], pdu)
        self._writers.discard(writer)
        writer.close()

    async def _reply(self, writer: asyncio.StreamWriter, tid: int, unit: int, pdu: bytes) -> None:
        if self.send:
            await self.send(writer, tid, unit, pdu)
            return
        answer = self.answer(unit, pdu)
        if answer is not None:
            writer.write(frame(tid, unit, answer))


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.start()
    yield peer
    await peer.stop()


@pytest.fixture
async def factory() -> AsyncIterator[ModbusFactory]:
    factory = ModbusFactory()
    yield factory
    await factory.close()
    await asyncio.sleep(0)


@pytest.fixture(scope="session")
def libmodbus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled libmodbus server; skips without compiler or library, unless everything is required."""
    program = tmp_path_factory.mktemp("libmodbus") / "server"
    gcc = shutil.which("gcc")
    done = gcc and subprocess.run([gcc, "-I/usr/include/modbus", "-o", program, SOURCE, "-lmodbus"],
                                  check=False, capture_output=True, text=True)
    if not done or done.returncode:
        reason = f"needs gcc and libmodbus-dev: {done.stderr[:200] if done else 'no gcc'}"
        if os.environ.get("CAMPUSHUB_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


@contextlib.contextmanager
def running(program: Path, *arguments: str) -> Iterator[str]:
    """Run a server; yields the first line it prints."""
    process = subprocess.Popen([program, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()
        assert process.stdout
        process.stdout.close()


def with_crc(data: bytes) -> bytes:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return data + crc.to_bytes(2, "little")


class Cable:
    """Two ptys joined: `ours` and `theirs` are the paths of the ports at its ends.

    With `answer` set, slaves on the cable itself answer what our end sends (libmodbus, one of several slaves, takes the
    request after one for a silent slave for that slave's answer, and ignores it).
    """

    def __init__(self) -> None:
        self._ends = [os.openpty() for _ in range(2)]
        for master, slave in self._ends:
            tty.setraw(slave)
            os.set_blocking(master, False)
        self.ours, self.theirs = (os.ttyname(slave) for _, slave in self._ends)
        self.garble: Callable[[bytes], bytes] = lambda data: data
        self.answer: Answer | None = None
        loop = asyncio.get_running_loop()
        (here, _), (there, _) = self._ends
        loop.add_reader(here, self._go_out, here, there)
        loop.add_reader(there, self._come_in, there, here)

    def _go_out(self, here: int, there: int) -> None:
        data = os.read(here, 4096)
        if self.answer:
            reply = self.answer(data[0], data[1:-2])
            os.write(here, with_crc(data[:1] + reply) if reply else b"")
        else:
            os.write(there, data)

    def _come_in(self, there: int, here: int) -> None:
        os.write(here, self.garble(os.read(there, 4096)))

    def arrive(self, data: bytes) -> None:
        """Let bytes come in at our end."""
        os.write(self._ends[0][0], data)

    def unplug(self) -> None:
        """Take the near end away."""
        asyncio.get_running_loop().remove_reader(self._ends[0][0])
        for fd in self._ends[0]:
            os.close(fd)
        self._ends[0] = (-1, -1)

    def close(self) -> None:
        for master, slave in self._ends:
            if master >= 0:
                asyncio.get_running_loop().remove_reader(master)
                os.close(master)
                os.close(slave)


@pytest.fixture
async def cable() -> AsyncIterator[Cable]:
    cable = Cable()
    yield cable
    cable.close()
