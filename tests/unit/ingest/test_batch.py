from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
import pytest

from domain.arrays import ReadingFlag
from ingest.batch import MAX_REFUSALS, Message, MessageOutcome, decode_batch
from ingest.clock import ClockLimits
from ingest.formats.project import encode_status, encode_waveform
from ingest.formats.times import parse_time
from tests.unit.ingest.room import DAY, RECEIVED, T0, Room, message, reading

_READING = "infra/v1/gw-7/brug-042/acc1/reading"
_WAVEFORM = "infra/v1/gw-7/brug-042/raw1/waveform"
_TEMPERATURE = {"temperature": {"value": 11.5, "unit": "Cel"}}


def _waveform(sensor: str = "raw1", axis: str = "z", unit: str = "m/s2", **keys: Any) -> bytes:
    samples = keys.pop("samples", [0, 1000, -1000, 500])
    _, payload = encode_waveform(
        "gw-7",
        "brug-042",
        sensor,
        axis=axis,
        start_ns=T0,
        sampling_rate_hz=1000.0,
        unit=unit,
        scale=0.001,
        samples=np.array(samples, np.int16),
    )
    return msgspec.json.encode(msgspec.json.decode(payload) | keys)


def test_values_arrive_in_the_unit_of_the_register_under_the_number_of_the_journal(room: Room) -> None:
    values = {
        "vibration_rms": {"value": 0.002, "unit": "m/s", "axis": "z"},
        "temperature": {"value": 50, "unit": "°F"},
        "humidity": {"value": 0.5, "unit": "1"},
    }
    batch = room.reading(reading(values))
    names = ["vibration_rms.z", "temperature", "humidity"]
    assert batch.readings.channel.tolist() == [room.number("acc1", name) for name in names]
    assert batch.readings.value == pytest.approx([2.0, 10.0, 50.0])
    assert batch.readings.time_ns.tolist() == [T0] * 3
    assert batch.readings.flags.tolist() == [0] * 3
    assert batch.message_of_reading.tolist() == [0] * 3
    assert batch.outcome.tolist() == [MessageOutcome.DECODED]
    assert batch.dead_letters == ()
    assert not batch.values_refused


def test_an_unknown_channel_costs_itself_and_the_sender_hears_what_is_registered(room: Room) -> None:
    batch = room.reading(reading(_TEMPERATURE | {"noise": {"value": 1, "unit": "dB"}}))
    assert len(batch.readings) == 1
    (refusal,) = batch.dead_letters
    assert (refusal.message, refusal.code, refusal.whole) == (0, "unknown_channel", False)
    assert "registered are humidity, temperature, vibration_rms.z" in refusal.reason
    assert batch.outcome.tolist() == [MessageOutcome.DECODED]
    assert sum(batch.values_refused.values()) == 1


def test_a_unit_that_does_not_convert_is_refused(room: Room) -> None:
    batch = room.reading(reading({"temperature": {"value": 1.0, "unit": "mm/s"}}))
    assert [(refusal.code, refusal.whole) for refusal in batch.dead_letters] == [("bad_unit", True)]
    assert batch.outcome.tolist() == [MessageOutcome.DEAD_LETTER]


def test_a_value_that_overflows_in_the_unit_of_the_register_is_refused(room: Room) -> None:
    values = {"vibration_rms": {"value": 1e308, "unit": "m/s", "axis": "z"}}
    batch = room.reading(reading(values | _TEMPERATURE))
    assert batch.readings.value.tolist() == [11.5]
    assert [(refusal.code, refusal.whole) for refusal in batch.dead_letters] == [("bad_value", False)]
    assert room.reading(reading(values)).outcome.tolist() == [MessageOutcome.DEAD_LETTER]


def test_a_channel_that_stands_twice_in_one_reading_counts_once_with_its_first_value(room: Room) -> None:
    values = {
        "vibration_rms": {"value": 1.0, "unit": "mm/s", "axis": "z"},
        "vibration_rms.z": {"value": 0.002, "unit": "m/s"},
    }
    batch = room.reading([reading(values), reading(values)])
    assert batch.readings.value.tolist() == [1.0, 1.0]
    assert [refusal.code for refusal in batch.dead_letters] == ["bad_value", "bad_value"]
    assert "stands twice" in batch.dead_letters[0].reason


@pytest.mark.parametrize(
    ("keys", "time_ns", "flags"),
    [
        ({"t": T0}, T0, ReadingFlag.NONE),
        ({"t": T0, "is_backfill": True}, T0, ReadingFlag.BACKFILL),
        ({"t": None}, RECEIVED, ReadingFlag.BAD_CLOCK),
        ({"t": "soon"}, RECEIVED, ReadingFlag.BAD_CLOCK),
        ({"t": T0 - DAY}, T0 - DAY, ReadingFlag.NONE),
        ({"t": T0 - DAY - 1}, RECEIVED, ReadingFlag.BAD_CLOCK),
        ({"t": T0 + DAY + 1}, RECEIVED, ReadingFlag.BAD_CLOCK),
        ({"t": 0, "is_backfill": True}, RECEIVED, ReadingFlag.BAD_CLOCK | ReadingFlag.BACKFILL),
    ],
)
def test_time_is_the_device_s_or_else_that_of_arrival_with_a_flag(
    room: Room, keys: dict[str, Any], time_ns: int, flags: ReadingFlag
) -> None:
    batch = room.reading(reading(_TEMPERATURE, **keys))
    assert batch.readings.time_ns.tolist() == [time_ns]
    assert batch.readings.flags.tolist() == [flags]


def test_buffered_readings_have_their_own_lower_bound_and_a_stream_has_none(room: Room) -> None:
    old = message(reading(_TEMPERATURE, t=T0 - 3 * DAY, is_backfill=True), _READING)
    ancient = message(reading(_TEMPERATURE, t=1), _READING)
    backfill = decode_batch([old], room.resolver, ClockLimits(T0 - DAY, None, T0 - 7 * DAY))
    assert backfill.readings.flags.tolist() == [ReadingFlag.BACKFILL]
    stream = decode_batch([ancient], room.resolver, ClockLimits(None, None))
    assert stream.readings.time_ns.tolist() == [1_000_000_000]
    assert stream.readings.flags.tolist() == [0]


def test_a_sound_message_from_an_unknown_sender_waits_in_quarantine(room: Room) -> None:
    payload = reading(_TEMPERATURE | {"bad": 1})
    batch = room.decode(
        message(payload, "infra/v1/gw-9/brug-999/acc1/reading"),
        message(reading(_TEMPERATURE, sensor="acc9"), "infra/v1/gw-9/brug-042/acc9/reading"),
        message(_waveform("raw9"), "infra/v1/gw-9/brug-042/raw9/waveform"),
    )
    assert batch.outcome.tolist() == [MessageOutcome.QUARANTINED] * 3
    assert [(item.message, item.gateway, item.asset, item.sensor) for item in batch.quarantined] == [
        (0, "gw-9", "brug-999", "acc1"),
        (1, "gw-9", "brug-042", "acc9"),
        (2, "gw-9", "brug-042", "raw9"),
    ]
    assert "asset 'brug-999' is not in the register" in batch.quarantined[0].reason
    assert "sensor 'acc9'" in batch.quarantined[1].reason
    assert batch.dead_letters == ()
    assert len(batch.readings) == 0


def test_an_unsound_message_from_an_unknown_sender_is_a_dead_letter(room: Room) -> None:
    batch = room.decode(message(b"{", "infra/v1/gw-9/brug-999/acc1/reading"))
    assert batch.outcome.tolist() == [MessageOutcome.DEAD_LETTER]
    assert batch.quarantined == ()


def test_a_retained_copy_is_no_reading_and_a_retained_status_is_a_status(room: Room) -> None:
    topic, status = encode_status("gw-7", state="online", since_ns=T0, session=3)
    batch = room.decode(
        message(reading(_TEMPERATURE), _READING, retained=True),
        message(_waveform(), _WAVEFORM, retained=True),
        message(status, topic, retained=True),
    )
    outcomes = [MessageOutcome.RETAINED, MessageOutcome.RETAINED, MessageOutcome.STATUS_ONLY]
    assert batch.outcome.tolist() == outcomes
    assert [tuple(item) for item in batch.statuses] == [("gw-7", "online", 3, T0, None, RECEIVED)]
    assert len(batch.readings) == 0
    assert batch.waveforms == ()


def test_a_retained_copy_of_what_was_refused_is_not_refused_again(room: Room) -> None:
    """What another program keeps on the embedded broker was a dead letter more at each start of ingest."""
    foreign = "zigbee2mqtt/bridge/state"
    batch = room.decode(message(b"online", foreign), message(b"online", foreign, retained=True))
    assert batch.outcome.tolist() == [MessageOutcome.DEAD_LETTER, MessageOutcome.RETAINED]
    assert [refusal.code for refusal in batch.dead_letters] == ["bad_topic"]


def test_a_sensor_on_another_gateway_is_taken(room: Room) -> None:
    topic = "infra/v1/gw-8/brug-042/acc1/reading"
    batch = room.decode(message(reading(_TEMPERATURE), topic), message(reading(_TEMPERATURE, t=T0 + 1), topic))
    assert len(batch.readings) == 2
    assert batch.outcome.tolist() == [MessageOutcome.DECODED] * 2


def test_the_same_message_twice_gives_the_same_readings_twice(room: Room) -> None:
    once = message(reading(_TEMPERATURE), _READING)
    batch = room.decode(once, once)
    assert batch.readings.time_ns.tolist() == [T0, T0]
    assert batch.message_of_reading.tolist() == [0, 1]


def test_a_binary_waveform_is_refused_with_the_way_out(room: Room) -> None:
    batch = room.decode(message(b"\0\1", "infra/v1/gw-7/brug-042/raw1/waveform/bin"))
    assert batch.outcome.tolist() == [MessageOutcome.DEAD_LETTER]
    assert "MQTT 3.1.1" in batch.dead_letters[0].reason
    assert "publish the block as JSON" in batch.dead_letters[0].reason


def test_a_payload_over_the_limit_is_refused_unread(room: Room) -> None:
    payload = msgspec.json.encode(reading(_TEMPERATURE))
    for limit, code in ((len(payload), None), (len(payload) - 1, "too_large")):
        once = [Message(_READING, payload, RECEIVED, retained=False)]
        batch = decode_batch(once, room.resolver, room.limits, max_payload_bytes=limit)
        assert [refusal.code for refusal in batch.dead_letters] == ([code] if code else [])


def test_refusals_of_one_message_are_listed_up_to_a_limit_and_counted_beyond(room: Room) -> None:
    batch = room.reading(reading(_TEMPERATURE | {f"x{number}": 1 for number in range(100)}))
    assert len(batch.dead_letters) == MAX_REFUSALS
    assert f"and {100 - MAX_REFUSALS} more refusals" in batch.dead_letters[-1].reason
    assert sum(batch.values_refused.values()) == 100
    exactly = room.reading(reading({f"x{number}": 1 for number in range(MAX_REFUSALS)}))
    assert len(exactly.dead_letters) == MAX_REFUSALS
    assert "more refusals" not in exactly.dead_letters[-1].reason
    assert all(refusal.whole for refusal in exactly.dead_letters)


def test_blocks_of_one_shape_become_one_array_in_the_unit_of_the_register(room: Room) -> None:
    batch = room.decode(
        message(_waveform(), _WAVEFORM),
        message(reading(_TEMPERATURE), _READING),
        message(_waveform(unit="g", samples=[1, 2, 3, 4], t0=T0 + 7, is_backfill=True), _WAVEFORM),
        message(_waveform(samples=[1, 2]), _WAVEFORM),
        message(_waveform(samples=[32767, 0, 0, 0], t0=0), _WAVEFORM),
    )
    assert batch.outcome.tolist() == [MessageOutcome.DECODED] * 5
    (four, of_four), (two, of_two) = batch.waveforms
    assert of_four.tolist() == [0, 2, 4]
    assert of_two.tolist() == [3]
    assert four.samples.shape == (3, 4)
    assert four.samples.flags.c_contiguous
    assert four.samples[0] == pytest.approx([0, 1.0, -1.0, 0.5])
    assert four.samples[1] == pytest.approx(np.array([1, 2, 3, 4]) * 0.001 * 9.80665)
    assert two.samples.shape == (1, 2)
    assert four.sampling_rate_hz == 1000.0
    assert four.start_ns.tolist() == [T0, T0 + 7, RECEIVED]
    assert four.clipped.tolist() == [False, False, True]
    assert batch.waveform_flags[0].tolist() == [
        ReadingFlag.NONE,
        ReadingFlag.BACKFILL,
        ReadingFlag.BAD_CLOCK | ReadingFlag.CLIPPED,
    ]
    assert four.channel.tolist() == [0, 0, 0]
    (slot,) = batch.slots
    names = ["vibration_rms.z", "vibration_peak.z", "crest_factor.z", "kurtosis.z", "dominant_frequency.z"]
    assert np.frombuffer(slot.numbers, np.int32).tolist() == [room.number("raw1", name) for name in names]
    assert (slot.sensor, slot.axis, slot.unit, slot.factors) == ("raw1", "z", "m/s2", (1.0,) * 5)


def test_a_slot_names_only_what_the_register_has(room: Room) -> None:
    batch = room.decode(message(_waveform("raw2", axis=""), "infra/v1/gw-7/brug-042/raw2/waveform"))
    (slot,) = batch.slots
    assert np.frombuffer(slot.numbers, np.int32).tolist() == [-1, room.number("raw2", "vibration_peak"), -1, -1, -1]
    assert slot.unit == "g"
    assert batch.waveforms[0][0].samples[0] == pytest.approx(np.array([0, 1.0, -1.0, 0.5]) / 9.80665)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (_waveform(axis="x"), "unknown_channel"),
        (_waveform(unit="Cel"), "bad_unit"),
        (_waveform(enc="f32le", data="AADAfwAAgD8=", n=2), "bad_value"),
        (_waveform(scale=1e306), "bad_value"),
    ],
)
def test_a_block_without_a_place_or_without_numbers_is_a_dead_letter(room: Room, payload: bytes, code: str) -> None:
    batch = room.decode(message(payload, _WAVEFORM), message(_waveform(), _WAVEFORM))
    assert batch.outcome.tolist() == [MessageOutcome.DEAD_LETTER, MessageOutcome.DECODED]
    assert [(refusal.message, refusal.code, refusal.whole) for refusal in batch.dead_letters] == [(0, code, True)]
    assert sum(len(of_block) for _, of_block in batch.waveforms) == 1


def test_a_reading_of_a_channel_that_is_computed_here_is_refused(room: Room) -> None:
    payload = reading({"kurtosis": {"value": 3.0, "unit": "1", "axis": "z"}}, sensor="raw1")
    batch = room.decode(message(payload, "infra/v1/gw-7/brug-042/raw1/reading"))
    assert batch.dead_letters[0].code == "unknown_channel"
    assert "computed here from the sensor's waveform" in batch.dead_letters[0].reason


def test_a_waveform_of_a_sensor_without_one_is_refused(room: Room) -> None:
    batch = room.decode(message(_waveform("acc1"), "infra/v1/gw-7/brug-042/acc1/waveform"))
    assert batch.dead_letters[0].code == "unknown_channel"
    assert "'waveform.z'" in batch.dead_letters[0].reason


def test_parts_are_handed_out_for_assembly(room: Room) -> None:
    batch = room.decode(message(_waveform(id="x", part=2, parts=2), _WAVEFORM))
    assert batch.outcome.tolist() == [MessageOutcome.PART]
    ((position, part),) = batch.parts
    assert (position, part.sensor, part.raw.part, part.received_ns) == (0, "raw1", 2, RECEIVED)
    assert batch.waveforms == ()


def test_an_empty_batch_gives_nothing(room: Room) -> None:
    batch = room.decode()
    assert batch.outcome.shape == (0,)
    assert len(batch.readings) == 0


def test_of_ten_thousand_messages_every_tenth_garbage_nine_thousand_are_kept(room: Room) -> None:
    rng = random.Random(5)
    garbage: list[Callable[[], bytes]] = [
        lambda: b"",
        lambda: rng.randbytes(rng.randrange(1, 200)),
        lambda: b"{" * rng.randrange(1, 5000),
        lambda: msgspec.json.encode(reading({"temperature": {"value": "11.5", "unit": "Cel"}})),
        lambda: msgspec.json.encode(reading(_TEMPERATURE))[:-1],
        lambda: b'{"v":1,"sensor":"acc1","values":{"temperature":{"value":NaN,"unit":"Cel"}}}',
    ]
    messages = [
        Message(_READING, rng.choice(garbage)(), RECEIVED, retained=False)
        if number % 10 == 0
        else message(reading(_TEMPERATURE, t=T0 + number), _READING)
        for number in range(10_000)
    ]
    batch = room.decode(*messages)
    assert len(batch.readings) == 9000
    assert np.count_nonzero(batch.outcome == MessageOutcome.DEAD_LETTER) == 1000
    assert len(batch.dead_letters) == 1000
    assert all(refusal.whole and refusal.message % 10 == 0 for refusal in batch.dead_letters)


def test_cutting_a_batch_elsewhere_changes_no_bit(room: Room) -> None:
    rng = np.random.default_rng(3)
    messages = [
        message(_waveform(samples=rng.integers(-30_000, 30_000, 64), offset=float(rng.normal()), unit=unit), _WAVEFORM)
        for unit in ("g", "m/s2", "mg", "mm/s2") * 5
    ]
    whole = np.concatenate([block.samples for block, _ in room.decode(*messages).waveforms])
    for size in (1, 3, 7):
        pieces = [room.decode(*messages[start : start + size]) for start in range(0, len(messages), size)]
        cut = np.concatenate([block.samples for piece in pieces for block, _ in piece.waveforms])
        assert cut.tobytes() == whole.tobytes()


def test_what_a_decoder_fails_on_is_refused_and_stops_nothing_behind_it(room: Room) -> None:
    """It would come again at every start; here the fault is in what reads times, wherever it is called from."""
    payloads = [_waveform().replace(b"2026-11-23T09:00:00", b"2026-11-23T03:17:%02d" % number) for number in range(4)]
    room.decode(message(payloads[0], _WAVEFORM))
    messages = [message(payload, _WAVEFORM) for payload in payloads]
    messages.append(message(reading(_TEMPERATURE, t="2026-11-23T03:17:02Z"), _READING))

    def fails(text: Any) -> int | None:
        if isinstance(text, str) and "T03:17:02" in text:
            raise ZeroDivisionError("a fault of ours" * 100)
        return parse_time(text)

    with (
        patch("ingest.repeats.parse_time", fails),
        patch("ingest.formats.waveforms.parse_time", fails),
        patch("ingest.formats.readings.parse_time", fails),
    ):
        taken = room.decode(*messages)
    assert taken.outcome.tolist() == [0, 0, MessageOutcome.DEAD_LETTER, 0, MessageOutcome.DEAD_LETTER]
    assert {(refusal.code, refusal.whole) for refusal in taken.dead_letters} == {("decoder_fault", True)}
    assert all("ZeroDivisionError: a fault of ours" in refusal.reason for refusal in taken.dead_letters)
    assert all(len(refusal.reason) < 400 for refusal in taken.dead_letters)
    assert taken.waveforms[0][1].tolist() == [0, 1, 3]


@pytest.mark.parametrize("is_known", [True, False])
def test_a_message_is_not_refused_for_want_of_memory(room: Room, *, is_known: bool) -> None:
    block = message(_waveform().replace(b"2026-11-23T09:00:00", b"2026-11-23T04:21:07"), _WAVEFORM)
    if is_known:
        room.decode(message(_waveform(), _WAVEFORM))
    with (
        patch("ingest.repeats.parse_time", side_effect=MemoryError),
        patch("ingest.formats.waveforms.parse_time", side_effect=MemoryError),
        pytest.raises(MemoryError),
    ):
        room.decode(block)
