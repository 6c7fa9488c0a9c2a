"""What the chain said, gathered entry by entry as a projection of the journal.

Nothing is asked of the models: alarms, daily risk and measured values are taken from the entries that every
other projection gets too, so nothing counts that would not have been stored. What late readings changed
afterwards does not count: a day's risk is the one that was stated first, and an alarm is as old as what was known
when it was raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from domain.arrays import FloatArray, TimeArray
from domain.identifiers import ChannelKey
from domain.records import Alarm, RiskAssessment
from domain.register import FALSE_ALARMS_PER_YEAR
from models.catalogue import Catalogue
from service.evaluation.truth import DAY_NS, HORIZON_PLACE, RaisedAlarm, RunRecord, day_ends
from storage.entries import AlarmChange
from storage.hop_columns import HopColumns
from storage.journal import Entry, Journal

__all__ = ["DETECTOR", "ChainListener", "ChainRun", "ChannelDays"]

DETECTOR: Final = "schouw"


@dataclass(frozen=True, slots=True, eq=False)
class ChannelDays:
    """Raw daily means of every channel, for the naive detectors.

    Attributes
    ----------
    channels : tuple of ChannelKey
    value : float64[C, D]
        Mean of the hops that ended on the day, before any model; NaN where nothing came.
    """

    channels: tuple[ChannelKey, ...]
    value: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ChainRun:
    """What the chain said, what it measured, how the messages were accounted for, and what it promises.

    Attributes
    ----------
    promise_per_year : float
        False alarms an asset-year that the models were told to keep to.
    """

    record: RunRecord
    channel_days: ChannelDays
    tally: dict[str, int]
    promise_per_year: float


class ChainListener:
    """Gathers outcomes; a `service.projector.Projection`.

    Parameters
    ----------
    catalogue : Catalogue
        Assets and channels of the run.
    seq : int
        Entries up to this one are passed over: the register's.
    start_ns, end_ns : int
        Of the run, Unix nanoseconds.
    """

    def __init__(self, catalogue: Catalogue, *, seq: int, start_ns: int, end_ns: int) -> None:
        self.seq = seq
        self._reached_ns = start_ns
        budgets = catalogue.false_alarms_per_year
        self._promise_per_year = float(np.mean(budgets)) if len(budgets) else FALSE_ALARMS_PER_YEAR
        self._at_ns: TimeArray = day_ends(start_ns, end_ns)
        self._row = {asset: row for row, asset in enumerate(catalogue.assets)}
        self._channels = catalogue.channels
        self._place = np.full(int(catalogue.channel_number.max(initial=0)) + 1, -1, np.int64)
        self._place[catalogue.channel_number] = np.arange(len(catalogue.channels))
        shape = (len(catalogue.assets), len(self._at_ns))
        self._chance = np.full(shape, np.nan)
        self._life = np.full((*shape, 3), np.nan)
        self._total = np.zeros((len(catalogue.channels), len(self._at_ns)))
        self._count = np.zeros_like(self._total)
        self._alarms: dict[str, Alarm] = {}
        self._cleared: dict[str, int] = {}

    def position(self) -> int:
        """Give the sequence of the last entry taken in."""
        return self.seq

    def project(self, entries: Sequence[Entry]) -> None:
        """Take in the outcomes of the entries that follow."""
        for entry in entries:
            self._take(entry.outcome.assessments)
            known_ns = self._reached_ns if entry.kind == "rescoring" else 0
            self._note(entry.outcome.alarms, entry.outcome.alarm_changes, known_ns)
            self._add(entry.outcome.hops)
            self.seq = entry.seq

    def read(self, journal: Journal) -> None:
        """Take in all entries since the last call."""
        while entries := journal.entries(after=self.seq):
            self.project(entries)

    def result(self, tally: dict[str, int]) -> ChainRun:
        """Give everything as columns."""
        alarms = tuple(
            RaisedAlarm(alarm.asset, alarm.kind, alarm.subject, alarm.raised_at_ns, self._cleared.get(alarm.id))
            for alarm in sorted(self._alarms.values(), key=lambda alarm: (alarm.raised_at_ns, alarm.id))
        )
        mean = np.where(self._count > 0, self._total / np.maximum(self._count, 1), np.nan)
        record = RunRecord(DETECTOR, alarms, self._at_ns, self._chance, self._life)
        return ChainRun(record, ChannelDays(self._channels, mean), tally, self._promise_per_year)

    def _take(self, assessments: Sequence[RiskAssessment]) -> None:
        for item in assessments:
            day = (item.assessed_at_ns - int(self._at_ns[0])) // DAY_NS if len(self._at_ns) else -1
            if item.revised or item.assessed_at_ns % DAY_NS or not 0 <= day < len(self._at_ns):
                continue
            self._reached_ns = max(self._reached_ns, item.assessed_at_ns)
            row = self._row[item.asset]
            self._chance[row, day] = item.probability_of_failure[HORIZON_PLACE].value
            life = item.remaining_life
            self._life[row, day] = (life.q10_days, life.q50_days, life.q90_days) if life is not None else np.nan

    def _note(self, alarms: Sequence[Alarm], changes: Sequence[AlarmChange], known_ns: int) -> None:
        """Take in alarms, none of them earlier than `known_ns`: what late data show was not known before they came."""
        for alarm in alarms:
            self._alarms.setdefault(alarm.id, replace(alarm, raised_at_ns=max(alarm.raised_at_ns, known_ns)))
        for change in changes:
            if change.cleared_at_ns is not None:
                self._cleared[change.id] = change.cleared_at_ns

    def _add(self, hops: HopColumns) -> None:
        if not hops.channel or not len(self._at_ns):
            return
        rows = hops.arrays()
        channel, value = self._place[rows.channel], rows.value
        day = (rows.start_ns - int(self._at_ns[0]) + DAY_NS) // DAY_NS
        kept = (day >= 0) & (day < len(self._at_ns)) & (channel >= 0) & np.isfinite(value)
        np.add.at(self._total, (channel[kept], day[kept]), value[kept])
        np.add.at(self._count, (channel[kept], day[kept]), 1.0)
