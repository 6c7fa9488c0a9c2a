"""The columns of the models' memory: along which axis each runs, its type, its shape and what it starts with.

The axes are those of the catalogue (`asset`, `channel`, `judged`, `frequency`, `shaken` or `pair`, see `models.axes`).
What the columns mean is said in `models.memory.ModelState`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from models.drivers import DRIVERS
from models.triangles import triangle_length

__all__ = [
    "AIR_LAGGED",
    "AIR_NOW",
    "BENDS",
    "BLOCKS",
    "COLUMNS",
    "DAY_HOURS",
    "DAY_SUMS",
    "FLEET_COLUMNS",
    "FROST",
    "LAGGED",
    "LAYOUT",
    "LEVEL_VARIANCE",
    "LOAD_HOURS",
    "PAST_DAYS",
    "REGRESSORS",
    "Layout",
    "axis_of",
]

# What the level is explained with, in units of a usual change: see `models.environment`.
REGRESSORS: Final[tuple[str, ...]] = (
    "level",
    "air_now",
    "air_lagged",
    "frost",
    "humidity_lagged",
    "sun",
    "load",
    "load_lagged",
    "idle",
    "pace",
    "wind",
    "rain_lagged",
)
# Places of those that more than one module asks for.
AIR_NOW, AIR_LAGGED, FROST = (REGRESSORS.index(name) for name in ("air_now", "air_lagged", "frost"))
# Where a covariance of them, kept as a triangle, has the variance of the level.
LEVEL_VARIANCE: Final = 0
# Commissioning is kept as this many means of equal length, so that its own wandering can be measured.
BLOCKS: Final = 8
# Bends of what warmth does that the second stage learns (`models.bends`).
BENDS: Final = 3
# What the lagged environment remembers: air (or deck) temperature, humidity, rain, load.
LAGGED: Final = 4
# Hours of a day, and those of a weekday and of a day of the weekend, of which a counter's usual counts are known.
DAY_HOURS: Final = 24
LOAD_HOURS: Final = 2 * DAY_HOURS
# Sums of a day: of a frequency's values and how many they are, and the same of its asset's temperature.
DAY_SUMS: Final = 6
# Daily severities that the prognosis looks back on: today and sixteen weeks.
PAST_DAYS: Final = 113


class Layout(NamedTuple):
    """One column: `shape` is what comes behind the axis, `fill` what every row starts with.

    Of type `object` are bytes, of any length in each row.
    """

    axis: str
    dtype: type[np.generic | object]
    shape: tuple[int, ...]
    fill: float | bytes


LAYOUT: Final[dict[str, Layout]] = {
    "started_ns": Layout("asset", np.int64, (), 0),
    "stepped_ns": Layout("asset", np.int64, (), 0),
    "driver_value": Layout("asset", np.float64, (len(DRIVERS),), 0),
    "driver_ns": Layout("asset", np.int64, (len(DRIVERS),), 0),
    "lagged": Layout("asset", np.float64, (LAGGED,), np.nan),
    "warm_hours": Layout("asset", np.float32, (DAY_HOURS,), np.nan),
    "climate_low": Layout("asset", np.float64, (), np.nan),
    "climate_high": Layout("asset", np.float64, (), np.nan),
    "hours_level": Layout("shaken", np.float64, (), 0),
    "hours_mean": Layout("shaken", np.float32, (LOAD_HOURS,), 0),
    "hours_values": Layout("shaken", np.uint8, (LOAD_HOURS,), 0),
    "hours_use": Layout("shaken", np.int8, (), 0),
    "load_usual": Layout("asset", np.float32, (LOAD_HOURS,), np.nan),
    "load_hours": Layout("asset", np.float32, (LOAD_HOURS,), 0),
    "load_doubt": Layout("asset", np.float32, (), 0),
    "doubted_ns": Layout("asset", np.int64, (), 0),
    "onsets_per_year": Layout("asset", np.float64, (), 0.1),
    "fleet_shown": Layout("asset", np.float64, (2,), 0),
    "life_stretch": Layout("asset", np.float64, (), 1),
    "heard_ns": Layout("channel", np.int64, (), 0),
    "missed_ns": Layout("channel", np.int64, (), 0),
    "last_value": Layout("channel", np.float64, (), 0),
    "same_since_ns": Layout("channel", np.int64, (), 0),
    "same_count": Layout("channel", np.int32, (), 0),
    "still_spells": Layout("channel", np.float32, (), 0),
    "stuck_ns": Layout("channel", np.int64, (), 0),
    "silent_ns": Layout("channel", np.int64, (), 0),
    "sensor_silent_ns": Layout("channel", np.int64, (), 0),
    "lost_ns": Layout("channel", np.int64, (), 0),
    "sensor_lost_ns": Layout("channel", np.int64, (), 0),
    "spoken_ns": Layout("channel", np.int64, (), 0),
    "gap_share": Layout("channel", np.float32, (), 0),
    "gap_count": Layout("channel", np.float32, (), 0),
    "gaps_ns": Layout("channel", np.int64, (), 0),
    "recent": Layout("channel", np.float64, (2,), np.nan),
    "recent_ns": Layout("channel", np.int64, (), 0),
    "usual_change": Layout("channel", np.float64, (), np.nan),
    "changes": Layout("channel", np.int32, (), 0),
    "roughness": Layout("channel", np.float64, (), 1),
    "spikes": Layout("channel", np.float64, (), 0),
    "noisy_ns": Layout("channel", np.int64, (), 0),
    "spiky_ns": Layout("channel", np.int64, (), 0),
    "passed": Layout("channel", np.float32, (), 0),
    "range_end": Layout("channel", np.float32, (), np.nan),
    "end_visits": Layout("channel", np.int8, (), 0),
    "beside_end": Layout("channel", np.float32, (3,), 0),
    "clipped_share": Layout("channel", np.float32, (), 0),
    "clipping_ns": Layout("channel", np.int64, (), 0),
    "miscount_ns": Layout("channel", np.int64, (), 0),
    "good_value": Layout("channel", np.float64, (), 0),
    "good_ns": Layout("channel", np.int64, (), 0),
    "has_explained": Layout("channel", np.bool_, (), 0),
    "mistake": Layout("channel", np.int8, (), -1),
    "mistaken_ns": Layout("channel", np.int64, (), 0),
    "mistake_ns": Layout("channel", np.int64, (), 0),
    "beyond_ns": Layout("channel", np.int64, (), 0),
    "impossible_ns": Layout("channel", np.int64, (), 0),
    "busiest": Layout("channel", np.float64, (), 0),
    "calmest": Layout("channel", np.float64, (), np.nan),
    "busy_values": Layout("channel", np.int32, (), 0),
    "slow": Layout("channel", np.float64, (), np.nan),
    "slow_ns": Layout("channel", np.int64, (), 0),
    "reference": Layout("channel", np.float64, (), 0),
    "like_reference": Layout("channel", np.float64, (), 0),
    "reference_days": Layout("channel", np.int32, (), 0),
    "apart": Layout("channel", np.float64, (), 0),
    "like_moved": Layout("channel", np.float64, (), 0),
    "stirred": Layout("channel", np.float64, (2,), 0),
    "apart_ns": Layout("channel", np.int64, (), 0),
    "drift_ns": Layout("channel", np.int64, (), 0),
    "opposed_ns": Layout("channel", np.int64, (), 0),
    "opposed_last_ns": Layout("channel", np.int64, (), 0),
    "opposed_way": Layout("channel", np.int8, (), 0),
    "opposed_alarm_ns": Layout("channel", np.int64, (), 0),
    "coefficients": Layout("judged", np.float64, (len(REGRESSORS),), 0),
    "covariance": Layout("judged", np.float64, (triangle_length(len(REGRESSORS)),), 0),
    "noise": Layout("judged", np.float64, (), 0),
    "behind": Layout("judged", np.float64, (), 0),
    "far_off_ns": Layout("judged", np.int64, (), 0),
    "scale": Layout("judged", np.float64, (), np.nan),
    "updated_ns": Layout("judged", np.int64, (), 0),
    "count": Layout("judged", np.int32, (), 0),
    "block_value": Layout("judged", np.float64, (BLOCKS,), 0),
    "block_regressors": Layout("judged", np.float32, (BLOCKS, len(REGRESSORS) - 1), 0),
    "offset": Layout("judged", np.float64, (), 0),
    "duty": Layout("judged", np.float64, (2,), np.nan),
    "duty_ns": Layout("judged", np.int64, (), 0),
    "before_works": Layout("judged", np.float64, (), np.nan),
    "put_back_ns": Layout("judged", np.int64, (), 0),
    "eased": Layout("judged", np.bool_, (), 0),
    "settle": Layout("judged", np.int32, (), 0),
    "works_since_ns": Layout("judged", np.int64, (), 0),
    "works_values": Layout("judged", np.int32, (), 0),
    "works_step": Layout("judged", np.float64, (), 0),
    "fault": Layout("judged", np.int8, (), -1),
    "fault_ns": Layout("judged", np.int64, (), 0),
    "fault_ended_ns": Layout("judged", np.int64, (), 0),
    "odd_ns": Layout("judged", np.int64, (), 0),
    "odd_share": Layout("judged", np.float64, (), 0),
    "forgiven": Layout("judged", np.float64, (), 0),
    "shock_start": Layout("judged", np.float64, (), np.nan),
    "weather_start": Layout("judged", np.float64, (), np.nan),
    "shock": Layout("judged", np.float64, (), 0),
    "residual": Layout("judged", np.float64, (), np.nan),
    "residual_sd": Layout("judged", np.float64, (), np.nan),
    "stands_out": Layout("judged", np.bool_, (), 0),
    "long_share": Layout("judged", np.float64, (), np.nan),
    "settled": Layout("judged", np.float64, (), 0),
    "settled_days": Layout("judged", np.float64, (), 0),
    "settled_square": Layout("judged", np.float64, (), 0),
    "harm_recent": Layout("judged", np.float64, (), np.nan),
    "harm_peak": Layout("judged", np.float64, (), 0),
    "harm_healed": Layout("judged", np.float64, (), 0),
    "bend_felt": Layout("asset", np.float64, (BENDS,), np.nan),
    "bend_start": Layout("judged", np.float64, (BENDS,), np.nan),
    "bend_slow": Layout("judged", np.float64, (BENDS,), np.nan),
    "bend_level": Layout("judged", np.float64, (), np.nan),
    "bend_effect": Layout("judged", np.float64, (BENDS,), 0),
    "bend_learnt": Layout("judged", np.float64, (triangle_length(BENDS),), 0),
    "bend_error": Layout("judged", np.float64, (), np.nan),
    "bent": Layout("judged", np.float64, (), 0),
    "placed": Layout("judged", np.float64, (), 0),
    "severity_weight": Layout("judged", np.float64, (), 0),
    "deviation": Layout("judged", np.float64, (), np.nan),
    "deviation_sd": Layout("judged", np.float64, (), np.nan),
    "distance": Layout("judged", np.float64, (), np.nan),
    "measured": Layout("judged", np.float64, (), np.nan),
    "expected": Layout("judged", np.float64, (), np.nan),
    "spread": Layout("judged", np.float64, (), np.nan),
    "evidence": Layout("pair", np.float64, (), 0),
    "strength": Layout("pair", np.float64, (), 0),
    "since_ns": Layout("pair", np.int64, (), 0),
    "raised_ns": Layout("pair", np.int64, (), 0),
    "calm_ns": Layout("pair", np.int64, (), 0),
    "evidence_ns": Layout("pair", np.int64, (), 0),
    "resumed_ns": Layout("pair", np.int64, (), 0),
    "severity": Layout("pair", np.float64, (), np.nan),
    "severity_sd": Layout("pair", np.float64, (), np.nan),
    "agreeing": Layout("pair", np.int32, (), 0),
    "is_agreed": Layout("pair", np.bool_, (), 0),
    "other_mode": Layout("pair", np.int8, (), 0),
    "severity_past": Layout("pair", np.float64, (PAST_DAYS,), 0),
    "doubt": Layout("pair", np.float64, (), 0),
    "verdicts": Layout("pair", np.int32, (4,), 0),
    "scatter": Layout("pair", np.float64, (), 1),
    "day_number": Layout("frequency", np.int64, (), 0),
    "day_sums": Layout("frequency", np.float64, (DAY_SUMS,), 0),
    "renewed_ns": Layout("frequency", np.int64, (), 0),
    "change_memory": Layout("frequency", np.object_, (), b""),
    "damp_memory": Layout("frequency", np.object_, (), b""),
    "damp": Layout("frequency", np.float64, (), np.nan),
    "damp_day": Layout("frequency", np.int64, (), 0),
    "change_begun_ns": Layout("frequency", np.int64, (), 0),
    "change_driver": Layout("frequency", np.int8, (), -1),
    "change_day": Layout("frequency", np.int64, (), 0),
    "change_ns": Layout("frequency", np.int64, (), 0),
    "rising_ns": Layout("frequency", np.int64, (), 0),
    "change": Layout("frequency", np.float64, (), np.nan),
    "change_sd": Layout("frequency", np.float64, (), np.nan),
    "change_novelty": Layout("frequency", np.float64, (), 0),
}
COLUMNS: Final[tuple[str, ...]] = tuple(LAYOUT)
# What the second stage and people's decisions write, and the first stage never reads (`models.fleet`).
FLEET_COLUMNS: Final[tuple[str, ...]] = (
    "onsets_per_year",
    "fleet_shown",
    "life_stretch",
    "reference",
    "like_reference",
    "reference_days",
    "apart",
    "like_moved",
    "stirred",
    "apart_ns",
    "drift_ns",
    "opposed_ns",
    "opposed_last_ns",
    "opposed_way",
    "opposed_alarm_ns",
    "forgiven",
    "shock_start",
    "weather_start",
    "shock",
    "residual",
    "residual_sd",
    "stands_out",
    "long_share",
    "settled",
    "settled_days",
    "settled_square",
    "harm_recent",
    "harm_peak",
    "harm_healed",
    "bend_felt",
    "bend_start",
    "bend_slow",
    "bend_level",
    "bend_effect",
    "bend_learnt",
    "bend_error",
    "bent",
    "placed",
    "severity_weight",
    *(name for name, layout in LAYOUT.items() if layout.axis == "pair"),
    "change_memory",
    "damp_memory",
    "damp",
    "damp_day",
    "change_begun_ns",
    "change_driver",
    "change_day",
    "change_ns",
    "rising_ns",
    "change",
    "change_sd",
    "change_novelty",
)


def axis_of(column: str) -> str:
    """Tell which axis of the catalogue a column of the state runs along."""
    return LAYOUT[column].axis
