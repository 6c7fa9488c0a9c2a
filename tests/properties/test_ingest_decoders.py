"""Whatever comes in, nothing but a decoder's own error comes out; and what we write, we read."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from domain.errors import PayloadError
from ingest.batch import Message, MessageOutcome, decode_batch
from ingest.formats.project import (
    OutgoingReading,
    channel_name,
    decode_readings,
    decode_samples,
    decode_status,
    decode_waveform,
    encode_readings,
    encode_waveform,
)
from ingest.formats.times import format_time, parse_time
from ingest.formats.waveforms import RawBlock, decode_key_by_key
from ingest.topics import parse_topic
from tests.lengths import either
from tests.unit.ingest.room import RECEIVED, T0, Room

_ROOM = Room()
_TIMES = st.integers(-(2**63), 2**63 - 1)
_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
_AXES = st.sampled_from(["", "x", "y", "z"])
_QUANTITIES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
_CHANNELS = st.builds(channel_name, _QUANTITIES, _AXES)
_UNITS = st.sampled_from(["mm/s", "m/s", "Cel", "°C", "%RH", "1", "", "furlong"])
_FINITE = st.floats(allow_nan=False, allow_infinity=False)

_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(
        [1, "acc1", "raw1", "z", "Cel", "mm/s", "m/s2", "2026-11-23T09:00:00Z", "i16le", "json", "AADoAw=="]
    ),
)
_KEYS = st.one_of(
    st.text(max_size=8),
    st.sampled_from(
        [
            "v",
            "sensor",
            "t",
            "values",
            "value",
            "unit",
            "axis",
            "is_backfill",
            "t0",
            "fs_hz",
            "n",
            "enc",
            "scale",
            "offset",
            "data",
            "part",
            "parts",
            "id",
            "clipped",
            "state",
            "session",
            "since",
            "clock_synced",
            "temperature",
            "humidity",
            "vibration_rms",
            "vibration_rms.z",
        ]
    ),
)
_JSON = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_KEYS, inner, max_size=8), max_leaves=20
)
# Sound messages with some keys replaced, which reach further than arbitrary JSON does.
_READING: dict[str, Any] = {"v": 1, "sensor": "acc1", "t": T0, "values": {"temperature": {"value": 1.5, "unit": "Cel"}}}
_BLOCK: dict[str, Any] = {
    "v": 1,
    "sensor": "raw1",
    "axis": "z",
    "t0": T0,
    "fs_hz": 100.0,
    "n": 2,
    "unit": "m/s2",
    "enc": "i16le",
    "data": "AADoAw==",
}
_STATUS: dict[str, Any] = {"v": 1, "state": "online", "session": 1, "since": T0}
_CHANGED = st.builds(
    lambda base, change: base | change,
    st.sampled_from([_READING, _BLOCK, _STATUS]),
    st.dictionaries(_KEYS, _JSON, max_size=3),
)
_DOCUMENTS = st.one_of(_JSON, _CHANGED, st.lists(_CHANGED, max_size=4)).map(msgspec.json.encode)
_CUT = st.builds(lambda raw, at: raw[: at % (len(raw) + 1)], _DOCUMENTS, st.integers(0, 10_000))
_FLIPPED = st.builds(
    lambda raw, at, byte: raw[: at % len(raw)] + bytes([byte]) + raw[at % len(raw) + 1 :],
    _DOCUMENTS,
    st.integers(0, 10_000),
    st.integers(0, 255),
)
_PAYLOADS = st.one_of(st.binary(max_size=300), _DOCUMENTS, _CUT, _FLIPPED)
_TOPICS = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "infra/v1/gw-7/brug-042/acc1/reading",
            "infra/v1/gw-7/brug-042/raw1/waveform",
            "infra/v1/gw-7/brug-042/raw1/waveform/bin",
            "infra/v1/gw-7/brug-042/raw1/reading",
            "infra/v1/gw-7/nope/acc1/reading",
            "infra/v1/gw-7/status",
        ]
    ),
)


_BLOCK_CHANGES = st.dictionaries(
    st.sampled_from([*_BLOCK, "scale", "offset", "part", "parts", "id", "clipped", "is_backfill", "extra"]),
    _SCALARS | st.sampled_from([0, 2, 2.0, -1, True, [0, 1000], "f32le", "AACAPw==", "2026-11-23T09:00:00.5Z", 1e300]),
    max_size=3,
)


@given(change=_BLOCK_CHANGES, without=st.booleans())
@settings(max_examples=400, deadline=None)
def test_the_plain_block_is_read_as_key_by_key(change: dict[str, Any], *, without: bool) -> None:
    block = {key: value for key, value in _BLOCK.items() if key not in change} if without else _BLOCK | change
    payload = msgspec.json.encode(block)
    results: list[object] = []
    for decode in (decode_waveform, decode_key_by_key):
        try:
            results.append(decode(payload, "raw1"))
        except PayloadError as error:
            results.append((error.code, error.reason))
    assert results[0] == results[1]
    if isinstance(results[0], RawBlock) and isinstance(results[1], RawBlock):
        assert list(map(type, results[0])) == list(map(type, results[1]))


@pytest.mark.slow
@given(_PAYLOADS)
@example(b'{"v":1,"sensor":"acc1","values":{"temperature":{"value":' + b"9" * 5000 + b',"unit":"Cel"}}}')
@settings(max_examples=either(250, long=400), deadline=None)
def test_no_payload_raises_anything_but_the_decoder_s_own_error(payload: bytes) -> None:
    for decode in (
        lambda: decode_readings(payload, "acc1"),
        lambda: decode_waveform(payload, "raw1"),
        lambda: decode_status(payload),
    ):
        try:
            decode()
        except PayloadError as error:
            assert len(error.reason) < 1000  # noqa: PT017 -- also what is raised has a bound


@pytest.mark.slow
@given(st.lists(st.builds(Message, _TOPICS, _PAYLOADS, st.just(RECEIVED), st.booleans()), max_size=6))
@settings(max_examples=either(160, long=300), deadline=None)
def test_a_batch_accounts_for_every_message(messages: list[Message]) -> None:
    batch = decode_batch(messages, _ROOM.resolver, _ROOM.limits)
    count = len(messages)
    dead = {refusal.message for refusal in batch.dead_letters if refusal.whole}
    assert batch.outcome.shape == (count,)
    assert "decoder_fault" not in {refusal.code for refusal in batch.dead_letters}
    assert dead == set(np.flatnonzero(batch.outcome == MessageOutcome.DEAD_LETTER).tolist())
    quarantined = {item.message for item in batch.quarantined}
    assert quarantined == set(np.flatnonzero(batch.outcome == MessageOutcome.QUARANTINED).tolist())
    assert len(batch.statuses) == np.count_nonzero(batch.outcome == MessageOutcome.STATUS_ONLY)
    assert len(batch.parts) == np.count_nonzero(batch.outcome == MessageOutcome.PART)
    used = set(batch.message_of_reading.tolist())
    for block, of_block in batch.waveforms:
        used |= set(of_block.tolist())
        assert np.isfinite(block.samples).all()
    assert used == set(np.flatnonzero(batch.outcome == MessageOutcome.DECODED).tolist())
    assert np.isfinite(batch.readings.value).all()


@pytest.mark.slow
@given(
    st.lists(st.builds(Message, _TOPICS, _PAYLOADS, st.just(RECEIVED), st.booleans()), max_size=6), st.integers(0, 6)
)
@settings(max_examples=either(80, long=150), deadline=None)
def test_cutting_a_batch_elsewhere_changes_nothing(messages: list[Message], cut: int) -> None:
    whole = decode_batch(messages, _ROOM.resolver, _ROOM.limits)
    pieces = [decode_batch(part, _ROOM.resolver, _ROOM.limits) for part in (messages[:cut], messages[cut:])]
    for column in ("channel", "time_ns", "value", "flags"):
        joined = np.concatenate([getattr(piece.readings, column) for piece in pieces])
        assert joined.tobytes() == getattr(whole.readings, column).tobytes()
    assert sum(sum(piece.values_refused.values()) for piece in pieces) == sum(whole.values_refused.values())
    assert [refusal[1:] for piece in pieces for refusal in piece.dead_letters] == [
        refusal[1:] for refusal in whole.dead_letters
    ]


@given(
    _IDS,
    st.lists(
        st.builds(
            OutgoingReading,
            _TIMES.filter(lambda time_ns: abs(time_ns) < 2**62),
            st.dictionaries(_CHANNELS, st.tuples(_FINITE, _UNITS), min_size=1, max_size=5),
            st.none() | st.integers(0, 2**31),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
)
@settings(deadline=None)
def test_readings_that_are_written_are_read_back(sensor: str, outgoing: list[OutgoingReading]) -> None:
    topic, payload = encode_readings("gw", "asset", sensor, outgoing)
    decoded, refused = decode_readings(payload, sensor)
    assert parse_topic(topic).sensor == sensor
    assert refused == []
    for reading, written in zip(decoded, outgoing, strict=True):
        assert (reading.time_ns, reading.is_backfill) == (written.time_ns, written.is_backfill)
        read = {
            channel_name(name, axis): (value, unit)
            for (name, axis, unit), value in zip(reading.keys, reading.values, strict=True)
        }
        assert read == dict(written.values)


@given(
    hnp.arrays(np.int16, st.integers(1, 50)),
    st.floats(1e-9, 1e9),
    st.floats(1e-3, 1e6),
    _TIMES.filter(lambda time_ns: abs(time_ns) < 2**62),
    _AXES,
)
@settings(deadline=None)
def test_waveforms_that_are_written_are_read_back(
    samples: np.ndarray[Any, np.dtype[np.int16]], scale: float, rate: float, start_ns: int, axis: str
) -> None:
    _, payload = encode_waveform(
        "gw", "b", "s", axis=axis, start_ns=start_ns, sampling_rate_hz=rate, unit="g", scale=scale, samples=samples
    )
    raw = decode_waveform(payload, "s")
    assert (raw.axis, raw.start_ns, raw.sampling_rate_hz, raw.unit) == (axis, start_ns, rate, "g")
    decoded, clipped = decode_samples(
        raw.encoding, raw.length, [raw.data], factor=np.array([raw.scale]), offset=np.array([raw.offset])
    )
    assert decoded[0].tobytes() == (samples * scale + 0.0).tobytes()
    assert bool(clipped[0]) == bool(np.isin(samples, [-32768, 32767]).any())


@given(_TIMES)
def test_times_that_are_written_are_read_back(time_ns: int) -> None:
    assert parse_time(format_time(time_ns)) == time_ns


@given(st.text(max_size=40) | st.floats() | st.integers() | _JSON)
def test_no_time_raises_and_all_fit_into_int64(value: Any) -> None:
    parsed = parse_time(value)
    assert parsed is None or -(2**63) <= parsed < 2**63


@given(st.text(max_size=80))
def test_no_topic_raises_anything_but_its_own_error(topic: str) -> None:
    try:
        parse_topic(topic)
    except PayloadError as error:
        assert error.code == "bad_topic"  # noqa: PT017 -- that it may also not be raised is the point
