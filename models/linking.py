"""Which rows of the catalogue belong together: positions that follow from what each channel is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, IndexArray
from models.drivers import AIR, DECK, DRIVERS, HUMIDITY, LOAD, PACE
from models.thresholds import GROUP_SPAN, MODES

__all__ = ["any_of", "links", "machines"]


def links(
    assets: int,
    asset_of_channel: IndexArray,
    mode: npt.NDArray[np.int8],
    group: npt.NDArray[np.int16],
    is_frequency: BoolArray,
    has_own_hours: BoolArray,
    driver: npt.NDArray[np.int8],
) -> dict[str, Any]:
    """Derive the positions that follow from the channels' assets, modes, groups and drivers.

    Parameters
    ----------
    assets : int
        How many there are.
    asset_of_channel, mode, group, is_frequency, has_own_hours, driver : arrays[C]
        As `Catalogue` has them.

    Returns
    -------
    dict of str to array
        Fields of `Catalogue` by name.
    """
    judged = np.flatnonzero(mode >= 0)
    asset = asset_of_channel[judged].astype(np.int64)
    frequency, shaken = np.flatnonzero(is_frequency[judged]), np.flatnonzero(has_own_hours[judged])
    pair_key = asset * len(MODES) + mode[judged]
    pairs, pair_of_judged = np.unique(pair_key, return_inverse=True)
    witness_key = pair_of_judged.astype(np.int64) * GROUP_SPAN + group[judged]
    witnesses, witness_of_judged = np.unique(witness_key, return_inverse=True)
    pair_of_witness = witnesses // GROUP_SPAN
    first_witness = np.searchsorted(pair_of_witness, np.arange(len(pairs)))
    pair_asset = pairs // len(MODES)
    explaining = np.flatnonzero(driver >= 0)
    carries = np.zeros((assets, len(DRIVERS)), np.bool_)
    carries[asset_of_channel[explaining], driver[explaining]] = True
    warmth = np.where(carries[:, DECK], DECK, np.where(carries[:, AIR], AIR, -1))
    damp = np.where(carries[:, HUMIDITY], HUMIDITY, -1)
    index = {
        "first_channel": np.searchsorted(asset_of_channel, np.arange(assets + 1)),
        "first_judged": np.searchsorted(asset, np.arange(assets + 1)),
        "first_pair": np.searchsorted(pair_asset, np.arange(assets + 1)),
        "first_frequency": np.searchsorted(asset[frequency], np.arange(assets + 1)),
        "first_shaken": np.searchsorted(asset[shaken], np.arange(assets + 1)),
        "judged": judged,
        "asset_of_judged": asset,
        "pair_of_judged": pair_of_judged,
        "witness_of_judged": witness_of_judged,
        "frequency": frequency,
        "asset_of_frequency": asset[frequency],
        "shaken": shaken,
        "asset_of_shaken": asset[shaken],
        "warmth_of_frequency": warmth[asset[frequency]],
        "damp_of_frequency": damp[asset[frequency]],
        "pair_asset": pair_asset,
        "pair_mode": pairs % len(MODES),
        "pairs_of_asset": np.bincount(pair_asset, minlength=assets),
        "pair_of_witness": pair_of_witness,
        "rank_of_witness": np.arange(len(witnesses)) - first_witness[pair_of_witness],
    }
    return {name: values.astype(np.int32) for name, values in index.items()}


def machines(columns: Mapping[str, Any], sensor_of_channel: IndexArray, asset_of_channel: IndexArray) -> dict[str, Any]:
    """Find for each judged channel what says how hard the machine works that it is on.

    Parameters
    ----------
    columns : mapping of str to arrays[C]
        `mode`, `driver`, `is_duty`, `on_machine` and `counts_openings`, as `Catalogue` has them.
    sensor_of_channel, asset_of_channel : int32[C]

    Returns
    -------
    dict of str to int32[J]
        The fields `pace_of_judged` and `duty_of_judged` of `Catalogue`: a channel's row, or -1.
    """
    judged = np.flatnonzero(columns["mode"] >= 0)
    counts = np.flatnonzero(columns["counts_openings"])
    own = _first_of(sensor_of_channel, counts)[judged]
    duty = np.where(own >= 0, own, _first_of(asset_of_channel, counts)[judged])
    is_driven_over = any_of(asset_of_channel, (columns["driver"] == LOAD) & ~columns["is_duty"])
    has_duty = (columns["on_machine"] & is_driven_over)[judged]
    paces = np.flatnonzero(columns["driver"] == PACE)
    return {
        "pace_of_judged": _first_of(sensor_of_channel, paces)[judged],
        "duty_of_judged": np.where(has_duty, duty, -1).astype(np.int32),
    }


def _first_of(place: IndexArray, rows: npt.NDArray[np.intp]) -> IndexArray:
    """int32[C]: the first of some channels, ascending, of each channel's sensor or asset, by its place; -1 for none."""
    first = np.full(len(place), -1, np.int32)
    first[place[rows[::-1]]] = rows[::-1]
    return first[place]


def any_of(place: IndexArray, chosen: BoolArray) -> BoolArray:
    """bool[R]: tell of each channel whether one of its sensor or asset, as places say, is chosen, bool[R]."""
    return np.asarray(np.bincount(place, weights=chosen, minlength=len(chosen))[place] > 0)
