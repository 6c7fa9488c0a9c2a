"""The six axes of a catalogue, along which all is remembered.

They are assets, channels, judged ones, of these the frequencies and what traffic shakes, and pairs.

Every axis is sorted by asset, so that the rows of one asset stand side by side on each. A row's key outlives the
catalogue: an asset's identifier, a channel's number in the journal, and for a pair the asset with the name of its
failure mode.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, IndexArray
from models.catalogue import Catalogue, check_positions
from models.thresholds import MODES

__all__ = ["AXES", "asset_rows", "axis_keys", "axis_length", "axis_rows", "count_flags"]

AXES: Final = ("asset", "channel", "judged", "pair", "frequency", "shaken")


def axis_length(catalogue: Catalogue, axis: str) -> int:
    """Count the rows of one axis."""
    return {
        "asset": len(catalogue.assets),
        "channel": len(catalogue.channels),
        "judged": len(catalogue.judged),
        "pair": len(catalogue.pair_asset),
        "frequency": len(catalogue.frequency),
        "shaken": len(catalogue.shaken),
    }[axis]


def axis_rows(catalogue: Catalogue, assets: npt.NDArray[Any]) -> dict[str, npt.NDArray[np.intp]]:
    """Find the rows of some assets on every axis, in the catalogue's order.

    Parameters
    ----------
    assets : int32[B]
        Positions, strictly ascending.

    Raises
    ------
    ShapeError
        If they do not ascend or lie outside the catalogue.
    """
    assets = check_positions(assets, len(catalogue.assets))
    chosen = np.zeros(len(catalogue.assets), np.bool_)
    chosen[assets] = True
    return {
        "asset": np.flatnonzero(chosen),
        "channel": np.flatnonzero(chosen[catalogue.asset_of_channel]),
        "judged": np.flatnonzero(chosen[catalogue.asset_of_judged]),
        "pair": np.flatnonzero(chosen[catalogue.pair_asset]),
        "frequency": np.flatnonzero(chosen[catalogue.asset_of_frequency]),
        "shaken": np.flatnonzero(chosen[catalogue.asset_of_shaken]),
    }


def asset_rows(catalogue: Catalogue, asset: int) -> dict[str, slice]:
    """Find the rows of one asset on every axis: side by side, see the module."""
    edges = {
        "channel": catalogue.first_channel,
        "judged": catalogue.first_judged,
        "pair": catalogue.first_pair,
        "frequency": catalogue.first_frequency,
        "shaken": catalogue.first_shaken,
    }
    rows = {axis: slice(int(first[asset]), int(first[asset + 1])) for axis, first in edges.items()}
    return {"asset": slice(asset, asset + 1), **rows}


def count_flags(catalogue: Catalogue, asset_of_row: npt.NDArray[Any], flags: BoolArray) -> IndexArray:
    """int32[A]: how many rows of each asset have a flag, bool[R], by `asset_of_row`, int[R]."""
    return np.bincount(asset_of_row[flags], minlength=len(catalogue.assets)).astype(np.int32)


def place_in_group(group: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """intp[N]: how many rows of the same group come before each; rows of a group stand side by side, in its order.

    Examples
    --------
    >>> place_in_group(np.array([0, 0, 3, 7, 7, 7])).tolist()
    [0, 1, 0, 0, 1, 2]
    """
    return np.arange(len(group)) - np.searchsorted(group, group)


def axis_keys(catalogue: Catalogue, axis: str, rows: slice = slice(None)) -> list[Any]:
    """List the lasting keys of some rows of one axis, see the module.

    The key of a judged channel, also of a frequency and of what is shaken, includes whether its logarithm is kept,
    which is another quantity than its value.
    """
    if axis == "asset":
        return list(catalogue.assets[rows])
    if axis == "pair":
        places, modes = catalogue.pair_asset[rows].tolist(), catalogue.pair_mode[rows].tolist()
        return [(catalogue.assets[asset], MODES[mode]) for asset, mode in zip(places, modes, strict=True)]
    if axis == "channel":
        return list(catalogue.channel_number[rows].tolist())
    some = {"frequency": catalogue.frequency, "shaken": catalogue.shaken}
    judged = catalogue.judged[some[axis][rows] if axis in some else rows]
    return list(zip(catalogue.channel_number[judged].tolist(), catalogue.is_log[judged].tolist(), strict=True))
