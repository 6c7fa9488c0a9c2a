"""Read waveform block v1: checked and unpacked from its text, samples still raw.

The samples stay bytes until the batch is complete, so that blocks of equal shape become one array in one
vectorised step (`ingest.formats.samples`). Physical value = offset + scale x raw.

A burst that a gateway had to split comes as parts of one `id`; `ingest.assembler` puts them together.

Nearly every block is an object with every key of the right type. That case is read straight into a typed record, five
times as fast; whatever is not that plain is read again, key by key, which finds what is wrong in words or accepts it.
"""

from __future__ import annotations

import binascii
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from domain.errors import PayloadError
from ingest.formats.json_text import as_object, check_version, decode_json, describe, required
from ingest.formats.samples import SampleEncoding
from ingest.formats.times import parse_time

__all__ = ["MAX_PARTS", "MAX_SAMPLES", "RawBlock", "decode_key_by_key", "decode_waveform"]

MAX_SAMPLES: Final = 1_048_576  # gateway-payloads.md section 9; 42 s at 25 kHz
MAX_PARTS: Final = 1024
_MAX_ID_LENGTH: Final = 128


class RawBlock(NamedTuple):
    """One block, or one part of a block, as it came.

    Attributes
    ----------
    id : str
        What parts of one burst share; empty where the sender gave none.
    axis : str
        Empty where the sensor has one direction only.
    start_ns : int or None
        Time of the first sample of the whole burst; None where it cannot be understood.
    sampling_rate_hz : float
        Positive, finite.
    length : int
        Samples in `data`.
    scale, offset : float
        `physical = offset + scale * raw`, in `unit`.
    data : bytes
        `length * encoding.width` bytes.
    part, parts : int
        Place in the burst, from 1, and how many there are.
    clipped : bool
        The gateway itself said so.
    """

    id: str
    axis: str
    start_ns: int | None
    sampling_rate_hz: float
    length: int
    unit: str
    encoding: SampleEncoding
    scale: float
    offset: float
    data: bytes
    part: int
    parts: int
    clipped: bool
    is_backfill: bool


def decode_waveform(payload: bytes, sensor: str) -> RawBlock:
    """Decode one waveform message.

    Parameters
    ----------
    payload : bytes
        An object with the keys of block format v1; others are ignored.
    sensor : str
        The sensor in the topic, which `sensor` must equal.

    Raises
    ------
    PayloadError
        When anything in it is missing, of another type, out of range or of another length than `n` says.
    """
    try:
        plain = _PLAIN.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return decode_key_by_key(payload, sensor)
    encoding = _BINARY_ENCODINGS.get(plain.enc)
    length, parts = plain.n, plain.parts
    if (
        encoding is None
        or plain.v != 1
        or plain.sensor != sensor
        or not 0 < length <= MAX_SAMPLES
        or not 0 < plain.part <= parts <= MAX_PARTS
        or (parts > 1 and not 0 < len(plain.id) <= _MAX_ID_LENGTH)
        or not plain.fs_hz > 0.0
        or plain.scale == 0.0
    ):
        return decode_key_by_key(payload, sensor)
    return RawBlock(
        plain.id,
        plain.axis,
        parse_time(plain.t0),
        plain.fs_hz,
        length,
        plain.unit,
        encoding,
        plain.scale,
        plain.offset,
        _data(plain.data, encoding, length),
        plain.part,
        parts,
        plain.clipped,
        plain.is_backfill,
    )


class _PlainBlock(msgspec.Struct, gc=False):
    """Block format v1 as most gateways send it: binary samples and a time as text."""

    v: int
    sensor: str
    axis: str
    t0: str
    fs_hz: float
    n: int
    unit: str
    enc: str
    data: str
    scale: float = 1.0
    offset: float = 0.0
    part: int = 1
    parts: int = 1
    id: str = ""
    clipped: bool = False
    is_backfill: bool = False


_PLAIN: Final = msgspec.json.Decoder(_PlainBlock)


def decode_key_by_key(payload: bytes, sensor: str) -> RawBlock:
    """Decode any block, or say what is wrong with it; arguments and errors are those of `decode_waveform`."""
    message = as_object(decode_json(payload), "message")
    check_version(message)
    named = required(message, "sensor")
    if named != sensor:
        raise PayloadError(
            "topic_mismatch", f"got sensor {describe(named)}, expected {sensor!r} as in the topic; make the two agree"
        )
    encoding = _encoding(required(message, "enc"))
    length = _whole("n", required(message, "n"), MAX_SAMPLES)
    rate = _number(message, "fs_hz", None)
    if rate <= 0:
        raise PayloadError("bad_value", f"got fs_hz = {rate!r}, expected a positive number of samples a second")
    scale = _number(message, "scale", 1.0)
    if scale == 0:
        raise PayloadError("bad_value", "got scale = 0, expected the physical value of one raw step")
    parts = _whole("parts", message.get("parts", 1), MAX_PARTS)
    part = _whole("part", message.get("part", 1), parts)
    identity = _text(message.get("id", ""), "id")
    if parts > 1 and not 0 < len(identity) <= _MAX_ID_LENGTH:
        raise PayloadError(
            "missing_key",
            f"got id {describe(identity)} on part {part} of {parts}, expected 1 to {_MAX_ID_LENGTH} "
            "characters that all parts share",
        )
    unit = required(message, "unit")
    if type(unit) is not str:
        raise PayloadError("bad_unit", f"got unit {describe(unit)}, expected text such as 'm/s2'")
    return RawBlock(
        id=identity,
        axis=_text(required(message, "axis"), "axis"),
        start_ns=parse_time(required(message, "t0")),
        sampling_rate_hz=rate,
        length=length,
        unit=unit,
        encoding=encoding,
        scale=scale,
        offset=_number(message, "offset", 0.0),
        data=_data(required(message, "data"), encoding, length),
        part=part,
        parts=parts,
        clipped=_flag(message, "clipped"),
        is_backfill=_flag(message, "is_backfill"),
    )


def _encoding(value: Any) -> SampleEncoding:
    if type(value) is str:
        try:
            return _ENCODINGS[value]
        except KeyError:
            pass
    raise PayloadError("bad_encoding", f"got enc {describe(value)}, expected one of {', '.join(_ENCODINGS)}")


def _data(value: Any, encoding: SampleEncoding, length: int) -> bytes:
    """Unpack base64 or a number array, and hold its length against `n`."""
    if encoding is SampleEncoding.JSON:
        return _packed(value, length)
    if type(value) is not str:
        raise PayloadError("wrong_type", f"data: got {describe(value)}, expected base64 text for {encoding.value}")
    try:
        data = binascii.a2b_base64(value, strict_mode=True)
    except ValueError as error:  # also binascii.Error, and text that is not ASCII
        raise PayloadError("bad_encoding", f"data is not base64: {error}; use the standard alphabet, padded") from error
    expected = length * encoding.width
    if len(data) != expected:
        raise PayloadError(
            "bad_length",
            f"got {len(data)} bytes of samples, expected {expected} ({length} {encoding.value}); "
            "check the gateway's block length",
        )
    return data


def _packed(value: Any, length: int) -> bytes:
    """Pack a JSON number array as little-endian float64."""
    if type(value) is not list:
        raise PayloadError("wrong_type", f"data: got {describe(value)}, expected an array of numbers for json")
    if len(value) != length:
        raise PayloadError("bad_length", f"got {len(value)} samples, expected n = {length}; make the two agree")
    if not set(map(type, value)) <= {int, float}:
        odd = next(sample for sample in value if type(sample) not in {int, float})
        raise PayloadError("bad_value", f"got {describe(odd)} among the samples, expected numbers only")
    try:
        samples = np.array(value, dtype="<f8")
    except OverflowError as error:
        raise PayloadError("bad_value", "got a sample too large for float64; check the gateway") from error
    return samples.tobytes()


def _number(message: dict[str, Any], key: str, default: float | None) -> float:
    """Take a finite number; None as default means that the key is required."""
    value = required(message, key) if default is None else message.get(key, default)
    number = float("nan")
    if type(value) is float or type(value) is int:
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
    if number - number != 0.0:
        raise PayloadError("bad_value", f"got {key} = {describe(value)}, expected a finite number")
    return number


def _whole(key: str, value: Any, largest: int) -> int:
    """Take an integer in [1, largest]."""
    if type(value) is not int or not 1 <= value <= largest:
        raise PayloadError("bad_value", f"got {key} = {describe(value)}, expected a whole number from 1 to {largest}")
    return value


def _text(value: Any, key: str) -> str:
    if type(value) is not str:
        raise PayloadError("wrong_type", f"got {key} = {describe(value)}, expected text")
    return value


def _flag(message: dict[str, Any], key: str) -> bool:
    value = message.get(key, False)
    if type(value) is not bool:
        raise PayloadError("wrong_type", f"got {key} = {describe(value)}, expected true or false")
    return value


_ENCODINGS: Final = {encoding.value: encoding for encoding in SampleEncoding}
_BINARY_ENCODINGS: Final = {text: encoding for text, encoding in _ENCODINGS.items() if text != SampleEncoding.JSON}
