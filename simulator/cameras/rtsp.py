"""A small RTSP server (RFC 2326) for one camera: Digest log-in, MJPEG over TCP (interleaved) or UDP, loopback only."""

import asyncio
import contextlib
import hashlib
import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from simulator.cameras import rtp_jpeg

_REALM: Final = "Campus camera"
_MAX_BUFFERED: Final = 1_000_000
"""A client this many bytes behind misses pictures instead of filling our memory."""
_PARAMETER: Final = re.compile(r'(\w+)="([^"]*)"')
_PATH: Final = "/stream"


@dataclass(slots=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]


@dataclass(slots=True, eq=False)
class _Session:
    """One connected client."""

    writer: asyncio.StreamWriter
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    nonce: str = field(default_factory=lambda: secrets.token_hex(16))
    source: int = field(default_factory=lambda: secrets.randbits(32))
    sequence: int = 0
    channel: int = 0
    udp_to: tuple[str, int] | None = None
    playing: bool = False


class RtspServer:
    """Serves `rtsp://127.0.0.1:port/stream` to whoever knows the password."""

    def __init__(self, user: str, password: str, unplugged: Callable[[], bool]) -> None:
        self._user, self._password, self._unplugged = user, password, unplugged
        self._sessions: set[_Session] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._udp: list[asyncio.DatagramTransport] = []
        self.url = ""

    async def start(self) -> None:
        """Listen on a free port of the loopback."""
        loop = asyncio.get_running_loop()
        for _ in range(2):  # RTP and RTCP
            transport, _protocol = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
            self._udp.append(transport)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"rtsp://127.0.0.1:{port}{_PATH}"

    async def stop(self) -> None:
        """Hang up on everybody."""
        if self._server:
            self._server.close()
        for handler in self._handlers:
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)
        for transport in self._udp:
            transport.close()

    @property
    def watched(self) -> bool:
        """Is anybody looking."""
        return any(session.playing for session in self._sessions)

    def send(self, jpeg: bytes, at_s: float) -> None:
        """Send one picture to all who play; `at_s` is its time on any steady clock."""
        picture = rtp_jpeg.parse(jpeg)
        for session in self._sessions:
            if not session.playing or session.writer.transport.get_write_buffer_size() > _MAX_BUFFERED:
                continue
            cut = rtp_jpeg.packets(picture, session.sequence, int(at_s * rtp_jpeg.CLOCK_HZ), session.source)
            session.sequence += len(cut)
            if session.udp_to:
                for packet in cut:
                    self._udp[0].sendto(packet, session.udp_to)
            else:
                head = b"$" + bytes([session.channel])
                session.writer.write(b"".join(head + len(packet).to_bytes(2, "big") + packet for packet in cut))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._handlers.add(task)
        session = _Session(writer)
        self._sessions.add(session)
        try:
            await self._converse(reader, session)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # it went away, or speaks something else
        except asyncio.CancelledError:
            pass  # the server stops; the streams module would report a cancelled handler as a failure
        finally:
            self._sessions.discard(session)
            self._handlers.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, session: _Session) -> None:
        while request := await _read_request(reader):
            if self._unplugged():
                continue  # as if the request never arrived
            status, headers, body = self._answer(request, session)
            lines = [f"RTSP/1.0 {status}", f"CSeq: {request.headers.get('cseq', '0')}", *headers]
            if body:
                lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
            session.writer.write("\r\n".join([*lines, "", body]).encode())
            await session.writer.drain()
            if request.method == "PLAY" and status.startswith("200"):
                session.playing = True
            elif request.method == "TEARDOWN":
                return

    def _answer(self, request: _Request, session: _Session) -> tuple[str, list[str], str]:
        """Return (status, headers, SDP)."""
        match request.method:
            case "OPTIONS":
                return "200 OK", ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"], ""
            case _ if not self._authorised(request, session):
                return "401 Unauthorized", [f'WWW-Authenticate: Digest realm="{_REALM}", nonce="{session.nonce}"'], ""
            case "DESCRIBE" if _PATH in request.url:
                return "200 OK", [f"Content-Base: {self.url}/"], _sdp()
            case "SETUP":
                return self._set_up(request, session)
            case "PLAY" | "GET_PARAMETER" | "TEARDOWN":
                return "200 OK", [f"Session: {session.id}"], ""
        return "404 Not Found" if request.method == "DESCRIBE" else "405 Method Not Allowed", [], ""

    def _set_up(self, request: _Request, session: _Session) -> tuple[str, list[str], str]:
        wish = request.headers.get("transport", "")
        if found := re.search(r"interleaved=(\d+)-(\d+)", wish):
            session.channel = int(found[1])
            transport = f"RTP/AVP/TCP;unicast;interleaved={found[1]}-{found[2]}"
        elif (found := re.search(r"client_port=(\d+)-(\d+)", wish)) and "TCP" not in wish:
            session.udp_to = (session.writer.get_extra_info("peername")[0], int(found[1]))
            own = "-".join(str(udp.get_extra_info("sockname")[1]) for udp in self._udp)
            transport = f"RTP/AVP;unicast;client_port={found[1]}-{found[2]};server_port={own}"
        else:
            return "461 Unsupported Transport", [], ""
        return "200 OK", [f"Transport: {transport};ssrc={session.source:08X}", f"Session: {session.id};timeout=60"], ""

    def _authorised(self, request: _Request, session: _Session) -> bool:
        given = dict(_PARAMETER.findall(request.headers.get("authorization", "")))
        secret = _md5(f"{self._user}:{_REALM}:{self._password}")
        wanted = _md5(f"{secret}:{session.nonce}:{_md5(request.method + ':' + given.get('uri', ''))}")
        return given.get("username") == self._user and hmac.compare_digest(given.get("response", ""), wanted)


async def _read_request(reader: asyncio.StreamReader) -> _Request | None:
    """Return the next request, passing over the client's RTCP; None at the end."""
    while (first := await reader.read(1)) == b"$":
        head = await reader.readexactly(3)
        await reader.readexactly(int.from_bytes(head[1:], "big"))
    if not first:
        return None
    text = (first + await reader.readuntil(b"\r\n\r\n")).decode()
    line, *rest = text.strip().split("\r\n")
    method, url, _version = line.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (row.partition(":") for row in rest)}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return _Request(method, url, headers)


def _sdp() -> str:
    return "\r\n".join([
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=Campus camera", "c=IN IP4 0.0.0.0", "t=0 0", "a=control:*",
        f"m=video 0 RTP/AVP {rtp_jpeg.PAYLOAD_TYPE}", "a=rtpmap:26 JPEG/90000", "a=control:track1", ""])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
