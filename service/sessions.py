"""Sessions with the broker: the durable ones of ingest, and how every client of ours makes itself known."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from domain.errors import ConfigurationError
from ingest.mqtt import MqttInbox, TlsFiles, secure_client
from ingest.shards import session_name, shard_filters
from ingest.spill import Spill
from ingest.topics import ALL_TOPICS, FORMER_FILTERS, TOPIC_FILTERS
from service.settings import Settings
from service.settings_sections import MqttSection
from service.telemetry import emitter

__all__ = ["check_workers", "make_inbox", "refusal_in_words", "secure"]

# A broker that sends again at once needs no longer to show that nothing waits there.
_LEAST_QUIET_S: Final = 1.0


def make_inbox(settings: Settings, shard: int | None = None) -> MqttInbox:
    """Make the inbox of the durable session of a shard; None is what has none, without shards everything.

    Raises
    ------
    ConfigurationError
        If a file of certificates cannot be used.
    """
    section = settings.mqtt
    if shard is not None:
        filters, former = shard_filters(shard, TOPIC_FILTERS), shard_filters(shard, FORMER_FILTERS)
    elif section.whole_broker and not section.shards:
        filters, former = ALL_TOPICS, (*TOPIC_FILTERS, *FORMER_FILTERS)
    else:
        filters, former = TOPIC_FILTERS, (*FORMER_FILTERS, *ALL_TOPICS)
    # A file that cannot be used would end every connection at its beginning, without the name of the setting.
    secure(section)(paho.Client(CallbackAPIVersion.VERSION2))
    return MqttInbox(
        section.host,
        section.port,
        session_name(section.client_id, shard),
        username=section.username,
        password=_password(section),
        tls=_tls(section),
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


def secure(section: MqttSection) -> Callable[[paho.Client], None]:
    """Give what makes a client known to the broker as ingest is: the same user, certificates and encryption.

    Returns
    -------
    callable
        Called with a client that is not connected yet; a `ConfigurationError` says which file cannot be used.
    """

    def prepare(client: paho.Client) -> None:
        try:
            secure_client(client, username=section.username, password=_password(section), tls=_tls(section))
        except OSError as error:
            files = ", ".join(map(str, filter(None, (section.ca_file, section.certificate_file, section.key_file))))
            raise ConfigurationError(
                f"mqtt.ca_file, mqtt.certificate_file, mqtt.key_file: got {files}, expected certificates in PEM "
                f"({error.strerror or error}); correct the settings"
            ) from error

    return prepare


def refusal_in_words(host: str, port: int, reason: object) -> str:
    """Say that a broker refuses a client, and what to look at; `reason` is paho's."""
    return (
        f"the broker at {host}:{port} refused us: {reason}; check mqtt.username and mqtt.password, and the broker's "
        "access list"
    )


def _password(section: MqttSection) -> str | None:
    return section.password.get_secret_value() if section.password is not None else None


def _tls(section: MqttSection) -> TlsFiles | None:
    if section.ca_file is None:
        own = next((name for name in ("certificate_file", "key_file") if getattr(section, name) is not None), None)
        if own is not None:
            raise ConfigurationError(
                f"mqtt.{own}: got {str(getattr(section, own))!r} without mqtt.ca_file, expected both: that "
                "one switches TLS on; give the broker's certificate authority"
            )
        return None
    return TlsFiles(section.ca_file, section.certificate_file, section.key_file)


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
