"""Journal entries as InfluxDB's line protocol: a few measurements, tags of bounded cardinality, times in nanoseconds.

================ ============================= =================================================================
measurement      tags                          fields (floats; strings apart), and the time
================ ============================= =================================================================
`reading`        asset, sensor, channel, unit  `value`; `flags` when there are any; the sensor's time
`feature`        asset, sensor, channel        `value`, `count`, `expected`, `band`, `novelty` of a hop; its start
`risk`           asset                         a final assessment: chances, life, cost, state; its event time
`status`         gateway                       `online` 1 or 0; when ingest heard it
`status`         asset, kind, subject          `raised` 1: an alarm began; its event time
================ ============================= =================================================================

A channel is a quantity with its axis (`vibration_rms.x`). `feature` has no unit among its tags, so that a hop
scored anew takes the place of the old one also after the register gave the channel another unit.

Written again, an entry gives the same lines, so that writing it twice changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from domain.arrays import IndexArray, ReadingColumns
from domain.errors import StorageCorrupt
from domain.records import Alarm, RiskAssessment
from storage.entries import BatchBody, GatewayChange, decode_readings
from storage.hop_columns import HopColumns
from storage.journal import Entry

__all__ = ["ChannelTags", "catalogue_after", "entry_lines", "line"]

# Python's and InfluxDB's client agree on these; a raw line break would end the line.
_ESCAPE_MEASUREMENT: Final = str.maketrans({",": r"\,", " ": r"\ ", "\n": r"\n", "\t": r"\t", "\r": r"\r"})
_ESCAPE_KEY: Final = _ESCAPE_MEASUREMENT | str.maketrans({"=": r"\="})
_ESCAPE_TEXT: Final = str.maketrans({'"': r"\"", "\\": r"\\"})


class ChannelTags(NamedTuple):
    """What names one channel."""

    asset: str
    sensor: str
    channel: str
    unit: str


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, float | str | None], time_ns: int) -> str:
    r"""Write one point; empty when no field has a value, since InfluxDB knows no such point.

    Parameters
    ----------
    tags : mapping of str to str
        Empty values are left out.
    fields : mapping of str to float, str or None
        Numbers are floats always; those that are not finite, and None, are left out.
    time_ns : int
        Unix nanoseconds.

    Examples
    --------
    >>> line("reading", {"asset": "brug 1"}, {"value": 2.0, "note": 'he said "no"', "band": None}, 5)
    'reading,asset=brug\\ 1 note="he said \\"no\\"",value=2 5'
    """
    texts = [f"{_key(name)}={text}" for name, value in sorted(fields.items()) if (text := _field(value)) is not None]
    return f"{_head(measurement, tags)} {','.join(texts)} {time_ns}" if texts else ""


def catalogue_after(catalogue: Mapping[int, ChannelTags], entry: Entry) -> Mapping[int, ChannelTags]:
    """Give the channels by their lasting number as they are after an entry; those that left stay."""
    register = entry.outcome.register
    if register is None:
        return catalogue
    return {
        **catalogue,
        **{
            number: ChannelTags(channel.asset, channel.sensor, channel.channel, channel.unit)
            for number, channel in zip(entry.outcome.register_numbers, register.channels, strict=True)
        },
    }


def entry_lines(catalogue: Mapping[int, ChannelTags], entry: Entry) -> Iterator[str]:
    """Give the lines of one entry, with the channels as they are behind it.

    Raises
    ------
    StorageCorrupt
        If the entry names a channel that no register before it has.
    """
    outcome = entry.outcome
    if isinstance(entry.body, BatchBody):
        yield from _reading_lines(catalogue, decode_readings(entry.body.readings), entry.seq)
    if outcome.hops.channel:
        yield from _hop_lines(catalogue, outcome.hops, entry.seq)
    for assessment in outcome.assessments:
        yield _risk_line(assessment)
    for alarm in outcome.alarms:
        yield _alarm_line(alarm)
    for gateway in outcome.gateways:
        yield _gateway_line(gateway)


def _reading_lines(catalogue: Mapping[int, ChannelTags], readings: ReadingColumns, seq: int) -> Iterator[str]:
    heads = _heads("reading", catalogue, readings.channel, seq, with_unit=True)
    rows = (readings.channel, readings.time_ns, readings.value, readings.flags)
    for number, time_ns, value, flags in zip(*(column.tolist() for column in rows), strict=True):
        if math.isfinite(value):
            flagged = f"flags={flags}," if flags else ""
            yield f"{heads[number]} {flagged}value={_number(value)} {time_ns}"


def _hop_lines(catalogue: Mapping[int, ChannelTags], hops: HopColumns, seq: int) -> Iterator[str]:
    rows = hops.arrays()
    heads = _heads("feature", catalogue, rows.channel, seq, with_unit=False)
    columns = {
        "band": rows.band.tolist(),
        "count": rows.readings.astype(np.float64).tolist(),
        "expected": rows.expected.tolist(),
        "novelty": rows.novelty.tolist(),
        "value": rows.value.tolist(),
    }
    for number, start_ns, *values in zip(rows.channel.tolist(), rows.start_ns.tolist(), *columns.values(), strict=True):
        fields = ",".join(
            f"{name}={_number(value)}" for name, value in zip(columns, values, strict=True) if math.isfinite(value)
        )
        if fields:
            yield f"{heads[number]} {fields} {start_ns}"


def _heads(
    measurement: str, catalogue: Mapping[int, ChannelTags], numbers: IndexArray, seq: int, *, with_unit: bool
) -> dict[int, str]:
    """Give everything before the fields, once for each channel."""
    heads: dict[int, str] = {}
    for number in np.unique(numbers).tolist():
        known = catalogue.get(number)
        if known is None:
            raise StorageCorrupt(
                f"entry {seq} names channel number {number}, expected one of a register before it; run `schouw doctor`"
            )
        tags = {"asset": known.asset, "channel": known.channel, "sensor": known.sensor}
        heads[number] = _head(measurement, tags | {"unit": known.unit} if with_unit else tags)
    return heads


def _risk_line(item: RiskAssessment) -> str:
    fields: dict[str, float | str | None] = {
        "state": item.state.value,
        "data_quality": item.data_quality.value,
        "health_index": item.health_index,
        "indicative_condition": item.indicative_condition,
        "expected_cost_of_waiting_eur": item.expected_cost_of_waiting_eur,
    }
    for chance in item.probability_of_failure:
        name = f"probability_of_failure_{chance.horizon_days}d"
        fields |= {name: chance.value, f"{name}_low": chance.low, f"{name}_high": chance.high}
    if item.remaining_life is not None:
        life = item.remaining_life
        fields |= {
            "remaining_life_days_q10": life.q10_days,
            "remaining_life_days_q50": life.q50_days,
            "remaining_life_days_q90": life.q90_days,
        }
    return line("risk", {"asset": item.asset}, fields, item.assessed_at_ns)


def _alarm_line(alarm: Alarm) -> str:
    tags = {"asset": alarm.asset, "kind": alarm.kind, "subject": alarm.subject}
    return line("status", tags, {"raised": 1.0}, alarm.raised_at_ns)


def _gateway_line(change: GatewayChange) -> str:
    online = float(change.state == "online")
    return line("status", {"gateway": change.gateway}, {"online": online}, change.received_ns)


def _head(measurement: str, tags: Mapping[str, str]) -> str:
    """Write measurement and tags; sorted by name, as the server likes them best."""
    pairs = [f"{_key(name)}={_tag(value)}" for name, value in sorted(tags.items()) if value]
    return ",".join([measurement.translate(_ESCAPE_MEASUREMENT), *pairs])


def _key(text: str) -> str:
    return text.translate(_ESCAPE_KEY)


def _tag(text: str) -> str:
    """Escape a tag's value; a backslash at its end would escape what follows it."""
    escaped = text.translate(_ESCAPE_KEY)
    return f"{escaped} " if escaped.endswith("\\") else escaped


def _field(value: float | str | None) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPE_TEXT)}"'
    return _number(float(value)) if math.isfinite(value) else None


def _number(value: float) -> str:
    """Write a number so that it comes back to the bit; a bare number is a float to InfluxDB."""
    text = repr(value)
    return text.removesuffix(".0")
