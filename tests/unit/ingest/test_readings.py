from __future__ import annotations

from typing import Any

import msgspec
import pytest

from domain.errors import PayloadError
from ingest.formats.project import OutgoingReading, decode_readings, encode_readings
from tests.unit.ingest.room import T0, reading

_GOOD = {"value": 1.5, "unit": "Cel"}
_DOCUMENTED = b"""{"v":1,"sensor":"acc1","t":"2026-11-23T09:00:00Z","seq":41,"values":{"vibration_rms":{"value":0.42,
"unit":"mm/s","axis":"z"},"temperature":{"value":11.5,"unit":"Cel"},"humidity":{"value":81.0,"unit":"%RH"}},
"battery_pct":97,"is_backfill":false}"""


def _decode(message: Any) -> Any:
    return decode_readings(message if isinstance(message, bytes) else msgspec.json.encode(message), "acc1")


def test_the_documented_example_is_read() -> None:
    (decoded,), refused = _decode(_DOCUMENTED)
    assert refused == []
    assert decoded.time_ns == T0
    assert not decoded.is_backfill
    assert decoded.keys == [("vibration_rms", "z", "mm/s"), ("temperature", "", "Cel"), ("humidity", "", "%RH")]
    assert decoded.values == [0.42, 11.5, 81.0]


def test_an_array_gives_a_reading_for_each_object() -> None:
    decoded, refused = _decode([reading({"a": _GOOD}, t=number) for number in (3, 1, 2)])
    assert [item.time_ns for item in decoded] == [3_000_000_000, 1_000_000_000, 2_000_000_000]
    assert refused == []


@pytest.mark.parametrize("value", [0, 0.0, -273.15, 1, 2**60, 1e-300])
def test_any_finite_number_is_a_value(value: float) -> None:
    (decoded,), _ = _decode(reading({"a": {"value": value, "unit": "Cel"}}))
    assert decoded.values == [float(value)]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (b'{"value":NaN,"unit":"Cel"}', "bad_value"),
        (b'{"value":Infinity,"unit":"Cel"}', "bad_value"),
        (b'{"value":-Infinity,"unit":"Cel"}', "bad_value"),
        (b'{"value":1e999,"unit":"Cel"}', "bad_value"),
        (b'{"value":' + b"9" * 350 + b',"unit":"Cel"}', "bad_value"),
        (b'{"value":' + b"9" * 5000 + b',"unit":"Cel"}', "bad_value"),
        (b'{"value":"11.5","unit":"Cel"}', "bad_value"),
        (b'{"value":true,"unit":"Cel"}', "bad_value"),
        (b'{"value":null,"unit":"Cel"}', "bad_value"),
        (b'{"value":[1],"unit":"Cel"}', "bad_value"),
        (b'{"value":{},"unit":"Cel"}', "bad_value"),
        (b'{"unit":"Cel"}', "missing_key"),
        (b'{"value":1.0}', "missing_key"),
        (b'{"value":1.0,"unit":null}', "bad_unit"),
        (b'{"value":1.0,"unit":5}', "bad_unit"),
        (b'{"value":1.0,"unit":"Cel","axis":1}', "wrong_type"),
        (b"11.5", "wrong_type"),
        (b"null", "wrong_type"),
        (b"[]", "wrong_type"),
    ],
)
def test_a_bad_value_costs_itself_and_not_its_siblings(entry: bytes, code: str) -> None:
    head = b'{"v":1,"sensor":"acc1","t":1795424400,"values":{"good":{"value":1.5,"unit":"Cel"},"bad":'
    (decoded,), refused = _decode(head + entry + b"}}")
    assert decoded.values == [1.5]
    assert decoded.time_ns == T0
    assert [error.code for error in refused] == [code]
    assert "'bad'" in refused[0].reason


def test_a_null_axis_is_no_axis() -> None:
    (decoded,), refused = _decode(reading({"a": _GOOD | {"axis": None}}))
    assert decoded.keys == [("a", "", "Cel")]
    assert refused == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"v": 2}, "unsupported_version"),
        ({"v": True}, "unsupported_version"),
        ({"v": "1"}, "unsupported_version"),
        ({"v": 1.0}, "unsupported_version"),
        ({"sensor": "other"}, "topic_mismatch"),
        ({"sensor": None}, "topic_mismatch"),
        ({"values": []}, "wrong_type"),
        ({"values": {}}, "empty"),
        ({"is_backfill": "yes"}, "wrong_type"),
    ],
)
def test_a_bad_object_is_refused_and_does_not_cost_the_others(change: dict[str, Any], code: str) -> None:
    bad = reading({"a": _GOOD}) | change
    with pytest.raises(PayloadError) as caught:
        _decode(bad)
    assert caught.value.code == code
    decoded, refused = _decode([bad, reading({"a": _GOOD}), 7])
    assert len(decoded) == 1
    assert [error.code for error in refused] == [code, "wrong_type"]
    assert refused[0].reason.startswith("element 0 of the array: ")
    assert refused[1].reason.startswith("element 2 of the array: ")


@pytest.mark.parametrize("key", ["v", "sensor", "values"])
def test_a_missing_key_is_named(key: str) -> None:
    message = reading({"a": _GOOD})
    del message[key]
    with pytest.raises(PayloadError, match=f"key '{key}' is missing") as caught:
        _decode(message)
    assert caught.value.code == "missing_key"


@pytest.mark.parametrize("time", [None, "yesterday", True, {}, "2026-11-23T09:00:00"])
def test_a_bad_time_is_no_device_time_and_the_values_stay(time: Any) -> None:
    (decoded,), refused = _decode(reading({"a": _GOOD}, t=time))
    assert decoded.time_ns is None
    assert decoded.values == [1.5]
    assert refused == []


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "empty"),
        (b"[]", "empty"),
        (b" ", "not_json"),
        (b"{", "not_json"),
        (b"not json", "not_json"),
        (b"NaN", "wrong_type"),
        (b'{"NaN', "not_json"),
        (b"null", "wrong_type"),
        (b'"text"', "wrong_type"),
        (b"\xff\xfe", "not_json"),
        (b'{"v":1,"sensor":"\xff"}', "not_json"),
        (b'{"a":NaN,"b":"\xff"}', "not_json"),
        (rb'{"a":NaN,"b":"\ud83d"}', "not_json"),
        (rb'{"a":1e999,"\uDC00":1}', "not_json"),
        (b'{"a":1e999,"b":"\\ud800', "not_json"),
        (b"[" * 100_000, "not_json"),
        (b'{"a":' * 50_000 + b"NaN", "not_json"),
        (b"\x00" * 1000, "not_json"),
        (_DOCUMENTED + b"x", "not_json"),
    ],
)
def test_text_that_cannot_be_used_is_refused_as_a_whole(payload: bytes, code: str) -> None:
    with pytest.raises(PayloadError) as caught:
        _decode(payload)
    assert caught.value.code == code
    assert len(caught.value.reason) < 400


def test_a_truncated_message_is_refused_wherever_it_ends() -> None:
    for end in range(len(_DOCUMENTED)):
        with pytest.raises(PayloadError):
            _decode(_DOCUMENTED[:end])


def test_several_axes_of_one_quantity_stay_apart() -> None:
    outgoing = OutgoingReading(T0, {"vibration_rms.x": (1.0, "mm/s"), "vibration_rms.z": (2.0, "mm/s")})
    (decoded,), refused = _decode(encode_readings("gw", "b", "acc1", [outgoing])[1])
    assert decoded.keys == [("vibration_rms.x", "", "mm/s"), ("vibration_rms.z", "", "mm/s")]
    assert refused == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_encoder_writes_nothing_that_would_be_refused(value: float) -> None:
    with pytest.raises(PayloadError, match="expected a finite number"):
        encode_readings("gw", "b", "acc1", [OutgoingReading(T0, {"a": (value, "Cel")})])
    with pytest.raises(PayloadError, match="no readings"):
        encode_readings("gw", "b", "acc1", [])
    with pytest.raises(PayloadError, match="no values"):
        encode_readings("gw", "b", "acc1", [OutgoingReading(T0, {})])
