"""Webhooks of an organisation: where it wants to be told, what was sent, and sending again."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Body, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from api.access import Who, needs, refuse_without
from api.cloud_events import WebhookRooms, made_event
from api.conditional import json_response
from api.edge import require_json
from api.paging import next_cursor, page_link, read_page
from api.problems import FieldError, ProblemError, invalid_input, not_found
from api.questions import ItemPath, PageQuery, Rooms, page_size
from api.rooms import ApiRooms
from api.schemas import Listing
from api.schemas_service import DeliveryItem, MadeWebhookItem, WebhookItem
from api.times import rfc3339
from api.whole_query import asked_whole
from domain.access import Caller, Right
from storage.protocols import TimedKey
from storage.webhooks import Delivery, Webhook

__all__ = ["router"]

router = APIRouter(tags=["webhooks"], dependencies=[needs(Right.MANAGE_WEBHOOKS), asked_whole])

# What a receiver is told may be read by whoever sends it there.
_RIGHTS: Final = {"alarm": Right.READ_ALARMS, "risk": Right.READ_RISKS, "decision": Right.READ_DECISIONS}
_EXAMPLES: Final[dict[str, Any]] = {
    "alarms and decisions": {
        "value": {"url": "https://assets.example.org/schouw", "events": ["alarm", "decision"]},
        "summary": "Tell a receiver of alarms and of what people decided",
    }
}


class WebhookBody(BaseModel):
    """A webhook as it is asked for."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    url: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2048,
            description="https address of the receiver, in ASCII; it must be a public one.",
            pattern=r"^https?://[A-Za-z0-9\[]",
            examples=["https://assets.example.org/schouw"],
        ),
    ]
    events: Annotated[
        list[Literal["alarm", "risk", "decision"]],
        Field(min_length=1, max_length=3, description="Of what to tell.", examples=[["alarm", "decision"]]),
    ]


@router.get("/v1/webhooks", response_model=Listing[WebhookItem], summary="List webhooks")
def list_webhooks(rooms: Rooms, who: Who) -> Response:
    """List the organisation's webhooks, oldest first; without their secrets."""
    hooks = _hooks(rooms)
    items = [_item(webhook) for webhook in hooks.store.webhooks(_owner(who))]
    return json_response(Listing[WebhookItem](items=items, next=None))


@router.post(
    "/v1/webhooks",
    status_code=201,
    response_model=MadeWebhookItem,
    dependencies=[Depends(require_json)],
    summary="Make a webhook",
    responses={201: {"headers": {"Location": {"description": "Where it is now.", "schema": {"type": "string"}}}}},
)
def make_webhook(rooms: Rooms, who: Who, given: Annotated[WebhookBody, Body(openapi_examples=_EXAMPLES)]) -> Response:
    """Tell a receiver what changes from now on; the secret that signs is shown this once.

    It takes the right to read what is told too: `alarms:read`, `risks:read` and `decisions:read`.
    """
    for kind in given.events:
        refuse_without(who, _RIGHTS[kind])
    hooks = _hooks(rooms)
    refusal = hooks.refusal(given.url)
    if refusal is not None:
        raise invalid_input([FieldError("body", "url", repr(given.url[:100]), f"a public https address: {refusal}")])
    newest = rooms.decisions.decisions(limit=1)
    made = hooks.store.create(
        organisation=_owner(who) or "",
        url=given.url,
        events=tuple(dict.fromkeys(given.events)),
        now_ns=rooms.wall_clock_ns(),
        revision=rooms.store.revisions().rows,
        decisions_seq=newest[0].seq if newest else 0,
    )
    answer = MadeWebhookItem(**_item(made).model_dump(), secret=made.secret)
    return json_response(answer, status=201, headers={"Location": f"/v1/webhooks/{made.id}"})


@router.get("/v1/webhooks/{webhook_id}", response_model=WebhookItem, summary="Show one webhook")
def show_webhook(rooms: Rooms, who: Who, webhook_id: ItemPath) -> Response:
    """Show one webhook, without its secret."""
    return json_response(_item(_known(webhook_id, rooms, who)))


@router.delete("/v1/webhooks/{webhook_id}", status_code=204, response_class=Response, summary="Remove a webhook")
def remove_webhook(rooms: Rooms, who: Who, webhook_id: ItemPath) -> Response:
    """Stop telling a receiver, and forget what was sent to it."""
    _hooks(rooms).store.remove(_known(webhook_id, rooms, who).id)
    return Response(status_code=204)


@router.post(
    "/v1/webhooks/{webhook_id}/test", status_code=202, response_model=DeliveryItem, summary="Send an event for a test"
)
def test_webhook(rooms: Rooms, who: Who, webhook_id: ItemPath) -> Response:
    """Queue one event of type `nl.schouw.webhook.tested.v1`; the list of deliveries says how it went."""
    hooks, webhook = _hooks(rooms), _known(webhook_id, rooms, who)
    delivery = made_event(
        webhook, "test", webhook.id, {"message": "It works."},
        identifier=secrets.token_hex(20), source=hooks.source, at_ns=rooms.wall_clock_ns(),
    )  # fmt: skip
    hooks.store.add(delivery)
    return json_response(_delivery_item(delivery), status=202)


@router.get("/v1/webhooks/{webhook_id}/deliveries", response_model=Listing[DeliveryItem], summary="List what was sent")
def list_deliveries(
    request: Request, rooms: Rooms, who: Who, webhook_id: ItemPath, question: Annotated[PageQuery, Query()]
) -> Response:
    """List deliveries of a webhook, newest first, with what the receiver said; those done are kept for 30 days."""
    webhook = _known(webhook_id, rooms, who)
    page = read_page(TimedKey, question.cursor, page_size(question, rooms), scope=f"deliveries {webhook.id}")
    found = _hooks(rooms).store.deliveries(webhook.id, after=page.after, limit=page.limit)
    cursor = next_cursor(found, page, lambda delivery: TimedKey(delivery.created_at_ns, delivery.id))
    answer = Listing[DeliveryItem](items=[_delivery_item(item) for item in found[: page.size]], next=cursor)
    return json_response(answer, headers=page_link(request, cursor))


@router.post(
    "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_class=Response,
    summary="Send a delivery again",
)
def replay_delivery(rooms: Rooms, who: Who, webhook_id: ItemPath, delivery_id: ItemPath) -> Response:
    """Send a delivery again, dead or not, with the same identifier."""
    webhook = _known(webhook_id, rooms, who)
    if not _hooks(rooms).store.replay(webhook.id, delivery_id, now_ns=rooms.wall_clock_ns()):
        raise not_found("delivery", delivery_id)
    return Response(status_code=202)


def _hooks(rooms: ApiRooms) -> WebhookRooms:
    if rooms.webhooks is None:
        raise ProblemError(503, "No webhooks", "Webhooks are not set up here.", headers={"Retry-After": "3600"})
    return rooms.webhooks


def _owner(who: Caller) -> str | None:
    return None if who.organisation is None else who.organisation.id


def _known(webhook_id: str, rooms: ApiRooms, who: Caller) -> Webhook:
    found = next((item for item in _hooks(rooms).store.webhooks(_owner(who)) if item.id == webhook_id), None)
    if found is None:
        raise not_found("webhook", webhook_id)
    return found


def _item(webhook: Webhook) -> WebhookItem:
    return WebhookItem(
        id=webhook.id, url=webhook.url, events=list(webhook.events), created_at=rfc3339(webhook.created_at_ns)
    )


def _delivery_item(delivery: Delivery) -> DeliveryItem:
    return DeliveryItem(
        id=delivery.id,
        type=delivery.type,
        subject=delivery.subject,
        state=delivery.state,
        attempts=delivery.attempts,
        created_at=rfc3339(delivery.created_at_ns),
        next_attempt_at=rfc3339(delivery.next_at_ns) if delivery.state == "waiting" else None,
        told=delivery.told,
    )
