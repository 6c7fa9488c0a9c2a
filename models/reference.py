"""What commissioning measured, by today's effects of the environment.

The reference of a condition indicator is not one number: it is kept as `models.layout.BLOCKS` sums of values and of
regressors, so that it can be told again each time the effects are known better, and so that its own wandering can be
measured.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray
from models.catalogue import Catalogue
from models.columns import dot, gather, total
from models.layout import BLOCKS, REGRESSORS
from models.memory import ModelState
from models.regressor_groups import Group

__all__ = ["APART", "Reference", "reference_of"]

# Blocks that are compared lie so many apart.
APART: Final = 2

_EVERY_BLOCK: Final = np.arange(BLOCKS, dtype=np.int32)


class Reference(NamedTuple):
    """What commissioning says of some channels by today's effects.

    Attributes
    ----------
    usual : float64[K - 1, R]
        Mean regressors of commissioning, without the level; zeros before it began.
    level : float64[R]
        Mean of the blocks without the environment, in the model's unit.
    apart : float64[R]
        Sum of the squared distances of the blocks from that mean.
    restless : float64[R]
        The same from the mean of every second block. Of hourly values two blocks are a day, so that what day and night
        differ by, which nothing may explain where no traffic is counted, is no wandering.
    steps : float64[R]
        Sum of the squared differences between each block and the one after the next.
    """

    usual: FloatArray
    level: FloatArray
    apart: FloatArray
    restless: FloatArray
    steps: FloatArray


def reference_of(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], group: Group) -> Reference:
    """Tell the reference of the judged channels of one group.

    Parameters
    ----------
    rows : intp[R]
        Rows of these judged channels.
    group : Group
        With the `K` regressors that they have met.
    """
    effects = group.effects
    places = (_EVERY_BLOCK[:, np.newaxis] * (len(REGRESSORS) - 1) + effects).reshape(-1)
    table = state.block_regressors.reshape(len(state.block_regressors), -1)
    sums = gather(table, rows, places).reshape(BLOCKS, len(effects), len(rows))
    effect = dot(sums.swapaxes(0, 1), gather(state.coefficients, rows, effects + 1))
    per_block = catalogue.commission_count[catalogue.judged[rows]] // BLOCKS
    residual = (gather(state.block_value, rows, _EVERY_BLOCK) - effect) / per_block
    level = total(residual) / BLOCKS
    centred, steps = residual - level, residual[APART:] - residual[:-APART]
    own_mean = np.concatenate([total(residual[first::APART])[np.newaxis] for first in range(APART)]) / (BLOCKS / APART)
    restless = residual - np.tile(own_mean, (BLOCKS // APART, 1))
    usual = total(sums) / np.maximum(state.count[rows], 1)
    return Reference(usual, level, total(centred * centred), total(restless * restless), total(steps * steps))
