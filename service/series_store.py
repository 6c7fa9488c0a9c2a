"""Which store the time series are in: one SQLite file by default, InfluxDB when the settings name one."""

from __future__ import annotations

import ssl
import time
from contextlib import closing
from hashlib import blake2b
from typing import TYPE_CHECKING

from domain.errors import ConfigurationError
from domain.identifiers import GatewayId
from domain.measurements import DeadLetter
from service.settings import Settings
from service.telemetry import logger
from storage.entries import RefusalBody
from storage.journal import Journal
from storage.protocols import ProjectedSeries
from storage.series import SqliteSeries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from storage.influx import InfluxSeries
    from storage.influx_writer import RefusedLine

__all__ = ["open_influx", "open_series", "put_away"]

_CODE = "refused_by_store"
_TOPIC_LENGTH = 512


def open_series(settings: Settings) -> ProjectedSeries:
    """Open the store that the settings name.

    Raises
    ------
    StorageUnavailable
        If its file in the data folder cannot be opened; an InfluxDB that is away is found out later.
    """
    return open_influx(settings) or SqliteSeries(settings.series_path)


def open_influx(settings: Settings) -> InfluxSeries | None:
    """Open InfluxDB, when the settings name one.

    Raises
    ------
    ConfigurationError
        If the file of its certificate authority cannot be used.
    """
    section = settings.influx
    if section.url is None:
        return None
    if section.ca_file is not None:
        _check_authority(section.ca_file)
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
    return InfluxSeries(
        target,
        settings.influx_path,
        batch_lines=section.batch_lines,
        on_refused=lambda refused: put_away(
            settings.journal_path, target.name, refused, head_bytes=settings.storage.dead_letter_head_bytes
        ),
    )


def _check_authority(file: Path) -> None:
    try:
        ssl.create_default_context(cafile=file)
    except OSError as error:
        raise ConfigurationError(
            f"influx.ca_file: got {str(file)!r}, expected certificates in PEM ({error.strerror or error}); correct the "
            "setting"
        ) from error


def put_away(journal_path: Path, target: str, refused: Sequence[RefusedLine], *, head_bytes: int) -> None:
    """Write refused lines into the journal as dead letters, and say so once for all of one write.

    Parameters
    ----------
    target : str
        Name of the server and bucket; with the line it gives the letter's identifier, so that what is put away again
        after a crash is the same letter.

    Raises
    ------
    StorageUnavailable
        If the journal cannot be written now.
    """
    now_ns = time.time_ns()
    letters = [
        DeadLetter(
            id="influx-" + blake2b(f"{target} {item.line}".encode(), digest_size=12).hexdigest(),
            topic=f"influxdb/{item.line.partition(' ')[0]}"[:_TOPIC_LENGTH],
            gateway=GatewayId(""),
            code=_CODE,
            reason=f"InfluxDB will not take this line: {item.reason}; the reading counts as stored, is in the hops and "
            "scores, and missing in the bucket: mend the field's type there, then send the reading again",
            head=item.line.encode()[:head_bytes],
            received_at_ns=now_ns,
        )
        for item in refused
    ]
    with closing(Journal(journal_path)) as journal:
        journal.append("refusal", RefusalBody(letters=letters))
    logger().error("influx_lines_refused", lines=len(refused), first=refused[0].line, reason=refused[0].reason)
