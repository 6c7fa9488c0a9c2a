"""What is done with the models' memory as a whole: select, scatter, carry, write, read, compare.

A snapshot is one blob an asset: ``b"SCHS"``, the CRC-32 of the rest, the length of a JSON header, the header,
and the columns of `models.memory.ModelState` behind each other, little-endian and C-contiguous; a column of bytes is
its rows behind each other. The header names the model version, the channel numbers and modes its rows are keyed by,
the columns, and how long rows of bytes are; equal states give equal bytes. There is no pickle in it: reading a blob
runs no code of its writer.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
import zlib
from typing import Any, Final

import numpy as np

from domain.arrays import IndexArray
from domain.errors import OtherModelVersion, ShapeError, StorageCorrupt
from domain.units import is_same_unit
from models.axes import AXES, asset_rows, axis_keys, axis_rows
from models.catalogue import Catalogue
from models.layout import COLUMNS, LAYOUT, axis_of
from models.memory import ModelState, check_lengths, initial_state
from models.usual_load import forget_load

__all__ = [
    "MODEL_VERSION",
    "ModelState",
    "carry_state",
    "channels_begun_anew",
    "decode_state",
    "encode_state",
    "initial_state",
    "put_state",
    "state_digest",
    "take_state",
]

# Changes whenever the same readings would give other numbers; state of another version is learnt again from what is
# kept (`service.relearning`).
MODEL_VERSION: Final = "3.69"

# Columns that say what a sensor does as a whole, on the first of its channels: 0 on the others.
_OF_SENSOR: Final = frozenset(
    {
        *("sensor_silent_ns", "sensor_lost_ns", "spoken_ns", "gap_share", "gap_count", "gaps_ns", "clipping_ns"),
        *("opposed_ns", "opposed_last_ns", "opposed_way", "opposed_alarm_ns"),
    }
)
# Columns of channels that say when one was heard: with those of sensors they hold no value of it.
_IN_NO_UNIT: Final = _OF_SENSOR | {"heard_ns", "missed_ns", "silent_ns", "lost_ns"}

_MAGIC: Final = b"SCHS"
# Columns of bytes; the others are of numbers.
_BYTES: Final = tuple(name for name, layout in LAYOUT.items() if layout.dtype is np.object_)
_PREFIX: Final = struct.Struct("<4sII")


def take_state(catalogue: Catalogue, state: ModelState, assets: IndexArray) -> ModelState:
    """Copy the rows of some assets, strictly ascending; they belong to `catalogue.take(assets)`."""
    check_lengths(catalogue, state)
    rows = axis_rows(catalogue, assets)
    return ModelState(**{name: getattr(state, name)[rows[axis_of(name)]] for name in COLUMNS})


def put_state(catalogue: Catalogue, state: ModelState, assets: IndexArray, part: ModelState) -> None:
    """Write the rows of some assets, strictly ascending, into `state` in place.

    Raises
    ------
    ShapeError
        If `part` does not have the rows that `take_state` would give; nothing is written then.
    """
    check_lengths(catalogue, state)
    rows = axis_rows(catalogue, assets)
    for name in COLUMNS:
        got, expected = len(getattr(part, name)), len(rows[axis_of(name)])
        if got != expected:
            msg = f"column {name!r} of the part has {got} rows, expected {expected}; take it from the same catalogue"
            raise ShapeError(msg)
    for name in COLUMNS:
        getattr(state, name)[rows[axis_of(name)]] = getattr(part, name)


def channels_begun_anew(old_catalogue: Catalogue, new_catalogue: Catalogue) -> set[int]:
    """Give the numbers of the channels that are in both catalogues and have numbers of another unit in the new one."""
    units = dict(zip(old_catalogue.channel_number.tolist(), old_catalogue.units, strict=True))
    rows = zip(new_catalogue.channel_number.tolist(), new_catalogue.units, strict=True)
    return {number for number, unit in rows if not is_same_unit(units.get(number, unit), unit)}


def carry_state(old_catalogue: Catalogue, old_state: ModelState, new_catalogue: Catalogue) -> ModelState:
    """Carry the state over a change of the register.

    Rows whose key is in both catalogues keep their state, others start new. A judged channel whose kind of
    value or failure threshold changed keeps its history; only its distance to failure is new at the next value.
    A channel that has another unit starts new, but for what is in no unit: when it and its sensor were heard.
    What a sensor does as a whole goes over to the channel that is now its first.

    Returns
    -------
    ModelState
        For `new_catalogue`; shares no memory with the old one.
    """
    check_lengths(old_catalogue, old_state)
    state = initial_state(new_catalogue)
    anew = channels_begun_anew(old_catalogue, new_catalogue)
    for axis in AXES:
        old_row = {key: row for row, key in enumerate(axis_keys(old_catalogue, axis))}
        keys = axis_keys(new_catalogue, axis)
        matches = [(row, old_row[key]) for row, key in enumerate(keys) if key in old_row]
        if not matches:
            continue
        new_rows, old_rows = (np.array(rows, np.intp) for rows in zip(*matches, strict=True))
        stays = np.array([_channel_of(axis, keys[row]) not in anew for row in new_rows.tolist()], np.bool_)
        for name in COLUMNS:
            if axis_of(name) == axis and name not in _OF_SENSOR:
                kept = slice(None) if name in _IN_NO_UNIT else stays
                getattr(state, name)[new_rows[kept]] = getattr(old_state, name)[old_rows[kept]]
    old_first, new_first = _sensors(old_catalogue), _sensors(new_catalogue)
    stay = [key for key in new_first if key in old_first]
    from_rows, to_rows = ([first[key] for key in stay] for first in (old_first, new_first))
    for name in _OF_SENSOR:
        getattr(state, name)[to_rows] = getattr(old_state, name)[from_rows]
    # The hours of a vibration are not those of another, nor of a counter.
    before, now = _traffic_of(old_catalogue), _traffic_of(new_catalogue)
    other = [row for row, asset in enumerate(new_catalogue.assets) if before.get(asset) != now.get(asset)]
    return forget_load(state, np.asarray(other, np.intp))


def _sensors(catalogue: Catalogue) -> dict[tuple[str, str], int]:
    """Give the row of the first channel of each sensor, by asset and sensor."""
    return {catalogue.channels[row][:2]: row for row in np.unique(catalogue.sensor_of_channel).tolist()}


def _to_first(catalogue: Catalogue, state: ModelState, rows: slice) -> None:
    """Put what is said of whole sensors on the channels that are their first now, for the channels of one asset."""
    first = catalogue.sensor_of_channel[rows]
    for name in _OF_SENSOR:
        column = getattr(state, name)
        others = np.flatnonzero((column[rows] != 0) & (first != np.arange(rows.start, rows.stop)))
        moved = column[rows][others]
        column[rows.start + others] = 0
        column[first[others]] = moved


def _traffic_of(catalogue: Catalogue) -> dict[str, int]:
    """Give the number of the vibration that stands for the traffic of each asset where nobody counts."""
    rows = np.flatnonzero(catalogue.feels_traffic)
    return {catalogue.assets[catalogue.asset_of_channel[row]]: int(catalogue.channel_number[row]) for row in rows}


def _channel_of(axis: str, key: Any) -> int | None:
    """Give the number of the channel that a row of an axis is of; None where it is of none."""
    if axis == "channel":
        return int(key)
    return int(key[0]) if axis in {"judged", "frequency", "shaken"} else None


def _little_endian(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Give a column in the order of bytes in which it is kept; as a rule that is the column itself."""
    return values if values.dtype == np.object_ else np.ascontiguousarray(values, values.dtype.newbyteorder("<"))


def encode_state(catalogue: Catalogue, state: ModelState, assets: IndexArray) -> list[bytes]:
    """Write the state of each of some assets, strictly ascending, as one blob."""
    columns = [(axis_of(name), _little_endian(getattr(state, name))) for name in COLUMNS]
    layout = [
        [name, column.dtype.str, list(column.shape[1:])] for name, (_, column) in zip(COLUMNS, columns, strict=True)
    ]
    blobs = []
    for asset in assets:
        rows = asset_rows(catalogue, int(asset))
        lengths = {name: [len(row) for row in getattr(state, name)[rows[axis_of(name)]]] for name in _BYTES}
        header = {"model_version": MODEL_VERSION, "keys": _keys(catalogue, rows), "columns": layout, "bytes": lengths}
        text = json.dumps(header, separators=(",", ":")).encode()
        body = b"".join([text, *(_written(column[rows[axis]]) for axis, column in columns)])
        blobs.append(_PREFIX.pack(_MAGIC, zlib.crc32(body), len(text)) + body)
    return blobs


def decode_state(catalogue: Catalogue, state: ModelState, asset: int, blob: bytes) -> None:
    """Read one asset's blob into its rows of `state`, in place.

    Rows of the blob that the catalogue does not have are ignored; rows of the catalogue that the blob does not
    have stay as they are.

    Raises
    ------
    StorageCorrupt
        If the bytes are not what was written; `OtherModelVersion` if models of another version wrote them. Nothing is
        written then.
    """
    header, body = _open_blob(blob)
    rows = asset_rows(catalogue, asset)
    here = _keys(catalogue, rows)
    matches: dict[str, tuple[Any, Any]] = {}
    for axis in AXES:
        if header["keys"][axis] == here[axis]:
            # As a rule the register is the one of the snapshot, and its rows go over as they are.
            matches[axis] = (rows[axis], np.s_[:])
            continue
        place = {_hashable(key): row for row, key in enumerate(header["keys"][axis])}
        found = [(row, place[_hashable(key)]) for row, key in enumerate(here[axis]) if _hashable(key) in place]
        matches[axis] = (
            rows[axis].start + np.array([pair[0] for pair in found], np.intp),
            np.array([pair[1] for pair in found], np.intp),
        )
    columns: dict[str, np.ndarray[Any, Any]] = {}
    start = 0
    for name, dtype, shape in header["columns"]:
        length = len(header["keys"][axis_of(name)])
        if name in _BYTES:
            columns[name], start = _rows_of_bytes(body, start, header["bytes"][name])
            continue
        count = math.prod((length, *shape))
        columns[name] = np.frombuffer(body, dtype, count, start).reshape(length, *shape)
        start += columns[name].nbytes
    for name, values in columns.items():
        target, source = matches[axis_of(name)]
        getattr(state, name)[target] = values[source]
    if header["keys"]["channel"] != here["channel"]:
        _to_first(catalogue, state, rows["channel"])


def _written(column: np.ndarray[Any, Any]) -> memoryview | bytes:
    return b"".join(column) if column.dtype == np.object_ else column.data


def _rows_of_bytes(body: bytes, start: int, lengths: list[int]) -> tuple[np.ndarray[Any, Any], int]:
    """Cut rows of bytes out of a body; also tells where they end."""
    rows = np.full(len(lengths), b"", np.object_)
    for row, length in enumerate(lengths):
        rows[row] = body[start : start + length]
        start += length
    return rows, start


def _open_blob(blob: bytes) -> tuple[dict[str, Any], bytes]:
    if len(blob) < _PREFIX.size:
        msg = f"snapshot has {len(blob)} bytes, expected at least {_PREFIX.size}; restore a backup of the data folder"
        raise StorageCorrupt(msg)
    magic, checksum, length = _PREFIX.unpack_from(blob)
    rest = blob[_PREFIX.size :]
    if magic != _MAGIC or zlib.crc32(rest) != checksum:
        msg = f"snapshot of {len(blob)} bytes fails its checksum; restore a backup of the data folder"
        raise StorageCorrupt(msg)
    header: dict[str, Any] = json.loads(rest[:length])
    if header["model_version"] != MODEL_VERSION or [row[0] for row in header["columns"]] != list(COLUMNS):
        raise OtherModelVersion(str(header["model_version"]), MODEL_VERSION)
    return header, rest[length:]


def _keys(catalogue: Catalogue, rows: dict[str, slice]) -> dict[str, list[Any]]:
    """Give the keys of one asset's rows in a form that JSON keeps."""
    return {
        axis: [list(key) if isinstance(key, tuple) else key for key in axis_keys(catalogue, axis, rows[axis])]
        for axis in AXES
    }


def _hashable(key: Any) -> Any:
    return tuple(key) if isinstance(key, list) else key


def state_digest(catalogue: Catalogue, state: ModelState) -> str:
    """Give the SHA-256 over all state and its keys, in hex: equal digests mean equal state, bit for bit."""
    digest = hashlib.sha256(MODEL_VERSION.encode())
    for axis in AXES:
        digest.update(json.dumps(axis_keys(catalogue, axis), separators=(",", ":")).encode())
    for name in COLUMNS:
        if name in _BYTES:
            digest.update(repr([len(row) for row in getattr(state, name)]).encode())
        digest.update(_written(_little_endian(getattr(state, name))))
    return digest.hexdigest()
