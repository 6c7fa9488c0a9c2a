"""Which store the time series are in: one SQLite file by default, InfluxDB when the settings name one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.settings import Settings
from service.telemetry import logger
from storage.protocols import ProjectedSeries
from storage.series import SqliteSeries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from storage.influx import InfluxSeries
    from storage.influx_writer import RefusedLine

__all__ = ["open_influx", "open_series"]


def open_series(settings: Settings) -> ProjectedSeries:
    """Open the store that the settings name.

    Raises
    ------
    StorageUnavailable
        If its file in the data folder cannot be opened; an InfluxDB that is away is found out later.
    """
    return open_influx(settings) or SqliteSeries(settings.series_path)


def open_influx(settings: Settings) -> InfluxSeries | None:
    """Open InfluxDB, when the settings name one."""
    section = settings.influx
    if section.url is None:
        return None
    # Half a second that nobody waits for who has no InfluxDB.
    from storage.influx import InfluxSeries  # noqa: PLC0415 -- see above
    from storage.influx_target import InfluxTarget  # noqa: PLC0415 -- see above

    target = InfluxTarget(
        url=section.url.rstrip("/"),
        kind=section.kind,
        organisation=section.organisation,
        bucket=section.bucket,
        token=section.token.get_secret_value() if section.token is not None else "",
        retention_days=section.retention_days,
        timeout_s=section.timeout_seconds,
        ca_file=str(section.ca_file) if section.ca_file is not None else None,
    )
    return InfluxSeries(target, settings.influx_path, batch_lines=section.batch_lines, on_refused=_tell)


def _tell(refused: Sequence[RefusedLine]) -> None:
    """Say what was put away: once for all of one write, not for each line."""
    logger().error("influx_lines_refused", lines=len(refused), first=refused[0].line, reason=refused[0].reason)
