"""What a value may be off by where its unit was mistaken, for every unit that is known, as one table.

The factors of any quantity come first (`domain.units.GENERAL_FACTORS`), then those of the unit's own, and last a sign
that turned, as of a tilt meter mounted the other way round. Each unit has a row, and the first is that of all others.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import FloatArray
from domain.units import GENERAL_FACTORS, KNOWN_UNITS, mistaken_factors

__all__ = ["FACTORS", "LOG_FACTORS", "MISTAKEN_OF", "OF_ANY", "TURNED"]

# The factor of a sign that turned, and how many there are of any quantity.
TURNED: Final = -1.0
OF_ANY: Final = len(GENERAL_FACTORS)

# Row of each unit, in its one spelling.
MISTAKEN_OF: Final = {unit: row for row, unit in enumerate(KNOWN_UNITS, start=1)}


def _table() -> FloatArray:
    of_unit = [(), *(mistaken_factors(unit) for unit in KNOWN_UNITS)]
    table = np.full((len(of_unit), OF_ANY + max(map(len, of_unit)) + 1), np.inf)
    table[:, :OF_ANY], table[:, -1] = GENERAL_FACTORS, TURNED
    for row, factors in enumerate(of_unit):
        table[row, OF_ANY : OF_ANY + len(factors)] = factors
    return table


# float64[U, F] both: infinite where a unit has fewer factors than most, and where there is no logarithm.
FACTORS: Final = _table()
LOG_FACTORS: Final = np.log(np.where(FACTORS > 0.0, FACTORS, np.inf))
