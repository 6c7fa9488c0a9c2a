"""`schouw doctor`: look at an installation and say in words what is wrong and what helps."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from api.times import rfc3339
from domain.errors import ConfigurationError, OtherModelVersion, SchouwError
from service.accounting import accounts
from service.clock_policy import clock_policy
from service.folder import status_path
from service.ingest_standing import ingest_standing
from service.restore import open_pipeline
from service.series_store import open_influx, open_series
from service.settings import Settings
from service.status import STALE_NS, IngestStatus, read_status
from storage.advisory import SqlAdvisoryStore
from storage.database import check_schema, open_database
from storage.decisions import chain_faults
from storage.entries import DecisionBody, RegisterBody, RelearningBody
from storage.journal import Entry, Journal
from storage.journal_damage import find_damage
from storage.projection import OperationalProjection

__all__ = ["Finding", "examine"]

# Beside a running ingest an entry of another process is applied at its next look.
_APPLIED_WITHIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `ok` False needs a person, `damage` a backup, and a `note` is to be read."""

    what: str
    ok: bool
    detail: str
    damage: bool = False
    note: bool = False


def examine(settings: Settings, *, fix: bool = False) -> Iterator[Finding]:
    """Look at journal, accounting, decision log, projections and state; one finding each.

    Parameters
    ----------
    fix : bool
        Make what a server of the projections lacks: a bucket, its retention, its mapping for InfluxQL.
    """
    if not settings.journal_path.is_file():
        yield Finding(
            "journal", ok=False, detail=f"no journal in {str(settings.data_dir)!r}; start `schouw ingest` once"
        )
        return
    try:
        faults = find_damage(settings.journal_path)
    except SchouwError as error:
        yield Finding("journal", ok=False, detail=str(error))
        return
    if faults:
        told = "; ".join(faults)
        detail = f"damaged: {told}; stop what runs here, keep the folder, and restore a backup (`schouw restore`)"
        yield Finding("journal", ok=False, detail=detail, damage=True)
    try:
        journal = Journal(settings.journal_path)
    except SchouwError as error:
        yield Finding("journal", ok=False, detail=str(error))
        return
    try:
        if not faults:
            yield Finding("journal", ok=True, detail=f"whole, {journal.last_seq()} entries")
        yield from _accounting(journal)
        links = chain_faults(journal)
        yield Finding("decision log", ok=not links, detail="; ".join(links) or "chain is whole")
        yield from _operational(settings, journal)
        yield from _series(settings, journal, fix=fix)
        yield _ingest(settings)
        yield from _unapplied(settings, journal)
        yield from _state(settings, journal)
    except SchouwError as error:
        yield Finding("storage", ok=False, detail=str(error))
    finally:
        journal.close()


def _accounting(journal: Journal) -> Iterator[Finding]:
    """Check that every message and reading is accounted for (design.md section 4)."""
    tally, held, parts = journal.tally_with_standing()
    for account in accounts(tally, held=held, parts=parts):
        faults = account.faults()
        told = ", ".join(f"{name} {count}" for name, count in account.parts.items())
        detail = f"{account.total} = {told}" if not faults else f"{'; '.join(faults)}: {told}; report this"
        yield Finding(f"{account.what} accounted for", ok=not faults, detail=detail)


def _operational(settings: Settings, journal: Journal) -> Iterator[Finding]:
    engine = open_database(settings.database_address)
    try:
        try:
            check_schema(engine)
        except ConfigurationError as error:
            yield Finding("operational store", ok=False, detail=str(error))
            return
        counts = ", ".join(f"{name} {count}" for name, count in SqlAdvisoryStore(engine).counts().items())
        projection = OperationalProjection(engine)
        position, last = projection.position(), journal.last_seq()
        fault = journal.lost_entries(after=position)
        # Beside a running ingest entries leave the journal once they are projected.
        while fault and (moved := projection.position()) != position:
            position, fault = moved, journal.lost_entries(after=moved)
        if position > last:
            fault = (
                f"is at entry {position}, and the journal ends at {last}: they are not of one installation; restore "
                "both from one backup"
            )
        yield Finding("operational store", ok=not fault, detail=fault or counts)
    except SchouwError as error:
        yield Finding("operational store", ok=False, detail=str(error))
    finally:
        engine.dispose()


def _series(settings: Settings, journal: Journal, *, fix: bool) -> Iterator[Finding]:
    """Count what the time series have of what was accepted."""
    try:
        yield from _influx(settings, fix=fix)
        with contextlib.closing(open_series(settings)) as series:
            stored, position, refused = series.reading_count(), series.position(), series.refused_count()
            gone = series.gone_count()
    except SchouwError as error:
        yield Finding("time series", ok=False, detail=str(error))
        return
    expected = journal.tally().get("readings_stored", 0)
    behind = journal.applied_seq() - position
    detail = f"{stored} readings of {expected} accepted, {behind} entries behind the journal"
    if gone:
        detail += f", {gone} erased by retention or known before"
    # What the server has removed by its retention is not missing.
    is_whole = stored + gone == expected or behind > 0
    is_whole = is_whole or (settings.influx.retention_days is not None and stored + gone < expected)
    if refused:
        detail += f", {refused} rows refused for good by the server; they stand in {settings.influx_path.name}"
    yield Finding("time series", ok=is_whole and not refused, detail=detail)


def _influx(settings: Settings, *, fix: bool) -> Iterator[Finding]:
    """Look whether InfluxDB has what it must have, and make it if asked."""
    series = open_influx(settings)
    if series is None:
        return
    from storage.influx_setup import mend_influx  # noqa: PLC0415 -- only who has InfluxDB waits for it

    with contextlib.closing(series):
        missing = mend_influx(series.reader, series.target, make=fix)
        left = mend_influx(series.reader, series.target, make=False) if fix else missing
        where = f"bucket {series.target.bucket!r} at {series.target.shown}"
    if not missing:
        detail = f"{where} is there"
    elif fix:
        detail = f"made: {', '.join(missing)}" + (f"; still missing: {', '.join(left)}" if left else "")
    else:
        detail = f"missing: {', '.join(missing)}; run `schouw doctor --fix`"
    yield Finding("InfluxDB", ok=not left, detail=detail)


def _ingest(settings: Settings) -> Finding:
    """Say what ingest does; that it does not run is no fault of an installation that was stopped."""
    status, now_ns = read_status(status_path(settings)), time.time_ns()
    standing = ingest_standing(status, now_ns)
    since = f", since {rfc3339(standing.since_ns)}" if standing.since_ns is not None else ""
    ok = standing.ok or standing.starts or not _is_heard(status)
    return Finding("ingest", ok=ok, detail=standing.detail + since, note=ok and not standing.ok)


def _is_heard(status: IngestStatus | None) -> bool:
    return status is not None and time.time_ns() - max(status.at_ns, status.alive_ns) <= STALE_NS


def _unapplied(settings: Settings, journal: Journal) -> Iterator[Finding]:
    """Name the entries that ingest has not applied: one that it cannot apply ends it at each start."""
    newest, deadline = journal.last_seq(), time.monotonic() + _APPLIED_WITHIN_S
    while _is_heard(status := read_status(status_path(settings))) and journal.applied_seq() < newest:
        if time.monotonic() > deadline:
            break
        time.sleep(_LOOK_EVERY_S)
    waiting = journal.entries(after=journal.applied_seq(), upto=newest)
    if not waiting:
        return
    kinds = ", ".join(sorted({entry.kind for entry in waiting}))
    first = waiting[0].seq
    detail = (
        f"entry {first} of the journal is" if first == newest else f"entries {first} to {newest} of the journal are"
    )
    detail += f" not applied yet ({kinds}): "
    made_ns = _made_ns(waiting[0])
    if status is not None and _is_heard(status) and (status.starting or status.alive_ns > status.at_ns):
        yield Finding("ingest gets on", ok=True, detail=detail + "ingest is busy and comes to it", note=True)
    elif _is_heard(status) or (status is not None and made_ns is not None and made_ns < status.started_ns):
        detail += "ingest has run since and does not get past it; its log says why, report that"
        yield Finding("ingest gets on", ok=False, detail=detail)
    else:
        yield Finding("ingest gets on", ok=True, detail=detail + "ingest does so when it starts", note=True)


def _made_ns(entry: Entry) -> int | None:
    """Give when a person's entry was made, by the wall clock."""
    if isinstance(entry.body, RegisterBody):
        return entry.body.at_ns
    return entry.body.decision.decided_at_ns if isinstance(entry.body, DecisionBody) else None


def _state(settings: Settings, journal: Journal) -> Iterator[Finding]:
    """Rebuild the state from snapshots and entries, as a restart would, and name it by its hash."""
    status = read_status(status_path(settings))
    try:
        live = open_pipeline(journal, clock_policy(settings), max_payload_bytes=1, head_bytes=0).live
    except OtherModelVersion as changed:
        detail = (
            f"saved by model version {changed.found}; at its next start ingest learns again with {changed.expected}"
        )
        yield Finding("model state", ok=True, detail=detail)
        return
    digest = live.digest()
    at = f"after entry {live.applied_seq}"
    if status is not None:
        at += f", ingest was last at {status.applied_seq}"
    at += f", {live.tracker.open_count()} readings in open hops"
    for entry in journal.newest("relearning"):
        if isinstance(entry.body, RelearningBody):
            at += f"; learnt again with model version {entry.body.after} by entry {entry.seq}"
    yield Finding("model state", ok=True, detail=f"{digest} {at}")
