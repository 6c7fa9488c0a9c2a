from __future__ import annotations

import base64
from typing import Any

import msgspec
import numpy as np
import pytest

from domain.errors import PayloadError, ShapeError
from ingest.formats.project import (
    MAX_SAMPLES,
    RawBlock,
    SampleEncoding,
    decode_samples,
    decode_waveform,
    encode_waveform,
)
from tests.unit.ingest.room import T0

_DOCUMENTED = b"""{"v":1,"id":"01J-EXAMPLE-1","sensor":"acc1","axis":"z","t0":"2026-11-23T09:00:00.000000Z",
"fs_hz":2000.0,"n":8,"unit":"m/s2","enc":"i16le","scale":0.0005,"offset":0.0,"part":1,"parts":1,"clipped":false,
"data":"AADoA9AH6AMAABj8MPgY/A=="}"""


def _decode(change: dict[str, Any]) -> RawBlock:
    message = msgspec.json.decode(_DOCUMENTED) | change
    return decode_waveform(msgspec.json.encode({k: v for k, v in message.items() if v is not ...}), "acc1")


def _samples(raw: RawBlock) -> tuple[list[float], bool]:
    factor, offset = np.array([raw.scale]), np.array([raw.offset])
    samples, clipped = decode_samples(raw.encoding, raw.length, [raw.data], factor=factor, offset=offset)
    return samples[0].tolist(), bool(clipped[0])


def test_the_documented_example_is_read() -> None:
    raw = decode_waveform(_DOCUMENTED, "acc1")
    assert (raw.axis, raw.start_ns, raw.sampling_rate_hz, raw.unit, raw.id) == (
        "z",
        T0,
        2000.0,
        "m/s2",
        "01J-EXAMPLE-1",
    )
    samples, clipped = _samples(raw)
    assert samples == pytest.approx([0, 0.5, 1, 0.5, 0, -0.5, -1, -0.5], abs=1e-15)
    assert not clipped


@pytest.mark.parametrize(
    ("encoding", "data", "expected"),
    [
        ("f32le", "AAAAAAAAAD8AAAC/AACAPg==", [0, 0.5, -0.5, 0.25]),
        ("i24le", "AAAAoIYBYHn+", [0, 100_000, -100_000]),
        ("i32le", base64.b64encode(np.array([1, -2], "<i4").tobytes()).decode(), [1, -2]),
        ("json", [0.5, -1, 3], [0.5, -1, 3]),
    ],
)
def test_every_encoding_is_read(encoding: str, data: Any, expected: list[float]) -> None:
    raw = _decode({"enc": encoding, "data": data, "n": len(expected), "scale": 1.0})
    assert _samples(raw) == (expected, False)


@pytest.mark.parametrize(
    ("encoding", "bits"), [(SampleEncoding.I16, 16), (SampleEncoding.I24, 24), (SampleEncoding.I32, 32)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_raw_value_at_its_limit_is_clipping_and_one_short_of_it_is_not(
    encoding: SampleEncoding, bits: int, sign: int
) -> None:
    limit = 2 ** (bits - 1) - 1 if sign > 0 else -(2 ** (bits - 1))
    blocks = [
        b"".join(value.to_bytes(encoding.width, "little", signed=True) for value in (0, edge, 1))
        for edge in (limit, limit - sign)
    ]
    samples, clipped = decode_samples(encoding, 3, blocks, factor=np.ones(2), offset=np.zeros(2))
    assert clipped.tolist() == [True, False]
    assert samples[:, 1].tolist() == [limit, limit - sign]


def test_optional_keys_have_their_defaults() -> None:
    raw = _decode({"scale": ..., "offset": ..., "part": ..., "parts": ..., "clipped": ..., "id": ...})
    assert (raw.scale, raw.offset, raw.part, raw.parts, raw.clipped, raw.id) == (1.0, 0.0, 1, 1, False, "")


@pytest.mark.parametrize("key", ["v", "sensor", "axis", "t0", "fs_hz", "n", "unit", "enc", "data"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(PayloadError, match=f"key '{key}' is missing"):
        _decode({key: ...})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sensor": "acc2"}, "topic_mismatch"),
        ({"v": 2}, "unsupported_version"),
        ({"enc": "i8"}, "bad_encoding"),
        ({"enc": None}, "bad_encoding"),
        ({"enc": []}, "bad_encoding"),
        ({"n": 7}, "bad_length"),
        ({"n": 9}, "bad_length"),
        ({"n": 0}, "bad_value"),
        ({"n": -1}, "bad_value"),
        ({"n": 8.0}, "bad_value"),
        ({"n": True}, "bad_value"),
        ({"n": MAX_SAMPLES + 1}, "bad_value"),
        ({"n": 10**100}, "bad_value"),
        ({"fs_hz": 0}, "bad_value"),
        ({"fs_hz": -1.0}, "bad_value"),
        ({"fs_hz": "2000"}, "bad_value"),
        ({"fs_hz": True}, "bad_value"),
        ({"scale": 0}, "bad_value"),
        ({"scale": None}, "bad_value"),
        ({"offset": "0"}, "bad_value"),
        ({"offset": 10**400}, "bad_value"),
        ({"unit": 1}, "bad_unit"),
        ({"axis": None}, "wrong_type"),
        ({"data": "AADoA9AH6AMAABj8MPgY/A"}, "bad_encoding"),
        ({"data": "AADoA9AH6AMAABj8MPgY_A=="}, "bad_encoding"),
        ({"data": "é"}, "bad_encoding"),
        ({"data": ""}, "bad_length"),
        ({"data": [1, 2]}, "wrong_type"),
        ({"data": None}, "wrong_type"),
        ({"enc": "json"}, "wrong_type"),
        ({"enc": "json", "data": [1.0]}, "bad_length"),
        ({"enc": "json", "data": [1, 2, 3, 4, 5, 6, 7, True]}, "bad_value"),
        ({"enc": "json", "data": [1, 2, 3, 4, 5, 6, 7, "8"]}, "bad_value"),
        ({"enc": "json", "data": [1, 2, 3, 4, 5, 6, 7, [[]]]}, "bad_value"),
        ({"enc": "json", "data": [1, 2, 3, 4, 5, 6, 7, 10**400]}, "bad_value"),
        ({"part": 2}, "bad_value"),
        ({"part": 0, "parts": 2}, "bad_value"),
        ({"parts": 1025}, "bad_value"),
        ({"part": 1, "parts": 2, "id": ...}, "missing_key"),
        ({"part": 1, "parts": 2, "id": "x" * 129}, "missing_key"),
        ({"clipped": 1}, "wrong_type"),
        ({"is_backfill": "no"}, "wrong_type"),
    ],
)
def test_a_block_that_cannot_be_is_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(PayloadError) as caught:
        _decode(change)
    assert caught.value.code == code
    assert len(caught.value.reason) < 300


def test_a_truncated_message_is_refused_wherever_it_ends() -> None:
    for end in range(len(_DOCUMENTED)):
        with pytest.raises(PayloadError):
            decode_waveform(_DOCUMENTED[:end], "acc1")
    with pytest.raises(PayloadError):
        decode_waveform(_DOCUMENTED + b"}", "acc1")


def test_what_is_written_is_read_back() -> None:
    raw_samples = np.array([0, 1, -1, 32_766, -32_767], np.int16)
    topic, payload = encode_waveform(
        "gw",
        "b",
        "s",
        axis="",
        start_ns=T0 + 1,
        sampling_rate_hz=500.0,
        unit="g",
        scale=0.001,
        samples=raw_samples,
        id="x",
    )
    raw = decode_waveform(payload, "s")
    assert topic == "infra/v1/gw/b/s/waveform"
    assert (raw.id, raw.axis, raw.start_ns, raw.unit, raw.data) == ("x", "", T0 + 1, "g", raw_samples.tobytes())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"samples": np.zeros(0, np.int16)}, "bad_length"),
        ({"samples": np.zeros((2, 2), np.int16)}, "bad_length"),
        ({"samples": np.zeros(2, np.int32)}, "bad_encoding"),
        ({"scale": 0.0}, "bad_value"),
        ({"scale": float("nan")}, "bad_value"),
        ({"sampling_rate_hz": -1.0}, "bad_value"),
    ],
)
def test_the_encoder_writes_nothing_that_would_be_refused(change: dict[str, Any], code: str) -> None:
    good: dict[str, Any] = {"samples": np.zeros(2, np.int16), "scale": 1.0, "sampling_rate_hz": 1.0}
    with pytest.raises(PayloadError) as caught:
        encode_waveform("gw", "b", "s", axis="z", start_ns=0, unit="g", **(good | change))
    assert caught.value.code == code


def test_bytes_that_do_not_belong_together_are_our_fault() -> None:
    with pytest.raises(ShapeError, match="expected 1 blocks of 2 x 2 bytes"):
        decode_samples(SampleEncoding.I16, 2, [b"123"], factor=np.ones(1), offset=np.zeros(1))
