"""The warmth of the neighbourhood, lent to structures without a thermometer of their own.

Weather is nearly the same over a region: the median of what structures with a thermometer felt on a day is near what
one without felt. How warmth moves such a structure's levels is then learnt like bends are (`models.bends`), beyond what
like structures do together; what is not known of it yet widens what the level may deviate by.

A day's warmth is kept, so that rows that come later meet the same.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import FloatArray
from models.catalogue import HOUR_NS
from models.day_tables import DayTables, table_as_of, with_table
from models.environment import climate_ns
from models.memory import ModelState

__all__ = ["lend_warmth", "with_warmth"]

_DAY_NS: Final = 24 * HOUR_NS
# One thermometer may be wrong, and of two nobody knows which.
_LEAST_LENDERS: Final = 3


def with_warmth(tables: DayTables, state: ModelState, day_end_ns: int) -> DayTables:
    """Give the tables with a day's median warmth among them: float64[1, 1] in °C, NaN where fewer than three say it.

    A day that is known stays as it is.
    """
    if day_end_ns in tables:
        return tables
    fresh = day_end_ns - climate_ns(state) < _DAY_NS
    felt = state.lagged[fresh, 0]
    felt = felt[np.isfinite(felt)]
    warmth = float(np.median(felt)) if len(felt) >= _LEAST_LENDERS else np.nan
    return with_table(tables, day_end_ns, np.array([[warmth]]))


def lend_warmth(tables: DayTables, own_degc: FloatArray, day_end_ns: int) -> FloatArray:
    """float64[A]: the warmth of each asset, its own where it has one; NaN where nobody lends any.

    Parameters
    ----------
    own_degc : float64[A]
        Remembered temperature; NaN where the asset has no thermometer.
    """
    table = table_as_of(tables, day_end_ns)
    lent = np.nan if table is None else float(table[0, 0])
    return np.where(np.isnan(own_degc), lent, own_degc)
