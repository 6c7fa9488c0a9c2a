"""The time series of the data folder into InfluxDB, compared point by point through a hash of both."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from domain.errors import ConfigurationError, StorageCorrupt
from service.databases import OPERATIONAL, databases, opened
from service.series_store import open_influx
from service.settings import Settings
from storage.advisory import SqlAdvisoryStore
from storage.entries import BatchBody, Outcome, PackedReadings
from storage.influx import InfluxSeries
from storage.influx_lines import ChannelTags
from storage.journal import Entry
from storage.protocols import ProjectedSeries
from storage.series import SqliteSeries

__all__ = ["Move", "move_series"]

_PAGE: Final = 10_000
_NOTHING: Final = BatchBody(readings=PackedReadings(b"", b"", b"", b""))


class Move(NamedTuple):
    """What was moved, with what proves it; `sha256` is hexadecimal and equal on both sides."""

    what: str
    rows: int
    sha256: str


def move_series(
    settings: Settings, target: Settings, *, is_begun: bool, begin: Callable[[], object], say: Callable[[str], None]
) -> list[Move]:
    """Write all readings and hops, with the risks and alarms of the tables, and compare what comes back.

    Parameters
    ----------
    is_begun : bool
        Whether this migration has written to the bucket before; what came here since then is added to it.
    begin : callable
        Called when the bucket was found empty, before the first point is written.

    Raises
    ------
    ConfigurationError
        If the bucket holds readings of another installation.
    StorageCorrupt
        If what comes back is not what was written, for instance because retention removed the oldest.
    """
    new = open_influx(target)
    if new is None:
        raise ConfigurationError("influx.url: got none, expected the address of a server; give it in the new settings")
    with contextlib.closing(new), contextlib.closing(SqliteSeries(settings.series_path)) as old:
        tags = {number: ChannelTags(*names) for number, names in old.channels().items()}
        position = new.position()
        is_written = 0 < position == old.position()
        is_ours = is_written or (is_begun and position <= old.position())
        if not is_ours and (position or (new.reading_count() and not new.ledger.channels())):
            raise ConfigurationError(
                f"bucket {target.influx.bucket!r}: got readings that no migration from here wrote, expected none; "
                "give another bucket"
            )
        if not is_written:
            begin()
            new.ledger.move(0, tags, [])
            _write(old, new, say)
            _write_judgements(settings, new)
        moved = []
        for what, points in (("readings", _reading_points), ("hops", _hop_points)):
            expected, got = _proof(points(old, tags)), _proof(points(new, tags))
            if got != expected:
                raise StorageCorrupt(
                    f"{what}: got {got[0]} with SHA-256 {got[1][:12]} back from InfluxDB, expected {expected[0]} with "
                    f"{expected[1][:12]}; the installation stays where it is: see that the bucket's retention is "
                    "longer than the history, and that nobody else writes there"
                )
            moved.append(Move(what, *expected))
        new.ledger.write_gone(old.gone_count())
        new.ledger.move(old.position(), {}, [])
    return moved


def _write(old: SqliteSeries, new: InfluxSeries, say: Callable[[str], None]) -> None:
    count = 0
    for readings in old.packed_readings(page=_PAGE):
        new.project([Entry(0, "batch", BatchBody(readings=readings), Outcome())])
        count += len(readings.flags)
        if count % (100 * _PAGE) == 0:
            say(f"{count} readings written")
    for hops in old.packed_hops(page=_PAGE):
        new.project([Entry(0, "closing", _NOTHING, Outcome(hops=hops))])


def _write_judgements(settings: Settings, new: InfluxSeries) -> None:
    """Write final assessments and alarms as points too, as the projection does with each entry."""
    operational = next(item for item in databases(settings) if item.name == OPERATIONAL)
    with opened(operational.address) as engine:
        operational.upgrade(engine)
        store = SqlAdvisoryStore(engine)
        for assessments in store.all_assessments(page=_PAGE):
            new.project([Entry(0, "closing", _NOTHING, Outcome(assessments=list(assessments)))])
        for alarms in store.all_alarms(page=_PAGE):
            new.project([Entry(0, "closing", _NOTHING, Outcome(alarms=list(alarms)))])


def _reading_points(series: ProjectedSeries, _tags: dict[int, ChannelTags]) -> Iterable[tuple[Any, ...]]:
    return series.readings()


def _hop_points(series: ProjectedSeries, tags: dict[int, ChannelTags]) -> Iterable[tuple[Any, ...]]:
    for item in tags.values():
        after: int | None = None
        while page := series.hops(item.asset, item.sensor, item.channel, after_ns=after, limit=_PAGE):  # type: ignore[arg-type]  # identifiers as text
            for point in page:
                measured = (point.start_ns, point.value, point.count, point.expected, point.band)
                yield item.asset, item.sensor, item.channel, *measured
            after = page[-1].start_ns


def _proof(points: Iterable[tuple[Any, ...]]) -> tuple[int, str]:
    """Count points and hash them in their order; InfluxDB knows no negative zero."""
    digest, count = hashlib.sha256(), 0
    for point in points:
        plain = [value + 0.0 if isinstance(value, float) else value for value in point]
        digest.update(json.dumps(plain, separators=(",", ":")).encode() + b"\n")
        count += 1
    return count, digest.hexdigest()
