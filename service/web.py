"""The API process: the application on one socket, with what it may ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import uvicorn
from sqlalchemy import Engine

from api.app import ApiRooms, ApiSettings, PartState, Readiness, create_app
from api.rooms import Access
from domain.errors import ConfigurationError, StorageError, StorageUnavailable
from ingest.formats.times import format_time
from service.access import make_access, make_webhooks, open_ledger, open_webhooks, shared_service
from service.accountability import facts_by_organisation
from service.accounting import accounts, complete
from service.announced_works import AnnouncedWorks
from service.calibrating import calibrate
from service.explaining import explain
from service.folder import prepare_folder, status_path
from service.http_protocol import ProblemProtocol
from service.ingest_standing import ingest_standing
from service.listening import bind
from service.onboarding import JournalOnboarding
from service.series_store import open_series
from service.settings import Settings
from service.status import IngestStatus, ProjectionStatus, read_status
from service.telemetry import logger, metrics_text
from service.webhooks import WebhookDeliverer
from storage.advisory import SqlAdvisoryStore
from storage.database import check_schema, migrations_pending, open_database, refuse_newer_schema
from storage.decisions import JournalDecisionLog
from storage.journal import Journal
from storage.modal import SqlModes
from storage.overview import SqlOverview
from storage.protocols import ProjectedSeries

__all__ = ["ServiceHealth", "make_rooms", "run_api"]

_SCHEMA_WAIT_S: Final = 60.0
_STORE_WAIT_S: Final = 3.0
_RECENT_NS: Final = 100_000_000
_SKEWED_S: Final = 60.0
# Whoever asks over HTTP does not want to wait longer for a database that stands still.
_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """Answers `/readyz` and `/metrics` from the status file and the journal."""

    journal: Journal
    engine: Engine
    status_file: Path
    now_ns: Callable[[], int]
    series: ProjectedSeries | None = None
    _away_since_ns: dict[str, int] = field(default_factory=dict)
    _recent: dict[str, tuple[int, IngestStatus | None]] = field(default_factory=dict)

    def status(self) -> IngestStatus | None:
        """Read how ingest is doing."""
        return read_status(self.status_file)

    def readiness(self) -> Readiness:
        """Ask every part."""
        status = self.status()
        parts = (
            ingest_standing(status, self.now_ns()),
            self._broker(status),
            self._storing(status),
            self._journal(),
            self._store(),
        )
        projections = [self._projection(item) for item in status.projections] if status is not None else []
        told = [_clocks(status), _revisions(status), _days(status)] if status is not None else []
        # What is projected already can be served while more waits.
        return Readiness(all(part.ok for part in parts), (*parts, *projections, *told))

    def metrics(self) -> bytes:
        """Give the counts of the journal and the state of ingest."""
        status = self.status()
        gauges: dict[str, float] = {"ingest_up": float(ingest_standing(status, self.now_ns()).ok)}
        if status is not None:
            gauges |= {
                "ingest_broker_connected": float(status.broker_connected),
                "ingest_queued_messages": status.queued_messages,
                "ingest_open_readings": status.open_readings,
                "ingest_revisions_waiting_assets": status.revisions_waiting,
                "ingest_gateway_skew_largest_seconds": max(map(abs, status.gateway_skew_seconds.values()), default=0.0),
                "ingest_gateways_skewed": len(_skewed(status)),
            }
            if status.assessed_ns is not None:
                gauges["ingest_assessed_until_seconds"] = status.assessed_ns / 1e9
        tally, held, parts = self.journal.tally_with_standing()
        for account in accounts(tally, held=held, parts=parts):
            gauges[f"ingest_{account.what}_unaccounted"] = account.unaccounted
        if self.series is not None:
            gauges["storage_series_refused_rows"] = self.series.refused_count()
        return metrics_text(complete(tally), gauges, self._backlogs(status))

    def _backlogs(self, status: IngestStatus | None) -> dict[str, dict[str, float]]:
        """Give what waits for each projection, by its name."""
        projections = status.projections if status is not None else ()
        now_ns = self.now_ns()
        return {
            "storage_projection_backlog_entries": {item.name: float(item.backlog_entries) for item in projections},
            "storage_projection_backlog_age_seconds": {
                item.name: (now_ns - item.behind_since_ns) / 1e9 if item.behind_since_ns else 0.0
                for item in projections
            },
            "storage_projection_up": {item.name: float(not item.error) for item in projections},
        }

    def clock_ns(self) -> int:
        """Give the clock by which data have an age: the wall's, or the stream's own progress in a replay.

        Every answer asks, so the file of ingest, which is written once a second, is read ten times a second at most.
        """
        now_ns = self.now_ns()
        read_ns, status = self._recent.get("status", (0, None))
        if not 0 <= now_ns - read_ns < _RECENT_NS:
            status = self.status()
            self._recent["status"] = (now_ns, status)
        if status is not None and status.by_stream and status.progress_ns is not None:
            return status.progress_ns
        return now_ns

    @staticmethod
    def _broker(status: IngestStatus | None) -> PartState:
        if status is None:
            return PartState("broker", ok=False, detail="unknown while ingest does not run", since_ns=None)
        if status.starting:
            detail = "not asked while ingest starts; it holds what comes"
            return PartState("broker", ok=False, detail=detail, since_ns=status.started_ns, starts=True)
        detail = "connected" if status.broker_connected else f"away, tried again: {status.broker_error}"
        return PartState("broker", ok=status.broker_connected, detail=detail, since_ns=status.broker_since_ns)

    @staticmethod
    def _storing(status: IngestStatus | None) -> PartState:
        error = status.storage_error if status is not None else ""
        detail = f"not acknowledging: {error}" if error else "commits"
        since = status.storage_since_ns if status is not None and error else None
        return PartState("commit", ok=not error, detail=detail, since_ns=since)

    @staticmethod
    def _projection(item: ProjectionStatus) -> PartState:
        behind = f"{item.backlog_entries} entries behind the journal"
        detail = f"stopped, {behind}, nothing is lost: {item.error}" if item.error else behind
        since = item.error_since_ns if item.error else item.behind_since_ns or None
        return PartState(f"projection: {item.name}", ok=not item.error, detail=detail, since_ns=since)

    def _journal(self) -> PartState:
        try:
            self.journal.last_seq()
        except StorageError as error:
            return self._looked_at("journal", str(error))
        return self._looked_at("journal", "")

    def _store(self) -> PartState:
        try:
            check_schema(self.engine)
        except (ConfigurationError, StorageError) as error:
            return self._looked_at("operational store", str(error))
        return self._looked_at("operational store", "")

    def _looked_at(self, name: str, fault: str) -> PartState:
        """Say how a part was found just now, and since when it has been found so."""
        if not fault:
            self._away_since_ns.pop(name, None)
            return PartState(name, ok=True, detail="readable", since_ns=None)
        since_ns = self._away_since_ns.setdefault(name, self.now_ns())
        return PartState(name, ok=False, detail=fault, since_ns=since_ns)


def _skewed(status: IngestStatus) -> list[float]:
    """Give the skews of gateways that are far off, the largest first, s."""
    return sorted((abs(skew) for skew in status.gateway_skew_seconds.values() if abs(skew) > _SKEWED_S), reverse=True)


def _clocks(status: IngestStatus) -> PartState:
    """Say how many gateways' clocks are off; readings count as they are stamped, so nothing is out of order by it."""
    skewed = _skewed(status)
    detail = (
        f"{len(skewed)} of {len(status.gateway_skew_seconds)} gateways with a known skew are more than a minute off"
    )
    if skewed:
        detail += f", the worst {skewed[0]:.0f} s; see `clockSkewSeconds` of their sensors"
    return PartState("clocks of gateways", ok=True, detail=detail, since_ns=None)


def _revisions(status: IngestStatus) -> PartState:
    detail = f"{status.revisions_waiting} assets wait to be scored again with what came late"
    return PartState("scoring again", ok=True, detail=detail, since_ns=None)


def _days(status: IngestStatus) -> PartState:
    """Say up to which day assessments are made: of a history that was sent, days are gone through after all of it."""
    detail = "no day is assessed yet" if status.assessed_ns is None else f"made until {format_time(status.assessed_ns)}"
    if status.progress_ns is not None:
        detail += f", of what came until {format_time(status.progress_ns)}"
    return PartState("assessments", ok=True, detail=detail, since_ns=None)


def owner_file(path: Path | None, setting: str) -> bytes:
    """Read a file of the owner's theme; nothing where none is set.

    Raises
    ------
    ConfigurationError
        If it cannot be read, or is of a kind that the pages do not take.
    """
    if path is None:
        return b""
    if path.suffix not in {".css", ".svg", ".png"}:
        raise ConfigurationError(f"{setting}: got {str(path)!r}, expected a file .css, or .svg or .png for the logo")
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{setting}: {str(path)!r} cannot be read ({error.strerror})") from error


def make_rooms(
    settings: Settings, journal: Journal, engine: Engine, series: ProjectedSeries, access: Access
) -> ApiRooms:
    """Hand the stores and questions to the application."""
    store = SqlAdvisoryStore(engine)

    def alarm_kind(alarm_id: str) -> str | None:
        alarm = store.alarm(alarm_id)
        return alarm.kind if alarm is not None else None

    health = ServiceHealth(journal, engine, status_path(settings), time.time_ns, series)
    owner, facts = settings.owner, facts_by_organisation(settings)
    return ApiRooms(
        store=store,
        overview=SqlOverview(engine),
        works=AnnouncedWorks(journal).of,
        onboarding=JournalOnboarding(journal, time.time_ns),
        explain=explain,
        calibrate=calibrate,
        series=series,
        modes=SqlModes(engine),
        decisions=JournalDecisionLog(journal, alarm_kind),
        readiness=health.readiness,
        metrics=health.metrics,
        now_ns=health.clock_ns,
        wall_clock_ns=time.time_ns,
        settings=ApiSettings(
            allowed_hosts=settings.api.allowed_hosts,
            demo=settings.demo or journal.holds_simulated(),
            organisation=owner.organisation,
            contact_name=owner.contact_name,
            contact_url=owner.contact_url,
            contact_email=owner.contact_email,
            false_alarms_per_year=owner.false_alarms_per_year,
            theme_css=owner_file(owner.theme_file, "owner.theme_file"),
            logo=owner_file(owner.logo_file, "owner.logo_file"),
            logo_type="image/png" if owner.logo_file and owner.logo_file.suffix == ".png" else "image/svg+xml",
            map_tiles_url=settings.api.map_tiles_url,
            map_attribution=settings.api.map_attribution,
            page_size_default=settings.api.page_size,
            page_size_max=settings.api.page_size_max,
            public_url=settings.api.public_url or _own_address(settings),
            public_page=settings.api.public_page,
            owner_facts=next(iter(facts.values())),
            organisation_facts=facts,
        ),
        access=access,
    )


def _own_address(settings: Settings) -> str:
    host = settings.api.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.api.port}"


def run_api(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises
    ------
    ConfigurationError
        If the port is taken or the folder cannot be written.
    """
    prepare_folder(settings)
    listener = bind(settings.api.host, settings.api.port, settings.access)
    shared = shared_service(settings)
    engine = open_database(settings.database_address, patience_s=_PATIENCE_S)
    _await_schema(engine)
    journal = Journal(settings.journal_path)
    series = open_series(settings)
    access = make_access(settings, open_ledger(settings), shared)
    hooks, allowed = make_webhooks(settings, open_webhooks(settings), settings.api.public_url or _own_address(settings))
    rooms = replace(make_rooms(settings, journal, engine, series, access), webhooks=hooks)
    deliverer = WebhookDeliverer(rooms, hooks.store, source=hooks.source, allowed=allowed)
    if settings.api.warm_charts:
        threading.Thread(target=rooms.drawing.warm, name="drawing", daemon=True).start()
    app = create_app(rooms)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            http=ProblemProtocol,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
        )
    )
    logger().info("api_started", address=f"http://{settings.api.host}:{settings.api.port}")
    deliverer.start()
    try:
        server.run(sockets=[listener])
    finally:
        deliverer.stop()
        journal.close()
        series.close()
        engine.dispose()


def _await_schema(engine: Engine) -> None:
    """Wait for ingest, which makes the tables; serve anyway after a minute, with what is wrong in `/readyz`.

    A database that is away is given a few seconds: ingest works without it, and so do the pages that say so. After as
    long the log says what is waited for.

    Raises
    ------
    ConfigurationError
        If they are of a newer program: nothing here will make them those of this one.
    """
    waiting = threading.Event()
    start, is_told = time.monotonic(), False
    while time.monotonic() < start + _SCHEMA_WAIT_S:
        try:
            if not migrations_pending(engine):
                return
            refuse_newer_schema(engine)
        except StorageUnavailable as error:
            if time.monotonic() > start + _STORE_WAIT_S:
                logger().warning("operational_store_away", reason=str(error))
                return
        if not is_told and time.monotonic() > start + _STORE_WAIT_S:
            is_told = True
            reason = "ingest makes the tables; start `schouw ingest` where it does not run"
            logger().info("tables_awaited", reason=reason, longest_seconds=_SCHEMA_WAIT_S)
        waiting.wait(0.2)
