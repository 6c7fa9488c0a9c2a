"""What the other rooms may ask of storage; every implementation passes the same conformance tests.

Lists are paged by keys, not offsets: `after` is the key of the last item seen, and at most `limit`
items come back, so a page never repeats or skips an item that stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from domain.identifiers import AssetId, ChannelName, SensorId
from domain.measurements import DeadLetter, Quarantined, SensorStatus, SeriesPoint
from domain.modes import AveragedSpectrum, ModePoint
from domain.records import Alarm, AlarmState, Decision, DecisionVerb, RiskAssessment, RiskState
from domain.register import Asset
from storage.hop_values import HopValues
from storage.journal import Entry

__all__ = [
    "AdvisoryStore",
    "DecisionDraft",
    "DecisionLog",
    "ModalStore",
    "OnceKey",
    "ProjectedSeries",
    "RankKey",
    "Revisions",
    "RowKind",
    "SensorKey",
    "SeriesStore",
    "TimedKey",
]


@dataclass(frozen=True, slots=True, order=True)
class RankKey:
    """Place in the ranking: state first, then the highest cost of waiting, then the asset."""

    state_rank: int
    negative_cost_eur: float
    asset: str


@dataclass(frozen=True, slots=True, order=True)
class TimedKey:
    """Place in a list that runs from new to old."""

    time_ns: int
    id: str


@dataclass(frozen=True, slots=True, order=True)
class SensorKey:
    """Place in a list of channels."""

    asset: str
    sensor: str
    channel: str


# What an answer may rest on: any row, newest assessments with the register, or alarms with the register.
RowKind = Literal["rows", "risks", "alarms"]


class Revisions(NamedTuple):
    """The newest revision of any row, of newest assessments, and of alarms; a change of the register is in each."""

    rows: int
    risks: int
    alarms: int

    def of(self, kind: RowKind) -> int:
        """Give the newest revision of one kind."""
        return self.risks if kind == "risks" else self.alarms if kind == "alarms" else self.rows


@dataclass(frozen=True, slots=True)
class DecisionDraft:
    """A decision as a person gave it, before it is written into the chain."""

    asset: AssetId
    verb: DecisionVerb
    decided_by: str
    reason: str
    alarm_id: str | None = None
    assessment_id: str | None = None
    due_on: str | None = None
    condition: int | None = None
    organisation: str = ""
    failed_on: str | None = None
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class OnceKey:
    """Makes sure that a request is carried out once, however often it is sent.

    Attributes
    ----------
    key : bytes
        Hash of who asks and the key they chose.
    asked : bytes
        Hash of what they ask; the same key with another request is refused.
    """

    key: bytes
    asked: bytes


class AdvisoryStore(Protocol):
    """The projected rows that the API serves; reading never blocks the writer."""

    def of(self, organisations: Sequence[str]) -> AdvisoryStore:
        """Give the same store as one organisation sees it: only assets with one of these names, and what is theirs."""

    def revisions(self) -> Revisions:
        """Give the newest revision that a row of each kind may carry; it grows with every change of what is read."""

    def assets(self, *, after: str | None = None, limit: int = 100) -> Sequence[Asset]:
        """List assets by identifier."""

    def asset(self, asset: AssetId) -> Asset | None:
        """Find one asset."""

    def risks(
        self, *, after: RankKey | None = None, limit: int = 100, states: Sequence[RiskState] = ()
    ) -> Sequence[tuple[RankKey, Asset, RiskAssessment]]:
        """List each asset's newest assessment in the order of the ranking; no `states` means all."""

    def changed_risks(
        self, *, after: TimedKey | None = None, limit: int = 100
    ) -> Sequence[tuple[Asset, RiskAssessment]]:
        """List newest assessments by `revision` and asset (the key's two places), oldest change first."""

    def changed_alarms(self, *, after: TimedKey | None = None, limit: int = 100) -> Sequence[Alarm]:
        """List alarms by `revision` and identifier (the key's two places), oldest change first."""

    def risk(self, asset: AssetId) -> RiskAssessment | None:
        """Give the newest assessment of one asset."""

    def assessment(self, assessment_id: str) -> RiskAssessment | None:
        """Find one stored assessment."""

    def risk_history(
        self, asset: AssetId, *, after: TimedKey | None = None, limit: int = 100
    ) -> Sequence[RiskAssessment]:
        """List the final assessments of one asset, newest first; of one time, what replaces before what it replaces."""

    def alarms(
        self,
        *,
        asset: AssetId | None = None,
        states: Sequence[AlarmState] = (),
        kind: str | None = None,
        event: str | None = None,
        after: TimedKey | None = None,
        limit: int = 100,
    ) -> Sequence[Alarm]:
        """List alarms by time of raising, newest first; no `states` means all, `kind` and `event` those of one."""

    def alarm(self, alarm_id: str) -> Alarm | None:
        """Find one alarm."""

    def dead_letters(self, *, after: TimedKey | None = None, limit: int = 100) -> Sequence[DeadLetter]:
        """List refused messages by time of arrival, newest first."""

    def quarantine(self, *, after: SensorKey | None = None, limit: int = 100) -> Sequence[Quarantined]:
        """List unknown senders by gateway, asset and sensor (in the key's three places)."""

    def sensors(
        self, *, asset: AssetId | None = None, after: SensorKey | None = None, limit: int = 100
    ) -> Sequence[SensorStatus]:
        """List the channels of the register with the newest that came from them."""


class SeriesStore(Protocol):
    """Time series of features and readings."""

    def channel_names(self, asset: AssetId) -> Sequence[tuple[SensorId, ChannelName, str]]:
        """List sensor, channel and unit of all that was ever stored for an asset."""

    def hops(
        self,
        asset: AssetId,
        sensor: SensorId,
        channel: ChannelName,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        after_ns: int | None = None,
        limit: int = 1000,
    ) -> Sequence[SeriesPoint]:
        """List one channel's closed hops in `[start_ns, end_ns)`, oldest first, behind `after_ns`."""


class ProjectedSeries(SeriesStore, Protocol):
    """Time series as ingest writes them and as they are checked and exported."""

    def close(self) -> None:
        """Close what is open."""

    def position(self) -> int:
        """Give the sequence of the last projected entry."""

    def project(self, entries: Sequence[Entry]) -> None:
        """Write readings and hops of entries that follow the position; on an error the position stays."""

    def reading_count(self) -> int:
        """Count the stored readings."""

    def refused_count(self) -> int:
        """Count the rows that the store refused for good."""

    def gone_count(self) -> int:
        """Count the readings that were accepted and are not here: erased by retention, or here before."""

    def hop_values(self, asset: AssetId, *, start_ns: int, end_ns: int) -> Sequence[HopValues]:
        """Give what all channels of an asset had in their closed hops in `[start_ns, end_ns)`, oldest first."""

    def readings(self, *, batch: int = 10_000) -> Iterator[tuple[str, str, str, int, float, str, int]]:
        """Walk over all readings as (asset, sensor, channel, time_ns, value, unit, flags), by channel and time."""


class DecisionLog(Protocol):
    """The append-only, hash-chained log of what people decided; part of the journal."""

    def append(self, draft: DecisionDraft, *, decided_at_ns: int, once: OnceKey | None = None) -> Decision:
        """Write one decision as the next link and return it; with a key that came before, return what it led to.

        Raises
        ------
        DecisionRepeated
            If the key came before with another decision.
        StorageUnavailable
            If the journal cannot be written now.
        """

    def append_all(
        self, drafts: Sequence[DecisionDraft], *, decided_at_ns: int, once: OnceKey | None = None
    ) -> Sequence[Decision]:
        """Write decisions about the alarms of one event as links one after the other, all or none; see `append`."""

    def repeated(self, once: OnceKey) -> Sequence[Decision]:
        """Give what a key led to before; empty for a new one.

        Raises
        ------
        DecisionRepeated
            If the key came before with another decision.
        """

    def decisions(
        self, *, asset: AssetId | None = None, before_seq: int | None = None, limit: int = 100
    ) -> Sequence[Decision]:
        """List decisions newest first, those with a sequence below `before_seq`."""

    def decisions_after(self, seq: int, *, asset: AssetId | None = None, limit: int = 100) -> Sequence[Decision]:
        """List decisions oldest first, those with a sequence above `seq`."""


class ModalStore(Protocol):
    """Natural frequencies and spectra of assets whose sensors send waveforms."""

    def newest(self, asset: AssetId) -> Sequence[ModePoint]:
        """Give the newest point of every mode of an asset, by name."""

    def points(
        self,
        asset: AssetId,
        mode: str,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        after_ns: int | None = None,
        limit: int = 100,
    ) -> Sequence[ModePoint]:
        """Give the points of one mode whose period ended in [start, end) and after `after_ns`, oldest first."""

    def spectra(self, asset: AssetId) -> Sequence[AveragedSpectrum]:
        """Give the newest averaged spectrum of each sampling rate of an asset, lowest rate first."""
