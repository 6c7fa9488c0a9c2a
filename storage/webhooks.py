"""Webhooks and their deliveries, in SQL: what is to be sent stands here before it is sent.

The place up to which a webhook was told moves in the same transaction that queues the deliveries, so a crash neither
loses nor doubles one; a delivery whose answer was lost is sent again with the same identifier (at least once).
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

from sqlalchemy import Engine, Row, and_, delete, insert, or_, select, update

from storage.access_tables import delivery_table, webhook_table
from storage.database import translated
from storage.protocols import TimedKey

__all__ = ["Delivery", "DeliveryState", "Webhook", "WebhookStore"]

DeliveryState = Literal["waiting", "delivered", "dead"]
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where an organisation wants to be told, of what, and how far it was told.

    Attributes
    ----------
    events : tuple of str
        `alarm`, `risk`, `decision`.
    secret : str
        Signs what is sent; the receiver has it too.
    """

    id: str
    organisation: str
    url: str
    events: tuple[str, ...]
    secret: str
    created_at_ns: int
    alarms: TimedKey
    risks: TimedKey
    decisions_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event to one receiver; `told` is what the receiver last said, or why it could not be asked."""

    id: str
    webhook: str
    type: str
    subject: str
    body: str
    created_at_ns: int
    state: DeliveryState = "waiting"
    attempts: int = 0
    next_at_ns: int = 0
    told: str = ""


class WebhookStore:
    """The tables of webhooks.

    Parameters
    ----------
    engine : Engine
        Of the database of access.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(
        self, *, organisation: str, url: str, events: Sequence[str], now_ns: int, revision: int, decisions_seq: int
    ) -> Webhook:
        """Make a webhook that is told what changes from now on."""
        made = Webhook(
            id=f"w{secrets.token_hex(6)}",
            organisation=organisation,
            url=url,
            events=tuple(events),
            secret=f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}",
            created_at_ns=now_ns,
            alarms=TimedKey(revision, "~"),
            risks=TimedKey(revision, "~"),
            decisions_seq=decisions_seq,
        )
        values = {
            "id": made.id, "organisation": organisation, "url": url, "events": list(events), "secret": made.secret,
            "created_at_ns": now_ns, **_place(made),
        }  # fmt: skip
        with translated(self._engine), self._engine.begin() as db:
            db.execute(insert(webhook_table).values(values))
        return made

    def webhooks(self, organisation: str | None = None) -> Sequence[Webhook]:
        """List webhooks, oldest first; of one organisation, or all."""
        query = select(webhook_table).order_by(webhook_table.c.created_at_ns, webhook_table.c.id)
        if organisation is not None:
            query = query.where(webhook_table.c.organisation == organisation)
        return [_webhook(row) for row in self._all(query)]

    def remove(self, webhook: str) -> None:
        """Forget a webhook and its deliveries."""
        with translated(self._engine), self._engine.begin() as db:
            db.execute(delete(delivery_table).where(delivery_table.c.webhook == webhook))
            db.execute(delete(webhook_table).where(webhook_table.c.id == webhook))

    def queue(self, told: Webhook, deliveries: Sequence[Delivery]) -> None:
        """Queue deliveries, and move the webhook's place to that of `told`, together."""
        with translated(self._engine), self._engine.begin() as db:
            is_there = db.execute(
                update(webhook_table).where(webhook_table.c.id == told.id).values(_place(told))
            ).rowcount
            if deliveries and is_there:
                db.execute(insert(delivery_table), [asdict(item) for item in deliveries])

    def add(self, delivery: Delivery) -> None:
        """Queue one delivery that is no change, so that the place of its webhook stays where it is."""
        with translated(self._engine), self._engine.begin() as db:
            db.execute(insert(delivery_table), asdict(delivery))

    def due(self, webhook: str, *, now_ns: int, limit: int = 100) -> Sequence[Delivery]:
        """List what should be sent to a receiver now, what waits longest first."""
        table = delivery_table.c
        query = (
            select(delivery_table)
            .where(table.webhook == webhook, table.state == "waiting", table.next_at_ns <= now_ns)
            .order_by(table.next_at_ns, table.id)
            .limit(limit)
        )
        return [Delivery(**row._mapping) for row in self._all(query)]  # noqa: SLF001  # SQLAlchemy's public name

    def settle(self, delivery: str, *, state: DeliveryState, attempts: int, next_at_ns: int, told: str) -> None:
        """Write down how an attempt went; a NUL of the receiver, which PostgreSQL has no text for, as U+FFFD."""
        kept = told[:500].replace("\0", "\ufffd")
        values = {"state": state, "attempts": attempts, "next_at_ns": next_at_ns, "told": kept}
        with translated(self._engine), self._engine.begin() as db:
            db.execute(update(delivery_table).where(delivery_table.c.id == delivery).values(values))

    def deliveries(self, webhook: str, *, after: TimedKey | None = None, limit: int = 100) -> Sequence[Delivery]:
        """List the deliveries of a webhook, newest first."""
        table = delivery_table.c
        query = (
            select(delivery_table)
            .where(table.webhook == webhook)
            .order_by(table.created_at_ns.desc(), table.id.desc())
            .limit(limit)
        )
        if after is not None:
            earlier = and_(table.created_at_ns == after.time_ns, table.id < after.id)
            query = query.where(or_(table.created_at_ns < after.time_ns, earlier))
        return [Delivery(**row._mapping) for row in self._all(query)]  # noqa: SLF001  # see above

    def replay(self, webhook: str, delivery: str, *, now_ns: int) -> bool:
        """Send a delivery again, with the same identifier; False when there is none."""
        this = (delivery_table.c.id == delivery) & (delivery_table.c.webhook == webhook)
        values = {"state": "waiting", "attempts": 0, "next_at_ns": now_ns}
        with translated(self._engine), self._engine.begin() as db:
            return db.execute(update(delivery_table).where(this).values(values)).rowcount > 0

    def prune(self, *, before_ns: int) -> int:
        """Remove deliveries made before a time that were delivered or given up."""
        done = (delivery_table.c.created_at_ns < before_ns) & (delivery_table.c.state != "waiting")
        with translated(self._engine), self._engine.begin() as db:
            return db.execute(delete(delivery_table).where(done)).rowcount

    def _all(self, query: Any) -> Sequence[Row[Any]]:
        with translated(self._engine), self._engine.connect() as db:
            return db.execute(query).all()


def _place(webhook: Webhook) -> dict[str, object]:
    return {
        "alarms_revision": webhook.alarms.time_ns,
        "alarms_id": webhook.alarms.id,
        "risks_revision": webhook.risks.time_ns,
        "risks_id": webhook.risks.id,
        "decisions_seq": webhook.decisions_seq,
    }


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=row.id,
        organisation=row.organisation,
        url=row.url,
        events=tuple(row.events),
        secret=row.secret,
        created_at_ns=row.created_at_ns,
        alarms=TimedKey(row.alarms_revision, row.alarms_id),
        risks=TimedKey(row.risks_revision, row.risks_id),
        decisions_seq=row.decisions_seq,
    )
