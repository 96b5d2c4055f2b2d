"""MQTT batches to the one commit, rules and DuckDB, through a real broker.

A generator publishes readings of 20,000 points that vary; the hub's own core takes them. `raw_append_per_s`: the same
columns appended to DuckDB alone, in the same run. lost and duplicated are counted from what DuckDB holds.
"""

import argparse
import asyncio
import resource
import shutil
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np
import uvloop

from bench.peers import broker, child, receive, say
from contract import readings, topics
from contract.clock import Clock
from contract.messages import Ack, Birth, DeviceBirth, PointBirth, Text, decode, encode
from contract.readings import Columns
from contract.topics import Lane
from edge_agent.uplink import BrokerAddress
from hub.historians.base import JournalBatch
from hub.historians.duckdb import DuckHistorian
from hub.link import Broker
from hub.registry import Gateway
from hub.service import Hub
from hub.settings import Configuration
from rules.model import Rule, parse_rule

CONFIG: Final = Path(__file__).parent.parent / "config"
SITE, GATEWAY, EPOCH = "school", "gw-bench", "0123456789abcdef"
WINDOW: Final = 100
"""Batches under way without an ack."""
PREPARED: Final = 100
"""Different batches the generator goes round with; times and numbers are made for each."""
_RULE: Final = """
id: energy/bench-{number}
title: {{en: Bench, zh: 基准}}
priority: 4
scope: {{name: v{number}}}
when: {{above: 1000000, hysteresis: 5}}
message: {{en: "{{value}}", zh: "{{value}}"}}
"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--batch", type=int, default=5_000, help="readings a message")
    parser.add_argument("--rules", type=int, default=100)


def measure(options: argparse.Namespace) -> dict[str, object]:
    folder = Path(tempfile.mkdtemp(prefix="bench-ingest-"))
    try:
        say("DuckDB alone")
        raw = _raw_append(folder / "raw.duckdb", options)
        with broker(folder / "broker") as running:
            say(f"generator -> {running.name} -> hub")
            with (child(_hub, str(folder / "hub"), running.address, options.points, options.rules) as hub,
                  child(_generate, running.address, options.points, options.batch, options.seconds) as generator):
                receive(hub, 60)
                generator.send("go")
                sent = receive(generator, options.seconds + 60)
                hub.send("count")
                stored = receive(hub, 60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rate = stored["readings"] / sent["elapsed_s"]
    return {
        "readings_per_s": round(rate), "raw_append_per_s": round(raw), "ratio": round(rate / raw, 3),
        "cpu_s_per_million": round(stored["cpu_s"] / stored["readings"] * 1e6, 3),
        "lost": sent["readings"] - stored["held"], "duplicated": max(0, stored["held"] - sent["readings"]),
        "commit_to_ack_p99_ms": sent["ack_p99_ms"], "duckdb_behind_s": round(stored["drain_s"], 2),
        "rss_mb": round(stored["rss_mb"], 1), "rules": options.rules,
        "points": options.points, "batch": options.batch, "broker": running.name,
    }


def _columns(points: int, size: int, number: int, now_ms: int) -> Columns:
    rng = np.random.default_rng(number)
    first = number * size % points
    ids = ((first + np.arange(size)) % points).astype(np.uint32) + 1
    return Columns(ids, np.full(size, now_ms, np.int64), np.round(rng.normal(20, 5, size), 2), np.zeros(size, np.uint8))


def _raw_append(path: Path, options: argparse.Namespace) -> float:
    historian = DuckHistorian(path)
    parts = [_columns(options.points, options.batch, number, 1_700_000_000_000) for number in range(PREPARED)]
    joined = [np.concatenate([getattr(part, name) for part in parts])
              for name in ("points", "times_ms", "values", "quality")]
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < 3:
        count += 1
        historian.append(JournalBatch(count, count, *joined))
    elapsed = time.perf_counter() - began
    historian.close()
    return count * len(joined[0]) / elapsed


# The generator's process.

def _generate(pipe: Connection, address: BrokerAddress, points: int, size: int, seconds: float) -> None:
    uvloop.run(_send(pipe, address, points, size, seconds))


async def _send(pipe: Connection, address: BrokerAddress, points: int, size: int, seconds: float) -> None:
    prepared = [_columns(points, size, number, 0) for number in range(PREPARED)]
    acknowledged, news, waits = 0, asyncio.Event(), dict[int, float]()
    delays: list[float] = []
    async with address.client("bench-generator") as client:
        await client.subscribe(topics.ack(SITE, GATEWAY), qos=1)

        async def listen() -> None:
            nonlocal acknowledged
            async for message in client.messages:
                ack = decode(message.payload if isinstance(message.payload, bytes) else b"", Ack)
                if ack.lane == Lane.LIVE and ack.seq > acknowledged:
                    now = time.perf_counter()
                    delays.extend(now - waits.pop(seq) for seq in range(acknowledged + 1, ack.seq + 1) if seq in waits)
                    acknowledged = ack.seq
                    news.set()

        listening = asyncio.create_task(listen())
        await asyncio.to_thread(pipe.recv)
        devices = [DeviceBirth(id="bench", family="modbus", name=Text("Bench", "基准"), points=[
            PointBirth(n=number + 1, name=f"v{number}") for number in range(points)])]
        birth = Birth(gateway=GATEWAY, name=Text("Bench", "基准"), epoch=EPOCH, boot="b", at_ms=_now_ms(),
                      devices=devices)
        await client.publish(topics.state(SITE, GATEWAY), encode(birth), qos=1)
        await asyncio.sleep(1.5)
        topic, seq, began = topics.up(SITE, GATEWAY, Lane.LIVE), 0, time.perf_counter()
        while time.perf_counter() - began < seconds or acknowledged < seq:
            if seq - acknowledged >= WINDOW or time.perf_counter() - began >= seconds:
                news.clear()
                await asyncio.wait_for(news.wait(), 30)
                continue
            seq += 1
            now_ms, columns = _now_ms(), prepared[seq % PREPARED]
            columns.times_ms[:] = now_ms
            batch = readings.pack(columns, epoch=EPOCH, seq=seq, floor=acknowledged + 1, sent_ms=now_ms)
            waits[seq] = time.perf_counter()
            await client.publish(topic, readings.encode(batch), qos=1)
        elapsed = time.perf_counter() - began
        listening.cancel()
    pipe.send({"readings": seq * size, "elapsed_s": elapsed,
               "ack_p99_ms": round(float(np.percentile(delays, 99)) * 1000, 1)})


def _now_ms() -> int:
    return int(time.time() * 1000)


# The hub's process.

def _hub(pipe: Connection, folder: str, address: BrokerAddress, points: int, rules: int) -> None:
    uvloop.run(_run_hub(pipe, Path(folder), address, points, rules))


async def _run_hub(pipe: Connection, folder: Path, address: BrokerAddress, points: int, rules: int) -> None:
    configuration = Configuration(CONFIG / "hub.yaml")
    configuration.rules |= _rules(points, rules)
    hub = Hub(configuration, folder, Clock(time.time), folder, gateway_credentials=("", ""))
    hub.load(lambda _connection: {})
    hub.registry.gateways[GATEWAY] = Gateway(GATEWAY, Text("Bench", "基准"), "approved")
    running = asyncio.create_task(hub.run(Broker(
        host=address.host, port=address.port, username=address.username, password=address.password)))
    while not hub.link.connected:
        await asyncio.sleep(0.02)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pipe.send("ready")
    await asyncio.to_thread(pipe.recv)
    spent = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    while hub.feeders[0].position < hub.commit.journal_newest:
        await asyncio.sleep(0.05)
    result: dict[str, Any] = {
        "readings": hub.ingest.readings, "rss_mb": spent.ru_maxrss / 1024, "held": hub.historian.count(),
        "drain_s": time.perf_counter() - began,
        "cpu_s": spent.ru_utime + spent.ru_stime - usage.ru_utime - usage.ru_stime}
    pipe.send(result)
    await asyncio.to_thread(pipe.recv)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _rules(points: int, rules: int) -> dict[str, tuple[Rule, str]]:
    """Plain rules spread over the points; none of them fires."""
    texts = [_RULE.format(number=number * max(1, points // rules)) for number in range(rules)]
    parsed = [(parse_rule(text, "bench"), text) for text in texts]
    return {rule.id: (rule, text) for rule, text in parsed}
