"""What stands in the journal: the body of an entry (the cause) and its outcome (what followed).

A body holds all that the model's state depends on, so that reading bodies in order rebuilds the
state (design.md D3). An outcome holds what the projections need, so that they never compute. Both
are MessagePack; columns of numbers travel as little-endian bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from domain.arrays import ReadingColumns
from domain.errors import StorageCorrupt
from domain.identifiers import AssetId
from domain.measurements import DataQuality, DeadLetter
from domain.records import Alarm, AlarmState, Decision, RiskAssessment
from domain.register import Register
from storage.hop_columns import HopColumns
from storage.modal_entries import ModePeriod, SpectrumNote

__all__ = [
    "QUALITIES",
    "AlarmChange",
    "BatchBody",
    "ClaimNote",
    "ClockChange",
    "ClosingBody",
    "DecisionBody",
    "EntryBody",
    "EntryKind",
    "GatewayChange",
    "Outcome",
    "QuarantineChange",
    "RefusalBody",
    "RegisterBody",
    "RelearningBody",
    "RescoringBody",
    "SensorChange",
    "SensorColumns",
    "decode_body",
    "decode_outcome",
    "decode_readings",
    "encode_body",
    "encode_outcome",
    "encode_readings",
]

EntryKind: TypeAlias = Literal["batch", "closing", "rescoring", "register", "decision", "refusal", "relearning"]


class PackedReadings(msgspec.Struct, array_like=True, frozen=True):
    """`ReadingColumns` as bytes: int32, int64, float64 and uint8, little-endian."""

    channel: bytes
    time_ns: bytes
    value: bytes
    flags: bytes


class ClaimNote(msgspec.Struct, array_like=True, frozen=True):
    """What a batch did to the claim of one channel, see `models.claims.Claim`."""

    channel: int
    claimed_ns: int
    messages: int
    is_fresh: bool


class BatchBody(msgspec.Struct, tag="batch", frozen=True, kw_only=True, omit_defaults=True):
    """Readings accepted in one commit, and what their messages said beyond them.

    Attributes
    ----------
    readings : PackedReadings
        Without duplicates; those flagged `LATE`, `BAD_CLOCK` or `CLAIMED` are stored and not scored as they come.
    step_ns : int
        By the stream's clock: how far ahead a time was believed at once.
    claims : list of ClaimNote
        Claims that changed.
    reaches : dict of int to int
        Longest stretch of times in one message, by one channel of the asset, where it exceeds what was known.
    spectra : list of SpectrumNote
        Of the blocks that are long enough.
    arrival_channel, arrival_s : bytes
        By the wall's clock, of each message that tells of its sensor's clock: int32 one of its channels, and float64
        time of arrival minus newest device time, in seconds.
    """

    readings: PackedReadings
    step_ns: int = 0
    claims: list[ClaimNote] = []
    reaches: dict[int, int] = {}
    arrival_channel: bytes = b""
    arrival_s: bytes = b""
    spectra: list[SpectrumNote] = []


class ClosingBody(msgspec.Struct, tag="closing", frozen=True, kw_only=True):
    """Hops were closed: a tick of the clock, written down because the state depends on it.

    Attributes
    ----------
    clock_ns : int or None
        The wall clock of design.md D1; None: the stream's own progress, which follows from the entries before.
    lateness_ns, idle_ns : int
        Allowances that held then.
    day_lateness_ns : int or None
        How long a day waits for late readings after its end before the second stage goes through it, which cannot be
        taken back. None: an entry of a version that took a `lateness_ns` of 0 for `is_end`.
    is_end : bool
        The history ends here: nobody is waited for.
    span_ns : int
        An asset's hops closed no further beyond its last closed one than this; 0: as far as they were due.
    """

    clock_ns: int | None
    lateness_ns: int
    idle_ns: int
    day_lateness_ns: int | None = None
    is_end: bool = False
    span_ns: int = 0


class RescoringBody(msgspec.Struct, tag="rescoring", frozen=True, kw_only=True):
    """Closed hops of some assets were scored again, with what had come late for them.

    Attributes
    ----------
    from_ns : dict of AssetId to int
        Start of the first hop of each asset whose scores may change; all up to its last closed one follow.
    """

    from_ns: dict[AssetId, int]


class RegisterBody(msgspec.Struct, tag="register", frozen=True, kw_only=True):
    """The whole register, announced works included, as it holds from here on."""

    register: Register
    at_ns: int


class DecisionBody(msgspec.Struct, tag="decision", frozen=True, kw_only=True):
    """One link of the decision log."""

    decision: Decision
    alarm_kind: str | None


class RefusalBody(msgspec.Struct, tag="refusal", frozen=True, kw_only=True):
    """A store will never take something that was accepted; no state depends on it.

    It may stand here twice, after a crash: then with the same identifiers.
    """

    letters: list[DeadLetter]


class RelearningBody(msgspec.Struct, tag="relearning", frozen=True, kw_only=True):
    """The models are of another version from here on, and were learnt again from what is kept.

    Applying it changes nothing: the state that was saved with it is where a start goes on.

    Attributes
    ----------
    before, after : str
        Model versions.
    at_ns : int
        When, by the wall's clock.
    is_whole : bool
        Every entry since the first was there and was applied again; else from hops that are kept.
    from_ns : dict of AssetId to int
        Start of the first hop that was learnt from; an asset that is not in it begins anew.
    shortened : list of AssetId
        Those of which earlier hops are not kept any more.
    """

    before: str
    after: str
    at_ns: int
    is_whole: bool
    from_ns: dict[AssetId, int]
    shortened: list[AssetId] = []


EntryBody: TypeAlias = (
    BatchBody | ClosingBody | RescoringBody | RegisterBody | DecisionBody | RefusalBody | RelearningBody
)


class SensorChange(msgspec.Struct, frozen=True, array_like=True):
    """The newest that came from one channel."""

    channel: int
    time_ns: int
    value: float
    quality: DataQuality


class SensorColumns(msgspec.Struct, frozen=True):
    """The newest that came from many channels, one row a channel, as bytes.

    `channel` int32, `time_ns` int64, `value` float64, `quality` uint8: a place in `DataQuality`.
    """

    channel: bytes = b""
    time_ns: bytes = b""
    value: bytes = b""
    quality: bytes = b""

    @classmethod
    def of(cls, changes: Sequence[SensorChange]) -> SensorColumns:
        """Pack rows."""
        return cls(
            _bytes(np.array([change.channel for change in changes]), "<i4"),
            _bytes(np.array([change.time_ns for change in changes]), "<i8"),
            _bytes(np.array([change.value for change in changes]), "<f8"),
            bytes(QUALITIES.index(change.quality) for change in changes),
        )

    @classmethod
    def from_readings(cls, readings: ReadingColumns, quality: npt.NDArray[np.uint8]) -> SensorColumns:
        """Pack one reading a channel with its place in `QUALITIES`."""
        return cls(
            _bytes(readings.channel, "<i4"),
            _bytes(readings.time_ns, "<i8"),
            _bytes(readings.value, "<f8"),
            _bytes(quality, "u1"),
        )

    def rows(self) -> list[SensorChange]:
        """Unpack rows."""
        return [
            SensorChange(channel, time_ns, value, QUALITIES[quality])
            for channel, time_ns, value, quality in zip(
                np.frombuffer(self.channel, "<i4").tolist(),
                np.frombuffer(self.time_ns, "<i8").tolist(),
                np.frombuffer(self.value, "<f8").tolist(),
                self.quality,
                strict=True,
            )
        ]


# Places in this order stand in the journal: add at its end only.
QUALITIES: Final = tuple(DataQuality)


class QuarantineChange(msgspec.Struct, frozen=True):
    """Messages held for one unknown sender: more of them, or fewer (negative) once it was onboarded."""

    gateway: str
    asset: str
    sensor: str
    messages: int
    first_received_ns: int
    last_received_ns: int
    reason: str
    example: str


class AlarmChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of an alarm that was raised: cleared at an event time, moved on by a decision, or revised.

    An alarm that a person has confirmed or dismissed keeps that state when it clears.

    Attributes
    ----------
    reopened : bool
        It was taken for cleared, and with what came late it stands.
    supported : bool or None
        False: what came late does not bear it out any more, and it is cleared; True: it does after all.
    """

    id: str
    cleared_at_ns: int | None = None
    state: AlarmState | None = None
    reopened: bool = False
    supported: bool | None = None


class ClockChange(msgspec.Struct, frozen=True, array_like=True):
    """How far a sensor's clock is from ours now: the median of arrival minus device time."""

    asset: str
    sensor: str
    skew_s: float


class GatewayChange(msgspec.Struct, frozen=True):
    """A gateway said that it came or went."""

    gateway: str
    state: str
    session: int | None
    since_ns: int | None
    received_ns: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry led to; the projections write it, row for row.

    `register_numbers` are the lasting numbers of `register.channels`, in that order.
    """

    hops: HopColumns = msgspec.field(default_factory=HopColumns)
    assessments: list[RiskAssessment] = []
    current: list[RiskAssessment] = []
    alarms: list[Alarm] = []
    alarm_changes: list[AlarmChange] = []
    sensors: SensorColumns = msgspec.field(default_factory=SensorColumns)
    dead_letters: list[DeadLetter] = []
    quarantine: list[QuarantineChange] = []
    gateways: list[GatewayChange] = []
    clocks: list[ClockChange] = []
    register: Register | None = None
    register_numbers: list[int] = []
    modes: list[ModePeriod] = []


_T = TypeVar("_T")
_ENCODER = msgspec.msgpack.Encoder()
_BODY: msgspec.msgpack.Decoder[EntryBody] = msgspec.msgpack.Decoder(EntryBody)
_OUTCOME = msgspec.msgpack.Decoder(Outcome)


def encode_readings(readings: ReadingColumns) -> PackedReadings:
    """Pack columns into bytes."""
    return PackedReadings(
        _bytes(readings.channel, "<i4"),
        _bytes(readings.time_ns, "<i8"),
        _bytes(readings.value, "<f8"),
        _bytes(readings.flags, "u1"),
    )


def decode_readings(packed: PackedReadings) -> ReadingColumns:
    """Unpack columns; the inverse of `encode_readings`, to the bit."""
    return ReadingColumns(
        np.frombuffer(packed.channel, "<i4").astype(np.int32, copy=False),
        np.frombuffer(packed.time_ns, "<i8").astype(np.int64, copy=False),
        np.frombuffer(packed.value, "<f8").astype(np.float64, copy=False),
        np.frombuffer(packed.flags, "u1"),
    )


def encode_body(body: EntryBody) -> bytes:
    """Put a body into bytes."""
    return _ENCODER.encode(body)


def decode_body(data: bytes) -> EntryBody:
    """Read a body.

    Raises
    ------
    StorageCorrupt
        If the bytes are not what was written.
    """
    body = _decode(_BODY, data, "journal entry")
    if isinstance(body, RegisterBody):
        _share_texts(body.register)
    return body


def _share_texts(register: Register) -> None:
    """Let equal values of a register that was just read be one object: channels repeat nearly all of them."""
    shared: dict[str, str] = {asset.id: asset.id for asset in register.assets}
    intervals: dict[float, float] = {}
    for channel in register.channels:
        for name in ("asset", "sensor", "channel", "unit", "gateway", "position"):
            text = getattr(channel, name)
            if (known := shared.setdefault(text, text)) is not text:
                object.__setattr__(channel, name, known)
        if channel.interval_s > 0:
            object.__setattr__(channel, "interval_s", intervals.setdefault(channel.interval_s, channel.interval_s))


def encode_outcome(outcome: Outcome) -> bytes:
    """Put an outcome into bytes."""
    return _ENCODER.encode(outcome)


def decode_outcome(data: bytes) -> Outcome:
    """Read an outcome; empty bytes are the outcome of nothing.

    Raises
    ------
    StorageCorrupt
        If the bytes are not what was written.
    """
    return _decode(_OUTCOME, data, "outcome of a journal entry") if data else Outcome()


def _bytes(array: npt.NDArray[Any], dtype: str) -> bytes:
    return np.ascontiguousarray(array, dtype=dtype).tobytes()


def _decode(decoder: msgspec.msgpack.Decoder[_T], data: bytes, what: str) -> _T:
    try:
        return decoder.decode(data)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise StorageCorrupt(
            f"{what} of {len(data)} bytes cannot be read ({error}); run `schouw doctor` and restore a backup"
        ) from error
