"""Channels with the same regressors, to be worked on together.

An effect of weather that an asset never heard of is nought, and nothing is known of how it hangs together with the
others: it may be left out or carried along, which changes no number to the bit (`models.columns` adds one after the
other). So many channels are worked on with the regressors that their assets have met, four of twelve where there is a
thermometer alone, so that a covariance has sixteen entries for 144; few are worked on with those that any of them has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, IndexArray
from models.columns import places_of

__all__ = ["Group", "groups_of"]

# Covariances of so many entries, and what is made of them, fit in a core's own cache.
_ENTRIES_AT_ONCE: Final = 45_000
_MOST_ROWS: Final = 1_024
# Fewer channels are not worth working on by themselves.
_FEWEST: Final = 128


class Group(NamedTuple):
    """Some channels of a batch, and the regressors that they have.

    Attributes
    ----------
    some : intp[G]
        Their positions in the batch, ascending.
    met : tuple of int
        Positions in `models.layout.REGRESSORS` that any of them has met, ascending; the level, 0, is always there.
    """

    some: npt.NDArray[np.intp]
    met: tuple[int, ...]

    @property
    def places(self) -> IndexArray:
        """int32[K]: the same positions, to choose columns by."""
        return np.asarray(self.met, np.int32)

    @property
    def effects(self) -> IndexArray:
        """int32[K - 1]: positions of the regressors among those without the level."""
        return self.places[1:] - 1

    @property
    def entries(self) -> IndexArray:
        """int32[K (K + 1) / 2]: where their covariance lies in that of all regressors."""
        return places_of(self.met)


def groups_of(met: BoolArray) -> Iterator[Group]:
    """Sort channels by what they have met.

    Parameters
    ----------
    met : bool[R, K]
        The first column is True.

    Yields
    ------
    Group
        Each channel is in one of them; none is too large for a core's own cache.

    Examples
    --------
    >>> met = np.array([[True, False], [True, True], [True, False]])
    >>> [(group.some.tolist(), group.met) for group in groups_of(met)]
    [([0, 1, 2], (0, 1))]
    """
    codes = met @ (1 << np.arange(met.shape[1]))
    for code, places in _parts(codes):
        chosen = tuple(place for place in range(met.shape[1]) if code >> place & 1)
        most = min(_ENTRIES_AT_ONCE // len(chosen) ** 2, _MOST_ROWS)
        for begin in range(0, len(places), most):
            yield Group(places[begin : begin + most], chosen)


def _parts(codes: npt.NDArray[np.int64]) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Give what each part has met, as bits, and the positions of its channels."""
    if not len(codes):
        return
    if len(codes) < _FEWEST or (codes == codes[0]).all():
        yield int(np.bitwise_or.reduce(codes)), np.arange(len(codes))
        return
    found, counts = np.unique(codes, return_counts=True)
    alone = found[counts >= _FEWEST]
    for code in alone.tolist():
        yield code, np.flatnonzero(codes == code)
    few = np.flatnonzero(~np.isin(codes, alone))
    if len(few):
        yield int(np.bitwise_or.reduce(codes[few])), few
