"""Telling receivers what changed: CloudEvents 1.0, signed, at least once, with patience.

A thread of the API process looks for changes behind each webhook's place, queues them, and posts what is due. A
receiver that does not answer 2xx is asked again after 10 seconds, 20, 40 and so on up to an hour; after twelve
attempts, some five hours, the delivery is dead and waits for a person to replay it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from pydantic import BaseModel

from api.answers import alarm_item, decision_item, risk_item
from api.cloud_events import made_event
from api.languages import Language
from api.rooms import ApiRooms
from api.scoped import OrganisationDecisions
from domain.errors import StorageError, StorageUnavailable
from service.safe_http import Network, Posted, RefusedAddressError, post
from service.telemetry import logger
from storage.protocols import AdvisoryStore, DecisionLog, TimedKey
from storage.webhooks import Delivery, Webhook, WebhookStore

__all__ = ["WebhookDeliverer", "back_off_ns", "signature"]

_NS_PER_S: Final = 1_000_000_000
_FIRST_WAIT_S: Final = 10
_LONGEST_WAIT_S: Final = 3600
_ATTEMPTS: Final = 12
_PAGE: Final = 100
_TIMEOUT_S: Final = 10.0
_LOOK_S: Final = 1.0
_KEPT_NS: Final = 30 * 86_400 * _NS_PER_S


def signature(secret: str, delivery: str, at_s: int, body: str) -> str:
    """Sign a delivery as Standard Webhooks has it: HMAC-SHA256 over identifier, time and body.

    The key is what the base64 behind `whsec_` stands for.
    """
    text = f"{delivery}.{at_s}.{body}".encode()
    return "v1," + base64.b64encode(hmac.new(_key_of(secret), text, hashlib.sha256).digest()).decode()


def _key_of(secret: str) -> bytes:
    shown = secret.removeprefix("whsec_")
    # Of the 43 letters of a secret from before, which is no whole base64, the text itself was the key and stays it.
    return base64.b64decode(shown) if len(shown) % 4 == 0 else secret.encode()


def back_off_ns(attempts: int) -> int:
    """Give how long to wait after so many attempts, with up to a tenth of chance so that receivers are not flooded."""
    seconds = float(min(_FIRST_WAIT_S << (attempts - 1), _LONGEST_WAIT_S))
    return round(seconds * random.uniform(1.0, 1.1) * _NS_PER_S)  # noqa: S311 -- spreads load, hides nothing


class WebhookDeliverer:
    """Queues and posts, until it is stopped.

    Parameters
    ----------
    rooms : ApiRooms
        Unscoped: each webhook is told of its own organisation.
    source : str
        `source` of the events: a URN of the owner, or the address of this service.
    allowed : sequence of networks
        Inside networks that receivers may be in.
    """

    def __init__(
        self,
        rooms: ApiRooms,
        store: WebhookStore,
        *,
        source: str,
        allowed: Sequence[Network] = (),
        send: Callable[..., Posted] = post,
    ) -> None:
        self._rooms = rooms
        self._store = store
        self._source = source
        self._allowed = tuple(allowed)
        self._send = send
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the delivery under way."""
        self._stopping.set()
        self._thread.join(_TIMEOUT_S + 1)

    def queue_changes(self) -> int:
        """Queue what changed behind each webhook's place, and give how many events."""
        return sum(self._apart(webhook, self._queue) for webhook in self._store.webhooks())

    def post_due(self, *, now_ns: int | None = None) -> int:
        """Post what is due, and give how many attempts were made.

        A receiver that fails gets nothing more in this round, and neither does one whose turn has lasted as long as one
        delivery may: either would otherwise hold up all others for as long as it has something waiting.
        """
        at_ns = now_ns if now_ns is not None else self._rooms.wall_clock_ns()
        return sum(self._apart(webhook, self._post, at_ns) for webhook in self._store.webhooks())

    def _apart(self, webhook: Webhook, step: Callable[..., int], *given: int) -> int:
        """Do one webhook's part; what fails there is its own, but for a store that is away, which is everybody's."""
        try:
            return step(webhook, *given)
        except StorageUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 -- whatever it is, the webhooks behind this one have their turn
            logger().error("webhook_failed", webhook=webhook.id, reason=_reason(error), exc_info=True)
            return 0

    def _queue(self, webhook: Webhook) -> int:
        sight = self._sight(webhook)
        if sight is None:
            return 0
        told, events = self._changes(webhook, *sight)
        if told == webhook:
            return 0
        self._store.queue(told, events)
        return len(events)

    def _post(self, webhook: Webhook, at_ns: int) -> int:
        attempts = 0
        ends_s = time.monotonic() + _TIMEOUT_S
        for delivery in self._store.due(webhook.id, now_ns=at_ns):
            if self._stopping.is_set():
                break
            attempts += 1
            if not self._attempt(delivery, webhook, at_ns) or time.monotonic() >= ends_s:
                break
        return attempts

    def _run(self) -> None:
        pruned_at = 0.0
        while not self._stopping.wait(_LOOK_S):
            try:
                self.queue_changes()
                self.post_due()
                if time.monotonic() - pruned_at > 3600:  # noqa: PLR2004  # once an hour
                    pruned_at = time.monotonic()
                    self._store.prune(before_ns=self._rooms.wall_clock_ns() - _KEPT_NS)
            except StorageError as error:
                logger().warning("webhooks_waiting", reason=str(error))
            except Exception as error:  # noqa: BLE001 -- nobody starts this thread again, and all receivers wait for it
                logger().error("webhooks_failed", reason=_reason(error), exc_info=True)

    def _sight(self, webhook: Webhook) -> tuple[AdvisoryStore, DecisionLog] | None:
        """Give what the webhook's organisation sees; None when it shares this service no more."""
        access = self._rooms.access
        organisation = access.organisation(webhook.organisation)
        if organisation is None or organisation.register_names is None:
            is_only = organisation is not None or not access.required
            return (self._rooms.store, self._rooms.decisions) if is_only else None
        store = self._rooms.store.of(organisation.register_names)
        return store, OrganisationDecisions(self._rooms.decisions, store, organisation)

    def _changes(
        self, webhook: Webhook, store: AdvisoryStore, decisions: DecisionLog
    ) -> tuple[Webhook, list[Delivery]]:
        found: list[Delivery] = []
        for alarm in store.changed_alarms(after=webhook.alarms, limit=_PAGE):
            webhook = replace(webhook, alarms=TimedKey(alarm.revision, alarm.id))
            if not alarm.is_echo:  # of an event at many structures its oldest alarm tells, and those told before it
                found += self._event(webhook, "alarm", alarm.asset, alarm_item(alarm, Language.ENGLISH))
        for asset, risk in store.changed_risks(after=webhook.risks, limit=_PAGE):
            webhook = replace(webhook, risks=TimedKey(risk.revision, asset.id))
            if not risk.provisional:
                item = risk_item(asset, risk, Language.ENGLISH, self._rooms.now_ns())
                found += self._event(webhook, "risk", asset.id, item)
        for decision in decisions.decisions_after(webhook.decisions_seq, limit=_PAGE):
            webhook = replace(webhook, decisions_seq=decision.seq)
            found += self._event(webhook, "decision", decision.asset, decision_item(decision))
        return webhook, found

    def _event(self, webhook: Webhook, kind: str, subject: str, item: BaseModel) -> list[Delivery]:
        if kind not in webhook.events:
            return []
        at_ns = self._rooms.wall_clock_ns()
        data: Any = item.model_dump(mode="json", by_alias=True)
        # The same change gives the same identifier, so that a receiver can tell what came twice.
        place = f"{webhook.id} {kind} {webhook.alarms} {webhook.risks} {webhook.decisions_seq}"
        identifier = hashlib.sha256(place.encode()).hexdigest()[:40]
        return [made_event(webhook, kind, subject, data, identifier=identifier, source=self._source, at_ns=at_ns)]

    def _attempt(self, delivery: Delivery, webhook: Webhook, now_ns: int) -> bool:
        """Post once and write down how it went; True where the receiver took it."""
        attempts = delivery.attempts + 1
        at_s = now_ns // _NS_PER_S
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "Schouw",
            "Webhook-Id": delivery.id,
            "Webhook-Timestamp": str(at_s),
            "Webhook-Signature": signature(webhook.secret, delivery.id, at_s, delivery.body),
        }
        try:
            posted = self._send(
                webhook.url, delivery.body.encode(), headers, timeout_s=_TIMEOUT_S, allowed=self._allowed
            )
            is_taken, told = 200 <= posted.status < 300, f"{posted.status} {posted.said}"  # noqa: PLR2004  # success
        except RefusedAddressError as refused:
            is_taken, told = False, f"not sent: {refused}"
        except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: what cannot be put into bytes
            is_taken, told = False, _reason(error)
        if is_taken:
            self._store.settle(delivery.id, state="delivered", attempts=attempts, next_at_ns=now_ns, told=told)
            return True
        is_over = attempts >= _ATTEMPTS
        self._store.settle(
            delivery.id,
            state="dead" if is_over else "waiting",
            attempts=attempts,
            next_at_ns=now_ns + back_off_ns(attempts),
            told=told,
        )
        return False


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
