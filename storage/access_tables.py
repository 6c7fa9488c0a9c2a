"""Tables of access: keys of systems, sessions of people, and who did what.

They cannot be made anew from the journal, so they stand apart from the operational store: in a file of their own
(`access.sqlite`, every commit on the disk), or in the same PostgreSQL database, with migrations of their own.
Secrets stand here only as SHA-256 of 256 random bits.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "access_metadata",
    "api_key_table",
    "audit_table",
    "delivery_table",
    "session_table",
    "webhook_table",
]

access_metadata: Final = MetaData(naming_convention={"ix": "ix_%(column_0_label)s", "pk": "pk_%(table_name)s"})

api_key_table: Final = Table(
    "api_key",
    access_metadata,
    Column("id", String(32), primary_key=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("name", String(200), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("rights", JSON, nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("expires_at_ns", BigInteger),
    Column("revoked_at_ns", BigInteger),
    Column("last_used_ns", BigInteger),
    UniqueConstraint("hash", name="uq_api_key_hash"),
)

session_table: Final = Table(
    "session",
    access_metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("person", String(255), nullable=False),
    Column("name", String(200), nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("role", String(16), nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("expires_at_ns", BigInteger, nullable=False),
    Column("last_used_ns", BigInteger, nullable=False),
    Index("ix_session_person", "person"),
)

audit_table: Final = Table(
    "audit",
    access_metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("organisation", String(64), nullable=False),
    Column("caller_kind", String(16), nullable=False),
    Column("caller_id", String(255), nullable=False),
    Column("address", String(64), nullable=False),
    Column("method", String(16), nullable=False),
    Column("path", String(512), nullable=False),
    Column("status", Integer, nullable=False),
    Index("ix_audit_organisation", "organisation", "id"),
)

webhook_table: Final = Table(
    "webhook",
    access_metadata,
    Column("id", String(32), primary_key=True),
    Column("organisation", String(64), nullable=False),
    Column("url", String(2048), nullable=False),
    Column("events", JSON, nullable=False),
    Column("secret", String(64), nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("alarms_revision", BigInteger, nullable=False),
    Column("alarms_id", String(200), nullable=False),
    Column("risks_revision", BigInteger, nullable=False),
    Column("risks_id", String(64), nullable=False),
    Column("decisions_seq", BigInteger, nullable=False),
)

delivery_table: Final = Table(
    "delivery",
    access_metadata,
    Column("id", String(64), primary_key=True),
    Column("webhook", String(32), nullable=False),
    Column("type", String(64), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at_ns", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at_ns", BigInteger, nullable=False),
    Column("told", String(500), nullable=False),
    Index("ix_delivery_due", "state", "next_at_ns"),
    Index("ix_delivery_webhook", "webhook", "created_at_ns", "id"),
)
