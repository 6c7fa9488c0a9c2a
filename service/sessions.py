"""The durable sessions with the broker: one, or one for each shard."""

from __future__ import annotations

import time
from typing import Final

from domain.errors import ConfigurationError
from ingest.mqtt import MqttInbox, TlsFiles
from ingest.shards import session_name, shard_filters
from ingest.spill import Spill
from ingest.topics import ALL_TOPICS, FORMER_FILTERS, TOPIC_FILTERS
from service.settings import Settings
from service.telemetry import emitter

__all__ = ["check_workers", "make_inbox"]

# A broker that sends again at once needs no longer to show that nothing waits there.
_LEAST_QUIET_S: Final = 1.0


def make_inbox(settings: Settings, shard: int | None = None) -> MqttInbox:
    """Make the inbox of the durable session of a shard; None is what has none, without shards everything."""
    section = settings.mqtt
    if shard is not None:
        filters, former = shard_filters(shard, TOPIC_FILTERS), shard_filters(shard, FORMER_FILTERS)
    elif section.whole_broker and not section.shards:
        filters, former = ALL_TOPICS, (*TOPIC_FILTERS, *FORMER_FILTERS)
    else:
        filters, former = TOPIC_FILTERS, (*FORMER_FILTERS, *ALL_TOPICS)
    password = section.password.get_secret_value() if section.password is not None else None
    tls = None
    if section.ca_file is not None:
        tls = TlsFiles(section.ca_file, section.certificate_file, section.key_file)
    return MqttInbox(
        section.host,
        section.port,
        session_name(section.client_id, shard),
        username=section.username,
        password=password,
        tls=tls,
        keep_alive_s=section.keep_alive_seconds,
        reads_in_bursts=section.reads_in_bursts,
        queue_limit=settings.ingest.queue_messages,
        queue_bytes=settings.ingest.queue_bytes,
        now_ns=time.time_ns,
        emit=emitter("ingest"),
        spill=Spill(settings.data_dir, settings.ingest.spill_bytes),
        filters=filters,
        former_filters=former,
        quiet_s=max(section.redelivery_seconds, _LEAST_QUIET_S),
    )


def check_workers(settings: Settings) -> None:
    """Refuse workers that there is nothing to do for, or that would change results.

    Raises
    ------
    ConfigurationError
        In one sentence.
    """
    workers, shards = settings.ingest.workers, settings.mqtt.shards
    if workers > max(shards, 1):
        raise ConfigurationError(
            f"ingest.workers: got {workers} with mqtt.shards {shards}, expected at most one worker a shard; the "
            "embedded broker makes shards for `schouw run --workers`, another one must map topics to shard/<n>/... by "
            "asset (docs/how-to-workers.md)"
        )
    if shards and settings.ingest.clock == "stream":
        raise ConfigurationError(
            f"mqtt.shards: got {shards} with ingest.clock 'stream', expected 0; shards that are read at their own pace "
            "would move the stream's clock for each other: replay history with one worker, in a folder without shards"
        )
