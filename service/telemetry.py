"""Logs: one line an event, past tense, key-value facts, to standard error.

Rooms hand small records to an `emit` they were given; here each becomes a log line named after its
class. Counts of messages and readings are not kept here but in the journal's tally, where a crash cannot
make them wrong (`metrics_text` reads them there).
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO, cast

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service.settings_sections import TelemetrySection

__all__ = ["UnfailingText", "emitter", "logger", "metrics_text", "set_up_logging"]

_WORD_BREAK: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# What goes down again is no counter.
_STANDING: Final = {
    "messages_quarantined": "Messages held for unknown senders",
    "messages_waiting": "Parts of waveforms that wait for the others",
}
_WARNINGS: Final = (
    "Disconnected",
    "Full",
    "Died",
    "Stuck",
    "Unreachable",
    "Failed",
    "Lost",
    "Refused",
    "Rejected",
    "Away",
)


def set_up_logging(section: TelemetrySection) -> None:
    """Write events at or above the level in the format asked for; call once a process."""
    level = logging.getLevelNamesMapping()[section.log_level.upper()]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if section.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", UnfailingText(sys.stderr))),
    )


class UnfailingText:
    """A stream of text that people read, on which nobody's work depends.

    The log may lie on the disk that is full, or its reader may have gone away: then a line is lost or comes later, and
    what the process does goes on.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write if that is possible now."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what waits, if that is possible now."""
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def logger() -> Any:
    """Give the process's logger."""
    return structlog.get_logger()


def emitter(room: str) -> Callable[[Any], None]:
    """Make the `emit` of one room: each record becomes one line."""
    log = structlog.get_logger()

    def emit(event: Any) -> None:
        name = type(event).__name__
        facts = dataclasses.asdict(event)
        is_meant = facts.get("reason") == "stopped"  # a connection that we ended ourselves
        write = log.warning if any(word in name for word in _WARNINGS) and not is_meant else log.info
        write(_WORD_BREAK.sub("_", name).lower(), room=room, **facts)

    return emit


class _Readings(Collector):
    """Counters and gauges as they are read out, without a copy of our own that could disagree."""

    def __init__(
        self, tally: Mapping[str, int], gauges: Mapping[str, float], projections: Mapping[str, Mapping[str, float]]
    ) -> None:
        self._tally = tally
        self._gauges = gauges
        self._projections = projections

    def collect(self) -> list[Metric]:
        metrics: list[Metric] = []
        for name, value in self._tally.items():
            text = f"Durable count of {name.replace('_', ' ')}"
            if name in _STANDING:
                metrics.append(GaugeMetricFamily(f"ingest_{name}", _STANDING[name], value))
            else:
                metrics.append(CounterMetricFamily(f"ingest_{name}_total", text, value))
        metrics += [GaugeMetricFamily(name, name.replace("_", " "), value) for name, value in self._gauges.items()]
        for name, values in self._projections.items():
            family = GaugeMetricFamily(name, name.replace("_", " "), labels=["projection"])
            for projection, number in values.items():
                family.add_metric([projection.replace(" ", "_")], number)
            metrics.append(family)
        return metrics


def metrics_text(
    tally: Mapping[str, int],
    gauges: Mapping[str, float],
    projections: Mapping[str, Mapping[str, float]] | None = None,
) -> bytes:
    """Give the Prometheus text format of the journal's counts and of the state of ingest.

    Parameters
    ----------
    projections : mapping of str to mapping of str to float, optional
        Gauges with one value for each projection, which is their only label.
    """
    registry = CollectorRegistry()
    registry.register(_Readings(tally, gauges, projections or {}))
    return generate_latest(registry)
