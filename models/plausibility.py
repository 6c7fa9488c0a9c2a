"""Values that no structure can give: found, named, repaired where that is certain, else held back.

A channel is compared with its own running level at this environment, so that damage that has grown is no fault. A
value is *odd* when it lies further off than a structure goes within an hour: one and a half times the whole way to
failure, and six standard deviations.

- *units*: odd by a factor that instruments and gateways make (a thousand, g against m/s², or a unit of the same
  quantity, as radians for degrees). It is divided out; where that brings back digits that were never sent (a
  thousandth), the value is named and held all the same. What is measured in Celsius is taken for Fahrenheit where that
  fits and it is 15 K off: far less than what is odd. So is a sign that turned, as of a tilt meter mounted the other way
  round, from a quarter of the way to failure on.
- *implausible*: odd otherwise, once commissioned: before that only a factor is certain enough. Held back; after two
  weeks it is believed all the same unless it is more than three times the way to failure, because a structure may
  break; and after six hours where another sensor of the same failure mode is odd too, because then it probably has.
  Mistakes of instruments end within days or weeks, and a level that has followed one leaves another step behind.

From the first value that a wrong unit explains, and while that has its name, for the same two weeks, other quantities
of the sensor are doubted too: a gateway that is set up wrongly seldom mistakes one of them alone, and Fahrenheit on a
drive looks like wear. What is further off than a quarter of the way to failure is held back without a name of its own.

What brings a level back that stood far away from harm is no fault: an instrument that was loose is mended
(`models.lost_sensitivity`).

How far weather may take a value is asked until there is a name: a fault goes on from then though the first frost makes
anything possible, else the wrong unit would be learnt as what frost does.

A fault is named when it has lasted for six hours, and ends with a day without a sign of it; a single spike is held back
without a word (`models.watch` counts them). One that is back within two weeks of its end takes a week without a sign to
end, and its name stays until nearly all its odd values say another, so that what comes and goes is one alarm. Under
announced works a fault must last a day to be named: machines shake a road in working hours, every weekday anew. So must
what shakes up to twenty times as much, or is off by a factor that is less than what is odd otherwise: nobody announced
storms and some works, and they made dozens of sound bridges read in another unit. No fault is ever evidence about the
structure, and none lowers a risk: what is held is an old value with its age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from domain.arrays import BoolArray, FloatArray, TimeArray
from domain.records import Reason
from models.alarms import AlarmChange, change_about, since_when
from models.catalogue import HOUR_NS, Catalogue
from models.deviation import Expectation, in_unit
from models.linking import any_of
from models.lost_sensitivity import was_away_from_harm
from models.memory import ModelState, scatter, with_columns
from models.unit_mistakes import FACTORS, LOG_FACTORS, OF_ANY, TURNED

__all__ = ["FAULTS", "NEVER_DISTANCES", "Screened", "is_repaired", "may_speak", "screen"]

FAULTS: Final[tuple[str, ...]] = ("sensor.units", "sensor.implausible")
_UNITS, _IMPLAUSIBLE = range(len(FAULTS))

_ODD_DISTANCES: Final = 1.5
NEVER_DISTANCES: Final = 3.0
_ODD_SCORE: Final = 6.0
_NAMED_NS: Final = 6 * HOUR_NS
_NAMED_AFTER_EVENTS_NS: Final = 24 * HOUR_NS
# Storms and works shake a structure by less than twenty times the usual, and not for a day and a night.
_MOST_SHAKEN: Final = float(np.log(20.0))
_BELIEVED_NS: Final = 14 * 24 * HOUR_NS
# How far off a quantity is doubted beside one in a wrong unit, in ways to failure.
_DOUBTED_DISTANCES: Final = 0.25
_CALM_NS: Final = 24 * HOUR_NS
# A fault that is back so soon after its end is the same one, and takes so long to end.
_BACK_NS: Final = 14 * 24 * HOUR_NS
_BACK_CALM_NS: Final = 7 * 24 * HOUR_NS
# How much one odd value moves the share of those that a factor explains, and the shares at which a name is changed.
_SHARE_STEP: Final = 1.0 / 8.0
_SHARE_EVEN: Final = 0.5
_SHARE_CHANGES: Final = 0.25
# How near its healthy value, in ways to failure, a value is that brings a loose instrument back.
_NORMAL_DISTANCES: Final = 0.5
# A thermometer's factor and offset, and what it must be off by before that is looked for: K, and standard deviations
# that it may be off by afterwards.
_FAHRENHEIT: Final = (1.8, 32.0)
_FAHRENHEIT_OFF: Final = 15.0
_NEAR_SCORE: Final = 3.0
# How much of the way to failure a sign that turned must move a value before it is looked for: what an instrument may do
# by itself (`models.thresholds`) is not asked about.
_TURNED_OFF: Final = 0.25
# How near its opposite the first such value must be, as a share of what it moved by.
_TURNED_SURE: Final = 0.1
# How far from the running level a value may be once the factor is out: a share of the way to failure.
_FACTOR_TOLERANCE: Final = 0.5
# How near it must be where it moved by no more than the way to failure, so that damage of an hour is not taken for it,
# and by a factor of its unit's quantity, of which there are more.
_FACTOR_SURE: Final = 0.25
# And, where the model works with the value itself, a share of the level.
_FACTOR_SHARE: Final = 0.3


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """What is left of a hop's values.

    Attributes
    ----------
    value : float64[R]
        In the model's unit, repaired.
    believed : bool[R]
        False where the value is held back.
    changes : list of AlarmChange
        Faults named and cleared, by row.
    """

    value: FloatArray
    believed: BoolArray
    changes: list[AlarmChange]


def is_repaired(state: ModelState) -> BoolArray:
    """bool[J]: tell which channels have an open fault that is divided out."""
    return np.asarray(state.fault == _UNITS)


def may_speak(state: ModelState, at_ns: TimeArray) -> BoolArray:
    """bool[J]: tell which channels may be evidence: with no open fault, or one divided out, or gone for a day.

    Parameters
    ----------
    at_ns : int64[J]
        Until when values were looked at.
    """
    calm = (state.odd_ns < 0) & (at_ns + state.odd_ns >= _CALM_NS)
    return np.asarray((state.fault_ns == 0) | is_repaired(state) | calm)


def screen(
    catalogue: Catalogue,
    state: ModelState,
    value: FloatArray,
    rows: npt.NDArray[np.intp],
    *,
    expectation: Expectation,
    end_ns: TimeArray,
    at_work: BoolArray,
    is_explained: BoolArray,
) -> tuple[ModelState, Screened]:
    """Look at one hop's values of some judged channels before anything learns from them.

    Parameters
    ----------
    value : float64[R]
        In the model's unit.
    rows : intp[R]
        Rows of judged channels.
    end_ns : int64[R]
        End of the hop.
    at_work : bool[R]
        True under announced works, where it takes a day to be named.
    is_explained : bool[R]
        False where something that explains the value is not known in this hop, so that its expectation is far away.

    Returns
    -------
    ModelState
        With new `fault`, `fault_ns`, `fault_ended_ns`, `odd_ns` and `odd_share`.
    Screened
    """
    channel = catalogue.judged[rows]
    looked = _look(catalogue, state, value, rows, expectation=expectation, at_work=at_work, is_explained=is_explained)
    odd, repaired, far, distance = looked.odd, looked.repaired, looked.far, looked.distance
    since = state.odd_ns[rows]
    odd_ns = since_when(odd, since, end_ns)
    lasting = end_ns - np.abs(odd_ns)
    patience = np.where(_others_odd(catalogue, rows, odd & ~repaired), _NAMED_NS, _BELIEVED_NS)
    held = odd & ~repaired & ((lasting < patience) | (far > NEVER_DISTANCES * distance))
    begun = any_of(catalogue.sensor_of_channel[catalogue.judged[rows]], repaired & (state.fault[rows] < 0))
    beside = begun | _beside_wrong_unit(catalogue, state, rows, end_ns)
    doubted = ~odd & (far > _DOUBTED_DISTANCES * distance) & beside

    begins = odd & (since <= 0) & (state.fault[rows] < 0)
    share = np.where(begins, _SHARE_EVEN, state.odd_share[rows])
    share = np.where(odd, share + (repaired - share) * _SHARE_STEP, share)
    is_shaken = catalogue.is_log[channel] & looked.is_above & (far < _MOST_SHAKEN)
    may_be_event = at_work | is_shaken | ((far <= _ODD_DISTANCES * distance) & ~looked.is_fahrenheit)
    lasts = odd & (lasting >= np.where(may_be_event, _NAMED_AFTER_EVENTS_NS, _NAMED_NS))
    fault = _named(state, rows, odd=lasts, repaired=repaired, held=held, share=share)
    # A good value among bad ones does not end a fault; a day of them does, or a week.
    is_back = (state.fault_ended_ns[rows] > 0) & (state.fault_ns[rows] - state.fault_ended_ns[rows] < _BACK_NS)
    ends = ~odd & (lasting >= np.where(is_back, _BACK_CALM_NS, _CALM_NS))
    fault = np.where(ends, -1, fault).astype(np.int8)
    changed = fault != state.fault[rows]
    changes = [
        change
        for place in np.flatnonzero(changed).tolist()
        for change in _changes(
            catalogue,
            state,
            row=int(rows[place]),
            fault=int(fault[place]),
            at_ns=int(end_ns[place]),
            facts=_facts(catalogue, channel[place], looked.value[place], looked.running[place], looked.factor[place]),
        )
    ]
    fault_ns = np.where(changed, np.where(fault >= 0, end_ns, 0), state.fault_ns[rows])
    ended_ns = np.where(changed & (fault < 0), end_ns, state.fault_ended_ns[rows])
    state = with_columns(
        state,
        fault=scatter(state.fault, rows, fault),
        fault_ns=scatter(state.fault_ns, rows, fault_ns),
        fault_ended_ns=scatter(state.fault_ended_ns, rows, ended_ns),
        odd_ns=scatter(state.odd_ns, rows, odd_ns),
        odd_share=scatter(state.odd_share, rows, share),
    )
    tells_little = repaired & (np.abs(looked.factor) < 1.0)
    return state, Screened(looked.value, ~held & ~doubted & ~tells_little, changes)


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """What one hop's values are beside what was expected of each: R of them.

    Attributes
    ----------
    value : float64[R]
        As measured, or what it is in the right unit.
    running : float64[R]
        What was expected of it as its level runs.
    far, distance : float64[R]
        How far the value as measured is from that, and how far away failure is.
    is_above : bool[R]
        The value as measured is above it.
    odd, repaired, is_fahrenheit : bool[R]
        No sound value lies there; a factor explains it, and that of Fahrenheit does.
    factor : float64[R]
        The factor that explains it; 0 for none.
    """

    value: FloatArray
    running: FloatArray
    far: FloatArray
    distance: FloatArray
    is_above: BoolArray
    odd: BoolArray
    repaired: BoolArray
    is_fahrenheit: BoolArray
    factor: FloatArray


def _look(
    catalogue: Catalogue,
    state: ModelState,
    value: FloatArray,
    rows: npt.NDArray[np.intp],
    *,
    expectation: Expectation,
    at_work: BoolArray,
    is_explained: BoolArray,
) -> _Looked:
    """Tell which values are odd, by themselves, and which of them another unit explains.

    Parameters
    ----------
    at_work : bool[R]
        Where announced works last: their values tell neither Fahrenheit nor a turned sign.
    is_explained : bool[R]
        Where all that explains the value is known, so that it may tell Fahrenheit.
    """
    channel = catalogue.judged[rows]
    known = np.isfinite(expectation.expected) & (state.settle[rows] == 0)
    commissioned = np.isfinite(state.deviation[rows])
    running = np.where(known, expectation.expected + np.nan_to_num(state.deviation[rows]), value)
    # Before there is a commissioned level, priors go by a distance already.
    distance = np.where(commissioned, state.distance[rows], state.scale[rows])
    distance = np.where(known, distance, np.inf)
    spread = np.where(known, expectation.spread, np.inf)
    # A logarithm has no sign, and no thermometer's turns.
    may_turn = ~catalogue.is_log[channel] & ~catalogue.is_celsius[channel]
    factor, near = _factor(catalogue.mistaken[channel], catalogue.is_log[channel], may_turn, value, running, distance)
    is_sure = (near < _FACTOR_SURE * distance) | (state.fault[rows] == _UNITS)
    far = np.abs(value - running)
    # The first frost, or traffic never met, widens what a sound value may be, but ends no fault that has its name.
    is_far = (far > _ODD_SCORE * spread) | (state.fault[rows] >= 0)
    celsius = (value - _FAHRENHEIT[1]) / _FAHRENHEIT[0]
    is_fahrenheit = is_explained & ~at_work & is_far & catalogue.is_celsius[channel] & (far > _FAHRENHEIT_OFF)
    is_fahrenheit &= np.abs(celsius - running) < _NEAR_SCORE * spread
    off_turned = np.abs(TURNED * value - running)
    # A structure that moved may come to lie there too: at first it must be so to a tenth. Then it is enough that the
    # turned value fits, and better: by night, when little load is on it, both lie near 0.
    # By its own noise: the running level follows what nobody measures. Without a thermometer anything is within reach.
    begins = far > np.maximum(_TURNED_OFF * distance, _ODD_SCORE * np.sqrt(state.noise[rows]))
    begins &= off_turned < _TURNED_SURE * far
    goes_on = (state.odd_ns[rows] > 0) & (state.odd_share[rows] > _SHARE_EVEN) | (state.fault[rows] == _UNITS)
    is_turned = ~at_work & may_turn & commissioned & (begins | goes_on & (off_turned < far))
    is_turned &= off_turned < _NEAR_SCORE * spread
    odd = (far > _ODD_DISTANCES * distance) & (commissioned | (factor != 0.0))
    odd = (odd | ((far > distance) & (factor != 0.0) & is_sure)) & is_far
    odd |= is_fahrenheit | is_turned
    factor = np.where(is_fahrenheit, _FAHRENHEIT[0], np.where(is_turned, TURNED, factor))
    is_normal = known & (np.abs(value - expectation.expected) < _NORMAL_DISTANCES * distance)
    odd &= ~(is_normal & was_away_from_harm(catalogue, state)[rows])
    repaired = odd & (factor != 0.0)
    right = np.where(is_fahrenheit, celsius, _without(catalogue.is_log[channel], value, factor))
    return _Looked(
        value=np.where(repaired, right, value),
        running=running,
        far=far,
        distance=distance,
        is_above=value > running,
        odd=odd,
        repaired=repaired,
        is_fahrenheit=is_fahrenheit,
        factor=factor,
    )


def _named(
    state: ModelState,
    rows: npt.NDArray[np.intp],
    *,
    odd: BoolArray,
    repaired: BoolArray,
    held: BoolArray,
    share: FloatArray,
) -> npt.NDArray[np.int8]:
    """int8[R]: give the name of each fault that is open or begins, by what most of its odd values say.

    Parameters
    ----------
    odd : bool[R]
        True where the value is odd, and has been for as long as it takes to be named.
    repaired, held : bool[R]
        Whether a factor explains this value, and whether it is held back without one.
    share : float64[R]
        How many of the odd values of late a factor explains, 0 to 1.
    """
    before = state.fault[rows]
    of_units = np.where(before == _IMPLAUSIBLE, 1.0 - _SHARE_CHANGES, _SHARE_EVEN)
    of_implausible = np.where(before == _UNITS, _SHARE_CHANGES, _SHARE_EVEN)
    chosen = [odd & repaired & (share >= of_units), odd & held & (share < of_implausible)]
    return np.select(chosen, [_UNITS, _IMPLAUSIBLE], before).astype(np.int8)


def _beside_wrong_unit(
    catalogue: Catalogue, state: ModelState, rows: npt.NDArray[np.intp], end_ns: TimeArray
) -> BoolArray:
    """bool[R]: tell whose sensor has had another quantity in a wrong unit, by name, for less than two weeks."""
    sensor = catalogue.sensor_of_channel[catalogue.judged]
    wrong = np.flatnonzero(state.fault == _UNITS)
    since_ns = np.zeros(len(catalogue.channels), np.int64)
    np.maximum.at(since_ns, sensor[wrong], state.fault_ns[wrong])
    since_ns = since_ns[sensor[rows]]
    return np.asarray((since_ns > 0) & (end_ns - since_ns < _BELIEVED_NS) & (state.fault[rows] != _UNITS))


def _others_odd(catalogue: Catalogue, rows: npt.NDArray[np.intp], odd: BoolArray) -> BoolArray:
    """bool[R]: tell whose failure mode another sensor shows odd values of in the same hop."""
    pair = catalogue.pair_of_judged[rows].astype(np.int64)
    sensor = catalogue.sensor_of_channel[catalogue.judged[rows]].astype(np.int64)
    sensors = np.unique(np.stack([pair[odd], sensor[odd]]), axis=1)[0]
    count = np.bincount(sensors, minlength=len(catalogue.pair_asset))
    return np.asarray(odd & (count[pair] > 1))


def _factor(
    unit: npt.NDArray[np.int8],
    is_log: BoolArray,
    may_turn: BoolArray,
    value: FloatArray,
    running: FloatArray,
    distance: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """float64[R] twice: the factor of a wrong unit that explains each value best, 0 for none, and how far off it is."""
    factors, logs = FACTORS[unit], is_log[:, np.newaxis]
    with np.errstate(divide="ignore", invalid="ignore"):
        right = np.where(logs, value[:, np.newaxis] - LOG_FACTORS[unit], value[:, np.newaxis] / factors)
        # A factor tells nothing of a value near 0: what it moves must be more than what may be odd.
        moved = np.where(logs, np.inf, np.abs(running[:, np.newaxis]) * np.abs(factors - 1.0))
    off = np.abs(right - running[:, np.newaxis])
    off = np.where(np.isfinite(factors) & (moved > distance[:, np.newaxis]), off, np.inf)
    off[:, -1] = np.where(may_turn, off[:, -1], np.inf)
    every, best = np.arange(len(value)), np.argmin(off, axis=-1)
    nearest, found = off[every, best], factors[every, best]
    # Divided by a million everything is near 0, and so may be the level.
    near = is_log | (nearest < _FACTOR_SHARE * np.abs(running))
    is_of_unit = (best >= OF_ANY) & (found != TURNED)
    fits = (nearest < np.where(is_of_unit, _FACTOR_SURE, _FACTOR_TOLERANCE) * distance) & near
    return np.where(fits & np.isfinite(distance), found, 0.0), nearest


def _without(is_log: BoolArray, value: FloatArray, factor: FloatArray) -> FloatArray:
    safe = np.where(factor != 0.0, factor, 1.0)
    return np.where(is_log, value - np.log(np.abs(safe)), value / safe)


def _facts(
    catalogue: Catalogue, channel: int, value: float, running: float, factor: float
) -> dict[str, dict[str, str | float | int]]:
    """Give what the sentence of each fault needs beside sensor and channel."""
    is_log = catalogue.is_log[[channel]]
    (measured,), _ = in_unit(is_log, np.array([value]), np.array([0.0]))
    (expected,), _ = in_unit(is_log, np.array([running]), np.array([0.0]))
    return {
        "sensor.units": {"factor": float(f"{factor:.6g}")},
        "sensor.implausible": {
            "measured": float(f"{measured:.6g}"),
            "expected": float(f"{expected:.6g}"),
            "unit": catalogue.units[channel],
        },
    }


def _changes(
    catalogue: Catalogue,
    state: ModelState,
    *,
    row: int,
    fault: int,
    at_ns: int,
    facts: dict[str, dict[str, str | float | int]],
) -> list[AlarmChange]:
    """Clear the fault that was open, and raise the one that is."""
    channel, before = int(catalogue.judged[row]), int(state.fault[row])
    found = []
    if before >= 0:
        raised_ns, again = int(state.fault_ns[row]), Reason("heard_again")
        found.append(change_about(catalogue, channel, FAULTS[before], again, at_ns=at_ns, raised_ns=raised_ns))
    if fault >= 0:
        kind = FAULTS[fault]
        turned = facts[kind].get("factor") == TURNED
        reason = Reason("sensor_turned") if turned else Reason(kind.replace(".", "_"), facts[kind])
        found.append(change_about(catalogue, channel, kind, reason, at_ns=at_ns, raised_ns=0))
    return found
