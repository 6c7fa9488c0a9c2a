"""Lines to InfluxDB, one gzip request at a time, each answered before the next.

What the server's answer means decides who must act: the network and the server (`StorageUnavailable`, tried
again by the caller), the operator (the same, in words that say what to mend), or nobody: a line that the
server will never take. That one is found by halving the request and handed back with the server's reason, while
everything else is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final

import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from domain.errors import StorageUnavailable
from storage.influx_target import InfluxTarget

__all__ = ["InfluxWriter", "RefusedLine"]

# The library declares a class of constants and takes their values.
_NANOSECONDS: Final[Any] = WritePrecision.NS
_BAD_REQUEST: Final = 400
_TOO_LARGE: Final = 413
_NOT_PROCESSABLE: Final = 422
_TOO_MANY: Final = 429
_SERVER_FAULT: Final = 500
_REMEDIES: Final = {
    401: "check influx.token",
    403: "check that influx.token may write to the bucket",
    404: "check influx.bucket and influx.organisation, or run `schouw doctor --fix`",
}
# So many refused lines of one measurement without an accepted one between them are no bad lines: the bucket holds
# something else under that name, and dropping everything would be worse than waiting.
_SUSPICIOUS: Final = 20
_LEAST_LINES: Final = 100
# The server takes the rest of such a request and drops what it may not keep; that is retention, not a fault.
_EXPIRED: Final = "beyond retention policy"


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that the server will never take, and why."""

    line: str
    reason: str


class InfluxWriter:
    """Writes lines, in requests of thousands.

    Parameters
    ----------
    target : InfluxTarget
    batch_lines : int
        Lines in one request at most; a server that does not manage them in time gets fewer.
    """

    def __init__(self, target: InfluxTarget, *, batch_lines: int) -> None:
        self._target = target
        self._batch_lines = self._lines_now = batch_lines
        self._refused_in_a_row: dict[str, int] = {}
        self._client = InfluxDBClient(
            url=target.url,
            token=target.token,
            org=target.organisation or "-",
            timeout=round(1000 * target.timeout_s),
            enable_gzip=True,
            ssl_ca_cert=target.ca_file,
        )
        self._api = self._client.write_api(write_options=SYNCHRONOUS)

    def close(self) -> None:
        """Close the connection."""
        self._api.close()  # type: ignore[no-untyped-call]  # the library's own gap
        self._client.close()  # type: ignore[no-untyped-call]  # see above

    def write(self, lines: Sequence[str]) -> tuple[int, list[RefusedLine]]:
        """Write the first lines of those that are left.

        Returns
        -------
        int
            How many lines are dealt with.
        list of RefusedLine
            Those among them that the server refused for good.

        Raises
        ------
        StorageUnavailable
            If the server cannot take them now, or refuses every line of a measurement.
        """
        some = lines[: self._lines_now]
        refused: list[RefusedLine] = []
        try:
            self._write(some, refused)
        except StorageUnavailable:
            self._lines_now = max(min(_LEAST_LINES, self._batch_lines), self._lines_now // 2)
            raise
        self._lines_now = min(self._batch_lines, 2 * self._lines_now)
        return len(some), refused

    def _write(self, lines: Sequence[str], refused: list[RefusedLine]) -> None:
        reason = self._request(lines)
        if reason is None:
            if self._refused_in_a_row:
                for measurement in {_measurement(text) for text in lines}:
                    self._refused_in_a_row.pop(measurement, None)
        elif len(lines) > 1:
            middle = len(lines) // 2
            self._write(lines[:middle], refused)
            self._write(lines[middle:], refused)
        else:
            self._refuse(RefusedLine(lines[0], reason), refused)

    def _refuse(self, item: RefusedLine, refused: list[RefusedLine]) -> None:
        measurement = _measurement(item.line)
        count = self._refused_in_a_row[measurement] = self._refused_in_a_row.get(measurement, 0) + 1
        if count >= _SUSPICIOUS:
            raise StorageUnavailable(
                f"InfluxDB at {self._target.shown} refuses every line of measurement {measurement!r}: {item.reason}; "
                f"nothing is dropped while it waits: mend bucket {self._target.bucket!r}, or give another"
            )
        refused.append(item)

    def _request(self, lines: Sequence[str]) -> str | None:
        """Make one request; None when all is written, else why not all of it ever will be."""
        where = f"InfluxDB at {self._target.shown}"
        try:
            self._api.write(self._target.bucket, record="\n".join(lines), write_precision=_NANOSECONDS)
        except ApiException as error:
            status, reason = int(error.status or 0), _reason(error)
            if status in {_BAD_REQUEST, _NOT_PROCESSABLE}:
                return None if _EXPIRED in reason else reason
            if status == _TOO_LARGE:
                return f"larger than the server takes ({reason})"
            if status == _TOO_MANY or status >= _SERVER_FAULT:
                raise StorageUnavailable(
                    f"{where}: got {status} {reason}; it is tried again", retry_after_s=_retry_after(error)
                ) from error
            remedy = _REMEDIES.get(status, "check the settings of `influx`")
            raise StorageUnavailable(f"{where}: got {status} {reason}; {remedy}, then it goes on") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise StorageUnavailable(
                f"{where}: got {_first_line(error)}; it is tried again, check that the server is up"
            ) from error
        return None


def _measurement(text: str) -> str:
    return text.partition(" ")[0].partition(",")[0]


def _reason(error: ApiException) -> str:
    """Give the server's own words: `message` in 2.x, `error` in 1.8 and 3.x."""
    try:
        body: Any = json.loads(error.body or "")
    except ValueError:
        body = None
    if isinstance(body, dict):
        for key in ("message", "error"):
            if body.get(key):
                return str(body[key])[:1000]
    text = str(error.body or "").strip()
    # A proxy's page says no more than its status does.
    return " ".join((error.reason or "" if text.startswith("<") or not text else text).split())[:1000]


def _retry_after(error: ApiException) -> float:
    """Give how long the server asks to wait, in seconds; 0 when it does not say."""
    headers: Mapping[str, str] = error.headers or {}
    text = headers.get("Retry-After") or ""
    if text.isdigit():
        return float(text)
    try:
        # A date: the server's own clock says how far ahead it is.
        now = parsedate_to_datetime(headers.get("Date") or "")
        return max(0.0, (parsedate_to_datetime(text) - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:300] if str(error) else type(error).__name__
