"""Reasons that point at single channels, for alarms and assessments alike."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import FloatArray, IndexArray, TimeArray
from domain.records import Reason
from models.axes import asset_rows
from models.catalogue import HOUR_NS, Catalogue
from models.deviation import in_unit
from models.drivers import AIR, DECK
from models.environment import climate_ns
from models.memory import ModelState
from models.thresholds import MODES

__all__ = ["channel_reason", "pair_reasons", "telling_channels", "temperature_of"]

_DIGITS: Final = 6
_DAY_NS: Final = 24 * HOUR_NS
# What like structures do is told from this share of the way to failure on.
_TELLING_SHARE: Final = 0.1


def telling_channels(catalogue: Catalogue, state: ModelState, pair: int) -> list[int]:
    """List the judged rows of a pair with a residual, most standard deviations towards harm first."""
    of_asset = asset_rows(catalogue, int(catalogue.pair_asset[pair]))["judged"]
    rows = np.arange(of_asset.start, of_asset.stop)
    rows = rows[(catalogue.pair_of_judged[rows] == pair) & np.isfinite(state.residual[rows])]
    score = _towards(catalogue, state, rows) / state.residual_sd[rows]
    return [int(row) for row in rows[np.argsort(-score, kind="stable")]]


def channel_reason(catalogue: Catalogue, state: ModelState, row: int, temperature_degc: float) -> Reason | None:
    """Say what a judged channel measured, what was normal, and how far its level is off.

    Parameters
    ----------
    row : int
        Row of a judged channel.
    temperature_degc : float
        Of its asset now; NaN where unknown.
    """
    numbers = (state.measured[row], state.expected[row], state.spread[row], state.residual[row])
    if not np.all(np.isfinite(numbers)):
        return None
    channel = int(catalogue.judged[row])
    key = catalogue.channels[channel]
    is_log = catalogue.is_log[[channel]]
    (expected,), (band,) = in_unit(is_log, state.expected[[row]], state.spread[[row]])
    (measured,), _ = in_unit(is_log, state.measured[[row]], state.spread[[row]])
    towards = float(_towards(catalogue, state, np.array([row]))[0])
    facts: dict[str, str | float | int] = {
        "sensor": key.sensor,
        "channel": key.channel,
        "measured": _rounded(float(measured)),
        "expected": _rounded(float(expected)),
        "band": _rounded(float(band)),
        "unit": catalogue.units[channel],
        "deviation_sd": round(towards / float(state.residual_sd[row]), 2),
        "severity": round(towards, 3),
    }
    if np.isfinite(temperature_degc):
        facts["temperature_degc"] = round(float(temperature_degc), 1)
    corrected = _corrected(catalogue, state, row)
    if corrected is not None:
        facts["expected_corrected"] = _rounded(corrected)
    return Reason("expected_vs_measured", facts)


def _corrected(catalogue: Catalogue, state: ModelState, row: int) -> float | None:
    """Give what a level is held against beside its like, in the channel's unit; None where they stay in place."""
    if not abs(state.shock[row]) >= _TELLING_SHARE:
        return None
    moved = float(state.shock[row] + state.bent[row] + state.placed[row])
    channel = catalogue.judged[[row]]
    sign = np.where(catalogue.direction[channel] < 0.0, -1.0, 1.0)
    level, _ = in_unit(
        catalogue.is_log[channel], state.expected[[row]] + sign * moved * state.distance[[row]], state.spread[[row]]
    )
    return float(level[0])


def pair_reasons(catalogue: Catalogue, state: ModelState, pair: int, temperature_degc: float) -> list[Reason]:
    """Say which channels of a pair tell of harm, at most two, whether quantities agree, and what people made of it."""
    mode = MODES[int(catalogue.pair_mode[pair])]
    rows = telling_channels(catalogue, state, pair)
    reasons = [channel_reason(catalogue, state, row, temperature_degc) for row in rows[:2]]
    agreeing = int(state.agreeing[pair])
    other = int(state.other_mode[pair]) - 1
    if other >= 0:
        reasons.append(Reason("modes_agree", {"mode": mode, "other_mode": MODES[other]}))
    elif agreeing > 1:
        reasons.append(Reason("quantities_agree", {"mode": mode, "quantities": agreeing}))
    elif agreeing == 1 and rows:
        key = catalogue.channels[int(catalogue.judged[rows[0]])]
        reasons.append(Reason("lone_quantity", {"mode": mode, "sensor": key.sensor, "channel": key.channel}))
    return [reason for reason in reasons if reason is not None] + _verdicts(catalogue, state, pair)


def _verdicts(catalogue: Catalogue, state: ModelState, pair: int) -> list[Reason]:
    """Say that people dismissed such alarms, here and on other assets of the type, where that takes more evidence."""
    if state.doubt[pair] <= 0.0:
        return []
    mode = MODES[int(catalogue.pair_mode[pair])]
    asset_type = catalogue.details[int(catalogue.pair_asset[pair])].type.value
    here_dismissed, here_judged, dismissed, judged = state.verdicts[pair].tolist()
    reasons = []
    if here_dismissed:
        facts: dict[str, str | float | int] = {"mode": mode, "dismissed": here_dismissed, "judged": here_judged}
        reasons.append(Reason("alarms_dismissed_here", facts))
    if judged > here_judged:
        facts = {"mode": mode, "asset_type": asset_type, "dismissed": dismissed, "judged": judged}
        reasons.append(Reason("alarms_dismissed", facts))
    return reasons


def temperature_of(state: ModelState, assets: int | slice | IndexArray, at_ns: int | TimeArray) -> FloatArray:
    """float64[...]: the temperature of the last day that explains each asset, in degrees Celsius; NaN for none.

    That of the air, or of the deck where no air was ever heard: neither stands in for the other while it is silent.

    Parameters
    ----------
    assets : int, slice or int[A]
    at_ns : int or int64[A]
        Event time of each.
    """
    value, spoke_ns = state.driver_value[assets], climate_ns(state, assets)
    fresh = (spoke_ns > 0) & (at_ns - spoke_ns <= _DAY_NS)
    has_air = state.driver_ns[assets][..., AIR] > 0
    return np.where(fresh, np.where(has_air, value[..., AIR], value[..., DECK]), np.nan)


def _towards(catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp]) -> FloatArray:
    """float64[R]: residuals towards harm, as shares of the failure level; both ways where either harms."""
    direction = catalogue.direction[catalogue.judged[rows]]
    residual = state.residual[rows]
    return np.where(direction == 0.0, np.abs(residual), residual)


def _rounded(value: float) -> float:
    """Round to six significant digits: an explanation, not a measurement."""
    return float(f"{value:.{_DIGITS}g}")
