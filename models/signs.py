"""What the reasons of all assets need, collected in one go for an assessment.

Most assets have nothing to tell of but that all is as expected. To look at the columns of each by itself took longer
than to compute their risk.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, IndexArray, TimeArray
from domain.measurements import DataQuality
from models.axes import count_flags
from models.catalogue import Catalogue
from models.environment import climate_ns
from models.evidence import alarm_severity, alarm_threshold
from models.explanation import temperature_of
from models.faults import is_silent, is_stuck
from models.grades import QUALITIES, channel_grades
from models.long_works import is_judged_under_works
from models.lost_sensitivity import is_lost
from models.memory import ModelState
from models.opposed import is_drifting

__all__ = ["Signs", "collect_signs"]


@dataclass(frozen=True, slots=True, eq=False)
class Signs:
    """What may be told of each asset.

    Attributes
    ----------
    silent, stuck, lost, drifting, held : bool[C]
        Channels in trouble; the last three have lost their sensitivity, are of a sensor whose quantities oppose each
        other (`models.opposed`), and are condition indicators whose values do not count for another reason
        (`models.grades`).
    threshold, alarm_severity : float64[P]
        Evidence that an alarm takes, and from what share of the way to failure on it is raised.
    is_troubled : bool[A]
        A channel is silent or stuck, has lost its sensitivity, drifts, or is held.
    is_alarmed : bool[A]
        An alarm of condition stands.
    judged, known, settling : int32[A]
        Condition indicators: all of them, those that are commissioned, and those whose level is taken anew after works.
    is_silent : bool[A]
        All condition indicators are silent, or there is none.
    heard_ns : int64[A]
        Newest value of a condition indicator; 0 for none.
    works : dict of int to str
        Kind of the works that last on a whole structure, of assets that have some.
    sensor_works : dict of int to list of (str, str)
        Sensors on which others last, with their kind, in order of the register.
    is_judged_under_works : bool[A]
        They last for so long that what they do by themselves is known (`models.long_works`).
    temperature_degc : float64[A]
        Of the last day; NaN where unknown.
    met_ns : int64[A]
        Newest temperature, of air or deck; 0 for none.
    learning : dict of int to (int, int, int)
        Of assets some of whose condition indicators are not commissioned: how many, and the values that came and that
        are needed, of the one that is nearest.
    is_changed : bool[A]
        A natural frequency is stated to have changed (`models.frequency_changes`).
    """

    silent: BoolArray
    stuck: BoolArray
    lost: BoolArray
    drifting: BoolArray
    held: BoolArray
    threshold: FloatArray
    alarm_severity: FloatArray
    is_troubled: BoolArray
    is_alarmed: BoolArray
    judged: IndexArray
    known: IndexArray
    settling: IndexArray
    is_silent: BoolArray
    heard_ns: TimeArray
    works: dict[int, str]
    sensor_works: dict[int, list[tuple[str, str]]]
    is_judged_under_works: BoolArray
    temperature_degc: FloatArray
    met_ns: TimeArray
    learning: dict[int, tuple[int, int, int]]
    is_changed: BoolArray


def collect_signs(catalogue: Catalogue, state: ModelState, at_ns: TimeArray) -> Signs:
    """Collect what may be told of each asset.

    Parameters
    ----------
    at_ns : int64[A]
        Event time of the assessment.
    """
    silent, stuck = is_silent(catalogue, state, at_ns), is_stuck(catalogue, state)
    of_judged, judged = catalogue.asset_of_judged, catalogue.judged
    lost = np.zeros(len(catalogue.channels), np.bool_)
    lost[judged] = is_lost(catalogue, state)
    drifting = np.zeros(len(catalogue.channels), np.bool_)
    drifting[judged] = is_drifting(catalogue, state)
    held = np.zeros(len(catalogue.channels), np.bool_)
    held[judged] = channel_grades(catalogue, state, judged) == QUALITIES.index(DataQuality.LOW)
    held &= ~(silent | stuck | lost | drifting)
    count = np.diff(catalogue.first_judged)
    heard_ns = np.zeros(len(catalogue.assets), np.int64)
    np.maximum.at(heard_ns, of_judged, state.heard_ns[judged])
    works = catalogue.works_asset
    lasting = np.flatnonzero((catalogue.works_start_ns < at_ns[works]) & (at_ns[works] <= catalogue.works_end_ns))
    whole = lasting[catalogue.works_sensor[lasting] < 0]
    return Signs(
        silent=silent,
        stuck=stuck,
        lost=lost,
        drifting=drifting,
        held=held,
        threshold=alarm_threshold(catalogue, state.doubt),
        alarm_severity=alarm_severity(catalogue, state.is_agreed),
        is_troubled=count_flags(catalogue, catalogue.asset_of_channel, silent | stuck | lost | drifting | held) > 0,
        is_alarmed=count_flags(catalogue, catalogue.pair_asset, state.raised_ns > 0) > 0,
        judged=count,
        known=count_flags(catalogue, of_judged, np.isfinite(state.deviation)),
        settling=count_flags(catalogue, of_judged, state.settle > 0),
        is_silent=count_flags(catalogue, of_judged, silent[judged]) == count,
        heard_ns=heard_ns,
        # The first of several.
        works={int(works[row]): catalogue.works[row].kind for row in whole[::-1].tolist()},
        sensor_works=_sensor_works(catalogue, np.setdiff1d(lasting, whole)),
        is_judged_under_works=is_judged_under_works(catalogue, state, at_ns, whole),
        temperature_degc=temperature_of(state, slice(None), at_ns),
        met_ns=climate_ns(state),
        learning=_learning(catalogue, state),
        is_changed=count_flags(catalogue, catalogue.asset_of_frequency, state.change_ns > 0) > 0,
    )


def _sensor_works(catalogue: Catalogue, lasting: npt.NDArray[np.intp]) -> dict[int, list[tuple[str, str]]]:
    """Name the sensors of each asset on which works last, and the first of these that the register has."""
    found: dict[int, dict[str, str]] = {}
    for row in lasting.tolist():
        works = catalogue.works[row]
        found.setdefault(int(catalogue.works_asset[row]), {}).setdefault(str(works.sensor), works.kind)
    return {asset: list(kinds.items()) for asset, kinds in found.items()}


def _learning(catalogue: Catalogue, state: ModelState) -> dict[int, tuple[int, int, int]]:
    """Say of each asset that has them how many indicators are learning, and how far the nearest is."""
    rows = np.flatnonzero(~np.isfinite(state.deviation))
    asset, count = catalogue.asset_of_judged[rows], state.count[rows]
    needed = catalogue.commission_count[catalogue.judged[rows]]
    # The first of those that are equally near.
    order = np.lexsort((-count / needed, asset))
    assets, first, channels = np.unique(asset, return_index=True, return_counts=True)
    nearest = order[first]
    found = zip(channels.tolist(), count[nearest].astype(int).tolist(), needed[nearest].tolist(), strict=True)
    return dict(zip(assets.tolist(), found, strict=True))
