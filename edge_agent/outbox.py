"""The outbox: every batch is on the disk before it is sent, and stays until the hub has stored it.

Each lane (event, live, backfill) numbers its batches 1, 2, 3 ... within the epoch, a random id made with the file.
While the link is down, readings go to the backfill lane, so that live values come first when it returns.
"""

import asyncio
import secrets
import sqlite3
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from contract import readings
from contract.messages import Event, EventBatch, encode
from contract.readings import Columns, ReadingsBatch
from contract.topics import Lane

FLUSH_S: Final = 0.1
"""Readings wait so long for company; events do not wait."""
BATCH_READINGS: Final = 10_000
BATCH_EVENTS: Final = 200
BATCH_EVIDENCE_BYTES: Final = 1_000_000
FRESH_BATCHES: Final = 128
"""Batches of a lane kept in memory too, so that a link that keeps up never reads the disk."""
MEMORY_READINGS: Final = 2_000_000
"""Readings held while the disk refuses; beyond, the oldest are dropped and counted."""
RETRY_S: Final = 0.5
ROOM_BATCHES: Final = 48
"""Live batches under way beyond which devices that are polled flat out wait for the hub."""
_log = structlog.get_logger()
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, point TEXT NOT NULL,
    UNIQUE (device, point));
CREATE TABLE IF NOT EXISTS lanes (lane TEXT PRIMARY KEY, watermark INTEGER NOT NULL, last INTEGER NOT NULL,
    items INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS batches (id INTEGER PRIMARY KEY, lane TEXT NOT NULL, seq INTEGER NOT NULL,
    items INTEGER NOT NULL, body BLOB NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS batches_by_seq ON batches (lane, seq);
"""


@dataclass(slots=True)
class LaneState:
    """Where a lane stands. Everything up to `watermark` is at the hub, everything up to `last` on the disk."""

    watermark: int = 0
    last: int = 0
    items: int = 0
    """Readings or events ever put into this lane."""
    fresh: OrderedDict[int, tuple[int, bytes]] = field(default_factory=OrderedDict)


@dataclass(slots=True)
class _Taken:
    """What was taken since the last flush."""

    points: list[NDArray[np.uint32]] = field(default_factory=list)
    at_ms: list[int] = field(default_factory=list)
    values: list[NDArray[np.float64]] = field(default_factory=list)
    quality: list[NDArray[np.uint8]] = field(default_factory=list)
    count: int = 0
    events: list[Event] = field(default_factory=list)


class Outbox:
    """Owns the file and its writer thread. Everything but the thread runs on the event loop."""

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._now_ms = now_ms
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        for pragma in ("page_size=16384", "journal_mode=WAL", "synchronous=FULL"):
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.executescript(_SCHEMA)
        self._db.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (secrets.token_hex(8),))
        self.epoch: str = self._db.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchall()[0][0]
        self.lanes = {lane: self._load(lane) for lane in Lane}
        self.link_up = False
        """Set by the uplink: whether readings taken now can be at the hub at once."""
        self.problem = ""
        """Why nothing can be kept just now (a full disk); empty when all is well."""
        self.dropped = 0
        """Readings lost because the disk refused for too long."""
        self.ready = asyncio.Event()
        """Something new can be sent."""
        self._taken = _Taken()
        self._work = asyncio.Event()
        self._urgent = asyncio.Event()
        self._stopping = False
        self._flushing = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="outbox")

    def number(self, device: str, point: str) -> int:
        """Return the number that stands for a point in this epoch; given once, never reused. Called at start."""
        self._db.execute("INSERT OR IGNORE INTO numbers (device, point) VALUES (?, ?)", (device, point))
        rows = self._db.execute("SELECT n FROM numbers WHERE device = ? AND point = ?", (device, point)).fetchall()
        return int(rows[0][0])

    async def numbers(self, device: str, points: Sequence[str]) -> NDArray[np.uint32]:
        """Return the numbers of a device's points, all in one transaction; may be called at any time."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._number_all, device, points)

    def _number_all(self, device: str, points: Sequence[str]) -> NDArray[np.uint32]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            numbers = np.array([self.number(device, point) for point in points], np.uint32)
        finally:
            self._db.execute("COMMIT")
        return numbers

    def add_readings(
        self, points: NDArray[np.uint32], at_ms: int, values: NDArray[np.float64], quality: NDArray[np.uint8],
    ) -> None:
        """Take one device's readings of one moment; the arrays must not change afterwards."""
        taken = self._taken
        taken.points.append(points)
        taken.at_ms.append(at_ms)
        taken.values.append(values)
        taken.quality.append(quality)
        taken.count += len(points)
        self._work.set()

    def add_event(self, event: Event) -> None:
        """Take an event; it is on the disk and on its way within milliseconds."""
        self._taken.events.append(event)
        self._work.set()
        self._urgent.set()

    def acknowledge(self, lane: Lane, seq: int) -> None:
        """Forget what the hub has stored."""
        state = self.lanes[lane]
        if not state.watermark < seq <= state.last:
            return
        state.watermark = seq
        while state.fresh and next(iter(state.fresh)) <= seq:
            state.fresh.popitem(last=False)
        self._work.set()

    async def payload(self, lane: Lane, seq: int, *, again: bool) -> bytes | None:
        """Return the batch as it goes on the wire, None when it is no longer kept. again: stamp it anew."""
        state = self.lanes[lane]
        fresh = state.fresh.get(seq)
        body = fresh[1] if fresh else await asyncio.get_running_loop().run_in_executor(
            self._thread, self._read, lane, seq)
        if body is None or not again:
            return body
        return restamp(lane, body, floor=state.watermark + 1, sent_ms=self._now_ms())

    async def run(self) -> None:
        """Write what was taken, a few times a second, until stopped; a disk that refuses is tried again."""
        while not self._stopping:
            await self._work.wait()
            if not self._urgent.is_set() and not self._stopping:
                try:
                    await asyncio.wait_for(self._urgent.wait(), FLUSH_S)
                except TimeoutError:
                    pass
            self._work.clear()
            self._urgent.clear()
            await self.flush()
        await self.flush()
        self._thread.shutdown()
        self._db.close()

    def stop(self) -> None:
        self._stopping = True
        self._work.set()
        self._urgent.set()

    async def flush(self) -> None:
        """Put everything taken so far on the disk; one flush at a time, since each numbers its batches."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        taken, self._taken = self._taken, _Taken()
        rows = self._batches(taken)
        marks = [(state.watermark, state.last, state.items, lane) for lane, state in self.lanes.items()]
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._write, rows, marks)
            except sqlite3.Error as error:
                self._refused(str(error))
                if self._stopping:
                    return
                await asyncio.sleep(RETRY_S)
            else:
                break
        if self.problem:
            _log.info("outbox_back")
            self.problem = ""
        for lane, seq, items, body in rows:
            state = self.lanes[lane]
            state.last = seq
            state.fresh[seq] = (items, body)
            if len(state.fresh) > FRESH_BATCHES:
                state.fresh.popitem(last=False)
        if rows:
            self.ready.set()

    @property
    def has_room(self) -> bool:
        """Tell whether whoever polls flat out may go on: not while the hub is there and readings pile up."""
        live = self.lanes[Lane.LIVE]
        return not self.link_up or live.last - live.watermark < ROOM_BATCHES

    def _batches(self, taken: _Taken) -> list[tuple[Lane, int, int, bytes]]:
        rows: list[tuple[Lane, int, int, bytes]] = []
        if taken.count:
            lane = Lane.LIVE if self.link_up else Lane.BACKFILL
            for columns in _cut(taken):
                seq = self.lanes[lane].last + 1 + sum(row[0] is lane for row in rows)
                batch = readings.pack(columns, epoch=self.epoch, seq=seq, floor=self.lanes[lane].watermark + 1,
                                      sent_ms=self._now_ms())
                rows.append((lane, seq, len(columns), readings.encode(batch)))
                self.lanes[lane].items += len(columns)
        for seq, events in enumerate(_group(taken.events), self.lanes[Lane.EVENT].last + 1):
            state = self.lanes[Lane.EVENT]
            event_batch = EventBatch(epoch=self.epoch, seq=seq, floor=state.watermark + 1, sent_ms=self._now_ms(),
                                     events=events)
            rows.append((Lane.EVENT, seq, len(events), encode(event_batch)))
            state.items += len(events)
        return rows

    def _write(self, rows: list[tuple[Lane, int, int, bytes]], marks: list[tuple[int, int, int, Lane]]) -> None:
        last = {lane: last for _, last, _, lane in marks}
        last.update({lane: seq for lane, seq, _, _ in rows})
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            db.executemany("INSERT INTO batches (lane, seq, items, body) VALUES (?, ?, ?, ?)", rows)
            for watermark, _, items, lane in marks:
                db.execute("DELETE FROM batches WHERE lane = ? AND seq <= ?", (lane, watermark))
                db.execute("INSERT OR REPLACE INTO lanes VALUES (?, ?, ?, ?)", (lane, watermark, last[lane], items))
            db.execute("COMMIT")
        except sqlite3.Error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def _read(self, lane: Lane, seq: int) -> bytes | None:
        rows = self._db.execute("SELECT body FROM batches WHERE lane = ? AND seq = ?", (lane, seq)).fetchall()
        return rows[0][0] if rows else None

    def _load(self, lane: Lane) -> LaneState:
        rows = self._db.execute("SELECT watermark, last, items FROM lanes WHERE lane = ?", (lane,)).fetchall()
        return LaneState(*rows[0]) if rows else LaneState()

    def _refused(self, reason: str) -> None:
        if reason != self.problem:
            _log.error("outbox_refused", reason=reason)
            self.problem = reason
        taken = self._taken
        while taken.count > MEMORY_READINGS:
            oldest = len(taken.points.pop(0))
            del taken.at_ms[0], taken.values[0], taken.quality[0]
            taken.count -= oldest
            self.dropped += oldest


def restamp(lane: Lane, body: bytes, *, floor: int, sent_ms: int) -> bytes:
    """Return a kept batch as it is sent again: with today's floor and sending time."""
    if lane is Lane.EVENT:
        events = msgspec.json.decode(body, type=EventBatch)
        events.floor, events.sent_ms = floor, sent_ms
        return encode(events)
    batch = msgspec.msgpack.decode(body, type=ReadingsBatch)
    batch.floor, batch.sent_ms = floor, sent_ms
    return readings.encode(batch)


def _cut(taken: _Taken) -> list[Columns]:
    """Join the readings taken and cut them into batches."""
    lengths = [len(points) for points in taken.points]
    points, values = np.concatenate(taken.points), np.concatenate(taken.values)
    times_ms, quality = np.repeat(np.array(taken.at_ms, np.int64), lengths), np.concatenate(taken.quality)
    cuts = range(0, taken.count, BATCH_READINGS)
    return [Columns(points[cut:cut + BATCH_READINGS], times_ms[cut:cut + BATCH_READINGS],
                    values[cut:cut + BATCH_READINGS], quality[cut:cut + BATCH_READINGS]) for cut in cuts]


def _group(events: list[Event]) -> list[list[Event]]:
    """Cut events into batches by number and by the size of their evidence."""
    groups: list[list[Event]] = []
    evidence_bytes = 0
    for event in events:
        evidence_bytes += len(event.evidence)
        if not groups or len(groups[-1]) >= BATCH_EVENTS or evidence_bytes > BATCH_EVIDENCE_BYTES:
            groups.append([])
            evidence_bytes = len(event.evidence)
        groups[-1].append(event)
    return groups
