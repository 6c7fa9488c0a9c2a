"""Keys, sessions and the audit trail, in SQL.

A key or session is looked up by the SHA-256 of its secret: 256 random bits need no slow hash, and nobody who
reads this table can make a key from it.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, insert, select, update

from domain.access import Right, Role
from storage.access_tables import api_key_table, audit_table, session_table
from storage.database import translated, upgrade_access_schema

__all__ = ["AccessStore", "ApiKey", "AuditRow", "Session"]

_PREFIX: Final = "schouw_"
_SECRET_BYTES: Final = 32
# A key that is used all day is written once a minute.
_LAST_USED_STEP_NS: Final = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key of a system, without its secret; times are wall clock, Unix nanoseconds."""

    id: str
    name: str
    organisation: str
    role: Role
    rights: frozenset[Right]
    created_at_ns: int
    expires_at_ns: int | None
    revoked_at_ns: int | None
    last_used_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person who is logged in."""

    person: str
    name: str
    organisation: str
    role: Role
    created_at_ns: int
    expires_at_ns: int
    last_used_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One write, or one access that was denied."""

    at_ns: int
    organisation: str
    caller_kind: str
    caller_id: str
    address: str
    method: str
    path: str
    status: int
    id: int = 0


class AccessStore:
    """The tables of access.

    Parameters
    ----------
    engine : Engine
        Of a database that need not be there yet: its tables are made or brought up to date at the first use.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._is_prepared = False

    def close(self) -> None:
        """Close the connections that are kept; a later use opens new ones."""
        self._engine.dispose()

    # Keys ------------------------------------------------------------------------------------

    def create_key(
        self,
        *,
        name: str,
        organisation: str,
        role: Role,
        rights: frozenset[Right],
        now_ns: int,
        expires_at_ns: int | None,
    ) -> tuple[str, ApiKey]:
        """Make a key; its secret text is given here and never again."""
        secret = f"{_PREFIX}{secrets.token_urlsafe(_SECRET_BYTES)}"
        key_id = f"k{secrets.token_hex(6)}"
        values = {
            "id": key_id,
            "hash": _hash(secret),
            "name": name,
            "organisation": organisation,
            "role": role.value,
            "rights": sorted(right.value for right in rights),
            "created_at_ns": now_ns,
            "expires_at_ns": expires_at_ns,
        }
        with self._writing() as db:
            db.execute(insert(api_key_table).values(values))
        found = self.key(key_id)
        assert found is not None  # noqa: S101  # written just now
        return secret, found

    def key(self, key_id: str) -> ApiKey | None:
        """Find a key by its identifier."""
        rows = self._all(select(api_key_table).where(api_key_table.c.id == key_id))
        return _key(rows[0]) if rows else None

    def list_keys(self) -> Sequence[ApiKey]:
        """List all keys, oldest first, revoked and expired ones included."""
        return [_key(row) for row in self._all(select(api_key_table).order_by(api_key_table.c.created_at_ns))]

    def find_key(self, secret: str, *, now_ns: int) -> ApiKey | None:
        """Find the key with this secret; None when it is unknown, revoked or expired."""
        if not secret.startswith(_PREFIX):
            return None
        rows = self._all(select(api_key_table).where(api_key_table.c.hash == _hash(secret)))
        found = _key(rows[0]) if rows else None
        if found is None or found.revoked_at_ns is not None:
            return None
        if found.expires_at_ns is not None and found.expires_at_ns <= now_ns:
            return None
        if found.last_used_ns is None or now_ns - found.last_used_ns > _LAST_USED_STEP_NS:
            with self._writing() as db:
                db.execute(update(api_key_table).where(api_key_table.c.id == found.id).values(last_used_ns=now_ns))
        return found

    def revoke_key(self, key_id: str, *, now_ns: int) -> bool:
        """Revoke a key for good; False when there is none, or it was revoked before."""
        standing = (api_key_table.c.id == key_id) & api_key_table.c.revoked_at_ns.is_(None)
        with self._writing() as db:
            return db.execute(update(api_key_table).where(standing).values(revoked_at_ns=now_ns)).rowcount > 0

    # Sessions --------------------------------------------------------------------------------

    def start_session(self, session: Session) -> str:
        """Keep a session, and give the secret for its cookie."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        values = {
            "hash": _hash(secret),
            "person": session.person,
            "name": session.name,
            "organisation": session.organisation,
            "role": session.role.value,
            "created_at_ns": session.created_at_ns,
            "expires_at_ns": session.expires_at_ns,
            "last_used_ns": session.last_used_ns,
        }
        with self._writing() as db:
            db.execute(delete(session_table).where(session_table.c.expires_at_ns <= session.created_at_ns))
            db.execute(insert(session_table).values(values))
        return secret

    def find_session(self, secret: str, *, now_ns: int, idle_ns: int) -> Session | None:
        """Find the session with this secret; None when it is unknown, over, or was left alone for `idle_ns`."""
        rows = self._all(select(session_table).where(session_table.c.hash == _hash(secret)))
        if not rows:
            return None
        row = rows[0]
        if row.expires_at_ns <= now_ns or row.last_used_ns + idle_ns <= now_ns:
            return None
        if now_ns - row.last_used_ns > _LAST_USED_STEP_NS:
            with self._writing() as db:
                db.execute(update(session_table).where(session_table.c.hash == row.hash).values(last_used_ns=now_ns))
        return Session(
            person=row.person,
            name=row.name,
            organisation=row.organisation,
            role=Role(row.role),
            created_at_ns=row.created_at_ns,
            expires_at_ns=row.expires_at_ns,
            last_used_ns=row.last_used_ns,
        )

    def end_session(self, secret: str) -> None:
        """Forget a session; nothing happens when there is none."""
        with self._writing() as db:
            db.execute(delete(session_table).where(session_table.c.hash == _hash(secret)))

    # Audit -----------------------------------------------------------------------------------

    def record(self, row: AuditRow) -> None:
        """Write down one write or denied access."""
        values = {
            "at_ns": row.at_ns,
            "organisation": row.organisation[:64],
            "caller_kind": row.caller_kind,
            "caller_id": row.caller_id[:255],
            "address": row.address[:64],
            "method": row.method[:16],
            "path": row.path[:512],
            "status": row.status,
        }
        with self._writing() as db:
            db.execute(insert(audit_table).values(values))

    def audit(
        self, *, organisation: str | None = None, before_id: int | None = None, limit: int = 100
    ) -> Sequence[AuditRow]:
        """List the trail, newest first; None is of every organisation."""
        query = select(audit_table).order_by(audit_table.c.id.desc()).limit(limit)
        if organisation is not None:
            query = query.where(audit_table.c.organisation == organisation)
        if before_id is not None:
            query = query.where(audit_table.c.id < before_id)
        return [AuditRow(**row._mapping) for row in self._all(query)]  # noqa: SLF001  # SQLAlchemy's public name

    def prune_audit(self, *, before_ns: int) -> int:
        """Remove rows older than a time, and give how many."""
        with self._writing() as db:
            return db.execute(delete(audit_table).where(audit_table.c.at_ns < before_ns)).rowcount

    def _all(self, query: Any) -> Sequence[Row[Any]]:
        self._prepare()
        with translated(self._engine), self._engine.connect() as db:
            return db.execute(query).all()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        self._prepare()
        with translated(self._engine), self._engine.begin() as db:
            yield db

    def _prepare(self) -> None:
        if not self._is_prepared:
            upgrade_access_schema(self._engine)
            self._is_prepared = True


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _key(row: Row[Any]) -> ApiKey:
    known = {right.value: right for right in Right}
    return ApiKey(
        id=row.id,
        name=row.name,
        organisation=row.organisation,
        role=Role(row.role),
        rights=frozenset(known[right] for right in row.rights if right in known),
        created_at_ns=row.created_at_ns,
        expires_at_ns=row.expires_at_ns,
        revoked_at_ns=row.revoked_at_ns,
        last_used_ns=row.last_used_ns,
    )
