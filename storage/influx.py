"""Time series in InfluxDB: the projection that takes the place of `storage.series` (design.md D5).

Written in the order of the journal, and again after a crash: the same measurement, tags and time give the same
point. What comes here has no duplicates any more, so that InfluxDB's habit, the last value wins, never meets
the rule of design.md D2, the first one does. Read by InfluxQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from domain.identifiers import AssetId, ChannelName, SensorId
from domain.measurements import SeriesPoint
from storage.hop_values import HopValues
from storage.influx_ledger import InfluxLedger
from storage.influx_lines import ChannelTags, catalogue_after, entry_lines
from storage.influx_query import InfluxReader, quote_text
from storage.influx_target import InfluxTarget
from storage.influx_writer import InfluxWriter, RefusedLine
from storage.journal import Entry

__all__ = ["InfluxSeries"]

# The outermost times that InfluxDB knows (influxdata/influxdb: models/time.go).
_FIRST_NS: Final = -(2**63) + 2
_LAST_NS: Final = 2**63 - 2


class InfluxSeries:
    """One server's bucket; implements `SeriesStore`, and is written by the projector.

    Parameters
    ----------
    target : InfluxTarget
    path : Path
        The ledger beside it (`storage.influx_ledger`); it is made when it is not there.
    batch_lines : int
        Lines in one request at most.
    on_refused : callable
        Told the lines that the server refused for good, before the position moves behind them: after a crash in
        between, or its own `StorageUnavailable`, it is told them again.
    """

    def __init__(
        self,
        target: InfluxTarget,
        path: Path,
        *,
        batch_lines: int = 5000,
        on_refused: Callable[[Sequence[RefusedLine]], None] = lambda _: None,
    ) -> None:
        self.target = target
        self.path = path
        self.ledger = InfluxLedger(path, target.name)
        self.reader = InfluxReader(target)
        self._writer = InfluxWriter(target, batch_lines=batch_lines)
        self._on_refused = on_refused
        self._catalogue: Mapping[int, ChannelTags] | None = None
        # How much of the entries behind the position is written already, so that a server that fails now and
        # then does not get all of them again: the position, lines, and those among them that were refused.
        self._begun: tuple[int, int, list[RefusedLine]] = (-1, 0, [])

    def close(self) -> None:
        """Close the connections."""
        self._writer.close()
        self.reader.close()
        self.ledger.close()

    def position(self) -> int:
        """Give the sequence of the last projected entry."""
        return self.ledger.position()

    def project(self, entries: Sequence[Entry]) -> None:
        """Write entries that follow the position; on an error the position stays, and what was written is overwritten.

        Raises
        ------
        StorageUnavailable
            If the server is away, too slow, or set up so that it refuses everything.
        """
        if not entries:
            return
        catalogue = self._channels()
        lines: list[str] = []
        for entry in entries:
            catalogue = catalogue_after(catalogue, entry)
            lines += entry_lines(catalogue, entry)
        first = entries[0].seq
        begun, written, refused = self._begun if self._begun[0] == first else (first, 0, [])
        while written < len(lines):
            count, bad = self._writer.write(lines[written:])
            written += count
            refused += bad
            self._begun = (begun, written, refused)
        if refused:
            self._on_refused(refused)
        self.ledger.move(entries[-1].seq, catalogue if catalogue is not self._catalogue else {}, refused)
        self._begun = (-1, 0, [])
        self._catalogue = catalogue

    def channel_names(self, asset: AssetId) -> Sequence[tuple[SensorId, ChannelName, str]]:
        """List sensor, channel and unit of all that was ever stored for an asset."""
        return sorted(
            (SensorId(item.sensor), ChannelName(item.channel), item.unit)
            for item in self.ledger.channels().values()
            if item.asset == asset
        )

    def hops(
        self,
        asset: AssetId,
        sensor: SensorId,
        channel: ChannelName,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        after_ns: int | None = None,
        limit: int = 1000,
    ) -> Sequence[SeriesPoint]:
        """List one channel's closed hops in `[start_ns, end_ns)`, oldest first, behind `after_ns`."""
        low = max(start_ns if start_ns is not None else _FIRST_NS, after_ns + 1 if after_ns is not None else _FIRST_NS)
        before = min(end_ns, _LAST_NS) if end_ns is not None else _LAST_NS
        rows = self.reader.rows(
            'SELECT "value", "count", "expected", "band" FROM "feature" '  # noqa: S608 -- quoted by `_channel`
            f"WHERE {_channel(asset, sensor, channel)} AND time >= {low} AND time < {before} "
            f"ORDER BY time ASC LIMIT {limit}"
        )
        return [
            SeriesPoint(int(start), float(value), int(count), _float(expected), _float(band))
            for start, value, count, expected, band in rows
        ]

    def hop_values(self, asset: AssetId, *, start_ns: int, end_ns: int) -> Sequence[HopValues]:
        """Give what all channels of an asset had in their closed hops in `[start_ns, end_ns)`, oldest first."""
        rows = self.reader.rows(
            'SELECT "value", "count", "sensor", "channel" FROM "feature" '  # noqa: S608 -- quoted
            f'WHERE "asset" = {quote_text(asset)} AND time >= {max(start_ns, _FIRST_NS)} '
            f"AND time < {min(end_ns, _LAST_NS)} ORDER BY time ASC"
        )
        found: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
        for time_ns, value, count, sensor, channel in rows:
            if value is not None and count is not None:
                found.setdefault((sensor, channel), []).append((time_ns, value, count))
        return [HopValues.of(sensor, channel, some) for (sensor, channel), some in sorted(found.items())]

    def reading_count(self) -> int:
        """Count the stored readings, for `schouw doctor`."""
        rows = self.reader.rows('SELECT count("value") FROM "reading"')
        return int(rows[0][1]) if rows else 0

    def refused_count(self) -> int:
        """Count the lines that the server refused for good."""
        return self.ledger.refused_count()

    def gone_count(self) -> int:
        """Count the readings that were gone already when the others were moved here."""
        return self.ledger.gone_count()

    def readings(self, *, batch: int = 10_000) -> Iterator[tuple[str, str, str, int, float, str, int]]:
        """Walk over all readings as (asset, sensor, channel, time_ns, value, unit, flags), by channel and time."""
        for item in self.ledger.channels().values():
            asset, sensor, channel = AssetId(item.asset), SensorId(item.sensor), ChannelName(item.channel)
            low = _FIRST_NS
            while rows := self.reader.rows(
                f'SELECT "value", "flags", "unit" FROM "reading" '  # noqa: S608 -- quoted by `_channel`
                f"WHERE {_channel(asset, sensor, channel)} "
                f"AND time >= {low} ORDER BY time ASC LIMIT {batch}"
            ):
                for time_ns, value, flags, unit in rows:
                    yield asset, sensor, channel, int(time_ns), float(value), unit or "", int(flags or 0)
                low = int(rows[-1][0]) + 1

    def _channels(self) -> Mapping[int, ChannelTags]:
        if self._catalogue is None:
            self._catalogue = self.ledger.channels()
        return self._catalogue


def _channel(asset: AssetId, sensor: SensorId, channel: ChannelName) -> str:
    pairs = {"asset": asset, "sensor": sensor, "channel": channel}
    return " AND ".join(f'"{name}" = {quote_text(text)}' for name, text in pairs.items())


def _float(value: Any) -> float | None:
    return None if value is None else float(value)
