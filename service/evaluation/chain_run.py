"""The real chain in process: message bytes in, through decoder, pipeline and journal, alarms and risk out.

It is the code of the service: `service.pipeline` over a journal in a folder of its own, with the hops of
design.md D14. What it says is read from the journal's entries, as the projections read it, so nothing can be
counted that would not have been stored. Messages arrive day by day in event time; the chain closes what is due
by the stream's own progress and is asked for nothing in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np

from domain.arrays import FloatArray, TimeArray
from domain.identifiers import ChannelKey
from domain.records import Alarm, RiskAssessment
from domain.register import Register
from ingest.batch import Message
from service.evaluation.truth import DAY_NS, RaisedAlarm, RunRecord, day_ends
from service.ingest_process import clock_policy
from service.pipeline import Pipeline
from service.restore import open_pipeline
from service.settings import Settings
from storage.entries import AlarmChange, HopColumns, RegisterBody
from storage.journal import Journal

__all__ = ["DETECTOR", "ChainRun", "ChannelDays", "run_chain"]

DETECTOR: Final = "schouw"

_HORIZON: Final = 1  # place of 90 days in HORIZONS_DAYS
_PRUNE_EVERY_DAYS: Final = 30


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


def run_chain(
    settings: Settings,
    register: Register,
    days: Iterable[Sequence[tuple[str, bytes]]],
    *,
    start_ns: int,
    end_ns: int,
) -> ChainRun:
    """Put a run's messages through the chain.

    Parameters
    ----------
    settings : Settings
        Of the service; the clock is set to the stream's own progress.
    days : iterable of sequences of (topic, payload)
        In the order of arrival, one sequence a day.
    start_ns, end_ns : int
        Of the run, Unix nanoseconds.
    """
    policy = clock_policy(
        settings.model_copy(update={"ingest": settings.ingest.model_copy(update={"clock": "stream"})})
    )
    with TemporaryDirectory(prefix="schouw-evaluate-") as folder, closing(Journal(Path(folder, "journal"))) as journal:
        journal.append("register", RegisterBody(register=register, at_ns=0))
        pipeline = open_pipeline(
            journal,
            policy,
            max_payload_bytes=settings.ingest.max_payload_bytes,
            head_bytes=settings.storage.dead_letter_head_bytes,
        )
        pipeline.catch_up()
        listener = _Listener(pipeline, start_ns, end_ns)
        for number, messages in enumerate(days):
            now_ns = start_ns + (number + 1) * DAY_NS
            arrived = [Message(topic, payload, now_ns, retained=False) for topic, payload in messages]
            size = settings.ingest.batch_messages
            for first in range(0, len(arrived), size):
                pipeline.take(arrived[first : first + size], now_ns=now_ns, provisional=False)
            pipeline.close(now_ns=now_ns)
            listener.read(journal)
            if number % _PRUNE_EVERY_DAYS == 0:
                journal.prune(upto=listener.seq)
        pipeline.close(now_ns=end_ns, lateness_ns=0)
        listener.read(journal)
        return listener.result(journal.tally(), pipeline.live.catalogue.false_alarms_per_year)


class _Listener:
    """Reads outcomes from the journal, as a projection does."""

    def __init__(self, pipeline: Pipeline, start_ns: int, end_ns: int) -> None:
        catalogue = pipeline.live.catalogue
        self.seq = pipeline.live.applied_seq
        self._start_ns = start_ns
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

    def read(self, journal: Journal) -> None:
        """Take in the outcomes of the entries since the last call."""
        while entries := journal.entries(after=self.seq):
            for entry in entries:
                self._take(entry.outcome.assessments)
                self._note(entry.outcome.alarms, entry.outcome.alarm_changes)
                self._add(entry.outcome.hops)
            self.seq = entries[-1].seq

    def result(self, tally: dict[str, int], promise_per_year: float) -> ChainRun:
        """Give everything as columns."""
        alarms = tuple(
            RaisedAlarm(alarm.asset, alarm.kind, alarm.subject, alarm.raised_at_ns, self._cleared.get(alarm.id))
            for alarm in sorted(self._alarms.values(), key=lambda alarm: (alarm.raised_at_ns, alarm.id))
        )
        mean = np.where(self._count > 0, self._total / np.maximum(self._count, 1), np.nan)
        record = RunRecord(DETECTOR, alarms, self._at_ns, self._chance, self._life)
        return ChainRun(record, ChannelDays(self._channels, mean), tally, promise_per_year)

    def _take(self, assessments: Sequence[RiskAssessment]) -> None:
        for item in assessments:
            day = (item.assessed_at_ns - int(self._at_ns[0])) // DAY_NS if len(self._at_ns) else -1
            if item.assessed_at_ns % DAY_NS or not 0 <= day < len(self._at_ns):
                continue
            row = self._row[item.asset]
            self._chance[row, day] = item.probability_of_failure[_HORIZON].value
            life = item.remaining_life
            self._life[row, day] = (life.q10_days, life.q50_days, life.q90_days) if life is not None else np.nan

    def _note(self, alarms: Sequence[Alarm], changes: Sequence[AlarmChange]) -> None:
        for alarm in alarms:
            self._alarms.setdefault(alarm.id, alarm)
        for change in changes:
            if change.cleared_at_ns is not None:
                self._cleared[change.id] = change.cleared_at_ns

    def _add(self, hops: HopColumns) -> None:
        if not hops.channel or not len(self._at_ns):
            return
        channel = self._place[np.frombuffer(hops.channel, "<i4")]
        day = (np.frombuffer(hops.start_ns, "<i8") - int(self._at_ns[0]) + DAY_NS) // DAY_NS
        value = np.frombuffer(hops.value, "<f8")
        kept = (day >= 0) & (day < len(self._at_ns)) & (channel >= 0) & np.isfinite(value)
        np.add.at(self._total, (channel[kept], day[kept]), value[kept])
        np.add.at(self._count, (channel[kept], day[kept]), 1.0)
