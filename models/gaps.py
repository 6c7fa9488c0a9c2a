"""Sensors that come and go: one alarm that says which share of its time a sensor misses.

A loose plug, a weak radio link or a tired battery lets a sensor speak for hours and miss others. Told as silence
that is an alarm and its end many times a month, or none at all where no gap is long. Here the gaps are counted: time
that no reading of the sensor covers, where each covers one interval. A *gap* is more than half an interval of it, and
never less than half a hop. The sensor *comes and goes* once three or four gaps within about two days of hourly values
leave out a tenth of the time; that ends once they have faded, about three and a half days after the last. Of a machine
that is time at work.

- Readings come a moment before or behind the hour, so that one hop has two of them and the next none: what one has
  too many, up to an interval, counts for its neighbours.
- What is felt on a machine may rest with it. Of a sensor that measures nothing else only the time counts that the
  machine worked unheard, and only where that is more than two hours or intervals.
- Values behind a gap are not compared with those before it (`models.watch`): they lie further apart without being
  noisy.

While a sensor comes and goes, silence of less than three days is part of it and no alarm of its own. Cost: 0.2 µs a
sensor in each hop, a fifteenth of the step.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from domain.arrays import BoolArray, FeatureTable
from domain.records import Reason
from models.alarms import AlarmChange, turn_alarms
from models.catalogue import Catalogue
from models.memory import ModelState, scatter, with_columns

__all__ = ["count_gaps"]

# Gaps and the share they take fade within so many intervals.
_MEMORY: Final = 48.0
# Three gaps close to each other, four further apart: they fade.
_GAPS: Final = 2.5
_SHARE: Final = 0.1
# However many there were, they fade as four do.
_MOST_GAPS: Final = 4.0
_NO_GAPS: Final = 0.7
# What a machine may have worked before a sensor on it speaks, in intervals.
_GRACE: Final = 2


def count_gaps(
    catalogue: Catalogue, state: ModelState, features: FeatureTable, *, heard: BoolArray, resting: BoolArray
) -> tuple[ModelState, list[AlarmChange]]:
    """Look for the gaps that end with this hop.

    Parameters
    ----------
    state : ModelState
        With `missed_ns` as it was before this hop.
    heard : bool[C]
        Channels with a valid value in this hop.
    resting : bool[C]
        Channels that may be silent while their machine rests.

    Returns
    -------
    ModelState
        With new `spoken_ns`, `gap_count`, `gap_share` and `gaps_ns`, each on the first channel of a sensor; what a
        channel said before a gap that has ended is forgotten in `recent`.
    list of AlarmChange
        `data.gaps`, raised and cleared, by sensor.
    """
    first = catalogue.sensor_of_channel
    heads = np.flatnonzero(first == np.arange(len(first)))
    sensor, asset = np.searchsorted(heads, first), catalogue.asset_of_channel[heads]
    start_ns, hop_ns, end_ns = features.start_ns[asset], features.hop_ns[asset], features.end_ns[asset]
    steady = ~catalogue.is_found & ~resting
    is_steady = np.bincount(sensor, weights=steady, minlength=len(heads)) > 0
    counts = np.flatnonzero(np.where(is_steady[sensor], steady, ~catalogue.is_found))

    interval_ns, missed_ns = hop_ns.copy(), np.zeros(len(heads), np.int64)
    interval_ns[sensor[counts]] = catalogue.interval_ns[counts]
    np.minimum.at(interval_ns, sensor[counts], catalogue.interval_ns[counts])
    np.maximum.at(missed_ns, sensor[counts], state.missed_ns[counts])
    readings = np.zeros(len(heads), np.int64)
    np.maximum.at(readings, sensor[counts], np.where(heard, np.maximum(features.count, 1), 0)[counts])
    longest_ns = np.maximum(interval_ns, hop_ns)
    # More readings than fill the hop twice say nothing more.
    covered_ns = np.minimum(readings, 2 * (longest_ns // interval_ns + 1)) * interval_ns

    speaks, spoken_ns = readings > 0, state.spoken_ns[heads]
    surplus_ns = np.clip(covered_ns - hop_ns, 0, np.minimum(interval_ns, hop_ns))
    from_ns = np.maximum(spoken_ns, start_ns - surplus_ns)
    unheard_ns = np.where(is_steady, from_ns - spoken_ns, missed_ns)
    least_ns = np.where(is_steady, longest_ns // 2, _GRACE * longest_ns)
    ended = speaks & (spoken_ns > 0) & (unheard_ns > least_ns)
    gap_ns = np.where(ended, unheard_ns, 0)
    elapsed_ns = gap_ns + longest_ns
    faded = np.where(speaks, np.exp(-elapsed_ns / (_MEMORY * longest_ns)), 1.0)
    share = state.gap_share[heads] * faded + gap_ns / elapsed_ns * (1.0 - faded)
    count = np.minimum(state.gap_count[heads] * faded + ended, _MOST_GAPS)
    raised_ns = state.gaps_ns[heads]
    wanted = np.where(raised_ns > 0, count >= _NO_GAPS, (count >= _GAPS) & (share >= _SHARE))

    def why(place: int) -> Reason:
        return Reason("sensor_gaps", {"share": round(float(share[place]), 2)})

    gaps_ns, changes = turn_alarms(catalogue, heads, end_ns, "data.gaps", raised_ns, wanted, why, is_whole=True)
    spoken_ns = np.where(speaks, np.clip(from_ns + covered_ns, end_ns, end_ns + interval_ns), spoken_ns)
    recent = np.where(ended[sensor][:, np.newaxis], np.nan, state.recent) if ended.any() else state.recent
    state = with_columns(
        state,
        recent=recent,
        spoken_ns=scatter(state.spoken_ns, heads, spoken_ns),
        gap_share=scatter(state.gap_share, heads, share),
        gap_count=scatter(state.gap_count, heads, count),
        gaps_ns=scatter(state.gaps_ns, heads, gaps_ns),
    )
    return state, changes
