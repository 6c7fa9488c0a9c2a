"""Blocks that repeat an earlier one's text: read like by the whole decoder, or not at all."""

from __future__ import annotations

import base64
import binascii
from typing import Any
from unittest.mock import patch

import msgspec
import pybase64
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import batch as batch_module
from ingest.batch import decode_batch
from ingest.formats.project import decode_waveform
from ingest.repeats import KnownBlocks, form_of
from tests.unit.ingest.room import RECEIVED, T0, Room, message

_TOPIC = "infra/v1/gw-7/brug-042/raw1/waveform"
_BLOCK: dict[str, Any] = {
    "v": 1,
    "id": "01J-EXAMPLE-1",
    "sensor": "raw1",
    "axis": "z",
    "t0": "2026-11-23T09:00:00.000000Z",
    "fs_hz": 1000.0,
    "n": 4,
    "unit": "m/s2",
    "enc": "i16le",
    "scale": 0.0005,
    "data": "AADoA9AH6AM=",
}
_TEXT = msgspec.json.encode(_BLOCK)


def _form(payload: bytes) -> Any:
    return form_of(payload, decode_waveform(payload, "raw1"), "raw1")


def _decode_calls(room: Room, *payloads: bytes, topic: str = _TOPIC) -> int:
    """Count the blocks of a batch that were decoded as a whole."""
    with patch.object(batch_module, "decode_waveform", wraps=decode_waveform) as whole:
        decode_batch([message(payload, topic) for payload in payloads], room.resolver, room.limits)
        return whole.call_count


def _plain(batch: Any) -> list[Any]:
    """Give what a batch measured as plain numbers."""
    return [
        (block.channel.tolist(), block.start_ns.tolist(), block.samples.tolist(), place.tolist(), flags.tolist())
        for (block, place), flags in zip(batch.waveforms, batch.waveform_flags, strict=True)
    ]


def _written(**changes: Any) -> bytes:
    return msgspec.json.encode(_BLOCK | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"t0": "2026-11-23T09:00:01Z"},
        {"t0": "2026-11-23T10:00:01.000000001+01:00", "id": "b"},
        {"data": "//8AAAAAAAA=", "id": ""},
    ],
)
def test_another_time_number_and_samples_are_read_as_by_the_whole_decoder(changes: dict[str, Any]) -> None:
    payload = _written(**changes)
    raw = decode_waveform(payload, "raw1")
    assert _form(_TEXT).read(payload) == (raw.start_ns, raw.data)


@pytest.mark.parametrize(
    "payload",
    [
        _written(scale=0.001),
        _written(axis="x"),
        _written(n=2, data="AADoAw=="),
        _written(data="AADoA9AH6A=="),
        _written(data="AADoA9AH6A*="),
        _written(t0="gisteren"),
        _written(t0=T0),
        _written(id="a" * 129),
        _written(id="a\\b"),
        _written(clipped=True),
        _TEXT + b" ",
        _TEXT[:-1],
        _TEXT[: _TEXT.index(b"T09:")],
        b"",
    ],
)
def test_what_differs_elsewhere_or_is_not_sound_is_left_to_the_whole_decoder(payload: bytes) -> None:
    assert _form(_TEXT).read(payload) is None


@pytest.mark.parametrize(
    "payload",
    [
        _written(parts=2, part=1),
        _written(enc="json", data=[1, 2, 3, 4]),
        _written(t0=T0),
        _TEXT.replace(b'"t0":"2026', b'"t0":"\\u0032026'),
        _TEXT.replace(b'"v":1', b'"v":1,"was":{"t0":"2025-01-01T00:00:00Z"}'),
        # Only by trying it turns out that what was found is not the time.
        _TEXT.replace(b'"v":1', b'"v":1,"was":{"t0":"2026-11-23T09:00:00.000000Z"}').replace(
            b'"t0":"2026-11-23T09:00:00.000000Z","fs', b'"t\\u0030":"2026-11-23T09:00:00.000000Z","fs'
        ),
    ],
)
def test_text_in_which_the_changing_parts_cannot_be_told_has_no_form(payload: bytes) -> None:
    assert decode_waveform(payload, "raw1").sampling_rate_hz == 1000.0
    assert _form(payload) is None


def test_only_the_first_block_of_an_axis_is_decoded_as_a_whole(room: Room) -> None:
    payloads = [_written(t0=f"2026-11-23T09:00:{second:02d}Z", id=f"b{second}") for second in range(20)]
    assert _decode_calls(room, *payloads) == 1
    assert _decode_calls(room, *payloads) == 0


def test_a_sender_without_a_common_form_is_not_tried_for_ever(room: Room) -> None:
    payloads = [_written(scale=0.0005 * (1 + number)) for number in range(40)]
    with patch("ingest.repeats.form_of", wraps=form_of) as attempts:
        assert _decode_calls(room, *payloads) == 40
        assert 0 < attempts.call_count < 20


def test_a_sensor_that_comes_through_another_gateway_is_read_as_quickly(room: Room) -> None:
    moved = _TOPIC.replace("gw-7", "gw-8")
    assert [_decode_calls(room, _TEXT, _TEXT, topic=moved) for _ in range(2)] == [1, 0]


def test_limits_of_size_time_and_old_copies_hold_for_repeats_too(room: Room) -> None:
    room.decode(message(_TEXT, _TOPIC))
    late = _written(t0="2020-01-01T00:00:00Z")
    taken = room.decode(message(late, _TOPIC))
    assert taken.waveforms[0][0].start_ns.tolist() == [RECEIVED]
    assert room.decode(message(_TEXT, _TOPIC, retained=True)).waveforms == ()
    small = decode_batch([message(_TEXT, _TOPIC)], room.resolver, room.limits, max_payload_bytes=len(_TEXT) - 1)
    assert small.dead_letters[0].code == "too_large"


_KEYS = st.sampled_from([*_BLOCK, "extra", "is_backfill", "part", "parts"])


@given(
    st.dictionaries(_KEYS, st.text(max_size=30) | st.integers(), max_size=3),
    st.binary(max_size=4),
    st.integers(0, 10_000),
)
@settings(max_examples=300, deadline=None)
def test_a_form_reads_what_the_whole_decoder_reads_or_nothing(changes: dict[str, Any], noise: bytes, at: int) -> None:
    for text in (_TEXT, msgspec.json.encode(_BLOCK | {"clipped": True})):
        payload = msgspec.json.encode(msgspec.json.decode(text) | changes)
        place = at % len(payload)
        for candidate in (payload, payload[:place] + noise + payload[place + len(noise) :]):
            found = _form(text).read(candidate)
            if found is not None:
                raw = decode_waveform(candidate, "raw1")
                first = decode_waveform(text, "raw1")
                assert found == (raw.start_ns, raw.data)
                assert raw._replace(start_ns=None, data=b"", id="") == first._replace(start_ns=None, data=b"", id="")


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0.0005, 0.0025, 12.0]),
            st.sampled_from([b"", b"\0\x80", b"abcd", b"1234567890"]),
            st.booleans(),
            st.sampled_from([b"", b'"', b"=", b"\n", b"-", b"2"]),
            st.integers(0, 10_000),
        ),
        max_size=12,
    ),
    st.integers(150, 200),
)
@settings(max_examples=300, deadline=None)
def test_blocks_read_together_are_those_read_one_by_one(blocks: list[Any], most_bytes: int) -> None:
    """Whatever stands beside them: other forms, sizes and orders of keys, old copies, and what is unsound."""
    together, apart = Room(), Room()
    messages = []
    for second, (scale, raw, is_turned, noise, at) in enumerate(blocks):
        block = _BLOCK | {"scale": scale, "n": len(raw) // 2, "data": base64.b64encode(raw).decode(), "id": ""}
        block |= {"t0": f"2026-11-23T09:00:{second:02d}Z"}
        text = msgspec.json.encode(dict(reversed(block.items())) if is_turned else block)
        together.decode(message(text, _TOPIC))
        apart.decode(message(text, _TOPIC))
        place = at % len(text)
        changed = text[:place] + noise + text[place + len(noise) :]
        messages += [message(text, _TOPIC), message(changed, _TOPIC, retained=at % 7 == 0)]
    found = decode_batch(messages, together.resolver, together.limits, max_payload_bytes=most_bytes)
    with patch.object(KnownBlocks, "read_together", return_value=[]):
        expected = decode_batch(messages, apart.resolver, apart.limits, max_payload_bytes=most_bytes)
    assert found.outcome.tolist() == expected.outcome.tolist()
    assert found.dead_letters == expected.dead_letters
    assert found.slots == expected.slots
    assert _plain(found) == _plain(expected)


@pytest.mark.parametrize("data", ["AADoA9-H6AM=", "AADoA\\nH6AM=", "AADo=9AH6AM=", "AADoA9AH6A=="])
def test_one_unsound_block_spoils_none_of_those_beside_it(room: Room, data: str) -> None:
    sound = [_written(t0=f"2026-11-23T09:00:{second:02d}Z", id="") for second in range(3)]
    unsound = sound[1].replace(b"AADoA9AH6AM=", data.encode())
    room.decode(message(sound[0], _TOPIC))
    taken = room.decode(*(message(payload, _TOPIC) for payload in (sound[0], unsound, sound[2])))
    assert [refusal.message for refusal in taken.dead_letters] == [1]
    (block, place), *_ = taken.waveforms
    assert place.tolist() == [0, 2]
    assert block.samples[0].tolist() == block.samples[1].tolist() == [0.0, 0.5, 1.0, 0.5]


def test_repeated_blocks_of_a_batch_are_read_together(room: Room) -> None:
    payloads = [_written(t0=f"2026-11-23T09:00:{second:02d}Z", id="") for second in range(20)]
    room.decode(*(message(payload, _TOPIC) for payload in payloads))
    with patch.object(KnownBlocks, "read") as one_by_one:
        taken = room.decode(*(message(payload, _TOPIC) for payload in payloads))
    assert not one_by_one.called
    assert len(taken.waveforms[0][0].start_ns) == 20


@given(st.binary(max_size=30), st.integers(0, 60), st.sampled_from([b"", b"=", b"==", b"A", b"-", b"\n", b" "]))
@settings(max_examples=300, deadline=None)
def test_samples_are_unpacked_as_by_the_whole_decoder_or_refused(raw: bytes, at: int, noise: bytes) -> None:
    text = base64.b64encode(raw)
    place = at % (len(text) + 1)
    changed = text[:place] + noise + text[place:]
    try:
        unpacked = pybase64.b64decode(changed, validate=True)
    except ValueError:
        return
    assert unpacked == binascii.a2b_base64(changed, strict_mode=True)


def test_what_the_forms_of_two_sensors_share_is_one_object() -> None:
    first, second = (
        form_of(text, decode_waveform(text, name), name)
        for name in ("raw1", "raw2")
        for text in [_written(sensor=name, id="")]
    )
    assert first is not None
    assert second is not None
    assert first.literals[0] != second.literals[0]
    assert all(mine is other for mine, other in zip(first.literals[1:], second.literals[1:], strict=True))
    assert first.places is second.places
    assert first.places is not None
    assert first.changing is second.changing
