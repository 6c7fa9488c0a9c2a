"""Events as others read them: CloudEvents 1.0, structured JSON, types as the NL GOV profile wants them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from api.times import rfc3339
from storage.webhooks import Delivery, Webhook, WebhookStore

__all__ = ["EVENT_TYPES", "WebhookRooms", "made_event"]

EVENT_TYPES: Final = {
    "alarm": "nl.schouw.alarm.changed.v1",
    "risk": "nl.schouw.risk.changed.v1",
    "decision": "nl.schouw.decision.recorded.v1",
    "test": "nl.schouw.webhook.tested.v1",
}


@dataclass(frozen=True, slots=True)
class WebhookRooms:
    """What the routes of webhooks work with.

    Attributes
    ----------
    refusal : callable
        Says why an address may not be posted to; None when it may.
    source : str
        `source` of every event.
    """

    store: WebhookStore
    refusal: Callable[[str], str | None]
    source: str


def made_event(
    webhook: Webhook, kind: str, subject: str, data: Any, *, identifier: str, source: str, at_ns: int
) -> Delivery:
    """Make one event: CloudEvents 1.0, structured."""
    body = {
        "specversion": "1.0",
        "id": identifier,
        "source": source,
        "type": EVENT_TYPES[kind],
        "subject": subject,
        "time": rfc3339(at_ns),
        "datacontenttype": "application/json",
        "data": data,
    }
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Delivery(
        id=identifier, webhook=webhook.id, type=EVENT_TYPES[kind], subject=subject, body=text, created_at_ns=at_ns,
        next_at_ns=at_ns,
    )  # fmt: skip
