"""Read plain JSON v1 readings: one object, or an array of objects, of one sensor.

Refusal is as narrow as the fault. A bad value costs itself and not its siblings, a bad object of an array
not the others, and only what makes the whole text unusable costs the message. What is refused comes back as
a list of errors beside what was understood, so that the sender can be told everything at once.

Whether sensor, channel and unit are known is not asked here but in `ingest.resolve`.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from domain.errors import PayloadError
from ingest.formats.json_text import as_object, check_version, decode_json, describe, required
from ingest.formats.times import parse_time

__all__ = ["DecodedReading", "QuantityKey", "channel_name", "decode_readings"]


# What a value is said to be, as it stands on the wire: name, axis (empty where there is none) and unit.
# A plain tuple, because one is made for every value and a named one takes five times as long.
QuantityKey: TypeAlias = tuple[str, str, str]


class DecodedReading(NamedTuple):
    """One object of a message.

    Attributes
    ----------
    time_ns : int or None
        Device time; None where the sensor gave none that can be understood.
    is_backfill : bool
        The gateway said that the reading had been buffered.
    keys : list of QuantityKey
        What was measured, in the order of the message; names may repeat under another spelling.
    values : list of float
        As sent, in the unit of the key; finite.
    """

    time_ns: int | None
    is_backfill: bool
    keys: list[QuantityKey]
    values: list[float]


def channel_name(name: str, axis: str) -> str:
    """Join a quantity and its axis as the register does; an axis that is in the name already stays single.

    Examples
    --------
    >>> channel_name("vibration_rms", "z"), channel_name("vibration_rms.z", "z"), channel_name("humidity", "")
    ('vibration_rms.z', 'vibration_rms.z', 'humidity')
    """
    if not axis or name.endswith(f".{axis}"):
        return name
    return f"{name}.{axis}"


def decode_readings(payload: bytes, sensor: str) -> tuple[list[DecodedReading], list[PayloadError]]:
    """Decode one message of readings.

    Parameters
    ----------
    payload : bytes
        An object or an array of objects with `v`, `sensor` and `values`, and optionally `t` and `is_backfill`;
        other keys are ignored.
    sensor : str
        The sensor in the topic, which `sensor` must equal.

    Returns
    -------
    readings : list of DecodedReading
        Those with at least one good value.
    refused : list of PayloadError
        One for each object or value that was left out.

    Raises
    ------
    PayloadError
        When the text as a whole cannot be used.

    Examples
    --------
    >>> readings, refused = decode_readings(b'''{"v": 1, "sensor": "acc1", "t": 1795424400, "values": {
    ...     "humidity": {"value": 81, "unit": "%RH"}, "temperature": {"value": "11.5", "unit": "Cel"}}}''', "acc1")
    >>> readings[0].keys, readings[0].values
    ([('humidity', '', '%RH')], [81.0])
    >>> refused[0].code, refused[0].reason
    ('bad_value', "channel 'temperature': got '11.5', expected a number; send numbers without quotes")
    """
    message = decode_json(payload)
    refused: list[PayloadError] = []
    if type(message) is not list:
        reading = _decode_object(as_object(message, "message"), sensor, refused)
        return ([reading] if reading is not None else []), refused
    if not message:
        raise PayloadError("empty", "got an empty array, expected readings; publish nothing when there is nothing")
    readings: list[DecodedReading] = []
    for position, item in enumerate(message):
        try:
            reading = _decode_object(as_object(item, "element"), sensor, refused)
        except PayloadError as error:
            refused.append(PayloadError(error.code, f"element {position} of the array: {error.reason}"))
        else:
            if reading is not None:
                readings.append(reading)
    return readings, refused


def _decode_object(message: dict[str, Any], sensor: str, refused: list[PayloadError]) -> DecodedReading | None:
    """Decode one object; refused values go to `refused`, and None means that no value was left."""
    check_version(message)
    named = required(message, "sensor")
    if named != sensor:
        raise PayloadError(
            "topic_mismatch",
            f"got sensor {describe(named)}, expected {sensor!r} as in the topic; make the two agree",
        )
    is_backfill = message.get("is_backfill", False)
    if type(is_backfill) is not bool:
        raise PayloadError("wrong_type", f"is_backfill: got {describe(is_backfill)}, expected true or false")
    entries = as_object(required(message, "values"), "values")
    if not entries:
        raise PayloadError("empty", "got no entry in 'values', expected one or more; leave such a message out")
    keys: list[QuantityKey] = []
    values: list[float] = []
    for name, entry in entries.items():
        # Tight on purpose: this runs once a value, and the good case passes three type checks.
        if type(entry) is dict:
            value = entry.get("value")
            unit = entry.get("unit")
            axis = entry.get("axis", "")
            if type(value) is float and type(unit) is str and type(axis) is str and value - value == 0.0:
                keys.append((name, axis, unit))
                values.append(value)
                continue
        try:
            key, value = _checked_value(name, entry)
        except PayloadError as error:
            refused.append(error)
        else:
            keys.append(key)
            values.append(value)
    return DecodedReading(parse_time(message.get("t")), is_backfill, keys, values) if values else None


def _checked_value(name: str, entry: Any) -> tuple[QuantityKey, float]:
    """Take one entry of `values` apart slowly, saying what is wrong with it."""
    where = f"channel {describe(name)}"
    entry = as_object(entry, where)
    for key in ("value", "unit"):
        if key not in entry:
            raise PayloadError("missing_key", f"{where}: key {key!r} is missing; send value and unit")
    unit, axis, value = entry["unit"], entry.get("axis"), entry["value"]
    if type(unit) is not str:
        raise PayloadError("bad_unit", f"{where}: got unit {describe(unit)}, expected text such as 'mm/s'")
    if axis is not None and type(axis) is not str:
        raise PayloadError("wrong_type", f"{where}: got axis {describe(axis)}, expected text such as 'z'")
    return (name, axis or "", unit), _finite(value, where)


def _finite(value: Any, where: str) -> float:
    """Turn a JSON number into a finite float; booleans and quoted numbers are none."""
    if type(value) is not float and type(value) is not int:
        hint = "; send numbers without quotes" if type(value) is str else ""
        raise PayloadError("bad_value", f"{where}: got {describe(value)}, expected a number{hint}")
    try:
        number = float(value)
    except OverflowError:
        number = _INFINITE
    if number - number != 0.0:
        raise PayloadError("bad_value", f"{where}: got {describe(value)}, expected a finite number; check the sensor")
    return number


_INFINITE: Final = float("inf")
