"""The state database: everything that must never disagree after a crash, in one place (SQLite or PostgreSQL)."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()
_id = BigInteger().with_variant(Integer, "sqlite")

gateways = Table(
    "gateways", metadata,
    Column("id", String, primary_key=True),
    Column("name_en", String, nullable=False),
    Column("name_zh", String, nullable=False),
    Column("state", String, nullable=False),  # pending, approved, revoked
    Column("public_key", LargeBinary, nullable=False, default=b""),
    Column("epoch", String, nullable=False, default=""),
    Column("birth", LargeBinary, nullable=False, default=b""),  # the last one, JSON
    Column("online", Boolean, nullable=False, default=False),
    Column("since_ms", _id, nullable=False, default=0),
    Column("desired_version", Integer, nullable=False, default=0),
)

tokens = Table(  # one-time enrolment tokens
    "tokens", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("token", String, nullable=False),
    Column("created_by", String, nullable=False),
    Column("expires_ms", _id, nullable=False),
    Column("used_by", String, nullable=False, default=""),
)

watermarks = Table(
    "watermarks", metadata,
    Column("gateway", String, primary_key=True),
    Column("lane", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("seq", _id, nullable=False),
    Column("items", _id, nullable=False, default=0),  # readings or events stored
    Column("lost", _id, nullable=False, default=0),  # batches that can't come any more
    Column("repeated", _id, nullable=False, default=0),  # batches that came again and were dropped
)

devices = Table(
    "devices", metadata,
    Column("id", String, primary_key=True),
    Column("gateway", String, nullable=False, index=True),
    Column("state", String, nullable=False),  # live, pending, blocked
    Column("birth", LargeBinary, nullable=False),  # contract.messages.DeviceBirth, JSON
    Column("lost_reason", String, nullable=False, default=""),  # a quality's name in lower case; empty: answers
    Column("lost_text", String, nullable=False, default=""),
    Column("since_ms", _id, nullable=False, default=0),
)

doors = Table(
    "doors", metadata,
    Column("id", String, primary_key=True),
    Column("gateway", String, nullable=False),
    Column("birth", LargeBinary, nullable=False),  # contract.messages.DoorBirth, JSON
    Column("mode", String, nullable=False, default="normal"),
    Column("open", Boolean),  # null: not known
    Column("since_ms", _id, nullable=False, default=0),
)

points = Table(
    "points", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("device", String, nullable=False),
    Column("name", String, nullable=False),
    Column("birth", LargeBinary, nullable=False),  # contract.messages.PointBirth, JSON
    UniqueConstraint("device", "name"),
)

numbers = Table(  # which point a gateway means by a number, for each epoch of its outbox
    "numbers", metadata,
    Column("gateway", String, primary_key=True),
    Column("epoch", String, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("point", _id, ForeignKey("points.id"), nullable=False),
)

journal = Table(  # one row a commit: columns of readings, zstd, byte-split (hub/journal.py)
    "journal", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("at_ms", _id, nullable=False),
    Column("n", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,  # rows are pruned, and an id that came again would be behind every cursor
)

cursors = Table(
    "cursors", metadata,
    Column("name", String, primary_key=True),
    Column("position", _id, nullable=False),
    Column("written", _id, nullable=False, default=0),
)

events = Table(
    "events", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("gateway", String, nullable=False),
    Column("epoch", String, nullable=False),
    Column("seq", _id, nullable=False),
    Column("position", Integer, nullable=False),
    Column("at_ms", _id, nullable=False),
    Column("received_ms", _id, nullable=False),
    Column("kind", String, nullable=False),
    Column("device", String, nullable=False, default=""),
    Column("door", String, nullable=False, default=""),
    Column("zone", String, nullable=False, default=""),
    Column("person", String, nullable=False, default=""),
    Column("credential", String, nullable=False, default=""),
    Column("reason", String, nullable=False, default=""),
    Column("value", Float),
    Column("text", String, nullable=False, default=""),
    Column("command", String, nullable=False, default=""),
    Column("data", Text, nullable=False, default="{}"),
    Column("evidence", _id),
    UniqueConstraint("gateway", "epoch", "seq", "position"),
    Index("events_by_kind", "kind", "at_ms"),
    Index("events_by_door", "door", "at_ms"),
    Index("events_by_person", "person", "at_ms"),
    Index("events_by_time", "at_ms"),
)

evidence = Table(
    "evidence", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("at_ms", _id, nullable=False),
    Column("device", String, nullable=False),
    Column("reason", String, nullable=False, default=""),
    Column("jpeg", LargeBinary, nullable=False),
    Index("evidence_by_device", "device", "at_ms"),
)

alarms = Table(
    "alarms", metadata,
    Column("id", _id, primary_key=True),  # given by the engine, so that it is known before the commit
    Column("rule", String, nullable=False, index=True),
    Column("subject", String, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("raised_ms", _id, nullable=False, index=True),
    Column("changed_ms", _id, nullable=False),
    Column("body", LargeBinary, nullable=False),  # hub.alarms.AlarmRecord, JSON
)

alarm_log = Table(
    "alarm_log", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("alarm", _id, nullable=False, index=True),
    Column("at_ms", _id, nullable=False),
    Column("what", String, nullable=False),
    Column("by", String, nullable=False, default=""),
    Column("note", String, nullable=False, default=""),
)

rule_state = Table(
    "rule_state", metadata,
    Column("key", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

rules = Table(  # every version of every rule; the highest is the one that runs
    "rules", metadata,
    Column("id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("body", Text, nullable=False),  # YAML
    Column("changed_by", String, nullable=False),
    Column("changed_ms", _id, nullable=False),
    Column("reason", String, nullable=False, default=""),
)

commands = Table(
    "commands", metadata,
    Column("id", String, primary_key=True),
    Column("gateway", String, nullable=False),
    Column("at_ms", _id, nullable=False),
    Column("expires_ms", _id, nullable=False),
    Column("requester", String, nullable=False),
    Column("body", LargeBinary, nullable=False),  # contract.messages.Command, JSON
    Column("status", String, nullable=False),  # sent, done, failed, refused, expired
    Column("detail", String, nullable=False, default=""),
    Column("value", Float),
    Column("evidence", _id),
    Column("done_ms", _id),
    Index("commands_open", "status", "expires_ms"),
)

notices = Table(
    "notices", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("at_ms", _id, nullable=False),
    Column("alarm", _id, nullable=False),
    Column("audience", String, nullable=False),  # gate, security, facilities
    Column("title_en", String, nullable=False),
    Column("title_zh", String, nullable=False),
    Column("status", String, nullable=False, default="waiting"),  # waiting, sent, failed, none (no channel)
    Column("attempts", Integer, nullable=False, default=0),
    Column("next_ms", _id, nullable=False, default=0),
    Column("detail", String, nullable=False, default=""),
)

users = Table(
    "users", metadata,
    Column("name", String, primary_key=True),
    Column("shown", String, nullable=False),
    Column("password_hash", String, nullable=False),  # argon2id
    Column("roles", String, nullable=False),  # comma-separated
    Column("language", String, nullable=False, default="zh-CN"),
    Column("disabled", Boolean, nullable=False, default=False),
)

sessions = Table(
    "sessions", metadata,
    Column("id", String, primary_key=True),  # SHA-256 of the cookie
    Column("user", String, nullable=False),
    Column("csrf", String, nullable=False),
    Column("created_wall_s", _id, nullable=False),
    Column("seen_wall_s", _id, nullable=False),
)

people = Table(
    "people", metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("name_en", String, nullable=False, default=""),
    Column("kind", String, nullable=False),
    Column("group", String, nullable=False, index=True),
    Column("blocked", Boolean, nullable=False, default=False),
    Column("valid_until_ms", _id),
    Column("photo", LargeBinary),
)

cards = Table(
    "cards", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("person", String, ForeignKey("people.id"), nullable=False, index=True),
    Column("credential", String, nullable=False, unique=True),  # keyed hash, hex
    Column("tail", String, nullable=False),
    Column("kind", String, nullable=False, default="card"),
    Column("blocked", Boolean, nullable=False, default=False),
    Column("reason", String, nullable=False, default=""),
)

grants = Table(
    "grants", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("holder", String, nullable=False, index=True),  # person:ID or group:ID
    Column("doors", String, nullable=False),  # door id, zone:ID or all
    Column("schedule", String, nullable=False),
    Column("deny", Boolean, nullable=False, default=False),
    Column("lockdown", Boolean, nullable=False, default=False),  # holds in lockdown too
    Column("valid_until_ms", _id),
)

audit = Table(  # each line seals the one before it
    "audit", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("at_ms", _id, nullable=False),
    Column("actor", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", Text, nullable=False, default=""),
    Column("seal", String, nullable=False),  # SHA-256 over the previous seal and this line
)

quarantine = Table(
    "quarantine", metadata,
    Column("id", _id, primary_key=True, autoincrement=True),
    Column("at_ms", _id, nullable=False),
    Column("topic", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("head", LargeBinary, nullable=False),  # its first bytes
    Column("count", Integer, nullable=False, default=1),
)

counters = Table(  # totals that must survive a restart
    "counters", metadata,
    Column("name", String, primary_key=True),
    Column("value", _id, nullable=False),
)

secrets = Table(  # policy signing key, card key, broker credentials; readable by the hub's user only
    "secrets", metadata,
    Column("name", String, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)
