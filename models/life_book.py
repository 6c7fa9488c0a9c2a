"""How far remaining lives were off that ended, and how much wider or narrower the next interval is.

While an alarm of condition stands, the remaining life of its asset is noted once a week, as the degradation model alone
says it. When people record the day on which the asset failed, each note tells its *reach*: the distance from the
stated median to the truth over the distance to the end of the interval on that side, both as logarithms of life and an
offset of some weeks, for near failure the error is absolute and far away relative. It is negative where the truth came
before the median; between -1 and 1 it was covered. The *stretch* of an organisation's intervals is the 80 % quantile of
how far reaches lie from 0: conformal prediction. Each life counts once, for the notes of one alarm are no independent
draws, and failures are few: so a prior, as wide as damages under way let expect (`models.course_roughness`), counts as
`_PRIOR_LIVES`. Stretched about its median an interval stays in order.

Of what was repaired before it failed one thing is known: it would have lasted longer. Left out, the failures that
remain would be those that came sooner than was said. So a repair is a censored life, whose weight goes to the reaches
beyond its own, in proportion to theirs (B. Efron, The two sample problem with censored data, 1967: the estimate of
Kaplan and Meier). That is fair as long as repairs are planned by what was stated, not by what is not known here. A
damage that was none lasts longer than any life: the repair of a false alarm says a little too much.

A life ends once: a day of failure that lies before the last record of its end, or hardly later, corrects that record;
one after it is another failure. What was recorded stays beside what corrects it, and a day counts for each life the
last that was recorded before its end, in the order of the journal: so a restart, a replay and a re-scoring come to the
same bits, those of before a correction too. While the alarm under which it failed still stands, nothing more is noted:
the repair that ends it follows a failure that is known, and says nothing of a life.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from scipy import special

from domain.arrays import BoolArray, FloatArray
from domain.identifiers import AssetId
from models.catalogue import HOUR_NS, Catalogue

__all__ = ["AHEAD_NS", "EndedLife", "LifeBook", "StatedLife", "stretched"]

_DAY_NS: Final = 24 * HOUR_NS
_OFFSET_DAYS: Final = 21.0
_COVERED: Final = 0.8
# Lives that the prior is worth. Simulated fleets lose ten to twenty structures in two years; four lives brought the
# coverage of some nearer to 80 % and of others further off, sixteen moved little (docs/measured.md).
_PRIOR_LIVES: Final = 8.0
_PRIOR_POINTS: Final = 40
_STRETCHES: Final = (0.5, 2.0)
# A year of weeks: an alarm that stands longer has said what it had to say.
_MOST_NOTES: Final = 53
_LEAST_SIDE: Final = 1e-3
# Sensors may have been silent for some days when it failed; further ahead is a day of another clock, as in a replay.
AHEAD_NS: Final = 7 * _DAY_NS
# So long before the first note a day may correct a failure, which then came before its alarm; earlier, it is another.
_BEFORE_NS: Final = 30 * _DAY_NS


def _prior_reaches() -> FloatArray:
    """Reaches of normal errors, of which the prior's share is covered, on both sides of the median."""
    level = np.minimum(np.arange(1, _PRIOR_POINTS + 1), _PRIOR_POINTS - 0.5) / _PRIOR_POINTS
    side = special.ndtri(0.5 + 0.5 * level) / special.ndtri(0.5 + 0.5 * _COVERED)
    return np.concatenate([-side, side])


_PRIOR: Final = _prior_reaches()


class StatedLife(msgspec.Struct, array_like=True, frozen=True):
    """A remaining life as it was stated: event time, and quantiles 10, 50 and 90 % in days."""

    at_ns: int
    low_days: float
    middle_days: float
    high_days: float

    def reach(self, ended_ns: int) -> float:
        """Tell how far the end lay from the median, in widths of that side; negative before it."""
        left = np.log(max((ended_ns - self.at_ns) / _DAY_NS, 0.0) + _OFFSET_DAYS)
        low, middle, high = np.log(np.array([self.low_days, self.middle_days, self.high_days]) + _OFFSET_DAYS)
        side = high - middle if left >= middle else middle - low
        return float((left - middle) / max(side, _LEAST_SIDE))


class EndedLife(msgspec.Struct, array_like=True, frozen=True):
    """What one record of an end said of the lives stated before it.

    Attributes
    ----------
    organisation : str
        Who learns from it.
    asset : AssetId
    at_ns : int
        Event time of the asset when it was recorded.
    notes : tuple of StatedLife
        All that was stated under the alarm before its end was first recorded, at least one.
    reaches : tuple of float
        Of the notes before the end; none where a correction put it before all of them.
    has_failed : bool
        False where it was repaired before: the true reaches lie beyond.
    """

    organisation: str
    asset: AssetId
    at_ns: int
    notes: tuple[StatedLife, ...]
    reaches: tuple[float, ...]
    has_failed: bool = True

    @property
    def began_ns(self) -> int:
        """When its first note was taken: that names the life among those of the asset."""
        return self.notes[0].at_ns


@dataclass(frozen=True, slots=True)
class LifeBook:
    """Lives stated under alarms that stand, and what became of those that ended; never changed in place.

    `stated` holds no notes for an asset whose failure is recorded while its alarm stands.
    """

    stated: Mapping[AssetId, tuple[StatedLife, ...]] = field(default_factory=dict)
    ended: tuple[EndedLife, ...] = ()

    def with_notes(self, assets: tuple[AssetId, ...], life_days: FloatArray, asked: BoolArray, at_ns: int) -> LifeBook:
        """Note what was stated of some assets at one time.

        Parameters
        ----------
        life_days : float64[A, 3]
            Quantiles; NaN where none was stated, which is left out.
        asked : bool[A]
            True while an alarm stands; the notes of others are dropped, for their alarm went away. What is not newer
            than the notes of an asset changes nothing.
        """
        stated = dict(self.stated)
        for asset, life, is_asked in zip(assets, life_days.tolist(), asked.tolist(), strict=True):
            notes = stated.get(asset, ())
            if notes and notes[-1].at_ns >= at_ns:
                continue
            has_failed = asset in stated and not notes
            if not is_asked:
                stated.pop(asset, None)
            elif np.all(np.isfinite(life)) and not has_failed:
                stated[asset] = (*notes, StatedLife(at_ns, *life))[-_MOST_NOTES:]
        return LifeBook(stated, self.ended)

    def with_failure(self, asset: AssetId, organisation: str, failed_ns: int, at_ns: int) -> LifeBook:
        """Learn that an asset failed, or that it did on another day than was recorded before.

        Without notes before it, or weeks from now, it tells nothing.

        Parameters
        ----------
        organisation : str
            Of the asset; a correction goes to the one that learnt of the failure.
        failed_ns, at_ns : int
            When it failed, and the event time of the asset when that was recorded.
        """
        if failed_ns > at_ns + AHEAD_NS:
            return self
        before = self._corrected_by(asset, failed_ns)
        if before is None:
            return self._with_end(asset, organisation, failed_ns, at_ns, has_failed=True)
        reaches = _reaches(before.notes, failed_ns)
        if before.has_failed and reaches == before.reaches:
            return self
        return LifeBook(self.stated, (*self.ended, EndedLife(before.organisation, asset, at_ns, before.notes, reaches)))

    def with_repair(self, asset: AssetId, organisation: str, at_ns: int) -> LifeBook:
        """Learn that an asset was repaired at an event time before it failed; without notes it tells nothing."""
        return self._with_end(asset, organisation, at_ns, at_ns, has_failed=False)

    def _with_end(self, asset: AssetId, organisation: str, ended_ns: int, at_ns: int, *, has_failed: bool) -> LifeBook:
        notes = self.stated.get(asset, ())
        reaches = _reaches(notes, ended_ns)
        if not reaches:
            return self
        ended = EndedLife(organisation, asset, at_ns, notes, reaches, has_failed)
        stated = dict(self.without(asset).stated)
        if has_failed:
            stated[asset] = ()
        return LifeBook(stated, (*self.ended, ended))

    def _corrected_by(self, asset: AssetId, failed_ns: int) -> EndedLife | None:
        """Find the last record of the life whose end a day corrects: the newest begun by then, or the one after."""
        records = [life for life in self.ended if life.asset == asset]
        recorded_ns = {life.began_ns: life.at_ns for life in reversed(records)}
        lives = [
            life
            for _, life in sorted({life.began_ns: life for life in records}.items())
            if life.began_ns - _BEFORE_NS <= failed_ns <= recorded_ns[life.began_ns] + AHEAD_NS
        ]
        begun = [life for life in lives if life.began_ns < failed_ns]
        return begun[-1] if begun else next(iter(lives), None)

    def without(self, asset: AssetId) -> LifeBook:
        """Drop the notes of an asset: its alarm was none."""
        return LifeBook({name: notes for name, notes in self.stated.items() if name != asset}, self.ended)

    def stretches(self, catalogue: Catalogue, day_end_ns: int, *, usual: float = 1.0) -> FloatArray:
        """float64[A]: how much wider each interval of life is, by what was recorded before the end of a day.

        Parameters
        ----------
        usual : float
            What it would be without any record, positive; the prior's reaches are as much wider.
        """
        last = {(life.asset, life.began_ns): life for life in self.ended if life.at_ns < day_end_ns}
        known: dict[str, list[EndedLife]] = {}
        for life in last.values():
            if life.reaches:
                known.setdefault(life.organisation, []).append(life)
        stretch = {organisation: _stretch(lives, usual) for organisation, lives in known.items()}
        return np.array([stretch.get(details.organisation, usual) for details in catalogue.details], np.float64)

    def encode(self) -> bytes:
        """Write it as MessagePack; floats to the bit."""
        return msgspec.msgpack.encode((sorted(self.stated.items()), self.ended))

    @staticmethod
    def decode(data: bytes) -> LifeBook:
        """Read what `encode` wrote.

        Raises
        ------
        msgspec.MsgspecError
            If it is something else.
        """
        kind = tuple[list[tuple[AssetId, tuple[StatedLife, ...]]], tuple[EndedLife, ...]]
        stated, ended = msgspec.msgpack.decode(data, type=kind)
        return LifeBook(dict(stated), ended)


def _reaches(notes: tuple[StatedLife, ...], ended_ns: int) -> tuple[float, ...]:
    """Give the reaches of the notes before an end."""
    return tuple(note.reach(ended_ns) for note in notes if note.at_ns < ended_ns)


def stretched(life_days: FloatArray, stretch: FloatArray) -> FloatArray:
    """float64[A, 3]: quantiles of lives, days, with their outer ones moved from the median, or to it, by float64[A].

    Examples
    --------
    >>> stretched(np.array([[9.0, 39.0, 99.0]]), np.array([0.5])).round(1).tolist()
    [[21.4, 39.0, 63.9]]
    """
    life = np.log(life_days + _OFFSET_DAYS)
    moved = life[:, 1, np.newaxis] + stretch[:, np.newaxis] * (life - life[:, 1, np.newaxis])
    moved = np.maximum(np.exp(moved) - _OFFSET_DAYS, 0.0)
    return np.where(stretch[:, np.newaxis] == 1.0, life_days, np.stack([moved[:, 0], life_days[:, 1], moved[:, 2]], 1))


def _stretch(lives: list[EndedLife], usual: float) -> float:
    reach = np.concatenate([usual * _PRIOR, *(np.array(life.reaches) for life in lives)])
    weight = [np.full(len(_PRIOR), _PRIOR_LIVES / len(_PRIOR))]
    weight += [np.full(len(life.reaches), 1.0 / len(life.reaches)) for life in lives]
    known = [np.ones(len(_PRIOR), np.bool_)]
    known += [np.full(len(life.reaches), life.has_failed) for life in lives]
    mass = _shares(reach, np.concatenate(weight), np.concatenate(known))
    distance = np.abs(reach)
    order = np.argsort(distance, kind="stable")
    level = np.cumsum(mass[order])
    return float(np.clip(distance[order][np.searchsorted(level, _COVERED - 1e-9)], *_STRETCHES))


def _shares(reach: FloatArray, weight: FloatArray, is_known: BoolArray) -> FloatArray:
    """float64[N]: probability of each reach, by Kaplan and Meier; what no known reach lies beyond keeps its own.

    Examples
    --------
    >>> _shares(np.array([-1.0, 0.0, 0.5, 1.0]), np.ones(4), np.array([True, False, True, True])).round(3).tolist()
    [0.25, 0.0, 0.375, 0.375]
    """
    # Where they tie, a failure comes before a repair.
    order = np.lexsort((~is_known, reach))
    beyond = np.cumsum(weight[order][::-1])[::-1]
    is_last = np.cumsum(is_known[order][::-1])[::-1] == 0
    ends = is_known[order] | is_last
    hazard = np.where(ends, weight[order] / beyond, 0.0)
    left = np.cumprod(1.0 - hazard)
    mass = np.empty(len(reach))
    mass[order] = hazard * np.concatenate([[1.0], left[:-1]])
    return mass
