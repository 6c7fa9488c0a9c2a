"""What a run left behind, in a form that can be compared with another run of the same stream."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import select

from domain.arrays import ReadingFlag
from service.series_store import open_series
from service.settings import Settings
from storage.advisory import SqlAdvisoryStore
from storage.database import open_database
from storage.journal import Journal
from storage.protocols import TimedKey
from storage.tables import assessment_table, dead_letter_table

__all__ = ["Evidence", "evidence_of"]

# What names the journal entry that wrote a row: it differs between runs that cut the stream elsewhere.
_PLACES = ("journal_seq", "revision")


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows as counts and hashes; two runs of one stream must agree in every field.

    Attributes
    ----------
    readings, hops, alarms, assessments, refusals : str
        `<rows> <first half of the SHA-256 over the rows in order>`; readings without the flag that tells how sure
        ingest was of a time when it came, which hangs on what it had heard by then and on nothing that is scored.
    sum_of_values : str
        Over all readings in order, to the bit.
    """

    model_state: str
    readings: str
    sum_of_values: str
    hops: str
    alarms: str
    assessments: str
    refusals: str
    stored: int

    def differences(self, other: Evidence) -> list[str]:
        """Say in which fields two runs differ."""
        return [
            f"{item.name}: {getattr(self, item.name)} and {getattr(other, item.name)}"
            for item in fields(self)
            if getattr(self, item.name) != getattr(other, item.name)
        ]


def evidence_of(settings: Settings, model_state: str) -> Evidence:
    """Read everything that an installation holds."""
    with contextlib.closing(Journal(settings.journal_path)) as journal:
        stored = journal.tally().get("readings_stored", 0)
    readings: list[tuple[Any, ...]] = []
    hops: list[tuple[Any, ...]] = []
    engine = open_database(settings.database_address)
    with contextlib.closing(open_series(settings)) as series:
        # A store that keeps no sign of zero is as good.
        rows = series.readings()
        readings = sorted((a, s, c, t, v + 0.0, u, f & ~ReadingFlag.CLAIMED) for a, s, c, t, v, u, f in rows)
        store = SqlAdvisoryStore(engine)
        for asset in store.assets(limit=10_000):
            for sensor, channel, _ in series.channel_names(asset.id):
                points = series.hops(asset.id, sensor, channel, limit=1_000_000)
                hops += [
                    (asset.id, sensor, channel, p.start_ns, p.value + 0.0, p.count, p.expected, p.band) for p in points
                ]
    alarms: list[tuple[Any, ...]] = []
    after: TimedKey | None = None
    while page := store.alarms(after=after, limit=500):
        alarms += [(a.id, a.asset, a.kind, a.subject, a.raised_at_ns, a.cleared_at_ns, a.state.value) for a in page]
        after = TimedKey(page[-1].raised_at_ns, page[-1].id)
    with engine.connect() as db:
        assessments = [
            {key: value for key, value in detail.items() if key not in _PLACES}
            for (detail,) in db.execute(select(assessment_table.c.detail))
        ]
        table = dead_letter_table.c
        refused = db.execute(select(table.topic, table.code, table.head))
        # A message that came twice may be refused twice; of its bytes as many are kept as a setting says.
        refusals = {(row.topic, row.code, row.head[:64].hex()) for row in refused}
    engine.dispose()
    return Evidence(
        model_state=model_state,
        readings=_fingerprint(readings),
        sum_of_values=sum((row[4] for row in readings), 0.0).hex(),
        hops=_fingerprint(hops),
        alarms=_fingerprint(alarms),
        assessments=_fingerprint(assessments),
        refusals=_fingerprint(sorted(refusals)),
        stored=stored,
    )


def _fingerprint(rows: Any) -> str:
    texts = sorted(json.dumps(row, sort_keys=True) for row in rows)
    return f"{len(texts)} {hashlib.sha256(chr(10).join(texts).encode()).hexdigest()[:32]}"
