"""Write the project's own format: plain JSON v1 readings, status and waveform block v1.

The simulator and `schouw replay` publish with these functions and the decoders beside them read the
result, so that what is sent and what is read cannot drift apart. A message that would be refused on
arrival is not written: the encoders raise what the decoder would have said.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from domain.errors import PayloadError
from ingest.formats.times import format_time
from ingest.topics import reading_topic, status_topic, waveform_topic

__all__ = ["OutgoingReading", "encode_readings", "encode_status", "encode_waveform"]

_VERSION: Final = 1
_ENCODER: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class OutgoingReading:
    """What one sensor measured at one moment.

    Attributes
    ----------
    time_ns : int
        Device time, Unix nanoseconds, UTC.
    values : mapping of str to (float, str)
        Channel name with its axis, such as `vibration_rms.z`, to value and unit.
    seq : int or None
        Running number of the message at the sensor, where it keeps one.
    is_backfill : bool
        True when it was buffered and is sent late on purpose.
    """

    time_ns: int
    values: Mapping[str, tuple[float, str]]
    seq: int | None = None
    is_backfill: bool = False


def encode_readings(gateway: str, asset: str, sensor: str, readings: Sequence[OutgoingReading]) -> tuple[str, bytes]:
    """Write readings of one sensor as one message: an object, or an array when there are several.

    Returns
    -------
    topic : str
        `infra/v1/{gateway}/{asset}/{sensor}/reading`.
    payload : bytes
        Plain JSON v1.

    Raises
    ------
    PayloadError
        `empty` without readings or values, `bad_value` for a value that is not finite,
        `bad_topic` for an identifier that may not stand in a topic.

    Examples
    --------
    >>> reading = OutgoingReading(1795424400000000000, {"vibration_rms.z": (0.42, "mm/s")}, seq=41)
    >>> encode_readings("gw-7", "brug-042", "acc1", [reading])[1].decode()
    '{"v":1,"sensor":"acc1","t":"2026-11-23T09:00:00Z","seq":41,"values":{"vibration_rms":{"value":0.42,"unit":"mm/s","axis":"z"}}}'
    """
    topic = reading_topic(gateway, asset, sensor)
    objects = [_reading_object(sensor, reading) for reading in readings]
    if not objects:
        raise PayloadError("empty", f"no readings to write for sensor {sensor!r}; expected one or more")
    return topic, _ENCODER.encode(objects[0] if len(objects) == 1 else objects)


def _reading_object(sensor: str, reading: OutgoingReading) -> dict[str, Any]:
    """Lay out one reading; a quantity on several axes keeps the axis in its key, or keys would collide."""
    if not reading.values:
        raise PayloadError("empty", f"a reading of sensor {sensor!r} has no values; expected one or more")
    quantities = [name.partition(".")[0] for name in reading.values]
    values: dict[str, Any] = {}
    for (name, (value, unit)), quantity in zip(reading.values.items(), quantities, strict=True):
        if not math.isfinite(value):
            raise PayloadError("bad_value", f"channel {name!r}: got {value!r}, expected a finite number; leave it out")
        axis = name[len(quantity) + 1 :]
        if axis and quantities.count(quantity) == 1:
            values[quantity] = {"value": value, "unit": unit, "axis": axis}
        else:
            values[name] = {"value": value, "unit": unit}
    outgoing: dict[str, Any] = {"v": _VERSION, "sensor": sensor, "t": format_time(reading.time_ns)}
    if reading.seq is not None:
        outgoing["seq"] = reading.seq
    outgoing["values"] = values
    if reading.is_backfill:
        outgoing["is_backfill"] = True
    return outgoing


def encode_waveform(
    gateway: str,
    asset: str,
    sensor: str,
    *,
    axis: str,
    start_ns: int,
    sampling_rate_hz: float,
    unit: str,
    scale: float,
    samples: npt.NDArray[np.int16],
    id: str | None = None,  # noqa: A002 -- the name of the key on the wire
) -> tuple[str, bytes]:
    """Write one waveform block v1 with 16-bit samples, in one part.

    Parameters
    ----------
    start_ns : int
        Time of the first sample.
    sampling_rate_hz : float
        Samples a second, positive.
    unit : str
        Unit of `scale * samples`.
    scale : float
        Physical value of one step of the raw samples; finite and not 0.
    samples : int16[N]
        Raw samples, at least one.

    Returns
    -------
    topic : str
        `infra/v1/{gateway}/{asset}/{sensor}/waveform`.
    payload : bytes
        JSON with base64 data.

    Raises
    ------
    PayloadError
        `bad_length` for anything but one row of samples, `bad_encoding` for another type than int16,
        `bad_value` for a rate or scale that cannot be, `bad_topic` for a wrong identifier.

    Examples
    --------
    >>> _, payload = encode_waveform("gw-7", "brug-042", "acc1", axis="z", start_ns=0, sampling_rate_hz=2000.0,
    ...     unit="m/s2", scale=0.0005, samples=np.array([0, 1000], np.int16))
    >>> payload.decode()[-47:]
    '"enc":"i16le","scale":0.0005,"data":"AADoAw=="}'
    """
    topic = waveform_topic(gateway, asset, sensor)
    if samples.ndim != 1 or not samples.size:
        raise PayloadError("bad_length", f"got samples of shape {samples.shape}, expected one row of at least 1 sample")
    if samples.dtype != np.int16:
        raise PayloadError("bad_encoding", f"got samples of type {samples.dtype}, expected int16; scale them first")
    if not (math.isfinite(sampling_rate_hz) and sampling_rate_hz > 0):
        raise PayloadError("bad_value", f"got a sampling rate of {sampling_rate_hz!r} Hz, expected a positive number")
    if not math.isfinite(scale) or scale == 0:
        raise PayloadError("bad_value", f"got scale {scale!r}, expected a finite number other than 0")
    block: dict[str, Any] = {"v": _VERSION}
    if id is not None:
        block["id"] = id
    block |= {
        "sensor": sensor,
        "axis": axis,
        "t0": format_time(start_ns),
        "fs_hz": sampling_rate_hz,
        "n": samples.size,
        "unit": unit,
        "enc": "i16le",
        "scale": scale,
        "data": base64.b64encode(samples.astype("<i2", copy=False).tobytes()).decode("ascii"),
    }
    return topic, _ENCODER.encode(block)


def encode_status(
    gateway: str, *, state: Literal["online", "offline"], since_ns: int, session: int
) -> tuple[str, bytes]:
    """Write a gateway's birth (`online`) or will (`offline`); publish it retained at QoS 1.

    Parameters
    ----------
    since_ns : int
        When the session began, Unix nanoseconds.
    session : int
        Number of the session; a will carries that of the birth it belongs to.

    Raises
    ------
    PayloadError
        With code `bad_topic` when the gateway's name is no identifier.

    Examples
    --------
    >>> encode_status("gw-7", state="online", since_ns=1795424398000000000, session=7)
    ('infra/v1/gw-7/status', b'{"v":1,"state":"online","since":"2026-11-23T08:59:58Z","session":7}')
    """
    status = {"v": _VERSION, "state": state, "since": format_time(since_ns), "session": session}
    return status_topic(gateway), _ENCODER.encode(status)
