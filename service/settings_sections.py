"""What can be set, section by section: names, ranges, defaults, and what each is for.

A default is a choice with a reason; `docs/settings.md` lists them all. How settings are read is `service.settings`.

An empty value is what a script or a compose file hands on of something that nobody set. Where it would be taken for the
working folder, for every address or for no name at all it is refused; where nothing is a value it is that.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

__all__ = [
    "AccessSection",
    "ApiSection",
    "BrokerSection",
    "GivenPath",
    "InfluxSection",
    "IngestSection",
    "MqttSection",
    "OwnerSection",
    "RetentionSection",
    "StorageSection",
    "TelemetrySection",
    "WebhookSection",
]


def _given(value: object) -> object:
    """Refuse what is empty; numbers, switches and lists refuse it by themselves."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("expected a value; leave it out for the default")
    return value


def _none_where_empty(value: object) -> object:
    """Take what a compose file hands on of something that nobody set for not set."""
    return None if value == "" else value


_FROZEN = ConfigDict(frozen=True, extra="forbid")
Port = Annotated[int, Field(ge=1, le=65535)]
GivenText = Annotated[str, BeforeValidator(_given)]
GivenPath = Annotated[Path, BeforeValidator(_given)]


class MqttSection(BaseModel):
    """The broker that ingest listens to."""

    model_config = _FROZEN

    host: GivenText = Field("127.0.0.1", description="Name or address of the broker.")
    port: Port = Field(1883, description="Port of the broker.")
    username: str | None = Field(None, description="User name, when the broker asks for one.")
    password: SecretStr | None = Field(None, description="Password of that user.")
    client_id: str = Field(
        "schouw-ingest", min_length=1, max_length=23, description="Names the durable session; fixed for its life."
    )
    keep_alive_seconds: int = Field(30, ge=5, le=3600, description="Longest silence before the connection is tested.")
    ca_file: GivenPath | None = Field(None, description="Certificate authority of the broker; switches TLS on.")
    certificate_file: GivenPath | None = Field(
        None, description="Client certificate, for brokers that ask for one; with `ca_file`."
    )
    key_file: GivenPath | None = Field(None, description="Key of the client certificate.")
    redelivery_seconds: float = Field(
        8.0,
        ge=0,
        le=600,
        description="After a (re)connection hops stay open this long, until the broker has sent again what it must: "
        "above its `ack_wait`; 0 for brokers that send again at once, such as Mosquitto. By the stream's clock also "
        "after each message that the broker marks as sent again.",
    )
    shards: int = Field(
        0,
        ge=0,
        le=256,
        description="The broker puts shard/<n>/ in front of topics by their asset, n below this number; 0: it does "
        "not. The embedded broker makes four when it is first started with several workers.",
    )
    whole_broker: bool | None = Field(
        None,
        description="The broker serves Schouw alone: subscribe to all of its topics in one filter, which is less work "
        "for nats-server, and say in words what came on a topic of another form. Not set: the embedded broker of "
        "`schouw run` is such a one, unless it has shards, and no other.",
    )
    reads_in_bursts: bool = Field(
        default=True,
        description="Take many messages out of one read of the socket; false leaves reading to paho, "
        "a packet at a time and several times slower.",
    )

    _empty_is_none = field_validator("username", "password", mode="before")(_none_where_empty)


class BrokerSection(BaseModel):
    """The embedded broker of `schouw run`."""

    model_config = _FROZEN

    embedded: bool = Field(default=True, description="Start nats-server as a child; false: a broker is there already.")
    sync_always: bool = Field(
        default=True,
        description="Write every message to disk before it is acknowledged; false is ten times as fast and loses up "
        "to two minutes in a power cut.",
    )
    max_ack_pending: int = Field(
        4096,
        ge=512,
        le=13107,
        description="Messages under way to ingest at most, for each topic filter: two batches. The broker holds them "
        "in memory until they are read, up to two gigabytes, and sends again what is not acknowledged in five seconds.",
    )


class IngestSection(BaseModel):
    """From messages to closed hops."""

    model_config = _FROZEN

    clock: Literal["wall", "stream"] = Field(
        "wall", description="Which clock closes hops: the wall's, or the stream's own progress (replays, the demo)."
    )
    lateness_seconds: float | None = Field(
        None,
        ge=0,
        le=30 * 86400,
        description="How long a hop waits for late readings after its end; default 900 by the wall's clock and 86400 "
        "by the stream's.",
    )
    idle_seconds: float = Field(
        8 * 86400,
        ge=60,
        le=400 * 86400,
        description="By the stream's clock: how far a channel may fall behind before its asset waits for it no more.",
    )
    pause_seconds: float = Field(
        10.0,
        ge=0.5,
        le=3600,
        description="By the stream's clock: after this long without a message, hops that are complete close.",
    )
    future_seconds: float = Field(
        300.0, ge=0, le=86400, description="By the wall's clock: how far ahead a device time may be."
    )
    earliest_year: int = Field(
        2015, ge=1970, le=2100, description="By the wall's clock: device times before it are no device times."
    )
    backfill_days: float = Field(
        7.0,
        ge=0,
        le=31,
        description="How far behind an asset's last closed hop a late reading is scored, and all after it again; "
        "what is older is stored only.",
    )
    backfill_settle_seconds: float = Field(
        5.0, ge=0, le=600, description="Scoring again begins this long after the last late reading, or within a minute."
    )
    batch_messages: int = Field(2000, ge=1, le=50_000, description="Messages in one commit at most.")
    queue_messages: int = Field(
        70_000,
        ge=100,
        le=1_000_000,
        description="Messages that wait at most: as many as a broker can have under way (65,535), since one that "
        "cannot deliver what is under way closes the connection.",
    )
    queue_bytes: int = Field(
        268_435_456,
        ge=1_048_576,
        le=68_719_476_736,
        description="Bytes of their payloads in memory at most; what is more waits on disk.",
    )
    spill_bytes: int = Field(
        8_589_934_592,
        ge=0,
        le=1_099_511_627_776,
        description="Bytes of them on disk at most, in the data folder, of which one gigabyte is left free; beyond it "
        "nothing is read, and the broker holds the rest.",
    )
    max_payload_bytes: int = Field(4_194_304, ge=1024, le=268_435_456, description="Larger payloads are refused.")
    closing_seconds: float = Field(0.25, ge=0.01, le=60, description="Hops close together, this long apart at least.")
    provisional_seconds: float = Field(
        0.25,
        ge=0,
        le=60,
        description="Provisional assessments of an asset are this long apart at least. A hundred assets are looked at "
        "together, and messages have as long between two looks; twenty-four times while some wait.",
    )
    snapshot_seconds: float = Field(
        10.0,
        ge=0.1,
        le=3600,
        description="State is saved this often while it changes, at most a twelfth of the time.",
    )
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that take messages from the broker's shards and decode them for ingest, at most one a "
        "shard; by the wall's clock only.",
    )
    projects: bool | None = Field(
        None,
        description="Ingest writes the projections itself; false leaves them to `schouw project`, so that they take no "
        "time from messages. Default: `schouw run` starts that process, and `schouw ingest` alone writes them itself.",
    )


class ApiSection(BaseModel):
    """The HTTP service."""

    model_config = _FROZEN

    host: GivenText = Field(
        "127.0.0.1", description="Address to listen on; anything but loopback needs `access.required`."
    )
    port: Port = Field(8000, description="Port to listen on.")
    allowed_hosts: tuple[str, ...] = Field(
        ("127.0.0.1", "localhost", "[::1]"), description="Host headers that are answered; guards against rebinding."
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[^/\s?#]+$",
        description="Scheme, host and port that callers use, such as https://schouw.example.org; stands in the OpenAPI "
        "document; default: http, host and port above.",
    )
    map_tiles_url: str = Field(
        "",
        pattern=r"^(https?://[^\s\"'<>;,]+)?$",
        description="Background of the map, such as https://service.pdok.nl/brt/achtergrondkaart/wmts/v2_0/grijs/"
        "EPSG:3857/{z}/{x}/{y}.png; empty: none, and browsers ask nobody else.",
    )
    map_attribution: str = Field("", description="Whom to thank for that background, such as Kaartgegevens © Kadaster.")
    public_page: bool = Field(
        default=True, description="Anybody may see how it works (/about, /v1/algorithm) without a login."
    )
    warm_charts: bool = Field(
        default=True,
        description="Start the engine that draws charts (110 MB, some seconds of processor time) with the service; "
        "false: with the first chart, so that its reader waits, and never where only programs ask.",
    )
    page_size: int = Field(100, ge=1, le=500, description="Items of a list when the caller names no number.")
    page_size_max: int = Field(500, ge=1, le=5000, description="Most items that a caller may ask for.")

    @field_validator("allowed_hosts")
    @classmethod
    def _without_patterns(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse `*.example.org`, which no header equals."""
        if any("*" in name for name in names if name != "*"):
            raise ValueError("expected whole names such as schouw.example.org, or a * alone for all")
        return names


class AccessSection(BaseModel):
    """Who may ask."""

    model_config = _FROZEN

    required: bool = Field(
        default=False,
        description="Ask for a key or a login; false answers anyone on this machine, and is refused on any address but "
        "loopback.",
    )
    organisations_file: GivenPath | None = Field(
        None,
        description="TOML file with the organisations that share this service and how their people log in; default: "
        "one organisation, that of the owner, without logins.",
    )
    secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="Signs forms and logins under way; default: made once, in the data folder. The same for every "
        "process behind one address.",
    )
    secure_cookies: bool = Field(
        default=True, description="Cookies over TLS alone; false only works on loopback without TLS."
    )
    requests_per_minute: int = Field(600, ge=1, le=1_000_000, description="Requests of one key or person at most.")
    failures_per_minute: int = Field(
        30, ge=1, le=100_000, description="Keys and sessions that do not hold, of one address at most."
    )
    logins_per_minute: int = Field(10, ge=1, le=100_000, description="Logins begun from one address at most.")
    session_hours: float = Field(10.0, gt=0, le=24 * 30, description="A login holds this long at most.")
    session_idle_minutes: float = Field(60.0, gt=0, le=24 * 60, description="A login ends after so long without use.")
    audit_days: int = Field(365, ge=1, le=36_500, description="How long the trail of writes and denied access is kept.")


class WebhookSection(BaseModel):
    """Telling other systems what changed."""

    model_config = _FROZEN

    source: str | None = Field(
        None,
        max_length=200,
        description="`source` of every event, such as urn:nld:oin:<OIN>:systeem:schouw; default: the public address.",
    )
    allowed_networks: tuple[str, ...] = Field(
        (),
        description="Inside networks that receivers may be in, such as 10.20.0.0/16; default: public addresses only.",
    )


class StorageSection(BaseModel):
    """Where rows are kept beside the journal."""

    model_config = _FROZEN

    database_url: SecretStr | None = Field(
        None,
        description="Operational store on a server: postgresql://user:password@host:5432/name; default: SQLite in the "
        "data folder.",
    )
    journal_quota_bytes: int | None = Field(
        None,
        ge=1_048_576,
        description="At this size of the journal nothing more is acknowledged, and the broker holds what comes; it "
        "grows while a projection is away. Default: as far as the disk goes.",
    )
    dead_letter_head_bytes: int = Field(
        256, ge=0, le=65536, description="First bytes of a refused payload that are kept, to show what it was."
    )


class InfluxSection(BaseModel):
    """InfluxDB, when time series are kept there instead of in the data folder."""

    model_config = _FROZEN

    url: str | None = Field(
        None, pattern=r"^https?://[^ ]+$", description="Address of the server; default: none, and SQLite is used."
    )
    kind: Literal["1.8", "2", "3"] = Field("2", description="Which generation of server it is.")
    organisation: str = Field("", description="Organisation, for 2.x.")
    bucket: str = Field(
        "schouw",
        min_length=1,
        description="Bucket of 2.x, database of 3.x, or database or `database/retention-policy` of 1.8.",
    )
    token: SecretStr | None = Field(None, description="Token of 2.x and 3.x, or `user:password` of 1.8.")
    timeout_seconds: float = Field(10.0, ge=0.1, le=300, description="How long one request may take.")
    batch_lines: int = Field(5000, ge=1, le=100_000, description="Lines in one write at most.")
    retention_days: int | None = Field(
        None,
        ge=1,
        le=36_500,
        description="Days that the server keeps points; `schouw doctor --fix` sees to it. Default: as the server has.",
    )
    ca_file: GivenPath | None = Field(
        None, description="Certificate authority of the server, when it is not a public one."
    )

    _empty_is_none = field_validator("url", "token", mode="before")(_none_where_empty)


class RetentionSection(BaseModel):
    """How long each kind of data is kept, in days; the decision log is never cut."""

    model_config = _FROZEN

    readings_days: int = Field(
        2192,
        ge=0,
        le=36_500,
        description="Readings in the data folder, by their own time: six years reach back to the last main inspection "
        "of a structure. 0 keeps all; in InfluxDB `influx.retention_days` decides.",
    )
    hops_days: int = Field(
        3653,
        ge=0,
        le=36_500,
        description="Hourly values with what was expected, by their own time: ten years, so that slow change stays "
        "visible. 0 keeps all.",
    )
    kept_readings_days: int = Field(
        14,
        ge=8,
        le=3660,
        description="Readings of closed hops in the journal, by their own time: they tell duplicates, and late "
        "readings are scored with them, so longer than the seven days of back-fill.",
    )
    arrival_keys_days: int = Field(
        8,
        ge=8,
        le=3660,
        description="Keys of messages that are known by their bytes, since they came: a day longer than the back-fill.",
    )
    dead_letters_days: int = Field(
        90, ge=1, le=3660, description="Refused messages, since they came: a quarter, to mend a gateway in."
    )
    quarantine_days: int = Field(
        90,
        ge=1,
        le=3660,
        description="Messages of unknown senders, since they came: a quarter, to register a sensor in; then they "
        "become dead letters.",
    )
    assessments_days: int = Field(
        3653,
        ge=30,
        le=36_500,
        description="Final assessments, by their own time: ten years, as long as a structure's file is asked for. "
        "Those that a decision rests on stay.",
    )
    every_minutes: float = Field(
        60.0, ge=0.01, le=1440, description="How often ingest removes what is old, in small steps beside its work."
    )


class OwnerSection(BaseModel):
    """Who runs this installation: shown on pages and in the API's description."""

    model_config = _FROZEN

    organisation: GivenText = Field("Voorbeeldgemeente", description="Name of the authority.")
    contact_name: GivenText = Field("Asset management", description="Whom to ask.")
    contact_url: GivenText = Field("https://example.org/", description="Page with more.")
    theme_file: GivenPath | None = Field(
        None, description="CSS with the owner's own values for the tokens of api/static/tokens.css; read at start."
    )
    logo_file: GivenPath | None = Field(None, description="The owner's sign for the pages, SVG or PNG; read at start.")
    contact_email: GivenText = Field("assets@example.org", description="Address to write to.")
    false_alarms_per_year: float = Field(
        0.03,
        ge=0.001,
        le=10,
        description="The alarm budget: false alarms about the condition that one asset may raise a year. The only dial "
        "of the detector; an organisation may have its own, see access.md. A change becomes an entry of the journal.",
    )
    register_file: GivenPath | None = Field(
        None, description="TOML file with what only the owner knows, for the Algorithm Register; see register.md."
    )


class TelemetrySection(BaseModel):
    """Logs."""

    model_config = _FROZEN

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is written.")
    log_format: Literal["text", "json"] = Field("text", description="Text for people, JSON lines for collectors.")
