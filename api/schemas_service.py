"""What the API says of the service itself, as JSON: who asks, webhooks, the trail, readiness and problems."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas import Answer, Time
from domain.access import Right, Role

__all__ = [
    "AuditItem",
    "CallerItem",
    "DeliveryItem",
    "Live",
    "MadeWebhookItem",
    "PartItem",
    "Problem",
    "ReadinessAnswer",
    "WebhookItem",
]


class CallerItem(Answer):
    """Who asks."""

    kind: Annotated[str, Field(description="`person`, `key`, or `local` where no authentication is asked.")]
    id: str
    name: str
    organisation: Annotated[str | None, Field(description="Whose things are seen; null: everybody's.")]
    role: Role
    rights: list[Right]
    csrf_token: Annotated[str | None, Field(description="For `X-CSRF-Token` or a form's `csrf_token`; null for keys.")]


class WebhookItem(Answer):
    """Where an organisation wants to be told."""

    id: str
    url: str
    events: list[str]
    created_at: Time


class MadeWebhookItem(WebhookItem):
    """A webhook just made, with the secret that is shown this once."""

    secret: Annotated[str, Field(description="Key of the HMAC-SHA256 in `Webhook-Signature`.")]


class DeliveryItem(Answer):
    """One event to one receiver."""

    id: Annotated[str, Field(description="`id` of the event; the same when it is sent again.")]
    type: str
    subject: str
    state: Annotated[str, Field(description="`waiting`, `delivered`, or `dead` after twelve attempts.")]
    attempts: int
    created_at: Time
    next_attempt_at: Time | None
    told: Annotated[str, Field(description="What the receiver last said, or why it was not asked.")]


class AuditItem(Answer):
    """One write, or one access that was denied."""

    id: str
    occurred_at: Time
    caller_kind: str
    caller_id: str
    address: str
    method: str
    path: str
    status: int


class PartItem(Answer):
    """One part of the service."""

    name: str
    ok: bool
    detail: str
    since: Annotated[Time | None, Field(description="When it came into this state, UTC.")]


class ReadinessAnswer(Answer):
    """Whether the service can do its work, and each part that this depends on."""

    ready: bool
    parts: list[PartItem]


class Live(Answer):
    """The process answers."""

    live: bool


class ProblemField(BaseModel):
    """One fault of the input."""

    place: Annotated[str, Field(alias="in", description="`query`, `path`, `header` or `body`.")]
    field: Annotated[str, Field(description="Name as the caller writes it.")]
    got: str
    expected: str


class Problem(BaseModel):
    """Problem details, RFC 9457."""

    type: Annotated[str, Field(description="`about:blank`: the status says what kind it is.")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="The path that was asked.")]
    errors: Annotated[
        list[ProblemField] | None, Field(description="All faults of the input at once, where it is at fault.")
    ] = None
