"""How often people found alarms of a kind to be right, and how much more evidence the next one takes for it.

A person who confirms or dismisses an alarm of condition gives a *verdict*. River's online learner of a rate
(`river.proba.Beta`, counts with a prior) learns from them which share of the alarms is right, at two levels:

- the *class*: a failure mode on a type of asset of one organisation, whose decisions nobody else learns from. Its
  prior is `_PRIOR_PRECISION`, worth `_CLASS_PRIOR` verdicts. It counts once it has foretold the verdicts better than
  the prior alone would have, each foretold before it was learnt;
- the *asset* itself, whose prior is its class without it, worth `_ASSET_PRIOR` verdicts, so that one dismissal is felt
  where it was made.

An alarm is raised when the likelihood ratio of a shift is large enough for the odds of a shift beforehand. Where alarms
turn out right less often than was taken, those odds were taken too high by as much, and the evidence an alarm
takes grows by the logarithm of that factor: the *doubt*, never negative (the promised budget stays the least) and
at most `_MOST_DOUBT`, so that what goes on growing is raised in the end. Other modes of the asset are not touched, nor
are severity and the chance of failure, which go on telling what sensors see.

What is remembered are the verdicts, in the order of the journal; the learners are made from them, with those given
before the day that is judged. So a restart, a replay and a re-scoring come to the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray
from domain.identifiers import AssetId
from models.catalogue import Catalogue
from models.thresholds import MODES

__all__ = ["NO_VERDICTS", "PrecisionBook", "Verdict"]

# Share of alarms that is right before anybody judged one: of those raised on simulated fleets, nine in ten.
_PRIOR_PRECISION: Final = 0.9
# Verdicts that the priors are worth. A few dismissals are no proof against a class, one is felt on its asset.
_CLASS_PRIOR: Final = 8.0
_ASSET_PRIOR: Final = 2.0
# In natural logarithms of a likelihood ratio: a factor of fifty, about half of what an alarm takes by default.
_MOST_DOUBT: Final = 4.0

# Of a pair: dismissed and judged on the asset itself, and in its class.
NO_VERDICTS: Final = (0, 0, 0, 0)


class Verdict(msgspec.Struct, array_like=True, frozen=True):
    """What a person said of one alarm.

    Attributes
    ----------
    alarm : str
        Its name.
    at_ns : int
        Event time of its asset when that was said.
    is_current : bool
        False once the asset was repaired or its normal accepted: it tells of its class, not of the asset any more.
    """

    alarm: str
    organisation: str
    asset_type: str
    asset: AssetId
    mode: str
    at_ns: int
    is_right: bool
    is_current: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class PrecisionBook:
    """All verdicts, one for each alarm, in the order in which alarms were first judged; never changed in place."""

    verdicts: tuple[Verdict, ...] = ()
    _learnt: list[_Learnt] = field(default_factory=list, repr=False)

    def with_verdict(self, verdict: Verdict) -> PrecisionBook:
        """Add a verdict; a later one on the same alarm takes the place of the earlier."""
        if any(item.alarm == verdict.alarm for item in self.verdicts):
            return PrecisionBook(tuple(verdict if item.alarm == verdict.alarm else item for item in self.verdicts))
        return PrecisionBook((*self.verdicts, verdict))

    def renewed(self, asset: AssetId) -> PrecisionBook:
        """Leave an asset's own verdicts to its class: it is another structure from now on."""
        if all(item.asset != asset for item in self.verdicts):
            return self
        return PrecisionBook(
            tuple(
                msgspec.structs.replace(item, is_current=False) if item.asset == asset else item
                for item in self.verdicts
            )
        )

    def doubts(self, catalogue: Catalogue, day_end_ns: int) -> tuple[FloatArray, npt.NDArray[np.int32]]:
        """Say how much more evidence each pair's alarm takes, by the verdicts given before the end of a day.

        Returns
        -------
        doubt : float64[P]
            Natural logarithm, in [0, `_MOST_DOUBT`].
        counts : int32[P, 4]
            Alarms dismissed and judged on the asset, and in its class.
        """
        pairs = len(catalogue.pair_asset)
        doubt, counts = np.zeros(pairs), np.zeros((pairs, len(NO_VERDICTS)), np.int32)
        given = [item for item in self.verdicts if item.at_ns < day_end_ns]
        if not given:
            return doubt, counts
        learnt = self._whole() if len(given) == len(self.verdicts) else _Learnt(given)
        for pair in range(pairs):
            details = catalogue.details[catalogue.pair_asset[pair]]
            mode = MODES[catalogue.pair_mode[pair]]
            known = learnt.classes.get((details.organisation, details.type.value, mode))
            if known is not None:
                own = learnt.assets.get((details.id, mode), ())
                doubt[pair] = _doubt(_precision(known, own))
                counts[pair] = (own.count(False), len(own), known.dismissed, known.judged)
        return doubt, counts

    def _whole(self) -> _Learnt:
        """Give the learners of all verdicts, made once."""
        if not self._learnt:
            self._learnt.append(_Learnt(self.verdicts))
        return self._learnt[0]

    def encode(self) -> bytes:
        """Write it as MessagePack."""
        return msgspec.msgpack.encode(self.verdicts)

    @staticmethod
    def decode(data: bytes) -> PrecisionBook:
        """Read what `encode` wrote.

        Raises
        ------
        msgspec.MsgspecError
            If it is something else.
        """
        return PrecisionBook(msgspec.msgpack.decode(data, type=tuple[Verdict, ...]))


@dataclass(slots=True, eq=False)
class _Class:
    """What verdicts say of one class.

    Attributes
    ----------
    rate : river.proba.Beta
    lead : float
        How much better it foretold the verdicts than the prior did, as a difference of log likelihoods.
    """

    rate: Any
    dismissed: int = 0
    judged: int = 0
    lead: float = 0.0

    def learn(self, *, is_right: bool) -> None:
        """Foretell a verdict, then learn it."""
        foretold = _mean(self.rate) if is_right else 1.0 - _mean(self.rate)
        self.lead += math.log(foretold / (_PRIOR_PRECISION if is_right else 1.0 - _PRIOR_PRECISION))
        self.rate.update(is_right)
        self.judged += 1
        self.dismissed += not is_right


class _Learnt:
    """The learners as some verdicts left them, by class, and the current verdicts by asset and mode."""

    def __init__(self, verdicts: Sequence[Verdict]) -> None:
        self.classes: dict[tuple[str, str, str], _Class] = {}
        self.assets: dict[tuple[str, str], tuple[bool, ...]] = {}
        for item in verdicts:
            key = (item.organisation, item.asset_type, item.mode)
            if key not in self.classes:
                self.classes[key] = _Class(_beta(_PRIOR_PRECISION, _CLASS_PRIOR))
            self.classes[key].learn(is_right=item.is_right)
            if item.is_current:
                place = (item.asset, item.mode)
                self.assets[place] = (*self.assets.get(place, ()), item.is_right)


def _precision(known: _Class, own: tuple[bool, ...]) -> float:
    """Give the share of alarms that is right on an asset with some verdicts of its own."""
    others = _PRIOR_PRECISION
    if known.lead > 0.0:
        # Without the asset's own, which follow.
        right = known.rate.alpha - own.count(True)
        others = right / (right + known.rate.beta - own.count(False))
    rate = _beta(others, _ASSET_PRIOR)
    for is_right in own:
        rate.update(is_right)
    return _mean(rate)


def _doubt(precision: float) -> float:
    lost = math.log(_PRIOR_PRECISION / (1.0 - _PRIOR_PRECISION)) - math.log(precision / (1.0 - precision))
    return min(max(lost, 0.0), _MOST_DOUBT)


def _beta(mean: float, worth: float) -> Any:
    # It takes half a second to import, which only those wait for who have judged an alarm.
    from river import proba  # noqa: PLC0415 -- see above

    return proba.Beta(mean * worth, (1.0 - mean) * worth)  # type: ignore[arg-type]  # says int, takes any number


def _mean(rate: Any) -> float:
    return float(rate.alpha / (rate.alpha + rate.beta))
