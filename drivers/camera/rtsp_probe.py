"""Ask an RTSP server what is wrong: FFmpeg says only that it failed.

`greet` before FFmpeg tries, so that it never waits for a dead peer; `explain` after it failed. Not before: a server
that has just described a stream and was left alone may refuse the next who asks (GStreamer's does, one time in three).
Blocking (the reader's thread calls it), with a deadline. RFC 2326, Digest and Basic log-in.
"""

import base64
import hashlib
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from drivers.base import DeviceGarbage, DeviceRefused, DeviceSilent, DeviceUnreachable

_PORT: Final = 554
_MAX_REPLY_BYTES: Final = 65_536
_STATUS: Final = re.compile(r"RTSP/\d\.\d (\d{3})")
_CHALLENGE: Final = re.compile(r"^WWW-Authenticate:\s*(Digest|Basic)\b(.*)$", re.IGNORECASE | re.MULTILINE)
_LENGTH: Final = re.compile(rb"^Content-Length:\s*(\d{1,6})", re.IGNORECASE | re.MULTILINE)
_PARAMETER: Final = re.compile(r'(\w+)="?([^",]*)"?')


def greet(url: str, timeout_s: float) -> None:
    """Return when something that speaks RTSP answers; raise `DeviceUnreachable`, `DeviceSilent` or `DeviceGarbage`."""
    with _connected(url, timeout_s) as line:
        status, _ = _ask(line, "OPTIONS", url, 1, "")
    if status == 0:
        raise DeviceGarbage(f"what answers at {_where(url)} does not speak RTSP")


def explain(url: str, username: str, password: str, timeout_s: float) -> None:
    """Ask for the stream's description and raise the `DeviceError` that says why there is none; return if there is."""
    with _connected(url, timeout_s) as line:
        status, reply = _ask(line, "DESCRIBE", url, 1, "")
        found = _CHALLENGE.search(reply)
        if status == 401 and found and username:
            login = _login(found[1], dict(_PARAMETER.findall(found[2])), url, username, password)
            status, _ = _ask(line, "DESCRIBE", url, 2, f"Authorization: {login}\r\n")
    _judge(status, _where(url), urlsplit(url).path, username)


@contextmanager
def _connected(url: str, timeout_s: float) -> Iterator[socket.socket]:
    where = urlsplit(url)
    try:
        with socket.create_connection((where.hostname or "", where.port or _PORT), timeout_s) as line:
            line.settimeout(timeout_s)
            yield line
    except TimeoutError as error:
        raise DeviceSilent(f"RTSP at {_where(url)} does not answer within {timeout_s:g} s") from error
    except OSError as error:
        raise DeviceUnreachable(f"nothing answers RTSP at {_where(url)}: {error.strerror or error}") from error


def _where(url: str) -> str:
    where = urlsplit(url)
    return f"{where.hostname}:{where.port or _PORT}"


def _judge(status: int, where: str, path: str, username: str) -> None:
    match status:
        case 200:
            return
        case 401 | 403:
            who = f"user name {username} or its password" if username else "a stream without a log-in"
            raise DeviceRefused(f"the camera at {where} refuses {who}: set username and password")
        case 404 | 454 | 451:
            raise DeviceRefused(f"the camera at {where} has no stream {path}: check the path of rtsp")
        case 0:
            raise DeviceGarbage(f"what answers at {where} does not speak RTSP")
        case _:
            raise DeviceSilent(f"the camera at {where} answers DESCRIBE with {status}")


def _ask(line: socket.socket, method: str, url: str, number: int, more: str) -> tuple[int, str]:
    """Return (status, reply); status 0 when the answer is not RTSP."""
    request = f"{method} {url} RTSP/1.0\r\nCSeq: {number}\r\nAccept: application/sdp\r\n{more}\r\n"
    line.sendall(request.encode())
    reply = b""
    while not _complete(reply):
        part = line.recv(4096)
        reply += part
        if not part or len(reply) > _MAX_REPLY_BYTES or not reply.startswith(b"RTSP/"[:len(reply)]):
            break
    text = reply.decode("utf-8", "replace")
    found = _STATUS.match(text)
    return (int(found[1]) if found else 0), text


def _complete(reply: bytes) -> bool:
    head, end, body = reply.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def _login(scheme: str, challenge: dict[str, str], url: str, username: str, password: str) -> str:
    if scheme.lower() == "basic":
        return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
    secret = _md5(f"{username}:{realm}:{password}")
    request = _md5(f"DESCRIBE:{url}")
    response = _md5(f"{secret}:{nonce}:{request}")
    return f'Digest username="{username}", realm="{realm}", nonce="{nonce}", uri="{url}", response="{response}"'


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
