"""Tables of the operational store, one definition for SQLite and PostgreSQL.

All rows are projections: each carries the `revision` (journal sequence) that last touched it, and
`projection` holds how far the writer came, changed in the same transaction as the rows. What is only
shown and never searched stands as JSON in `detail`.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    false,
)
from sqlalchemy.types import TypeEngine

__all__ = [
    "ALARMS",
    "RISKS",
    "alarm_table",
    "assessment_table",
    "asset_table",
    "channel_table",
    "dead_letter_table",
    "gateway_table",
    "metadata",
    "mode_table",
    "projection_table",
    "quarantine_table",
    "risk_table",
    "spectrum_table",
]


def _key(length: int) -> TypeEngine[str]:
    """Give the type of an identifier: in the order of its bytes, in any database."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "pk": "pk_%(table_name)s",
    }
)

# Beside how far the writer came stand the last changes of these kinds, in the same transaction as the rows: most
# entries change neither, and who asks again and again need not look further than here.
RISKS: Final = "risks"
ALARMS: Final = "alarms"

projection_table: Final = Table(
    "projection",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

asset_table: Final = Table(
    "asset",
    metadata,
    Column("id", _key(64), primary_key=True),
    Column("organisation", _key(64), nullable=False, server_default="", index=True),
    Column("detail", JSON, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

channel_table: Final = Table(
    "channel",
    metadata,
    Column("asset", _key(64), primary_key=True),
    Column("sensor", _key(64), primary_key=True),
    Column("channel", _key(160), primary_key=True),
    Column("number", Integer, nullable=False, index=True),
    Column("unit", String(32), nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("interval_s", Float, nullable=False),
    Column("quality", String(8), nullable=False),
    Column("last_time_ns", BigInteger),
    Column("last_value", Float),
    Column("skew_s", Float),
    Column("revision", BigInteger, nullable=False),
)

assessment_table: Final = Table(
    "assessment",
    metadata,
    Column("id", _key(160), primary_key=True),
    Column("asset", _key(64), nullable=False),
    Column("assessed_at_ns", BigInteger, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),
    Index("ix_assessment_history", "asset", "assessed_at_ns"),
)

risk_table: Final = Table(
    "risk",
    metadata,
    Column("asset", _key(64), primary_key=True),
    Column("state_rank", Integer, nullable=False),
    Column("negative_cost_eur", Float, nullable=False),
    Column("assessed_at_ns", BigInteger, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),
    Index("ix_risk_rank", "state_rank", "negative_cost_eur", "asset"),
)

alarm_table: Final = Table(
    "alarm",
    metadata,
    Column("id", _key(200), primary_key=True),
    Column("asset", _key(64), nullable=False, index=True),
    Column("kind", String(96), nullable=False),
    Column("subject", String(160), nullable=False),
    Column("raised_at_ns", BigInteger, nullable=False),
    Column("cleared_at_ns", BigInteger),
    Column("state", String(16), nullable=False),
    Column("reasons", JSON, nullable=False),
    Column("event_id", _key(200), nullable=False, index=True, server_default=""),
    Column("is_echo", Boolean, nullable=False, server_default=false()),
    Column("revision", BigInteger, nullable=False, index=True),
    Index("ix_alarm_raised", "raised_at_ns", "id"),
)

dead_letter_table: Final = Table(
    "dead_letter",
    metadata,
    Column("id", _key(64), primary_key=True),
    Column("topic", String(1024), nullable=False),
    Column("gateway", String(64), nullable=False),
    Column("code", String(32), nullable=False),
    Column("reason", String(2048), nullable=False),
    Column("head", LargeBinary, nullable=False),
    Column("received_at_ns", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("ix_dead_letter_received", "received_at_ns", "id"),
)

quarantine_table: Final = Table(
    "quarantine",
    metadata,
    Column("gateway", _key(64), primary_key=True),
    Column("asset", _key(64), primary_key=True),
    Column("sensor", _key(64), primary_key=True),
    Column("messages", BigInteger, nullable=False),
    Column("first_received_ns", BigInteger, nullable=False),
    Column("last_received_ns", BigInteger, nullable=False),
    Column("reason", String(1024), nullable=False),
    Column("example", String(1024), nullable=False),
    Column("revision", BigInteger, nullable=False),
)

gateway_table: Final = Table(
    "gateway",
    metadata,
    Column("id", _key(64), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("session", BigInteger),
    Column("since_ns", BigInteger),
    Column("received_at_ns", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

mode_table: Final = Table(
    "mode",
    metadata,
    Column("asset", _key(64), primary_key=True),
    Column("mode", _key(32), primary_key=True),
    Column("end_ns", BigInteger, primary_key=True),
    Column("detail", JSON, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

spectrum_table: Final = Table(
    "spectrum",
    metadata,
    Column("asset", _key(64), primary_key=True),
    Column("sampling", _key(16), primary_key=True),
    Column("end_ns", BigInteger, nullable=False),
    Column("detail", JSON, nullable=False),
    Column("density", LargeBinary, nullable=False),
    Column("reference", LargeBinary, nullable=False),
    Column("revision", BigInteger, nullable=False),
)
