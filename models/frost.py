"""Where a channel's answer to warmth bends: near freezing, at a temperature that each channel finds.

Asphalt, bearings and ground stiffen when they freeze, which is seldom when a thermometer says 0 °C. So the place of
the bend is a coefficient of the baseline like the others (`models.baseline`): the slope of the frost regressor by the
place, times the effect of frost, says how an error of the place shows, and the Kalman filter moves the place by it
(an extended one of the second order: A. Gelb, Applied Optimal Estimation, 1974, chapter 6; one of the first order came
to be sure of frost that had no effect). A channel that met no frost stays at freezing.

The reference is looked at again with today's place, so what commissioning met is kept for a ladder of places, and the
regressor is interpolated between them: then and now are the same function.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from domain.arrays import FloatArray

__all__ = ["FROST_PLACES_DEGC", "PLACE_SD_K", "Frost", "below_places", "frost_at"]

# So far from freezing a bend is looked for, and how far from there it lies as a rule.
FROST_PLACES_DEGC: Final = np.arange(-8.0, 9.0, 2.0)
PLACE_SD_K: Final = 3.0
_USUAL_K: Final = 5.0
# The bend is round over so much on either side: nothing freezes at once, and a bend a little off is felt there.
_SOFT_K: Final = 3.0


class Frost(NamedTuple):
    """The frost regressor of some channels, float64[R] each: value, and slope by the place of the bend in 1/K."""

    value: FloatArray
    slope: FloatArray


def below_places(degc: FloatArray) -> FloatArray:
    """float64[R, P]: how far a temperature is below each place, not positive, in regressor units."""
    under = np.maximum(_SOFT_K - (degc[:, np.newaxis] - FROST_PLACES_DEGC), 0.0)
    round_part = np.minimum(under, 2.0 * _SOFT_K)
    return np.asarray((under - round_part + round_part * round_part / (4.0 * _SOFT_K)) / -_USUAL_K)


def frost_at(below: FloatArray, place_degc: FloatArray) -> Frost:
    """Give the frost regressor for a bend at a place.

    Parameters
    ----------
    below : float64[R, P]
        From `below_places`, or a mean of it.
    place_degc : float64[R]
        Taken for the nearest end of the ladder where it lies beyond.

    Examples
    --------
    >>> frost_at(below_places(np.array([-5.0, 12.0])), np.array([1.0, 1.0])).value.tolist()
    [-1.2, 0.0]
    """
    pitch = FROST_PLACES_DEGC[1] - FROST_PLACES_DEGC[0]
    along = np.clip((place_degc - FROST_PLACES_DEGC[0]) / pitch, 0.0, len(FROST_PLACES_DEGC) - 1.0)
    left = np.minimum(along.astype(np.intp), len(FROST_PLACES_DEGC) - 2)
    rows = np.arange(len(left))
    step = below[rows, left + 1] - below[rows, left]
    return Frost(below[rows, left] + (along - left) * step, step / pitch)
