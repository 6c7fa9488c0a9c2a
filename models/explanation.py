"""Reasons that point at single channels, for alarms and assessments alike."""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.records import Reason
from models.catalogue import Catalogue
from models.deviation import harm, in_unit
from models.memory import ModelState, asset_rows
from models.thresholds import MODES

__all__ = ["channel_reason", "pair_reasons", "telling_channels"]

_DIGITS: Final = 6


def telling_channels(catalogue: Catalogue, state: ModelState, pair: int) -> list[int]:
    """List the judged rows of a pair with a deviation, most standard deviations towards harm first."""
    of_asset = asset_rows(catalogue, int(catalogue.pair_asset[pair]))["judged"]
    rows = np.arange(of_asset.start, of_asset.stop)
    rows = rows[(catalogue.pair_of_judged[rows] == pair) & np.isfinite(state.deviation[rows])]
    score = harm(catalogue, state.deviation[rows], rows) / state.deviation_sd[rows]
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
    numbers = (state.measured[row], state.expected[row], state.spread[row], state.deviation[row])
    if not np.all(np.isfinite(numbers)):
        return None
    channel = int(catalogue.judged[row])
    key = catalogue.channels[channel]
    is_log = catalogue.is_log[[channel]]
    (expected,), (band,) = in_unit(is_log, state.expected[[row]], state.spread[[row]])
    (measured,), _ = in_unit(is_log, state.measured[[row]], state.spread[[row]])
    towards = float(harm(catalogue, state.deviation[[row]], np.array([row]))[0])
    facts: dict[str, str | float | int] = {
        "sensor": key.sensor,
        "channel": key.channel,
        "measured": _rounded(float(measured)),
        "expected": _rounded(float(expected)),
        "band": _rounded(float(band)),
        "unit": catalogue.units[channel],
        "deviation_sd": round(towards / float(state.deviation_sd[row]), 2),
        "severity": round(towards / float(state.distance[row]), 3),
    }
    if np.isfinite(temperature_degc):
        facts["temperature_degc"] = round(float(temperature_degc), 1)
    return Reason("expected_vs_measured", facts)


def pair_reasons(catalogue: Catalogue, state: ModelState, pair: int, temperature_degc: float) -> list[Reason]:
    """Say which channels of a pair tell of harm, at most two, and whether different quantities agree."""
    mode = MODES[int(catalogue.pair_mode[pair])]
    rows = telling_channels(catalogue, state, pair)
    reasons = [channel_reason(catalogue, state, row, temperature_degc) for row in rows[:2]]
    agreeing = int(state.agreeing[pair])
    if agreeing > 1:
        reasons.append(Reason("quantities_agree", {"mode": mode, "quantities": agreeing}))
    elif agreeing == 1 and rows:
        key = catalogue.channels[int(catalogue.judged[rows[0]])]
        reasons.append(Reason("lone_quantity", {"mode": mode, "sensor": key.sensor, "channel": key.channel}))
    return [reason for reason in reasons if reason is not None]


def _rounded(value: float) -> float:
    """Round to six significant digits: an explanation, not a measurement."""
    return float(f"{value:.{_DIGITS}g}")
