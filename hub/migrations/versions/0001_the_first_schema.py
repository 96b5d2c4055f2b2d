"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None
_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:  # one table after the other
    """Make all tables."""
    op.create_table(
        "alarm_log",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("alarm", _id, nullable=False),
        sa.Column("at_ms", _id, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alarm_log_alarm", "alarm_log", ["alarm"])

    op.create_table(
        "alarms",
        sa.Column("id", _id, nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("raised_ms", _id, nullable=False),
        sa.Column("changed_ms", _id, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_alarms_raised_ms", "alarms", ["raised_ms"])
    op.create_index("ix_alarms_rule", "alarms", ["rule"])
    op.create_index("ix_alarms_state", "alarms", ["state"])

    op.create_table(
        "audit",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("at_ms", _id, nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("seal", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "commands",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("at_ms", _id, nullable=False),
        sa.Column("expires_ms", _id, nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("evidence", _id, nullable=True),
        sa.Column("done_ms", _id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("commands_open", "commands", ["status", "expires_ms"])

    op.create_table(
        "counters",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", _id, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "cursors",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("position", _id, nullable=False),
        sa.Column("written", _id, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("birth", sa.LargeBinary(), nullable=False),
        sa.Column("lost_reason", sa.String(), nullable=False),
        sa.Column("lost_text", sa.String(), nullable=False),
        sa.Column("since_ms", _id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_devices_gateway", "devices", ["gateway"])

    op.create_table(
        "doors",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("birth", sa.LargeBinary(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=True),
        sa.Column("since_ms", _id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "events",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("seq", _id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("at_ms", _id, nullable=False),
        sa.Column("received_ms", _id, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("command", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("evidence", _id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("gateway", "epoch", "seq", "position"),
    )
    op.create_index("events_by_door", "events", ["door", "at_ms"])
    op.create_index("events_by_kind", "events", ["kind", "at_ms"])
    op.create_index("events_by_person", "events", ["person", "at_ms"])
    op.create_index("events_by_time", "events", ["at_ms"])

    op.create_table(
        "evidence",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("at_ms", _id, nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("jpeg", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("evidence_by_device", "evidence", ["device", "at_ms"])

    op.create_table(
        "gateways",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("name_zh", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("birth", sa.LargeBinary(), nullable=False),
        sa.Column("online", sa.Boolean(), nullable=False),
        sa.Column("since_ms", _id, nullable=False),
        sa.Column("desired_version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "grants",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("doors", sa.String(), nullable=False),
        sa.Column("schedule", sa.String(), nullable=False),
        sa.Column("deny", sa.Boolean(), nullable=False),
        sa.Column("lockdown", sa.Boolean(), nullable=False),
        sa.Column("valid_until_ms", _id, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_grants_holder", "grants", ["holder"])

    op.create_table(
        "journal",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("at_ms", _id, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "notices",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("at_ms", _id, nullable=False),
        sa.Column("alarm", _id, nullable=False),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("title_en", sa.String(), nullable=False),
        sa.Column("title_zh", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_ms", _id, nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_en", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("group", sa.String(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("valid_until_ms", _id, nullable=True),
        sa.Column("photo", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_people_group", "people", ["group"])

    op.create_table(
        "points",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("birth", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("device", "name"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("at_ms", _id, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "rule_state",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "rules",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=False),
        sa.Column("changed_ms", _id, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", "version"),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_wall_s", _id, nullable=False),
        sa.Column("seen_wall_s", _id, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("created_by", sa.String(), nullable=False),
        sa.Column("expires_ms", _id, nullable=False),
        sa.Column("used_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "users",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("shown", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "watermarks",
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("seq", _id, nullable=False),
        sa.Column("items", _id, nullable=False),
        sa.Column("lost", _id, nullable=False),
        sa.Column("repeated", _id, nullable=False),
        sa.PrimaryKeyConstraint("gateway", "lane", "epoch"),
    )
    op.create_table(
        "cards",
        sa.Column("id", _id, autoincrement=True, nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("credential", sa.String(), nullable=False),
        sa.Column("tail", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.id"] ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("credential"),
    )
    op.create_index("ix_cards_person", "cards", ["person"])

    op.create_table(
        "numbers",
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("point", _id, nullable=False),
        sa.ForeignKeyConstraint(["point"], ["points.id"] ),
        sa.PrimaryKeyConstraint("gateway", "epoch", "n"),
    )

