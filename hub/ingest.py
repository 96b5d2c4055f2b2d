"""Ingest: whatever gateways publish is decoded, checked, taken once, run through the rules and staged for the commit.

Each lane of a gateway is a numbered stream. The hub takes the next number, drops what it has, asks for what it misses,
and acknowledges a watermark only after the commit returned. A message that breaks the contract is counted, kept in the
quarantine with its reason, and never stops the stream.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
from sqlalchemy import Connection, select

from contract import readings, topics
from contract.clock import Clock
from contract.messages import Ack, Birth, ContractError, Event, EventBatch, decode, decode_state
from contract.topics import Lane, Uplink
from hub import tables
from hub.commit import Committer
from hub.engine import Engine
from hub.live import LastValues
from hub.quarantine import Quarantine
from hub.registry import Gateway, Registry

LATE_WALL_MS: Final = 60_000
"""Live readings older than this are history: they raise no alarm."""
ASK_AGAIN_WALL_MS: Final = 1_000
"""Everything under way behind a gap shows the same gap: it is asked for once in this time."""
LAST_MS: Final = 253_402_300_799_999
"""The end of the year 9999: times and numbers beyond are no times of ours."""
_log = structlog.get_logger()


@dataclass(slots=True)
class LaneMark:
    """Where a lane of a gateway stands at the hub."""

    gateway: str
    lane: Lane
    epoch: str
    seq: int = 0
    """Taken up to here (staged; durable after the next commit)."""
    durable: int = 0
    """Stored up to here: what may be acknowledged."""
    items: int = 0
    lost: int = 0
    repeated: int = 0
    asked_ms: int = 0
    """When it was last asked to send again; campus time."""


class Ingest:
    """Takes messages on the event loop; one instance a hub."""

    def __init__(
        self, *, registry: Registry, committer: Committer, engine: Engine, last: LastValues, clock: Clock,
        quarantine: Quarantine, acknowledge: Callable[[str, Ack], None],
        on_event: Callable[[Event, Gateway, int], None], on_state: Callable[[Gateway, bool], None],
    ) -> None:
        """Know whom to tell.

        acknowledge(gateway, ack): publishes an ack. on_event(event, gateway, id): what an event means for the hub's
        picture of doors, devices, commands. on_state(gateway, online): a gateway came or went.
        """
        self.marks: dict[tuple[str, Lane, str], LaneMark] = {}
        self.readings = 0
        self.events = 0
        self._registry = registry
        self._commit = committer
        self._engine = engine
        self._last = last
        self._clock = clock
        self._quarantine = quarantine
        self._acknowledge = acknowledge
        self._on_event = on_event
        self._on_state = on_state
        self._awaited: set[str] = set()
        """Gateways that were here when we last looked, and have to show that they still are."""
        self._next_event = 1
        self._next_evidence = 1

    def load(self, connection: Connection) -> None:
        """Take up the watermarks."""
        for row in connection.execute(select(tables.watermarks)):
            mark = LaneMark(row.gateway, Lane(row.lane), row.epoch, row.seq, row.seq, row.items, row.lost,
                            row.repeated)
            self.marks[mark.gateway, mark.lane, mark.epoch] = mark
            if mark.lane is Lane.EVENT:
                self.events += mark.items
            else:
                self.readings += mark.items
        for name, table in (("_next_event", tables.events), ("_next_evidence", tables.evidence)):
            newest = connection.scalar(select(table.c.id).order_by(table.c.id.desc()).limit(1))
            setattr(self, name, (newest or 0) + 1)
        here = select(tables.gateways.c.id).where(tables.gateways.c.online)
        self._awaited = set(connection.scalars(here))

    def message(self, topic: str, payload: bytes) -> None:
        """Take one message from the broker."""
        uplink = topics.parse_uplink(topic)
        if uplink is None:
            self._quarantine.add(topic, "not a topic of this contract", payload)
            return
        gateway = self._registry.gateways.get(uplink.gateway)
        if gateway is None or gateway.state != "approved":
            reason = "unknown gateway" if gateway is None else f"gateway is {gateway.state}"
            self._quarantine.add(topic, reason, payload)
            return
        try:
            self._take(uplink, gateway, payload)
        except ContractError as error:
            self._quarantine.add(topic, str(error), payload)

    def connected(self) -> None:
        """The broker is there (again): every gateway that was here should say so soon."""
        self._awaited |= {gateway.id for gateway in self._registry.gateways.values() if gateway.online}

    def give_up_awaited(self) -> None:
        """Count those as gone that have had time to say that they are still here."""
        for name in sorted(self._awaited):
            gateway = self._registry.gateways.get(name)
            if gateway is not None and gateway.state == "approved":
                self._gone(gateway)
        self._awaited.clear()

    def standing(self, gateway: str) -> list[Ack]:
        """Say where each lane of a gateway stands, asking for what came meanwhile: sent when the hub starts."""
        return [_ack(mark, resend=True) for mark in self.marks.values()
                if mark.gateway == gateway and mark.epoch == self._registry.gateways[gateway].epoch]

    def totals(self) -> tuple[int, int]:
        """Return (lost, repeated) batches over all lanes."""
        return sum(mark.lost for mark in self.marks.values()), sum(mark.repeated for mark in self.marks.values())

    def _take(self, uplink: Uplink, gateway: Gateway, payload: bytes) -> None:
        match uplink.channel:
            case Lane.EVENT:
                self._take_events(gateway, decode(payload, EventBatch))
            case Lane.LIVE | Lane.BACKFILL:
                self._take_readings(gateway, Lane(uplink.channel), readings.decode(payload))
            case _:
                self._take_state(gateway, payload)

    def _take_state(self, gateway: Gateway, payload: bytes) -> None:
        if not payload:
            return  # a cleared retained message
        state = decode_state(payload)
        if state.gateway != gateway.id:
            raise ContractError(f"says it is gateway {state.gateway} on the topic of {gateway.id}")
        if isinstance(state, Birth):
            if refusal := self._registry.refusal(gateway.id, state):
                raise ContractError(refusal)
            came_back = not gateway.online
            self._awaited.discard(gateway.id)
            self._registry.born(gateway, state, self._clock.now_ms())
            for ack in self.standing(gateway.id):
                self._acknowledge(gateway.id, ack)
            if came_back:
                self._on_state(gateway, True)
        elif (gateway.online or gateway.id in self._awaited) and (
                gateway.birth is None or state.boot == gateway.birth.boot):
            self._awaited.discard(gateway.id)
            self._gone(gateway)

    def _gone(self, gateway: Gateway) -> None:
        self._registry.gone(gateway, self._clock.now_ms())
        self._on_state(gateway, False)

    def _take_readings(self, gateway: Gateway, lane: Lane, batch: readings.ReadingsBatch) -> None:
        _check_numbers(batch.seq, batch.base_ms, batch.sent_ms)
        columns = readings.columns(batch)
        ids = self._registry.translate(gateway.id, batch.epoch, columns.points)
        mark = self._mark(gateway.id, lane, batch.epoch)
        if ids is None:
            self._ask(mark, need_birth=True)
            return
        if not self._next(mark, batch.seq, batch.floor, len(columns)):
            return
        self._stored(mark)
        self._commit.wake()
        now_ms = self._clock.now_ms()
        if lane is Lane.LIVE:
            self._measure_skew(gateway, batch.sent_ms, now_ms)
        if not len(columns):
            return
        self.readings += len(columns)
        self._commit.stage.readings.append(readings.Columns(ids, columns.times_ms, columns.values, columns.quality))
        late_ms = LATE_WALL_MS * self._clock.settings.speed
        historical = lane is Lane.BACKFILL or now_ms - int(columns.times_ms[-1]) > late_ms
        self._last.take(ids, columns.times_ms, columns.values, columns.quality)
        self._engine.readings(ids, columns.times_ms, columns.values, columns.quality, historical=historical)

    def _take_events(self, gateway: Gateway, batch: EventBatch) -> None:
        if batch.seq < 1 or not 1 <= batch.floor <= batch.seq:
            raise ContractError(f"seq {batch.seq} and floor {batch.floor}: 1 <= floor <= seq is required")
        _check_numbers(batch.seq, *(event.at_ms for event in batch.events))
        mark = self._mark(gateway.id, Lane.EVENT, batch.epoch)
        if not self._next(mark, batch.seq, batch.floor, len(batch.events)):
            return
        self._stored(mark)
        self._commit.wake(urgent=True)
        self.events += len(batch.events)
        numbers = [self._stage_event(gateway, batch, position, event) for position, event in enumerate(batch.events)]
        for number, event in zip(numbers, batch.events, strict=True):
            self._follow_event(gateway, number, event)

    def _follow_event(self, gateway: Gateway, number: int, event: Event) -> None:
        """Let the rules and the picture see an event; it is staged already, whatever becomes of that."""
        try:
            self._engine.event(event, gateway.id)
            self._on_event(event, gateway, number)
        except Exception:  # noqa: BLE001  # one event's failure must not keep the batch's others from being seen
            _log.exception("event_failed", gateway=gateway.id, kind=event.kind, number=number)

    def _stage_event(self, gateway: Gateway, batch: EventBatch, position: int, event: Event) -> int:
        """Stage an event with its evidence; return its id."""
        number, self._next_event = self._next_event, self._next_event + 1
        evidence = None
        stage = self._commit.stage
        event.data = {name: value for name, value in event.data.items() if name != "evidence"}  # ours to give
        if event.evidence:
            evidence, self._next_evidence = self._next_evidence, self._next_evidence + 1
            stage.insert(tables.evidence, {"id": evidence, "at_ms": event.at_ms, "device": event.device,
                                           "reason": event.reason, "jpeg": event.evidence})
            event.data = {**event.data, "evidence": float(evidence)}
        stage.insert(tables.events, {
            "id": number, "gateway": gateway.id, "epoch": batch.epoch, "seq": batch.seq, "position": position,
            "at_ms": event.at_ms, "received_ms": self._clock.now_ms(), "kind": event.kind, "device": event.device,
            "door": event.door, "zone": event.zone, "person": event.person, "credential": event.credential,
            "reason": event.reason, "value": event.value, "text": event.text, "command": event.command,
            "data": msgspec.json.encode(event.data).decode(), "evidence": evidence})
        return number

    def _mark(self, gateway: str, lane: Lane, epoch: str) -> LaneMark:
        return self.marks.get((gateway, lane, epoch)) or LaneMark(gateway, lane, epoch)

    def _ask(self, mark: LaneMark, *, need_birth: bool = False) -> None:
        """Ask for everything from the watermark on, unless that was asked just now."""
        now_ms = self._clock.now_ms()
        self.marks[mark.gateway, mark.lane, mark.epoch] = mark
        if not 0 <= now_ms - mark.asked_ms < ASK_AGAIN_WALL_MS * self._clock.settings.speed:
            mark.asked_ms = now_ms
            self._acknowledge(mark.gateway, _ack(mark, resend=True, need_birth=need_birth))

    def _next(self, mark: LaneMark, seq: int, floor: int, items: int) -> bool:
        """Tell whether this batch is the one to take now; drop what is stored, ask for what is missing."""
        if seq <= mark.seq:
            mark.repeated += 1
            self._stored(mark)
            self._commit.wake()
            return False
        if seq > mark.seq + 1 and seq > floor:
            self._ask(mark)
            return False
        if seq > mark.seq + 1:
            _log.error("batches_lost", gateway=mark.gateway, lane=mark.lane, after=mark.seq, before=seq)
            mark.lost += seq - mark.seq - 1
        mark.seq = seq
        mark.items += items
        mark.asked_ms = 0
        return True

    def _stored(self, mark: LaneMark) -> None:
        stage = self._commit.stage
        self.marks[mark.gateway, mark.lane, mark.epoch] = mark
        stage.put(tables.watermarks, {"gateway": mark.gateway, "lane": mark.lane.value, "epoch": mark.epoch,
                                      "seq": mark.seq, "items": mark.items, "lost": mark.lost,
                                      "repeated": mark.repeated})
        seq = mark.seq

        def durable() -> None:
            mark.durable = seq
            self._acknowledge(mark.gateway, _ack(mark))

        stage.after[mark.gateway, mark.lane, mark.epoch] = durable

    def _measure_skew(self, gateway: Gateway, sent_ms: int, now_ms: int) -> None:
        """Follow how far the gateway's clock is ahead; the way here only ever makes it look late, so take the best."""
        seen = (sent_ms - now_ms) / self._clock.settings.speed
        known = gateway.skew_ms
        gateway.skew_ms = seen if known is None or seen > known else known + (seen - known) * 0.05


def _ack(mark: LaneMark, *, resend: bool = False, need_birth: bool = False) -> Ack:
    return Ack(lane=mark.lane.value, epoch=mark.epoch, seq=mark.durable, resend=resend, need_birth=need_birth,
               lost=mark.lost)


def _check_numbers(*numbers: int) -> None:
    """Raise `ContractError` unless all are times (UTC ms) or sequence numbers that a database can keep."""
    for number in numbers:
        if not 0 <= number <= LAST_MS:
            raise ContractError(f"{number} is no time in ms and no sequence number: 0 to {LAST_MS} is allowed")
