"""One regression of remaining life on random Fourier features, and how much each feature of a course counts in it.

Random features of a Gaussian kernel see all directions alike: a feature that tells nothing adds as much to the
distance of two rows as one that tells all. So features are stretched by how much the answer moves with them, as a
pilot on the first units shows, which comes to a kernel of the data's own. The pilot sees stretched features itself the
next time; a few rounds are enough.

References
----------
A. Rahimi, B. Recht, Random features for large-scale kernel machines, NIPS 2007.
A. Radhakrishnan et al., Mechanism for feature learning in neural networks and backpropagation-free machine learning
models, Science 383 (2024), of which the diagonal of the mean outer product of gradients is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from scipy import linalg

from domain.arrays import FloatArray

__all__ = [
    "LifeExpert",
    "LifeUnit",
    "draw_expert",
    "factor_normal_equations",
    "learn_unit",
    "regress",
    "relevance",
    "solved",
]

_RANDOM_FEATURES: Final = 400
# Plain features get this share of the prior's standard deviation that random features have together.
_PLAIN_SHARE: Final = 0.2
# Noise variance over prior variance; a third or three times of it changes cross-validated errors by a per cent.
_RIDGE: Final = 0.03
_ROUNDS: Final = 2
# That all features count alike is believed like as many units, so that what the first ones do not show can be learned.
_ALIKE_UNITS: Final = 2.0


class LifeUnit(NamedTuple):
    """What is learned of one unit.

    Attributes
    ----------
    features : float64[N, S]
        Standardised.
    remaining : float64[N]
        True remaining life by row, in shares of the horizon, within [0, 1].
    """

    features: FloatArray
    remaining: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class LifeExpert:
    """One regression and what it has learned; `S` features it looks at, `D` random ones, `P = D + S + 1` regressors.

    Attributes
    ----------
    frequency : float64[S, D]
        Random directions, over a prefix of the features.
    phase : float64[D]
        In radians.
    gram : float64[P, P]
        Sum of outer products of regressors over the rows learned.
    moment : float64[P]
        Sum of regressors times remaining life.
    coefficient : float64[P]
        Solution of the normal equations, in shares of the horizon.
    loss : float
        Sum over predicted units of the mean squared error, in squared shares of the horizon.
    """

    frequency: FloatArray
    phase: FloatArray
    gram: FloatArray
    moment: FloatArray
    coefficient: FloatArray
    loss: float


def draw_expert(features: int, width: float, generator: np.random.Generator) -> LifeExpert:
    """Draw the random features of an expert that has learned nothing.

    Parameters
    ----------
    features : int
        How many features it looks at, the first of those there are.
    width : float
        Of the kernel, positive, in standard deviations of the features together.
    generator : numpy.random.Generator
        Source of the directions.
    """
    size = _RANDOM_FEATURES + features + 1
    return LifeExpert(
        frequency=generator.normal(size=(features, _RANDOM_FEATURES)) / (width * np.sqrt(features)),
        phase=generator.uniform(0.0, 2.0 * np.pi, size=_RANDOM_FEATURES),
        gram=np.zeros((size, size)),
        moment=np.zeros(size),
        coefficient=np.zeros(size),
        loss=0.0,
    )


def regress(expert: LifeExpert, features: FloatArray) -> FloatArray:
    """Give the regressors of each row: random features of unit norm together, plain features, and one.

    Parameters
    ----------
    features : float64[N, F]
        At least the `S` that the expert looks at.

    Returns
    -------
    float64[N, P]
    """
    seen = features[:, : len(expert.frequency)]
    waves = np.cos(seen @ expert.frequency + expert.phase) * np.sqrt(2.0 / _RANDOM_FEATURES)
    return np.concatenate([waves, seen * _PLAIN_SHARE, np.ones((len(seen), 1))], axis=1)


def learn_unit(expert: LifeExpert, regressors: FloatArray, remaining: FloatArray) -> LifeExpert:
    """Add the rows of one unit, float64[N, P] and float64[N], to the normal equations, and solve them."""
    return solved(_with_rows(expert, regressors, remaining))


def factor_normal_equations(gram: FloatArray) -> FloatArray:
    """Lower Cholesky factor of a Gram matrix, float64[P, P], with the prior on its diagonal."""
    return np.asarray(linalg.cholesky(gram + _RIDGE * np.eye(len(gram)), lower=True, check_finite=False), np.float64)


def solved(expert: LifeExpert) -> LifeExpert:
    """Give the expert with the coefficients that its normal equations have."""
    found = linalg.cho_solve((factor_normal_equations(expert.gram), True), expert.moment, check_finite=False)
    return replace(expert, coefficient=np.asarray(found, np.float64))


def relevance(pilot: LifeExpert, units: Sequence[LifeUnit]) -> FloatArray:
    """How far each feature should be stretched, by how much remaining life moves with it.

    Parameters
    ----------
    pilot : LifeExpert
        One that has learned nothing; it is not changed.
    units : sequence of LifeUnit
        What it may learn from.

    Returns
    -------
    float64[S]
        Positive, with a mean square of one; ones where the units show nothing.
    """
    stretch = np.ones(len(pilot.frequency))
    alike = _ALIKE_UNITS / (_ALIKE_UNITS + len(units))
    for _ in range(_ROUNDS):
        taught = replace(pilot, frequency=pilot.frequency * stretch[:, np.newaxis])
        for unit in units:
            taught = _with_rows(taught, regress(taught, unit.features), unit.remaining)
        taught = solved(taught)
        square = sum((np.sum(_slopes(taught, unit.features) ** 2, axis=0) for unit in units), np.zeros(len(stretch)))
        size = np.sqrt(square)
        if not np.any(size > 0.0):
            return np.ones(len(stretch))
        stretch = np.sqrt((1.0 - alike) * size / size.mean() + alike)
    return stretch


def _with_rows(expert: LifeExpert, regressors: FloatArray, remaining: FloatArray) -> LifeExpert:
    """Add rows to the normal equations, which are not solved yet."""
    return replace(expert, gram=expert.gram + regressors.T @ regressors, moment=expert.moment + remaining @ regressors)


def _slopes(expert: LifeExpert, features: FloatArray) -> FloatArray:
    """Gradient of what the expert says in each row in which the horizon does not cut it, float64[M, S]."""
    count = len(expert.phase)
    said = regress(expert, features) @ expert.coefficient
    inside = features[(said > 0.0) & (said < 1.0), : len(expert.frequency)]
    waves = -np.sin(inside @ expert.frequency + expert.phase) * np.sqrt(2.0 / count) * expert.coefficient[:count]
    slope: FloatArray = waves @ expert.frequency.T + _PLAIN_SHARE * expert.coefficient[count:-1]
    return slope
