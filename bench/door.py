"""From the credential's last byte on the wire to the strike command on the wire, decided at the edge without a hub.

The gateway is a process as in life, with a policy of 10,000 people and no broker to reach. A card is held to an EM4100
reader (and to an OSDP reader) on a pseudo-terminal, which carries bytes at once; the strike is a coil over Modbus TCP.
`wire_ms`, measured in the same run: a bare loop that reads the frame's bytes and writes the coil's request at once.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import secrets
import socket
import tempfile
import time
import tty
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from bench import fields
from bench.figures import percentile
from bench.peers import free_port, say
from bench.servers import HOST, python, running
from contract.configuration import parse
from contract.messages import SignedPolicy, Welcome, encode
from contract.sealing import credential_hash, public_of, sign
from edge_agent.files import make_folder, write_private
from edge_agent.identity import WELCOME_FILE
from edge_agent.policy import POLICY_FILE
from rules.access import policy
from rules.calendar import Calendar, CalendarSettings, Window

_DAY_MS: Final = 86_400_000
_GROUPS: Final = 40
_FIRST_CARD: Final = 0x0100_0000
_STRIKE_ON: Final = bytes.fromhex("000100000006c8050000ff00")
_FRAME_BYTES: Final = 14
_GAP_S: Final = (0.12, 0.18)
"""Between two cards: the strike of the last one is off again by then."""
_STRIKE_TIME: Final = "40ms"
_UP_S: Final = 15.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--cards", type=int, default=80, help="at each of the readers, and by the bare loop")
    parser.add_argument("--people", type=int, default=10_000)


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Run it once; return the figures."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory(prefix="bench-door-") as name:
        folder = Path(name)
        devices = context.Process(target=fields.run, args=(theirs, fields.Field(folder=folder, osdp=True)))
        devices.start()
        try:
            return _run(folder, ours, options)
        finally:
            ours.send("stop")
            devices.join(5)


def _run(folder: Path, devices: Connection, options: argparse.Namespace) -> dict[str, object]:
    ends: dict[str, str] = devices.recv()
    wire = _bare_wire(devices, ends, options.cards)
    size, people = _admit(folder / "gw", options.people), range(options.people)
    config = fields.gateway(free_port(), {"enrol": ""}, "", ends, units=1, every="1s", strike_time=_STRIKE_TIME)
    (folder / "gw.yaml").write_text(json.dumps(config), encoding="utf-8")  # JSON is YAML
    edge = python("edge", ["edge_agent", "--config", str(folder / "gw.yaml"), "--data", str(folder / "gw")], folder)
    with running([edge]):
        edge.start()
        _until_it_opens(devices)
        say("EM4100 reader")
        em4100 = _hold(devices, "swipe", options.cards, people)
        say("OSDP reader")
        osdp = _hold(devices, "card", options.cards, people)
    wire_ms = percentile(wire, 0.5)
    return {
        "p50_ms": round(percentile(em4100, 0.5), 2), "p99_ms": round(percentile(em4100, 0.99), 2),
        "wire_ms": round(wire_ms, 2), "wire_p99_ms": round(percentile(wire, 0.99), 2),
        "p99_above_wire_ms": round(percentile(em4100, 0.99) - wire_ms, 2),
        "osdp_p50_ms": round(percentile(osdp, 0.5), 2), "osdp_p99_ms": round(percentile(osdp, 0.99), 2),
        "people": options.people, "cards": len(em4100) + len(osdp), "policy_bytes": size}


def _hold(devices: Connection, how: str, count: int, people: range) -> list[float]:
    """Hold cards of people who may pass; return ms from each card to its strike. All must open."""
    rng, sent = random.Random(1), list[float]()  # noqa: S311
    devices.send("times")
    devices.recv()
    for _ in range(count):
        devices.send((how, _FIRST_CARD + rng.choice(people)))
        if how == "swipe":
            sent.append(devices.recv()[0])
        time.sleep(rng.uniform(*_GAP_S))
    devices.send("times")
    taken, strikes = devices.recv()
    return [(opened_s - began_s) * 1000 for began_s, opened_s in zip(sent or taken, strikes, strict=True)]


def _until_it_opens(devices: Connection) -> None:
    """Wait until the gateway opens for a card at both readers."""
    for how in ("swipe", "card"):
        deadline = time.monotonic() + _UP_S
        while not _opens(devices, how):
            if time.monotonic() > deadline:
                raise TimeoutError(f"the gateway opens no door for a {how}")


def _opens(devices: Connection, how: str) -> bool:
    devices.send((how, _FIRST_CARD))
    if how == "swipe":
        devices.recv()
    time.sleep(1.0)  # the reader takes a card that is held on for one presentation
    devices.send("times")
    return bool(devices.recv()[1])


def _bare_wire(devices: Connection, ends: dict[str, str], count: int) -> list[float]:
    """Measure what frame and request take with nothing in between; return ms each."""
    context = multiprocessing.get_context("spawn")
    say("bare loop: frame in, request out")
    ready = context.Event()
    loop = context.Process(target=_bare_loop, args=(ends, count, ready), daemon=True)
    loop.start()
    ready.wait(_UP_S)
    try:
        return _hold(devices, "swipe", count, range(1))
    finally:
        loop.join(2)
        loop.terminate()


def _bare_loop(ends: dict[str, str], count: int, ready: "multiprocessing.synchronize.Event") -> None:
    """Answer each frame with the request that opens."""
    port = os.open(ends["serial"], os.O_RDWR | os.O_NOCTTY)
    tty.setraw(port)
    host, _, number = ends["modbus"].rpartition(":")
    with socket.create_connection((host or HOST, int(number))) as strike:
        strike.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready.set()
        for _ in range(count):
            got = 0
            while got < _FRAME_BYTES:
                got += len(os.read(port, _FRAME_BYTES - got))
            strike.sendall(_STRIKE_ON)
            strike.recv(64)
    os.close(port)


def _admit(folder: Path, count: int) -> int:
    """Give a gateway what a hub would have given it: a welcome and a signed policy; return the policy's bytes."""
    make_folder(folder)
    card_key, policy_key = secrets.token_bytes(32), secrets.token_bytes(32)
    write_private(folder / WELCOME_FILE, encode(Welcome(
        username="gw-bench", password="x", card_key=card_key, policy_key=public_of(policy_key))))  # noqa: S106
    body = policy.encode(_policy(card_key, count))
    write_private(folder / POLICY_FILE, encode(SignedPolicy(version=1, body=body, signature=sign(body, policy_key))))
    return len(body)


def _policy(card_key: bytes, count: int) -> policy.Policy:
    """Everybody has a card and two of 40 groups; each group may pass the door."""
    calendar = Calendar(parse('school_hours: {from: "07:00", to: "18:30"}\nwork_hours: {from: "08:00", to: "17:30"}\n'
                              "terms: [{name: {en: t, zh: t}, from: 2026-09-01, to: 2027-01-22}]\n",
                              "bench", CalendarSettings))
    now_ms = int(time.time() * 1000)
    people = [policy.PersonRow(
        id=f"p{number}", name=f"Person {hashlib.sha256(bytes(str(number), 'ascii')).hexdigest()[:12]}", unit="A1",
        groups=(f"g{number % _GROUPS}", f"g{(number * 7 + 1) % _GROUPS}")) for number in range(count)]
    credentials = [policy.CredentialRow(
        hash=credential_hash(card_key, f"card:{_FIRST_CARD + number:X}"), person=f"p{number}")
        for number in range(count)]
    grants = [policy.GrantRow(group=f"g{number}", doors=("door-bench",), schedule="hours") for number in range(_GROUPS)]
    hours = (Window.model_validate({"days": "any", "from": "00:00", "to": "24:00"}),)
    site = policy.Site(people=people, credentials=credentials, grants=grants, schedules={"hours": hours})
    return policy.compile_policy(site, [policy.DoorRow(id="door-bench")], calendar, version=1, issued_ms=now_ms,
                                 valid_until_ms=now_ms + 7 * _DAY_MS, name="school", gateway="gw-bench")
