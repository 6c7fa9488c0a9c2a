"""Rows of works announced beforehand: what explains a change, from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from domain.identifiers import AssetId, SensorId
from domain.register import LAST_END_NS, Register, Works
from ingest.fields import Fields

__all__ = ["read_works_rows"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US: Final = 1000
_DAY_NS: Final = 86_400_000_000_000


def read_works_rows(rows: Iterable[Fields], register: Register) -> tuple[Works, ...]:
    """Read rows with the columns of `works.csv`; what is wrong is noted in the rows' own list of faults."""
    assets = {asset.id for asset in register.assets}
    sensors = {(channel.asset, channel.sensor) for channel in register.channels}
    works: list[Works] = []
    for row in rows:
        asset, sensor, kind = AssetId(row.text("asset")), SensorId(row.text("sensor")), row.text("kind")
        if asset not in assets:
            row.fault("asset", "the id of an asset in the register")
        if sensor and (asset, sensor) not in sensors:
            row.fault("sensor", "nothing, or a sensor of that asset in the register")
        if not kind:
            row.fault("kind", "what is done, such as diversion, resurfacing, lubrication or sensor swap")
        start_ns, end_ns = _read_time(row, "start", is_end=False), _read_time(row, "end", is_end=True)
        if start_ns is None or end_ns is None:
            continue
        if end_ns <= start_ns:
            row.fault("end", "a time after start")
        works.append(Works(asset, kind, start_ns, end_ns, sensor or None))
    return tuple(works)


def _read_time(row: Fields, name: str, *, is_end: bool) -> int | None:
    """Take a required ISO 8601 time; a date alone as end includes that day, and one far ahead stands for no end."""
    text = row.text(name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        row.fault(name, "an ISO 8601 date or time such as 2026-11-23 or 2026-11-23T09:00:00Z")
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    time_ns = (moment - _EPOCH) // timedelta(microseconds=1) * _NS_PER_US
    if is_end and _is_date(text):
        time_ns += _DAY_NS
    if is_end and time_ns > LAST_END_NS:
        return LAST_END_NS
    if not -LAST_END_NS <= time_ns <= LAST_END_NS:
        row.fault(name, "a time from 1678 to 2261")
        return None
    return time_ns


def _is_date(text: str) -> bool:
    """Tell whether text is a date without a time."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
